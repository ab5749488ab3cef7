"""Values that a column, or a group of columns, may be moved to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from jupyter_xai.maskers._columns import CategoryColumn, NumberColumn, as_number, plain_value

if TYPE_CHECKING:
    from jupyter_xai.maskers._table import Table


def along(table: Table, at: int, value: Any, most: int) -> tuple[Any, ...]:
    """Values of a column from its least to its greatest, the present one among them.

    Categories in their natural order, the most frequent where there are more; numbers that are as dense as the
    background's but leave no wide gap.

    Parameters
    ----------
    table : Table
    at : int
    value : object
        The instance's, aligned.
    most : int
        Values at most, but for the present number.
    """
    column = table.columns[at]
    if isinstance(column, CategoryColumn):
        return frequent(column.levels, column.frequencies, value, most)
    values = np.asarray(table.form.read(at), dtype=np.float64)
    values = values[np.isfinite(values)]
    if not len(values) or column.low == column.high:
        return ()
    dense = np.quantile(values, np.linspace(0, 1, most // 2))
    even = np.linspace(column.low, column.high, most - 1 - len(dense))
    points = np.concatenate([dense, even])
    points = np.unique(np.rint(points) if column.whole else points)
    present = as_number(value, column.name)
    if np.isfinite(present):
        points = np.unique(np.append(points, present))
    return tuple(int(point) if column.whole and point.is_integer() else float(point) for point in points)


def frequent(levels: tuple[Any, ...], frequencies: NDArray[Any], value: Any, most: int) -> tuple[Any, ...]:
    """Categories in their natural order: all, or the most frequent and the present one.

    Examples
    --------
    >>> frequent(("a", "b", "c", "d"), np.array([0.1, 0.2, 0.3, 0.4]), "a", 3)
    ('a', 'c', 'd')
    """
    if len(levels) <= most:
        return levels
    present = [code for code, level in enumerate(levels) if level == value]
    often = np.argsort(-frequencies[: len(levels)], kind="stable").tolist()
    kept = list(dict.fromkeys([*present, *often]))[:most]
    return tuple(levels[code] for code in sorted(kept))


def together(
    table: Table, members: Sequence[int], values: Sequence[Any], most: int
) -> tuple[tuple[Any, ...], ...]:
    """Values that columns of a group have together: the background's most frequent, the present ones among them.

    Columns of zeros and ones are in the order of the first one that is set, others ascending.

    Parameters
    ----------
    table : Table
    members : sequence of int
    values : sequence
        The instance's, aligned.
    most : int
        Combinations at most.
    """
    counts = Counter(zip(*(_values(table, at) for at in members), strict=True))
    present = tuple(values)
    kept = [one for one, _ in counts.most_common(most)]
    if present not in kept:
        kept = [*kept[: most - 1], present]
    bits = all(value in {0, 1} for one in kept for value in one)
    return tuple(sorted(kept, key=lambda one: [_rank(value) for value in one], reverse=bits))


def _values(table: Table, at: int) -> list[Any]:
    column = table.columns[at]
    if isinstance(column, NumberColumn):
        raw = [plain_value(value) for value in np.asarray(table.form.read(at), dtype=np.float64).tolist()]
        return [int(value) if column.whole and value is not None else value for value in raw]
    return [column.levels[code] if code < len(column.levels) else None for code in column.codes.tolist()]


def _rank(value: Any) -> tuple[bool, bool, Any]:
    """Missing last, numbers before words."""
    return (value is None, isinstance(value, str), 0 if value is None else value)
