"""`package`: a wheel of a trained pipeline, small, with its figures and its card."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from ._app import app

if TYPE_CHECKING:
    from spacy.language import Language

    from ..licences import Material

# What says which run a record is of; a record may have been completed since.
IDENTITY = ("system", "split", "seed", "created")
# Components that find the strings they need in what they save; others may rely on the vocabulary's.
OWN = {
    *("language_id", "sentence_splitter", "transformer", "crf_ner", "feature_crf"),
    *("name_normalizer", "name_linker", "doc_cleaner"),
}
# Most that a form of the weights may cost of the F of names, before it is warned of.
LARGEST_COST = 0.002
# What is taken over from the figures of a benchmark.
MEASURED = ("command", "machine", "words", "load_seconds", "peak_memory_gib")


@dataclass(frozen=True)
class About:
    """What a package says of itself that neither the pipeline nor a record knows.

    name (str): Its name.
    version (str): Its version.
    author (str): Who has made it; empty for what the pipeline says.
    url (str): Where it is from; empty likewise.
    trained_on (str): What the pipeline learned from; empty for what the record beside it says.
    benchmarks (list[dict[str, Any]]): From `read_benchmarks`.
    wheel (bool): Whether it is a wheel, or a folder.
    """

    name: str
    version: str
    author: str = ""
    url: str = ""
    trained_on: str = ""
    benchmarks: list[dict[str, Any]] = field(default_factory=list)
    wheel: bool = True


@app.command("package")
def package_cli(
    pipeline: str = typer.Argument(..., help="Folder or installed name of a pipeline"),
    out: Path = typer.Argument(..., help="Folder for the wheel"),
    name: str = typer.Option("xx_slavner", "--name", "-n", help="Name of the package"),
    version: str = typer.Option("0.1.0", "--version", "-v", help="Version of the package"),
    author: str = typer.Option("", "--author", help="Who has made it (default: as the pipeline says)"),
    url: str = typer.Option("", "--url", help="Where it is from (default: as the pipeline says)"),
    metrics: list[Path] = typer.Option(
        [], "--metrics", "-m", help="Record of a run, or a folder with some; may be given several times"
    ),
    weights: str = typer.Option("fp16", "--weights", "-w", help="How weights are stored: fp32, fp16 or int8"),
    trained_on: str = typer.Option(
        "", "--trained-on", help="What the pipeline learned from (default: as the record beside it says)"
    ),
    encoder: str = typer.Option("", "--encoder", help="Name of the encoder that training began with"),
    source: list[str] = typer.Option(
        [],
        "--source",
        help="Something else the pipeline is made of, or the licence of a corpus or encoder where it is not "
        "known, as NAME=LICENCE; several times",
    ),
    any_licence: bool = typer.Option(
        False, "--any-licence", help="Take what weights for others must not come from; the card says so"
    ),
    cost: Path = typer.Option(
        None, "--cost", help="Corpus on which to measure what the form of the weights costs"
    ),
    every: int = typer.Option(4, "--every", min=1, help="Take every so many-th document of that corpus"),
    benchmarks: list[Path] = typer.Option(
        [], "--benchmarks", help="Figures of benchmarks/inference.py that the card quotes; several times"
    ),
    wheel: bool = typer.Option(True, "--wheel/--folder", help="Make a wheel, or only the pipeline's folder"),
) -> None:
    """Make an installable package of a pipeline: weights in few bytes, figures, licences and a card.

    Weights that are passed on may come from material under CC0, CC BY, CC BY-SA, MIT or Apache-2.0 alone,
    and from SlavicNER, which states no licence; anything else is refused without --any-licence.
    """
    from importlib.metadata import PackageNotFoundError
    from importlib.metadata import version as version_of
    from tempfile import TemporaryDirectory

    from wasabi import msg

    from ..errors import InputError
    from ..files import whole_folder
    from ..licences import check_licences
    from ._pipeline import load_pipeline, read_own_record

    if wheel:
        try:
            version_of("build")
        except PackageNotFoundError:
            raise InputError("wheels are made by the library build", remedy="pip install build") from None
    about = About(name, version, author, url, trained_on, read_benchmarks(benchmarks), wheel)
    own = read_own_record(pipeline)
    records = read_records(metrics, own)
    nlp = load_pipeline(pipeline)
    learned = ([own] if own else records) + read_begun_with(nlp)
    sources = list_sources(learned, encoder, source, trained_on) + _word_lists(nlp)
    if not any_licence:
        check_licences(sources)
    with TemporaryDirectory() as temporary:
        folder = Path(temporary) / "pipeline"
        storage = save_pipeline(nlp, folder, weights)
        if cost:
            storage["cost"] = measure_cost(nlp, folder, cost, every, weights)
            _show_cost(storage["cost"], weights)
        write_description(nlp, folder, about, records, sources, storage, own)
        if wheel:
            made = build_wheel(folder, Path(temporary), name, version, out)
        else:
            import shutil

            made = out / f"{name}-{version}"
            with whole_folder(made) as target:
                shutil.copytree(folder, target, dirs_exist_ok=True)
    size = sum(f.stat().st_size for f in ([made] if made.is_file() else made.rglob("*")) if f.is_file())
    msg.good(f"{made}: {size / 1e6:.1f} MB")


def read_benchmarks(paths: list[Path]) -> list[dict[str, Any]]:
    """Read the figures of benchmarks that the card quotes.

    paths (list[Path]): What benchmarks/inference.py left with --json.
    RETURNS (list[dict[str, Any]]): Those of `MEASURED` that each has.
    RAISES (InputError): If a file cannot be read, or has no such figures.
    """
    import srsly

    from ..errors import InputError

    found = []
    for path in paths:
        try:
            figures = srsly.read_json(path)
        except ValueError as error:
            remedy = "Give what benchmarks/inference.py leaves with --json"
            raise InputError(f"the figures cannot be read ({error})", path=path, remedy=remedy) from None
        found.append({key: figures[key] for key in MEASURED if key in figures})
        if not found[-1].keys() & {"load_seconds", "peak_memory_gib"}:
            remedy = "Give what benchmarks/inference.py leaves with --json"
            raise InputError("there is neither load_seconds nor peak_memory_gib", path=path, remedy=remedy)
    return found


def read_records(paths: list[Path], own: dict | None) -> list[dict]:
    """Read the records whose figures the card quotes.

    paths (list[Path]): Files and folders, see `find_metrics`.
    own (dict | None): The record of the pipeline's own run.
    RETURNS (list[dict]): Those with figures of names, the pipeline's own first.
    """
    from wasabi import msg

    from ..evaluation.metrics import find_metrics, read_metrics

    records = []
    for path in find_metrics(paths) if paths else []:
        record = read_metrics(path)
        results = {part: result for part, result in record["results"].items() if result.get("span")}
        if empty := sorted(record["results"].keys() - results):
            msg.warn(f"{path} has no figures of names for {', '.join(empty)}: they are left out")
        if results:
            records.append(record | {"results": results})
    return sorted(records, key=lambda record: not is_same_run(record, own))


def is_same_run(record: dict, own: dict | None) -> bool:
    """Say whether a record is of a pipeline's own run.

    record (dict): The record.
    own (dict | None): That of the pipeline's run.
    RETURNS (bool): Whether both are of one run.
    """
    return own is not None and all(record["info"].get(key) == own["info"].get(key) for key in IDENTITY)


def read_begun_with(nlp: "Language") -> list[dict]:
    """Read the record of the run whose encoder a pipeline began with.

    nlp (Language): The pipeline.
    RETURNS (list[dict]): The record; one without a corpus if it is not there any more; none where training
        began with a plain encoder.
    """
    from ..licences import NAMELESS
    from ._pipeline import read_own_record

    source = nlp.config.get("paths", {}).get("source")
    return [read_own_record(source) or {"info": {"corpus": NAMELESS}}] if source else []


def list_sources(
    records: list[dict], encoder: str, others: list[str], trained_on: str = ""
) -> list[dict[str, str]]:
    """Say what a pipeline is made of, and under which licences.

    records (list[dict]): The record of its run, or of runs like it.
    encoder (str): Name of the encoder, or a folder with one.
    others (list[str]): More sources, as NAME=LICENCE, or the licences of those that are not known here.
    trained_on (str): What it learned from, in words; corpora that are known are found in it.
    RETURNS (list[dict[str, str]]): "name", "what", "license" and "url" of each.
    RAISES (InputError): If one of `others` has no licence.
    """
    from ..licences import ENCODERS, UNKNOWN, Material, without_general

    told = _told(others)

    def entry(material: Material, what: str) -> dict[str, str]:
        known = material.licence != UNKNOWN
        licence = material.licence if known else told.pop(material.title, UNKNOWN)
        return {"name": material.title, "what": what, "license": licence, "url": material.url}

    code = entry(Material("spacy-slavner", "MIT"), "the code, and all that is not below")
    found = [code | {"author": "The spacy-slavner developers"}]
    for corpus in without_general(_corpora(records, trained_on)):
        found.append(entry(corpus, "texts with names to learn from"))
    if encoder:
        # A folder's place on the machine is nobody's business.
        title = Path(encoder).name if Path(encoder).is_dir() else encoder
        material = ENCODERS.get(encoder) or Material(title, UNKNOWN)
        found.append(entry(material, "the encoder to begin with"))
    return found + [entry(Material(name, licence), "") for name, licence in list(told.items())]


def _told(others: list[str]) -> dict[str, str]:
    """The licences that the user names."""
    from ..errors import InputError

    told = {}
    for other in others:
        title, _, licence = other.partition("=")
        if not (title and licence):
            raise InputError(f"--source {other!r} is not NAME=LICENCE")
        told[title] = licence
    return told


def _corpora(records: list[dict], trained_on: str) -> list["Material"]:
    """The corpora of records and of the user's words; what neither names must be said too."""
    from ..licences import NAMELESS, UNKNOWN, Material, find_corpus, named_in

    names = [name for record in records for name in (record["info"].get("corpus") or NAMELESS).split("+")]
    in_words = named_in(trained_on)
    found = [find_corpus(name) for name in names if name != NAMELESS] + in_words
    if not found or (NAMELESS in names and not in_words):
        found.append(Material(trained_on or "a corpus", UNKNOWN))
    return found


def save_pipeline(nlp: "Language", folder: Path, weights: str) -> dict[str, Any]:
    """Save a pipeline small: weights in few bytes, and of the vocabulary's strings only what is needed.

    nlp (Language): The pipeline.
    folder (Path): Where to.
    weights (str): See `weights.stored_as`.
    RETURNS (dict[str, Any]): "weights": their form.
    """
    import srsly

    from ..weights import stored_as

    with stored_as(weights):
        nlp.to_disk(folder)
    if {nlp.get_pipe_meta(name).factory for name in nlp.component_names} <= OWN:
        # Those of the training texts are many, and made again whenever they are needed.
        labels = sorted({label for labels in nlp.pipe_labels.values() for label in labels})
        srsly.write_json(folder / "vocab" / "strings.json", labels)
    return {"weights": weights}


def measure_cost(nlp: "Language", folder: Path, corpus: Path, every: int, weights: str) -> dict[str, Any]:
    """Compare a pipeline with the same stored small, from raw text.

    nlp (Language): The pipeline.
    folder (Path): The same, stored small.
    corpus (Path): A .spacy file, or a folder with such files.
    every (int): Take every so many-th document.
    weights (str): Form of the weights.
    RETURNS (dict[str, Any]): "corpus" (its name), "documents", "names", "same" (share of equal names among
        all that either finds), and under "fp32" and the form: "span", "base_form" and "link", the
        F of names and the accuracies on those found.
    RAISES (InputError): If the corpus has no documents, or those taken have no names.
    """
    import spacy
    from spacy.training import Example
    from tqdm import tqdm

    from ..corpora.docbin import read_docs
    from ..corpora.reader import make_example
    from ..errors import InputError
    from ..evaluation import evaluate_examples
    from ..pipeline.name_normalizer import score_base_forms

    references = list(read_docs(corpus, nlp.vocab))[::every]
    if not references:
        raise InputError("the corpus has no documents", path=corpus)
    if not any(doc.ents for doc in references):
        raise InputError("no names are annotated in the documents that are compared", path=corpus)
    found, scores = [], {}
    for form, pipeline in (("fp32", nlp), (weights, spacy.load(folder))):
        bare = [make_example(pipeline, doc, know_language=False).predicted for doc in references]
        bar = tqdm(pipeline.pipe(bare), total=len(bare), desc=f"Weights as {form}", unit="doc")
        examples = [Example(doc, reference) for doc, reference in zip(bar, references, strict=True)]
        result = evaluate_examples(examples)
        scores[form] = {
            "span": result["span"]["overall"]["f"],
            "base_form": score_base_forms(examples)["base_form_acc"],
            "sm": result["bsnlp"] and result["bsnlp"]["overall"]["SM"]["f"],
            "link": result["bsnlp"] and result["bsnlp"]["overall"]["LEA_document"]["f"],
        }
        found.append({_name(i, ent) for i, eg in enumerate(examples) for ent in eg.predicted.ents})
    before, after = found
    either = len(before | after)
    return {
        "corpus": f"{corpus.parent.name}/{corpus.stem}",
        "documents": len(references),
        "names": len(before),
        "same": len(before & after) / either if either else 1.0,
        **scores,
    }


def _name(number: int, ent: Any) -> tuple:
    return number, ent.start_char, ent.end_char, ent.label_, ent._.base_form, ent.kb_id_


def _show_cost(cost: dict[str, Any], weights: str) -> None:
    from wasabi import msg

    from ..evaluation.tables import percent, text_table

    columns = {"span": "F of names", "base_form": "base forms", "sm": "SM", "link": "LEA doc"}
    rows = [
        (form, *(percent(cost[form][key]) for key in columns)) for form in dict.fromkeys(("fp32", weights))
    ]
    print(text_table(("weights", *columns.values()), rows))
    print(
        f"{cost['documents']} documents; {percent(cost['same'])} % of {cost['names']} names are the same, "
        "with type, base form and link"
    )
    if (lost := cost["fp32"]["span"] - cost[weights]["span"]) > LARGEST_COST:
        msg.warn(f"{weights} costs {percent(lost)} points of F, more than {percent(LARGEST_COST)}: try fp16")


def write_description(
    nlp: "Language",
    folder: Path,
    about: About,
    records: list[dict],
    sources: list[dict[str, str]],
    storage: dict[str, Any],
    own: dict | None,
) -> None:
    """Write meta.json, the card and the licences into a saved pipeline.

    nlp (Language): The pipeline.
    folder (Path): Where it is saved.
    about (About): What the user says of it.
    records (list[dict]): Records of runs, from `read_records`.
    sources (list[dict[str, str]]): What it is made of, from `list_sources`.
    storage (dict[str, Any]): The form of the weights and what it costs.
    own (dict | None): The record of the pipeline's own run, if it is known.
    """
    import srsly

    from ..evaluation.card import collect_performance, render_card
    from ..evaluation.metrics import write_json
    from ..licences import UNKNOWN, licence_texts, may_be_passed_on

    languages = sorted(nlp.pipe_labels.get("language_id") or [])
    learned_from = f"{own['info']['split']} (training part)" if own else UNKNOWN
    old = srsly.read_json(folder / "meta.json")
    meta = old | {
        "name": about.name.removeprefix(f"{nlp.lang}_"),
        "version": about.version,
        "description": _description(nlp, languages),
        "author": about.author or old["author"],
        "url": about.url or old["url"],
        "license": "; ".join(f"{source['name']}: {source['license']}" for source in sources),
        "languages": languages,
        "sources": sources,
        "not_to_pass_on": [source["name"] for source in sources if not may_be_passed_on(source)],
        "requirements": requirements(nlp),
        "trained_on": about.trained_on or learned_from,
        "figures_note": _note(records, own),
        "performance": collect_performance(records),
        "storage": storage,
        "benchmarks": about.benchmarks,
        "megabytes": round(sum(f.stat().st_size for f in folder.rglob("*") if f.is_file()) / 1e6, 1),
    }
    write_json(folder / "meta.json", meta)
    (folder / "README.md").write_text(render_card(meta, wheel=about.wheel), encoding="utf-8")
    (folder / "LICENSES_SOURCES").write_text(licence_texts(sources), encoding="utf-8")


def _note(records: list[dict], own: dict | None) -> str:
    """Say whose figures they are."""
    if not records:
        return ""
    if is_same_run(records[0], own):
        if len(records) == 1:
            return ""
        info = records[0]["info"]
        return (
            "One pipeline for each split and seed, made from the training part of its split "
            f"{_besides(records)}; the one of {info['split']} with seed {info['seed']} is in this package."
        )
    known = "None of the figures is" if own else "It is not known whether any of the figures is"
    systems = ", ".join(dict.fromkeys(_plain_name(record) for record in records))
    return (
        f"{known} of the pipeline in this package. They are of pipelines of the system {systems}, each made "
        f"from the training part of its split {_besides(records)}."
    )


def _plain_name(record: dict) -> str:
    """The name of a system's config; in the name of a run there may be what it learnt from as well."""
    design, name = record.get("experiment", {}), record["info"]["system"]
    return design.get("system") or re.split("_(?:with|from|on)_", name)[0]


def _besides(records: list[dict]) -> str:
    """What pipelines learnt from besides their splits."""
    from ..licences import find_corpus

    others = dict.fromkeys(record.get("experiment", {}).get("transfer") for record in records)
    titles = (
        ", ".join(find_corpus(name).title for name in other.split("+")) if other else "" for other in others
    )
    return " and ".join(f"with {title}" if title else "alone" for title in titles)


def _description(nlp: "Language", languages: list[str]) -> str:
    from ..evaluation.card import language_name

    parts = {
        "crf_ner": "names and their types",
        "feature_crf": "names and their types",
        "name_normalizer": "base forms",
        "name_linker": "links across languages",
        "language_id": "the language",
    }
    does = [what for factory, what in parts.items() if factory in nlp.pipe_names]
    where = ", ".join(map(language_name, languages)) or "any language"
    return f"{', '.join(does).capitalize()} in text in {where}."


def _word_lists(nlp: "Language") -> list[dict[str, str]]:
    """The word lists that the learned base forms keep, if they do."""
    if "name_normalizer" not in nlp.pipe_names:
        return []
    learned = nlp.get_pipe("name_normalizer").methods.get("learned")
    if learned is None or learned.features is None or not learned.features.words.tables:
        return []
    return [
        {
            "name": "wordfreq",
            "what": "hashes and rounded frequencies of words",
            "license": "CC BY-SA 4.0",
            "url": "https://github.com/rspeer/wordfreq",
        }
    ]


def requirements(nlp: "Language") -> list[str]:
    """List the packages that a pipeline needs, in versions that know its format.

    nlp (Language): The pipeline.
    RETURNS (list[str]): As pip takes them, spacy-slavner first.
    """
    from spacy import util
    from spacy.about import __version__
    from spacy.cli.package import get_third_party_dependencies

    from .. import __version__ as own

    found = {f"spacy-slavner{util.get_minor_version_range(own)}"}
    found |= set(get_third_party_dependencies(nlp.config, exclude=["spacy-slavner"]))
    spacy = f"spacy{util.get_minor_version_range(__version__)}"
    return [*sorted(found, key=lambda name: (not name.startswith("spacy-slavner"), name)), spacy]


def build_wheel(folder: Path, work: Path, name: str, version: str, out: Path) -> Path:
    """Let spaCy make a wheel of a pipeline's folder.

    folder (Path): The pipeline.
    work (Path): A folder to work in.
    name (str): Name of the package.
    version (str): Its version.
    out (Path): Folder for the wheel.
    RETURNS (Path): The wheel.
    RAISES (InputError): If none was made.
    """
    import shutil

    from spacy.cli.package import package

    from ..errors import InputError
    from ..files import whole_file

    built = work / "build"
    built.mkdir()
    # It puts the language before the name.
    name = name.removeprefix(f"{_language(folder)}_")
    package(folder, built, name=name, version=version, create_sdist=False, create_wheel=True)
    wheels = list(built.rglob("*.whl"))
    if len(wheels) != 1:
        raise InputError("no wheel was made, see above", remedy="Building one needs a package index")
    with whole_file(out / wheels[0].name) as target:
        shutil.copy(wheels[0], target)
    return out / wheels[0].name


def _language(folder: Path) -> str:
    import srsly

    return srsly.read_json(folder / "meta.json")["lang"]
