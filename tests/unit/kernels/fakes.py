"""A predictor that counts, and a neighbourhood over all subsets: what the numerics are tested with."""

from __future__ import annotations

from contextlib import nullcontext

import numpy as np

from jupyter_xai.explanation import Tokens
from jupyter_xai.maskers._designs import COINS
from jupyter_xai.maskers.neighbourhoods import MaskNeighbourhood


class FakePredictor:
    """Calls ``function`` on a batch; remembers the size of every call."""

    backend = "numpy"
    device = dtype = None
    output_space = "raw"
    thread_safe = True
    model_name = "fake"

    def __init__(self, function, output_names=("out",), stamp=None):
        self.function = function
        self.output_names = tuple(output_names)
        self.sizes = []
        self.key = ("fake", id(self))
        self.mark = stamp

    def predict(self, batch):
        self.sizes.append(len(batch))
        scores = np.asarray(self.function(batch), dtype=np.float64)
        return scores[:, None] if scores.ndim == 1 else scores

    def stamp(self):
        return self.mark

    def run(self):
        return nullcontext()


class BoundMasks:
    """Batches are the masks themselves."""

    draws = 1
    notices = ()

    def __init__(self, n_features):
        self.n_features = n_features
        text = " ".join("abcdefghijklmnopqrstuvwxyz"[i % 26] for i in range(n_features))
        self.layout = Tokens(text=text, offsets=tuple((2 * i, 2 * i + 1) for i in range(n_features)))
        self.key = ("masks", n_features)

    def instance(self):
        return np.ones((1, self.n_features), dtype=bool)

    def build(self, masks, draws=slice(None)):
        return np.array(masks)

    def reduce(self, outputs):
        return outputs


class MaskMasker:
    """The instance is the number of features."""

    kind = "text"
    params = ()

    def __init__(self, measure=COINS, n_samples=1000):
        self.measure = measure
        self.n_samples = n_samples

    def bind(self, x, predictor=None):
        return BoundMasks(int(x))

    def neighbourhood(self, x, predictor, *, random_state=0, sampler="balanced"):
        return MaskNeighbourhood(
            self.bind(x),
            self.measure,
            stage="fake",
            n_samples=self.n_samples,
            random_state=random_state,
            sampler=sampler,
        )


def every_mask(n):
    """All 2^n masks."""
    return ((np.arange(2**n)[:, None] >> np.arange(n)) & 1).astype(bool)
