"""Tag schemes: spans to tags and back, and which tag may follow which.

BIO (IOB2), IOB1 and BIOES are three ways to write spans as one tag per token. Encoding follows the
scheme to the letter; decoding is lenient in the way of conlleval (Tjong Kim Sang and De Meulder,
2003), so that it reads tags of any scheme, also ill-formed ones.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

OUTSIDE = "O"
SCHEMES = ("BIO", "IOB1", "BIOES")
# Other names of the same schemes.
ALIASES = {"IOB2": "BIO", "IOB": "IOB1", "BILOU": "BIOES", "IOBES": "BIOES"}
# BILOU writes L for the last token and U for a unit.
_PREFIXES = {"L": "E", "U": "S"}

Span = tuple[int, int, str]


def split_tag(tag: str) -> tuple[str, str]:
    """Split a tag into its prefix and its type: "B-PER" gives ("B", "PER").

    tag (str): The tag. A tag without a dash has the type "".
    RETURNS (tuple[str, str]): The prefix (one of O B I E S) and the type ("" for O).
    """
    prefix, _, label = tag.partition("-")
    prefix = _PREFIXES.get(prefix, prefix)
    if prefix not in ("B", "I", "E", "S"):
        return OUTSIDE, ""
    return prefix, label


def _starts(before: tuple[str, str], here: tuple[str, str]) -> bool:
    """Whether a span starts at the tag `here` that follows the tag `before` (conlleval's rules)."""
    if here[0] == OUTSIDE:
        return False
    return here[0] in "BS" or before[0] in (OUTSIDE, "E", "S") or before[1] != here[1]


def spans_from_tags(tags: Iterable[str]) -> list[Span]:
    """Read spans from tags of any scheme, leniently: a span that does not begin well still begins.

    tags (Iterable[str]): One tag per token.
    RETURNS (list[tuple[int, int, str]]): Spans (start, end, label) of tokens, end exclusive.
    """
    spans: list[Span] = []
    start, before = 0, (OUTSIDE, "")
    i = -1
    for i, tag in enumerate(tags):
        here = split_tag(tag)
        begins = _starts(before, here)
        if before[0] != OUTSIDE and (begins or here[0] == OUTSIDE):
            spans.append((start, i, before[1]))
        if begins:
            start = i
        before = here
    if before[0] != OUTSIDE:
        spans.append((start, i + 1, before[1]))
    return spans


@dataclass(frozen=True)
class Scheme:
    """A tag scheme by name.

    name (str): "BIO" (also "IOB2"), "IOB1" (also "IOB") or "BIOES" (also "BILOU", "IOBES").
    RAISES (ValueError): The name is none of these.
    """

    name: str = "BIO"

    def __post_init__(self) -> None:
        name = ALIASES.get(self.name.upper(), self.name.upper())
        if name not in SCHEMES:
            raise ValueError(f"unknown tag scheme {self.name!r}: choose one of {SCHEMES}")
        object.__setattr__(self, "name", name)

    @property
    def prefixes(self) -> str:
        """The letters before the dash, as in "BI"."""
        return "BIES" if self.name == "BIOES" else "BI"

    def labels(self, types: Sequence[str]) -> list[str]:
        """Give all tags of the scheme, "O" first.

        types (Sequence[str]): Types of spans, such as PER.
        RETURNS (list[str]): Tags, type by type in the order given.
        """
        return [OUTSIDE, *(f"{prefix}-{label}" for label in types for prefix in self.prefixes)]

    def tags_from_spans(self, n_tokens: int, spans: Iterable[Span]) -> list[str]:
        """Write spans as one tag per token.

        n_tokens (int): Number of tokens.
        spans (Iterable[tuple[int, int, str]]): Spans (start, end, label) in any order.
        RETURNS (list[str]): The tags.
        RAISES (ValueError): A span is empty or out of range, or two spans overlap.
        """
        tags = [OUTSIDE] * n_tokens
        end_before, label_before = 0, ""
        for start, end, label in sorted(spans):
            if not 0 <= start < end <= n_tokens:
                raise ValueError(f"span {start}-{end} is empty or outside of {n_tokens} tokens")
            if start < end_before:
                raise ValueError(f"span {start}-{end} overlaps the span that ends at {end_before}")
            touches = start > 0 and start == end_before and label == label_before
            for i in range(start, end):
                tags[i] = f"{self._prefix(i == start, i == end - 1, touches)}-{label}"
            end_before, label_before = end, label
        return tags

    def _prefix(self, first: bool, last: bool, touches: bool) -> str:
        """The letter for a token that is first or last in a span which touches one of its type."""
        if self.name == "IOB1":
            return "B" if first and touches else "I"
        if self.name == "BIOES" and last:
            return "S" if first else "E"
        return "B" if first else "I"

    def spans_from_tags(self, tags: Iterable[str]) -> list[Span]:
        """Read spans from tags, as the function of that name."""
        return spans_from_tags(tags)

    def legal_start(self, tag: str) -> bool:
        """Whether a sequence may start with the tag."""
        return self.legal_transition(OUTSIDE, tag)

    def legal_end(self, tag: str) -> bool:
        """Whether a sequence may end with the tag."""
        return self.legal_transition(tag, OUTSIDE)

    def legal_transition(self, before: str, after: str) -> bool:
        """Whether one tag may follow another.

        before (str): The tag of a token.
        after (str): The tag of the next token.
        RETURNS (bool): True if a sequence written by the scheme can hold the two in this order.
        """
        (prefix, label), (next_prefix, next_label) = split_tag(before), split_tag(after)
        same = label == next_label
        if self.name == "IOB1":
            # B only parts a span from one of the same type right before it.
            return next_prefix != "B" or (prefix != OUTSIDE and same)
        if self.name == "BIO":
            return next_prefix != "I" or (prefix != OUTSIDE and same)
        inside = prefix in ("B", "I")
        return (next_prefix in ("I", "E") and same) if inside else next_prefix in ("O", "B", "S")
