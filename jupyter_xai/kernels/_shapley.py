"""Shapley values from paired coalitions: weighted regression with the sum as a constraint, and its intervals."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve

from jupyter_xai.kernels._coalitions import pairs_of_size

GROUPS = 8
"""Independent groups that an interval needs."""


@dataclass(frozen=True, eq=False)
class ShapleyFit:
    """Values of each output's game.

    Parameters
    ----------
    values : ndarray of shape (outputs, players)
        They add up to the total.
    std_errors : ndarray of shape (outputs, players), or None
        None: every coalition was asked. Infinite before there are enough pairs.
    """

    values: NDArray[np.float64]
    std_errors: NDArray[np.float64] | None


def pair_weights(sizes: NDArray[np.intp], n_players: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Weights of sampled pairs, and the share of all pairs of their size that were sampled.

    The Shapley kernel's mass of each size is shared out among the pairs that came of it.

    Parameters
    ----------
    sizes : ndarray of int
        Of the smaller coalition.
    n_players : int

    Examples
    --------
    >>> weights, shares = pair_weights(np.array([1, 1, 2]), 4)
    >>> weights.round(3), shares.round(3)
    (array([0.333, 0.333, 0.25 ]), array([0.5  , 0.5  , 0.333]))
    """
    counts = np.bincount(sizes, minlength=n_players // 2 + 1)
    k = np.arange(1, len(counts))
    mass = np.where(2 * k == n_players, 1.0, 2.0) / (k * (n_players - k))
    with np.errstate(divide="ignore"):
        weights = np.concatenate([[0.0], mass / counts[1:]])
    shares = [0.0, *(int(counts[j]) / pairs_of_size(n_players, int(j)) if counts[j] else 0.0 for j in k)]
    return weights[sizes], np.array(shares)[sizes]


def regress(
    signs: NDArray[np.float64],
    odd: NDArray[np.float64],
    totals: NDArray[np.float64],
    *,
    exact: bool,
) -> ShapleyFit:
    """Solve the Shapley kernel's regression under the constraint that values add up to the total.

    For a pair (S, not S) both residuals of the kernel's regression are squares of ``t - z phi / 2`` but for a part
    without phi, with z = +1 in S and -1 outside and ``t = (v(S) - v(not S)) / 2``.

    Source: Covert & Lee, "Improving KernelSHAP" (AISTATS 2021), constrained form; derivative
    ``A^-1 - A^-1 11' A^-1 / (1' A^-1 1)``. Standard errors are those of leaving out one pair at a time
    (``e / (1 - h)``), less the share of a size's pairs that is known.

    Parameters
    ----------
    signs : ndarray of shape (pairs, players)
        z.
    odd : ndarray of shape (pairs, outputs)
        t.
    totals : ndarray of shape (outputs,)
        v(all) - v(none).
    exact : bool
        Whether these are all the pairs there are.
    """
    n, d = signs.shape
    sizes = np.count_nonzero(signs > 0, axis=1)
    sizes = np.minimum(sizes, d - sizes)
    weights, shares = pair_weights(sizes, d)
    half = signs / 2
    system = (half * weights[:, None]).T @ half
    few = n < d + GROUPS
    system += np.trace(system) / d**2  # along (1, ..., 1) the constraint decides, and it alone
    if not exact:
        system[np.diag_indices(d)] += (1e-6 if few else 1e-12) * np.trace(system) / d
    even = totals[:, None] / d  # the plain split solves the constraint; what is left sums to zero
    left = odd - half.sum(axis=1, keepdims=True) * even.T
    factor = cho_factor(system, lower=True)
    ones = cho_solve(factor, np.ones(d))
    free = cho_solve(factor, (half * weights[:, None]).T @ left)
    solved = free - np.outer(ones, free.sum(axis=0) / ones.sum())
    values = even + (solved - solved.mean(axis=0)).T
    if exact:
        return ShapleyFit(values, None)
    degrees = n - (d - 1)
    if degrees < GROUPS:
        return ShapleyFit(values, np.full(values.shape, np.inf))
    derivative = cho_solve(factor, np.eye(d)) - np.outer(ones, ones / ones.sum())
    reach = half @ derivative
    leverage = np.clip(weights * np.einsum("pd,pd->p", reach, half), 0.0, 1.0 - 1e-9)
    scale = weights * np.sqrt(np.maximum(1.0 - shares, 0.0)) / (1.0 - leverage)
    rest = (left - half @ solved) * scale[:, None]
    variance = np.einsum("pi,po->oi", reach**2, rest**2)
    return ShapleyFit(values, np.sqrt(variance))


def spread_of_rest(
    signs: NDArray[np.float64], squares: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """How far off Shapley values may be for what another model of the game leaves of each pair.

    The regression's solution for what is left, with the system of equations as it is over all pairs: the plain weighted
    mean ``sum w t (z - mean z) / 2`` over its scale. What is left of the pairs of a size that are all known has no
    part in it.

    Parameters
    ----------
    signs : ndarray of shape (pairs, players)
        +1 in the coalition, -1 outside.
    squares : ndarray of shape (pairs, outputs)
        Squares of what is left.

    Returns
    -------
    ndarray of shape (outputs, players)
        Variances.
    ndarray of shape (outputs, players)
        Pairs that each of them is really made of: ``(sum c)^2 / sum c^2`` for its terms c. Infinite where all are 0.

    Examples
    --------
    >>> signs = np.array([[1.0, -1.0, -1.0, -1.0], [-1.0, 1.0, -1.0, -1.0], [1.0, 1.0, -1.0, -1.0]])
    >>> variance, telling = spread_of_rest(signs, np.ones((3, 1)))
    >>> variance.round(3), telling.round(3)
    (array([[0.722, 0.722, 0.278, 0.278]]), array([[1.857, 1.857, 2.273, 2.273]]))
    """
    d = signs.shape[1]
    sizes = np.count_nonzero(signs > 0, axis=1)
    weights, shares = pair_weights(np.minimum(sizes, d - sizes), d)
    half = (signs - signs.mean(axis=1, keepdims=True)) / 2
    reach = half * weights[:, None]
    parts = (reach * (d - 1) / np.vdot(reach, half)) ** 2 * (1.0 - shares)[:, None]
    scale = np.where((largest := squares.max(axis=0)) > 0, largest, 1.0)
    squares = squares / scale
    variance = squares.T @ parts
    with np.errstate(divide="ignore", invalid="ignore"):
        telling = np.nan_to_num(variance**2 / ((squares**2).T @ parts**2), nan=np.inf, posinf=np.inf)
    return variance * scale[:, None], telling
