import numpy
import pytest

from spacy_slavner.layers.edit_scorer import Pairs, edit_scorer, log_softmax_of_groups


def make(dropout=0.0):
    model = edit_scorer(buckets=50, width=4, hidden=5, dropout=dropout, nO=3, nE=2)
    model.initialize()
    rng = numpy.random.default_rng(1)
    for name in model.param_names:
        value = model.get_param(name)
        fresh = rng.normal(0, 1, value.shape).astype("f")
        if name in "Et":
            fresh[0] = 0
        model.set_param(name, fresh)
    pairs = Pairs(
        features=numpy.array([[3, 7, 7], [9, 0, 0]], dtype="int32"),
        rows=numpy.array([0, 0, 1, 1, 1]),
        scripts=numpy.array([0, 2, 0, 1, 2]),
        traits=numpy.array([[4, 5], [6, 0], [4, 4], [0, 0], [8, 5]], dtype="int32"),
        evidence=rng.normal(0, 1, (5, 2)).astype("f"),
    )
    return model, pairs


@pytest.mark.parametrize("name", ["E", "W", "b", "U", "c", "t", "v"])
def test_gradient_is_the_numeric_one(name):
    model, pairs = make()
    weights = numpy.array([0.5, -1.0, 0.3, 0.7, -0.2], dtype="f")
    _, backprop = model.begin_update(pairs)
    backprop(weights)
    gradient = model.get_grad(name)
    value = model.get_param(name).copy()
    rng = numpy.random.default_rng(0)
    touched = numpy.argwhere(gradient)
    assert len(touched)
    for place in map(tuple, touched[rng.permutation(len(touched))[:6]]):
        losses = []
        for step in (1e-3, -1e-3):
            moved = value.copy()
            moved[place] += step
            model.set_param(name, moved)
            losses.append(float(model.predict(pairs) @ weights))
        model.set_param(name, value)
        assert gradient[place] == pytest.approx((losses[0] - losses[1]) / 2e-3, rel=0.02, abs=2e-3)


def test_features_that_are_none_count_nothing():
    model, pairs = make()
    before = model.predict(pairs)
    wider = numpy.pad(pairs.features, ((0, 0), (0, 2)))
    pairs.features = wider.astype("int32")
    pairs.traits = numpy.pad(pairs.traits, ((0, 0), (0, 1)))
    assert numpy.allclose(model.predict(pairs), before)
    _, backprop = model.begin_update(pairs)
    backprop(numpy.ones(5, dtype="f"))
    assert not model.get_grad("E")[0].any() and not model.get_grad("t")[0].any()


def test_a_piece_does_not_depend_on_others():
    model, pairs = make()
    alone = Pairs(
        pairs.features[1:], numpy.zeros(3, dtype=int), pairs.scripts[2:], pairs.traits[2:], pairs.evidence[2:]
    )
    assert numpy.allclose(model.predict(alone), model.predict(pairs)[2:], atol=1e-6)


def test_softmax_of_groups():
    scores, rows = numpy.array([1.0, 2.0, 500.0, -500.0, 3.0]), numpy.array([0, 0, 1, 1, 2])
    logs = log_softmax_of_groups(scores, rows, 3)
    assert numpy.allclose(numpy.bincount(rows, numpy.exp(logs)), 1)
    assert logs[1] - logs[0] == pytest.approx(1)
    assert logs[4] == 0
