"""Base forms and ids learnt anew, in a pipeline that finds names as before."""

import pytest
import spacy

from spacy_slavner.cli.relearn import relearn
from spacy_slavner.corpora.docbin import read_docs, write_docbin
from spacy_slavner.corpora.reader import make_example
from spacy_slavner.errors import InputError

SETTINGS = {"learned": {"words": 0, "buckets": 512, "width": 8, "least_updates": 2}}


@pytest.fixture
def pipeline(corpus, ruler, tmp_path):
    """A pipeline that has learnt from one document."""
    nlp = spacy.load(ruler)
    nlp.add_pipe("name_normalizer", config=SETTINGS)
    nlp.add_pipe("name_linker")
    doc = next(doc for doc in read_docs(corpus / "train.spacy", nlp.vocab) if doc.ents)
    for name in ("name_normalizer", "name_linker"):
        nlp.get_pipe(name).initialize(lambda: [make_example(nlp, doc, know_language=True)], nlp=nlp)
    nlp.to_disk(tmp_path / "old")
    return tmp_path / "old"


def test_learns_anew(pipeline, corpus, run, tmp_path):
    out = run("relearn", pipeline, corpus / "train.spacy", tmp_path / "new")
    assert "name_normalizer,name_linker" in out
    old, new = spacy.load(pipeline), spacy.load(tmp_path / "new")
    assert old.get_pipe("entity_ruler").to_bytes() == new.get_pipe("entity_ruler").to_bytes()
    memories = [len(nlp.get_pipe("name_normalizer").methods["memory"]) for nlp in (old, new)]
    assert memories[0] < memories[1]
    assert len(old.get_pipe("name_linker").knowledge) < len(new.get_pipe("name_linker").knowledge)


def test_in_place_with_another_setting(pipeline, corpus, run):
    setting = 'components.name_normalizer.methods=["memory","dictionary"]'
    given = ("--components", "name_normalizer", "--set", setting)
    before = spacy.load(pipeline).get_pipe("name_linker").to_bytes()
    run("relearn", pipeline, corpus / "train.spacy", pipeline, *given)
    nlp = spacy.load(pipeline)
    assert list(nlp.get_pipe("name_normalizer").methods) == ["memory", "dictionary"]
    assert nlp.get_pipe("name_linker").to_bytes() == before


def test_what_cannot(pipeline, corpus, tmp_path):
    nlp = spacy.load(pipeline)
    with pytest.raises(InputError, match="'entity_ruler' cannot learn anew. .*name_normalizer, name_linker"):
        relearn(nlp, corpus / "train.spacy", ["entity_ruler"])
    bare = [nlp.make_doc("Nic.")]
    write_docbin(bare, tmp_path / "bare.spacy")
    with pytest.raises(InputError, match="no name of the training documents has a base form"):
        relearn(nlp, tmp_path / "bare.spacy", ["name_normalizer"])
