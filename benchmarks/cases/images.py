"""Images: LIME on superpixels of a photograph through a small torch network."""

from __future__ import annotations

from typing import Any

import numpy as np
from harness import AtMost, Contest, Size, row

import jupyter_xai as xai
from cases._work import SEED, batches_of, photograph, runs, small_cnn


@row("image", goal=AtMost("ours", "bare", 1.15))
def image(size: Size) -> Contest:
    """The masks must cost next to nothing beside the network."""
    import torch
    from lime.lime_image import LimeImageExplainer

    n, side = size(1000, 40), size(224, 64)
    net = small_cnn()
    picture = photograph(side)
    x = torch.from_numpy(picture).permute(2, 0, 1).contiguous()
    kernel = xai.Lime(net, xai.Image(n_segments=50), n_samples=n, tolerance=0, random_state=SEED)
    peer = LimeImageExplainer(random_state=SEED)
    batches = batches_of(kernel, x)
    batch_size = max(map(len, batches))
    labels = np.asarray(kernel.explain(x).features.labels)

    def bare(batch: Any) -> None:
        with torch.inference_mode():
            net(batch)

    def classify(images: Any) -> Any:
        with torch.inference_mode():
            return net(torch.from_numpy(np.ascontiguousarray(images.transpose(0, 3, 1, 2)))).numpy()

    def lime() -> None:
        peer.explain_instance(
            picture, classify, num_samples=n, batch_size=batch_size, segmentation_fn=lambda _: labels
        )

    segments = int(labels.max()) + 1
    note = f"lime gets our superpixels ready-made and batches of {batch_size}; both explain 5 of 10 outputs."
    contestants = runs(kernel, x, bare, lime, batches)
    return Contest(f"image {side}×{side}, n={n:,}, small CNN, {segments} superpixels", contestants, note)
