"""Scores of the base forms and ids of annotated names, on documents that can be counted by hand."""

import pytest
import spacy
from spacy.tokens import Doc, Span

from spacy_slavner.attributes import set_attributes
from spacy_slavner.evaluation.oracle import most_frequent, score_base_forms, score_links, with_gold_names

set_attributes()
VOCAB = spacy.blank("xx").vocab
# Form, type, annotated base form and id; base form and id as predicted.
CS = [
    ("Brně", "LOC", "Brno", "L1", "brno", "L1"),
    ("Brno", "LOC", "Brno", "L1", "Brno", "L1"),
    ("Evropské komise", "ORG", "Evropská komise ", "O1", "Evropské komise", "O2"),
]
PL = [
    ("Berna", "LOC", "Brno", "L1", "Berna", "L9"),
    ("Tuska", "PER", "Tusk", None, "Tusk", "P1"),
    ("Tusk", "PER", None, "P1", "Tuska", "P1"),
]
BASES = {("cs", "Brně"): "Brno", ("cs", "Brno"): "Brno", ("cs", "Evropské komise"): "Evropská komise"}
IDS = {"brno": "L1", "tusk": "P2"}


def pair(language, names, doc_id):
    words = [word for form, *_ in names for word in form.split()]
    reference = Doc(VOCAB, words=words)
    reference._.language, reference._.topic, reference._.doc_id = language, "topic", doc_id
    spans, start = [], 0
    for form, type_, _, id, *_ in names:
        end = start + len(form.split())
        spans.append(Span(reference, start, end, label=type_, kb_id=id or ""))
        start = end
    reference.set_ents(spans)
    for ent, (_, _, base, *_) in zip(reference.ents, names, strict=True):
        ent._.base_form = base
    doc = with_gold_names(reference)
    assert [(e.text, e.label_, e.kb_id_, e._.base_form) for e in doc.ents] == [
        (form, type_, "", None) for form, type_, *_ in names
    ]
    for ent, (*_, base, id) in zip(doc.ents, names, strict=True):
        ent._.base_form = base
        for token in ent:
            token.ent_kb_id_ = id
    return reference, doc


@pytest.fixture
def pairs():
    return [pair("cs", CS, "1"), pair("pl", PL, "2")]


def test_base_forms(pairs):
    scores = score_base_forms(pairs, lambda language, form: BASES.get((language, form)))
    # Five names have a base form. "brno" is right but for its capital.
    assert scores["overall"] == {
        "names": 5,
        "accuracy": 3 / 5,
        "cased": 2 / 5,
        "copy": 1 / 5,
        "look_up": 3 / 5,
    }
    assert {name: row["accuracy"] for name, row in scores["by_language"].items()} == {
        "cs": 2 / 3,
        "pl": 1 / 2,
    }
    assert {name: row["names"] for name, row in scores["by_type"].items()} == {"LOC": 3, "ORG": 1, "PER": 1}
    kinds = {kind: (row["names"], row["accuracy"]) for kind, row in scores["by_kind"].items()}
    assert kinds == {
        "changed": (4, 2 / 4),
        "unchanged": (1, 1),
        "several words": (1, 0),
        "new form": (2, 1 / 2),
    }


def test_links(pairs):
    scores = score_links(pairs, lambda form: IDS.get(form.lower()))
    # One name of six has no id.
    assert scores["overall"] == {"names": 5, "accuracy": 3 / 5, "look_up": 1 / 5}
    assert scores["by_language"]["cs"] == {"names": 3, "accuracy": 2 / 3, "look_up": 1 / 3}
    assert scores["by_kind"]["new form"]["names"] == 3
    # A name without a base form is of no kind.
    assert scores["by_kind"]["changed"]["names"] + scores["by_kind"]["unchanged"]["names"] == 4
    # Brně and Brno are together; what Berna lacks are its two links across languages.
    assert scores["lea"] == {"LEA_document": 1, "LEA_language": 1, "LEA_cross_language": 0}


def test_without_look_up_there_are_no_new_forms(pairs):
    for scores in (score_base_forms(pairs), score_links(pairs)):
        assert "look_up" not in scores["overall"] and "new form" not in scores["by_kind"]


def test_nothing_annotated():
    pairs = [pair("cs", [("Brno", "LOC", None, None, "Brno", "L1")], "1")]
    assert score_base_forms(pairs) is None and score_links(pairs) is None


def test_copies_keep_text_and_origin(pairs):
    reference, doc = pairs[1]
    assert doc.text == reference.text and doc is not reference
    assert (doc._.language, doc._.topic, doc._.doc_id) == ("pl", "topic", "2")


def test_most_frequent_is_the_first_of_equals():
    rows = [("a", "y", 1), ("a", "x", 1), ("b", "y", 1), ("b", "x", 2), ("b", "y", 2)]
    assert most_frequent(rows) == {"a": "x", "b": "y"}
