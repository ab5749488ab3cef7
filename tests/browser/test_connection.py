"""A wire that falls silent: no end is told, nothing comes back, and what was sent may be lost for good."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from tests.browser.lab import Notebook
from tests.browser.test_by_hand import HOUSE, drawn_is_the_models, press, settled, slider
from tests.browser.waiting import eventually, until_gone, until_text

QUIET = "No answer from the kernel yet"
LOST = "The connection to the kernel is lost"


def said_and_answered(opened: Notebook, *changed: str) -> None:
    """Nothing is said to be missing, and page and Python agree on what was changed and what comes of it."""
    page = opened.page
    for words in (QUIET, LOST):
        until_gone(page, ".jx", words)
    opened.expect_python("print([edit['feature'] for edit in view.what_if.edits])", str(list(changed)))
    opened.expect_python("print(view.busy)", "False")
    settled(page)
    values = [float(page.locator(".jx").get_by_role("textbox", name=name).input_value()) for name in changed]
    opened.expect_python("print([edit['value'] for edit in view.what_if.edits])", str(values))
    until_text(page, ".jx [aria-checked=true] .v", f"{float(opened.python('print(view.prediction)')):.3f}")


def test_a_silent_wire_is_said_and_the_last_change_counts(proxied: Callable[..., Any]) -> None:
    opened, wire = proxied(HOUSE)
    page = opened.page
    opened.run_all()
    settled(page)
    view = page.locator(".jx")
    number = view.locator("[aria-checked=true] .v").inner_text()

    wire.silence()
    press(page, "area", "PageUp", 3)
    # the number goes along the curve, and stays marked as nobody has confirmed it
    until_gone(page, ".jx [aria-checked=true] .v", number)
    assert view.locator("[aria-checked=true] .guess").count() == 1
    until_text(page, ".jx [role=note]", QUIET)
    until_text(page, ".jx [role=status]", QUIET)
    # what needs no kernel goes on
    view.get_by_role("radio", name=re.compile("kept")).click()
    until_text(page, ".jx [aria-checked=true]", "kept")
    view.locator(".jx-row.th").get_by_role("button", name="feature").click()
    until_text(page, ".jx .jx-row:not(.th)", "area")
    assert view.locator("[aria-checked=true] .guess").count() == 1

    # the wire comes round: what was sent into it arrives late
    wire.mend()
    said_and_answered(opened, "area")
    opened.expect_python("print(view.widget.display)", "{'target': 1, 'sort': 'name'}")

    # or it is dead, and what was sent into it is lost: both ends find out later
    wire.silence()
    press(page, "rooms", "PageDown", 3)
    view.get_by_role("radio", name=re.compile("sold")).click()
    page.wait_for_timeout(500)
    wire.cut()
    wire.mend()
    said_and_answered(opened, "area", "rooms")
    opened.expect_python("print(view.widget.display)", "{'target': 0, 'sort': 'name'}")
    for name in ("area", "rooms", "noise"):
        drawn_is_the_models(opened, name)
    # and it follows again
    press(page, "noise", "PageDown", 3)
    said_and_answered(opened, "area", "rooms", "noise")
    eventually(slider(page, "noise").input_value, lambda now: float(now) < 100, page)
