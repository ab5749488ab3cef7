"""Changing what is explained by hand, in a real JupyterLab: what the page sends arrives, and the view follows."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from tests.browser.lab import Notebook
from tests.browser.test_live import wait_state
from tests.browser.waiting import eventually, until, until_gone, until_text

Make = Callable[..., Notebook]

IMAGE = """
import numpy as np
import jupyter_xai as xai

rng = np.random.default_rng(0)
photo = np.clip(rng.normal(120, 40, (48, 64, 3)), 0, 255).astype(np.uint8)
photo[:24, :32] = 230

def bright(batch):
    p = np.asarray(batch)[:, :24, :32].mean(axis=(1, 2, 3)) / 255
    return np.stack([p, 1 - p], axis=1)

view = xai.explain(bright, photo, segmentation="grid", n_segments=12, fill=0, method="kernel_shap",
                   output_names=["day", "night"])
view
"""

TEXT = """
import numpy as np
import jupyter_xai as xai

def critic(texts):
    return np.array([[0.2 + 0.6 * ("dull" in t) + 0.1 * ("so" in t)] for t in texts])

view = xai.explain(critic, "so dull. It hurts", n_samples=200)
view
"""


def python(opened: Notebook, code: str) -> str:
    return str(opened.python(code)).strip("\n")


def first_number(page: Any) -> str:
    return str(page.locator(".jx [aria-checked=true] .v").first.inner_text())


def settled(page: Any) -> None:
    until_text(page, ".jx .jx-state", re.compile("settled|finished"))


def changed(page: Any, before: str) -> None:
    until(
        page,
        "before => document.querySelector('.jx [aria-checked=true] .v').textContent.trim() !== before",
        before,
    )


def test_a_photo_in_the_hand(notebook: Make) -> None:
    opened = notebook(IMAGE)
    page = opened.page
    opened.run_all()
    page.wait_for_selector(".jx canvas")
    settled(page)
    until(page, "() => document.querySelector('.jx canvas').width > 100")
    before = first_number(page)
    canvas = page.locator(".jx canvas")
    box = canvas.bounding_box()
    page.mouse.click(box["x"] + 0.05 * box["width"], box["y"] + 0.05 * box["height"])
    changed(page, before)
    opened.expect_python("print(view.what_if.edits)", "[{'op': 'hide', 'pieces': [0]}]")
    assert float(python(opened, "print(view.prediction)")) < 0.9

    # a drag covers the bright corner; the model answers while the button is down
    page.locator(".jx").get_by_role("radio", name="box").check()
    hidden = first_number(page)
    settled(page)
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()  # the sentence above it has grown
    page.mouse.move(box["x"] + 2, box["y"] + 2)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.6 * box["width"], box["y"] + 0.6 * box["height"], steps=5)
    changed(page, hidden)
    page.mouse.up()
    until_text(page, ".jx .jx-say", "1 piece hidden, 1 box covered")
    opened.expect_python("print(view.what_if.edits[-1]['op'])", "occlude")

    # what the model sees comes from Python: black where it is hidden
    page.locator(".jx").get_by_role("checkbox", name="what the model sees").check()
    until(
        page,
        """() => {
          const canvas = document.querySelector('.jx canvas');
          const at = canvas.getContext('2d').getImageData(canvas.width / 8, canvas.height / 8, 1, 1).data;
          return at[0] < 40 && at[1] < 40 && at[2] < 40;
        }""",
    )
    page.locator(".jx").get_by_role("button", name="Reset").click()
    until(
        page,
        "before => document.querySelector('.jx [aria-checked=true] .v').textContent.trim() === before",
        before,
    )
    opened.expect_python("print(view.what_if.edits)", "[]")


def test_a_photo_is_brushed_by_hand_and_by_keys(notebook: Make) -> None:
    opened = notebook(IMAGE)
    page = opened.page
    opened.run_all()
    page.wait_for_selector(".jx canvas")
    settled(page)
    until(page, "() => document.querySelector('.jx canvas').width > 100")
    before = first_number(page)
    canvas = page.locator(".jx canvas")
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()

    # a free hand over the bright corner; the prediction follows while the button is down
    def spot(x: float, y: float) -> tuple[float, float]:
        return box["x"] + x * box["width"], box["y"] + y * box["height"]

    page.mouse.move(*spot(0.05, 0.05))
    page.mouse.down()
    for x, y in ((0.45, 0.1), (0.1, 0.2), (0.45, 0.3)):
        page.mouse.move(*spot(x, y), steps=6)
    changed(page, before)
    assert python(opened, "print(view.what_if.edits)") == "[]"
    page.mouse.up()
    until_text(page, ".jx .jx-say", "1 stroke brushed")
    opened.expect_python("print([edit['op'] for edit in view.what_if.edits])", "['brush']")
    # Python covers what the page hatches
    settled(page)
    python(
        opened,
        "import numpy as np; from jupyter_xai.whatif.strokes import stroke_mask; edit = view.what_if.edits[0]\n"
        "mask = stroke_mask(edit['points'], edit['width'], photo.shape[:2])\n"
        "after = xai.whatif.apply(view.last.features, photo, [edit], fill=0)",
    )
    assert python(opened, "print(np.array_equal(after, np.where(mask[..., None], 0, photo)))") == "True"
    page.locator(".jx").get_by_role("checkbox", name="what the model sees").check()
    until(
        page,
        """mask => {
          const canvas = document.querySelector('.jx canvas');
          const data = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
          return mask.every((row, y) => row.every((hidden, x) => {
            const at = (Math.floor((y + 0.5) * canvas.height / mask.length) * canvas.width
              + Math.floor((x + 0.5) * canvas.width / row.length)) * 4;
            return hidden === 0 || data[at] < 60;
          }));
        }""",
        json.loads(python(opened, "print(mask.astype(int).tolist())")),
    )

    # the keys: to another place, a dab there, a stroke on from it
    tool = page.locator(".jx .cover")
    tool.focus()
    for key in ("ArrowRight", "ArrowDown", "Space", "Shift+ArrowRight"):
        page.keyboard.press(key)
    opened.expect_python("print([edit['op'] for edit in view.what_if.edits])", "['brush', 'brush', 'brush']")
    opened.expect_python("print([len(edit['points']) for edit in view.what_if.edits[1:]])", "[1, 2]")
    page.locator(".jx").get_by_role("button", name="Reset").click()
    until(
        page,
        "before => document.querySelector('.jx [aria-checked=true] .v').textContent.trim() === before",
        before,
    )


# where two pieces meet on the canvas, as the page draws it, and whether each of its pixels there is white
BORDERS = """
import numpy as np

def borders(labels, size):
    width, height = size
    rows = np.arange(height) * labels.shape[0] // height
    columns = np.arange(width) * labels.shape[1] // width
    drawn = labels[rows][:, columns]
    right = drawn[:, np.minimum(np.arange(width) + 2, width - 1)]
    below = drawn[np.minimum(np.arange(height) + 2, height - 1)]
    return (right != drawn) | (below != drawn)
"""
WHITE = """() => {
  const canvas = document.querySelector('.jx canvas');
  const data = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
  let bits = '';
  for (let at = 0; at < data.length; at += 4)
    bits += data[at] > 230 && data[at + 1] > 230 && data[at + 2] > 230 ? 1 : 0;
  return [canvas.width, canvas.height, bits];
}"""


def borders_drawn(opened: Notebook, labels: str) -> float:
    """How much of the canvas is white exactly where pieces of these labels meet, from 0 to 1."""
    width, height, bits = opened.page.evaluate(WHITE)
    code = (
        f"white = np.array([c == '1' for c in '{bits}']).reshape({height}, {width})\n"
        f"meet = borders({labels}, ({width}, {height}))\n"
        "print((white & meet).sum() / max(1, (white | meet).sum()))"
    )
    return float(python(opened, code))


def test_another_cut_is_seen_before_it_is_explained(notebook: Make) -> None:
    # dark but for a corner that is not quite white: what is white is a border
    opened = notebook(
        BORDERS + IMAGE.replace("rng.normal(120, 40", "rng.normal(80, 20").replace("= 230", "= 180")
    )
    page = opened.page
    opened.run_all()
    page.wait_for_selector(".jx canvas")
    settled(page)
    until(page, "() => document.querySelector('.jx canvas').width > 100")
    view, canvas = page.locator(".jx"), page.locator(".jx canvas")

    # a piece hidden, a stroke: before the cut
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    page.mouse.click(box["x"] + 0.05 * box["width"], box["y"] + 0.05 * box["height"])
    until_text(page, ".jx .jx-say", "1 piece hidden")
    view.locator(".cover").focus()
    page.keyboard.press("Space")
    until_text(page, ".jx .jx-say", "1 stroke brushed")
    settled(page)
    opened.expect_python("print([edit['op'] for edit in view.what_if.edits])", "['hide', 'brush']")

    summary = view.locator(".jx-panel summary")
    summary.focus()
    page.keyboard.press("Enter")  # the notebook's own Enter would begin to edit the cell
    pieces = view.get_by_role("slider", name="number of pieces")
    pieces.scroll_into_view_if_needed()
    box = pieces.bounding_box()
    page.mouse.move(box["x"] + 0.3 * box["width"], box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.45 * box["width"], box["y"] + box["height"] / 2, steps=4)
    page.get_by_text("pieces would be explained").wait_for()
    # nothing is explained yet; what is drawn are the borders of the cut that is tried, and no others
    assert python(opened, "print(view.last.features.labels.max() + 1)") == "12"
    tried = int(str(pieces.get_attribute("aria-valuetext")).replace(",", ""))
    python(
        opened,
        f"cut = view._question.layout({{**view._scene.request, 'params': {{**view._scene.request['params'], "
        f"'n_segments': {tried}}}, 'edits': []}}).labels",
    )
    count = int(python(opened, "print(cut.max() + 1)"))
    assert count > 12
    until_text(page, ".jx .im", f"{count} pieces would be explained")
    eventually(
        lambda: borders_drawn(opened, "cut"), lambda found: found > 0.9, page
    )  # the stroke lies over some
    assert borders_drawn(opened, "view.last.features.labels") < 0.7
    assert view.locator(".im-pic .lab").count() == 0

    page.mouse.up()
    until_gone(page, ".jx", "would be explained")
    settled(page)
    # now it is; the hidden piece was one of the old cut, which is said, and the stroke is where it was
    opened.expect_python("print((view.explanation.features.labels == cut).all())", "True")
    opened.expect_python("print([edit['op'] for edit in view.what_if.edits])", "['brush']")
    until_text(page, ".jx .jx-hands", "Cut anew: 1 hidden piece put back.")
    until_text(page, ".jx .jx-say", f"of {count} pieces", "With 1 stroke brushed")

    # the pieces under the pointer are those of the new cut, and so is the one that a click hides
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    for x, y in ((0.1, 0.1), (0.9, 0.2), (0.3, 0.9), (0.95, 0.95)):
        page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"])
        piece = int(python(opened, f"print(cut[int({y} * cut.shape[0]), int({x} * cut.shape[1])])"))
        until_text(page, ".jx .rdo", re.compile(rf"^piece {piece + 1}\b"))
    page.mouse.click(box["x"] + 0.95 * box["width"], box["y"] + 0.95 * box["height"])
    opened.expect_python("print(view.what_if.edits[-1])", f"{{'op': 'hide', 'pieces': [{piece}]}}")
    until_gone(page, ".jx", "Cut anew")


def test_words_are_written_and_struck(notebook: Make) -> None:
    opened = notebook(TEXT)
    page = opened.page
    opened.run_all()
    page.wait_for_selector(".jx [data-unit='1']")
    settled(page)
    before = first_number(page)
    page.locator(".jx [data-unit='1']").dblclick()
    page.keyboard.type("fine")
    page.keyboard.press("Enter")
    changed(page, before)
    page.locator(".jx [data-unit='1']").press("a")
    page.keyboard.type("I think")
    page.keyboard.press("Enter")
    page.locator(".jx [data-unit='3']").click(modifiers=["Shift"])
    until(page, "() => document.querySelectorAll('.jx .w.gone').length === 2")
    wait_state(page, "rows")
    opened.expect_python(
        "print([edit['op'] for edit in view.what_if.edits])", "['replace', 'insert', 'strike']"
    )
    opened.expect_python("print(repr(view.explanation.features.text))", "'so fine. I think  '")
