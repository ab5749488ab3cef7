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
from jupyter_xai.maskers._controls import Controls
from jupyter_xai.maskers._random import as_slice, check_seed
from jupyter_xai.maskers._sobol import REPLICATES
from jupyter_xai.maskers._table import Table
from jupyter_xai.maskers._table_draws import TableDraws, draws_of
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
        moved = around and bool(self._numbers)
        self._cells = self._moved() if moved else table.cells
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
        self._sequence = (
            TableDraws(table, self._cells, self._seed, sampler)
            if moved
            else draws_of(table, self._seed, sampler)
        )
        self._before = int(
            sampler == "balanced"
        )  # the instance stands before balanced draws, else in the first's place
        self.n_blocks = REPLICATES if self._before else None
        """Blocks that all draws belong to; None where each draw is by itself."""
        self._controls: Controls | None = None
        self.layout: Layout = row_layout(table, self._row, binned=True, codes=codes)
        self.n_features = len(table.members)
        self.key: Hashable = ("table bins", table.digest, row_digest(self._row), self._seed, sampler, around)
        self.shared_key: Hashable = None if moved else ("table draws", table.digest, self._seed, sampler)
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

    @property
    def n_controls(self) -> int:
        """Columns of ``Draws.controls``; none where numbers are seen as they are."""
        return 0 if self._numbers else self._known().count

    def _known(self) -> Controls:
        if self._controls is None:
            columns = [self._table.columns[at] for at in self._table.free]
            self._controls = Controls(columns, self._cells, self._first, self._many)
        return self._controls

    def instance(self) -> Batch:
        """The unaltered row as a batch of one; it is also draw 0."""
        return self.draw(0, 1).build(np.zeros(1, dtype=np.intp))

    def draw(self, start: int, stop: int) -> Draws:
        """Draws start to stop: features of shape (stop - start, n_features), bool; numbers if some are seen as such."""
        before = self._before
        cells, rows = self._sequence.rows(max(start - before, 0), max(stop - before, 0))
        if start == 0 < before:
            cells, rows = (
                np.concatenate([np.zeros_like(part, shape=(part.shape[1], 1)), part.T], axis=1).T
                for part in (cells, rows)
            )
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

        def controls() -> NDArray[np.float32]:
            found = self._known().look_up(cells)
            if start == 0 < stop:
                found[0] = 0.0  # the instance is no draw
            return found

        blocks = np.maximum(np.arange(start, stop) - 1, 0) % REPLICATES if before else None
        return Draws(features, distances, build, blocks, None if self._numbers else controls)

    def _features(self, cells: NDArray[np.integer], rows: NDArray[np.intp]) -> NDArray[Any]:
        """What each draw has of each feature: whether it is the row's own, or a number in standard deviations."""
        table = self._table
        same = cells - self._first < self._many  # unsigned: what lies below wraps around to far above
        if not table.joint and not self._numbers:
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
            # summed column by column, as they are kept
            kept = np.add.reduce(features.T.view(np.uint8), axis=0, dtype=np.uint32)
            return np.asarray(np.sqrt(self.n_features - kept.astype(np.float64)))
        gaps = features - self._at
        return np.asarray(np.sqrt(np.einsum("nf,nf->n", gaps, gaps)))

    def _standardised(self, k: int, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Numbers of a free column in standard deviations of the background; what is missing is the mean."""
        column = self._table.columns[self._table.free[k]]
        assert isinstance(column, NumberColumn)
        return np.asarray(np.nan_to_num((values - column.means[0]) / column.scale, nan=0.0))
