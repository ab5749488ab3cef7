"""Where numeric columns are cut into bins: quantiles, or the splits of a small decision tree on labels."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from jupyter_xai.errors import InputError

Discretizer = Literal["quartile", "decile", "entropy", "none"]
"""How LIME sees numbers: in bins, or as they are."""

_PERCENTILES = {"quartile": (25, 50, 75), "decile": (10, 20, 30, 40, 50, 60, 70, 80, 90)}
_DEPTH = 3  # of lime's trees: eight bins at most


class Cutter:
    """Finds the inner borders of a column's bins.

    Parameters
    ----------
    discretizer : {"quartile", "decile", "entropy", "none"}
    labels : array of shape (n_rows,), optional
        What "entropy" tells apart: classes, or numbers.
    n_rows : int

    Raises
    ------
    InputError
        If labels are needed and missing, or are not one for each row.

    Notes
    -----
    The bins are lime 0.2's. "entropy" is a decision tree of depth 3 on the one column, by entropy for classes; where
    labels are numbers, which lime refuses, by squared error.

    Examples
    --------
    >>> Cutter("quartile", None, 5).borders(np.arange(5.0), np.ones(5, dtype=bool))
    array([1., 2., 3.])
    >>> Cutter("entropy", list("aabbb"), 5).borders(np.arange(5.0), np.ones(5, dtype=bool))
    array([1.5])
    """

    def __init__(self, discretizer: Discretizer, labels: Any, n_rows: int) -> None:
        self.discretizer = discretizer
        if discretizer != "entropy":
            return
        if labels is None:
            raise InputError(
                "discretizer='entropy' cuts columns where the labels change, but there are no labels. Pass labels=y, "
                "one for each row of the background, or discretizer='quartile'."
            )
        self._labels = np.asarray(labels.detach().cpu() if hasattr(labels, "detach") else labels)
        if self._labels.shape != (n_rows,):
            raise InputError(
                f"labels has shape {self._labels.shape}, but the background has {n_rows} rows. Pass one label a row."
            )

    def borders(self, values: NDArray[np.float64], seen: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Inner borders, ascending; values up to one of them lie below it.

        Parameters
        ----------
        values : ndarray of shape (n_rows,)
        seen : ndarray of shape (n_rows,), bool
            Where there is a number; at least once.
        """
        data = values[seen]
        percentiles = _PERCENTILES.get(self.discretizer)
        if percentiles is not None:
            return np.unique(np.percentile(data, percentiles))
        from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor
        from sklearn.utils.multiclass import type_of_target

        labels = self._labels[seen]
        if type_of_target(self._labels) == "continuous":
            tree: Any = DecisionTreeRegressor(max_depth=_DEPTH, random_state=0)
        else:
            tree = DecisionTreeClassifier(criterion="entropy", max_depth=_DEPTH, random_state=0)
        grown = tree.fit(data[:, None], labels).tree_
        splits = grown.threshold[grown.children_left >= 0]
        return np.unique(splits) if len(splits) else np.array([np.median(data)])
