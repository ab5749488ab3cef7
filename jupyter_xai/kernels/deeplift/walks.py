"""From a baseline to an instance in several segments: players come in by blocks, along random orders and back.

The change of an output is the sum of its changes over the segments of a walk. DeepLIFT explains each segment, in which
the players of one block move and all others stand still, so that values still add up. Two players of different blocks
get what exact Shapley values give to pairs when a walk and its reverse are averaged; how far the rules are off matters
within blocks alone, and the more segments the smaller these are. With as many segments as players walks are those of
permutation sampling (Castro, Gomez & Tejada, 2009).

Where a coalition is small or almost whole one player more changes it most. Blocks are therefore shorter at both ends,
like the distances of Chebyshev's nodes, and players take turns at standing there.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from jupyter_xai.explanation import Columns, Layout, Pixels, Steps
from jupyter_xai.kernels._run import Run
from jupyter_xai.maskers._random import generator

_KEPT_ORDERS = 16


def bounds(n: int, segments: int) -> list[int]:
    """Where blocks of n players begin and end; one player at least in each.

    Examples
    --------
    >>> bounds(10, 4), bounds(8, 2), bounds(3, 5), bounds(200, 5)
    ([0, 1, 5, 9, 10], [0, 4, 8], [0, 1, 2, 3], [0, 19, 69, 131, 181, 200])
    """
    k = max(1, min(segments, n))
    found = [0]
    for j in range(1, k // 2 + 1):
        place = n // 2 if 2 * j == k else round(n * (1 - math.cos(math.pi * j / k)) / 2)
        found.append(min(max(place, found[-1] + 1), n - (k - j)))
    return found + [n - b for b in reversed(found[: (k + 1) // 2])]


class Orders:
    """Random orders of players, a prefix sequence; each player stands at an end about as often as any other.

    Parameters
    ----------
    random_state : int
    segments : int

    Examples
    --------
    >>> orders = Orders(0, 4)
    >>> ends = [orders.order(6, w)[[0, -1]].tolist() for w in range(3)]
    >>> sorted(sum(ends, []))
    [0, 1, 2, 3, 4, 5]
    """

    def __init__(self, random_state: int, segments: int) -> None:
        self._seed, self._segments = random_state, segments
        self.blocks = functools.lru_cache(_KEPT_ORDERS)(self._blocks)
        self._turns = functools.lru_cache(_KEPT_ORDERS)(self._turn)

    def order(self, n: int, walk: int) -> NDArray[np.intp]:
        """Order of n players along one walk."""
        size = bounds(n, self._segments)[1]
        a_turn = max(1, n // (2 * size))
        turn, at = divmod(walk, a_turn)
        players = self._turns(n, turn)
        first, last = (players[start : start + size] for start in (2 * at * size, (2 * at + 1) * size))
        rest = np.ones(n, dtype=bool)
        rest[first] = rest[last] = False
        middle = generator(self._seed, "middle of a walk", walk).permutation(np.flatnonzero(rest))
        return np.concatenate([first, middle, last])

    def _turn(self, n: int, turn: int) -> NDArray[np.intp]:
        return generator(self._seed, "ends of walks", turn).permutation(n)

    def _blocks(self, n: int, walk: int) -> NDArray[np.intp]:
        """Number of each player's block along one walk."""
        ends = bounds(n, self._segments)
        found = np.empty(n, dtype=np.intp)
        found[self.order(n, walk)] = np.repeat(np.arange(len(ends) - 1), np.diff(ends))
        return found


class Walks:
    """The segments of walks between pairs of a reference and an input.

    Parameters
    ----------
    run : Run
    segments : int
        Blocks that players come in by.
    orders : int
        Orders for each pair, each walked both ways.
    random_state : int

    Attributes
    ----------
    steps : int
        Segments of all walks for each pair.
    """

    def __init__(self, run: Run, segments: int, orders: int, random_state: int) -> None:
        self.segments = segments
        self.orders = orders if segments > 1 else 1
        self.steps = 2 * segments * self.orders if segments > 1 else 1
        self._drawn = Orders(random_state, segments)
        self._players = players_of(run) if segments > 1 else []
        self._count = 1 + max((int(each.max()) for each in self._players if each.numel()), default=-1)

    def between(
        self, points: list[Tensor], references: list[Tensor], lines: Tensor, steps: Tensor
    ) -> tuple[list[Tensor], list[Tensor]]:
        """Both ends of one segment for each row.

        Parameters
        ----------
        points, references : list of Tensor
            (rows, ...) each: what walks lead to and from.
        lines : Tensor of shape (rows,), int
            Which of the references of its input a row belongs to: each has orders of its own.
        steps : Tensor of shape (rows,), int
            From 0: order by order, forwards and backwards, segment by segment.
        """
        if self.segments == 1:
            return points, references
        changed = self._changed(points, references)
        low, high = np.zeros_like(changed), np.zeros_like(changed)
        for row, (line, step) in enumerate(zip(lines.tolist(), steps.tolist(), strict=True)):
            players = np.flatnonzero(changed[row])
            if not len(players):
                continue
            order, rest = divmod(step, 2 * self.segments)
            back, at = divmod(rest, self.segments)
            blocks = self._drawn.blocks(len(players), line * self.orders + order)
            turn = blocks.max() - blocks if back else blocks
            low[row, players], high[row, players] = turn < at, turn <= at
        return (
            self._mixed(points, references, torch.from_numpy(high)),
            self._mixed(points, references, torch.from_numpy(low)),
        )

    def _changed(self, points: list[Tensor], references: list[Tensor]) -> NDArray[np.bool_]:
        """Players that an input and its reference differ in, (rows, players): the others have nothing to walk."""
        rows = len(points[0])
        found = torch.zeros(rows, self._count, device=points[0].device)
        for x, x0, players in zip(points, references, self._players, strict=True):
            found.index_add_(1, players.flatten(), (x != x0).flatten(1).to(found.dtype))
        return np.asarray((found > 0).cpu().numpy())

    def _mixed(self, points: list[Tensor], references: list[Tensor], there: Tensor) -> list[Tensor]:
        there = there.to(points[0].device)
        return [
            torch.where(there[:, players.flatten()].reshape(x.shape), x, x0)
            for x, x0, players in zip(points, references, self._players, strict=True)
        ]


def players_of(run: Run) -> list[Tensor]:
    """Which player each number of a point belongs to, shaped like it without its rows.

    A player is a column or group of columns, a token with its whole vector, a step of a series or a pixel with all
    channels.
    """
    found: dict[int, tuple[int, Tensor]] = {}
    first = 0
    players = []
    for point, part in zip(run.points, run.owners_of, strict=True):
        if part not in found:
            own = _players(
                tuple(point.shape[1:]),
                run.given.parts[part].role,
                run.given.layouts[part],
                turned=bool(run.given.turned and run.given.turned[part]),
            )
            found[part] = (first, own)
            first += 1 + int(own.max()) if own.numel() else 0
        start, own = found[part]
        players.append((start + own).expand(point.shape[1:]).to(run.device))
    return players


def _players(shape: Sequence[int], role: str, layout: Layout | None, *, turned: bool) -> Tensor:
    """Players of one input from 0, of a shape that expands to its own.

    Examples
    --------
    >>> _players((3, 8), "ids", None, turned=False).tolist()
    [[0], [1], [2]]
    """
    if role == "ids":
        return torch.arange(shape[0])[:, None]
    if isinstance(layout, Columns) and len(shape) == 1:
        owner = np.full(shape[0], -1)
        for name, members in enumerate(layout.members):
            owner[list(members)] = name
        alone = owner < 0
        owner[alone] = len(layout.members) + np.arange(alone.sum())
        return torch.from_numpy(np.unique(owner, return_inverse=True)[1])
    if isinstance(layout, Steps) and len(shape) == 2:
        return torch.arange(shape[1])[None] if turned else torch.arange(shape[0])[:, None]
    if isinstance(layout, Pixels) and len(shape) == 3:
        return torch.arange(shape[1] * shape[2]).reshape(1, shape[1], shape[2])
    return torch.arange(math.prod(shape)).reshape(*shape)
