"""Several methods on one figure: bars or heat on a shared scale, and removal curves beside random orders."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from jupyter_xai.explanation import Curve, Layout, Pixels

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLOURS = ("#b54708", "#1d64ad", "#4b7f52", "#7a4fa3", "#8a5a00", "#5b626b")


def draw(
    labels: Sequence[str],
    layout: Layout | None,
    values: NDArray[np.float64],
    curves: Sequence[Sequence[Curve]],
    *,
    alone: Sequence[bool] = (),
    output: int,
    title: str,
    max_features: int,
) -> Figure:
    """Draw attributions (methods, features) above each other, and the removal curves of one output below.

    Parameters
    ----------
    labels : sequence of str
    layout : Layout or None
    values : ndarray of shape (methods, features)
    curves : sequence of sequences of Curve
    alone : sequence of bool
        Methods whose values are no contributions, each on a scale of its own.
    output : int
    title : str
    max_features : int

    Returns
    -------
    matplotlib.figure.Figure
        Not known to pyplot: nothing to close.

    Examples
    --------
    >>> from jupyter_xai.explanation import Columns
    >>> row = Columns(names=("a", "b"), values=(1, 2), kinds=("number",) * 2, members=((0,), (1,)))
    >>> figure = draw(["LIME"], row, np.array([[1.0, 2.0]]), [()], output=0, title="bad", max_features=5)
    >>> [axis.get_title() for axis in figure.axes]
    ['LIME']
    """
    from jupyter_xai.plot.canvas import ShownFigure, drawable

    drawn = any(each for each in curves)
    count = max(1, len(labels))
    figure = ShownFigure(figsize=(max(4.0, 2.7 * count), 3.4 + 2.4 * drawn), layout="constrained")
    figure.suptitle(drawable(title), fontsize=11)
    grid = figure.add_gridspec(1 + drawn, count)
    sizes = np.nan_to_num(np.abs(values))
    own = np.array([*alone, *[False] * len(labels)][: len(labels)], dtype=np.bool_)
    limits, largest = np.ones(len(labels)), np.zeros(values.shape[1])
    if len(labels):
        limits = np.where(own, sizes.max(axis=1, initial=0.0), sizes[~own].max(initial=0.0))
        limits = np.where(limits > 0, limits, 1.0)
        largest = (sizes / limits[:, None]).max(axis=0, initial=0.0)
    order = np.argsort(-largest, kind="stable")[:max_features][::-1]
    for i, label in enumerate(labels):
        axis = figure.add_subplot(grid[0, i])
        axis.set_title(drawable(label) + (" (own scale)" if own[i] else ""), fontsize=10)
        limit = float(limits[i])
        if isinstance(layout, Pixels):
            axis.imshow(_heat(layout, values[i]), cmap="PuOr_r", vmin=-limit, vmax=limit)
            axis.set_axis_off()
        elif layout is not None:
            row = values[i, order]
            axis.barh(np.arange(len(order)), row, color=np.where(row > 0, COLOURS[0], COLOURS[1]).tolist())
            axis.set_xlim(-1.05 * limit, 1.05 * limit)
            axis.axvline(0, color="#8b929a", linewidth=0.8)
            names = [drawable(str(layout.feature_names[k])[:24]) for k in order] if i == 0 else []
            axis.set_yticks(np.arange(len(order)) if i == 0 else [], names, fontsize=8)
            axis.tick_params(axis="x", labelsize=8)
    if drawn:
        _curves(figure.add_subplot(grid[1, :]), labels, curves, output)
    return figure


def _heat(layout: Pixels, row: NDArray[np.float64]) -> NDArray[np.float64]:
    if layout.labels is not None:
        return np.asarray(row[layout.labels])
    return np.asarray(row.reshape(layout.channels, *layout.image.shape[:2]).sum(axis=0))


def _curves(axis: Any, labels: Sequence[str], curves: Sequence[Sequence[Curve]], output: int) -> None:
    from jupyter_xai.plot.canvas import drawable

    random = next((curve for some in curves for curve in some if curve.kind == "random_removal"), None)
    if random is not None and random.band is not None:
        axis.fill_between(
            random.x, random.band[0, output], random.band[1, output], color="#dfe2e6", label="random orders"
        )
    for i, (label, some) in enumerate(zip(labels, curves, strict=True)):
        for curve in some:
            if curve.kind == "removal" and curve.order == output:
                axis.plot(curve.x, curve.y[output], color=COLOURS[i % len(COLOURS)], label=drawable(label))
    axis.set_xlabel("features removed, the highest first", fontsize=9)
    axis.tick_params(labelsize=8)
    axis.legend(fontsize=8, frameon=False)


def means(
    table: dict[str, tuple[NDArray[np.float64], NDArray[np.float64]]], methods: Sequence[str]
) -> Figure:
    """Draw means with their intervals, one panel a metric.

    Parameters
    ----------
    table : dict of str to (means, half-widths)
        Each of shape (methods,); NaN is left out.
    methods : sequence of str

    Returns
    -------
    matplotlib.figure.Figure

    Examples
    --------
    >>> figure = means({"infidelity": (np.array([0.1, 0.2]), np.array([0.01, 0.02]))}, ["LIME", "KernelSHAP"])
    >>> [axis.get_title() for axis in figure.axes]
    ['infidelity']
    """
    from jupyter_xai.plot.canvas import ShownFigure, drawable

    count = max(1, len(table))
    columns = min(3, count)
    lines = -(-count // columns)
    figure = ShownFigure(
        figsize=(3.4 * columns, lines * (0.9 + 0.3 * max(1, len(methods)))), layout="constrained"
    )
    at = np.arange(len(methods))[::-1]
    for i, (metric, (values, halves)) in enumerate(table.items()):
        axis = figure.add_subplot(lines, columns, i + 1)
        known = np.isfinite(values)
        wide = np.where(np.isfinite(halves), halves, 0.0)
        axis.errorbar(values[known], at[known], xerr=wide[known], fmt="o", color=COLOURS[1], capsize=3)
        axis.set_title(drawable(metric), fontsize=10)
        first = i % columns == 0
        axis.set_yticks(
            at if first else [], [drawable(name) for name in methods] if first else [], fontsize=8
        )
        axis.set_ylim(-0.6, len(methods) - 0.4)
        axis.tick_params(axis="x", labelsize=8)
    return figure
