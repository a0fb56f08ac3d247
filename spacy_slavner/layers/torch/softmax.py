"""Tags without a CRF: one softmax per token, decoded to legal tags. The same interface as the CRF's."""

import torch
from torch import Tensor, nn

from .nbest import nbest_sequences
from .rules import Rules


class ConstrainedSoftmax(Rules, nn.Module):
    """A softmax over the tags of each token, as on top of "BERT+Linear" (Pandey et al., 2022, section 5.3).

    The best tag of each token may make a sequence that no scheme writes. It is repaired as conlleval (Tjong
    Kim Sang and De Meulder, 2003) reads it, and as is usual in the field: spans are read leniently, so that
    one that does not begin well still begins (I-PER after O, or after a tag of another type, starts a new
    span), and are then written as the scheme wants them (B-PER). No token changes its type, and none
    becomes or ceases to be part of a name.

    num_tags (int): Number of tags; tag 0 is that of tokens outside of spans.
    rules (Tensor | None): See `set_rules`.
    """

    batch_first = True

    def __init__(self, num_tags: int, **rules: Tensor | None) -> None:
        super().__init__()
        self.num_tags = num_tags
        as_they_are = torch.arange(num_tags)[:, None, None].expand(num_tags, num_tags, 2, 2)
        self.register_buffer("spelling", as_they_are.contiguous())
        self._register_rules(**rules)

    def set_rules(self, *, spelling: Tensor | None = None, **rules: Tensor | None) -> None:
        """Say what is legal, and how to write what is not; None leaves a rule as it is.

        spelling (Tensor | None): How a token is written (tags, tags, 2, 2), given its tag, the tag of the
            token before, whether it starts a span and whether it ends one.
        rules (Tensor | None): As in `Rules`.
        """
        if spelling is not None:
            self.spelling.copy_(torch.as_tensor(spelling))
        super().set_rules(**rules)

    def loss(
        self,
        emissions: Tensor,
        tags: Tensor,
        mask: Tensor | None = None,
        free: Tensor | None = None,
    ) -> Tensor:
        """Cross-entropy, summed over the tokens: a scalar. For `free` and errors see the CRF's."""
        with torch.autocast(emissions.device.type, enabled=False):
            emissions, mask = self._prepare(emissions, mask, tags)
            emissions, tags = emissions[mask], tags[mask]
            if free is None:
                return nn.functional.cross_entropy(emissions, tags, reduction="sum")
            allowed = free[mask].scatter(1, tags.unsqueeze(1), True)
            likely = emissions.masked_fill(~allowed, -torch.inf).logsumexp(1)
            return (emissions.logsumexp(1) - likely).sum()

    def n_terms(self, lengths) -> int:
        """How many terms the loss of sequences of these lengths sums: one per token."""
        return int(lengths.sum())

    @torch.no_grad()
    def decode(self, emissions: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Take the best tag of each token, and repair the sequence.

        emissions (Tensor): Emissions (batch, time, tags).
        mask (Tensor | None): Mask (batch, time).
        RETURNS (tuple[Tensor, Tensor]): Legal tags (batch, time), 0 on padding, and their log
            probabilities (batch,).
        RAISES (ValueError): Bad shapes, bad mask, emissions not finite.
        """
        log_probability, mask = self._log_probability(emissions, mask)
        tags = self.repair(log_probability.argmax(2) * mask)
        scores = (log_probability.gather(2, tags.unsqueeze(2)).squeeze(2) * mask).sum(1)
        return tags, scores

    def repair(self, tags: Tensor) -> Tensor:
        """Write tags (batch, time), 0 on padding, as the scheme wants the spans that they mean."""
        padded = nn.functional.pad(tags, (1, 1))
        joined = self.continues[padded[:, :-1], padded[:, 1:]].long()
        first, last = 1 - joined[:, :-1], 1 - joined[:, 1:]
        return self.spelling[tags, padded[:, :-2], first, last]

    @torch.no_grad()
    def marginals(self, emissions: Tensor, mask: Tensor | None = None) -> Tensor:
        """Probability of each tag at each token (batch, time, tags); zeros on padding."""
        log_probability, mask = self._log_probability(emissions, mask)
        return log_probability.exp() * mask.unsqueeze(2)

    @torch.no_grad()
    def span_probabilities(
        self, emissions: Tensor, tags: Tensor, spans: Tensor, mask: Tensor | None = None
    ) -> Tensor:
        """Probability of spans: the product of the probabilities of their tokens' tags.

        Nothing says here that a span ends where it does, unlike in the CRF. The tags are those given, after
        repair: a name that was repaired from a likely I-PER has the probability of its less likely B-PER.

        emissions (Tensor): Emissions (batch, time, tags).
        tags (Tensor): Tags (batch, time), as decoded.
        spans (Tensor): Spans (spans, 3): row in the batch, first token, token after the last.
        mask (Tensor | None): Mask (batch, time).
        RETURNS (Tensor): (spans,).
        RAISES (ValueError): Bad shapes, bad mask, emissions not finite.
        """
        log_probability, mask = self._log_probability(emissions, mask)
        rows, first, end = spans.unbind(1)
        path = log_probability.gather(2, tags.unsqueeze(2)).squeeze(2).double().cumsum(1)
        path = nn.functional.pad(path, (1, 0))
        return torch.exp(path[rows, end] - path[rows, first]).float()

    @torch.no_grad()
    def decode_nbest(
        self, emissions: Tensor, mask: Tensor | None = None, n: int = 11
    ) -> tuple[Tensor, Tensor]:
        """Find the n most likely legal tag sequences; as `ConstrainedCRF.decode_nbest`.

        A sequence's probability is the product over its tokens. What illegal sequences have is left out,
        not shared among the others. The best of them need not be the repaired one of `decode`.
        """
        log_probability, mask = self._log_probability(emissions, mask)
        log_probability = log_probability * mask.unsqueeze(2)
        never = [
            log_probability.new_zeros(legal.shape).masked_fill(~legal, -torch.inf)
            for legal in (self.legal_start, self.legal, self.legal_end)
        ]
        return nbest_sequences(log_probability, mask.sum(1), *never, n)

    def _log_probability(self, emissions: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor]:
        with torch.autocast(emissions.device.type, enabled=False):
            emissions, mask = self._prepare(emissions, mask)
            self._require_finite(emissions)
            return emissions.log_softmax(2), mask


class SearchedSoftmax(ConstrainedSoftmax):
    """The same, but decoded to the most likely of all sequences that a scheme writes; nothing is repaired.

    Tokens of a name that are likely of different types (B-ORG, I-PER) are two names after repair, one here.
    """

    @torch.no_grad()
    def decode(self, emissions: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Find the most likely legal sequence; arguments, results and errors as in the base class."""
        tags, scores = self.decode_nbest(emissions, mask, n=1)
        return tags[:, 0], scores[:, 0]
