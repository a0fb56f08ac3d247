import unicodedata
from pathlib import Path

import pytest

from spacy_slavner.corpora import slavicner
from spacy_slavner.corpora.docbin import read_docs, write_docbin
from spacy_slavner.corpora.report import Report
from spacy_slavner.corpora.sources import Options, blank_pipeline
from spacy_slavner.errors import InputError

NLP = blank_pipeline()
TEXT = "Praha mlčí.\n\nV Praze jednal Petr Fiala, šéf ODS."
NAMES = [("Praha", "Praha", "LOC"), ("Praze", "Praha", "LOC"), ("Petr Fiala", "Petr Fiala", "PER")]


def make(root: Path, text: bytes | str = TEXT, tsv: str | None = None, name: str = "a") -> Path:
    """A corpus of one document; by default with the three names above."""
    raw, ner = root / f"raw/vlada/cs/{name}.txt", root / f"ner/vlada/cs/{name}.tsv"
    for path in (raw, ner):
        path.parent.mkdir(parents=True, exist_ok=True)
    raw.write_bytes(text if isinstance(text, bytes) else text.encode())
    plain = text.decode("utf-8") if isinstance(text, bytes) else text
    if tsv is None:
        rows = [(plain.index(form), form, lemma, kind) for form, lemma, kind in NAMES]
        tsv = "".join(f"{i}\t{i + len(f)}\t{f}\t{lemma}\t{k}\t{k}-{lemma}\n" for i, f, lemma, k in rows)
    ner.write_bytes(tsv.encode())
    return root


def read(root: Path, **options):
    report = Report()
    options = Options(**options)
    sources = slavicner.find(root, options, report)
    return [doc for s in sources for doc in slavicner.read(s, NLP, options, report)], report


def names(doc) -> list[tuple[str, str, str]]:
    return [(ent.text, ent._.base_form, ent.label_) for ent in doc.ents]


def test_document_attributes_and_entities(tmp_path):
    (doc,), report = read(make(tmp_path))
    assert doc.text == TEXT and names(doc) == NAMES
    assert doc.ents[1].kb_id_ == "LOC-Praha"
    assert (doc._.topic, doc._.language, doc._.doc_id) == ("vlada", "cs", "a")
    assert doc._.source == "raw/vlada/cs/a.txt"
    assert report.counts == {"documents": 1, "mentions": 3, "annotated": 3} and not report.records


def test_round_trip_through_docbin(tmp_path):
    root = make(tmp_path / "in")
    docs, _ = read(root)
    write_docbin(docs, tmp_path / "a.spacy")
    (tmp_path / "out").mkdir()
    slavicner.write(read_docs(tmp_path / "a.spacy", NLP.vocab), tmp_path / "out", Options())
    for name in ("raw/vlada/cs/a.txt", "ner/vlada/cs/a.tsv"):
        assert (tmp_path / "out" / name).read_bytes() == (root / name).read_bytes()


@pytest.mark.parametrize("counted_as", [1, 2])
def test_line_ends_of_two_characters(tmp_path, counted_as):
    crlf = TEXT.replace("\n", "\r\n")
    tsv_text = crlf if counted_as == 2 else TEXT
    tsv = "".join(
        f"{tsv_text.index(f)}\t{tsv_text.index(f) + len(f)}\t{f}\t{lemma}\t{k}\tx\n" for f, lemma, k in NAMES
    )
    (doc,), report = read(make(tmp_path, crlf, tsv))
    assert names(doc) == NAMES and "\r" not in doc.text and not report.records
    assert len(doc.text) == len(tsv_text)


@pytest.mark.parametrize("shift", [0, 1])
def test_byte_order_mark_counted_or_not(tmp_path, shift):
    start = TEXT.index("Petr") + shift
    tsv = f"{start}\t{start + 10}\tPetr Fiala\tPetr Fiala\tPER\tx\n"
    (doc,), report = read(make(tmp_path, b"\xef\xbb\xbf" + TEXT.encode(), tsv))
    assert [ent.text for ent in doc.ents] == ["Petr Fiala"] and not report.records


def test_decomposed_text_and_exotic_spaces_keep_offsets(tmp_path):
    text = unicodedata.normalize("NFD", "Šéf řekl: ") + "Petr\u00a0Fiala\u2028a "
    text += unicodedata.normalize("NFD", "Škoda")
    start, last = text.index("Petr"), text.rindex("S")
    tsv = f"{start}\t{start + 10}\tPetr\u00a0Fiala\tPetr Fiala\tPER\tx\n"
    tsv += f"{last}\t{len(text)}\tŠkoda\tŠkoda\tORG\ty\n"
    (doc,), report = read(make(tmp_path, text, tsv))
    assert len(doc.text) == len(text) and not report.records
    assert [(e.start_char, e.end_char) for e in doc.ents] == [(start, start + 10), (last, len(text))]
    assert doc.ents[0].text == "Petr Fiala"
    assert doc.ents[1].text == text[last:]


def test_what_is_skipped_is_recorded(tmp_path):
    i = TEXT.index("Petr")
    tsv = (
        f"{i}\t{i + 10}\tPetr Fiala\tPetr Fiala\tPER\tx\n"
        f"{i}\t{i + 4}\tPetr\tPetr\tPER\tx\n"
        f"{i}\t{i + 6}\tPetr F\tPetr\tPER\tx\n"
        "0\t5\tBrno!\tBrno\tLOC\tx\n"
        "0\t5\tPraha\tPraha\tLOC\n"
        "a\t5\tPraha\tPraha\tLOC\tx\n"
        "0\t5\tPraha\tPraha\tCITY\tx\n"
    )
    (doc,), report = read(make(tmp_path, tsv=tsv))
    assert [ent.text for ent in doc.ents] == ["Praha", "Petr Fiala"]
    assert report.by_reason() == {
        "overlaps a longer mention": 1,
        "not on token edges": 1,
        "the text at the offsets is another": 1,
        "not six columns": 1,
        "offsets that are not numbers": 1,
    }
    assert report.by_reason(kept=True) == {"a type that is not the task's": 1}
    skipped = {record.reason: record for record in report.records}
    edge = skipped["not on token edges"]
    assert (edge.path, edge.line, edge.start, edge.end) == ("ner/vlada/cs/a.tsv", 3, i, i + 6)
    assert report.counts["mentions"] == report.counts["annotated"] + 3
    report.to_json(tmp_path / "r.json")
    assert "Petr F" in (tmp_path / "r.json").read_text() and "a.tsv:3" in report.summary()


def test_missing_column_everywhere_is_an_error(tmp_path):
    with pytest.raises(InputError, match=r"a\.tsv:1: .*start, end, mention"):
        read(make(tmp_path, tsv="0\t5\tPraha\tLOC\tx\n"))


def test_missing_files(tmp_path):
    root = make(tmp_path)
    make(root, name="b")
    (root / "raw/vlada/cs/a.txt").unlink()
    (root / "ner/vlada/cs/b.tsv").unlink()
    (doc,), report = read(root)
    assert not doc.has_annotation("ENT_IOB") and report.counts["documents without annotation"] == 1
    assert report.by_reason() == {"annotation without a text": 1}
    with pytest.raises(InputError, match="raw/"):
        read(tmp_path / "nothing")


@pytest.mark.parametrize("text", ["", "x" * 10_000, "\n\n  \n"])
def test_odd_documents(tmp_path, text):
    docs, report = read(make(tmp_path, text, ""))
    assert docs[0].text == text and docs[0].ents == ()
    write_docbin(docs, tmp_path / "a.spacy")
    assert [doc.text for doc in read_docs(tmp_path / "a.spacy", NLP.vocab)] == [text]


def test_real_documents_come_back_byte_for_byte(shared, tmp_path):
    corpus, options, report = shared / "data" / "slavicner", Options(), Report()
    sources = slavicner.find(corpus, options, report)[::25]
    docs = [doc for s in sources for doc in slavicner.read(s, NLP, options, report)]
    write_docbin(docs, tmp_path / "a.spacy")
    slavicner.write(read_docs(tmp_path / "a.spacy", NLP.vocab), tmp_path, options)
    skipped = {(record.path, record.line) for record in report.records}
    n = 0
    for source in sources:
        name = source.annotation_source
        lines = source.annotation.read_text(encoding="utf-8").split("\n")
        expected = [x for i, x in enumerate(lines, 1) if x and (name, i) not in skipped]
        assert (tmp_path / name).read_text(encoding="utf-8").split("\n")[:-1] == expected
        n += len(expected)
    assert n == report.counts["annotated"] > 4000
