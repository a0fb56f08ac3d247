"""Write docs/benchmarks.md from the figures that the benchmarks left as JSON.

    python docs/benchmarks/report.py

Every file NAME.json beside this one is what benchmarks/NAME.py wrote with --json (or NAME_WHAT.json, of a run
with other options).
"""

import argparse
import ast
import json
from pathlib import Path
from typing import Any

from spacy_slavner.errors import InputError
from spacy_slavner.files import whole_file

HERE = Path(__file__).resolve().parent
SCRIPTS = HERE.parents[1] / "benchmarks"
COMMAND = "python docs/benchmarks/report.py"
MOST_COLUMNS = 14
# What a reader has to know, by a part of the file's name; with the dot, by its end.
NOTES = {
    "cross_topic": "The published test part has 470 documents; 10 of them belong to a topic that the corpus "
    "at hand does not have, and are not in these figures.",
    "language_id_heads": "The heads are those of frozen_mix_bilstm_attention_ncrf_language with seed 1 on "
    "single_out, trained on 1,200 documents for two epochs, encoder included: pooled, and the same system "
    "with FirstVectorLanguageClassifier.v1 instead. Other work shared the processor.",
    "crf.": "Ours is compiled by numba, an extra; decode_ms_without_numba is without it. The shares are "
    "those of a whole pipeline's time: confidence is span_probabilities, n-best is on request.",
    "crf_scan": "A parallel scan wins for one sentence alone, the more the longer it is and the fewer tags "
    "there are; in batches, as the tagger has them, it is several times slower than the recursion.",
    "peers": "Documents of a topic that the pipeline has not seen. Hugging Face's pipeline takes "
    "a word's best tag, and the scores were learnt beside a CRF: it is there for its speed, and has no F.",
}
LEFT_OUT = {"machine", "examples", "seed", "command"}


def flatten(value: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested figures as one level, keys joined by dots."""
    flat = {}
    for key, each in value.items():
        if isinstance(each, dict):
            flat |= flatten(each, f"{prefix}{key}.")
        else:
            flat[prefix + key] = each
    return flat


def cell(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


def table(rows: list[dict[str, Any]]) -> list[str]:
    """Rows of a Markdown table; a column for every key, or a row for every key where they are many."""
    rows = [flatten({k: v for k, v in row.items() if k not in LEFT_OUT}) for row in rows]
    columns = list(dict.fromkeys(key for row in rows for key in row))
    if len(columns) > MOST_COLUMNS:
        names = [", ".join(v for v in row.values() if isinstance(v, str)) for row in rows]
        rows = [{"": c} | {n: row.get(c, "") for n, row in zip(names, rows, strict=True)} for c in columns]
        columns = ["", *names]
    lines = ["| " + " | ".join(columns) + " |", "|" + " --- |" * len(columns)]
    return lines + ["| " + " | ".join(cell(row.get(c, "")) for c in columns) + " |" for row in rows]


def is_table(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(row, dict) for row in value)


def section(path: Path) -> list[str]:
    """What one benchmark has to say."""
    try:
        figures = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        remedy = "Run the benchmark again"
        raise InputError(f"the figures cannot be read ({error})", path=path, remedy=remedy) from None
    script = next(s for s in sorted(SCRIPTS.glob("*.py"), reverse=True) if path.stem.startswith(s.stem))
    about = (ast.get_docstring(ast.parse(script.read_text(encoding="utf-8"))) or "").splitlines()[0]
    machine = ", ".join(f"{key} {cell(value)}" for key, value in figures.get("machine", {}).items())
    command = figures.get("command", f"benchmarks/{script.name}")
    lines = [f"## {path.stem}", "", about, "", f"`{command}`; {machine}; seed {figures.get('seed', 0)}.", ""]
    lines += [text for name, note in NOTES.items() if name in f"{path.stem}." for text in (note, "")]
    values = {k: v for k, v in figures.items() if k not in LEFT_OUT}
    scalars = {k: v for k, v in flatten(values).items() if not isinstance(v, list)}
    if scalars:
        lines += [*table([{"figure": k, "value": v} for k, v in scalars.items()]), ""]
    for key, value in flatten(values).items():
        if is_table(value):
            lines += [f"### {key}", "", *table(value), ""]
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, nargs="?", default=HERE, help="Folder with the figures")
    parser.add_argument("--out", type=Path, default=HERE.parent / "benchmarks.md")
    args = parser.parse_args()
    files = sorted(args.folder.glob("*.json"))
    if not files:
        raise InputError("no figures here", path=args.folder, remedy="Run the benchmarks with --json")
    lines = ["# Benchmarks", "", f"Generated by `{COMMAND}`; do not edit.", ""]
    for path in files:
        lines += section(path)
    with whole_file(args.out) as path:
        path.write_text("\n".join(lines), encoding="utf-8")
    print(f"{len(files)} benchmarks in {args.out}")


if __name__ == "__main__":
    main()
