"""Silver-standard corpora: names that trained pipelines agree on, in text that nobody has annotated.

What several pipelines say together is right more often than what one says, and text about other things
teaches names that the annotated text lacks: self-training, and the distillation of several seeds into one.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import tee
from typing import NamedTuple

from spacy.language import Language
from spacy.tokens import Doc, Span

from ..corpora.sources import set_origin
from ..crosslingual.documents import rewrite
from ..errors import InputError

TOPIC = "silver"


class Text(NamedTuple):
    """A text to be labelled.

    name (str): What it is called.
    text (str): The text.
    language (str | None): Its language, if it is known.
    """

    name: str
    text: str
    language: str | None


def label(pipelines: Sequence[Language], texts: Iterable[Text], least: float) -> Iterator[Doc]:
    """Find names in texts with several pipelines at once.

    pipelines (Sequence[Language]): The pipelines; where one gives a name no confidence it is sure of it.
    texts (Iterable[Text]): The texts; they are streamed.
    least (float): The least mean confidence of a name over the pipelines, 0 in those that lack it.
    YIELDS (Doc): Each text with the likeliest of its names that do not overlap, its sentences, its language,
        and all types that the pipelines know as `doc._.annotated_types`.
    RAISES (InputError): A pipeline finds no names, or two cut a text into different tokens.
    """
    types = sorted(set().union(*map(types_of, pipelines)))
    copies = tee(texts, len(pipelines))
    streams = [nlp.pipe(_docs(nlp, some)) for nlp, some in zip(pipelines, copies, strict=True)]
    for docs in zip(*streams, strict=True):
        first = docs[0]
        if any([token.text for token in doc] != [token.text for token in first] for doc in docs[1:]):
            raise InputError(
                f"the pipelines cut the text {first._.doc_id!r} into different tokens",
                remedy="Take pipelines with one tokenizer, such as several seeds of one system",
            )
        yield _labelled(first, agreed(docs, least), types)


def types_of(nlp: Language) -> set[str]:
    """Give the types of names that a pipeline knows.

    nlp (Language): The pipeline.
    RETURNS (set[str]): The labels of its components that set `doc.ents`.
    RAISES (InputError): It has no such component.
    """
    finders = [name for name in nlp.pipe_names if "doc.ents" in nlp.get_pipe_meta(name).assigns]
    found = {label for name in finders for label in nlp.pipe_labels.get(name, ())}
    if not found:
        remedy = "Give one with crf_ner or another component that sets doc.ents"
        raise InputError(f"the pipeline {nlp.meta['name']!r} finds no names", remedy=remedy)
    return found


def agreed(docs: Sequence[Doc], least: float) -> list[tuple[int, int, str]]:
    """Choose among the names that several pipelines have found in one text.

    docs (Sequence[Doc]): The text with the names of each pipeline; all have the same tokens.
    least (float): The least mean confidence.
    RETURNS (list[tuple[int, int, str]]): First token, end and type of the names: the likeliest first, each
        unless it overlaps with one before it.
    """
    sums: Counter[tuple[int, int, str]] = Counter()
    for doc in docs:
        for ent in doc.ents:
            confidence = ent._.confidence
            sums[ent.start, ent.end, ent.label_] += 1.0 if confidence is None else confidence
    kept: list[tuple[int, int, str]] = []
    taken: set[int] = set()
    for name, total in sorted(sums.items(), key=lambda item: (-item[1], item[0])):
        tokens = range(*name[:2])
        if total >= least * len(docs) and taken.isdisjoint(tokens):
            kept.append(name)
            taken.update(tokens)
    return kept


def _docs(nlp: Language, texts: Iterable[Text]) -> Iterator[Doc]:
    for name, text, language in texts:
        yield set_origin(nlp.make_doc(text), doc_id=name, language=language, topic=TOPIC, source=name)


def _labelled(doc: Doc, names: list[tuple[int, int, str]], types: list[str]) -> Doc:
    """A document with these names, and without whatever else a pipeline has set."""
    doc.set_ents([Span(doc, start, end, label=type_) for start, end, type_ in names])
    result = rewrite(doc, [token.text for token in doc])
    result._.annotated_types = types
    return result
