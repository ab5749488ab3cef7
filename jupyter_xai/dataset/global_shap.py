"""Mean magnitude of attributions over rows: what a model looks at in general."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from jupyter_xai.dataset._local import ExplainerKernel
from jupyter_xai.dataset._means import MeanReduction, Terms, chance_of
from jupyter_xai.dataset._readings import Reading
from jupyter_xai.params import IntParam, ParamSpec

SAMPLED = IntParam(
    name="max_sampled",
    default=200,
    label="rows drawn",
    doc="More rows are kept for the picture, which takes memory.",
    cost="rebuild",
    min=1,
    max=10_000,
)


class MeanMagnitude(MeanReduction):
    """The reduction of :class:`GlobalShap`: mean of |w| over the rows that have a feature."""

    def terms(self, read: Reading) -> Terms:
        """Magnitudes, attributions, and the magnitude that noise alone has."""
        return Terms(
            np.ones(read.weights.shape, bool), np.abs(read.weights), read.weights, chance_of(read.errors)
        )


class GlobalShap(ExplainerKernel):
    """Mean |attribution| of each feature over rows, with its interval and a sample of rows to draw.

    Parameters
    ----------
    explainer : Explainer
        Any local explainer; KernelSHAP, DeepSHAP and the like make it SHAP's summary.
    max_sampled : int, default=200
        Rows whose attributions are kept for the picture, drawn at random from all.
    random_state : int or None, default=0
        Decides which.

    Notes
    -----
    Lundberg et al., "From local explanations to global understanding with explainable AI for trees" (2020). A
    mean of magnitudes of noisy attributions is too large: ``chance`` is what a feature without any effect would
    show. A word's mean is over the texts that have it, and ``support`` says how many these are.

    Examples
    --------
    >>> import jupyter_xai as xai
    >>> rows = np.random.default_rng(0).normal(size=(40, 3))
    >>> local = xai.KernelShap(lambda X: 2 * X[:, 0] - X[:, 1], xai.Tabular(rows))
    >>> found = GlobalShap(local).explain(rows)
    >>> found.ranking().tolist(), bool(found.values[0, 2] < 1e-12)
    ([0, 1, 2], True)
    """

    method: ClassVar[str] = "global_shap"
    params: ClassVar[tuple[ParamSpec, ...]] = (SAMPLED,)

    def __init__(self, explainer: Any, *, max_sampled: int = 200, random_state: int | None = 0) -> None:
        self.explainer = explainer
        self.max_sampled = max_sampled
        self.random_state = random_state

    def reduction(self) -> MeanMagnitude:
        """An empty reduction: ``update`` with readings, ``merge``, ``estimate``."""
        return MeanMagnitude(self.random_state, self.max_features, self.max_sampled)
