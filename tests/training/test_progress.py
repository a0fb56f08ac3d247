"""What makes a run another one: its config, and whatever lies at the paths that it names."""

import shutil

import pytest
from thinc.api import Config

from spacy_slavner.training.progress import fingerprint

TEXT = """
[system]
epochs = 2
seed = 0

[training]
max_steps = 100

[paths]
train = "{0}/train.spacy"
target = null
encoder = "{0}/encoder"
weights = ${{paths.encoder}}
hub = "owner/name"
"""


@pytest.fixture
def config(tmp_path):
    (tmp_path / "encoder/tokenizer").mkdir(parents=True)
    for name in ("train.spacy", "encoder/model.safetensors", "encoder/tokenizer/pieces"):
        (tmp_path / name).write_text(name)
    return Config().from_str(TEXT.format(tmp_path.as_posix()), interpolate=False)


@pytest.mark.parametrize("name", ["train.spacy", "encoder/model.safetensors", "encoder/tokenizer/pieces"])
def test_files_made_anew_are_another_run(config, tmp_path, name):
    before, path = fingerprint(config), tmp_path / name
    # Of the same length.
    path.write_text(path.read_text().upper())
    assert fingerprint(config) != before
    path.write_text(path.read_text().lower())
    assert fingerprint(config) == before
    path.rename(path.with_name("other"))
    assert fingerprint(config) != before


def test_files_that_are_touched_or_copied_are_the_same_run(config, tmp_path):
    before = fingerprint(config)
    shutil.move(tmp_path / "encoder", tmp_path / "moved")
    shutil.copytree(tmp_path / "moved", tmp_path / "encoder")
    (tmp_path / "train.spacy").touch()
    assert fingerprint(config) == before


def test_length_is_no_part_of_a_run_but_all_else_is(config):
    before = fingerprint(config)
    config["training"]["max_steps"], config["system"]["epochs"] = 7, 9
    assert fingerprint(config) == before
    config["system"]["seed"] = 1
    assert fingerprint(config) != before
