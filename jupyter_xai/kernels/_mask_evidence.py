"""How a Gaussian process over masks is fitted to answers: the kernel that makes them likeliest."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.linalg.blas import dsymm, dsyrk
from scipy.linalg.lapack import dpotrf, dpotri

from jupyter_xai.kernels._mask_kernel import MaskKernel

_JITTER = 1e-7
_SPREAD = 1.5  # how unlikely rates are that differ from each other by orders
_BOUNDS = {"rates": (-9.0, 2.0), "decay": (-0.5, 2.0), "noise": (-14.0, 2.0)}
_STEP = 0.1  # of the decay beside a rate's: the evidence bends about so much more along it
_STEPS, _KEPT = 40, 20
_GAIN, _LATELY = 0.2, 3  # a search ends once so many steps together won less: a likelihood ratio of 1.1
_STRIP = 64  # columns of a matrix at once, of which only the half below the diagonal is wanted


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

    Notes
    -----
    The search goes on for as long as it matters: it ends where three steps have made the answers less than 1.1 times
    likelier, or after 40 steps.
    """
    from scipy.optimize import OptimizeResult, minimize

    d = rows.shape[1]
    lively = answers[:, np.ptp(answers, axis=0) > 0]
    starts = [np.append(np.full(d, np.log(rate / d)), [0.0, np.log(1e-3)]) for rate in (0.5, 2.0, 6.0)]
    if not lively.shape[1]:
        return _kernel_at(starts[1])
    evidence = Evidence(rows, lively, np.maximum(counts, 1e-12))
    start = min(starts, key=lambda at: evidence(at)[0])
    steps = np.append(np.ones(d), [_STEP, 1.0])
    bounds = np.array([_BOUNDS["rates"]] * d + [_BOUNDS["decay"], _BOUNDS["noise"]]) / steps[:, None]
    values: list[float] = []

    def stepped(at: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        value, gradient = evidence(at * steps)
        return value, gradient * steps

    def enough(intermediate_result: OptimizeResult) -> None:
        values.append(float(intermediate_result.fun))
        if len(values) > _LATELY and values[-1 - _LATELY] - values[-1] < _GAIN:
            raise StopIteration

    found = minimize(
        stepped,
        start / steps,
        jac=True,
        method="L-BFGS-B",
        bounds=bounds,
        callback=enough,
        options={"maxiter": _STEPS, "maxcor": _KEPT},
    )
    return _kernel_at(found.x * steps)


def _kernel_at(at: NDArray[np.float64]) -> MaskKernel:
    return MaskKernel(np.exp(at[:-2]), float(at[-2]), float(np.exp(at[-1])))


class Evidence:
    """Twice the negative log marginal likelihood and its gradient, at logarithms of rates, decay, log of the noise.

    Matrices are symmetric: what is above their diagonals is never read, and they are written into the same memory
    again, since taking new memory would cost a third of the time.

    Parameters
    ----------
    rows : ndarray of shape (n, n_features)
    answers : ndarray of shape (n, outputs)
        None of them constant.
    counts : ndarray of shape (n,)
        Locality weights, above 0.

    Examples
    --------
    >>> rows = np.array([[1.0, 1.0], [1.0, 0.0], [0.0, 1.0], [0.0, 0.0], [1.0, 1.0]])
    >>> evidence = Evidence(rows, np.array([[3.0], [1.0], [1.0], [0.0], [3.0]]), np.ones(5))
    >>> rough, smooth = np.array([0.0, 0.0, 0.0, -7.0]), np.array([-5.0, -5.0, 0.0, -7.0])
    >>> bool(evidence(rough)[0] < evidence(smooth)[0])  # the product of the two is no small matter
    True
    """

    def __init__(
        self, rows: NDArray[np.float64], answers: NDArray[np.float64], counts: NDArray[np.float64]
    ) -> None:
        n = len(rows)
        self._counts, self._signs = counts, 2.0 * rows - 1.0
        self._log_sizes = np.log(np.maximum(rows.sum(axis=1), 1.0))
        self._known = np.asfortranarray(np.column_stack([basis(rows), answers]))
        self._sums = np.asfortranarray(np.column_stack([rows, np.ones(n)]))
        self._least = 1e-20 * (answers**2).sum(axis=0)
        self._matrix, self._inverse = np.zeros((n, n), order="F"), np.zeros((n, n), order="F")

    def __call__(self, at: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        """Value and gradient."""
        n, p = len(self._known), len(at) - 1
        rates, noise = np.exp(at[:-2]), np.exp(at[-1]) / self._counts
        matrix = self._covariances(rates, float(at[-2]))
        inverse, log_determinant = self._inverted(noise)
        solved = dsymm(1.0, inverse, self._known, lower=1)
        information = self._known[:, :p].T @ solved
        shared = information[:, p:]
        information = stiffened(information[:, :p])
        half = np.linalg.inv(np.linalg.cholesky(information))
        seen = solved[:, :p] @ half.T
        dual = solved[:, p:] - seen @ (half @ shared)
        squares = np.einsum("nt,nt->t", self._known[:, p:], dual) + self._least
        free, outputs = n - p, len(squares)
        value = free * np.log(squares).mean() + log_determinant - 2.0 * np.log(np.diagonal(half)).sum()
        taken = np.column_stack([seen, dual * np.sqrt(free / outputs / squares)])
        by_matrix = dsyrk(-1.0, taken, beta=1.0, c=inverse, lower=1, overwrite_c=1)
        by_noise = np.diagonal(by_matrix) @ noise
        by_matrix *= matrix
        sums = dsymm(1.0, by_matrix, self._sums, lower=1)
        apart = self._sums[:, :-1].T @ sums[:, -1] - np.einsum("nd,nd->d", self._sums[:, :-1], sums[:, :-1])
        centred = at[:-2] - at[:-2].mean()
        gradient = np.concatenate(
            [
                -2.0 * rates * apart + 2.0 * _SPREAD * centred,
                [-2.0 * (sums[:, -1] @ self._log_sizes), by_noise],
            ]
        )
        return float(value + _SPREAD * centred @ centred), gradient

    def _covariances(self, rates: NDArray[np.float64], decay: float) -> NDArray[np.float64]:
        """What ``MaskKernel.matrix`` says of the rows: signs that are equal take back half of what they might cost."""
        own = -0.25 * rates.sum() - decay * self._log_sizes
        ones = np.ones_like(own)
        left = np.column_stack([0.5 * rates * self._signs, own, ones])
        right = np.column_stack([self._signs, ones, own])
        for first in range(0, len(own), _STRIP):
            below, strip = slice(first, None), slice(first, first + _STRIP)
            part = self._matrix[below, strip].T
            np.exp(np.matmul(right[strip], left[below].T, out=part), out=part)
        return self._matrix

    def _inverted(self, noise: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
        """Inverse with noise, and log-determinant."""
        factor, log_determinant = factored(self._matrix, noise, self._inverse)
        return dpotri(factor, lower=1, overwrite_c=1)[0], log_determinant


def factored(
    matrix: NDArray[np.float64], noise: NDArray[np.float64], into: NDArray[np.float64]
) -> tuple[NDArray[np.float64], float]:
    """Lower Cholesky factor and log-determinant of a matrix with noise; the jitter grows where rounding asks for it.

    Parameters
    ----------
    matrix : ndarray of shape (n, n)
        What is above the diagonal is not read.
    noise : ndarray of shape (n,)
    into : ndarray of shape (n, n), in Fortran's order
        Where the factor is written; above its diagonal stays what is there.
    """
    diagonal, jitter = np.diagonal(matrix) + noise, _JITTER
    while True:
        into[:] = matrix
        into[np.diag_indices(len(into))] = diagonal + jitter * np.diagonal(matrix).max()
        factor, failed = dpotrf(into, lower=1, clean=0, overwrite_a=1)
        if not failed:
            return factor, float(2.0 * np.log(np.diagonal(factor)).sum())
        jitter *= 10.0


def stiffened(information: NDArray[np.float64]) -> NDArray[np.float64]:
    """The information on a basis, with a little more on its diagonal: columns may be the same.

    Examples
    --------
    >>> bool(np.linalg.cond(stiffened(np.ones((2, 2)))) < 1e10)
    True
    """
    stiff = information.copy()
    stiff[np.diag_indices(len(stiff))] += 1e-9 * max(1e-300, np.trace(stiff))
    return stiff


def basis(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """One, and each feature about 1/2.

    Examples
    --------
    >>> basis(np.array([[1.0, 0.0]]))
    array([[ 1. ,  0.5, -0.5]])
    """
    return np.column_stack([np.ones(len(rows)), rows - 0.5])
