"""Vectors of words from those of their pieces, without context."""

import torch
from torch import Tensor, nn
from torch.nn import functional


def principal_components(vectors: Tensor, width: int) -> Tensor:
    """Reduce vectors to the directions in which they differ most.

    vectors (Tensor): Shape (number, their width).
    width (int): How many directions to keep, at most.
    RETURNS (Tensor): Shape (number, least of both widths), centred, the first column varying most.
    """
    centred = vectors - vectors.mean(0)
    # Of the small matrix of covariances, not of a row for each piece.
    values, directions = torch.linalg.eigh(centred.T @ centred)
    return centred @ directions[:, values.argsort(descending=True)[:width]]


class PieceVectors(nn.Module):
    """A table with a vector for each piece, which training leaves alone.

    It has no table until `build` or `load_state_dict` gives it one.
    """

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("table", None)

    def build(self, table: Tensor) -> None:
        """Take a table.

        table (Tensor): Vectors of the pieces (pieces, width).
        """
        self.table = table

    def forward(self, pieces: Tensor, lengths: Tensor, words: Tensor) -> Tensor:
        """Put the vectors of words together, each different word once.

        pieces (Tensor): Numbers of the pieces of the different words, one word after the other (pieces,).
        lengths (Tensor): Their numbers of pieces, each at least 1 (different words,).
        words (Tensor): Which of them each token is (tokens,).
        RETURNS (Tensor): For each token the vectors of its first and its last piece, and the mean of all
            (tokens, 3 * width).
        """
        ends = lengths.cumsum(0)
        starts = ends - lengths
        mean = functional.embedding_bag(pieces, self.table, starts, mode="mean")
        different = torch.cat([self.table[pieces[starts]], self.table[pieces[ends - 1]], mean], 1)
        return different[words]

    def load_state_dict(self, state_dict, *args, **kwargs):
        """Load a table; none if none was saved."""
        if "table" in state_dict:
            self.build(torch.empty_like(state_dict["table"]))
        return super().load_state_dict(state_dict, *args, **kwargs)
