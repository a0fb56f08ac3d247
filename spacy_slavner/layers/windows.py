"""Span getters: how a document is cut into overlapping windows for the encoder."""

from collections.abc import Callable

import numpy
from spacy.tokens import Doc, Span

WindowsT = list[tuple[int, int]]


class Windows:
    """A span getter that may look at the number of pieces of each token.

    Called with documents it is a span getter of spacy-transformers. `TransformerModel.v1` calls `cut` with
    the true piece counts instead.

    cut (Callable[[Doc, ndarray], list[tuple[int, int]]]): Gives the windows of a non-empty document as
        token ranges, from the document and its piece counts of shape (tokens,). The ranges are sorted and
        cover every token.
    """

    def __init__(self, cut: Callable[[Doc, numpy.ndarray], WindowsT]) -> None:
        self.cut = cut

    def __call__(self, docs: list[Doc]) -> list[list[Span]]:
        # Without a tokenizer at hand a piece is taken to be three characters long.
        return [
            [doc[start:end] for start, end in self.cut(doc, numpy.array([len(t) // 3 + 1 for t in doc]))]
            if len(doc)
            else []
            for doc in docs
        ]


def piece_windows(window: int = 128, overlap: int = 32) -> Windows:
    """Cut documents into windows of a number of pieces, registered as `spacy-slavner.piece_windows.v1`.

    A document that fits is one window. A longer one is cut into the fewest windows, evenly spaced, that
    overlap by at least `overlap` pieces, at token edges. A token longer than a window stands alone in one.

    window (int): Largest number of pieces in a window, special pieces not counted.
    overlap (int): Least number of pieces that neighbours share, give or take a token.
    RETURNS (Windows): The span getter.
    RAISES (ValueError): If the overlap is not smaller than the window.
    """
    if not 0 <= overlap < window:
        raise ValueError(f"overlap ({overlap}) must be at least 0 and less than window ({window})")

    def cut(doc: Doc, counts: numpy.ndarray) -> WindowsT:
        ends = numpy.cumsum(counts)
        total = int(ends[-1])
        if total <= window:
            return [(0, len(counts))]
        starts = ends - counts
        number = -(-(total - overlap) // (window - overlap))
        stride = (total - window) / max(number - 1, 1)
        windows: WindowsT = []
        end = 0
        target = 0.0
        while end < len(counts):
            # The token that holds the target piece; never behind the end of the last window.
            start = min(int(numpy.searchsorted(starts, int(target), side="right")) - 1, end)
            if windows and start <= windows[-1][0]:
                start = end
            limit = int(starts[start]) + window
            end = max(int(numpy.searchsorted(ends, limit, side="right")), end, start + 1)
            windows.append((start, end))
            target = max(target + stride, 0.0)
        return windows

    return Windows(cut)


def sentence_windows(window: int = 2, stride: int = 1, context: int = 0) -> Windows:
    """Slide a window of sentences, registered as `spacy-slavner.sentence_windows.v1`.

    The sliding window of two sentences of Arkhipov et al. 2019, section 4.2, and more of the document around
    it where `context` is set. A document without sentence boundaries is one sentence.

    window (int): Sentences in a window.
    stride (int): Sentences from one window's start to the next.
    context (int): Most pieces of the document on each side of a window, whole tokens.
    RETURNS (Windows): The span getter.
    RAISES (ValueError): If the stride is not between 1 and the window, or the context is negative.
    """
    if not 1 <= stride <= window:
        raise ValueError(f"stride ({stride}) must be between 1 and window ({window})")
    if context < 0:
        raise ValueError(f"context ({context}) must be at least 0")

    def cut(doc: Doc, counts: numpy.ndarray) -> WindowsT:
        edges = [*sentence_starts(doc), len(doc)]
        last = len(edges) - 1
        firsts = range(0, max(last - window, 0) + 1, stride)
        windows = [(edges[i], edges[min(i + window, last)]) for i in firsts]
        if windows[-1][1] < len(doc):
            windows.append((edges[max(last - window, 0)], len(doc)))
        return _widened(windows, counts, context) if context else windows

    return Windows(cut)


def _widened(windows: WindowsT, counts: numpy.ndarray, context: int) -> WindowsT:
    """The windows with so many pieces more on each side; those that are the same then are one."""
    ends = numpy.cumsum(counts)
    starts = ends - counts
    wider = [
        (
            int(numpy.searchsorted(starts, starts[start] - context)),
            int(numpy.searchsorted(ends, ends[end - 1] + context, side="right")),
        )
        for start, end in windows
    ]
    return list(dict.fromkeys(wider))


def sentence_starts(doc: Doc) -> list[int]:
    """Give the index of each sentence's first token; a document without boundaries is one sentence.

    doc (Doc): A document with at least one token.
    RETURNS (list[int]): The indices; the first is 0.
    """
    flags = doc.to_array("SENT_START").astype("int64")
    return [0, *(int(i) for i in numpy.flatnonzero(flags == 1) if i > 0)]
