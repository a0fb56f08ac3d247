"""CoNLL-U (Universal Dependencies): ten columns, with sentences, lemmas, tags and trees.

A multi-word token ("abychom") becomes one token with its surface form, and with the lemma, tags and head
of the first of its words that hangs on another token; so the text is the treebank's own. Empty nodes are
left out. Names are read from and written to the last column as `NER=B-PER`; their first token also has
their base form and id, `Lemma=Ivan\\sNovák|Id=PER-1`: a blank is `\\s` and a bar `\\p`, as UDPipe has it.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from spacy.language import Language
from spacy.parts_of_speech import IDS as POS_IDS
from spacy.tokens import Doc, Span, Token
from spacy.vocab import Vocab

from ..errors import InputError
from ..files import files_below
from ..tagging import Scheme, spans_from_tags
from .conll import (
    Sentence,
    document_comments,
    group_sentences,
    parse_sentences,
    sentence_tags,
    sentences_of,
    writable,
)
from .report import Report
from .slavicner import write_text
from .sources import Options, Source, set_origin
from .text import read_lines

ID, FORM, LEMMA, UPOS, XPOS, FEATS, HEAD, DEPREL, _DEPS, MISC = range(10)
_NAME = re.compile(r"(?:^|\|)(?:NER|NE|name)=(O|[BIESLU]-[^|]+)(?:$|\|)")
_OF_NAME = re.compile(r"(?:^|\|)(Lemma|Id)=([^|]*)")
ESCAPES = {"\\": r"\\", "|": r"\p", " ": r"\s", "\t": r"\t", "\n": r"\n", "\r": r"\r"}
_UNESCAPED = {escape: sign for sign, escape in ESCAPES.items()}


def find(path: Path, options: Options, report: Report) -> list[Source]:
    """Find the .conllu files of a corpus.

    path (Path): A file or a folder.
    options (Options): Not used.
    report (Report): Not used.
    RETURNS (list[Source]): The files, sorted. The language is the first part of a treebank's file name.
    RAISES (InputError): If there are none.
    """
    files = [path] if path.is_file() else files_below(path, "*.conllu")
    if not files:
        raise InputError("There are no .conllu files", path=path, remedy="Give a file or a folder with them")
    root = path.parent if path.is_file() else path
    return [Source(file, file.relative_to(root).as_posix(), language=_language(file)) for file in files]


def _language(file: Path) -> str | None:
    match = re.match(r"([a-z]{2,3})_", file.name)
    return match[1] if match else None


def read(source: Source, nlp: Language, options: Options, report: Report) -> list[Doc]:
    """Read a file.

    source (Source): The file.
    nlp (Language): Gives the vocabulary; the tokens are the file's.
    options (Options): Encoding, and sentences per Doc where the file has no documents.
    report (Report): Takes the counts.
    RETURNS (list[Doc]): One Doc per document of the file, or per `n_sents` sentences.
    RAISES (InputError): If the file cannot be read or a line is not CoNLL-U.
    """
    sentences = list(parse_sentences(read_lines(source.path, options.encoding)))
    docs = []
    for i, group in enumerate(group_sentences(sentences, options.n_sents), start=1):
        doc = make_doc(nlp.vocab, group, source.path, report)
        comments = group[0].comments
        set_origin(
            doc,
            doc_id=comments.get("id") or f"{Path(source.source).name}-{i}",
            language=comments.get("language") or source.language,
            topic=comments.get("topic") or source.topic,
            source=source.source,
            date=comments.get("date"),
            url=comments.get("url"),
        )
        docs.append(doc)
    report.count("documents", len(docs))
    report.count("sentences", len(sentences))
    return docs


@dataclass
class Words:
    """The annotation of a document's tokens, one item per token in each list but the last.

    names (list[str]): Tags of names.
    details (list[dict[str, str]]): What is said about the name that starts with the token.
    spans (list[tuple[int, int, str]]): First token, one past the last, and type of each name.
    """

    words: list[str] = field(default_factory=list)
    spaces: list[bool] = field(default_factory=list)
    lemmas: list[str] = field(default_factory=list)
    pos: list[str] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    morphs: list[str] = field(default_factory=list)
    heads: list[int] = field(default_factory=list)
    deps: list[str] = field(default_factory=list)
    starts: list[bool] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    details: list[dict[str, str]] = field(default_factory=list)
    spans: list[tuple[int, int, str]] = field(default_factory=list)


def make_doc(vocab: Vocab, sentences: Sequence[Sentence], path: Path, report: Report) -> Doc:
    """Make a Doc of sentences.

    vocab (Vocab): The vocabulary.
    sentences (Sequence[Sentence]): The sentences of a document, with ten columns.
    path (Path): The file, for error messages.
    report (Report): Takes the count of mentions.
    RETURNS (Doc): The document; with entities if any of its tokens has a name tag.
    RAISES (InputError): If a line has not ten columns or a number is none.
    """
    words = Words()
    for sentence in sentences:
        _add_sentence(words, sentence, path)
    parsed = all(words.deps) and all(head >= 0 for head in words.heads)
    doc = Doc(
        vocab,
        words=words.words,
        spaces=words.spaces,
        lemmas=words.lemmas,
        pos=words.pos,
        tags=words.tags,
        morphs=words.morphs,
        heads=words.heads if parsed else None,
        deps=words.deps if parsed else None,
        sent_starts=None if parsed else words.starts,
    )
    if any(words.names):
        details = [words.details[start] for start, _, _ in words.spans]
        spans = [
            Span(doc, start, end, label=label, kb_id=detail.get("Id", ""))
            for (start, end, label), detail in zip(words.spans, details, strict=True)
        ]
        doc.set_ents(spans, default="outside")
        for span, detail in zip(spans, details, strict=True):
            if "Lemma" in detail:
                span._.base_form = detail["Lemma"]
        report.count("mentions", len(spans))
        report.count("annotated", len(spans))
    return doc


def _add_sentence(words: Words, sentence: Sentence, path: Path) -> None:
    """Append a sentence's tokens, multi-word tokens merged."""
    offset = len(words.words)
    token_of: dict[str, int] = {}
    tokens = list(_tokens(sentence, path))
    for place, (rows, _, _) in enumerate(tokens, start=offset):
        token_of.update((row[ID], place) for row in rows)
    for place, (rows, surface, number) in enumerate(tokens, start=offset):
        # Of a multi-word token's words the one that hangs on another token stands for all.
        row = next((row for row in rows if token_of.get(row[HEAD]) != place), rows[0])
        if row[HEAD] not in token_of and row[HEAD] not in ("0", "_"):
            what = f"The head {row[HEAD]!r} is no token of the sentence"
            raise InputError(what, path=path, line=number)
        _add_token(words, row, surface)
        words.starts.append(place == offset)
        # spaCy's root is its own head.
        words.heads.append(-1 if row[HEAD] == "_" else token_of.get(row[HEAD], place))
    # Sentence by sentence: a tag at a sentence's end never goes on in the next sentence.
    spans = spans_from_tags(words.names[offset:])
    words.spans += [(offset + start, offset + end, label) for start, end, label in spans]


def _tokens(sentence: Sentence, path: Path) -> Iterator[tuple[list[list[str]], list[str], int]]:
    """The tokens of a sentence: rows of the words, row of the surface, line of the first word."""
    rows: list[list[str]] = []
    until, surface = 0, None
    for number, row in enumerate(sentence.rows, start=sentence.line):
        if len(row) != 10:
            remedy = "CoNLL-U has ten columns, parted by TABs"
            raise InputError(f"The line has {len(row)} columns", path=path, line=number, remedy=remedy)
        if "." in row[ID]:
            continue
        first, _, last = row[ID].partition("-")
        if not first.isdecimal() or (last and not last.isdecimal()):
            raise InputError(f"{row[ID]!r} is not a token's number", path=path, line=number)
        if last:
            until, surface, rows = int(last), row, []
            continue
        rows = [*rows, row] if surface else [row]
        if int(first) >= until:
            yield rows, surface or row, number
            surface = None


def _add_token(words: Words, row: Sequence[str], surface: Sequence[str]) -> None:
    """Append a token: form and spacing of the surface, all else of the word."""
    name = _NAME.search(surface[MISC]) or _NAME.search(row[MISC])
    words.words.append(surface[FORM])
    words.spaces.append("SpaceAfter=No" not in surface[MISC].split("|"))
    words.lemmas.append("" if row[LEMMA] == "_" and row[FORM] != "_" else row[LEMMA])
    words.pos.append(row[UPOS] if row[UPOS] in POS_IDS else "")
    words.tags.append("" if row[XPOS] == "_" else row[XPOS])
    words.morphs.append("" if row[FEATS] == "_" else row[FEATS])
    words.deps.append("" if row[DEPREL] == "_" else row[DEPREL])
    words.names.append(name[1] if name else "")
    found = [*_OF_NAME.findall(row[MISC]), *_OF_NAME.findall(surface[MISC])]
    words.details.append({key: unescape(value) for key, value in found})


def escape(text: str) -> str:
    """RETURNS (str): The text as a value in the last column."""
    return text.translate(str.maketrans(ESCAPES))


def unescape(text: str) -> str:
    """RETURNS (str): The text of a value in the last column."""
    return re.sub(r"\\.", lambda match: _UNESCAPED.get(match[0], match[0]), text)


def write(docs: Iterable[Doc], path: Path, options: Options, report: Report | None = None) -> int:
    """Write documents as one .conllu file.

    docs (Iterable[Doc]): The documents. White space tokens are left out.
    path (Path): The file.
    options (Options): Encoding and tag scheme.
    report (Report | None): Takes what is left out.
    RETURNS (int): How many documents were written.
    """
    scheme = Scheme(options.scheme)
    parts = [to_conllu(doc, scheme) for doc in writable(docs, report or Report())]
    write_text(path, "".join(parts), options.encoding)
    return len(parts)


def to_conllu(doc: Doc, scheme: Scheme) -> str:
    """RETURNS (str): A document as CoNLL-U, with `# text` and `# sent_id` comments."""
    lines = document_comments(doc)
    named = doc.has_annotation("ENT_IOB")
    starting = {ent.start: ent for ent in doc.ents}
    parsed = doc.has_annotation("DEP")
    for i, sentence in enumerate(sentences_of(doc), start=1):
        tokens = [token for token in sentence if not token.text.isspace()]
        if not tokens:
            continue
        tags = sentence_tags(sentence, scheme) if named else []
        number = {token.i: n for n, token in enumerate(tokens, start=1)}
        text = " ".join(sentence.text.split())
        lines += [f"# sent_id = {doc._.doc_id or 'document'}-{i}", f"# text = {text}"]
        for token in tokens:
            misc = [f"NER={tags[token.i - sentence.start]}"] if named else []
            misc += _details(starting[token.i]) if token.i in starting else []
            lines.append(_row(token, number, misc, parsed))
        lines.append("")
    return "\n".join([*lines, ""])


def _details(ent: Span) -> list[str]:
    """What the first token of a name says about the name."""
    known = {"Lemma": ent._.base_form, "Id": ent.kb_id_ or None}
    return [f"{key}={escape(value)}" for key, value in known.items() if value is not None]


def _row(token: Token, number: dict[int, int], misc: list[str], parsed: bool) -> str:
    """A token as a line."""
    head = number.get(token.head.i, 0) if token.head.i != token.i else 0
    follows = token.i + 1 < len(token.doc) and token.doc[token.i + 1].text.isspace()
    misc = [*misc, *([] if token.whitespace_ or follows else ["SpaceAfter=No"])]
    cells = [str(number[token.i]), token.text, token.lemma_, token.pos_, token.tag_, str(token.morph)]
    cells += [str(head), token.dep_] if parsed else ["", ""]
    return "\t".join(cell or "_" for cell in [*cells, "", "|".join(misc)])
