"""The words of documents, which a tagger tags: all tokens but white space and invisible characters."""

from collections.abc import Sequence

import numpy
from spacy.tokens import Doc
from thinc.types import Ragged
from thinc.util import get_array_module

from ..characters import is_blank
from .names import Gold


class Words:
    """The words of a batch. An encoder has no pieces for other tokens, and gives them a neighbour's vector.

    tokens (numpy.ndarray): Where the words stand among the tokens of the batch (words,).
    lengths (list[int]): The number of words of each document.
    """

    def __init__(self, docs: Sequence[Doc]) -> None:
        """Find the words.

        docs (Sequence[Doc]): The documents.
        """
        self._kept = [numpy.array([not is_blank(t.text) for t in doc], dtype=bool) for doc in docs]
        self._all = all(kept.all() for kept in self._kept)
        self.tokens = numpy.concatenate([*self._kept, numpy.zeros(0, dtype=bool)]).nonzero()[0]
        self.lengths = [int(kept.sum()) for kept in self._kept]

    def take(self, rows: list) -> list:
        """Leave out the rows of other tokens.

        rows (List[Floats2d] | List[Ragged]): For each document, a row (tokens, n) or several for each token.
        RETURNS (List[Floats2d] | List[Ragged]): For each document, the rows of its words.
        """
        return rows if self._all else [_take(*both) for both in zip(rows, self._kept, strict=True)]

    def put(self, rows: list, like: list) -> list:
        """Put the rows of words back among those of all tokens: the inverse of `take`.

        rows (List[Floats2d] | List[Ragged]): For each document, the rows of its words.
        like (List[Floats2d] | List[Ragged]): What `take` got.
        RETURNS (List[Floats2d] | List[Ragged]): For each document, rows in the shape of `like`; zeros for
            other tokens.
        """
        return rows if self._all else [_put(*three) for three in zip(rows, like, self._kept, strict=True)]

    def starts(self, starts: list[numpy.ndarray]) -> list[numpy.ndarray]:
        """Say which words start a sentence: the first ones, whatever stands before them.

        starts (list[numpy.ndarray]): For each document, whether a token starts a sentence (tokens,).
        RETURNS (list[numpy.ndarray]): For each document, whether a word does (words,).
        """
        if self._all:
            return starts
        of_words = [numpy.cumsum(some)[kept] for some, kept in zip(starts, self._kept, strict=True)]
        return [numpy.diff(sentences, prepend=0) > 0 for sentences in of_words]

    def golds(self, golds: list[Gold]) -> list[Gold]:
        """Say what examples teach about words.

        golds (list[Gold]): What each document's example teaches about its tokens.
        RETURNS (list[Gold]): The same in words.
        """
        return golds if self._all else [_gold(*both) for both in zip(golds, self._kept, strict=True)]

    def spans(self, starts: numpy.ndarray, ends: numpy.ndarray) -> tuple[numpy.ndarray, numpy.ndarray]:
        """Give spans in tokens of the batch.

        starts (numpy.ndarray): First words, counted over the batch (spans,).
        ends (numpy.ndarray): The words after the last (spans,).
        RETURNS (tuple[numpy.ndarray, numpy.ndarray]): First tokens, and the tokens after the last (spans,).
        """
        return self.tokens[starts], self.tokens[ends - 1] + 1


def _gold(gold: Gold, kept: numpy.ndarray) -> Gold:
    before = numpy.concatenate([[0], numpy.cumsum(kept)]).tolist()
    spans = [(before[start], before[end], label) for start, end, label in gold.spans]
    return Gold([span for span in spans if span[0] < span[1]], gold.known[kept], gold.misaligned)


def _rows(like, kept: numpy.ndarray) -> tuple:
    """The array of all rows, and which of them are those of words."""
    if isinstance(like, Ragged):
        data, lengths = like.dataXd, like.lengths
        kept = numpy.repeat(kept, lengths.get() if hasattr(lengths, "get") else lengths)
    else:
        data = like
    return data, get_array_module(data).asarray(kept)


def _take(like, kept: numpy.ndarray):
    data, rows = _rows(like, kept)
    if isinstance(like, Ragged):
        return Ragged(data[rows], like.lengths[get_array_module(data).asarray(kept)])
    return data[rows]


def _put(few, like, kept: numpy.ndarray):
    data, rows = _rows(like, kept)
    result = get_array_module(data).zeros_like(data)
    result[rows] = few.dataXd if isinstance(few, Ragged) else few
    return Ragged(result, like.lengths) if isinstance(like, Ragged) else result
