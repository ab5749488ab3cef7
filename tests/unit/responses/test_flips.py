"""Nearest flips: verified by the model, nearest, round; thresholds, classes, categories, groups, budget."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import jupyter_xai as xai
from jupyter_xai.explanation import Curve
from jupyter_xai.models import wrap
from jupyter_xai.responses import nearest_flips, response_curves

RNG = np.random.default_rng(5)
FRAME = pd.DataFrame(
    {
        "age": RNG.integers(18, 80, 300),
        "sum": RNG.lognormal(8, 1, 300),
        "job": pd.Categorical(
            RNG.choice(["none", "skilled", "boss"], 300), ["none", "skilled", "boss"], ordered=True
        ),
        "owner": RNG.random(300) < 0.5,
    }
)
X = pd.DataFrame(
    {
        "age": [40],
        "sum": [3000.0],
        "job": pd.Categorical(["none"], FRAME["job"].cat.categories, ordered=True),
        "owner": [False],
    }
)


def score(rows: pd.DataFrame) -> np.ndarray:
    z = (rows["age"] - 40) / 10 + 2 * (rows["job"].astype(str) == "boss") + (rows["sum"] - 3000) / 4000
    return 1 / (1 + np.exp(-(z.to_numpy(dtype=float) - 0.75)))


def model(rows: pd.DataFrame) -> np.ndarray:
    p = score(rows)
    return np.column_stack([1 - p, p])


def flips_of(model, x=X, background=FRAME, threshold=0.5, kernel=xai.KernelShap, **how):
    predictor, masker = wrap(model, kind="table"), xai.Tabular(background)
    e = kernel(predictor, masker).explain(x)
    bound = masker.bind(x, predictor)
    *_, curves = response_curves(e, bound, predictor)
    stages = list(nearest_flips(replace(e, curves=curves), bound, predictor, threshold=threshold, **how))
    last = stages[-1] if stages else ()
    return e, {e.feature_names[flip.feature]: flip for flip in last}


def test_the_model_itself_has_been_asked_and_turns():
    _, flips = flips_of(model)
    assert set(flips) == {"age", "sum", "job"}
    for name, flip in flips.items():
        row = X.copy()
        value = flip.x[0]
        row[name] = (
            pd.Categorical(
                [FRAME["job"].cat.categories[int(value)]], FRAME["job"].cat.categories, ordered=True
            )
            if name == "job"
            else [X[name].dtype.type(value)]
        )
        np.testing.assert_allclose(flip.y[:, 0], model(row)[0], atol=1e-12)
        assert flip.y[1, 0] >= 0.5


def test_numbers_are_the_nearest_and_round():
    _, flips = flips_of(model)
    assert flips["age"].x[0] == 48  # whole: 40 + 7.5
    assert 6000 <= flips["sum"].x[0] <= 6000 + 0.02 * np.ptp(FRAME["sum"])
    assert flips["sum"].x[0] % 100 == 0
    assert flips["job"].x[0] == 2


def test_the_nearer_of_two_sides_is_taken():
    def band(rows):
        z = np.abs(rows[:, 0] - 0.1)
        p = 1 / (1 + np.exp(-20 * (z - 1)))
        return np.column_stack([1 - p, p])

    background = np.linspace(-4, 4, 50)[:, None]
    _, flips = flips_of(band, np.array([0.5]), background)
    assert 1.1 <= next(iter(flips.values())).x[0] <= 1.1 + 0.02 * 8
    _, flips = flips_of(band, np.array([-0.5]), background)
    assert -0.9 - 0.02 * 8 <= next(iter(flips.values())).x[0] <= -0.9


@pytest.mark.parametrize(("here", "there"), [("c", "d"), ("b", "a"), ("e", "d")])
def test_the_nearest_category_in_their_order_is_taken(here, there):
    def outer(rows):
        p = 0.2 + 0.6 * rows["grade"].astype(str).isin(["a", "d"]).to_numpy()
        return np.column_stack([1 - p, p])

    grades = pd.Categorical(list("abcde") * 4, list("abcde"), ordered=True)
    x = pd.DataFrame({"grade": pd.Categorical([here], grades.categories, ordered=True)})
    e, flips = flips_of(outer, x, pd.DataFrame({"grade": grades}))
    assert e.features.categories[0][int(flips["grade"].x[0])] == there


@pytest.mark.parametrize("sign", [1, -1])
def test_of_two_borders_the_nearer_is_taken_wherever_the_points_of_the_curve_lie(sign):
    """From 0 the border at 0.7 lies beyond a point of the curve, that at -1.3 before the first one."""

    def beyond(rows):
        z = sign * rows[:, 0]
        p = np.where((z > 0.7) | (z < -1.3), 0.9, 0.1)
        return np.column_stack([1 - p, p])

    predictor, masker = wrap(beyond, kind="table"), xai.Tabular(np.linspace(-2, 2, 9)[:, None])
    x = np.zeros(1)
    e, bound = xai.Occlusion(predictor, masker).explain(x), masker.bind(x, predictor)
    points = np.sort(sign * np.array([-2.0, 0.0, 0.6, 2.0]))
    curve = Curve("response", 0, points, beyond(points[:, None]).T)
    *_, flips = nearest_flips(replace(e, curves=(curve,)), bound, predictor, threshold=0.5)
    assert 0.7 < sign * flips[0].x[0] <= 0.7 + 0.02 * 4


@pytest.mark.parametrize("threshold", [0.1, 0.3, 0.5, 0.9])
def test_any_threshold_and_link(threshold):
    plain = flips_of(model, threshold=threshold)[1]
    linked = flips_of(model, threshold=threshold, kernel=lambda p, m: xai.KernelShap(p, m, link="logit"))[1]
    assert {name: flip.x[0] for name, flip in plain.items()} == {
        name: flip.x[0] for name, flip in linked.items()
    }
    now = score(X)[0] >= threshold
    for flip in plain.values():
        assert (flip.y[1, 0] >= threshold) != now


def test_of_three_classes_another_becomes_the_largest():
    def three(rows):
        z = np.stack([1 - rows[:, 0], rows[:, 0] + 0.2 * rows[:, 1], rows[:, 1]], axis=1)
        e = np.exp(4 * z)
        return e / e.sum(axis=1, keepdims=True)

    background = RNG.uniform(-2, 2, (60, 2))
    x = np.array([0.2, 0.1])
    e, flips = flips_of(three, x, background, threshold=None)
    assert len(flips) == 2
    for name, flip in flips.items():
        row = x.copy()
        row[e.feature_names.index(name)] = flip.x[0]
        answer = three(row[None])[0]
        np.testing.assert_allclose(flip.y[:, 0], answer[list(e.targets)], atol=1e-12)
        assert answer.argmax() != three(x[None])[0].argmax()


def test_no_decision_no_flips():
    assert flips_of(lambda rows: score(rows)[:, None] * 1e5, threshold=None)[1] == {}
    assert flips_of(lambda rows: np.full((len(rows), 2), 0.5))[1] == {}


def test_a_missing_value_has_no_nearest_number():
    background = FRAME.assign(sum=FRAME["sum"].where(RNG.random(300) > 0.1))
    x = X.assign(sum=[np.nan])

    def sound(rows):
        return model(rows.assign(sum=rows["sum"].fillna(3000.0)))

    assert "sum" not in flips_of(sound, x, background)[1]


def test_few_calls_and_a_budget():
    calls = []

    def counting(rows):
        calls.append(len(rows))
        return model(rows)

    predictor, masker = wrap(counting, kind="table"), xai.Tabular(FRAME)
    e, bound = xai.KernelShap(predictor, masker).explain(X), masker.bind(X, predictor)
    *_, curves = response_curves(e, bound, predictor)
    known = replace(e, curves=curves)
    calls.clear()
    whole = list(nearest_flips(known, bound, predictor, threshold=0.5))
    assert len(calls) <= 13
    assert sum(calls) <= 2 * 12 + 2 * 7
    assert [len(stage) for stage in whole] == [1, 3]  # categories are known from the curves
    calls.clear()
    said: list[str] = []
    *_, few = nearest_flips(known, bound, predictor, threshold=0.5, most_rows=20, say=said.append)
    assert len(said) == 1
    assert said[0].startswith("The nearest flip was not searched along ")
    assert {name for name in known.feature_names if name in said[0]}.isdisjoint(
        known.feature_names[curve.feature] for curve in few
    )
    assert sum(calls) <= 20
    assert len(few) == 2


def moved(groups, names, background, x, model):
    masker, predictor = xai.Tabular(background, feature_names=names, groups=groups), wrap(model, kind="table")
    e, bound = xai.KernelShap(predictor, masker).explain(x), masker.bind(x, predictor)
    *_, curves = response_curves(e, bound, predictor)
    *_, flips = nearest_flips(replace(e, curves=curves), bound, predictor, threshold=0.5)
    first = next(curve for curve in curves if curve.feature == 0)
    return e.features.categories[0], first, [(flip.feature, flip.x.tolist()) for flip in flips]


def test_a_group_of_columns_moves_as_one():
    rng = np.random.default_rng(0)
    background = np.hstack([np.eye(3)[rng.integers(0, 3, 80)], rng.normal(size=(80, 1))])

    def of_blue(rows):
        p = 0.2 + 0.6 * (rows[:, 2] == 1)
        return np.column_stack([1 - p, p])

    names = ["red", "green", "blue", "size"]
    x = np.array([1.0, 0, 0, 0.3])
    levels, colour, flips = moved({"colour": names[:3]}, names, background, x, of_blue)
    assert len(levels) == 3
    np.testing.assert_allclose(colour.y[1], [0.2, 0.2, 0.8])
    assert flips == [(0, [2.0])]

    places = rng.integers(0, 9, (2, 40)).T[:7].astype(float)  # seven places on a map, no one-hot code

    def far_east(rows):
        p = 1 / (1 + np.exp(-(rows[:, 1] - 5.5)))
        return np.column_stack([1 - p, p])

    background = np.hstack([places[rng.integers(0, 7, 80)], rng.normal(size=(80, 1))])
    start = places[places[:, 1] < 5][0]
    together, place, _ = moved(
        {"place": ["north", "east"]}, ["north", "east", "size"], background, [*start, 0.0], far_east
    )
    assert set(together) == {tuple(row) for row in places}
    assert list(together) == sorted(together)
    np.testing.assert_allclose(place.y[1], [1 / (1 + np.exp(5.5 - east)) for _, east in together])


def test_of_many_categories_the_most_frequent_are_asked_about():
    rng = np.random.default_rng(0)
    names = [f"town {i:02}" for i in range(60)]
    often = np.repeat(names, np.arange(60) + 1)
    background = pd.DataFrame({"town": rng.permutation(often), "n": rng.normal(size=len(often))})
    x = pd.DataFrame({"town": ["town 03"], "n": [0.0]})

    def by_town(rows):
        p = rows["town"].str[-2:].astype(float).to_numpy() / 60
        return np.column_stack([1 - p, p])

    view = xai.explain(by_town, x, background=background, method="kernel_shap")
    found = view.explanation
    curve = next(c for c in found.curves if c.kind == "response" and c.feature == 0)
    levels = found.features.categories[0]
    assert [levels[int(at)] for at in curve.x] == ["town 03", *names[37:]]
    np.testing.assert_allclose(curve.y[1], [3 / 60, *(np.arange(37, 60) / 60)])
    assert any("24 most frequent categories: there are 60 of town" in notice for notice in found.notices)


def test_of_many_values_together_and_of_long_codes_the_most_frequent_are_asked_about():
    rng = np.random.default_rng(0)
    places = rng.normal(size=(60, 2)).round(2)
    codes = np.eye(30)[rng.integers(0, 30, 200)]
    background = np.hstack([places[rng.integers(0, 60, 200)], codes])
    groups = {"place": [0, 1], "town": list(range(2, 32))}
    view = xai.explain(
        lambda X: X[:, 0] + X[:, 5],
        background[0],
        masker=xai.Tabular(background, groups=groups),
        method="occlusion",
    )
    found = view.explanation
    assert [len(c.x) for c in found.curves if c.kind == "response"] == [24, 24]
    n_places = len(np.unique(background[:, :2], axis=0))
    n_towns = int(codes.any(axis=0).sum())
    assert n_places > 24
    assert any(f"there are {n_places} of place, {n_towns} of town" in notice for notice in found.notices)


def test_a_view_streams_them_and_sends_few_digits():
    view = xai.explain(model, X, background=FRAME, method="kernel_shap")
    flips = {c.feature: c for c in view.explanation.curves if c.kind == "flip"}
    sent = {c["feature"]: c for c in view._page.get("curves")["curves"] if c["kind"] == "flip"}
    assert set(flips) == set(sent) == {0, 1, 2}
    for feature, curve in flips.items():
        there = np.frombuffer(sent[feature]["x"], "<f4")[0]
        assert float(f"{there:.6g}") == curve.x[0]
