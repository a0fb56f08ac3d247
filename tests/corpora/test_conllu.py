import re

import pytest

from spacy_slavner.corpora import conllu
from spacy_slavner.corpora.report import Report
from spacy_slavner.corpora.sources import Options, Source, blank_pipeline
from spacy_slavner.errors import InputError

NLP = blank_pipeline()
ROWS = """# newdoc id = d1
# sent_id = d1-1
# text = Aby Petr jel do Brna.
1-2 Aby _ _ _ _ _ _ _ _
1 Aby aby SCONJ J, _ 4 mark _ _
2 by být AUX Vc Mood=Cnd 4 aux _ _
3 Petr Petr PROPN NN Case=Nom|Number=Sing 4 nsubj _ NER=B-PER
4 jel jet VERB Vp _ 0 root _ _
4.1 x x VERB _ _ _ _ _ _
5 do do ADP RR _ 6 case _ _
6 Brna Brno PROPN NN Case=Gen 4 obl _ SpaceAfter=No|NER=B-LOC
7 . . PUNCT Z: _ 4 punct _ _

# sent_id = d1-2
1 Ano ano PART TT _ 0 root _ _

"""
TEXT = re.sub(r"(?m)^(\d.*)$", lambda m: m[1].replace(" ", "\t"), ROWS)


def read(path, text, **options):
    path.write_text(text, encoding="utf-8")
    return conllu.read(Source(path, path.name, language="cs"), NLP, Options(**options), Report())


def test_document(tmp_path):
    (doc,) = read(tmp_path / "a.conllu", TEXT)
    assert doc.text == "Aby Petr jel do Brna. Ano "
    assert [s.text for s in doc.sents] == ["Aby Petr jel do Brna.", "Ano"]
    assert [(e.text, e.label_) for e in doc.ents] == [("Petr", "PER"), ("Brna", "LOC")]
    petr = doc[1]
    assert (petr.lemma_, petr.pos_, petr.tag_, petr.dep_) == ("Petr", "PROPN", "NN", "nsubj")
    assert petr.head.text == "jel" and petr.morph.get("Case") == ["Nom"]
    assert doc[0].lemma_ == "aby" and doc[0].head.text == "jel"
    assert (doc._.doc_id, doc._.language) == ("d1", "cs")


def test_written_files_come_back(tmp_path):
    docs = read(tmp_path / "a.conllu", TEXT)
    conllu.write(docs, tmp_path / "b.conllu", Options())
    (doc,) = conllu.read(Source(tmp_path / "b.conllu", "b.conllu"), NLP, Options(), Report())
    for name in ("text_", "lemma_", "pos_", "tag_", "dep_", "ent_type_", "whitespace_"):
        if hasattr(doc[0], name):
            assert [getattr(t, name) for t in doc] == [getattr(t, name) for t in docs[0]]
    assert [t.head.i for t in doc] == [t.head.i for t in docs[0]]
    assert [str(t.morph) for t in doc] == [str(t.morph) for t in docs[0]]


@pytest.mark.parametrize("scheme", ["BIO", "IOB1", "BIOES"])
def test_base_forms_ids_and_origin_come_back(tmp_path, scheme):
    (doc,) = read(tmp_path / "a.conllu", TEXT.replace("7\t.\t.\t", "7\tBrna\t.\t"))
    origin = {"language": "cs", "topic": "t", "date": "2020-01-02", "url": "http://a.example/b"}
    conllu.set_origin(doc, **origin)
    names = [(1, 2, "Petr | I.", "PER-1"), (4, 6, "Brno\\s", ""), (6, 7, None, "LOC-2")]
    spans = [conllu.Span(doc, a, b, label="X", kb_id=k) for a, b, _, k in names]
    doc.set_ents(spans)
    for span, (_, _, lemma, _) in zip(spans, names, strict=True):
        span._.base_form = lemma
    report = Report()
    assert conllu.write([doc], tmp_path / "b.conllu", Options(scheme=scheme), report) == 1
    assert "Lemma=Petr\\s\\p\\sI.|Id=PER-1\n" in (tmp_path / "b.conllu").read_text()
    (again,) = conllu.read(Source(tmp_path / "b.conllu", "b.conllu"), NLP, Options(), report)
    assert [(e.start, e.end, e._.base_form, e.kb_id_) for e in again.ents] == names
    assert {name: again._.get(name) for name in origin} == origin
    assert not report.records


def test_without_names_entities_are_unknown(tmp_path):
    (doc,) = read(tmp_path / "a.conllu", re.sub(r"\|?NER=B-...", "", TEXT).replace("\t\n", "\t_\n"))
    assert not doc.has_annotation("ENT_IOB")


@pytest.mark.parametrize(
    "old, new, what",
    [
        ("\tPetr\tPROPN", "\tPROPN", "9 columns"),
        ("\t4\tnsubj", "\t40\tnsubj", "head '40'"),
        ("3\tPetr", "x\tPetr", "'x' is not a token's number"),
    ],
)
def test_bad_lines(tmp_path, old, new, what):
    with pytest.raises(InputError, match=rf"a\.conllu:7: .*{what}"):
        read(tmp_path / "a.conllu", TEXT.replace(old, new, 1))


def test_real_treebank_keeps_its_text(shared):
    (source,) = conllu.find(shared / "data/ud/UD_Polish-PUD/pl_pud-ud-test.conllu", Options(), Report())
    docs = conllu.read(source, NLP, Options(), Report())
    texts = re.findall(r"(?m)^# text = (.*)$", source.path.read_text(encoding="utf-8"))
    sentences = [sent.text for doc in docs for sent in doc.sents]
    assert len(texts) == 1000 and source.language == "pl"
    assert [s.strip() for s in sentences] == [" ".join(t.split()) for t in texts]
