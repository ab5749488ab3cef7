"""What the tests of DeepLIFT's engine share."""

from __future__ import annotations

import torch
from torch import nn

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
