"""What is tagged: tokens, or each of their pieces, from which the token's tag is then elected."""

from collections.abc import Callable
from typing import NamedTuple

import numpy
import torch
from spacy.tokens import Doc
from spacy_transformers.data_classes import TransformerData
from thinc.api import Model, chain, with_array
from thinc.types import Floats2d, Ragged
from transformers.file_utils import ModelOutput

# The tag of pieces that continue a token; it comes after those of the scheme.
CONTINUATION = "X"


def all_pieces(
    windows: Model[list[Doc], list[TransformerData]], grad_factor: float
) -> Model[list[Doc], list[Ragged]]:
    """Give the vectors of all pieces, token by token.

    A piece that belongs to two tokens is there twice; so is that of its neighbour for white space.

    windows (Model[List[Doc], List[TransformerData]]): A listener to a transformer.
    grad_factor (float): Factor on the gradient that reaches the encoder.
    RETURNS (Model[List[Doc], List[Ragged]]): Per document, vectors (pieces, width) with the number of
        pieces of each token (tokens,).
    """
    gather = Model("gather_pieces", _gather, attrs={"grad_factor": grad_factor})
    model = chain(windows, gather)
    model.attrs["unit"] = "piece"
    return model


def _gather(model: Model, batch: list[TransformerData], is_train: bool) -> tuple[list[Ragged], Callable]:
    xp = model.ops.xp

    def pieces(data: TransformerData) -> Ragged:
        if "last_hidden_state" not in data.model_output:  # an empty document
            none = numpy.zeros(0, dtype="i")
            return Ragged(model.ops.alloc2f(0, 0), none)
        vectors = data.model_output.last_hidden_state.reshape(-1, data.width)
        return Ragged(vectors[data.align.dataXd], data.align.lengths)

    def backprop(gradients: list[Ragged]) -> list[TransformerData]:
        result = []
        for data, gradient in zip(batch, gradients, strict=True):
            if "last_hidden_state" not in data.model_output:
                continue
            total = xp.zeros_like(data.model_output.last_hidden_state)
            model.ops.scatter_add(
                total.reshape(-1, data.width),
                data.align.dataXd,
                gradient.dataXd * model.attrs["grad_factor"],
            )
            result.append(
                TransformerData(
                    model_output=ModelOutput(last_hidden_state=total),
                    wordpieces=data.wordpieces,
                    align=data.align,
                )
            )
        return result

    return [pieces(data) for data in batch], backprop


def with_units(layer: Model[Floats2d, Floats2d], unit: str) -> Model:
    """Apply a layer to the vectors of all documents: a list of arrays for tokens, of `Ragged` for pieces."""
    over_arrays = with_array(layer)
    if unit == "token":
        return over_arrays
    return Model("with_pieces", _over_ragged, init=_init_ragged, layers=[over_arrays])


def _init_ragged(model: Model, X: list[Ragged] | None = None, Y: None = None) -> None:
    model.layers[0].initialize(X=None if X is None else [one.dataXd for one in X])


def _over_ragged(model: Model, batch: list[Ragged], is_train: bool) -> tuple[list[Ragged], Callable]:
    lengths = [one.lengths for one in batch]
    output, backprop_arrays = model.layers[0]([one.dataXd for one in batch], is_train)

    def backprop(gradients: list[Ragged]) -> list[Ragged]:
        inner = backprop_arrays([one.dataXd for one in gradients])
        return list(map(Ragged, inner, lengths))

    return list(map(Ragged, output, lengths)), backprop


class Units(NamedTuple):
    """The units of a batch.

    rows (List[Floats2d]): Emissions (units, tags) of each document.
    first (numpy.ndarray | None): The first unit of each token of the batch, and the number of units
        (tokens + 1,); None where the tokens are the units.
    """

    rows: list[Floats2d]
    first: numpy.ndarray | None

    @classmethod
    def of(cls, emissions: list) -> "Units":
        """Read what a tagger gave: arrays for tokens, `Ragged` for pieces."""
        if not any(isinstance(one, Ragged) for one in emissions):
            return cls(emissions, None)
        lengths = [numpy.asarray(_on_cpu(one.lengths)) for one in emissions]
        first = numpy.concatenate([[0], *lengths]).cumsum()
        return cls([one.dataXd for one in emissions], first.astype("int64"))

    def span(self, start: numpy.ndarray, end: numpy.ndarray) -> tuple[numpy.ndarray, numpy.ndarray]:
        """First units, and units after the last, of spans of tokens counted over the batch."""
        return (start, end) if self.first is None else (self.first[start], self.first[end])

    def tags(self, tags: numpy.ndarray, continuation: int) -> numpy.ndarray:
        """Tags of units from those of tokens: a token's first piece has its tag, the others continue it."""
        if self.first is None:
            return tags
        result = numpy.full(self.first[-1], continuation, dtype=tags.dtype)
        result[self.first[:-1]] = tags
        return result

    def of_tokens(self, values: numpy.ndarray) -> numpy.ndarray:
        """Rows (tokens, n) as rows of units: zeros for pieces that continue a token."""
        if self.first is None:
            return values
        result = numpy.zeros((self.first[-1], values.shape[1]), dtype=values.dtype)
        result[self.first[:-1]] = values
        return result

    def elect(self, tags: numpy.ndarray, continuation: int) -> numpy.ndarray:
        """Tags of tokens from those of units, by a vote.

        Emelyanov & Artemova (2019, section 3.2) count the labels of a word's pieces "except X" and take
        the one with most votes. Where several have as many, the one that comes first in the word is
        taken here; where all pieces are X, the token is outside of names, tag 0.

        tags (numpy.ndarray): Tags (units,).
        continuation (int): The number of the tag X.
        RETURNS (numpy.ndarray): Tags (tokens,).
        """
        if self.first is None:
            return tags
        token = numpy.repeat(numpy.arange(len(self.first) - 1), numpy.diff(self.first))
        at = (tags != continuation).nonzero()[0]
        token, tag = token[at], tags[at]
        key, where, votes = numpy.unique(
            token * (continuation + 1) + tag, return_index=True, return_counts=True
        )
        # The winner is written last.
        order = numpy.lexsort((-where, votes))
        result = numpy.zeros(len(self.first) - 1, dtype=tags.dtype)
        key = key[order]
        result[key // (continuation + 1)] = key % (continuation + 1)
        return result


def piece_rules(rules: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Add the tag X to what a scheme allows.

    X may follow every tag and every tag may follow X, which does not tell what it continues; no sequence
    starts with X. Tags of pieces are not repaired: the vote is among tags as they are.

    rules (dict[str, Tensor]): From `scheme_rules`.
    RETURNS (dict[str, Tensor]): The same with one tag more.
    """
    n = len(rules["legal"]) + 1

    def extended(rule: torch.Tensor, value: bool) -> torch.Tensor:
        result = torch.full([n] * rule.dim(), value)
        result[(slice(n - 1),) * rule.dim()] = rule
        return result

    return {
        "legal_start": extended(rules["legal_start"], False),
        "legal_end": extended(rules["legal_end"], True),
        "legal": extended(rules["legal"], True),
        "continues": extended(rules["continues"], False),
        "spelling": torch.arange(n)[:, None, None, None].expand(n, n, 2, 2),
    }


def _on_cpu(array) -> numpy.ndarray:
    return array.get() if hasattr(array, "get") else array
