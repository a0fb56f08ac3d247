"""The scores of the shared tasks: against the official evaluator's figures, and against enumeration."""

import re
from collections.abc import Iterator
from itertools import combinations
from math import log2
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spacy_slavner.evaluation.bsnlp import METRICS, TYPES, Document, Mention, Scores, score
from spacy_slavner.evaluation.layout import read_folder

SECTIONS = dict(zip(("1a", "1b", "1c", "2)", "3a", "3b", "3c"), METRICS, strict=True))
LINE = re.compile(r"(\t*)(.+):\tR=(\d\.\d+)\tP=(\d\.\d+)\tF=(\d\.\d+)")


def read_report(path: Path) -> Iterator[tuple[str, tuple[str, ...], tuple[float, ...]]]:
    """Measure, path of names (language, topic, document, type in any depth) and (R, P, F) of each line."""
    metric, names = "", []
    for line in path.read_text(encoding="utf-8").splitlines():
        metric = SECTIONS.get(line[:2], metric)
        if match := LINE.fullmatch(line):
            tabs, name, *figures = match.groups()
            names = [*names[: len(tabs)], name]
            yield metric, tuple(names[1:]), tuple(map(float, figures))


@pytest.mark.parametrize("system", ["perfect", "light", "heavy", "identity", "mbert", "tilde"])
def test_every_line_of_the_official_reports(shared, system):
    root = shared / "data" / "evaluator"
    data, reports = root, root / "reports"
    if system in ("mbert", "tilde"):
        data, reports = root / "bsnlp2021" / "data", root / "bsnlp2021" / "reports"
    gold, answers = read_folder(data / "golden"), read_folder(data / system)
    scores = score(gold.documents, answers.documents)
    kinds = dict.fromkeys(TYPES, "type")
    for document in gold.documents:
        kinds |= {document.topic: "topic", document.language: "language"}

    lines, metrics, tables = 0, set(), {}
    for metric, names, figures in read_report(reports / f"{system}.out"):
        fields = tuple(kinds.get(name, "doc_id") for name in names)
        if fields not in tables:
            tables[fields] = scores.split(*fields)
        ours = tables[fields][names][metric]
        assert (ours["r"], ours["p"], ours["f"]) == pytest.approx(figures, abs=1e-5), (metric, names)
        lines += 1
        metrics.add(metric)
    assert metrics == set(METRICS)
    assert lines > 3000


def documents(*mentions: tuple[str, ...], doc_id: str = "1", language: str = "cs") -> list[Document]:
    return [Document("topic", language, doc_id, [Mention(*mention) for mention in mentions])]


def overall(gold: list[Document], system: list[Document], metric: str) -> tuple[float, float]:
    figures = score(gold, system).split()[()][metric]
    return figures["p"], figures["r"]


def test_partial_matching_shares_a_word_of_the_same_type():
    gold = documents(("Angela Merkel", "", "PER", "a"), ("Merkel", "", "PER", "a"), ("Praha", "", "LOC", "b"))
    system = documents(("MERKEL ", "", "per"), ("Angela", "", "LOC"), ("Prahou", "", "LOC"))
    assert overall(gold, system, "RPM") == (1 / 3, 1 / 2)


def test_exact_matching_needs_one_form_of_an_entity():
    gold = documents(("Merkel", "", "PER", "a"), ("Merkelová", "", "PER", "a"), ("Praha", "", "LOC", "b"))
    system = documents(("Merkel", "", "PER"), ("Brno", "", "LOC"), ("Ostrava", "", "LOC"))
    assert overall(gold, system, "REM") == (1 / 3, 1 / 2)
    assert overall(gold, system, "SM") == (1 / 3, 1 / 3)


def test_normalisation_leaves_out_unchanged_forms_and_takes_the_last_duplicate():
    gold = documents(("Prahy", "Praha", "LOC"), ("Brno", "Brno", "LOC"), ("Rusa", "Rus", "PER"))
    system = documents(("Prahy", "Prah", "LOC"), ("Prahy", "praha", "LOC"), ("Rusa", "rusa", "PER"))
    assert overall(gold, system, "NORM") == (1.0, 1 / 2)


def test_absent_documents_count_in_wider_linking_alone():
    mentions = [("Praha", "", "LOC", "p"), ("Prahy", "", "LOC", "p")]
    gold = documents(*mentions) + documents(*mentions, doc_id="2")
    system = documents(*mentions)
    for metric in ("RPM", "REM", "SM", "LEA_document"):
        assert overall(gold, system, metric) == (1.0, 1.0)
    precision, recall = overall(gold, system, "LEA_language")
    assert (precision, recall) == (1.0, 1 / 6)
    # A document that is there but empty does cost recall.
    assert overall(gold, [*system, *documents(doc_id="2")], "SM") == (1.0, 0.5)


def test_unknown_documents_are_not_scored():
    gold = documents(("Praha", "", "LOC", "p"))
    system = gold + documents(("Brno", "", "LOC", "b"), doc_id="9")
    assert overall(gold, system, "SM") == (1.0, 1.0)


def test_pieces_of_a_document_are_merged():
    whole = documents(("Praha", "", "LOC", "p"), ("Prahy", "", "LOC", "p"))
    pieces = documents(("Praha", "", "LOC", "p")) + documents(("Prahy", "", "LOC", "p"))
    assert score(whole, whole).counts == score(pieces, pieces).counts


def test_nothing_scores_zero_everywhere():
    empty: Scores = score([], [])
    figures = empty.to_dict()
    assert set(figures) == {"overall", "by_topic", "by_language", "by_type"}
    assert all(value == {"p": 0.0, "r": 0.0, "f": 0.0} for value in figures["overall"].values())


def test_linking_across_languages_has_no_figure_for_one_language():
    gold = documents(("Praha", "", "LOC", "p")) + documents(("Praga", "", "LOC", "p"), language="pl")
    figures = score(gold, gold).to_dict()
    assert figures["overall"]["LEA_cross_language"]["f"] == 1.0
    assert figures["by_language"]["pl"]["LEA_cross_language"] == {"p": None, "r": None, "f": None}


def lea_by_enumeration(wanted: list[Document], given: list[Document], metric: str) -> float:
    """One direction of LEA, with every link written out, as the definition has it."""

    def clusters(side: list[Document]) -> dict:
        result: dict = {}
        for d in side:
            for m in d.mentions:
                level = {"LEA_document": (d.language, d.doc_id), "LEA_language": (d.language,)}
                cell = (d.topic, m.type, *level.get(metric, ()))
                result.setdefault((cell, m.id), set()).add((d.language, d.doc_id, m.form))
        return result

    def links(keys: set) -> set:
        pairs = {frozenset(pair) for pair in combinations(sorted(keys), 2)}
        cross = {pair for pair in pairs if len({key[0] for key in pair}) == 2}
        return cross if metric == "LEA_cross_language" else pairs

    theirs, found, weights = clusters(given), 0.0, 0.0
    for (cell, _), keys in clusters(wanted).items():
        if total := len(links(keys)):
            shared = sum(len(links(keys) & links(o)) for (c, _), o in theirs.items() if c == cell)
            found += log2(len(keys)) * shared / total
            weights += log2(len(keys))
    return found / weights if weights else 0.0


mentions = st.builds(
    Mention,
    form=st.sampled_from(["a", "b", "c", "d", "e"]),
    lemma=st.just("x"),
    type=st.sampled_from(["PER", "LOC"]),
    id=st.sampled_from(["1", "2", "3"]),
)
keys = [("t", "cs", "1"), ("t", "cs", "2"), ("t", "pl", "1"), ("t", "ru", "1"), ("u", "cs", "1")]
corpora = st.tuples(*(st.lists(mentions, max_size=6) for _ in keys)).map(
    lambda lists: [Document(*key, found) for key, found in zip(keys, lists, strict=True)]
)


@pytest.mark.parametrize("metric", ["LEA_document", "LEA_language", "LEA_cross_language"])
@settings(max_examples=100, deadline=None)
@given(gold=corpora, system=corpora)
def test_linking_equals_enumeration(metric, gold, system):
    figures = score(gold, system).split()[()][metric]
    assert figures["r"] == pytest.approx(lea_by_enumeration(gold, system, metric))
    assert figures["p"] == pytest.approx(lea_by_enumeration(system, gold, metric))


@settings(max_examples=50, deadline=None)
@given(gold=corpora, system=corpora)
def test_partial_matching_equals_n_grams(gold, system):
    def grams(form: str) -> set[tuple[str, ...]]:
        words = form.split(" ")
        return {tuple(words[i:j]) for i in range(len(words)) for j in range(i + 1, len(words) + 1)}

    # Two letters make a form of two words, so that forms overlap in part.
    def longer(side: list[Document]) -> list[Document]:
        return [Document(*d.key, [m._replace(form=f"{m.form} {m.id}") for m in d.mentions]) for d in side]

    gold, system = longer(gold), longer(system)
    found = wanted = right = given_forms = 0
    for theirs, ours in zip(gold, system, strict=True):
        for type_ in ("PER", "LOC"):
            a = [m for m in theirs.mentions if m.type == type_]
            b = [m for m in ours.mentions if m.type == type_]
            wanted += len({m.id for m in a})
            given_forms += len({m.form for m in b})
            found += len({x.id for x in a for y in b if grams(x.form) & grams(y.form)})
            right += len({y.form for x in a for y in b if grams(x.form) & grams(y.form)})
    figures = score(gold, system).split()[()]["RPM"]
    assert figures["r"] == pytest.approx(found / wanted if wanted else 0)
    assert figures["p"] == pytest.approx(right / given_forms if given_forms else 0)
