"""All formats by name: reading a corpus with several processes, and writing it."""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from types import ModuleType

from spacy.language import Language
from spacy.tokens import Doc, DocBin

from ..errors import InputError
from ..files import whole_file, whole_folder
from . import bsnlp, conll, conllu, docbin, slavicner
from .report import Report
from .sources import Options, Source, blank_pipeline

READERS: dict[str, ModuleType] = {
    "slavicner": slavicner,
    "bsnlp": bsnlp,
    "conll": conll,
    "conllu": conllu,
}
IN_FORMATS = (*READERS, "docbin")
OUT_FORMATS = ("docbin", *READERS)
# A work unit is large enough for little overhead and small enough for an even progress bar.
CHUNK = 40


def find_sources(path: Path, format: str, options: Options, report: Report) -> list[Source]:
    """Find the files of a corpus that is not a DocBin.

    path (Path): The corpus.
    format (str): Its format, one of READERS.
    options (Options): What is known about its files.
    report (Report): Takes the files that are not read.
    RETURNS (list[Source]): Its files.
    RAISES (InputError): If there are none.
    """
    if not path.exists():
        raise InputError("There is no such file or folder", path=path)
    return READERS[format].find(path, options, report)


# Formats with one document per file: what a file's folder says holds for the document.
ONE_PER_FILE = ("slavicner", "bsnlp")


def available_cores() -> int:
    """RETURNS (int): How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def read_sources(
    sources: Sequence[Source],
    format: str,
    options: Options,
    report: Report,
    n_process: int = 1,
    progress: Callable[[int], object] | None = None,
) -> DocBin:
    """Read files into a DocBin.

    sources (Sequence[Source]): The files.
    format (str): Their format, one of READERS.
    options (Options): What is known about them.
    report (Report): Takes the counts and what is skipped.
    n_process (int): Number of processes.
    progress (Callable[[int], object] | None): Called with the number of files that have been read.
    RETURNS (DocBin): The documents in the order of the files.
    RAISES (InputError): If a file cannot be read.
    """
    size = CHUNK if format in ONE_PER_FILE else 1
    chunks = [sources[i : i + size] for i in range(0, len(sources), size)]
    result = _empty(format)
    work = partial(_read_chunk, format=format, options=options)
    for chunk, done in zip(chunks, _map(work, chunks, n_process), strict=True):
        packed, chunk_report, error = done
        if error:
            what, fields = error
            raise InputError(what, **fields)
        report.merge(chunk_report)
        # A pickled DocBin loses its user data, so it comes as bytes.
        result.merge(DocBin(store_user_data=True).from_bytes(packed))
        if progress:
            progress(len(chunk))
    return result


def _empty(format: str) -> DocBin:
    """A DocBin with the attributes that a format can have."""
    full = format == "conllu"
    return docbin.pack([], docbin.ALL_ATTRIBUTES if full else docbin.NAME_ATTRIBUTES)


def _map(work: Callable, chunks: Sequence, n_process: int) -> Iterator:
    """Like map, in several processes where that pays."""
    if n_process < 2 or len(chunks) < 2:
        yield from map(work, chunks)
        return
    with ProcessPoolExecutor(min(n_process, len(chunks))) as pool:
        try:
            yield from pool.map(work, chunks)
        finally:
            pool.shutdown(cancel_futures=True)


_nlp: Language | None = None


def _read_chunk(
    sources: Sequence[Source], format: str, options: Options
) -> tuple[bytes, Report, tuple[str, dict] | None]:
    """Read some files. An error comes back as data: exceptions with fields do not survive pickling."""
    global _nlp
    if _nlp is None:
        _nlp = blank_pipeline()
        # A DocBin does not hold lexical attributes, and working them out takes a third of the time.
        _nlp.vocab.lex_attr_getters = {}
    report = Report()
    packed = _empty(format)
    try:
        for source in sources:
            for doc in READERS[format].read(source, _nlp, options, report):
                docbin.add_doc(packed, doc)
    except InputError as error:
        fields = {"path": error.path, "line": error.line, "remedy": error.remedy}
        return b"", report, (error.what, fields)
    return packed.to_bytes(), report, None


def unpack(packed: DocBin) -> Iterator[Doc]:
    """YIELDS (Doc): The documents of a DocBin, with a vocabulary of their own."""
    # A bare Vocab() has no lexical attributes: no token of it would be known as white space.
    yield from packed.get_docs(blank_pipeline().vocab)


def write_corpus(
    docs: Iterable[Doc] | DocBin,
    path: Path,
    format: str,
    options: Options,
    with_raw: bool = False,
    report: Report | None = None,
) -> int:
    """Write a corpus.

    docs (Iterable[Doc] | DocBin): The documents.
    path (Path): The file for docbin, conll and conllu; the folder for slavicner and bsnlp.
    format (str): One of OUT_FORMATS.
    options (Options): Encoding and tag scheme.
    with_raw (bool): For bsnlp: write raw/ and annotated/, not the annotation files alone.
    report (Report | None): Takes what conll and conllu leave out.
    RETURNS (int): How many documents were written.
    """
    if format == "docbin":
        return docbin.write_docbin(docs, path)
    docs = unpack(docs) if isinstance(docs, DocBin) else docs
    if format in ("conll", "conllu"):
        with whole_file(path) as temporary:
            return READERS[format].write(docs, temporary, options, report)
    with whole_folder(path) as temporary:
        if format == "bsnlp":
            return bsnlp.write(docs, temporary, options, with_raw)
        return slavicner.write(docs, temporary, options)
