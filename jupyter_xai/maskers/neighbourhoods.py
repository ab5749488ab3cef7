"""Neighbourhoods that are made from a bound masker: a mask design, a distance and the masker's batches."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jupyter_xai.errors import CannotExplainError
from jupyter_xai.explanation import Layout
from jupyter_xai.maskers._designs import COINS, Measure
from jupyter_xai.maskers._random import Prefix, as_slice, check_seed, generator
from jupyter_xai.protocols import Batch, BoundMasker, Draws, Masker, Neighbourhood, Predictor, Sampler

COSINE_WIDTH = 0.25
"""LIME's kernel width for masks, on the cosine distance (lime's text explainer writes both times 100)."""


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
        With one model row a mask, or with ``build_each(masks, draws)``: then each mask, or pair of a mask and its
        complement, gets one of the draws, all of them equally often.
    measure : Measure
        How likely a mask is, and the designs that draw from it.
    stage : str
        Name of the random stage.
    n_samples : int
        Default number of draws.
    random_state : int or None
    sampler : {"balanced", "lime"}, default="balanced"

    Attributes
    ----------
    sizes : ndarray of shape (n_features + 1,)
        The chance of each number of kept features; masks of one size are equally likely.
    exact : bool
        Whether the same mask always makes the same model row.
    """

    def __init__(
        self,
        bound: BoundMasker,
        measure: Measure,
        *,
        stage: str,
        n_samples: int,
        random_state: int | None,
        sampler: Sampler = "balanced",
    ) -> None:
        seed = check_seed(random_state)
        design = measure.lime if sampler == "lime" else measure.balanced
        n_features = bound.n_features
        size = design.rows(n_features)
        stage = stage if sampler == "lime" else f"{stage}, {sampler}"
        self._bound = bound
        self._paired = design.paired
        self._draws = bound.draws
        self.exact = bound.draws == 1
        self._turns = Prefix(
            lambda k: (generator(seed, f"{stage}, draws", k).permutation(self._draws),), self._draws
        )
        self._prefix = Prefix(lambda k: (design.draw(generator(seed, stage, k), size, n_features),), size)
        self.layout: Layout = bound.layout
        self.n_features = n_features
        self.sizes = measure.chances(n_features)
        self.key: Hashable = ("masks", stage, bound.key, seed)
        self.kernel_width = COSINE_WIDTH
        self.n_samples = n_samples
        self.notices = bound.notices
        self._each: Any = getattr(bound, "build_each", None)
        if hasattr(bound, "examine"):
            self.examine = bound.examine

    def instance(self) -> Batch:
        """The unaltered instance as a batch of one row; it is also draw 0."""
        return self._bound.instance()

    def draw(self, start: int, stop: int) -> Draws:
        """Draws start to stop: features of shape (stop - start, n_features), bool.

        The instance is draw 0, in the place of the design's first row or, where rows are paired, before it.
        """
        before = int(self._paired)
        masks = self._prefix.rows(max(start - before, 0), max(stop - before, 0))[0]
        if start == 0 < stop:
            rest = masks if self._paired else masks[1:]
            masks = np.concatenate([np.ones((1, self.n_features), dtype=np.bool_), rest])

        pairs = np.maximum(np.arange(start, stop) - 1, 0) // 2 if self._paired else None
        turns = np.arange(start, stop) if pairs is None else pairs

        def build(indices: NDArray[np.intp]) -> Batch:
            some = as_slice(indices)
            if self._draws == 1:
                return self._bound.build(masks[some])
            low, high = int(turns[0]), int(turns[-1]) + 1
            which = self._turns.rows(low, high)[0][turns - low]
            return self._each(masks[some], which[some])

        return Draws(masks, cosine_distance(masks), build, pairs)


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
    return MaskNeighbourhood(
        bound, COINS, stage="masks", n_samples=1000, random_state=random_state, sampler=sampler
    )
