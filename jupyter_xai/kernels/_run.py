"""One run of a gradient kernel on a network: points, scores as a function of them, batches and their limits."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

import torch
from torch import Tensor

from jupyter_xai.evaluation import check_batch_size, out_of_memory
from jupyter_xai.kernels._baselines import background_parts, baseline_parts
from jupyter_xai.kernels._inputs import Given
from jupyter_xai.kernels._network import Function, Network, Part, quiet
from jupyter_xai.kernels._scores import settle
from jupyter_xai.models.targets import Targets
from jupyter_xai.models.torch import WeightsChanged
from jupyter_xai.protocols import Opening, Progress, Target, Watch

Result = TypeVar("Result")

_ROWS, _PICTURES = 1024, 32
_BATCH_BYTES = 32 * 2**20


class Stopped(Exception):  # noqa: N818 - reads as what happened
    """The watch wants no more."""


class Run:
    """One run on one or several instances; see the module's docstring."""

    def __init__(
        self,
        kernel: Any,
        given: Sequence[Given],
        predictor: Any,
        targets: Target | None,
        watch: Watch | None,
    ) -> None:
        self._kernel, self._predictor, self._watch = kernel, predictor, watch
        self.given = given[0]
        self._all_given = given
        self._shot = predictor.snapshot()
        self.module = self._shot.module
        self._network = Network(self.module, self.given.structure)
        self.parts = _stacked([each.parts for each in given])
        self.device, self.dtype = self._shot.device, self._shot.dtype
        self.n_rows = 0
        self.n_evals, self.total = 0, 1
        self._enough = False
        self.notices: list[str] = []
        limit = check_batch_size(kernel.batch_size)
        self._limit = limit if kernel.batch_size != "auto" else _auto_rows(self.parts)
        with quiet(), torch.no_grad():
            self.points, self.owners_of, answer, argument = self._opening()
            self._scores = settle(predictor, answer, argument, targets, kernel.n_targets, self.points)
            self.outputs = self._scores.all(answer, argument, self.points)
        self.check()
        self.count = len(self.outputs)

    def _opening(self) -> tuple[list[Tensor], list[int], Tensor, Tensor | None]:
        """Points and answers at the instances, what went into a final softmax or sigmoid beside them."""
        pieces: list[list[Tensor]] = []
        answers: list[tuple[Tensor, Tensor | None]] = []

        def keep(answer: Tensor, argument: Tensor | None, _: Sequence[Tensor]) -> Tensor:
            answers.append((answer, argument))
            return answer

        owners_of: list[int] = []
        count = len(self.parts[0].value)
        start = 0
        while start < count:
            stop = min(start + self._limit, count)
            cut = tuple(Part(part.value[start:stop], part.role) for part in self.parts)
            try:
                points, owners_of = self._network.points(cut)
                rows = torch.arange(stop - start, device=self.device)
                self._network.function(cut, rows, keep)(*points)
            except Exception as error:
                if not out_of_memory(error) or stop - start == 1:
                    raise
                self._halve(stop - start)
                continue
            pieces.append(points)
            start = stop
        self.n_rows += 2 * count if any(part.role == "ids" for part in self.parts) else count
        arguments = [argument for _, argument in answers if argument is not None]
        argument = torch.cat(arguments) if len(arguments) == len(answers) else None
        points = [torch.cat(each) for each in zip(*pieces, strict=True)]
        return points, owners_of, torch.cat([answer for answer, _ in answers]), argument

    # --- what a kernel uses ---------------------------------------------------------------------------------------

    @property
    def n_targets(self) -> int:
        """How many outputs are explained."""
        return len(self.targets.names)

    @property
    def predictor_module(self) -> Any:
        """The user's own network, to look names up in; what runs is the copy, ``module``."""
        return self._predictor.model

    @property
    def targets(self) -> Targets:
        """What is explained."""
        return self._scores.targets

    @property
    def unit(self) -> str:
        """Unit of what is explained."""
        return self._scores.unit

    def function(self, owners: Tensor) -> Function:
        """Scores (n, targets) of points with n rows, each a variant of the instance that ``owners`` names."""
        return self._network.function(self.parts, owners, self._select)

    def scores(self) -> Tensor:
        """Scores of the instances themselves, (instances, targets)."""
        return self._scores.explained(self.outputs)

    def baselines(self, start: int, stop: int) -> list[Tensor]:
        """Points of the baselines of these instances, one row each: a blurred or mean one is the instance's own."""
        baseline = getattr(self._kernel, "baseline", None)
        each = (
            baseline_parts(baseline, given, self._predictor, self.module)
            for given in self._all_given[start:stop]
        )
        return self._points_of(_stacked(list(each)))

    @property
    def rows_a_pass(self) -> int:
        """Most rows a pass, as far as memory has shown."""
        return self._limit

    @property
    def background_rows(self) -> int:
        """How many rows the kernel's background has."""
        return max(len(part.value) for part in self._background() if part.role != "fixed")

    def background(self, rows: Any = None) -> list[Tensor]:
        """Points of the kernel's background; of these rows alone, where they are given, so that all need not fit."""
        parts = self._background()
        if rows is not None:
            at = torch.as_tensor(rows, device=self.device)
            parts = tuple(part if part.role == "fixed" else Part(part.value[at], part.role) for part in parts)
        return self._points_of(parts)

    def mean_score_of_background(self, rows: Any) -> Tensor:
        """Mean of the scores over these rows of the background, (1, targets)."""
        totals = []
        with torch.no_grad():
            for start, stop, scores in self.over(
                len(rows),
                lambda a, b: self.function(self.first(b - a))(*self.background(rows[a:b])),
                count=False,
            ):
                assert stop > start
                totals.append(scores.double().sum(dim=0))
        mean: Tensor = torch.stack(totals).sum(dim=0, keepdim=True) / len(rows)
        return mean.to(self.dtype)

    def scores_of(self, points: Sequence[Tensor]) -> Tensor:
        """Scores (instances, targets) at points with one row for each instance."""
        found = []
        with torch.no_grad():
            for start, stop, scores in self.over(
                len(points[0]),
                lambda a, b: self.function(torch.arange(a, b, device=self.device))(
                    *(point[a:b] for point in points)
                ),
                count=False,
            ):
                assert stop > start
                found.append(scores)
        return torch.cat(found)

    def first(self, n: int) -> Tensor:
        """Owners of n rows that are all variants of the first instance."""
        return torch.zeros(n, dtype=torch.int64, device=self.device)

    def summed(self, values: Sequence[Tensor]) -> list[Tensor]:
        """Values of points (rows, targets, ...) with an embedding's axis summed to one entry.

        The spread of what is averaged over draws is taken of these, so that it is that of the sums.
        """
        return [
            value.sum(dim=-1, keepdim=True) if self.parts[part].role == "ids" else value
            for value, part in zip(values, self.owners_of, strict=True)
        ]

    def gradients(self, function: Function, points: Sequence[Tensor]) -> tuple[list[Tensor], Tensor]:
        """Gradients for each point, (rows, targets, *point shape), and the scores (rows, targets)."""
        with torch.enable_grad():
            leaves = [point.detach().requires_grad_() for point in points]
            entered = [leaf.clone() for leaf in leaves]  # a network may write into what it is given
            scores = function(*entered)
            found: list[list[Tensor]] = []
            for target in range(scores.shape[1]):
                chosen = scores[:, target].sum()
                more = target + 1 < scores.shape[1]
                found.append(_gradients_of(chosen, leaves, keep=more))
        return [torch.stack(each, dim=1) for each in zip(*found, strict=True)], scores.detach()

    def over(
        self, n: int, work: Callable[[int, int], Result], *, count: bool = True
    ) -> Iterator[tuple[int, int, Result]]:
        """Work on n rows in stretches that fit a batch.

        Raises
        ------
        Stopped
            If the watch wants no more.
        """
        at = 0
        if count and self._enough:
            raise Stopped
        while at < n:
            stop = min(at + self._limit, n)
            try:
                with quiet():
                    result = work(at, stop)
            except Exception as error:
                if not out_of_memory(error) or stop - at == 1:
                    raise
                self._halve(stop - at)
                continue
            self.n_rows += stop - at
            self.check()
            if count:
                self.n_evals += stop - at
            at_now, at = at, stop
            yield at_now, stop, result
            if count and not self._go_on():
                self._enough = True
                if (
                    self.n_evals < self.total
                ):  # what is complete is not stopped, whoever asked for that meanwhile
                    raise Stopped

    def check(self) -> None:
        """Raise if shared weights have changed since the run began."""
        if self._shot.shared and self._predictor.stamp() != self._shot.stamp:
            raise WeightsChanged(
                "The model's weights changed while it was being explained: it is being trained. "
                "Wait until training has ended, then run this again.",
                self.n_rows,
            )

    # --- inside ---------------------------------------------------------------------------------------------------

    def _kept(self, name: str, make: Callable[[], Any]) -> Any:
        if name not in self.__dict__:
            self.__dict__[name] = make()
        return self.__dict__[name]

    def _background(self) -> tuple[Part, ...]:
        given = getattr(self._kernel, "background", None)
        found: tuple[Part, ...] = self._kept(
            "_background_kept", lambda: background_parts(given, self.given, self._predictor)
        )
        return found

    def _points_of(self, parts: tuple[Part, ...]) -> list[Tensor]:
        rows = max(len(part.value) for part in parts if part.role != "fixed")
        filled = tuple(
            Part(part.value[:1].expand(rows, *part.value.shape[1:]), part.role)
            if part.role == "fixed"
            else part
            for part in parts
        )
        if all(part.role != "ids" for part in parts):
            return [part.value for part in filled if part.role == "float"]
        pieces = []
        for start in range(0, rows, self._limit):
            cut = tuple(Part(part.value[start : start + self._limit], part.role) for part in filled)
            with quiet(), torch.no_grad():
                pieces.append(self._network.points(cut)[0])
            self.n_rows += len(cut[0].value)
        return [torch.cat(each) for each in zip(*pieces, strict=True)]

    def _select(self, answer: Tensor, argument: Tensor | None, points: Sequence[Tensor]) -> Tensor:
        return self._scores.explained(self._scores.all(answer, argument, points))

    def _halve(self, rows: int) -> None:
        self._limit = max(1, rows // 2)
        said = f"{self._limit} row{'s' * (self._limit != 1)}"
        self.notices = [f"The model ran out of memory; it is now called with at most {said}."]
        if torch.cuda.is_available():
            torch.cuda.empty_cache()

    def _go_on(self) -> bool:
        if self._watch is None:
            return True
        return self._watch(Progress(self.n_evals, self.n_rows, max(self.total, self.n_evals)))

    def open(self) -> bool:
        """Tell the watch what is known before the first pass; False if it wants no more."""
        if self._watch is None:
            return True
        opening = Opening(
            features=self.given.layout,
            targets=self.targets.indices,
            output_names=self.targets.names,
            all_output_names=self._scores.names,
            all_predictions=self.outputs[0].double().cpu().numpy(),
            output_unit=self.unit,
        )
        return self._watch(Progress(0, 0, self.total, opening))


def _gradients_of(score: Tensor, leaves: list[Tensor], *, keep: bool) -> list[Tensor]:
    """Gradients of one number, zeros where it does not depend on a leaf."""
    parts: Sequence[Tensor | None] = [None] * len(leaves)
    if score.requires_grad:
        parts = torch.autograd.grad(score, leaves, retain_graph=keep, allow_unused=True)
    return [
        torch.zeros_like(leaf) if found is None else found for leaf, found in zip(leaves, parts, strict=True)
    ]


def _auto_rows(parts: Sequence[Part]) -> int:
    """Rows a batch by the size of one."""
    size = sum(part.value[0].numel() * part.value.element_size() for part in parts)
    pictures = any(part.value.dim() >= 4 for part in parts)
    return max(1, min(_PICTURES if pictures else _ROWS, _BATCH_BYTES // max(size, 1)))


def _stacked(rows: Sequence[tuple[Part, ...]]) -> tuple[Part, ...]:
    """Parts of several instances, one row each."""
    if len(rows) == 1:
        return rows[0]
    return tuple(
        Part(torch.cat([part.value for part in each]), each[0].role) for each in zip(*rows, strict=True)
    )
