"""Words as word vectors and dictionaries know them: small letters, one word for all numbers, one for URLs."""

import re
from functools import lru_cache

NUMBER, URL = "num", "url"
_NUMBER = re.compile(r"[+\-−]?\d+(?:[.,:/\-–   ]\d+)*%?")
_URL = re.compile(r"(?:https?://|ftp://|www\.)\S+|\S+@\S+\.\S+", re.IGNORECASE)


@lru_cache(200_000)
def word_key(word: str, lower: bool = True, placeholders: bool = True) -> str:
    """Write a word as it is looked up.

    Huang, May and Peng (2019, section 3.1) "lowercase the data and replace numbers and URLs as “num” and
    “url”". Here that is only how a token is looked up: the text and its offsets stay as they are.

    word (str): The text of a token.
    lower (bool): Write it in small letters.
    placeholders (bool): Write "num" for numbers, also those with separators, and "url" for URLs and mail
        addresses.
    RETURNS (str): The word to look up.
    """
    if placeholders:
        if _NUMBER.fullmatch(word):
            return NUMBER
        if _URL.fullmatch(word):
            return URL
    return word.lower() if lower else word


def like(word: str, model: str) -> str:
    """Give a word the capital letters of another one.

    word (str): A word in small letters.
    model (str): The word whose place it takes.
    RETURNS (str): All in capitals if the model is, and has more than one letter; with a capital at its
        beginning if the model has one; else as it is.
    """
    if len(model) > 1 and model.isupper():
        return word.upper()
    return word[:1].upper() + word[1:] if model[:1].isupper() else word
