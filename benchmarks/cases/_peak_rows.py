"""Peak memory of global sensitivity over a generator of batches, in a process of its own: prints one line of JSON.

Usage: python _peak_rows.py ROWS
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))


def main(rows: int) -> dict[str, float]:
    import numpy as np

    import jupyter_xai as xai
    from cases._peak import forget_peak, peak
    from cases.dataset import BATCH, COLUMNS, perceptron

    def batches(n: int) -> object:
        rng = np.random.default_rng(0)
        return (
            rng.normal(size=(min(BATCH, n - at), COLUMNS)).astype(np.float32) for at in range(0, n, BATCH)
        )

    kernel = xai.GlobalSensitivity(perceptron())
    kernel.explain(batches(3 * BATCH))
    forget_peak()
    rest = peak()
    started = time.process_time()
    kernel.explain(batches(rows))
    return {"peak": peak(), "extra": peak() - rest, "seconds": time.process_time() - started}


if __name__ == "__main__":
    print(json.dumps(main(int(sys.argv[1]))))
