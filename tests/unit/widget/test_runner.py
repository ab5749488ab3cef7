"""The runner with fake clocks and fake explainers: newest wins, one worker, every job ends in one way."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from jupyter_xai.explanation import Columns, Explanation
from jupyter_xai.protocols import Progress, Watch
from jupyter_xai.widget.runner import Job, Runner

ROW = Columns(names=("a",), values=(1,), kinds=("number",), members=((0,),))


def estimate(n: int, status: str = "running") -> Explanation:
    return Explanation(
        values=np.array([[float(n)]]),
        features=ROW,
        output_names=("y",),
        predictions=np.zeros(1),
        n_evals=n,
        status=status,  # type: ignore[arg-type]
    )


class Events:
    """Records what the runner reports."""

    def __init__(self) -> None:
        self.log: list[tuple[Any, ...]] = []
        self.ended = threading.Event()

    def started(self, run: int) -> None:
        self.log.append(("started", run))

    def opened(self, run: int, opening: Any) -> None:
        self.log.append(("opened", run))

    def progressed(self, run: int, progress: Progress, seconds: float) -> None:
        self.log.append(("progressed", run, progress.n_evals))

    def estimated(self, run: int, estimate: Explanation, seconds: float) -> None:
        self.log.append(("estimated", run, estimate.n_evals))

    def finished(self, run: int, estimate: Explanation | None, seconds: float) -> None:
        self.log.append(("finished", run, estimate.status if estimate else None))
        self.ended.set()

    def failed(self, run: int, error: BaseException, seconds: float) -> None:
        self.log.append(("failed", run, str(error)))
        self.ended.set()

    def cancelled(self, run: int) -> None:
        self.log.append(("cancelled", run))

    def of(self, kind: str) -> list[tuple[Any, ...]]:
        return [event[1:] for event in self.log if event[0] == kind]


class Clock:
    """A clock that moves only when told."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def batches(
    total: int, clock: Clock | None = None, seconds: float = 0.0, gate: Callable[[int], None] = lambda n: None
) -> Callable[[Watch], Iterator[Explanation]]:
    """A fake explainer: one estimate a batch, ``seconds`` each; honours the watch."""

    def start(watch: Watch) -> Iterator[Explanation]:
        for n in range(1, total + 1):
            gate(n)
            if clock is not None:
                clock.now += seconds
            going = watch(Progress(n, n, total))
            done = n == total
            yield estimate(n, "settled" if done else "running" if going else "stopped")
            if not going:
                return

    return start


def inline(function: Callable[[], None]) -> None:
    function()


def test_fast_estimates_are_thinned_to_twenty_a_second_and_the_last_always_comes() -> None:
    clock, events = Clock(), Events()
    Runner(events, clock=clock, spawn=inline).submit(Job(1, batches(1000, clock, 0.001)))
    shown = [n for _, n in events.of("estimated")]
    assert shown[0] == 1
    assert shown[-1] == 1000
    assert len(shown) <= 22  # one second at 20 a second, the first and the last
    assert len(events.of("progressed")) <= 22
    assert events.of("finished") == [(1, "settled")]


def test_slow_estimates_all_come() -> None:
    clock, events = Clock(), Events()
    Runner(events, clock=clock, spawn=inline).submit(Job(1, batches(7, clock, 0.2)))
    assert events.of("estimated") == [(1, n) for n in range(1, 8)]


def test_newest_wins_and_the_stale_one_ends_within_a_batch() -> None:
    events, entered, go = Events(), threading.Event(), threading.Event()
    seen: list[int] = []

    def gate(n: int) -> None:
        seen.append(n)
        entered.set()
        assert go.wait(10)

    runner = Runner(events)
    runner.submit(Job(1, batches(100, gate=gate)))
    assert entered.wait(10)
    runner.submit(Job(2, batches(3)))
    runner.submit(Job(3, batches(3)))
    go.set()
    assert runner.wait(10)
    assert seen == [1]  # the batch under way was the last
    assert sorted(events.of("cancelled")) == [(1,), (2,)]
    assert ("started", 2) not in events.log
    assert events.of("finished") == [(3, "settled")]


def test_stop_gives_the_partial_estimate_of_the_batch_under_way() -> None:
    events, entered, go = Events(), threading.Event(), threading.Event()

    def gate(n: int) -> None:
        if n == 3:
            entered.set()
            assert go.wait(10)

    runner = Runner(events)
    runner.submit(Job(1, batches(100, gate=gate)))
    assert entered.wait(10)
    runner.stop()
    go.set()
    assert runner.wait(10)
    assert events.of("finished") == [(1, "stopped")]
    assert events.of("estimated")[-1] == (1, 3)


def test_an_exception_is_reported_and_the_next_job_runs() -> None:
    events = Events()

    def broken(_: Watch) -> Iterator[Explanation]:
        yield estimate(1)
        raise ValueError("no such column")

    runner = Runner(events)
    runner.submit(Job(1, broken))
    assert runner.wait(10)
    runner.submit(Job(2, batches(2)))
    assert runner.wait(10)
    assert events.of("failed") == [(1, "no such column")]
    assert events.of("estimated")[0] == (1, 1)  # the last good picture
    assert events.of("finished") == [(2, "settled")]


def test_an_exception_of_a_cancelled_job_is_nobodys_business() -> None:
    events, entered, go = Events(), threading.Event(), threading.Event()

    def broken(_: Watch) -> Iterator[Explanation]:
        entered.set()
        assert go.wait(10)
        raise ValueError("late")
        yield

    runner = Runner(events)
    runner.submit(Job(1, broken))
    assert entered.wait(10)
    runner.cancel()
    go.set()
    assert runner.wait(10)
    assert events.of("failed") == []
    assert events.of("cancelled") == [(1,)]


def test_a_thousand_requests_leave_one_running_and_one_waiting() -> None:
    events = Events()
    running = 0
    most = 0
    lock = threading.Lock()

    def job(watch: Watch) -> Iterator[Explanation]:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        try:
            yield from batches(3)(watch)
        finally:
            with lock:
                running -= 1

    runner = Runner(events)
    for run in range(1, 1001):
        runner.submit(Job(run, job))
    assert runner.wait(20)
    assert most == 1
    ends = [run for run, *_ in events.of("finished") + events.of("cancelled")]
    assert sorted(ends) == list(range(1, 1001))  # every request ends, once
    assert events.of("finished")[-1] == (1000, "settled")
    order = [run for run, _ in events.of("estimated")]
    assert order == sorted(order)  # nothing older after something newer


def test_without_threads_the_event_loop_steps_the_same_generator(monkeypatch: pytest.MonkeyPatch) -> None:
    import asyncio

    def refuse(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    events = Events()

    async def main() -> list[str]:
        monkeypatch.setattr(threading.Thread, "start", refuse)
        runner = Runner(events)
        runner.submit(Job(1, batches(5)))
        between = []
        while runner.busy:
            between.append("tick")
            await asyncio.sleep(0)
        return between

    ticks = asyncio.run(main())
    assert len(ticks) >= 3  # the loop ran between estimates
    assert events.of("finished") == [(1, "settled")]


def test_without_threads_or_a_loop_it_just_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    events = Events()
    runner = Runner(events)
    runner.submit(Job(1, batches(5)))
    assert runner.wait(0)
    assert events.of("finished") == [(1, "settled")]


def test_wait_times_out() -> None:
    go = threading.Event()
    runner = Runner(Events())
    runner.submit(Job(1, batches(1, gate=lambda n: go.wait(10) and None)))
    assert not runner.wait(0.05)
    go.set()
    assert runner.wait(10)


def test_a_model_that_exits_is_reported_and_what_waits_runs() -> None:
    events, entered, go = Events(), threading.Event(), threading.Event()

    def leaves(_: Watch) -> Iterator[Explanation]:
        entered.set()
        assert go.wait(10)
        raise SystemExit(3)
        yield

    runner = Runner(events)
    runner.submit(Job(1, leaves))
    assert entered.wait(10)
    go.set()
    assert runner.wait(10)
    assert events.of("failed") == [(1, "3")]
    runner.submit(Job(2, batches(2)))
    assert runner.wait(10)
    assert events.of("finished") == [(2, "settled")]


def test_a_listener_that_fails_does_not_end_the_worker() -> None:
    class Broken(Events):
        def failed(self, run: int, error: BaseException, seconds: float) -> None:
            super().failed(run, error, seconds)
            raise RuntimeError("the page is gone")

    def broken(_: Watch) -> Iterator[Explanation]:
        raise ValueError("no")
        yield

    events = Broken()
    runner = Runner(events)
    runner.submit(Job(1, broken))
    assert runner.wait(10)
    runner.submit(Job(2, batches(2)))
    assert runner.wait(10)
    assert events.of("finished") == [(2, "settled")]


def test_a_job_submitted_as_the_worker_leaves_is_never_lost() -> None:
    events = Events()
    runner = Runner(events)
    for run in range(1, 400):
        runner.submit(Job(run, batches(1)))
        if run % 3 == 0:
            assert runner.wait(10)
    assert runner.wait(10)
    assert len(events.of("finished")) + len(events.of("cancelled")) == 399
    assert events.of("finished")[-1] == (399, "settled")
