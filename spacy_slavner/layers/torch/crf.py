"""A linear-chain CRF that knows which transitions are legal: loss, decoding and marginals in batches.

The parameters are those of pytorch-crf (Lafferty, McCallum and Pereira, 2001). Sums over all tag
sequences run through scaled forward and backward messages (Rabiner, 1989, section V.A) in double
precision, both directions in one loop; the gradient of the likelihood is taken from the messages
in closed form. Where scores lie so far apart that scaled messages could vanish, the sums are done
again in log space: slower, and exact for any finite scores. On the CPU the search for the best
sequence is compiled by numba where that is installed.
"""

import math
from collections.abc import Callable
from functools import cache
from typing import NamedTuple

import numpy
import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torchcrf import CRF

from .nbest import nbest_sequences
from .rules import Rules

# Stands for minus infinity where differences of two such scores must not become NaN.
_NEVER = -1e30
# Messages are rescaled at every n-th token only; the limit below accounts for it.
_RESCALE_EVERY = 4


class Messages(NamedTuple):
    """Forward and backward messages, time first; each row is scaled by a factor of its own.

    log_partition (Tensor): Log of the summed weight of all legal tag sequences (batch,).
    left (Tensor): Weight of what lies left of a token, given its tag (time, batch, tags).
    left_here (Tensor): The same times the weight of the token's own emission.
    right (Tensor): Weight of what lies right of a token, given its tag.
    right_here (Tensor): The same times the weight of the token's own emission.
    """

    log_partition: Tensor
    left: Tensor
    left_here: Tensor
    right: Tensor
    right_here: Tensor


class ConstrainedCRF(Rules, CRF):
    """A CRF in which illegal tag sequences have no weight.

    For the shapes that all methods take see `Rules`. They compute in float32 or better whatever autocast
    says.

    num_tags (int): Number of tags.
    rules (Tensor | None): See `Rules.set_rules`; by default everything is legal, and no tag continues a
        span. Only probabilities of spans ask for the latter.
    """

    def __init__(self, num_tags: int, **rules: Tensor | None) -> None:
        super().__init__(num_tags, batch_first=True)
        self._register_rules(**rules)

    def set_rules(self, *, spelling: Tensor | None = None, **rules: Tensor | None) -> None:
        """Say what is legal, as in `Rules`. How to repair what is not is of no use here."""
        super().set_rules(**rules)

    def forward(
        self, emissions: Tensor, tags: Tensor, mask: Tensor | None = None, reduction: str = "sum"
    ) -> Tensor:
        """Log likelihood of tag sequences, reduced as in pytorch-crf.

        emissions (Tensor): Emissions (batch, time, tags).
        tags (Tensor): Tags (batch, time).
        mask (Tensor | None): Mask (batch, time).
        reduction (str): "none", "sum", "mean" (over sequences) or "token_mean".
        RETURNS (Tensor): (batch,) for "none", else a scalar.
        RAISES (ValueError): Unknown reduction, bad shapes, bad mask, emissions not finite.
        """
        scores = self.log_likelihood(emissions, tags, mask)
        match reduction:
            case "none":
                return scores
            case "sum":
                return scores.sum()
            case "mean":
                return scores.mean()
            case "token_mean":
                return scores.sum() / (tags.numel() if mask is None else mask.sum())
        raise ValueError(f"invalid reduction: {reduction}")

    def loss(
        self,
        emissions: Tensor,
        tags: Tensor,
        mask: Tensor | None = None,
        free: Tensor | None = None,
    ) -> Tensor:
        """Negative log likelihood, summed over the batch.

        emissions (Tensor): Emissions (batch, time, tags).
        tags (Tensor): Tags (batch, time).
        mask (Tensor | None): Mask (batch, time).
        free (Tensor | None): Tags that a token may have instead of its own (batch, time, tags), bool. The
            likelihood is then that of all sequences of such tags together (Tsuboi et al., 2008).
        RETURNS (Tensor): A scalar.
        """
        loss = -self.log_likelihood(emissions, tags, mask).sum()
        if free is None or not bool(free.any()):
            return loss
        with torch.autocast(emissions.device.type, enabled=False):
            rows = free.flatten(1).any(1)
            emissions, mask = self._prepare(emissions, mask, tags)
            emissions, mask = emissions[rows], mask[rows]
            tags = tags[rows].masked_fill(~mask, 0)
            allowed = free[rows].scatter(2, tags.unsqueeze(2), True)
            never = emissions.double().masked_fill(~allowed, _NEVER)
            together = self._log_partition(never, mask)
            return loss - (together - self._gold_score(emissions, tags, mask)).sum()

    def n_terms(self, lengths) -> int:
        """How many terms the loss of sequences of these lengths sums: one per sequence."""
        return len(lengths)

    def log_likelihood(self, emissions: Tensor, tags: Tensor, mask: Tensor | None = None) -> Tensor:
        """Log probability of each tag sequence among all legal ones.

        emissions (Tensor): Emissions (batch, time, tags).
        tags (Tensor): Tags (batch, time); what stands on padding does not matter.
        mask (Tensor | None): Mask (batch, time).
        RETURNS (Tensor): (batch,), minus infinity for an illegal sequence.
        RAISES (ValueError): Bad shapes, bad mask, emissions not finite.
        """
        with torch.autocast(emissions.device.type, enabled=False):
            emissions, mask = self._prepare(emissions, mask, tags)
            tags = tags.masked_fill(~mask, 0)
            if self._scores_lie_far_apart(emissions):
                return self._gold_score(emissions, tags, mask) - self._log_partition(emissions, mask)
            return _LogLikelihood.apply(
                emissions,
                self.start_transitions,
                self.transitions,
                self.end_transitions,
                tags,
                mask,
                self,
            )

    @torch.no_grad()
    def decode(self, emissions: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Find the best legal tag sequences (Viterbi).

        emissions (Tensor): Emissions (batch, time, tags).
        mask (Tensor | None): Mask (batch, time).
        RETURNS (tuple[Tensor, Tensor]): Tags (batch, time), 0 on padding, and the sequences'
            unnormalised log scores (batch,).
        RAISES (ValueError): Bad shapes, bad mask, emissions not finite.
        """
        with torch.autocast(emissions.device.type, enabled=False):
            emissions, mask = self._prepare(emissions, mask)
            self._require_finite(emissions)
            scores = self._scores(-math.inf)
            compiled = compiled_viterbi() if emissions.device.type == "cpu" else None
            if compiled is None:
                return batched_viterbi(emissions, mask.sum(1), *scores)
            tags, best = compiled(*(a.numpy() for a in (emissions, mask.sum(1), *scores)))
            return torch.from_numpy(tags), torch.from_numpy(best)

    @torch.no_grad()
    def decode_nbest(
        self, emissions: Tensor, mask: Tensor | None = None, n: int = 11
    ) -> tuple[Tensor, Tensor]:
        """Find the n best legal tag sequences and their probabilities.

        emissions (Tensor): Emissions (batch, time, tags).
        mask (Tensor | None): Mask (batch, time).
        n (int): How many; 11 in Emelyanov & Artemova (2019, section 3.1.5).
        RETURNS (tuple[Tensor, Tensor]): Tags (batch, n, time), 0 on padding, and log probabilities
            (batch, n), the best first. Sequences of equal score come in no certain order. Where there are
            fewer than n legal sequences, the rest has the log probability minus infinity and tags 0.
        RAISES (ValueError): Bad shapes, bad mask, emissions not finite.
        """
        with torch.autocast(emissions.device.type, enabled=False):
            emissions, mask = self._prepare(emissions, mask)
            dtype = _message_dtype(emissions.device)
            if self._scores_lie_far_apart(emissions):
                total = self._log_partition(emissions, mask)
            else:
                total = self._messages(emissions, mask).log_partition
            scores = self._scores(-math.inf, dtype)
            tags, best = nbest_sequences(emissions.to(dtype), mask.sum(1), *scores, n)
            return tags, best - total.unsqueeze(1)

    @torch.no_grad()
    def marginals(self, emissions: Tensor, mask: Tensor | None = None) -> Tensor:
        """Probability of each tag at each token.

        emissions (Tensor): Emissions (batch, time, tags).
        mask (Tensor | None): Mask (batch, time).
        RETURNS (Tensor): (batch, time, tags); rows sum to 1, zeros on padding.
        RAISES (ValueError): Bad shapes, bad mask, emissions not finite.
        """
        with torch.autocast(emissions.device.type, enabled=False):
            emissions, mask = self._prepare(emissions, mask)
            if self._scores_lie_far_apart(emissions):
                with torch.enable_grad():
                    leaf = emissions.detach().requires_grad_()
                    total = self._log_partition(leaf, mask).sum()
                return torch.autograd.grad(total, leaf)[0]
            probability, _ = _tag_probabilities(self._messages(emissions, mask))
            return probability.transpose(0, 1).float() * mask.unsqueeze(2)

    @torch.no_grad()
    def span_probabilities(
        self, emissions: Tensor, tags: Tensor, spans: Tensor, mask: Tensor | None = None
    ) -> Tensor:
        """Probability of spans: of exactly these tags on them, as spans that start and end there.

        The probability of a stretch of tags in a chain is the ratio of two sums, over the
        sequences that have these tags and over all (Culotta and McCallum, 2004); here the sum
        above leaves out sequences whose tag before or after would make the span longer. In BIO
        and BIOES this is the probability of the span. In IOB1 a span after another one of its
        type is written with other tags, which are not summed in.

        emissions (Tensor): Emissions (batch, time, tags).
        tags (Tensor): Tags (batch, time), as decoded.
        spans (Tensor): Spans (spans, 3): row in the batch, first token, token after the last.
        mask (Tensor | None): Mask (batch, time).
        RETURNS (Tensor): (spans,).
        RAISES (ValueError): Bad shapes, bad mask, emissions not finite.
        """
        if not len(spans):
            return emissions.new_zeros(0, dtype=torch.float32)
        with torch.autocast(emissions.device.type, enabled=False):
            emissions, mask = self._prepare(emissions, mask, tags)
            rows, first, last = spans[:, 0], spans[:, 1], spans[:, 2] - 1
            if self._scores_lie_far_apart(emissions):
                return self._span_probabilities_in_log_space(emissions, tags, mask, rows, first, last)
            messages = self._messages(emissions, mask)
            tags = tags.transpose(0, 1)
            weights = torch.exp(self._scores(-math.inf, messages.left.dtype)[1])
            leaves = weights * ~self.continues
            start = _tag_probabilities(messages)[0][first, rows, tags[first, rows]]
            # Times the share of sequences in which the tag before does not belong to the span.
            inner = first > 0
            t, r = first[inner], rows[inner]
            tag = tags[t, r]
            start[inner] *= (messages.left_here[t - 1, r] * leaves.T[tag]).sum(1)
            start[inner] /= messages.left[t, r, tag]
            # Probability of each tag given the one before; along a span they multiply.
            ahead = messages.right_here[1:].gather(2, tags[1:, :, None]).squeeze(2)
            given = messages.right[:-1].gather(2, tags[:-1, :, None]).squeeze(2)
            step = weights[tags[:-1], tags[1:]] * ahead / given
            tiny = torch.finfo(step.dtype).tiny
            log_path = nn.functional.pad(step.clamp_min(tiny).log().cumsum(0), (0, 0, 1, 0))
            start *= torch.exp(log_path[last, rows] - log_path[first, rows])
            inner = last < mask.sum(1)[rows] - 1
            t, r = last[inner], rows[inner]
            tag = tags[t, r]
            start[inner] *= (messages.right_here[t + 1, r] * leaves[tag]).sum(1)
            start[inner] /= messages.right[t, r, tag]
            return start.float()

    def _span_probabilities_in_log_space(
        self,
        emissions: Tensor,
        tags: Tensor,
        mask: Tensor,
        rows: Tensor,
        first: Tensor,
        last: Tensor,
    ) -> Tensor:
        """The ratio of sums, computed as its definition says: one constrained sum per span."""
        total = self._log_partition(emissions, mask)[rows]
        lengths = mask.sum(1)
        forced = emissions[rows].double()
        for i in range(len(rows)):
            row, s, e = int(rows[i]), int(first[i]), int(last[i])
            for t in range(s, e + 1):
                others = torch.arange(self.num_tags, device=emissions.device) != tags[row, t]
                forced[i, t].masked_fill_(others, _NEVER)
            if s > 0:
                forced[i, s - 1].masked_fill_(self.continues[:, tags[row, s]], _NEVER)
            if e + 1 < lengths[row]:
                forced[i, e + 1].masked_fill_(self.continues[tags[row, e]], _NEVER)
        return torch.exp(self._log_partition(forced, mask[rows]) - total).float()

    def _scores(self, never: float, dtype: torch.dtype = torch.float32) -> tuple[Tensor, Tensor, Tensor]:
        """Start, transition and end scores, with a constant where they are illegal."""
        return (
            self.start_transitions.to(dtype).masked_fill(~self.legal_start, never),
            self.transitions.to(dtype).masked_fill(~self.legal, never),
            self.end_transitions.to(dtype).masked_fill(~self.legal_end, never),
        )

    def _scores_lie_far_apart(self, emissions: Tensor) -> bool:
        """Whether scaled messages could lose a sequence that counts.

        Any tag is reached from any other within two or three steps, so that a message is smaller
        than the largest at its token by no more than the range of a few steps' scores.
        """
        with torch.no_grad():
            weights = [self.start_transitions, self.transitions.flatten(), self.end_transitions]
            spread = (emissions.amax(2) - emissions.amin(2)).amax()
            spread = float(spread + 2 * torch.cat(weights).abs().amax())
        if not math.isfinite(spread):
            raise ValueError(
                "the scores of the CRF are not finite: training has diverged, try a lower learning rate"
            )
        limit = -math.log(torch.finfo(_message_dtype(emissions.device)).tiny)
        return spread > limit / (3 + _RESCALE_EVERY)

    def _messages(self, emissions: Tensor, mask: Tensor) -> Messages:
        """Run the scaled forward and backward recursions, both in one loop."""
        dtype = _message_dtype(emissions.device)
        start, transitions, end = (torch.exp(s) for s in self._scores(-math.inf, dtype))
        top = emissions.amax(2)
        lengths = mask.sum(1)
        n_rows, n_steps, n_tags = emissions.shape
        # The backward recursion is the forward one on reversed sequences.
        steps = torch.arange(n_steps, device=mask.device)
        mirror = torch.where(mask, lengths[:, None] - 1 - steps, steps).T
        rows = torch.arange(n_rows, device=mask.device)
        weights = emissions.new_empty((n_steps, 2, n_rows, n_tags), dtype=dtype)
        torch.exp((emissions - top.unsqueeze(2)).transpose(0, 1).to(dtype), out=weights[:, 0])
        weights[:, 1] = weights[mirror, 0, rows]
        before, after, log_scale = _recursion(
            torch.stack([start, end]), torch.stack([transitions, transitions.T]), weights
        )
        last = lengths - 1
        log_partition = (after[last, 0, rows] * end).sum(1).log() + log_scale[last, 0, rows]
        return Messages(
            log_partition + (top * mask).sum(1),
            before[:, 0],
            after[:, 0],
            before[mirror, 1, rows],
            after[mirror, 1, rows],
        )

    def _log_partition(self, emissions: Tensor, mask: Tensor) -> Tensor:
        """Log of the summed weight of all legal sequences (batch,), in log space, by autograd."""
        dtype = _message_dtype(emissions.device)
        start, transitions, end = self._scores(_NEVER, dtype)
        emissions = emissions.to(dtype).transpose(0, 1)
        score = start + emissions[0]
        for t in range(1, len(emissions)):
            ahead = torch.logsumexp(score.unsqueeze(2) + transitions, 1) + emissions[t]
            score = torch.where(mask[:, t, None], ahead, score)
        return torch.logsumexp(score + end, 1)

    def _gold_score(self, emissions: Tensor, tags: Tensor, mask: Tensor) -> Tensor:
        """Unnormalised log score of given sequences (batch,)."""
        start, transitions, end = self._scores(-math.inf)
        at = emissions.gather(2, tags.unsqueeze(2)).squeeze(2) * mask
        steps = transitions[tags[:, :-1], tags[:, 1:]].masked_fill(~mask[:, 1:], 0.0)
        last = tags.gather(1, mask.sum(1, keepdim=True) - 1).squeeze(1)
        return start[tags[:, 0]] + at.sum(1) + steps.sum(1) + end[last]


def _message_dtype(device: torch.device) -> torch.dtype:
    # Apple's GPUs have no double precision.
    return torch.float32 if device.type == "mps" else torch.float64


def _recursion(first: Tensor, transitions: Tensor, weights: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Forward messages in D directions at once.

    first (Tensor): Weights of the first tag (D, tags).
    transitions (Tensor): Weights of transitions (D, tags, tags).
    weights (Tensor): Weights of emissions (time, D, batch, tags).
    RETURNS (tuple[Tensor, Tensor, Tensor]): Messages before and after a token's own emission
        (time, D, batch, tags), and the log of what the latter were divided by (time, D, batch).
    """
    before, after = torch.empty_like(weights), torch.empty_like(weights)
    n_steps = len(weights)
    scales = weights.new_ones(weights.shape[:3])
    before[0] = first.unsqueeze(1)
    torch.mul(before[0], weights[0], out=after[0])
    befores, afters, factors = before.unbind(0), after.unbind(0), weights.unbind(0)
    for t in range(1, n_steps):
        torch.bmm(afters[t - 1], transitions, out=befores[t])
        torch.mul(befores[t], factors[t], out=afters[t])
        if t % _RESCALE_EVERY == 0:
            torch.sum(afters[t], 2, out=scales[t])
            afters[t].div_(scales[t].unsqueeze(2))
    return before, after, scales.log().cumsum(0)


def _tag_probabilities(messages: Messages) -> tuple[Tensor, Tensor]:
    """Marginals (time, batch, tags), and the scale by which they were divided (time, batch, 1)."""
    joint = messages.left * messages.right_here
    scale = joint.sum(2, keepdim=True)
    return joint / scale, scale


@cache
def compiled_viterbi() -> Callable | None:
    """Give the search compiled by numba, `crf_kernels.viterbi`; None where numba is not installed."""
    try:
        from .crf_kernels import viterbi
    except ImportError:
        return None
    return viterbi


def batched_viterbi(
    emissions: Tensor, lengths: Tensor, start: Tensor, transitions: Tensor, end: Tensor
) -> tuple[Tensor, Tensor]:
    """Find the best tag sequences, all of a batch at once: for any device, and without numba.

    emissions (Tensor): Emissions (batch, time, tags).
    lengths (Tensor): Tokens of each sequence (batch,), at least 1.
    start, transitions, end (Tensor): Scores (tags,), (tags, tags) and (tags,), minus infinity where
        they are illegal.
    RETURNS (tuple[Tensor, Tensor]): Tags (batch, time), 0 on padding, and scores (batch,).
    """
    best = _best_scores(emissions.permute(1, 2, 0).contiguous(), start, transitions)
    rows = torch.arange(len(lengths), device=lengths.device)
    scores, final = (best[lengths - 1, :, rows] + end).max(1)
    return _trace_back(best, transitions, lengths - 1, final), scores


def _best_scores(emissions: Tensor, start: Tensor, transitions: Tensor) -> Tensor:
    """Score of the best sequence that ends with each tag, at every token.

    What comes after the end of a sequence is computed too, and never read.

    emissions (Tensor): Emissions, contiguous (time, tags, batch): with the batch innermost, and the
        earlier tag outermost, sums and maxima run over long stretches of memory.
    start (Tensor): Start scores (tags,).
    transitions (Tensor): Transition scores (tags, tags).
    RETURNS (Tensor): Scores (time, tags, batch).
    """
    n_steps, n_tags, n_rows = emissions.shape
    best = torch.empty_like(emissions)
    paths = emissions.new_empty(n_tags, n_tags, n_rows)
    transitions = transitions.unsqueeze(2)
    here, before = best.unbind(0), best.unsqueeze(2).unbind(0)
    torch.add(emissions[0], start.unsqueeze(1), out=here[0])
    for t, emission in enumerate(emissions.unbind(0)[1:], 1):
        torch.add(before[t - 1], transitions, out=paths)
        torch.amax(paths, 0, out=here[t])
        here[t].add_(emission)
    return best


def _trace_back(best: Tensor, transitions: Tensor, last: Tensor, final: Tensor) -> Tensor:
    """Follow the best sequences from their ends; one transfer from the device, not one per token.

    best (Tensor): Best scores up to each tag (time, tags, batch).
    transitions (Tensor): Transition scores (tags, tags).
    last (Tensor): Last token of each sequence (batch,).
    final (Tensor): Best tag of the last token (batch,).
    RETURNS (Tensor): Tags (batch, time), 0 on padding.
    """
    device = best.device
    best = best.transpose(1, 2).contiguous().cpu().numpy()
    transitions_to = transitions.T.contiguous().cpu().numpy()
    last, here = last.cpu().numpy(), final.cpu().numpy()
    tags = torch.zeros(best.shape[:2], dtype=torch.long)
    path = tags.numpy()
    path[last, range(len(last))] = here
    for t in range(len(best) - 2, -1, -1):
        previous = (best[t] + transitions_to[path[t + 1]]).argmax(1)
        # Sequences that have ended at this token or before have their tag already.
        numpy.copyto(path[t], previous, where=t < last)
    return tags.T.contiguous().to(device)


class _LogLikelihood(torch.autograd.Function):
    """Log likelihood with its gradient in closed form: what is there minus what is expected."""

    @staticmethod
    def forward(ctx, emissions, start, transitions, end, tags, mask, crf):
        messages = crf._messages(emissions, mask)
        ctx.save_for_backward(tags, mask, transitions, crf.legal)
        ctx.messages = messages
        gold = crf._gold_score(emissions, tags, mask)
        return (gold - messages.log_partition).to(emissions.dtype)

    @staticmethod
    @once_differentiable
    def backward(ctx, grad):
        tags, mask, transitions, legal = ctx.saved_tensors
        messages = ctx.messages
        n_tags = len(transitions)
        probability, scale = _tag_probabilities(messages)
        weight = (mask * grad.unsqueeze(1)).T.unsqueeze(2)
        # Expected transitions: outer products of messages left and right, summed over tokens.
        right = messages.right_here[1:] * (weight[1:] / scale[1:])
        pairs = messages.left_here[:-1].flatten(0, 1).T @ right.flatten(0, 1)
        d_transitions = -pairs * torch.exp(transitions.to(pairs.dtype)) * legal
        gold_pairs = (tags[:, :-1] * n_tags + tags[:, 1:]).flatten()
        counts = torch.bincount(gold_pairs, (mask[:, 1:] * grad[:, None]).flatten(), n_tags**2)
        d_transitions += counts.view(n_tags, n_tags)
        d_emissions = (-probability * weight).transpose(0, 1)
        d_emissions = d_emissions.to(grad.dtype).contiguous()
        d_emissions.scatter_add_(2, tags.unsqueeze(2), weight.transpose(0, 1).to(grad.dtype))
        last = mask.sum(1) - 1
        d_start = d_emissions[:, 0].sum(0)
        d_end = d_emissions[torch.arange(len(last), device=last.device), last].sum(0)
        d_transitions = d_transitions.to(grad.dtype)
        return d_emissions, d_start, d_transitions, d_end, None, None, None
