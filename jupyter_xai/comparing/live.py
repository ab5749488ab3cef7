"""A stream of whole results on a page: starts when somebody looks, stops within one batch, and is never blank."""

from __future__ import annotations

import sys
import threading
import time
import uuid
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from jupyter_xai.errors import XaiError
from jupyter_xai.models.traceback import hint, users_line
from jupyter_xai.protocols import Opening, Progress, Watch
from jupyter_xai.widget import crowd
from jupyter_xai.widget.environment import Environment
from jupyter_xai.widget.export import written
from jupyter_xai.widget.fallback import beside_live
from jupyter_xai.widget.page import Page
from jupyter_xai.widget.presence import Presence
from jupyter_xai.widget.runner import Job, Runner
from jupyter_xai.widget.timers import Timers
from jupyter_xai.widget.view import HELLO_TIMEOUT, PICTURE_EVERY, PICTURE_FIRST
from jupyter_xai.wire import encode_status

PAUSE = 0.1
"""Seconds between two states of the page while something is on its way."""


class Result(Protocol):
    """A comparison or a benchmark as far as it is."""

    @property
    def status(self) -> str:
        """Running, settled or stopped."""

    def _repr_html_(self) -> str: ...

    def report(self) -> str:
        """All of it as plain text."""


Found = TypeVar("Found", bound=Any)


class Live(ABC, Generic[Found]):
    """Base of the live views of comparisons and benchmarks.

    Parameters
    ----------
    environment : Environment
    what : str
        What a sentence calls the result.
    watch : callable, optional
        Called with each result; False stops.
    progress : bool, default=False
        Write progress to stderr.
    state : dict
        The page before the first result.
    """

    def __init__(
        self,
        environment: Environment,
        what: str,
        *,
        watch: Callable[[Found], bool] | None = None,
        progress: bool = False,
        state: dict[str, Any],
    ) -> None:
        self._environment, self._what = environment, what
        self._watch, self._progress = watch, progress
        self._page = Page(uuid.uuid4().hex[:12], wait_for_hello=environment.interactive, board=True)
        # nobody looks: in the cell itself, where an interrupt stops it and keeps what is there
        here = None if environment.interactive else _here
        self._runner: Runner[Found] = Runner(self, spawn=here, interval=PAUSE)
        self._lock = threading.RLock()
        self._run = 0
        self._last: Found | None = None
        self._error: BaseException | None = None
        self._heard: Any = None
        self._timers = Timers()
        self._stored_at = PICTURE_FIRST - PICTURE_EVERY
        self._due = 0.0
        self._presence = Presence(self._page, _nothing)  # it goes on unseen, to its end
        self._page.set(display={}, **state, **self._status("idle"))
        crowd.register(self, environment.cell, environment.execution)

    # --- what a subclass says ---------------------------------------------------------------------------------------

    @abstractmethod
    def _stream(self, go_on: Callable[[], bool]) -> Iterator[Found]:
        """Whole results; ``go_on`` is asked before each model call."""

    @abstractmethod
    def _shown(self, run: int, found: Found) -> dict[str, Any]:
        """The page's traits of a result."""

    @abstractmethod
    def _counted(self, found: Found | None) -> tuple[int, int | None]:
        """How many steps are done, and of how many; None if nobody knows."""

    # --- what a user calls ------------------------------------------------------------------------------------------

    @property
    def last(self) -> Found | None:
        """The newest result, at once; None before the first."""
        return self._last

    @property
    def busy(self) -> bool:
        """Whether it is at work."""
        return self._runner.busy

    def wait(self, timeout: float | None = None) -> Found:
        """Wait until it is done; starts it if need be.

        Parameters
        ----------
        timeout : float, optional
            Seconds.

        Raises
        ------
        TimeoutError
            If it is still running then; it goes on.
        XaiError
            What ended it, if it failed.
        """
        try:
            self._start_once()
            done = self._runner.wait(timeout)
        except KeyboardInterrupt:
            self.stop()
            if self._environment.interactive or self._last is None:
                raise
            self._last, done = replace(self._last, status="stopped"), True
            self.finished(self._run, self._last, 0.0)
        if not done:
            raise TimeoutError(
                f"the {self._what} is still running after {timeout:g} s; view.last has what is there"
            )
        if self._error is not None:
            raise self._error
        if self._last is None:
            raise XaiError(f"The {self._what} was stopped before its first result. Call view.resume().")
        return self._last

    def stop(self) -> None:
        """End with what is there; takes effect within one batch."""
        self._runner.stop()

    def resume(self) -> None:
        """Begin again after ``stop`` or a failure."""
        if not self._runner.busy:
            self._submit()

    def park(self) -> None:
        """Nobody is looking: stop, keep what is there."""
        self._timers.cancel()
        self.stop()

    def to_html(self, path: str | Path | None = None) -> str:
        """Write one self-contained page, as it is shown, on which all works that needs no kernel.

        Parameters
        ----------
        path : str or Path, optional
            Where it is written as well.

        Returns
        -------
        str
            The text of one HTML file.

        Raises
        ------
        XaiError
            If the view's bundle was not built.
        """
        found = self.wait()
        names = ("geometry", "curves", "board", "summary", "request", "status")
        state = {"uid": "page", **{name: self._page.get(name) for name in (*names, "display")}}
        state = {name: value for name, value in state.items() if value or name == "display"}
        said = written(repr(found).strip("<>"), state, beside_live(found._repr_html_(), "page"))
        if path is not None:
            Path(path).write_text(said, encoding="utf-8")
        return said

    def retire(self) -> None:
        """Park; and leave the page once nobody looks: the cell that made this view has run again."""
        self.park()
        self._presence.replaced()

    def __getattr__(self, name: str) -> Any:
        """What the finished result has."""
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self.wait(), name)

    def __repr__(self) -> str:
        """One line."""
        if self._last is None:
            return f"<{self._what.capitalize()}, nothing computed yet>"
        return repr(self._last)

    # --- display ----------------------------------------------------------------------------------------------------

    def _ipython_display_(self) -> None:
        if not self._environment.interactive:
            self.wait()
        self._presence.displayed()
        self._live_widget()
        sentence = repr(self)
        if self._environment.notebook:
            sentence = f"jupyter_xai {self._what}: live while trusted and its kernel runs; its stored table is below."
        self._page.display(sentence, self._fallback())
        if self._environment.interactive and not self._run:
            self._timers.later("hello", HELLO_TIMEOUT, self._start_once)

    def _repr_mimebundle_(self, **_: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        if not self._environment.interactive:
            self.wait()
        self._live_widget()
        data, metadata = self._page.mimebundle(repr(self))
        return {**self._fallback(), **data}, metadata

    def _repr_html_(self) -> str:
        """The stored table, for hosts that know no widgets."""
        html: str = self.wait()._repr_html_()
        return html

    def _display_(self) -> Any:  # marimo's protocol
        if not self._environment.interactive:
            self.wait()
        return self._live_widget()

    @property
    def widget(self) -> Any:
        """The anywidget this view holds."""
        self._presence.kept = True
        return self._live_widget()

    def _fallback(self) -> dict[str, str]:
        last = self._last
        body = "<p>Nothing computed yet: run this cell.</p>" if last is None else last._repr_html_()
        said = repr(self) if last is None else last.report()
        return {"text/html": beside_live(body, self._page.uid), "text/plain": said}

    def _live_widget(self) -> Any:
        widget = self._page.widget
        with self._lock:
            if self._heard is not widget:
                self._heard = widget
                widget.on_msg(self._on_message)
                self._listen(widget)
        return widget

    def _listen(self, widget: Any) -> None:
        """Observe more of the page, where there is more."""

    def _on_message(self, _widget: Any, content: Any, _buffers: Any) -> None:
        kind = content.get("type") if isinstance(content, dict) else None
        self._page.hello(content)
        if kind == "hello":
            self._timers.cancel("hello")
            self._presence.hello()
        elif kind == "bye":
            self._presence.bye()
        elif kind == "stop":
            self.stop()
        elif kind in {"resume", "retry"}:
            self.resume()
        elif kind == "ping":
            self._page.send({"type": "pong", "id": content.get("id", 0)})
        if kind in {"hello", "ping"}:
            self._start_once()

    # --- running ----------------------------------------------------------------------------------------------------

    def _start_once(self) -> None:
        with self._lock:
            first = not self._run
            self._run = self._run or 1
        if first:
            self._runner.submit(Job(1, self._job()))

    def _submit(self) -> None:
        with self._lock:
            self._run += 1
            run = self._run
        self._runner.submit(Job(run, self._job()))

    def _job(self) -> Callable[[Watch], Iterator[Found]]:
        def results(watch: Watch) -> Iterator[Found]:
            going = True

            def go_on() -> bool:
                return going and watch(Progress(0, 0, None))

            stream = self._stream(go_on)
            try:
                for found in stream:
                    if self._watch is not None and not self._watch(found):
                        going = False
                    ended = found.status == "running" and not go_on()
                    self._last = replace(found, status="stopped") if ended else found
                    yield self._last
                    if ended:
                        return
            finally:
                getattr(stream, "close", lambda: None)()

        return results

    # --- the runner's listener --------------------------------------------------------------------------------------

    def started(self, run: int) -> None:
        """Say that it has begun; what was there stays until the first result."""
        self._error = None
        self._due = 0.0
        self._stored_at = PICTURE_FIRST - PICTURE_EVERY
        self._page.set(**self._status("running", run=run))

    def opened(self, run: int, opening: Opening) -> None:
        """Nothing opens here: the first result does."""

    def progressed(self, run: int, progress: Progress, seconds: float) -> None:
        """Nothing: results count the steps."""

    def estimated(self, run: int, found: Found, seconds: float) -> None:
        """Show a result."""
        self._last = found
        # nothing is made for a page that nobody looks at, and what is made takes a fifth of the time at most; the last
        # one is shown when it ends, once
        if found.status == "running" and self._environment.interactive and seconds >= self._due:
            begun = time.perf_counter()
            self._page.set(**self._shown(run, found), **self._status("running", found, seconds, run=run))
            self._due = seconds + 4 * (time.perf_counter() - begun)
            if seconds - self._stored_at >= PICTURE_EVERY:  # the notebook may be saved before the end
                self._stored_at = seconds
                self._page.update_fallback(self._fallback)
        if self._progress:
            done, total = self._counted(found)
            sys.stderr.write(f"\r{done}{f' of {total}' if total else ''}")
            sys.stderr.flush()

    def finished(self, run: int, found: Found | None, seconds: float) -> None:
        """Show how it ended, and store the table."""
        state = "stopped" if found is None else found.status
        shown = {} if found is None else self._shown(run, found)
        self._page.set(**shown, **self._status(state, found, seconds, run=run))
        self._page.update_fallback(self._fallback)
        crowd.touch(self)

    def failed(self, run: int, error: BaseException, seconds: float) -> None:
        """Say what happened; what was there stays."""
        self._error = error
        self._page.set(**self._status("failed", self._last, seconds, run=run))
        self._page.update_fallback(self._fallback)

    def cancelled(self, run: int) -> None:
        """Nothing to show: a newer run is on its way."""

    def _status(
        self, state: str, found: Found | None = None, seconds: float = 0.0, *, run: int = 1
    ) -> dict[str, Any]:
        error = None
        if self._error is not None:
            cause = self._error.__cause__ or self._error
            error = {"title": f"The {self._what} failed.", "message": str(self._error)}
            error |= {"where": users_line(cause), "hint": hint(cause), "traceback": ""}
        done, total = self._counted(found)
        status = encode_status(run=run, state=state, rows=done, total=total, seconds=seconds, error=error)
        return {"status": status}


def _nothing() -> None:
    """Nobody looks, and nothing is dropped for it."""


def _here(work: Callable[[], None]) -> None:
    work()
