"""The package as it is installed: its entry points, and what importing it costs."""

import os
import subprocess
import sys
from importlib.metadata import distribution
from pathlib import Path

import pytest
from spacy import registry

import spacy_slavner

ROOT = Path(__file__).resolve().parents[1]
ENTRY_POINTS = [e for e in distribution("spacy-slavner").entry_points if e.group != "console_scripts"]

# thinc imports torch where it is installed, so the modules are imported as if it were not.
WITHOUT_TORCH = """
import importlib, sys

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("torch", "transformers", "spacy_transformers"):
            raise ImportError(name)

sys.meta_path.insert(0, Refuse())
for module in sys.argv[1:]:
    importlib.import_module(module)
"""


@pytest.mark.parametrize("entry_point", ENTRY_POINTS, ids=lambda e: f"{e.group}:{e.name}")
def test_entry_points_load(entry_point):
    assert entry_point.load() is not None


def test_functions_are_registered():
    names = {e.name for e in ENTRY_POINTS if e.group == "spacy_architectures"}
    assert "spacy-slavner.TransformerModel.v1" in names
    for name in names:
        assert registry.architectures.get(name)


def test_no_module_that_a_config_names_imports_torch(tmp_path):
    modules = sorted({e.value.split(":")[0] for e in ENTRY_POINTS})
    commands = sorted(p.stem for p in Path(spacy_slavner.__file__).parent.glob("cli/*.py"))
    modules += [f"spacy_slavner.cli.{name}" for name in commands if name != "__init__"]
    command = [sys.executable, "-c", WITHOUT_TORCH, *modules]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


@pytest.mark.skipif("SLAVNER_INSTALLED" not in os.environ, reason="set by `make test`")
def test_what_is_tested_is_the_installed_package():
    assert not Path(spacy_slavner.__file__).is_relative_to(ROOT / "spacy_slavner")
