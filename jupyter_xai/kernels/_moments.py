"""Weighted moments of draws: less what controls explain of them, and for each of a few blocks of draws."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve

_CONTROLS = 1.0  # ridge penalty on the coefficients of controls, which have unit variance
_ENTRIES = 2**22  # of all matrices together: 32 MiB
_CHUNK_BYTES = 2**20  # worked on at a time: stays in the cache


def fits(n_blocks: int, n_columns: int) -> bool:
    """Whether so many blocks' moments are kept, and not the draws gone through again for each solution.

    Examples
    --------
    >>> fits(10, 90), fits(10, 1000)
    (True, False)
    """
    return n_blocks * (n_columns + 1) ** 2 <= _ENTRIES


class BlockMoments:
    """Sums over the draws of each block, from which residual scores follow without the draws.

    A score is ``sum w z (y - b0 - z b)``, which is linear in what is summed here. Squares of outputs are not summed:
    what is small beside the outputs would be lost in them.

    Parameters
    ----------
    n_blocks, n_columns, n_outputs : int

    Attributes
    ----------
    squares : ndarray of shape (n_blocks, n_columns + 1, n_columns + 1)
        Of the columns and a one with each other, weighted.
    products : ndarray of shape (n_blocks, n_columns + 1, n_outputs)
        The same with the outputs.

    Examples
    --------
    >>> sums = BlockMoments(2, 1, 1)
    >>> z, y = np.array([[1.0], [2.0], [3.0]]), np.array([[1.0], [2.0], [5.0]])
    >>> sums.add(z, None, np.ones(3), y, np.array([0, 1, 0]))
    >>> sums.squares[0].tolist(), sums.products[1].tolist()
    ([[10.0, 4.0], [4.0, 2.0]], [[4.0], [2.0]])
    """

    def __init__(self, n_blocks: int, n_columns: int, n_outputs: int) -> None:
        self.squares = np.zeros((n_blocks, n_columns + 1, n_columns + 1))
        self.products = np.zeros((n_blocks, n_columns + 1, n_outputs))

    def add(
        self,
        features: NDArray[Any],
        controls: NDArray[np.float32] | None,
        weights: NDArray[np.float64],
        outputs: NDArray[np.float64],
        blocks: NDArray[np.intp],
    ) -> None:
        """Take in draws; see ``WeightedRidge.add``. Side by side, features and controls are the columns."""
        width, d = self.squares.shape[1], features.shape[1]
        order = np.argsort(blocks.astype(np.uint16), kind="stable")  # short numbers are sorted by counting
        size = max(1, _CHUNK_BYTES // (8 * width))
        for first in range(0, len(order), size):
            rows = order[first : first + size]
            root, of = np.sqrt(weights[rows]), blocks[rows]
            z = np.empty((width, len(rows)))  # column by column, as a table's draws are
            z[:d] = features.T.take(rows, axis=1, mode="clip")
            if controls is not None:
                z[d:-1] = controls.T.take(rows, axis=1, mode="clip")
            z[-1] = 1.0
            z *= root
            scaled = outputs[rows] * root[:, None]
            edges = np.flatnonzero(np.diff(of, prepend=-1)).tolist()
            for start, stop in zip(edges, [*edges[1:], len(rows)], strict=True):
                some = z[:, start:stop]
                self.squares[of[start]] += some @ some.T
                self.products[of[start]] += some @ scaled[start:stop]

    def scores(
        self, coefs: NDArray[np.float64], intercepts: NDArray[np.float64], mean: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Sums over each block of the scores of linear models, shape (n_blocks, n_columns, n_outputs).

        Parameters
        ----------
        coefs : ndarray of shape (n_columns, n_outputs)
        intercepts : ndarray of shape (n_outputs,)
        mean : ndarray of shape (n_columns,)
            What the columns are centred at.
        """
        left = self.products - self.squares @ np.concatenate([coefs, intercepts[None]])
        return np.asarray(left[:, :-1] - mean[:, None] * left[:, -1:])


@dataclass(frozen=True, eq=False)
class Moments:
    """Centred moments of the features less what controls explain, and the controls' part in it.

    Parameters
    ----------
    gram : ndarray of shape (n_features, n_features)
    right : ndarray of shape (n_features, outputs)
    by_feature : ndarray of shape (n_controls, n_features), optional
        Coefficients of the controls in each feature; None without controls.
    by_output : ndarray of shape (n_controls, outputs), optional
    effective : float
        Effective number of the controls' coefficients.
    """

    gram: NDArray[np.float64]
    right: NDArray[np.float64]
    by_feature: NDArray[np.float64] | None = None
    by_output: NDArray[np.float64] | None = None
    effective: float = 0.0

    @classmethod
    def without_controls(
        cls, gram: NDArray[np.float64], right: NDArray[np.float64], n_features: int
    ) -> Moments:
        """From the moments of the features and, after them, the controls."""
        d, columns = n_features, len(gram)
        factor = cho_factor(gram[d:, d:] + _CONTROLS * np.eye(columns - d), lower=True)
        solved = cho_solve(factor, np.concatenate([gram[d:], right[d:]], axis=1))
        by_feature, by_output = solved[:, :d], solved[:, columns:]
        return cls(
            gram[:d, :d] - gram[:d, d:] @ by_feature,
            right[:d] - gram[:d, d:] @ by_output,
            by_feature,
            by_output,
            float(np.trace(solved[:, d:columns])),
        )

    def of_controls(self, coefs: NDArray[np.float64]) -> NDArray[np.float64] | None:
        """Coefficients of the controls beside these of the features, (n_controls, outputs)."""
        if self.by_feature is None or self.by_output is None:
            return None
        return self.by_output - self.by_feature @ coefs
