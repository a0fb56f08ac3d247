"""BiLSTMs over sentences and over words' characters."""

import numpy
import pytest
import spacy
import torch
from spacy.tokens import Doc
from thinc.api import Model

from spacy_slavner.architectures import BiLSTMEncoder_v1, CharBiLSTM_v1
from spacy_slavner.layers import bilstm as module
from spacy_slavner.layers.torch import flat_bilstm
from spacy_slavner.layers.torch.flat_bilstm import CharBiLSTM, FlatBiLSTM

NLP = spacy.blank("xx")
DOCS = [
    Doc(NLP.vocab, ["Jana", "v", "Praze", ".", "Gazprom", "."], sent_starts=[1, 0, 0, 0, 1, 0]),
    Doc(NLP.vocab, []),
    Doc(NLP.vocab, ["v", "Газпром" * 20]),
]


def source(width: int = 5) -> Model:
    """Vectors that depend on the word, and the gradients that they got."""
    received = []

    def forward(model, docs, is_train):
        rows = [[numpy.random.RandomState(token.orth % 2**32).randn(width) for token in doc] for doc in docs]
        arrays = [numpy.array(each, dtype="f").reshape(len(each), width) for each in rows]
        return arrays, lambda gradients: received.append(gradients)

    return Model("source", forward, attrs={"received": received})


def test_flat_sequences_are_read_as_alone(monkeypatch):
    torch.manual_seed(0)
    lengths = torch.tensor([3, 1, 7, 7, 2])
    vectors = torch.randn(20, 4)
    lstm = FlatBiLSTM(3, depth=2)
    lstm.build(4)
    whole = lstm(vectors, lengths)
    starts = lengths.cumsum(0) - lengths
    for start, length in zip(starts.tolist(), lengths.tolist(), strict=True):
        alone = lstm.bilstm(vectors[None, start : start + length], torch.ones(1, length, dtype=torch.bool))
        torch.testing.assert_close(whole[start : start + length], alone[0])
    monkeypatch.setattr(flat_bilstm, "MAX_ROWS", 1)
    torch.testing.assert_close(lstm(vectors, lengths), whole)


def test_gradients_of_flat_sequences_and_characters():
    torch.manual_seed(0)
    lengths = torch.tensor([2, 3, 1])
    lstm = FlatBiLSTM(2).double()
    lstm.build(3)
    lstm.double()
    vectors = torch.randn(6, 3, dtype=torch.double, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: lstm(x, lengths), [vectors])
    chars = CharBiLSTM(7, 3, 2).double()
    characters, words = torch.tensor([0, 1, 2, 1, 1, 6]), torch.tensor([0, 2, 0, 1])
    weight = chars.embed.weight.detach().clone().requires_grad_()

    def run(weight):
        return torch.func.functional_call(chars, {"embed.weight": weight}, (characters, lengths, words))

    assert torch.autograd.gradcheck(run, [weight])


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_bf16_agrees_with_fp32(dtype):
    """Also where the vectors themselves are half as wide, as those of an encoder may be."""
    torch.manual_seed(0)
    lengths, vectors = torch.tensor([3, 1, 7]), torch.randn(11, 6)
    lstm, chars = FlatBiLSTM(4, depth=2), CharBiLSTM(9, 6, 4)
    lstm.build(6)
    word = torch.arange(11) % 9, lengths, torch.tensor([2, 0, 1, 2])
    full = lstm(vectors, lengths), chars(*word)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        half = lstm(vectors.to(dtype), lengths), chars(*word)
    for one, other in zip(full, half, strict=True):
        torch.testing.assert_close(other.float(), one, atol=0.02, rtol=0.0)


def test_a_word_is_its_last_states():
    torch.manual_seed(0)
    chars = CharBiLSTM(9, 3, 2)
    found = chars(torch.tensor([4, 5, 6, 7]), torch.tensor([3, 1]), torch.tensor([1, 0, 1]))
    ahead, _ = chars.bilstm.forwards[0](chars.embed(torch.tensor([[4, 5, 6]])))
    back, _ = chars.bilstm.backwards[0](chars.embed(torch.tensor([[6, 5, 4]])))
    torch.testing.assert_close(found[1], torch.cat([ahead[0, -1], back[0, -1]]))
    assert (found[0] == found[2]).all() and (found[0] != found[1]).any()


def test_sentences_are_the_sequences():
    assert module.sentence_lengths(DOCS).tolist() == [4, 2, 2]
    model = BiLSTMEncoder_v1(source(), hidden=3, dropout=0.0)
    model.initialize(X=DOCS)
    together = model.predict(DOCS)
    assert [array.shape for array in together] == [(6, 6), (0, 6), (2, 6)]
    second = Doc(NLP.vocab, ["Gazprom", "."])
    assert numpy.allclose(model.predict([second])[0], together[0][4:], atol=1e-6)
    assert [array.shape for array in model.predict(DOCS[1:2])] == [(0, 6)]


def test_gradients_reach_what_is_below():
    embed = source()
    model = BiLSTMEncoder_v1(embed, hidden=3, dropout=0.0)
    model.initialize(X=DOCS)
    found, backprop = model.begin_update(DOCS)
    backprop([numpy.ones_like(array) for array in found])
    (gradients,) = embed.attrs["received"]
    assert [array.shape for array in gradients] == [(6, 5), (0, 5), (2, 5)]
    assert all(numpy.abs(row).sum() > 0 for array in gradients for row in array)


@pytest.mark.parametrize("variational", [True, False])
def test_dropout_of_a_sentence_is_variational_or_plain(variational):
    """The tokens of a sentence lose the same entries or each its own; another sentence loses others."""
    torch.manual_seed(0)
    model = BiLSTMEncoder_v1(source(64), hidden=3, dropout=0.5, variational=variational)
    model.initialize(X=DOCS)
    lstm, read = model.get_ref("lstm").shims[0]._model.bilstm, []
    lstm.forwards[0].register_forward_pre_hook(lambda layer, inputs: read.append(inputs[0] == 0))
    model.begin_update(DOCS)
    longest, shorter = read
    assert 0.3 < longest.float().mean() < 0.7
    assert bool((longest == longest[:, :1]).all()) == variational
    assert (shorter[0] != shorter[1]).any()


@pytest.mark.parametrize("make", [lambda: BiLSTMEncoder_v1(source(), 3), lambda: CharBiLSTM_v1(4, 3)])
def test_the_same_after_reload(make):
    model = make()
    empty = make().from_bytes(model.to_bytes())
    model.initialize(X=DOCS)
    for other in (make(), empty):
        loaded = other.from_bytes(model.to_bytes())
        for one, two in zip(model.predict(DOCS), loaded.predict(DOCS), strict=True):
            assert (one == two).all()


def test_characters_of_documents():
    model = CharBiLSTM_v1(4, 3)
    model.initialize(X=DOCS)
    found, backprop = model.begin_update(DOCS)
    assert [array.shape for array in found] == [(6, 6), (0, 6), (2, 6)]
    assert (found[0][1] == found[2][0]).all()
    backprop([numpy.ones_like(array) for array in found])
    assert [array.shape for array in model.predict(DOCS[1:2])] == [(0, 6)]


def test_letters_have_rows_of_their_own_and_long_words_an_end():
    letters = [chr(code) for code in (*range(0x20, 0x24F), *range(0x370, 0x530))]
    assert len({int(module._characters(letter, 2048)[0]) for letter in letters}) == len(letters)
    assert len(module._characters("a" * 10_000, 2048)) == module.MAX_CHARACTERS
