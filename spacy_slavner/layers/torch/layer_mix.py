"""A trainable weighted sum of all hidden layers."""

import torch


class LayerMix(torch.nn.Module):
    """Mix hidden layers with one scalar each: `γ · Σ s_i b_i`.

    Emelyanov & Artemova 2019, equation 1, whose scalars s_i are free; with `softmax` they are normalised
    as in ELMo (Peters et al. 2018). The start is the plain mean of the layers in both.

    layers (int): Number of hidden layers.
    softmax (bool): Whether the scalars pass through a softmax.
    """

    no_decay = ("scalars", "gamma")

    def __init__(self, layers: int, *, softmax: bool = False) -> None:
        super().__init__()
        self.softmax = softmax
        self.scalars = torch.nn.Parameter(
            torch.zeros(layers) if softmax else torch.full((layers,), 1 / layers)
        )
        # Of one dimension: thinc's optimizers ask for the length.
        self.gamma = torch.nn.Parameter(torch.ones(1))

    def forward(self, hidden: tuple[torch.Tensor, ...]) -> torch.Tensor:
        """Mix the layers.

        hidden (tuple[Tensor]): One tensor of shape (batch, pieces, width) per layer.
        RETURNS (Tensor): Shape (batch, pieces, width).
        """
        weights = self.scalars.softmax(0) if self.softmax else self.scalars
        mixed = sum(w * layer for w, layer in zip(weights, hidden, strict=True))
        return self.gamma * mixed
