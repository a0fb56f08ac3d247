"""The commands `pretrain` and `pretrain-curves`, on a tiny encoder."""

import json
from pathlib import Path

import pytest

from spacy_slavner.errors import InputError
from spacy_slavner.pretraining import mlm
from spacy_slavner.pretraining.mlm import RECIPES, Request

pytest.importorskip("accelerate")
RECORD = {name: {} for name in ("held_out", "stages", "perplexity")} | {
    "left_out": {"documents": 0, "sentences": 0, "of": 0}
}


def test_command(run, tiny_encoder: Path, tmp_path: Path) -> None:
    for number in range(6):
        path = tmp_path / "text" / "cs" / f"{number}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"Praha je město číslo {number}", encoding="utf8")
    arguments = [
        "pretrain", tmp_path / "out", "--texts", tmp_path / "text", "--name", tiny_encoder,
        "--recipe", "short", "--batch", 2, "--device-batch", 2, "--head-steps", 1, "--steps", 2,
        "--position-steps", 0,
    ]  # fmt: skip
    output = run(*arguments)
    assert "cs: loss" in output and "Encoder and record in" in output
    record = tmp_path / "out" / "encoder" / "pretraining.json"
    written = json.loads(record.read_text())
    assert (written["arguments"]["batch"], written["arguments"]["rate"]) == (2, 3e-4)
    assert written["command"] == (
        f"python -m spacy_slavner pretrain out --texts text --name {tiny_encoder.name} --recipe short"
        " --batch 2 --device-batch 2 --head-steps 1 --steps 2 --position-steps 0"
    )
    made = record.stat().st_mtime_ns
    other = tmp_path / "metrics" / "pretraining.json"
    run(*arguments, "--resume", "--metrics", other)  # nothing is left to train
    assert json.loads(other.read_text()) == json.loads(record.read_text())
    assert record.stat().st_mtime_ns > made
    few = tmp_path / "text" / "sk" / "0.txt"
    few.parent.mkdir()
    few.write_text("Bratislava je mesto", encoding="utf8")
    assert "Too few texts to measure with: sk" in run(*arguments, "--steps", 1)
    plot = tmp_path / "plot.svg"
    pytest.importorskip("matplotlib")
    assert "given, seed 0: " in run("pretrain-curves", record, "--plot", plot)
    assert plot.read_text().startswith("<?xml")
    with pytest.raises(InputError, match="no recipe 'long'"):
        run(*arguments, "--recipe", "long")


def test_no_text_is_not_the_working_folder(run, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="--texts names no folder.*--vars.texts"):
        run("pretrain", "out", "--texts", "", "--name", "8")
    assert not list(tmp_path.iterdir())


def test_the_command_keeps_relative_paths_and_flags(run, tmp_path: Path, monkeypatch) -> None:
    seen = {}
    monkeypatch.setattr(
        mlm, "pretrain", lambda *args, command, **kwargs: seen.update(command=command) or RECORD
    )
    run("pretrain", "runs/a b", "-t", "text/cs", "-t", tmp_path / "pl", "--pieces", "--seed", 3, "--resume")
    expected = "'runs/a b' --texts text/cs --texts pl --pieces --seed 3 --resume"
    assert seen["command"] == f"python -m spacy_slavner pretrain {expected}"
    monkeypatch.setenv("WORLD_SIZE", "2")
    run("pretrain", "out", "-t", "text")
    assert seen["command"] == "torchrun --nproc-per-node 2 -m spacy_slavner pretrain out --texts text"


def test_the_paper_and_a_small_machine() -> None:
    request = Request("", ())
    assert (request.batch, request.rate, request.length, request.position_length) == (256, 2e-5, 128, 512)
    assert (request.steps, request.position_steps) == (1_000_000, 300_000)
    small = Request("", (), **RECIPES["short"])
    assert small.steps == 2_000 and small.batch < request.batch and small.rate > request.rate
