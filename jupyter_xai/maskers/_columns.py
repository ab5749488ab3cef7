"""The columns of a background: bins or categories, their frequencies, and values drawn from them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from jupyter_xai.errors import InputError
from jupyter_xai.maskers._bins import Cutter

EPS = 1e-11  # lime adds this to every spread, so that a bin with one value has one


@dataclass(frozen=True, eq=False)
class NumberColumn:
    """A numeric column in bins, or one that is drawn from a normal distribution; code ``n_bins`` means missing.

    Parameters
    ----------
    name : str
    borders : ndarray of shape (n_bins - 1,)
        Inner borders; bin b holds values above border b - 1 up to border b.
    low, high : float
        Least and greatest value of the background; 0 if all is missing.
    means, spreads : ndarray of shape (n_bins,)
        Of the background's values in each bin.
    frequencies : ndarray of shape (n_bins + 1,)
    codes : ndarray of shape (n_rows,), int32
        Bin of each background row.
    whole : bool
        Whether values are whole numbers.
    normal : bool
        Whether the one bin is without end, and values are seen as they are.
    """

    name: str
    borders: NDArray[np.float64]
    low: float
    high: float
    means: NDArray[np.float64]
    spreads: NDArray[np.float64]
    frequencies: NDArray[np.float64]
    codes: NDArray[np.int32]
    whole: bool
    normal: bool = False
    kind: Literal["number"] = "number"

    @classmethod
    def fit(
        cls, name: str, values: NDArray[np.float64], whole: bool, cutter: Cutter | None = None
    ) -> NumberColumn:
        """Cut a column into bins, as lime's discretizers do.

        Parameters
        ----------
        name : str
        values : ndarray of shape (n_rows,)
            NaN is missing.
        whole : bool
        cutter : Cutter, optional
            Says where; at the quartiles without one.
        """
        seen = np.isfinite(values)
        data = values[seen]
        cutter = cutter or Cutter("quartile", None, len(values))
        normal = cutter.discretizer == "none"
        if normal or not len(data):
            borders = np.zeros(0 if normal else 1)
        else:
            borders = cutter.borders(values, seen)
        codes = np.searchsorted(borders, values).astype(np.int32)
        n_bins = len(borders) + 1
        means, spreads = np.zeros(n_bins), np.full(n_bins, EPS)
        for b in range(n_bins):
            inside = values[seen & (codes == b)]
            if len(inside):
                means[b], spreads[b] = inside.mean(), inside.std() + EPS
        codes[~seen] = n_bins
        frequencies = np.bincount(codes, minlength=n_bins + 1) / len(values)
        low, high = (float(data.min()), float(data.max())) if len(data) else (0.0, 0.0)
        return cls(name, borders, low, high, means, spreads, frequencies, codes, whole, normal)

    @property
    def scale(self) -> float:
        """What a difference of unbinned values is measured in: their standard deviation, 1 if they are alike."""
        return float(self.spreads[0]) if self.low < self.high else 1.0

    def edges(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Least and greatest value each bin may give: its borders, or the whole numbers inside them."""
        if self.normal:
            end = np.full(1, np.inf)
            return (-end, end) if self.low < self.high else (self.means, self.means)
        lows = np.concatenate([[self.low], self.borders])
        highs = np.concatenate([self.borders, [self.high]])
        if self.whole:
            lows[1:] = np.floor(lows[1:]) + 1
            highs = np.floor(highs)
        return lows, np.maximum(highs, lows)

    def code(self, value: Any) -> int:
        """Bin of one value; the missing code for None or NaN.

        Raises
        ------
        InputError
            If it is not a number.
        """
        number = as_number(value, self.name)
        return len(self.means) if math.isnan(number) else int(np.searchsorted(self.borders, number))

    def condition(self, code: int) -> str:
        """What "in the same bin" means, such as ``"24 < duration <= 36"``; nothing where there are no bins."""
        edges = self.borders
        if code == len(self.means):
            return f"{self.name} is missing"
        if self.normal:
            return ""
        if self.low == self.high and self.low == edges[0] and code == 0:
            return f"{self.name} = {number_text(self.low)}"
        if code == 0:
            return f"{self.name} <= {number_text(edges[0])}"
        if code == len(edges):
            return f"{self.name} > {number_text(edges[-1])}"
        return f"{number_text(edges[code - 1])} < {self.name} <= {number_text(edges[code])}"


@dataclass(frozen=True, eq=False)
class CategoryColumn:
    """A column of categories; code ``len(levels)`` means missing.

    Parameters
    ----------
    name : str
    levels : tuple
        Plain Python values in their natural order.
    frequencies : ndarray of shape (n_levels + 1,)
    codes : ndarray of shape (n_rows,), int32
    kind : {"category", "boolean"}
    """

    name: str
    levels: tuple[Any, ...]
    frequencies: NDArray[np.float64]
    codes: NDArray[np.int32]
    kind: Literal["category", "boolean"] = "category"

    @classmethod
    def fit(
        cls,
        name: str,
        values: Iterable[Any],
        levels: Sequence[Any] | None,
        kind: Literal["category", "boolean"],
    ) -> CategoryColumn:
        """Count the categories of a column.

        Parameters
        ----------
        name : str
        values : iterable
            None and NaN are missing.
        levels : sequence, optional
            All categories in their natural order; found in the values otherwise.
        kind : {"category", "boolean"}

        Raises
        ------
        InputError
            If a value is not among the given levels, or is a list or another thing that is no single value.
        """
        plain = [plain_value(value) for value in values]
        try:
            found = {value for value in plain if value is not None}
        except TypeError:
            odd = next((value for value in plain if getattr(value, "__hash__", None) is None), plain[0])
            raise InputError(
                f"column {name!r} of the background holds values such as {str(odd)[:40]} ({type(odd).__name__}): "
                "expected numbers, texts, truth values or dates. Spread them over columns of their own, or leave the "
                "column to the function that is explained."
            ) from None
        known = tuple(plain_value(level) for level in levels) if levels is not None else _sorted(found)
        position = {level: i for i, level in enumerate(known)}
        stray = found - position.keys()
        if stray:
            raise InputError(
                f"column {name!r} of the background holds {_listing(_sorted(stray))}, which categories= "
                f"does not list. "
                f"Listed: {_listing(known)}. Add what is missing."
            )
        codes = np.array(
            [len(known) if value is None else position[value] for value in plain], dtype=np.int32
        )
        frequencies = np.bincount(codes, minlength=len(known) + 1) / max(len(plain), 1)
        return cls(name, known, frequencies, codes, kind)

    def code(self, value: Any) -> int:
        """Position of one value among the levels; the missing code for None or NaN.

        Raises
        ------
        InputError
            If it is not a known category; the message lists the known ones.
        """
        plain = plain_value(value)
        if plain is None:
            return len(self.levels)
        for code, level in enumerate(self.levels):
            if level == plain:
                return code
        if self.levels and all(hasattr(level, "isoformat") for level in self.levels):
            raise InputError(
                f"{self.name}={plain} is not a date of the background, and dates act as categories. To have it act as "
                "a number, explain a function that takes it as one: days since the first, or year and month apart."
            )
        raise InputError(
            f"{self.name}={plain!r} is not a category of the background. Known: {_listing(self.levels)}. "
            f"Pass one of "
            f"these, or list it in categories={{{self.name!r}: [...]}}."
        )

    def condition(self, code: int) -> str:
        """What "the same category" means, such as ``"job = skilled"``."""
        return f"{self.name} = {self.levels[code]}" if code < len(self.levels) else f"{self.name} is missing"


Column = NumberColumn | CategoryColumn


def plain_value(value: Any) -> Any:
    """Return a value in plain Python: None for missing, no numpy scalars."""
    if value is None or type(value).__name__ in {"NAType", "NaTType"}:
        return None
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and math.isnan(value) else value


def as_number(value: Any, name: str) -> float:
    """Return a number as float, NaN for missing.

    Raises
    ------
    InputError
        If it is not a finite number.
    """
    plain = plain_value(value)
    if plain is None:
        return math.nan
    try:
        number = float(plain)
    except (TypeError, ValueError):
        raise InputError(
            f"{name}={plain!r} is not a number, but this column of the background is numeric. Pass a "
            f"number, or list "
            f"the column in categories=."
        ) from None
    if math.isinf(number):
        raise InputError(f"{name} is infinite; expected a finite number or NaN for missing. Replace it.")
    return number


def number_text(value: float) -> str:
    """Write a number for people: four significant digits, no exponent for everyday sizes.

    Examples
    --------
    >>> number_text(24.0), number_text(1234567.0), number_text(0.123456)
    ('24', '1,234,567', '0.1235')
    """
    if value == int(value) and abs(value) < 1e15:
        return f"{int(value):,}"
    if abs(value) >= 1000:
        return f"{value:,.0f}" if abs(value) < 1e12 else f"{value:.4g}"
    return f"{value:.4g}"


def _sorted(values: Iterable[Any]) -> tuple[Any, ...]:
    try:
        return tuple(sorted(values))
    except TypeError:
        return tuple(sorted(values, key=str))


def _listing(values: Sequence[Any]) -> str:
    shown = ", ".join(repr(value) for value in values[:12])
    return shown + (f" and {len(values) - 12} more" if len(values) > 12 else "")
