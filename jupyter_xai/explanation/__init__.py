"""Results and layouts: what every other room speaks about. Imports nothing of ours but errors and params."""

from jupyter_xai.explanation.layouts import Columns, Layout, Pixels, Several, Steps, Tokens
from jupyter_xai.explanation.overview import GlobalExplanation, Pick, RowSample
from jupyter_xai.explanation.result import (
    Z95,
    Curve,
    CurveKind,
    Explanation,
    ExplanationBatch,
    Fidelity,
    State,
    Unexplained,
)

__all__ = [
    "Z95",
    "Columns",
    "Curve",
    "CurveKind",
    "Explanation",
    "ExplanationBatch",
    "Fidelity",
    "GlobalExplanation",
    "Layout",
    "Pick",
    "Pixels",
    "RowSample",
    "Several",
    "State",
    "Steps",
    "Tokens",
    "Unexplained",
]
