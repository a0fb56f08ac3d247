"""Edit scripts: how one piece of a name becomes the piece of its base form.

A name is cut into pieces, words and signs, each with the white space after it. A script takes an ending
off a piece and puts another in its place ("Bidena" → "Biden": "a" → ""), says what happens to capitals
and to the white space. Pieces that the base form lacks become empty, pieces that it has besides are part
of the ending of the piece before them, so names and base forms of different lengths need no exception.
The ending stands in the script as it is written, so it is clear which scripts fit a piece; apart from that
they are the suffix rules of UDPipe's and spaCy's lemmatisers (Straka and Straková, 2017, section 3;
Müller et al., 2015, "Joint Lemmatization and Morphological Tagging with Lemming", section 3.1).
"""

import re
from dataclasses import dataclass
from typing import NamedTuple

from ..characters import COMBINING

_PIECE = re.compile(rf"([\w{COMBINING}]+|[^\w\s])(\s*)")


class Piece(NamedTuple):
    """A word or sign of a name.

    text (str): Its characters.
    space (str): The white space after it.
    """

    text: str
    space: str


class Script(NamedTuple):
    """What to do with a piece.

    old (str): The ending that goes, in small letters.
    new (str): The ending that comes, in small letters; it may hold blanks and signs.
    case (str): "keep", or what is done to the result: "lower", "upper", "title", "first_lower".
    space (str | None): The white space after the piece; None keeps what is there.
    """

    old: str = ""
    new: str = ""
    case: str = "keep"
    space: str | None = None


IDENTITY = Script()
_CASES = {
    "keep": lambda text: text,
    "lower": str.lower,
    "upper": str.upper,
    "title": lambda text: text[:1].upper() + text[1:].lower(),
    "first_lower": lambda text: text[:1].lower() + text[1:],
    "first_upper": lambda text: text[:1].upper() + text[1:],
}


@dataclass(frozen=True)
class Lesson:
    """A name and its base form as scripts.

    pieces (list[Piece]): The pieces of the name.
    scripts (list[Script]): The script of each.
    exact (bool): Whether the scripts give the base form with its capitals; else they give it but for them.
    """

    pieces: list[Piece]
    scripts: list[Script]
    exact: bool


def pieces_of(text: str) -> list[Piece]:
    """RETURNS (list[Piece]): The words and signs of a text; white space before them is dropped."""
    return [Piece(*match) for match in _PIECE.findall(text)]


def apply(script: Script, piece: Piece) -> str:
    """Apply a script.

    script (Script): A script whose ending the piece has.
    piece (Piece): The piece.
    RETURNS (str): The piece of the base form with the white space after it.
    """
    text, space = piece
    stem = text[: len(text) - len(script.old)]
    # A word in capitals gets its new ending in capitals: "РОССИИ", "РОССИЯ".
    new = script.new.upper() if len(text) > 1 and text.isupper() else script.new
    result = _CASES[script.case](stem + new)
    return result + (space if script.space is None else script.space)


def fits(script: Script, lowered: str) -> bool:
    """RETURNS (bool): Whether a piece in small letters has the ending that the script takes off."""
    return lowered.endswith(script.old)


def learn(form: str, base: str) -> Lesson:
    """Find the scripts that make a base form from a name.

    form (str): The name as it stands in the text.
    base (str): Its base form.
    RETURNS (Lesson): Its pieces and scripts; both are empty for a name of white space.
    """
    pieces = pieces_of(form)
    targets = _targets(pieces, pieces_of(base.strip()))
    scripts = [_script(piece, target) for piece, target in zip(pieces, targets, strict=True)]
    made = "".join(apply(s, p) for s, p in zip(scripts, pieces, strict=True)).strip()
    return Lesson(pieces, scripts, made == " ".join(base.split()))


def _targets(pieces: list[Piece], bases: list[Piece]) -> list[str]:
    """The text of the base form that each piece of the name becomes, with the white space after it."""
    pairs = _align([p.text.lower() for p in pieces], [b.text.lower() for b in bases])
    targets = [""] * len(pieces)
    waiting = ""  # what the base form has before the first piece of the name
    last = None
    for i, j in pairs:
        text = "" if j is None else bases[j].text + (bases[j].space and " ")
        if i is None and last is None:
            waiting += text
        elif i is None:
            targets[last] += text
        else:
            targets[i], waiting, last = waiting + text, "", i
    return targets


def _align(forms: list[str], bases: list[str]) -> list[tuple[int | None, int | None]]:
    """Align pieces so that the endings that change are short; None stands for nothing."""
    if len(forms) == len(bases):
        return [(i, i) for i in range(len(forms))]
    n, m = len(forms), len(bases)
    cost = [[0.0] * (m + 1) for _ in range(n + 1)]
    step: dict[tuple[int, int], tuple[int, int]] = {}
    for i in range(n + 1):
        for j in range(m + 1):
            ways = []
            if i and j:
                ways.append((cost[i - 1][j - 1] + _distance(forms[i - 1], bases[j - 1]), (1, 1)))
            if i:
                ways.append((cost[i - 1][j] + 0.6, (1, 0)))
            if j:
                ways.append((cost[i][j - 1] + 0.6, (0, 1)))
            if ways:
                cost[i][j], step[i, j] = min(ways)
    pairs: list[tuple[int | None, int | None]] = []
    i, j = n, m
    while i or j:
        a, b = step[i, j]
        pairs.append((i - 1 if a else None, j - 1 if b else None))
        i, j = i - a, j - b
    return pairs[::-1]


def _common(a: str, b: str) -> int:
    """The length of the common beginning."""
    n = 0
    while n < len(a) and n < len(b) and a[n] == b[n]:
        n += 1
    return n


def _distance(a: str, b: str) -> float:
    """0 for the same piece, 1.2 for two that begin differently."""
    return 1.2 * (1 - _common(a, b) / max(len(a), len(b)))


def _script(piece: Piece, target: str) -> Script:
    """The script that makes a target, white space included, from a piece."""
    text = target.rstrip()
    space = target[len(text) :]
    same_space = None if bool(space) == bool(piece.space) else space
    low, low_target = piece.text.lower(), text.lower()
    if len(low) != len(piece.text) or len(low_target) != len(text):  # "İ" is two characters in small letters
        low, low_target = piece.text, text
    shared = _common(low, low_target)
    script = Script(low[shared:], low_target[shared:], "keep", same_space)
    wanted = target if same_space is not None else text + piece.space
    for case in _CASES:
        if apply(cased := script._replace(case=case), piece) == wanted:
            return cased
    return script
