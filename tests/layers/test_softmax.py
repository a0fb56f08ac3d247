"""Tags without a CRF: the repair against the lenient reading of tags, the n best against enumeration."""

from itertools import product

import pytest
import torch

from spacy_slavner.layers.crf import scheme_rules
from spacy_slavner.layers.torch.softmax import ConstrainedSoftmax, SearchedSoftmax
from spacy_slavner.tagging import SCHEMES, Scheme

TYPES = ["PER", "LOC"]


def make_softmax(name: str) -> tuple[ConstrainedSoftmax, Scheme, list[str]]:
    scheme = Scheme(name)
    names = scheme.labels(TYPES)
    return ConstrainedSoftmax(len(names), **scheme_rules(scheme, TYPES)), scheme, names


def batch(n_tags: int, lengths: list[int]) -> tuple[torch.Tensor, torch.Tensor]:
    """Random emissions with rubbish on the padding."""
    torch.manual_seed(1)
    mask = torch.arange(max(lengths)) < torch.tensor(lengths)[:, None]
    return torch.randn(*mask.shape, n_tags), mask


@pytest.mark.parametrize("name", SCHEMES)
def test_repair_of_every_short_sequence(name):
    """Written as the scheme wants it; the same spans, read leniently; legal ones stay as they are."""
    softmax, scheme, names = make_softmax(name)
    for length in (1, 2, 3):
        paths = list(product(range(len(names)), repeat=length))
        repaired = softmax.repair(torch.tensor(paths)).tolist()
        for path, fixed in zip(paths, repaired, strict=True):
            spans = scheme.spans_from_tags(names[tag] for tag in path)
            assert [names[tag] for tag in fixed] == scheme.tags_from_spans(length, spans)


def test_repair_in_words():
    softmax, _, names = make_softmax("BIO")
    given = ["I-PER", "I-PER", "I-LOC", "O", "I-LOC", "B-LOC"]
    fixed = softmax.repair(torch.tensor([[names.index(tag) for tag in given]]))[0]
    assert [names[tag] for tag in fixed] == ["B-PER", "I-PER", "B-LOC", "O", "B-LOC", "B-LOC"]


@pytest.mark.parametrize("name", SCHEMES)
def test_decode(name):
    softmax, scheme, names = make_softmax(name)
    lengths = [1, 9, 4, 30]
    emissions, mask = batch(len(names), lengths)
    tags, scores = softmax.decode(emissions, mask)
    marginals = softmax.marginals(emissions, mask)
    torch.testing.assert_close(marginals.sum(2), mask.float())
    for row, n in enumerate(lengths):
        own_tags, own_score = softmax.decode(emissions[row : row + 1, :n])
        assert torch.equal(own_tags[0], tags[row, :n]) and not tags[row, n:].any()
        torch.testing.assert_close(own_score[0], scores[row])
        expected = marginals[row, :n].gather(1, own_tags[0][:, None]).log().sum()
        torch.testing.assert_close(scores[row], expected)
        path = [names[tag] for tag in own_tags[0]]
        assert scheme.legal_start(path[0]) and scheme.legal_end(path[-1])
        assert all(map(scheme.legal_transition, path[:-1], path[1:]))


@pytest.mark.parametrize("name", SCHEMES)
def test_search_finds_the_likeliest_legal_sequence(name):
    repaired, scheme, names = make_softmax(name)
    softmax = SearchedSoftmax(len(names), **scheme_rules(scheme, TYPES))
    lengths = [1, 2, 4]
    emissions, mask = batch(len(names), lengths)
    tags, scores = softmax.decode(emissions, mask)
    assert (scores >= repaired.decode(emissions, mask)[1] - 1e-5).all()
    log_probability = emissions.log_softmax(2)
    for row, n in enumerate(lengths):
        legal = [
            path
            for path in product(range(len(names)), repeat=n)
            if scheme.legal_start(names[path[0]])
            and scheme.legal_end(names[path[-1]])
            and all(scheme.legal_transition(names[a], names[b]) for a, b in zip(path, path[1:], strict=False))
        ]
        sums = [sum(float(log_probability[row, t, tag]) for t, tag in enumerate(path)) for path in legal]
        assert tuple(tags[row, :n].tolist()) == legal[sums.index(max(sums))]
        assert scores[row].item() == pytest.approx(max(sums), rel=1e-4)
        assert not tags[row, n:].any()


def test_search_keeps_a_name_of_two_likely_types_whole():
    repaired, scheme, names = make_softmax("BIO")
    softmax = SearchedSoftmax(len(names), **scheme_rules(scheme, TYPES))
    emissions = torch.zeros(1, 2, len(names))
    emissions[0, 0, names.index("B-LOC")], emissions[0, 0, names.index("B-PER")] = 3.0, 2.0
    emissions[0, 1, names.index("I-PER")] = 4.0
    as_names = [[names[tag] for tag in d.decode(emissions)[0][0].tolist()] for d in (repaired, softmax)]
    assert as_names == [["B-LOC", "B-PER"], ["B-PER", "I-PER"]]


def test_loss_is_cross_entropy():
    softmax, _, names = make_softmax("BIO")
    emissions, mask = batch(len(names), [3, 5])
    tags = torch.randint(0, len(names), mask.shape)
    leaf = emissions.clone().requires_grad_()
    loss = softmax.loss(leaf, tags, mask)
    expected = sum(
        -float(emissions[row, t].log_softmax(0)[tags[row, t]]) for row, t in mask.nonzero().tolist()
    )
    assert loss.item() == pytest.approx(expected, rel=1e-5)
    loss.backward()
    assert not leaf.grad[~mask].any()
    one_hot = torch.nn.functional.one_hot(tags, len(names))
    torch.testing.assert_close(leaf.grad[mask], (emissions.softmax(2) - one_hot)[mask])
    assert softmax.n_terms(mask.sum(1)) == 8


def test_span_probabilities():
    softmax, _, names = make_softmax("BIO")
    emissions, mask = batch(len(names), [4, 6])
    tags, _ = softmax.decode(emissions, mask)
    spans = torch.tensor([[0, 0, 1], [1, 2, 5], [1, 0, 6]])
    found = softmax.span_probabilities(emissions, tags, spans, mask)
    for (row, start, end), probability in zip(spans.tolist(), found, strict=True):
        expected = emissions[row].softmax(1)[range(start, end), tags[row, start:end]].prod()
        torch.testing.assert_close(probability, expected)
    assert softmax.span_probabilities(emissions, tags, spans[:0], mask).shape == (0,)


@pytest.mark.parametrize("name", SCHEMES)
def test_nbest_by_enumeration(name):
    softmax, scheme, names = make_softmax(name)
    emissions, mask = batch(len(names), [1, 3, 2])
    tags, log_probabilities = softmax.decode_nbest(emissions, mask, 11)
    for row, length in enumerate(mask.sum(1).tolist()):
        rates = emissions[row].softmax(1)
        expected = {}
        for path in product(range(len(names)), repeat=length):
            words = [names[tag] for tag in path]
            if scheme.tags_from_spans(length, scheme.spans_from_tags(words)) == words:
                expected[path] = float(rates[range(length), list(path)].prod())
        exist = min(11, len(expected))
        found = [tuple(path) for path in tags[row, :exist, :length].tolist()]
        assert found == sorted(expected, key=expected.get, reverse=True)[:exist]
        assert log_probabilities[row, :exist].exp().tolist() == pytest.approx(
            [expected[path] for path in found]
        )
        assert (log_probabilities[row, exist:] == -torch.inf).all()


def test_bad_input_is_refused():
    softmax, _, names = make_softmax("BIO")
    emissions, mask = batch(len(names), [3, 2])
    with pytest.raises(ValueError, match="diverged"):
        softmax.decode(emissions * float("nan"), mask)
    with pytest.raises(ValueError, match="then false"):
        softmax.decode(emissions, torch.tensor([[True, False, True]] * 2))


def test_autocast_changes_nothing():
    softmax, _, names = make_softmax("BIO")
    emissions, mask = batch(len(names), [9, 4])
    emissions = emissions.bfloat16()

    def results():
        tags, scores = softmax.decode(emissions, mask)
        return tags, scores, softmax.loss(emissions, tags, mask), softmax.marginals(emissions, mask)

    plain = results()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        cast = results()
    for one, other in zip(plain, cast, strict=True):
        assert torch.equal(one, other) and other.dtype in (torch.float32, torch.int64)
