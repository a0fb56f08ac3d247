"""BiLSTM, self-attention and the head made of them: shapes, padding, gradients, precision."""

import pytest
import torch

from spacy_slavner.layers.torch.attention import SelfAttention
from spacy_slavner.layers.torch.bilstm import BiLSTM
from spacy_slavner.layers.torch.joint import JointHead
from spacy_slavner.layers.torch.layer_mix import LayerMix

WIDTH = 6
LENGTHS = (5, 1, 3)
MODULES = {
    "bilstm": lambda: BiLSTM(WIDTH, 4),
    "deep bilstm": lambda: BiLSTM(WIDTH, 4, layers=2),
    "attention": lambda: SelfAttention(WIDTH, heads=2, key_width=3, value_width=5),
    "bare attention": lambda: SelfAttention(WIDTH, heads=2, residual=False, norm=False),
    "joint": lambda: JointHead(WIDTH, bilstm=4, attention_heads=3, attention_width=2, linear=7),
}


@pytest.fixture(params=MODULES.values(), ids=MODULES)
def module(request):
    torch.manual_seed(0)
    return request.param().eval()


def batch(padding: float = 0.0, longest: int = 5):
    torch.manual_seed(1)
    rows = [torch.randn(length, WIDTH) for length in LENGTHS]
    vectors = torch.full((len(rows), longest, WIDTH), padding)
    mask = torch.zeros(len(rows), longest, dtype=torch.bool)
    for i, row in enumerate(rows):
        vectors[i, : len(row)], mask[i, : len(row)] = row, True
    return vectors, mask


def test_shapes(module):
    vectors, mask = batch()
    assert module(vectors, mask).shape == (3, 5, module.width)


def test_padding_never_changes_a_result(module):
    vectors, mask = batch()
    expected = module(vectors, mask)
    for other, longer in (batch(padding=50.0), batch(padding=-50.0, longest=9)):
        assert torch.allclose(module(other, longer)[longer], expected[mask], atol=1e-6)
    for i, length in enumerate(LENGTHS):
        alone = module(vectors[i : i + 1, :length], mask[i : i + 1, :length])
        assert torch.allclose(alone[0], expected[i, :length], atol=1e-6)


def test_padding_gets_no_gradient(module):
    vectors, mask = batch()
    vectors.requires_grad_()
    module(vectors, mask)[mask].pow(2).sum().backward()
    assert (vectors.grad[~mask] == 0).all() and (vectors.grad[mask] != 0).any(1).all()


def test_gradients_are_numeric_gradients(module):
    module.double()
    vectors, mask = batch()
    vectors = vectors.double().requires_grad_()
    parameters = dict(module.named_parameters())

    def run(vectors, *values):
        values = dict(zip(parameters, values, strict=True))
        return torch.func.functional_call(module, values, (vectors, mask))[mask]

    torch.autograd.gradcheck(run, (vectors, *parameters.values()), fast_mode=True)


def test_bf16_agrees_with_fp32(module):
    vectors, mask = batch()
    expected = module(vectors, mask)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = module(vectors, mask).float()
    assert torch.allclose(found[mask], expected[mask], atol=0.05)


def test_bilstm_equals_packed_sequences():
    torch.manual_seed(0)
    ours, theirs = BiLSTM(WIDTH, 4), torch.nn.LSTM(WIDTH, 4, batch_first=True, bidirectional=True)
    for name, value in ours.forwards[0].named_parameters():
        getattr(theirs, name).data.copy_(value)
    for name, value in ours.backwards[0].named_parameters():
        getattr(theirs, f"{name}_reverse").data.copy_(value)
    vectors, mask = batch()
    packed = torch.nn.utils.rnn.pack_padded_sequence(
        vectors, mask.sum(1), batch_first=True, enforce_sorted=False
    )
    expected, _ = torch.nn.utils.rnn.pad_packed_sequence(theirs(packed)[0], batch_first=True)
    assert torch.allclose(ours(vectors, mask), expected, atol=1e-6)


def test_attention_equals_the_formula():
    torch.manual_seed(0)
    block = SelfAttention(WIDTH, heads=2, key_width=3, value_width=5)
    vectors = torch.randn(1, 4, WIDTH)
    heads = []
    for h in range(2):
        q, k = (layer(vectors[0])[:, 3 * h : 3 * h + 3] for layer in (block.query, block.key))
        weights = (q @ k.T / 3**0.5).softmax(1)
        heads.append(weights @ block.value(vectors[0])[:, 5 * h : 5 * h + 5])
    expected = block.norm(block.output(torch.cat(heads, 1)) + vectors[0])
    found = block(vectors, torch.ones(1, 4, dtype=torch.bool))[0]
    assert torch.allclose(found, expected, atol=1e-6)


def test_dropout_is_locked_or_plain_and_for_training_only():
    vectors, mask = torch.ones(1, 40, 50), torch.ones(1, 40, dtype=torch.bool)
    for variational in (True, False):
        layer = BiLSTM(50, 2, dropout=0.5, variational=variational)
        dropped = layer._drop(vectors)[0]
        assert (dropped == dropped[0]).all() == variational
        assert 0 < (dropped == 0).sum() < dropped.numel() and dropped.max() == 2
        assert (layer(vectors, mask) != layer(vectors, mask)).any()
        layer.eval()
        assert (layer(vectors, mask) == layer(vectors, mask)).all()


@pytest.mark.parametrize(
    "settings,width,parts",
    [
        ({}, 1024, {"bilstm", "attention"}),
        ({"bilstm": 256, "attention_heads": 0}, 512, {"bilstm"}),
        ({"bilstm": 0}, WIDTH, {"attention"}),
        ({"bilstm": 0, "attention_heads": 0, "linear": 9}, 9, {"linear"}),
    ],
)
def test_parts_of_the_head(settings, width, parts):
    head = JointHead(WIDTH, **settings)
    assert head.width == width
    assert {name.split(".")[0] for name, _ in head.named_parameters()} == parts


@pytest.mark.parametrize("softmax", [True, False])
def test_layers_are_mixed(softmax):
    """By scalars that are free or sum to one, times gamma; first with equal shares; and numeric gradients."""
    torch.manual_seed(0)
    mix, layers = LayerMix(3, softmax=softmax).double(), tuple(torch.randn(3, 2, 4, WIDTH).double())
    torch.testing.assert_close(mix(layers), torch.stack(layers).mean(0))
    with torch.no_grad():
        mix.scalars.copy_(torch.tensor([0.5, -1.0, 2.0]))
        mix.gamma.fill_(3.0)
    shares = mix.scalars.exp() / mix.scalars.exp().sum() if softmax else mix.scalars
    torch.testing.assert_close(mix(layers), 3 * torch.einsum("l,lbpw->bpw", shares, torch.stack(layers)))
    names, values = zip(*mix.named_parameters(), strict=True)

    def run(*given):
        return torch.func.functional_call(mix, dict(zip(names, given, strict=True)), (layers,))

    assert torch.autograd.gradcheck(run, values)


@pytest.mark.parametrize("softmax", [True, False])
def test_mix_in_bf16_agrees_with_fp32(softmax):
    mix, layers = LayerMix(3, softmax=softmax), tuple(torch.randn(3, 2, 4, WIDTH))
    half = mix(tuple(layer.bfloat16() for layer in layers)).float()
    torch.testing.assert_close(half, mix(layers), atol=0.05, rtol=0.0)
