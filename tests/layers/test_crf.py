"""The CRF against enumeration of all tag sequences, and against pytorch-crf."""

import runpy
import sys
from itertools import product

import numpy
import pytest
import torch
import torchcrf

from spacy_slavner.layers.crf import scheme_rules
from spacy_slavner.layers.torch.crf import ConstrainedCRF, batched_viterbi, compiled_viterbi
from spacy_slavner.tagging import SCHEMES, Scheme, spans_from_tags

TYPES = ["PER", "LOC"]


def make_crf(scheme: str | None, scale: float = 1.0, n_tags: int = 5) -> ConstrainedCRF:
    """A CRF with random transition scores, constrained by a scheme or not at all."""
    torch.manual_seed(0)
    limits = scheme_rules(Scheme(scheme), TYPES) if scheme else {}
    crf = ConstrainedCRF(len(limits["legal"]) if scheme else n_tags, **limits)
    for parameter in crf.parameters():
        torch.nn.init.normal_(parameter, 0, scale)
    return crf


def enumerate_paths(crf: ConstrainedCRF, emissions: torch.Tensor) -> dict[tuple[int, ...], float]:
    """The log score of every legal sequence, by its definition."""
    start, transitions, end = (
        p.detach().double().numpy() for p in (crf.start_transitions, crf.transitions, crf.end_transitions)
    )
    emissions, legal = emissions.double().numpy(), crf.legal.numpy()
    scores = {}
    for path in product(range(crf.num_tags), repeat=len(emissions)):
        pairs = list(zip(path[:-1], path[1:], strict=True))
        if not (crf.legal_start[path[0]] and crf.legal_end[path[-1]]):
            continue
        if not all(legal[a, b] for a, b in pairs):
            continue
        scores[path] = (
            start[path[0]]
            + sum(emissions[t, tag] for t, tag in enumerate(path))
            + sum(transitions[a, b] for a, b in pairs)
            + end[path[-1]]
        )
    return scores


def probabilities(crf: ConstrainedCRF, emissions: torch.Tensor) -> dict[tuple[int, ...], float]:
    scores = enumerate_paths(crf, emissions)
    weights = numpy.exp(numpy.array(list(scores.values())) - max(scores.values()))
    return dict(zip(scores, weights / weights.sum(), strict=True))


def batch(crf: ConstrainedCRF, lengths: list[int], scale: float = 1.0):
    """Random emissions with rubbish on the padding."""
    torch.manual_seed(1)
    emissions = torch.randn(len(lengths), max(lengths), crf.num_tags) * scale
    mask = torch.arange(max(lengths)) < torch.tensor(lengths)[:, None]
    return emissions, mask


# Scores so wide apart that the sums are done in log space, as well as ordinary ones.
CASES = [(scheme, scale) for scheme in (None, *SCHEMES) for scale in (1.0, 100.0)]
LENGTHS = [1, 4, 2, 3]


@pytest.mark.parametrize("scheme,scale", CASES)
def test_likelihood_by_enumeration(scheme, scale):
    crf = make_crf(scheme)
    emissions, mask = batch(crf, LENGTHS, scale)
    assert crf._scores_lie_far_apart(emissions) == (scale > 1)
    for row, length in enumerate(LENGTHS):
        scores = enumerate_paths(crf, emissions[row, :length])
        expected = numpy.logaddexp.reduce(list(scores.values()))
        path = list(scores)[len(scores) // 2]
        tags = torch.tensor(path)[None]
        found = crf.log_likelihood(emissions[row : row + 1, :length], tags)
        assert found.item() == pytest.approx(scores[path] - expected, rel=1e-5, abs=1e-4)


@pytest.mark.parametrize("scheme", [None, *SCHEMES])
def test_gradient_equals_that_of_the_plain_sum_in_log_space(scheme):
    crf = make_crf(scheme)
    emissions, mask = batch(crf, LENGTHS)
    tags, _ = crf.decode(emissions, mask)
    weights = torch.tensor([1.0, -2.0, 0.5, 3.0])
    gradients = []
    for way in ("messages", "autograd"):
        leaf = emissions.clone().requires_grad_()
        crf.zero_grad()
        if way == "messages":
            values = crf.log_likelihood(leaf, tags, mask)
        else:
            values = crf._gold_score(leaf, tags, mask) - crf._log_partition(leaf, mask)
        (values * weights).sum().backward()
        gradients.append([leaf.grad.clone(), *(p.grad.clone() for p in crf.parameters())])
    for ours, plain in zip(*gradients, strict=True):
        torch.testing.assert_close(ours, plain, atol=1e-5, rtol=1e-5)
    assert gradients[0][0][~mask].abs().sum() == 0


def test_gradient_by_finite_differences():
    crf = make_crf("BIOES")
    emissions, mask = batch(crf, [3, 2])
    tags, _ = crf.decode(emissions, mask)
    leaf = emissions.clone().requires_grad_()
    crf.loss(leaf, tags, mask).backward()
    for index in [(0, 0, 0), (0, 2, 3), (1, 1, 4)]:
        step = torch.zeros_like(emissions)
        step[index] = 0.01
        up, down = crf.loss(emissions + step, tags, mask), crf.loss(emissions - step, tags, mask)
        assert leaf.grad[index].item() == pytest.approx((up - down).item() / 0.02, abs=1e-3)


@pytest.mark.parametrize("scheme,scale", CASES)
def test_viterbi_by_enumeration(scheme, scale):
    crf = make_crf(scheme)
    emissions, mask = batch(crf, LENGTHS, scale)
    tags, scores = crf.decode(emissions, mask)
    for row, length in enumerate(LENGTHS):
        paths = enumerate_paths(crf, emissions[row, :length])
        best = max(paths, key=paths.get)
        assert tuple(tags[row, :length].tolist()) == best
        assert tags[row, length:].sum() == 0
        assert scores[row].item() == pytest.approx(paths[best], rel=1e-5, abs=1e-4)


@pytest.mark.parametrize("scheme", [None, *SCHEMES])
def test_compiled_search_equals_the_batched_one(scheme):
    """Padding, more rows than go side by side, sequences that end early, ties."""
    compiled = pytest.importorskip("spacy_slavner.layers.torch.crf_kernels").viterbi
    crf = make_crf(scheme)
    scores = [score.detach() for score in crf._scores(-torch.inf)]
    lengths = torch.tensor([7, 1, 30, 2, 30, 29, 3, 12, 1, 18, 30])
    for round_to in (None, 1.0):
        emissions, _ = batch(crf, lengths.tolist())
        if round_to:
            emissions, scores = emissions.round(), [score.round() for score in scores]
        tags, best = batched_viterbi(emissions, lengths, *scores)
        arrays = (array.numpy() for array in (emissions, lengths, *scores))
        compiled_tags, compiled_best = map(torch.from_numpy, compiled(*arrays))
        assert torch.equal(tags, compiled_tags)
        torch.testing.assert_close(best, compiled_best)


def test_search_without_numba(monkeypatch):
    crf = make_crf("BIOES")
    emissions, mask = batch(crf, [5, 9, 1])
    tags, scores = crf.decode(emissions, mask)
    monkeypatch.setitem(sys.modules, "numba", None)
    monkeypatch.delitem(sys.modules, "spacy_slavner.layers.torch.crf_kernels", raising=False)
    compiled_viterbi.cache_clear()
    try:
        assert compiled_viterbi() is None
        plain_tags, plain_scores = crf.decode(emissions, mask)
    finally:
        compiled_viterbi.cache_clear()
    assert torch.equal(tags, plain_tags)
    torch.testing.assert_close(scores, plain_scores)


def test_compiles_without_a_folder_for_the_cache(monkeypatch):
    """As in an installation for all users: a read-only package, and no home folder."""
    kernels = pytest.importorskip("spacy_slavner.layers.torch.crf_kernels")
    from numba.core import caching

    monkeypatch.setattr(caching.CacheImpl, "_locator_classes", [])

    def double(x):
        return 2 * x

    with pytest.raises(RuntimeError, match="cache"):
        kernels.njit(cache=True)(double)
    assert kernels._compiled(double)(2) == 4


@pytest.mark.parametrize("writable", [True, False])
def test_the_cache_is_the_user_s_never_in_the_package(monkeypatch, tmp_path, writable):
    kernels = pytest.importorskip("spacy_slavner.layers.torch.crf_kernels")
    monkeypatch.setattr(kernels.config, "CACHE_DIR", "")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    if not writable:
        (tmp_path / "cache").write_text("a file where the folder would be")
    module = tmp_path / "module.py"
    module.write_text("def double(x):\n    return 2 * x\n")
    double = runpy.run_path(str(module))["double"]
    assert kernels._compiled(double)(2) == 4 and kernels.config.CACHE_DIR == ""
    index = list(tmp_path.rglob("*.nbi"))
    assert len(index) == writable and all("spacy-slavner" in path.parts for path in index)


def check_nbest(crf: ConstrainedCRF, emissions: torch.Tensor, mask: torch.Tensor, n: int) -> None:
    """The n best sequences are legal, different, and have the n highest probabilities there are."""
    tags, log_probabilities = crf.decode_nbest(emissions, mask, n)
    for row, length in enumerate(mask.sum(1).tolist()):
        expected = probabilities(crf, emissions[row, :length])
        exist = min(n, len(expected))
        found = [tuple(path) for path in tags[row, :exist, :length].tolist()]
        assert len(set(found)) == exist
        values = log_probabilities[row].exp().tolist()
        assert values[:exist] == pytest.approx(sorted(expected.values(), reverse=True)[:exist], abs=1e-5)
        assert values[:exist] == pytest.approx([expected[path] for path in found], abs=1e-5)
        assert values[exist:] == [0.0] * (n - exist)
        assert not tags[row, exist:].any() and not tags[row, :, length:].any()


@pytest.mark.parametrize("scheme,scale", CASES)
@pytest.mark.parametrize("n", [1, 2, 11])
def test_nbest_by_enumeration(scheme, scale, n):
    """Also sequences of one token, with fewer legal sequences than are asked for."""
    crf = make_crf(scheme)
    emissions, mask = batch(crf, LENGTHS, scale)
    check_nbest(crf, emissions, mask, n)
    assert crf.num_tags < 11 and (scheme != "BIOES" or mask.sum(1).min() == 1)
    tags, scores = crf.decode(emissions, mask)
    assert torch.equal(crf.decode_nbest(emissions, mask, n)[0][:, 0], tags)


@pytest.mark.parametrize("scheme", [None, "BIOES"])
def test_nbest_with_ties(scheme):
    crf = make_crf(scheme)
    for parameter in crf.parameters():
        parameter.data.round_()
    emissions, mask = batch(crf, LENGTHS)
    check_nbest(crf, emissions.round(), mask, 7)
    check_nbest(crf, torch.zeros_like(emissions), mask, 7)


@pytest.mark.parametrize("scheme,scale", CASES)
def test_marginals_by_enumeration(scheme, scale):
    crf = make_crf(scheme)
    emissions, mask = batch(crf, LENGTHS, scale)
    found = crf.marginals(emissions, mask)
    for row, length in enumerate(LENGTHS):
        expected = torch.zeros(length, crf.num_tags)
        for path, probability in probabilities(crf, emissions[row, :length]).items():
            for t, tag in enumerate(path):
                expected[t, tag] += probability
        torch.testing.assert_close(found[row, :length], expected, atol=1e-4, rtol=1e-4)
    assert found[~mask].abs().sum() == 0


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("scale", [1.0, 100.0])
def test_span_probability_by_enumeration(scheme, scale):
    crf = make_crf(scheme)
    names = Scheme(scheme).labels(TYPES)
    lengths = [4, 3, 4, 1, 4, 4]
    emissions, mask = batch(crf, lengths, scale)
    tags, _ = crf.decode(emissions, mask)
    spans = [
        (row, start, end)
        for row, length in enumerate(lengths)
        for start, end, _ in spans_from_tags(names[t] for t in tags[row, :length].tolist())
    ]
    assert len(spans) > 3 and any(end - start > 1 for _, start, end in spans)
    found = crf.span_probabilities(emissions, tags, torch.tensor(spans), mask)
    for (row, start, end), probability in zip(spans, found.tolist(), strict=True):
        here = tuple(tags[row, start:end].tolist())
        expected = sum(
            p
            for path, p in probabilities(crf, emissions[row, : lengths[row]]).items()
            if path[start:end] == here
            and (start, end) in [s[:2] for s in spans_from_tags(names[t] for t in path)]
        )
        assert probability == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_illegal_sequences_are_never_decoded(scheme):
    """Even where every emission and every transition score asks for them."""
    scheme = Scheme(scheme)
    crf = make_crf(scheme.name)
    names = scheme.labels(TYPES)
    with torch.no_grad():
        crf.transitions[~crf.legal] = 1e4
        crf.start_transitions[~crf.legal_start] = 1e4
        crf.end_transitions[~crf.legal_end] = 1e4
    generator = torch.Generator().manual_seed(2)
    emissions = 1e4 * torch.randint(0, 2, (64, 12, len(names)), generator=generator).float()
    lengths = torch.randint(1, 13, (64,), generator=generator)
    mask = torch.arange(12) < lengths[:, None]
    tags, scores = crf.decode(emissions, mask)
    assert torch.isfinite(scores).all()
    for row, length in zip(tags.tolist(), lengths.tolist(), strict=True):
        path = [names[tag] for tag in row[:length]]
        assert scheme.legal_start(path[0]) and scheme.legal_end(path[-1])
        assert all(map(scheme.legal_transition, path[:-1], path[1:]))
    # The free best sequence would be illegal somewhere, or the test would show nothing.
    greedy = emissions.argmax(2)
    assert not crf.legal[greedy[:, :-1], greedy[:, 1:]][mask[:, 1:]].all()


def test_an_illegal_sequence_has_no_probability():
    crf = make_crf("BIO")
    inside = Scheme("BIO").labels(TYPES).index("I-PER")
    emissions, _ = batch(crf, [2])
    assert crf.log_likelihood(emissions, torch.tensor([[0, inside]])).item() == -float("inf")


@pytest.mark.parametrize("n_tags,scale", [(5, 1.0), (21, 3.0)])
def test_equals_pytorch_crf_without_constraints(n_tags, scale):
    crf = make_crf(None, n_tags=n_tags)
    other = torchcrf.CRF(n_tags, batch_first=True)
    other.load_state_dict({name: p.data for name, p in crf.named_parameters()})
    lengths = [1, 30, 17, 2, 30]
    emissions, mask = batch(crf, lengths, scale)
    tags = torch.randint(0, n_tags, mask.shape)
    ours, theirs = (emissions.clone().requires_grad_() for _ in range(2))
    a = crf(ours, tags, mask, reduction="token_mean")
    b = other(theirs, tags, mask, reduction="token_mean")
    assert a.item() == pytest.approx(b.item(), abs=1e-4)
    a.backward()
    b.backward()
    torch.testing.assert_close(ours.grad, theirs.grad, atol=1e-4, rtol=1e-4)
    for name, parameter in crf.named_parameters():
        torch.testing.assert_close(parameter.grad, other.get_parameter(name).grad, atol=1e-4, rtol=1e-4)
    decoded, _ = crf.decode(emissions, mask)
    rows = [row[:n].tolist() for row, n in zip(decoded, lengths, strict=True)]
    assert rows == other.decode(emissions, mask)


@pytest.mark.parametrize("scheme", [None, *SCHEMES])
def test_padding_changes_nothing(scheme):
    crf = make_crf(scheme)
    lengths = [1, 9, 4, 7]
    emissions, mask = batch(crf, lengths)
    tags, scores = crf.decode(emissions, mask)
    marginals = crf.marginals(emissions, mask)
    likelihoods = crf.log_likelihood(emissions, tags, mask)
    for row, n in enumerate(lengths):
        alone = emissions[row : row + 1, :n]
        own_tags, own_score = crf.decode(alone)
        assert own_tags[0].tolist() == tags[row, :n].tolist()
        torch.testing.assert_close(own_score[0], scores[row])
        torch.testing.assert_close(crf.marginals(alone)[0], marginals[row, :n])
        torch.testing.assert_close(crf.log_likelihood(alone, own_tags)[0], likelihoods[row])


def test_autocast_changes_nothing():
    crf = make_crf("BIO")
    emissions, mask = batch(crf, [9, 4])
    emissions = emissions.bfloat16()
    tags, _ = crf.decode(emissions, mask)
    plain = crf.log_likelihood(emissions, tags, mask), crf.marginals(emissions, mask)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        cast = crf.log_likelihood(emissions, tags, mask), crf.marginals(emissions, mask)
        cast_tags, _ = crf.decode(emissions, mask)
    assert torch.equal(tags, cast_tags)
    for a, b in zip(plain, cast, strict=True):
        assert b.dtype == torch.float32
        assert torch.equal(a, b)


def test_bad_input_is_refused():
    crf = make_crf("BIO")
    emissions, mask = batch(crf, [3, 2])
    with pytest.raises(ValueError, match="first timestep"):
        crf.decode(emissions, torch.zeros_like(mask))
    with pytest.raises(ValueError, match="then false"):
        crf.decode(emissions, torch.tensor([[True, False, True]] * 2))
    with pytest.raises(ValueError, match="diverged"):
        crf.marginals(emissions * float("nan"), mask)
    with pytest.raises(ValueError, match="diverged"):
        crf.decode(emissions * float("nan"), mask)
    with pytest.raises(ValueError, match="reduction"):
        crf(emissions, mask.long(), mask, reduction="most")
