"""Ways out of a result: a figure, a data frame, a page. Plot and widget are imported in here alone."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from jupyter_xai.errors import MissingExtraError, TargetError
from jupyter_xai.explanation.layouts import Layout, Pixels, Several, Steps, Tokens
from jupyter_xai.explanation.overview import GlobalExplanation
from jupyter_xai.explanation.result import Z95, Explanation

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def position(explanation: Explanation | GlobalExplanation, output: str | int) -> int:
    """Position of an output among the explained ones.

    Raises
    ------
    TargetError
        If it was not explained.
    """
    count = len(explanation.output_names)
    if isinstance(output, str):
        if output not in explanation.output_names:
            known = ", ".join(repr(name) for name in explanation.output_names[:20])
            raise TargetError(
                f"{output!r} was not explained; explained outputs: {known}. Pass targets={output!r}."
            )
        return explanation.output_names.index(output)
    if not -count <= output < count:
        raise TargetError(
            f"There is no output {output}: {count} were explained, numbered from 0. Pass one of these "
            f"numbers or a name, such as {explanation.output_names[0]!r}."
        )
    return output % count


def plot(explanation: Explanation, output: str | int = 0) -> Figure:
    """Draw one output as a matplotlib figure, see ``jupyter_xai.plot.figure``."""
    from jupyter_xai.plot import figure
    from jupyter_xai.widget.export import label_of

    return figure(explanation, position(explanation, output), method_label=label_of(explanation.method))


def to_frame(explanation: Explanation) -> Any:
    """One row a feature and output, as a pandas DataFrame.

    Columns are ``output``, ``feature``, ``value`` (the instance's own, where features have one),
    ``attribution`` and, unless exact, ``std_error``, ``lower`` and ``upper`` (the 95 % interval). Words add
    ``start`` and ``end`` of their first occurrence; pixels ``channel``, ``row`` and ``column``; steps
    ``step`` and ``channel``; several inputs ``input``.

    Raises
    ------
    MissingExtraError
        If pandas is not installed.

    Examples
    --------
    >>> from jupyter_xai.explanation import Columns
    >>> row = Columns(
    ...     names=("age", "job"), values=(24, "x"), kinds=("number", "category"), members=((0,), (1,))
    ... )
    >>> found = Explanation(
    ...     values=np.array([[0.2, -0.1]]),
    ...     features=row,
    ...     output_names=("bad",),
    ...     predictions=np.array([0.6]),
    ... )
    >>> print(to_frame(found))
      output feature value  attribution
    0    bad     age    24          0.2
    1    bad     job     x         -0.1
    """
    try:
        import pandas as pd
    except ImportError as missing:
        raise MissingExtraError("pandas", "demo", "a data frame of an explanation") from missing
    parts = []
    values, errors = explanation.values, explanation.std_errors
    several = isinstance(values, tuple)
    layouts = (
        explanation.features.parts if isinstance(explanation.features, Several) else (explanation.features,)
    )
    all_values = values if isinstance(values, tuple) else (values,)
    all_errors: tuple[Any, ...] = errors if isinstance(errors, tuple) else (errors,) * len(all_values)
    for k, (layout, value, error) in enumerate(zip(layouts, all_values, all_errors, strict=True)):
        for i, name in enumerate(explanation.output_names):
            columns: dict[str, Any] = {"output": name}
            if several and isinstance(explanation.features, Several):
                columns["input"] = explanation.features.part_names[k]
            columns |= _features(layout)
            columns["attribution"] = value[i].reshape(-1)
            if error is not None:
                columns["std_error"] = error[i].reshape(-1)
                columns["lower"] = columns["attribution"] - Z95 * columns["std_error"]
                columns["upper"] = columns["attribution"] + Z95 * columns["std_error"]
            parts.append(pd.DataFrame(columns))
    return pd.concat(parts, ignore_index=True)


def _features(layout: Layout) -> dict[str, Any]:
    """What names one input's features, each as a column."""
    if isinstance(layout, Pixels) and layout.labels is None:
        channel, row, column = (axis.reshape(-1) for axis in np.indices(layout.shape))
        return {"feature": np.arange(channel.size), "channel": channel, "row": row, "column": column}
    columns: dict[str, Any] = {"feature": list(layout.feature_names)}
    if isinstance(layout, Tokens):
        groups = layout.groups or tuple(range(len(layout.offsets)))
        first: dict[int, tuple[int, int]] = {}
        for group, span in zip(groups, layout.offsets, strict=True):
            first.setdefault(group, span)
        spans = [first[group] for group in sorted(first)]
        columns |= {"start": [span[0] for span in spans], "end": [span[1] for span in spans]}
    elif isinstance(layout, Steps):
        step, channel = (axis.reshape(-1) for axis in np.indices(layout.shape))
        columns |= {"step": step, "channel": [layout.channel_names[i] for i in channel]}
        columns["value"] = layout.values.reshape(-1)
    elif not isinstance(layout, Pixels):
        columns["value"] = list(getattr(layout, "values", [None] * len(columns["feature"])))
    return columns


def plot_overview(explanation: GlobalExplanation, output: str | int | None = None) -> Figure:
    """Draw the most important features, see ``jupyter_xai.plot.overview``."""
    from jupyter_xai.plot.overview import overview
    from jupyter_xai.widget.export import label_of

    at = None if output is None else position(explanation, output)
    return overview(explanation, at, method_label=label_of(explanation.method))


def overview_frame(explanation: GlobalExplanation) -> Any:
    """One row a feature and output, as a pandas DataFrame.

    Columns are ``output`` (``"all outputs"`` where there is an importance over all), ``feature``, ``importance``
    and, where they are known, ``std_error``, ``lower``, ``upper``, ``support``, ``signed`` and ``chance``.

    Raises
    ------
    MissingExtraError
        If pandas is not installed.

    Examples
    --------
    >>> found = GlobalExplanation(
    ...     values=np.array([[0.2, 0.5]]), feature_names=("age", "debt"), output_names=("bad",)
    ... )
    >>> print(overview_frame(found))
      output feature  importance
    0    bad     age         0.2
    1    bad    debt         0.5
    """
    try:
        import pandas as pd
    except ImportError as missing:
        raise MissingExtraError("pandas", "demo", "a data frame of an explanation") from missing
    parts = []
    shared = {"support": explanation.support, "signed": explanation.signed, "chance": explanation.chance}
    for i, name in enumerate(explanation.output_names):
        errors = None if explanation.std_errors is None else explanation.std_errors[i]
        more = {key: array[i] for key, array in shared.items() if array is not None}
        parts.append(_importances(name, explanation.feature_names, explanation.values[i], errors) | more)
    if explanation.overall is not None and len(explanation.output_names) > 1:
        parts.append(
            _importances(
                "all outputs", explanation.feature_names, explanation.overall, explanation.overall_std_errors
            )
        )
    return pd.concat([pd.DataFrame(part) for part in parts], ignore_index=True)


def _importances(output: str, features: tuple[str, ...], values: Any, errors: Any) -> dict[str, Any]:
    columns: dict[str, Any] = {"output": output, "feature": list(features), "importance": values}
    if errors is not None:
        half = Z95 * errors
        columns |= {"std_error": errors, "lower": values - half, "upper": values + half}
    return columns


def to_html(
    explanation: Explanation,
    path: str | Path | None = None,
    *,
    exact: bool = False,
    shown: Mapping[str, Any] | None = None,
) -> str:
    """One self-contained page, see ``jupyter_xai.widget.export``; also written to ``path``."""
    from jupyter_xai.widget.export import page

    text = page(explanation, exact=exact, shown=shown)
    if path is not None:
        Path(path).write_text(text, encoding="utf-8")
    return text


def overview_html(found: GlobalExplanation, path: str | Path | None = None) -> str:
    """One self-contained page, see ``jupyter_xai.widget.overview``; also written to ``path``."""
    from jupyter_xai.widget.overview import overview_page

    text = overview_page(found)
    if path is not None:
        Path(path).write_text(text, encoding="utf-8")
    return text


def overview_table(found: GlobalExplanation) -> str:
    """A table without scripts, see ``jupyter_xai.widget.overview``."""
    from jupyter_xai.widget.overview import overview_html as table

    return table(found)
