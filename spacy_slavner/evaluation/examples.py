"""From spaCy's examples to the plain records that are scored, and every score at once."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from ..attributes import set_attributes
from .bsnlp import NO_ID, Document, Mention, Scores, score
from .confusions import count_confusions
from .spans import SpanCounts, SpanDocument, score_spans, score_words

if TYPE_CHECKING:
    from spacy.tokens import Doc
    from spacy.training import Example


def evaluate_examples(examples: Iterable[Example]) -> dict[str, Any]:
    """Every score of this package for a processed corpus.

    examples (Iterable[Example]): Predictions and references, for instance after `nlp.evaluate` or
        with `example.predicted = nlp(text)`. Those whose reference has no annotation of entities
        do not count for names, those without a language not for languages.
    RETURNS (dict[str, Any]): "documents", "skipped" (without annotation of entities), "tokens";
        "span" (`score_spans`), "word" (`score_words`) and "confusions" (`count_confusions`; all three None
        where neither side has a name), "bsnlp" (as `score --json`; None without a name of the shared
        task's types) and "language" (`score_languages`).
    """
    examples = list(examples)
    annotated = annotated_examples(examples)
    spans = [aligned_spans(example) for example in annotated]
    scores = score_examples(annotated)
    some = any(document.gold or document.predicted for document in spans)
    return {
        "documents": len(annotated),
        "skipped": len(examples) - len(annotated),
        "tokens": sum(len(example.reference) for example in annotated),
        "span": score_spans(spans) if some else None,
        "word": score_words(spans) if some else None,
        "confusions": count_confusions(spans) if some else None,
        "bsnlp": scores and scores.to_dict(),
        "language": score_languages(examples),
    }


def annotated_examples(examples: Iterable[Example]) -> list[Example]:
    """The examples whose reference says where names are, or that there are none."""
    return [example for example in examples if example.reference.has_annotation("ENT_IOB")]


def aligned_spans(example: Example) -> SpanDocument:
    """The names of an example over the reference's tokens.

    example (Example): Prediction and reference, whose tokens may differ.
    RETURNS (SpanDocument): As spaCy's own scorer: a predicted name over tokens without annotation
        is neither right nor wrong.
    """
    set_attributes()
    reference, predicted = example.reference, set()
    x2y = example.alignment.x2y
    for ent in example.predicted.ents:
        indices = x2y[ent.start : ent.end]
        if len(indices):
            start, end = int(indices[0]), int(indices[-1]) + 1
            if all(token.ent_iob for token in reference[start:end]):
                predicted.add((ent.label_, start, end))
    gold = {(ent.label_, ent.start, ent.end) for ent in reference.ents}
    return SpanDocument(gold, predicted, reference._.language or "")


def score_examples(examples: Iterable[Example]) -> Scores | None:
    """The scores of the BSNLP shared tasks.

    examples (Iterable[Example]): Predictions and references. Examples with the same topic, language
        and document id (from the reference) are pieces of one document.
    RETURNS (Scores | None): The scores; None where neither side has a name of the five types.
    """
    set_attributes()
    gold, system = [], []
    for index, example in enumerate(examples):
        context = example.reference._
        key = (context.topic or "", context.language or "", context.doc_id or f"#{index}")
        gold.append(Document(*key, mentions_of(example.reference)))
        system.append(Document(*key, mentions_of(example.predicted)))
    scores = score(gold, system)
    return scores if scores.counts["SM"] else None


def mentions_of(doc: Doc) -> list[Mention]:
    """The names of a Doc as the shared task's records.

    doc (Doc): With `doc.ents`; base forms in `span._.base_form`, entities in `span.kb_id_`.
    RETURNS (list[Mention]): A name without a base form stands for itself; names without an id share
        one entity, as in the official evaluator.
    """
    return [
        Mention(ent.text, ent._.base_form or ent.text, ent.label_, ent.kb_id_ or NO_ID) for ent in doc.ents
    ]


def score_languages(examples: Iterable[Example]) -> dict[str, Any] | None:
    """How often the language was recognised.

    examples (Iterable[Example]): Predictions and references with `doc._.language`; those whose
        reference has none, or no words, are left out.
    RETURNS (dict[str, Any] | None): "accuracy", "documents" and "by_language" {language: {"p", "r",
        "f", "gold", "predicted", "correct"}}; None if no reference has a language.
    """
    set_attributes()
    worded = (e for e in examples if e.reference.text.strip())
    pairs = [(e.reference._.language, e.predicted._.language) for e in worded]
    pairs = [(gold, predicted) for gold, predicted in pairs if gold]
    if not pairs:
        return None
    counts: dict[str, SpanCounts] = {}
    for gold, predicted in pairs:
        counts.setdefault(gold, SpanCounts()).gold += 1
        counts[gold].correct += gold == predicted
        if predicted:
            counts.setdefault(predicted, SpanCounts()).predicted += 1
    return {
        "accuracy": sum(gold == predicted for gold, predicted in pairs) / len(pairs),
        "documents": len(pairs),
        "by_language": {language: counts[language].to_dict() for language in sorted(counts)},
    }
