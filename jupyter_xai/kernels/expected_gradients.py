"""Expected gradients: integrated gradients averaged over a background of baselines, by quadrature instead of chance."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from jupyter_xai.kernels._gradient import Attribution, GradientKernel
from jupyter_xai.kernels._run import Run
from jupyter_xai.maskers._random import check_seed, generator
from jupyter_xai.params import IntParam, ParamSpec

_NODES = 3
"""Points a baseline from which on Gauss-Legendre nodes beat equal strata."""
_GOLDEN = (5**0.5 - 1) / 2


class ExpectedGradients(GradientKernel):
    """What each part of the input contributes to the change from an average input to the instance.

    For every background row the gradient is averaged along the straight line from that row to the instance, times their
    difference; values are the mean over rows, and add up to the output minus its mean over the background. What is
    missing for lack of points is said as the gap.

    Parameters
    ----------
    model : torch.nn.Module
    background : array of shape (rows, ...), DataFrame, tuple of these, or None, default=None
        Inputs to start from. None: the background of ``inputs`` where that is a table.
    n_samples : int, default=200
        Points on all lines together: with at least three a row Gauss-Legendre nodes, with fewer equal strata shifted
        from line to line, and with fewer points than rows one point on that many rows, drawn at random.
    inputs : Layout or masker, optional
    random_state : int or None, default=0
        Decides the order of rows, and which ones where there are more rows than points.
    batch_size : int or "auto", default="auto"
        Most rows a pass.

    Notes
    -----
    Erion, Janizek, Sturmfels, Lundberg & Lee, "Improving performance of deep learning models with axiomatic attribution
    priors and expected gradients" (2021), who draw rows and points at random, as ``shap.GradientExplainer`` does.

    Examples
    --------
    >>> class Product(torch.nn.Module):
    ...     def forward(self, x):
    ...         return x[:, :1] * x[:, 1:]
    >>> e = ExpectedGradients(Product(), background=[[0.0, 0.0], [1.0, 1.0]], n_samples=6).explain([2.0, 3.0])
    >>> e.values.round(5), e.base_values
    (array([[2.5, 3. ]]), array([0.5]))
    """

    method: ClassVar[str] = "expected_gradients"
    additive: ClassVar[bool] = True
    params: ClassVar[tuple[ParamSpec, ...]] = (
        IntParam(
            name="n_samples",
            default=200,
            label="samples",
            doc="More points on the lines from the background leave a smaller gap.",
            min=1,
            max=10_000_000,
            scale="log",
        ),
    )

    def __init__(
        self,
        model: Any,
        *,
        background: Any = None,
        n_samples: int = 200,
        inputs: Any = None,
        random_state: int | None = 0,
        batch_size: int | Literal["auto"] = "auto",
    ) -> None:
        self.model = model
        self.background = background
        self.n_samples = n_samples
        self.inputs = inputs
        self.random_state = random_state
        self.batch_size = batch_size

    def _attribute(self, run: Run) -> Iterator[Attribution]:
        rows, count = run.background_rows, run.count
        design = _design(rows, int(self.n_samples), check_seed(self.random_state))
        n = len(design.places)
        run.total = n * count
        base = run.mean_score_of_background(design.used)
        places = torch.as_tensor(design.places, dtype=run.dtype, device=run.device)
        weights = torch.as_tensor(design.weights, dtype=run.dtype, device=run.device)

        def work(start: int, stop: int) -> list[Tensor]:
            at = torch.arange(start, stop, device=run.device)
            owners, points = at % count, at // count
            starts = run.background(design.lines[points.cpu().numpy()])
            changes = [point[owners] - start for point, start in zip(run.points, starts, strict=True)]
            moved = [
                start + _like(places[points], change) * change
                for start, change in zip(starts, changes, strict=True)
            ]
            gradients, _ = run.gradients(run.function(owners), moved)
            found = []
            for gradient, change in zip(gradients, changes, strict=True):
                share = gradient * (_like(weights[points], change) * change)[:, None]
                found.append(share.new_zeros((count, *share.shape[1:])).index_add_(0, owners, share))
            return found

        sums: list[Tensor] | None = None
        said = (
            f"{len(design.used)} of the {rows:,} background rows, drawn at random, stand for all of them. Pass more "
            "n_samples, or fewer rows."
        )
        notices = () if len(design.used) == rows else (said,)
        for _, stop, part in run.over(n * count, work):
            sums = part if sums is None else [old + new for old, new in zip(sums, part, strict=True)]
            done = _weight_done(design.weights, stop, count)
            shares = torch.as_tensor(np.where(done > 0, done, 1.0), dtype=run.dtype, device=run.device)
            yield Attribution(
                [each / _like(shares, each) for each in sums],
                base_values=base.expand(count, -1),
                n_evals=run.n_evals // count,
                total=n,
                notices=notices,
                params={"n_samples": n},
            )


@dataclass(frozen=True)
class _Design:
    """Points on lines from background rows to an instance.

    Parameters
    ----------
    lines : ndarray of shape (n,), int
        Background row of each point.
    places : ndarray of shape (n,)
        From 0 at the row to 1 at the instance.
    weights : ndarray of shape (n,)
        Sum to 1, and to the same for every row that is used.
    used : ndarray, int
    """

    lines: NDArray[np.intp]
    places: NDArray[np.float64]
    weights: NDArray[np.float64]
    used: NDArray[np.intp]


def _design(rows: int, n: int, seed: int) -> _Design:
    """Place n points or few less on lines from background rows.

    Examples
    --------
    >>> d = _design(2, 7, 0)
    >>> len(d.places), float(d.weights.sum().round(12)), np.bincount(d.lines).tolist()
    (6, 1.0, [3, 3])
    """
    rng = generator(seed, "expected_gradients", 0)
    used = rng.permutation(rows)[:n]
    if n >= _NODES * rows:
        nodes, weights = np.polynomial.legendre.leggauss(n // rows)
        spread = np.argsort(np.arange(len(nodes)) * _GOLDEN % 1.0, kind="stable")  # the first cover the line
        return _Design(
            np.tile(used, len(nodes)),
            np.repeat((nodes[spread] + 1) / 2, rows),
            np.repeat(weights[spread] / 2, rows) / rows,
            used,
        )
    shift = (rng.random() + np.arange(len(used)) * _GOLDEN) % 1.0
    points = n // len(used) + (np.arange(len(used)) < n % len(used))  # of each line
    line = np.concatenate([np.flatnonzero(points > turn) for turn in range(int(points.max()))])
    turn = np.concatenate([np.full(np.count_nonzero(points > k), k) for k in range(int(points.max()))])
    return _Design(
        used[line],
        (turn + shift[line]) / points[line],
        1.0 / (points[line] * len(used)),
        used,
    )


def _weight_done(weights: NDArray[np.float64], stop: int, count: int) -> NDArray[np.float64]:
    """Weight walked so far of each instance, (instances,), when rows to ``stop`` are done, point by point."""
    whole, rest = divmod(stop, count)
    done = np.full(count, weights[:whole].sum())
    done[:rest] += weights[whole] if rest else 0.0
    return done


def _like(numbers: Tensor, other: Tensor) -> Tensor:
    """One number a row, shaped to multiply ``other``."""
    return numbers.reshape(-1, *(1,) * (other.dim() - 1))
