"""A choice among candidates, one of which is "none of them": conditional logistic regression."""

from collections.abc import Sequence

import numpy
from numpy.typing import NDArray

STEPS = 30


class Ranker:
    """Weighs the features of candidates.

    The probabilities of a choice are the softmax of weighted sums over its candidates (McFadden's
    conditional logit), so candidates compete with each other and with none of them.

    weights (NDArray): One for each feature (features,).
    """

    def __init__(self, weights: NDArray) -> None:
        self.weights = numpy.asarray(weights, dtype=numpy.float64)

    def probabilities(self, features: NDArray) -> NDArray:
        """Give the probabilities of one choice.

        features (NDArray): Features of its candidates (candidates, features).
        RETURNS (NDArray): Probabilities (candidates,).
        """
        scores = features @ self.weights
        scores = numpy.exp(scores - scores.max())
        return scores / scores.sum()

    @classmethod
    def fit(
        cls,
        choices: Sequence[NDArray],
        right: Sequence[int],
        weights: Sequence[float],
        decay: float = 1.0,
    ) -> "Ranker":
        """Fit the weights of the features by Newton's method with halved steps; the problem is convex.

        choices (Sequence[NDArray]): For each choice the features of its candidates
            (candidates, features).
        right (Sequence[int]): The right candidate of each.
        weights (Sequence[float]): How much each choice counts.
        decay (float): Weight of the squared norm that is added to the loss.
        RETURNS (Ranker): The fitted ranker.
        """
        sizes = numpy.array([len(x) for x in choices])
        starts = numpy.concatenate([[0], numpy.cumsum(sizes)[:-1]]).astype(int)
        X = numpy.concatenate(choices).astype(numpy.float64)
        # Features of one size, so that one decay suits them all.
        scale = X.std(axis=0) + 1e-6
        X /= scale
        w = numpy.asarray(weights, dtype=numpy.float64)
        row_weight = numpy.repeat(w, sizes)
        target = numpy.zeros(len(X))
        target[starts + numpy.asarray(right)] = 1.0
        beta = before = numpy.zeros(X.shape[1])
        loss = numpy.inf
        for _ in range(STEPS):
            p, new_loss = _softmax(X @ beta, starts, sizes, target, w)
            new_loss += 0.5 * decay * float(beta @ beta)
            if abs(loss - new_loss) < 1e-6 * max(new_loss, 1.0):
                break
            if new_loss > loss:
                # Far from the minimum a whole step of Newton's may lead away from it.
                beta = (beta + before) / 2
                continue
            loss, before = new_loss, beta
            pw = p * row_weight
            gradient = X.T @ (pw - target * row_weight) + decay * beta
            means = numpy.add.reduceat(X * p[:, None], starts, axis=0)
            hessian = (X * pw[:, None]).T @ X - (means * w[:, None]).T @ means
            beta = beta - numpy.linalg.solve(hessian + decay * numpy.eye(len(beta)), gradient)
        return cls(beta / scale)


def _softmax(scores, starts, sizes, target, weights) -> tuple[NDArray, float]:
    """Probabilities within each choice, and the weighted cross entropy."""
    top = numpy.repeat(numpy.maximum.reduceat(scores, starts), sizes)
    p = numpy.exp(scores - top)
    p /= numpy.repeat(numpy.add.reduceat(p, starts), sizes)
    loss = -float((numpy.log(p[target > 0].clip(1e-300)) * weights).sum())
    return p, loss
