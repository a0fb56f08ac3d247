"""Training with several processes, as `torchrun` starts them for several GPUs."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("accelerate")


@pytest.mark.slow
def test_two_processes_divide_the_batch_write_once_and_go_on(toy: Path, text: Path, tmp_path: Path) -> None:
    def pretrain(*more: str) -> str:
        sizes = ("--batch", "8", "--device-batch", "4", "--held-out", "2", "--save-every", "2")
        steps = ("--head-steps", "2", "--steps", "4", "--position-steps", "2")
        launch = (sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "--standalone")
        command = (*launch, "-m", "spacy_slavner", "pretrain", str(tmp_path / "out"), "--texts", str(text))
        done = subprocess.run(
            [*command, "--name", str(toy), *sizes, *steps, *more],
            env={**os.environ, "OMP_NUM_THREADS": "1"}, capture_output=True, text=True, timeout=300,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    assert pretrain().count("Encoder and record in") == 1
    made = tmp_path / "out" / "encoder"
    record = json.loads((made / "pretraining.json").read_text())
    assert record["processes"] == 2
    assert record["command"].startswith("torchrun --nproc-per-node 2 -m spacy_slavner pretrain")
    assert record["stages"]["all"]["steps"] == 4
    weights = (made / "model.safetensors").read_bytes()
    pretrain("--resume")
    assert (made / "model.safetensors").read_bytes() == weights
