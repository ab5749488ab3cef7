"""Maxima: of a tensor along dimensions, of two tensors, of windows that may overlap."""

from __future__ import annotations

import itertools
import math
from functools import cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

from jupyter_xai.kernels.deeplift.extremes import CHUNK, slopes
from jupyter_xai.kernels.deeplift.tape import Call, Decision, Diverged, Kept, Path, Rule, Tape


class _Maximum(Rule):
    """What all maxima share.

    Parameters
    ----------
    call : Call
    operands : tuple of Path
    tape : Tape
    """

    def __init__(self, call: Call, operands: tuple[Path, ...], tape: Tape) -> None:
        super().__init__(call, operands, tape)
        self._kept: tuple[Kept, ...] = ()
        self._sign = -1.0 if call.name in {"min", "amin", "minimum", "fmin"} else 1.0
        self._by_winner = tape.settings.max_rule == "winner"

    def explained(self, call: Call) -> Any:
        """The call itself."""
        self._kept = tuple(self.keep(call, path) for path in self.operands)
        return call.run()

    def reference(self, call: Call) -> Any:
        """The call itself; multipliers of all entries."""
        a = tuple(kept.tensor for kept in self._kept)
        a0 = tuple(call.at(path).detach() for path in self.operands)
        if [t.shape for t in a] != [t.shape for t in a0]:
            raise Diverged(self.name, f"{self.name} of another shape")
        self._kept = ()
        return self._meet(call, a, a0)

    def _meet(self, call: Call, a: tuple[Tensor, ...], a0: tuple[Tensor, ...]) -> Any:
        """Work the multipliers out, and evaluate the call on the reference."""
        raise NotImplementedError

    def _slopes(self, a: Tensor, a0: Tensor) -> Tensor:
        if self._sign < 0:
            a, a0 = -a, -a0
        return slopes(a, a0, by_winner=self._by_winner)


class Reduction(_Maximum):
    """max, amax, min, amin along dimensions or of everything."""

    def _meet(self, call: Call, a: tuple[Tensor, ...], a0: tuple[Tensor, ...]) -> Any:
        x = a[0]
        dim = call.arg(1, "dim")
        dims = () if dim is None else (dim,) if isinstance(dim, int) else tuple(dim)
        dims = tuple(d % max(x.dim(), 1) for d in dims) or tuple(range(x.dim()))
        order = (*dims, *(d for d in range(x.dim()) if d not in dims))
        entries = math.prod(x.shape[d] for d in dims)
        flat = self._slopes(*(t.permute(order).reshape(entries, -1) for t in (x, a0[0])))
        moved = flat.reshape([x.shape[d] for d in order])
        self._m = moved.permute(*(order.index(d) for d in range(len(order))))
        self._shape = [1 if d in dims else x.shape[d] for d in range(x.dim())]
        return call.run()

    def backward(self, *multipliers: Tensor) -> tuple[Tensor | None, ...]:
        """To every entry."""
        return (multipliers[0].reshape(self._shape) * self._m,)


class OfTwo(_Maximum):
    """maximum, minimum and their like, of two tensors."""

    def _meet(self, call: Call, a: tuple[Tensor, ...], a0: tuple[Tensor, ...]) -> Any:
        places: tuple[Path, Path] = (0,), ((1,) if len(call.args) > 1 else ("other",))
        constant = {path: call.at(path).detach() for path in places if path not in self.operands}

        def pair(values: tuple[Tensor, ...]) -> Tensor:
            known = {**constant, **dict(zip(self.operands, values, strict=True))}
            return torch.stack(torch.broadcast_tensors(*(known[path] for path in places)))  # type: ignore[no-untyped-call]

        one, other = pair(a), pair(a0)
        self._m = self._slopes(one.reshape(2, -1), other.reshape(2, -1)).reshape(one.shape)
        self._sides = [places.index(path) for path in self.operands]
        self._shapes = [t.shape for t in a]
        return call.run()

    def backward(self, *multipliers: Tensor) -> tuple[Tensor | None, ...]:
        """To the live ones of the two."""
        pairs = zip(self._sides, self._shapes, strict=True)
        return tuple((multipliers[0] * self._m[side]).sum_to_size(shape) for side, shape in pairs)


class Pool(_Maximum):
    """Max-pooling of windows of one shape, in one to three dimensions."""

    def explained(self, call: Call) -> Any:
        """The call itself."""
        found = super().explained(call)
        self._out = (found[0] if isinstance(found, tuple) else found).shape
        return found

    def _meet(self, call: Call, a: tuple[Tensor, ...], a0: tuple[Tensor, ...]) -> Any:
        n = _dimensions(call)
        x, x0 = (t.reshape(-1, *t.shape[t.dim() - n :]) for t in (a[0], a0[0]))
        out = tuple(self._out[-n:])
        self._shape = a[0].shape
        windows = self._windows = _Windows.of(call, tuple(x.shape[1:]), out)
        step = max(1, CHUNK // max(1, math.prod(out)))
        self._m, tops = [], []
        for at in range(0, len(x), step):
            entries, entries0 = (windows.entries(t[at : at + step]) for t in (x, x0))
            flat, flat0 = (t.reshape(windows.count, -1) for t in (entries, entries0))
            self._m.append(self._slopes(flat, flat0).reshape(entries.shape))
            tops.append(entries0.amax(0))
        if call.arg(6, "return_indices", False) or "indices" in call.name:
            return call.run()
        return torch.cat(tops).reshape(self._out)

    def backward(self, *multipliers: Tensor) -> tuple[Tensor | None, ...]:
        """Each entry gets the sum of what the windows that it is in give it."""
        m = multipliers[0]
        m = m.reshape(-1, *m.shape[m.dim() - len(self._windows.out) :])
        found, at = [], 0
        for part in self._m:
            step = part.shape[1]
            found.append(self._windows.spread(m[at : at + step], part))
            at += step
        return (torch.cat(found).reshape(self._shape),)


def _dimensions(call: Call) -> int:
    return int(call.name.split("max_pool")[1][0])


def _tuple(value: Any, n: int) -> tuple[int, ...]:
    return tuple(value) * (n if len(value) == 1 else 1) if isinstance(value, list | tuple) else (value,) * n


class _Windows:
    """Which entries each window of a pooling looks at: one view for each place in the window.

    Parameters
    ----------
    size, out : tuple of int
        Of the input and the output.
    kernel, stride, padding, dilation : tuple of int
    """

    def __init__(
        self,
        size: tuple[int, ...],
        out: tuple[int, ...],
        kernel: tuple[int, ...],
        stride: tuple[int, ...],
        padding: tuple[int, ...],
        dilation: tuple[int, ...],
    ) -> None:
        self.out, self.count = out, math.prod(kernel)
        self._inner = tuple(slice(p, p + s) for p, s in zip(padding, size, strict=True))
        need = [
            (o - 1) * s + (k - 1) * d + 1 for o, s, k, d in zip(out, stride, kernel, dilation, strict=True)
        ]
        self._padded = tuple(max(n, s + p) for n, s, p in zip(need, size, padding, strict=True))
        self._places = [
            tuple(
                slice(j * d, j * d + (o - 1) * s + 1, s)
                for j, d, o, s in zip(place, dilation, out, stride, strict=True)
            )
            for place in itertools.product(*(range(k) for k in kernel))
        ]

    @classmethod
    def of(cls, call: Call, size: tuple[int, ...], out: tuple[int, ...]) -> _Windows:
        """Windows of a call."""
        n = len(size)
        kernel = _tuple(call.arg(1, "kernel_size"), n)
        stride = _tuple(call.arg(2, "stride") or kernel, n)
        padding, dilation = _tuple(call.arg(3, "padding", 0), n), _tuple(call.arg(4, "dilation", 1), n)
        return cls(size, out, kernel, stride, padding, dilation)

    def entries(self, planes: Tensor) -> Tensor:
        """Entries of all windows, shape (places, planes, *out); outside it is minus infinity."""
        if self._padded != planes.shape[1:]:
            wide = planes.new_full((len(planes), *self._padded), -torch.inf)
            wide[:, *self._inner] = planes
            planes = wide
        return torch.stack([planes[:, *place] for place in self._places])

    def spread(self, m: Tensor, shares: Tensor) -> Tensor:
        """Multipliers of the planes from those of windows and the shares in them."""
        wide = m.new_zeros((len(m), *self._padded))
        for place, share in zip(self._places, shares, strict=True):
            wide[:, *place].addcmul_(m, share)
        return wide[:, *self._inner]


class AdaptivePool(_Maximum):
    """Max-pooling to a given size: windows of different shapes, filled up with minus infinity."""

    def _meet(self, call: Call, a: tuple[Tensor, ...], a0: tuple[Tensor, ...]) -> Any:
        n = _dimensions(call)
        found = call.run()
        out = tuple((found[0] if isinstance(found, tuple) else found).shape[-n:])
        self._shape, size = a[0].shape, tuple(a[0].shape[-n:])
        flat, inside = _adaptive(size, out)
        self._flat = torch.from_numpy(flat.copy()).to(a[0].device)  # (places, windows)
        self._inside = torch.from_numpy(inside.copy()).to(a[0].device)
        entries = [
            torch.where(self._inside, t.reshape(-1, math.prod(size))[:, self._flat], -torch.inf).transpose(
                0, 1
            )
            for t in (a[0], a0[0])
        ]
        self._m = self._slopes(*(t.reshape(len(flat), -1) for t in entries)).reshape(entries[0].shape)
        return found

    def backward(self, *multipliers: Tensor) -> tuple[Tensor | None, ...]:
        """Each entry gets the sum of what the windows that it is in give it."""
        places, planes, windows = self._m.shape
        given = (self._m * multipliers[0].reshape(planes, windows)).transpose(0, 1)
        given = torch.where(self._inside, given, 0.0).reshape(planes, -1)
        found = given.new_zeros(planes, self._shape.numel() // planes)
        found.scatter_add_(1, self._flat.reshape(-1).expand(planes, places * windows), given)
        return (found.reshape(self._shape),)


@cache
def _adaptive(size: tuple[int, ...], out: tuple[int, ...]) -> Any:
    """Flat positions of each window's places, shape (places, windows), and whether they are inside."""
    flat, inside = np.zeros((1, 1), dtype=np.int64), np.ones((1, 1), dtype=np.bool_)
    for length, outputs in zip(size, out, strict=True):
        starts = np.arange(outputs) * length // outputs
        stops = -(-(np.arange(outputs) + 1) * length // outputs)
        spots = starts + np.arange((stops - starts).max())[:, None]
        there = spots < stops
        flat = flat[:, None, :, None] * length + np.minimum(spots, length - 1)[None, :, None, :]
        inside = inside[:, None, :, None] & there[None, :, None, :]
        flat = flat.reshape(flat.shape[0] * flat.shape[1], -1)
        inside = inside.reshape(flat.shape)
    return flat, inside


def maximum(call: Call, tape: Tape) -> Decision:
    """The maxima of one tensor or of two."""
    live = call.paths(lambda t: t.requires_grad)
    if not live:
        return None
    two = call.name in {"maximum", "minimum", "fmax", "fmin"} or isinstance(call.arg(1, "other"), Tensor)
    return OfTwo(call, live, tape) if two else Reduction(call, ((0,),), tape)


def max_pool(call: Call, tape: Tape) -> Decision:
    """Max-pooling."""
    if not call.args[0].requires_grad:
        return None
    return (AdaptivePool if call.name.startswith("adaptive") else Pool)(call, ((0,),), tape)


POOLS = {
    f"{kind}{n}d{more}"
    for kind, n, more in itertools.product(
        ("max_pool", "adaptive_max_pool"), (1, 2, 3), ("", "_with_indices")
    )
}
