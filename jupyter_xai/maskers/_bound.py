"""One row beside a background: what its features are, and rows with absent ones filled from background rows."""

from __future__ import annotations

import hashlib
from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jupyter_xai.errors import InputError
from jupyter_xai.explanation import Columns, Layout
from jupyter_xai.explanation.layouts import ColumnKind
from jupyter_xai.maskers._choices import along, frequent, together
from jupyter_xai.maskers._columns import NumberColumn
from jupyter_xai.maskers._relations import relations
from jupyter_xai.maskers._table import Table
from jupyter_xai.protocols import Batch, Predictor

MOST_TOGETHER = 24
"""Values of a group of columns that are offered and that its response curve has."""
BACKGROUND_ROWS = 200
"""Rows that an absent feature is filled from; a longer background is represented by so many of it."""


def row_layout(
    table: Table, row: Sequence[Any], *, binned: bool, codes: Sequence[int] | None = None
) -> Columns:
    """Features of a row; binned: "present" means "in the same bin", and the layout says which.

    ``codes`` are those that ``Table.check`` found, if they are known.
    """
    values: list[Any] = []
    kinds: list[ColumnKind] = []
    categories: list[tuple[Any, ...] | None] = []
    ranges: list[tuple[float, float] | None] = []
    conditions: list[str] = []
    patterns: list[tuple[tuple[float, ...], ...] | None] = []
    for feature, members in enumerate(table.members):
        hot, first, grouped = table.one_hot.get(feature), table.columns[members[0]], len(members) > 1
        if hot is not None:
            code = hot.code([row[at] for at in members])
            values.append(hot.value(code))
            conditions.append(hot.condition(code))
            kinds.append("category")
            categories.append(hot.levels)
            ranges.append(None)
            patterns.append(tuple(map(tuple, hot.patterns.tolist())))
            continue
        own = [table.columns[at].code(row[at]) if codes is None else codes[at] for at in members]
        said = [table.condition(at, code) for at, code in zip(members, own, strict=True)]
        conditions.append(" and ".join(said))
        values.append(tuple(row[at] for at in members) if grouped else row[members[0]])
        kinds.append("group" if grouped else first.kind)
        if grouped:
            categories.append(together(table, members, values[-1], MOST_TOGETHER))
        else:
            categories.append(None if isinstance(first, NumberColumn) else first.levels)
        ranges.append((first.low, first.high) if isinstance(first, NumberColumn) and not grouped else None)
        patterns.append(None)
    return Columns(
        names=table.feature_names,
        values=tuple(values),
        kinds=tuple(kinds),
        members=table.members,
        categories=tuple(categories),
        ranges=tuple(ranges),
        conditions=tuple(conditions) if binned else None,
        patterns=tuple(patterns) if table.one_hot else (),
    )


def to_backend(batch: Batch, predictor: Predictor | None) -> Batch:
    """Turn an array into a tensor for a predictor that takes tensors."""
    if predictor is None or predictor.backend != "torch":
        return batch
    import torch

    if hasattr(batch, "tocsr"):
        raise InputError(
            "a torch network takes dense rows, but the background is sparse. Pass background.toarray(), or explain a "
            "function that takes sparse rows and calls the network."
        )
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
        self.layout: Layout = row_layout(table, self._row, binned=False)
        self.n_features = len(table.members)
        self._background = table.few(BACKGROUND_ROWS)
        self.draws = len(self._background)
        self.key: Hashable = ("table", table.digest, row_digest(self._row))
        summary = (
            f"{self.draws} of the {table.n_rows:,} background rows, drawn at random, stand for all of them. Pass "
            f"a background of at most {BACKGROUND_ROWS} rows to choose them yourself."
        )
        self.notices: tuple[str, ...] = (summary,) if self.draws < table.n_fills else ()
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
        return to_backend(batch, self._predictor)

    def grid(self, feature: int, most: int) -> tuple[Any, ...]:
        """Values a feature may be moved to, in their natural order: of columns that are no one-hot code those they have
        together; of many categories the most frequent ones.

        Parameters
        ----------
        feature : int
        most : int
            Values at most.
        """
        members, hot = self._table.members[feature], self._table.one_hot.get(feature)
        if hot is not None:
            present = hot.value(hot.code([self._row[at] for at in members]))
            return frequent(hot.levels, np.bincount(hot.codes, minlength=len(hot.levels)), present, most)
        if len(members) == 1:
            return along(self._table, members[0], self._row[members[0]], most)
        return together(self._table, members, [self._row[at] for at in members], min(most, MOST_TOGETHER))

    def n_values(self, feature: int) -> int:
        """Categories that a feature has, or values that columns of a group have together; 0 for numbers."""
        members, hot = self._table.members[feature], self._table.one_hot.get(feature)
        if hot is not None:
            return len(hot.levels)
        if len(members) > 1:
            return len(
                together(self._table, members, [self._row[at] for at in members], self._table.n_rows + 1)
            )
        column = self._table.columns[members[0]]
        return 0 if isinstance(column, NumberColumn) else len(column.levels)

    def variants(self, changes: Sequence[tuple[int, Any]]) -> Batch:
        """Model rows that are the instance but for one feature each.

        Parameters
        ----------
        changes : sequence of (feature, value)
        """
        moved: list[dict[int, Any]] = []
        for feature, value in changes:
            members, hot = self._table.members[feature], self._table.one_hot.get(feature)
            written = hot.written(value) if hot is not None else value if len(members) > 1 else (value,)
            moved.append(dict(zip(members, written, strict=True)))
        return to_backend(self._table.variants(self._row, moved), self._predictor)

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

    def moved(self, changes: Sequence[Mapping[int, Any]]) -> Batch:
        """Model rows that are the instance but for a few of the model's columns each: column to value."""
        return to_backend(self._table.variants(self._row, changes), self._predictor)

    def relations(self) -> NDArray[np.float64]:
        """How strongly features go together in the background, from 0 to 1, (n_features, n_features)."""
        rows = self._background if self.draws > 1 else np.arange(min(self._table.n_rows, BACKGROUND_ROWS))
        return relations(self._table, rows)

    def background_rows(self) -> Any:
        """The background rows that stand for all, as the model takes them: (draws, columns)."""
        return self.build(np.zeros((1, self.n_features), dtype=np.bool_))

    def reduce(self, outputs: NDArray[np.float64]) -> NDArray[np.float64]:
        """Average over the background rows: (n_masks, outputs)."""
        each = outputs.reshape(-1, self.draws, outputs.shape[-1])
        return np.asarray(
            np.einsum("mdo->mo", each) / self.draws
        )  # with few outputs mean() takes ten times as long


def row_digest(row: tuple[Any, ...]) -> str:
    """A row's content in a short name."""
    return hashlib.blake2b(repr(row).encode()).hexdigest()
