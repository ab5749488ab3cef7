"""How views stand on a page: nothing overlaps at any width, nothing runs out of its box, axe-core finds nothing."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from jupyter_xai.widget.widget import script_for
from tests.browser.plain import MOUNT, OVERLAPS, STATES, STATIC, table_of
from tests.browser.waiting import eventually
from tests.golden.make import pack
from tests.golden.samples import EVERY

pytestmark = pytest.mark.browser

ROOT = Path(__file__).resolve().parents[2]
AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
WIDTHS = (320, 360, 599, 601, 820, 1400, 1600)


@pytest.mark.parametrize("name", STATES)
def test_nothing_overlaps_or_runs_out(name: str, show: Callable[..., Any]) -> None:
    state = STATES[name]()
    page = show(state, WIDTHS[0])
    for width in WIDTHS:
        page.set_viewport_size({"width": width + 20, "height": 900})
        # the view hears of its new width a moment later
        eventually(lambda width=width: (width, page.evaluate(OVERLAPS)), (width, []), page, timeout=10)
    assert page.locator("#view img, #view script").count() == 0


RIGHT_TO_LEFT = ["table", "text", "unicode", "image", "long names", "compare 4 methods", "rows credit"]


@pytest.mark.parametrize("name", RIGHT_TO_LEFT)
def test_nothing_overlaps_where_lines_run_from_right_to_left(name: str, show: Callable[..., Any]) -> None:
    page = show(STATES[name](), 320)
    page.evaluate("() => { document.documentElement.dir = 'rtl' }")
    for width in (320, 601, 1400):
        page.set_viewport_size({"width": width + 20, "height": 900})
        eventually(lambda width=width: (width, page.evaluate(OVERLAPS)), (width, []), page, timeout=10)


NAMES: dict[str, Callable[[int], str]] = {
    "one letter": lambda i: "abcdefghijkl"[i],
    "300 letters": lambda i: f"{'x' * 299}{i}",
    "emoji": lambda i: f"{'👩‍👩‍👧' * 20}{i}",
    "marks": lambda i: "e\u0301\u0302\u0323" * 40 + str(i),
    "no width": lambda i: f"\u200b\u200d\ufeff{i}",
    "lines": lambda i: f"two\nlines {i}\tand a tab",
    "nothing": lambda i: str(i) if i else "",
    "right to left": lambda i: "اسم_العمود_الطويل_" * 6 + str(i),
    "both ways": lambda i: f"اسم (name) 12% {i}",
}


def test_names_of_any_kind_stay_in_their_place(show: Callable[..., Any]) -> None:
    page = show(table_of(12, NAMES["one letter"]), 320)
    for kind, name in NAMES.items():
        again(page, table_of(12, name))
        assert page.locator(".jx-row:not(.th, .jx-more)").count() in {6, 10}, kind
        for direction in ("ltr", "rtl"):
            page.evaluate("way => { document.documentElement.dir = way }", direction)
            for width in (320, 601, 1400):
                page.set_viewport_size({"width": width + 20, "height": 900})
                here = (kind, direction, width)
                eventually(lambda here=here: (here, page.evaluate(OVERLAPS)), (here, []), page, timeout=10)


@pytest.mark.parametrize("width", WIDTHS)
def test_any_number_of_features_has_its_place(width: int, show: Callable[..., Any]) -> None:
    page = show(table_of(2, lambda i: f"feature {i}"), width)
    most = 6 if width <= 599 else 10
    for n in (2, 6, 7, 8, 10, 11, 12, 39, 40, 41):
        again(page, table_of(n, lambda i: f"feature {i}"))
        # a lone last row takes the line that would hide it
        rows, rest = (n, 0) if n <= most + 1 else (most, 1)
        shown = ".jx-row:not(.th, .jx-more)", ".jx-row.jx-more", ".jx-over .find"
        eventually(
            lambda n=n, shown=shown: (n, [page.locator(each).count() for each in shown], page.evaluate(OVERLAPS)),
            (n, [rows, rest, int(n >= 40)], []), page, timeout=10,
        )  # fmt: skip


SPACED = """.jx, .jx * {line-height: 1.5 !important; letter-spacing: 0.12em !important; word-spacing: 0.16em !important}
.jx p {margin-bottom: 2em !important}"""


@pytest.mark.parametrize(
    "name", ["table", "one feature", "price", "several", "steps", "text", "edited image", "pixels"]
)
def test_a_readers_own_spacing_hides_nothing(name: str, show: Callable[..., Any]) -> None:
    """WCAG 1.4.12; twice the size in a window is half its width, which is tested above."""
    page = show(STATES[name](), 320)
    page.add_style_tag(content=SPACED + " :root {font-size: 20px}")
    for width in (320, 1400 if name == "one feature" else 820):
        page.set_viewport_size({"width": width + 20, "height": 900})
        eventually(lambda width=width: (width, page.evaluate(OVERLAPS)), (width, []), page, timeout=10)


def test_each_word_list_and_text_runs_its_own_way(show: Callable[..., Any]) -> None:
    arabic = "الفيلم ممل جدا"
    state = STATES["one feature"]()
    state["geometry"]["layout"]["columns"][0]["name"] = arabic
    page = show(state, 820)
    name = page.locator(".jx-row:not(.th) .nm").first
    assert arabic in name.text_content()
    assert (
        name.evaluate("e => getComputedStyle(e.matches('bdi') ? e : e.querySelector('bdi')).direction")
        == "rtl"
    )
    assert page.locator(".jx-row:not(.th) .num").first.evaluate("e => getComputedStyle(e).direction") == "ltr"
    # a long one loses its middle and keeps its beginning at the right
    state["geometry"]["layout"]["columns"][0]["name"] = f"{arabic} {arabic} {arabic}"
    again(page, state)
    mid = page.locator(".jx-row:not(.th) .mid")
    mid.wait_for()
    places = mid.evaluate("e => [...e.children].map(each => each.getBoundingClientRect().left)")
    assert places[0] > places[1]
    text = show(STATES["unicode"](), 820)
    assert text.locator(".tx-body").get_attribute("dir") == "auto"


def test_the_test_sees_overlaps(show: Callable[..., Any]) -> None:
    page = show(STATES["table"](), 820)
    page.add_style_tag(content=".jx-row .num {transform: translateX(-60px)}")
    assert any("over" in fault for fault in page.evaluate(OVERLAPS))
    page.add_style_tag(content=".jx-row .num {transform: translateX(60px)}")
    assert any("outside" in fault for fault in page.evaluate(OVERLAPS))


def again(page: Any, state: dict[str, Any]) -> None:
    """Mount another view where one stands."""
    page.evaluate(
        MOUNT, [*((STATIC / name).read_text() for name in (script_for(state), "index.js")), pack(state)]
    )


AXE_RUN = """async () => {
  const {violations} = await axe.run(document.querySelector('main'), {resultTypes: ['violations']});
  return violations.map(({id, nodes}) => `${id}: ${nodes.slice(0, 3).map(n => n.html.slice(0, 160) + ' '
    + (n.any[0]?.message ?? n.all[0]?.message ?? n.none[0]?.message ?? '')).join(' | ')}`);
}"""


# test_shots looks at the samples in the dark
@pytest.mark.parametrize(
    ("name", "ground"),
    [
        (name, ground)
        for name in STATES
        for ground in ("light", "dark")
        if ground == "light" or name not in EVERY
    ],
)
def test_axe_finds_no_violation(name: str, ground: str, show: Callable[..., Any]) -> None:
    if not AXE.exists():
        pytest.fail("axe-core is missing: run `npm ci`, or `make setup`")
    page = show(STATES[name](), {"light": 360, "dark": 820}[ground], ground)
    page.evaluate(AXE.read_text())
    assert page.evaluate(AXE_RUN) == []


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


@pytest.mark.parametrize("name", ["table", "text", "rows credit"])
def test_another_output_stands_at_once(name: str, show: Callable[..., Any]) -> None:
    """Bars glide to a newer estimate; those of another output are other numbers."""
    page = show(STATES[name](), 820)
    bars = """() => [...document.querySelectorAll('.jx-bar .b')].map(bar => {
      const {left, width} = bar.getBoundingClientRect();
      return [Math.round(left), Math.round(width)].join();
    })"""
    before = page.evaluate(bars)
    at_once = page.evaluate(
        f"""async () => {{
          document.querySelector('[role=radio][aria-checked=false]').click();
          await new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)));
          return ({bars})();
        }}"""
    )
    page.wait_for_timeout(300)
    assert at_once == page.evaluate(bars) != before


@pytest.mark.parametrize(
    "name",
    ["table", "text", "pixels", "edited image", "compare 4 methods", "compare text", "rows credit", "pairs"],
)
def test_the_keyboard_reaches_everything_and_is_seen(name: str, show: Callable[..., Any]) -> None:
    page = show(STATES[name](), 820)
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
                return style.opacity !== '0' && style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 1;
              };
              const box = at.getBoundingClientRect();
              return {
                label: at.getAttribute('aria-label') || at.textContent.slice(0, 40),
                ringed: ring(at) || (at.closest('.jx-trk') !== null && ring(at.closest('.jx-trk'))),
                kind: at.tagName + (at.getAttribute('role') ?? ''),
                top: box.top,
                left: box.left,
              };
            }"""
        )
        if here is None:
            break
        seen.append(here)
        places.append((here["top"], here["left"]))
    kinds = {one["kind"] for one in seen}
    if name == "table":
        assert {"BUTTONradio", "SELECT", "INPUT", "BUTTON", "SUMMARY"} <= kinds
    assert {"BUTTON"} <= kinds
    assert [one["label"] for one in seen if not one["ringed"]] == []
    # from top to bottom: a step back is within one line, or to another column
    assert [
        (before, later)
        for before, later in itertools.pairwise(places)
        if later[0] <= before[0] - 40 and later[1] < before[1] + 100
    ] == []
