"""CoNLL columns: one token per line, its tag in one of the columns, a blank line after a sentence.

All the usual kinds are read: CoNLL-2002 and 2003 (`-DOCSTART-`, tag in the last column), Universal NER
(number, word, tag, `# text = …` comments), WikiANN (`en:word`), MultiCoNER (`# id … domain=…`). Tags may
follow any scheme, labels are free. Columns are found by looking at the file unless they are named.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from spacy.language import Language
from spacy.tokens import Doc, Span
from spacy.vocab import Vocab

from ..errors import InputError
from ..files import files_below
from ..tagging import Scheme, spans_from_tags
from .report import Report
from .slavicner import one_line, write_text
from .sources import Options, Source, language_of, set_origin
from .text import read_lines

TAG = re.compile(r"O|[BIESLU](-\S+)?")
NOT_DATA = re.compile(r"(readme|licen[cs]e|commit)|\.(md|stats|json|log|yml|py)$", re.IGNORECASE)
DOCSTART = "-DOCSTART-"
COLUMNS = "Name the columns with --columns, for instance word,_,tag"
_SEPARATOR = re.compile(r"[ \t]+")
_COMMENT = re.compile(r"#\s*(id|newdoc id|newdoc|text|language|topic|date|url|sent_id)\b\s*=?\s*(.*)")


@dataclass
class Sentence:
    """One sentence of a column file.

    rows (list[list[str]]): The columns of each token.
    line (int): The line of its first token, counted from 1.
    comments (dict[str, str]): What comment lines before it say.
    starts_document (bool): Whether a document starts with it.
    """

    rows: list[list[str]] = field(default_factory=list)
    line: int = 0
    comments: dict[str, str] = field(default_factory=dict)
    starts_document: bool = False


@dataclass(frozen=True)
class Columns:
    """Where a file has what.

    word (int): Column of the words.
    tag (int | None): Column of the tags; None if there are none.
    prefix (str): What is in front of each word, such as "en:".
    """

    word: int
    tag: int | None
    prefix: str = ""


def find(path: Path, options: Options, report: Report) -> list[Source]:
    """Find the column files of a corpus.

    path (Path): A file, or a folder: all files in it and below but READMEs and the like.
    options (Options): Not used.
    report (Report): Takes the files that are not read.
    RETURNS (list[Source]): The files, sorted.
    RAISES (InputError): If there are none.
    """
    if path.is_file():
        return [Source(path, path.name)]
    sources = []
    for file in files_below(path):
        name = file.relative_to(path).as_posix()
        if NOT_DATA.search(file.name):
            report.add("a file without data, by its name", name)
        else:
            sources.append(Source(file, name))
    if not sources:
        raise InputError("There are no column files", path=path, remedy="Give a file or a folder with them")
    return sources


def read(source: Source, nlp: Language, options: Options, report: Report) -> list[Doc]:
    """Read a file.

    source (Source): The file.
    nlp (Language): Gives the vocabulary; the tokens are the file's.
    options (Options): Encoding, columns, and sentences per Doc where the file has no documents.
    report (Report): Takes the counts.
    RETURNS (list[Doc]): One Doc per document of the file, or per `n_sents` sentences.
    RAISES (InputError): If the file cannot be read, a line lacks columns, or no column has tags.
    """
    lines = read_lines(source.path, options.encoding)
    sentences = list(parse_sentences(lines))
    columns = find_columns(sentences, options.columns, source.path)
    docs = []
    for i, group in enumerate(group_sentences(sentences, options.n_sents), start=1):
        doc = make_doc(nlp.vocab, group, columns, source.path, report)
        comments = group[0].comments
        domain = comments.get("domain", "")
        set_origin(
            doc,
            doc_id=comments.get("id") or f"{Path(source.source).name}-{i}",
            language=comments.get("language") or language_of(columns.prefix[:-1]) or source.language,
            topic=comments.get("topic") or domain or source.topic,
            source=source.source,
            date=comments.get("date"),
            url=comments.get("url"),
        )
        docs.append(doc)
    report.count("documents", len(docs))
    report.count("sentences", len(sentences))
    return docs


def parse_sentences(lines: Iterable[str]) -> Iterator[Sentence]:
    """Part lines into sentences.

    lines (Iterable[str]): The lines of a file.
    YIELDS (Sentence): Its sentences, without empty ones.
    """
    sentence = Sentence()
    for number, line in enumerate(lines, start=1):
        if not line.strip(" \t"):
            if sentence.rows:
                yield sentence
                sentence = Sentence()
        elif line.startswith(DOCSTART):
            if sentence.rows:
                yield sentence
                sentence = Sentence()
            sentence.starts_document = True
        elif not sentence.rows and _is_comment(line):
            _read_comment(line, sentence)
        else:
            if not sentence.rows:
                sentence.line = number
            sentence.rows.append(_columns(line))
    if sentence.rows:
        yield sentence


def _columns(line: str) -> list[str]:
    # A no-break space is part of a token, so only spaces and TABs part columns.
    return line.rstrip(" \t").split("\t") if "\t" in line else _SEPARATOR.split(line.rstrip(" "))


def _is_comment(line: str) -> bool:
    """Whether a line before a sentence is a comment, not a token "#" with its tag."""
    if not line.startswith("#"):
        return False
    columns = _columns(line)
    return bool(_COMMENT.match(line)) or len(columns) < 2 or not TAG.fullmatch(columns[-1])


def _read_comment(line: str, sentence: Sentence) -> None:
    """Take over what a comment says about its sentence."""
    domain = re.search(r"\bdomain=(\S+)", line)
    if domain:
        sentence.comments["domain"] = domain[1]
    match = _COMMENT.match(line)
    if not match:
        return
    name, value = match[1], match[2].strip()
    if name in ("id", "newdoc id", "newdoc"):
        sentence.starts_document = True
        name, value = "id", value.split()[0] if value and name == "id" else value
    sentence.comments[name] = value


def group_sentences(sentences: Sequence[Sentence], n_sents: int) -> Iterator[list[Sentence]]:
    """Group sentences to documents.

    sentences (Sequence[Sentence]): The sentences of a file.
    n_sents (int): How many make a document where the file does not say where one starts.
    YIELDS (list[Sentence]): The sentences of each document.
    """
    marked = any(sentence.starts_document for sentence in sentences)
    group: list[Sentence] = []
    for sentence in sentences:
        if group and (sentence.starts_document if marked else len(group) == n_sents):
            yield group
            group = []
        group.append(sentence)
    if group:
        yield group


def find_columns(sentences: Sequence[Sentence], names: str | None, path: Path) -> Columns:
    """Find out which columns hold the words and the tags.

    sentences (Sequence[Sentence]): The sentences of a file.
    names (str | None): Names of the columns, parted by commas: "word", "tag", anything else for those
        that are not read. By default the tag is the last column that has nothing but tags, the word
        the first column, or the second if the first has the tokens' numbers.
    path (Path): The file, for error messages.
    RETURNS (Columns): The places.
    RAISES (InputError): If the names are wrong, a line lacks columns, or no column has tags.
    """
    if names is not None:
        places = [name.strip() for name in names.split(",")]
        if "word" not in places:
            raise InputError(f"No column in {names!r} is called word", remedy=COLUMNS)
        tag = places.index("tag") if "tag" in places else None
        columns = Columns(places.index("word"), tag)
        _check(sentences, columns, len(places), path)
    else:
        columns = _guess_columns(sentences, path)
    return Columns(columns.word, columns.tag, _prefix(sentences, columns.word))


def _guess_columns(sentences: Sequence[Sentence], path: Path) -> Columns:
    """Columns by what is in them."""
    rows = [row for sentence in sentences for row in sentence.rows]
    if not rows:
        return Columns(0, None)
    widths = sorted(len(row) for row in rows)
    width = widths[len(widths) // 2]
    _check(sentences, Columns(0, None), width, path)
    numbered = width > 2 and all(s.rows[0][0].split("-")[0] == "1" for s in sentences)
    word = int(numbered)
    for tag in range(width - 1, word, -1):
        if all(TAG.fullmatch(row[tag]) for row in rows):
            return Columns(word, tag)
    bad = None
    for sentence in sentences:
        for number, row in enumerate(sentence.rows, start=sentence.line):
            if bad is None and not any(TAG.fullmatch(cell) for cell in row[word + 1 :]):
                bad = number
    raise InputError("There is no column of tags", path=path, line=bad, remedy=COLUMNS)


def _check(sentences: Sequence[Sentence], columns: Columns, width: int, path: Path) -> None:
    """Raise an error at the first line that lacks columns or has something else for a tag."""
    for sentence in sentences:
        for number, row in enumerate(sentence.rows, start=sentence.line):
            if len(row) < width:
                raise InputError(
                    f"The line has {len(row)} columns where {width} are expected",
                    path=path,
                    line=number,
                    remedy="Add what is missing; blank lines part sentences",
                )
            if columns.tag is not None and not TAG.fullmatch(row[columns.tag]):
                raise InputError(f"{row[columns.tag]!r} is not a tag", path=path, line=number, remedy=COLUMNS)


def _prefix(sentences: Sequence[Sentence], word: int) -> str:
    """The language that is in front of every word, such as "en:", or nothing."""
    words = [row[word] for sentence in sentences for row in sentence.rows]
    match = re.match("[a-z]{2,3}:", words[0]) if words else None
    return match[0] if match and all(w.startswith(match[0]) for w in words) else ""


def make_doc(
    vocab: Vocab, sentences: Sequence[Sentence], columns: Columns, path: Path, report: Report
) -> Doc:
    """Make a Doc of sentences.

    vocab (Vocab): The vocabulary.
    sentences (Sequence[Sentence]): The sentences of a document.
    columns (Columns): Where they have what.
    path (Path): The file, for error messages.
    report (Report): Takes the count of mentions.
    RETURNS (Doc): With sentence starts and entities. Where every sentence has its text in a comment, the
        spaces are as there; else they are unknown, and there is one after each token.
    """
    words, starts, tags = [], [], []
    spaces: list[bool] | None = []
    for sentence in sentences:
        own = [row[columns.word].removeprefix(columns.prefix) or "_" for row in sentence.rows]
        words += own
        starts += [True] + [False] * (len(own) - 1)
        if columns.tag is not None:
            tags += [row[columns.tag] for row in sentence.rows]
        own_spaces = spaces_from_text(own, sentence.comments.get("text"))
        spaces = None if spaces is None or own_spaces is None else [*spaces, *own_spaces]
    doc = Doc(vocab, words=words, spaces=spaces, sent_starts=starts)
    if columns.tag is not None:
        spans = []
        offset = 0
        for sentence in sentences:
            # Sentence by sentence: a tag at a sentence's end never goes on in the next sentence.
            end = offset + len(sentence.rows)
            own_spans = spans_from_tags(tags[offset:end])
            spans += [Span(doc, offset + a, offset + b, label=label) for a, b, label in own_spans]
            offset = end
        doc.set_ents(spans, default="outside")
        report.count("mentions", len(spans))
        report.count("annotated", len(spans))
    return doc


def spaces_from_text(words: Sequence[str], text: str | None) -> list[bool] | None:
    """Find out after which words the text has a space.

    words (Sequence[str]): The words of a sentence.
    text (str | None): Its text.
    RETURNS (list[bool] | None): One value per word, True for the last; None if the text is another.
    """
    if text is None:
        return None
    spaces, place = [], 0
    for word in words:
        if not text.startswith(word, place):
            return None
        place += len(word)
        spaces.append(text[place : place + 1].isspace())
        while text[place : place + 1].isspace():
            place += 1
    return [*spaces[:-1], True] if place == len(text) else None


def write(docs: Iterable[Doc], path: Path, options: Options, report: Report | None = None) -> int:
    """Write documents as one column file: word and tag, parted by a TAB.

    Columns have no place for base forms and ids: they are left out and counted.

    docs (Iterable[Doc]): The documents. White space tokens are left out; one whose entities are unknown
        has the tag O for all tokens.
    path (Path): The file.
    options (Options): Encoding and tag scheme.
    report (Report | None): Takes the counts and records of what is left out.
    RETURNS (int): How many documents were written.
    """
    report = report or Report()
    scheme = Scheme(options.scheme)
    parts = []
    for doc in writable(docs, report):
        parts.append(to_columns(doc, scheme))
        for ent in doc.ents:
            if ent._.base_form is not None:
                report.count("base forms left out (columns have no place for them)")
            if ent.kb_id_:
                report.count("ids left out (columns have no place for them)")
    write_text(path, "".join(parts), options.encoding)
    return len(parts)


def writable(docs: Iterable[Doc], report: Report) -> Iterator[Doc]:
    """Record what cannot be written sentence by sentence.

    docs (Iterable[Doc]): The documents.
    report (Report): Takes documents without words, and names that go over the end of a sentence.
    YIELDS (Doc): The documents that have words.
    """
    for doc in docs:
        place = doc._.source or doc._.doc_id or ""
        if not doc.text.strip():
            report.add("a document without words", place)
            continue
        for ent in doc.ents:
            if any(token.is_sent_start for token in ent[1:]):
                where = {"start": ent.start_char, "end": ent.end_char, "text": ent.text}
                report.add("a name cut in two at the end of a sentence", place, **where, kept=True)
        yield doc


def to_columns(doc: Doc, scheme: Scheme) -> str:
    """RETURNS (str): A document as comments about it and its sentences, a blank line after each."""
    lines = document_comments(doc)
    for sentence in sentences_of(doc):
        tags = sentence_tags(sentence, scheme)
        rows = [f"{t.text}\t{tag}" for t, tag in zip(sentence, tags, strict=True) if not t.text.isspace()]
        lines += [*rows, ""] if rows else []
    return "\n".join([*lines, ""])


def document_comments(doc: Doc) -> list[str]:
    """RETURNS (list[str]): What is known about a document, as the lines before its first sentence."""
    lines = [f"# newdoc id = {one_line(doc._.doc_id or '')}".rstrip()]
    known = {name: doc._.get(name) for name in ("language", "topic", "date", "url")}
    return lines + [f"# {name} = {one_line(value)}" for name, value in known.items() if value]


def sentences_of(doc: Doc) -> list[Span]:
    """RETURNS (list[Span]): A document's sentences; all of it if they are unknown."""
    if doc.has_annotation("SENT_START"):
        return list(doc.sents)
    return [doc[:]] if len(doc) else []


def sentence_tags(sentence: Span, scheme: Scheme) -> list[str]:
    """RETURNS (list[str]): The tags of a sentence's tokens; entities are cut off at its ends."""
    start, end = sentence.start, sentence.end
    spans = [
        (max(ent.start, start) - start, min(ent.end, end) - start, ent.label_)
        for ent in sentence.doc.ents
        if ent.start < end and start < ent.end
    ]
    return scheme.tags_from_spans(end - start, spans)
