"""Sensitivity: how fast each output changes with each input, on a scale on which inputs can be compared."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from jupyter_xai.errors import CannotExplainError, InputError
from jupyter_xai.explanation import Columns, Explanation, Layout, State
from jupyter_xai.kernels._differences import EARLY_PAIRS, UNITS, Differences, Scale, undefined
from jupyter_xai.kernels._gradient import Attribution, GradientKernel
from jupyter_xai.kernels._inputs import Given, fold
from jupyter_xai.kernels._pairs import LONG_STEP, by_feature, check, second
from jupyter_xai.kernels._run import Run
from jupyter_xai.kernels._stream import Gate, estimates
from jupyter_xai.maskers.tabular import Tabular
from jupyter_xai.models.wrap import wrap
from jupyter_xai.params import BoolParam, ChoiceParam, FloatParam, ParamSpec, validate_all
from jupyter_xai.protocols import Target, Watch


class Sensitivity(GradientKernel):
    """How fast an output changes with each part of the input, in units that make parts comparable.

    A torch network is differentiated. Any other model of a table is asked twice a column, a little below and a little
    above the row's number. A category has no derivative: its value is how far the answer moves, in the root mean
    square, when the category is drawn from the background; so it has a size and no sign.

    Parameters
    ----------
    model : torch.nn.Module, or for rows of a table any model
    scale : {"auto", "sd", "none", "elasticity"}, default="auto"
        Per standard deviation of the column in the background; per unit of the input; or per cent of the output for a
        per cent of the input. Auto: "sd" where there is a background, else "none".
    second_order : bool, default=False
        Whether ``interactions`` are looked at too: the second derivatives of each pair of features, on the scale of
        both. Of a pair of different features it is how much the effect of one changes with the other.
    curvature : {"auto", "hessian", "differences"}, default="auto"
        Second derivatives of a network: exact, or how much the slope changes over a step to either side. Auto:
        differences if it has kinks (ReLU), whose second derivative is zero almost everywhere.
    step : float or "auto", default="auto"
        How far a number is moved to either side, in standard deviations. Auto: 0.001 for first derivatives of models
        without gradients, 0.5 for second ones and for differences of slopes. A column of whole numbers is moved by
        whole numbers, at least 1.
    background : array of shape (rows, ...), DataFrame, tuple of these, or None, default=None
        What standard deviations are those of. None: the background of ``inputs`` where that is a table.
    inputs : Layout or masker, optional
        What the input is made of; read off the input otherwise.
    random_state : int or None, default=0
        Not used: nothing is drawn.
    batch_size : int or "auto", default="auto"
        Most rows a pass.

    Raises
    ------
    InputError
        If ``scale="sd"`` or differences of slopes find no background, a model without gradients no columns, or
        ``second_order=True`` something else than the numbers of one input, at most 1,000.
    CannotExplainError
        If a model without gradients is given something else than a row of a table.

    Notes
    -----
    Horel, Mison, Xiong, Giesecke & Mangu, "Sensitivity based Neural Networks Explanations" (2018): the local measure,
    which keeps its sign. Columns that are one feature, such as a one-hot code, count as the root of the sum of their
    squares. It is a rate of change right here and adds up to nothing: a saturated output has none although inputs
    matter, and a staircase (a forest) has none anywhere, which is said.

    Examples
    --------
    >>> rows = np.array([[0.0, 10.0], [1.0, 30.0], [2.0, 50.0]])
    >>> asked = Sensitivity(lambda X: X[:, 0] ** 2 + 0.1 * X[:, 1], background=rows)
    >>> e = asked.explain([2.0, 20.0])
    >>> e.values.round(3), e.value_unit
    (array([[3.266, 1.633]]), 'per standard deviation')
    >>> product = Sensitivity(lambda X: X[:, 0] * X[:, 1], background=rows, scale="none", second_order=True)
    >>> product.explain([2.0, 20.0]).interactions.round(3)
    array([[[0., 1.],
            [1., 0.]]])
    """

    method: ClassVar[str] = "sensitivity"
    params: ClassVar[tuple[ParamSpec, ...]] = (
        ChoiceParam(
            name="scale",
            default="auto",
            label="scale",
            doc="Per standard deviation, per unit of the input, or per cent for a per cent.",
            choices=("auto", "sd", "none", "elasticity"),
        ),
        BoolParam(
            name="second_order",
            default=False,
            label="pairs",
            doc="Whether second derivatives of pairs are looked at, which takes longer.",
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
            doc="How far numbers are moved to either side where nothing is differentiated, in standard deviations.",
            min=1e-6,
            max=10.0,
            scale="log",
            auto=True,
        ),
    )

    def __init__(
        self,
        model: Any,
        *,
        scale: Literal["auto", "sd", "none", "elasticity"] = "auto",
        second_order: bool = False,
        curvature: Literal["auto", "hessian", "differences"] = "auto",
        step: float | Literal["auto"] = "auto",
        background: Any = None,
        inputs: Any = None,
        random_state: int | None = 0,
        batch_size: int | Literal["auto"] = "auto",
    ) -> None:
        self.model = model
        self.scale = scale
        self.second_order = second_order
        self.curvature = curvature
        self.step = step
        self.background = background
        self.inputs = inputs
        self.random_state = random_state
        self.batch_size = batch_size

    # --- networks ---------------------------------------------------------------------------------------------------

    def _attribute(self, run: Run) -> Iterator[Attribution]:
        run.total = run.count * (1 + (2 * run.points[0][0].numel() if self.second_order else 0))
        if self.second_order:
            check(run)
        spreads = self._spreads(run)
        scale = self._resolved(spreads is not None)
        parts: list[list[Tensor]] = []
        for start, stop, (gradients, scores) in run.over(
            run.count,
            lambda a, b: run.gradients(
                run.function(torch.arange(a, b)), [point[a:b] for point in run.points]
            ),
        ):
            if scale == "sd":
                assert spreads is not None
                gradients = [each * spread for each, spread in zip(gradients, spreads, strict=True)]  # noqa: PLW2901
            elif scale == "elasticity":
                share = torch.where(scores == 0, torch.zeros_like(scores), 1 / scores)
                gradients = [  # noqa: PLW2901
                    each * point[start:stop, None] * share.reshape(*share.shape, *[1] * (each.dim() - 2))
                    for each, point in zip(gradients, run.points, strict=True)
                ]
            parts.append(gradients)
        said = tuple(undefined(run.scores()[0].double().cpu().numpy(), run.targets.names))
        first = [torch.cat(each) for each in zip(*parts, strict=True)]
        notices = said if scale == "elasticity" else ()
        pairs: list[NDArray[np.float64]] | None = None
        params: dict[str, Any] = {"scale": scale}
        if self.second_order:
            yield Attribution(
                first, total=run.total // run.count, params=params, notices=(*notices, EARLY_PAIRS)
            )
            pairs, params["curvature"] = self._pairs(run, spreads, scale)
        yield Attribution(
            first,
            n_evals=run.n_evals // run.count,
            total=run.n_evals // run.count,
            params=params,
            notices=notices,
            interactions=pairs,
        )

    def _pairs(
        self, run: Run, spreads: list[Tensor] | None, scale: Scale
    ) -> tuple[list[NDArray[np.float64]], str]:
        """Second derivatives of each instance by features, on the scale of both, and how they were found."""
        step = LONG_STEP if self.step == "auto" else float(self.step)
        spread = None if spreads is None else spreads[0]
        matrix, how = second(run, self.curvature, spread, step)
        if scale == "sd":
            assert spread is not None
            matrix = matrix * (spread.flatten()[:, None] * spread.flatten())
        elif scale == "elasticity":
            flat, scores = run.points[0].flatten(1), run.scores()
            share = torch.where(scores == 0, torch.zeros_like(scores), 1 / scores)
            matrix = matrix * (flat[:, None, :, None] * flat[:, None, None]) * share[..., None, None]
        part = run.owners_of[0]
        turned = bool(run.given.turned and run.given.turned[part])
        arrays = matrix.double().cpu().numpy()
        return [by_feature(each, run.given.layouts[part], turned=turned) for each in arrays], how

    def _spreads(self, run: Run) -> list[Tensor] | None:
        """Standard deviation of every number of the input over the background; None without one."""
        own = getattr(run.given.masker, "spreads", None)
        if self.background is None and own is None:
            return None
        if self.background is None:
            assert own is not None
            return [torch.as_tensor(own(), dtype=run.dtype, device=run.device)]
        count, n = run.background_rows, 0
        means: list[Tensor] = []
        squares: list[Tensor] = []
        for start in range(0, count, run.rows_a_pass):  # in stretches, merged (Chan, Golub & LeVeque 1983)
            rows = [
                each.detach().double()
                for each in run.background(range(start, min(start + run.rows_a_pass, count)))
            ]
            some, more = [each.mean(dim=0) for each in rows], len(rows[0])
            inner = [((each - mean) ** 2).sum(dim=0) for each, mean in zip(rows, some, strict=True)]
            if n:
                shift = [new - old for new, old in zip(some, means, strict=True)]
                some = [old + each * more / (n + more) for old, each in zip(means, shift, strict=True)]
                inner = [
                    old + new + each**2 * n * more / (n + more)
                    for old, new, each in zip(squares, inner, shift, strict=True)
                ]
            means, squares, n = some, inner, n + more
        return [(each / n).sqrt().to(run.dtype) for each in squares]

    def _resolved(self, known: bool) -> Scale:
        if self.scale == "auto":
            return "sd" if known else "none"
        if self.scale == "sd" and not known:
            raise InputError(
                'scale="sd" counts in standard deviations, but there is no background to take them from. Pass '
                'background=X_train, inputs=xai.Tabular(X_train), or scale="none".'
            )
        scale: Scale = self.scale
        return scale

    def _explained(
        self, run: Run, given: Sequence[Given], found: Attribution, status: State
    ) -> list[Explanation]:
        scale: Scale = found.params.get("scale", self.scale if self.scale in UNITS else "none")
        return [
            replace(each, value_unit=UNITS[scale])
            for each in super()._explained(
                run, given, replace(found, params={**found.params, "scale": scale}), status
            )
        ]

    def _fold(
        self, values: NDArray[np.float64], layout: Layout, masker: Any, role: str
    ) -> NDArray[np.float64]:
        if not isinstance(layout, Columns):
            return fold(values, layout, masker, role)
        return np.stack(
            [
                values[:, members[0]]
                if len(members) == 1
                else np.linalg.norm(values[:, list(members)], axis=1)
                for members in layout.members
            ],
            axis=1,
        )

    # --- other models -----------------------------------------------------------------------------------------------

    def _predictor(self) -> Any:
        """The model as a predictor, made once for each model; it need not be a network."""
        kept = self.__dict__.get("_wrapped")
        if kept is None or kept[0] is not self.model:
            made = wrap(self.model, kind="image")
            if not hasattr(made, "snapshot"):
                made = wrap(self.model, kind="table")
            kept = (self.model, made)
            self.__dict__["_wrapped"] = kept
        return kept[1]

    def _alike(self, rows: Sequence[Any]) -> Iterator[list[Any]]:
        if hasattr(self._predictor(), "snapshot"):
            yield from super()._alike(rows)
        else:
            yield from ([x] for x in rows)

    def _once(
        self,
        xs: Sequence[Any],
        targets: Target | None,
        predictor: Any,
        watch: Watch | None,
        gate: Gate | None,
    ) -> Iterator[list[Explanation]]:
        if hasattr(predictor, "snapshot"):
            yield from super()._once(xs, targets, predictor, watch, gate)
            return
        validate_all(self.params, {spec.name: getattr(self, spec.name) for spec in self.params})
        masker = self._columns(predictor)
        with predictor.run():
            (x,) = xs
            bound = masker.bind(x, predictor)
            made = Differences(
                self, predictor, bound, targets, self._resolved(known=True), live=gate is not None
            )
            for found in estimates(made.evaluation, made, made.n, tolerance=0, watch=watch, gate=gate):
                yield [found]

    def _columns(self, predictor: Any) -> Any:
        """The masker that knows the table's columns."""
        if self.inputs is None and self.background is not None:
            return Tabular(self.background)
        if getattr(self.inputs, "kind", None) == "table":
            return self.inputs
        if self.inputs is None:
            raise InputError(
                f"The model is a {predictor.model_name} without gradients: its columns are moved one at a time, and "
                "how far is read off a background. Pass background=X_train or inputs=xai.Tabular(X_train)."
            )
        raise CannotExplainError(
            f"Sensitivity of a model without gradients (a {predictor.model_name}) is for rows of a table.",
            ["LIME", "KernelSHAP"],
        )
