"""Sensitivity: gradients of networks, central differences of everything else, on a common scale."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import jupyter_xai as xai
from tests.contract import checks
from tests.contract.cases import of_table

torch = pytest.importorskip("torch")

ROWS = np.random.default_rng(0).normal(size=(300, 4)) * [1.0, 5.0, 0.1, 30.0] + [0.0, 2.0, 1.0, 0.0]
X = np.array([0.3, -1.0, 1.1, 12.0])


def network(dtype=torch.float64):
    torch.manual_seed(1)
    layers = torch.nn.Linear(4, 16), torch.nn.Tanh(), torch.nn.Linear(16, 3)
    return torch.nn.Sequential(*layers).to(dtype)


def jacobian(net, x):
    return torch.autograd.functional.jacobian(net, torch.tensor(x)).numpy()


def as_function(net):
    return lambda rows: net(torch.tensor(rows)).detach().numpy()


@pytest.mark.parametrize("scale", ["sd", "none", "elasticity"])
def test_is_the_jacobian_times_the_scale(scale):
    net = network()
    values = xai.Sensitivity(net, scale=scale, inputs=xai.Tabular(ROWS)).explain(X).values
    scores = net(torch.tensor(X)).detach().numpy()
    unit = {"sd": ROWS.std(axis=0), "none": np.ones(4), "elasticity": X / scores[:, None]}[scale]
    np.testing.assert_allclose(values, jacobian(net, X) * unit, rtol=1e-9)


@pytest.mark.parametrize("scale", ["sd", "none", "elasticity"])
def test_differences_of_a_function_agree_with_the_network(scale):
    net = network()
    one = xai.Sensitivity(net, scale=scale, inputs=xai.Tabular(ROWS)).explain(X)
    other = xai.Sensitivity(as_function(net), scale=scale, background=ROWS).explain(X)
    np.testing.assert_allclose(other.values, one.values, rtol=1e-4)  # the rest is curvature
    assert other.value_unit == one.value_unit
    assert other.n_rows == 1 + 2 * 4


def test_a_background_of_arrays_gives_the_same_spread_in_any_batch():
    net = network()
    expected = jacobian(net, X) * ROWS.std(axis=0)
    for batch_size in (7, 1000):
        e = xai.Sensitivity(net, background=ROWS, batch_size=batch_size).explain(X)
        np.testing.assert_allclose(e.values, expected, rtol=1e-9)
        assert e.params["scale"] == "sd"


def test_pixels_are_scaled_by_their_spread_over_the_background():
    images = torch.rand(20, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(48, 2))
    e = xai.Sensitivity(net, background=images).explain(images[0])
    expected = net[1].weight.detach().reshape(2, 3, 4, 4) * images.std(dim=0, unbiased=False)
    np.testing.assert_allclose(e.values, expected.numpy(), rtol=1e-4)
    assert xai.Sensitivity(net).explain(images[0]).value_unit == "per unit of the input"


def test_power_law_has_constant_elasticities():
    def model(rows):
        return rows[:, 0] ** 2 * rows[:, 1] ** -0.5

    e = xai.Sensitivity(model, scale="elasticity", background=np.abs(ROWS[:, :2]) + 0.1).explain([3.0, 7.0])
    np.testing.assert_allclose(e.values, [[2.0, -0.5]], rtol=1e-4)


def test_output_of_zero_has_no_elasticity_and_it_is_said():
    for model in (lambda rows: rows[:, 0] - 1.0, torch.nn.Linear(1, 1)):
        if isinstance(model, torch.nn.Module):
            torch.nn.init.ones_(model.weight)
            torch.nn.init.constant_(model.bias, -1.0)
        e = xai.Sensitivity(model, scale="elasticity", background=np.array([[0.0], [2.0]])).explain([1.0])
        assert e.values[0, 0] == 0
        assert "is 0 here" in " ".join(e.notices)


def test_group_counts_as_the_root_of_the_sum_of_squares():
    net = network()
    masker = xai.Tabular(ROWS, groups={"pair": [1, 3]})
    single = jacobian(net, X) * ROWS.std(axis=0)
    for model in (net, as_function(net)):
        e = xai.Sensitivity(model, inputs=masker).explain(X)
        assert e.feature_names == ("x0", "pair", "x2")
        np.testing.assert_allclose(e.values[:, 1], np.hypot(single[:, 1], single[:, 3]), rtol=1e-4)
        np.testing.assert_allclose(e.values[:, [0, 2]], single[:, [0, 2]], rtol=1e-4)


def test_categories_truth_values_and_whole_numbers():
    rng = np.random.default_rng(2)
    frame = pd.DataFrame(
        {
            "job": rng.choice(["a", "b", "c"], 200, p=[0.5, 0.3, 0.2]),
            "own": rng.random(200) < 0.25,
            "rooms": rng.integers(1, 9, 200),
        }
    )
    seen = []

    def model(rows):
        seen.extend(rows["rooms"])
        return rows["job"].map({"a": 0.0, "b": 1.0, "c": 3.0}) + 2.0 * rows["own"] + rows["rooms"] ** 2

    e = xai.Sensitivity(model, background=frame).explain(frame.iloc[0].to_dict() | {"job": "b", "rooms": 4})
    share = frame["job"].value_counts(normalize=True)
    job = np.sqrt(share["a"] * 1 + share["c"] * 4)
    own, rooms = frame["own"].std(ddof=0), frame["rooms"].std(ddof=0)
    np.testing.assert_allclose(e.values, [[job, 2.0 * own, 8.0 * rooms]])
    assert set(seen) == {3, 4, 5}


def test_missing_number_is_named_and_zero():
    rows = np.array([[0.0, 1.0], [1.0, np.nan], [2.0, 3.0]])
    e = xai.Sensitivity(lambda X: 3 * X[:, 0] + np.nan_to_num(X[:, 1]), background=rows).explain([1.0, None])
    assert e.values[0, 1] == 0
    assert e.values[0, 0] > 0
    assert "x1: missing in this row" in " ".join(e.notices)


def test_a_forest_is_a_staircase_and_that_is_said():
    from sklearn.ensemble import RandomForestRegressor

    forest = RandomForestRegressor(5, max_depth=4, random_state=0).fit(ROWS, ROWS[:, 0] * 2)
    near = xai.Sensitivity(forest, background=ROWS, step=1e-6).explain(X)
    assert not near.values.any()
    assert "staircase" in near.notices[-1]
    far = xai.Sensitivity(forest, background=ROWS, step=0.5).explain(X)
    assert far.values[0, 0] == pytest.approx(2.0, rel=0.3)
    assert "staircase" not in " ".join(far.notices)


@pytest.mark.parametrize(
    ("make", "kind", "words"),
    [
        (lambda: xai.Sensitivity(network(), scale="sd"), xai.InputError, "no background"),
        (lambda: xai.Sensitivity(lambda rows: rows[:, 0]), xai.InputError, "one at a time"),
        (
            lambda: xai.Sensitivity(lambda rows: rows[:, 0], inputs=xai.Image()),
            xai.CannotExplainError,
            "rows of a",
        ),
        (lambda: xai.Sensitivity(network(), scale="range"), xai.InputError, "scale"),
    ],
)
def test_bad_input_gets_a_sentence(make, kind, words):
    with pytest.raises(kind, match=words):
        make().explain(X)


class OfMasker(xai.Sensitivity):
    """Made as the contract makes perturbation kernels."""

    def __init__(self, model, masker, **kwargs):
        super().__init__(model, inputs=masker, **kwargs)


WHOLE = {checks.partials_converge, checks.watch_stops_within_one_batch}  # eight rows in all are one batch
CHECKS = [check for check in checks.CHECKS if check not in WHOLE]


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_differences_keep_the_contract(check):
    check(OfMasker, of_table())


def test_stopped_between_two_columns_the_rest_is_zero_and_it_is_said():
    case = of_table()
    kernel = xai.Sensitivity(case.model, inputs=case.masker, batch_size=2)
    row, calls = case.instances.iloc[[0]].assign(c="a"), []
    *running, last = kernel.stream(row, watch=lambda p: calls.append(p) or len(calls) < 2)
    assert last.status == "stopped"
    assert sum(case.model.sizes) == 3
    assert last.values[0, 0] != 0
    assert not last.values[:, 1:].any()
    assert "before every column" in last.notices[-1]
    *running, last = kernel.stream(row, watch=lambda p: True)
    assert last.status == "settled"
    assert [e.status for e in running] == ["running"] * len(running)


def test_rows_of_a_batch_are_those_of_explain():
    for model in (network(), as_function(network())):
        kernel = xai.Sensitivity(model, inputs=xai.Tabular(ROWS))
        many = kernel.explain_batch(ROWS[:3])
        for each, row in zip(many, ROWS, strict=False):
            np.testing.assert_allclose(each.values, kernel.explain(row).values, rtol=1e-9)


def test_explain_shows_it_for_any_model_of_a_table():
    view = xai.explain(as_function(network()), X, background=ROWS, method="sensitivity", headless=True)
    assert view.explanation.method == "sensitivity"
    assert view.explanation.value_unit == "per standard deviation"
    assert view.explanation.curves
    listed = {row["name"]: row["why_not"] for row in xai.methods(lambda t: [len(x) for x in t], "a text")}
    assert "not a text" in listed["sensitivity"]
