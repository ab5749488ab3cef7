"""Over many rows: global sensitivity, NormLIME and SP-LIME against what cannot be saved, in time and memory."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from harness import AtMost, Contest, Figure, Size, row

import jupyter_xai as xai
from cases._work import SEED, batches_of

COLUMNS, BATCH = 30, 8192


def perceptron() -> Any:
    """Thirty columns, two layers of 128, one output."""
    import torch
    from torch import nn

    torch.manual_seed(SEED)
    return nn.Sequential(
        nn.Linear(COLUMNS, 128), nn.ReLU(), nn.Linear(128, 128), nn.ReLU(), nn.Linear(128, 1)
    )


@row("dataset-sensitivity", goal=AtMost("ours", "bare", 1.25))
def sensitivity(size: Size) -> Contest:
    """The floor is one forward and one backward pass to the inputs over the same batches."""
    import torch

    n = size(1_000_000, 2000)
    net, X = perceptron(), np.random.default_rng(SEED).normal(size=(n, COLUMNS)).astype(np.float32)
    frozen = perceptron().requires_grad_(requires_grad=False)

    def bare() -> None:
        for start in range(0, n, BATCH):
            points = torch.from_numpy(X[start : start + BATCH]).requires_grad_()
            torch.autograd.grad(frozen(points).sum(), points)

    kernel = xai.GlobalSensitivity(net)
    return Contest(
        f"global sensitivity, {n:,} × {COLUMNS}, MLP 128-128",
        {"ours": lambda: kernel.explain(X), "bare": bare},
    )


@row("dataset-normlime", goal=AtMost("ours", "bare", 1.2))
def normlime(size: Size) -> Contest:
    """The floor is the forest on the rows that LIME draws, in its batches."""
    from sklearn.datasets import load_breast_cancer
    from sklearn.ensemble import RandomForestClassifier

    rows = size(1000, 6)
    X, y = load_breast_cancer(return_X_y=True)
    forest = RandomForestClassifier(random_state=SEED).fit(X, y)
    kernel = xai.Lime(forest, xai.Tabular(X), n_samples=1000, tolerance=0, random_state=SEED)
    ready = [batches_of(kernel, X[i]) for i in range(min(rows, 20))]
    data = X[np.arange(rows) % len(X)]

    def bare() -> None:
        for i in range(rows):
            for batch in ready[i % len(ready)]:
                forest.predict_proba(batch)

    return Contest(
        f"NormLIME, {rows:,} rows, LIME n=1,000, random forest",
        {"ours": lambda: xai.NormLime(kernel).explain(data, executor=_one()), "bare": bare},
        note="one worker",
    )


def _one() -> Any:
    from concurrent.futures import ThreadPoolExecutor

    return ThreadPoolExecutor(1)


@row("dataset-pick", goal=AtMost("ours", "lime", 1 / 20))
def pick(size: Size) -> Contest:
    """Lime sums the whole matrix anew for every candidate: on 10,000 rows it would take hours."""
    from lime.submodular_pick import SubmodularPick

    from jupyter_xai.dataset._greedy import greedy

    n, d, budget = size(300, 30), size(1000, 40), size(20, 3)

    def explanations(count: int) -> Any:
        rng = np.random.default_rng(SEED)
        W = rng.normal(size=(count, d)) * (rng.random((count, d)) < min(1.0, 10 / d))
        at = [np.flatnonzero(line) for line in W]
        starts = np.concatenate([[0], np.cumsum([len(some) for some in at])]).astype(np.int64)
        return W, (starts, np.concatenate(at).astype(np.int64))

    class Of:
        mode = "classification"

        def __init__(self, line: Any) -> None:
            self.line = line

        def available_labels(self) -> list[int]:
            return [1]

        def as_list(self, *_: Any, **__: Any) -> list[tuple[int, float]]:
            return [(int(j), self.line[j]) for j in np.flatnonzero(self.line)]

    class Given:
        def explain_instance(self, line: Any, *_: Any, **__: Any) -> Of:
            return Of(line)

    W, sparse = explanations(n)
    many, many_sparse = explanations(size(10_000, 60))

    def ours(W: Any, sparse: Any) -> list[int]:
        magnitudes = np.abs(W)
        importance = np.sqrt(magnitudes.sum(axis=0))
        return [choice.row for choice in greedy(*sparse, magnitudes.sum(axis=1), importance, budget)]

    def lime() -> list[int]:
        found = SubmodularPick(Given(), W, None, method="full", num_exps_desired=budget)
        return [int(i) for i in found.V]

    if ours(W, sparse) != lime():
        raise RuntimeError("the picks differ")
    return Contest(
        f"submodular pick, {n:,} × {d:,}, budget {budget}",
        {
            "ours": lambda: ours(W, sparse),
            "lime": lime,
            f"ours on {len(many):,} rows": lambda: ours(many, many_sparse),
        },
        note="the same picks; lime's time grows with the square of the rows",
    )


@row("dataset-memory")
def memory(size: Size) -> Figure:
    """What ten times the rows need more: nothing may be kept of each."""
    few, many = size(100_000, 5000), size(1_000_000, 50_000)
    found = [_peak(n) for n in (few, many)]
    ratio = found[1]["peak"] / found[0]["peak"]
    times = found[1]["seconds"] / found[0]["seconds"]
    return Figure(
        f"global sensitivity, {many:,} against {few:,} rows",
        value=ratio,
        shown=f"{ratio:.2f}× the peak",
        limit=1.1,
        goal="≤ 1.1× the peak",
        note=f"high-water mark of a fresh process, of which {found[0]['extra'] / 1e6:.0f} and "
        f"{found[1]['extra'] / 1e6:.0f} MB are the run's (the rows would be {4e-6 * many * COLUMNS:.0f} MB); "
        f"{times:.1f}× the CPU time for 10× the rows",
    )


def _peak(rows: int) -> dict[str, float]:
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("_peak_rows.py")), str(rows)],
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"the measuring process failed:\n{done.stderr[-4000:]}")
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


@row("dataset-dask", goal=AtMost("ours", "one worker", 1 / 1.8))
def dask(size: Size) -> Contest:
    """A model that computes: needs a processor for each worker and one for what hands out the rows."""
    from sklearn.datasets import load_breast_cancer
    from sklearn.neural_network import MLPClassifier

    X, y = load_breast_cancer(return_X_y=True)
    model = MLPClassifier((64,), random_state=SEED, max_iter=100).fit(X, y)
    return _two_workers(model, X[: size(160, 8)], size(5000, 100), "a model that computes")


class Waiting:
    """Answers after a while without computing, as a service or an accelerator does."""

    def predict_proba(self, rows: Any) -> Any:
        time.sleep(20e-6 * len(rows))
        high = 1 / (1 + np.exp(-np.asarray(rows)[:, 0]))
        return np.stack([1 - high, high], axis=1)


@row("dataset-dask-waiting", goal=AtMost("ours", "one worker", 1 / 1.8))
def dask_waiting(size: Size) -> Contest:
    """A model that does not compute here: what handing out the rows itself costs, on any number of processors."""
    X = np.random.default_rng(SEED).normal(size=(size(96, 8), COLUMNS))
    return _two_workers(Waiting(), X, size(5000, 100), "a model that waits")


def _two_workers(model: Any, rows: Any, n_samples: int, what: str) -> Contest:
    """Two workers against one, both warm; wall time, whatever the clock of the other rows."""
    import distributed

    kernel = xai.NormLime(
        xai.Lime(model, xai.Tabular(rows), n_samples=n_samples, tolerance=0, random_state=SEED)
    )
    runs = {}
    for name, workers in (("ours", 2), ("one worker", 1)):
        cluster = distributed.LocalCluster(n_workers=workers, threads_per_worker=1, dashboard_address=None)
        executor = distributed.Client(cluster).get_executor()
        runs[name] = lambda executor=executor: kernel.explain(rows, executor=executor)
    return Contest(
        f"NormLIME, {len(rows)} rows, two Dask workers, {what}", runs, note="says nothing under --cpu"
    )
