"""Options of the commands that read plain text, and what they say at the end."""

import shlex
from pathlib import Path
from typing import Any

import typer

from ..errors import InputError

OUTPUT = typer.Argument(..., help="Folder for the run; the encoder is written to its folder encoder")
TEXTS = typer.Option(
    ...,
    "--texts",
    "-t",
    help="Text: a folder with <language>/*.txt, SlavicNER or CoNLL-U treebanks, or a .spacy file",
)
WITHOUT = typer.Option(
    [], "--without", "-w", help="Folder of a split whose dev and test documents and sentences are left out"
)
LANGUAGES = typer.Option("", "--languages", "-l", help="Languages to take; empty for all")
SAVE_EVERY = typer.Option(500, "--save-every", min=1, help="Updates between checkpoints")
SEED = typer.Option(0, "--seed", help="Seed")
RESUME = typer.Option(False, "--resume", "-R", help="Go on with an interrupted run")


def folders(texts: list[str]) -> tuple[Path, ...]:
    """Read the value of --texts.

    texts (list[str]): Folders and files.
    RETURNS (tuple[Path, ...]): Their paths.
    RAISES (InputError): If one is empty, which as a path would be the working folder.
    """
    if not all(texts):
        remedy = "Name it after --texts, in the project as --vars.texts FOLDER; . is the working folder"
        raise InputError("--texts names no folder of text", remedy=remedy)
    return tuple(map(Path, texts))


def command_of(ctx: typer.Context) -> str:
    """Write down the command that repeats a run.

    ctx (typer.Context): The command that is running.
    RETURNS (str): What the user said, without the folders above absolute paths, which are this machine's.
    """
    from ..pretraining.runs import world_size

    words = ["torchrun", "--nproc-per-node", str(world_size())] if world_size() > 1 else ["python"]
    words += ["-m", "spacy_slavner", ctx.info_name]
    for parameter in ctx.command.params:
        if ctx.get_parameter_source(parameter.name).name != "COMMANDLINE":
            continue
        value, option = ctx.params[parameter.name], parameter.opts[0]
        for one in value if isinstance(value, (list, tuple)) else [value]:
            words += [option] if parameter.param_type_name == "option" else []
            words += [] if one is True else [_without_folders(str(one))]
    return shlex.join(words)


def _without_folders(word: str) -> str:
    return Path(word).name if Path(word).is_absolute() else word


def say_left_out(record: dict[str, Any]) -> None:
    """Say how much was left out for splits.

    record (dict[str, Any]): The record of the run.
    """
    from wasabi import msg

    left_out = record["left_out"]
    if not left_out["of"]:
        return
    msg.text(
        f"{left_out['documents']:,} documents and {left_out['sentences']:,} sentences of others left out; "
        f"the splits measure with {left_out['of']:,} documents"
    )
    if not left_out["documents"] + left_out["sentences"]:
        msg.warn("Nothing that the splits measure with is in the text")
