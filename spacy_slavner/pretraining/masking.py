"""Masking for the masked-language model: single pieces or whole words, drawn anew for every batch.

Of the units drawn, 80% become the mask, 10% a random piece, 10% stay as they are (Devlin et al. 2019,
section 3.1). With whole words a unit is a word and the lot is drawn once for all its pieces, so that a
masked word is wholly masked (Cui et al. 2020, which Pandey et al. 2022, section 5, follow).
"""

from collections.abc import Callable, Iterable, Sequence

import numpy as np
from spacy.util import registry

from ..errors import InputError

RATE = 0.15
MASKED = 0.8
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
    # The space before a word may belong to its first piece.
    spaces = [len(text[start:end]) - len(text[start:end].lstrip()) for start, end in offsets]
    units = np.searchsorted(np.unique(starts), offsets[:, 0] + spaces, side="right") - 1
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


def make_segmenter(name: str) -> Segmenter:
    """Make what finds words in a language without spaces.

    name (str): "jieba", or what spaCy's registry `misc` has under that name: a function without arguments
        that returns the segmenter. Packages put it there by an entry point of the group `spacy_misc`.
    RETURNS (Callable[[str], Iterable[str]]): The segmenter.
    RAISES (InputError): If there is none of that name, or its package is missing.
    """
    if name in SEGMENTERS:
        return SEGMENTERS[name]()
    if not registry.has("misc", name):
        known = ", ".join(SEGMENTERS)
        remedy = f"There is {known}; others are registered with @spacy.registry.misc({name!r})"
        raise InputError(f"there is no segmenter {name!r}", remedy=remedy)
    return registry.get("misc", name)()


def ordinary_pieces(number: int, special: Sequence[int]) -> np.ndarray:
    """Give the pieces that may stand in for others.

    number (int): How many pieces there are.
    special (Sequence[int]): The ids of special ones: mask, padding and the like.
    RETURNS (numpy.ndarray): The ids of all others, ascending. Shape: (ids,).
    """
    return np.delete(np.arange(number), special)


def replace(
    pieces: np.ndarray,
    lots: np.ndarray,
    *,
    mask_id: int,
    replacements: np.ndarray,
    generator: np.random.Generator,
    mask_share: float = MASKED,
) -> np.ndarray:
    """Say what stands in the place of pieces that are to be told.

    pieces (numpy.ndarray): The pieces. Shape: (pieces,).
    lots (numpy.ndarray): The lot of each, from 0 to 1; the lowest make a mask. Shape: (pieces,).
    mask_id (int): The id of the mask.
    replacements (numpy.ndarray): The ids that random pieces are drawn from. Shape: (ids,).
    generator (numpy.random.Generator): Where chance comes from.
    mask_share (float): The share that the mask takes the place of. Half of the others become a random piece,
        half stay as they are.
    RETURNS (numpy.ndarray): What stands there. Shape: (pieces,).
    """
    at_random = (lots >= mask_share) & (lots < (1 + mask_share) / 2)
    new = np.where(lots < mask_share, mask_id, pieces)
    new[at_random] = generator.choice(replacements, size=int(at_random.sum()))
    return new


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
    told = np.zeros_like(free)
    told[free] = drawn[unit]
    labels[told] = ids[told]
    masked[told] = replace(
        ids[told], lot[unit][drawn[unit]], mask_id=mask_id, replacements=replacements, generator=generator
    )
    return masked, labels
