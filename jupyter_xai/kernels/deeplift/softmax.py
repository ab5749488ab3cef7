"""Softmax, log-softmax and logsumexp in the log domain.

With l = logsumexp(x), u = x - l, and the same at the reference, p_k - p0_k is split by the divided difference D_k of
the exponential in u, and l - l0 by the weights w_j, which add up to it: w_j is the divided difference of the
exponential in x_j over that in l. Both branches keep their own normaliser, so that no digit is lost to a shift.
"""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from jupyter_xai.kernels.deeplift.tape import Call, Decision, Diverged, Kept, Path, Rule, Tape

MASKED = -1e30
"""Logits below this in both branches are masked."""


def weights(x: Tensor, x0: Tensor, l: Tensor, l0: Tensor) -> Tensor:
    """What each logit's difference adds to the difference of logsumexp."""
    masked = (x < MASKED) & (x0 < MASKED)
    d = torch.where(masked, 0.0, x - x0).abs()
    dl = (l - l0).abs()
    top = torch.exp(torch.where(masked, -torch.inf, torch.maximum(x, x0)) - torch.maximum(l, l0))
    return top * shrink(d) / shrink(dl)


def shrink(u: Tensor) -> Tensor:
    """(1 - exp(-u)) / u for u >= 0, and its limit 1.

    Examples
    --------
    >>> shrink(torch.tensor([0.0, 1.0])).round(decimals=4)
    tensor([1.0000, 0.6321])
    """
    return torch.where(u > 0, -torch.expm1(-u) / u, 1.0)


class _Logits(Rule):
    """What the three have in common.

    Parameters
    ----------
    call : Call
        Its second argument, ``dim``, says along what.
    operands : tuple of Path
    tape : Tape
    """

    keeps_dim: ClassVar[bool] = True

    def __init__(self, call: Call, operands: tuple[Path, ...], tape: Tape) -> None:
        super().__init__(call, operands, tape)
        dim = call.arg(1, "dim")
        self.dims: tuple[int, ...] = tuple(dim) if isinstance(dim, list | tuple) else (dim,)
        self._x: Kept | None = None

    def explained(self, call: Call) -> Tensor:
        """The call itself."""
        self._x = self.keep(call, (0,))
        y: Tensor = call.run()
        return y

    def reference(self, call: Call) -> Tensor:
        """The call itself; D and w."""
        assert self._x is not None
        x, x0 = self._x.tensor, call.args[0].detach()
        if x.shape != x0.shape:
            raise Diverged(f"{self.name} of {tuple(x.shape)}", f"{tuple(x0.shape)}")
        y: Tensor = call.run()
        x, x0 = x.to(y.dtype), x0.to(y.dtype)
        l, l0 = (torch.logsumexp(t, self.dims, keepdim=True) for t in (x, x0))
        self.w = weights(x, x0, l, l0).nan_to_num_(0.0)
        self._more(x, x0, l, l0)
        self._x = None
        return y

    def _more(self, x: Tensor, x0: Tensor, l: Tensor, l0: Tensor) -> None:
        """What else a subclass needs."""


class Softmax(_Logits):
    """p = exp(x - l)."""

    def _more(self, x: Tensor, x0: Tensor, l: Tensor, l0: Tensor) -> None:
        masked = (x < MASKED) & (x0 < MASKED)
        u, u0 = x - l, x0 - l0
        d = torch.where(masked, 0.0, u - u0).abs()
        high = torch.where(masked, -torch.inf, torch.maximum(u, u0))
        self._d = (torch.exp(high) * shrink(d)).nan_to_num_(0.0)

    def backward(self, *multipliers: Tensor) -> tuple[Tensor | None, ...]:
        """By D, less what all together hand on."""
        m = self._d * multipliers[0]
        return (m - self.w * m.sum(self.dims, keepdim=True),)


class LogSoftmax(_Logits):
    """x - l."""

    def backward(self, *multipliers: Tensor) -> tuple[Tensor | None, ...]:
        """Less what all together hand on."""
        m = multipliers[0]
        return (m - self.w * m.sum(self.dims, keepdim=True),)


class LogSumExp(_Logits):
    """l."""

    def __init__(self, call: Call, operands: tuple[Path, ...], tape: Tape) -> None:
        super().__init__(call, operands, tape)
        self._keepdim = bool(call.arg(2, "keepdim", False))

    def backward(self, *multipliers: Tensor) -> tuple[Tensor | None, ...]:
        """Weighed."""
        m = multipliers[0]
        if not self._keepdim:
            for dim in sorted(d % self.w.dim() for d in self.dims):
                m = m.unsqueeze(dim)
        return (self.w * m,)


def softmax(call: Call, tape: Tape) -> Decision:
    """Softmax along ``dim``."""
    return Softmax(call, ((0,),), tape)


def log_softmax(call: Call, tape: Tape) -> Decision:
    """Its logarithm."""
    return LogSoftmax(call, ((0,),), tape)


def logsumexp(call: Call, tape: Tape) -> Decision:
    """Logarithm of the sum of exponentials."""
    return LogSumExp(call, ((0,),), tape)
