"""Where the corpus comes from, in the order that is promised."""

import json
import subprocess

import pytest

from spacy_slavner.cli.corpus import CLONE, SAMPLE, find_corpus
from spacy_slavner.errors import InputError

NOWHERE = "file:///no/such/repository"


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project folder with an empty sample, as the working folder."""
    monkeypatch.chdir(tmp_path)
    (SAMPLE / "raw").mkdir(parents=True)
    return tmp_path


@pytest.fixture
def repository(tmp_path):
    """A git repository in SlavicNER's layout."""
    folder = tmp_path / "repository"
    for part in ("raw", "ner"):
        (folder / part).mkdir(parents=True)
        (folder / part / "a.txt").write_text("a")
    git = ["git", "-c", "user.name=Nobody", "-c", "user.email=nobody@example.org"]
    for command in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "Corpus"]):
        subprocess.run([*git, *command], cwd=folder, check=True, capture_output=True)
    return f"file://{folder}"


def test_sample_is_the_last_resort_and_said_so(project, run):
    output = run("corpus", "corpus", "--repository", NOWHERE)
    assert "ONLY THE SAMPLE" in output and "NOTHING about quality" in " ".join(output.split())
    source = json.loads((project / "corpus/SOURCE.json").read_text())
    assert source == {
        "corpus": "sample",
        "path": str(SAMPLE),
        "layout": "bsnlp",
        "sample": True,
    }


def test_repository_is_cloned_whole(project, repository):
    source = find_corpus("", repository)
    assert (source["path"], source["layout"], source["sample"]) == (str(CLONE), "slavicner", False)
    assert (CLONE / "ner/a.txt").read_text() == "a" and not (CLONE / ".git").exists()


def test_folder_goes_before_the_repository(project, repository):
    (project / "mine/raw").mkdir(parents=True)
    source = find_corpus(str(project / "mine"), repository)
    assert (source["corpus"], source["layout"]) == ("mine", "bsnlp")


def test_what_lies_there_goes_before_everything(project):
    for part in ("raw", "ner"):
        (CLONE / part).mkdir(parents=True)
    assert find_corpus(str(project / "mine"), NOWHERE)["path"] == str(CLONE)


def test_folder_without_a_corpus_is_an_error(project):
    with pytest.raises(InputError, match="this is no corpus.*raw/ and ner/"):
        find_corpus(str(project), NOWHERE)


def test_nothing_at_all_is_an_error(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="not even the sample"):
        find_corpus("", "")


def test_parts_know_corpus_and_split(corpus):
    assert json.loads((corpus / "corpus.json").read_text()) == {
        "corpus": "sample",
        "split": "sample",
        "seed": 0,
    }
    assert all((corpus / f"{part}.spacy").is_file() for part in ("train", "dev", "test"))
