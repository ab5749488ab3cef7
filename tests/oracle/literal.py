"""Slow, literal re-readings of the papers and of lime 0.2, for comparison: one loop for every sum."""

from __future__ import annotations

import math

import numpy as np


def locality(distance, width):
    """lime 0.2: sqrt(exp(-d^2 / width^2))."""
    return math.sqrt(math.exp(-(distance**2) / width**2))


def ridge(features, outputs, weights, alpha):
    """Coefficients and intercept that minimise sum w (y - b0 - z b)^2 + alpha |b|^2, from the normal
    equations of the problem with an explicit column of ones, whose penalty is 0.
    """
    n, d = np.shape(features)
    normal = np.zeros((d + 1, d + 1))
    right = np.zeros(d + 1)
    for j in range(n):
        row = [1.0, *map(float, features[j])]
        for a in range(d + 1):
            right[a] += weights[j] * row[a] * outputs[j]
            for b in range(d + 1):
                normal[a, b] += weights[j] * row[a] * row[b]
    for a in range(1, d + 1):
        normal[a, a] += alpha
    solution = np.linalg.solve(normal, right)
    return solution[1:], solution[0]


def r_squared(features, outputs, weights, coefs, intercept):
    """Weighted R squared as scikit-learn's ``score`` has it."""
    mean = sum(w * y for w, y in zip(weights, outputs, strict=True)) / sum(weights)
    left = right = 0.0
    for z, y, w in zip(features, outputs, weights, strict=True):
        said = intercept + sum(c * float(v) for c, v in zip(coefs, z, strict=True))
        left += w * (y - said) ** 2
        right += w * (y - mean) ** 2
    return 1 - left / right


def sandwich(features, outputs, weights, alpha, starts):
    """Standard errors of the coefficients from sums of scores over blocks, without Student's quantile."""
    coefs, intercept = ridge(features, outputs, weights, alpha)
    n, d = np.shape(features)
    total = sum(weights)
    mean = [sum(weights[j] * float(features[j][a]) for j in range(n)) / total for a in range(d)]
    system = alpha * np.eye(d)
    for j in range(n):
        z = np.array([float(v) for v in features[j]]) - mean
        system += weights[j] * np.outer(z, z)
    inverse = np.linalg.inv(system)
    blocks = []
    for start, stop in zip(starts, [*starts[1:], n], strict=True):
        score = np.zeros(d)
        for j in range(start, stop):
            z = np.array([float(v) for v in features[j]])
            left = outputs[j] - intercept - z @ coefs
            score += weights[j] * left * (z - mean)
        blocks.append(inverse @ score)
    blocks = np.array(blocks)
    spread = blocks - blocks.mean(axis=0)
    count = len(blocks)
    effective = 1 + np.trace(inverse @ (system - alpha * np.eye(d)))
    return np.sqrt(count / (count - 1) * (spread**2).sum(axis=0) * n / (n - effective))
