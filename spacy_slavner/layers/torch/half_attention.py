"""Attention whose backward pass is fast on CPUs that multiply bf16 matrices."""

from typing import Any

import torch
from torch.nn.functional import scaled_dot_product_attention
from torch.overrides import TorchFunctionMode


class HalfAttention(TorchFunctionMode):
    """Within it, torch's attention in bf16 with gradients is two matrix products and a softmax.

    torch's fused kernel saves memory, but on CPUs its backward pass takes as long as all matrix products of
    an encoder together (benchmarks/attention.py). What it does beyond products and a mask (dropout, causal
    masks, shared heads) is left to it, and so are predictions.
    """

    def __torch_function__(self, function, types, args=(), kwargs=None) -> Any:
        """Replace this one function."""
        kwargs = kwargs or {}
        if function is scaled_dot_product_attention and len(args) == 3 and _is_plain(*args, **kwargs):
            mask, scale = kwargs.get("attn_mask"), kwargs.get("scale")
            return attention(*args, mask, scale)
        return function(*args, **kwargs)


def _is_plain(query, key, value, attn_mask=None, dropout_p=0.0, is_causal=False, **others) -> bool:
    others.pop("scale", None)
    return (
        query.is_cpu
        and query.dtype == key.dtype == value.dtype == torch.bfloat16
        and query.dim() == 4
        and query.shape[:2] == key.shape[:2]
        and torch.is_grad_enabled()
        and (attn_mask is None or attn_mask.dtype != torch.bool)
        and not (dropout_p or is_causal or any(others.values()))
    )


def attention(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    mask: torch.Tensor | None = None,
    scale: float | None = None,
) -> torch.Tensor:
    """Weigh values by the similarity of queries and keys.

    query (Tensor): Shape (batch, heads, length, width).
    key (Tensor): Shape (batch, heads, other length, width).
    value (Tensor): Shape (batch, heads, other length, width).
    mask (Tensor | None): Added to the scores; shape (batch, heads, length, other length), or one that
        broadcasts to it. It gets no gradient.
    scale (float | None): Factor on the scores; by default 1 / √width.
    RETURNS (Tensor): Shape (batch, heads, length, width), of the queries' type.
    """
    return _Attention.apply(query, key, value, mask, query.shape[-1] ** -0.5 if scale is None else scale)


class _Attention(torch.autograd.Function):
    """Everything in the inputs' type; the softmax computes in fp32 inside."""

    @staticmethod
    def forward(ctx, query, key, value, mask, scale):
        flat = [tensor.flatten(0, 1) for tensor in (query, key, value)]
        scores = torch.bmm(flat[0], flat[1].transpose(1, 2)).mul_(scale)
        if mask is not None:
            # The least number of fp32 is none of bf16.
            mask = mask.clamp(min=torch.finfo(scores.dtype).min).to(scores.dtype)
            scores.view(*query.shape[:2], *scores.shape[1:]).add_(mask)
        weights = torch.softmax(scores, dim=-1)
        ctx.save_for_backward(*flat, weights)
        ctx.scale = scale
        return torch.bmm(weights, flat[2]).view_as(query)

    @staticmethod
    def backward(ctx, gradient):
        query, key, value, weights = ctx.saved_tensors
        shape, gradient = gradient.shape, gradient.flatten(0, 1).to(weights.dtype)
        d_value = torch.bmm(weights.transpose(1, 2), gradient)
        d_weights = torch.bmm(gradient, value.transpose(1, 2))
        d_scores = torch._softmax_backward_data(d_weights, weights, -1, weights.dtype).mul_(ctx.scale)
        d_query, d_key = torch.bmm(d_scores, key), torch.bmm(d_scores.transpose(1, 2), query)
        batch, heads = shape[:2]
        return tuple(d.unflatten(0, (batch, heads)) for d in (d_query, d_key, d_value)) + (None, None)
