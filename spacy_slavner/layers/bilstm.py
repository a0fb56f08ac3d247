"""BiLSTM layers in thinc: over the tokens of a sentence, and over the characters of a word."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy
from spacy.attrs import ORTH, SENT_START
from spacy.strings import hash_string
from spacy.tokens import Doc, Token
from thinc.api import Model, torch2xp, xp2torch
from thinc.types import ArgsKwargs, Floats2d

from ..attributes import set_attributes
from ..crosslingual.words import word_key
from ..types import TokenVectorsModelT
from .shim import convert_arrays, wrap_torch
from .torch.flat_bilstm import CharBiLSTM, FlatBiLSTM

# Characters of a word that are read: half from its start, half from its end.
MAX_CHARACTERS = 64


def bilstm_encoder(
    embed: TokenVectorsModelT, hidden: int, depth: int, dropout: float, variational: bool = False
) -> TokenVectorsModelT:
    """Build a BiLSTM over the tokens of each sentence.

    embed (Model[List[Doc], List[Floats2d]]): Vectors of tokens.
    hidden (int): Width of each direction.
    depth (int): Number of layers.
    dropout (float): Share of the entries of what a layer reads that is dropped in training.
    variational (bool): Whether all tokens of a sentence lose the same entries.
    RETURNS (Model[List[Doc], List[Floats2d]]): One array (tokens, 2 * hidden) per document.
    """
    lstm = wrap_torch(FlatBiLSTM(hidden, depth, dropout, variational), convert_inputs=_convert_flat)
    lstm.set_dim("nO", 2 * hidden)
    model = Model("bilstm_encoder", _forward, init=_init, layers=[embed, lstm], dims={"nO": 2 * hidden})
    model.set_ref("embed", embed)
    model.set_ref("lstm", lstm)
    return model


def _forward(model: TokenVectorsModelT, docs: list[Doc], is_train: bool) -> tuple[list[Floats2d], Callable]:
    embed, lstm = model.get_ref("embed"), model.get_ref("lstm")
    vectors, backprop_embed = embed(docs, is_train)
    sizes = [len(array) for array in vectors]
    flat, backprop_lstm = lstm((lstm.ops.flatten(vectors), sentence_lengths(docs)), is_train)

    def backprop(gradients: list[Floats2d]) -> Any:
        d_vectors = backprop_lstm(lstm.ops.flatten(gradients))
        return backprop_embed(lstm.ops.unflatten(d_vectors, sizes))

    return lstm.ops.unflatten(flat, sizes), backprop


def _init(model: TokenVectorsModelT, X: list[Doc] | None = None, Y: None = None) -> None:
    """Make the layers: their width is that of the vectors."""
    embed, lstm = model.get_ref("embed"), model.get_ref("lstm")
    embed.initialize(X=X)
    if X:
        module, device = lstm.shims[0]._model, lstm.shims[0].device
        module.build(embed.predict(X)[0].shape[1])
        module.to(device)


def sentence_lengths(docs: list[Doc]) -> numpy.ndarray:
    """RETURNS (numpy.ndarray): Tokens of each sentence (sentences,); a document without is one."""
    lengths = []
    for doc in docs:
        if len(doc):
            starts = doc.to_array(SENT_START) == 1
            starts[0] = True
            lengths.append(numpy.diff(starts.nonzero()[0], append=len(doc)))
    return numpy.concatenate(lengths).astype("int64") if lengths else numpy.zeros(0, dtype="int64")


def _convert_flat(model: Model, X: tuple, is_train: bool) -> tuple[ArgsKwargs, Callable]:
    """Only the vectors have a gradient."""
    vectors, lengths = X
    device = model.shims[0].device
    arguments = (
        xp2torch(vectors, requires_grad=is_train, device=device),
        xp2torch(model.ops.asarray(lengths), device=device),
    )
    return ArgsKwargs(args=arguments, kwargs={}), lambda gradients: torch2xp(gradients.args[0])


def char_bilstm(
    width: int,
    hidden: int,
    rows: int,
    *,
    dropout: float = 0.0,
    romanized: bool = False,
    lower: bool = False,
    placeholders: bool = False,
) -> TokenVectorsModelT:
    """Build word vectors from characters.

    width (int): Width of a character's vector.
    hidden (int): Width of each direction of the LSTM.
    rows (int): Rows of the table of characters.
    dropout (float): Share of the entries of the result that is dropped in training.
    romanized (bool): Read words in plain Latin letters, by the rules of their document's language.
    lower (bool): Read them in small letters.
    placeholders (bool): Read numbers as "num", URLs as "url".
    RETURNS (Model[List[Doc], List[Floats2d]]): One array (tokens, 2 * hidden) per document.
    """
    set_attributes()
    lstm = wrap_torch(CharBiLSTM(rows, width, hidden, dropout), convert_inputs=convert_arrays)
    lstm.set_dim("nO", 2 * hidden)
    return Model(
        "char_bilstm",
        _forward_characters,
        layers=[lstm],
        dims={"nO": 2 * hidden},
        attrs={"rows": rows, "spelling": (romanized, lower, placeholders)},
    )


def _forward_characters(
    model: TokenVectorsModelT, docs: list[Doc], is_train: bool
) -> tuple[list[Floats2d], Callable]:
    lstm, rows = model.layers[0], model.attrs["rows"]
    spelling = model.attrs["spelling"]
    languages = [doc._.language if spelling[0] else None for doc in docs]
    # One word of two languages is two where it is romanised.
    keys = numpy.concatenate(
        [
            doc.to_array(ORTH) ^ numpy.uint64(hash_string(language) if language else 0)
            for doc, language in zip(docs, languages, strict=True)
        ]
    )
    _, first, words = numpy.unique(keys, return_index=True, return_inverse=True)
    ends = numpy.cumsum([len(doc) for doc in docs])
    owners = numpy.searchsorted(ends, first, side="right")
    characters = [
        _characters(_spell(docs[d][i - (ends[d] - len(docs[d]))], *spelling), rows)
        for i, d in zip(first.tolist(), owners.tolist(), strict=True)
    ]
    lengths = numpy.array([len(word) for word in characters], dtype="int64")
    flat = numpy.concatenate(characters) if characters else numpy.zeros(0, dtype="int64")
    vectors, backprop_lstm = lstm((flat, lengths, words.reshape(-1)), is_train)
    sizes = [len(doc) for doc in docs]

    def backprop(gradients: list[Floats2d]) -> list[Doc]:
        backprop_lstm(lstm.ops.flatten(gradients))
        return []

    return lstm.ops.unflatten(vectors, sizes), backprop


def _spell(token: Token, romanized: bool, lower: bool, placeholders: bool) -> str:
    """A word as its characters are read; never nothing."""
    return word_key((token._.romanized if romanized else "") or token.text, lower, placeholders)


@lru_cache(200_000)
def _characters(word: str, rows: int) -> numpy.ndarray:
    """Rows of a word's characters; with 2,048 rows no two Latin, Greek or Cyrillic letters share one."""
    if len(word) > MAX_CHARACTERS:
        word = word[: MAX_CHARACTERS // 2] + word[-MAX_CHARACTERS // 2 :]
    return numpy.array([ord(character) % rows for character in word], dtype="int64")
