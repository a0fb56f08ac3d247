"""Every script in benchmarks/ runs alone and leaves figures; docs/benchmarks.md is made of such."""

import json
import runpy
import shutil
import sys
from pathlib import Path

import pytest

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
    "linking": ["--sizes", "50", "--neighbours", "ENCODER"],
    "normalization": ["--set", "words=0", "--set", "least_updates=2", "--set", "epochs=1"],
    "peers": [
        *("--encoder", "ENCODER", "--documents", "1", "--rounds", "1"),
        *("--systems", "names", "hugging_face"),
    ],
    "sentences": ["--fast"],
    "training": ["--encoder", "ENCODER", "--steps", "1"],
}
FIGURES = {
    "convert": {"on_token_edges_fraction", "round_trip_fraction", "seconds"},
    "crf": {"rows", "first_use"},
    "feature_cache": {"steps_per_second", "gain_after_the_first_epoch"},
    "inference": {"pipeline_words_per_second", "bare_words_per_second", "ratio"},
    "language_id": {"rows", "topic"},
    "linking": {"accuracy", "latency"},
    "normalization": {"rows"},
    "peers": {"rows"},
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
    """Run a script as the command line does, without starting Python anew; give the figures."""

    def run(script: Path, options: list[str]) -> dict:
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
    figures = run(BENCHMARKS / f"{name}.py", QUICK.get(name, []))
    assert figures["command"].startswith(f"python benchmarks/{name}.py")
    assert figures["machine"]["processor"] and figures["machine"]["commit"]
    assert figures.keys() >= FIGURES.get(name, set())
    if name in FIGURES.keys() - {"crf"}:
        assert figures["taken"]["corpus"] == "slavicner"


def test_rows_of_the_crf(run, capsys):
    rows = run(BENCHMARKS / "crf.py", QUICK["crf"])["rows"]
    assert [(row["tags"], row["batch"], row["length"]) for row in rows] == [(5, 2, 6), (9, 2, 6)]
    assert all(row["decode_ratio"] > 0 and row["loss_ratio"] > 0 for row in rows)


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
