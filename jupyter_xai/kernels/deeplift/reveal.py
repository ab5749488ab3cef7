"""RevealCancel: a linear call and the function of one number after it, with rises and falls kept apart.

Shrikumar, Greenside & Kundaje (2017), section 3.5.3. What the inputs add to a unit is split into its positive part p
and its negative part n; each is credited with the average of its effect before and after the other. In divided
differences f[u, v] = (f(u) - f(v)) / (u - v), with b the unit's value at the reference and a = b + p + n at the input,

    m+ = (f[b + p, b] + f[a, b + n]) / 2,    m- = (f[b + n, b] + f[a, b + p]) / 2,

so nothing is divided by a vanishing part. An input that rises hands m+ to positive weights and m- to negative ones; one
that falls the other way about; one that stays half of each.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from jupyter_xai.kernels.deeplift.elementwise import slope_of
from jupyter_xai.kernels.deeplift.tape import MARK, Call, Handled, Kept, Mark, Rule, Tape, own_graph

DENSE = frozenset({"linear", "matmul", "mm", "addmm", "__matmul__"})
CONVOLUTIONS = frozenset({"conv1d", "conv2d", "conv3d"})


@dataclass(frozen=True)
class Source:
    """The linear call a value comes from.

    Parameters
    ----------
    call : Call
    position : int
        Its place on the tape.
    version : int
        Of its input, when it was called.
    scale : Tensor, optional
        Of each output channel, by a normalisation in between.
    """

    call: Call
    position: int
    version: int
    scale: Tensor | None = None

    @property
    def at(self) -> int:
        """Which argument is its input."""
        return 1 if self.call.name == "addmm" else 0

    @property
    def weight(self) -> Any:
        """Its weight."""
        return self.call.arg(self.at + 1, "weight")

    def apply(self, z: Tensor, weight: Tensor) -> Tensor:
        """The call without its bias, by another weight."""
        if self.call.name in {"matmul", "mm", "addmm", "__matmul__"}:
            return z @ weight
        named = {key: value for key, value in self.call.kwargs.items() if key not in {"weight", "bias"}}
        found: Tensor = self.call.function(z, weight, None, *self.call.args[3:], **named)
        return found

    def scaled(self) -> Tensor:
        """The weight with what comes after it."""
        weight: Tensor = self.weight.detach()
        if self.scale is None:
            return weight
        last = self.call.name not in CONVOLUTIONS | {"linear"}
        return weight * (self.scale if last else self.scale.reshape(-1, *([1] * (weight.dim() - 1))))


def source_of(call: Call, position: int) -> Source | None:
    """What to note of a linear call: its input is live, its weight is not."""
    source = Source(call, position, 0)
    z, weight = call.args[source.at], source.weight
    if not (isinstance(z, Tensor) and z.requires_grad and isinstance(weight, Tensor)) or weight.requires_grad:
        return None
    if call.name not in CONVOLUTIONS and weight.dim() != 2:
        return None
    return Source(call, position, z._version)  # noqa: SLF001 - whether it is written to later


def through_norm(call: Call) -> Source | None:
    """What to note of a batch normalisation with fixed statistics."""
    source = noted(call.args[0])
    if source is None:
        return None
    variance, eps, weight = call.arg(4, "running_var"), call.arg(7, "eps"), call.arg(1, "weight")
    scale = torch.rsqrt(variance.detach() + eps)
    scale = scale if weight is None else scale * weight.detach()
    scale = scale if source.scale is None else scale * source.scale
    return Source(source.call, source.position, source.version, scale)


def noted(tensor: Any) -> Source | None:
    """The linear call a value comes from, if neither was written to since."""
    mark: Mark | None = getattr(tensor, MARK, None)
    if mark is None or not isinstance(mark.linear, Source) or mark.version != tensor._version:  # noqa: SLF001
        return None
    source = mark.linear
    return source if source.call.args[source.at]._version == source.version else None  # noqa: SLF001


class Watched(Handled):
    """The decision on a linear call whose input at the reference somebody needs."""

    def __init__(self) -> None:
        self.rules: list[RevealCancel] = []

    def see(self, call: Call, tape: Tape) -> None:
        """Hand the input over."""
        for rule in self.rules:
            rule.z0 = tape.keep(call.args[rule.source.at])


class RevealCancel(Rule):
    """Both calls as one; its operand is the input of the first."""

    def __init__(self, call: Call, source: Source, tape: Tape) -> None:
        super().__init__(call, ((0,),), tape)
        self.source = source
        self.z0: Kept | None = None
        entry, decision = tape.entries[source.position]
        watched = decision if isinstance(decision, Watched) else Watched()
        watched.rules.append(self)
        tape.entries[source.position] = (entry, watched)

    def sources(self, call: Call) -> tuple[Tensor, ...]:  # noqa: ARG002 - as every rule
        """The input of the linear call."""
        return (self.source.call.args[self.source.at],)

    def explained(self, call: Call) -> Tensor:
        """f(a)."""
        self._z = self.tape.keep(self.source.call.args[self.source.at])
        self._a = self.keep(call, (0,))
        y: Tensor = call.run()
        return y

    def reference(self, call: Call) -> Tensor:
        """f(b), both multipliers, and the linear call by the weights' positive and negative parts."""
        assert self.z0 is not None
        a, b = self._a.tensor, call.args[0].detach()
        self._dz = self._z.tensor - self.z0.tensor
        weight = self.source.scaled()
        self._signed = weight.clamp(min=0), weight.clamp(max=0)
        apply = self.source.apply
        with own_graph():
            self._point = torch.zeros_like(self._dz).requires_grad_()
            self._parts = tuple(apply(self._point, w) for w in self._signed)
        self._rising, self._falling = self._multipliers(
            call, a, b, self._dz.clamp(min=0), self._dz.clamp(max=0)
        )
        del self._z, self._a
        self.z0 = None
        y: Tensor = call.run()
        return y

    def _multipliers(
        self, call: Call, a: Tensor, b: Tensor, up: Tensor, down: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Those of rises and of falls, from what rises and falls in the input of the linear call."""
        positive, negative = self._signed
        with torch.no_grad():
            p = self.source.apply(up, positive) + self.source.apply(down, negative)
        n = (a - b) - p
        slope = slope_of(call)
        return (
            (slope(call, b + p, b) + slope(call, a, b + n)) / 2,
            (slope(call, b + n, b) + slope(call, a, b + p)) / 2,
        )

    def backward(self, *multipliers: Tensor) -> tuple[Tensor | None, ...]:
        """To the input of the linear call."""
        rising, falling = multipliers[0] * self._rising, multipliers[0] * self._falling
        (up,) = torch.autograd.grad(self._parts, self._point, (rising, falling), retain_graph=True)
        (down,) = torch.autograd.grad(self._parts, self._point, (falling, rising), retain_graph=True)
        return (torch.where(self._dz > 0, up, torch.where(self._dz < 0, down, (up + down) / 2)),)


def pair(call: Call, tape: Tape) -> Source | None:
    """The linear call to take together with this one: a dense one by ``"auto"``, any by ``"reveal_cancel"``."""
    rule = tape.settings.rule
    source = None if rule == "rescale" or not call.args else noted(call.args[0])
    if source is None or (rule == "auto" and source.call.name in CONVOLUTIONS):
        return None
    return source
