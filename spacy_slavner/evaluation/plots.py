"""Plots of runs: learning curves, and F1 by language and type. Needs matplotlib (extra `plots`)."""

from __future__ import annotations

from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

from ..errors import InputError
from .report import GROUPS, Records, Run, figures_of, unique

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def plot_records(records: Records, folder: Path | str) -> list[Path]:
    """Draw the learning curves of each split, and F1 by language and type of each scored part.

    records (Records): The records of runs.
    folder (Path | str): Where the images go.
    RETURNS (list[Path]): The images.
    RAISES (InputError): If matplotlib is not installed.
    """
    _require_matplotlib()
    folder, images = Path(folder), []
    for split in unique(split for split, _, _ in records.curves):
        curves = {
            f"{system}, seed {seed}": curve
            for (name, system, seed), curve in sorted(records.curves.items())
            if name == split
        }
        images.append(_save(_curves(curves, split), folder / f"learning_curve_{split}.png"))
    for key in unique(run.key for run in records.runs):
        here = [run for run in records.runs if run.key == key]
        images.append(_save(_bars(here, key), folder / f"f1_{key}.png"))
    return images


def _require_matplotlib() -> None:
    try:
        import matplotlib  # noqa: F401
    except ImportError as error:
        raise InputError(
            "Plots need matplotlib, which is not installed",
            remedy='Install it with `pip install "spacy-slavner[plots]"`, or leave out --plots',
        ) from error


def _figure(width: float, height: float) -> Figure:
    # Not pyplot: it would pick a display and keep every figure alive.
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def _save(figure: Figure, path: Path) -> Path:
    from ..files import whole_file

    with whole_file(path) as temporary:
        figure.savefig(temporary, format="png", dpi=120)
    return path


def _curves(curves: dict[str, list[dict[str, Any]]], title: str) -> Figure:
    figure = _figure(7, 4)
    axes = figure.subplots()
    for label, rows in curves.items():
        rows = [row for row in rows if row.get("score") is not None]
        axes.plot([r["step"] for r in rows], [100 * r["score"] for r in rows], ".-", label=label)
    axes.set(title=f"Learning curve, {title}", xlabel="Step", ylabel="Score on the tuning part")
    axes.grid(alpha=0.3)
    axes.legend(fontsize="small")
    return figure


def _bars(runs: list[Run], title: str) -> Figure:
    figure = _figure(10, 4)
    systems = unique(run.system for run in runs)
    for axes, group in zip(figure.subplots(1, 2, sharey=True), GROUPS, strict=True):
        figures = {s: [figures_of(r.result)[group] for r in runs if r.system == s] for s in systems}
        names = sorted({name for each in figures.values() for groups in each for name in groups})
        width = 0.8 / len(systems)
        for i, system in enumerate(systems):
            heights = [_mean_f1(figures[system], name) for name in names]
            places = [x + (i - (len(systems) - 1) / 2) * width for x in range(len(names))]
            axes.bar(places, heights, width, label=system)
        axes.set(xticks=range(len(names)), xticklabels=names, ylim=(0, 100))
        axes.set_title(f"{title}, span F1 {group.replace('_', ' ')}", fontsize="medium")
        axes.grid(axis="y", alpha=0.3)
    axes.legend(fontsize="small")
    return figure


def _mean_f1(figures: list[dict[str, Any]], name: str) -> float:
    values = [groups[name]["span_f1"] for groups in figures if "span_f1" in groups.get(name, {})]
    return 100 * fmean(values) if values else 0.0
