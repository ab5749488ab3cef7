"""A benchmark as the browser draws it, and the live view that ``benchmark`` returns."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, cast

import numpy as np

from jupyter_xai.comparing.live import Live
from jupyter_xai.comparing.table import Benchmark
from jupyter_xai.widget.environment import Environment
from jupyter_xai.wire.boards import Summary, SummaryCell, SummaryMethod, SummaryMetric
from jupyter_xai.wire.plain import finite, text
from jupyter_xai.wire.schema import SCHEMA_VERSION

Start = Callable[[Callable[[], bool]], Iterator[Benchmark]]
"""Makes the stream of benchmarks; it is given what says whether to go on."""


class BenchmarkView(Live[Benchmark]):
    """Methods over many rows, as the rows come.

    It offers all that :class:`Benchmark` has, waiting for it where it must.

    Parameters
    ----------
    start : callable
        ``start(go_on)`` makes the stream of benchmarks.
    environment : Environment
    total : int, optional
        How many rows there are; None if nobody knows.
    random_state : int, default=0
        What the view names.
    watch : callable, optional
        Called with each benchmark; False stops.
    progress : bool, default=False
        Write progress to stderr.

    Examples
    --------
    >>> import jupyter_xai as xai
    >>> rows = np.random.default_rng(0).normal(size=(40, 3))
    >>> view = xai.benchmark(
    ...     lambda X: 3 * X[:, 0] - X[:, 1],
    ...     rows[:6],
    ...     ["kernel_shap", "lime"],
    ...     ["infidelity"],
    ...     background=rows,
    ... )
    >>> view.benchmark.n_instances, view.methods
    (6, ('KernelSHAP', 'LIME'))
    """

    def __init__(
        self,
        start: Start,
        environment: Environment,
        *,
        total: int | None = None,
        random_state: int = 0,
        watch: Callable[[Benchmark], bool] | None = None,
        progress: bool = False,
    ) -> None:
        self._start, self._total, self._random_state = start, total, random_state
        super().__init__(
            environment,
            "benchmark",
            watch=watch,
            progress=progress,
            state={"summary": empty_summary(), "request": {}},
        )

    @property
    def benchmark(self) -> Benchmark:
        """The finished benchmark; waits for it."""
        return self.wait()

    def _stream(self, go_on: Callable[[], bool]) -> Iterator[Benchmark]:
        return self._start(go_on)

    def _shown(self, run: int, found: Benchmark) -> dict[str, Any]:
        return {"summary": encode_summary(found, run=run, random_state=self._random_state)}

    def _counted(self, found: Benchmark | None) -> tuple[int, int | None]:
        return 0 if found is None else found.n_instances, self._total


def empty_summary() -> Summary:
    """Make a summary with nothing in it yet, which tells the page what it will show.

    Examples
    --------
    >>> empty_summary()["methods"]
    []
    """
    return Summary(
        schema=SCHEMA_VERSION,
        run=0,
        methods=[],
        metrics=[],
        rows=0,
        verdict="",
        random_state=0,
        notices=[],
    )


def encode_summary(found: Benchmark, *, run: int = 1, random_state: int = 0) -> Summary:
    """Encode a benchmark as far as it is.

    Parameters
    ----------
    found : Benchmark
    run : int, default=1
    random_state : int, default=0

    Examples
    --------
    >>> import jupyter_xai as xai
    >>> rows = np.random.default_rng(0).normal(size=(40, 3))
    >>> made = xai.benchmark(
    ...     lambda X: X[:, 0] * X[:, 1], rows[:6], ["kernel_shap", "lime"], ["infidelity"], background=rows
    ... )
    >>> summary = encode_summary(made.benchmark)
    >>> [method["label"] for method in summary["methods"]], summary["metrics"][0]["better"]
    (['KernelSHAP', 'LIME'], 'lower')
    """
    return Summary(
        schema=SCHEMA_VERSION,
        run=int(run),
        methods=[
            SummaryMethod(
                label=text(label),
                seconds=finite(found.seconds(label)),
                why_not=text(found.why_not(label)),
            )
            for label in found.methods
        ],
        metrics=[_metric(found, name) for name in found.metrics],
        rows=int(found.n_instances),
        verdict=text(found.verdict) if found.metrics else "",
        random_state=int(random_state),
        notices=[text(notice) for notice in found.notices if notice],
    )


def _metric(found: Benchmark, name: str) -> SummaryMetric:
    means, halves, counts = found.mean(name)
    better = found.better(name)
    apart = {each.second: each for each in found.differences(name)} if better else {}
    best = next(iter(apart.values())).first if apart else ""
    winner = found.winner(name)
    cells = []
    for at, method in enumerate(found.methods):
        cell = SummaryCell(
            mean=finite(means[at]), half=finite(halves[at]), n=int(counts[at]), behind=None, behind_half=None
        )
        if method in apart:
            cell["behind"] = finite(-apart[method].mean)
            cell["behind_half"] = finite(apart[method].half_width)
        cells.append(cell)
    index = found.methods.index
    return SummaryMetric(
        name=text(name),
        better=cast(Any, better),
        unit=text(found.unit(name)),
        best=index(best) if best else -1,
        winner=index(winner) if winner else -1,
        own=text(found.own_ground(name)),
        cells=cells,
        said="" if np.isfinite(means).any() else text(found.why_no_number(name)),
    )
