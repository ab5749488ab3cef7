"""Integrated and expected gradients, SmoothGrad: against bare passes over as many rows, captum and shap."""

from __future__ import annotations

from collections.abc import Callable
from statistics import median
from typing import Any

import numpy as np
from harness import AtMost, Contest, Figure, Size, row

import jupyter_xai as xai
from cases._work import SEED
from cases.deeplift import convolutional

STEPS, POINTS, BACKGROUND = 50, 200, 50


def passes(net: Any, rows: Any, batch: int, alone: Any = ()) -> Callable[[], object]:
    """A forward and a backward pass over rows in batches, and a forward pass over those that stand alone.

    Rows are such as the method sends: what a ReLU or a pool takes depends on its input.
    """
    import torch

    frozen = net.requires_grad_(requires_grad=False)

    def work() -> None:
        if len(alone):
            with torch.no_grad():
                for part in alone.split(batch):
                    frozen(part)
        for part in rows.split(batch):
            points = part.clone().requires_grad_()
            torch.autograd.grad(frozen(points)[:, 0].sum(), points)

    return work


def perceptron(activation: str = "ReLU", steep: float = 1.0) -> Any:
    """A row of 20 columns to 3 outputs."""
    import torch
    from torch import nn

    torch.manual_seed(SEED)
    bend = getattr(nn, activation)
    first = nn.Linear(20, 64)
    first.weight.data *= steep
    return nn.Sequential(first, bend(), nn.Linear(64, 64), bend(), nn.Linear(64, 3)).eval()


@row("integrated-gradients", goal=AtMost("ours", "bare", 1.05))
def integrated(size: Size) -> Contest:
    """One picture, 50 steps in two batches."""
    import captum.attr
    import torch

    side, batch = size(112, 32), 25
    net = convolutional()
    x = torch.randn(1, 3, side, side)
    kernel = xai.IntegratedGradients(net, baseline="zeros", n_steps=STEPS, batch_size=batch)
    peer = captum.attr.IntegratedGradients(net)
    return Contest(
        f"integrated gradients, {STEPS} steps, CNN at {side}×{side}",
        {
            "ours": lambda: kernel.explain(x[0], targets=0),
            "bare": passes(net, torch.linspace(0, 1, STEPS)[:, None, None, None] * x, batch),
            "captum": lambda: peer.attribute(
                x, torch.zeros_like(x), target=0, n_steps=STEPS, internal_batch_size=batch
            ),
        },
        note="ours also asks for the prediction and the baseline, which bare and captum do not",
    )


@row("integrated-gradients-equal")
def equal(size: Size) -> Figure:
    """The largest difference to captum's default, of the largest value: rows and a picture."""
    import captum.attr
    import torch

    side = size(56, 24)
    far = []
    for net, x in (
        (perceptron(), torch.randn(8, 20)),
        (perceptron("Tanh"), torch.randn(8, 20)),
        (convolutional(4), torch.randn(2, 3, side, side)),
    ):
        ours = xai.IntegratedGradients(net, baseline="zeros").explain_batch(x, targets=0).values[:, 0]
        theirs = captum.attr.IntegratedGradients(net).attribute(x, target=0).detach().numpy()
        far.append(float(abs(ours - theirs).max() / abs(theirs).max()))
    return Figure(
        "integrated gradients beside captum's default: largest difference",
        value=max(far),
        shown=f"{max(far):.1e}",
        limit=1e-6,
        goal="≤ 1e-6",
        note="of the largest value, float32: " + ", ".join(f"{share:.1e}" for share in far),
    )


@row("integrated-gradients-adaptive")
def adaptive(size: Size) -> Figure:
    """Steps to a gap of a thousandth of the change, and how many fixed Gauss-Legendre nodes come as close."""
    import torch

    counts = [4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024]
    counts = counts[: size(len(counts), 6)]
    said, shares = [], []
    for name, net in (
        ("tanh", perceptron("Tanh")),
        ("steep tanh", perceptron("Tanh", 6.0)),
        ("ReLU", perceptron()),
    ):
        ours, fixed, far = [], [], []
        for instance in torch.randn(size(6, 2), 20):

            def values(n: Any, net: Any = net, x: Any = instance) -> Any:
                return xai.IntegratedGradients(net, baseline="zeros", n_steps=n).explain(x, targets=0)

            truth, found = values(2000).values, values("auto")
            far.append(float(abs(found.values - truth).max() / abs(truth).max()))
            ours.append(found.n_evals)
            errors = (float(abs(values(n).values - truth).max() / abs(truth).max()) for n in counts)
            fixed.append(
                next((n for n, error in zip(counts, errors, strict=True) if error <= far[-1]), counts[-1])
            )
        said.append(f"{name} {median(ours):g} against {median(fixed):g} (error {median(far):.0e})")
        shares.append(median(ours) / median(fixed))
    return Figure(
        "integrated gradients, automatic steps to a gap of 1e-3, against fixed steps that are as close",
        value=max(shares),
        shown="; ".join(said),
        limit=1.0,
        goal="no more steps",
        note="medians over instances; error: largest difference to 2,000 nodes, of the largest value",
    )


@row("expected-gradients", goal=AtMost("ours", "bare", 1.1))
def expected(size: Size) -> Contest:
    """One picture, 200 points on the lines from 50 others."""
    import shap
    import torch

    side, batch, points = size(64, 24), 25, size(POINTS, 50)
    net = convolutional()
    x, background = torch.randn(1, 3, side, side), torch.randn(BACKGROUND, 3, side, side)
    kernel = xai.ExpectedGradients(net, background=background, n_samples=points, batch_size=batch)
    peer = shap.GradientExplainer(net, background, batch_size=batch)
    lines = torch.lerp(background.repeat(points // BACKGROUND, 1, 1, 1), x, torch.rand(points, 1, 1, 1))
    return Contest(
        f"expected gradients, n={points}, {BACKGROUND} background rows, CNN at {side}×{side}",
        {
            "ours": lambda: kernel.explain(x[0], targets=0),
            "bare": passes(net, lines, batch, background),
            "bare, gradients alone": passes(net, lines, batch),
            "shap": lambda: peer.shap_values(x, nsamples=points, ranked_outputs=1, rseed=0),
        },
        note="bare makes ours' passes: one over the background forward, without which no gap could be told",
    )


@row("expected-gradients-error")
def error(size: Size) -> Figure:
    """Squared error beside shap's at as many points, over seeds, on networks that bend sharply and smoothly."""
    import shap
    import torch

    rows = torch.randn(BACKGROUND, 20, generator=torch.Generator().manual_seed(SEED))
    factors, said = [], []
    for activation in ("ReLU", "Tanh"):
        net, x = perceptron(activation), torch.ones(20)

        def values(n: int, seed: int = 0, net: Any = net, x: Any = x) -> Any:
            kernel = xai.ExpectedGradients(net, background=rows, n_samples=n, random_state=seed)
            return kernel.explain(x, targets=0).values[0]

        truth = values(BACKGROUND * 200)
        peer = shap.GradientExplainer(net, rows, batch_size=50)
        ours = np.mean([np.square(values(POINTS, seed) - truth) for seed in range(size(20, 2))])
        theirs = np.mean(
            [
                np.square(np.asarray(peer.shap_values(x[None], nsamples=POINTS, rseed=seed))[0, :, 0] - truth)
                for seed in range(size(20, 2))
            ]
        )
        factors.append(float(theirs / ours))
        said.append(f"{activation} {factors[-1]:.0f}×")
    return Figure(
        f"expected gradients, n={POINTS}: squared error below shap's",
        value=1 / min(factors),
        shown=", ".join(said),
        limit=0.1,
        goal="≥ 10× below",
        note=f"{BACKGROUND} background rows, truth with 200 nodes a row",
    )


@row("smooth-grad", goal=AtMost("ours", "bare", 1.1))
def smooth(size: Size) -> Contest:
    """One picture, 50 noisy copies."""
    import captum.attr
    import torch

    side, batch = size(112, 32), 25
    net = convolutional()
    x = torch.randn(1, 3, side, side)
    kernel = xai.SmoothGrad(net, n_samples=STEPS, batch_size=batch)
    peer = captum.attr.NoiseTunnel(captum.attr.Saliency(net))
    return Contest(
        f"SmoothGrad, {STEPS} copies, CNN at {side}×{side}",
        {
            "ours": lambda: kernel.explain(x[0], targets=0),
            "bare": passes(net, x + torch.randn(STEPS, 3, side, side), batch),
            "captum": lambda: peer.attribute(
                x, nt_type="smoothgrad", nt_samples=STEPS, nt_samples_batch_size=batch, target=0, abs=False
            ),
        },
        note="ours keeps intervals",
    )
