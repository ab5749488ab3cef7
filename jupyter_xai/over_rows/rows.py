"""The rows of a run, so that one of them can be looked at again."""

from __future__ import annotations

import heapq
import sys
import threading
from collections.abc import Iterator
from typing import Any

import numpy as np

from jupyter_xai.dataset._random import priorities
from jupyter_xai.dataset._rows import is_loader, listed, pieces
from jupyter_xai.errors import InputError
from jupyter_xai.explanation.rows import shorten
from jupyter_xai.over_rows.question import is_table

MOST_BYTES = 64_000_000
"""Of rows that can be read only once, so much is kept."""
MOST_DRAWN = 10_000
"""Of a tensor's rows that absent columns are drawn from."""
LONGEST = 90


class Rows:
    """Rows that a kernel goes over, any of which may be asked for again.

    Rows in memory (and map-style data sets that a DataLoader reads in order) are read again where they lie. Of a
    generator the rows that the picture draws are kept, at most 64 MB of them.

    Parameters
    ----------
    rows : DataFrame, array, tensor, sequence, generator or DataLoader
    kernel : DatasetKernel

    Examples
    --------
    >>> rows = Rows(np.eye(3), None)
    >>> rows[1], rows.again
    (array([0., 1., 0.]), True)
    """

    def __init__(self, rows: Any, kernel: Any) -> None:
        self.given = rows
        self.again = not isinstance(rows, Iterator)
        """Whether they can be gone over once more."""
        self._kind = getattr(kernel, "kind", None)
        self._random_state = getattr(kernel, "random_state", 0)
        self._most = int(getattr(kernel, "max_sampled", 200))
        self._kept: dict[int, Any] = {}
        self._lock = threading.Lock()

    def passing(self) -> Any:
        """Rows for one run."""
        return self._watched() if not self.again else self.given

    def _watched(self) -> Iterator[Any]:
        """A generator's rows as they pass; the kernel's own sample of them is kept."""
        heap: list[tuple[int, int]] = []
        room = None
        at = 0
        for item in self.given:
            for piece in pieces([item], self._kind):
                for row in listed(piece):
                    if room is None:
                        room = max(1, min(self._most, MOST_BYTES // max(1, _size(row))))
                    priority = -int(priorities(np.array([at]), self._random_state)[0])
                    with self._lock:
                        if len(heap) < room:
                            heapq.heappush(heap, (priority, at))
                            self._kept[at] = row
                        elif priority > heap[0][0]:
                            del self._kept[heapq.heapreplace(heap, (priority, at))[1]]
                            self._kept[at] = row
                    at += 1
            yield item

    def __getitem__(self, row: int) -> Any:
        """One row.

        Raises
        ------
        InputError
            If there is no such row, or it came by and was not kept.
        """
        with self._lock:
            if row in self._kept:
                return self._kept[row]
        if not self.again:
            raise InputError(
                f"Row {row} came from a generator, which is read once, and was not kept. Pass the rows as a "
                "DataFrame, an array or a list to look at any of them."
            )
        rows = self.given
        if is_loader(rows):
            return _of_loader(rows, row)
        try:
            if hasattr(rows, "iloc") and hasattr(rows, "columns"):
                return rows.iloc[[_known(row, len(rows))]]
            if hasattr(rows, "shape") and hasattr(rows, "__getitem__"):
                return rows[_known(row, len(rows))]
            if isinstance(rows, list | tuple) and not _of_batches(rows, self._kind):
                return rows[_known(row, len(rows))]
        except IndexError as error:
            raise InputError(str(error)) from None
        return self._searched(row)

    def _searched(self, row: int) -> Any:
        """A row of batches: gone through from the first."""
        at = 0
        for piece in pieces(self.given, self._kind):
            if row < at + len(piece):
                return next(each for i, each in enumerate(listed(piece)) if at + i == row)
            at += len(piece)
        raise InputError(f"There is no row {row}: the data have {at:,} rows, numbered from 0.")

    def table(self) -> Any:
        """Rows that absent columns can be drawn from: a table in memory, or what was kept of a generator's rows.

        Returns
        -------
        DataFrame or ndarray of shape (n, columns), or None
            None if the rows are no table.
        """
        if is_table(self.given):
            return self.given
        if hasattr(self.given, "detach") and self.given.ndim == 2:
            return np.asarray(self.given[:MOST_DRAWN].detach().cpu())
        with self._lock:
            kept = list(self._kept.values())
        if kept and all(isinstance(row, np.ndarray) and row.ndim == 1 for row in kept):
            return np.stack(kept)
        if kept and all(hasattr(row, "iloc") and hasattr(row, "columns") for row in kept):
            import pandas as pd

            return pd.concat(kept)
        return None

    def text(self, row: int) -> str:
        """The row where it is a text, shortened; "" for others."""
        try:
            found = self[row]
        except InputError:
            return ""
        return shorten(" ".join(found.split()), LONGEST) if isinstance(found, str) else ""


def _known(row: int, count: int) -> int:
    if not 0 <= row < count:
        raise IndexError(f"There is no row {row}: the data have {count:,} rows, numbered from 0.")
    return row


def _of_loader(loader: Any, row: int) -> Any:
    data: Any = getattr(loader, "dataset", None)
    in_order = type(getattr(loader, "sampler", None)).__name__ == "SequentialSampler"
    if not in_order or not hasattr(data, "__getitem__") or not hasattr(data, "__len__"):
        raise InputError(
            f"Row {row} cannot be read again: the DataLoader shuffles its rows, or they have no places. Pass one "
            "with shuffle=False over a data set with __getitem__, or the rows themselves."
        )
    try:
        item = data[_known(row, len(data))]
    except IndexError as error:
        raise InputError(str(error)) from None
    return item[0] if isinstance(item, list | tuple) else item


def _of_batches(rows: Any, kind: Any) -> bool:
    """Whether a list holds batches and not instances."""
    return bool(rows) and len(next(iter(pieces(rows[:1], kind)))) != 1


def _size(row: Any) -> int:
    if hasattr(row, "memory_usage"):
        return int(row.memory_usage(deep=True).sum())
    return int(getattr(row, "nbytes", 0)) or sys.getsizeof(row)
