"""The matrix of an explanation's pairs of features: one colour a sign, the darker the stronger."""

from __future__ import annotations

import numpy as np

from jupyter_xai.explanation import Explanation
from jupyter_xai.explanation.numbers import decimals_for, signed
from jupyter_xai.plot.canvas import INK, INK2, LINE, LOWERS, RAISES, Canvas, mix

_LEFT, _NAME, _CELL, _ROW = 16, 190, 56, 22
_DARK = 0.6


def matrix(canvas: Canvas, explanation: Explanation, output: int, most: int, y: float) -> float:
    """Draw the pairs of the features that have most to do with others; returns where it ends.

    Parameters
    ----------
    canvas : Canvas
    explanation : Explanation
        With interactions.
    output, most : int
        Position of the output; features at most.
    y : float
        Where it begins.
    """
    assert explanation.interactions is not None
    pairs = np.asarray(explanation.interactions[output])
    apart = np.abs(pairs) * (1 - 0.5 * np.eye(len(pairs)))  # a feature's own bend counts half
    fit = int((canvas.width - 2 * _LEFT - _NAME) // _CELL)
    shown = np.argsort(-apart.sum(axis=1), kind="stable")[: min(most, fit)]
    names = explanation.feature_names
    end = float(np.abs(pairs[np.ix_(shown, shown)]).max(initial=0.0))
    decimals = decimals_for("raw", end or 1.0)
    y += 24
    unit = explanation.value_unit
    said = "interactions" + (f", {unit} of both" if unit else "")
    canvas.text(_LEFT, y, said, INK, bold=True)
    y += 18
    for place in range(len(shown)):
        middle = _LEFT + _NAME + _CELL * (place + 0.5)
        canvas.text(middle, y, str(place + 1), INK2, size=11, align="center")
    y += 6
    for row, feature in enumerate(shown):
        canvas.text(_LEFT, y + 15, f"{row + 1}", INK2, size=11)
        canvas.text(_LEFT + 20, y + 15, names[feature], INK, most=_NAME - 30)
        for column, other in enumerate(shown):
            value = float(pairs[feature, other])
            share = abs(value) / end if end else 0.0
            x = _LEFT + _NAME + _CELL * column
            colour = mix(LOWERS if value < 0 else RAISES, share**0.5)
            canvas.rectangle(x, y, _CELL, _ROW, colour if share else "none", LINE)
            ink = "#ffffff" if share**0.5 > _DARK else INK
            canvas.text(x + _CELL / 2, y + 15, signed(value, decimals), ink, size=11, align="center")
        y += _ROW
    left = len(pairs) - len(shown)
    if left > 0:
        canvas.text(
            _LEFT, y + 15, f"pairs of {left} more {'feature' if left == 1 else 'features'} are weaker", INK2
        )
        y += _ROW
    return y + 6
