"""What ``compare`` returns: a live view of methods side by side, and the comparison behind it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from jupyter_xai.comparing.board import alike, empty_board, encode_board
from jupyter_xai.comparing.live import Live
from jupyter_xai.comparing.result import Comparison
from jupyter_xai.comparing.run import Asked
from jupyter_xai.comparing.stage import Stage
from jupyter_xai.errors import XaiError
from jupyter_xai.explanation import Layout
from jupyter_xai.widget.environment import Environment
from jupyter_xai.widget.previews import Previews
from jupyter_xai.widget.whatif import WhatIf
from jupyter_xai.wire import encode_curves, encode_geometry
from jupyter_xai.wire.boards import Board


class ComparisonView(Live[Comparison]):
    """Methods side by side, as they come.

    It offers all that :class:`Comparison` has, waiting for it where it must.

    Parameters
    ----------
    asked : Asked
    x : instance
    environment : Environment
    watch : callable, optional
        Called with each comparison; False stops.
    progress : bool, default=False
        Write progress to stderr.

    Examples
    --------
    >>> import numpy as np
    >>> import jupyter_xai as xai
    >>> rows = np.random.default_rng(0).normal(size=(40, 3))
    >>> view = xai.compare(
    ...     lambda X: X[:, 0] - X[:, 1], rows[0], ["lime", "kernel_shap"], background=rows, metrics=[]
    ... )
    >>> view.comparison.status, len(view.entries)
    ('settled', 2)
    >>> view.what_if({"x0": 3.0})
    >>> round(float(view.comparison.predictions[0] - view.comparison.before.predictions[0]), 3)
    2.874
    """

    def __init__(
        self,
        asked: Asked,
        x: Any,
        environment: Environment,
        *,
        watch: Callable[[Comparison], bool] | None = None,
        progress: bool = False,
    ) -> None:
        self._asked, self._x = asked, x
        self._stage: Stage | None = None
        self._request: dict[str, Any] = {"edits": []}
        self._board: Board = empty_board()
        self._geometry: tuple[Layout, Any] | None = None
        super().__init__(
            environment,
            "comparison",
            watch=watch,
            progress=progress,
            state={"board": self._board, "request": self._request},
        )
        self._previews = Previews(_Foresight(self._staged), self._page.send, _unheard)
        self._what_if = WhatIf(
            lambda: self._request["edits"], lambda edits: self._ask({**self._request, "edits": edits})
        )

    @property
    def comparison(self) -> Comparison:
        """The finished comparison; waits for it."""
        return self.wait()

    @property
    def what_if(self) -> WhatIf:
        """Change the instance, and every method explains it anew: ``view.what_if({"duration": 31})``."""
        return self._what_if

    def __getitem__(self, name: str) -> Any:
        """The method of a name or label."""
        return self.comparison[name]

    def park(self) -> None:
        """Nobody is looking: stop, keep what is there."""
        self._previews.cancel()
        super().park()

    # --- what the page says -----------------------------------------------------------------------------------------

    def _listen(self, widget: Any) -> None:
        widget.observe(self._on_request, "request")

    def _on_message(self, _widget: Any, content: Any, _buffers: Any) -> None:
        super()._on_message(_widget, content, _buffers)
        if isinstance(content, dict) and content.get("type") in {"preview", "picture"}:
            self._previews.ask(content, self._request)

    def _on_request(self, change: Any) -> None:
        if change["new"] != self._request:  # set by the page, not by us
            self._page.hello()
            self._ask(dict(change["new"]))

    def _ask(self, request: dict[str, Any]) -> None:
        """Explain this; what runs is cancelled within one batch."""
        self._request = {"edits": list(request.get("edits", ()))}
        self._page.set(request=self._request)
        self._submit()

    # --- running ----------------------------------------------------------------------------------------------------

    def _staged(self) -> Stage:
        stage = self._stage
        if stage is None:
            raise XaiError("The comparison has not begun: there is no prediction yet.")
        return stage

    def _stream(self, go_on: Callable[[], bool]) -> Iterator[Comparison]:
        if self._stage is None:
            self._stage = Stage(self._asked, self._x)
        edits = self._request["edits"]
        live = self._environment.interactive or bool(edits)
        yield from self._asked.stream(self._stage, live=live, edits=edits, go_on=go_on)

    def _shown(self, run: int, found: Comparison) -> dict[str, Any]:
        self._board = encode_board(found, random_state=self._asked.random_state, run=run, earlier=self._board)
        state: dict[str, Any] = {"board": self._board, **self._geometry_of(run, found)}
        if found.paths:
            state["curves"] = encode_curves(found.paths, run, edits=self._request["edits"])
        return state

    def _geometry_of(self, run: int, found: Comparison) -> dict[str, Any]:
        """The geometry of the instance before edits, once; of coarser features where a method has those."""
        layout = found.common_features
        if alike(layout, found.features) and found.before is not None:
            layout = found.before.features
        if self._geometry is None or self._geometry[0] is not layout:
            threshold = None if self._stage is None else self._stage.threshold
            geometry = encode_geometry(
                layout,
                run=run,
                took="" if self._stage is None else self._stage.took,
                output_names=found.output_names,
                n_outputs=len(found.output_names),
                output_unit=found.space,
                threshold=threshold,
            )
            self._geometry = (layout, geometry)
            return {"geometry": geometry}
        return {}

    def _counted(self, found: Comparison | None) -> tuple[int, int | None]:
        entries = () if found is None else found.entries
        done = sum(bool(each.explanation is not None or each.why_not) for each in entries)
        return done, len(entries) or None


def _unheard(*_: Any) -> None:
    """Nobody observes the predictions of a comparison."""


class _Foresight:
    """What previews ask, as soon as there is something to ask."""

    def __init__(self, stage: Callable[[], Stage]) -> None:
        self._stage = stage

    def predict(self, request: Any) -> Any:
        return self._stage().predict(request)

    def layout(self, request: Any) -> Layout:
        return self._stage().layout(request)
