"""Tables: LIME on the 30 columns of the breast cancer data."""

from __future__ import annotations

from typing import Any

import numpy as np
from harness import AtMost, Contest, Size, row

import jupyter_xai as xai
from cases._work import SEED, batches_of, runs


@row("forest", goal=AtMost("ours", "bare", 1.3))
def forest(size: Size) -> Contest:
    """A model that takes 4 µs a row: drawing a row must take no more than one."""
    from sklearn.ensemble import RandomForestClassifier

    return _table(size, RandomForestClassifier(random_state=SEED), "random forest")


@row("mlp", goal=AtMost("ours", "lime", 1 / 8))
def mlp(size: Size) -> Contest:
    """A model that costs next to nothing: what is timed is the explainer."""
    from sklearn.neural_network import MLPClassifier

    return _table(size, MLPClassifier((32,), random_state=SEED, max_iter=500), "small MLP")


def _table(size: Size, model: Any, name: str) -> Contest:
    from lime.lime_tabular import LimeTabularExplainer
    from sklearn.datasets import load_breast_cancer
    from sklearn.preprocessing import StandardScaler

    n = size(5000, 100)
    raw, y = load_breast_cancer(return_X_y=True)
    X = StandardScaler().fit_transform(raw)
    model.fit(X, y)
    kernel = xai.Lime(model, xai.Tabular(X), n_samples=n, tolerance=0, random_state=SEED)
    peer = LimeTabularExplainer(X, random_state=SEED)

    def lime() -> None:
        peer.explain_instance(X[0], model.predict_proba, num_samples=n)

    batches = batches_of(kernel, X[0])
    contestants = runs(kernel, X[0], model.predict_proba, lime, batches)
    rows = np.concatenate(batches)
    contestants["bare in one call, as lime makes it"] = lambda: model.predict_proba(rows)
    return Contest(f"table, 30 columns, n={n:,}, {name}", contestants)


@row("sparse", goal=AtMost("ours", "lime", 1 / 4))
def sparse(size: Size) -> Contest:
    """Counts of 20,000 words, of which a row stores a hundred: nothing may be made dense."""
    from lime.lime_tabular import LimeTabularExplainer
    from scipy.sparse import csr_matrix
    from sklearn.linear_model import LogisticRegression

    n, rng = size(5000, 100), np.random.default_rng(SEED)
    columns = (20_000 * rng.random((1000, 100)) ** 3).astype(int)  # few words are frequent, as in texts
    ends = np.arange(0, columns.size + 1, 100)
    X = csr_matrix((np.ones(columns.size), columns.ravel(), ends), shape=(1000, 20_000))
    X.sum_duplicates()
    model = LogisticRegression(max_iter=200).fit(X, np.asarray(X[:, :50].sum(axis=1)).ravel() > 13)
    kernel = xai.Lime(model, xai.Tabular(X), n_samples=n, tolerance=0, random_state=SEED)
    peer = LimeTabularExplainer(X, random_state=SEED)

    def lime() -> None:
        peer.explain_instance(X[0], model.predict_proba, num_samples=n)

    contestants = runs(kernel, X[0], model.predict_proba, lime, batches_of(kernel, X[0]))
    return Contest(f"sparse table, 20,000 columns, n={n:,}, logistic regression", contestants)
