"""`vectors-train`, `vectors-encoder`, `vectors-align`, `vectors-coverage`: word vectors of two languages."""

import shlex
import sys
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from ..errors import InputError
from ._app import app

if TYPE_CHECKING:
    from ..crosslingual.embeddings import Embeddings

SECTION = "crosslingual"
METRICS = typer.Option(None, "--metrics", "-m", help="Record to write for `report`")
NOTE = typer.Option("", "--note", help="What the vectors are, for the record")


def _record(metrics: Path | None, command: str, kind: str, name: str, figures: dict[str, Any]) -> None:
    """Add figures to a record, with the command as it was given, if it was."""
    from ..evaluation.metrics import write_section

    if metrics:
        if command in sys.argv:
            said = sys.argv[sys.argv.index(command) :]
            figures = figures | {"command": shlex.join(["python", "-m", "spacy_slavner", *said])}
        write_section(metrics, SECTION, {kind: {name: figures}})


@app.command("vectors-train")
def vectors_train_cli(
    output: Path = typer.Argument(..., help="File to write: .vec, or .floret for a floret table"),
    texts: list[Path] = typer.Argument(..., help="Text as for `pretrain`, or .spacy files"),
    language: str = typer.Option(
        ..., "--language", "-l", help="Language of the text, e.g. cs; of a floret table also several: bg,cs"
    ),
    width: int = typer.Option(300, "--width", help="Width of the vectors"),
    epochs: int = typer.Option(10, "--epochs", help="Passes over the text"),
    least: int = typer.Option(2, "--min-count", help="How often a word has to occur"),
    threads: int = typer.Option(1, "--threads", help="With one, the same text gives the same vectors"),
    buckets: int = typer.Option(
        0,
        "--buckets",
        min=0,
        help="Rows for n-grams, of 4 · width bytes in memory (default: 2,000,000, 2.4 GB at width 300; of a "
        "floret table 50,000)",
    ),
    without: list[Path] = typer.Option(
        [], "--without", help="Folder of a split, or of joined ones (A+B), whose dev and test are left out"
    ),
    metrics: Path = METRICS,
    note: str = NOTE,
) -> None:
    """Train fastText vectors of one language, in small letters, with "num" for numbers and "url" for URLs.

    A floret table serves one language, or the languages of one joint text: it cannot be aligned. Load it with
    `spacy init vectors xx TABLE FOLDER --mode floret --attr LOWER`.
    """
    from wasabi import msg

    from ..crosslingual.embeddings import read_sentences, train_vectors, write_embeddings
    from ..pretraining.texts import find_texts

    table = output if output.suffix == ".floret" else None
    languages = language.split(",")
    if len(languages) > 1 and not table:
        raise InputError(
            f"{output} cannot hold words of several languages ({language})",
            remedy="Train the vectors of each and align them (`vectors-align`), or write a .floret table",
        )
    found = find_texts(texts, [part for folder in without for part in _joined(folder)], languages)
    counts = {"words": 0}

    def counted() -> Iterator[list[str]]:
        for words in chain.from_iterable(read_sentences(found, one) for one in languages):
            counts["words"] += len(words)
            yield words

    vectors = train_vectors(counted(), width, epochs, least, threads, table, buckets)
    if not table:
        write_embeddings(vectors, output)
    figures = {"words": len(vectors), "running": counts["words"], "left_out": found.left_out}
    _record(metrics, "vectors-train", "texts", f"{language}, {note}" if note else language, figures)
    if found.excluded:
        msg.text(f"{found.left_out:,} documents that are measured with were left out of the text")
    msg.good(f"{len(vectors):,} words of {counts['words']:,} running words of {language}, in {output}")


def _joined(folder: Path) -> list[Path]:
    """The folders of splits that a run joins, whose own folder may not be there yet."""
    return [folder] if folder.is_dir() else [folder.with_name(name) for name in folder.name.split("+")]


@app.command("vectors-encoder")
def vectors_encoder_cli(
    output: Path = typer.Argument(..., help=".vec file to write"),
    words: Path = typer.Argument(..., help="Word vectors whose words to encode, or .txt with a word a line"),
    encoder: Path = typer.Option(Path("assets/encoder"), "--encoder", help="Encoder that knows the language"),
    limit: int = typer.Option(50_000, "--limit", help="Most words; 0 for all"),
    layer: int = typer.Option(-1, "--layer", help="Layer of the encoder; -1 for the last"),
    prefix: str = typer.Option("", "--prefix", help='What goes before each word, e.g. "query: "'),
) -> None:
    """Take vectors of words from a multilingual encoder, where languages are aligned from the beginning."""
    from wasabi import msg

    from ..crosslingual.embeddings import read_embeddings, write_embeddings
    from ..crosslingual.encoder_words import encode_words

    if words.suffix == ".txt":
        lines = words.read_text(encoding="utf-8").split("\n")
        chosen = list(dict.fromkeys(line.strip().lower() for line in lines if line.strip()))
        chosen = chosen[: limit or None]
    else:
        chosen = read_embeddings(words, limit).words
    if not chosen:
        raise InputError("there are no words", path=words)
    vectors = encode_words(chosen, encoder, layer, prefix)
    write_embeddings(vectors, output)
    msg.good(f"{len(vectors):,} words of width {vectors.width} in {output}")


@app.command("vectors-align")
def vectors_align_cli(
    source: Path = typer.Argument(..., help="Vectors of the annotated language: .vec, .bin, or folder"),
    target: Path = typer.Argument(..., help="Vectors of the language to be read"),
    dictionary: Path = typer.Argument(..., help="Dictionary, or folder with files such as pl-en.txt"),
    output: Path = typer.Argument(..., help="Folder for the joint vectors, as [initialize] vectors takes it"),
    source_language: str = typer.Option(..., "--from", help="Language of the first, e.g. pl"),
    target_language: str = typer.Option(..., "--to", help="Language of the second, e.g. cs"),
    limit: int = typer.Option(200_000, "--limit", help="Most words of each language; 0 for all"),
    normalize: str = typer.Option(
        "renorm,center,renorm", "--normalize", help="What is done first; empty for nothing"
    ),
    rounds: int = typer.Option(5, "--refinements", help="Rounds of refinement"),
    held_out: int = typer.Option(1500, "--held-out", help="Words of the dictionary that only measure"),
    seed: int = typer.Option(0, "--seed", help="Seed of their choice"),
    rotate: bool = typer.Option(True, "--rotate/--no-rotate", help="No: they are in one space already"),
    metrics: Path = METRICS,
    note: str = NOTE,
) -> None:
    """Align the word vectors of two languages and write them as one vocabulary.

    Pairs of languages without a dictionary go through English.
    """
    from wasabi import msg

    from ..crosslingual import alignment, embeddings
    from ..crosslingual.dictionaries import find_dictionary

    steps = [step.strip() for step in normalize.split(",") if step.strip()]
    read: list[Embeddings] = []
    for path in (source, target):
        found = embeddings.read_embeddings(path, limit)
        msg.text(
            f"{path}: {len(found):,} words, {found.megabytes:.0f} MB in memory, "
            f"{found.skipped:,} doubles left out"
        )
        read.append(embeddings.normalize(found, steps))
    words = find_dictionary(dictionary, source_language, target_language)
    aligned, how = alignment.align(*read, words, held_out=held_out, rounds=rounds, seed=seed, rotate=rotate)
    joint = embeddings.join(aligned, read[1])
    pair = f"{source_language}-{target_language}"
    embeddings.save_spacy(joint, output, name=pair)
    figures = {"words": {"source": len(read[0]), "target": len(read[1]), "joint": len(joint)}} | how.to_dict()
    for k, value in how.held_out.at.items():
        msg.text(f"precision@{k}: {value:.3f} ({how.held_out.words:,} held-out words of {pair})")
    msg.text(
        f"{how.covered:,} of {how.dictionary:,} words in the dictionary ({how.coverage:.1%}) have vectors "
        "on both sides"
    )
    _record(metrics, "vectors-align", "alignment", f"{pair}, {note}" if note else pair, figures)
    msg.good(
        f"{len(joint):,} words, {joint.skipped:,} of both languages, in {output}: give it as --paths.vectors"
    )


@app.command("vectors-coverage")
def vectors_coverage_cli(
    vectors: Path = typer.Argument(..., help="Folder with a pipeline or vectors of spaCy"),
    corpus: Path = typer.Argument(..., help=".spacy file, or a folder with such files"),
    language: str = typer.Option("", "--language", "-l", help="Only documents in this language, e.g. cs"),
    metrics: Path = METRICS,
    name: str = typer.Option("", "--name", help="Name of the corpus in the record (default: its path)"),
) -> None:
    """Say how many words of a corpus have no vector: of its different words, and of all."""
    from wasabi import msg

    from ..corpora.docbin import read_docs
    from ..crosslingual.coverage import unknown_words
    from ._pipeline import load_pipeline

    nlp = load_pipeline(str(vectors))
    docs = (doc for doc in read_docs(corpus, nlp.vocab) if language in ("", doc._.language))
    figures = unknown_words(docs)
    if not figures["n_tokens"]:
        raise InputError(f"there are no words{f' in {language}' if language else ''}", path=corpus)
    msg.text(
        f"without a vector: {figures['types']:.2%} of {figures['n_types']:,} different words, "
        f"{figures['tokens']:.2%} of {figures['n_tokens']:,} words"
    )
    _record(metrics, "vectors-coverage", "unknown words", name or str(corpus), figures)
