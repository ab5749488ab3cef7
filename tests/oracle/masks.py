"""LIME's regression over every mask, and a Gaussian process' posterior mean on each, as they are written down."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray


def all_masks(d: int) -> NDArray[np.bool_]:
    return (np.arange(2**d)[:, None] >> np.arange(d) & 1) > 0


def ridge_over_all(
    function: NDArray[np.float64], chances: NDArray[Any], weights: NDArray[Any], penalty: float
) -> tuple[NDArray[np.float64], float]:
    """Minimise sum p(z) w(z) (f(z) - b0 - b.z)^2 + penalty |b|^2 by scikit-learn; also the weighted mean of f."""
    from sklearn.linear_model import Ridge

    d = len(chances) - 1
    masks = all_masks(d)
    mass = np.array([chances[k] / math.comb(d, k) * weights[k] for k in masks.sum(axis=1)])
    model = Ridge(alpha=penalty, solver="cholesky").fit(masks.astype(float), function, sample_weight=mass)
    return model.coef_, float(mass @ function / mass.sum())


def posterior_mean(
    covariance: Callable[[NDArray[Any], NDArray[Any]], NDArray[np.float64]],
    rows: NDArray[Any],
    answers: NDArray[np.float64],
    noise: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Mean on all masks of a linear function with free coefficients plus a process, by one big system of equations."""
    masks = all_masks(rows.shape[1]).astype(float)
    n = len(rows)
    basis = np.column_stack([np.ones(n), rows])
    system = np.block(
        [[covariance(rows, rows) + np.diag(noise), basis], [basis.T, np.zeros((basis.shape[1],) * 2)]]
    )
    solved = np.linalg.solve(system, np.concatenate([answers, np.zeros(basis.shape[1])]))
    return covariance(masks, rows) @ solved[:n] + np.column_stack([np.ones(len(masks)), masks]) @ solved[n:]
