"""Expected gradients and SmoothGrad: literal means as oracles, analytic cases, errors beside shap's at equal points."""

from __future__ import annotations

import captum.attr
import numpy as np
import pytest
import shap
import torch
from torch import nn

from jupyter_xai.errors import InputError
from jupyter_xai.kernels.expected_gradients import ExpectedGradients
from jupyter_xai.kernels.integrated_gradients import IntegratedGradients
from jupyter_xai.kernels.saliency import Saliency
from jupyter_xai.kernels.smooth_grad import SmoothGrad
from jupyter_xai.maskers._random import generator

X = np.random.default_rng(0).normal(size=(50, 5)).astype(np.float32)


def mlp(activation: type[nn.Module] = nn.Tanh) -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(5, 16), activation(), nn.Linear(16, 16), activation(), nn.Linear(16, 2))


def test_expected_gradients_are_integrated_gradients_averaged_over_the_background():
    net = mlp()
    found = ExpectedGradients(net, background=X[1:9], n_samples=8 * 40).explain(X[0])
    each = [IntegratedGradients(net, baseline=row, n_steps=40).explain(X[0]) for row in X[1:9]]
    np.testing.assert_allclose(found.values, np.mean([e.values for e in each], axis=0), atol=1e-5)
    np.testing.assert_allclose(found.base_values, np.mean([e.base_values for e in each], axis=0), atol=1e-5)
    assert abs(found.additivity_gap).max() < 1e-4


def test_a_linear_network_is_exact_at_any_number_of_points():
    net = nn.Linear(5, 2)
    for n in (50, 100, 200):
        found = ExpectedGradients(net, background=X, n_samples=n).explain(X[0])
        expected = net.weight.detach().numpy() * (X[0] - X.mean(axis=0))
        np.testing.assert_allclose(found.values, expected, atol=1e-5)
        assert found.n_evals == n


@pytest.mark.parametrize(("n", "better"), [(100, 2.0), (200, 10.0)])
def test_error_beside_shap_at_equal_points(n, better):
    net = mlp()
    truth = ExpectedGradients(net, background=X, n_samples=50 * 60).explain(X[0]).values
    ours = [
        np.square(
            ExpectedGradients(net, background=X, n_samples=n, random_state=s).explain(X[0]).values - truth
        )
        for s in range(4)
    ]
    peer = shap.GradientExplainer(net, torch.tensor(X), batch_size=50)
    theirs = []
    state = np.random.get_state()  # noqa: NPY002 - it reseeds the global state
    for seed in range(8):
        values = np.asarray(peer.shap_values(torch.tensor(X[:1]), nsamples=n, rseed=seed))
        theirs.append(np.square(np.moveaxis(values.reshape(5, 2), 0, 1) - truth))
    np.random.set_state(state)  # noqa: NPY002
    assert np.mean(ours) * better < np.mean(theirs)


def test_more_rows_than_points_is_said():
    found = ExpectedGradients(mlp(), background=X, n_samples=20).explain(X[0])
    assert "20 of the 50 background rows" in found.notices[-1]
    with pytest.raises(InputError, match="expected background="):
        ExpectedGradients(mlp()).explain(X[0])
    with pytest.raises(InputError, match="expected rows like the input"):
        ExpectedGradients(mlp(), background=X[:, :4]).explain(X[0])


def test_smooth_gradients_are_the_mean_over_noisy_copies():
    net = mlp()
    kernel = SmoothGrad(net, n_samples=20, noise=0.3, random_state=5)
    found = kernel.explain(X[0])
    spread = 0.3 * (X[0].max() - X[0].min())
    gradients = []
    for pair in range(10):
        drawn = generator(5, "smooth_grad", pair).standard_normal(5, dtype=np.float32)
        copies = (X[0] + spread * drawn, X[0] - spread * drawn)
        gradients += [Saliency(net).explain(copy).values for copy in copies]
    np.testing.assert_allclose(found.values, np.mean(gradients, axis=0), atol=1e-6)
    pairs = np.mean(np.reshape(gradients, (10, 2, 2, 5)), axis=1)
    plain = pairs.std(axis=0, ddof=1) / np.sqrt(10)
    assert (found.std_errors > plain).all()  # widened for so few pairs
    np.testing.assert_allclose(found.std_errors / plain, (found.std_errors / plain)[0, 0], rtol=1e-3)


def test_smooth_gradients_are_captums_under_the_same_noise(monkeypatch):
    """captum draws each copy by itself; given our pairs it averages to the same, and with its own draws towards it."""
    net, x = mlp(), torch.tensor(X[:1])
    n, spread = 20, 0.3 * float(X[0].max() - X[0].min())
    ours = SmoothGrad(net, n_samples=n, noise=0.3, random_state=5).explain(X[0])
    peer = captum.attr.NoiseTunnel(captum.attr.Saliency(net))
    how = {"nt_type": "smoothgrad", "stdevs": spread, "abs": False}
    with torch.random.fork_rng():
        torch.manual_seed(0)
        free = [peer.attribute(x, nt_samples=4000, target=k, **how)[0].detach().numpy() for k in range(2)]
    drawn = [generator(5, "smooth_grad", k).standard_normal(5, dtype=np.float32) for k in range(n // 2)]
    pairs = torch.tensor(np.stack([sign * step for step in drawn for sign in (1, -1)]))
    monkeypatch.setattr(torch, "normal", lambda mean, std: mean + std * pairs.reshape(std.shape))
    for target in range(2):
        theirs = peer.attribute(x, nt_samples=n, target=target, **how)[0].detach().numpy()
        np.testing.assert_allclose(ours.values[target], theirs, atol=1e-6)
    many = SmoothGrad(net, n_samples=4000, noise=0.3).explain(X[0])
    far = abs(many.values - free)
    assert (far < 4 * many.std_errors + 0.02).all()
    assert (far > 0).all()  # other draws


def test_intervals_of_words_are_those_of_sums():
    """The spread over copies of a word's sum, not the sum of the spreads of its embedding's entries."""

    class Bag(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.words, self.out = nn.Embedding(6, 64), nn.Linear(64, 1)

        def forward(self, ids):
            return self.out(torch.tanh(self.words(ids)).sum(1))

    torch.manual_seed(0)
    net, ids = Bag(), torch.tensor([1, 3])
    runs = [SmoothGrad(net, n_samples=10, noise=0.2, random_state=seed).explain(ids) for seed in range(40)]
    spread = np.std([run.values for run in runs], axis=0, ddof=1)
    said = np.mean([run.std_errors for run in runs], axis=0)
    assert (said < 3 * spread).all()
    assert (said > spread / 2).all()


def test_without_noise_or_curvature_it_is_the_gradient():
    net = mlp()
    np.testing.assert_allclose(
        SmoothGrad(net, noise=0.0).explain(X[0]).values, Saliency(net).explain(X[0]).values, atol=1e-6
    )
    line = nn.Linear(5, 2)
    found = SmoothGrad(line, n_samples=4).explain(X[0])
    np.testing.assert_allclose(found.values, line.weight.detach().numpy(), atol=1e-6)


@pytest.mark.parametrize("make", [lambda net, **how: ExpectedGradients(net, background=X, **how), SmoothGrad])
def test_seeded_and_the_same_in_any_batch(make):
    net = mlp()
    one = make(net, n_samples=60, random_state=3).explain(X[0])
    np.testing.assert_array_equal(one.values, make(net, n_samples=60, random_state=3).explain(X[0]).values)
    assert not np.array_equal(one.values, make(net, n_samples=40, random_state=4).explain(X[0]).values)
    for batch_size in (1, 7):
        np.testing.assert_allclose(
            make(net, n_samples=60, random_state=3, batch_size=batch_size).explain(X[0]).values,
            one.values,
            atol=1e-6,
        )
    many = make(net, n_samples=60, random_state=3).explain_batch(X[:3])
    for row, found in zip(X[:3], many, strict=True):
        np.testing.assert_allclose(
            found.values, make(net, n_samples=60, random_state=3).explain(row).values, atol=1e-6
        )
