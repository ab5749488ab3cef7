"""By hand, where it is hardest: several changes at once, a connection that is lost, a finger on a photo."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.browser.lab import BRIGHT, Notebook, Server, open_context
from tests.browser.waiting import eventually, until, until_gone, until_text

Make = Callable[..., Notebook]

# each column's curve depends on both others; the gate holds the model back
HOUSE = """
import threading
import numpy as np
import jupyter_xai as xai

gate = threading.Event()
gate.set()
rng = np.random.default_rng(0)
rows = np.stack([rng.uniform(0, 1, 200), rng.uniform(0, 1, 200), rng.uniform(0, 1, 200)], axis=1)

def chance(X):
    X = np.asarray(X)
    p = 0.05 + 0.9 * X[:, 0] * X[:, 1] * (1 - 0.8 * X[:, 2])
    return np.stack([p, 1 - p], axis=1)

def held(X):
    gate.wait(120)
    return chance(X)

view = xai.explain(held, [0.5, 0.5, 0.5], background=rows, feature_names=["area", "rooms", "noise"],
                   output_names=["sold", "kept"], targets=["sold", "kept"], method="kernel_shap", n_samples=500)
view
"""

# the line of a track as heights of the scale that the head of the column names, and where it lies on the slider
DRAWN = """name => {
  const input = document.querySelector(`.jx-trk input[aria-label=${name}]`);
  const line = input?.closest('.jx-trk').querySelector('path.c')?.getAttribute('d');
  const scale = document.querySelector('.jx .th-trk')?.textContent.match(/(\\d\\.?\\d*)–(\\d\\.?\\d*)/);
  if (!line || !scale) return null;
  const [low, high] = [Number(scale[1]), Number(scale[2])];
  return line.slice(1).split('L').map(point => {
    const [x, y] = point.split(',').map(Number);
    return [x / 100, low + (high - low) * ((24 - y) / 24 - 0.06) / 0.88];
  });
}"""
LINE = """name => document.querySelector(`.jx-trk input[aria-label=${name}]`).closest('.jx-trk')
  .querySelector('path.c')?.getAttribute('d')"""
BEHIND = """() => ['area', 'rooms', 'noise'].filter(name =>
  document.querySelector(`.jx-trk input[aria-label=${name}]`).closest('.jx-trk').classList.contains('behind'))"""


def settled(page: Any) -> None:
    until_text(page, ".jx .jx-state", re.compile("settled|finished"))


def slider(page: Any, name: str) -> Any:
    return page.locator(f".jx-trk input[aria-label={name}]")


def behind(page: Any, *names: str) -> None:
    """Wait until these columns' curves and no others are marked as of before the change."""
    eventually(lambda: page.evaluate(BEHIND), list(names), page)


def drawn_is_the_models(opened: Notebook, name: str) -> None:
    """The curve on the screen is what the model itself says with everything else as it is edited now."""
    page = opened.page

    def off() -> float:
        points = page.evaluate(DRAWN, name)
        code = (
            f"at = ['area', 'rooms', 'noise'].index({name!r}); points = np.array({points})\n"
            "row = np.array([0.5, 0.5, 0.5])\n"
            "for edit in view.what_if.edits: row[['area', 'rooms', 'noise'].index(edit['feature'])] = edit['value']\n"
            "column = view._page.get('geometry')['layout']['columns'][at]\n"
            "moved = np.tile(row, (len(points), 1))\n"
            "moved[:, at] = column['low'] + points[:, 0] * (column['high'] - column['low'])\n"
            "print(np.abs(chance(moved)[:, 0] - points[:, 1]).max())"
        )
        return float(opened.python(code))

    # two digits of the path, two of the head
    eventually(off, lambda found: found < 0.005, page)


def press(page: Any, name: str, key: str, times: int) -> None:
    slider(page, name).focus()
    for _ in range(times):
        page.keyboard.press(key)


def test_several_changes_at_once_and_the_curves_follow(notebook: Make) -> None:
    opened = notebook(HOUSE)
    page = opened.page
    opened.run_all()
    settled(page)
    for name in ("area", "rooms", "noise"):
        drawn_is_the_models(opened, name)
    behind(page)
    before = page.evaluate(LINE, "noise")

    # one change: all curves but its own are of before it until the kernel has sent new ones
    opened.python("gate.clear()")
    press(page, "area", "PageUp", 3)
    behind(page, "rooms", "noise")
    until_text(page, ".jx .th-trk", "dotted: before this change")
    assert page.evaluate(LINE, "noise") == before
    # its own goes on giving the number, marked until the model has confirmed it
    assert page.locator(".jx [aria-checked=true] .guess").count() == 1
    # another on top: nothing is read off a curve that knows nothing of the first
    press(page, "rooms", "PageUp", 2)
    behind(page, "area", "rooms", "noise")
    until_gone(page, ".jx .jx-say", "flip")
    opened.python("gate.set()")
    behind(page)
    settled(page)
    opened.expect_python("print([edit['feature'] for edit in view.what_if.edits])", "['area', 'rooms']")
    for name in ("area", "rooms", "noise"):
        drawn_is_the_models(opened, name)
    assert page.evaluate(LINE, "noise") != before
    # and are good for reading the third: same frame, what the model says of all three
    press(page, "noise", "PageDown", 3)
    told = (
        "v = {edit['feature']: edit['value'] for edit in view.what_if.edits}\n"
        "print(f\"{chance([[v['area'], v['rooms'], v['noise']]])[0, 0]:.3f}\")"
    )
    number = page.locator(".jx [aria-checked=true] .v")
    eventually(lambda: opened.python(told).strip() == number.inner_text().strip(), True, page)
    # undone one by one they come back
    page.locator(".jx").get_by_role("button", name="Reset").click()
    opened.expect_python("print(view.what_if.edits)", "[]")
    behind(page)
    eventually(lambda: page.evaluate(LINE, "noise"), before, page)


def test_a_lost_connection_is_said_and_the_last_edit_wins(proxied: Callable[..., Any]) -> None:
    opened, wire = proxied(HOUSE)
    page = opened.page
    opened.run_all()
    settled(page)
    before = page.evaluate(LINE, "noise")
    wire.cut()
    until_text(page, ".jx [role=note]", "The connection to the kernel is lost")
    until_text(page, ".jx [role=status]", "The connection to the kernel is lost")

    # what needs no kernel goes on: another output, the order of rows, the removal slider, the number along a curve
    view = page.locator(".jx")
    view.get_by_role("radio", name=re.compile("kept")).click()
    until_text(page, ".jx [aria-checked=true]", "kept")
    view.get_by_role("radio", name=re.compile("sold")).click()
    until_text(page, ".jx [aria-checked=true]", "sold")
    view.locator(".jx-row.th").get_by_role("button", name="feature").click()
    until_text(page, ".jx .jx-row:not(.th)", "area")
    view.locator(".jx-rem").get_by_role("button", name="one more").click()
    until_text(page, ".jx-rem output", "1 of 3")
    view.locator(".jx-rem").get_by_role("button", name="one fewer").click()
    number = view.locator("[aria-checked=true] .v").inner_text()
    press(page, "area", "PageUp", 3)
    until_gone(page, ".jx [aria-checked=true] .v", number)
    assert view.locator("[aria-checked=true] .guess").count() == 1
    press(page, "rooms", "PageUp", 1)
    press(page, "rooms", "PageDown", 3)
    shown = [slider(page, name).input_value() for name in ("area", "rooms")]
    until_text(page, ".jx .jx-row", "was 0.5")

    wire.mend()
    until_gone(page, ".jx", "The connection to the kernel is lost")
    opened.ready()
    # Python has what was done last, the view shows its answer
    opened.expect_python("print([edit['feature'] for edit in view.what_if.edits])", "['area', 'rooms']")
    opened.expect_python("print(view.busy)", "False")
    behind(page)
    settled(page)
    assert [slider(page, name).input_value() for name in ("area", "rooms")] == shown
    text = view.get_by_role("textbox", name="rooms").input_value()
    assert json.loads(opened.python("print(view.what_if.edits[-1]['value'])")) == float(text)
    expected = float(opened.python("print(view.prediction)"))
    until_text(page, ".jx [aria-checked=true] .v", f"{expected:.3f}")
    for name in ("area", "rooms", "noise"):
        drawn_is_the_models(opened, name)
    assert page.evaluate(LINE, "noise") != before
    # and it follows again
    view.get_by_role("button", name="Reset").click()
    opened.expect_python("print(view.what_if.edits)", "[]")
    eventually(lambda: page.evaluate(LINE, "noise"), before, page)


PHOTO = (
    BRIGHT
    + """
view = xai.explain(bright, photo, segmentation="grid", n_segments=12, fill=0, method="kernel_shap", n_samples=100,
                   output_names=["day", "night"])
view
"""
)


@pytest.fixture
def touched(lab: Server, browser: Any) -> Iterator[Make]:
    """``touched(*cells)`` opens a notebook on a screen that is touched, lower than its view."""
    context = open_context(browser, viewport={"width": 800, "height": 620}, has_touch=True)

    def make(*cells: str) -> Notebook:
        lab.write("touched.ipynb", *cells)
        return Notebook(lab, context.new_page(), "touched.ipynb").open().ready()

    yield make
    context.close()
    lab.shutdown_kernels()


class Fingers:
    """Fingers on a photo; places are shares of it."""

    def __init__(self, page: Any) -> None:
        self.page, self._browser = page, page.context.new_cdp_session(page)

    def drag(self, *fingers: tuple[tuple[float, float], tuple[float, float]], steps: int = 12) -> None:
        """Put fingers down at their first places, move them to their second, lift them."""
        box = self.page.locator(".jx canvas").bounding_box()

        def points(done: float) -> list[dict[str, float]]:
            return [
                {
                    "x": box["x"] + box["width"] * (x0 + done * (x1 - x0)),
                    "y": box["y"] + box["height"] * (y0 + done * (y1 - y0)),
                    "id": finger,
                }
                for finger, ((x0, y0), (x1, y1)) in enumerate(fingers)
            ]

        self._send("touchStart", points(0))
        for step in range(1, steps + 1):
            self._send("touchMove", points(step / steps))
            self.page.wait_for_timeout(20)
        self._send("touchEnd", [])

    def _send(self, kind: str, points: list[dict[str, float]]) -> None:
        self._browser.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})


def test_a_finger_scrolls_past_a_photo_and_draws_once_a_tool_is_chosen(touched: Make) -> None:
    opened = touched(PHOTO, "'below\\n' * 60", "1", "2", "3")
    page = opened.page
    opened.run_all()
    page.wait_for_selector(".jx canvas")
    settled(page)
    until(page, "() => document.querySelector('.jx canvas').width > 100")
    view, fingers = page.locator(".jx"), Fingers(page)

    def top() -> float:
        return float(page.locator(".jx canvas").bounding_box()["y"])

    def center() -> float:
        """The photo in the middle of the screen, at rest; where its upper edge is."""
        page.locator(".jx canvas").evaluate("e => e.scrollIntoView({block: 'center', behavior: 'instant'})")
        before = [float("nan")]

        def still() -> bool:
            before.append(top())
            return before[-1] == before[-2]

        eventually(still, True, page)
        return before[-1]

    # nobody has chosen to draw: up and down is the page's
    at = center()
    until_text(page, ".jx .im", "Choose brush or box to draw with one finger.")
    number = view.locator("[aria-checked=true] .v").inner_text()
    fingers.drag(((0.25, 0.9), (0.25, 0.3)))
    eventually(lambda: at - top() > 30, True, page)
    assert opened.python("print(view.what_if.edits)").strip() == "[]"
    assert view.locator("[aria-checked=true] .v").inner_text() == number

    # a tool in the hand: the same finger brushes and nothing scrolls
    view.get_by_role("radio", name="brush").tap()
    until_gone(page, ".jx .im", "to draw with one finger")
    at = center()
    fingers.drag(((0.25, 0.05), (0.25, 0.45)))
    until_text(page, ".jx .jx-say", "1 stroke brushed")
    settled(page)
    opened.expect_python("print([edit['op'] for edit in view.what_if.edits])", "['brush']")
    points = json.loads(opened.python("print(view.what_if.edits[0]['points'])"))
    assert all(abs(x - 16) < 1.5 for x, _ in points)
    ends = [points[0][1], points[-1][1]]
    assert [abs(at - to) < 1 for at, to in zip(ends, [2.4, 21.6], strict=True)] == [
        True,
        True,
    ]  # nothing moved under it
    assert abs(center() - at) < 150  # the sentence above may have grown; nothing else has moved
    assert view.locator("[aria-checked=true] .v").inner_text() != number

    # two fingers scroll, and cover nothing
    at = center()
    fingers.drag(((0.2, 0.9), (0.2, 0.3)), ((0.8, 0.9), (0.8, 0.3)))
    eventually(lambda: at - top() > 30, True, page)
    opened.expect_python("print(len(view.what_if.edits))", "1")

    # a tap still hides a piece, and a box is drawn as well
    center()
    view.get_by_role("radio", name="box").tap()
    center()
    box = page.locator(".jx canvas").bounding_box()
    page.touchscreen.tap(box["x"] + 0.9 * box["width"], box["y"] + 0.9 * box["height"])
    opened.expect_python("print(view.what_if.edits[-1]['op'])", "hide")
    settled(page)
    center()
    fingers.drag(((0.6, 0.1), (0.9, 0.5)))
    opened.expect_python("print(view.what_if.edits[-1]['op'])", "occlude")
    corners = json.loads(opened.python("print(view.what_if.edits[-1]['box'])"))
    assert all(abs(at - to) <= 2 for at, to in zip(corners, [38, 5, 58, 24], strict=True)), corners


def test_a_photo_of_a_lost_kernel_is_still_looked_at(proxied: Callable[..., Any]) -> None:
    opened, wire = proxied(PHOTO)
    page = opened.page
    opened.run_all()
    page.wait_for_selector(".jx canvas")
    settled(page)
    until(page, "() => document.querySelector('.jx canvas').width > 100")
    wire.cut()
    until_text(page, ".jx [role=note]", "The connection to the kernel is lost")
    view = page.locator(".jx")
    canvas = view.locator("canvas")
    canvas.scroll_into_view_if_needed()
    pixel = """() => {
      const canvas = document.querySelector('.jx canvas');
      return [...canvas.getContext('2d').getImageData(canvas.width / 8, canvas.height / 8, 1, 1).data].join();
    }"""
    looks = [page.evaluate(pixel)]

    def anew() -> bool:
        return page.evaluate(pixel) != looks[-1]

    # opacity is recoloured in the page, what is pointed at is said, pieces go along the curve
    view.get_by_role("slider", name="opacity of the heat").focus()
    page.keyboard.press("Home")
    until_text(page, ".jx .im", "0 %")
    eventually(anew, True, page)
    looks.append(page.evaluate(pixel))
    page.keyboard.press("End")
    until_text(page, ".jx .im", "100 %")
    eventually(anew, True, page)
    said = view.locator(".rdo").inner_text()
    box = canvas.bounding_box()
    page.mouse.move(box["x"] + 0.1 * box["width"], box["y"] + 0.1 * box["height"])
    eventually(lambda: view.locator(".rdo").inner_text() != said, True, page)
    number = view.locator("[aria-checked=true] .v").inner_text()
    view.locator(".jx-rem").get_by_role("button", name="one more").click()
    until_text(page, ".jx-rem output", "1 of 12")
    until_gone(page, ".jx [aria-checked=true] .v", number)
    # a piece that is hidden meanwhile is hidden when the way is open again
    view.locator(".jx-rem").get_by_role("button", name="one fewer").click()
    page.mouse.click(box["x"] + 0.1 * box["width"], box["y"] + 0.1 * box["height"])
    wire.mend()
    until_gone(page, ".jx", "The connection to the kernel is lost")
    opened.ready()
    opened.expect_python("print(view.what_if.edits)", "[{'op': 'hide', 'pieces': [0]}]")
    until_text(page, ".jx .jx-say", "1 piece hidden")
    expected = float(opened.python("print(view.prediction)"))
    until_text(page, ".jx [aria-checked=true] .v", f"{expected:.3f}")


FILM = """
import numpy as np
import jupyter_xai as xai

calls, frames = [], []

def critic(texts):
    calls.append(len(texts))
    return np.array([0.2 + 0.6 * ("dull" in t) for t in texts])

view = xai.explain(critic, "a dull film that is far too long and hurts", n_samples=1000, batch_size=32, tolerance=0)
view.widget.observe(lambda change: change["new"].get("values") and frames.append((change["new"]["run"], sum(calls))),
                    "frame")
view
"""


def test_the_first_picture_after_a_change_takes_one_batch(notebook: Make) -> None:
    opened = notebook(FILM)
    page = opened.page
    opened.run_all()
    settled(page)
    opened.expect_python("print(view.busy)", "False")
    before = int(opened.python("print(sum(calls))"))
    page.locator(".jx [data-unit='1']").click()
    until_text(page, ".jx .jx-say", "Without 1 word")
    opened.expect_python("print(view.busy)", "False")
    runs = json.loads(opened.python("print([list(frame) for frame in frames])"))
    first = min(rows for run, rows in runs if run == max(run for run, _ in runs))
    # the word struck, its prediction shown at once, and one batch
    assert first - before <= 32 + 4
