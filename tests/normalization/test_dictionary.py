"""Places that a dictionary has."""

import pytest
import spacy
from spacy.tokens import Doc, Span

from spacy_slavner.normalization.dictionary import Dictionary
from spacy_slavner.normalization.names import names_of

VOCAB = spacy.blank("xx").vocab


def base_of(language: str | None, words: str, label: str = "LOC") -> str | None:
    doc = Doc(VOCAB, words=words.split())
    doc._.language = language
    ((base,),) = Dictionary().predict([names_of(doc, [Span(doc, 0, len(doc), label=label)])])
    return base


@pytest.mark.parametrize(
    ("language", "form", "base"),
    [
        ("cs", "Brně", "Brno"),
        ("cs", "Brno", "Brno"),
        ("cs", "BRNĚ", "BRNO"),
        ("uk", "Києві", "Київ"),
        ("uk", "Чернівцях", "Чернівці"),
        ("ru", "Пакистане", "Пакистан"),
        ("sl", "Ljubljani", "Ljubljana"),
    ],
)
def test_places(language, form, base):
    assert base_of(language, form) == base


@pytest.mark.parametrize(
    ("language", "words", "label"),
    [
        ("cs", "Brně", "PER"),
        ("cs", "Novém Brně", "LOC"),
        ("cs", "brně", "LOC"),
        ("cs", "Xyzkově", "LOC"),
        ("ru", "Нижнем", "LOC"),
        ("bg", "Варна", "LOC"),
        (None, "Brně", "LOC"),
    ],
)
def test_what_is_left_to_others(language, words, label):
    assert base_of(language, words, label) is None
