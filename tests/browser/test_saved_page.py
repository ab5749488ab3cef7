"""What `view.to_html` writes, opened from a file without a network: every control that needs no kernel is used."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import jupyter_xai as xai
from tests.browser.lab import open_context
from tests.browser.waiting import eventually

NAMES = ["income", "debt", "age"]


def bank(X: Any) -> Any:
    paid = 1 / (1 + np.exp(-2 * X[:, 0] + X[:, 1]))
    return np.stack([paid, 1 - paid], axis=1)


def loan() -> Any:
    rows = np.random.default_rng(0).normal(size=(60, 3))
    return xai.explain(
        bank, [0.2, 1.0, 0.5], background=rows, feature_names=NAMES, output_names=["paid", "unpaid"],
        targets=["unpaid", "paid"], n_samples=500, headless=True,
    )  # fmt: skip


def film() -> Any:
    def critic(texts: Any) -> Any:
        bad = np.array([0.2 + 0.4 * ("dull" in text) - 0.1 * ("brave" in text) for text in texts])
        return np.stack([bad, 1 - bad], axis=1)

    return xai.explain(
        critic, "a dull but brave, so brave film", output_names=["bad", "good"], n_samples=200, tolerance=0,
        headless=True,
    )  # fmt: skip


def cat() -> Any:
    def model(batch: Any) -> Any:
        light = np.asarray(batch)[:, :16, :16].mean(axis=(1, 2, 3)) / 255
        return np.stack([0.2 + 0.6 * light, 0.8 - 0.6 * light], axis=1)

    image = np.zeros((48, 48, 3), np.uint8)
    image[:16, :16] = 255
    return xai.explain(
        model,
        image,
        masker=xai.Image("grid", 16),
        output_names=["bright", "dark"],
        n_samples=200,
        headless=True,
    )


@pytest.fixture
def opened(browser: Any, tmp_path: Path) -> Iterator[Callable[[Any], Any]]:
    """``opened(view)``: its page from a file; whoever asks for anything else than the file fails the test."""
    context = open_context(browser, viewport={"width": 900, "height": 900}, offline=True)
    asked, problems = [], []
    context.route(
        "**/*", lambda route: route.continue_() if route.request.url.startswith("file:") else route.abort()
    )
    page = context.new_page()
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda said: problems.append(said.text) if said.type == "error" else None)

    def make(view: Any) -> Any:
        view.to_html(tmp_path / "page.html")
        page.goto((tmp_path / "page.html").as_uri())
        page.wait_for_selector(".xai-live-page .jx-state")
        return page

    yield make
    context.close()
    assert [url for url in asked if not url.startswith(("file:", "blob:", "data:"))] == []
    assert problems == []


def first(page: Any) -> str:
    return str(page.locator(".jx-row [role=rowheader]").first.text_content())


def test_a_row_is_sorted_switched_and_moved_along_its_curves(opened: Callable[[Any], Any]) -> None:
    page = opened(loan())
    assert "threshold 0.5" in page.locator(".jx-line").inner_text()
    assert "flip" in page.locator(".jx-say").inner_text()
    # sorting
    assert first(page) == "debt"
    page.get_by_role("button", name="feature", exact=True).click()
    eventually(lambda: first(page), "age", page)
    page.get_by_title("Sort by weight").click()
    eventually(lambda: first(page), "debt", page)
    # the other output
    bars = page.locator(".jx-row .num").all_inner_texts()
    page.get_by_role("radio").first.click()
    eventually(lambda: page.locator(".jx-row .num").all_inner_texts() != bars, True, page)
    # along the curve as long as it is held, and back: nothing is asked of a model
    slider = page.get_by_role("slider", name="income")
    slider.hover()
    page.locator(".jx-trk:hover .tip").first.wait_for()
    said, shown = slider.get_attribute("aria-valuetext"), page.locator(".jx-outs").inner_text()
    box = slider.bounding_box()
    page.mouse.down()
    page.mouse.move(box["x"] + 0.9 * box["width"], box["y"] + box["height"] / 2, steps=4)
    eventually(lambda: slider.get_attribute("aria-valuetext") != said, True, page)
    eventually(lambda: page.locator(".jx-outs").inner_text() != shown, True, page)
    page.mouse.up()
    eventually(lambda: slider.get_attribute("aria-valuetext"), said, page)


def test_a_row_is_taken_apart_by_the_removal_slider(opened: Callable[[Any], Any]) -> None:
    page = opened(loan())
    removal = page.get_by_role("slider", name="features removed")
    removal.focus()
    page.keyboard.press("ArrowRight")
    eventually(lambda: "without" in page.locator(".jx-rem .rd").inner_text(), True, page)
    eventually(lambda: page.locator(".jx-row.gone").count(), 1, page)
    assert "was" in page.locator(".jx-outs").inner_text()
    page.get_by_role("button", name="one fewer").click()
    eventually(lambda: page.locator(".jx-row.gone").count(), 0, page)


def test_words_are_pointed_at_grouped_and_removed(opened: Callable[[Any], Any]) -> None:
    page = opened(film())
    page.locator(".tx-body .w", has_text="dull").first.hover()
    eventually(lambda: page.locator(".tx-r.hot").inner_text().split()[0], "dull", page)
    assert page.locator(".tx-r", has_text="brave").count() == 2
    page.get_by_label("Group equal words").check()
    eventually(lambda: page.locator(".tx-r", has_text="brave").count(), 1, page)
    page.get_by_role("slider", name="words removed").focus()
    page.keyboard.press("ArrowRight")
    eventually(lambda: page.locator(".tx-body .w.gone").inner_text(), "dull", page)


def test_a_photo_has_its_opacity_threshold_and_removal(opened: Callable[[Any], Any]) -> None:
    page = opened(cat())
    canvas = page.locator(".im-pic canvas").first
    eventually(lambda: canvas.evaluate("c => c.width > 10"), True, page)

    def drawn() -> str:
        return str(canvas.evaluate("c => c.toDataURL()"))

    for name, key in (
        ("opacity", "Home"),
        ("opacity", "End"),
        ("smallest contribution", "End"),
        ("pieces removed", "End"),
    ):
        before = drawn()
        page.get_by_role("slider", name=name, exact=False).first.focus()
        page.keyboard.press(key)
        eventually(lambda before=before: drawn() != before, True, page)
    before = page.locator(".rdo").inner_text()
    canvas.hover(position={"x": 100, "y": 100})
    eventually(lambda: page.locator(".rdo").inner_text() != before, True, page)
    page.get_by_role("radio", name="dark", exact=False).click()
    eventually(lambda: "dark" in page.locator(".im-c .hd").first.inner_text(), True, page)


def test_what_was_changed_and_chosen_is_in_the_page(opened: Callable[[Any], Any]) -> None:
    view = loan()
    view.what_if({"income": 2.0})
    view.wait()
    page = opened(view)
    assert "was" in page.locator(".jx-outs").inner_text()
    assert "was 0.2" in page.locator(".jx-row", has_text="income").first.inner_text()


def test_exact_maps_are_float16(tmp_path: Path) -> None:
    import torch

    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Conv2d(3, 2, 3), torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten())
    view = xai.explain(net, torch.rand(3, 20, 24), "saliency", headless=True)
    text = view.to_html(exact=True)
    data = json.loads(text.split('id="xai-data">')[1].split("</script>")[0])
    found = data["state"]["frame"]["maps"][0]
    assert found["exact"]
    assert (found["width"], found["height"]) == (24, 20)
    assert len(found["data"]["$b64"]) >= 2 * 20 * 24 * 4 / 3
