"""Which tags may follow which: what all ways to decode tags share."""

import torch
from torch import Tensor
from torchcrf import CRF


class Rules:
    """What a tag scheme allows, as buffers of a module.

    A module that inherits from this has `num_tags` and `batch_first = True`, and calls `_register_rules`.
    Its methods take emissions (batch, time, tags), padded on the right, and a bool mask (batch, time) that
    is true on tokens; without a mask every position is a token.
    """

    def _register_rules(self, **rules: Tensor | None) -> None:
        """Start with rules that allow everything, then set those that are given."""
        n = self.num_tags
        self.register_buffer("legal_start", torch.ones(n, dtype=torch.bool))
        self.register_buffer("legal_end", torch.ones(n, dtype=torch.bool))
        self.register_buffer("legal", torch.ones(n, n, dtype=torch.bool))
        self.register_buffer("continues", torch.zeros(n, n, dtype=torch.bool))
        self.set_rules(**rules)

    def set_rules(
        self,
        legal_start: Tensor | None = None,
        legal_end: Tensor | None = None,
        legal: Tensor | None = None,
        continues: Tensor | None = None,
    ) -> None:
        """Say what is legal; None leaves a rule as it is.

        legal_start (Tensor | None): Whether a sequence may start with a tag, bool (tags,).
        legal_end (Tensor | None): Whether a sequence may end with a tag, bool (tags,).
        legal (Tensor | None): Whether the second tag may follow the first, bool (tags, tags).
        continues (Tensor | None): Whether the second tag after the first continues the same span,
            bool (tags, tags); by default none does.
        """
        rules = {"legal_start": legal_start, "legal_end": legal_end}
        rules |= {"legal": legal, "continues": continues}
        for name, rule in rules.items():
            if rule is not None:
                getattr(self, name).copy_(torch.as_tensor(rule))

    def _prepare(
        self, emissions: Tensor, mask: Tensor | None, tags: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Check the shapes; emissions in float32 with zeros on padding, and a mask."""
        if mask is None:
            mask = torch.ones(emissions.shape[:2], dtype=torch.bool, device=emissions.device)
        mask = mask.bool()
        CRF._validate(self, emissions, tags=tags, mask=mask)
        if not bool((mask[:, 1:] <= mask[:, :-1]).all()):
            raise ValueError("the mask must be true on the tokens of a sequence, then false")
        emissions = emissions.float().masked_fill(~mask.unsqueeze(2), 0.0)
        return emissions, mask

    @staticmethod
    def _require_finite(emissions: Tensor) -> None:
        """Refuse what comes of weights that have diverged; one number says whether all are finite."""
        if not bool(torch.isfinite(emissions.sum(dtype=torch.float32))):
            raise ValueError(
                "the scores of the tags are not finite: training has diverged, try a lower learning rate"
            )
