"""``xai.benchmark``: several methods over many rows, on any executor."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from jupyter_xai.comparing.run import Asked
from jupyter_xai.comparing.stage import Interrupted
from jupyter_xai.comparing.summary import BenchmarkView
from jupyter_xai.comparing.table import Benchmark, Record
from jupyter_xai.dataset._rows import Chunk, listed
from jupyter_xai.dataset._workers import parts_of
from jupyter_xai.errors import InputError, XaiError
from jupyter_xai.inputs import seed
from jupyter_xai.widget.environment import read_environment


def benchmark(
    model: Any,
    rows: Any,
    methods: Any = None,
    metrics: Any = "default",
    executor: Any = None,
    masker: Any = None,
    background: Any = None,
    baseline: Any = None,
    targets: Any = None,
    n_targets: int = 1,
    output: str = "auto",
    feature_names: Sequence[str] | None = None,
    output_names: Sequence[str] | None = None,
    random_state: int | None = 0,
    batch_size: int | str = "auto",
    *,
    watch: Callable[[Benchmark], bool] | None = None,
    progress: bool = False,
    headless: bool | None = None,
    **params: Any,
) -> BenchmarkView:
    """Judge methods over many rows, and name a winner only where the rows bear it out.

    Parameters
    ----------
    model, methods, metrics, masker, background, baseline, targets, n_targets, output, feature_names, output_names, \
random_state, batch_size
        As for ``compare``; by default each row's highest output is explained.
    rows : DataFrame, array, list of texts, list or array of images, or generator of rows
        A table is its own background if none is given.
    executor : concurrent.futures.Executor or int, optional
        Threads, processes, a Dask cluster's ``client.get_executor()``, or a number of processes; results come in the
        order
        of the rows and are the same whatever it is. None: this thread.
    watch : callable, optional
        Called with the benchmark so far after each row; False stops.
    progress : bool, default=False
        Write the number of rows that are done to stderr, for scripts.
    headless : bool, optional
        True: finish before showing. None: found out.
    **params : object
        Hyper-parameters, each for the methods (or the masker) that know it.

    Returns
    -------
    BenchmarkView
        Shows itself as the last expression of a cell, and its table fills there row by row. It has all that a
        ``Benchmark`` has, which is ``view.benchmark``: ``frame``, ``summary()``, ``winner(metric)``, ``differences``.
        Stop and an interrupt keep the rows that are done. A row on which the model or the masker fails is left out,
        which a notice says; if it is the first one the error is raised.

    Raises
    ------
    InputError
        For an unknown method, metric or hyper-parameter, or if there are no rows.

    Examples
    --------
    >>> import jupyter_xai as xai
    >>> rows = np.random.default_rng(0).normal(size=(40, 3))
    >>> found = xai.benchmark(
    ...     lambda X: 3 * X[:, 0] - X[:, 1] + X[:, 2],
    ...     rows[:8],
    ...     ["kernel_shap", "lime"],
    ...     ["infidelity"],
    ...     background=rows,
    ... )
    >>> found.winner("infidelity")
    'KernelSHAP'
    """
    if background is None and masker is None and _is_table(rows):
        background = rows
    asked = Asked(
        model=model,
        methods=methods,
        metrics=metrics,
        masker=masker,
        background=background,
        baseline=baseline,
        targets=targets,
        n_targets=n_targets,
        output=output,
        feature_names=feature_names,
        output_names=output_names,
        random_state=0 if random_state is None else seed(random_state),
        batch_size=batch_size,
        params=params,
    )
    if isinstance(rows, str | bytes | dict):
        raise InputError(
            f"The rows are a {type(rows).__name__}: expected several instances. For one there is xai.compare."
        )
    environment = read_environment(headless)
    view = BenchmarkView(
        lambda go_on: stream_benchmark(asked, rows, executor, go_on),
        environment,
        total=len(rows) if hasattr(rows, "__len__") else None,
        random_state=asked.random_state,
        watch=watch,
        progress=progress,
    )
    if not environment.interactive:
        view.wait()
    return view


def stream_benchmark(
    asked: Asked, rows: Any, executor: Any = None, go_on: Callable[[], bool] | None = None
) -> Iterator[Benchmark]:
    """Benchmarks of the rows so far, one more row each; the last one is settled, or stopped.

    Parameters
    ----------
    asked : Asked
    rows, executor
        As for ``benchmark``.
    go_on : callable, optional
        Asked between rows, and in this thread between model calls; False ends it.

    Raises
    ------
    InputError
        If there are no rows.
    """
    chunks = (Chunk(at, at, [row]) for at, row in enumerate(_instances(rows)))
    going = go_on or _always
    records: list[Record] = []
    notices: list[str] = []
    last: Benchmark | None = None
    ended = False
    try:
        for found in parts_of(_Row(asked, going), chunks, executor, going):
            if last is not None:
                yield last
            new, (methods, kernels), metrics, space, said = found
            records += new
            notices = list(dict.fromkeys([*notices, *said]))
            names = last.metrics if last is not None else ()
            last = Benchmark(
                records=tuple(records),
                methods=methods or (last.methods if last is not None else ()),
                metrics=tuple(dict.fromkeys([*names, *metrics])),
                n_instances=1 if last is None else last.n_instances + 1,
                status="running",
                kernels=kernels or (last.kernels if last is not None else ()),
                space=space or (last.space if last is not None else ""),
                notices=tuple(notices),
            )
        ended = going()
    except Interrupted:
        pass
    if last is not None:
        ended = ended or (hasattr(rows, "__len__") and last.n_instances == len(rows))
        yield replace(last, status="settled" if ended else "stopped")
    elif going():
        raise InputError("There are no rows: expected at least one. Pass the rows to judge the methods on.")


def _always() -> bool:
    return True


class _Row:
    """What a worker does to one row."""

    def __init__(self, asked: Asked, go_on: Callable[[], bool] | None = None) -> None:
        self._asked, self._go_on = asked, go_on

    def owned(self) -> _Row:
        """The same: every row makes predictors of its own."""
        return self

    def __getstate__(self) -> dict[str, Any]:
        """Whether to go on is asked here, not in another process."""
        return {"_asked": self._asked, "_go_on": None}

    def __call__(self, chunk: Chunk) -> Any:
        """Compare the methods on the row, and keep the numbers."""
        (x,) = chunk.rows
        try:
            *_, last = self._asked.stream(x, go_on=self._go_on)
            if last.status == "stopped":
                raise Interrupted
        except XaiError as error:
            if chunk.start == 0:  # most likely what was asked for, not the row
                raise
            return [], ((), ()), (), "", [f"Row {chunk.start} was left out: {error}"]
        records, metrics = [], []
        for entry in last.entries:
            cost = (entry.seconds, entry.n_rows)
            if not entry.measures:
                records.append(
                    Record(
                        chunk.start, entry.label, "", "", np.nan, np.nan, "", "", *cost, note=entry.why_not
                    )
                )
            for name, measure in entry.measures.items():
                metrics.append(name)
                halves = measure.half_widths
                for out, output in enumerate(measure.output_names):
                    value = float(measure.values[out])
                    half = np.nan if halves is None else float(halves[out])
                    floor = 0.0 if measure.floor is None else float(measure.floor[out])
                    note = "" if np.isfinite(value) or not measure.notices else measure.notices[-1]
                    records.append(
                        Record(
                            chunk.start,
                            entry.label,
                            output,
                            name,
                            value,
                            half,
                            measure.better,
                            measure.unit,
                            *cost,
                            note,
                            floor,
                        )
                    )
        said = [f"{entry.label}: {entry.why_not}" for entry in last.entries if entry.why_not]
        methods = tuple(entry.label for entry in last.entries), tuple(entry.name for entry in last.entries)
        return records, methods, metrics, last.space, [last.space_reason, *said, *last.notices]


def _is_table(rows: Any) -> bool:
    """Whether the rows are a table in memory."""
    frame = hasattr(rows, "iloc") and hasattr(rows, "columns")
    return frame or len(getattr(rows, "shape", ())) == 2


def _instances(rows: Any) -> Iterator[Any]:
    """One instance after the other; rows of a DataFrame as 1-row frames, so that types are kept."""
    if hasattr(rows, "iloc") and hasattr(rows, "columns"):
        return (rows.iloc[[at]] for at in range(len(rows)))
    if hasattr(rows, "shape"):
        return iter(rows)
    return iter(listed(rows))
