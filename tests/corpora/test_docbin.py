import pytest
from spacy.vocab import Vocab

from spacy_slavner.corpora.docbin import read_docs, write_docbin
from spacy_slavner.corpora.sources import blank_pipeline
from spacy_slavner.errors import InputError

NLP = blank_pipeline()


def make_docs(n: int = 3):
    for i in range(n):
        doc = NLP.make_doc(f"Praha {i} a Petr Fiala")
        doc.set_ents([doc.char_span(0, 5, label="LOC", kb_id="L"), doc.char_span(10, 20, label="PER")])
        doc.ents[0]._.base_form = "Praha"
        doc._.language, doc._.doc_id = "cs", str(i)
        yield doc


def test_annotation_and_attributes_survive(tmp_path):
    assert write_docbin(make_docs(), tmp_path / "b" / "a.spacy") == 3
    for docs in (read_docs(tmp_path / "b" / "a.spacy", Vocab()), read_docs(tmp_path, Vocab())):
        for i, doc in enumerate(docs):
            assert [(e.text, e.label_, e.kb_id_) for e in doc.ents] == [
                ("Praha", "LOC", "L"),
                ("Petr Fiala", "PER", ""),
            ]
            assert doc.ents[0]._.base_form == "Praha" and doc.ents[1]._.base_form is None
            assert (doc._.language, doc._.doc_id) == ("cs", str(i))
        assert i == 2


@pytest.mark.parametrize("keep", [0, 0.2, 0.5, 0.9, 0.99])
def test_truncated(tmp_path, keep):
    path = tmp_path / "a.spacy"
    write_docbin(make_docs(), path)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * keep)])
    with pytest.raises(InputError, match=r"a\.spacy: .*truncated"):
        list(read_docs(path, Vocab()))


def test_missing(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        list(read_docs(tmp_path / "a.spacy", Vocab()))
    with pytest.raises(InputError, match="no .spacy file"):
        list(read_docs(tmp_path, Vocab()))


def test_a_failed_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "a.spacy"
    write_docbin(make_docs(1), path)

    def broken():
        yield from make_docs(1)
        raise RuntimeError

    with pytest.raises(RuntimeError):
        write_docbin(broken(), path)
    assert len(list(read_docs(path, Vocab()))) == 1 and len(list(tmp_path.iterdir())) == 1
