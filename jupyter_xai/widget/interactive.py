"""The part of a view that follows the hand: what-if, previews, and traits that a notebook can observe."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jupyter_xai.explanation import Explanation
from jupyter_xai.widget.observed import Observed
from jupyter_xai.widget.page import Page
from jupyter_xai.widget.previews import Previews
from jupyter_xai.widget.question import Question
from jupyter_xai.widget.state import Scene
from jupyter_xai.widget.whatif import WhatIf


class Interactive:
    """Base of ``View``.

    Parameters
    ----------
    question : Question
    scene : Scene
    page : Page
    ask : callable
        ``ask(request)`` makes it the present request and starts a run.
    """

    def __init__(
        self, question: Question, scene: Scene, page: Page, ask: Callable[[dict[str, Any]], None]
    ) -> None:
        self._told_by = scene
        self._publisher = page.publisher
        self._known: Explanation | None = None
        self._previews = Previews(question, page.send, self._foreseen)
        self._observed = Observed(method=str(scene.request.get("method", "")))
        self._what_if = WhatIf(
            lambda: scene.request.get("edits", ()), lambda edits: ask({**scene.request, "edits": edits})
        )

    @property
    def what_if(self) -> WhatIf:
        """Change the instance and see prediction and explanation follow: ``view.what_if({"duration": 31})``."""
        return self._what_if

    @property
    def prediction(self) -> float | None:
        """The model's answer for the shown output, after the present edits; None before the first."""
        shown: float | None = self._observed.prediction
        return shown

    def observe(self, handler: Callable[[Any], None], names: str | list[str] = "prediction") -> None:
        """Call a function when something changes, as traitlets do: with a dict of name, old and new.

        Parameters
        ----------
        handler : callable
            Called from the thread that computes; keep it short.
        names : str or list of str, default="prediction"
            Of ``prediction``, ``predictions`` (name to number), ``explanation``, ``edits``, ``state``,
            ``method`` and ``target``.
        """
        self._observed.observe(handler, names)

    def unobserve(self, handler: Callable[[Any], None], names: str | list[str] = "prediction") -> None:
        """Take back ``observe``."""
        self._observed.unobserve(handler, names)

    def _tell(self, **news: Any) -> None:
        """Set traits, in the context in which the page is answered: a handler may move other widgets."""
        self._publisher(lambda: self._observed.set(news))

    def _tell_estimate(self, estimate: Explanation) -> None:
        self._known = estimate
        self._tell(explanation=estimate, **self._told_by.numbers(estimate, estimate.all_predictions))

    def _foreseen(self, edits: list[Any], predictions: NDArray[np.float64]) -> None:
        if self._known is not None:
            self._tell(edits=edits, **self._told_by.numbers(self._known, predictions))
