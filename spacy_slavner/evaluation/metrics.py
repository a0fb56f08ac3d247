"""The record that a run leaves: metrics.json.

    {"info": {"system", "released", "corpus", "split", "seed", "steps", "seconds", "words_per_second",
              "initialize_seconds", "cpu_seconds", "epochs", "parameters": {"total", "trainable"},
              "documents": {"used", "all"}, "recipe", "changed": {setting: [config's, run's]},
              "commit", "modified", "machine": {"cpu", "bf16", "cores", "torch_threads", "gpu"},
              "packages": {name: version}, "created", …},
     "learning_curve": [{"step", "seconds", "score", "loss" or "losses": {pipe: loss}, …}, …],
     "results": {"dev": {"span", "word", "confusions", "bsnlp", "language", …}, "test": {…}},
     "normalization": {split: {…}}, "linking": {split: {…}}, "language_id": {…}}

`results` holds what `evaluate_examples` returns, for each part of the split, and the "commit" with which it
was evaluated and the "checkpoint" that was (model-last, model-best, a package); scores are fractions of 1.
The last three keys are optional, and `report` hands them on as they are. More keys do no harm.
"""

import json
import os
import platform
import subprocess
import sys
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from math import isfinite
from pathlib import Path
from typing import Any

from ..errors import InputError
from ..files import whole_file

PACKAGES = ("spacy-slavner", "spacy", "spacy-transformers", "thinc", "torch", "transformers")
UNKNOWN = "unknown"
REMEDY = "Training and `evaluate` write such records"


@dataclass
class RunInfo:
    """What has to be known about a run to repeat it.

    system (str): Name of the system, for instance that of its config.
    corpus (str): Name of the corpus; a name, not a path.
    split (str): Name of the split, for instance bsnlp2019.
    seed (int): Seed of the run.
    released (bool): Whether this is the recipe of the released pipeline.
    steps (int | None): Updates done.
    resumed (list[int]): The steps after which the run was stopped and gone on with; each time Adam's
        moments began at zero again, and the weights at their moving averages.
    seconds (float | None): Time spent training.
    words_per_second (float | None): Speed of training.
    initialize_seconds (float | None): Time before the first update; some components train in it.
    cpu_seconds (float | None): Processor time of all threads since the run was begun or resumed, which
        tells more than the clock where a machine is shared.
    epochs (float | None): Passes over the training corpus that were asked for, if steps were not.
    parameters (dict[str, int]): Weights of the pipeline: "total" and "trainable".
    documents (dict[str, int]): Training documents that were used, and there were ("used", "all"), and
        those without names that were read besides ("unlabelled").
    recipe (str): Named settings of the config that were taken.
    changed (dict[str, list]): Settings that differ from the system's config: its value, the run's.
    commit (str): Commit of the working folder; "unknown" outside a git checkout.
    modified (bool): Whether tracked files differed from that commit.
    machine (dict): Processor, cores, threads of torch, GPU.
    packages (dict[str, str]): Versions of what matters.
    created (str): When the record was made, in UTC.
    """

    system: str
    corpus: str
    split: str
    seed: int
    released: bool = False
    steps: int | None = None
    resumed: list[int] = field(default_factory=list)
    seconds: float | None = None
    words_per_second: float | None = None
    initialize_seconds: float | None = None
    cpu_seconds: float | None = None
    epochs: float | None = None
    parameters: dict[str, int] = field(default_factory=dict)
    documents: dict[str, int] = field(default_factory=dict)
    recipe: str = ""
    changed: dict[str, list[Any]] = field(default_factory=dict)
    commit: str = field(default_factory=lambda: describe_code()["commit"])
    modified: bool = field(default_factory=lambda: describe_code()["modified"])
    machine: dict[str, Any] = field(default_factory=lambda: describe_machine())
    packages: dict[str, str] = field(default_factory=lambda: package_versions())
    created: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))


def write_metrics(
    path: Path | str,
    info: RunInfo,
    results: dict[str, dict],
    learning_curve: list[dict[str, Any]] | None = None,
    **sections: Any,
) -> None:
    """Write the record of a run.

    path (Path | str): The file, usually metrics.json.
    info (RunInfo): The run.
    results (dict[str, dict]): For each part of the split ("dev", "test"), its scores as
        `evaluate_examples` returns them.
    learning_curve (list[dict] | None): One row per evaluation during training.
    sections (Any): More sections: "normalization", "linking", "language_id".
    """
    record = {"info": asdict(info), "learning_curve": learning_curve or [], "results": results}
    write_json(path, record | sections)


def add_results(path: Path | str, part: str, result: dict[str, Any]) -> None:
    """Add the scores of one part to the record that training left, or replace them.

    path (Path | str): The record.
    part (str): For instance "test".
    result (dict[str, Any]): What `evaluate_examples` returned.
    RAISES (InputError): If the record cannot be read.
    """
    record = read_metrics(path)
    record["results"][part] = result
    write_json(path, record)


def write_section(path: Path, section: str, figures: dict[str, dict[str, Any]]) -> None:
    """Add figures of something else than a run to a record, which `report` hands on.

    path (Path): The record; it is made if it is not there.
    section (str): Name of the section, one of `report.SECTIONS`.
    figures (dict[str, dict[str, Any]]): {kind: {name: figures}}.
    RAISES (InputError): If the record is there and cannot be read.
    """
    if path.is_file():
        record = read_metrics(path)
    else:
        info = asdict(RunInfo(system="", corpus="", split="", seed=0))
        kept = ("commit", "modified", "machine", "packages", "created")
        record = {"info": {key: info[key] for key in kept}, "learning_curve": [], "results": {}}
    whole = record.setdefault(section, {})
    for kind, named in figures.items():
        whole.setdefault(kind, {}).update(named)
    write_json(path, record)


def read_metrics(path: Path | str) -> dict[str, Any]:
    """Read the record of a run.

    path (Path | str): The file.
    RETURNS (dict[str, Any]): The record; "learning_curve" and "results" are always there.
    RAISES (InputError): If the file is missing, no JSON, or not such a record.
    """
    path = Path(path)
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"The metrics cannot be read ({error})", path=path) from error
    if not isinstance(record, dict) or not isinstance(record.get("info"), dict):
        raise InputError("This is no record of a run: it has no info", path=path, remedy=REMEDY)
    missing = [key for key in ("system", "split", "seed") if key not in record["info"]]
    if missing and (record.get("results") or record.get("learning_curve")):
        raise InputError(f"The info on the run lacks {', '.join(missing)}", path=path, remedy=REMEDY)
    return {"learning_curve": [], "results": {}} | record


def find_metrics(paths: list[Path]) -> list[Path]:
    """Find records of runs.

    paths (list[Path]): Files, and folders that are searched for metrics*.json at any depth.
    RETURNS (list[Path]): The files, each once.
    RAISES (InputError): If a path is missing or nothing is found.
    """
    files: dict[Path, None] = {}
    for path in paths:
        if not path.exists():
            raise InputError("There is no such file or folder", path=path)
        found = sorted(path.rglob("metrics*.json")) if path.is_dir() else [path]
        files |= dict.fromkeys(file for file in found if file.is_file())
    if not files:
        raise InputError("No metrics.json below this folder", path=paths[0] if paths else None)
    return list(files)


def write_json(path: Path | str, value: Any) -> None:
    """Write a value as indented JSON, whole or not at all.

    path (Path | str): The file.
    value (Any): Anything JSON can hold; NaN and infinities, which it cannot, become null.
    """
    with whole_file(path) as temporary:
        text = json.dumps(_finite(value), indent=2, ensure_ascii=False, allow_nan=False)
        temporary.write_text(text + "\n", encoding="utf-8")


def _finite(value: Any) -> Any:
    """A run whose loss diverged must still leave its record."""
    if isinstance(value, dict):
        return {key: _finite(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(each) for each in value]
    return None if isinstance(value, float) and not isfinite(value) else value


def git(*arguments: str) -> str:
    """RETURNS (str): What git says in the working folder; empty if it says nothing or is not there."""
    try:
        run = subprocess.run(["git", *arguments], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return ""
    return run.stdout.strip()


def describe_code() -> dict[str, Any]:
    """RETURNS (dict): "commit" of the working folder, and whether tracked files were "modified"."""
    return {
        "commit": git("rev-parse", "HEAD") or UNKNOWN,
        "modified": bool(git("status", "--porcelain", "--untracked-files=no")),
    }


def describe_machine() -> dict[str, Any]:
    """RETURNS (dict): "cpu", "bf16" (whether it multiplies bf16 matrices in hardware), "cores" (usable ones),
    "torch_threads" and "gpu" (None without one)."""
    import torch

    from ..layers.torch.encoder import cpu_has_bf16

    return {
        "cpu": _cpu_model(),
        "bf16": cpu_has_bf16(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "torch_threads": torch.get_num_threads(),
        "gpu": torch.cuda.get_device_name(0) if torch.cuda.is_available() else None,
    }


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def package_versions() -> dict[str, str]:
    """RETURNS (dict[str, str]): Versions of Python and of the packages that decide the figures."""
    versions = {"python": ".".join(map(str, sys.version_info[:3]))}
    for name in PACKAGES:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            versions[name] = UNKNOWN
    return versions
