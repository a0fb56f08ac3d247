"""Vectors of words from an encoder's vectors of pieces, for pipelines without an encoder."""

from collections.abc import Callable
from functools import lru_cache

import numpy
from spacy.tokens import Doc
from thinc.api import Model
from thinc.types import Floats2d

from ..errors import InputError
from ..types import TokenVectorsModelT
from .embeddings import different_words
from .shim import convert_arrays, wrap_torch
from .torch.piece_vectors import PieceVectors, principal_components

# Words whose pieces are remembered.
REMEMBERED = 200_000


def piece_vectors(name: str, width: int) -> TokenVectorsModelT:
    """Build a look-up of the pieces of words.

    name (str): The encoder, a folder or a name on the model hub; read when the model is initialised.
    width (int): How many principal components of its vectors of pieces to keep.
    RETURNS (Model[List[Doc], List[Floats2d]]): One array (tokens, 3 * width) per document.
    """
    table = wrap_torch(PieceVectors(), convert_inputs=convert_arrays)
    table.set_dim("nO", 3 * width)
    # The tokenizer is a file of its own in JSON; it is saved with the model.
    attrs = {"name": name, "width": width, "tokenizer": ""}
    return Model("piece_vectors", _forward, init=_init, layers=[table], attrs=attrs, dims={"nO": 3 * width})


def _init(model: TokenVectorsModelT, X: list[Doc] | None = None, Y: None = None) -> None:
    """Take the table and the tokenizer from the encoder, unless they are there already."""
    from ..pretraining.download import load_base_encoder

    shim, width = model.layers[0].shims[0], model.attrs["width"]
    if shim._model.table is not None:
        return
    base = load_base_encoder(model.attrs["name"])
    given = base.model.get_input_embeddings().weight.detach().float()
    if width > given.shape[1]:
        what = f"the encoder's vectors of pieces have a width of {given.shape[1]}, not {width}"
        raise InputError(what, path=model.attrs["name"], remedy="Give a smaller width")
    table = principal_components(given, width)
    shim._model.build(table / table.std())
    shim._model.to(shim.device)
    model.attrs["tokenizer"] = base.tokenizer.backend_tokenizer.to_str()


def _forward(model: TokenVectorsModelT, docs: list[Doc], is_train: bool) -> tuple[list[Floats2d], Callable]:
    if not any(map(len, docs)):
        return [model.ops.alloc2f(0, model.get_dim("nO")) for _ in docs], lambda gradients: []
    words, tokens = different_words(docs)
    pieces = segmenter(model.attrs["tokenizer"])(words)
    lengths = numpy.array([len(some) for some in pieces], dtype="int64")
    table = model.layers[0]
    flat = table.predict((numpy.concatenate(pieces), lengths, tokens))
    return table.ops.unflatten(flat, [len(doc) for doc in docs]), lambda gradients: []


@lru_cache(4)
def segmenter(tokenizer: str) -> Callable[[list[str]], list[numpy.ndarray]]:
    """Make a function that cuts words into pieces, and remembers them.

    tokenizer (str): The tokenizer, as the library `tokenizers` writes it.
    RETURNS (Callable[[list[str]], list[numpy.ndarray]]): From words to the numbers of their pieces (pieces,);
        white space has that of the first piece, which is a special one.
    """
    from tokenizers import Tokenizer

    loaded = Tokenizer.from_str(tokenizer)
    loaded.no_truncation()
    loaded.no_padding()
    known: dict[str, numpy.ndarray] = {}

    def pieces(words: list[str]) -> list[numpy.ndarray]:
        new = [word for word in words if word not in known]
        if len(known) + len(new) > REMEMBERED:
            known.clear()
            new = words
        for word, cut in zip(new, loaded.encode_batch(new, add_special_tokens=False), strict=True):
            known[word] = numpy.array(cut.ids or [0], dtype="int64")
        return [known[word] for word in words]

    return pieces
