"""Packaging: a small pipeline says what the full one says, and its card and meta.json say what it is."""

import shutil
from zipfile import ZipFile

import pytest
import spacy
import srsly
from spacy.cli.info import info_model
from spacy.training import Example
from thinc.api import Adam

from spacy_slavner.cli.package import _show_cost, list_sources
from spacy_slavner.corpora.docbin import read_docs, write_docbin
from spacy_slavner.corpora.reader import make_example
from spacy_slavner.corpora.sources import blank_pipeline
from spacy_slavner.errors import InputError
from spacy_slavner.evaluation.card import collect_performance
from spacy_slavner.evaluation.metrics import read_metrics
from spacy_slavner.evaluation.tables import percent

SAMPLE = "the bundled sample"
ENCODER = {
    "@architectures": "spacy-slavner.TransformerModel.v1",
    "get_spans": {"@span_getters": "spacy-slavner.piece_windows.v1", "window": 50, "overlap": 10},
    "precision": "fp32",
}


@pytest.fixture(scope="session")
def full(corpus, tiny_encoder, tmp_path_factory):
    """A pipeline with everything that is packaged, which knows the names of a few sample documents."""
    nlp = blank_pipeline()
    nlp.add_pipe("language_id", config={"snippets": 0})
    nlp.add_pipe("sentence_splitter")
    nlp.add_pipe("transformer", config={"model": ENCODER | {"name": str(tiny_encoder)}})
    nlp.add_pipe("crf_ner")
    learned = {"words": 1000, "buckets": 4096, "width": 32, "least_updates": 20}
    nlp.add_pipe("name_normalizer", config={"learned": learned})
    nlp.add_pipe("name_linker")
    docs = list(read_docs(corpus / "test.spacy", nlp.vocab))[:4]
    examples = [make_example(nlp, doc, know_language=True) for doc in docs]
    spacy.util.fix_random_seed(0)
    nlp.initialize(lambda: examples)
    optimizer = Adam(0.01)
    for _ in range(20):
        with nlp.select_pipes(enable=["language_id", "transformer", "crf_ner", "sentence_splitter"]):
            nlp.update(
                [Example(nlp.make_doc(eg.text), eg.reference) for eg in examples],
                sgd=optimizer,
                annotates=["sentence_splitter"],
            )
    folder = tmp_path_factory.mktemp("full")
    nlp.to_disk(folder)
    return folder


@pytest.fixture(scope="session")
def texts(corpus):
    return [doc.text for doc in read_docs(corpus / "test.spacy", spacy.blank("xx").vocab)][:4]


@pytest.fixture
def record(full, corpus, tmp_path, run):
    path = tmp_path / "metrics.json"
    run("evaluate", full, corpus / "test.spacy", "--metrics", path)
    return path


def names(folder, texts):
    return [
        [(e.text, e.label_, e._.base_form, e.kb_id_) for e in doc.ents] + [doc._.language]
        for doc in spacy.load(folder).pipe(texts)
    ]


@pytest.mark.parametrize("weights", ["fp16", "int8"])
def test_small_pipeline_says_what_the_full_one_says(weights, full, texts, corpus, tmp_path, run):
    output = run(
        "package", full, tmp_path, "--folder", "--weights", weights, "--version", "1.2.3",
        "--cost", corpus / "test.spacy", "--every", "3", "--trained-on", SAMPLE,
    )  # fmt: skip
    small = tmp_path / "xx_slavner-1.2.3"
    expected = names(full, texts)
    assert sum(map(len, expected)) > 30 and names(small, texts) == expected
    size = {folder: (folder / "transformer/model").stat().st_size for folder in (full, small)}
    assert size[small] < size[full] * 0.75
    cost = srsly.read_json(small / "meta.json")["storage"]["cost"]
    assert cost["names"] > 0 and cost["same"] > 0.95 and "F of names" in output
    assert abs(cost[weights]["span"] - cost["fp32"]["span"]) < 0.02
    assert len(srsly.read_json(small / "vocab/strings.json")) < 20


def test_what_it_says_of_itself(full, record, tmp_path, run):
    figures = {"machine": {"processor": "A processor", "commit": "abc"}, "words": 1000, "load_seconds": 3.93}
    srsly.write_json(tmp_path / "speed.json", figures | {"peak_memory_gib": 3.6, "seed": 0})
    run(
        "package", full, tmp_path, "--folder", "--metrics", record, "--trained-on", SAMPLE,
        "--encoder", "intfloat/multilingual-e5-small", "--source", "A list=CC0",
        "--author", "The makers", "--url", "https://example.org", "--benchmarks", tmp_path / "speed.json",
    )  # fmt: skip
    folder = tmp_path / "xx_slavner-0.1.0"
    meta, scores = info_model(str(folder)), read_metrics(record)["results"]["test"]
    assert (meta["lang"], meta["name"], meta["author"]) == ("xx", "slavner", "The makers")
    assert meta["url"] == "https://example.org" and meta["not_to_pass_on"] == []
    assert "in text in Bulgarian, Czech" in meta["description"]
    assert meta["languages"] == meta["labels"]["language_id"] and len(meta["languages"]) > 1
    assert meta["requirements"][0].startswith("spacy-slavner>=")
    assert any(name.startswith("spacy-transformers>=") for name in meta["requirements"])
    licences = {source["name"]: source["license"] for source in meta["sources"]}
    assert licences["intfloat/multilingual-e5-small"] == licences["spacy-slavner"] == "MIT"
    assert "CC BY-SA 4.0" in licences["wordfreq"] and licences["A list"] == "CC0"
    assert all(licence in meta["license"] for licence in licences.values())
    performance = srsly.read_json(folder / "meta.json")["performance"]
    assert performance["ents_f"] == pytest.approx(scores["span"]["overall"]["f"], abs=1e-6)
    card = (folder / "README.md").read_text()
    cell = next(iter(scores["span"]["by_language_and_type"].values()))
    for text in (
        percent(cell["f"]),
        "Learned from** | the bundled sample",
        "Bulgarian (bg), Czech (cs)",
        "Author** | The makers",
        "Loading takes 3.9 seconds (A processor, commit abc)",
        "Peak memory: 3.6 GiB on 1,000 words at once (A processor, commit abc)",
        "words per second from raw text",
        "It is not known",
        "say nothing",
        "spacy.load",
        "## Limits",
    ):
        assert text in " ".join(card.split())
    # There is nothing that pip could install.
    assert "pip install" not in card and "Not to be passed on" not in card
    notice = (folder / "LICENSES_SOURCES").read_text()
    assert "Copyright (c) the authors of intfloat/multilingual-e5-small" in notice
    assert "Permission is hereby granted" in notice and "licenses/by-sa/4.0" in notice
    assert str(full) not in card and str(tmp_path) not in (folder / "meta.json").read_text()


def test_wheel(ruler, tmp_path, run):
    run("package", ruler, tmp_path, "--name", "xx_names", "--version", "1.2.3", "--trained-on", SAMPLE)
    (wheel,) = tmp_path.iterdir()
    assert wheel.name == "xx_names-1.2.3-py3-none-any.whl"
    with ZipFile(wheel) as archive:
        files = archive.namelist()
        metadata = archive.read("xx_names-1.2.3.dist-info/METADATA").decode()
        notice = archive.read("xx_names-1.2.3.dist-info/licenses/LICENSES_SOURCES").decode()
    assert {f"xx_names/xx_names-1.2.3/{file}" for file in ("README.md", "config.cfg")} <= set(files)
    assert "Requires-Dist: spacy-slavner" in metadata and "## Limits" in metadata
    assert f"pip install {wheel.name}" in metadata and "Permission is hereby granted" in notice


def a_record(split="x", seed=0, f=0.5, corpus="slavicner", system="s"):
    scores = {"p": f, "r": f, "f": f}
    span = {"overall": scores, "by_type": {"PER": scores}, "by_language": {"cs": scores}}
    info = {"system": system, "corpus": corpus, "split": split, "seed": seed, "created": f"on day {f}"}
    return {"info": info, "results": {"test": {"documents": 3, "span": span}}}


@pytest.fixture
def describe(ruler, tmp_path, run):
    """Package a checkpoint with records of x and y; give meta.json and the text of the card."""
    shutil.copytree(ruler, tmp_path / "training/model-last")
    for split, f in (("x", 0.5), ("y", 0.7)):
        srsly.write_json(tmp_path / f"metrics_{split}.json", a_record(split, f=f))

    def describe(*arguments, own=None, records="xy"):
        if own:
            srsly.write_json(tmp_path / "training/metrics.json", own | {"results": {}})
        arguments += tuple(w for split in records for w in ("--metrics", tmp_path / f"metrics_{split}.json"))
        run("package", tmp_path / "training/model-last", tmp_path / "out", "--folder", *arguments)
        folder = tmp_path / "out/xx_slavner-0.1.0"
        card = " ".join((folder / "README.md").read_text().split())
        return srsly.read_json(folder / "meta.json"), card

    return describe


def test_the_run_of_a_pipeline_is_found_among_the_records(describe):
    meta, card = describe(own=a_record("y", f=0.7))
    assert meta["trained_on"] == "y (training part)" and meta["performance"]["part"] == "y test"
    assert "the one of y with seed 0 is in this package" in card
    meta, card = describe(own=a_record("y", f=0.7), records="y")
    assert meta["figures_note"] == ""


def test_that_no_record_is_of_the_pipeline_is_said(describe):
    meta, card = describe()
    assert "not known" in meta["trained_on"] and "It is not known whether any of the figures is of" in card
    # The same split and seed, but another run.
    meta, card = describe(own=a_record("y", f=0.8))
    assert meta["trained_on"] == "y (training part)" and "None of the figures is of" in card


OWN_LETTERS = ["--trained-on", "my letters"]


@pytest.mark.parametrize(
    "options, own, name, licence",
    [
        ([], a_record(), "SlavicNER", "not stated"),
        (["--trained-on", "SlavicNER, all of it"], None, "SlavicNER", "not stated"),
        ([*OWN_LETTERS, "--any-licence"], None, "my letters", "not known"),
        ([*OWN_LETTERS, "--any-licence"], a_record(corpus="unknown"), "my letters", "not known"),
        ([*OWN_LETTERS, "--source", "my letters=CC BY 4.0"], None, "my letters", "CC BY 4.0"),
        (["--any-licence"], None, "a corpus", "not known"),
    ],
)
def test_corpus_has_its_licence_without_any_record(options, own, name, licence, describe):
    meta, card = describe(*options, own=own, records="")
    (corpus,) = (s for s in meta["sources"] if s["what"] == "texts with names to learn from")
    assert corpus["name"] == name and licence in corpus["license"]
    assert corpus["license"] in meta["license"] and corpus["license"] in card
    assert ("The authors of SlavicNER state no licence" in card) == (name == "SlavicNER")
    assert ("Not to be passed on" in card) == ("--any-licence" in options) == bool(meta["not_to_pass_on"])


@pytest.mark.parametrize(
    "options, own, name, licence",
    [
        ([], a_record(corpus="slavicner+ner_uk"), "NER-UK", "CC BY-NC-SA 4.0"),
        ([], a_record(corpus="conll2002_es"), "CoNLL-2002", "for research only"),
        # What is known is not to be said otherwise, in words or as a source.
        (["--source", "WikiANN=MIT"], a_record(corpus="wikiann_de"), "WikiANN", "not stated"),
        (["--trained-on", "SlavicNER"], a_record(corpus="ner_uk"), "NER-UK", "CC BY-NC-SA 4.0"),
        (["--trained-on", "SlavicNER and two topics of WikiANN"], None, "WikiANN", "not stated"),
        (["--trained-on", SAMPLE, "--source", "A list=GPL"], None, "A list", "GPL"),
        (["--trained-on", SAMPLE, "--encoder", "an/encoder"], None, "an/encoder", "not known"),
        ([], a_record(corpus="slavicner+unknown"), "a corpus", "not known"),
        (OWN_LETTERS, None, "my letters", "not known"),
        ([], None, "a corpus", "not known"),
    ],
)
def test_what_weights_must_not_come_from(options, own, name, licence, describe, tmp_path):
    with pytest.raises(InputError) as refused:
        describe(*options, own=own, records="")
    message = str(refused.value)
    assert name in message and licence in message and "--any-licence" in message
    assert not (tmp_path / "out").exists()
    meta, card = describe(*options, "--any-licence", own=own, records="")
    assert (
        meta["not_to_pass_on"] == [name]
        and f"Not to be passed on: it was made for one's own use from {name}" in card
    )


def test_what_the_encoder_learned_before_counts(describe, tmp_path):
    """Systems that begin with the encoder of another run say nothing of its corpus in their own record."""
    folder = tmp_path / "training/model-last"
    config = spacy.util.load_config(folder / "config.cfg")
    config["paths"]["source"] = str(tmp_path / "union/model-last")
    config.to_disk(folder / "config.cfg")
    with pytest.raises(InputError, match="a corpus.*not known"):
        describe(own=a_record(), records="")
    (tmp_path / "union/model-last").mkdir(parents=True)
    for corpus, refused in (("conll2002_es", "CoNLL-2002"), ("uner_hr", "")):
        srsly.write_json(tmp_path / "union/metrics.json", a_record(corpus=corpus) | {"results": {}})
        if refused:
            with pytest.raises(InputError, match=refused):
                describe(own=a_record(), records="")
    meta, card = describe(own=a_record(), records="")
    assert "Universal NER Croatian-SET" in card and "SlavicNER" in card


def test_systems_have_plain_names(describe, tmp_path):
    record = a_record("z", corpus="slavicner+uner_hr+uner_sk", system="s_with_uner_hr+uner_sk")
    srsly.write_json(tmp_path / "metrics_z.json", record | {"experiment": {"transfer": "uner_hr+uner_sk"}})
    meta, card = describe(records="z")
    assert "of the system s, each" in card and "uner" not in card.replace("UNER_", "")
    assert "with Universal NER Croatian-SET, Universal NER Slovak-SNK" in meta["figures_note"]


@pytest.mark.parametrize("f, warned", [(0.9, True), (0.9481, False), (0.96, False)])
def test_a_dear_storage_is_warned_of(f, warned, capsys):
    scores = dict.fromkeys(("base_form", "sm", "link"))
    cost = {
        "documents": 3,
        "names": 5,
        "same": 1.0,
        "fp32": scores | {"span": 0.95},
        "int8": scores | {"span": f},
    }
    _show_cost(cost, "int8")
    assert ("int8 costs" in capsys.readouterr().out) == warned


@pytest.mark.parametrize("text", ["no JSON", "{}"])
def test_benchmarks_without_figures(text, ruler, tmp_path, run):
    (tmp_path / "speed.json").write_text(text)
    with pytest.raises(InputError, match="speed.json.*--json"):
        run("package", ruler, tmp_path / "out", "--folder", "--benchmarks", tmp_path / "speed.json")


def test_nothing_to_measure(describe, ruler, tmp_path, run):
    both = a_record() | {"results": {"dev": {"documents": 0, "span": None}, **a_record()["results"]}}
    srsly.write_json(tmp_path / "metrics_z.json", both)
    meta, card = describe(records="z")
    assert list(meta["performance"]["runs"][0]["parts"]) == ["test"]
    doc = blank_pipeline().make_doc("Nic.")
    doc.set_ents([], default="outside")
    write_docbin([doc], tmp_path / "dev.spacy")
    with pytest.raises(InputError, match="no names"):
        run("package", ruler, tmp_path / "out", "--folder", "--any-licence", "--cost", tmp_path / "dev.spacy")
    run("package", ruler, tmp_path / "out", "--folder", "--every", "0", code=2)


def test_means_over_seeds():
    performance = collect_performance([a_record(seed=0, f=0.5), a_record(seed=1, f=0.7)])
    (found,) = performance["runs"]
    assert found["seeds"] == [0, 1] and found["parts"]["test"]["spread"] == pytest.approx(0.2)
    assert performance["ents_per_type"]["PER"]["f"] == performance["ents_f"] == pytest.approx(0.6)


def test_bad_input(ruler, tmp_path, run):
    with pytest.raises(InputError, match="fp8"):
        run("package", ruler, tmp_path, "--folder", "--any-licence", "--weights", "fp8")
    with pytest.raises(InputError, match="NAME=LICENCE"):
        run("package", ruler, tmp_path, "--folder", "--source", "something")
    assert not list(tmp_path.iterdir())
    corpora = [{"info": {"corpus": "slavicner+uner_hr"}}, {"info": {"corpus": "new"}}]
    licences = {source["name"]: source["license"] for source in list_sources(corpora, "", [])}
    assert "not stated" in licences["SlavicNER"] and "not known" in licences["new"]
    assert licences["Universal NER Croatian-SET"] == "CC BY-SA 4.0"
