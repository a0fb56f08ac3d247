"""Several corpora in one: who gives how much, in which order, and what they know of names."""

import math
from collections import Counter

import pytest
import spacy
from spacy.tokens import Span

from spacy_slavner.corpora.docbin import write_docbin
from spacy_slavner.corpora.mixed import create_mixed_corpus, quotas
from spacy_slavner.corpora.reader import create_corpus
from spacy_slavner.corpora.sources import blank_pipeline, set_origin
from spacy_slavner.errors import InputError

NLP = blank_pipeline()


def make_docs(name: str, number: int, languages=("cs",)):
    for i in range(number):
        doc = NLP.make_doc(f"Praha {i}. Jan mlčí.")
        doc.set_ents([Span(doc, 0, 1, "GPE"), Span(doc, 3, 4, "PER")], default="outside")
        doc.ents[0]._.base_form = "Praha"
        yield set_origin(doc, language=languages[i % len(languages)], topic=name, doc_id=f"{name}-{i}")


@pytest.fixture
def sources(tmp_path):
    """A large source of one language, and a small one of two."""
    write_docbin(make_docs("large", 80), tmp_path / "large.spacy")
    write_docbin(make_docs("small", 20, ("bg", "uk", "uk", "uk")), tmp_path / "small.spacy")
    return {name: create_corpus(tmp_path / f"{name}.spacy") for name in ("large", "small")}


def ids(reader) -> list[str]:
    return [example.reference._.doc_id for example in reader(NLP)]


def topics(reader) -> Counter:
    return Counter(example.reference._.topic for example in reader(NLP))


def test_random_mixing_reads_each_document_once(sources):
    reader = spacy.registry.readers.get("spacy-slavner.MixedCorpus.v1")(sources)
    found = ids(reader)
    assert len(found) == 100 == len(set(found))
    assert len({found.index(f"small-{i}") // 20 for i in range(20)}) > 3
    assert ids(reader) != found and sorted(ids(reader)) == sorted(found)
    assert ids(create_mixed_corpus(sources)) == found != ids(create_mixed_corpus(sources, seed=1))


def test_temperature_weights_and_size(sources):
    assert topics(create_mixed_corpus(sources, temperature=1e9)) == {"large": 50, "small": 50}
    root = create_mixed_corpus(sources, temperature=2.0, size=300)
    share = math.sqrt(80) / (math.sqrt(80) + math.sqrt(20))
    assert topics(root) == {"large": round(300 * share), "small": 300 - round(300 * share)}
    # Everything is read before anything is read again.
    counts = Counter(ids(root)).values()
    assert {n for n in counts} <= {2, 3, 5, 6} and min(Counter(ids(root)).values()) == 2
    assert topics(create_mixed_corpus(sources, {"small": 8.0}, size=90)) == {"large": 30, "small": 60}


def test_languages_as_sources(sources):
    reader = create_mixed_corpus(sources, temperature=1e9, by_language=True, size=90)
    assert Counter(e.reference._.language for e in reader(NLP)) == {"cs": 30, "bg": 30, "uk": 30}


def test_quotas_sum_up():
    assert quotas([1, 1, 1], 10) == [4, 3, 3]
    assert quotas([80.0, 20.0], 100) == [80, 20]
    assert sum(quotas([0.1, 0.7, 3.3], 7)) == 7


def test_in_a_config(sources, tmp_path):
    config = spacy.util.load_config_from_str(
        f"""
        [corpora]
        [corpora.train]
        @readers = "spacy-slavner.MixedCorpus.v1"
        weights = {{"target":0.5}}
        [corpora.train.sources]
        [corpora.train.sources.labelled]
        @readers = "spacy-slavner.Corpus.v1"
        path = "{tmp_path}/large.spacy"
        types = ["GPE","PER"]
        [corpora.train.sources.target]
        @readers = "spacy-slavner.Corpus.v1"
        path = "{tmp_path}/small.spacy"
        names = false
        """.replace("\n        ", "\n")
    )
    examples = list(spacy.registry.resolve(config)["corpora"]["train"](NLP))
    assert Counter(e.reference.has_annotation("ENT_IOB") for e in examples) == {True: 89, False: 11}
    assert {(e.reference._.language, len(e.reference.ents)) for e in examples} == {
        ("cs", 2), ("uk", 0), ("bg", 0)
    }  # fmt: skip


def test_bad_settings(sources, tmp_path):
    with pytest.raises(InputError, match="no sources"):
        create_mixed_corpus({})
    with pytest.raises(InputError, match="'huge', which is none.*large, small"):
        create_mixed_corpus(sources, {"huge": 1.0})
    for settings in ({"temperature": 0.0}, {"weights": {"small": -1.0}}):
        with pytest.raises(InputError, match="must be more than 0"):
            create_mixed_corpus(sources, **settings)
    write_docbin([], tmp_path / "empty.spacy")
    empty = create_mixed_corpus({"none": create_corpus(tmp_path / "empty.spacy")})
    with pytest.raises(InputError, match="'none' of the mixed corpus has no documents"):
        ids(empty)


def test_label_sets_that_collide(sources, tmp_path):
    other = create_corpus(tmp_path / "small.spacy", rename={"PER": "Per"})
    with pytest.raises(InputError, match="'large' has the type PER, 'small' the type Per.*rename"):
        ids(create_mixed_corpus(sources | {"small": other}))
    # Types of other names are other types.
    other = create_corpus(tmp_path / "small.spacy", rename={"PER": "PERS"})
    assert len(ids(create_mixed_corpus(sources | {"small": other}))) == 100


def test_files_that_are_no_corpus(tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.spacy").write_bytes("Zażółć gęślą jaźń".encode("cp1250"))
    for path, error in [("empty", "folder has no .spacy file"), ("text.spacy", "text.spacy: .* no DocBin")]:
        with pytest.raises(InputError, match=error):
            ids(create_mixed_corpus({"one": create_corpus(tmp_path / path)}))


def test_what_a_corpus_knows_of_names(sources, tmp_path):
    def read(**settings):
        return [e.reference for e in create_corpus(tmp_path / "large.spacy", limit=2, **settings)(NLP)]

    renamed = read(rename={"GPE": "LOC"}, types=["LOC", "PER"])[0]
    assert [(e.text, e.label_) for e in renamed.ents] == [("Praha", "LOC"), ("Jan", "PER")]
    assert renamed.ents[0]._.base_form == "Praha" and renamed._.annotated_types == ["LOC", "PER"]
    assert [t.ent_iob_ for t in renamed] == [t.ent_iob_ for t in read()[0]]
    fewer = read(rename={"GPE": None}, types=["PER"])[0]
    assert [(e.text, e.label_) for e in fewer.ents] == [("Jan", "PER")]
    assert fewer[0].ent_iob_ == "O" and fewer._.annotated_types == ["PER"]
    bare = read(names=False)[0]
    assert not bare.ents and not bare.has_annotation("ENT_IOB") and bare._.language == "cs"
    pieces = read(names=False, max_tokens=4)
    assert len(pieces) > 2 and not any(p.has_annotation("ENT_IOB") for p in pieces)
    assert {tuple(p._.annotated_types) for p in read(types=["GPE", "PER"], max_tokens=4)} == {("GPE", "PER")}
    (told,) = create_corpus(tmp_path / "large.spacy", limit=1, types=["GPE", "PER"])(NLP)
    assert told.predicted._.annotated_types == ["GPE", "PER"]
    with pytest.raises(InputError, match="'large-0' has a name of type GPE.*rename"):
        read(types=["LOC", "PER"])
