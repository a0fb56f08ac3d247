"""Word vectors that know which words they have met."""

import numpy
import pytest
import spacy
from numpy.testing import assert_allclose, assert_array_equal
from thinc.api import fix_random_seed

from spacy_slavner.architectures import KnownWords_v1


@pytest.fixture
def docs():
    nlp = spacy.blank("xx")
    return [nlp("Praha a Brno"), nlp(""), nlp("a praha")]


def test_words_that_were_not_met_share_a_vector(docs):
    model = KnownWords_v1(4, 50, 0.0)
    model.initialize()
    before = model.predict(docs)
    assert [array.shape for array in before] == [(3, 4), (0, 4), (2, 4)]
    assert len(numpy.unique(numpy.concatenate(before), axis=0)) == 1
    model.begin_update(docs[2:])
    after = model.predict(docs)
    assert_array_equal(after[0][2], before[0][2])  # Brno is not known yet
    assert (after[0][0] != before[0][0]).any() and (after[0][1] != after[0][0]).any()
    assert_array_equal(after[0][0], after[2][1])  # Praha, praha


def test_hidden_words_teach_the_unknown_one(docs):
    fix_random_seed(0)
    model = KnownWords_v1(4, 50, 0.5)
    model.initialize()
    unknown = model.predict(docs)[0][0]
    vectors, _ = model.begin_update(docs * 50)
    hidden = (numpy.concatenate(vectors) == unknown).all(axis=1)
    assert 0.4 < hidden.mean() < 0.6
    # In prediction no known word is hidden.
    assert not (numpy.concatenate(model.predict(docs)) == unknown).all(axis=1).any()


def test_gradient_is_that_of_the_table(docs):
    model = KnownWords_v1(3, 20, 0.0)
    model.initialize()
    table = model.layers[0]
    vectors, backprop = model.begin_update(docs)
    weights = [numpy.arange(array.size, dtype="f").reshape(array.shape) for array in vectors]
    assert backprop(weights) == []
    given, step = table.get_param("E").copy(), 1e-2
    numeric = numpy.zeros_like(given)
    for place in numpy.ndindex(given.shape):
        values = []
        for sign in (1, -1):
            moved = given.copy()
            moved[place] += sign * step
            table.set_param("E", moved)
            values.append(sum((a * w).sum() for a, w in zip(model.predict(docs), weights, strict=True)))
        numeric[place] = (values[0] - values[1]) / (2 * step)
    assert_allclose(table.get_grad("E"), numeric, atol=1e-2)


def test_known_words_are_saved(docs):
    model = KnownWords_v1(4, 50, 0.3)
    model.initialize()
    model.begin_update(docs)
    other = KnownWords_v1(4, 50, 0.3).from_bytes(model.to_bytes())
    for a, b in zip(model.predict(docs), other.predict(docs), strict=True):
        assert_array_equal(a, b)
    assert other.attrs["known"].dtype == "uint64"
    other.begin_update(docs)


def test_share_is_checked():
    with pytest.raises(ValueError, match="less than 1"):
        KnownWords_v1(4, 50, 1.0)
