"""LIME: a weighted linear stand-in for the model near one instance."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, ClassVar, Literal

from jupyter_xai.evaluation import Evaluation, MaskEvaluation, Pool, ask_instances, check_batch_size
from jupyter_xai.explanation import Explanation, ExplanationBatch
from jupyter_xai.kernels._local import LocalModel
from jupyter_xai.kernels._locality import METRICS
from jupyter_xai.kernels._regressors import check_regressor
from jupyter_xai.kernels._selection import Selection
from jupyter_xai.kernels._stream import Estimator, SampledKernel, instances
from jupyter_xai.maskers.neighbourhoods import neighbourhood_of
from jupyter_xai.models.torch import WeightsChanged
from jupyter_xai.params import ChoiceParam, FloatParam, IntParam, ParamSpec
from jupyter_xai.protocols import Masker, Neighbourhood, Predictor, Sampler, Target

_ROWS = 128


class Lime(SampledKernel):
    """Local interpretable model-agnostic explanations, with lime 0.2's semantics and standard errors.

    The model is asked about draws around the instance; a ridge regression on which parts of the instance each
    draw kept, weighted by closeness, gives one weight a feature. All outputs are fitted on one set of model
    calls.

    Parameters
    ----------
    model : Predictor, scikit-learn estimator, torch.nn.Module or function
    masker : Masker
        ``Text``, ``Tabular`` or ``Image``.
    n_samples : int or "auto", default="auto"
        Draws, the instance included. Auto: 5000 for texts and tables, 1000 for images.
    kernel_width : float or "auto", default="auto"
        Width of the locality kernel: small keeps to close draws. Auto: 0.25 on the cosine distance of masks
        (lime's text explainer writes 25, on 100 times that distance), 0.75 sqrt(features) on a table's
        Euclidean distance.
    kernel : "exponential" or callable, default="exponential"
        Weight of a draw by its distance: ``sqrt(exp(-distance^2 / width^2))``, or
        ``kernel(distances, width) -> weights``.
    distance : {"auto", "cosine", "euclidean", "manhattan", "hamming"} or callable, default="auto"
        From a draw's row to the instance's: a name, or ``distance(features, instance) -> (n,)``. Auto: the cosine
        distance of masks, a table's Euclidean distance. Another distance may need another width.
    n_features : int or "auto", default="auto"
        Features that the local model of each output may use; the others have weight 0. Auto: all.
    feature_selection : {"auto", "none", "forward_selection", "highest_weights", "lasso_path"}, default="auto"
        How they are chosen, as lime does. Auto: greedily for up to six, else by weight times value.
    surrogate : {"auto", "ridge", "gp"} or regressor, default="auto"
        How the local model is fitted. Ridge: regression on the draws, as lime does. Gp: the same regression over all
        masks of a text or an image, on what a Gaussian process learns from the draws, with the regression on what that
        leaves; it needs far fewer draws where the model is smooth or few features matter. Auto, with balanced draws:
        the latter for up to 64 features where it leaves less; for a table the regression on the numbers drawn as
        well, which have no part in the model and take their noise with them. All of them estimate the same. Or a
        linear regressor with scikit-learn's ways (``fit`` that takes ``sample_weight``, then ``coef_`` and
        ``intercept_``), which is copied; ``alpha`` is not for that.
    alpha : float or "auto", default="auto"
        Ridge penalty on the weights, not scaled by the number of draws. Auto: lime's 1 at the default number of
        draws, and in proportion for fewer or more, so that what is estimated does not depend on their number;
        with few draws a feature somewhat more.
    sampler : {"balanced", "lime"}, default="balanced"
        How draws are made, from the same measure: balanced over blocks, or each by itself as lime does.
    tolerance : float, default=0.01
        Stop when the widest 95 % half-width of every target is at most this share of the range of its values;
        0 always makes all draws.
    random_state : int or None, default=0
    batch_size : int or "auto", default="auto"
        Most rows a model call.

    Notes
    -----
    Ribeiro, Singh & Guestrin, "Why Should I Trust You?" (KDD 2016), as implemented in lime 0.2. Weights are not
    additive; they depend on the width and on what replaces a feature. Intervals take the choice of features as
    given.

    Examples
    --------
    >>> from jupyter_xai.maskers.text import Text
    >>> def positive(texts):
    ...     return [0.5 + 0.4 * ("good" in text) - 0.3 * ("dull" in text) for text in texts]
    >>> e = Lime(positive, Text(), alpha=0.0, n_samples=200).explain("good but dull")
    >>> dict(zip(e.feature_names, e.values[0].round(3).tolist()))
    {'good': 0.4, 'but': ..., 'dull': -0.3}
    """

    method: ClassVar[str] = "lime"
    draws_around: ClassVar[bool] = True
    params: ClassVar[tuple[ParamSpec, ...]] = (
        IntParam(
            name="n_samples",
            default="auto",
            label="samples",
            doc="More draws make narrower intervals and take longer.",
            min=2,
            max=10_000_000,
            scale="log",
            auto=True,
        ),
        FloatParam(
            name="kernel_width",
            default="auto",
            label="kernel width",
            doc="A smaller width explains a smaller neighbourhood, from fewer draws in effect.",
            cost="solve",
            min=1e-3,
            max=1e6,
            scale="log",
            auto=True,
        ),
        FloatParam(
            name="alpha",
            default="auto",
            label="ridge penalty",
            doc="A larger penalty shrinks all weights towards zero.",
            cost="solve",
            min=0.0,
            max=1e6,
            scale="log",
            auto=True,
        ),
        ChoiceParam(
            name="kernel",
            default="exponential",
            label="kernel",
            doc="How the weight of a draw falls with its distance.",
            cost="solve",
            choices=("exponential",),
            free=True,
        ),
        ChoiceParam(
            name="distance",
            default="auto",
            label="distance",
            doc="How far a draw is from the instance; another distance may need another kernel width.",
            cost="solve",
            choices=METRICS,
            free=True,
        ),
        IntParam(
            name="n_features",
            default="auto",
            label="features kept",
            doc="A small number gives a short explanation that fits less well.",
            cost="solve",
            min=1,
            max=1_000_000,
            scale="log",
            auto=True,
        ),
        ChoiceParam(
            name="feature_selection",
            default="auto",
            label="feature selection",
            doc="How the features that are kept are chosen.",
            cost="solve",
            choices=("auto", "none", "forward_selection", "highest_weights", "lasso_path"),
        ),
        ChoiceParam(
            name="surrogate",
            default="auto",
            label="local model",
            doc="How the local model is fitted to the answers: by what needs the fewest, by regression alone, or by a "
            "Gaussian process.",
            cost="solve",
            choices=("auto", "ridge", "gp"),
            free=True,
        ),
        ChoiceParam(
            name="sampler",
            default="balanced",
            label="sampler",
            doc="Draws balanced over blocks, which need fewer of them, or each by itself as lime makes them.",
            cost="rebuild",
            choices=("balanced", "lime"),
        ),
        FloatParam(
            name="tolerance",
            default=0.01,
            label="tolerance",
            doc="Stops when the widest interval is this share of the weights' range; 0 makes all draws.",
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
        kernel_width: float | Literal["auto"] = "auto",
        alpha: float | Literal["auto"] = "auto",
        kernel: Any = "exponential",
        distance: Any = "auto",
        n_features: int | Literal["auto"] = "auto",
        feature_selection: Selection = "auto",
        surrogate: Any = "auto",
        sampler: Sampler = "balanced",
        tolerance: float = 0.01,
        random_state: int | None = 0,
        batch_size: int | Literal["auto"] = "auto",
    ) -> None:
        self.model = model
        self.masker = masker
        self.n_samples = n_samples
        self.kernel_width = kernel_width
        self.alpha = alpha
        self.kernel = kernel
        self.distance = distance
        self.n_features = n_features
        self.feature_selection = feature_selection
        self.surrogate = surrogate
        self.sampler = sampler
        self.tolerance = tolerance
        self.random_state = random_state
        self.batch_size = batch_size

    @property
    def shares_draws(self) -> bool:
        """Whether the rows of ``explain_batch`` are explained by one and the same draws."""
        return hasattr(self.masker, "table") and not hasattr(
            getattr(self.masker, "background", None), "tocsr"
        )

    def explain_batch(self, X: Iterable[Any], targets: Target | None = None) -> ExplanationBatch:
        """Explain several instances; row i equals ``explain(X[i])``.

        A table's draws are the same for every row, but for the row itself: the model is asked about them once.

        Parameters
        ----------
        X : DataFrame, array or iterable of instances
        targets : optional
            As in ``explain``.
        """
        if not self.shares_draws:
            return super().explain_batch(X, targets)
        return ExplanationBatch(
            [found for some in _some(instances(X)) for found in self._together(some, targets)]
        )

    def _rows_a_call(self) -> int:
        return _ROWS if self.batch_size == "auto" else check_batch_size(self.batch_size)

    def _together(self, some: list[Any], targets: Target | None) -> list[Explanation]:
        """Explain some rows of a table, all of one model."""
        predictor, pool = self._predictor(), Pool()
        sampler = self._chosen()["sampler"]
        try:
            with predictor.run():
                placed = [
                    _Placed(neighbourhood_of(self.masker, x, predictor, self.random_state, sampler))
                    for x in some
                ]
                if len(placed) > 1:
                    ask_instances(predictor, [each.around for each in placed], pool, self._rows_a_call())
                return [
                    last
                    for each in placed
                    for last in self._once(each, targets, predictor, watch=None, pool=pool, gate=None)
                ]
        except WeightsChanged:  # a model that is being trained: each row by weights of its own
            return [self.explain(x, targets) for x in some]

    def _begin(
        self, x: Any, targets: Target | None, predictor: Predictor, pool: Pool | None, *, live: bool
    ) -> tuple[Evaluation | MaskEvaluation, Estimator, int, float]:
        chosen = self._chosen()
        if not isinstance(chosen["surrogate"], str):
            check_regressor(chosen["surrogate"])
        if isinstance(x, _Placed):
            around = x.around
        else:
            around = neighbourhood_of(self.masker, x, predictor, self.random_state, chosen["sampler"])
        for name in ("n_samples", "kernel_width"):
            chosen[name] = getattr(around, name) if chosen[name] == "auto" else chosen[name]
        evaluation = Evaluation(
            predictor, around, kind=self.masker.kind, batch_size=self.batch_size, live=live, pool=pool
        )
        local = LocalModel(self, targets, around, evaluation, chosen)
        return evaluation, local, chosen["n_samples"], chosen["tolerance"]


class _Placed:
    """An instance whose neighbourhood is made already."""

    def __init__(self, around: Neighbourhood) -> None:
        self.around = around


def _some(rows: Iterable[Any]) -> Iterator[list[Any]]:
    """Lists of so many rows that what is kept of each does not add up."""
    waiting = iter(rows)
    while some := list(islice(waiting, _ROWS)):
        yield some
