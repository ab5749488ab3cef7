"""Chunks to workers through a window, and their results back in order.

At most twice as many chunks as workers are on their way or wait for an earlier one, so that memory does not grow with
the rows; a result is taken in once, in the order of the chunks, so that what comes of it is the same for any workers.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor, wait
from importlib import import_module
from typing import Any, Protocol

from jupyter_xai.dataset._rows import Chunk
from jupyter_xai.errors import InputError, XaiError

_TICK = 0.1
_ATTEMPTS = 3


class Work(Protocol):
    """What is done to a chunk."""

    def __call__(self, chunk: Chunk) -> Any:
        """Reduce one chunk."""
        ...

    def owned(self) -> Callable[[Chunk], Any]:
        """The same with a predictor of its own."""
        ...


class Parcel:
    """An object on its way to another process: packed once, with cloudpickle, so that functions of a cell can go.

    Parameters
    ----------
    thing : object
    what : str
        What to call it in a sentence.

    Raises
    ------
    InputError
        If it cannot be packed.

    Examples
    --------
    >>> import pickle
    >>> pickle.loads(pickle.dumps(Parcel([1, 2], "rows")))
    [1, 2]
    """

    def __init__(self, thing: Any, what: str) -> None:
        try:
            self._data: bytes = _cloudpickle().dumps(thing)
        except Exception as error:
            raise InputError(
                f"The {what} cannot be sent to another process ({type(error).__name__}: {error}). Leave executor= out "
                "to use this process, or pass what can be pickled: open files, locks and connections inside the "
                "function that is called, not before."
            ) from error

    def __reduce__(self) -> tuple[Callable[[bytes], Any], tuple[bytes]]:
        """Unpickle as the thing itself."""
        return _open, (self._data,)


def _cloudpickle() -> Any:
    """The package, which scikit-learn's joblib needs, or the copy that older ones of it carry."""
    try:
        return import_module("cloudpickle")
    except ImportError:
        return import_module("joblib.externals.cloudpickle")


_LAST: tuple[bytes, Any] | None = None


def _open(data: bytes) -> Any:
    """Unpack; the kernel, which comes with every chunk, once: its predictor stays made."""
    global _LAST  # noqa: PLW0603 - one a process: chunks of one run come one after another
    kept = _LAST
    if kept is not None and kept[0] == data:
        return kept[1]
    thing = _cloudpickle().loads(data)
    if hasattr(thing, "owned"):
        _LAST = (data, thing)
    return thing


def _apply(work: Callable[[Chunk], Any], chunk: Chunk) -> Any:
    """What a worker in another process runs: both came out of their parcels."""
    return work(chunk)


def parts_of(
    work: Work,
    chunks: Iterator[Chunk],
    executor: Executor | int | None,
    go_on: Callable[[], bool],
    *,
    threads: bool = False,
) -> Generator[Any]:
    """Results of the chunks, in their order.

    Parameters
    ----------
    work : Work
    chunks : iterator of Chunk
        Read as workers need them.
    executor : Executor, int or None
        None: threads if ``threads``, else this thread.
    go_on : callable
        Asked while workers are busy; False ends it.
    threads : bool

    Raises
    ------
    InputError
        If ``executor`` is none of these, or what is to be sent cannot be.
    XaiError
        If workers die time and again.
    """
    if executor is None:
        count = min(4, os.cpu_count() or 1) if threads else 1
        if count == 1:
            yield from map(work, chunks)
            return
        with ThreadPoolExecutor(count) as pool:
            yield from _through(_Threads(pool, work), chunks, go_on)
        return
    if isinstance(executor, int) and not isinstance(executor, bool) and executor > 0:
        with _Processes(executor, work) as own:
            yield from _through(own, chunks, go_on)
        return
    if not callable(getattr(executor, "submit", None)):
        raise InputError(
            f"executor={executor!r} does not work: expected a concurrent.futures.Executor, such as "
            "ThreadPoolExecutor(4), ProcessPoolExecutor(4) or a Dask cluster's client.get_executor(), or a number of "
            "processes. Pass one of these."
        )
    assert not isinstance(executor, int)
    if isinstance(executor, ThreadPoolExecutor) and type(executor).__name__ != "InterpreterPoolExecutor":
        yield from _through(_Threads(executor, work), chunks, go_on)
    else:
        yield from _through(_Remote(executor, work), chunks, go_on)


class _Threads:
    """Threads of this process, each with a predictor of its own."""

    def __init__(self, executor: Executor, work: Work) -> None:
        self._executor, self._work = executor, work
        self._own = threading.local()
        self.workers = workers_of(executor)

    def submit(self, chunk: Chunk) -> Future[Any]:
        return self._executor.submit(self._apply, chunk)

    def _apply(self, chunk: Chunk) -> Any:
        if not hasattr(self._own, "work"):
            self._own.work = self._work.owned()
        return self._own.work(chunk)


class _Remote:
    """Workers elsewhere, to which what they need is sent; the engine sees to those that die."""

    def __init__(self, executor: Executor, work: Work) -> None:
        self._executor = executor
        self._parcel: Any = Parcel(work, "model")
        self.workers = workers_of(executor)

    def submit(self, chunk: Chunk) -> Future[Any]:
        rows: Any = Parcel(chunk, "rows")
        return self._executor.submit(_apply, self._parcel, rows)


class _Processes(_Remote):
    """Processes of our own: a pool that broke with one of them is made again."""

    def __init__(self, workers: int, work: Work) -> None:
        self._broken: list[Executor] = []
        self._tries: dict[int, int] = {}
        super().__init__(ProcessPoolExecutor(workers), work)

    def __enter__(self) -> _Processes:
        return self

    def __exit__(self, *raised: object) -> None:
        self._executor.shutdown(wait=True, cancel_futures=True)

    def submit(self, chunk: Chunk) -> Future[Any]:
        try:
            return super().submit(chunk)
        except BrokenExecutor:
            self._renew()
            return super().submit(chunk)

    def again(self, chunk: Chunk, error: BrokenExecutor) -> Future[Any]:
        """Send a chunk whose worker died once more."""
        self._tries[chunk.number] = self._tries.get(chunk.number, 1) + 1
        if self._tries[chunk.number] > _ATTEMPTS:
            raise XaiError(
                f"A worker process died {_ATTEMPTS} times while the same rows were on their way, {chunk.start:,} to "
                f"{chunk.start + len(chunk) - 1:,} among them: most often memory has run out. Use fewer processes, or "
                "look at these rows by themselves."
            ) from error
        return self.submit(chunk)

    def _renew(self) -> None:
        self._executor.shutdown(wait=False, cancel_futures=True)
        self._executor = ProcessPoolExecutor(self.workers)


def _through(to: _Threads | _Remote, chunks: Iterator[Chunk], go_on: Callable[[], bool]) -> Iterator[Any]:
    window = 2 * to.workers
    pending: deque[tuple[Chunk, Future[Any]]] = deque()
    ended = False
    try:
        while True:
            while not ended and len(pending) < window:
                chunk = next(chunks, None)
                if chunk is None:
                    ended = True
                else:
                    pending.append((chunk, to.submit(chunk)))
            if not pending:
                return
            chunk, future = pending[0]
            while not wait([future], timeout=_TICK).done:
                if not go_on():
                    return
            try:
                found = future.result()
            except BrokenExecutor as error:  # nothing of it was taken in: its chunk goes out once more
                if not isinstance(to, _Processes):
                    raise _died(error) from error
                pending[0] = (chunk, to.again(chunk, error))
                continue
            pending.popleft()
            yield found
    finally:
        for _, future in pending:
            future.cancel()


def _died(error: BrokenExecutor) -> XaiError:
    return XaiError(
        f"A worker died and its pool is broken ({error}). Pass a number of processes, such as executor=4, which are "
        "started anew when one dies, or a Dask cluster's client.get_executor(), which sees to it itself."
    )


def workers_of(executor: Any) -> int:
    """How many workers an executor has, as far as it tells.

    Examples
    --------
    >>> with ThreadPoolExecutor(3) as pool:
    ...     workers_of(pool)
    3
    """
    client = getattr(executor, "_client", None)  # Dask's
    if client is not None and hasattr(client, "nthreads"):
        return max(1, int(sum(client.nthreads().values())))
    told = getattr(executor, "_max_workers", None)
    return told if isinstance(told, int) and told > 0 else os.cpu_count() or 1
