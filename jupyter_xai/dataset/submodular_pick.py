"""SP-LIME: the few rows whose explanations show together what the model uses."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from jupyter_xai.dataset._greedy import greedy
from jupyter_xai.dataset._index import Index, grown
from jupyter_xai.dataset._local import ExplainerKernel
from jupyter_xai.dataset._means import student
from jupyter_xai.dataset._readings import Naming, Reading
from jupyter_xai.dataset._sample import SampledRows, counts
from jupyter_xai.explanation import GlobalExplanation, Layout, Pick, State
from jupyter_xai.params import ChoiceParam, IntParam, ParamSpec

_BYTES, _BYTES_A_ROW = 12, 32
_SAMPLED = 200


class Explanations:
    """The reduction of :class:`SubmodularPick`: every row's weights, sparse.

    Parameters
    ----------
    budget : int
        Rows to pick.
    most_features : int or None
        Heaviest features of each row that are kept.
    random_state : int or None
    """

    def __init__(self, budget: int, most_features: int | None = None, random_state: int | None = 0) -> None:
        self.budget, self.most_features, self.random_state = budget, most_features, random_state
        self.n_rows = 0
        self.n_evals = 0
        self.outputs, self.features = Index(), Index()
        self.unit = "raw"
        self.rows = np.zeros(0, np.int64)
        self.ends = np.zeros(0, np.int64)
        self.at = np.zeros(0, np.int32)
        self.weights = np.zeros(0)
        self.tops = np.zeros(0, np.int32)
        self.scores = np.zeros(0, np.float32)
        """The model's highest output in each row (a position in ``highest``), and what it says there."""
        self.highest = Index()
        self.decided: Counter[str] = Counter()
        self.layout: Layout | None = None
        self.sampled = SampledRows(random_state, _SAMPLED)
        self.used = 0
        self.sums = np.zeros((3, 0, 0))
        """Over rows: number, sum and sum of squares of |w|: (3, outputs, features)."""

    def update(self, readings: Iterable[Reading]) -> None:
        """Take in explanations.

        Parameters
        ----------
        readings : iterable of Reading
        """
        for read in readings:
            magnitudes = np.abs(read.weights)
            total = magnitudes.sum(axis=0)
            kept = np.flatnonzero(total)
            if self.most_features is not None and len(kept) > self.most_features:
                kept = np.sort(kept[np.argsort(-total[kept], kind="stable")[: self.most_features]])
            out = self.outputs.positions(read.outputs)
            names = tuple(read.names[i] for i in kept.tolist())
            at = self.features.positions(names)
            self._grow()
            some = magnitudes[:, kept]
            for layer, term in enumerate((some > 0, some, some**2)):
                self.sums[layer][np.ix_(out, at)] += term
            self._append(
                np.array([read.row]),
                np.array([len(at)]),
                at.astype(np.int32),
                total[kept],
                self.highest.positions((read.predicted,)).astype(np.int32),
                np.array([read.prediction], np.float32),
            )
            if read.decided:
                self.decided[read.decided] += 1
            self.layout = self.layout or read.layout
            self.sampled.add(
                replace(
                    read,
                    names=names,
                    weights=read.weights[:, kept],
                    inputs=read.inputs[kept],
                )
            )
            self.unit = read.unit
            self.n_evals += read.n_evals
        self.sampled.prune()

    def _grow(self) -> None:
        self.sums = grown(self.sums, (3, len(self.outputs), len(self.features)))

    def _append(
        self,
        rows: NDArray[np.int64],
        lengths: NDArray[np.int64],
        at: NDArray[np.int32],
        weights: NDArray[np.float64],
        tops: NDArray[np.int32],
        scores: NDArray[np.float32],
    ) -> None:
        n, m = self.n_rows, self.used
        self.rows = grown(self.rows, (n + len(rows),))
        self.ends = grown(self.ends, (n + len(rows),))
        self.tops, self.scores = grown(self.tops, (n + len(rows),)), grown(self.scores, (n + len(rows),))
        self.at, self.weights = grown(self.at, (m + len(at),)), grown(self.weights, (m + len(at),))
        self.rows[n : n + len(rows)] = rows
        self.tops[n : n + len(rows)], self.scores[n : n + len(rows)] = tops, scores
        self.ends[n : n + len(rows)] = m + np.cumsum(lengths)
        self.at[m : m + len(at)], self.weights[m : m + len(at)] = at, weights
        self.n_rows, self.used = n + len(rows), m + len(at)

    def merge(self, other: Explanations) -> None:
        """Take in explanations of later rows.

        Parameters
        ----------
        other : Explanations
            Left as it is.
        """
        if not other.n_rows:
            return
        out = self.outputs.positions(tuple(other.outputs.names))
        at = self.features.positions(tuple(other.features.names))
        self._grow()
        k, m = len(other.outputs), len(other.features)
        for layer in range(3):
            self.sums[layer][np.ix_(out, at)] += other.sums[layer, :k, :m]
        ends = other.ends[: other.n_rows]
        self._append(
            other.rows[: other.n_rows],
            np.diff(ends, prepend=0),
            at[other.at[: other.used]].astype(np.int32),
            other.weights[: other.used],
            self.highest.positions(tuple(other.highest.names))[other.tops[: other.n_rows]].astype(np.int32),
            other.scores[: other.n_rows],
        )
        self.decided.update(other.decided)
        self.layout = self.layout or other.layout
        self.sampled.merge(other.sampled)
        self.sampled.prune()
        self.unit = other.unit
        self.n_evals += other.n_evals

    def estimate(self, status: State = "settled") -> GlobalExplanation:
        """Importance, and the rows picked from those so far."""
        k, m, n = len(self.outputs), len(self.features), self.n_rows
        count, total, squares = self.sums[:, :k, :m]
        at, weights = self.at[: self.used].astype(np.int64), self.weights[: self.used]
        starts = np.concatenate([[0], self.ends[:n]])
        pooled = np.bincount(at, weights, minlength=m)
        pooled_squares = np.bincount(at, weights**2, minlength=m)
        importance: NDArray[np.float64] = np.sqrt(pooled).astype(np.float64)
        mass = np.bincount(np.repeat(np.arange(n), np.diff(starts)), weights, minlength=n).astype(np.float64)
        chosen = greedy(starts, at, mass, importance, self.budget)
        whole = max(float(importance.sum()), 1e-300)
        picks = []
        for row, gain, adds in chosen:
            own = slice(starts[row], starts[row + 1])
            order = np.argsort(-importance[adds], kind="stable")
            picks.append(
                Pick(
                    row=int(self.rows[row]),
                    gain=gain / whole,
                    adds=adds[order],
                    features=at[own],
                    weights=weights[own],
                    predicted=str(self.highest.names[self.tops[row]]),
                    prediction=float(self.scores[row]),
                )
            )
        return GlobalExplanation(
            values=np.sqrt(total),
            std_errors=_root_error(total, squares, n),
            support=count.astype(np.int64),
            overall=importance,
            overall_std_errors=_root_error(pooled, pooled_squares, n),
            feature_names=tuple(str(name) for name in self.features.names),
            output_names=tuple(str(name) for name in self.outputs.names),
            predicted=counts(self.decided, self.outputs),
            sample=self.sampled.sample(
                self.outputs, self.features.names, importance, classes=bool(self.decided)
            ),
            layout=self.layout,
            picks=tuple(picks),
            coverage=np.cumsum([pick.gain for pick in picks]) if picks else np.zeros(0),
            n_rows=n,
            n_evals=self.n_evals,
            output_unit=self.unit,
            value_unit="root of summed weights",
            random_state=self.random_state,
            status=status,
        )


def _root_error(total: NDArray[Any], squares: NDArray[Any], n: int) -> NDArray[np.float64]:
    """Standard error of the root of a sum over n rows, by the delta method."""
    if n < 2:
        return np.full(total.shape, np.inf)
    variance = np.maximum(squares - total**2 / n, 0.0) * n / (n - 1)
    factor = student(np.full((), float(n)))
    return np.asarray(factor * np.sqrt(variance) / (2 * np.sqrt(np.maximum(total, 1e-300))))


class SubmodularPick(ExplainerKernel):
    """The few rows worth reading: their explanations cover what the model uses, and repeat little.

    Parameters
    ----------
    explainer : Explainer
        The paper's is LIME.
    budget : int, default=5
        Rows to pick.
    most_features : int or "auto", default=10
        Heaviest features that each explanation keeps. Auto: all of them, which makes any row of a table cover every
        column.
    features : {"condition", "feature"}, default="condition"
        What a table's features are: conditions such as "age <= 27.5", where the explainer has them (LIME), or columns.
    random_state : int or None, default=0
        Decides which 200 rows are drawn as dots; nothing else is drawn at random.

    Notes
    -----
    Ribeiro, Singh & Guestrin, "Why Should I Trust You?" (KDD 2016), algorithm 2: importance of a feature is
    sqrt(sum of |w|) over the explanations, a row covers the features that its explanation has, and rows are added
    greedily, which covers at least 1 - 1/e of the best. Of rows that add as much the one with the larger weights is
    taken, so that picks beyond full coverage are not arbitrary. All rows are kept, sparse: ``bytes_needed`` says how
    much that is.

    Examples
    --------
    >>> from jupyter_xai.explanation import Explanation, Tokens
    >>> class Given:
    ...     def explain_batch(self, X, targets=None):
    ...         return [
    ...             Explanation(
    ...                 values=np.ones((1, len(t.split()))),
    ...                 features=Tokens(
    ...                     text=t,
    ...                     offsets=tuple((2 * i, 2 * i + 1) for i in range(len(t.split()))),
    ...                 ),
    ...                 output_names=("y",),
    ...                 predictions=np.zeros(1),
    ...             )
    ...             for t in X
    ...         ]
    >>> found = SubmodularPick(Given(), budget=2).explain(["a b", "b c", "d e", "b"])
    >>> [pick.row for pick in found.picks], found.coverage.round(2)
    ([0, 2], array([0.48, 0.83]))
    """

    method: ClassVar[str] = "submodular_pick"
    params: ClassVar[tuple[ParamSpec, ...]] = (
        IntParam(name="budget", default=5, label="rows", doc="How many are picked.", cost="solve", min=1, max=10**4),
        IntParam(
            name="most_features",
            default=10,
            label="features a row",
            doc="A small number makes rows that differ; with all features any row of a table covers every column.",
            cost="solve",
            min=1,
            max=1_000_000,
            auto=True,
        ),
        ChoiceParam(
            name="features",
            default="condition",
            label="features",
            doc="Whether a table's features are conditions that a row meets, or its columns.",
            cost="solve",
            choices=("condition", "feature"),
        ),
    )  # fmt: skip

    def __init__(
        self,
        explainer: Any,
        *,
        budget: int = 5,
        most_features: int | Literal["auto"] = 10,
        features: Naming = "condition",
        random_state: int | None = 0,
    ) -> None:
        self.explainer = explainer
        self.budget = budget
        self.most_features = most_features
        self.features = features
        self.random_state = random_state

    @property
    def by(self) -> Naming:  # type: ignore[override]
        """What a table's features are."""
        return self.features

    def reduction(self) -> Explanations:
        """An empty reduction: ``update`` with readings, ``merge``, ``estimate``."""
        most = None if self.most_features == "auto" else int(self.most_features)
        return Explanations(int(self.budget), most, self.random_state)

    def bytes_needed(self, n_rows: int, n_features: int | None = None) -> int:
        """Memory that so many rows take.

        Parameters
        ----------
        n_rows : int
        n_features : int, optional
            Features of a row; at most ``most_features`` count.

        Examples
        --------
        >>> SubmodularPick(None).bytes_needed(10_000)
        1520000
        """
        most = n_features if self.most_features == "auto" else int(self.most_features)
        each = min(count for count in (most, n_features) if count is not None) if most or n_features else 0
        return n_rows * (_BYTES * each + _BYTES_A_ROW)

    def _before(self, total_rows: int | None) -> tuple[str, ...]:
        if total_rows is None or self.most_features == "auto":
            return ()
        size = self.bytes_needed(total_rows)
        said = f"{size / 1e6:,.1f} MB" if size >= 1e5 else f"{size / 1e3:,.0f} kB"
        return (f"Keeps the explanations of all {total_rows:,} rows: at most {said}.",)
