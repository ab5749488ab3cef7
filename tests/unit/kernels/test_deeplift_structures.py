"""The engine of DeepLIFT on maxima, pools, recurrent layers and attention."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from jupyter_xai.kernels.deeplift.extremes import few, many, network, winner
from tests.unit.kernels.deeplift_parts import contributions, gap, passes

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
