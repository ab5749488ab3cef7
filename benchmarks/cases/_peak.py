"""Peak memory of one streamed explanation, in a process of its own: prints one line of JSON.

Usage: python _peak.py N_SAMPLES SIDE

The floor is the peak while the bare model answers one ready batch over and over. What a run adds to it, and
that batch, is what the explanation holds at once.
"""

from __future__ import annotations

import ctypes
import gc
import json
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))


def main(n_samples: int, side: int) -> dict[str, float]:
    import torch

    import jupyter_xai as xai
    from cases._work import SEED, batches_of, photograph, small_cnn

    net = small_cnn(width=8)
    masker = xai.Image(n_segments=50)
    small = torch.from_numpy(photograph(32)).permute(2, 0, 1)
    xai.Lime(net, masker, n_samples=64, random_state=SEED).explain(small)  # loads what is loaded on first use
    x = torch.from_numpy(photograph(side)).permute(2, 0, 1).contiguous()
    kernel = xai.Lime(net, masker, n_samples=n_samples, tolerance=0, random_state=SEED)
    short = xai.Lime(net, masker, n_samples=min(n_samples, 500), tolerance=0, random_state=SEED)
    rows = max(map(len, batches_of(short, x, stream=True)))
    batch = x.repeat(rows, 1, 1, 1)
    batch_bytes = batch.numel() * batch.element_size()

    exact = forget_peak()
    with torch.inference_mode():
        for _ in range(5):
            net(batch)
    floor = peak()
    del batch
    forget_peak()
    started = time.perf_counter()
    estimates = 0
    for _ in kernel.stream(x):
        estimates += 1
    seconds = time.perf_counter() - started
    extra = peak() - floor + batch_bytes
    return {
        "extra": extra,
        "batch": batch_bytes,
        "rows_a_batch": rows,
        "estimates": estimates,
        "seconds": seconds,
        "exact": exact,
    }


def forget_peak() -> bool:
    """Give back what is free, and start a new high-water mark where the system can (Linux).

    Else the mark is that since the start, and what was needed before hides some of what a run needs.
    """
    gc.collect()
    try:
        ctypes.CDLL(None).malloc_trim(0)
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    except (AttributeError, OSError, TypeError):
        return False
    return True


def peak() -> int:
    """High-water mark of resident memory, in bytes."""
    try:
        for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
            if line.startswith("VmHWM:"):
                return 1024 * int(line.split()[1])
    except OSError:
        pass
    import resource

    unit = 1 if sys.platform == "darwin" else 1024
    return unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


if __name__ == "__main__":
    print(json.dumps(main(int(sys.argv[1]), int(sys.argv[2]))))
