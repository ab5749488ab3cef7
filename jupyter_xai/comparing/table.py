"""Methods judged over many rows: a tidy frame, intervals, and differences within rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from jupyter_xai.comparing.result import OWN
from jupyter_xai.errors import InputError, MissingExtraError
from jupyter_xai.explanation.numbers import duration, significant, whole
from jupyter_xai.metrics._measure import mean_interval

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_CELL = "padding:2px 8px;text-align:right;white-space:nowrap"
_NAME = "padding:2px 8px;text-align:left"
_SMALL = "font-size:11px;font-weight:normal;opacity:.8"
_READING = (
    "Means over rows with 95 % intervals. Below, the mean difference to the method with the best mean, taken row by "
    "row, with an interval that holds for all methods together. A winner, in bold, is named where all exclude zero."
)


@dataclass(frozen=True)
class Record:
    """One metric of one method on one row; ``metric`` is empty where the method could not explain it."""

    row: int
    method: str
    output: str
    metric: str
    value: float
    half_width: float
    better: str
    unit: str
    seconds: float
    n_rows: int
    note: str = ""
    floor: float = 0.0


@dataclass(frozen=True, eq=False)
class Difference:
    """One metric of two methods, row by row.

    Parameters
    ----------
    metric, first, second : str
    mean : float
        Of ``first - second``.
    half_width : float
        Of its interval, over rows; 95 % for all the comparisons of the metric together (Bonferroni).
    n : int
        Rows on which both have a number.
    """

    metric: str
    first: str
    second: str
    mean: float
    half_width: float
    n: int

    @property
    def excludes_zero(self) -> bool:
        """Whether the interval is on one side of zero."""
        return abs(self.mean) > self.half_width


@dataclass(frozen=True, eq=False)
class Benchmark:
    """Methods over many rows; made by ``benchmark``.

    Parameters
    ----------
    records : tuple of Record
    methods, metrics : tuple of str
        In the order in which they were asked for.
    n_instances : int
        Rows that were looked at.
    status : {"running", "settled", "stopped"}
    space : str
        The output space in which the methods explain.
    notices : tuple of str
    kernels : tuple of str
        Name of each method's kernel.

    Examples
    --------
    >>> import jupyter_xai as xai
    >>> rows = np.random.default_rng(0).normal(size=(40, 3))
    >>> found = xai.benchmark(
    ...     lambda X: X[:, 0] * X[:, 1] + X[:, 2],
    ...     rows[:5],
    ...     ["kernel_shap", "lime"],
    ...     ["completeness", "removal"],
    ...     background=rows,
    ... )
    >>> found
    <Benchmark of KernelSHAP, LIME over 5 rows>
    """

    records: tuple[Record, ...]
    methods: tuple[str, ...]
    metrics: tuple[str, ...]
    n_instances: int
    status: str = "settled"
    space: str = ""
    notices: tuple[str, ...] = ()
    kernels: tuple[str, ...] = ()

    @cached_property
    def _by_metric(self) -> dict[str, list[Record]]:
        """The records of each metric; all that is asked of a benchmark is asked of these."""
        found: dict[str, list[Record]] = {}
        for record in self.records:
            found.setdefault(record.metric, []).append(record)
        return found

    def values(self, metric: str) -> NDArray[np.float64]:
        """Values of a metric, (rows, methods), averaged over a row's outputs; NaN where there is none.

        Raises
        ------
        InputError
            If the metric was not computed.
        """
        if metric not in self.metrics:
            raise InputError(f"{metric!r} was not computed: there are {', '.join(self.metrics)}.")
        sums = np.zeros((self.n_instances, len(self.methods)))
        counts = np.zeros_like(sums)
        at = {name: i for i, name in enumerate(self.methods)}
        for record in self._by_metric.get(metric, ()):
            sums[record.row, at[record.method]] += record.value
            counts[record.row, at[record.method]] += 1
        with np.errstate(invalid="ignore"):
            return np.where(counts > 0, sums / counts, np.nan)

    def better(self, metric: str) -> str:
        """Which end of a metric is better: "higher", "lower", or "" if neither."""
        return next((record.better for record in self._by_metric.get(metric, ())), "")

    def mean(self, metric: str) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.intp]]:
        """Mean of a metric over rows, half-width of its 95 % interval and number of rows, each (methods,)."""
        table = self.values(metric)
        means, halves = np.full(len(self.methods), np.nan), np.full(len(self.methods), np.nan)
        counts = np.isfinite(table).sum(axis=0)
        for i in np.flatnonzero(counts):
            means[i], halves[i] = mean_interval(table[np.isfinite(table[:, i]), i])
        return means, halves, counts

    def differences(self, metric: str, against: str | None = None) -> tuple[Difference, ...]:
        """Differences within rows of one method to each other one.

        Parameters
        ----------
        metric : str
        against : str, optional
            The one method. None: the one with the best mean.
        """
        means, _, _ = self.mean(metric)
        if against is None:
            if not np.isfinite(means).any():
                return ()
            best = np.nanargmin(means) if self.better(metric) == "lower" else np.nanargmax(means)
            against = self.methods[int(best)]
        if against not in self.methods:
            raise InputError(f"against={against!r} was not compared: there are {', '.join(self.methods)}.")
        table, first = self.values(metric), self.methods.index(against)
        others = [i for i in range(len(self.methods)) if i != first and np.isfinite(table[:, i]).any()]
        found = []
        for i in others:
            apart = table[:, first] - table[:, i]
            apart = apart[np.isfinite(apart)]
            mean, half = _interval(apart, len(others))
            half = max(half, self._floor(metric))
            found.append(Difference(metric, against, self.methods[i], mean, half, len(apart)))
        return tuple(found)

    def _floor(self, metric: str) -> float:
        """Differences below it mean nothing."""
        floors = [record.floor for record in self._by_metric.get(metric, ())]
        return float(np.mean(floors)) if floors else 0.0

    def winner(self, metric: str) -> str:
        """The method whose difference to every other one has an interval that excludes zero; "" if there is none."""
        if not self.better(metric):
            return ""
        found = self.differences(metric)
        return found[0].first if found and all(each.excludes_zero for each in found) else ""

    @property
    def verdict(self) -> str:
        """What the rows support and what they do not."""
        won: dict[str, list[str]] = {}
        behind: dict[str, list[str]] = {}
        for metric in self.metrics:
            found = self.differences(metric) if self.better(metric) else ()
            if not found:
                continue
            winner = self.winner(metric)
            own = self.own_ground(metric)
            won.setdefault(winner, []).append(f"{metric}, {own}" if own else metric)
            if not winner:
                for each in found:
                    if each.excludes_zero:
                        behind.setdefault(each.second, []).append(metric)
        said = [f"{name} is preferable in {_listed(metrics)}." for name, metrics in won.items() if name]
        if won.get(""):
            said.append(
                f"No method is preferable in {_listed(won[''])}: "
                "the interval of its difference to some other one includes zero."
            )
        said += [f"{name} is behind the best in {_listed(metrics)}." for name, metrics in behind.items()]
        if len([name for name in won if name]) > 1:
            said.append("Reasonable metrics disagree here.")
        if not won:
            said.append("There is no metric on which two methods could be compared.")
        return " ".join(
            (
                *said,
                f"{whole(self.n_instances)} row{'s were' if self.n_instances != 1 else ' was'} looked at.",
            )
        )

    def own_ground(self, metric: str) -> str:
        """Why a winner's lead says less here; empty if it does not."""
        kernel = dict(zip(self.methods, self.kernels, strict=False)).get(self.winner(metric), "")
        return OWN.get((kernel, metric), "")

    def unit(self, metric: str) -> str:
        """The unit of a metric; empty if it has none."""
        return next((record.unit for record in self._by_metric.get(metric, ())), "")

    def why_not(self, method: str) -> str:
        """Why a method has no explanation of any row; empty if it has one."""
        own = [record for record in self.records if record.method == method]
        if not own or any(record.metric or not record.note for record in own):
            return ""
        return own[-1].note

    def why_no_number(self, metric: str) -> str:
        """What is said in the place of a metric's numbers."""
        notes = [record.note for record in self._by_metric.get(metric, ()) if record.note]
        return notes[-1] if notes else "There is no number."

    # --- ways out ---------------------------------------------------------------------------------------------------

    @property
    def frame(self) -> Any:
        """One line a row, method, output and metric, as a pandas DataFrame: ``to_frame()``."""
        return self.to_frame()

    def to_frame(self) -> Any:
        """One line a row, method, output and metric, as a pandas DataFrame.

        Raises
        ------
        MissingExtraError
            If pandas is not installed.
        """
        pd = _pandas()
        return pd.DataFrame(
            [vars(record) for record in self.records], columns=list(Record.__dataclass_fields__)
        )

    def summary(self) -> Any:
        """One line a metric and method: mean, interval, rows, difference to the best method, winner; as a DataFrame."""
        pd = _pandas()
        lines = []
        for metric in self.metrics:
            means, halves, counts = self.mean(metric)
            apart = {each.second: each for each in self.differences(metric)}
            winner = self.winner(metric)
            for i, method in enumerate(self.methods):
                each = apart.get(method)
                lines.append(
                    {
                        "metric": metric,
                        "method": method,
                        "mean": means[i],
                        "lower": means[i] - halves[i],
                        "upper": means[i] + halves[i],
                        "rows": int(counts[i]),
                        "behind the best": np.nan if each is None else each.mean,
                        "half-width": np.nan if each is None else each.half_width,
                        "better": self.better(metric),
                        "winner": method == winner,
                    }
                )
        return pd.DataFrame(lines)

    def plot(self) -> Figure:
        """Draw means and intervals, one panel a metric."""
        from jupyter_xai.plot.comparison import means

        return means({metric: self.mean(metric)[:2] for metric in self.metrics}, self.methods)

    def _repr_html_(self) -> str:
        """The verdict and a table of means and paired differences, without scripts."""
        head = "".join(f'<th style="{_CELL}">{escape(method)}</th>' for method in self.methods)
        lines = []
        for metric in self.metrics:
            means, halves, _ = self.mean(metric)
            winner = self.winner(metric)
            apart = {each.second: each for each in self.differences(metric)} if self.better(metric) else {}
            cells = []
            for i, method in enumerate(self.methods):
                said = "no number"
                if np.isfinite(means[i]):
                    said = significant(float(means[i])) + _within(float(halves[i]))
                if method in apart:
                    each = apart[method]
                    said += (
                        f'<br><span style="{_SMALL}">{"+" if each.mean < 0 else ""}{significant(-each.mean)}'
                    )
                    said += f"{_within(each.half_width)} to the best</span>"
                elif apart and np.isfinite(means[i]):
                    best = "better than all others" if method == winner else "best mean"
                    said += f'<br><span style="{_SMALL}">{best}</span>'
                weight = "bold" if method == winner else "normal"
                cells.append(f'<td style="{_CELL};font-weight:{weight}">{said}</td>')
            end = f" ({self.better(metric)} is better)" if self.better(metric) else ""
            lines.append(f'<tr><th style="{_NAME}">{escape(metric + end)}</th>{"".join(cells)}</tr>')
        times = "".join(
            f'<td style="{_CELL}">{duration(self.seconds(method))}</td>' for method in self.methods
        )
        lines.append(f'<tr><th style="{_NAME}">time a row</th>{times}</tr>')
        said = "".join(f'<p style="font-size:12px">{escape(each)}</p>' for each in self.notices if each)
        return (
            f'<div style="overflow-x:auto"><p>{escape(self.verdict)}</p><table><tr><th></th>{head}</tr>{"".join(lines)}'
            f'</table><p style="font-size:12px">{_READING}</p>{said}</div>'
        )

    def report(self) -> str:
        """The verdict and a line for each metric, as plain text."""
        lines = [self.verdict]
        for metric in self.metrics:
            means, halves, _ = self.mean(metric)
            said = [
                f"{method} {significant(float(mean))}{_within(float(half))}"
                if np.isfinite(mean)
                else f"{method} no number"
                for method, mean, half in zip(self.methods, means, halves, strict=True)
            ]
            lines.append(f"{metric}: {'; '.join(said)}")
        return "\n".join((*lines, *(notice for notice in self.notices if notice)))

    def seconds(self, method: str) -> float:
        """Mean time of an explanation, metrics aside; 0 if there is none."""
        times = {record.row: record.seconds for record in self.records if record.method == method}
        known = [each for each in times.values() if np.isfinite(each)]
        return float(np.mean(known)) if known else 0.0

    def __repr__(self) -> str:
        """One line."""
        rows = f"{whole(self.n_instances)} row{'s' * (self.n_instances != 1)}"
        stopped = "; stopped" if self.status == "stopped" else ""
        return f"<Benchmark of {', '.join(self.methods)} over {rows}{stopped}>"


def _interval(apart: NDArray[np.float64], comparisons: int) -> tuple[float, float]:
    """Mean, and half-width of an interval that holds for all comparisons together."""
    from scipy.special import stdtrit

    n = len(apart)
    if n < 2:
        return (float(apart.mean()) if n else float("nan")), float("inf")
    quantile = float(stdtrit(n - 1, 1 - 0.025 / max(1, comparisons)))
    return float(apart.mean()), quantile * float(apart.std(ddof=1)) / float(np.sqrt(n))


def _within(half: float) -> str:
    """The half-width behind a number, where it is known."""
    return f" ± {significant(half)}" if np.isfinite(half) else ""


def _pandas() -> Any:
    try:
        import pandas as pd
    except ImportError as missing:
        raise MissingExtraError("pandas", "demo", "a data frame of a benchmark") from missing
    return pd


def _listed(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
