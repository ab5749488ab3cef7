"""Saliency: the gradient of each output, with its sign."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar, Literal

import torch

from jupyter_xai.kernels._gradient import Attribution, GradientKernel
from jupyter_xai.kernels._run import Run
from jupyter_xai.params import ParamSpec


class Saliency(GradientKernel):
    """How fast an output changes with each part of the input, right at the instance.

    Parameters
    ----------
    model : torch.nn.Module
    inputs : Layout or masker, optional
        What the input is made of; read off the input otherwise.
    random_state : int or None, default=0
        Not used: nothing is drawn.
    batch_size : int or "auto", default="auto"
        Most rows a pass.

    Notes
    -----
    Simonyan, Vedaldi & Zisserman, "Deep Inside Convolutional Networks" (2013), without the absolute value: a positive
    gradient means that more of this input raises the output. Values do not add up to anything; where an output is
    saturated they are zero although the input matters.

    Examples
    --------
    >>> net = torch.nn.Linear(2, 1)
    >>> _ = net.load_state_dict({"weight": torch.tensor([[2.0, -1.0]]), "bias": torch.zeros(1)})
    >>> Saliency(net).explain([1.0, 5.0]).values
    array([[ 2., -1.]])
    """

    method: ClassVar[str] = "saliency"
    params: ClassVar[tuple[ParamSpec, ...]] = ()
    value_unit: ClassVar[str] = "per unit of the input"

    def __init__(
        self,
        model: Any,
        *,
        inputs: Any = None,
        random_state: int | None = 0,
        batch_size: int | Literal["auto"] = "auto",
    ) -> None:
        self.model = model
        self.inputs = inputs
        self.random_state = random_state
        self.batch_size = batch_size

    def _attribute(self, run: Run) -> Iterator[Attribution]:
        run.total = run.count
        parts = []
        for _, _, (gradients, _) in run.over(
            run.count,
            lambda a, b: run.gradients(
                run.function(torch.arange(a, b)), [point[a:b] for point in run.points]
            ),
        ):
            parts.append(gradients)
        yield Attribution([torch.cat(each) for each in zip(*parts, strict=True)], total=1)
