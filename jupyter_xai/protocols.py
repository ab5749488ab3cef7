"""The seams between the rooms: what a predictor, a masker, an explainer must offer. No base class is needed."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol, TypeAlias, runtime_checkable

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from jupyter_xai.explanation import Explanation, Layout
    from jupyter_xai.params import ParamSpec

Kind: TypeAlias = Literal["table", "text", "image"]
"""What an instance is, as far as maskers and views care."""

OutputSpace: TypeAlias = Literal["probability", "logit", "raw"]
"""The unit of a predictor's scores."""

Sampler: TypeAlias = Literal["balanced", "lime"]
"""How a neighbourhood draws: from one and the same measure, balanced over blocks or each draw by itself."""

Batch: TypeAlias = Any
"""A model batch: list of str, 2-D array, DataFrame, NHWC array or torch tensor, as the model wants it."""


@dataclass(frozen=True, eq=False)
class Encoded:
    """A batch of texts as token ids: one call of the model for each part, whose rows have the same length.

    Parameters
    ----------
    parts : tuple of (ndarray of shape (rows,), tuple of ndarray)
        Which rows of the batch, and their inputs, ids first: arrays of ``rows`` rows.
    names : tuple of str
        What the model calls its inputs; empty: it takes the ids alone.

    Examples
    --------
    >>> len(Encoded(((np.array([0, 2]), (np.ones((2, 4)),)), (np.array([1]), (np.ones((1, 3)),)))))
    3
    """

    parts: tuple[tuple[NDArray[np.intp], tuple[NDArray[Any], ...]], ...]
    names: tuple[str, ...] = ()

    def __len__(self) -> int:
        """Rows of all parts."""
        return sum(len(rows) for rows, _ in self.parts)


Target: TypeAlias = Any
"""An output name, an index, a tuple index, or a callable ``outputs -> (n,)``; a list of these for several."""


@dataclass(frozen=True)
class Opening:
    """What is known before the first batch: enough to draw the instance and its prediction.

    Parameters
    ----------
    features : Layout
    targets : tuple of int
        Index of each explained output.
    output_names : tuple of str
        Names of the explained outputs.
    all_output_names : tuple of str
    all_predictions : ndarray of shape (n_outputs,)
        The model at the instance.
    output_unit : str
        What is explained, where it is not the model's own output: "logit" under a link.
    """

    features: Layout
    targets: tuple[int, ...]
    output_names: tuple[str, ...]
    all_output_names: tuple[str, ...]
    all_predictions: NDArray[np.float64]
    output_unit: str = ""


@dataclass(frozen=True)
class Progress:
    """Told before the first batch (with an opening) and after each batch of model calls.

    Parameters
    ----------
    n_evals : int
        Masks evaluated so far.
    n_rows : int
        Model rows sent so far in this run; answers taken from the pool do not count.
    total_evals : int or None
        Masks this run will need if it is neither settled nor stopped before.
    opening : Opening, optional
        Given once, with ``n_evals=0``, before the model sees the first batch.
    rows_per_eval : int, default=1
        Model rows of one mask: what a view counts is rows.
    """

    n_evals: int
    n_rows: int
    total_evals: int | None
    opening: Opening | None = None
    rows_per_eval: int = 1


Watch: TypeAlias = Callable[[Progress], bool]
"""Called before the first and after each batch; False stops the run, which then yields its estimate as "stopped"."""


@runtime_checkable
class Predictor(Protocol):
    """A model made uniform: a batch in, ``(n, outputs)`` scores out."""

    output_names: tuple[str, ...]
    output_space: OutputSpace
    backend: Literal["numpy", "torch"]
    """Where batches live: a torch predictor takes tensors on ``device``."""
    device: Any
    dtype: Any
    thread_safe: bool
    model_name: str
    key: Hashable
    """Which model and which outputs, for the pool; changes with the predictor, not with the weights."""

    def predict(self, batch: Batch) -> NDArray[np.float64]:
        """Scores, shape (n, outputs), finite float64. One call of the model, whatever the batch's size.

        Raises
        ------
        ModelError
            If the model raises, or answers with the wrong number of rows, with NaN or with something not numeric.
        """
        ...

    def stamp(self) -> Hashable:
        """What changes when the model's weights do (torch version counters); None if it cannot be told cheaply."""
        ...

    def run(self) -> AbstractContextManager[None]:
        """A run's scope: takes the model's lock, and a snapshot of weights where there are any."""
        ...


@runtime_checkable
class BoundMasker(Protocol):
    """A masker on one instance: turns 0/1 rows into model batches. 1 means present.

    It may have ``varying``, a truth value a feature: False where absence changes nothing, so that games leave the
    feature out. It may have ``relations() -> (n_features, n_features)``, how strongly features go together from 0 to
    1: what hierarchies of features are made from. It may have ``examine(answer, ask) -> notices``, called once a run
    with the model's answer on the instance: it may ``ask`` the model about a few more batches, whose rows are counted,
    for what the reader should know.
    """

    layout: Layout
    n_features: int
    draws: int
    """Model rows per mask: 1, or the number of background rows."""
    key: Hashable
    """Masker parameters, background and instance content, for the pool."""
    notices: tuple[str, ...]

    def instance(self) -> Batch:
        """The unaltered instance as a batch of one row."""
        ...

    def build(self, masks: NDArray[np.bool_], draws: slice = slice(None)) -> Batch:
        """Model rows for masks of shape (n, n_features), mask-major: n times the number of draws."""
        ...

    def reduce(self, outputs: NDArray[np.float64]) -> NDArray[np.float64]:
        """Average model rows back to one line a mask: (n_masks, outputs)."""
        ...


@runtime_checkable
class Masker(Protocol):
    """Layout plus absence, before it has seen an instance."""

    kind: ClassVar[Kind]
    params: ClassVar[tuple[ParamSpec, ...]]

    def bind(self, x: Any, predictor: Predictor) -> BoundMasker:
        """Fix the instance and the form of batch this predictor takes."""
        ...


@dataclass(frozen=True)
class Draws:
    """A stretch of a neighbourhood's prefix sequence.

    Parameters
    ----------
    features : ndarray of shape (n, n_features)
        The interpretable representation z'.
    distances : ndarray of shape (n,)
        Distance of each row to the instance, in the neighbourhood's own metric.
    build : callable
        ``build(indices) -> batch``, the model rows for some of these draws (positions within the stretch).
    blocks : ndarray of shape (n,), int, optional
        Which randomised block each draw belongs to: intervals come from the spread over blocks, so that draws of
        one block may depend on each other (a pair with its complement, one scramble of a Sobol sequence), and
        draws of two blocks not so that their errors add up. Numbers from 0 without a gap, in any order, counted
        over the whole sequence. A run settles with no fewer than eight of them. None: every draw by itself.
    controls : callable, optional
        ``controls() -> (n, n_controls)``: what else is known of each draw, in columns whose expectation is 0 whatever
        its features are. A regression with them has the same coefficients, and less is left to chance.
    """

    features: NDArray[Any]
    distances: NDArray[np.float64]
    build: Callable[[NDArray[np.intp]], Batch]
    blocks: NDArray[np.intp] | None = None
    controls: Callable[[], NDArray[np.float32]] | None = None


class Neighbourhood(Protocol):
    """LIME's sampler on one instance. Draw i is the same whatever is asked for before it: a prefix sequence.

    A masker makes it in ``neighbourhood(x, predictor, *, random_state, sampler)``, where ``sampler`` is one of
    ``Sampler``: both draw from the same measure.
    """

    layout: Layout
    n_features: int
    key: Hashable
    """Everything that decides draw i: masker, instance, random_state, sampler."""
    kernel_width: float
    """The default width of the locality kernel."""
    n_samples: int
    """The default number of draws."""
    notices: tuple[str, ...]

    def instance(self) -> Batch:
        """The unaltered instance as a batch of one row; it is also draw 0."""
        ...

    def draw(self, start: int, stop: int) -> Draws:
        """Draws start to stop of the sequence."""
        ...


@runtime_checkable
class Explainer(Protocol):
    """One explanation algorithm, bound to a model. A constructor stores its keywords under their own names."""

    params: ClassVar[tuple[ParamSpec, ...]]

    def explain(self, x: Any, targets: Target | None = None) -> Explanation:
        """Run to the end; equal to the last estimate of ``stream``."""
        ...

    def stream(
        self, x: Any, targets: Target | None = None, *, watch: Watch | None = None
    ) -> Iterator[Explanation]:
        """Whole estimates, each replacing the one before. Closing the generator cancels within one batch."""
        ...

    def explain_batch(self, X: Iterable[Any], targets: Target | None = None) -> Sequence[Explanation]:
        """One explanation a row; row i equals ``explain(X[i])``."""
        ...


class GlobalExplainer(Protocol):
    """An algorithm over a dataset, made from a local explainer."""

    params: ClassVar[tuple[ParamSpec, ...]]

    def stream(self, rows: Iterable[Any], targets: Target | None = None) -> Iterator[Any]:
        """Whole estimates over the rows seen so far."""
        ...
