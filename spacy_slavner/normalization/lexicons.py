"""Dictionaries, which know all readings of a word, but not which one it has in a sentence."""

import warnings
from collections.abc import Sequence
from dataclasses import replace
from functools import cache, lru_cache
from importlib.util import find_spec
from itertools import product
from typing import Any, Protocol

from ..errors import InputError
from .analysis import Word
from .paradigms import readings

# Which dictionary has which languages. By their packages' own statements simplemma, pymorphy3 and
# pymorphy3-dicts-ru are under the MIT licence, morfeusz2 and its dictionary SGJP under the 2-clause BSD one,
# pymorphy3-dicts-uk under GPLv3, lemmagen3's models under CC BY-SA 4.0 but for those of Polish and Russian:
# they are not for commercial use, so those two languages are not asked of it.
LEXICONS = {
    "pymorphy3": ("ru", "uk"),
    "morfeusz2": ("pl",),
    "simplemma": ("cs", "pl", "ru", "sl", "uk"),
    "lemmagen3": ("cs", "sl", "uk"),
}
_CASES = {"nomn": "Nom", "gent": "Gen", "datv": "Dat", "accs": "Acc", "ablt": "Ins", "loct": "Loc"}
_CASES |= {"nom": "Nom", "gen": "Gen", "dat": "Dat", "acc": "Acc", "inst": "Ins", "loc": "Loc"}
_CASES |= {"gen2": "Gen", "acc2": "Acc", "loc2": "Loc"}
_GENDERS = {"masc": "Masc", "femn": "Fem", "neut": "Neut"}
_GENDERS |= {"m1": "Masc", "m2": "Masc", "m3": "Masc", "f": "Fem", "n": "Neut"}
_POS = {"NOUN": "NOUN", "ADJF": "ADJ", "PRTF": "ADJ", "subst": "NOUN", "depr": "NOUN"}
_POS |= {"adj": "ADJ", "ppas": "ADJ", "pact": "ADJ"}
_VERBS = ("ti", "ovat", "it", "ać", "ть", "ти")
_KINDS = {"nazwa_geograficzna": "LOC", "imię": "PER", "nazwisko": "PER", "Geox": "LOC", "Orgn": "ORG"}
_KINDS |= {"Name": "PER", "Surn": "PER", "Patr": "PER"}
_GUESSED, _LESS = 0.45, 0.1


class Lexicon(Protocol):
    """Gives the readings of a word alone."""

    def knows(self, language: str) -> bool:
        """RETURNS (bool): Whether it has a language."""
        ...

    def read(self, language: str, word: str) -> Sequence[Word]:
        """RETURNS (Sequence[Word]): The readings; none of a word that it does not know."""
        ...


def make_lexicon(name: str) -> Lexicon:
    """Open a dictionary.

    name (str): One of LEXICONS.
    RETURNS (Lexicon): The dictionary.
    RAISES (InputError): If it is not known or not installed.
    """
    if name not in LEXICONS:
        remedy = f"Choose from {', '.join(LEXICONS)}"
        raise InputError(f"There is no lemmatiser {name!r}", remedy=remedy)
    if find_spec(name) is None:
        remedy = f"Install it with `pip install {name}`, or `pip install spacy-slavner[lemmatizers]`"
        raise InputError(f"The lemmatiser {name} is not installed", remedy=remedy)
    return next(kind for kind in _Cached.__subclasses__() if kind.name == name)()


class _Cached:
    """A dictionary whose answers are kept."""

    name: str

    def __init__(self) -> None:
        self.read = lru_cache(1 << 16)(self._read)
        self._models: dict[str, Any] = {}

    def knows(self, language: str) -> bool:
        return language in LEXICONS[self.name]

    def _model(self, language: str) -> Any:
        if language not in self._models:
            self._models[language] = self._open(language)
        return self._models[language]


@cache
def _has_dictionary(language: str) -> bool:
    """Whether pymorphy3 can read a language; if not, a warning once, and the rules go without."""
    found = find_spec(f"pymorphy3_dicts_{language}") is not None
    if not found:
        remedy = f"`pip install pymorphy3-dicts-{language}`"
        warnings.warn(f"pymorphy3 has no dictionary for language {language!r}: {remedy}", stacklevel=3)
    return found


class Pymorphy(_Cached):
    """pymorphy3: Russian and Ukrainian, which guesses unknown words by their endings (Korobov, 2015)."""

    name = "pymorphy3"

    def knows(self, language: str) -> bool:
        return super().knows(language) and _has_dictionary(language)

    def _open(self, language: str) -> Any:
        from pymorphy3 import MorphAnalyzer

        return MorphAnalyzer(lang=language)

    def _read(self, language: str, word: str) -> list[Word]:
        found = [_pymorphy_word(word, parse) for parse in self._model(language).parse(word)]
        return [reading for reading in found if reading]


def _pymorphy_word(word: str, parse: Any) -> Word | None:
    tag = parse.tag
    pos, case = _POS.get(str(tag.POS)), _CASES.get(str(tag.case))
    if pos is None or case is None:
        return None
    features = {"Case": case, "Number": "Plur" if tag.number == "plur" else "Sing"}
    if tag.gender:
        features["Gender"] = _GENDERS[str(tag.gender)]
    if "Pltm" in tag:
        features["Only"] = "Plur"
    kinds = [_KINDS[grammeme] for grammeme in tag.grammemes if grammeme in _KINDS]
    if kinds and parse.is_known:
        features["Kind"] = kinds[0]

    def inflect(gender: str, number: str, people: bool) -> str | None:
        # Ukrainian tags do not name the singular; a noun keeps its number anyway.
        wanted = {"nomn", "plur"} if number == "Plur" else {"nomn"}
        if number == "Sing" and pos == "ADJ":
            wanted.add(next(key for key, value in _GENDERS.items() if value == gender))
        made = parse.inflect(wanted)
        return made and (made.word if "ё" in word.lower() else made.word.replace("ё", "е"))

    weight = (0.8 + 0.2 * parse.score) if parse.is_known else _GUESSED
    return Word(word, parse.normal_form, pos, features, weight, inflect)


class Morfeusz(_Cached):
    """Morfeusz 2 with the dictionary SGJP: Polish (Kieraś and Woliński, 2017)."""

    name = "morfeusz2"

    def _open(self, language: str) -> Any:
        from morfeusz2 import Morfeusz as Model

        return Model(expand_tags=False)

    def _read(self, language: str, word: str) -> list[Word]:
        model, result = self._model(language), []
        for start, end, (form, lemma, tag, kinds, _) in model.analyse(word):
            pos, *parts = tag.split(":")
            if (start, end) != (0, 1) or form != word or pos not in _POS or len(parts) < 3:
                continue
            only = "pt" in parts or all(
                row[2].split(":")[1] == "pl" for row in model.generate(lemma) if row[2].startswith("subst")
            )
            for case, gender in product(parts[1].split("."), parts[2].split(".")):
                if case in _CASES and gender in _GENDERS:
                    features = {"Case": _CASES[case], "Gender": _GENDERS[gender]}
                    features["Number"] = "Plur" if parts[0] == "pl" else "Sing"
                    if only and _POS[pos] == "NOUN":
                        features["Only"] = "Plur"
                    if kinds and kinds[0] in _KINDS:
                        features["Kind"] = _KINDS[kinds[0]]
                    weight = 0.95 if kinds == ["nazwa_pospolita"] and word[:1].isupper() else 1.0
                    weight += 0.02 * (gender == "m1")
                    # In the plural people are meant, not a family: "Polacy".
                    weight -= 0.2 * (kinds == ["nazwisko"] and parts[0] == "pl")
                    inflect = self._inflect(lemma, pos, gender, parts[3:])
                    result.append(Word(word, lemma.split(":")[0], _POS[pos], features, weight, inflect))
        return result

    def _inflect(self, lemma: str, pos: str, own: str, rest: list[str]):
        def inflect(gender: str, number: str, people: bool) -> str | None:
            wanted = "pl" if number == "Plur" else "sg"
            for form, _, tag, *_ in self._model("pl").generate(lemma):
                kind, *parts = tag.split(":")
                nominative = len(parts) > 2 and parts[0] == wanted and "nom" in parts[1].split(".")
                if kind != pos or not nominative or (pos != "subst" and parts[3:] != rest):
                    continue
                if pos == "subst":
                    fits = {own}
                elif number == "Plur":
                    fits = {"m1"} if people else {"m2", "m3", "f", "n"}
                else:
                    fits = {key for key, value in _GENDERS.items() if value == gender}
                if fits & set(parts[2].split(".")):
                    return form
            return None

        return inflect


class Simplemma(_Cached):
    """simplemma: one lemma of a word, which the tables of endings then explain."""

    name = "simplemma"

    def _open(self, language: str) -> Any:
        return None

    def _read(self, language: str, word: str) -> list[Word]:
        import simplemma

        if not simplemma.is_known(word, lang=language):
            return []
        return _explained(language, word, simplemma.lemmatize(word, lang=language), 0.9)


class Lemmagen(_Cached):
    """lemmagen3: a guess of any word's lemma (Juršič et al., 2010), which the tables then explain."""

    name = "lemmagen3"

    def _open(self, language: str) -> Any:
        from lemmagen3 import Lemmatizer

        return Lemmatizer(language)

    def _read(self, language: str, word: str) -> list[Word]:
        return _explained(language, word, self._model(language).lemmatize(word), 0.5)


def _explained(language: str, word: str, lemma: str, weight: float) -> list[Word]:
    result = [
        replace(reading, weight=weight - _LESS * _unusual(reading))
        for reading in readings(language, word, lemma)
    ]
    # A noun that no table explains is taken as it is, if it has the word's stem and is no verb.
    if result or lemma.endswith(_VERBS) or lemma[:-2].lower() != word[: len(lemma) - 2].lower():
        return result
    return [Word(word, lemma, "NOUN", weight=weight - 0.2)]


def _unusual(reading: Word) -> bool:
    """Nouns in -o are neuter, but for some names of men."""
    return reading.lemma.endswith("o") and reading.features["Gender"] == "Masc"
