"""What surrounds us: a cell of a live notebook, a notebook nobody watches, or a plain script."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from typing import Any


def asking_page() -> str:
    """Name the page whose message is being handled: every load of a page has a session of its own; "" if unknown."""
    try:
        parent = _kernel().get_parent("shell")
        return str(parent["header"]["session"])
    except (AttributeError, KeyError, LookupError, TypeError):
        return ""


@dataclass(frozen=True)
class Environment:
    """Read while the user's cell runs.

    Parameters
    ----------
    interactive : bool
        Whether somebody can answer: the page will say hello, so a run may start then.
    notebook : bool
        Whether there is a Jupyter kernel that can display.
    cell : str
        Id of the cell, "" if unknown.
    execution : str
        Id of this execution of the cell, "" if unknown.
    """

    interactive: bool
    notebook: bool
    cell: str = ""
    execution: str = ""


def _kernel() -> Any:
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return getattr(shell, "kernel", None)


def _in_marimo() -> bool:
    """Whether a cell of a marimo notebook runs, which has no Jupyter kernel but a page that answers."""
    marimo = sys.modules.get("marimo")
    running: Any = getattr(marimo, "running_in_notebook", None)
    return bool(running is not None and running())


def read_environment(headless: bool | None = None) -> Environment:
    """Look around.

    Parameters
    ----------
    headless : bool, optional
        True: nobody watches, so finish before showing. None: the variable ``JUPYTER_XAI_HEADLESS`` (0 or 1)
        decides, else the request of the running cell: executors such as nbclient, papermill and Voila send
        ``allow_stdin`` false.

    Examples
    --------
    >>> read_environment().interactive
    False
    """
    if headless is None and (wish := os.environ.get("JUPYTER_XAI_HEADLESS", "")):
        headless = wish not in ("0", "false", "no")
    kernel = _kernel()
    if kernel is None:
        return Environment(interactive=not headless and _in_marimo(), notebook=False)
    try:
        parent = kernel.get_parent("shell") or {}
    except (AttributeError, LookupError, TypeError):
        parent = {}
    header, content = parent.get("header") or {}, parent.get("content") or {}
    metadata = parent.get("metadata") or {}
    if headless is None:
        headless = not content.get("allow_stdin", False)
    return Environment(
        interactive=not headless,
        notebook=True,
        cell=str(metadata.get("cellId", "")),
        execution=str(header.get("msg_id", "")),
    )
