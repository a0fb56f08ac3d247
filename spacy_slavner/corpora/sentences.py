"""Where sentences end: rules over raw text, with one list of abbreviations per language."""

import re
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path

from ..errors import InputError

FOLDER = Path(__file__).parent / "abbreviations"
# A function from text to the offsets at which sentences start (offset 0 is left out).
SentenceStartsT = Callable[[str], list[int]]

GENERIC = "xx"
OPENERS = "„“”«»‹›\"'‘’‚([{–—―-•*¿¡"
# Either a line break, or closing punctuation and blanks before something that may be a sentence.
CANDIDATE = re.compile(
    r"""
    (?P<line>[\n\r\v\f\x85\u2028\u2029]\s*)
    | (?P<end>[.!?…‽]+) (?P<close>["'’”“»›«‹)\]}]*) (?:[^\S\n\r\v\f\x85\u2028\u2029]|[\u200b\ufeff])+
    """,
    re.VERBOSE,
)
OPENING = re.compile(rf"[{re.escape(OPENERS)}\s]*")
# Two initials or more, written together: "А.В.", "J.F."
INITIALS = re.compile(r"(?:[^\W\d_]{1,2}\.)+-?[^\W\d_]{1,2}\Z")
LONGEST_WORD = 24
# Nothing that these stand before can be the start of a sentence.
CONTINUES = frozenset(",;:.!?…%)]}/&=+")


class SentenceRules:
    """Rules for one language: abbreviations, initials, dates, quotation marks, line breaks.

    names (Iterable[str]): Abbreviations that stand before names: their full stop ends nothing.
    numbers (Iterable[str]): Abbreviations that stand before numbers: "art. 5", "č. 7".
    """

    def __init__(self, names: Iterable[str] = (), numbers: Iterable[str] = ()) -> None:
        self.names = frozenset(names)
        self.numbers = frozenset(numbers)

    def __call__(self, text: str) -> list[int]:
        """Find the sentences of a text.

        text (str): Raw text.
        RETURNS (list[int]): Ascending offsets at which sentences start, without offset 0.
        """
        starts: list[int] = []
        last = 0
        for match in CANDIDATE.finditer(text):
            end = match.end()
            if end == len(text):
                break
            if self._line_ends(text, match) if match["line"] else self._ends(text, match, last):
                starts.append(end)
                last = end
        return starts

    @staticmethod
    def _line_ends(text: str, match: re.Match) -> bool:
        """A line break ends a sentence unless a single one cuts a running line."""
        if match["line"].count("\n") > 1 or not text[match.end()].islower():
            return True
        before = text[max(0, match.start() - 4) : match.start()].rstrip()
        return not before or not (before[-1].isalnum() or before[-1] in ",-–—")

    def _ends(self, text: str, match: re.Match, last: int) -> bool:
        """Closing punctuation ends a sentence unless what stands around it says otherwise."""
        first = text[match.end()]
        if not first.isalnum():
            if first in CONTINUES:
                return False
            opened = OPENING.match(text, match.end()).end()
            first = text[opened] if opened < len(text) else first
        if first.islower():
            return False
        if match["end"] != ".":
            return True
        return not self._abbreviated(text, match, last, first)

    def _abbreviated(self, text: str, match: re.Match, last: int, first: str) -> bool:
        stop = match.start()
        words = text[max(last, stop - LONGEST_WORD) : stop].split()
        if not words or text[stop - 1].isspace():
            return False
        word = words[-1].lstrip(OPENERS)
        if not word:
            return False
        if word.isdigit():
            # An ordinal before a small letter ("5. května") never comes as far as this. Before a
            # capital, more numbers end a sentence than not; "22. 12." is a date, and at the start
            # of a sentence "1." is the number of an item.
            item = len(words) == 1 and stop - len(word) - last <= 1
            return item or (len(word) < 3 and text[match.end()].isdigit())
        if len(word) == 1 and word.isupper():
            return True
        if INITIALS.match(word) and word[0].isupper():
            return True
        lower = word.lower()
        # "в г. Москве" is a town, "в 2019 г." a year: after a figure, one letter is a unit.
        unit = len(word) == 1 and len(words) > 1 and words[-2][-1].isdigit()
        if self._known(lower, first) and not unit:
            return True
        if len(words) > 1 and words[-2].endswith(".") and len(lower) <= 3:
            # "т. е.", "m. in.": the abbreviation is written with a blank inside.
            return self._known(words[-2].lstrip(OPENERS).lower() + lower, first)
        return False

    def _known(self, word: str, first: str) -> bool:
        return word in self.names or (word in self.numbers and (first.isdigit() or first in "IVX"))


@cache
def rules_for(language: str | None) -> SentenceRules:
    """Give the rules of a language, or those for text in an unknown one.

    language (str | None): ISO 639-1 code; "xx", None or a code without a list: generic rules,
        which know the abbreviations of all the lists that none of the languages uses as words.
    RETURNS (SentenceRules): The rules.
    """
    if language in languages():
        names, numbers = read_abbreviations(FOLDER / f"{language}.txt")
        return SentenceRules(names, numbers)
    lists = [read_abbreviations(FOLDER / f"{known}.txt") for known in languages()]
    return SentenceRules(set().union(*(x for x, _ in lists)), set().union(*(y for _, y in lists)))


@cache
def languages() -> tuple[str, ...]:
    """RETURNS (tuple[str, ...]): The languages that have a list of abbreviations."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.txt")))


def read_abbreviations(path: Path) -> tuple[set[str], set[str]]:
    """Read a list of abbreviations: words without their last full stop, under two headings.

    path (Path): The file.
    RETURNS (tuple[set[str], set[str]]): Those before names, those before numbers.
    RAISES (InputError): Where a word stands under no heading, or a heading is unknown.
    """
    sections: dict[str, set[str]] = {"[before names]": set(), "[before numbers]": set()}
    current = None
    for number, line in enumerate(path.read_text(encoding="utf8").splitlines(), 1):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        if line.startswith("["):
            current = sections.get(line)
        elif current is not None:
            current.update(line.lower().split())
        if current is None:
            remedy = f"Put abbreviations under {' or '.join(sections)}"
            raise InputError("No such heading of abbreviations", path=path, line=number, remedy=remedy)
    return tuple(sections.values())
