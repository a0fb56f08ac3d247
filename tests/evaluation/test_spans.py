"""Scores of spans and words."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from seqeval.metrics import classification_report, f1_score, precision_score, recall_score
from seqeval.scheme import IOB2

from spacy_slavner.evaluation.spans import SpanDocument, score_spans, score_words

LENGTH = 12


@st.composite
def span_sets(draw):
    """Spans that do not overlap, of one to four tokens."""
    spans, start = set(), 0
    while start < LENGTH:
        start += draw(st.integers(0, 3))
        end = min(LENGTH, start + draw(st.integers(1, 4)))
        if start < end:
            spans.add((draw(st.sampled_from(["PER", "LOC", "ORG"])), start, end))
        start = max(start, end)
    return spans


def tags(spans):
    sequence = ["O"] * LENGTH
    for type_, start, end in spans:
        sequence[start:end] = [f"B-{type_}", *[f"I-{type_}"] * (end - start - 1)]
    return sequence


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(span_sets(), span_sets()), min_size=1, max_size=6))
def test_spans_equal_seqeval(pairs):
    documents = [SpanDocument(gold, predicted, "cs") for gold, predicted in pairs]
    gold, predicted = [tags(d.gold) for d in documents], [tags(d.predicted) for d in documents]
    options = {"mode": "strict", "scheme": IOB2, "zero_division": 0}
    scores = score_spans(documents)
    ours = scores["overall"]
    if not any(d.gold for d in documents):  # seqeval's strict mode fails without names
        assert ours["f"] == 0
        return
    assert ours["p"] == pytest.approx(precision_score(gold, predicted, **options))
    assert ours["r"] == pytest.approx(recall_score(gold, predicted, **options))
    assert ours["f"] == pytest.approx(f1_score(gold, predicted, **options))
    report = classification_report(gold, predicted, output_dict=True, **options)
    for type_, counts in scores["by_type"].items():
        assert counts["f"] == pytest.approx(report[type_]["f1-score"])
        assert counts["gold"] == report[type_]["support"]
    for group in ("by_type", "by_language", "by_length"):
        for key in ("gold", "predicted", "correct"):
            assert sum(counts[key] for counts in scores[group].values()) == ours[key]


def test_groups():
    documents = [
        SpanDocument({("PER", 0, 2), ("LOC", 4, 5)}, {("PER", 0, 2), ("ORG", 4, 5)}, "cs"),
        SpanDocument({("ORG", 0, 5)}, {("ORG", 0, 4)}, "pl"),
    ]
    scores = score_spans(documents)
    assert scores["overall"] == {"p": 1 / 3, "r": 1 / 3, "f": 1 / 3, "gold": 3, "predicted": 3, "correct": 1}
    assert scores["by_language"]["cs"]["f"] == 1 / 2
    assert scores["by_language"]["pl"]["f"] == 0
    assert scores["by_type"]["PER"]["f"] == 1
    assert list(scores["by_length"]) == ["1", "2", "3+"]
    assert scores["by_length"]["2"]["r"] == 1


def test_words_are_scored_one_by_one():
    words = score_words([SpanDocument({("ORG", 0, 5)}, {("ORG", 1, 5), ("PER", 5, 6)}, "pl")])
    assert words["overall"] == {"p": 4 / 5, "r": 4 / 5, "f": 4 / 5, "gold": 5, "predicted": 5, "correct": 4}
    assert "by_length" not in words


def test_no_spans():
    assert score_spans([])["overall"]["f"] == 0
    assert score_spans([SpanDocument()])["by_type"] == {}
