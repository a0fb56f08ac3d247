"""Rates per group and layer, decay, clipping and moving averages really reach the torch weights."""

import numpy
import pytest
import torch
from thinc.api import Adam, Linear, chain

from spacy_slavner.layers.shim import wrap_torch
from spacy_slavner.training.optimizer import AdamW_v1, SGD_v1

X = numpy.random.RandomState(0).randn(8, 4).astype("f")


def step(model, optimizer, gradient=1.0):
    Y, backprop = model.begin_update(X)
    backprop(numpy.full_like(Y, gradient))
    model.finish_update(optimizer)
    optimizer.step_schedules()


def weights(module):
    return {k: v.detach().clone() for k, v in module.named_parameters()}


def test_equals_torch_adamw():
    torch.manual_seed(0)
    module, reference = torch.nn.Linear(4, 3), torch.nn.Linear(4, 3)
    reference.load_state_dict(module.state_dict())
    model = wrap_torch(module)
    optimizer = AdamW_v1(learn_rate=0.01, weight_decay=0.1, grad_clip=1.0)
    other = torch.optim.AdamW(
        [
            {"params": [reference.weight], "weight_decay": 0.1},
            {"params": [reference.bias], "weight_decay": 0.0},
        ],
        lr=0.01,
    )
    for _ in range(5):
        step(model, optimizer)
        other.zero_grad()
        reference(torch.from_numpy(X)).sum().backward()
        torch.nn.utils.clip_grad_norm_(reference.parameters(), 1.0)
        other.step()
    for name, value in weights(reference).items():
        assert torch.allclose(value, dict(module.named_parameters())[name], atol=1e-6)


def test_groups_have_their_own_rates():
    moves = {}
    for group in ("encoder", "head"):
        module = torch.nn.Linear(4, 3)
        before = weights(module)
        step(
            wrap_torch(module, group=group),
            AdamW_v1(learn_rate=0.01, encoder_rate=0.001, weight_decay=0.0, grad_clip=0.0),
        )
        moves[group] = float((module.bias.detach() - before["bias"]).abs().max())
    assert moves["head"] == pytest.approx(0.01, rel=1e-3)
    assert moves["encoder"] == pytest.approx(0.001, rel=1e-3)


def test_layer_decay_and_no_decay():
    class Deep(torch.nn.Module):
        no_decay = ("b",)

        def __init__(self):
            super().__init__()
            self.a = torch.nn.Parameter(torch.ones(4, 3))
            self.b = torch.nn.Parameter(torch.ones(4, 3))

        def depth_below_top(self, name):
            return 2 if name == "a" else 0

        def forward(self, x):
            return x @ (self.a + self.b)

    groups = AdamW_v1(layer_decay=0.5, weight_decay=0.1).parameter_groups(Deep())
    assert sorted((g["scale"], g["weight_decay"]) for g in groups) == [(0.25, 0.1), (1.0, 0.0)]


def test_clipping_is_by_the_norm_over_the_module():
    module = torch.nn.Linear(4, 3)
    model = wrap_torch(module)
    seen = {}
    original = torch.nn.utils.clip_grad_norm_

    def spy(parameters, limit):
        parameters = list(parameters)
        original(parameters, limit)
        seen["norm"] = float(torch.stack([p.grad.norm() for p in parameters]).norm())

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.nn.utils, "clip_grad_norm_", spy)
        step(model, AdamW_v1(grad_clip=0.5), gradient=100.0)
    assert seen["norm"] == pytest.approx(0.5, rel=1e-3)


def test_moving_averages_are_swapped_in_and_out():
    torch.manual_seed(0)
    module = torch.nn.Linear(4, 3)
    model = chain(wrap_torch(module), Linear(2, 3))
    model.initialize()
    optimizer = AdamW_v1(learn_rate=0.1, weight_decay=0.0, average_decay=0.9)
    expected = None
    for t in range(1, 6):
        step(model, optimizer)
        decay = min(0.9, (1 + t) / (10 + t))
        now = module.bias.detach().clone()
        expected = now if expected is None else expected * decay + now * (1 - decay)
    last = weights(module)
    linear = model.layers[1].get_param("W").copy()
    assert optimizer.averages
    with model.use_params(optimizer.averages):
        assert torch.allclose(module.bias, expected, atol=1e-6)
        assert not torch.allclose(module.bias, last["bias"], atol=1e-4)
    assert all((value == last[name]).all() for name, value in weights(module).items())
    assert (model.layers[1].get_param("W") == linear).all()


def test_new_parameters_are_trained():
    """A head that is initialised again has new parameters under the same shim."""

    class Head(torch.nn.Module):
        def build(self):
            self.linear = torch.nn.Linear(4, 3)

        def forward(self, x):
            return self.linear(x)

    head = Head()
    head.build()
    model = wrap_torch(head)
    optimizer = AdamW_v1(learn_rate=0.1, average_decay=0.5)
    step(model, optimizer)
    head.build()
    before = weights(head)
    step(model, optimizer)
    assert not torch.allclose(head.linear.bias, before["linear.bias"])
    expected = weights(head)
    with model.use_params(optimizer.averages):
        assert torch.allclose(head.linear.bias, expected["linear.bias"])


def test_a_new_optimizer_starts_anew():
    torch.manual_seed(0)
    module = torch.nn.Linear(4, 3)
    model = wrap_torch(module)
    step(model, AdamW_v1(learn_rate=0.1), gradient=5.0)
    before = weights(module)
    step(model, AdamW_v1(learn_rate=0.1, weight_decay=0.0, grad_clip=0.0), gradient=-0.01)
    # The first step of Adam has the length of the rate, whatever the gradient.
    assert (module.bias.detach() - before["bias"]).tolist() == pytest.approx([0.1] * 3, rel=1e-3)


def test_a_copy_is_trained_on_its_own():
    torch.manual_seed(0)
    model = wrap_torch(torch.nn.Linear(4, 3))
    copied, alone = model.copy(), model.copy()
    shared, own = AdamW_v1(learn_rate=0.1, average_decay=0.9), AdamW_v1(learn_rate=0.1)
    for gradient in (1.0, 0.1, 0.1):
        step(model, shared, gradient=-gradient)
        step(copied, shared, gradient=gradient)
        step(alone, own, gradient=gradient)
    module, expected = copied.shims[0]._model, alone.shims[0]._model
    assert torch.allclose(module.bias, expected.bias)
    assert len(shared.averages) == 2


def test_prediction_is_in_evaluation_mode_and_training_in_training_mode():
    model = wrap_torch(torch.nn.Dropout(0.5))
    for _ in range(2):
        assert (model.predict(X) == X).all()
        assert (model.begin_update(X)[0] != X).any()


def test_no_averages_unless_asked_for():
    assert not AdamW_v1().averages


def test_both_rates_follow_their_schedules():
    optimizer = AdamW_v1(learn_rate=iter([1.0, 0.5, 0.25]), encoder_rate=iter([4.0, 3.0, 2.0]))
    for rates in ((1.0, 4.0), (0.5, 3.0), (0.25, 2.0)):
        assert (optimizer.rate("head"), optimizer.rate("encoder")) == rates
        optimizer.step_schedules()


def test_thinc_optimizers_still_work():
    module = torch.nn.Linear(4, 3)
    before = weights(module)
    step(wrap_torch(module), Adam(0.01))
    assert not torch.allclose(module.weight, before["weight"])


def test_safetensors_round_trip():
    model, other = wrap_torch(torch.nn.Linear(4, 3)), wrap_torch(torch.nn.Linear(4, 3))
    other.from_bytes(model.to_bytes())
    assert (model.predict(X) == other.predict(X)).all()


def test_sgd_equals_torch_with_momentum_and_clipped_numbers():
    torch.manual_seed(0)
    module, reference = torch.nn.Linear(4, 3), torch.nn.Linear(4, 3)
    reference.load_state_dict(module.state_dict())
    model, optimizer = wrap_torch(module), SGD_v1(learn_rate=0.01, momentum=0.9, clip_value=2.0)
    other = torch.optim.SGD(reference.parameters(), lr=0.01, momentum=0.9)
    for _ in range(3):
        step(model, optimizer)
        other.zero_grad()
        reference(torch.from_numpy(X)).sum().backward()
        assert max(float(p.grad.abs().max()) for p in reference.parameters()) > 2
        for parameter in reference.parameters():
            parameter.grad.clamp_(-2.0, 2.0)
        other.step()
    for name, value in weights(reference).items():
        assert torch.allclose(value, dict(module.named_parameters())[name], atol=1e-6)


def test_sgd_trains_layers_of_thinc_too():
    layer = Linear(3, 4).initialize(X=X)
    before = layer.get_param("W").copy()
    step(layer, SGD_v1(learn_rate=0.1, clip_value=0.0))
    assert numpy.allclose(before - layer.get_param("W"), 0.1 * X.sum(0), atol=1e-5)
