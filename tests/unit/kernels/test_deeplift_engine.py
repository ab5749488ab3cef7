"""The engine of DeepLIFT on its own: what torch calls it meets, and what each hands back."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence
from torch.utils.checkpoint import checkpoint

from jupyter_xai.errors import CannotExplainError
from jupyter_xai.kernels.deeplift.extremes import few, many, network, winner
from jupyter_xai.kernels.deeplift.passes import Passes
from jupyter_xai.kernels.deeplift.tape import Settings


def passes(function, x, x0, **settings):
    return Passes(function, (x,), (x0,), Settings(**settings))


def contributions(function, x, x0, output=0, **settings):
    (m,) = passes(function, x, x0, **settings).multipliers(output)
    return m * (x - x0)


def gap(function, x, x0, **settings):
    """The issue's measure of completeness, the worst over rows and outputs."""
    both = passes(function, x, x0, **settings)
    worst = 0.0
    for j in range(both.outputs.shape[1]):
        (m,) = both.multipliers(j, keep=True)
        parts = (m * (x - x0)).flatten(1)
        f, f0 = both.outputs[:, j], both.reference_outputs[:, j]
        scale = torch.stack([(f - f0).abs(), 0.1 * (f.abs() + f0.abs()), 1e-3 * parts.abs().sum(1)]).amax(0)
        worst = max(worst, float(((parts.sum(1) - (f - f0)).abs() / scale.clamp_min(1e-300)).max()))
    return worst


class Around(nn.Module):
    """A piece of code between two linear layers."""

    def __init__(self, piece, width=6):
        super().__init__()
        torch.manual_seed(3)
        self.first, self.last, self.piece = nn.Linear(6, 6), nn.LazyLinear(2), piece
        self.double()
        with torch.no_grad():
            self(torch.zeros(2, 6, dtype=torch.float64))
        self.requires_grad_(requires_grad=False)

    def forward(self, x):
        return self.last(self.piece(self.first(x)))


def two(seed=0, n=5, scale=0.5):
    made = torch.Generator().manual_seed(seed)
    x, x0 = torch.randn(2, n, 6, generator=made, dtype=torch.float64)
    return x, scale * x0


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


# --- maxima -----------------------------------------------------------------------------------------------------


def by_definition(a, a0):
    n = len(a)
    found = [0.0] * n
    for chosen in itertools.product((0, 1), repeat=n):
        for i in range(n):
            if not chosen[i]:
                weight = math.factorial(sum(chosen)) * math.factorial(n - sum(chosen) - 1) / math.factorial(n)
                z = [a[j] if chosen[j] else a0[j] for j in range(n)]
                before = max(z)
                z[i] = a[i]
                found[i] += weight * (max(z) - before)
    return found


@pytest.mark.parametrize("n", range(1, 8))
def test_shares_of_a_maximum_are_exact(n):
    made = torch.Generator().manual_seed(n)
    a, a0 = torch.randn(2, n, 8, generator=made, dtype=torch.float64)
    a[:, :3], a0[:, :3] = a[:, :3].relu(), a0[:, :3].relu()  # ties
    a0[:, 3] = 0.0
    truth = torch.tensor(
        [by_definition(x.tolist(), x0.tolist()) for x, x0 in zip(a.T, a0.T, strict=True)], dtype=torch.float64
    ).T
    assert torch.allclose(few(a, a0), truth, atol=1e-14)
    assert torch.allclose(many(a.T.contiguous(), a0.T.contiguous()).T, truth, atol=1e-12)


@pytest.mark.parametrize("n", range(2, 17))
def test_the_network_sorts(n):
    rows = list(torch.randn(n, 60, generator=torch.Generator().manual_seed(n)).unbind())
    whole = torch.stack(rows).sort(0, descending=True)[0]
    for i, j in network(n):
        rows[i], rows[j] = torch.maximum(rows[i], rows[j]), torch.minimum(rows[i], rows[j])
    assert torch.equal(torch.stack(rows), whole)


def test_a_long_global_maximum_is_complete_in_float32():
    made = torch.Generator().manual_seed(0)
    a, a0 = torch.randn(2, 3, 5000, generator=made)
    share = many(a, a0)
    assert torch.allclose(share.sum(1), a.amax(1) - a0.amax(1), atol=1e-5)
    assert gap(lambda z: z.amax(1, keepdim=True), a, a0) < 1e-4


def test_all_to_the_winner():
    a, a0 = torch.tensor([[3.0], [1.0], [0.5]]), torch.tensor([[0.0], [2.0], [1.0]])
    assert winner(a, a0).T.tolist() == [[1.0, 0.0, 0.0]]


POOLS = {
    "overlapping": lambda x: F.max_pool2d(x, 3, 2, 1),
    "usual": lambda x: F.max_pool2d(x, 2),
    "dilated": lambda x: F.max_pool2d(x, 3, 1, 1, 2),
    "ceiling": lambda x: F.max_pool2d(x, 3, 2, 0, 1, True),
    "oblong": nn.MaxPool2d((3, 2)),
    "with indices": lambda x: F.max_pool2d(x, 2, return_indices=True)[0],
    "one dimension": lambda x: F.max_pool1d(x[:, :, 0], 3, 2),
    "three dimensions": lambda x: F.max_pool3d(x, 2),
    "adaptive": lambda x: F.adaptive_max_pool2d(x, (3, 4)),
    "adaptive, one dimension": lambda x: F.adaptive_max_pool1d(x[:, :, 0], 4),
    "global": lambda x: x.amax((2, 3)),
    "global by pooling": lambda x: F.max_pool2d(x, (9, 10)),
}


@pytest.mark.parametrize("name", POOLS)
@pytest.mark.parametrize("max_rule", ["shapley", "winner"])
def test_pools_are_complete(name, max_rule):
    made = torch.Generator().manual_seed(0)
    x, x0 = torch.randn(2, 2, 4, 9, 10, generator=made, dtype=torch.float64)
    assert gap(lambda z: POOLS[name](z).flatten(1), x, x0, max_rule=max_rule) < 1e-9


def test_an_overlapping_pool_is_the_sum_of_exact_windows():
    x, x0 = torch.randn(2, 1, 1, 7, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    found = contributions(lambda z: F.max_pool1d(z, 3, 2).sum(2), x, x0)
    truth = torch.zeros(7, dtype=torch.float64)
    for start in (0, 2, 4):
        cut = slice(start, start + 3)
        truth[cut] += torch.tensor(by_definition(x[0, 0, cut].tolist(), x0[0, 0, cut].tolist()))
    assert torch.allclose(found[0, 0], truth, atol=1e-6)


# --- recurrent layers, attention ----------------------------------------------------------------------------------

RECURRENT = [
    (nn.LSTM, {}),
    (nn.LSTM, {"num_layers": 2, "bidirectional": True}),
    (nn.LSTM, {"proj_size": 3, "num_layers": 2, "bias": False}),
    (nn.GRU, {"num_layers": 2, "bidirectional": True}),
    (nn.GRU, {"bias": False}),
    (nn.RNN, {"num_layers": 2}),
    (nn.RNN, {"nonlinearity": "relu", "bidirectional": True}),
]


class Sequence(nn.Module):
    def __init__(self, layer, batch_first, packed):
        super().__init__()
        self.layer, self.batch_first, self.packed = layer, batch_first, packed

    def forward(self, x):
        if self.packed:
            lengths = torch.tensor([7, 2, 5])
            x = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
            y, state = self.layer(x)
            y, _ = pad_packed_sequence(y, batch_first=True)
        else:
            y, state = self.layer(x if self.batch_first else x.transpose(0, 1))
            y = y if self.batch_first else y.transpose(0, 1)
        h = state[0] if isinstance(state, tuple) else state
        return torch.cat([y[:, -1], y.mean(1), h[-1]], 1)


@pytest.mark.parametrize(("cell", "options"), RECURRENT)
@pytest.mark.parametrize("form", ["batch first", "time first", "packed"])
def test_recurrent_layers(cell, options, form):
    torch.manual_seed(0)
    layer = (
        cell(6, 5, batch_first=form != "time first", **options).double().requires_grad_(requires_grad=False)
    )
    net = Sequence(layer, form != "time first", form == "packed")
    x, x0 = torch.randn(2, 3, 7, 6, dtype=torch.float64)
    both = passes(net, x, x0)
    assert both.tape.lost == both.tape.notes == {}
    assert torch.allclose(both.outputs, net(x), atol=1e-12)
    assert torch.allclose(both.reference_outputs, net(x0), atol=1e-12)
    assert gap(net, x, x0) < 1e-9


@pytest.mark.parametrize(
    ("layer", "cell"), [(nn.LSTM, nn.LSTMCell), (nn.GRU, nn.GRUCell), (nn.RNN, nn.RNNCell)]
)
def test_a_layer_is_explained_as_the_loop_of_its_cells(layer, cell):
    torch.manual_seed(0)
    whole, step = layer(4, 5, batch_first=True).double(), cell(4, 5).double()
    for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
        getattr(step, name).data = getattr(whole, f"{name}_l0").data
    for net in (whole, step):
        net.requires_grad_(requires_grad=False)

    def loop(x):
        state = None
        for t in range(x.shape[1]):
            state = step(x[:, t], state)
        return state[0] if isinstance(state, tuple) else state

    x, x0 = torch.randn(2, 3, 6, 4, dtype=torch.float64)
    one = contributions(lambda z: whole(z)[0][:, -1], x, x0, 2)
    assert torch.allclose(one, contributions(loop, x, x0, 2), atol=1e-12)


@pytest.mark.parametrize("need_weights", [True, False])
def test_multi_head_attention_with_and_without_weights(need_weights):
    torch.manual_seed(0)
    layer = nn.MultiheadAttention(8, 2, batch_first=True).double().eval().requires_grad_(requires_grad=False)
    mask = torch.triu(torch.ones(5, 5, dtype=torch.bool), 1)

    def attend(x):
        return layer(x, x, x, attn_mask=mask, need_weights=need_weights)[0].flatten(1)

    x, x0 = torch.randn(2, 3, 5, 8, dtype=torch.float64)
    both = passes(attend, x, x0)
    assert torch.allclose(both.outputs, attend(x), atol=1e-12)
    assert gap(attend, x, x0) < 1e-9


# --- what has no rule, what cannot be explained -----------------------------------------------------------------------


def test_a_call_without_a_rule_is_complete_and_named():
    x, x0 = two()
    for name, piece in {
        "cumprod": lambda h: h.cumprod(1),
        "cdist": lambda h: torch.cdist(h[:, None], h[:, None] + 1)[:, 0],
    }.items():
        net = Around(piece)
        both = passes(net, x, x0)
        assert set(both.tape.notes) == {name}
        assert both.tape.lost == {}
        assert gap(net, x, x0) < 1e-9


def test_what_has_corners_and_no_rule_is_still_complete():
    x, x0 = two(n=1)
    net = Around(lambda h: torch.logcumsumexp(h, 1) + F.smooth_l1_loss(h, h.flip(1), reduction="none"))
    assert gap(net, x, x0) < 1e-9


def test_an_index_that_depends_on_the_input_is_named_with_what_it_misses():
    x, x0 = two()
    net = Around(lambda h: h * F.one_hot(h.argmax(1), 6).to(h))
    both = passes(net, x, x0)
    (m,) = both.multipliers(0)
    missing = (m * (x - x0)).sum() - (both.outputs - both.reference_outputs)[:, 0].sum()
    assert set(both.tape.lost) == {"argmax"}
    assert both.tape.missed["argmax"] == pytest.approx(float(missing))


class Opaque(torch.autograd.Function):
    """Computed outside torch."""

    @staticmethod
    def forward(ctx, x):
        return torch.from_numpy(x.detach().numpy() ** 2)

    @staticmethod
    def backward(ctx, g):
        return g


def test_writing_back_by_a_mask_what_was_read_by_it_is_named():
    def leaky(h):
        h = h.clone()
        mask = h < 0
        h[mask] = h[mask] * 0.1
        return h

    assert set(passes(Around(leaky), *two()).tape.lost) == {"lt"}


@torch.jit.script
def scripted(x):
    return x.relu() * x


def test_what_runs_out_of_sight_is_named():
    assert set(passes(Around(scripted), *two()).tape.lost) == {"Mul"}


def test_a_custom_function_that_leaves_torch_is_named():
    x, x0 = two()
    both = passes(Around(Opaque.apply), x, x0)
    assert {"Opaque", "numpy"} <= set(both.tape.lost)
    assert torch.isfinite(both.multipliers(0)[0]).all()


def test_another_path_on_the_baseline_is_an_error_that_says_so():
    def early(x):
        return x.relu() if bool(x.sum() > 0) else x.tanh()

    with pytest.raises(CannotExplainError, match="another path on the baseline"):
        passes(early, torch.ones(1, 2), -torch.ones(1, 2))
    with pytest.raises(CannotExplainError, match="another path"):
        passes(lambda x: x.relu() if bool(x.sum() > 0) else x, torch.ones(1, 2), -torch.ones(1, 2))


def test_rows_that_depend_on_one_another_are_noted():
    x, x0 = two()
    assert passes(lambda z: F.batch_norm(z, None, None, training=True), x, x0).tape.coupled
    assert not passes(Around(torch.relu), x, x0).tape.coupled


def test_dropout_that_is_always_on_drops_the_same_in_both_passes():
    x, x0 = two()
    assert gap(lambda z: F.dropout(z, 0.5).relu(), x, x0) < 1e-9


def test_nothing_is_left_behind():
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Conv1d(2, 3, 3), nn.BatchNorm1d(3), nn.ReLU(inplace=True), nn.Flatten(), nn.Linear(12, 2)
    )
    net.eval().requires_grad_(requires_grad=False)
    before = {name: t.clone() for name, t in net.state_dict().items()}
    x, x0 = torch.randn(2, 4, 2, 6)
    kept, kept0 = x.clone(), x0.clone()
    fast = torch.backends.mha.get_fastpath_enabled()
    passes(net, x, x0).multipliers(0)
    assert torch.equal(x, kept)
    assert torch.equal(x0, kept0)
    assert all(torch.equal(t, before[name]) for name, t in net.state_dict().items())
    assert not any(module._forward_hooks or module._backward_hooks for module in net.modules())
    assert torch.is_grad_enabled()
    assert fast == torch.backends.mha.get_fastpath_enabled()
    assert not x.requires_grad


def test_compiled_parts_run_as_they_are_written():
    torch._dynamo.reset()
    relu = torch.compile(torch.relu, backend="eager")
    x, x0 = two()
    net = Around(lambda h: relu(h) * h)
    relu(x)
    assert gap(net, x, x0) < 1e-9


def test_gradients_within_the_network_are_an_error_that_says_so():
    def force(x):
        energy = (x.tanh() ** 2).sum()
        return torch.autograd.grad(energy, x, create_graph=True)[0]

    with pytest.raises(CannotExplainError, match="takes gradients while it is evaluated"):
        passes(force, *two())


def test_what_is_drawn_at_random_is_drawn_once():
    def reparametrised(h):
        noise = torch.empty_like(h).normal_()
        return h + torch.randn_like(h) * h.exp() + noise * h

    x, x0 = two()
    net = Around(reparametrised)
    both = passes(net, x, x0)
    assert both.tape.draws == {"randn_like", "normal"}
    assert gap(net, x, x0) < 1e-9


def test_arguments_by_name():
    x, x0 = two()
    weight = torch.randn(4, 6, dtype=torch.float64)
    for piece in (
        lambda h: torch.relu(input=h),
        lambda h: F.softmax(input=h, dim=1),
        lambda h: torch.mul(input=h, other=h.tanh()),
        lambda h: torch.where(condition=h > 0, input=h, other=0.1 * h),
        lambda h: F.linear(input=h.sin(), weight=weight),
        lambda h: torch.std(input=h, dim=1, keepdim=True),
        lambda h: F.gelu(input=h),
    ):
        both = passes(Around(piece), x, x0)
        assert both.tape.notes == both.tape.lost == {}
        assert gap(Around(piece), x, x0) < 1e-9


def test_a_live_truth_decides_the_path():
    x, x0 = two()
    net = Around(lambda h: h.relu() if h.abs().sum() else h)
    assert gap(net, x, x0) < 1e-9
