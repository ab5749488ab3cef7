"""Balanced draws of many numbers at once: independently scrambled Sobol sequences that take turns."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import qmc

from jupyter_xai.maskers._random import block_rows, generator

REPLICATES = 10
"""Sequences that take turns: 500 points each at 5000 draws, next to a power of two, where they are most balanced."""

_DIMENSIONS = 512
"""Balanced dimensions; in so many more no number of draws would show a balance, and scrambling them takes seconds."""
_HALF = 2.0**-31
"""Half the distance of two points' coordinates, so that none is 0."""


class SobolReplicates:
    """Points of the unit cube: draw i is the next point of replicate ``i mod 10``.

    Each replicate is a Sobol sequence under a scramble of its own, so that the replicates' means are independent and
    each is balanced in itself, at any number of draws. Every point is uniform. Dimensions after the first 512 are
    plain random numbers.

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
        self._engines: list[qmc.Sobol] = []
        self._at = 0

    def _forward(self, k: int) -> None:
        """Let the next points be those of block k. Engines are made when they are needed, which takes a while."""
        if not self._engines:
            width = min(self._n, _DIMENSIONS)
            rngs = [generator(*self._seed, replicate) for replicate in range(REPLICATES)]
            self._engines = [qmc.Sobol(width, rng=rng) for rng in rngs]
        if k < self._at:
            for engine in self._engines:
                engine.reset()
            self._at = 0
        if k > self._at:
            for engine in self._engines:
                engine.fast_forward((k - self._at) * self._each)
        self._at = k + 1

    def block(self, k: int) -> NDArray[np.float64]:
        """Points ``k * rows`` to ``(k + 1) * rows`` of the sequence, shape (n_dimensions, rows), in 0-1."""
        self._forward(k)
        points = np.empty((self._n, self.rows))
        balanced = points[:_DIMENSIONS]
        for replicate, engine in enumerate(self._engines):
            balanced[:, replicate::REPLICATES] = engine.random(self._each).T
        balanced += _HALF
        if self._n > _DIMENSIONS:
            seed, stage = self._seed
            points[_DIMENSIONS:] = generator(seed, f"{stage}, further", k).random(points[_DIMENSIONS:].shape)
        return points
