"""The search for the n best tag sequences."""

import torch
from torch import Tensor


def nbest_sequences(
    emissions: Tensor, lengths: Tensor, start: Tensor, transitions: Tensor, end: Tensor, n: int
) -> tuple[Tensor, Tensor]:
    """Find the n best tag sequences: Viterbi that keeps n sequences per tag, not one.

    emissions (Tensor): Emissions (batch, time, tags).
    lengths (Tensor): Tokens of each sequence (batch,), at least 1.
    start, transitions, end (Tensor): Scores (tags,), (tags, tags) and (tags,), minus infinity where
        they are illegal.
    n (int): How many.
    RETURNS (tuple[Tensor, Tensor]): Tags (batch, n, time), 0 on padding, and scores (batch, n), the best
        first. Where there are fewer legal sequences, the rest has the score minus infinity and tags 0.
    """
    n_rows, n_steps, n_tags = emissions.shape
    emissions = emissions.permute(1, 2, 0)
    # Scores (tags, n, batch) of the n best sequences that end with each tag.
    best = emissions.new_full((n_tags, n, n_rows), -torch.inf)
    best[:, 0] = start.unsqueeze(1) + emissions[0]
    origins = []
    for t in range(1, n_steps):
        paths = best.unsqueeze(2) + transitions[:, None, :, None]
        found, origin = paths.flatten(0, 1).topk(n, 0)
        ahead = found.transpose(0, 1) + emissions[t].unsqueeze(1)
        best = torch.where(t < lengths, ahead, best)
        origins.append(origin)
    scores, state = (best + end[:, None, None]).flatten(0, 1).topk(n, 0)
    # A state is a tag and a rank among the sequences that end with it; one is followed per sequence.
    tags = lengths.new_zeros(n_rows, n, n_steps)
    rows = torch.arange(n_rows, device=lengths.device)
    for t in range(n_steps - 1, -1, -1):
        tag, rank = state // n, state % n
        tags[:, :, t] = torch.where(t < lengths, tag, 0).T
        if t:
            state = torch.where(t < lengths, origins[t - 1][rank, tag, rows], state)
    exists = scores > -torch.inf
    return tags * exists.T.unsqueeze(2), scores.T.contiguous()
