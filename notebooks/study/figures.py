"""The study's figures."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from matplotlib.figure import Figure

import jupyter_xai as xai
from jupyter_xai import metrics
from jupyter_xai.plot.canvas import ShownFigure
from study.claims import measures, orders
from study.data import Pictures
from study.measure import METHODS, STEADY, Study, of_methods

COLOURS = ("#b54708", "#1d64ad", "#5b626b")


def class_grid(
    image: torch.Tensor,
    found: Mapping[str, xai.Explanation],
    pictures: Pictures,
    labels: tuple[str, ...] = METHODS,
) -> Figure:
    """Why this class and why not the others: a line for each method, a column for each class.

    Parameters
    ----------
    image : tensor of shape (1, 28, 28)
    found : dict of str to Explanation
        Of all classes.
    pictures : Pictures
    labels : tuple of str
        The methods.
    """
    pixels = found["DeepLIFT"].features
    classes = pictures.names
    figure = ShownFigure(
        figsize=(1.2 + 0.92 * (1 + len(classes)), 0.92 * len(labels) + 0.6), layout="constrained"
    )
    axes = figure.subplots(len(labels), 1 + len(classes), squeeze=False)
    scores = found["DeepLIFT"].predictions
    likely = np.exp(scores - scores.max())
    likely /= likely.sum()
    for row, label in zip(axes, labels, strict=True):
        heats = metrics.onto(found[label], pixels).reshape(len(classes), *image.shape[-2:])
        limit = float(np.abs(heats).max()) or 1.0
        row[0].imshow(image[0], cmap="Greys")
        row[0].set_ylabel(label, fontsize=7, rotation=0, ha="right", va="center")
        for axis, heat in zip(row[1:], heats, strict=True):
            axis.imshow(image[0], cmap="Greys", alpha=0.25)
            axis.imshow(heat, cmap="PuOr_r", vmin=-limit, vmax=limit, alpha=0.85)
    for axis, name, share in zip(axes[0, 1:], classes, likely, strict=True):
        axis.set_title(f"{name}\n{share:.1%}", fontsize=8)
    for axis in axes.ravel():
        axis.set(xticks=[], yticks=[])
    return figure


def judged_by(study: Study) -> Figure:
    """Means and 95 % intervals of the methods: a panel for each measure of faithfulness, stability and sanity."""
    panels = [(f"{metric}\n{judge}", metric, table) for judge, metric, table in measures(study)]
    if STEADY in study.tables:
        table = study.tables[STEADY]
        panels += [(metric, metric, table) for metric in table.metrics if metric not in {"VSI", "CSI"}]
    columns = 5
    lines = -(-len(panels) // columns)
    figure = ShownFigure(figsize=(12.5, 2.35 * lines), layout="constrained")
    axes = figure.subplots(lines, columns, squeeze=False, sharey=True)
    at = np.arange(len(METHODS))
    for axis, (title, metric, table) in zip(axes.ravel(), panels, strict=False):
        means, halves, _ = of_methods(table, METHODS).mean(metric)
        winner = table.winner(metric)
        colours = [COLOURS[0] if name == winner else COLOURS[1] for name in METHODS]
        for y, mean, half, colour in zip(at, means, halves, colours, strict=True):
            axis.errorbar(
                mean, y, xerr=half if np.isfinite(half) else None, fmt="o", ms=4, color=colour, lw=1.2
            )
        better = table.better(metric)
        axis.set_title(f"{title}, {better} is better" if better else title, fontsize=8)
        axis.tick_params(labelsize=7)
        if np.nanmax(np.abs(means)) > 50 * max(float(np.nanmedian(np.abs(means))), 1e-12):
            axis.set_xscale("symlog", linthresh=float(np.nanmedian(np.abs(means))))
            axis.minorticks_off()
        axis.grid(axis="x", color="#e4e7eb", lw=0.6)
    axes[0, 0].set_yticks(at, METHODS)
    axes[0, 0].set_ylim(len(METHODS) - 0.5, -0.5)
    for axis in axes.ravel()[len(panels) :]:
        axis.set_axis_off()
    return figure


def agreement_of_metrics(study: Study) -> Figure:
    """Rank correlation between the orders in which the measures put the methods."""
    names, matrix = orders(study)
    figure = ShownFigure(figsize=(8.6, 6.6), layout="constrained")
    axis = figure.subplots()
    axis.imshow(matrix, cmap="PuOr_r", vmin=-1, vmax=1)
    for i, j in np.ndindex(matrix.shape):
        dark = abs(matrix[i, j]) > 0.7
        axis.text(
            j,
            i,
            f"{round(matrix[i, j], 1) + 0.0:.1f}",
            ha="center",
            va="center",
            fontsize=7,
            color="w" if dark else "k",
        )
    axis.set_xticks(range(len(names)), names, rotation=40, ha="right", fontsize=7)
    axis.set_yticks(range(len(names)), names, fontsize=7)
    return figure
