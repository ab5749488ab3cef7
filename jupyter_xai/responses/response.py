"""Response curves of a row: the model's answer as one feature moves over the background's range (ICE)."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jupyter_xai.explanation import Columns, Curve, Explanation
from jupyter_xai.protocols import Predictor
from jupyter_xai.responses._asked import asked
from jupyter_xai.responses._scores import selector

MOST_POINTS = 24
MOST_FEATURES = 40
LEAST_ROWS = 480
_ROWS = 1024


def response_curves(
    explanation: Explanation,
    bound: Any,
    predictor: Predictor,
    *,
    batch_size: int | str = "auto",
    most_rows: int | None = None,
) -> Generator[tuple[Curve, ...]]:
    """Answer for every feature of a row, moved alone: the largest contributions first, in as few calls as possible.

    Parameters
    ----------
    explanation : Explanation
        Of the row: its targets, and in which order features come.
    bound : object
        A masker bound to the row that has ``grid(feature, most)`` and ``variants(changes)``, as tables have.
    predictor : Predictor
    batch_size : int or "auto", default="auto"
        Most rows a call.
    most_rows : int, optional
        Model rows altogether. Default: half of what the explanation took, and at least 480.

    Yields
    ------
    tuple of Curve
        All curves so far, of kind "response": x holds numbers, or positions of categories in their natural order; of
        more than 24 categories the most frequent ones.

    Notes
    -----
    Goldstein, Kapelner, Bleich & Pitkin, "Peeking Inside the Black Box: Visualizing Statistical Learning with Plots of
    Individual Conditional Expectation" (2015).

    Examples
    --------
    >>> import jupyter_xai as xai
    >>> from jupyter_xai.models import wrap
    >>> model = wrap(lambda X: 2 * X[:, 0] - X[:, 1], kind="table")
    >>> masker = xai.Tabular(np.array([[0.0, 0.0], [1.0, 1.0], [2.0, 4.0]]))
    >>> e = xai.KernelShap(model, masker).explain([1.0, 1.0])
    >>> *_, curves = response_curves(e, masker.bind([1.0, 1.0]), model)
    >>> [(c.feature, float(np.ptp(c.y))) for c in curves]
    [(1, 4.0), (0, 4.0)]
    """
    layout = explanation.features
    if not isinstance(layout, Columns) or not explanation.targets or not hasattr(bound, "variants"):
        return
    budget = max(LEAST_ROWS, explanation.n_rows // 2) if most_rows is None else most_rows
    grids = _grids(explanation, bound, budget)
    changes = [(feature, value) for feature, values in grids for value in values]
    select = selector(explanation, predictor)
    found: list[NDArray[np.float64]] = []
    for outputs in asked(changes, bound.variants, predictor, batch_size=batch_size, auto=_ROWS):
        found.append(select(outputs))
        yield _curves(grids, layout, np.concatenate(found))


def _grids(explanation: Explanation, bound: Any, budget: int) -> list[tuple[int, tuple[Any, ...]]]:
    """Features that can be moved and their values, the largest contributions first."""
    size = np.abs(np.asarray(explanation.values)).max(axis=0)
    grids: list[tuple[int, tuple[Any, ...]]] = []
    rows = 0
    for feature in np.argsort(-size, kind="stable")[:MOST_FEATURES].tolist():
        values = bound.grid(feature, MOST_POINTS)
        if len(values) > 1 and rows + len(values) <= budget:
            grids.append((feature, values))
            rows += len(values)
    return grids


def _curves(
    grids: Sequence[tuple[int, tuple[Any, ...]]], layout: Columns, answers: NDArray[np.float64]
) -> tuple[Curve, ...]:
    """Curves whose points are all answered."""
    curves, at = [], 0
    for feature, values in grids:
        if at + len(values) > len(answers):
            break
        levels = layout.categories[feature]
        x = np.array([value if levels is None else levels.index(value) for value in values], dtype=np.float64)
        curves.append(Curve(kind="response", feature=feature, x=x, y=answers[at : at + len(values)].T))
        at += len(values)
    return tuple(curves)
