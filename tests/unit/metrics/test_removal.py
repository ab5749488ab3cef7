"""Areas of removal curves, ROAD's imputation, and the sanity checks: golden cases and what is said in words."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier

import jupyter_xai as xai
from jupyter_xai.errors import CannotExplainError, InputError
from jupyter_xai.explanation import Explanation, Pixels
from jupyter_xai.metrics import Subject, impute, permuted_labels, randomised_layers, removal, road
from jupyter_xai.models import wrap
from jupyter_xai.responses.removal import area, removal_curves

RNG = np.random.default_rng(0)
X = RNG.normal(size=(10, 6))
ROW = np.array([1.0, 2.0, -1.0, 0.5, 3.0, -2.0])


def model(batch: Any) -> Any:
    batch = np.asarray(batch)
    return np.column_stack([np.tanh(batch[:, 0] * batch[:, 1]) + batch[:, 4], batch[:, 2] * batch[:, 5]])


def test_areas_are_those_of_the_removal_curves() -> None:
    masker = xai.Tabular(X)
    e = xai.KernelShap(model, masker).explain(ROW)
    found = removal(e, Subject(model, ROW, masker))
    predictor = wrap(model, kind="table")
    *_, curves = removal_curves(e, masker.bind(ROW, predictor), predictor, most_rows=10**6)
    for out in range(2):
        own = next(curve for curve in curves if curve.kind == "removal" and curve.order == out)
        back = next(curve for curve in curves if curve.kind == "insertion" and curve.order == out)
        assert found.deletion.values[out] == pytest.approx(area(own)[out])
        assert found.insertion.values[out] == pytest.approx(area(back)[out])
    chance = next(curve for curve in curves if curve.kind == "random_removal")
    mine = next(curve for curve in found.curves if curve.kind == "random_removal")
    np.testing.assert_allclose(mine.y, chance.y)
    np.testing.assert_allclose(mine.band, chance.band)
    np.testing.assert_allclose(found.deletion_gain.values, area(chance) - found.deletion.values)
    # exact contributions in their own order beat the mean of random orders
    assert (found.deletion_gain.values - found.deletion_gain.half_widths > 0).all()
    assert (found.insertion_gain.values > 0).all()


def test_the_reverse_order_does_worse_than_random() -> None:
    from dataclasses import replace

    masker = xai.Tabular(X)
    e = xai.KernelShap(model, masker).explain(ROW)
    found = removal(replace(e, values=-e.values), Subject(model, ROW, masker))
    assert (found.deletion_gain.values < 0).all()
    assert any("of 20 random orders do as well or better" in said for said in found.deletion_gain.notices)


def test_pixels_are_removed_by_pieces_on_probability_or_logit() -> None:
    torch.manual_seed(0)
    net = torch.nn.Sequential(
        torch.nn.Conv2d(1, 4, 3, padding=1), torch.nn.ReLU(), torch.nn.Flatten(), torch.nn.Linear(4 * 64, 3),
        torch.nn.Softmax(dim=1),
    )  # fmt: skip
    image, masker = torch.rand(1, 8, 8), xai.Image("grid", 16, fill=0.0)
    e = xai.IntegratedGradients(net, inputs=masker, baseline="zeros").explain(image, targets=[2])
    about = Subject(net, image, masker)
    logit, probability = removal(e, about), removal(e, about, space="probability")
    assert (logit.deletion.unit, probability.deletion.unit) == ("logit", "probability")
    assert 0 < probability.deletion.values[0] < 1
    assert logit.deletion_gain.values[0] > 0
    assert about.n_rows >= logit.deletion.n_rows > 0
    with pytest.raises(InputError, match="Probabilities were asked for"):
        removal(e, Subject(net[:-1], image, masker), space="probability")


def test_what_cannot_be_judged_is_a_sentence() -> None:
    def constant(batch: Any) -> Any:
        return np.full((len(batch), 1), 0.25)

    masker = xai.Tabular(X)
    flat = removal(xai.KernelShap(constant, masker).explain(ROW), Subject(constant, ROW, masker))
    assert np.isnan(flat.deletion.values[0])
    assert np.isnan(flat.insertion_gain.values[0])
    assert any("answers the same whatever" in said for said in flat.deletion.notices)
    assert any("All features have the same value" in said for said in flat.deletion.notices)
    one, narrow = xai.Tabular(X[:, :1]), lambda batch: batch[:, :1]
    alone = removal(xai.KernelShap(narrow, one).explain([2.0]), Subject(narrow, [2.0], one))
    assert any("one feature only" in said for said in alone.deletion.notices)
    assert alone.deletion_gain.values[0] == pytest.approx(0.0, abs=1e-12)


# --- ROAD ----------------------------------------------------------------------------------------------------


def test_imputation_solves_the_papers_system() -> None:
    image = RNG.random((6, 5, 2))
    removed = RNG.random((6, 5)) < 0.5
    filled = impute(image, removed)
    np.testing.assert_array_equal(filled[~removed], image[~removed])
    for y, x in zip(*np.nonzero(removed), strict=True):
        total, weights = np.zeros(2), 0.0
        for dy in (-1, 0, 1):
            for dx in (-1, 0, 1):
                if (dy or dx) and 0 <= y + dy < 6 and 0 <= x + dx < 5:
                    weight = 1 / 12 if dy and dx else 1 / 6
                    total, weights = total + weight * filled[y + dy, x + dx], weights + weight
        np.testing.assert_allclose(filled[y, x], total / weights)


def test_imputation_of_all_and_of_nothing() -> None:
    image = RNG.random((3, 3, 1))
    np.testing.assert_array_equal(impute(image, np.zeros((3, 3), bool)), image)
    np.testing.assert_allclose(impute(image, np.ones((3, 3), bool)), np.full((3, 3, 1), image.mean()))
    hole = np.eye(3, dtype=bool)
    noisy = impute(image, hole, noise=0.5, rng=np.random.default_rng(0))
    assert not np.allclose(noisy[hole], impute(image, hole)[hole])


def test_road_tells_the_right_corner_from_the_wrong_one() -> None:
    def bright(batch: Any) -> Any:
        return batch[:, :4, :4].mean(axis=(1, 2, 3))[:, None]

    image = np.zeros((12, 12, 3))
    image[:4, :4] = RNG.random((4, 4, 3)) + 1.0
    masker = xai.Image("grid", 9, fill=0.0)
    about = Subject(bright, image, masker)
    labels = about.bound.layout.labels
    right = (np.arange(labels.max() + 1) == labels[0, 0]).astype(float)
    made = {
        name: Explanation(
            values=values[None],
            features=Pixels(image=np.zeros((12, 12, 3), np.uint8), labels=labels),
            output_names=("bright",),
            predictions=bright(image[None])[0],
            targets=(0,),
        )
        for name, values in (("right", right), ("wrong", -right))
    }
    scores = {name: road(e, about, shares=(0.2, 0.5, 0.8))["ROAD"].values[0] for name, e in made.items()}
    assert scores["right"] > 0.2
    assert scores["wrong"] == pytest.approx(-scores["right"], abs=0.05)
    rows = xai.Tabular(X)
    row = xai.KernelShap(model, rows).explain(ROW)
    with pytest.raises(CannotExplainError, match="needs an image"):
        road(row, Subject(model, ROW, rows))


# --- sanity --------------------------------------------------------------------------------------------------


class Blind:
    """An explainer that shows the input, whatever the model is."""

    params = ()

    def __init__(self, net: Any) -> None:
        self.model = net

    def explain(self, x: Any, targets: Any = None) -> Explanation:
        from dataclasses import replace

        e = xai.Saliency(self.model).explain(x, targets)
        return replace(e, values=np.asarray(x, dtype=float)[None], method="blind")


def network() -> torch.nn.Module:
    torch.manual_seed(0)
    return torch.nn.Sequential(
        torch.nn.Linear(60, 30),
        torch.nn.Tanh(),
        torch.nn.Linear(30, 20),
        torch.nn.Tanh(),
        torch.nn.Linear(20, 1),
    )


def test_layers_are_randomised_from_the_last_and_the_network_is_left_alone() -> None:
    net, x = network(), RNG.normal(size=60).astype(np.float32)
    before = [p.detach().clone() for p in net.parameters()]
    state = torch.get_rng_state()
    found = randomised_layers(xai.InputXGradient(net), x)
    assert found.steps == ("4", "2", "0")
    assert np.abs(found.rank[-1, 0]) < 0.5
    assert not found.unaware[0]
    assert found.notices == ()
    assert all(torch.equal(a, b) for a, b in zip(before, net.parameters(), strict=True))
    assert torch.equal(state, torch.get_rng_state())
    assert not any(part._forward_pre_hooks for part in net.modules())
    again = randomised_layers(xai.InputXGradient(net), x)
    np.testing.assert_array_equal(found.rank, again.rank)


def test_a_method_that_does_not_notice_is_named() -> None:
    found = randomised_layers(Blind(network()), RNG.normal(size=60).astype(np.float32))
    np.testing.assert_allclose(found.rank, 1.0)
    assert found.unaware[0]
    assert found.notices[0].startswith("blind does not notice drawing the weights of every layer anew")


def test_independent_randomisation_leaves_the_other_layers_trained() -> None:
    net, x = network(), RNG.normal(size=60).astype(np.float32)
    found = randomised_layers(xai.Saliency(net), x, order="independent", n_repeats=2)
    cascade = randomised_layers(xai.Saliency(net), x, n_repeats=2)
    np.testing.assert_allclose(found.rank[0], cascade.rank[0])  # the first step is the same
    assert not np.allclose(found.rank[1], cascade.rank[1])
    with pytest.raises(InputError, match="cascading"):
        randomised_layers(xai.Saliency(net), x, order="upwards")


def test_layers_come_in_the_order_of_their_calls_with_predictors_and_perturbations() -> None:
    class Backwards(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.last = torch.nn.Linear(3, 2)
            self.first = torch.nn.Linear(4, 3)
            self.scale = torch.nn.Parameter(torch.ones(2))

        def forward(self, x: Any) -> Any:
            return self.scale * self.last(torch.relu(self.first(x)))

    net = Backwards()
    found = randomised_layers(xai.Saliency(net), np.ones(4, np.float32), n_repeats=1)
    assert found.steps == ("last", "first", "")
    kernel = xai.KernelShap(wrap(net, kind="table", output="probability"), xai.Tabular(X[:, :4]))
    assert randomised_layers(kernel, ROW[:4], n_repeats=1).steps == found.steps
    with pytest.raises(CannotExplainError, match="Only the weights of a torch network"):
        randomised_layers(xai.KernelShap(model, xai.Tabular(X)), ROW)
    with pytest.raises(CannotExplainError, match="no weights"):
        randomised_layers(xai.Saliency(torch.nn.Flatten()), np.ones(4, np.float32))


def test_permuted_labels_of_an_estimator_and_of_a_model_that_is_refitted_by_hand() -> None:
    data, labels = load_iris(return_X_y=True)
    forest = RandomForestClassifier(20, random_state=0).fit(data, labels)
    kernel = xai.KernelShap(forest, xai.Tabular(data))
    found = permuted_labels(kernel, data[0], data, labels, targets=[0], n_repeats=2)
    assert found.steps == ("labels",)
    assert found.rank.shape == (1, 1)
    assert kernel.model is forest
    never = permuted_labels(
        kernel, data[0], data, labels, targets=[0], refit=lambda X, y: forest, n_repeats=2
    )
    assert never.rank[0, 0] == pytest.approx(1.0)
    assert "does not notice fitting the model to permuted labels" in never.notices[0]
    with pytest.raises(CannotExplainError, match="pass refit="):
        permuted_labels(xai.KernelShap(model, xai.Tabular(X)), ROW, X, X[:, 0])
