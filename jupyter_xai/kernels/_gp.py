"""Shapley values by a Gaussian process over coalitions, of which only the odd part matters."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_solve
from scipy.linalg.lapack import dtrtri

from jupyter_xai.kernels._intervals import half_width_factors
from jupyter_xai.kernels._likelihood import factor, likeliest, lively, relevances
from jupyter_xai.kernels._odd_kernels import Covariance
from jupyter_xai.kernels._shapley import GROUPS, ShapleyFit, spread_of_rest

MOST_PAIRS = 1500
"""More pairs than this are for the regression: a Cholesky factor grows with their cube."""
FITTED_ON = 256
"""Hyper-parameters are fitted on the first so many pairs at most."""
FLATTERED = 1.8
"""Hyper-parameters make the squared errors of the pairs they were fitted on smaller by this factor at most: halves of
the pairs, of which more is asked, overstate it.
"""
CAUTIOUS = 5.0
"""Where halves of the pairs foretell each other worse by so many times the square, or the process' own variance is so
many times what it leaves of the pairs bears out, intervals of games in the benchmarks hold the truth in more than 98 %.
"""
OPTIMISTIC = (0.03, 0.5)
"""Where what is left comes of a smaller share of the pairs than this, and is so much more than the process' own
variance (that is below this share of it), such intervals hold the truth in less than 92 %.
"""


@dataclass(frozen=True, eq=False)
class _Fitted:
    """Hyper-parameters, and how far they flatter the pairs they were fitted on.

    Parameters
    ----------
    used : int
        Rows they were fitted on.
    kernel : Covariance
    flattery : float
        Squared errors of pairs that had no part in the hyper-parameters, over those of pairs that had.
    """

    used: int
    kernel: Covariance
    flattery: float


class OddProcess:
    """The process of one run: keeps its hyper-parameters as pairs are added.

    Each player has a strength of its own (automatic relevance determination: MacKay, 1994; Neal, "Bayesian learning for
    neural networks", 1996), where there are two pairs or more for each.

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
        self._chosen: _Fitted | None = None
        self._unborne, self._telling = 0.0, 1.0

    @property
    def cautious(self) -> bool:
        """Whether the intervals of the last fit are likely to be wider than they need be.

        Half of the pairs then foretell the other half far worse than all of them foretell each other, or the process'
        own variance is far above what it leaves of the pairs: both where a game is nearly known already.
        """
        return self._chosen is not None and max(self._chosen.flattery, self._unborne) > CAUTIOUS

    @property
    def optimistic(self) -> bool:
        """Whether the intervals of the last fit are likely to be narrower than they should be.

        A few of very many pairs then surprise far more than the others and than the process expects, and more of that
        kind may be among the pairs that were not asked.
        """
        share, unborne = OPTIMISTIC
        return self._telling < share and self._unborne < unborne

    def fit(
        self, signs: NDArray[np.float64], odd: NDArray[np.float64], totals: NDArray[np.float64]
    ) -> ShapleyFit:
        """Posterior mean and standard deviation of the Shapley values.

        A standard error is that of a weighted mean of what the process leaves of each pair, foretold from all the
        others: were that mean added to the values, they would hold whatever the process makes of the game. Pairs on
        which hyper-parameters were fitted are foretold too well; how much so is told by fitting them on either half
        and foretelling the other. What the process itself says of its values, scaled so that what it leaves of the
        pairs is as large as it expects, is the least they may be off by.

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
        chosen = self._hyper_parameters(rows, answers)
        solved = _Solved(chosen.kernel, rows, answers)
        values = (solved.across @ solved.weights).T
        values += (totals - values.sum(axis=1))[:, None] / self.n_players
        self._unborne, self._telling = 0.0, 1.0
        if len(signs) < GROUPS:
            return ShapleyFit(values, np.full(values.shape, np.inf))
        squares = (solved.weights / solved.alone[:, None]) ** 2
        least = np.outer(squares.T @ solved.alone / len(rows), solved.spread())
        squares[: chosen.used] *= min(chosen.flattery, FLATTERED)
        variance, telling = spread_of_rest(signs, squares[1:])
        with np.errstate(divide="ignore", invalid="ignore"):
            self._unborne = float(np.nan_to_num(least.sum(axis=1) / variance.sum(axis=1)).max())
        self._telling = float(np.median(telling, axis=1).min()) / len(signs)
        variance *= half_width_factors(np.maximum(telling, 2.0)) ** 2
        return ShapleyFit(values, np.sqrt(np.maximum(variance, least)))

    def _hyper_parameters(self, rows: NDArray[np.float64], answers: NDArray[np.float64]) -> _Fitted:
        """Fitted again when the pairs have doubled, on at most ``FITTED_ON`` of them."""
        n = len(answers) - 1
        used = min(FITTED_ON, n if n < FITTED_ON // 2 else n // (FITTED_ON // 2) * (FITTED_ON // 2)) + 1
        if self._chosen is None or self._chosen.used != used:
            self._chosen = _fitted(rows[:used], answers[:used])
        return self._chosen


class _Solved:
    """A process that was told some answers.

    Parameters
    ----------
    kernel : Covariance
    rows : ndarray of shape (pairs, players)
    answers : ndarray of shape (pairs, outputs)
    """

    def __init__(self, kernel: Covariance, rows: NDArray[np.float64], answers: NDArray[np.float64]) -> None:
        lower = factor(kernel.matrix(rows))
        self.kernel, self.rows = kernel, rows
        self.weights = cho_solve((lower, True), answers, check_finite=False)
        self.inverse, _ = dtrtri(lower, lower=1)
        self.across = kernel.values_of(rows)
        self.alone = np.einsum(
            "pq,pq->q", self.inverse, self.inverse
        )  # 1 / variance of each, given all others

    def spread(self) -> NDArray[np.float64]:
        """Variance of each Shapley value that is left."""
        known = self.inverse @ self.across.T
        left = self.kernel.prior() - np.einsum("pi,pi->i", known, known)
        return np.asarray(np.maximum(left, 0.0))


def _fitted(rows: NDArray[np.float64], answers: NDArray[np.float64]) -> _Fitted:
    """Hyper-parameters of the greatest likelihood, a strength for each player where there are two pairs for each."""
    pairs, n = len(rows) - 1, rows.shape[1]
    alike = likeliest(rows, answers)
    moved = answers[:, lively(answers)]
    if pairs < 2 * max(n, GROUPS) or not moved.shape[1]:
        return _Fitted(len(rows), alike, 1.0)
    kernel = relevances(rows, answers, alike)
    own, honest = _alone(kernel, rows, moved), np.empty((len(rows), moved.shape[1]))
    half = np.arange(len(rows)) % 2 == 0
    for told in (half, ~half):
        told[0] = True  # what there is to share out is known to all
        other = relevances(rows[told], moved[told], alike)
        honest[~told] = _alone(other, rows, moved)[~told]
    worse = honest[1:].sum(axis=0) / np.maximum(own[1:].sum(axis=0), 1e-300)
    return _Fitted(len(rows), kernel, max(1.0, float(np.median(worse))))


def _alone(
    kernel: Covariance, rows: NDArray[np.float64], answers: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Squared error of each answer, foretold from all the others, (pairs, outputs)."""
    lower = factor(kernel.matrix(rows))
    weights = cho_solve((lower, True), answers, check_finite=False)
    inverse, _ = dtrtri(lower, lower=1)
    return np.asarray((weights / np.einsum("pq,pq->q", inverse, inverse)[:, None]) ** 2)
