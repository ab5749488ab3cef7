"""Occlusion: what the prediction loses when one part of the instance is hidden."""

from __future__ import annotations

import copy
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from jupyter_xai.errors import InputError
from jupyter_xai.evaluation import Evaluation, MaskEvaluation, Pool
from jupyter_xai.explanation import State
from jupyter_xai.explanation.layouts import Tokens
from jupyter_xai.kernels._games import LINK, Game, players_of
from jupyter_xai.kernels._shapley import ShapleyFit
from jupyter_xai.kernels._stream import Estimator, SampledKernel
from jupyter_xai.params import IntParam, ParamSpec
from jupyter_xai.protocols import BoundMasker, Masker, Predictor, Target

_MOST_CELLS = 10_000


class Occlusion(SampledKernel):
    """What the prediction loses when one feature, or a window that slides over the instance, is hidden.

    A feature's value is the prediction minus the model's (expected) answer without it; under overlapping windows the
    mean of that over the windows that hide it. Values do not add up to anything, and two features that can stand in for
    each other have none. They are exact: each window is asked for once.

    Parameters
    ----------
    model : Predictor, scikit-learn estimator, torch.nn.Module or function
    masker : Masker
        ``Tabular`` (a hidden feature comes from background rows), ``Text`` (it is deleted) or ``Image`` (filled).
    window : int or "auto", default="auto"
        Side of a square window in pixels of an image, or units of a text in a row. Auto: one feature at a time, a
        piece, a unit or a column.
    stride : int or "auto", default="auto"
        Pixels or units from one window to the next, at most the window. Auto: half a window of an image, one unit of a
        text.
    link : {"identity", "logit"}, default="identity"
        Whether differences are of the (expected) answer, or of the log-odds of a probability.
    random_state : int or None, default=0
        Nothing is drawn.
    batch_size : int or "auto", default="auto"
        Most rows a model call.

    Notes
    -----
    Zeiler & Fergus, "Visualizing and Understanding Convolutional Networks" (ECCV 2014); windows and the mean over them
    as in ``captum.attr.Occlusion``: the last ones end at the border. Under windows an image's features are the cells
    that windows cut it into, and its masker's fill "mean" is the mean colour of the whole image. Features that equal
    every background row have value 0.

    Examples
    --------
    >>> from jupyter_xai.maskers.text import Text
    >>> def positive(texts):
    ...     return [0.5 + 0.4 * ("good" in text) - 0.3 * ("dull" in text) for text in texts]
    >>> e = Occlusion(positive, Text()).explain("good but dull")
    >>> dict(zip(e.feature_names, (e.values[0].round(3) + 0.0).tolist()))
    {'good': 0.4, 'but': 0.0, 'dull': -0.3}
    >>> e.n_rows
    4
    """

    method: ClassVar[str] = "occlusion"
    params: ClassVar[tuple[ParamSpec, ...]] = (
        IntParam(
            name="window",
            default="auto",
            label="window",
            doc="A larger window hides more at a time and shows less detail.",
            cost="rebuild",
            min=1,
            max=100_000,
            auto=True,
        ),
        IntParam(
            name="stride",
            default="auto",
            label="stride",
            doc="A smaller stride shows finer detail and asks the model more often.",
            cost="rebuild",
            min=1,
            max=100_000,
            auto=True,
        ),
        LINK,
    )

    def __init__(
        self,
        model: Any,
        masker: Masker,
        *,
        window: int | Literal["auto"] = "auto",
        stride: int | Literal["auto"] = "auto",
        link: Literal["identity", "logit"] = "identity",
        random_state: int | None = 0,
        batch_size: int | Literal["auto"] = "auto",
    ) -> None:
        self.model = model
        self.masker = masker
        self.window = window
        self.stride = stride
        self.link = link
        self.random_state = random_state
        self.batch_size = batch_size

    def _begin(
        self, x: Any, targets: Target | None, predictor: Predictor, pool: Pool | None, *, live: bool
    ) -> tuple[Evaluation | MaskEvaluation, Estimator, int, float]:
        chosen = self._chosen()
        bound, hidden = self._windows(x, predictor, chosen)
        players = players_of(bound)
        hidden = hidden[:, players]
        windows = Windows(hidden[hidden.any(axis=1)])
        evaluation = MaskEvaluation(
            predictor,
            bound,
            windows,
            players,
            kind=self.masker.kind,
            batch_size=self.batch_size,
            live=live,
            pool=pool,
            empty=False,
        )
        game = _HiddenGame(self, targets, bound, players, evaluation, chosen, len(windows.hidden), exact=True)
        game.windows = windows
        return evaluation, game, len(windows.hidden), 0.0

    def _windows(
        self, x: Any, predictor: Predictor, chosen: dict[str, Any]
    ) -> tuple[BoundMasker, NDArray[np.bool_]]:
        """The instance, and which features each window hides, (windows, features)."""
        window, stride, kind = chosen["window"], chosen["stride"], self.masker.kind
        if window == "auto" and (kind != "text" or stride == "auto"):
            if stride != "auto":
                raise InputError(
                    "stride= is how far a window moves, but there is none: pass window= as well, or leave stride= out."
                )
            bound = self.masker.bind(x, predictor)
            return bound, np.eye(bound.n_features, dtype=np.bool_)
        if kind == "table":
            raise InputError(
                "window= slides over an image or a text; columns of a table have no neighbours. Leave it out, or hide "
                "columns together with Tabular(groups=...)."
            )
        window = 1 if window == "auto" else window
        step = stride if stride != "auto" else max(1, window // 2) if kind == "image" else 1
        if step > window:
            raise InputError(
                f"stride={step} with window={window} would pass over features that no window hides. Pass a stride of "
                f"at most {window}."
            )
        chosen["window"], chosen["stride"] = window, step
        if kind == "text":
            bound = self.masker.bind(x, predictor)
            return bound, _over_units(bound, window, step)
        return _over_pixels(self.masker, x, predictor, window, step)


def starts(length: int, window: int, stride: int) -> NDArray[np.intp]:
    """Where windows begin that cover a length; the last one may end beyond it.

    Examples
    --------
    >>> starts(10, 4, 3), starts(10, 4, 4), starts(3, 5, 2)
    (array([0, 3, 6]), array([0, 4, 8]), array([0]))
    """
    count = 1 + max(0, -(-(length - window) // stride))
    return np.arange(count, dtype=np.intp) * stride


def _over_units(bound: BoundMasker, window: int, stride: int) -> NDArray[np.bool_]:
    layout = bound.layout
    groups = layout.groups if isinstance(layout, Tokens) else None
    feature = np.arange(bound.n_features) if groups is None else np.array(groups)
    begins = starts(len(feature), window, stride)
    hidden = np.zeros((len(begins), bound.n_features), dtype=np.bool_)
    for row, at in zip(hidden, begins, strict=True):
        row[feature[at : at + window]] = True
    return hidden


def _over_pixels(
    masker: Any, x: Any, predictor: Predictor, window: int, stride: int
) -> tuple[BoundMasker, NDArray[np.bool_]]:
    """An image cut into the cells that all windows' sides make, and which cells each window hides."""
    from jupyter_xai.maskers._forms import read_image

    if not hasattr(masker, "segmentation"):
        raise InputError(
            f"window= cuts an image anew, which {type(masker).__name__} has no segmentation= for. Leave window= out."
        )
    array, _ = read_image(x)
    sides = []
    for length in array.shape[:2]:
        begins = starts(length, window, stride)
        edges = np.unique(np.minimum(np.concatenate([begins, begins + window]), length))
        cells = np.searchsorted(edges, np.arange(length), side="right") - 1
        inside = (edges[:-1] >= begins[:, None]) & (edges[:-1] < begins[:, None] + window)
        sides.append((cells, inside))
    (rows, of_rows), (columns, of_columns) = sides
    n_cells = of_rows.shape[1] * of_columns.shape[1]
    if n_cells > _MOST_CELLS:
        raise InputError(
            f"window={window} with stride={stride} cuts the image into {n_cells:,} cells, more than can be shown "
            f"({_MOST_CELLS:,}). Pass a larger stride."
        )
    cut = copy.copy(masker)
    cut.segmentation = (rows[:, None] * of_columns.shape[1] + columns).astype(np.int32)
    if isinstance(masker.fill, str) and masker.fill == "mean":
        cut.fill = array.mean(axis=(0, 1)).tolist()  # a cell's own mean would hide next to nothing
    hidden = of_rows[:, None, :, None] & of_columns[None, :, None, :]
    return cut.bind(x, predictor), hidden.reshape(len(of_rows) * len(of_columns), n_cells)


class Windows:
    """Masks that hide one window each, from all over the instance at first and then between.

    Parameters
    ----------
    hidden : ndarray of shape (windows, players), bool

    Examples
    --------
    >>> Windows(np.eye(4, dtype=bool)).order
    array([0, 2, 1, 3])
    """

    def __init__(self, hidden: NDArray[np.bool_]) -> None:
        bits = max(1, len(hidden) - 1).bit_length()
        reverse = [int(f"{at:0{bits}b}"[::-1], 2) for at in range(len(hidden))]
        self.order = np.argsort(np.array(reverse, dtype=np.intp))
        self.hidden = hidden[self.order]

    def masks(self, start: int, stop: int) -> NDArray[np.bool_]:
        """Windows start to stop of the sequence."""
        return ~self.hidden[start:stop]


class _HiddenGame(Game):
    """Means of the losses over the windows that hide a player."""

    additive = False
    windows: Windows

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._losses: list[NDArray[np.float64]] = []

    def _take(self, masks: NDArray[np.bool_], answers: NDArray[np.float64]) -> None:  # noqa: ARG002 - known by place
        self._losses.append(self._full - answers)

    def _values(self, *, rough: bool) -> ShapleyFit:  # noqa: ARG002 - a mean costs nothing
        shape = (len(self._full), len(self._players))
        if not self._n:
            return ShapleyFit(np.zeros(shape), None if not self._most else np.full(shape, np.inf))
        hidden = self.windows.hidden.astype(np.float64)
        so_far = hidden[: self._n]
        counts = so_far.sum(axis=0)
        values = (so_far.T @ np.concatenate(self._losses)).T / np.maximum(counts, 1.0)
        if self._n == self._most:
            return ShapleyFit(values, None)
        unknown = counts < hidden.sum(axis=0)
        return ShapleyFit(values, np.broadcast_to(np.where(unknown, np.inf, 0.0), shape))

    def settled(self) -> bool:
        """Whether every window was asked for."""
        return self._n == self._most

    def _forecast(self, status: State, fit: ShapleyFit) -> int:  # noqa: ARG002 - as for the other games
        return self._most
