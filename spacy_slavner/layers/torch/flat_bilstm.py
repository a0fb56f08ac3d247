"""BiLSTMs over sequences that stand one after the other in a flat tensor: sentences, and words' letters."""

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from .bilstm import BiLSTM

# Most rows, padding counted, that are read at once; and the least share of them that is no padding.
MAX_ROWS = 16384
FULL = 0.7


def batches(lengths: Tensor) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Put sequences of like length together.

    lengths (Tensor): Numbers of rows of sequences that follow each other, each at least 1 (sequences,).
    YIELDS (tuple[Tensor, Tensor, Tensor]): Which sequences these are (batch,), the row of each of their
        steps (batch, steps), and whether a step is none of padding (batch, steps), bool.
    """
    starts = lengths.cumsum(0) - lengths
    order = lengths.argsort(descending=True, stable=True)
    sizes = lengths[order].tolist()
    at = 0
    while at < len(sizes):
        end = at + 1
        while end < len(sizes) and sizes[end] >= FULL * sizes[at] and (end - at) * sizes[at] < MAX_ROWS:
            end += 1
        chosen = order[at:end]
        steps = torch.arange(sizes[at], device=lengths.device)
        mask = steps < lengths[chosen, None]
        yield chosen, torch.where(mask, starts[chosen, None] + steps, 0), mask
        at = end


class FlatBiLSTM(nn.Module):
    """A BiLSTM over the rows of a flat tensor.

    It has no size until `build` or `load_state_dict` gives it one, since the width of what it reads is
    not known when a pipeline is put together.

    hidden (int): Units per direction.
    depth (int): Number of layers.
    dropout (float): Share of the inputs' entries that is dropped in training, before each layer.
    variational (bool): Whether all steps of a sequence lose the same entries.
    """

    def __init__(self, hidden: int, depth: int = 1, dropout: float = 0.0, variational: bool = False) -> None:
        super().__init__()
        self.hidden, self.depth, self.dropout, self.variational = hidden, depth, dropout, variational
        self.bilstm: BiLSTM | None = None

    def build(self, width: int) -> None:
        """Make the layers.

        width (int): Width of the vectors.
        """
        settings = {"layers": self.depth, "dropout": self.dropout, "variational": self.variational}
        self.bilstm = BiLSTM(width, self.hidden, **settings)

    def forward(self, vectors: Tensor, lengths: Tensor) -> Tensor:
        """Read sequences.

        vectors (Tensor): Vectors of all sequences, one after the other (tokens, width).
        lengths (Tensor): Numbers of tokens, each at least 1 (sequences,).
        RETURNS (Tensor): Both directions side by side (tokens, 2 * hidden).
        """
        if self.bilstm is None:
            raise ValueError("the BiLSTM has no layers yet: initialize the pipeline or load it")
        result = vectors.new_zeros(len(vectors), 2 * self.hidden)
        for _, index, mask in batches(lengths):
            read = self.bilstm(vectors[index], mask)
            result = result.index_copy(0, index[mask], read[mask])
        return result

    def load_state_dict(self, state_dict, *args, **kwargs):
        """Load weights; the layers take the sizes of what is loaded, nothing if nothing was saved."""
        if state_dict:
            weight = state_dict["bilstm.forwards.0.weight_ih_l0"]
            self.build(weight.shape[1])
            self.to(weight.device)
        return super().load_state_dict(state_dict, *args, **kwargs)


class CharBiLSTM(nn.Module):
    """Vectors of words from their characters: the last states of an LSTM in each direction.

    Lample et al. (2016), section 4.1.

    rows (int): Rows of the table of character vectors.
    width (int): Width of a character's vector.
    hidden (int): Units per direction.
    dropout (float): Share of the entries of the result that is dropped in training.
    """

    def __init__(self, rows: int, width: int, hidden: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.hidden = hidden
        self.embed = nn.Embedding(rows, width)
        self.bilstm = BiLSTM(width, hidden)

    def forward(self, characters: Tensor, lengths: Tensor, words: Tensor) -> Tensor:
        """Read each different word once.

        characters (Tensor): Rows of the characters of the different words, one word after the other
            (characters,).
        lengths (Tensor): Their numbers of characters, each at least 1 (different words,).
        words (Tensor): Which of them each token is (tokens,).
        RETURNS (Tensor): Vectors of the tokens (tokens, 2 * hidden).
        """
        result = self.embed.weight.new_zeros(len(lengths), 2 * self.hidden)
        for chosen, index, mask in batches(lengths):
            read = self.bilstm(self.embed(characters[index]), mask)
            ahead, back = read.split(self.hidden, 2)
            last = ahead[torch.arange(len(chosen), device=chosen.device), lengths[chosen] - 1]
            result = result.index_copy(0, chosen, torch.cat([last, back[:, 0]], 1))
        return self.dropout(result[words])
