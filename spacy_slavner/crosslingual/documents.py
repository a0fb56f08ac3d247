"""Annotated documents whose words are others, or stand in another order."""

from collections.abc import Sequence

from spacy.tokens import Doc, Span

from ..attributes import DOC_ATTRIBUTES, READER_ATTRIBUTES, set_attributes


def rewrite(doc: Doc, words: Sequence[str], order: Sequence[int] | None = None) -> Doc:
    """Make a document of other words with the annotation of one that is there.

    doc (Doc): The document.
    words (Sequence[str]): A word for each of its tokens.
    order (Sequence[int] | None): The token that each word stands for; None: they are in the same order. The
        tokens of a name have to stay together, in their order.
    RETURNS (Doc): A new document with these words. Sentences are as long as before; names, white space and
        the attributes of the document are taken over, base forms and links are not.
    """
    order = range(len(doc)) if order is None else order
    place = {old: new for new, old in enumerate(order)}
    starts = [token.is_sent_start for token in doc] if doc.has_annotation("SENT_START") else None
    spaces = [bool(doc[i].whitespace_) for i in order]
    result = Doc(doc.vocab, words=list(words), spaces=spaces, sent_starts=starts)
    result.has_unknown_spaces = doc.has_unknown_spaces
    if doc.has_annotation("ENT_IOB"):
        names = [Span(result, place[e.start], place[e.start] + len(e), label=e.label_) for e in doc.ents]
        result.set_ents(names, default="outside")
    set_attributes()
    for name in (*DOC_ATTRIBUTES, *READER_ATTRIBUTES):
        result._.set(name, doc._.get(name))
    return result
