"""Configs in two parts: what all systems share, and the short file that makes a system."""

import configparser
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

from spacy.util import CONFIG_SECTION_ORDER
from thinc.api import Config

from ..errors import InputError

BASE = "base.cfg"
# The section with named sets of settings that a system's config may hold, see `read_recipe`.
RECIPES = "recipes"
# The recipe that the project takes where there is one.
SHORT = "short"
# What a setting has that a config leaves out.
DEFAULT = "default"


def merge_config(path: Path | str, overrides: dict[str, Any] | None = None) -> Config:
    """Lay a system's config over the `base.cfg` beside it; a config without one is taken as it is.

    A block of the system that names another registered function replaces the base's block whole. With
    `extends` in its block [system], the config is first laid over the one of that name beside it, or over
    each of several in turn.

    path (Path | str): The system's config.
    overrides (dict[str, Any] | None): Values by dotted name, as on spaCy's command line.
    RETURNS (Config): The merged config, its variables not yet filled in.
    RAISES (InputError): When a file is missing or is no config.
    """
    config = _merged(Path(path))
    config.pop(RECIPES, None)
    for name, value in (overrides or {}).items():
        _override(config, name, value, Path(path))
    return config


def _merged(path: Path) -> Config:
    base = path.parent / BASE
    has_base = base.is_file() and base.name != path.name
    config = _read(base) if has_base else Config(section_order=CONFIG_SECTION_ORDER)
    for layer in _layers(path):
        config = config.merge(layer)
    return config


def _layers(path: Path) -> Iterator[Config]:
    """A config, after those that it extends."""
    own = _read(path)
    extended = own.get("system", {}).pop("extends", [])
    for name in [extended] if isinstance(extended, str) else extended:
        yield from _layers(path.parent / f"{name}.cfg")
    yield own


def read_recipe(path: Path | str, name: str) -> dict[str, Any]:
    """Read a named set of settings that a system's config keeps beside its own.

    A config has the values that were published; a block `[recipes.short]` says by dotted name what a
    small machine takes instead. Its setting `base` lists blocks to take as they are in base.cfg.

    path (Path | str): The system's config.
    name (str): The recipe; empty for none.
    RETURNS (dict[str, Any]): Overrides by dotted name; none if the config has no such recipe, and is
        to be trained as it is.
    RAISES (InputError): When the file is missing or is no config, no config beside it has such a
        recipe either, or the recipe names a block that is not there.
    """
    recipe = dict(_merged(Path(path)).get(RECIPES, {}).get(name, {}))
    if not recipe and name not in ("", SHORT):
        if not any(name in _merged(other).get(RECIPES, {}) for other in Path(path).parent.glob("*.cfg")):
            raise InputError(f"no config has a recipe {name!r}", path=Path(path).parent)
    overrides: dict[str, Any] = {}
    for block in recipe.pop("base", []):
        overrides[block] = _setting(_read(Path(path).parent / BASE), block)
        if overrides[block] is None:
            raise InputError(f"the recipe {name!r} names {block!r}, which {BASE} lacks", path=path)
    return overrides | recipe


def changed_settings(path: Path | str, config: Config) -> dict[str, list[Any]]:
    """Say what differs from a system's config, for the record of a run.

    path (Path | str): The system's config.
    config (Config): What was made of it.
    RETURNS (dict[str, list[Any]]): The file's value and the new one by dotted name, blocks of another
        function whole, "default" for one that stands nowhere. Paths and the seed are not listed: they
        are no part of a system.
    """
    changes = dict(_differences(merge_config(path), config, ""))
    return {k: v for k, v in changes.items() if k != "system.seed" and not k.startswith("paths.")}


def _differences(old: Any, new: Any, name: str) -> Iterator[tuple[str, list[Any]]]:
    both = isinstance(old, dict) and isinstance(new, dict)
    if both and _function(old) == _function(new):
        for key in dict.fromkeys([*old, *new]):
            values = old.get(key, DEFAULT), new.get(key, DEFAULT)
            yield from _differences(*values, f"{name}.{key}".removeprefix("."))
    elif old != new:
        yield name, [old, new]


def _function(block: dict[str, Any]) -> list[Any]:
    """The registered function that a block is for."""
    return [value for key, value in block.items() if key.startswith("@")]


def _setting(config: Any, name: str) -> Any:
    """A value by its dotted name, None where there is none."""
    for part in name.split("."):
        config = config.get(part) if isinstance(config, dict) else None
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
        return Config(section_order=CONFIG_SECTION_ORDER).from_disk(path, interpolate=False)
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
    # The next override may change something in this one.
    block[key] = deepcopy(value)
