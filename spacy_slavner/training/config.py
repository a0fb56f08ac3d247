"""Configs in two parts: what all systems share, and the short file that makes a system."""

import configparser
from pathlib import Path
from typing import Any

from spacy.util import CONFIG_SECTION_ORDER
from thinc.api import Config

from ..errors import InputError

BASE = "base.cfg"


def merge_config(path: Path | str, overrides: dict[str, Any] | None = None) -> Config:
    """Lay a system's config over the `base.cfg` beside it; a config without one is taken as it is.

    A block of the system that names another registered function replaces the base's block whole.

    path (Path | str): The system's config.
    overrides (dict[str, Any] | None): Values by dotted name, as on spaCy's command line.
    RETURNS (Config): The merged config, its variables not yet filled in.
    RAISES (InputError): When a file is missing or is no config.
    """
    path = Path(path)
    base = path.parent / BASE
    parts = [base, path] if base.is_file() and base.name != path.name else [path]
    config = Config(section_order=CONFIG_SECTION_ORDER)
    for part in parts:
        config = config.merge(_read(part))
    for name, value in (overrides or {}).items():
        _override(config, name, value, path)
    return config


def fill_config(config: Config) -> Config:
    """Add every setting that was left to its default, so that spaCy's own commands take the config.

    config (Config): A config as `merge_config` gives it.
    RETURNS (Config): The full config, variables kept.
    """
    from spacy.util import load_model_from_config

    return load_model_from_config(config, auto_fill=True, validate=True).config


def _read(path: Path) -> Config:
    if not path.is_file():
        raise InputError("there is no such config", path=path)
    try:
        return Config().from_disk(path, interpolate=False)
    except (ValueError, configparser.Error) as error:
        reason = str(error).strip().splitlines()
        raise InputError(f"this is no config: {' '.join(reason)}", path=path) from error


def _override(config: Config, name: str, value: Any, path: Path) -> None:
    *sections, key = name.split(".")
    block: dict = config
    for section in sections:
        if not isinstance(block.setdefault(section, {}), dict):
            raise InputError(f"--{name} is no setting of this config", path=path)
        block = block[section]
    block[key] = value
