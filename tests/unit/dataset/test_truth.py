"""Do they tell the truth: a model of which it is known which columns each class uses, and one interaction."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import jupyter_xai as xai

NAMES = ["a", "b", "c", "d", "e", "idle 1", "idle 2", "idle 3"]
USED = {"A": {"a", "b", "c"}, "B": {"d"}, "C": {"e"}}


def scores(X):
    """Class A: 2 a + b c; class B: 2 d; class C: 1.5 e²."""
    return [2 * X[:, 0] + X[:, 1] * X[:, 2], 2 * X[:, 3], 1.5 * X[:, 4] ** 2]


def model(X):
    return np.stack(scores(X), axis=1)


class Net(torch.nn.Module):
    def forward(self, x):
        return torch.stack(scores(x), dim=1)


X = np.random.default_rng(0).normal(1.0, 1.0, size=(60, 8))


def local(cls, **more):
    from jupyter_xai.models import wrap

    predictor = wrap(model, kind="table", output="raw", output_names=list(USED))
    return cls(predictor, xai.Tabular(X, feature_names=NAMES), **more)


def kernels():
    lime = {"n_samples": 400, "tolerance": 0}
    return {
        "NormLIME": xai.NormLime(local(xai.Lime, **lime)),
        "SP-LIME": xai.SubmodularPick(local(xai.Lime, **lime), most_features="auto", features="feature"),
        "SHAP": xai.GlobalShap(local(xai.KernelShap)),
        "sensitivity, network": xai.GlobalSensitivity(Net(), feature_names=NAMES),
        "sensitivity, function": xai.GlobalSensitivity(model, feature_names=NAMES),
    }


@pytest.mark.parametrize("name", list(kernels()))
def test_used_features_come_first_for_each_class_and_over_all(name):
    found = kernels()[name].explain(X)
    names = np.array(found.feature_names)
    for output, used in zip(found.output_names, USED.values(), strict=True):
        assert set(names[found.ranking(output)[: len(used)]]) == used
    everything = set().union(*USED.values())
    assert set(names[found.ranking()[:5]]) == everything
    idle = [at for at, each in enumerate(names) if each.startswith("idle")]
    active = [at for at in range(len(names)) if at not in idle]
    assert found.overall[idle].max() < found.overall[active].min()
    if found.chance is not None:  # an idle feature shows no more than chance alone does
        ratio = found.values[:, idle] / found.chance[:, idle]
        assert (ratio < 3).all()


@pytest.mark.parametrize("asked", [Net(), model], ids=["network", "function"])
def test_sensitivity_finds_the_interaction(asked):
    found = xai.GlobalSensitivity(asked, feature_names=NAMES, second_order=True).explain(X)
    pairs = found.interactions.copy()
    for matrix in pairs:
        np.testing.assert_allclose(matrix, matrix.T, atol=1e-9)
    np.fill_diagonal(pairs[0], 0)
    assert set(np.unravel_index(pairs[0].argmax(), pairs[0].shape)) == {1, 2}
    assert np.sort(pairs[0].ravel())[-3] < 0.01 * pairs[0].max()  # b with c, and no other pair
    assert pairs[2].argmax() == 4 * 8 + 4  # class C is curved along e alone
    low, _ = found.intervals
    assert (low[0, :3] > 0).all()


def test_direction_is_told_where_there_is_one():
    found = xai.GlobalShap(local(xai.KernelShap)).explain(X)
    shown = xai.GlobalSensitivity(Net(), feature_names=NAMES).explain(X)
    assert shown.signed[0, 0] == pytest.approx(shown.values[0, 0], rel=1e-5)
    assert abs(found.signed[0, 0]) < 0.3 * found.values[0, 0]  # attributions are about the mean: both signs


def test_normlime_of_words_names_each_class_own_words():
    rng = np.random.default_rng(0)
    own = {"sport": ["goal", "team", "match"], "food": ["soup", "bread", "salt"]}
    filler = ["the", "a", "and", "then", "was", "very", "there"]
    texts = []
    for _ in range(40):
        topic = own[["sport", "food"][rng.integers(2)]]
        texts.append(
            " ".join(rng.permutation([*rng.choice(topic, 2, replace=False), *rng.choice(filler, 4)]))
        )

    def topics(batch):
        counts = np.array([[sum(w in t.split() for w in own[k]) for k in own] for t in batch], float)
        odds = np.exp(2 * counts)
        return odds / odds.sum(axis=1, keepdims=True)

    found = xai.NormLime(xai.Lime(topics, xai.Text(), n_samples=200, tolerance=0)).explain(texts)
    names = np.array(found.feature_names)
    for output in range(2):
        assert set(names[found.ranking(output)[:6]]) == {*own["sport"], *own["food"]}
    for at, word in enumerate(names):
        if word in own["sport"]:
            assert found.signed[0, at] > 0 > found.signed[1, at]
        assert found.support[0, at] == sum(word in text.split() for text in texts)
