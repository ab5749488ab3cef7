"""Where the answers of a run on a neighbourhood stand in the pool, and those that several instances share."""

from __future__ import annotations

import sys
from collections.abc import Hashable, Sequence

import numpy as np
from numpy.typing import NDArray

from jupyter_xai.evaluation.pool import Pool
from jupyter_xai.protocols import Batch, Neighbourhood, Predictor


class Shelves:
    """Where a run's answers stand in the pool: those on draws that all instances share stand apart.

    Parameters
    ----------
    pool : Pool or None
    model : hashable
    neighbourhood : Neighbourhood
        With a ``shared_key`` where its draws but the first, the instance itself, are the same for all instances.
    """

    def __init__(self, pool: Pool | None, model: Hashable, neighbourhood: Neighbourhood) -> None:
        self._pool, self._model, self._around = pool, model, neighbourhood
        self._own = neighbourhood.key
        self._shared: Hashable = getattr(neighbourhood, "shared_key", None)

    @property
    def others(self) -> int:
        """Shared draws that are held."""
        if self._pool is None or self._shared is None:
            return 0
        return self._pool.length(self._model, self._shared)

    def known(self, pool: Pool) -> NDArray[np.float64] | None:
        """An answer that is held: on the instance, else on the first draw that is shared."""
        found = pool.get(self._model, self._own, 0, 1)
        if found is None and self.others:
            found = pool.get(self._model, self._shared, 0, 1)
        return found

    def witness(self) -> Batch:
        """What that answer was on, in a batch of one row."""
        held = self._pool is not None and self._pool.length(self._model, self._own)
        if held or not self.others:
            return self._around.instance()
        return self._around.draw(1, 2).build(np.zeros(1, dtype=np.intp))

    def length(self, at: int) -> int:
        """How many draws from the start are held; from draw 1 on, the instance counts as held."""
        if self._pool is None:
            return 0
        own = self._pool.length(self._model, self._own)
        return own if self._shared is None or (at == 0 and not own) else 1 + self.others

    def get(self, start: int, stop: int) -> NDArray[np.float64] | None:
        """Answers on draws start to stop, None if they are not all held."""
        assert self._pool is not None
        if self._shared is None:
            return self._pool.get(self._model, self._own, start, stop)
        parts = [self._pool.get(self._model, self._own, 0, 1)] if start == 0 else []
        if stop > 1:
            parts.append(self._pool.get(self._model, self._shared, max(start - 1, 0), stop - 1))
        found = [part for part in parts if part is not None]
        return np.concatenate(found) if len(found) == len(parts) else None

    def put(self, start: int, outputs: NDArray[np.float64]) -> None:
        """Hold answers on draws from start."""
        if self._pool is None:
            return
        if self._shared is None:
            self._pool.put(self._model, self._own, start, outputs)
            return
        if start == 0:
            self._pool.put(self._model, self._own, 0, outputs[:1])
        if start + len(outputs) > 1:
            rest = outputs[1:] if start == 0 else outputs
            self._pool.put(self._model, self._shared, max(start - 1, 0), rest)


def ask_instances(
    predictor: Predictor,
    around: Sequence[Neighbourhood],
    pool: Pool,
    most: int,
) -> None:
    """Ask about several instances at once, and hold the answers; the pool is then one run's, and is not doubted.

    Parameters
    ----------
    predictor : Predictor
    around : sequence of Neighbourhood
        Of the instances, all from one masker.
    pool : Pool
        Without answers of this model so far.
    most : int
        Rows a call.
    """
    for first in range(0, len(around), most):
        some = around[first : first + most]
        answers = predictor.predict(_joined([each.instance() for each in some]))
        for each, answer in zip(some, answers, strict=True):
            pool.put(predictor.key, each.key, 0, answer[None])
    pool.of_one_run = True


def _joined(batches: list[Batch]) -> Batch:
    """Batches of one row as one batch."""
    first = batches[0]
    if hasattr(first, "iloc"):
        return sys.modules["pandas"].concat(batches, ignore_index=True)
    if hasattr(first, "detach"):
        return sys.modules["torch"].cat(batches)
    return np.concatenate(batches)
