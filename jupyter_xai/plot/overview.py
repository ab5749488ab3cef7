"""The figure of many rows: features by importance, and a strip of dots for a few rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from jupyter_xai.explanation import Z95, GlobalExplanation
from jupyter_xai.explanation.numbers import counted, decimals_for, fixed, whole
from jupyter_xai.plot.canvas import INK, INK2, INK3, LOWERS, RAISES, RAISES_SOFT, Canvas, Run

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WIDTH = 820
_LEFT, _RIGHT, _ROW = 16, WIDTH - 16, 24
_BAR, _BAR_WIDTH = 210, 210
_DOTS, _DOTS_WIDTH = 450, 250


def overview(
    explanation: GlobalExplanation,
    output: int | None = None,
    *,
    max_features: int = 20,
    method_label: str = "",
) -> Figure:
    """Draw the most important features; beside the bars of one output the rows' own weights.

    Parameters
    ----------
    explanation : GlobalExplanation
    output : int, optional
        Position of an output. None: over all; of one output alone that one.
    max_features : int
    method_label : str

    Returns
    -------
    matplotlib.figure.Figure

    Examples
    --------
    >>> found = GlobalExplanation(
    ...     values=np.array([[0.2, 0.5]]), feature_names=("age", "debt"), output_names=("bad",), n_rows=9
    ... )
    >>> overview(found).get_size_inches()[0]
    np.float64(8.2)
    """
    if output is None and (len(explanation.output_names) == 1 or explanation.overall is None):
        output = 0
    values = explanation.values[output] if output is not None else explanation.overall
    errors = (
        explanation.std_errors[output] if output is not None and explanation.std_errors is not None else None
    )
    if output is None:
        errors = explanation.overall_std_errors
    assert values is not None
    canvas = Canvas(WIDTH)
    said = "all outputs" if output is None else explanation.output_names[output]
    state = f"{counted(explanation.n_rows, 'rows')} · {explanation.status}"
    taken = canvas.text(_RIGHT, 36, state, INK2, align="right") + 12
    taken += canvas.text(_RIGHT - taken, 36, method_label or explanation.method, INK, align="right") + 24
    canvas.text(_LEFT, 36, said, INK, bold=True, size=16, most=_RIGHT - _LEFT - taken)
    canvas.line(_LEFT, 45.5, _RIGHT, 45.5)
    shown = explanation.ranking(output)[:max_features]
    end = float(np.max(values[shown], initial=0.0)) or 1.0
    decimals = decimals_for(explanation.output_unit, end)
    y = 66.0
    canvas.text(_BAR, y, explanation.value_unit or "importance", INK2, size=11, most=_BAR_WIDTH)
    dots = output is not None and explanation.sample is not None
    if dots:
        canvas.text(_DOTS, y, "weight in a few rows", INK2, size=11)
    y += 6
    for feature in shown:
        error = None if errors is None else float(errors[feature])
        _bar(canvas, explanation.feature_names[feature], float(values[feature]), error, y, end, decimals)
        if dots and output is not None:
            _strip(canvas, explanation, output, int(feature), y)
        y += _ROW
    hidden = len(values) - len(shown)
    if hidden:
        canvas.text(_LEFT, y + 15, f"{whole(hidden)} more", INK2)
        y += _ROW
    for notice in explanation.notices:
        y = canvas.runs(_LEFT, y + 17, [Run(notice, INK2, size=11)], _RIGHT - _LEFT, 16)
    return canvas.finish(y + 14)


def _bar(
    canvas: Canvas, name: str, value: float, error: float | None, y: float, end: float, decimals: int
) -> None:
    half = None if error is None else Z95 * error
    unsure = half is not None and half >= value
    canvas.text(_LEFT, y + 16, name, INK2 if unsure else INK, most=_BAR - _LEFT - 10)
    length = _BAR_WIDTH * value / end
    canvas.rectangle(_BAR, y + 6, length, 12, RAISES_SOFT if unsure else RAISES, RAISES if unsure else "none")
    right = float(_RIGHT)
    if half is not None and np.isfinite(half):
        low, high = (_BAR + _BAR_WIDTH * min(1.0, max(0.0, at / end)) for at in (value - half, value + half))
        canvas.line(low, y + 12, high, y + 12, INK)
        right -= canvas.text(right, y + 16, f"±{fixed(half, decimals)}", INK2, size=11, align="right") + 5
    canvas.text(right, y + 16, fixed(value, decimals), INK, align="right")


def _strip(canvas: Canvas, explanation: GlobalExplanation, output: int, feature: int, y: float) -> None:
    """A dot a row: along the line its weight, up and down its own value."""
    sample = explanation.sample
    assert sample is not None
    at = np.flatnonzero(sample.features == feature)
    if not len(at):
        return
    weights, inputs = sample.values[:, output, at[0]], sample.inputs[:, at[0]]
    known = np.isfinite(weights)
    if not known.any():
        return
    reach = float(np.nanmax(np.abs(sample.values[:, output]))) or 1.0
    middle = _DOTS + _DOTS_WIDTH / 2
    canvas.line(middle, y + 2, middle, y + _ROW - 2, INK3)
    low, high = (np.nanmin(inputs), np.nanmax(inputs)) if np.isfinite(inputs).any() else (0.0, 0.0)
    for weight, own in zip(weights[known], inputs[known], strict=True):
        height = 0.5 if not np.isfinite(own) or high <= low else (own - low) / (high - low)
        x = middle + _DOTS_WIDTH / 2 * float(weight) / reach
        canvas.rectangle(x - 1, y + 19 - 15 * float(height), 2, 2, LOWERS if weight < 0 else RAISES)
