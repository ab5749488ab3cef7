"""One row's explanation as reductions take it: names, weights, and the row's own values."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from jupyter_xai.explanation import Columns, Explanation, Layout, Pixels, Several, Steps, Tokens

Naming = Literal["feature", "condition"]

CLASS_UNITS = frozenset({"probability", "logit"})
"""What outputs are counted in that are classes; several raw ones may be any numbers."""


@dataclass(frozen=True, eq=False)
class Reading:
    """What is kept of one explanation.

    Parameters
    ----------
    row : int
        Number of the row in the data.
    outputs : tuple of str
    names : sequence of hashable
        Name of each feature, none twice.
    weights : ndarray of shape (outputs, n)
    errors : ndarray of shape (outputs, n), optional
        Their standard errors.
    norms : ndarray of shape (outputs,)
        Sum of the weights' magnitudes as the explanation has them.
    inputs : ndarray of shape (n,), float32
        The row's own values, NaN where there is none.
    open : bool
        Whether other rows have other names, without end.
    layout : Layout, optional
        If all rows have the same features.
    shape : tuple of int
        Axes of the features, where these are places: (height, width), (channels, height, width), (steps, channels).
    pieces : ndarray of shape (n, d), optional
        What each piece of a picture looks like; then clusters of these are the features.
    predictions : ndarray of shape (outputs,)
        The model at the row.
    predicted : str
        Its highest output, of all that it has; "" if it has one, if not all are known, or if several may hold at once.
    prediction : float
        Of its highest output.
    unit, value_unit : str
    n_evals : int
    """

    row: int
    outputs: tuple[str, ...]
    names: Sequence[Hashable]
    weights: NDArray[np.float64]
    errors: NDArray[np.float64] | None
    norms: NDArray[np.float64]
    inputs: NDArray[np.float32]
    open: bool = False
    layout: Layout | None = None
    shape: tuple[int, ...] = ()
    pieces: NDArray[np.float64] | None = None
    unit: str = "raw"
    value_unit: str = ""
    n_evals: int = 0
    predictions: NDArray[np.float64] | None = None
    predicted: str = ""
    prediction: float = math.nan

    @property
    def decided(self) -> str:
        """The class that the model predicts; "" where there are no classes."""
        return self.predicted if self.unit in CLASS_UNITS else ""


def reading(explanation: Explanation, row: int, by: Naming = "feature") -> Reading:
    """Read one explanation.

    Parameters
    ----------
    explanation : Explanation
    row : int
    by : {"feature", "condition"}
        What a table's features are: its columns, or the conditions that the instance meets.

    Examples
    --------
    >>> text = Tokens(text="dull, so dull", offsets=((0, 4), (6, 8), (9, 13)))
    >>> e = Explanation(
    ...     values=np.array([[1.0, 0.0, 2.0]]), features=text, output_names=("bad",), predictions=np.zeros(1)
    ... )
    >>> found = reading(e, 0)
    >>> found.names, found.weights
    (('dull', 'so'), array([[3., 0.]]))
    """
    weights, errors = _flat(explanation.values), None
    if explanation.std_errors is not None:
        errors = _flat(explanation.std_errors)
    layout = explanation.features
    norms = np.abs(weights).sum(axis=1)
    shape = layout.shape if isinstance(layout, Pixels | Steps) else ()
    names, inputs = _named(layout, weights.shape[1], by)
    opened = isinstance(layout, Tokens) or (by == "condition" and isinstance(layout, Columns))
    if isinstance(layout, Pixels) and layout.labels is not None:
        # a pixel has the weight of its piece, so that pieces of other rows can be laid over it
        places = layout.labels.reshape(-1)
        weights = weights[:, places]
        errors = None if errors is None else errors[:, places]
        names, inputs, shape = (
            range(places.size),
            np.full(places.size, np.nan, np.float32),
            layout.labels.shape,
        )
    elif len(set(names)) < len(names):
        names, weights, errors, inputs = _together(names, weights, errors)
        norms = np.abs(weights).sum(axis=1)
    return Reading(
        row,
        explanation.output_names,
        names,
        weights,
        errors,
        norms,
        inputs,
        opened,
        None if opened else _plain_layout(layout),
        shape,
        unit=explanation.output_unit,
        value_unit=explanation.value_unit,
        n_evals=explanation.n_evals,
        predictions=np.asarray(explanation.predictions, dtype=np.float64),
        **_highest(explanation),
    )


def _highest(explanation: Explanation) -> dict[str, Any]:
    """Name and score of the model's highest output."""
    scores, names = explanation.all_predictions, explanation.all_output_names
    if scores is None or names is None or not len(scores):
        return {}
    at = int(np.argmax(scores))
    apart = explanation.output_unit == "probability" and not adds_up(scores)
    return {
        "predicted": "" if len(scores) == 1 or apart else str(names[at]),
        "prediction": float(scores[at]),
    }


def adds_up(probabilities: NDArray[Any]) -> bool:
    """Whether it is one class or another; labels that may hold at once do not add up to 1.

    Examples
    --------
    >>> adds_up(np.array([[0.3, 0.7]])), adds_up(np.array([0.9, 0.7]))
    (True, False)
    """
    return bool((np.abs(np.sum(probabilities, axis=-1) - 1) < 1e-3).all())


def _flat(values: Any) -> NDArray[np.float64]:
    parts = values if isinstance(values, tuple) else (values,)
    flat = [np.asarray(part, dtype=np.float64).reshape(len(part), -1) for part in parts]
    return flat[0] if len(flat) == 1 else np.concatenate(flat, axis=1)


def _named(layout: Layout, count: int, by: Naming) -> tuple[Sequence[Hashable], NDArray[np.float32]]:
    if isinstance(layout, Columns):
        names = layout.conditions if by == "condition" and layout.conditions else layout.names
        own = [number_of(layout, at) for at in range(count)]
        if names is layout.conditions:  # a category's condition names it
            own = [np.nan if known else value for value, known in zip(own, layout.categories, strict=True)]
        return names, np.array(own, dtype=np.float32)
    if isinstance(layout, Steps):
        return layout.feature_names, layout.values.reshape(-1).astype(np.float32)
    blank = np.full(count, np.nan, np.float32)
    if isinstance(layout, Pixels):
        return range(count), blank
    if isinstance(layout, Several):
        named = [
            f"{part_name}: {name}"
            for part_name, part in zip(layout.part_names, layout.parts, strict=True)
            for name in (part.feature_names or range(int(np.prod(part.shape))))
        ]
        return tuple(named), blank
    return layout.feature_names, np.ones(count, np.float32)


def number_of(layout: Columns, at: int) -> float:
    """A row's own value as a height: a number, or a category's position among its categories; else NaN.

    Examples
    --------
    >>> row = Columns(
    ...     names=("age", "job"),
    ...     values=(24, "b"),
    ...     kinds=("number", "category"),
    ...     members=((0,), (1,)),
    ...     categories=(None, ("a", "b")),
    ... )
    >>> number_of(row, 0), number_of(row, 1)
    (24.0, 1.0)
    """
    value, known = layout.values[at], layout.categories[at]
    if known is not None:
        return float(known.index(value)) if value in known else np.nan
    try:
        return np.nan if value is None or isinstance(value, tuple) else float(value)
    except (TypeError, ValueError):
        return np.nan


def _together(
    names: Sequence[Hashable], weights: NDArray[np.float64], errors: NDArray[np.float64] | None
) -> tuple[Sequence[Hashable], NDArray[np.float64], NDArray[np.float64] | None, NDArray[np.float32]]:
    """A word at several places has the sum of its weights."""
    places: dict[Hashable, int] = {}
    at = np.array([places.setdefault(name, len(places)) for name in names])
    joined = np.zeros((len(weights), len(places)))
    np.add.at(joined.T, at, weights.T)
    squares = None
    if errors is not None:
        squares = np.zeros_like(joined)
        np.add.at(squares.T, at, (errors**2).T)
    count = np.bincount(at, minlength=len(places)).astype(np.float32)
    return tuple(places), joined, None if squares is None else np.sqrt(squares), count


def _plain_layout(layout: Layout) -> Layout | None:
    return layout if isinstance(layout, Columns | Steps) else None
