"""Reverse translation: annotated text of one language in the words of another.

Huang, May and Peng (2019, section 2): words of the training corpus are replaced by those of a bilingual
dictionary, and "source and target languages" are learnt "jointly".
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from spacy.tokens import Doc

from ..attributes import set_attributes
from ..errors import InputError
from .dictionaries import DictionaryT, find_dictionary
from .documents import rewrite, sentences
from .embeddings import Embeddings, read_embeddings
from .words import like, word_key


class Translator:
    """Translates documents word by word; words that the dictionary lacks stay.

    Among several translations the one with the highest score is taken (equation 1):

        F(w, t) = α cos(E(w), E(t)) + (1 - α) Σ_j cos(E(t), E(c_j)) / (d_j + 1)²

    E are bilingual vectors, c_j the other words of the sentence in the source language, d_j their distance
    from w in words: 1 for its neighbours. How many context words there are is not said; here it is the
    whole sentence unless `window` is given. A cosine with a word without a vector counts 0; a translation
    without one is taken only where none has one. Of equal translations the dictionary's first is taken.

    dictionary (DictionaryT): Translations of words in small letters.
    vectors (Embeddings): Bilingual vectors of both languages' words in small letters.
    source (str): ISO 639-1 code of the language to translate from.
    target (str): That of the language to translate into, which the documents get.
    alpha (float): The trade-off α, 0.5 in the paper.
    window (int): Context words on each side; 0 for the whole sentence.
    """

    def __init__(
        self,
        dictionary: DictionaryT,
        vectors: Embeddings,
        source: str,
        target: str,
        alpha: float = 0.5,
        window: int = 0,
    ) -> None:
        set_attributes()
        self.dictionary, self.vectors, self.source, self.target = dictionary, vectors, source, target
        self.alpha, self.window = alpha, window
        self.translated = self.words = self.documents = 0

    def scores(self, words: list[str], at: int, translations: list[str]) -> np.ndarray:
        """Score the translations of a word.

        words (list[str]): The words of a sentence, as they are looked up.
        at (int): The place of the word.
        translations (list[str]): Its translations.
        RETURNS (numpy.ndarray): F of each (translations,).
        """
        return self._scores(self._rows(words), at, translations)

    def _scores(self, context: np.ndarray, at: int, translations: list[str]) -> np.ndarray:
        """The same of the unit vectors of a sentence's words (words, width)."""
        cosines = self._rows(translations) @ context.T
        distance = np.abs(np.arange(len(context)) - at)
        weight = (1 - self.alpha) / (distance + 1.0) ** 2
        weight[(distance > self.window) & (self.window > 0)] = 0.0
        weight[at] = self.alpha
        return cosines @ weight

    def _rows(self, words: list[str]) -> np.ndarray:
        """Unit vectors of words (words, width), 0 for those without one."""
        rows = np.array([self.vectors.rows.get(word, -1) for word in words])
        return np.where(rows[:, None] >= 0, self.vectors.unit[rows], 0.0)

    def words_of(self, sentence: list[str]) -> list[str]:
        """Translate the words of a sentence.

        sentence (list[str]): Its words as they are written.
        RETURNS (list[str]): As many words, with the capital letters of those whose place they take.
        """
        context, result = self._rows([word_key(word) for word in sentence]), list(sentence)
        for at, word in enumerate(sentence):
            translations = self.dictionary.get(word.lower(), [])
            if not translations:
                continue
            # Without a vector it would score 0, more than what goes badly with the sentence.
            translations = [t for t in translations if t in self.vectors.rows] or translations
            if len(translations) > 1:
                best = int(np.argmax(self._scores(context, at, translations)))
                translations = translations[best : best + 1]
            result[at] = like(translations[0], word)
            self.translated += 1
        self.words += len(sentence)
        return result

    def __call__(self, doc: Doc) -> Doc:
        """Translate a document.

        doc (Doc): The document.
        RETURNS (Doc): A new one with as many tokens, the same names and attributes but for its language, and
            the sentences of `documents.sentences`; its `doc_id` ends in the language. Base forms and links
            are not taken over.
        """
        words = [word for sentence in sentences(doc) for word in self.words_of([t.text for t in sentence])]
        result = rewrite(doc, words)
        result._.language = self.target
        result._.doc_id = f"{doc._.doc_id or 'document'}.{self.target}"
        self.documents += 1
        return result

    def require_translations(self) -> None:
        """RAISES (InputError): So far there was nothing to translate, or no word that the dictionary has."""
        if not self.documents:
            remedy = "Give the language of its documents as the one to translate from"
            raise InputError(f"the corpus has no documents in {self.source}", remedy=remedy)
        if not self.translated:
            raise InputError(
                f"none of {self.words:,} words of the corpus is among the {len(self.dictionary):,} of the "
                f"dictionary from {self.source} to {self.target}",
                remedy="Check the languages and the direction of the dictionary",
            )


def make_translator(
    dictionary: Path | str,
    vectors: Path | str,
    source: str,
    target: str,
    alpha: float = 0.5,
    window: int = 0,
) -> Translator:
    """Make a translator of files.

    dictionary (Path | str): A dictionary or a folder with dictionaries, see `find_dictionary`.
    vectors (Path | str): Joint vectors, see `read_embeddings`.
    source (str): Language to translate from.
    target (str): Language to translate into.
    alpha (float): See `Translator`.
    window (int): See `Translator`.
    RETURNS (Translator): The translator.
    """
    words = find_dictionary(dictionary, source, target)
    return Translator(words, read_embeddings(vectors, limit=0), source, target, alpha, window)


def is_in(doc: Doc, language: str) -> bool:
    """RETURNS (bool): Whether a document is in a language; one that does not say so is."""
    return doc._.language in (language, None)


def translate_docs(docs: Iterable[Doc], translator: Translator, with_source: bool = True) -> Iterator[Doc]:
    """Translate a corpus.

    docs (Iterable[Doc]): The documents.
    translator (Translator): Translates those in its source language.
    with_source (bool): Give each of these before its translation, too.
    YIELDS (Doc): The documents; those in other languages as they are.
    RAISES (InputError): At the end, if nothing was translated.
    """
    for doc in docs:
        translates = is_in(doc, translator.source)
        if with_source or not translates:
            yield doc
        if translates:
            yield translator(doc)
    translator.require_translations()
