"""Neighbourhoods that are made from a bound masker: a mask design, a distance and the masker's batches."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from jupyter_xai.errors import CannotExplainError
from jupyter_xai.explanation import Layout
from jupyter_xai.maskers._random import Prefix, as_slice, block_rows, check_seed, generator
from jupyter_xai.protocols import Batch, BoundMasker, Draws, Masker, Neighbourhood, Predictor, Sampler

COSINE_WIDTH = 0.25
"""LIME's kernel width for masks, on the cosine distance (lime's text explainer writes both times 100)."""


class Design(Protocol):
    """Which features each draw keeps."""

    def __call__(self, rng: np.random.Generator, rows: int, n_features: int) -> NDArray[np.bool_]:
        """Masks of shape (rows, n_features); True keeps."""
        ...


def uniform_size(rng: np.random.Generator, rows: int, n_features: int) -> NDArray[np.bool_]:
    """LIME's text design: the number of removed features is uniform on 1..d, which ones is uniform.

    Source: Ribeiro, Singh & Guestrin (2016) and lime 0.2's ``lime_text``.

    Examples
    --------
    >>> masks = uniform_size(np.random.default_rng(0), 1000, 4)
    >>> sorted(set((~masks).sum(axis=1).tolist()))
    [1, 2, 3, 4]
    """
    sizes = rng.integers(1, n_features + 1, rows)
    keys = rng.integers(2**32, size=(rows, n_features), dtype=np.uint32)  # two alike: once in 10^7 rows
    last = np.sort(keys, axis=1)[np.arange(rows), sizes - 1]
    return np.asarray(keys > last[:, None])


def coin(rng: np.random.Generator, rows: int, n_features: int) -> NDArray[np.bool_]:
    """LIME's image design: each feature is kept with probability 1/2, independently.

    Source: lime 0.2's ``lime_image``.

    Examples
    --------
    >>> masks = coin(np.random.default_rng(0), 2000, 3)
    >>> bool(abs(masks.mean() - 0.5) < 0.02)
    True
    """
    bits = rng.integers(0, 256, (rows, -(-n_features // 8)), dtype=np.uint8)
    return np.unpackbits(bits, axis=1, count=n_features).view(np.bool_)


def cosine_distance(masks: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Cosine distance of each mask to the full one, ``1 - sqrt(k / d)`` with k features kept.

    Examples
    --------
    >>> cosine_distance(np.array([[True] * 4, [True, False, False, False], [False] * 4]))
    array([0. , 0.5, 1. ])
    """
    kept = np.count_nonzero(masks, axis=1)
    return np.asarray(1.0 - np.sqrt(kept / masks.shape[1]))


class MaskNeighbourhood:
    """Draws 0/1 rows around the full one and lets a bound masker turn them into model batches.

    Parameters
    ----------
    bound : BoundMasker
        With one model row a mask.
    design : Design
        Which features each draw keeps.
    stage : str
        Name of the random stage.
    n_samples : int
        Default number of draws.
    random_state : int or None
    """

    def __init__(
        self, bound: BoundMasker, design: Design, *, stage: str, n_samples: int, random_state: int | None
    ) -> None:
        seed = check_seed(random_state)
        size = block_rows(bound.n_features)
        n_features = bound.n_features
        self._bound = bound

        def block(k: int) -> tuple[NDArray[np.bool_]]:
            masks = design(generator(seed, stage, k), size, n_features)
            masks[: k == 0] = True  # draw 0 is the instance
            return (masks,)

        self._prefix = Prefix(block, size)
        self.layout: Layout = bound.layout
        self.n_features = n_features
        self.key: Hashable = ("masks", stage, bound.key, seed)
        self.kernel_width = COSINE_WIDTH
        self.n_samples = n_samples
        self.notices = bound.notices

    def instance(self) -> Batch:
        """The unaltered instance as a batch of one row; it is also draw 0."""
        return self._bound.instance()

    def draw(self, start: int, stop: int) -> Draws:
        """Draws start to stop: features of shape (stop - start, n_features), bool."""
        masks = self._prefix.rows(start, stop)[0]

        def build(indices: NDArray[np.intp]) -> Batch:
            return self._bound.build(masks[as_slice(indices)])

        return Draws(masks, cosine_distance(masks), build)


def neighbourhood_of(
    masker: Masker, x: Any, predictor: Predictor, random_state: int | None, sampler: Sampler
) -> Neighbourhood:
    """LIME's neighbourhood of an instance: the masker's own, or coin-flip masks over any masker of one row a
    mask.

    Raises
    ------
    CannotExplainError
        If the masker has no neighbourhood and averages several model rows a mask.
    """
    own = getattr(masker, "neighbourhood", None)
    if own is not None:
        made: Neighbourhood = own(x, predictor, random_state=random_state, sampler=sampler)
        return made
    bound = masker.bind(x, predictor)
    if bound.draws != 1:
        raise CannotExplainError(
            f"LIME draws one model row a sample, but {type(masker).__name__} needs {bound.draws} rows "
            "a mask and has no neighbourhood() of its own. "
            "Give it that method, or use a masker with one row a mask."
        )
    return MaskNeighbourhood(bound, coin, stage="masks", n_samples=1000, random_state=random_state)
