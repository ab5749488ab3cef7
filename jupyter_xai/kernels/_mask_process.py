"""LIME on masks by a Gaussian process: what is not linear is learnt from the same draws, and then averaged exactly."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.linalg.lapack import dpotrf, dpotri

from jupyter_xai.kernels._intervals import half_width_factor
from jupyter_xai.kernels._mask_kernel import MaskKernel, MaskRegression
from jupyter_xai.kernels._solvers import LinearFit, WeightedRidge

MOST_FEATURES = 64
"""Masks of more features are for the regression alone."""
LEAST_MASKS = 192
"""Different masks that it takes at least, and six a coefficient."""
MOST_MASKS = 1500
"""Masks the process learns from; draws after these correct what it says."""
BETTER = 0.5
"""The process is used where its squared errors on masks left out are surely under this share of a line's."""

_FITTED_ON = 256
_STEP = 64
_JITTER = 1e-7
_GROUPS = 32
_SPREAD = 0.3  # how unlikely rates are that differ from each other by orders
_BOUNDS = {"rates": (-9.0, 2.0), "decay": (-0.5, 2.0), "noise": (-14.0, 2.0)}


@dataclass(frozen=True, eq=False)
class _Learnt:
    """A process that has learnt: LIME's coefficients, their errors, and how well it foretells."""

    kernel: MaskKernel
    rows: NDArray[np.float64]
    dual: NDArray[np.float64]
    linear: NDArray[np.float64]
    coefs: NDArray[np.float64]
    means: NDArray[np.float64]
    std_errors: NDArray[np.float64]
    share: NDArray[np.float64]

    def predict(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        """Mean of the function at other masks, shape (n, outputs)."""
        parts = [
            self.kernel.matrix(rows[first : first + 512], self.rows) @ self.dual
            for first in range(0, len(rows), 512)
        ]
        return np.concatenate(parts) + _basis(rows) @ self.linear


class MaskProcess:
    """The process of one run.

    The model's answers are taken for a linear function plus a Gaussian process with a product kernel of one rate a
    feature. LIME's coefficients are linear in the function, so that their posterior mean has a closed form (Bayesian
    quadrature: O'Hagan, "Bayes-Hermite quadrature", 1991): the answer of the regression on the process' mean over all
    masks of the same measure. Draws beyond the first 1500 different masks correct it by the ordinary regression on
    what it leaves of them.

    Parameters
    ----------
    chances : ndarray of shape (n_features + 1,)
        Of each number of kept features; masks of one size are equally likely.
    weights : ndarray of shape (n_features + 1,)
        Locality weight of masks of each size.

    Notes
    -----
    Where the process does not foretell masks that it is not shown clearly better than a line does, the regression's own
    coefficients and errors stand: the ratio of their squared errors, with an allowance for how few masks it may be made
    of, must be under a half. Else standard errors are the delete-a-group jackknife's (Kott, "The delete-a-group
    jackknife", 2001) with the kernel as it is, over 32 groups in closed form: rather too wide, as leaving out a group
    also loses what the process had learnt from it. They are no smaller than the regression's own, times the root
    of that ratio. Once every mask was drawn, nothing is left to chance.

    Examples
    --------
    >>> from jupyter_xai.maskers._designs import COINS
    >>> masks = COINS.balanced.draw(np.random.default_rng(0), 256, 4)
    >>> draws = WeightedRidge(4)
    >>> draws.add(
    ...     masks,
    ...     np.ones(256),
    ...     masks @ np.array([[1.0], [2.0], [0.0], [-1.0]]) + masks[:, :1] * masks[:, 1:2],
    ... )
    >>> process = MaskProcess(COINS.chances(4), np.ones(5))
    >>> process.fit(draws, 0.0).coefs.round(3) + 0.0  # as of all 16 masks
    array([[ 1.5,  2.5,  0. , -1. ]])
    """

    def __init__(self, chances: NDArray[np.float64], weights: NDArray[np.float64]) -> None:
        self._chances, self._weights = chances, weights
        self._kernel: tuple[int, MaskKernel] | None = None
        self._learnt: tuple[int, float, _Learnt] | None = None

    def fit(self, draws: WeightedRidge, penalty: float) -> LinearFit:
        """Coefficients of all outputs; the regression's while there are too few masks to learn from.

        Parameters
        ----------
        draws : WeightedRidge
            Of 0/1 rows.
        penalty : float
            Ridge penalty on the sum over the draws.
        """
        rows, d = draws.rows.all(), draws.n_features
        first = _first_places(rows)
        over = MaskRegression(self._chances, self._weights, penalty / draws.n)
        if len(first) == over.n_masks():
            coefs, means = over.of_all(rows[first], draws.outputs[first])
            none = np.zeros(coefs.shape)
            every = np.ones(len(coefs), dtype=np.bool_)
            return _chosen(draws, over, draws.fit(penalty), (coefs, means, none), every, exact=True)
        plain = draws.fit(penalty)
        if d > MOST_FEATURES or len(first) < max(LEAST_MASKS, 6 * (d + 1)):
            return plain
        taken = first[:MOST_MASKS]
        if self._learnt is None or self._learnt[:2] != (len(taken), over.penalty):
            learnt = self._learn(rows[taken], draws.outputs[taken], over)
            self._learnt = (len(taken), over.penalty, learnt)
        learnt = self._learnt[2]
        better = learnt.share <= BETTER
        if not better.any():
            return plain
        errors = np.maximum(learnt.std_errors, np.sqrt(learnt.share)[:, None] * plain.std_errors)
        found = (learnt.coefs, learnt.means, errors)
        if len(first) > MOST_MASKS:
            found = _corrected(replace(learnt, std_errors=errors), draws, rows, int(taken[-1]) + 1, penalty)
        return _chosen(draws, over, plain, found, better)

    def _learn(
        self, rows: NDArray[np.float64], answers: NDArray[np.float64], over: MaskRegression
    ) -> _Learnt:
        kernel = self._likeliest(rows, answers)
        basis, counts = _basis(rows), self._weights[rows.sum(axis=1).astype(np.intp)]
        system = _System(kernel.matrix(rows, rows), kernel.noise / np.maximum(counts, 1e-12), basis)
        dual, linear = system.solve(answers)
        across, across_mean = kernel.regressed(rows, over)
        of_basis = np.column_stack([np.zeros(over.n_features), over.linear()])
        mean_of_basis = np.concatenate([[1.0], np.full(over.n_features, over.mean - 0.5)])
        coefs = across @ dual + of_basis @ linear
        influence = across @ system.projected + of_basis @ (system.inverse_basis @ system.basis_inverse).T
        missed = dual / np.diagonal(system.projected)[:, None]  # each answer less what all others foretell
        squares = counts[:, None] * missed**2
        with np.errstate(divide="ignore", invalid="ignore"):
            telling = squares.sum(axis=0) ** 2 / (squares**2).sum(
                axis=0
            )  # masks that the sum is really made of
            share = (
                squares.sum(axis=0) * (1.0 + 2.0 / np.sqrt(telling)) / _missed_by_line(basis, answers, counts)
            )
        return _Learnt(
            kernel,
            rows,
            dual,
            linear,
            coefs.T.copy(),
            across_mean @ dual + mean_of_basis @ linear,
            np.sqrt(_jackknife(system.projected, dual, influence)) * half_width_factor(_GROUPS),
            np.where(np.isfinite(share), share, np.inf),
        )

    def _likeliest(self, rows: NDArray[np.float64], answers: NDArray[np.float64]) -> MaskKernel:
        """The kernel, fitted again when there are 64 masks more, on the first 256 at most."""
        used = min(_FITTED_ON, len(rows) // _STEP * _STEP)
        if self._kernel is None or self._kernel[0] != used:
            counts = self._weights[rows[:used].sum(axis=1).astype(np.intp)]
            self._kernel = (used, likeliest(rows[:used], answers[:used], counts))
        return self._kernel[1]


def _missed_by_line(
    basis: NDArray[np.float64], answers: NDArray[np.float64], counts: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Sum of the weighted squared errors of a line on answers that it is not fitted on, one an output."""
    root = np.sqrt(counts)[:, None]
    q, _ = np.linalg.qr(basis * root)
    left = answers * root
    left = left - q @ (q.T @ left)
    return np.asarray(((left / np.maximum(1.0 - (q**2).sum(axis=1), 1e-6)[:, None]) ** 2).sum(axis=0))


def _chosen(
    draws: WeightedRidge,
    over: MaskRegression,
    plain: LinearFit,
    found: tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]],
    better: NDArray[np.bool_],
    *,
    exact: bool = False,
) -> LinearFit:
    """The process' local models where they are better, else the regression's."""
    own, means, errors = found
    coefs = np.where(better[:, None], own, plain.coefs)
    own_intercepts = means - over.mean * own.sum(axis=1) + draws.shift
    intercepts = np.where(better, own_intercepts, plain.intercepts)
    std_errors = np.where(better[:, None], errors, plain.std_errors)
    r2 = draws.r_squared(coefs, intercepts)
    return replace(
        plain, coefs=coefs, intercepts=intercepts, std_errors=std_errors, r2=r2, learnt=better, exact=exact
    )


class _System:
    """The equations of a Gaussian process with noise, and a linear basis whose coefficients are free."""

    def __init__(
        self, matrix: NDArray[np.float64], noise: NDArray[np.float64], basis: NDArray[np.float64]
    ) -> None:
        factor, self.log_determinant = _factor(matrix, noise)
        half = dpotri(factor, lower=1)[0]
        self.inverse = np.tril(half) + np.tril(half, -1).T
        self.inverse_basis = self.inverse @ basis
        information = basis.T @ self.inverse_basis
        information[np.diag_indices(len(information))] += 1e-9 * max(1e-300, np.trace(information))
        self.information = information
        self.basis_inverse = np.linalg.inv(information)
        self.projected = self.inverse - self.inverse_basis @ self.basis_inverse @ self.inverse_basis.T

    def solve(self, answers: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Weights of the kernel's sections, and of the basis."""
        return self.projected @ answers, self.basis_inverse @ (self.inverse_basis.T @ answers)


def _factor(matrix: NDArray[np.float64], noise: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
    """Lower Cholesky factor and log-determinant; the jitter grows where rounding asks for it."""
    diagonal, jitter = np.diagonal(matrix) + noise, _JITTER
    while True:
        matrix[np.diag_indices(len(matrix))] = diagonal + jitter * np.diagonal(matrix).max()
        factor, failed = dpotrf(matrix, lower=1, clean=1)
        if not failed:
            return np.asarray(factor), float(2.0 * np.log(np.diagonal(factor)).sum())
        jitter *= 10.0


def _basis(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """One, and each feature about 1/2."""
    return np.column_stack([np.ones(len(rows)), rows - 0.5])


def _first_places(rows: NDArray[np.float64]) -> NDArray[np.intp]:
    """Where each different row comes first, in order."""
    packed = np.packbits(rows.astype(np.bool_), axis=1)
    return np.sort(np.unique(packed, axis=0, return_index=True)[1])


def _jackknife(
    projected: NDArray[np.float64], dual: NDArray[np.float64], influence: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Variance of the coefficients, (outputs, features), from what leaving out each of 32 groups changes."""
    n = len(dual)
    found = np.zeros((dual.shape[1], len(influence)))
    edges = np.linspace(0, n, min(_GROUPS, n) + 1).astype(np.intp)
    for first, last in pairwise(edges):
        group = slice(first, last)
        missed = np.linalg.solve(
            projected[group, group], dual[group]
        )  # answers less what the others foretell
        found += (influence[:, group] @ missed).T ** 2
    return found


def _corrected(
    learnt: _Learnt, draws: WeightedRidge, rows: NDArray[np.float64], start: int, penalty: float
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Coefficients, means and errors after the regression on what the process leaves of the draws from ``start``.

    Both know the same coefficients with independent errors: each counts by the inverse of its variance.
    """
    n = len(rows) - start
    left = draws.outputs[start:] - learnt.predict(rows[start:])
    later = WeightedRidge(rows.shape[1])
    blocks = None if draws.blocks is None else draws.blocks[start:] - draws.blocks[start]
    later.add(rows[start:], draws.weights[start:], left, blocks)
    fit = later.fit(penalty * n / len(rows))
    own, other = learnt.std_errors**2, fit.std_errors**2
    with np.errstate(invalid="ignore", over="ignore"):
        share = np.where(np.isfinite(other), own / np.maximum(own + other, 1e-300), 0.0)
        errors = np.sqrt(np.where(np.isfinite(other), share * other, own))
    shifts = draws.weights[start:] @ left / draws.weights[start:].sum()
    return learnt.coefs + share * fit.coefs, learnt.means + share.mean(axis=1) * shifts, errors


def likeliest(
    rows: NDArray[np.float64], answers: NDArray[np.float64], counts: NDArray[np.float64]
) -> MaskKernel:
    """The kernel of the greatest marginal likelihood, all outputs together, each with a variance of its own.

    Parameters
    ----------
    rows : ndarray of shape (n, n_features)
    answers : ndarray of shape (n, outputs)
    counts : ndarray of shape (n,)
        Locality weights.
    """
    from scipy.optimize import minimize

    d = rows.shape[1]
    lively = answers[:, np.ptp(answers, axis=0) > 0]
    starts = [np.append(np.full(d, np.log(rate / d)), [0.0, np.log(1e-3)]) for rate in (0.5, 2.0, 6.0)]
    if not lively.shape[1]:
        return _kernel_at(starts[1])
    evidence = _Evidence(rows, lively, np.maximum(counts, 1e-12))
    start = min(starts, key=lambda at: evidence(at)[0])
    bounds = [_BOUNDS["rates"]] * d + [_BOUNDS["decay"], _BOUNDS["noise"]]
    found = minimize(evidence, start, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": 40})
    return _kernel_at(found.x)


def _kernel_at(at: NDArray[np.float64]) -> MaskKernel:
    return MaskKernel(np.exp(at[:-2]), float(at[-2]), float(np.exp(at[-1])))


class _Evidence:
    """Twice the negative log marginal likelihood and its gradient, at logarithms of rates, decay, log of the noise."""

    def __init__(
        self, rows: NDArray[np.float64], answers: NDArray[np.float64], counts: NDArray[np.float64]
    ) -> None:
        self._rows, self._answers, self._counts = rows, answers, counts
        self._basis = _basis(rows)
        self._log_sizes = np.log(np.maximum(rows.sum(axis=1), 1.0))
        self._least = 1e-20 * (answers**2).sum(axis=0)

    def __call__(self, at: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        """Value and gradient."""
        kernel, n, p = _kernel_at(at), len(self._rows), self._basis.shape[1]
        matrix = kernel.matrix(self._rows, self._rows)
        noise = kernel.noise / self._counts
        system = _System(matrix.copy(), noise, self._basis)
        dual = system.projected @ self._answers
        squares = np.einsum("nt,nt->t", self._answers, dual) + self._least
        free, outputs = n - p, len(squares)
        value = free * np.log(squares).mean() + system.log_determinant
        value += float(np.linalg.slogdet(system.information)[1])
        by_matrix = system.projected - free / outputs * (dual / squares) @ dual.T
        weighted = by_matrix * matrix
        rates = np.exp(at[:-2])
        apart = np.einsum("dn,nd->d", self._rows.T @ weighted, 1.0 - self._rows)
        apart += np.einsum("dn,nd->d", (1.0 - self._rows).T @ weighted, self._rows)
        centred = at[:-2] - at[:-2].mean()
        gradient = np.concatenate(
            [
                -rates * apart + 2.0 * _SPREAD * centred,
                [-2.0 * (weighted.sum(axis=1) @ self._log_sizes)],
                [np.diagonal(by_matrix) @ noise],
            ]
        )
        return float(value + _SPREAD * centred @ centred), gradient
