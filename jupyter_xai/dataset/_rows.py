"""Any iterable of rows or batches, cut into chunks whose sizes do not depend on how the rows came."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from jupyter_xai.errors import InputError
from jupyter_xai.protocols import Kind

_ROW_AXES: dict[Kind, int] = {"table": 1, "image": 3, "text": 0}


@dataclass(frozen=True, eq=False)
class Chunk:
    """Some neighbouring rows.

    Parameters
    ----------
    number : int
        Place of the chunk, from 0.
    start : int
        Number of its first row.
    rows : DataFrame, ndarray, tensor or list
    """

    number: int
    start: int
    rows: Any

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.rows)


def chunks(rows: Any, kind: Kind | None, first: int, most: int | Callable[[Any], int]) -> Iterator[Chunk]:
    """Cut rows into chunks of ``first``, twice that, and so on up to ``most`` rows.

    Parameters
    ----------
    rows : DataFrame, array, tensor, sequence, generator or DataLoader
        Of instances or of batches of them; of a DataLoader that yields (inputs, labels) the inputs.
    kind : {"table", "text", "image"} or None
        What an instance is. None: an array of one or three axes is one, of two or four a batch.
    first, most : int
        ``most`` may be found from the first chunk's rows.

    Raises
    ------
    InputError
        If it is not an iterable of rows, or has none.

    Examples
    --------
    >>> [len(chunk) for chunk in chunks(np.zeros((12, 2)), "table", 1, 4)]
    [1, 2, 4, 4, 1]
    >>> batches = (np.zeros((5, 2)) for _ in range(2))
    >>> [(chunk.start, chunk.rows.shape) for chunk in chunks(batches, "table", 4, 8)]
    [(0, (4, 2)), (4, (6, 2))]
    """
    number = start = 0
    size = first
    waiting: list[Any] = []
    count = 0
    for piece in pieces(rows, kind):
        waiting.append(piece)
        count += len(piece)
        while count >= size:
            whole = _joined(waiting)
            taken, rest = _cut(whole, size)
            yield Chunk(number, start, taken)
            if callable(most):
                most = most(taken)
            number, start, count = number + 1, start + size, count - size
            waiting = [rest] if count else []
            size = min(2 * size, most)
    if count:
        yield Chunk(number, start, _joined(waiting))
    elif not number:
        raise InputError("There are no rows: expected at least one. Pass the rows to look at.")


def total(rows: Any) -> int | None:
    """How many rows there are, None if it cannot be told before they are read.

    Examples
    --------
    >>> total(np.zeros((3, 2))), total(iter([1]))
    (3, None)
    """
    if is_loader(rows):
        rows = getattr(rows, "dataset", None)
    elif isinstance(rows, list | tuple) and rows and _is_frame(rows[0]):
        return sum(len(part) for part in rows)
    elif isinstance(rows, list | tuple) and rows and getattr(rows[0], "ndim", 1) in {2, 4}:
        return None
    try:
        return len(rows)
    except TypeError:
        return None


def listed(rows: Any) -> Iterator[Any]:
    """The instances of a chunk, rows of a DataFrame as 1-row DataFrames.

    Examples
    --------
    >>> [row.shape for row in listed(np.zeros((2, 3)))]
    [(3,), (3,)]
    """
    return (rows.iloc[[i]] for i in range(len(rows))) if _is_frame(rows) else iter(rows)


def pieces(rows: Any, kind: Kind | None) -> Iterator[Any]:
    """Stretches of rows, none empty, none much larger than needed.

    Parameters
    ----------
    rows, kind
        As in ``chunks``.
    """
    if isinstance(rows, str | bytes | dict) or not hasattr(rows, "__iter__"):
        raise InputError(
            f"The rows are a {type(rows).__name__}; expected a DataFrame, an array with a row a line, a list of texts, "
            "a generator of rows or batches, or a DataLoader. For one instance there is xai.explain."
        )
    if _is_frame(rows) or (hasattr(rows, "shape") and len(rows.shape) > _axes(kind)):
        step = 4096
        for at in range(0, len(rows), step):
            yield _part(rows, at, min(at + step, len(rows)))
        return
    if hasattr(rows, "shape") and kind in {None, "table", "image"} and len(rows.shape) <= _axes(kind):
        raise InputError(
            f"The rows have the shape {tuple(rows.shape)}, which is one instance; expected one more axis, a row "
            "a line. Pass rows[None], or use xai.explain for one instance."
        )
    loader = is_loader(rows)
    for item in rows:
        inputs = (
            item[0]
            if loader and isinstance(item, list | tuple) and _is_batch(item[0], kind, loader)
            else item
        )
        piece = inputs if _is_batch(inputs, kind, loader) else [inputs]
        if len(piece):
            yield piece


def _axes(kind: Kind | None) -> int:
    return 1 if kind is None else _ROW_AXES[kind]


def _is_batch(item: Any, kind: Kind | None, loader: bool) -> bool:
    if _is_frame(item):
        return True
    if kind == "text":
        return isinstance(item, list | tuple) or getattr(item, "ndim", 0) == 1
    axes = getattr(item, "ndim", None)
    if axes is None:
        return False
    if loader:
        return True
    return axes in {2, 4} if kind is None else axes > _ROW_AXES[kind]


def _is_frame(rows: Any) -> bool:
    return hasattr(rows, "iloc") and hasattr(rows, "columns")


def is_loader(rows: Any) -> bool:
    """Whether it is a torch DataLoader."""
    return type(rows).__name__ == "DataLoader" or any(c.__name__ == "DataLoader" for c in type(rows).__mro__)


def _part(rows: Any, start: int, stop: int) -> Any:
    if _is_frame(rows):
        return rows.iloc[start:stop]
    part = rows[start:stop]
    return np.array(part) if isinstance(part, np.memmap) else part


def _cut(rows: Any, at: int) -> tuple[Any, Any]:
    return _part(rows, 0, at), _part(rows, at, len(rows))


def _joined(parts: list[Any]) -> Any:
    """Pieces of one form as one; lists of instances where the forms differ."""
    if len(parts) == 1:
        return parts[0]
    if all(_is_frame(part) for part in parts):
        import pandas as pd

        return pd.concat(parts)
    if all(isinstance(part, np.ndarray) for part in parts) and len({part.shape[1:] for part in parts}) == 1:
        return np.concatenate(parts)
    if all(hasattr(part, "detach") for part in parts) and len({tuple(part.shape[1:]) for part in parts}) == 1:
        import torch

        return torch.cat(parts)
    return [row for part in parts for row in listed(part)]
