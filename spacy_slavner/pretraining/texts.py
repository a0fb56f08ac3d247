"""Text to pretrain on: folders of several languages, read as a stream, less what must not be seen."""

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ..corpora.splits import document_key
from ..errors import InputError
from ..files import files_below

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
    text (str | None): Its text, where that is in memory.
    path (Path | None): The file that it is streamed from otherwise.
    """

    name: str
    language: str
    size: int
    text: str | None = None
    path: Path | None = None

    def texts(self) -> Iterator[tuple[str, str]]:
        """YIELDS (tuple[str, str]): The name of each text in it, and the text."""
        if self.text is not None:
            yield self.name, self.text
            return
        for number, text in enumerate(_texts_of(self.path), start=1):
            yield f"{self.name}#{number}", text


def _texts_of(path: Path) -> Iterator[str]:
    """Cut a file into texts at empty lines, without reading it whole."""
    lines: list[str] = []
    length = 0
    with path.open("rb") as file:
        for number, data in enumerate(file, start=1):
            try:
                line = data.decode("utf-8-sig" if number == 1 else "utf-8").strip()
            except UnicodeDecodeError as error:
                raise InputError("not UTF-8", path=path, line=number, remedy="Convert it to UTF-8") from error
            if lines and (length >= 2 * CHARACTERS or (not line and length >= CHARACTERS)):
                yield "\n".join(lines)
                lines, length = [], 0
            if line:
                lines.append(line)
                length += len(line)
    if lines:
        yield "\n".join(lines)


@dataclass
class Texts:
    """The documents to train on, by language.

    documents (dict[str, list[Document]]): The documents of each language.
    left_out (int): Documents that were left out because a split measures with them.
    excluded (int): Documents that were to be left out.
    held_out (dict[str, dict[str, str]]): For each language the names and texts that only measure.
    """

    documents: dict[str, list[Document]]
    left_out: int = 0
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
    without (Sequence[Path]): Folders of splits; documents of their dev.spacy and test.spacy are left out,
        known by name or by text.
    languages (Sequence[str]): Languages to take; none for all.
    RETURNS (Texts): The documents.
    RAISES (InputError): If there is no text, or none of a language that was asked for.
    """
    names, hashes = _excluded(without)
    found: dict[str, list[Document]] = {}
    there, left_out = set(), 0
    for path in paths:
        for document in _documents(Path(path)):
            there.add(document.language)
            if languages and document.language not in languages:
                continue
            if _is_excluded(document, names, hashes):
                left_out += 1
            elif document.size:
                found.setdefault(document.language, []).append(document)
    missing = sorted(set(languages) - there)
    if missing and there:
        raise InputError(
            f"there is no text in {', '.join(missing)}",
            path=paths[0],
            remedy=f"There is text in {', '.join(sorted(there))}",
        )
    if not found:
        raise InputError(
            "there is no text" + (f", {left_out} documents being left out" if left_out else ""),
            path=paths[0] if paths else None,
            remedy="Give folders with UTF-8 files <language>/*.txt, raw/ or .conllu files, or a .spacy file",
        )
    return Texts(dict(sorted(found.items())), left_out, len(names))


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
        yield Document(document_key(doc), doc._.language or UNKNOWN, len(doc.text.encode()), doc.text)


def _docbin(path: Path) -> Iterator[Document]:
    """Documents of a corpus that was converted before."""
    from ..corpora.docbin import read_docs
    from ..corpora.sources import blank_pipeline

    for doc in read_docs(path, blank_pipeline().vocab):
        yield Document(document_key(doc), doc._.language or UNKNOWN, len(doc.text.encode()), doc.text)


def _excluded(folders: Sequence[Path]) -> tuple[set[str], set[str]]:
    """Names and texts of the documents that splits measure with."""
    from ..corpora.docbin import read_docs
    from ..corpora.sources import blank_pipeline

    names, hashes = set(), set()
    for folder in folders:
        parts = [folder / part for part in PARTS if (folder / part).is_file()]
        if not parts:
            raise InputError(
                f"the folder has no {' or '.join(PARTS)}", path=folder, remedy="Give one that `prepare` wrote"
            )
        for part in parts:
            for doc in read_docs(part, blank_pipeline().vocab):
                names.add(document_key(doc))
                hashes.add(_hash(doc.text))
    return names, hashes


def _hash(text: str) -> str:
    return hashlib.blake2b(" ".join(text.split()).encode(), digest_size=12).hexdigest()


def _is_excluded(document: Document, names: set[str], hashes: set[str]) -> bool:
    if not names:
        return False
    if document.text is not None:
        return document.name in names or _hash(document.text) in hashes
    # A file may be named from a folder further up or further down; the language alone says too little.
    name = document.name.removesuffix(".txt")
    if any(name == other or name.endswith(f"/{other}") or other.endswith(f"/{name}") for other in names):
        return True
    # Larger than any document: no need to read it whole.
    return document.size < 1_000_000 and _hash("\n".join(text for _, text in document.texts())) in hashes


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
