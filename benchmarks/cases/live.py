"""The view under the hand, in a real JupyterLab and a real browser: each figure beside a bare echo of the same payload.

Round trips include the server's and the browser's own 40 to 55 ms under traffic, which the echo shows. Own paint is
script, style, layout and drawing of an event, without the wait for the next frame of the screen; it is measured on a
plain page, where nothing else works. Times of a page are wall times: on a machine that is busy elsewhere they say
little, and the processor time beside them says more.
"""

from __future__ import annotations

import functools
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

from harness import Figure, Size, Skipped, row

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

FRAME = 16.0
"""Milliseconds of one frame of a screen at 60 Hz."""


def percentile(times: list[float], share: float) -> float:
    """The value below which this share of the times lies."""
    ordered = sorted(times)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def browser_wanted(size: Size) -> None:
    """Say why no browser is opened."""
    if size.smoke:
        raise Skipped("the smoke run opens no browser; the browser tests do.")
    try:
        from tests.browser.lab import find_chromium
    except ImportError as missing:
        raise Skipped(f"the browser's figures need the tests of a checkout ({missing}).") from missing
    try:
        find_chromium()
    except RuntimeError as missing:
        raise Skipped(str(missing)) from missing


@functools.cache
def hand() -> dict[str, Any]:
    """Everything that is measured in JupyterLab, in one page and one run."""
    from tests.browser import hand

    with hand.a_view() as opened:
        quiet = hand.rounds(opened.page)
        opened.run_cell(1)
        opened.wait_busy(1)
        busy = hand.rounds(opened.page)
        opened.release()
        opened.wait_idle()
        opened.run_cell(2)
        opened.wait_busy(2)
        loop = hand.rounds(opened.page, blocks=2)
        opened.release()
        opened.wait_idle()
        return {"quiet": quiet, "busy": busy, "loop": loop, "flood": hand.flood(opened)}


def beyond_echo(work: str, when: str, share: float, limit: float) -> Figure:
    """How much later than the echo the model's number stands on the page."""
    found = hand()[when]
    view, echo = percentile(found.view, share), percentile(found.echo, share)
    name = f"p{100 * share:.0f}"
    return Figure(
        f"{work}, {name}",
        view - echo,
        f"{view:.0f} ms",
        limit,
        f"≤ echo + {limit:.0f} ms",
        f"echo {name} {echo:.0f} ms, median {median(found.echo):.0f} ms; {len(found.view)} events answered, "
        f"{found.passed_by} overtaken by a newer one before their answer, as at most 2 messages are on their way.",
    )


@row("live-slider")
def slider(size: Size) -> Figure:
    """From a slider's event, 30 a second, to the model's own prediction in the page."""
    browser_wanted(size)
    return beyond_echo("slider event to prediction, 30 a second", "quiet", 0.5, 10)


@row("live-slider-p95")
def slider_p95(size: Size) -> Figure:
    """The same at its slowest."""
    browser_wanted(size)
    return beyond_echo("slider event to prediction, 30 a second", "quiet", 0.95, 25)


@row("live-slider-busy")
def slider_busy(size: Size) -> Figure:
    """The same while a cell runs in the main shell."""
    browser_wanted(size)
    return beyond_echo("the same while a cell sleeps in the main shell", "busy", 0.95, 50)


@row("live-slider-loop")
def slider_loop(size: Size) -> Figure:
    """The same while a cell computes in Python itself, which holds the interpreter's lock: no goal, it is told."""
    browser_wanted(size)
    told = beyond_echo("the same while a cell runs a loop of pure Python", "loop", 0.95, float("inf"))
    return replace(told, goal="reported")


@row("live-curve")
def curve(size: Size) -> Figure:
    """The prediction follows the hand before the kernel answers."""
    browser_wanted(size)
    missed = 100 * (1 - min(hand()["quiet"].ahead, hand()["busy"].ahead))
    return Figure(
        "prediction from the curve before any message could come",
        missed,
        f"{100 - missed:.0f} % of events",
        0.0,
        "all, in the event's frame, marked until confirmed",
    )


@row("live-flood")
def flood(size: Size) -> Figure:
    """A thousand events in ten seconds."""
    browser_wanted(size)
    found = hand()["flood"]
    wrong = [
        said
        for said, holds in (
            ("the last event is not what stands in the page and in Python", found.final),
            (f"{found.most_unanswered} messages unanswered at once", found.most_unanswered <= 2),
            (f"{found.together} calls of the model at once", found.together == 1),
            (f"{found.older} numbers older than one shown before", found.older == 0),
        )
        if not holds
    ]
    return Figure(
        "1,000 slider events in 10 s: growth of the page after the first 100",
        float("inf") if wrong else found.growth,
        f"{found.growth:.2f} MB",
        5.0,
        "≤ 5 MB, final state = last event, ≤ 1 running + 1 pending, none older",
        "; ".join(wrong)
        or f"{found.seconds:.1f} s, {found.sent} messages, at most {found.most_unanswered} unanswered, no number older "
        "than one shown before, the last event stands in the page and in Python.",
    )


@functools.cache
def paints(rounds: int) -> dict[str, dict[str, tuple[list[float], float]]]:
    """Own paint of everything a hand moves or recolours."""
    from tests.browser.lab import chromium
    from tests.browser.painting import MOVES, RECOLOURS, paint_times

    with chromium() as browser:
        page = browser.new_page()
        return {
            kind: {name: paint_times(page, make, act, rounds) for name, make, act in works}
            for kind, works in (("moves", MOVES), ("recolours", RECOLOURS))
        }


def slowest(work: str, kind: str, size: Size, pick: Callable[[str], bool] = bool) -> Figure:
    """The slowest of some paints, and all of them in the note."""
    found = {name: times for name, times in paints(4 * size.rounds)[kind].items() if pick(name)}
    by_processor = size.clock is time.process_time
    cost = {name: used if by_processor else median(times) for name, (times, used) in found.items()}
    worst = max(cost, key=lambda name: cost[name])
    said = "; ".join(
        f"{name} {median(times):.1f} ms (p95 {percentile(times, 0.95):.1f}, processor {used:.1f})"
        for name, (times, used) in found.items()
    )
    return Figure(f"{work}: {worst}", cost[worst], f"{cost[worst]:.1f} ms", FRAME, "≤ 16 ms", said)


@row("live-paint")
def paint(size: Size) -> Figure:
    """Own paint after an input event: thumb, value, mark, photo."""
    browser_wanted(size)
    return slowest("own paint after a move, the slowest", "moves", size)


@row("live-recolour")
def recolour(size: Size) -> Figure:
    """Opacity, threshold, another output of what is large."""
    browser_wanted(size)
    return slowest("recolour, the slowest but text", "recolours", size, lambda name: "text" not in name)


@row("live-recolour-text")
def recolour_text(size: Size) -> Figure:
    """Another output of a text of 5,000 words."""
    browser_wanted(size)
    return slowest("recolour", "recolours", size, lambda name: "text" in name)
