"""Tags that are not known for certain: the loss of all that a token may have, against enumeration."""

import numpy
import pytest
import torch

from spacy_slavner.layers.crf import scheme_rules
from spacy_slavner.layers.torch.crf import ConstrainedCRF
from spacy_slavner.layers.torch.softmax import ConstrainedSoftmax
from spacy_slavner.layers.units import Units
from spacy_slavner.tagging import SCHEMES, Scheme

from .test_crf import batch, make_crf, probabilities

LENGTHS = [4, 2, 3]


def free_tags(crf, tags, tag_type="LOC"):
    """Where the tag is "O", all tags of one type are free."""
    of_type = torch.tensor([t.endswith(tag_type) for t in Scheme("BIO").labels(["PER", "LOC"])])
    return (tags == 0).unsqueeze(2) & of_type[: crf.num_tags]


@pytest.mark.parametrize("scale", [1.0, 100.0])
def test_likelihood_is_that_of_all_sequences_that_fit(scale):
    crf = make_crf("BIO")
    emissions, mask = batch(crf, LENGTHS, scale)
    # O B-PER I-PER O, O O (nothing free there), O B-PER O
    tags = torch.tensor([[0, 1, 2, 0], [0, 0, 4, 4], [0, 1, 0, 3]])
    free = free_tags(crf, tags)
    free[1] = False
    expected = 0.0
    for row, length in enumerate(LENGTHS):
        found = probabilities(crf, emissions[row, :length])
        gold = tags[row].tolist()
        fits = [
            p for path, p in found.items()
            if all(path[t] == gold[t] or free[row, t, path[t]] for t in range(length))
        ]  # fmt: skip
        assert len(fits) > 1 or row == 1
        expected -= numpy.log(max(sum(fits), 1e-300))
    assert crf.loss(emissions, tags, mask, free).item() == pytest.approx(expected, rel=1e-4, abs=1e-4)
    nothing = torch.zeros_like(free)
    assert torch.equal(crf.loss(emissions, tags, mask, nothing), crf.loss(emissions, tags, mask))


def test_gradient_by_finite_differences():
    crf = make_crf("BIO")
    emissions, mask = batch(crf, LENGTHS)
    tags = torch.tensor([[0, 1, 2, 0], [0, 0, 4, 4], [0, 1, 0, 3]])
    free = free_tags(crf, tags)
    leaf = emissions.clone().requires_grad_()
    crf.loss(leaf, tags, mask, free).backward()
    assert leaf.grad[~mask].abs().sum() == 0
    for row, t, tag in [(0, 0, 0), (0, 3, 3), (1, 1, 4), (2, 1, 1)]:
        values = []
        for step in (1e-2, -1e-2):
            moved = emissions.clone()
            moved[row, t, tag] += step
            values.append(crf.loss(moved, tags, mask, free).item())
        assert float(leaf.grad[row, t, tag]) == pytest.approx((values[0] - values[1]) / 2e-2, abs=1e-3)
    numeric, analytic = [], float(crf.transitions.grad[0, 3])
    for step in (1e-2, -2e-2):
        with torch.no_grad():
            crf.transitions[0, 3] += step
        numeric.append(crf.loss(emissions, tags, mask, free).item())
    assert analytic == pytest.approx((numeric[0] - numeric[1]) / 2e-2, abs=1e-3)


def test_softmax_sums_the_probabilities_of_what_fits():
    torch.manual_seed(0)
    softmax = ConstrainedSoftmax(5, **scheme_rules(Scheme("BIO"), ["PER", "LOC"]))
    emissions, mask = batch(softmax, LENGTHS)
    tags = torch.tensor([[0, 1, 2, 0], [0, 0, 4, 4], [0, 1, 0, 3]])
    free = free_tags(softmax, tags)
    probability = emissions.softmax(2)
    allowed = free.scatter(2, tags.unsqueeze(2), True)
    expected = -(probability * allowed).sum(2).log()[mask].sum()
    leaf = emissions.requires_grad_()
    loss = softmax.loss(leaf, tags, mask, free)
    loss.backward()
    assert float(loss.detach()) == pytest.approx(float(expected), rel=1e-5)
    assert torch.isfinite(leaf.grad).all()
    known = softmax.loss(emissions, tags, mask)
    assert torch.allclose(softmax.loss(emissions, tags, mask, torch.zeros_like(free)), known)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_some_sequence_always_fits(scheme):
    rules = scheme_rules(Scheme(scheme), ["PER", "LOC"])
    crf = ConstrainedCRF(len(rules["legal"]), **rules)
    labels = Scheme(scheme).labels(["PER", "LOC"])
    names = Scheme(scheme).tags_from_spans(5, [(1, 3, "PER")])
    tags = torch.tensor([[labels.index(name) for name in names]])
    free = (tags == 0).unsqueeze(2) & torch.tensor([label.endswith("LOC") for label in labels])
    emissions = torch.zeros(1, 5, crf.num_tags)
    partial, full = crf.loss(emissions, tags, None, free), crf.loss(emissions, tags)
    assert 0 <= partial.item() < full.item()


def test_rows_of_units():
    values = numpy.array([[True, False], [False, True]])
    tokens = Units([], None)
    assert tokens.of_tokens(values) is values
    pieces = Units([], numpy.array([0, 2, 3]))
    assert pieces.of_tokens(values).tolist() == [[True, False], [False, False], [False, True]]
