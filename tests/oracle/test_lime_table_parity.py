"""Discretizers, numbers without bins and draws around the instance as lime 0.2 has them."""

from __future__ import annotations

import numpy as np
import pytest
from lime.lime_tabular import LimeTabularExplainer
from scipy.stats import ks_2samp, spearmanr
from sklearn.datasets import load_diabetes, load_wine
from sklearn.ensemble import RandomForestClassifier
from sklearn.neural_network import MLPRegressor

from jupyter_xai import InputError, Lime, Tabular
from jupyter_xai.kernels._locality import locality
from jupyter_xai.kernels._selection import Selector
from jupyter_xai.kernels._solvers import WeightedRidge
from tests.oracle.test_lime_parity import Spy, by_feature

N = 4000
BINS = ["quartile", "decile", "entropy"]


@pytest.fixture(scope="module")
def wine():
    X, y = load_wine(return_X_y=True)
    return X, y, RandomForestClassifier(20, max_depth=5, random_state=0).fit(X, y).predict_proba


@pytest.fixture(scope="module")
def diabetes():
    X, y = load_diabetes(return_X_y=True, scaled=False)
    X = np.delete(X, 1, axis=1)  # two values, which lime draws as 0
    spread = X.std(axis=0)
    net = MLPRegressor(hidden_layer_sizes=(16,), max_iter=400, random_state=0).fit(
        X / spread, (y - y.mean()) / y.std()
    )
    return X, y, lambda rows: net.predict(rows / spread)


def lime_of(X, y, model, how, *, seed=0, around=False, regression=False, n=N, row=3):
    explainer = LimeTabularExplainer(
        X,
        mode="regression" if regression else "classification",
        training_labels=y,
        discretize_continuous=how != "none",
        discretizer=how,
        sample_around_instance=around,
        feature_selection="none",
        random_state=seed,
    )
    spy, seen = Spy(explainer), []

    def watched(rows):
        seen.append(rows)
        return model(rows)

    found = explainer.explain_instance(X[row], watched, (0,), num_features=X.shape[1], num_samples=n)
    values = by_feature(found.local_exp[1 if regression else 0], X.shape[1])
    return values, explainer, spy.fitted, seen[0], found


@pytest.mark.parametrize("how", BINS)
def test_bins_are_limes(wine, how):
    X, y, model = wine
    explainer = lime_of(X, y, model, how, n=10)[1]
    table = Tabular(X, discretizer=how, labels=y).table()
    np.testing.assert_array_equal(table.codes, explainer.discretizer.discretize(X).astype(int))
    for at, column in enumerate(table.columns):
        np.testing.assert_allclose(column.means, explainer.discretizer.means[at])
        np.testing.assert_allclose(column.spreads, explainer.discretizer.stds[at])


@pytest.mark.parametrize("how", [*BINS, "none", "around"])
def test_the_lime_sampler_draws_from_limes_distribution(wine, how):
    X, y, model = wine
    around, how = how == "around", "none" if how == "around" else how
    _, _, (data, _, distances), rows, _ = lime_of(X, y, model, how, around=around)
    masker = Tabular(X, discretizer=how, labels=y, sample_around_instance=around)
    for sampler in ("lime", "balanced"):
        draws = masker.neighbourhood(X[3], None, sampler=sampler, random_state=1).draw(1, N)
        built = draws.build(np.arange(N - 1))
        for column in range(X.shape[1]):
            assert ks_2samp(built[:, column], rows[1:, column]).pvalue > 1e-3
        np.testing.assert_allclose(draws.features.mean(axis=0), data[1:].mean(axis=0), atol=0.08)
        np.testing.assert_allclose(draws.features.std(axis=0), data[1:].std(axis=0), atol=0.08)
        assert ks_2samp(draws.distances, distances[1:]).pvalue > 1e-3


@pytest.mark.parametrize("around", [False, True])
def test_numbers_without_bins_are_standardised_as_lime_does(wine, around):
    X, y, model = wine
    _, explainer, (data, _, distances), _, _ = lime_of(X, y, model, "none", around=around, n=50)
    neighbourhood = Tabular(X, discretizer="none", sample_around_instance=around).neighbourhood(X[3], None)
    draws = neighbourhood.draw(0, 50)
    built = draws.build(np.arange(50))
    standard = (built - explainer.scaler.mean_) / explainer.scaler.scale_
    np.testing.assert_allclose(draws.features, standard, atol=1e-9)
    np.testing.assert_allclose(draws.features[0], data[0], atol=1e-9)
    np.testing.assert_allclose(draws.distances, np.linalg.norm(standard - standard[0], axis=1), atol=1e-9)
    np.testing.assert_allclose(distances, np.linalg.norm(data - data[0], axis=1), atol=1e-9)
    assert neighbourhood.kernel_width == pytest.approx(0.75 * np.sqrt(13))
    assert any("standard deviation" in notice for notice in neighbourhood.notices)


@pytest.mark.parametrize("how", [*BINS, "none", "around"])
@pytest.mark.parametrize(
    ("n_features", "method"), [(13, "none"), (3, "forward_selection"), (8, "highest_weights")]
)
def test_limes_own_draws_give_limes_own_weights(wine, how, n_features, method):
    X, y, model = wine
    around, how = how == "around", "none" if how == "around" else how
    _, explainer, (data, outputs, distances), _, _ = lime_of(X, y, model, how, around=around, n=1500)
    ridge = WeightedRidge(X.shape[1])
    ridge.add(np.asarray(data), locality(distances, 0.75 * np.sqrt(13)), outputs)
    fit = ridge.fit(1.0, Selector(method, n_features, data[0].astype(float)))
    for label in range(3):
        intercept, chosen, score, local = explainer.base.explain_instance_with_data.fit(
            data, outputs, distances, label, n_features, feature_selection=method
        )
        np.testing.assert_allclose(fit.coefs[label], by_feature(chosen, 13), atol=1e-6)
        np.testing.assert_allclose(fit.intercepts[label], intercept, atol=1e-6)
        np.testing.assert_allclose(fit.r2[label], score, atol=1e-6)
        np.testing.assert_allclose(fit.intercepts[label] + fit.coefs[label] @ data[0], local, atol=1e-6)


@pytest.mark.parametrize("sampler", ["lime", "balanced"])
@pytest.mark.parametrize("how", ["decile", "entropy", "none", "around"])
def test_weights_agree_with_lime_as_lime_does_with_itself(wine, how, sampler):
    X, y, model = wine
    around, how = how == "around", "none" if how == "around" else how
    theirs = [lime_of(X, y, model, how, seed=seed, around=around)[0] for seed in range(8)]
    masker = Tabular(X, discretizer=how, labels=y, sample_around_instance=around)
    mine = [
        Lime(model, masker, n_samples=N, alpha=1.0, sampler=sampler, tolerance=0, random_state=seed)
        .explain(X[3], 0)
        .values[0]
        for seed in range(4)
    ]
    own = np.mean([spearmanr(a, b).statistic for a, b in zip(theirs[:4], theirs[4:], strict=True)])
    mixed = np.mean([spearmanr(a, b).statistic for a, b in zip(mine, theirs, strict=False)])
    assert mixed >= own - 0.05
    centre, spread = np.mean(theirs, axis=0), np.std(theirs, axis=0, ddof=1)
    assert np.abs(np.mean(mine, axis=0) - centre).max() <= 5 * spread.max()


def test_regression_agrees_with_lime(diabetes):
    X, y, model = diabetes
    theirs = [lime_of(X, y, model, "quartile", seed=seed, regression=True)[0] for seed in range(6)]
    e = Lime(model, Tabular(X), n_samples=N, alpha=1.0, tolerance=0).explain(X[3])
    spread = np.std(theirs, axis=0, ddof=1)
    assert np.abs(e.values[0] - np.mean(theirs, axis=0)).max() <= 5 * spread.max()


def test_entropy_needs_labels(wine):
    X, y, model = wine
    with pytest.raises(ValueError, match="Labels"):
        lime_of(X, None, model, "entropy")
    with pytest.raises(InputError, match="labels=y"):
        Tabular(X, discretizer="entropy").table()
    with pytest.raises(InputError, match="178 rows"):
        Tabular(X, discretizer="entropy", labels=y[:5]).table()


def test_entropy_of_numbers_splits_by_squared_error(diabetes):
    X, y, _ = diabetes
    table = Tabular(X, discretizer="entropy", labels=y).table()
    assert all(1 <= len(column.borders) <= 7 for column in table.columns)
    bmi = table.columns[1]
    between = [y[bmi.codes == code].mean() for code in range(len(bmi.means))]
    assert np.ptp(between) > y.std()


@pytest.mark.parametrize("how", ["fifths", 4, None])
def test_an_unknown_discretizer_is_an_error_with_those_there_are(wine, how):
    with pytest.raises(InputError, match="'quartile', 'decile', 'entropy', 'none'"):
        Tabular(wine[0], discretizer=how).table()


def test_missing_numbers_and_constant_columns_without_bins():
    rng = np.random.default_rng(0)
    X = np.column_stack(
        [
            rng.normal(size=200),
            np.full(200, 3.0),
            np.where(rng.random(200) < 0.3, np.nan, 1 + rng.random(200)),
        ]
    )
    around = Tabular(X, discretizer="none").neighbourhood([0.5, 3.0, np.nan], None)
    draws = around.draw(0, 500)
    built = draws.build(np.arange(500))
    assert (built[:, 1] == 3.0).all()
    assert (draws.features[:, 1] == 0).all()
    assert np.isnan(built[1:, 2]).mean() == pytest.approx(0.3, abs=0.08)
    np.testing.assert_array_equal(draws.features[:, 2], np.isnan(built[:, 2]))
    seen = Tabular(X, discretizer="none").neighbourhood([0.5, 3.0, 1.7], None).draw(0, 500)
    missing = np.isnan(seen.build(np.arange(500))[:, 2])
    assert (seen.features[missing, 2] == 0).all()


def test_bins_make_drawing_around_the_instance_void_and_it_is_said(wine):
    around = Tabular(wine[0], sample_around_instance=True).neighbourhood(wine[0][3], None)
    assert any("discretizer='none'" in notice for notice in around.notices)
