import numpy
import pytest

from spacy_slavner.linking.ranker import Ranker


def loss(weights, choices, right, importance, decay, scale):
    total = 0.5 * decay * float(((weights * scale) ** 2).sum())
    for X, r, w in zip(choices, right, importance, strict=True):
        scores = X @ weights
        total -= w * (scores[r] - numpy.log(numpy.exp(scores).sum()))
    return total


@pytest.fixture
def data():
    rng = numpy.random.default_rng(0)
    choices = [rng.normal(size=(rng.integers(2, 6), 3)) for _ in range(80)]
    true = numpy.array([2.0, -1.0, 0.0])
    right = [int((X @ true + rng.gumbel(size=len(X))).argmax()) for X in choices]
    return choices, right, rng.integers(1, 4, size=80).astype(float)


def test_fit_is_the_minimum(data):
    choices, right, importance = data
    ranker = Ranker.fit(choices, right, importance, decay=1.0)
    scale = numpy.concatenate(choices).std(axis=0) + 1e-6
    best = loss(ranker.weights, choices, right, importance, 1.0, scale)
    rng = numpy.random.default_rng(1)
    for _ in range(50):
        other = ranker.weights + rng.normal(scale=0.05, size=3)
        assert loss(other, choices, right, importance, 1.0, scale) >= best
    assert ranker.weights[0] > 1 > 0 > ranker.weights[1]


def test_probabilities(data):
    ranker = Ranker.fit(*data)
    p = ranker.probabilities(data[0][0])
    assert p.sum() == pytest.approx(1)
    assert Ranker(numpy.array([1000.0])).probabilities(numpy.array([[1.0], [0.0]])).tolist() == [1, 0]


def test_separable_choices_stay_finite():
    choices = [numpy.array([[1.0], [0.0]])] * 20
    ranker = Ranker.fit(choices, [0] * 20, [100.0] * 20, decay=0.1)
    assert numpy.isfinite(ranker.weights).all()
    assert ranker.probabilities(choices[0])[0] > 0.99


def test_steps_that_lead_too_far_are_halved():
    """On these choices whole steps of Newton's method run away from the minimum."""
    first = [[0.0, 59.6], [0.2, 189.1], [14.3, 0.7], [1.3, 6.3]]
    choices = [numpy.array([row, [0.0, 0.0]]) for row in first]
    right, importance = [0, 0, 1, 0], numpy.array([1.1, 0.1, 5.3, 524.2])
    scale = numpy.concatenate(choices).std(axis=0) + 1e-6
    weights = Ranker.fit(choices, right, importance, decay=0.01).weights
    best = loss(weights, choices, right, importance, 0.01, scale)
    for other in (0.99 * weights, 1.01 * weights, weights * [0.99, 1.01], weights * [1.01, 0.99]):
        assert loss(other, choices, right, importance, 0.01, scale) > best
