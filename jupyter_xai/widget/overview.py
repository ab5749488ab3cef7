"""An explanation over many rows without a kernel: HTML without scripts, and a page that keeps what needs none."""

from __future__ import annotations

import html
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from jupyter_xai.explanation import Z95, GlobalExplanation
from jupyter_xai.explanation.numbers import counted, decimals_for, fixed, significant, whole
from jupyter_xai.explanation.rows import readable, shorten
from jupyter_xai.explanation.words import pairs_sentence
from jupyter_xai.widget.export import label_of, written
from jupyter_xai.widget.fallback import beside_live
from jupyter_xai.wire import encode_overview, encode_status
from jupyter_xai.wire.plain import text

MOST_ROWS = 20
MOST_OUTPUTS = 5
MOST_PICKS = 20
NOTHING_YET = "Nothing computed yet: run this cell to see what the model looks at."
_BAR = 120
_CELL = "padding:2px 8px;text-align:right;white-space:nowrap;vertical-align:top"
_NAME = "padding:2px 8px;text-align:left;vertical-align:top"
_SMALL = "font-size:12px;margin:4px 0"
_BARS, _HOLLOW = "#c2571a", "1px solid #c2571a"


def overview_html(
    found: GlobalExplanation | None, uid: str = "", *, error: Mapping[str, str] | None = None
) -> str:
    """Make the stored output: a table that every host shows.

    Parameters
    ----------
    found : GlobalExplanation or None
        None before the first estimate.
    uid : str
        Names the live view whose presence hides it; "" where there is none.
    error : mapping, optional
        What ended the run: title, message.

    Examples
    --------
    >>> found = GlobalExplanation(
    ...     values=np.array([[0.2, 0.5]]), feature_names=("age", "debt"), output_names=("bad",), n_rows=9
    ... )
    >>> "debt" in overview_html(found), "Nothing computed yet" in overview_html(None)
    (True, True)
    """
    parts = []
    if error is not None:
        said = [_escaped(error.get(name, "")) for name in ("title", "message")]
        parts.append(f"<p><b>{said[0]}</b> {said[1]}</p>")
    if found is not None:
        parts.append(_result(found))
    elif error is None:
        parts.append(f"<p>{NOTHING_YET}</p>")
    body = "".join(parts)
    return beside_live(body, uid) if uid else body


def overview_text(found: GlobalExplanation) -> str:
    """Say the result in a few sentences, for those who do not see the picture.

    Examples
    --------
    >>> print(
    ...     overview_text(
    ...         GlobalExplanation(
    ...             values=np.array([[0.2, 0.5]]),
    ...             feature_names=("age", "debt"),
    ...             output_names=("bad",),
    ...             n_rows=9,
    ...         )
    ...     )
    ... )
    Over 9 rows debt, age weigh most.
    """
    order = found.ranking()[:3]
    names = ", ".join(shorten(readable(text(found.feature_names[at])), 40) for at in order)
    parts = [
        f"Over {counted(found.n_rows, 'rows')} {names} weigh most."
        if len(order)
        else "There are no features."
    ]
    if found.predicted is not None and len(found.predicted) <= MOST_OUTPUTS:
        each = [f"{name} for {whole(n)}" for name, n in zip(found.output_names, found.predicted, strict=True)]
        parts.append(f"The model predicts {', '.join(shorten(text(said), 60) for said in each)} of them.")
    if found.picks and found.coverage is not None:
        share = round(100 * float(found.coverage[-1]))
        rows = ", ".join(f"#{whole(pick.row)}" for pick in found.picks[:MOST_PICKS])
        parts.append(f"{counted(len(found.picks), 'rows')} cover {share} % of what matters: {rows}.")
    return " ".join(parts)


def overview_page(
    found: GlobalExplanation, *, row: int | None = None, row_state: Mapping[str, Any] | None = None
) -> str:
    """Make one self-contained file.

    Parameters
    ----------
    found : GlobalExplanation
    row, row_state : optional
        A row whose own explanation stands beneath, and what its view holds.

    Raises
    ------
    XaiError
        If the view's bundle was not built.
    """
    state = {
        "uid": "page",
        "overview": encode_overview(
            found, method_label=label_of(found.method), explainer_label=explainer_of(found)
        ),
        "status": encode_status(run=1, state=found.status, rows=found.n_rows, total=found.total_rows),
        "display": {},
    }
    if row is not None and row_state is not None:
        state |= {"opened": {"row": row}, "opened_state": row_state}
    title = f"What the model looks at over {counted(found.n_rows, 'rows')}"
    return written(title, state, overview_html(found, "page"))


def explainer_of(found: GlobalExplanation) -> str:
    """Label of the method that explained each row; "" if none did."""
    own = found.params.get("explainer")
    return label_of(str(own.get("method", ""))) if isinstance(own, Mapping) else ""


def _result(found: GlobalExplanation) -> str:
    label, explainer = label_of(found.method), explainer_of(found)
    by = f"{label} of {explainer}" if explainer else label
    state = f"{counted(found.n_rows, 'rows')} · {found.status}"
    parts = [f"<p>{_escaped(overview_text(found))}</p>", _table(found)]
    if found.picks:
        parts.append(_picks(found))
    if found.interactions is not None and found.interactions.size:
        parts.append(_pairs(found))
    parts += [f'<p style="{_SMALL}">{_escaped(notice)}</p>' for notice in found.notices]
    parts.append(f'<p style="{_SMALL}">{_escaped(by)} · {state}</p>')
    return f'<div style="overflow-x:auto;max-width:100%">{"".join(parts)}</div>'


def _table(found: GlobalExplanation) -> str:
    order = found.ranking()[:MOST_ROWS]
    outputs = list(range(len(found.output_names)))[:MOST_OUTPUTS]
    end = float(np.nanmax(found.values[outputs][:, order], initial=0.0)) or 1.0
    decimals = decimals_for(found.output_unit, end)
    head = "".join(f'<th style="{_CELL}">{_escaped(found.output_names[k])}</th>' for k in outputs)
    lines = []
    for at in order.tolist():
        cells = "".join(f'<td style="{_CELL}">{_value(found, k, at, end, decimals)}</td>' for k in outputs)
        lines.append(
            f'<tr><th style="{_NAME};font-weight:400">{_escaped(readable(found.feature_names[at]))}</th>{cells}</tr>'
        )
    hidden = len(found.feature_names) - len(order)
    more = f'<p style="{_SMALL}">{counted(hidden, "features")} weigh less.</p>' if hidden else ""
    left = len(found.output_names) - len(outputs)
    more += f'<p style="{_SMALL}">{counted(left, "outputs")} more.</p>' if left else ""
    return f'<table><tr><th style="{_NAME}"></th>{head}</tr>{"".join(lines)}</table>{more}'


def _value(found: GlobalExplanation, output: int, at: int, end: float, decimals: int) -> str:
    value = float(found.values[output, at])
    half = None if found.std_errors is None else Z95 * float(found.std_errors[output, at])
    known = half is not None and np.isfinite(half)
    unsure = known and half is not None and half >= value
    width = round(_BAR * min(1.0, max(0.0, value / end))) if np.isfinite(value) else 0
    look = f"border:{_HOLLOW}" if unsure else f"border-top:9px solid {_BARS}"
    bar = f'<span style="display:inline-block;width:{width}px;height:9px;{look}"></span>' if width else ""
    said = f" ± {fixed(half, decimals)}" if known and half is not None else ""
    return (
        f'<span style="display:inline-block;width:{_BAR + 2}px;text-align:left;margin-right:6px">{bar}</span>'
        f"{fixed(value, decimals)}{said}"
    )


def _picks(found: GlobalExplanation) -> str:
    lines = []
    for i, pick in enumerate((found.picks or ())[:MOST_PICKS]):
        names = ", ".join(shorten(readable(text(found.feature_names[at])), 60) for at in pick.adds[:5])
        covered = "" if found.coverage is None else f", {round(100 * float(found.coverage[i]))} % covered"
        how = (
            "highest" if pick.predicted and found.output_unit not in {"probability", "logit"} else "predicted"
        )
        said = " ".join(part for part in (how, pick.predicted, significant(pick.prediction)) if part)
        says = f", {said}" if math.isfinite(pick.prediction) else ""
        adds = f"adds {names or 'nothing new'}"
        lines.append(f"<li>row #{whole(pick.row)}{_escaped(says)}{covered}: {_escaped(adds)}</li>")
    return f"<p>Rows worth reading:</p><ol>{''.join(lines)}</ol>"


def _pairs(found: GlobalExplanation) -> str:
    assert found.interactions is not None
    sizes = np.nan_to_num(np.abs(found.interactions)).max(axis=0)
    names = [shorten(readable(text(name)), 40) for name in found.feature_names]
    return f"<p>{_escaped(pairs_sentence(sizes, names))}</p>"


def _escaped(words: str) -> str:
    return html.escape(shorten(text(words)))
