"""Response curves: analytic functions, order, ends, budget, failures; and through a view, edits included."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import jupyter_xai as xai
from jupyter_xai.models import wrap
from jupyter_xai.responses import response_curves

RNG = np.random.default_rng(0)
FRAME = pd.DataFrame(
    {
        "age": RNG.integers(18, 80, 200),
        "sum": RNG.lognormal(8, 1, 200),
        "job": pd.Categorical(
            RNG.choice(["none", "skilled", "boss"], 200), ["none", "skilled", "boss"], ordered=True
        ),
        "owner": RNG.random(200) < 0.5,
    }
)
X = FRAME.iloc[[0]]


class Counting:
    def __init__(self) -> None:
        self.sizes: list[int] = []

    def __call__(self, rows: pd.DataFrame) -> np.ndarray:
        self.sizes.append(len(rows))
        z = (
            rows["age"] / 40
            - (rows["job"] == "boss")
            + 0.5 * rows["owner"].astype(float)
            + np.log(rows["sum"]) / 20
        )
        p = 1 / (1 + np.exp(-z + 1.5))
        return np.column_stack([1 - p, p])


def explained(model):
    predictor = wrap(model, kind="table")
    masker = xai.Tabular(FRAME.iloc[:40])
    return xai.KernelShap(predictor, masker).explain(X), masker.bind(X, predictor), predictor


def curves_of(model, **how):
    e, bound, predictor = explained(model)
    *_, curves = response_curves(e, bound, predictor, **how)
    return e, {curve.feature: curve for curve in curves}


def responses(view):
    return {curve.feature: curve for curve in view.explanation.curves if curve.kind == "response"}


def test_every_feature_along_its_range_from_the_model_itself():
    e, curves = curves_of(Counting())
    assert sorted(curves) == [0, 1, 2, 3]
    for feature, curve in curves.items():
        assert 1 < len(curve.x) <= 24
        assert (np.diff(curve.x) > 0).all()
        name, levels = e.feature_names[feature], e.features.categories[feature]
        rows = pd.concat([X] * len(curve.x), ignore_index=True)
        values = list(levels) if levels else list(curve.x)
        rows[name] = pd.Series(values).astype(FRAME[name].dtype)
        np.testing.assert_allclose(curve.y, Counting()(rows).T, atol=1e-12)
    assert e.features.categories[2] == ("none", "skilled", "boss")  # their own order, not the alphabet's
    assert X["age"].iloc[0] in curves[0].x
    assert (curves[0].x == np.rint(curves[0].x)).all()


def test_the_largest_come_first_and_calls_are_full():
    model = Counting()
    e, bound, predictor = explained(model)
    model.sizes.clear()
    stages = list(response_curves(e, bound, predictor, batch_size=10))
    rows = sum(len(curve.x) for curve in stages[-1])
    assert len(model.sizes) == -(-rows // 10)
    assert max(model.sizes) <= 10
    order = np.argsort(-np.abs(e.values).max(axis=0), kind="stable").tolist()
    assert [curve.feature for curve in stages[-1]] == order
    assert [len(stage) for stage in stages] == sorted(len(stage) for stage in stages)


def test_a_budget_takes_points_and_then_the_smallest_which_is_said():
    said: list[str] = []
    _, curves = curves_of(Counting(), most_rows=30, say=said.append)
    assert set(curves) == {0, 1, 2, 3}
    assert not said
    assert 8 <= len(curves[0].x) <= 13
    assert sum(len(curve.x) for curve in curves.values()) <= 30
    e, curves = curves_of(Counting(), most_rows=15, say=said.append)
    assert list(curves) == np.argsort(-np.abs(e.values).max(axis=0), kind="stable")[: len(curves)].tolist()
    assert sum(len(curve.x) for curve in curves.values()) <= 15
    assert said == [f"Response curves of the {len(curves)} largest of 4 features that can be moved."]


@pytest.mark.parametrize(("n", "drawn"), [(30, 30), (40, 40), (55, 40)])
def test_every_feature_of_a_wide_row_has_a_curve_up_to_forty_and_the_rest_is_said(n, drawn):
    rows = np.random.default_rng(1).normal(size=(60, n))
    rows[:, 3] = rows[0, 3]  # nowhere to go
    weights = np.linspace(0.1, 1, n)
    view = xai.explain(
        lambda X: X @ weights, rows[0], background=rows[1:41], method="occlusion", output="raw"
    )
    found = view.explanation
    curves = [curve for curve in found.curves if curve.kind == "response"]
    assert found.n_rows <= 41 * n
    assert len(curves) == min(drawn, n - 1)
    assert all(len(curve.x) >= 8 for curve in curves)
    assert sum(len(curve.x) for curve in curves) <= max(480, found.n_rows // 2)
    notices = [notice for notice in found.notices if notice.startswith("Response curves")]
    assert notices == (
        [] if n <= 40 else ["Response curves of the 40 largest of 54 features that can be moved."]
    )


def test_stop_says_that_there_are_no_curves_and_going_on_has_them():
    view = xai.explain(Counting(), X, method="kernel_shap", background=FRAME.iloc[:40], batch_size=40)
    question, request = view._question, view._scene.request
    calls = iter(range(3))
    *_, stopped = question.stream(request, lambda _: next(calls, None) is not None)
    assert stopped.status == "stopped"
    assert stopped.curves is None
    assert (
        stopped.notices[-1]
        == "Stopped before the curves of the sliders were asked for; Continue goes on to them."
    )
    *_, whole = question.stream(request, lambda _: True)
    assert not any("Stopped" in notice for notice in whole.notices)
    assert {curve.feature for curve in whole.curves if curve.kind == "response"} == {0, 1, 2, 3}


def test_a_view_has_them_in_the_unit_of_the_explanation_and_after_edits():
    model = Counting()
    view = xai.explain(model, X, method="kernel_shap", background=FRAME.iloc[:40], link="logit")
    first = responses(view)
    p = model(X)[0]
    at = int(np.flatnonzero(first[0].x == X["age"].iloc[0])[0])
    np.testing.assert_allclose(first[0].y[1, at], np.log(p[1] / p[0]), atol=1e-6)
    view.what_if({"owner": not bool(X["owner"].iloc[0])})
    second = responses(view)
    np.testing.assert_allclose(np.abs(second[0].y[1] - first[0].y[1]), 0.5, atol=1e-6)
    sent = view._page.get("curves")
    assert sent["run"] == view._page.get("frame")["run"]


def test_a_model_that_fails_out_there_costs_no_explanation():
    def model(rows):
        alike = sum((rows[name].astype(object) == X[name].iloc[0]).astype(int) for name in FRAME)
        if len(rows) > 20 and (alike >= 3).all():  # the instance with one feature moved
            raise ValueError("too old")
        return Counting()(rows)

    found = xai.explain(model, X, method="kernel_shap", background=FRAME.iloc[:40]).explanation
    assert found.status == "settled"
    assert {curve.kind for curve in found.curves} == {"removal", "random_removal", "insertion"}
    assert "No response curves" in found.notices[-1]
    assert "too old" in found.notices[-1]


@pytest.mark.parametrize("x", ["a dull film", np.zeros((16, 16, 3))])
def test_what_is_no_row_is_not_moved_along_its_features(x):
    view = xai.explain(lambda batch: [[float(len(batch))]] * len(batch), x, n_samples=50)
    assert "response" not in {curve.kind for curve in view.explanation.curves}
