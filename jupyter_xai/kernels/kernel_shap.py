"""KernelSHAP: Shapley values of the model's expected answer, from paired coalitions."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from jupyter_xai.evaluation import Evaluation, MaskEvaluation, Pool
from jupyter_xai.explanation import Explanation, State
from jupyter_xai.kernels._coalitions import SharedCoalitions
from jupyter_xai.kernels._games import COALITIONS, LINK, TOLERANCE, PairedGame, players_of
from jupyter_xai.kernels._gp import MOST_PAIRS, OddProcess
from jupyter_xai.kernels._shapley import GROUPS, ShapleyFit, regress
from jupyter_xai.kernels._stream import Estimator, SampledKernel
from jupyter_xai.params import ChoiceParam, ParamSpec
from jupyter_xai.protocols import Masker, Predictor, Target

_MANY_PLAYERS, _FEW_PAIRS = 24, 3.5
"""With so many players and fewer pairs than this for each, the regression's jackknife is too wide: its intervals hold
the truth of games in the benchmarks in more than 98 %.
"""
_CAUTIOUS = "Intervals are cautious here: they hold the true value more often than in 95 %."
_OPTIMISTIC = (
    "Intervals are optimistic here: a few coalitions surprised far more than the others, and the true value may lie "
    "outside more often than in 5 %."
)


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
        The regression of KernelSHAP, or a Gaussian process over coalitions that learns how much each feature
        matters, which needs fewer of them. Auto and gp: the process for up to 1,500 pairs, then the regression,
        which also makes the estimates on the way.
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
        COALITIONS,
        ChoiceParam(
            name="estimator",
            default="auto",
            label="estimator",
            doc="A regression (wls), or a Gaussian process (gp) that needs fewer coalitions.",
            cost="solve",
            choices=("auto", "wls", "gp"),
        ),
        LINK,
        TOLERANCE,
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
        players = players_of(bound)
        everything = 2 ** len(players) - 2 if len(players) > 1 else 0
        asked = 2 * len(players) + 2048 if chosen["n_samples"] == "auto" else chosen["n_samples"]
        exact = everything <= asked
        n = everything if exact else asked // 2 * 2
        chosen["n_samples"] = n if chosen["n_samples"] == "auto" else chosen["n_samples"]
        coalitions = SharedCoalitions(len(players), self.random_state)
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
        game = _KernelGame(self, targets, bound, players, evaluation, chosen, n, exact=exact)
        return evaluation, game, n, 0.0 if exact else chosen["tolerance"]


class _KernelGame(PairedGame):
    """Values by regression, or by a Gaussian process."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._process = OddProcess(len(self._players))
        self._last = False

    def estimate(self, status: State) -> Explanation:
        """The whole explanation from what was taken in."""
        self._last = status != "running"
        return super().estimate(status)

    def _said(self) -> tuple[str, ...]:
        """Which way intervals err, where they do."""
        complete = self._exact and self._n == self._most
        if not self._last or complete:
            return ()
        if self._rough(asked=False):
            pairs, players = self._n // 2, len(self._players)
            told = players - 1 + GROUPS <= pairs  # else there are no intervals
            few = players >= _MANY_PLAYERS and pairs < _FEW_PAIRS * players
            return (_CAUTIOUS,) if told and few else ()
        if self._process.cautious:
            return (_CAUTIOUS,)
        if self._process.optimistic:
            return (_OPTIMISTIC,)
        return ()

    def _rough(self, *, asked: bool) -> bool:
        """Frames on the way come from the regression, and so does what is too much for the process."""
        return asked or self._params["estimator"] == "wls" or self._n // 2 > MOST_PAIRS

    def _solve(self, *, rough: bool) -> ShapleyFit:
        if not self._n // 2:
            return self._even()
        signs, odd = self._pairs()
        exact = self._exact and self._n == self._most
        if rough or exact:
            return regress(signs, odd, self._totals(), exact=exact)
        return self._process.fit(signs, odd, self._totals())
