"""Lazy greedy choice of rows that cover the most importance together."""

from __future__ import annotations

import heapq
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Choice(NamedTuple):
    """One choice.

    Parameters
    ----------
    row : int
    gain : float
    adds : ndarray of int
        Features that no earlier choice has.
    """

    row: int
    gain: float
    adds: NDArray[np.int64]


def greedy(
    starts: NDArray[np.int64],
    features: NDArray[np.int64],
    mass: NDArray[np.float64],
    importance: NDArray[np.float64],
    budget: int,
) -> list[Choice]:
    """Choose the row that adds the most importance, time after time; of equal ones the heavier, then the first.

    A gain never grows as more is covered, so an old one is a bound: only rows whose bound is at the top are looked at
    again (Minoux 1978). What is chosen covers at least 1 - 1/e of what any choice of so many rows could.

    Parameters
    ----------
    starts : ndarray of shape (rows + 1,)
        Where the features of each row begin.
    features : ndarray of int
        Features of one row after the other, none twice in a row.
    mass : ndarray of shape (rows,)
        Summed magnitude of each row's weights.
    importance : ndarray of shape (features,)
    budget : int

    Examples
    --------
    >>> found = greedy(np.array([0, 2, 3]), np.array([0, 1, 1]), np.ones(2), np.array([1.0, 3.0]), 2)
    >>> [(choice.row, choice.gain, choice.adds.tolist()) for choice in found]
    [(0, 4.0, [0, 1]), (1, 0.0, [])]
    """
    n = len(starts) - 1
    covered = np.zeros(len(importance), bool)

    def fresh(row: int) -> tuple[float, NDArray[np.int64]]:
        own = features[starts[row] : starts[row + 1]]
        new = own[~covered[own]]
        return float(importance[new].sum()), new

    # sums in another order may round to less: a bound has some room
    totals = np.concatenate([[0.0], np.cumsum(importance[features])])
    bounds = (totals[starts[1:]] - totals[starts[:-1]]) + 1e-9 * totals[-1]
    heap = [(-float(bounds[row]), -float(mass[row]), row, -1) for row in range(n)]
    heapq.heapify(heap)
    found: list[Choice] = []
    while heap and len(found) < budget:
        gain, weight, row, seen = heapq.heappop(heap)
        now, new = fresh(row)
        if seen < len(found) and heap and (-now, weight, row) > heap[0][:3]:
            heapq.heappush(heap, (-now, weight, row, len(found)))
            continue
        assert -gain >= now - 1e-9 * max(1.0, now)
        found.append(Choice(row, now, new))
        covered[new] = True
    return found
