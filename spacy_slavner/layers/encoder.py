"""The transformer as a thinc model for spaCy's stock `transformer` component."""

import contextlib
import json
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy
import srsly
import torch
from spacy.tokens import Doc
from spacy_transformers.data_classes import (
    FullTransformerBatch,
    TransformerData,
    WordpieceBatch,
)
from spacy_transformers.layers.split_trf import split_trf_batch
from thinc.api import (
    Model,
    Optimizer,
    PyTorchGradScaler,
    chain,
    get_array_module,
    get_torch_default_device,
    torch2xp,
    xp2torch,
)
from thinc.types import ArgsKwargs, Floats2d, Ragged
from torch.func import functional_call
from transformers import (
    MODEL_MAPPING,
    AutoConfig,
    AutoModel,
    AutoTokenizer,
    PretrainedConfig,
    PreTrainedModel,
)
from transformers.modeling_outputs import BaseModelOutput
from transformers.modeling_utils import no_init_weights
from transformers.utils import logging

from ..attributes import set_attributes
from ..errors import InputError
from ..hub import REMEDY, check_ids, find_encoder
from .feature_cache import FeatureCache, digest_weights
from .pieces import Pieces, Window, make_pieces, make_windows
from .shim import TorchShim, deserialize_module, serialize_module
from .torch.encoder import EncoderModule, WindowBatch
from .windows import Windows

# Settings that are not the module's. They are no attributes of the thinc model, since those come back from
# the bytes of a saved pipeline and would silently undo what a user overrides in its config.
OTHER_SETTINGS = (
    "dropout",
    "max_batch_pieces",
    "piece_masking",
    "romanized",
    "cache_dir",
    "cache_gb",
)
DROPOUT_NAMES = (
    "hidden_dropout_prob",
    "attention_probs_dropout_prob",
    "dropout",
    "attention_dropout",
)


class EncoderShim(TorchShim):
    """Holds the encoder and its tokenizer, and writes both without pickle.

    settings (dict): Arguments of `EncoderModule`, and what `OTHER_SETTINGS` lists.
    """

    def __init__(self, settings: dict[str, Any]) -> None:
        super().__init__(None, group="encoder")
        self.settings = settings
        self.tokenizer = None
        self._cache: FeatureCache | None = None
        # The parameters of linear layers, the same as autocast wants them, and the versions of the former.
        self._linear: dict[str, torch.nn.Parameter] = {}
        self._cast: dict[str, torch.Tensor] = {}
        self._versions: list[int] = []

    @property
    def module(self) -> EncoderModule:
        return self._model

    def set_encoder(self, config, tokenizer, transformer=None) -> None:
        """Build the module.

        config (PretrainedConfig): The encoder's config.
        tokenizer (PreTrainedTokenizerFast): Its tokenizer.
        transformer (PreTrainedModel | None): The encoder; None: one with weights to be loaded.
        RAISES (InputError): If tokenizer and encoder do not fit.
        """
        if not tokenizer.is_fast:
            raise InputError(
                f"The tokenizer {type(tokenizer).__name__} has no fast version, which alone reports offsets"
            )
        check_ids(tokenizer, config.vocab_size)
        # What a tokenizer file may ask for; documents are cut into windows here, and only here.
        tokenizer.backend_tokenizer.no_truncation()
        tokenizer.backend_tokenizer.no_padding()
        arguments = {k: v for k, v in self.settings.items() if k not in OTHER_SETTINGS}
        if transformer is None:
            transformer = make_blank(config)
        self.tokenizer = tokenizer
        device = get_torch_default_device()
        self._model = EncoderModule(transformer, **arguments).to(device)
        self._check_cache()
        self._cast = {}
        self._linear = {
            f"{name}.{which}": parameter
            for name, module in self._model.named_modules()
            if isinstance(module, torch.nn.Linear)
            for which, parameter in module.named_parameters(recurse=False)
        }
        # Small gradients vanish in fp16; the scaler is for GPUs only.
        half = self._model.dtype == torch.float16 and device.type == "cuda"
        self._grad_scaler = PyTorchGradScaler(half)
        self._grad_scaler.to_(device)

    def _check_cache(self) -> None:
        """Refuse a cache of what is not the same in every epoch."""
        self._cache = None
        if self.settings["cache_dir"] is None:
            return
        for changes, what, remedy in (
            (not self._model.frozen, "the encoder is trained", "freeze all of its layers"),
            (self.settings["piece_masking"], "pieces are masked at random", "set piece_masking = 0"),
            (self._model.frozen_dropout, "dropout stays on", "set frozen_dropout = false"),
        ):
            if changes:
                raise InputError(
                    f"The encoder's layers cannot be kept in cache_dir: {what}",
                    remedy=f"Set cache_dir = null, or {remedy}",
                )

    def pieces(self, docs: list[Doc]) -> list[Pieces]:
        """Segment documents, romanised where that is wanted.

        docs (list[Doc]): The documents.
        RETURNS (list[Pieces]): One per document.
        """
        return make_pieces(self.tokenizer, docs, self.settings["romanized"])

    def cache(self) -> FeatureCache | None:
        """RETURNS (FeatureCache | None): The store for the frozen encoder's layers, if one is wanted."""
        module = self._model
        if self._cache is None and self.settings["cache_dir"] is not None:
            folder = Path(self.settings["cache_dir"])
            # All that the vectors depend on: the config but for names and dropout, how it runs, the weights.
            ignored = (*DROPOUT_NAMES, "_name_or_path", "transformers_version")
            config = {k: v for k, v in module.config.to_dict().items() if k not in ignored}
            how = (module.mix is not None, str(module.dtype), module.config._attn_implementation)
            self._cache = FeatureCache(
                folder,
                digest_weights(module.transformer.state_dict(), sorted(config.items()), how),
                module.depth if module.mix is not None else 1,
                module.config.hidden_size,
                self.settings["cache_gb"],
            )
        return self._cache

    def begin_update(self, inputs: ArgsKwargs) -> tuple[torch.Tensor, Callable]:
        """Run the module for training.

        inputs (ArgsKwargs): Its arguments.
        RETURNS (tuple[Tensor, Callable]): The vectors, and the backward pass.
        """
        output, backprop = super().begin_update(inputs)

        def scaled(grads: ArgsKwargs) -> Any:
            # After each pass thinc unscales all gradients, those of earlier passes too.
            earlier = [p.grad for p in self._model.parameters() if p.grad is not None]
            self._grad_scaler.scale(earlier, inplace=True)
            return backprop(grads)

        return output, scaled

    def finish_update(self, optimizer: Optimizer) -> None:
        """Apply the accumulated gradients and clear them."""
        self._cast = {}
        super().finish_update(optimizer)

    def _assign(self, weights, values) -> None:
        self._cast = {}
        super()._assign(weights, values)

    def _run(self, inputs: ArgsKwargs) -> torch.Tensor:
        """Predict; in half precision with weights that are cast once, not at every call."""
        if self._model.dtype is None:
            return super()._run(inputs)
        return functional_call(self._model, self._cast_weights(), inputs.args, tie_weights=False)

    def _cast_weights(self) -> dict[str, torch.Tensor]:
        """Linear layers' parameters in the type of autocast, which casts no others."""
        versions = [p._version for p in self._linear.values()]
        if not self._cast or versions != self._versions:
            dtype = self._model.dtype
            self._cast = {name: p.detach().to(dtype) for name, p in self._linear.items()}
            self._versions = versions
        return self._cast

    def configure(self, config):
        """Write dropout and the attention kernel into an encoder's config."""
        if self.settings["dropout"] is not None:
            for name in DROPOUT_NAMES:
                if isinstance(getattr(config, name, None), float | int):
                    setattr(config, name, self.settings["dropout"])
        config._attn_implementation = self.settings["attention"].replace("auto", "sdpa")
        return config

    def to_bytes(self) -> bytes:
        """RETURNS (bytes): Config, tokenizer files and safetensors weights in one message."""
        message: dict[str, Any] = {"config": None}
        if self._model is not None:
            with TemporaryDirectory() as folder:
                self.tokenizer.save_pretrained(folder)
                files = {p.name: p.read_bytes() for p in sorted(Path(folder).iterdir())}
            message = {
                "config": self._model.config.to_dict(),
                "tokenizer": files,
                "weights": serialize_module(self._model),
            }
        return srsly.msgpack_dumps(message)

    def from_bytes(self, bytes_data: bytes) -> "EncoderShim":
        """Restore what `to_bytes` wrote.

        bytes_data (bytes): The message.
        RETURNS (EncoderShim): Itself.
        """
        message = srsly.msgpack_loads(bytes_data)
        if message["config"] is None:
            return self
        with TemporaryDirectory() as folder:
            for name, data in message["tokenizer"].items():
                (Path(folder) / Path(name).name).write_bytes(data)
            # srsly rounds to nine decimals, which makes 0 of an epsilon of 1e-12.
            (Path(folder) / "config.json").write_text(json.dumps(message["config"]), encoding="utf-8")
            config = AutoConfig.from_pretrained(folder, trust_remote_code=False)
            tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
        self.set_encoder(self.configure(config), tokenizer)
        deserialize_module(self._model, message["weights"], get_torch_default_device())
        return self


@dataclass
class PieceData(TransformerData):
    """The pieces of one document and, beside them, the first vectors of its windows ([CLS]).

    Listeners of spacy-transformers see the pieces alone. What reads first vectors adds their gradient to
    `d_first` in its backward pass, before it passes the pieces' gradient on.

    first (Floats2d): Shape (windows, width), the vector of each window's first, special piece.
    owners (ndarray): Shape (pieces,), the window that each piece is read from.
    d_first (Floats2d | None): Gradient of `first`.
    """

    first: Floats2d
    owners: numpy.ndarray
    d_first: Floats2d | None = None


class PieceBatch(FullTransformerBatch):
    """A batch whose documents are rows of unequal length, without padding.

    `model_output.last_hidden_state` has shape (1, all pieces, width); each document's data is the slice of
    its own pieces, each read from one window.
    """

    def unsplit_by_doc(self, arrays: list[list]) -> "PieceBatch":
        """Join the documents' gradients, each of shape (1, pieces, width), for the backward pass.

        The gradients of the windows' first vectors, which the documents' data hold, come behind them.
        """
        parts = [a[0][0] for a in arrays]
        for data in self.doc_data:
            if isinstance(data, PieceData):
                parts.append(_take_d_first(data))
        joined = get_array_module(parts[0]).concatenate(parts)
        return PieceBatch(
            spans=self.spans,
            wordpieces=self.wordpieces,
            model_output=BaseModelOutput(last_hidden_state=xp2torch(joined)[None]),
            align=self.align,
        )


def _take_d_first(data: PieceData) -> Floats2d:
    gradient, data.d_first = data.d_first, None
    return get_array_module(data.first).zeros_like(data.first) if gradient is None else gradient


def transformer_model(
    name: str, get_spans: Callable, **settings: Any
) -> Model[list[Doc], FullTransformerBatch]:
    """Build the model of `architectures.TransformerModel_v1`; see there for the arguments."""
    set_attributes()
    if settings["frozen_dropout"] and settings["dropout"] == 0:
        warnings.warn("frozen_dropout changes nothing where dropout is 0: set dropout, too", stacklevel=2)
    return Model(
        "transformer",
        forward,
        init=init,
        shims=[EncoderShim(settings)],
        dims={"nO": None},
        attrs={
            "name": name,
            "get_spans": get_spans,
            "replace_listener": lambda model: chain(model, split_trf_batch()),
            "replace_listener_cfg": replace_listener_cfg,
        },
    )


def replace_listener_cfg(encoder_cfg: dict, listener_cfg: dict) -> dict:
    """Name the architecture that a component gets for itself when its listener is replaced.

    encoder_cfg (dict): The transformer's model config.
    listener_cfg (dict): The listener's config.
    RETURNS (dict): The config of `spacy-slavner.Tok2VecTransformer.v1`.
    """
    shared = {k: listener_cfg[k] for k in ("pooling", "grad_factor") if k in listener_cfg}
    return {**encoder_cfg, **shared, "@architectures": "spacy-slavner.Tok2VecTransformer.v1"}


@contextlib.contextmanager
def quiet_transformers() -> Iterator[None]:
    """Hide the advice that the unused pooler is newly initialised."""
    level = logging.get_verbosity()
    logging.set_verbosity_error()
    try:
        yield
    finally:
        logging.set_verbosity(level)


def make_blank(config: PretrainedConfig) -> PreTrainedModel:
    """Build an encoder without setting its weights, which is most of the work.

    config (PretrainedConfig): Its config.
    RETURNS (PreTrainedModel): The encoder, with weights of any value.
    """
    # AutoModel.from_config looks whether it knows the config, and imports every model that there is.
    kind = MODEL_MAPPING[type(config)]
    with no_init_weights():
        return (kind if isinstance(kind, type) else kind[0])(config)


def init(model: Model, X: Any = None, Y: Any = None) -> None:
    """Load the encoder by name or from a folder, unless it is there already."""
    shim: EncoderShim = model.shims[0]
    if shim.module is None:
        name = model.attrs["name"]
        where = {"local_files_only": find_encoder(name), "trust_remote_code": False}
        try:
            config = shim.configure(AutoConfig.from_pretrained(name, **where))
            tokenizer = AutoTokenizer.from_pretrained(name, **where)
            with quiet_transformers():
                transformer = AutoModel.from_pretrained(name, config=config, **where)
        except (OSError, ValueError) as error:
            what = f"The encoder {name!r} cannot be loaded ({str(error).splitlines()[0]})"
            raise InputError(what, remedy=REMEDY) from None
        shim.set_encoder(config, tokenizer, transformer.float())
    model.set_dim("nO", shim.module.width)


def forward(model: Model, docs: list[Doc], is_train: bool) -> tuple[FullTransformerBatch, Callable]:
    """Encode documents.

    model (Model): The encoder.
    docs (list[Doc]): The documents.
    is_train (bool): Whether a backward pass will follow.
    RETURNS (tuple[FullTransformerBatch, Callable]): The pieces' vectors, and the backward pass.
    """
    shim: EncoderShim = model.shims[0]
    if shim.module is None:
        raise InputError(
            "The transformer has no weights yet",
            remedy="Call nlp.initialize() or load a pipeline first",
        )
    pieces = shim.pieces(docs)
    windows = cut_windows(model, docs, pieces)
    hidden = choose_masked(shim, pieces) if is_train else None
    batches = [
        _pad(batch, pieces, shim, hidden)
        for batch in batch_windows(windows, shim.settings["max_batch_pieces"])
    ]
    cache = shim.cache() if is_train else None
    if cache is not None:
        for batch in batches:
            batch.states = cached_states(cache, shim.module, batch)
    # First all pieces, then the first vectors of all windows.
    wanted = sum(len(p) for p in pieces) + len(windows)
    vectors, backprop_vectors = shim(ArgsKwargs((batches, wanted), {}), is_train)
    output = _output(model, docs, pieces, windows, vectors)

    def backprop(d_output: FullTransformerBatch) -> list[Doc]:
        gradient = d_output.model_output["last_hidden_state"][0]
        if vectors.requires_grad:
            backprop_vectors(ArgsKwargs((vectors,), {"grad_tensors": (gradient,)}))
        return docs

    return output, backprop


def cached_states(cache: FeatureCache, module: EncoderModule, batch: WindowBatch) -> torch.Tensor:
    """Look a batch's windows up, and run the frozen encoder on those that are not there.

    cache (FeatureCache): The store; new windows are put into it.
    module (EncoderModule): The module.
    batch (WindowBatch): The windows; a window's key is the ids of its pieces.
    RETURNS (Tensor): What `EncoderModule.states` gives for the batch, but rounded to fp16; 0 on padding.
    """
    lengths = batch.attention_mask.sum(1).tolist()
    rows = zip(batch.input_ids.cpu().numpy(), lengths, strict=True)
    keys = [blake2b(row[:length].tobytes(), digest_size=16).digest() for row, length in rows]
    result = torch.zeros((cache.layers, *batch.input_ids.shape, cache.width))
    missing = []
    for row, key in enumerate(keys):
        states = cache.get(key)
        if states is None:
            missing.append(row)
        else:
            result[:, row, : lengths[row]] = torch.from_numpy(states)
    if missing:
        fresh = module.states(batch.input_ids[missing], batch.attention_mask[missing]).cpu()
        for row, states in zip(missing, fresh.unbind(1), strict=True):
            states = states[:, : lengths[row]]
            cache.put(keys[row], states.numpy())
            result[:, row, : lengths[row]] = states
    return result.to(module.device)


def cut_windows(
    model: Model, docs: list[Doc], pieces: list[Pieces], get_spans: Callable | None = None
) -> list[Window]:
    """Cut a batch of documents into windows by the model's span getter.

    model (Model): The encoder.
    docs (list[Doc]): The documents.
    pieces (list[Pieces]): Their pieces.
    get_spans (Callable | None): Another span getter than the model's.
    RETURNS (list[Window]): The windows of all documents, with places counted over all pieces.
    """
    limit = model.shims[0].module.limit
    get_spans = get_spans or model.attrs["get_spans"]
    if isinstance(get_spans, Windows):
        cut = [get_spans.cut(d, p.counts) if len(d) else [] for d, p in zip(docs, pieces, strict=True)]
    else:
        cut = [[(span.start, span.end) for span in spans] for spans in get_spans(docs)]
    windows = [
        window
        for index, (p, ranges) in enumerate(zip(pieces, cut, strict=True))
        for window in make_windows(index, p, ranges, limit)
    ]
    for number, window in enumerate(windows):
        window.number = number
    return windows


def batch_windows(windows: list[Window], max_pieces: int) -> list[list[Window]]:
    """Group windows of similar length into batches.

    windows (list[Window]): The windows.
    max_pieces (int): Most pieces in a batch, padding counted; a batch has at least one window.
    RETURNS (list[list[Window]]): The batches, the longest windows first.
    """
    batches: list[list[Window]] = []
    for window in sorted(windows, key=len, reverse=True):
        # Sorted by falling length: the first window of a batch is its longest.
        if batches and (len(batches[-1]) + 1) * (len(batches[-1][0]) + 2) <= max_pieces:
            batches[-1].append(window)
        else:
            batches.append([window])
    return batches


def choose_masked(shim: EncoderShim, pieces: list[Pieces]) -> list[numpy.ndarray] | None:
    """Choose at random the pieces that are masked in an update.

    shim (EncoderShim): Its settings have the share.
    pieces (list[Pieces]): The pieces of all documents.
    RETURNS (list[ndarray] | None): For each document a bool array (pieces,); None if nothing is masked.
    """
    share = shim.settings["piece_masking"]
    if not share or shim.tokenizer.mask_token_id is None:
        return None
    return [numpy.random.random(len(p)) < share for p in pieces]


def _pad(
    windows: list[Window], pieces: list[Pieces], shim: EncoderShim, hidden: list[numpy.ndarray] | None
) -> WindowBatch:
    """Write windows into one padded array with their special pieces, and the mask over hidden ones."""
    tokenizer = shim.tokenizer
    offsets = numpy.cumsum([0, *(len(p) for p in pieces)])
    ids, mask = pad_ids(windows, pieces, tokenizer)
    length = ids.shape[1]
    rows, places = [], []
    for row, window in enumerate(windows):
        if hidden is not None:
            hit = hidden[window.doc][window.start : window.end]
            ids[row, 1 : len(window) + 1][hit] = tokenizer.mask_token_id
        rows += [window.read - window.start + 1 + row * length, [row * length]]
        places += [window.read + offsets[window.doc], [offsets[-1] + window.number]]
    arrays = (ids, mask, numpy.concatenate(rows), numpy.concatenate(places))
    return WindowBatch(*(torch.from_numpy(a).to(shim.module.device) for a in arrays))


def pad_ids(windows: list[Window], pieces: list[Pieces], tokenizer) -> tuple[numpy.ndarray, numpy.ndarray]:
    """Write windows into one padded array with their special pieces.

    windows (list[Window]): The windows.
    pieces (list[Pieces]): The pieces of all documents.
    tokenizer (PreTrainedTokenizerFast): The encoder's tokenizer.
    RETURNS (tuple[ndarray, ndarray]): Ids, and a mask that is 0 on padding; both (windows, length).
    """
    length = max(len(w) for w in windows) + 2
    ids = numpy.full((len(windows), length), tokenizer.pad_token_id, dtype="int64")
    mask = numpy.zeros((len(windows), length), dtype="int64")
    for row, window in enumerate(windows):
        end = len(window) + 1
        ids[row, 0] = _first_special(tokenizer)
        ids[row, 1:end] = pieces[window.doc].ids[window.start : window.end]
        ids[row, end] = _last_special(tokenizer)
        mask[row, : end + 1] = 1
    return ids, mask


def _first_special(tokenizer) -> int:
    return tokenizer.cls_token_id if tokenizer.cls_token_id is not None else tokenizer.bos_token_id


def _last_special(tokenizer) -> int:
    return tokenizer.sep_token_id if tokenizer.sep_token_id is not None else tokenizer.eos_token_id


def _output(
    model: Model,
    docs: list[Doc],
    pieces: list[Pieces],
    windows: list[Window],
    vectors: torch.Tensor,
) -> PieceBatch:
    """Dress the vectors as the data structure that listeners of spacy-transformers read."""
    arrays = torch2xp(vectors.detach())
    total = len(arrays) - len(windows)
    # The windows of a document stand together.
    edges = numpy.searchsorted([w.doc for w in windows], range(len(docs) + 1))
    doc_data = []
    start = 0
    for p, low, high in zip(pieces, edges[:-1], edges[1:], strict=True):
        end = start + len(p)
        doc_data.append(
            _doc_data(model, p, windows[low:high], arrays[start:end], arrays[total + low : total + high])
            if len(p)
            else TransformerData.empty()
        )
        start = end
    return PieceBatch(
        spans=[[doc[:]] if len(doc) else [] for doc in docs],
        wordpieces=WordpieceBatch.empty(),
        model_output=BaseModelOutput(last_hidden_state=vectors[None, :total]),
        align=Ragged(numpy.zeros((0,), dtype="i"), numpy.zeros((0,), dtype="i")),
        cached_doc_data=doc_data,
    )


def _doc_data(
    model: Model, pieces: Pieces, windows: list[Window], array: Floats2d, first: Floats2d
) -> PieceData:
    xp = model.ops.xp
    ends = numpy.cumsum(pieces.lengths)
    indices = numpy.arange(ends[-1]) - numpy.repeat(ends - pieces.lengths - pieces.first, pieces.lengths)
    ids = pieces.ids[None]
    owners = numpy.zeros(len(pieces), dtype="int64")
    for number, window in enumerate(windows):
        owners[window.read] = number
    return PieceData(
        wordpieces=WordpieceBatch(
            strings=[],
            input_ids=ids,
            attention_mask=numpy.ones(ids.shape, dtype="f"),
            lengths=[len(pieces)],
            token_type_ids=None,
        ),
        model_output=BaseModelOutput(last_hidden_state=array[None]),
        first=first,
        owners=owners,
        align=Ragged(xp.asarray(indices.astype("i")), xp.asarray(pieces.lengths.astype("i"))),
    )
