"""Scores of edit scripts: hashed features of a piece, one hidden layer, and features of each candidate."""

from dataclasses import dataclass

import numpy
from thinc.api import Model
from thinc.types import Floats1d, Floats2d, Ints1d, Ints2d

# Factors on what is known about candidates; they act as factors on Adam's learning rate.
TRAITS, EVIDENCE = 2.0, 3.0


@dataclass
class Pairs:
    """Pieces and the scripts that each may take.

    features (Ints2d): Buckets of the pieces' features (pieces, slots); 0 stands for none.
    rows (Ints1d): The piece of each candidate (candidates,), ascending.
    scripts (Ints1d): The script of each candidate (candidates,).
    traits (Ints2d): Buckets of the candidates' features (candidates, traits); 0 stands for none.
    evidence (Floats2d): Numbers about the candidates (candidates, kinds).
    """

    features: Ints2d
    rows: Ints1d
    scripts: Ints1d
    traits: Ints2d
    evidence: Floats2d


def edit_scorer(
    buckets: int, width: int, hidden: int, dropout: float, nO: int | None = None, nE: int | None = None
) -> Model[Pairs, Floats1d]:
    """Build a model that scores candidates.

    The sum of a piece's feature vectors goes through one hidden layer and gives a score per script; what
    is known about a candidate (hashed features and numbers) is added to the score of its script.

    buckets (int): Number of buckets that features are hashed into.
    width (int): Width of the feature vectors.
    hidden (int): Width of the hidden layer.
    dropout (float): Share of the hidden layers' entries that is dropped in training.
    nO (int | None): Number of scripts.
    nE (int | None): Number of numbers about a candidate.
    RETURNS (Model[Pairs, Floats1d]): Scores (candidates,).
    """
    params = dict.fromkeys(("E", "W", "b", "U", "c", "t", "v"))
    dims = {"nB": buckets, "nI": width, "nH": hidden, "nO": nO, "nE": nE}
    return Model(
        "edit_scorer", _forward, init=_init, params=params, dims=dims, attrs={"dropout_rate": dropout}
    )


def _init(model: Model, X=None, Y=None) -> None:
    nB, nI, nH, nO, nE = (model.get_dim(name) for name in ("nB", "nI", "nH", "nO", "nE"))
    random = numpy.random.default_rng(0)

    def normal(*shape: int, scale: float) -> Floats2d:
        return model.ops.asarray2f(random.normal(0, scale, shape).astype("f"))

    E = normal(nB, nI, scale=0.1)
    E[0] = 0  # no feature
    model.set_param("E", E)
    model.set_param("W", normal(nI, nH, scale=nI**-0.5))
    model.set_param("b", model.ops.alloc1f(nH))
    model.set_param("U", normal(nO, nH, scale=nH**-0.5))
    model.set_param("c", model.ops.alloc1f(nO))
    model.set_param("t", model.ops.alloc2f(nB, 1))
    model.set_param("v", model.ops.alloc1f(nE))


def _forward(model: Model, X: Pairs, is_train: bool):
    ops, xp = model.ops, model.ops.xp
    E, W, b, U, c, t, v = (model.get_param(name) for name in "EWbUctv")
    bag = xp.tanh(_sum_rows(xp, E, X.features) * 0.5)
    drop = model.attrs["dropout_rate"] if is_train else 0.0
    mask1 = _mask(model, bag.shape, drop)
    wide = bag * mask1
    active = ops.gemm(wide, W) + b
    mask2 = (active > 0) * _mask(model, active.shape, drop)
    H = xp.ascontiguousarray(active * mask2, dtype="f")
    by_script = ops.gemm(H, U, trans2=True) + c
    scores = by_script[X.rows, X.scripts] + TRAITS * t[X.traits, 0].sum(axis=1) + EVIDENCE * (X.evidence @ v)

    def backprop(d_scores: Floats1d) -> None:
        model.inc_grad("v", EVIDENCE * (X.evidence.T @ d_scores))
        d_t = TRAITS * xp.bincount(X.traits.ravel(), xp.repeat(d_scores, X.traits.shape[1]), minlength=len(t))
        d_t[0] = 0
        model.inc_grad("t", d_t.astype("f").reshape(t.shape))
        d_by_script = xp.zeros(by_script.shape, dtype="f")
        d_by_script[X.rows, X.scripts] = d_scores
        model.inc_grad("c", d_by_script.sum(axis=0))
        model.inc_grad("U", ops.gemm(d_by_script, H, trans1=True))
        d_H = ops.gemm(d_by_script, U) * mask2
        model.inc_grad("b", d_H.sum(axis=0))
        model.inc_grad("W", ops.gemm(wide, d_H, trans1=True))
        d_bag = ops.gemm(d_H, W, trans2=True) * mask1 * (1 - bag * bag) * 0.5
        d_E = xp.zeros_like(E)
        for k in range(X.features.shape[1]):
            ops.scatter_add(d_E, xp.ascontiguousarray(X.features[:, k]), d_bag)
        d_E[0] = 0
        model.inc_grad("E", d_E)

    return scores, backprop


def _mask(model: Model, shape: tuple[int, ...], drop: float) -> Floats2d:
    """A dropout mask; thinc's own is of numbers of double length where nothing is dropped."""
    return model.ops.xp.asarray(model.ops.get_dropout_mask(shape, drop), dtype="f")


def _sum_rows(xp, table: Floats2d, rows: Ints2d) -> Floats2d:
    """Sum rows of a table, a column of row numbers at a time: no array of all vectors is made."""
    result = table[rows[:, 0]]
    for k in range(1, rows.shape[1]):
        result += table[rows[:, k]]
    return result


def log_softmax_of_groups(scores: Floats1d, rows: Ints1d, n: int) -> Floats1d:
    """Normalise the scores of each piece's candidates.

    scores (Floats1d): Scores (candidates,).
    rows (Ints1d): The piece of each candidate, ascending; every piece has one.
    n (int): Number of pieces.
    RETURNS (Floats1d): Logarithms of probabilities (candidates,).
    """
    starts = numpy.searchsorted(rows, numpy.arange(n))
    highest = numpy.maximum.reduceat(scores, starts) if n else scores
    shifted = scores - highest[rows]
    return shifted - numpy.log(numpy.add.reduceat(numpy.exp(shifted), starts))[rows]
