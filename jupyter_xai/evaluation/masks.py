"""The model's answers on masks, averaged over the masker's draws."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Generator, Iterator
from functools import partial
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from jupyter_xai.evaluation.calls import Block, Calls
from jupyter_xai.evaluation.pool import Pool
from jupyter_xai.protocols import BoundMasker, Kind, Predictor


class Coalitions(Protocol):
    """A prefix sequence of masks.

    It may have ``known()``, how many of them are decided: a sequence that goes on by what was answered is asked for no
    more, and for the rest after the answers were yielded.
    """

    def masks(self, start: int, stop: int) -> NDArray[np.bool_]:
        """Masks start to stop, shape (stop - start, players); True keeps."""
        ...


class MaskEvaluation(Calls):
    """One run's model calls on the coalitions of a game.

    Parameters
    ----------
    predictor : Predictor
    bound : BoundMasker
    coalitions : Coalitions
    players : ndarray of shape (players,), int
        Which features play; the others are always present.
    kind, batch_size, live, pool
        As in ``Evaluation``.
    empty : bool, default=True
        Whether the mask that keeps no player is asked for.

    Notes
    -----
    The instance is asked first, by itself, then the mask that keeps no player (where it is wanted), then the
    coalitions. A call holds whole masks, or a part of one mask's draws where they are more than the batch. The pool is
    asked mask by mask.
    """

    def __init__(
        self,
        predictor: Predictor,
        bound: BoundMasker,
        coalitions: Coalitions,
        players: NDArray[np.intp],
        *,
        kind: Kind,
        batch_size: int | Literal["auto"] = "auto",
        live: bool = True,
        pool: Pool | None = None,
        empty: bool = True,
    ) -> None:
        super().__init__(predictor, kind=kind, batch_size=batch_size, live=live, pool=pool)
        self._bound = bound
        self.rows_per_eval = bound.draws
        self._coalitions = coalitions
        self._players = players
        self._empty = empty

    def _masks(self, start: int, stop: int) -> NDArray[np.bool_]:
        """Masks over all features; -1 keeps no player."""
        found = np.ones((stop - start, self._bound.n_features), dtype=np.bool_)
        kept = self._coalitions.masks(max(start, 0), stop)
        empty = np.zeros((-min(start, 0), len(self._players)), dtype=np.bool_)
        found[:, self._players] = np.concatenate([empty, kept])
        return found

    def blocks(self, n: int, stops: tuple[int, ...] = ()) -> Iterator[Block]:
        """Answers on the instance, on no player and on the first n coalitions; blocks end at each of ``stops``.

        A block without masks says that some draws of the next one were answered.

        Raises
        ------
        ModelError
            If the model fails, or runs out of memory on a single row.
        """
        full = np.ones((1, self._bound.n_features), dtype=np.bool_)
        name = self._names(full)
        key, masker = self.predictor.key, self._bound.key

        def held(pool: Pool) -> NDArray[np.float64] | None:
            (answer,) = pool.known(key, masker, name)
            return None if answer is None else answer[None]

        self._start(held, self._bound.instance)
        outputs = held(self._pool) if self._pool else None
        if outputs is None:
            outputs = self._call(self._bound.instance(), 1)
            if self._pool is not None:
                self._pool.learn(key, masker, name, outputs)
        yield Block(-2, -1, full[:, self._players], np.zeros(1), outputs, opens=True)
        self._examine(self._bound, outputs)
        edges = sorted({*(stop for stop in stops if 0 < stop < n), n})
        at, draws = -int(self._empty), self._bound.draws
        known = getattr(self._coalitions, "known", lambda: n)
        while at < n:
            most = max(1, min(self._size, self._limit) // draws)
            stop = min(at + most, 0 if n == 0 else edges[bisect_right(edges, max(at, 0))], known())
            masks = self._masks(at, stop)
            answers = yield from self._answers(masks, at)
            yield Block(at, stop, masks[:, self._players], np.zeros(stop - at), answers)
            if (stop - at) * draws > self._size // 2:
                self._size = min(2 * self._size, self._limit)
            at = stop

    def _names(self, masks: NDArray[np.bool_]) -> list[bytes]:
        return [row.tobytes() for row in np.packbits(masks, axis=1)]

    def _answers(self, masks: NDArray[np.bool_], at: int) -> Generator[Block, None, NDArray[np.float64]]:
        """Averages over the draws, from the pool where it has them; a block without masks after a part of one."""
        if self._pool is None:
            return (yield from self._asked(masks, at))
        names = self._names(masks)
        key, masker = self.predictor.key, self._bound.key
        found = self._pool.known(key, masker, names)
        missing = [i for i, answer in enumerate(found) if answer is None]
        if missing:
            answers = yield from self._asked(masks[missing], at)
            self._pool.learn(key, masker, [names[i] for i in missing], answers)
            for i, answer in zip(missing, answers, strict=True):
                found[i] = answer
        return np.stack([answer for answer in found if answer is not None])

    def _asked(self, masks: NDArray[np.bool_], at: int) -> Generator[Block, None, NDArray[np.float64]]:
        bound, draws, n = self._bound, self._bound.draws, len(masks)
        done, parts = 0, []
        while done < n:
            together = self._limit // draws
            if together:
                stop = min(done + together, n)
                answers = self._halved(partial(bound.build, masks[done:stop]), (stop - done) * draws)
                if answers is None:
                    continue
                parts.append(bound.reduce(answers))
            else:
                stop = done + 1
                parts.append(bound.reduce((yield from self._one(masks[done:stop], at))))
            done = stop
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def _one(self, mask: NDArray[np.bool_], at: int) -> Generator[Block, None, NDArray[np.float64]]:
        """All draws of one mask, over several calls."""
        draws, done, parts = self._bound.draws, 0, []
        while done < draws:
            stop = min(done + self._limit, draws)
            answers = self._halved(partial(self._bound.build, mask, slice(done, stop)), stop - done)
            if answers is None:
                continue
            parts.append(answers)
            if stop < draws:
                none = mask[:0, self._players]
                yield Block(at, at, none, np.zeros(0), answers[:0])
            done = stop
        return np.concatenate(parts)
