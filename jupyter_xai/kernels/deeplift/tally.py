"""Means over the references of each instance and over the walks from each, and how uncertain they are."""

from __future__ import annotations

import torch
from torch import Tensor

from jupyter_xai.kernels._intervals import half_width_factor


class Gathered:
    """Sums of rows that belong together, handed on when all of them have come.

    Parameters
    ----------
    each : int
        How many belong together.

    Examples
    --------
    >>> gathered = Gathered(2)
    >>> gathered.add(torch.tensor([0, 0, 1]), [torch.tensor([1.0, 2.0, 3.0])])
    (tensor([0]), [tensor([3.])])
    >>> gathered.add(torch.tensor([1]), [torch.tensor([4.0])])
    (tensor([1]), [tensor([7.])])
    """

    def __init__(self, each: int) -> None:
        self._each = each
        self._open: dict[int, tuple[int, list[Tensor]]] = {}

    def add(self, keys: Tensor, values: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
        """Take rows in; keys that have become complete, and their sums."""
        if self._each == 1:
            return keys, values
        known, places, counts = torch.unique(keys, return_inverse=True, return_counts=True)
        sums = [part.new_zeros((len(known), *part.shape[1:])).index_add_(0, places, part) for part in values]
        for at, key in enumerate(known.tolist()):
            if key in self._open:
                count, before = self._open.pop(key)
                counts[at] += count
                for total, part in zip(sums, before, strict=True):
                    total[at] += part
        done = counts == self._each
        for at in torch.nonzero(~done).flatten().tolist():
            self._open[int(known[at])] = (int(counts[at]), [total[at].clone() for total in sums])
        return known[done], [total[done] for total in sums]


class Tally:
    """Means of shares over walks and references, and their standard errors.

    Parameters
    ----------
    count : int
        Instances.
    lines : int or math.inf
        References of each instance, from which they are drawn without replacement.
    orders, walk : int
        Orders for each reference, and segments for each order, both ways together.

    Notes
    -----
    References are drawn without replacement, orders are not: of a mean over k of n references with m orders each the
    variance is ``(1 - k/n) b / k + w / (m n)``, b being the variance of the means of references and w that of orders
    at one reference.
    """

    def __init__(self, count: int, lines: float, orders: int, walk: int) -> None:
        self._count, self._lines, self._orders, self._walk = count, lines, orders, walk
        self._walks, self._references = Gathered(walk), Gathered(orders)
        self._n = torch.zeros(2, count, dtype=torch.float64)
        """Orders and references that are done, of each instance."""
        self._sums: list[Tensor] = []
        self._squares: list[list[Tensor]] = [[], [], []]
        """Of what is spread out: sums of references' means, of their squares, and of squares within references."""

    def add(
        self, owners: Tensor, lines: Tensor, steps: Tensor, found: list[Tensor], spread: list[Tensor]
    ) -> None:
        """Take rows in.

        Parameters
        ----------
        owners, lines, steps : Tensor of shape (rows,), int
        found : list of Tensor
            (rows, ...) each: what means are wanted of.
        spread : list of Tensor
            What errors are wanted of.
        """
        key = (lines.cpu() * self._orders + steps.cpu() // self._walk) * self._count + owners.cpu()
        each = {id(part): part.detach().to("cpu", torch.float64) for part in (*found, *spread)}
        doubles = [each[id(part)] for part in (*found, *spread)]
        if not self._sums:
            self._sums = [self._blank(part) for part in doubles[: len(found)]]
            self._squares = [[self._blank(part) for part in doubles[len(found) :]] for _ in range(3)]
        key, done = self._walks.add(key, doubles)
        directions = 2 if self._walk > 1 else 1
        done = [part / directions for part in done]
        owner = key % self._count
        for total, part in zip(self._sums, done, strict=False):
            total.index_add_(0, owner, part)
        self._n[0].index_add_(0, owner, torch.ones(len(owner), dtype=torch.float64))
        self._spread(key, done[len(found) :])

    def _spread(self, key: Tensor, orders: list[Tensor]) -> None:
        m = self._orders
        line = key // self._count // m * self._count + key % self._count
        squares = [part * part for part in orders] if m > 1 else []
        line, sums = self._references.add(line, [*orders, *squares])
        owner = line % self._count
        self._n[1].index_add_(0, owner, torch.ones(len(owner), dtype=torch.float64))
        for at, total in enumerate(sums[: len(orders)]):
            mean = total / m
            self._squares[0][at].index_add_(0, owner, mean)
            self._squares[1][at].index_add_(0, owner, mean * mean)
            if m > 1:
                inner = (sums[len(orders) + at] - m * mean * mean).clamp_min(0.0)
                self._squares[2][at].index_add_(0, owner, inner)

    @property
    def known(self) -> Tensor:
        """Whether anything is done of each instance."""
        return self._n[0] > 0

    def values(self) -> list[Tensor]:
        """Means of what is done, zero where nothing is."""
        return [part / _like(self._n[0].clamp_min(1.0), part) for part in self._sums]

    def errors(self) -> list[Tensor] | None:
        """Standard errors scaled to 95 % intervals; None when every reference is done and nothing was drawn."""
        k, n, m = self._n[1], float(self._lines), self._orders
        if m == 1 and bool((k == n).all()):
            return None
        found = []
        for total, square, inner in zip(*self._squares, strict=True):
            some = _like(k, total)
            between = (square - total * total / some.clamp_min(1.0)).clamp_min(0.0)
            between = between / (some - 1).clamp_min(1.0) / some.clamp_min(1.0) * (1 - some / n)
            variance = torch.where(some > 1, between * _squared(k, total), torch.inf)
            variance = torch.where(some == n, 0.0, variance)
            if m > 1:
                within = inner / (some * (m - 1)).clamp_min(1.0) / (m * n)
                variance += torch.where(some > 0, within * _squared(k * (m - 1) + 1, total), torch.inf)
            found.append(variance.sqrt())
        return found

    def _blank(self, part: Tensor) -> Tensor:
        return part.new_zeros((self._count, *part.shape[1:]))


def _squared(blocks: Tensor, like: Tensor) -> Tensor:
    """Square of what so many draws are widened by; infinite for one."""
    factors = torch.tensor([half_width_factor(int(n)) ** 2 for n in blocks], dtype=torch.float64)
    return _like(factors, like)


def _like(numbers: Tensor, other: Tensor) -> Tensor:
    """One number a row, shaped to divide ``other``."""
    return numbers.reshape(-1, *(1,) * (other.dim() - 1))
