"""Names that pipelines agree on, as a corpus."""

import pytest
import spacy
from spacy.tokens import Doc, Span

from spacy_slavner.attributes import set_attributes
from spacy_slavner.errors import InputError
from spacy_slavner.training.silver import Text, agreed, label

WORDS = "V Praze jednal Petr Fiala .".split()


def found(*names):
    """A document with names: first token, end, type, confidence."""
    set_attributes()
    doc = Doc(spacy.blank("xx").vocab, words=WORDS)
    spans = [Span(doc, start, end, label=type_) for start, end, type_, _ in names]
    doc.set_ents(spans)
    for ent, (*_, confidence) in zip(doc.ents, sorted(names), strict=True):
        ent._.confidence = confidence
    return doc


def ruler(**names):
    nlp = spacy.blank("xx")
    nlp.add_pipe("sentencizer")
    patterns = [{"label": type_, "pattern": form} for type_, form in names.items()]
    nlp.add_pipe("entity_ruler").add_patterns(patterns)
    return nlp


def test_mean_confidence_decides():
    place, person = (1, 2, "LOC"), (3, 5, "PER")
    docs = [found((*place, 0.9), (*person, 0.7)), found((*person, 0.3))]
    assert agreed(docs, 0.5) == [person]  # .5 of both; the place has .45
    assert agreed(docs, 0.45) == [person, place]
    assert agreed(docs, 0.55) == []


def test_a_name_without_confidence_is_sure():
    assert agreed([found((1, 2, "LOC", None)), found()], 0.5) == [(1, 2, "LOC")]


def test_the_likelier_of_two_that_overlap():
    docs = [
        found((3, 5, "PER", 0.8)),
        found((3, 4, "PER", 0.9)),
        found((3, 5, "ORG", 0.6), (1, 2, "LOC", 1.0)),
    ]
    assert agreed(docs, 0.1) == [(1, 2, "LOC"), (3, 4, "PER")]


def test_documents_say_what_they_are():
    text = "V Praze jednal Fiala. Brno je dál."
    pipelines = [ruler(LOC="Praze", PER="Fiala"), ruler(LOC="Brno", ORG="Sparta")]
    (doc,) = label(pipelines, [Text("a", text, "cs")], 0.5)
    assert doc.text == text and [(ent.text, ent.label_) for ent in doc.ents] == [
        ("Praze", "LOC"),
        ("Fiala", "PER"),
        ("Brno", "LOC"),
    ]
    assert doc._.annotated_types == ["LOC", "ORG", "PER"]
    assert (doc._.doc_id, doc._.language, doc._.topic) == ("a", "cs", "silver")
    assert [sent.text for sent in doc.sents] == ["V Praze jednal Fiala.", "Brno je dál."]


def test_what_cannot_be_labelled():
    texts = [Text("a", "V Praze jednal Fiala.", "cs")]
    with pytest.raises(InputError, match="finds no names.*crf_ner"):
        list(label([spacy.blank("xx")], texts, 0.5))
    other = ruler(LOC="Brno")
    other.tokenizer = lambda text: Doc(other.vocab, words=text.split())
    with pytest.raises(InputError, match="the text 'a' into different tokens.*one tokenizer"):
        list(label([ruler(LOC="Brno"), other], texts, 0.5))
