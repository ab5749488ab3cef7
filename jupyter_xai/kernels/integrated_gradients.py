"""Integrated gradients: the gradient averaged along the straight line from a baseline."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from jupyter_xai.kernels._gradient import Attribution, GradientKernel
from jupyter_xai.kernels._run import Run
from jupyter_xai.params import FloatParam, IntParam, ParamSpec

_NODES = 4
"""Nodes of one panel when the line is halved where it bends."""
_GOLDEN = (5**0.5 - 1) / 2


class IntegratedGradients(GradientKernel):
    """What each part of the input contributes to the change from a baseline to the instance.

    Values are the difference to the baseline times the gradient, averaged over the straight line between the two. They
    add up to the change of the output; what is missing for lack of steps is said as the gap.

    Parameters
    ----------
    model : torch.nn.Module
    baseline : "zeros", "mean", "blur", "pad", "mask", array, tuple, callable or None, default=None
        The reference input, without a batch axis. None: the mean of a table's background, the padding token for token
        ids, else zeros.
    n_steps : int or "auto", default=50
        Gauss-Legendre nodes on the line. Auto: panels of four nodes, halved where the gap is largest, until it is below
        ``tolerance``.
    tolerance : float, default=0.001
        For auto: the largest gap, as a share of the change of the output.
    inputs : Layout or masker, optional
    random_state : int or None, default=0
        Not used: nothing is drawn.
    batch_size : int or "auto", default="auto"
        Most rows a pass.

    Notes
    -----
    Sundararajan, Taly & Yan, "Axiomatic Attribution for Deep Networks" (ICML 2017).

    Examples
    --------
    >>> class Product(torch.nn.Module):
    ...     def forward(self, x):
    ...         return x[:, :1] * x[:, 1:]
    >>> e = IntegratedGradients(Product()).explain([2.0, 3.0])
    >>> e.values.round(5), e.predictions
    (array([[3., 3.]]), array([6.]))
    """

    method: ClassVar[str] = "integrated_gradients"
    additive: ClassVar[bool] = True
    params: ClassVar[tuple[ParamSpec, ...]] = (
        IntParam(
            name="n_steps",
            default=50,
            label="steps",
            doc="More steps along the line from the baseline leave a smaller gap.",
            min=1,
            max=100_000,
            scale="log",
            auto=True,
        ),
        FloatParam(
            name="tolerance",
            default=0.001,
            label="tolerance",
            doc="With automatic steps: the largest gap, as a share of the change of the output.",
            min=1e-9,
            max=1.0,
            scale="log",
        ),
    )

    def __init__(
        self,
        model: Any,
        *,
        baseline: Any = None,
        n_steps: int | Literal["auto"] = 50,
        tolerance: float = 0.001,
        inputs: Any = None,
        random_state: int | None = 0,
        batch_size: int | Literal["auto"] = "auto",
    ) -> None:
        self.model = model
        self.baseline = baseline
        self.n_steps = n_steps
        self.tolerance = tolerance
        self.inputs = inputs
        self.random_state = random_state
        self.batch_size = batch_size

    def _attribute(self, run: Run) -> Iterator[Attribution]:
        base_points = run.baselines(0, run.count)
        base = run.scores_of(base_points)
        line = _Line(run, base_points)
        if self.n_steps != "auto":
            nodes, weights = np.polynomial.legendre.leggauss(int(self.n_steps))
            run.total = run.count * len(nodes)
            sums: list[Tensor] | None = None
            spread = np.argsort(np.arange(len(nodes)) * _GOLDEN % 1.0)  # what is done first covers the line
            for part, done in line.walk((nodes[spread] + 1) / 2, weights[spread] / 2):
                sums = part if sums is None else [old + new for old, new in zip(sums, part, strict=True)]
                yield line.found([each / done for each in sums], base, run.n_evals // run.count, len(nodes))
            return
        panels = _Panels(line)
        rows = torch.arange(run.count)
        for values, gap in panels.halved():
            change = torch.maximum((run.scores() - base).abs(), 0.1 * (run.scores().abs() + base.abs())).amax(
                dim=1
            )
            share = float((gap[rows] / change.clamp_min(1e-12)).max())
            settled = share <= self.tolerance
            steps = run.n_evals // run.count
            found = line.found(
                values, base, steps, max(steps + 2 * _NODES, 1), settled=settled, resolved=steps
            )
            run.total = run.n_evals + (0 if settled else 2 * _NODES * run.count)
            yield found
            if settled:
                return


class _Line:
    """The straight line from the baseline to each instance."""

    def __init__(self, run: Run, base: list[Tensor]) -> None:
        self.run = run
        self.base = base
        self.change = [point - start for point, start in zip(run.points, base, strict=True)]

    def at(self, owners: Tensor, places: Tensor) -> list[Tensor]:
        """Points (rows, ...) of owners at places from 0 to 1."""
        return [
            start[owners] + _along(places, change[owners]) * change[owners]
            for start, change in zip(self.base, self.change, strict=True)
        ]

    def walk(
        self, places: NDArray[np.float64], weights: NDArray[np.float64]
    ) -> Iterator[tuple[list[Tensor], float]]:
        """Weighted gradients times the change, batch by batch.

        Yields
        ------
        part : list of Tensor
            To be summed, (instances, targets, ...).
        done : float
            Weight of all that was walked so far, a row.
        """
        run = self.run
        count = run.count
        owners = torch.arange(count, device=run.device).repeat(len(places))
        at = torch.as_tensor(np.repeat(places, count), dtype=run.dtype, device=run.device)
        weight = torch.as_tensor(np.repeat(weights, count), dtype=run.dtype, device=run.device)

        def work(a: int, b: int) -> list[Tensor]:
            rows = owners[a:b]
            gradients, _ = run.gradients(run.function(rows), self.at(rows, at[a:b]))
            found = []
            for gradient, change in zip(gradients, self.change, strict=True):
                share = gradient * _along(weight[a:b], gradient) * change[rows][:, None]
                total = share.new_zeros((count, *share.shape[1:]))
                found.append(total.index_add_(0, rows, share))
            return found

        for _, stop, part in run.over(len(owners), work):
            yield part, float(weight[:stop].sum()) / count

    def scores(self, place: float) -> Tensor:
        """Scores (instances, targets) at one place."""
        owners = torch.arange(self.run.count, device=self.run.device)
        at = torch.full((self.run.count,), place, dtype=self.run.dtype, device=self.run.device)
        with torch.no_grad():
            return self.run.function(owners)(*self.at(owners, at))

    def found(
        self,
        values: list[Tensor],
        base: Tensor,
        steps: int,
        total: int,
        *,
        settled: bool = True,
        resolved: int | None = None,
    ) -> Attribution:
        """An estimate of the kernel."""
        params = {} if resolved is None else {"n_steps": resolved}
        return Attribution(values, base, n_evals=steps, total=total, settled=settled, params=params)


class _Panels:
    """Panels of a line, each with its own sum and its own gap; the worst one is halved."""

    def __init__(self, line: _Line) -> None:
        self._line = line
        self._nodes, self._weights = np.polynomial.legendre.leggauss(_NODES)
        self._scores: dict[float, Tensor] = {}
        self._panels: dict[tuple[float, float], tuple[list[Tensor], Tensor]] = {}

    def halved(self) -> Iterator[tuple[list[Tensor], Tensor]]:
        """Values and the summed local gaps (instances,), from one panel on."""
        self._add(0.0, 1.0)
        while True:
            values = [
                torch.stack(each).sum(0) for each in zip(*(v for v, _ in self._panels.values()), strict=True)
            ]
            yield values, torch.stack([gap for _, gap in self._panels.values()]).sum(0)
            low, high = max(self._panels, key=lambda panel: float(self._panels[panel][1].max()))
            middle = (low + high) / 2
            if middle in {low, high} or high - low < math.ulp(1.0) * 64:
                return
            del self._panels[low, high]
            self._add(low, middle)
            self._add(middle, high)

    def _add(self, low: float, high: float) -> None:
        width = high - low
        places, weights = low + (self._nodes + 1) / 2 * width, self._weights / 2 * width
        sums: list[Tensor] | None = None
        for part, _ in self._line.walk(places, weights):
            sums = part if sums is None else [old + new for old, new in zip(sums, part, strict=True)]
        assert sums is not None
        total = torch.stack([each.flatten(2).sum(2) for each in sums]).sum(0)
        gap = (self._at(high) - self._at(low) - total).abs().amax(dim=1)
        self._panels[low, high] = sums, gap

    def _at(self, place: float) -> Tensor:
        if place not in self._scores:
            self._scores[place] = self._line.scores(place)
        return self._scores[place]


def _along(numbers: Tensor, like: Tensor) -> Tensor:
    """One number a row, shaped to multiply ``like``."""
    return numbers.reshape(-1, *(1,) * (like.dim() - 1))
