"""The bridge between torch modules and thinc: optimizer steps, averages, safe serialisation."""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from thinc.api import Model, Optimizer, PyTorchShim, PyTorchWrapper_v2, Shim, xp2torch
from thinc.types import ArgsKwargs

from ..training.optimizer import TorchOptimizer
from ..weights import load_weights, save_weights


def serialize_module(module: torch.nn.Module) -> bytes:
    """Write a module's weights in the safetensors format, in the form that `weights.stored_as` asks for.

    module (torch.nn.Module): The module.
    RETURNS (bytes): The weights, as stored in a .safetensors file.
    """
    return save_weights({k: v.detach().cpu().numpy() for k, v in module.state_dict().items()})


def deserialize_module(module: torch.nn.Module, data: bytes, device: torch.device) -> torch.nn.Module:
    """Load weights written by `serialize_module`; nothing is unpickled.

    module (torch.nn.Module): A module of the same shape.
    data (bytes): The weights.
    device (torch.device): Where the module goes.
    RETURNS (torch.nn.Module): The same module.
    """
    module.load_state_dict({k: torch.from_numpy(v) for k, v in load_weights(data).items()})
    return module.to(device)


@dataclass
class TrainingState:
    """What a `TorchOptimizer` keeps about one module, as thinc's optimizers keep moments of parameters.

    optimizer (torch.optim.Optimizer): Does the arithmetic and holds the moments.
    parameters (list[int]): Identities of the parameters that it trains.
    averages (dict[str, Tensor]): Moving averages by parameter name.
    steps (int): Steps done.
    """

    optimizer: torch.optim.Optimizer
    parameters: list[int]
    averages: dict[str, torch.Tensor] = field(default_factory=dict)
    steps: int = 0


class TorchShim(PyTorchShim):
    """A torch module inside a thinc model, trained by a `training.optimizer.TorchOptimizer`.

    What it adds to thinc's shim: torch's optimizers with the optimizer's rate for this module's group,
    clipping over the whole module, exponential moving averages that `nlp.use_params` really
    swaps in, and weights in safetensors. With any other thinc optimizer it behaves as thinc's does.
    Nothing of a training run is kept here: a new optimizer, or new weights, start from the beginning.

    module (torch.nn.Module | None): The module; None until the weights are known.
    group (str): "encoder" or "head": which learning rate of the optimizer applies, unless the module has a
        method `rate_group` that says so by parameter.
    """

    def __init__(self, module: torch.nn.Module | None, *, group: str = "head", **kwargs: Any) -> None:
        kwargs.setdefault("serialize_model", serialize_module)
        kwargs.setdefault("deserialize_model", deserialize_module)
        super().__init__(module, **kwargs)
        self.group = group

    def copy(self) -> "TorchShim":
        """RETURNS (TorchShim): A copy with an id of its own: optimizers keep their state by id."""
        result = super().copy()
        with Shim.global_id_lock:
            Shim.global_id += 1
            result.id = Shim.global_id
        return result

    def predict(self, inputs: ArgsKwargs) -> Any:
        """Run the module without gradients, in evaluation mode, and leave it there.

        thinc's shim switches back to training at once; `begin_update` does so anyway when it is time,
        and to walk over all submodules twice takes long beside a short text.

        inputs (ArgsKwargs): The module's arguments.
        RETURNS (Any): Its output.
        """
        if self._model.training:
            self._model.eval()
        with torch.no_grad():
            return self._run(inputs)

    def _run(self, inputs: ArgsKwargs) -> Any:
        return self._model(*inputs.args, **inputs.kwargs)

    def finish_update(self, optimizer: Optimizer) -> None:
        """Apply the accumulated gradients and clear them.

        optimizer (Optimizer): The pipeline's optimizer.
        """
        if not isinstance(optimizer, TorchOptimizer):
            super().finish_update(optimizer)
        elif any(p.grad is not None for p in self._model.parameters()):
            self._step(optimizer)

    def _step(self, optimizer: TorchOptimizer) -> None:
        state = self._state(optimizer)
        for group in state.optimizer.param_groups:
            group["lr"] = optimizer.rate(group["rate"]) * group["scale"]
        if optimizer.grad_clip:
            optimizer.clip(self._model)
        if not self._grad_scaler.found_inf:
            state.optimizer.step()
        state.optimizer.zero_grad(set_to_none=True)
        self._grad_scaler.update()
        state.steps += 1
        if optimizer.average_decay:
            self._update_averages(optimizer, state)

    def _state(self, optimizer: TorchOptimizer) -> TrainingState:
        """The state of this module; a new one for parameters that the optimizer has not seen."""
        groups = optimizer.parameter_groups(self._model, self.group)
        parameters = [id(p) for group in groups for p in group["params"]]
        state = optimizer.states.get(self.id)
        if state is None or state.parameters != parameters:
            state = TrainingState(optimizer.torch_optimizer(groups), parameters)
            optimizer.states[self.id] = state
        return state

    def _trained(self) -> dict[str, torch.Tensor]:
        return {k: p.data for k, p in self._model.named_parameters() if p.requires_grad}

    @torch.no_grad()
    def _update_averages(self, optimizer: TorchOptimizer, state: TrainingState) -> None:
        weights = self._trained()
        if not state.averages:
            state.averages = {k: v.clone() for k, v in weights.items()}
        decay = min(optimizer.average_decay, (1 + state.steps) / (10 + state.steps))
        torch._foreach_lerp_(list(state.averages.values()), list(weights.values()), 1 - decay)
        # A truthy entry under our own key is what makes spaCy's loop evaluate and save with averages.
        optimizer.averages[("averages", self.id)] = state.averages

    @contextlib.contextmanager
    def use_params(self, params: dict) -> Iterator[None]:
        """Swap the averages in for the time of the block.

        params (dict): The optimizer's `averages`.
        """
        averages = params.get(("averages", self.id))
        if averages is None:
            with super().use_params(params):
                yield
            return
        weights = self._trained()
        backup = {k: v.clone() for k, v in weights.items()}
        self._assign(weights, averages)
        try:
            yield
        finally:
            self._assign(weights, backup)

    def _assign(self, weights: dict[str, torch.Tensor], values: dict[str, torch.Tensor]) -> None:
        with torch.no_grad():
            torch._foreach_copy_(list(weights.values()), [values[k] for k in weights])


def wrap_torch(
    module: torch.nn.Module,
    *,
    group: str = "head",
    convert_inputs: Callable | None = None,
    convert_outputs: Callable | None = None,
) -> Model:
    """Wrap a torch module as a thinc layer with a `TorchShim`.

    module (torch.nn.Module): The module.
    group (str): "encoder" or "head": which learning rate of the optimizer applies.
    convert_inputs (Callable | None): As in thinc's `PyTorchWrapper`.
    convert_outputs (Callable | None): As in thinc's `PyTorchWrapper`.
    RETURNS (Model): The layer.
    """
    model = PyTorchWrapper_v2(module, convert_inputs=convert_inputs, convert_outputs=convert_outputs)
    model.shims[0] = TorchShim(module, group=group)
    return model


def convert_arrays(model: Model, X: tuple, is_train: bool) -> tuple[ArgsKwargs, Callable]:
    """Hand arrays that have no gradient to a torch module, for `convert_inputs` of `wrap_torch`.

    model (Model): The layer.
    X (tuple): The arrays, one for each argument of the module.
    is_train (bool): Not asked.
    RETURNS (tuple[ArgsKwargs, Callable]): The arguments, and a backward pass that gives nothing.
    """
    device = model.shims[0].device
    arguments = tuple(xp2torch(model.ops.asarray(array), device=device) for array in X)
    return ArgsKwargs(args=arguments, kwargs={}), lambda gradients: None
