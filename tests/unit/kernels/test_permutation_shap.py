from __future__ import annotations

import numpy as np
import pytest

from jupyter_xai import PermutationShap, Tabular
from jupyter_xai.kernels._permutations import Walks
from tests.oracle.test_shapley import network
from tests.unit.kernels.fakes import FakePredictor, MaskMasker
from tests.unit.kernels.test_kernel_shap import Listening


@pytest.mark.parametrize("n", [3, 4, 9, 40])
def test_walks_are_pairs_of_which_none_comes_twice(n):
    walks = Walks(n, 0)
    stop = min(2**n - 2, 600)
    masks = walks.masks(0, stop)
    np.testing.assert_array_equal(masks[::2], ~masks[1::2])
    assert len({row.tobytes() for row in masks}) == stop
    sizes = masks.sum(axis=1)
    assert sizes.min() == 1
    assert sizes.max() == n - 1
    np.testing.assert_array_equal(Walks(n, 0).masks(stop // 3, stop), masks[stop // 3 :])


def test_walks_say_where_their_sets_are():
    walks = Walks(7, 2)
    masks = walks.masks(0, 60)
    count = walks.complete(30)
    orders, pairs, signs = walks.walk(0, count)
    assert count >= 5
    assert pairs.max() < 30
    for order, places, marks in zip(orders, pairs, signs, strict=True):
        assert sorted(order) == list(range(7))
        for k in range(6):
            kept = masks[2 * places[k] + (marks[k] < 0)]
            assert set(np.flatnonzero(kept)) == set(order[: k + 1])


def test_how_many_walks_are_complete_does_not_depend_on_who_asked_before():
    early, late = Walks(5, 0), Walks(5, 0)
    late.masks(0, 28)
    assert [early.complete(p) for p in range(14)] == [late.complete(p) for p in range(14)]


def test_no_coalition_is_asked_twice():
    for n, most in ((9, 400), (9, 2**9), (20, 500)):
        masker = Listening()
        PermutationShap(FakePredictor(network(n, 0)), masker, n_samples=most, tolerance=0).explain(n)
        assert len(set(masker.asked)) == len(masker.asked)


def test_design_does_not_depend_on_the_number_of_samples():
    asked = []
    for n in (100, 200):
        masker = Listening()
        PermutationShap(FakePredictor(network(20, 0)), masker, n_samples=n, tolerance=0).explain(20)
        asked.append(masker.asked)
    assert asked[1][: len(asked[0])] == asked[0]


def test_auto_pays_for_sixteen_walks():
    e = PermutationShap(FakePredictor(network(11, 0)), MaskMasker()).explain(11)
    assert e.n_evals == 2**11 - 2
    assert e.std_errors is None
    for n, most in ((30, 2108), (200, 32 * 199)):
        e = PermutationShap(FakePredictor(network(n, 0)), MaskMasker(), tolerance=0).explain(n)
        assert e.n_evals == e.params["n_samples"] == most
        assert np.isfinite(e.std_errors).all()
        assert np.abs(e.additivity_gap).max() < 1e-12


def test_it_stops_when_it_has_settled_and_says_so():
    near = lambda masks: np.asarray(masks) @ np.arange(20.0) + 0.005 * network(20, 0)(masks).ravel()  # noqa: E731
    e = PermutationShap(FakePredictor(near), MaskMasker()).explain(20)
    assert e.status == "settled"
    assert e.n_evals == e.forecast_evals < 2088
    hard = PermutationShap(
        FakePredictor(network(20, 0)), MaskMasker(), tolerance=1e-6, n_samples=500
    ).explain(20)
    assert hard.status == "capped"
    for batch_size in (1, 300):
        assert (
            PermutationShap(FakePredictor(near), MaskMasker(), batch_size=batch_size).explain(20).n_evals
            == e.n_evals
        )


def test_it_does_not_settle_before_sixteen_walks():
    w = np.arange(1.0, 15.0)
    e = PermutationShap(FakePredictor(lambda masks: masks @ w), MaskMasker()).explain(14)
    walks = Walks(14, 0)
    assert e.status == "settled"
    assert 16 <= walks.complete(e.n_evals // 2) < 24
    few = PermutationShap(FakePredictor(lambda masks: masks @ w), MaskMasker(), n_samples=300).explain(14)
    assert few.status == "capped"


def test_in_the_middle_of_the_first_walk_the_rest_share_what_is_left():
    game = lambda masks: np.asarray(masks) @ np.arange(1.0, 9.0)  # noqa: E731
    kernel = PermutationShap(FakePredictor(game), MaskMasker(), n_samples=100, tolerance=0, batch_size=2)
    kernel.clock = iter(range(10**6)).__next__
    frames = list(kernel.stream(8))
    known = []
    for e in frames:
        np.testing.assert_allclose(e.additivity_gap, 0, atol=1e-12)
        known.append((np.abs(e.values[0] - np.arange(1.0, 9.0)) < 1e-12).sum())
    assert known[-1] == 8
    assert known[:6] == sorted(known[:6])
    assert known[1] < 8
    assert np.isinf(frames[1].std_errors).all()


def test_link_and_tables():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(20, 14))
    w = rng.normal(size=14)
    model = lambda rows: 1 / (1 + np.exp(-rows @ w))  # noqa: E731
    e = PermutationShap(model, Tabular(X[:1]), link="logit").explain(X[1])
    np.testing.assert_allclose(e.values[0], w * (X[1] - X[0]), atol=1e-9)
    assert e.status == "settled"
    assert e.output_unit == "logit"


def test_hundreds_of_features():
    w = np.random.default_rng(0).normal(size=400)
    e = PermutationShap(FakePredictor(lambda masks: masks @ w), MaskMasker()).explain(400)
    np.testing.assert_allclose(e.values[0], w, atol=1e-10)
    assert e.status == "settled"
