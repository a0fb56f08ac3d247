"""Language classifiers over an encoder: what is pooled of each sentence, and documents from sentences."""

from collections.abc import Callable

import numpy
from spacy.tokens import Doc
from spacy.vocab import Vocab
from spacy_transformers.data_classes import TransformerData
from thinc.api import Linear, Model
from thinc.types import Floats2d, Ragged
from transformers.file_utils import ModelOutput

from ..errors import InputError
from ..types import DocScoresModelT
from .encoder import PieceData
from .windows import sentence_starts

WindowsModelT = Model[list[Doc], list[TransformerData]]


def language_classifier(tok2vec: WindowsModelT, *, pooled: bool) -> DocScoresModelT:
    """Build a classifier of documents; the one of sentences below it is its reference "sentences".

    A sentence is scored by a linear layer over the first vector of the window that its first piece is read
    from and, if `pooled`, the maximum and the mean of its pieces. A document without sentence boundaries
    is cut where the windows change. The score of a document is the mean over its sentences.

    tok2vec (Model[List[Doc], List[TransformerData]]): Pieces and first vectors of windows.
    pooled (bool): Whether the pieces count, or the first vector alone.
    RETURNS (Model[List[Doc], Floats2d]): Scores (documents, languages) before the softmax; 0 for a document
        without tokens.
    """
    linear = Linear()
    sentences: Model[list[Doc], Ragged] = Model(
        "sentence_scores",
        _forward_sentences,
        layers=[tok2vec, linear],
        refs={"tok2vec": tok2vec, "linear": linear},
        attrs={"pooled": pooled},
    )
    return Model(
        "language_classifier",
        _forward,
        init=_init,
        layers=[sentences],
        refs={"tok2vec": tok2vec, "sentences": sentences},
        dims={"nO": None},
    )


def _init(model: DocScoresModelT, X: list[Doc] | None = None, Y: Floats2d | None = None) -> None:
    sentences = model.get_ref("sentences")
    tok2vec, linear = sentences.get_ref("tok2vec"), sentences.get_ref("linear")
    tok2vec.initialize(X=X)
    if Y is not None:
        model.set_dim("nO", Y.shape[1])
        linear.set_dim("nO", Y.shape[1])
    if X is not None:
        width = tok2vec.predict([Doc(Vocab(), words=["a"])])[0].width
        linear.set_dim("nI", 3 * width if sentences.attrs["pooled"] else width)
    linear.initialize()


def _forward(
    model: DocScoresModelT, docs: list[Doc], is_train: bool
) -> tuple[Floats2d, Callable[[Floats2d], list[Doc]]]:
    """The mean over the sentences of each document."""
    scores, backprop = model.get_ref("sentences")(docs, is_train)
    if len(scores.dataXd):
        means = model.ops.reduce_mean(scores.dataXd, scores.lengths)
    else:
        means = model.ops.alloc2f(len(docs), scores.dataXd.shape[1])

    def backprop_mean(gradient: Floats2d) -> list[Doc]:
        spread = model.ops.backprop_reduce_mean(gradient, scores.lengths)
        return backprop(Ragged(spread, scores.lengths))

    return means, backprop_mean


def _forward_sentences(
    model: Model[list[Doc], Ragged], docs: list[Doc], is_train: bool
) -> tuple[Ragged, Callable[[Ragged], list[Doc]]]:
    """Scores (sentences, languages) of all documents, and how many sentences each has."""
    tok2vec, linear = model.get_ref("tok2vec"), model.get_ref("linear")
    data, backprop_data = tok2vec(docs, is_train)
    pooled = [
        _pool(model, doc, one)
        for doc, one in zip(docs, data, strict=True)
        if "last_hidden_state" in one.model_output and len(doc)
    ]
    none = model.ops.alloc2f(0, linear.get_dim("nI"))
    features = model.ops.xp.concatenate([none, *(vectors for vectors, _ in pooled)])
    scores, backprop_scores = linear(features, is_train)
    numbers = iter(len(vectors) for vectors, _ in pooled)
    lengths = [next(numbers) if len(doc) else 0 for doc in docs]

    def backprop(gradient: Ragged) -> list[Doc]:
        d_features = backprop_scores(gradient.dataXd)
        d_data = []
        start = 0
        for vectors, backprop_pool in pooled:
            d_data.append(backprop_pool(d_features[start : start + len(vectors)]))
            start += len(vectors)
        return backprop_data(d_data)

    return Ragged(scores, model.ops.asarray1i(lengths)), backprop


def _pool(
    model: Model, doc: Doc, data: TransformerData
) -> tuple[Floats2d, Callable[[Floats2d], TransformerData]]:
    """The features of a document's sentences, and the way back to its pieces and first vectors."""
    if not isinstance(data, PieceData):
        raise InputError(
            "The language classifier gets no first vectors of windows",
            remedy="It needs a `transformer` before it, with the model spacy-slavner.TransformerModel.v1",
        )
    ops = model.ops
    pieces = data.model_output.last_hidden_state[0]
    starts, ends = sentence_pieces(doc, data)
    owners = ops.asarray1i(data.owners[starts])
    first = data.first[owners]
    width = pieces.shape[1]
    if model.attrs["pooled"]:
        lengths = ops.asarray1i(ends - starts)
        ranges = [numpy.arange(s, e) for s, e in zip(starts, ends, strict=True)]
        index = ops.asarray1i(numpy.concatenate(ranges))
        read = pieces[index]
        highest, which = ops.reduce_max(read, lengths)
        features = ops.xp.hstack([first, highest, ops.reduce_mean(read, lengths)])
    else:
        features = first

    def backprop(gradient: Floats2d) -> TransformerData:
        d_first = ops.xp.zeros_like(data.first)
        ops.scatter_add(d_first, owners, gradient[:, :width])
        data.d_first = d_first if data.d_first is None else data.d_first + d_first
        d_pieces = ops.xp.zeros_like(pieces)
        if model.attrs["pooled"]:
            d_highest, d_mean = (ops.as_contig(gradient[:, at : at + width]) for at in (width, 2 * width))
            d_read = ops.backprop_reduce_max(d_highest, which, lengths)
            d_read += ops.backprop_reduce_mean(d_mean, lengths)
            ops.scatter_add(d_pieces, index, d_read)
        output = ModelOutput(last_hidden_state=d_pieces[None])
        return TransformerData(wordpieces=data.wordpieces, model_output=output, align=data.align)

    return features, backprop


def sentence_pieces(doc: Doc, data: PieceData) -> tuple[numpy.ndarray, numpy.ndarray]:
    """Find the pieces of each sentence; without sentence boundaries, the pieces read from each window.

    doc (Doc): A document with tokens.
    data (PieceData): Its pieces.
    RETURNS (tuple[ndarray, ndarray]): First piece and end of each sentence (sentences,), at least one piece
        each: a sentence of white space shares one.
    """
    total = len(data.owners)
    if not doc.has_annotation("SENT_START"):
        starts = numpy.flatnonzero(numpy.diff(data.owners, prepend=-1))
        return starts, numpy.append(starts[1:], total)
    lengths = data.align.lengths
    lengths = lengths.get() if hasattr(lengths, "get") else lengths
    indices = data.align.dataXd
    indices = indices.get() if hasattr(indices, "get") else indices
    first = indices[numpy.cumsum(lengths) - lengths]
    starts = first[sentence_starts(doc)]
    starts[0] = 0
    return starts, numpy.maximum(numpy.append(starts[1:], total), starts + 1)
