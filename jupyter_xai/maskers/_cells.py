"""Draws from the columns of a background by table: one whole number decides a column's bin and the value in it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from jupyter_xai.maskers._columns import Column, NumberColumn

_CELLS = 2048
_ENTRIES = 2**22


class Cells:
    """Each column's distribution as a row of cells of equal chance, from which LIME's draws are looked up.

    Every cell belongs to one bin or category, so that each gets as many cells as its frequency asks for: exactly,
    if the background has at most twice as many rows as there are cells (2048 for up to 2048 columns). The cells of
    a bin stand at equal steps of its truncated normal's quantiles. Looking a value up is several times faster than
    computing it.

    Parameters
    ----------
    columns : sequence of Column
    n_rows : int
        Rows of the background.

    Attributes
    ----------
    count : int
        Cells a column.
    offsets : ndarray of shape (n_columns,)
        Where each column's cells begin in ``codes`` and ``values``.
    codes : ndarray of shape (n_columns * count,)
        Bin or category of each cell.
    values : ndarray of shape (n_columns * count,)
        Value of each cell; NaN for categories and for missing numbers.
    """

    def __init__(self, columns: Sequence[Column], n_rows: int) -> None:
        wanted = int(np.clip(_ENTRIES // max(len(columns), 1), 256, _CELLS))
        levels = max((len(column.frequencies) for column in columns), default=1)
        fits = n_rows <= 2 * wanted
        self.count = n_rows * max(1, round(wanted / n_rows)) if fits else max(2 * wanted, 2 * levels)
        self.offsets = np.arange(len(columns)) * self.count
        self.codes = np.empty(len(columns) * self.count, dtype=np.int8 if levels < 128 else np.int32)
        self.values = np.full(len(self.codes), np.nan)
        for column, offset in zip(columns, self.offsets.tolist(), strict=True):
            cells = _shares(column.frequencies, self.count)
            codes = np.repeat(np.arange(len(cells)), cells)
            self.codes[offset : offset + self.count] = codes
            if isinstance(column, NumberColumn):
                places = (np.arange(self.count) - np.repeat(np.cumsum(cells) - cells, cells) + 0.5) / cells[
                    codes
                ]
                self.values[offset : offset + self.count] = quantiles(column, codes, places)

    def draw(self, rng: np.random.Generator, rows: int) -> NDArray[np.integer]:
        """Numbers of cells, each as likely as the other to within 1 in 65536; shape (rows, n_columns)."""
        shape = (len(self.offsets), rows)  # column by column, which all that follows is fastest on
        if self.count > 2**16:
            return rng.integers(self.count, size=shape, dtype=np.uint32).T
        bits = np.frombuffer(rng.bytes(2 * rows * len(self.offsets)), dtype="<u2").reshape(shape)
        cells = bits.astype(np.uint32)
        cells *= np.uint32(self.count)
        cells >>= np.uint32(16)
        return cells.astype(np.uint16).T

    def at(self, points: NDArray[np.float64]) -> NDArray[np.integer]:
        """Cells of numbers in 0-1, shape (n_columns, rows), in the shape and type that ``draw`` returns."""
        cells: NDArray[np.uint32] = (points * self.count).astype(np.uint32)
        return cells.T if self.count > 2**16 else cells.astype(np.uint16).T

    def stretch(self, codes: NDArray[np.integer]) -> tuple[NDArray[np.integer], NDArray[np.integer]]:
        """First cell and number of cells of one code a column, in the type that ``draw`` returns."""
        own = self.codes.reshape(len(codes), self.count) == codes[:, None]
        dtype = np.uint16 if self.count <= 2**16 else np.uint32
        return own.argmax(axis=1).astype(dtype), np.count_nonzero(own, axis=1).astype(dtype)

    def look_up(self, table: NDArray[Any], cells: NDArray[np.integer]) -> NDArray[Any]:
        """Entries of one of the tables.

        Parameters
        ----------
        table : ndarray of shape (n_columns * count,)
        cells : ndarray of shape (n, n_columns)
            Numbers of cells, each within its column.

        Returns
        -------
        ndarray of shape (n, n_columns)
        """
        found = np.empty(cells.shape[::-1], dtype=table.dtype)
        for column, entries, out in zip(
            cells.T, table.reshape(len(self.offsets), self.count), found, strict=True
        ):
            entries.take(column, out=out, mode="clip")
        return found.T


def _shares(frequencies: NDArray[np.float64], count: int) -> NDArray[np.intp]:
    """Cells of each code, at least one where it occurs at all.

    Examples
    --------
    >>> _shares(np.array([0.5, 0.25, 0.25, 0.0]), 8)
    array([4, 2, 2, 0])
    """
    cells = np.maximum(np.rint(frequencies * count).astype(np.intp), frequencies > 0)
    cells[np.argmax(cells)] += count - cells.sum()
    return cells


def quantiles(
    column: NumberColumn, codes: NDArray[np.integer], places: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Quantiles of the truncated normal inside each bin; NaN for the missing code.

    Parameters
    ----------
    column : NumberColumn
    codes : ndarray of shape (n,)
    places : ndarray of shape (n,)
        In 0-1.
    """
    lows, highs = column.edges()
    below = ndtr((lows - column.means) / column.spreads)
    above = ndtr((highs - column.means) / column.spreads)
    bins = (below, above - below, column.means, column.spreads, lows, highs)
    base, width, mean, spread, low, high = (np.append(part, np.nan)[codes] for part in bins)
    with np.errstate(invalid="ignore"):
        values = mean + spread * ndtri(base + places * width)
        return np.asarray(np.clip(np.rint(values) if column.whole else values, low, high))
