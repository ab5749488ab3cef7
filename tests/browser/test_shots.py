"""Every state looks as it did when somebody last looked at it: ``make shots`` after a change, and look again."""

from __future__ import annotations

from typing import Any

import pytest

from tests.browser.plain import OVERLAPS
from tests.browser.seen import contrasts
from tests.browser.shots import STORED, THEMES, WIDTHS, Shown, far, states, take
from tests.browser.test_shape import AXE, AXE_RUN

TOLERANCE = 0.03
"""Of 1; another font moves a picture by about 0.01, a missing part by more than 0.05."""


LOOKED_AT = {"light": 360, "dark": 820}
"""At which width axe-core looks at it, and contrast is measured."""


@pytest.fixture(scope="module")
def plain(browser: Any) -> Any:
    page = browser.new_page()
    yield page
    page.close()


STATES = list(states())


def test_every_stored_picture_is_of_a_state_there_is() -> None:
    names = [shown.name for shown in STATES]
    expected = {f"{name}-{theme}-{width}.png" for name in names for theme in THEMES for width in WIDTHS}
    assert len(set(names)) == len(names)
    assert {path.name for path in STORED.glob("*.png")} == expected


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("shown", STATES, ids=lambda shown: shown.name)
def test_looks_as_it_did(shown: Shown, theme: str, plain: Any) -> None:
    for width in WIDTHS:
        png = take(plain, shown, theme=theme, width=width)
        stored = (STORED / f"{shown.name}-{theme}-{width}.png").read_bytes()
        if far(png, stored) >= TOLERANCE:  # a photo may not have been decoded yet
            plain.wait_for_timeout(3000)
            png = plain.screenshot(full_page=True)
        assert far(png, stored) < TOLERANCE, width
        over = plain.evaluate("() => document.documentElement.scrollWidth - window.innerWidth")
        assert over <= 0, f"sideways scrolling at {width} px"
        assert plain.evaluate(OVERLAPS) == [], width
        if width == LOOKED_AT[theme]:
            assert [text for text in contrasts(plain.locator("main")) if text["ratio"] < 4.5] == []
            plain.evaluate(AXE.read_text())
            assert plain.evaluate(AXE_RUN) == []


def test_a_missing_part_is_far() -> None:
    name = "table-light-820.png"
    whole = (STORED / name).read_bytes()
    assert far(whole, whole) == 0
    assert far(whole, (STORED / "waiting-light-820.png").read_bytes()) > TOLERANCE
    assert far(whole, (STORED / "table-dark-820.png").read_bytes()) > TOLERANCE
