"""`score`: a system's output against the reference, by the rules of the BSNLP shared tasks."""

import sys
from pathlib import Path

import typer

from ._app import app


@app.command("score")
def score_cli(
    gold: Path = typer.Argument(..., help="Reference: <topic>/<language>/<file> below it"),
    system: Path = typer.Argument(..., help="System output in the same layout"),
    json: Path | None = typer.Option(None, "--json", help="File for all the figures"),
) -> None:
    """Score names, base forms and links as the official evaluator of BSNLP does.

    Documents are paired by topic, language and the id in their first line. What the official
    evaluator leaves out is left out here too, and counted on standard error.
    """
    from ..errors import InputError
    from ..evaluation.bsnlp import score
    from ..evaluation.layout import compare_keys, read_folder
    from ..evaluation.metrics import write_json
    from ..evaluation.tables import bsnlp_tables

    wanted, given = read_folder(gold), read_folder(system)
    warnings = [
        f"{folder}: {w}" for folder, read in ((gold, wanted), (system, given)) for w in read.warnings()
    ]
    for warning in warnings + compare_keys(wanted, given, system):
        print(f"Warning: {warning}", file=sys.stderr)
    if not any(document.mentions for document in wanted.documents):
        raise InputError(
            "No line of the reference can be scored",
            path=gold,
            remedy="Each needs mention, lemma, type and id, parted by TABs; `check` says what is wrong",
        )
    scores = score(wanted.documents, given.documents).to_dict()
    print(bsnlp_tables(scores))
    if json:
        write_json(json, scores)
        print(f"\nAll figures, as fractions of 1: {json}")
