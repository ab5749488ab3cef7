"""LIME's ways to keep a few features, from moments of the draws alone: no regression is fitted anew a step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Selection = Literal["auto", "none", "forward_selection", "highest_weights", "lasso_path"]

_GREEDY = 6  # lime's rule: greedy for up to so many features
_PENALTY = 0.01  # of the ridge regression that highest_weights ranks by


@dataclass(frozen=True)
class Selector:
    """Chooses the features that a local model may use, as lime 0.2 does.

    Parameters
    ----------
    method : {"auto", "none", "forward_selection", "highest_weights", "lasso_path"}
    n_features : int or None
        How many to keep; None keeps all.
    instance : ndarray of shape (features,)
        The instance's own row, which weights are multiplied with before they are ranked.

    Notes
    -----
    All of it is done on the centred and weighted moments ``G = Zc' W Zc`` and ``c = Zc' W yc``:
    ``highest_weights`` ranks ``|coefficient x instance|`` of a ridge regression (penalty 0.01) on all features;
    ``forward_selection`` adds the feature that raises the weighted R squared of least squares the most, by a
    Cholesky factorisation that grows a column a step; ``lasso_path`` walks the LARS-lasso path back from its end
    to the first model of at most so many features. ``auto`` is greedy for up to six features, else ranks weights.

    Examples
    --------
    >>> selector = Selector("auto", 1, np.ones(2))
    >>> selector.keep(np.eye(2), np.array([0.1, -3.0]), 10)
    array([False,  True])
    """

    method: Selection
    n_features: int | None
    instance: NDArray[np.float64]

    @property
    def name(self) -> str:
        """The method that is really used."""
        if self.n_features is None or self.n_features >= len(self.instance):
            return "none"
        if self.method == "auto":
            return "forward_selection" if self.n_features <= _GREEDY else "highest_weights"
        return self.method

    def keep(self, gram: NDArray[np.float64], right: NDArray[np.float64], n: int) -> NDArray[np.bool_]:
        """Which features to keep for one output.

        Parameters
        ----------
        gram : ndarray of shape (features, features)
        right : ndarray of shape (features,)
        n : int
            Draws they are made of.
        """
        name, kept = self.name, np.ones(len(right), dtype=np.bool_)
        if name == "none" or self.n_features is None:
            return kept
        kept[:] = False
        if name == "forward_selection":
            kept[forward(gram, right, self.n_features)] = True
        elif name == "highest_weights":
            weights = np.linalg.solve(gram + _PENALTY * np.eye(len(right)), right) * self.instance
            kept[np.argsort(-np.abs(weights), kind="stable")[: self.n_features]] = True
        else:
            kept[lasso_path(gram, right, self.n_features, n)] = True
        return kept


def forward(gram: NDArray[np.float64], right: NDArray[np.float64], n_features: int) -> list[int]:
    """Features in the order in which each raises R squared the most.

    Parameters
    ----------
    gram : ndarray of shape (features, features)
    right : ndarray of shape (features,)
    n_features : int

    Examples
    --------
    >>> forward(np.array([[1.0, 0.9, 0.0], [0.9, 1.0, 0.0], [0.0, 0.0, 1.0]]), np.array([2.0, 1.9, 1.0]), 2)
    [0, 2]
    """
    left, spread = right.copy(), np.diagonal(gram).copy()  # what earlier features leave unexplained
    least = 1e-10 * np.maximum(spread, 1e-300)
    factor = np.zeros((n_features, len(right)))
    chosen: list[int] = []
    for step in range(min(n_features, len(right))):
        gains = np.where(spread > least, left**2 / np.maximum(spread, least), 0.0)
        gains[chosen] = -1.0
        best = int(np.argmax(gains))
        if spread[best] > least[best]:
            row = (gram[best] - factor[:step].T @ factor[:step, best]) / np.sqrt(spread[best])
            left = left - row * (left[best] / np.sqrt(spread[best]))
            spread = spread - row**2
            factor[step] = row
        chosen.append(best)
    return chosen


def lasso_path(
    gram: NDArray[np.float64], right: NDArray[np.float64], n_features: int, n: int
) -> NDArray[np.intp]:
    """Features of the last model on the LARS-lasso path that has at most so many; of the second model at least."""
    from sklearn.linear_model import lars_path_gram

    _, _, path = lars_path_gram(right, gram, n_samples=n, method="lasso")
    found = np.arange(len(right))
    for step in range(path.shape[1] - 1, 0, -1):
        found = np.flatnonzero(path[:, step])
        if len(found) <= n_features:
            break
    return np.asarray(found)
