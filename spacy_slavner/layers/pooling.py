"""From the vectors of pieces to the vectors of tokens, within bounded memory."""

from collections.abc import Callable, Iterator

from spacy_transformers.data_classes import TransformerData
from spacy_transformers.layers.trfs2arrays import trfs2arrays
from thinc.api import Model
from thinc.types import Floats2d, Ragged

# Tokens whose pieces are gathered at once in prediction.
BLOCK = 4096


def pool_pieces(
    pooling: Model[Ragged, Floats2d], grad_factor: float
) -> Model[list[TransformerData], list[Floats2d]]:
    """Pool the pieces of each token.

    In training this is the `trfs2arrays` of spacy-transformers. That copies all pieces twice before it
    pools them; prediction goes through a document in blocks instead.

    pooling (Model[Ragged, Floats2d]): Pools the pieces of a token.
    grad_factor (float): Factor on the gradient that reaches the encoder.
    RETURNS (Model[List[TransformerData], List[Floats2d]]): One array (tokens, width) per document.
    """
    return Model("pool_pieces", forward, layers=[pooling], attrs={"grad_factor": grad_factor})


def forward(model: Model, batch: list[TransformerData], is_train: bool) -> tuple[list[Floats2d], Callable]:
    """Pool the pieces of a batch of documents; for arguments see `pool_pieces`."""
    pooling = model.layers[0]
    if is_train:
        return trfs2arrays(pooling, model.attrs["grad_factor"])(batch, True)
    return [_pool(pooling, data) for data in batch], lambda d_vectors: []


def _pool(pooling: Model[Ragged, Floats2d], data: TransformerData) -> Floats2d:
    tokens = len(data.align.lengths)
    vectors = pooling.ops.alloc2f(0, 0)
    at = 0
    for block in pool_blocks(pooling, data):
        if len(block) == tokens:
            return block
        if not at:
            vectors = pooling.ops.alloc2f(tokens, block.shape[1], zeros=False)
        vectors[at : at + len(block)] = block
        at += len(block)
    return vectors


def pool_blocks(pooling: Model[Ragged, Floats2d], data: TransformerData) -> Iterator[Floats2d]:
    """Pool a document's pieces block by block.

    pooling (Model[Ragged, Floats2d]): Pools the pieces of a token.
    data (TransformerData): The document's pieces.
    YIELDS (Floats2d): Vectors of consecutive tokens (tokens, width); none for an empty document.
    """
    lengths = data.align.lengths
    if not len(lengths):
        return
    pieces = data.model_output.last_hidden_state.reshape(-1, data.width)
    end = 0
    for at in range(0, len(lengths), BLOCK):
        block = lengths[at : at + BLOCK]
        start, end = end, end + int(block.sum())
        yield pooling.predict(Ragged(pieces[data.align.dataXd[start:end]], block))
