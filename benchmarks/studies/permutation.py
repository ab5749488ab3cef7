"""Permutation SHAP beside shap's: errors against exact Shapley values at equal coalitions, and coverage of intervals.

The games are those of the study of KernelSHAP.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray
from trials import Coverage, Duel, Estimate, Scale, study

import jupyter_xai as xai
from studies.shapley import Game, Values, games


@study("permutation")
def permutation(scale: Scale) -> Iterator[Duel]:
    """Four and ten walks with their reverse; a goal of no more than shap's error, but for the luck of the draw."""
    for name, game, truth in games():
        n = len(truth)
        for walks in (4, 10):
            calls = walks * 2 * (n - 1)
            if calls < 2**n - 2:
                peers = {"shap": by_shap(game, n)}
                yield Duel(f"{name}, M={n}", truth, scale(calls, 4 * n), ours(game, n), peers, {"shap": 1.0})


@study("permutation-coverage")
def permutation_coverage(scale: Scale) -> Iterator[Coverage]:
    """95 % intervals after sixteen walks, and where a run has settled by itself."""
    for name, game, truth in games():
        n = len(truth)
        if n > 16:
            continue
        runs = scale(-(-5000 // n), 3)
        yield Coverage(f"{name}, {32 * (n - 1)}", hits(game, truth, 32 * (n - 1), 0.0), runs)
        yield Coverage(f"{name}, settled", hits(game, truth, 2**n - 4, 0.1), runs)


def kernel(game: Game, n: int, seed: int, calls: int, tolerance: float) -> xai.PermutationShap:
    """A kernel whose table is the players: present is 1, the one background row is all 0."""
    table = xai.Tabular(np.zeros((1, n)))
    return xai.PermutationShap(game, table, n_samples=calls, tolerance=tolerance, random_state=seed)


def ours(game: Game, n: int) -> Estimate:
    """Our values."""
    return lambda seed, calls: kernel(game, n, seed, calls, 0.0).explain(np.ones(n)).values[0]


def hits(game: Game, truth: Values, calls: int, tolerance: float) -> Callable[[int], NDArray[np.bool_]]:
    """Whether each interval of a run holds the truth."""
    n = len(truth)
    slack = 1e-9 * max(1.0, float(np.abs(truth).max()))

    def run(seed: int) -> NDArray[np.bool_]:
        low, high = kernel(game, n, seed, calls, tolerance).explain(np.ones(n)).intervals
        return np.asarray((low[0] <= truth + slack) & (truth - slack <= high[0]))

    return run


def by_shap(game: Game, n: int) -> Estimate:
    """The values of shap: as many walks with their reverse as the coalitions pay for, if none were known before."""
    import shap

    def run(seed: int, calls: int) -> Values:
        explainer = shap.PermutationExplainer(lambda rows: game(rows > 0.5), np.zeros((1, n)), seed=seed)
        passes = max(1, calls // (2 * (n - 1)))
        return np.ravel(explainer(np.ones((1, n)), max_evals=passes * (2 * n + 1), silent=True).values)

    return run
