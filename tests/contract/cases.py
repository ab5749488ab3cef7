"""What the contract is held on: every perturbation kernel with every masker, small enough to run often."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from jupyter_xai import Image, Tabular, Text
from jupyter_xai.registry import KERNELS


class Recorded:
    """A function on a batch that remembers the size of every call and what its batches hold."""

    def __init__(self, function: Any) -> None:
        self.function = function
        self.sizes: list[int] = []

    def __call__(self, batch: Any) -> Any:
        self.sizes.append(len(batch))
        return self.function(batch)


@dataclass
class Case:
    masker: Any
    instances: Any
    model: Recorded


def of_text() -> Case:
    def model(texts: list[str]) -> Any:
        score = [0.1 + 0.5 * ("good" in t) - 0.3 * ("not good" in t) + 0.01 * len(t) / 60 for t in texts]
        return np.column_stack([1 - np.array(score), score])

    texts = ["It is not good at all, good heavens", "good film and fine story too, I say"]
    return Case(Text(), texts, Recorded(model))


def of_table() -> Case:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {"n": rng.normal(size=80), "c": rng.choice(list("abc"), 80), "m": rng.integers(0, 9, 80)}
    )

    def model(rows: pd.DataFrame) -> Any:
        score = 1 / (1 + np.exp(-rows["n"] * (rows["c"] == "a") - 0.2 * rows["m"]))
        return np.column_stack([1 - score, score])

    return Case(Tabular(frame), frame.iloc[:2], Recorded(model))


def of_image() -> Case:
    rng = np.random.default_rng(0)
    images = rng.random((2, 12, 16, 3))
    weights = rng.normal(size=(12, 16, 3)) / 10

    def model(batch: Any) -> Any:
        score = 1 / (1 + np.exp(-np.tanh((batch * weights).sum(axis=3)).sum(axis=(1, 2))))
        return np.column_stack([1 - score, score])

    return Case(Image("grid", 12), images, Recorded(model))


CASES = {"text": of_text, "table": of_table, "image": of_image}


def kernels() -> list[tuple[str, str, Any]]:
    """(kernel name, kind of case, class) for every perturbation kernel and every kind it explains."""
    found = [kernel for kernel in KERNELS.values() if kernel.family == "perturbation"]
    return [(kernel.name, kind, kernel.load()) for kernel in found for kind in kernel.kinds]
