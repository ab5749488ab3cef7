"""Sensitivity of a model that has no gradients: one column of the row is moved at a time, and the model is asked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from jupyter_xai.evaluation.calls import Block, Calls
from jupyter_xai.explanation import Explanation, State
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
    changes : sequence of (int, value)
        Column and value of each copy.
    batch_size : int or "auto"
    live : bool
    """

    def __init__(
        self,
        predictor: Predictor,
        bound: Any,
        changes: Sequence[tuple[int, Any]],
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
        self._moves = [Move(*each) for each in bound.moves(float(kernel.step))]
        changes = [(move.column, value) for move in self._moves for value in move.values]
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
        if not steep and len(answers) == self.n:
            said.append(STAIRCASE.format(step=f"{kernel.step:.3g}"))
        if status == "stopped" and len(answers) < self.n:
            said.append(EARLY)
        predictor = evaluation.predictor
        return Explanation(
            values=values,
            features=layout,
            output_names=self._targets.names,
            predictions=answers[0],
            targets=self._targets.explained,
            additive=False,
            output_unit=predictor.output_space,
            value_unit=UNITS[self._scale],
            method=kernel.method,
            params={"scale": self._scale, "step": kernel.step},
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
