"""Alignment of two languages' word vectors by a dictionary: MUSE's supervised method.

Conneau et al. (2018), "Word Translation Without Parallel Data": the rotation that takes the words of a
dictionary nearest to their translations (section 2.1, equation 2), words retrieved by CSLS (section 2.3),
and the rotation made again from the pairs that it finds.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from ..errors import InputError
from .dictionaries import DictionaryT
from .embeddings import Embeddings

# Neighbours that CSLS looks at, rounds of refinement, and words it makes pairs of: MUSE's defaults.
NEIGHBOURS, ROUNDS, FREQUENT = 10, 5, 15_000
# Source words that are compared with all target words at once: 4 · 512 · words bytes, 410 MB for 200,000.
BLOCK = 512


@dataclass
class Precision:
    """How many words find their translation.

    at (dict[int, float]): Shares of the words for which one of their translations is among the first k.
    words (int): Source words with a vector, of which a translation has one, too: those that were asked for.
    """

    at: dict[int, float]
    words: int


@dataclass
class Alignment:
    """How two languages were aligned.

    rotation (numpy.ndarray): What source vectors are multiplied with from the right (width, width).
    pairs (int): Pairs of the dictionary that it was learnt from.
    held_out (Precision): On words of the dictionary that it was not learnt from, of those that are covered.
    dictionary (int): Source words in the dictionary.
    covered (int): How many of them have a vector, and a translation with one.
    rounds (list[float]): Precision at 1 on words set apart for the choice, among the most frequent words,
        before and after each round of refinement; the best round's rotation was taken.
    """

    rotation: np.ndarray
    pairs: int
    held_out: Precision
    dictionary: int
    covered: int
    rounds: list[float] = field(default_factory=list)

    def to_dict(self) -> dict:
        """RETURNS (dict): All but the rotation, for a record."""
        precision = {f"precision@{k}": value for k, value in self.held_out.at.items()}
        counts = {"pairs": self.pairs, "held_out": self.held_out.words, "dictionary": self.dictionary}
        coverage = {"covered": self.covered, "coverage": self.coverage}
        return precision | counts | coverage | {"rounds": self.rounds}

    @property
    def coverage(self) -> float:
        """The share of the dictionary's words that precision says anything of."""
        return self.covered / self.dictionary


def procrustes(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Find the rotation that brings vectors nearest to others.

    source (numpy.ndarray): Vectors (pairs, width).
    target (numpy.ndarray): What each should be (pairs, width).
    RETURNS (numpy.ndarray): The orthogonal matrix R with the least |source R - target| (width, width).
    """
    left, _, right = np.linalg.svd(source.T.astype("float64") @ target)
    return (left @ right).astype("float32")


def mean_similarity(vectors: np.ndarray, others: np.ndarray, neighbours: int = NEIGHBOURS) -> np.ndarray:
    """RETURNS (numpy.ndarray): Mean cosine of unit vectors to the nearest of the others (rows,)."""
    k = min(neighbours, len(others))
    result = np.zeros(len(vectors), dtype="float32")
    for i in range(0, len(vectors), BLOCK):
        scores = vectors[i : i + BLOCK] @ others.T
        result[i : i + BLOCK] = np.partition(scores, -k, axis=1)[:, -k:].mean(1)
    return result


def csls(
    source: np.ndarray,
    target: np.ndarray,
    rows: Sequence[int] | None = None,
    neighbours: int = NEIGHBOURS,
) -> Iterator[np.ndarray]:
    """Score words as translations: CSLS(x, y) = 2 cos(x, y) - r(x) - r(y) (section 2.3, equation 3).

    r is the mean cosine to the nearest neighbours in the other language: words that are near to everything
    are no good translation of anything.

    source (numpy.ndarray): Unit vectors of all source words in the target's space (words, width).
    target (numpy.ndarray): Unit vectors of all target words (words, width).
    rows (Sequence[int] | None): Source words that are asked for; None for all.
    neighbours (int): Neighbours that r looks at.
    YIELDS (numpy.ndarray): Scores of a block of source words (at most BLOCK, target words).
    """
    asked = source if rows is None else source[np.asarray(rows, dtype=int)]
    r_source = mean_similarity(asked, target, neighbours)
    r_target = mean_similarity(target, source, neighbours)
    for i in range(0, len(asked), BLOCK):
        yield 2 * asked[i : i + BLOCK] @ target.T - r_source[i : i + BLOCK, None] - r_target


def best_translations(
    source: np.ndarray,
    target: np.ndarray,
    rows: Sequence[int] | None = None,
    n: int = 1,
    neighbours: int = NEIGHBOURS,
) -> np.ndarray:
    """Find the best translations by CSLS.

    The arguments are those of `csls`.

    n (int): How many.
    RETURNS (numpy.ndarray): Rows of target words, the best first (words, n).
    """
    n = min(n, len(target))
    found = []
    for scores in csls(source, target, rows, neighbours):
        few = np.argpartition(-scores, n - 1, axis=1)[:, :n]
        order = np.argsort(-np.take_along_axis(scores, few, 1), axis=1, kind="stable")
        found.append(np.take_along_axis(few, order, 1))
    return np.concatenate(found) if found else np.zeros((0, n), dtype=int)


def with_vectors(source: Embeddings, target: Embeddings, dictionary: DictionaryT) -> DictionaryT:
    """RETURNS (DictionaryT): What of a dictionary has vectors on both sides."""
    known = {
        word: [translation for translation in translations if translation in target.rows]
        for word, translations in dictionary.items()
        if word in source.rows
    }
    return {word: translations for word, translations in known.items() if translations}


def precision(
    source: Embeddings, target: Embeddings, dictionary: DictionaryT, ks: Sequence[int] = (1, 5)
) -> Precision:
    """Measure how many words of a dictionary find a translation among all words of the target.

    source (Embeddings): Source words in the target's space.
    target (Embeddings): Target words.
    dictionary (DictionaryT): Right translations; of words that have several, one suffices.
    ks (Sequence[int]): How many of the best translations are looked at.
    RETURNS (Precision): The shares.
    """
    known = {
        source.rows[word]: {target.rows[translation] for translation in translations}
        for word, translations in with_vectors(source, target, dictionary).items()
    }
    found = best_translations(source.unit, target.unit, list(known), max(ks))
    pairs = zip(found, known.values(), strict=True)
    hits = np.array([[row in wanted for row in best] for best, wanted in pairs])
    at = {k: float(hits[:, :k].any(1).mean()) if len(known) else 0.0 for k in ks}
    return Precision(at, len(known))


def hold_out(dictionary: DictionaryT, words: int, seed: int = 0) -> tuple[DictionaryT, DictionaryT]:
    """Set source words of a dictionary apart with all their translations.

    dictionary (DictionaryT): The dictionary.
    words (int): How many, at most a fifth of all.
    seed (int): Seed of the choice.
    RETURNS (tuple[DictionaryT, DictionaryT]): What is left, and what was set apart.
    """
    chosen = np.random.default_rng(seed).permutation(len(dictionary))[: min(words, len(dictionary) // 5)]
    apart = set(chosen.tolist())
    parts: tuple[DictionaryT, DictionaryT] = {}, {}
    for i, (word, translations) in enumerate(dictionary.items()):
        parts[i in apart][word] = translations
    return parts


def align(
    source: Embeddings,
    target: Embeddings,
    dictionary: DictionaryT,
    *,
    held_out: int = 1500,
    rounds: int = ROUNDS,
    frequent: int = FREQUENT,
    seed: int = 0,
    rotate: bool = True,
) -> tuple[Embeddings, Alignment]:
    """Bring source words into the space of target words.

    Of the words that have vectors on both sides some are held out to measure, and as many of the rest choose
    the best round of refinement (MUSE's own script chooses by the words that it measures with). A round
    learns from words that are each other's best translation. MUSE takes the best of each source word;
    mutual ones are fewer and better, which matters with vectors of little text.

    Rounds see the most frequent words alone. MUSE compares all with all in each for the mean distances of
    CSLS, on a GPU. Here it is done once, for the words that are held out.

    source (Embeddings): Normalised source words, see `embeddings.normalize`.
    target (Embeddings): Normalised target words.
    dictionary (DictionaryT): Translations of source words.
    held_out (int): Source words to hold out; at most a fifth.
    rounds (int): Rounds of refinement; 0 for none.
    frequent (int): How many of the most frequent words a round looks at, and its choice.
    seed (int): Seed of what is held out.
    rotate (bool): False for vectors that are in one space: they are left as they are, and measured.
    RETURNS (tuple[Embeddings, Alignment]): The source words in the target's space, and how it went.
    RAISES (InputError): The widths differ, or no pair of the dictionary has vectors on both sides.
    """
    if source.width != target.width:
        raise InputError(
            f"the source's vectors have {source.width} numbers, the target's {target.width}",
            remedy="Train or take both with the same width",
        )
    known = with_vectors(source, target, dictionary)
    if len(known) < 5:
        raise InputError(
            f"of {len(dictionary):,} words in the dictionary only {len(known)} are among the "
            f"{len(source):,} source words and have a translation among the {len(target):,} target words",
            remedy="Check the direction of the dictionary, and that all three are in small letters",
        )
    learnt, measured = hold_out(known, held_out, seed)
    rotation, scores, pairs = np.eye(source.width, dtype="float32"), [], 0
    if rotate:
        learnt, choosing = hold_out(learnt, held_out, seed + 1)
        pairs = sum(map(len, learnt.values()))
        rotation, scores = _best_rotation(source, target, learnt, choosing, rounds, frequent)
    aligned = Embeddings(source.words, source.vectors @ rotation, source.skipped)
    found = precision(aligned, target, measured)
    return aligned, Alignment(rotation, pairs, found, len(dictionary), len(known), scores)


def _best_rotation(
    source: Embeddings,
    target: Embeddings,
    learnt: DictionaryT,
    choosing: DictionaryT,
    rounds: int,
    frequent: int,
) -> tuple[np.ndarray, list[float]]:
    """The rotation of the round that serves the words for the choice best, and what each round got."""
    rows = [
        (source.rows[word], target.rows[translation])
        for word, translations in learnt.items()
        for translation in translations
    ]
    best, scores = None, []
    few = Embeddings(target.words[:frequent], target.vectors[:frequent])
    for n in range(rounds + 1):
        from_, to = np.array(rows).T
        rotation = procrustes(source.vectors[from_], target.vectors[to])
        moved = Embeddings(source.words[:frequent], source.vectors[:frequent] @ rotation)
        scores.append(precision(moved, few, choosing, (1,)).at[1])
        if scores[-1] == max(scores):
            best = rotation
        if n < rounds:
            rows = mutual_pairs(moved.unit, few.unit)
            if len(rows) < source.width:  # too few to learn a rotation from
                break
    return best, scores


def mutual_pairs(source: np.ndarray, target: np.ndarray) -> list[tuple[int, int]]:
    """RETURNS (list[tuple[int, int]]): Rows of words that are each other's best translation by CSLS."""
    ahead, back = best_translations(source, target)[:, 0], best_translations(target, source)[:, 0]
    return [(i, int(j)) for i, j in enumerate(ahead) if back[j] == i]
