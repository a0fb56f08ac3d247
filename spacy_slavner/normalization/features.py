"""Features of the pieces of a name and of the scripts that each may take."""

import math
import zlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from functools import lru_cache

import numpy

from .candidates import Candidates
from .names import Name, Text
from .scripts import Lesson, Piece, apply
from .words import WordFrequencies

_CACHE = 1 << 17
# Slots of a piece's features; those of whole words are dropped more often in training.
_OWN, _NEAR = 17, 5
_NEIGHBOURS = (-1, 1, -2, 2)
HISTORY = 5
EVIDENCE = (
    "unchanged",
    "name",
    "names",
    "word",
    "support",
    "unchanged_support",
    "unchanged_names",
    "unchanged_word",
    "base",
    "base_of_type",
    "base_elsewhere",
    "inflected",
    "short",
    "frequency",
    "frequency_gain",
    "known",
    "unchanged_known",
)


class Hasher:
    """Puts features into buckets 1 to buckets - 1; bucket 0 stands for no feature."""

    def __init__(self, buckets: int) -> None:
        self.buckets = buckets

    def __call__(self, feature: str) -> int:
        return zlib.crc32(feature.encode()) % (self.buckets - 1) + 1


class Lexicon:
    """The pieces of base forms in training, and the forms each was seen in.

    In training the texts of a name's own group (its topic) do not count: a name in a text to come is
    as unknown as that.

    forms (dict[str, list[str]] | None): For every key the forms.
    """

    def __init__(self, forms: dict[str, list[str]] | None = None) -> None:
        self._forms = forms or {}
        # The groups of every form, where this was learnt and not loaded.
        self._groups: dict[str, dict[str, set[str]]] = {}

    def learn(self, lessons: Iterable[tuple[Text, Name, Lesson]]) -> None:
        """Collect the pieces.

        lessons (Iterable[tuple[Text, Name, Lesson]]): Names with their texts and scripts.
        """
        groups: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
        for text, name, lesson in lessons:
            language, label, group = text.language, name.label, text.group
            for piece, script in zip(lesson.pieces, lesson.scripts, strict=True):
                form, base = piece.text.lower(), apply(script, Piece(piece.text, "")).lower()
                groups[f"{language} {base}"][form].add(group)
                groups[f"{language} {label} {base}"][form].add(group)
                groups[f"* {base}"][f"{language} {form}"].add(group)
                if base != form:
                    groups[f"- {language} {form}"][base].add(group)
        self._groups = {key: dict(found) for key, found in groups.items()}
        self._forms = {key: sorted(found) for key, found in groups.items()}

    def others(self, key: str, form: str, group: str | None) -> bool:
        """RETURNS (bool): Whether a piece was seen in another form than this one, outside of a group."""
        if group is None:
            return any(other != form for other in self._forms.get(key, ()))
        found = self._groups.get(key, {})
        return any(other != form and len(groups) > (group in groups) for other, groups in found.items())

    def to_dict(self) -> dict[str, list[str]]:
        """RETURNS (dict[str, list[str]]): The forms of every key."""
        return self._forms


def shape_of(text: str) -> str:
    """RETURNS (str): How a piece is written: figures, sign, capitals, small letters, mixed."""
    if not text[:1].isalpha():
        return "0" if text[:1].isdigit() else text[:1]
    return (
        "x"
        if text.islower()
        else "X"
        if len(text) > 1 and text.isupper()
        else "Xx"
        if text.istitle()
        else "xX"
    )


class Features:
    """Makes the arrays of a text for the edit scorer.

    candidates (Candidates): The scripts.
    lexicon (Lexicon): The pieces of base forms in training.
    words (WordFrequencies): Frequencies of words.
    buckets (int): Number of buckets that features are hashed into.
    """

    def __init__(
        self, candidates: Candidates, lexicon: Lexicon, words: WordFrequencies, buckets: int
    ) -> None:
        self.candidates, self.lexicon, self.words = candidates, lexicon, words
        self.hash = Hasher(buckets)
        self.own = lru_cache(_CACHE)(self._own)
        self.near = lru_cache(_CACHE)(self._near)
        self.options = lru_cache(_CACHE)(self._options)
        self.fitting = lru_cache(_CACHE)(self.candidates.of)
        self.ends = lru_cache(_CACHE)(self._ends)
        self.evidence_bucket = lru_cache(_CACHE)(self._evidence_bucket)

    # --- pieces

    def _own(self, language: str, text: str) -> list[int]:
        low, hash_ = text.lower(), self.hash
        n = len(low)
        features = [hash_(f"{language} w {low}"), hash_(f"w {low}")]
        features += [hash_(f"{language} s {low[-k:]}") if k <= n else 0 for k in range(1, 7)]
        features += [hash_(f"s {low[-k:]}") if k <= n else 0 for k in range(2, 5)]
        features += [hash_(f"{language} p {low[:k]}") if k <= n else 0 for k in range(1, 4)]
        cyrillic = any("\u0400" <= c < "\u0530" for c in low)
        features += [
            hash_(f"{language} {shape_of(text)}"),
            hash_(f"{language} c {cyrillic}"),
            hash_(f"l {min(n, 12)}"),
        ]
        return features

    def _near(self, place: str, language: str, text: str) -> list[int]:
        low, hash_ = text.lower(), self.hash
        word = hash_(f"{language} {place} w {low}")
        return [word] + [
            hash_(f"{language} {place} s {low[-k:]}") if k <= len(low) else 0 for k in range(1, 5)
        ]

    def piece(self, language: str, name: Name, i: int) -> list[int]:
        """RETURNS (list[int]): Buckets of a piece's features, always as many; the last are the history's."""
        pieces, hash_ = name.pieces, self.hash
        text, n = pieces[i].text, len(name.pieces)
        low = text.lower()
        place = f"{name.label} {i == 0} {i == n - 1}"
        features = list(self.own(language, text))
        features += [
            hash_(f"{language} {place}"),
            hash_(f"{language} {place} {low[-3:]}"),
            hash_(f"{language} {place} {low[-2:]}"),
            hash_(f"{language} {name.label} {min(i, 4)} {min(n, 5)}"),
            hash_(f"{language} q {place} {pieces[0].text[:1].isalnum()} {pieces[-1].text[:1].isalnum()}"),
        ]
        (one, two), right = name.left, name.right
        features += [
            hash_(f"{language} L {one}"),
            hash_(f"{language} LL {two}"),
            hash_(f"{language} R {right}"),
            hash_(f"{language} Ls {one[-2:]}"),
            hash_(f"{language} L+ {one} {low[-2:]}"),
            hash_(f"{language} Ls+ {one[-3:]} {low[-2:]}"),
        ]
        for step in _NEIGHBOURS:
            j = i + step
            features += (
                self.near(str(step), language, pieces[j].text)
                if 0 <= j < n
                else [hash_(f"{step}"), 0, 0, 0, 0]
            )
        features += self.near("first", language, pieces[0].text) if i > 2 else [0] * _NEAR
        features += [0] * HISTORY
        return features

    def word_slots(self) -> list[int]:
        """RETURNS (list[int]): The slots of features of whole words."""
        start = _OWN + 11
        return [0, 1, _OWN + 5, _OWN + 6, _OWN + 7, _OWN + 9, *range(start, start + 25, _NEAR)]

    def _ends(self, result: str) -> tuple[int, int]:
        return self.hash(f"h {result[-2:]}"), self.hash(f"h3 {result[-3:]}")

    def history(self, language: str, chosen: Sequence[tuple[int, str, bool]]) -> list[int]:
        """Give the features of what was decided for the pieces before.

        language (str): The language.
        chosen (Sequence[tuple[int, str, bool]]): Script, resulting piece and whether it changed.
        RETURNS (list[int]): Buckets for the last slots of a piece.
        """
        hash_ = self.hash
        if not chosen:
            return [hash_("h none"), 0, 0, 0, 0]
        script, result, _ = chosen[-1]
        changed = "".join("c" if c else "-" for _, _, c in chosen[-3:])
        return [
            hash_(f"{language} h {script}"),
            hash_(f"{language} h {result[-2:]}"),
            hash_(f"{language} h {result[-3:]}"),
            hash_(f"h {changed}"),
            hash_(f"{language} h1 {chosen[0][0]}"),
        ]

    # --- candidates

    def _options(self, language: str, label: str, place: str, text: str, group: str | None):
        """Scripts, results, buckets and numbers of a piece's candidates: what does not depend on the text."""
        low, hash_, lexicon = text.lower(), self.hash, self.lexicon
        scripts, results, traits, numbers, known, gains = [], [], [], [], [], []
        own_frequency = self.words(language, low)
        for script, result in self.fitting(language, text):
            same = result == low
            scripts.append(script)
            results.append(result)
            traits.append(
                [
                    hash_(f"r {language} {label} {result[-3:]}"),
                    hash_(f"r {language} {result[-4:]}"),
                    hash_(f"r {language} {label} {place} {result[-2:]}"),
                    hash_(f"r {result[-3:]}"),
                    hash_(f"r {label} {result[-2:]}"),
                    0,
                    0,
                ]
            )
            row = [0.0] * len(EVIDENCE)
            row[0] = same
            row[8] = lexicon.others(f"{language} {result}", low, group)
            row[9] = lexicon.others(f"{language} {label} {result}", low, group)
            row[10] = lexicon.others(f"* {result}", f"{language} {low}", group)
            row[11] = not same and lexicon.others(f"- {language} {result}", "", group)
            row[12] = len(result) < 3 < len(low)
            frequency = self.words(language, result)
            gain = frequency - own_frequency
            if same:
                row[16] = frequency > 0
            else:
                row[13], row[14], row[15] = frequency / 3, gain / 3, frequency > 0
            known.append(0 if frequency == 0 else 1 + (frequency > 2) + (frequency > 3.5))
            gains.append(0 if same else 1 + (gain > -1) + (gain > 0) + (gain > 1))
            numbers.append(row)
            traits[-1][6] = hash_(f"f {language} {label} {known[-1]} {gains[-1]} {own_frequency > 0}")
        return scripts, results, numpy.array(traits, dtype="int32"), numpy.array(numbers, dtype="f")

    def _evidence_bucket(self, *bits) -> int:
        return self.hash(f"e {bits}")

    def evidence(self, text: Text, training: bool = False) -> "Evidence":
        """RETURNS (Evidence): What a text says; in training, names of its group do not count as known."""
        return Evidence(self, text, training)


class Evidence:
    """What a text says about the base forms of its names.

    Which pieces occur in its names and between them, and how many forms a base could have given.

    features (Features): Makes the candidates.
    text (Text): The text.
    training (bool): Whether names of the text's group do not count as known.
    """

    def __init__(self, features: Features, text: Text, training: bool = False) -> None:
        self.features, self.words = features, text.words
        self.language = text.language or ""
        self.group = text.group if training else None
        self.counts: Counter[str] = Counter()
        self.forms: dict[str, set[str]] = defaultdict(set)
        for name in text.names:
            for piece in name.pieces:
                low = piece.text.lower()
                self.counts[low] += 1
                if len(low) > 2 and self.counts[low] == 1:
                    for _, result in features.fitting(self.language, piece.text):
                        self.forms[result].add(low)

    def options(self, name: Name, i: int):
        """RETURNS: Scripts, results, traits and evidence of the candidates of a piece."""
        piece, n = name.pieces[i].text, len(name.pieces)
        low, language = piece.lower(), self.language
        place = f"{i == 0} {i == n - 1}"
        scripts, results, traits, numbers = self.features.options(
            language, name.label, place, piece, self.group
        )
        traits, numbers = traits.copy(), numbers.copy()
        bucket, log = self.features.evidence_bucket, math.log1p
        for k, result in enumerate(results):
            row = numbers[k]
            same = result == low
            forms = self.forms.get(result, ())
            support = len(forms) - (low in forms) - (result in forms and not same)
            count = self.counts[result]
            if same:
                row[5], row[6], row[7] = log(support), log(count - 1), result in self.words
            else:
                row[1], row[2], row[3], row[4] = count > 0, log(count), result in self.words, log(support)
            traits[k, 5] = bucket(
                language,
                same,
                min(count - same, 2),
                result in self.words,
                min(support, 2),
                bool(row[8]),
                bool(row[9]),
                bool(row[11]),
            )
        return scripts, results, traits, numbers
