"""Views on a plain page without a kernel: the page, the states that are shown on it, and what overlaps there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from jupyter_xai.explanation import Columns, Explanation
from tests.browser.shots import benchmarked, compared, compared_image, compared_text, page_of, rows_and_bank
from tests.golden.make import ERROR, state_of
from tests.golden.overviews import OVERVIEWS, overview_state, wide
from tests.golden.samples import EVERY, XSS

STATIC = Path(__file__).resolve().parents[2] / "jupyter_xai" / "widget" / "static"
GROUNDS = {
    "light": ("#ffffff", "#ffffff", "#000000"),
    "dark": ("#111111", "#111111", "#ffffff"),
    "white": ("#ffffff", "initial", "#000000"),
    "black": ("#000000", "initial", "#ffffff"),
}
"""Paper, what a host of JupyterLab's family says of it (the last two say nothing), ink."""

PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>A view</title><style>%s
body {margin: 0; padding: 0 10px; background: %s; --jp-layout-color0: %s}</style></head>
<body><main><h1 style="font-size: 12px; color: %s">Views</h1><div id="view"></div></main></body></html>"""

MOUNT = """async ([source, one, state]) => {
  window.bundles ??= {};
  const load = async code =>
    window.bundles[code] ??= await import(URL.createObjectURL(new Blob([code], {type: 'text/javascript'})));
  const [{mount}, row] = [await load(source), await load(one)];
  window.close_?.();
  window.close_ = mount(document.getElementById('view'), state, {live: true, row: row.mount});
  const frame = () => new Promise(resolve => requestAnimationFrame(() => setTimeout(resolve)));
  for (let i = 0; i < 3; i++) await frame();
  const settings = document.querySelector('.jx-panel');
  if (settings) settings.open = true;
  for (let i = 0; i < 3; i++) await frame();
}"""

# the boxes of what can be read or used, as far as their own containers show them
OVERLAPS = """() => {
  const root = document.querySelector('.jx'), outer = root.getBoundingClientRect(), found = [];
  const clipped = (box, element) => {
    let {left, right, top, bottom} = box;
    for (let at = element; at && at !== root; at = at.parentElement) {
      const style = getComputedStyle(at);
      if (style.overflowX === 'visible' && style.overflowY === 'visible') continue;
      const edge = at.getBoundingClientRect();
      left = Math.max(left, edge.left); right = Math.min(right, edge.right);
      top = Math.max(top, edge.top); bottom = Math.min(bottom, edge.bottom);
    }
    return {left, right, top, bottom};
  };
  const seen = element => element.checkVisibility({opacityProperty: true, visibilityProperty: true})
    && !element.closest('.vh, .tip, option, datalist');
  const boxes = [];
  const add = (box, element, what) => {
    // a line's box is higher than its letters
    const {left, right, top, bottom} = clipped(box, element);
    const room = what === 'text' ? Math.min(4, (bottom - top) / 4) : 1;
    if (right - left > 1 && bottom - top > 2 * room)
      boxes.push({left, right, top: top + room, bottom: bottom - room, element, what});
  };
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    if (!node.data.trim() || !seen(node.parentElement)) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    for (const box of range.getClientRects()) add(box, node.parentElement, 'text');
  }
  for (const element of root.querySelectorAll('button, select, input, canvas, .jx-trk, .jx-bar'))
    if (seen(element) && element.getAttribute('type') !== 'range')
      add(element.getBoundingClientRect(), element, 'control');
  const say = ({element}) => `${element.tagName}.${element.className} ${(element.textContent || '').slice(0, 30)}`;
  for (const box of boxes)
    if (box.left < outer.left - 1 || box.right > outer.right + 1) found.push(`outside: ${say(box)}`);
  const [full, shown] = [root.scrollWidth, root.clientWidth];
  if (full > shown + 1) found.push(`scrolls sideways: ${full} in ${shown}`);
  const inside = (a, b) => a.element.contains(b.element) || b.element.contains(a.element);
  // a number lies on the photo, and what a track says at its ends on the track
  const meant = (a, b) => [a, b].some(({element}) => element.matches('.lab')) && [a, b].some(
    ({element}) => element.tagName === 'CANVAS');
  boxes.sort((a, b) => a.top - b.top);
  boxes.forEach((a, i) => {
    for (let k = i + 1; k < boxes.length && boxes[k].top < a.bottom - 0.5; k++) {
      const b = boxes[k];
      const wide = Math.min(a.right, b.right) - Math.max(a.left, b.left);
      const high = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
      if (wide > 1 && high > 1 && !inside(a, b) && !meant(a, b))
        found.push(`${say(a)} over ${say(b)}, ${wide.toFixed(1)} x ${high.toFixed(1)}`);
    }
  });
  return found.slice(0, 8);
}"""


def table_of(n: int, name: Callable[[int], str]) -> dict[str, Any]:
    """A row of n columns, numbers and categories in turn."""
    rng = np.random.default_rng(n)
    kinds: list[Any] = ["number" if i % 2 == 0 else "category" for i in range(n)]
    values = rng.normal(size=n) * 0.1
    row = Columns(
        names=tuple(name(i) for i in range(n)),
        values=tuple(1234.5 if kind == "number" else "a fairly long category" for kind in kinds),
        kinds=tuple(kinds),
        members=tuple((i,) for i in range(n)),
        ranges=tuple((0.0, 1e4) if kind == "number" else None for kind in kinds),
        categories=tuple(None if kind == "number" else ("a fairly long category", "b") for kind in kinds),
    )
    explanation = Explanation(
        values=np.stack([values, -values]),
        std_errors=np.full((2, n), 0.02),
        features=row,
        output_names=("bad credit", "good credit"),
        targets=(0, 1),
        predictions=np.array([0.6, 0.4]),
        base_values=np.array([0.6 - values.sum(), 0.4 + values.sum()]),
        output_unit="probability",
        method="kernel_shap",
        additive=True,
        status="settled",
    )
    return state_of("table", explanation)


def failed(state: dict[str, Any]) -> dict[str, Any]:
    return {**state, "status": {**state["status"], "state": "failed", "error": ERROR}}


def edited(state: dict[str, Any], *edits: dict[str, Any]) -> dict[str, Any]:
    return {**state, "request": {**state.get("request", {}), "edits": list(edits)}}


def broken(state: dict[str, Any]) -> dict[str, Any]:
    """Markup in every word of an error."""
    error = dict.fromkeys(("title", "message", "where", "hint", "traceback"), XSS)
    return {**state, "status": {**state["status"], "state": "failed", "error": error, "notices": [XSS]}}


def compared_markup() -> dict[str, Any]:
    """A comparison whose every name is markup."""
    import jupyter_xai as xai

    rows, bank = rows_and_bank()
    names = [f"{XSS}{i}" for i in range(rows.shape[1])]
    view = xai.compare(
        bank, rows[0], ["kernel_shap", "lime", "grad_cam"], background=rows, feature_names=names,
        output_names=[XSS], output="probability",
    )  # fmt: skip
    return page_of(view)


STATES: dict[str, Callable[[], dict[str, Any]]] = {
    **{name: lambda name=name: state_of(name, EVERY[name]()) for name in EVERY},
    "one feature": lambda: table_of(1, lambda _: "age"),
    "500 features": lambda: table_of(500, lambda i: f"feature {i}"),
    "long names": lambda: table_of(12, lambda i: f"{'an_unbroken_name_' * 6}{i}"),
    "markup": lambda: table_of(3, lambda i: f"{XSS}{i}"),
    "failed": lambda: failed(state_of("table", EVERY["table"]())),
    "edited text": lambda: edited(
        state_of("text", EVERY["text"]()),
        {"op": "strike", "positions": [0]},
        {"op": "replace", "position": 1, "text": "a_very_long_word_without_any_space" * 3},
        {"op": "insert", "position": 2, "text": XSS},
    ),
    "edited image": lambda: edited(
        state_of("image", EVERY["image"]()),
        {"op": "hide", "pieces": [0, 1]},
        {"op": "adjust", "kind": "rotation", "amount": -90},
    ),
    **{f"rows {name}": lambda name=name: overview_state(OVERVIEWS[name](), row=74) for name in OVERVIEWS},
    "compared markup": compared_markup,
    "compared failed": lambda: broken(compared()),
    "rows failed": lambda: broken(overview_state(OVERVIEWS["credit"](), row=74)),
    "rows wide": lambda: overview_state(wide(500, 20), target=3),
    "rows with one beneath": lambda: {
        **overview_state(OVERVIEWS["credit"](), row=74),
        "opened": {"row": 74},
        "opened_state": state_of("table", EVERY["table"]()),
    },
}


SIX = ("kernel_shap", "lime", "occlusion", "permutation_shap", ("lime", {"n_samples": 50}), "grad_cam")
STATES |= {
    **{f"compare {n} methods": lambda n=n: compared(SIX[:n]) for n in range(2, 7)},
    "compare edited": lambda: compared(SIX, {"income": -1.0}),
    "compare text": compared_text,
    "compare image": compared_image,
    "benchmark": benchmarked,
}
