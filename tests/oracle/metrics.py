"""Slow, literal re-readings of the papers' definitions of metrics: one draw at a time, no sums kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

Game = Callable[[NDArray[np.bool_]], float]


def infidelity(
    phi: NDArray[np.float64], masks: NDArray[np.bool_], game: Game, scale: float | None = 1.0
) -> float:
    """Yeh et al. 2019, equation 1; ``scale=None`` is the factor that minimises it, found by search."""
    whole = game(np.ones(len(phi), bool))

    def at(beta: float) -> float:
        total = 0.0
        for mask in masks:
            removed = [i for i in range(len(phi)) if not mask[i]]
            total += (beta * sum(phi[i] for i in removed) - (whole - game(mask))) ** 2
        return total / len(masks)

    if scale is not None:
        return at(scale)
    low, high = -100.0, 100.0  # a parabola: ternary search
    for _ in range(300):
        a, b = low + (high - low) / 3, high - (high - low) / 3
        low, high = (low, b) if at(a) < at(b) else (a, high)
    return at((low + high) / 2)


def krishna(first: Sequence[float], second: Sequence[float], k: int) -> tuple[float, float]:
    """Feature agreement and sign agreement of Krishna et al. 2022, without ties."""
    top = [sorted(range(len(each)), key=lambda i: -abs(each[i]))[:k] for each in (first, second)]
    both = set(top[0]) & set(top[1])
    same = [i for i in both if (first[i] > 0) == (second[i] > 0)]
    return len(both) / k, len(same) / k


def stability_indices(
    chosen: Sequence[set[int]], low: NDArray[np.float64], high: NDArray[np.float64], p: int
) -> tuple[float, float]:
    """VSI and CSI of Visani et al. 2020, in percent."""
    pairs = [(i, j) for i in range(len(chosen)) for j in range(i + 1, len(chosen))]
    vsi = 100 * np.mean([len(chosen[i] & chosen[j]) / p for i, j in pairs])
    shares = []
    for feature in set().union(*chosen):
        runs = [i for i, each in enumerate(chosen) if feature in each]
        met = [(i, j) for i in runs for j in runs if i < j]
        if met:
            apart = [low[i, feature] > high[j, feature] or low[j, feature] > high[i, feature] for i, j in met]
            shares.append(100 * (1 - np.mean(apart)))
    return float(vsi), float(np.mean(shares))


def mean_jaccard(sets: Sequence[set[int]]) -> float:
    """Mean over pairs of the Jaccard index."""
    return float(np.mean([len(a & b) / len(a | b) for i, a in enumerate(sets) for b in sets[i + 1 :]]))
