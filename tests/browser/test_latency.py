"""The view under the hand, beside a bare echo: while a cell runs in the main shell, and under a flood of events."""

from __future__ import annotations

from collections.abc import Callable

from tests.browser import hand
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


def test_of_a_flood_of_events_the_last_one_stands(notebook: Callable[..., Notebook]) -> None:
    opened = hand.ready(notebook(hand.SETUP))
    slid = hand.rounds(opened.page, blocks=1, events=20)
    assert slid.ahead == 1.0, "the number did not follow the hand at once"
    assert slid.view, "the model's own number never came"
    found = hand.flood(opened, events=1000, gap=10, lets_go=3)  # as with a key that is held
    assert found.final, found.told
    assert found.most_unanswered <= 2  # one at work, one waiting
    assert found.together == 1
    assert found.older == 0
    assert found.growth <= 5
