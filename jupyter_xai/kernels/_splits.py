"""Owen values by splitting groups, the ones that matter most first."""

from __future__ import annotations

import heapq
import math
from collections import deque
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from jupyter_xai.kernels._hierarchy import Node

_STEP = math.log(1.01)


@dataclass(frozen=True, eq=False)
class _Group:
    """A group in one context: what it is worth beside some of the others.

    Parameters
    ----------
    node : Node
    context : ndarray of shape (players,), bool
        The players outside that are present.
    without, beside : ndarray of shape (outputs,)
        The game's value of the context alone, and with the group.
    weight : float
        How likely the context is.
    """

    node: Node
    context: NDArray[np.bool_]
    without: NDArray[np.float64]
    beside: NDArray[np.float64]
    weight: float

    @property
    def worth(self) -> NDArray[np.float64]:
        """Its part of the values, (outputs,)."""
        return (self.beside - self.without) * self.weight

    def subsets(self) -> list[tuple[int, ...]]:
        """Subsets of its parts, without none and all."""
        parts = range(len(self.node.children))
        return [chosen for k in range(1, len(parts)) for chosen in combinations(parts, k)]


class Splits:
    """Coalitions that tell the parts of groups apart, decided by what was answered.

    The Owen value is the mean, over all orders in which the members of every group come one after another, of what a
    player adds when it comes. So a group is split among its parts by Shapley's formula, in each context of the groups
    around it, and then its parts are. Groups in their contexts wait in a queue, the largest worth first; each round
    takes some of them, the more the longer it goes on, so that a batch has something to do. What a batch holds does not
    decide anything.

    Parameters
    ----------
    root : Node

    Examples
    --------
    >>> from jupyter_xai.kernels._hierarchy import root_of
    >>> splits = Splits(root_of(((0, 1), 2), np.arange(3)))
    >>> splits.begin(np.zeros(1), np.array([6.0]))
    >>> while splits.known():
    ...     masks = splits.masks(splits.answered, splits.known())
    ...     if not len(masks):
    ...         break
    ...     splits.tell(masks @ np.array([[1.0], [2.0], [3.0]]))
    >>> splits.values()[0], splits.answered
    (array([[1., 2., 3.]]), 6)
    """

    def __init__(self, root: Node) -> None:
        self._root = root
        self._masks: list[NDArray[np.bool_]] = []
        self._round: deque[_Group] = deque()
        self._waiting: list[tuple[int, int, _Group]] = []
        self._answers: list[NDArray[np.float64]] = []
        self._serial = self._done = self.answered = 0
        self._values: NDArray[np.float64] = np.empty((0, 0))

    def begin(self, empty: NDArray[np.float64], full: NDArray[np.float64]) -> None:
        """Start from the values of none and all."""
        n_players = len(self._root.members)
        self._values = np.zeros((len(full), n_players))
        self._push(_Group(self._root, np.zeros(n_players, dtype=np.bool_), empty, full, 1.0))
        self._next()

    def known(self) -> int:
        """How many coalitions are decided; before anything was answered those that are so whatever the answer."""
        return len(self._masks) if self._masks else 0

    def masks(self, start: int, stop: int) -> NDArray[np.bool_]:
        """Coalitions start to stop of the sequence."""
        rows = self._masks[start:stop]
        return np.array(rows) if rows else np.empty((0, len(self._root.members)), dtype=np.bool_)

    def tell(self, answers: NDArray[np.float64]) -> None:
        """Take in the values of the next coalitions, (n, outputs)."""
        self._answers.extend(answers)
        self.answered += len(answers)
        while self._round:
            group = self._round[0]
            subsets = group.subsets()
            if len(self._answers) < len(subsets):
                return
            found = dict(zip(subsets, self._answers, strict=False))
            del self._answers[: len(subsets)]
            self._round.popleft()
            self._split(group, found)
        self._next()

    def _split(self, group: _Group, found: dict[tuple[int, ...], NDArray[np.float64]]) -> None:
        children = group.node.children
        parts = range(len(children))
        found[()], found[tuple(parts)] = group.without, group.beside
        for i, child in enumerate(children):
            others = [j for j in parts if j != i]
            for k in range(len(parts)):
                weight = group.weight * math.factorial(k) * math.factorial(len(parts) - k - 1)
                weight /= math.factorial(len(parts))
                for chosen in combinations(others, k):
                    context = group.context.copy()
                    for j in chosen:
                        context |= children[j].members
                    both = tuple(sorted((*chosen, i)))
                    self._push(_Group(child, context, found[chosen], found[both], weight))
        self._done += 1

    def _push(self, group: _Group) -> None:
        if not group.node.children:
            self._values[:, group.node.members] += group.worth[:, None]
            return
        worth = float(np.abs(group.worth).max())
        # in steps of a hundredth: equal worths stay equal whatever a batch's rounding adds to them
        place = -round(math.log(worth) / _STEP) if worth > 0 else 10**9
        heapq.heappush(self._waiting, (place, self._serial, group))
        self._serial += 1

    def _next(self) -> None:
        """Decide the next round."""
        for _ in range(min(max(1, self._done // 4), len(self._waiting))):
            group = heapq.heappop(self._waiting)[2]
            self._round.append(group)
            for chosen in group.subsets():
                mask = group.context.copy()
                for j in chosen:
                    mask |= group.node.children[j].members
                self._masks.append(mask)

    def values(self) -> tuple[NDArray[np.float64], NDArray[np.bool_], float]:
        """The players' values as far as they are known.

        Returns
        -------
        values : ndarray of shape (outputs, players)
            Groups that wait are shared out equally among their players.
        known : ndarray of shape (players,), bool
            Players that are in none of these.
        shared : float
            Which part of all that was added up is of them, of the worst output.
        """
        values, open_ = self._values.copy(), np.zeros(len(self._root.members), dtype=np.bool_)
        waiting = [*self._round, *(entry[2] for entry in self._waiting)]
        amount = np.zeros(len(values))
        for group in waiting:
            values[:, group.node.members] += group.worth[:, None] / group.node.size
            open_ |= group.node.members
            amount += np.abs(group.worth)
        whole = amount + np.abs(self._values).sum(axis=1)
        share = float((amount / np.where(whole > 0, whole, 1.0)).max()) if len(values) else 0.0
        return values, ~open_, share
