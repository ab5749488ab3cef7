"""Nearest single changes of a row that turn the decision, asked of the model itself."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from jupyter_xai.explanation import Columns, Curve, Explanation
from jupyter_xai.protocols import Predictor
from jupyter_xai.responses._asked import asked
from jupyter_xai.responses._scores import selector

LEAST_ROWS = 480
PRECISION = 1e-3
"""Of a column's range: where the search for the border ends."""
_ROUNDS = 12
_DIGITS = 6  # the browser has them as float32
_ROWS = 1024
_LISTED = 3

Decide: TypeAlias = Callable[[NDArray[np.float64]], NDArray[np.intp]]


def decider(explanation: Explanation, predictor: Predictor, threshold: float | None) -> Decide | None:
    """Return ``scores (n, explained) -> side of the decision (n,)``, or None where there is no decision.

    Parameters
    ----------
    explanation : Explanation
    predictor : Predictor
        After its first answer.
    threshold : float or None
        In the predictor's own space; of two outputs it is the second's. None: the largest explained class, and no
        decision for numbers.
    """
    targets = explanation.targets
    if not targets:
        return None
    if threshold is None:
        if explanation.output_unit == "raw" or len(targets) < 2:
            return None
        return lambda scores: np.argmax(scores, axis=1)
    border = float(threshold)
    if len(predictor.output_names) == 2 and targets[0] == 0:
        border = 1 - border if predictor.output_space == "probability" else -border
    if explanation.output_unit == "logit" and predictor.output_space == "probability":
        border = math.log(border / (1 - border)) if 0 < border < 1 else math.copysign(math.inf, border - 0.5)
    return lambda scores: (scores[:, 0] >= border).astype(np.intp)


@dataclass
class _Bracket:
    """A border of the decision lies between two values of one column."""

    feature: int
    start: float
    same: float
    turned: float
    whole: bool
    width: float

    @property
    def open(self) -> bool:
        gap = abs(self.turned - self.same)
        return gap > 1 if self.whole else gap > PRECISION * self.width

    @property
    def middle(self) -> float:
        middle = (self.same + self.turned) / 2
        return float(round(middle)) if self.whole else middle

    def round_values(self) -> list[float]:
        """Values with few digits on the turned side, the roundest first, none far beyond the border."""
        up = self.turned > self.same
        found: list[float] = []
        top = math.floor(math.log10(max(abs(self.turned), self.width, 1e-300)))
        for digits in range(1, _DIGITS + 1):
            power = top - digits + 1
            if self.whole and power < 0:
                break
            unit = 10.0**power
            steps = self.turned / unit
            # a value that is round already is not moved on by the last bit of the quotient
            near = round(steps)
            steps = (
                near
                if abs(steps - near) < 1e-9 * max(1, abs(near))
                else math.ceil(steps)
                if up
                else math.floor(steps)
            )
            value = float(round(steps * unit, max(0, -power)))
            if abs(value - self.turned) <= max(0.02 * self.width, 0.5 * self.whole) and value not in found:
                found.append(value)
        return [*found, self.turned] if self.turned not in found else found


def nearest_flips(
    explanation: Explanation,
    bound: Any,
    predictor: Predictor,
    *,
    threshold: float | None = None,
    batch_size: Any = "auto",
    most_rows: int | None = None,
    say: Callable[[str], None] | None = None,
) -> Generator[tuple[Curve, ...]]:
    """Find for each feature of a row the nearest value that turns the decision, the others staying as they are.

    Parameters
    ----------
    explanation : Explanation
        With response curves: they say between which values to look.
    bound : object
        A masker bound to the row that has ``variants(changes)``, as tables have.
    predictor : Predictor
    threshold : float, optional
        Where the decision turns, in the predictor's own space; None: another class is the largest.
    batch_size : int or "auto", default="auto"
    most_rows : int, optional
        Model rows altogether. Default: half of what the explanation took, at least 480.
    say : callable, optional
        Told in a sentence of features whose border was not searched for want of rows.

    Yields
    ------
    tuple of Curve
        Of kind "flip": x is the value (position of a category), y the model's own answer there. First those of
        categories, which the curves hold; then all. A number is bisected to a thousandth of its range, or to the whole
        number, and rounded outwards to as few digits as stay within a fiftieth of the range; the model is asked about
        the rounded value. Features that turn nothing between the points of their curves have none.

    Examples
    --------
    >>> import jupyter_xai as xai
    >>> from dataclasses import replace
    >>> from jupyter_xai.models import wrap
    >>> from jupyter_xai.responses import response_curves
    >>> def model(X):
    ...     p = 1 / (1 + np.exp(X[:, 0] - 2.5))
    ...     return np.column_stack([1 - p, p])
    >>> predictor, masker = wrap(model, kind="table"), xai.Tabular(np.array([[0.0], [4.0], [9.0]]))
    >>> e = xai.KernelShap(predictor, masker).explain([1.0])
    >>> *_, curves = response_curves(e, masker.bind([1.0]), predictor)
    >>> *_, flips = nearest_flips(replace(e, curves=curves), masker.bind([1.0]), predictor, threshold=0.5)
    >>> flips[0].x
    array([2.6])
    """
    layout = explanation.features
    decide = decider(explanation, predictor, threshold)
    curves = [
        curve for curve in explanation.curves or () if curve.kind == "response" and curve.feature is not None
    ]
    if decide is None or not isinstance(layout, Columns) or not curves or not hasattr(bound, "variants"):
        return
    now = int(decide(explanation.predictions[None])[0])
    follows = 0 if threshold is not None and len(predictor.output_names) > 2 else None
    done: list[Curve] = []
    brackets: list[_Bracket] = []
    for curve in curves:
        feature = int(curve.feature or 0)
        turned = decide(curve.y.T) != now
        value, levels = layout.values[feature], layout.categories[feature]
        if not turned.any():
            continue
        if levels is not None:
            done += _category(curve, levels, value, turned, follows)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            whole = isinstance(bound.grid(feature, 2)[0], int)
            brackets += _brackets(curve, float(value), turned, whole)
    if done:
        yield tuple(done)
    budget = max(LEAST_ROWS, explanation.n_rows // 2) if most_rows is None else most_rows
    brackets.sort(key=lambda bracket: abs(bracket.same - bracket.start) / bracket.width)
    most = max(1, budget // (_ROUNDS + _DIGITS + 1))
    brackets, left_out = brackets[:most], brackets[most:]
    if not brackets:
        return
    _say_missed(left_out, brackets, layout, say)
    ask = partial(_ask, bound, predictor, selector(explanation, predictor), batch_size)
    for _ in range(_ROUNDS):
        wide = [bracket for bracket in brackets if bracket.open]
        if not wide:
            break
        sides = decide(ask([(bracket, bracket.middle) for bracket in wide])) != now
        for bracket, side in zip(wide, sides, strict=True):
            if side:
                bracket.turned = bracket.middle
            else:
                bracket.same = bracket.middle
    tried = [(bracket, value) for bracket in brackets for value in bracket.round_values()]
    scores = ask(tried)
    yield (*done, *_nearest(tried, scores, decide(scores) != now, follows))


def _say_missed(
    left_out: list[_Bracket], kept: list[_Bracket], layout: Columns, say: Callable[[str], None] | None
) -> None:
    """Name the features none of whose borders is searched for."""
    missed = sorted({bracket.feature for bracket in left_out} - {bracket.feature for bracket in kept})
    if missed and say is not None:
        names = ", ".join(layout.names[at] for at in missed[:_LISTED]) + " ..." * (len(missed) > _LISTED)
        say(f"The nearest flip was not searched along {names}: rows went to features where it is nearer.")


def _category(
    curve: Curve, levels: tuple[Any, ...], value: Any, turned: NDArray[np.bool_], follows: int | None
) -> list[Curve]:
    """The nearest category that turns the decision: its answer is known from the curve."""
    if value not in levels:
        return []
    at = levels.index(value)
    best = min(np.flatnonzero(turned).tolist(), key=lambda i: (abs(curve.x[i] - at), i))
    return [Curve("flip", curve.feature, curve.x[[best]], curve.y[:, [best]], order=follows)]


def _nearest(
    tried: list[tuple[_Bracket, float]],
    scores: NDArray[np.float64],
    turned: NDArray[np.bool_],
    follows: int | None,
) -> list[Curve]:
    """Of each bracket the roundest value that turns, which comes first; of a feature's two the nearer one."""
    found: dict[int, tuple[float, Curve]] = {}
    taken: set[int] = set()
    for (bracket, value), score, side in zip(tried, scores, turned, strict=True):
        if not side or id(bracket) in taken:
            continue
        taken.add(id(bracket))
        distance = abs(value - bracket.start)
        if bracket.feature not in found or distance < found[bracket.feature][0]:
            flip = Curve("flip", bracket.feature, np.array([value]), score[:, None], order=follows)
            found[bracket.feature] = (distance, flip)
    return [flip for _, flip in found.values()]


def _ask(
    bound: Any,
    predictor: Predictor,
    select: Callable[[NDArray[np.float64]], NDArray[np.float64]],
    batch_size: Any,
    changes: list[tuple[_Bracket, float]],
) -> NDArray[np.float64]:
    moved = [(bracket.feature, int(value) if bracket.whole else value) for bracket, value in changes]
    parts = asked(moved, bound.variants, predictor, batch_size=batch_size, auto=_ROWS)
    return np.concatenate([select(outputs) for outputs in parts])


def _brackets(curve: Curve, value: float, turned: NDArray[np.bool_], whole: bool) -> list[_Bracket]:
    """The nearest border on either side of the present value."""
    x, feature = curve.x, int(curve.feature or 0)
    width = float(x[-1] - x[0])
    found = []
    for way in (-1, 1):
        there = np.flatnonzero(turned & ((x - value) * way > 0))
        if not len(there):
            continue
        first = int(there[0] if way > 0 else there[-1])
        before = first - way
        same = float(x[before]) if 0 <= before < len(x) and (x[before] - value) * way > 0 else value
        found.append(_Bracket(feature, value, same, float(x[first]), whole, width))
    return found
