"""Loading a pipeline, with one clear line where there is none."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from ..errors import InputError

# The option of commands that load a pipeline with other settings.
SETTINGS = typer.Option(
    [], "--set", help="Setting of the pipeline to change, as components.name_linker.scope=corpus"
)

# What training calls the folders with a pipeline, below that of the run.
CHECKPOINTS = ("model-last", "model-best")

if TYPE_CHECKING:
    from spacy.language import Language


def read_settings(settings: list[str]) -> dict[str, Any]:
    """Read what was given with `--set`.

    settings (list[str]): Such as "components.name_linker.scope=corpus".
    RETURNS (dict[str, Any]): Values by dotted names.
    """
    from spacy.cli._util import parse_config_overrides

    return parse_config_overrides([f"--{setting}" for setting in settings])


def load_pipeline(name: str, overrides: dict[str, Any] | None = None) -> "Language":
    """Load a pipeline from a folder or by its installed name, for much text.

    name (str): Folder or name.
    overrides (dict[str, Any] | None): Values of its config to change, by their dotted names.
    RETURNS (Language): The pipeline.
    RAISES (InputError): If there is no such pipeline, or the folder holds none.
    """
    import spacy

    from ..training.memory import keep_freed_memory

    keep_freed_memory()
    if Path(name).is_dir() and not (Path(name) / "config.cfg").is_file():
        raise InputError(
            "this folder holds no pipeline",
            path=name,
            remedy="Give the folder with config.cfg, such as training/…/model-best",
        )
    try:
        return spacy.load(name, config=overrides or {})
    except OSError as error:
        if "[E050]" not in str(error):
            raise
        raise InputError(
            f"there is no pipeline {name!r}, neither installed nor as a folder",
            remedy="Install the project's own with `pip install packages/xx_slavner-*.whl`, train one with "
            "`spacy project run all`, or give a folder",
        ) from error


def read_own_record(pipeline: str) -> dict[str, Any] | None:
    """Read the record of the run that a pipeline was trained in, which training leaves beside it.

    pipeline (str): Folder or installed name.
    RETURNS (dict[str, Any] | None): The record; None if it is not known.
    """
    from ..evaluation.metrics import read_metrics

    folder = Path(pipeline).resolve()
    path = folder.parent / "metrics.json"
    return read_metrics(path) if folder.name in CHECKPOINTS and path.is_file() else None
