"""The head of a tagger: its layers, its decoders, its weights."""

import pytest
import torch

from spacy_slavner.layers.torch.tagger import DECODERS, LAYERS, TaggerHead


def make_head(layers: str, decoder: str = "crf", dropout: float = 0.0) -> TaggerHead:
    torch.manual_seed(0)
    head = TaggerHead(layers, decoder, dropout)
    head.build(8, 5)
    return head


@pytest.mark.parametrize("decoder", DECODERS)
@pytest.mark.parametrize("layers", LAYERS)
def test_save_and_load(layers, decoder):
    head = make_head(layers, decoder).eval()
    vectors = torch.randn(7, 8)
    other = TaggerHead(layers, decoder).eval()
    other.load_state_dict(head.state_dict())
    assert head(vectors).shape == (7, 5)
    assert torch.equal(head(vectors), other(vectors))
    other.build(3, 9)
    other.eval().load_state_dict(head.state_dict())
    assert torch.equal(head(vectors), other(vectors))


def test_layers():
    vectors = torch.randn(7, 8)
    linear, tanh, deep = (make_head(layers) for layers in LAYERS)
    torch.testing.assert_close(tanh(vectors), torch.tanh(linear(vectors)))
    hidden = torch.relu(deep.hidden[0](vectors))
    hidden = torch.relu(deep.hidden[3](hidden))
    assert hidden.shape == (7, 512)
    torch.testing.assert_close(deep(vectors), deep.linear(hidden))


@pytest.mark.parametrize("layers", LAYERS)
def test_gradients_are_numeric_gradients(layers):
    head = make_head(layers).double()
    weights = {name: w for name, w in head.named_parameters() if not name.startswith("decoder.")}

    def run(vectors, *values):
        return torch.func.functional_call(head, dict(zip(weights, values, strict=True)), (vectors,))

    vectors = torch.randn(7, 8, dtype=torch.float64, requires_grad=True)
    assert run(vectors, *weights.values()).dtype == torch.float64
    assert torch.autograd.gradcheck(run, (vectors, *weights.values()), fast_mode=True)


@pytest.mark.parametrize("layers", LAYERS)
def test_bf16_agrees_with_fp32(layers):
    head, vectors = make_head(layers), torch.randn(7, 8)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = head(vectors)
    assert found.dtype == torch.float32
    assert not torch.equal(found, head(vectors))
    torch.testing.assert_close(found, head(vectors), atol=0.02, rtol=0.0)


def test_dropout_in_training_only():
    head = make_head("2fc", dropout=0.5)
    vectors = torch.randn(7, 8)
    assert not torch.equal(head(vectors), head(vectors))
    head.eval()
    assert torch.equal(head(vectors), head(vectors))


def test_weights_of_earlier_versions():
    """The decoder was called crf when there was no other."""
    head = make_head("linear")
    earlier = {name.replace("decoder.", "crf."): w for name, w in head.state_dict().items()}
    assert "crf.transitions" in earlier
    other = TaggerHead()
    other.load_state_dict(earlier)
    assert torch.equal(head.decoder.transitions, other.decoder.transitions)


def test_bad_settings_are_refused():
    with pytest.raises(ValueError, match="unknown head"):
        TaggerHead("3fc")
    with pytest.raises(ValueError, match="unknown decoder"):
        TaggerHead("linear", "hmm")
    with pytest.raises(ValueError, match="no layers yet"):
        TaggerHead()(torch.zeros(1, 8))
