"""Second derivatives of a network at single instances: which features' effects depend on one another.

Hessian products where the network is smooth, two backward passes a feature. A network with kinks (ReLU, max-pooling)
has no second derivative almost everywhere, though its slope changes from piece to piece: there the slope is compared on
either side of the instance, far enough to see the kinks in between.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from jupyter_xai.errors import InputError
from jupyter_xai.explanation import Columns, Layout, Steps
from jupyter_xai.kernels._derivatives import kinks
from jupyter_xai.kernels._features import together
from jupyter_xai.kernels._network import quiet
from jupyter_xai.kernels._run import Run

LONG_STEP = 0.5
"""Standard deviations that slopes are compared over, to either side."""
MOST_FEATURES = 1000


def second(
    run: Run,
    how: Literal["auto", "hessian", "differences"],
    spread: Tensor | None,
    step: float,
) -> tuple[Tensor, str]:
    """Second derivatives at each instance.

    Parameters
    ----------
    run : Run
        Of one floating input.
    how : {"auto", "hessian", "differences"}
    spread : Tensor, optional
        Standard deviation of every number of the input.
    step : float
        How many of these to either side, for differences.

    Returns
    -------
    Tensor of shape (instances, targets, numbers, numbers)
        Symmetric.
    str
        "hessian" or "differences".

    Raises
    ------
    InputError
        If there are several inputs or too many numbers, or it is not known how far to move.
    """
    check(run)
    if how == "auto":
        how = "differences" if _kinked(run) else "hessian"
    if how == "hessian":
        return _hessian(run), how
    if spread is None:
        raise InputError(
            "Second derivatives across kinks (ReLU, max-pooling) compare slopes some standard deviations apart, but "
            'there is no background to take these from. Pass background=X_train, or curvature="hessian" for a smooth '
            "network."
        )
    return _differences(run, step * spread.flatten()), how


def check(run: Run) -> None:
    """Raise if a matrix of pairs makes no sense of this input."""
    roles = [part.role for part in run.parts if part.role != "fixed"]
    if roles != ["float"]:
        raise InputError(
            "second_order=True looks at the pairs of numbers of one input; this network takes "
            f"{'token ids' if roles == ['ids'] else f'{len(roles)} inputs'}. Pass second_order=False."
        )
    count = run.points[0][0].numel()
    if count > MOST_FEATURES:
        raise InputError(
            f"second_order=True takes a pass and a row of a matrix for each number of the input, and there are "
            f"{count:,}; at most {MOST_FEATURES:,} are looked at. Pass second_order=False."
        )


def _kinked(run: Run) -> bool:
    """Whether the network calls a function with a kink."""
    with quiet(), torch.no_grad(), kinks() as met:
        run.function(run.first(1))(*(point[:1].clone() for point in run.points))
    return bool(met.found)


def _hessian(run: Run) -> Tensor:
    (point,) = run.points
    count, p = run.count, point[0].numel()

    def work(start: int, stop: int) -> tuple[Tensor, Tensor, Tensor]:
        at = torch.arange(start, stop, device=run.device)
        owners, column = at % count, at // count
        found = []
        with torch.enable_grad(), _attention_by_parts():
            leaf = point[owners].detach().requires_grad_()
            scores = run.function(owners)(leaf.clone())
            for target in range(run.n_targets):
                slope = _gradient(scores[:, target], leaf, graph=True)
                chosen = slope.flatten(1).gather(1, column[:, None])
                found.append(_gradient(chosen, leaf, graph=False).flatten(1))
        return owners, column, torch.stack(found, 1)

    matrix = point.new_zeros((count, run.n_targets, p, p))
    for _, _, (owners, column, rows) in run.over(count * p, work):
        matrix[owners, :, column] = rows
    return (matrix + matrix.mT) / 2


@contextmanager
def _attention_by_parts() -> Iterator[None]:
    """Leave fused attention out: it has no second derivative."""
    backends = torch.backends.cuda  # its switches hold on every device
    flash = backends.flash_sdp_enabled()  # type: ignore[no-untyped-call]
    efficient = backends.mem_efficient_sdp_enabled()  # type: ignore[no-untyped-call]
    backends.enable_flash_sdp(False)
    backends.enable_mem_efficient_sdp(False)
    try:
        yield
    finally:
        backends.enable_flash_sdp(flash)
        backends.enable_mem_efficient_sdp(efficient)


def _gradient(scores: Tensor, leaf: Tensor, *, graph: bool) -> Tensor:
    found: Tensor | None = None
    if scores.requires_grad:
        (found,) = torch.autograd.grad(
            scores.sum(), leaf, create_graph=graph, retain_graph=True, allow_unused=True
        )
    return torch.zeros_like(leaf) if found is None else found


def _differences(run: Run, steps: Tensor) -> Tensor:
    (point,) = run.points
    count, p = run.count, point[0].numel()
    moved = torch.nonzero(steps > 0).flatten()

    def work(start: int, stop: int) -> tuple[Tensor, Tensor, Tensor]:
        at = torch.arange(start, stop, device=run.device)
        owners, rest = at % count, at // count
        column, side = moved[rest // 2], 1.0 - 2.0 * (rest % 2)
        rows = point[owners].flatten(1)
        rows[torch.arange(len(rows), device=run.device), column] += (side * steps[column]).to(rows)
        slopes = run.gradients(run.function(owners), [rows.reshape(len(rows), *point.shape[1:])])[0][0]
        return owners, column, slopes.flatten(2) * (side / (2 * steps[column])).to(slopes)[:, None, None]

    matrix = point.new_zeros((count, run.n_targets, p, p))
    for _, _, (owners, column, rows) in run.over(2 * len(moved) * count, work):
        matrix.transpose(1, 2).index_put_((owners, column), rows, accumulate=True)
    return (matrix + matrix.mT) / 2


def by_feature(pairs: NDArray[np.float64], layout: Layout | None, *, turned: bool) -> NDArray[np.float64]:
    """Pairs of an input's numbers (outputs, numbers, numbers) as pairs of its features, flat in their order.

    Numbers of one feature count as the root of the sum of their squares, which has no sign.
    """
    if isinstance(layout, Columns):
        return together(pairs, layout.members)
    if isinstance(layout, Steps) and turned:
        steps, channels = layout.shape
        order = np.arange(steps * channels).reshape(channels, steps).T.ravel()
        return np.asarray(pairs[:, order][:, :, order])
    return pairs
