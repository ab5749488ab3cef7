"""What the contract is held on: every perturbation kernel with every masker, small enough to run often."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.sparse import csr_array, csr_matrix

from jupyter_xai import Image, Tabular, Text
from jupyter_xai.registry import KERNELS


class Recorded:
    """A function on a batch that remembers the size of every call and what its batches hold."""

    def __init__(self, function: Any) -> None:
        self.function = function
        self.sizes: list[int] = []

    def __call__(self, batch: Any) -> Any:
        self.sizes.append(batch.shape[0] if hasattr(batch, "tocsr") else len(batch))
        return self.function(batch)


@dataclass
class Case:
    masker: Any
    instances: Any
    model: Any
    background: Any = None
    """Of gradient kernels that average over one."""
    first_rows: int = 1 + 32
    """Most rows until the first estimate: the instance, then one batch."""
    at_once: bool = False
    """Whether the first batch is the last, so that there is nothing to stop."""


TEXTS = ["It is not good at all, good heavens", "good film and fine story too, I say"]


def of_text(masker: Any = None, instances: Any = TEXTS) -> Case:
    def model(texts: list[str]) -> Any:
        score = [0.1 + 0.5 * ("good" in t) - 0.3 * ("not good" in t) + 0.01 * len(t) / 60 for t in texts]
        return np.column_stack([1 - np.array(score), score])

    return Case(masker or Text(), instances, Recorded(model))


def of_table() -> Case:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {"n": rng.normal(size=80), "c": rng.choice(list("abc"), 80), "m": rng.integers(0, 9, 80)}
    )

    def model(rows: pd.DataFrame) -> Any:
        score = 1 / (1 + np.exp(-rows["n"] * (rows["c"] == "a") - 0.2 * rows["m"]))
        return np.column_stack([1 - score, score])

    return Case(Tabular(frame), frame.iloc[:2], Recorded(model))


SIDE = (12, 16)


def of_image(**masker: Any) -> Case:
    rng = np.random.default_rng(0)
    images = rng.random((2, 12, 16, 3))
    weights = rng.normal(size=(12, 16, 3)) / 10

    def model(batch: Any) -> Any:
        score = 1 / (1 + np.exp(-np.tanh((batch * weights).sum(axis=3)).sum(axis=(1, 2))))
        return np.column_stack([1 - score, score])

    given = {"segmentation": "grid", "n_segments": 12, **masker}
    return Case(Image(**given), images, Recorded(model))


def of_codes(**masker: Any) -> Case:
    """A table whose columns are a number, one-hot codes and a number."""
    rng = np.random.default_rng(0)
    jobs, homes = rng.integers(0, 4, 80), rng.integers(0, 2, 80)
    X = np.column_stack([rng.normal(size=80), np.eye(4)[jobs], np.eye(2)[homes], rng.integers(0, 9, 80)])
    names = ["n", *(f"job_{job}" for job in "abcd"), "home_own", "home_rent", "m"]
    groups = {"job": names[1:5], "home": names[5:7]}

    def model(rows: Any) -> Any:
        score = 1 / (1 + np.exp(-rows[:, 0] * rows[:, 1] - 0.2 * rows[:, 7] * rows[:, 5] + rows[:, 3]))
        return np.column_stack([1 - score, score])

    return Case(Tabular(X, names, groups=groups, **masker), X[:2], Recorded(model))


def of_bins(discretizer: str, **masker: Any) -> Case:
    """The table of ``of_table`` in other bins, or in none."""
    case = of_table()
    background = case.masker.background
    case.masker = Tabular(background, discretizer=discretizer, labels=background["c"] == "a", **masker)
    return case


def of_sparse(container: Any = csr_matrix) -> Case:
    """Counts of words, as a vectoriser writes them."""
    rng = np.random.default_rng(0)
    X = container(np.where(rng.random((60, 40)) < 0.2, rng.integers(1, 5, (60, 40)), 0).astype(float))
    weights = rng.normal(size=40)

    def model(rows: Any) -> Any:
        assert type(rows) is type(X)
        score = 1 / (1 + np.exp(-np.tanh(rows @ weights) - 0.1 * (rows.power(2) @ weights)))
        return np.column_stack([1 - score, score])

    return Case(Tabular(X), X[:2], Recorded(model))


CASES = {"text": of_text, "table": of_table, "image": of_image}

SENTENCES = [
    "It is not good. Nor is it long! Who would say so? Good heavens. I left. The end.",
    "A good film. A fine story too? Yes. So I say. Not good for children. Go!",
]
LABELS = (
    np.add.outer(np.arange(12) // 4, 3 * (np.arange(16) // 4)) * 5 - 7
)  # 12 pieces with numbers of their own
OTHERS = np.random.default_rng(1).random((3, 12, 16, 3))

VARIANTS: dict[str, tuple[str, Callable[[], Case]]] = {
    "mask token": ("text", lambda: of_text(Text(mask_token="good"))),
    "grouped words": ("text", lambda: of_text(Text(group=True))),
    "sentences": ("text", lambda: of_text(Text("sentences"), SENTENCES)),
    "characters": ("text", lambda: of_text(Text("characters"), ["not good", "so good!"])),
    "blur": ("image", lambda: of_image(fill="blur")),
    "colour": ("image", lambda: of_image(fill=(0.1, 0.5, 0.9))),
    "noise": ("image", lambda: of_image(fill="noise")),
    "background": ("image", lambda: of_image(fill="background", background=OTHERS)),
    "groups": ("table", of_codes),
    "sparse": ("table", of_sparse),
    "sparse array": ("table", lambda: of_sparse(csr_array)),
    "groups without bins": ("table", lambda: of_codes(discretizer="none")),
    "decile": ("table", lambda: of_bins("decile")),
    "entropy": ("table", lambda: of_bins("entropy")),
    "no bins": ("table", lambda: of_bins("none")),
    "around the instance": ("table", lambda: of_bins("none", sample_around_instance=True)),
    "label map": ("image", lambda: of_image(segmentation=LABELS)),
}
"""Ways to cut and to hide: a name, the kind of input, and what makes the case."""


OF_LIME = {"groups without bins", "decile", "entropy", "no bins", "around the instance"}
"""Variants that other kernels do not know from another."""


def kernels() -> list[tuple[str, str, Any]]:
    """(kernel name, kind of case, class) for every perturbation kernel and every kind it explains."""
    found = [kernel for kernel in KERNELS.values() if kernel.family == "perturbation"]
    return [(kernel.name, kind, kernel.load()) for kernel in found for kind in kernel.kinds]


def variants() -> list[tuple[str, str, Any]]:
    """(kernel name, variant, class) for every perturbation kernel and every variant that it explains."""
    return [
        (name, variant, cls)
        for name, kind, cls in kernels()
        for variant, (cut, _) in VARIANTS.items()
        if kind == cut and (name == "lime" or variant not in OF_LIME)
    ]
