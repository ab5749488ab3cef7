"""Rows of a table are explained by the same draws: the model is asked about them once."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import jupyter_xai as xai
from jupyter_xai.evaluation import Pool
from jupyter_xai.kernels import lime

RNG = np.random.default_rng(0)
X = RNG.normal(size=(120, 4))
FRAME = pd.DataFrame({"a": X[:, 0], "b": RNG.choice(["x", "y", "z"], 120), "c": X[:, 1]})


class Counting:
    """A model that counts its rows."""

    def __init__(self, form=np.asarray):
        self.rows, self.form = 0, form

    def __call__(self, rows):
        self.rows += len(rows)
        rows = self.form(rows)
        return np.tanh(rows[:, 0] * 1.0 + 0.5 * rows[:, 1])


def of_frame(rows):
    return np.column_stack([rows["a"], (rows["b"] == "x") + rows["c"]])


@pytest.mark.parametrize("sampler", ["balanced", "lime"])
@pytest.mark.parametrize("tolerance", [0.0, 0.05])
def test_rows_are_as_by_themselves_for_the_price_of_one(sampler, tolerance):
    model = Counting()
    kernel = xai.Lime(model, xai.Tabular(X), n_samples=800, tolerance=tolerance, sampler=sampler)
    alone = [kernel.explain(x) for x in X[:6]]
    model.rows = 0
    together = kernel.explain_batch(X[:6])
    for one, other in zip(alone, together, strict=True):
        np.testing.assert_allclose(one.values, other.values, atol=1e-9)
        np.testing.assert_allclose(one.std_errors, other.std_errors, atol=1e-9)
        assert (one.n_evals, one.status, one.notices) == (other.n_evals, other.status, other.notices)
    assert model.rows <= 6 + max(e.n_evals for e in alone)


def test_frames_and_groups_share_as_well():
    model = Counting(of_frame)
    kernel = xai.Lime(model, xai.Tabular(FRAME, groups={"both": ["b", "c"]}), n_samples=500, tolerance=0)
    alone = kernel.explain(FRAME.iloc[[3]])
    model.rows = 0
    together = kernel.explain_batch(FRAME.iloc[2:5])
    assert model.rows <= 3 + 500
    np.testing.assert_allclose(together[1].values, alone.values, atol=1e-9)


def test_tensors_share_as_well():
    torch = pytest.importorskip("torch")
    net = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.Tanh(), torch.nn.Linear(3, 2))
    kernel = xai.Lime(net, xai.Tabular(X.astype(np.float32)), n_samples=300, tolerance=0)
    together = kernel.explain_batch(X[:3].astype(np.float32))
    np.testing.assert_allclose(together[2].values, kernel.explain(X[2].astype(np.float32)).values, atol=1e-6)


def test_draws_around_the_row_are_its_own():
    model = Counting()
    masker = xai.Tabular(X, discretizer="none", sample_around_instance=True)
    kernel = xai.Lime(model, masker, n_samples=200, tolerance=0)
    together = kernel.explain_batch(X[:3])
    assert model.rows >= 3 * 200
    np.testing.assert_allclose(together[2].values, kernel.explain(X[2]).values, atol=1e-9)


def test_many_rows_go_in_parts(monkeypatch):
    monkeypatch.setattr(lime, "_ROWS", 4)
    model = Counting()
    kernel = xai.Lime(model, xai.Tabular(X), n_samples=100, tolerance=0, batch_size=3)
    found = kernel.explain_batch(X[:9])
    assert len(found) == 9
    assert model.rows <= 9 + 3 * 100
    np.testing.assert_allclose(found[8].values, kernel.explain(X[8]).values, atol=1e-9)


def test_an_edit_in_a_view_costs_a_look_or_two():
    """A pool holds a table's draws for any row."""
    model, pool = Counting(), Pool()
    kernel = xai.Lime(model, xai.Tabular(X), n_samples=400, tolerance=0)
    kernel.explain(X[0], pool=pool)
    model.rows = 0
    warm = kernel.explain(X[1], pool=pool)
    assert model.rows <= 2
    np.testing.assert_allclose(warm.values, kernel.explain(X[1]).values, atol=1e-9)
    model.rows = 0
    more = xai.Lime(model, xai.Tabular(X), n_samples=600, tolerance=0)
    np.testing.assert_allclose(more.explain(X[1], pool=pool).values, more.explain(X[1]).values, atol=1e-9)


def test_a_model_that_changed_is_noticed_by_a_draw():
    weights = np.array([1.0, 1.0, 0.0, 0.0])
    model, pool = (lambda rows: np.tanh(rows @ weights)), Pool()
    kernel = xai.Lime(model, xai.Tabular(X), n_samples=300, tolerance=0)
    kernel.explain(X[0], pool=pool)
    weights[2] = 3.0
    found = kernel.explain(X[1], pool=pool)
    np.testing.assert_allclose(found.values, kernel.explain(X[1]).values, atol=1e-9)
    assert any("changed" in notice for notice in found.notices)


def test_norm_lime_asks_once_a_chunk():
    model = Counting()
    kernel = xai.Lime(model, xai.Tabular(X), n_samples=300, tolerance=0)
    found = xai.NormLime(kernel).explain(X)
    assert found.n_rows == len(X)
    assert model.rows < len(X) + 9 * 301
