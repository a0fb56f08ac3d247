"""The component `name_linker`: one id for the same thing in all languages."""

import json
import warnings
from collections.abc import Callable, Iterable, Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

import srsly
from spacy.language import Language
from spacy.pipeline.pipe import Pipe
from spacy.tokens import Doc, Span
from spacy.training import Example, validate_get_examples
from spacy.util import minibatch

from ..attributes import set_attributes
from ..characters import visible
from ..corpora.mentions import NO_ID
from ..errors import InputError
from ..files import whole_folder
from ..linking.candidates import Name
from ..linking.knowledge import Knowledge
from ..linking.linker import SCOPES, Link, Linker, train

GROUPS = ("topic", "doc_id", "source", "language")
NAMES, SETTINGS = "names.safetensors", "linker.json"
NO_LETTERS = "have neither letters nor digits"


@Language.factory(
    "name_linker",
    assigns=["doc.ents", "token.ent_kb_id"],
    requires=["doc.ents"],
    default_config={
        "scope": "document",
        "held_out": "topic",
        "overwrite": False,
        "scorer": {"@scorers": "spacy.entity_linker_scorer.v1"},
    },
    default_score_weights={"nel_micro_f": None, "nel_micro_r": None, "nel_micro_p": None},
)
def make_name_linker(
    nlp: Language, name: str, scope: str, held_out: str, overwrite: bool, scorer: Callable | None
) -> "NameLinker":
    """Make a linker of names.

    scope (str): "document": every document by itself. "corpus": `pipe` reads all documents before it
        gives back the first, and compares the names of all of them.
    held_out (str): The document attribute whose values take turns in being left out of the knowledge
        base while the ranker learns: "topic" for texts about something new, "doc_id" for more texts
        about the same.
    overwrite (bool): Whether ids that are there already are replaced.
    scorer (Callable | None): The scoring method.
    RETURNS (NameLinker): The component.
    """
    return NameLinker(nlp.vocab, name, scope=scope, held_out=held_out, overwrite=overwrite, scorer=scorer)


class NameLinker(Pipe):
    """Sets `span.kb_id_` of the entities from their base forms, types and the document's language.

    Names of the knowledge base get its ids; others get an id of their own, made of their type and base
    form. Where a name has no base form, its text stands for it. A name without letters and digits gets
    no id, and a warning once. A language that is not in the knowledge base is like any other: names are
    found by their spelling, whatever language they were seen in.

    name (str): Name of the component.
    scope (str): "document" or "corpus", see `make_name_linker`.
    held_out (str): The attribute whose values take turns in being left out.
    overwrite (bool): Whether ids that are there already are replaced.
    scorer (Callable | None): The scoring method.
    RAISES (InputError): The scope or the attribute is unknown.
    """

    def __init__(
        self,
        vocab,
        name: str = "name_linker",
        *,
        scope: str = "document",
        held_out: str = "topic",
        overwrite: bool = False,
        scorer: Callable | None = None,
    ) -> None:
        for what, value, known in (("scope", scope, SCOPES), ("attribute", held_out, GROUPS)):
            if value not in known:
                remedy = f"Choose one of {', '.join(known)}"
                raise InputError(f"{name}: there is no {what} {value!r}", remedy=remedy)
        set_attributes()
        self.vocab, self.name, self.scope, self.held_out = vocab, name, scope, held_out
        self.overwrite, self.scorer = overwrite, scorer
        self._warned = False
        self.linker = Linker(Knowledge())

    @property
    def knowledge(self) -> Knowledge:
        """The knowledge base. Names can be added to it at any time, also without training."""
        return self.linker.knowledge

    def initialize(
        self,
        get_examples: Callable[[], Iterable[Example]],
        *,
        nlp: Language | None = None,
        names: Path | str | None = None,
    ) -> None:
        """Make the knowledge base of the examples, and train the ranker.

        get_examples (Callable[[], Iterable[Example]]): Gives examples whose references have ids; base
            forms, languages and topics help. Pieces of one document count as one.
        nlp (Language | None): The pipeline.
        names (Path | str | None): A CSV or JSONL file with more names, see `Knowledge.read`; a warning says
            how many rows of it are repeated, and how many annotated names have no letters or digits.
        RAISES (InputError): No example has an id and there are no other names; or the file is faulty.
        """
        validate_get_examples(get_examples, f"{type(self).__name__}.initialize")
        extra = Knowledge()
        if names is not None:
            repeated = extra.read(names)["repeated"]
            self._warn(repeated, f"rows of {names} are repeated and left out")
        documents, groups = self._documents(example.reference for example in get_examples())
        empty = sum(name.empty for document in documents for name, _ in document)
        self._warn(empty, f"annotated names {NO_LETTERS} and are left out of the knowledge base")
        if any(documents):
            self.linker = train(documents, groups, extra if len(extra) else None)
        elif len(extra):
            self.linker = Linker(extra)
        else:
            remedy = f"Train on a corpus with ids, or set initialize.components.{self.name}.names"
            raise InputError(f"{self.name}: no example has an id", remedy=remedy)

    def _documents(self, docs: Iterable[Doc]) -> tuple[list[list[tuple[Name, str]]], list[str]]:
        """Names with ids and the group of each document; pieces of a document are put together."""
        documents, groups = [], []
        for key, pieces in groupby(docs, key=_document_key):
            pieces = list(pieces)
            names = [
                [(_name(doc, ent), ent.kb_id_) for ent in doc.ents if ent.kb_id_ not in ("", NO_ID)]
                for doc in pieces
            ]
            # Documents of which nothing is known are each their own.
            for own in [sum(names, [])] if key else names:
                documents.append(own)
                groups.append(str(pieces[0]._.get(self.held_out) or len(groups)))
        if len(set(groups)) < 2:
            # Nothing to leave out but single documents.
            groups = [str(i) for i in range(len(groups))]
        return documents, groups

    def __call__(self, doc: Doc) -> Doc:
        """Link the names of a document.

        doc (Doc): The document.
        RETURNS (Doc): The same document.
        """
        self.set_annotations([doc], self.predict([doc], "document"))
        return doc

    def pipe(self, stream: Iterable[Doc], *, batch_size: int = 64) -> Iterator[Doc]:
        """Link the names of a stream of documents.

        stream (Iterable[Doc]): The documents. With scope "corpus" all of them are read first.
        batch_size (int): Documents at a time; the result does not depend on it.
        YIELDS (Doc): The same documents.
        """
        if self.scope == "corpus":
            yield from self.link_corpus(stream)
            return
        for docs in minibatch(stream, batch_size):
            self.set_annotations(docs, self.predict(docs, "document"))
            yield from docs

    def link_corpus(self, docs: Iterable[Doc]) -> list[Doc]:
        """Link the names of documents, all of which are compared.

        docs (Iterable[Doc]): The documents.
        RETURNS (list[Doc]): The same documents.
        """
        docs = list(docs)
        self.set_annotations(docs, self.predict(docs, "corpus"))
        return docs

    def predict(self, docs: Iterable[Doc], scope: str | None = None) -> list[list[Link]]:
        """Link names without changing the documents.

        docs (Iterable[Doc]): The documents.
        scope (str | None): "document" or "corpus"; the component's own if None.
        RETURNS (list[list[Link]]): By document, a link for each entity.
        """
        names = [[_name(doc, ent) for ent in doc.ents] for doc in docs]
        empty = sum(name.empty for document in names for name in document)
        if empty and not self._warned:
            self._warned = True
            self._warn(empty, f"names {NO_LETTERS} and get no id (said once)")
        return self.linker.link(names, scope or self.scope)

    def _warn(self, count: int, what: str) -> None:
        if count:
            warnings.warn(f"{self.name!r}: {count} {what}", stacklevel=3)

    def set_annotations(self, docs: Iterable[Doc], links: list[list[Link]]) -> None:
        """Set the ids of the entities.

        docs (Iterable[Doc]): The documents.
        links (list[list[Link]]): What `predict` gave.
        """
        for doc, found in zip(docs, links, strict=True):
            for ent, link in zip(doc.ents, found, strict=True):
                if self.overwrite or not ent.kb_id_:
                    for token in ent:
                        token.ent_kb_id_ = link.id

    def score(self, examples: Iterable[Example], **kwargs: Any) -> dict[str, Any]:
        """Score ids of entities that were found at their place.

        examples (Iterable[Example]): The examples.
        RETURNS (dict[str, Any]): "nel_micro_p", "nel_micro_r", "nel_micro_f" and more, see spaCy's
            `Scorer.score_links`.
        """
        return self.scorer(examples, **kwargs) if self.scorer else {}

    def to_bytes(self, *, exclude: Iterable[str] = ()) -> bytes:
        """RETURNS (bytes): The knowledge base and the ranker."""
        settings = self.linker.to_dict()
        return srsly.msgpack_dumps({"names": self.knowledge.to_bytes(), "linker": settings})

    def from_bytes(self, data: bytes, *, exclude: Iterable[str] = ()) -> "NameLinker":
        """data (bytes): What `to_bytes` gave. RETURNS (NameLinker): This component, replaced."""
        message = srsly.msgpack_loads(data)
        return self._load(message["names"], message["linker"])

    def to_disk(self, path: Path | str, *, exclude: Iterable[str] = ()) -> None:
        """Save the knowledge base (names.safetensors) and the ranker (linker.json).

        path (Path | str): The folder, which is replaced.
        """
        settings = self.linker.to_dict()
        with whole_folder(path) as folder:
            (folder / NAMES).write_bytes(self.knowledge.to_bytes())
            text = json.dumps(settings, ensure_ascii=False, indent=1)
            (folder / SETTINGS).write_text(text + "\n", encoding="utf8")

    def from_disk(self, path: Path | str, *, exclude: Iterable[str] = ()) -> "NameLinker":
        """Load what `to_disk` saved.

        path (Path | str): The folder.
        RETURNS (NameLinker): This component, replaced.
        RAISES (InputError): A file is missing or damaged.
        """
        path = Path(path)
        try:
            settings = json.loads((path / SETTINGS).read_text(encoding="utf8"))
            return self._load((path / NAMES).read_bytes(), settings)
        except Exception as error:
            what = f"The linker cannot be loaded ({type(error).__name__}: {error})"
            raise InputError(what, path=path, remedy="Train or save the pipeline again") from error

    def _load(self, names: bytes, settings: dict[str, Any]) -> "NameLinker":
        self.linker = Linker.from_dict(Knowledge().from_bytes(names), settings)
        return self


def _document_key(doc: Doc) -> tuple[str | None, str | None] | None:
    """What pieces of one document have in common; None if nothing is known."""
    key = (doc._.source, doc._.doc_id)
    return key if any(key) else None


def _name(doc: Doc, ent: Span) -> Name:
    """The name that an entity is."""
    form = visible(ent.text)
    return Name(form, ent._.base_form or form, ent.label_, doc._.language)


__all__ = ["NameLinker", "make_name_linker"]
