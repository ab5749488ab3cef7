"""DeepLIFT of small dense networks, read literally from the paper: every sum a loop, both signs kept apart."""

from __future__ import annotations

import numpy as np


def rescale(f, x0, x, positive, negative):
    """dy+ = dy/dx dx+, dy- = dy/dx dx-; so both multipliers are dy/dx."""
    if x == x0:
        h = 1e-6
        return ((f(x + h) - f(x - h)) / (2 * h),) * 2
    return ((f(x) - f(x0)) / (x - x0),) * 2


def reveal_cancel(f, x0, x, positive, negative):
    """Equations of section 3.5.3; a part that is 0 has no multiplier."""
    up = 0.5 * (f(x0 + positive) - f(x0)) + 0.5 * (f(x0 + negative + positive) - f(x0 + negative))
    down = 0.5 * (f(x0 + negative) - f(x0)) + 0.5 * (f(x0 + positive + negative) - f(x0 + positive))
    return up / positive if positive else 0.0, down / negative if negative else 0.0


def deeplift(layers, activations, x, x0, rule):
    """Contributions of the inputs to the first output.

    Parameters
    ----------
    layers : list of (weight, bias)
    activations : list of function
        After each layer but the last.
    x, x0 : ndarray
    rule : function
    """
    values, values0 = [np.asarray(x, float)], [np.asarray(x0, float)]
    inner, inner0 = [], []
    for at, (W, b) in enumerate(layers):
        inner.append(
            np.array([sum(W[k][j] * values[-1][j] for j in range(len(W[k]))) + b[k] for k in range(len(W))])
        )
        inner0.append(
            np.array([sum(W[k][j] * values0[-1][j] for j in range(len(W[k]))) + b[k] for k in range(len(W))])
        )
        if at < len(activations):
            values.append(np.array([activations[at](v) for v in inner[-1]]))
            values0.append(np.array([activations[at](v) for v in inner0[-1]]))
    above = np.zeros(len(layers[-1][0]))
    above[0] = 1.0
    plus = minus = above  # multipliers of the positive and of the negative part of each unit's inner value
    for at in reversed(range(len(layers))):
        W, _ = layers[at]
        d = values[at] - values0[at]
        m = np.zeros(len(d))
        for j in range(len(d)):
            for k in range(len(W)):
                part = W[k][j] * d[j]
                m[j] += W[k][j] * (
                    plus[k] if part > 0 else minus[k] if part < 0 else 0.5 * (plus[k] + minus[k])
                )
        if at == 0:
            return m * d
        W, _ = layers[at - 1]
        d = values[at - 1] - values0[at - 1]
        plus, minus = np.zeros(len(W)), np.zeros(len(W))
        for k in range(len(W)):
            positive = sum(max(W[k][j] * d[j], 0.0) for j in range(len(d)))
            negative = sum(min(W[k][j] * d[j], 0.0) for j in range(len(d)))
            up, down = rule(activations[at - 1], inner0[at - 1][k], inner[at - 1][k], positive, negative)
            plus[k], minus[k] = m[k] * up, m[k] * down
    raise AssertionError("the first layer returns")
