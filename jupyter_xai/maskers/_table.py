"""A background table: its columns, how a row is lined up with them, and how model rows are drawn from it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jupyter_xai.errors import InputError
from jupyter_xai.maskers._align import align
from jupyter_xai.maskers._bins import Cutter, Discretizer
from jupyter_xai.maskers._cells import Cells
from jupyter_xai.maskers._columns import CategoryColumn, Column, NumberColumn, as_number
from jupyter_xai.maskers._containers import ArrayForm, form_of
from jupyter_xai.maskers._encoders import encoded, names_of
from jupyter_xai.maskers._filled import chosen
from jupyter_xai.maskers._groups import one_hot_features, owners
from jupyter_xai.maskers._random import generator
from jupyter_xai.protocols import Batch


class Table:
    """A background read once: columns, features, and the making of batches.

    Parameters
    ----------
    background : DataFrame or array of shape (n_rows, n_columns)
    feature_names : sequence of str, optional
    categories : list or dict, optional
    groups : dict, optional
    encoder : fitted encoder, optional
    discretizer : {"quartile", "decile", "entropy", "none"}
    labels : array of shape (n_rows,), optional

    Raises
    ------
    InputError
        If it is empty, a listed column does not exist or stands in two groups, labels are missing, or the encoder did
        not write it.
    """

    def __init__(
        self,
        background: Any,
        feature_names: Any = None,
        categories: Any = None,
        groups: Any = None,
        encoder: Any = None,
        discretizer: Discretizer = "quartile",
        labels: Any = None,
    ) -> None:
        self.form = form_of(background, feature_names)
        written = encoded(encoder, len(self.form.labels)) if encoder is not None else ()
        if encoder is not None and feature_names is None and isinstance(self.form, ArrayForm):
            self.form = form_of(background, names_of(encoder, len(self.form.labels)))
        self.names = tuple(str(label) for label in self.form.labels)
        listed: dict[int, Sequence[Any] | None] = {}
        for label in categories or ():
            listed[self.position(label, "categories")] = (
                categories[label] if isinstance(categories, Mapping) else None
            )
        asked = [
            (
                str(name),
                [self.position(one, "groups") for one in ([given] if isinstance(given, str) else given)],
            )
            for name, given in (groups or {}).items()
        ]
        taken = {at for _, columns in asked for at in columns}
        written = tuple(one for one in written if not taken & {*one.columns})
        self.members, self.feature_names = owners(
            [*asked, *((one.name, one.columns) for one in written)], self.names
        )
        joint = {at for _, columns in asked if len(columns) > 1 for at in columns}
        joint |= {at for one in written for at in one.columns}
        self.n_rows = len(self.form.read(0))
        cutters = [Cutter(how, labels, self.n_rows) for how in (discretizer, "quartile")]
        self.columns = tuple(
            self._read(at, at in listed, listed.get(at), cutters[at in joint and discretizer == "none"])
            for at in range(len(self.names))
        )
        self.one_hot = one_hot_features(asked, written, self.members, self.names, self._raw)
        self.joint = tuple(feature for feature, columns in enumerate(self.members) if columns[0] in joint)
        """Features whose columns are drawn together, from one background row."""
        self.free = tuple(at for at in range(len(self.names)) if at not in joint)
        """The other columns, which are drawn by themselves."""
        codes = np.stack([column.codes for column in self.columns], axis=1)
        self.codes = codes.astype(np.int8) if max(len(c.frequencies) for c in self.columns) < 128 else codes
        numeric = all(isinstance(column, NumberColumn) for column in self.columns)
        dtype = self.form.dtype if isinstance(self.form, ArrayForm) else None
        self._plain = dtype if numeric and dtype is not None and dtype.kind == "f" else None
        self.cells = Cells([self.columns[at] for at in self.free], self.n_rows)
        said = (self.names, self.members, [c.kind for c in self.columns], discretizer)
        digest = hashlib.blake2b(repr(said).encode())
        for at, column in enumerate(self.columns):
            raw = self.form.read(at) if isinstance(column, NumberColumn) else column.codes
            digest.update(np.ascontiguousarray(raw, dtype=np.float64).tobytes())
            digest.update(repr(getattr(column, "levels", "")).encode())
            if isinstance(column, NumberColumn):
                digest.update(column.borders.tobytes())
        self.digest = digest.hexdigest()

    def _raw(self, columns: Sequence[int]) -> NDArray[Any]:
        """Some columns of the background as they are, shape (n_rows, n_columns)."""
        raw = np.empty((self.n_rows, len(columns)), dtype=object)
        for k, at in enumerate(columns):
            raw[:, k] = self.form.read(at)
        return raw

    def joint_codes(self, feature: int) -> NDArray[np.integer]:
        """What tells the background rows apart in a feature whose columns are drawn together: (n_rows, some)."""
        known = self.one_hot.get(feature)
        return self.codes[:, list(self.members[feature])] if known is None else known.codes[:, None]

    def own_codes(self, feature: int, row: Sequence[Any]) -> tuple[int, ...]:
        """The same of a row."""
        values = [row[at] for at in self.members[feature]]
        known = self.one_hot.get(feature)
        if known is not None:
            return (known.code(values),)
        return tuple(
            self.columns[at].code(value) for at, value in zip(self.members[feature], values, strict=True)
        )

    def position(self, label: Any, keyword: str) -> int:
        """Position of a column given by name or index.

        Raises
        ------
        InputError
            If there is no such column.
        """
        if label in self.form.labels:
            return self.form.labels.index(label)
        if isinstance(label, str) and label in self.names:
            return self.names.index(label)
        if hasattr(label, "__index__") and 0 <= int(label) < len(self.names):
            return int(label)
        raise InputError(
            f"{keyword} names the column {label!r}, which the background does not have. Columns: "
            f"{', '.join(self.names[:40])}."
        )

    def _read(self, at: int, listed: bool, levels: Sequence[Any] | None, cutter: Cutter) -> Column:
        name, values = self.names[at], self.form.read(at)
        if self.form.is_boolean(at) and not listed:
            return CategoryColumn.fit(name, values, (False, True), "boolean")
        if self.form.is_number(at) and not listed:
            return NumberColumn.fit(
                name, np.asarray(values, dtype=np.float64), self.form.is_whole(at), cutter
            )
        return CategoryColumn.fit(name, values, levels or self.form.levels(at), "category")

    # --- rows -----------------------------------------------------------------------------------------------

    def align(self, x: Any) -> tuple[Any, ...]:
        """Line a row up with the columns: plain values, None for missing.

        Raises
        ------
        InputError
            If columns are missing, unknown or of the wrong number, or x is several rows.
        """
        return align(x, self.form.labels, self.names, named=not isinstance(self.form, ArrayForm))

    def check(self, row: Sequence[Any]) -> tuple[int, ...]:
        """Code of each value: its bin or category.

        Raises
        ------
        InputError
            If a value is not a number where one is needed, or not a known category.
        """
        return tuple(column.code(value) for column, value in zip(self.columns, row, strict=True))

    def condition(self, at: int, code: int) -> str:
        """What being in the same bin or category means for a column, in words."""
        said: dict[tuple[int, int], str] = self.__dict__.setdefault("_conditions", {})
        if (at, code) not in said:
            said[at, code] = self.columns[at].condition(code)
        return said[at, code]

    # --- batches --------------------------------------------------------------------------------------------

    def sample(
        self,
        row: Sequence[Any],
        cells: NDArray[np.integer],
        source: Mapping[int, NDArray[np.intp]],
        own: NDArray[np.bool_],
        table: Cells | None = None,
    ) -> Batch:
        """Model rows drawn inside bins and categories.

        Parameters
        ----------
        row : sequence
            The instance, aligned.
        cells : ndarray of shape (n, n_free)
            Numbers of cells of the columns that are drawn by themselves.
        source : mapping from column to ndarray of shape (n,)
            Background rows that the other columns are taken from.
        own : ndarray of shape (n,), bool
            Rows that are the instance itself.
        table : Cells, optional
            Another look-up table than the background's own.
        """
        table = table or self.cells
        if self._plain is not None:
            batch = table.look_up(table.values, cells)
            if source:
                drawn, batch = batch, np.empty((len(self.columns), len(cells))).T
                batch[:, list(self.free)] = drawn
                for at, rows in source.items():
                    batch[:, at] = self._array()[rows, at]
            if own.any():
                batch[own] = [as_number(value, "") for value in row]
            return batch.astype(self._plain, copy=False)
        place = {at: k for k, at in enumerate(self.free)}
        columns = []
        for at, column in enumerate(self.columns):
            k = place.get(at)
            if isinstance(column, NumberColumn):
                if k is None:
                    values = np.asarray(self.form.read(at), dtype=np.float64)[source[at]]
                else:
                    values = table.values.take(cells[:, k] + table.offsets[k])
                values[own] = as_number(row[at], column.name)
                columns.append(self.form.numbers(at, values))
            else:
                codes = (
                    column.codes[source[at]]
                    if k is None
                    else table.codes.take(cells[:, k] + table.offsets[k])
                )
                codes = np.where(own, column.code(row[at]), codes)
                blank = bool((codes == len(column.levels)).any())
                columns.append(self._store(at, column, blank).take(codes))
        return self.form.assemble(columns, len(cells))

    def _store(self, at: int, column: CategoryColumn, blank: bool) -> Any:
        cache: dict[tuple[int, bool], Any] = self.__dict__.setdefault("_stores", {})
        if (at, blank) not in cache:
            cache[at, blank] = self.form.store(at, [*column.levels, None] if blank else column.levels)
        return cache[at, blank]

    def few(self, most: int) -> NDArray[np.intp]:
        """Background rows that stand for all: all of them, or so many drawn once for all."""
        if self.n_rows <= most:
            return np.arange(self.n_rows)
        return np.sort(generator(0, "background", self.n_rows).choice(self.n_rows, most, replace=False))

    @property
    def n_fills(self) -> int:
        """Rows that absent features may be filled from."""
        return self.n_rows

    def differs(self, row: Sequence[Any], source: NDArray[np.intp]) -> NDArray[np.bool_]:
        """For each column, whether any of some background rows differs from the instance there."""
        found = np.empty(len(self.columns), dtype=np.bool_)
        for at, column in enumerate(self.columns):
            if isinstance(column, NumberColumn):
                number = as_number(row[at], column.name)
                values = np.asarray(self.form.read(at), dtype=np.float64)[source]
                same = np.isnan(values) if np.isnan(number) else values == number
                found[at] = not same.all()
            else:
                found[at] = (column.codes[source] != column.code(row[at])).any()
        return found

    def rows(self, row: tuple[Any, ...], masks: NDArray[np.bool_], source: NDArray[np.intp]) -> Batch:
        """Model rows with present columns from the instance and the others from background rows.

        Parameters
        ----------
        row : tuple
            The instance, aligned.
        masks : ndarray of shape (n, n_columns), bool
        source : ndarray of shape (draws,)
            Background rows; each mask is combined with each, mask-major.
        """
        if self._plain is not None:
            kept = self.__dict__.get("_last")  # every batch of a run has the same row
            if kept is None or kept[0] is not row:
                kept = (row, np.array([as_number(value, "") for value in row], dtype=self._plain))
                self.__dict__["_last"] = kept
            return chosen(kept[1], self._array()[source], masks)
        present, source = np.repeat(masks, len(source), axis=0), np.tile(source, len(masks))
        columns = []
        for at, column in enumerate(self.columns):
            if isinstance(column, NumberColumn):
                background = np.asarray(self.form.read(at), dtype=np.float64)
                raw = np.append(background, as_number(row[at], column.name))
                columns.append(self.form.numbers(at, raw[np.where(present[:, at], self.n_rows, source)]))
            else:
                codes = np.where(present[:, at], column.code(row[at]), column.codes[source])
                columns.append(self._store(at, column, bool((codes == len(column.levels)).any())).take(codes))
        return self.form.assemble(columns, len(present))

    def variants(self, row: Sequence[Any], changes: Sequence[Mapping[int, Any]]) -> Batch:
        """Copies of a row, each with some columns at other values.

        Parameters
        ----------
        row : sequence
            The instance, aligned.
        changes : sequence of mapping from column to value
        """
        if self._plain is not None:
            batch = np.tile(
                np.array([as_number(value, "") for value in row], dtype=self._plain), (len(changes), 1)
            )
            for k, change in enumerate(changes):
                batch[k, list(change)] = [as_number(value, "") for value in change.values()]
            return batch
        columns = []
        for at, column in enumerate(self.columns):
            own = [change.get(at, row[at]) for change in changes]
            if isinstance(column, NumberColumn):
                columns.append(
                    self.form.numbers(at, np.array([as_number(value, column.name) for value in own]))
                )
            else:
                codes = np.array([column.code(value) for value in own])
                columns.append(self._store(at, column, bool((codes == len(column.levels)).any())).take(codes))
        return self.form.assemble(columns, len(changes))

    def spreads(self) -> NDArray[np.float64]:
        """Standard deviation of each column; of the codes where categories are numbers, 0 where they are not."""
        kept: NDArray[np.float64] | None = self.__dict__.get("_spreads")
        if kept is None:
            kept = np.zeros(len(self.columns))
            for at, column in enumerate(self.columns):
                numbers = isinstance(column, NumberColumn) or all(
                    isinstance(level, int | float) for level in column.levels
                )
                if numbers:
                    values = np.asarray(self.form.read(at), dtype=np.float64)
                    values = values[np.isfinite(values)]
                    kept[at] = values.std() if len(values) else 0.0
            self.__dict__["_spreads"] = kept
        return kept

    def move(
        self, at: int, value: Any, step: float
    ) -> tuple[int, tuple[Any, ...], tuple[float, ...], float, float] | None:
        """How a column is moved by itself: (column, values, weights, spread, present); None if it cannot be.

        Parameters
        ----------
        at : int
        value : object
            The instance's, aligned.
        step : float
            To either side of a number, in standard deviations; whole numbers move by whole numbers.
        """
        column, spread = self.columns[at], float(self.spreads()[at])
        if isinstance(column, CategoryColumn):
            if column.kind == "boolean" and value is not None:
                return at, (False, True), (), spread, float(value)
            shares = column.frequencies[: len(column.levels)]
            seen = [
                (level, float(share)) for level, share in zip(column.levels, shares, strict=True) if share > 0
            ]
            return at, tuple(level for level, _ in seen), tuple(share for _, share in seen), 0.0, 0.0
        if value is None:
            return None
        number = float(value)
        width = step * (spread or max(abs(number), 1.0))
        if column.whole:
            width = max(1.0, float(np.rint(width)))
            return at, (int(number - width), int(number + width)), (), spread, number
        kind = (self._plain or np.dtype(np.float64)).type
        return at, (float(kind(number - width)), float(kind(number + width))), (), spread, number

    def _array(self) -> NDArray[Any]:
        """The background of a table of plain numbers."""
        kept: NDArray[Any] | None = self.__dict__.get("_numbers")
        if kept is None:
            columns = [self.form.read(at) for at in range(len(self.columns))]
            kept = np.ascontiguousarray(np.stack(columns, axis=1))  # stack keeps the order of its columns
            self.__dict__["_numbers"] = kept
        return kept
