"""The contract's cases for the kernels that differentiate a network: a recording one for each kind of input."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import nn

from jupyter_xai import Image, Tabular, Tokens
from jupyter_xai.registry import KERNELS
from tests.contract.cases import SIDE, Case
from tests.tokenizers import PIECES, ids_of

OTHERS = 80
"""Rows of the background."""


class Sizes(list[int]):
    """Of calls, shared by a network and its copies."""

    def __deepcopy__(self, memo: Any) -> Sizes:
        return self


class Net(nn.Module):
    """A network that remembers the size of every call. Double precision, so that batches agree to the last digits."""

    def __init__(self, *layers: nn.Module) -> None:
        super().__init__()
        self.layers = nn.Sequential(*layers)
        self.sizes = Sizes()

    def forward(self, x: Any) -> Any:
        self.sizes.append(len(x))
        return self.layers(x)


class Mean(nn.Module):
    """Of the words."""

    def forward(self, x: Any) -> Any:
        return x.mean(1)


def of(net: Net, masker: Any, instances: Any, background: Any = None) -> Case:
    net.double()
    return Case(masker, instances, net, background)


def case_of(name: str, kind: str) -> Case:
    """The case of a kernel and a kind of input."""
    case = CASES[kind]()
    opening = 2 * 2  # a prediction and a baseline, each with a pass that finds an embedding
    before = 2 * OTHERS if name == "expected_gradients" else 0  # the background's mean
    finding = 32 if kind == "text" else 0  # the embeddings of a background
    case.first_rows = opening + before + finding + 2 * 32  # instances and their baselines
    case.at_once = name in ONE_PASS
    return case


def of_text() -> Case:
    torch.manual_seed(0)
    net = Net(
        nn.Embedding(len(PIECES), 5, padding_idx=0), nn.Linear(5, 8), nn.Tanh(), Mean(), nn.Linear(8, 2)
    )
    rng = np.random.default_rng(0)
    others = [" ".join(rng.choice(PIECES[5:15], 6)) for _ in range(OTHERS)]
    masker = Tokens(ids_of, lambda ids: PIECES[ids[0]], pad_id=0)
    return of(net, masker, ["It was a dull film, so unwatchable", "a very good film, not dull"], others)


def of_table() -> Case:
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(OTHERS, 4)), columns=list("abcd"))
    net = Net(nn.Linear(4, 16), nn.Tanh(), nn.Linear(16, 16), nn.ReLU(), nn.Linear(16, 3))
    return of(net, Tabular(frame), frame.iloc[:2])


def of_image() -> Case:
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    net = Net(
        nn.Conv2d(3, 4, 3),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(4, 4, 3),
        nn.Tanh(),
        nn.Flatten(),
        nn.LazyLinear(3),
    )
    net(torch.zeros(1, 3, *SIDE))
    return of(net, Image("grid", 12), rng.random((2, *SIDE, 3)), rng.random((OTHERS, 3, *SIDE)))


CASES = {"text": of_text, "table": of_table, "image": of_image}

ONE_PASS = {"deep_lift", "saliency", "input_x_gradient", "grad_cam", "sensitivity"}
"""Kernels that are done with their first batch: they have no estimates before the last."""


def kernels() -> list[tuple[str, str, Any]]:
    """(kernel name, kind of case, class) for every gradient kernel and every kind it explains."""
    found = [kernel for kernel in KERNELS.values() if kernel.family == "gradient"]
    return [(kernel.name, kind, kernel.load()) for kernel in found for kind in kernel.kinds]
