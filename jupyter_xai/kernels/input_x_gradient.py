"""Input times gradient: the first-order share of each part of the input, measured from zero."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import ClassVar

from jupyter_xai.kernels._gradient import Attribution
from jupyter_xai.kernels._run import Run
from jupyter_xai.kernels.saliency import Saliency


class InputXGradient(Saliency):
    """The gradient at the instance times the input: what a straight line through the instance gives each part.

    Parameters are those of ``Saliency``.

    Notes
    -----
    Shrikumar, Greenside, Shcherbina & Kundaje, "Not Just a Black Box" (2016). For a network of linear layers and ReLU
    without biases values add up to the output; else they add up to nothing in particular.

    Examples
    --------
    >>> import torch
    >>> net = torch.nn.Linear(2, 1)
    >>> _ = net.load_state_dict({"weight": torch.tensor([[2.0, -1.0]]), "bias": torch.zeros(1)})
    >>> InputXGradient(net).explain([1.0, 5.0]).values
    array([[ 2., -5.]])
    """

    method: ClassVar[str] = "input_x_gradient"
    value_unit: ClassVar[str] = ""

    def _attribute(self, run: Run) -> Iterator[Attribution]:
        for found in super()._attribute(run):
            yield replace(
                found, values=[g * point[:, None] for g, point in zip(found.values, run.points, strict=True)]
            )
