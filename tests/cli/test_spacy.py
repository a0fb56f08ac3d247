"""The commands stand among spaCy's own."""

import subprocess
import sys


def spacy(*arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, "-m", "spacy", *arguments], capture_output=True, text=True)


def test_commands_of_spacy(tmp_path):
    missing = tmp_path / "nowhere"
    run = spacy("slavner", "check", str(missing))
    assert run.returncode == 1, run.stderr
    assert run.stderr.startswith("Error: ") and "nowhere" in run.stderr
    assert "Traceback" not in run.stderr
