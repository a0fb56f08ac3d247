"""Every script in benchmarks/ runs alone and leaves figures; docs/benchmarks.md is made of such."""

import json
import runpy
import shutil
import sys
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import pytest
import spacy
from spacy.training import Example

ROOT = Path(__file__).resolve().parents[2]
BENCHMARKS = ROOT / "benchmarks"
SCRIPTS = sorted(path.stem for path in BENCHMARKS.glob("*.py"))
# What makes them quick. ENCODER stands for the folder of a tiny one.
QUICK = {
    "convert": ["--n-process", "1"],
    "crf": ["--tags", "5", "9", "--batch", "2", "--length", "6", "--rounds", "1"],
    "feature_cache": ["--encoder", "ENCODER", "--steps", "1", "--epochs", "2"],
    "inference": ["--encoder", "ENCODER", "--documents", "2", "--rounds", "1"],
    "language_id": ["--steps", "3", "--no-others"],
    "lengths": ["--encoder", "ENCODER", "--words", "200", "--lengths", "10", "200", "--rounds", "1"],
    "linking": ["--sizes", "50", "--neighbours", "ENCODER"],
    "normalization": ["--set", "words=0", "--set", "least_updates=2", "--set", "epochs=1"],
    "peers": [
        *("--encoder", "ENCODER", "--documents", "1", "--rounds", "1"),
        *("--systems", "names", "hugging_face", "hugging_face_bf16"),
    ],
    "pretraining": ["--encoder", "ENCODER", "--steps", "1"],
    "sentences": ["--fast"],
    "training": ["--encoder", "ENCODER", "--steps", "1"],
}
FIGURES = {
    "convert": {"on_token_edges_fraction", "round_trip_fraction", "seconds"},
    "crf": {"rows", "first_use"},
    "feature_cache": {"steps_per_second", "gain_after_the_first_epoch"},
    "inference": {"words_per_processor_second", "time_over_bare", "seconds_per_component"},
    "language_id": {"rows", "topic"},
    "lengths": {"rows", "slowest_over_fastest"},
    "linking": {"accuracy", "latency"},
    "normalization": {"rows"},
    "peers": {"rows"},
    "pretraining": {"results", "blocks", "layers"},
    "sentences": {"rows", "cut_mentions", "words_per_second"},
    "training": {"pipeline_pieces_per_second", "bare_pieces_per_second", "ratio"},
}


@pytest.fixture(scope="module")
def corpus(sample, tmp_path_factory) -> Path:
    """A folder with real data, as the benchmarks look for it: three stories of the sample."""
    folder = tmp_path_factory.mktemp("shared")
    for part in ("raw", "annotated"):
        for topic in sorted((sample / part).iterdir())[:3]:
            shutil.copytree(topic, folder / "data/slavicner" / part / topic.name)
    return folder


@pytest.fixture(scope="module")
def run(corpus, tiny_encoder, tmp_path_factory):
    """Run a script as the command line does, once and without starting Python anew; give the figures."""

    @cache
    def run(name: str) -> dict:
        script, options = BENCHMARKS / f"{name}.py", QUICK.get(name, [])
        path = tmp_path_factory.mktemp("figures") / "figures.json"
        words = [str(tiny_encoder) if word == "ENCODER" else word for word in options]
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("SLAVNER_SHARED", str(corpus))
            patch.syspath_prepend(BENCHMARKS)
            patch.setattr(sys, "argv", [str(script), *words, "--json", str(path)])
            try:
                runpy.run_path(str(script), run_name="__main__")
            except SystemExit as end:
                assert not end.code
        return json.loads(path.read_text(encoding="utf-8"))

    return run


@pytest.mark.parametrize("name", SCRIPTS)
def test_script_leaves_figures(name, run, capsys):
    figures = run(name)
    assert figures["command"].startswith(f"python benchmarks/{name}.py")
    assert figures["machine"]["processor"] and figures["machine"]["commit"]
    assert figures.keys() >= FIGURES.get(name, set())
    if name in FIGURES.keys() - {"crf", "pretraining"}:  # these need no text
        assert figures["taken"]["corpus"] == "slavicner"


def test_rows_of_the_crf(run, capsys):
    rows = run("crf")["rows"]
    assert [(row["tags"], row["batch"], row["length"]) for row in rows] == [(5, 2, 6), (9, 2, 6)]
    assert all(row["decode_ratio"] > 0 and row["loss_ratio"] > 0 for row in rows)


@pytest.fixture
def functions(monkeypatch):
    """What a script defines."""
    monkeypatch.syspath_prepend(BENCHMARKS)
    return lambda name: runpy.run_path(str(BENCHMARKS / f"{name}.py"), run_name=name)


@pytest.fixture
def encoding(tiny_encoder):
    """A pipeline that encodes in short windows."""
    spans = {"@span_getters": "spacy-slavner.piece_windows.v1", "window": 8, "overlap": 2}
    model = {"@architectures": "spacy-slavner.TransformerModel.v1", "name": str(tiny_encoder)}
    nlp = spacy.blank("xx")
    nlp.add_pipe("transformer", config={"model": model | {"get_spans": spans}})
    nlp.initialize()
    return nlp


def test_bare_forward_is_the_work_that_the_pipeline_does(encoding, functions, monkeypatch):
    nlp = encoding
    shim, calls = nlp.get_pipe("transformer").model.shims[0], []
    texts = ["V Praze jednal Petr Fiala. " * n for n in (1, 5, 2)]
    bare = functions("inference")["bare_forward"](nlp, texts)
    run = shim._run
    monkeypatch.setattr(shim, "_run", lambda inputs: calls.append(inputs.args) or run(inputs))
    list(nlp.pipe(texts))
    pipeline, calls[:] = list(calls), []
    bare()
    assert len(calls) == len(pipeline) and [n for _, n in calls] == [n for _, n in pipeline]
    for (ours, _), (theirs, _) in zip(calls, pipeline, strict=True):
        assert [b.input_ids.tolist() for b in ours] == [b.input_ids.tolist() for b in theirs]


def test_rows_of_peers(run, functions, capsys):
    rows = run("peers")["rows"]
    assert {row["system"] for row in rows} == {
        "slavner, not trained, names only",
        "Hugging Face pipeline, encoder of slavner, not trained, 32 bits",
        "Hugging Face pipeline, encoder of slavner, not trained, bf16",
    }
    assert [("f" in row) for row in rows] == [row["key"] == "names" for row in rows]
    peers = functions("peers")
    pipelines = {title: (None, name) for title, name in peers["titled"](["xx_a", "some/xx_b"]).items()}
    jobs = peers["jobs_of"](["names", "natasha"], pipelines, 1)
    assert [(job["title"], job.get("pipeline")) for job in jobs] == [
        ("xx_a, names only", "xx_a"),
        ("xx_b, names only", "some/xx_b"),
        ("natasha (slovnet)", None),
    ]
    with pytest.raises(SystemExit):
        peers["titled"](["a/model-last", "b/model-last"])


def test_lengths_have_the_same_words(functions):
    lengths = functions("lengths")
    text = lengths["first_words"](["a b\nc", " d e "], 12)
    assert text.split() == list("abcdeabcdeab") and text.startswith("a b\nc\n\n d")
    documents = lengths["cut"](text, 5)
    assert [len(document.split()) for document in documents] == [5, 5, 2] and "".join(documents) == text


def test_language_identification_learns_from_more_texts(functions, tmp_path):
    (tmp_path / "texts" / "cs").mkdir(parents=True)
    (tmp_path / "texts" / "cs" / "a.txt").write_text("Jiný text.", encoding="utf-8")
    for topic in ("kept", "held_out"):
        (tmp_path / topic).write_text(f"Text {topic}.", encoding="utf-8")
    sources = [SimpleNamespace(topic=t, path=tmp_path / t, language="pl") for t in ("kept", "held_out")]
    texts = functions("language_id")["training_texts"]
    assert list(texts(sources, "held_out", [])) == [("Text kept.", "pl")]
    more = list(texts(sources, "held_out", [tmp_path / "texts"]))
    assert more == [("Text kept.", "pl"), ("Jiný text.", "cs")]


def test_sentences_of_some_length_are_a_group(sample, functions):
    texts = functions("language_id")["test_texts"](sample, "border_summit", 0)
    some, all_ = texts["sentences of 5 words or more"], texts["sentences"]
    assert some == [pair for pair in all_ if len(pair[0].split()) >= 5] and 0 < len(some) < len(all_)


def test_sentences_that_all_others_give_another_language_are_quotations(functions):
    texts = {"sentences": [("a", "ru"), ("b", "ru"), ("c", "uk"), ("d", "bg")]}
    answers = {
        "language_id": ["uk", "ru", "ru", "bg"],
        "lingua": ["uk", "uk", "uk", None],
        "pycld2": ["uk", "ru", "ru", None],
    }

    def rows(*programs):
        return [{"program": p, "texts": "sentences", "answers": answers[p]} for p in programs]

    quotations, all_rows = functions("language_id")["quotations"], rows(*answers)
    assert quotations(all_rows, texts) == {"sentences": 1}  # the first alone: they disagree on the next two
    assert [row["without_quotations"] for row in all_rows] == [2 / 3, 1 / 3, 1 / 3]
    few = rows("language_id", "lingua")
    assert quotations(few, texts) == {"sentences": 0}
    assert all(row.keys() == {"program", "texts"} for row in few)


def test_bare_training_has_the_windows_with_their_special_pieces(encoding, functions):
    shim, seen = encoding.get_pipe("transformer").model.shims[0], []
    # The copy that is trained has it as well.
    shim.module.transformer.register_forward_pre_hook(lambda *call: seen.append(call[2]), with_kwargs=True)
    doc = encoding.make_doc("Praha.")
    step, (number,) = functions("training")["bare_steps"](encoding, [[Example(doc, doc)]], labels=3)
    step(0)
    (pieces,) = shim.pieces([doc])
    ids, mask = (seen[0][name].tolist()[0] for name in ("input_ids", "attention_mask"))
    assert ids == [shim.tokenizer.cls_token_id, *pieces.ids, shim.tokenizer.sep_token_id]
    assert mask == [1] * (number + 2)


def test_without_anything_at_hand_the_sample_and_a_random_encoder_are_taken(tmp_path, monkeypatch, capsys):
    monkeypatch.syspath_prepend(BENCHMARKS)
    from common import TAKEN, data

    (tmp_path / "assets").mkdir()
    (tmp_path / "assets/sample").symlink_to(ROOT / "assets/sample")
    monkeypatch.setattr(data, "ROOT", tmp_path)
    monkeypatch.setenv("SLAVNER_SHARED", str(tmp_path / "nowhere"))
    monkeypatch.setattr(data, "_converted", lambda folder: folder)
    assert data.corpus_folder() == (ROOT / "assets/sample").resolve()
    assert (data.encoder_folder() / "model.safetensors").is_file()
    assert TAKEN["corpus"] == "sample" and TAKEN["encoder"] == "tiny, random"
    assert capsys.readouterr().out.count("NOTHING") == 2
    assert data.layers_of(data.encoder_folder(), 6) is None
    assert data.layers_of(data.encoder_folder(), 1) == 1


def test_page_is_what_the_figures_say(tmp_path, monkeypatch, capsys):
    script = ROOT / "docs/benchmarks/report.py"
    page = tmp_path / "benchmarks.md"
    monkeypatch.setattr(sys, "argv", [str(script), "--out", str(page)])
    runpy.run_path(str(script), run_name="__main__")
    assert page.read_text(encoding="utf-8") == (ROOT / "docs/benchmarks.md").read_text(encoding="utf-8")
