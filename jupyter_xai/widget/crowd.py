"""All living views: a re-run cell retires the views of its last execution, and only the newest few keep caches."""

from __future__ import annotations

import threading
import weakref
from collections import OrderedDict
from typing import Protocol

MAX_AWAKE = 8
"""Views that may keep caches while they do nothing; one that works is never interrupted by newer ones."""


class Parkable(Protocol):
    """Something whose work and caches can be dropped."""

    @property
    def busy(self) -> bool:
        """Whether it is at work."""

    def park(self) -> None:
        """Drop them."""

    def retire(self) -> None:
        """Park; and leave the page once nobody looks."""


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
        old.retire()
    touch(view)


def touch(view: Parkable) -> None:
    """Make this view the newest; park the oldest idle ones beyond ``MAX_AWAKE``."""
    with _lock:
        _awake[id(view)] = weakref.ref(view)
        _awake.move_to_end(id(view))
        known = [(key, ref()) for key, ref in _awake.items()]
        idle = [(key, old) for key, old in known if old is None or (old is not view and not old.busy)]
        gone = [key for key, old in idle if old is None]
        excess = max(0, len(known) - len(gone) - MAX_AWAKE)
        overdue = [(key, old) for key, old in idle if old is not None][:excess]
        for key in [*gone, *(key for key, _ in overdue)]:
            del _awake[key]
    for _, old in overdue:
        old.park()
