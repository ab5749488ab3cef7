"""A comparison as a table without scripts: seen wherever a live view cannot run."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from jupyter_xai.explanation import Pixels
from jupyter_xai.explanation.numbers import duration, prediction, signed, significant, whole
from jupyter_xai.metrics.subject import per_unit, relative

if TYPE_CHECKING:
    from jupyter_xai.comparing.result import Comparison

MOST_FEATURES = 12
_CELL = "padding:2px 8px;text-align:right;white-space:nowrap;vertical-align:top"
_HEAD = f"{_CELL};border-bottom:1px solid rgba(128,128,128,0.5)"
_NAME = "padding:2px 8px;text-align:left;vertical-align:top"
_SMALL = "font-size:12px;margin:4px 0"
_RAISES, _LOWERS, _PLAIN = "#c2571a", "#3d7fc4", "#7a7f87"
_WIDTH = 64


def html(found: Comparison, output: int = 0) -> str:
    """Make the page of one output.

    Parameters
    ----------
    found : Comparison
    output : int
    """
    said = prediction(float(found.predictions[output]), found.space)
    parts = [
        f"<p><b>{escape(found.output_names[output])}</b>: {said} ({escape(found.space)})</p>",
        f"<p>{escape(found.verdict)}</p>",
        f'<p style="{_SMALL}">{escape(found.space_reason)}</p>',
        _attributions(found, output),
        _metrics(found, output),
        _agreement(found, output),
    ]
    parts += [f'<p style="{_SMALL}">{escape(said)}</p>' for said in _said(found)]
    return f'<div style="overflow-x:auto;max-width:100%">{"".join(parts)}</div>'


def _attributions(found: Comparison, output: int) -> str:
    layout, values = found.attributions(output)
    if layout is None or (isinstance(layout, Pixels) and layout.labels is None):
        return ""
    explained = found.explained
    finite = np.nan_to_num(np.abs(values))
    own = np.array(
        [
            e.explanation is not None and (per_unit(e.explanation) or relative(e.explanation))
            for e in explained
        ]
    )
    shared = float(finite[~own].max(initial=0.0))
    scales = np.where(own, finite.max(axis=1, initial=0.0), shared)
    shares = finite / np.maximum(scales, 1e-300)[:, None]
    order = np.argsort(-shares.max(axis=0), kind="stable")[:MOST_FEATURES]
    names = layout.feature_names
    head = "".join(f'<th style="{_HEAD}">{escape(entry.label)}</th>' for entry in explained)
    rows = []
    for feature in order.tolist():
        cells = "".join(
            f'<td style="{_CELL}">{_bar(shares[i, feature], _RAISES if values[i, feature] > 0 else _LOWERS)}'
            f"{signed(float(values[i, feature]))}</td>"
            for i in range(len(explained))
        )
        rows.append(f'<tr><th style="{_NAME}">{escape(str(names[feature]))}</th>{cells}</tr>')
    left = values.shape[1] - len(order)
    rest = (
        "1 more feature has a smaller value"
        if left == 1
        else f"{whole(left)} more features have smaller values"
    )
    more = f'<p style="{_SMALL}">{rest}.</p>' if left > 0 else ""
    scaled = [entry.label for entry, alone in zip(explained, own, strict=True) if alone]
    said = (
        f'<p style="{_SMALL}">{escape(", ".join(scaled))}: on a scale of its own, its values are no contributions.</p>'
        if scaled
        else ""
    )
    return f'<table><tr><th style="{_HEAD}"></th>{head}</tr>{"".join(rows)}</table>{more}{said}'


def _metrics(found: Comparison, output: int) -> str:
    """One line a metric, one column a method; those that cannot are below, each with its reason."""
    names = list(dict.fromkeys(name for entry in found.explained for name in entry.measures))
    head = "".join(f'<th style="{_HEAD}">{escape(entry.label)}</th>' for entry in found.explained)
    rows = []
    for name in names:
        measure = next(entry.measures[name] for entry in found.explained if name in entry.measures)
        end = f", {measure.better} is better" if measure.better else ""
        cells = "".join(f'<td style="{_CELL}">{cell}</td>' for cell in _column(found, name, output))
        title = escape(measure.definition, quote=True)
        rows.append(f'<tr><th style="{_NAME}" title="{title}">{escape(name + end)}</th>{cells}</tr>')
    costs = (
        ("time", [duration(entry.seconds) for entry in found.explained]),
        ("model rows", [whole(entry.n_rows) for entry in found.explained]),
    )
    for name, values in costs:
        cells = "".join(f'<td style="{_CELL}">{value}</td>' for value in values)
        rows.append(f'<tr><th style="{_NAME}">{name}</th>{cells}</tr>')
    table = (
        f'<table><tr><th style="{_HEAD}"></th>{head}</tr>{"".join(rows)}</table>' if found.explained else ""
    )
    missing = [entry for entry in found.entries if entry.explanation is None]
    said = "".join(
        f'<p style="{_SMALL}"><b>{escape(entry.label)}</b>: '
        f"{escape(entry.why_not or 'Not asked: it was stopped before.')}</p>"
        for entry in missing
    )
    return table + said


def _column(found: Comparison, name: str, output: int) -> list[str]:
    """Cells of one metric: bars on one scale, the interval behind the number, which end is better on top."""
    measures = [entry.measures.get(name) for entry in found.explained]
    values: NDArray[np.float64] = np.array(
        [np.nan if each is None else float(each.values[output]) for each in measures]
    )
    longest = float(np.nanmax(np.abs(values))) if np.isfinite(values).any() else 0.0
    cells = []
    for each, value in zip(measures, values.tolist(), strict=True):
        if each is None:
            cells.append("")
        elif not np.isfinite(value):
            why = each.notices[-1] if each.notices else ""
            cells.append(f'<span title="{escape(why, quote=True)}">no number</span>')
        else:
            half = None if each.half_widths is None else float(each.half_widths[output])
            wide = "" if half is None or not np.isfinite(half) else f" ± {significant(half)}"
            number = f'<span style="display:inline-block;min-width:8em">{significant(value)}{wide}</span>'
            cells.append(_bar(abs(value) / longest if longest else 0.0, _PLAIN) + number)
    return cells


def _agreement(found: Comparison, output: int) -> str:
    explained = found.explained
    if len(explained) < 2:
        return ""
    table = found.agreement(output=output)
    head = "".join(f'<th style="{_HEAD}">{escape(entry.label)}</th>' for entry in explained)
    rows = [
        f'<tr><th style="{_NAME}">{escape(entry.label)}</th>'
        + "".join(
            f'<td style="{_CELL}">{"no number" if np.isnan(value) else signed(float(value), 2)}</td>'
            for value in line
        )
        + "</tr>"
        for entry, line in zip(explained, table, strict=True)
    ]
    return f'<table><tr><th style="{_HEAD}">rank correlation</th>{head}</tr>{"".join(rows)}</table>'


def _said(found: Comparison) -> list[str]:
    """Notices of the whole and of the metrics that gave no number."""
    said = list(found.notices)
    for entry in found.explained:
        for name, measure in entry.measures.items():
            if not np.isfinite(measure.values).all():
                said += [f"{entry.label}, {name}: {notice}" for notice in measure.notices[-1:]]
    return list(dict.fromkeys(said))


def _bar(share: float, colour: str) -> str:
    """A bar that begins where those above and below it do."""
    width = round(_WIDTH * min(1.0, max(0.0, share)))
    inner = (
        f'<span style="display:inline-block;width:{width}px;border-top:9px solid {colour}"></span>'
        if width
        else ""
    )
    return (
        f'<span style="display:inline-block;width:{_WIDTH}px;text-align:left;margin-right:6px">{inner}</span>'
    )
