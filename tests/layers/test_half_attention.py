"""Attention in bf16: values and gradients are those of torch's kernel, and nothing else is replaced."""

import pytest
import torch
from torch.nn.functional import scaled_dot_product_attention

from spacy_slavner.layers.torch import half_attention
from spacy_slavner.layers.torch.encoder import EncoderModule, WindowBatch
from spacy_slavner.layers.torch.half_attention import HalfAttention, attention

BATCH, HEADS, LENGTH, WIDTH = 3, 2, 7, 4


def inputs(dtype=torch.bfloat16, length=LENGTH):
    torch.manual_seed(0)
    shapes = [(BATCH, HEADS, LENGTH, WIDTH)] + 2 * [(BATCH, HEADS, length, WIDTH)]
    return [torch.randn(shape, dtype=dtype, requires_grad=True) for shape in shapes]


def padding(length=LENGTH):
    """What transformers makes of the lengths 7, 4 and 1."""
    hidden = torch.arange(length) >= torch.tensor([[length], [4], [1]])
    mask = torch.zeros(BATCH, 1, LENGTH, length)
    return mask.masked_fill(hidden[:, None, None, :], torch.finfo(torch.float32).min)


def results(function, *args, **kwargs):
    output = function(*args, **kwargs)
    return output, *torch.autograd.grad(output.float().square().sum(), args[:3])


@pytest.mark.parametrize("mask", [None, "padding", "each query its own"])
@pytest.mark.parametrize("length", [LENGTH, 5])
@pytest.mark.parametrize("scale", [None, 0.3])
def test_it_is_torchs_kernel(mask, length, scale):
    if mask:
        mask = padding(length) if mask == "padding" else torch.randn(BATCH, HEADS, LENGTH, length)
    args = [tensor.double().detach().requires_grad_() for tensor in inputs(length=length)]
    wanted = results(
        scaled_dot_product_attention, *args, attn_mask=None if mask is None else mask.double(), scale=scale
    )
    exact = results(attention, *args, None if mask is None else mask.double(), scale)
    assert all(torch.allclose(a, b, atol=1e-10) for a, b in zip(exact, wanted, strict=True))
    half = results(attention, *inputs(length=length), mask, scale)
    assert all(a.dtype == torch.bfloat16 for a in half)
    assert all(torch.allclose(a.double(), b, atol=0.1) for a, b in zip(half, wanted, strict=True))


def test_its_gradient_is_the_numeric_one():
    args = [tensor.double().detach().requires_grad_() for tensor in inputs(length=5)]
    assert torch.autograd.gradcheck(lambda *a: attention(*a, padding(5).double()), args)


def test_padding_changes_nothing():
    query, key, value = inputs()
    whole = attention(query, key, value, padding())
    alone = attention(query[1:2], key[1:2, :, :4], value[1:2, :, :4])
    assert torch.allclose(whole[1:2], alone, atol=1e-2)


@pytest.mark.parametrize(
    ("dtype", "settings", "replaced"),
    [
        (torch.bfloat16, {"attn_mask": padding()}, True),
        (torch.bfloat16, {"attn_mask": padding() == 0}, False),
        (torch.bfloat16, {"is_causal": True}, False),
        (torch.bfloat16, {"dropout_p": 0.5}, False),
        (torch.float32, {}, False),
    ],
)
def test_only_what_it_can_do_is_replaced(monkeypatch, dtype, settings, replaced):
    calls = []
    monkeypatch.setattr(half_attention, "attention", lambda *args: calls.append(args) or attention(*args))
    if "attn_mask" in settings and settings["attn_mask"].dtype != torch.bool:
        settings["attn_mask"] = settings["attn_mask"].to(dtype)
    with HalfAttention():
        results(scaled_dot_product_attention, *inputs(dtype), **settings)
        with torch.no_grad():
            scaled_dot_product_attention(*inputs(dtype), **settings)
    assert len(calls) == replaced


def test_updates_in_bf16_take_it(tiny_encoder, monkeypatch):
    from transformers import AutoModel

    calls = []
    monkeypatch.setattr(half_attention, "attention", lambda *args: calls.append(args) or attention(*args))
    ids = torch.tensor([[0, 5, 6, 7, 2], [0, 5, 2, 1, 1]])
    mask = torch.tensor([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]])
    batch = WindowBatch(ids, mask, rows=torch.arange(8), places=torch.arange(8))
    gradients, off = {}, {"attention_probs_dropout_prob": 0.0, "hidden_dropout_prob": 0.0}
    for kernel in ("sdpa", "auto"):
        encoder = AutoModel.from_pretrained(tiny_encoder, attn_implementation="sdpa", **off)
        module = EncoderModule(encoder, precision="bf16", attention=kernel).train()
        # The sum of their squares would be the same whatever the attention is, after a layer norm.
        (module([batch], 8) * torch.linspace(-1, 1, 8 * module.width).view(8, -1)).sum().backward()
        gradients[kernel] = {name: p.grad for name, p in module.named_parameters() if p.grad is not None}
        assert len(calls) == (module.depth if kernel == "auto" else 0)
    assert gradients["auto"].keys() == gradients["sdpa"].keys()
    for name, gradient in gradients["auto"].items():
        other = gradients["sdpa"][name]
        assert (gradient - other).norm() < 0.1 * other.norm() + 1e-3, name
