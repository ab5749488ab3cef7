"""Grad-CAM: where in an image the last spatial layer of a network speaks for an output."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from jupyter_xai.errors import CannotExplainError, InputError
from jupyter_xai.explanation import Layout, Pixels
from jupyter_xai.kernels._gradient import Attribution, GradientKernel
from jupyter_xai.kernels._run import Run
from jupyter_xai.params import ChoiceParam, ParamSpec, TextParam


class GradCam(GradientKernel):
    """A coarse map of the regions that speak for an output, from the last layer that still knows where things are.

    Parameters
    ----------
    model : torch.nn.Module
        With an image (channels, height, width) as its input.
    layer : str or torch.nn.Module, default=""
        Whose output is looked at, by its name in ``named_modules()`` or itself. Empty: the last tensor with height and
        width on the way to the scores, found by following the calls.
    variant : {"gradcam", "hirescam"}, default="gradcam"
        Gradients averaged over the layer's places and negative evidence cut off, as published; or each place's own
        gradient with its sign, which for a head of average pooling and a linear layer is exact.
    inputs : Layout or masker, optional
    random_state : int or None, default=0
        Not used: nothing is drawn.
    batch_size : int or "auto", default="auto"
        Most rows a pass.

    Notes
    -----
    Selvaraju et al., "Grad-CAM" (ICCV 2017); Draelos & Carin, "Use HiResCAM instead of Grad-CAM" (2020). The map is
    brought to the input's size by bilinear interpolation and is not rescaled: values of two outputs can be compared,
    and a map of nothing is zero. It does not add up to the output, and is as coarse as the layer.

    Examples
    --------
    >>> net = torch.nn.Sequential(torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(), torch.nn.Linear(2, 1))
    >>> _ = torch.nn.init.ones_(net[2].weight)
    >>> image = torch.zeros(2, 4, 4)
    >>> image[:, :2, :2] = 4.0
    >>> GradCam(net).explain(image).values[0, 0]
    array([[0.5, 0.5, 0. , 0. ],
           [0.5, 0.5, 0. , 0. ],
           [0. , 0. , 0. , 0. ],
           [0. , 0. , 0. , 0. ]])
    """

    method: ClassVar[str] = "grad_cam"
    value_unit: ClassVar[str] = "relevance"
    params: ClassVar[tuple[ParamSpec, ...]] = (
        TextParam(
            name="layer",
            default="",
            label="layer",
            doc="Whose output is looked at; by default the last one with height and width.",
            free=True,
        ),
        ChoiceParam(
            name="variant",
            default="gradcam",
            label="variant",
            doc="As published, without negative evidence; or each place's own gradient with its sign.",
            choices=("gradcam", "hirescam"),
        ),
    )

    def __init__(
        self,
        model: Any,
        *,
        layer: Any = "",
        variant: Literal["gradcam", "hirescam"] = "gradcam",
        inputs: Any = None,
        random_state: int | None = 0,
        batch_size: int | Literal["auto"] = "auto",
    ) -> None:
        self.model = model
        self.layer = layer
        self.variant = variant
        self.inputs = inputs
        self.random_state = random_state
        self.batch_size = batch_size

    def _seen(self, layout: Layout) -> Layout:
        return replace(layout, channels=1) if isinstance(layout, Pixels) else layout

    def _attribute(self, run: Run) -> Iterator[Attribution]:
        if len(run.points) != 1 or run.points[0].dim() != 4:
            raise CannotExplainError(
                "Grad-CAM maps one image (channels, height, width), and this network takes something else.",
                ["DeepLIFT", "integrated gradients"],
            )
        place = self._place(run)
        run.total = run.count

        def work(start: int, stop: int) -> Tensor:
            points = [point[start:stop] for point in run.points]
            return self._maps(run, torch.arange(start, stop, device=run.device), points, place)

        maps = torch.cat([found for _, _, found in run.over(run.count, work)])
        yield Attribution([maps[:, :, None]])

    def _place(self, run: Run) -> Any:
        """The layer asked for, in the copy that is explained."""
        if self.layer is None or (isinstance(self.layer, str) and self.layer == ""):
            return None
        named = dict(run.module.named_modules())
        name = self.layer
        if not isinstance(name, str):
            original = run.predictor_module.named_modules()
            name = next((known for known, part in original if part is self.layer), None)
        if name not in named:
            some = ", ".join(repr(known) for known in list(named)[1:12])
            raise InputError(
                f"layer={self.layer!r} is not a module of the network: expected one of {some}, or none."
            )
        return named[name]

    def _maps(self, run: Run, owners: Tensor, points: Sequence[Tensor], place: Any) -> Tensor:
        """Maps at the input's size, (rows, targets, height, width)."""
        function = run.function(owners)
        with torch.enable_grad(), ExitStack() as stack:
            entered = points[0].detach().requires_grad_().clone()  # a network may write into what it is given
            spatial = Spatial(entered)
            kept: list[Tensor] = []

            def keep_output(_module: Any, _given: Any, output: Tensor) -> Tensor:
                kept.append(output)
                return output.clone()  # what follows may write into it

            if place is not None:
                handle = place.register_forward_hook(keep_output)
                stack.callback(handle.remove)
            stack.enter_context(spatial)
            scores = function(entered)
            features = kept[-1] if kept else spatial.last
            if features.dim() != 4 or (place is not None and not kept):
                raise CannotExplainError(
                    "Grad-CAM found no layer with height and width on the way to the scores.",
                    ["DeepLIFT", "integrated gradients"],
                )
            maps = []
            for target in range(scores.shape[1]):
                keep = target + 1 < scores.shape[1]
                found: tuple[Tensor | None, ...] = torch.autograd.grad(
                    scores[:, target].sum(), features, retain_graph=keep, allow_unused=True
                )
                gradient = torch.zeros_like(features) if found[0] is None else found[0]
                maps.append(self._map(features, gradient))
        size = points[0].shape[2:]
        stacked = torch.stack(maps, dim=1).detach()
        if stacked.shape[2:] == size:
            return stacked
        return torch.nn.functional.interpolate(stacked, size=size, mode="bilinear", align_corners=False)

    def _map(self, features: Tensor, gradient: Tensor) -> Tensor:
        if self.variant == "hirescam":
            return (gradient * features).sum(1)
        return (gradient.mean(dim=(2, 3), keepdim=True) * features).sum(1).relu()


class Spatial(TorchFunctionMode):
    """Remembers the last tensor (rows, channels, height, width) that depends on the input.

    Parameters
    ----------
    first : Tensor
        The input.
    """

    def __init__(self, first: Tensor) -> None:
        super().__init__()
        self.last = first

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Call on, and note."""
        result = func(*args, **(kwargs or {}))
        if isinstance(result, Tensor) and result.dim() == 4 and result.requires_grad:
            height, width = result.shape[2:]
            if height * width > 1:
                self.last = result
        return result
