"""What ``compare`` returns: a live view of methods side by side, and the comparison behind it."""

from __future__ import annotations

import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from jupyter_xai.comparing.board import empty_board, encode_board
from jupyter_xai.comparing.result import Comparison
from jupyter_xai.errors import XaiError
from jupyter_xai.explanation import Pixels
from jupyter_xai.widget import crowd
from jupyter_xai.widget.environment import Environment
from jupyter_xai.widget.fallback import beside_live
from jupyter_xai.widget.page import Page
from jupyter_xai.wire import encode_geometry, encode_status

Start = Callable[[], Iterator[Comparison]]
"""Makes the stream of comparisons, each whole; closing it cancels within one batch."""

LIVE_SENTENCE = "jupyter_xai comparison: live while trusted and its kernel runs; its stored table is below."
PAUSE = 0.1
"""Seconds between two boards of one method that is on its way."""


class ComparisonView:
    """Methods side by side, as they come.

    It offers all that :class:`Comparison` has, waiting for it where it must.

    Parameters
    ----------
    start : callable
        Makes the stream of comparisons.
    environment : Environment
    watch : callable, optional
        Called with each comparison; False stops.
    progress : bool, default=False
        Write progress to stderr.
    random_state : int, default=0
        What the view names.

    Examples
    --------
    >>> import numpy as np
    >>> import jupyter_xai as xai
    >>> rows = np.random.default_rng(0).normal(size=(40, 3))
    >>> view = xai.compare(
    ...     lambda X: X[:, 0] - X[:, 1], rows[0], ["lime", "kernel_shap"], background=rows, metrics=[]
    ... )
    >>> view.comparison.status, len(view.entries)
    ('settled', 2)
    """

    def __init__(
        self,
        start: Start,
        environment: Environment,
        *,
        watch: Callable[[Comparison], bool] | None = None,
        progress: bool = False,
        random_state: int = 0,
    ) -> None:
        self._start, self._environment, self._watch, self._progress = start, environment, watch, progress
        self._random_state = random_state
        self._page = Page(uuid.uuid4().hex[:12], wait_for_hello=environment.interactive)
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._done = threading.Event()
        self._going = True
        self._last: Comparison | None = None
        self._error: BaseException | None = None
        self._listening = False
        self._page.set(display={}, board=empty_board(), **self._status("idle"))
        crowd.register(self, environment.cell, environment.execution)

    # --- what a user calls ------------------------------------------------------------------------------------------

    @property
    def comparison(self) -> Comparison:
        """The finished comparison; waits for it."""
        return self.wait()

    @property
    def last(self) -> Comparison | None:
        """The newest comparison, at once; None before the first."""
        return self._last

    @property
    def busy(self) -> bool:
        """Whether it is at work."""
        return self._thread is not None and not self._done.is_set()

    def wait(self, timeout: float | None = None) -> Comparison:
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
        if not self._environment.interactive and self._thread is None and not self._done.is_set():
            self._run()  # in the cell itself: an interrupt stops it and keeps what is there
        else:
            self._begin()
            try:
                done = self._done.wait(timeout)
            except KeyboardInterrupt:
                self.stop()
                raise
            if not done:
                raise TimeoutError(
                    f"the comparison is still running after {timeout:g} s; view.last has what is there"
                )
        if self._error is not None:
            raise self._error
        if self._last is None:
            raise XaiError("The comparison was stopped before its first method. Call xai.compare again.")
        return self._last

    def stop(self) -> None:
        """End with what is there; takes effect within one batch."""
        self._going = False

    def park(self) -> None:
        """Nobody is looking: stop, keep what is there."""
        self.stop()

    def __getattr__(self, name: str) -> Any:
        """What a comparison has."""
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self.comparison, name)

    def __getitem__(self, name: str) -> Any:
        """The method of a name or label."""
        return self.comparison[name]

    def __repr__(self) -> str:
        """One line."""
        return "<Comparison, nothing computed yet>" if self._last is None else repr(self._last)

    # --- display ----------------------------------------------------------------------------------------------------

    def _ipython_display_(self) -> None:
        if not self._environment.interactive:
            self.wait()
        self._live_widget()
        sentence = LIVE_SENTENCE if self._environment.notebook else repr(self)
        self._page.display(sentence, self._fallback())

    def _repr_mimebundle_(self, **_: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        if not self._environment.interactive:
            self.wait()
        self._live_widget()
        data, metadata = self._page.mimebundle(repr(self))
        return {**self._fallback(), **data}, metadata

    def _repr_html_(self) -> str:
        """The stored table, for hosts that know no widgets."""
        return self.comparison._repr_html_()

    def _display_(self) -> Any:  # marimo's protocol
        if not self._environment.interactive:
            self.wait()
        return self._live_widget()

    @property
    def widget(self) -> Any:
        """The anywidget this view holds."""
        return self._live_widget()

    def _fallback(self) -> dict[str, str]:
        last = self._last
        body = "<p>Nothing computed yet: run this cell.</p>" if last is None else last._repr_html_()
        said = repr(self) if last is None else last.report()
        return {"text/html": beside_live(body, self._page.uid), "text/plain": said}

    def _live_widget(self) -> Any:
        widget = self._page.widget
        with self._lock:
            if not self._listening:
                self._listening = True
                widget.on_msg(self._on_message)
        return widget

    def _on_message(self, _widget: Any, content: Any, _buffers: Any) -> None:
        kind = content.get("type") if isinstance(content, dict) else None
        self._page.hello()
        if kind == "stop":
            self.stop()
        elif kind == "ping":
            self._page.send({"type": "pong", "id": content.get("id", 0)})
        if kind in {"hello", "ping"}:
            self._begin()

    # --- running ----------------------------------------------------------------------------------------------------

    def _begin(self) -> None:
        with self._lock:
            if self._thread is None and not self._done.is_set():
                self._thread = threading.Thread(target=self._run, name="jupyter_xai comparison", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        begun = shown = time.perf_counter()
        try:
            stream = self._start()
            for found in stream:
                self._last = found
                now = time.perf_counter()
                if self._watch is not None and not self._watch(found) and found.status == "running":
                    self._going = False
                if not self._going and found.status == "running":
                    self._last = replace(found, status="stopped")
                    getattr(stream, "close", lambda: None)()
                    break
                if found.status == "running" and now - shown >= PAUSE:
                    shown = now
                    self._show(found, now - begun)
        except KeyboardInterrupt:
            if self._last is None:
                raise
            self._last = replace(self._last, status="stopped")
        except Exception as error:  # noqa: BLE001 - raised again by whoever waits, and said in the view
            self._error = error
        finally:  # whoever waits finds the end on the page as well
            try:
                self._finish(time.perf_counter() - begun)
            finally:
                self._done.set()

    def _show(self, found: Comparison, seconds: float) -> None:
        waiting = [each.label for each in found.entries if each.explanation is None and not each.why_not]
        state = "running" if found.status == "running" else found.status
        geometry = {}
        if isinstance(found.features, Pixels) and not self._page.get("geometry"):
            geometry["geometry"] = encode_geometry(
                found.features,
                run=1,
                took="",
                output_names=found.output_names,
                n_outputs=len(found.output_names),
                output_unit=found.space,
            )
        board = encode_board(
            found,
            random_state=self._random_state,
            running=waiting[0] if state == "running" and waiting else "",
        )
        self._page.set(board=board, **geometry, **self._status(state, found, seconds))
        if self._progress:
            sys.stderr.write(f"\r{len(found.entries) - len(waiting)} of {len(found.entries)} methods")
            sys.stderr.flush()

    def _finish(self, seconds: float) -> None:
        if self._error is not None:
            self._page.set(**self._status("failed", self._last, seconds))
        elif self._last is not None:
            self._show(self._last, seconds)
        self._page.update_fallback(self._fallback)
        crowd.touch(self)

    def _status(self, state: str, found: Comparison | None = None, seconds: float = 0.0) -> dict[str, Any]:
        entries = () if found is None else found.entries
        error = None
        if self._error is not None:
            error = {"title": "The comparison failed.", "message": str(self._error)}
            error |= {"where": "", "hint": "", "traceback": ""}
        done = sum(bool(each.explanation is not None or each.why_not) for each in entries)
        status = encode_status(
            run=1, state=state, rows=done, total=len(entries) or None, seconds=seconds, error=error
        )
        return {"status": status}
