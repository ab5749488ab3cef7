"""Integrated gradients: the gradient averaged along the straight line from a baseline."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from jupyter_xai.kernels._gradient import Attribution, GradientKernel
from jupyter_xai.kernels._run import Run
from jupyter_xai.params import FloatParam, IntParam, ParamSpec

_NODES = (4, 2, 1)
"""Nodes of one panel when the line is halved where it bends; fewer where the gradient jumps."""
_OLD = (0.170053605335723, 0.326949189601452, 0.326949189601452, 0.170053605335723)
_NEW = (
    (-0.976560250737573, 0.062977373665473),
    (-0.640286217496312, 0.266798340452284),
    (0.0, 0.346442981890136),
    (0.640286217496312, 0.266798340452284),
    (0.976560250737573, 0.062977373665473),
)
"""Kronrod's extension of Gauss's four nodes: their weights, and five nodes between them with theirs."""
_PATIENCE = 2
"""Times that a gap must hardly fall in a row before the gradient is taken to jump there."""
_TOGETHER = 16
"""Most panels that are halved at once."""
_MOST = 4096
"""Steps after which a run ends with the gap it has."""
_ROUNDING = 4.0
"""Units in the last place of the outputs that are not taken for a gap."""
_FALL = 8.0
"""By how much a panel's gap falls in its halves at least where the gradient does not jump."""
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
        Gauss-Legendre nodes on the line. Auto: a panel of four nodes, with Kronrod's five between them where these are
        not enough, then halved where the gap is largest, until the gaps of all panels together are below
        ``tolerance``, at most some 4,000 nodes.
    tolerance : float, default=0.001
        For auto: the largest gap, as a share of the change of the output. Gaps of panels do not cancel: a run is done
        when the values are right, not when their sum happens to be.
    inputs : Layout or masker, optional
    random_state : int or None, default=0
        Not used: nothing is drawn.
    batch_size : int or "auto", default="auto"
        Most rows a pass.

    Notes
    -----
    Sundararajan, Taly & Yan, "Axiomatic Attribution for Deep Networks" (ICML 2017). The nodes of automatic steps:
    Kronrod, "Nodes and Weights of Quadrature Formulas" (1965).

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
        for values, gap in panels.halved():
            change = torch.maximum((run.scores() - base).abs(), 0.1 * (run.scores().abs() + base.abs())).amax(
                dim=1
            )
            share = float((gap / change.clamp_min(1e-12)).max())
            settled = share <= self.tolerance
            steps = run.n_evals // run.count
            more = 0 if settled else 2 * _NODES[0]
            found = line.found(values, base, steps, steps + more, settled=settled, resolved=steps)
            run.total = run.n_evals + more * run.count
            yield found
            if settled or steps >= _MOST:
                return


class _Line:
    """The straight line from the baseline to each instance."""

    def __init__(self, run: Run, base: list[Tensor]) -> None:
        self.run = run
        self.base = base
        self.change = [point - start for point, start in zip(run.points, base, strict=True)]

    def at(self, owners: Tensor, places: Tensor) -> list[Tensor]:
        """Points (rows, ...) of owners at places from 0 to 1."""
        one = self.run.count == 1  # then nothing has to be copied for each row
        return [
            torch.addcmul(
                *((start, change) if one else (start[owners], change[owners])), _along(places, start)
            )
            for start, change in zip(self.base, self.change, strict=True)
        ]

    def walk(
        self,
        places: NDArray[np.float64],
        weights: NDArray[np.float64],
        panels: NDArray[np.intp] | None = None,
    ) -> Iterator[tuple[list[Tensor], float]]:
        """Weighted gradients times the change, batch by batch.

        Parameters
        ----------
        places : ndarray of shape (n,)
        weights : ndarray of shape (n,) or (n, sums)
            One for each of the sums that are wanted.
        panels : ndarray of shape (n,), int, optional
            Which panel each place belongs to, from 0.

        Yields
        ------
        part : list of Tensor
            To be summed, (instances, targets, ...), for all panels one after another, and sums of each side by side.
        done : float
            Weight of all that was walked so far, a row, in the first sum.
        """
        run = self.run
        count = run.count
        owners = torch.arange(count, device=run.device).repeat(len(places))
        at = torch.as_tensor(np.repeat(places, count), dtype=run.dtype, device=run.device)
        weights = weights.reshape(len(weights), -1)
        weight = torch.as_tensor(np.repeat(weights, count, axis=0), dtype=run.dtype, device=run.device)
        panels = np.zeros(len(places), dtype=np.intp) if panels is None else panels
        into = torch.as_tensor(np.repeat(panels * count, count), device=run.device) + owners
        length, sums = count * (int(panels.max()) + 1), weights.shape[1]

        def work(a: int, b: int) -> list[Tensor]:
            rows = owners[a:b]
            gradients, _ = run.gradients(run.function(rows), self.at(rows, at[a:b]))
            found = []
            for gradient, change in zip(gradients, self.change, strict=True):
                if length == 1:
                    total = torch.tensordot(weight[a:b].T, gradient, dims=1)
                else:
                    total = gradient.new_zeros((length * sums, *gradient.shape[1:]))
                    for at_sum in range(sums):
                        mine = gradient * _along(weight[a:b, at_sum], gradient)
                        total.index_add_(0, into[a:b] * sums + at_sum, mine)
                each = change.repeat(length // count, *(1,) * (change.dim() - 1)).repeat_interleave(sums, 0)
                found.append(total * each[:, None])
            return found

        for _, stop, part in run.over(len(owners), work):
            yield part, float(weight[:stop, 0].sum()) / count

    def scores(self, place: float) -> Tensor:
        """Scores (instances, targets) at one place."""
        owners = torch.arange(self.run.count, device=self.run.device)
        at = torch.full((self.run.count,), place, dtype=self.run.dtype, device=self.run.device)
        self.run.n_rows += self.run.count
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


@dataclass(frozen=True, eq=False)
class _Stretch:
    """What is to be walked.

    Parameters
    ----------
    low, high : float
    misses : int
        How often in a row the gap has hardly fallen here.
    before : float
        The gap of what this refines.
    half_done : list of Tensor, optional
        Of a panel whose four nodes get Kronrod's five: the share of the four.
    """

    low: float
    high: float
    misses: int = 0
    before: float = math.inf
    half_done: list[Tensor] | None = None

    @property
    def count(self) -> int:
        """Nodes of a new panel."""
        return _NODES[min(max(self.misses - _PATIENCE + 1, 0), len(_NODES) - 1)]

    def rule(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Places and weights (n, 2): for the sum, and for what Kronrod's rule would take of it."""
        if self.half_done is not None:
            nodes, share = np.array(_NEW).T
            weights = np.stack([share, np.zeros(len(share))], axis=1)
        else:
            nodes, share = np.polynomial.legendre.leggauss(self.count)
            later = _OLD if self.count == len(_OLD) else (0.0,) * self.count
            weights = np.stack([share, later], axis=1)
        width = self.high - self.low
        return self.low + (nodes + 1) / 2 * width, weights / 2 * width


@dataclass(frozen=True, eq=False)
class _Panel:
    """A stretch of the line.

    Parameters
    ----------
    sums : list of Tensor
        Its part of the values.
    gap : Tensor of shape (instances,)
        What the sums miss of the change of the output along it, the largest over targets.
    misses : int
        As in ``_Stretch``, this panel included.
    half_done : list of Tensor or None
        The share of its nodes under Kronrod's rule, where that may be tried.
    """

    sums: list[Tensor]
    gap: Tensor
    misses: int
    half_done: list[Tensor] | None


class _Panels:
    """Panels of a line, each with its own sum and its own gap; the worst ones are refined.

    Four nodes get Kronrod's five between them, which is enough where the gradient is smooth. What still has a gap is
    halved. Where that leaves the gap almost as it was, again and again, the gradient jumps, as that of ReLU does: many
    nodes are wasted there, and halves get fewer.
    """

    def __init__(self, line: _Line) -> None:
        self._line = line
        self._scores: dict[float, Tensor] = {}
        self._panels: dict[tuple[float, float], _Panel] = {}

    def halved(self) -> Iterator[tuple[list[Tensor], Tensor]]:
        """Values and the summed local gaps (instances,), from one panel on."""
        self._add([_Stretch(0.0, 1.0)])
        while True:
            panels = self._panels.values()
            values = [
                torch.stack(each).sum(0) for each in zip(*(panel.sums for panel in panels), strict=True)
            ]
            yield values, torch.stack([panel.gap for panel in panels]).sum(0)
            stretches = []
            for low, high in self._worst():
                panel = self._panels.pop((low, high))
                middle, gap = (low + high) / 2, float(panel.gap.max())
                if panel.half_done is not None:
                    stretches.append(_Stretch(low, high, panel.misses, gap, panel.half_done))
                else:
                    stretches += [
                        _Stretch(low, middle, panel.misses, gap),
                        _Stretch(middle, high, panel.misses, gap),
                    ]
            if not stretches:
                return
            self._add(stretches)

    def _worst(self) -> list[tuple[float, float]]:
        """The panel with the largest gap and those with half as much, as long as they can be halved."""
        gaps = {
            (low, high): float(panel.gap.max())
            for (low, high), panel in self._panels.items()
            if high - low >= math.ulp(1.0) * 64
        }
        largest = max(gaps.values(), default=0.0)
        worst = sorted(
            (place for place in gaps if gaps[place] >= largest / 2), key=lambda place: -gaps[place]
        )
        return worst[:_TOGETHER] if largest > 0 else []

    def _add(self, stretches: list[_Stretch]) -> None:
        """Walk stretches, and keep a panel for each."""
        rules = [stretch.rule() for stretch in stretches]
        places, weights = (np.concatenate(each) for each in zip(*rules, strict=True))
        owner = np.repeat(np.arange(len(stretches)), [len(nodes) for nodes, _ in rules])
        sums: list[Tensor] | None = None
        for part, _ in self._line.walk(places, weights, owner):
            sums = part if sums is None else [old + new for old, new in zip(sums, part, strict=True)]
        assert sums is not None
        each = [total.reshape(len(stretches), self._line.run.count, 2, *total.shape[1:]) for total in sums]
        for number, stretch in enumerate(stretches):
            mine, later = ([total[number, :, which] for total in each] for which in (0, 1))
            done = stretch.half_done
            if done is not None:
                mine = [old + new for old, new in zip(done, mine, strict=True)]
            gap = self._gap(stretch, mine)
            missed = float(gap.max()) > stretch.before / _FALL
            misses = stretch.misses + missed
            whole = done is None and stretch.count == _NODES[0]
            if whole and not missed:
                misses = 0
            keep = later if whole and not misses else None
            self._panels[stretch.low, stretch.high] = _Panel(mine, gap, misses, keep)

    def _gap(self, stretch: _Stretch, sums: list[Tensor]) -> Tensor:
        """What sums miss of the change along a stretch, (instances,), the largest over targets."""
        total = torch.stack([part.flatten(2).sum(2) for part in sums]).sum(0)
        ends = self._at(stretch.low), self._at(stretch.high)
        rounding = _ROUNDING * torch.finfo(total.dtype).eps * (ends[0].abs() + ends[1].abs())
        return ((ends[1] - ends[0] - total).abs() - rounding).clamp_min(0.0).amax(dim=1)

    def _at(self, place: float) -> Tensor:
        if place not in self._scores:
            self._scores[place] = self._line.scores(place)
        return self._scores[place]


def _along(numbers: Tensor, like: Tensor) -> Tensor:
    """One number a row, shaped to multiply ``like``."""
    return numbers.reshape(-1, *(1,) * (like.dim() - 1))
