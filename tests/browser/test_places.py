"""Two places of one view agree on everything but hover, focus and scroll, in the page and in Python."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.browser.lab import BRIGHT, Notebook
from tests.browser.seen import TABLE_CELL
from tests.browser.waiting import eventually, until, until_text

Make = Callable[..., Notebook]

# what one place of a view shows: its words, the state of every control, and its photo
_SHOWN = """view => JSON.stringify([view.innerText,
  [...view.querySelectorAll('input, select, details')].map(field => field.open ?? [field.value, field.checked]),
  [...view.querySelectorAll('[aria-pressed], [aria-checked], [aria-selected]')].map(
    e => [e.getAttribute('aria-pressed'), e.getAttribute('aria-checked'), e.getAttribute('aria-selected')]),
  [...view.querySelectorAll('.gone, .on, .th [aria-sort]')].map(e => e.className + e.getAttribute('aria-sort')),
  [...view.querySelectorAll('canvas')].map(canvas => canvas.toDataURL())])"""


class Places:
    """Two places of one view, which have to show the same after each thing that is done in one of them."""

    def __init__(self, page: Any) -> None:
        self._page = page
        self.first, self.second = page.locator(".jx").all()
        self._last = ""

    def agree(self) -> None:
        """Wait until both show the same, and something else than the last time."""
        # a tip is what hover and focus show: each has its own
        self._page.mouse.move(0, 0)
        self._page.evaluate("() => document.activeElement?.blur()")
        shown: list[str] = []

        def both() -> bool:
            shown[:] = [self.first.evaluate(_SHOWN), self.second.evaluate(_SHOWN)]
            return shown[0] == shown[1] != self._last

        eventually(both, True, self._page)
        self._last = shown[0]


def two_places(opened: Notebook, drawn: str) -> tuple[Any, Any, Callable[[], None]]:
    """Run all, wait until both places are settled and have what is drawn, and return them and what compares them."""
    page = opened.page
    page.set_viewport_size({"width": 1100, "height": 2400})
    opened.run_all()
    until(page, f"() => document.querySelectorAll('.jx {drawn}').length === 2")
    until_text(page, ".jx .jx-state", "settled")
    places = Places(page)
    places.agree()
    return places.first, places.second, places.agree


def test_two_places_of_a_table_agree(notebook: Make) -> None:
    opened = notebook(TABLE_CELL, "loan")
    page = opened.page
    first, second, agree = two_places(opened, ".jx-grid")
    second.get_by_role("radiogroup", name="Output explained").get_by_role("radio").nth(1).click()
    agree()
    first.locator(".jx-row.th").get_by_role("button", name="feature").click()
    agree()
    second.locator(".jx-rem").get_by_role("button").last.click()
    agree()
    opened.expect_python(
        "print([loan.widget.display.get(name) for name in ('target', 'sort', 'removed')])", "[1, 'name', 1]"
    )
    first.get_by_role("slider").first.focus()
    page.keyboard.press("Home")
    agree()
    opened.expect_python("print(len(loan.what_if.edits))", "1")
    for button, edits in (("Undo", 0), ("Redo", 1), ("Reset", 0)):
        second.get_by_role("button", name=button).click()
        agree()
        opened.expect_python("print(len(loan.what_if.edits))", str(edits))
    first.get_by_text("Settings").click()
    agree()
    second.get_by_label("method").select_option(value="permutation_shap")
    until_text(page, ".jx .jx-state", "settled")
    agree()
    opened.expect_python("print(loan.explanation.method)", "permutation_shap")
    # what each has for itself
    first.get_by_role("slider").first.focus()
    assert first.evaluate("e => e.contains(document.activeElement)")
    assert not second.evaluate("e => e.contains(document.activeElement)")


PHOTO = (
    BRIGHT
    + """
view = xai.explain(bright, photo, segmentation="grid", n_segments=12, fill=0, method="kernel_shap", n_samples=100,
                   output_names=["day", "night"])
display(view, view)
"""
)


def test_two_places_of_a_photo_agree(notebook: Make) -> None:
    opened = notebook(PHOTO)
    page = opened.page
    first, second, agree = two_places(opened, "canvas")
    for place, name in ((first, "opacity of the heat"), (second, "smallest contribution shown")):
        place.get_by_role("slider", name=name).focus()
        page.keyboard.press("PageDown" if place is first else "PageUp")
        agree()
    opened.expect_python(
        "print(view.widget.display['opacity'] < 0.75, view.widget.display['threshold'] > 0)", "True True"
    )
    first.get_by_role("radio", name="box").check()
    agree()
    box = second.locator("canvas").bounding_box()
    page.mouse.click(box["x"] + 5, box["y"] + 5)
    agree()
    opened.expect_python("print(view.what_if.edits)", "[{'op': 'hide', 'pieces': [0]}]")
    first.get_by_role("checkbox", name="what the model sees").check()
    agree()
    second.get_by_role("checkbox", name="what the model sees").uncheck()
    agree()
    first.get_by_role("slider", name="blur").focus()
    page.keyboard.press("End")
    agree()
    opened.expect_python("print([edit['op'] for edit in view.what_if.edits])", "['hide', 'adjust']")
    second.locator(".jx-rem").get_by_role("button", name="one more").click()
    agree()
    first.get_by_role("button", name="Reset").click()
    agree()
    # another cut, by the settings
    first.get_by_text("Settings").click()
    agree()
    first.get_by_role("slider", name="number of pieces").focus()
    page.keyboard.press("Home")
    agree()
    opened.expect_python("print(view.busy, view.explanation.params['n_segments'] == 12)", "False False")


REVIEW = """
import numpy as np
import jupyter_xai as xai

def critic(texts):
    return np.array([[1 - p, p] for p in (0.2 + 0.6 * ("dull" in t) - 0.1 * ("brave" in t) for t in texts)])

view = xai.explain(critic, "a brave but dull film. a dull end", output_names=["good", "bad"], n_samples=200,
                   tolerance=0)
display(view, view)
"""


def test_two_places_of_a_text_agree(notebook: Make) -> None:
    opened = notebook(REVIEW)
    page = opened.page
    first, second, agree = two_places(opened, ".tx-body")
    second.get_by_label("a click strikes").select_option(label="equal words")
    agree()
    first.locator("[data-unit='3']").click()
    agree()
    opened.expect_python("print([edit['op'] for edit in view.what_if.edits])", "['strike']")
    assert opened.python("print(view.what_if.edits[0]['positions'])").strip() == "[3, 6]"
    second.get_by_role("button", name="Undo").click()
    agree()
    first.locator("[data-unit='4']").focus()
    page.keyboard.press("Enter")
    page.keyboard.type("story")
    page.keyboard.press("Enter")
    agree()
    opened.expect_python("print([edit['op'] for edit in view.what_if.edits])", "['replace']")
    second.get_by_label("Group equal words").check()
    agree()
    opened.expect_python("print(view.widget.display['grouped'])", "True")
    first.locator(".jx-rem").get_by_role("button", name="one more").click()
    agree()
