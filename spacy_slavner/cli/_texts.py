"""Options of the commands that train an encoder on text, and what both say at the end."""

from typing import Any

import typer

OUTPUT = typer.Argument(..., help="Folder for the run; the encoder is written to its folder encoder")
TEXTS = typer.Option(
    ...,
    "--texts",
    "-t",
    help="Text: a folder with <language>/*.txt, SlavicNER or CoNLL-U treebanks, or a .spacy file",
)
WITHOUT = typer.Option(
    [], "--without", "-w", help="Folder of a split whose dev and test documents are left out"
)
LANGUAGES = typer.Option("", "--languages", "-l", help="Languages to take; empty for all")
SAVE_EVERY = typer.Option(500, "--save-every", min=1, help="Updates between checkpoints")
SEED = typer.Option(0, "--seed", help="Seed")
RESUME = typer.Option(False, "--resume", "-R", help="Go on with an interrupted run")


def say_left_out(record: dict[str, Any]) -> None:
    """Say how many documents were left out for splits.

    record (dict[str, Any]): The record of the run.
    """
    from wasabi import msg

    left_out = record["left_out"]
    if not left_out["of"]:
        return
    msg.text(f"{left_out['documents']:,} documents left out; the splits measure with {left_out['of']:,}")
    if not left_out["documents"]:
        msg.warn("None of the documents that the splits measure with is in the text")
