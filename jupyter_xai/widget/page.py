"""What the page is shown: the four traits Python writes, the display traits, and the stored fallback output.

Nothing is sent before the page has said hello, because what a cell publishes on a comm would bind the page's
clicks to the shell that runs cells. Until then the newest state waits here.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from jupyter_xai.widget.publish import Publisher, release_route

if TYPE_CHECKING:
    from jupyter_xai.widget.widget import ExplanationWidget

_log = logging.getLogger("jupyter_xai")


class Page:
    """Holds the widget and the newest state.

    Parameters
    ----------
    uid : str
        Names the live root and the fallback output.
    wait_for_hello : bool
        True where a page will answer; False where state must be complete before it is displayed.
    board : bool
        Many explanations are shown, not one.
    """

    def __init__(self, uid: str, *, wait_for_hello: bool, board: bool = False) -> None:
        self.uid = uid
        self._board = board
        self.publisher = Publisher()
        self._waits = wait_for_hello
        self.heard = not wait_for_hello
        self.shown = False
        self._state: dict[str, Any] = {"uid": uid}
        self._unsent: set[str] = set()
        self._widget: ExplanationWidget | None = None
        self._lock = threading.RLock()
        self._drawing = threading.Lock()

    @property
    def widget(self) -> ExplanationWidget:
        """The anywidget, made with the newest state when it is first asked for.

        Raises
        ------
        XaiError
            If the browser bundle was not built.
        """
        with self._lock:
            if self._widget is None:
                from jupyter_xai.widget.widget import BoardWidget, ExplanationWidget

                made = BoardWidget if self._board else ExplanationWidget
                self._widget = made(**self._state)
                self._unsent.clear()
                release_route(self._widget)  # or hello would wait for the cells that run now
            return self._widget

    def get(self, name: str) -> Any:
        """Return the newest state of one trait."""
        with self._lock:
            if self._widget is not None and name not in self._unsent:
                return getattr(self._widget, name)
            return self._state.get(name, {})

    def set(self, **state: Any) -> None:
        """Show new state: sent now if the page listens, kept for it if not."""
        with self._lock:
            self._state.update(state)
            self._unsent.update(state)
        if self.heard:
            self.flush()

    def hello(self, message: Any = None) -> None:
        """Called inside the handler of a page's message: the page listens from now on, in this context.

        What the message repeats of the page's own changes is taken in. A host may have lost them with its connection,
        and may never send later ones: ipywidgets waits for the kernel's word on each before it sends the next.
        """
        self.publisher.remember()
        if not self.heard:
            self.heard = True
            self.flush()
        said = message if isinstance(message, Mapping) else {}
        repeated = {name: said[name] for name in ("display", "request") if isinstance(said.get(name), dict)}
        if repeated and self._widget is not None:
            self._widget.set_state(repeated)

    def flush(self) -> None:
        """Send what has not been sent, as one message."""
        with self._lock:
            widget = self._widget
            if widget is None:
                return
            news = {name: self._state[name] for name in self._unsent}
            self._unsent.clear()

        def send() -> None:
            with widget.hold_sync():
                for name, value in news.items():
                    setattr(widget, name, value)
            release_route(widget)

        if news:
            self.publisher(send)

    def send(self, message: dict[str, Any], buffers: list[bytes] | None = None) -> None:
        """Send one custom message."""
        widget = self._widget
        if widget is None:
            return

        def send() -> None:
            widget.send(message, buffers)
            release_route(widget)

        self.publisher(send)

    def close(self) -> None:
        """Close the widget; what comes later is kept here, for the next one that is asked for."""
        with self._lock:
            widget, self._widget = self._widget, None
            if widget is not None:
                self._state |= {name: dict(getattr(widget, name)) for name in ("display", "request")}
            self.heard, self.shown = not self._waits, False
        if widget is not None:
            self.publisher(widget.close)

    # --- the two outputs --------------------------------------------------------------------------------------------

    def display(self, sentence: str, fallback: dict[str, str]) -> None:
        """Publish the live view and, under an id of its own, the static picture; CSS shows exactly one."""
        data, metadata = self.mimebundle(sentence)
        _publish(data, metadata)
        _publish(fallback, transient={"display_id": self._display_id})
        self.shown = True

    def mimebundle(self, sentence: str) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the widget's own bundle with our sentence as its text."""
        bundle: Any = self.widget._repr_mimebundle_() or {}
        data, metadata = bundle if isinstance(bundle, tuple) else (bundle, {})
        return {**data, "text/plain": sentence}, dict(metadata)

    def update_fallback(self, make: Callable[[], dict[str, str]]) -> None:
        """Replace the stored static picture; the live view's output is never touched.

        Nothing is drawn unless the view was displayed, and a picture that cannot be drawn ends no run. Drawing
        takes long, so frames and answers are published meanwhile; a later picture waits for an earlier one.
        """
        if not self.shown:
            return
        with self._drawing:
            try:
                picture = make()
            except Exception:  # noqa: BLE001  # the view goes on without its stored picture
                _log.debug("could not draw the stored picture", exc_info=True)
                return
            self.publisher(lambda: _publish(picture, transient={"display_id": self._display_id}, update=True))

    @property
    def _display_id(self) -> str:
        return f"xai-{self.uid}"


def _publish(data: dict[str, Any], metadata: dict[str, Any] | None = None, **how: Any) -> None:
    from IPython import display

    publish: Any = display.publish_display_data
    publish(data, metadata, **how)
