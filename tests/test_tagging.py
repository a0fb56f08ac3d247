import itertools

import pytest

from spacy_slavner.tagging import SCHEMES, Scheme, spans_from_tags

TYPES = ("PER", "LOC")


def all_span_sets(n: int) -> list[list[tuple[int, int, str]]]:
    """All ways to lay spans of two types over n tokens."""
    if n <= 0:
        return [[]]
    sets = list(all_span_sets(n - 1))
    for start in range(n):
        for label in TYPES:
            sets += [[*rest, (start, n, label)] for rest in all_span_sets(start)]
    return sets


@pytest.mark.parametrize("name", SCHEMES)
def test_every_span_set_survives(name):
    scheme = Scheme(name)
    for n in range(6):
        for spans in all_span_sets(n):
            assert scheme.spans_from_tags(scheme.tags_from_spans(n, spans)) == spans


@pytest.mark.parametrize("name", SCHEMES)
def test_legal_sequences_are_exactly_those_that_spans_write(name):
    scheme = Scheme(name)
    labels = scheme.labels(TYPES)
    assert labels[0] == "O" and len(set(labels)) == 1 + len(TYPES) * len(scheme.prefixes)
    for n in (1, 2, 3):
        written = {tuple(scheme.tags_from_spans(n, spans)) for spans in all_span_sets(n)}
        legal = {
            tags
            for tags in itertools.product(labels, repeat=n)
            if scheme.legal_start(tags[0])
            and scheme.legal_end(tags[-1])
            and all(scheme.legal_transition(a, b) for a, b in itertools.pairwise(tags))
        }
        assert legal == written


@pytest.mark.parametrize(
    "tags, spans",
    [
        ("", []),
        ("I-PER I-PER", [(0, 2, "PER")]),
        ("O I-PER B-PER", [(1, 2, "PER"), (2, 3, "PER")]),
        ("B-PER I-LOC", [(0, 1, "PER"), (1, 2, "LOC")]),
        ("E-PER I-PER", [(0, 1, "PER"), (1, 2, "PER")]),
        ("B-PER O E-PER", [(0, 1, "PER"), (2, 3, "PER")]),
        ("S-PER I-PER", [(0, 1, "PER"), (1, 2, "PER")]),
        ("B-LOC L-LOC U-LOC", [(0, 2, "LOC"), (2, 3, "LOC")]),
        ("B-creative-work I-creative-work", [(0, 2, "creative-work")]),
        ("B-PER _ -", [(0, 1, "PER")]),
    ],
)
def test_decoding_is_lenient(tags, spans):
    assert spans_from_tags(tags.split()) == spans


@pytest.mark.parametrize("name", SCHEMES)
def test_decoding_equals_seqeval_on_every_short_sequence(name):
    entities = pytest.importorskip("seqeval.metrics.sequence_labeling").get_entities
    for tags in itertools.product(Scheme(name).labels(TYPES), repeat=4):
        expected = [(start, end + 1, label) for label, start, end in entities(list(tags))]
        assert spans_from_tags(tags) == expected


@pytest.mark.parametrize("spans", [[(0, 2, "A"), (1, 3, "B")], [(1, 1, "A")], [(2, 9, "A")]])
def test_bad_spans_are_refused(spans):
    with pytest.raises(ValueError):
        Scheme("BIO").tags_from_spans(3, spans)


def test_names_of_schemes():
    assert Scheme("iob2") == Scheme("BIO") and Scheme("IOBES").name == "BIOES"
    with pytest.raises(ValueError, match="BIOES"):
        Scheme("BMEWO")
