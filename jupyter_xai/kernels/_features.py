"""From pairs of a model's columns to pairs of features."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


def together(pairs: NDArray[np.float64], members: Sequence[Sequence[int]]) -> NDArray[np.float64]:
    """Pairs of features from those of columns.

    Examples
    --------
    >>> together(np.array([[[3.0, -1.0, 1.0], [-1.0, 0.0, 2.0], [1.0, 2.0, 0.0]]]), [[0], [1, 2]]).round(2)
    array([[[3.  , 1.41],
            [1.41, 2.83]]])
    """
    squares: Any = pairs**2
    for axis in (1, 2):
        squares = np.stack([squares.take(list(some), axis).sum(axis) for some in members], axis)
    found = np.sqrt(squares)
    alone = np.array([len(some) == 1 for some in members])
    at = np.array([some[0] if some else 0 for some in members])
    signed = pairs[:, at][:, :, at]
    return np.asarray(np.where(alone[:, None] & alone, signed, found))
