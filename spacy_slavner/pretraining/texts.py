"""Text to pretrain on: folders of several languages, read as a stream, less what must not be seen."""

import hashlib
import re
from collections import deque
from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..corpora.splits import document_key
from ..errors import InputError
from ..files import files_below

if TYPE_CHECKING:
    from spacy.tokens import Doc

PARTS = ("dev.spacy", "test.spacy")
UNKNOWN = "xx"
# A text of a file ends at an empty line once it is as long as this, and at any line at twice of it.
CHARACTERS = 2_000
SENTENCES = 20  # in a text of a treebank that does not mark documents


@dataclass
class Document:
    """A file or a document of a corpus.

    name (str): What it is called, the same on every machine.
    language (str): Its language.
    size (int): Its length, for the proportions of languages.
    sentences (list[str]): Its text, in sentences where it has such; joined, they are the text.
    path (Path | None): The file that it is streamed from, if it is not in memory.
    without (Set[str]): Keys of lines of the file that are left out.
    given (bool): Whether its tokens are given, with blanks between them, as in column files.
    """

    name: str
    language: str
    size: int
    sentences: list[str] = field(default_factory=list)
    path: Path | None = None
    without: Set[str] = frozenset()
    given: bool = False

    @property
    def text(self) -> str:
        """RETURNS (str): The text, if it is in memory."""
        return "".join(self.sentences)

    def parts(self) -> Iterable[str]:
        """RETURNS (Iterable[str]): All its sentences, or the lines of its file."""
        return _lines(self.path) if self.path else self.sentences

    def texts(self) -> Iterator[tuple[str, str]]:
        """YIELDS (tuple[str, str]): The name of each text in it, and the text."""
        if not self.path:
            yield self.name, self.text
            return
        for number, text in enumerate(_texts_of(self.path, self.without), start=1):
            yield f"{self.name}#{number}", text


def _lines(path: Path) -> Iterator[str]:
    with path.open("rb") as file:
        for number, data in enumerate(file, start=1):
            try:
                yield data.decode("utf-8-sig" if number == 1 else "utf-8").strip()
            except UnicodeDecodeError as error:
                raise InputError("not UTF-8", path=path, line=number, remedy="Convert it to UTF-8") from error


def _texts_of(path: Path, without: Set[str]) -> Iterator[str]:
    """Cut a file into texts at empty lines, without reading it whole."""
    lines: list[str] = []
    length = 0
    for line in _lines(path):
        if lines and (length >= 2 * CHARACTERS or (not line and length >= CHARACTERS)):
            yield "\n".join(lines)
            lines, length = [], 0
        if line and not (without and _key(line) in without):
            lines.append(line)
            length += len(line)
    if lines:
        yield "\n".join(lines)


@dataclass
class Texts:
    """The documents to train on, by language.

    documents (dict[str, list[Document]]): The documents of each language.
    left_out (int): Documents that were left out because a split measures with them.
    sentences_left_out (int): Sentences (of .txt files: lines) that were left out of others, likewise.
    excluded (int): Documents that were to be left out.
    held_out (dict[str, dict[str, str]]): For each language the names and texts that only measure.
    """

    documents: dict[str, list[Document]]
    left_out: int = 0
    sentences_left_out: int = 0
    excluded: int = 0
    held_out: dict[str, dict[str, str]] = field(default_factory=dict)

    def train(self, language: str, generator: np.random.Generator | None = None) -> Iterator[str]:
        """Go once through the text of a language.

        language (str): The language.
        generator (numpy.random.Generator | None): Shuffles the documents.
        YIELDS (str): Its texts, without those held out.
        """
        documents, kept_apart = self.documents[language], self.held_out.get(language, {})
        order = np.arange(len(documents)) if generator is None else generator.permutation(len(documents))
        for number in order:
            for name, text in documents[number].texts():
                if name not in kept_apart:
                    yield text

    def counts_left_out(self) -> dict[str, int]:
        """RETURNS (dict[str, int]): Documents and sentences left out, and of how many documents to be so."""
        return {"documents": self.left_out, "sentences": self.sentences_left_out, "of": self.excluded}

    def proportions(self, temperature: float) -> dict[str, float]:
        """How often each language is drawn: its size to the power of 1/temperature.

        temperature (float): 1 is as the text has them, large numbers make them equal.
        RETURNS (dict[str, float]): The probabilities.
        """
        sizes = {name: sum(d.size for d in docs) for name, docs in sorted(self.documents.items())}
        weights = {name: (size / sum(sizes.values())) ** (1 / temperature) for name, size in sizes.items()}
        return {name: weight / sum(weights.values()) for name, weight in weights.items()}


def find_texts(paths: Sequence[Path], without: Sequence[Path] = (), languages: Sequence[str] = ()) -> Texts:
    """Find the text of some folders.

    A folder with raw/ is read as SlavicNER, one with .conllu files as treebanks, a .spacy file as a converted
    corpus, any other folder as .txt files, whose language is the first subfolder or the beginning of the
    file's name (`cs/a.txt`, `cs_a.txt`).

    paths (Sequence[Path]): Folders or files.
    without (Sequence[Path]): Folders of splits. Documents of their dev.spacy and test.spacy are left out,
        known by name or by text; and of others the sentences (of .txt files: lines) that are one of their
        documents or of the sentences in these, since treebanks are cut into documents in several ways.
        Texts are the same if their signs other than white space are.
    languages (Sequence[str]): Languages to take; none for all.
    RETURNS (Texts): The documents.
    RAISES (InputError): If there is no text, or none of a language that was asked for.
    """
    excluded = _excluded(without)
    found: dict[str, list[Document]] = {}
    there, left_out, sentences_left_out = set(), 0, 0
    for path in paths:
        for document in _documents(Path(path)):
            there.add(document.language)
            if languages and document.language not in languages:
                continue
            number = _leave_out(document, excluded)
            if number is None:
                left_out += 1
                continue
            sentences_left_out += number
            if document.size:
                found.setdefault(document.language, []).append(document)
    missing = sorted(set(languages) - there)
    if missing and there:
        raise InputError(
            f"there is no text in {', '.join(missing)}",
            path=paths[0],
            remedy=f"There is text in {', '.join(sorted(there))}",
        )
    if not found:
        left = f", {left_out} documents and {sentences_left_out} sentences being left out"
        raise InputError(
            "there is no text" + (left if left_out or sentences_left_out else ""),
            path=paths[0] if paths else None,
            remedy="Give folders with UTF-8 files <language>/*.txt, raw/ or .conllu files, or a .spacy file",
        )
    return Texts(dict(sorted(found.items())), left_out, sentences_left_out, excluded.documents)


def _documents(path: Path) -> Iterator[Document]:
    if not path.exists():
        raise InputError("no such file or folder", path=path)
    if path.is_dir() and (path / "raw").is_dir():
        yield from _corpus(path, "slavicner")
    elif path.suffix == ".conllu" or (path.is_dir() and files_below(path, "*.conllu")):
        yield from _corpus(path, "conllu")
    elif path.suffix == ".spacy":
        yield from _docbin(path)
    else:
        yield from _files(path)


def _files(path: Path) -> Iterator[Document]:
    files = [path] if path.is_file() else files_below(path, "*.txt")
    if not files:
        raise InputError(
            "the folder has no .txt files", path=path, remedy="Give UTF-8 text, <language>/*.txt"
        )
    for file in files:
        name = file.name if path.is_file() else file.relative_to(path).as_posix()
        yield Document(name, _language(name), file.stat().st_size, path=file)


def _language(name: str) -> str:
    """The language of a file: a folder above it, or what its name begins with."""
    from ..corpora.sources import language_of

    folders = name.split("/")[:-1]
    prefix = re.match(r"([a-z]{2,3})(?=[_.-])", name.rsplit("/", 1)[-1])
    found = (code for code in map(language_of, folders) if code)
    return next(found, prefix[1] if prefix else UNKNOWN)


def _corpus(path: Path, format: str) -> Iterator[Document]:
    """Documents of a corpus that has a reader in this package."""
    from ..corpora.formats import available_cores, find_sources, read_sources, unpack
    from ..corpora.report import Report
    from ..corpora.sources import Options

    options, report = Options(n_sents=SENTENCES), Report()
    sources = find_sources(path, format, options, report)
    for doc in unpack(read_sources(sources, format, options, report, available_cores())):
        yield _document(doc)


def _docbin(path: Path) -> Iterator[Document]:
    """Documents of a corpus that was converted before."""
    from ..corpora.docbin import read_docs
    from ..corpora.sources import blank_pipeline

    for doc in read_docs(path, blank_pipeline().vocab):
        yield _document(doc)


def _document(doc: "Doc") -> Document:
    sentences, given = _sentences(doc), doc.has_unknown_spaces
    return Document(document_key(doc), doc._.language or UNKNOWN, _size(sentences), sentences, given=given)


def _sentences(doc: "Doc") -> list[str]:
    """The sentences of a document, or all of it where nobody has said where they end."""
    if doc.has_annotation("SENT_START"):
        return [sentence.text_with_ws for sentence in doc.sents]
    return [doc.text]


def _size(sentences: Iterable[str]) -> int:
    return sum(len(sentence.encode()) for sentence in sentences)


@dataclass
class _Excluded:
    """What splits measure with.

    documents (int): How many documents they are.
    names (set[str]): Their names.
    keys (set[str]): Keys of their texts, and of the sentences in these.
    """

    documents: int = 0
    names: set[str] = field(default_factory=set)
    keys: set[str] = field(default_factory=set)


def _excluded(folders: Sequence[Path]) -> _Excluded:
    from ..corpora.docbin import read_docs
    from ..corpora.sources import blank_pipeline

    excluded = _Excluded()
    for folder in folders:
        parts = [folder / part for part in PARTS if (folder / part).is_file()]
        if not parts:
            raise InputError(
                f"the folder has no {' or '.join(PARTS)}", path=folder, remedy="Give one that `prepare` wrote"
            )
        for part in parts:
            for doc in read_docs(part, blank_pipeline().vocab):
                excluded.documents += 1
                excluded.names.add(document_key(doc))
                excluded.keys |= {_key(text) for text in (doc.text, *_sentences(doc))}
    excluded.keys.discard(_key(""))
    return excluded


def _hash(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=12).hexdigest()


def _key(text: str) -> str:
    """What a text is known by: its signs other than white space, which corpora set in their own ways."""
    return _hash("".join(text.split()))


def _leave_out(document: Document, excluded: _Excluded) -> int | None:
    """Take the sentences that splits measure with out of a document, in place.

    RETURNS (int | None): How many there were, None if the whole document is to be left out.
    """
    if not excluded.documents:
        # Read all the same: what is not UTF-8 is an error now, not after hours of training.
        deque(document.parts(), maxlen=0)
        return 0
    if _is_named(document, excluded.names):
        return None
    whole, number = hashlib.blake2b(digest_size=12), 0
    for part in document.parts():
        whole.update("".join(part.split()).encode())
        number += _key(part) in excluded.keys
    if whole.hexdigest() in excluded.keys:
        return None
    if document.path:
        document.without = excluded.keys
    elif number:
        document.sentences = [text for text in document.sentences if _key(text) not in excluded.keys]
        document.size = _size(document.sentences)
    return number


def _is_named(document: Document, names: set[str]) -> bool:
    """Whether a document has one of the names."""
    if document.name in names or not document.path:
        return document.name in names
    # A file may be named from a folder further up or further down; the language alone says too little.
    name = document.name.removesuffix(".txt")
    return any(name == other or name.endswith(f"/{other}") or other.endswith(f"/{name}") for other in names)


def hold_out(texts: Texts, number: int, seed: int) -> None:
    """Set text of each language apart, in place: the same for the same seed, whatever else there is.

    Texts are drawn by a hash of their names, so that a large file need not be read to its end.

    texts (Texts): The texts.
    number (int): How many texts of each language; at most a fifth of those there are.
    seed (int): The seed.
    """
    for language, documents in texts.documents.items():
        mixed = sorted(documents, key=lambda document: _hash(f"{seed} {document.name}"))
        items = list(_first(mixed, 20 * number))
        items.sort(key=lambda item: _hash(f"{seed} {item[0]}"))
        texts.held_out[language] = dict(items[: min(number, len(items) // 5)])


def _first(documents: Iterable[Document], number: int) -> Iterator[tuple[str, str]]:
    for document in documents:
        for item in document.texts():
            if number == 0:
                return
            number -= 1
            yield item
