from pathlib import Path

import pytest

from spacy_slavner.corpora import conll
from spacy_slavner.corpora.report import Report
from spacy_slavner.corpora.sources import Options, Source, blank_pipeline
from spacy_slavner.errors import InputError

NLP = blank_pipeline()


def read(tmp_path: Path, text: str, **options):
    path = tmp_path / "file.conll"
    path.write_bytes(text.encode(options.get("encoding", "utf-8")))
    return conll.read(Source(path, path.name), NLP, Options(**options), Report())


def names(doc) -> list[tuple[str, str]]:
    return [(ent.text, ent.label_) for ent in doc.ents]


VARIANTS = {
    "conll2003": "-DOCSTART- -X- O O\n\nPetr NN I-NP B-PER\nFiala NN I-NP I-PER\nv IN O O\nBrně NN O B-LOC\n",
    "iob1": "Petr N I-PER\nFiala N I-PER\nv P O\nBrně N I-LOC\n",
    "bioes": "Petr\tB-PER\nFiala\tE-PER\nv\tO\nBrně\tS-LOC\n",
    "uner": "# newdoc id = d\n# sent_id = d-1\n# text = Petr Fiala v Brně\n"
    "1\tPetr\tB-PER\t-\tann\n2\tFiala\tI-PER\t-\tann\n3\tv\tO\t-\t-\n4\tBrně\tB-LOC\t-\tann\n",
    "wikiann": "cs:Petr\tB-PER\ncs:Fiala\tI-PER\ncs:v\tO\ncs:Brně\tB-LOC\n",
    "multiconer": "# id 12-ab\tdomain=cs\nPetr _ _ B-PER\nFiala _ _ I-PER\nv _ _ O\nBrně _ _ B-LOC\n",
    "crlf": "Petr B-PER\r\nFiala I-PER\r\nv O\r\nBrně B-LOC\r\n\r\n",
}


@pytest.mark.parametrize("variant", VARIANTS)
def test_variants(tmp_path, variant):
    (doc,) = read(tmp_path, VARIANTS[variant])
    assert [t.text for t in doc] == ["Petr", "Fiala", "v", "Brně"]
    assert names(doc) == [("Petr Fiala", "PER"), ("Brně", "LOC")]
    assert doc.has_unknown_spaces == (variant != "uner")
    assert doc._.source == "file.conll"


def test_what_comments_and_prefixes_say(tmp_path):
    (doc,) = read(tmp_path, VARIANTS["multiconer"])
    assert (doc._.doc_id, doc._.topic) == ("12-ab", "cs")
    (doc,) = read(tmp_path, VARIANTS["wikiann"])
    assert doc._.language == "cs" and doc._.doc_id == "file.conll-1"


def test_named_columns(tmp_path):
    text = "B-LOC x Brno\nO y a\n"
    (doc,) = read(tmp_path, text, columns="tag,_,word")
    assert names(doc) == [("Brno", "LOC")]
    (doc,) = read(tmp_path, text, columns="_,_,word")
    assert not doc.has_annotation("ENT_IOB")
    with pytest.raises(InputError, match="called word"):
        read(tmp_path, text, columns="tag,_")


def test_any_labels_and_ill_formed_tags(tmp_path):
    (doc,) = read(tmp_path, "A I-creative-work\nB I-creative-work\nC I-x\n\nD I-x\n", n_sents=2)
    assert names(doc) == [("A B", "creative-work"), ("C", "x"), ("D", "x")]


def test_documents_and_sentences(tmp_path):
    text = "-DOCSTART- O\n\na O\n\nb O\n\n-DOCSTART- O\n\nc O\n"
    assert [len(list(doc.sents)) for doc in read(tmp_path, text)] == [2, 1]
    text = "a O\n\nb O\n\nc O\n"
    assert [len(doc) for doc in read(tmp_path, text)] == [1, 1, 1]
    assert [len(doc) for doc in read(tmp_path, text, n_sents=2)] == [2, 1]
    assert read(tmp_path, "\n\n") == []


def test_tokens_that_look_like_something_else(tmp_path):
    (doc,) = read(tmp_path, "# O\nBrno B-LOC\n10\u00a0000 O\n")
    assert [t.text for t in doc] == ["#", "Brno", "10\u00a0000"]
    (doc,) = read(tmp_path, "1 O\nBrno B-LOC\n")
    assert names(doc) == [("Brno", "LOC")]


def test_spaces_from_the_text(tmp_path):
    text = "# text = Brno, Praha.\n1\tBrno\tB-LOC\n2\t,\tO\n3\tPraha\tB-LOC\n4\t.\tO\n"
    (doc,) = read(tmp_path, text)
    assert doc.text.strip() == "Brno, Praha." and not doc.has_unknown_spaces
    (doc,) = read(tmp_path, text.replace("= Brno", "= Olomouc"))
    assert doc.has_unknown_spaces


def test_encoding(tmp_path):
    (doc,) = read(tmp_path, "Brně B-LOC\n", encoding="iso-8859-2")
    assert names(doc) == [("Brně", "LOC")]


@pytest.mark.parametrize(
    "text, line, what",
    [
        ("Brno N B-LOC\nPraha B-LOC\na N O\n", 2, "2 columns where 3"),
        ("Brno N\n\nPraha N\n", 1, "no column of tags"),
        ("Brno B-LOC\n\na Q\n", 3, "no column of tags"),
    ],
)
def test_missing_columns(tmp_path, text, line, what):
    with pytest.raises(InputError, match=rf"file\.conll:{line}: .*{what}"):
        read(tmp_path, text)


@pytest.mark.parametrize("scheme", ["BIO", "IOB1", "BIOES"])
def test_written_columns_come_back(tmp_path, scheme):
    docs = read(tmp_path, "Petr B-PER\nFiala I-PER\nBrno B-LOC\nPraha B-LOC\n\na O\n", n_sents=2)
    docs[0]._.language = "cs"
    path = tmp_path / "out.conll"
    assert conll.write(docs, path, Options(scheme=scheme)) == 1
    (doc,) = conll.read(Source(path, "out.conll"), NLP, Options(), Report())
    assert names(doc) == names(docs[0]) and doc.text == docs[0].text
    assert (doc._.language, doc._.doc_id) == ("cs", docs[0]._.doc_id)
    assert [len(s) for s in doc.sents] == [4, 1]
    assert "\tI-LOC\n" not in path.read_text() or scheme == "IOB1"


def test_what_columns_cannot_hold_is_in_the_report(tmp_path):
    (doc,) = read(tmp_path, "Petr B-PER\nFiala I-PER\n\nBrno B-LOC\n", n_sents=2)
    span = doc[1:3]
    span.label_, span.kb_id_ = "ORG", "ORG-1"
    doc.set_ents([span])
    doc.ents[0]._.base_form = "Fiala Brno"
    report = Report()
    assert conll.write([doc, NLP.make_doc(" ")], tmp_path / "out.conll", Options(), report) == 1
    assert {name.split(" (")[0]: n for name, n in report.counts.items()} == {
        "base forms left out": 1,
        "ids left out": 1,
    }
    assert report.by_reason() == {"a document without words": 1}
    (cut,) = [record for record in report.records if record.kept]
    assert (cut.text, cut.start, cut.path) == ("Fiala Brno", 5, "file.conll") and "cut in two" in cut.reason


def test_real_files(shared):
    report, options = Report(), Options()
    data = shared / "data"
    counts = {}
    for name in ("conll2002/esp.testa", "conll2002/ned.testb"):
        (source,) = conll.find(data / name, options, report)
        docs = conll.read(source, NLP, options, report)
        counts[name] = (sum(len(list(d.sents)) for d in docs), sum(len(d.ents) for d in docs))
    # The sizes that the shared task published.
    assert counts == {"conll2002/esp.testa": (1915, 4352), "conll2002/ned.testb": (5195, 3941)}
    (source,) = conll.find(data / "uner/UNER_Slovak-SNK/sk_snk-ud-test.iob2", options, report)
    docs = conll.read(source, NLP, options, report)
    assert not any(doc.has_unknown_spaces for doc in docs) and sum(len(doc.ents) for doc in docs) > 500
