"""The greedy choice of rows: the paper's toy, plain greedy as oracle, lime's own loop on the same W."""

from __future__ import annotations

import itertools
import pickle

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import jupyter_xai as xai
from jupyter_xai.dataset._greedy import greedy
from jupyter_xai.dataset._readings import Reading
from jupyter_xai.dataset.submodular_pick import Explanations

# Ribeiro et al. 2016, caption of the toy figure: f2 is the most important; rows 2 and 5 are picked, all but f1 covered
TOY = np.array(
    [[1, 1, 0, 0, 0], [0, 1, 1, 0, 0], [0, 0, 1, 0, 0], [0, 1, 0, 0, 0], [0, 0, 0, 1, 1]], dtype=float
)


def sparse(W):
    at = [np.flatnonzero(row) for row in W]
    starts = np.concatenate([[0], np.cumsum([len(some) for some in at])]).astype(np.int64)
    return starts, np.concatenate([*at, np.zeros(0, int)]).astype(np.int64), np.abs(W).sum(axis=1)


def pick(W, budget):
    return greedy(*sparse(W), np.sqrt(np.abs(W).sum(axis=0)), budget)


def plain(W, budget):
    """Every row's gain anew at every step; of equal ones the heavier, then the first."""
    importance, mass = np.sqrt(np.abs(W).sum(axis=0)), np.abs(W).sum(axis=1)
    left, covered, found = list(range(len(W))), np.zeros(W.shape[1], bool), []
    while left and len(found) < budget:
        gains = {i: float(importance[(W[i] != 0) & ~covered].sum()) for i in left}
        best = min(left, key=lambda i: (-gains[i], -mass[i], i))
        found.append((best, gains[best]))
        covered |= W[best] != 0
        left.remove(best)
    return found


class Given:
    """As much of lime's explainer as SubmodularPick needs: it is handed W."""

    class Of:
        mode = "classification"

        def __init__(self, row):
            self.row = row

        def available_labels(self):
            return [1]

        def as_list(self, label):
            return [(j, self.row[j]) for j in np.flatnonzero(self.row)]

    def explain_instance(self, row, predict, **kwargs):
        return self.Of(row)


def limes(W, budget):
    from lime.submodular_pick import SubmodularPick

    return SubmodularPick(Given(), W, None, method="full", num_exps_desired=budget)


def test_the_papers_toy():
    assert [choice.row + 1 for choice in pick(TOY, 2)] == [2, 5]
    assert np.argmax(np.abs(TOY).sum(axis=0)) == 1
    assert sorted(np.concatenate([choice.adds for choice in pick(TOY, 2)]).tolist()) == [1, 2, 3, 4]


matrices = st.integers(1, 9).flatmap(
    lambda n: st.integers(1, 7).flatmap(
        lambda d: st.lists(st.lists(st.integers(-2, 2), min_size=d, max_size=d), min_size=n, max_size=n)
    )
)


@settings(max_examples=80, deadline=None)
@given(matrices, st.integers(1, 6))
def test_lazy_is_plain_greedy(rows, budget):
    W = np.array(rows, dtype=float)
    found = pick(W, budget)
    assert [(choice.row, choice.gain) for choice in found] == plain(W, budget)
    covered = set()
    for choice in found:
        own = set(np.flatnonzero(W[choice.row]).tolist())
        assert set(choice.adds.tolist()) == own - covered
        covered |= own


@settings(max_examples=25, deadline=None)
@given(matrices, st.integers(1, 3))
def test_the_guarantee(rows, budget):
    W = np.array(rows, dtype=float)
    importance = np.sqrt(np.abs(W).sum(axis=0))
    best = max(
        importance[(W[list(some)] != 0).any(axis=0)].sum()
        for some in itertools.combinations(range(len(W)), min(budget, len(W)))
    )
    assert sum(choice.gain for choice in pick(W, budget)) >= (1 - 1 / np.e) * best - 1e-9


@pytest.mark.parametrize("seed", range(5))
def test_parity_with_lime_on_the_same_w(seed):
    rng = np.random.default_rng(seed)
    W = rng.normal(size=(40, 60)) * (rng.random((40, 60)) < 0.08)
    lime = limes(W, 6)
    assert [choice.row for choice in pick(W, 6)] == lime.V


def readings(W, names=None):
    names = names or tuple(f"f{j}" for j in range(W.shape[1]))
    return [
        Reading(
            i,
            ("y",),
            names,
            row[None],
            None,
            np.abs(row[None]).sum(1),
            np.zeros(len(names), np.float32),
            True,
        )
        for i, row in enumerate(W)
    ]


def test_reduction_merges_exactly_and_says_what_each_adds():
    rng = np.random.default_rng(0)
    W = rng.normal(size=(60, 25)) * (rng.random((60, 25)) < 0.15)
    whole, merged = Explanations(5), Explanations(5)
    whole.update(readings(W))
    for start in range(0, 60, 7):
        part = Explanations(5)
        part.update(readings(W)[start : start + 7])
        merged.merge(pickle.loads(pickle.dumps(part)))
    one, two = whole.estimate(), merged.estimate()
    assert [p.row for p in one.picks] == [p.row for p in two.picks] == [i for i, _ in plain(W, 5)]
    np.testing.assert_allclose(one.coverage, two.coverage)
    importance = np.sqrt(np.abs(W).sum(axis=0))
    by_name = dict(zip(one.feature_names, one.overall, strict=True))
    for j in range(25):
        assert by_name.get(f"f{j}", 0) == pytest.approx(importance[j])
    np.testing.assert_allclose(one.values[0], one.overall)
    gains = [g for _, g in plain(W, 5)]
    np.testing.assert_allclose([p.gain for p in one.picks], np.array(gains) / importance.sum())
    np.testing.assert_allclose(one.coverage, np.cumsum(gains) / importance.sum())
    first = one.picks[0]
    assert {one.feature_names[j] for j in first.adds} == {f"f{j}" for j in np.flatnonzero(W[first.row])}
    np.testing.assert_allclose(np.sort(first.weights), np.sort(np.abs(W[first.row][W[first.row] != 0])))
    assert set(one.support[0].tolist()) <= set((W != 0).sum(axis=0).tolist())


def test_importance_is_told_per_class_and_over_all():
    rng = np.random.default_rng(0)
    W = rng.normal(size=(40, 2, 6))
    reduced = Explanations(3)
    reduced.update(
        Reading(i, ("bad", "good"), tuple("abcdef"), w, None, np.abs(w).sum(axis=1), np.zeros(6, np.float32))
        for i, w in enumerate(W)
    )
    found = reduced.estimate()
    np.testing.assert_allclose(found.values, np.sqrt(np.abs(W).sum(axis=0)))
    np.testing.assert_allclose(found.overall, np.sqrt(np.abs(W).sum(axis=(0, 1))))
    assert found.ranking("good").tolist() == np.argsort(-np.abs(W[:, 1]).sum(axis=0)).tolist()
    assert found.ranking().tolist() == np.argsort(-found.overall).tolist()


def test_error_of_the_root_of_a_sum():
    rng = np.random.default_rng(0)
    truth, hits = np.sqrt(100 * 1.0), 0
    for _ in range(80):
        reduced = Explanations(1)
        reduced.update(readings(rng.exponential(1.0, size=(100, 1))))
        low, high = reduced.estimate().intervals
        hits += low[0, 0] <= truth <= high[0, 0]
    assert 0.86 <= hits / 80 <= 0.99


def test_of_a_table_conditions_are_features_and_few_are_kept():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 6))
    local = xai.Lime(lambda rows: rows[:, 0] * 3 + rows[:, 1], xai.Tabular(X), n_samples=200, tolerance=0)
    found = xai.SubmodularPick(local, budget=4, most_features=2).explain(X)
    assert len(found.picks) == 4
    assert all(len(pick.features) == 2 for pick in found.picks)
    assert any("x0 <=" in name for name in found.feature_names)
    assert (np.diff(found.coverage) >= 0).all()
    assert found.coverage[-1] <= 1 + 1e-12
    assert "Keeps the explanations of all 60 rows: at most 3 kB." in found.notices
    columns = xai.SubmodularPick(local, budget=4, most_features="auto", features="feature").explain(X)
    assert set(columns.feature_names) == {f"x{i}" for i in range(6)}
    assert columns.coverage[0] == pytest.approx(1.0)  # any row has every column: the rest goes by weight
    weights = [pick.weights.sum() for pick in columns.picks]
    assert weights == sorted(weights, reverse=True)


def test_more_than_there_are_rows():
    found = Explanations(9)
    found.update(readings(TOY))
    assert len(found.estimate().picks) == 5
    assert Explanations(3).estimate().picks == ()


def test_saved_and_loaded(tmp_path):
    reduced = Explanations(2)
    reduced.update(readings(TOY))
    reduced.estimate().save(tmp_path / "picks.xai")
    loaded = xai.GlobalExplanation.load(tmp_path / "picks.xai")
    assert [p.row for p in loaded.picks] == [1, 4]
    np.testing.assert_array_equal(loaded.picks[0].adds, reduced.estimate().picks[0].adds)


def test_picked_rows_say_what_the_model_predicts_and_a_sample_is_drawn():
    rows = np.random.default_rng(0).normal(size=(300, 3))

    def model(X):
        good = 1 / (1 + np.exp(-3 * X[:, 0] + X[:, 1]))
        return np.stack([1 - good, good], axis=1)

    local = xai.Lime(model, xai.Tabular(rows), n_samples=100, random_state=0)
    found = xai.SubmodularPick(local, budget=4, features="feature").explain(rows)
    scores = model(rows)
    for pick in found.picks:
        top = int(scores[pick.row].argmax())
        assert pick.predicted == found.output_names[top]
        assert pick.prediction == pytest.approx(scores[pick.row, top], rel=1e-6)
    assert found.predicted.tolist() == np.bincount(scores.argmax(axis=1)).tolist()
    sample = found.sample
    assert len(sample.rows) == 200
    np.testing.assert_allclose(sample.predictions, scores[sample.rows], rtol=1e-5)
    np.testing.assert_array_equal(sample.predicted, scores[sample.rows].argmax(axis=1))
    np.testing.assert_allclose(sample.inputs, rows[sample.rows][:, sample.features], rtol=1e-6)


def test_a_numbers_model_says_its_number():
    rows = np.random.default_rng(0).normal(size=(12, 2))
    local = xai.Lime(lambda X: 100 * X[:, 0], xai.Tabular(rows), n_samples=50)
    found = xai.SubmodularPick(local, budget=2).explain(rows)
    assert found.predicted is None
    for pick in found.picks:
        assert (pick.predicted, pick.prediction) == ("", pytest.approx(100 * rows[pick.row, 0], rel=1e-5))
