"""What the tests of the commands share: running one, and a small project folder."""

import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from spacy_slavner.cli import app

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def run():
    """Run a command; its errors are raised, its output is returned."""

    def run(*arguments, code: int = 0) -> str:
        result = CliRunner().invoke(app, list(map(str, arguments)))
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == code, result.output
        return result.output

    return run


@pytest.fixture(scope="session")
def corpus(sample, tmp_path_factory) -> Path:
    """A folder with the parts of the sample, cut down to two topics."""
    from spacy_slavner.cli.corpus import prepare_cli
    from spacy_slavner.evaluation.metrics import write_json

    folder = tmp_path_factory.mktemp("corpus")
    small = folder / "small"
    for topic in sorted(p.name for p in (sample / "raw").iterdir())[:3]:
        for part in ("raw", "annotated"):
            shutil.copytree(sample / part / topic, small / part / topic)
    source = {"corpus": "sample", "path": str(small), "layout": "bsnlp", "sample": True}
    write_json(folder / "SOURCE.json", source)
    prepare_cli(folder / "SOURCE.json", folder / "auto", "auto", "", 0)
    return folder / "auto"


@pytest.fixture(scope="session")
def ruler(tmp_path_factory) -> Path:
    """A pipeline without any model, which finds the names of a list."""
    from spacy_slavner.corpora.sources import blank_pipeline

    nlp = blank_pipeline()
    names = {"LOC": ["Brno", "Brně", "Пловдив"], "ORG": ["Evropské komise", "Европейската комисия"]}
    nlp.add_pipe("entity_ruler").add_patterns(
        [{"label": label, "pattern": form} for label, forms in names.items() for form in forms]
    )
    folder = tmp_path_factory.mktemp("ruler")
    nlp.to_disk(folder)
    return folder
