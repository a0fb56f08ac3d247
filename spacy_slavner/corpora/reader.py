"""The registered reader of DocBin files: `spacy-slavner.Corpus.v1`."""

import random
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

import numpy
from spacy.language import Language
from spacy.tokens import Doc, Span
from spacy.training import Example

from ..attributes import DOC_ATTRIBUTES, READER_ATTRIBUTES, set_attributes
from ..errors import InputError
from .docbin import read_docs
from .sentences import rules_for

# What a pipeline is told about a text besides the text itself.
_GIVEN = ("doc_id", "topic", "source", "date", "url", *READER_ATTRIBUTES)


def create_corpus(
    path: Path | None,
    languages: list[str] | None = None,
    topics: list[str] | None = None,
    max_tokens: int = 0,
    limit: int = 0,
    gold_preproc: bool = False,
    shuffle: bool = False,
    seed: int = 0,
    know_language: bool = True,
    names: bool = True,
    rename: dict[str, str | None] | None = None,
    types: list[str] | None = None,
    know_types: bool = True,
) -> Callable[[Language], Iterable[Example]]:
    """Make the reader `spacy-slavner.Corpus.v1`.

    path (Path | None): A .spacy file or a folder with such files.
    languages (list[str] | None): Read only documents of these languages.
    topics (list[str] | None): Read only documents of these topics.
    max_tokens (int): Cut documents into pieces of at most that many tokens: at sentence ends, else
        anywhere, but never inside an entity. 0 leaves them whole.
    limit (int): Read at most that many documents, at equal distances in the file; 0 reads all.
    gold_preproc (bool): Give the pipeline the tokens of the reference instead of tokenizing its text.
    shuffle (bool): Give the documents in another order each time.
    seed (int): Seed of that order.
    know_language (bool): Tell the pipeline the document's language.
    names (bool): Whether names are read; else the documents are texts without annotation of names, which
        teach name recognisers nothing.
    rename (dict[str, str | None] | None): Other words for types of names, such as {"PERSON": "PER"}; with
        None names of that type are ordinary text, such as {"MISC": None} (null in a config).
    types (list[str] | None): The types that the corpus annotates, after `rename`; None: those that the
        documents say themselves (`doc._.annotated_types`, as files of joined corpora do), else all that the
        pipeline knows. What has none of them may be a name of another type: `crf_ner` does not learn that it
        is ordinary text, and is not scored with names of other types.
    know_types (bool): Whether that is made use of; else all types count as annotated.
    RETURNS (Callable[[Language], Iterable[Example]]): The reader, which raises an InputError for a name of
        a type that is not among `types`.
    """
    rng = random.Random(seed)

    def read(nlp: Language) -> Iterator[Example]:
        if path is None:
            remedy = "Give one on the command line, such as --paths.train corpus/train.spacy"
            raise InputError("The corpus has no path", remedy=remedy)
        docs = _select(read_docs(path, nlp.vocab), languages, topics, limit)
        if shuffle:
            docs = list(docs)
            rng.shuffle(docs)
        for doc in docs:
            annotated = _set_names(doc, names, rename or {}, types)
            for piece in cut(doc, max_tokens):
                piece._.annotated_types = annotated if know_types else None
                yield make_example(nlp, piece, gold_preproc, know_language)

    return read


def _select(
    docs: Iterable[Doc], languages: list[str] | None, topics: list[str] | None, limit: int
) -> Iterable[Doc]:
    """Those documents that are asked for."""
    asked = (
        doc
        for doc in docs
        if (not languages or doc._.language in languages) and (not topics or doc._.topic in topics)
    )
    return _spread(list(asked), limit) if limit else asked


def _spread(docs: list[Doc], limit: int) -> list[Doc]:
    """So many at equal distances: files are sorted by language, and their beginning is of one alone."""
    return [docs[i * len(docs) // limit] for i in range(limit)] if len(docs) > limit else docs


def _set_names(
    doc: Doc, names: bool, rename: dict[str, str | None], types: list[str] | None
) -> list[str] | None:
    """Take a document's names away or give them other types, and check that they are of those expected.

    RETURNS (list[str] | None): The types that are annotated in it; None: all.
    """
    if not names:
        doc.set_ents([], default="missing")
    elif rename:
        rename_types(doc, rename)
    for ent in doc.ents if types is not None else ():
        if ent.label_ not in types:
            raise InputError(
                f"{doc._.doc_id!r} has a name of type {ent.label_}, which its corpus is not said to annotate",
                remedy="Add it to the reader's setting `types`, or give it another word with `rename`",
            )
    if types is None and doc._.annotated_types is not None:
        return [new for label in doc._.annotated_types if (new := rename.get(label, label))]
    return types


def rename_types(doc: Doc, rename: Mapping[str, str | None]) -> None:
    """Give a document's names other types, in place.

    doc (Doc): The document.
    rename (Mapping[str, str | None]): New words for types; with None such names become ordinary text.
    """
    labels = [rename.get(ent.label_, ent.label_) for ent in doc.ents]
    pairs = list(zip(doc.ents, labels, strict=True))
    kept = [Span(doc, e.start, e.end, label, kb_id=e.kb_id_) for e, label in pairs if label]
    dropped = [doc[e.start : e.end] for e, label in pairs if not label]
    doc.set_ents(kept, outside=dropped, default="unmodified")


def make_example(
    nlp: Language, reference: Doc, gold_preproc: bool = False, know_language: bool = True
) -> Example:
    """Make an example whose prediction has nothing but what is known beforehand.

    nlp (Language): The pipeline, whose tokenizer is used.
    reference (Doc): The annotated document.
    gold_preproc (bool): Take over the reference's tokens. This is always done where the reference does
        not know its spaces, as in CoNLL files, and so are its sentences, if it has them.
    know_language (bool): Take over the document's language.
    RETURNS (Example): The example.
    """
    if gold_preproc or reference.has_unknown_spaces:
        words, spaces = [t.text for t in reference], [bool(t.whitespace_) for t in reference]
        given = reference.has_unknown_spaces and reference.has_annotation("SENT_START")
        starts = [bool(t.is_sent_start) for t in reference] if given else None
        predicted = Doc(nlp.vocab, words=words, spaces=spaces, sent_starts=starts)
    else:
        predicted = nlp.make_doc(reference.text)
    for name in (*_GIVEN, "language") if know_language else _GIVEN:
        value = reference._.get(name)
        if value is not None:
            predicted._.set(name, value)
    return Example(predicted, reference)


def cut(doc: Doc, max_tokens: int) -> Iterator[Doc]:
    """Cut a document into pieces, never inside an entity.

    doc (Doc): The document.
    max_tokens (int): The most tokens in a piece, unless an entity is longer; 0 means no limit.
    YIELDS (Doc): The document itself if it is short enough, else pieces of it with its attributes.
    """
    if not max_tokens or len(doc) <= max_tokens:
        yield doc
        return
    inside = {i for ent in doc.ents for i in range(ent.start + 1, ent.end)}
    good = [i for i in _boundaries(doc) if i not in inside]
    start = 0
    while start < len(doc):
        end = _end_of_piece(len(doc), start, max_tokens, good, inside)
        yield _piece(doc, start, end)
        start = end


def _boundaries(doc: Doc) -> list[int]:
    """The tokens that a piece had best begin with: sentence starts, by the language's rules if unknown."""
    if doc.has_annotation("SENT_START"):
        return [token.i for token in doc if token.is_sent_start]
    starts = rules_for(doc._.language)(doc.text)
    return numpy.searchsorted(doc.to_array("IDX").astype("int64"), starts).tolist()


def _end_of_piece(length: int, start: int, max_tokens: int, good: list[int], inside: set[int]) -> int:
    """Where the piece that starts at a token ends, exclusive."""
    if length - start <= max_tokens:
        return length
    fitting = [i for i in good if start < i <= start + max_tokens]
    if fitting:
        return fitting[-1]
    free = next((i for i in range(start + max_tokens, start, -1) if i not in inside), None)
    return free or next(i for i in range(start + max_tokens, length + 1) if i not in inside)


def _piece(doc: Doc, start: int, end: int) -> Doc:
    """A part of a document as one of its own, with the attributes of its own entities alone."""
    span = doc[start:end]
    piece = span.as_doc()
    set_attributes()
    for name in DOC_ATTRIBUTES:
        if doc._.get(name) is not None:
            piece._.set(name, doc._.get(name))
    for ent in doc.ents:
        if start <= ent.start and ent.end <= end and ent._.base_form is not None:
            piece[ent.start - start : ent.end - start]._.base_form = ent._.base_form
    piece.has_unknown_spaces = doc.has_unknown_spaces
    return piece
