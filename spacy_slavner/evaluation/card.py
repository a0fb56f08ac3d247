"""The card of a packaged pipeline: records of runs as figures in its meta.json, and that as Markdown."""

from collections.abc import Sequence
from statistics import mean
from typing import Any

from ..licences import NOT_STATED
from .bsnlp import METRICS
from .tables import SHORT_NAMES, markdown_table, percent

PARTS = ("test", "dev")
EXAMPLE = """```python
import spacy

nlp = spacy.load("{package}")
doc = nlp("Předsedkyně Evropské komise v pondělí přiletěla do Prahy.")
print(doc._.language, doc._.language_score)
for ent in doc.ents:
    print(ent.text, ent.label_, ent._.confidence, ent._.base_form, ent.kb_id_)
```"""
INSTALL = """```bash
pip install {package}-{version}-py3-none-any.whl
```

If no package index has `spacy-slavner`, install that from its project's folder before."""
TYPES = {
    "PER": "people, families and groups with a name",
    "LOC": "places, countries, buildings",
    "ORG": "organisations, companies, media",
    "PRO": "products, works, laws, treaties",
    "EVT": "events",
}
LIMITS = """\
- It learned from news on a few topics. Names of a new topic are found less often than those of known ones,
  and organisations, products and events less often than people and places: see the tables.
- It knows its own languages alone; a text in another one is taken for one of them.
- Names inside names are not given, only the outermost, as the corpus has them.
- The confidence of a name is the model's own; for other kinds of text it may be too high.
- Base forms and ids are made, not looked up, where a name is new. An id of a new name is good within its
  documents and is no key of any database.
- What it knows comes from texts that name people: their names are in the package.
- It has not seen lower-cased text, speech transcripts or chats in training."""


def collect_performance(records: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Sum up records of runs for the "performance" of a meta.json.

    records (Sequence[dict]): Records as `read_metrics` gives them; runs that differ in their seed alone
        are averaged.
    RETURNS (dict[str, Any]): spaCy's keys ("ents_f", "ents_per_type", "lang_acc", "speed", …) for the first
        run's split, on its test part if there is one; under "runs", a list with everything for each system
        and split: "system", "corpus", "split", "seeds", "machine", and the "parts" with their scores.
    """
    groups: dict[tuple, list[dict]] = {}
    for record in records:
        info = record["info"]
        if "system" not in info:  # figures of something else, such as morphology models
            continue
        groups.setdefault((info["system"], info.get("corpus"), info["split"]), []).append(record)
    runs = [_run(*key, group) for key, group in groups.items()]
    for run in runs:
        for part in PARTS:
            if scores := run["parts"].get(part):
                return _spacy_scores(scores) | {"part": f"{run['split']} {part}", "runs": runs}
    return {"runs": runs}


def _run(system: str, corpus: str | None, split: str, records: list[dict]) -> dict[str, Any]:
    parts = {part for record in records for part in record["results"]}
    machine = records[0]["info"].get("machine", {})
    return {
        "system": system,
        "corpus": corpus or "",
        "split": split,
        "seeds": [record["info"]["seed"] for record in records],
        "machine": machine.get("gpu") or machine.get("cpu") or "",
        "parts": {
            part: _part([r["results"][part] for r in records if part in r["results"]])
            for part in sorted(parts)
        },
    }


def _part(results: list[dict[str, Any]]) -> dict[str, Any]:
    """What the card shows of a part's scores: means over the runs, and how far their span F1 spread."""
    chosen = [
        {
            "documents": result["documents"],
            "words_per_second": result.get("words_per_second"),
            "span": result["span"],
            "bsnlp": (result.get("bsnlp") or {}).get("overall"),
            "language": (result.get("language") or {}).get("accuracy"),
            "base_form": ((result.get("oracle") or {}).get("base_forms") or {}).get("overall"),
            "link": ((result.get("oracle") or {}).get("links") or {}).get("overall"),
        }
        for result in results
    ]
    f = [result["span"]["overall"]["f"] for result in results]
    return _mean(chosen) | {"spread": max(f) - min(f)}


def _mean(values: list[Any]) -> Any:
    """The mean of equal structures; what is missing in one of them counts for nothing."""
    values = [value for value in values if value is not None]
    if not values:
        return None
    if isinstance(values[0], dict):
        keys = dict.fromkeys(key for value in values for key in value)
        return {key: _mean([value.get(key) for value in values]) for key in keys}
    return round(mean(values), 6) if isinstance(values[0], int | float) else values[0]


def _spacy_scores(scores: dict[str, Any]) -> dict[str, Any]:
    """The names under which spaCy's own tools show scores."""
    span = scores["span"]
    bsnlp = scores["bsnlp"] or {}
    found = {f"ents_{key}": span["overall"][key] for key in "prf"} | {
        "ents_per_type": {label: {key: row[key] for key in "prf"} for label, row in span["by_type"].items()},
        "lang_acc": scores["language"],
        "speed": scores["words_per_second"],
        **{f"bsnlp_{metric.lower()}_f": bsnlp[metric]["f"] for metric in METRICS if metric in bsnlp},
    }
    return {key: value for key, value in found.items() if value is not None}


def language_name(code: str) -> str:
    """Name a language in English.

    code (str): Its code.
    RETURNS (str): The name, such as "Czech"; the code if spaCy does not know the language.
    """
    from spacy.util import get_lang_class

    try:
        return get_lang_class(code).__name__
    except ImportError:
        return code


def render_card(meta: dict[str, Any], wheel: bool = True) -> str:
    """Write the card of a pipeline.

    meta (dict[str, Any]): Its meta.json, with the keys that the command `package` adds: "languages",
        "trained_on", "storage", "benchmarks", "megabytes", "not_to_pass_on", and "what" among the sources.
    wheel (bool): Whether it is a wheel that can be installed.
    RETURNS (str): Markdown.
    """
    package = f"{meta['lang']}_{meta['name']}"
    sections = [
        f"# {package} {meta['version']}",
        meta["description"],
        _warning(meta),
        _restriction(meta),
        markdown_table(("", ""), _facts(meta)).replace("--:", "---"),
        *(("## Install", INSTALL.format(package=package, version=meta["version"])) if wheel else ()),
        "## Example",
        EXAMPLE.format(package=package),
        "## Labels",
        markdown_table(("type", "what it is for"), _labels(meta)).replace("--:", "---"),
        "## Data and licences",
        _sources(meta["sources"]),
        "## Figures",
        _figures(meta),
        "## Size and speed",
        _storage(meta),
        "## Limits",
        LIMITS,
    ]
    return "\n\n".join(section for section in sections if section) + "\n"


def _warning(meta: dict[str, Any]) -> str:
    if any(run["corpus"] == "sample" for run in meta["performance"].get("runs", [])):
        return (
            "**Trained on the small sample that comes with the project: it shows that everything works. "
            "Its figures say nothing about quality.**"
        )
    return ""


def _restriction(meta: dict[str, Any]) -> str:
    if not meta["not_to_pass_on"]:
        return ""
    return (
        f"**Not to be passed on: it was made for one's own use from {', '.join(meta['not_to_pass_on'])}; the "
        "licence, see below, does not allow more or is not known.**"
    )


def _facts(meta: dict[str, Any]) -> list[tuple[str, str]]:
    facts = {
        "Languages": ", ".join(f"{language_name(code)} ({code})" for code in meta["languages"]),
        "Components": ", ".join(f"`{name}`" for name in meta["pipeline"]),
        "Learned from": meta["trained_on"],
        "Licence": meta["license"],
        "Author": meta["author"],
        "From": meta["url"],
        "spaCy": f"`{meta['spacy_version']}`",
        "Needs": ", ".join(f"`{requirement}`" for requirement in meta["requirements"]),
    }
    return [(f"**{name}**", value) for name, value in facts.items() if value]


def _labels(meta: dict[str, Any]) -> list[tuple[str, str]]:
    labels = [*meta["labels"].get("crf_ner", []), *meta["labels"].get("feature_crf", [])]
    return [(label, TYPES.get(label, "")) for label in sorted(labels, key=[*TYPES, *labels].index)]


def _sources(sources: list[dict[str, str]]) -> str:
    rows = [
        (f"[{s['name']}]({s['url']})" if s.get("url") else s["name"], s.get("what", ""), s["license"])
        for s in sources
    ]
    table = markdown_table(("source", "what is from it", "licence"), rows).replace("--:", "---")
    silent = [s["name"] for s in sources if s["license"].startswith(NOT_STATED)]
    if not silent:
        return table
    return (
        f"{table}\n\nThe authors of {' and '.join(silent)} state no licence: they have not said what may be "
        "done with weights that learned from it."
    )


def _figures(meta: dict[str, Any]) -> str:
    runs = meta["performance"].get("runs")
    if not runs:
        return "No figures were given when the package was made."
    sections = [
        "In percent; means where there are several seeds. A name is right when its type and both its edges "
        "are (P, R, F); RPM, REM, SM, NORM and LEA are the scores of the BSNLP shared tasks. Texts are raw: "
        "tokens, sentences and language are found too.",
        meta.get("figures_note", ""),
        _overview(runs),
        *(_by_language(run, part) for run in runs for part in PARTS[:1] if part in run["parts"]),
    ]
    return "\n\n".join(section for section in sections if section)


def _overview(runs: list[dict[str, Any]]) -> str:
    header = ("split, part", "seeds", "documents", "P", "R", "F", "spread", "language", "base form", "link")
    rows = []
    for run in runs:
        for part, scores in run["parts"].items():
            span = scores["span"]["overall"]
            oracle = [(scores.get(key) or {}).get("accuracy") for key in ("base_form", "link")]
            rows.append(
                (
                    f"{run['split']}, {part}",
                    str(len(run["seeds"])),
                    f"{scores['documents']:.0f}",
                    *(percent(span[key]) for key in "prf"),
                    percent(scores["spread"]) if len(run["seeds"]) > 1 else "–",
                    *(percent(value) for value in (scores["language"], *oracle)),
                )
            )
    tables = [markdown_table(header, rows), "Base form and link: of annotated names."]
    with_scores = [
        (f"{run['split']}, {part}", *(percent(scores["bsnlp"][m]["f"]) for m in METRICS))
        for run in runs
        for part, scores in run["parts"].items()
        if scores["bsnlp"]
    ]
    if with_scores:
        header = ("split, part", *(SHORT_NAMES.get(metric, metric) for metric in METRICS))
        tables.append(markdown_table(header, with_scores))
    return "\n\n".join(tables)


def _by_language(run: dict[str, Any], part: str) -> str:
    """F of names by language and type."""
    span = run["parts"][part]["span"]
    types = sorted(span["by_type"], key=lambda label: [*TYPES, label].index(label))
    cells = span.get("by_language_and_type", {})

    def f(scores: dict[str, Any] | None) -> str:
        return percent(scores["f"]) if scores else "–"

    rows = [
        (language, *(f(cells.get(f"{language} {label}")) for label in types), f(scores))
        for language, scores in span["by_language"].items()
    ]
    rows.append(("all", *(f(span["by_type"][label]) for label in types), f(span["overall"])))
    title = f"F of names, {run['split']}, {part}:"
    return f"{title}\n\n{markdown_table(('language', *types, 'all'), rows)}"


def _storage(meta: dict[str, Any]) -> str:
    storage = meta["storage"]
    lines = [
        f"- {meta['megabytes']} MB on disk. Weights are stored as {storage['weights']} and are fp32 when "
        "loaded, bf16 in the encoder's products where the processor has them. Nothing is a pickle."
    ]
    if cost := storage.get("cost"):
        before, after = (percent(cost[key]["span"]) for key in ("fp32", storage["weights"]))
        lines.append(
            f"- What that costs: F of names {before} as fp32 and {after} as {storage['weights']} on "
            f"{cost['documents']} documents ({cost['corpus']}); base forms "
            + " and ".join(percent(cost[key]["base_form"]) for key in ("fp32", storage["weights"]))
            + f"; {percent(cost['same'])} % of the names are the same, with type, base form and link."
        )
    lines += [line for figures in meta["benchmarks"] for line in _measured(figures)]
    for run in meta["performance"].get("runs", []):
        for part, scores in run["parts"].items():
            if scores["words_per_second"]:
                speed, machine = f"{scores['words_per_second']:.0f}", run["machine"] or "an unknown machine"
                lines.append(
                    f"- Speed: {speed} words per second from raw text with all components "
                    f"(evaluation on {run['split']}, {part}; machine: {machine})"
                )
    return "\n".join(lines)


def _measured(figures: dict[str, Any]) -> list[str]:
    """Lines for what a benchmark measured, with its command and machine."""
    machine = figures.get("machine", {})
    processor, commit, command = machine.get("processor"), machine.get("commit"), figures.get("command")
    known = (processor, commit and f"commit {commit}", command and f"`{command}`")
    source = ", ".join(filter(None, known)) or "an unknown machine"
    lines = []
    if seconds := figures.get("load_seconds"):
        lines.append(f"- Loading takes {seconds:.1f} seconds ({source})")
    if memory := figures.get("peak_memory_gib"):
        lines.append(f"- Peak memory: {memory:.1f} GiB on {figures['words']:,} words at once ({source})")
    return lines
