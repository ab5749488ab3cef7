"""What a person sees of the views on a page, whatever host shows it."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import Any

from tests.browser.waiting import PATIENCE, eventually, until

TEXT_CELL = """
import numpy as np
import jupyter_xai as xai

def critic(texts):
    return np.array([[1 - p, p] for p in (0.2 + 0.6 * ("dull" in t) - 0.1 * ("brave" in t) for t in texts)])

film = xai.explain(critic, "a brave but dull film", output_names=["good", "bad"], n_samples=200, tolerance=0)
film
"""
FILM = ("brave", "dull", "film", "bad")

TABLE_CELL = """
import numpy as np
import jupyter_xai as xai

def bank(X):
    z = X @ np.array([[1.0, -1.0, 0.2], [0.5, 0.3, -0.8]])
    e = np.exp(z)
    return e / e.sum(axis=1, keepdims=True)

rows = np.random.default_rng(0).normal(size=(300, 2))
loan = xai.explain(bank, [1.0, 2.0], background=rows, feature_names=["income", "debt"],
                   output_names=["granted", "refused", "later"], n_samples=1000, tolerance=0)
loan
"""
LOAN = ("income", "debt", "granted")

BAD_LINES = ("Error displaying widget", "Loading widget", "model not found", "Traceback")

_SEEN = """() => {
  const shown = e => {
    const box = e.getBoundingClientRect();
    return e.checkVisibility({opacityProperty: true, visibilityProperty: true}) && box.width > 50 && box.height > 10;
  };
  const find = (kind, prefix) => [...document.querySelectorAll(`[class*="${prefix}"]`)].filter(shown).map(e => ({
    kind, uid: [...e.classList].find(c => c.startsWith(prefix)).slice(prefix.length), text: e.innerText,
    drawn: [...e.querySelectorAll('img, svg, canvas, span, i')].filter(m => {
      const box = m.getBoundingClientRect(), look = getComputedStyle(m);
      if (m.tagName === 'IMG') return m.complete && m.naturalWidth > 0 && box.width > 20;
      if (m.tagName === 'svg' || m.tagName === 'CANVAS') return box.width > 10 && box.height > 4;
      const painted = look.backgroundColor !== 'rgba(0, 0, 0, 0)'
        || parseFloat(look.borderTopWidth) > 0 || parseFloat(look.borderBottomWidth) > 0 || look.boxShadow !== 'none';
      return painted && box.width > 2 && box.height > 1;
    }).length,
  }));
  return {views: [...find('live', 'xai-live-'), ...find('fallback', 'xai-fb-')], text: document.body.innerText};
}"""


@dataclass(frozen=True)
class Sight:
    """One visible representation of a view.

    Parameters
    ----------
    kind : {"live", "fallback"}
    uid : str
        Names the view.
    text : str
        Its visible text.
    drawn : int
        Bars, marks and pictures that have a size.
    """

    kind: str
    uid: str
    text: str
    drawn: int


def look(page: Any) -> tuple[list[Sight], str]:
    """Return what is seen of our views, from top to bottom of each kind, and all visible text of the page."""
    found = page.evaluate(_SEEN)
    return [Sight(**view) for view in found["views"]], found["text"]


def expect(page: Any, kind: str, *wanted: tuple[str, ...], timeout: float = PATIENCE) -> list[Sight]:
    """Wait until exactly these views are seen, all of one kind, each with its words, and check that they stay.

    Parameters
    ----------
    page : playwright page
    kind : {"live", "fallback"}
    *wanted : tuple of str
        One tuple a view, in the order of the page: words it must show.
    timeout : float
        Seconds.
    """
    with contextlib.suppress(AssertionError):  # those below say what is seen instead
        until(
            page,
            f"""([kind, wanted]) => {{
                  const {{views, text}} = ({_SEEN})();
                  return views.length === wanted.length && views.every((view, i) => view.kind === kind
                    && view.drawn > 0 && wanted[i].every(word => view.text.includes(word)))
                    && !text.includes('Loading widget') }}""",
            [kind, [list(words) for words in wanted]],
            timeout=timeout,
        )
    page.wait_for_timeout(400)  # a host may still replace what it showed first
    views, text = look(page)
    said = f"seen: {views}\nbad lines: {[line for line in BAD_LINES if line in text]}"
    assert [view.kind for view in views] == [kind] * len(wanted), said
    for view, words in zip(views, wanted, strict=True):
        assert not [word for word in words if word not in view.text], said
        assert view.drawn > 0, said
    assert not [line for line in BAD_LINES if line in text], said
    return views


def pull(page: Any, view: Any, key: str = "Home") -> None:
    """Move a table's first slider to an end by keyboard: the model answers, and on release it is explained anew."""
    shown, bars = view.locator("[role=radiogroup]").first, view.locator(".jx-row:not(.th) .num")
    before = shown.inner_text(), bars.all_inner_texts()
    view.locator("input[type=range]").first.focus()
    page.keyboard.press(key)
    eventually(shown.inner_text, lambda now: now != before[0], page)
    # the page knows a prediction from its curve, and other weights from Python alone
    eventually(bars.all_inner_texts, lambda now: now != before[1], page)
    eventually(view.locator(".guess").count, 0, page)
    eventually(view.locator(".jx-state").first.inner_text, lambda said: "settled" in said, page)


_CONTRAST = """root => {
  const read = text => {
    const [r, g, b, a = 1] = text.match(/[\\d.]+/g).map(Number);
    return text.startsWith('color(srgb') ? [r * 255, g * 255, b * 255, a] : [r, g, b, a];
  };
  const over = ([r, g, b, a], [R, G, B]) => [r * a + R * (1 - a), g * a + G * (1 - a), b * a + B * (1 - a)];
  const light = rgb => {
    const [r, g, b] = rgb.map(v => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = e => {
    if (!e) return [255, 255, 255];
    const own = read(getComputedStyle(e).backgroundColor);
    return own[3] === 1 ? own.slice(0, 3) : over(own, ground(e.parentElement));
  };
  const found = [];
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode, e = node.parentElement, words = node.data.trim();
    const box = e.getBoundingClientRect();
    if (!words || !e.checkVisibility({visibilityProperty: true, opacityProperty: true})) continue;
    if (box.width < 2 || box.height < 2 || e.closest('.vh, [disabled], [aria-disabled=true].btn, option')) continue;
    const under = ground(e), colour = getComputedStyle(e).color, ink = over(read(colour), under);
    const [low, high] = [light(ink), light(under)].sort((a, b) => a - b);
    found.push({words, colour, ratio: (high + 0.05) / (low + 0.05)});
  }
  // what stands in a field is no text of the page
  for (const e of root.querySelectorAll('input:not([type=range], [type=checkbox], [type=radio]), select')) {
    if (e.disabled || !e.checkVisibility({visibilityProperty: true, opacityProperty: true})) continue;
    const empty = e.tagName === 'INPUT' && e.value === '';
    const {color} = getComputedStyle(e, empty ? '::placeholder' : null);
    const words = empty ? e.placeholder : e.selectedOptions?.[0]?.textContent ?? e.value;
    if (!words) continue;
    const under = ground(e), ink = over(read(color), under);
    const [low, high] = [light(ink), light(under)].sort((a, b) => a - b);
    found.push({words, colour: color, ratio: (high + 0.05) / (low + 0.05)});
  }
  return found;
}"""


def contrasts(root: Any) -> list[dict[str, Any]]:
    """Measure every visible text within a located element: its words, its colour and the ratio to its ground."""
    found: list[dict[str, Any]] = root.evaluate(_CONTRAST)
    return found
