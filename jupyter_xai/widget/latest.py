"""Work of which only the newest counts: a slider's moves come faster than a model answers."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

_log = logging.getLogger("jupyter_xai")


class Latest:
    """Does the newest piece of work, at most one at a time; what waits is replaced by what comes.

    The thread ends when nothing is left to do.

    Examples
    --------
    >>> done = []
    >>> latest = Latest(spawn=lambda work: work())
    >>> latest.submit(lambda: done.append(1))
    >>> done
    [1]
    """

    def __init__(self, spawn: Callable[[Callable[[], None]], None] | None = None) -> None:
        self._spawn = spawn or _in_thread
        self._lock = threading.Lock()
        self._pending: Callable[[], None] | None = None
        self._alive = False

    def submit(self, work: Callable[[], None]) -> None:
        """Do this next, unless something newer comes first."""
        with self._lock:
            self._pending = work
            start, self._alive = not self._alive, True
        if start:
            self._spawn(self._work)

    def cancel(self) -> None:
        """Forget what waits."""
        with self._lock:
            self._pending = None

    def _work(self) -> None:
        while True:
            with self._lock:
                work, self._pending = self._pending, None
                if work is None:
                    self._alive = False
                    return
            try:
                work()
            except Exception:  # noqa: BLE001  # the next one is not to blame
                _log.exception("a preview failed")


def _in_thread(work: Callable[[], None]) -> None:
    try:
        threading.Thread(target=work, name="jupyter_xai preview", daemon=True).start()
    except RuntimeError:  # no threads on this platform
        work()
