"""Scores as tables, for the terminal and in Markdown; figures are in percent."""

import re
from collections.abc import Iterable, Sequence
from statistics import fmean, stdev
from typing import Any

from .bsnlp import LINKING, METRICS

SHORT_NAMES = {
    "LEA_document": "LEA doc",
    "LEA_language": "LEA lang",
    "LEA_cross_language": "LEA cross",
}


def percent(value: float | None) -> str:
    """RETURNS (str): A fraction of 1 in percent; a dash for None."""
    return "–" if value is None else f"{100 * value:.2f}"


def spread(values: list[float | None]) -> str:
    """RETURNS (str): Mean ± standard deviation in percent; a dash where nothing was measured."""
    known = [100 * value for value in values if value is not None]
    if not known:
        return "–"
    return f"{fmean(known):.2f}" + (f" ± {stdev(known):.2f}" if len(known) > 1 else "")


def by_number(text: str) -> tuple[str, float, str]:
    """RETURNS (tuple[str, float, str]): What sorts texts by the number that they end in: 3 before 11."""
    number = re.search(r"-?\d+(\.\d+)?$", text)
    return (text[: number.start()], float(number[0]), text) if number else (text, 0.0, text)


def text_table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """RETURNS (str): A table for the terminal; all columns but the first are aligned right."""
    from wasabi import table

    aligns = ("l", *("r" for _ in header[1:]))
    return table(list(rows), header=list(header), divider=True, aligns=aligns).strip("\n")


def markdown_table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """RETURNS (str): A Markdown table; all columns but the first are aligned right."""
    lines = [header, ["---", *("--:" for _ in header[1:])], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def bsnlp_tables(scores: dict[str, dict]) -> str:
    """Tables of the scores of the BSNLP shared tasks.

    scores (dict[str, dict]): As `score --json` writes them.
    RETURNS (str): Precision, recall and F overall; then F by topic, language and type.
    """
    rows = [(m, *(percent(scores["overall"][m][key]) for key in "prf")) for m in METRICS]
    tables = [text_table(("Overall", "P", "R", "F"), rows)]
    for name in ("topic", "language", "type"):
        groups = scores[f"by_{name}"].items()
        header = (f"F by {name}", *(SHORT_NAMES.get(m, m) for m in METRICS))
        rows = [(group, *(percent(figures[m]["f"]) for m in METRICS)) for group, figures in groups]
        tables.append(text_table(header, rows))
    return "\n\n".join(tables)


def span_tables(scores: dict[str, dict], title: str = "Spans") -> str:
    """Tables of the scores of spans or words.

    scores (dict[str, dict]): From `score_spans` or `score_words`.
    title (str): Heading of the first column.
    RETURNS (str): One table: overall, then each type, language and length.
    """
    rows = [("overall", *_span_cells(scores["overall"]))]
    for group in ("by_type", "by_language", "by_length"):
        rows += [(name, *_span_cells(counts)) for name, counts in scores.get(group, {}).items()]
    return text_table((title, "P", "R", "F", "gold", "found", "right"), rows)


def evaluation_tables(result: dict[str, Any]) -> str:
    """RETURNS (str): Everything that `evaluate_examples` returns, as tables for the terminal."""
    if result["span"]:
        tables = [span_tables(result["span"]), span_tables(result["word"], "Words")]
    else:
        tables = ["There are no names to measure: none is annotated, and none was found."]
    if result["bsnlp"]:
        tables.append(bsnlp_tables(result["bsnlp"]))
    if result["language"]:
        by_language = result["language"]["by_language"].items()
        rows = [("accuracy", "", "", percent(result["language"]["accuracy"]), "", "", "")]
        rows += [(name, *_span_cells(counts)) for name, counts in by_language]
        tables.append(text_table(("Language", "P", "R", "F", "gold", "found", "right"), rows))
    if oracle := result.get("oracle"):
        tables += oracle_tables(oracle)
    return "\n\n".join(tables)


# What the tables of annotated names show.
ORACLE_COLUMNS = {
    "base_forms": {"accuracy": "right", "cased": "cased", "look_up": "look-up", "copy": "copy"},
    "links": {"accuracy": "right", "look_up": "look-up"},
}


def oracle_tables(oracle: dict[str, Any]) -> list[str]:
    """Tables of the base forms and links of annotated names, in percent of the names.

    oracle (dict[str, Any]): From `score_base_forms` in "base_forms" and `score_links` in "links"; either
        may be missing.
    RETURNS (list[str]): A table for each: overall, then each kind, language and type; and one of LEA.
    """
    tables = []
    for part, columns in ORACLE_COLUMNS.items():
        if scores := oracle.get(part):
            groups = [("overall", scores["overall"])]
            groups += [row for by in ("by_kind", "by_language", "by_type") for row in scores[by].items()]
            rows = [
                (group, str(row["names"]), *(percent(row.get(column)) for column in columns))
                for group, row in groups
            ]
            title = f"Annotated names' {part.replace('_', ' ')}"
            tables.append(text_table((title, "names", *columns.values()), rows))
    if links := oracle.get("links"):
        rows = [("annotated names", *(percent(links["lea"][metric]) for metric in LINKING))]
        tables.append(text_table(("F of links", *(SHORT_NAMES[metric] for metric in LINKING)), rows))
    return tables


def _span_cells(counts: dict[str, Any]) -> list[str]:
    figures = [percent(counts[key]) for key in "prf"]
    return figures + [str(counts[key]) for key in ("gold", "predicted", "correct")]
