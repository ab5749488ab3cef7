"""Weighted ridge regression over draws that arrive block by block, all outputs at once, with intervals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jupyter_xai.kernels import _rows
from jupyter_xai.kernels._intervals import MAX_BLOCKS, groups_of, half_width_factor, spread_of_sums
from jupyter_xai.kernels._inverses import DualInverse, Inverse
from jupyter_xai.kernels._moments import BlockMoments, Moments, fits
from jupyter_xai.kernels._rows import Rows, joined
from jupyter_xai.kernels._selection import Selector

_PRIMAL = 3000  # features up to which the d x d Gram matrix is kept
_ENOUGH = 5  # draws a coefficient from which controls are regressed on as well


@dataclass(frozen=True, eq=False)
class LinearFit:
    """A fitted linear model for each output.

    Parameters
    ----------
    coefs : ndarray of shape (outputs, n_features)
    intercepts : ndarray of shape (outputs,)
    std_errors : ndarray of shape (outputs, n_features)
        Scaled so that 1.96 of it is the 95 % half-width; infinite with fewer draws than parameters.
    r2 : ndarray of shape (outputs,)
        Weighted R squared; 1 where the outputs do not vary and the fit is exact.
    kept : ndarray of shape (outputs, n_features), bool
        The features that the model of each output was allowed; coefficient and error of the others are 0.
    learnt : ndarray of shape (outputs,), bool, optional
        Which outputs' models come from a process that learnt the outputs; None: of no output.
    exact : bool, default=False
        Whether it is the regression on all draws there could be.
    """

    coefs: NDArray[np.float64]
    intercepts: NDArray[np.float64]
    std_errors: NDArray[np.float64]
    r2: NDArray[np.float64]
    kept: NDArray[np.bool_]
    learnt: NDArray[np.bool_] | None = None
    exact: bool = False


class WeightedRidge:
    """Ridge regression with sample weights and an unpenalised intercept, fed block by block.

    Minimises ``sum_j w_j (y_j - b0 - z_j b)^2 + alpha |b|^2`` for every output with one factorisation (lime
    0.2's surrogate; ``alpha`` is not scaled by the number of draws).

    Parameters
    ----------
    n_features : int
    n_controls : int, default=0
        Columns that draws bring beside their features, of expectation 0 whatever these are. They are regressed on as
        well once there are five draws a coefficient, and are no part of the model.
    n_blocks : int, optional
        Blocks that all draws there will be belong to, where these are few: then moments are kept for each, and to
        solve does not go through the draws again.

    Notes
    -----
    Standard errors are the sandwich ``A^-1 (sum_b s_b s_b') A^-1`` with ``A = Zc' W Zc + alpha I`` and
    ``s_b`` the sum of the weighted residual scores over block b of the draws, times n / (n - effective
    parameters), with Student's quantile for the number of blocks. They are about the finite number of draws,
    at this alpha; no noise is assumed. Blocks are the draws' own where these depend on each other, as balanced
    ones do; neighbouring blocks are taken together if there are more than 128.
    """

    def __init__(self, n_features: int, n_controls: int = 0, n_blocks: int | None = None) -> None:
        self.n_features = n_features
        self.n_controls = n_controls if n_features + n_controls <= _PRIMAL else 0
        self.n = 0
        self.rows = Rows(n_features)
        self._weights: list[NDArray[np.float64]] = []
        self._outputs: list[NDArray[np.float64]] = []
        self._blocks: list[NDArray[np.intp]] = []
        self._shift: NDArray[np.float64] | None = None
        self._controls: list[NDArray[np.float32]] = []
        columns = n_features + self.n_controls
        self._few = n_blocks if n_blocks is not None and fits(n_blocks, columns) else None
        self._by_block: BlockMoments | None = None
        self._gathered = 0  # draws that were in the blocks when they were last summed
        self._gram = np.zeros((columns, columns)) if n_features <= _PRIMAL else None
        self._sum_z = np.zeros(columns)
        self._sum_zy: NDArray[np.float64] | None = None

    def add(
        self,
        features: NDArray[Any],
        weights: NDArray[np.float64],
        outputs: NDArray[np.float64],
        blocks: NDArray[np.intp] | None = None,
        controls: NDArray[np.float32] | None = None,
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
        controls : ndarray of shape (n, n_controls), optional
            Not None if there are controls.
        """
        if self._shift is None:
            self._shift = np.array(outputs[0], dtype=np.float64)
            self._sum_zy = np.zeros((len(self._sum_z), len(self._shift)))
            if self._few is not None and blocks is not None:
                self._by_block = BlockMoments(self._few, len(self._sum_z), len(self._shift))
        y = outputs - self._shift
        if self._by_block is not None:
            assert blocks is not None
            self._by_block.add(features, controls if self.n_controls else None, weights, y, blocks)
        else:
            self._sum(features, weights, y, controls)
        self.rows.add(features)
        if self.n_controls and controls is not None and self._by_block is None:
            self._controls.append(controls)
        self._weights.append(weights)
        self._outputs.append(y)
        if blocks is not None:
            self._blocks.append(blocks)
        self.n += len(weights)

    def _sum(
        self,
        features: NDArray[Any],
        weights: NDArray[np.float64],
        y: NDArray[np.float64],
        controls: NDArray[np.float32] | None,
    ) -> None:
        """Add to the moments of all draws."""
        assert self._sum_zy is not None
        root = np.sqrt(weights)[:, None]
        size = max(1, _rows.CHUNK_BYTES // (8 * len(self._sum_z)))
        for first in range(0, len(y), size):
            rows = slice(first, first + size)
            z = np.empty((len(y[rows]), len(self._sum_z)))
            z[:, : self.n_features] = features[rows]
            if self.n_controls:
                assert controls is not None
                z[:, self.n_features :] = controls[rows]
            z *= root[rows]
            if self._gram is not None:
                self._gram += z.T @ z
            self._sum_z += root[rows, 0] @ z
            self._sum_zy += z.T @ (root[rows] * y[rows])

    def _gather(self) -> None:
        """The moments of all draws from those of the blocks."""
        if self._by_block is not None and self._gathered < self.n:
            self._gathered = self.n
            squares = self._by_block.squares.sum(axis=0)
            self._gram, self._sum_z = squares[:-1, :-1], squares[-1, :-1]
            self._sum_zy = self._by_block.products[:, :-1].sum(axis=0)

    def n_blocks(self) -> int:
        """Independent blocks so far."""
        return int(joined(self._blocks).max()) + 1 if self._blocks else self.n

    @property
    def weights(self) -> NDArray[np.float64]:
        """Weight of each draw, shape (n,)."""
        return joined(self._weights)

    @property
    def outputs(self) -> NDArray[np.float64]:
        """Outputs of each draw less the first draw's, shape (n, outputs)."""
        return joined(self._outputs)

    @property
    def shift(self) -> NDArray[np.float64]:
        """Outputs of the first draw, shape (outputs,)."""
        assert self._shift is not None
        return self._shift

    @property
    def blocks(self) -> NDArray[np.intp] | None:
        """Block of each draw, shape (n,); None if all are independent."""
        return joined(self._blocks) if self._blocks else None

    def groups(self, most: int = MAX_BLOCKS) -> NDArray[np.intp]:
        """Group of each draw, of at most so many independent ones."""
        return groups_of(self.blocks, self.n, most)

    def moments(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Centred and weighted moments of the features with themselves and with the outputs.

        Returns
        -------
        ndarray of shape (n_features, n_features)
        ndarray of shape (n_features, outputs)
        """
        found = self._moments()
        return found.gram, found.right

    def _moments(self) -> Moments:
        """The moments less what controls explain of either, and how to get back."""
        self._gather()
        assert self._sum_zy is not None
        w, d = self.weights, self.n_features
        total = float(w.sum())
        gram = self._gram if self._gram is not None else self.rows.gram(w)
        right = self._sum_zy - np.outer(self._sum_z, w @ self.outputs / total)
        centred = gram - np.outer(self._sum_z, self._sum_z / total)
        if not self.n_controls or self.n < _ENOUGH * (1 + len(self._sum_z)):
            return Moments(centred[:d, :d], right[:d])
        return Moments.without_controls(centred, right, d)

    def r_squared(self, coefs: NDArray[np.float64], intercepts: NDArray[np.float64]) -> NDArray[np.float64]:
        """Weighted R squared of linear models, shape (outputs,).

        Parameters
        ----------
        coefs : ndarray of shape (outputs, n_features)
        intercepts : ndarray of shape (outputs,)
            For outputs as they were given.
        """
        return self._r_squared(self._scores(coefs.T, intercepts - self.shift)[1])

    def squares(self, coefs: NDArray[np.float64], intercepts: NDArray[np.float64]) -> NDArray[np.float64]:
        """Weighted sum of the squared residuals of linear models, shape (outputs,); see ``r_squared``."""
        return self._scores(coefs.T, intercepts - self.shift)[1]

    def fit(self, alpha: float, selector: Selector | None = None) -> LinearFit:
        """Solve for all outputs, in float64.

        Parameters
        ----------
        alpha : float
            Ridge penalty; 0 gives least squares, of least norm where that is not unique.
        selector : Selector, optional
            Chooses the features of each output's model; None gives all of them to each.
        """
        self._gather()
        assert self._sum_zy is not None
        w, y = self.weights, self.outputs
        total, d = float(w.sum()), self.n_features
        z_mean, y_mean = self._sum_z / total, w @ y / total
        moments: Moments | None = None
        coefs = np.zeros((d, y.shape[1]))
        kept = np.ones(coefs.T.shape, dtype=np.bool_)
        parts: list[tuple[NDArray[np.intp], NDArray[np.intp], Inverse | DualInverse]] = []
        if selector is None and self._gram is None and self.n < d:
            right = self._sum_zy - np.outer(self._sum_z, y_mean)
            parts.append((np.arange(d), np.arange(y.shape[1]), DualInverse(self.rows, w, z_mean, alpha)))
        else:
            moments = self._moments()
            gram, right = moments.gram, moments.right
            if selector is None:
                parts.append((np.arange(d), np.arange(y.shape[1]), Inverse(gram, alpha)))
            else:
                kept = np.stack([selector.keep(gram, column, self.n) for column in right.T])
                choices, which = np.unique(kept, axis=0, return_inverse=True)
                for k, choice in enumerate(choices):
                    features = np.flatnonzero(choice)
                    inverse = Inverse(gram[np.ix_(features, features)], alpha)
                    parts.append((features, np.flatnonzero(which.ravel() == k), inverse))
        for features, targets, solver in parts:
            coefs[np.ix_(features, targets)] = solver.solve(right[np.ix_(features, targets)])
        used = moments.of_controls(coefs) if moments is not None else None
        intercepts = y_mean - z_mean[:d] @ coefs
        if used is not None:
            intercepts -= z_mean[d:] @ used
        scores, residual = self._scores(coefs, intercepts, used, moments)
        std_errors = np.zeros(coefs.shape)
        for features, targets, solver in parts:
            lost = solver.effective + (moments.effective if moments is not None else 0.0)
            std_errors[np.ix_(features, targets)] = self._errors(
                solver, scores[:, features][:, :, targets], lost
            )
        return LinearFit(
            coefs.T.copy(), intercepts + self.shift, std_errors.T.copy(), self._r_squared(residual), kept
        )

    def _errors(
        self, inverse: Inverse | DualInverse, scores: NDArray[np.float64], effective: float
    ) -> NDArray[np.float64]:
        """Standard errors (features, outputs) from the sums of scores over groups (groups, features, outputs)."""
        n_groups, n_features, _ = scores.shape
        free = self.n - 1.0 - effective
        if free <= 0:
            return np.full(scores.shape[1:], np.inf)
        influence = inverse @ scores.transpose(1, 0, 2).reshape(n_features, -1)
        errors = spread_of_sums(influence.reshape(n_features, n_groups, -1).transpose(1, 0, 2))
        scale = half_width_factor(n_groups) * np.sqrt(self.n / free)
        with np.errstate(invalid="ignore"):
            return np.where(errors == 0, 0.0, errors * scale)

    def _r_squared(self, residual: NDArray[np.float64]) -> NDArray[np.float64]:
        w, y = self.weights, self.outputs
        spread = w @ (y - w @ y / w.sum()) ** 2
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(
                residual <= 1e-20 * w.sum() * (1 + np.abs(self.shift)) ** 2, 1.0, 1.0 - residual / spread
            )

    def _scores(
        self,
        coefs: NDArray[np.float64],
        intercepts: NDArray[np.float64],
        used: NDArray[np.float64] | None = None,
        moments: Moments | None = None,
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Sums of weighted residual scores over each group, and the weighted sum of the model's squared residuals.

        Coefficients have shape (n_features, outputs), intercepts are those of the shifted outputs. With coefficients
        of the controls, ``used``, scores are those of the regression with them.
        """
        if self._by_block is not None:
            scores = self._block_scores(coefs, intercepts, used)
            return self._without(scores, used, moments), self._squares(coefs, intercepts)
        w, y, groups = self.weights, self.outputs, self.groups()
        n_columns = self.n_features if used is None else len(self._sum_z)
        z_mean = self._sum_z[:n_columns] / w.sum()
        n_groups = int(groups.max()) + 1
        scores = np.zeros((n_groups, n_columns, y.shape[1]))
        left_sums = np.zeros((n_groups, y.shape[1]))
        residual = np.zeros(y.shape[1])
        for rows, features in self.rows.chunks():
            z = features
            left = y[rows] - intercepts
            left -= z @ coefs
            residual += np.einsum("nt,n->t", left**2, w[rows])
            if used is not None:
                more = joined(self._controls)[rows].astype(np.float64)
                left -= more @ used
                z = np.concatenate([z, more], axis=1)
            weighted = left * w[rows, None]
            group = groups[rows]
            if (group[1:] < group[:-1]).any():
                order = np.argsort(group, kind="stable")
                group, z, weighted = group[order], z[order], weighted[order]
            edges = np.flatnonzero(np.diff(group, prepend=-1))
            left_sums[group[edges]] += np.add.reduceat(weighted, edges, axis=0)
            for first, last in zip(edges, [*edges[1:], len(group)], strict=True):
                scores[group[first]] += z[first:last].T @ weighted[first:last]
        scores -= z_mean[:, None] * left_sums[:, None, :]
        return self._without(scores, used, moments), residual

    def _without(
        self,
        scores: NDArray[np.float64],
        used: NDArray[np.float64] | None,
        moments: Moments | None,
    ) -> NDArray[np.float64]:
        """Scores of the features, less what the controls explain of them."""
        if used is None or moments is None or moments.by_feature is None:
            return scores
        d = self.n_features
        return np.asarray(scores[:, :d] - np.einsum("cf,gct->gft", moments.by_feature, scores[:, d:]))

    def _block_scores(
        self,
        coefs: NDArray[np.float64],
        intercepts: NDArray[np.float64],
        used: NDArray[np.float64] | None,
    ) -> NDArray[np.float64]:
        """The sums of scores over each block so far, from its moments."""
        assert self._by_block is not None
        beside = np.zeros((self.n_controls, coefs.shape[1])) if used is None else used
        scores = self._by_block.scores(
            np.concatenate([coefs, beside]), intercepts, self._sum_z / self.weights.sum()
        )
        return scores[: self.n_blocks(), : self.n_features if used is None else len(self._sum_z)]

    def _squares(self, coefs: NDArray[np.float64], intercepts: NDArray[np.float64]) -> NDArray[np.float64]:
        """The weighted sum of squared residuals from the moments, about the outputs' means."""
        assert self._gram is not None
        assert self._sum_zy is not None
        w, y, d = self.weights, self.outputs, self.n_features
        total, z_sum = float(w.sum()), self._sum_z[:d]
        mean = w @ y / total
        right = self._sum_zy[:d] - np.outer(z_sum, mean)
        gram = self._gram[:d, :d] - np.outer(z_sum, z_sum / total)
        left = w @ (y - mean) ** 2 - np.einsum("ft,ft->t", coefs, 2 * right - gram @ coefs)
        return np.asarray(np.maximum(left, 0.0) + total * (mean - intercepts - z_sum / total @ coefs) ** 2)
