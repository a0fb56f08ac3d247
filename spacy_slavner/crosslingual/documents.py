"""Annotated documents whose words are others, or stand in another order."""

from collections.abc import Iterator, Sequence

import numpy
from spacy.tokens import Doc, Span

from ..attributes import DOC_ATTRIBUTES, READER_ATTRIBUTES, set_attributes
from ..corpora.sentences import rules_for


def sentences(doc: Doc) -> Iterator[Span]:
    """Cut a document into sentences, never inside a name.

    doc (Doc): The document; where it has no sentence boundaries the rules of its language find them. Tokens
        of whose spaces nothing is known are one sentence, as `corpora.subset.sentences` makes them of
        columns.
    YIELDS (Span): The sentences.
    """
    if doc.has_annotation("SENT_START"):
        starts = [token.i for token in doc if token.is_sent_start]
    elif doc.has_unknown_spaces:
        starts = []
    else:
        offsets = rules_for(doc._.language)(doc.text)
        starts = numpy.searchsorted(doc.to_array("IDX").astype("int64"), offsets).tolist()
    inside = {i for ent in doc.ents for i in range(ent.start + 1, ent.end)}
    edges = sorted({0, *starts, len(doc)} - inside)
    for start, end in zip(edges, edges[1:], strict=False):
        yield doc[start:end]


def rewrite(doc: Doc, words: Sequence[str], order: Sequence[int] | None = None) -> Doc:
    """Make a document of other words with the annotation of one that is there.

    doc (Doc): The document.
    words (Sequence[str]): A word for each of its tokens.
    order (Sequence[int] | None): The token that each word stands for; None: they are in the same order. The
        tokens of a name have to stay together, in their order.
    RETURNS (Doc): A new document with these words. Its sentences are marked, as long as those of `sentences`;
        names, white space and the attributes of the document are taken over, base forms and links are not.
    """
    order = range(len(doc)) if order is None else order
    place = {old: new for new, old in enumerate(order)}
    starts = {sentence.start for sentence in sentences(doc)}
    spaces = [bool(doc[i].whitespace_) for i in order]
    marks = [i in starts for i in range(len(doc))]
    result = Doc(doc.vocab, words=list(words), spaces=spaces, sent_starts=marks)
    result.has_unknown_spaces = doc.has_unknown_spaces
    if doc.has_annotation("ENT_IOB"):
        names = [Span(result, place[e.start], place[e.start] + len(e), label=e.label_) for e in doc.ents]
        result.set_ents(names, default="outside")
    set_attributes()
    for name in (*DOC_ATTRIBUTES, *READER_ATTRIBUTES):
        result._.set(name, doc._.get(name))
    return result
