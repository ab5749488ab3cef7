"""LIME: a weighted linear stand-in for the model near one instance."""

from __future__ import annotations

import math
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from jupyter_xai.evaluation import Block, Evaluation, MaskEvaluation, Pool
from jupyter_xai.explanation import Z95, Explanation, Fidelity, State
from jupyter_xai.kernels._intervals import MIN_BLOCKS
from jupyter_xai.kernels._solvers import RidgeFit, WeightedRidge
from jupyter_xai.kernels._stream import Estimator, SampledKernel, masker_params
from jupyter_xai.maskers.neighbourhoods import neighbourhood_of
from jupyter_xai.models.targets import Targets, resolve_targets
from jupyter_xai.params import ChoiceParam, FloatParam, IntParam, ParamSpec
from jupyter_xai.protocols import Masker, Neighbourhood, Opening, Predictor, Sampler, Target


def locality(distances: NDArray[np.float64], kernel_width: float) -> NDArray[np.float64]:
    """LIME's locality weights, ``sqrt(exp(-d^2 / width^2))``.

    Source: lime 0.2 (the paper has no square root).

    Examples
    --------
    >>> locality(np.array([0.0, 1.0]), 1.0).round(4)
    array([1.    , 0.6065])
    """
    return np.asarray(np.exp(-(distances**2) / (2.0 * kernel_width**2)))


def penalty(n: int, around: Neighbourhood) -> float:
    """LIME's ridge penalty after n draws: its 1 at the default number of draws, in proportion for other numbers.

    A penalty of 1 at any number shrinks weights the more the fewer draws there are. Below four draws a feature it
    is held up, so that the first estimates do not swing.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> around = SimpleNamespace(n_features=10, n_samples=1000)
    >>> [penalty(n, around) for n in (10, 100, 1000)]
    [1.0, 0.2, 1.0]
    """
    return max(n / around.n_samples, min(1.0, 2.0 * around.n_features / n))


class Lime(SampledKernel):
    """Local interpretable model-agnostic explanations, with lime 0.2's semantics and standard errors.

    The model is asked about draws around the instance; a ridge regression on which parts of the instance each
    draw kept, weighted by closeness, gives one weight a feature. All features are used, and all outputs are
    fitted on one set of model calls.

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
    Ribeiro, Singh & Guestrin, "Why Should I Trust You?" (KDD 2016), as implemented in lime 0.2 with
    ``feature_selection="none"``. Weights are not additive; they depend on the width and on what replaces a
    feature.

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
        self.sampler = sampler
        self.tolerance = tolerance
        self.random_state = random_state
        self.batch_size = batch_size

    def _begin(
        self, x: Any, targets: Target | None, predictor: Predictor, pool: Pool | None, *, live: bool
    ) -> tuple[Evaluation | MaskEvaluation, Estimator, int, float]:
        chosen = self._chosen()
        around = neighbourhood_of(self.masker, x, predictor, self.random_state, chosen["sampler"])
        chosen["n_samples"] = around.n_samples if chosen["n_samples"] == "auto" else chosen["n_samples"]
        chosen["kernel_width"] = (
            around.kernel_width if chosen["kernel_width"] == "auto" else chosen["kernel_width"]
        )
        evaluation = Evaluation(
            predictor, around, kind=self.masker.kind, batch_size=self.batch_size, live=live, pool=pool
        )
        surrogate = _Surrogate(self, targets, around, evaluation, chosen)
        return evaluation, surrogate, chosen["n_samples"], chosen["tolerance"]


class _Surrogate:
    """The regression of one run, and the explanations made of it."""

    def __init__(
        self,
        kernel: Lime,
        targets: Target | None,
        around: Neighbourhood,
        evaluation: Evaluation,
        params: dict[str, Any],
    ) -> None:
        self._kernel = kernel
        self._asked = targets
        self._around = around
        self._evaluation = evaluation
        self._params = params
        self._ridge = WeightedRidge(around.n_features)
        self._targets: Targets | None = None
        self._all = np.empty(0)
        self._instance: NDArray[Any] = np.empty(0)
        self._fitted: tuple[int, RidgeFit] | None = None

    def add(self, block: Block) -> None:
        """Take in one block; the first one settles the targets."""
        if self._targets is None:
            predictor = self._evaluation.predictor
            self._all = block.outputs[0].copy()
            self._instance = block.features[0].astype(np.float64)
            self._targets = resolve_targets(self._asked, predictor, block.outputs[:1], self._kernel.n_targets)
        weights = locality(block.distances, self._params["kernel_width"])
        self._ridge.add(block.features, weights, self._targets.select(block.outputs), block.blocks)

    def _fit(self) -> RidgeFit:
        if self._fitted is None or self._fitted[0] != self._ridge.n:
            self._fitted = (self._ridge.n, self._ridge.fit(self._penalty()))
        return self._fitted[1]

    def _penalty(self) -> float:
        alpha = self._params["alpha"]
        return penalty(self._ridge.n, self._around) if alpha == "auto" else float(alpha)

    def _ratio(self) -> float:
        """Widest half-width over range of values, of the worst target."""
        fit = self._fit()
        half = Z95 * fit.std_errors.max(axis=1)
        span = fit.coefs.max(axis=1) - fit.coefs.min(axis=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            return float(np.where(half == 0, 0.0, half / span).max())

    def opening(self) -> Opening:
        """The instance and its prediction."""
        assert self._targets is not None
        return Opening(
            features=self._around.layout,
            targets=self._targets.indices,
            output_names=self._targets.names,
            all_output_names=self._evaluation.predictor.output_names,
            all_predictions=self._all,
        )

    def settled(self) -> bool:
        """Whether the widest interval of every target is within the tolerance, over enough blocks."""
        return self._ridge.n_blocks() >= MIN_BLOCKS and self._ratio() <= float(self._params["tolerance"])

    def _forecast(self, status: State) -> int:
        n, most, tolerance = self._ridge.n, int(self._params["n_samples"]), self._params["tolerance"]
        if status == "settled":
            return n
        ratio = self._ratio() if tolerance > 0 else math.inf
        return (
            most if not math.isfinite(ratio) else min(most, max(n, math.ceil(n * (ratio / tolerance) ** 2)))
        )

    def estimate(self, status: State) -> Explanation:
        """The whole explanation from what was taken in."""
        assert self._targets is not None
        fit = self._fit()
        predictor = self._evaluation.predictor
        evaluation = self._evaluation
        return Explanation(
            values=fit.coefs,
            features=self._around.layout,
            output_names=self._targets.names,
            predictions=self._targets.select(self._all[None])[0],
            targets=self._targets.explained,
            std_errors=fit.std_errors,
            base_values=fit.intercepts,
            additive=False,
            fidelity=Fidelity(fit.r2, fit.intercepts + fit.coefs @ self._instance),
            output_unit=predictor.output_space,
            value_unit=predictor.output_space,
            method=self._kernel.method,
            params={**self._params, "alpha": self._penalty(), **masker_params(self._kernel.masker)},
            random_state=self._kernel.random_state,
            n_evals=self._ridge.n,
            n_rows=evaluation.n_rows,
            forecast_evals=self._forecast(status),
            all_output_names=predictor.output_names,
            all_predictions=self._all,
            status=status,
            notices=(*getattr(predictor, "notices", ()), *self._around.notices, *evaluation.notices),
        )
