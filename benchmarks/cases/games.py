"""The rest of the Shapley family beside shap, and occlusion beside captum, on the models they are used for."""

from __future__ import annotations

from typing import Any

import numpy as np
from harness import AtMost, Contest, Size, row

import jupyter_xai as xai
from cases._work import SEED, batches_of, exhaust, photograph, small_cnn


@row("permutation-shap", goal=AtMost("ours", "shap", 1.0))
def permutation_shap(size: Size) -> Contest:
    """60 columns, 50 background rows, ten walks with their reverse, a small MLP."""
    import shap
    from sklearn.datasets import load_breast_cancer
    from sklearn.neural_network import MLPClassifier
    from sklearn.preprocessing import StandardScaler

    raw, y = load_breast_cancer(return_X_y=True)
    X = StandardScaler().fit_transform(raw)
    X = np.hstack([X, X[:, ::-1] + np.random.default_rng(SEED).normal(size=X.shape)])
    model = MLPClassifier((32,), random_state=SEED, max_iter=500).fit(X, y)
    passes = size(10, 1)
    n = 2 * passes * (X.shape[1] - 1)
    kernel = xai.PermutationShap(model, xai.Tabular(X[:50]), n_samples=n, tolerance=0, random_state=SEED)
    ready = batches_of(kernel, X[200])

    def peer() -> None:
        masker = shap.maskers.Independent(X[:50])
        explainer = shap.PermutationExplainer(model.predict_proba, masker, seed=SEED)
        explainer(X[200:201], max_evals=passes * (2 * X.shape[1] + 1), silent=True)

    contestants = {
        "ours": lambda: kernel.explain(X[200]),
        "bare": lambda: answer(ready, model.predict_proba),
        "streamed": lambda: exhaust(kernel.stream(X[200])),
        "shap": peer,
    }
    return Contest(f"Permutation SHAP, 60 columns, 50 background rows, n={n:,}, small MLP", contestants)


@row("partition-shap", goal=AtMost("ours", "shap", 1.0))
def partition_shap(size: Size) -> Contest:
    """A photograph of 224 x 224 pixels in 50 pieces, 500 coalitions; shap cuts it into rectangles down to pixels."""
    import shap
    import torch

    side, n = size(224, 64), size(500, 40)
    image, net = photograph(side), small_cnn()
    kernel = xai.PartitionShap(net, xai.Image(fill=0.0), n_samples=n, random_state=SEED, batch_size=32)
    ready = batches_of(kernel, image)

    def bare(batch: Any) -> Any:
        with torch.no_grad():
            return net(batch)

    def peer() -> None:
        def model(batch: Any) -> Any:
            return bare(
                torch.as_tensor(np.ascontiguousarray(np.moveaxis(batch, 3, 1)), dtype=torch.float32)
            ).numpy()

        explainer = shap.PartitionExplainer(
            model, shap.maskers.Image(np.zeros(image.shape, np.float32), image.shape)
        )
        explainer(
            image[None],
            max_evals=n + 2,
            batch_size=32,
            outputs=shap.Explanation.argsort.flip[:5],
            silent=True,
        )

    contestants = {
        "ours": lambda: kernel.explain(image),
        "bare": lambda: answer(ready, bare),
        "streamed": lambda: exhaust(kernel.stream(image)),
        "shap": peer,
    }
    return Contest(f"Partition SHAP, {side} px, n={n:,}, small CNN", contestants)


@row("occlusion", goal=AtMost("ours", "captum", 1.0))
def occlusion(size: Size) -> Contest:
    """Windows of 32 pixels, 16 apart, on a photograph of 224 x 224 pixels; captum makes 32 at a time, one target."""
    import captum.attr
    import torch

    side = size(224, 64)
    image, net = photograph(side), small_cnn()
    kernel = xai.Occlusion(net, xai.Image(fill=0.0), window=32, stride=16, batch_size=32)
    ready = batches_of(kernel, image)
    batch = torch.as_tensor(np.ascontiguousarray(np.moveaxis(image, 2, 0)))[None]

    def bare(rows: Any) -> Any:
        with torch.no_grad():
            return net(rows)

    def peer() -> None:
        with torch.no_grad():
            captum.attr.Occlusion(net).attribute(
                batch,
                sliding_window_shapes=(3, 32, 32),
                strides=(3, 16, 16),
                target=0,
                perturbations_per_eval=32,
            )

    contestants = {
        "ours": lambda: kernel.explain(image),
        "bare": lambda: answer(ready, bare),
        "captum": peer,
    }
    return Contest(f"Occlusion, {side} px, windows of 32, stride 16, small CNN", contestants)


def answer(batches: list[Any], bare: Any) -> None:
    """Call the model on ready-made batches."""
    for batch in batches:
        bare(batch)
