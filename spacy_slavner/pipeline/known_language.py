"""The component `known_language`: the language of texts that are all in one, without guessing."""

from spacy.language import Language
from spacy.pipeline.pipe import Pipe
from spacy.tokens import Doc

from ..attributes import set_attributes


@Language.factory("known_language", assigns=["doc._.language"], default_config={"language": None})
def make_known_language(nlp: Language, name: str, language: str | None) -> "KnownLanguage":
    """Make a component that knows the language of all texts.

    language (str | None): Its ISO 639-1 code; None if it is not known.
    RETURNS (KnownLanguage): The component.
    """
    return KnownLanguage(name, language)


class KnownLanguage(Pipe):
    """Sets `doc._.language` where there is none; `doc._.language_score` stays, since nothing is estimated.

    For names of a language that was not learnt: `language_id` would take it for one of those that were.
    Huang, May and Peng (2019) know which language they read.

    name (str): Name of the component.
    language (str | None): The language; with None documents are left alone.
    """

    def __init__(self, name: str = "known_language", language: str | None = None) -> None:
        set_attributes()
        self.name, self.language = name, language

    def __call__(self, doc: Doc) -> Doc:
        """Say the language of a document.

        doc (Doc): The document.
        RETURNS (Doc): The same document.
        """
        if doc._.language is None:
            doc._.language = self.language
        return doc
