"""Interactions as they cross to the browser: of the features that have most of them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from jupyter_xai.wire.plain import float32
from jupyter_xai.wire.schema import Pairs

MOST_PAIRED = 16


def encode_pairs(
    given: NDArray[np.float64],
    std_errors: NDArray[np.float64] | None,
    name: Callable[[int], str],
    *,
    own: float = 0.0,
) -> Pairs:
    """Encode the pairs of the features that have most to do with others.

    Parameters
    ----------
    given, std_errors : ndarray of shape (outputs, features, features)
    name : callable
        A feature as the view prints it.
    own : float
        What a feature's pair with itself counts beside its others.

    Examples
    --------
    >>> both = np.array([[[9.0, 0, 0], [0, 0, -2.0], [0, -2.0, 0]]])
    >>> encode_pairs(both, None, "abc".__getitem__)["names"]
    ['b', 'c', 'a']
    >>> encode_pairs(both, None, "abc".__getitem__, own=0.5)["names"]
    ['a', 'b', 'c']
    """
    count = given.shape[1]
    sizes = np.nan_to_num(np.abs(given)) * (1 - (1 - own) * np.eye(count))
    chosen = np.argsort(-sizes.sum(axis=2).max(axis=0), kind="stable")[:MOST_PAIRED]
    block = np.ix_(np.arange(len(given)), chosen, chosen)
    pairs = Pairs(
        names=[name(at) for at in chosen.tolist()], more=count - len(chosen), values=float32(given[block])
    )
    if std_errors is not None:
        pairs["std_errors"] = float32(std_errors[block])
    return pairs
