"""Several explanations of one prediction side by side: what they say, how far they agree, what the model bears out."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from jupyter_xai.comparing.entry import Before, Entry
from jupyter_xai.errors import InputError, MissingExtraError
from jupyter_xai.explanation import Curve, Layout
from jupyter_xai.explanation.numbers import fixed, prediction, significant, whole
from jupyter_xai.metrics import agreement, onto
from jupyter_xai.metrics._measure import difference
from jupyter_xai.metrics.projection import coarser
from jupyter_xai.metrics.subject import per_unit, relative

if TYPE_CHECKING:
    from matplotlib.figure import Figure

JUDGING = ("deletion against random", "insertion against random", "infidelity (best scale)", "local fidelity")
"""Metrics that the sentence on the evidence rests on: each has an interval."""

OWN = {
    ("lime", "local fidelity"): "which LIME itself fits",
    ("kernel_shap", "infidelity (best scale)"): "on removals like those that KernelSHAP is fitted to",
    (
        "permutation_shap",
        "infidelity (best scale)",
    ): "on removals like those that Permutation SHAP asks about",
}
"""Metrics that are close to what a method optimises, so that its lead there says less."""


@dataclass(frozen=True, eq=False)
class Comparison:
    """Methods side by side on one prediction; made by ``compare``.

    Parameters
    ----------
    entries : tuple of Entry
        In the order in which they were asked for.
    space : str
        The output space in which all of them explain.
    space_reason : str
        One sentence that says why.
    output_names : tuple of str
        The explained outputs.
    predictions : ndarray of shape (outputs,)
    features : Layout
        The masker's features, on which the metrics act.
    status : {"running", "settled", "stopped"}
    notices : tuple of str
    running : str
        Label of the method at work; empty if none is.
    edits : tuple of dict
        What-if changes of the instance that was passed.
    before : Before or None
        The instance before them.
    paths : tuple of Curve
        Of a live view's row: the model's answers as each column moves alone.

    Examples
    --------
    >>> import jupyter_xai as xai
    >>> rows = np.random.default_rng(0).normal(size=(40, 3))
    >>> found = xai.compare(
    ...     lambda X: X[:, 0] * X[:, 1] + X[:, 2],
    ...     rows[0],
    ...     ["kernel_shap", "saliency"],
    ...     background=rows,
    ...     metrics=[],
    ... )
    >>> found
    <Comparison of KernelSHAP on prediction; Saliency cannot explain this>
    """

    entries: tuple[Entry, ...]
    space: str
    space_reason: str
    output_names: tuple[str, ...]
    predictions: NDArray[np.float64]
    features: Layout
    status: str = "settled"
    notices: tuple[str, ...] = ()
    running: str = ""
    edits: tuple[dict[str, Any], ...] = ()
    before: Before | None = None
    paths: tuple[Curve, ...] = ()

    @property
    def explained(self) -> tuple[Entry, ...]:
        """The methods that gave an explanation."""
        return tuple(entry for entry in self.entries if entry.explanation is not None)

    def __getitem__(self, name: str) -> Entry:
        """The method of a name or label.

        Raises
        ------
        KeyError
            If it is not among those compared.
        """
        for entry in self.entries:
            if name in {entry.name, entry.label}:
                return entry
        raise KeyError(f"{name!r} is not compared: there are {', '.join(e.label for e in self.entries)}.")

    def agreement(self, name: str = "rank correlation", output: int = 0) -> NDArray[np.float64]:
        """How far the explained methods agree on an output, (methods, methods); NaN where this cannot be told.

        Parameters
        ----------
        name : {"rank correlation", "top-k overlap", "sign agreement", "cosine"}
        output : int
        """
        found = self.explained
        layout = self.common_features
        table = np.eye(len(found))
        for i, j in combinations(range(len(found)), 2):
            one, other = found[i].explanation, found[j].explanation
            assert one is not None
            assert other is not None
            measures = agreement(one, other, layout=layout)
            if name not in measures:
                raise InputError(f"name={name!r} is not known: expected one of {', '.join(measures)}.")
            table[i, j] = table[j, i] = measures[name].values[output]
        return table

    def attributions(self, output: int = 0) -> tuple[Layout | None, NDArray[np.float64]]:
        """All explanations of one output on common features, the coarsest there are: layout and (methods, features)."""
        found = [entry.explanation for entry in self.explained if entry.explanation is not None]
        if not found:
            return None, np.empty((0, 0))
        layout = self.common_features
        return layout, np.stack([onto(each, layout)[output] for each in found])

    @property
    def common_features(self) -> Layout:
        """The coarsest features there are, on which all can be laid."""
        layout = self.features
        for entry in self.explained:
            if entry.explanation is not None:
                layout = coarser(layout, entry.explanation.features)
        return layout

    # --- what the evidence supports ---------------------------------------------------------------------------------

    def leaders(self, output: int = 0) -> dict[str, str]:
        """For each judging metric the method that is ahead of all others beyond their intervals; "" if none is."""
        found = {}
        for metric in JUDGING:
            behind = self._behind_best(metric, output)
            if len(behind) > 1:
                best = next(label for label, each in behind.items() if each is None)
                found[metric] = best if all(each is not False for each in behind.values()) else ""
        return found

    @property
    def verdict(self) -> str:
        """What the evidence supports and what it does not, in a few sentences, for the first output."""
        if not self.explained:
            return "No method can explain this model here."
        if len(self.explained) == 1:
            return f"{self.explained[0].label} alone explained this: there is nothing to compare it with."
        said = [self._leading(), self._chance(), self._unity()]
        said.append(
            "This is one input: which method is preferable on others is not known from it (xai.benchmark asks many)."
        )
        return " ".join(part for part in said if part)

    def _leading(self) -> str:
        leaders = self.leaders()
        if not leaders:
            some = any(entry.measures for entry in self.explained)
            what = "No metric gave a number for two of the methods" if some else "No metric was computed"
            return f"{what}, so nothing says which explanation the model bears out."
        names = {label for label in leaders.values() if label}
        by = {
            label: [metric for metric, ahead in leaders.items() if ahead == label]
            for label in (e.label for e in self.explained)
        }
        open_ = [metric for metric, ahead in leaders.items() if not ahead]
        none = f" In {_listed(open_)} no method is ahead of the others beyond the intervals." if open_ else ""
        if not names:
            return f"The model bears out no single method most.{none}{self._behind()}"
        if len(names) == 1:
            (label,) = names
            ahead = _listed(self._with_turf(label, by[label]))
            if all((self[label].name, metric) in OWN for metric in by[label]):
                return (
                    f"The model bears out no single method most: {label} is ahead, but only in {ahead}.{none}"
                )
            return f"On this input the model bears out {label} most: it is ahead in {ahead}.{none}"
        parts = [
            f"{label} is ahead in {_listed(self._with_turf(label, metrics))}"
            for label, metrics in by.items()
            if metrics
        ]
        return f"The metrics disagree: {'; '.join(parts)}.{none}"

    def _with_turf(self, label: str, metrics: list[str]) -> list[str]:
        """Metrics, with what is to be known where a method leads in what it optimises."""
        said = [(metric, OWN.get((self[label].name, metric), "")) for metric in metrics]
        return [f"{metric}, {why}" if why else metric for metric, why in said]

    def _behind(self) -> str:
        """Methods that are behind the best beyond the intervals in every judging metric that they have."""
        counted: dict[str, list[bool]] = {}
        for metric in JUDGING:
            for label, behind in self._behind_best(metric).items():
                counted.setdefault(label, []).append(bool(behind))
        labels = [label for label, each in counted.items() if len(each) > 1 and all(each)]
        return f" Behind in all of its metrics: {_listed(labels)}." if labels else ""

    def _behind_best(self, metric: str, output: int = 0) -> dict[str, bool | None]:
        """Of each method that has the metric, whether it is behind the best beyond the interval; None for the best."""
        has = [
            (entry.label, entry.measures[metric])
            for entry in self.explained
            if metric in entry.measures
            and np.isfinite(entry.measures[metric].values[output])
            and self._comparable(entry)
        ]
        if not has:
            return {}
        sign = -1.0 if has[0][1].better == "lower" else 1.0
        label, best = max(has, key=lambda each: sign * each[1].values[output])
        found: dict[str, bool | None] = {}
        for other, measure in has:
            apart, half = difference(best, measure, output, len(has) - 1)
            found[other] = None if other == label else bool(sign * apart > half)
        return found

    def _comparable(self, entry: Entry) -> bool:
        """Whether it explains the outputs in the space in which the others do."""
        return entry.explanation is not None and entry.explanation.output_unit == self.space

    def _chance(self) -> str:
        """Methods whose order is no better than random ones."""
        weak = []
        for entry in self.explained:
            measure = entry.measures.get("deletion against random")
            if measure is None or measure.half_widths is None or not np.isfinite(measure.values[0]):
                continue
            if measure.values[0] - measure.half_widths[0] <= 0:
                weak.append(entry.label)
        verb = "remove" if len(weak) > 1 else "removes"
        return (
            f"{_listed(weak)} {verb} features in an order that is no better than a random one."
            if weak
            else ""
        )

    def _unity(self) -> str:
        table = self.agreement()
        pairs = table[np.triu_indices(len(table), 1)]
        pairs = pairs[np.isfinite(pairs)]
        if not len(pairs):
            return ""
        low, high = float(pairs.min()), float(pairs.max())
        spread = fixed(low, 2) if fixed(low, 2) == fixed(high, 2) else f"{fixed(low, 2)} to {fixed(high, 2)}"
        how = "mostly agree" if low >= 0.7 else "disagree" if high < 0.3 else "agree in part"
        return f"The methods {how} on the order of features (rank correlation {spread})."

    # --- ways out ---------------------------------------------------------------------------------------------------

    def to_frame(self) -> Any:
        """One row a method, output and metric, as a pandas DataFrame.

        Columns are ``method``, ``output``, ``metric``, ``value``, ``lower``, ``upper``, ``better``, ``unit``,
        ``seconds``,
        ``n_rows`` and ``why_not``; a method that cannot explain this has one row without a metric.

        Raises
        ------
        MissingExtraError
            If pandas is not installed.
        """
        try:
            import pandas as pd
        except ImportError as missing:
            raise MissingExtraError("pandas", "demo", "a data frame of a comparison") from missing
        columns = [
            "method",
            "output",
            "metric",
            "value",
            "lower",
            "upper",
            "better",
            "unit",
            "seconds",
            "n_rows",
            "why_not",
        ]
        rows: list[tuple[Any, ...]] = []
        for entry in self.entries:
            cost = (entry.seconds, entry.n_rows, entry.why_not)
            if not entry.measures:
                rows.append((entry.label, "", "", np.nan, np.nan, np.nan, "", "", *cost))
            for name, measure in entry.measures.items():
                halves = measure.half_widths
                for out, output in enumerate(measure.output_names):
                    value = float(measure.values[out])
                    half = np.nan if halves is None else float(halves[out])
                    rows.append(
                        (
                            entry.label,
                            output,
                            name,
                            value,
                            value - half,
                            value + half,
                            measure.better,
                            measure.unit,
                            *cost,
                        )
                    )
        return pd.DataFrame(rows, columns=columns)

    def plot(self, output: int = 0, *, max_features: int = 10) -> Figure:
        """Draw one output: each method's attributions on common features, and the removal curves beside random orders.

        Parameters
        ----------
        output : int
        max_features : int
            Bars at most, those with the largest values.
        """
        from jupyter_xai.plot.comparison import draw

        layout, values = self.attributions(output)
        found = [entry.explanation for entry in self.explained if entry.explanation is not None]
        said = prediction(float(self.predictions[output]), self.space)
        return draw(
            [entry.label for entry in self.explained],
            layout,
            values,
            [entry.curves for entry in self.explained],
            alone=[per_unit(each) or relative(each) for each in found],
            output=output,
            title=f"{self.output_names[output]}: {said} ({self.space})",
            max_features=max_features,
        )

    def _repr_html_(self) -> str:
        """A table without scripts: verdict, attributions, metrics with bars, agreement."""
        from jupyter_xai.comparing.page import html

        return html(self)

    def __repr__(self) -> str:
        """One line: the methods, the outputs, and who cannot."""
        labels = ", ".join(entry.label for entry in self.explained) or "no method"
        missing = [entry.label for entry in self.entries if entry.why_not]
        cannot = f"; {', '.join(missing)} cannot explain this" if missing else ""
        return f"<Comparison of {labels} on {', '.join(self.output_names)}{cannot}>"

    def report(self) -> str:
        """The verdict, the space and a line for each method, as plain text."""
        lines = [self.verdict, self.space_reason]
        for entry in self.entries:
            if entry.why_not:
                lines.append(f"{entry.label}: {entry.why_not}")
                continue
            if entry.explanation is None:
                lines.append(f"{entry.label}: not asked.")
                continue
            measures = "; ".join(
                f"{name} {significant(float(each.values[0])) if np.isfinite(each.values[0]) else 'no number'}"
                for name, each in entry.measures.items()
            )
            lines.append(
                f"{entry.label}: {entry.seconds:.2f} s, {whole(entry.n_rows)} model rows; {measures}"
            )
        return "\n".join((*lines, *self.notices))


def _listed(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}" if words else ""
