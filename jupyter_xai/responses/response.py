"""Response curves of a row: the model's answer as one feature moves over the background's range (ICE)."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
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
FEWER_POINTS = (16, 12, 8)
"""Points a number's curve has where rows do not suffice for more, down to as few as still show its shape."""
_ROWS = 1024


def response_curves(
    explanation: Explanation,
    bound: Any,
    predictor: Predictor,
    *,
    batch_size: int | str = "auto",
    most_rows: int | None = None,
    say: Callable[[str], None] | None = None,
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
        Model rows altogether. Default: half of what the explanation took, and at least 480. Where they do not suffice,
        curves of numbers have fewer points, down to 8, before the smallest features are left out.
    say : callable, optional
        Told in a sentence of features that were left out.

    Yields
    ------
    tuple of Curve
        All curves so far, of kind "response": x holds numbers, or positions of categories in their natural order; of
        more than 24 categories the most frequent ones. At most the 40 largest features.

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
    grids, left_out = _grids(explanation, bound, layout, budget)
    if left_out and say is not None:
        total = len(grids) + left_out
        say(f"Response curves of the {len(grids)} largest of {total:,} features that can be moved.")
    changes = [(feature, value) for feature, values in grids for value in values]
    select = selector(explanation, predictor)
    found: list[NDArray[np.float64]] = []
    for outputs in asked(changes, bound.variants, predictor, batch_size=batch_size, auto=_ROWS):
        found.append(select(outputs))
        yield _curves(grids, layout, np.concatenate(found))


def _grids(
    explanation: Explanation, bound: Any, layout: Columns, budget: int
) -> tuple[list[tuple[int, tuple[Any, ...]]], int]:
    """Features and the values they are moved to, the largest contributions first; how many more could be moved."""
    size = np.abs(np.asarray(explanation.values)).max(axis=0)
    order = np.argsort(-size, kind="stable").tolist()
    largest: list[tuple[int, tuple[Any, ...]]] = []
    waiting = iter(order)
    while len(largest) < MOST_FEATURES and (feature := next(waiting, None)) is not None:
        values = bound.grid(feature, MOST_POINTS)
        if len(values) > 1:
            largest.append((feature, values))
    for most in FEWER_POINTS:
        if sum(len(values) for _, values in largest) <= budget:
            break
        largest = [
            (at, bound.grid(at, most) if layout.categories[at] is None else values) for at, values in largest
        ]
    kept: list[tuple[int, tuple[Any, ...]]] = []
    rows = 0
    for feature, values in largest:
        if rows + len(values) <= budget:
            kept.append((feature, values))
            rows += len(values)
    varying = getattr(bound, "varying", np.ones(len(order), dtype=np.bool_))
    return kept, len(largest) - len(kept) + int(np.sum(varying[list(waiting)]))


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
