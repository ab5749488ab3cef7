"""Memory: what a run over 100,000 masked images holds at once."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from harness import Figure, Size, row

LIMIT = 3.0


@row("memory")
def memory(size: Size) -> Figure:
    """Nothing of size n × image may exist; nor do masks and outputs pile up."""
    n, side = size(100_000, 300), size(224, 64)
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("_peak.py")), str(n), str(side)],
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"the measuring process failed:\n{done.stderr[-4000:]}")
    found = json.loads(done.stdout.splitlines()[-1])
    batches = found["extra"] / found["batch"]
    note = (
        "high-water mark of a fresh process above the bare model's on one ready batch, plus that batch; "
        f"a batch is {found['rows_a_batch']} images, {found['batch'] / 1e6:.1f} MB; "
        f"{found['estimates']} estimates in {found['seconds']:.0f} s. lime holds all masks and outputs."
    )
    if not found["exact"]:
        note += " This system cannot reset the mark, so what loading needed hides some of it."
    return Figure(
        f"peak extra memory, n={n:,} images {side}×{side}",
        value=batches,
        shown=f"{batches:.2f} batches",
        limit=LIMIT,
        goal=f"≤ {LIMIT:g} batches",
        note=note,
    )
