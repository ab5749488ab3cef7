"""Calls that are made of others: written out, so that each part meets its own rule."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from jupyter_xai.kernels.deeplift.norms import group_norm, instance_norm

Dims = int | list[int] | tuple[int, ...] | None


def _count(x: Tensor, dim: Dims) -> int:
    if dim is None or (isinstance(dim, list | tuple) and not dim):
        return x.numel()
    dims = (dim,) if isinstance(dim, int) else dim
    return math.prod(x.shape[d] for d in dims)


def _every(x: Tensor, dim: Dims) -> tuple[int, ...]:
    if dim is None or (isinstance(dim, list | tuple) and not dim):
        return tuple(range(x.dim()))
    return (dim,) if isinstance(dim, int) else tuple(dim)


def var(
    x: Tensor,
    dim: Any = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: float | None = None,
) -> Tensor:
    """Mean of squares about the mean."""
    if isinstance(dim, bool):  # x.var(unbiased)
        dim, unbiased = None, dim
    if correction is None:
        correction = 0.0 if unbiased is False else 1.0
    centred = x - x.mean(_every(x, dim), keepdim=True)
    total = (centred * centred).sum(_every(x, dim), keepdim=keepdim)
    return total / max(_count(x, dim) - correction, 0)


def std(*args: Any, **kwargs: Any) -> Tensor:
    """Root of the variance."""
    return torch.sqrt(torch.var(*args, **kwargs))


def var_mean(x: Tensor, dim: Any = None, *args: Any, **kwargs: Any) -> tuple[Tensor, Tensor]:
    """Both."""
    keepdim = bool(kwargs.get("keepdim", args[1] if len(args) > 1 else False))
    mean = x.mean(_every(x, None if isinstance(dim, bool) else dim), keepdim=keepdim)
    return torch.var(x, dim, *args, **kwargs), mean


def std_mean(x: Tensor, dim: Any = None, *args: Any, **kwargs: Any) -> tuple[Tensor, Tensor]:
    """Both."""
    variance, mean = var_mean(x, dim, *args, **kwargs)
    return torch.sqrt(variance), mean


def vector_norm(
    x: Tensor, order: Any = 2, dim: Dims = None, keepdim: bool = False, *, dtype: Any = None, **named: Any
) -> Tensor:
    """Root of the sum of powers."""
    x = x if dtype is None else x.to(dtype)
    dims, order = _every(x, dim), float(named.get("ord", order))
    if order == 2:
        return torch.sqrt((x * x).sum(dims, keepdim=keepdim))
    if order == 1:
        return torch.abs(x).sum(dims, keepdim=keepdim)
    if math.isinf(order):
        size = torch.abs(x)
        return size.amax(dims, keepdim=keepdim) if order > 0 else size.amin(dims, keepdim=keepdim)
    if order == 0:
        return (x != 0).to(x.dtype).sum(dims, keepdim=keepdim)
    return torch.pow(torch.pow(torch.abs(x), order).sum(dims, keepdim=keepdim), 1.0 / order)


def norm(x: Tensor, p: Any = 2, dim: Dims = None, keepdim: bool = False, dtype: Any = None) -> Tensor:
    """The norm of torch's own namespace."""
    p = 2 if p is None or p == "fro" else p
    found: Tensor = torch.linalg.vector_norm(x, p, dim, keepdim, dtype=dtype)
    return found


def norm_of(x: Tensor, order: Any = None, dim: Dims = None, keepdim: bool = False, **named: Any) -> Tensor:
    """The norm of ``torch.linalg``, of vectors."""
    order = named.pop("ord", order)
    found: Tensor = torch.linalg.vector_norm(x, 2 if order is None else order, dim, keepdim, **named)
    return found


def glu(x: Tensor, dim: int = -1) -> Tensor:
    """One half gates the other."""
    value, gate = x.chunk(2, dim)
    return value * torch.sigmoid(gate)


def scaled_dot_product_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,  # noqa: ARG001 - nothing is dropped in an explanation
    is_causal: bool = False,
    *,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Tensor:
    """softmax(q k' / sqrt(d) + mask) v, which no fused kernel may replace here."""
    scale = 1.0 / math.sqrt(query.shape[-1]) if scale is None else scale
    if enable_gqa:
        key = key.repeat_interleave(query.shape[-3] // key.shape[-3], -3)
        value = value.repeat_interleave(query.shape[-3] // value.shape[-3], -3)
    scores = (query * scale) @ key.transpose(-2, -1)
    if is_causal:
        length, width = scores.shape[-2:]
        attn_mask = torch.ones(length, width, dtype=torch.bool, device=scores.device).tril()
    if attn_mask is None:
        return torch.softmax(scores, -1) @ value
    if attn_mask.dtype == torch.bool:
        scores = scores.masked_fill(~attn_mask, -math.inf)
    else:
        scores = scores + attn_mask
    # a row that may look at nothing gives zeros, as torch's own does from 2.5 on
    softmax = getattr(torch, "_safe_softmax", torch.softmax)
    return softmax(scores, -1) @ value


def lstm_cell(
    x: Tensor, state: Any, w_ih: Tensor, w_hh: Tensor, b_ih: Tensor | None = None, b_hh: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """One step of an LSTM."""
    h, c = state
    gates = torch.nn.functional.linear(x, w_ih, b_ih) + torch.nn.functional.linear(h, w_hh, b_hh)
    i, f, g, o = gates.chunk(4, 1)
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(c), c


def gru_cell(
    x: Tensor, h: Tensor, w_ih: Tensor, w_hh: Tensor, b_ih: Tensor | None = None, b_hh: Tensor | None = None
) -> Tensor:
    """One step of a GRU: h' = n + z (h - n)."""
    xr, xz, xn = torch.nn.functional.linear(x, w_ih, b_ih).chunk(3, 1)
    hr, hz, hn = torch.nn.functional.linear(h, w_hh, b_hh).chunk(3, 1)
    n = torch.tanh(xn + torch.sigmoid(xr + hr) * hn)
    return n + torch.sigmoid(xz + hz) * (h - n)


def _rnn_cell(activation: Callable[[Tensor], Tensor]) -> Callable[..., Tensor]:
    def cell(
        x: Tensor,
        h: Tensor,
        w_ih: Tensor,
        w_hh: Tensor,
        b_ih: Tensor | None = None,
        b_hh: Tensor | None = None,
    ) -> Tensor:
        linear = torch.nn.functional.linear
        return activation(linear(x, w_ih, b_ih) + linear(h, w_hh, b_hh))

    return cell


def aminmax(x: Tensor, *, dim: int | None = None, keepdim: bool = False) -> Any:
    """Both ends."""
    dims = _every(x, dim)
    both = torch.amin(x, dims, keepdim=keepdim), torch.amax(x, dims, keepdim=keepdim)
    return torch.return_types.aminmax(both)


def cosine_similarity(a: Tensor, b: Tensor, dim: int = 1, eps: float = 1e-8) -> Tensor:
    """Product of the two directions."""
    na = torch.linalg.vector_norm(a, 2, dim, True).clamp_min(eps)
    nb = torch.linalg.vector_norm(b, 2, dim, True).clamp_min(eps)
    found: Tensor = ((a / na) * (b / nb)).sum(dim)
    return found


def mse_loss(x: Tensor, target: Tensor, reduction: int = 1) -> Tensor:
    """Square of the difference."""
    d = x - target
    return _reduced(d * d, reduction)


def l1_loss(x: Tensor, target: Tensor, reduction: int = 1) -> Tensor:
    """Size of the difference."""
    return _reduced(torch.abs(x - target), reduction)


def _reduced(x: Tensor, reduction: int) -> Tensor:
    return x if reduction == 0 else x.mean() if reduction == 1 else x.sum()


COMPOSITES: dict[str, Callable[..., Any]] = {
    "var": var,
    "std": std,
    "var_mean": var_mean,
    "std_mean": std_mean,
    "linalg_vector_norm": vector_norm,
    "norm": norm,
    "glu": glu,
    "scaled_dot_product_attention": scaled_dot_product_attention,
    "lstm_cell": lstm_cell,
    "gru_cell": gru_cell,
    "rnn_tanh_cell": _rnn_cell(torch.tanh),
    "rnn_relu_cell": _rnn_cell(torch.relu),
    "aminmax": aminmax,
    "cosine_similarity": cosine_similarity,
    "mse_loss": mse_loss,
    "l1_loss": l1_loss,
    "group_norm": group_norm,
    "instance_norm": instance_norm,
}
"""Bodies by name, with torch's own signatures."""
