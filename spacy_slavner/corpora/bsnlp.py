"""The layout of the shared tasks of 2019 and 2021: annotation without offsets.

A raw document has five header lines (id, language, date, address, title), then its text; the title
is part of the text. An annotation file has the document's id in its first line, then one line
`mention TAB lemma TAB type TAB id` for each unique form. Such a form is projected onto the text:

- the longest forms first, so that a shorter one never takes a part of a longer one;
- only where no letter, figure or combining mark stands right before or after it;
- as it is written; only if it is nowhere written like that, in whatever case;
- every occurrence counts. A form that is listed twice, with another type or id, gives all its
  occurrences to the line that comes first.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

from spacy.language import Language
from spacy.tokens import Doc

from ..attributes import LANGUAGES
from ..errors import InputError
from ..files import files_below
from .mentions import NO_ID, Mention, get_mentions, set_mentions
from .report import Report
from .slavicner import one_line, write_text
from .sources import NO_LANGUAGE, Options, Source, language_of, named, set_origin
from .text import clean, read_lines, read_raw
from .tokenizer import MARKS

COLUMNS = "Each line needs mention, lemma, type and id, parted by TABs"
MISSING = "missing column"
ANNOTATION_FOLDERS = ("annotated", "annotations", "golden", "gold", "ner", "out")
# The languages of the shared tasks; Croatian and Slovak were in that of 2017 alone.
CODES = (*LANGUAGES, "hr", "sk")
# Header lines but for the language: an id without spaces, a date or nothing, an address or nothing.
_ID, _DATE, _ADDRESS = (re.compile(p) for p in (r"\S+", r"(?=.*\d).{,40}|", r"\S+\.\S+|"))
_SUFFIXES = re.compile(r"(?:\.(?:txt|out|tsv))+$")


@dataclass(frozen=True)
class RawDocument:
    """A raw document of the shared tasks.

    text (str): Title and text.
    doc_id (str): First header line; "" if there is no header.
    language (str): Second header line; "" if it is "xx".
    date (str): Third header line.
    url (str): Fourth header line.
    """

    text: str
    doc_id: str = ""
    language: str = ""
    date: str = ""
    url: str = ""


def parse_raw(text: str, folder: str | None = None) -> RawDocument:
    """Take the header off a raw document, if it has one.

    text (str): The file's content, cleaned.
    folder (str | None): The language its folder names.
    RETURNS (RawDocument): Its parts. The second line must be a language of the shared tasks or the folder's,
        and the other three what they should be; else there is no header, and all of it is text.
    """
    lines = text.split("\n", 4)
    if len(lines) < 5:
        return RawDocument(text)
    id_, language, date, url = (line.strip() for line in lines[:4])
    known = language in (*CODES, NO_LANGUAGE, folder)
    if not (known and _ID.fullmatch(id_) and _DATE.fullmatch(date) and _ADDRESS.fullmatch(url)):
        return RawDocument(text)
    return RawDocument(lines[4], id_, "" if language == NO_LANGUAGE else language, date, url)


def choose_language(folder: str | None, header: str) -> str | None:
    """Say which language counts where folder and header name two.

    folder (str | None): The folder's, see `language_of`.
    header (str): The header's; "" if there is none.
    RETURNS (str | None): The folder's if it is one of the shared tasks, whose layout is <topic>/<language>;
        else the header's; else the folder's.
    """
    return folder if folder in CODES else header or folder


def find(folder: Path, options: Options, report: Report) -> list[Source]:
    """Find the raw documents of a corpus and their annotation.

    folder (Path): The folder with raw/ and annotated/ (also annotations/, golden/, gold/, ner/ or
        out/), each with <topic>/<language>/<file> below; or, if `options.raw` is given, a folder of
        annotation files alone. `name.txt` is annotated by `name.out` or `name.txt.out`.
    options (Options): The folder of raw documents.
    report (Report): Takes annotation without a text.
    RETURNS (list[Source]): Its documents, sorted by path.
    RAISES (InputError): If there are no raw documents.
    """
    raw = options.raw or folder / "raw"
    texts = files_below(raw) if raw.is_dir() else []
    if not texts:
        raise InputError(
            "There are no raw documents, and annotation without offsets cannot be read without",
            path=raw,
            remedy="Give the folder that holds raw/ and annotated/, or --raw FOLDER",
        )
    below = [folder / name for name in ANNOTATION_FOLDERS if (folder / name).is_dir()]
    annotated = below[0] if below else folder if options.raw else None
    by_key: dict[tuple[str, str], Path] = {}
    for path in files_below(annotated) if annotated else []:
        by_key[_key(path, annotated)] = path
    sources = []
    for path in texts:
        relative = path.relative_to(raw)
        annotation = by_key.pop(_key(path, raw), None)
        sources.append(
            Source(
                path=path,
                source=f"raw/{relative.as_posix()}",
                topic=relative.parts[0] if len(relative.parts) > 2 else None,
                language=language_of(path.parent.name),
                annotation=annotation,
                annotation_source=_relative(annotation, folder) if annotation else "",
            )
        )
    for path in by_key.values():
        report.add("annotation without a text", _relative(path, folder))
    return sources


def _key(path: Path, root: Path) -> tuple[str, str]:
    """What a raw document and its annotation have in common: folder and name without suffixes."""
    return path.parent.relative_to(root).as_posix(), _SUFFIXES.sub("", path.name)


def _relative(path: Path, folder: Path) -> str:
    return path.relative_to(folder).as_posix()


def read(source: Source, nlp: Language, options: Options, report: Report) -> list[Doc]:
    """Read a document and project its annotation onto it.

    source (Source): Its files.
    nlp (Language): The pipeline whose tokenizer is used.
    options (Options): The encoding, and the types of names.
    report (Report): Takes what is skipped, and forms that are not in the text.
    RETURNS (list[Doc]): One document. Without an annotation file its entities are unknown.
    RAISES (InputError): If a file cannot be read, or no line of the annotation is well-formed.
    """
    raw = parse_raw(clean(read_raw(source.path, options.encoding)), source.language)
    doc = nlp.make_doc(raw.text)
    set_origin(
        doc,
        doc_id=raw.doc_id or _SUFFIXES.sub("", source.path.name),
        language=choose_language(source.language, raw.language),
        topic=source.topic,
        source=source.source,
        date=raw.date,
        url=raw.url,
    )
    report.count("documents")
    if source.annotation is None:
        report.count("documents without annotation")
        return [doc]
    name = source.annotation_source
    doc_id, forms = read_annotation(source.annotation, options, report, name)
    if raw.doc_id and doc_id and doc_id != raw.doc_id:
        report.add("another document id", name, line=1, text=doc_id, detail=raw.doc_id, kept=True)
    projection = project(raw.text, forms)
    report.count("forms", len(forms))
    for reason, mentions in projection.failed.items():
        for mention in mentions:
            report.add(reason, name, **mention.place())
    set_mentions(doc, projection.found, report, name, options.types)
    return [doc]


def read_annotation(path: Path, options: Options, report: Report, name: str) -> tuple[str, list[Mention]]:
    """Read an annotation or submission file.

    path (Path): The file.
    options (Options): Its encoding, and the types of names that are read.
    report (Report): Takes the lines that are skipped.
    name (str): The file's name in the report.
    RETURNS (tuple[str, list[Mention]]): The document's id, and the forms without offsets. A line
        without an id has "-1" for it, as for the official evaluator.
    RAISES (InputError): If it cannot be read or no line of it is well-formed.
    """
    doc_id, mentions, bad = "", [], 0
    for number, line in enumerate(read_lines(path, options.encoding), start=1):
        fields = [clean(part).strip() for part in line.split("\t")]
        if not any(fields):
            continue
        if not doc_id and not mentions and len(fields) == 1:
            doc_id = fields[0]
            continue
        if problem := _problem(fields, options.types):
            report.add(problem, name, line=number, text=line)
            bad = bad or (number if problem == MISSING else 0)
            continue
        form, lemma, type_, id_ = (*fields, "")[:4]
        if not lemma or not id_:
            what = "no lemma" if not lemma else "no id"
            report.add(what, name, line=number, text=form, kept=True)
        mentions.append(Mention(form, lemma or form, type_.upper(), id_ or NO_ID, line=number))
    if bad and not mentions:
        raise InputError("No line has the columns of the format", path=path, line=bad, remedy=COLUMNS)
    return doc_id, mentions


def _problem(fields: list[str], types: Collection[str]) -> str | None:
    """What is wrong with a line of annotation; types may be in small letters."""
    if len(fields) < 3 or not fields[0] or not fields[2]:
        return MISSING
    if fields[2].upper() in types:
        return None
    # Without its lemma, a line has its type where the lemma should be.
    return MISSING if len(fields) == 3 and fields[1].upper() in types else "unknown type"


@dataclass
class Projection:
    """Forms that were looked up in a text.

    found (list[Mention]): One mention with offsets for each occurrence.
    failed (dict[str, list[Mention]]): Forms without an occurrence of their own, by reason.
    """

    found: list[Mention] = field(default_factory=list)
    failed: dict[str, list[Mention]] = field(default_factory=dict)


def project(text: str, forms: Iterable[Mention]) -> Projection:
    """Find every occurrence of every form, by the rules at the top of this module.

    text (str): The document's text, cleaned.
    forms (Iterable[Mention]): Forms without offsets.
    RETURNS (Projection): Mentions in the order of the text, and forms that were not found.
    """
    projection = Projection()
    occupied = bytearray(len(text))
    decomposed = not unicodedata.is_normalized("NFC", text)
    first: dict[str, Mention] = {}
    # Python's sort is stable: of equally long forms the one that is listed first comes first.
    for mention in sorted(forms, key=lambda mention: -len(mention.form)):
        if mention.form in first:
            reason = "form listed before with another type or id"
            projection.failed.setdefault(reason, []).append(mention)
            continue
        first[mention.form] = mention
        pattern = _pattern(mention.form, decomposed)
        matches = list(re.finditer(pattern, text)) or list(re.finditer(pattern, text, re.IGNORECASE))
        free = [m for m in matches if not any(occupied[m.start() : m.end()])]
        for match in free:
            start, end = match.span()
            occupied[start:end] = b"\1" * (end - start)
            projection.found.append(replace(mention, start=start, end=end, form=match.group()))
        if not free:
            reason = "only inside of longer names" if matches else "not in the text"
            projection.failed.setdefault(reason, []).append(mention)
    projection.found.sort(key=lambda mention: mention.start)
    return projection


def _pattern(form: str, decomposed: bool) -> str:
    """A regular expression for a form as a whole word, over any white space."""
    variants = [form]
    if decomposed or not unicodedata.is_normalized("NFC", form):
        variants = [unicodedata.normalize(kind, form) for kind in ("NFC", "NFD")]
    body = "|".join(r"\s+".join(map(re.escape, variant.split())) for variant in variants)
    word = rf"[\w{MARKS}]"
    before = rf"(?<!{word})" if re.match(word, form) else ""
    after = rf"(?!{word})" if re.match(word, form[-1]) else ""
    return f"{before}(?:{body}){after}"


def write(docs: Iterable[Doc], folder: Path, options: Options, with_raw: bool = False) -> int:
    """Write the layout that the evaluator reads: <topic>/<language>/<name>.out.

    docs (Iterable[Doc]): The documents. One whose entities are unknown gets no annotation file.
    folder (Path): An existing folder.
    options (Options): The encoding.
    with_raw (bool): Write raw/ (with header lines) and annotated/ instead.
    RETURNS (int): How many documents were written.
    """
    n = 0
    for doc, name in named(docs):
        n += 1
        if with_raw:
            write_text(folder / f"raw/{name}.txt", to_raw(doc, name), options.encoding)
        if doc.has_annotation("ENT_IOB"):
            path = folder / ("annotated" if with_raw else "") / f"{name}.out"
            write_text(path, to_annotation(doc, name), options.encoding)
    return n


def _id(doc: Doc, name: str) -> str:
    """A document's id as one token, which is all that the evaluator's tools take."""
    return "_".join((doc._.doc_id or name.rsplit("/", 1)[-1]).split())


def to_raw(doc: Doc, name: str) -> str:
    """Write a raw document with its header.

    doc (Doc): The document, whose first line is the title.
    name (str): Its path, for its id if it has none.
    RETURNS (str): The file's content.
    """
    header = [_id(doc, name), doc._.language or NO_LANGUAGE, doc._.date or "", doc._.url or ""]
    return "\n".join([*map(one_line, header), doc.text])


def to_annotation(doc: Doc, name: str) -> str:
    """Write an annotation file: one line per form, type and id.

    doc (Doc): The document.
    name (str): Its path, for its id if it has none.
    RETURNS (str): The file's content, in the order of the first occurrences. The lemma is the one
        that most occurrences of the form have.
    """
    lemmas: dict[tuple[str, str, str], Counter[str]] = {}
    for m in get_mentions(doc):
        key = (" ".join(m.form.split()), m.type, m.id)
        lemmas.setdefault(key, Counter())[" ".join(m.lemma.split())] += 1
    lines = [
        f"{form}\t{counts.most_common(1)[0][0]}\t{type_}\t{id_}"
        for (form, type_, id_), counts in lemmas.items()
    ]
    return "\n".join([_id(doc, name), *lines]) + "\n"
