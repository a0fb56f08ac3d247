"""Rules that make a name's base form of lemmas.

The head of a name goes into the nominative, adjectives that agree with it go with it, and whatever else
follows the head stays as it is. Which word agrees is read off case, gender and number.
"""

import re
from collections.abc import Sequence
from functools import cache

from .analysis import Lemmatizer, Source, UDPipe, Word
from .methods import BasesT
from .names import Text

# Words of the sentence that are read on either side of a name.
_CONTEXT = 12
_QUOTES = set("\"'«»„“”‚‘’")
_NOMINAL = ("NOUN", "PROPN")
# Nominative endings of adjectives: masculine ending → feminine, neuter, plural.
_ADJECTIVES = {
    "ru": {"ый": ("ая", "ое", "ые"), "ой": ("ая", "ое", "ые"), "ий": ("ая", "ое", "ие")},
    "uk": {"ий": ("а", "е", "і"), "ій": ("я", "є", "і")},
    "pl": {"i": ("a", "ie", "ie"), "y": ("a", "e", "e")},
    "cs": {"ý": ("á", "é", "é"), "í": ("í", "í", "í")},
    "sl": {"i": ("a", "o", "e"), "": ("a", "o", "e")},
}
_SOFT_RU = re.compile("(?:н|ч|щ|ш|ж)ий$")
_VOWELS = "aeiouyáéíóúůýąęаеёиоуыэюяєі"
# Surnames that are inflected like adjectives: the feminine of the masculine ending.
_SURNAMES = {
    "ru": ((re.compile("(?:ов|ев|ёв|ин|ын)$"), "{}а"), (re.compile("(ск|цк)ий$"), r"\1ая")),
    "uk": ((re.compile("(ськ|цьк)ий$"), r"\1а"),),
    "pl": ((re.compile("(sk|ck|dzk)i$"), r"\1a"),),
    "cs": ((re.compile("(.*[^aeiouyáéíýová])$"), r"\1ová"), (re.compile("ý$"), "á")),
}
_ARTICLES = (
    ("ите", "и"),
    ("ията", "ия"),
    ("ата", "а"),
    ("ята", "я"),
    ("ето", "е"),
    ("ото", "о"),
    ("тът", "т"),
    ("ият", None),
    ("ът", ""),
    ("ят", "й"),
    ("тта", "т"),
    ("щта", "щ"),
)


def make_rules(udpipe: str | None = None, lemmatizers: Sequence[str] = ()) -> "Rules":
    """Make the method of rules.

    udpipe (str | None): Folder with UDPipe models, named <language>….udpipe; by default those that the
        library spacy-udpipe has downloaded.
    lemmatizers (Sequence[str]): What to ask where there is no UDPipe model: "simplemma", "pymorphy3".
    RETURNS (Rules): The method.
    RAISES (InputError): If the folder does not exist or a lemmatiser is not installed.
    """
    return Rules([UDPipe(udpipe), *map(Lemmatizer, lemmatizers)])


class Rules:
    """Base forms from lemmas, by rules on agreement. Languages that no source knows are left to others.

    sources (Sequence[Source]): Where lemmas come from; the first that knows a language is asked.
    """

    def __init__(self, sources: Sequence[Source]) -> None:
        self.sources = list(sources)
        self._source = cache(self._find)

    def _find(self, language: str) -> Source | None:
        return next((source for source in self.sources if source.knows(language)), None)

    def predict(self, texts: Sequence[Text]) -> BasesT:
        """Give names their base forms.

        texts (Sequence[Text]): The texts, with spans.
        RETURNS (list[list[str | None]]): The base form of each name; None in a language that no source
            knows, except that the Bulgarian article goes without any source.
        """
        return [[self._name(text, i) for i in range(len(text.names))] for text in texts]

    def _name(self, text: Text, number: int) -> str | None:
        language, span = text.language or "", text.spans[number]
        source = self._source(language) if language else None
        if source is None and language != "bg":
            return None
        if source is None:
            words = [Word(token.text, token.lower_) for token in span]
        else:
            start, end = max(0, span.start - _CONTEXT), min(len(span.doc), span.end + _CONTEXT)
            read = source.read(language, [token.text for token in span.doc[start:end]])
            words = read[span.start - start : span.end - start]
        bases = base_of(language, span.label_, words)
        pairs = zip(bases, span, strict=True)
        return " ".join("".join(base + token.whitespace_ for base, token in pairs).split()) or None


def base_of(language: str, label: str, words: Sequence[Word]) -> list[str]:
    """Make the words of a base form.

    language (str): The language.
    label (str): The name's type.
    words (Sequence[Word]): The words of the name.
    RETURNS (list[str]): As many words.
    """
    if language == "bg":
        return _bulgarian(words)
    if label == "PER" and len(words) > 1:
        return _person(language, words)
    return _phrase(language, words)


def _fixed(language: str, word: Word) -> bool:
    """Whether a word is never inflected: signs, figures, acronyms, foreign writing."""
    text = word.text
    latin = any("a" <= c <= "z" for c in text.lower())
    foreign = language in ("ru", "uk", "bg") and latin
    return not text[:1].isalpha() or (len(text) > 1 and text.isupper()) or foreign


def _phrase(language: str, words: Sequence[Word]) -> list[str]:
    """The head goes into the nominative and takes the adjectives that agree with it along."""
    result = [word.text for word in words]
    head = next((i for i, w in enumerate(words) if _is_noun(w) and not _fixed(language, w)), None)
    if head is None:
        head = next((i for i, w in enumerate(words) if not _fixed(language, w)), None)
        if head is None or words[0].text in _QUOTES:
            return result
    if any(word.text in _QUOTES for word in words[:head]):
        return result
    noun = words[head]
    plural = noun.features.get("Number") == "Plur"
    gender = noun.features.get("Gender", "Masc")
    result[head] = _noun(language, noun, plural)
    for i, word in enumerate(words):
        before = i < head and word.pos in ("ADJ", "DET", "VERB")
        after = head < i and all(w.pos == "ADJ" for w in words[head + 1 : i + 1]) and _agrees(word, noun)
        if (before or after) and not _fixed(language, word):
            result[i] = _adjective(language, word, gender, plural)
    return result


def _person(language: str, words: Sequence[Word]) -> list[str]:
    """First names and surnames all go into the nominative, with the gender of the first one."""
    result = []
    gender = words[0].features.get("Gender", "Masc")
    for i, word in enumerate(words):
        if _fixed(language, word) or word.features.get("Case") == "Nom":
            result.append(word.text)
        elif word.pos == "ADJ":
            result.append(_adjective(language, word, gender, False))
        elif i and gender == "Fem":
            result.append(_cased(_feminine(language, word), word.text))
        else:
            result.append(_cased(word.lemma, word.text))
    return result


def _feminine(language: str, word: Word) -> str:
    """A woman's surname: like an adjective where it is one, else as it is in the text if that is bare."""
    lemma = word.lemma
    if word.features.get("Gender") == "Fem" or lemma.endswith(("a", "á", "а", "я")):
        return lemma
    for pattern, ending in _SURNAMES.get(language, ()):
        if pattern.search(lemma.lower()):
            return ending.format(lemma) if "{}" in ending else pattern.sub(ending, lemma)
    return lemma


def _is_noun(word: Word) -> bool:
    return word.pos in _NOMINAL


def _agrees(word: Word, noun: Word) -> bool:
    """Whether an adjective has the noun's case and number, and its gender where both say it."""
    for feature in ("Case", "Number", "Gender"):
        mine, its = word.features.get(feature), noun.features.get(feature)
        if mine and its and mine != its:
            return False
    return True


def _noun(language: str, word: Word, plural: bool) -> str:
    """The nominative of a noun; plural names keep their number."""
    if word.features.get("Case") == "Nom":
        return word.text
    if not plural:
        return _cased(word.lemma, word.text)
    stem = word.lemma.rstrip(_VOWELS) or word.lemma
    gender = word.features.get("Gender", "Masc")
    endings = {
        "pl": {"Masc": "y", "Fem": "y", "Neut": "a"},
        "cs": {"Masc": "y", "Fem": "y", "Neut": "a"},
        "sl": {"Masc": "i", "Fem": "e", "Neut": "a"},
        "ru": {"Masc": "ы", "Fem": "ы", "Neut": "а"},
        "uk": {"Masc": "и", "Fem": "и", "Neut": "а"},
    }.get(language)
    if endings is None:
        return word.text
    if language in ("ru", "pl") and stem[-1:] in "кгхkg":
        endings = endings | ({"Masc": "и", "Fem": "и"} if language == "ru" else {"Masc": "i", "Fem": "i"})
    # A plural lemma ("Niemcy", "США") is one already.
    made = word.lemma if word.lemma[-1:] in "yiиыіe" else stem + endings.get(gender, "")
    return _cased(made, word.text)


def _adjective(language: str, word: Word, gender: str, plural: bool) -> str:
    """The nominative of an adjective in a gender and number, made of its masculine lemma."""
    lemma = word.lemma
    for masculine, (feminine, neuter, many) in _ADJECTIVES.get(language, {}).items():
        if not lemma.endswith(masculine):
            continue
        stem = lemma[: len(lemma) - len(masculine)]
        if plural:
            made = stem + many
        elif gender == "Fem":
            made = stem + ("яя" if language == "ru" and lemma.endswith("ний") else feminine)
        elif gender == "Neut":
            soft = language == "ru" and _SOFT_RU.search(lemma)
            hard = language == "pl" and masculine == "i" and stem[-1:] not in "kg"
            made = stem + ("ее" if soft else "ie" if hard else neuter)
        else:
            # Names take the definite form in Slovene: "Evropski parlament".
            same = language == "sl" and word.text.lower().endswith(("ega", "emu", "em", "im", "i"))
            made = lemma + ("i" if same and not masculine else "")
        return _cased(made, word.text)
    return _cased(lemma, word.text)


def _bulgarian(words: Sequence[Word]) -> list[str]:
    """The first word with a definite article loses it; nothing else is inflected."""
    result = [word.text for word in words]
    for i, word in enumerate(words):
        if _fixed("bg", word) or word.text in _QUOTES:
            break
        low = word.text.lower()
        for article, bare in _ARTICLES:
            if low.endswith(article) and len(low) > len(article) + 2:
                made = word.lemma if bare is None and word.pos else low.removesuffix(article) + (bare or "и")
                result[i] = _cased(made, word.text)
                return result
        if word.pos not in ("ADJ", "DET"):
            break
    return result


def _cased(made: str, original: str) -> str:
    """Write a word as the original is written: in capitals, with a capital, or small."""
    if len(original) > 1 and original.isupper():
        return made.upper()
    return made[:1].upper() + made[1:] if original[:1].isupper() else made


__all__ = ["Rules", "base_of", "make_rules"]
