"""The commands `pretrain` and `pretrain-curves`, on a tiny encoder."""

import json
from pathlib import Path

import pytest

from spacy_slavner.errors import InputError
from spacy_slavner.pretraining.mlm import RECIPES, Request

pytest.importorskip("accelerate")


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
    settings = json.loads(record.read_text())["arguments"]
    assert (settings["batch"], settings["rate"]) == (2, 2e-5)
    made = record.stat().st_mtime_ns
    run(*arguments, "--resume")  # nothing is left to train
    assert record.stat().st_mtime_ns > made
    plot = tmp_path / "plot.svg"
    pytest.importorskip("matplotlib")
    assert "given, mean: " in run("pretrain-curves", record, "--plot", plot)
    assert plot.read_text().startswith("<?xml")
    with pytest.raises(InputError, match="no recipe 'long'"):
        run(*arguments, "--recipe", "long")


def test_the_paper_and_a_small_machine() -> None:
    request = Request("", ())
    assert (request.batch, request.rate, request.length, request.position_length) == (256, 2e-5, 128, 512)
    small = Request("", (), **RECIPES["short"])
    assert small.steps == 2_000 and small.batch < request.batch and small.rate == request.rate
