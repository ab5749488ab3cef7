"""The kernels DeepLift and DeepShap: what the user calls."""

from __future__ import annotations

import pickle
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from jupyter_xai.errors import CannotExplainError, InputError
from jupyter_xai.kernels.deeplift import DeepLift, DeepShap
from tests.networks import EXAMPLES, Sentiment, Transformer

BY_NAME = {example.name: example for example in EXAMPLES}


def close(explanation, share=1e-4):
    """The issue's measure of completeness."""
    e = explanation
    sizes = np.abs(e.values).reshape(len(e.values), -1).sum(1)
    change = np.abs(e.predictions - e.base_values)
    scale = np.maximum(
        np.maximum(change, 0.1 * (np.abs(e.predictions) + np.abs(e.base_values))), 1e-3 * sizes
    )
    return bool((np.abs(e.additivity_gap) <= share * scale).all())


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda e: e.name)
def test_every_network_as_it_is(example):
    """Unmodified and in training mode: additive for one baseline, for many rows, and over a background."""
    net = example.net().train()
    before = {name: t.clone() for name, t in net.state_dict().items()}
    x = example.rows(3)
    rows = DeepLift(net).explain_batch(x, targets=0)
    mean = DeepShap(net, background=example.rows(3, seed=5)).explain(x[0], targets=0)
    for e in (*rows, mean):
        assert close(e)
        assert e.unexplained == ()
        assert e.notices == ()
        assert e.status == "settled"
        assert e.std_errors is None
    alone = DeepLift(net).explain(x[2], targets=0)
    assert np.abs(alone.values - rows[2].values).max() <= 1e-6 * max(1.0, np.abs(alone.values).max())
    assert net.training
    assert all(torch.equal(t, before[name]) for name, t in net.state_dict().items())
    assert all(p.requires_grad and p.grad is None for p in net.parameters())


def test_token_ids_are_explained_by_position():
    for make in (Sentiment, Transformer):
        torch.manual_seed(0)
        net = make().eval()
        ids = torch.tensor([3, 7, 9, 2, 0, 0])
        e = DeepLift(net).explain(ids)
        assert e.values.shape == (2, 6)
        assert close(e)
        if make is Sentiment:
            assert np.abs(e.values[:, 4:]).max() == 0  # padding equals the baseline, and is masked


def test_several_inputs_each_get_their_part():
    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b, self.out = nn.Linear(3, 4), nn.Conv1d(2, 4, 3), nn.Linear(4, 2)

        def forward(self, a, b):
            return self.out(torch.tanh(self.a(a)) * self.b(b).amax(2))

    torch.manual_seed(0)
    e = DeepLift(Two()).explain((torch.randn(3), torch.randn(2, 8)))
    assert [v.shape for v in e.values] == [(2, 3), (2, 2, 8)]
    assert np.abs(e.additivity_gap).max() < 1e-5


def test_a_dataframe_row_with_a_background():
    torch.manual_seed(0)
    frame = pd.DataFrame(np.random.default_rng(0).normal(size=(30, 3)), columns=["a", "b", "c"])
    net = nn.Sequential(nn.Linear(3, 8), nn.ReLU(), nn.Linear(8, 1))
    e = DeepShap(net, background=frame).explain(frame.iloc[[4]])
    assert e.values.shape == (1, 3)
    assert np.abs(e.additivity_gap).max() < 1e-5
    outputs = net(torch.tensor(frame.to_numpy(), dtype=torch.float32)).detach().numpy()
    assert e.base_values == pytest.approx(outputs.mean(0), abs=1e-5)


def test_the_mean_over_a_background_is_the_mean_of_single_baselines():
    example = BY_NAME["mlp"]
    net, x, background = example.net(), example.rows(1)[0], example.rows(6, seed=3)
    single = [DeepLift(net, baseline=row).explain(x).values for row in background]
    assert np.allclose(
        DeepShap(net, background=background).explain(x).values, np.mean(single, axis=0), atol=1e-6
    )


def test_estimates_on_the_way_are_additive_and_their_intervals_hold():
    example = BY_NAME["mlp"]
    net, x, background = example.net(), example.rows(1)[0], example.rows(400, seed=3)
    kernel = DeepShap(net, background=background, batch_size=20)
    kernel.clock = iter(range(10_000)).__next__
    stream = list(kernel.stream(x))
    *early, last = stream
    assert len(early) >= 3
    assert last.status == "settled"
    assert last.std_errors is None
    inside = []
    for e in early:
        assert e.status == "running"
        assert close(e)
        inside.append(np.abs(e.values - last.values) <= 1.96 * e.std_errors + 1e-9)
    assert np.mean(inside) > 0.85
    assert np.array_equal(last.values, DeepShap(net, background=background, batch_size=20).explain(x).values)


def test_batch_size_and_order_do_not_matter():
    example = BY_NAME["lenet"]
    net, x, background = example.net(), example.rows(2), example.rows(7, seed=3)
    whole = DeepShap(net, background=background).explain_batch(x, targets=[1, 2])
    for other in (
        DeepShap(net, background=background, batch_size=3),
        DeepShap(net, background=background, random_state=5),
        DeepShap(net, background=background.flip(0)),
    ):
        found = other.explain_batch(x, targets=[1, 2])
        assert np.abs(found.values - whole.values).max() < 1e-6


def test_never_more_rows_a_pass_than_batch_size_and_two_forward_passes_for_all_targets():
    sizes = []

    class Counted(nn.Module):
        def __init__(self):
            super().__init__()
            self.net = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 10))

        def forward(self, x):
            sizes.append(len(x))
            return self.net(x)

    torch.manual_seed(0)
    kernel = DeepShap(Counted(), background=torch.randn(16, 4), batch_size=16)
    kernel.explain(torch.randn(4), targets=list(range(10)))
    assert max(sizes) <= 16
    assert sizes.count(16) == 2  # the input's rows and the background's, once for ten targets


def test_stopped_on_the_way():
    example = BY_NAME["mlp"]
    kernel = DeepShap(example.net(), background=example.rows(40, seed=3), batch_size=10)
    seen = []
    (*_, last) = kernel.stream(example.rows(1)[0], watch=lambda p: seen.append(p) or len(seen) < 3)
    assert last.status == "stopped"
    assert 0 < last.n_evals < 40
    assert close(last)


def test_an_instance_has_a_baseline_of_its_own():
    example = BY_NAME["lenet"]
    net, x = example.net(), example.rows(3)
    for baseline in ("blur", "mean", lambda value: value * 0.5):
        rows = DeepLift(net, baseline=baseline).explain_batch(x, targets=0)
        for row, e in zip(x, rows, strict=True):
            assert np.allclose(
                DeepLift(net, baseline=baseline).explain(row, targets=0).values, e.values, atol=1e-6
            )


class Chosen(nn.Module):
    """Weights its inputs by which is the largest."""

    def __init__(self):
        super().__init__()
        self.fc, self.out = nn.Linear(4, 4), nn.Linear(4, 2)

    def forward(self, x):
        h = self.fc(x)
        best = torch.nn.functional.one_hot(h.argmax(1), 4).to(h)
        return self.out(h * best)


def test_what_cannot_be_explained_is_named_with_its_share():
    torch.manual_seed(2)
    e = DeepLift(Chosen()).explain_batch(torch.randn(3, 4))[0]
    assert [(each.operation, each.share) for each in e.unexplained] == [("argmax", 1.0)]
    assert "argmax" in e.notices[0]
    assert "gap" in e.notices[0]


def test_a_call_without_a_rule_is_named_and_complete():
    class Product(nn.Module):
        def forward(self, x):
            return x.cumprod(1)[:, -2:]

    e = DeepLift(Product(), baseline=[0.5, 0.5, 0.5]).explain([1.0, 2.0, 3.0])
    assert close(e)
    assert e.unexplained == ()
    assert "cumprod" in e.notices[0]


def test_rows_that_share_a_batchs_statistics_are_explained_one_by_one():
    class Normed(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.norm = nn.Conv1d(2, 3, 3), nn.BatchNorm1d(3, track_running_stats=False)

        def forward(self, x):
            return self.norm(self.conv(x)).relu().mean(2)

    torch.manual_seed(0)
    net, x = Normed(), torch.randn(3, 2, 9)
    rows = DeepLift(net).explain_batch(x, targets=[0, 1])
    for row, e in zip(x, rows, strict=True):
        assert np.allclose(DeepLift(net).explain(row, targets=[0, 1]).values, e.values, atol=1e-6)


def test_another_path_is_said_not_hidden():
    class Early(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(2, 2)

        def forward(self, x):
            return self.fc(x) if float(x.sum()) > 0 else self.fc(x).relu()

    with pytest.raises(CannotExplainError, match="another path on the baseline"):
        DeepLift(Early(), baseline=[-1.0, -1.0]).explain([1.0, 2.0])


def test_rules_are_checked_and_change_the_values():
    example = BY_NAME["mlp"]
    net, x = example.net(), example.rows(1)[0]
    values = [DeepLift(net, rule=rule).explain(x).values for rule in ("rescale", "auto", "shapley")]
    assert all(np.abs(a - b).max() > 1e-4 for a, b in pairwise(values))
    with pytest.raises(InputError, match="rule='lrp'"):
        DeepLift(net, rule="lrp").explain(x)


def test_an_autoencoders_error_and_a_dense_output():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(1, 3, 3, padding=1), nn.ReLU(), nn.ConvTranspose2d(3, 1, 3, padding=1))
    x = torch.randn(1, 6, 6)
    for targets in ("reconstruction_error", (0, 2, 3)):
        e = DeepLift(net).explain(x, targets=targets)
        assert e.values.shape == (1, 1, 6, 6)
        assert close(e)


def test_logits_are_explained_where_a_network_ends_in_softmax():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(4, 3), nn.Tanh(), nn.Linear(3, 3), nn.Softmax(dim=1))
    x = torch.randn(4)
    e = DeepLift(net).explain(x)
    assert e.output_unit == "logit"
    assert e.predictions == pytest.approx(net[:3](x[None])[0].detach().numpy(), abs=1e-6)
    assert close(e)


def test_kernels_pickle_and_repeat_to_the_bit():
    example = BY_NAME["causal attention"]
    net, x = example.net(), example.rows(1)[0]
    for kernel in (DeepLift(net, rule="shapley"), DeepShap(net, background=example.rows(4, seed=2))):
        first = kernel.explain(x)
        assert np.array_equal(first.values, pickle.loads(pickle.dumps(kernel)).explain(x).values)


def test_auto_is_rescale_after_convolutions_and_reveal_cancel_after_dense_layers():
    torch.manual_seed(0)
    convolutions = nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Conv2d(4, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(64, 2)
    )
    dense = nn.Sequential(nn.Linear(6, 12), nn.ReLU(), nn.Linear(12, 12), nn.ReLU(), nn.Linear(12, 2))
    for net, x, alike, other in (
        (convolutions, torch.randn(1, 8, 8), "rescale", "reveal_cancel"),
        (dense, torch.randn(6), "reveal_cancel", "rescale"),
    ):
        auto = DeepLift(net, rule="auto").explain(x).values
        np.testing.assert_allclose(DeepLift(net, rule=alike).explain(x).values, auto, atol=1e-7)
        assert np.abs(DeepLift(net, rule=other).explain(x).values - auto).max() > 1e-3


def test_out_of_memory_halves_the_batch_and_leaves_the_network_as_it_was():
    class Heavy(nn.Module):
        def __init__(self):
            super().__init__()
            self.net = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 2))

        def forward(self, x):
            if len(x) > 3:
                raise torch.OutOfMemoryError("CUDA out of memory")
            return self.net(x)

    torch.manual_seed(0)
    net, x, rows = Heavy().train(), torch.randn(4), torch.randn(9, 4)
    before = {name: t.clone() for name, t in net.state_dict().items()}
    for make in (
        lambda net: DeepLift(net, rule="shapley"),
        lambda net: DeepShap(net, background=rows),
        lambda net: DeepShap(net, background=rows, segments=2),
    ):
        found, light = make(net).explain(x), make(net.net).explain(x)
        assert "ran out of memory" in found.notices[-1]
        np.testing.assert_allclose(found.values, light.values, atol=1e-6)
        assert found.n_evals == light.n_evals
    many = DeepLift(net).explain_batch(rows)
    np.testing.assert_allclose(many.values, DeepLift(net.net).explain_batch(rows).values, atol=1e-6)
    assert net.training
    assert all(torch.equal(t, before[name]) for name, t in net.state_dict().items())
    assert all(p.requires_grad and p.grad is None for p in net.parameters())


def test_several_inputs_over_a_background():
    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b, self.out = nn.Linear(3, 4), nn.Conv1d(2, 4, 3), nn.Linear(4, 2)

        def forward(self, a, b, unused):
            return self.out(torch.tanh(self.a(a)) * self.b(b).amax(2))

    torch.manual_seed(0)
    net = Two()
    x = (torch.randn(3), torch.randn(2, 8), torch.randn(5))
    background = (torch.randn(4, 3), torch.randn(4, 2, 8), torch.randn(4, 5))
    for segments in (1, 3):
        e = DeepShap(net, background=background, segments=segments).explain(x)
        assert [v.shape for v in e.values] == [(2, 3), (2, 2, 8), (2, 5)]
        assert np.abs(e.additivity_gap).max() < 1e-5
        assert not e.values[2].any()
    each = [DeepLift(net, baseline=tuple(part[i] for part in background)).explain(x).values for i in range(4)]
    whole = DeepShap(net, background=background).explain(x).values
    for part in range(3):
        np.testing.assert_allclose(whole[part], np.mean([one[part] for one in each], axis=0), atol=1e-6)


def test_gradients_that_share_their_memory_stay_apart():
    """Of a sum torch may hand out one gradient for both, and of a mean one number for all entries."""

    class Sum(nn.Module):
        def forward(self, a, b):
            return (a + b).sum(1, keepdim=True) + torch.relu(b).mean(1, keepdim=True)

    a, b = torch.tensor([1.0, 2.0]), torch.tensor([3.0, -4.0])
    e = DeepLift(Sum()).explain((a, b))
    np.testing.assert_allclose(e.values[0], [[1.0, 2.0]])
    np.testing.assert_allclose(e.values[1], [[4.5, -4.0]])
