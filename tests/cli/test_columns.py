"""Column corpora: their parts as sentences of given tokens, and the snippets."""

import pytest

from spacy_slavner.corpora.docbin import read_docs
from spacy_slavner.corpora.reader import make_example
from spacy_slavner.corpora.sources import blank_pipeline
from spacy_slavner.errors import InputError

NLP = blank_pipeline()
TEXT = """El DA O
Abogado NC B-PER
General AQ I-PER
del SP O
Estado NC O
, Fc O
Daryl VMI B-PER
Williams NC I-PER
, Fc O
en SP O
Murcia NC B-LOC

No RN O
llovió VMI O
"""


def folder_of(tmp_path, names, text, encoding="utf-8"):
    for name in names:
        path = tmp_path / "in" / "es" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding=encoding)
    return tmp_path / "in"


@pytest.mark.parametrize("encoding", ["latin-1", "utf-8"])
def test_parts_and_snippets(run, tmp_path, encoding):
    folder = folder_of(tmp_path, ("esp.train", "esp.testa", "esp.testb"), TEXT, encoding)
    output = run("prepare-columns", "conll2002_es", folder, tmp_path / "out")
    assert "2 sentences written to test.spacy" in output and "1 snippets" in output
    parts = {p.stem: list(read_docs(p, NLP.vocab)) for p in (tmp_path / "out").glob("*.spacy")}
    assert set(parts) == {"train", "dev", "test", "snippets"}
    first, second = parts["test"]
    assert [(e.text, e.label_) for e in first.ents][1:] == [("Daryl Williams", "PER"), ("Murcia", "LOC")]
    assert second.text == "No llovió " and (first._.language, first._.topic) == ("es", "conll2002_es")
    assert first._.doc_id != second._.doc_id
    (snippet,) = parts["snippets"]
    assert snippet.text == snippet.text.lower() and 5 <= len(snippet) <= 8 and snippet.ents
    assert snippet.text in first.text.lower()
    names = {e.text.lower() for e in first.ents}
    assert {e.text for e in snippet.ents} <= names
    # A pipeline gets the tokens, whatever its tokenizer would make of the text, as one sentence.
    predicted = make_example(NLP, first).predicted
    assert [t.text for t in predicted] == [t.text for t in first]
    assert [t.is_sent_start for t in predicted] == [t.i == 0 for t in predicted]


def test_chinese_words_are_tokens(run, tmp_path):
    text = "# newdoc id = a\n# text = 他在北京。\n1\t他\tO\n2\t在\tO\n3\t北京\tB-LOC\n4\t。\tO\n"
    names = [f"zh_gsd-ud-{part}.iob2" for part in ("train", "dev", "test")]
    run("prepare-columns", "uner_zh", folder_of(tmp_path, names, text, "utf-8"), tmp_path / "out")
    (doc,) = read_docs(tmp_path / "out/train.spacy", NLP.vocab)
    assert [t.text for t in make_example(NLP, doc).predicted] == ["他", "在", "北京", "。"]
    assert doc.ents[0].text.strip() == "北京"


def test_a_corpus_without_dev_part(run, tmp_path):
    text = "".join(f"Анна B-PERS\nмовчить O\n{i} O\n\n" for i in range(20))
    run("prepare-columns", "ner_uk", folder_of(tmp_path, ("train.iob", "test.iob"), text), tmp_path / "out")
    parts = {p.stem: [d.text for d in read_docs(p, NLP.vocab)] for p in (tmp_path / "out").glob("*.spacy")}
    assert [len(parts[name]) for name in ("train", "dev", "test", "snippets")] == [18, 2, 20, 20]
    assert not set(parts["train"]) & set(parts["dev"])
    # The corpus says PERS; elsewhere it would be another type of names than PER.
    docs = read_docs(tmp_path / "out/test.spacy", NLP.vocab)
    assert {(ent.text, ent.label_) for doc in docs for ent in doc.ents} == {("Анна", "PER")}


def test_words_with_their_language_before_them(run, tmp_path):
    for name in ("train", "dev", "test"):
        folder_of(tmp_path, (name,), "es:Rio\tB-LOC\nes:de\tI-LOC\n\n".replace("es:", "de:"))
    (tmp_path / "in/es").rename(tmp_path / "in/de")
    run("prepare-columns", "wikiann_de", tmp_path / "in", tmp_path / "out")
    (doc,) = read_docs(tmp_path / "out/train.spacy", NLP.vocab)
    assert [t.text for t in doc] == ["Rio", "de"] and doc.ents[0].label_ == "LOC" and doc._.language == "de"


def test_bad_input(run, tmp_path):
    with pytest.raises(InputError, match="no corpus 'x'.*conll2002_es"):
        run("prepare-columns", "x", tmp_path, tmp_path / "out")
    with pytest.raises(InputError, match="no folder.*--vars.uner"):
        run("prepare-columns", "uner_hr", "", tmp_path / "out")
    with pytest.raises(InputError, match="no file esp.train"):
        run("prepare-columns", "conll2002_es", tmp_path, tmp_path / "out")


@pytest.mark.parametrize("corpus, folder, sizes", [
    ("conll2002_es", "conll2002", (8323, 1915, 1517)), ("uner_zh", "uner", (3997, 500, 500)),
    ("wikiann_de", "wikiann", (20000, 10000, 10000)),
])  # fmt: skip
@pytest.mark.slow
def test_real_sizes(run, shared, tmp_path, corpus, folder, sizes):
    run("prepare-columns", corpus, shared / "data" / folder, tmp_path)
    paths = (tmp_path / f"{part}.spacy" for part in ("train", "dev", "test"))
    assert tuple(len(list(read_docs(path, NLP.vocab))) for path in paths) == sizes
