"""Loading a pipeline, with one clear line where there is none."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from ..errors import InputError

# The option of commands that load a pipeline with other settings.
SETTINGS = typer.Option(
    [], "--set", help="Setting of the pipeline to change, as components.name_linker.scope=corpus"
)

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
    """Load a pipeline from a folder or by its installed name.

    name (str): Folder or name.
    overrides (dict[str, Any] | None): Values of its config to change, by their dotted names.
    RETURNS (Language): The pipeline.
    RAISES (InputError): If there is no such pipeline, or the folder holds none.
    """
    import spacy

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
            remedy="Train one with `spacy project run all`, or give a folder",
        ) from error
