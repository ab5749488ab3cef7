"""Rows of the benchmark, how they are timed, and the table they make.

A new row is one function under ``@row``. It gets a ``Size`` and returns a ``Contest`` (things to time against
each other) or a ``Figure`` (one measured number):

    @row("tabular-svm", goal=AtMost("ours", "bare", 1.3))
    def tabular_svm(size):
        return Contest("table, n=5,000, SVM", {"ours": explain, "bare": predict, "lime": peer})
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import median
from typing import Any

Timings = dict[str, list[float]]


@dataclass(frozen=True)
class Size:
    """How much work to do: ``size(full, small)`` is the first, in a smoke run the second."""

    smoke: bool
    rounds: int
    clock: Callable[[], float] = time.perf_counter

    def __call__(self, full: int, small: int) -> int:
        return small if self.smoke else full


@dataclass(frozen=True)
class AtMost:
    """Goal: ``one`` takes at most ``factor`` times as long as ``other``."""

    one: str
    other: str
    factor: float

    def __str__(self) -> str:
        if self.factor < 1:
            return f"{self.one} ≥ {1 / self.factor:g}× faster than {self.other}"
        return f"{self.one} ≤ {self.factor:g}× {self.other}"

    def met(self, timings: Timings) -> bool:
        return median(ratios(timings, self.one, self.other)) <= self.factor


@dataclass(frozen=True)
class Contest:
    """Contestants by name, each a call that does the whole work once.

    ``bare``, ``ours``, ``lime`` and ``streamed`` with ``bare_streamed`` have columns; the times of others, and
    ``note``, are printed below the table.
    """

    work: str
    runs: dict[str, Callable[[], object]]
    note: str = ""


@dataclass(frozen=True)
class Figure:
    """One number that is not a race."""

    work: str
    value: float
    shown: str
    limit: float
    goal: str
    note: str = ""


class Skipped(Exception):  # noqa: N818 - not an error
    """Why a row cannot be measured here: it is said, and fails nothing."""


@dataclass(frozen=True)
class Row:
    """A registered row."""

    name: str
    make: Callable[[Size], Contest | Figure]
    goal: AtMost | None


@dataclass
class Outcome:
    """What came of a row."""

    name: str
    work: str
    goal: str
    met: bool
    timings: Timings = field(default_factory=dict)
    value: float | None = None
    shown: str = ""
    note: str = ""

    def as_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "work": self.work,
            "goal": self.goal,
            "met": self.met,
            "value": self.value,
            "seconds": self.timings,
            "ratios": {
                f"{one}/{other}": ratios(self.timings, one, other)
                for one, other in PAIRS
                if one in self.timings and other in self.timings
            },
        }


ROWS: dict[str, Row] = {}
COLUMNS = ("bare", "ours", "streamed", "bare_streamed", "lime")
PAIRS = (("ours", "bare"), ("streamed", "bare_streamed"), ("lime", "bare"), ("lime", "ours"))


def row(name: str, goal: AtMost | None = None) -> Callable[[Callable[[Size], Contest | Figure]], Any]:
    """Register a row."""

    def register(make: Callable[[Size], Contest | Figure]) -> Callable[[Size], Contest | Figure]:
        ROWS[name] = Row(name, make, goal)
        return make

    return register


def measure(entry: Row, size: Size) -> Outcome:
    """Run a row."""
    made = entry.make(size)
    if isinstance(made, Figure):
        return Outcome(
            entry.name,
            made.work,
            made.goal,
            made.value <= made.limit,
            value=made.value,
            shown=made.shown,
            note=made.note,
        )
    rounds = 1 if size.smoke else size.rounds
    timings = interleave(made.runs, rounds, size.clock, warm=not size.smoke)
    assert entry.goal is not None, f"{entry.name} is a race: register it with a goal"
    return Outcome(
        entry.name, made.work, str(entry.goal), entry.goal.met(timings), timings=timings, note=made.note
    )


def interleave(
    runs: dict[str, Callable[[], object]], rounds: int, clock: Callable[[], float], *, warm: bool = True
) -> Timings:
    """Time each once a round, in an order that turns: what else the machine does then hits all alike."""
    names = list(runs)
    if warm:
        for run in runs.values():
            run()
    timings: Timings = {name: [] for name in names}
    for turn in range(rounds):
        for name in names[turn % len(names) :] + names[: turn % len(names)]:
            gc.collect()
            started = clock()
            runs[name]()
            timings[name].append(clock() - started)
    return timings


def ratios(timings: Timings, one: str, other: str) -> list[float]:
    """Ratios within a round: what slows a whole round cancels."""
    return [a / b for a, b in zip(timings[one], timings[other], strict=True)]


# --- the table ----------------------------------------------------------------------------------------------

HEADINGS = [
    "work",
    "bare",
    "ours",
    "lime",
    "ours ÷ bare",
    "streamed ÷ its bare",
    "lime ÷ bare",
    "lime ÷ ours",
    "goal",
    "met",
]


def table(outcomes: list[Outcome], *, judge: bool = True) -> str:
    """Lay the outcomes out as a Markdown table; ``judge`` says whether goals were met."""
    lines = [HEADINGS] + [_cells(outcome, judge) for outcome in outcomes]
    widths = [max(len(line[k]) for line in lines) for k in range(len(HEADINGS))]
    lines.insert(1, ["-" * width for width in widths])
    return "\n".join(
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |"
        for line in lines
    )


def remarks(outcome: Outcome) -> str:
    """What the table has no column for: contestants beside the usual ones, and the row's note."""
    others = [name for name in outcome.timings if name not in COLUMNS]
    said = [f"{name}: {_seconds(outcome.timings[name])}" for name in others]
    return "; ".join([*said, *([outcome.note] if outcome.note else [])])


def _cells(outcome: Outcome, judge: bool) -> list[str]:
    seconds = [_seconds(outcome.timings.get(name)) for name in ("bare", "ours", "lime")]
    if outcome.value is not None:
        seconds[1] = outcome.shown
    pairs = [
        _spread(ratios(outcome.timings, one, other))
        if one in outcome.timings and other in outcome.timings
        else "–"
        for one, other in PAIRS
    ]
    met = "–" if not judge else "yes" if outcome.met else "NO"
    return [outcome.work, *seconds, *pairs, outcome.goal, met]


def _seconds(times: list[float] | None) -> str:
    if not times:
        return "–"
    middle = median(times)
    return (
        f"{middle:.2f} s"
        if middle >= 1
        else f"{1000 * middle:.1f} ms"
        if middle < 0.1
        else f"{1000 * middle:.0f} ms"
    )


def _spread(values: list[float]) -> str:
    digits = 2 if max(values) < 10 else 0
    low, middle, high = (f"{value:.{digits}f}" for value in (min(values), median(values), max(values)))
    return middle if len(values) == 1 else f"{middle} ({low}–{high})"
