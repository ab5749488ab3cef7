"""All living views: a re-run cell parks the views of its last execution, and only the newest few keep caches."""

from __future__ import annotations

import threading
import weakref
from collections import OrderedDict
from typing import Protocol

MAX_AWAKE = 8
"""Views that may keep caches and run at the same time."""


class Parkable(Protocol):
    """Something whose work and caches can be dropped."""

    def park(self) -> None:
        """Drop them."""


_lock = threading.Lock()
_awake: OrderedDict[int, weakref.ref[Parkable]] = OrderedDict()
_by_cell: dict[str, tuple[str, list[weakref.ref[Parkable]]]] = {}


def register(view: Parkable, cell: str, execution: str) -> None:
    """Count a new view in; park those an earlier execution of the same cell made."""
    stale: list[Parkable] = []
    with _lock:
        if cell:
            last, views = _by_cell.get(cell, ("", []))
            if last != execution:
                stale = [found for ref in views if (found := ref()) is not None]
                views = []
            views.append(weakref.ref(view))
            _by_cell[cell] = (execution, views)
    for old in stale:
        old.park()
    touch(view)


def touch(view: Parkable) -> None:
    """Make this view the newest; park the oldest beyond ``MAX_AWAKE``."""
    with _lock:
        _awake[id(view)] = weakref.ref(view)
        _awake.move_to_end(id(view))
        for key in [key for key, ref in _awake.items() if ref() is None]:
            del _awake[key]
        overdue = [_awake.popitem(last=False)[1]() for _ in range(len(_awake) - MAX_AWAKE)]
    for old in overdue:
        if old is not None:
            old.park()
