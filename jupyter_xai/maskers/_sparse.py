"""Sparse tables: rows of a scipy CSR matrix, explained by what they store and never made dense."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jupyter_xai.errors import InputError
from jupyter_xai.explanation import Columns
from jupyter_xai.maskers._align import align
from jupyter_xai.maskers._around import TableNeighbourhood
from jupyter_xai.maskers._bins import Cutter
from jupyter_xai.maskers._bound import BoundTable
from jupyter_xai.maskers._cells import Cells
from jupyter_xai.maskers._columns import NumberColumn, as_number, plain_value
from jupyter_xai.maskers._table import Table
from jupyter_xai.protocols import Batch, Predictor, Sampler


class SparseTable:
    """A sparse background read once.

    Parameters
    ----------
    background : scipy sparse matrix or array of shape (n_rows, n_columns)
    feature_names : sequence of str, optional

    Raises
    ------
    InputError
        If it is empty, not of numbers, or the names do not fit.
    """

    def __init__(self, background: Any, feature_names: Any) -> None:
        shape = background.shape
        if len(shape) != 2 or 0 in shape:
            raise InputError(
                f"the background has shape {tuple(shape)}; expected rows and columns, at least one of each. Pass a 2-D "
                "sparse matrix."
            )
        if background.dtype.kind not in "biuf":
            raise InputError(
                f"the background is a sparse matrix of {background.dtype}; expected numbers. Convert it first."
            )
        names = [f"x{at}" for at in range(shape[1])] if feature_names is None else list(feature_names)
        if len(names) != shape[1]:
            raise InputError(
                f"feature_names has {len(names)} names, but the background has {shape[1]} columns. Pass one "
                "name a column."
            )
        self.names = tuple(str(name) for name in names)
        self.columns = background.tocsc()
        self.dtype = background.dtype
        self.n_rows, self.n_columns = shape
        from scipy.sparse import csr_array, csr_matrix, sparray

        self.container = csr_array if isinstance(background, sparray) else csr_matrix
        digest = hashlib.blake2b(repr((self.names, shape)).encode())
        for part in (self.columns.data, self.columns.indices, self.columns.indptr):
            digest.update(np.ascontiguousarray(part).tobytes())
        self.digest = digest.hexdigest()

    def stored(self, x: Any) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
        """Columns that a row stores, ascending, and their values; of a dense row those that are not 0.

        Raises
        ------
        InputError
            If it is not one row of numbers with as many columns, or it stores nothing.
        """
        if hasattr(x, "tocsr"):
            row = x.reshape(1, -1) if x.ndim == 1 else x
            if row.shape[0] != 1:
                raise InputError(f"expected one row, got a sparse matrix of shape {x.shape}. Pass X[i].")
            row = row.tocsr(copy=True)
            row.sum_duplicates()
            width, columns, values = row.shape[1], row.indices, row.data
        else:
            dense = np.array(
                [as_number(value, "the row") for value in align(x, self.names, self.names, named=True)]
            )
            width, columns = len(dense), np.flatnonzero(dense)
            values = dense[columns]
        if width != self.n_columns:
            raise InputError(
                f"the row has {width} columns, but the background has {self.n_columns}. Pass one made in the same way."
            )
        if not len(columns):
            raise InputError(
                "the row stores nothing but zeros, which are what is absent: nothing to explain. Pass another."
            )
        if not np.isfinite(values).all():
            raise InputError("the row holds a number that is missing or infinite. Replace it.")
        return np.asarray(columns, dtype=np.intp), np.asarray(values, dtype=np.float64)


class _Stored:
    """The background's columns that a row stores, read one at a time."""

    def __init__(self, whole: SparseTable, columns: NDArray[np.intp]) -> None:
        self._whole, self._columns = whole, columns
        self.labels = tuple(whole.names[at] for at in columns)
        self.dtype = whole.dtype

    def read(self, at: int) -> NDArray[np.float64]:
        """One column with its zeros."""
        parts, column = self._whole.columns, self._columns[at]
        values = np.zeros(self._whole.n_rows)
        some = slice(parts.indptr[column], parts.indptr[column + 1])
        np.add.at(values, parts.indices[some], parts.data[some])
        return values


class SparseRow(Table):
    """A sparse background as one row sees it: the columns it stores, each a number without bins.

    Parameters
    ----------
    whole : SparseTable
    x : row
    """

    def __init__(self, whole: SparseTable, x: Any) -> None:
        self.whole = whole
        self.where, values = whole.stored(x)
        self._values = tuple(plain_value(value) for value in values.tolist())
        self.form: Any = _Stored(whole, self.where)
        self.names = self.feature_names = self.form.labels
        self.n_rows = whole.n_rows
        cutter = Cutter("none", None, whole.n_rows)
        read = (
            NumberColumn.fit(name, self.form.read(at), False, cutter) for at, name in enumerate(self.names)
        )
        self.columns = tuple(replace(column, codes=np.empty(0, dtype=np.int32)) for column in read)
        self.members = tuple((at,) for at in range(len(self.columns)))
        self.free, self.joint, self.one_hot = tuple(range(len(self.columns))), (), {}
        self.cells = Cells(self.columns, self.n_rows)
        self._plain = None
        self.digest = f"{whole.digest} {self.where.tolist()}"

    def align(self, x: Any) -> tuple[Any, ...]:  # noqa: ARG002 - the row it was made for
        """The values that the row stores."""
        return self._values

    def few(self, most: int) -> NDArray[np.intp]:  # noqa: ARG002 - zeros stand for all
        """One row of zeros: what is absent is not stored."""
        return np.zeros(1, dtype=np.intp)

    @property
    def n_fills(self) -> int:
        """Rows that absent features may be filled from: the one of zeros."""
        return 1

    def differs(self, row: Sequence[Any], source: NDArray[np.intp]) -> NDArray[np.bool_]:  # noqa: ARG002
        """Whether each stored value is another than 0."""
        return np.array([value != 0 for value in row])

    def sample(
        self,
        row: Sequence[Any],
        cells: NDArray[np.integer],
        source: Mapping[int, NDArray[np.intp]],  # noqa: ARG002 - no groups
        own: NDArray[np.bool_],
        table: Cells | None = None,
    ) -> Batch:
        """Model rows with other numbers in the columns that the row stores."""
        table = table or self.cells
        values = table.look_up(table.values, cells)
        values[own] = row
        return self._full(values)

    def rows(self, row: Sequence[Any], masks: NDArray[np.bool_], source: NDArray[np.intp]) -> Batch:  # noqa: ARG002
        """Model rows that store the present columns alone."""
        counts = np.count_nonzero(masks, axis=1)
        values = np.broadcast_to(np.array(row, dtype=np.float64), masks.shape)[masks]
        columns = np.broadcast_to(self.where, masks.shape)[masks]
        return self._made(values, columns, np.concatenate([[0], np.cumsum(counts)]), self.whole.dtype)

    def variants(self, row: Sequence[Any], changes: Sequence[Mapping[int, Any]]) -> Batch:
        """Copies of the row, each with some stored columns at other values."""
        values = np.tile(np.array(row, dtype=np.float64), (len(changes), 1))
        for k, change in enumerate(changes):
            values[k, list(change)] = [as_number(value, "") for value in change.values()]
        return self._full(values)

    def _full(self, values: NDArray[np.float64]) -> Batch:
        n, width = values.shape
        dtype = self.whole.dtype if self.whole.dtype.kind == "f" else np.dtype(np.float64)
        ends = np.arange(n + 1) * width
        return self._made(np.ascontiguousarray(values).ravel(), np.tile(self.where, n), ends, dtype)

    def _made(self, values: Any, columns: Any, ends: Any, dtype: Any) -> Batch:
        narrow = np.int32 if max(len(values), self.whole.n_columns) < 2**31 else np.int64
        parts = (values.astype(dtype, copy=False), columns.astype(narrow), ends.astype(narrow))
        return self.whole.container(parts, shape=(len(ends) - 1, self.whole.n_columns))

    def placed(self, layout: Columns) -> Columns:
        """A layout with the columns' places in the model's row."""
        return replace(layout, members=tuple((int(at),) for at in self.where))


class SparseBound(BoundTable):
    """One sparse row whose absent features are zeros.

    Parameters
    ----------
    row : SparseRow
    predictor : Predictor or None
    """

    def __init__(self, row: SparseRow, predictor: Predictor | None) -> None:
        super().__init__(row, None, predictor)
        self._stored = row
        self.layout = row.placed(self.layout) if isinstance(self.layout, Columns) else self.layout

    def moves(self, step: float) -> list[tuple[int, tuple[Any, ...], tuple[float, ...], float, float]]:
        """How each stored column is moved by itself: (the model's column, values, weights, spread, present)."""
        return [(int(self._stored.where[move[0]]), *move[1:]) for move in super().moves(step)]

    def moved(self, changes: Sequence[Mapping[int, Any]]) -> Batch:
        """Model rows that are the instance but for a few of the model's columns each: column to value."""
        place = {int(column): at for at, column in enumerate(self._stored.where)}
        return super().moved([{place[column]: value for column, value in some.items()} for some in changes])

    def spreads(self) -> NDArray[np.float64]:
        """Standard deviation of each of the model's columns that the row stores; 0 for the others."""
        found = np.zeros(self._stored.whole.n_columns)
        found[self._stored.where] = super().spreads()
        return found


class SparseNeighbourhood(TableNeighbourhood):
    """LIME's draws around one sparse row: other numbers in the columns it stores, zeros where it has zeros.

    Parameters
    ----------
    row : SparseRow
    predictor : Predictor or None
    random_state : int or None
    sampler : {"balanced", "lime"}
    around : bool
    """

    def __init__(
        self,
        row: SparseRow,
        predictor: Predictor | None,
        random_state: int | None,
        sampler: Sampler,
        *,
        around: bool,
    ) -> None:
        super().__init__(row, None, predictor, random_state, sampler, around=around)
        self.layout = row.placed(self.layout) if isinstance(self.layout, Columns) else self.layout
