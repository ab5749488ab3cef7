"""Interactions of one instance: second derivatives of networks, differences of differences of everything else."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

import jupyter_xai as xai
from jupyter_xai.errors import InputError
from jupyter_xai.explanation.words import unit_after

ROWS = np.random.default_rng(0).normal(size=(300, 4)) * [1.0, 5.0, 0.1, 30.0] + [0.0, 2.0, 1.0, 0.0]
X = np.array([0.3, -1.0, 1.1, 12.0])
SD = ROWS.std(axis=0)
A = np.array([[2.0, -1.0, 0.0, 0.5], [-1.0, 0.0, 3.0, 0.0], [0.0, 3.0, -4.0, 0.0], [0.5, 0.0, 0.0, 0.0]])


def network(activation=nn.Tanh, outputs=3):
    torch.manual_seed(1)
    return nn.Sequential(nn.Linear(4, 16), activation(), nn.Linear(16, outputs)).double()


def hessian(net, x):
    """By torch itself, output by output."""
    point = torch.tensor(x)
    count = net(point[None]).shape[1]
    return np.stack(
        [
            torch.autograd.functional.hessian(lambda z, k=k: net(z[None])[0, k], point).numpy()
            for k in range(count)
        ]
    )


def as_function(net):
    return lambda rows: net(torch.tensor(np.asarray(rows, dtype=float))).detach().numpy()


class Quadratic(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Parameter(torch.tensor(A))

    def forward(self, x):
        return torch.einsum("ni,ij,nj->n", x, self.a, x)[:, None] / 2


@pytest.mark.parametrize("scale", ["sd", "none", "elasticity"])
def test_is_the_hessian_times_both_scales(scale):
    net = network()
    e = xai.Sensitivity(net, scale=scale, inputs=xai.Tabular(ROWS), second_order=True).explain(X)
    unit = {"sd": SD, "none": np.ones(4), "elasticity": X}[scale]
    expected = hessian(net, X) * unit * unit[:, None]
    if scale == "elasticity":
        expected /= net(torch.tensor(X)).detach().numpy()[:, None, None]
    np.testing.assert_allclose(e.interactions, expected, rtol=1e-9, atol=1e-12)
    assert e.params["curvature"] == "hessian"
    plain = xai.Sensitivity(net, scale=scale, inputs=xai.Tabular(ROWS)).explain(X)
    np.testing.assert_allclose(e.values, plain.values, rtol=1e-12)
    assert plain.interactions is None
    assert e.value_unit == plain.value_unit


@pytest.mark.parametrize("scale", ["sd", "none", "elasticity"])
@pytest.mark.parametrize("step", [0.01, "auto"])
def test_a_quadratic_has_its_matrix_whatever_way_it_is_found(scale, step):
    net = Quadratic()
    unit = {"sd": SD, "none": np.ones(4), "elasticity": X}[scale]
    expected = A * unit * unit[:, None]
    if scale == "elasticity":
        expected = expected / float(net(torch.tensor(X)[None]).detach())
    how = {"scale": scale, "second_order": True, "step": step}
    for kernel in (
        xai.Sensitivity(net, background=ROWS, **how),
        xai.Sensitivity(net, background=ROWS, curvature="differences", **how),
        xai.Sensitivity(as_function(net), background=ROWS, **how),
    ):
        np.testing.assert_allclose(kernel.explain(X).interactions[0], expected, rtol=1e-5, atol=1e-7)


def test_kinks_are_seen_by_differences_and_not_by_the_hessian():
    """relu(a + b): its slope goes from 0 to 1 as a or b passes the kink that is a tenth of a deviation away."""

    class Kink(nn.Module):
        def forward(self, x):
            return torch.relu(x[:, :1] + x[:, 1:2]) + x[:, 2:3] * 0

    rows = np.random.default_rng(1).normal(size=(500, 3))
    sd = rows.std(axis=0)
    x = np.array([0.05, 0.05, 1.0])
    e = xai.Sensitivity(Kink(), background=rows, scale="none", second_order=True).explain(x)
    assert e.params["curvature"] == "differences"
    by_hand = np.zeros((3, 3))
    for i, j in itertools.product(range(2), range(2)):
        high, low = 0.1 + 0.5 * sd[i], 0.1 - 0.5 * sd[i]
        slope = (float(high > 0) - float(low > 0)) / sd[i]
        by_hand[i, j] += slope / 2
        by_hand[j, i] += slope / 2
    np.testing.assert_allclose(e.interactions[0], by_hand, rtol=1e-5)
    assert by_hand[0, 1] > 0.5
    exact = xai.Sensitivity(
        Kink(), background=rows, scale="none", second_order=True, curvature="hessian"
    ).explain(x)
    assert not exact.interactions.any()
    near = xai.Sensitivity(Kink(), background=rows, second_order=True, step=0.01).explain(x)
    assert not near.interactions.any()  # the kink is further than that
    with pytest.raises(InputError, match="no background"):
        xai.Sensitivity(Kink(), second_order=True).explain(x)


def test_networks_of_attention_and_recurrence_have_second_derivatives():
    class Attentive(nn.Module):
        def __init__(self):
            super().__init__()
            layer = nn.TransformerEncoderLayer(
                4, 2, 8, dropout=0.0, batch_first=True, activation="gelu", norm_first=True
            )
            self.encoder = nn.TransformerEncoder(layer, 1, enable_nested_tensor=False)
            self.rnn, self.fc = nn.GRU(4, 3, batch_first=True), nn.Linear(3, 1)

        def forward(self, x):
            return self.fc(self.rnn(self.encoder(x))[0][:, -1])

    torch.manual_seed(0)
    net = Attentive().double().eval()
    x = torch.randn(3, 4).double()
    before = torch.backends.cuda.flash_sdp_enabled(), torch.backends.cuda.mem_efficient_sdp_enabled()
    e = xai.Sensitivity(net, second_order=True).explain(x)
    assert before == (
        torch.backends.cuda.flash_sdp_enabled(),
        torch.backends.cuda.mem_efficient_sdp_enabled(),
    )
    assert e.interactions.shape == (1, 12, 12)

    def slope(z):
        point = z.detach().requires_grad_()
        (found,) = torch.autograd.grad(net(point[None])[0, 0], point)
        return found.flatten()

    h = 1e-5
    steps = torch.eye(12).double().reshape(12, 3, 4) * h
    expected = torch.stack([(slope(x + step) - slope(x - step)) / (2 * h) for step in steps])
    np.testing.assert_allclose(e.interactions[0], expected.numpy(), atol=1e-8)


def test_a_series_with_its_channels_first_has_pairs_in_the_order_of_its_values():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv1d(3, 4, 2), nn.Tanh(), nn.Flatten(), nn.Linear(16, 1)).double()
    x = np.random.default_rng(0).normal(size=(3, 5))
    e = xai.Sensitivity(net, second_order=True).explain(x)
    assert e.values.shape == (1, 5, 3)
    full = torch.autograd.functional.hessian(
        lambda z: net(z[None])[0, 0], torch.tensor(x)
    ).numpy()  # channel, step, channel, step
    expected = full.transpose(1, 0, 3, 2).reshape(15, 15)
    np.testing.assert_allclose(e.interactions[0], expected, atol=1e-12)


def test_columns_of_a_feature_count_as_the_root_of_the_sum_of_squares():
    net = network(outputs=1)
    masker = xai.Tabular(ROWS, groups={"pair": [1, 3]})
    H = hessian(net, X)[0] * SD * SD[:, None]
    for model, close in ((net, 1e-9), (as_function(net), 1e-2)):
        e = xai.Sensitivity(model, inputs=masker, second_order=True, step=0.02).explain(X)
        assert e.feature_names == ("x0", "pair", "x2")
        found = e.interactions[0]
        biggest = np.abs(H).max()
        assert found[0, 2] == pytest.approx(H[0, 2], abs=close * biggest)
        assert found[0, 0] == pytest.approx(H[0, 0], abs=close * biggest)
        assert found[0, 1] == pytest.approx(np.hypot(H[0, 1], H[0, 3]), abs=close * biggest)
        block = H[np.ix_([1, 3], [1, 3])]
        assert found[1, 1] == pytest.approx(np.linalg.norm(block), abs=close * biggest)
        np.testing.assert_allclose(found, found.T)


def test_categories_have_no_pairs_truth_values_and_whole_numbers_do():
    rng = np.random.default_rng(2)
    frame = pd.DataFrame(
        {
            "job": rng.choice(["a", "b"], 200),
            "own": rng.random(200) < 0.3,
            "rooms": rng.integers(1, 9, 200),
            "size": rng.normal(size=200),
        }
    )
    seen = []

    def model(rows):
        seen.extend(rows["rooms"])
        return rows["own"] * rows["rooms"] * 2.0 + rows["rooms"] ** 2 * 0.5 + rows["own"] * rows["size"]

    row = frame.iloc[0].to_dict() | {"own": True, "rooms": 4}
    e = xai.Sensitivity(model, background=frame, scale="none", second_order=True).explain(row)
    expected = np.zeros((4, 4))
    expected[1, 2] = expected[2, 1] = 2.0
    expected[2, 2] = 1.0
    expected[1, 3] = expected[3, 1] = 1.0
    np.testing.assert_allclose(e.interactions[0], expected, atol=1e-9)
    assert all(float(rooms).is_integer() for rooms in seen)
    assert "category" in " ".join(e.notices)


def test_the_count_of_rows_batches_and_rows_of_a_batch():
    for model, rows in ((network(), 1 + 1 + 4), (as_function(network()), 1 + 2 * 4 + 2 * 4 * 4)):
        kernel = xai.Sensitivity(model, inputs=xai.Tabular(ROWS), second_order=True)
        e = kernel.explain(X)
        assert e.n_rows == rows
        again = xai.Sensitivity(model, inputs=xai.Tabular(ROWS), second_order=True, batch_size=3).explain(X)
        np.testing.assert_allclose(again.interactions, e.interactions, rtol=1e-9, atol=1e-12)
        many = kernel.explain_batch(ROWS[:3])
        for each, row in zip(many, ROWS, strict=False):
            np.testing.assert_allclose(
                each.interactions, kernel.explain(row).interactions, rtol=1e-9, atol=1e-12
            )


@pytest.mark.parametrize("make", [network, lambda: as_function(network())], ids=["network", "function"])
def test_stopped_before_the_pairs_are_known_there_are_none_and_it_is_said(make):
    kernel = xai.Sensitivity(make(), inputs=xai.Tabular(ROWS), second_order=True, batch_size=2)
    calls = []
    *_, last = kernel.stream(X, watch=lambda p: calls.append(p) or len(calls) < 7)
    known = last.interactions is not None
    calls.clear()
    *_, stopped = kernel.stream(X, watch=lambda p: calls.append(p) or len(calls) < 3)
    assert stopped.status == "stopped"
    assert stopped.interactions is None
    assert "Pairs" in " ".join(stopped.notices)
    whole = kernel.explain(X)
    assert whole.status == "settled"
    assert whole.interactions is not None
    assert "Pairs of features are not shown" not in " ".join(whole.notices)
    assert known == (last.status == "settled")


def test_what_has_no_matrix_of_pairs_gets_a_sentence():
    class Two(nn.Module):
        def forward(self, a, b):
            return (a * b).sum(1, keepdim=True)

    words = nn.Sequential(nn.Embedding(5, 3), nn.Flatten(), nn.Linear(6, 1))
    big = nn.Sequential(nn.Flatten(), nn.Linear(3 * 20 * 20, 1))
    for net, x, said in (
        (Two(), (torch.ones(2), torch.ones(2)), "takes 2 inputs"),
        (words, torch.tensor([1, 2]), "token ids"),
        (big, torch.rand(3, 20, 20), "1,200"),
    ):
        with pytest.raises(InputError, match=said):
            xai.Sensitivity(net, second_order=True).explain(x)


def test_saved_restricted_and_drawn(tmp_path):
    e = xai.Sensitivity(network(), background=ROWS, second_order=True).explain(X)
    e.save(tmp_path / "why.xai")
    np.testing.assert_array_equal(xai.Explanation.load(tmp_path / "why.xai").interactions, e.interactions)
    np.testing.assert_array_equal(e.for_output(2).interactions[0], e.interactions[2])
    plain = xai.Sensitivity(network(), background=ROWS).explain(X)
    assert unit_after(e) == ""
    assert e.plot().get_size_inches()[1] > plain.plot().get_size_inches()[1] + 1


def test_explain_shows_it_and_its_switch():
    view = xai.explain(network(), X, background=ROWS, method="sensitivity", second_order=True, headless=True)
    assert view.explanation.interactions.shape == (3, 4, 4)
    assert view.explanation.params["second_order"] is True
