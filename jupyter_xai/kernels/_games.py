"""What the kernels of Shapley's family share: one run's game as far as it was played, and explanations made of it."""

from __future__ import annotations

import math
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from jupyter_xai.errors import InputError
from jupyter_xai.evaluation import Block, MaskEvaluation
from jupyter_xai.explanation import Z95, Explanation, State
from jupyter_xai.kernels._shapley import ShapleyFit
from jupyter_xai.kernels._stream import masker_params, plain
from jupyter_xai.models.targets import Targets, resolve_targets
from jupyter_xai.params import ChoiceParam, FloatParam, IntParam
from jupyter_xai.protocols import BoundMasker, Masker, Opening, Target

_CLIP = 1e-12

COALITIONS = IntParam(
    name="n_samples",
    default="auto",
    label="coalitions",
    doc="More coalitions make narrower intervals and take longer.",
    min=2,
    max=10_000_000,
    scale="log",
    auto=True,
)
LINK = ChoiceParam(
    name="link",
    default="identity",
    label="link",
    doc="Share out the answer itself, or the log-odds of a probability.",
    cost="solve",
    choices=("identity", "logit"),
)
TOLERANCE = FloatParam(
    name="tolerance",
    default=0.01,
    label="tolerance",
    doc="Stops when the widest interval is this share of the values' range; 0 asks for all coalitions.",
    min=0.0,
    max=1.0,
)


def as_logit(probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    """Log-odds; probabilities of 0 and 1 are taken for 1e-12 and 1 - 1e-12.

    Raises
    ------
    InputError
        If they are not probabilities.

    Examples
    --------
    >>> as_logit(np.array([0.5, 0.75])).round(4)
    array([0.    , 1.0986])
    """
    if probabilities.size and not -1e-9 <= probabilities.min() <= probabilities.max() <= 1 + 1e-9:
        raise InputError(
            f"link='logit' needs probabilities, but the model answers from {probabilities.min():.4g} to "
            f"{probabilities.max():.4g}. Pass link='identity', or a model that answers with probabilities."
        )
    clipped = np.clip(probabilities, _CLIP, 1.0 - _CLIP)
    return np.asarray(np.log(clipped) - np.log1p(-clipped))


def players_of(bound: BoundMasker) -> NDArray[np.intp]:
    """Features whose absence changes anything: the others have value 0 and stay out of the game."""
    return np.flatnonzero(getattr(bound, "varying", np.ones(bound.n_features, dtype=np.bool_)))


class Asker(Protocol):
    """What a game needs to know of its kernel."""

    method: str
    masker: Masker
    n_targets: int
    random_state: int | None


class Game:
    """The game of one run as far as it was played, and the explanations made of it.

    A subclass says what the answers tell about the players, in ``_solve``.

    Parameters
    ----------
    kernel : explainer
    targets : Target or None
    bound : BoundMasker
    players : ndarray of shape (players,), int
    evaluation : MaskEvaluation
    params : dict
        Checked hyper-parameters; ``n_samples`` is a number.
    most : int
        Coalitions of a run that is neither settled nor stopped before.
    exact : bool
        Whether these are all that values depend on.
    """

    additive = True

    def __init__(
        self,
        kernel: Any,
        targets: Target | None,
        bound: BoundMasker,
        players: NDArray[np.intp],
        evaluation: MaskEvaluation,
        params: dict[str, Any],
        most: int,
        *,
        exact: bool,
    ) -> None:
        self._kernel: Asker = kernel
        self._asked = targets
        self._bound = bound
        self._players = players
        self._evaluation = evaluation
        self._params = params
        self._most = most
        self._exact = exact
        self._targets: Targets | None = None
        self._all = self._full = np.empty(0)
        self._empty: NDArray[np.float64] | None = None
        self._n = 0
        self._fitted: dict[bool, tuple[int, ShapleyFit]] = {}
        self._tested: tuple[int, float] | None = None

    # --- what a subclass makes of the answers ---------------------------------------------------------------------

    def _take(self, masks: NDArray[np.bool_], answers: NDArray[np.float64]) -> None:
        """Take in coalitions of players, (n, players), and their values, (n, outputs)."""
        raise NotImplementedError

    def _solve(self, *, rough: bool) -> ShapleyFit:
        """Values of at least two players; ``rough`` ones for the frames on the way."""
        raise NotImplementedError

    def _rough(self, *, asked: bool) -> bool:
        """Whether rough values are made, where they are asked for or not."""
        return asked

    def _said(self) -> tuple[str, ...]:
        """What the reader should know of these values."""
        return ()

    # --- what all of them do --------------------------------------------------------------------------------------

    def add(self, block: Block) -> None:
        """Take in one block; the first one is the instance and settles the targets."""
        if self._targets is None:
            predictor = self._evaluation.predictor
            self._all = block.outputs[0].copy()
            self._targets = resolve_targets(self._asked, predictor, block.outputs[:1], self._kernel.n_targets)
            self._full = self._linked(block.outputs)[0]
            return
        if block.stop == block.start:
            return
        answers, masks = self._linked(block.outputs), block.features
        if block.start < 0:
            self._empty, answers, masks = answers[0], answers[1:], masks[1:]
        self._n = block.stop
        self._take(masks, answers)

    def _linked(self, outputs: NDArray[np.float64]) -> NDArray[np.float64]:
        assert self._targets is not None
        values = self._targets.select(outputs)
        return as_logit(values) if self._params.get("link") == "logit" else np.array(values)

    def _fit(self, *, rough: bool = False) -> ShapleyFit:
        rough = self._rough(asked=rough)
        if rough not in self._fitted or self._fitted[rough][0] != self._n:
            self._fitted[rough] = (self._n, self._values(rough=rough))
        return self._fitted[rough][1]

    def _values(self, *, rough: bool) -> ShapleyFit:
        outputs, n_players = len(self._full), len(self._players)
        if self._empty is None:
            return ShapleyFit(np.zeros((outputs, n_players)), np.full((outputs, n_players), np.inf))
        if n_players <= 1:
            return ShapleyFit(np.repeat(self._totals()[:, None], n_players, axis=1), None)
        return self._solve(rough=rough)

    def _totals(self) -> NDArray[np.float64]:
        """What there is to share out, (outputs,)."""
        assert self._empty is not None
        return self._full - self._empty

    def _even(self) -> ShapleyFit:
        """The plain split, of which nothing is known to be true."""
        n_players = len(self._players)
        split = np.repeat(self._totals()[:, None] / n_players, n_players, axis=1)
        return ShapleyFit(split, np.full(split.shape, np.inf))

    def _ratio(self, fit: ShapleyFit) -> float:
        """Widest half-width over range of values, of the worst target."""
        if fit.std_errors is None:
            return 0.0
        values = self._spread(fit.values)
        half, span = Z95 * fit.std_errors.max(axis=1), np.ptp(values, axis=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            return float(np.where(half == 0, 0.0, half / span).max())

    def _spread(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Values of all features: 0 for those that do not play."""
        found = np.zeros((len(values), self._bound.n_features))
        found[:, self._players] = values
        return found

    def _of_all(self) -> NDArray[np.float64]:
        """Every output at the instance, in the space in which values add up."""
        return as_logit(self._all) if self._params.get("link") == "logit" else self._all

    def _unit(self) -> str:
        return "logit" if self._params.get("link") == "logit" else self._evaluation.predictor.output_space

    def opening(self) -> Opening:
        """The instance and its prediction."""
        assert self._targets is not None
        return Opening(
            features=self._bound.layout,
            targets=self._targets.indices,
            output_names=self._targets.names,
            all_output_names=self._evaluation.predictor.output_names,
            all_predictions=self._of_all(),
            output_unit=self._unit(),
        )

    def settled(self) -> bool:
        """Whether the widest interval of every target is within the tolerance.

        Where the last test was far from it the next ones are passed over, so that few systems are solved.
        """
        tolerance = float(self._params["tolerance"])
        if self._tested and tolerance and self._n < self._most:
            n, ratio = self._tested
            if math.isfinite(ratio) and self._n < n * (ratio / tolerance) ** (2 / 3):
                return False
        self._tested = (self._n, self._ratio(self._fit()))
        return self._tested[1] <= tolerance

    def _forecast(self, status: State, fit: ShapleyFit) -> int:
        tolerance = float(self._params.get("tolerance", 0.0))
        if status == "settled":
            return self._n
        n, ratio = self._tested or (self._n, self._ratio(fit))
        if tolerance == 0 or self._exact or not math.isfinite(ratio):
            return self._most
        return min(self._most, max(self._n, math.ceil(n * (ratio / tolerance) ** 2)))

    def estimate(self, status: State) -> Explanation:
        """The whole explanation from what was taken in."""
        assert self._targets is not None
        fit = self._fit(rough=status == "running")
        predictor, evaluation = self._evaluation.predictor, self._evaluation
        nothing = status == "stopped" and self._n == 0 < self._most
        early = ("It was stopped before any coalition was asked: nothing is known of single features yet.",)
        base = self._full if self._empty is None else self._empty
        return Explanation(
            values=self._spread(fit.values),
            features=self._bound.layout,
            output_names=self._targets.names,
            predictions=self._full,
            targets=self._targets.explained,
            std_errors=None if fit.std_errors is None else self._spread(fit.std_errors),
            base_values=base if self.additive else None,
            additive=self.additive,
            output_unit=self._unit(),
            value_unit=self._unit(),
            method=self._kernel.method,
            params={
                **{name: plain(value) for name, value in self._params.items()},
                **masker_params(self._kernel.masker),
            },
            random_state=self._kernel.random_state,
            n_evals=self._n,
            n_rows=evaluation.n_rows,
            forecast_evals=self._forecast(status, fit),
            all_output_names=predictor.output_names,
            all_predictions=self._of_all(),
            status=status,
            notices=(
                *getattr(predictor, "notices", ()),
                *self._bound.notices,
                *evaluation.notices,
                *(early if nothing else ()),
                *self._said(),
            ),
        )


class PairedGame(Game):
    """A game of coalitions that come in pairs, each with its complement, and of which only the odd part matters."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._masks: list[NDArray[np.bool_]] = []
        self._answers: list[NDArray[np.float64]] = []

    def _take(self, masks: NDArray[np.bool_], answers: NDArray[np.float64]) -> None:
        self._masks.append(masks)
        self._answers.append(answers)

    def _pairs(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Whole pairs: z of the first coalition, (pairs, players), and (v(S) - v(not S)) / 2, (pairs, outputs)."""
        pairs = self._n // 2
        masks = np.concatenate(self._masks)[: 2 * pairs : 2]
        answers = np.concatenate(self._answers)
        odd = (answers[: 2 * pairs : 2] - answers[1 : 2 * pairs : 2]) / 2.0
        return np.where(masks, 1.0, -1.0), odd
