"""What ``explain`` returns: a plain object that holds the widget, the runner and the newest estimate."""

from __future__ import annotations

import sys
import threading
import uuid
from collections.abc import Callable
from types import TracebackType
from typing import Any

from jupyter_xai.errors import XaiError
from jupyter_xai.explanation import Explanation
from jupyter_xai.explanation.outlets import to_html
from jupyter_xai.protocols import Opening, Progress
from jupyter_xai.widget import crowd
from jupyter_xai.widget.environment import Environment
from jupyter_xai.widget.interactive import Interactive
from jupyter_xai.widget.page import Page
from jupyter_xai.widget.presence import Presence
from jupyter_xai.widget.question import Question
from jupyter_xai.widget.runner import Job, Runner
from jupyter_xai.widget.state import Scene, is_map
from jupyter_xai.widget.timers import Timers

HELLO_TIMEOUT = 4.0
"""Seconds after which a view that was displayed starts even if no page has said hello."""
PICTURE_DELAY = 0.2
"""Seconds after a run's end before the stored picture is drawn."""
PICTURE_FIRST, PICTURE_EVERY = 1.0, 15.0
"""Seconds into a run after which its picture is first stored, and between two of them: a notebook may be saved, or
its page reloaded, before a long run ends."""
LIVE_SENTENCE = "jupyter_xai view: live while trusted and its kernel runs; its stored picture is below."
"""Text of the live output, which is never updated: it has to stay true."""

_drawing = threading.Lock()


class View(Interactive):
    """A live explanation.

    Made by :func:`jupyter_xai.explain`. In a notebook the view starts by itself once it is on the page; in a
    script it is finished before you get it.

    Parameters
    ----------
    question : Question
    request : dict
        The first request: method, params, targets, random_state.
    environment : Environment
    progress : bool, default=False
        Write progress to stderr.

    Examples
    --------
    >>> import jupyter_xai as xai
    >>> view = xai.explain(
    ...     lambda texts: [[0.9 if "dull" in t else 0.2] for t in texts], "a dull film", n_samples=200
    ... )
    >>> view.explanation.feature_names
    ('a', 'dull', 'film')
    """

    def __init__(
        self, question: Question, request: dict[str, Any], environment: Environment, *, progress: bool = False
    ) -> None:
        self._question = question
        self._environment = environment
        self._progress = progress
        self._scene = Scene(question, request)
        self._page = Page(uuid.uuid4().hex[:12], wait_for_hello=environment.interactive)
        self._runner: Runner[Explanation] = Runner(self)
        self._lock = threading.RLock()
        self._run = 0
        self._last: Explanation | None = None
        self._last_run = 0
        self._error: BaseException | None = None
        self._raised_at: TracebackType | None = None
        self._timers = Timers()
        super().__init__(question, self._scene, self._page, self._ask)
        self._presence = Presence(self._page, self.park)
        self._picture_due = PICTURE_FIRST
        self._heard: Any = None
        self._page.set(request=request, display={}, **self._scene.status(0, "idle"))
        crowd.register(self, environment.cell, environment.execution)

    # --- what a user calls ------------------------------------------------------------------------------------------

    @property
    def explanation(self) -> Explanation:
        """The finished explanation; computed right here if it has not begun, waited for if it runs.

        Raises
        ------
        XaiError
            What ended the run, if it failed; ``last`` still holds the last good estimate.
        """
        return self.wait()

    @property
    def last(self) -> Explanation | None:
        """The newest good estimate, at once; None before the first."""
        return self._last

    @property
    def widget(self) -> Any:
        """The anywidget this view holds, for layouts such as ``ipywidgets.HBox``."""
        self._presence.kept = True
        return self._live_widget()

    @property
    def busy(self) -> bool:
        """Whether a run is on its way or waits to be."""
        return self._runner.busy

    def wait(self, timeout: float | None = None) -> Explanation:
        """Wait until the run ends; starts it if need be.

        Parameters
        ----------
        timeout : float, optional
            Seconds.

        Raises
        ------
        TimeoutError
            If it is still running then; it goes on.
        XaiError
            If the run failed.
        """
        self._start_once()
        try:
            done = self._runner.wait(timeout)
            if done and self._scene.state == "running":  # parked half way; now somebody asks again
                self._submit()
                done = self._runner.wait(timeout)
        except KeyboardInterrupt:
            self.stop()
            raise
        if not done:
            raise TimeoutError(
                f"the explanation is still running after {timeout:g} s; view.last has the newest estimate"
            )
        if self._error is not None:
            raise self._error.with_traceback(self._raised_at)
        if self._last is None:
            raise XaiError("The run was cancelled before its first estimate. Call view.resume().")
        return self._last

    def stop(self) -> None:
        """End the run with the estimate it has; takes effect within one batch."""
        self._runner.stop()

    def resume(self) -> None:
        """Go on after ``stop`` or a failure. Answers the model has given are not asked for again."""
        if not self._runner.busy:
            self._submit()

    def more(self, factor: int = 2) -> None:
        """Go on with ``factor`` times the samples."""
        if self._last is not None and isinstance(self._last.params.get("n_samples"), int):
            request = dict(self._scene.request)
            request["params"] = {
                **request.get("params", {}),
                "n_samples": factor * self._last.params["n_samples"],
            }
            self._ask(request)

    def park(self) -> None:
        """Drop work and caches and keep the explanation: nobody is looking."""
        self._timers.cancel()
        self._previews.cancel()
        self._runner.cancel()
        self._question.drop_caches()

    def close(self) -> None:
        """Take the view off every page; the explanation is kept, and ``wait`` and ``last`` still work."""
        self.park()
        self._page.close()

    def retire(self) -> None:
        """Park; and leave the page once nobody looks: the cell that made this view has run again."""
        self.park()
        self._presence.replaced()

    def to_html(self, path: Any = None, *, exact: bool = False) -> str:
        """Write one self-contained page, see :meth:`Explanation.to_html`: with the changes, and as it is shown."""
        explanation = self.explanation
        names = ("geometry", "frame", "curves", "display", "request")
        return to_html(explanation, path, exact=exact, shown={name: self._page.get(name) for name in names})

    # --- display ----------------------------------------------------------------------------------------------------

    def _ipython_display_(self) -> None:
        if not self._environment.interactive:
            self._finish_before_showing()
        self._presence.displayed()
        self._live_widget()
        sentence = LIVE_SENTENCE if self._environment.notebook else self._sentence()
        self._page.display(sentence, self._fallback())
        crowd.touch(self)
        if self._environment.interactive and self._run == 0:
            self._timers.later("hello", HELLO_TIMEOUT, self._start_once)

    def _repr_mimebundle_(self, **_: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        if not self._environment.interactive:
            self._finish_before_showing()
        self._live_widget()
        data, metadata = self._page.mimebundle(self._sentence())
        return {**self._fallback(), **data}, metadata

    def _display_(self) -> Any:  # marimo's protocol
        if not self._environment.interactive:
            self._finish_before_showing()
        elif self._run == 0:
            self._timers.later("hello", HELLO_TIMEOUT, self._start_once)
        return self._live_widget()

    def __repr__(self) -> str:
        """One sentence."""
        return self._sentence()

    def _sentence(self) -> str:
        return self._scene.sentence(self._last, self._error)

    def _fallback(self) -> dict[str, str]:
        from jupyter_xai.widget.fallback import fallback_bundle

        error = self._scene.error if self._error is not None else None
        last, shown = self._last, self._scene.shown_target
        output = last.targets.index(shown) if last is not None and shown in last.targets else 0
        with _drawing:  # matplotlib's fonts are not for two threads at once
            return fallback_bundle(
                last, self._page.uid, method_label=self._scene.label, error=error, output=output
            )

    def _finish_before_showing(self) -> None:
        self._start_once()
        self._runner.wait()

    def _live_widget(self) -> Any:
        widget = self._page.widget
        with self._lock:
            if self._heard is not widget:
                self._heard = widget
                widget.on_msg(self._on_message)
                widget.observe(self._on_request, "request")
                widget.observe(self._on_display, "display")
        return widget

    # --- what the page says; handlers only enqueue ------------------------------------------------------------------

    def _on_message(self, _widget: Any, content: Any, _buffers: Any) -> None:
        kind = content.get("type") if isinstance(content, dict) else None
        self._page.hello(content)
        actions: dict[str, Callable[[], None]] = {
            "hello": self._on_hello,
            "bye": self._presence.bye,
            "stop": self.stop,
            "resume": self.resume,
            "retry": self.resume,
            "more": self.more,
            "ping": lambda: self._on_ping(content.get("id", 0)),
            "preview": lambda: self._previews.ask(content, self._scene.request),
            "picture": lambda: self._previews.ask(content, self._scene.request),
        }
        action = actions.get(kind) if isinstance(kind, str) else None
        if action is not None:
            action()

    def _on_ping(self, number: Any) -> None:
        self._page.send({"type": "pong", "id": number})
        self._start_once()  # hello may wait for the running cell while a ping came through

    def _on_hello(self) -> None:
        self._presence.hello()
        self._timers.cancel("hello")
        crowd.touch(self)
        parked_half_way = self._scene.state == "running" and not self._runner.busy
        if self._run == 0 or parked_half_way:
            self._submit()

    def _on_request(self, change: Any) -> None:
        if change["new"] != self._scene.request:  # set by the page, not by us
            self._page.hello()
            self._ask(dict(change["new"]))

    def _on_display(self, change: Any) -> None:
        target = change["new"].get("target")
        shown = target if isinstance(target, int) else None
        if shown == self._scene.shown_target:
            return
        self._scene.shown_target = shown
        if self._last is not None and is_map(self._last):
            self._page.hello()
            self._page.set(**self._scene.frame(self._last_run, self._last))
        if not self._runner.busy:
            self._store_picture()

    # --- running ----------------------------------------------------------------------------------------------------

    def _ask(self, request: dict[str, Any]) -> None:
        self._scene.request = request
        self._tell(edits=list(request.get("edits", ())), method=str(request.get("method", "")))
        self._page.set(request=request)
        self._submit()

    def _start_once(self) -> None:
        with self._lock:
            if self._run:
                return
            self._submit()

    def _submit(self) -> None:
        with self._lock:
            self._run += 1
            request = dict(self._scene.request)
            self._scene.asked(self._run, request)
            self._runner.submit(Job(self._run, lambda watch: self._question.stream(request, watch)))

    # --- the runner's listener --------------------------------------------------------------------------------------

    def started(self, run: int) -> None:
        """Say that a run has begun; the picture of the last one stays until the first estimate."""
        self._error = None
        self._picture_due = PICTURE_FIRST
        self._tell(state="running")
        self._page.set(**self._scene.status(run, "running"))

    def opened(self, run: int, opening: Opening) -> None:
        """Show the instance and its prediction."""
        self._page.set(**self._scene.opened(run, opening))

    def progressed(self, run: int, progress: Progress, seconds: float) -> None:
        """Show rows, rate and time left."""
        self._page.set(**self._scene.progressed(run, progress, seconds))
        self._write_progress()

    def estimated(self, run: int, estimate: Explanation, seconds: float) -> None:
        """Show an estimate."""
        self._last, self._last_run = estimate, run
        self._tell_estimate(estimate)
        self._page.set(**self._scene.estimated(run, estimate, seconds))
        if seconds >= self._picture_due:
            self._picture_due = seconds + PICTURE_EVERY
            self._store_picture()

    def finished(self, run: int, estimate: Explanation | None, seconds: float) -> None:
        """Show how it ended and store the picture."""
        state = estimate.status if estimate is not None else "failed"
        self._tell(state=state)
        self._page.set(**self._scene.status(run, state, seconds=seconds))
        self._store_picture()
        crowd.touch(self)
        self._write_progress(end="\n")

    def failed(self, run: int, error: BaseException, seconds: float) -> None:
        """Say what happened; the last good picture stays."""
        self._error, self._raised_at = error, error.__traceback__
        self._scene.error = self._question.describe_error(error)
        self._tell(state="failed")
        self._page.set(**self._scene.status(run, "failed", seconds=seconds))
        self._store_picture()
        self._write_progress(end="\n")

    def cancelled(self, run: int) -> None:
        """Nothing to show: a newer run is on its way, or nobody is looking."""

    def _store_picture(self) -> None:
        """Draw the static picture a moment later, so that the next request need not wait for it."""
        if self._page.shown:
            self._timers.later("picture", PICTURE_DELAY, lambda: self._page.update_fallback(self._fallback))

    def _write_progress(self, end: str = "") -> None:
        if self._progress:
            sys.stderr.write(f"\r{self._scene.line:<70}{end}")
            sys.stderr.flush()
