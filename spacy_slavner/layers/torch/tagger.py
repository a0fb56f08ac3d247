"""The head of a tagger: from the vectors of tokens to scores of tags, and the way to decode these."""

import torch
from torch import Tensor, nn

from .crf import ConstrainedCRF
from .softmax import ConstrainedSoftmax, SearchedSoftmax

# How tags are decoded; each has `loss`, `n_terms`, `decode`, `decode_nbest`, `span_probabilities` and
# `set_rules`.
DECODERS = {"crf": ConstrainedCRF, "softmax": ConstrainedSoftmax, "searched_softmax": SearchedSoftmax}
LAYERS = ("linear", "tanh", "2fc")
# Units of each of the two layers of "2fc".
UNITS = 512


class TaggerHead(nn.Module):
    """Emissions, and the decoder over them.

    The layers have no size until `build` or `load_state_dict` gives them one, since neither the
    width of the encoder nor the labels are known when a pipeline is put together.

    layers (str): "linear"; "tanh" (Emelyanov & Artemova, 2019, section 3.1.5: "Linear layer with tanh
        activation function", read to the letter: the tanh is applied to the scores, which lie between -1
        and 1); "2fc" (Pandey et al., 2022, sections 5.3 and 6: "two Fully Connected (FC) layers", "the
        size of each of the FC layers is 512", read as two hidden layers of 512 before the linear layer
        that gives one score per tag. No activation is named; ReLU is taken).
    decoder (str): "crf", "softmax" or "searched_softmax".
    dropout (float): Share of the entries that is dropped in training: of the token vectors, and of
        the output of each hidden layer.
    RAISES (ValueError): Unknown layers or decoder.
    """

    def __init__(self, layers: str = "linear", decoder: str = "crf", dropout: float = 0.0) -> None:
        if layers not in LAYERS:
            raise ValueError(f"unknown head {layers!r}: choose one of {LAYERS}")
        if decoder not in DECODERS:
            raise ValueError(f"unknown decoder {decoder!r}: choose one of {tuple(DECODERS)}")
        super().__init__()
        self.layers, self.decoding = layers, decoder
        self.dropout = nn.Dropout(dropout)
        self.hidden = nn.Sequential()
        self.linear: nn.Linear | None = None
        self.decoder: ConstrainedCRF | ConstrainedSoftmax | None = None

    def build(self, n_in: int, n_tags: int) -> None:
        """Make the layers.

        n_in (int): Width of the token vectors.
        n_tags (int): Number of tags.
        """
        if self.layers == "2fc":
            rate, n_before, n_in = self.dropout.p, n_in, UNITS
            self.hidden = nn.Sequential(
                *(nn.Linear(n_before, UNITS), nn.ReLU(), nn.Dropout(rate)),
                *(nn.Linear(UNITS, UNITS), nn.ReLU(), nn.Dropout(rate)),
            )
        self.linear = nn.Linear(n_in, n_tags)
        self.decoder = DECODERS[self.decoding](n_tags)

    def forward(self, vectors: Tensor) -> Tensor:
        """Score each tag for each token.

        vectors (Tensor): Token vectors (tokens, n_in).
        RETURNS (Tensor): Emissions (tokens, n_tags), never in half precision.
        """
        if self.linear is None:
            raise ValueError("the tagger has no layers yet: initialize the pipeline or load it")
        emissions = self.linear(self.hidden(self.dropout(vectors)))
        emissions = emissions.to(torch.promote_types(emissions.dtype, torch.float32))
        return torch.tanh(emissions) if self.layers == "tanh" else emissions

    def load_state_dict(self, state_dict, *args, **kwargs):
        """Load weights; the layers take the sizes of what is loaded, nothing if nothing was saved."""
        if not state_dict and self.linear is None:
            return super().load_state_dict(state_dict, *args, **kwargs)
        # What is the decoder now was called after its only kind once.
        state_dict = {
            f"decoder.{name[4:]}" if name.startswith("crf.") else name: value
            for name, value in state_dict.items()
        }
        n_tags = len(state_dict["linear.weight"])
        n_in = state_dict.get("hidden.0.weight", state_dict["linear.weight"]).shape[1]
        if self.linear is None or self._sizes() != (n_in, n_tags):
            self.build(n_in, n_tags)
            self.to(state_dict["linear.weight"].device)
        return super().load_state_dict(state_dict, *args, **kwargs)

    def _sizes(self) -> tuple[int, int]:
        first = self.hidden[0] if len(self.hidden) else self.linear
        return first.in_features, self.linear.out_features
