"""How frequent words are: the base form of a name is mostly a word that people write."""

import zlib
from collections.abc import Mapping
from importlib.util import find_spec

import numpy
import safetensors.numpy as safetensors

# A word of a million has 3 on this scale (Zipf's, as the library wordfreq defines it); a word that is not
# known has 0.
_STEP = 0.05


class WordFrequencies:
    """Frequencies of words by language, in five bytes a word: a hash and the rounded logarithm.

    tables (Mapping[str, tuple[ndarray, ndarray]] | None): For every language the sorted hashes of its words
        (words,) and their frequencies in steps (words,).
    """

    def __init__(self, tables: Mapping[str, tuple[numpy.ndarray, numpy.ndarray]] | None = None) -> None:
        self.tables = dict(tables or {})

    @classmethod
    def from_frequencies(cls, languages: Mapping[str, Mapping[str, float]], most: int) -> "WordFrequencies":
        """Make tables of the most frequent words.

        languages (Mapping[str, Mapping[str, float]]): For every language, words and their shares of a text.
        most (int): Words of a language that are kept.
        RETURNS (WordFrequencies): The tables.
        """
        tables = {}
        for language, shares in languages.items():
            words = sorted(shares, key=lambda word: -shares[word])[:most]
            hashes = numpy.array([_hash(word) for word in words], dtype="uint32")
            zipf = numpy.log10(numpy.array([shares[word] for word in words])) + 9
            order = numpy.argsort(hashes, kind="stable")
            steps = numpy.clip(numpy.round(zipf / _STEP), 1, 255).astype("uint8")
            tables[language] = hashes[order], steps[order]
        return cls(tables)

    @classmethod
    def from_wordfreq(cls, languages: list[str], most: int) -> "WordFrequencies":
        """Make tables of the library wordfreq, for those languages that it has.

        languages (list[str]): ISO codes.
        most (int): Words of a language that are kept.
        RETURNS (WordFrequencies): The tables; none if the library is not installed.
        """
        if find_spec("wordfreq") is None:
            return cls()
        import wordfreq

        known = set(wordfreq.available_languages())
        found = {
            language: wordfreq.get_frequency_dict(language) for language in languages if language in known
        }
        return cls.from_frequencies(found, most)

    def __call__(self, language: str, word: str) -> float:
        """RETURNS (float): The frequency of a word in small letters on Zipf's scale, 0 if it is not known."""
        if language not in self.tables:
            return 0.0
        hashes, steps = self.tables[language]
        wanted = _hash(word)
        i = int(numpy.searchsorted(hashes, wanted))
        return float(steps[i]) * _STEP if i < len(hashes) and hashes[i] == wanted else 0.0

    def to_bytes(self) -> bytes:
        """RETURNS (bytes): The tables in safetensors' format."""
        arrays = {}
        for language, (hashes, steps) in self.tables.items():
            arrays[f"{language}.hashes"], arrays[f"{language}.steps"] = hashes, steps
        return safetensors.save(arrays)

    @classmethod
    def from_bytes(cls, data: bytes) -> "WordFrequencies":
        """RETURNS (WordFrequencies): The tables that `to_bytes` gave."""
        arrays = safetensors.load(data)
        languages = sorted({key.rsplit(".", 1)[0] for key in arrays})
        return cls({x: (arrays[f"{x}.hashes"], arrays[f"{x}.steps"]) for x in languages})


def _hash(word: str) -> numpy.uint32:
    return numpy.uint32(zlib.crc32(word.encode()))
