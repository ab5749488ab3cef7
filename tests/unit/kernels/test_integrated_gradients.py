"""Integrated gradients: exact cases, steps, baselines, streaming."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from jupyter_xai.kernels.integrated_gradients import IntegratedGradients
from jupyter_xai.kernels.saliency import Saliency
from jupyter_xai.maskers._random import generator
from tests.unit.kernels.gradient_nets import Kink, TwoInputs, X, cnn, mlp

# --- integrated gradients -------------------------------------------------------------------------------------------


def test_integrated_gradients_are_exact_for_polynomials():
    class Cubic(nn.Module):
        def forward(self, x):
            return (x[:, :1] * x[:, 1:2] ** 2 + x[:, 2:]) * 1.0

    found = IntegratedGradients(Cubic().double(), n_steps=2).explain(torch.tensor([2.0, 3.0, 5.0]).double())
    np.testing.assert_allclose(found.values, [[6.0, 12.0, 5.0]], atol=1e-12)
    assert found.base_values == pytest.approx([0.0])


def test_steps_are_spent_where_the_line_bends():
    x = torch.tensor([0.5, 0.5])
    fixed = IntegratedGradients(Kink(), n_steps=50).explain(x)
    auto = IntegratedGradients(Kink(), n_steps="auto", tolerance=1e-3).explain(x)
    assert auto.status == "settled"
    assert abs(auto.additivity_gap[0]) <= 1e-3 * 2
    assert auto.n_evals == auto.params["n_steps"] >= 4
    assert abs(fixed.additivity_gap[0]) > abs(auto.additivity_gap[0])
    assert auto.n_evals < 40  # the halves of a panel in which the gradient jumps have one node each
    np.testing.assert_allclose(auto.values, [[1.0, 1.0]], atol=2e-3)
    nothing = IntegratedGradients(Kink(), n_steps="auto").explain([0.0, 0.0])  # no change to share out
    assert nothing.status == "settled"
    smooth = IntegratedGradients(mlp(), n_steps="auto", tolerance=1e-2).explain(X[0])
    assert smooth.n_evals < 50


def test_automatic_steps_end_and_their_values_are_right():
    """On a network of many kinks, also where the output hardly changes; every row that is sent is counted."""
    torch.manual_seed(0)
    sizes = []

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = nn.Sequential(
                nn.Linear(5, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 1)
            )

        def forward(self, x):
            sizes.append(len(x))
            return self.net(x)

    net = Net()
    for row in X[:3]:
        sizes.clear()
        found = IntegratedGradients(net, n_steps="auto").explain(row)
        assert found.n_rows == sum(sizes)
        truth = IntegratedGradients(net, n_steps=1000).explain(row)
        assert found.status == "settled"
        assert abs(found.values - truth.values).max() <= 2e-3 * abs(truth.values).max()
    many = IntegratedGradients(net, n_steps="auto").explain_batch(X[:3])
    for row, each in zip(X[:3], many, strict=True):
        truth = IntegratedGradients(net, n_steps=1000).explain(row)
        assert abs(each.values - truth.values).max() <= 2e-3 * abs(truth.values).max()
    tight = IntegratedGradients(net, n_steps="auto", tolerance=1e-9).explain(X[0])
    assert tight.n_evals < 5000


def test_each_row_of_a_batch_has_its_own_baseline():
    images = torch.randn(3, 3, 14, 14)
    for baseline in ("blur", "mean", lambda x: x / 2):
        many = IntegratedGradients(cnn(), baseline=baseline).explain_batch(images)
        for image, found in zip(images, many, strict=True):
            alone = IntegratedGradients(cnn(), baseline=baseline).explain(image)
            np.testing.assert_allclose(found.values, alone.values, atol=1e-6)
            np.testing.assert_allclose(found.base_values, alone.base_values, atol=1e-6)


def test_rows_with_other_masks_or_lengths_are_still_what_they_are_alone():
    net = TwoInputs()
    rows = [
        {
            "ids": torch.tensor(ids),
            "mask": torch.tensor([i < kept for i in range(len(ids))]),
            "extra": torch.randn(3),
            "unused": torch.ones(2),
        }
        for ids, kept in (([3, 5, 7, 0], 3), ([3, 5, 7, 0], 2), ([4, 2], 2), ([6, 1], 2))
    ]
    for kernel in (IntegratedGradients(net, n_steps=20), Saliency(net)):
        for row, found in zip(rows, kernel.explain_batch(rows), strict=True):
            alone = kernel.explain(row)
            for ours, theirs in zip(found.values, alone.values, strict=True):
                np.testing.assert_allclose(ours, theirs, atol=1e-6)
            if alone.base_values is not None:
                np.testing.assert_allclose(found.base_values, alone.base_values, atol=1e-6)


def test_estimates_stream_and_end_in_explain():
    kernel = IntegratedGradients(mlp(), batch_size=2)
    ticks = iter(range(10**6))
    kernel.clock = lambda: float(next(ticks))
    *running, last = kernel.stream(X[0])
    assert len(running) >= 3
    assert all(e.status == "running" for e in running)
    np.testing.assert_array_equal(last.values, kernel.explain(X[0]).values)
    gaps = [np.abs(e.values - last.values).max() for e in running]
    assert gaps[-1] < gaps[0]


def test_out_of_memory_halves_the_batch():
    class Heavy(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = mlp()

        def forward(self, x):
            if len(x) > 10:
                raise torch.OutOfMemoryError("out of memory")
            return self.net(x)

    found = IntegratedGradients(Heavy()).explain(X[0])
    assert "ran out of memory" in found.notices[-1]
    np.testing.assert_allclose(found.values, IntegratedGradients(mlp()).explain(X[0]).values, atol=1e-6)
    many = np.concatenate([X, X, X])
    found = Saliency(Heavy()).explain_batch(many)
    np.testing.assert_allclose(found.values, Saliency(mlp()).explain_batch(many).values, atol=1e-6)


def test_vectors_of_token_ids_are_kept_and_sum_to_the_values(tmp_path):
    import jupyter_xai as xai

    torch.manual_seed(0)

    class Critic(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.words = torch.nn.Embedding(9, 5)
            self.lstm = torch.nn.LSTM(5, 4, batch_first=True)
            self.out = torch.nn.Linear(4, 2)

        def forward(self, ids):
            return self.out(self.lstm(self.words(ids))[0][:, -1])

    ids = torch.tensor([1, 5, 2, 7])
    net = Critic()
    others = torch.tensor([[0, 0, 0, 0], [3, 3, 8, 1], [4, 4, 0, 0]])
    for kernel in (
        xai.DeepLift(net),
        xai.DeepLift(net, rule="shapley"),
        xai.IntegratedGradients(net),
        xai.Saliency(net),
        xai.SmoothGrad(net, n_samples=9),
        xai.DeepShap(net, background=others),
        xai.DeepShap(net, background=others, segments=2),
        xai.ExpectedGradients(net, background=others, n_samples=9),
    ):
        e = kernel.explain(ids)
        assert e.vectors.shape == (2, 4, 5)
        np.testing.assert_allclose(e.vectors.sum(axis=-1), e.values, atol=1e-7)
        if e.std_errors is not None:
            assert e.std_errors.shape == (2, 4)
        many = kernel.explain_batch([ids, others[1]])
        np.testing.assert_allclose(many[0].vectors, e.vectors, atol=1e-6)
    e.save(tmp_path / "why.xai")
    np.testing.assert_array_equal(xai.Explanation.load(tmp_path / "why.xai").vectors, e.vectors)
    row = xai.Saliency(torch.nn.Linear(3, 1)).explain([1.0, 2.0, 3.0])
    assert row.vectors is None


def test_vectors_of_averages_are_averages_of_vectors():
    import jupyter_xai as xai

    class Bag(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.words, self.out = torch.nn.Embedding(9, 5), torch.nn.Linear(5, 1)

        def forward(self, ids):
            return self.out(torch.tanh(self.words(ids)).sum(1))

    torch.manual_seed(0)
    net, ids = Bag(), torch.tensor([1, 5, 2])
    others = torch.tensor([[0, 0, 0], [3, 3, 8]])
    mean = np.mean([xai.DeepLift(net, baseline=row).explain(ids).vectors for row in others], axis=0)
    np.testing.assert_allclose(xai.DeepShap(net, background=others).explain(ids).vectors, mean, atol=1e-7)
    early, partial = xai.DeepShap(net, background=others, batch_size=1), []
    early.stream(ids, watch=lambda p: partial.append(p) or True)
    *_, stopped = early.stream(ids, watch=lambda p: partial.append(p) or len(partial) < 2)
    assert stopped.status == "stopped"
    np.testing.assert_allclose(stopped.vectors.sum(axis=-1), stopped.values, atol=1e-7)

    with torch.no_grad():
        here = net.words.weight[ids]
        spread = 0.2 * (here.max() - here.min())
        pairs = [generator(0, "smooth_grad", k).standard_normal((3, 5), dtype=np.float32) for k in range(3)]
        copies = [here + sign * spread * torch.from_numpy(step) for step in pairs for sign in (1, -1)]
        slopes = [net.out.weight * (1 - torch.tanh(copy) ** 2) for copy in copies]
    found = xai.SmoothGrad(net, n_samples=6, noise=0.2).explain(ids)
    np.testing.assert_allclose(found.vectors[0], torch.stack(slopes).mean(0).numpy(), atol=1e-6)


def test_automatic_steps_of_a_smooth_network_are_as_few_as_fixed_ones_that_are_as_close():
    """Four nodes, then nine by Kronrod's rule, whose evaluations are all used."""
    for steep, most in ((1.0, 4), (6.0, 9)):
        torch.manual_seed(0)
        net = nn.Sequential(nn.Linear(20, 64), nn.Tanh(), nn.Linear(64, 64), nn.Tanh(), nn.Linear(64, 3))
        net[0].weight.data *= steep
        ours, fixed = [], []
        for x in torch.randn(6, 20):

            def values(n, x=x, net=net):
                return IntegratedGradients(net, baseline="zeros", n_steps=n).explain(x, targets=0)

            truth, found = values(400).values, values("auto")
            error = abs(found.values - truth).max()
            assert error < 2e-3 * abs(truth).max()
            ours.append(found.n_evals)
            fixed.append(
                next(
                    n
                    for n in (2, 3, 4, 6, 8, 9, 10, 12, 16, 24)
                    if abs(values(n).values - truth).max() <= error
                )
            )
        assert np.median(ours) <= most
        assert np.median(ours) <= np.median(fixed)


def test_a_polynomial_of_degree_13_is_exact_with_nine_nodes():
    class Power(nn.Module):
        def forward(self, x):
            return x[:, :1] ** 7 * x[:, 1:] ** 7

    kernel = IntegratedGradients(Power(), n_steps="auto", tolerance=1e-6)
    found = kernel.explain(np.array([1.0, 1.0]))
    assert found.n_evals == 9
    np.testing.assert_allclose(found.values, 0.5, atol=1e-6)
    many = kernel.explain_batch(np.array([[1.0, 1.0], [0.5, 2.0]]))
    np.testing.assert_allclose(many.values[0], found.values, atol=1e-6)


def test_a_gap_that_is_small_by_chance_does_not_make_a_smooth_network_one_of_kinks():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(20, 64), nn.Tanh(), nn.Linear(64, 64), nn.Tanh(), nn.Linear(64, 3)).double()
    net[0].weight.data *= 12.0
    steps = [
        IntegratedGradients(net, n_steps="auto", tolerance=1e-4).explain(x, targets=0).n_evals
        for x in torch.randn(8, 20, dtype=torch.float64)
    ]
    assert np.median(steps) < 60
