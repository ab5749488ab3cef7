"""What was done by hand is copied as Python that does it again: each control of a table, a text and a photo."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from tests.browser.lab import BRIGHT, Notebook
from tests.browser.waiting import eventually, until, until_text

Make = Callable[..., Notebook]

TABLE = """
import numpy as np
import pandas as pd
import jupyter_xai as xai

frame = pd.DataFrame({"age": np.arange(20, 60), "purpose": ["car", "radio"] * 20, "telephone": [True, False] * 20})

def bank(rows):
    p = 0.1 + 0.008 * rows["age"] + 0.2 * (rows["purpose"] == "radio") - 0.1 * rows["telephone"].astype(float)
    return np.stack([p, 1 - p], axis=1)

def make():
    return xai.explain(bank, frame.iloc[[10]], background=frame, output_names=["bad", "good"], n_samples=200)

view = make()
view
"""
TEXT = """
import numpy as np
import jupyter_xai as xai

def critic(texts):
    p = np.array([0.3 + 0.2 * ("dull" in t) + 0.3 * ("fine" in t) + 0.1 * ("really" in t) for t in texts])
    return np.stack([p, 1 - p], axis=1)

def make():
    return xai.explain(critic, "so dull. It hurts", output_names=["yes", "no"], n_samples=200)

view = make()
view
"""
PHOTO = (
    BRIGHT
    + """
def make():
    return xai.explain(bright, photo, segmentation="grid", n_segments=12, fill=0, method="kernel_shap",
                       output_names=["day", "night"], n_samples=100)

view = make()
view
"""
)


def a_table(opened: Notebook, view: Any) -> list[str]:
    view.get_by_role("switch", name="telephone").click()
    view.get_by_role("combobox", name="purpose").select_option(label="radio")
    view.get_by_role("slider", name="age").focus()
    opened.page.keyboard.press("PageUp")
    until_text(opened.page, ".jx", "was 30")
    return ["set telephone False", "set purpose radio", "set age 40"]


def a_text(opened: Notebook, view: Any) -> list[str]:
    page = opened.page
    view.locator("[data-unit='0']").click()
    opened.expect_python("print(len(view.what_if.edits))", "1")
    view.locator("[data-unit='1']").dblclick()
    page.keyboard.type("fine")
    page.keyboard.press("Enter")
    opened.expect_python("print(len(view.what_if.edits))", "2")
    view.locator("[data-unit='1']").press("a")
    page.keyboard.type("really")
    page.keyboard.press("Enter")
    return ["strike", "replace", "insert"]


def a_photo(opened: Notebook, view: Any) -> list[str]:
    page = opened.page
    until(page, "() => document.querySelector('.jx canvas').width > 100")
    canvas = view.locator("canvas")
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    page.mouse.click(box["x"] + 0.05 * box["width"], box["y"] + 0.05 * box["height"])
    opened.expect_python("print(len(view.what_if.edits))", "1")
    kinds = ["blur", "noise", "brightness", "contrast", "rotation"]
    for done, kind in enumerate(kinds, start=2):
        before = view.locator("[aria-checked=true] .v").inner_text()
        view.get_by_role("slider", name=kind).focus()
        page.keyboard.press("PageUp")
        opened.expect_python("print(len(view.what_if.edits))", str(done))
        if kind == "brightness":
            number = view.locator("[aria-checked=true] .v")
            eventually(number.inner_text, lambda now, before=before: now != before, page)
    return ["hide", *(f"adjust {kind}" for kind in kinds)]


@pytest.mark.parametrize(
    ("cell", "act"), [(TABLE, a_table), (TEXT, a_text), (PHOTO, a_photo)], ids=["table", "text", "photo"]
)
def test_it_is_copied_and_runs(
    cell: str, act: Callable[[Notebook, Any], list[str]], notebook: Make, lab: Any
) -> None:
    opened = notebook(cell)
    page = opened.page
    page.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=lab.url)
    opened.run_all()
    until_text(page, ".jx .jx-state", re.compile("settled|finished"))
    view = page.locator(".jx")
    expected = act(opened, view)

    def did() -> list[str]:
        edits = json.loads(opened.python("import json; print(json.dumps(view.what_if.edits))"))
        return [
            " ".join(
                str(part)
                for part in (e["op"], e.get("kind", e.get("feature")), e.get("value"))
                if part is not None
            )
            for e in edits
        ]

    eventually(did, expected, page)
    view.get_by_role("button", name="Copy as Python").click()
    view.get_by_role("button", name="Copied").wait_for()
    snippet = page.evaluate("() => navigator.clipboard.readText()")
    opened.python(
        f"other = make(); exec({snippet!r}, {{'view': other}}); there = other.explanation; view.wait(60)"
    )
    same = "np.allclose(there.all_predictions, view.explanation.all_predictions)"
    assert opened.python(f"print({same}, len(other.what_if.edits))").split() == ["True", str(len(expected))]
    # and what Python now says stands in the view
    said = float(opened.python("print(view.prediction)"))
    until_text(page, ".jx [aria-checked=true] .v", f"{said:.3f}")
    # undone, done again, and as it was
    for button, left in (("Undo", -1), ("Redo", 0)):
        view.get_by_role("button", name=button).click()
        opened.expect_python("print(len(view.what_if.edits))", str(len(expected) + left))
    view.get_by_role("button", name="Reset").click()
    opened.expect_python("print(view.what_if.edits)", "[]")
