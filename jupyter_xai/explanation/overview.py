"""The frozen result over many rows: what a model looks at, and how surely."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from jupyter_xai.explanation.layouts import Layout
from jupyter_xai.explanation.result import Z95, State

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True, eq=False, kw_only=True)
class RowSample:
    """Values of a few rows, drawn at random from all: a strip of dots a feature.

    Parameters
    ----------
    rows : ndarray of shape (k,), int
        Number of each row in the data, ascending.
    features : ndarray of shape (m,), int
        Positions of the features that are kept: the most important ones.
    values : ndarray of shape (k, outputs, m), float32
        Attributions; NaN where a row does not have the feature.
    inputs : ndarray of shape (k, m), float32
        The rows' own values: a number, a category's position among its categories; NaN where there is none.
    predictions : ndarray of shape (k, outputs), float32, optional
        The model at each row; NaN for an output that was not explained there.
    predicted : ndarray of shape (k,), int, optional
        Position of the class that the model predicts; -1 for one that was not explained. None: no classes.
    """

    rows: NDArray[np.int64]
    features: NDArray[np.int64]
    values: NDArray[np.float32]
    inputs: NDArray[np.float32]
    predictions: NDArray[np.float32] | None = None
    predicted: NDArray[np.int64] | None = None


@dataclass(frozen=True, eq=False, kw_only=True)
class Pick:
    """One row worth reading.

    Parameters
    ----------
    row : int
        Its number in the data, from 0.
    gain : float
        Importance that it adds to what earlier picks cover, as a share of all.
    adds : ndarray of shape (n,), int
        Positions of the features that no earlier pick has, the most important first.
    features, weights : ndarray of shape (m,)
        Positions of all its features, and their weights, summed over outputs by magnitude.
    predicted : str
        The model's highest output at the row, of all that it has; "" if it has one, or not all are known.
    prediction : float
        What the model says there: of its highest output.
    """

    row: int
    gain: float
    adds: NDArray[np.int64]
    features: NDArray[np.int64]
    weights: NDArray[np.float64]
    predicted: str = ""
    prediction: float = math.nan


@dataclass(frozen=True, eq=False, kw_only=True)
class GlobalExplanation:
    """One whole estimate over the rows seen so far.

    Parameters
    ----------
    values : ndarray of shape (outputs, features)
        Importance of each feature for each output, not negative.
    feature_names : tuple of str
        Columns, words, positions or clusters.
    output_names : tuple of str
    std_errors : ndarray of shape (outputs, features), optional
        Over rows, scaled so that 1.96 of it is the 95 % half-width; infinite where one row alone speaks.
    overall, overall_std_errors : ndarray of shape (features,), optional
        Importance over all outputs.
    support : ndarray of shape (outputs, features), int, optional
        How many rows each value rests on.
    signed, signed_std_errors : ndarray of shape (outputs, features), optional
        The same with its direction: near zero where a feature raises as often as it lowers.
    chance : ndarray of shape (outputs, features), optional
        What a feature without any effect would show, for the noise of the rows' own explanations.
    missing : ndarray of shape (features,), optional
        Bound on what each feature's summed importance may lack, where rare features had to be set aside.
    predicted : ndarray of shape (outputs,), int, optional
        In how many rows the model predicts each class, that is finds it the most probable of all it knows. None: no
        classes, or not all outputs are known.
    interactions, interaction_std_errors : ndarray of shape (outputs, features, features), optional
        Importance of pairs.
    sample : RowSample, optional
        Values of a few rows.
    picks : tuple of Pick, optional
        The rows worth reading, in the order they were picked.
    coverage : ndarray of shape (picks,), optional
        Share of all importance that the first picks cover together.
    layout : Layout, optional
        The first row's, where all rows have the same features.
    feature_shape : tuple of int
        Axes of the features where these are places of a picture or series, else empty.
    n_rows, total_rows : int, int or None
        Rows seen, and rows there are.
    n_evals : int
        Masks or passes that all of it rests on.
    output_unit, value_unit : str
    method, params, random_state, status, notices
        As in ``Explanation``; the explainer's own hyper-parameters are under ``"explainer"``.

    Examples
    --------
    >>> found = GlobalExplanation(
    ...     values=np.array([[0.2, 0.5]]),
    ...     std_errors=np.array([[0.01, 0.1]]),
    ...     feature_names=("age", "debt"),
    ...     output_names=("bad",),
    ...     n_rows=100,
    ...     method="global_shap",
    ... )
    >>> found.ranking().tolist(), found
    ([1, 0], <GlobalExplanation by global_shap: 2 features of bad over 100 rows; settled>)
    """

    values: NDArray[np.float64]
    feature_names: tuple[str, ...]
    output_names: tuple[str, ...]
    std_errors: NDArray[np.float64] | None = None
    overall: NDArray[np.float64] | None = None
    overall_std_errors: NDArray[np.float64] | None = None
    support: NDArray[np.int64] | None = None
    signed: NDArray[np.float64] | None = None
    signed_std_errors: NDArray[np.float64] | None = None
    chance: NDArray[np.float64] | None = None
    missing: NDArray[np.float64] | None = None
    predicted: NDArray[np.int64] | None = None
    interactions: NDArray[np.float64] | None = None
    interaction_std_errors: NDArray[np.float64] | None = None
    sample: RowSample | None = None
    picks: tuple[Pick, ...] | None = None
    coverage: NDArray[np.float64] | None = None
    layout: Layout | None = None
    feature_shape: tuple[int, ...] = ()
    n_rows: int = 0
    total_rows: int | None = None
    n_evals: int = 0
    output_unit: str = "raw"
    value_unit: str = ""
    method: str = ""
    params: Mapping[str, Any] = field(default_factory=dict)
    random_state: int | None = 0
    status: State = "settled"
    notices: tuple[str, ...] = ()

    @property
    def intervals(self) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
        """Lower and upper 95 % bounds of ``values``; None if exact."""
        if self.std_errors is None:
            return None
        half = Z95 * self.std_errors
        return self.values - half, self.values + half

    def ranking(self, output: str | int | None = None) -> NDArray[np.int64]:
        """Positions of the features, the most important first; ties in feature order.

        Parameters
        ----------
        output : str or int, optional
            Of one output; None: over all.

        Raises
        ------
        TargetError
            If the output was not explained.
        """
        if output is None:
            importance = self.values.sum(axis=0) if self.overall is None else self.overall
        else:
            importance = self.values[self._position(output)]
        return np.argsort(-importance, kind="stable").astype(np.int64)

    def _position(self, output: str | int) -> int:
        from jupyter_xai.explanation.outlets import position

        return position(self, output)

    def save(self, path: str | Path) -> None:
        """Write to one file, versioned, with no pickle inside.

        Parameters
        ----------
        path : str or Path
        """
        from jupyter_xai.explanation.archive import save

        save(self, path)

    @staticmethod
    def load(path: str | Path) -> GlobalExplanation:
        """Read a file written by ``save``.

        Raises
        ------
        InputError
            If the file is not one of these or is of a newer version.
        """
        from jupyter_xai.explanation.archive import load

        return load(path, GlobalExplanation)

    def plot(self, output: str | int | None = None) -> Figure:
        """Draw the most important features, of one output or over all, as a matplotlib figure."""
        from jupyter_xai.explanation.outlets import plot_overview

        return plot_overview(self, output)

    def to_html(self, path: str | Path | None = None) -> str:
        """One self-contained page that keeps every interaction that needs no kernel.

        Parameters
        ----------
        path : str or Path, optional
            Where it is written as well.

        Returns
        -------
        str
            The text of the file; nothing in it is fetched from elsewhere.
        """
        from jupyter_xai.explanation.outlets import overview_html

        return overview_html(self, path)

    def to_frame(self) -> Any:
        """One row a feature and output, as a pandas DataFrame.

        Raises
        ------
        MissingExtraError
            If pandas is not installed.
        """
        from jupyter_xai.explanation.outlets import overview_frame

        return overview_frame(self)

    def _repr_html_(self) -> str:
        """A table without scripts, for notebooks."""
        from jupyter_xai.explanation.outlets import overview_table

        return overview_table(self)

    def __repr__(self) -> str:
        """One line: method, features, outputs, rows and state; never the arrays."""
        count = len(self.feature_names)
        outputs = ", ".join(self.output_names[:3]) + (", ..." if len(self.output_names) > 3 else "")
        things = "1 feature" if count == 1 else f"{count} features"
        rows = f"{self.n_rows:,} row{'' if self.n_rows == 1 else 's'}"
        method = self.method or "unknown"
        return f"<GlobalExplanation by {method}: {things} of {outputs} over {rows}; {self.status}>"
