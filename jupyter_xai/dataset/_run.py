"""What every kernel over rows shares: chunks to workers and back in order, estimates when they are due, Stop."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from contextlib import closing
from dataclasses import replace
from typing import Any, ClassVar, Protocol

from jupyter_xai.dataset._rows import Chunk, chunks, total
from jupyter_xai.dataset._workers import parts_of
from jupyter_xai.explanation import GlobalExplanation, State
from jupyter_xai.kernels._stream import Clock, Gate, plain
from jupyter_xai.params import ParamSpec, validate_all
from jupyter_xai.protocols import Kind, Progress, Target, Watch


class Reduction(Protocol):
    """Running sums over rows: it can be pickled, and merging is as good as having seen all rows.

    ``update`` takes in what the kernel makes of some rows.
    """

    n_rows: int

    def update(self, found: Any) -> None:
        """Take in what was found in some rows."""
        ...

    def merge(self, other: Any) -> None:
        """Take in a reduction of later rows."""
        ...

    def estimate(self, status: State = "settled") -> GlobalExplanation:
        """The whole estimate over the rows so far."""
        ...


class DatasetKernel:
    """Base of the kernels over rows. A subclass says what is found in a chunk, and how it is reduced."""

    method: ClassVar[str]
    params: ClassVar[tuple[ParamSpec, ...]]
    n_targets: int = 20
    """Outputs explained when no targets are asked for: of more, each row's highest."""
    clock: Clock = time.perf_counter
    first_rows: ClassVar[int] = 1
    random_state: int | None

    def reduction(self) -> Reduction:
        """An empty reduction."""
        raise NotImplementedError

    def measure(self, chunk: Chunk, targets: Target | None) -> Any:
        """What the reduction takes in of some rows: where the model is called."""
        raise NotImplementedError

    def owned(self) -> DatasetKernel:
        """The kernel with a predictor of its own, for one worker."""
        return self

    @property
    def kind(self) -> Kind | None:
        """What a row is, None if it is read off the rows."""
        return None

    @property
    def most_rows(self) -> int:
        """Rows a chunk at most."""
        return 8

    @property
    def concurrent(self) -> bool:
        """Whether the model may be called by several threads at once, and gains by it."""
        return False

    def chunk_rows(self, rows: Any) -> int:  # noqa: ARG002 - some go by the size of a row
        """Rows a chunk at most, seen the first ones."""
        return self.most_rows

    def prepared(self, chunk: Chunk, targets: Target | None) -> DatasetKernel:  # noqa: ARG002 - what some go by
        """The kernel as one run needs it: with one set of weights, and what the first rows settle."""
        return self

    def _said(self) -> dict[str, Any]:
        """Hyper-parameters in plain values."""
        return {spec.name: plain(getattr(self, spec.name)) for spec in self.params}

    def _before(self, total_rows: int | None) -> tuple[str, ...]:  # noqa: ARG002 - what is told before rows are read
        return ()

    def part(self, chunk: Chunk, targets: Target | None) -> Reduction:
        """Reduce one chunk: what a worker does."""
        reduced = self.reduction()
        reduced.update(self.measure(chunk, targets))
        return reduced

    def explain(
        self, rows: Any, targets: Target | None = None, *, executor: Executor | int | None = None
    ) -> GlobalExplanation:
        """Go over all rows.

        Parameters
        ----------
        rows : DataFrame, array, tensor, sequence, generator or DataLoader
            Instances or batches of them, read once, in order.
        targets : name, index, callable or list of these, optional
            Outputs to explain; by default all up to ``n_targets``, else each row's highest.
        executor : concurrent.futures.Executor or int, optional
            Where rows are explained: threads, processes, a Dask cluster's ``client.get_executor()``, or a number of
            processes that are started for this. None: threads where the model can be called by several at once.

        Returns
        -------
        GlobalExplanation
            The same whatever the executor.

        Raises
        ------
        InputError, TargetError, ModelError, CannotExplainError
        """
        (last,) = self._run(rows, targets, None, executor, None)
        return last

    def stream(
        self,
        rows: Any,
        targets: Target | None = None,
        *,
        watch: Watch | None = None,
        executor: Executor | int | None = None,
    ) -> Iterator[GlobalExplanation]:
        """Whole estimates over the rows so far, each replacing the one before; the first after the first chunk.

        Closing the generator cancels what no worker has begun. Parameters and errors as in ``explain``, and

        Parameters
        ----------
        rows, targets, executor
            As in ``explain``.
        watch : callable, optional
            Called with a ``Progress`` in rows of the data after each chunk and every tenth of a second while workers
            are busy; returning False ends the run with a "stopped" estimate of the rows so far.
        """
        return self._run(rows, targets, watch, executor, Gate(self.clock, pause=0.2))

    def _run(
        self,
        rows: Any,
        targets: Target | None,
        watch: Watch | None,
        executor: Executor | int | None,
        gate: Gate | None,
    ) -> Iterator[GlobalExplanation]:
        validate_all(self.params, {spec.name: getattr(self, spec.name) for spec in self.params})
        count = total(rows)
        cut = chunks(
            rows, self.kind, self.first_rows, lambda some: max(self.first_rows, self.chunk_rows(some))
        )
        first = next(cut)
        kernel = self.prepared(first, targets)
        notices = self._before(count)
        sofar: Any = None

        def estimate(status: State) -> GlobalExplanation:
            found: GlobalExplanation = (kernel.reduction() if sofar is None else sofar).estimate(status)
            return replace(
                found,
                method=self.method,
                params=self._said(),
                random_state=self.random_state,
                total_rows=count,
                notices=(*notices, *found.notices),
            )

        stopped = False

        def go_on() -> bool:
            nonlocal stopped
            done = 0 if sofar is None else sofar.n_rows
            stopped = stopped or (watch is not None and not watch(Progress(done, done, count)))
            return not stopped

        work, cut = _Work(kernel, targets), itertools.chain([first], cut)
        with closing(parts_of(work, cut, executor, go_on, threads=self.concurrent)) as parts:
            for part in parts:
                if sofar is None:
                    sofar = part
                else:
                    sofar.merge(part)
                if not go_on():
                    break
                if gate is not None and gate.due() and sofar.n_rows != count:
                    gate.open()
                    found = estimate("running")
                    gate.close()
                    yield found
        yield estimate("stopped" if stopped and (sofar is None or sofar.n_rows != count) else "settled")


class _Work:
    """What is done to each chunk; in a thread by a copy that owns its predictor."""

    def __init__(self, kernel: DatasetKernel, targets: Target | None) -> None:
        self.kernel, self.targets = kernel, targets

    def __call__(self, chunk: Chunk) -> Reduction:
        return self.kernel.part(chunk, self.targets)

    def owned(self) -> Callable[[Chunk], Reduction]:
        return _Work(self.kernel.owned(), self.targets)
