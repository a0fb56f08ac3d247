"""From the records of runs to docs/results.json, Markdown tables and plots."""

import shlex
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from statistics import fmean
from typing import Any

from ..errors import InputError
from .bsnlp import LINKING, METRICS
from .confusions import confusions_section
from .metrics import UNKNOWN, read_metrics
from .oracle import BASE_FORMS, KINDS, LINKS
from .published import COMPARISONS, published
from .tables import SHORT_NAMES, markdown_table, spread
from .targets import targets_section

# Splits whose published form has a test part alone go by their own name.
TEST_ONLY = ("cross_topic", "single_out")
SECTIONS = ("normalization", "linking", "morphology", "language_id", "crosslingual")
# Those of them that another module writes.
ELSEWHERE = ("crosslingual",)
# Sections that are made of the released system's test part: what of `evaluate_oracle` goes into them, and
# what is measured end to end.
ORACLE_SECTIONS = {"normalization": (BASE_FORMS, ("NORM",)), "linking": (LINKS, LINKING)}
# Documents in the test part as published (Piskorski et al. 2024), where the corpus at hand has fewer.
PUBLISHED_DOCUMENTS = {"cross_topic": 470}
FIGURES = ("span_f1", "word_f1", *(f"{metric.lower()}_f1" for metric in METRICS))
GROUPS = ("by_language", "by_type")
# What systems are compared by: exact spans, and each word as Emelyanov & Artemova 2019 count.
BOTH = ("span", "word")
LENGTHS = ("1", "2", "3+")

# What the "experiment" of a run says if its figures are not those of a system on a split.
VARIED = {"held_out", "setting", "transfer", "language"}

Figures = dict[str, float | None]


@dataclass(frozen=True)
class Run:
    """The scores of one system with one seed on one part of a split.

    path (Path): The record it was read from.
    info (dict): The record's "info".
    part (str): For instance "dev".
    result (dict): The record's "results" for that part.
    design (dict): The record's "experiment": what the run was for; empty if it does not say.
    """

    path: Path
    info: dict[str, Any]
    part: str
    result: dict[str, Any]
    design: dict[str, Any] = field(default_factory=dict)

    @property
    def system(self) -> str:
        return self.info["system"]

    @property
    def seed(self) -> int:
        return self.info["seed"]

    @property
    def released(self) -> bool:
        """Whether it is of the released recipe."""
        return bool(self.info.get("released"))

    @property
    def title(self) -> str:
        """The system in tables."""
        return f"**{self.system}**" if self.released else self.system

    @property
    def is_plain(self) -> bool:
        """Whether its figures are the system's on a split; what was varied may make the released system."""
        return not ({"held_out"} if self.released else VARIED | {"series"}) & set(self.design)

    @property
    def key(self) -> str:
        """The name of what was scored, for instance bsnlp2019_dev."""
        split = self.info["split"]
        return split if self.part == "test" and split in TEST_ONLY else f"{split}_{self.part}"


@dataclass
class Records:
    """What the records of runs hold.

    infos (list[dict]): The "info" of each record.
    runs (list[Run]): Their results, in the order of system, key and seed.
    curves (dict): Learning curves by (split, system, seed).
    sections (dict[str, Any]): The records' further SECTIONS, joined.
    fertility (dict): Pieces by language, as `fertility.fertility` counts them, by (split, encoder).
    """

    infos: list[dict[str, Any]] = field(default_factory=list)
    runs: list[Run] = field(default_factory=list)
    curves: dict[tuple[str, str, int], list[dict[str, Any]]] = field(default_factory=dict)
    sections: dict[str, Any] = field(default_factory=dict)
    fertility: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)

    @property
    def plain_runs(self) -> list[Run]:
        """Those compared split by split; series, and runs that vary one thing, have sections of their own."""
        return [run for run in self.runs if run.is_plain]


def read_records(paths: Iterable[Path]) -> Records:
    """Read the records of runs; training and evaluation may have left two for one run.

    paths (Iterable[Path]): Files, see `metrics.find_metrics`.
    RETURNS (Records): What they hold.
    RAISES (InputError): If a record cannot be read, or two records contradict each other.
    """
    records = Records()
    runs: dict[tuple[str, str, int], Run] = {}
    for path in paths:
        record = read_metrics(path)
        info = record["info"]
        records.infos.append(info)
        if record["learning_curve"]:
            records.curves[info["split"], info["system"], info["seed"]] = record["learning_curve"]
        design = record.get("experiment", {})
        if pieces := record.get("fertility"):
            row = records.fertility.setdefault((design.get("split", info["split"]), pieces["encoder"]), {})
            row |= pieces["languages"]
        for part, result in record["results"].items():
            run = Run(path, info, part, result, design)
            other = runs.setdefault((run.system, run.key, run.seed), run)
            if other.result != result:
                raise InputError(
                    f"Another record of {run.system} on {run.key} with seed {run.seed} "
                    f"has other figures: {other.path}",
                    path=path,
                    remedy="Give only one of them",
                )
        for name in SECTIONS:
            if name in record:
                _join(records.sections.setdefault(name, {}), record[name], path, name)
    records.runs = [runs[key] for key in sorted(runs)]
    return records


def _join(into: dict[str, Any], section: dict[str, Any], path: Path, name: str) -> None:
    for key, value in section.items():
        if isinstance(value, dict) and isinstance(into.get(key), dict):
            _join(into[key], value, path, f"{name}.{key}")
        elif into.setdefault(key, value) != value:
            raise InputError(f"Another record has another value of {name}.{key}", path=path)


# Figures: the F1 scores of a run, flat, and again by language and by type.


def figures_of(result: dict[str, Any]) -> dict[str, Any]:
    """The F1 scores of a run.

    result (dict[str, Any]): What `evaluate_examples` returned.
    RETURNS (dict[str, Any]): {figure: F1 as a fraction of 1} for FIGURES, and the same by group in
        "by_language" and "by_type". A figure that was not measured, or is not defined for the
        group, is left out.
    """
    figures: dict[str, Any] = _figures(result, "overall")
    for group in GROUPS:
        names = [n for block in _blocks(result).values() for n in block.get(group, {})]
        figures[group] = {name: _figures(result, group, name) for name in sorted(set(names))}
    return figures


def _blocks(result: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {name: result.get(name) or {} for name in ("span", "word", "bsnlp")}


def _figures(result: dict[str, Any], *path: str) -> Figures:
    values: Figures = {}
    for name, block in _blocks(result).items():
        for step in path:
            block = block.get(step, {})
        if name == "bsnlp":
            values |= {f"{m.lower()}_f1": block[m]["f"] for m in METRICS if m in block}
        elif block:
            values[f"{name}_f1"] = block["f"]
    return {name: value for name, value in values.items() if value is not None}


def mean_figures(figures: list[dict[str, Any]]) -> dict[str, Any]:
    """RETURNS (dict[str, Any]): Means of nested figures; each over those that have it."""
    names = {name: None for each in figures for name in each}
    return {name: _mean([each[name] for each in figures if name in each]) for name in names}


def _mean(values: list[Any]) -> Any:
    if isinstance(values[0], dict):
        return mean_figures(values)
    # Numbers of names stay whole.
    return values[0] if len(set(values)) == 1 else fmean(values)


def collect_results(records: Records) -> dict[str, Any]:
    """What goes into docs/results.json; scores are fractions of 1.

    records (Records): The records of runs.
    RETURNS (dict[str, Any]): "ner" {key: means over the seeds of the released recipe, with "system",
        "seeds", "commit"}, "systems" {name: {key: {seed: figures of the run}}}, and the sections:
        those of the records, and {split: `oracle_figures` likewise} in "normalization" and "linking".
    RAISES (InputError): If two systems are marked as released for one key, or a record's own section
        contradicts the runs.
    """
    released: dict[str, list[Run]] = defaultdict(list)
    systems: dict[str, Any] = {}
    for run in records.runs:
        by_key = systems.setdefault(run.system, {}).setdefault(run.key, {})
        by_key[str(run.seed)] = figures_of(run.result) | _circumstances(run)
        if run.released:
            released[run.key].append(run)
    ner = {key: _released(key, released[key], figures_of) for key in sorted(released)}
    sections = deepcopy(records.sections)
    for name in ORACLE_SECTIONS:
        for split, runs in _oracle_runs(records.runs, name).items():
            found = _released(split, runs, partial(oracle_figures, section=name))
            _join(sections.setdefault(name, {}), {split: found}, runs[-1].path, name)
    return {"ner": ner, "systems": systems} | sections


def _oracle_runs(runs: list[Run], section: str) -> dict[str, list[Run]]:
    """The released system's runs on the test part of each split that were measured for a section."""
    part = ORACLE_SECTIONS[section][0]
    found: dict[str, list[Run]] = defaultdict(list)
    for run in runs:
        if run.released and run.part == "test" and part in run.result.get("oracle", {}):
            found[run.info["split"]].append(run)
    return dict(sorted(found.items()))


def oracle_figures(result: dict[str, Any], section: str) -> dict[str, Any]:
    """Base forms or links of a run: on annotated names, and end to end.

    result (dict[str, Any]): What `evaluate` recorded.
    section (str): One of ORACLE_SECTIONS.
    RETURNS (dict[str, Any]): The shares that are right, as `score_base_forms` or `score_links` names them,
        "end_to_end", and the same in "by_language", "by_type" and "by_kind". End to end is the F of NORM,
        or of LEA by level; it is left out where it is not defined.
    """
    part, metrics = ORACLE_SECTIONS[section]
    scores, bsnlp = result["oracle"][part], result.get("bsnlp") or {}

    def end_to_end(figures: dict[str, Any]) -> dict[str, Any]:
        values = _by_level({metric: figures[metric]["f"] for metric in metrics if metric in figures})
        known = {level: value for level, value in values.items() if value is not None}
        # NORM has no levels.
        return {"end_to_end": known.get("NORM", known)} if known else {}

    figures = dict(scores["overall"]) | end_to_end(bsnlp.get("overall", {}))
    if "lea" in scores:
        figures["lea"] = _by_level(scores["lea"])
    for group in (*GROUPS, "by_kind"):
        others = bsnlp.get(group, {})
        figures[group] = {
            name: dict(row) | end_to_end(others.get(name, {})) for name, row in scores[group].items()
        }
    return figures


def _by_level(figures: dict[str, float | None]) -> dict[str, float | None]:
    return {metric.removeprefix("LEA_"): value for metric, value in figures.items()}


def _released(key: str, runs: list[Run], figures: Callable[[dict[str, Any]], dict]) -> dict[str, Any]:
    systems = unique(run.system for run in runs)
    if len(systems) > 1:
        raise InputError(
            f"Several systems are marked as released on {key}: {', '.join(systems)}",
            path=runs[-1].path,
            remedy="Mark one of them",
        )
    return mean_figures([figures(run.result) for run in runs]) | {
        "system": systems[0],
        "seeds": [run.seed for run in runs],
        "commit": ", ".join(unique(run.info.get("commit", UNKNOWN) for run in runs)),
    }


# What results.json says about a run besides its scores.
CIRCUMSTANCES = (
    *("steps", "seconds", "initialize_seconds", "cpu_seconds"),
    *("epochs", "parameters", "documents", "changed"),
)


def _circumstances(run: Run) -> dict[str, Any]:
    return {
        "commit": run.info.get("commit", UNKNOWN),
        **{name: run.info.get(name) for name in CIRCUMSTANCES},
        "words_per_second": run.result.get("words_per_second"),
    }


def unique(values: Iterable[Any]) -> list[Any]:
    """RETURNS (list[Any]): The values, each once, in the order of their first appearance."""
    return list(dict.fromkeys(values))


# Markdown.

# What the tables by language and type show.
GROUPED = ("span_f1", "rpm_f1", "rem_f1", "sm_f1")

LABELS = dict(
    zip(
        FIGURES, ("Span", "Word", "RPM", "REM", "SM", "NORM", "LEA doc", "LEA lang", "LEA cross"), strict=True
    )
)


def render_markdown(
    records: Records,
    results: dict[str, Any],
    command: list[str],
    images: list[str],
    more: Sequence[str] = (),
) -> str:
    """The report in Markdown.

    records (Records): The records of runs.
    results (dict[str, Any]): From `collect_results`.
    command (list[str]): The command that makes the report.
    images (list[str]): The plots, as seen from the report.
    more (Sequence[str]): Further sections, such as those of `regimes.training_sections`.
    RETURNS (str): The text.
    """
    runs = records.plain_runs
    released = _released_results(runs)
    parts = ["# Results", _provenance(records, command), *targets_section(released)]
    for key in unique(run.key for run in sorted(runs, key=lambda run: run.key)):
        here = [run for run in runs if run.key == key]
        parts += [f"## {key}", *_note(here)]
        parts += [_systems_table(here), *_papers_tables(here, key), *_comparisons(here)]
        for group in GROUPS:
            if table := _group_table(here, group):
                parts += [f"### F1 {group.replace('_', ' ')}", table]
        if table := _length_table(here):
            parts += ["### Spans by length in tokens", table]
        parts += confusions_section(released.get(key, ()))
    for name in SECTIONS:
        if name in results and name not in ELSEWHERE:
            parts.append(f"## {name.replace('_', ' ').capitalize()}")
            measured = _oracle_runs(runs, name) if name in ORACLE_SECTIONS else {}
            if measured:
                parts.append(ORACLE_TEXTS[name])
            for split, here in measured.items():
                parts += [f"### {split}", *_note(here), _oracle_table(here, name)]
            if rest := {key: value for key, value in results[name].items() if key not in measured}:
                parts.append(_section_table(rest))
    parts += more
    if images:
        parts += ["## Plots", *(f"![{Path(image).stem}]({image})" for image in images)]
    return "\n\n".join(parts) + "\n"


def _released_results(runs: list[Run]) -> dict[str, list[dict[str, Any]]]:
    """The results of the released system by key, one for each seed."""
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for run in runs:
        if run.released:
            found[run.key].append(run.result)
    return found


def commit_of(record: dict[str, Any]) -> str:
    """RETURNS (str): The commit that something was made at, and whether files differed from it."""
    return record.get("commit", UNKNOWN)[:12] + (" (modified)" if record.get("modified") else "")


def _provenance(records: Records, command: list[str]) -> str:
    infos = records.infos

    def known(name: str) -> list[Any]:
        return unique(info[name] for info in infos if info.get(name) is not None)

    commits = unique(map(commit_of, infos))
    lines = [
        f"Generated by `{shlex.join(command)}`; do not edit. F1 in percent; with several seeds the "
        "mean ± the standard deviation. The released system is in bold.",
        f"Machine: {'; '.join(unique(_machine(info.get('machine', {})) for info in infos))}.",
        f"Seeds: {', '.join(map(str, sorted(known('seed'))))}. Corpora: {', '.join(known('corpus'))}.",
        f"Commits: {', '.join(commits)}.",
    ]
    if later := unique(run.result["commit"][:12] for run in records.runs if "commit" in run.result):
        lines[-1] += f" Evaluated at: {', '.join(later)}."
    if of_runs := unique(run.result["checkpoint"] for run in records.runs if "checkpoint" in run.result):
        lines[-1] += f" Checkpoints: {', '.join(of_runs)}."
    return "\n\n".join(lines)


def _machine(machine: dict[str, Any]) -> str:
    parts = [str(machine.get("cpu", UNKNOWN))]
    if machine.get("bf16"):
        parts.append("bf16")
    if machine.get("cores"):
        parts.append(f"{machine['cores']} cores")
    if machine.get("torch_threads"):
        parts.append(f"{machine['torch_threads']} torch threads")
    if machine.get("gpu"):
        parts.append(machine["gpu"])
    return ", ".join(parts)


def _by_system(runs: list[Run]) -> dict[str, list[Run]]:
    systems: dict[str, list[Run]] = defaultdict(list)
    for run in runs:
        systems[run.system].append(run)
    return systems


def _mean_of(runs: list[Run], value: Callable[[Run], float | None], form: str) -> str:
    known = [value(run) for run in runs if value(run) is not None]
    return format(fmean(known), form) if known else "–"


def _systems_table(runs: list[Run]) -> str:
    """Every figure of each system."""
    rows = []
    for group in _by_system(runs).values():
        figures = [figures_of(run.result) for run in group]
        scores = [spread([each.get(figure) for each in figures]) for figure in FIGURES]
        rows.append([group[0].title, *scores, ", ".join(str(run.seed) for run in group)])
    return markdown_table(["System", *LABELS.values(), "Seeds"], rows)


def _papers_tables(runs: list[Run], key: str) -> list[str]:
    """Each system beside what its paper says, its size and speed, and what was cut."""
    known, notes, rows = published(key), [], []
    for system, group in _by_system(runs).items():
        figures = [figures_of(run.result) for run in group]
        # The name of a run may say more than its system's: another encoder, other corpora.
        of_papers = known.get(group[0].design.get("system", system), ())
        first = len(notes)
        notes += [f"{first + i}. {one.name}: {one.source}." for i, one in enumerate(of_papers, start=1)]
        theirs = [f"{one} [{first + i}]" for i, one in enumerate(of_papers, start=1)]
        rows.append(
            [
                group[0].title,
                "; ".join(theirs) or "–",
                *(spread([each.get(figure) for each in figures]) for figure in ("span_f1", "word_f1")),
                *(_mean_of(group, _millions(which), ",.2f") for which in ("total", "trainable")),
                _mean_of(group, lambda run: run.info.get("steps"), ",.0f"),
                _mean_of(group, _training_seconds, ",.0f"),
                _mean_of(group, lambda run: run.info.get("cpu_seconds"), ",.0f"),
                _mean_of(group, lambda run: run.result.get("words_per_second"), ",.0f"),
                "; ".join(unique(cut for run in group for cut in cuts_of(run.info))) or "–",
            ]
        )
    header = ["System", "Published F1", "Span F1", "Word F1", "Weights, M", "Trained, M", "Steps"]
    table = markdown_table([*header, "Training s", "CPU s", "Words/s", "Changed against the config"], rows)
    title = "### Beside the papers, with size, speed and what was changed"
    text = (
        "The published figures are the papers' own, on their encoders; all others were measured here, on the "
        "machines above, which were not idle: seconds and words per second of two rows are no comparison."
    )
    return [title, text, table, *(["\n".join(notes)] if notes else [])]


def _millions(which: str) -> Callable[[Run], float | None]:
    def value(run: Run) -> float | None:
        number = (run.info.get("parameters") or {}).get(which)
        return None if number is None else number / 1e6

    return value


def _training_seconds(run: Run) -> float | None:
    """The time to train; before the first update too, since a component may learn when initialised."""
    seconds = run.info.get("seconds")
    return None if seconds is None else seconds + (run.info.get("initialize_seconds") or 0)


def cuts_of(info: dict[str, Any]) -> list[str]:
    """What a run left out of the corpus, and what it did not take from its system's config."""
    cuts = []
    documents = info.get("documents") or {}
    if documents.get("used", 0) < documents.get("all", 0):
        cuts.append(f"{documents['used']:,} of {documents['all']:,} documents")
    for name, (old, new) in (info.get("changed") or {}).items():
        # The last two words say enough: learn_rate.rate.
        short = ".".join(name.split(".")[-2:]).removeprefix("system.").removeprefix("training.")
        cuts.append(f"{short} {_shown(old)} → {_shown(new)}")
    return cuts


def _shown(value: Any) -> str:
    """A setting in a cell of a table; a block by its function and its sizes."""
    if isinstance(value, dict):
        return " ".join(_shown(each) for name, each in value.items() if name[0] == "@" or name == "size")
    return str(value).replace("|", "/").replace("spacy-slavner.", "").replace("spacy.", "")


def _comparisons(runs: list[Run]) -> list[str]:
    """What the papers compare, by the mean of the seeds, where both systems were run."""
    systems = _by_system(runs)
    lines = []
    for what, one, two in COMPARISONS:
        gains = {figure: _gain(systems.get(one, []), systems.get(two, []), figure) for figure in BOTH}
        known = {figure: gain for figure, gain in gains.items() if gain}
        if "span" in known:
            shown = ", ".join(f"{value:+.2f} {figure} F1{note}" for figure, (value, note) in known.items())
            lines.append(f"- {what}: {shown} ({one} against {two}{_published_gain(one, two, runs[0].key)}).")
    return ["\n".join(lines)] if lines else []


def _gain(runs: list[Run], others: list[Run], figure: str) -> tuple[float, str] | None:
    """The difference of two systems' means in percent, and what is to be said of it if it may be chance."""
    values = [
        [100 * value for run in some if (value := figures_of(run.result).get(f"{figure}_f1")) is not None]
        for some in (runs, others)
    ]
    if not all(values):
        return None
    low, high = sorted(values, key=fmean)
    return fmean(values[0]) - fmean(values[1]), " (the seeds overlap)" if max(low) >= min(high) else ""


def _published_gain(one: str, two: str, key: str) -> str:
    """The same difference in a paper that has both systems."""
    found = published(key)
    for mine in found.get(one, []):
        for other in found.get(two, []):
            common = [figure for figure in mine.f1 if figure in other.f1 and mine.source == other.source]
            if common:
                return f"; the paper: {mine.f1[common[0]] - other.f1[common[0]]:+.1f} {common[0]} F1"
    return ""


def _group_table(runs: list[Run], group: str) -> str:
    """The figures of GROUPED for each language or type; a row per system and figure."""
    systems = _by_system(runs).values()
    figures = {rs[0].title: [figures_of(run.result)[group] for run in rs] for rs in systems}
    names = sorted({name for each in figures.values() for groups in each for name in groups})
    rows = []
    for figure in GROUPED:
        for system, each in figures.items():
            cells = [spread([groups.get(name, {}).get(figure) for groups in each]) for name in names]
            rows.append([f"{LABELS[figure]}, {system}", *cells])
    return markdown_table(["", *names], rows) if names else ""


def _length_table(runs: list[Run]) -> str:
    """F1 of each length, and its share among the names that were rightly found."""
    found = {group[0].title: length_cells(group) for group in _by_system(runs).values()}
    rows = [[system, *cells] for system, cells in found.items() if cells]
    columns = [f"{what} {n}" for what in ("F1", "% of gold", "% of right") for n in LENGTHS]
    return markdown_table(["System", *columns], rows) if rows else ""


def length_cells(runs: list[Run]) -> list[str]:
    """Names by their length in tokens.

    runs (list[Run]): Runs of one system.
    RETURNS (list[str]): For each of LENGTHS F1, then its share of the annotated names, then that of the
        names that were rightly found, all in percent; nothing if it was not measured.
    """
    tables = [table for run in runs if (table := (_blocks(run.result)["span"] or {}).get("by_length"))]
    if not tables:
        return []
    cells = [spread([table.get(n, {}).get("f") for table in tables]) for n in LENGTHS]
    for name in ("gold", "correct"):
        totals = [sum(counts[name] for counts in table.values()) for table in tables]
        shares = [
            [t.get(n, {}).get(name, 0) / total for t, total in zip(tables, totals, strict=True) if total]
            for n in LENGTHS
        ]
        cells += [spread(values) for values in shares]
    return cells


_KINDS_TEXT = (
    "A changed name has a base form other than the form itself; a new form was not seen in training."
)
ORACLE_TEXTS = {
    "normalization": "Base forms that are right in small letters, in percent of the annotated names, whose "
    f"language is given. {_KINDS_TEXT} End to end, from raw text, it is the shared tasks' NORM: F1 over "
    "changed names.",
    "linking": "Ids that are right, in percent of the annotated names, whose language is given. "
    f"{_KINDS_TEXT} LEA is the shared tasks' F1 of links: of annotated names, and end to end from raw text.",
}


def _oracle_table(runs: list[Run], section: str) -> str:
    """Base forms or links on one split: the baselines and the system on annotated names, and end to end."""
    figures = [oracle_figures(run.result, section) for run in runs]
    languages = sorted({language for each in figures for language in each["by_language"]})
    kinds = [kind for kind in KINDS if kind != "unchanged"]
    groups = [("by_language", name) for name in languages] + [("by_kind", name) for name in kinds]
    columns = [figures, *([each[by].get(name, {}) for each in figures] for by, name in groups)]
    levels = _by_level(SHORT_NAMES) if section == "linking" else {}

    def row(title: str, figure: str | None, lea: str | None = None) -> list[str]:
        cells = [[each.get(figure) for each in column] for column in columns]
        cells += [[each.get(lea, {}).get(level) for each in figures] for level in levels]
        return [title, *map(spread, cells)]

    rows = [
        ["names", *(str(column[0].get("names", 0)) for column in columns), *("" for _ in levels)],
        *([row("copy", "copy")] if section == "normalization" else []),
        row("look-up", "look_up"),
        row(runs[0].title, "accuracy", "lea"),
        row("end to end", None, "end_to_end") if levels else row("end to end", "end_to_end"),
    ]
    return markdown_table(["", "overall", *languages, *kinds, *levels.values()], rows)


def _note(runs: list[Run]) -> list[str]:
    """What the corpus at hand lacks of the published test part."""
    published_size = PUBLISHED_DOCUMENTS.get(runs[0].info["split"]) if runs[0].part == "test" else None
    result = runs[0].result
    size = result.get("documents", 0) + result.get("skipped", 0)
    if not published_size or not 0 < size < published_size:
        return []
    return [
        "The corpus at hand lacks one topic's part of the published one: this is measured on "
        f"{size} of its {published_size} test documents."
    ]


def _section_table(section: dict[str, Any]) -> str:
    rows = [[name, value] for name, value in _leaves(section)]
    return markdown_table(["Figure", "Value"], rows)


def _leaves(section: dict[str, Any], prefix: str = "") -> Iterable[tuple[str, str]]:
    for name, value in section.items():
        if isinstance(value, dict):
            yield from _leaves(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", f"{value:.4f}" if isinstance(value, float) else str(value)
