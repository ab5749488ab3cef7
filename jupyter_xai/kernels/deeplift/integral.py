"""Calls without a rule: the gradient averaged along the straight path from the reference to the input.

Sundararajan, Taly & Yan (2017), applied to one call. Eight Gauss-Legendre nodes; what they miss of the difference
is shared out in proportion to the size of each contribution, so that every row stays complete.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

from jupyter_xai.kernels.deeplift.tape import Call, Diverged, Kept, Path, Rule, Tape, floats, own_graph

NODES = 8


@cache
def nodes(n: int) -> tuple[tuple[float, float], ...]:
    """Positions in (0, 1) and weights of Gauss and Legendre.

    Examples
    --------
    >>> nodes(1)
    ((0.5, 1.0),)
    """
    at, weights = np.polynomial.legendre.leggauss(n)
    return tuple(zip(((at + 1) / 2).tolist(), (weights / 2).tolist(), strict=True))


class Integral(Rule):
    """The local path integral of any differentiable call."""

    n_nodes = NODES

    def __init__(self, call: Call, operands: tuple[Path, ...], tape: Tape) -> None:
        super().__init__(call, operands, tape)
        self._kept: tuple[Kept, ...] = ()
        self._y: Any = None

    def explained(self, call: Call) -> Any:
        """The call itself."""
        self._kept = tuple(self.keep(call, path) for path in self.operands)
        found = call.run()
        self._y = tuple(self.tape.keep(y) for y in floats(found))
        return found

    def reference(self, call: Call) -> Any:
        """The call itself; ends of the path, and the difference to account for."""
        found = call.run()
        self._call = call
        self._ends = tuple(
            (call.at(path).detach().clone(), kept.tensor.clone())
            for kept, path in zip(self._kept, self.operands, strict=True)
        )
        starts = floats(found)
        if len(starts) != len(self._y) or any(
            y.tensor.shape != y0.shape for y, y0 in zip(self._y, starts, strict=True)
        ):
            raise Diverged(self.name, f"{self.name} of another shape")
        self._rise = tuple(y.tensor - y0 for y, y0 in zip(self._y, starts, strict=True))
        self._kept = self._y = ()
        return found

    def backward(self, *multipliers: Tensor) -> tuple[Tensor | None, ...]:
        """Average of the gradients, and the rest in proportion."""
        total = [torch.zeros_like(a) for _, a in self._ends]
        for at, weight in nodes(self.n_nodes):
            with own_graph():
                points = tuple(torch.lerp(a0, a, at).requires_grad_() for a0, a in self._ends)
                found = floats(self._call.replaced(self.operands, points).evaluate())
                pairs = [(y, m) for y, m in zip(found, multipliers, strict=True) if y.requires_grad]
                grads = torch.autograd.grad(
                    [y for y, _ in pairs], points, [m for _, m in pairs], allow_unused=True
                )
            for sum_, grad in zip(total, grads, strict=True):
                if grad is not None:
                    sum_.add_(grad, alpha=weight)
        return self._completed(total, multipliers)

    def _completed(self, total: list[Tensor], multipliers: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """Share the rest out, row by row where rows can be told."""
        rises = [m * rise for m, rise in zip(multipliers, self._rise, strict=True)]
        parts = [m * (a - a0) for m, (a0, a) in zip(total, self._ends, strict=True)]
        lengths = {t.shape[0] if t.dim() else 0 for t in (*rises, *parts)}
        rows = lengths.pop() if len(lengths) == 1 else 0

        def by_row(tensors: list[Tensor]) -> Tensor:
            return torch.stack([t.reshape(rows or 1, -1).sum(1) for t in tensors]).sum(0)

        rest = by_row(rises) - by_row(parts)
        size = by_row([part.abs() for part in parts])
        share = torch.where(size > 0, rest / size, 0.0)
        found = []
        for m, part, (a0, a) in zip(total, parts, self._ends, strict=True):
            scale = share.reshape(-1, *([1] * (m.dim() - 1))) if m.dim() else share.reshape(())
            d = a - a0
            found.append(m + torch.where(d != 0, part.abs() * scale / d, 0.0))
        return tuple(found)


def integral(call: Call, tape: Tape) -> Rule:
    """The rule of last resort."""
    return Integral(call, call.paths(lambda t: t.requires_grad), tape)
