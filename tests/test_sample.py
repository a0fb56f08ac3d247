"""The bundled sample corpus keeps its own promises: layout, headers, forms, types and ids."""

import re
from collections import defaultdict
from datetime import date
from pathlib import Path
from typing import NamedTuple

import pytest

SAMPLE = Path(__file__).resolve().parents[1] / "assets" / "sample"
LANGUAGES = ("bg", "cs", "pl", "ru", "sl", "uk")
TYPES = {"PER", "LOC", "ORG", "PRO", "EVT"}
PREFIXES = {"PER": {"PER"}, "LOC": {"LOC", "GPE"}, "ORG": {"ORG"}, "PRO": {"PRO"}, "EVT": {"EVT"}}

TOPICS = sorted(path.name for path in (SAMPLE / "raw").glob("*") if path.is_dir())
DOCUMENTS = [(topic, language) for topic in TOPICS for language in LANGUAGES]
each_document = pytest.mark.parametrize(("topic", "language"), DOCUMENTS)


class Name(NamedTuple):
    form: str
    lemma: str
    type: str
    id: str


def raw_lines(topic: str, language: str) -> list[str]:
    path = SAMPLE / "raw" / topic / language / f"{topic}_{language}.txt"
    return path.read_text(encoding="utf8").split("\n")


def annotation_lines(topic: str, language: str) -> list[str]:
    path = SAMPLE / "annotated" / topic / language / f"{topic}_{language}.out"
    return path.read_text(encoding="utf8").splitlines()


def names(topic: str, language: str) -> list[Name]:
    return [Name(*line.split("\t")) for line in annotation_lines(topic, language)[1:]]


def text_of(topic: str, language: str) -> str:
    return "\n".join(raw_lines(topic, language)[4:])


def occurrences(form: str, text: str) -> list[tuple[int, int]]:
    return [match.span() for match in re.finditer(rf"(?<!\w){re.escape(form)}(?!\w)", text)]


def test_at_least_twelve_stories():
    assert len(TOPICS) >= 12


def test_every_raw_document_has_annotations_and_no_other_file_lies_there():
    raw = {path.relative_to(SAMPLE / "raw") for path in (SAMPLE / "raw").rglob("*.*")}
    out = {path.relative_to(SAMPLE / "annotated") for path in (SAMPLE / "annotated").rglob("*.*")}
    wanted = {Path(topic, language, f"{topic}_{language}") for topic, language in DOCUMENTS}
    assert raw == {path.with_suffix(".txt") for path in wanted}
    assert out == {path.with_suffix(".out") for path in wanted}


@each_document
def test_header(topic: str, language: str):
    document_id, lang, day, address, title, *body = raw_lines(topic, language)
    assert document_id == f"{topic}_{language}" == annotation_lines(topic, language)[0]
    assert lang == language
    assert date.fromisoformat(day).isoformat() == day
    assert re.fullmatch(r"https://example\.org/\S+", address)
    assert title.strip() == title != ""
    assert len(" ".join(body).split()) >= 80


@pytest.mark.parametrize("topic", TOPICS)
def test_date_is_the_same_in_all_languages(topic: str):
    assert len({raw_lines(topic, language)[2] for language in LANGUAGES}) == 1


@each_document
def test_lines_have_four_clean_fields(topic: str, language: str):
    for line in annotation_lines(topic, language)[1:]:
        fields = line.split("\t")
        assert len(fields) == 4, line
        assert all(field and field == field.strip() for field in fields), line


@each_document
def test_types_and_ids(topic: str, language: str):
    found = names(topic, language)
    assert {name.type for name in found} == TYPES
    for name in found:
        prefix, _, rest = name.id.partition("-")
        # a people is PER with the id of its country or continent
        people = name.type == "PER" and prefix in PREFIXES["LOC"]
        assert people or prefix in PREFIXES[name.type], name
        assert re.fullmatch(r"[\w'.()-]+", rest), name


@each_document
def test_one_line_per_form(topic: str, language: str):
    forms = [name.form for name in names(topic, language)]
    assert len(forms) == len(set(forms))


@each_document
def test_every_form_is_found_longest_first_in_order(topic: str, language: str):
    text = text_of(topic, language)
    taken: set[int] = set()
    first: dict[str, int] = {}
    for form in sorted({name.form for name in names(topic, language)}, key=len, reverse=True):
        for start, end in occurrences(form, text):
            if taken.isdisjoint(range(start, end)):
                taken.update(range(start, end))
                first.setdefault(form, start)
        assert form in first, f"{form!r} stands only inside longer names, or nowhere"
    starts = [first[name.form] for name in names(topic, language)]
    assert starts == sorted(starts)


@each_document
def test_some_names_are_inflected(topic: str, language: str):
    assert any(name.form.lower() != name.lemma.lower() for name in names(topic, language))


@pytest.mark.parametrize("topic", TOPICS)
def test_most_ids_occur_in_most_languages(topic: str):
    languages = defaultdict(set)
    for language in LANGUAGES:
        for name in names(topic, language):
            languages[name.id].add(language)
    shared = [found for found in languages.values() if len(found) >= 4]
    assert len(shared) >= 0.9 * len(languages)


def test_an_id_has_one_type():
    types = defaultdict(set)
    for document in DOCUMENTS:
        for name in names(*document):
            types[name.id].add(name.type)
    for id_, found in types.items():
        allowed = {"LOC", "PER"} if id_.startswith(("GPE-", "LOC-")) else {id_.split("-")[0]}
        assert found <= allowed, id_


def test_a_lemma_has_one_id():
    """Of persons only full names: two people may share a surname."""
    ids = defaultdict(set)
    for topic, language in DOCUMENTS:
        for name in names(topic, language):
            if name.type != "PER" or " " in name.lemma or not name.id.startswith("PER-"):
                ids[language, name.type, name.lemma.lower()].add(name.id)
    assert {key: found for key, found in ids.items() if len(found) > 1} == {}


def test_licence_and_readme_are_there():
    assert "CC0 1.0" in (SAMPLE / "LICENSE").read_text(encoding="utf8")
    assert "say nothing about quality" in (SAMPLE / "README.md").read_text(encoding="utf8")
