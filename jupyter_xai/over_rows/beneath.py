"""One row's own live view beneath the view of many rows: one at a time, the newest wish counts."""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable
from typing import Any

from jupyter_xai.over_rows.local import one_row
from jupyter_xai.over_rows.question import Question
from jupyter_xai.over_rows.rows import Rows
from jupyter_xai.widget.environment import Environment
from jupyter_xai.widget.page import Page
from jupyter_xai.widget.view import View


class Beneath:
    """Makes views of single rows, and keeps the one that a page asked for.

    Parameters
    ----------
    question : Question
    kernel : DatasetKernel
    rows : Rows
    targets : optional
        Outputs of the run.
    page : Page
        Where the row is put.
    told : callable
        Called with the number of the row that is opened, None if none is.
    """

    def __init__(
        self,
        question: Question,
        kernel: Any,
        rows: Rows,
        targets: Any,
        page: Page,
        told: Callable[[int | None], None],
    ) -> None:
        self._question, self._kernel, self._rows, self._targets = question, kernel, rows, targets
        self._page, self._told = page, told
        self._lock = threading.Lock()
        self._wish = 0
        self.view: View | None = None

    @property
    def row(self) -> int | None:
        """The row that stands beneath."""
        return self._page.get("opened").get("row") if self.view is not None else None

    def view_of(
        self,
        row: int,
        environment: Environment,
        *,
        method: Any = None,
        targets: Any = None,
        params: dict[str, Any] | None = None,
    ) -> View:
        """Make one row's view; it has not begun.

        Raises
        ------
        InputError
            If there is no such row, or it was not kept.
        """
        wanted = self._targets if targets is None else targets
        session, request = one_row(
            self._question, self._kernel, self._rows, int(row), method=method, targets=wanted, params=params
        )
        return View(session, request, environment)

    def asked(self, content: dict[str, Any], notebook: bool) -> None:
        """A page wishes for a row, or with a number below 0 for none. Called inside the handler of its message."""
        row, output = content.get("row"), content.get("output")
        if isinstance(row, bool) or not isinstance(row, int):
            return
        with self._lock:
            self._wish += 1
            wish = self._wish
        targets = output if isinstance(output, str) else None
        context = contextvars.copy_context()  # the new widget is published as an answer to this message
        threading.Thread(
            target=context.run,
            args=(self._open, wish, row, targets, notebook),
            name="jupyter_xai row",
            daemon=True,
        ).start()

    def park(self) -> None:
        """Drop the row's work and caches."""
        if self.view is not None:
            self.view.park()

    def retire(self) -> None:
        """Leave the page once nobody looks at the row."""
        if self.view is not None:
            self.view.retire()

    def _open(self, wish: int, row: int, targets: Any, notebook: bool) -> None:
        view: View | None = None
        opened: dict[str, Any] = {"row": row}
        if row >= 0:
            try:
                view = self.view_of(row, Environment(interactive=True, notebook=notebook), targets=targets)
                # not by its public name: that one is for those who mean to keep it
                opened |= {"model": view._live_widget().model_id}  # noqa: SLF001 - see above
            except Exception as error:  # noqa: BLE001 - said in the view
                view = None
                opened |= {"error": str(error)}
        with self._lock:
            newest = wish == self._wish
            if newest:  # told under the lock: the page shows what was wished for last
                old, self.view = self.view, view
                self._page.set(opened=opened if row >= 0 else {})
            else:
                old = view
        if newest:
            self._told(row if view is not None else None)
        if old is not None:
            old.close()
