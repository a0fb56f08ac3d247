"""SlavicNER's format: raw text, and one TSV file per document with character offsets.

`raw/<topic>/<language>/<name>.txt` holds the text and nothing else,
`ner/<topic>/<language>/<name>.tsv` lines of `start end mention lemma type id`, parted by TABs, with
offsets in Unicode characters (Piskorski, Marcińczuk and Yangarber, 2024).
"""

import unicodedata
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from spacy.language import Language
from spacy.tokens import Doc

from ..errors import InputError
from ..files import files_below
from .mentions import Mention, get_mentions, set_mentions
from .report import Report
from .sources import Options, Source, language_of, named, set_origin
from .text import clean, read_lines, read_raw

COLUMNS = "Each line needs start, end, mention, lemma, type and id, parted by TABs"


def find(folder: Path, options: Options, report: Report) -> list[Source]:
    """Find the documents of a corpus.

    folder (Path): The folder with raw/ and ner/.
    options (Options): Not used.
    report (Report): Takes annotation without a text.
    RETURNS (list[Source]): Its documents, sorted by path.
    RAISES (InputError): If the folder has no raw/ or no text in it.
    """
    raw, ner = folder / "raw", folder / "ner"
    texts = files_below(raw, "*.txt") if raw.is_dir() else []
    if not texts:
        raise InputError(
            "The folder has no texts raw/<topic>/<language>/*.txt",
            path=folder,
            remedy="Give the folder that holds raw/ and ner/",
        )
    sources = []
    for path in texts:
        relative = path.relative_to(raw)
        annotation = ner / relative.with_suffix(".tsv")
        sources.append(
            Source(
                path=path,
                source=f"raw/{relative.as_posix()}",
                topic=relative.parts[0] if len(relative.parts) > 2 else None,
                language=language_of(path.parent.name),
                annotation=annotation if annotation.is_file() else None,
                annotation_source=f"ner/{relative.with_suffix('.tsv').as_posix()}",
            )
        )
    known = {source.annotation for source in sources}
    for path in files_below(ner, "*.tsv") if ner.is_dir() else []:
        if path not in known:
            report.add("annotation without a text", path.relative_to(folder).as_posix())
    return sources


def read(source: Source, nlp: Language, options: Options, report: Report) -> list[Doc]:
    """Read a document.

    source (Source): Its files.
    nlp (Language): The pipeline whose tokenizer is used.
    options (Options): The encoding.
    report (Report): Takes what is skipped.
    RETURNS (list[Doc]): One document. Without a TSV file its entities are unknown.
    RAISES (InputError): If a file cannot be read, or no line of the TSV file is well-formed.
    """
    raw = read_raw(source.path, options.encoding)
    mentions: list[Mention] = []
    if source.annotation:
        mentions = read_tsv(source.annotation, options.encoding, report, source.annotation_source)
    text, mentions = _reading(raw, mentions, _has_mark(source.path))
    doc = nlp.make_doc(text)
    set_origin(
        doc,
        doc_id=source.path.stem,
        language=source.language,
        topic=source.topic,
        source=source.source,
    )
    report.count("documents")
    if source.annotation:
        good = []
        for mention in mentions:
            if _agrees(text, mention):
                good.append(mention)
            else:
                found = text[mention.start : mention.end]
                report.count("mentions")
                report.add(
                    "the text at the offsets is another",
                    source.annotation_source,
                    detail=repr(found),
                    **mention.place(),
                )
        set_mentions(doc, good, report, source.annotation_source)
    else:
        report.count("documents without annotation")
    return [doc]


def _has_mark(path: Path) -> bool:
    """Whether a file begins with UTF-8's byte order mark."""
    with path.open("rb") as file:
        return file.read(3) == b"\xef\xbb\xbf"


def _agrees(text: str, mention: Mention) -> bool:
    """Whether a mention stands in the text where its offsets say, in whatever Unicode form."""
    found, form = text[mention.start : mention.end].replace("\n", " "), mention.form
    same = found == form or unicodedata.normalize("NFC", found) == unicodedata.normalize("NFC", clean(form))
    return 0 <= mention.start < mention.end and same


def _reading(raw: str, mentions: list[Mention], mark: bool) -> tuple[str, list[Mention]]:
    """Find out what the offsets count: whether CRLF is one character or two, and the byte order mark.

    raw (str): The text as it is in the file, without the mark.
    mentions (list[Mention]): Mentions with the offsets of the file.
    mark (bool): Whether the file began with a byte order mark.
    RETURNS (tuple[str, list[Mention]]): The text and the mentions that agree best.
    """
    readings = [(clean(raw), 0)]
    if "\r\n" in raw:
        readings.append((clean(raw.replace("\r\n", "\n")), 0))
    if mark:
        readings += [(text, -1) for text, _ in readings]
    if len(readings) == 1:
        return readings[0][0], mentions
    moved = [
        (text, [replace(m, start=m.start + shift, end=m.end + shift) for m in mentions])
        for text, shift in readings
    ]
    return max(moved, key=lambda reading: sum(_agrees(reading[0], m) for m in reading[1]))


def read_tsv(path: Path, encoding: str, report: Report, name: str) -> list[Mention]:
    """Read an annotation file.

    path (Path): The TSV file.
    encoding (str): Its encoding.
    report (Report): Takes the lines that are skipped.
    name (str): The file's name in the report.
    RETURNS (list[Mention]): The mentions in the order of the file.
    RAISES (InputError): If it cannot be read or no line of it is well-formed.
    """
    mentions, bad = [], 0
    for number, line in enumerate(read_lines(path, encoding), start=1):
        if not line.strip():
            continue
        fields = line.split("\t")
        if len(fields) != 6:
            problem = "not six columns"
        elif not (fields[0].strip().isdecimal() and fields[1].strip().isdecimal()):
            problem = "offsets that are not numbers"
        else:
            start, end, form, lemma, type_, id_ = fields
            id_ = id_.strip()
            mentions.append(Mention(form, lemma, type_.strip(), id_, int(start), int(end), line=number))
            continue
        bad = bad or number
        report.add(problem, name, line=number, text=line)
    if bad and not mentions:
        raise InputError("No line has the columns of the format", path=path, line=bad, remedy=COLUMNS)
    return mentions


def write(docs: Iterable[Doc], folder: Path, options: Options) -> int:
    """Write documents to raw/ and ner/ of a folder.

    docs (Iterable[Doc]): The documents. One whose entities are unknown gets no TSV file.
    folder (Path): An existing folder.
    options (Options): The encoding.
    RETURNS (int): How many documents were written.
    """
    n = 0
    for doc, name in named(docs):
        n += 1
        write_text(folder / f"raw/{name}.txt", doc.text, options.encoding)
        if doc.has_annotation("ENT_IOB"):
            write_text(folder / f"ner/{name}.tsv", to_tsv(doc), options.encoding)
    return n


def to_tsv(doc: Doc) -> str:
    """RETURNS (str): The content of a document's TSV file."""
    return "".join(
        f"{m.start}\t{m.end}\t{one_line(m.form)}\t{one_line(m.lemma)}\t{m.type}\t{m.id}\n"
        for m in get_mentions(doc)
    )


def one_line(text: str) -> str:
    """RETURNS (str): The text with plain spaces for TABs and line ends."""
    return clean(text).replace("\n", " ")


def write_text(path: Path, text: str, encoding: str) -> None:
    """Write a text file with line feeds as they are in the text.

    path (Path): The file; its folder is made.
    text (str): The text.
    encoding (str): Its encoding.
    RAISES (InputError): If the encoding has no such characters.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        path.write_bytes(text.encode(encoding))
    except UnicodeEncodeError as error:
        raise InputError(
            f"{encoding} has no character {error.object[error.start]!r}",
            path=path.name,
            remedy="Write UTF-8: leave --encoding out when writing",
        ) from error
