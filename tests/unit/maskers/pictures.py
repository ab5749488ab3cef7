"""Pictures that the tests of the image masker share."""

from __future__ import annotations

import numpy as np

RNG = np.random.default_rng(0)
BYTES = RNG.integers(0, 256, (24, 30, 3), dtype=np.uint8)
UNIT = RNG.random((24, 30, 3)).astype(np.float32)
