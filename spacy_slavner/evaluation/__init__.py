"""Scores of names, base forms, links and languages, and the report on them."""

from .bsnlp import Document, Mention, Scores, score
from .examples import evaluate_examples
from .spans import SpanDocument, score_spans, score_words

__all__ = [
    "Document",
    "Mention",
    "Scores",
    "SpanDocument",
    "evaluate_examples",
    "score",
    "score_spans",
    "score_words",
]
