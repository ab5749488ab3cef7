"""Columns that act as one feature: one-hot codes, as an encoder writes them or known by their zeros and ones."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
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
    nothing : ndarray of shape (n_columns,), optional
        The columns' values where there is none; zeros by default.
    """

    name: str
    levels: tuple[Any, ...]
    patterns: NDArray[np.float64]
    codes: NDArray[np.intp]
    nothing: NDArray[np.float64] | None = None

    def code(self, values: Sequence[Any]) -> int:
        """Position of the category of a row's columns; ``len(levels)`` if they stand for none or are missing.

        Raises
        ------
        InputError
            If they are no one-hot code.
        """
        found = codes_of(np.array([values], dtype=object), self.patterns, self.nothing)
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
        """The columns' values for a category; for None those of no category.

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
            nothing = np.zeros(len(self.patterns[0])) if self.nothing is None else self.nothing
            return tuple(nothing.tolist())
        raise InputError(
            f"{self.name}={plain!r} is not a category: expected one of {', '.join(map(repr, self.levels))}."
        )


def codes_of(
    values: NDArray[Any], patterns: NDArray[np.float64], nothing: NDArray[np.float64] | None = None
) -> NDArray[np.intp] | None:
    """Pattern of each row; the number of patterns for what stands for none; None if a row is neither.

    Parameters
    ----------
    values : ndarray of shape (n_rows, n_columns)
    patterns : ndarray of shape (n_levels, n_columns)
    nothing : ndarray of shape (n_columns,), optional
        Zeros by default.

    Examples
    --------
    >>> codes_of(np.array([[0, 1], [1, 0], [0, 0]]), np.eye(2))
    array([1, 0, 2])
    """
    try:
        numbers = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        return None
    if nothing is not None:
        return _nearest(numbers, np.vstack([patterns, nothing]))
    numbers = np.nan_to_num(numbers)
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


def _nearest(numbers: NDArray[np.float64], patterns: NDArray[np.float64]) -> NDArray[np.intp] | None:
    """Pattern of each row to six digits, the last one for what is missing; None if a row has none of them."""
    filled = np.where(np.isnan(numbers), patterns[-1], numbers)
    rows, back = np.unique(filled, axis=0, return_inverse=True)
    if len(rows) > 8 * len(patterns):  # far more than rounding makes of them
        return None
    near = np.isclose(rows[:, None], patterns, rtol=1e-5, atol=1e-6).all(axis=2)
    return np.asarray(near.argmax(axis=1)[back.ravel()]) if near.any(axis=1).all() else None


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
    codes = codes_of(values, patterns)
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
    nothing : tuple of float, optional
        What no category is written as; zeros by default.
    """

    name: str
    columns: tuple[int, ...]
    levels: tuple[Any, ...]
    patterns: tuple[tuple[float, ...], ...]
    nothing: tuple[float, ...] | None = None

    def read(self, values: NDArray[Any]) -> OneHot:
        """Read a background's columns.

        Raises
        ------
        InputError
            If they do not hold what the encoder writes.
        """
        patterns = np.array(self.patterns)
        nothing = None if self.nothing is None else np.array(self.nothing)
        codes = codes_of(values, patterns, nothing)
        if codes is None:
            raise InputError(
                f"encoder= writes {self.name} as "
                f"{'zeros and ones' if nothing is None else 'one row of numbers a category'}, but the background has "
                "other values there. Pass the background as the encoder writes it, or groups= instead of encoder=."
            )
        return OneHot(self.name, self.levels, patterns, codes, nothing)


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
