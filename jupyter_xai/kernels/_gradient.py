"""What every gradient kernel shares: from a network and an instance to explanations, batch by batch.

A kernel says how attributions come about in ``_attribute(run)``, a generator of ``Attribution``. The run holds

* ``points``: what is explained, a list of tensors (instances, ...): floating inputs, then outputs of embeddings;
* ``baselines(start, stop)`` and ``background(rows)``: the same of the reference inputs, a row for each instance or for
  each of these rows;
* ``function(owners)``: scores (n, targets) as a function of points with n rows, of which row i is a variant of instance
  ``owners[i]``. Its parameters need no gradients, it may be called under any mode, on tensors of the network's dtype;
* ``over(n, work)``: calls ``work(start, stop)`` for stretches of n rows that fit a batch, halves them where memory runs
  out, counts rows and asks the watch.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from jupyter_xai.explanation import Explanation, ExplanationBatch, Layout, State, Unexplained
from jupyter_xai.kernels._inputs import Given, fold, read, unexplainable
from jupyter_xai.kernels._run import Run, Stopped
from jupyter_xai.kernels._stream import AGAIN, Clock, Gate, instances
from jupyter_xai.models.torch import WeightsChanged
from jupyter_xai.models.wrap import wrap
from jupyter_xai.params import ParamSpec, validate_all
from jupyter_xai.protocols import Target, Watch


@dataclass(frozen=True, eq=False)
class Attribution:
    """One whole estimate of a kernel.

    Parameters
    ----------
    values : list of Tensor
        For each point (instances, targets, *point shape).
    base_values : Tensor of shape (instances, targets), optional
        Where values are meant to add up from; None: they do not add up.
    std_errors : list of Tensor, optional
        Like ``values``; with an embedding's axis of one entry, those of the sums along it.
    n_evals, total : int
        Passes this estimate rests on, and how many are expected.
    unexplained : tuple of Unexplained
    notices : tuple of str
    settled : bool
    params : dict
        Hyper-parameters as they were resolved.
    interactions : list of ndarray, optional
        For each instance (targets, features, features).
    """

    values: list[Tensor]
    base_values: Tensor | None = None
    std_errors: list[Tensor] | None = None
    n_evals: int = 1
    total: int = 1
    unexplained: tuple[Unexplained, ...] = ()
    notices: tuple[str, ...] = ()
    settled: bool = True
    params: dict[str, Any] = field(default_factory=dict)
    interactions: list[NDArray[np.float64]] | None = None


class GradientKernel:
    """Base of the kernels that differentiate a network. A subclass has ``method``, ``params`` and ``_attribute``."""

    method: ClassVar[str]
    params: ClassVar[tuple[ParamSpec, ...]]
    additive: ClassVar[bool] = False
    value_unit: ClassVar[str] = ""
    """Unit of the values; empty: that of what is explained."""
    n_targets: int = 5
    clock: Clock = time.perf_counter

    model: Any
    inputs: Any
    random_state: int | None
    batch_size: int | Literal["auto"]

    def _attribute(self, run: Run) -> Iterator[Attribution]:
        """Whole estimates, the last one final."""
        raise NotImplementedError

    def _seen(self, layout: Layout) -> Layout:
        """What the values are of, where that is not the input as it is."""
        return layout

    def _fold(
        self, values: NDArray[np.float64], layout: Layout, masker: Any, role: str
    ) -> NDArray[np.float64]:
        """Values of one input as its features have them."""
        return fold(values, layout, masker, role)

    def explain(self, x: Any, targets: Target | None = None) -> Explanation:
        """Explain one instance.

        Parameters
        ----------
        x : array, tensor, row, or tuple or dict of these
            Without a batch axis, or with one of one row; what the masker takes where ``inputs`` is one.
        targets : name, index, tuple of int, callable, "reconstruction_error" or list of these, optional
            Outputs to explain; by default all up to ``n_targets``, else the highest. A callable takes the network's
            scores as a tensor (n, outputs) and returns (n,).

        Returns
        -------
        Explanation
            Equal to the last estimate of ``stream``.

        Raises
        ------
        InputError, TargetError, ModelError, CannotExplainError
        """
        (last,) = self._run([x], targets, watch=None, gate=None)
        return last[0]

    def stream(
        self, x: Any, targets: Target | None = None, *, watch: Watch | None = None
    ) -> Iterator[Explanation]:
        """Whole estimates, each replacing the one before; closing the generator cancels within one batch.

        Parameters and errors as in ``explain``, and

        Parameters
        ----------
        x, targets
            As in ``explain``.
        watch : callable, optional
            Called with a ``Progress`` after each batch; returning False ends the run with a "stopped" estimate.
        """
        for found in self._run([x], targets, watch=watch, gate=Gate(self.clock)):
            yield found[0]

    def explain_batch(self, X: Iterable[Any], targets: Target | None = None) -> ExplanationBatch:
        """Explain several instances, many rows a pass; row i equals ``explain(X[i])``.

        Parameters
        ----------
        X : array, tensor, DataFrame or iterable of instances
        targets : optional
            As in ``explain``; by default the highest outputs of the first instance.
        """
        rows, found = list(instances(X)), list[Explanation]()
        for group in self._alike(rows):
            (last,) = self._run(group, targets, watch=None, gate=None)
            found += last
        return ExplanationBatch(found)

    def _alike(self, rows: Sequence[Any]) -> Iterator[list[Any]]:
        """Neighbouring instances of one form with the same masks and lengths, which may share a pass."""
        predictor = self._predictor()
        before: tuple[Any, ...] | None = None
        group: list[Any] = []
        for x in rows:
            parts = read(
                x, self.inputs, predictor, predictor.snapshot().module, getattr(self, "fixed", ())
            ).parts
            form = tuple(
                (part.role, part.value.shape, part.value.tolist() if part.role == "fixed" else None)
                for part in parts
            )
            if group and form != before:
                yield group
                group = []
            group, before = [*group, x], form
        if group:
            yield group

    def _run(
        self, xs: Sequence[Any], targets: Target | None, *, watch: Watch | None, gate: Gate | None
    ) -> Iterator[list[Explanation]]:
        predictor = self._predictor()
        try:
            yield from self._once(xs, targets, predictor, watch, gate)
        except WeightsChanged:  # a model that is being trained: once more, then it is said
            for found in self._once(xs, targets, predictor, watch, gate):
                yield [replace(each, notices=(*each.notices, AGAIN)) for each in found]

    def _once(
        self,
        xs: Sequence[Any],
        targets: Target | None,
        predictor: Any,
        watch: Watch | None,
        gate: Gate | None,
    ) -> Iterator[list[Explanation]]:
        validate_all(self.params, {spec.name: getattr(self, spec.name) for spec in self.params})
        with predictor.run():
            module = predictor.snapshot().module
            given = [read(x, self.inputs, predictor, module, getattr(self, "fixed", ())) for x in xs]
            with torch.random.fork_rng(devices=[]):
                run = Run(self, given, predictor, targets, watch)
                if not run.open():
                    yield self._explained(run, given, self._nothing(run), "stopped")
                    return
                yield from self._estimates(run, given, gate)

    def _estimates(self, run: Run, given: Sequence[Given], gate: Gate | None) -> Iterator[list[Explanation]]:
        last = self._nothing(run)
        shown = False
        try:
            for last in self._attribute(run):
                shown = gate is not None and gate.due() and run.n_evals < run.total
                if shown and gate is not None:
                    gate.open()
                    found = self._explained(run, given, last, "running")
                    gate.close()
                    yield found
        except Stopped:
            done = run.n_evals >= run.total
            yield self._explained(run, given, last, _end(last) if done else "stopped")
            return
        yield self._explained(run, given, last, _end(last))

    def _nothing(self, run: Run) -> Attribution:
        """What is known before the first pass."""
        zeros = [
            torch.zeros(len(point), run.n_targets, *point.shape[1:], dtype=point.dtype, device=point.device)
            for point in run.points
        ]
        return Attribution(zeros, run.scores() if self.additive else None, n_evals=0)

    def _explained(
        self, run: Run, given: Sequence[Given], found: Attribution, status: State
    ) -> list[Explanation]:
        params = {spec.name: _said(getattr(self, spec.name)) for spec in self.params} | found.params
        names = self._predictor().output_names
        values = _by_part(run, given, found.values, self._fold)
        errors = None if found.std_errors is None else _by_part(run, given, found.std_errors, self._fold)
        vectors = _vectors(run, given[0], found.values)
        scores, outputs = run.scores().double().cpu().numpy(), run.outputs.double().cpu().numpy()
        bases = None if found.base_values is None else found.base_values.double().cpu().numpy()
        return [
            Explanation(
                values=values[i],
                features=self._seen(each.layout),
                output_names=run.targets.names,
                predictions=scores[i],
                targets=run.targets.explained,
                std_errors=None if errors is None else errors[i],
                base_values=None if bases is None else bases[i],
                additive=bases is not None,
                unexplained=found.unexplained,
                vectors=None if vectors is None else vectors[i],
                interactions=None if found.interactions is None else found.interactions[i],
                output_unit=run.unit,
                value_unit=self.value_unit or run.unit,
                method=self.method,
                params=params,
                random_state=self.random_state,
                n_evals=found.n_evals,
                n_rows=run.n_rows,
                forecast_evals=found.total,
                all_output_names=names if run.targets.explained else None,
                all_predictions=outputs[i] if run.targets.explained else None,
                status=status,
                notices=(*each.notices, *run.notices, *found.notices),
            )
            for i, each in enumerate(given)
        ]

    def _predictor(self) -> Any:
        """The network as a predictor, made once for each model."""
        kept = self.__dict__.get("_wrapped")
        if kept is None or kept[0] is not self.model:
            kept = (self.model, wrap(self.model, kind=getattr(self.inputs, "kind", "image")))
            if not hasattr(kept[1], "snapshot"):
                raise unexplainable(kept[1], type(self).__name__)
            self.__dict__["_wrapped"] = kept
        return kept[1]

    def __getstate__(self) -> dict[str, Any]:
        """Pickle the arguments alone; the predictor is made again."""
        return {name: value for name, value in self.__dict__.items() if name != "_wrapped"}


def _end(last: Attribution) -> State:
    return "settled" if last.settled else "capped"


def _said(value: Any) -> Any:
    plain = isinstance(value, str | int | float | bool) or value is None
    return value if plain else getattr(value, "__name__", type(value).__name__)


def _vectors(run: Run, given: Given, values: Sequence[Tensor]) -> NDArray[np.float64] | None:
    """Attributions to the embeddings of token ids, (instances, outputs, ids, embedding).

    None where there is no such input, or several.
    """
    owners = {part for part in run.owners_of if given.parts[part].role == "ids"}
    if len(owners) != 1:
        return None
    mine = [
        value.detach().double().cpu().numpy()
        for value, part in zip(values, run.owners_of, strict=True)
        if part in owners
    ]
    found: NDArray[np.float64] = np.sum(mine, axis=0)
    width = next(
        point.shape[-1] for point, part in zip(run.points, run.owners_of, strict=True) if part in owners
    )
    return found if found.ndim == 4 and found.shape[-1] == width else None


def _by_part(
    run: Run, given: Sequence[Given], values: Sequence[Tensor], fold: Callable[..., NDArray[np.float64]]
) -> list[Any]:
    """For each instance its values by input: one array, or a tuple where several inputs are explained."""
    shaped: dict[int, NDArray[np.float64]] = {}
    for point, part in zip(values, run.owners_of, strict=True):
        array = point.detach().double().cpu().numpy()
        shaped[part] = shaped[part] + array if part in shaped else array
    found = []
    for i, each in enumerate(given):
        folded = []
        for at, layout in enumerate(each.layouts):
            if layout is None:
                continue
            role = each.parts[at].role
            if at not in shaped:  # token ids that reach no embedding: nothing depends on them
                folded.append(np.zeros((run.n_targets, *layout.shape)))
                continue
            array = fold(shaped[at][i], layout, each.masker, role)
            folded.append(array.swapaxes(-1, -2) if each.turned and each.turned[at] else array)
        found.append(folded[0] if len(folded) == 1 else tuple(folded))
    return found
