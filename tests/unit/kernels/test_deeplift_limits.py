"""The engine of DeepLIFT where there is no rule: what is named, what cannot be explained, what is left behind."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from jupyter_xai.errors import CannotExplainError
from tests.unit.kernels.deeplift_parts import Around, gap, passes, two

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
