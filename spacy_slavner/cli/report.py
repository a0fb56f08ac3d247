"""`report`: from the records of runs to tables, plots and docs/results.json."""

import os
from pathlib import Path

import typer

from ._app import app


@app.command("report")
def report_cli(
    metrics: list[Path] = typer.Argument(..., help="metrics.json files, or folders with some below"),
    out: Path = typer.Option("docs/results.md", "--out", help="The report, in Markdown"),
    json: Path | None = typer.Option(None, "--json", help="File for the same figures as JSON"),
    plots: Path | None = typer.Option(None, "--plots", help="Folder for plots (needs matplotlib)"),
    released: str | None = typer.Option(None, "--released", help="System that is the released recipe"),
) -> None:
    """Make the report on any number of runs from the metrics.json files that they left.

    Records of encoders that were trained further, pretraining.json, have a section of it.
    """
    report(metrics, out, json, plots, released)


def report(
    metrics: list[Path], out: Path, json: Path | None, plots: Path | None, released: str | None
) -> None:
    """Make the report.

    metrics (list[Path]): metrics.json files, or folders with some below.
    out (Path): The report, in Markdown.
    json (Path | None): File for the same figures.
    plots (Path | None): Folder for plots.
    released (str | None): System that is the released recipe.
    """
    from ..evaluation.crosslingual import crosslingual_sections
    from ..evaluation.metrics import find_metrics, write_json
    from ..evaluation.plots import plot_losses, plot_records
    from ..evaluation.pretraining import (
        curves_by_figure,
        find_pretraining,
        pretraining_sections,
        read_pretraining,
    )
    from ..evaluation.regimes import training_sections
    from ..evaluation.report import collect_results, read_records, render_markdown
    from ..files import whole_file

    files = find_metrics(metrics)
    records = read_records(files)
    for info in records.infos:
        info["released"] = info.get("released", False) or info.get("system") == released
    results = collect_results(records)
    pretrained = [read_pretraining(path) for path in find_pretraining(metrics)]
    images = plot_records(records, plots) if plots else []
    if plots:
        figures = curves_by_figure(pretrained).items()
        images += [plot_losses(curves, plots / f"{name}.png") for name, curves in figures]
    if json:
        write_json(json, results)
    command = ["python", "-m", "spacy_slavner", "report", *map(str, metrics), "--out", str(out)]
    command += ["--json", str(json)] if json else []
    command += ["--plots", str(plots)] if plots else []
    command += ["--released", released] if released else []
    links = [Path(os.path.relpath(image, out.parent)).as_posix() for image in images]
    more = training_sections(records) + crosslingual_sections(records) + pretraining_sections(pretrained)
    text = render_markdown(records, results, command, links, more)
    with whole_file(out) as temporary:
        temporary.write_text(text, encoding="utf-8")
    written = ", ".join(str(path) for path in (out, json, plots) if path)
    print(f"{len(records.runs)} results from {len(files)} records: {written}")
