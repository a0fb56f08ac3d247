"""Masking for the masked-language model: single pieces or whole words, drawn anew for every batch.

Of the units drawn, 80% become the mask, 10% a random piece, 10% stay as they are (Devlin et al. 2019,
section 3.1). With whole words a unit is a word and the lot is drawn once for all its pieces, so that a
masked word is wholly masked (Cui et al. 2020, which Pandey et al. 2022, section 5, follow).
"""

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from ..errors import InputError

RATE = 0.15
MASKED, RANDOM = 0.8, 0.1  # the rest stays as it is
NEVER = -1  # the unit of special pieces and padding
IGNORED = -100  # the label of what need not be told

# Cuts a text into words, which stand in it in that order; white space may be left out.
Segmenter = Callable[[str], Iterable[str]]


def word_units(word_ids: Sequence[int | None]) -> np.ndarray:
    """Turn a fast tokenizer's `word_ids` into units.

    word_ids (Sequence[int | None]): The number of each piece's word, None for special pieces.
    RETURNS (numpy.ndarray): The same with NEVER for None. Shape: (pieces,).
    """
    return np.array([NEVER if number is None else number for number in word_ids], dtype=np.int64)


def segment_units(text: str, words: Iterable[str], offsets: np.ndarray) -> np.ndarray:
    """Give each piece the word of a segmenter that it begins in.

    text (str): The text.
    words (Iterable[str]): Its words, in order.
    offsets (numpy.ndarray): Where each piece begins and ends in the text; both the same for special
        pieces. Shape: (pieces, 2).
    RETURNS (numpy.ndarray): The number of each piece's word, NEVER for special ones. Shape: (pieces,).
    RAISES (InputError): If the words do not stand in the text.
    """
    starts, position = [0], 0
    for word in words:
        found = text.find(word, position)
        if found < 0:
            raise InputError(f"the segmenter gives {word!r}, which does not stand in the text there")
        starts.append(found)
        position = found + len(word)
    units = np.searchsorted(np.unique(starts), offsets[:, 0], side="right") - 1
    return np.where(offsets[:, 0] == offsets[:, 1], NEVER, units)


def jieba_segmenter() -> Segmenter:
    """The words of Chinese text, by jieba.

    RETURNS (Segmenter): The segmenter.
    RAISES (InputError): If the package is missing.
    """
    try:
        import jieba
    except ImportError as error:
        remedy = 'Run pip install "spacy-slavner[chinese]"'
        raise InputError("the package jieba, which finds Chinese words, is missing", remedy=remedy) from error
    jieba.setLogLevel("WARNING")
    return jieba.cut


SEGMENTERS: dict[str, Callable[[], Segmenter]] = {"jieba": jieba_segmenter}


def mask(
    ids: np.ndarray,
    units: np.ndarray,
    *,
    mask_id: int,
    replacements: np.ndarray,
    generator: np.random.Generator,
    rate: float = RATE,
) -> tuple[np.ndarray, np.ndarray]:
    """Mask some units of a batch.

    Each unit is drawn on its own, so the share of masked pieces is `rate` on average. Where none was
    drawn one is, for a batch without labels has no loss.

    ids (numpy.ndarray): The pieces. Shape: (rows, length).
    units (numpy.ndarray): Which pieces of a row belong together, NEVER for those that are never masked.
        Shape: (rows, length).
    mask_id (int): The id of the mask.
    replacements (numpy.ndarray): The ids that random pieces are drawn from. Shape: (ids,).
    generator (numpy.random.Generator): Where chance comes from.
    rate (float): The share of units to mask.
    RETURNS (tuple[numpy.ndarray, numpy.ndarray]): The masked pieces; the original ones where they are to
        be told, IGNORED elsewhere. Shapes: (rows, length) and (rows, length).
    """
    free = units != NEVER
    rows = np.broadcast_to(np.arange(len(ids))[:, None], ids.shape)
    pairs = np.stack([rows[free], units[free]], axis=1)
    unique, unit = np.unique(pairs, axis=0, return_inverse=True)
    unit = unit.reshape(-1)
    drawn = generator.random(len(unique)) < rate
    if len(unique) and not drawn.any():
        drawn[generator.integers(len(unique))] = True
    lot = generator.random(len(unique))

    masked, labels = ids.copy(), np.full_like(ids, IGNORED)
    old = ids[free]
    labels[free] = np.where(drawn[unit], old, IGNORED)
    new = np.where(drawn[unit] & (lot[unit] < MASKED), mask_id, old)
    at_random = drawn[unit] & (lot[unit] >= MASKED) & (lot[unit] < MASKED + RANDOM)
    masked[free] = np.where(at_random, generator.choice(replacements, size=len(old)), new)
    return masked, labels
