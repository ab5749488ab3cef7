"""Nothing moves away from the hand: what stands above the picture is as high before, during and after a change."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from jupyter_xai.explanation import Fidelity
from tests.browser.plain import STATES, STATIC
from tests.browser.shots import showcase
from tests.golden.make import pack, state_of
from tests.golden.samples import EVERY

pytestmark = pytest.mark.browser

WIDTHS = (320, 360, 430, 500, 570, 599, 600, 630, 650, 670, 690, 720, 760, 820)

TOP = """() => {
  const view = document.querySelector('.jx'), rows = view.querySelector('.jx-grid, .cp, .im, .tx');
  return Math.round(rows.getBoundingClientRect().top - view.getBoundingClientRect().top);
}"""
LINES = "() => Math.round(document.querySelector('.jx-head').getBoundingClientRect().height)"


def hold(page: Any, slider: Any) -> None:
    """Press on a slider and drag it to its other side."""
    slider.scroll_into_view_if_needed()
    box = slider.bounding_box()
    middle = box["y"] + box["height"] / 2
    at = float(slider.evaluate("e => (e.value - e.min) / (e.max - e.min)"))
    page.mouse.move(box["x"] + box["width"] * at, middle)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * (0.2 if at > 0.5 else 0.8), middle, steps=3)
    page.locator(".jx .was").first.wait_for(state="attached")


@pytest.mark.parametrize("name", ["applicant", "photo", "compare 4 methods"])
def test_rows_stay_where_they_are_under_a_hand(name: str, show: Callable[..., Any]) -> None:
    state = STATES[name]() if name in STATES else showcase(name)
    moved = []
    for width in WIDTHS:
        page = show(state, width)
        slider = page.locator(".jx :is(.jx-row, .cp-r, .im-c) input[type=range]:enabled").last
        slider.scroll_into_view_if_needed()
        before = page.evaluate(LINES), page.evaluate(TOP)
        hold(page, slider)
        during = page.evaluate(LINES), page.evaluate(TOP)
        page.mouse.up()
        released = page.evaluate(LINES), page.evaluate(TOP)
        # what was done to a photo is said once it is done, and may take a line more
        if before != during or released[0] != before[0] or released[1] < before[1]:
            moved.append((width, before, during, released))
    assert not moved, "\n".join(map(str, moved))


MOUNT = """async ([source, packed]) => {
  const {default: widget} = await import(URL.createObjectURL(new Blob([source], {type: 'text/javascript'})));
  const traits = JSON.parse(JSON.stringify(packed), (_, value) => value?.$b64 === undefined ? value
    : new DataView(Uint8Array.from(atob(value.$b64), c => c.charCodeAt(0)).buffer));
  const heard = {};
  const model = {get: name => traits[name], set(name, value) { traits[name] = value }, save_changes() {}, send() {},
                 on(name, call) { (heard[name] ??= []).push(call) }, off() {}};
  widget.initialize({model});
  document.getElementById('view').replaceChildren();
  widget.render({model, el: document.getElementById('view')});
  window.tell = (name, patch) => {
    traits[name] = {...traits[name], ...patch};
    for (const call of heard[`change:${name}`] ?? []) call();
  };
}"""
BEGIN = """() => {
  tell('status', {run: 9, state: 'running', rows: 0, total: 3000});
  const none = Object.fromEntries(['values', 'std_errors', 'base_values', 'r2', 'local_predictions', 'gap'].map(
    name => [name, undefined]));
  tell('frame', {...none, run: 9, seq: 1, state: 'running', method: '', n_evals: 0, n_rows: 0});
}"""


@pytest.mark.parametrize("width", [360, 599, 670, 820])
def test_a_run_takes_nothing_away_above_the_rows(width: int, show: Callable[..., Any]) -> None:
    """A poor fit is a warning of several lines: it stays until the next estimate is at rest, as do the weights."""
    fit = Fidelity(r2=np.full(2, 0.36), local_predictions=np.full(2, 0.43))
    state = state_of("table", replace(EVERY["table"](), fidelity=fit, status="settled"))
    page = show(state, width)
    page.evaluate(MOUNT, [(STATIC / "index.js").read_text(), pack({**state, "uid": "still"})])
    row = page.locator(".jx-row[data-row]").first
    row.scroll_into_view_if_needed()
    row.hover()
    weights = page.locator(".jx-row[data-row] .num").all_inner_texts()
    before = page.evaluate(LINES), page.evaluate(TOP)
    page.evaluate(BEGIN)
    page.locator(".jx-state", has_text="0 of 3,000 rows").wait_for()
    assert (page.evaluate(LINES), page.evaluate(TOP)) == before
    assert page.get_by_text("Do not rely on this one yet.").is_visible()
    assert page.locator(".jx-row[data-row] .num").all_inner_texts() == weights
