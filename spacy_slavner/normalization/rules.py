"""Rules that make a name's base form of what is known about its words.

The head of a name goes into the nominative, adjectives that agree with it go with it, and whatever else
follows the head stays as it is. A word alone has many readings ("Unii": genitive, dative or locative); which
one holds in a name is decided by agreement in case, gender and number, by what UDPipe reads in the sentence,
and by the other words of the document.
"""

import re
from bisect import bisect_right
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cache
from itertools import takewhile
from operator import itemgetter
from typing import NamedTuple

from spacy.tokens import Span

from .analysis import CASES, Source, UDPipe, Word
from .lexicons import Lexicon, make_lexicon
from .methods import BasesT
from .names import Text
from .paradigms import nominative, readings

# What ends a sentence; "" is a line break.
_ENDS = {".", "!", "?", "…", ""}
_QUOTES = set("\"'«»„“”‚‘’")
_NOMINAL, _ADJECTIVAL = ("NOUN", "PROPN"), ("ADJ", "DET", "VERB")
# What readings are worth: of UDPipe, from the tables of endings alone; a word that stays as it is.
_UDPIPE, _INVARIABLE, _STAYS = 0.6, 0.5, 0.3
# What a dictionary says below this is a guess of its own.
_SURE = 0.6
_OTHER = 0.1
# Unknown words that end so are mostly foreign and not inflected.
_BARE = re.compile("(?<![iиі])[ioeиіїоэ]$")
# How Polish declines foreign names: "Farage'a".
_APOSTROPHE = re.compile("['’](?:a|owi|em|m|ego|emu|u|ie|s)$")
# What speaks for or against a reading of the name.
_SEEN, _PLURAL, _NOMINATIVE, _MASCULINE, _MAN = 0.5, -0.35, 0.1, 0.05, 0.12
_KIND = 0.2
# An adjective is seldom a name without a noun.
_ALONE = -0.3
_IN_CONTEXT = {"Case": 0.2, "Number": 0.15, "Gender": 0.05}
_GENDERS = ("Masc", "Fem", "Neut")
_SLOVENE, _SURNAME = re.compile("([A-ZČŠŽ].+?)(?:ov|j?ev)(?:a|e|i|o)"), 0.65
# Small words inside persons' names.
_PARTICLES = set(
    "de da di du la le van von der den bin ibn ben al el ad ур аль фон де ван бин бен эль".split()
)
_SHORT = 4
_ARTICLES = (
    ("ския", "ски"),
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
    lemmatizers (Sequence[str]): Dictionaries, of which the first that knows a word is asked: "pymorphy3",
        "morfeusz2", "simplemma", "lemmagen3".
    RETURNS (Rules): The method.
    RAISES (InputError): If the folder does not exist or a lemmatiser is not installed.
    """
    return Rules([UDPipe(udpipe)], [make_lexicon(name) for name in lemmatizers])


class Rules:
    """Base forms from readings, by rules on agreement. Languages that no source knows are left to others.

    sources (Sequence[Source]): What reads sentences; the first that knows a language is asked.
    lexicons (Sequence[Lexicon]): What reads words; the first that knows a word is asked.
    """

    def __init__(self, sources: Sequence[Source], lexicons: Sequence[Lexicon] = ()) -> None:
        self.sources = list(sources)
        self.lexicons = list(lexicons)
        self._source = cache(self._find)

    def _find(self, language: str) -> Source | None:
        return next((source for source in self.sources if source.knows(language)), None)

    def predict(self, texts: Sequence[Text]) -> BasesT:
        """Give names their base forms.

        texts (Sequence[Text]): The texts, with spans.
        RETURNS (list[list[str | None]]): The base form of each name; None in a language that no source
            knows, except that the Bulgarian article goes without any source.
        """
        return [self._text(text) for text in texts]

    def _text(self, text: Text) -> list[str | None]:
        language = text.language or ""
        source = self._source(language) if language else None
        lexicons = [lexicon for lexicon in self.lexicons if lexicon.knows(language)]
        if source is None and not lexicons and language != "bg":
            return [None] * len(text.spans)
        seen = set(text.words).union(*(map(str.lower, name.form.split()) for name in text.names))
        if source:
            read = _in_context(source, language, text.spans)
        else:
            read = [[Word(token.text, token.lower_) for token in span] for span in text.spans]
        result = []
        for span, words in zip(text.spans, read, strict=True):
            known = [_read(lexicons, language, word.text) for word in words]
            bases = base_of(language, span.label_, words, known, seen)
            pairs = zip(bases, span, strict=True)
            result.append(" ".join("".join(b + t.whitespace_ for b, t in pairs).split()) or None)
        return result


def _in_context(source: Source, language: str, spans: Sequence[Span]) -> list[list[Word]]:
    """Read the sentences that names stand in, each once. A sign inside a name ends no sentence."""
    if not spans:
        return []
    doc = spans[0].doc
    inside = {i for span in spans for i in range(span.start + 1, span.end)}
    starts = [0, *(t.i + 1 for t in doc if t.text.strip() in _ENDS and t.i + 1 not in inside), len(doc)]
    read = cache(lambda k: source.read(language, [t.text for t in doc[starts[k] : starts[k + 1]]]))
    result = []
    for span in spans:
        k = bisect_right(starts, span.start) - 1
        result.append(read(k)[span.start - starts[k] : span.end - starts[k]])
    return result


def _read(lexicons: Sequence[Lexicon], language: str, word: str) -> Sequence[Word]:
    found = next(filter(None, (lexicon.read(language, word) for lexicon in lexicons)), ())
    first, hyphen, last = word.rpartition("-")
    if not first or not last or any(reading.weight > _SURE for reading in found):
        return found
    # Of a compound the last part is inflected.
    return [_compound(first + hyphen, reading) for reading in _read(lexicons, language, last)] or found


def _compound(first: str, last: Word) -> Word:
    def inflect(gender: str, number: str, people: bool) -> str | None:
        made = last.inflect(gender, number, people) if last.inflect else None
        return made and first + made

    return replace(last, text=first + last.text, lemma=first + last.lemma, inflect=inflect)


def base_of(
    language: str,
    label: str,
    words: Sequence[Word],
    known: Sequence[Sequence[Word]] | None = None,
    seen: Collection[str] = (),
) -> list[str]:
    """Make the words of a base form.

    language (str): The language.
    label (str): The name's type.
    words (Sequence[Word]): The words of the name, as read in their sentence.
    known (Sequence[Sequence[Word]] | None): The readings that a dictionary has of each word.
    seen (Collection[str]): The words of the document in small letters.
    RETURNS (list[str]): As many words.
    """
    if language == "bg":
        return _bulgarian(label, words, seen)
    result = [word.text for word in words]
    if result[0] in _QUOTES:
        return result
    choices = [
        [] if _fixed(language, word) else _choices(language, word, known[i] if known else (), seen)
        for i, word in enumerate(words)
    ]
    if len(words) == 1 and choices[0] and (lone := _lone_adjective(words[0], choices[0])):
        return [lone]
    parses = _parses(language, label, words, choices, seen)
    _, bases = max(parses, key=itemgetter(0), default=(0.0, {}))
    return [bases.get(i, text) for i, text in enumerate(result)]


def _fixed(language: str, word: Word) -> bool:
    """Whether a word is never inflected: signs, figures, acronyms, foreign writing."""
    text = word.text
    latin = any("a" <= c <= "z" for c in text.lower())
    foreign = language in ("ru", "uk", "bg") and latin
    return not text[:1].isalpha() or (len(text) > 1 and text.isupper()) or foreign


def _choices(language: str, word: Word, known: Sequence[Word], seen: Collection[str]) -> list[Word]:
    """The readings of a word: the dictionary's if it is sure, else also UDPipe's and what endings allow."""
    stem = _APOSTROPHE.sub("", word.text) if language == "pl" else word.text
    if stem != word.text:
        return [Word(word.text, stem, "PROPN")]
    guesses = readings(language, word.text)
    if any(reading.weight > _SURE for reading in known):
        # A lemmatiser has one lemma only, and may take an adjective for an adverb.
        others = () if any(reading.inflect for reading in known) else guesses
        return [*known, *(replace(guess, weight=guess.weight - _OTHER) for guess in others)]
    result = [*known, *guesses, *_surnames(language, word.text)]
    if word.features.get("Case") in CASES and word.lemma[:2].lower() == word.text[:2].lower():
        result.append(_plain(word))
    if word.text[:1].isupper() and _BARE.search(word.text):
        result.append(Word(word.text, word.text, "PROPN", weight=_INVARIABLE))
    return result


def _plain(word: Word) -> Word:
    """A reading of UDPipe in the terms of the tables: a dual counts as plural, a common gender as none."""
    number = "Sing" if word.features.get("Number", "Sing") == "Sing" else "Plur"
    features = {"Case": word.features["Case"], "Number": number}
    if word.features.get("Gender") in _GENDERS:
        features["Gender"] = word.features["Gender"]
    return replace(word, weight=_UDPIPE, features=features)


def _surnames(language: str, text: str) -> list[Word]:
    """Women's surnames in Slovene are made of the bare name: "Johnsonova", "Mayeva"."""
    found = _SLOVENE.fullmatch(text) if language == "sl" else None
    return [Word(text, found[1], "PROPN", {"Number": "Sing", "Gender": "Fem"}, _SURNAME)] if found else []


class _State(NamedTuple):
    """What the words of a name may agree in."""

    case: str
    number: str
    gender: str


# Which reading each word has that goes into the nominative; None if it stays as it is in a person's name.
_Group = dict[int, Word | None]


def _parses(
    language: str, label: str, words: Sequence[Word], choices: list[list[Word]], seen: Collection[str]
) -> Iterator[tuple[float, dict[int, str]]]:
    """Read a name in every case, number and gender that some word of it allows: score and new words."""
    person = label == "PER" and len(words) > 1
    for state in _states(choices):
        groups = _person(words, choices, state) if person else _phrase(language, words, choices, state)
        for group in filter(None, groups):
            adjectives = all(w.pos in _ADJECTIVAL for w in group.values() if w)
            if language == "sl" and label == "LOC" and adjectives and state.gender != "Fem":
                # Countries: "na Škotskem", "Škotska".
                if state.case == "Nom":
                    continue
                state = state._replace(gender="Fem")
            bases = {i: _base(language, label, w, state) for i, w in group.items() if w}
            score = sum(w.weight if w else _stays(i, state) for i, w in group.items())
            yield score + _prior(label, words, group, bases, state, seen), bases


def _states(choices: list[list[Word]]) -> Iterable[_State]:
    return dict.fromkeys(
        _State(w.features.get("Case", "Nom"), w.features.get("Number", "Sing"), gender)
        for found in choices
        for w in found
        for gender in ([w.features["Gender"]] if "Gender" in w.features else _GENDERS)
    )


def _best(found: Sequence[Word], state: _State, kinds: Sequence[str]) -> Word | None:
    """The best reading of a word that agrees. One that has no case, number or gender is not inflected."""
    fitting = (
        w
        for w in found
        if w.pos in kinds
        and w.features.get("Case", state.case) == state.case
        and w.features.get("Number", state.number) == state.number
        and w.features.get("Gender", state.gender) == state.gender
    )
    return max(fitting, key=lambda w: w.weight, default=None)


def _person(words: Sequence[Word], choices: list[list[Word]], state: _State) -> Iterator[_Group]:
    """First names and surnames agree; what cannot ("Angeli Merkel") stays as it is."""
    group = {
        i: _best(list(filter(_animate, found)), state, (*_NOMINAL, *_ADJECTIVAL))
        for i, found in enumerate(choices)
        if found and words[i].text not in _PARTICLES
    }
    if any(group.values()):
        yield group


def _animate(word: Word) -> bool:
    """Men's accusative is never the nominative."""
    features = word.features
    inanimate = features.get("Case") == "Acc" and features.get("Gender") == "Masc"
    return not (inanimate and word.lemma.lower() == word.text.lower())


def _stays(i: int, state: _State) -> float:
    """A woman's foreign surname is not inflected; a man's is."""
    return _STAYS if i and (state.gender == "Fem" or state.case == "Nom") else 0.0


def _phrase(
    language: str, words: Sequence[Word], choices: list[list[Word]], state: _State
) -> Iterator[_Group]:
    """The head, the adjectives before it, and those right after it that agree with it."""
    last = len(choices) - 1
    if last and all(found and max(w.weight for w in found) <= _SURE for found in choices):
        # Of a foreign name the last word is inflected: "Financial Timesa".
        final = _best(choices[last], state, _NOMINAL)
        yield dict.fromkeys(range(last)) | {last: final} if final else {}
    before: _Group = {}
    for i, found in enumerate(choices):
        if not before and _abbreviation(words, i):
            continue
        adjective, noun = (_best(found, state, kinds) for kinds in (_ADJECTIVAL, _NOMINAL))
        if noun or (before and not found):
            yield before | ({i: noun} if noun else {}) | _after(language, choices, i + 1, state)
        if not adjective:
            return
        before = before | {i: adjective}
    yield before


def _after(language: str, choices: list[list[Word]], start: int, state: _State) -> _Group:
    """Adjectives behind the head that are its own, not those of a noun that follows."""
    agreeing = (_best(found, state, _ADJECTIVAL) for found in choices[start:])
    result = dict(enumerate(takewhile(bool, agreeing), start))
    rest = choices[start + len(result) :]
    others = rest and (_best(rest[0], state, _NOMINAL) if language == "pl" else rest[0])
    return {} if others else result


def _abbreviation(words: Sequence[Word], i: int) -> bool:
    """Whether a word is abbreviated: "Wlk. Brytanii"."""
    text, follower = words[i].text, words[i + 1].text if i + 1 < len(words) else ""
    return text.endswith(".") or (follower == "." and len(text) < 4)


def _lone_adjective(word: Word, found: Sequence[Word]) -> str | None:
    """An adjective for a country is cited in the masculine: "британской", "британский"."""
    if not word.text[:1].islower() or any(reading.pos in _NOMINAL for reading in found):
        return None
    bases = (
        r.inflect("Masc", "Sing", False) if r.inflect else r.lemma for r in found if r.pos in _ADJECTIVAL
    )
    return next(filter(None, bases), None)


def _prior(
    label: str,
    words: Sequence[Word],
    group: _Group,
    bases: dict[int, str],
    state: _State,
    seen: Collection[str],
) -> float:
    """What speaks for a reading besides its words."""
    found = [w for w in group.values() if w]
    person = label == "PER"
    score = _NOMINATIVE * (state.case == "Nom")
    score += (_MAN if person else _MASCULINE) * (state.gender == "Masc")
    score += _ALONE * all(w.pos in _ADJECTIVAL for w in found)
    only = any(w.features.get("Only") == state.number for w in found)
    kinds = [w.features["Kind"] for w in found if "Kind" in w.features]
    # A common noun for people is a group of them: "labouristů".
    several = person and (words[0].text[:1].islower() or (found[0].inflect and not kinds))
    score += _PLURAL * (state.number == "Plur" and not only and not several)
    score += _KIND * sum(1 if kind == label else -1 for kind in kinds) / max(1, len(kinds))
    score += _SEEN * sum(b != words[i].text and b.lower() in seen for i, b in bases.items())
    context = (
        _IN_CONTEXT[name] * (words[i].features.get(name) == value)
        for i in bases
        for name, value in zip(_IN_CONTEXT, state, strict=True)
    )
    return score + sum(context) / len(group)


def _base(language: str, label: str, word: Word, state: _State) -> str:
    """The nominative of a word in the name's number, an adjective's also in its gender."""
    if state.case == "Nom" and "Case" in word.features:
        return word.text
    people = label == "PER"
    made = word.inflect(state.gender, state.number, people) if word.inflect else None
    if not made:
        pos = "ADJ" if word.pos in _ADJECTIVAL else "NOUN"
        lemma = pos == "NOUN" and (state.number == "Sing" or word.features.get("Only") == "Plur")
        made = None if lemma else nominative(language, word.lemma, pos, state.gender, state.number, people)
    return _cased(made or word.lemma, word.text)


def _bulgarian(label: str, words: Sequence[Word], seen: Collection[str]) -> list[str]:
    """The first word with a definite article loses it; nothing else is inflected."""
    result = [word.text for word in words]
    bare = result[0][:-1]
    if label != "PER" and result[0].endswith("а") and len(bare) > _SHORT and bare.lower() in seen:
        # The short article of masculine nouns; it is told from a feminine noun by the bare one.
        return [bare, *result[1:]]
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
