"""The name recogniser's head in thinc: emissions per token, loss and decoding, with a CRF or without."""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy
import torch
from spacy.tokens import Doc
from thinc.api import Model, torch2xp, xp2torch
from thinc.layers.chain import forward as forward_chain
from thinc.layers.chain import init as init_chain
from thinc.types import Floats2d, Ragged

from ..tagging import Scheme, spans_from_tags
from ..types import EmissionsModelT, TokenVectorsModelT
from .pooling import pool_blocks
from .shim import wrap_torch
from .torch.crf import ConstrainedCRF
from .torch.softmax import ConstrainedSoftmax
from .torch.tagger import TaggerHead
from .units import Units, piece_rules, with_units

# Most tokens, padding counted, in one batch of the decoder.
MAX_PADDED_TOKENS = 16384


class Sequences(NamedTuple):
    """The stretches of a batch's tokens that are tagged as one sequence each.

    starts (numpy.ndarray): First tokens, counted over the documents of the batch (sequences,).
    lengths (numpy.ndarray): Numbers of tokens, each at least 1 (sequences,).
    """

    starts: numpy.ndarray
    lengths: numpy.ndarray

    def of_units(self, units: Units) -> "Sequences":
        """The same stretches, counted in units."""
        starts, ends = units.span(self.starts, self.starts + self.lengths)
        return Sequences(starts, ends - starts)


class Names(NamedTuple):
    """Decoded spans in the order of the text.

    starts (numpy.ndarray): First tokens, counted over the documents of the batch (spans,).
    ends (numpy.ndarray): Tokens after the last (spans,).
    tags (numpy.ndarray): The tags of the first tokens (spans,).
    confidences (numpy.ndarray | None): Probabilities (spans,).
    """

    starts: numpy.ndarray
    ends: numpy.ndarray
    tags: numpy.ndarray
    confidences: numpy.ndarray | None


class Alternative(NamedTuple):
    """One way to tag a sequence.

    probability (float): The probability of the whole sequence of tags.
    spans (list[tuple[int, int, int]]): First token and token after the last, counted over the documents of
        the batch, and the tag of the first token.
    """

    probability: float
    spans: list[tuple[int, int, int]]


def crf_tagger(tok2vec: TokenVectorsModelT, dropout: float, head: str = "linear") -> EmissionsModelT:
    """Build a model that scores tags for tokens; the CRF over them is in the reference "head".

    tok2vec (Model[List[Doc], List[Floats2d]]): Token vectors.
    dropout (float): Share of the vectors' entries that is dropped in training.
    head (str): Layers between vectors and scores, see `TaggerHead`.
    RETURNS (Model[List[Doc], List[Floats2d]]): Emissions, one array (tokens, tags) per document.
    RAISES (ValueError): Unknown head.
    """
    return _tagger("crf_tagger", tok2vec, TaggerHead(head, "crf", dropout))


def softmax_tagger(
    tok2vec: TokenVectorsModelT, dropout: float, head: str = "linear", search: bool = False
) -> EmissionsModelT:
    """Build a model that scores tags for tokens, without a CRF; as `crf_tagger` else.

    search (bool): Take the most likely legal sequence, instead of repairing the likeliest tags of all tokens.
    """
    decoder = "searched_softmax" if search else "softmax"
    return _tagger("softmax_tagger", tok2vec, TaggerHead(head, decoder, dropout))


def _tagger(name: str, tok2vec: TokenVectorsModelT, module: TaggerHead) -> EmissionsModelT:
    head: Model[Floats2d, Floats2d] = wrap_torch(module, group="head")
    head.init = _init_head
    unit = tok2vec.attrs.get("unit", "token")
    layers = [tok2vec, with_units(head, unit)]
    dims, attrs = {"nO": None}, {"unit": unit}
    model = Model(name, _forward, init=init_chain, layers=layers, dims=dims, attrs=attrs)
    model.set_ref("tok2vec", tok2vec)
    model.set_ref("head", head)
    return model


def _forward(model: EmissionsModelT, docs: list[Doc], is_train: bool) -> tuple[list, Callable]:
    """A chain; but over a transformer, prediction never holds the vectors of all tokens at once."""
    tok2vec, head = model.layers[0], model.get_ref("head")
    if is_train or not tok2vec.has_ref("pool"):
        return forward_chain(model, docs, is_train)
    pooling = tok2vec.get_ref("pool").layers[0]
    none = head.ops.alloc2f(0, head.get_dim("nO"))
    emissions = []
    for data in tok2vec.layers[0].predict(docs):
        blocks = [head.predict(block) for block in pool_blocks(pooling, data)]
        emissions.append(head.ops.xp.concatenate(blocks) if blocks else none)
    return emissions, lambda d_emissions: []


def _init_head(head: Model, X: Floats2d | None = None, Y: None = None) -> None:
    """Make the layers: the width is that of the vectors, the number of tags was set before."""
    if X is not None:
        head.set_dim("nI", X.shape[1])
    module = head.shims[0]._model
    device = head.shims[0].device
    module.build(head.get_dim("nI"), head.get_dim("nO"))
    module.to(device)


def scheme_rules(scheme: Scheme, types: Sequence[str]) -> dict[str, torch.Tensor]:
    """Say what a tag scheme allows, as the arguments of a decoder's `set_rules`.

    scheme (Scheme): The tag scheme.
    types (Sequence[str]): Types of spans, in the order of the tags.
    RETURNS (dict[str, Tensor]): "legal_start", "legal_end" (tags,), "legal" and "continues"
        (tags, tags), all bool; "spelling" (tags, tags, 2, 2), numbers of tags.
    """
    tags = scheme.labels(types)
    rules = {
        "legal_start": [scheme.legal_start(tag) for tag in tags],
        "legal_end": [scheme.legal_end(tag) for tag in tags],
        "legal": [[scheme.legal_transition(a, b) for b in tags] for a in tags],
        "continues": [[_are_one_span(a, b) for b in tags] for a in tags],
        "spelling": [[_spelling(scheme, tags, tag, before) for before in tags] for tag in tags],
    }
    return {name: torch.tensor(rule) for name, rule in rules.items()}


def _are_one_span(*tags: str) -> bool:
    return [span[:2] for span in spans_from_tags(tags)] == [(0, len(tags))]


def _spelling(scheme: Scheme, tags: list[str], tag: str, before: str) -> list[list[int]]:
    """How a scheme writes a token (2, 2): whether it starts a span, whether it ends one."""
    label, label_before = tag.partition("-")[2], before.partition("-")[2]
    if not label:
        return [[tags.index(tag)] * 2] * 2

    def spell(first: bool, last: bool) -> int:
        # The token is the second of three; a span of its type may end right before it.
        touching = [(0, 1, label)] if first and label == label_before else []
        span = (1 if first else 0, 2 if last else 3, label)
        return tags.index(scheme.tags_from_spans(3, [*touching, span])[1])

    return [[spell(first, last) for last in (False, True)] for first in (False, True)]


def set_scheme(head: Model, scheme: Scheme, types: Sequence[str], unit: str = "token") -> None:
    """Tell an initialised head which tag sequences are legal.

    head (Model): The reference "head" of a tagger.
    scheme (Scheme): The tag scheme.
    types (Sequence[str]): Types of spans, in the order of the tags.
    unit (str): "token" or "piece".
    """
    rules = scheme_rules(scheme, types)
    decoder_of(head).set_rules(**(piece_rules(rules) if unit == "piece" else rules))


def decoder_of(head: Model) -> ConstrainedCRF | ConstrainedSoftmax:
    """Give the decoder of a head, a torch module."""
    return head.shims[0]._model.decoder


def tagging_loss(
    head: Model,
    emissions: list,
    sequences: Sequences,
    tags: numpy.ndarray,
    free: numpy.ndarray | None = None,
) -> tuple[float, list]:
    """Mean loss and its gradient: over sequences for the CRF, over tokens for the softmax.

    The gradient of the transition scores is added to the head's parameters here; that of the
    emissions has to be passed back through the model.

    head (Model): The reference "head" of the tagger.
    emissions (List[Floats2d] | List[Ragged]): Emissions (units, tags) per document, from `begin_update`.
    sequences (Sequences): What to learn from; tokens outside of them get no gradient.
    tags (numpy.ndarray): The tag of each token of the batch (tokens,).
    free (numpy.ndarray | None): Tags that a token may have instead, for all we know (tokens, tags), bool.
    RETURNS (Tuple[float, List[Floats2d] | List[Ragged]]): The loss, and its gradient in the emissions'
        shapes.
    """
    decoder, units = decoder_of(head), Units.of(emissions)
    flat = _flatten(head, units.rows)
    gradient = torch.zeros_like(flat)
    gold = torch.from_numpy(units.tags(tags, decoder.num_tags - 1)).to(flat.device)
    others = None if free is None else torch.from_numpy(units.of_tokens(free)).to(flat.device)
    sequences = sequences.of_units(units)
    n_terms = max(1, decoder.n_terms(sequences.lengths))
    total = 0.0
    for _, index, mask in _batches(sequences, flat.device):
        padded = flat[index].requires_grad_()
        loss = decoder.loss(padded, gold[index], mask, None if others is None else others[index]) / n_terms
        loss.backward()
        gradient[index[mask]] = padded.grad[mask]
        total += float(loss.detach())
    return total, _split(head, gradient, emissions)


def find_names(head: Model, emissions: list, sequences: Sequences, *, confidence: bool = True) -> Names:
    """Find the spans of the best tag sequences.

    head (Model): The reference "head" of the tagger.
    emissions (List[Floats2d] | List[Ragged]): Emissions (units, tags) per document.
    sequences (Sequences): What is tagged, in the order of the text.
    confidence (bool): Whether to compute the spans' probabilities.
    RETURNS (Names): The spans. If pieces are tagged, a probability is that of the tags of its pieces.
    """
    decoder, units = decoder_of(head), Units.of(emissions)
    flat = _flatten(head, units.rows)
    tags = torch.zeros(len(flat), dtype=torch.long, device=flat.device)
    batches = list(_batches(sequences.of_units(units), flat.device))
    for _, index, mask in batches:
        tags[index[mask]] = decoder.decode(flat[index], mask)[0][mask]
    spans = _read_spans(decoder, units, sequences, tags.cpu().numpy())
    starts, ends, _, owners = spans
    if not confidence:
        return Names(*spans[:3], None)
    first, end = units.span(starts, ends)
    before = units.span(sequences.starts, sequences.starts)[0][owners]
    places = numpy.stack([first - before, end - before])
    confidences = numpy.zeros(len(starts), dtype="float32")
    for rows, index, mask in batches:
        # Only sequences with names are worth the forward and backward sums.
        chosen = numpy.isin(owners, rows).nonzero()[0]
        named, row = numpy.unique(owners[chosen], return_inverse=True)
        order = rows.argsort()
        here = torch.from_numpy(order[rows[order].searchsorted(named)]).to(flat.device)
        table = torch.from_numpy(numpy.stack([row, *places[:, chosen]], 1)).to(flat.device)
        confidences[chosen] = (
            decoder.span_probabilities(flat[index[here]], tags[index[here]], table, mask[here]).cpu().numpy()
        )
    return Names(*spans[:3], confidences)


def find_alternatives(head: Model, emissions: list, sequences: Sequences, n: int) -> list[list[Alternative]]:
    """Find the n best ways to tag each sequence.

    head (Model): The reference "head" of the tagger.
    emissions (List[Floats2d] | List[Ragged]): Emissions (units, tags) per document.
    sequences (Sequences): What is tagged, in the order of the text.
    n (int): How many.
    RETURNS (list[list[Alternative]]): For each sequence, at most n alternatives: first what its likeliest
        tags mean, then the others, the best first. Tags of pieces that mean the same spans are one
        alternative, whose probability is the sum of theirs and may be above that of the first.
    """
    decoder, units = decoder_of(head), Units.of(emissions)
    flat = _flatten(head, units.rows)
    tags = torch.zeros(n, len(flat), dtype=torch.long, device=flat.device)
    probabilities = numpy.full((len(sequences.starts), n), -numpy.inf)
    for rows, index, mask in _batches(sequences.of_units(units), flat.device):
        found, log_probabilities = decoder.decode_nbest(flat[index], mask, n)
        tags[:, index[mask]] = found.transpose(0, 1)[:, mask]
        probabilities[rows] = log_probabilities.cpu().numpy()
    result: list[dict[tuple, float]] = [{} for _ in sequences.starts]
    for rank, of_rank in enumerate(tags.cpu().numpy()):
        spans: list[list[tuple[int, int, int]]] = [[] for _ in sequences.starts]
        columns = _read_spans(decoder, units, sequences, of_rank)
        for *span, owner in zip(*(column.tolist() for column in columns), strict=True):
            spans[owner].append(tuple(span))
        for alternatives, these, value in zip(result, spans, probabilities[:, rank], strict=True):
            if value > -numpy.inf:
                key = tuple(these)
                alternatives[key] = alternatives.get(key, 0.0) + float(numpy.exp(value))
    return [_ranked(one) for one in result]


def _ranked(found: dict[tuple, float]) -> list[Alternative]:
    """The alternatives of a sequence, which were found from its likeliest tags on."""
    first, *others = (Alternative(probability, list(spans)) for spans, probability in found.items())
    return [first, *sorted(others, key=lambda one: -one.probability)]


def _read_spans(
    decoder: ConstrainedCRF | ConstrainedSoftmax,
    units: Units,
    sequences: Sequences,
    tags: numpy.ndarray,
) -> tuple[numpy.ndarray, ...]:
    """Starts, ends, first tags and sequences of the spans that tags of units (units,) mean."""
    tags = units.elect(tags, decoder.num_tags - 1)
    joined = decoder.continues.cpu().numpy()[tags[:-1], tags[1:]]
    parted = numpy.ones((2, len(tags)), dtype=bool)
    parted[0, 1:] = parted[1, :-1] = ~joined
    parted[0, sequences.starts] = True
    parted[1, sequences.starts + sequences.lengths - 1] = True
    starts, ends = ((tags != 0) & parted[0]).nonzero()[0], ((tags != 0) & parted[1]).nonzero()[0] + 1
    owners = numpy.searchsorted(sequences.starts, starts, side="right") - 1
    return starts, ends, tags[starts], owners


def _flatten(head: Model, arrays: list[Floats2d]) -> torch.Tensor:
    flat = head.ops.flatten(arrays) if arrays else head.ops.alloc2f(0, head.get_dim("nO"))
    return xp2torch(flat, device=head.shims[0].device)


def _split(head: Model, flat: torch.Tensor, like: list) -> list:
    """Cut a flat tensor as the arrays that it came from."""
    array = torch2xp(flat, ops=head.ops)
    if any(isinstance(one, Ragged) for one in like):
        parts = _split(head, flat, [one.dataXd for one in like])
        return [Ragged(part, one.lengths) for part, one in zip(parts, like, strict=True)]
    ends = numpy.cumsum([0, *(len(one) for one in like)])
    return [array[start:end] for start, end in zip(ends[:-1], ends[1:], strict=True)]


def _batches(
    sequences: Sequences, device: torch.device
) -> Iterator[tuple[numpy.ndarray, torch.Tensor, torch.Tensor]]:
    """Sequences of like length together, as index (batch, time) of units and bool mask.

    YIELDS (Tuple[ndarray, Tensor, Tensor]): Which sequences these are, index, mask.
    """
    order = numpy.argsort(-sequences.lengths, kind="stable")
    at = 0
    while at < len(order):
        longest = int(sequences.lengths[order[at]])
        rows = order[at : at + max(1, MAX_PADDED_TOKENS // longest)]
        at += len(rows)
        steps = numpy.arange(longest)
        mask = steps < sequences.lengths[rows, None]
        index = numpy.where(mask, sequences.starts[rows, None] + steps, 0)
        yield rows, torch.from_numpy(index).to(device), torch.from_numpy(mask).to(device)
