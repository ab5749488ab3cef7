"""How views stand on a page: nothing overlaps at any width, nothing runs out of its box, axe-core finds nothing."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from jupyter_xai.explanation import Columns, Explanation
from tests.browser import shots
from tests.browser.lab import open_context
from tests.browser.waiting import eventually
from tests.golden.make import ERROR, pack, state_of
from tests.golden.overviews import OVERVIEWS, overview_state, wide
from tests.golden.samples import EVERY, XSS

pytestmark = pytest.mark.browser

ROOT = Path(__file__).resolve().parents[2]
STATIC = ROOT / "jupyter_xai" / "widget" / "static"
AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
WIDTHS = (320, 360, 599, 601, 820, 1400, 1600)
GROUNDS = {"light": ("#ffffff", "#000000"), "dark": ("#111111", "#ffffff")}

PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>A view</title><style>%s
body {margin: 0; padding: 0 10px; background: %s; --jp-layout-color0: %s}</style></head>
<body><main><h1 style="font-size: 12px; color: %s">Views</h1><div id="view"></div></main></body></html>"""

MOUNT = """async ([source, state]) => {
  const url = URL.createObjectURL(new Blob([source], {type: 'text/javascript'}));
  window.bundle ??= await import(url);
  window.close_?.();
  window.close_ = window.bundle.mount(document.getElementById('view'), state, {live: true});
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
    "rows wide": lambda: overview_state(wide(500, 20), target=3),
    "rows with one beneath": lambda: {
        **overview_state(OVERVIEWS["credit"](), row=74),
        "opened": {"row": 74},
        "opened_state": state_of("table", EVERY["table"]()),
    },
}


SIX = ("kernel_shap", "lime", "occlusion", "permutation_shap", ("lime", {"n_samples": 50}), "grad_cam")
STATES |= {
    **{f"compare {n} methods": lambda n=n: shots.compared(SIX[:n]) for n in range(2, 7)},
    "compare edited": lambda: shots.compared(SIX, {"income": -1.0}),
    "compare text": shots.compared_text,
    "compare image": shots.compared_image,
    "benchmark": shots.benchmarked,
}


@pytest.fixture
def show(browser: Any) -> Iterator[Callable[..., Any]]:
    """``show(state, width, ground)`` mounts a view and returns its page; markup that runs fails the test."""
    contexts, problems = [], []
    source = (STATIC / "index.js").read_text()
    style = (STATIC / "index.css").read_text()

    def make(state: dict[str, Any], width: int, ground: str = "light", **more: Any) -> Any:
        context = open_context(browser, viewport={"width": width + 20, "height": 900}, **more)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("dialog", lambda dialog: problems.append(dialog.message) or dialog.dismiss())
        paper, ink = GROUNDS[ground]
        page.set_content(PAGE % (style, paper, paper, ink))
        page.evaluate(MOUNT, [source, pack(state)])
        return page

    yield make
    for context in contexts:
        context.close()
    assert problems == []


@pytest.mark.parametrize("name", STATES)
def test_nothing_overlaps_or_runs_out(name: str, show: Callable[..., Any]) -> None:
    state = STATES[name]()
    page = show(state, WIDTHS[0])
    for width in WIDTHS:
        page.set_viewport_size({"width": width + 20, "height": 900})
        # the view hears of its new width a moment later
        eventually(lambda width=width: (width, page.evaluate(OVERLAPS)), (width, []), page, timeout=10)
    assert page.locator("#view img, #view script").count() == 0


def test_the_test_sees_overlaps(show: Callable[..., Any]) -> None:
    page = show(STATES["table"](), 820)
    page.add_style_tag(content=".jx-row .num {transform: translateX(-60px)}")
    assert any("over" in fault for fault in page.evaluate(OVERLAPS))
    page.add_style_tag(content=".jx-row .num {transform: translateX(60px)}")
    assert any("outside" in fault for fault in page.evaluate(OVERLAPS))


AXE_RUN = """async () => {
  const {violations} = await axe.run(document.querySelector('main'), {resultTypes: ['violations']});
  return violations.map(({id, nodes}) => `${id}: ${nodes.slice(0, 3).map(n => n.html.slice(0, 160) + ' '
    + (n.any[0]?.message ?? n.all[0]?.message ?? n.none[0]?.message ?? '')).join(' | ')}`);
}"""


@pytest.mark.parametrize("ground", GROUNDS)
@pytest.mark.parametrize("name", STATES)
def test_axe_finds_no_violation(name: str, ground: str, show: Callable[..., Any]) -> None:
    if not AXE.exists():
        pytest.fail("axe-core is missing: run `npm ci`, or `make setup`")
    page = show(STATES[name](), {"light": 360, "dark": 820}[ground], ground)
    page.evaluate(AXE.read_text())
    assert page.evaluate(AXE_RUN) == []


def test_forced_colours_keep_signs_and_handles(show: Callable[..., Any]) -> None:
    page = show(STATES["table"](), 820, "dark", forced_colors="active")
    drawn = page.evaluate(
        """() => ['.jx-bar .b.pos', '.jx-bar .b.neg', '.jx-trk .dot'].map(which => {
          const element = document.querySelector(which), style = element && getComputedStyle(element);
          return style && style.backgroundColor;
        })"""
    )
    assert None not in drawn
    assert len(set(drawn[:2])) == 2
    assert page.evaluate(OVERLAPS) == []


def test_less_motion_is_none(show: Callable[..., Any]) -> None:
    page = show(STATES["table"](), 820, reduced_motion="reduce")
    moving = page.evaluate(
        """() => [...document.querySelectorAll('.jx, .jx *')].filter(element => {
          const {transitionDuration, animationName} = getComputedStyle(element);
          return animationName !== 'none' || transitionDuration.split(',').some(one => parseFloat(one) > 0);
        }).length"""
    )
    assert moving == 0
    calm = show(STATES["table"](), 820)
    assert (
        calm.evaluate("() => getComputedStyle(document.querySelector('.jx-bar .b')).transitionDuration")
        != "0s"
    )


def test_the_keyboard_reaches_everything_and_is_seen(show: Callable[..., Any]) -> None:
    page = show(STATES["table"](), 820)
    page.locator("h1").click()
    seen, places = [], []
    for _ in range(120):
        page.keyboard.press("Tab")
        here = page.evaluate(
            """() => {
              const at = document.activeElement;
              if (!at || at === document.body) return null;
              const ring = element => {
                const style = getComputedStyle(element);
                return style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 1;
              };
              const box = at.getBoundingClientRect();
              return {
                label: at.getAttribute('aria-label') || at.textContent.slice(0, 40),
                ringed: ring(at) || (at.closest('.jx-trk') !== null && ring(at.closest('.jx-trk'))),
                kind: at.tagName + (at.getAttribute('role') ?? ''),
                top: box.top,
              };
            }"""
        )
        if here is None:
            break
        seen.append(here)
        places.append(here["top"])
    kinds = {one["kind"] for one in seen}
    assert {"BUTTONradio", "SELECT", "INPUT", "BUTTON", "SUMMARY"} <= kinds
    assert [one["label"] for one in seen if not one["ringed"]] == []
    # from top to bottom: a step back is within one line
    assert all(later > before - 40 for before, later in itertools.pairwise(places))
