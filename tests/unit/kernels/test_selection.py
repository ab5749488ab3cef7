"""Choosing features from moments gives what refitting regressions gives; a user's own kernel, distance, regressor."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from jupyter_xai import InputError, Lime, Tabular
from jupyter_xai.kernels._locality import locality
from jupyter_xai.kernels._selection import Selector, forward
from jupyter_xai.kernels._solvers import WeightedRidge
from jupyter_xai.maskers.neighbourhoods import cosine_distance
from tests.unit.kernels.fakes import FakePredictor, MaskMasker, every_mask


def game(masks):
    z = np.asarray(masks, dtype=float)
    return np.column_stack(
        [z @ np.arange(z.shape[1]) + z[:, 0] * z[:, 1], np.sin(z @ np.ones(z.shape[1])) + z[:, 2]]
    )


def greedy(features, outputs, weights, k):
    """Forward selection by fitting every candidate anew."""
    chosen = []
    for _ in range(k):
        scores = {}
        for j in set(range(features.shape[1])) - set(chosen):
            design = np.column_stack([np.ones(len(features)), features[:, [*chosen, j]]])
            root = np.sqrt(weights)
            left = (
                root * outputs
                - (design * root[:, None])
                @ np.linalg.lstsq(design * root[:, None], root * outputs, rcond=None)[0]
            )
            scores[j] = -left @ left
        chosen.append(max(scores, key=scores.get))
    return chosen


@given(st.integers(0, 10**6))
@settings(max_examples=25, deadline=None)
def test_forward_selection_from_moments_is_that_of_regressions(seed):
    rng = np.random.default_rng(seed)
    n, d = 40, 7
    features = rng.normal(size=(n, d)) @ rng.normal(size=(d, d))
    outputs, weights = rng.normal(size=n) + features[:, 0], rng.random(n) + 0.1
    draws = WeightedRidge(d)
    draws.add(features, weights, outputs[:, None])
    gram, right = draws.moments()
    features = features.astype(np.float32).astype(float)  # as they are kept
    assert forward(gram, right[:, 0], 5) == greedy(features, outputs, weights, 5)


def test_forward_selection_leaves_features_that_add_nothing_to_the_end():
    features = np.random.default_rng(0).normal(size=(50, 4))
    features[:, 2] = features[:, 0]  # twice the same
    features[:, 3] = 1.0  # constant
    draws = WeightedRidge(4)
    draws.add(features, np.ones(50), (3 * features[:, 0] + features[:, 1])[:, None])
    gram, right = draws.moments()
    assert forward(gram, right[:, 0], 4) == [0, 1, 2, 3]
    assert np.isfinite(draws.fit(1.0, Selector("forward_selection", 3, np.ones(4))).coefs).all()


@pytest.mark.parametrize("method", ["forward_selection", "highest_weights", "lasso_path"])
def test_a_few_features_are_kept_and_the_others_are_zero(method):
    kernel = Lime(
        FakePredictor(game, ("a", "b")), MaskMasker(), n_features=3, feature_selection=method, tolerance=0
    )
    e = kernel.explain(8, targets=["a", "b"])
    assert ((e.values != 0).sum(axis=1) <= 3).all()
    assert (e.std_errors[e.values == 0] == 0).all()
    assert (e.std_errors[e.values != 0] > 0).all()
    assert set(np.flatnonzero(e.values[0])) == {5, 6, 7}
    assert e.values[1, 2] > 0.9  # each output has a choice of its own
    assert any(n.startswith("3 of 8 features were kept for each output") for n in e.notices)
    assert method.replace("_", " ") in e.notices[-1]


def test_all_features_are_kept_by_default_and_where_as_many_are_asked_for():
    plain = Lime(FakePredictor(game, ("a", "b")), MaskMasker(), tolerance=0).explain(6)
    for kwargs in ({"n_features": 6}, {"n_features": 99}, {"n_features": 2, "feature_selection": "none"}):
        e = Lime(FakePredictor(game, ("a", "b")), MaskMasker(), tolerance=0, **kwargs).explain(6)
        np.testing.assert_array_equal(e.values, plain.values)
        assert not e.notices


def test_own_kernel_and_distance():
    calls = []

    def triangle(distances, width):
        calls.append(width)
        return np.maximum(0, 1 - distances / width)

    def struck(features, instance):
        assert instance.all()
        return (features != instance).sum(axis=1)

    e = Lime(
        FakePredictor(game),
        MaskMasker(),
        kernel=triangle,
        distance=struck,
        kernel_width=6.0,
        alpha=0,
        tolerance=0,
    )
    e = e.explain(6, 0)
    draws = MaskMasker().neighbourhood(6, None).draw(0, 1000)
    expected = WeightedRidge(6)
    gone = (~draws.features).sum(axis=1)
    expected.add(draws.features, np.maximum(0, 1 - gone / 6), game(draws.features)[:, :1], draws.blocks)
    np.testing.assert_allclose(e.values, expected.fit(0.0).coefs, atol=1e-9)
    assert set(calls) == {6.0}
    assert e.params["kernel"] == "triangle"
    assert e.params["distance"] == "struck"


@pytest.mark.parametrize("metric", ["cosine", "euclidean", "manhattan", "hamming"])
def test_named_distances_are_scikit_learns(metric):
    from sklearn.metrics import pairwise_distances

    common = {"kernel_width": 0.8, "alpha": 0, "tolerance": 0, "surrogate": "ridge"}
    e = Lime(FakePredictor(game), MaskMasker(), distance=metric, **common).explain(5, 0)
    draws = MaskMasker().neighbourhood(5, None).draw(0, 1000)
    z = draws.features.astype(float)
    expected = WeightedRidge(5)
    distances = pairwise_distances(z, np.ones((1, 5)), metric=metric).ravel()
    expected.add(draws.features, locality(distances, 0.8), game(z)[:, :1])
    np.testing.assert_allclose(e.values, expected.fit(0.0).coefs, atol=1e-9)
    if metric == "cosine":
        np.testing.assert_allclose(distances, cosine_distance(draws.features), atol=1e-12)


@pytest.mark.parametrize(
    ("kwargs", "said"),
    [
        ({"kernel": lambda d, w: d[:3]}, "kernel= does not work"),
        ({"kernel": lambda d, w: -d}, "kernel= does not work"),
        ({"kernel": lambda d, w: d * np.nan}, "kernel= does not work"),
        ({"kernel": lambda d, w: d}, "weight 0"),
        ({"distance": lambda z, x: "far"}, "distance= does not work"),
        ({"distance": "spherical"}, "'cosine'"),
        ({"kernel": "linear"}, "'exponential'"),
        ({"n_features": 0}, "n_features"),
        ({"feature_selection": "best"}, "'lasso_path'"),
        ({"surrogate": "forest"}, "'ridge'"),
    ],
)
def test_what_does_not_work_is_said(kwargs, said):
    with pytest.raises(InputError, match=said):
        Lime(FakePredictor(game), MaskMasker(), **kwargs).explain(5, 0)


# --- a user's own regressor ---------------------------------------------------------------------------------


def test_ridge_as_a_regressor_is_our_ridge():
    from sklearn.linear_model import Ridge

    surrogate = Ridge(alpha=1.0)
    common = {"n_samples": 600, "tolerance": 0}
    masker, predictor = MaskMasker(), FakePredictor(game, ("a", "b"))
    ours = Lime(predictor, masker, surrogate="ridge", alpha=1.0, **common).explain(6)
    theirs = Lime(predictor, masker, surrogate=surrogate, **common).explain(6)
    np.testing.assert_allclose(theirs.values, ours.values, atol=1e-8)
    np.testing.assert_allclose(theirs.base_values, ours.base_values, atol=1e-8)
    np.testing.assert_allclose(theirs.fidelity.r2, ours.fidelity.r2, atol=1e-8)
    assert 0.6 < np.median(theirs.std_errors / ours.std_errors) < 1.6  # two ways to the same errors
    assert not hasattr(surrogate, "coef_")
    assert theirs.params["surrogate"] == "Ridge"


def test_lasso_and_a_choice_of_features():
    from sklearn.linear_model import Lasso

    e = Lime(
        FakePredictor(game, ("a", "b")), MaskMasker(), surrogate=Lasso(0.05), n_features=3, tolerance=0
    ).explain(8)
    assert (np.count_nonzero(e.values, axis=1) <= 3).all()
    assert e.values[0, 7] > 6
    assert np.isfinite(e.std_errors).all()


def test_errors_of_a_regressor_cover_the_enumerated_answer():
    from sklearn.linear_model import LinearRegression

    d, hits = 9, []
    masks = every_mask(d)
    truth = WeightedRidge(d)
    truth.add(masks, locality(cosine_distance(masks), 0.25), game(masks))
    truth = truth.fit(0.0).coefs
    for seed in range(40):
        kernel = Lime(
            FakePredictor(game, ("a", "b")), MaskMasker(), n_samples=400, surrogate=LinearRegression(),
            tolerance=0, random_state=seed,
        )  # fmt: skip
        e = kernel.explain(d)
        hits.append(np.abs(e.values - truth[list(e.targets)]) <= 1.96 * e.std_errors)
    assert 0.92 <= np.mean(hits) <= 0.98


def test_few_draws_know_no_error_and_do_not_settle():
    from sklearn.linear_model import LinearRegression

    e = Lime(FakePredictor(game), MaskMasker(), n_samples=9, surrogate=LinearRegression()).explain(3, 0)
    assert np.isinf(e.std_errors).all()
    assert e.status == "capped"


def test_regressors_that_do_not_work_are_said():
    from sklearn.linear_model import Lasso
    from sklearn.neighbors import KNeighborsRegressor
    from sklearn.tree import DecisionTreeRegressor

    class Unknown:
        def fit(self, X, y, sample_weight=None):
            return self

    class Failing(Lasso):
        def fit(self, X, y, sample_weight=None):
            raise ValueError("no solution")

    for surrogate, said in (
        (Lasso, "an instance"),
        (KNeighborsRegressor(), "sample_weight"),
        (DecisionTreeRegressor(), "coef_"),
        (Unknown(), "cannot be copied"),
        (Failing(), "no solution"),
        (3, "type int"),
    ):
        with pytest.raises(InputError, match=said):
            Lime(FakePredictor(game), MaskMasker(), surrogate=surrogate, n_samples=300).explain(4, 0)


def test_real_valued_rows_of_a_neighbourhood():
    # what a table without bins gives: z' is the standardised row, and weights are ranked by coefficient x value
    rows = np.random.default_rng(0).normal(loc=[0, 0, 0, 3.0], size=(5000, 4))
    draws = WeightedRidge(4)
    outputs = rows @ np.array([2.0, -1.5, 0.0, 0.5])
    draws.add(rows, np.ones(len(rows)), outputs[:, None])
    np.testing.assert_allclose(draws.fit(0.0).coefs[0], [2, -1.5, 0, 0.5], atol=1e-5)
    instance = np.array([0.1, 0.1, 0.1, 9.0])
    kept = draws.fit(0.0, Selector("highest_weights", 1, instance)).kept[0]
    assert kept.tolist() == [False, False, False, True]  # 0.5 x 9 is the largest
    kept = draws.fit(0.0, Selector("forward_selection", 1, instance)).kept[0]
    assert kept.tolist() == [True, False, False, False]


def test_selection_on_a_table():
    X = np.random.default_rng(0).normal(size=(300, 6))
    e = Lime(lambda X: X[:, 0] - 2 * X[:, 4], Tabular(X), n_features=2).explain([1.0, 0, 0, 0, 1, 0])
    assert np.flatnonzero(e.values[0]).tolist() == [0, 4]


@pytest.mark.parametrize(
    ("asked", "n_features", "used"),
    [
        ("auto", 6, "forward_selection"),
        ("auto", 7, "highest_weights"),
        ("auto", 12, "none"),
        ("auto", None, "none"),
        ("lasso_path", 6, "lasso_path"),
    ],
)
def test_auto_is_greedy_for_up_to_six(asked, n_features, used):
    assert Selector(asked, n_features, np.ones(12)).name == used
