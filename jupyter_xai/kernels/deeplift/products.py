"""Products of two live operands: each is credited with the other's mean, which is the two-player Shapley value.

Lundberg & Lee (2017) and shap's rules for TensorFlow have the elementwise case; any bilinear call is alike.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, ClassVar

import torch
from torch import Tensor

from jupyter_xai.kernels.deeplift.elementwise import elementwise
from jupyter_xai.kernels.deeplift.integral import Integral
from jupyter_xai.kernels.deeplift.tape import (
    MARK,
    Call,
    Decision,
    Diverged,
    Kept,
    Mark,
    Path,
    Rule,
    Tape,
    own_graph,
)


class Product(Rule):
    """A bilinear call: the multiplier of an operand is the gradient with the other one at its mean.

    Parameters
    ----------
    call : Call
    operands : tuple of Path
        The two.
    tape : Tape
    """

    def __init__(self, call: Call, operands: tuple[Path, ...], tape: Tape) -> None:
        super().__init__(call, operands, tape)
        self._kept: tuple[Kept, ...] = ()
        self._means: tuple[Tensor, ...] = ()
        self._ends: tuple[tuple[Tensor, ...], ...] = ()

    def explained(self, call: Call) -> Tensor:
        """The product."""
        self._kept = tuple(self.keep(call, path) for path in self.operands)
        y: Tensor = call.run()
        return y

    def reference(self, call: Call) -> Tensor:
        """The product of the reference, and the means."""
        means, ends = [], []
        for kept, path in zip(self._kept, self.operands, strict=True):
            b = call.at(path).detach()
            if b.shape != kept.tensor.shape:
                raise Diverged(f"{self.name} of {tuple(kept.tensor.shape)}", f"{tuple(b.shape)}")
            means.append((kept.tensor + b) / 2)
            ends.append((kept.tensor, b))
        self._means, self._kept = tuple(means), ()
        self._ends = tuple(zip(*ends, strict=True))
        self._prepare(call)
        self._ends = ()
        y: Tensor = call.run()
        return y

    def _prepare(self, call: Call) -> None:
        """What a subclass needs besides the means."""


class Elementwise(Product):
    """Entry by entry."""

    def backward(self, *multipliers: Tensor) -> tuple[Tensor | None, ...]:
        """Times the other's mean, summed where an operand was broadcast."""
        m, (a, b) = multipliers[0], self._means
        return (m * b).sum_to_size(a.shape), (m * a).sum_to_size(b.shape)


class Quotient(Product):
    """a / b where b scales several entries: dy = (da - mean(y) db) / mean(b).

    Numerator and divisor belong together there (a norm, a sum), and the two-player value would pair each with the
    other's reference, however small that is. Where b changes its sign it is the product with 1 / b.
    """

    inverse: ClassVar[bool] = False
    """Whether the second operand is q = 1 / b."""

    def _prepare(self, call: Call) -> None:  # noqa: ARG002 - every rule is called alike
        (a, b), (a0, b0) = self._ends
        if self.inverse:
            q, q0, b, b0 = b, b0, 1.0 / b, 1.0 / b0
        safe = b * b0 > 0
        self._by_a = torch.where(safe, 2.0 / (b + b0), (1.0 / b + 1.0 / b0) / 2)
        by_b = torch.where(safe, -(a / b + a0 / b0) / (b + b0), -(a + a0) / (2.0 * b * b0))
        self._by_b = -by_b / (q * q0) if self.inverse else by_b

    def backward(self, *multipliers: Tensor) -> tuple[Tensor | None, ...]:
        """To numerator and divisor, summed where one was broadcast."""
        m, (a, b) = multipliers[0], self._means
        return (m * self._by_a).sum_to_size(a.shape), (m * self._by_b).sum_to_size(b.shape)


class Scaled(Quotient):
    """a * q where q is the inverse of a norm or a sum."""

    inverse = True


class Matrices(Product):
    """A matrix product with at least two dimensions each."""

    def backward(self, *multipliers: Tensor) -> tuple[Tensor | None, ...]:
        """Times the other's mean transposed, summed where an operand was broadcast."""
        m, (a, b) = multipliers[0], self._means
        return (m @ b.mT).sum_to_size(a.shape), (a.mT @ m).sum_to_size(b.shape)


class Bilinear(Product):
    """Any other call that is linear in each of two operands: convolutions by live weights, einsum."""

    def _prepare(self, call: Call) -> None:
        with own_graph():
            self._points = tuple(mean.requires_grad_() for mean in self._means)
            self._at_means = call.replaced(self.operands, self._points).evaluate()

    def backward(self, *multipliers: Tensor) -> tuple[Tensor | None, ...]:
        """Gradient at the means."""
        return torch.autograd.grad(self._at_means, self._points, multipliers[0], retain_graph=True)


def _is_live(value: Any) -> bool:
    return isinstance(value, Tensor) and value.requires_grad


def product(call: Call, tape: Tape) -> Decision:
    """The rule of a * b; None if one of them is constant."""
    if not (_is_live(call.args[0]) and _is_live(call.arg(1, "other"))):
        return None
    paths: tuple[Path, Path] = ((0,), (1,) if len(call.args) > 1 else ("other",))
    if any(call.at(path).is_complex() for path in paths):
        return Bilinear(call, paths, tape)
    for first, second in (paths, paths[::-1]):
        mark: Mark | None = getattr(call.at(second), MARK, None)
        if mark is not None and mark.inverse and _shared(call.at(second), call.at(first)):
            return Scaled(call, (first, second), tape)
    return Elementwise(call, paths, tape)


def _shared(scale: Tensor, scaled: Tensor) -> bool:
    """Whether an operand scales several entries of the other one alike."""
    pairs = zip(scale.shape, scale.stride(), strict=True)
    distinct = math.prod(size for size, stride in pairs if stride or size == 1)
    return distinct < scaled.numel()


def matrices(call: Call, tape: Tape) -> Decision:
    """The rule of a @ b; None if one of them is constant."""
    a, b = call.args[0], call.args[1] if len(call.args) > 1 else next(iter(call.kwargs.values()))
    if not (_is_live(a) and _is_live(b)):
        return None
    if a.dim() < 2 or b.dim() < 2 or a.is_complex() or b.is_complex():
        return bilinear(call, tape)
    return Matrices(call, call.paths(lambda t: t.requires_grad), tape)


def bilinear(call: Call, tape: Tape) -> Decision:
    """A call that is linear in each operand: None for one live operand, the integral for three or more."""
    live = call.paths(lambda t: t.requires_grad)
    if len(live) < 2:
        return None
    if len(live) == 2:
        return Bilinear(call, live, tape)
    return Integral(call, live, tape)  # a polynomial of low degree: the integral is exact


def layer(call: Call, tape: Tape) -> Decision:
    """A linear layer or convolution whose weight may be live; a live bias is added on its own."""
    weight, bias = call.arg(1, "weight"), call.arg(2, "bias")
    if not (_is_live(call.args[0]) and _is_live(weight)):
        return None
    if call.name == "linear":
        return lambda x, weight, bias=None: x @ weight.mT if bias is None else x @ weight.mT + bias
    if not _is_live(bias):
        return Bilinear(call, call.paths(lambda t: t.requires_grad), tape)

    def without_bias(x: Tensor, weight: Tensor, bias: Tensor, *rest: Any, **options: Any) -> Tensor:
        y: Tensor = call.function(x, weight, None, *rest, **options)
        return y + bias.reshape(-1, *([1] * (weight.dim() - 2)))

    return without_bias


def divide(call: Call, tape: Tape) -> Decision:
    """None if the divisor is constant; a quotient by what scales several entries; else a * (1 / b)."""
    rounding = call.kwargs.get("rounding_mode")
    divisor = call.arg(1, "other")
    live = _is_live(divisor)
    if not live and rounding is None:
        return None
    if rounding is None and _is_live(call.args[0]) and _shared(divisor, call.args[0]):
        return Quotient(call, ((0,), (1,) if len(call.args) > 1 else ("other",)), tape)

    def divided(a: Any, other: Any, *, rounding_mode: str | None = None) -> Any:
        found = a * torch.reciprocal(other) if live else a * (1.0 / other)
        if rounding_mode is None:
            return found
        return torch.trunc(found) if rounding_mode == "trunc" else torch.floor(found)

    return divided


def _sum_of(product_of: Callable[[Any, Any], Any]) -> Callable[[Call, Tape], Decision]:
    """What addmm and its like are: beta * first + alpha * product(second, third)."""

    def body(first: Any, second: Any, third: Any, *, beta: float = 1, alpha: float = 1) -> Any:
        return beta * first + alpha * product_of(second, third)

    def made(call: Call, tape: Tape) -> Decision:  # noqa: ARG001
        second, third = call.arg(1, "mat1"), call.arg(2, "mat2")
        return body if _is_live(second) and _is_live(third) else None

    return made


def addcmul(call: Call, tape: Tape) -> Decision:  # noqa: ARG001
    """Addition of value * second * third."""
    if not (_is_live(call.args[1]) and _is_live(call.args[2])):
        return None
    return lambda first, second, third, *, value=1: first + value * (second * third)


def addcdiv(call: Call, tape: Tape) -> Decision:  # noqa: ARG001
    """Addition of value * second / third."""
    if not _is_live(call.args[2]):
        return None
    return lambda first, second, third, *, value=1: first + value * (second / third)


def lerp(call: Call, tape: Tape) -> Decision:  # noqa: ARG001
    """A step from first to second: first + weight * (second - first)."""
    weight = call.arg(2, "weight")
    if not _is_live(weight):
        return None
    return lambda first, end, weight: first + weight * (end - first)


def power(call: Call, tape: Tape) -> Decision:
    """A power by its base, an exponential by its exponent, exp(b log a) by both."""
    base, exponent = call.args[0], call.arg(1, "exponent")
    if not _is_live(exponent):
        return elementwise(call, tape)
    if _is_live(base):
        return lambda base, exponent: torch.exp(exponent * torch.log(base))
    if isinstance(base, Tensor):
        return lambda base, exponent: torch.exp(exponent * torch.log(base))
    return lambda base, exponent: torch.exp(exponent * math.log(base))


addmm = _sum_of(torch.matmul)
addbmm = _sum_of(lambda b, c: torch.bmm(b, c).sum(0))
addr = _sum_of(torch.outer)
