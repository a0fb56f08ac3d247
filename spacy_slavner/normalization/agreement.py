"""Agreement of a document's names: the forms of one name have one base form.

What a model cannot tell from "Асии Биби" alone, whether it is a base form or the genitive of "Асия Биби", it
mostly can from the other forms of the name in the document. So every name votes for what its words may
become, and a reading gains by the votes that words in other forms have for the same.
"""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

# The share of a vote that every reading has; without it, a name without other forms could not be read.
_FLOOR = 0.1
# Endings and signs say nothing about which name they belong to.
_SHORTEST = 3


class Reading(NamedTuple):
    """A way to undo the inflection of a name.

    score (float): Logarithm of its probability.
    pieces (list[str]): What the pieces of the name become, in small letters.
    base (str): The base form.
    """

    score: float
    pieces: list[str]
    base: str


def agree(names: Sequence[tuple[list[str], list[Reading]]], weight: float) -> list[str]:
    """Choose a reading for each name of a document.

    names (Sequence[tuple[list[str], list[Reading]]]): The pieces of each name in small letters, and its
        readings, at least one.
    weight (float): Weight of the votes of other forms; 0 takes the most probable reading of each name.
    RETURNS (list[str]): The base form of each name.
    """
    votes = _votes(names)
    totals: dict[str, float] = defaultdict(float)
    for results in votes.values():
        for result, vote in results.items():
            totals[result] += vote

    def score(forms: list[str], reading: Reading) -> float:
        others = (
            totals[result] - votes[form].get(result, 0.0)
            for form, result in zip(forms, reading.pieces, strict=True)
            if len(result) >= _SHORTEST
        )
        return reading.score + weight * sum(math.log(_FLOOR + min(1.0, max(0.0, x))) for x in others)

    return [max(readings, key=lambda r: score(forms, r)).base for forms, readings in names]


def _votes(names: Sequence[tuple[list[str], list[Reading]]]) -> Mapping[str, Mapping[str, float]]:
    """What each form of a word may become: the mean probability over the names that it occurs in."""
    votes: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    counts: dict[str, int] = defaultdict(int)
    for forms, readings in names:
        total = math.fsum(math.exp(reading.score) for reading in readings)
        for form in set(forms):
            counts[form] += 1
        for reading in readings:
            share = math.exp(reading.score) / total
            for form, result in set(zip(forms, reading.pieces, strict=True)):
                votes[form][result] += share
    return {form: {r: vote / counts[form] for r, vote in results.items()} for form, results in votes.items()}
