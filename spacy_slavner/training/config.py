"""Configs in two parts: what all systems share, and the short file that makes a system."""

import configparser
from pathlib import Path
from typing import Any

from spacy.util import CONFIG_SECTION_ORDER
from thinc.api import Config

from ..errors import InputError

BASE = "base.cfg"
# The section with named sets of settings that a system's config may hold, see `read_recipe`.
RECIPES = "recipes"


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
    config.pop(RECIPES, None)
    for name, value in (overrides or {}).items():
        _override(config, name, value, path)
    return config


def read_recipe(path: Path | str, name: str) -> dict[str, Any]:
    """Read a named set of settings that a system's config keeps beside its own.

    A config has the values that were published; a block `[recipes.short]` says by dotted name what a
    small machine takes instead.

    path (Path | str): The system's config.
    name (str): The recipe; empty for none.
    RETURNS (dict[str, Any]): Overrides by dotted name; none if the config has no such recipe, and is
        to be trained as it is.
    RAISES (InputError): When the file is missing or is no config.
    """
    return dict(_read(Path(path)).get(RECIPES, {}).get(name, {})) if name else {}


def changed_settings(path: Path | str, overrides: dict[str, Any]) -> dict[str, list[Any]]:
    """Say what overrides change, for the record of a run.

    path (Path | str): The system's config.
    overrides (dict[str, Any]): Values by dotted name.
    RETURNS (dict[str, list[Any]]): The config's value and the new one by dotted name, where they
        differ. Paths and the seed are not listed: they are no part of a system.
    """
    config, changes = merge_config(path), {}
    for name, value in overrides.items():
        block: Any = config
        for part in name.split("."):
            block = block.get(part) if isinstance(block, dict) else None
        if block != value and not name.startswith("paths.") and name != "system.seed":
            changes[name] = [block, value]
    return changes


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
