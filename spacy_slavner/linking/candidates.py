"""Which ids a name may stand for, and what speaks for each of them."""

from dataclasses import dataclass
from functools import cached_property
from math import log1p

import numpy
from numpy.typing import NDArray

from .index import similarity
from .keys import fold, roman, skeleton
from .knowledge import Index

CUTOFF = 0.75
SPELT_ALIKE = 10
# Least similarity of the words of two names that sound the same: Elena is not Julian, though both are ln.
WORDS_ALIKE = 0.35
MOST = 24
# Columns of the features of a candidate; those of the last block belong to "none of them".
FEATURES = (
    "name, language: count", "name, language and type: share", "name and type: share", "name: share",
    "base form, language and type: share", "base form and type: share", "base form: share",
    "sound and type: share", "sound: share", "spelling", "spelling, type", "spelling below 0.9",
    "own type", "own type share", "count", "count, spelling only", "id spelling", "seen in this language",
    "one word, base form unknown", "sound: consonants", "sound: consonants, base form unknown",
    "none", "none, PER", "none, LOC", "none, ORG", "none, PRO", "none, EVT", "none, one word",
    "none, capitals", "none, name known", "none, base form known", "none, sound known", "none, spelling",
    "none, longer than three words",
)  # fmt: skip
COLUMN = {name: i for i, name in enumerate(FEATURES)}
NONE = COLUMN["none"]


@dataclass(frozen=True)
class Name:
    """A mention without its place.

    form (str): How it stands in the text.
    base (str): Its base form.
    type (str): Its type.
    language (str | None): The document's language.
    """

    form: str
    base: str
    type: str
    language: str | None

    @cached_property
    def sounds(self) -> tuple[str, ...]:
        """What its words sound like."""
        return tuple(skeleton(self.base, self.language).split())

    @cached_property
    def roman(self) -> str:
        """Its base form in plain Latin letters."""
        return roman(self.base, self.language)

    @cached_property
    def initials(self) -> str:
        """The first letters of its words."""
        return "".join(word[0] for word in fold(self.base).split())

    @property
    def empty(self) -> bool:
        """Whether it has neither letters nor digits."""
        return not fold(self.base)


@dataclass
class Candidates:
    """Candidates of a name.

    ids (list[int]): Their numbers in the knowledge base, in ascending order.
    features (NDArray): One row for each, and a last one for none of them (candidates + 1, features).
    """

    ids: list[int]
    features: NDArray


def find(index: Index, name: Name) -> Candidates:
    """Find the candidates of a name.

    index (Index): The knowledge base.
    name (Name): The name.
    RETURNS (Candidates): Ids by exact name, base form, sound and similar spelling.
    """
    type_ = index.TYPES.index(name.type) if name.type in index.TYPES else 0
    language = index.languages.index(name.language) if name.language in index.languages else 0
    same = {
        "name": index.by_name[fold(name.form)],
        "base form": index.by_base[fold(name.base)],
        "sound": _words_alike(index, index.by_sound[" ".join(name.sounds)], name),
    }
    # Names are looked up among base forms, too: an unknown inflected form may be another's base form.
    if name.form == name.base:
        same["base form"] = numpy.union1d(same["base form"], same["name"])
    spelling: dict[int, float] = {}
    for place, score in index.spelt.search(name.roman, SPELT_ALIKE, CUTOFF):
        for id in index.id[index.by_roman[place]].tolist():
            spelling[id] = max(score, spelling.get(id, 0.0))
    found = set(spelling).union(*(index.id[rows].tolist() for rows in same.values()))
    if len(found) > MOST:
        # Exact names come before those that only sound or look alike.
        exact = {id for key in ("name", "base form") for id in index.id[same[key]].tolist()}
        found = set(sorted(found, key=lambda id: (id not in exact, -_matching(index, id, type_), id))[:MOST])
    ids = sorted(found)
    place_of = {id: i for i, id in enumerate(ids)}
    X = numpy.zeros((len(ids) + 1, len(FEATURES)), dtype=numpy.float32)
    for kind, rows in same.items():
        _shares(X, index, kind, rows, place_of, language, type_)
    for id, i in place_of.items():
        _own(X[i], index, id, type_, spelling.get(id, 0.0), name)
        # The more consonants two names share, the less it is by chance.
        if X[i, COLUMN["sound and type: share"]] > 0:
            consonants = min(sum(map(len, name.sounds)), 10) / 10
            X[i, COLUMN["sound: consonants"]] = consonants
            unknown = X[i, COLUMN["base form: share"]] == 0
            X[i, COLUMN["sound: consonants, base form unknown"]] = consonants * unknown
    _none(X[-1], name, same, spelling)
    return Candidates(ids, X)


def _words_alike(index: Index, rows: NDArray, name: Name) -> NDArray:
    """Of rows that sound like a name, those whose words are spelt a little like its own, too."""
    own = name.roman.split()

    def alike(row: int) -> bool:
        words = roman(index.base[row], index.languages[index.language[row]] or None).split()
        return all(similarity(a, b) >= WORDS_ALIKE for a, b in zip(own, words, strict=False))

    return rows[[alike(row) for row in rows.tolist()]] if len(rows) else rows


def _matching(index: Index, id: int, type_: int) -> int:
    return int(index.id_types[id, type_]) * 1000 + int(index.id_count[id])


def _shares(X, index: Index, kind: str, rows: NDArray, place_of, language: int, type_: int) -> None:
    """What part of the mentions with this key were of which id."""
    if not len(rows):
        return
    counts = index.count[rows].astype(numpy.float32)
    same_type = (index.type[rows] == type_) | (index.type[rows] == 0)
    same_language = (index.language[rows] == language) | (index.language[rows] == 0)
    places = numpy.array([place_of.get(id, -1) for id in index.id[rows].tolist()])
    kept = places >= 0
    for label, mask in (
        (f"{kind}, language and type: share", same_type & same_language),
        (f"{kind} and type: share", same_type),
        (f"{kind}: share", None),
    ):
        column = COLUMN.get(label)
        weights = counts if mask is None else counts * mask
        if column is not None and weights.sum():
            # A single sighting says less than a hundred.
            numpy.add.at(X[:, column], places[kept], weights[kept] / (weights.sum() + 0.3))
    if kind == "name":
        sums = numpy.zeros(len(X), dtype=numpy.float32)
        numpy.add.at(sums, places[kept], (counts * same_language)[kept])
        X[:, COLUMN["name, language: count"]] = numpy.log1p(sums)


def _own(x: NDArray, index: Index, id: int, type_: int, spelling: float, name: Name) -> None:
    """What the candidate is, whatever key it was found by."""
    types, count = index.id_types[id], int(index.id_count[id])
    own = float(types[type_] + types[0]) / max(count, 1)
    exact = x[COLUMN["base form: share"]] + x[COLUMN["name: share"]]
    x[COLUMN["spelling"]] = spelling
    x[COLUMN["spelling, type"]] = spelling * (own > 0)
    x[COLUMN["spelling below 0.9"]] = 0 < spelling < 0.9
    x[COLUMN["own type"]] = own > 0
    x[COLUMN["own type share"]] = own
    x[COLUMN["count"]] = log1p(count)
    x[COLUMN["count, spelling only"]] = log1p(count) if exact == 0 else 0.0
    x[COLUMN["id spelling"]] = similarity(english(index.ids[id]), name.roman)
    x[COLUMN["seen in this language"]] = x[COLUMN["name, language: count"]] > 0
    x[COLUMN["one word, base form unknown"]] = exact == 0 and len(name.sounds) == 1


def english(id: str) -> str:
    """Give the name in an id.

    id (str): An id such as "PER-Boris-Johnson".
    RETURNS (str): "boris johnson".
    """
    return roman(id.partition("-")[2] or id)


def _none(x: NDArray, name: Name, same: dict[str, NDArray], spelling: dict[int, float]) -> None:
    """What speaks for none of the candidates."""
    x[NONE] = 1.0
    if f"none, {name.type}" in COLUMN:
        x[COLUMN[f"none, {name.type}"]] = 1.0
    x[COLUMN["none, one word"]] = len(name.sounds) == 1
    x[COLUMN["none, capitals"]] = name.form.isupper() and len(name.form) < 8
    x[COLUMN["none, name known"]] = len(same["name"]) > 0
    x[COLUMN["none, base form known"]] = len(same["base form"]) > 0
    x[COLUMN["none, sound known"]] = len(same["sound"]) > 0
    x[COLUMN["none, spelling"]] = max(spelling.values(), default=0.0)
    x[COLUMN["none, longer than three words"]] = len(name.sounds) > 3
