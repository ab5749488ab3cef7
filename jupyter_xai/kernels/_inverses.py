"""The inverse of a penalised matrix of moments, with more draws than features and with fewer."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve
from scipy.linalg.lapack import dpotrf, dpotri, dpotrs

from jupyter_xai.kernels._rows import Rows


class Inverse:
    """``(G + alpha I)^-1`` by Cholesky, or by eigenvalues (pseudo-inverse) where that is singular."""

    effective: float
    """Effective number of parameters: the trace of the inverse times G."""

    def __init__(self, gram: NDArray[np.float64], alpha: float) -> None:
        system = gram + alpha * np.eye(len(gram))
        self._factor, info = dpotrf(system, lower=1)
        diagonal = np.diagonal(self._factor)
        self._exact = info == 0 and bool(diagonal.min() ** 2 > 1e-12 * diagonal.max() ** 2)
        if self._exact:
            half = np.tril(dpotri(self._factor, lower=1)[0])
            self._matrix = half + np.tril(half, -1).T
        else:
            values, vectors = np.linalg.eigh(system)
            keep = values > 1e-12 * max(values[-1], 1e-300)
            self._matrix = (vectors[:, keep] / values[keep]) @ vectors[:, keep].T
        self.effective = float(np.vdot(self._matrix, gram))

    def solve(self, right: NDArray[np.float64]) -> NDArray[np.float64]:
        """Solve for the coefficients: by the factor where there is one, which loses fewer digits."""
        return np.asarray(dpotrs(self._factor, right, lower=1)[0]) if self._exact else self @ right

    def __matmul__(self, right: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(self._matrix @ right)


class DualInverse:
    """The same for more features than draws, through an n x n matrix (Woodbury's identity)."""

    def __init__(
        self, rows: Rows, weights: NDArray[np.float64], mean: NDArray[np.float64], alpha: float
    ) -> None:
        n = len(weights)
        self._rows, self._root, self._mean = rows, np.sqrt(weights), mean
        self._kernel = np.zeros((n, n))
        for columns, z in rows.column_chunks():
            scaled = (z - mean[columns]) * self._root[:, None]
            self._kernel += scaled @ scaled.T
        trace = float(np.trace(self._kernel))
        self._alpha = max(alpha, 1e-8 * trace / n, 1e-300)
        self._factor = cho_factor(self._kernel + self._alpha * np.eye(n), lower=True)
        self.effective = n - self._alpha * float(np.trace(cho_solve(self._factor, np.eye(n))))

    def solve(self, right: NDArray[np.float64]) -> NDArray[np.float64]:
        """Solve for the coefficients."""
        return self @ right

    def __matmul__(self, right: NDArray[np.float64]) -> NDArray[np.float64]:
        forward = np.zeros((len(self._root), right.shape[1]))
        for columns, z in self._rows.column_chunks():
            forward += ((z - self._mean[columns]) * self._root[:, None]) @ right[columns]
        inner = cho_solve(self._factor, forward)
        out = right.copy()
        for columns, z in self._rows.column_chunks():
            out[columns] -= ((z - self._mean[columns]) * self._root[:, None]).T @ inner
        return out / self._alpha
