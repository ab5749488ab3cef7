"""One HTML file with all that needs no kernel: the view's own bundle on a stand-in for its model.

Nothing is fetched: script, style and state stand in the file, and a content security policy forbids the rest.
Without scripts the page shows the same static picture as a notebook without a kernel.
"""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Mapping
from typing import Any

from jupyter_xai.explanation import Explanation
from jupyter_xai.explanation.words import headline
from jupyter_xai.wire import encode_curves, encode_frame, encode_geometry, encode_status
from jupyter_xai.wire.plain import text

_UID = "page"
_POLICY = (
    "default-src 'none'; script-src 'unsafe-inline' blob:; style-src 'unsafe-inline'; img-src data: blob:; "
    "base-uri 'none'; form-action 'none'"
)
_START = """
const {bundle, row, state} = JSON.parse(document.getElementById("xai-data").textContent);
const load = (code) => {
  const address = URL.createObjectURL(new Blob([code], {type: "text/javascript"}));
  return import(address).finally(() => URL.revokeObjectURL(address));
};
Promise.all([load(bundle), row && load(row)])
  .then(([view, own]) => view.mount(document.getElementById("xai-view"), state, {row: own?.mount}));
"""
_PAGE_STYLE = """
:root{color-scheme:light dark;--jp-layout-color0:#fff;--jp-ui-font-family:system-ui,sans-serif}
body{margin:0 auto;padding:16px;max-width:1200px;background:var(--jp-layout-color0);color:#1f2328;
font:14px/1.4 var(--jp-ui-font-family)}
@media (prefers-color-scheme:dark){:root{--jp-layout-color0:#111}body{color:#e8eaed}}
"""


def page(explanation: Explanation, *, exact: bool = False, shown: Mapping[str, Any] | None = None) -> str:
    """Make the page.

    Parameters
    ----------
    explanation : Explanation
    exact : bool, default=False
        Pixel attributions in float16 at the image's own size, instead of 255 steps at 224 pixels.
    shown : mapping, optional
        The traits of a view that shows it.

    Returns
    -------
    str
        The text of one HTML file.

    Raises
    ------
    XaiError
        If the view's bundle was not built.
    """
    from jupyter_xai.widget.fallback import fallback_html

    label = label_of(explanation.method)
    return written(
        headline(explanation),
        as_shown(state_of(explanation, label, exact=exact), shown or {}),
        fallback_html(explanation, _UID, method_label=label),
    )


def written(title: str, state: Mapping[str, Any], fallback: str) -> str:
    """Put the file together: what the view holds, and what is seen without scripts.

    Parameters
    ----------
    title : str
    state : mapping
        The traits of the view's model.
    fallback : str
        HTML, escaped already.
    """
    from jupyter_xai.widget.widget import read_bundle, script_for, style_for

    data = {"bundle": read_bundle(script_for(state)), "state": packed(state)}
    if "opened_state" in state:
        data["row"] = read_bundle(script_for(state["opened_state"]))
    style = read_bundle(style_for(state)).replace("</", "<\\/")
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        f'<meta name="viewport" content="width=device-width"><title>{html.escape(text(title))}</title>'
        f"<style>{_PAGE_STYLE}{style}</style></head><body>"
        f'<main id="xai-view"></main>{fallback}'
        f'<script type="application/json" id="xai-data">{in_script(data)}</script>'
        f'<script type="module">{_START}</script></body></html>\n'
    )


def state_of(explanation: Explanation, label: str = "", *, exact: bool = False) -> dict[str, Any]:
    """Everything the view's model would hold, saved; the pixel maps of all outputs with it."""
    names = explanation.all_output_names or explanation.output_names
    return {
        "uid": _UID,
        "geometry": encode_geometry(
            explanation.features,
            run=1,
            took="",
            output_names=names,
            n_outputs=len(names),
            output_unit=explanation.output_unit,
        ),
        "frame": encode_frame(
            explanation, run=1, seq=1, method_label=label, maps="exact" if exact else "all"
        ),
        "curves": encode_curves(explanation.curves, 1, explanation.curve_rows) if explanation.curves else {},
        "status": encode_status(
            run=1,
            state=explanation.status,
            rows=max(explanation.n_rows, explanation.n_evals),
            total=explanation.forecast_evals,
            notices=explanation.notices,
        ),
        "display": {},
        "request": {"method": explanation.method},
    }


def as_shown(state: dict[str, Any], shown: Mapping[str, Any]) -> dict[str, Any]:
    """Add what a view knows and a result does not: the decision's threshold, the changes, what was chosen.

    Parameters
    ----------
    state : dict
        Of :func:`state_of`.
    shown : mapping
        The traits of the view; empty before its first estimate.
    """
    geometry, frame = shown.get("geometry"), shown.get("frame")
    if not geometry or not frame:
        return state
    curves = shown.get("curves")
    return {
        **state,
        "geometry": {**geometry, "run": 1, "methods": [], "params": []},
        "frame": {**state["frame"], **{name: frame[name] for name in ("ids", "original") if name in frame}},
        "curves": {**curves, "run": 1} if curves else state["curves"],
        "display": shown["display"],
        "request": shown["request"],
    }


def packed(value: Any) -> Any:
    """Bytes as base64 leaves, as the bundle's stand-in reads them.

    Examples
    --------
    >>> packed({"values": b"ab", "targets": (0,)})
    {'values': {'$b64': 'YWI='}, 'targets': [0]}
    """
    if isinstance(value, bytes):
        return {"$b64": base64.b64encode(value).decode("ascii")}
    if isinstance(value, Mapping):
        return {key: packed(inner) for key, inner in value.items()}
    return [packed(inner) for inner in value] if isinstance(value, list | tuple) else value


def in_script(data: Any) -> str:
    """JSON that no HTML parser takes for markup: no ``<`` in it.

    Examples
    --------
    >>> "<" in in_script({"word": "</script><!--"})
    False
    """
    said = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return said.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def label_of(method: str) -> str:
    """What the view calls a method."""
    from jupyter_xai.registry import KERNELS

    kernel = KERNELS.get(method)
    return kernel.label if kernel is not None else method
