"""Section of the report on encoders that were trained further, from the records that `pretrain` leaves."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ..errors import InputError
from .regimes import NONE
from .report import commit_of
from .tables import markdown_table

RECORD_FILE = "pretraining.json"
# Stages of a training, as `mlm` calls them, and what they train.
STAGES = ("head", "all", "positions")
ALL = "all"


def find_pretraining(paths: Iterable[Path]) -> list[Path]:
    """Find records of encoders that were trained further.

    paths (Iterable[Path]): Folders that are searched for pretraining.json at any depth.
    RETURNS (list[Path]): The records, each once.
    """
    return list(dict.fromkeys(file for path in paths for file in sorted(path.rglob(RECORD_FILE))))


def read_pretraining(path: Path) -> dict[str, Any]:
    """Read the record of a training.

    path (Path): The file.
    RETURNS (dict[str, Any]): The record, with its "name": what the training began with, and its seed.
    RAISES (InputError): If it is no such record.
    """
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        arguments, _ = record["arguments"], record["stages"]
        name = arguments["start"]
        if arguments["vocab_size"]:
            name += f", new pieces by {arguments['vectors']}" if name == "given" else ", new pieces"
        return record | {"name": f"{name}, seed {arguments['seed']}"}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"this is no record of `pretrain` ({error})", path=path, remedy=f"It writes encoder/{RECORD_FILE}"
        ) from error


def loss_curves(records: Iterable[dict[str, Any]]) -> dict[str, list[list[float]]]:
    """RETURNS (dict[str, list[list[float]]]): Step and loss by run, of those that trained all weights."""
    return {record["name"]: record["stages"][ALL]["losses"] for record in records if ALL in record["stages"]}


def curves_by_figure(records: Iterable[dict[str, Any]]) -> dict[str, dict[str, list[list[float]]]]:
    """Curves that may be laid over each other: a loss per piece depends on what the pieces are.

    records (Iterable[dict[str, Any]]): From `read_pretraining`.
    RETURNS (dict[str, dict[str, list[list[float]]]]): `loss_curves` by the name of a figure.
    """
    figures: dict[str, dict[str, list[list[float]]]] = {}
    for record in records:
        name = "pretraining_new_pieces" if record["arguments"]["vocab_size"] else "pretraining"
        if curves := loss_curves([record]):
            figures.setdefault(name, {}).update(curves)
    return figures


def pretraining_sections(records: list[dict[str, Any]]) -> list[str]:
    """What the records say of encoders that were trained further, in Markdown.

    records (list[dict[str, Any]]): From `read_pretraining`.
    RETURNS (list[str]): Headings, texts and tables; nothing without records.
    """
    if not records:
        return []
    text = (
        "Masked-language models, measured on text that was held out. “given” begins with the weights of the "
        "encoder, “random_embeddings” with those of its layers alone, “random” with none. Losses are per "
        "piece: runs with new pieces are compared among themselves alone. What an encoder is worth for names "
        "is under “Encoders”."
    )
    columns = ["Begins with", "Text", "Updates", "Documents", "Left out", "Loss before", "after"]
    table = markdown_table([*columns, "Perplexity", "Seconds", "Commit"], map(_run, records))
    commands = dict.fromkeys(record["command"] for record in records if record.get("command"))
    fold = ["<details><summary>One command for each run</summary>", "\n".join(["```bash", *commands, "```"])]
    parts = ["## Encoders trained further", text, table, *([*fold, "</details>"] if commands else [])]
    return [*parts, *_languages(records), *_vocabularies(records)]


def _run(record: dict[str, Any]) -> list[str]:
    stages, documents = record["stages"], record["documents"]
    updates = [f"{stages[name]['steps']:,} ({name})" for name in STAGES if name in stages]
    losses = [
        _number(stages.get(ALL, {}).get(when, {}).get(ALL, {}).get("loss")) for when in ("before", "after")
    ]
    return [
        record["name"],
        ", ".join(record["arguments"]["texts"]),
        ", ".join(updates) or NONE,
        f"{sum(documents.values()):,}",
        f"{record['left_out']['documents']:,}",
        *losses,
        _number(record["perplexity"].get(ALL, {}).get("perplexity")),
        f"{record['seconds']:,.0f}",
        commit_of(record),
    ]


def _languages(records: list[dict[str, Any]]) -> list[str]:
    """Perplexity in the end, by language."""
    languages = sorted({name for record in records for name in record["perplexity"]} - {ALL})
    rows = [
        [
            record["name"],
            *(_number(record["perplexity"].get(name, {}).get("perplexity")) for name in languages),
        ]
        for record in records
    ]
    return ["### Perplexity by language", markdown_table(["Begins with", *languages], rows)]


def _vocabularies(records: list[dict[str, Any]]) -> list[str]:
    """What new vocabularies do to the text of each language, before anything is trained."""
    # Of a model that begins with random weights this says nothing.
    given = [record for record in records if record["arguments"]["start"] == "given"]
    known = [record for record in given if "vocabulary" in record["stages"]]
    kinds = list(dict.fromkeys(kind for record in known for kind in record["stages"]["vocabulary"]["losses"]))
    rows = []
    for record in known:
        stage = record["stages"]["vocabulary"]
        for change in stage["languages"]:
            losses = [
                stage.get(which, {}).get(kind, {}).get(change["language"], {}).get("loss")
                for which in ("losses", "losses_of_new")
                for kind in kinds
            ]
            rows.append(
                [
                    f"{record['name']}: {stage['pieces_before']:,} → {stage['pieces']:,}",
                    change["language"],
                    *(_number(change[when]) for when in ("before", "after")),
                    *(f"{change[when]:.2%}" for when in ("unknown_before", "unknown_after")),
                    *map(_number, losses),
                ]
            )
    columns = ["Pieces", "Language", "per word before", "after", "unknown before", "after"]
    text = (
        "Losses are those right after the change, with vectors of the new pieces by each method: of all "
        "masked pieces, and of those that are new."
    )
    header = [*columns, *(f"loss, {kind}" for kind in kinds), *(f"of new pieces, {kind}" for kind in kinds)]
    return ["### New vocabularies", text, markdown_table(header, rows)] if rows else []


def _number(value: float | None) -> str:
    return NONE if value is None else f"{value:.3f}"
