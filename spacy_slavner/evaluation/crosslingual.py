"""Section of the report on names of a language that is never seen annotated (Huang, May and Peng 2019)."""

from typing import Any

from .regimes import NONE, Key, budget, f1, gain, grouped, range_of, section, signed, split_of
from .report import Records, Run, cuts_of, length_cells, unique
from .tables import markdown_table, spread

FULL, WORDS, CHARACTERS, SHUFFLED = "full model", "words only", "characters only", "words shuffled"
# What is made of the system: by the end of the setting that was varied, and its value.
SYSTEM = "crosslingual_bilstm_crf"
VARIANTS = {
    ("", ""): FULL,
    ("embed.use", "both"): FULL,
    ("shuffle.level", "1.0"): SHUFFLED,
    ("embed.use", "words"): WORDS,
    ("embed.use", "characters"): CHARACTERS,
    ("translation.level", "0.0"): "no translated text",
}
ENCODER_VECTORS = "vectors of the encoder"
# What takes the place of the vectors.
ZERO_SHOT, ROMANIZED, TRANSLATED = (
    f"encoder, {what}" for what in ("zero-shot", "romanised text", "translated text")
)
ENCODERS = {
    "multilingual": ZERO_SHOT,
    "multilingual_romanized": ROMANIZED,
    "multilingual_translated": TRANSLATED,
}
# What is laid beside what.
COMPARED = (
    (FULL, WORDS),
    (WORDS, CHARACTERS),
    (FULL, SHUFFLED),
    (FULL, ZERO_SHOT),
    (ROMANIZED, ZERO_SHOT),
    (TRANSLATED, ZERO_SHOT),
)
ROWS = (*dict.fromkeys(VARIANTS.values()), ENCODER_VECTORS, *ENCODERS.values())

# Their tables 3 and 4: from English to es, nl, de.
PUBLISHED = {
    FULL: {"es": 64.48, "nl": 73.44, "de": 62.26},
    SHUFFLED: {"es": 49.44, "nl": 40.61, "de": 27.25},
    WORDS: {"es": 53.00, "nl": 59.60, "de": 52.58},
    CHARACTERS: {"es": 18.88, "nl": 12.15, "de": 16.46},
}
PUBLISHED_LENGTHS = {"es": (68.93, 68.21, 47.57), "nl": (69.49, 82.46, 60.85), "de": (59.50, 70.76, 37.22)}
# Their table 6: unknown words in percent, of different words and of all.
PUBLISHED_UNKNOWN = {"es": (2.5, 0.8), "nl": (2.5, 0.9), "de": (2.3, 1.5)}
DIFFERENCES = (
    "The figures in brackets are theirs, from English (tables 3 and 4): on CoNLL-2002 and 2003, with vectors "
    "that were trained on Wikipedia; here names are those of the corpora named above, and the vectors were "
    "trained on the texts that the records name. Theirs count names of type MISC as well, which they ignore "
    "in Bengali alone; WikiANN has none. Their training text was translated with dictionaries of Rolston and "
    "Kirchhoff; here MUSE's both align and translate."
)
UPDATES = "Translated text doubles the corpus: in as many passes, what learns from it takes twice the steps."
# Settings of a pair of languages.
OF_PAIRS = ("system.source_language", "system.target_language")


def crosslingual_sections(records: Records) -> list[str]:
    """What the records say of names of languages that were never seen annotated, in Markdown.

    records (Records): The records of runs.
    RETURNS (list[str]): Headings, texts and tables; nothing if no such run was made. F1 is that of exact
        spans in percent, on the test part of the language that is read.
    """
    found = [run for run in records.runs if run.part == "test" and variant(run)]
    pairs = {_pair(run) for run in found if run.design["system"] != "multilingual"}
    runs = [run for run in found if _pair(run) in pairs]
    if not runs:
        return []
    rows = grouped(runs, lambda run: (variant(run), *_pair(run)))
    columns = sorted(pairs)
    table = [
        [
            name,
            *(_cell(rows.get((name, *pair), []), PUBLISHED.get(name, {}), pair) for pair in columns),
            _steps([run for pair in columns for run in rows.get((name, *pair), [])]),
        ]
        for name in ROWS
        if any((name, *pair) in rows for pair in columns)
    ]
    table.append(["budget", *(budget([run for run in runs if _pair(run) == pair]) for pair in columns), ""])
    text = (
        f"Test F1: names are learnt in the first language, and read in the second. {UPDATES} "
        f"{DIFFERENCES if any(pair[0] == 'en' for pair in columns) else ''}"
    ).strip()
    header = ["", *(f"{source} → {target}, {split}" for source, target, split in columns), "Steps"]
    parts = section("Names of a language that was never seen annotated", text, header, table, runs)
    findings = _findings(rows, columns)
    return [*parts, *_changed(runs), *findings, *_lengths(rows), *_vectors(records.sections)]


def variant(run: Run) -> str | None:
    """RETURNS (str | None): The row that a run belongs to; None if it is none of this section."""
    design = run.design
    if len(design.get("sources") or []) != 1:
        return None
    name, value = design.get("setting", ("", ""))
    if design["system"] != SYSTEM:
        return None if name else ENCODERS.get(design["system"])
    if name == "paths.vectors":
        return ENCODER_VECTORS
    return VARIANTS.get((".".join(name.split(".")[-2:]), value))


def _pair(run: Run) -> Key:
    return run.design["sources"][0], run.design["held_out"], split_of(run)


def _cell(runs: list[Run], published: dict[str, float], pair: Key) -> str:
    source, target, _ = pair
    theirs = f" ({published[target]:.2f})" if source == "en" and target in published else ""
    return spread([f1(run) for run in runs]) + theirs


def _steps(runs: list[Run]) -> str:
    """RETURNS (str): The updates of some runs."""
    known = [run.info["steps"] for run in runs if run.info.get("steps")]
    return range_of(known) if known else NONE


def _changed(runs: list[Run]) -> list[str]:
    """What was not taken from the configs of the systems, but for what rows and columns are about."""
    lines = []
    for (system,), some in grouped(runs, lambda run: (run.design["system"],)).items():
        if cuts := unique(cut for run in some for cut in cuts_of(_in_common(run))):
            lines.append(f"- {system}: {'; '.join(cuts)}.")
    text = "Changed against the configs, which have the papers' settings:"
    return [text, "\n".join(lines)] if lines else []


def _in_common(run: Run) -> dict[str, Any]:
    """The record of a run without the changes that make its row and its column."""
    own = {*OF_PAIRS, run.design.get("setting", ("",))[0]}
    changed = run.info.get("changed") or {}
    return run.info | {"changed": {name: values for name, values in changed.items() if name not in own}}


def _findings(rows: dict[Key, list[Run]], columns: list[Key]) -> list[str]:
    """What each bridge is worth."""
    table = []
    for one, other in COMPARED:
        gains = [gain(rows.get((one, *pair), []), rows.get((other, *pair), [])) for pair in columns]
        if any(value is not None for value in gains):
            table.append([f"{one} over {other}", *map(signed, gains)])
    header = ["F1", *(f"{source} → {target}, {split}" for source, target, split in columns)]
    return [markdown_table(header, table)] if table else []


def _lengths(rows: dict[Key, list[Run]]) -> list[str]:
    """F1 of each length, over the gold and among the names that were rightly found."""
    table = []
    for (name, source, target, split), runs in sorted(rows.items(), key=lambda row: (row[0][1:], row[0][0])):
        cells = length_cells(runs)
        theirs = PUBLISHED_LENGTHS.get(target) if (name, source) == (FULL, "en") else None
        if cells and theirs:
            cells = [f"{cell} ({value:.2f})" for cell, value in zip(cells, theirs, strict=False)] + cells[3:]
        if cells:
            table.append([f"{source} → {target}, {split}", name, *cells])
    lengths = ("1", "2", "3+")
    columns = [f"{what} {n}" for what in ("F1", "% of gold", "% of right") for n in lengths]
    text = (
        "F1 of names of so many tokens, their share of the annotated names (“% of gold”), and their share of "
        "the names that were rightly found (“% of right”): so is read what the paper measures “in the test "
        "set and among correctly predicted entities”. In brackets its table 4, F1 alone, from English."
    )
    return ["### By length in tokens", text, markdown_table(["", "", *columns], table)] if table else []


def _vectors(sections: dict[str, Any]) -> list[str]:
    """How well vectors are aligned, and how many words have none."""
    known = sections.get("crosslingual", {})
    parts = []
    if texts := known.get("texts"):
        rows = [
            [name, *(f"{row[what]:,}" for what in ("running", "words", "left_out"))]
            for name, row in sorted(texts.items())
        ]
        header = ["", "running words", "different words with a vector", "documents left out"]
        parts += ["### Text of the vectors", markdown_table(header, rows), *_commands(texts)]
    if aligned := known.get("alignment"):
        rows = [
            [
                name,
                *(f"{figures['words'][which]:,}" for which in ("source", "target")),
                *(_percent(figures.get(f"precision@{k}")) for k in (1, 5)),
                f"{figures['held_out']:,}",
                _percent(figures.get("coverage")),
            ]
            for name, figures in sorted(aligned.items())
        ]
        header = ["", "words", "words of the other", "precision@1", "precision@5", "held out", "coverage"]
        text = (
            "Alignment: in percent of the words of the dictionary that were held out, and how much of the "
            "dictionary has vectors on both sides."
        )
        parts += ["### Vectors", text, markdown_table(header, rows), *_commands(aligned)]
    if unknown := known.get("unknown words"):
        rows = [
            [
                name,
                f"{_percent(row['types'])}{types}",
                f"{row['n_types']:,}",
                f"{_percent(row['tokens'])}{tokens}",
                f"{row['n_tokens']:,}",
            ]
            for name, row in sorted(unknown.items())
            for types, tokens in [_published_unknown(name)]
        ]
        header = ["", "% of different words", "of", "% of words", "of"]
        text = (
            "In brackets what the paper says of the language's words (table 6), with its vectors of English "
            "and that language; of which part of CoNLL is not said."
        )
        parts += ["### Words without a vector", text, markdown_table(header, rows), *_commands(unknown)]
    return parts


def _published_unknown(name: str) -> tuple[str, str]:
    """What the paper has of a text whose name ends in, for instance, "nl test"."""
    *_, language, part = ["", *name.split()]
    theirs = PUBLISHED_UNKNOWN.get(language) if part == "test" else None
    return (f" ({theirs[0]})", f" ({theirs[1]})") if theirs else ("", "")


def _commands(figures: dict[str, dict[str, Any]]) -> list[str]:
    commands = [row["command"] for row in figures.values() if "command" in row]
    return ["\n".join(["```bash", *dict.fromkeys(commands), "```"])] if commands else []


def _percent(value: float | None) -> str:
    return NONE if value is None else f"{100 * value:.2f}"
