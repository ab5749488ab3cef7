"""Columns that act as one feature: one-hot codes, found in a fitted encoder or by their zeros and ones."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jupyter_xai.errors import InputError
from jupyter_xai.maskers._columns import plain_value

REST = "none of these"
"""What a row is called that has no 1 in any column of a one-hot code."""


@dataclass(frozen=True, eq=False)
class OneHot:
    """Columns that are the one-hot code of one category.

    Parameters
    ----------
    name : str
    levels : tuple
        Categories in their order.
    patterns : ndarray of shape (n_levels, n_columns)
        The columns' values for each.
    codes : ndarray of shape (n_rows,)
        Position of each background row's category; ``len(levels)`` where there is none.
    """

    name: str
    levels: tuple[Any, ...]
    patterns: NDArray[np.float64]
    codes: NDArray[np.intp]

    def code(self, values: Sequence[Any]) -> int:
        """Position of the category of a row's columns; ``len(levels)`` if all are 0 or missing.

        Raises
        ------
        InputError
            If they are no one-hot code.
        """
        found = _codes(np.array([values], dtype=object), self.patterns)
        if found is None:
            raise InputError(
                f"the columns of {self.name} hold {tuple(values)!r} in the row: expected a one-hot code, as the "
                "background has it. Pass a row encoded in the same way."
            )
        return int(found[0])

    def value(self, code: int) -> Any:
        """The category; None where there is none."""
        return self.levels[code] if code < len(self.levels) else None

    def condition(self, code: int) -> str:
        """What the same category means, such as ``"job = skilled"``."""
        return f"{self.name} = {self.levels[code]}" if code < len(self.levels) else f"{self.name} is missing"

    def written(self, value: Any) -> tuple[float, ...]:
        """The columns' values for a category; zeros for None.

        Raises
        ------
        InputError
            If it is not a known category.
        """
        plain = plain_value(value)
        if plain in self.levels:
            pattern: list[float] = self.patterns[self.levels.index(plain)].tolist()
            return tuple(pattern)
        if plain is None:
            return tuple(0.0 for _ in self.patterns[0])
        raise InputError(
            f"{self.name}={plain!r} is not a category: expected one of {', '.join(map(repr, self.levels))}."
        )


def _codes(values: NDArray[Any], patterns: NDArray[np.float64]) -> NDArray[np.intp] | None:
    """Pattern of each row; the number of patterns for zeros; None if a row is neither."""
    try:
        numbers = np.nan_to_num(np.asarray(values, dtype=np.float64))
    except (TypeError, ValueError):
        return None
    which = numbers.argmax(axis=1)
    empty = numbers[np.arange(len(numbers)), which] == 0
    of_column = np.full(
        patterns.shape[1] + 1, len(patterns)
    )  # pattern by the column that holds the 1; last: by none
    for code, pattern in enumerate(patterns):
        of_column[int(pattern.argmax()) if pattern.any() else -1] = code
    codes = of_column[np.where(empty, patterns.shape[1], which)]
    whole = np.vstack([patterns, np.zeros(patterns.shape[1])])
    return np.asarray(codes) if (whole[codes] == numbers).all() else None


def one_hot(name: str, labels: Sequence[str], values: NDArray[Any]) -> OneHot | None:
    """Read columns as a one-hot code if they are one: zeros with at most one 1 a row.

    Parameters
    ----------
    name : str
        Of the group; taken off the labels where all begin with it.
    labels : sequence of str
    values : ndarray of shape (n_rows, n_columns)

    Examples
    --------
    >>> found = one_hot("colour", ["colour_red", "colour_blue"], np.array([[1, 0], [0, 1], [0, 0]]))
    >>> found.levels
    ('red', 'blue', 'none of these')
    """
    if len(labels) < 2:
        return None
    levels, patterns = tuple(_short(name, labels)), np.eye(len(labels))
    codes = _codes(values, patterns)
    if codes is None:
        return None
    if (codes == len(levels)).any():
        levels, patterns = (*levels, REST), np.vstack([patterns, np.zeros(len(labels))])
    return OneHot(name, levels, patterns, codes)


def _short(name: str, labels: Sequence[str]) -> list[str]:
    for between in "_", "=", ":", " ", ".", "-":
        start = f"{name}{between}"
        if all(label.startswith(start) and len(label) > len(start) for label in labels):
            return [label[len(start) :] for label in labels]
    return list(labels)


@dataclass(frozen=True)
class Encoded:
    """One category as an encoder writes it.

    Parameters
    ----------
    name : str
        Of the raw column.
    columns : tuple of int
        Where it is written.
    levels : tuple
    patterns : tuple of tuple of float
    """

    name: str
    columns: tuple[int, ...]
    levels: tuple[Any, ...]
    patterns: tuple[tuple[float, ...], ...]

    def read(self, values: NDArray[Any]) -> OneHot:
        """Read a background's columns.

        Raises
        ------
        InputError
            If they do not hold what the encoder writes.
        """
        patterns = np.array(self.patterns)
        codes = _codes(values, patterns)
        if codes is None:
            raise InputError(
                f"encoder= writes {self.name} as zeros and ones, but the background has other values there. Pass the "
                "background as the encoder writes it, or groups= instead of encoder=."
            )
        return OneHot(self.name, self.levels, patterns, codes)


def encoded(encoder: Any, n_columns: int) -> tuple[Encoded, ...]:
    """The one-hot codes that a fitted encoder writes.

    Parameters
    ----------
    encoder : OneHotEncoder, ColumnTransformer or Pipeline
        Fitted; a pipeline's last step counts, and in a column transformer every part that ends in an encoder.
    n_columns : int
        Columns of the background.

    Raises
    ------
    InputError
        If it is none of these, is not fitted, holds no one-hot encoder or writes another number of columns.
    """
    try:
        found = tuple(_search(encoder, 0, None))
        width = len(encoder.get_feature_names_out())
    except AttributeError as error:
        raise InputError(
            f"encoder={type(encoder).__name__} does not work: expected a fitted OneHotEncoder, a ColumnTransformer or "
            "a Pipeline that ends in one. Fit it first, or pass groups= instead."
        ) from error
    if not found:
        raise InputError(
            f"encoder={type(encoder).__name__} holds no OneHotEncoder, so that there is nothing to take together. "
            "Leave encoder= out."
        )
    if width != n_columns:
        raise InputError(
            f"encoder= writes {width} columns, but the background has {n_columns}. Pass the background as the encoder "
            "writes it: encoder.transform(X_train)."
        )
    return found


def _search(step: Any, first: int, names: Sequence[Any] | None) -> Iterator[Encoded]:
    """One-hot codes of a step whose columns begin at ``first`` and whose inputs have these names."""
    if hasattr(step, "steps"):
        own = getattr(step, "feature_names_in_", None)
        yield from _search(step.steps[-1][1], first, names if own is None else list(own))
    elif hasattr(step, "transformers"):
        known = getattr(step, "feature_names_in_", names)
        for name, part, columns in step.transformers_:  # not there before it is fitted
            if hasattr(part, "get_feature_names_out"):
                at = step.output_indices_[name]
                yield from _search(part, first + at.start, _picked(columns, known, step.n_features_in_))
    elif type(step).__name__ == "OneHotEncoder":
        yield from _of_encoder(step, first, names)


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


def names_of(encoder: Any) -> list[str]:
    """What a fitted encoder calls the columns it writes."""
    return [str(name) for name in encoder.get_feature_names_out()]


def owners(
    groups: Iterable[tuple[str, Sequence[int]]], names: Sequence[str]
) -> tuple[tuple[tuple[int, ...], ...], tuple[str, ...]]:
    """Columns and names of the features: groups stand where their first column stands.

    Raises
    ------
    InputError
        If a column stands in two groups.
    """
    owner: dict[int, str] = {}
    for name, columns in groups:
        for at in columns:
            if at in owner:
                raise InputError(
                    f"column {names[at]!r} stands in the groups {owner[at]!r} and {name!r}. Leave it in one."
                )
            owner[at] = name
    features: dict[tuple[str, int], list[int]] = {}
    for at in range(len(names)):
        features.setdefault((owner[at], -1) if at in owner else (names[at], at), []).append(at)
    return tuple(tuple(members) for members in features.values()), tuple(name for name, _ in features)


def one_hot_features(
    asked: Iterable[tuple[str, Sequence[int]]],
    written: Iterable[Encoded],
    members: Sequence[tuple[int, ...]],
    names: Sequence[str],
    read: Callable[[Sequence[int]], NDArray[Any]],
) -> dict[int, OneHot]:
    """Features that are one-hot codes: those that an encoder wrote, and groups of zeros and ones.

    Parameters
    ----------
    asked : iterable of (name, columns)
        The user's groups.
    written : iterable of Encoded
    members : sequence of tuple of int
        Columns of each feature.
    names : sequence of str
        Of the columns.
    read : callable
        Columns to the background's values there, shape (n_rows, columns).
    """
    found = {members.index(one.columns): one.read(read(one.columns)) for one in written}
    for name, columns in asked:
        own = tuple(sorted(columns))
        code = one_hot(name, [names[at] for at in own], read(own))
        if code is not None:
            found[members.index(own)] = code
    return found
