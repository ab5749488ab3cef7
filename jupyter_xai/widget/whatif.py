"""What-if from Python: the same edits that the view makes, as a log that can be undone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from jupyter_xai.errors import InputError
from jupyter_xai.whatif import Edit, check

Log = list[dict[str, Any]]


class WhatIf:
    """Change the instance and see prediction and explanation follow.

    Calling it adds changes; each call is one step that :meth:`undo` takes back. The view on the page makes the
    same edits, so the two may take turns.

    Parameters
    ----------
    read : callable
        Returns the present log.
    write : callable
        ``write(edits)`` asks for an explanation after these.

    Examples
    --------
    >>> import numpy as np
    >>> import jupyter_xai as xai
    >>> rows = np.random.default_rng(0).normal(size=(200, 2))
    >>> view = xai.explain(
    ...     lambda X: 2 * X[:, 0] - X[:, 1],
    ...     [1.0, 1.0],
    ...     method="kernel_shap",
    ...     background=rows,
    ...     feature_names=["income", "debt"],
    ... )
    >>> view.what_if({"income": 3.0})
    >>> view.explanation.predictions
    array([5.])
    >>> view.what_if.reset()
    >>> view.explanation.predictions
    array([1.])
    """

    def __init__(
        self, read: Callable[[], Iterable[Edit]], write: Callable[[list[dict[str, Any]]], None]
    ) -> None:
        self._read = read
        self._write = write
        self._steps: list[tuple[Log, Log]] = []  # the log before each call, and after it
        self._undone: list[tuple[Log, Log]] = []

    @property
    def edits(self) -> list[dict[str, Any]]:
        """The log, oldest first."""
        return [dict(edit) for edit in self._read()]

    def __call__(self, *changes: Any, **values: Any) -> None:
        """Add changes.

        Parameters
        ----------
        *changes : dict or list of dict
            A dict of feature to value, an edit (a dict with an ``"op"``), or a list of edits.
        **values : object
            Feature to value, for names that are keywords: ``what_if(duration=31)``.

        Raises
        ------
        InputError
            If an edit is malformed; the present state stays.
        """
        new: list[dict[str, Any]] = []
        for change in (*changes, values):
            if isinstance(change, Mapping) and "op" not in change:
                new += [
                    check({"op": "set", "feature": name, "value": value}) for name, value in change.items()
                ]
            elif isinstance(change, Mapping):
                new.append(check(change))
            elif isinstance(change, str) or not isinstance(change, Iterable):
                raise InputError(
                    f"what_if got {change!r}: expected a dict of feature to value, such as "
                    '{"duration": 31}, or edits, such as {"op": "strike", "positions": [2]}.'
                )
            else:
                new += [check(edit) for edit in change]
        if new:
            self._undone.clear()
            before = self.edits
            self._steps.append((before, [*before, *new]))
            self._write([*before, *new])

    def undo(self) -> None:
        """Take back the last step: a call, or a change that was made in the view."""
        now = self.edits
        if not now:
            return
        before = now[:-1]
        while self._steps:
            earlier, later = self._steps.pop()
            if later == now:
                before = earlier
                break
            if len(later) < len(now):  # of a call under the last step, which was made in the view
                self._steps.append((earlier, later))
                break
        self._undone.append((before, now))
        self._write(before)

    def redo(self) -> None:
        """Make again what was taken back last, unless something else was changed since."""
        if self._undone and self._undone[-1][0] == self.edits:
            self._steps.append(self._undone.pop())
            self._write(list(self._steps[-1][1]))

    def reset(self) -> None:
        """Go back to the original instance."""
        if self.edits:
            self._undone.clear()
            self._steps.clear()
            self._write([])

    def __repr__(self) -> str:
        """The number of edits."""
        return f"<what_if: {len(self.edits)} edits>"
