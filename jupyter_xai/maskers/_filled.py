"""Rows of plain numbers with absent columns filled from background rows."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def chosen(own: NDArray[Any], background: NDArray[Any], masks: NDArray[np.bool_]) -> NDArray[Any]:
    """Each mask with each background row, mask-major: own values where it is true.

    Parameters
    ----------
    own : ndarray of shape (n_columns,)
    background : ndarray of shape (n_rows, n_columns)
    masks : ndarray of shape (n, n_columns), bool

    Returns
    -------
    ndarray of shape (n * n_rows, n_columns)

    Notes
    -----
    By the bits of the numbers, over all background rows of a mask at once: ``where`` goes column by column and takes
    half as long again; and with a mask for each number beside it, each batch gets its memory anew from the system.

    Examples
    --------
    >>> chosen(np.array([1.0, 2.0]), np.array([[5.0, 6.0]]), np.array([[True, False]])).tolist()
    [[1.0, 6.0]]
    """
    if own.dtype != background.dtype or own.itemsize > 8:
        return np.where(np.ascontiguousarray(masks)[:, None], own, background).reshape(-1, len(own))
    word = np.dtype(f"i{own.itemsize}")
    rows = np.ascontiguousarray(background).view(word).ravel()
    change = (np.ascontiguousarray(background).view(word) ^ own.view(word)).ravel()
    bits = np.repeat(-masks.astype(word)[:, None], len(background), axis=1).reshape(len(masks), -1)
    bits &= change
    bits ^= rows
    return bits.view(own.dtype).reshape(-1, len(own))
