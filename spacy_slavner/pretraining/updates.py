"""What makes updates of a masked-language model cheaper: only what counts is scored, and no dropout."""

from types import MethodType
from typing import TYPE_CHECKING, Any

from .masking import IGNORED

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel

# Kinds whose head is one module over the vectors of pieces.
PLAIN_HEADS = ("bert", "camembert", "roberta", "xlm-roberta")


def score_masked_alone(model: "PreTrainedModel") -> None:
    """Have the loss computed from the scores of masked pieces: those of all others cost, and do not count.

    model (transformers.PreTrainedModel): A masked-language model; of a kind that is not in PLAIN_HEADS it
        stays as it is. Without labels it gives the scores of all pieces, as before.
    """
    if model.config.model_type in PLAIN_HEADS:
        model.forward = MethodType(_forward, model)


def _forward(
    self: "PreTrainedModel",
    input_ids: "torch.Tensor",
    attention_mask: "torch.Tensor | None" = None,
    labels: "torch.Tensor | None" = None,
) -> Any:
    """Replaces the method of the model; its arguments have the shape (blocks, pieces)."""
    from torch.nn.functional import cross_entropy
    from transformers.modeling_outputs import MaskedLMOutput

    encoder = self.base_model
    (head,) = (child for child in self.children() if child is not encoder)
    vectors = encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
    if labels is None:
        return MaskedLMOutput(logits=head(vectors))
    masked = labels != IGNORED
    wanted = labels[masked]
    total = cross_entropy(head(vectors[masked]).float(), wanted, reduction="sum")
    return MaskedLMOutput(loss=total / max(len(wanted), 1))


def set_dropout(model: "torch.nn.Module", share: float) -> None:
    """Set all dropout of a model; its config, which is saved, keeps what it says.

    model (torch.nn.Module): The model.
    share (float): Share of the entries that is dropped in training.
    """
    from torch.nn import Dropout

    for module in model.modules():
        if isinstance(module, Dropout):
            module.p = share
        # That of attention weights is a number where a kernel applies it.
        if isinstance(getattr(module, "dropout_prob", None), float):
            module.dropout_prob = share
