"""Whether anybody looks at a view: nobody for a while parks it, and closes its page if its cell has run again."""

from __future__ import annotations

from collections.abc import Callable

from jupyter_xai.widget.environment import asking_page
from jupyter_xai.widget.page import Page
from jupyter_xai.widget.timers import Timers

PARK_DELAY = 2.0
"""Seconds a view may be without a page (a cell being moved) before its work is dropped."""


class Presence:
    """Counts the places of a page that show a view.

    A view whose cell was run again is *replaced*: once nobody shows it, its widget is closed, so that neither
    kernel nor page keeps it. Whoever displays it later gets a new widget with the newest state. A view that is gone for
    another reason is only parked: a page may come back without a word.

    Parameters
    ----------
    page : Page
    park : callable
        Drops work and caches.
    """

    def __init__(self, page: Page, park: Callable[[], None]) -> None:
        self._page, self._park = page, park
        self._timers = Timers()
        self._front = ""
        self._replaced = False
        self.kept = False
        """Somebody holds the widget itself: it is never closed."""
        self.places = 0
        """How many show it now."""

    def hello(self) -> None:
        """A place shows the view. Called inside the handler of its message."""
        page = asking_page()
        if page != self._front:  # an earlier page may have gone without a bye: the newest one counts
            self._front, self.places = page, 0
        self.places += 1
        self._timers.cancel()

    def bye(self) -> None:
        """A place shows it no more. Called inside the handler of its message."""
        if asking_page() != self._front:
            return
        self.places = max(0, self.places - 1)
        if self.places == 0:
            self._timers.later("bye", PARK_DELAY, self._nobody)

    def displayed(self) -> None:
        """A place is on its way."""
        self._timers.cancel()

    def replaced(self) -> None:
        """The cell that made the view has run again."""
        self._replaced = True
        if self.places == 0:
            self._timers.later("bye", PARK_DELAY, self._nobody)

    def _nobody(self) -> None:
        self._park()
        if self._replaced and not self.kept:
            self._page.close()
