"""Completeness on every network of ``tests/networks.py``, as it is."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch.overrides import TorchFunctionMode

from jupyter_xai.kernels.deeplift.passes import Passes
from jupyter_xai.kernels.deeplift.tape import Settings
from tests.networks import EXAMPLES


class Vectors(TorchFunctionMode):
    """Other vectors in place of the embedding's."""

    def __init__(self, vectors):
        super().__init__()
        self.vectors = vectors

    def __torch_function__(self, func, types, args=(), kwargs=None):
        return self.vectors if func is F.embedding else func(*args, **(kwargs or {}))


def worst_gap(example, dtype, rule):
    net = example.net(dtype=dtype).requires_grad_(requires_grad=False)
    x = example.rows(3, dtype=dtype)
    if example.words:
        ids, x = x, net.embedding(x)
        x0 = torch.zeros_like(x)

        def function(vectors):
            with Vectors(vectors):
                return net(ids)
    else:
        x0, function = 0.3 * example.rows(3, seed=9, dtype=dtype), net
    both = Passes(function, (x,), (x0,), Settings(rule=rule))
    assert both.tape.notes == both.tape.lost == {}
    worst = 0.0
    for j in range(min(3, both.outputs.shape[1])):
        (m,) = both.multipliers(j, keep=True)
        parts = (m * (x - x0)).flatten(1)
        f, f0 = both.outputs[:, j], both.reference_outputs[:, j]
        scale = torch.stack([(f - f0).abs(), 0.1 * (f.abs() + f0.abs()), 1e-3 * parts.abs().sum(1)]).amax(0)
        worst = max(worst, float(((parts.sum(1) - (f - f0)).abs() / scale).max()))
    return worst


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda e: e.name)
@pytest.mark.parametrize("rule", ["rescale", "reveal_cancel", "auto"])
def test_complete(example, rule):
    assert worst_gap(example, torch.float64, rule) <= 1e-9
    assert worst_gap(example, torch.float32, rule) <= 1e-4
