"""By keyboard alone: each sort of control in every kind of view is used, and the focus is never lost to the page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.browser.plain import STATES, table_of
from tests.browser.shots import showcase, with_status
from tests.browser.waiting import eventually

pytestmark = pytest.mark.browser

KINDS: dict[str, Callable[[], dict[str, Any]]] = {
    "table": lambda: showcase("applicant"),
    "running": lambda: with_status(showcase("applicant"), state="running", rows=1200, total=3000),
    "stopped": lambda: with_status(showcase("applicant"), state="stopped", rows=1200, total=3000),
    "41 features": lambda: table_of(41, lambda i: f"feature {i}"),
    **{
        name: STATES[name]
        for name in (
            "failed", "steps", "several", "text", "edited text", "edited image", "pixels",
            "compare edited", "compare text", "compare image", "rows credit", "rows with one beneath",
        )
    },
}  # fmt: skip

# what Tab stops at, the first few of each sort: rows are alike
TAKE = """i => {
  const seen = {};
  const at = [...document.querySelectorAll('.jx :is(button, input, select, summary, [tabindex])')].filter(each => {
    if (each.tabIndex < 0 || each.disabled || !each.checkVisibility()) return false;
    const place = each.closest('.jx-row:not(.jx-more), .cp-r, .gl-r, .pn-r') ? 'row' : each.textContent;
    const sort = [each.tagName, each.type, each.className.toString().replace(/ (hot|new|gone)/g, ''), place].join();
    seen[sort] = (seen[sort] ?? 0) + 1;
    return seen[sort] <= 2;
  })[i];
  at?.focus();
  return at ? [at.tagName, at.type ?? '', at.getAttribute('role') ?? '', at.className,
               at.getAttribute('aria-label') || at.textContent.slice(0, 40)] : null;
}"""
HERE = """async () => {
  await new Promise(done => requestAnimationFrame(() => setTimeout(done)));
  const at = document.activeElement;
  if (!at || !at.closest('.jx') || at.disabled) return null;
  return at.getAttribute('aria-label') || at.textContent.slice(0, 40) || at.tagName;
}"""


def keys_of(tag: str, kind: str, role: str, name: str) -> list[str]:
    """What a hand on the keyboard does with a control."""
    if kind == "range":
        return ["PageUp", "Shift+ArrowRight", "ArrowLeft", "f", "Backspace"]
    if role == "button":  # a word: struck and back, written anew, left as it was, another put before it
        return ["Space", "Space", "Enter", "x", "Enter", "Enter", "Escape", "i", "y", "Enter", "ArrowRight"]
    if tag in {"BUTTON", "SUMMARY"}:
        return ["Enter", "Enter", "Enter"]
    if role == "listbox" or name == "cover":
        return ["ArrowDown", "Space", "Shift+ArrowRight", "Space", "Escape"]
    if kind in {"checkbox", "radio"}:
        return ["Space"]
    return ["ArrowDown"] if tag in {"SELECT", "LI"} else ["1", "Enter", "2", "Escape"]


@pytest.mark.parametrize("kind", KINDS)
def test_no_key_throws_anybody_out_of_the_view(kind: str, show: Callable[..., Any]) -> None:
    page = show(KINDS[kind](), 820)
    lost, used = [], 0
    while used < 60 and (found := page.evaluate(TAKE, used)):
        *sort, label = found
        for key in keys_of(*sort):
            page.keyboard.press(key)
            if page.evaluate(HERE) is None:
                lost.append((label, key))
                break
        used += 1
    assert used > 7
    assert lost == []


def test_who_undoes_all_stays_at_undo(show: Callable[..., Any]) -> None:
    page = show(showcase("applicant"), 820)
    page.locator(".jx-row input[type=range]").first.focus()
    page.keyboard.press("PageUp")
    undo = page.get_by_role("button", name="Undo")
    undo.focus()
    for _ in range(3):  # once more than there is to undo: the next control is not pressed instead
        page.keyboard.press("Enter")
        assert page.evaluate(HERE) == "Undo"
    assert undo.get_attribute("aria-disabled") == "true"
    assert page.locator(".jx-row .was").count() == 0
    # what has nothing to do is no stop on the way
    page.locator(".jx-panel summary").focus()
    assert page.locator(".jx-hands button[aria-disabled=true]:not([tabindex='-1'])").count() == 0


def test_a_flip_that_is_tried_leads_to_undo(show: Callable[..., Any]) -> None:
    page = show(STATES["image"](), 820)
    page.locator(".jx-say button").focus()
    page.keyboard.press("Enter")
    eventually(lambda: page.locator(".jx-say").inner_text().count("With 1 piece hidden"), 1, page)
    assert page.locator(".jx-say button").count() == 0
    assert page.evaluate(HERE) == "Undo"


def test_who_points_is_not_led_anywhere(show: Callable[..., Any]) -> None:
    page = show(STATES["image"](), 820)
    page.locator(".jx-say button").click()
    eventually(lambda: page.locator(".jx-say").inner_text().count("With 1 piece hidden"), 1, page)
    assert page.evaluate(HERE) is None


def test_pieces_say_where_they_are(show: Callable[..., Any]) -> None:
    page = show(STATES["image"](), 820)
    pieces = page.get_by_role("listbox")
    pieces.focus()
    page.keyboard.press("ArrowDown")
    chosen = page.locator("[role=option][aria-selected=true]")
    # a grid of 6 by 4: the first is piece 16, the second piece 1
    eventually(lambda: chosen.get_attribute("aria-label"), "piece 1, upper left, +0.020 \u00b10.006", page)
    assert pieces.get_attribute("aria-activedescendant") == chosen.get_attribute("id")
    page.keyboard.press("End")
    assert page.locator(".rdo").inner_text().startswith("piece 12")
