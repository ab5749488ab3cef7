"""What faithfulness metrics share: random removals, and what is said where nothing moves."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from jupyter_xai.errors import InputError
from jupyter_xai.explanation import Explanation

CONSTANT = (
    "The model answers the same whatever is removed: there is nothing that an explanation could be right or "
    "wrong about."
)


def random_masks(rng: np.random.Generator, n: int, n_features: int) -> NDArray[np.bool_]:
    """Masks that remove any number of features, from one to all, each number as often; True keeps.

    Examples
    --------
    >>> masks = random_masks(np.random.default_rng(0), 100, 4)
    >>> masks.shape, bool(masks.all(axis=1).any())
    ((100, 4), False)
    """
    sizes = rng.integers(1, n_features + 1, size=n)
    ranks = rng.random((n, n_features)).argsort(axis=1).argsort(axis=1)
    return np.asarray(ranks >= sizes[:, None])


def still(drops: NDArray[np.float64], explanation: Explanation, without: int | None = None) -> bool:
    """Whether an output never moves, rounding aside; ``without`` is one that is left out."""
    scale = np.maximum(1.0, np.abs(explanation.predictions))
    scale = scale if without is None else np.delete(scale, without)
    return bool((np.abs(drops).max(axis=0) <= 1e-9 * scale).any())


def count(n: Any) -> int:
    if isinstance(n, bool) or not hasattr(n, "__index__") or int(n) < 2:
        raise InputError(f"{n!r} perturbations do not work: expected a whole number from 2.")
    return int(n)


def logit(p: NDArray[np.float64]) -> NDArray[np.float64]:
    clipped = np.clip(p, 1e-7, 1 - 1e-7)
    return np.asarray(np.log(clipped) - np.log1p(-clipped))


def plain(unit: str) -> str:
    return "" if unit == "raw" else unit


def method_of(explanation: Explanation) -> str:
    return explanation.method or "This method"
