"""SmoothGrad: the gradient averaged over noisy copies of the input."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from torch import Tensor

from jupyter_xai.kernels._gradient import Attribution, GradientKernel
from jupyter_xai.kernels._intervals import half_width_factor
from jupyter_xai.kernels._run import Run
from jupyter_xai.maskers._random import check_seed, generator
from jupyter_xai.params import FloatParam, IntParam, ParamSpec

_MIN_PAIRS = 2


class SmoothGrad(GradientKernel):
    """How fast an output changes with each part of the input, averaged over a neighbourhood of the instance.

    Noise comes in pairs, one copy above the instance and one as far below it, so that curvature cancels and fewer
    copies do; the spread of the pairs gives the intervals.

    Parameters
    ----------
    model : torch.nn.Module
    n_samples : int, default=50
        Noisy copies.
    noise : float, default=0.15
        Standard deviation of the noise as a share of the range: of a column's range in the background where
        ``inputs`` is a table, else of the range of the instance's own numbers. 0 is ``Saliency``.
    inputs : Layout or masker, optional
        What the input is made of; read off the input otherwise.
    random_state : int or None, default=0
    batch_size : int or "auto", default="auto"
        Most rows a pass.

    Notes
    -----
    Smilkov, Thorat, Kim, Viégas & Wattenberg, "SmoothGrad: removing noise by adding noise" (2017), with signs kept
    (many implementations average squares). A longer run begins with the copies of a shorter one.

    Examples
    --------
    >>> class Kink(torch.nn.Module):
    ...     def forward(self, x):
    ...         return torch.relu(x).sum(1, keepdim=True)
    >>> e = SmoothGrad(Kink(), n_samples=2000, noise=1.0).explain([0.0, 4.0])
    >>> e.values.round(1)
    array([[0.5, 0.8]])
    """

    method: ClassVar[str] = "smooth_grad"
    value_unit: ClassVar[str] = "per unit of the input"
    params: ClassVar[tuple[ParamSpec, ...]] = (
        IntParam(
            name="n_samples",
            default=50,
            label="samples",
            doc="More noisy copies narrow the intervals.",
            min=1,
            max=100_000,
            scale="log",
        ),
        FloatParam(
            name="noise",
            default=0.15,
            label="noise",
            doc="More noise averages over a wider neighbourhood; a share of the input's range.",
            min=0.0,
            max=10.0,
        ),
    )

    def __init__(
        self,
        model: Any,
        *,
        n_samples: int = 50,
        noise: float = 0.15,
        inputs: Any = None,
        random_state: int | None = 0,
        batch_size: int | Literal["auto"] = "auto",
    ) -> None:
        self.model = model
        self.n_samples = n_samples
        self.noise = noise
        self.inputs = inputs
        self.random_state = random_state
        self.batch_size = batch_size

    def _attribute(self, run: Run) -> Iterator[Attribution]:
        noise = _Noise(run, float(self.noise), check_seed(self.random_state))
        averages = [_Average(run.count) for _ in run.points]
        n, count = int(self.n_samples), run.count
        run.total = n * count

        def work(start: int, stop: int) -> list[Tensor]:
            owners, copies = noise.rows(start, stop, count, n)
            points = noise.around(owners, copies)
            return run.gradients(run.function(owners), points)[0]

        for start, stop, gradients in run.over(n * count, work):
            owners, copies = noise.rows(start, stop, count, n)
            for average, gradient, one in zip(averages, gradients, run.summed(gradients), strict=True):
                average.add(owners.tolist(), copies.tolist(), gradient, one)
            errors = [average.std_errors() for average in averages]
            yield Attribution(
                [average.values() for average in averages],
                std_errors=None if any(error is None for error in errors) else errors,  # type: ignore[arg-type]
                n_evals=run.n_evals // count,
                total=n,
            )


class _Noise:
    """Copies of the instances: copy 2k and 2k + 1 lie as far above and below, for each k of a prefix sequence."""

    def __init__(self, run: Run, noise: float, seed: int) -> None:
        self._run, self._seed = run, seed
        self._scales = [noise * _range(run, point) for point in run.points]
        self._kept: tuple[int, list[Tensor]] | None = None

    def rows(self, start: int, stop: int, count: int, n: int) -> tuple[Tensor, Tensor]:
        """Instance and number of the copy of rows start to stop: the two of a pair lie side by side."""
        at = torch.arange(start, stop, device=self._run.device)
        pair, rest = at // (2 * count), at % (2 * count)
        last = pair == n // 2  # without a partner if n is odd
        owners = torch.where(last, rest, rest // 2)
        return owners, 2 * pair + torch.where(last, torch.zeros_like(rest), rest % 2)

    def around(self, owners: Tensor, copies: Tensor) -> list[Tensor]:
        """Points of these copies."""
        found: list[list[Tensor]] = [[] for _ in self._run.points]
        for owner, copy in zip(owners.tolist(), copies.tolist(), strict=True):
            drawn = self._drawn(copy // 2)
            for at, (point, scale) in enumerate(zip(self._run.points, self._scales, strict=True)):
                step = scale[owner] * drawn[at]
                found[at].append(point[owner] - step if copy % 2 else point[owner] + step)
        return [torch.stack(each) for each in found]

    def _drawn(self, pair: int) -> list[Tensor]:
        if self._kept is None or self._kept[0] != pair:
            rng = generator(self._seed, "smooth_grad", pair)
            drawn = [
                torch.from_numpy(rng.standard_normal(point.shape[1:], dtype=np.float32)).to(point)
                for point in self._run.points
            ]
            self._kept = (pair, drawn)
        return self._kept[1]


def _range(run: Run, point: Tensor) -> Tensor:
    """What noise is a share of, to multiply (instances, ...): range by column in the background, else of the input."""
    rows = getattr(run.given.masker, "background_rows", None)
    if rows is not None:
        background = torch.as_tensor(rows()).to(point)
        return (background.amax(0) - background.amin(0)).expand(point.shape)
    flat = point.flatten(1)
    spread = flat.amax(1) - flat.amin(1) if flat.shape[1] else flat.new_zeros(len(flat))
    return spread.reshape(-1, *(1,) * (point.dim() - 1))


class _Average:
    """Mean over copies, (instances, targets, ...), and standard errors over pairs in one pass (Welford).

    Parameters
    ----------
    count : int
        Instances.
    """

    def __init__(self, count: int) -> None:
        self._count = count
        self._sum: Tensor | None = None
        self._copies = [0] * count
        self._mean: Tensor | None = None
        self._square: Tensor | None = None
        self._pairs = [0] * count
        self._waiting: dict[int, Tensor] = {}

    def add(self, owners: list[int], copies: list[int], gradients: Tensor, spread: Tensor) -> None:
        """Take in gradients (rows, targets, ...), and of the same rows what errors are wanted of."""
        if self._sum is None or self._mean is None or self._square is None:
            self._sum = gradients.new_zeros((self._count, *gradients.shape[1:]))
            self._mean = spread.new_zeros((self._count, *spread.shape[1:]))
            self._square = torch.zeros_like(self._mean)
        for owner, copy, gradient, one in zip(owners, copies, gradients, spread, strict=True):
            self._sum[owner] += gradient
            self._copies[owner] += 1
            if copy % 2 == 0:
                self._waiting = {owner: one}
                continue
            pair = (self._waiting.pop(owner) + one) / 2
            self._pairs[owner] += 1
            off = pair - self._mean[owner]
            self._mean[owner] += off / self._pairs[owner]
            self._square[owner] += off * (pair - self._mean[owner])

    def values(self) -> Tensor:
        """Means so far, zero for an instance not yet met."""
        assert self._sum is not None
        return self._sum / _each([max(copies, 1) for copies in self._copies], self._sum)

    def std_errors(self) -> Tensor | None:
        """Standard errors scaled to 95 % intervals; None before every instance has pairs to compare."""
        fewest = min(self._pairs)
        if fewest < _MIN_PAIRS:
            return None
        assert self._square is not None
        pairs = _each(self._pairs, self._square)
        factor = _each([half_width_factor(count) for count in self._pairs], self._square)
        return factor * (self._square / (pairs * (pairs - 1))).sqrt()


def _each(numbers: list[float] | list[int], like: Tensor) -> Tensor:
    """One number an instance, shaped to multiply ``like``."""
    return torch.tensor(numbers, dtype=like.dtype, device=like.device).reshape(-1, *(1,) * (like.dim() - 1))
