"""The model's answers on a neighbourhood: batches, row limit, out-of-memory halving, pool of answers."""

from __future__ import annotations

import sys
import threading
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from jupyter_xai.errors import InputError
from jupyter_xai.protocols import Batch, Draws, Kind, Neighbourhood, Predictor

_ROWS: dict[Kind, int] = {"table": 1024, "text": 128, "image": 32}
_FIRST: dict[Kind, int] = {"table": 128, "text": 16, "image": 8}
_AT_ONCE: dict[Kind, int] = {"table": 8192, "text": 128, "image": 32}
_BATCH_BYTES = 32 * 2**20


@dataclass(frozen=True, eq=False)
class Block:
    """The model's answers on one stretch of a neighbourhood.

    Parameters
    ----------
    start, stop : int
        Draws of the sequence.
    features : ndarray of shape (stop - start, n_features)
    distances : ndarray of shape (stop - start,)
    outputs : ndarray of shape (stop - start, outputs)
        All outputs of the model.
    """

    start: int
    stop: int
    features: NDArray[Any]
    distances: NDArray[np.float64]
    outputs: NDArray[np.float64]


@dataclass(eq=False)
class _Shelf:
    """Answers on the first draws of one sequence, in stretches."""

    starts: list[int] = field(default_factory=list)
    parts: list[NDArray[np.float64]] = field(default_factory=list)
    length: int = 0
    n_bytes: int = 0


class Pool:
    """Model answers that may be asked for again: another kernel width, another target, more samples.

    It never supplies samples, only answers: which draws are asked for is decided by the sampler alone.
    Answers are kept as the longest stretch from the start of each sequence, the least recently used sequences
    go first. Safe to share between threads.

    Parameters
    ----------
    max_bytes : int, default=64 MiB

    Examples
    --------
    >>> pool = Pool()
    >>> pool.put("model", "text 1", 0, np.zeros((3, 2)))
    >>> pool.length("model", "text 1"), pool.get("model", "text 1", 1, 3).shape
    (3, (2, 2))
    """

    def __init__(self, max_bytes: int = 64 * 2**20) -> None:
        self.max_bytes = max_bytes
        self._lock = threading.Lock()
        self._shelves: OrderedDict[tuple[Hashable, Hashable], _Shelf] = OrderedDict()
        self._stamps: dict[Hashable, Hashable] = {}

    @property
    def n_bytes(self) -> int:
        """Bytes of answers held."""
        with self._lock:
            return sum(shelf.n_bytes for shelf in self._shelves.values())

    def length(self, model: Hashable, sequence: Hashable) -> int:
        """How many draws from the start of a sequence are held."""
        with self._lock:
            shelf = self._shelves.get((model, sequence))
            return shelf.length if shelf else 0

    def get(self, model: Hashable, sequence: Hashable, start: int, stop: int) -> NDArray[np.float64] | None:
        """Answers on draws start to stop, or None if they are not all held."""
        with self._lock:
            shelf = self._shelves.get((model, sequence))
            if shelf is None or stop > shelf.length:
                return None
            self._shelves.move_to_end((model, sequence))
            first = bisect_right(shelf.starts, start) - 1
            last = bisect_right(shelf.starts, stop - 1)
            joined = np.concatenate(shelf.parts[first:last])
            low = shelf.starts[first]
            return joined[start - low : stop - low]

    def put(self, model: Hashable, sequence: Hashable, start: int, outputs: NDArray[np.float64]) -> None:
        """Hold answers that follow those already held; others are ignored."""
        with self._lock:
            shelf = self._shelves.setdefault((model, sequence), _Shelf())
            self._shelves.move_to_end((model, sequence))
            if start != shelf.length or shelf.n_bytes + outputs.nbytes > self.max_bytes:
                return
            shelf.starts.append(start)
            shelf.parts.append(np.array(outputs, dtype=np.float64))
            shelf.length += len(outputs)
            shelf.n_bytes += outputs.nbytes
            total = sum(other.n_bytes for other in self._shelves.values())
            while total > self.max_bytes:
                total -= self._shelves.popitem(last=False)[1].n_bytes

    def stamped(self, model: Hashable, stamp: Hashable) -> bool:
        """Note a model's stamp; return whether it differs from the one the answers were made with.

        The answers of a model whose stamp differs are dropped.
        """
        with self._lock:
            changed = model in self._stamps and self._stamps[model] != stamp
            self._stamps[model] = stamp
        return self.forget(model) if changed else False

    def forget(self, model: Hashable) -> bool:
        """Drop a model's answers; return whether there were any."""
        with self._lock:
            keys = [key for key in self._shelves if key[0] == model]
            for key in keys:
                del self._shelves[key]
            return bool(keys)

    def clear(self) -> None:
        """Drop everything."""
        with self._lock:
            self._shelves.clear()
            self._stamps.clear()


class Evaluation:
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
        self.predictor = predictor
        self.neighbourhood = neighbourhood
        self.n_rows = 0
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

    def blocks(self, n: int, stops: tuple[int, ...] = ()) -> Iterator[Block]:
        """Answers on the first n draws, one block a batch; blocks end at each of ``stops``.

        Raises
        ------
        ModelError
            If the model fails, or runs out of memory on a single row.
        """
        key, sequence = self.predictor.key, self.neighbourhood.key
        self._start(key, sequence)
        edges = sorted({*(stop for stop in stops if 0 < stop < n), n})
        at = 0
        while at < n:
            held = self._pool.length(key, sequence) if self._pool else 0
            stop = min(at + self._size, edges[bisect_right(edges, at)], held if held > at else n)
            draws = self.neighbourhood.draw(at, stop)
            outputs = self._pool.get(key, sequence, at, stop) if self._pool and held > at else None
            if outputs is None:
                outputs = self._answers(draws, stop - at)
                if self._pool is not None:
                    self._pool.put(key, sequence, at, outputs)
            yield Block(at, stop, draws.features, draws.distances, outputs)
            if stop - at >= self._size:
                self._size = min(2 * self._size, self._limit)
            at = stop

    def _start(self, key: Hashable, sequence: Hashable) -> None:
        """Size the batches, and drop answers of a model that is no longer the same."""
        if self._auto:
            most = (_ROWS if self._live else _AT_ONCE)[self._kind]
            row = row_bytes(self.neighbourhood.instance()) if self._kind == "image" else 0
            self._limit = max(1, min(most, _BATCH_BYTES // max(row, 1)))
            self._size = min(_FIRST[self._kind], self._limit) if self._live else self._limit
        if self._pool is None:
            return
        stamp = self.predictor.stamp()
        changed = self._pool.stamped(key, stamp)
        unnamed = not self.predictor.output_names  # a fresh predictor learns them from its first answer
        if (stamp is None or unnamed) and self._pool.length(key, sequence):
            old = self._pool.get(key, sequence, 0, 1)
            now = self._call(self.neighbourhood.instance(), 1)
            if old is None or old.shape != now.shape or not np.allclose(old, now, rtol=1e-5, atol=1e-8):
                changed = self._pool.forget(key)
        if changed:
            self._notices.append("The model has changed since the last run: everything was asked again.")

    def _answers(self, draws: Draws, n: int) -> NDArray[np.float64]:
        parts = []
        at = 0
        while at < n:
            stop = min(at + self._limit, n)
            try:
                parts.append(self._call(draws.build(np.arange(at, stop)), stop - at))
            except Exception as error:
                if not out_of_memory(error) or stop - at == 1:
                    raise
                self._halve(stop - at)
                continue
            at = stop
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

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
