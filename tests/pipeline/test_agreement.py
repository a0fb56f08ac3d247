"""The occurrences of a name in a document agree."""

import spacy
from spacy.tokens import Doc

from spacy_slavner.pipeline.agreement import agree, agree_on_types, complete_people, stem
from spacy_slavner.pipeline.names import Entity


def make_doc(words: str) -> Doc:
    return Doc(spacy.blank("xx").vocab, words=words.split())


def entities(*found: tuple[int, int, str, float | None]) -> list[Entity]:
    return [Entity(*one) for one in found]


def test_occurrences_of_a_name_agree_on_their_type():
    words = "Asia Bibi . Bibiho . Bibi . bibi . Reuters"
    doc = make_doc(words)
    found = entities((0, 2, "PER", 0.9), (5, 6, "ORG", 0.8), (7, 8, "PRO", 0.6), (9, 10, "ORG", 0.5))
    agreed = agree_on_types(doc, found)
    assert [(e.label, round(e.confidence, 4)) for e in agreed] == [
        ("PER", 0.9),
        ("PER", round(0.8 * 0.9 / 2.3, 4)),
        ("PER", round(0.6 * 0.9 / 2.3, 4)),
        ("ORG", 0.5),
    ]
    assert agree_on_types(doc, []) == []


def test_without_probabilities_every_occurrence_has_one_vote():
    doc = make_doc("Praha Prahy Praze Brno Brno")
    types = ["LOC", "ORG", "ORG", "LOC", "ORG"]
    found = entities(*((i, i + 1, label, None) for i, label in enumerate(types)))
    # One vote each for both types of "Praha" and "Prahy", and of "Brno"; "Praze" is another stem.
    assert agree_on_types(doc, found) == found


def test_stems():
    assert [stem(word) for word in ("Bibi", "Bibiho", "ЕС", "Asia", "Asii")] == [
        "bib",
        "bibih",
        "ес",
        "asi",
        "asi",
    ]


def spans(found: list[Entity]) -> list[tuple[int, int, str]]:
    return [entity[:3] for entity in found]


def test_a_person_has_the_whole_name_everywhere():
    doc = make_doc("Asia Bibi . Asii Bibi . Asia Bibi . Bibi i Asia .")
    found = entities(
        (0, 2, "PER", 0.9), (3, 4, "LOC", 0.8), (7, 8, "ORG", 0.3), (9, 10, "PER", 0.7), (11, 12, "LOC", 0.9)
    )
    # 0.9 for the whole name; 0.8 and 0.3 against it are more.
    assert complete_people(doc, found) == found
    found[1] = found[1]._replace(confidence=0.5)
    completed = complete_people(doc, found)
    assert spans(completed) == [(0, 2, "PER"), (3, 5, "PER"), (6, 8, "PER"), (9, 10, "PER"), (11, 12, "LOC")]
    assert completed[1].confidence == completed[2].confidence == 0.9 / (0.9 + 0.5 + 0.3)
    assert completed[0] is found[0]


def test_a_name_that_was_not_seen_is_found_where_it_was_seen_twice():
    doc = make_doc("Asia Bibi . Asia Bibi . Asia Bibi .")
    once = entities((0, 2, "PER", 0.9))
    assert complete_people(doc, once) == once
    twice = entities((0, 2, "PER", 0.9), (3, 5, "PER", 0.9))
    assert spans(complete_people(doc, twice)) == [(0, 2, "PER"), (3, 5, "PER"), (6, 8, "PER")]


def test_longer_names_are_left_alone():
    doc = make_doc("Jan Novák . ulice Jan Novák . Fond Jan Novák Praha . Jan Novák Novák")
    found = entities(
        (0, 2, "PER", 0.9), (3, 6, "LOC", 0.1), (7, 9, "ORG", 0.1), (9, 11, "ORG", 0.1), (13, 15, "PER", 0.1)
    )
    assert agree(doc, found) == found


def test_occurrences_that_overlap_are_one():
    doc = make_doc("Ba Ba . Ba Ba Ba")
    found = entities((0, 2, "PER", None))
    assert spans(complete_people(doc, found)) == [(0, 2, "PER"), (3, 5, "PER")]
    assert complete_people(doc, []) == []
