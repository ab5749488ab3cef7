"""NormLIME: local weights by their share of their explanation, averaged over the explanations that use a feature."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from jupyter_xai.dataset._clusters import LEARNT_ON, Clusters, colours, described, layer_map
from jupyter_xai.dataset._local import ExplainerKernel
from jupyter_xai.dataset._means import MeanReduction, Terms, chance_of
from jupyter_xai.dataset._readings import Reading
from jupyter_xai.dataset._rows import Chunk, listed
from jupyter_xai.dataset.global_shap import SAMPLED
from jupyter_xai.errors import InputError
from jupyter_xai.explanation import GlobalExplanation, Pixels, State
from jupyter_xai.models.wrap import wrap
from jupyter_xai.params import IntParam, ParamSpec, TextParam
from jupyter_xai.protocols import Target


class NormalisedMean(MeanReduction):
    """The reduction of :class:`NormLime`: mean of w² / ||w||₁ over the explanations with w ≠ 0.

    Pictures whose pieces are joined by what they look like wait until there are enough of them to learn kinds from.

    Parameters
    ----------
    random_state, max_features, max_sampled
        As in ``MeanReduction``.
    n_clusters : int
        Kinds of pieces.
    """

    def __init__(
        self,
        random_state: int | None = 0,
        max_features: int = 20_000,
        max_sampled: int = 200,
        n_clusters: int = 20,
    ) -> None:
        super().__init__(random_state, max_features, max_sampled)
        self.n_clusters = n_clusters
        self.clusters: Clusters | None = None
        self.waiting: list[Reading] = []

    def update(self, readings: Iterable[Reading]) -> None:
        """Take in explanations.

        Parameters
        ----------
        readings : iterable of Reading
        """
        for read in readings:
            if read.pieces is None:
                super().update([read])
            elif self.clusters is not None:
                self._take(self.clusters.apply(read))
            else:
                self.waiting.append(read)
                self.n_rows += 1
                if len(self.waiting) >= LEARNT_ON:
                    self._learn()

    def _take(self, read: Reading, *, counted: bool = False) -> None:
        super().update([read])
        self.n_rows -= counted

    def _learn(self) -> None:
        """Learn kinds of pieces from the pictures that wait, and take these in."""
        self.clusters = Clusters(self.waiting, self.n_clusters, self.random_state)
        waiting, self.waiting = self.waiting, []
        self.unit, self.value_unit = waiting[0].unit, waiting[0].value_unit
        for read in waiting:
            self._take(self.clusters.apply(read), counted=True)

    def merge(self, other: MeanReduction) -> None:
        """Take in another reduction, of later rows.

        Parameters
        ----------
        other : NormalisedMean
            Left as it is.

        Raises
        ------
        InputError
            If both have learnt kinds of pieces already, which are not the same.
        """
        theirs = getattr(other, "clusters", None)
        if theirs is not None and self.n_rows:
            raise InputError(
                "Two reductions have each learnt their own kinds of pieces: kinds are learnt on the first "
                f"{LEARNT_ON} pictures. Merge smaller parts, the first ones first."
            )
        waiting = list(getattr(other, "waiting", ()))
        if waiting:
            self.update(waiting)
            return
        self.clusters = theirs if theirs is not None else self.clusters
        super().merge(other)

    def estimate(self, status: State = "settled") -> GlobalExplanation:
        """The whole estimate; kinds of pieces that are not fixed yet are learnt from the pictures so far."""
        if not self.waiting:
            return super().estimate(status)
        twin = NormalisedMean(self.random_state, self.max_features, self.max_sampled, self.n_clusters)
        twin.waiting, twin.n_rows = list(self.waiting), self.n_rows
        twin._learn()
        return twin.estimate(status)

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
    join : "position", "colour", layer name or callable, default="position"
        What a picture's pieces are joined by: each pixel's position, for pictures that are aligned (digits); or kinds
        of pieces, clusters of their colours and texture, of what a layer of the network answers there
        (``"features.3"``), or of ``join(picture) -> (h, w, d)`` for a picture (height, width, 3), uint8.
    n_clusters : int, default=20
        Kinds of pieces, learnt on the first 500 pictures and then fixed.
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
    params: ClassVar[tuple[ParamSpec, ...]] = (
        TextParam(
            name="join",
            default="position",
            label="pieces",
            doc="Whether pieces of pictures are joined by position, by colour, or by what a layer makes of them.",
            choices=("position", "colour"),
            free=True,
        ),
        IntParam(
            name="n_clusters",
            default=20,
            label="kinds",
            doc="Kinds of pieces that are told apart.",
            min=1,
            max=10_000,
        ),
        SAMPLED,
    )

    def __init__(
        self,
        explainer: Any,
        *,
        join: Any = "position",
        n_clusters: int = 20,
        max_sampled: int = 200,
        random_state: int | None = 0,
    ) -> None:
        self.explainer = explainer
        self.join = join
        self.n_clusters = n_clusters
        self.max_sampled = max_sampled
        self.random_state = random_state

    def reduction(self) -> NormalisedMean:
        """An empty reduction: ``update`` with readings, ``merge``, ``estimate``."""
        return NormalisedMean(self.random_state, self.max_features, self.max_sampled, self.n_clusters)

    def measure(self, chunk: Chunk, targets: Target | None) -> list[Reading]:
        """Explain each row, and say what the pieces of pictures look like where they are joined by that.

        Parameters
        ----------
        chunk : Chunk
        targets : optional
        """
        if isinstance(self.join, str) and self.join == "position":
            return super().measure(chunk, targets)
        rows = list(listed(chunk.rows))
        explained = self._explained(rows, targets)
        found = []
        for i, (x, each) in enumerate(zip(rows, explained, strict=True)):
            layout = each.features
            if not isinstance(layout, Pixels) or layout.labels is None:
                raise InputError(
                    f"join={self.join!r} joins pieces of pictures, but what was explained has none. Leave it out, or "
                    "explain pictures by pieces, as xai.Lime(net, xai.Image()) does."
                )
            read = self._reading(each, chunk.start + i)
            found.append(described(read, each, self._map(x, layout), repr(self.join)))
        return found

    def _map(self, x: Any, layout: Pixels) -> NDArray[np.float64]:
        if callable(self.join):
            return np.asarray(self.join(layout.image))
        if self.join == "colour":
            return colours(layout.image)
        predictor: Any = wrap(self.explainer.model, kind="image")
        if not hasattr(predictor, "snapshot"):
            raise InputError(
                f"join={self.join!r} is a layer's name, but the model is a {predictor.model_name} and not a torch "
                'network. Pass "position", "colour" or a function of a picture.'
            )
        batch = self.explainer.masker.bind(x, predictor).instance()
        return layer_map(predictor.snapshot().module, self.join, batch)
