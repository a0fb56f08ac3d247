"""The simple CRF: features of words as strings, and crfsuite, which learns their weights."""

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from struct import unpack_from
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from spacy.lang.lex_attrs import word_shape

from ..errors import InputError

if TYPE_CHECKING:
    from pycrfsuite import Tagger

# How many different words keep their features in memory.
CACHED_WORDS = 200_000
# The longest prefixes and suffixes.
AFFIX = 4


def _crfsuite():
    try:
        import pycrfsuite
    except ImportError as error:
        raise InputError(
            "The feature CRF needs python-crfsuite, which is not installed",
            remedy='Install it with `pip install "spacy-slavner[crfsuite]"`',
        ) from error
    return pycrfsuite


def sentence_features(words: Sequence[str], forms: bool = False) -> list[list[str]]:
    """Describe each word of a sentence by strings.

    A word by its shape ("Xxxx", "dd.dd"), its prefixes and suffixes; its neighbours by shape and suffix,
    those after next by shape; and the shapes of three words together.

    words (Sequence[str]): The words.
    forms (bool): Describe all of them by their lower-cased forms as well; affixes are then only those that
        are not the whole word.
    RETURNS (list[list[str]]): Features of each word.
    """
    edge = [_edge(sign, forms) for sign in ("<s>", "</s>")]
    described = [edge[0], edge[0], *(_describe(word, forms) for word in words), edge[1], edge[1]]
    result = []
    for i in range(len(words)):
        before_last, before, here, after, after_next = described[i : i + 5]
        features = [*here[0], *before_last[1], *before[2], *after[3], *after_next[4]]
        features.append(f"shapes={before[5]}|{here[5]}|{after[5]}")
        result.append(features)
    return result


Described = tuple[list[str], list[str], list[str], list[str], list[str], str]


def _views(own: list[str], form: str, shape: str, suffix: str, forms: bool) -> Described:
    """The features of a word for itself, and for the words two and one after and before it."""

    def seen(at: str) -> list[str]:
        return [f"{at}s={shape}"] + [f"{at}w={form}"] * forms

    before, after = ([*seen(at), f"{at}e={suffix}"] for at in ("-1", "+1"))
    return own, seen("-2"), before, after, seen("+2"), shape


@lru_cache(CACHED_WORDS)
def _describe(word: str, forms: bool) -> Described:
    form, shape = word.lower(), word_shape(word)
    own = ["bias", f"s={shape}"] + [f"w={form}"] * forms
    longest = min(AFFIX, len(form) - forms)
    own += [f"p{n}={form[:n]}" for n in range(1, longest + 1)]
    own += [f"e{n}={form[-n:]}" for n in range(1, longest + 1)]
    return _views(own, form, shape, form[-3:], forms)


@lru_cache(4)
def _edge(sign: str, forms: bool) -> Described:
    """What stands before and behind a sentence."""
    return _views([], sign, sign, sign, forms)


def train_crf(
    sentences: Iterable[tuple[Sequence[str], Sequence[str]]],
    *,
    forms: bool,
    c1: float,
    c2: float,
    min_frequency: int,
    max_iterations: int,
) -> bytes:
    """Train by L-BFGS, which needs all sentences at once.

    sentences (Iterable[tuple[Sequence[str], Sequence[str]]]): Words and their tags.
    forms (bool): See `sentence_features`.
    c1 (float): Factor of the L1 penalty, which makes most weights zero.
    c2 (float): Factor of the L2 penalty.
    min_frequency (int): Features that are rarer are left out.
    max_iterations (int): Most passes over the sentences.
    RETURNS (bytes): The model in crfsuite's own format.
    RAISES (InputError): If python-crfsuite is not installed.
    """
    from tqdm import tqdm

    pycrfsuite = _crfsuite()
    bar = tqdm(desc="L-BFGS", unit="iteration", total=max_iterations)

    class Trainer(pycrfsuite.BaseTrainer):
        def message(self, message: str) -> None:
            bar.update(message.startswith("***** Iteration"))

    trainer = Trainer("lbfgs")
    trainer.set_params(
        {
            "c1": c1,
            "c2": c2,
            "max_iterations": max_iterations,
            "feature.minfreq": min_frequency,
        }
    )
    for words, tags in sentences:
        trainer.append(pycrfsuite.ItemSequence(sentence_features(words, forms)), tags)
    with bar, TemporaryDirectory() as folder:
        path = Path(folder) / "model"
        trainer.train(str(path))
        return path.read_bytes()


class CrfModel:
    """A trained feature CRF.

    data (bytes): What `train_crf` returned.
    forms (bool): What it was trained with.
    RAISES (InputError): If python-crfsuite is not installed, or these are not the bytes of a model.
    """

    def __init__(self, data: bytes, forms: bool) -> None:
        self.data, self.forms = data, forms
        self.tagger: Tagger = _crfsuite().Tagger()
        try:
            self.tagger.open_inmemory(data)
        except ValueError as error:
            raise InputError(f"This is no model of crfsuite ({error})") from error

    def __reduce__(self) -> tuple[type, tuple[bytes, bool]]:
        return CrfModel, (self.data, self.forms)

    def tag(self, sentences: Iterable[Sequence[str]]) -> Iterator[tuple[list[str], Any]]:
        """Tag sentences.

        sentences (Iterable[Sequence[str]]): Words of each.
        YIELDS (tuple[list[str], Callable[[str, int], float]]): The best tags, and a function for the
            probability that a word has a tag, which holds until the next sentence is asked for.
        """
        ItemSequence = _crfsuite().ItemSequence
        for words in sentences:
            yield self.tagger.tag(ItemSequence(sentence_features(words, self.forms))), self.tagger.marginal

    @property
    def n_weights(self) -> int:
        """The number of weights that are not zero: crfsuite stores no others."""
        # Its format: the header says where the features begin, their own header how many they are.
        (features,) = unpack_from("<I", self.data, 28)
        (number,) = unpack_from("<I", self.data, features + 8)
        return number
