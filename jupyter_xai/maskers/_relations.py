"""How strongly the columns of a table go together."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from jupyter_xai.maskers._columns import NumberColumn
from jupyter_xai.maskers._table import Table


def relations(table: Table, source: NDArray[np.intp]) -> NDArray[np.float64]:
    """Greatest absolute correlation between the columns of each pair of features.

    Numbers count by their rank, so that a bent relation is one as well; a category counts by an indicator for each of
    its levels; missing values stand in the middle. Columns that do not vary go with nothing.

    Parameters
    ----------
    table : Table
    source : ndarray of int
        The rows that count.

    Examples
    --------
    >>> rows = np.array([[1.0, 1.0, 3.0], [2.0, 8.0, 1.0], [3.0, 27.0, 1.0], [4.0, 64.0, 3.0]])
    >>> relations(Table(rows, None, None, None), np.arange(4)).round(2)
    array([[1., 1., 0.],
           [1., 1., 0.],
           [0., 0., 1.]])
    """
    parts = [
        np.concatenate([_numbers(table, at, source) for at in members], axis=1) for members in table.members
    ]
    owner = np.repeat(np.arange(len(parts)), [part.shape[1] for part in parts])
    columns = np.concatenate(parts, axis=1)
    columns = columns - columns.mean(axis=0)
    scale = np.sqrt((columns**2).sum(axis=0))
    columns /= np.where(scale > 0, scale, 1.0)
    found = np.zeros((len(parts), len(parts)))
    np.maximum.at(found, (owner[:, None], owner[None, :]), np.abs(columns.T @ columns))
    np.fill_diagonal(found, 1.0)
    return np.minimum(found, 1.0)


def _numbers(table: Table, at: int, source: NDArray[np.intp]) -> NDArray[np.float64]:
    """One column as numbers, (rows, 1), or as indicators of its levels."""
    column = table.columns[at]
    if not isinstance(column, NumberColumn):
        return np.asarray(column.codes[source][:, None] == np.unique(column.codes[source]), dtype=np.float64)
    values = np.asarray(table.form.read(at), dtype=np.float64)[source]
    known = np.isfinite(values)
    ranks = np.full(len(values), (np.count_nonzero(known) + 1) / 2)
    if known.any():
        ranks[known] = rankdata(values[known])
    return ranks[:, None]
