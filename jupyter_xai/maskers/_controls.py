"""What is known of a table's draws beyond the features LIME regresses on, and has no part in what it estimates."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from jupyter_xai.maskers._cells import Cells
from jupyter_xai.maskers._columns import CategoryColumn, Column

_LEVELS = 2
_LEAST = 1e-6  # of the spread of a column: less is rounding


class Controls:
    """Columns whose expectation is 0 for a draw in the row's own bin or category, and for one outside it.

    Of a number: itself and its square, less their means inside the own bin and outside it. Of a category: whether it
    is one of the two most frequent others, less the share of these. Draws of different columns are independent, so
    that no linear model of which columns were kept explains any of it: to regress on these as well changes nothing
    but the error (control variates; Lavenberg & Welch, "A perspective on the use of control variables to increase the
    efficiency of Monte Carlo simulations", 1981).

    Parameters
    ----------
    columns : sequence of Column
        The table's columns that are drawn by themselves.
    cells : Cells
    first, many : ndarray of shape (n_columns,)
        The cells of each column's own bin or category.

    Attributes
    ----------
    count : int
        How many there are.
    """

    def __init__(
        self,
        columns: Sequence[Column],
        cells: Cells,
        first: NDArray[np.integer],
        many: NDArray[np.integer],
    ) -> None:
        own = np.arange(cells.count) - first.astype(np.intp)[:, None]
        self._same = (own >= 0) & (own < many.astype(np.intp)[:, None])
        at = [k for k, column in enumerate(columns) if not isinstance(column, CategoryColumn)]
        numbers = self._centred(standardised(cells)[at], at)
        places, tables = [at, at], [numbers, self._centred(numbers**2, at)]
        codes = cells.codes.reshape(-1, cells.count)
        for k, column in enumerate(columns):
            if isinstance(column, CategoryColumn):
                levels = [
                    c for c in np.argsort(-column.frequencies, kind="stable") if c != codes[k, first[k]]
                ]
                for level in levels[:_LEVELS]:
                    places.append([k])
                    tables.append(self._centred((codes[k] == level)[None] * 1.0, [k]))
        del self._same
        table = np.concatenate(tables)
        sizes = np.sqrt(np.einsum("kc,kc->k", table, table) / cells.count)
        kept = np.flatnonzero(sizes > _LEAST)
        self._places = np.concatenate(places)[kept].astype(np.intp)
        self._tables = (table[kept] / sizes[kept, None]).astype(np.float32)
        self.count = len(kept)

    def _centred(self, table: NDArray[np.float64], at: Sequence[int]) -> NDArray[np.float64]:
        """Rows of a table of cells less their means inside the own bin and outside it."""
        same = self._same[list(at)]
        inside = same.sum(axis=1, keepdims=True)
        within = np.where(same, table, 0.0).sum(axis=1, keepdims=True)
        outside = np.maximum(table.shape[1] - inside, 1)
        beyond = (table.sum(axis=1, keepdims=True) - within) / outside
        return np.asarray(np.where(same, table - within / np.maximum(inside, 1), table - beyond))

    def look_up(self, cells: NDArray[np.integer]) -> NDArray[np.float32]:
        """The controls of draws whose cells have shape (n, n_columns): shape (n, count)."""
        found = np.empty((self.count, len(cells)), dtype=np.float32)
        for place, table, out in zip(self._places, self._tables, found, strict=True):
            table.take(cells[:, place], out=out, mode="clip")
        return found.T


def standardised(cells: Cells) -> NDArray[np.float64]:
    """Values of the cells of each column less their mean in units of their spread, 0 where there is no number.

    Examples
    --------
    >>> from jupyter_xai.maskers._columns import NumberColumn
    >>> column = NumberColumn.fit("age", np.arange(8.0), False)
    >>> standard = standardised(Cells([column], 8))
    >>> bool(abs(standard.mean()) < 1e-9), round(float(standard.std()), 6)
    (True, 1.0)
    """
    kept: NDArray[np.float64] | None = cells.__dict__.get("_standard")
    if kept is None:
        values = cells.values.reshape(-1, cells.count)
        there = np.isfinite(values)
        counts = np.maximum(there.sum(axis=1, keepdims=True), 1)
        kept = np.where(there, values, 0.0)
        kept = np.where(there, kept - kept.sum(axis=1, keepdims=True) / counts, 0.0)
        spread = np.sqrt((kept**2).sum(axis=1, keepdims=True) / counts)
        kept = kept / np.where(spread > 0, spread, 1.0)
        cells.__dict__["_standard"] = kept
    return kept
