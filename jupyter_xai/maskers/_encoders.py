"""One-hot codes that a fitted encoder writes: which columns belong to which category."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from jupyter_xai.errors import InputError
from jupyter_xai.maskers._columns import plain_value
from jupyter_xai.maskers._groups import Encoded


def encoded(encoder: Any, n_columns: int) -> tuple[Encoded, ...]:
    """The one-hot codes that a fitted encoder writes.

    Parameters
    ----------
    encoder : OneHotEncoder, ColumnTransformer or Pipeline
        Fitted; of a pipeline the steps before its classifier, and in a column transformer every part with an encoder.
        Steps after the encoder may leave out columns or scale them, but not mix them.
    n_columns : int
        Columns of the background.

    Raises
    ------
    InputError
        If it is none of these, is not fitted, holds no one-hot encoder, mixes its columns or writes another number of
        them.
    """
    trouble = (
        f"encoder={type(encoder).__name__} does not work: expected a fitted OneHotEncoder, a ColumnTransformer or a "
        "Pipeline that has one. Fit it first, or pass groups= instead."
    )
    if not hasattr(transforming(encoder), "transform"):
        raise InputError(trouble)
    try:
        found = tuple(_search(transforming(encoder), 0, None))
    except AttributeError as error:
        raise InputError(trouble) from error
    if not found:
        raise InputError(
            f"encoder={type(encoder).__name__} holds no OneHotEncoder, so that there is nothing to take together. "
            "Leave encoder= out."
        )
    try:
        width = len(transforming(encoder).get_feature_names_out())
    except (AttributeError, ValueError):  # a function among its steps
        width = n_columns
    if width != n_columns or max(at for one in found for at in one.columns) >= n_columns:
        raise InputError(
            f"encoder= writes {width} columns, but the background has {n_columns}. Pass the background as the encoder "
            "writes it: encoder.transform(X_train)."
        )
    return found


def transforming(encoder: Any) -> Any:
    """What comes before a pipeline's own classifier or regressor; anything else as it is."""
    steps = getattr(encoder, "steps", None)
    if steps and len(steps) > 1 and hasattr(steps[-1][1], "predict"):
        return encoder[:-1]
    return encoder


def names_of(encoder: Any, n_columns: int) -> list[str] | None:
    """What a fitted encoder calls the columns it writes, or what they were called before a step that gives no names.

    Parameters
    ----------
    encoder : fitted encoder
    n_columns : int
        How many it writes.

    Returns
    -------
    list of str or None
        None if no step names so many.
    """
    whole = transforming(encoder)
    parts = [whole, *(whole[:end] for end in reversed(range(1, len(getattr(whole, "steps", ())))))]
    for part in parts:
        try:
            names = [str(name) for name in part.get_feature_names_out()]
        except (AttributeError, ValueError):
            continue
        if len(names) == n_columns:
            return names
    return None


def _search(step: Any, first: int, names: Sequence[Any] | None) -> Iterator[Encoded]:
    """One-hot codes of a step whose columns begin at ``first`` and whose inputs have these names."""
    if hasattr(step, "steps"):
        own = getattr(step, "feature_names_in_", None)
        yield from _of_pipeline(step, first, names if own is None else list(own))
    elif hasattr(step, "transformer_list"):
        for _, part in step.transformer_list:
            if hasattr(part, "get_feature_names_out"):
                yield from _search(part, first, names)
                first += len(part.get_feature_names_out())
            elif part == "passthrough":
                first += step.n_features_in_
    elif hasattr(step, "transformers"):
        known = getattr(step, "feature_names_in_", names)
        for name, part, columns in step.transformers_:  # not there before it is fitted
            if hasattr(part, "get_feature_names_out"):
                at = step.output_indices_[name]
                yield from _search(part, first + at.start, _picked(columns, known, step.n_features_in_))
    elif type(step).__name__ == "OneHotEncoder":
        yield from _of_encoder(step, first, names)


def _of_pipeline(pipeline: Any, first: int, names: Sequence[Any] | None) -> Iterator[Encoded]:
    """One-hot codes of the last step that writes any, as the steps after it leave them."""
    steps = [step for _, step in pipeline.steps if step is not None and not isinstance(step, str)]
    for place in reversed(range(len(steps))):
        found = list(_search(steps[place], 0, names))
        if not found:
            continue
        for later in steps[place + 1 :]:
            found = _after(later, found)
        for one in found:
            yield replace(one, columns=tuple(first + at for at in one.columns))
        return


def _after(step: Any, found: Sequence[Encoded]) -> list[Encoded]:
    """The same codes after a step that leaves out columns, or changes each one by itself.

    Raises
    ------
    InputError
        If it does neither.
    """
    if hasattr(step, "get_support"):
        kept = np.asarray(step.get_support())
        return [left for one in found if (left := _selected(one, kept)) is not None]
    n_columns = getattr(step, "n_features_in_", 1 + max(at for one in found for at in one.columns))
    changed = []
    for one in found:
        rows = np.zeros((len(one.levels) + 1, n_columns))
        at = list(one.columns)
        rows[:-1, at] = one.patterns
        if one.nothing is not None:
            rows[-1, at] = one.nothing
        written = _transformed(step, rows)
        if written is None or written.shape != rows.shape or not _apart(step, rows, written, at):
            raise InputError(
                f"encoder=: its step {type(step).__name__} comes after the one-hot encoder and mixes columns, so that "
                "a category has no columns of its own. Explain the whole pipeline on its raw rows, or pass groups=."
            )
        if (written == rows).all():
            changed.append(one)
        else:
            patterns = tuple(map(tuple, written[:-1, at].tolist()))
            changed.append(replace(one, patterns=patterns, nothing=tuple(written[-1, at].tolist())))
    return changed


def _apart(step: Any, rows: NDArray[np.float64], written: NDArray[np.float64], at: list[int]) -> bool:
    """Whether each column is changed by itself: each code moves its own columns only, and each of those alone."""
    others = np.ones(rows.shape[1], dtype=np.bool_)
    others[at] = False
    if not (written[:, others] == written[-1, others]).all():
        return False
    alone = np.zeros((len(at), rows.shape[1]))
    alone[np.arange(len(at)), at] = 1
    single = _transformed(step, alone)
    empty = _transformed(step, np.zeros((1, rows.shape[1])))
    if single is None or empty is None:
        return False
    moved = single != empty
    moved[np.arange(len(at)), at] = False
    return not moved.any()


def _transformed(step: Any, rows: NDArray[np.float64]) -> NDArray[np.float64] | None:
    """What a step makes of rows, dense or sparse; None if it cannot take them."""
    written = _tried(step, rows)
    if written is None:
        written = _tried(step, csr_matrix(rows))
    return None if written is None else np.asarray(written, dtype=np.float64)


def _tried(step: Any, rows: Any) -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # rows without the names that it was fitted with
            written = step.transform(rows)
    except Exception:  # noqa: BLE001  # whatever a user's own step raises
        return None
    return written.toarray() if hasattr(written, "toarray") else written


def _selected(one: Encoded, kept: NDArray[np.bool_]) -> Encoded | None:
    """A code of which some columns are left; categories that look alike then are one; None if no column is left."""
    own = kept[list(one.columns)]
    if not own.any():
        return None
    place = np.cumsum(kept) - 1
    levels: dict[tuple[float, ...], list[Any]] = {}
    for level, pattern in zip(one.levels, one.patterns, strict=True):
        levels.setdefault(tuple(np.asarray(pattern)[own].tolist()), []).append(level)
    names = [
        some[0] if len(some) == 1 else "one of: " + ", ".join(map(str, some)) for some in levels.values()
    ]
    return Encoded(
        one.name,
        tuple(int(place[at]) for at in one.columns if kept[at]),
        tuple(names),
        tuple(levels),
        None if one.nothing is None else tuple(np.asarray(one.nothing)[own].tolist()),
    )


def _picked(columns: Any, known: Any, n: int) -> list[Any]:
    """Names of the columns that a part of a column transformer takes."""
    if isinstance(columns, str):
        return [columns]
    listed = [f"x{i}" for i in range(n)] if known is None else list(known)
    if isinstance(columns, slice):
        start, stop = columns.start, columns.stop
        start = listed.index(start) if isinstance(start, str) else start
        stop = listed.index(stop) + 1 if isinstance(stop, str) else stop  # labels name the last one
        return listed[start : stop : columns.step]
    if np.ndim(columns) == 0:
        return [listed[int(columns)]]
    found = np.asarray(columns)
    if found.dtype.kind == "b":
        return [name for name, taken in zip(listed, found.tolist(), strict=True) if taken]
    return [one if isinstance(one, str) else listed[int(one)] for one in found.tolist()]


def _of_encoder(encoder: Any, first: int, names: Sequence[Any] | None) -> Iterator[Encoded]:
    own = getattr(encoder, "feature_names_in_", None)
    n = len(encoder.categories_)
    fits = names is not None and len(names) == n  # an imputer before it may add columns
    known = names if fits and names is not None else own if own is not None else [f"x{i}" for i in range(n)]
    rare = getattr(encoder, "infrequent_categories_", None) or [None] * n
    dropped = [None] * n if encoder.drop_idx_ is None else list(encoder.drop_idx_)
    at = first
    for name, categories, few, drop in zip(known, encoder.categories_, rare, dropped, strict=True):
        seldom = set() if few is None else {plain_value(one) for one in few}
        listed = [plain_value(one) for one in categories]
        levels = [one for one in listed if one not in seldom]
        gone = None if drop is None else levels.index(listed[drop]) if listed[drop] in levels else len(levels)
        if seldom:
            levels.append("infrequent: " + ", ".join(str(one) for one in listed if one in seldom))
        width = len(levels) - (gone is not None)
        patterns = np.eye(width).tolist()
        if gone is not None:
            patterns.insert(gone, [0.0] * width)
        if width:
            yield Encoded(str(name), tuple(range(at, at + width)), tuple(levels), tuple(map(tuple, patterns)))
        at += width
