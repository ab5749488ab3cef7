"""LIME on masks by a Gaussian process: what is not linear is learnt from the same draws, and then averaged exactly."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.linalg.blas import dsymm
from scipy.linalg.lapack import dpotri

from jupyter_xai.kernels._intervals import half_width_factor
from jupyter_xai.kernels._mask_evidence import basis, factored, likeliest, stiffened
from jupyter_xai.kernels._mask_kernel import MaskKernel, MaskRegression
from jupyter_xai.kernels._solvers import LinearFit, WeightedRidge

MOST_FEATURES = 64
"""Masks of more features are for the regression alone."""
LEAST_MASKS = 144
"""Different masks that it takes at least, and six a coefficient."""
MOST_MASKS = 600
"""Masks the process learns from at most; twice as many each time."""
BETTER = 0.7
"""The process is used where it leaves no more than this share of the regression's squared residuals."""

_APART = 1.3  # draws to one that is learnt from: the others say whether what is left of these can be believed
_FITTED_ON = 256
_ROUNDING = 1e-3  # of the range of answers: batches of other sizes may round in another way
_GROUPS = 32


class MaskProcess:
    """The process of one run.

    The model's answers are taken for a linear function plus a Gaussian process with a product kernel of one rate a
    feature, learnt from the first 144 different masks, then from twice as many, up to 600. LIME's coefficients of what
    it learnt are a sum over *all* masks of the measure that has a closed form (Bayesian quadrature: O'Hagan,
    "Bayes-Hermite quadrature", 1991). To them comes the ordinary regression on what the process leaves of the draws,
    each foretold by a process that has not seen it (cross-fitting: Chernozhukov et al., "Double/debiased machine
    learning", 2018): so the estimate is that of the regression whatever the process makes of the model, and standard
    errors are the regression's on what is left.

    Parameters
    ----------
    chances : ndarray of shape (n_features + 1,)
        Of each number of kept features; masks of one size are equally likely.
    weights : ndarray of shape (n_features + 1,)
        Locality weight of masks of each size.

    Notes
    -----
    Draws are left out in 32 stretches; leaving one out has a closed form with the kernel as it is. The process is used
    for the outputs of which it leaves at most 0.7 of the squares that the regression leaves, with an allowance for how
    few draws these may be made of; else the regression's own
    coefficients and errors stand. Once every mask was drawn, nothing is left to chance.

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
        self._kernel: MaskKernel | None = None
        self._learnt: _Learnt | None = None

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
        plain = draws.fit(penalty)
        if len(first) < draws.n and _differs(rows, draws.outputs):
            return plain  # a model that answers by chance: nothing is known of a mask for having asked once
        if len(first) == over.n_masks():
            own, means = over.of_all(rows[first], draws.outputs[first])
            intercepts = means - over.mean * own.sum(axis=1) + draws.shift
            every = np.ones(len(own), dtype=np.bool_)
            return _with(plain, draws, own, intercepts, np.zeros(own.shape), every, exact=True)
        size = _taken(len(first), d)
        if d > MOST_FEATURES or not size:
            return plain
        learnt = self._learnt_from(rows, draws, first[:size])
        left = learnt.left(rows, draws.outputs)
        rest = WeightedRidge(d)
        rest.add(rows > 0, draws.weights, left, draws.blocks)
        fit = rest.fit(penalty)
        squares, telling = rest.squares(fit.coefs, fit.intercepts), _telling(draws.weights, left)
        plain_squares = draws.squares(plain.coefs, plain.intercepts)
        better = squares * (1.0 + 2.0 / np.sqrt(telling)) <= BETTER * plain_squares
        if not better.any():
            return plain
        base, means = learnt.regression(over, draws.weights)
        intercepts = means - over.mean * base.sum(axis=1) + fit.intercepts + draws.shift
        wider = _surprise(draws, left, int(learnt.taken[-1]) + 1, penalty)
        wider *= [half_width_factor(count) for count in np.clip(telling, 2.0, draws.n)]
        errors = fit.std_errors * wider[:, None]
        return _with(plain, draws, base + fit.coefs, intercepts, errors, better)

    def _learnt_from(
        self, rows: NDArray[np.float64], draws: WeightedRidge, taken: NDArray[np.intp]
    ) -> _Learnt:
        if self._learnt is None or len(self._learnt.taken) != len(taken):
            if self._kernel is None:
                used = taken[: min(_FITTED_ON, _least(rows.shape[1]))]
                self._kernel = likeliest(rows[used], draws.outputs[used], self._counts(rows[used]))
            seen = rows[: int(taken[-1]) + 1]
            self._learnt = _Learnt(
                self._kernel, seen, draws.outputs[: len(seen)], taken, self._counts(rows[taken])
            )
        return self._learnt

    def _counts(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(self._weights[rows.sum(axis=1).astype(np.intp)])


class _Learnt:
    """A process that has learnt from the first different masks, and what it foretells of those left out in turn.

    Parameters
    ----------
    kernel : MaskKernel
    seen : ndarray of shape (n, n_features)
        The draws up to the last mask that is learnt from.
    answers : ndarray of shape (n, outputs)
    taken : ndarray of shape (n_masks,)
        Where each different mask comes first.
    counts : ndarray of shape (n_masks,)
        Locality weights of these masks.
    """

    def __init__(
        self,
        kernel: MaskKernel,
        seen: NDArray[np.float64],
        answers: NDArray[np.float64],
        taken: NDArray[np.intp],
        counts: NDArray[np.float64],
    ) -> None:
        self.kernel, self.rows, self.taken = kernel, seen[taken], taken
        self._system = _System(
            kernel.matrix(self.rows, self.rows), kernel.noise / np.maximum(counts, 1e-12), basis(self.rows)
        )
        self._dual, self._linear = self._system.solve(answers[taken])
        self._left = answers - self.predict(seen)
        self._groups = self._left_out(seen)
        self._regression: tuple[float, NDArray[np.float64], NDArray[np.float64]] | None = None

    def _left_out(
        self, seen: NDArray[np.float64]
    ) -> list[tuple[slice, NDArray[np.intp], NDArray[np.float64]]]:
        """Leave out each stretch of draws: its draws, the masks that are in it alone, and how they were missed."""
        edges = np.linspace(0, len(self.taken), min(_GROUPS, len(self.taken)) + 1).astype(np.intp)
        starts = np.append(self.taken[edges[:-1]], len(seen))
        group = np.searchsorted(starts, np.arange(len(seen)), side="right") - 1
        packed = np.packbits(seen.astype(np.bool_), axis=1)
        _, where, which = np.unique(packed, axis=0, return_index=True, return_inverse=True)
        which = np.argsort(np.argsort(where))[which.ravel()]  # numbered as they come, which is as taken
        elsewhere = np.zeros(len(self.taken), dtype=np.bool_)
        elsewhere[which[group != group[self.taken][which]]] = True
        found = []
        for k, (first, last) in enumerate(pairwise(edges)):
            masks = first + np.flatnonzero(~elsewhere[first:last])
            missed = np.linalg.solve(self._system.projected[np.ix_(masks, masks)], self._dual[masks])
            shift = np.zeros_like(self._dual)
            shift[masks] = missed - self._left[self.taken[masks]]
            draws = slice(int(starts[k]), int(starts[k + 1]))
            self._left[draws] += shift[which[draws]]
            found.append((draws, masks, missed))
        return found

    def predict(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        """Mean of the function at other masks, shape (n, outputs)."""
        parts = [
            self.kernel.matrix(rows[first : first + 512], self.rows) @ self._dual
            for first in range(0, len(rows), 512)
        ]
        return np.concatenate(parts) + basis(rows) @ self._linear

    def left(self, rows: NDArray[np.float64], answers: NDArray[np.float64]) -> NDArray[np.float64]:
        """What is left of all draws by processes that have not seen them, (n, outputs)."""
        known = len(self._left)
        if len(rows) > known:
            self._left = np.concatenate([self._left, answers[known:] - self.predict(rows[known:])])
        return self._left

    def regression(
        self, over: MaskRegression, weights: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Coefficients (outputs, features) and means (outputs,) of what was learnt: of the process that each draw was
        held against, by the weights of the draws.
        """
        d, system = over.n_features, self._system
        if self._regression is None or self._regression[0] != over.penalty:
            across, across_mean = self.kernel.regressed(self.rows, over)
            functional = np.vstack([across, across_mean])
            of_basis = np.zeros((d + 1, d + 1))
            of_basis[:d, 1:] = over.linear()
            of_basis[d] = np.concatenate([[1.0], np.full(d, over.mean - 0.5)])
            influence = (
                functional @ system.projected + of_basis @ (system.inverse_basis @ system.basis_inverse).T
            )
            whole = functional @ self._dual + of_basis @ self._linear
            changes = np.zeros(whole.shape)
            for draws, masks, missed in self._groups:
                changes += weights[draws].sum() * (influence[:, masks] @ missed)
            self._regression = (over.penalty, whole, changes)
        _, whole, changes = self._regression
        found = whole - changes / weights.sum()
        return found[:d].T, found[d]


def _least(n_features: int) -> int:
    """Different masks that the process takes at least."""
    return max(LEAST_MASKS, 6 * (n_features + 1))


def _taken(n_masks: int, n_features: int) -> int:
    """How many of so many different masks the process learns from; 0 while there are too few.

    Examples
    --------
    >>> [_taken(n, 12) for n in (150, 200, 500, 5000)]
    [0, 144, 288, 576]
    """
    size = _least(n_features)
    if n_masks < _APART * size:
        return 0
    while 2 * size <= min(n_masks / _APART, MOST_MASKS):
        size *= 2
    return size


def _differs(rows: NDArray[np.float64], answers: NDArray[np.float64]) -> bool:
    """Whether the answers on one mask differ by more than rounding."""
    packed = np.packbits(rows.astype(np.bool_), axis=1)
    _, where, which = np.unique(packed, axis=0, return_index=True, return_inverse=True)
    apart = np.abs(answers - answers[where[which.ravel()]]).max(axis=0)
    return bool((apart > _ROUNDING * (np.ptp(answers, axis=0) + 1e-6 * np.abs(answers).max(axis=0))).any())


def _telling(weights: NDArray[np.float64], left: NDArray[np.float64]) -> NDArray[np.float64]:
    """Draws that the sum of squares of each output is really made of."""
    squares = weights[:, None] * left**2
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.nan_to_num(squares.sum(axis=0) ** 2 / (squares**2).sum(axis=0), nan=np.inf))


def _surprise(
    draws: WeightedRidge, left: NDArray[np.float64], start: int, penalty: float
) -> NDArray[np.float64]:
    """How much wider intervals must be, for each output, for what two parts of the draws say to agree: from 1.

    The draws up to ``start`` are those the process has learnt from, each left out in turn; the later ones it has never
    seen. What is left of either has the same regression, so that they differ by chance alone (the ratio of Birge,
    "The calculation of errors by the method of least squares", 1932).
    """
    fits = []
    for part in (slice(0, start), slice(start, draws.n)):
        regression = WeightedRidge(draws.n_features)
        blocks = None if draws.blocks is None else draws.blocks[part] - draws.blocks[part][0]
        weights = draws.weights[part]
        regression.add(draws.rows.all()[part] > 0, weights, left[part], blocks)
        fits.append(regression.fit(penalty * len(weights) / draws.n))
    apart = (fits[0].coefs - fits[1].coefs) ** 2
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.nan_to_num(apart / (fits[0].std_errors ** 2 + fits[1].std_errors ** 2))
    by_chance = 1.0 + 1.0 / np.sqrt(draws.n_features)  # what a mean of so many squares may well be
    return np.asarray(np.sqrt(np.maximum(ratio.mean(axis=1) / by_chance, 1.0)))


def _with(
    plain: LinearFit,
    draws: WeightedRidge,
    own: NDArray[np.float64],
    own_intercepts: NDArray[np.float64],
    errors: NDArray[np.float64],
    better: NDArray[np.bool_],
    *,
    exact: bool = False,
) -> LinearFit:
    """The regression's local models, and the process' where they are better."""
    coefs = np.where(better[:, None], own, plain.coefs)
    intercepts = np.where(better, own_intercepts, plain.intercepts)
    std_errors = np.where(better[:, None], errors, plain.std_errors)
    r2 = draws.r_squared(coefs, intercepts)
    return replace(
        plain, coefs=coefs, intercepts=intercepts, std_errors=std_errors, r2=r2, learnt=better, exact=exact
    )


class _System:
    """The equations of a Gaussian process with noise, and a linear basis whose coefficients are free."""

    def __init__(
        self, matrix: NDArray[np.float64], noise: NDArray[np.float64], linear: NDArray[np.float64]
    ) -> None:
        factor, _ = factored(matrix, noise, np.empty(matrix.shape, order="F"))
        inverse = dpotri(factor, lower=1, overwrite_c=1)[0]
        self.inverse_basis = dsymm(1.0, inverse, linear, lower=1)
        self.basis_inverse = np.linalg.inv(stiffened(linear.T @ self.inverse_basis))
        whole = np.tril(inverse, -1)
        whole += whole.T
        whole[np.diag_indices(len(whole))] = np.diagonal(inverse)
        self.projected = whole - self.inverse_basis @ self.basis_inverse @ self.inverse_basis.T

    def solve(self, answers: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Weights of the kernel's sections, and of the basis."""
        return self.projected @ answers, self.basis_inverse @ (self.inverse_basis.T @ answers)


def _first_places(rows: NDArray[np.float64]) -> NDArray[np.intp]:
    """Where each different row comes first, in order."""
    packed = np.packbits(rows.astype(np.bool_), axis=1)
    return np.sort(np.unique(packed, axis=0, return_index=True)[1])
