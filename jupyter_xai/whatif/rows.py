"""Edits of a row of a table, in whatever container it came."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from jupyter_xai.errors import InputError
from jupyter_xai.explanation import Columns

_LISTED = 20


def apply_to_row(layout: Columns, row: Any, edits: Iterable[Mapping[str, Any]]) -> Any:
    """Give columns other values.

    Parameters
    ----------
    layout : Columns
    row : dict, Series, 1-row DataFrame, array or list
    edits : iterable of dict
        Checked.

    Raises
    ------
    InputError
        If there is no such feature, or the value is not one it may take; the message lists what there is.

    Examples
    --------
    >>> row = Columns(
    ...     names=("age", "job"),
    ...     values=(24, "skilled"),
    ...     kinds=("number", "category"),
    ...     members=((0,), (1,)),
    ...     categories=(None, ("skilled", "none")),
    ... )
    >>> apply_to_row(row, {"age": 24, "job": "skilled"}, [{"op": "set", "feature": "age", "value": 31}])
    {'age': 31, 'job': 'skilled'}
    >>> apply_to_row(row, [24, "skilled"], [{"op": "set", "feature": "job", "value": "smith"}])
    Traceback (most recent call last):
    jupyter_xai.errors.InputError: job='smith' is not a value of this column: expected one of 'skilled',
    'none'.
    """
    for edit in edits:
        name = edit["feature"]
        if name not in layout.names:
            shown = ", ".join(layout.names[:_LISTED]) + (" ..." if len(layout.names) > _LISTED else "")
            raise InputError(f"There is no feature {name!r} to set: expected one of {shown}.")
        feature = layout.names.index(name)
        members = layout.members[feature]
        for member, value in zip(members, _values(layout, feature, edit["value"]), strict=True):
            lone = len(members) == 1 and layout.patterns[feature] is None
            row = _with(row, member, name if lone else None, value)
    return row


def _values(layout: Columns, feature: int, value: Any) -> list[Any]:
    """Check what a feature is set to; one value for each of its columns."""
    name, kind, members = layout.names[feature], layout.kinds[feature], layout.members[feature]
    patterns, listed = layout.patterns[feature], layout.categories[feature]
    if patterns is not None and listed is not None and not isinstance(value, list):
        if value is not None and value not in listed:
            raise _unknown(name, value, listed)
        return [0.0] * len(members) if value is None else list(patterns[listed.index(value)])
    if kind == "group" or len(members) > 1:
        if not isinstance(value, list) or len(value) != len(members):
            raise InputError(
                f"{name}={value!r} does not work: {name} is a group of {len(members)} columns. Pass a list "
                "of that many."
            )
        return value
    if isinstance(value, list):
        raise InputError(f"{name}={value!r} does not work: {name} is one column. Pass one value.")
    if value is None:
        return [value]
    if listed is not None:
        if value not in listed:
            raise _unknown(name, value, listed)
        return [listed[listed.index(value)]]  # 1 and 1.0 and True are equal: keep the column's own
    if kind == "number" and (isinstance(value, bool) or not isinstance(value, int | float)):
        raise InputError(f"{name}={value!r} does not work: expected a number, or None for missing.")
    return [value]


def _unknown(name: str, value: Any, known: Sequence[Any]) -> InputError:
    shown = ", ".join(repr(one) for one in known[:_LISTED]) + (" ..." if len(known) > _LISTED else "")
    return InputError(f"{name}={value!r} is not a value of this column: expected one of {shown}.")


def _with(row: Any, position: int, name: str | None, value: Any) -> Any:
    """Copy of a row with one column changed."""
    if isinstance(row, dict):
        keys = list(row)
        named = [key for key in keys if str(key) == name]
        key = named[0] if named else name if name is not None else keys[position]
        return {**row, key: value}
    if hasattr(row, "iloc"):
        return _with_pandas(row, position, name, value)
    if hasattr(row, "tocsr"):
        return _with_sparse(row, position, value)
    if hasattr(row, "detach"):
        changed = row.clone()
        changed.reshape(-1)[position] = np.nan if value is None else value
        return changed
    if isinstance(row, np.ndarray):
        flat = row.ravel().tolist()
        flat[position] = np.nan if value is None else value
        fits = row.dtype.kind in "fO" or (
            row.dtype.kind in "biu" and value is not None and row.dtype.type(value) == value
        )
        dtype = row.dtype if fits else {"U": np.str_, "S": np.str_}.get(row.dtype.kind, np.float64)
        return np.array(flat, dtype=dtype).reshape(row.shape)
    nested = len(row) == 1 and isinstance(row[0], list | tuple)
    items = list(row[0] if nested else row)
    items[position] = value
    kept = type(row[0] if nested else row)(items)
    return type(row)([kept]) if nested else kept


def _with_sparse(row: Any, position: int, value: Any) -> Any:
    """Sparse rows: a stored value stays stored if it becomes 0, so that the row keeps its features."""
    changed = (row.reshape(1, -1) if row.ndim == 1 else row).tocsr(copy=True).astype(np.float64)
    changed.sum_duplicates()
    at = np.flatnonzero(changed.indices == position)
    if len(at):
        changed.data[at] = np.nan if value is None else value
    else:
        changed[0, position] = value
    return changed


def _with_pandas(row: Any, position: int, name: str | None, value: Any) -> Any:
    """Series and DataFrames: by label if it is there; the column keeps its type if that holds the value."""
    import pandas as pd

    labels = [str(label) for label in (row.columns if hasattr(row, "columns") else row.index)]
    at = labels.index(name) if name in labels else position
    changed = row.copy()
    if hasattr(row, "columns"):
        dtype = row.dtypes.iloc[at]
        column = pd.Series([value], index=row.index, dtype=object)
        changed.isetitem(at, _cast(column, dtype))
        return changed
    if row.dtype != object:
        values = row.astype(object)
        values.iloc[at] = value
        return _cast(values, row.dtype)
    changed.iloc[at] = value
    return changed


def _cast(column: Any, dtype: Any) -> Any:
    """To the old type unless that loses the value."""
    try:
        cast = column.astype(dtype)
    except (TypeError, ValueError):
        return column.infer_objects()
    kept = all(
        (new == old) is True or bool(new == old) or old is None for new, old in zip(cast, column, strict=True)
    )
    return cast if kept else column.infer_objects()
