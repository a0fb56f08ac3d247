"""Plots of runs: learning curves, and F1 by language and type. Needs matplotlib (extra `plots`)."""

from __future__ import annotations

from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

import numpy

from ..errors import InputError
from .report import GROUPS, Records, Run, figures_of, unique
from .tables import by_number

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def plot_records(records: Records, folder: Path | str) -> list[Path]:
    """Draw the learning curves of each split, and F1 by language and type of each scored part.

    Curves of runs that hold a language out are drawn together, by `zero_shot_curves`.

    records (Records): The records of runs.
    folder (Path | str): Where the images go.
    RETURNS (list[Path]): The images.
    RAISES (InputError): If matplotlib is not installed.
    """
    _require_matplotlib()
    folder, images = Path(folder), []
    varied = {(run.info["split"], run.system) for run in records.runs} - {
        (run.info["split"], run.system) for run in records.plain_runs
    }
    plain = {key: curve for key, curve in sorted(records.curves.items()) if key[:2] not in varied}
    for split in unique(split for split, _, _ in records.curves if split in {key[0] for key in plain}):
        curves = {
            f"{system}, seed {seed}": curve for (name, system, seed), curve in plain.items() if name == split
        }
        images.append(_save(_curves(curves, split), folder / f"learning_curve_{split}.png"))
    for key in unique(run.key for run in records.plain_runs):
        here = [run for run in records.plain_runs if run.key == key]
        images.append(_save(_bars(here, key), folder / f"f1_{key}.png"))
    for name, curves in zero_shot_curves(records).items():
        images.append(_save(_trajectories(curves, name), folder / f"zero_shot_{name}.png"))
    return images


def zero_shot_curves(records: Records) -> dict[str, dict[str, dict[str, dict[int, float]]]]:
    """The score on the dev part of a held-out language over the training (Moon et al. 2019, figures 2, 3).

    records (Records): The records of runs.
    RETURNS (dict): By what is compared (the split, with the series or the setting that is varied),
        held-out language and system: the mean over the seeds by step.
    """
    found: dict = {}
    for run in records.runs:
        curve = records.curves.get((run.info["split"], run.system, run.seed))
        if "held_out" not in run.design or run.part != "test" or not curve:
            continue
        what, system = _compared(run)
        of_language = found.setdefault(what, {}).setdefault(run.design["held_out"], {})
        steps = of_language.setdefault(system, {})
        for row in curve:
            if row.get("score") is not None:
                steps.setdefault(row["step"], []).append(row["score"])
    return {
        what: {
            language: {
                system: {step: fmean(values) for step, values in sorted(steps.items())}
                for system, steps in systems.items()
            }
            for language, systems in languages.items()
        }
        for what, languages in found.items()
    }


def _compared(run: Run) -> tuple[str, str]:
    """What a run is drawn with, and the name of its line there."""
    design = run.design
    setting, value = design.get("setting") or ("", "")
    # The last word of a setting may be common to several.
    parts = [design["split"], design.get("series"), ".".join(setting.split(".")[-2:])]
    others = [value, design.get("encoder"), design.get("language")]
    system = ", ".join(filter(None, [design["system"], *others])) if setting else run.system
    if sources := design.get("sources"):
        system += f" from {'-'.join(sources)}"
    return "_".join(filter(None, parts)), system


def _trajectories(curves: dict[str, dict[str, dict[int, float]]], title: str) -> Figure:
    """One plot for each held-out language, a line for each system, of one colour in all of them."""
    from matplotlib import colormaps

    figure = _figure(5 * len(curves) + 3, 4)
    plots = figure.subplots(1, len(curves), sharey=True, squeeze=False)[0]
    systems = sorted({system for lines in curves.values() for system in lines}, key=by_number)
    colours = dict(zip(systems, colormaps["turbo"](numpy.linspace(0.05, 0.95, len(systems))), strict=True))
    shown = {}
    for axes, (language, lines) in zip(plots, sorted(curves.items()), strict=True):
        for system, steps in lines.items():
            scores = [100 * score for score in steps.values()]
            (shown[system],) = axes.plot(list(steps), scores, ".-", color=colours[system])
        axes.set(title=f"{title}: {language} held out", xlabel="Step", ylabel="Score on its dev part")
        axes.grid(alpha=0.3)
    figure.legend([shown[name] for name in systems], systems, loc="outside right center", fontsize="small")
    return figure


def plot_losses(curves: dict[str, list[list[float]]], path: Path) -> Path:
    """Draw the losses of trainings of encoders over each other: what a start is worth.

    curves (dict[str, list[list[float]]]): Step and loss by run, from `pretraining.loss_curves`.
    path (Path): The image.
    RETURNS (Path): The image.
    RAISES (InputError): If matplotlib is not installed.
    """
    _require_matplotlib()
    figure = _figure(7, 4)
    axes = figure.subplots()
    for label, curve in curves.items():
        axes.plot(*zip(*curve, strict=True), label=label)
    axes.set(title="Masked-language models", xlabel="Step", ylabel="Loss")
    axes.grid(alpha=0.3)
    axes.legend(fontsize="small")
    return _save(figure, path)


def _require_matplotlib() -> None:
    """RAISES (InputError): If matplotlib is not installed."""
    try:
        import matplotlib  # noqa: F401
    except ImportError as error:
        raise InputError(
            "Plots need matplotlib, which is not installed",
            remedy='Install it with `pip install "spacy-slavner[plots]"`, or draw none',
        ) from error


def _figure(width: float, height: float) -> Figure:
    """RETURNS (Figure): An empty figure of a size in inches."""
    # Not pyplot: it would pick a display and keep every figure alive.
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def _save(figure: Figure, path: Path) -> Path:
    """Write a figure, whole or not at all.

    figure (Figure): The figure.
    path (Path): The image; its suffix says of which kind.
    RETURNS (Path): The image.
    RAISES (InputError): If matplotlib writes no images of that kind.
    """
    from ..files import whole_file

    kinds = figure.canvas.get_supported_filetypes()
    if path.suffix[1:] not in kinds:
        raise InputError("no such kind of image", path=path, remedy=f"There is {', '.join(sorted(kinds))}")
    with whole_file(path) as temporary:
        figure.savefig(temporary, format=path.suffix[1:], dpi=120)
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
