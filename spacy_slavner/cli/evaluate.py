"""`evaluate`: every score of a pipeline on a corpus, from raw text, and its speed."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from ._app import app
from ._pipeline import CHECKPOINTS, SETTINGS, load_pipeline, read_own_record, read_settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from spacy.language import Language
    from spacy.tokens import Doc


@app.command("evaluate")
def evaluate_cli(
    pipeline: str = typer.Argument(..., help="Folder or installed name of a pipeline"),
    corpora: list[Path] = typer.Argument(
        ..., metavar="CORPUS...", help=".spacy files, or folders with such files"
    ),
    metrics: Path = typer.Option(None, "--metrics", "-m", help="Record to add the scores to"),
    run: Path = typer.Option(
        None, "--run", help="Record of the training run, to begin with (default: the one beside the pipeline)"
    ),
    part: str = typer.Option(
        None, "--part", help="Name of the corpus in the record (default: the file's name)"
    ),
    gold_language: bool = typer.Option(
        False, "--gold-language", help="Tell the pipeline each document's language"
    ),
    settings: list[str] = SETTINGS,
    use_gpu: int = typer.Option(-1, "--gpu-id", "-g", help="GPU id, -1 for the CPU"),
) -> None:
    """Evaluate a pipeline end to end: it gets raw text and finds tokens and languages by itself.

    Base forms and links are measured on annotated names too.
    """
    from spacy.cli._util import setup_gpu
    from wasabi import msg

    from ..errors import InputError
    from ..evaluation.metrics import describe_code, read_metrics, write_json
    from ..evaluation.published import LACKING
    from ..evaluation.tables import evaluation_tables
    from .corpus import corpus_names

    names = [part or corpus.stem for corpus in corpora]
    if len(set(names)) < len(names):
        what = "--part names one corpus" if part else f"two corpora have one name ({', '.join(names)})"
        raise InputError(what, remedy="Evaluate the corpora one by one, each with a --part of its own")
    overrides = read_settings(settings)
    setup_gpu(use_gpu)
    nlp = load_pipeline(pipeline, overrides)
    results = {}
    # A pipeline may be evaluated by later code than it was trained with.
    commit = describe_code()["commit"]
    for name, corpus in zip(names, corpora, strict=True):
        lacking = LACKING.get(f"{corpus_names(corpus)[1]}_{name}")
        result = evaluate(nlp, corpus, gold_language=gold_language, without=lacking)
        about = {"commit": commit, "checkpoint": Path(pipeline).name}
        about |= {"overrides": overrides} if overrides else {}
        if rest := result.pop("rest", None):
            results[f"{name}_without_{lacking}"] = about | rest
        results[name] = about | result
        msg.divider(f"{pipeline} on {corpus}")
        _show(results[name])
        if rest:
            msg.divider(f"{pipeline} on {corpus} without {lacking}")
            print(evaluation_tables(rest))
    if metrics:
        own = read_metrics(run) if run else read_own_record(pipeline)
        record = _record(metrics, own) or _new_record(nlp, pipeline, corpora[0])
        record["results"] |= results
        write_json(metrics, record)
        msg.good(f"Scores recorded in {metrics}")


def _show(result: dict[str, Any]) -> None:
    from wasabi import msg

    from ..evaluation.tables import evaluation_tables

    if not result["words"]:
        msg.warn(f"There are no words to measure ({result['documents'] + result['skipped']} empty documents)")
        return
    print(evaluation_tables(result))
    print(
        f"\n{result['documents']} documents, {result['words']} words in {result['seconds']:.1f} s: "
        f"{result['words_per_second']:.0f} words per second"
    )
    for part, seconds in result.get("oracle", {}).get("seconds", {}).items():
        share = seconds / result["seconds"] if result["seconds"] else 0.0
        print(f"Annotated names' {part.replace('_', ' ')} took {seconds:.1f} s: {share:.1%} of that time")
    if result["skipped"]:
        msg.warn(f"{result['skipped']} documents without annotation of names are not scored")


def evaluate(
    nlp: "Language", corpus: Path, *, gold_language: bool = False, without: str | None = None
) -> dict[str, Any]:
    """Run a pipeline over the texts of a corpus and score what it finds.

    nlp (Language): The pipeline.
    corpus (Path): A .spacy file, or a folder with such files.
    gold_language (bool): Tell the pipeline each document's language.
    without (str | None): A language; the documents of the others are scored by themselves as well.
    RETURNS (dict[str, Any]): As `evaluate_examples`, and "words" (parted by white space), "seconds" (of
        tokenizer and components), "words_per_second" (None without words) and "gold_language"; "oracle"
        where there is something to `evaluate_oracle`, "rest" (as `evaluate_examples`) with `without`.
    RAISES (InputError): When the corpus cannot be read or is empty.
    """
    from timeit import default_timer as timer

    from spacy.training import Example
    from tqdm import tqdm

    from ..corpora.docbin import read_docs
    from ..corpora.reader import make_example
    from ..errors import InputError
    from ..evaluation import evaluate_examples

    references = list(read_docs(corpus, nlp.vocab))
    if not references:
        raise InputError("the corpus has no documents", path=corpus)
    start = timer()
    # From the text: tokens are a part of the work.
    bare = [make_example(nlp, doc, know_language=gold_language).predicted for doc in references]
    bar = tqdm(nlp.pipe(bare), total=len(bare), desc="Evaluating", unit="doc")
    examples = [Example(doc, reference) for doc, reference in zip(bar, references, strict=True)]
    seconds = timer() - start
    words = sum(len(doc.text.split()) for doc in references)
    oracle = evaluate_oracle(nlp, references)
    rest = [example for example in examples if example.reference._.language != without]
    return evaluate_examples(examples) | {
        "words": words,
        "seconds": round(seconds, 2),
        "words_per_second": round(words / seconds, 1) if words else None,
        "gold_language": gold_language,
        **({"oracle": oracle} if oracle else {}),
        **({"rest": evaluate_examples(rest)} if without and 0 < len(rest) < len(examples) else {}),
    }


def evaluate_oracle(nlp: "Language", references: "list[Doc]") -> dict[str, Any]:
    """Score the base forms and ids that a pipeline gives to annotated names in their language.

    Ids are found from the pipeline's own base forms, if it makes any.

    nlp (Language): The pipeline; of its components only `name_normalizer` and `name_linker` are used.
    references (list[Doc]): The annotated documents.
    RETURNS (dict[str, Any]): "base_forms" (`score_base_forms`), "links" (`score_links`) and their
        "seconds"; without what the pipeline does not do, and what is not annotated. Empty if nothing is left.
    """
    from ..evaluation import oracle

    named = [
        doc for doc in references if any(oracle.has_base_form(ent) or oracle.has_id(ent) for ent in doc.ents)
    ]
    if not named:
        return {}
    docs = [oracle.with_gold_names(doc) for doc in named]
    pairs = list(zip(named, docs, strict=True))
    scores, times = {}, {}
    for part, component, score, look_up in (
        (oracle.BASE_FORMS, "name_normalizer", oracle.score_base_forms, _base_look_up),
        (oracle.LINKS, "name_linker", oracle.score_links, _id_look_up),
    ):
        if component in nlp.pipe_names:
            pipe = nlp.get_pipe(component)
            seconds = _annotate(pipe, docs, part.replace("_", " "))
            if found := score(pairs, look_up(pipe)):
                scores[part], times[part] = found, round(seconds, 2)
    return scores | {"seconds": times} if scores else {}


def _annotate(pipe: Any, docs: "list[Doc]", what: str) -> float:
    """Run a component over documents; RETURNS (float): the seconds it took."""
    from timeit import default_timer as timer

    from tqdm import tqdm

    # What the pass before left in its caches would make it look faster than it is.
    pipe.from_bytes(pipe.to_bytes())
    start = timer()
    for _ in tqdm(pipe.pipe(docs), total=len(docs), desc=f"Annotated names' {what}", unit="doc"):
        pass
    return timer() - start


def _base_look_up(normalizer: Any) -> "Callable[[str | None, str], str | None] | None":
    """What the normaliser remembers, however uncertain; None if it has no memory."""
    from ..normalization.methods import Memory

    if "memory" not in normalizer.methods:
        return None
    return Memory().from_bytes(normalizer.methods["memory"].to_bytes()).get


def _id_look_up(linker: Any) -> "Callable[[str], str | None]":
    """The most frequent id of a form, in small letters, in the linker's knowledge base."""
    from ..evaluation.oracle import most_frequent

    # From the index: asking the knowledge base for its counts would make it index anew.
    counts = linker.knowledge.index.counts()
    best = most_frequent((form.lower(), id, count) for (id, form, *_), count in counts.items())
    return lambda form: best.get(form.lower())


def _record(path: Path, own: dict[str, Any] | None) -> dict[str, Any] | None:
    """The record to add scores to; scores of another training run are not kept in it."""
    from wasabi import msg

    from ..evaluation.metrics import read_metrics

    old = read_metrics(path) if path.is_file() else None
    if own and old and own["info"] != old["info"]:
        msg.warn(f"The record {path} was of another training run, whose scores are not kept")
        return own
    return old or own


def _new_record(nlp: "Language", pipeline: str, corpus: Path) -> dict[str, Any]:
    from dataclasses import asdict

    from ..evaluation.metrics import RunInfo
    from .corpus import corpus_names

    name, split = corpus_names(corpus)
    seed = nlp.config.interpolate()["training"]["seed"] or 0
    info = RunInfo(system=_system(nlp, pipeline), corpus=name, split=split, seed=seed)
    return {"info": asdict(info), "learning_curve": [], "results": {}}


def _system(nlp: "Language", pipeline: str) -> str:
    """The system's name: that of its folder, less what training and the project put below it."""
    if not Path(pipeline).is_dir():
        return pipeline
    train = nlp.config.interpolate().get("paths", {}).get("train") or ""
    below = {*CHECKPOINTS, Path(train).parent.name}  # the latter is the split's
    folders = Path(pipeline).resolve().parts
    return [name for name in folders if name not in below and not name.isdigit()][-1]
