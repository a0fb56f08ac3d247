"""The joint encoder head: what stands between a transformer and the decoders that share it."""

import torch

from .attention import SelfAttention
from .bilstm import BiLSTM


class JointHead(torch.nn.Module):
    """BiLSTM, self-attention and a linear layer over the pieces of a window; each may be left out.

    The shared part of Emelyanov & Artemova 2019, figure 1, behind the layer mix. Their language head reads
    the attention's output and their linear layer with tanh gives the tags' scores, so that it belongs to the
    tagger; `linear` is for those who want a narrower shared representation.

    width (int): Width of the transformer's vectors. All else is explained at `architectures.JointHead_v1`.
    """

    def __init__(
        self,
        width: int,
        *,
        bilstm: int = 512,
        bilstm_layers: int = 1,
        attention_heads: int = 6,
        attention_width: int = 64,
        attention_residual: bool = True,
        attention_norm: bool = True,
        linear: int = 0,
        dropout: float = 0.0,
        variational: bool = True,
    ) -> None:
        super().__init__()
        self.bilstm = self.attention = self.linear = None
        self.width = width
        if bilstm:
            self.bilstm = BiLSTM(
                width, bilstm, layers=bilstm_layers, dropout=dropout, variational=variational
            )
            self.width = self.bilstm.width
        if attention_heads:
            self.attention = SelfAttention(
                self.width,
                heads=attention_heads,
                key_width=attention_width,
                value_width=attention_width,
                dropout=dropout,
                residual=attention_residual,
                norm=attention_norm,
            )
        if linear:
            self.linear = torch.nn.Linear(self.width, linear)
            self.width = linear

    def forward(self, vectors: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Transform the vectors of windows.

        vectors (Tensor): Shape (windows, pieces, width).
        mask (Tensor): Shape (windows, pieces), bool: False on padding.
        RETURNS (Tensor): Shape (windows, pieces, self.width). What stands on padding has no meaning.
        """
        for layer in (self.bilstm, self.attention):
            if layer is not None:
                vectors = layer(vectors, mask)
        return vectors if self.linear is None else self.linear(vectors).tanh()
