"""Masked-language modelling on the encoder that a pipeline shares: windows, masks, loss and its gradient."""

from collections.abc import Callable
from typing import NamedTuple

import numpy
import torch
from spacy.tokens import Doc
from thinc.api import Model
from thinc.types import ArgsKwargs

from ..errors import InputError
from ..pretraining.masking import ordinary_pieces, replace
from .encoder import EncoderShim, batch_windows, cut_windows, pad_ids
from .pieces import Pieces, Window
from .shim import TorchShim
from .torch.encoder import WindowBatch
from .torch.masked_lm import MaskedLanguageHead

# First token and token after the last of names, for each document.
SpansT = list[list[tuple[int, int]]]


class Masking(NamedTuple):
    """Which pieces are to be guessed, and what the encoder sees in their place.

    probability (float): Share of the pieces that are chosen at random, where no names are given.
    mask_share (float): Share of the chosen pieces that the mask takes the place of. Half of the others is
        replaced by random ordinary pieces, half stays as it is (Devlin et al., 2018, section 3.1, with 0.8).
    """

    probability: float
    mask_share: float


class Masked(NamedTuple):
    """Windows with masked pieces.

    batches (list[WindowBatch]): What the encoder reads; the vectors of the masked pieces alone are wanted.
    targets (ndarray): Ids of the pieces that stood there (places,).
    """

    batches: list[WindowBatch]
    targets: numpy.ndarray


def cloze_head(get_spans: Callable, max_batch_pieces: int) -> Model:
    """Build the model of `architectures.ClozeHead_v1`; see there for the arguments.

    RETURNS (Model): Holds the head's weights. It is called through `cloze_loss`, since it needs the
        encoder beside it.
    """
    return Model(
        "cloze_head",
        _forward,
        shims=[TorchShim(MaskedLanguageHead(), group="head")],
        attrs={"get_spans": get_spans, "max_batch_pieces": max_batch_pieces},
    )


def build_head(head: Model, encoder: Model) -> None:
    """Give a head the sizes that fit an encoder.

    head (Model): From `cloze_head`.
    encoder (Model): The model of the `transformer` component, with weights.
    RAISES (InputError): The encoder is none of this package, or its tokenizer has no piece for masks.
    """
    shim = encoder_shim(encoder)
    table = embeddings_of(shim)
    module = head.shims[0]._model
    module.build(shim.module.width, table.shape[1], table.shape[0])
    module.to(shim.module.device)


def encoder_shim(encoder: Model) -> EncoderShim:
    """Give the torch side of an encoder.

    encoder (Model): The model of the `transformer` component, with weights.
    RETURNS (EncoderShim): The shim.
    RAISES (InputError): The encoder is none of this package, or its tokenizer has no piece for masks.
    """
    shim = encoder.shims[0] if encoder.shims else None
    if not isinstance(shim, EncoderShim):
        raise InputError(
            "pieces can be masked in the encoders of this package alone",
            remedy="Give the component `transformer` the model spacy-slavner.TransformerModel.v1",
        )
    if shim.tokenizer.mask_token_id is None:
        raise InputError(
            f"the tokenizer of {encoder.attrs['name']!r} has no piece for masks",
            remedy="Take an encoder that was pretrained with masks, or leave out the component `cloze`",
        )
    return shim


def embeddings_of(shim: EncoderShim) -> torch.nn.Parameter:
    """Give an encoder's input embeddings (pieces, width)."""
    return shim.module.transformer.get_input_embeddings().weight


def cloze_loss(
    head: Model,
    encoder: Model,
    docs: list[Doc],
    masking: Masking,
    random: numpy.random.Generator,
    names: SpansT | None = None,
) -> tuple[float, Callable[[float], None]]:
    """Mask pieces, let the encoder read what is left, and compute the loss of guessing them.

    head (Model): From `cloze_head`, built.
    encoder (Model): The model of the `transformer` component.
    docs (list[Doc]): The documents.
    masking (Masking): How pieces are chosen and masked.
    random (Generator): Source of all chances.
    names (list[list[tuple[int, int]]] | None): Names in each document: all their pieces are chosen and no
        others. None chooses at random.
    RETURNS (tuple[float, Callable[[float], None]]): The mean cross entropy of the masked pieces (0 if there
        are none), and what adds its gradient, times a factor, to that of the encoder and of the head.
    """
    shim = encoder_shim(encoder)
    masked = mask_windows(head, encoder, docs, masking, random, names)
    if not len(masked.targets):
        return 0.0, lambda factor: None
    vectors, backprop_encoder = shim.begin_update(ArgsKwargs((masked.batches, len(masked.targets)), {}))
    leaf = vectors.detach().requires_grad_(vectors.requires_grad)
    targets = torch.from_numpy(masked.targets).to(leaf.device)
    loss, backprop_head = head((leaf, embeddings_of(shim), targets), is_train=True)

    def backprop(factor: float) -> None:
        # The embeddings are a parameter of the encoder: their gradient as decoder is added at once.
        backprop_head(factor)
        if vectors.requires_grad:
            backprop_encoder(ArgsKwargs((vectors,), {"grad_tensors": (leaf.grad,)}))

    return float(loss.detach()), backprop


def _forward(
    model: Model, X: tuple[torch.Tensor, torch.Tensor, torch.Tensor], is_train: bool
) -> tuple[torch.Tensor, Callable[[float], None]]:
    """The loss of vectors (places, width), embeddings (pieces, width) and targets (places,)."""
    loss, backprop_loss = model.shims[0](ArgsKwargs(X, {}), is_train)

    def backprop(factor: float) -> None:
        backprop_loss(ArgsKwargs((loss,), {"grad_tensors": (torch.full_like(loss, factor),)}))

    return loss, backprop


def mask_windows(
    head: Model,
    encoder: Model,
    docs: list[Doc],
    masking: Masking,
    random: numpy.random.Generator,
    names: SpansT | None = None,
) -> Masked:
    """Cut documents into overlapping windows and mask pieces; for the arguments see `cloze_loss`.

    Every window is a text of its own (Moon et al., 2019, section "Experiment details"): a piece that two
    windows share is chosen or not in each, and counts in each. Windows without a chosen piece are not read.

    RETURNS (Masked): The windows, in batches of similar length.
    """
    shim = encoder_shim(encoder)
    pieces = shim.pieces(docs)
    spans = None if names is None else [pieces_of(p, some) for p, some in zip(pieces, names, strict=True)]
    windows = []
    for window in cut_windows(encoder, docs, pieces, head.attrs["get_spans"]):
        if spans is None:
            chosen = random.random(len(window)) < masking.probability
        else:
            chosen = spans[window.doc][window.start : window.end]
        if chosen.any():
            read = window.start + numpy.flatnonzero(chosen)
            windows.append(Window(window.doc, window.start, window.end, read))
    batches, targets = [], [numpy.zeros(0, dtype="int64")]
    others = ordinary_pieces(len(shim.tokenizer), shim.tokenizer.all_special_ids)
    place = 0
    for batch in batch_windows(windows, head.attrs["max_batch_pieces"]):
        batches.append(_mask(batch, pieces, shim, masking.mask_share, others, random, place))
        targets += [pieces[window.doc].ids[window.read] for window in batch]
        place += sum(len(window.read) for window in batch)
    return Masked(batches, numpy.concatenate(targets))


def pieces_of(pieces: Pieces, spans: list[tuple[int, int]]) -> numpy.ndarray:
    """Tell which pieces stand in spans of tokens.

    pieces (Pieces): A document's pieces.
    spans (list[tuple[int, int]]): First tokens and tokens after the last.
    RETURNS (ndarray): Shape (pieces,), bool.
    """
    inside = numpy.zeros(len(pieces), dtype=bool)
    for start, end in spans:
        for first, length in zip(pieces.first[start:end], pieces.lengths[start:end], strict=True):
            inside[first : first + length] = True
    return inside


def _mask(
    windows: list[Window],
    pieces: list[Pieces],
    shim: EncoderShim,
    mask_share: float,
    others: numpy.ndarray,
    random: numpy.random.Generator,
    place: int,
) -> WindowBatch:
    """One padded batch, masked where the windows are read, or with `others` there; the first vector wanted
    goes to `place`."""
    ids, mask = pad_ids(windows, pieces, shim.tokenizer)
    length = ids.shape[1]
    rows = numpy.concatenate([w.read - w.start + 1 + row * length for row, w in enumerate(windows)])
    flat = ids.reshape(-1)
    flat[rows] = replace(
        flat[rows],
        random.random(len(rows)),
        mask_id=shim.tokenizer.mask_token_id,
        replacements=others,
        generator=random,
        mask_share=mask_share,
    )
    arrays = (ids, mask, rows, place + numpy.arange(len(rows)))
    return WindowBatch(*(torch.from_numpy(a).to(shim.module.device) for a in arrays))
