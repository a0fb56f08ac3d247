from collections import Counter

import pytest

from spacy_slavner.corpora import slavicner
from spacy_slavner.corpora.report import Report
from spacy_slavner.corpora.sources import Options, Source, blank_pipeline
from spacy_slavner.corpora.splits import SPLITS, assign, document_key
from spacy_slavner.errors import InputError


def source(topic: str, language: str = "bg", n: int = 0) -> Source:
    name = f"raw/{topic}/{language}/doc{n}.txt"
    return Source(path=None, source=name, topic=topic, language=language)


TOPICS = ("brexit", "asia_bibi", "nord_stream", "ryanair", "covid-19", "us_election_2020")
LANGUAGES = ("bg", "cs", "pl", "ru", "sl", "uk")
CORPUS = [source(t, language, n) for t in TOPICS for language in LANGUAGES for n in range(20)]


def topics(parts, part):
    return {item.topic for item in parts[part]}


def test_published_splits_by_topic():
    parts = assign("bsnlp2019", CORPUS)
    assert [topics(parts, p) for p in parts] == [{"brexit"}, {"asia_bibi"}, {"nord_stream", "ryanair"}]
    assert {i.language for p in parts.values() for i in p} == {"bg", "cs", "pl", "ru"}
    parts = assign("bsnlp2019_final", CORPUS)
    assert topics(parts, "train") == topics(parts, "dev") == {"brexit", "asia_bibi"}
    parts = assign("bsnlp2021", CORPUS)
    assert topics(parts, "test") == {"covid-19", "us_election_2020"}
    assert topics(parts, "train") == set(TOPICS) - topics(parts, "test")
    assert sum(map(len, parts.values())) == len(CORPUS)


def test_the_tuning_part_depends_on_seed_and_document_alone():
    whole = {document_key(i) for i in assign("bsnlp2021", CORPUS, seed=1)["dev"]}
    half = {document_key(i) for i in assign("bsnlp2021", CORPUS[::2], seed=1)["dev"]}
    assert half == whole & {document_key(i) for i in CORPUS[::2]}
    assert whole != {document_key(i) for i in assign("bsnlp2021", CORPUS, seed=2)["dev"]}
    assert 0.05 < len(whole) / (4 * 6 * 20) < 0.15


def test_the_release_learns_from_all_but_a_fiftieth():
    parts = assign("release", CORPUS, seed=1)
    assert set(parts) == {"train", "dev"} and sum(map(len, parts.values())) == len(CORPUS)
    assert 0 < len(parts["dev"]) < 0.05 * len(CORPUS)
    with pytest.raises(InputError, match="too few"):
        assign("release", [])


def test_sample_keeps_stories_together():
    corpus = [source(f"story{i}", language) for i in range(12) for language in ("bg", "cs", "uk")]
    parts = assign("sample", corpus, seed=3)
    assert [len(parts[p]) for p in ("train", "dev", "test")] == [24, 6, 6]
    assert not topics(parts, "train") & topics(parts, "dev") and not topics(parts, "dev") & topics(
        parts, "test"
    )
    few = assign("sample", [source("one", n=n) for n in range(6)])
    assert [len(few[p]) for p in ("train", "dev", "test")] == [4, 1, 1]


def test_docs_and_sources_fall_alike():
    nlp = blank_pipeline()
    docs = []
    for item in CORPUS:
        doc = nlp.make_doc("x")
        doc._.source, doc._.topic, doc._.language = item.source, item.topic, item.language
        docs.append(doc)
    by_doc, by_source = assign("bsnlp2021", docs), assign("bsnlp2021", CORPUS)
    for part in by_doc:
        assert [d._.source for d in by_doc[part]] == [s.source for s in by_source[part]]


def test_lists(tmp_path):
    (tmp_path / "SPLIT_cross-topic_train.txt").write_text(
        "".join(f"raw/brexit/bg/doc{n}.txt\n" for n in range(15))
    )
    (tmp_path / "SPLIT_cross-topic_test.txt").write_text("raw/brexit/bg/doc18.txt\n")
    parts = assign("cross_topic", CORPUS, corpus_root=tmp_path)
    assert [i.source for i in parts["test"]] == ["raw/brexit/bg/doc18.txt"]
    assert len(parts["train"]) + len(parts["dev"]) == 15 and parts["dev"]


def test_errors(tmp_path):
    with pytest.raises(InputError, match="bsnlp2019_final"):
        assign("bsnlp2018", CORPUS)
    with pytest.raises(InputError, match="SPLIT_cross-topic_train"):
        assign("cross_topic", CORPUS, corpus_root=tmp_path)
    with pytest.raises(InputError, match="'sample'"):
        assign("bsnlp2019", [source("flood")])


def test_real_splits_have_the_published_sizes(shared):
    root = shared / "data" / "slavicner"
    corpus = slavicner.find(root, Options(), Report())
    for name, split in (("single_out", "single_out_topic"), ("cross_topic", "cross-topic")):
        parts = assign(name, corpus, corpus_root=root)
        for part, names in (("test", ("test",)), ("train", ("train", "dev"))):
            listed = (root / f"SPLIT_{split}_{part}.txt").read_text().split()
            assert sorted(i.source for n in names for i in parts[n]) == sorted(listed)
    for split in SPLITS:
        used = Counter(i.source for p in assign(split, corpus, corpus_root=root).values() for i in p)
        assert max(used.values()) == 1
