"""The registered scorers, for `[components.x.scorer]` in a config."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from .bsnlp import LINKING, RECOGNITION
from .examples import annotated_examples, score_examples, score_languages

if TYPE_CHECKING:
    from spacy.training import Example

ScorerT = Callable[..., dict[str, Any]]


def make_bsnlp_scorer() -> ScorerT:
    """Create the scorer of names, `spacy-slavner.bsnlp_scorer.v1`.

    RETURNS (Callable): See `score_names`.
    """
    return score_names


def make_language_scorer() -> ScorerT:
    """Create the scorer of languages, `spacy-slavner.language_scorer.v1`.

    RETURNS (Callable): See `score_language`.
    """
    return score_language


def score_names(examples: Iterable[Example], **kwargs: Any) -> dict[str, Any]:
    """Score names by spans, as spaCy does, and by the rules of the BSNLP shared tasks.

    examples (Iterable[Example]): Predictions and references; those whose reference has no
        annotation of entities are left out.
    RETURNS (dict[str, Any]): "ents_p", "ents_r", "ents_f", "ents_per_type"; "bsnlp_rpm_p", "…_r",
        "…_f", likewise rem, sm and norm; and the F of linking in "bsnlp_lea_document",
        "bsnlp_lea_language" and "bsnlp_lea_cross_language". Values are fractions of 1, and None
        where there is nothing to score.
    """
    from spacy.scorer import get_ner_prf

    annotated = annotated_examples(examples)
    result = get_ner_prf(annotated)
    scores = score_examples(annotated)
    overall = scores.split()[()] if scores else {}
    for metric in RECOGNITION:
        for key in "prf":
            result[f"bsnlp_{metric.lower()}_{key}"] = overall[metric][key] if overall else None
    for metric in LINKING:
        result[f"bsnlp_{metric.lower()}"] = overall[metric]["f"] if overall else None
    return result


def score_language(examples: Iterable[Example], **kwargs: Any) -> dict[str, Any]:
    """Score `doc._.language` against the reference's.

    examples (Iterable[Example]): Predictions and references; those whose reference has no
        language are left out.
    RETURNS (dict[str, Any]): "lang_acc", the share that is right, and "lang_per_type"
        {language: {"p", "r", "f"}}; None where no reference has a language.
    """
    scores = score_languages(examples)
    if scores is None:
        return {"lang_acc": None, "lang_per_type": None}
    per_type = {
        language: {key: counts[key] for key in "prf"} for language, counts in scores["by_language"].items()
    }
    return {"lang_acc": scores["accuracy"], "lang_per_type": per_type}
