"""Sections of the report on ways to train: zero-shot, settings that were varied, languages alone, transfer, …

They are made of the runs whose record has an "experiment", as the command `experiments` leaves it.
"""

from collections import defaultdict
from collections.abc import Callable
from statistics import fmean
from typing import Any

from .report import VARIED, Records, Run, commit_of, figures_of, unique
from .tables import by_number, markdown_table, spread

# What systems with tasks on unlabelled texts are compared with, and those that take an encoder over.
PLAIN = "multilingual"
WITHOUT_TRANSFER = {
    "transfer": "bert_linear",
    "transfer_crf": "bert_crf",
    "tag_sets": "bert_crf",
    "slavner": "slavner",
}
# The system that learns those corpora first, as `experiments --transfer-system` has it by default.
UNION = "transfer_union"
# The encoder of runs that name none.
USUAL = "encoder"
NONE = "–"
# What both choices and final figures are measured on.
MEASURED = ("dev", "test")


def training_sections(records: Records) -> list[str]:
    """What the records say of ways to train, in Markdown.

    records (Records): The records of runs.
    RETURNS (list[str]): Headings, texts and tables; those of what was not run are left out. F1 is that of
        exact spans in percent, on the test part; where settings are varied on a split, on its dev part.
    """
    runs = [run for run in records.runs if run.design]
    sections = [_zero_shot, _unlabelled, _settings, _languages_alone, _transfer, _encoders, _snippets]
    return [part for section in sections for part in section(runs)] + _fertility(records.fertility)


Key = tuple[str, ...]


def section(title: str, text: str, header: list[str], rows: list[list[str]], runs: list[Run]) -> list[str]:
    """Write a section with its table and the command of each run, with the commit that it was run at.

    title (str): Its title.
    text (str): What the figures are.
    header (list[str]): Columns.
    rows (list[list[str]]): Rows.
    runs (list[Run]): The runs that are in it.
    RETURNS (list[str]): Its parts; nothing if there are no rows.
    """
    if not rows:
        return []
    commands = unique(f"{run.design['command']}  # {commit_of(run.info)}" for run in runs)
    fold = ["<details><summary>One command for each run</summary>", "```bash", *commands, "```", "</details>"]
    return [f"## {title}", text, markdown_table(header, rows), fold[0], "\n".join(fold[1:-1]), fold[-1]]


def grouped(runs: list[Run], key: Callable[[Run], Key]) -> dict[Key, list[Run]]:
    """RETURNS (dict[tuple[str, ...], list[Run]]): The runs by a key."""
    groups: dict[Key, list[Run]] = defaultdict(list)
    for run in runs:
        groups[key(run)].append(run)
    return groups


def split_of(run: Run) -> str:
    """RETURNS (str): The split of a run, and its series: only runs of one are compared."""
    return ", ".join(filter(None, (run.design["split"], run.design.get("series"))))


def f1(run: Run, language: str = "") -> float | None:
    """RETURNS (float | None): Span F1 as a fraction of 1, of one language or all; None if not measured."""
    figures = figures_of(run.result)
    return (figures["by_language"].get(language, {}) if language else figures).get("span_f1")


def budget(runs: list[Run]) -> str:
    """RETURNS (str): What some runs were trained on, how long, and with how many seeds."""
    known = [
        ([n for run in runs if (n := of(run.info)) is not None], what)
        for what, of in (
            ("document", lambda info: (info.get("documents") or {}).get("used")),
            ("unlabelled document", lambda info: (info.get("documents") or {}).get("unlabelled")),
            ("pass", lambda info: info.get("epochs")),
            ("step", lambda info: info.get("steps")),
        )
    ]
    parts = [_counted(range_of(numbers), what) for numbers, what in known if numbers]
    return ", ".join([*parts, _counted(str(len({run.seed for run in runs})), "seed")]) if parts else NONE


def _counted(number: str, what: str) -> str:
    return f"{number} {what}{'' if number == '1' else 'es' if what[-1] == 's' else 's'}"


def range_of(numbers: list[float]) -> str:
    """RETURNS (str): Some numbers as one, or as the lowest and the highest."""
    low, high = (
        f"{number:,g}" if number < 1_000 else f"{number:,.0f}" for number in (min(numbers), max(numbers))
    )
    return low if low == high else f"{low}–{high}"


def _sources(run: Run) -> str:
    """The languages whose names a run learnt, beside one that is held out."""
    if sources := run.design.get("sources"):
        return ", ".join(sources)
    return f"all others of {run.design['language']}" if "language" in run.design else "all others"


def _matrix(rows: dict[Key, list[Run]], column: Callable[[Run], str]) -> tuple[list[str], list[list[str]]]:
    """Columns, and rows of F1 by column with the budget behind them."""
    columns = sorted({column(run) for runs in rows.values() for run in runs})
    table = []
    for key, runs in rows.items():
        cells = [spread([f1(run) for run in runs if column(run) == name]) for name in columns]
        table.append([*key, *cells, budget(runs)])
    return columns, table


def _zero_shot(runs: list[Run]) -> list[str]:
    here = [r for r in _held_out(runs) if "setting" not in r.design and not _is_crosslingual(r)]
    columns, rows = _matrix(
        grouped(here, lambda r: (r.system, split_of(r), _sources(r))), lambda r: r.design["held_out"]
    )
    text = "Test F1 in languages of which no names were learnt, only those of the languages under “names of”."
    return section("Zero-shot", text, ["System", "Split", "Names of", *columns, "Budget"], rows, here)


def _is_crosslingual(run: Run) -> bool:
    """Whether it belongs to `crosslingual.crosslingual_sections` alone."""
    return run.design["system"].startswith(("crosslingual", f"{PLAIN}_"))


def _encoder(run: Run) -> str:
    return run.design.get("encoder", USUAL)


def _unvaried(runs: list[Run]) -> list[Run]:
    """The systems as they are, on whole splits."""
    return [run for run in runs if not VARIED & set(run.design)]


def _held_out(runs: list[Run]) -> list[Run]:
    return [run for run in runs if "held_out" in run.design and run.part == "test"]


def _unlabelled(runs: list[Run]) -> list[str]:
    """Tasks on the target's unlabelled texts against none, at the same settings."""
    here = _held_out(runs)

    def where(run: Run) -> Key:
        setting = "=".join(run.design.get("setting", ()))
        return split_of(run), _encoder(run), _sources(run), setting, run.design["held_out"]

    plain = grouped([run for run in here if run.design["system"] == PLAIN], where)
    others = [run for run in here if run.design["system"].startswith("zero_shot")]
    targets = sorted({run.design["held_out"] for run in others})
    rows = []
    for (system, *place), some in grouped(others, lambda r: (r.design["system"], *where(r)[:-1])).items():
        gains = [
            gain([r for r in some if r.design["held_out"] == target], plain.get((*place, target), []))
            for target in targets
        ]
        task = system.removeprefix("zero_shot_").upper().replace("_", "+")
        rows.append([task, *place, *map(signed, gains), budget(some)])
    text = (
        "Gain in test F1 over the same without unlabelled texts. LI: their language is learnt; CL: masked "
        "pieces are guessed; PC: those of the names that the recogniser finds. Their steps are those on both "
        "kinds of text."
    )
    header = ["Task", "Split", "Encoder", "Names of", "Setting", *targets, "Budget"]
    shown = [run for key in dict.fromkeys(map(where, others)) for run in plain.get(key, [])] + others
    return section("Unlabelled texts of the target language against none", text, header, rows, shown)


def gain(runs: list[Run], others: list[Run]) -> float | None:
    """RETURNS (float | None): Mean F1 of some runs less that of others; None if either was not measured."""
    means = []
    for some in (runs, others):
        known = [value for run in some if (value := f1(run)) is not None]
        means.append(fmean(known) if known else None)
    return None if None in means else means[0] - means[1]


def signed(value: float | None) -> str:
    """RETURNS (str): A difference in percent, with its sign."""
    return NONE if value is None else f"{100 * value:+.2f}"


def _settings(runs: list[Run]) -> list[str]:
    """Each setting that was varied: a row for each value, below that of the system as it is."""
    here = [r for r in _held_out(runs) if "setting" in r.design and not _is_crosslingual(r)]
    here += [r for r in runs if "setting" in r.design and "held_out" not in r.design and r.part == "dev"]

    def whose(run: Run) -> Key:
        return run.design["system"], _place(run), _encoder(run)

    varied = {whose(run) for run in here}
    plain = [r for r in _held_out(runs) if "setting" not in r.design]
    plain += [r for r in runs if r.part == "dev" and not (VARIED - {"transfer"}) & set(r.design)]
    here = [run for run in plain if whose(run) in varied] + here
    groups = grouped(here, lambda r: (*whose(r), *r.design.get("setting", ("", "as it is"))))
    ordered = dict(sorted(groups.items(), key=lambda group: [by_number(part) for part in group[0]]))
    columns, rows = _matrix(ordered, lambda r: r.design.get("held_out", "dev"))
    text = (
        "F1 where one setting is varied and all others stay: under “dev” on the dev part of the split, under "
        "a language on its test part where none of its names was learnt. Windows (get_spans) and what else "
        "the model reads are changed in training and prediction alike."
    )
    header = ["System", "Split", "Encoder", "Setting", "Value", *columns, "Budget"]
    return section("Settings that were varied", text, header, rows, here)


def _place(run: Run) -> str:
    """The split of a run, with what else it learnt from or did not."""
    parts = [split_of(run)]
    if "transfer" in run.design:
        parts.append(f"with {run.design['transfer']}")
    if "held_out" in run.design:
        parts.append(f"names of {_sources(run)}")
    return ", ".join(parts)


def _languages_alone(runs: list[Run]) -> list[str]:
    """One model for all languages against one for each."""
    here = [r for r in runs if not {"held_out", "setting", "transfer"} & set(r.design) and r.part in MEASURED]

    def place(run: Run) -> Key:
        return run.design["system"], split_of(run), _encoder(run), run.part

    some = [run for run in here if "language" in run.design]
    places = {place(run) for run in some}
    here = [run for run in here if place(run) in places]
    languages = sorted({name for run in some for name in run.design["language"].split(",")})
    rows = []
    for key, own in sorted(grouped(here, lambda run: (*place(run), _learnt(run))).items()):
        cells = [
            spread([f1(r, name) for r in own if name in r.design.get("language", name).split(",")])
            for name in languages
        ]
        rows.append([*key, *cells, budget(own)])
    text = "F1 of one model that learnt all languages, and of models that learnt one."
    header = ["System", "Split", "Encoder", "Part", "Learnt", *languages, "Budget"]
    return section("One model for all languages", text, header, rows, here)


def _learnt(run: Run) -> str:
    language = run.design.get("language")
    if not language:
        return "all languages"
    return language if "," in language else "each language alone"


def _transfer(runs: list[Run]) -> list[str]:
    """Other corpora learnt before or besides, against the split alone."""
    here = [r for r in runs if "transfer" in r.design and "setting" not in r.design]
    # Of each run on other corpora's union of types one part, whichever: for what it cost.
    unions = [r for r in runs if r.design["system"] == UNION]
    unions = list({(r.system, r.design["split"], r.seed): r for r in unions}.values())
    rows, others = [], []
    for (system, split, source, part, encoder), some in grouped(
        here, lambda r: (r.design["system"], split_of(r), r.design["transfer"], r.part, _encoder(r))
    ).items():
        place = (WITHOUT_TRANSFER.get(system), split, part, encoder)
        own = [r for r in _unvaried(runs) if (r.design["system"], split_of(r), r.part, _encoder(r)) == place]
        cells = [spread([f1(run) for run in which]) for which in (own, some)]
        # What the encoder learnt before has a run of its own; what is learnt besides is in the run itself.
        where = source, some[0].design.get("series"), encoder
        first = [r for r in unions if (r.design["split"], r.design.get("series"), _encoder(r)) == where]
        how, cost = (
            ("before", f"{budget(first)}; then ") if system.startswith("transfer") else ("besides", "")
        )
        gained = signed(gain(some, own))
        rows.append([system, f"{source}, {how}", split, part, *cells, gained, cost + budget(some)])
        others += own + first
    text = (
        "F1 of systems that begin with an encoder trained before on the union of other corpora's types, "
        "whose tag layer is replaced, and of one that learns from those corpora and the split at once, "
        "where types that a corpus lacks are unknown; beside the same systems with the split alone. "
        "The other corpora stand in for the paper's (BSNLP 2017, BulTreeBank and a Russian one)."
    )
    header = ["System", "Other corpora", "Split", "Part", "Without", "With", "Gain", "Budget"]
    return section("Transfer from other corpora", text, header, rows, here + others)


def _encoders(runs: list[Run]) -> list[str]:
    """Other encoders in the place of the usual one, with the same budget."""
    here = [run for run in _unvaried(runs) if run.part in MEASURED]

    def where(run: Run) -> Key:
        return run.design["system"], split_of(run), run.part

    usual = grouped([run for run in here if "encoder" not in run.design], where)
    others = [run for run in here if "encoder" in run.design and where(run) in usual]
    rows, shown = [], []
    for (*place, encoder), some in grouped(others, lambda r: (*where(r), r.design["encoder"])).items():
        own = usual[tuple(place)]
        cells = [spread([f1(run) for run in which]) for which in (own, some)]
        rows.append([*place, encoder, *cells, signed(gain(some, own)), budget(some)])
        shown += [run for run in own if run not in shown]
    text = "F1 with another encoder, such as one that was trained further, beside the usual one."
    header = ["System", "Split", "Part", "Encoder", "Usual", "This", "Gain", "Budget"]
    return section("Encoders", text, header, rows, shown + others)


def _snippets(runs: list[Run]) -> list[str]:
    """What is left of F1 on short snippets in small letters."""
    here = [run for run in _unvaried(runs) if run.part in ("test", "snippets")]
    groups = grouped(here, lambda r: (split_of(r), r.system))
    rows, shown = [], []
    for place, some in groups.items():
        whole, cut = ([run for run in some if run.part == part] for part in ("test", "snippets"))
        if whole and cut:
            cells = [spread([f1(run) for run in which]) for which in (whole, cut)]
            rows.append([*place, *cells, signed(gain(cut, whole)), budget(some)])
            shown += whole
    text = (
        "Test F1, and that of the same part cut into short snippets in small letters, which stand in for the "
        "questions and search queries of Pandey et al. (2022)."
    )
    header = ["Split", "System", "Test", "Snippets", "Difference", "Budget"]
    return section("Short snippets in small letters", text, header, rows, shown)


def _fertility(found: dict[tuple[str, str], dict[str, Any]]) -> list[str]:
    """Pieces per token and unknown ones, a row for each split and encoder."""
    languages = sorted({language for row in found.values() for language in row})
    rows = []
    for (split, encoder), row in sorted(found.items()):
        cells = [_pieces(row[name]) if name in row else NONE for name in languages]
        rows.append([split, encoder, *cells])
    if not rows:
        return []
    text = (
        "Pieces per token in test parts, from the records of runs with these encoders, whose commands stand "
        "above; in brackets the share of pieces that the vocabulary lacks."
    )
    return ["## Pieces per token", text, markdown_table(["Split", "Encoder", *languages], rows)]


def _pieces(row: dict[str, int]) -> str:
    if not row["tokens"] or not row["pieces"]:
        return NONE
    return f"{row['pieces'] / row['tokens']:.2f} ({row['unknown'] / row['pieces']:.1%})"
