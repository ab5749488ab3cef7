"""What every test needs before anything heavy is imported."""

from __future__ import annotations

import os

# pictures without a screen, and one thread a library: more of them are slower on two shared cores.
# Set here, before numpy and torch are imported; processes that tests start inherit them.
os.environ.setdefault("MPLBACKEND", "Agg")
for _library in ("OMP", "MKL", "OPENBLAS"):
    os.environ.setdefault(f"{_library}_NUM_THREADS", "1")
