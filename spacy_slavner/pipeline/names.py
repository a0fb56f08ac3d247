"""What the name recognisers share: types of names, what examples teach, rules for what was found."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy
from spacy.attrs import ENT_IOB, ORTH, SENT_START
from spacy.tokens import Doc
from spacy.training import Example
from spacy.util import logger

from ..characters import is_blank
from ..errors import InputError
from ..tagging import Scheme

SCORE_WEIGHTS = {
    "ents_f": 1.0,
    "ents_p": 0.0,
    "ents_r": 0.0,
    "ents_per_type": None,
    "bsnlp_rpm_f": 0.0,
    "bsnlp_rem_f": 0.0,
    "bsnlp_sm_f": 0.0,
}


class Entity(NamedTuple):
    """A predicted name: tokens `start` to `end` (exclusive), its type and probability."""

    start: int
    end: int
    label: str
    confidence: float | None


class Gold(NamedTuple):
    """What an Example teaches, in the tokens of its predicted Doc.

    spans (list[tuple[int, int, str]]): Names (start, end, label).
    known (numpy.ndarray): Tokens whose annotation is known (tokens,), bool.
    misaligned (int): Names that do not fall on token edges.
    """

    spans: list[tuple[int, int, str]]
    known: numpy.ndarray
    misaligned: int


class NameTypes:
    """Types of names and a tag scheme, kept in `cfg` and saved with the weights; for components."""

    cfg: dict[str, Any]

    @property
    def labels(self) -> tuple[str, ...]:
        """The types of names."""
        return tuple(self.cfg["labels"])

    @property
    def label_data(self) -> list[str]:
        """The types of names, as `[initialize.components.….labels]` takes them."""
        return list(self.cfg["labels"])

    @property
    def scheme(self) -> Scheme:
        """The tag scheme."""
        return Scheme(self.cfg["scheme"])

    def _set_labels(self, types: Counter[str], skipped: Counter[str], labels: Sequence[str] | None) -> None:
        """Take the types of names from the examples, or those given, and say what is not learned."""
        for label in sorted(types) if labels is None else labels:
            if label not in self.cfg["labels"]:
                self.cfg["labels"].append(label)
                self.vocab.strings.add(label)
        if not self.labels:
            raise InputError(
                f"no types of names for {self.name!r}: the examples have no entities",
                remedy=f"Annotate some, or set initialize.components.{self.name}.labels",
            )
        unknown = {label: n for label, n in types.items() if label not in self.labels}
        if unknown:
            skipped["names of types outside of the labels, taken for text"] = sum(unknown.values())
        for what, count in skipped.items():
            logger.warning("%s: %d %s", self.name, count, what)

    def _loaded(self) -> Any:
        for label in self.labels:
            self.vocab.strings.add(label)
        return self


def sentence_starts(doc: Doc) -> numpy.ndarray:
    """Whether each token starts a sentence (tokens,); the first always does."""
    starts = numpy.zeros(len(doc), dtype=bool)
    if len(doc):
        starts |= doc.to_array(SENT_START) == 1
        starts[0] = True
    return starts


def training_starts(example: Example, gold: Gold) -> numpy.ndarray:
    """Sentence starts of the predicted Doc, else those of the reference."""
    starts = sentence_starts(example.predicted)
    if not example.predicted.has_annotation("SENT_START") and len(starts):
        if _same_tokens(example):
            starts |= sentence_starts(example.reference)
        else:
            starts |= numpy.array([s is True for s in example.get_aligned_sent_starts()])
    return starts


def _same_tokens(example: Example) -> bool:
    predicted, reference = example.predicted, example.reference
    return len(predicted) == len(reference) and bool(
        (predicted.to_array(ORTH) == reference.to_array(ORTH)).all()
    )


def gold_names(example: Example) -> Gold:
    """Read an Example's names in the tokens of the predicted Doc."""
    predicted, reference = example.predicted, example.reference
    if not len(predicted) or not reference.has_annotation("ENT_IOB"):
        return Gold([], numpy.zeros(len(predicted), dtype=bool), 0)
    if _same_tokens(example):
        known = reference.to_array(ENT_IOB) != 0
        entities, misaligned = reference.ents, 0
        for i in (~known).nonzero()[0].tolist():
            known[i] = reference[i].is_space
    else:
        entities, tags = example.get_aligned_ents_and_ner()
        known = numpy.array([tag is not None for tag in tags])
        misaligned = len(reference.ents) - len(entities)
    return Gold([(e.start, e.end, e.label_) for e in entities], known, misaligned)


def inside_names(gold: Gold) -> numpy.ndarray:
    """Whether each token continues a name, so that no sentence may start there (tokens,)."""
    inside = numpy.zeros(len(gold.known), dtype=bool)
    for start, end, _ in gold.spans:
        inside[start + 1 : end] = True
    return inside


def survey(examples: Iterable[Example]) -> tuple[list[Doc], Counter[str], Counter[str]]:
    """Read examples once: some documents, the types of names, and what cannot be learnt from."""
    docs: list[Doc] = []
    types: Counter[str] = Counter()
    skipped: Counter[str] = Counter()
    for example in examples:
        gold = gold_names(example)
        if len(docs) < 10 and len(example.predicted):
            docs.append(example.predicted)
        types.update(label for _, _, label in gold.spans)
        if not gold.known.any():
            skipped["documents without annotation of names: they give no loss"] += 1
            continue
        skipped["names off the token edges: their sentences give no loss"] += gold.misaligned
        skipped["tokens of unknown annotation: their sentences give no loss"] += int((~gold.known).sum())
    return docs, types, +skipped


# Which mark closes which: the same marks open in one language and close in another.
_CLOSES = {
    "„": '“”‟"',
    "“": "”",
    "”": "”",
    "‟": "”",
    '"': '"”',
    "«": "»",
    "»": "«",
    "‚": "‘’'",
    "‘": "’",
    "’": "’",
    "'": "'’",
    "‹": "›",
    "›": "‹",
}
QUOTES = frozenset("".join([*_CLOSES, *_CLOSES.values()]))


def repair_quotes(doc: Doc, start: int, end: int) -> tuple[int, int]:
    """Take unpaired quotation marks off the edges of a name.

    Arkhipov et al. (2019, section 4.2) found names with an opening quotation mark and no closing
    one, and "filter out all single quotation marks in the predicted entities". We read: a mark
    that has no partner inside the name is taken off, and the name stays. Only marks that are
    tokens of their own at an edge can go, since a span has no holes; an unpaired mark in the
    middle stays, and so does an apostrophe inside a token.

    doc (Doc): The document.
    start (int): First token of the name.
    end (int): The token after the last.
    RETURNS (tuple[int, int]): The new edges, equal if nothing but unpaired marks was there.
    """
    if doc[start].text not in QUOTES and doc[end - 1].text not in QUOTES:
        return start, end
    open_marks: list[int] = []
    for i in range(start, end):
        mark = doc[i].text
        if mark not in QUOTES:
            continue
        if open_marks and mark in _CLOSES[doc[open_marks[-1]].text]:
            open_marks.pop()
        else:
            open_marks.append(i)
    unpaired = set(open_marks)
    while start < end and start in unpaired:
        start += 1
    while start < end and end - 1 in unpaired:
        end -= 1
    return start, end


def trim_spaces(doc: Doc, start: int, end: int) -> tuple[int, int]:
    """Take what is not seen off the edges of a name: white space, as spaCy demands, and invisible characters.

    doc (Doc): The document.
    start (int): First token of the name.
    end (int): The token after the last.
    RETURNS (tuple[int, int]): The new edges, equal if nothing else was there.
    """
    while start < end and is_blank(doc[start].text):
        start += 1
    while start < end and is_blank(doc[end - 1].text):
        end -= 1
    return start, end


def clean_edges(doc: Doc, start: int, end: int, quotes: bool) -> tuple[int, int]:
    """Take off the edges of a name what no name begins or ends with.

    doc (Doc): The document.
    start (int): First token of the name.
    end (int): The token after the last.
    quotes (bool): Whether unpaired quotation marks are such, see `repair_quotes`; white space always is.
    RETURNS (tuple[int, int]): The new edges, equal if nothing is left.
    """
    start, end = trim_spaces(doc, start, end)
    if quotes and start < end:
        start, end = trim_spaces(doc, *repair_quotes(doc, start, end))
    return start, end
