"""`corpus` and `prepare`: where the corpus comes from, and its parts for training."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import typer

from ..errors import InputError
from ._app import app

REPOSITORY = "https://github.com/SlavicNLP/SlavicNER"
CLONE = Path("assets/slavicner")
SAMPLE = Path("assets/sample")
# The record of the corpus that was found, and the one of the parts that were made of it.
SOURCE_FILE = "SOURCE.json"
PARTS_FILE = "corpus.json"
# Split "auto": the honest one of the real corpus, the only one of the sample.
AUTO = {True: "sample", False: "single_out"}
# Seconds: to learn whether a repository answers, and to copy it.
ANSWER, COPY = 20, 900


@app.command("corpus")
def corpus_cli(
    output: Path = typer.Argument(Path("corpus"), help="Folder for the record of what was found"),
    folder: str = typer.Option("", "--folder", help="Folder with a corpus, if you have one"),
    repository: str = typer.Option(REPOSITORY, "--repository", help="Git repository to copy"),
) -> None:
    """Find a corpus, in this order: assets/slavicner, --folder, a clone of --repository, the sample.

    A folder may have the layout of SlavicNER (raw/ and ner/) or of the shared tasks (raw/ and
    annotated/). The sample is a stopgap: figures on it say nothing about quality.
    """
    from wasabi import msg

    from ..evaluation.metrics import write_json

    source = find_corpus(folder, repository)
    path = output / SOURCE_FILE
    write_json(path, source)
    if source["sample"]:
        msg.divider("ONLY THE SAMPLE", char="!")
        msg.warn(
            "No real corpus is at hand, so the bundled sample is used. Figures on the sample say "
            "NOTHING about quality"
        )
        msg.text(f"Copy SlavicNER to {CLONE}, or give its folder: --vars.corpus FOLDER")
    msg.good(f"Corpus {source['corpus']} from {source['path']}, recorded in {path}")


def find_corpus(folder: str = "", repository: str = REPOSITORY) -> dict[str, Any]:
    """Find a corpus in the order that `corpus` describes.

    folder (str): A folder given by the user; empty for none.
    repository (str): Git repository; empty for none.
    RETURNS (dict[str, Any]): "corpus" (name), "path", "layout" ("slavicner" or "bsnlp"), "sample".
    RAISES (InputError): If the given folder is no corpus, or not even the sample is there.
    """
    if CLONE.is_dir():
        return _source(CLONE, "slavicner")
    if folder:
        return _source(Path(folder), Path(folder).resolve().name)
    if repository and _clone(repository, CLONE):
        return _source(CLONE, "slavicner")
    if not SAMPLE.is_dir():
        raise InputError(
            "there is no corpus, not even the sample",
            path=SAMPLE,
            remedy="Run this in the project's folder, or give a corpus with --folder",
        )
    return _source(SAMPLE, "sample") | {"sample": True}


def _source(path: Path, name: str) -> dict[str, Any]:
    if (path / "raw").is_dir() and (path / "ner").is_dir():
        layout = "slavicner"
    elif (path / "raw").is_dir():
        layout = "bsnlp"
    else:
        raise InputError(
            "this is no corpus",
            path=path,
            remedy="It needs raw/ and ner/ (SlavicNER) or raw/ and annotated/ (the shared tasks)",
        )
    return {"corpus": name, "path": str(path), "layout": layout, "sample": False}


def _clone(repository: str, folder: Path) -> bool:
    """Clone a repository, if it answers.

    RETURNS (bool): Whether the folder is there now.
    """
    from wasabi import msg

    from ..files import whole_folder

    msg.info(f"Asking {repository} …")
    try:
        _git(ANSWER, "ls-remote", repository, "HEAD")
        with whole_folder(folder) as path:
            _git(COPY, "clone", "--quiet", "--depth", "1", repository, str(path))
            shutil.rmtree(path / ".git")
    except (OSError, subprocess.SubprocessError) as error:
        lines = (getattr(error, "stderr", None) or b"").decode("utf-8", "replace").split("\n")
        reason = lines[0] or type(error).__name__
        msg.warn(f"{repository} cannot be had: {reason}")
        return False
    return True


def _git(timeout: int, *arguments: str) -> None:
    # Without a terminal prompt a private or misspelt address fails instead of asking for a name.
    environment = os.environ | {"GIT_TERMINAL_PROMPT": "0"}
    subprocess.run(
        ["git", *arguments],
        check=True,
        capture_output=True,
        timeout=timeout,
        env=environment,
        stdin=subprocess.DEVNULL,
    )


@app.command("prepare")
def prepare_cli(
    source: Path = typer.Argument(..., help="The record that `corpus` wrote"),
    output: Path = typer.Argument(..., help="Folder for train.spacy, dev.spacy and test.spacy"),
    split: str = typer.Option("auto", "--split", help="Split; auto: single_out, or the sample's"),
    languages: str = typer.Option("", "--languages", help="Only these, e.g. bg,cs; empty for all"),
    seed: int = typer.Option(0, "--seed", help="Seed of the rule that takes a tuning part"),
) -> None:
    """Convert the corpus that `corpus` found into the parts of a split, as `convert --split` does."""
    from wasabi import msg

    from ..corpora.report import Report
    from ..corpora.sources import Options
    from ..evaluation.metrics import write_json
    from .convert import convert

    found = json.loads(source.read_text(encoding="utf-8"))
    split = AUTO[found["sample"]] if split == "auto" else split
    report = convert(
        Path(found["path"]),
        output,
        found["layout"],
        "docbin",
        options=Options(),
        report=Report(),
        split=split,
        seed=seed,
        languages=[name.strip() for name in languages.split(",") if name.strip()],
        # To start a second process takes longer than to read the sample.
        n_process=1 if found["sample"] else 0,
    )
    print(report.summary())
    report.to_json(output / "report.json")
    write_json(output / PARTS_FILE, {"corpus": found["corpus"], "split": split, "seed": seed})
    msg.good(f"Split {split} of {found['corpus']} in {output}; what was skipped: report.json there")


def corpus_names(path: Path) -> tuple[str, str]:
    """The names of the corpus and the split that a .spacy file belongs to.

    path (Path): The file.
    RETURNS (tuple[str, str]): From the record beside it; else "unknown" and the folder's name.
    """
    record = path.parent / PARTS_FILE
    if not record.is_file():
        return "unknown", path.parent.name
    names = json.loads(record.read_text(encoding="utf-8"))
    return names["corpus"], names["split"]


def corpus_size(path: Path) -> dict[str, int]:
    """The number of documents of a .spacy file.

    path (Path): The file.
    RETURNS (dict[str, int]): "used", those in it, and "all", those of the part that it was taken of.
    """
    from ..corpora.docbin import docbin_files, read_docbin

    record = path.parent / PARTS_FILE
    if record.is_file() and (known := json.loads(record.read_text(encoding="utf-8")).get("documents")):
        return known
    number = sum(len(read_docbin(file)) for file in docbin_files(path))
    return {"used": number, "all": number}
