"""Shapley values: KernelSHAP on the 30 columns of the breast cancer data, 100 background rows."""

from __future__ import annotations

import copy
from statistics import median
from typing import Any

import numpy as np
from harness import AtMost, Contest, Figure, Size, row

import jupyter_xai as xai
from cases._work import SEED, batches_of, exhaust


@row("kernel-shap", goal=AtMost("ours", "bare", 1.6))
def kernel_shap(size: Size) -> Contest:
    """A model that costs next to nothing, 210,800 rows of it: what is timed is the explainer."""
    from sklearn.neural_network import MLPClassifier

    return _table(size, MLPClassifier((32,), random_state=SEED, max_iter=500), "small MLP")


@row("kernel-shap-forest", goal=AtMost("ours", "bare", 1.15))
def kernel_shap_forest(size: Size) -> Contest:
    """A model that takes more than 1 µs a row, as most do."""
    from sklearn.ensemble import RandomForestClassifier

    return _table(size, RandomForestClassifier(random_state=SEED), "random forest")


def _table(size: Size, model: Any, name: str) -> Contest:
    import shap
    from sklearn.datasets import load_breast_cancer
    from sklearn.preprocessing import StandardScaler

    n = size(2108, 100)
    raw, y = load_breast_cancer(return_X_y=True)
    X = StandardScaler().fit_transform(raw)
    model.fit(X, y)
    kernel = xai.KernelShap(
        model, xai.Tabular(X[:100]), n_samples=n, estimator="wls", tolerance=0, random_state=SEED
    )
    process = copy.copy(kernel)
    process.estimator = "gp"
    ready, smaller = batches_of(kernel, X[200]), batches_of(kernel, X[200], stream=True)

    def answer(batches: list[Any]) -> None:
        for batch in batches:
            model.predict_proba(batch)

    def peer() -> None:
        shap.KernelExplainer(model.predict_proba, X[:100]).shap_values(
            X[200], nsamples=n, l1_reg=False, silent=True
        )

    contestants = {
        "ours": lambda: kernel.explain(X[200]),
        "bare": lambda: answer(ready),
        "streamed": lambda: exhaust(kernel.stream(X[200])),
        "bare_streamed": lambda: answer(smaller),
        "ours by Gaussian process": lambda: process.explain(X[200]),
        "shap": peer,
    }
    return Contest(f"KernelSHAP, 30 columns, 100 background rows, n={n:,}, {name}", contestants)


@row("solver-gp")
def solver_gp(size: Size) -> Figure:
    """The Gaussian process alone, hyper-parameters included, on a smooth game of 16 players and 10 outputs."""
    from jupyter_xai.kernels._coalitions import PairedCoalitions
    from jupyter_xai.kernels._gp import OddProcess

    players, calls = 16, size(512, 64)
    rng = np.random.default_rng(SEED)
    into, out = rng.normal(size=(players, 32)) / 4, rng.normal(size=(32, 10))

    def game(present: Any) -> Any:
        return np.tanh(present @ into) @ out

    kept = PairedCoalitions(players, SEED).masks(0, calls)[::2]
    odd = (game(kept) - game(~kept)) / 2
    totals = game(np.ones(players)) - game(np.zeros(players))
    seconds = []
    for _ in range(size(9, 1)):
        began = size.clock()
        OddProcess(players).fit(np.where(kept, 1.0, -1.0), odd, totals)
        seconds.append(size.clock() - began)
    value = 1000 * median(seconds)
    return Figure(f"solver gp, M=16, {calls} calls, 10 outputs", value, f"{value:.1f} ms", 100.0, "≤ 100 ms")
