"""A number for each row that depends on its place in the data and the seed alone, whatever chunk it comes in."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def priorities(rows: NDArray[np.int64], random_state: int | None) -> NDArray[np.uint64]:
    """A 64-bit number a row, as good as random (splitmix64).

    Parameters
    ----------
    rows : ndarray of shape (n,), int
    random_state : int or None

    Examples
    --------
    >>> whole = priorities(np.arange(10), 0)
    >>> bool((whole[4:] == priorities(np.arange(4, 10), 0)).all()), len(set(whole.tolist()))
    (True, 10)
    """
    seed = np.uint64((0 if random_state is None else int(random_state)) % 2**63)
    with np.errstate(over="ignore"):
        mixed = rows.astype(np.uint64) + seed * np.uint64(0xD1342543DE82EF95) + np.uint64(1)
        mixed = mixed * np.uint64(0x9E3779B97F4A7C15)
        for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
            mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
        return np.asarray(mixed ^ (mixed >> np.uint64(31)))
