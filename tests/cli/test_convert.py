import json

import pytest
from typer.testing import CliRunner

from spacy_slavner.cli import app
from spacy_slavner.corpora.docbin import read_docs, write_docbin
from spacy_slavner.corpora.sources import blank_pipeline
from spacy_slavner.errors import InputError

NLP = blank_pipeline()


def convert(*arguments, code: int = 0) -> str:
    result = CliRunner().invoke(app, ["convert", *map(str, arguments)])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == code, result.output
    return result.output


def names(path):
    """All mentions of DocBin files, by document."""
    docs = list(read_docs(path, NLP.vocab))
    return {
        (doc._.topic, doc._.language, doc._.doc_id): [
            (e.start_char, e.end_char, e.text, e._.base_form, e.label_, e.kb_id_) for e in doc.ents
        ]
        for doc in docs
    }


@pytest.fixture(scope="module")
def corpus(sample, tmp_path_factory):
    path = tmp_path_factory.mktemp("corpus") / "all.spacy"
    convert(sample, path, "--from", "bsnlp", "--n-process", 1)
    return path


def test_every_format_brings_the_names_back(corpus, tmp_path):
    expected = names(corpus)
    convert(corpus, tmp_path / "s", "--from", "docbin", "--to", "slavicner")
    convert(tmp_path / "s", tmp_path / "s.spacy", "--from", "slavicner", "--n-process", 1)
    # In that layout a document is known by the name of its file, which the sample has for an id.
    assert names(tmp_path / "s.spacy") == expected
    convert(tmp_path / "s", tmp_path / "b", "--from", "slavicner", "--to", "bsnlp", "--with-raw")
    convert(tmp_path / "b", tmp_path / "b.spacy", "--from", "bsnlp")
    assert names(tmp_path / "b.spacy") == expected
    for name in ("conll", "conllu"):
        convert(corpus, tmp_path / f"c.{name}", "--from", "docbin", "--to", name, "--scheme", "BIOES")
        convert(tmp_path / f"c.{name}", tmp_path / f"{name}.spacy", "--from", name)
        again = names(tmp_path / f"{name}.spacy")
        assert len(again) == len(expected)
        if name == "conllu":
            assert again.keys() == expected.keys()
            assert [[n[2:] for n in ns] for ns in again.values()] == [
                [(" ".join(n[2].split()), *n[3:]) for n in ns] for ns in expected.values()
            ]
        assert [[n[4] for n in ns] for ns in again.values()] == [
            [n[4] for n in ns] for ns in expected.values()
        ]


@pytest.mark.parametrize("format", ["conll", "conllu"])
def test_documents_without_sentences_are_split_by_the_rules_of_their_language(tmp_path, format):
    text = "Jel na ul. Dlouhé č. 5 do Prahy. Vrátil se."
    docs = [NLP.make_doc(text) for _ in range(3)]
    for doc, language in zip(docs, ("cs", None, "xx"), strict=True):
        doc._.language, doc._.doc_id = language, f"id-{language}"
    start, end = text.index("Prahy"), text.index(" se.")
    docs[0].set_ents([docs[0].char_span(start, end, label="LOC")])
    write_docbin(docs, tmp_path / "a.spacy")
    output = convert(tmp_path / "a.spacy", tmp_path / f"a.{format}", "--from", "docbin", "--to", format)
    assert output.count("2 × sentences by general rules") == 1 and "id-None" in output
    convert(tmp_path / f"a.{format}", tmp_path / "b.spacy", "--from", format)
    again = list(read_docs(tmp_path / "b.spacy", NLP.vocab))
    assert [len(list(doc.sents)) for doc in again] == [1, 2, 2]
    assert len(again[0].ents) == 1 and "cut in two" not in output


def test_output_for_the_scorer(corpus, sample, tmp_path):
    convert(corpus, tmp_path / "gold", "--from", "docbin", "--to", "bsnlp")
    written = {p.relative_to(tmp_path / "gold").as_posix(): p for p in tmp_path.glob("gold/*/*/*.out")}
    annotated = {
        p.relative_to(sample / "annotated").as_posix(): p for p in sample.glob("annotated/*/*/*.out")
    }
    assert written.keys() == annotated.keys()
    for name, path in written.items():
        lines, gold = (p.read_text(encoding="utf-8").splitlines() for p in (path, annotated[name]))
        assert lines[0] == gold[0] and {x.split("\t")[0] for x in lines} == {x.split("\t")[0] for x in gold}


def test_split_languages_and_report(sample, tmp_path):
    report = tmp_path / "report.json"
    output = convert(
        *(sample, tmp_path / "out", "--from", "bsnlp", "--split", "sample", "--languages", "bg,uk"),
        *("--report", report, "--n-process", 2),
    )
    parts = {part: names(tmp_path / "out" / f"{part}.spacy") for part in ("train", "dev", "test")}
    assert all(parts.values()) and {key[1] for part in parts.values() for key in part} == {"bg", "uk"}
    topics = [{key[0] for key in part} for part in parts.values()]
    assert sum(map(len, topics)) == len(set().union(*topics))
    counts = json.loads(report.read_text())["counts"]
    assert counts["documents"] == sum(map(len, parts.values()))
    assert counts["mentions"] == sum(len(ns) for part in parts.values() for ns in part.values())
    assert str(tmp_path / "out") in output and "documents written to train.spacy" in output


def test_several_processes_give_the_same(sample, tmp_path):
    for n in (1, 2):
        convert(sample, tmp_path / f"{n}.spacy", "--from", "bsnlp", "--n-process", n)
    one, two = (list(read_docs(tmp_path / f"{n}.spacy", NLP.vocab)) for n in (1, 2))
    assert [doc.text for doc in one] == [doc.text for doc in two]
    assert names(tmp_path / "1.spacy") == names(tmp_path / "2.spacy")


def test_an_error_in_another_process_names_the_file(tmp_path):
    for i in range(100):
        path = tmp_path / f"in/raw/t/cs/{i}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"Praha" if i < 99 else b"Pra\0ha")
    with pytest.raises(InputError, match=r"99\.txt:1: .*NUL"):
        convert(tmp_path / "in", tmp_path / "out.spacy", "--from", "slavicner", "--n-process", 2)
    assert not (tmp_path / "out.spacy").exists()


def test_a_folder_with_files_is_not_replaced(corpus, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("keep")
    with pytest.raises(InputError, match="--force"):
        convert(corpus, tmp_path / "out", "--from", "docbin", "--to", "slavicner")
    assert (tmp_path / "out" / "mine.txt").exists()
    convert(corpus, tmp_path / "out", "--from", "docbin", "--to", "slavicner", "--force")
    assert not (tmp_path / "out" / "mine.txt").exists()


@pytest.mark.parametrize("format", ["slavicner", "bsnlp", "conll", "conllu", "docbin"])
def test_missing_input(tmp_path, format):
    with pytest.raises(InputError, match="nothing: There is no such file"):
        convert(tmp_path / "nothing", tmp_path / "out", "--from", format)


def test_nothing_of_the_language(corpus, tmp_path):
    with pytest.raises(InputError, match="no document of these languages"):
        convert(corpus, tmp_path / "a.spacy", "--from", "docbin", "--languages", "mk")
