"""Comparisons and what is made of them: truth values and counts whose way back goes over a float twin.

``x * (x > 0)`` or ``x[x < 0] = 0`` are functions of x like any other: a comparison is a step of the difference of its
sides, and steps have a divided difference. The tensor that the network gets is of the type it expects; its twin
has the same values as floats, and is what multiplication, ``where`` and their like are explained with.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.overrides import handle_torch_function

from jupyter_xai.kernels.deeplift.linear import names
from jupyter_xai.kernels.deeplift.tape import (
    MARK,
    Call,
    Decision,
    Diverged,
    Handled,
    Kept,
    Mark,
    Path,
    Rule,
    Tape,
    tensors_of,
)

COMPARISONS = names(
    """
    gt lt ge le eq ne greater less greater_equal less_equal not_equal __gt__ __lt__ __ge__ __le__ __eq__ __ne__
    """
)


def choose(condition: Tensor, one: Any, other: Any) -> Tensor:
    """``where`` with a condition of floats: a call of ours, met by the passes."""
    found: Tensor = handle_torch_function(choose, (condition, one, other), condition, one, other)
    return found


class Step(Rule):
    """A comparison: its truth is a step of the difference of its sides, with what changed over how far as multiplier.

    The passes give the network the truth itself and note the floats as its twin.
    """

    def explained(self, call: Call) -> Tensor:
        """The truth in floats."""
        self.truth: Tensor = call.run()
        self._d = _difference(call)
        self._y: Tensor = self.truth.to(self._d.dtype)
        found: Tensor = self._y.clone()
        return found

    def reference(self, call: Call) -> Tensor:
        """The truth at the reference; the slope of the step."""
        truth: Tensor = call.run()
        d0 = _difference(call)
        if d0.shape != self._d.shape:
            raise Diverged("a comparison", "one of another shape")
        d = self._d - d0
        self._m = torch.where(d != 0, (self._y - truth.to(d0.dtype)) / d, 0.0).nan_to_num_(0.0)
        self._shapes = tuple(call.at(path).shape for path in self.operands)
        return truth

    def backward(self, *multipliers: Tensor) -> tuple[Tensor | None, ...]:
        """Scale; the other side with the other sign."""
        m = multipliers[0] * self._m
        return tuple(
            (m if path == (0,) else -m).sum_to_size(shape)
            for path, shape in zip(self.operands, self._shapes, strict=True)
        )


def _difference(call: Call) -> Tensor:
    one, other = (t.detach() if isinstance(t, Tensor) else t for t in (call.args[0], call.arg(1, "other")))
    found: Tensor = one - other
    return found


def compare(call: Call, tape: Tape) -> Decision:
    """The rule of a comparison."""
    return Step(call, call.paths(lambda t: t.requires_grad), tape)


class Choose(Rule):
    """c a + (1 - c) b: a product for each side, without multiplying what is not chosen."""

    def explained(self, call: Call) -> Tensor:
        """Where."""
        self._kept: tuple[Kept, ...] = tuple(self.tape.keep(t) for t in self._all(call))
        return self._value(call)

    def reference(self, call: Call) -> Tensor:
        """Where, and the means."""
        self._means = tuple(
            (kept.tensor + t.detach()) / 2 for kept, t in zip(self._kept, self._all(call), strict=True)
        )
        return self._value(call)

    def _all(self, call: Call) -> tuple[Tensor, ...]:
        like = next(t for t in call.args if isinstance(t, Tensor) and t.is_floating_point())
        return tuple(
            t.to(like.dtype)
            if isinstance(t, Tensor)
            else torch.as_tensor(t, dtype=like.dtype, device=like.device)
            for t in call.args
        )

    def _value(self, call: Call) -> Tensor:
        c, a, b = self._all(call)
        return torch.where(c > 0.5, a, b).detach()

    def backward(self, *multipliers: Tensor) -> tuple[Tensor | None, ...]:
        """To the live ones of condition and sides."""
        m, (c, a, b) = multipliers[0], self._means
        every: dict[Path, Callable[[], Tensor]] = {
            (0,): lambda: (m * (a - b).nan_to_num(0.0)).sum_to_size(c.shape),
            (1,): lambda: (m * c).sum_to_size(a.shape),
            (2,): lambda: (m * (1 - c)).sum_to_size(b.shape),
        }
        return tuple(every[path]() for path in self.operands)


def make_choose(call: Call, tape: Tape) -> Decision:
    """The rule of ``choose``."""
    return Choose(call, call.paths(lambda t: t.requires_grad), tape)


# --- calls on twins: the same as functions of floats -------------------------------------------------------


def _cast(x: Tensor, *_: Any, **__: Any) -> Tensor:
    return x


def _not(x: Tensor) -> Tensor:
    return 1.0 - x


def _and(x: Any, other: Any) -> Any:
    return x * other


def _or(x: Any, other: Any) -> Any:
    return x + other - x * other


def _xor(x: Any, other: Any) -> Any:
    return x + other - 2.0 * (x * other)


def _sum(x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    kwargs.pop("dtype", None)
    return x.sum(*args, **kwargs)


def _mean(x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    kwargs.pop("dtype", None)
    return x.mean(*args, **kwargs)


def _any(x: Tensor, dim: Any = None, keepdim: bool = False) -> Tensor:
    return torch.amax(x, () if dim is None else dim, keepdim=keepdim)


def _all(x: Tensor, dim: Any = None, keepdim: bool = False) -> Tensor:
    return torch.amin(x, () if dim is None else dim, keepdim=keepdim)


def _where(condition: Tensor, one: Any, other: Any) -> Tensor:
    return choose(condition, one, other)


def _masked_fill(x: Tensor, mask: Tensor, value: Any) -> Tensor:
    return choose(mask, value, x)


def _set(x: Tensor, mask: Tensor, value: Any) -> Tensor:
    mask = mask.reshape(*mask.shape, *([1] * (x.dim() - mask.dim())))
    return choose(mask, value, x)


TWINNED: dict[str, Callable[..., Any]] = {
    **dict.fromkeys(
        ("to", "float", "double", "half", "bfloat16", "type", "type_as", "long", "int", "bool"), _cast
    ),
    **dict.fromkeys(("logical_not", "bitwise_not", "__invert__"), _not),
    **dict.fromkeys(("logical_and", "bitwise_and", "__and__", "__rand__"), _and),
    **dict.fromkeys(("logical_or", "bitwise_or", "__or__", "__ror__"), _or),
    **dict.fromkeys(("logical_xor", "bitwise_xor", "__xor__"), _xor),
    **dict.fromkeys(("mul", "multiply", "__mul__", "__rmul__"), _and),
    "sum": _sum,
    "mean": _mean,
    "any": _any,
    "all": _all,
    "where": _where,
    "masked_fill": _masked_fill,
    "__setitem__": _set,
}
"""What a call on truth values is as a function of floats. Moves (reshape, index) and sums stay themselves."""


@dataclass(frozen=True)
class Twinned(Handled):
    """The decision to explain a call on truth values by its twin.

    Parameters
    ----------
    paths : tuple of Path
        Where the truth values are.
    body : callable
        The call as a function of floats.
    """

    paths: tuple[Path, ...]
    body: Callable[..., Any]

    @classmethod
    def of(cls, call: Call, *, moves: bool) -> Twinned | None:
        """The decision for one call; None if there is no twin or the call is not one on truth values."""
        paths = call.paths(_has_twin)
        moves = moves and all(path[0] == 0 for path in paths)
        known = call.name in TWINNED
        if call.name == "__setitem__":
            known = paths == ((1,),) and _spreads(call)
        if call.name == "where":
            known = len(call.args) == 3
        if not paths or not (moves or known):
            return None
        return cls(paths, TWINNED.get(call.name, call.function))

    def floats(self, call: Call, values: tuple[Tensor, ...]) -> Call:
        """The call on floats."""
        given = [t for t in tensors_of(call.args) if t.is_floating_point()]
        dtype = given[0].dtype if given else torch.get_default_dtype()
        return call.replaced(self.paths, tuple(v if v.is_floating_point() else v.to(dtype) for v in values))

    def answer(self, call: Call, twin: Tensor) -> Tensor:
        """What the network gets: of the type it expects, with the twin noted."""
        found: Tensor = call.run()
        if found.is_floating_point():
            return twin.to(found.dtype)
        setattr(found, MARK, Mark(twin=twin, source=call.name))
        return found


def _has_twin(tensor: Tensor) -> bool:
    mark: Mark | None = getattr(tensor, MARK, None)
    return mark is not None and mark.twin is not None and not tensor.is_floating_point()


def _spreads(call: Call) -> bool:
    """Whether what is written by a mask is the same for every place."""
    value = call.args[2]
    return not isinstance(value, Tensor) or value.dim() == 0
