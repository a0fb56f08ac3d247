"""The optimizer: AdamW with a rate for the encoder and one for the heads, clipping and averages."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from thinc.api import Optimizer

if TYPE_CHECKING:
    import torch

    from ..layers.shim import TrainingState

RateT = float | list[float] | Iterable[float]


class TorchOptimizer(Optimizer):
    """An optimizer for pipelines of torch modules and thinc layers.

    thinc's own `Optimizer` has one learning rate, clips parameter by parameter and keeps no averages
    of torch parameters. This one tells each torch module (through `layers.shim.TorchShim`) which rate,
    decay and averaging to use; there an optimizer of torch does the arithmetic. Layers written in
    thinc itself are updated by the base class with the rate of the heads.

    The arguments are those of `AdamW_v1`.
    """

    layer_decay, average_decay = 1.0, 0.0
    encoder_rate: float | None = None
    # By the id of a torch module's shim; see `layers.shim`.
    states: dict[int, "TrainingState"]

    def torch_optimizer(self, groups: list[dict]) -> "torch.optim.Optimizer":
        """Make what updates a module.

        groups (list[dict]): From `parameter_groups`.
        RETURNS (torch.optim.Optimizer): The optimizer; its rates are set at every step.
        """
        raise NotImplementedError

    def clip(self, module: "torch.nn.Module") -> None:
        """Clip a module's gradients, in place.

        module (torch.nn.Module): The module.
        """
        raise NotImplementedError

    def rate(self, group: str) -> float:
        """Give the learning rate of the current step.

        group (str): "encoder" or "head".
        RETURNS (float): The rate.
        """
        if group == "encoder" and self.encoder_rate is not None:
            return self.encoder_rate
        return self.learn_rate

    def parameter_groups(self, module: "torch.nn.Module", rate: str = "head") -> list[dict]:
        """Sort a module's trainable parameters by rate scale and weight decay.

        Biases, normalisation weights (anything one-dimensional) and what the module lists in `no_decay`
        get no weight decay. A module with a method `depth_below_top(name)` gets `layer_decay` to that
        power as the scale of the rate (layer-wise decay); one with a method `rate_group(name)` says itself
        which rate a parameter has.

        module (torch.nn.Module): The module.
        rate (str): "encoder" or "head": the rate of parameters about which the module says nothing.
        RETURNS (list[dict]): Groups for a torch optimizer, each with `params`, `scale`, `weight_decay` and
            the name of its `rate`.
        """
        no_decay = getattr(module, "no_decay", ())
        depth = getattr(module, "depth_below_top", lambda name: 0)
        rate_of = getattr(module, "rate_group", lambda name: rate)
        groups: dict[tuple[str, float, float], list] = {}
        for name, parameter in module.named_parameters():
            if not parameter.requires_grad:
                continue
            scale = self.layer_decay ** depth(name)
            decay = 0.0 if parameter.ndim < 2 or name in no_decay else self.L2
            groups.setdefault((rate_of(name), scale, decay), []).append(parameter)
        return [
            {"params": params, "rate": rate, "scale": scale, "weight_decay": decay}
            for (rate, scale, decay), params in groups.items()
        ]


class AdamW(TorchOptimizer):
    """AdamW with a rate for the encoder and one for the heads; see `TorchOptimizer` and `AdamW_v1`."""

    def __init__(
        self,
        learn_rate: RateT,
        *,
        encoder_rate: RateT | None,
        layer_decay: float,
        weight_decay: float,
        grad_clip: float,
        beta1: float,
        beta2: float,
        eps: float,
        average_decay: float,
    ) -> None:
        super().__init__(
            learn_rate,
            beta1=beta1,
            beta2=beta2,
            eps=eps,
            grad_clip=grad_clip,
            L2=weight_decay,
            L2_is_weight_decay=True,
            use_averages=average_decay > 0,
        )
        self.layer_decay = layer_decay
        self.average_decay = average_decay
        self.states = {}
        if encoder_rate is not None:
            self._set_attr_or_schedule("encoder_rate", encoder_rate)

    def torch_optimizer(self, groups: list[dict]) -> "torch.optim.Optimizer":
        """As in `TorchOptimizer`: a fused AdamW."""
        import torch

        return torch.optim.AdamW(groups, lr=0.0, betas=(self.b1, self.b2), eps=self.eps, fused=True)

    def clip(self, module: "torch.nn.Module") -> None:
        """As in `TorchOptimizer`: by the norm over the whole module."""
        import torch

        torch.nn.utils.clip_grad_norm_(module.parameters(), self.grad_clip)


class SGD(TorchOptimizer):
    """Gradient descent with momentum; see `TorchOptimizer` and `SGD_v1`."""

    def __init__(self, learn_rate: RateT, *, momentum: float, clip_value: float, weight_decay: float) -> None:
        super().__init__(learn_rate, beta1=0.0, beta2=0.0, grad_clip=0.0, L2=weight_decay, use_averages=False)
        # Not zero, so that gradients are clipped; thinc's own layers are left to its rule of the norm.
        self.momentum, self.grad_clip = momentum, clip_value
        self.states = {}

    def torch_optimizer(self, groups: list[dict]) -> "torch.optim.Optimizer":
        """As in `TorchOptimizer`."""
        import torch

        return torch.optim.SGD(groups, lr=0.0, momentum=self.momentum)

    def clip(self, module: "torch.nn.Module") -> None:
        """As in `TorchOptimizer`: number by number."""
        import torch

        torch.nn.utils.clip_grad_value_(module.parameters(), self.grad_clip)


def AdamW_v1(
    learn_rate: RateT = 1e-3,
    encoder_rate: RateT | None = None,
    layer_decay: float = 1.0,
    weight_decay: float = 0.01,
    grad_clip: float = 1.0,
    beta1: float = 0.9,
    beta2: float = 0.999,
    eps: float = 1e-8,
    average_decay: float = 0.0,
) -> AdamW:
    """Build the optimizer, registered as `spacy-slavner.AdamW.v1`.

    learn_rate (float or schedule): Rate of the heads and of thinc layers.
    encoder_rate (float, schedule or None): Rate of the encoder's top layer; None: the heads' rate.
        Different rates for the two follow Arkhipov et al. 2019, section 4.3.
    layer_decay (float): Factor on the encoder's rate from each layer to the one below; 1 switches it off.
    weight_decay (float): Decoupled weight decay; never on biases and normalisation weights. "Adam with …
        L2 weight decay of 0.01" (Emelyanov & Artemova 2019, section 4.2) is read as this, which is what
        BERT's own code calls by that name.
    grad_clip (float): Largest norm of the gradient over all parameters of one module (the encoder, a
        head); 0 switches clipping off.
    beta1 (float): Decay of the first moment.
    beta2 (float): Decay of the second moment.
    eps (float): Adam's epsilon.
    average_decay (float): Decay of the exponential moving average of the weights (Arkhipov et al. 2019,
        section 4.3), which spaCy's loop then evaluates and saves; 0 switches averaging off. Early steps
        use (1 + t) / (10 + t) where that is smaller.
    RETURNS (AdamW): The optimizer.
    """
    return AdamW(
        learn_rate,
        encoder_rate=encoder_rate,
        layer_decay=layer_decay,
        weight_decay=weight_decay,
        grad_clip=grad_clip,
        beta1=beta1,
        beta2=beta2,
        eps=eps,
        average_decay=average_decay,
    )


def SGD_v1(
    learn_rate: RateT = 0.01,
    momentum: float = 0.9,
    clip_value: float = 5.0,
    weight_decay: float = 0.0,
) -> SGD:
    """Build the optimizer `spacy-slavner.SGD.v1`: gradient descent with momentum.

    Huang, May and Peng (2019, section 3.2) have a rate of 0.01 and "clip the gradients to the range of
    [-5.0, 5.0]", read as every number of them. The momentum is not said; 0.9 is that of Ma and Hovy (2016,
    section 3.3), whose network and whose schedule they take.

    learn_rate (float or schedule): The rate.
    momentum (float): Share of the last step that is added to a step; layers of thinc have none.
    clip_value (float): Largest size of a number of the gradient; 0 switches clipping off.
    weight_decay (float): Factor of the weights that is added to the gradient; never for biases.
    RETURNS (SGD): The optimizer.
    """
    return SGD(learn_rate, momentum=momentum, clip_value=clip_value, weight_decay=weight_decay)
