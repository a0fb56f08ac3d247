"""From mentions with character offsets to the entities of a Doc, and back."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from spacy.tokens import Doc, Span
from spacy.util import filter_spans

from ..attributes import TYPES, set_attributes
from .report import Report

NO_ID = "-1"


@dataclass(frozen=True)
class Mention:
    """A name as annotation files give it.

    form (str): The name as it stands in the text.
    lemma (str): Its base form.
    type (str): Its type, such as PER.
    id (str): Its cross-lingual id; "-1" if there is none.
    start (int): Character offset in the text; -1 if the format gives none.
    end (int): Offset of the character after it.
    line (int | None): The line of the file it comes from.
    """

    form: str
    lemma: str
    type: str
    id: str
    start: int = -1
    end: int = -1
    line: int | None = None

    def place(self) -> dict[str, int | str | None]:
        """RETURNS (dict): The fields of a report's record that say where the mention is."""
        found = self.start >= 0
        start, end = (self.start, self.end) if found else (None, None)
        return {"line": self.line, "start": start, "end": end, "text": self.form}


def set_mentions(
    doc: Doc, mentions: Iterable[Mention], report: Report, path: str, types: Collection[str] = TYPES
) -> None:
    """Make mentions the entities of a Doc; all other tokens are outside of entities.

    A mention that does not begin and end at token edges, and the shorter one of two that overlap,
    are left out and recorded.

    doc (Doc): The document.
    mentions (Iterable[Mention]): Mentions with offsets.
    report (Report): Takes the counts and the records.
    path (str): The annotation file, for the records.
    types (Collection[str]): The types that are expected; others are recorded.
    """
    set_attributes()
    spans: dict[Span, Mention] = {}
    for mention in mentions:
        report.count("mentions")
        if mention.type not in types:
            detail = mention.type or "empty"
            report.add("a type that is not the task's", path, detail=detail, kept=True, **mention.place())
        span = doc.char_span(mention.start, mention.end, label=mention.type, kb_id=mention.id)
        if span is None:
            report.add("not on token edges", path, detail=_around(doc, mention), **mention.place())
        elif span in spans:
            report.add("repeated mention", path, **mention.place())
        else:
            spans[span] = mention
    kept = filter_spans(list(spans))
    for span in [span for span in spans if span not in set(kept)]:
        other = next(k.text for k in kept if k.start < span.end and span.start < k.end)
        report.add("overlaps a longer mention", path, detail=other, **spans[span].place())
    doc.set_ents(kept, default="outside")
    for span in kept:
        span._.base_form = spans[span].lemma
    report.count("annotated", len(kept))


def _around(doc: Doc, mention: Mention, width: int = 10) -> str:
    """The tokens' text around a mention that is not on token edges."""
    before = doc.text[max(0, mention.start - width) : mention.start]
    after = doc.text[mention.end : mention.end + width]
    return f"{before}|{mention.form}|{after}".replace("\n", " ")


def get_mentions(doc: Doc) -> list[Mention]:
    """Read a Doc's entities as mentions.

    doc (Doc): The document.
    RETURNS (list[Mention]): Its mentions in the order of the text. An entity without base form has
        its own text for it, one without an id has "-1".
    """
    set_attributes()
    return [
        Mention(
            form=ent.text,
            lemma=ent.text if ent._.base_form is None else ent._.base_form,
            type=ent.label_,
            id=ent.kb_id_ or NO_ID,
            start=ent.start_char,
            end=ent.end_char,
        )
        for ent in doc.ents
    ]
