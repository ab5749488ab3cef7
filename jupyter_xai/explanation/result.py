"""The frozen result of a kernel: one estimate of all attributions, with its uncertainty."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, overload

import numpy as np
from numpy.typing import NDArray

from jupyter_xai.explanation.layouts import Layout

if TYPE_CHECKING:
    from matplotlib.figure import Figure

State: TypeAlias = Literal["running", "settled", "stopped", "capped", "failed"]
CurveKind: TypeAlias = Literal[
    "response", "presence", "adjustment", "flip", "removal", "insertion", "random_removal"
]
Values: TypeAlias = NDArray[np.float64] | tuple[NDArray[np.float64], ...]

Z95 = 1.96
"""Half-width of a 95 % interval in standard errors."""


@dataclass(frozen=True, eq=False)
class Fidelity:
    """How well a linear stand-in follows the model near the instance.

    Parameters
    ----------
    r2 : ndarray of shape (outputs,)
        Weighted R squared of the surrogate on its samples.
    local_predictions : ndarray of shape (outputs,)
        What the surrogate says at the instance.
    """

    r2: NDArray[np.float64]
    local_predictions: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Unexplained:
    """An operation whose contribution is not accounted for.

    Parameters
    ----------
    operation : str
        Name of the operation or module.
    share : float
        Its share of the additivity gap, 0 to 1.
    """

    operation: str
    share: float


@dataclass(frozen=True, eq=False)
class Curve:
    """The model's answer along one path.

    Parameters
    ----------
    kind : str
        "response": a feature of a row at its values (ICE); "presence": a word or piece absent and present;
        "adjustment": an image blurred, lighter, turned; "flip": the nearest value of a feature that turns the
        decision; "removal", "insertion" and "random_removal": without the top features, without all but them, without
        random ones.
    feature : int or None
        Which feature it belongs to.
    x : ndarray of shape (points,)
        Feature values (positions of categories), 0 and 1, amounts, or the number of features removed.
    y : ndarray of shape (outputs, points)
    order : int, optional
        Which explained output's order a removal or insertion follows.
    band : ndarray of shape (2, outputs, points), optional
        Lower and upper quantile of what ``y`` is the mean of.
    name : str
        Which adjustment.
    """

    kind: CurveKind
    feature: int | None
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    order: int | None = None
    band: NDArray[np.float64] | None = None
    name: str = ""

    def for_output(self, at: int) -> Curve | None:
        """Restrict it to one output; None if it follows another output's order."""
        if self.order not in (None, at):
            return None
        return replace(
            self,
            y=self.y[at : at + 1],
            order=None if self.order is None else 0,
            band=None if self.band is None else self.band[:, at : at + 1],
        )


@dataclass(frozen=True, eq=False, kw_only=True)
class Explanation:
    """One whole estimate of all attributions.

    Parameters
    ----------
    values : ndarray of shape (outputs, *features), or a tuple of these
        Attributions, float64. Outputs come *first* (SHAP's ``Explanation`` has them last). Pixels keep
        (channels, height, width); several inputs give a tuple in input order.
    features : Layout
        What was explained, one entry a feature.
    output_names : tuple of str
        The explained outputs, in the order of ``values``.
    predictions : ndarray of shape (outputs,)
        The model at the instance.
    targets : tuple of int
        Index of each explained output among the model's; empty for outputs that are functions.
    std_errors : ndarray like values, optional
        Scaled so that 1.96 of it is the 95 % half-width. None: exact.
    base_values : ndarray of shape (outputs,), optional
        Value with every feature absent; for LIME the surrogate's intercept.
    additive : bool
        Whether base value and attributions are meant to add up to the prediction.
    fidelity : Fidelity, optional
        For surrogates: weighted R squared and the prediction of the stand-in.
    unexplained : tuple of Unexplained
        Operations and their share of the additivity gap.
    vectors : ndarray of shape (outputs, ids, embedding), optional
        Of token ids: attributions to each number of the embedding of each id, before they are summed to ``values``.
        Intervals are of the sums.
    interactions : ndarray of shape (outputs, features, features), optional
        Of each pair of features, all axes of these flat; the unit is that of ``values`` for both. By
        ``Sensitivity(second_order=True)`` second derivatives.
    curves : optional
        The model's answer along paths.
    curve_rows : int
        Model rows that the curves took, besides ``n_rows``.
    output_unit, value_unit : str
        What was explained ("probability", "logit", "raw"), and the unit of ``values``.
    method : str
        Kernel name, for example ``"lime"``.
    params : mapping
        The hyper-parameters used, ``"auto"`` resolved.
    random_state : int or None
        The seed.
    n_evals, n_rows : int
        Masks (or passes) and model rows this estimate rests on.
    forecast_evals : int or None
        Masks the run is expected to need.
    all_output_names, all_predictions : optional
        Every output of the model at the instance, for the target switch.
    status : {"running", "settled", "stopped", "capped", "failed"}
        Where the run was when this estimate was made.
    notices : tuple of str
        Sentences the reader should see.

    Examples
    --------
    >>> import numpy as np
    >>> from jupyter_xai.explanation import Columns
    >>> row = Columns(
    ...     names=("age", "job"), values=(24, "skilled"), kinds=("number", "category"), members=((0,), (1,))
    ... )
    >>> e = Explanation(
    ...     values=np.array([[0.2, -0.1]]),
    ...     features=row,
    ...     output_names=("bad",),
    ...     predictions=np.array([0.6]),
    ...     base_values=np.array([0.5]),
    ...     additive=True,
    ...     method="demo",
    ... )
    >>> bool(abs(e.additivity_gap[0]) < 1e-12)
    True
    """

    values: Values
    features: Layout
    output_names: tuple[str, ...]
    predictions: NDArray[np.float64]
    targets: tuple[int, ...] = ()
    std_errors: Values | None = None
    base_values: NDArray[np.float64] | None = None
    additive: bool = False
    fidelity: Fidelity | None = None
    unexplained: tuple[Unexplained, ...] = ()
    vectors: NDArray[np.float64] | None = None
    interactions: NDArray[np.float64] | None = None
    curves: tuple[Curve, ...] | None = None
    curve_rows: int = 0
    output_unit: str = "raw"
    value_unit: str = ""
    method: str = ""
    params: Mapping[str, Any] = field(default_factory=dict)
    random_state: int | None = 0
    n_evals: int = 0
    n_rows: int = 0
    forecast_evals: int | None = None
    all_output_names: tuple[str, ...] | None = None
    all_predictions: NDArray[np.float64] | None = None
    status: State = "settled"
    notices: tuple[str, ...] = ()

    @property
    def intervals(self) -> tuple[Values, Values] | None:
        """Lower and upper 95 % bounds, each shaped like ``values``; None if exact."""
        if self.std_errors is None:
            return None
        if isinstance(self.values, tuple):
            pairs = list(zip(self.values, self.std_errors, strict=True))
            return tuple(v - Z95 * s for v, s in pairs), tuple(v + Z95 * s for v, s in pairs)
        half = Z95 * np.asarray(self.std_errors)
        return self.values - half, self.values + half

    @property
    def totals(self) -> NDArray[np.float64]:
        """Sum of the attributions of each output, shape (outputs,)."""
        parts = self.values if isinstance(self.values, tuple) else (self.values,)
        return np.asarray(sum(part.reshape(len(part), -1).sum(axis=1) for part in parts), dtype=np.float64)

    @property
    def additivity_gap(self) -> NDArray[np.float64] | None:
        """Prediction minus base value minus attributions, shape (outputs,); None without a base value."""
        if self.base_values is None:
            return None
        return np.asarray(self.predictions - self.base_values - self.totals, dtype=np.float64)

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Names of the features, as in SHAP's ``Explanation``."""
        return self.features.feature_names

    def for_output(self, name: str | int) -> Explanation:
        """Restrict the explanation to one output.

        Parameters
        ----------
        name : str or int
            Output name, or position among the explained outputs.

        Raises
        ------
        TargetError
            If the output was not explained.
        """
        from jupyter_xai.errors import TargetError

        if isinstance(name, str):
            if name not in self.output_names:
                known = ", ".join(repr(n) for n in self.output_names[:20])
                raise TargetError(
                    f"{name!r} was not explained; explained outputs: {known}. Pass targets={name!r}."
                )
            name = self.output_names.index(name)
        if not -len(self.output_names) <= name < len(self.output_names):
            raise TargetError(
                f"There is no explained output {name}: expected a number from 0 to {len(self.output_names) - 1}, or a "
                "name."
            )
        name %= len(self.output_names)
        at = slice(name, name + 1)
        paths = [curve.for_output(name) for curve in self.curves or ()]

        def cut(array: Any) -> Any:
            if array is None:
                return None
            return tuple(part[at] for part in array) if isinstance(array, tuple) else array[at]

        fidelity = self.fidelity and Fidelity(cut(self.fidelity.r2), cut(self.fidelity.local_predictions))
        return replace(
            self,
            values=cut(self.values),
            std_errors=cut(self.std_errors),
            base_values=cut(self.base_values),
            predictions=cut(self.predictions),
            vectors=cut(self.vectors),
            interactions=cut(self.interactions),
            fidelity=fidelity,
            output_names=self.output_names[at],
            targets=self.targets[at],
            curves=None if self.curves is None else tuple(path for path in paths if path is not None),
        )

    def save(self, path: str | Path) -> None:
        """Write to one file, versioned, with no pickle inside.

        Parameters
        ----------
        path : str or Path
        """
        from jupyter_xai.explanation.archive import save

        save(self, path)

    @staticmethod
    def load(path: str | Path) -> Explanation:
        """Read a file written by ``save``.

        Raises
        ------
        InputError
            If the file is not one of ours or is of a newer version.
        """
        from jupyter_xai.explanation.archive import load

        return load(path)

    def plot(self, output: str | int = 0) -> Figure:
        """Draw one output as a matplotlib figure."""
        from jupyter_xai.explanation.outlets import plot

        return plot(self, output)

    def to_frame(self) -> Any:
        """One row a feature and output, as a pandas DataFrame.

        Raises
        ------
        MissingExtraError
            If pandas is not installed.
        """
        from jupyter_xai.explanation.outlets import to_frame

        return to_frame(self)

    def to_html(self, path: str | Path | None = None, *, exact: bool = False) -> str:
        """One self-contained page that keeps every interaction that needs no kernel.

        Parameters
        ----------
        path : str or Path, optional
            Where it is written as well.
        exact : bool, default=False
            Pixel attributions in float16 at the image's own size, instead of 255 steps at 224 pixels.
        """
        from jupyter_xai.explanation.outlets import to_html

        return to_html(self, path, exact=exact)

    def __repr__(self) -> str:
        """One line: method, features, outputs and state; never the arrays."""
        count = int(np.prod(self.features.shape))
        outputs = ", ".join(self.output_names[:3]) + (", ..." if len(self.output_names) > 3 else "")
        things = "1 feature" if count == 1 else f"{count} features"
        return f"<Explanation by {self.method or 'unknown'}: {things} of {outputs}; {self.status}>"


class ExplanationBatch(Sequence[Explanation]):
    """Explanations of several rows.

    Parameters
    ----------
    explanations : sequence of Explanation
        All with the same outputs and features.
    """

    def __init__(self, explanations: Sequence[Explanation]) -> None:
        self._explanations = tuple(explanations)

    @overload
    def __getitem__(self, index: int) -> Explanation: ...
    @overload
    def __getitem__(self, index: slice) -> ExplanationBatch: ...
    def __getitem__(self, index: int | slice) -> Explanation | ExplanationBatch:
        """One explanation, or a shorter batch."""
        if isinstance(index, slice):
            return ExplanationBatch(self._explanations[index])
        return self._explanations[index]

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self._explanations)

    def __iter__(self) -> Iterator[Explanation]:
        """Iterate over the rows."""
        return iter(self._explanations)

    @property
    def values(self) -> Values:
        """One array of shape (n, outputs, *features); a tuple of these for several inputs.

        Raises
        ------
        ValueError
            If the rows have different numbers of features (texts of different length).
        """
        first = self._explanations[0].values if self._explanations else np.empty((0, 0))
        if isinstance(first, tuple):
            return tuple(np.stack([e.values[k] for e in self]) for k in range(len(first)))
        return np.stack([np.asarray(e.values) for e in self]) if self._explanations else first
