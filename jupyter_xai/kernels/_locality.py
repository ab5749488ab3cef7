"""How close a draw is to the instance, and how much it counts."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from jupyter_xai.errors import InputError

METRICS = ("auto", "cosine", "euclidean", "manhattan", "hamming")
"""Names of distances; auto is the neighbourhood's own."""


def locality(distances: NDArray[np.float64], kernel_width: float) -> NDArray[np.float64]:
    """LIME's locality weights, ``sqrt(exp(-d^2 / width^2))``.

    Source: lime 0.2 (the paper has no square root).

    Examples
    --------
    >>> locality(np.array([0.0, 1.0]), 1.0).round(4)
    array([1.    , 0.6065])
    """
    return np.asarray(np.exp(-(distances**2) / (2.0 * kernel_width**2)))


def distances_to(
    instance: NDArray[Any], features: NDArray[Any], own: NDArray[np.float64], metric: Any
) -> NDArray[np.float64]:
    """Distance of each draw to the instance.

    Parameters
    ----------
    instance : ndarray of shape (n_features,)
    features : ndarray of shape (n, n_features)
    own : ndarray of shape (n,)
        The neighbourhood's own distances: the answer for "auto".
    metric : str or callable
        One of ``METRICS``, or ``metric(features, instance) -> (n,)``.

    Raises
    ------
    InputError
        If a callable does not answer with a finite number from 0 for each row.

    Examples
    --------
    >>> distances_to(np.ones(3), np.eye(3)[:1], np.zeros(1), "manhattan")
    array([2.])
    """
    if isinstance(metric, str):
        if metric == "auto":
            return own
        from sklearn.metrics import pairwise_distances

        rows = features.astype(np.float64)
        return np.asarray(pairwise_distances(rows, instance[None].astype(np.float64), metric=metric).ravel())
    return _numbers(metric(features, instance), len(features), "distance", "distance(features, instance)")


def weights_of(distances: NDArray[np.float64], width: float, kernel: Any) -> NDArray[np.float64]:
    """Weight of each draw: ``locality``, or what a callable ``kernel(distances, width)`` answers.

    Raises
    ------
    InputError
        If a callable does not answer with a finite number from 0 for each distance.
    """
    if isinstance(kernel, str):
        return locality(distances, width)
    return _numbers(kernel(distances, width), len(distances), "kernel", "kernel(distances, width)")


def _numbers(answer: Any, n: int, name: str, call: str) -> NDArray[np.float64]:
    try:
        numbers = np.asarray(answer, dtype=np.float64)
    except (TypeError, ValueError):
        numbers = np.empty(0)
    if numbers.shape != (n,) or not np.isfinite(numbers).all() or (numbers < 0).any():
        raise InputError(
            f"{name}= does not work: {call} must answer with a finite number from 0 for each of the {n} draws, shape "
            f"({n},); it answered with {type(answer).__name__} of shape {np.shape(answer)}. Mend it, or leave {name}= "
            "out."
        )
    return numbers
