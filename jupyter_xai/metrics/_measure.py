"""What a metric answers with, and the intervals of metrics that sample."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from jupyter_xai.explanation.numbers import significant

Better = Literal["higher", "lower", ""]


@dataclass(frozen=True, eq=False, kw_only=True)
class Measure:
    """One metric of one explanation, one number an explained output.

    Parameters
    ----------
    name : str
        The metric.
    values : ndarray of shape (outputs,)
        NaN where there is no number to give; ``notices`` says why.
    half_widths : ndarray of shape (outputs,), optional
        Half-widths of 95 % intervals; None where nothing was sampled.
    output_names : tuple of str
    unit : str
        Unit of the values, "" for a pure number.
    better : {"higher", "lower", ""}
        Which end a faithful or steady explanation is at.
    definition : str
        Paper and equation.
    n_evals, n_rows : int
        Perturbations, and rows the model was asked about.
    notices : tuple of str
        What the reader should know, one sentence each.
    draws : ndarray of shape (n, outputs), optional
        What each perturbation adds, so that their mean is the value: of two measures that rest on the same
        perturbations
        the difference is taken within them, see ``difference``.
    floor : ndarray of shape (outputs,), optional
        Differences below it mean nothing: a millionth of what the model's answers vary by.

    Examples
    --------
    >>> Measure(
    ...     name="completeness gap",
    ...     values=np.array([0.25]),
    ...     output_names=("bad",),
    ...     unit="logit",
    ...     better="lower",
    ... )
    <completeness gap of bad: 0.25 logit, lower is better>
    """

    name: str
    values: NDArray[np.float64]
    half_widths: NDArray[np.float64] | None = None
    output_names: tuple[str, ...] = ()
    unit: str = ""
    better: Better = ""
    definition: str = ""
    n_evals: int = 0
    n_rows: int = 0
    notices: tuple[str, ...] = ()
    draws: NDArray[np.float64] | None = None
    floor: NDArray[np.float64] | None = None

    @property
    def intervals(self) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
        """Lower and upper 95 % bounds, each of shape (outputs,); None where nothing was sampled."""
        if self.half_widths is None:
            return None
        return self.values - self.half_widths, self.values + self.half_widths

    def __repr__(self) -> str:
        """Name, first output, its value and interval, and which end is better."""
        first = self.output_names[0] if self.output_names else "the output"
        value = float(self.values[0])
        said = significant(value) if np.isfinite(value) else "no number"
        if self.half_widths is not None and np.isfinite(value):
            said += f" ± {significant(float(self.half_widths[0]))}"
        said += f" {self.unit}" if self.unit else ""
        end = f", {self.better} is better" if self.better else ""
        return f"<{self.name} of {first}: {said}{end}>"


def difference(first: Measure, second: Measure, output: int, comparisons: int = 1) -> tuple[float, float]:
    """How much higher the first is on an output, and the half-width of an interval for that.

    Where both rest on the same perturbations it is taken within them; else their intervals are put together.

    Parameters
    ----------
    first, second : Measure
        Of the same metric.
    output : int
    comparisons : int, default=1
        How many differences are looked at: 95 % holds for all of them together (Bonferroni).

    Examples
    --------
    >>> made = lambda *draws: Measure(
    ...     name="infidelity", values=np.array([np.mean(draws)]), draws=np.array(draws)[:, None]
    ... )
    >>> difference(made(1.0, 5.0, 9.0), made(0.0, 4.0, 8.0), 0)
    (1.0, 0.0)
    """
    apart = float(first.values[output] - second.values[output])
    floor = max(0.0 if each.floor is None else float(each.floor[output]) for each in (first, second))
    if first.draws is not None and second.draws is not None and first.draws.shape == second.draws.shape:
        pairs = first.draws[:, output] - second.draws[:, output]
        n = len(pairs)
        half = student(n - 1, comparisons) * float(pairs.std(ddof=1)) / np.sqrt(n) if n > 1 else np.inf
        return apart, max(floor, float(half))
    halves = [
        0.0 if each.half_widths is None else float(each.half_widths[output]) for each in (first, second)
    ]
    wider = student(1000, comparisons) / student(1000)
    return apart, max(floor, float(wider * np.hypot(halves[0], halves[1])))


def student(degrees: int, comparisons: int = 1) -> float:
    """Two-sided 95 % quantile of Student's t, for so many comparisons together.

    Examples
    --------
    >>> round(student(9), 3), student(0)
    (2.262, inf)
    """
    from scipy.special import stdtrit

    return float(stdtrit(degrees, 1 - 0.025 / max(1, comparisons))) if degrees > 0 else float("inf")


def mean_interval(draws: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean over independent draws, and the half-width of its 95 % interval.

    Parameters
    ----------
    draws : ndarray of shape (n, ...)

    Examples
    --------
    >>> mean, half = mean_interval(np.array([1.0, 2.0, 3.0]))
    >>> float(mean), round(float(half), 3)
    (2.0, 2.484)
    """
    n = len(draws)
    if n < 2:
        return draws.mean(axis=0), np.full(draws.shape[1:], np.inf)
    return draws.mean(axis=0), student(n - 1) * draws.std(axis=0, ddof=1) / np.sqrt(n)


def jackknife(
    parts: NDArray[np.float64], statistic: Callable[[NDArray[np.float64]], NDArray[np.float64]]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """A function of sums over independent draws, and the half-width of its 95 % interval, by leaving draws out in turn.

    Parameters
    ----------
    parts : ndarray of shape (n, ..., k)
        What each draw adds to the k sums.
    statistic : callable
        From sums (..., k) to values (...).

    Notes
    -----
    Efron & Stein, "The Jackknife Estimate of Variance" (1981).

    Examples
    --------
    >>> ratio = lambda sums: sums[..., 0] / sums[..., 1]
    >>> value, half = jackknife(np.array([[1.0, 1.0], [3.0, 1.0], [2.0, 1.0]]), ratio)
    >>> float(value), round(float(half), 3)
    (2.0, 2.484)
    """
    n = len(parts)
    total = parts.sum(axis=0)
    value = statistic(total)
    if n < 2:
        return value, np.full(np.shape(value), np.inf)
    without = statistic(total - parts)
    with np.errstate(invalid="ignore"):  # where there is no value there is no interval either
        spread = ((without - without.mean(axis=0)) ** 2).sum(axis=0)
    return value, student(n - 1) * np.sqrt((n - 1) / n * spread)
