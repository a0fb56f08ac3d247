"""The custom attributes of Doc, Span and Token, registered in one place, and the colours of the types."""

from spacy.tokens import Doc, Span, Token

LANGUAGES = ("bg", "cs", "pl", "ru", "sl", "uk")
TYPES = ("PER", "LOC", "ORG", "PRO", "EVT")

DISPLACY_COLORS = {
    "PER": "#ffd966",
    "LOC": "#9fd3a5",
    "ORG": "#8ec5ff",
    "PRO": "#f4b183",
    "EVT": "#d5a6e6",
}

# Doc: language (ISO 639-1) and its probability; where the document comes from.
DOC_ATTRIBUTES = ("language", "language_score", "doc_id", "topic", "source", "date", "url")
# Span: base form of a name; probability of the name under the CRF; the language of a sentence and its
# probability.
SPAN_ATTRIBUTES = ("base_form", "confidence", "language", "language_score")
# Doc: what only a reader knows; the types of names that its corpus annotates, None for all there are.
READER_ATTRIBUTES = ("annotated_types",)
# Doc: what only a prediction has; the most likely ways to tag each sentence.
PREDICTION_ATTRIBUTES = ("ner_nbest",)


def romanized(token: Token) -> str:
    """RETURNS (str): A token in plain Latin letters by the rules of `doc._.language`: `token._.romanized`."""
    from .crosslingual.romanization import romanize

    return romanize(token.text, token.doc._.language)


def set_attributes() -> None:
    """Register the custom attributes; harmless when they are there already."""
    for name in (*DOC_ATTRIBUTES, *READER_ATTRIBUTES, *PREDICTION_ATTRIBUTES):
        if not Doc.has_extension(name):
            Doc.set_extension(name, default=None)
    for name in SPAN_ATTRIBUTES:
        if not Span.has_extension(name):
            Span.set_extension(name, default=None)
    if not Token.has_extension("romanized"):
        # Not kept with the document: the romanisation of words is cached, and the language may change.
        Token.set_extension("romanized", getter=romanized)
