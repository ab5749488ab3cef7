"""Tables: rows that are compared with a background of other rows."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Hashable, Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from jupyter_xai.errors import InputError
from jupyter_xai.explanation import Columns, Layout
from jupyter_xai.explanation.layouts import ColumnKind
from jupyter_xai.maskers._columns import NumberColumn
from jupyter_xai.maskers._random import Prefix, as_slice, block_rows, check_seed, generator
from jupyter_xai.maskers._relations import relations
from jupyter_xai.maskers._sobol import REPLICATES, SobolReplicates
from jupyter_xai.maskers._table import Table
from jupyter_xai.params import ParamSpec
from jupyter_xai.protocols import Batch, Draws, Kind, Predictor, Sampler

BACKGROUND_ROWS = 200
"""Rows that an absent feature is filled from; a longer background is represented by so many of it."""


class Tabular:
    """Rows of a table, beside a background they are compared with.

    Parameters
    ----------
    background : DataFrame or array of shape (n_rows, n_columns)
        Rows the model knows, such as its training data. The model receives batches of this form: DataFrames
        with the same columns and types, or arrays of the same type. NaN is legal and is drawn as often as it
        occurs.
    feature_names : sequence of str, optional
        Names of an array's columns; a DataFrame brings its own.
    categories : list or dict, optional
        Columns (names or indices) whose numbers are codes of categories; a dict gives their values in natural
        order. Columns of strings, of categorical type and of truth values are categories by themselves.
    groups : dict, optional
        Name to list of columns which act as one feature, such as the columns of a one-hot code.

    Notes
    -----
    LIME's neighbourhood is lime 0.2's: every numeric column is cut at its quartiles; each feature's bin or
    category is drawn by its frequency in the background, numbers within a bin from a truncated normal; a
    feature is 1 where the bin is the instance's own; distance is Euclidean on these ones; kernel width 0.75
    sqrt(features). A group draws the bins of all its columns from one background row.

    Examples
    --------
    >>> background = np.array([[20.0, 0.0], [30.0, 1.0], [40.0, 1.0], [50.0, 0.0]])
    >>> masker = Tabular(background, feature_names=["age", "owner"], categories=["owner"])
    >>> masker.neighbourhood({"age": 24, "owner": 1}, None).layout.conditions
    ('age <= 27.5', 'owner = 1.0')
    """

    kind: ClassVar[Kind] = "table"
    params: ClassVar[tuple[ParamSpec, ...]] = ()

    def __init__(
        self, background: Any, feature_names: Any = None, categories: Any = None, groups: Any = None
    ) -> None:
        self.background = background
        self.feature_names = feature_names
        self.categories = categories
        self.groups = groups

    def table(self) -> Table:
        """Read the background; kept until one of the four arguments is replaced.

        Raises
        ------
        InputError
            If the background is empty or not a table, or a listed column does not exist.
        """
        given = (self.background, self.feature_names, self.categories, self.groups)
        kept = self.__dict__.get("_kept")
        if kept is None or any(old is not new for old, new in zip(kept[0], given, strict=True)):
            if self.background is None:
                raise InputError(
                    "a table needs a background to compare with. Pass background=X_train (or a sample)."
                )
            kept = (given, Table(*given))
            self.__dict__["_kept"] = kept
        table: Table = kept[1]
        return table

    def __getstate__(self) -> dict[str, Any]:
        """Pickle the arguments alone; the table is read again."""
        return {name: value for name, value in self.__dict__.items() if name != "_kept"}

    def bind(self, x: Any, predictor: Predictor | None = None) -> BoundTable:
        """Fix the row; an absent feature takes the values of background rows.

        Parameters
        ----------
        x : dict, Series, 1-row DataFrame, sequence or array
            Lined up with the background by name where it has names, else by position.
        predictor : Predictor, optional
            Decides whether batches are tensors.

        Returns
        -------
        BoundTable

        Raises
        ------
        InputError
            If columns are missing, unknown or of the wrong number, or a category is unknown.
        """
        return BoundTable(self.table(), x, predictor)

    def neighbourhood(
        self,
        x: Any,
        predictor: Predictor | None,
        *,
        random_state: int | None = 0,
        sampler: Sampler = "balanced",
    ) -> TableNeighbourhood:
        """LIME's neighbourhood of a row: 5000 draws by default; see ``bind`` for parameters and errors."""
        return TableNeighbourhood(self.table(), x, predictor, random_state, sampler)


def _layout(table: Table, row: Sequence[Any], codes: Sequence[int], *, binned: bool) -> Columns:
    """Features of a row; binned: "present" means "in the same bin", and the layout says which."""
    values: list[Any] = []
    kinds: list[ColumnKind] = []
    categories: list[tuple[Any, ...] | None] = []
    ranges: list[tuple[float, float] | None] = []
    conditions = []
    for members in table.members:
        columns = [table.columns[at] for at in members]
        said = [table.condition(at, codes[at]) for at in members]
        conditions.append(" and ".join(said))
        first, grouped = columns[0], len(columns) > 1
        values.append(tuple(row[at] for at in members) if grouped else row[members[0]])
        kinds.append("group" if grouped else first.kind)
        categories.append(None if grouped or isinstance(first, NumberColumn) else first.levels)
        ranges.append((first.low, first.high) if isinstance(first, NumberColumn) and not grouped else None)
    return Columns(
        names=table.feature_names,
        values=tuple(values),
        kinds=tuple(kinds),
        members=table.members,
        categories=tuple(categories),
        ranges=tuple(ranges),
        conditions=tuple(conditions) if binned else None,
    )


def _to_backend(batch: Batch, predictor: Predictor | None) -> Batch:
    """Turn an array into a tensor for a predictor that takes tensors."""
    if predictor is None or predictor.backend != "torch":
        return batch
    import torch

    array = batch.to_numpy(dtype=np.float32) if hasattr(batch, "to_numpy") else np.asarray(batch)
    if array.dtype.kind not in "biuf":
        raise InputError(
            "a torch network takes numbers, but the background holds categories as text. Encode the columns "
            "first, or "
            "explain a function that encodes them and calls the network."
        )
    return torch.as_tensor(array).to(device=predictor.device, dtype=predictor.dtype)


class BoundTable:
    """One row whose absent features are filled from background rows; see ``Tabular``.

    Parameters
    ----------
    table : Table
    x : row
    predictor : Predictor or None
    """

    def __init__(self, table: Table, x: Any, predictor: Predictor | None) -> None:
        self._table, self._predictor = table, predictor
        self._row = table.align(x)
        self.layout: Layout = _layout(table, self._row, table.check(self._row), binned=False)
        self.n_features = len(table.members)
        self._background = table.few(BACKGROUND_ROWS)
        self.draws = len(self._background)
        self.key: Hashable = ("table", table.digest, _row_digest(self._row))
        summary = (
            f"{self.draws} of the {table.n_rows:,} background rows, drawn at random, stand for all of them. Pass "
            f"a background of at most {BACKGROUND_ROWS} rows to choose them yourself."
        )
        self.notices: tuple[str, ...] = (summary,) if self.draws < table.n_rows else ()
        differs = table.differs(self._row, self._background)
        self.varying = np.array([differs[list(members)].any() for members in table.members])
        self._owner = np.empty(len(table.columns), dtype=np.intp)
        for feature, members in enumerate(table.members):
            self._owner[list(members)] = feature

    def instance(self) -> Batch:
        """The row as a batch of one."""
        return self.build(np.ones((1, self.n_features), dtype=np.bool_), slice(0, 1))

    def build(self, masks: NDArray[np.bool_], draws: slice = slice(None)) -> Batch:
        """Model rows, mask-major: each mask with each of the chosen background rows.

        Parameters
        ----------
        masks : ndarray of shape (n, n_features), bool
        draws : slice
            Of the background rows that stand for all.
        """
        present = np.asarray(masks, dtype=np.bool_)[:, self._owner]
        batch = self._table.rows(self._row, present, self._background[draws])
        return _to_backend(batch, self._predictor)

    def grid(self, feature: int, most: int) -> tuple[Any, ...]:
        """Values a feature may be moved to, in their natural order; none for a group of columns.

        Parameters
        ----------
        feature : int
        most : int
            Values at most.
        """
        members = self._table.members[feature]
        return self._table.grid(members[0], self._row[members[0]], most) if len(members) == 1 else ()

    def variants(self, changes: Sequence[tuple[int, Any]]) -> Batch:
        """Model rows that are the instance but for one feature each.

        Parameters
        ----------
        changes : sequence of (feature, value)
        """
        moved = [(self._table.members[feature][0], value) for feature, value in changes]
        return _to_backend(self._table.variants(self._row, moved), self._predictor)

    def spreads(self) -> NDArray[np.float64]:
        """Standard deviation of each of the model's columns in the whole background; 0 for text categories."""
        return self._table.spreads()

    def moves(self, step: float) -> list[tuple[int, tuple[Any, ...], tuple[float, ...], float, float]]:
        """How each of the model's columns is moved by itself: (column, values, weights, spread, present).

        Parameters
        ----------
        step : float
            To either side of a number, in standard deviations.
        """
        found = (self._table.move(at, value, step) for at, value in enumerate(self._row))
        return [each for each in found if each is not None]

    def unmoved(self) -> tuple[str, ...]:
        """Name the numbers that are missing, which cannot be moved."""
        names = [
            column.name
            for column, value in zip(self._table.columns, self._row, strict=True)
            if isinstance(column, NumberColumn) and value is None
        ]
        said = f"{', '.join(names)}: missing in this row, so there is nothing to move, and zero is shown."
        return (said,) if names else ()

    def moved(self, changes: Sequence[tuple[int, Any]]) -> Batch:
        """Model rows that are the instance but for one of the model's columns each: (column, value)."""
        return _to_backend(self._table.variants(self._row, changes), self._predictor)

    def relations(self) -> NDArray[np.float64]:
        """How strongly features go together in the background, from 0 to 1, (n_features, n_features)."""
        return relations(self._table, self._background)

    def background_rows(self) -> Any:
        """The background rows that stand for all, as the model takes them: (draws, columns)."""
        return self.build(np.zeros((1, self.n_features), dtype=np.bool_))

    def reduce(self, outputs: NDArray[np.float64]) -> NDArray[np.float64]:
        """Average over the background rows: (n_masks, outputs)."""
        return np.asarray(outputs.reshape(-1, self.draws, outputs.shape[-1]).mean(axis=1))


class TableNeighbourhood:
    """LIME's draws around one row; see ``Tabular``.

    Parameters
    ----------
    table : Table
    x : row
    predictor : Predictor or None
    random_state : int or None
    sampler : {"balanced", "lime"}, default="balanced"
    """

    def __init__(
        self,
        table: Table,
        x: Any,
        predictor: Predictor | None,
        random_state: int | None,
        sampler: Sampler = "balanced",
    ) -> None:
        self._table, self._predictor = table, predictor
        self._row = table.align(x)
        self._codes = np.array(table.check(self._row), dtype=table.cells.codes.dtype)
        self._seed = check_seed(random_state)
        self._groups = [list(members) for members in table.members if len(members) > 1]
        self._first, self._many = table.cells.stretch(self._codes)
        self._orders = [
            np.lexsort(table.codes[:, members].T) for members in self._groups
        ]  # like rows side by side
        n_numbers = len(table.columns) + len(self._groups)
        self._sobol = (
            SobolReplicates(self._seed, "table, sobol", n_numbers) if sampler == "balanced" else None
        )
        if self._sobol is not None:
            self._prefix = Prefix(self._balanced, self._sobol.rows)
        else:
            size = block_rows(n_numbers)
            self._prefix = Prefix(lambda k: self._block(k, size), size)
        self.layout: Layout = _layout(table, self._row, self._codes.tolist(), binned=True)
        self.n_features = len(table.members)
        self.key: Hashable = ("table bins", table.digest, _row_digest(self._row), self._seed, sampler)
        self.kernel_width = 0.75 * math.sqrt(self.n_features)
        self.n_samples = 5000
        self.notices: tuple[str, ...] = ()

    def _block(self, k: int, size: int) -> tuple[NDArray[Any], ...]:
        """Block k of the sequence: one cell a column, one background row a group."""
        rng = generator(self._seed, "table", k)
        cells = self._table.cells.draw(rng, size)
        return cells, rng.integers(self._table.n_rows, size=(size, len(self._groups)))

    def _balanced(self, k: int) -> tuple[NDArray[Any], ...]:
        """The same from block k of the Sobol sequences: each column's and each group's own numbers are balanced."""
        assert self._sobol is not None
        points = self._sobol.block(k)
        n_columns, n_rows = len(self._table.columns), self._table.n_rows
        places = (points[n_columns:] * n_rows).astype(np.intp)
        rows = [order[place] for order, place in zip(self._orders, places, strict=True)]
        return self._table.cells.at(points[:n_columns]), np.array(rows, dtype=np.intp).reshape(places.shape).T

    def instance(self) -> Batch:
        """The unaltered row as a batch of one; it is also draw 0."""
        return self.draw(0, 1).build(np.zeros(1, dtype=np.intp))

    def draw(self, start: int, stop: int) -> Draws:
        """Draws start to stop: features of shape (stop - start, n_features), bool."""
        before = int(
            self._sobol is not None
        )  # the instance stands before balanced draws, else in the first's place
        cells, rows = self._prefix.rows(max(start - before, 0), max(stop - before, 0))
        if start == 0 < before:
            cells = np.concatenate([np.zeros_like(cells, shape=(1, cells.shape[1])), cells])
            rows = np.concatenate([np.zeros_like(rows, shape=(1, rows.shape[1])), rows])
        table = self._table
        same = cells - self._first < self._many  # unsigned: what lies below wraps around to far above
        grouped: dict[int, NDArray[Any]] = {}
        for members, source in zip(self._groups, rows.T, strict=True):
            for at in members:
                grouped[at] = table.codes[source, at]
                same[:, at] = grouped[at] == self._codes[at]
        if start == 0:
            same[:1] = True
        if grouped:
            same = np.stack([same[:, list(members)].all(axis=1) for members in table.members], axis=1)
        distances = np.sqrt(self.n_features - np.count_nonzero(same, axis=1).astype(np.float64))

        def build(indices: NDArray[np.intp]) -> Batch:
            rows = as_slice(indices)
            codes = {at: drawn[rows] for at, drawn in grouped.items()}
            batch = table.sample(self._row, cells[rows], codes, indices + start == 0)
            return _to_backend(batch, self._predictor)

        blocks = np.maximum(np.arange(start, stop) - 1, 0) % REPLICATES if before else None
        return Draws(same, distances, build, blocks)


def _row_digest(row: tuple[Any, ...]) -> str:
    return hashlib.blake2b(repr(row).encode()).hexdigest()
