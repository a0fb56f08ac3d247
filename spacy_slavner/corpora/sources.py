"""Where documents come from: files, and what their folders say about them."""

import itertools
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from spacy.language import Language
from spacy.tokens import Doc

from ..attributes import DOC_ATTRIBUTES, TYPES, set_attributes

# Folders of documents whose topic or language is not known.
NO_TOPIC, NO_LANGUAGE = "no_topic", "xx"


@dataclass(frozen=True)
class Source:
    """A file that documents are read from.

    path (Path): The file.
    source (str): The file relative to the corpus, with forward slashes.
    topic (str | None): The topic its folder names.
    language (str | None): The language its folder names.
    annotation (Path | None): The file with its annotation.
    annotation_source (str): The annotation file relative to the corpus.
    """

    path: Path
    source: str
    topic: str | None = None
    language: str | None = None
    annotation: Path | None = None
    annotation_source: str = ""


@dataclass(frozen=True)
class Options:
    """What a user can say about the files of a corpus.

    encoding (str): Their encoding.
    scheme (str): Tag scheme to write.
    columns (str | None): Names of the columns, see `corpora.conll`.
    n_sents (int): Sentences in a Doc, where the file has no documents.
    raw (Path | None): Folder with the raw documents, if it lies elsewhere.
    types (tuple[str, ...]): Types of names that annotation without offsets may have.
    """

    encoding: str = "utf-8"
    scheme: str = "BIO"
    columns: str | None = None
    n_sents: int = 1
    raw: Path | None = None
    types: tuple[str, ...] = TYPES


def blank_pipeline(tokenizer: str = "spacy-slavner.Tokenizer.v1") -> Language:
    """Make the empty pipeline that conversion tokenizes with.

    tokenizer (str): Registered name of the tokenizer.
    RETURNS (Language): A blank multi-language pipeline.
    """
    import spacy

    set_attributes()
    nlp = spacy.blank("xx", config={"nlp": {"tokenizer": {"@tokenizers": tokenizer}}})
    nlp.max_length = sys.maxsize  # the limit is there for parsers, and nothing is parsed here
    return nlp


def set_origin(doc: Doc, **values: str | None) -> Doc:
    """Write down where a document comes from.

    doc (Doc): The document.
    **values: Doc attributes by name: doc_id, language, topic, source, date, url.
    RETURNS (Doc): The same document.
    """
    set_attributes()
    for name, value in values.items():
        if name not in DOC_ATTRIBUTES:
            raise KeyError(name)
        if value:
            doc._.set(name, value)
    return doc


def named(docs: Iterable[Doc]) -> Iterator[tuple[Doc, str]]:
    """Name the files of documents.

    docs (Iterable[Doc]): The documents.
    YIELDS (tuple[Doc, str]): A document, and <topic>/<language>/<name>, which no other one has.
    """
    taken: dict[str, set[str]] = {}
    for doc in docs:
        place = f"{doc._.topic or NO_TOPIC}/{doc._.language or NO_LANGUAGE}"
        yield doc, f"{place}/{file_stem(doc, taken.setdefault(place, set()))}"


def file_stem(doc: Doc, taken: set[str]) -> str:
    """Give a document a file name without suffix: its source's, else its id, else a number.

    doc (Doc): The document.
    taken (set[str]): Names of the same folder that are in use; the new one is added.
    RETURNS (str): A name that was free.
    """
    source = (doc._.source or "").rsplit("/", 1)[-1]
    name = source.removesuffix(".txt") if source.endswith(".txt") else doc._.doc_id or "document"
    name = "".join("_" if c in '/\\:*?"<>|' or c.isspace() else c for c in name)
    free = (n for n in itertools.chain([name], (f"{name}-{i}" for i in itertools.count(2))))
    name = next(n for n in free if n not in taken)
    taken.add(name)
    return name


def language_of(name: str) -> str | None:
    """Read a language from a folder's name: a code of two or three letters."""
    return name if re.fullmatch("[a-z]{2,3}", name) else None
