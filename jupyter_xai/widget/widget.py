"""The anywidget class: traits and nothing else. ``View`` holds one and does the work."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import anywidget
import traitlets

from jupyter_xai.errors import XaiError

STATIC = Path(__file__).parent / "static"
BOARDS = ("board", "summary", "overview")
"""Traits of views of many explanations."""


def read_bundle(name: str) -> str:
    """Return the text of a built file.

    Parameters
    ----------
    name : str
        ``"index.js"`` for one explanation, ``"boards.js"`` for many, and a style sheet of the same name for each.

    Raises
    ------
    XaiError
        If the bundle was not built.
    """
    path = STATIC / name
    if not path.exists():
        raise XaiError(
            f"The view's bundle {name} is missing from this installation: expected it in jupyter_xai/widget/static. "
            "Install the wheel, or run make build in a checkout. Kernels work without it."
        )
    return path.read_text(encoding="utf-8")


def script_for(state: Mapping[str, Any]) -> str:
    """Which script draws this state: it names a trait of a board, or one explanation.

    Examples
    --------
    >>> script_for({"uid": "page", "overview": {"n_rows": 3}})
    'boards.js'
    """
    return "boards.js" if any(state.get(name) for name in BOARDS) else "index.js"


def style_for(state: Mapping[str, Any]) -> str:
    """Which style sheet goes with the script.

    Examples
    --------
    >>> style_for({"uid": "page"})
    'index.css'
    """
    return script_for(state).replace(".js", ".css")


class ExplanationWidget(anywidget.AnyWidget):
    """State shared with the page. Page and Python write display and request, Python the rest."""

    _esm = read_bundle("index.js")
    _css = read_bundle("index.css")

    uid = traitlets.Unicode().tag(sync=True)
    geometry: Any = traitlets.Dict().tag(sync=True, echo_update=False)
    frame: Any = traitlets.Dict().tag(sync=True, echo_update=False)
    curves: Any = traitlets.Dict().tag(sync=True, echo_update=False)
    board: Any = traitlets.Dict().tag(sync=True, echo_update=False)
    overview: Any = traitlets.Dict().tag(sync=True, echo_update=False)
    opened: Any = traitlets.Dict().tag(sync=True, echo_update=False)
    summary: Any = traitlets.Dict().tag(sync=True, echo_update=False)
    status: Any = traitlets.Dict().tag(sync=True, echo_update=False)
    display: Any = traitlets.Dict().tag(sync=True, echo_update=False)
    request: Any = traitlets.Dict().tag(sync=True, echo_update=False)

    def close(self) -> None:
        """Close the comm, and that of the layout which every widget brings."""
        layout = self.layout
        super().close()
        if layout is not None:
            layout.close()

    def __repr__(self) -> str:
        """One line; the default would print every buffer."""
        return f"<{type(self).__name__} {self.uid}>"


class BoardWidget(ExplanationWidget):
    """Explanations side by side, judged over rows, or of a whole dataset: the same state, another script."""

    _esm = read_bundle("boards.js")
    _css = read_bundle("boards.css")
