"""DeepLIFT and DeepSHAP, against bare forward and backward passes over as many rows, captum and shap.

The bare passes take inputs and baselines as one batch forward and backward, which is the least that a method of module
hooks can do. Ours evaluates both but goes back over the inputs alone.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from harness import AtMost, Contest, Figure, Size, row

import jupyter_xai as xai
from cases._work import SEED

ROWS, BACKGROUND, STEPS = 8, 16, 200


def convolutional(width: int = 16, outputs: int = 10) -> Any:
    """Four blocks of two convolutions and a max-pool, two dense layers: modules alone, so that captum and shap can."""
    import torch
    from torch import nn

    torch.manual_seed(SEED)
    layers: list[Any] = []
    channels = 3
    for out in (width, 2 * width, 4 * width, 4 * width):
        layers += [nn.Conv2d(channels, out, 3, padding=1), nn.ReLU()]
        layers += [nn.Conv2d(out, out, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
        channels = out
    head = [
        nn.AdaptiveAvgPool2d(7),
        nn.Flatten(),
        nn.Linear(49 * channels, 128),
        nn.ReLU(),
        nn.Linear(128, outputs),
    ]
    return nn.Sequential(*layers, *head).eval()


def bare(net: Any, rows: Any, targets: int = 1) -> Callable[[], object]:
    """One forward pass over rows, and a backward pass for each target."""
    import torch

    frozen = net.requires_grad_(requires_grad=False)

    def passes() -> None:
        points = rows.clone().requires_grad_()
        scores = frozen(points)
        for target in range(targets):
            torch.autograd.grad(scores[:, target].sum(), points, retain_graph=target + 1 < targets)

    return passes


@row("deeplift-cnn", goal=AtMost("ours", "bare", 1.5))
def cnn(size: Size) -> Contest:
    """Eight pictures, one target."""
    import captum.attr
    import torch

    n, side = size(ROWS, 2), size(224, 32)
    net = convolutional()
    x = torch.randn(n, 3, side, side)
    zeros = torch.zeros_like(x)
    kernel = xai.DeepLift(net, baseline="zeros")
    return Contest(
        f"DeepLIFT, {n} × 3×{side}×{side}, CNN",
        {
            "ours": lambda: kernel.explain_batch(x, targets=0),
            "bare": bare(net, torch.cat([x, zeros])),
            "captum": lambda: captum.attr.DeepLift(net).attribute(x, zeros, target=0),
        },
    )


@row("deeplift-segments", goal=AtMost("ours", "bare", 1.5))
def segments(size: Size) -> Contest:
    """One picture in four segments along four orders and back: 32 pairs of a beginning and an end."""
    import torch

    side = size(112, 32)
    net = convolutional(width=size(16, 4))
    x = torch.randn(3, side, side)
    pairs = torch.randn(2 * 32, 3, side, side)
    kernel = xai.DeepLift(net, baseline="zeros", segments=4, orders=4, batch_size=32)
    return Contest(
        f"DeepLIFT in 4 segments, 4 orders, 3×{side}×{side}, CNN",
        {"ours": lambda: kernel.explain(x, targets=0), "bare": bare(net, pairs)},
        note="bare: one forward and one backward pass over 64 rows",
    )


@row("deeplift-shapley", goal=AtMost("ours", "one segment", 12.0))
def shapley_units(size: Size) -> Contest:
    """The slowest rule on rows of a table, beside one segment of it, Rescale, and bare passes over as many rows."""
    import torch
    from torch import nn

    n = size(64, 8)
    torch.manual_seed(SEED)
    net = nn.Sequential(
        nn.Linear(30, 128), nn.ReLU(), nn.Linear(128, 128), nn.ReLU(), nn.Linear(128, 2)
    ).eval()
    x = torch.randn(n, 30)

    def of(**how: Any) -> Callable[[], object]:
        kernel = xai.DeepLift(net, baseline="zeros", batch_size=1024, **how)
        return lambda: kernel.explain_batch(x, targets=0)

    passes = [bare(net, rows) for rows in torch.randn(n * 64, 30).split(2048)]
    return Contest(
        f"DeepLIFT, Shapley units in 4 segments, {n} rows × 30, MLP",
        {
            "ours": of(rule="shapley"),
            "bare": lambda: [each() for each in passes],
            "one segment": of(rule="shapley", segments=1),
            "rescale, 4 segments": of(segments=4),
            "rescale": of(),
        },
        note=f"bare: forward and backward over {n * 64:,} rows, as many as ours; one segment: a 32nd of them",
    )


@row("deepshap", goal=AtMost("ours", "bare", 1.5))
def deepshap(size: Size) -> Contest:
    """One picture over 16 others, one target."""
    return _deepshap(size, 1)


@row("deepshap-targets", goal=AtMost("ours", "bare", 1.5))
def deepshap_targets(size: Size) -> Contest:
    """The same for ten targets, from the same forward passes."""
    return _deepshap(size, 10)


def _deepshap(size: Size, targets: int) -> Contest:
    import captum.attr
    import shap
    import torch

    side = size(112, 32)
    net = convolutional()
    x, background = torch.randn(1, 3, side, side), torch.randn(BACKGROUND, 3, side, side)
    kernel = xai.DeepShap(net, background=background, batch_size=BACKGROUND)
    chosen = list(range(targets))
    peer = shap.DeepExplainer(net, background)

    def of_captum() -> None:
        for target in chosen:
            captum.attr.DeepLiftShap(net).attribute(x, background, target=target)

    return Contest(
        f"DeepSHAP, 16 background rows, {targets} target{'s' * (targets > 1)}, CNN at {side}×{side}",
        {
            "ours": lambda: kernel.explain(x[0], targets=chosen),
            "bare": bare(net, torch.cat([x.expand_as(background), background]), targets),
            "shap": lambda: peer.shap_values(x, ranked_outputs=targets, check_additivity=False),
            "captum": of_captum,
        },
        note=f"bare: one forward pass over {2 * BACKGROUND} rows, {targets} backward",
    )


@row("deepshap-passes")
def passes(size: Size) -> Figure:
    """Ten targets from one forward pass over the input's rows, one over the background's, ten backward."""
    import torch

    net = convolutional(width=size(16, 2))
    rows: list[int] = []
    net.register_forward_pre_hook(lambda _, given: rows.append(len(given[0])))
    x, background = torch.randn(3, 32, 32), torch.randn(BACKGROUND, 3, 32, 32)
    kernel = xai.DeepShap(net, background=background, batch_size=BACKGROUND)
    before, calls = torch.autograd.grad, []

    def counted(*args: Any, **kwargs: Any) -> Any:
        calls.append(1)
        return before(*args, **kwargs)

    torch.autograd.grad = counted
    try:
        kernel.explain(x, targets=list(range(10)))
    finally:
        torch.autograd.grad = before
    forward = sum(rows) - 1  # the opening prediction is the network's own
    return Figure(
        f"DeepSHAP, {BACKGROUND} background rows, 10 targets: backward passes",
        value=len(calls),
        shown=f"{len(calls)} backward, {forward} rows forward",
        limit=10,
        goal=f"≤ 10 backward, {2 * BACKGROUND} rows forward",
    )


@row("deeplift-lstm", goal=AtMost("ours", "bare", 3.0))
def lstm(size: Size) -> Contest:
    """200 steps, hidden 128; the bare pass is the same network unrolled, cell by cell."""
    import torch
    import torch.nn.functional as F  # noqa: N812 - its usual name
    from torch import nn

    steps, hidden = size(STEPS, 10), 128
    torch.manual_seed(SEED)

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.lstm, self.fc = nn.LSTM(64, hidden, batch_first=True), nn.Linear(hidden, 2)

        def forward(self, x: Any) -> Any:
            return self.fc(self.lstm(x)[0][:, -1])

    net = Net().eval()
    layer = net.lstm

    def unrolled(x: Any) -> Any:
        pre = F.linear(x, layer.weight_ih_l0, layer.bias_ih_l0)
        h = c = x.new_zeros(len(x), hidden)
        for t in range(x.shape[1]):
            gates = pre[:, t] + F.linear(h, layer.weight_hh_l0, layer.bias_hh_l0)
            i, f, g, o = gates.chunk(4, 1)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * c.tanh()
        return net.fc(h)

    x = torch.randn(ROWS, steps, 64)
    kernel = xai.DeepLift(net, baseline="zeros")
    both = torch.cat([x, torch.zeros_like(x)])
    net.requires_grad_(requires_grad=False)

    def bare_unrolled() -> None:
        points = both.clone().requires_grad_()
        torch.autograd.grad(unrolled(points)[:, 0].sum(), points)

    return Contest(
        f"DeepLIFT, LSTM, {ROWS} × {steps} steps, hidden {hidden}",
        {
            "ours": lambda: kernel.explain_batch(x, targets=0),
            "bare": bare_unrolled,
            "bare, by torch's own layer": bare(net, both),
        },
        note="captum and shap take the layer for linear",
    )


@row("deepshap-memory")
def memory(size: Size) -> Figure:
    """The background comes in stretches, and only sums are kept."""
    rows, side = size(10_000, 200), size(32, 16)
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("_peak_deepshap.py")), str(rows), str(side)],
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"the measuring process failed:\n{done.stderr[-4000:]}")
    found = json.loads(done.stdout.splitlines()[-1])
    batches = found["extra"] / found["batch"]
    return Figure(
        f"DeepSHAP, {rows:,} background rows {side}×{side}: peak memory",
        value=batches,
        shown=f"{batches:.2f} batches",
        limit=3.0,
        goal="≤ 3 batches",
        note=(
            "high-water mark of a fresh process above its state with network and background loaded; a batch is a bare "
            f"forward and backward pass over {found['rows']} inputs and their baselines, "
            f"{found['batch'] / 1e6:.0f} MB; {found['seconds']:.0f} s"
        ),
    )
