"""Hyper-parameters of a Gaussian process over games, by the marginal likelihood of what was answered."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_solve, solve_triangular
from scipy.linalg.lapack import dpotrf, dpotri
from scipy.optimize import minimize

from jupyter_xai.kernels._odd_kernels import Covariance, OddKernel, OwnStrengths, distances

_JITTER = 1e-7
_LINEAR = (0.0, 0.4, 0.75, 0.92, 0.98, 0.998, 0.99999)
_STRENGTHS = 9

_SPREAD = 1.2
"""Standard deviation of the logarithms of the players' rates around that of all, before anything is known."""
_STEPS = 10
_LOWEST, _HIGHEST = 7.0, float(np.log(2.0))
"""How far below the rate of all a player's logarithm may fall, and how high it may rise."""
_SHARE = (-6.0, 12.0)
"""Least and greatest log-odds of the linear share."""


def factor(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """Lower Cholesky factor of a covariance with 1 on the diagonal; the jitter grows where rounding asks for it."""
    jitter = _JITTER
    while True:
        matrix[np.diag_indices(len(matrix))] = 1.0 + jitter
        found, failed = dpotrf(matrix, lower=1, clean=1)
        if not failed:
            return np.asarray(found)
        jitter *= 10.0


def likeliest(rows: NDArray[np.float64], answers: NDArray[np.float64]) -> OddKernel:
    """One strength for all players, of the greatest marginal likelihood, one coordinate at a time on a grid.

    The variance of each output is profiled out; all outputs share the kernel.

    Parameters
    ----------
    rows : ndarray of shape (pairs, players)
        +1 in the coalition, -1 outside.
    answers : ndarray of shape (pairs, outputs)
    """
    n, apart = rows.shape[1], distances(rows)
    strengths = np.geomspace(min(0.3, 0.4 / n), 0.9, _STRENGTHS)
    moved = answers[:, lively(answers)]
    known: dict[tuple[int, int], float] = {}

    def cost(i: int, j: int) -> float:
        if (i, j) not in known:
            lower = factor(OddKernel(n, float(strengths[i]), _LINEAR[j]).by_distance().take(apart))
            white = solve_triangular(lower, moved, lower=True, check_finite=False)
            scales = np.maximum(np.einsum("po,po->o", white, white), 1e-300)
            determinant = 2.0 * np.log(np.diag(lower)).sum()
            known[i, j] = float(len(answers) * np.log(scales).mean() + determinant)
        return known[i, j]

    i, j = _STRENGTHS // 2, 0
    if moved.shape[1]:
        while True:
            before = (i, j)
            i = min(range(_STRENGTHS), key=lambda at: cost(at, j))
            j = min(range(len(_LINEAR)), key=lambda at: cost(i, at))
            if (i, j) == before:
                break
    return OddKernel(n, float(strengths[i]), _LINEAR[j])


def lively(answers: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which outputs are not 0 everywhere."""
    return np.asarray(np.ptp(answers, axis=0) + np.abs(answers).max(axis=0) > 0)


def relevances(rows: NDArray[np.float64], answers: NDArray[np.float64], alike: OddKernel) -> Covariance:
    """Strengths of the players, each its own, by some steps up the marginal likelihood from one strength for all.

    The logarithms of the rates are normal around that of all, so that few pairs do not tell players apart by chance.

    Parameters
    ----------
    rows, answers
        As for ``likeliest``.
    alike : OddKernel
        Where to begin.
    """
    moved = answers[:, lively(answers)]
    if not moved.shape[1]:
        return alike
    n = rows.shape[1]
    middle = float(np.log(np.arctanh(alike.strength)))
    share = min(max(alike.linear, 0.02), 0.999)
    start = np.append(np.full(n, middle), np.log(share / (1.0 - share)))
    found = minimize(
        _cost,
        start,
        args=(rows, rows @ rows.T / n, moved, middle),
        jac=True,
        method="L-BFGS-B",
        bounds=[(middle - _LOWEST, _HIGHEST)] * n + [_SHARE],
        options={"maxiter": _STEPS},
    )
    return _kernel(found.x)


def _kernel(place: NDArray[np.float64]) -> OwnStrengths:
    return OwnStrengths(np.exp(place[:-1]), float(1.0 / (1.0 + np.exp(-place[-1]))))


def _cost(
    place: NDArray[np.float64],
    rows: NDArray[np.float64],
    line: NDArray[np.float64],
    answers: NDArray[np.float64],
    middle: float,
) -> tuple[float, NDArray[np.float64]]:
    """-2 log of the marginal likelihood times the prior but for constants, and its gradient.

    ``d/dK`` of ``P mean_o log(y' K^-1 y) + log det K`` is ``K^-1 - P mean_o a a' / (y' a)`` with ``a = K^-1 y``.
    """
    kernel, pairs = _kernel(place), len(rows)
    odd, even, coth = kernel.parts(rows)
    matrix = kernel.linear * line + (1.0 - kernel.linear) * odd
    lower = factor(matrix)
    weights = cho_solve((lower, True), answers, check_finite=False)
    scales = np.maximum(np.einsum("po,po->o", answers, weights), 1e-300)
    off = place[:-1] - middle
    cost = pairs * np.log(scales).mean() + 2.0 * np.log(np.diag(lower)).sum() + (off**2).sum() / _SPREAD**2
    inverse, _ = dpotri(lower, lower=1)
    slope = inverse + inverse.T  # its upper half is 0
    slope[np.diag_indices(pairs)] /= 2.0
    slope -= pairs / answers.shape[1] * (weights / scales) @ weights.T
    through = np.einsum("pj,pj->j", (slope * even) @ rows, rows) - coth * np.vdot(slope, odd)
    rates = (1.0 - kernel.linear) * kernel.rates * through + 2.0 * off / _SPREAD**2
    share = kernel.linear * (1.0 - kernel.linear) * np.vdot(slope, line - odd)
    return float(cost), np.append(rates, share)
