"""The exported page in a browser without a network: values, target switch, nothing asked for, nothing run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser.lab import open_context
from tests.browser.waiting import eventually
from tests.golden.samples import EVERY, XSS

pytestmark = pytest.mark.browser


@pytest.fixture
def offline(browser: Any) -> Iterator[Any]:
    context = open_context(browser, viewport={"width": 900, "height": 900}, offline=True)
    page = context.new_page()
    page.requests, page.problems = [], []
    page.on("request", lambda request: page.requests.append(request.url))
    page.on("pageerror", lambda error: page.problems.append(str(error)))
    page.on(
        "console", lambda message: page.problems.append(message.text) if message.type == "error" else None
    )
    page.on("dialog", lambda dialog: page.problems.append(dialog.message) or dialog.dismiss())
    yield page
    context.close()


@pytest.mark.parametrize("name", EVERY)
def test_the_page_works_offline(name: str, offline: Any, tmp_path: Path) -> None:
    EVERY[name]().to_html(tmp_path / "page.html")
    offline.goto((tmp_path / "page.html").as_uri())
    offline.wait_for_selector(".xai-live-page")
    assert not offline.is_visible(".xai-fb-page")
    assert "saved" in offline.inner_text("#xai-view")
    assert [url for url in offline.requests if not url.startswith(("file:", "blob:", "data:"))] == []
    assert offline.problems == []


def test_values_are_shown_and_the_output_can_be_switched(offline: Any, tmp_path: Path) -> None:
    EVERY["table"]().to_html(tmp_path / "page.html")
    offline.goto((tmp_path / "page.html").as_uri())
    view = offline.locator("#xai-view")
    view.get_by_text("+0.156").wait_for()
    view.get_by_role("radio", name="good credit").click()
    view.get_by_text("\u22120.156").wait_for()


@pytest.mark.parametrize("exact", [False, True])
def test_a_pixel_map_follows_the_output_switch(exact: bool, offline: Any, tmp_path: Path) -> None:
    EVERY["pixels"]().to_html(tmp_path / "page.html", exact=exact)
    offline.goto((tmp_path / "page.html").as_uri())
    view = offline.locator("#xai-view")
    view.locator("canvas").first.wait_for()
    # the photo is decoded on its own time
    eventually(lambda: view.locator("canvas").first.evaluate("c => c.width > 10"), True, offline)
    before = view.locator("canvas").first.screenshot()
    view.get_by_role("radio").nth(1).click()
    eventually(view.locator("canvas").first.screenshot, lambda now: now != before, offline)
    assert "not known yet" not in view.inner_text()
    assert offline.problems == []


def test_user_text_stays_text(offline: Any, tmp_path: Path) -> None:
    EVERY["unicode"]().to_html(tmp_path / "page.html")
    offline.goto((tmp_path / "page.html").as_uri())
    offline.wait_for_selector(".xai-live-page")
    assert XSS in offline.inner_text("#xai-view")
    assert offline.problems == []


def test_without_scripts_the_static_picture_is_seen(browser: Any, tmp_path: Path) -> None:
    EVERY["image"]().to_html(tmp_path / "page.html")
    context = open_context(browser, java_script_enabled=False, offline=True)
    page = context.new_page()
    page.goto((tmp_path / "page.html").as_uri())
    assert page.is_visible(".xai-fb-page")
    assert page.locator(".xai-fb-page img").bounding_box()["width"] > 300
    context.close()
