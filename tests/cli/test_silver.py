"""A corpus whose names pipelines have found."""

import json

import pytest

from spacy_slavner.cli._parts import join_more, prepare
from spacy_slavner.corpora.docbin import read_docs
from spacy_slavner.corpora.sources import blank_pipeline
from spacy_slavner.errors import InputError


@pytest.fixture
def texts(tmp_path):
    for language, text in {"cs": "V Brně zasedala vláda.", "bg": "В Пловдив вали."}.items():
        (tmp_path / "texts" / language).mkdir(parents=True)
        (tmp_path / "texts" / language / "a.txt").write_text(text, encoding="utf-8")
    return tmp_path / "texts"


def test_a_corpus_to_learn_from_besides(corpus, ruler, texts, run, tmp_path):
    given = ("--pipeline", ruler, "--pipeline", ruler, "--texts", texts, "--without", corpus)
    out = run("silver", tmp_path / "silver", *given)
    assert "2 documents with names of 2 pipelines" in out and "LOC 2" in out
    docs = list(read_docs(tmp_path / "silver" / "train.spacy", blank_pipeline().vocab))
    assert [(doc._.language, [ent.text for ent in doc.ents]) for doc in docs] == [
        ("bg", ["Пловдив"]),
        ("cs", ["Brně"]),
    ]
    record = json.loads((tmp_path / "silver" / "report.json").read_text(encoding="utf-8"))
    assert record["names"] == {"LOC": 2} and record["left_out"]["of"] > 0
    assert record["command"].startswith("python -m spacy_slavner silver silver --pipeline ")
    parts = join_more(prepare(corpus.parent, "auto", "", 0), prepare(tmp_path, "silver", "", 0), "silver")
    both = list(read_docs(parts.train, blank_pipeline().vocab))
    assert [doc._.annotated_types for doc in both[-2:]] == [("LOC", "ORG")] * 2
    assert len(both) == 2 + len(list(read_docs(corpus / "train.spacy", blank_pipeline().vocab)))


def test_beside_another_corpus(corpus, ruler, texts, run, tmp_path):
    run("silver", tmp_path / "one", "--pipeline", ruler, "--texts", texts)
    run("silver", tmp_path / "two", "--pipeline", ruler, "--texts", texts)
    parts = prepare(tmp_path, "one+two", "", 0)
    assert len(list(read_docs(parts.train, blank_pipeline().vocab))) == 4


def test_no_names(ruler, texts, tmp_path, run):
    (texts / "bg" / "a.txt").unlink()
    (texts / "cs" / "a.txt").write_text("Prší.", encoding="utf-8")
    with pytest.raises(InputError, match="find no names"):
        run("silver", tmp_path / "silver", "--pipeline", ruler, "--texts", texts)
    assert not (tmp_path / "silver").exists()
