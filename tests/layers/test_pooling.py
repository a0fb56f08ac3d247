"""Pooling pieces in blocks gives what spacy-transformers gives, and copies no document whole."""

import tracemalloc

import numpy
import pytest
from spacy_transformers.data_classes import TransformerData, WordpieceBatch
from spacy_transformers.layers.trfs2arrays import trfs2arrays
from thinc.api import Model, chain, reduce_first, reduce_last, reduce_mean
from thinc.types import Ragged
from transformers.modeling_outputs import BaseModelOutput

from spacy_slavner.layers import pooling as module
from spacy_slavner.layers.crf import crf_tagger
from spacy_slavner.layers.pooling import pool_pieces

POOLINGS = [reduce_first, reduce_last, reduce_mean]


def data(tokens: int, width: int = 6, seed: int = 0) -> TransformerData:
    """Random vectors; neighbouring tokens share pieces now and then."""
    random = numpy.random.RandomState(seed)
    lengths = random.randint(1, 4, tokens).astype("i")
    first = numpy.cumsum(random.randint(0, 4, tokens))
    indices = numpy.concatenate([numpy.arange(f, f + n) for f, n in zip(first, lengths, strict=True)])
    vectors = random.randn(1, indices.max() + 1, width).astype("f")
    return TransformerData(
        WordpieceBatch.empty(), BaseModelOutput(last_hidden_state=vectors), Ragged(indices, lengths)
    )


@pytest.mark.parametrize("pooling", POOLINGS)
@pytest.mark.parametrize("block", [1, 3, 10, 1000])
def test_equals_spacy_transformers(pooling, block, monkeypatch):
    monkeypatch.setattr(module, "BLOCK", block)
    batch = [data(10), TransformerData.empty(), data(3, seed=1), TransformerData.zeros(4, 6)]
    stock, ours = trfs2arrays(pooling(), 0.5), pool_pieces(pooling(), 0.5)
    expected, stock_backprop = stock(batch, True)
    for is_train in (True, False):
        found, backprop = ours(batch, is_train)
        assert [len(one) for one in found] == [10, 0, 3, 4]
        for one, other in zip(expected, found, strict=True):
            assert numpy.allclose(one, other)
        if is_train:
            gradients = [numpy.ones_like(one) for one in expected]
            pairs = zip(stock_backprop(list(gradients)), backprop(list(gradients)), strict=True)
            for one, other in pairs:
                assert (one.tensors[0] == other.tensors[0]).all()


def test_the_crf_tagger_never_holds_all_vectors(monkeypatch):
    monkeypatch.setattr(module, "BLOCK", 100)
    batch = [data(20_000, width=64), TransformerData.empty()]
    pool = pool_pieces(reduce_first(), 1.0)
    source = Model("source", lambda model, docs, is_train: (batch, lambda d: []))
    tok2vec = chain(source, pool)
    tagger = crf_tagger(tok2vec, 0.0)
    head = tagger.get_ref("head")
    head.set_dim("nO", 3)
    head.initialize(X=numpy.zeros((1, 64), dtype="f"))
    expected = tagger.predict([])
    tok2vec.set_ref("pool", pool)
    tracemalloc.start()
    found = tagger.predict([])
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 0.3 * batch[0].model_output.last_hidden_state.nbytes
    assert [len(one) for one in found] == [20_000, 0]
    assert numpy.allclose(found[0], expected[0], atol=1e-5)


def test_memory_beside_the_result(monkeypatch):
    monkeypatch.setattr(module, "BLOCK", 100)
    batch = [data(20_000, width=64)]
    model = pool_pieces(reduce_first(), 1.0)
    tracemalloc.start()
    result = model.predict(batch)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1.2 * result[0].nbytes
