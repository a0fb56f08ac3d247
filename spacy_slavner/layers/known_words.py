"""Trained word vectors that know which words they have met: all others share the vector of unknown words."""

from collections.abc import Callable
from typing import Any

import numpy
from spacy.attrs import NORM
from spacy.tokens import Doc
from thinc.api import HashEmbed, Model
from thinc.types import Floats2d

from ..types import TokenVectorsModelT

# Hashes of words are never 0 but for the empty word.
UNKNOWN = 0


def known_words(width: int, rows: int, unknown: float) -> TokenVectorsModelT:
    """Build word vectors in a table that words are hashed into.

    A word that was never trained on has rows in that table like any other, which are those of other words:
    noise. It gets the vector of unknown words instead, which learns because words are hidden at random.

    width (int): Width of a vector.
    rows (int): Rows of the table.
    unknown (float): Share of the words that are taken for unknown ones in training.
    RETURNS (Model[List[Doc], List[Floats2d]]): One array (tokens, width) per document.
    """
    attrs = {"unknown": unknown, "known": numpy.zeros(0, dtype="uint64")}
    table = HashEmbed(width, rows)
    return Model("known_words", _forward, init=_init, layers=[table], dims={"nO": width}, attrs=attrs)


def _init(model: TokenVectorsModelT, X: list[Doc] | None = None, Y: None = None) -> None:
    model.layers[0].initialize()


def _forward(model: TokenVectorsModelT, docs: list[Doc], is_train: bool) -> tuple[list[Floats2d], Callable]:
    table, ops = model.layers[0], model.ops
    words = numpy.concatenate([doc.to_array(NORM).astype("uint64") for doc in docs])
    if is_train:
        model.attrs["known"] = numpy.union1d(model.attrs["known"], words)
        hidden = ops.to_numpy(ops.get_dropout_mask((len(words),), model.attrs["unknown"])) == 0
    else:
        hidden = ~numpy.isin(words, model.attrs["known"])
    words[hidden] = UNKNOWN
    sizes = [len(doc) for doc in docs]
    flat, backprop_table = table(ops.asarray(words, dtype="uint64"), is_train)

    def backprop(gradients: list[Floats2d]) -> Any:
        backprop_table(ops.flatten(gradients))
        return []

    return ops.unflatten(flat, sizes), backprop
