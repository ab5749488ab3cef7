"""What is stored beside the live view and seen wherever it cannot run: HTML without scripts, and a picture.

JupyterLab strips ``<style>`` and much else from notebooks it does not trust, so every look is inline, in
properties its sanitizer lets through, and the structure alone (table, paragraphs) is readable. Ink is the
host's own; colours are of middle lightness: 3:1 on white and on black.
"""

from __future__ import annotations

import base64
import html
import re
from collections.abc import Mapping

from jupyter_xai.explanation import Explanation, Pixels, Tokens
from jupyter_xai.explanation.numbers import MINUS, counted, decimals_for, fixed, prediction, signed, whole
from jupyter_xai.explanation.rows import FAINT_SHARE, Row, by_weight, rows, scale_end, shorten
from jupyter_xai.explanation.words import (
    doubt,
    feature_word,
    head_unit,
    pairs_sentence,
    poor_fit,
    sentence,
    state_line,
    sum_line,
    text_alternative,
    unit_after,
)
from jupyter_xai.wire.pictures import picture
from jupyter_xai.wire.plain import text

NOTHING_YET = "Nothing computed yet: run this cell to see why the model predicts what it does."
MOST_ROWS = 30
_MOST_OF = {Tokens: 12, Pixels: 5}
"""Rows where the picture above the table shows all of them already."""
_LONG_NAME = 16
_PICTURE_BYTES = 28_000
_TEXT_BYTES = 45_000
_BAR = 90
_RAISES, _LOWERS = "#c2571a", "#3d7fc4"
_RAISES_RGB, _LOWERS_RGB = "194,87,26", "61,127,196"
_CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_LINE = "1px solid rgba(128,128,128,0.5)"
_SMALL = "font-size:12px;margin:4px 0"


def fallback_bundle(
    explanation: Explanation | None,
    uid: str,
    *,
    method_label: str = "",
    error: Mapping[str, str] | None = None,
    output: int = 0,
) -> dict[str, str]:
    """Make the stored output: ``text/html``, ``text/plain`` and, once there is an estimate, ``image/png``.

    Parameters
    ----------
    explanation : Explanation or None
        The newest estimate; None before the first.
    uid : str
        Names the live view whose presence hides this output.
    method_label : str
        The method's name as the view prints it.
    error : mapping, optional
        What ended the run: title, message, where, hint.
    output : int
        Position of the shown output among the explained ones.

    Returns
    -------
    dict
        Mimetype to text; the picture in base64. At most 150 kB.

    Examples
    --------
    >>> bundle = fallback_bundle(None, "abc")
    >>> "Nothing computed yet" in bundle["text/html"], sorted(bundle)
    (True, ['text/html', 'text/plain'])
    """
    plain = []
    if error is not None:
        plain.append(" ".join(filter(None, (error.get("title", ""), error.get("message", "")))))
    bundle = {
        "text/html": fallback_html(explanation, uid, method_label=method_label, error=error, output=output)
    }
    if explanation is not None:
        plain.append(text_alternative(explanation, output))
        image = _png(explanation, output, method_label)
        if image:
            bundle["image/png"] = image
    bundle["text/plain"] = text("\n".join(plain) or NOTHING_YET)
    return bundle


def fallback_html(
    explanation: Explanation | None,
    uid: str,
    *,
    method_label: str = "",
    error: Mapping[str, str] | None = None,
    output: int = 0,
) -> str:
    """Make the HTML alone; parameters as in ``fallback_bundle``."""
    parts = []
    if error is not None:
        parts.append(_failure(error))
    if explanation is not None:
        parts.append(_result(explanation, output, method_label))
    if not parts:
        parts.append(f"<p>{NOTHING_YET}</p>")
    return beside_live("".join(parts), uid)


def beside_live(body: str, uid: str) -> str:
    """Wrap HTML that is seen wherever the live view of this name is not.

    Examples
    --------
    >>> "xai-fb-a1" in beside_live("<p>Settled.</p>", "a1")
    True
    """
    name = re.sub(r"[^\w-]", "", uid, flags=re.ASCII)
    return (
        f"<style>{_swap(name)}</style>"
        f'<div class="xai-fb-{name}" style="max-width:820px;line-height:1.4">{body}</div>'
    )


def _swap(name: str) -> str:
    """Hide this output where the live view is shown, and JupyterLab's error line where it is not.

    JupyterLab keeps all notebooks in one document, and a copy of this one may lie open beside it: there the live
    view of the same cell decides. Hosts without such cells have a document for each notebook.
    """
    return (
        f".jp-OutputArea:has(.xai-live-{name}) .xai-fb-{name},"
        f"body:not(:has(.jp-OutputArea)):has(.xai-live-{name}) .xai-fb-{name}{{display:none}}"
        f".jp-OutputArea-child:not(:has(.xai-live-{name})):has(.lm-Panel)"
        f":has(+ .jp-OutputArea-child .xai-fb-{name}){{display:none}}"
    )


def _png(explanation: Explanation, output: int, method_label: str) -> str:
    from jupyter_xai.plot import png

    try:
        return base64.b64encode(png(explanation, output, method_label=method_label)).decode("ascii")
    except Exception:  # noqa: BLE001 (a picture that cannot be drawn must not take the table with it)
        return ""


def _safe(words: str) -> str:
    """User text as HTML that stays within its own direction."""
    return f"<bdi>{_escape(words)}</bdi>"


def _escape(words: str) -> str:
    return html.escape(_CONTROLS.sub("\ufffd", text(words)), quote=True)


def _failure(error: Mapping[str, str]) -> str:
    lines = [f"<b>{_escape(error.get('title', 'The run failed.'))}</b>"]
    lines += [_escape(error[key]) for key in ("message", "where", "hint") if error.get(key)]
    body = "<br>".join(lines)
    return f'<p style="border-left:3px solid #c9483f;padding-left:8px;white-space:pre-wrap">{body}</p>'


def _result(explanation: Explanation, output: int, method_label: str) -> str:
    layout = explanation.features
    parts = [_outputs(explanation, output)]
    said = sum_line(explanation, output)
    if said:
        parts.append(f'<p style="{_SMALL}">{_escape(said)}</p>')
    parts.append(
        f'<p style="{_SMALL}">{sentence(explanation, output, lambda name: f"<b>{_safe(name)}</b>")}</p>'
    )
    warning = poor_fit(explanation, output)
    if warning:
        parts.append(
            f'<p style="border-left:3px solid #a87a1f;padding-left:8px;{_SMALL}">{_escape(warning)}</p>'
        )
    if isinstance(layout, Tokens):
        parts.append(_marked(explanation, layout, output))
    if isinstance(layout, Pixels):
        parts.append(_photo(explanation, output))
    if not (isinstance(layout, Pixels) and layout.labels is None):
        parts.append(_table(explanation, output))
    if explanation.interactions is not None and explanation.interactions.size:
        names = [shorten(text(name)) for name in explanation.feature_names]
        told = pairs_sentence(explanation.interactions[output], names, directed=True)
        parts.append(f'<p style="{_SMALL}">{_escape(told)}</p>')
    parts.append(_foot(explanation, output, method_label))
    return "".join(parts)


def _outputs(explanation: Explanation, output: int) -> str:
    unit = explanation.output_unit
    shown = (
        f"{head_unit(unit)} <b>{_safe(explanation.output_names[output])} "
        f'<span style="font-size:20px">{_escape(prediction(float(explanation.predictions[output]), unit))}</span>'
        f"{_escape(unit_after(explanation))}</b>"
    )
    others = [
        f"{_safe(name)} {_escape(prediction(float(value), unit))}"
        for i, (name, value) in enumerate(zip(explanation.output_names, explanation.predictions, strict=True))
        if i != output
    ]
    more = len(explanation.all_output_names or ()) - len(explanation.output_names)
    if more > 0:
        others.append(f"{whole(more)} more")
    also = f' <span style="font-size:13px">&nbsp; {"; ".join(others[:6])}</span>' if others else ""
    return f'<p style="margin:4px 0;font-size:13px">{shown}{also}</p>'


def _foot(explanation: Explanation, output: int, method_label: str) -> str:
    state = state_line(
        explanation.status,
        rows=max(explanation.n_evals, explanation.n_rows),
        random_state=explanation.random_state,
    )
    if explanation.status == "running":  # stored on the way: where this is read, nothing runs
        state = f"unfinished · {state}"
    drawn = "outlined, not coloured" if isinstance(explanation.features, Pixels) else "hollow bars"
    facts = [f"{method_label or explanation.method} · {state}.", doubt(explanation, output, drawn)]
    facts += list(explanation.notices)
    return f'<p style="{_SMALL}">{_escape(" ".join(fact for fact in facts if fact))}</p>'


# --- rows --------------------------------------------------------------------------------------------------


def _table(explanation: Explanation, output: int) -> str:
    found = by_weight(rows(explanation, output))
    end = scale_end(found)
    decimals = decimals_for(explanation.output_unit, end)
    with_values = any(row.value for row in found)
    with_errors = any(row.half is not None for row in found)
    most = _MOST_OF.get(type(explanation.features), MOST_ROWS)
    shown, rest = found[:most], found[most:]
    if len(rest) == 1:
        shown, rest = found, []
    lines = [_line(row, end, decimals, with_values, with_errors) for row in shown]
    if rest:
        zero = sum(row.could_be_zero for row in rest)
        label = f"{len(rest)} more together" + (f"; {zero} of them could be zero" if zero else "")
        together = Row(-1, label, "", "", "", sum(row.weight for row in rest), None)
        lines.append(_line(together, end, decimals, with_values, with_errors))
    noun = (
        "word" if isinstance(explanation.features, Tokens) else feature_word(explanation.features).rstrip("s")
    )
    # beside long values the names would get one word a line
    names_look = "left;width:34%" if any(len(row.name) > _LONG_NAME for row in shown) else "left"
    head = [
        (noun, names_look),
        *([("value", "left")] if with_values else []),
        ("lowers", "right"),
        ("raises", "left"),
    ]
    head += [("weight", "right"), *([("± 95 %", "right")] if with_errors else [])]
    columns = "".join(
        f'<th scope="col" style="text-align:{side};white-space:nowrap;{_CELL}">{name}</th>'
        for name, side in head
    )
    look = "border-collapse:collapse;font-size:13px;margin:4px 0"
    return f'<table style="{look}"><thead><tr>{columns}</tr></thead><tbody>{"".join(lines)}</tbody></table>'


_CELL = "padding:1px 6px;vertical-align:middle"


def _line(row: Row, end: float, decimals: int, with_values: bool, with_errors: bool) -> str:
    hint = f' title="{_escape(row.condition)}"' if row.condition else ""
    cells = [
        f'<th scope="row" style="text-align:left;font-weight:normal;{_CELL}"{hint}>{_safe(row.name)}</th>'
    ]
    if with_values:
        value = f"<i>{row.value}</i>" if row.missing else _safe(row.value)
        unit = f" {_escape(row.unit)}" if row.unit else ""
        cells.append(f'<td style="text-align:left;{_CELL}">{value}{unit}</td>')
    width = _BAR + 12
    bar = _bar(row, end)
    left, right = (bar, "") if row.weight < 0 else ("", bar)
    cells.append(f'<td style="text-align:right;width:{width}px;padding:1px 0">{left}</td>')
    cells.append(
        f'<td style="text-align:left;width:{width}px;padding:1px 0;border-left:{_LINE}">{right}</td>'
    )
    weight = signed(row.weight, decimals)
    said = weight if row.could_be_zero or row.feature < 0 else f"<b>{weight}</b>"
    cells.append(f'<td style="text-align:right;white-space:nowrap;{_CELL}">{said}</td>')
    if with_errors:
        half = f"±{fixed(row.half, decimals)}" if row.half is not None else ""
        cells.append(f'<td style="text-align:right;white-space:nowrap;font-size:11px;{_CELL}">{half}</td>')
    return f"<tr>{''.join(cells)}</tr>"


def _bar(row: Row, end: float) -> str:
    width = round(_BAR * min(1.0, abs(row.weight) / end)) if row.weight == row.weight else 0
    if width == 0:
        return ""
    colour = _LOWERS if row.weight < 0 else _RAISES
    height = 4 if row.feature < 0 else 10
    # a border, not a ground: printers leave grounds out
    look = f"border:1px solid {colour}" if row.could_be_zero else f"border-top:{height}px solid {colour}"
    shape = f"display:inline-block;box-sizing:border-box;width:{width}px;height:{height}px"
    return f'<span style="{shape};{look}"></span>'


# --- text --------------------------------------------------------------------------------------------------


def _marked(explanation: Explanation, layout: Tokens, output: int) -> str:
    found = rows(explanation, output)
    end = scale_end(found)
    decimals = decimals_for(explanation.output_unit, end)
    ranks = {group: i for i, group in enumerate(sorted(set(layout.groups or ())))}
    parts: list[str] = []
    at = size = 0
    for unit, (start, stop) in enumerate(layout.offsets):
        if size > _TEXT_BYTES:
            break
        row = found[ranks[layout.groups[unit]] if layout.groups else unit]
        parts += [_escape(layout.text[at:start]), _mark(layout.text[start:stop], row, end, decimals)]
        size += len(parts[-1]) + len(parts[-2])
        at = stop
    rest = layout.text[at:]
    cut = f"… {counted(len(rest), 'characters')} more" if len(rest) > _TEXT_BYTES // 2 else ""
    parts.append(_escape(cut or rest))
    key = (
        f'<span style="border-top:4px solid {_RAISES}">bar above</span> raises &nbsp; '
        f'<span style="border-bottom:4px solid {_LOWERS}">bar below</span> lowers &nbsp; no bar: near zero'
    )
    look = "white-space:pre-wrap;font-size:15px;line-height:2;margin:8px 0"
    return f'<p dir="auto" style="{look}">{"".join(parts)}</p><p style="font-size:11px;margin:4px 0 12px">{key}</p>'


def _mark(word: str, row: Row, end: float, decimals: int) -> str:
    share = abs(row.weight) / end if row.weight == row.weight else 0.0
    said = _escape(word)
    if share < FAINT_SHARE:
        return said
    side, colour, rgb = ("bottom", _LOWERS, _LOWERS_RGB) if row.weight < 0 else ("top", _RAISES, _RAISES_RGB)
    thickness = 1 if row.could_be_zero else max(1, min(7, round(7 * share)))
    ground = "" if row.could_be_zero else f"background-color:rgba({rgb},{0.38 * min(1.0, share) ** 0.5:.2f});"
    weight = signed(row.weight, decimals).replace(MINUS, "&minus;")
    return f'<span title="{weight}" style="{ground}border-{side}:{thickness}px solid {colour}">{said}</span>'


# --- photographs -------------------------------------------------------------------------------------------


def _photo(explanation: Explanation, output: int) -> str:
    from jupyter_xai.plot.heat import heat_picture, heat_scale

    mime, data, (height, width) = picture(heat_picture(explanation, output), budget=_PICTURE_BYTES)
    shown = f'width="{round(width * 320 / max(height, width))}"'
    end = heat_scale(explanation, output)
    decimals = decimals_for(explanation.output_unit, end)
    key = f"hatched blue lowers, to {fixed(-end, decimals)}; solid orange raises, to {signed(end, decimals)}"
    return (
        f'<p style="margin:8px 0"><img {shown} alt="{_escape(text_alternative(explanation, output))}" '
        f'src="data:{mime};base64,{base64.b64encode(data).decode("ascii")}"></p>'
        f'<p style="font-size:11px;margin:4px 0">{key}</p>'
    )
