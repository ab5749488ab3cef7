"""The engine of DeepLIFT on its own: what torch calls it meets, and what each hands back."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.checkpoint import checkpoint

from tests.unit.kernels.deeplift_parts import Around, contributions, gap, passes, two

# --- golden cases of the papers -------------------------------------------------------------------------------


@pytest.mark.parametrize("rule", ["rescale", "reveal_cancel", "auto"])
def test_golden_case_of_the_authors_own_test(rule):
    W, b = torch.tensor([[1.0, 2, 3, 4], [-1, -2, -3, -4]]), torch.tensor([-1.0, 1.0])
    for x, up, down in (
        (1.0, (0.9, 1.8, 2.7, 3.6), (-0.1, -0.2, -0.3, -0.4)),
        (2.0, (1.9, 3.8, 5.7, 7.6), None),
    ):
        row = torch.full((1, 4), x)
        both = passes(lambda z: torch.relu(F.linear(z, W, b)), row, torch.zeros(1, 4), rule=rule)
        found = [both.multipliers(j, keep=True)[0] * row for j in (0, 1)]
        assert torch.allclose(found[0], torch.tensor([up]), atol=1e-6)
        assert torch.allclose(found[1], torch.tensor([down or (-0.1, -0.2, -0.3, -0.4)]), atol=1e-6)


@pytest.mark.parametrize("row", [(3.0, 2.0), (2.0, 3.0)])
def test_minimum_of_two(row):
    difference = torch.tensor([[1.0, -1.0]])

    def smaller(x):
        return x[:, :1] - torch.relu(F.linear(x, difference))

    x = torch.tensor([row])
    assert contributions(smaller, x, 0 * x, rule="reveal_cancel").tolist()[0] == pytest.approx([1.0, 1.0])
    first = row[0] > row[1]
    assert contributions(smaller, x, 0 * x).tolist() == [[0.0, 2.0] if first else [2.0, 0.0]]


def test_saturation_threshold_and_sigmoid():
    one = torch.ones(1, 2)
    found = contributions(lambda x: 1 - torch.relu(1 - x.sum(1, keepdim=True)), one, 0 * one)
    assert found.tolist() == [[0.5, 0.5]]
    found = contributions(lambda x: torch.relu(x - 10), torch.tensor([[10.5]]), torch.zeros(1, 1))
    assert found.tolist() == [[0.5]]
    for row, share in (((50.0, 0.0), (0.5, 0.0)), ((100.0, 100.0), (0.25, 0.25))):
        x = torch.tensor([row])
        found = contributions(lambda x: torch.sigmoid(x.sum(1, keepdim=True)), x, 0 * x)
        assert torch.allclose(found, torch.tensor([share]), atol=1e-6)


def test_a_linear_network_is_weights_times_difference():
    x, x0 = two()
    W = torch.randn(3, 6, dtype=torch.float64)
    assert torch.allclose(contributions(lambda z: F.linear(z, W), x, x0, 1), W[1] * (x - x0))


def test_reveal_cancel_is_rescale_where_all_contributions_share_a_sign():
    x, x0 = two()
    W, x = torch.rand(6, 6, dtype=torch.float64), x0 + x.abs()
    one = contributions(lambda z: torch.relu(F.linear(z, W)), x, x0)
    other = contributions(lambda z: torch.relu(F.linear(z, W)), x, x0, rule="reveal_cancel")
    assert torch.allclose(one, other)


def test_product_and_quotient_are_two_player_shapley_values():
    x, x0 = torch.tensor([[3.0, 2.0]]).double(), torch.tensor([[1.0, 5.0]]).double()
    for function in (
        lambda a, b: a * b,
        lambda a, b: a / b,
        lambda a, b: b**-1 * a,
        torch.maximum,
        torch.minimum,
    ):
        f = {
            key: float(function(*(t[0, i] for i, t in enumerate(key))))
            for key in itertools.product((x, x0), (x, x0))
        }
        first = (f[x, x] - f[x0, x] + f[x, x0] - f[x0, x0]) / 2
        found = contributions(lambda z, function=function: function(z[:, :1], z[:, 1:]), x, x0)
        assert found[0].tolist() == pytest.approx([first, f[x, x] - f[x0, x0] - first])


# --- code as people write it -----------------------------------------------------------------------------------


def in_place_after_use(h):
    a = h.sigmoid()
    b = h.relu_()
    return a + b + h * a


def through_views(h):
    left = h[:, :3]
    left.relu_()
    h[:, 3:] = left.exp()
    return h


def into_a_buffer(h):
    b = torch.zeros_like(h)
    b[:, 0] = h[:, 1].tanh()
    b[:, 1:3] += h[:, :2] ** 2
    return b


def into_out(h):
    out = torch.empty_like(h)
    torch.exp(h, out=out)
    return out


def negative_to_zero(h):
    h = h.clone()
    h[h < 0] = 0
    return h


def without_gradient(h):
    with torch.no_grad():
        s = h.exp()
    return h + s.detach() * h.data


class Swish(torch.autograd.Function):
    """Its backward is wrong on purpose."""

    @staticmethod
    def forward(ctx, x):
        y = x.sigmoid()
        return y * x

    @staticmethod
    def backward(ctx, g):
        return 17 * g


def masks_in_place(h):
    mask = h > 0
    mask &= h < 1
    mask |= h < -1
    return h * mask


COMPLETE = {
    "masks in place": masks_in_place,
    "size of a spectrum": lambda h: torch.fft.rfft(h).abs(),
    "filtered spectrum": lambda h: torch.fft.irfft(torch.fft.rfft(h) * torch.fft.rfft(h.tanh()), n=6),
    "by torch.ops": torch.ops.aten.tanh,
    "row by row": lambda h: torch.stack([c.tanh() for c in h.unbind(1)], 1),
    "batch not first": lambda h: h.t().softmax(0).t(),
    "in place after use": in_place_after_use,
    "through views": through_views,
    "into a buffer": into_a_buffer,
    "out=": into_out,
    "x[x < 0] = 0": negative_to_zero,
    "no_grad, detach, data": without_gradient,
    "custom autograd function": Swish.apply,
    "checkpoint": lambda h: checkpoint(
        lambda z: torch.tanh(z @ torch.ones(6, 6).double()), h, use_reentrant=False
    ),
    "straight through": lambda h: (h.round() - h).detach() + h,
    "x * (x > 0)": lambda h: h * (h > 0),
    "mask as float": lambda h: h * (h > 0).double() + (h.abs() < 0.5).to(h.dtype),
    "masks combined": lambda h: h * ((h > 0) & ~(h > 1) | (h < -1)).double(),
    "counting": lambda h: h * (h > 0).sum(1, keepdim=True),
    "where": lambda h: torch.where(h > 0, h, h.exp() - 1),
    "masked_fill": lambda h: h.masked_fill(h < 0, 0.0),
    "sort": lambda h: h.sort(1)[0],
    "topk": lambda h: h.topk(3, 1)[0],
    "median": lambda h: h + h.median(1, keepdim=True)[0],
    "max, min": lambda h: h / h.max(1, keepdim=True).values + h.amin(1, keepdim=True),
    "clamp by tensors": lambda h: torch.clamp(h, min=h.mean(1, keepdim=True)),
    "std": lambda h: (h - h.mean(1, keepdim=True)) / (h.std(1, keepdim=True) + 1e-6),
    "rms by hand": lambda h: h * torch.rsqrt(h.pow(2).mean(-1, keepdim=True) + 1e-6),
    "softmax by hand": lambda h: h.exp() / h.exp().sum(1, keepdim=True),
    "normalize": lambda h: F.normalize(h, dim=1),
    "norms": lambda h: torch.stack(
        [h.norm(dim=1), h.norm(1, 1), torch.linalg.vector_norm(h, math.inf, 1)], 1
    ),
    "einsum": lambda h: torch.einsum("bi,bj->bi", h, h.softmax(1)),
    "einsum of three": lambda h: torch.einsum("bi,bi,bj->bj", h, h.tanh(), h),
    "live weights": lambda h: F.linear(h, torch.outer(h[0], h[0])) if len(h) == 1 else h,
    "cosine similarity": lambda h: F.cosine_similarity(h[:, :3], h[:, 3:], dim=1)[:, None],
    "layer norm": lambda h: F.layer_norm(h, (6,), torch.arange(6.0).double(), torch.ones(6).double()),
    "rms norm": lambda h: F.rms_norm(h, (6,)),
    "group norm": lambda h: F.group_norm(h, 2),
    "instance norm": lambda h: F.instance_norm(h[:, None])[:, 0],
    "prelu": nn.PReLU().double().requires_grad_(requires_grad=False),
    "glu": F.glu,
    "logsumexp": lambda h: h + h.logsumexp(1, keepdim=True),
    "log_softmax": lambda h: h.log_softmax(1),
    "softmin": lambda h: F.softmin(h, dim=1),
    "power": lambda h: (h.abs() + 0.1) ** h.sigmoid() + 2**h + h**3,
    "quotient": lambda h: 1 / (h**2 + 1) + h / (1 + h.abs()),
    "lerp, addcmul": lambda h: torch.lerp(h, h * h, h.sigmoid()) + torch.addcmul(h, h, h.tanh(), value=0.3),
    "baddbmm": lambda h: torch.baddbmm(h[:, :, None], h[:, :, None], h[:, None, :1])[..., 0],
    "logarithms": lambda h: sum(
        f(h.abs() + 0.1) for f in (torch.log, torch.log1p, torch.sqrt, torch.rsqrt, torch.log2)
    ),
    "cumsum, roll, pad": lambda h: F.pad(h.cumsum(1).roll(1, 1), (1, 2)).flip(1),
    "interpolate": lambda h: F.interpolate(h[:, None], scale_factor=2, mode="linear")[:, 0] ** 2,
    "losses": lambda h: (
        F.mse_loss(h, h.flip(1), reduction="none") + F.l1_loss(h, h.flip(1), reduction="none")
    ),
}


@pytest.mark.parametrize("name", COMPLETE)
@pytest.mark.parametrize("rule", ["rescale", "reveal_cancel"])
def test_complete(name, rule):
    torch.manual_seed(0)
    net = Around(COMPLETE[name])
    for x, x0 in (two(), two(1, scale=0.0)):
        both = passes(net, x, x0, rule=rule)
        assert both.tape.lost == both.tape.notes == {}
        with torch.no_grad():
            assert torch.allclose(both.outputs, net(x.clone()), atol=1e-12)
            assert torch.allclose(both.reference_outputs, net(x0.clone()), atol=1e-12)
        assert gap(net, x, x0, rule=rule) < 1e-9


ACTIVATIONS = [
    *(F.relu, F.relu6, F.elu, F.leaky_relu, F.selu, F.celu, F.gelu, F.silu, F.mish, F.softplus, F.logsigmoid),
    *(
        F.hardtanh,
        F.hardswish,
        F.hardsigmoid,
        F.softshrink,
        F.hardshrink,
        F.tanhshrink,
        F.softsign,
        torch.tanh,
    ),
    *(
        torch.sigmoid,
        torch.exp,
        torch.square,
        torch.abs,
        torch.sin,
        torch.cos,
        torch.erf,
        torch.sign,
        torch.expm1,
    ),
    *(torch.atan, lambda x: F.gelu(x, approximate="tanh"), lambda x: F.threshold(x, 0.1, 0.2), torch.sinh),
    *(lambda x: x.clamp(-0.5, 0.7), lambda x: x.clamp(max=0.1), lambda x: F.softplus(x, beta=2, threshold=1)),
]


@pytest.mark.parametrize("activation", ACTIVATIONS, ids=lambda f: getattr(f, "__name__", "f"))
def test_divided_differences_near_and_far(activation):
    """f(a) - f(a0) = m (a - a0), for gaps from 0 to 200 and in float32 without loss; the limit is the derivative."""
    a0 = torch.linspace(-4.01, 3.97, 41, dtype=torch.float64)[:, None]
    for d in (0.0, 1e-9, 1e-6, 1e-3, 0.02, 0.3, 5.0, 200.0):
        for sign in (1, -1):
            a = a0 + sign * d
            (m,) = passes(activation, a, a0).multipliers(0)
            rise = activation(a.clone()) - activation(a0.clone())
            assert torch.isfinite(m).all()
            assert torch.allclose(m * (a - a0), rise, rtol=1e-9, atol=1e-14 + 1e-9 * d)
            if d == 0 and activation is not torch.sign:
                point = a0.clone().requires_grad_()
                (slope,) = torch.autograd.grad(activation(point).sum(), point)
                assert torch.allclose(m, slope, rtol=1e-6, atol=1e-12)


@pytest.mark.parametrize("spread", [0.0, 8.0, 20.0, 80.0])
@pytest.mark.parametrize("function", [F.softmax, F.log_softmax])
def test_softmax_in_float32_at_any_gap_of_logits(spread, function):
    made = torch.Generator().manual_seed(0)
    x, x0 = torch.randn(2, 40, 7, generator=made)
    x[:, 0] += spread
    x0[:, 3] += spread
    assert gap(lambda z: function(z, dim=1), x, x0) <= 1e-3


@pytest.mark.parametrize("masked", [-math.inf, torch.finfo(torch.float32).min])
def test_masked_attention_weights(masked):
    made = torch.Generator().manual_seed(0)
    x, x0 = torch.randn(2, 3, 5, 5, generator=made) * 4
    mask = torch.triu(torch.full((5, 5), masked), 1)
    assert gap(lambda z: ((z + mask).softmax(-1) @ torch.arange(5.0)).flatten(1), x, x0) <= 1e-5


def test_rows_that_may_look_at_nothing():
    q = torch.randn(2, 2, 4, 3)
    mask = torch.ones(4, 4, dtype=torch.bool)
    mask[1] = False

    def attend(z):
        return F.scaled_dot_product_attention(z, z, z, attn_mask=mask).flatten(1)

    both = passes(attend, q, 0.3 * q.flip(0))
    assert torch.allclose(both.outputs, attend(q), atol=1e-6)
    assert torch.isfinite(both.multipliers(3)[0]).all()
