"""Things to do a little later, each under a name; setting one again puts it off."""

from __future__ import annotations

import threading
from collections.abc import Callable


class Timers:
    """Named timers that end with the process."""

    def __init__(self) -> None:
        self._running: dict[str, threading.Timer] = {}

    def later(self, name: str, seconds: float, action: Callable[[], None]) -> None:
        """Do it after this many seconds, unless it is put off or cancelled."""
        self.cancel(name)
        timer = self._running[name] = threading.Timer(seconds, action)
        timer.daemon = True
        try:
            timer.start()
        except RuntimeError:  # no threads here: nothing to wait with
            action()

    def cancel(self, *names: str) -> None:
        """Forget these; without names, all."""
        for name in names or tuple(self._running):
            timer = self._running.pop(name, None)
            if timer is not None:
                timer.cancel()
