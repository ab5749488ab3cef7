"""What is known of a table's draws beyond the features LIME regresses on, and has no part in what it estimates."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from jupyter_xai.maskers._cells import Cells
from jupyter_xai.maskers._columns import CategoryColumn, Column

_LEVELS = 2
_BYTES = 2**24  # of what is kept for other rows
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
        places, tables = [], []
        at = [k for k, column in enumerate(columns) if not isinstance(column, CategoryColumn)]
        made = [_tables(column, cells, k, int(first[k]), int(many[k])) for k, column in enumerate(columns)]
        turns = [(k, i) for i in range(2) for k in at]  # numbers, then their squares, then categories
        turns += [(k, i) for k in range(len(columns)) if k not in set(at) for i in range(_LEVELS)]
        for k, i in turns:
            if i in made[k]:
                places.append(k)
                tables.append(made[k][i])
        self._tables = list(zip(places, tables, strict=True))
        self.count = len(tables)

    def look_up(self, cells: NDArray[np.integer]) -> NDArray[np.float32]:
        """The controls of draws whose cells have shape (n, n_columns): shape (n, count)."""
        found = np.empty((self.count, len(cells)), dtype=np.float32)
        for (place, table), out in zip(self._tables, found, strict=True):
            table.take(cells[:, place], out=out, mode="clip")
        return found.T


def _tables(column: Column, cells: Cells, k: int, first: int, many: int) -> dict[int, NDArray[np.float32]]:
    """The controls of one column by turn, looked up by cell; kept for other rows of the same bin or category."""
    kept: dict[tuple[int, int, int], dict[int, NDArray[np.float32]]]
    kept = cells.__dict__.setdefault("_controls", {})
    found = kept.get((k, first, many))
    if found is None:
        found = _made(column, cells, k, slice(first, first + many))
        if (len(kept) + 1) * _LEVELS * 4 * cells.count <= _BYTES:
            kept[k, first, many] = found
    return found


def _made(column: Column, cells: Cells, k: int, own: slice) -> dict[int, NDArray[np.float32]]:
    """The controls of one column whose row is in these cells."""
    same = np.zeros(cells.count, dtype=np.bool_)
    same[own] = True
    if isinstance(column, CategoryColumn):
        codes = cells.codes.reshape(-1, cells.count)[k]
        levels = [c for c in np.argsort(-column.frequencies, kind="stable") if c != codes[own.start]]
        tables = [_centred((codes == level) * 1.0, same) for level in levels[:_LEVELS]]
    else:
        number = _centred(standardised(cells)[k], same)
        tables = [number, _centred(number**2, same)]
    sizes = [math.sqrt(float(np.vdot(table, table)) / cells.count) for table in tables]
    return {
        i: (table / size).astype(np.float32)
        for i, (table, size) in enumerate(zip(tables, sizes, strict=True))
        if size > _LEAST
    }


def _centred(table: NDArray[np.float64], same: NDArray[np.bool_]) -> NDArray[np.float64]:
    """One number a cell less their means inside the own bin and outside it."""
    inside = np.count_nonzero(same)
    within = np.where(same, table, 0.0).sum()
    beyond = (table.sum() - within) / max(len(table) - inside, 1)
    return np.asarray(np.where(same, table - within / max(inside, 1), table - beyond))


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
