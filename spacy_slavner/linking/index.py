"""Indexes in flat arrays: strings, exact keys, and fuzzy search by character trigrams.

A dictionary of a million names takes about a gigabyte as Python objects; as arrays it takes what its
letters take, loads without being parsed, and is written to safetensors as it is.
"""

from collections.abc import Iterable, Sequence

import numpy
from numpy.typing import NDArray
from rapidfuzz.distance import Indel
from spacy.strings import get_string_id

ArraysT = dict[str, NDArray]
# Letters, digits and the blank are told apart; every other character is one more.
_CODES = numpy.zeros(256, dtype=numpy.int32)
_CODES[[ord(" "), *range(ord("0"), ord("9") + 1), *range(ord("a"), ord("z") + 1)]] = numpy.arange(1, 38)
_BASE = 38
# What one query may look at: more rows than any name needs, and few enough for a millisecond.
MAX_POSTINGS = 30_000
MAX_SCORED = 64


class Strings:
    """Texts in one array of bytes.

    blob (NDArray): UTF-8 bytes of all texts.
    ends (NDArray): Where each text ends (texts + 1,), beginning with 0.
    """

    def __init__(self, blob: NDArray, ends: NDArray) -> None:
        self.blob, self.ends = blob, ends

    @classmethod
    def of(cls, texts: Iterable[str]) -> "Strings":
        """texts (Iterable[str]): The texts. RETURNS (Strings): The column."""
        encoded = [text.encode("utf8") for text in texts]
        ends = numpy.zeros(len(encoded) + 1, dtype=numpy.int64)
        numpy.cumsum([len(x) for x in encoded], out=ends[1:])
        return cls(numpy.frombuffer(b"".join(encoded), dtype=numpy.uint8), ends)

    def __len__(self) -> int:
        return len(self.ends) - 1

    def __getitem__(self, i: int) -> str:
        return self.blob[self.ends[i] : self.ends[i + 1]].tobytes().decode("utf8")

    def arrays(self, name: str) -> ArraysT:
        """RETURNS (dict[str, NDArray]): The arrays, to be saved."""
        return {f"{name}.blob": self.blob, f"{name}.ends": self.ends}

    @classmethod
    def from_arrays(cls, arrays: ArraysT, name: str) -> "Strings":
        """RETURNS (Strings): The column that `arrays` gave."""
        return cls(arrays[f"{name}.blob"], arrays[f"{name}.ends"])


class Groups:
    """Numbers of rows by a group's number.

    ends (NDArray): Where each group's rows end (groups + 1,), beginning with 0.
    rows (NDArray): The rows of all groups, ascending in each.
    """

    def __init__(self, ends: NDArray, rows: NDArray) -> None:
        self.ends, self.rows = ends, rows

    @classmethod
    def of(cls, groups: NDArray, n: int) -> "Groups":
        """groups (NDArray): The group of each row. n (int): Number of groups. RETURNS (Groups)."""
        rows = numpy.argsort(groups, kind="stable").astype(numpy.int32)
        ends = numpy.zeros(n + 1, dtype=numpy.int64)
        numpy.cumsum(numpy.bincount(groups, minlength=n), out=ends[1:])
        return cls(ends, rows)

    def __getitem__(self, i: int) -> NDArray:
        return self.rows[self.ends[i] : self.ends[i + 1]]


class Keys:
    """Rows by an exact text, of which a 64-bit hash is kept.

    hashes (NDArray): Sorted hashes of the keys.
    groups (Groups): Rows by the place of the hash.
    """

    def __init__(self, hashes: NDArray, groups: Groups) -> None:
        self.hashes, self.groups = hashes, groups

    @classmethod
    def of(cls, keys: Sequence[str]) -> "Keys":
        """keys (Sequence[str]): The key of each row. RETURNS (Keys): The index."""
        hashes = numpy.fromiter(map(get_string_id, keys), dtype=numpy.uint64, count=len(keys))
        unique, groups = numpy.unique(hashes, return_inverse=True)
        return cls(unique, Groups.of(groups, len(unique)))

    def __getitem__(self, key: str) -> NDArray:
        """Rows of a key, ascending; none for the empty key."""
        wanted = numpy.uint64(get_string_id(key))
        i = self.hashes.searchsorted(wanted)
        if not key or i == len(self.hashes) or self.hashes[i] != wanted:
            return self.groups.rows[:0]
        return self.groups[i]

    def arrays(self, name: str) -> ArraysT:
        """RETURNS (dict[str, NDArray]): The arrays, to be saved."""
        groups = {f"{name}.ends": self.groups.ends, f"{name}.rows": self.groups.rows}
        return {f"{name}.hashes": self.hashes, **groups}

    @classmethod
    def from_arrays(cls, arrays: ArraysT, name: str) -> "Keys":
        """RETURNS (Keys): The index that `arrays` gave."""
        groups = Groups(arrays[f"{name}.ends"], arrays[f"{name}.rows"])
        return cls(arrays[f"{name}.hashes"], groups)


class Trigrams:
    """Texts that are spelt like a query.

    Candidates share its rarest character trigrams; rapidfuzz scores those that share most. A query
    looks at `MAX_POSTINGS` entries however many names there are, so that its time does not grow with
    them; what only shares very frequent trigrams is then not found.

    texts (Strings): Texts in small Latin letters, as `keys.roman` gives them.
    postings (Groups): Texts by trigram.
    """

    def __init__(self, texts: Strings, postings: Groups) -> None:
        self.texts, self.postings = texts, postings

    @classmethod
    def of(cls, texts: Strings) -> "Trigrams":
        """texts (Strings): The texts. RETURNS (Trigrams): The index."""
        lengths = numpy.diff(texts.ends)
        # A blank before and after each text.
        total = int(lengths.sum() + 2 * len(texts))
        starts = texts.ends[:-1] + 2 * numpy.arange(len(texts))
        codes = numpy.full(total, _CODES[ord(" ")], dtype=numpy.int32)
        inside = numpy.ones(total, dtype=bool)
        inside[starts] = False
        inside[starts + lengths + 1] = False
        codes[inside] = _CODES[texts.blob]
        owner = numpy.repeat(numpy.arange(len(texts), dtype=numpy.int32), lengths + 2)
        if total < 3:
            return cls(texts, Groups.of(numpy.zeros(0, dtype=numpy.int32), _BASE**3))
        grams = (codes[:-2] * _BASE + codes[1:-1]) * _BASE + codes[2:]
        whole = owner[:-2] == owner[2:]
        groups = Groups.of(grams[whole], _BASE**3)
        return cls(texts, Groups(groups.ends, owner[:-2][whole][groups.rows]))

    def search(self, text: str, limit: int, cutoff: float) -> list[tuple[int, float]]:
        """Find texts like a query.

        text (str): The query, as `keys.roman` gives it.
        limit (int): The most that are wanted.
        cutoff (float): The lowest similarity wanted.
        RETURNS (list[tuple[int, float]]): Numbers of texts and their similarity from 0 to 1, the most
            similar first.
        """
        found = self._sharing(text)
        scored = ((i, similarity(text, self.texts[i], cutoff)) for i in found.tolist())
        best = sorted((-score, i) for i, score in scored if score >= cutoff)
        return [(i, -score) for score, i in best[:limit]]

    def _sharing(self, text: str) -> NDArray:
        """The texts that share most of the query's rarest trigrams."""
        codes = _CODES[numpy.frombuffer(f" {text} ".encode(), dtype=numpy.uint8)]
        grams = numpy.unique((codes[:-2] * _BASE + codes[1:-1]) * _BASE + codes[2:])
        ends = self.postings.ends
        sizes = ends[grams + 1] - ends[grams]
        order = numpy.argsort(sizes, kind="stable")
        order = order[sizes[order] > 0]
        enough = int(numpy.searchsorted(numpy.cumsum(sizes[order]), MAX_POSTINGS, side="right"))
        parts = [self.postings[g] for g in grams[order[: max(enough, 1)]]]
        if not parts:
            return numpy.zeros(0, dtype=numpy.int32)
        # Even one trigram may be in too many texts.
        ids, shared = numpy.unique(numpy.concatenate(parts)[:MAX_POSTINGS], return_counts=True)
        if len(ids) > MAX_SCORED:
            # Of two that share as many trigrams, the shorter is more like the query.
            length = ends_lengths(self.texts, ids)
            ids = ids[numpy.lexsort((ids, length, -shared))[:MAX_SCORED]]
        return ids


def ends_lengths(texts: Strings, ids: NDArray) -> NDArray:
    """RETURNS (NDArray): Bytes of some texts (ids,)."""
    return texts.ends[ids + 1] - texts.ends[ids]


def similarity(a: str, b: str, cutoff: float = 0.0) -> float:
    """Compare two romanised names.

    a (str): A name.
    b (str): A name.
    cutoff (float): What lies below it may come back as 0.
    RETURNS (float): Characters in common in the same order, from 0 to 1 (normalised Indel similarity).
    """
    return Indel.normalized_similarity(a, b, score_cutoff=cutoff)
