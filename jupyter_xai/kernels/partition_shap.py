"""Owen values: Shapley values in which the features of a group come together."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from jupyter_xai.evaluation import Evaluation, MaskEvaluation, Pool
from jupyter_xai.explanation import State
from jupyter_xai.kernels._games import LINK, Game, players_of
from jupyter_xai.kernels._hierarchy import Node, automatic, balanced, coalitions_of, read, root_of
from jupyter_xai.kernels._shapley import ShapleyFit
from jupyter_xai.kernels._splits import Splits
from jupyter_xai.kernels._stream import Estimator, SampledKernel
from jupyter_xai.params import ChoiceParam, IntParam, ParamSpec
from jupyter_xai.protocols import BoundMasker, Masker, Predictor, Target


class PartitionShap(SampledKernel):
    """Owen values over a hierarchy of features: from coarse to fine, without a rest.

    As Shapley values, but features of one group become known one after another, in every group of the hierarchy. So the
    model is asked about whole phrases, regions or sets of columns that belong together, with and without each other,
    and needs far fewer coalitions. Values add up to the prediction minus the expected answer with nothing known.

    Parameters
    ----------
    model : Predictor, scikit-learn estimator, torch.nn.Module or function
    masker : Masker
        ``Tabular`` (absent features come from background rows), ``Text`` (they are deleted) or ``Image`` (filled).
    n_samples : int or "auto", default="auto"
        Most coalitions, besides none and all. Auto: 2 x features + 2048, or all that exact values need, if they are
        fewer (a balanced hierarchy of M features needs about 2/3 M^2).
    hierarchy : {"auto", "balanced"}, nested tuples of features or linkage matrix, default="auto"
        Auto: pieces of an image by neighbourhood and colour, a text by its sentences and phrases, columns by their
        correlation in the background. Balanced: halves of halves in the features' order. Nested tuples hold features by
        name or number, ``(("age", "job"), ("debt", "income"))``, at most eight parts a group. A linkage matrix is what
        ``scipy.cluster.hierarchy.linkage`` makes of all features.
    link : {"identity", "logit"}, default="identity"
        Space in which values add up; applied to the expected answers.
    random_state : int or None, default=0
        Nothing is drawn.
    batch_size : int or "auto", default="auto"
        Most rows a model call; a coalition over a table takes one row for each background row.

    Notes
    -----
    Owen, "Values of games with a priori unions" (1977). Where the budget does not split every group in every context,
    the groups of the largest effect are split first, as in ``shap.PartitionExplainer``; what the others are worth is
    shared out equally among their features. A notice says so, and such features have an unknown (infinite) standard
    error: nothing is drawn, so nothing tells how far they are off.

    Examples
    --------
    >>> from jupyter_xai.maskers.text import Text
    >>> def positive(texts):
    ...     return [0.5 + 0.4 * ("good" in text) - 0.3 * ("dull" in text) for text in texts]
    >>> e = PartitionShap(positive, Text()).explain("good but dull")
    >>> dict(zip(e.feature_names, e.values[0].round(3).tolist()))
    {'good': 0.4, 'but': ..., 'dull': -0.3}
    """

    method: ClassVar[str] = "partition_shap"
    params: ClassVar[tuple[ParamSpec, ...]] = (
        IntParam(
            name="n_samples",
            default="auto",
            label="coalitions",
            doc="More coalitions split more groups, and take longer.",
            min=2,
            max=10_000_000,
            scale="log",
            auto=True,
        ),
        ChoiceParam(
            name="hierarchy",
            default="auto",
            label="hierarchy",
            doc="Which features belong together, from small groups to large ones.",
            cost="rebuild",
            choices=("auto", "balanced"),
            free=True,
        ),
        LINK,
    )

    def __init__(
        self,
        model: Any,
        masker: Masker,
        *,
        n_samples: int | Literal["auto"] = "auto",
        hierarchy: Any = "auto",
        link: Literal["identity", "logit"] = "identity",
        random_state: int | None = 0,
        batch_size: int | Literal["auto"] = "auto",
    ) -> None:
        self.model = model
        self.masker = masker
        self.n_samples = n_samples
        self.hierarchy = hierarchy
        self.link = link
        self.random_state = random_state
        self.batch_size = batch_size

    def _begin(
        self, x: Any, targets: Target | None, predictor: Predictor, pool: Pool | None, *, live: bool
    ) -> tuple[Evaluation | MaskEvaluation, Estimator, int, float]:
        chosen = self._chosen()
        bound = self.masker.bind(x, predictor)
        players = players_of(bound)
        root = _root(chosen["hierarchy"], bound, players)
        everything = coalitions_of(root)
        asked = 2 * len(players) + 2048 if chosen["n_samples"] == "auto" else chosen["n_samples"]
        n = min(asked, everything)
        chosen["n_samples"] = n if chosen["n_samples"] == "auto" else chosen["n_samples"]
        splits = Splits(root)
        evaluation = MaskEvaluation(
            predictor,
            bound,
            splits,
            players,
            kind=self.masker.kind,
            batch_size=self.batch_size,
            live=live,
            pool=pool,
        )
        game = _SplitGame(self, targets, bound, players, evaluation, chosen, n, exact=n == everything)
        game.splits, game.everything = splits, everything
        return evaluation, game, n, 0.0 if n == everything else 1.0


def _root(hierarchy: Any, bound: BoundMasker, players: NDArray[np.intp]) -> Node:
    n = bound.n_features
    if len(players) < 2:
        return Node(np.ones(len(players), dtype=np.bool_), ())
    if isinstance(hierarchy, str):
        tree = balanced(n) if hierarchy == "balanced" else automatic(bound)
    else:
        tree = read(hierarchy, bound.layout.feature_names, n)
    return root_of(tree, players)


class _SplitGame(Game):
    """What the groups that were split, and those that were not, say of the players."""

    splits: Splits
    everything = 0

    def _take(self, masks: NDArray[np.bool_], answers: NDArray[np.float64]) -> None:  # noqa: ARG002 - known by place
        if not self.splits.known() and self._empty is not None:
            self.splits.begin(self._empty, self._full)
        if len(answers):
            self.splits.tell(answers)

    def _solve(self, *, rough: bool) -> ShapleyFit:  # noqa: ARG002 - there is nothing to solve
        values, known, _ = self.splits.values()
        if known.all():
            return ShapleyFit(values, None)
        return ShapleyFit(values, np.broadcast_to(np.where(known, 0.0, np.inf), values.shape))

    def settled(self) -> bool:
        """Whether every group was split in every context."""
        return self._exact and self._n == self._most

    def _forecast(self, status: State, fit: ShapleyFit) -> int:  # noqa: ARG002 - as for the other games
        return self._most

    def _said(self) -> tuple[str, ...]:
        """Which part of the values is no more than an equal share."""
        if self._empty is None or self._n < self._most or self._exact:
            return ()
        _, known, share = self.splits.values()
        enough = f"{self.everything:,}" if self.everything <= 10_000_000 else "more than 10 million"
        part = f"{100 * share:.0f} %" if share >= 0.01 else "less than 1 %"
        said = (
            f"{self._n:,} coalitions did not split every group in every context: {part} of what was added up "
            f"is shared out equally within groups, and {np.count_nonzero(~known)} of {len(known)} features have a "
            f"part in it. Exact values need {enough} coalitions: pass n_samples=, or fewer features."
        )
        return (said,)
