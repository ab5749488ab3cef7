"""Peak memory of DeepSHAP over a long background, in a process of its own: prints one line of JSON.

Usage: python _peak_deepshap.py ROWS SIDE

The floor is the resident memory with network and background loaded; the unit is what one bare forward and backward
pass over a batch of inputs and baselines adds to it.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))


def main(rows: int, side: int) -> dict[str, float]:
    import torch

    import jupyter_xai as xai
    from cases._peak import forget_peak, peak
    from cases.deeplift import convolutional

    size = 64
    net = convolutional()
    background = torch.randn(rows, 3, side, side)
    x = torch.randn(3, side, side)
    # loads what is loaded on first use
    xai.DeepShap(net, background=background[:4], batch_size=2).explain(x, targets=0)
    frozen = convolutional().requires_grad_(requires_grad=False)
    forget_peak()
    before = peak()
    points = torch.cat([x.expand(size, *x.shape), background[:size]]).requires_grad_()
    torch.autograd.grad(frozen(points)[:, 0].sum(), points)
    batch = peak() - before
    del points
    forget_peak()
    before = peak()
    started = time.perf_counter()
    xai.DeepShap(net, background=background, batch_size=size).explain(x, targets=0)
    return {
        "extra": peak() - before,
        "batch": batch,
        "rows": size,
        "seconds": time.perf_counter() - started,
    }


if __name__ == "__main__":
    print(json.dumps(main(int(sys.argv[1]), int(sys.argv[2]))))
