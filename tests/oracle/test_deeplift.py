"""DeepLIFT against a literal reading of the paper, against exact Shapley values, and against captum."""

from __future__ import annotations

import contextlib
import importlib.util
import io
import math
import warnings
from itertools import pairwise
from pathlib import Path

import captum.attr
import numpy as np
import pytest
import shap
import torch
import torch.nn.functional as F
from torch import nn

from jupyter_xai.kernels.deeplift import DeepLift, DeepShap
from jupyter_xai.kernels.deeplift.passes import Passes
from tests.networks import CausalBlock, LeNet, Recurrent


def _beside(name):
    path = Path(__file__).with_name(f"{name}.py")
    spec = importlib.util.spec_from_file_location(f"oracle_{name}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


oracle, exact = _beside("deeplift"), _beside("shapley")


def dense(*sizes, activation=nn.ReLU):
    layers = []
    for width, out in pairwise(sizes):
        layers += [nn.Linear(width, out), activation()]
    return nn.Sequential(*layers[:-1])


# --- the paper -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rule", ["rescale", "reveal_cancel"])
@pytest.mark.parametrize(("activation", "function"), [(nn.ReLU, lambda v: max(v, 0.0)), (nn.Tanh, math.tanh)])
def test_literal_reading(rule, activation, function):
    for seed in range(4):
        torch.manual_seed(seed)
        net = dense(5, 8, 6, 2, activation=activation).double()
        linear = [layer for layer in net if isinstance(layer, nn.Linear)]
        layers = [(layer.weight.detach().numpy(), layer.bias.detach().numpy()) for layer in linear]
        x, x0 = np.random.default_rng(seed).normal(size=(2, 5))
        x[1] = x0[1]
        truth = oracle.deeplift(layers, [function] * 2, x, x0, getattr(oracle, rule))
        found = DeepLift(net, baseline=x0, rule=rule).explain(x, targets=0)
        assert np.allclose(found.values[0], truth, atol=1e-9)


# --- exact Shapley values ------------------------------------------------------------------------------------


def truth(net, x, x0):
    """Exact values of the first output, players being entries of a row or whole steps."""
    n = x.shape[1]

    def game(masks):
        chosen = torch.from_numpy(masks).reshape(len(masks), n, *[1] * (x.dim() - 2))
        with torch.no_grad():
            return net(torch.where(chosen, x, x0))[:, :1].double().numpy()

    return exact.of_masks(game, n)[:, 0]


def by_player(values, x):
    return np.asarray(values, dtype=float).reshape(x.shape[1], -1).sum(1)


def of_captum(net, x, x0):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return captum.attr.DeepLift(net).attribute(x.clone().requires_grad_(), x0, target=0).detach().numpy()


def of_shap(net, x, x0):
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        return shap.DeepExplainer(net, x0).shap_values(x, check_additivity=False)[..., 0]


class NormLast(nn.Module):
    """Encoder layers as torch makes them by default; without a position nothing but LayerNorm sees a zero."""

    def __init__(self, layers=1, *, last=False, scale=1.0):
        super().__init__()
        layer = nn.TransformerEncoderLayer(16, 4, 32, dropout=0.0, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, layers, enable_nested_tensor=False)
        self.fc, self.last = nn.Linear(16, 2), last
        for parameter in self.parameters():
            parameter.data *= scale if parameter.dim() > 1 else 1.0

    def forward(self, x):
        h = self.encoder(x)
        return self.fc(h[:, -1] if self.last else h.mean(1))


def steep(net):
    for parameter in net.parameters():
        parameter.data *= 2.0 if parameter.dim() > 1 else 1.0
    return net


SMALL = {
    "lstm": (lambda: Recurrent(nn.LSTM), (10, 5), 0.0, "rescale"),
    "sharp lstm": (lambda: Recurrent(nn.LSTM), (10, 5), 0.3, "rescale"),
    "gru": (lambda: Recurrent(nn.GRU), (10, 5), 0.0, "rescale"),
    "causal attention": (CausalBlock, (8, 16), 0.0, "rescale"),
    "causal attention, another row": (CausalBlock, (8, 16), 1.0, "rescale"),
    "relu": (lambda: dense(10, 32, 2), (10,), 0.0, "shapley"),
    "relu, two hidden layers": (lambda: dense(10, 32, 32, 2), (10,), 0.0, "shapley"),
    "relu, three hidden layers": (lambda: dense(12, 16, 16, 16, 1), (12,), 0.0, "shapley"),
    "relu, three steep layers": (lambda: steep(dense(10, 32, 32, 32, 2)), (10,), 0.0, "shapley"),
    "relu, three, another row": (lambda: steep(dense(10, 32, 32, 32, 2)), (10,), 1.0, "shapley"),
    "norm-last attention": (NormLast, (8, 16), 0.0, "shapley"),
    "norm-last attention, last step": (lambda: NormLast(last=True), (8, 16), 0.0, "shapley"),
    "norm-last attention, two layers": (lambda: NormLast(2, last=True), (8, 16), 0.0, "shapley"),
    "norm-last attention, steep": (lambda: NormLast(scale=2.0), (8, 16), 0.0, "shapley"),
}


@pytest.mark.parametrize("name", SMALL)
def test_at_most_half_as_far_from_exact_shapley_values_as_captum_and_shap(name):
    make, shape, spread, rule = SMALL[name]
    far = {"ours": [], "captum": [], "shap": []}
    for seed in range(12):
        torch.manual_seed(seed)
        net = make().eval()
        if name == "sharp lstm":
            for parameter in net.parameters():
                parameter.data *= 3
        x, x0 = torch.randn(1, *shape), spread * torch.randn(1, *shape)
        exactly = truth(net, x, x0)
        ours = DeepLift(net, baseline=x0[0], rule=rule).explain(x[0], targets=0).values
        for who, values in (("ours", ours), ("captum", of_captum(net, x, x0)), ("shap", of_shap(net, x, x0))):
            distance = np.linalg.norm(by_player(values, x) - exactly) / np.linalg.norm(exactly)
            far[who].append(distance)
    middle = {who: float(np.median(distances)) for who, distances in far.items()}
    assert middle["ours"] <= 0.5 * min(middle["captum"], middle["shap"]), middle


def test_the_rules_order_on_a_single_relu():
    """Distance to exact values: many players < two players < none told apart."""
    rng = np.random.default_rng(0)
    far = {rule: [] for rule in ("rescale", "reveal_cancel", "shapley")}
    for _ in range(120):
        w, b, x = rng.normal(size=(1, 8)), rng.normal(size=1), rng.normal(size=8)
        net = nn.Sequential(nn.Linear(8, 1), nn.ReLU()).double()
        net.load_state_dict({"0.weight": torch.from_numpy(w), "0.bias": torch.from_numpy(b)})
        exactly = truth(net, torch.from_numpy(x)[None], torch.zeros(1, 8).double())
        if np.linalg.norm(exactly) < 1e-9:
            continue
        for rule, distances in far.items():
            found = DeepLift(net, rule=rule, segments=1).explain(x).values[0]
            distances.append(np.linalg.norm(found - exactly) / np.linalg.norm(exactly))
    middle = {rule: np.median(distances) for rule, distances in far.items()}
    assert middle["shapley"] < 0.6 * middle["reveal_cancel"], middle
    assert middle["reveal_cancel"] < middle["rescale"], middle


OPS = {  # a call of n entries, the reference's size, and the most that its rule may be off (median, relative)
    "softmax of 5": (lambda x: x.softmax(1), 5, 1.0, 0.15),
    "softmax of 8": (lambda x: x.softmax(1), 8, 1.0, 0.12),
    "sharp softmax of 8": (lambda x: (3 * x).softmax(1), 8, 1.0, 0.5),
    "layer norm of 6": (lambda x: F.layer_norm(x, (6,)), 6, 1.0, 0.12),
    "layer norm of 10": (lambda x: F.layer_norm(x, (10,)), 10, 1.0, 0.08),
    "layer norm of 10 from nothing": (lambda x: F.layer_norm(x, (10,)), 10, 0.0, 0.35),
    "rms norm of 10 from nothing": (lambda x: F.rms_norm(x, (10,)), 10, 0.0, 0.35),
    "norm by hand": (lambda x: x * torch.rsqrt(x.pow(2).mean(1, keepdim=True) + 1e-5), 10, 0.1, 0.35),
    "unit length": (lambda x: F.normalize(x, dim=1), 10, 0.1, 0.35),
    "maximum of 7": (lambda x: x.amax(1, keepdim=True), 7, 1.0, 1e-6),
    "minimum of 7": (lambda x: x.amin(1, keepdim=True), 7, 0.0, 1e-6),
    "product": (lambda x: x[:, :1] * x[:, 1:], 2, 1.0, 1e-6),
    "ratio": (lambda x: x[:, :1] / (x[:, 1:] + 9), 2, 1.0, 1e-6),
}


@pytest.mark.parametrize("name", OPS)
def test_how_far_single_rules_are_from_exact_values(name):
    function, n, size, most = OPS[name]
    rng = np.random.default_rng(0)
    ours, by_gradient = [], []
    for _ in range(40):
        x, x0 = torch.from_numpy(rng.normal(size=(2, 1, n)))
        x0 = size * x0
        weights = torch.from_numpy(rng.normal(size=function(x).shape[1]))

        def net(z, weights=weights):
            return (function(z) * weights).sum(1, keepdim=True)

        exactly = truth(net, x, x0)
        (m,) = Passes(net, (x,), (x0,)).multipliers(0)
        point = x.clone().requires_grad_()
        (gradient,) = torch.autograd.grad(net(point).sum(), point)
        for found, far in ((m, ours), (gradient, by_gradient)):
            far.append(np.linalg.norm((found * (x - x0))[0].numpy() - exactly) / np.linalg.norm(exactly))
    assert np.median(ours) <= most
    assert np.median(ours) < 0.75 * np.median(by_gradient)


# --- captum ---------------------------------------------------------------------------------------------------


class AveragePooled(nn.Module):
    def __init__(self, activation, pool=None):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(2, 4, 3), nn.Conv2d(4, 4, 3)
        self.act1, self.act2, self.pool = activation(), activation(), pool or nn.AvgPool2d(2)
        self.fc = nn.Linear(16, 3)

    def forward(self, x):
        x = self.pool(self.act1(self.conv1(x)))
        return self.fc(self.act2(self.conv2(x)).flatten(1))


@pytest.mark.parametrize(
    "activation", [nn.ReLU, nn.ELU, lambda: nn.LeakyReLU(0.2), nn.Sigmoid, nn.Tanh, nn.Softplus]
)
def test_equal_to_captum(activation):
    torch.manual_seed(0)
    for net, shape in (
        (dense(6, 12, 9, 3, activation=activation), (6,)),
        (AveragePooled(activation), (2, 10, 10)),
    ):
        x, x0 = torch.randn(2, 3, *shape)
        for target in range(3):
            theirs = (
                captum.attr.DeepLift(net).attribute(x, x0[:1].expand_as(x), target=target).detach().numpy()
            )
            ours = DeepLift(net, baseline=x0[0]).explain_batch(x, targets=target).values[:, 0]
            assert np.abs(ours - theirs).max() <= 1e-5 * max(1.0, np.abs(theirs).max())


def test_the_winners_rule_is_captums():
    torch.manual_seed(0)
    # captum is not complete where a ReLU touches the pool
    net = nn.Sequential(
        nn.Conv2d(2, 4, 3), nn.MaxPool2d(2), nn.Conv2d(4, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(16, 3)
    )
    x, x0 = torch.randn(2, 3, 2, 10, 10)
    theirs = captum.attr.DeepLift(net).attribute(x, x0[:1].expand_as(x), target=1).detach().numpy()
    ours = DeepLift(net, baseline=x0[0], max_rule="winner").explain_batch(x, targets=1).values[:, 0]
    assert np.abs(ours - theirs).max() <= 1e-5
    shared = DeepLift(net, baseline=x0[0]).explain_batch(x, targets=1).values[:, 0]
    assert np.abs(shared - theirs).max() > 1e-3  # on purpose: captum credits one entry of each window


def test_equal_to_shap_and_captum_over_a_background():
    torch.manual_seed(0)
    net = dense(6, 12, 3)
    X, background = torch.randn(4, 6), torch.randn(20, 6)
    ours = DeepShap(net, background=background).explain_batch(X)
    theirs = shap.DeepExplainer(net, background).shap_values(X)
    assert np.abs(ours.values - np.moveaxis(theirs, 2, 1)).max() < 1e-5
    one = captum.attr.DeepLiftShap(net).attribute(X, background, target=2).detach().numpy()
    assert np.abs(ours.values[:, 2] - one).max() < 1e-5


def test_lenet_as_it_is_where_the_others_are_not_complete():
    """Functional calls are invisible to module hooks: captum and shap take them for linear."""
    torch.manual_seed(0)
    net = LeNet().eval()
    x, x0 = torch.randn(2, 1, 1, 28, 28)
    change = float((net(x) - net(x0))[0, 3])
    ours = DeepLift(net, baseline=x0[0]).explain(x[0], targets=3)
    assert abs(ours.values.sum() - change) < 1e-4 * abs(change) + 1e-6
    theirs = captum.attr.DeepLift(net).attribute(x, x0, target=3).sum()
    assert abs(float(theirs) - change) > 0.01 * abs(change)


def test_softmax_where_captum_depends_on_the_batch():
    torch.manual_seed(0)
    net = nn.Sequential(dense(5, 8, 3), nn.Softmax(1))
    x, x0 = torch.randn(2, 4, 5)
    found = DeepLift(net, baseline=x0[0])
    rows = found.explain_batch(x, targets=0)
    assert [e.output_unit for e in rows] == ["logit"] * 4
    alone = np.stack([found.explain(row, targets=0).values for row in x])
    assert np.abs(rows.values - alone).max() < 1e-6


def test_functional_twin_of_a_module_network_is_explained_alike():
    torch.manual_seed(0)
    modules = AveragePooled(nn.ReLU, nn.MaxPool2d(3, 2, 1))

    class Functional(AveragePooled):
        def forward(self, x):
            x = F.max_pool2d(self.conv1(x).relu_(), 3, 2, 1)
            return self.fc(torch.clamp(self.conv2(x), min=0).view(len(x), -1))

    twin = Functional(nn.ReLU, nn.Identity())
    twin.fc = modules.fc = nn.Linear(36, 3) if modules.fc.in_features != 36 else modules.fc
    twin.load_state_dict(modules.state_dict())
    x, x0 = torch.randn(2, 2, 12, 12)
    one = DeepLift(modules, baseline=x0).explain(x).values
    assert np.allclose(one, DeepLift(twin, baseline=x0).explain(x).values, atol=1e-6)
