"""PartitionShap against the definition of the Owen value, and against shap's explainer on the same hierarchy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from scipy.cluster.hierarchy import linkage

from jupyter_xai import KernelShap, PartitionShap, Tabular
from tests.oracle import shapley
from tests.oracle.test_shapley import GOLDEN, network, on
from tests.unit.kernels.fakes import FakePredictor, MaskMasker


def run(game, n, **kwargs):
    outputs = np.asarray(game(np.ones((1, n), dtype=bool))).size
    predictor = FakePredictor(game, [f"out{k}" for k in range(outputs)])
    return PartitionShap(predictor, MaskMasker(), **kwargs).explain(n)


TREES = {
    "pairs": ((0, 1), (2, 3)),
    "chain": (0, (1, (2, (3, (4, 5))))),
    "mixed": (((3, 0), 6), ((1, (2, 7)), (4, 5))),
    "triples": ((0, 1, 2), (3, (4, 5, 6))),
    "one group": (0, 1, 2, 3, 4),
    "four": (0, (1, 2), 3, (4, 5, 6, 7)),
}


@pytest.mark.parametrize("name", TREES)
def test_owen_values_by_definition(name):
    tree = TREES[name]
    n = max(shapley.orders_of(tree)[0]) + 1
    game = network(n, 3, outputs=2)
    e = run(game, n, hierarchy=tree)
    np.testing.assert_allclose(e.values, shapley.owen(game, n, tree).T, atol=1e-12)
    assert e.std_errors is None
    assert e.status == "settled"
    assert not e.notices


def test_one_group_is_the_shapley_value():
    game = network(5, 1)
    e = run(game, 5, hierarchy=TREES["one group"])
    np.testing.assert_allclose(e.values.T, shapley.of_masks(game, 5), atol=1e-12)
    assert e.n_evals == 2**5 - 2


@pytest.mark.parametrize("name", GOLDEN)
def test_golden_games(name):
    """Where players are alike or a game is a sum, the hierarchy changes nothing; the profit's does by hand."""
    function, values = GOLDEN[name]
    expected = {"profit": [2.5, 1.5, 1.0]}.get(name, values)
    if name == "profit":  # max(5a, 4b, 3c), with (a, b) a group: c is 1.5 before the group and 0 after
        function, expected = (lambda a, b, c: max(5 * a, 4 * b, 3 * c)), [2.25, 1.25, 1.5]
        e = run(on(function), 3, hierarchy=((0, 1), 2))
    else:
        e = run(on(function), len(values), hierarchy="balanced")
    np.testing.assert_allclose(e.values[0], expected, atol=1e-12)


@given(st.integers(2, 8), st.integers(0, 10**6), st.data())
@settings(max_examples=25, deadline=None)
def test_axioms_hold_on_random_games_and_hierarchies(n, seed, data):
    """Efficiency and the quotient game; linearity and scaling where the budget is enough."""
    rng = np.random.default_rng(seed)
    tree = random_tree(list(rng.permutation(n)), rng)
    budget = data.draw(st.sampled_from([2, 6, 14, 10_000]))
    one, two = network(n, seed), network(n, seed + 1)
    runs = []
    for game in (one, two, lambda masks: one(masks) * 1e3 - 2 * two(masks)):
        e = run(game, n, hierarchy=tree, n_samples=budget)
        ends = game(np.array([[False] * n, [True] * n])).ravel()
        assert np.abs(e.additivity_gap).max() < 1e-11 * max(1.0, np.abs(ends).max())
        runs.append(e)
    if runs[0].std_errors is None:
        np.testing.assert_allclose(runs[0].values.T, shapley.owen(one, n, tree), atol=1e-11)
        np.testing.assert_allclose(runs[2].values, runs[0].values * 1e3 - 2 * runs[1].values, atol=1e-8)


def random_tree(players, rng):
    if len(players) == 1:
        return int(players[0])
    k = min(len(players), int(rng.integers(2, 4)))
    cuts = np.sort(rng.choice(np.arange(1, len(players)), k - 1, replace=False))
    return tuple(random_tree(list(part), rng) for part in np.split(players, cuts))


def test_groups_are_worth_their_shapley_value_among_groups():
    """The quotient game: groups of the uppermost level share as single players would."""
    game, tree = network(8, 5), ((0, 1, 2), (3, 4), (5, (6, 7)))
    e = run(game, 8, hierarchy=tree)
    member = np.repeat(np.arange(3), [3, 2, 3])
    groups = shapley.of_masks(lambda masks: game(masks[:, member]), 3)
    np.testing.assert_allclose(np.bincount(member, e.values[0]), groups[:, 0], atol=1e-12)


def test_dummy_and_symmetry_within_a_group():
    def game(masks):
        rest = network(4, 3)(masks[:, :4]).ravel()
        return rest + np.sin(3.0 * masks[:, 4] + 3.0 * masks[:, 5]) * (1 + rest)  # 6 does nothing

    values = run(game, 7, hierarchy=(((0, 1), (2, 3)), ((4, 5), 6))).values[0]
    assert abs(values[6]) < 1e-12
    assert abs(values[4] - values[5]) < 1e-12


# --- shap ------------------------------------------------------------------------------------------------


def by_shap(model, x, X, matrix, calls):
    shap = pytest.importorskip("shap")
    masker = shap.maskers.Partition(X, clustering=matrix)
    explainer = shap.PartitionExplainer(model, masker)
    found = explainer(x[None], max_evals=calls, silent=True, batch_size=2, fixed_context=None)
    return found.values[0]


def table(n, seed=0):
    rng = np.random.default_rng(seed)
    X, w = rng.normal(size=(12, n)), rng.normal(size=(n, 5))
    matrix = linkage(X.T, "complete")
    return (lambda rows: np.tanh(np.asarray(rows) @ w / 2).sum(axis=1)), X, matrix


@pytest.mark.parametrize("n", [3, 6, 9])
def test_the_same_values_as_shap_on_the_same_hierarchy(n):
    model, X, matrix = table(n)
    ours = PartitionShap(model, Tabular(X), hierarchy=matrix).explain(X[0])
    np.testing.assert_allclose(ours.values[0], by_shap(model, X[0], X, matrix, 100_000), atol=1e-10)
    assert ours.std_errors is None


def test_the_same_first_splits_as_shap_under_a_budget():
    """Until rounds take more than one group at a time, both split the same groups in the same order."""
    model, X, matrix = table(9, 1)
    for calls in (2, 4, 8, 14):
        ours = PartitionShap(model, Tabular(X), hierarchy=matrix, n_samples=calls).explain(X[0])
        np.testing.assert_allclose(ours.values[0], by_shap(model, X[0], X, matrix, calls + 2), atol=1e-10)
        assert ours.n_evals == calls
        assert ours.status == "capped"


def test_within_independent_pairs_it_is_kernel_shap():
    """Where the game is a sum over groups, the hierarchy takes nothing away."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(10, 8))
    model = lambda rows: sum(np.asarray(rows)[:, 2 * k] * np.asarray(rows)[:, 2 * k + 1] for k in range(4))  # noqa: E731
    ours = PartitionShap(model, Tabular(X), hierarchy="balanced").explain(X[0])
    np.testing.assert_allclose(ours.values, KernelShap(model, Tabular(X)).explain(X[0]).values, atol=1e-10)
    assert ours.n_evals == 2 * (1 + 4 + 16)
