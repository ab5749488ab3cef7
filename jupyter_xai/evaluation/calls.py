"""The model's answers on a neighbourhood: batches, row limit, out-of-memory halving."""

from __future__ import annotations

import hashlib
import sys
from bisect import bisect_right
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from jupyter_xai.errors import InputError
from jupyter_xai.evaluation.pool import Pool
from jupyter_xai.evaluation.shelves import Shelves
from jupyter_xai.protocols import Batch, Draws, Kind, Neighbourhood, Predictor

_ROWS: dict[Kind, int] = {"table": 1024, "text": 128, "image": 32}
_FIRST: dict[Kind, int] = {"table": 128, "text": 16, "image": 8}
_AT_ONCE: dict[Kind, int] = {"table": 8192, "text": 128, "image": 32}
_BATCH_BYTES = 32 * 2**20


@dataclass(frozen=True, eq=False)
class Block:
    """The model's answers on one stretch of a sequence of draws or masks.

    Parameters
    ----------
    start, stop : int
        Place in the sequence. Masks have the instance at -2 and the empty mask at -1, which do not count.
    features : ndarray of shape (stop - start, n_features)
    distances : ndarray of shape (stop - start,)
    outputs : ndarray of shape (stop - start, outputs)
        All outputs of the model.
    blocks : ndarray of shape (stop - start,), optional
        Independent block of each draw, see ``Draws``.
    controls : callable, optional
        What else is known of each draw, see ``Draws``.
    opens : bool
        Whether it is the instance alone and more follows: what a view is opened with.
    """

    start: int
    stop: int
    features: NDArray[Any]
    distances: NDArray[np.float64]
    outputs: NDArray[np.float64]
    blocks: NDArray[np.intp] | None = None
    opens: bool = False
    controls: Callable[[], NDArray[np.float32]] | None = None


class Calls:
    """One run's model calls: their size, the out-of-memory halving, and whether the pool still holds.

    Parameters
    ----------
    predictor : Predictor
    kind : {"table", "text", "image"}
        Decides what ``"auto"`` means.
    batch_size : int or "auto"
        Most rows a call.
    live : bool
        Whether somebody watches.
    pool : Pool or None
    """

    def __init__(
        self,
        predictor: Predictor,
        *,
        kind: Kind,
        batch_size: int | Literal["auto"],
        live: bool,
        pool: Pool | None,
    ) -> None:
        self.predictor = predictor
        self.n_rows = 0
        self.rows_per_eval = 1
        self._notices: list[str] = []
        self._pool = pool
        self._kind = kind
        self._live = live
        self._limit = self._size = check_batch_size(batch_size)
        self._auto = batch_size == "auto"

    @property
    def notices(self) -> tuple[str, ...]:
        """What happened so far that the reader should know."""
        return tuple(self._notices)

    def _start(
        self, held: Callable[[Pool], NDArray[np.float64] | None], instance: Callable[[], Batch]
    ) -> None:
        """Size the batches, and drop answers of a model that is no longer the same.

        ``held`` finds the pool's answer on the instance.
        """
        if self._auto:
            most = (_ROWS if self._live else _AT_ONCE)[self._kind]
            row = row_bytes(instance()) if self._kind == "image" else 0
            self._limit = max(1, min(most, _BATCH_BYTES // max(row, 1)))
            self._size = min(_FIRST[self._kind], self._limit) if self._live else self._limit
        if self._pool is None or self._pool.of_one_run:
            return
        key, stamp = self.predictor.key, self.predictor.stamp()
        changed = self._pool.stamped(key, stamp)
        unnamed = not self.predictor.output_names  # a fresh predictor learns them from its first answer
        old = held(self._pool) if stamp is None or unnamed else None
        if old is not None:
            now = self._call(instance(), 1)
            if old.shape != now.shape or not np.allclose(old, now, rtol=1e-5, atol=1e-8):
                changed = self._pool.forget(key)
        if changed:
            self._notices.append("The model has changed since the last run: everything was asked again.")

    def _examine(self, subject: Any, answer: NDArray[np.float64]) -> None:
        """Let a masker ask about the instance as a whole, for its notices; answers go through the pool."""
        examine = getattr(subject, "examine", None)
        if examine is not None:
            self._notices.extend(examine(answer, partial(self._whole, ("whole", subject.key))))

    def _whole(self, shelf: Hashable, texts: list[str]) -> NDArray[np.float64]:
        names = [
            hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest() for text in texts
        ]
        key = self.predictor.key
        found = self._pool.known(key, shelf, names) if self._pool else [None] * len(texts)
        at = 0
        while at < len(texts):
            if found[at] is not None:
                at += 1
                continue
            some = [i for i in range(at, len(texts)) if found[i] is None][: self._limit]
            answers = self._halved(partial(list, [texts[i] for i in some]), len(some))
            if answers is None:
                continue
            if self._pool is not None:
                self._pool.learn(key, shelf, [names[i] for i in some], answers)
            for i, answer in zip(some, answers, strict=True):
                found[i] = answer
        return np.stack([answer for answer in found if answer is not None])

    def _halved(self, make: Callable[[], Batch], rows: int) -> NDArray[np.float64] | None:
        """Answers on one batch; None if it ran out of memory and smaller ones are to be made."""
        try:
            return self._call(make(), rows)
        except Exception as error:
            if not out_of_memory(error) or rows == 1:
                raise
            self._halve(rows)
            return None

    def _call(self, batch: Batch, n: int) -> NDArray[np.float64]:
        outputs = self.predictor.predict(batch)
        self.n_rows += n
        return outputs

    def _halve(self, rows: int) -> None:
        self._limit = max(1, rows // 2)
        self._size = min(self._size, self._limit)
        self._notices = [notice for notice in self._notices if "out of memory" not in notice]
        rows_now = f"{self._limit} rows" if self._limit > 1 else "1 row"
        self._notices.append(f"The model ran out of memory; it is now called with at most {rows_now}.")
        torch = sys.modules.get("torch")
        if torch is not None and torch.cuda.is_available():
            torch.cuda.empty_cache()


class Evaluation(Calls):
    """One run's model calls on one neighbourhood.

    Parameters
    ----------
    predictor : Predictor
    neighbourhood : Neighbourhood
    kind : {"table", "text", "image"}
        Decides what ``"auto"`` means.
    batch_size : int or "auto"
        Most rows a call. Auto: at most 128 texts, or 32 images and 32 MiB; 8192 rows of a table, or 1024 and
        smaller batches first if ``live``.
    live : bool, default=True
        Whether somebody watches: auto then begins with small batches, so that an estimate is there at once.
    pool : Pool, optional
        Where answers are looked up and kept.

    Raises
    ------
    InputError
        If ``batch_size`` is neither.

    Notes
    -----
    If the model runs out of memory the batch is halved, a notice says so, and the run goes on.
    """

    def __init__(
        self,
        predictor: Predictor,
        neighbourhood: Neighbourhood,
        *,
        kind: Kind,
        batch_size: int | Literal["auto"] = "auto",
        live: bool = True,
        pool: Pool | None = None,
    ) -> None:
        super().__init__(predictor, kind=kind, batch_size=batch_size, live=live, pool=pool)
        self.neighbourhood = neighbourhood

    def blocks(self, n: int, stops: tuple[int, ...] = ()) -> Iterator[Block]:
        """Answers on the first n draws, one block a batch; blocks end at each of ``stops``.

        Raises
        ------
        ModelError
            If the model fails, or runs out of memory on a single row.
        """
        shelves = Shelves(self._pool, self.predictor.key, self.neighbourhood)
        self._start(shelves.known, shelves.witness)
        edges = sorted({*(stop for stop in stops if 0 < stop < n), n})
        at = 0
        while at < n:
            held = shelves.length(at)
            stop = min(at + self._size, edges[bisect_right(edges, at)], held if held > at else n)
            if at == 0 and not held and shelves.others:
                stop = 1
            draws = self.neighbourhood.draw(at, stop)
            outputs = shelves.get(at, stop) if held > at else None
            if outputs is None:
                outputs = self._answers(draws, stop - at)
                shelves.put(at, outputs)
            opens = stop == 1 < n and 1 in stops
            yield Block(
                at, stop, draws.features, draws.distances, outputs, draws.blocks, opens, draws.controls
            )
            if at == 0:
                self._examine(self.neighbourhood, outputs[:1])
            if stop - at >= self._size:
                self._size = min(2 * self._size, self._limit)
            at = stop

    def _answers(self, draws: Draws, n: int) -> NDArray[np.float64]:
        parts = []
        at = 0
        while at < n:
            stop = min(at + self._limit, n)
            answers = self._halved(partial(draws.build, np.arange(at, stop)), stop - at)
            if answers is None:
                continue
            parts.append(answers)
            at = stop
        return parts[0] if len(parts) == 1 else np.concatenate(parts)


def check_batch_size(batch_size: Any) -> int:
    """Return the most rows a call (1 for "auto", which is settled later).

    Raises
    ------
    InputError
        If it is not a whole number from 1 or "auto".

    Examples
    --------
    >>> check_batch_size(64)
    64
    """
    if isinstance(batch_size, str) and batch_size == "auto":
        return 1
    whole = hasattr(batch_size, "__index__") and not isinstance(batch_size, bool)
    if not whole or int(batch_size) < 1:
        raise InputError(
            f"batch_size={batch_size!r} does not work: expected the most rows a model call may have, a "
            f"whole number "
            'from 1, or "auto". Pass another batch_size=.'
        )
    return int(batch_size)


def row_bytes(batch: Batch) -> int:
    """Bytes of a batch of one row; 0 where it cannot be told."""
    if hasattr(batch, "element_size"):
        return int(batch.element_size() * batch.nelement())
    return int(getattr(batch, "nbytes", 0))


def out_of_memory(error: BaseException | None) -> bool:
    """Whether an error, or one it came from, says that memory ran out (host or device).

    Examples
    --------
    >>> out_of_memory(MemoryError()), out_of_memory(ValueError())
    (True, False)
    """
    while error is not None:
        if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
            return True
        error = error.__cause__
    return False
