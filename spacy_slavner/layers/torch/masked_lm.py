"""The head of a masked language model: from vectors of masked pieces to the pieces that stood there."""

import torch
from torch import Tensor, nn

# Standard deviation of new weights, as in BERT.
_SPREAD = 0.02


class MaskedLanguageHead(nn.Module):
    """The output layers of BERT (Devlin et al., 2018): a dense layer with GELU, LayerNorm, and the decoder.

    The decoder is tied to the encoder's input embeddings, which are no parameters of this module but an
    argument of each call; only its bias is its own. The layers have no size until `build` or
    `load_state_dict` gives them one.
    """

    def __init__(self) -> None:
        super().__init__()
        self.dense: nn.Linear | None = None
        self.norm: nn.LayerNorm | None = None
        self.bias: nn.Parameter | None = None

    def build(self, n_in: int, n_embedding: int, n_pieces: int) -> None:
        """Make the layers.

        n_in (int): Width of the vectors.
        n_embedding (int): Width of the input embeddings.
        n_pieces (int): Number of pieces in the vocabulary.
        """
        self.dense = nn.Linear(n_in, n_embedding)
        nn.init.normal_(self.dense.weight, std=_SPREAD)
        nn.init.zeros_(self.dense.bias)
        self.norm = nn.LayerNorm(n_embedding)
        self.bias = nn.Parameter(torch.zeros(n_pieces))

    def scores(self, vectors: Tensor, table: Tensor) -> Tensor:
        """Score every piece of the vocabulary at every place.

        vectors (Tensor): Vectors of the encoder (places, n_in).
        table (Tensor): The encoder's input embeddings (n_pieces, n_embedding).
        RETURNS (Tensor): Shape (places, n_pieces), before the softmax.
        """
        if self.dense is None:
            raise ValueError("the masked-language head has no layers yet: initialize the pipeline or load it")
        hidden = self.norm(nn.functional.gelu(self.dense(vectors)))
        return nn.functional.linear(hidden, table, self.bias)

    def forward(self, vectors: Tensor, table: Tensor, targets: Tensor) -> Tensor:
        """Cross entropy of the pieces that stood there.

        vectors (Tensor): Vectors of the encoder (places, n_in); at least one.
        table (Tensor): The encoder's input embeddings (n_pieces, n_embedding).
        targets (Tensor): Ids of the pieces (places,).
        RETURNS (Tensor): The mean over the places, a scalar.
        """
        return nn.functional.cross_entropy(self.scores(vectors, table).float(), targets)

    def load_state_dict(self, state_dict, *args, **kwargs):
        """Load weights; the layers take the sizes of what is loaded, nothing if nothing was saved."""
        if state_dict:
            n_embedding, n_in = state_dict["dense.weight"].shape
            sizes = n_in, n_embedding, len(state_dict["bias"])
            if self.dense is None or self._sizes() != sizes:
                self.build(*sizes)
                self.to(state_dict["bias"].device)
        return super().load_state_dict(state_dict, *args, **kwargs)

    def _sizes(self) -> tuple[int, int, int]:
        return self.dense.in_features, self.dense.out_features, len(self.bias)
