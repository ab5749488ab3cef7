"""One method of a comparison, and the instance before what-if edits."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from jupyter_xai.explanation import Curve, Explanation, Layout
from jupyter_xai.metrics import Measure


@dataclass(frozen=True, eq=False)
class Entry:
    """One method of a comparison.

    Parameters
    ----------
    name, label : str
        What ``methods=`` takes, and what is printed.
    explanation : Explanation or None
        None until it is there, or where the method cannot explain this.
    why_not : str
        Why it cannot; empty if it can.
    measures : dict of str to Measure
    curves : tuple of Curve
        Removal curves beside random orders.
    seconds : float
        That the explanation took, metrics aside.
    """

    name: str
    label: str
    explanation: Explanation | None = None
    why_not: str = ""
    measures: dict[str, Measure] = field(default_factory=dict)
    curves: tuple[Curve, ...] = ()
    seconds: float = float("nan")

    @property
    def n_rows(self) -> int:
        """Model rows (or passes over rows) that the explanation took."""
        return 0 if self.explanation is None else self.explanation.n_rows


@dataclass(frozen=True, eq=False)
class Before:
    """The instance before what-if edits.

    Parameters
    ----------
    features : Layout
    predictions : ndarray of shape (outputs,)
    ids : tuple of int or None
        For each feature after the edits its number before them; inserted ones count on. None: the same.
    """

    features: Layout
    predictions: NDArray[np.float64]
    ids: tuple[int, ...] | None = None
