"""What the page is told of a run over many rows: how far it is, and estimates no faster than a page can take."""

from __future__ import annotations

import sys
import threading
import time
from typing import Any

import traitlets

from jupyter_xai.errors import InputError
from jupyter_xai.explanation import GlobalExplanation
from jupyter_xai.explanation.words import state_line
from jupyter_xai.models.traceback import describe_error
from jupyter_xai.over_rows.rows import Rows
from jupyter_xai.protocols import Progress
from jupyter_xai.widget.export import label_of
from jupyter_xai.widget.overview import explainer_of
from jupyter_xai.widget.page import Page
from jupyter_xai.wire import encode_overview, encode_status
from jupyter_xai.wire.schema import SCHEMA_VERSION

STATUS_EVERY = 0.2
"""Seconds between two messages on how far it is."""
BYTES_A_SECOND = 400_000
"""Most of estimates that goes to the page."""


class Observed(traitlets.HasTraits):
    """What changes while a view of many rows lives; Python alone writes it."""

    state = traitlets.Unicode("idle")
    rows = traitlets.Int(0)
    result: Any = traitlets.Any(None, allow_none=True)
    row: Any = traitlets.Int(None, allow_none=True)


class Scene:
    """Keeps the time of a run and writes the page's traits.

    Parameters
    ----------
    page : Page
    rows : Rows
        What picked rows say.
    random_state : int or None
        What the line of progress names.
    progress : bool
        Write progress to stderr.
    watched : bool
        Whether a page may look while it runs; else the last estimate alone is encoded, when it is shown.
    """

    def __init__(
        self, page: Page, rows: Rows, random_state: int | None, *, progress: bool, watched: bool
    ) -> None:
        self._page, self._rows, self._random_state, self._progress = page, rows, random_state, progress
        self._watched = watched
        self._unshown: GlobalExplanation | None = None
        self._encoding = threading.Lock()
        self.observed = Observed()
        self._run = 0
        self._begun: float | None = None
        self._told = self._free = 0.0
        self._at = Progress(0, 0, None)
        self._error: BaseException | None = None
        self._texts: dict[int, str] = {}
        empty = {"schema": SCHEMA_VERSION, "names": [], "output_names": []}
        page.set(display={}, overview=empty, opened={}, status=self._status("idle"))

    @property
    def seconds(self) -> float:
        """Since the run began."""
        return 0.0 if self._begun is None else time.perf_counter() - self._begun

    def begin(self) -> None:
        """Say that a run has begun; the picture of an earlier one stays until the first estimate."""
        self._run += 1
        self._begun, self._told, self._free, self._error = time.perf_counter(), -1.0, 0.0, None
        self._at = Progress(0, 0, None)
        self._page.set(status=self._status("running"))
        self._tell(state="running", rows=0)

    def progressed(self, progress: Progress) -> None:
        """Say how many rows are done, a few times a second."""
        self._at = progress
        if self.seconds - self._told >= STATUS_EVERY:
            self._told = self.seconds
            self._page.set(status=self._status("running"))
            self._tell(rows=progress.n_evals)
            self._write("running")

    def estimated(self, found: GlobalExplanation, *, last: bool = False) -> None:
        """Show an estimate; unless it is the last one it is left out while the page has enough to read."""
        self._tell(result=found)
        if not last and self.seconds < self._free:
            return
        self._unshown = found
        if self._watched:
            self.show()

    def show(self) -> None:
        """Encode what is not on the page yet."""
        with self._encoding:  # a cell that shows the view and the run may both be here: the newest comes last
            found, self._unshown = self._unshown, None
            if found is not None:
                self._encode(found)

    def _encode(self, found: GlobalExplanation) -> None:
        began = self.seconds
        board = encode_overview(
            found, method_label=label_of(found.method), explainer_label=explainer_of(found), said=self._text
        )
        parts = [*board.values(), *board.get("dots", {}).values()]
        size = sum(len(part) for part in parts if isinstance(part, bytes))
        # neither the page nor this takes more than a fifth of the time
        self._free = self.seconds + max(size / BYTES_A_SECOND, 4 * (self.seconds - began))
        self._page.set(overview=board)

    def ended(self, last: GlobalExplanation | None, error: BaseException | None) -> None:
        """Show how it ended; after a failure the last good picture stays."""
        self._error = error
        state = "failed" if error is not None else "stopped" if last is None else last.status
        if last is not None:
            self._at = Progress(last.n_rows, last.n_rows, last.total_rows)
            self.estimated(last, last=True)
        self._page.set(status=self._status(state))
        self._tell(state=state, rows=self._at.n_evals)
        self._write(state, end="\n")

    def _text(self, row: int) -> str:
        if row not in self._texts:
            try:
                self._texts[row] = self._rows.text(row)
            except InputError:
                self._texts[row] = ""
        return self._texts[row]

    def _tell(self, **news: Any) -> None:
        """Set traits, in the context in which the page is answered: a handler may move other widgets."""

        def write() -> None:
            with self.observed.hold_trait_notifications():
                for name, value in news.items():
                    setattr(self.observed, name, value)

        self._page.publisher(write)

    def _pace(self, state: str) -> tuple[float | None, float | None]:
        done, total, seconds = self._at.n_evals, self._at.total_evals, self.seconds
        rate = done / seconds if seconds > 0 and done else None
        return rate, (total - done) / rate if state == "running" and rate and total else None

    def _status(self, state: str) -> Any:
        rate, left = self._pace(state)
        return encode_status(
            run=self._run,
            state=state,
            rows=self._at.n_evals,
            total=self._at.total_evals,
            rate=rate,
            seconds=self.seconds,
            seconds_left=left,
            error=None if self._error is None else describe_error(self._error),
        )

    def _write(self, state: str, end: str = "") -> None:
        if self._progress:
            rate, left = self._pace(state)
            line = state_line(
                state,
                rows=self._at.n_evals,
                total=self._at.total_evals,
                rate=rate,
                seconds=self.seconds,
                seconds_left=left,
                random_state=self._random_state,
            )
            sys.stderr.write(f"\r{line:<70}{end}")
            sys.stderr.flush()
