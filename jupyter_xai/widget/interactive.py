"""The part of a view that follows the hand: what-if, previews, and traits that a notebook can observe."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jupyter_xai.errors import CannotExplainError, InputError
from jupyter_xai.explanation import Explanation
from jupyter_xai.whatif import CUTS, outlasting
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
        self._answers = question
        self._ask_for = ask
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

    def update(self, method: str | None = None, *, random_state: int | None = None, **params: Any) -> None:
        """Explain again by another method or with other hyper-parameters, as the view's own controls do.

        What the model has answered is asked for again only where a parameter's ``cost`` says so. Another method
        begins with its own defaults; how the input is cut and hidden stays. Where it is cut anew, what was done to
        its pieces or words is taken back, which the view says: they are others.

        Parameters
        ----------
        method : str, optional
            A name of :func:`jupyter_xai.methods`.
        random_state : int, optional
        **params : object
            Hyper-parameters of the method or the masker; those that are left out stay.

        Raises
        ------
        InputError
            For an unknown method or hyper-parameter, or a value that does not fit; the present state stays.
        CannotExplainError
            If the method does not apply here.

        Examples
        --------
        >>> import jupyter_xai as xai
        >>> view = xai.explain(lambda texts: [[len(text)] for text in texts], "a dull film", n_samples=100)
        >>> view.update(mask_token="[MASK]", n_samples=200)
        >>> view.explanation.params["n_samples"]
        200
        """
        request = dict(self._told_by.request)
        kept = dict(request.get("params", {}))
        if method is not None:
            name = str(method).lower().replace("-", "_").replace(" ", "_")
            rows = {row["name"]: row for row in self._answers.methods()}
            name = str(method) if str(method) in rows else name
            if name not in rows:
                raise InputError(f"method={method!r} is not known: expected one of {', '.join(rows)}.")
            if rows[name]["why_not"]:
                fitting = [row["label"] for row in rows.values() if not row["why_not"]]
                raise CannotExplainError(f"{rows[name]['why_not']}.", fitting)
            if name != request.get("method"):
                own = {spec.name for spec in self._answers.params(request) if spec.part == "input"}
                kept = {key: value for key, value in kept.items() if key in own}
            request["method"] = name
        known = {spec.name: spec for spec in self._answers.params(request)}
        for key, value in params.items():
            if key not in known:
                raise InputError(
                    f"{key}= is not a hyper-parameter of {request.get('method')} or its masker: expected one of "
                    f"{', '.join(known) or 'none'}."
                )
            kept[key] = known[key].validate(value)
        before = request.get("params", {})
        if any(kept.get(name, before.get(name)) != before.get(name) for name in CUTS):
            request["edits"] = outlasting(request.get("edits", ()))
        request["params"] = kept
        if random_state is not None:
            request["random_state"] = random_state
        self._ask_for(request)

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
