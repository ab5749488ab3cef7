"""The same view in marimo and Voila: seen, live under the hand, and answered by Python."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.browser.lab import open_context
from tests.browser.proxy import Proxy
from tests.browser.seen import TABLE_CELL, pull
from tests.browser.servers import marimo, voila
from tests.browser.waiting import PATIENCE, eventually, until_gone, until_text

SLOW = """
import json
import pathlib
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
view.observe(lambda change: pathlib.Path("edits.json").write_text(json.dumps(change["new"])), "edits")
view
"""
LOST = "The connection to the kernel is lost"


def state(page: Any, word: str, timeout: float = PATIENCE) -> str:
    """Wait until the state line says a word; shadow roots are open to the locator."""
    until_text(page, ".jx-state", word, timeout=timeout)
    return str(page.locator(".jx-state").first.inner_text())


@pytest.fixture
def tall(browser: Any) -> Any:
    context = open_context(browser, viewport={"width": 1100, "height": 1400})
    yield context.new_page()
    context.close()


def test_marimo_streams_stops_answers_and_says_that_it_is_cut_off(tall: Any, tmp_path: Path) -> None:
    with marimo(SLOW, tmp_path) as address, Proxy(address) as wire:
        tall.goto(wire.url)
        state(tall, "rows · ")  # it runs while it is looked at
        view = tall.locator(".jx")
        view.get_by_role("button", name="Stop").click()
        assert "stopped" in state(tall, "stopped")
        view.get_by_role("button", name="Continue").click()
        state(tall, "rows · ")
        # nobody has touched it: the run has fallen silent
        wire.cut()
        until_text(tall, ".jx [role=note]", LOST)
        until_text(tall, ".jx [role=status]", LOST)
        # what needs no kernel goes on
        view.locator(".jx-row.th").get_by_role("button", name="feature").click()
        until_text(tall, ".jx .jx-row:not(.th)", "debt")
        slider = view.locator("input[type=range]").first
        slider.focus()
        tall.keyboard.press("Home")
        until_text(tall, ".jx .jx-row", "was 2")
        assert not (tmp_path / "edits.json").exists()
        # the last change counts when the way is open again
        wire.mend()
        until_gone(tall, ".jx", LOST)
        state(tall, "settled")

        def edits() -> Any:
            path = tmp_path / "edits.json"
            return json.loads(path.read_text()) if path.exists() else None

        eventually(lambda: [edit["feature"] for edit in edits() or ()], ["debt"], tall)
        pull(tall, tall.locator(".jx"), "End")
        text = view.first.inner_text()
        assert "income" in text
        assert "debt" in text


def test_voila_shows_the_finished_view_answers_and_says_that_it_is_cut_off(tall: Any, tmp_path: Path) -> None:
    with voila([TABLE_CELL], tmp_path) as address, Proxy(address) as wire:
        tall.goto(wire.url)
        assert "1,000 rows" in state(tall, "1,000 rows", timeout=2 * PATIENCE)
        live = tall.locator("[class*=xai-live-]")
        assert live.count() == 1
        assert tall.locator("[class*=xai-fb-]:visible").count() == 0
        assert "income" in live.inner_text()
        pull(tall, tall.locator(".jx"))
        wire.cut()
        until_text(tall, ".jx [role=note]", LOST)
        wire.mend()
        until_gone(tall, ".jx", LOST)
        pull(tall, tall.locator(".jx"), "End")
