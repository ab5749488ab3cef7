"""One output of an explanation as rows: what every outlet that is not the live view draws."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jupyter_xai.explanation.layouts import Columns, Layout, Pixels, Several
from jupyter_xai.explanation.numbers import MINUS
from jupyter_xai.explanation.result import Z95, Explanation

_LONGEST = 200
FAINT_SHARE = 0.06
"""Words and pieces below this share of the scale carry no mark."""


@dataclass(frozen=True)
class Row:
    """One feature of one output.

    Parameters
    ----------
    feature : int
        Position among the features; -1 for a row that stands for several.
    name, value, unit, condition : str
        As printed; all but the name may be "".
    weight : float
    half : float or None
        Half-width of the 95 % interval; None if exact.
    missing : bool
        Whether the instance has no value here.
    """

    feature: int
    name: str
    value: str
    unit: str
    condition: str
    weight: float
    half: float | None
    missing: bool = False

    @property
    def could_be_zero(self) -> bool:
        """Whether the interval contains zero, as one without ends does; an exact weight never could."""
        return self.half is not None and abs(self.weight) <= self.half


def shorten(words: str, longest: int = _LONGEST) -> str:
    """Cut what nobody would read to the end, with an ellipsis.

    Examples
    --------
    >>> shorten("a long story", 7)
    'a long…'
    """
    return words if len(words) <= longest else words[: longest - 1] + "…"


def value_text(value: Any) -> tuple[str, bool]:
    """What a cell of the table says, and whether the value is missing.

    Examples
    --------
    >>> value_text(0.1 + 0.2), value_text(-12000.0), value_text(None), value_text((1, "red"))
    (('0.3', False), ('−12000', False), ('missing', True), ('1, red', False))
    """
    if isinstance(value, np.generic):
        value = value.item()
    missing = value is None or type(value).__name__ in ("NAType", "NaTType")
    if missing or (isinstance(value, float) and math.isnan(value)):
        return "missing", True
    if isinstance(value, tuple | list):
        return shorten(", ".join(value_text(part)[0] for part in value)), False
    if isinstance(value, int | float):
        said = _float_text(value) if isinstance(value, float) else shorten(str(value))
        return (MINUS + said[1:] if said.startswith("-") else said), False
    return shorten(str(value)), False


def _float_text(value: float) -> str:
    size = abs(value)
    if size < 1e15 and value == int(value):
        return str(int(value))
    return f"{value:.6g}" if size < 1e5 or size >= 1e15 else f"{value:.1f}"


def rows(explanation: Explanation, output: int = 0) -> list[Row]:
    """All features of one output, in feature order; pixels of a map are one row, their sum.

    Parameters
    ----------
    explanation : Explanation
    output : int
        Position among the explained outputs.

    Returns
    -------
    list of Row

    Examples
    --------
    >>> row = Columns(names=("age",), values=(24,), kinds=("number",), members=((0,),), units=("years",))
    >>> found = Explanation(
    ...     values=np.array([[0.2]]), features=row, output_names=("bad",), predictions=np.array([0.6])
    ... )
    >>> rows(found)[0].name, rows(found)[0].value, rows(found)[0].could_be_zero
    ('age', '24', False)
    """
    values, errors = explanation.values, explanation.std_errors
    if isinstance(values, tuple):
        assert isinstance(explanation.features, Several)
        made: list[Row] = []
        found = list(errors) if isinstance(errors, tuple) else [None] * len(values)
        for name, part, value, error in zip(
            explanation.features.part_names, explanation.features.parts, values, found, strict=True
        ):
            made += _of(part, value[output], None if error is None else error[output], f"{name}: ", len(made))
        return made
    error = None if errors is None else np.asarray(errors)[output]
    return _of(explanation.features, values[output], error, "", 0)


def _of(
    layout: Layout, values: NDArray[np.float64], errors: NDArray[np.float64] | None, prefix: str, first: int
) -> list[Row]:
    if isinstance(layout, Pixels) and layout.labels is None:
        return [Row(-1, f"{prefix}all pixels", "", "", "", float(values.sum()), None)]
    names = layout.feature_names
    weights = values.reshape(-1).tolist()
    halves = [None] * len(weights) if errors is None else (Z95 * errors.reshape(-1)).tolist()
    cells = [("", False, "", "")] * len(weights)
    if isinstance(layout, Columns):
        conditions = layout.conditions or ("",) * len(weights)
        said = [value_text(value) for value in layout.values]
        cells = [(*said[i], layout.units[i], readable(conditions[i])) for i in range(len(weights))]
    return [
        Row(first + i, prefix + names[i], value, unit, condition, weights[i], halves[i], missing)
        for i, (value, missing, unit, condition) in enumerate(cells)
    ]


def readable(condition: str) -> str:
    """Comparisons as people write them.

    Examples
    --------
    >>> readable("24 < duration <= 36")
    '24 < duration ≤ 36'
    """
    return condition.replace("<=", "≤").replace(">=", "≥").replace("!=", "≠")


def by_weight(found: list[Row]) -> list[Row]:
    """The largest first; weights that are not numbers last; ties keep their order."""
    return sorted(found, key=lambda row: -abs(row.weight) if math.isfinite(row.weight) else math.inf)


def nice_end(value: float) -> float:
    """The next round number at or above ``value``.

    Examples
    --------
    >>> nice_end(0.17), nice_end(42), nice_end(0)
    (0.2, 50.0, 1.0)
    """
    if not value > 0 or not math.isfinite(value):
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    steps = (step for step in (1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10) if value <= step * power * 1.0001)
    return float(f"{next(steps, 10) * power:.3g}")


def scale_end(found: list[Row]) -> float:
    """The end of the bars' scale: wide intervals run off the axis rather than squeeze every bar."""
    sound = [row for row in found if math.isfinite(row.weight)]
    largest = max((abs(row.weight) for row in sound), default=0.0)
    reach = max((abs(row.weight) + (row.half or 0.0) for row in sound), default=0.0)
    return nice_end(min(reach if math.isfinite(reach) else largest, 1.6 * largest))
