"""Functions of one number: the multiplier is (f(a) - f(a0)) / (a - a0), in a form that does not lose digits."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 - its usual name
from torch import Tensor

from jupyter_xai.kernels.deeplift.integral import Integral
from jupyter_xai.kernels.deeplift.linear import names
from jupyter_xai.kernels.deeplift.tape import Call, Decision, Diverged, Kept, Path, Rule, Tape, own_graph

Slope = Callable[[Call, Tensor, Tensor], Tensor]
"""``slope(call, a, a0)``: the divided difference between two points, its limit where they are equal."""

BLOCK = 2**16
"""Entries of a block."""

NEAR = 1e-2
"""Below this distance a smooth function's divided difference comes from its derivative, by Simpson's rule."""


def _shrink(u: Tensor) -> Tensor:
    """(1 - exp(-u)) / u for u >= 0."""
    return torch.where(u > 0, -torch.expm1(-u) / u, 1.0)


def relu(a: Tensor, a0: Tensor) -> Tensor:
    """max(a, a0) / |a - a0|, held between 0 and 1; 0 where both are 0, as torch's gradient is.

    Examples
    --------
    >>> relu(torch.tensor([2.0, 2.0, -1.0, 0.0]), torch.tensor([-2.0, 1.0, -3.0, 0.0]))
    tensor([0.5000, 1.0000, 0.0000, 0.0000])
    """
    return torch.maximum(a, a0).div_((a - a0).abs_()).nan_to_num_(0.0).clamp_(0.0, 1.0)


def exp(a: Tensor, a0: Tensor) -> Tensor:
    """exp(max) (1 - exp(-|d|)) / |d|: never infinity times zero."""
    return torch.exp(torch.maximum(a, a0)) * _shrink((a - a0).abs())


def tanh(a: Tensor, a0: Tensor) -> Tensor:
    """tanh(d) / d (1 - tanh(a) tanh(a0))."""
    d = a - a0
    return torch.where(d != 0, torch.tanh(d) / d, 1.0) * (1.0 - torch.tanh(a) * torch.tanh(a0))


def sigmoid(a: Tensor, a0: Tensor) -> Tensor:
    """A quarter of the tanh of half the argument."""
    return tanh(a / 2, a0 / 2) / 4


def log(a: Tensor, a0: Tensor) -> Tensor:
    """log1p(d / a0) / d, from the smaller of the two."""
    low, d = torch.minimum(a, a0), (a - a0).abs()
    return torch.where(d > 0, torch.log1p(d / low) / d, 1.0 / low)


def sqrt(a: Tensor, a0: Tensor) -> Tensor:
    """1 / (sqrt(a) + sqrt(a0)); 0 where both are 0."""
    total = a.sqrt() + a0.sqrt()
    return torch.where(total > 0, 1.0 / total, 0.0)


def rsqrt(a: Tensor, a0: Tensor) -> Tensor:
    """-1 / (s s0 (s + s0)) with the square roots s and s0."""
    s, s0 = a.sqrt(), a0.sqrt()
    return -1.0 / (s * s0 * (s + s0))


def sine(a: Tensor, a0: Tensor) -> Tensor:
    """cos(mid) sin(d/2) / (d/2)."""
    return torch.cos((a + a0) / 2) * torch.sinc((a - a0) / (2 * math.pi))


def cosine(a: Tensor, a0: Tensor) -> Tensor:
    """-sin(mid) sin(d/2) / (d/2)."""
    return -torch.sin((a + a0) / 2) * torch.sinc((a - a0) / (2 * math.pi))


def softplus(a: Tensor, a0: Tensor) -> Tensor:
    """log1p(expm1(|d|) sigmoid(low)) / |d|, without its overflow."""
    low, d = torch.minimum(a, a0), (a - a0).abs()
    far = F.softplus(torch.maximum(a, a0)) - F.softplus(low)
    near = torch.log1p(torch.expm1(d.clamp(max=1.0)) * torch.sigmoid(low))
    return torch.where(d > 0, torch.where(d < 1, near, far) / d, torch.sigmoid(low))


def power(call: Call, a: Tensor, a0: Tensor) -> Tensor:
    """Divided difference of a power: closed for the usual exponents."""
    exponent = call.arg(1, "exponent")
    closed: dict[float, Callable[[], Tensor]] = {
        0.0: lambda: torch.zeros_like(a),
        1.0: lambda: torch.ones_like(a),
        2.0: lambda: a + a0,
        3.0: lambda: a * a + a * a0 + a0 * a0,
        4.0: lambda: (a + a0) * (a * a + a0 * a0),
        0.5: lambda: sqrt(a, a0),
        -0.5: lambda: rsqrt(a, a0),
        -1.0: lambda: -1.0 / (a * a0),
        -2.0: lambda: -(a + a0) / (a * a0) ** 2,
    }
    if isinstance(exponent, Tensor):
        if exponent.numel() > 1:
            return smooth(call, a, a0)
        exponent = float(exponent)
    return closed[exponent]() if exponent in closed else smooth(call, a, a0)


def pieces(points: tuple[float, ...], slopes: tuple[float, ...], call: Call, a: Tensor, a0: Tensor) -> Tensor:
    """A broken line: the slope within a piece, the quotient across pieces."""
    bounds = torch.tensor(points, dtype=a.dtype, device=a.device)
    piece, piece0 = torch.bucketize(a.contiguous(), bounds), torch.bucketize(a0.contiguous(), bounds)
    within = torch.tensor(slopes, dtype=a.dtype, device=a.device)[piece]
    return torch.where(piece == piece0, within, quotient(call, a, a0))


def quotient(call: Call, a: Tensor, a0: Tensor) -> Tensor:
    """(f(a) - f(a0)) / (a - a0); 0 where they are equal."""
    d = a - a0
    rise: Tensor = call.replaced(((0,),), (a,)).run() - call.replaced(((0,),), (a0,)).run()
    return torch.where(d != 0, rise / d, 0.0)


def derivative(call: Call, at: Tensor) -> Tensor:
    """f'(at), by torch; 0 where it has none."""
    with own_graph():
        point = at.detach().requires_grad_()
        y = call.function(point, *call.args[1:], **call.kwargs)
        if not y.requires_grad:
            return torch.zeros_like(at)
        return torch.autograd.grad(y.sum(), point)[0]


def smooth(call: Call, a: Tensor, a0: Tensor) -> Tensor:
    """The quotient, and for near points Simpson's rule on the derivative (error d^4)."""
    m = quotient(call, a, a0)
    near = (a - a0).abs() < NEAR
    if not bool(near.any()):
        return m
    if any(
        isinstance(arg, Tensor) and arg.dim() for arg in call.args[1:]
    ):  # not a function of one number alone
        low, high = a0, a
    else:
        low, high = a0[near], a[near]
    mean = (derivative(call, low) + 4 * derivative(call, (low + high) / 2) + derivative(call, high)) / 6
    if low is a0:
        return torch.where(near, mean, m)
    m[near] = mean
    return m


def _leaky(call: Call, a: Tensor, a0: Tensor) -> Tensor:
    slope = float(call.arg(1, "negative_slope", 0.01))
    return slope + (1.0 - slope) * relu(a, a0)


def _prelu(call: Call, a: Tensor, a0: Tensor) -> Tensor:
    weight: Tensor = call.arg(1, "weight").detach()
    if weight.numel() > 1 and a.dim() > 1:
        weight = weight.reshape(1, -1, *([1] * (a.dim() - 2)))
    return weight + (1.0 - weight) * relu(a, a0)


def _exponential_unit(call: Call, a: Tensor, a0: Tensor, alpha: float, scale: float, width: float) -> Tensor:
    """One line above 0, scale alpha (exp(a / width) - 1) below."""
    below = scale * alpha / width * exp(a.clamp(max=0.0) / width, a0.clamp(max=0.0) / width)
    up, up0 = a > 0, a0 > 0
    return torch.where(up & up0, scale, torch.where(up ^ up0, quotient(call, a, a0), below))


def _elu(call: Call, a: Tensor, a0: Tensor) -> Tensor:
    alpha, scale = call.arg(1, "alpha", 1.0), call.arg(2, "scale", 1.0)
    return _exponential_unit(call, a, a0, alpha, scale, 1.0 / call.arg(3, "input_scale", 1.0))


def _celu(call: Call, a: Tensor, a0: Tensor) -> Tensor:
    alpha = call.arg(1, "alpha", 1.0)
    return _exponential_unit(call, a, a0, alpha, 1.0, alpha)


def _selu(call: Call, a: Tensor, a0: Tensor) -> Tensor:
    return _exponential_unit(call, a, a0, 1.6732632423543772, 1.0507009873554805, 1.0)


def _hardtanh(call: Call, a: Tensor, a0: Tensor) -> Tensor:
    low, high = float(call.arg(1, "min_val", -1.0)), float(call.arg(2, "max_val", 1.0))
    return pieces((low, high), (0.0, 1.0, 0.0), call, a, a0)


def _clamp(call: Call, a: Tensor, a0: Tensor) -> Tensor:
    low = None if call.name == "clamp_max" else call.arg(1, "min")
    high = None if call.name == "clamp_min" else call.arg(1 if call.name == "clamp_max" else 2, "max")
    if isinstance(low, Tensor) or isinstance(high, Tensor):
        d = a - a0
        inside = torch.ones_like(a)
        inside = inside if low is None else inside * (a >= low)
        inside = inside if high is None else inside * (a <= high)
        return torch.where(d != 0, quotient(call, a, a0), inside)
    points = tuple(float(bound) for bound in (low, high) if bound is not None)
    slopes = (*((0.0,) if low is not None else ()), 1.0, *((0.0,) if high is not None else ()))
    return pieces(points, slopes, call, a, a0)


def _hardswish(call: Call, a: Tensor, a0: Tensor) -> Tensor:
    bounds = torch.tensor((-3.0, 3.0), dtype=a.dtype, device=a.device)
    piece, piece0 = torch.bucketize(a.contiguous(), bounds), torch.bucketize(a0.contiguous(), bounds)
    within = torch.where(piece == 1, (a + a0 + 3.0) / 6.0, (piece == 2).to(a.dtype))
    return torch.where(piece == piece0, within, quotient(call, a, a0))


def _softplus(call: Call, a: Tensor, a0: Tensor) -> Tensor:
    beta, threshold = call.arg(1, "beta", 1.0), call.arg(2, "threshold", 20.0)
    linear, linear0 = a * beta > threshold, a0 * beta > threshold
    m = softplus(a * beta, a0 * beta)
    return torch.where(linear & linear0, 1.0, torch.where(linear ^ linear0, quotient(call, a, a0), m))


def _jump(call: Call, a: Tensor, a0: Tensor) -> Tensor:
    return quotient(call, a, a0)


def _of_two(function: Callable[[Tensor, Tensor], Tensor]) -> Slope:
    return lambda _, a, a0: blockwise(function, a, a0)


def blockwise(function: Callable[..., Any], *tensors: Tensor) -> Any:
    """A function entry by entry, in blocks that stay in the processor's cache from step to step.

    Parameters
    ----------
    function : callable
        Takes as many tensors as are given, returns one or a tuple of the same shape.
    tensors : Tensor
        Of one shape.
    """
    first = tensors[0]
    alike = all(t.is_contiguous() and t.shape == first.shape for t in tensors)
    if not alike or first.numel() <= 2 * BLOCK or first.device.type != "cpu":
        return function(*tensors)
    blocks = zip(*(torch.split(t.view(-1), BLOCK) for t in tensors), strict=True)
    found = [function(*parts) for parts in blocks]
    if isinstance(found[0], Tensor):
        return torch.cat(found).view(first.shape)
    return tuple(torch.cat(parts).view(first.shape) for parts in zip(*found, strict=True))


SLOPES: dict[str, Slope] = {
    "relu": _of_two(relu),
    "exp": _of_two(exp),
    "tanh": _of_two(tanh),
    "sigmoid": _of_two(sigmoid),
    "log": _of_two(log),
    "log1p": lambda _, a, a0: log(1.0 + a, 1.0 + a0),
    "expm1": _of_two(exp),
    "sqrt": _of_two(sqrt),
    "rsqrt": _of_two(rsqrt),
    "square": lambda _, a, a0: a + a0,
    "reciprocal": lambda _, a, a0: -1.0 / (a * a0),
    "sin": _of_two(sine),
    "cos": _of_two(cosine),
    "pow": power,
    "float_power": power,
    "abs": lambda call, a, a0: pieces((0.0,), (-1.0, 1.0), call, a, a0),
    "absolute": lambda call, a, a0: pieces((0.0,), (-1.0, 1.0), call, a, a0),
    "relu6": lambda call, a, a0: pieces((0.0, 6.0), (0.0, 1.0, 0.0), call, a, a0),
    "leaky_relu": _leaky,
    "prelu": _prelu,
    "elu": _elu,
    "celu": _celu,
    "selu": _selu,
    "hardtanh": _hardtanh,
    "clamp": _clamp,
    "clip": _clamp,
    "clamp_min": _clamp,
    "clamp_max": _clamp,
    "hardsigmoid": lambda call, a, a0: pieces((-3.0, 3.0), (0.0, 1.0 / 6.0, 0.0), call, a, a0),
    "hardswish": _hardswish,
    "softplus": _softplus,
    "log_sigmoid": lambda _, a, a0: softplus(-a, -a0),
    "logsigmoid": lambda _, a, a0: softplus(-a, -a0),
    **dict.fromkeys(("round", "floor", "ceil", "trunc", "fix", "sign", "sgn", "heaviside"), _jump),
}
"""Divided differences that have a closed form."""

SMOOTH = names(
    """
    gelu silu mish erf erfc special_erf special_erfc erfinv tan asin acos atan arcsin arccos arctan sinh cosh asinh
    acosh atanh arcsinh arccosh arctanh exp2 log2 log10 logit special_logit special_expit sinc digamma lgamma i0 i0e
    special_entr special_ndtr
    """
)
"""Smooth functions without one."""

BROKEN = names("softshrink hardshrink threshold frac fmod remainder floor_divide rrelu")
"""Functions of one number with corners or jumps, without one."""


class Elementwise(Rule):
    """A function of one number (Rescale): multiplier times divided difference."""

    def __init__(self, call: Call, operands: tuple[Path, ...], tape: Tape) -> None:
        super().__init__(call, operands, tape)
        self._slope = slope_of(call)
        self._a: Kept | None = None
        self._m: Tensor | None = None

    def explained(self, call: Call) -> Tensor:
        """f(a)."""
        self._a = self.keep(call, (0,))
        y: Tensor = call.run()
        return y

    def reference(self, call: Call) -> Tensor:
        """f(a0), and the divided difference."""
        assert self._a is not None
        a, a0 = self._a.tensor, call.args[0].detach()
        if a.shape != a0.shape:
            raise Diverged(f"{self.name} of {tuple(a.shape)}", f"{tuple(a0.shape)}")
        y: Tensor = call.run()
        self._m = self._slope(call, a, a0)
        self._a = None
        return y

    def backward(self, *multipliers: Tensor) -> tuple[Tensor | None, ...]:
        """Scale."""
        assert self._m is not None
        return (multipliers[0] * self._m,)


def _cornered(call: Call, a: Tensor, a0: Tensor) -> Tensor:
    """The quotient; the derivative where both points are equal."""
    m = quotient(call, a, a0)
    same = a == a0
    return torch.where(same, derivative(call, a0), m) if bool(same.any()) else m


def slope_of(call: Call) -> Slope:
    """The divided difference of a call's function."""
    return SLOPES.get(call.name, smooth if call.name in SMOOTH else _cornered)


def elementwise(call: Call, tape: Tape) -> Decision:
    """The rule of a function of one number, if its number is live."""
    first: Any = call.args[0] if call.args else None
    if not (isinstance(first, Tensor) and first.requires_grad):
        return None
    if first.is_complex():
        if call.name in {"abs", "absolute"}:
            return lambda z: torch.sqrt(z.real * z.real + z.imag * z.imag)
        tape.note(call.name)
        return Integral(call, ((0,),), tape)
    return Elementwise(call, ((0,),), tape)


def clamp(call: Call, tape: Tape) -> Decision:
    """Bounds that are live compete with the value."""
    if len(call.paths(lambda t: t.requires_grad)) == 1 and call.args[0].requires_grad:
        return elementwise(call, tape)
    first = "max" if call.name == "clamp_max" else "min"

    def by_bounds(x: Tensor, *given: Any, **named: Any) -> Tensor:
        named = {**dict(zip((first, "max"), given, strict=False)), **named}
        for name, function in (("min", torch.maximum), ("max", torch.minimum)):
            bound = named.get(name)
            if bound is not None:
                x = function(x, bound if isinstance(bound, Tensor) else x.new_tensor(bound))
        return x

    return by_bounds
