"""Curves: deletion and insertion of a photograph in the order of an explanation and in twenty random ones."""

from __future__ import annotations

import copy
from typing import Any

from harness import AtMost, Contest, Size, row

import jupyter_xai as xai
from cases._work import SEED, photograph, small_cnn
from jupyter_xai.models import wrap
from jupyter_xai.responses import removal_curves


@row("removal-curves", goal=AtMost("ours", "bare", 1.1))
def removal(size: Size) -> Contest:
    """What comes beside the network is the masks, each once, and means and quantiles of a few numbers."""
    import torch

    side, n_orders = size(224, 64), size(20, 4)
    net = small_cnn()
    x = torch.from_numpy(photograph(side)).permute(2, 0, 1).contiguous()
    predictor, masker = wrap(net, kind="image"), xai.Image(n_segments=50)
    found = xai.Lime(predictor, masker, n_samples=200, tolerance=0, random_state=SEED).explain(x, targets=0)
    bound = masker.bind(x, predictor)
    batches: list[Any] = []
    rows = 0

    class Recording:
        """Keeps what the network is asked."""

        def __getattr__(self, name: str) -> Any:
            return getattr(predictor, name)

        def predict(self, batch: Any) -> Any:
            batches.append(copy.deepcopy(batch))  # the buffer is used again
            return predictor.predict(batch)

    def ours(asked: Any = predictor) -> None:
        how = {"n_orders": n_orders, "most_rows": 10**6, "live": False}
        for _ in removal_curves(found, bound, asked, random_state=SEED, **how):
            pass

    ours(Recording())
    rows = sum(map(len, batches))

    def bare() -> None:
        with torch.inference_mode():
            for batch in batches:
                net(batch)

    work = f"deletion and insertion, image {side}×{side}, {bound.n_features} pieces, {n_orders} random orders"
    note = f"{rows:,} rows in {len(batches)} calls, no mask twice; one output's order, mean and band of random ones."
    return Contest(work, {"ours": ours, "bare": bare}, note)
