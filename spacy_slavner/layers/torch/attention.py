"""A block of multi-head self-attention."""

import torch


class SelfAttention(torch.nn.Module):
    """Let every step of a sequence look at all others.

    The attention block of Vaswani et al. 2017, section 3.2.2, which Emelyanov & Artemova 2019, section
    3.1.4, take with 6 heads of key and value width 64. They do not say whether the residual connection and
    the layer normalisation around it belong to the block; the default is that they do.

    width (int): Width of the input and of the output.
    heads (int): Heads.
    key_width (int): Width of a head's queries and keys.
    value_width (int): Width of a head's values.
    dropout (float): Dropout on the attention weights and on the result, in training.
    residual (bool): Whether the input is added to the result.
    norm (bool): Whether the result is layer-normalised at the end.
    """

    def __init__(
        self,
        width: int,
        *,
        heads: int = 6,
        key_width: int = 64,
        value_width: int = 64,
        dropout: float = 0.0,
        residual: bool = True,
        norm: bool = True,
    ) -> None:
        super().__init__()
        self.width = width
        self.heads, self.residual, self.dropout = heads, residual, dropout
        self.query = torch.nn.Linear(width, heads * key_width)
        self.key = torch.nn.Linear(width, heads * key_width)
        self.value = torch.nn.Linear(width, heads * value_width)
        self.output = torch.nn.Linear(heads * value_width, width)
        self.norm = torch.nn.LayerNorm(width) if norm else None

    def forward(self, vectors: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Attend.

        vectors (Tensor): Shape (batch, steps, width).
        mask (Tensor): Shape (batch, steps), bool: False on padding, which nothing looks at.
        RETURNS (Tensor): The same shape, 0 on padding.
        """
        dropout = self.dropout if self.training else 0.0
        heads = [
            layer(vectors).unflatten(2, (self.heads, -1)).transpose(1, 2)
            for layer in (self.query, self.key, self.value)
        ]
        mixed = torch.nn.functional.scaled_dot_product_attention(
            *heads, attn_mask=mask[:, None, None, :], dropout_p=dropout
        )
        result = self.output(mixed.transpose(1, 2).flatten(2))
        result = torch.nn.functional.dropout(result, dropout)
        if self.residual:
            result = result + vectors
        if self.norm is not None:
            result = self.norm(result)
        return result.masked_fill(~mask[:, :, None], 0.0)
