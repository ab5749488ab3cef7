"""Traits of a view that a notebook can observe."""

from __future__ import annotations

from typing import Any

import traitlets


class Observed(traitlets.HasTraits):
    """What changes while a view lives; Python alone writes it.

    ``prediction`` is the shown output's number, ``predictions`` every output's by name; both follow a slider
    while it is dragged. ``edits``, ``state``, ``method`` and ``target`` are as in the view.
    """

    prediction: Any = traitlets.Float(None, allow_none=True)
    predictions: Any = traitlets.Dict()
    explanation: Any = traitlets.Any(None, allow_none=True)
    edits: Any = traitlets.List()
    state = traitlets.Unicode("idle")
    method = traitlets.Unicode()
    target = traitlets.Unicode()

    def set(self, news: dict[str, Any]) -> None:
        """Set several at once; observers are told afterwards."""
        with self.hold_trait_notifications():
            for name, value in news.items():
                setattr(self, name, value)
