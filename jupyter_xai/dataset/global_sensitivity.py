"""Global sensitivity: sizes of a model's derivatives over rows, alone and in pairs, in one pass."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from jupyter_xai.dataset._readings import CLASS_UNITS, adds_up
from jupyter_xai.dataset._rows import Chunk
from jupyter_xai.dataset._run import DatasetKernel
from jupyter_xai.dataset._slopes import Norm, SizeReduction, Slopes
from jupyter_xai.dataset.global_shap import SAMPLED
from jupyter_xai.errors import InputError
from jupyter_xai.evaluation import check_batch_size
from jupyter_xai.explanation import Columns
from jupyter_xai.kernels._derivatives import Derivatives, Differentiated, Moved, in_batches
from jupyter_xai.models.wrap import wrap
from jupyter_xai.params import BoolParam, ChoiceParam, FloatParam, ParamSpec
from jupyter_xai.protocols import Target

_ROWS, _NUMBERS = 8192, 2**22
_STEP, _LONG_STEP = 1e-3, 0.5


class GlobalSensitivity(DatasetKernel):
    """How strongly each input moves each output, over all rows.

    Parameters
    ----------
    model : torch.nn.Module, or of a table of numbers any model
        A network is differentiated, and asked for its logits where it ends in softmax or sigmoid; any other model is
        asked a little to either side in each column.
    groups : dict, optional
        Name to list of columns (names or positions) that are one feature, such as those of a one-hot code.
    feature_names : sequence of str, optional
        Names of an array's columns; a DataFrame brings its own.
    norm : {"l2", "l1", "ms"}, default="l2"
        Root of the mean square of the derivative, its mean magnitude, or its mean square.
    scale : {"sd", "none", "elasticity"}, default="sd"
        Count a derivative per standard deviation of its column in these rows, per unit, or in per cent for a per cent.
    normalize : bool, default=True
        Shares that sum to 1 for each output (all pairs together for interactions).
    second_order : bool, default=False
        Sizes of second derivatives too: ``interactions``.
    curvature : {"auto", "hessian", "differences"}, default="auto"
        Second derivatives of a network: exact, or how much the slope changes over a step to either side. Auto:
        differences if it has kinks (ReLU), whose second derivative is zero almost everywhere.
    step : float or "auto", default="auto"
        How far a column is moved, in its standard deviations. Auto: 0.001 for first derivatives of models without
        gradients, 0.5 for differences of slopes.
    max_sampled : int, default=200
        Rows whose derivatives are kept for the picture, drawn at random from all.
    random_state : int or None, default=0
        Decides which, and the groups of rows that errors come from.
    batch_size : int or "auto", default="auto"
        Most rows a pass.

    Notes
    -----
    Horel, Mison, Xiong, Giesecke & Mangu, "Sensitivity based Neural Networks Explanations" (2018): the share of
    ``sqrt(mean (df/dx)^2)``. A column of a group counts by its square. ``signed`` is the mean derivative over the same
    whole: near zero where an input raises as often as it lowers, and undefined for groups. Standard errors are
    jackknifed over 64 random groups of rows, with the standard deviations as uncertain as the rest.

    Examples
    --------
    >>> rows = np.random.default_rng(0).normal(size=(200, 3))
    >>> found = GlobalSensitivity(lambda X: 2 * X[:, 0] - X[:, 1], scale="none").explain(rows)
    >>> found.values.round(4), found.signed.round(4)
    (array([[0.6667, 0.3333, 0.    ]]), array([[ 0.6667, -0.3333,  0.    ]]))
    """

    method: ClassVar[str] = "global_sensitivity"
    first_rows: ClassVar[int] = 64
    params: ClassVar[tuple[ParamSpec, ...]] = (
        ChoiceParam(
            name="norm",
            default="l2",
            label="norm",
            doc="Squares give more weight to rows where the derivative is large.",
            choices=("l2", "l1", "ms"),
        ),
        ChoiceParam(
            name="scale",
            default="sd",
            label="scale",
            doc="Per standard deviation of the column, per unit, or per cent for a per cent.",
            choices=("sd", "none", "elasticity"),
        ),
        BoolParam(name="normalize", default=True, label="shares", doc="Whether sizes are shares that sum to 1."),
        BoolParam(
            name="second_order", default=False, label="pairs", doc="Whether pairs are looked at, which takes longer."
        ),
        ChoiceParam(
            name="curvature",
            default="auto",
            label="curvature",
            doc="Exact second derivatives, or changes of the slope over a step, which see kinks.",
            choices=("auto", "hessian", "differences"),
        ),
        FloatParam(
            name="step",
            default="auto",
            label="step",
            doc="A longer step sees more kinks and less detail.",
            min=1e-6,
            max=10.0,
            scale="log",
            auto=True,
        ),
        SAMPLED,
    )  # fmt: skip

    def __init__(
        self,
        model: Any,
        groups: dict[str, Sequence[Any]] | None = None,
        feature_names: Sequence[str] | None = None,
        *,
        norm: Norm = "l2",
        scale: Literal["sd", "none", "elasticity"] = "sd",
        normalize: bool = True,
        second_order: bool = False,
        curvature: Literal["auto", "hessian", "differences"] = "auto",
        step: float | Literal["auto"] = "auto",
        max_sampled: int = 200,
        random_state: int | None = 0,
        batch_size: int | Literal["auto"] = "auto",
    ) -> None:
        self.model = model
        self.groups = groups
        self.feature_names = feature_names
        self.norm = norm
        self.scale = scale
        self.normalize = normalize
        self.second_order = second_order
        self.curvature = curvature
        self.step = step
        self.max_sampled = max_sampled
        self.random_state = random_state
        self.batch_size = batch_size

    @property
    def most_rows(self) -> int:
        """Many: a chunk is a batch."""
        return _ROWS

    def chunk_rows(self, rows: Any) -> int:
        """Rows a chunk at most, by the size of one."""
        numbers = int(np.prod(np.shape(rows)[1:])) ** (2 if self.second_order else 1)
        return max(1, min(_ROWS, _NUMBERS // max(numbers, 1)))

    @property
    def concurrent(self) -> bool:
        """One thread: a pass over a large batch takes all cores as it is."""
        return False

    def prepared(self, chunk: Chunk, targets: Target | None) -> GlobalSensitivity:
        """The kernel with outputs, names and steps settled on the first rows.

        Parameters
        ----------
        chunk : Chunk
        targets : optional
        """
        check_batch_size(self.batch_size)
        rows, names = self._numbers(chunk.rows)
        twin = copy.copy(self)
        predictor: Any = wrap(self.model, kind="table")
        predictor = predictor.pinned() if hasattr(predictor, "pinned") else predictor
        flat = rows.reshape(len(rows), -1).astype(np.float64)
        spreads = flat.std(axis=0)
        kind = "network" if predictor.backend == "torch" and hasattr(predictor, "snapshot") else "model"
        if kind == "model" and rows.ndim > 2:
            raise InputError(
                f"Rows of shape {rows.shape[1:]} need a torch network here: other models are asked about tables of "
                "numbers alone. Pass a network, or take xai.GlobalShap."
            )
        whole = (rows[:64] == np.round(rows[:64])).all(axis=0) if kind == "model" else None
        vars(twin)["_settled"] = (predictor, kind, targets, rows[:2], spreads, whole)
        vars(twin)["_columns"] = self._features(rows, names)
        return twin

    def owned(self) -> GlobalSensitivity:
        """The kernel with a predictor of its own."""
        twin = copy.copy(self)
        kept = vars(self).get("_settled")
        if kept is not None and hasattr(kept[0], "own"):
            vars(twin)["_settled"] = (kept[0].own(), *kept[1:])
            vars(twin).pop("_derivatives", None)
        return twin

    def __getstate__(self) -> dict[str, Any]:
        """Pickle without what holds a network open."""
        return {name: value for name, value in self.__dict__.items() if name != "_derivatives"}

    def _features(self, rows: NDArray[Any], names: tuple[str, ...] | None) -> tuple[Any, ...]:
        """Members and names of the features, the layout and the axes."""
        shape = rows.shape[1:]
        count = int(np.prod(shape))
        if len(shape) > 1:
            said = tuple(", ".join(map(str, np.unravel_index(at, shape))) for at in range(count))
            return tuple((at,) for at in range(count)), said, None, shape
        given = None if self.feature_names is None else tuple(map(str, self.feature_names))
        if given is not None and len(given) != count:
            raise InputError(
                f"feature_names= has {len(given)} names, but the rows have {count} columns: pass one a column."
            )
        columns = given or names or tuple(f"x{at}" for at in range(count))
        members, said = _grouped(self.groups or {}, columns)
        layout = Columns(
            names=said,
            values=tuple(
                rows[0, list(some)].tolist() if len(some) > 1 else float(rows[0, some[0]]) for some in members
            ),
            kinds=tuple("number" if len(some) == 1 else "group" for some in members),
            members=members,
        )
        return members, said, layout, ()

    def reduction(self) -> SizeReduction:
        """An empty reduction: ``update`` with derivatives, ``merge``, ``estimate``."""
        members, names, layout, shape = vars(self).get("_columns", ((), (), None, ()))
        return SizeReduction(
            self.norm,
            standardise=self.scale == "sd",
            normalise=self.normalize,
            members=members,
            names=names,
            layout=layout,
            shape=shape,
            random_state=self.random_state,
            max_sampled=self.max_sampled,
        )

    def _asked(self) -> Derivatives:
        found: Derivatives | None = vars(self).get("_derivatives")
        if found is None:
            predictor, kind, targets, rows, spreads, whole = vars(self)["_settled"]
            if kind == "network":
                found = Differentiated(predictor, rows, targets, self.n_targets, self.curvature)
            else:
                steps = spreads * (_STEP if self.step == "auto" else float(self.step))
                steps = np.where(whole & (spreads > 0), np.maximum(1.0, np.round(steps)), steps)
                found = Moved(predictor, rows, targets, self.n_targets, steps)
            vars(self)["_derivatives"] = found
        return found

    def measure(self, chunk: Chunk, targets: Target | None) -> Slopes:  # noqa: ARG002 - settled on the first rows
        """Derivatives of each row.

        Parameters
        ----------
        chunk : Chunk
        targets : optional
        """
        rows, _ = self._numbers(chunk.rows)
        predictor, _, _, _, spreads, _ = vars(self)["_settled"]
        most = len(rows) if self.batch_size == "auto" else check_batch_size(self.batch_size)
        with predictor.run():
            asked = self._asked()
            pairs = list(in_batches(len(rows), most, lambda a, b: asked.first(rows[a:b])))
            first, scores = (
                np.concatenate(part) if len(part) > 1 else part[0] for part in zip(*pairs, strict=True)
            )
            second = None
            steps = spreads * (_LONG_STEP if self.step == "auto" else float(self.step))
            if self.second_order:
                found = list(
                    in_batches(len(rows), min(most, 1024), lambda a, b: asked.second(rows[a:b], steps))
                )
                second = np.concatenate(found)
        flat = rows.reshape(len(rows), -1)
        notices = asked.notices
        if self.scale == "elasticity":
            first, second, lost = _elasticities(first, second, scores, flat)
            if lost:
                notices = (*notices, "Rows whose output is 0 have no elasticity and count as 0.")
        classes = asked.complete and scores.shape[1] > 1 and asked.unit in CLASS_UNITS
        if asked.unit == "probability":
            classes = classes and adds_up(scores)
        return Slopes(
            chunk.start, first, flat, second, asked.output_names, asked.unit, notices, scores, classes
        )

    def _numbers(self, rows: Any) -> tuple[NDArray[Any], tuple[str, ...] | None]:
        """Rows as an array of floats, and the names of a DataFrame's columns."""
        names = tuple(map(str, rows.columns)) if hasattr(rows, "columns") else None
        if hasattr(rows, "detach"):
            rows = rows.detach().cpu()
        try:
            if isinstance(rows, list):
                rows = np.stack(
                    [np.asarray(row.detach().cpu() if hasattr(row, "detach") else row) for row in rows]
                )
            array = np.asarray(rows.to_numpy() if names is not None else rows)
            array = (
                array if array.dtype.kind == "f" and array.dtype.itemsize >= 4 else array.astype(np.float32)
            )
        except (TypeError, ValueError) as error:
            raise InputError(
                f"The rows hold something that is not a number ({error}); derivatives need numbers. Encode categories "
                "first, or take xai.GlobalShap(xai.Sensitivity(model, background=rows)), which draws categories."
            ) from None
        if array.ndim < 2:
            raise InputError(
                f"The rows have the shape {array.shape}; expected a row a line, (rows, columns). Pass rows of numbers."
            )
        if not np.isfinite(array).all():
            raise InputError(
                "The rows have missing or infinite numbers, at which nothing can be differentiated. Fill them first, "
                "as the model's own pipeline does."
            )
        return array, names


def _grouped(
    groups: dict[str, Sequence[Any]], columns: tuple[str, ...]
) -> tuple[tuple[tuple[int, ...], ...], tuple[str, ...]]:
    """Members and names of the features: a group stands where its first column does.

    Examples
    --------
    >>> _grouped({"job": ["job_a", "job_b"]}, ("age", "job_a", "job_b"))
    (((0,), (1, 2)), ('age', 'job'))
    """
    owner: dict[int, str] = {}
    for name, listed in groups.items():
        for column in listed:
            at = columns.index(column) if column in columns else column
            if not isinstance(at, int | np.integer) or not 0 <= at < len(columns) or int(at) in owner:
                raise InputError(
                    f"groups= lists {column!r} for {name!r}: expected a column's name or position, each in one group. "
                    f"The columns are {', '.join(columns[:20])}."
                )
            owner[int(at)] = name
    members: dict[str | int, list[int]] = {}
    for at in range(len(columns)):
        members.setdefault(owner.get(at, at), []).append(at)
    names = tuple(columns[name] if isinstance(name, int) else name for name in members)
    return tuple(tuple(some) for some in members.values()), names


def _elasticities(
    first: NDArray[Any], second: NDArray[Any] | None, scores: NDArray[Any], rows: NDArray[Any]
) -> tuple[NDArray[Any], NDArray[Any] | None, bool]:
    share = np.where(scores == 0, 0.0, 1 / np.where(scores == 0, 1.0, scores))
    first = first * rows[:, None] * share[:, :, None]
    if second is not None:
        second = second * rows[:, None, :, None] * rows[:, None, None] * share[:, :, None, None]
    return first, second, bool((scores == 0).any())
