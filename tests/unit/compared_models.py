"""What the tests of comparisons share."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

import jupyter_xai as xai
from jupyter_xai.comparing import Benchmark, Comparison, Entry, Record
from jupyter_xai.metrics import Measure

RNG = np.random.default_rng(0)


ROWS = RNG.normal(size=(60, 4))


def model(X: Any) -> Any:
    X = np.asarray(X)
    return np.tanh(X[:, 0] * X[:, 1]) + 2 * X[:, 2]


def softmax_net() -> torch.nn.Module:
    torch.manual_seed(0)
    return torch.nn.Sequential(
        torch.nn.Linear(4, 16), torch.nn.ReLU(), torch.nn.Linear(16, 3), torch.nn.Softmax(dim=1)
    )


def judged(**methods: tuple[float, float]) -> Comparison:
    """A comparison with one metric of known intervals."""
    e = xai.KernelShap(model, xai.Tabular(ROWS)).explain(ROWS[0])
    entries = tuple(
        Entry(
            name,
            name,
            e,
            measures={
                "local fidelity": Measure(
                    name="local fidelity", values=np.array([value]), half_widths=np.array([half]),
                    output_names=("y",), better="higher",
                )
            },
        )
        for name, (value, half) in methods.items()
    )  # fmt: skip
    return Comparison(entries, "raw", "All explain it.", ("prediction",), np.ones(1), e.features)


def of(table: Any, better: str = "higher") -> Benchmark:
    records = tuple(
        Record(row, method, "y", "m", float(value), np.nan, better, "", 0.1, 1)
        for row, line in enumerate(table)
        for method, value in zip("ABC", line, strict=False)
    )
    return Benchmark(records, tuple("ABC"[: len(table[0])]), ("m",), len(table))
