"""NormLIME: local weights by their share of their explanation, averaged over the explanations that use a feature."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from jupyter_xai.dataset._local import ExplainerKernel
from jupyter_xai.dataset._means import MeanReduction, Terms, chance_of
from jupyter_xai.dataset._readings import Reading
from jupyter_xai.dataset.global_shap import SAMPLED
from jupyter_xai.params import ParamSpec


class NormalisedMean(MeanReduction):
    """The reduction of :class:`NormLime`: mean of w² / ||w||₁ over the explanations with w ≠ 0."""

    def terms(self, read: Reading) -> Terms:
        """Weights by their share of their explanation."""
        share = np.abs(read.weights) / np.where(read.norms > 0, read.norms, 1.0)[:, None]
        chance = chance_of(read.errors)
        return Terms(
            read.weights != 0,
            np.abs(read.weights) * share,
            read.weights * share,
            # the mean of a square is its variance, not the square of the mean magnitude
            None
            if chance is None
            else np.pi / 2 * chance**2 / np.where(read.norms > 0, read.norms, 1.0)[:, None],
        )


class NormLime(ExplainerKernel):
    """Importance of each feature, for each class and over all, from many local explanations.

    A local weight counts by its share of its own explanation, and is averaged over the explanations that contain
    the feature: one that is rare but decides where it stands is important, and ``support`` says how rare it is.

    Parameters
    ----------
    explainer : Explainer
        The paper's is LIME; with ``n_features`` its explanations contain a few features each.
    max_sampled : int, default=200
        Rows whose weights are kept for the picture, drawn at random from all.
    random_state : int or None, default=0
        Decides which.

    Notes
    -----
    Ahern, Noack, Guzman-Nateras, Dou, Li & Huan, "NormLIME" (2019): I(i) = mean over x in E(i) of
    |w(x, i)|² / ||w(x)||₁, where E(i) are the explanations with w(x, i) ≠ 0. ``signed`` is the same with the
    weight's sign. Words are features by their letters, columns by their name, pixels by their position: a pixel has
    the weight of its piece. ``overall`` is the mean over the explanations of all outputs.

    Examples
    --------
    >>> from jupyter_xai.explanation import Columns, Explanation
    >>> row = Columns(names=tuple("abc"), values=(0, 0, 0), kinds=("number",) * 3, members=((0,), (1,), (2,)))
    >>> class Given:
    ...     def explain_batch(self, X, targets=None):
    ...         return [
    ...             Explanation(
    ...                 values=np.array([w]), features=row, output_names=("y",), predictions=np.zeros(1)
    ...             )
    ...             for w in X
    ...         ]
    >>> found = NormLime(Given()).explain([[1.0, -1.0, 0.0], [2.0, 0.0, 2.0]])
    >>> found.values, found.support
    (array([[0.75, 0.5 , 1.  ]]), array([[2, 1, 1]]))
    """

    method: ClassVar[str] = "norm_lime"
    params: ClassVar[tuple[ParamSpec, ...]] = (SAMPLED,)

    def __init__(self, explainer: Any, *, max_sampled: int = 200, random_state: int | None = 0) -> None:
        self.explainer = explainer
        self.max_sampled = max_sampled
        self.random_state = random_state

    def reduction(self) -> NormalisedMean:
        """An empty reduction: ``update`` with readings, ``merge``, ``estimate``."""
        return NormalisedMean(self.random_state, self.max_features, self.max_sampled)
