"""Bilingual dictionaries in the form of MUSE (Conneau et al., 2018): a word and a translation a line."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from ..errors import InputError

# Dictionaries are English-centred: other pairs go through it.
PIVOT = "en"
REMEDY = "Each line has a word, a TAB or space, and one translation"

# Translations of each word, the likeliest first.
DictionaryT = dict[str, list[str]]


def read_dictionary(path: Path | str) -> DictionaryT:
    """Read a dictionary.

    path (Path | str): A text file in UTF-8, `word TAB translation` (or a space) on each line.
    RETURNS (DictionaryT): The translations of each word in small letters, in the order of the file.
    RAISES (InputError): The file cannot be read, is empty, or a line has not two fields.
    """
    return collect(_pairs(Path(path)))


def _pairs(path: Path) -> Iterator[tuple[str, str]]:
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise InputError("not UTF-8", path=path, remedy="Convert it to UTF-8") from error
    except OSError as error:
        raise InputError(f"the dictionary cannot be read ({error.strerror})", path=path) from error
    found = False
    for number, line in enumerate(lines, start=1):
        fields = line.split()
        if not fields:
            continue
        if len(fields) != 2:
            what = f"the line has {len(fields)} field{'s' * (len(fields) != 1)}, not two"
            raise InputError(what, path=path, line=number, remedy=REMEDY)
        found = True
        yield fields[0].lower(), fields[1].lower()
    if not found:
        raise InputError("the dictionary is empty", path=path, remedy=REMEDY)


def collect(pairs: Iterable[tuple[str, str]]) -> DictionaryT:
    """Put pairs together by their first words; each pair counts once.

    pairs (Iterable[tuple[str, str]]): Words and translations.
    RETURNS (DictionaryT): The translations of each word, in the order of their first appearance.
    """
    found: dict[str, dict[str, None]] = {}
    for word, translation in pairs:
        found.setdefault(word, {})[translation] = None
    return {word: list(translations) for word, translations in found.items()}


def pairs_of(dictionary: DictionaryT) -> Iterator[tuple[str, str]]:
    """YIELDS (tuple[str, str]): Each word with each of its translations."""
    for word, translations in dictionary.items():
        for translation in translations:
            yield word, translation


def reverse(dictionary: DictionaryT) -> DictionaryT:
    """RETURNS (DictionaryT): The dictionary of the other direction."""
    return collect((translation, word) for word, translation in pairs_of(dictionary))


def through(first: DictionaryT, second: DictionaryT) -> DictionaryT:
    """Make a dictionary of two that have a language in common.

    first (DictionaryT): From the source language to the common one.
    second (DictionaryT): From the common language to the target.
    RETURNS (DictionaryT): From source to target; translations to which most words of the common
        language lead come first. Words of the common language itself, which MUSE has as translations of
        themselves, are left out where there are others.
    """
    result: DictionaryT = {}
    for word, middles in first.items():
        routes: dict[str, int] = {}
        for middle in middles:
            for translation in second.get(middle, ()):
                routes[translation] = routes.get(translation, 0) + 1
        # What is the same in all three languages is no word of the common one alone.
        own = [translation for translation in routes if translation == word or translation not in middles]
        if routes:
            result[word] = sorted(own or routes, key=lambda translation: -routes[translation])
    return result


def find_dictionary(path: Path | str, source: str, target: str) -> DictionaryT:
    """Find the dictionary of two languages.

    path (Path | str): A file, which is taken as it is, or a folder with files such as pl-en.txt. Files of
        both directions are joined; a pair of languages without one goes through English.
    source (str): ISO 639-1 code of the language to translate from.
    target (str): That of the language to translate into.
    RETURNS (DictionaryT): The translations of each word.
    RAISES (InputError): There is no dictionary for one of the languages, or a file is bad.
    """
    path = Path(path)
    if path.is_file():
        return read_dictionary(path)
    if not path.is_dir():
        raise InputError("there is no such dictionary or folder with dictionaries", path=path)
    direct = _both_ways(path, source, target)
    if direct:
        return direct
    legs = {language: _both_ways(path, *pair) for language, pair in _legs(source, target).items()}
    for language, leg in legs.items():
        if not leg:
            there = {code for file in path.glob("*-*.txt") for code in file.stem.split("-")[:2]}
            raise InputError(
                f"there is no dictionary of {language!r} and {PIVOT!r}",
                path=path,
                remedy=f"Add {language}-{PIVOT}.txt; what there is: {', '.join(sorted(there)) or 'nothing'}",
            )
    result = through(legs[source], legs[target])
    if not result:
        raise InputError(f"no word leads from {source} through {PIVOT} to {target}", path=path)
    return result


def _legs(source: str, target: str) -> dict[str, tuple[str, str]]:
    """The two halves of a way through English; one, if English is at its end."""
    legs = {source: (source, PIVOT), target: (PIVOT, target)}
    return {language: pair for language, pair in legs.items() if language != PIVOT}


def _both_ways(folder: Path, source: str, target: str) -> DictionaryT:
    """What the files of both directions say; empty if there are none."""
    pairs: list[tuple[str, str]] = []
    if (ahead := folder / f"{source}-{target}.txt").is_file():
        pairs += pairs_of(read_dictionary(ahead))
    if (back := folder / f"{target}-{source}.txt").is_file():
        pairs += pairs_of(reverse(read_dictionary(back)))
    return collect(pairs)
