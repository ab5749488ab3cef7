"""The same view in marimo and Voila: seen, live under the hand, and answered by Python."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.browser.lab import open_context
from tests.browser.seen import TABLE_CELL
from tests.browser.servers import marimo, voila
from tests.browser.waiting import PATIENCE, eventually, until_text

SLOW = """
import time
import numpy as np
import jupyter_xai as xai

rows = np.random.default_rng(0).normal(size=(300, 2))
calls = []

def bank(X):
    calls.append(len(X))
    time.sleep(0.15)
    return 1 / (1 + np.exp(-X @ np.array([1.0, 0.5])))

view = xai.explain(bank, [1.0, 2.0], background=rows, feature_names=["income", "debt"], n_samples=8000, tolerance=0,
                   batch_size=400)
view
"""


def state(page: Any, word: str, timeout: float = PATIENCE) -> str:
    """Wait until the state line says a word; shadow roots are open to the locator."""
    until_text(page, ".jx-state", word, timeout=timeout)
    return str(page.locator(".jx-state").first.inner_text())


def pull(page: Any) -> None:
    """Move the first slider to its end by keyboard: another prediction is shown, and it is explained on release."""
    shown = page.locator(".jx [role=radiogroup]").first
    before = shown.inner_text()
    page.locator(".jx input[type=range]").first.focus()
    page.keyboard.press("Home")
    eventually(shown.inner_text, lambda now: now != before, page)
    state(page, "settled")


@pytest.fixture
def tall(browser: Any) -> Any:
    context = open_context(browser, viewport={"width": 1100, "height": 1400})
    yield context.new_page()
    context.close()


def test_marimo_streams_stops_and_answers(tall: Any, tmp_path: Path) -> None:
    with marimo(SLOW, tmp_path) as address:
        tall.goto(address)
        state(tall, "rows · ")  # it runs while it is looked at
        tall.locator(".jx").get_by_role("button", name="Stop").click()
        assert "stopped" in state(tall, "stopped")
        tall.locator(".jx").get_by_role("button", name="Continue").click()
        state(tall, "settled")
        pull(tall)
        text = tall.locator(".jx").first.inner_text()
        assert "income" in text
        assert "debt" in text


def test_voila_shows_the_finished_view_and_answers(tall: Any, tmp_path: Path) -> None:
    with voila([TABLE_CELL], tmp_path) as address:
        tall.goto(address)
        assert "1,000 rows" in state(tall, "1,000 rows", timeout=2 * PATIENCE)
        live = tall.locator("[class*=xai-live-]")
        assert live.count() == 1
        assert tall.locator("[class*=xai-fb-]:visible").count() == 0
        assert "income" in live.inner_text()
        pull(tall)
