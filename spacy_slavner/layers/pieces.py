"""From documents to pieces and back: sub-word tokenisation, alignment, windows. Arrays only, no torch."""

import os
from collections.abc import Iterator
from dataclasses import dataclass

import numpy
from numpy.typing import NDArray
from spacy.tokens import Doc

from ..errors import InputError
from .windows import WindowsT

# Long documents reach the sub-word tokenizer in portions of about this many tokens, and so many portions
# at once: what it returns takes far more memory than the arrays that are kept of it.
PORTION = 2000
PORTIONS_AT_ONCE = 64
# With `nlp.pipe(…, n_process=2)` the tokenizer does without threads, and says so at length unless asked to.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=lambda: os.environ.setdefault("TOKENIZERS_PARALLELISM", "false"))


@dataclass
class Pieces:
    """The pieces of one document and where its tokens lie among them.

    ids (ndarray): Shape (pieces,), vocabulary ids, without special pieces.
    first (ndarray): Shape (tokens,), first piece that covers part of the token.
    lengths (ndarray): Shape (tokens,), number of pieces that cover part of it, at least 1. A token without
        a piece of its own (white space) shares its neighbour's.
    counts (ndarray): Shape (tokens,), number of pieces that start in the token; sums to the pieces.
    """

    ids: NDArray[numpy.int64]
    first: NDArray[numpy.int64]
    lengths: NDArray[numpy.int64]
    counts: NDArray[numpy.int64]

    def __len__(self) -> int:
        return len(self.ids)


@dataclass
class _Text:
    """A document as the sub-word tokenizer reads it.

    text (str): Its text.
    starts, ends (ndarray): Shape (tokens,), the characters at which each token begins and ends in it.
    """

    text: str
    starts: NDArray[numpy.int64]
    ends: NDArray[numpy.int64]


def make_pieces(tokenizer, docs: list[Doc], romanized: bool = False) -> list[Pieces]:
    """Segment documents into pieces and align them with the tokens.

    tokenizer (PreTrainedTokenizerFast): A fast tokenizer, which reports offsets.
    docs (list[Doc]): The documents.
    romanized (bool): Read them in plain Latin letters, by the rules of each document's language.
    RETURNS (list[Pieces]): One per document; an empty document has no pieces.
    """
    texts = [_romanized(doc) if romanized else _text(doc) for doc in docs]
    portions = [_portions(doc, text) for doc, text in zip(docs, texts, strict=True)]
    flat = [text for parts in portions for _, text in parts]
    encoded = _encode(tokenizer, flat)
    result = []
    for text, parts in zip(texts, portions, strict=True):
        ids, starts, ends = [], [], []
        for offset, _ in parts:
            portion_ids, spans = next(encoded)
            ids.append(portion_ids)
            starts.append(spans[:, 0] + offset)
            ends.append(spans[:, 1] + offset)
        result.append(_align(text, ids, starts, ends, tokenizer.unk_token_id))
    return result


def _text(doc: Doc) -> _Text:
    starts, lengths = doc.to_array(["IDX", "LENGTH"]).astype("int64").T
    return _Text(doc.text, starts, starts + lengths)


def _romanized(doc: Doc) -> _Text:
    """A document whose tokens are romanised one by one, so that it is known where each of them is."""
    words = [token._.romanized or token.text for token in doc]
    lengths = numpy.array([len(word) for word in words], dtype="int64")
    spaces = numpy.array([len(token.whitespace_) for token in doc], dtype="int64")
    ends = numpy.cumsum(lengths + spaces) - spaces
    text = "".join(word + token.whitespace_ for word, token in zip(words, doc, strict=True))
    return _Text(text, ends - lengths, ends)


def _encode(tokenizer, texts: list[str]) -> Iterator[tuple[NDArray[numpy.int64], NDArray[numpy.int64]]]:
    """Segment texts: the ids (pieces,) and the offsets (pieces, 2) of each."""
    for at in range(0, len(texts), PORTIONS_AT_ONCE):
        batch = texts[at : at + PORTIONS_AT_ONCE]
        for encoding in tokenizer.backend_tokenizer.encode_batch(batch, add_special_tokens=False):
            offsets = numpy.array(encoding.offsets, dtype="int64").reshape(-1, 2)
            yield numpy.array(encoding.ids, dtype="int64"), offsets


def _portions(doc: Doc, source: _Text) -> list[tuple[int, str]]:
    """Cut a document's text after white space: (offset, text) of each portion."""
    text = source.text
    if len(doc) <= PORTION:
        return [(0, text)] if len(doc) else []
    portions = []
    start = 0
    while start < len(doc):
        end = min(start + PORTION, len(doc))
        while end < len(doc) and not doc[end - 1].whitespace_ and end - start < 2 * PORTION:
            end += 1
        first, last = source.starts[start], source.starts[end] if end < len(doc) else len(text)
        portions.append((first, text[first:last]))
        start = end
    return portions


def _align(text: _Text, ids: list, starts: list, ends: list, unknown: int) -> Pieces:
    """Put the portions together and find each token's pieces by character offsets."""
    tokens = len(text.starts)
    if not tokens:
        none = numpy.zeros(0, dtype="int64")
        return Pieces(none, none, none, none)
    piece_ids = numpy.concatenate(ids)
    offsets = numpy.stack([numpy.concatenate(starts), numpy.concatenate(ends)])
    keep = offsets[1] > offsets[0]  # a lone word-start mark covers no character
    piece_ids, (start, end) = piece_ids[keep], offsets[:, keep]
    if not len(piece_ids):  # white space only: one unknown piece stands for the document
        zeros = numpy.zeros(tokens, dtype="int64")
        counts = zeros.copy()
        counts[0] = 1
        return Pieces(numpy.array([unknown]), zeros, zeros + 1, counts)
    # Offsets never decrease, but where normalisation makes several pieces of one character they repeat.
    first = numpy.searchsorted(numpy.maximum.accumulate(end), text.starts, side="right")
    last = numpy.searchsorted(start, text.ends, side="left") - 1
    lengths = numpy.maximum(last - first + 1, 1)
    first = numpy.minimum(first, len(piece_ids) - 1)
    owner = numpy.searchsorted(text.starts, start, side="right") - 1
    counts = numpy.bincount(numpy.maximum(owner, 0), minlength=tokens)
    return Pieces(piece_ids, first, lengths, counts)


@dataclass
class Window:
    """A range of one document's pieces, and the part of it that is read.

    doc (int): Which document.
    start, end (int): The pieces that the encoder sees together.
    read (ndarray): The pieces whose vectors are taken from this window.
    number (int): Its place among the windows of all documents of a batch.
    """

    doc: int
    start: int
    end: int
    read: NDArray[numpy.int64]
    number: int = 0

    def __len__(self) -> int:
        return self.end - self.start


def make_windows(index: int, pieces: Pieces, token_windows: WindowsT, limit: int) -> list[Window]:
    """Turn token windows into piece windows in which every piece is read exactly once.

    Where windows overlap, a token is read from the window in which it stands farthest from an edge; the
    edges of the document do not count. A window with more than `limit` pieces is cut.

    index (int): The document's index, copied into the windows.
    pieces (Pieces): The document's pieces.
    token_windows (list[tuple[int, int]]): Token ranges that cover the document.
    limit (int): Most pieces the encoder takes at once, special pieces not counted.
    RETURNS (list[Window]): The windows that are read from.
    RAISES (InputError): If a token is in no window.
    """
    edges = numpy.concatenate([[0], numpy.cumsum(pieces.counts)])
    ranges = []
    for first, last in token_windows:
        start, end = int(edges[first]), int(edges[last])
        ranges += [(s, min(s + limit, end)) for s in range(start, end, limit)]
    total = len(pieces)
    margin = numpy.full(total, -1, dtype="int64")
    best = numpy.zeros(total, dtype="int64")
    # A token's pieces are read together: distances are those of its first piece.
    anchor = numpy.repeat(edges[:-1], pieces.counts)
    for number, (start, end) in enumerate(ranges):
        place = numpy.clip(anchor[start:end], start, end - 1)
        left = place - start if start > 0 else total
        right = end - 1 - place if end < total else total
        distance = numpy.minimum(left, right)
        better = distance > margin[start:end]
        margin[start:end][better] = numpy.broadcast_to(distance, better.shape)[better]
        best[start:end][better] = number
    if (margin < 0).any():
        raise InputError(
            "The span getter left tokens out of all windows",
            remedy="Take spacy-slavner.piece_windows.v1 or one whose spans cover the document",
        )
    order = numpy.argsort(best, kind="stable")
    splits = numpy.searchsorted(best[order], numpy.arange(len(ranges) + 1))
    return [
        Window(index, start, end, order[splits[number] : splits[number + 1]])
        for number, (start, end) in enumerate(ranges)
        if splits[number + 1] > splits[number]
    ]
