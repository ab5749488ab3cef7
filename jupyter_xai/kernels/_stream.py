"""What every sampled kernel shares: when to solve, when to stop, explain and explain_batch from stream."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import nullcontext
from dataclasses import replace
from typing import Any, ClassVar, Literal, Protocol

from jupyter_xai.evaluation import Block, Evaluation, MaskEvaluation, Pool, check_batch_size
from jupyter_xai.explanation import Explanation, ExplanationBatch, State
from jupyter_xai.models.torch import WeightsChanged
from jupyter_xai.models.wrap import wrap
from jupyter_xai.params import ParamSpec, validate_all
from jupyter_xai.protocols import Kind, Masker, Opening, Predictor, Progress, Target, Watch

Clock = Callable[[], float]

AGAIN = "The model's weights changed while it was being explained: the run began again."

BLOCK = 32
"""Draws that settling counts as one independent block."""


class Gate:
    """Lets an estimate through when it is due, so that solving never dominates a run.

    The first is let through at once, a later one when ``pause`` seconds and ``share`` times the cost of the
    last one have passed since then.

    Parameters
    ----------
    clock : callable, default=time.perf_counter
    pause : float, default=0.05
        Seconds between two estimates.
    share : float, default=4.0

    Examples
    --------
    >>> times = iter([0.0, 0.1, 0.3, 0.6])
    >>> gate = Gate(clock=lambda: next(times))
    >>> gate.due()
    True
    >>> gate.open()
    >>> gate.close()  # this one took 0.1 s
    >>> gate.due(), gate.due()
    (False, True)
    """

    def __init__(self, clock: Clock = time.perf_counter, pause: float = 0.05, share: float = 4.0) -> None:
        self._clock = clock
        self._pause = pause
        self._share = share
        self._opened = 0.0
        self._cost = 0.0
        self._last: float | None = None

    def due(self) -> bool:
        """Whether it is time for another estimate."""
        if self._last is None:
            return True
        return self._clock() - self._last >= max(self._pause, self._share * self._cost)

    def open(self) -> None:
        """Note that solving begins."""
        self._opened = self._clock()

    def close(self) -> None:
        """Note that solving is done."""
        self._last = self._clock()
        self._cost = self._last - self._opened


def checkpoints(n: int) -> tuple[int, ...]:
    """Where settling is tested: after 8 blocks, then each a quarter further, whatever n or the batch size is.

    Examples
    --------
    >>> checkpoints(700)
    (256, 320, 416, 544)
    """
    found, at = [], 8 * BLOCK
    while at < n:
        found.append(at)
        at = -(-(at + at // 4) // BLOCK) * BLOCK
    return tuple(found)


class Estimator(Protocol):
    """What a kernel makes of the answers, block by block."""

    def add(self, block: Block) -> None:
        """Take in one block."""
        ...

    def opening(self) -> Opening:
        """What is known once the first draw, the instance itself, was taken in."""
        ...

    def settled(self) -> bool:
        """Whether every shown target's intervals are narrow enough."""
        ...

    def estimate(self, status: State) -> Explanation:
        """The whole estimate from what was taken in so far."""
        ...


class Answers(Protocol):
    """A run's model calls, whatever the model is asked about."""

    n_rows: int
    rows_per_eval: int

    def blocks(self, n: int, stops: tuple[int, ...] = ()) -> Iterator[Block]:
        """Answers on the first n of a sequence, one block a batch; blocks end at each of ``stops``."""
        ...


def estimates(
    evaluation: Answers,
    estimator: Estimator,
    n: int,
    *,
    tolerance: float,
    watch: Watch | None,
    gate: Gate | None,
) -> Iterator[Explanation]:
    """Run a kernel: yield estimates as they are due, the last one always.

    Parameters
    ----------
    evaluation : Answers
        As ``Evaluation`` and ``MaskEvaluation`` are.
    estimator : Estimator
    n : int
        Draws or coalitions; with a tolerance the cap.
    tolerance : float
        0 never stops early.
    watch : callable, optional
        Asked after each batch whether to go on.
    gate : Gate, optional
        None: only the last estimate is made.
    """
    tests = checkpoints(n) if tolerance > 0 else ()
    alone = (1,) if watch is not None and n > 1 else ()  # the instance by itself opens a view
    for block in evaluation.blocks(n, (*alone, *tests)):
        estimator.add(block)
        if block.opens:
            if watch is not None and not watch(
                Progress(0, 0, n, estimator.opening(), evaluation.rows_per_eval)
            ):
                yield estimator.estimate("stopped")
                return
            continue
        done = Progress(max(block.stop, 0), evaluation.n_rows, n, rows_per_eval=evaluation.rows_per_eval)
        if watch is not None and not watch(done) and block.stop < n:
            yield estimator.estimate("stopped")
            return
        if block.stop in tests and estimator.settled():
            yield estimator.estimate("settled")
            return
        if block.stop < n and gate is not None and gate.due():
            gate.open()
            estimate = estimator.estimate("running")
            gate.close()
            yield estimate
    yield estimator.estimate("settled" if tolerance == 0 or estimator.settled() else "capped")


class SampledKernel:
    """Base of the kernels that ask the model about altered copies of the instance.

    A subclass says how to begin (``_begin``); constructor, ``explain``, ``stream`` and ``explain_batch`` are
    here.
    """

    params: ClassVar[tuple[ParamSpec, ...]]
    draws_around: ClassVar[bool] = False
    """Whether it draws from the masker's neighbourhood of the instance, and not by masks alone."""
    n_targets: int = 5
    """Outputs explained when no targets are asked for."""
    clock: Clock = time.perf_counter

    model: Any
    masker: Masker
    random_state: int | None
    batch_size: int | Literal["auto"]

    def explain(self, x: Any, targets: Target | None = None, *, pool: Pool | None = None) -> Explanation:
        """Explain one instance.

        Parameters
        ----------
        x : instance
            What the masker takes: a text, a row, an image.
        targets : name, index, callable or list of these, optional
            Outputs to explain; by default all up to ``n_targets``, else the highest at the instance.
        pool : Pool, optional
            Answers to look up and keep.

        Returns
        -------
        Explanation
            Equal to the last estimate of ``stream``.

        Raises
        ------
        InputError
            If the instance or a hyper-parameter is not one we can explain.
        TargetError
            If a target does not exist.
        ModelError
            If the model raises or does not answer with scores.
        """
        with getattr(self._predictor(), "undisturbed", nullcontext)():
            (last,) = self._run(x, targets, watch=None, pool=pool, gate=None)
        return last

    def stream(
        self, x: Any, targets: Target | None = None, *, watch: Watch | None = None, pool: Pool | None = None
    ) -> Iterator[Explanation]:
        """Whole estimates, each replacing the one before; the first after the first batch.

        Closing the generator cancels within one batch. Parameters and errors as in ``explain``, and

        Parameters
        ----------
        x, targets, pool
            As in ``explain``.
        watch : callable, optional
            Called with a ``Progress`` after each batch; returning False ends the run with a "stopped"
            estimate.
        """
        return self._run(x, targets, watch=watch, pool=pool, gate=Gate(self.clock))

    def explain_batch(self, X: Iterable[Any], targets: Target | None = None) -> ExplanationBatch:
        """Explain several instances; row i equals ``explain(X[i])``.

        Parameters
        ----------
        X : DataFrame, array or iterable of instances
        targets : optional
            As in ``explain``.
        """
        return ExplanationBatch([self.explain(x, targets) for x in instances(X)])

    def _run(
        self, x: Any, targets: Target | None, *, watch: Watch | None, pool: Pool | None, gate: Gate | None
    ) -> Iterator[Explanation]:
        predictor = self._predictor()
        try:
            yield from self._once(x, targets, predictor, watch=watch, pool=pool, gate=gate)
        except WeightsChanged:  # a model that is being trained: once more, then it is said
            if pool is not None:
                pool.forget(predictor.key)
            for estimate in self._once(x, targets, predictor, watch=watch, pool=pool, gate=gate):
                yield replace(estimate, notices=(*estimate.notices, AGAIN))

    def _once(
        self,
        x: Any,
        targets: Target | None,
        predictor: Predictor,
        *,
        watch: Watch | None,
        pool: Pool | None,
        gate: Gate | None,
    ) -> Iterator[Explanation]:
        with predictor.run():
            evaluation, estimator, n, tolerance = self._begin(
                x, targets, predictor, pool, live=gate is not None
            )
            yield from estimates(evaluation, estimator, n, tolerance=tolerance, watch=watch, gate=gate)

    def _predictor(self) -> Predictor:
        """The model as a predictor, made once for each model."""
        kept = self.__dict__.get("_wrapped")
        if kept is None or kept[0] is not self.model:
            kept = (self.model, wrap(self.model, kind=self._kind()))
            self.__dict__["_wrapped"] = kept
        predictor: Predictor = kept[1]
        return predictor

    def _kind(self) -> Kind:
        return self.masker.kind

    def _chosen(self) -> dict[str, Any]:
        """The hyper-parameters by name, each checked by its spec, and the batch size with them."""
        check_batch_size(self.batch_size)
        return validate_all(self.params, {spec.name: getattr(self, spec.name) for spec in self.params})

    def __getstate__(self) -> dict[str, Any]:
        """Pickle the arguments alone; the predictor is made again."""
        return {name: value for name, value in self.__dict__.items() if name != "_wrapped"}

    def _begin(
        self, x: Any, targets: Target | None, predictor: Predictor, pool: Pool | None, *, live: bool
    ) -> tuple[Evaluation | MaskEvaluation, Estimator, int, float]:
        """Evaluation, estimator, number of draws and tolerance of one run."""
        raise NotImplementedError


def instances(X: Any) -> Iterator[Any]:
    """Rows of a DataFrame as 1-row DataFrames (so that types are kept), else the items.

    Examples
    --------
    >>> list(instances(["a", "b"]))
    ['a', 'b']
    """
    if hasattr(X, "iloc") and hasattr(X, "columns"):
        return (X.iloc[[i]] for i in range(len(X)))
    return iter(X)


def plain(value: Any) -> Any:
    """A hyper-parameter in a plain value; an object by its name or its type's.

    Examples
    --------
    >>> plain(0.5), plain(len), plain(object())
    (0.5, 'len', 'object')
    """
    if isinstance(value, str | int | float | bool) or value is None:
        return value
    return getattr(value, "__name__", type(value).__name__)


def masker_params(masker: Masker) -> dict[str, Any]:
    """Hyper-parameters of the masker in plain values."""
    return {spec.name: plain(getattr(masker, spec.name)) for spec in masker.params}
