"""Containers a table comes in: how columns of arrays and DataFrames are read, batches of their form made."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from jupyter_xai.errors import InputError
from jupyter_xai.maskers._columns import plain_value
from jupyter_xai.protocols import Batch


class Form(Protocol):
    """How one kind of container is read and made."""

    labels: tuple[Any, ...]

    def read(self, at: int) -> Any:
        """Values of one column of the background."""
        ...

    def is_number(self, at: int) -> bool:
        """Whether a column is numeric unless listed as categories."""
        ...

    def is_boolean(self, at: int) -> bool:
        """Whether a column is boolean."""
        ...

    def is_whole(self, at: int) -> bool:
        """Whether a column can hold whole numbers only."""
        ...

    def levels(self, at: int) -> Sequence[Any] | None:
        """Declared categories in their natural order, if the column declares any."""
        ...

    def store(self, at: int, values: Sequence[Any]) -> Any:
        """Values as an array of the column's own type, to ``take`` from."""
        ...

    def numbers(self, at: int, values: NDArray[np.float64]) -> Any:
        """Numbers as an array of the column's own type."""
        ...

    def assemble(self, columns: Sequence[Any], n: int) -> Batch:
        """Columns of n rows as one batch."""
        ...


class ArrayForm:
    """Two-dimensional arrays: numeric, boolean, strings or objects.

    Parameters
    ----------
    background : ndarray of shape (n_rows, n_columns)
    feature_names : sequence, optional
    """

    def __init__(self, background: NDArray[Any], feature_names: Sequence[Any] | None) -> None:
        self._array = background
        self.dtype = background.dtype
        count = background.shape[1]
        names = [f"x{i}" for i in range(count)] if feature_names is None else list(feature_names)
        if len(names) != count:
            raise InputError(
                f"feature_names has {len(names)} names, but the background has {count} columns. Pass one "
                f"name a column."
            )
        self.labels = tuple(names)

    def read(self, at: int) -> Any:
        """Values of one column of the background."""
        return self._array[:, at]

    def is_number(self, at: int) -> bool:
        """Whether every value that is there is a number."""
        if self.dtype.kind in "iuf":
            return True
        return self.dtype.kind == "O" and all_numbers(self._array[:, at])

    def is_boolean(self, at: int) -> bool:
        """Whether every value that is there is a truth value."""
        return self.dtype.kind == "b" or (self.dtype.kind == "O" and all_booleans(self._array[:, at]))

    def is_whole(self, at: int) -> bool:  # noqa: ARG002 - one type for all
        """Whether the array holds whole numbers only."""
        return self.dtype.kind in "iu"

    def levels(self, at: int) -> Sequence[Any] | None:  # noqa: ARG002 - arrays declare none
        """No array declares its categories."""
        return None

    def store(self, at: int, values: Sequence[Any]) -> Any:  # noqa: ARG002 - one type for all
        """Values as an array of the background's type."""
        if self.dtype.kind == "f":
            return np.array([np.nan if value is None else value for value in values], dtype=self.dtype)
        if self.dtype.kind in "biu" and not any(value is None for value in values):
            return np.array(values)
        out = np.empty(len(values), dtype=object)
        out[:] = [np.nan if value is None else value for value in values]
        return out

    def numbers(self, at: int, values: NDArray[np.float64]) -> Any:  # noqa: ARG002 - one type for all
        """Numbers as they are; ``assemble`` casts them."""
        return values

    def assemble(self, columns: Sequence[Any], n: int) -> Batch:
        """One array of the background's type; float64 where a value does not fit a whole-number type."""
        dtype = self.dtype
        if dtype.kind in "biu":
            fits = all(column.dtype.kind in "biu" or _all_whole(column) for column in columns)
            dtype = dtype if fits else np.dtype(np.float64)
        elif dtype.kind in "US":  # a fixed-width type would cut longer categories
            return np.stack([np.asarray(column, dtype=str) for column in columns], axis=1)
        batch = np.empty((n, len(columns)), dtype=dtype)
        for at, column in enumerate(columns):
            batch[:, at] = column
        return batch


class FrameForm:
    """pandas DataFrames; batches keep columns and types.

    Parameters
    ----------
    background : DataFrame
    """

    def __init__(self, background: Any) -> None:
        self._frame = background
        self._columns = background.columns
        self.labels = tuple(background.columns)
        doubles = [str(label) for label in background.columns[background.columns.duplicated()]]
        if doubles:
            raise InputError(f"the background has several columns named {doubles[0]!r}. Rename all but one.")

    def _series(self, at: int) -> Any:
        return self._frame.iloc[:, at]

    def read(self, at: int) -> Any:
        """Values of one column of the background."""
        series = self._series(at)
        if str(series.dtype) == "category":
            return series.astype(object).to_numpy()
        return (
            series.to_numpy(dtype=np.float64, na_value=np.nan)
            if self._numeric(at)
            else series.to_numpy(object)
        )

    def _numeric(self, at: int) -> bool:
        from pandas.api.types import is_bool_dtype, is_numeric_dtype

        dtype = self._series(at).dtype
        return bool(is_numeric_dtype(dtype) and not is_bool_dtype(dtype))

    def is_number(self, at: int) -> bool:
        """Whether the column is numeric, by its type or, for objects, by its values."""
        objects = _is_objects(self._series(at).dtype)
        return self._numeric(at) or (objects and all_numbers(self._series(at)))

    def is_boolean(self, at: int) -> bool:
        """Whether the column is boolean, by its type or, for objects, by its values."""
        from pandas.api.types import is_bool_dtype

        series = self._series(at)
        if str(series.dtype) == "category":
            return False
        return bool(is_bool_dtype(series.dtype)) or (_is_objects(series.dtype) and all_booleans(series))

    def is_whole(self, at: int) -> bool:
        """Whether the column's type is an integer one."""
        from pandas.api.types import is_integer_dtype

        return bool(is_integer_dtype(self._series(at).dtype))

    def levels(self, at: int) -> Sequence[Any] | None:
        """The categories of a categorical column, in its order."""
        dtype = self._series(at).dtype
        return list(dtype.categories) if str(dtype) == "category" else None

    def store(self, at: int, values: Sequence[Any]) -> Any:
        """Values as an array of the column's type, or as objects where that type cannot hold one."""
        import pandas as pd

        dtype = self._series(at).dtype
        blanks = any(value is None for value in values)
        if _is_objects(dtype) or (blanks and isinstance(dtype, np.dtype) and dtype.kind in "biu"):
            blank = self._blank(at)
            out = np.empty(len(values), dtype=object)
            out[:] = [blank if value is None else value for value in values]
            return out
        if isinstance(dtype, np.dtype):
            return pd.Series(list(values)).astype(dtype).to_numpy()
        return pd.array(list(values), dtype=dtype)

    def _blank(self, at: int) -> Any:
        """How this column writes a missing value: None or NaN."""
        series = self._series(at)
        missing = series[series.isna()]
        return missing.iloc[0] if len(missing) and _is_objects(series.dtype) else np.nan

    def numbers(self, at: int, values: NDArray[np.float64]) -> Any:
        """Numbers in the column's type; float64 where a value does not fit a whole-number type."""
        import pandas as pd

        dtype = self._series(at).dtype
        if dtype == np.float64:
            return values
        if isinstance(dtype, np.dtype):
            return values.astype(dtype) if dtype.kind not in "iu" or _all_whole(values) else values
        blank = np.isnan(values)
        whole = self.is_whole(at) and _all_whole(values[~blank])
        return pd.array(
            [None if b else int(v) if whole else v for v, b in zip(values, blank, strict=True)]
            if blank.any()
            else values.astype(np.int64 if whole else np.float64),
            dtype=dtype if whole or not self.is_whole(at) else "Float64",
        )

    def assemble(self, columns: Sequence[Any], n: int) -> Batch:
        """A DataFrame with the background's columns, rows numbered from 0."""
        import pandas as pd

        frame = pd.DataFrame(dict(enumerate(columns)), index=pd.RangeIndex(n), copy=False)
        frame.columns = self._columns
        return frame


def _is_objects(dtype: Any) -> bool:
    return isinstance(dtype, np.dtype) and dtype.kind == "O"


def all_numbers(values: Iterable[Any]) -> bool:
    """Whether there are values and all of them that are not missing are numbers."""
    plain = [value for value in map(plain_value, values) if value is not None]
    return bool(plain) and all(
        isinstance(value, int | float) and not isinstance(value, bool) for value in plain
    )


def all_booleans(values: Iterable[Any]) -> bool:
    """Whether there are values and all of them that are not missing are truth values."""
    plain = [value for value in map(plain_value, values) if value is not None]
    return bool(plain) and all(isinstance(value, bool) for value in plain)


def _all_whole(values: Any) -> bool:
    array = np.asarray(values)
    return array.dtype.kind in "biu" or bool(array.dtype.kind == "f" and np.all(np.mod(array, 1) == 0))


def form_of(background: Any, feature_names: Sequence[Any] | None) -> Form:
    """Find the form of a background.

    Raises
    ------
    InputError
        If it is empty, sparse or not two-dimensional, or the names do not fit.
    """
    if hasattr(background, "iloc") and hasattr(background, "columns"):
        if feature_names is not None:
            if len(feature_names) != background.shape[1]:
                raise InputError(
                    f"feature_names has {len(feature_names)} names, but the background has "
                    f"{background.shape[1]} "
                    "columns. Pass one name a column, or none: a DataFrame brings its own."
                )
            if list(feature_names) != list(background.columns):
                raise InputError(
                    "feature_names differs from the DataFrame's own columns, by which the model knows them. "
                    "Leave "
                    "feature_names out, or rename the columns of the background."
                )
        form: Form = FrameForm(background)
        shape = background.shape
    else:
        if hasattr(background, "tocsr"):
            raise InputError(
                "the background is a sparse matrix; expected a dense one. Pass background.toarray()."
            )
        array = np.asarray(background.detach().cpu() if hasattr(background, "detach") else background)
        shape = array.shape
        if array.ndim != 2:
            raise InputError(
                f"the background has shape {array.shape}; expected rows and columns. Pass a DataFrame or a "
                f"2-D array."
            )
        form = ArrayForm(array, feature_names)
    if 0 in shape:
        raise InputError(
            f"the background has shape {tuple(shape)}: it is empty. Pass at least one row and one column."
        )
    return form
