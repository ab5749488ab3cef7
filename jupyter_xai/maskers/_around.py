"""LIME's draws around one row of a table."""

from __future__ import annotations

import math
from collections.abc import Hashable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jupyter_xai.explanation import Layout
from jupyter_xai.maskers._bound import row_digest, row_layout, to_backend
from jupyter_xai.maskers._cells import Cells
from jupyter_xai.maskers._columns import NumberColumn, as_number
from jupyter_xai.maskers._random import Prefix, as_slice, block_rows, check_seed, generator
from jupyter_xai.maskers._sobol import REPLICATES, SobolReplicates
from jupyter_xai.maskers._table import Table
from jupyter_xai.protocols import Batch, Draws, Predictor, Sampler

PER_SPREAD = "Weights of numbers are per standard deviation of the background (discretizer='none')."
NO_EFFECT = (
    "sample_around_instance=True changes nothing where numbers are in bins. Pass discretizer='none' with it."
)


class TableNeighbourhood:
    """LIME's draws around one row; see ``Tabular``.

    Parameters
    ----------
    table : Table
    x : row
    predictor : Predictor or None
    random_state : int or None
    sampler : {"balanced", "lime"}, default="balanced"
    around : bool, default=False
        Whether numbers that are not in bins are drawn around the row's own, not around the background's mean.
    """

    def __init__(
        self,
        table: Table,
        x: Any,
        predictor: Predictor | None,
        random_state: int | None,
        sampler: Sampler = "balanced",
        *,
        around: bool = False,
    ) -> None:
        self._table, self._predictor = table, predictor
        self._row = table.align(x)
        codes = table.check(self._row)
        self._seed = check_seed(random_state)
        self._own = [np.array(table.own_codes(feature, self._row)) for feature in table.joint]
        self._numbers = [k for k, at in enumerate(table.free) if self._as_number(at)]
        self._cells = self._moved() if around and self._numbers else table.cells
        self._first, self._many = self._cells.stretch(
            np.array([codes[at] for at in table.free], dtype=table.cells.codes.dtype)
        )
        owner = {columns[0]: feature for feature, columns in enumerate(table.members)}
        self._alone = [owner[at] for at in table.free]
        self._standard = {
            k: self._standardised(k, self._cells.values.reshape(-1, self._cells.count)[k])
            for k in self._numbers
        }
        self._at: NDArray[Any] = np.ones(len(table.members), dtype=np.float64 if self._numbers else np.bool_)
        for k in self._numbers:
            own = as_number(self._row[table.free[k]], "")
            self._at[self._alone[k]] = self._standardised(k, np.array([own]))[0]
        # background rows side by side with those like them in a group, so that balanced places are balanced in it
        self._orders = [np.lexsort(table.joint_codes(feature).T) for feature in table.joint]
        n_numbers = len(table.free) + len(table.joint)
        self._sobol = (
            SobolReplicates(self._seed, "table, sobol", n_numbers) if sampler == "balanced" else None
        )
        if self._sobol is not None:
            self._prefix = Prefix(self._balanced, self._sobol.rows)
        else:
            size = block_rows(n_numbers)
            self._prefix = Prefix(lambda k: self._block(k, size), size)
        self.layout: Layout = row_layout(table, self._row, binned=True)
        self.n_features = len(table.members)
        self.key: Hashable = ("table bins", table.digest, row_digest(self._row), self._seed, sampler, around)
        self.kernel_width = 0.75 * math.sqrt(self.n_features)
        self.n_samples = 5000
        notices = (PER_SPREAD,) if self._numbers else ()
        self.notices: tuple[str, ...] = (*notices, NO_EFFECT) if around and not self._numbers else notices

    def _as_number(self, at: int) -> bool:
        """Whether a column is seen as the number it is: not in bins, and the row has one."""
        column = self._table.columns[at]
        return isinstance(column, NumberColumn) and column.normal and self._row[at] is not None

    def _moved(self) -> Cells:
        """The look-up table of draws around the row's own numbers."""
        columns = [self._table.columns[at] for at in self._table.free]
        for k in self._numbers:
            column = columns[k]
            assert isinstance(column, NumberColumn)
            columns[k] = replace(
                column, means=np.array([as_number(self._row[self._table.free[k]], column.name)])
            )
        return Cells(columns, self._table.n_rows)

    def _block(self, k: int, size: int) -> tuple[NDArray[Any], ...]:
        """Block k of the sequence: one cell a column, one background row a group."""
        rng = generator(self._seed, "table", k)
        cells = self._cells.draw(rng, size)
        return cells, rng.integers(self._table.n_rows, size=(size, len(self._orders)))

    def _balanced(self, k: int) -> tuple[NDArray[Any], ...]:
        """The same from block k of the Sobol sequences: each column's and each group's own numbers are balanced."""
        assert self._sobol is not None
        points, n_free = self._sobol.block(k), len(self._table.free)
        places = (points[n_free:] * self._table.n_rows).astype(np.intp)
        rows = [order[place] for order, place in zip(self._orders, places, strict=True)]
        return self._cells.at(points[:n_free]), np.array(rows, dtype=np.intp).reshape(places.shape).T

    def instance(self) -> Batch:
        """The unaltered row as a batch of one; it is also draw 0."""
        return self.draw(0, 1).build(np.zeros(1, dtype=np.intp))

    def draw(self, start: int, stop: int) -> Draws:
        """Draws start to stop: features of shape (stop - start, n_features), bool; numbers if some are seen as such."""
        before = int(
            self._sobol is not None
        )  # the instance stands before balanced draws, else in the first's place
        cells, rows = self._prefix.rows(max(start - before, 0), max(stop - before, 0))
        if start == 0 < before:
            cells = np.concatenate([np.zeros_like(cells, shape=(1, cells.shape[1])), cells])
            rows = np.concatenate([np.zeros_like(rows, shape=(1, rows.shape[1])), rows])
        features = self._features(cells, rows)
        if start == 0 < stop:
            features[0] = self._at
        distances = self._distances(features)
        source = {
            at: rows[:, k]
            for k, feature in enumerate(self._table.joint)
            for at in self._table.members[feature]
        }

        def build(indices: NDArray[np.intp]) -> Batch:
            some = as_slice(indices)
            drawn = {at: chosen[some] for at, chosen in source.items()}
            batch = self._table.sample(self._row, cells[some], drawn, indices + start == 0, self._cells)
            return to_backend(batch, self._predictor)

        blocks = np.maximum(np.arange(start, stop) - 1, 0) % REPLICATES if before else None
        return Draws(features, distances, build, blocks)

    def _features(self, cells: NDArray[np.integer], rows: NDArray[np.intp]) -> NDArray[Any]:
        """What each draw has of each feature: whether it is the row's own, or a number in standard deviations."""
        table = self._table
        same = cells - self._first < self._many  # unsigned: what lies below wraps around to far above
        if not self._orders and not self._numbers:
            return np.asarray(same)
        features = np.empty((self.n_features, len(cells)), dtype=self._at.dtype).T
        features[:, self._alone] = same
        for k, feature in enumerate(table.joint):
            codes = table.joint_codes(feature)
            features[:, feature] = (codes == self._own[k]).all(axis=1)[rows[:, k]]
        for k, standard in self._standard.items():
            features[:, self._alone[k]] = standard.take(cells[:, k])
        return features

    def _distances(self, features: NDArray[Any]) -> NDArray[np.float64]:
        """Euclidean distance of each draw to the row."""
        if features.dtype == np.bool_:
            return np.asarray(
                np.sqrt(self.n_features - np.count_nonzero(features, axis=1).astype(np.float64))
            )
        gaps = features - self._at
        return np.asarray(np.sqrt(np.einsum("nf,nf->n", gaps, gaps)))

    def _standardised(self, k: int, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Numbers of a free column in standard deviations of the background; what is missing is the mean."""
        column = self._table.columns[self._table.free[k]]
        assert isinstance(column, NumberColumn)
        return np.asarray(np.nan_to_num((values - column.means[0]) / column.scale, nan=0.0))
