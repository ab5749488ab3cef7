"""Areas under removal curves, beside those of random orders: does the model need what an explanation ranks first?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from jupyter_xai.errors import InputError
from jupyter_xai.explanation import Curve, Explanation
from jupyter_xai.maskers._random import check_seed, generator
from jupyter_xai.metrics._measure import Measure, student
from jupyter_xai.metrics._shared import CONSTANT
from jupyter_xai.metrics.subject import Subject, broken
from jupyter_xai.responses.removal import BAND, MOST_POINTS, area, order_of, points

RISE = (
    'Petsiuk, Das & Saenko, "RISE: Randomized Input Sampling for Explanation of Black-box Models" (BMVC 2018), '
    "section 4.1"
)


@dataclass(frozen=True, eq=False)
class Removal:
    """What comes of removing features in the order of an explanation, and of putting them back.

    Parameters
    ----------
    deletion, insertion : Measure
        Areas under the curves, as mean heights.
    deletion_gain, insertion_gain : Measure
        How much better than the mean of random orders, with its interval: lower for deletion, higher for insertion.
    curves : tuple of Curve
        "removal" and "insertion" for each output's order, and "random_removal" with its band.
    """

    deletion: Measure
    insertion: Measure
    deletion_gain: Measure
    insertion_gain: Measure
    curves: tuple[Curve, ...]


def removal(
    explanation: Explanation,
    subject: Subject,
    *,
    n_orders: int = 20,
    space: Literal["auto", "probability"] = "auto",
    most_points: int = MOST_POINTS,
    random_state: int | None = 0,
) -> Removal:
    """Remove the masker's features, those that an explanation ranks first before the others, and ask the model.

    Parameters
    ----------
    explanation : Explanation
        Of these features, or of finer or coarser ones of the same instance.
    subject : Subject
        A removed feature is what its masker calls absent.
    n_orders : int, default=20
        Random orders beside it.
    space : {"auto", "probability"}
        Auto: that of the explanation. RISE takes the probability, which saturates.
    most_points : int, default=24
        Points of a curve, denser at the first features.
    random_state : int or None, default=0

    Returns
    -------
    Removal
        With areas as mean heights of the curve from nothing removed to everything.

    Raises
    ------
    InputError
        If the explanation does not fit, or probabilities are asked of a model that gives none.

    Notes
    -----
    Petsiuk, Das & Saenko (2018), section 4.1, over features instead of pixels. Features that no absence can change are
    passed over. The interval of a gain is that of the mean over random orders; how many random orders do better is
    said.

    Examples
    --------
    >>> import jupyter_xai as xai
    >>> model, masker = lambda X: 2 * X[:, :1] + X[:, 1:2], xai.Tabular(np.zeros((1, 2)))
    >>> found = removal(xai.KernelShap(model, masker).explain([1.0, 1.0]), Subject(model, [1.0, 1.0], masker))
    >>> found.deletion.values, found.insertion.values
    (array([1.25]), array([1.75]))
    """
    if isinstance(n_orders, bool) or not hasattr(n_orders, "__index__") or int(n_orders) < 2:
        raise InputError(f"n_orders={n_orders!r} does not work: expected a whole number from 2, such as 20.")
    wrong, notices = broken(explanation)
    importances = np.where(wrong[:, None], 0.0, subject.importances(explanation))
    varying = getattr(subject.bound, "varying", np.ones(subject.n_features, dtype=np.bool_))
    players = np.flatnonzero(varying)
    if not len(players):
        players = np.arange(subject.n_features)
    n = len(players)
    x = points(n, most_points)
    orders = [order_of(row[players]) for row in importances]
    seed = check_seed(random_state)
    drawn = [generator(seed, "removal", i).permutation(n) for i in range(int(n_orders))]
    lines = [(order, x) for order in (*orders, *drawn)] + [(order[::-1], x[-1] - x[::-1]) for order in orders]
    masks = np.ones((len(lines) * len(x), subject.n_features), dtype=np.bool_)
    for i, (order, at) in enumerate(lines):
        rank = np.empty(n, dtype=np.intp)
        rank[order] = np.arange(n)
        masks[i * len(x) : (i + 1) * len(x), players] = rank >= at[:, None]
    distinct, places = np.unique(masks, axis=0, return_inverse=True)
    with subject.counted() as rows:
        answers, _, _ = subject.on_masks(distinct, explanation, space)
        unit = subject.unit(explanation) if space == "auto" else "probability"
        asked = rows()
    heights = answers[places.reshape(len(lines), len(x))]  # lines, points, outputs
    return _found(
        explanation, x, heights, wrong, notices, unit, len(distinct), asked, importances[:, players]
    )


def _found(
    explanation: Explanation,
    x: NDArray[np.intp],
    heights: NDArray[np.float64],
    wrong: NDArray[np.bool_],
    notices: tuple[str, ...],
    unit: str,
    n_masks: int,
    asked: int,
    importances: NDArray[np.float64],
) -> Removal:
    outputs = len(wrong)
    own, random, back = heights[:outputs], heights[outputs:-outputs], heights[-outputs:]
    at = x.astype(np.float64)
    missing = at[-1] - at[::-1]
    kinds: list[tuple[Any, NDArray[np.float64], NDArray[np.float64]]] = [
        ("removal", at, own),
        ("insertion", missing, back),
    ]
    curves = [
        Curve(kind=kind, feature=None, order=i, x=where, y=line.T)
        for kind, where, lines in kinds
        for i, line in enumerate(lines)
        if not wrong[i]
    ]
    curves.append(
        Curve(
            kind="random_removal",
            feature=None,
            x=at,
            y=random.mean(axis=0).T,
            band=np.moveaxis(np.quantile(random, BAND, axis=0), 2, 1),
        )
    )

    def areas(lines: NDArray[np.float64], where: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.stack([area(Curve(kind="removal", feature=None, x=where, y=line.T)) for line in lines])

    chance = areas(random, at)  # orders, outputs
    pick = np.arange(outputs)
    deletion, insertion = areas(own, at)[pick, pick], areas(back, missing)[pick, pick]
    flat = np.ptp(heights, axis=(0, 1)) <= 1e-9 * np.maximum(1.0, np.abs(heights).max(axis=(0, 1)))
    nothing = wrong | flat
    if flat.any():
        notices = (*notices, CONSTANT)
    if np.isin(np.ptp(importances, axis=1), 0.0).any() and importances.shape[1] > 1 and not wrong.all():
        notices = (
            *notices,
            "All features have the same value, so the order in which they are removed is that of the features alone.",
        )
    if importances.shape[1] == 1:
        notices = (*notices, "There is one feature only, so there is one order only.")
    half = student(len(chance) - 1) * chance.std(axis=0, ddof=1) / np.sqrt(len(chance))
    definition = f"{RISE}, over {importances.shape[1]} features; random orders: {len(chance)}"

    def measure(
        name: str, values: NDArray[np.float64], better: Any, more: tuple[str, ...], halves: Any
    ) -> Measure:
        return Measure(
            name=name,
            values=np.where(nothing, np.nan, values),
            half_widths=None if halves is None else np.where(nothing, np.nan, halves),
            output_names=explanation.output_names,
            unit="" if unit == "raw" else unit,
            better=better,
            definition=definition,
            n_evals=n_masks,
            n_rows=asked,
            notices=(*notices, *more),
            floor=1e-6 * np.ptp(heights, axis=(0, 1)),
        )

    def beaten(values: NDArray[np.float64], sign: float) -> tuple[str, ...]:
        counts = (sign * chance >= sign * values).sum(axis=0)
        return tuple(
            f"{name}: {counts[i]} of {len(chance)} random orders do as well or better."
            for i, name in enumerate(explanation.output_names)
            if not nothing[i]
        )

    return Removal(
        deletion=measure("deletion area", deletion, "lower", (), None),
        insertion=measure("insertion area", insertion, "higher", (), None),
        deletion_gain=measure(
            "deletion against random", chance.mean(axis=0) - deletion, "higher", beaten(deletion, -1.0), half
        ),
        insertion_gain=measure(
            "insertion against random",
            insertion - chance.mean(axis=0),
            "higher",
            beaten(insertion, 1.0),
            half,
        ),
        curves=tuple(curves),
    )
