"""Windows cover every token, stay within their size, and each piece is read where it stands best."""

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from spacy.tokens import Doc
from spacy.vocab import Vocab

from spacy_slavner.layers.pieces import Pieces, make_windows
from spacy_slavner.layers.windows import piece_windows, sentence_windows

VOCAB = Vocab()


def make_doc(tokens, starts=()):
    doc = Doc(VOCAB, words=["w"] * tokens)
    for token in doc:
        token.is_sent_start = token.i in starts or token.i == 0
    return doc


def pieces_of(counts):
    counts = numpy.array(counts)
    first = numpy.minimum(numpy.cumsum(counts) - counts, max(counts.sum() - 1, 0))
    return Pieces(numpy.arange(counts.sum()), first, numpy.maximum(counts, 1), counts)


@settings(max_examples=200, deadline=None)
@given(
    counts=st.lists(st.integers(0, 9), min_size=1, max_size=120),
    window=st.integers(4, 40),
    share=st.floats(0, 0.8),
)
def test_piece_windows_cover_and_fit(counts, window, share):
    overlap = int(window * share)
    windows = piece_windows(window, overlap).cut(make_doc(len(counts)), numpy.array(counts))
    covered = set()
    for start, end in windows:
        assert start < end
        # Only a token that alone exceeds the window may make it larger.
        assert sum(counts[start:end]) <= window or end - start == 1
        covered.update(range(start, end))
    assert covered == set(range(len(counts)))
    assert windows == sorted(windows)


@settings(max_examples=200, deadline=None)
@given(
    counts=st.lists(st.integers(0, 30), min_size=1, max_size=60),
    window=st.integers(4, 20),
    limit=st.integers(3, 25),
)
def test_every_piece_is_read_once_from_the_best_window(counts, window, limit):
    if not sum(counts):
        counts[0] = 1
    pieces = pieces_of(counts)
    token_windows = piece_windows(window, window // 2).cut(make_doc(len(counts)), pieces.counts)
    windows = make_windows(0, pieces, token_windows, limit)
    read = numpy.concatenate([w.read for w in windows])
    assert sorted(read) == list(range(len(pieces)))
    for w in windows:
        assert len(w) <= limit
        assert all(w.start <= p < w.end for p in w.read)


def test_overlap_is_read_from_the_farther_edge():
    pieces = pieces_of([1] * 10)
    windows = make_windows(0, pieces, [(0, 6), (4, 10)], 100)
    assert [list(w.read) for w in windows] == [[0, 1, 2, 3, 4], [5, 6, 7, 8, 9]]


def test_windows_are_evenly_spaced_and_overlap():
    windows = piece_windows(100, 20).cut(make_doc(250), numpy.ones(250, dtype=int))
    assert len(windows) == 3
    shared = [a[1] - b[0] for a, b in zip(windows, windows[1:], strict=False)]
    assert min(shared) >= 20


def test_two_sentence_windows():
    doc = make_doc(10, starts=(0, 3, 5, 8))
    counts = numpy.ones(10, dtype=int)
    assert sentence_windows(2, 1).cut(doc, counts) == [(0, 5), (3, 8), (5, 10)]
    assert sentence_windows(2, 2).cut(doc, counts) == [(0, 5), (5, 10)]
    assert sentence_windows(3, 2).cut(doc, counts) == [(0, 8), (3, 10)]
    assert sentence_windows().cut(make_doc(4), counts) == [(0, 4)]


def test_document_context_around_sentences():
    doc, counts = make_doc(10, starts=(0, 3, 5, 8)), numpy.array([1, 1, 2, 1, 1, 3, 1, 1, 2, 1])
    assert sentence_windows(2, 1).cut(doc, counts) == [(0, 5), (3, 8), (5, 10)]
    # Two pieces: the token of three does not fit, that of two does.
    assert sentence_windows(2, 1, context=2).cut(doc, counts) == [(0, 5), (2, 9), (3, 10)]
    assert sentence_windows(1, 1, context=3).cut(doc, counts) == [(0, 5), (1, 6), (3, 10), (6, 10)]
    assert sentence_windows(1, 1, context=100).cut(doc, counts) == [(0, 10)]
    with pytest.raises(ValueError, match="context"):
        sentence_windows(context=-1)


@settings(max_examples=100, deadline=None)
@given(
    counts=st.lists(st.integers(0, 5), min_size=1, max_size=60),
    starts=st.sets(st.integers(1, 59)),
    context=st.integers(0, 30),
)
def test_sentences_with_context_cover_the_document(counts, starts, context):
    doc = make_doc(len(counts), starts=(0, *sorted(i for i in starts if i < len(counts))))
    windows = sentence_windows(2, 1, context).cut(doc, numpy.array(counts))
    assert windows == sorted(windows) and all(start < end for start, end in windows)
    assert {i for start, end in windows for i in range(start, end)} == set(range(len(counts)))


def test_used_as_a_stock_span_getter():
    spans = piece_windows(8, 2)([make_doc(20), make_doc(0)])
    assert spans[0][0].start == 0 and spans[0][-1].end == 20
    assert spans[1] == []


@pytest.mark.parametrize("window,overlap", [(10, 10), (10, -1)])
def test_impossible_overlap(window, overlap):
    with pytest.raises(ValueError, match="overlap"):
        piece_windows(window, overlap)


def test_impossible_stride():
    with pytest.raises(ValueError, match="stride"):
        sentence_windows(2, 3)
