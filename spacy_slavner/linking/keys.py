"""What two spellings of a name are compared by."""

import re
import unicodedata
from functools import lru_cache

from ..crosslingual.romanization import romanize

_INSIDE = re.compile(r"[\W_]+")
# Letters whose marks carry the sound, before the marks go.
_MARKED = str.maketrans(
    {"č": "ch", "ć": "ch", "š": "sh", "ś": "sh", "ž": "zh", "ź": "zh", "ż": "zh", "ť": "t"}
)
# English, German, French and Polish ways to write a sound, the longer first; then one letter for each
# class of consonants that the six languages take for each other. Vowels differ most and go, and with them
# j, zh and dzh: j is one sound in Johnson, another in Janša and a third in Juncker and Jean.
_CLUSTERS = (
    ("shch", "s"), ("sch", "s"), ("tch", "s"), ("dzh", ""), ("dj", ""), ("szcz", "s"), ("sz", "s"),
    ("cz", "s"), ("rz", ""), ("zh", ""), ("sh", "s"), ("ch", "s"), ("ts", "s"), ("kh", "g"), ("gh", "g"),
    ("ph", "v"), ("th", "t"), ("ck", "k"), ("ce", "s"), ("ci", "s"), ("cy", "s"), ("ge", ""), ("gi", ""),
    ("x", "ks"), ("qu", "kv"),
)  # fmt: skip
_CLASSES = str.maketrans({"w": "v", "f": "v", "z": "s", "q": "k", "c": "k", **dict.fromkeys("jyiaeou", "")})
_H = re.compile(r"(?<=\w)h")
_DOUBLE = re.compile(r"(.)\1+")


@lru_cache(maxsize=65536)
def fold(text: str) -> str:
    """Fold a name: letters and digits in lower case, single blanks between words.

    text (str): A name.
    RETURNS (str): The folded name; empty if it has neither letters nor digits.
    """
    return " ".join(_INSIDE.sub(" ", unicodedata.normalize("NFKC", text).lower()).split())


@lru_cache(maxsize=65536)
def roman(text: str, language: str | None = None) -> str:
    """Give the folded name in plain Latin letters.

    text (str): A name.
    language (str | None): Its language.
    RETURNS (str): For instance "boris dzhonson" for "Борис Джонсон".
    """
    return fold(romanize(fold(text), language))


@lru_cache(maxsize=65536)
def skeleton(text: str, language: str | None = None) -> str:
    """Give what a name sounds like: classes of consonants, word by word.

    text (str): A name.
    language (str | None): Its language.
    RETURNS (str): For instance "brs nsn" for "Борис Джонсон" and "Boris Johnson".
    """
    words = fold(text).split()
    if language == "cs":
        # Czech gives women's surnames an ending that the other languages do not have.
        words = [word.removesuffix("ová") if len(word) > 5 else word for word in words]
    text = " ".join(words).translate(_MARKED)
    return " ".join(_sound(word) for word in roman(text, language).split())


@lru_cache(maxsize=65536)
def _sound(word: str) -> str:
    head = word[:1]
    for cluster, sound in _CLUSTERS:
        word = word.replace(cluster, sound)
    word = _H.sub("", word).translate(_CLASSES)
    word = _DOUBLE.sub(r"\1", "g" + word[1:] if word.startswith("h") else word)
    # A word of vowels keeps its first letter: May and Мэй are not nothing.
    return word or head
