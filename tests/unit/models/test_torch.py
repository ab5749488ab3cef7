"""torch modules: a copy in eval mode, one set of weights a run, the user's module untouched."""

from __future__ import annotations

import copy
import pickle
import random
import threading

import numpy as np
import pytest
import torch
from torch import nn

from jupyter_xai.errors import CannotExplainError, InputError, ModelError
from jupyter_xai.models import torch as adapter, wrap
from jupyter_xai.models.torch import WeightsChanged

ROWS = np.random.default_rng(0).normal(size=(6, 3))


def mlp(*end: nn.Module, outputs: int = 2) -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Linear(3, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.5), nn.Linear(8, outputs), *end
    )


def evaluated(net: nn.Module) -> np.ndarray:
    twin = copy.deepcopy(net).eval()
    with torch.no_grad():
        return twin(torch.tensor(ROWS, dtype=torch.float32)).double().numpy()


@pytest.mark.parametrize(
    ("net", "output", "space", "names"),
    [
        (mlp(), "auto", "raw", ("output 0", "output 1")),
        (mlp(nn.Softmax(dim=1)), "auto", "probability", ("output 0", "output 1")),
        (mlp(nn.Sigmoid(), outputs=1), "auto", "probability", ("output 0", "output 1")),
        (mlp(nn.Sigmoid(), outputs=3), "auto", "probability", ("output 0", "output 1", "output 2")),
        (mlp(outputs=1), "auto", "raw", ("prediction",)),
        (mlp(), "probability", "probability", ("output 0", "output 1")),
        (mlp(outputs=1), "probability", "probability", ("output 0", "output 1")),
        (mlp(nn.LogSoftmax(dim=1)), "probability", "probability", ("output 0", "output 1")),
        (mlp(), "logit", "logit", ("output 0", "output 1")),
        (mlp(outputs=1), "logit", "logit", ("output 0", "output 1")),
        (mlp(nn.Softmax(dim=1)), "raw", "raw", ("output 0", "output 1")),
    ],
)
def test_spaces(net, output, space, names):
    predictor = wrap(net, kind="table", output=output)
    scores = predictor.predict(ROWS)
    assert (predictor.output_space, predictor.output_names) == (space, names)
    assert scores.dtype == np.float64
    own = evaluated(net)
    if output == "probability" and own.shape[1] == 2:
        expected = np.exp(own) / np.exp(own).sum(axis=1, keepdims=True)
    elif own.shape[1] == 1 and output == "probability":
        expected = np.hstack([1 / (1 + np.exp(own)), 1 / (1 + np.exp(-own))])
    elif own.shape[1] == 1 and len(names) == 2:
        expected = np.hstack([1 - own if space == "probability" else -own, own])
    else:
        expected = own
    np.testing.assert_allclose(scores, expected, atol=1e-6)


class Functional(nn.Module):
    """Registers a softmax last and does not use it; or applies one as a function."""

    def __init__(self, softmax: bool) -> None:
        super().__init__()
        self.linear = nn.Linear(3, 2)
        self.linear.weight.data.mul_(5)
        self.last = nn.Softmax(dim=1)
        self.softmax = softmax

    def forward(self, x):
        scores = self.linear(x) * 10
        return torch.softmax(scores, dim=1) if self.softmax else scores


def test_answers_confirm_the_last_module():
    torch.manual_seed(0)
    lying = wrap(Functional(softmax=False), kind="table")
    lying.predict(ROWS)
    assert lying.output_space == "raw"
    assert "outside 0–1" in lying.notices[0]
    honest = wrap(Functional(softmax=True), kind="table")
    honest.predict(ROWS)
    assert honest.output_space == "probability"


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("fails", [True, False])
def test_the_module_is_left_as_found(training, fails):
    net = mlp()
    net.train(training)
    net[1].eval()
    net[4].weight.requires_grad_(False)
    net[0].weight.grad = torch.ones(8, 3)
    calls = []
    net[0].register_forward_hook(lambda *_: calls.append(1))
    net[2].register_full_backward_hook(lambda *_: None)
    state = {name: value.clone() for name, value in net.state_dict().items()}
    modes = [m.training for m in net.modules()]
    hooks = [
        (len(m._forward_hooks), len(m._backward_hooks), len(m._forward_pre_hooks)) for m in net.modules()
    ]
    needs = [p.requires_grad for p in net.parameters()]
    versions = [p._version for p in net.parameters()]
    states = random.getstate(), torch.get_rng_state()
    predictor = wrap(net, kind="table")
    try:
        with predictor.run():
            predictor.predict(np.zeros((4, 7)) if fails else ROWS)
    except ModelError:
        assert fails
    assert [m.training for m in net.modules()] == modes
    assert [
        (len(m._forward_hooks), len(m._backward_hooks), len(m._forward_pre_hooks)) for m in net.modules()
    ] == hooks
    assert [p.requires_grad for p in net.parameters()] == needs
    assert [p._version for p in net.parameters()] == versions
    assert net[0].weight.grad.equal(torch.ones(8, 3))
    assert net[4].weight.grad is None
    assert all(value.equal(state[name]) for name, value in net.state_dict().items())
    assert random.getstate() == states[0]
    assert torch.get_rng_state().equal(states[1])


def test_a_net_in_training_is_explained_in_eval():
    net = mlp().train()
    predictor = wrap(net, kind="table")
    np.testing.assert_array_equal(predictor.predict(ROWS), predictor.predict(ROWS))
    np.testing.assert_allclose(predictor.predict(ROWS), evaluated(net), atol=1e-6)


def test_a_run_explains_one_set_of_weights():
    net = mlp()
    predictor = wrap(net, kind="table")
    before = predictor.predict(ROWS)
    with predictor.run():
        first = predictor.predict(ROWS)
        with torch.no_grad():
            net[4].weight.mul_(3)
        np.testing.assert_array_equal(predictor.predict(ROWS), first)
    np.testing.assert_array_equal(first, before)
    with predictor.run():
        assert not np.allclose(predictor.predict(ROWS), first)


@pytest.mark.parametrize("change", ["optimizer", "data", "load", "replace"])
def test_every_change_of_weights_is_seen_by_the_next_prediction(change):
    net = mlp()
    predictor = wrap(net, kind="table")
    before, stamp = predictor.predict(ROWS), predictor.stamp()
    assert predictor.stamp() == stamp
    if change == "optimizer":
        net(torch.ones(4, 3)).sum().backward()
        torch.optim.SGD(net.parameters(), lr=0.5).step()
    elif change == "data":
        net[4].weight.data.mul_(2)
    elif change == "load":
        net.load_state_dict({name: value * 2 for name, value in net.state_dict().items()})
    else:
        net[4] = nn.Linear(8, 2)
    assert predictor.stamp() != stamp
    assert not np.allclose(predictor.predict(ROWS), before)


def test_training_may_go_on_during_a_run():
    """Shared weights would make backward raise: the snapshot has its own."""
    net = mlp()
    predictor = wrap(net, kind="table")
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    with predictor.run():
        loss = net(torch.ones(4, 3)).sum()
        first = predictor.predict(ROWS)
        loss.backward()
        optimizer.step()
        np.testing.assert_array_equal(predictor.predict(ROWS), first)


def test_large_models_share_their_weights_and_watch_them(monkeypatch):
    monkeypatch.setattr(adapter.snapshot, "__defaults__", (0,))
    net = mlp()
    predictor = wrap(net, kind="table")
    with predictor.run():
        shot = predictor._current()
        assert shot.shared
        assert shot.module[0].weight is net[0].weight
        assert shot.module[1].running_mean is not net[1].running_mean
        predictor.predict(ROWS)
        with torch.no_grad():
            net[0].weight.add_(1)
        with pytest.raises(
            WeightsChanged, match=r"it is being trained. Wait until training has ended"
        ) as caught:
            predictor.predict(ROWS)
    assert isinstance(caught.value, ModelError)
    assert net.training
    predictor.predict(ROWS)


def test_weights_that_never_stand_still(monkeypatch):
    net = mlp()
    monkeypatch.setattr(adapter, "structural_copy", lambda module, share: net[0].weight.data.add_(1))
    with pytest.raises(WeightsChanged, match="change faster than they can be copied"):
        wrap(net, kind="table").predict(ROWS)


def test_overlapping_runs_of_two_threads_keep_their_own_weights():
    net = mlp()
    predictor = wrap(net, kind="table")
    answers = {}
    entered, changed = threading.Event(), threading.Event()

    def old_run():
        with predictor.run():
            answers["first"] = predictor.predict(ROWS)
            entered.set()
            changed.wait(5)
            answers["again"] = predictor.predict(ROWS)

    worker = threading.Thread(target=old_run)
    worker.start()
    entered.wait(5)
    with torch.no_grad():
        net[4].weight.mul_(2)
    with predictor.run():
        new = predictor.predict(ROWS)
        changed.set()
        worker.join(5)
    np.testing.assert_array_equal(answers["first"], answers["again"])
    assert not np.allclose(new, answers["first"])
    assert not predictor._runs


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16, torch.bfloat16])
def test_own_dtype(dtype):
    seen = []

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.linear = nn.Linear(3, 2)

        def forward(self, x):
            seen.append(x.dtype)
            return self.linear(x)

    predictor = wrap(Net().to(dtype), kind="table")
    assert predictor.predict(ROWS).dtype == np.float64
    assert seen == [dtype]


def test_images_are_tensors_on_the_device():
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2))
    predictor = wrap(net, kind="image")
    assert (predictor.backend, predictor.device.type) == ("torch", "cpu")
    batch = torch.rand(5, 3, 16, 16)
    with torch.no_grad():
        np.testing.assert_allclose(predictor.predict(batch), net(batch).double().numpy(), atol=1e-6)
    assert batch.requires_grad is False


def test_a_net_that_is_moved_or_cast_is_followed():
    net = mlp()
    predictor = wrap(net, kind="table")
    predictor.predict(ROWS)
    net.double()
    with predictor.run():
        assert predictor.dtype == torch.float64
        assert predictor.predict(ROWS).shape == (6, 2)


def test_predictors_can_be_sent_to_a_worker():
    predictor = wrap(mlp(nn.Softmax(dim=1)), kind="table", output_names=["no", "yes"])
    scores = predictor.predict(ROWS)
    twin = pickle.loads(pickle.dumps(predictor))
    np.testing.assert_array_equal(twin.predict(ROWS), scores)
    assert twin.output_names == ("no", "yes")


class Caches(nn.Module):
    """Keeps a tensor of the last graph, as attention maps are kept."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(3, 2)
        self.kept: list[torch.Tensor] = []
        self.alias = [self.linear]
        self.drop = nn.Dropout(0.9)

    def forward(self, x):
        self.kept = [self.linear(x)]
        return self.drop(self.alias[0](x))


def test_cached_tensors_and_aliases():
    net = Caches().train()
    net(torch.ones(2, 3))
    cached = net.kept[0]
    predictor = wrap(net, kind="table")
    np.testing.assert_array_equal(predictor.predict(ROWS), predictor.predict(ROWS))
    assert net.kept[0] is cached


@pytest.mark.parametrize(
    "normed", [torch.nn.utils.parametrizations.weight_norm, torch.nn.utils.spectral_norm]
)
def test_computed_weights(normed):
    net = nn.Sequential(normed(nn.Linear(3, 2)))
    net(torch.ones(2, 3)).sum().backward()
    scores = wrap(net, kind="table").predict(ROWS)
    assert net.training
    with torch.no_grad():  # such a net cannot be deep-copied
        expected = net.eval()(torch.tensor(ROWS, dtype=torch.float32))
    np.testing.assert_allclose(scores, expected, atol=1e-6)


def test_tied_weights_stay_tied():
    net = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3))
    net[1].weight = net[0].weight
    copied = adapter.structural_copy(net, share=False)
    assert copied[1].weight is copied[0].weight
    assert copied[0].weight is not net[0].weight


def test_wrappers_are_unwrapped():
    net = mlp()
    compiled = torch.compile(net)
    assert adapter.unwrap(compiled) is net
    assert adapter.unwrap(nn.DataParallel(net)) is net
    assert wrap(compiled, kind="table").key == wrap(net, kind="table").key


def test_torchscript_works():
    net = torch.jit.trace(mlp().eval(), torch.ones(2, 3))
    assert wrap(net, kind="table").predict(ROWS).shape == (6, 2)


def test_a_net_without_weights():
    class Mean(nn.Module):
        def forward(self, x):
            return x.mean(dim=1)

    np.testing.assert_allclose(wrap(Mean(), kind="table").predict(ROWS)[:, 0], ROWS.mean(axis=1), atol=1e-6)


class Locked(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.lock = threading.Lock()


@pytest.mark.parametrize(
    ("net", "kind", "batch", "error", "message"),
    [
        (
            mlp(),
            "text",
            ["a"],
            CannotExplainError,
            "takes tensors, not text. Pass masker=xai.Tokens",
        ),
        (
            mlp(),
            "table",
            np.array([["a", "b", "c"]]),
            InputError,
            "takes numbers; .* Encode text and categories first",
        ),
        (nn.LazyLinear(2), "table", ROWS, InputError, "lazy layers without weights yet. Call it once"),
        (
            nn.Linear(3, 2, device="meta"),
            "table",
            ROWS,
            InputError,
            "meta device: it has no weights. Load them first",
        ),
        (Locked(), "table", ROWS, CannotExplainError, r"cannot be copied \(TypeError.* lambda x: net\(x\)"),
        (
            mlp(),
            "table",
            np.zeros((2, 5)),
            ModelError,
            "raised RuntimeError on a batch of 2 rows: mat1 and mat2",
        ),
        (nn.Linear, "table", ROWS, InputError, "Linear is a class; expected a model"),
    ],
)
def test_what_cannot_be_explained(net, kind, batch, error, message):
    with pytest.raises(error, match=message):
        wrap(net, kind=kind).predict(batch)
