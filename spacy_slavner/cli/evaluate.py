"""`evaluate`: every score of a pipeline on a corpus, from raw text, and its speed."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from ._app import app

if TYPE_CHECKING:
    from spacy.language import Language


@app.command("evaluate")
def evaluate_cli(
    pipeline: str = typer.Argument(..., help="Folder or installed name of a pipeline"),
    corpora: list[Path] = typer.Argument(
        ..., metavar="CORPUS...", help=".spacy files, or folders with such files"
    ),
    metrics: Path = typer.Option(None, "--metrics", "-m", help="Record to add the scores to"),
    run: Path = typer.Option(None, "--run", help="Record of the training run, to begin with"),
    part: str = typer.Option(
        None, "--part", help="Name of the corpus in the record (default: the file's name)"
    ),
    gold_language: bool = typer.Option(
        False, "--gold-language", help="Tell the pipeline each document's language"
    ),
    settings: list[str] = typer.Option(
        [], "--set", help="Setting of the pipeline to change, as components.crf_ner.quote_repair=false"
    ),
    use_gpu: int = typer.Option(-1, "--gpu-id", "-g", help="GPU id, -1 for the CPU"),
) -> None:
    """Evaluate a pipeline end to end: it gets raw text and finds tokens and languages by itself."""
    from spacy.cli._util import parse_config_overrides, setup_gpu
    from wasabi import msg

    from ..errors import InputError
    from ..evaluation.metrics import write_json
    from ._pipeline import load_pipeline

    if part and len(corpora) > 1:
        raise InputError("--part names one corpus", remedy="Evaluate the corpora one by one")
    overrides = parse_config_overrides([f"--{setting}" for setting in settings])
    setup_gpu(use_gpu)
    nlp = load_pipeline(pipeline, overrides)
    results = {}
    for corpus in corpora:
        result = evaluate(nlp, corpus, gold_language=gold_language)
        results[part or corpus.stem] = result | ({"overrides": overrides} if overrides else {})
        msg.divider(f"{pipeline} on {corpus}")
        _show(results[part or corpus.stem])
    if metrics:
        record = _record(metrics, run) or _new_record(nlp, pipeline, corpora[0])
        record["results"] |= results
        write_json(metrics, record)
        msg.good(f"Scores recorded in {metrics}")


def _show(result: dict[str, Any]) -> None:
    from wasabi import msg

    from ..evaluation.tables import evaluation_tables

    print(evaluation_tables(result))
    print(
        f"\n{result['documents']} documents, {result['words']} words in {result['seconds']:.1f} s: "
        f"{result['words_per_second']:.0f} words per second"
    )
    if result["skipped"]:
        msg.warn(f"{result['skipped']} documents without annotation of names are not scored")


def evaluate(nlp: "Language", corpus: Path, *, gold_language: bool = False) -> dict[str, Any]:
    """Run a pipeline over the texts of a corpus and score what it finds.

    nlp (Language): The pipeline.
    corpus (Path): A .spacy file, or a folder with such files.
    gold_language (bool): Tell the pipeline each document's language.
    RETURNS (dict[str, Any]): As `evaluate_examples`, and "words" (parted by white space), "seconds",
        "words_per_second" and "gold_language".
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
    bare = [make_example(nlp, doc, know_language=gold_language).predicted for doc in references]
    start = timer()
    bar = tqdm(nlp.pipe(bare), total=len(bare), desc="Evaluating", unit="doc")
    examples = [Example(doc, reference) for doc, reference in zip(bar, references, strict=True)]
    seconds = timer() - start
    words = sum(len(doc.text.split()) for doc in references)
    return evaluate_examples(examples) | {
        "words": words,
        "seconds": round(seconds, 2),
        "words_per_second": round(words / seconds, 1),
        "gold_language": gold_language,
    }


def _record(path: Path, run: Path | None) -> dict[str, Any] | None:
    """The record to add scores to; scores of another training run are not kept in it."""
    from ..evaluation.metrics import read_metrics

    old = read_metrics(path) if path.is_file() else None
    new = read_metrics(run) if run else old
    if new and old and old["info"] == new["info"]:
        return old
    return new


def _new_record(nlp: "Language", pipeline: str, corpus: Path) -> dict[str, Any]:
    from dataclasses import asdict

    from ..evaluation.metrics import RunInfo
    from .corpus import corpus_names

    name, split = corpus_names(corpus)
    system = Path(pipeline).resolve().parent.name if Path(pipeline).is_dir() else pipeline
    seed = nlp.config.interpolate()["training"]["seed"] or 0
    info = RunInfo(system=system, corpus=name, split=split, seed=seed)
    return {"info": asdict(info), "learning_curve": [], "results": {}}
