"""What a method for base forms is told about a document: its names, their context, its other words."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from spacy.tokens import Doc, Span

from ..characters import visible
from .scripts import Piece, pieces_of

# What stands for the words before the first and after the last one.
EDGE = ""


@dataclass(frozen=True)
class Name:
    """A name in its place.

    form (str): The name as it stands in the text, without invisible characters.
    label (str): Its type.
    left (tuple[str, str]): The word before it and the one before that, in small letters.
    right (str): The word after it, in small letters.
    pieces (list[Piece]): The words and signs of the name.
    """

    form: str
    label: str
    left: tuple[str, str]
    right: str
    pieces: list[Piece]


@dataclass
class Text:
    """The names of a document.

    language (str | None): Its language.
    names (list[Name]): Its names.
    words (Counter[str]): Its other words, in small letters, and how often they occur.
    spans (list[Span]): The spans of the names, for methods that need their tokens.
    group (str): Texts that share their names: the topic.
    """

    language: str | None
    names: list[Name]
    words: Counter[str] = field(default_factory=Counter)
    spans: list[Span] = field(default_factory=list)
    group: str = ""


def names_of(doc: Doc, spans: Sequence[Span] | None = None) -> Text:
    """Collect the names of a document.

    doc (Doc): The document.
    spans (Sequence[Span] | None): Its names; by default its entities.
    RETURNS (Text): The names in the same order.
    """
    spans = list(doc.ents if spans is None else spans)
    words = [token.lower_ for token in doc] if spans else []
    counts = Counter(words)
    for span in spans:
        counts.subtract(words[span.start : span.end])
    names = [_name(span, words) for span in spans]
    return Text(doc._.language, names, +counts, spans)


def _name(span: Span, words: list[str]) -> Name:
    start, end = span.start, span.end
    left = (words[start - 1] if start else EDGE, words[start - 2] if start > 1 else EDGE)
    right = words[end] if end < len(words) else EDGE
    form = visible(span.text)
    return Name(form, span.label_, left, right, pieces_of(form))


def merge(texts: Iterable[Text]) -> Text:
    """Make one text of the parts of a document.

    texts (Iterable[Text]): Its parts, at least one.
    RETURNS (Text): The document's names in the order of the parts.
    """
    first, *rest = texts
    result = replace(first, names=list(first.names), words=Counter(first.words), spans=list(first.spans))
    for text in rest:
        result.names += text.names
        result.spans += text.spans
        result.words.update(text.words)
    return result
