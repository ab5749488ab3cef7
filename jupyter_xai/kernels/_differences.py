"""Sensitivity of a model that has no gradients: one column of the row is moved at a time, and the model is asked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from jupyter_xai.evaluation.calls import Block, Calls
from jupyter_xai.explanation import Explanation, State
from jupyter_xai.kernels._features import together
from jupyter_xai.models.targets import Targets, resolve_targets
from jupyter_xai.protocols import Opening, Predictor, Target

Scale = Literal["sd", "none", "elasticity"]

UNITS: dict[Scale, str] = {
    "sd": "per standard deviation",
    "none": "per unit of the input",
    "elasticity": "% per %",
}
"""What a sensitivity is counted in."""

STAIRCASE = (
    "No number moves the answer within {step} of its standard deviation: the model is a staircase there, as forests "
    "and boosted trees are, and its derivative is zero almost everywhere. Pass step=0.5 to look further, or take LIME "
    "or KernelSHAP."
)
EARLY = "It was stopped before every column was moved: those that were not show zero."
EARLY_PAIRS = "Pairs of features are not shown before all of them are known."
CATEGORIES = "A category has no second derivative: its pairs show zero."
FIRST_STEP, SECOND_STEP = 0.001, 0.5
"""Standard deviations that a number is moved by to either side, for first and for second derivatives."""


@dataclass(frozen=True)
class Move:
    """One column of the model's row and the values it is set to.

    Parameters
    ----------
    column : int
    values : tuple
        Below and above for a number, False and True for a truth value, every level for a category.
    weights : tuple of float
        How often each category comes; empty for numbers and truth values.
    spread : float
        Standard deviation of the column in the background; 0 for a category, which has none.
    present : float
        The instance's number; 0 for a category.
    """

    column: int
    values: tuple[Any, ...]
    weights: tuple[float, ...]
    spread: float
    present: float


class Moves(Calls):
    """The model's answers on the row, then on the row with one column moved; as the evaluations of the other kernels.

    Parameters
    ----------
    predictor : Predictor
    bound : object
        A bound masker of a table.
    changes : sequence of mapping from int
        Columns and their values in each copy.
    batch_size : int or "auto"
    live : bool
    """

    def __init__(
        self,
        predictor: Predictor,
        bound: Any,
        changes: Sequence[Mapping[int, Any]],
        *,
        batch_size: int | Literal["auto"],
        live: bool,
    ) -> None:
        super().__init__(predictor, kind="table", batch_size=batch_size, live=live, pool=None)
        self._bound, self._changes = bound, changes

    def blocks(self, n: int, stops: tuple[int, ...] = ()) -> Iterator[Block]:
        """Answers on the instance and on the first n - 1 copies, one block a batch."""
        self._start(lambda _: None, self._bound.instance)
        at = 0
        while at < n:
            stop = 1 if at == 0 else min(at + self._size, n)
            answers = self._halved(lambda a=at, b=stop: self._batch(a, b), stop - at)  # type: ignore[misc]
            if answers is None:
                continue
            nothing = np.empty((stop - at, 0))
            yield Block(at, stop, nothing, nothing[:, :0], answers, None, stop == 1 < n and 1 in stops)
            if at:
                self._size = min(2 * self._size, self._limit)
            at = stop

    def _batch(self, start: int, stop: int) -> Any:
        return self._bound.moved(self._changes[start - 1 : stop - 1]) if start else self._bound.instance()


class Pairs:
    """Second derivatives of a model without gradients: two columns of the row are moved at a time, each to both sides.

    Parameters
    ----------
    bound : object
        A bound masker of a table.
    step : float
        To either side of a number, in standard deviations.

    Attributes
    ----------
    changes : list of dict
        Columns and their values in each copy of the row.
    """

    def __init__(self, bound: Any, step: float) -> None:
        self._layout = bound.layout
        self._moves = [move for move in (Move(*each) for each in bound.moves(step)) if not move.weights]
        self.changes: list[dict[int, Any]] = [
            {move.column: value} for move in self._moves for value in move.values
        ]
        for i, one in enumerate(self._moves):
            for other in self._moves[:i]:
                self.changes += [{one.column: a, other.column: b} for a in one.values for b in other.values]

    def matrix(
        self, here: NDArray[np.float64], answers: NDArray[np.float64], scale: Scale
    ) -> NDArray[np.float64]:
        """Pairs of features (targets, features, features) from the answers on the row and on its copies."""
        columns = 1 + max((int(at) for some in self._layout.members for at in some), default=-1)
        found = np.zeros((len(here), columns, columns))
        ends = [tuple(map(float, move.values)) for move in self._moves]
        for move, (low, high), below, above in zip(
            self._moves, ends, answers[0::2], answers[1::2], strict=False
        ):
            if low < move.present < high:
                bend = (above - here) / (high - move.present) - (here - below) / (move.present - low)
                found[:, move.column, move.column] = 2 * bend / (high - low)
        corners = answers[2 * len(self._moves) :].reshape(-1, 2, 2, len(here))
        twist = corners[:, 1, 1] - corners[:, 1, 0] - corners[:, 0, 1] + corners[:, 0, 0]
        at = 0
        for i, one in enumerate(self._moves):
            for j, other in enumerate(self._moves[:i]):
                value = twist[at] / ((ends[i][1] - ends[i][0]) * (ends[j][1] - ends[j][0]))
                found[:, one.column, other.column] = found[:, other.column, one.column] = value
                at += 1
        unit = np.ones(columns)
        for move in self._moves:
            unit[move.column] = {"sd": move.spread, "none": 1.0, "elasticity": move.present}[scale]
        found *= unit[:, None] * unit
        if scale == "elasticity":
            found /= np.where(here == 0, np.inf, here)[:, None, None]
        return together(found, self._layout.members)


class Differences:
    """The explanation of one run, as far as the model has answered.

    Parameters
    ----------
    kernel : Sensitivity
    bound : object
        A bound masker of a table: ``layout``, ``instance()``, ``moved(changes)``, ``moves(step)``.
    targets : target or None
    scale : {"sd", "none", "elasticity"}
    """

    def __init__(
        self,
        kernel: Any,
        predictor: Predictor,
        bound: Any,
        targets: Target | None,
        scale: Scale,
        *,
        live: bool,
    ) -> None:
        self._kernel, self._bound, self._asked, self._scale = kernel, bound, targets, scale
        self._step = FIRST_STEP if kernel.step == "auto" else float(kernel.step)
        self._moves = [Move(*each) for each in bound.moves(self._step)]
        changes: list[dict[int, Any]] = [
            {move.column: value} for move in self._moves for value in move.values
        ]
        self._first = 1 + len(changes)
        self._pairs = (
            Pairs(bound, SECOND_STEP if kernel.step == "auto" else self._step)
            if kernel.second_order
            else None
        )
        changes += self._pairs.changes if self._pairs else []
        self.n = 1 + len(changes)
        self.evaluation = Moves(predictor, bound, changes, batch_size=kernel.batch_size, live=live)
        self._answers: list[NDArray[np.float64]] = []
        self._targets: Targets | None = None
        self._all = np.empty(0)

    def add(self, block: Block) -> None:
        """Take in one block; the first one is the instance and settles the targets."""
        if self._targets is None:
            predictor = self.evaluation.predictor
            self._all = block.outputs[0].copy()
            self._targets = resolve_targets(self._asked, predictor, block.outputs[:1], self._kernel.n_targets)
        self._answers.append(self._targets.select(block.outputs))

    def settled(self) -> bool:
        """Nothing is drawn: it is done when every column was moved."""
        return True

    def opening(self) -> Opening:
        """The instance and its prediction."""
        assert self._targets is not None
        return Opening(
            features=self._bound.layout,
            targets=self._targets.indices,
            output_names=self._targets.names,
            all_output_names=self.evaluation.predictor.output_names,
            all_predictions=self._all,
        )

    def _by_column(self, answers: NDArray[np.float64]) -> tuple[dict[int, NDArray[np.float64]], bool]:
        """Sensitivity of each moved column, (targets,), and whether any number moved the answer."""
        here, at, found, steep = answers[0], 1, dict[int, NDArray[np.float64]](), False
        numbers = False
        for move in self._moves:
            some = answers[at : at + len(move.values)]
            at += len(move.values)
            if len(some) < len(move.values):
                break
            if move.weights:
                changes = np.asarray(some - here)
                value = np.sqrt(np.asarray(move.weights) @ changes**2)
                unit: Any = 1.0
            else:
                low, high = float(move.values[0]), float(move.values[1])
                value = (some[1] - some[0]) / (high - low)
                unit = move.spread if self._scale == "sd" else 1.0
                numbers = True
                steep = steep or bool(value.any())
            if self._scale == "elasticity":
                unit = (1.0 if move.weights else move.present) / np.where(here == 0, np.inf, here)
                unit = np.abs(unit) if move.weights else unit
            found[move.column] = value * unit
        return found, steep or not numbers

    def estimate(self, status: State) -> Explanation:
        """The whole explanation from what was taken in."""
        assert self._targets is not None
        answers = np.concatenate(self._answers)
        columns, steep = self._by_column(answers)
        layout, evaluation, kernel = self._bound.layout, self.evaluation, self._kernel
        values = np.zeros((answers.shape[1], len(layout.names)))
        for feature, members in enumerate(layout.members):
            some = [columns[at] for at in members if at in columns]
            if some:
                values[:, feature] = (
                    some[0] if len(members) == 1 else np.sqrt(np.sum(np.square(some), axis=0))
                )
        said = list(undefined(answers[0], self._targets.names)) if self._scale == "elasticity" else []
        if not steep and len(answers) >= self._first:
            said.append(STAIRCASE.format(step=f"{self._step:.3g}"))
        if status == "stopped" and len(answers) < self._first:
            said.append(EARLY)
        pairs = None
        if self._pairs is not None:
            known = len(answers) == self.n
            pairs = self._pairs.matrix(answers[0], answers[self._first :], self._scale) if known else None
            said += [EARLY_PAIRS] * (not known) + [CATEGORIES] * any(move.weights for move in self._moves)
        predictor = evaluation.predictor
        return Explanation(
            values=values,
            features=layout,
            output_names=self._targets.names,
            predictions=answers[0],
            targets=self._targets.explained,
            interactions=pairs,
            additive=False,
            output_unit=predictor.output_space,
            value_unit=UNITS[self._scale],
            method=kernel.method,
            params={
                "scale": self._scale,
                "second_order": bool(kernel.second_order),
                "curvature": kernel.curvature,
                "step": kernel.step,
            },
            random_state=kernel.random_state,
            n_evals=len(answers),
            n_rows=evaluation.n_rows,
            forecast_evals=self.n,
            all_output_names=predictor.output_names,
            all_predictions=self._all,
            status=status,
            notices=(
                *getattr(predictor, "notices", ()),
                *self._bound.unmoved(),
                *evaluation.notices,
                *said,
            ),
        )


def undefined(scores: NDArray[np.float64], names: Sequence[str]) -> Iterator[str]:
    """Say of which outputs elasticities are not defined, because they are 0 at the instance.

    Examples
    --------
    >>> [said[:24] for said in undefined(np.array([0.5, 0.0]), ["up", "down"])]
    ['The output down is 0 her']
    """
    for name in np.asarray(names)[scores == 0]:
        yield (
            f"The output {name} is 0 here, so a change of it has no percentage: its elasticities are shown as 0. "
            'Pass scale="none".'
        )
