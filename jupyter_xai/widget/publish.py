"""Publish to the page from any thread, always as if answering the page's latest message.

JupyterLab speaks to a widget on a subshell, and the kernel sends the page's next messages to the shell that last
published on the comm. One trait set with a cell's context would route every later click to the main shell, where
it waits for the running cell; ipykernel 7.0 raises outright in a plain thread. So the context of the page's latest
message is kept, and everything is published inside a copy of it (one Context cannot be entered twice).
"""

from __future__ import annotations

import contextvars
import logging
import threading
from collections.abc import Callable
from typing import Any, TypeVar

Result = TypeVar("Result")
_log = logging.getLogger("jupyter_xai")


class Publisher:
    """Keeps the context to publish in.

    Until the page has spoken, that is the context the view was made in.
    """

    def __init__(self) -> None:
        self._context = contextvars.copy_context()
        self._lock = threading.RLock()

    def remember(self) -> None:
        """Called in a handler of a page's message: answer that one from now on."""
        self._context = contextvars.copy_context()

    def __call__(self, publish: Callable[[], Result]) -> Result | None:
        """Run ``publish`` in a copy of the context, one at a time; a page that is gone must not end a run."""
        with self._lock:
            try:
                return self._context.copy().run(publish)
            except Exception:  # noqa: BLE001  # whatever a dead comm raises
                _log.debug("could not publish to the page", exc_info=True)
                return None


def release_route(widget: Any) -> None:
    """Let the page's own choice of shell stand for its next message.

    ipykernel 7.4 sends it to the shell that last published on the comm instead, which right after a cell has made
    the widget, or before the page has its subshell, is the one that runs cells. Other versions have no such memory.
    """
    getattr(getattr(widget, "comm", None), "__dict__", {}).pop("_reply_subshell_id", None)
