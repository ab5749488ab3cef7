"""One worker at a time: at most one job runs and one waits, the newest wins. No traitlets, no threads but one.

A job is a function of a watch that returns a generator of estimates: explanations, or whole comparisons. The runner
steps it, drops estimates that come faster than the eye reads, and tells its listener how it went. Every job ends in
exactly one of ``finished``, ``failed`` or ``cancelled``.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

from jupyter_xai.protocols import Opening, Progress, Watch

_log = logging.getLogger("jupyter_xai")

MIN_INTERVAL = 0.05
"""Seconds between two estimates passed on: 20 a second."""


E = TypeVar("E")
Heard_contra = TypeVar("Heard_contra", contravariant=True)


class Listener(Protocol[Heard_contra]):
    """What a runner reports to. Called on the worker, one call at a time."""

    def started(self, run: int) -> None:
        """The job has begun."""

    def opened(self, run: int, opening: Opening) -> None:
        """The instance and its prediction are known."""

    def progressed(self, run: int, progress: Progress, seconds: float) -> None:
        """A batch is done; at most 20 calls a second."""

    def estimated(self, run: int, estimate: Heard_contra, seconds: float) -> None:
        """A whole estimate; at most 20 a second, and always the last one."""

    def finished(self, run: int, estimate: Heard_contra | None, seconds: float) -> None:
        """The job came to its end; its last estimate was passed on before."""

    def failed(self, run: int, error: BaseException, seconds: float) -> None:
        """The job raised."""

    def cancelled(self, run: int) -> None:
        """A newer job, or parking, replaced it."""


@dataclass
class Job(Generic[E]):
    """One request on its way.

    Parameters
    ----------
    run : int
        Its number; later requests have larger ones.
    start : callable
        ``start(watch)`` returns the generator of estimates.
    """

    run: int
    start: Callable[[Watch], Iterator[E]]
    cancel: threading.Event = field(default_factory=threading.Event)
    stop: threading.Event = field(default_factory=threading.Event)


class Runner(Generic[E]):
    """Runs the newest job.

    Parameters
    ----------
    listener : Listener
    clock : callable, default=time.monotonic
        Seconds; tests pass their own.
    spawn : callable, optional
        ``spawn(function)`` runs it elsewhere. Default: a daemon thread; where threads cannot start (Pyodide),
        the same generator is stepped by the event loop.
    interval : float, default=0.05
        Seconds between two estimates passed on.
    """

    def __init__(
        self,
        listener: Listener[E],
        *,
        clock: Callable[[], float] = time.monotonic,
        spawn: Callable[[Callable[[], None]], None] | None = None,
        interval: float = MIN_INTERVAL,
    ) -> None:
        self._interval = interval
        self._listener = listener
        self._clock = clock
        self._spawn = spawn
        self._changed = threading.Condition()
        self._running: Job[E] | None = None
        self._pending: Job[E] | None = None
        self._alive = False

    def submit(self, job: Job[E]) -> None:
        """Make this the newest job; what runs is cancelled within one batch, what waited never starts."""
        with self._changed:
            replaced, self._pending = self._pending, job
            if self._running is not None:
                self._running.cancel.set()
            start, self._alive = not self._alive, True
        if replaced is not None:
            self._listener.cancelled(replaced.run)
        if start:
            self._start_worker()

    def stop(self) -> None:
        """Ask the running job, or else the waiting one, for the estimate it has."""
        with self._changed:
            for job in (self._running, self._pending):
                if job is not None:
                    job.stop.set()

    def cancel(self) -> None:
        """Drop what runs and what waits."""
        with self._changed:
            replaced, self._pending = self._pending, None
            if self._running is not None:
                self._running.cancel.set()
        if replaced is not None:
            self._listener.cancelled(replaced.run)

    @property
    def busy(self) -> bool:
        """Whether a job runs or waits."""
        with self._changed:
            return self._running is not None or self._pending is not None

    def wait(self, timeout: float | None = None) -> bool:
        """Block until nothing runs or waits; False if the time ran out first."""
        with self._changed:
            return self._changed.wait_for(lambda: self._running is None and self._pending is None, timeout)

    def _start_worker(self) -> None:
        if self._spawn is not None:
            self._spawn(self._work)
            return
        try:
            threading.Thread(target=self._work, name="jupyter_xai", daemon=True).start()
        except RuntimeError:  # no threads on this platform
            self._start_cooperative()

    def _start_cooperative(self) -> None:
        steps = self._steps()
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            for _ in steps:
                pass
            return

        def step() -> None:
            if next(steps, self) is not self:
                loop.call_soon(step)

        loop.call_soon(step)

    def _work(self) -> None:
        for _ in self._steps():
            pass

    def _steps(self) -> Iterator[None]:
        """Run jobs until there are none, pausing after each estimate."""
        try:
            while True:
                with self._changed:
                    job = self._running = self._pending
                    self._pending = None
                    if (
                        job is None
                    ):  # seen and said under one lock: a job submitted now starts a worker of its own
                        self._alive = False
                        self._changed.notify_all()
                        return
                try:
                    yield from self._run(job)
                except Exception:  # noqa: BLE001  # a page that cannot be told must not end the worker
                    _log.exception("the listener of a run failed")
        except BaseException:  # an interrupt in the user's own thread: nothing runs on, nothing waits
            with self._changed:
                self._running, self._pending, self._alive = None, None, False
                self._changed.notify_all()
            raise

    def _run(self, job: Job[E]) -> Iterator[None]:
        begun = self._clock()
        shown = -float("inf")
        told = -float("inf")
        last: E | None = None
        held: E | None = None

        def watch(progress: Progress) -> bool:
            nonlocal told
            now = self._clock()
            if progress.opening is not None and not job.cancel.is_set():
                self._listener.opened(job.run, progress.opening)
            if now - told >= MIN_INTERVAL and not job.cancel.is_set():
                told = now
                self._listener.progressed(job.run, progress, now - begun)
            return not (job.stop.is_set() or job.cancel.is_set())

        try:
            self._listener.started(job.run)
            estimates = job.start(watch)
            try:
                for estimate in estimates:
                    if job.cancel.is_set():
                        break
                    last, held, now = estimate, estimate, self._clock()
                    if now - shown >= self._interval:
                        shown, held = now, None
                        self._listener.estimated(job.run, estimate, now - begun)
                    yield
            finally:
                close = getattr(estimates, "close", None)
                if close is not None:
                    close()
            if job.cancel.is_set():
                self._listener.cancelled(job.run)
                return
            if held is not None:
                self._listener.estimated(job.run, held, self._clock() - begun)
            self._listener.finished(job.run, last, self._clock() - begun)
        except (Exception, SystemExit) as error:  # noqa: BLE001  # whatever the user's model raises is shown in the view
            if job.cancel.is_set():
                self._listener.cancelled(job.run)
            else:
                self._listener.failed(job.run, error, self._clock() - begun)
