"""Removal curves: the model's answer as features are removed in the order of an explanation, beside random orders."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jupyter_xai.errors import InputError
from jupyter_xai.evaluation import MaskEvaluation, Pool
from jupyter_xai.explanation import Columns, Curve, CurveKind, Explanation, Pixels, Tokens
from jupyter_xai.maskers._random import check_seed, generator
from jupyter_xai.protocols import BoundMasker, Kind, Predictor
from jupyter_xai.responses._scores import selector

MOST_POINTS = 24
LEAST_MASKS = 160
FEWEST_ORDERS = 4
BAND = (0.05, 0.95)
"""Quantiles of the random orders that the band shows."""
_KINDS: tuple[CurveKind, ...] = ("removal", "random_removal", "insertion")
_COARSER = (MOST_POINTS, 16, 12, 8, 6)
INSTANCE, _EMPTY = -2, -1  # places of the two masks that are always asked


def removal_curves(
    explanation: Explanation,
    bound: BoundMasker,
    predictor: Predictor,
    *,
    batch_size: Any = "auto",
    random_state: int | None = 0,
    n_orders: int = 20,
    most_rows: int | None = None,
    live: bool = True,
    pool: Pool | None = None,
    say: Callable[[str], None] | None = None,
) -> Generator[tuple[Curve, ...]]:
    """Answer as features are removed, those that raise an output most first; the reverse, and random orders beside it.

    Parameters
    ----------
    explanation : Explanation
        Its signed values give each explained output's order (in float32, ties in feature order).
    bound : BoundMasker
        The masker on the same instance: a removed feature is what it calls absent, averaged over its draws.
    predictor : Predictor
    batch_size : int or "auto", default="auto"
        Most rows a call.
    random_state : int or None, default=0
        Of the random orders; order i is the same however many there are.
    n_orders : int, default=20
        Random orders; fewer where the rows do not suffice, but at least 4.
    most_rows : int, optional
        Model rows altogether, two hundred for a mask of a table with as many draws. Default: half of what the
        explanation took, and at least 160 masks. With less than the first output's curve and 4
        random orders need on 6 points, these are computed all the same.
    live : bool, default=True
        Whether somebody watches: "auto" then begins with small batches.
    pool : Pool, optional
        Where answers are looked up and kept.
    say : callable, optional
        Told in a sentence which curves were left out.

    Yields
    ------
    tuple of Curve
        All curves so far, x being the number of features removed: "removal" and "insertion" for each output's
        order, whose row ``order`` gives, with y for all explained outputs; insertion puts the features that raise
        it most back first, so that x is what is still missing. "random_removal" is the mean over the
        random orders, its band their 5 % and 95 % quantiles. At most 24 points, denser at the first features.
        Nothing where the instance's features are not those of the masker (pixel maps), or where the
        explained outputs are not the predictor's (logits inside a network).

    Raises
    ------
    InputError
        If ``n_orders`` is not a whole number from 1.

    Notes
    -----
    Deletion and insertion are those of Petsiuk, Das & Saenko, "RISE: Randomized Input Sampling for Explanation of
    Black-box Models" (2018), over features instead of pixels. No mask is asked for twice; features in which
    the background does not differ from the instance are never removed by themselves.

    Examples
    --------
    >>> import jupyter_xai as xai
    >>> from jupyter_xai.models import wrap
    >>> model = wrap(lambda X: 2 * X[:, 0] - X[:, 1], kind="table")
    >>> masker = xai.Tabular(np.zeros((1, 2)))
    >>> e = xai.KernelShap(model, masker).explain([1.0, 1.0])
    >>> *_, curves = removal_curves(e, masker.bind([1.0, 1.0]), model)
    >>> {curve.kind: curve.y[0].tolist() for curve in curves}
    {'removal': [1.0, -1.0, 0.0], 'random_removal': [1.0, 0.65, 0.0], 'insertion': [1.0, 2.0, 0.0]}
    """
    if isinstance(n_orders, bool) or not hasattr(n_orders, "__index__") or int(n_orders) < 1:
        raise InputError(f"n_orders={n_orders!r} does not work: expected a whole number from 1, such as 20.")
    kind = kind_of(explanation, bound)
    if kind is None:
        return
    players = np.flatnonzero(getattr(bound, "varying", np.ones(bound.n_features, dtype=np.bool_)))
    default = max(explanation.n_rows // 2, LEAST_MASKS * bound.draws)
    budget = max(1, (default if most_rows is None else most_rows) // bound.draws)
    plan = _Plan.within(explanation, players, check_seed(random_state), int(n_orders), budget)
    missed = plan.left_out(explanation)
    if missed and say is not None:
        say(f"Rows did not suffice for {missed}.")
    select = selector(explanation, predictor)
    calls = Asked(predictor, bound, plan, players, kind=kind, batch_size=batch_size, live=live, pool=pool)
    scores = np.empty((len(plan.listed) + 2, len(explanation.targets)))
    done = 0
    for block in calls.blocks(len(plan.listed)):
        if not len(block.outputs):
            continue  # a part of one mask's draws
        scores[block.start + 2 : block.stop + 2] = select(block.outputs)
        if block.start == INSTANCE and not agrees(explanation, scores[0]):
            return
        done = max(done, block.stop)
        curves = plan.curves(scores, done)
        if curves:
            yield curves


class Asked(MaskEvaluation):
    """Masks whose instance the explanation has examined already."""

    def _examine(self, subject: Any, answer: NDArray[np.float64]) -> None:
        pass


def kind_of(explanation: Explanation, bound: Any) -> Kind | None:
    """What the instance is; None if its features are not those that the masker removes."""
    layout = explanation.features
    kinds: dict[type[Any], Kind] = {Columns: "table", Tokens: "text", Pixels: "image"}
    kind = kinds.get(type(layout))
    if kind is None or not explanation.targets or not hasattr(bound, "build"):
        return None
    if isinstance(layout, Tokens) and (layout.text, layout.offsets) != (
        bound.layout.text,
        bound.layout.offsets,
    ):
        return None
    return kind if layout.shape == (bound.n_features,) == bound.layout.shape else None


def agrees(explanation: Explanation, scores: NDArray[np.float64]) -> bool:
    """Whether the predictor's outputs are what was explained."""
    size = 1e-3 * (1 + np.abs(explanation.predictions))
    return bool((np.abs(scores - explanation.predictions) <= size).all())


def points(n: int, most: int) -> NDArray[np.intp]:
    """Numbers of removed features at which the model is asked: 0 to n, denser at the first.

    Examples
    --------
    >>> points(5, 24), points(200, 8)
    (array([0, 1, 2, 3, 4, 5]), array([  0,   1,   4,  14,  50, 100, 150, 200]))
    """
    if n + 1 <= most:
        return np.arange(n + 1)
    half = most // 2
    even = np.rint(np.linspace(0, n, half + 1)[1:])
    fine = np.rint(np.geomspace(1, even[0], most - half)) if even[0] > 1 else np.ones(1)
    return np.unique(np.concatenate([[0], fine, even])).astype(np.intp)[:most]


@dataclass(eq=False)
class _Path:
    """One line of masks: which curve it belongs to, and where each of its points stands in the list."""

    kind: CurveKind
    row: int
    places: NDArray[np.intp]


class _Plan:
    """Which masks are asked for, each once, in which order."""

    def __init__(self, players: NDArray[np.intp], n_features: int, most: int) -> None:
        self.x = points(n_features, most)
        self.listed: list[NDArray[np.bool_]] = []
        self.paths: list[_Path] = []
        self._players = players
        self._known = {
            np.ones(len(players), dtype=np.bool_).tobytes(): INSTANCE,
            np.zeros(len(players), dtype=np.bool_).tobytes(): _EMPTY,
        }

    @classmethod
    def within(
        cls, explanation: Explanation, players: NDArray[np.intp], seed: int, n_orders: int, budget: int
    ) -> _Plan:
        """Decide what so many masks are spent on: every output's removal, insertion, then more random orders."""
        values = np.asarray(explanation.values, dtype=np.float32)
        n = values.shape[1]
        orders = [order_of(each) for each in values]
        drawn = [generator(seed, "removal", i).permutation(n) for i in range(n_orders)]
        fewest = drawn[:FEWEST_ORDERS]
        for most in _COARSER:
            plan = cls(players, n, most)
            plan._add("removal", 0, orders[0])
            for i, order in enumerate(fewest):
                plan._add("random_removal", i, order)
            if len(plan.listed) <= budget:
                break
        for row, order in enumerate(orders[1:], start=1):
            plan._add("removal", row, order, budget)
        for row, order in enumerate(orders):
            plan._add("insertion", row, order, budget)
        for i, order in enumerate(drawn[FEWEST_ORDERS:], start=FEWEST_ORDERS):
            plan._add("random_removal", i, order, budget)
        return plan._in_order()

    def left_out(self, explanation: Explanation) -> str:
        """Which outputs' curves did not fit, in words."""
        names = explanation.output_names
        return " and ".join(
            f"the {kind} curve of {', '.join(missed[:3])}{' ...' * (len(missed) > 3)}"
            for kind in ("removal", "insertion")
            if (
                missed := [
                    name
                    for row, name in enumerate(names)
                    if not any((path.kind, path.row) == (kind, row) for path in self.paths)
                ]
            )
        )

    def at(self, kind: CurveKind) -> NDArray[np.intp]:
        """How many features are removed at each point: insertion is dense where few have been put back."""
        return self.x[-1] - self.x[::-1] if kind == "insertion" else self.x

    def _add(self, kind: CurveKind, row: int, order: NDArray[np.intp], budget: int | None = None) -> None:
        """Add a path's masks to the list, unless that makes it longer than the budget."""
        rank = np.empty(len(order), dtype=np.intp)
        rank[order[::-1] if kind == "insertion" else order] = np.arange(len(order))
        present = rank[self._players] >= self.at(kind)[:, None]
        new: dict[bytes, int] = {}
        for mask in present:
            if mask.tobytes() not in self._known:
                new.setdefault(mask.tobytes(), len(self.listed) + len(new))
        if budget is not None and len(self.listed) + len(new) > budget:
            return
        self._known.update(new)
        self.listed.extend(np.frombuffer(mask, dtype=np.bool_) for mask in new)
        self.paths.append(_Path(kind, row, np.array([self._known[mask.tobytes()] for mask in present])))

    def _in_order(self) -> _Plan:
        """List the masks as they are wanted: removal first, insertion last."""
        self.paths.sort(key=lambda path: (_KINDS.index(path.kind), path.row))
        used = np.concatenate([path.places for path in self.paths])
        old = list(dict.fromkeys(used[used >= 0].tolist()))
        place = np.empty(len(old), dtype=np.intp)
        place[old] = np.arange(len(old))
        self.listed = [self.listed[i] for i in old]
        for path in self.paths:
            path.places = np.where(
                path.places >= 0, place[np.maximum(path.places, 0)] if old else 0, path.places
            )
        return self

    def masks(self, start: int, stop: int) -> NDArray[np.bool_]:
        """Masks start to stop of the players."""
        some = self.listed[start:stop]
        return np.stack(some) if some else np.empty((0, len(self._players)), dtype=np.bool_)

    def curves(self, scores: NDArray[np.float64], done: int) -> tuple[Curve, ...]:
        """Curves whose masks are all among the first ``done``; ``scores`` begin with instance and empty mask."""
        found: list[Curve] = []
        for kind in _KINDS:
            x = self.at(kind).astype(np.float64)
            paths = [path for path in self.paths if path.kind == kind]
            ready = [path for path in paths if path.places.max(initial=-1) < done]
            if kind != "random_removal":
                found += [
                    Curve(kind=kind, feature=None, order=path.row, x=x, y=scores[path.places + 2].T)
                    for path in ready
                ]
            elif len(ready) == len(paths):
                lines = np.stack([scores[path.places + 2].T for path in ready])
                found.append(
                    Curve(
                        kind=kind,
                        feature=None,
                        x=x,
                        y=lines.mean(axis=0),
                        band=np.quantile(lines, BAND, axis=0),
                    )
                )
        return tuple(found)


def area(curve: Curve) -> NDArray[np.float64]:
    """Mean height of a removal curve for each output, shape (outputs,): trapezoids over the removed features.

    Examples
    --------
    >>> area(Curve(kind="removal", feature=None, x=np.array([0.0, 1.0, 3.0]), y=np.array([[1.0, 0.0, 0.0]])))
    array([0.16666667])
    """
    if len(curve.x) < 2:
        return np.asarray(curve.y[:, 0])
    return np.asarray(np.trapezoid(curve.y, curve.x, axis=1) / (curve.x[-1] - curve.x[0]))


def order_of(values: Sequence[float] | NDArray[np.floating]) -> NDArray[np.intp]:
    """Features in the order in which they are removed: those that raise the output most first.

    Examples
    --------
    >>> order_of([0.1, -0.2, 0.3])
    array([2, 0, 1])
    """
    return np.argsort(-np.asarray(values, dtype=np.float32), kind="stable")
