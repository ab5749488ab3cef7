"""Faithfulness: golden cases, the literal definitions, captum with the same perturbations."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

import jupyter_xai as xai
from jupyter_xai.errors import InputError
from jupyter_xai.explanation import Columns, Explanation
from jupyter_xai.maskers._random import generator
from jupyter_xai.metrics import Subject, completeness_gap, infidelity, local_fidelity, log_odds_drop
from jupyter_xai.metrics._shared import random_masks
from tests.oracle.metrics import infidelity as literal

RNG = np.random.default_rng(0)
BACKGROUND = RNG.normal(size=(20, 5))
ROW = np.array([1.0, -2.0, 0.5, 3.0, -1.0])
W = np.array([2.0, -1.0, 0.0, 0.5, 1.5])


def linear(X: Any) -> Any:
    return np.asarray(X) @ W[:, None]


def curved(X: Any) -> Any:
    X = np.asarray(X)
    return np.column_stack([np.tanh(X[:, 0] * X[:, 1]) + X[:, 2], X[:, 3] ** 2 - X[:, 4] * X[:, 0]])


def made(values: Any, model: Any = linear, **more: Any) -> Explanation:
    values = np.asarray(values, dtype=np.float64)
    values = values[None] if values.ndim == 1 else values
    layout = Columns(
        names=tuple("abcde"), values=tuple(ROW), kinds=("number",) * 5, members=tuple((i,) for i in range(5))
    )
    return Explanation(
        values=values,
        features=layout,
        output_names=tuple(f"y{i}" for i in range(len(values))),
        predictions=model(ROW[None])[0],
        targets=tuple(range(len(values))),
        method="made",
        **more,
    )


def subject(model: Any = linear, **more: Any) -> Subject:
    return Subject(model, ROW, xai.Tabular(BACKGROUND), **more)


CONTRIBUTIONS = W * (ROW - BACKGROUND.mean(axis=0))


def test_infidelity_of_a_linear_models_contributions_is_zero() -> None:
    assert infidelity(made(CONTRIBUTIONS), subject()).values[0] < 1e-12


def test_infidelity_of_no_attributions_is_the_mean_square_of_the_fall() -> None:
    about = subject()
    masks = random_masks(generator(0, "infidelity", 0), 200, 5)
    falls = (~masks) @ CONTRIBUTIONS
    assert infidelity(made(np.zeros(5)), about).values[0] == pytest.approx((falls**2).mean(), rel=1e-9)


@pytest.mark.parametrize("scaled", [False, True])
def test_infidelity_is_the_papers(scaled: bool) -> None:
    e = made(RNG.normal(size=(2, 5)), curved)
    found = infidelity(e, subject(curved), scaled=scaled, n_perturbations=60, random_state=3)
    masks = random_masks(generator(3, "infidelity", 0), 60, 5)
    for out in range(2):

        def game(mask: Any, out: int = out) -> float:
            rows = np.where(mask, ROW, BACKGROUND)
            return float(curved(rows)[:, out].mean())

        scale = None if scaled else 1.0
        assert found.values[out] == pytest.approx(literal(e.values[out], masks, game, scale), rel=1e-6)
    assert found.name == ("infidelity (best scale)" if scaled else "infidelity")


def test_the_best_scale_takes_a_factor_out() -> None:
    e = made(7.0 * CONTRIBUTIONS)
    assert infidelity(e, subject()).values[0] > 1.0
    assert infidelity(e, subject(), scaled=True).values[0] < 1e-9


def test_infidelity_of_a_linear_models_gradient_is_zero_under_noise() -> None:
    e = made(W, value_unit="per unit of the input")
    assert infidelity(e, subject(), perturbation="gaussian").values[0] < 1e-12
    # gradients are brought to contributions by how far the input moves
    assert infidelity(e, subject(), perturbation="removal").values[0] < 1e-12


def test_intervals_of_infidelity_cover() -> None:
    e, about = made(CONTRIBUTIONS * np.array([1, 0, 1, 0, 1]) * 0.7), subject()
    for scaled in (False, True):
        truth = infidelity(e, about, scaled=scaled, n_perturbations=20_000, random_state=99).values[0]
        hits = 0
        for seed in range(100):
            low, high = infidelity(e, about, scaled=scaled, random_state=seed).intervals
            hits += bool(low[0] <= truth <= high[0])
        assert 88 <= hits <= 100


def test_infidelity_equals_captums() -> None:
    metrics = pytest.importorskip("captum.metrics")
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Linear(5, 16), torch.nn.ReLU(), torch.nn.Linear(16, 3)).double()
    x = torch.tensor(ROW)[None]
    e = xai.Saliency(net).explain(ROW, targets=[1])
    moves = np.random.default_rng(5).normal(size=(40, 5)) * 0.3

    def ours(rows: Any, rng: Any) -> Any:
        return moves, rows - moves

    def theirs(inputs: Any) -> Any:
        return torch.tensor(moves), inputs - torch.tensor(moves)

    about = Subject(net, ROW, xai.Tabular(BACKGROUND))
    for scaled in (False, True):
        peer = metrics.infidelity(
            net, theirs, x, torch.tensor(e.values), target=1, n_perturb_samples=40, normalize=scaled
        )
        mine = infidelity(e, about, perturbation=ours, scaled=scaled, n_perturbations=40)
        assert mine.values[0] == pytest.approx(float(peer), rel=1e-6)


def test_completeness_gap() -> None:
    base = linear(BACKGROUND).mean(axis=0)
    assert completeness_gap(made(CONTRIBUTIONS, base_values=base, additive=True)).values[0] < 1e-12
    off = completeness_gap(made(CONTRIBUTIONS + 0.1, base_values=base, additive=True))
    assert off.values[0] == pytest.approx(0.5)
    silent = completeness_gap(made(CONTRIBUTIONS))
    assert np.isnan(silent.values[0])
    assert "does not claim" in silent.notices[0]


def test_local_fidelity_is_one_for_what_is_linear_in_the_masks() -> None:
    def positive(texts: list[str]) -> Any:
        return [0.5 + 0.4 * ("good" in text) - 0.3 * ("dull" in text) for text in texts]

    text = "a good but rather dull film"
    e = xai.KernelShap(positive, xai.Text()).explain(text)
    about = Subject(positive, text, xai.Text())
    assert local_fidelity(e, about).values[0] == pytest.approx(1.0)
    worse = replace(e, values=-e.values, base_values=None)
    assert local_fidelity(worse, about).values[0] < 0


def test_local_fidelity_is_the_weighted_r2_of_draws_that_were_not_fitted() -> None:
    e = made(CONTRIBUTIONS, base_values=np.array([0.3]), additive=True)
    found = local_fidelity(e, subject(), n_samples=50, random_state=1)
    seed = int(generator(1, "local fidelity", 0).integers(2**31))
    around = xai.Tabular(BACKGROUND).neighbourhood(ROW, None, random_state=seed, sampler="lime")
    draws = around.draw(1, 51)
    y = linear(draws.build(np.arange(50)))[:, 0]
    g = np.array([0.3 + sum(CONTRIBUTIONS[z]) for z in draws.features.astype(bool)])
    w = np.exp(-(draws.distances**2) / around.kernel_width**2) ** 0.5
    mean = (w * y).sum() / w.sum()
    assert found.values[0] == pytest.approx(1 - (w * (y - g) ** 2).sum() / (w * (y - mean) ** 2).sum())


def test_log_odds_drop_takes_the_top_features_away() -> None:
    def model(texts: list[str]) -> Any:
        p = np.array([0.1 + 0.5 * ("good" in t) + 0.2 * ("fine" in t) for t in texts])
        return np.column_stack([1 - p, p])

    text = "a good and fine film of some length in ten words"
    e = xai.KernelShap(model, xai.Text()).explain(text, targets=1)
    found = log_odds_drop(e, Subject(model, text, xai.Text()))
    assert found.values[0] == pytest.approx(np.log(0.8 / 0.2) - np.log(0.1 / 0.9))
    assert found.unit == "logit"
    assert "random removals of 2 of 11 features" in found.notices[0]


# --- what must never be a wrong number ---------------------------------------------------------------------------


def test_nan_attributions_are_a_sentence_for_their_output_alone() -> None:
    values = np.stack([CONTRIBUTIONS, CONTRIBUTIONS])
    values[1, 2] = np.nan
    e, about = made(values, curved), subject(curved)
    for found in (
        infidelity(e, about),
        infidelity(e, about, scaled=True),
        local_fidelity(e, about),
        log_odds_drop(e, about),
    ):
        assert np.isfinite(found.values[0])
        assert np.isnan(found.values[1])
        assert any("1 of 5 attributions of y1 by made are not numbers" in said for said in found.notices)


def test_a_constant_model_is_a_sentence() -> None:
    def constant(X: Any) -> Any:
        return np.full((len(X), 1), 0.3)

    e, about = made(np.ones(5), constant), subject(constant)
    assert np.isnan(local_fidelity(e, about).values[0])
    for found in (local_fidelity(e, about), infidelity(e, about), log_odds_drop(e, about)):
        assert any("answers the same whatever is removed" in said for said in found.notices)


def test_an_explanation_of_another_model_is_refused() -> None:
    with pytest.raises(InputError, match="it is of another model"):
        infidelity(made(CONTRIBUTIONS), subject(lambda X: linear(X) + 1))
    with pytest.raises(InputError, match="the model has 1"):
        infidelity(made(np.ones((2, 5)), curved), subject())


def test_noise_is_for_gradients() -> None:
    with pytest.raises(InputError, match="Noise on the input is for gradients"):
        infidelity(made(CONTRIBUTIONS), subject(), perturbation="gaussian")


def test_explanations_of_logits_are_judged_as_logits() -> None:
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Linear(5, 3), torch.nn.Softmax(dim=1))
    e = xai.InputXGradient(net).explain(ROW, targets=[0])
    about = Subject(net, ROW, xai.Tabular(np.zeros((1, 5))))
    assert e.output_unit == "logit"
    assert about.unit(e) == "logit"
    # with a baseline of zeros the contributions of a linear network are exact
    assert infidelity(e, about).values[0] < 1e-8
    shap = xai.KernelShap(net, xai.Tabular(np.zeros((1, 5))), link="logit").explain(ROW, targets=[0])
    assert about.unit(shap) == "logit"  # the log-odds of the probability, not the network's logit


def test_seeded_and_batched() -> None:
    sizes: list[int] = []

    def counted(X: Any) -> Any:
        sizes.append(len(X))
        return curved(X)

    e = made(RNG.normal(size=(2, 5)), curved)
    small = infidelity(e, subject(counted, batch_size=7), n_perturbations=30)
    assert max(sizes) <= 7
    assert small.n_rows >= 30 * 20
    large = infidelity(e, subject(curved), n_perturbations=30)
    np.testing.assert_allclose(small.values, large.values, rtol=1e-9)
    other = infidelity(e, subject(curved), n_perturbations=30, random_state=1)
    assert not np.allclose(other.values, large.values)


def test_log_odds_towards_another_class_is_the_papers() -> None:
    def three(texts: list[str]) -> Any:
        scores = np.array([[("cat" in t) * 2.0, ("dog" in t) * 1.5, 0.3] for t in texts])
        return np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)

    text = "a cat and a dog play here all day"
    e = xai.KernelShap(three, xai.Text()).explain(text, targets=[0, 1])
    about = Subject(three, text, xai.Text())
    found = log_odds_drop(e, about, share=0.1, towards=1)
    order = np.argsort(-(e.values[0] - e.values[1]), kind="stable")
    assert e.feature_names[order[0]] == "cat"
    p, q = three([text])[0], three(["a and a dog play here all day"])[0]

    def logit(x: float) -> float:
        return float(np.log(x) - np.log1p(-x))

    assert found.values[0] == pytest.approx((logit(p[0]) - logit(p[1])) - (logit(q[0]) - logit(q[1])))
    assert np.isnan(found.values[1])
    assert "has no number of its own" in found.notices[-1]
    assert log_odds_drop(e, about, share=0.1, towards="output 1").values[0] == found.values[0]
    with pytest.raises(InputError, match="expected another of the explained outputs"):
        log_odds_drop(e, about, towards=5)


def test_intervals_of_local_fidelity_cover() -> None:
    e = made(0.6 * CONTRIBUTIONS, base_values=linear(BACKGROUND).mean(axis=0), additive=True)
    about = subject()
    truth = local_fidelity(e, about, n_samples=20_000, random_state=999).values[0]
    hits = 0
    for seed in range(100):
        low, high = local_fidelity(e, about, random_state=seed).intervals
        hits += bool(low[0] <= truth <= high[0])
    assert 88 <= hits <= 100


def test_the_space_is_that_of_the_explanation_even_where_numbers_coincide() -> None:
    p = 0.659046068407

    def certain(X: Any) -> Any:  # its log-odds are as large as the probability itself
        X = np.asarray(X)
        q = np.where((X == ROW).all(axis=1), p, 0.2)
        return np.column_stack([1 - q, q])

    linked = xai.KernelShap(certain, xai.Tabular(BACKGROUND), link="logit").explain(ROW, targets=[1])
    plain = xai.KernelShap(certain, xai.Tabular(BACKGROUND)).explain(ROW, targets=[1])
    assert linked.predictions[0] == pytest.approx(plain.predictions[0], abs=1e-9)
    about = Subject(certain, ROW, xai.Tabular(BACKGROUND))
    assert (about.unit(linked), about.unit(plain)) == ("logit", "probability")


def test_certain_probabilities_and_their_log_odds() -> None:
    def sure(X: Any) -> Any:
        q = (np.asarray(X)[:, 0] > 0.5).astype(float)
        return np.column_stack([1 - q, q])

    linked = xai.KernelShap(sure, xai.Tabular(BACKGROUND), link="logit").explain(ROW, targets=[1])
    assert Subject(sure, ROW, xai.Tabular(BACKGROUND)).unit(linked) == "logit"
    small = xai.KernelShap(lambda X: sure(X)[:, 1], xai.Tabular(BACKGROUND), link="logit").explain(ROW)
    assert Subject(lambda X: sure(X)[:, 1], ROW, xai.Tabular(BACKGROUND)).unit(small) == "logit"


def test_small_probabilities_of_another_model_are_refused_too() -> None:
    def rare(X: Any) -> Any:
        q = np.full(len(X), 3e-4)
        return np.column_stack([1 - q, q])

    e = made(CONTRIBUTIONS, lambda X: rare(X)[:, 1:] * 2)
    with pytest.raises(InputError, match="it is of another model"):
        infidelity(replace_targets(e), subject(rare))


def replace_targets(e: Explanation) -> Explanation:
    return replace(e, targets=(1,), output_unit="probability")
