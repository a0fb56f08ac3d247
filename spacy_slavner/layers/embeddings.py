"""Frozen word vectors of the vocabulary: what crosses languages without an encoder."""

from collections.abc import Callable
from functools import lru_cache

import numpy
from spacy.attrs import ORTH
from spacy.strings import hash_string
from spacy.tokens import Doc
from spacy.vocab import Vocab
from thinc.api import Model
from thinc.types import Floats2d

from ..crosslingual.coverage import unknown_words
from ..crosslingual.words import word_key
from ..errors import InputError
from ..types import TokenVectorsModelT

# The word whose vector all unknown words have, where they share one.
UNKNOWN = "\0unknown"
REMEDY = "Give a folder of spaCy with vectors as --paths.vectors, such as `vectors-align` writes"
REMEDY_OTHERS = "Give vectors of its language, whose words are in small letters, as --paths.vectors"


def frozen_vectors(lower: bool, placeholders: bool, one_unknown: bool, spread: float) -> TokenVectorsModelT:
    """Build a look-up of word vectors that training leaves alone.

    lower (bool): Look words up in small letters.
    placeholders (bool): Look numbers up as "num", URLs as "url".
    one_unknown (bool): Whether all words without a vector have the same one.
    spread (float): The range [-spread, spread] that the numbers of their vectors are drawn from.
    RETURNS (Model[List[Doc], List[Floats2d]]): One array (tokens, width) per document; the width is that of
        the vocabulary's vectors.
    """
    attrs = {"lower": lower, "placeholders": placeholders, "one_unknown": one_unknown, "spread": spread}
    return Model("frozen_vectors", _forward, init=_init, attrs=attrs, dims={"nO": None})


def _init(model: TokenVectorsModelT, X: list[Doc] | None = None, Y: None = None) -> None:
    if X:
        model.set_dim("nO", _vectors(X).shape[1])
        # Punctuation and numbers are the same in every language.
        found = unknown_words(X, model.attrs["lower"], model.attrs["placeholders"], letters=True)
        if found["n_types"] and found["types"] == 1:
            what = f"none of the {found['n_types']:,} different words of the first documents has a vector"
            raise InputError(what, remedy=REMEDY_OTHERS)


def _vectors(docs: list[Doc]):
    vectors = docs[0].vocab.vectors
    if not vectors.shape[1]:
        raise InputError("the pipeline has no word vectors", remedy=REMEDY)
    return vectors


def different_words(docs: list[Doc]) -> tuple[list[str], numpy.ndarray]:
    """Find the words of a batch, each once.

    docs (list[Doc]): The documents, at least one.
    RETURNS (tuple[list[str], numpy.ndarray]): The different words, and which of them each token is (tokens,).
    """
    orths = numpy.concatenate([doc.to_array(ORTH) for doc in docs])
    different, tokens = numpy.unique(orths, return_inverse=True)
    strings = docs[0].vocab.strings
    return [strings[orth] for orth in different.tolist()], tokens.reshape(-1)


def _forward(model: TokenVectorsModelT, docs: list[Doc], is_train: bool) -> tuple[list[Floats2d], Callable]:
    ops, vectors = model.ops, _vectors(docs)
    different, tokens = different_words(docs)
    options = model.attrs["lower"], model.attrs["placeholders"]
    words = [word_key(word, *options) for word in different]
    table = ops.asarray2f(_table(model, docs[0].vocab, words))
    flat = table[tokens] if len(words) else ops.alloc2f(0, vectors.shape[1])
    return ops.unflatten(flat, [len(doc) for doc in docs]), lambda gradients: []


def _table(model: TokenVectorsModelT, vocab: Vocab, words: list[str]) -> numpy.ndarray:
    """The vectors of words (words, width)."""
    vectors = vocab.vectors
    if vectors.mode == "floret":
        return vectors.get_batch(words)
    # The keys are not all hashes: some words, such as "num", are symbols of spaCy.
    rows = vectors.find(keys=[vocab.strings[word] for word in words])
    width, spread = vectors.shape[1], model.attrs["spread"]
    data = vectors.data if isinstance(vectors.data, numpy.ndarray) else vectors.data.get()
    table = data[rows].astype("float32")
    for i in (rows < 0).nonzero()[0]:
        table[i] = random_vector(UNKNOWN if model.attrs["one_unknown"] else words[i], width, spread)
    return table


@lru_cache(100_000)
def random_vector(word: str, width: int, spread: float) -> numpy.ndarray:
    """Draw a vector for a word that has none: always the same for the same word.

    Huang, May and Peng (2019, section 3.2): "a randomly initialized 300 dimension vector within
    [−0.1, 0.1]", read as one for each word.

    word (str): The word.
    width (int): Width of the vector.
    spread (float): Its numbers lie between -spread and spread.
    RETURNS (numpy.ndarray): The vector (width,).
    """
    random = numpy.random.default_rng(hash_string(word))
    return random.uniform(-spread, spread, width).astype("float32")
