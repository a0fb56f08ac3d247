"""Pieces as what is tagged: the map to tokens and back, the vote, the gradient."""

from collections import Counter

import numpy
import pytest
import torch
from spacy_transformers.data_classes import TransformerData, WordpieceBatch
from thinc.api import Model, NumpyOps
from thinc.types import Ragged
from transformers.file_utils import ModelOutput

from spacy_slavner.layers.crf import (
    Sequences,
    crf_tagger,
    decoder_of,
    find_alternatives,
    find_names,
    scheme_rules,
    set_scheme,
)
from spacy_slavner.layers.torch.crf import ConstrainedCRF
from spacy_slavner.layers.units import Units, all_pieces, piece_rules, with_units
from spacy_slavner.tagging import SCHEMES, Scheme

X = 3


def make_units(*documents: list[int]) -> Units:
    """Units of documents whose tokens have so many pieces each."""
    emissions = [
        Ragged(numpy.zeros((sum(counts), X + 1), dtype="f"), numpy.array(counts, dtype="i"))
        for counts in documents
    ]
    return Units.of(emissions)


def test_tokens_as_units():
    units = Units.of([numpy.zeros((3, 2)), numpy.zeros((0, 2))])
    tags = numpy.array([1, 0, 1])
    sequences = Sequences(numpy.array([0, 2]), numpy.array([2, 1]))
    assert units.tags(tags, X) is tags and units.elect(tags, X) is tags
    assert sequences.of_units(units).starts.tolist() == [0, 2]
    assert sequences.of_units(units).lengths.tolist() == [2, 1]


def test_pieces_as_units():
    units = make_units([1, 3], [], [2, 1])
    assert units.tags(numpy.array([0, 1, 2, 0]), X).tolist() == [0, 1, X, X, 2, X, 0]
    sequences = Sequences(numpy.array([0, 2]), numpy.array([2, 2])).of_units(units)
    assert sequences.starts.tolist() == [0, 4] and sequences.lengths.tolist() == [4, 3]


@pytest.mark.parametrize(
    "votes,winner",
    [([1, X], 1), ([2, 1, 1], 1), ([1, 2], 1), ([2, 1], 2), ([X, X], 0), ([X, 2], 2), ([X, 0, 2, 2], 2)],
)
def test_vote(votes, winner):
    units = make_units([1, len(votes), 1])
    assert units.elect(numpy.array([2, *votes, 1]), X).tolist() == [2, winner, 1]


def test_vote_against_counting():
    generator = numpy.random.default_rng(0)
    counts = generator.integers(1, 6, 300)
    units = make_units(counts[:100].tolist(), counts[100:].tolist())
    tags = generator.integers(0, X + 1, counts.sum())
    expected = []
    for votes in numpy.split(tags, counts.cumsum()[:-1]):
        # Counter lists those of equal count in the order in which they were seen.
        ranked = Counter(tag for tag in votes.tolist() if tag != X).most_common(1)
        expected.append(ranked[0][0] if ranked else 0)
    assert units.elect(tags, X).tolist() == expected


@pytest.mark.parametrize("name", SCHEMES)
def test_rules(name):
    """X stands anywhere but first; among the others nothing changes."""
    rules = scheme_rules(Scheme(name), ["PER"])
    n = len(rules["legal"])
    crf = ConstrainedCRF(n + 1, **piece_rules(rules))
    assert torch.equal(crf.legal[:n, :n], rules["legal"]) and crf.legal[n].all() and crf.legal[:, n].all()
    assert torch.equal(crf.legal_start[:n], rules["legal_start"]) and not crf.legal_start[n]
    assert torch.equal(crf.legal_end[:n], rules["legal_end"]) and crf.legal_end[n]
    emissions = torch.zeros(1, 4, n + 1)
    emissions[:, :, n] = 100.0
    tags, _ = crf.decode(emissions)
    assert tags[0, 0] != n and (tags[0, 1:] == n).all()


def make_data(align: list[list[int]], n_pieces: int) -> TransformerData:
    vectors = numpy.random.default_rng(0).normal(size=(1, n_pieces, 4)).astype("f")
    return TransformerData(
        wordpieces=WordpieceBatch.empty(),
        model_output=ModelOutput(last_hidden_state=vectors),
        align=Ragged(
            numpy.concatenate(align).astype("i"), numpy.array([len(one) for one in align], dtype="i")
        ),
    )


def test_all_pieces():
    """A piece of two tokens comes twice, and its gradient is the sum."""
    batch = [make_data([[0], [1, 2], [2]], 3), TransformerData.empty(), make_data([[0, 1]], 2)]
    seen = []
    windows = Model("windows", lambda model, X, is_train: (batch, lambda d: seen.extend(d)))
    model = all_pieces(windows, 0.5)
    output, backprop = model.begin_update([])
    vectors = batch[0].model_output.last_hidden_state[0]
    numpy.testing.assert_array_equal(output[0].dataXd, vectors[[0, 1, 2, 2]])
    assert [one.lengths.tolist() for one in output] == [[1, 2, 1], [], [2]]
    backprop([Ragged(numpy.ones_like(one.dataXd), one.lengths) for one in output])
    assert [one.model_output.last_hidden_state[0, :, 0].tolist() for one in seen] == [
        [0.5, 0.5, 1.0],
        [0.5, 0.5],
    ]


def test_a_layer_over_pieces():
    def double(model, X, is_train):
        return 2 * X, lambda dY: 2 * dY

    layer = Model("double", double, ops=NumpyOps())
    batch = [Ragged(numpy.ones((3, 4), dtype="f"), numpy.array([1, 2], dtype="i")),
             Ragged(numpy.ones((0, 4), dtype="f"), numpy.zeros(0, dtype="i"))]  # fmt: skip
    output, backprop = with_units(layer, "piece").begin_update(batch)
    gradient = backprop(output)
    assert [one.dataXd.shape for one in gradient] == [(3, 4), (0, 4)]
    assert (output[0].dataXd == 2).all() and (gradient[0].dataXd == 4).all()
    assert gradient[0].lengths.tolist() == [1, 2]


def test_the_first_alternative_is_what_is_decoded():
    """O X has .40 of the probability; B X and B I mean the same name and have .33 and .27."""
    vectors = Model("vectors", lambda model, docs, is_train: (docs, lambda d: d), attrs={"unit": "piece"})
    head = crf_tagger(vectors, 0.0).get_ref("head")
    module = head.shims[0]._model
    module.build(1, X + 1)
    head.set_dim("nO", X + 1)
    set_scheme(head, Scheme("BIO"), ["PER"], "piece")
    with torch.no_grad():
        for parameter in decoder_of(head).parameters():
            parameter.zero_()
        transitions = decoder_of(head).transitions.fill_(-20.0)
        transitions[0, X], transitions[1, X], transitions[1, 2] = torch.tensor([0.40, 0.33, 0.27]).log()
    emissions = [Ragged(numpy.zeros((2, X + 1), dtype="f"), numpy.array([2], dtype="i"))]
    sequences = Sequences(numpy.array([0]), numpy.array([1]))
    assert not len(find_names(head, emissions, sequences).starts)
    ((first, second),) = find_alternatives(head, emissions, sequences, 3)
    assert (first.spans, second.spans) == ([], [(0, 1, 1)])
    assert (first.probability, second.probability) == pytest.approx((0.40, 0.60), abs=1e-4)
