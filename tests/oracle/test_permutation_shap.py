"""PermutationShap against the definition, against walks made one by one, and against shap's explainer."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from scipy.stats import t as student

from jupyter_xai import KernelShap, PermutationShap, Tabular
from jupyter_xai.kernels._permutations import Walks
from tests.oracle import shapley
from tests.oracle.test_shapley import GAMES, GOLDEN, network, on
from tests.unit.kernels.fakes import FakePredictor, MaskMasker


def run(game, n, **kwargs):
    outputs = np.asarray(game(np.ones((1, n), dtype=bool))).size
    predictor = FakePredictor(game, [f"out{k}" for k in range(outputs)])
    return PermutationShap(predictor, MaskMasker(), **kwargs).explain(n)


@pytest.mark.parametrize("name", GOLDEN)
def test_golden_games(name):
    function, values = GOLDEN[name]
    e = run(on(function), len(values))
    np.testing.assert_allclose(e.values[0], values, atol=1e-12)
    assert e.std_errors is None
    assert e.status == "settled"


@pytest.mark.parametrize("n", range(1, 11))
def test_all_coalitions_are_the_exact_values(n):
    game = network(n, n, outputs=3)
    e = run(game, n, n_samples=2**n)
    np.testing.assert_allclose(e.values, shapley.of_masks(game, n).T, atol=1e-10)
    assert e.n_evals == max(2**n - 2, 0)
    assert e.std_errors is None


def test_every_order_once_is_the_definition():
    """The oracle's own check, and what an average over walks tends to."""
    game = network(5, 0)
    every, _ = shapley.plain_permutations(game, 5, list(itertools.permutations(range(5))))
    np.testing.assert_allclose(every, shapley.of_masks(game, 5)[:, 0], atol=1e-12)


@pytest.mark.parametrize("n", [6, 9, 14])
def test_values_and_intervals_are_those_of_walks_made_one_by_one(n):
    game = network(n, 1)
    e = (
        run(game, n, n_samples=20 * (n - 1), tolerance=0, random_state=4)
        if n > 8
        else run(game, n, n_samples=58, tolerance=0, random_state=4)
    )
    walks = Walks(n, 4)
    walks.masks(0, e.n_evals)
    count = walks.complete(e.n_evals // 2)
    assert count >= 8
    mean, spread = shapley.plain_permutations(game, n, walks.walk(0, count)[0])
    np.testing.assert_allclose(e.values[0], mean, atol=1e-12)
    low, high = e.intervals
    half = student.ppf(0.975, count - 1) * spread / np.sqrt(count)
    np.testing.assert_allclose((high - low)[0] / 2, half, rtol=1e-6)


@given(st.integers(2, 9), st.integers(0, 10**6), st.integers(1, 60))
@settings(max_examples=25, deadline=None)
def test_axioms_hold_on_random_games(n, seed, pairs):
    """Efficiency, linearity and scaling hold for estimates too; dummy as well, whatever the orders."""
    one, two = network(n, seed), network(n, seed + 1)
    runs = []
    for game in (one, two, lambda masks: one(masks) * 1e3 - 2 * two(masks)):
        e = run(game, n, n_samples=2 * pairs, tolerance=0)
        ends = game(np.array([[False] * n, [True] * n])).ravel()
        assert np.abs(e.additivity_gap).max() < 1e-11 * max(1.0, np.abs(ends).max())
        np.testing.assert_allclose(e.totals, ends[1:] - ends[:1], rtol=1e-9, atol=1e-9)
        runs.append(e.values)
    np.testing.assert_allclose(runs[2], runs[0] * 1e3 - 2 * runs[1], rtol=1e-6, atol=1e-9)


def test_a_dummy_is_worth_nothing_in_every_walk_and_equals_are_equal_in_the_end():
    def game(masks):
        rest = network(12, 3)(masks[:, :12]).ravel()
        return rest + np.sin(3.0 * masks[:, 12] + 3.0 * masks[:, 13]) * (1 + rest)  # 14 does nothing

    e = run(game, 15, n_samples=600, tolerance=0)
    assert abs(e.values[0, 14]) < 1e-12
    assert e.std_errors[0, 14] < 1e-12
    assert abs(e.values[0, 12] - e.values[0, 13]) < 2 * e.std_errors[0, 12:14].sum()
    few = run(
        lambda masks: game(np.concatenate([masks[:, :4], np.zeros((len(masks), 8)), masks[:, 4:]], axis=1)), 7
    )
    assert abs(few.values[0, 6]) < 1e-12
    assert abs(few.values[0, 4] - few.values[0, 5]) < 1e-12


def test_an_additive_model_is_exact_after_one_walk():
    rng = np.random.default_rng(0)
    X, w = rng.normal(size=(50, 40)), rng.normal(size=40)
    e = PermutationShap(lambda rows: rows @ w, Tabular(X), n_samples=78).explain(X[3])
    np.testing.assert_allclose(e.values[0], w * (X[3] - X.mean(axis=0)), atol=1e-10)
    assert np.isinf(e.std_errors).all()  # one walk does not know that it is


def test_intervals_cover_the_truth():
    """The promise is 92-98 % over 5,000 intervals; fewer here, and the noise of that is allowed for."""
    n, inside = 11, []
    for name, game_seed, repeat in itertools.product(GAMES, range(4), range(8)):
        game = GAMES[name](n, game_seed)
        truth = shapley.of_masks(game, n)[:, 0]
        e = run(game, n, n_samples=240, tolerance=0, random_state=repeat)
        low, high = e.intervals
        inside.append(((low <= truth + 1e-9) & (truth - 1e-9 <= high))[0])
    assert 0.92 <= np.mean(inside) <= 0.98


def test_intervals_cover_the_truth_where_a_run_has_settled():
    n, inside, settled = 12, [], []
    for name, game_seed, repeat in itertools.product(GAMES, range(3), range(8)):
        game = GAMES[name](n, game_seed)
        truth = shapley.of_masks(game, n)[:, 0]
        e = run(game, n, n_samples=3000, tolerance=0.1, random_state=repeat)
        settled.append(e.status == "settled" and e.n_evals < 3000)
        inside.append((np.abs(e.values[0] - truth) <= 1.96 * e.std_errors[0] + 1e-9).mean())
    assert 0.915 <= np.mean(inside) <= 0.985
    assert np.mean(settled) > 0.5


def test_as_accurate_as_shap_at_equal_coalitions():
    """Both draw walks with their reverse, so that their errors are of one size, but for the luck of 12 runs each."""
    shap = pytest.importorskip("shap")
    n, passes, ours, theirs = 10, 8, [], []
    for seed, repeat in itertools.product(range(2), range(6)):
        game = network(n, seed)
        truth = shapley.of_masks(game, n)[:, 0]
        calls = passes * (2 * n + 1)
        e = run(game, n, n_samples=calls - 2, tolerance=0, random_state=repeat)
        ours.append(((e.values[0] - truth) ** 2).mean())
        explainer = shap.PermutationExplainer(
            lambda rows, game=game: game(rows > 0.5).ravel(), np.zeros((1, n)), seed=repeat
        )
        found = explainer(np.ones((1, n)), max_evals=calls, silent=True).values
        theirs.append(((np.ravel(found) - truth) ** 2).mean())
    assert np.log(ours).mean() <= np.log(theirs).mean() + 0.3


def test_the_same_values_as_shap_on_few_features():
    shap = pytest.importorskip("shap")
    rng = np.random.default_rng(0)
    X, w = rng.normal(size=(20, 6)), rng.normal(size=(6, 4))
    model = lambda rows: np.tanh(np.asarray(rows) @ w).sum(axis=1)  # noqa: E731
    ours = PermutationShap(model, Tabular(X)).explain(X[0])
    theirs = shap.ExactExplainer(model, shap.maskers.Independent(X))(X[:1])
    np.testing.assert_allclose(ours.values[0], theirs.values[0], atol=1e-10)
    np.testing.assert_allclose(ours.values, KernelShap(model, Tabular(X)).explain(X[0]).values, atol=1e-10)
