"""What is known of a table's draws beside the features: its expectation is 0 whatever these are, and it helps."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import jupyter_xai as xai
from jupyter_xai.kernels._solvers import WeightedRidge

RNG = np.random.default_rng(0)
FRAME = pd.DataFrame(
    {
        "age": RNG.gamma(3.0, 10.0, 400),
        "job": RNG.choice(["a", "b", "c", "d"], 400, p=[0.4, 0.3, 0.2, 0.1]),
        "own": RNG.random(400) < 0.4,
        "sum": np.where(RNG.random(400) < 0.1, np.nan, RNG.normal(size=400)),
        "one": np.ones(400),
    }
)


def around(x, **masker):
    return xai.Tabular(FRAME, **masker).neighbourhood(x, None, random_state=0)


def test_expectation_is_nought_inside_the_own_bin_and_outside_it():
    found = around(FRAME.iloc[[7]])
    # two of each number; of a category its two most frequent others; of what is constant within a class none
    assert found.n_controls == 2 + 2 + 0 + 2
    draws = found.draw(1, 40_001)
    controls = draws.controls()
    assert controls.shape == (40_000, found.n_controls)
    np.testing.assert_allclose((controls**2).mean(axis=0), 1.0, atol=0.05)
    for feature in range(found.n_features):
        for kept in (True, False):
            some = controls[draws.features[:, feature] == kept]
            if len(some):
                assert np.abs(some.mean(axis=0)).max() < 0.03
    assert (around(FRAME.iloc[[7]]).draw(0, 5).controls()[0] == 0).all()


def test_numbers_without_bins_have_none():
    assert around(FRAME.iloc[[7]], discretizer="none").n_controls == 0
    assert around(FRAME.iloc[[7]], discretizer="none").draw(0, 5).controls is None


def test_regression_with_controls_is_least_squares_on_both():
    n, d, p = 300, 4, 3
    z, c = RNG.random((n, d)) < 0.5, RNG.normal(size=(n, p)).astype(np.float32)
    w, y = RNG.random(n) + 0.1, RNG.normal(size=(n, 2)) + c[:, :1] + z[:, :1]
    draws = WeightedRidge(d, p)
    for part in (slice(0, 100), slice(100, n)):
        draws.add(z[part], w[part], y[part], None, c[part])
    fit = draws.fit(0.7)
    design = np.column_stack([np.ones(n), z, c.astype(float)])
    penalty = np.diag([0.0] + [0.7] * d + [1.0] * p)
    expected = np.linalg.solve((design.T * w) @ design + penalty, (design.T * w) @ y)
    np.testing.assert_allclose(fit.coefs, expected[1 : d + 1].T, atol=1e-9)
    np.testing.assert_allclose(fit.intercepts, expected[0], atol=1e-9)
    left = y - np.column_stack([np.ones(n), z]) @ expected[: d + 1]  # the model has no controls in it
    spread = (w[:, None] * (y - w @ y / w.sum()) ** 2).sum(axis=0)
    np.testing.assert_allclose(fit.r2, 1 - (w[:, None] * left**2).sum(axis=0) / spread, atol=1e-9)


def test_standard_errors_are_the_sandwich_of_both():
    n, d, p = 400, 3, 2
    z, c = RNG.random((n, d)) < 0.5, RNG.normal(size=(n, p)).astype(np.float32)
    w, y = RNG.random(n) + 0.1, RNG.normal(size=(n, 1)) + 2 * c[:, :1]
    blocks = np.arange(n) % 10
    draws = WeightedRidge(d, p)
    draws.add(z, w, y, blocks, c)
    fit = draws.fit(0.0)
    design = np.column_stack([z, c.astype(float)])
    design = design - w @ design / w.sum()
    inverse = np.linalg.inv((design.T * w) @ design + np.diag([0.0] * d + [1.0] * p))
    coefs = inverse @ (design.T @ (w[:, None] * (y - w @ y / w.sum())))
    left = (y - w @ y / w.sum()) - design @ coefs
    scores = np.stack([design[blocks == b].T @ (w * left[:, 0])[blocks == b] for b in range(10)])
    influence = scores @ inverse
    free = n - 1 - np.trace(inverse @ (design.T * w) @ design)
    spread = np.sqrt(10 / 9 * ((influence - influence.mean(axis=0)) ** 2).sum(axis=0))
    from scipy.stats import t

    expected = spread[:d] * np.sqrt(n / free) * t.ppf(0.975, 9) / 1.96
    np.testing.assert_allclose(fit.std_errors[0], expected, rtol=2e-3)
    assert (fit.std_errors < 0.6 * _plain(z, w, y, blocks).std_errors).all()


def _plain(z, w, y, blocks):
    draws = WeightedRidge(z.shape[1])
    draws.add(z, w, y, blocks)
    return draws.fit(0.0)


def test_few_draws_are_regressed_without():
    z, c = RNG.random((20, 3)) < 0.5, RNG.normal(size=(20, 9)).astype(np.float32)
    y = RNG.normal(size=(20, 1))
    draws = WeightedRidge(3, 9)
    draws.add(z, np.ones(20), y, None, c)
    plain = WeightedRidge(3)
    plain.add(z, np.ones(20), y)
    np.testing.assert_allclose(draws.fit(1.0).coefs, plain.fit(1.0).coefs, atol=1e-12)
    np.testing.assert_allclose(draws.fit(1.0).std_errors, plain.fit(1.0).std_errors, atol=1e-12)


def smooth(X):
    return (
        np.tanh(np.asarray(X, dtype=float) @ np.array([1.0, -0.8, 0.5, 0.3, 0.0])) + 0.3 * np.asarray(X)[:, 0]
    )


@pytest.mark.parametrize("params", [{}, {"n_features": 3}])
def test_estimates_the_same_nearer(params):
    X = RNG.normal(size=(300, 5))
    masker = xai.Tabular(X)

    def values(surrogate, seed, n):
        made = {"n_samples": n, "tolerance": 0, "random_state": seed, **params}
        return xai.Lime(smooth, masker, surrogate=surrogate, **made).explain(X[3])

    truth = values("ridge", 99, 100_000).values[0]
    errors = {
        name: [((values(name, seed, 600).values[0] - truth) ** 2).sum() for seed in range(12)]
        for name in ("auto", "ridge")
    }
    assert np.median(errors["auto"]) < np.median(errors["ridge"]) / 2
    held = [
        np.abs(e.values[0] - truth) <= 1.96 * e.std_errors[0] + 1e-12
        for e in (values("auto", seed, 600) for seed in range(12))
    ]
    assert np.mean(held) > 0.88
