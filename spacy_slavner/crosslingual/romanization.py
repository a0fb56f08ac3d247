"""Romanisation by the rules of `uroman` (Hermjakob, May and Knight, 2018).

uroman reads seconds of tables and takes about two milliseconds a word, which is more than finding the
names costs. Slavic Cyrillic therefore goes through a table that was read off uroman itself
(`make_table`, saved beside this module): the output of every letter, of letters at the beginning and
of pairs at the end of a word, and of the pairs that are not the sum of their letters. Latin loses its
marks as in uroman; umlauts become "ae", "oe" and "ue" as there, but in German alone. Every other script
stays as it is, unless uroman itself is asked for. English stays as it is too: Huang, May and Peng (2019,
section 2) keep "the English words unchanged".
"""

import json
import re
import unicodedata
from functools import cache, lru_cache
from importlib.util import find_spec
from pathlib import Path

from ..errors import InputError

TABLE = Path(__file__).with_name("romanization.json")
UROMAN_CODES = {"ru": "rus", "uk": "ukr", "bg": "bul"}
_ALPHABETS = {
    "ru": "абвгдежзийклмнопрстуфхцчшщъыьэюяё",
    "uk": "абвгґдеєжзиіїйклмнопрстуфхцчшщьюя",
    "bg": "абвгдежзийклмнопрстуфхцчшщъьюя",
}
# Letters of other Slavic alphabets, which any of the tables knows.
_OTHERS = "абвгґдђѓеєёжзѕиіїйјкќлљмнњопрстћуўфхцчџшщъыьэюяѣѫ"
_LATIN = str.maketrans(
    {"ł": "l", "Ł": "L", "đ": "d", "Đ": "D", "ø": "o", "Ø": "O", "ß": "ss", "æ": "ae", "Æ": "Ae",
     "œ": "oe", "Œ": "Oe", "ð": "d", "þ": "th", "ı": "i", "ħ": "h"}
)  # fmt: skip
# uroman's in every language; here only where they are umlauts.
_GERMAN = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue"})
_WORD = re.compile(r"[\w'’ʼ]+")
ENGLISH, GERMAN = "en", "de"
# What is neither Latin nor punctuation.
_FOREIGN = re.compile(r"[^\u0000-\u024f\u2000-\u206f]+")


def romanize(text: str, language: str | None = None, *, all_scripts: bool = False) -> str:
    """Write text in plain Latin letters as uroman does.

    text (str): Text in any script.
    language (str | None): Its language, ISO 639-1; without one, Cyrillic reads as Ukrainian where it
        has that alphabet's own letters and as Russian elsewhere. In English, Latin letters stay as they are.
    all_scripts (bool): Hand what is neither Latin nor Slavic Cyrillic to uroman, which takes seconds
        once.
    RETURNS (str): The text; upper case stays upper case.
    RAISES (InputError): uroman is asked for and not installed.
    """
    if text.isascii():
        return text
    text = unicodedata.normalize("NFC", text)
    text = _WORD.sub(lambda match: _word(match.group(), language), text)
    if not all_scripts or text.isascii():
        return text
    if language == ENGLISH:
        return _FOREIGN.sub(lambda match: _uroman().romanize_string(match.group()), text)
    return _uroman().romanize_string(text)


@lru_cache(maxsize=65536)
def _word(word: str, language: str | None) -> str:
    if word.isascii() or (language == ENGLISH and not _FOREIGN.search(word)):
        return word
    if language == GERMAN:
        word = word.translate(_GERMAN)
    lower = word.lower()
    if len(lower) == len(word) and any(c in _OTHERS for c in lower):
        word = _cyrillic(word, lower, _table(language, lower))
    plain = "".join(c for c in unicodedata.normalize("NFKD", word.translate(_LATIN)) if not _is_mark(c))
    return plain.replace("’", "'").replace("ʼ", "'")


def _is_mark(character: str) -> bool:
    return unicodedata.combining(character) != 0


def _table(language: str | None, lower: str) -> dict[str, dict[str, str]]:
    if language not in UROMAN_CODES:
        language = "uk" if set(lower) & set("іїєґ") else "ru"
    return _tables()[language]


@cache
def _tables() -> dict[str, dict[str, dict[str, str]]]:
    return json.loads(TABLE.read_text(encoding="utf8"))


def _cyrillic(word: str, lower: str, table: dict[str, dict[str, str]]) -> str:
    """Romanise a word: ends first, then pairs, then letters."""
    out, i = [], 0
    while i < len(word):
        pair = lower[i : i + 2]
        if i + 2 == len(word) and pair in table["last"]:
            new, step = table["last"][pair], 2
        elif i == 0 and lower[0] in table["first"]:
            new, step = table["first"][lower[0]], 1
        elif pair in table["pairs"]:
            new, step = table["pairs"][pair], 2
        else:
            new, step = table["letters"].get(lower[i], word[i]), 1
        if word[i] != lower[i]:
            # An acronym stays in capitals: НАТО, but Юлия is Yuliya.
            shout = len(word) > 1 and word.isupper()
            new = new.upper() if shout else new[:1].upper() + new[1:]
        out.append(new)
        i += step
    return "".join(out)


@cache
def _uroman():
    if find_spec("uroman") is None:
        raise InputError("uroman is not installed", remedy='Run pip install "spacy-slavner[scripts]"')
    import uroman

    return uroman.Uroman()


def make_table() -> dict[str, dict[str, dict[str, str]]]:
    """Read the table off uroman.

    RETURNS (dict): By language: "letters" inside a word, "first" letters and "last" pairs where they
        differ, "pairs" inside a word that are not the sum of their letters.
    RAISES (InputError): If uroman is not installed.
    """
    tables = {}
    for language, alphabet in _ALPHABETS.items():
        code = UROMAN_CODES[language]

        def say(text: str, code: str = code) -> str:
            return _uroman().romanize_string(text, lcode=code)

        def inside(text: str, say=say) -> str:
            return say(f"с{text}с").removeprefix("s").removesuffix("s")

        letters = {c: inside(c) for c in dict.fromkeys(alphabet + _OTHERS)}
        first = {c: say(f"{c}с").removesuffix("s") for c in letters}
        pairs = {a + b: inside(a + b) for a in alphabet for b in alphabet}
        last = {a + b: say(f"с{a}{b}").removeprefix("s") for a in alphabet for b in alphabet}
        sums = {a + b: letters[a] + letters[b] for a in alphabet for b in alphabet}
        tables[language] = {
            "letters": letters,
            "first": {c: x for c, x in first.items() if x != letters[c]},
            "pairs": {p: x for p, x in pairs.items() if x != sums[p]},
            "last": {p: x for p, x in last.items() if x != pairs[p]},
        }
    return tables


def save_table(path: Path | str = TABLE) -> None:
    """Write the table that `romanize` reads.

    path (Path | str): The file.
    RAISES (InputError): If uroman is not installed.
    """
    from ..files import whole_file

    with whole_file(path) as file:
        text = json.dumps(make_table(), ensure_ascii=False, indent=0, sort_keys=True)
        file.write_text(text + "\n", encoding="utf8")


__all__ = ["make_table", "romanize", "save_table"]
