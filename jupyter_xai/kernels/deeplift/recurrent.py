"""LSTM, GRU and RNN layers: unrolled, with the rules of their gates in closed form.

A layer is a linear call on all steps at once and a recurrence, one for each direction. The recurrence is one rule: the
products of gates and values, sigmoid and tanh of every step get their factors in a few calls over all steps, and
the way back is one short loop.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 - its usual name
from torch import Tensor
from torch.overrides import handle_torch_function

from jupyter_xai.kernels.deeplift import elementwise
from jupyter_xai.kernels.deeplift.tape import Call, Decision, Diverged, Path, Rule, Tape

States = tuple[Tensor, ...]


@dataclass(frozen=True)
class Weights:
    """Weights of one layer and direction; ``proj`` makes a shorter h of an LSTM's."""

    ih: Tensor
    hh: Tensor
    b_ih: Tensor | None = None
    b_hh: Tensor | None = None
    proj: Tensor | None = None


class Cell:
    """One step, what is kept of it, and the way back."""

    def step(self, pre: Tensor, states: States, w: Weights) -> tuple[States, States]:
        """New states and what is kept of the step."""
        raise NotImplementedError

    def factors(self, kept: States, kept0: States) -> States:
        """What the way back multiplies by, for all steps at once."""
        raise NotImplementedError

    def back(self, factors: States, states: States, w: Weights) -> tuple[Tensor, States]:
        """Multipliers of the input's part and of the states before the step."""
        raise NotImplementedError


class LSTM(Cell):
    """c' = f c + i g, h' = o tanh(c')."""

    def step(self, pre: Tensor, states: States, w: Weights) -> tuple[States, States]:
        """One step."""
        h, c = states
        gates = _gates(pre, h, w)
        i, f, g, o = gates.chunk(4, 1)
        new = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        h = torch.sigmoid(o) * torch.tanh(new)
        return (h if w.proj is None else h @ w.proj.mT, new), (gates, c, new)

    def factors(self, kept: States, kept0: States) -> States:
        """Of c' by h', of the gates by c' and h', of c by c'."""
        (gates, c, new), (gates0, c0, new0) = kept, kept0
        i, f, g, o = gates.chunk(4, 1)
        i0, f0, g0, o0 = gates0.chunk(4, 1)
        by_c = _mean(torch.sigmoid, o, o0) * elementwise.tanh(new, new0)
        by_gates = torch.cat(
            [
                _mean(torch.tanh, g, g0) * elementwise.sigmoid(i, i0),
                (c + c0) / 2 * elementwise.sigmoid(f, f0),
                _mean(torch.sigmoid, i, i0) * elementwise.tanh(g, g0),
                _mean(torch.tanh, new, new0) * elementwise.sigmoid(o, o0),
            ],
            1,
        )
        return by_c, by_gates, _mean(torch.sigmoid, f, f0)

    def back(self, factors: States, states: States, w: Weights) -> tuple[Tensor, States]:
        """One step back."""
        (h, c), (by_c, by_gates, by_old) = states, factors
        h = h if w.proj is None else h @ w.proj
        c = torch.addcmul(c, h, by_c)
        gates = torch.cat([c, c, c, h], 1).mul_(by_gates)
        return gates, (gates @ w.hh, c * by_old)


class GRU(Cell):
    """n = tanh(x_n + r (U h + b)), h' = n + z (h - n)."""

    def step(self, pre: Tensor, states: States, w: Weights) -> tuple[States, States]:
        """One step."""
        (h,) = states
        xr, xz, xn = pre.chunk(3, 1)
        ur, uz, un = F.linear(h, w.hh, w.b_hh).chunk(3, 1)
        r, z = xr + ur, xz + uz
        inner = xn + torch.sigmoid(r) * un
        n = torch.tanh(inner)
        return (n + torch.sigmoid(z) * (h - n),), (r, z, un, inner, h)

    def factors(self, kept: States, kept0: States) -> States:
        """Of the gates and of U h + b by h', of h by h'."""
        (r, z, un, inner, h), (r0, z0, un0, inner0, h0) = kept, kept0
        gate = _mean(torch.sigmoid, z, z0)
        by_z = ((h - torch.tanh(inner)) + (h0 - torch.tanh(inner0))) / 2 * elementwise.sigmoid(z, z0)
        by_n = (1 - gate) * elementwise.tanh(inner, inner0)
        by_r = by_n * (un + un0) / 2 * elementwise.sigmoid(r, r0)
        return torch.cat([by_r, by_z, by_n], 1), by_n * _mean(torch.sigmoid, r, r0), gate

    def back(self, factors: States, states: States, w: Weights) -> tuple[Tensor, States]:
        """One step back."""
        (h,), (by_gates, by_un, by_old) = states, factors
        gates = h.repeat(1, 3).mul_(by_gates)
        inner = torch.cat([gates[:, : 2 * h.shape[1]], h * by_un], 1)
        return gates, (torch.addcmul(inner @ w.hh, h, by_old),)


class RNN(Cell):
    """h' = f(x + U h).

    Parameters
    ----------
    function : callable
        f.
    slope : callable
        Its divided difference.
    """

    def __init__(
        self, function: Callable[[Tensor], Tensor], slope: Callable[[Tensor, Tensor], Tensor]
    ) -> None:
        self._function = function
        self._slope = slope

    def step(self, pre: Tensor, states: States, w: Weights) -> tuple[States, States]:
        """One step."""
        inner = _gates(pre, states[0], w)
        return (self._function(inner),), (inner,)

    def factors(self, kept: States, kept0: States) -> States:
        """Of the inner value by h'."""
        return (self._slope(kept[0], kept0[0]),)

    def back(self, factors: States, states: States, w: Weights) -> tuple[Tensor, States]:
        """One step back."""
        gates = states[0] * factors[0]
        return gates, (gates @ w.hh,)


CELLS: dict[str, Cell] = {
    "lstm": LSTM(),
    "gru": GRU(),
    "rnn_tanh": RNN(torch.tanh, elementwise.tanh),
    "rnn_relu": RNN(torch.relu, elementwise.relu),
}


def _gates(pre: Tensor, h: Tensor, w: Weights) -> Tensor:
    found = torch.addmm(pre, h, w.hh.mT)
    return found if w.b_hh is None else found + w.b_hh


def _mean(function: Callable[[Tensor], Tensor], a: Tensor, a0: Tensor) -> Tensor:
    return (function(a) + function(a0)) / 2


@dataclass(frozen=True)
class Direction:
    """One direction of a layer.

    Parameters
    ----------
    kind : str
        A key of ``CELLS``.
    sizes : tuple of int
        Rows of each step, the longest sequence first.
    reverse : bool
    """

    kind: str
    sizes: tuple[int, ...]
    reverse: bool

    @property
    def order(self) -> Sequence[int]:
        """Steps in the order in which they are made."""
        return range(len(self.sizes))[:: -1 if self.reverse else 1]

    def parts(self, flat: Tensor) -> list[Tensor]:
        """What belongs to each step."""
        return list(torch.split(flat, list(self.sizes)))


def recurrence(pre: Tensor, states: States, weights: States, w: Weights, direction: Direction) -> States:
    """All steps of one direction: the h of every step, then the states at the end. A call of ours, met by the passes.

    Parameters
    ----------
    pre : Tensor of shape (sum of sizes, gates)
        The input's part of every step.
    states : tuple of Tensor
        At the start.
    weights : tuple of Tensor
        Those of ``w`` that the recurrence uses, so that they are seen.
    w : Weights
    direction : Direction
    """
    found: States = handle_torch_function(
        recurrence, (pre, *states, *weights), pre, states, weights, w, direction
    )
    return found


def _unroll(
    pre: Tensor, states: States, _: States, w: Weights, direction: Direction
) -> tuple[States, list[States]]:
    """Result and what every step kept, in the order of the sequence."""
    cell, parts = CELLS[direction.kind], direction.parts(pre)
    kept: list[Any] = [None] * len(parts)
    outputs: list[Any] = [None] * len(parts)
    for t in direction.order:
        n = direction.sizes[t]
        after, kept[t] = cell.step(parts[t], tuple(s[:n] for s in states), w)
        outputs[t] = after[0]
        states = _joined(after, states, n)
    return (torch.cat(outputs), *states), kept


def _joined(some: States, states: States, n: int) -> States:
    """States of which the first n rows are new."""
    if n == len(states[0]):
        return some
    return tuple(torch.cat([new, old[n:]]) for new, old in zip(some, states, strict=True))


class Recurrence(Rule):
    """All steps of one direction."""

    def __init__(self, call: Call, operands: tuple[Path, ...], tape: Tape) -> None:
        super().__init__(call, operands, tape)
        self._w: Weights = call.args[3]
        self._direction: Direction = call.args[4]
        self._kept: list[States] = []

    def explained(self, call: Call) -> States:
        """Every step."""
        with torch.no_grad():
            found, self._kept = _unroll(*call.args)
        return found

    def reference(self, call: Call) -> States:
        """Every step; the factors of all."""
        if call.args[4] != self._direction:
            raise Diverged(f"{len(self._direction.sizes)} steps", f"{len(call.args[4].sizes)} steps")
        with torch.no_grad():
            found, kept0 = _unroll(*call.args)
            kept = tuple(torch.cat(part) for part in zip(*self._kept, strict=True))
            factors = CELLS[self._direction.kind].factors(
                kept, tuple(torch.cat(part) for part in zip(*kept0, strict=True))
            )
        self._kept = []
        self._factors = list(zip(*(self._direction.parts(factor) for factor in factors), strict=True))
        return found

    def backward(self, *multipliers: Tensor) -> tuple[Tensor | None, ...]:
        """Step by step, the other way."""
        states: States = multipliers[1:]
        cell, parts = CELLS[self._direction.kind], self._direction.parts(multipliers[0])
        found: list[Any] = [None] * len(parts)
        for t in reversed(self._direction.order):
            n = self._direction.sizes[t]
            h, *rest = (s[:n] for s in states)
            found[t], before = cell.back(self._factors[t], (h + parts[t], *rest), self._w)
            states = _joined(before, states, n)
        every: dict[Path, Tensor] = {(0,): torch.cat(found)}
        every |= {(1, i): state for i, state in enumerate(states)}
        return tuple(every[path] for path in self.operands)


def _by_steps(pre: Tensor, states: States, weights: States, w: Weights, direction: Direction) -> States:
    """The same steps as calls of their own, for weights that depend on the input."""
    return _unroll(pre, states, weights, w, direction)[0]


def make(call: Call, tape: Tape) -> Decision:
    """One rule for all steps, or the steps themselves where the weights are live."""
    if any(weight.requires_grad for weight in call.args[2]):
        return _by_steps
    return Recurrence(call, call.paths(lambda t: t.requires_grad), tape)


def _layers(kind: str) -> Callable[..., Any]:
    """The body of ``torch.lstm`` and its like: padded, or packed with the sizes of the steps after the data."""

    def body(x: Tensor, *rest: Any) -> Any:
        packed = not isinstance(rest[0 if kind == "lstm" else 1], list | tuple)
        start, flat, has_bias, n_layers, _, _, both, *last = rest[1:] if packed else rest
        batch_first = bool(last and last[0])
        sizes, shape = tuple(rest[0].tolist()) if packed else (), x.shape
        if not packed:
            x = x.transpose(0, 1) if batch_first else x
            shape = x.shape[:2]
            sizes = (shape[1],) * shape[0]
            x = x.reshape(-1, x.shape[2])
        starts = tuple(start) if kind == "lstm" else (start,)
        layers = [
            _weights(flat, at, n_layers * (2 if both else 1), has_bias=has_bias)
            for at in range(len(starts[0]))
        ]
        x, ends = _stack(kind, x, starts, sizes, layers, 2 if both else 1)
        if not packed:
            x = x.reshape(*shape, -1)
            x = x.transpose(0, 1) if batch_first else x
        return (x, *(torch.stack(part) for part in zip(*ends, strict=True)))

    return body


def _stack(
    kind: str, x: Tensor, starts: States, sizes: tuple[int, ...], layers: list[Weights], directions: int
) -> tuple[Tensor, list[States]]:
    """All layers on flat steps: the last one's h, and the end states of each layer and direction."""
    ends: list[States] = []
    for first in range(0, len(layers), directions):
        outputs = []
        for reverse in range(directions):
            at = first + reverse
            w = layers[at]
            pre = F.linear(x, w.ih, w.b_ih)
            used = tuple(t for t in (w.hh, w.b_hh, w.proj) if t is not None)
            direction = Direction(kind, sizes, bool(reverse))
            h, *end = recurrence(pre, tuple(s[at] for s in starts), used, w, direction)
            outputs.append(h)
            ends.append(tuple(end))
        x = torch.cat(outputs, 1) if directions > 1 else outputs[0]
    return x, ends


def _weights(flat: Sequence[Tensor], at: int, count: int, *, has_bias: bool) -> Weights:
    """Those of one of ``count`` layers and directions."""
    per = len(flat) // count
    ih, hh, *rest = flat[per * at : per * (at + 1)]
    b_ih, b_hh = rest[:2] if has_bias else (None, None)
    proj = rest[2 if has_bias else 0 :]
    return Weights(ih, hh, b_ih, b_hh, proj[0] if proj else None)


LAYERS = {kind: _layers(kind) for kind in CELLS}
"""Bodies of torch's recurrent layers, by name."""
