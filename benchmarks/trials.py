"""Accuracy: errors against a known truth, at equal calls, over many seeds; and whether intervals cover it.

A study is a function under ``@study``. It yields ``Duel``s and ``Coverage``s, which are measured one by one, so that a
model is held no longer than it is needed:

    @study("lime")
    def lime(size):
        yield Duel("wine, forest", truth, calls=5000, ours=explain, peers={"lime": explain_as_lime})
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Estimate = Callable[[int, int], Any]
"""``(seed, calls) -> values`` in the shape of the truth."""


@dataclass(frozen=True)
class Scale:
    """How much work to do: ``scale(full, small)`` is the first, in a smoke run the second."""

    smoke: bool
    seeds: int

    def __call__(self, full: int, small: int) -> int:
        return small if self.smoke else full


@dataclass(frozen=True)
class Duel:
    """One model and one instance, explained by several estimators of the same truth.

    Parameters
    ----------
    work : str
    truth : ndarray
        What an estimator with infinitely many calls answers.
    calls : int
        Model calls (coalitions) that everybody gets.
    ours : callable
    peers : dict
        Name to callable.
    goals : dict
        Name of a peer to the factor by which our error is to be lower at equal calls.
    fewer : tuple of int
        Divisors of ``calls`` to look through for the fewest calls that still beat the peer at all of them.
    """

    work: str
    truth: NDArray[np.float64]
    calls: int
    ours: Estimate
    peers: dict[str, Estimate]
    goals: dict[str, float] = field(default_factory=dict)
    fewer: tuple[int, ...] = (16, 8, 4, 2)


@dataclass(frozen=True)
class Coverage:
    """How often 95 % intervals hold the truth.

    Parameters
    ----------
    work : str
    hits : callable
        ``seed -> array of bool``, one for each interval of that run.
    runs : int
    limits : tuple of float
    """

    work: str
    hits: Callable[[int], NDArray[np.bool_]]
    runs: int
    limits: tuple[float, float] = (0.92, 0.98)


@dataclass(frozen=True)
class Line:
    """One line of the table that is printed."""

    cells: dict[str, str]
    met: bool | None
    facts: dict[str, Any]


Study = Callable[[Scale], Iterator[Duel | Coverage]]
STUDIES: dict[str, Study] = {}


def study(name: str) -> Callable[[Study], Study]:
    """Register a study."""

    def register(make: Study) -> Study:
        STUDIES[name] = make
        return make

    return register


def measure(asked: Duel | Coverage, scale: Scale) -> list[Line]:
    """Run a duel or a coverage; a duel has one line for each peer."""
    if isinstance(asked, Coverage):
        return [_covered(asked, scale)]
    seeds = range(scale.seeds)
    ours = _errors(asked, asked.ours, asked.calls, seeds)
    by_calls = {asked.calls: ours}
    for divisor in asked.fewer if asked.peers else ():
        calls = max(asked.calls // divisor, 2)
        by_calls[calls] = _errors(asked, asked.ours, calls, seeds)
    return [
        _against(asked, name, _errors(asked, peer, asked.calls, seeds), ours, by_calls)
        for name, peer in asked.peers.items()
    ]


def _errors(duel: Duel, estimate: Estimate, calls: int, seeds: range) -> NDArray[np.float64]:
    """Squared errors relative to the truth's square, one a seed."""
    size = float(np.sum(duel.truth**2))
    return np.array([np.sum((np.asarray(estimate(s, calls)) - duel.truth) ** 2) / size for s in seeds])


def _against(
    duel: Duel,
    name: str,
    theirs: NDArray[np.float64],
    ours: NDArray[np.float64],
    by_calls: dict[int, NDArray[np.float64]],
) -> Line:
    factor = float(np.median(theirs) / np.median(ours))
    low, high = factor_interval(theirs, ours)
    enough = [calls for calls, errors in by_calls.items() if np.median(errors) <= np.median(theirs)]
    goal = duel.goals.get(name)
    share = f"{min(enough) / duel.calls:.3g}" if enough else "> 1"
    cells = {
        "work": duel.work,
        "calls": f"{duel.calls:,}",
        "peer": name,
        "its error": f"{100 * np.sqrt(np.median(theirs)):.3g} %",
        "ours": f"{100 * np.sqrt(np.median(ours)):.3g} %",
        "factor": f"{factor:.2f} ({low:.2f}–{high:.2f})",
        "share of calls": share,
        "goal": f"≥ {goal:g}×" if goal else "–",
    }
    facts = {
        "theirs": theirs.tolist(),
        "ours": {str(calls): errors.tolist() for calls, errors in by_calls.items()},
    }
    return Line(cells, None if goal is None else factor >= goal, facts)


def factor_interval(
    theirs: NDArray[np.float64], ours: NDArray[np.float64], draws: int = 4000
) -> tuple[float, float]:
    """Bootstrap interval (95 %) of the ratio of two medians."""
    rng = np.random.default_rng(0)

    def medians(errors: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(np.median(errors[rng.integers(len(errors), size=(draws, len(errors)))], axis=1))

    low, high = np.quantile(medians(theirs) / medians(ours), [0.025, 0.975])
    return float(low), float(high)


def _covered(asked: Coverage, scale: Scale) -> Line:
    runs = scale(asked.runs, 3)
    hits = np.concatenate([np.ravel(asked.hits(seed)) for seed in range(runs)])
    share, (low, high) = float(hits.mean()), asked.limits
    cells = {
        "work": asked.work,
        "runs": f"{runs:,}",
        "intervals": f"{hits.size:,}",
        "covered": f"{100 * share:.1f} %",
        "goal": f"{100 * low:g}–{100 * high:g} %",
    }
    return Line(cells, low <= share <= high, {"covered": share, "intervals": int(hits.size)})


def table(lines: list[Line], *, judge: bool = True) -> str:
    """Lay lines of one kind out as a Markdown table; ``judge`` says whether goals were met."""
    said = {True: "yes", False: "NO", None: "–"}
    rows = [[*line.cells.values(), said[line.met if judge else None]] for line in lines]
    rows.insert(0, [*lines[0].cells, "met"])
    widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
    rows.insert(1, ["-" * width for width in widths])
    return "\n".join(
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |"
        for row in rows
    )
