"""Hashed character n-grams of a document, and a linear layer over the bag of them."""

import re
import unicodedata

import numpy
from spacy.tokens import Doc
from thinc.api import Model
from thinc.types import Floats2d, Ints1d

_NOT_LETTERS = re.compile(r"[\W\d_]+")
# Characters per word of a document that are looked at (a "word" may be 10,000 characters long).
_WORD_LENGTH = 10


def char_ngrams(buckets: int, longest: int, max_words: int) -> Model[list[Doc], list[Ints1d]]:
    """Build a layer that gives the buckets of a document's character n-grams.

    buckets (int): Number of buckets that n-grams are hashed into, a power of 2.
    longest (int): Length of the longest n-gram; the shortest are single letters.
    max_words (int): Tokens of a document that are read: half from its start, half from its middle.
    RETURNS (Model[List[Doc], List[Ints1d]]): One array (n-grams,) of bucket numbers per document.
    """
    attrs = {"buckets": buckets, "longest": longest, "max_words": max_words}
    return Model("char_ngrams", _forward_ngrams, attrs=attrs)


def hashed_bag(buckets: int, scale: float, nO: int | None = None) -> Model[list[Ints1d], Floats2d]:
    """Build a linear layer over bags of buckets: the scaled sum of the buckets' weights and a bias.

    The sum is divided by the square root of the number of n-grams: longer texts give surer answers.

    buckets (int): Number of buckets.
    scale (float): Factor on the sums; it acts as a factor on the learning rate of Adam.
    nO (int | None): Number of outputs; None leaves it to the component.
    RETURNS (Model[List[Ints1d], Floats2d]): Scores (documents, nO).
    """
    return Model(
        "hashed_bag",
        _forward_bag,
        init=_init_bag,
        params={"W": None, "b": None},
        dims={"nI": buckets, "nO": nO},
        attrs={"scale": scale},
    )


def text_of(doc: Doc, max_words: int) -> str:
    """Give the letters of a document, or of its start and its middle where it is long.

    doc (Doc): The document.
    max_words (int): Most tokens that are read.
    RETURNS (str): Small letters, one blank for everything between them.
    """
    if len(doc) <= max_words:
        text = doc.text
    else:
        half, middle = max_words // 2, len(doc) // 2
        start = max(half, middle - half // 2)
        text = f"{doc[:half].text} {doc[start : start + max_words - half].text}"
    text = unicodedata.normalize("NFC", text[: max_words * _WORD_LENGTH])
    return f" {_NOT_LETTERS.sub(' ', text.lower()).strip()} "


def ngram_buckets(text: str, buckets: int, longest: int) -> numpy.ndarray:
    """Hash the character n-grams of a text.

    text (str): The text.
    buckets (int): Number of buckets, a power of 2.
    longest (int): Length of the longest n-gram.
    RETURNS (numpy.ndarray): Bucket numbers (n-grams,) of all n-grams but the single blank.
    """
    characters = numpy.frombuffer(text.encode("utf-32-le"), dtype="uint32")
    rolling = numpy.zeros(len(characters), dtype="uint32")
    found = []
    for length in range(1, min(longest, len(characters)) + 1):
        stop = len(characters) - length + 1
        # Arithmetic modulo 2**32; the +length keeps n-grams of different lengths apart.
        rolling = rolling[:stop] * numpy.uint32(0x9E3779B1) + characters[length - 1 :]
        mixed = rolling + numpy.uint32(length)
        mixed ^= mixed >> numpy.uint32(15)
        mixed *= numpy.uint32(0x2C1B3C6D)
        mixed ^= mixed >> numpy.uint32(13)
        found.append(mixed[characters != ord(" ")] if length == 1 else mixed)
    return (numpy.concatenate(found) & numpy.uint32(buckets - 1)).astype("int32")


def _forward_ngrams(model: Model, docs: list[Doc], is_train: bool):
    attrs = model.attrs
    texts = [text_of(doc, attrs["max_words"]) for doc in docs]
    ids = [ngram_buckets(text, attrs["buckets"], attrs["longest"]) for text in texts]
    return [model.ops.asarray1i(x) for x in ids], lambda d_ids: []


def _init_bag(model: Model, X=None, Y=None) -> None:
    if Y is not None and model.has_dim("nO") is None:
        model.set_dim("nO", Y.shape[1])
    model.set_param("W", model.ops.alloc2f(model.get_dim("nI"), model.get_dim("nO")))
    model.set_param("b", model.ops.alloc1f(model.get_dim("nO")))


def _forward_bag(model: Model, bags: list[Ints1d], is_train: bool):
    W, b, xp = model.get_param("W"), model.get_param("b"), model.ops.xp
    factors = [model.attrs["scale"] / max(len(ids), 1) ** 0.5 for ids in bags]
    scores = model.ops.alloc2f(len(bags), W.shape[1])
    for i, ids in enumerate(bags):
        scores[i] = W[ids].sum(axis=0) * factors[i] + b

    def backprop(d_scores: Floats2d) -> list[Ints1d]:
        model.inc_grad("b", d_scores.sum(axis=0))
        if not sum(map(len, bags)):
            model.inc_grad("W", xp.zeros_like(W))
            return []
        ids = xp.concatenate(bags)
        repeats = [len(x) for x in bags]
        d_W = xp.empty_like(W)
        for k in range(W.shape[1]):
            weights = xp.repeat(d_scores[:, k] * xp.asarray(factors, dtype="f"), repeats)
            d_W[:, k] = xp.bincount(ids, weights=weights, minlength=len(W))
        model.inc_grad("W", d_W)
        return []

    return scores, backprop
