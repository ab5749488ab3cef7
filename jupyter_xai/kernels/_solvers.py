"""Weighted ridge regression over draws that arrive block by block, all outputs at once, with intervals."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve
from scipy.linalg.lapack import dpotrf, dpotri, dpotrs

from jupyter_xai.kernels._intervals import groups_of, half_width_factor, spread_of_sums

_CHUNK_BYTES = 2**17  # worked on at a time: stays in the cache
_COLUMNS_BYTES = 2**24
_RAW_BYTES = 2**22  # rows up to here are held a byte a feature
_PRIMAL = 3000  # features up to which the d x d Gram matrix is kept


@dataclass(frozen=True, eq=False)
class RidgeFit:
    """A fitted surrogate for each output.

    Parameters
    ----------
    coefs : ndarray of shape (outputs, n_features)
    intercepts : ndarray of shape (outputs,)
    std_errors : ndarray of shape (outputs, n_features)
        Scaled so that 1.96 of it is the 95 % half-width; infinite with fewer draws than parameters.
    r2 : ndarray of shape (outputs,)
        Weighted R squared; 1 where the outputs do not vary and the fit is exact.
    """

    coefs: NDArray[np.float64]
    intercepts: NDArray[np.float64]
    std_errors: NDArray[np.float64]
    r2: NDArray[np.float64]


class Draws:
    """Rows of features held compactly: 0/1 as bytes while they are few, as bits when they are many, else float32."""

    def __init__(self, n_features: int) -> None:
        self.n_features = n_features
        self._parts: list[NDArray[Any]] = []
        self._bytes = 0
        self._packed = False

    def add(self, features: NDArray[Any]) -> None:
        """Append rows; all bool or none."""
        bits = features.dtype == np.bool_
        self._bytes += features.size
        if bits and not self._packed and self._bytes > _RAW_BYTES:
            self._parts = [np.packbits(part, axis=1) for part in self._parts]
            self._packed = True
        if self._packed:
            self._parts.append(np.packbits(features, axis=1))
        else:
            self._parts.append(features if bits else features.astype(np.float32))

    def chunks(self) -> Iterator[tuple[slice, NDArray[np.float64]]]:
        """Stretches of rows as float64, of bounded size."""
        rows = _joined(self._parts)
        size = max(1, _CHUNK_BYTES // (8 * self.n_features))
        for start in range(0, len(rows), size):
            part = rows[start : start + size]
            if self._packed:
                part = np.unpackbits(part, axis=1, count=self.n_features)
            yield slice(start, start + len(part)), part.astype(np.float64)

    def column_chunks(self) -> Iterator[tuple[slice, NDArray[np.float64]]]:
        """Stretches of columns as float64, all rows each."""
        rows = _joined(self._parts)
        width = max(8, _COLUMNS_BYTES // (8 * len(rows)) // 8 * 8)
        for start in range(0, self.n_features, width):
            columns = slice(start, min(start + width, self.n_features))
            part = rows[:, columns]
            if self._packed:
                part = np.unpackbits(rows[:, start // 8 : -(-columns.stop // 8)], axis=1)[
                    :, : columns.stop - start
                ]
            yield columns, part.astype(np.float64)

    def gram(self, weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """``Z' W Z``."""
        total = np.zeros((self.n_features, self.n_features))
        for rows, z in self.chunks():
            total += z.T @ (z * weights[rows, None])
        return total


class WeightedRidge:
    """Ridge regression with sample weights and an unpenalised intercept, fed block by block.

    Minimises ``sum_j w_j (y_j - b0 - z_j b)^2 + alpha |b|^2`` for every output with one factorisation (lime
    0.2's surrogate; ``alpha`` is not scaled by the number of draws).

    Parameters
    ----------
    n_features : int

    Notes
    -----
    Standard errors are the sandwich ``A^-1 (sum_b s_b s_b') A^-1`` with ``A = Zc' W Zc + alpha I`` and
    ``s_b`` the sum of the weighted residual scores over block b of the draws, times n / (n - effective
    parameters), with Student's quantile for the number of blocks. They are about the finite number of draws,
    at this alpha; no noise is assumed. Blocks are the draws' own where these depend on each other, as balanced
    ones do; neighbouring blocks are taken together if there are more than 128.
    """

    def __init__(self, n_features: int) -> None:
        self.n_features = n_features
        self.n = 0
        self._rows = Draws(n_features)
        self._weights: list[NDArray[np.float64]] = []
        self._outputs: list[NDArray[np.float64]] = []
        self._blocks: list[NDArray[np.intp]] = []
        self._shift: NDArray[np.float64] | None = None
        self._gram = np.zeros((n_features, n_features)) if n_features <= _PRIMAL else None
        self._sum_z = np.zeros(n_features)
        self._sum_zy: NDArray[np.float64] | None = None

    def add(
        self,
        features: NDArray[Any],
        weights: NDArray[np.float64],
        outputs: NDArray[np.float64],
        blocks: NDArray[np.intp] | None = None,
    ) -> None:
        """Take in draws.

        Parameters
        ----------
        features : ndarray of shape (n, n_features)
            Bool, or numbers.
        weights : ndarray of shape (n,)
        outputs : ndarray of shape (n, outputs)
        blocks : ndarray of shape (n,), optional
            Which draws depend on each other, numbered over all that are added; None for independent draws.
        """
        if self._shift is None:
            self._shift = np.array(outputs[0], dtype=np.float64)
            self._sum_zy = np.zeros((self.n_features, len(self._shift)))
        assert self._sum_zy is not None
        y = outputs - self._shift
        root = np.sqrt(weights)[:, None]
        size = max(1, _CHUNK_BYTES // (8 * self.n_features))
        for first in range(0, len(y), size):
            rows = slice(first, first + size)
            z = features[rows].astype(np.float64)
            z *= root[rows]
            if self._gram is not None:
                self._gram += z.T @ z
            self._sum_z += root[rows, 0] @ z
            self._sum_zy += z.T @ (root[rows] * y[rows])
        self._rows.add(features)
        self._weights.append(weights)
        self._outputs.append(y)
        if blocks is not None:
            self._blocks.append(blocks)
        self.n += len(weights)

    def n_blocks(self) -> int:
        """Independent blocks so far."""
        return int(_joined(self._blocks).max()) + 1 if self._blocks else self.n

    def fit(self, alpha: float) -> RidgeFit:
        """Solve for all outputs, in float64.

        Parameters
        ----------
        alpha : float
            Ridge penalty; 0 gives least squares, of least norm where that is not unique.
        """
        assert self._shift is not None
        assert self._sum_zy is not None
        w, y = _joined(self._weights), _joined(self._outputs)
        total = float(w.sum())
        z_mean, y_mean = self._sum_z / total, w @ y / total
        right = self._sum_zy - np.outer(self._sum_z, y_mean)
        inverse: _Inverse | _DualInverse
        if self._gram is None and self.n < self.n_features:
            inverse = _DualInverse(self._rows, w, z_mean, alpha)
        else:
            gram = self._gram if self._gram is not None else self._rows.gram(w)
            inverse = _Inverse(gram - np.outer(self._sum_z, z_mean), alpha)
        coefs = inverse.solve(right)
        intercepts = y_mean - z_mean @ coefs
        scores, residual = self._scores(w, y, z_mean, coefs, intercepts)
        y_spread = w @ (y - y_mean) ** 2
        with np.errstate(divide="ignore", invalid="ignore"):
            r2 = np.where(
                residual <= 1e-20 * total * (1 + np.abs(self._shift)) ** 2, 1.0, 1.0 - residual / y_spread
            )
        n_blocks = len(scores)
        influence = (inverse @ scores.transpose(1, 0, 2).reshape(self.n_features, -1)).reshape(
            self.n_features, n_blocks, -1
        )
        free = self.n - 1.0 - inverse.effective
        scale = half_width_factor(n_blocks) * np.sqrt(self.n / free) if free > 0 else np.inf
        errors = spread_of_sums(influence.transpose(1, 0, 2))
        with np.errstate(invalid="ignore"):
            std_errors = (
                np.where(errors == 0, 0.0, errors * scale) if free > 0 else np.full_like(errors, np.inf)
            )
        return RidgeFit(coefs.T.copy(), intercepts + self._shift, std_errors.T.copy(), r2)

    def _scores(
        self,
        w: NDArray[np.float64],
        y: NDArray[np.float64],
        z_mean: NDArray[np.float64],
        coefs: NDArray[np.float64],
        intercepts: NDArray[np.float64],
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Sums of weighted residual scores over each block, and the weighted sum of squared residuals."""
        groups = groups_of(_joined(self._blocks) if self._blocks else None, self.n)
        n_groups = int(groups.max()) + 1
        scores = np.zeros((n_groups, self.n_features, y.shape[1]))
        left_sums = np.zeros((n_groups, y.shape[1]))
        residual = np.zeros(y.shape[1])
        for rows, chunk in self._rows.chunks():
            left = y[rows] - intercepts
            left -= chunk @ coefs
            weighted = left * w[rows, None]
            residual += np.einsum("nt,nt->t", weighted, left)
            group, z = groups[rows], chunk
            if (group[1:] < group[:-1]).any():
                order = np.argsort(group, kind="stable")
                group, z, weighted = group[order], chunk[order], weighted[order]
            edges = np.flatnonzero(np.diff(group, prepend=-1))
            left_sums[group[edges]] += np.add.reduceat(weighted, edges, axis=0)
            for first, last in zip(edges, [*edges[1:], len(group)], strict=True):
                scores[group[first]] += z[first:last].T @ weighted[first:last]
        scores -= z_mean[:, None] * left_sums[:, None, :]
        return scores, residual


def _joined(parts: list[NDArray[Any]]) -> NDArray[Any]:
    """The one array of a list of arrays, which is shortened to it."""
    if len(parts) > 1:
        parts[:] = [np.concatenate(parts)]
    return parts[0]


class _Inverse:
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


class _DualInverse:
    """The same for more features than draws, through an n x n matrix (Woodbury's identity)."""

    def __init__(
        self, rows: Draws, weights: NDArray[np.float64], mean: NDArray[np.float64], alpha: float
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
