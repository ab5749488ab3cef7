"""Shapley values of a unit: a linear call of many inputs and the function of one number after it.

RevealCancel has two players, all rises and all falls; Rescale is what infinitely many infinitely small players would
get. A unit has as many players as inputs. With each of the others present with probability q, what they add up to has
mean q S and variance q (1 - q) V, S and V being the sums of their contributions and of those squared; it is taken for
normal, as in DASP (Ancona, Oztireli & Gross, 2019), and where a few players make up most of it, for the
two-player case. A typical rise and a typical fall then stand for all of their sign, so that a unit needs four sums more
than RevealCancel, whatever its number of inputs.
"""

from __future__ import annotations

import functools
import math

import torch
from torch import Tensor

from jupyter_xai.kernels.deeplift.elementwise import blockwise, slope_of
from jupyter_xai.kernels.deeplift.integral import nodes
from jupyter_xai.kernels.deeplift.reveal import RevealCancel
from jupyter_xai.kernels.deeplift.tape import Call

_PLACES = 6
"""Gauss-Legendre nodes of the probability q."""

_ROUNDING = 16.0
"""Units in the last place that others may add up to without being there."""

_HERMITE = (
    (-2.02018287, 0.01995324),
    (-0.95857246, 0.39361932),
    (0.0, 0.94530872),
    (0.95857246, 0.39361932),
    (2.02018287, 0.01995324),
)
"""Nodes and weights of Gauss and Hermite, for functions without a closed mean."""


class Unit(RevealCancel):
    """Both calls as one, with as many players as the first has inputs."""

    def _multipliers(
        self, call: Call, a: Tensor, b: Tensor, up: Tensor, down: Tensor
    ) -> tuple[Tensor, Tensor]:
        positive, negative = self._signed
        apply = self.source.apply
        self._call = call
        with torch.no_grad():
            p = apply(up, positive) + apply(down, negative)
            squares = [apply(z * z, w * w) for z in (up, down) for w in (positive, negative)]
        rises, falls = squares[0] + squares[3], squares[1] + squares[2]
        shared = any(
            isinstance(value, Tensor) and value.dim() for value in call.args[1:]
        )  # a slope a channel
        each = self._of_units if shared else functools.partial(blockwise, self._of_units)
        found: tuple[Tensor, Tensor] = each(*(t.contiguous() for t in (a, b, p, rises, falls)))
        return found

    def _of_units(
        self, a: Tensor, b: Tensor, p: Tensor, rises: Tensor, falls: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Both multipliers, unit by unit."""
        call = self._call
        n = torch.where(falls > 0, (a - b) - p, 0.0)  # where nothing falls rounding is left
        rising = self._typical(call, a, b, p, n, rises, rises + falls)
        falling = self._typical(call, a, b, n, p, falls, rises + falls)
        return _complete(call, a, b, p * rising, n * falling, rising, falling)

    def _typical(
        self, call: Call, a: Tensor, b: Tensor, own: Tensor, rest: Tensor, squares: Tensor, variance: Tensor
    ) -> Tensor:
        """Mean slope that a typical player of one sign meets."""
        c = torch.where(own != 0, squares / own, 0.0)  # the mean size, weighed by size
        others = (a - b) - c
        variance = (variance - c * c).clamp_min(0.0)
        whole = own.abs() + rest.abs()
        size = whole - c.abs()
        # of one player alone rounding is left
        rounding = _ROUNDING * torch.finfo(a.dtype).eps * (whole + a.abs() + b.abs())
        size = torch.where(size > rounding, size, 0.0)
        few = torch.where(size > 0, (variance / (size * size)).clamp(max=1.0) ** 2, 1.0)
        slope = slope_of(call)
        two = (slope(call, b + c, b) + slope(call, a, b + others)) / 2
        many = torch.zeros_like(two)
        for q, weight in nodes(_PLACES):
            spread = (q * (1 - q) * variance).sqrt()
            many.add_(_mean_slope(call, b + q * others, spread, c), alpha=weight)
        return few * two + (1 - few) * many


def _mean_slope(call: Call, mean: Tensor, spread: Tensor, c: Tensor) -> Tensor:
    """Mean of f[z + c, z] for a normal z."""
    broken = _broken_line(call)
    if broken is not None:
        first, corners = broken
        found = torch.full_like(mean, first)
        for at, change in corners:
            found.add_(_relu_slope(mean - at, spread, c), alpha=change)
        return found
    slope = slope_of(call)
    total = torch.zeros_like(mean)
    for at, weight in _HERMITE:
        z = mean + math.sqrt(2) * at * spread
        total.add_(slope(call, z + c, z), alpha=weight / math.sqrt(math.pi))
    return total


def _broken_line(call: Call) -> tuple[float, tuple[tuple[float, float], ...]] | None:
    """The first slope of a continuous broken line, where it changes and by how much."""
    if call.name == "relu":
        return 0.0, ((0.0, 1.0),)
    if call.name == "relu6":
        return 0.0, ((0.0, 1.0), (6.0, -1.0))
    if call.name == "hardtanh":
        low, high = float(call.arg(1, "min_val", -1.0)), float(call.arg(2, "max_val", 1.0))
        return 0.0, ((low, 1.0), (high, -1.0))
    if call.name == "leaky_relu":
        below = float(call.arg(1, "negative_slope", 0.01))
        return below, ((0.0, 1.0 - below),)
    return None


def _relu_slope(mean: Tensor, spread: Tensor, c: Tensor) -> Tensor:
    """The same for a ReLU, in closed form; at the middle where c is small."""
    spread = spread.clamp_min(torch.finfo(spread.dtype).tiny ** 0.5)
    near = _normal((mean + c / 2) / spread)
    far = (_mean_relu(mean + c, spread) - _mean_relu(mean, spread)) / c
    return torch.where(c.abs() > 0.1 * spread, far, near).nan_to_num_(0.0).clamp_(0.0, 1.0)


def _normal(u: Tensor) -> Tensor:
    return 0.5 * (1 + torch.erf(u / math.sqrt(2)))


def _mean_relu(mean: Tensor, spread: Tensor) -> Tensor:
    u = mean / spread
    return mean * _normal(u) + spread * torch.exp(-u * u / 2) / math.sqrt(2 * math.pi)


def _complete(
    call: Call, a: Tensor, b: Tensor, gains: Tensor, losses: Tensor, rising: Tensor, falling: Tensor
) -> tuple[Tensor, Tensor]:
    """Share out what the approximation misses in proportion; where that is much, the unit is rescaled."""
    slope = slope_of(call)(call, a, b)
    rest = slope * (a - b) - gains - losses
    size = gains.abs() + losses.abs()
    part = torch.where(size > 0, rest / size, 0.0)
    sound = (rest.abs() <= size / 2) & (size > 0)
    return (
        torch.where(sound, rising * (1 + part * gains.sign()), slope),
        torch.where(sound, falling * (1 + part * losses.sign()), slope),
    )
