import unicodedata
from collections import Counter
from pathlib import Path

import pytest

from spacy_slavner.corpora import bsnlp, slavicner
from spacy_slavner.corpora.mentions import Mention
from spacy_slavner.corpora.report import Report
from spacy_slavner.corpora.sources import Options, blank_pipeline
from spacy_slavner.errors import InputError

NLP = blank_pipeline()
RAW = "cs-7\ncs\n2019-01-02\nhttps://example.org/7\nPraha a Brno\nV Praze jednal Petr Fiala.\nFiala mlčel.\n"
OUT = "cs-7\nPraha\tPraha\tLOC\tL1\nPraze\tPraha\tLOC\tL1\n"
OUT += "Petr Fiala\tPetr Fiala\tPER\tP1\nFiala\tFiala\tPER\tP1\n"


def form(text: str, kind: str = "PER", id_: str = "x") -> Mention:
    return Mention(text, text, kind, id_)


def projected(text: str, *forms: str) -> list[str]:
    found = bsnlp.project(text, [form(f) for f in forms]).found
    return [f"{m.start}:{text[m.start : m.end]}" for m in found]


def make(root: Path, raw: str = RAW, out: str = OUT, suffix: str = ".out") -> Path:
    for path, text in ((root / "raw/vlada/cs/a.txt", raw), (root / f"annotated/vlada/cs/a{suffix}", out)):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())
    return root


def read(root: Path, **options):
    report = Report()
    options = Options(**options)
    sources = bsnlp.find(root, options, report)
    return [doc for s in sources for doc in bsnlp.read(s, NLP, options, report)], report


def test_longest_first_and_every_occurrence():
    text = "Nord Stream 2 a Nord Stream, Nord\nStream 2"
    assert projected(text, "Nord Stream", "Nord Stream 2") == [
        "0:Nord Stream 2",
        "16:Nord Stream",
        "29:Nord\nStream 2",
    ]


def test_word_boundaries():
    assert projected("ЕС-27, ЕС и ЕСПЧ, РЕС ЕС2", "ЕС") == ["0:ЕС", "7:ЕС"]
    assert projected("(WHO) WHO's", "WHO") == ["1:WHO", "6:WHO"]
    assert projected("Fialá", "Fiala") == []
    assert projected("Fiala\u0301 Fiala", "Fiala") == ["7:Fiala"]


def test_case_counts_unless_a_form_is_nowhere_written_so():
    assert projected("Brexit a brexit", "brexit") == ["9:brexit"]
    assert projected("BREXIT a Brexit", "brexit") == ["0:BREXIT", "9:Brexit"]


def test_unicode_forms_do_not_matter():
    text = unicodedata.normalize("NFD", "v Łodzi a Čapek")
    for kind in ("NFC", "NFD"):
        assert len(projected(text, unicodedata.normalize(kind, "Čapek"))) == 1
    assert len(projected("Čapek", unicodedata.normalize("NFD", "Čapek"))) == 1


def test_what_is_not_found_is_told_apart():
    forms = [form("Petr Fiala"), form("Petr"), form("Babiš"), form("Petr Fiala", "ORG")]
    projection = bsnlp.project("Petr Fiala", forms)
    assert [m.type for m in projection.found] == ["PER"]
    assert {reason: [m.form for m in ms] for reason, ms in projection.failed.items()} == {
        "only inside of longer names": ["Petr"],
        "not in the text": ["Babiš"],
        "form listed before with another type or id": ["Petr Fiala"],
    }


@pytest.mark.parametrize("suffix", [".out", ".txt.out"])
def test_document(tmp_path, suffix):
    (doc,), report = read(make(tmp_path, suffix=suffix))
    assert doc.text == RAW.split("\n", 4)[4]
    assert (doc._.doc_id, doc._.language, doc._.topic) == ("cs-7", "cs", "vlada")
    assert (doc._.date, doc._.url) == ("2019-01-02", "https://example.org/7")
    assert [ent.text for ent in doc.ents] == ["Praha", "Praze", "Petr Fiala", "Fiala"]
    assert doc.ents[1]._.base_form == "Praha" and doc.ents[2].kb_id_ == "P1"
    assert not report.records and report.counts["forms"] == 4


def test_writing_gives_the_same_files(tmp_path):
    root = make(tmp_path / "in")
    docs, _ = read(root)
    bsnlp.write(docs, tmp_path / "both", Options(), with_raw=True)
    for name in ("raw/vlada/cs/a.txt", "annotated/vlada/cs/a.out"):
        assert (tmp_path / "both" / name).read_text() == (root / name).read_text()
    bsnlp.write(docs, tmp_path / "alone", Options())
    assert (tmp_path / "alone/vlada/cs/a.out").read_text() == OUT


def test_annotation_alone_needs_the_texts(tmp_path):
    root = make(tmp_path / "in")
    docs, report = read(root / "annotated", raw=root / "raw")
    assert len(docs[0].ents) == 4
    with pytest.raises(InputError, match="--raw FOLDER"):
        read(root / "annotated")


def test_a_text_without_header(tmp_path):
    (doc,), _ = read(make(tmp_path, raw="Praha a Brno\n\nV Praze.\n"))
    assert doc.text.startswith("Praha a Brno") and doc._.language == "cs" and doc._.doc_id == "a"


@pytest.mark.parametrize(
    "lines, folder, language",
    [
        (["cs-7", "cs", "2019-01-02", "https://example.org/7"], None, "cs"),
        (["7", "hr", "Mon, 30 Oct 2017 10:00", ""], None, "hr"),
        (["7", "xx", "", ""], None, ""),
        (["7", "es", "", ""], "es", "es"),
        (["7", "es", "", ""], "cs", None),
        (["Počkej", "ale", "", ""], "cs", None),
        (["Čekal dlouho", "pl", "", ""], None, None),
        (["Počkej", "sl", "řekl", ""], None, None),
        (["Počkej", "sl", "", "Praha"], None, None),
    ],
)
def test_only_a_header_is_taken_off(lines, folder, language):
    raw = bsnlp.parse_raw("\n".join([*lines, "Titul", "Text"]), folder)
    if language is None:
        assert raw == bsnlp.RawDocument("\n".join([*lines, "Titul", "Text"]))
    else:
        assert raw == bsnlp.RawDocument("Titul\nText", lines[0], language, *lines[2:])


def test_bad_lines_are_recorded(tmp_path):
    out = "cs-8\nPraha\tPraha\nPraze\tPraha\tLOC\n\nFiala\t\tPER\tP1\nBabiš\tBabiš\tPER\tP2\n"
    (doc,), report = read(make(tmp_path, out=out))
    assert [(e.text, e.kb_id_) for e in doc.ents] == [("Praze", "-1"), ("Fiala", "P1"), ("Fiala", "P1")]
    assert report.by_reason() == {"missing column": 1, "not in the text": 1}
    assert report.by_reason(kept=True) == {"no id": 1, "no lemma": 1, "another document id": 1}
    assert {r.reason: r.line for r in report.records}["not in the text"] == 6
    with pytest.raises(InputError, match=r"a\.out:2: .*mention, lemma, type and id"):
        read(make(tmp_path, out="cs-7\nPraha\tLOC\n"))


def test_a_line_without_lemma_or_with_an_unknown_type_is_no_mention(tmp_path):
    out = "cs-7\nPraha\tLOC\tPER-H1\nPraze\tPraha\tloc\tL1\nFiala\tFiala\tMISC\tP1\n"
    (doc,), report = read(make(tmp_path, out=out))
    assert [(e.text, e.label_) for e in doc.ents] == [("Praze", "LOC")]
    assert [(r.reason, r.path, r.line) for r in report.records] == [
        ("missing column", "annotated/vlada/cs/a.out", 2),
        ("unknown type", "annotated/vlada/cs/a.out", 4),
    ]
    (doc,), _ = read(make(tmp_path / "all", out="cs-7\nFiala\tFiala\tMISC\tP1\n"))
    assert not doc.ents and doc.has_annotation("ENT_IOB")
    (doc,), report = read(tmp_path, types=("LOC", "MISC"))
    assert [e.label_ for e in doc.ents] == ["LOC", "MISC", "MISC"]
    assert report.by_reason() == {"missing column": 1} and not report.by_reason(kept=True)


def test_one_line_per_form_type_and_id(tmp_path):
    doc = NLP.make_doc("Putin a Putin, Putin a Putin")
    spans = [
        doc.char_span(i, i + 5, label="PER", kb_id=k) for i, k in ((0, "a"), (8, "a"), (15, "b"), (23, "a"))
    ]
    doc.set_ents(spans)
    for span, lemma in zip(doc.ents, ("Putina", "Putin", "Putin", "Putin"), strict=True):
        span._.base_form = lemma
    doc._.doc_id = "two words"
    assert bsnlp.to_annotation(doc, "x") == "two_words\nPutin\tPutin\tPER\ta\nPutin\tPutin\tPER\tb\n"


def test_sample(sample):
    docs, report = read(sample)
    assert len(docs) >= 72 and not report.records
    assert Counter(doc._.language for doc in docs).keys() == {"bg", "cs", "pl", "ru", "sl", "uk"}
    assert {ent.label_ for doc in docs for ent in doc.ents} == {"PER", "LOC", "ORG", "PRO", "EVT"}
    assert all(ent.kb_id_ and ent._.base_form for doc in docs for ent in doc.ents)


def test_projection_recovers_the_mentions_of_the_real_corpus(shared):
    report, options = Report(), Options()
    n = same = 0
    for source in slavicner.find(shared / "data" / "slavicner", options, report)[::25]:
        (doc,) = slavicner.read(source, NLP, options, report)
        rows = bsnlp.to_annotation(doc, "x").split("\n")[1:-1]
        forms = [Mention(*row.split("\t")) for row in rows]
        found = {(m.start, m.end, m.type, m.id) for m in bsnlp.project(doc.text, forms).found}
        gold = {(e.start_char, e.end_char, e.label_, e.kb_id_) for e in doc.ents}
        n += len(gold)
        same += len(gold & found)
    assert n > 4000 and same / n > 0.99
