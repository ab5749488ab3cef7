"""A request from the view is answered while a cell runs in the main shell, about as fast as a bare echo."""

from __future__ import annotations

from collections.abc import Callable

from tests.browser.lab import HOLD, Notebook
from tests.browser.latency import SETUP, measure, percentile
from tests.browser.test_live import wait_state


def test_answers_while_a_cell_runs_within_an_echo_and_50_ms(notebook: Callable[..., Notebook]) -> None:
    opened = notebook(SETUP, HOLD, "ended = True")
    page = opened.page
    opened.run_cell(0)
    wait_state(page, "settled")
    quiet = measure(page)
    opened.run_cell(1)
    opened.wait_busy(1)
    busy = measure(page)
    prompts = page.locator(".jp-InputPrompt").all_inner_texts()
    assert any("*" in prompt for prompt in prompts), "the cell ended first: nothing was shown"
    rows = [(when, who, percentile(times[who], 0.5), percentile(times[who], 0.95))
            for when, times in (("quiet", quiet), ("busy", busy)) for who in ("echo", "view")]  # fmt: skip
    for when, who, half, most in rows:
        print(f"{when} {who}: p50 {half:.0f} ms, p95 {most:.0f} ms")
    assert percentile(busy["view"], 0.5) <= percentile(busy["echo"], 0.5) + 50
