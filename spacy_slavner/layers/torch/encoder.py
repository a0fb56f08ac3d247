"""The transformer as one torch module: freezing, layer mix, precision, batches of windows."""

import re
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass

import torch

from .half_attention import HalfAttention
from .layer_mix import LayerMix

PRECISIONS = ("auto", "fp32", "bf16", "fp16")


def cpu_has_bf16() -> bool:
    """Tell whether this CPU multiplies bf16 matrices in hardware.

    RETURNS (bool): True with AVX512-BF16 or AMX.
    """
    probe = getattr(torch.cpu, "_is_avx512_bf16_supported", None)
    return bool(probe and probe())


def autocast_dtype(precision: str, device: torch.device) -> torch.dtype | None:
    """Choose the type that autocast computes in.

    precision (str): "fp32", "bf16", "fp16", or "auto": bf16 where the device has it, fp16 on other GPUs.
    device (torch.device): Where the module runs.
    RETURNS (torch.dtype | None): The type; None for fp32.
    RAISES (ValueError): If the precision is unknown.
    """
    if precision not in PRECISIONS:
        raise ValueError(f"precision must be one of {', '.join(PRECISIONS)}, not '{precision}'")
    if precision != "auto":
        return {"fp32": None, "bf16": torch.bfloat16, "fp16": torch.float16}[precision]
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16
    return torch.bfloat16 if device.type == "cpu" and cpu_has_bf16() else None


class EncoderModule(torch.nn.Module):
    """A Hugging Face encoder with everything that has to happen inside torch.

    transformer (PreTrainedModel): The encoder.
    layers (int | None): Keep the lowest layers only; None keeps all.
    mix (str | None): "scalars" or "softmax" mixes all hidden layers (`LayerMix`); None gives the last.
    frozen_layers (int): -1 trains everything, 0 freezes the embeddings, k > 0 also the lowest k layers
        (Moon et al. 2019, section 3.2); at least the number of layers freezes the encoder.
    frozen_dropout (bool): Whether dropout stays on in frozen layers (Emelyanov & Artemova 2019, section
        3.1.1) or not (Moon et al. 2019).
    precision (str): See `autocast_dtype`.
    attention (str): With "auto" updates take `HalfAttention` where it is faster.
    top (Callable[[int], Module] | None): Makes a module that stands on the encoder, from the width of its
        vectors. Called with vectors (windows, pieces, width) and a bool mask (windows, pieces) it gives
        vectors of its own attribute `width`, such as `JointHead`.
    """

    def __init__(
        self,
        transformer: torch.nn.Module,
        *,
        layers: int | None = None,
        mix: str | None = None,
        frozen_layers: int = -1,
        frozen_dropout: bool = False,
        precision: str = "auto",
        attention: str = "auto",
        top: Callable[[int], torch.nn.Module] | None = None,
    ) -> None:
        super().__init__()
        self.transformer = transformer
        self.config = transformer.config
        if hasattr(transformer, "pooler"):
            transformer.pooler = None  # reads the first vector for other tasks; never trained here
        self._stack_name, stack = _find_stack(transformer)
        if layers is not None:
            if not 1 <= layers <= len(stack):
                raise ValueError(f"layers must be between 1 and {len(stack)}, not {layers}")
            del stack[layers:]
            self.config.num_hidden_layers = layers
        self.depth = len(stack)
        if mix not in (None, "scalars", "softmax"):
            raise ValueError(f"mix must be null, 'scalars' or 'softmax', not '{mix}'")
        self.mix = LayerMix(self.depth, softmax=mix == "softmax") if mix else None
        self.no_decay = tuple(f"mix.{name}" for name in LayerMix.no_decay)
        self.precision = precision
        self.attention = attention
        self.frozen_dropout = frozen_dropout
        self.frozen = frozen_layers >= self.depth
        self._frozen = self._freeze(frozen_layers)
        self.top = top(self.config.hidden_size) if top else None
        self.width = self.top.width if top else self.config.hidden_size

    @property
    def device(self) -> torch.device:
        return next(self.transformer.parameters()).device

    @property
    def dtype(self) -> torch.dtype | None:
        """The type that autocast computes in; None for fp32."""
        return autocast_dtype(self.precision, self.device)

    @property
    def limit(self) -> int:
        """Most pieces in a window, special pieces not counted."""
        embeddings = getattr(self.transformer, "embeddings", None)
        table = getattr(embeddings, "position_embeddings", None)
        # RoBERTa and its like count positions from behind the padding index.
        padding = getattr(table, "padding_idx", None)
        return self.config.max_position_embeddings - 2 - (0 if padding is None else padding + 1)

    def depth_below_top(self, name: str) -> int:
        """Count the layers between a parameter and the top of the encoder, for layer-wise rates.

        name (str): The parameter's name.
        RETURNS (int): 0 for the top layer and for what stands above it.
        """
        match = re.match(rf"transformer\.{re.escape(self._stack_name)}\.(\d+)\.", name)
        if match:
            return self.depth - 1 - int(match.group(1))
        return self.depth if "embeddings" in name else 0

    def rate_group(self, name: str) -> str:
        """Say which learning rate a parameter has: the mix and the top are new as any head is.

        name (str): The parameter's name.
        RETURNS (str): "encoder" or "head".
        """
        return "head" if name.startswith(("mix.", "top.")) else "encoder"

    def _freeze(self, frozen_layers: int) -> list[torch.nn.Module]:
        if frozen_layers < 0:
            return []
        stack = self.transformer.get_submodule(self._stack_name)
        frozen = [self.transformer.embeddings, *stack[:frozen_layers]]
        if self.frozen:
            frozen = [self.transformer]
        for module in frozen:
            module.requires_grad_(False)
        return frozen

    def train(self, mode: bool = True) -> "EncoderModule":
        """Switch to training; frozen parts stay in evaluation unless `frozen_dropout`."""
        super().train(mode)
        if mode and not self.frozen_dropout:
            for module in self._frozen:
                module.eval()
        return self

    def forward(self, batches: list["WindowBatch"], wanted: int) -> torch.Tensor:
        """Encode batches of windows and put each wanted vector in its place.

        batches (list[WindowBatch]): Windows of similar length, and which of their vectors are wanted.
        wanted (int): Number of wanted vectors in all batches.
        RETURNS (Tensor): Shape (wanted, self.width), fp32.
        """
        # One context for all batches: a weight is cast once.
        with self._autocast():
            if batches and self.training and torch.is_grad_enabled():
                with HalfAttention() if self.attention == "auto" else nullcontext():
                    vectors = torch.cat([self._encode(batch) for batch in batches])
                places = torch.cat([batch.places for batch in batches])
                return vectors[torch.argsort(places)]
            # Without a graph the result is filled in place: a long document is held once, not twice.
            result = torch.empty((wanted, self.width), device=self.device)
            for batch in batches:
                result[batch.places] = self._encode(batch)
            return result

    def _autocast(self) -> torch.autocast:
        dtype = self.dtype
        return torch.autocast(self.device.type, dtype=dtype, enabled=dtype is not None)

    def _encode(self, batch: "WindowBatch") -> torch.Tensor:
        states = batch.states
        if states is None:
            states = self._states(batch.input_ids, batch.attention_mask)
        vectors = states[0] if self.mix is None else self.mix(states)
        if self.top is not None:
            vectors = self.top(vectors, batch.attention_mask.bool())
        return vectors.flatten(0, 1)[batch.rows].float()

    def _states(self, input_ids: torch.Tensor, mask: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """The layers that are mixed, or the last alone; each (windows, length, width)."""
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self.frozen):
            output = self.transformer(
                input_ids=input_ids,
                attention_mask=mask,
                output_hidden_states=self.mix is not None,
            )
        # hidden_states[0] are the embeddings, which are not mixed.
        return (output.last_hidden_state,) if self.mix is None else output.hidden_states[1:]

    @torch.no_grad()
    def states(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        """Run the encoder alone, without a graph and without dropout: what a cache keeps.

        input_ids (Tensor): Shape (windows, length).
        attention_mask (Tensor): The same shape, 0 on padding.
        RETURNS (Tensor): Shape (layers, windows, length, hidden width), fp32: all layers where they are
            mixed, else the last.
        """
        self.transformer.eval()
        with self._autocast():
            return torch.stack([s.float() for s in self._states(input_ids, attention_mask)])


@dataclass
class WindowBatch:
    """Padded windows of one forward pass.

    input_ids (Tensor): Shape (windows, length).
    attention_mask (Tensor): The same shape, 0 on padding.
    rows (Tensor): Shape (wanted,): positions of the wanted vectors in the flattened (windows · length).
    places (Tensor): Shape (wanted,): where they go in the result.
    states (Tensor | None): What `EncoderModule.states` gave for these windows before; the encoder is not
        run then.
    """

    input_ids: torch.Tensor
    attention_mask: torch.Tensor
    rows: torch.Tensor
    places: torch.Tensor
    states: torch.Tensor | None = None


def _find_stack(transformer: torch.nn.Module) -> tuple[str, torch.nn.ModuleList]:
    """Find the list of transformer layers, whatever the architecture calls it."""
    depth = transformer.config.num_hidden_layers
    for name, module in transformer.named_modules():
        if isinstance(module, torch.nn.ModuleList) and len(module) == depth:
            return name, module
    raise ValueError(f"no list of {depth} layers in {type(transformer).__name__}")
