"""Shapley values by a Gaussian process over coalitions, of which only the odd part matters."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_solve, solve_triangular
from scipy.linalg.lapack import dpotrf, dtrtri

from jupyter_xai.kernels._intervals import half_width_factor
from jupyter_xai.kernels._shapley import GROUPS, ShapleyFit

MOST_PAIRS = 1500
"""More pairs than this are for the regression: a Cholesky factor grows with their cube."""
FITTED_ON = 256
"""Hyper-parameters are fitted on the first so many pairs at most."""

_JITTER = 1e-7
_NODES = 256
_LINEAR = (0.0, 0.4, 0.75, 0.92, 0.98, 0.998, 0.99999)
_STRENGTHS = 9


@dataclass(frozen=True)
class OddKernel:
    """``linear * z.z' / n + (1 - linear) * K``, with K the odd part of ``prod (1 + r z_j z'_j)``, 1 on the diagonal.

    Shapley values are linear in a game, and 0 for its even part, so the process is over odd functions of z = +-1.
    The strength r says how much a term is worth by its order, ``r^order``.

    Parameters
    ----------
    n : int
        Players.
    strength : float
        r, above 0 and below 1.
    linear : float
        Share of the variance that additive games have beside those in K.
    """

    n: int
    strength: float
    linear: float

    def by_distance(self) -> NDArray[np.float64]:
        """Kernel of two coalitions by the number of players in which they differ, 0 to n."""
        h = np.arange(self.n + 1)
        q = (1.0 - self.strength) / (1.0 + self.strength)
        product = (q**h - q ** (self.n - h)) / (1.0 - q**self.n)
        return self.linear * (1.0 - 2.0 * h / self.n) + (1.0 - self.linear) * product

    def _log_norm(self) -> float:
        """Logarithm of the odd product's value on the diagonal."""
        q = (1.0 - self.strength) / (1.0 + self.strength)
        return float(self.n * np.log1p(self.strength) + np.log((1.0 - q**self.n) / 2.0))

    def values_of(self, signs: NDArray[np.float64]) -> NDArray[np.float64]:
        """Shapley values of the games ``z -> kernel(z, t)``, (players, rows) for rows t.

        The value of t's i-th player in the product is the integral from -1 to 1 of
        ``r t_i prod_{j != i} (1 + r t_j u)`` over u, which depends on t_i and the number of +1 in t alone.
        """
        r, n = self.strength, self.n
        u, du = _nodes(min(n // 2 + 2, _NODES))
        up, down, norm = np.log1p(r * u), np.log1p(-r * u), self._log_norm()
        k = np.arange(n + 1)[:, None]
        inside = r * np.exp((k - 1) * up + (n - k) * down - norm) @ du
        outside = -r * np.exp(k * up + (n - k - 1) * down - norm) @ du
        kept = signs > 0
        size = np.count_nonzero(kept, axis=1)[:, None]
        product = np.where(kept, inside[size], outside[size])
        return np.asarray(self.linear * 2.0 / n * signs + (1.0 - self.linear) * product).T

    def prior(self) -> float:
        """Variance of a player's Shapley value before anything is known, the same for all."""
        u, du = _nodes(min(self.n // 2 + 2, _NODES))
        inside = np.exp((self.n - 1) * np.log1p(self.strength * np.outer(u, u)) - self._log_norm())
        return float(self.linear * 4.0 / self.n + (1.0 - self.linear) * self.strength * (du @ inside @ du))


@lru_cache(maxsize=64)
def _nodes(count: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Gauss-Legendre nodes and weights: exact for the polynomials above up to 512 players."""
    return np.polynomial.legendre.leggauss(count)


class OddProcess:
    """The process of one run: keeps its hyper-parameters as pairs are added.

    Parameters
    ----------
    n_players : int

    Examples
    --------
    >>> from jupyter_xai.kernels._coalitions import PairedCoalitions
    >>> signs = np.where(PairedCoalitions(6, 0).masks(0, 40)[::2], 1.0, -1.0)
    >>> fit = OddProcess(6).fit(signs, signs @ np.arange(6.0)[:, None] / 2, np.array([15.0]))
    >>> fit.values.round(3) + 0.0
    array([[0., 1., 2., 3., 4., 5.]])
    """

    def __init__(self, n_players: int) -> None:
        self.n_players = n_players
        self._chosen: tuple[int, OddKernel] | None = None

    def fit(
        self, signs: NDArray[np.float64], odd: NDArray[np.float64], totals: NDArray[np.float64]
    ) -> ShapleyFit:
        """Posterior mean and standard deviation of the Shapley values.

        The process' variance is scaled so that each pair's error, foretold from all the others, is as large as
        its standard deviation says: real games are rougher in places, and the likelihood's own scale covers less.

        Parameters
        ----------
        signs : ndarray of shape (pairs, players)
            +1 in the coalition, -1 outside.
        odd : ndarray of shape (pairs, outputs)
            ``(v(S) - v(not S)) / 2``.
        totals : ndarray of shape (outputs,)
            v(all) - v(none): one more pair.
        """
        rows = np.concatenate([np.ones((1, self.n_players)), signs])
        answers = np.concatenate([totals[None] / 2.0, odd])
        distances = _distances(rows)
        kernel = self._kernel(distances, answers)
        factor = _factor(kernel, distances)
        weights = cho_solve((factor, True), answers, check_finite=False)
        across = kernel.values_of(rows)
        values = (across @ weights).T
        values += (totals - values.sum(axis=1))[:, None] / self.n_players
        if len(signs) < GROUPS:
            return ShapleyFit(values, np.full(values.shape, np.inf))
        inverse, _ = dtrtri(factor, lower=1)
        known = inverse @ across.T
        rest = np.maximum(kernel.prior() - np.einsum("pi,pi->i", known, known), 0.0)
        alone = np.einsum(
            "pq,pq->q", inverse, inverse
        )  # diagonal of the inverse: 1 / variance given all others
        scale = (weights**2 / alone[:, None]).mean(
            axis=0
        )  # squared errors of leaving one out, in these variances
        return ShapleyFit(values, np.sqrt(np.outer(scale, rest)) * half_width_factor(len(rows)))

    def _kernel(self, distances: NDArray[np.intp], answers: NDArray[np.float64]) -> OddKernel:
        """Hyper-parameters, fitted again when the pairs have doubled, on at most ``FITTED_ON`` of them."""
        n = len(answers) - 1
        used = min(FITTED_ON, n if n < FITTED_ON // 2 else n // (FITTED_ON // 2) * (FITTED_ON // 2)) + 1
        if self._chosen is None or self._chosen[0] != used:
            self._chosen = (used, _likeliest(self.n_players, distances[:used, :used], answers[:used]))
        return self._chosen[1]


def _distances(rows: NDArray[np.float64]) -> NDArray[np.intp]:
    n = rows.shape[1]
    same = rows.astype(np.float32) @ rows.T.astype(np.float32)
    return np.asarray((n - np.rint(same)) / 2, dtype=np.intp)


def _factor(kernel: OddKernel, distances: NDArray[np.intp]) -> NDArray[np.float64]:
    """Lower Cholesky factor; the jitter grows where rounding asks for it."""
    matrix = kernel.by_distance().take(distances)
    jitter = _JITTER
    while True:
        matrix[np.diag_indices(len(matrix))] = 1.0 + jitter
        factor, failed = dpotrf(matrix, lower=1, clean=1)
        if not failed:
            return np.asarray(factor)
        jitter *= 10.0


def _likeliest(n: int, distances: NDArray[np.intp], answers: NDArray[np.float64]) -> OddKernel:
    """Hyper-parameters of the greatest marginal likelihood, one coordinate at a time on a grid.

    The variance of each output is profiled out; all outputs share the kernel.
    """
    strengths = np.geomspace(min(0.3, 0.4 / n), 0.9, _STRENGTHS)
    lively = answers[:, np.ptp(answers, axis=0) + np.abs(answers).max(axis=0) > 0]
    known: dict[tuple[int, int], float] = {}

    def cost(i: int, j: int) -> float:
        if (i, j) not in known:
            factor = _factor(OddKernel(n, float(strengths[i]), _LINEAR[j]), distances)
            white = solve_triangular(factor, lively, lower=True, check_finite=False)
            scales = np.maximum(np.einsum("po,po->o", white, white), 1e-300)
            determinant = 2.0 * np.log(np.diag(factor)).sum()
            known[i, j] = float(len(answers) * np.log(scales).mean() + determinant)
        return known[i, j]

    i, j = _STRENGTHS // 2, 0
    if lively.shape[1]:
        while True:
            before = (i, j)
            i = min(range(_STRENGTHS), key=lambda at: cost(at, j))
            j = min(range(len(_LINEAR)), key=lambda at: cost(i, at))
            if (i, j) == before:
                break
    return OddKernel(n, float(strengths[i]), _LINEAR[j])
