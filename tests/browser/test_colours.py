"""What is read is read on any ground: contrast, the reader's own colours, a white host in a dark world, sign twice."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from jupyter_xai.widget.fallback import fallback_html
from tests.browser.plain import GROUNDS, OVERLAPS, STATES
from tests.browser.seen import contrasts
from tests.browser.waiting import eventually
from tests.golden.make import state_of
from tests.golden.samples import EVERY

LARGE = {"500 features", "rows wide", "rows many", *(f"compare {n} methods" for n in (2, 3, 5, 6))}

HOSTS: dict[str, tuple[str, dict[str, Any]]] = {
    "light": ("light", {}),
    "dark": ("dark", {}),
    "white in a dark world": ("white", {"color_scheme": "dark"}),
    "black in a light world": ("black", {"color_scheme": "light"}),
    "more contrast": ("dark", {"contrast": "more"}),
    "forced, white": ("light", {"forced_colors": "active", "color_scheme": "light"}),
    "forced, black": ("light", {"forced_colors": "active", "color_scheme": "dark"}),
}

# the ratio of what is drawn to its ground; lines that only divide are not asked
DRAWN = """selectors => {
  const read = text => {
    const [r, g, b, a = 1] = (text.split(')')[0].match(/[\\d.]+/g) ?? [0, 0, 0, 0]).map(Number);
    return text.startsWith('color(srgb') ? [r * 255, g * 255, b * 255, a] : [r, g, b, a];
  };
  const light = rgb => {
    const [r, g, b] = rgb.map(v => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const root = document.querySelector('.jx');
  const under = light(read(getComputedStyle(root).backgroundColor).slice(0, 3));
  return selectors.flatMap(([selector, ...names]) => [...root.querySelectorAll(selector)].map(element => {
    const style = getComputedStyle(element);
    const best = Math.max(...names.map(name => {
      const [r, g, b, a] = read(style[name]);
      if (a < 0.5) return 1;
      const [low, high] = [light([r, g, b]), under].sort((x, y) => x - y);
      return (high + 0.05) / (low + 0.05);
    }));
    return [selector, Math.round(best * 100) / 100];
  })).filter(([, ratio]) => ratio < 3);
}"""
PARTS = [
    [".jx-bar .b:not(.gl *)", "backgroundColor", "boxShadow", "outlineColor"],
    [".jx-trk .dot", "backgroundColor", "borderTopColor"],
    [".jx-trk .c", "stroke"],
    [".tx-body .w.pos", "boxShadow"],
    [".tx-body .w.neg", "boxShadow"],
]


@pytest.mark.parametrize("name", STATES)
def test_text_and_marks_stand_out(name: str, show: Callable[..., Any]) -> None:
    page = show(STATES[name](), 820)
    # of what has thousands of texts the two usual grounds are enough: its parts are in other states
    for host, (ground, more) in list(HOSTS.items())[: 2 if name in LARGE else None]:
        page.emulate_media(
            **{"forced_colors": "none", "color_scheme": "light", "contrast": "no-preference", **more}
        )
        # the view hears that the host has changed
        page.evaluate(
            """([paper, said]) => { document.body.style.background = paper;
                                    document.body.style.setProperty('--jp-layout-color0', said) }""",
            GROUNDS[ground][:2],
        )
        dark = host in {"dark", "black in a light world", "more contrast", "forced, black"}

        def found(host: str = host) -> list[Any]:
            poor = [text for text in contrasts(page.locator("#view")) if text["ratio"] < 4.5]
            theme = page.locator(".jx").first.get_attribute("data-theme")
            return [host, theme, poor, page.evaluate(DRAWN, PARTS)]

        eventually(found, [host, "dark" if dark else "light", [], []], page, timeout=10)


@pytest.mark.parametrize("ground", ["light", "dark"])
def test_who_asks_for_more_contrast_has_it(ground: str, show: Callable[..., Any]) -> None:
    page = show(STATES["table"](), 820, ground)
    lines = [[".jx-bar .z", "backgroundColor"], [".jx-head", "borderBottomColor"], [".btn", "borderTopColor"]]
    assert page.evaluate(DRAWN, lines) != []
    page.emulate_media(contrast="more")
    assert page.evaluate(DRAWN, lines) == []
    # ink, and the colours of the two signs: nothing is paler
    assert sum(text["ratio"] > 12 for text in contrasts(page.locator("#view"))) > 50
    assert len({text["colour"] for text in contrasts(page.locator("#view"))}) == 3


@pytest.mark.parametrize("name", ["table", "text"])
def test_what_is_printed_has_its_bars(name: str, show: Callable[..., Any]) -> None:
    """Printers leave grounds out unless they are asked not to; what is stored for them has lines for bars."""
    page = show(STATES[name](), 820)
    marks = page.evaluate(
        """() => [...document.querySelectorAll('.jx-bar .b, .tx-body .w, .jx-line .span, .jx-trk .dot')]
                 .map(each => getComputedStyle(each).printColorAdjust)"""
    )
    assert len(marks) > 10
    assert set(marks) == {"exact"}
    page.set_content(f"<main>{fallback_html(EVERY[name](), 'u')}</main>")
    drawn = page.evaluate(
        """() => [...document.querySelectorAll('td span[style*=inline-block]')].map(each => {
             const {borderTopWidth, height} = getComputedStyle(each);
             return parseFloat(borderTopWidth) === each.offsetHeight || parseFloat(borderTopWidth) === 1 })"""
    )
    assert len(drawn) > 5
    assert all(drawn)


@pytest.mark.parametrize("ground", ["light", "dark"])
def test_what_is_under_the_pointer_is_read(ground: str, show: Callable[..., Any]) -> None:
    page = show(STATES["one feature"](), 820, ground)
    page.locator(".jx-trk input").first.hover()
    page.locator(".jx-trk:hover .tip").first.wait_for()
    found = contrasts(page.locator("#view"))
    assert any("\u2192" in text["words"] for text in found)
    assert [text for text in found if text["ratio"] < 4.5] == []
    page = show(STATES["text"](), 820, ground)
    page.locator(".tx-body .w", has_text="dull").first.hover()
    assert [text for text in contrasts(page.locator("#view")) if text["ratio"] < 4.5] == []


WORDS = """() => [...document.querySelectorAll('.tx-body .w:is(.pos, .neg)')].map(word => {
  // "colour x y blur spread" of the bar: above the word or below it
  const y = Number(/ 0px (-?[0-9.]+)px 0px 0px/.exec(getComputedStyle(word).boxShadow)?.[1]);
  return [word.classList.contains('pos'), y < 0, y > 0, word.getAttribute('aria-label') ?? word.textContent];
})"""


@pytest.mark.parametrize("host", ["light", "forced, white", "forced, black"])
def test_sign_is_said_by_place_and_in_print(host: str, show: Callable[..., Any]) -> None:
    ground, more = HOSTS[host]
    page = show(STATES["table"](), 820, ground, **more)
    found = page.evaluate(
        """() => [...document.querySelectorAll('.jx-row:not(.th, .jx-more)')].map(row => {
          const bar = row.querySelector('.jx-bar .b'), zero = row.querySelector('.jx-bar .z');
          if (!bar || !zero) return null;
          const [b, z] = [bar, zero].map(e => e.getBoundingClientRect());
          return {side: b.left >= z.left - 1 ? '+' : '\u2212', said: row.querySelector('.num').textContent.trim()[0],
                  kind: bar.classList.contains('pos') ? '+' : '\u2212',
                  solid: getComputedStyle(bar).backgroundColor};
        }).filter(Boolean)"""
    )
    assert len(found) > 5
    assert {one["side"] for one in found} == {"+", "\u2212"}
    assert [one for one in found if not one["side"] == one["said"] == one["kind"]] == []
    page = show(STATES["text"](), 820, ground, **more)
    words = page.evaluate(WORDS)
    # those that could be zero have an outline: in the same place
    doubted = replace(EVERY["text"](), std_errors=np.full_like(EVERY["text"]().values, 0.2))
    again = show(state_of("text", doubted), 820, ground, **more)
    assert again.locator(".tx-body .w.hollow:is(.pos, .neg)").count() == len(words)
    words += again.evaluate(WORDS)
    assert all(up == above and up != below for up, above, below, _ in words)
    assert all(("+" if up else "\u2212") in label for up, _, _, label in words)


def test_uncertain_bars_are_hollow_in_the_readers_own_colours(show: Callable[..., Any]) -> None:
    page = show(STATES["table"](), 820, **HOSTS["forced, black"][1])
    drawn = page.evaluate(
        """() => [...document.querySelectorAll('.jx-bar .b')].map(bar => {
          const {backgroundColor, outlineStyle} = getComputedStyle(bar);
          return [bar.parentElement.classList.contains('hollow'),
                  backgroundColor === getComputedStyle(document.querySelector('.jx')).backgroundColor,
                  outlineStyle === 'solid'];
        })"""
    )
    assert {hollow for hollow, *_ in drawn} == {True, False}
    assert all(hollow == empty == outlined for hollow, empty, outlined in drawn)
    assert page.evaluate(OVERLAPS) == []


def test_the_chosen_output_and_the_groove_are_seen_in_the_readers_own_colours(
    show: Callable[..., Any],
) -> None:
    page = show(STATES["table"](), 820, **HOSTS["forced, black"][1])
    lines = page.evaluate(
        """() => [...document.querySelectorAll('.jx-outs [role=radio]')].map(e => [e.getAttribute('aria-checked'),
             getComputedStyle(e).borderBottomColor ===
               getComputedStyle(document.querySelector('.jx')).backgroundColor])"""
    )
    assert lines == [["true", False], ["false", True]]
    groove = page.locator(".jx-panel .jx-trk.plain").first
    assert "gradient" in groove.evaluate("e => getComputedStyle(e).backgroundImage")
    assert groove.evaluate("e => getComputedStyle(e).forcedColorAdjust") == "none"


def test_what_is_focused_is_seen_in_the_readers_own_colours(show: Callable[..., Any]) -> None:
    page = show(STATES["table"](), 820, **HOSTS["forced, white"][1])
    page.locator("h1").click()
    for _ in range(12):
        page.keyboard.press("Tab")
        ring = page.evaluate(
            """() => { const at = document.activeElement, track = at.closest('.jx-trk') ?? at;
                       const {outlineStyle, outlineWidth} = getComputedStyle(track);
                       return [outlineStyle, parseFloat(outlineWidth)] }"""
        )
        assert ring[0] != "none"
        assert ring[1] >= 1
