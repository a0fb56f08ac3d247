"""Exact-match precision, recall and F1 of spans and words, overall and by type, language, length.

A span is right when its type and both its edges are (the CoNLL shared tasks' rule; the figures
equal seqeval's). A word is right when it lies in a name of the right type; where in the name it
stands (B- or I-) does not matter.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

# Type, first token, one past the last token.
Span = tuple[str, int, int]


@dataclass(slots=True)
class SpanDocument:
    """The reference's and the system's spans over the same tokens.

    gold (set[Span]): Spans of the reference, as (type, start, end) with end exclusive.
    predicted (set[Span]): Spans of the system.
    language (str): ISO 639-1 code; empty if unknown.
    """

    gold: set[Span] = field(default_factory=set)
    predicted: set[Span] = field(default_factory=set)
    language: str = ""


@dataclass(slots=True)
class SpanCounts:
    """How many spans are right, wanted and given."""

    correct: int = 0
    gold: int = 0
    predicted: int = 0

    def to_dict(self) -> dict[str, float | int]:
        """RETURNS (dict): "p", "r", "f" as fractions of 1, 0 for nothing out of nothing; counts."""
        p = self.correct / self.predicted if self.predicted else 0.0
        r = self.correct / self.gold if self.gold else 0.0
        f = 2 * self.correct / (self.gold + self.predicted) if self.gold + self.predicted else 0.0
        return {
            "p": p,
            "r": r,
            "f": f,
            "gold": self.gold,
            "predicted": self.predicted,
            "correct": self.correct,
        }


def score_spans(documents: Iterable[SpanDocument]) -> dict[str, dict]:
    """Score spans.

    documents (Iterable[SpanDocument]): What was wanted and what was found.
    RETURNS (dict): "overall" {"p", "r", "f", "gold", "predicted", "correct"}, and the same under
        "by_type", "by_language", "by_length" (tokens: "1", "2", "3+"; a span counts where its
        own length puts it, so that the shares of "correct" are those among the names found) and
        "by_language_and_type" ("cs PER").
    """
    documents = list(documents)
    return {
        "overall": _count(documents, lambda span, language: "all")["all"].to_dict(),
        "by_type": _table(documents, lambda span, language: span[0]),
        "by_language": _table(documents, lambda span, language: language),
        "by_length": _table(documents, lambda span, language: length_group(span[2] - span[1])),
        "by_language_and_type": _table(
            documents, lambda span, language: f"{language} {span[0]}" if language else ""
        ),
    }


def score_words(documents: Iterable[SpanDocument]) -> dict[str, dict]:
    """Score the words in spans, each on its own.

    documents (Iterable[SpanDocument]): What was wanted and what was found.
    RETURNS (dict): As `score_spans`, without "by_length".
    """
    words = [SpanDocument(_words(d.gold), _words(d.predicted), d.language) for d in documents]
    scores = score_spans(words)
    del scores["by_length"]
    return scores


def length_group(length: int) -> str:
    """The group of lengths a span is counted in: "1", "2" or "3+" tokens."""
    return str(length) if length < 3 else "3+"


def _words(spans: Iterable[Span]) -> set[Span]:
    return {(type_, i, i + 1) for type_, start, end in spans for i in range(start, end)}


def _table(documents: list[SpanDocument], group: Callable[[Span, str], str]) -> dict[str, dict]:
    counts = sorted(_count(documents, group).items())
    return {name: group_counts.to_dict() for name, group_counts in counts if name}


def _count(documents: list[SpanDocument], group: Callable[[Span, str], str]) -> dict[str, SpanCounts]:
    counts: dict[str, SpanCounts] = defaultdict(SpanCounts)
    for document in documents:
        for span in document.gold:
            cell = counts[group(span, document.language)]
            cell.gold += 1
            cell.correct += span in document.predicted
        for span in document.predicted:
            counts[group(span, document.language)].predicted += 1
    return counts
