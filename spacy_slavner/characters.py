"""Characters that do not show: white space, marks of the layout, marks that change the letter before them."""

import re

# Python's \w leaves out combining marks, which decomposed text (NFD) has inside of words.
COMBINING = "\u0300-\u036f\u0483-\u0487"
SOFT_HYPHEN = "\u00ad"

_INVISIBLE = (
    rf"\x00-\x08\x0e-\x1f\x7f-\x9f{SOFT_HYPHEN}\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff"
)
_BLANK = re.compile(rf"[\s{_INVISIBLE}]+")
_HIDDEN = re.compile(f"[{_INVISIBLE}]+")


def is_blank(text: str) -> bool:
    """Whether a text has nothing that shows: white space and invisible characters alone.

    text (str): The text.
    RETURNS (bool): False for an empty text.
    """
    return _BLANK.fullmatch(text) is not None


def visible(text: str) -> str:
    """Take invisible characters out of a text, such as the soft hyphens in its words.

    text (str): The text.
    RETURNS (str): What shows, with its white space; a zero-width space, where a line may break, is a space.
    """
    return _HIDDEN.sub("", text.replace("\u200b", " "))
