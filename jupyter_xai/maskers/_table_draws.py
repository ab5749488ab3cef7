"""A table's draws, which are the same for every row that is explained: made once, and kept."""

from __future__ import annotations

import threading
from collections import OrderedDict

import numpy as np
from numpy.typing import NDArray

from jupyter_xai.maskers._cells import Cells
from jupyter_xai.maskers._random import Rows, block_rows, generator
from jupyter_xai.maskers._sobol import SobolReplicates
from jupyter_xai.maskers._table import Table
from jupyter_xai.protocols import Sampler

_BYTES = 2**24
_SEQUENCES = 4


class TableDraws:
    """One cell a column and one background row a group, of each draw of a sequence. Safe to share between threads.

    Parameters
    ----------
    table : Table
    cells : Cells
        The look-up table that is drawn from.
    random_state : int
    sampler : {"balanced", "lime"}

    Examples
    --------
    >>> table = Table(np.arange(12.0).reshape(6, 2))
    >>> cells, rows = TableDraws(table, table.cells, 0, "balanced").rows(0, 5)
    >>> cells.shape, rows.shape
    ((5, 2), (5, 0))
    """

    def __init__(self, table: Table, cells: Cells, random_state: int, sampler: Sampler) -> None:
        self._table, self._cells, self._seed = table, cells, random_state
        # background rows side by side with those like them in a group, so that balanced places are balanced in it
        self._orders = [np.lexsort(table.joint_codes(feature).T) for feature in table.joint]
        n_numbers = len(table.free) + len(table.joint)
        self._sobol = (
            SobolReplicates(random_state, "table, sobol", n_numbers) if sampler == "balanced" else None
        )
        self._size = block_rows(n_numbers) if self._sobol is None else self._sobol.rows
        self._kept: OrderedDict[int, Rows] = OrderedDict()
        self._lock = threading.Lock()

    def _block(self, k: int) -> Rows:
        with self._lock:
            if k not in self._kept:
                made = self._drawn(k) if self._sobol is None else self._balanced(self._sobol, k)
                self._kept[k] = made
                if len(self._kept) * sum(part.nbytes for part in made) > _BYTES and len(self._kept) > 1:
                    self._kept.popitem(last=False)
            return self._kept[k]

    def _drawn(self, k: int) -> Rows:
        """Block k, each draw by itself."""
        rng = generator(self._seed, "table", k)
        cells = self._cells.draw(rng, self._size)
        return cells, rng.integers(self._table.n_rows, size=(self._size, len(self._orders)))

    def _balanced(self, sobol: SobolReplicates, k: int) -> Rows:
        """The same from block k of the Sobol sequences: each column's and each group's own numbers are balanced."""
        points, n_free = sobol.block(k), len(self._table.free)
        places = (points[n_free:] * self._table.n_rows).astype(np.intp)
        rows = [order[place] for order, place in zip(self._orders, places, strict=True)]
        return self._cells.at(points[:n_free]), np.array(rows, dtype=np.intp).reshape(places.shape).T

    def rows(self, start: int, stop: int) -> tuple[NDArray[np.integer], NDArray[np.intp]]:
        """Draws start to stop: cells of shape (n, n_free), background rows of shape (n, n_joint)."""
        parts = []
        for k in range(start // self._size, max(-(-stop // self._size), start // self._size + 1)):
            low = k * self._size
            cut = slice(max(start - low, 0), max(min(stop - low, self._size), 0))
            parts.append(tuple(array[cut] for array in self._block(k)))
        if len(parts) == 1:
            return parts[0][0], parts[0][1]
        # joined column by column, as they are kept: what follows is fastest so
        cells, rows = (np.concatenate([part[i].T for part in parts], axis=1).T for i in (0, 1))
        return cells, rows


def draws_of(table: Table, random_state: int, sampler: Sampler) -> TableDraws:
    """The draws of a table's own cells, the same object for as long as it is asked for now and then."""
    kept: OrderedDict[tuple[int, str], TableDraws] = table.__dict__.setdefault("_draws", OrderedDict())
    made = kept.get((random_state, sampler))
    if made is None:
        made = kept[random_state, sampler] = TableDraws(table, table.cells, random_state, sampler)
        while len(kept) > _SEQUENCES:
            kept.popitem(last=False)
    return made
