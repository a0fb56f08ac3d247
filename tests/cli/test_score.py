"""The commands score, check and report, as a user runs them."""

import json

import pytest
from typer.testing import CliRunner

from spacy_slavner.cli import app
from spacy_slavner.errors import InputError
from spacy_slavner.evaluation.bsnlp import METRICS

RUN = CliRunner()


@pytest.fixture
def folders(tmp_path):
    contents = {
        "gold": "cs-1\nPrahy\tPraha\tLOC\tGPE-Prague\nBrno\tBrno\tLOC\tGPE-Brno\n",
        "system": "cs-1\nPrahy\tPraha\tLOC\tX\nbroken\n",
    }
    for name, content in contents.items():
        path = tmp_path / name / "brexit" / "cs" / "1.txt.out"
        path.parent.mkdir(parents=True)
        path.write_text(content, encoding="utf-8")
    return tmp_path / "gold", tmp_path / "system"


def test_score(folders, tmp_path):
    gold, system = map(str, folders)
    run = RUN.invoke(app, ["score", gold, system, "--json", str(tmp_path / "scores.json")])
    assert run.exit_code == 0
    assert "fewer than 3 fields: 1" in run.stderr
    assert "RPM" in run.stdout and "66.67" in run.stdout
    scores = json.loads((tmp_path / "scores.json").read_text())
    assert list(scores) == ["overall", "by_topic", "by_language", "by_type"]
    assert list(scores["overall"]) == list(METRICS)
    assert scores["by_language"]["cs"]["SM"] == {"p": 1.0, "r": 0.5, "f": pytest.approx(2 / 3)}
    assert set(scores["by_topic"]) == {"brexit"} and set(scores["by_type"]) == {"LOC"}


def test_score_without_a_folder(folders, tmp_path):
    run = RUN.invoke(app, ["score", str(folders[0]), str(tmp_path / "nowhere")])
    assert isinstance(run.exception, InputError)
    assert "nowhere" in str(run.exception)


@pytest.mark.parametrize("content", ["cs-1\n", "cs-1\nPrahy\tLOC\n", "cs-1\nPrahy\tPraha\tMISC\tX\n"])
def test_score_without_a_line_to_score(folders, content):
    gold, system = folders
    (gold / "brexit/cs/1.txt.out").write_text(content)
    run = RUN.invoke(app, ["score", str(gold), str(system)])
    assert isinstance(run.exception, InputError) and "RPM" not in run.stdout
    assert run.exception.path == gold and "`check`" in run.exception.remedy


def test_check(folders):
    gold, system = map(str, folders)
    run = RUN.invoke(app, ["check", gold])
    assert run.exit_code == 0 and "1 files, 0 errors, 0 warnings" in run.stdout
    run = RUN.invoke(app, ["check", system])
    assert run.exit_code == 1
    assert "1.txt.out:3" in run.stdout and "1 errors" in run.stdout


def test_report(tmp_path):
    record = {
        "info": {"system": "bert", "split": "single_out", "seed": 3, "commit": "abc"},
        "results": {"test": {"span": {"overall": {"p": 0.5, "r": 0.5, "f": 0.5}}}},
    }
    (tmp_path / "metrics.json").write_text(json.dumps(record))
    out, figures = tmp_path / "docs" / "results.md", tmp_path / "docs" / "results.json"
    command = ["report", str(tmp_path), "--out", str(out), "--json", str(figures)]
    assert RUN.invoke(app, command).exit_code == 0
    assert json.loads(figures.read_text())["ner"] == {}
    run = RUN.invoke(app, [*command, "--released", "bert"])
    assert run.exit_code == 0, run.output
    assert "1 results from 1 records" in run.stdout
    assert "| **bert** | 50.00 |" in out.read_text(encoding="utf-8")
    assert json.loads(figures.read_text())["ner"]["single_out"] == {
        "span_f1": 0.5,
        "by_language": {},
        "by_type": {},
        "system": "bert",
        "seeds": [3],
        "commit": "abc",
    }
