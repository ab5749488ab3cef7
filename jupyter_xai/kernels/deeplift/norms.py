"""Layer normalisation and its like.

With c = x - mean(x) and s = sqrt(mean(c^2) + eps), y = c / s is explained as a quotient whose parts belong together:
dy = (dc - mean(y) ds) / mean(s), and ds = sum((c + c0) dc) / (n (s + s0)), means being those of input and reference. So
nothing is divided by a difference, and nothing grows where the reference has no variance: the product c * (1 / s)
would pair c with the 1 / s of the reference, which no coalition of entries ever does (60 times the distance to exact
Shapley values where the reference is zero).
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from jupyter_xai.kernels.deeplift.tape import Call, Decision, Diverged, Kept, Path, Rule, Tape


class Normalise(Rule):
    """layer_norm or rms_norm over the last dimensions, without weight and bias."""

    def __init__(self, call: Call, operands: tuple[Path, ...], tape: Tape) -> None:
        super().__init__(call, operands, tape)
        self._centred = call.name == "layer_norm"
        shape = call.arg(1, "normalized_shape")
        n_dims = len(shape) if isinstance(shape, list | tuple | torch.Size) else 1
        self._dims = tuple(range(-n_dims, 0))
        eps = call.arg(4, "eps", 1e-5) if self._centred else call.arg(3, "eps")
        self._eps = torch.finfo(call.args[0].dtype).eps if eps is None else float(eps)
        self._x: Kept | None = None

    def explained(self, call: Call) -> Tensor:
        """The call itself."""
        self._x = self.keep(call, (0,))
        y: Tensor = call.run()
        return y

    def reference(self, call: Call) -> Tensor:
        """The call itself; the means and what leads from s back to c."""
        assert self._x is not None
        x, x0 = self._x.tensor, call.args[0].detach()
        if x.shape != x0.shape:
            raise Diverged(f"{self.name} of {tuple(x.shape)}", f"{tuple(x0.shape)}")
        (c, s), (c0, s0) = self._parts(x), self._parts(x0)
        n = x[(0,) * (x.dim() - len(self._dims))].numel() if x.numel() else 1
        self._q = 2.0 / (s + s0)
        self._y = (c / s + c0 / s0) / (s + s0)
        self._back = (c + c0) / (n * (s + s0))
        self._x = None
        y: Tensor = call.run()
        return y

    def _parts(self, x: Tensor) -> tuple[Tensor, Tensor]:
        c = x - x.mean(self._dims, keepdim=True) if self._centred else x
        return c, ((c * c).mean(self._dims, keepdim=True) + self._eps).sqrt()

    def backward(self, *multipliers: Tensor) -> tuple[Tensor | None, ...]:
        """To c, then through the centring."""
        m = multipliers[0]
        found = self._q * m - self._back * (m * self._y).sum(self._dims, keepdim=True)
        if self._centred:
            found = found - found.mean(self._dims, keepdim=True)
        return (found,)


def normalise(call: Call, tape: Tape) -> Decision:
    """The rule where there is no weight and bias, else the call in two steps."""
    if not call.args[0].requires_grad:
        return None
    centred = call.name == "layer_norm"
    if call.arg(2, "weight") is None and (not centred or call.arg(3, "bias") is None):
        return Normalise(call, ((0,),), tape)
    function: Any = torch.layer_norm if centred else torch.rms_norm

    def in_steps(x: Tensor, *rest: Any, **options: Any) -> Tensor:
        names = ("normalized_shape", "weight", *(("bias",) if centred else ()), "eps")
        given = {**dict(zip(names, rest, strict=False)), **options}
        weight, bias = given.get("weight"), given.get("bias")
        y: Tensor = function(x, given["normalized_shape"], eps=given.get("eps", 1e-5 if centred else None))
        y = y if weight is None else y * weight
        return y if bias is None else y + bias

    return in_steps


def affine(y: Tensor, weight: Tensor | None, bias: Tensor | None) -> Tensor:
    """Scale and shift channels."""
    shape = (1, -1, *([1] * (y.dim() - 2)))
    y = y if weight is None else y * weight.reshape(shape)
    return y if bias is None else y + bias.reshape(shape)


def group_norm(
    x: Tensor,
    num_groups: int,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
    cudnn_enabled: bool = True,  # noqa: ARG001 - torch's signature
) -> Tensor:
    """Each group of channels is a layer."""
    flat = x.reshape(x.shape[0], num_groups, -1)
    return affine(torch.layer_norm(flat, flat.shape[2:], eps=eps).reshape(x.shape), weight, bias)


def instance_norm(
    x: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    use_input_stats: bool,
    momentum: float,  # noqa: ARG001
    eps: float,
    cudnn_enabled: bool,  # noqa: ARG001
) -> Tensor:
    """Each channel is a layer; with running statistics it is linear."""
    if use_input_stats:
        return group_norm(x, x.shape[1], weight, bias, eps)
    assert running_mean is not None
    assert running_var is not None
    scale = torch.rsqrt(running_var + eps)
    return affine(affine(x, scale, -running_mean * scale), weight, bias)


def batch_norm(call: Call, tape: Tape) -> Decision:  # noqa: ARG001
    """Linear with running statistics; else each channel over the batch is a layer."""
    if not batch_statistics(call):
        return None

    def by_channel(x: Tensor, weight: Tensor | None, bias: Tensor | None, *rest: Any) -> Tensor:
        columns = x.transpose(0, 1)
        flat = columns.reshape(x.shape[1], -1)
        y = torch.layer_norm(flat, flat.shape[1:], eps=rest[4]).reshape(columns.shape).transpose(0, 1)
        return affine(y, weight, bias)

    return by_channel


def batch_statistics(call: Call) -> bool:
    """Whether a batch normalisation uses the batch's own statistics."""
    return bool(call.arg(5, "training"))
