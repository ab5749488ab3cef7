"""Balanced draws of many numbers at once: randomised Sobol sequences that take turns."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import qmc

from jupyter_xai.maskers._random import block_rows, generator

REPLICATES = 10
"""Sequences that take turns: 500 points each at 5000 draws, next to a power of two, where they are most balanced."""

_DIMENSIONS = 512
"""Balanced dimensions; in so many more no number of draws would show a balance, and scrambling them takes long."""
_BITS = 30


class SobolReplicates:
    """Points of the unit cube: draw i is the next point of replicate ``i mod 10``.

    The replicates are one Sobol sequence under a random linear scramble, each under a digital shift of its own: each is
    balanced in itself at any number of draws, every point is uniform, and given the scramble the replicates are
    independent of each other and without bias. Dimensions after the first 512 are plain random numbers.

    Parameters
    ----------
    random_state : int
    stage : str
        Name of the random stage.
    n_dimensions : int

    Attributes
    ----------
    rows : int
        Points that are made at once.

    Notes
    -----
    Owen, "Monte Carlo variance of scrambled net quadrature" (1997); direction numbers of Joe & Kuo (2008); intervals
    from replicates: L'Ecuyer & Lemieux, "Recent advances in randomized quasi-Monte Carlo methods" (2002).

    Examples
    --------
    >>> points = SobolReplicates(0, "numbers", 2).block(0)
    >>> quarters = np.floor(4 * points[:, :160:10])  # the first 16 points of one replicate
    >>> np.unique(quarters[0], return_counts=True)[1].tolist()
    [4, 4, 4, 4]
    """

    def __init__(self, random_state: int, stage: str, n_dimensions: int) -> None:
        most = block_rows(n_dimensions) // REPLICATES
        self._each = 1 << max(most.bit_length() - 1, 0)
        self.rows = REPLICATES * self._each
        self._n = n_dimensions
        self._seed = (random_state, stage)
        self._engine: qmc.Sobol | None = None
        self._shifts = np.empty((0, REPLICATES), dtype=np.uint32)
        self._at = 0

    def _next(self, k: int) -> NDArray[np.uint32]:
        """The one sequence's own points of block k as whole numbers; it is made when it is needed."""
        if self._engine is None:
            rng = generator(*self._seed, 0)
            width = min(self._n, _DIMENSIONS)
            self._engine = qmc.Sobol(width, bits=_BITS, rng=rng)
            self._shifts = rng.integers(1 << _BITS, size=(width, REPLICATES), dtype=np.uint32)
        if k < self._at:
            self._engine.reset()
            self._at = 0
        if k > self._at:
            self._engine.fast_forward((k - self._at) * self._each)
        self._at = k + 1
        found: NDArray[np.uint32] = (self._engine.random(self._each).T * 2.0**_BITS).astype(np.uint32)
        return found

    def block(self, k: int) -> NDArray[np.float64]:
        """Points ``k * rows`` to ``(k + 1) * rows`` of the sequence, shape (n_dimensions, rows), in 0-1."""
        own = self._next(k)
        shifted = (own[:, :, None] ^ self._shifts[:, None, :]).reshape(len(own), -1)
        points: NDArray[np.float64] = shifted.astype(np.float64) * 2.0**-_BITS + 2.0 ** -(
            _BITS + 1
        )  # in the middle, so that none is 0
        if self._n > _DIMENSIONS:
            seed, stage = self._seed
            more = generator(seed, f"{stage}, further", k).random((self._n - _DIMENSIONS, self.rows))
            points = np.concatenate([points, more])
        return points
