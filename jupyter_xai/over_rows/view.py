"""What ``explain_dataset`` returns: a live view of many rows, the result behind it, and one row's own view beneath."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any

from jupyter_xai.errors import InputError, XaiError
from jupyter_xai.explanation import GlobalExplanation
from jupyter_xai.models.traceback import describe_error
from jupyter_xai.over_rows.beneath import Beneath
from jupyter_xai.over_rows.question import Question
from jupyter_xai.over_rows.rows import Rows
from jupyter_xai.over_rows.scene import Scene
from jupyter_xai.protocols import Progress, Target, Watch
from jupyter_xai.widget import crowd
from jupyter_xai.widget.environment import Environment, read_environment
from jupyter_xai.widget.export import label_of, state_of
from jupyter_xai.widget.overview import overview_html, overview_page, overview_text
from jupyter_xai.widget.page import Page
from jupyter_xai.widget.presence import Presence
from jupyter_xai.widget.timers import Timers
from jupyter_xai.widget.view import HELLO_TIMEOUT, PICTURE_EVERY, PICTURE_FIRST, View

LIVE_SENTENCE = (
    "jupyter_xai view of many rows: live while trusted and its kernel runs; its stored table is below."
)


class GlobalView:
    """What a model looks at over many rows, as it comes.

    It offers all that :class:`GlobalExplanation` has, waiting for it where it must.

    Parameters
    ----------
    kernel : DatasetKernel
    rows : Rows
    question : Question
        What was asked, from which one row's question is made.
    environment : Environment
    targets, executor, watch : optional
        As for ``explain_dataset``.
    progress : bool, default=False
        Write progress to stderr.

    Examples
    --------
    >>> import numpy as np
    >>> import jupyter_xai as xai
    >>> rows = np.random.default_rng(0).normal(size=(40, 3))
    >>> view = xai.explain_dataset(lambda X: X[:, 0] - X[:, 1], rows)
    >>> view.result.status, view.ranking().tolist()
    ('settled', [0, 1, 2])
    >>> view.explain_row(7).explanation.method
    'kernel_shap'
    """

    def __init__(
        self,
        kernel: Any,
        rows: Rows,
        question: Question,
        environment: Environment,
        *,
        targets: Target | None = None,
        executor: Executor | int | None = None,
        watch: Watch | None = None,
        progress: bool = False,
    ) -> None:
        self._kernel, self._rows, self._environment = kernel, rows, environment
        self._targets, self._executor, self._watch = targets, executor, watch
        self._page = Page(uuid.uuid4().hex[:12], wait_for_hello=environment.interactive, board=True)
        self._scene = Scene(
            self._page,
            rows,
            getattr(kernel, "random_state", 0),
            progress=progress,
            watched=environment.interactive,
        )
        if isinstance(targets, list | tuple) and targets:
            self._page.set(display={"target": 0})  # what was asked for first is shown first
        self._beneath = Beneath(question, kernel, rows, targets, self._page, self._opened)
        self._lock = threading.RLock()
        self._timers = Timers()
        self._thread: threading.Thread | None = None
        self._done = threading.Event()
        self._going = True
        self._picture_due = PICTURE_FIRST
        self._last: GlobalExplanation | None = None
        self._error: BaseException | None = None
        self._raised_at: TracebackType | None = None
        self._heard: Any = None
        self._presence = Presence(self._page, self._beneath.park)  # the run itself could not go on
        crowd.register(self, environment.cell, environment.execution)

    # --- what a user calls ------------------------------------------------------------------------------------------

    @property
    def result(self) -> GlobalExplanation:
        """The finished result; waits for it, and raises what ended the run."""
        return self.wait()

    @property
    def last(self) -> GlobalExplanation | None:
        """The newest estimate, at once; None before the first."""
        return self._last

    @property
    def busy(self) -> bool:
        """Whether it is at work."""
        return self._thread is not None and not self._done.is_set()

    @property
    def row_view(self) -> View | None:
        """The live view of the row that stands beneath; None before one is opened."""
        return self._beneath.view

    def wait(self, timeout: float | None = None) -> GlobalExplanation:
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
                raise TimeoutError(f"still running after {timeout:g} s; view.last has the newest estimate")
        if self._error is not None:
            raise self._error.with_traceback(self._raised_at)
        if self._last is None:
            raise XaiError("It was stopped before the first rows were done. Call xai.explain_dataset again.")
        return self._last

    def stop(self) -> None:
        """End with the rows that are done; takes effect within one batch."""
        self._going = False

    def resume(self) -> None:
        """Begin again after ``stop`` or a failure, from the first row.

        Raises
        ------
        InputError
            If the rows came from a generator, which can be read only once.
        """
        if not self._rows.again:
            raise InputError(
                "The rows came from a generator and cannot be read again: call xai.explain_dataset with a new one."
            )
        with self._lock:
            if self.busy:
                return
            self._done.clear()
            self._thread, self._going, self._error = None, True, None
        self._begin()

    def park(self) -> None:
        """Nobody is looking: stop what runs, keep what is there. A view that has not begun may still be asked to."""
        self._timers.cancel("hello")
        if self.busy:
            self.stop()
        self._beneath.park()

    def retire(self) -> None:
        """Park; and leave the page once nobody looks: the cell that made this view has run again."""
        self.park()
        self._beneath.retire()
        self._presence.replaced()

    def explain_row(
        self,
        row: int,
        *,
        method: Any = None,
        targets: Any = None,
        headless: bool | None = None,
        **params: Any,
    ) -> View:
        """One row's own live view, by the explainer that the run used on every row.

        Parameters
        ----------
        row : int
            Its number in the data, from 0.
        method : str, class or explainer, optional
            Another method.
        targets : optional
            As for :func:`jupyter_xai.explain`; None: those of the run.
        headless : bool, optional
            As for :func:`jupyter_xai.explain`.
        **params : object
            Hyper-parameters that differ.

        Raises
        ------
        InputError
            If there is no such row, or it came from a generator and was not kept.
        """
        environment = read_environment(headless)
        view = self._beneath.view_of(row, environment, method=method, targets=targets, params=params)
        if not environment.interactive:
            view.wait()
        return view

    def observe(self, handler: Callable[[Any], None], names: str | list[str] = "result") -> None:
        """Call a function when something changes, as traitlets do: with a dict of name, old and new.

        Parameters
        ----------
        handler : callable
            Called from the thread that computes; keep it short.
        names : str or list of str, default="result"
            Of ``result`` (every estimate), ``state``, ``rows`` (how many are done) and ``row`` (the number of the row
            that is opened beneath).
        """
        self._scene.observed.observe(handler, names)

    def unobserve(self, handler: Callable[[Any], None], names: str | list[str] = "result") -> None:
        """Take back ``observe``."""
        self._scene.observed.unobserve(handler, names)

    def to_html(self, path: str | Path | None = None) -> str:
        """Write one self-contained page, with the row that is opened beneath.

        Parameters
        ----------
        path : str or Path, optional
            Where it is written as well.
        """
        found, view = self.result, self._beneath.view
        child = None if view is None else view.last
        state = None if child is None else state_of(child, label_of(child.method))
        said = overview_page(found, row=self._beneath.row, row_state=state)
        if path is not None:
            Path(path).write_text(said, encoding="utf-8")
        return said

    def __getattr__(self, name: str) -> Any:
        """What a result has."""
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self.result, name)

    def __repr__(self) -> str:
        """One line."""
        if self._error is not None:
            return f"<GlobalExplanation, failed: {self._error}>"
        return "<GlobalExplanation, nothing computed yet>" if self._last is None else repr(self._last)

    # --- display ----------------------------------------------------------------------------------------------------

    def _ipython_display_(self) -> None:
        self._before_display()
        self._presence.displayed()
        sentence = LIVE_SENTENCE if self._environment.notebook else repr(self)
        self._page.display(sentence, self._fallback())

    def _repr_mimebundle_(self, **_: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        self._before_display()
        data, metadata = self._page.mimebundle(repr(self))
        return {**self._fallback(), **data}, metadata

    def _repr_html_(self) -> str:
        """The stored table, for hosts that know no widgets."""
        return overview_html(self.result)

    def _display_(self) -> Any:  # marimo's protocol
        self._before_display()
        return self._live_widget()

    @property
    def widget(self) -> Any:
        """The anywidget this view holds."""
        self._presence.kept = True
        return self._live_widget()

    def _before_display(self) -> None:
        if not self._environment.interactive:
            if not self._done.is_set():
                self.wait()
        elif self._thread is None:
            self._timers.later("hello", HELLO_TIMEOUT, self._begin)
        self._live_widget()

    def _fallback(self) -> dict[str, str]:
        error = None if self._error is None else describe_error(self._error)
        last = self._last
        said = repr(self) if last is None else overview_text(last)
        return {"text/html": overview_html(last, self._page.uid, error=error), "text/plain": said}

    def _live_widget(self) -> Any:
        self._scene.show()
        widget = self._page.widget
        with self._lock:
            if self._heard is not widget:
                self._heard = widget
                widget.on_msg(self._on_message)
        return widget

    # --- what the page says; handlers only enqueue ------------------------------------------------------------------

    def _on_message(self, _widget: Any, content: Any, _buffers: Any) -> None:
        kind = content.get("type") if isinstance(content, dict) else None
        self._page.hello(content)
        if kind == "stop":
            self.stop()
        elif kind == "hello":
            self._presence.hello()
        elif kind == "bye":
            self._presence.bye()
        elif kind == "ping":
            self._page.send({"type": "pong", "id": content.get("id", 0)})
        elif kind == "row":
            self._beneath.asked(content, self._environment.notebook)
        elif kind in {"retry", "resume"} and self._rows.again:
            self.resume()
        if kind in {"hello", "ping"}:
            self._begin()

    # --- running ----------------------------------------------------------------------------------------------------

    def _begin(self) -> None:
        with self._lock:
            self._timers.cancel("hello")
            if self._thread is None and not self._done.is_set():
                self._thread = threading.Thread(target=self._run, name="jupyter_xai over rows", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        self._picture_due = PICTURE_FIRST
        self._scene.begin()
        try:
            stream = self._kernel.stream(
                self._rows.passing(), self._targets, watch=self._go_on, executor=self._executor
            )
            for found in stream:
                self._last = found
                if found.status == "running":
                    self._show(found)
        except KeyboardInterrupt:
            if self._last is None:
                raise
            self._last = replace(self._last, status="stopped")
        except Exception as error:  # noqa: BLE001 - raised again by whoever waits, and said in the view
            self._error, self._raised_at = error, error.__traceback__
        finally:  # whoever waits finds the end on the page as well
            try:
                self._scene.ended(self._last, self._error)
                self._page.update_fallback(self._fallback)
                crowd.touch(self)
            finally:
                self._done.set()

    def _go_on(self, progress: Progress) -> bool:
        self._scene.progressed(progress)
        if self._watch is not None and not self._watch(progress):
            self._going = False
        return self._going

    def _show(self, found: GlobalExplanation) -> None:
        self._scene.estimated(found)
        if self._scene.seconds >= self._picture_due:  # a notebook may be saved before a long run ends
            self._picture_due = self._scene.seconds + PICTURE_EVERY
            self._page.update_fallback(self._fallback)

    def _opened(self, row: int | None) -> None:
        self._page.publisher(lambda: setattr(self._scene.observed, "row", row))
