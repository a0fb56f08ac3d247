"""`python -m spacy_slavner convert`: corpora from one format into another."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from ._app import app

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from spacy.tokens import Doc, DocBin

    from ..corpora.report import Report
    from ..corpora.sources import Options


class InFormat(StrEnum):
    slavicner = "slavicner"
    bsnlp = "bsnlp"
    conll = "conll"
    conllu = "conllu"
    docbin = "docbin"


class OutFormat(StrEnum):
    docbin = "docbin"
    slavicner = "slavicner"
    bsnlp = "bsnlp"
    conll = "conll"
    conllu = "conllu"


class SplitName(StrEnum):
    bsnlp2019 = "bsnlp2019"
    bsnlp2019_final = "bsnlp2019_final"
    bsnlp2021 = "bsnlp2021"
    single_out = "single_out"
    cross_topic = "cross_topic"
    sample = "sample"


class SchemeName(StrEnum):
    BIO = "BIO"
    IOB1 = "IOB1"
    BIOES = "BIOES"


@app.command("convert")
def convert_cli(
    input: Path = typer.Argument(..., metavar="IN", help="Corpus: a folder or a file"),
    output: Path = typer.Argument(..., metavar="OUT", help="Folder or file to write"),
    from_: InFormat = typer.Option(..., "--from", help="Format of IN"),
    to: OutFormat = typer.Option(OutFormat.docbin, "--to", help="Format of OUT"),
    split: SplitName | None = typer.Option(None, "--split", help="Write train, dev and test into OUT"),
    seed: int = typer.Option(0, "--seed", help="Seed of the rule that takes a tuning part"),
    languages: str | None = typer.Option(None, "--languages", help="Only these, such as bg,cs"),
    topics: str | None = typer.Option(None, "--topics", help="Only these, such as brexit,ryanair"),
    encoding: str = typer.Option("utf-8", "--encoding", help="Encoding of IN; OUT is UTF-8"),
    scheme: SchemeName = typer.Option(SchemeName.BIO, "--scheme", help="Tags to write to columns"),
    columns: str | None = typer.Option(None, "--columns", help="Columns of IN, such as word,_,tag"),
    n_sents: int = typer.Option(1, "--n-sents", min=1, help="Sentences per Doc where IN has no documents"),
    types: str | None = typer.Option(None, "--types", help="Other types of names than the five (bsnlp)"),
    raw: Path | None = typer.Option(None, "--raw", help="Folder of raw documents, if not IN/raw (bsnlp)"),
    with_raw: bool = typer.Option(False, "--with-raw", help="Write raw/ and annotated/ (bsnlp)"),
    report: Path | None = typer.Option(None, "--report", help="JSON file for all that was skipped"),
    n_process: int = typer.Option(0, "--n-process", help="Number of processes; 0 takes all cores"),
    force: bool = typer.Option(False, "--force", help="Replace a folder OUT that is not empty"),
) -> None:
    """
    Convert a corpus from one format into another.

    slavicner: raw/<topic>/<language>/*.txt, and ner/ with TSV files of character offsets.

    bsnlp: as IN, raw/<topic>/<language>/*.txt with five header lines, and annotated/ with .out files
    without offsets (or IN has the .out files alone, and --raw the texts); forms are projected onto
    every occurrence, and lines with another type than PER, LOC, ORG, PRO, EVT (or --types) are
    skipped. As OUT, <topic>/<language>/*.out, which `score` reads.

    conll: columns of tokens and tags in any order and scheme. conllu: Universal Dependencies. As OUT,
    documents without sentences are split by the rules of their language.
    docbin: a .spacy file, or a folder with such files.

    What was skipped is counted and shown; --report lists it all with file and offset.
    """
    from ..attributes import TYPES
    from ..corpora.report import Report
    from ..corpora.sources import Options

    result = convert(
        input,
        output,
        from_.value,
        to.value,
        options=Options(
            encoding=encoding,
            scheme=scheme.value,
            columns=columns,
            n_sents=n_sents,
            raw=raw,
            types=tuple(_names(types and types.upper())) or TYPES,
        ),
        report=Report(),
        split=split.value if split else None,
        seed=seed,
        languages=_names(languages),
        topics=_names(topics),
        with_raw=with_raw,
        n_process=n_process,
        force=force,
    )
    print(result.summary())
    if report:
        result.to_json(report)
        print(f"Report: {report}")
    elif result.records:
        print("All of these with file and place: --report FILE")
    print(f"Written: {output}")


def _names(text: str | None) -> list[str]:
    return [name.strip() for name in (text or "").split(",") if name.strip()]


def convert(
    input: Path,
    output: Path,
    from_: str,
    to: str,
    *,
    options: "Options",
    report: "Report",
    split: str | None = None,
    seed: int = 0,
    languages: list[str] | None = None,
    topics: list[str] | None = None,
    with_raw: bool = False,
    n_process: int = 0,
    force: bool = False,
) -> "Report":
    """Convert a corpus; see the command's help for the formats.

    input (Path): The corpus.
    output (Path): What to write.
    from_ (str): Format of the input.
    to (str): Format of the output.
    options (Options): What is known about the files.
    report (Report): Takes the counts and what is skipped.
    split (str | None): Split whose parts to write.
    seed (int): Seed of the rule that takes a tuning part.
    languages (list[str] | None): Only these languages.
    topics (list[str] | None): Only these topics.
    with_raw (bool): Write raw documents, too (bsnlp).
    n_process (int): Number of processes; 0 takes all cores.
    force (bool): Replace an output folder that is not empty.
    RETURNS (Report): The report.
    RAISES (InputError): If the input is bad, or the output would replace a folder.
    """
    from dataclasses import replace

    from ..corpora.formats import write_corpus

    _check_output(output, to, split, force)
    parts = _read_parts(input, from_, options, report, split, seed, languages or [], topics or [], n_process)
    for part, docs in parts.items():
        if to in ("conll", "conllu"):
            docs = _with_sentences(docs, report)
        path = _target(output, to, part)
        n = write_corpus(docs, path, to, replace(options, encoding="utf-8"), with_raw, report)
        report.count(f"documents written to {path.name}", n)
    return report


def _with_sentences(docs: "Iterable[Doc] | DocBin", report: "Report") -> "Iterator[Doc]":
    """Split documents whose sentences are unknown; a name never goes over the end of such a sentence."""
    from spacy.tokens import DocBin

    from ..corpora.formats import unpack
    from ..corpora.sentences import languages
    from ..pipeline.sentence_splitter import SentenceSplitter

    split = SentenceSplitter()
    for doc in unpack(docs) if isinstance(docs, DocBin) else docs:
        if not doc.has_annotation("SENT_START"):
            if doc._.language not in languages():
                report.add(
                    "sentences by general rules, for want of the language's own",
                    doc._.source or doc._.doc_id or "",
                    detail=f"language {doc._.language or 'unknown'}",
                    kept=True,
                )
            doc = split(doc)
            for ent in doc.ents:
                for token in ent[1:]:
                    token.is_sent_start = False
        yield doc


def _check_output(output: Path, to: str, split: str | None, force: bool) -> None:
    """Refuse to replace a folder that holds something."""
    from ..errors import InputError

    if to in ("slavicner", "bsnlp") and output.is_dir() and any(output.iterdir()) and not force:
        remedy = "Give a new folder, or --force to replace this one"
        raise InputError("The output folder is not empty", path=output, remedy=remedy)
    if output.is_file() and (split or to in ("slavicner", "bsnlp")):
        raise InputError("The output is a file where a folder is needed", path=output)


def _target(output: Path, to: str, part: str) -> Path:
    """The file or folder that a part is written to; "" is the whole corpus."""
    if to in ("slavicner", "bsnlp"):
        return output / part if part else output
    suffix = {"docbin": ".spacy", "conll": ".conll", "conllu": ".conllu"}[to]
    is_file = output.is_file() or (output.suffix and not output.is_dir())
    return output if not part and is_file else output / f"{part or 'corpus'}{suffix}"


def _read_parts(
    input: Path,
    from_: str,
    options: "Options",
    report: "Report",
    split: str | None,
    seed: int,
    languages: list[str],
    topics: list[str],
    n_process: int,
) -> "dict[str, DocBin | list[Doc]]":
    """Read the corpus, part by part of the split; without one, as the part ""."""
    from tqdm import tqdm

    from ..corpora.formats import ONE_PER_FILE, available_cores, find_sources, read_sources, unpack

    if from_ == "docbin":
        docs = _read_docbin(input, report)
        return _parts_of(_wanted(docs, languages, topics), split, seed, input, report)
    sources = find_sources(input, from_, options, report)
    parts: dict = {"": sources}
    if from_ in ONE_PER_FILE:
        wanted = _wanted(sources, languages, topics)
        parts = _parts_of(wanted, split, seed, input, report)
    read: dict[str, DocBin | list[Doc]] = {}
    with tqdm(total=sum(map(len, parts.values())), desc="Reading", unit="file") as bar:
        for part, files in parts.items():
            n = n_process or available_cores()
            read[part] = read_sources(files, from_, options, report, n, bar.update)
    if from_ not in ONE_PER_FILE and (split or languages or topics):
        docs = _wanted(unpack(read[""]), languages, topics)
        return _parts_of(docs, split, seed, input, report)
    return read


def _read_docbin(input: Path, report: "Report") -> "list[Doc]":
    from tqdm import tqdm

    from ..corpora.docbin import read_docs
    from ..corpora.sources import blank_pipeline

    docs = list(tqdm(read_docs(input, blank_pipeline().vocab), desc="Reading", unit="doc"))
    report.count("documents", len(docs))
    report.count("mentions", sum(len(doc.ents) for doc in docs))
    return docs


def _wanted(items: list, languages: list[str], topics: list[str]) -> list:
    """The Docs or sources of the languages and topics that are asked for."""
    from ..corpora.splits import attribute
    from ..errors import InputError

    items = list(items)
    wanted = [
        item
        for item in items
        if (not languages or attribute(item, "language") in languages)
        and (not topics or attribute(item, "topic") in topics)
    ]
    if items and not wanted:
        raise InputError("The corpus has no document of these languages and topics")
    return wanted


def _parts_of(items: list, split: str | None, seed: int, root: Path, report: "Report") -> dict[str, list]:
    """The parts of a split; without one, all as the part ""."""
    from ..corpora.splits import assign

    if split is None:
        return {"": items}
    parts = assign(split, items, seed, root if root.is_dir() else root.parent)
    report.count("documents outside of the split", len(items) - sum(map(len, parts.values())))
    return parts
