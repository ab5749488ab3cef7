"""KernelSHAP: Shapley values of the model's expected answer, from paired coalitions."""

from __future__ import annotations

import math
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from jupyter_xai.errors import InputError
from jupyter_xai.evaluation import Block, Evaluation, MaskEvaluation, Pool
from jupyter_xai.explanation import Z95, Explanation, State
from jupyter_xai.kernels._coalitions import PairedCoalitions
from jupyter_xai.kernels._gp import MOST_PAIRS, OddProcess
from jupyter_xai.kernels._shapley import ShapleyFit, regress
from jupyter_xai.kernels._stream import Estimator, SampledKernel, masker_params
from jupyter_xai.models.targets import Targets, resolve_targets
from jupyter_xai.params import ChoiceParam, FloatParam, IntParam, ParamSpec
from jupyter_xai.protocols import BoundMasker, Masker, Opening, Predictor, Target

_CLIP = 1e-12


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


class KernelShap(SampledKernel):
    """Shapley values: how the prediction is shared out among the features, without a rest.

    A feature's value is its average effect on the model's expected answer, over all orders in which features can
    become known; features that are not known are replaced by the masker. Values add up to the prediction minus the
    expected answer with nothing known. Exact where the number of coalitions allows it, else estimated from pairs
    of coalitions, with intervals.

    Parameters
    ----------
    model : Predictor, scikit-learn estimator, torch.nn.Module or function
    masker : Masker
        ``Tabular`` (absent features come from background rows), ``Text`` (they are deleted) or ``Image`` (filled).
    n_samples : int or "auto", default="auto"
        Most coalitions, besides none and all. Auto: 2 x features + 2048, or all there are if they are fewer.
    estimator : {"auto", "wls", "gp"}, default="auto"
        The regression of KernelSHAP, or a Gaussian process over coalitions, which needs fewer of them. Auto and
        gp: the process for up to 1,500 pairs, then the regression, which also makes the estimates on the way.
    link : {"identity", "logit"}, default="identity"
        Space in which values add up; applied to the expected answers.
    tolerance : float, default=0.01
        Stop when the widest 95 % half-width of every target is at most this share of the range of its values;
        0 always asks for ``n_samples``.
    random_state : int or None, default=0
    batch_size : int or "auto", default="auto"
        Most rows a model call; a coalition over a table takes one row for each background row.

    Notes
    -----
    Lundberg & Lee, "A Unified Approach to Interpreting Model Predictions" (NeurIPS 2017); constrained regression
    as in Covert & Lee (AISTATS 2021); coalitions by leverage, in pairs and without repetition, as in Musco &
    Witter (ICLR 2025). No feature is left out of the solution. Features that equal every background row have
    value 0.

    Examples
    --------
    >>> from jupyter_xai.maskers.text import Text
    >>> def positive(texts):
    ...     return [0.5 + 0.4 * ("good" in text) - 0.3 * ("dull" in text) for text in texts]
    >>> e = KernelShap(positive, Text()).explain("good but dull")
    >>> dict(zip(e.feature_names, e.values[0].round(3).tolist()))
    {'good': 0.4, 'but': ..., 'dull': -0.3}
    >>> e.base_values, e.std_errors is None  # eight coalitions: exact
    (array([0.5]), True)
    """

    method: ClassVar[str] = "kernel_shap"
    params: ClassVar[tuple[ParamSpec, ...]] = (
        IntParam(
            name="n_samples",
            default="auto",
            label="coalitions",
            doc="More coalitions make narrower intervals and take longer.",
            min=2,
            max=10_000_000,
            scale="log",
            auto=True,
        ),
        ChoiceParam(
            name="estimator",
            default="auto",
            label="estimator",
            doc="A regression (wls), or a Gaussian process (gp) that needs fewer coalitions.",
            cost="solve",
            choices=("auto", "wls", "gp"),
        ),
        ChoiceParam(
            name="link",
            default="identity",
            label="link",
            doc="Share out the answer itself, or the log-odds of a probability.",
            cost="solve",
            choices=("identity", "logit"),
        ),
        FloatParam(
            name="tolerance",
            default=0.01,
            label="tolerance",
            doc="Stops when the widest interval is this share of the values' range; 0 asks for all coalitions.",
            min=0.0,
            max=1.0,
        ),
    )

    def __init__(
        self,
        model: Any,
        masker: Masker,
        *,
        n_samples: int | Literal["auto"] = "auto",
        estimator: Literal["auto", "wls", "gp"] = "auto",
        link: Literal["identity", "logit"] = "identity",
        tolerance: float = 0.01,
        random_state: int | None = 0,
        batch_size: int | Literal["auto"] = "auto",
    ) -> None:
        self.model = model
        self.masker = masker
        self.n_samples = n_samples
        self.estimator = estimator
        self.link = link
        self.tolerance = tolerance
        self.random_state = random_state
        self.batch_size = batch_size

    def _begin(
        self, x: Any, targets: Target | None, predictor: Predictor, pool: Pool | None, *, live: bool
    ) -> tuple[Evaluation | MaskEvaluation, Estimator, int, float]:
        chosen = self._chosen()
        bound = self.masker.bind(x, predictor)
        players = np.flatnonzero(getattr(bound, "varying", np.ones(bound.n_features, dtype=np.bool_)))
        everything = 2 ** len(players) - 2 if len(players) > 1 else 0
        asked = 2 * len(players) + 2048 if chosen["n_samples"] == "auto" else chosen["n_samples"]
        exact = everything <= asked
        n = everything if exact else asked // 2 * 2
        chosen["n_samples"] = n if chosen["n_samples"] == "auto" else chosen["n_samples"]
        coalitions = PairedCoalitions(len(players), self.random_state)
        evaluation = MaskEvaluation(
            predictor,
            bound,
            coalitions,
            players,
            kind=self.masker.kind,
            batch_size=self.batch_size,
            live=live,
            pool=pool,
        )
        game = _Game(self, targets, bound, players, evaluation, chosen, n, exact=exact)
        return evaluation, game, n, 0.0 if exact else chosen["tolerance"]


class _Game:
    """The game of one run as far as it was played, and the explanations made of it."""

    def __init__(
        self,
        kernel: KernelShap,
        targets: Target | None,
        bound: BoundMasker,
        players: NDArray[np.intp],
        evaluation: MaskEvaluation,
        params: dict[str, Any],
        most: int,
        *,
        exact: bool,
    ) -> None:
        self._kernel = kernel
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
        self._masks: list[NDArray[np.bool_]] = []
        self._answers: list[NDArray[np.float64]] = []
        self._n = 0
        self._process = OddProcess(len(players))
        self._fitted: dict[bool, tuple[int, ShapleyFit]] = {}
        self._tested: tuple[int, float] | None = None

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
        self._masks.append(masks)
        self._answers.append(answers)
        self._n = block.stop

    def _linked(self, outputs: NDArray[np.float64]) -> NDArray[np.float64]:
        assert self._targets is not None
        values = self._targets.select(outputs)
        return as_logit(values) if self._params["link"] == "logit" else np.array(values)

    def _fit(self, *, rough: bool = False) -> ShapleyFit:
        """Values of the players; ``rough`` ones, for the frames on the way, come from the regression."""
        rough = rough or self._params["estimator"] == "wls" or self._n // 2 > MOST_PAIRS
        if rough not in self._fitted or self._fitted[rough][0] != self._n:
            self._fitted[rough] = (self._n, self._solve(rough=rough))
        return self._fitted[rough][1]

    def _solve(self, *, rough: bool) -> ShapleyFit:
        outputs, n_players = len(self._full), len(self._players)
        if self._empty is None:
            return ShapleyFit(np.zeros((outputs, n_players)), np.full((outputs, n_players), np.inf))
        totals = self._full - self._empty
        if n_players <= 1:
            return ShapleyFit(np.repeat(totals[:, None], n_players, axis=1), None)
        pairs = self._n // 2
        if not pairs:
            split = np.repeat(totals[:, None] / n_players, n_players, axis=1)
            return ShapleyFit(split, np.full(split.shape, np.inf))
        masks = np.concatenate(self._masks)[: 2 * pairs : 2]
        signs = np.where(masks, 1.0, -1.0)
        answers = np.concatenate(self._answers)
        odd = (answers[: 2 * pairs : 2] - answers[1 : 2 * pairs : 2]) / 2.0
        exact = self._exact and self._n == self._most
        if rough or exact:
            return regress(signs, odd, totals, exact=exact)
        return self._process.fit(signs, odd, totals)

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
        return as_logit(self._all) if self._params["link"] == "logit" else self._all

    def _unit(self) -> str:
        return "logit" if self._params["link"] == "logit" else self._evaluation.predictor.output_space

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
            if self._n < n * (ratio / tolerance) ** (2 / 3):
                return False
        self._tested = (self._n, self._ratio(self._fit()))
        return self._tested[1] <= tolerance

    def _forecast(self, status: State, fit: ShapleyFit) -> int:
        tolerance = float(self._params["tolerance"])
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
        return Explanation(
            values=self._spread(fit.values),
            features=self._bound.layout,
            output_names=self._targets.names,
            predictions=self._full,
            targets=self._targets.explained,
            std_errors=None if fit.std_errors is None else self._spread(fit.std_errors),
            base_values=self._full if self._empty is None else self._empty,
            additive=True,
            output_unit=self._unit(),
            value_unit=self._unit(),
            method=self._kernel.method,
            params={**self._params, **masker_params(self._kernel.masker)},
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
            ),
        )
