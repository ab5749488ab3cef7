"""Standard errors from blocks of draws, scaled so that 1.96 of them is the 95 % half-width."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from jupyter_xai.explanation import Z95

MAX_BLOCKS = 128
"""Groups of draws that a standard error is made of, at most."""
MIN_BLOCKS = 8
"""Independent blocks before which nothing counts as settled."""


def groups_of(blocks: NDArray[np.intp] | None, n: int, most: int = MAX_BLOCKS) -> NDArray[np.intp]:
    """Group of each of n draws, from 0 without a gap: their blocks, neighbouring ones together if they are many.

    Parameters
    ----------
    blocks : ndarray of shape (n,), optional
        Numbers from 0 without a gap. None: every draw is a block.
    n : int
    most : int

    Examples
    --------
    >>> groups_of(np.array([0, 0, 1, 1, 2, 2]), 6, most=2)
    array([0, 0, 0, 0, 1, 1])
    """
    blocks = np.arange(n) if blocks is None else blocks
    return np.asarray(blocks // -(-(int(blocks.max(initial=0)) + 1) // most))


def half_width_factor(n_blocks: float) -> float:
    """Student's quantile with one degree of freedom fewer than blocks, over 1.96.

    Examples
    --------
    >>> round(half_width_factor(9), 3), round(half_width_factor(1000), 3)
    (1.177, 1.001)
    """
    return float(stdtrit(n_blocks - 1, 0.975)) / Z95 if n_blocks > 1 else np.inf


def half_width_factors(n_blocks: NDArray[np.float64]) -> NDArray[np.float64]:
    """As ``half_width_factor``, for many numbers of blocks above 1.

    Examples
    --------
    >>> half_width_factors(np.array([9.0, 1000.0])).round(3)
    array([1.177, 1.001])
    """
    return np.asarray(stdtrit(n_blocks - 1.0, 0.975) / Z95)


def spread_of_sums(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    """Standard error of a total from its parts over independent blocks.

    Parameters
    ----------
    sums : ndarray of shape (n_blocks, ...)
        Each block's contribution.

    Returns
    -------
    ndarray of shape (...)
        Infinite with fewer than two blocks.
    """
    n_blocks = len(sums)
    if n_blocks < 2:
        return np.full(sums.shape[1:], np.inf)
    centred = sums - sums.mean(axis=0)
    return np.asarray(np.sqrt(n_blocks / (n_blocks - 1) * np.einsum("b...,b...->...", centred, centred)))
