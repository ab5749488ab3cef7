"""How a row in any container is lined up with a background's columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from jupyter_xai.errors import InputError
from jupyter_xai.maskers._columns import plain_value


def align(x: Any, labels: Sequence[Any], names: Sequence[str], *, named: bool) -> tuple[Any, ...]:
    """Line a row up with a background's columns: plain values, None for missing.

    Parameters
    ----------
    x : dict, Series, 1-row DataFrame, sequence or array
    labels, names : sequence
        Of the columns, as they are and as text.
    named : bool
        Whether the background brought the names, so that a row whose own are all others is refused.

    Raises
    ------
    InputError
        If columns are missing, unknown or of the wrong number, or x is several rows.
    """
    if isinstance(x, str | bytes):
        raise InputError(
            "expected a row of a table, got a str. Pass a dict, a Series, a 1-row DataFrame or a list."
        )
    if hasattr(x, "iloc") and hasattr(x, "columns"):
        if len(x) != 1:
            raise InputError(f"expected one row, got a DataFrame with {len(x)}. Pass x.iloc[[0]].")
        by_label = {label: x.iloc[0, at] for at, label in enumerate(x.columns)}
    elif hasattr(x, "iloc") and hasattr(x, "index"):
        by_label = dict(zip(x.index, x.array, strict=True))
        if not set(by_label) & set(labels) and list(by_label) == list(range(len(by_label))):
            return _by_position(list(by_label.values()), names)
    elif isinstance(x, Mapping):
        by_label = dict(x)
    else:
        return _by_position(x, names)
    if not set(by_label) & {*labels, *names} and not named:
        return _by_position(list(by_label.values()), names)
    return _by_name(by_label, labels, names)


def _by_name(row: Mapping[Any, Any], labels: Sequence[Any], names: Sequence[str]) -> tuple[Any, ...]:
    known = {**dict(zip(names, range(len(names)), strict=True))}
    known.update(zip(labels, range(len(names)), strict=True))
    unknown = [str(label) for label in row if label not in known]
    found = {known[label]: value for label, value in row.items() if label in known}
    missing = [name for at, name in enumerate(names) if at not in found]
    if unknown or missing:
        said = [f"misses {', '.join(missing[:20])}"] if missing else []
        said += [f"has {', '.join(unknown[:20])}, which the background does not have"] if unknown else []
        raise InputError(f"the row {' and '.join(said)}. Columns: {', '.join(names[:40])}.")
    return tuple(plain_value(found[at]) for at in range(len(names)))


def _by_position(x: Any, names: Sequence[str]) -> tuple[Any, ...]:
    if hasattr(x, "tocsr"):
        x = np.asarray(x.toarray())
    if hasattr(x, "detach"):
        x = x.detach().cpu().numpy()
    if isinstance(x, np.ndarray):
        if x.ndim == 2 and x.shape[0] == 1:
            x = x[0]
        if x.ndim != 1:
            raise InputError(f"expected one row, got an array of shape {x.shape}. Pass X[i].")
    try:
        values = list(x)
    except TypeError:
        raise InputError(
            f"expected a row of a table, got {type(x).__name__}. Pass a dict, a Series, a 1-row "
            f"DataFrame or a list."
        ) from None
    if len(values) != len(names):
        raise InputError(
            f"the row has {len(values)} values, but the background has {len(names)} columns: "
            f"{', '.join(names[:40])}. Pass one value a column."
        )
    return tuple(plain_value(value) for value in values)
