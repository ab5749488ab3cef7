"""What every test needs before anything heavy is imported."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

# pictures without a screen, and one thread a library: more of them are slower on two shared cores.
# Set here, before numpy and torch are imported; processes that tests start inherit them.
os.environ.setdefault("MPLBACKEND", "Agg")
for _library in ("OMP", "MKL", "OPENBLAS"):
    os.environ.setdefault(f"{_library}_NUM_THREADS", "1")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Browser tests go last: they are slow, and Playwright leaves an event loop running around the others."""
    items.sort(key=lambda item: "browser" in item.path.parent.parts)
