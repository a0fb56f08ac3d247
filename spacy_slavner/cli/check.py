"""`check`: are the annotation files of a folder well formed?"""

from pathlib import Path

import typer

from ._app import app


@app.command("check")
def check_cli(
    folder: Path = typer.Argument(..., help="Annotations: <topic>/<language>/<file> below it"),
) -> None:
    """Check annotation files before they are submitted; exit code 1 if there is an error.

    Errors: a document id that is not one token, a line without exactly four fields (mention, lemma,
    type, id), an unknown type. Warnings: a blank line, one form with two ids.
    """
    from ..evaluation.consistency import ERROR, WARNING, check_folder

    files, counts, findings = check_folder(folder)
    for finding in findings:
        print(finding)
    print(f"{files} files, {counts[ERROR]} errors, {counts[WARNING]} warnings")
    raise typer.Exit(1 if counts[ERROR] else 0)
