"""What holds of DeepLIFT whatever the network is made of."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings, strategies as st

from jupyter_xai.kernels.deeplift.passes import Passes
from jupyter_xai.kernels.deeplift.tape import Settings

WIDTH = 6
PIECES = {
    "relu": torch.relu,
    "tanh": torch.tanh,
    "gelu": F.gelu,
    "elu": F.elu,
    "hardswish": F.hardswish,
    "softmax": lambda h: h.softmax(1),
    "log softmax": lambda h: h.log_softmax(1),
    "norm": lambda h: F.layer_norm(h, (WIDTH,)),
    "rms": lambda h: h * torch.rsqrt(h.pow(2).mean(1, keepdim=True) + 1e-3),
    "gate": lambda h: h * h.flip(1).sigmoid(),
    "residual": lambda h: h + torch.sigmoid(h).cumsum(1),
    "pool": lambda h: F.max_pool1d(h[:, None], 3, 1, 1)[:, 0],
    "maximum": lambda h: torch.maximum(h, h.roll(1, 1)),
    "mask": lambda h: torch.where(h > h.mean(1, keepdim=True), h, 0.1 * h),
    "in place": lambda h: h.clone().mul_(0.5).add_(1).relu_(),
    "attention": lambda h: F.scaled_dot_product_attention(h[:, :, None], h[:, :, None], h[:, :, None])[
        ..., 0
    ],
    "sort": lambda h: h.sort(1).values,
}
RULES = ("rescale", "reveal_cancel", "auto", "shapley")


class Net:
    """Linear layers with pieces between them."""

    def __init__(self, names, seed):
        made = torch.Generator().manual_seed(seed)
        self.weights = [
            torch.randn(WIDTH, WIDTH, generator=made, dtype=torch.float64) / 2 for _ in (*names, "last")
        ]
        self.pieces = [PIECES[name] for name in names]

    def __call__(self, x):
        for weight, piece in zip(self.weights, self.pieces, strict=False):
            x = piece(F.linear(x, weight, weight[0]))
        return F.linear(x, self.weights[-1])


def rows(seed, n=3):
    return torch.randn(2, n, WIDTH, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def contributions(net, x, x0, rule):
    both = Passes(net, (x,), (x0,), Settings(rule=rule))
    (m,) = both.multipliers(0)
    return m * (x - x0), (both.outputs - both.reference_outputs)[:, 0]


nets = st.builds(
    Net, st.lists(st.sampled_from(sorted(PIECES)), min_size=1, max_size=5), st.integers(0, 2**20)
)


@settings(max_examples=150, deadline=None)
@given(nets, st.integers(0, 2**20), st.sampled_from(RULES))
def test_complete_and_as_much_the_other_way(net, seed, rule):
    x, x0 = rows(seed)
    there, rise = contributions(net, x, x0, rule)
    back, _ = contributions(net, x0, x, rule)
    size = 1.0 + there.abs().sum(1)
    assert ((there.sum(1) - rise).abs() <= 1e-9 * size).all()
    assert ((there + back).abs().amax(1) <= 1e-8 * size).all()


@settings(max_examples=40, deadline=None)
@given(nets, st.integers(0, 2**20), st.sampled_from(RULES))
def test_rows_do_not_depend_on_one_another(net, seed, rule):
    x, x0 = rows(seed)
    whole, _ = contributions(net, x, x0, rule)
    for i in range(len(x)):
        alone, _ = contributions(net, x[i : i + 1], x0[i : i + 1], rule)
        assert torch.allclose(alone[0], whole[i], atol=1e-9)


@settings(max_examples=40, deadline=None)
@given(nets, st.integers(0, 2**20), st.sampled_from(RULES))
def test_what_has_not_changed_contributes_nothing(net, seed, rule):
    x, x0 = rows(seed)
    x[:, 2] = x0[:, 2]
    found, _ = contributions(net, x, x0, rule)
    assert (found[:, 2] == 0).all()
    same, rise = contributions(net, x0, x0, rule)
    assert (same == 0).all()
    assert (rise == 0).all()


@pytest.mark.parametrize("rule", RULES)
def test_the_sum_of_two_networks_is_explained_by_the_sum(rule):
    one, other = Net(["relu", "norm"], 1), Net(["gelu", "softmax"], 2)
    x, x0 = rows(5)
    both = contributions(lambda z: one(z) + other(z), x, x0, rule)[0]
    assert torch.allclose(both, contributions(one, x, x0, rule)[0] + contributions(other, x, x0, rule)[0])


SMOOTH = ("tanh", "gelu", "softmax", "log softmax", "norm", "rms", "gate", "residual", "attention")


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("step", [0.0, 1e-12, 1e-7, 1e-4])
def test_next_to_the_reference_multipliers_are_the_gradient(rule, step):
    net = Net(SMOOTH, 3)
    x, direction = rows(7)
    (m,) = Passes(net, (x + step * direction,), (x,), Settings(rule=rule)).multipliers(0)
    point = x.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(net(point)[:, 0].sum(), point)
    assert (m - gradient).abs().max() <= (1e-6 + 10 * step) * (1 + gradient.abs().max())
