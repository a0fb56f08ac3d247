"""A bidirectional LSTM over padded sequences whose padding changes nothing."""

import torch


class BiLSTM(torch.nn.Module):
    """Read sequences in both directions.

    The recurrent part of Emelyanov & Artemova 2019, section 3.1.3 (512 units per direction), and of Pandey
    et al. 2022, section 5.2 (256). Neither says where dropout stands: here on the input of every layer, as
    in Lample et al. 2016.

    Sequences are padded at their ends, which a reading from the left never sees before it is done; the
    reading from the right gets every sequence reversed within its own length. That equals packed sequences
    and trains in half their time on a CPU, where packing leaves oneDNN's kernel.

    width (int): Width of the input.
    hidden (int): Units per direction.
    layers (int): Layers.
    dropout (float): Share of the inputs' entries that is dropped in training.
    variational (bool): Whether all steps of a sequence lose the same entries (Gal & Ghahramani 2016).
    """

    def __init__(
        self,
        width: int,
        hidden: int,
        *,
        layers: int = 1,
        dropout: float = 0.0,
        variational: bool = True,
    ) -> None:
        super().__init__()
        widths = [width, *[2 * hidden] * (layers - 1)]
        self.width = 2 * hidden
        self.dropout, self.variational = dropout, variational
        self.forwards = torch.nn.ModuleList(_lstm(w, hidden) for w in widths)
        self.backwards = torch.nn.ModuleList(_lstm(w, hidden) for w in widths)

    def forward(self, vectors: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Read the sequences.

        vectors (Tensor): Shape (batch, steps, width).
        mask (Tensor): Shape (batch, steps), bool: False on padding, which stands at the ends.
        RETURNS (Tensor): Shape (batch, steps, 2 · hidden), 0 on padding.
        """
        steps = torch.arange(mask.shape[1], device=mask.device)
        lengths = mask.sum(1, keepdim=True)
        reversed_steps = torch.where(steps < lengths, lengths - 1 - steps, steps)[:, :, None]
        # CPUs have no good LSTM kernels for half precision; on GPUs autocast goes on.
        with torch.autocast("cpu", enabled=False):
            if vectors.is_cpu and vectors.dtype == torch.bfloat16:
                vectors = vectors.float()
            for left, right in zip(self.forwards, self.backwards, strict=True):
                vectors = self._drop(vectors)
                ahead, _ = left(vectors)
                back, _ = right(_reorder(vectors, reversed_steps))
                vectors = torch.cat([ahead, _reorder(back, reversed_steps)], 2)
        return vectors.masked_fill(~mask[:, :, None], 0.0)

    def _drop(self, vectors: torch.Tensor) -> torch.Tensor:
        if not (self.training and self.dropout):
            return vectors
        if not self.variational:
            return torch.nn.functional.dropout(vectors, self.dropout)
        kept = torch.nn.functional.dropout(torch.ones_like(vectors[:, :1]), self.dropout)
        return vectors * kept


def _lstm(width: int, hidden: int) -> torch.nn.LSTM:
    return torch.nn.LSTM(width, hidden, batch_first=True)


def _reorder(vectors: torch.Tensor, steps: torch.Tensor) -> torch.Tensor:
    return vectors.gather(1, steps.expand(-1, -1, vectors.shape[2]))
