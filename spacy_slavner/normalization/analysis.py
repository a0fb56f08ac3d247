"""Where readings of words come from in context: UDPipe's models."""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol

from ..errors import InputError

CASES = ("Nom", "Gen", "Dat", "Acc", "Ins", "Loc")


@dataclass(frozen=True)
class Word:
    """A word as a source reads it.

    text (str): The word.
    lemma (str): Its lemma.
    pos (str): Its universal part of speech; "" if the source does not know.
    features (dict[str, str]): Its universal features, such as {"Case": "Gen"}.
    weight (float): How much the reading is to be trusted, beside others of the word.
    inflect (Callable[[str, str, bool], str | None] | None): Gives its nominative in a gender and number, and
        whether people are meant, where the source can.
    """

    text: str
    lemma: str
    pos: str = ""
    features: dict[str, str] = field(default_factory=dict, hash=False)
    weight: float = 1.0
    inflect: Callable[[str, str, bool], str | None] | None = field(default=None, compare=False, repr=False)


class Source(Protocol):
    """Reads sentences."""

    def knows(self, language: str) -> bool:
        """RETURNS (bool): Whether it has a model of a language."""
        ...

    def read(self, language: str, words: Sequence[str]) -> list[Word]:
        """RETURNS (list[Word]): What it knows about the words of a sentence."""
        ...


class UDPipe:
    """UDPipe 1 over tokens that are there: no offset moves (Straka and Straková, 2017).

    A model of a language is a file <language>….udpipe in the folder, else the one that the library
    spacy-udpipe has downloaded. What is missing is warned of once, and the language is then not known.

    folder (str | Path | None): The folder with models.
    RAISES (InputError): If the folder does not exist.
    """

    def __init__(self, folder: str | Path | None = None) -> None:
        self.folder = Path(folder) if folder else None
        if self.folder and not self.folder.is_dir():
            raise InputError(
                "There is no folder with UDPipe models",
                path=self.folder,
                remedy="Train models with `python -m spacy_slavner udpipe TREEBANKS FOLDER`",
            )
        self._models: dict[str, object | None] = {}

    def knows(self, language: str) -> bool:
        """RETURNS (bool): Whether there is a model of a language."""
        return self._model(language) is not None

    def read(self, language: str, words: Sequence[str]) -> list[Word]:
        """RETURNS (list[Word]): Lemmas, parts of speech and features of the words of a sentence."""
        from ufal.udpipe import Model, Sentence

        sentence = Sentence()
        for word in words:
            sentence.addWord("_".join(word.split()) or "_")
        self._model(language).tag(sentence, Model.DEFAULT)
        found = list(sentence.words)[1:]  # the first one is the root
        return [
            Word(text, word.lemma, word.upostag, _features(word.feats))
            for text, word in zip(words, found, strict=True)
        ]

    def _model(self, language: str):
        if language not in self._models:
            self._models[language] = self._load(language)
        return self._models[language]

    def _load(self, language: str):
        path = self._find(language)
        remedy = "train one with `python -m spacy_slavner udpipe`, or take spacy_udpipe.download"
        if path is None or find_spec("ufal.udpipe") is None:
            lack = "library ufal.udpipe (pip install spacy-slavner[udpipe])" if path else "UDPipe model"
            warnings.warn(
                f"no {lack} for language {language!r}; its rules go without: {remedy}", stacklevel=2
            )
            return None
        from ufal.udpipe import Model

        model = Model.load(str(path))
        if model is None:
            raise InputError("The file is no UDPipe model", path=path, remedy=f"Delete it and {remedy}")
        return model

    def _find(self, language: str) -> Path | None:
        if self.folder:
            return next(iter(sorted(self.folder.glob(f"{language}*.udpipe"))), None)
        if find_spec("spacy_udpipe") is None:
            return None
        from spacy_udpipe.utils import get_path

        try:
            return Path(get_path(language))
        except Exception:  # it raises AssertionError and bare Exception for what is not there
            return None


def _features(text: str) -> dict[str, str]:
    return dict(item.split("=", 1) for item in text.split("|") if "=" in item)
