"""Masks: how many, whole words wholly, special pieces never."""

import numpy as np
import pytest
import spacy

from spacy_slavner.errors import InputError
from spacy_slavner.pretraining import masking
from spacy_slavner.pretraining.masking import IGNORED, NEVER, mask

MASK, ORIGINAL = 4, 7
REPLACEMENTS = np.array([5, 6])


def masked(units: np.ndarray, seed: int = 0, rate: float = 0.15):
    ids = np.full(units.shape, ORIGINAL)
    new, labels = mask(
        ids, units, mask_id=MASK, replacements=REPLACEMENTS, generator=np.random.default_rng(seed), rate=rate
    )
    return new, labels


def test_shares() -> None:
    units = np.tile(np.arange(500), (200, 1))
    new, labels = masked(units)
    drawn = labels != IGNORED
    assert drawn.mean() == pytest.approx(0.15, abs=0.005)
    assert (labels[drawn] == ORIGINAL).all()
    assert (new[drawn] == MASK).mean() == pytest.approx(0.8, abs=0.015)
    assert np.isin(new[drawn], REPLACEMENTS).mean() == pytest.approx(0.1, abs=0.015)
    assert (new[drawn] == ORIGINAL).mean() == pytest.approx(0.1, abs=0.015)
    assert (new[~drawn] == ORIGINAL).all()


def test_what_stands_in_the_place_of_pieces() -> None:
    pieces, lots = np.full(5, ORIGINAL), np.array([0.0, 0.59, 0.6, 0.79, 0.8])
    others = masking.ordinary_pieces(8, [0, MASK, ORIGINAL])
    assert others.tolist() == [1, 2, 3, 5, 6]
    new = masking.replace(
        pieces, lots, mask_id=MASK, replacements=others, generator=np.random.default_rng(0), mask_share=0.6
    )
    assert new.tolist()[:2] == [MASK, MASK] and new[4] == ORIGINAL
    assert np.isin(new[2:4], others).all() and (pieces == ORIGINAL).all()


def test_words_are_masked_whole() -> None:
    # Words of one to four pieces; the rows have the same numbers and must not share their lots.
    row = np.repeat(np.arange(100), np.arange(100) % 4 + 1)
    units = np.tile(row, (50, 1))
    new, labels = masked(units)
    drawn = labels != IGNORED
    first = np.searchsorted(row, np.arange(100))
    for array in (drawn, new == MASK, np.isin(new, REPLACEMENTS)):
        assert (array == array[:, first][:, row]).all()
    assert drawn.mean() == pytest.approx(0.15, abs=0.01)
    assert len(np.unique(drawn, axis=0)) == 50


def test_special_pieces_are_never_masked() -> None:
    units = np.tile(np.arange(20), (30, 1))
    units[:, [0, 19]] = NEVER
    units[3] = NEVER
    new, labels = masked(units, rate=1.0)
    assert (labels[units == NEVER] == IGNORED).all()
    assert (new[units == NEVER] == ORIGINAL).all()
    assert (labels[units != NEVER] == ORIGINAL).all()


def test_a_batch_has_a_label_and_the_same_seed_the_same_masks() -> None:
    units = np.array([[NEVER, 0, 0, 1, NEVER]])
    for seed in range(10):
        new, labels = masked(units, seed, rate=1e-9)
        assert (labels != IGNORED).sum() in (1, 2)
        again = masked(units, seed, rate=1e-9)
        assert np.array_equal(new, again[0]) and np.array_equal(labels, again[1])
    assert (masked(np.full((1, 3), NEVER))[1] == IGNORED).all()


def test_units() -> None:
    assert masking.word_units([None, 0, 0, 1, None]).tolist() == [NEVER, 0, 0, 1, NEVER]
    text = "我爱 北京。"
    offsets = np.array([[0, 0], [0, 1], [1, 2], [3, 4], [4, 5], [5, 6], [0, 0]])
    units = masking.segment_units(text, ["我", "爱", "北京", "。"], offsets)
    assert units.tolist() == [NEVER, 0, 1, 2, 2, 3, NEVER]
    # A piece that begins with the space before its word is of that word.
    offsets = np.array([[0, 2], [2, 4], [4, 6]])
    assert masking.segment_units(text, ["我爱", " ", "北京。"], offsets).tolist() == [0, 2, 2]
    with pytest.raises(InputError, match="上海"):
        masking.segment_units(text, ["我", "上海"], offsets)


def test_jieba() -> None:
    pytest.importorskip("jieba")
    assert "".join(masking.jieba_segmenter()("我来到北京清华大学")) == "我来到北京清华大学"
    assert "清华大学" in masking.jieba_segmenter()("我来到北京清华大学")


def test_a_registered_segmenter() -> None:
    spacy.registry.misc("test.Halves.v1", func=lambda: lambda text: [text[:2], text[2:]])
    assert masking.make_segmenter("test.Halves.v1")("我爱北京") == ["我爱", "北京"]
    with pytest.raises(InputError, match="no segmenter 'nobody'.*jieba.*registry.misc"):
        masking.make_segmenter("nobody")
