"""How much of a live run is solving: tests of whether it has settled, estimates, and their frames."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
from harness import Figure, Size, row

import jupyter_xai as xai
from cases._work import SEED, long_review, photograph, reviews, small_cnn
from jupyter_xai.models.wrap import wrap
from jupyter_xai.wire import encode_frame

SHARE, SECONDS = 0.15, 0.3
"""Solving may take so much of the model's time, or so long, whichever is more."""


class _Timed:
    """An object some of whose methods are timed."""

    def __init__(self, inner: Any, names: tuple[str, ...], clock: Callable[[], float]) -> None:
        self._inner, self._names, self._clock = inner, names, clock
        self.seconds = 0.0

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        return self._around(found) if name in self._names else found

    def _around(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*args: Any, **kwargs: Any) -> Any:
            began = self._clock()
            try:
                return function(*args, **kwargs)
            finally:
                self.seconds += self._clock() - began

        return timed


def _figure(size: Size, name: str, kernel: Any, x: Any) -> Figure:
    """Run a kernel as a view does, from its first estimate to the last, and read the clock around all it solves."""
    model = _Timed(wrap(kernel.model, kind=kernel.masker.kind), ("predict",), size.clock)
    live = copy.copy(kernel)
    live.model = model
    solvers: list[_Timed] = []
    begin = live._begin

    def began(*args: Any, **kwargs: Any) -> Any:
        evaluation, estimator, *rest = begin(*args, **kwargs)
        solvers.append(_Timed(estimator, ("add", "opening", "settled", "estimate"), size.clock))
        return evaluation, solvers[-1], *rest

    live._begin = began
    frames = encoding = 0.0
    for seq, estimate in enumerate(live.stream(x)):
        started = size.clock()
        encode_frame(estimate, run=1, seq=seq)
        encoding += size.clock() - started
        frames += 1
    solving = encoding + sum(solver.seconds for solver in solvers)
    allowed = max(SHARE * model.seconds, SECONDS)
    note = (
        f"{estimate.n_evals:,} asked, {frames:.0f} frames; the model {model.seconds:.2f} s, solving {solving:.3f} s "
        f"of {allowed:.2f} s."
    )
    goal = f"≤ {100 * SHARE:.0f} % of the model's time, or {SECONDS} s"
    return Figure(f"solving, {name}", solving / allowed, f"{1000 * solving:.0f} ms", 1.0, goal, note)


def _table(size: Size) -> tuple[Any, Any, Any]:
    from sklearn.datasets import load_breast_cancer
    from sklearn.ensemble import RandomForestClassifier

    X, y = load_breast_cancer(return_X_y=True)
    model = RandomForestClassifier(size(100, 5), random_state=SEED).fit(X, y)
    return model, X, X[200]


def _text(size: Size) -> tuple[Any, Any, Any]:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    frame = reviews()
    short = frame[frame.source == "rotten_tomatoes"]
    model = make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(short.text, short.label)
    return model, xai.Text(), long_review(frame, size(50, 10))


def _image(size: Size) -> tuple[Any, Any, Any]:
    return small_cnn(), xai.Image(fill=0.0), np.moveaxis(photograph(size(224, 64)), 2, 0).copy()


@row("solving-shap-table")
def shap_table(size: Size) -> Figure:
    """30 columns, 100 background rows, as long as it takes to settle or "auto" allows."""
    model, X, x = _table(size)
    given = {"n_samples": 40} if size.smoke else {}
    kernel = xai.KernelShap(model, xai.Tabular(X[:100]), random_state=SEED, **given)
    return _figure(size, "KernelSHAP, 30 columns, random forest", kernel, x)


@row("solving-shap-text")
def shap_text(size: Size) -> Figure:
    """50 words, as long as it takes to settle or "auto" allows."""
    model, masker, x = _text(size)
    given = {"n_samples": 40} if size.smoke else {}
    kernel = xai.KernelShap(model, masker, random_state=SEED, **given)
    return _figure(size, "KernelSHAP, 50 words, TF-IDF", kernel, x)


@row("solving-shap-image")
def shap_image(size: Size) -> Figure:
    """Superpixels of a photograph, five of ten outputs; it stops by itself."""
    model, masker, x = _image(size)
    given = {"n_samples": 40} if size.smoke else {}
    return _figure(
        size,
        "KernelSHAP, photograph, small CNN",
        xai.KernelShap(model, masker, random_state=SEED, **given),
        x,
    )


@row("solving-lime-table")
def lime_table(size: Size) -> Figure:
    """30 columns, at most 5,000 draws."""
    model, X, x = _table(size)
    n = size(5000, 100)
    kernel = xai.Lime(model, xai.Tabular(X), n_samples=n, random_state=SEED)
    return _figure(size, "LIME, 30 columns, random forest", kernel, x)


@row("solving-lime-text")
def lime_text(size: Size) -> Figure:
    """50 words, at most 5,000 draws."""
    model, masker, x = _text(size)
    n = size(5000, 100)
    kernel = xai.Lime(model, masker, n_samples=n, random_state=SEED)
    return _figure(size, "LIME, 50 words, TF-IDF", kernel, x)


@row("solving-lime-image")
def lime_image(size: Size) -> Figure:
    """Superpixels of a photograph, at most 1,000 draws, five of ten outputs."""
    model, masker, x = _image(size)
    n = size(1000, 40)
    kernel = xai.Lime(model, masker, n_samples=n, random_state=SEED)
    return _figure(size, "LIME, photograph, small CNN", kernel, x)
