"""From what the user gave to a network's inputs, tensors with a batch axis and their layouts, and back to features."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from jupyter_xai.errors import CannotExplainError, InputError
from jupyter_xai.explanation import Columns, Layout, Pixels, Several, Steps, Tokens
from jupyter_xai.kernels._network import Network, Part
from jupyter_xai.protocols import Encoded, Predictor

_CONVOLUTIONS = {"Conv1d": 3, "Conv2d": 4, "Conv3d": 5}
_PICTURED = (1, 3, 4)
_STEPPING = {"LSTM", "GRU", "RNN", "Linear", "MultiheadAttention"}
"""Layers that take steps before channels."""


@dataclass(frozen=True)
class Given:
    """What is explained, as the network takes it.

    Parameters
    ----------
    parts : tuple of Part
        One row each.
    layouts : tuple of Layout or None
        None for parts that are kept as they are.
    structure : str or tuple of str
        As in ``Network``.
    masker : object or None
        The bound masker that made them, if one did.
    """

    parts: tuple[Part, ...]
    layouts: tuple[Layout | None, ...]
    structure: str | tuple[str, ...]
    masker: Any = None
    notices: tuple[str, ...] = ()
    turned: tuple[bool, ...] = ()
    """Which parts are series with their channels first, whose layout has them last; empty: none."""

    @property
    def layout(self) -> Layout:
        """Layout of all explained parts."""
        names = (
            self.structure
            if isinstance(self.structure, tuple)
            else [f"input {i}" for i in range(len(self.parts))]
        )
        shown = [(name, part) for name, part in zip(names, self.layouts, strict=True) if part is not None]
        if len(shown) == 1:
            return shown[0][1]
        return Several(parts=tuple(part for _, part in shown), part_names=tuple(name for name, _ in shown))


def read(x: Any, inputs: Any, predictor: Predictor, module: Any, fixed: Sequence[str] = ()) -> Given:
    """Read one instance.

    Parameters
    ----------
    x : object
        An array, tensor, row of a DataFrame, PIL image, or a tuple or dict of these, with or without a batch axis of
        one; with a masker as ``inputs`` whatever that takes.
    inputs : Layout, masker or None
    predictor : Predictor
        A torch predictor: device and dtype.
    module : torch.nn.Module
    fixed : sequence of str
        Names of inputs of a dict that are kept as they are.

    Raises
    ------
    InputError
        If it holds no number that could be explained.
    """
    if hasattr(inputs, "bind"):
        return _from_masker(x, inputs, predictor)
    if isinstance(x, Mapping) and not hasattr(x, "iloc"):
        values, structure = list(x.values()), tuple(str(name) for name in x)
        names: list[str] = list(structure)
    elif isinstance(x, tuple):
        values, structure = list(x), "tuple"  # type: ignore[assignment]
        names = [f"input {i}" for i in range(len(values))]
    else:
        values, structure = [x], "single"  # type: ignore[assignment]
        names = ["input"]
    tensors = [as_tensor(value, predictor) for value in values]
    tensors = _with_batch(tensors, module, structure)
    parts = tuple(
        Part(tensor, "fixed" if name in fixed else _role(tensor))
        for name, tensor in zip(names, tensors, strict=True)
    )
    given = (
        inputs.parts if isinstance(inputs, Several) else (inputs,) * (len(parts) == 1) or (None,) * len(parts)
    )
    told = iter(given)
    layouts = tuple(
        None if part.role == "fixed" else next(told, None) or _layout(part.value[0], value, module)
        for part, value in zip(parts, values, strict=True)
    )
    turned = tuple(
        isinstance(layout, Steps) and _turned(part.value[0], layout, module)
        for part, layout in zip(parts, layouts, strict=True)
    )
    if not any(part.role != "fixed" for part in parts):
        raise InputError(
            "There is nothing to differentiate: all inputs are whole numbers or truth values that feed no embedding. "
            "Pass floating-point inputs, or token ids of a network with an embedding."
        )
    return Given(parts, layouts, structure, turned=turned)


def _from_masker(x: Any, masker: Any, predictor: Predictor) -> Given:
    bound = masker.bind(x, predictor)
    batch = bound.instance()
    structure: str | tuple[str, ...] = "single"
    if isinstance(batch, Encoded):
        structure, batch = batch.names or "single", list(batch.parts[0][1])
    elif isinstance(batch, Mapping):
        structure, batch = tuple(str(name) for name in batch), list(batch.values())
    elif isinstance(batch, tuple):
        structure, batch = "tuple", list(batch)
    else:
        batch = [batch]
    tensors = [as_tensor(value, predictor) for value in batch]
    layout = bound.layout
    if isinstance(layout, Pixels):
        layout = replace(layout, labels=None, channels=int(tensors[0].shape[1]))
    fixed = tuple(getattr(bound, "fixed", ()))
    parts: list[Part] = []
    layouts: list[Layout | None] = []
    for at, tensor in enumerate(tensors):
        name = structure[at] if isinstance(structure, tuple) else f"input {at}"
        role = "fixed" if name in fixed or any(layouts) else _role(tensor)
        parts.append(Part(tensor, role))
        layouts.append(layout if role != "fixed" else None)
    return Given(tuple(parts), tuple(layouts), structure, bound, tuple(bound.notices))


def as_tensor(value: Any, predictor: Predictor) -> Tensor:
    """One input on the network's device, floats in its dtype, whole numbers as int64."""
    if hasattr(value, "iloc"):
        value = value.to_numpy()
    if hasattr(value, "getbands"):
        raise InputError(
            "A photograph has to be brought into the network's own form first. Pass a tensor, or inputs=xai.Image()."
        )
    if not isinstance(value, Tensor):
        try:
            array = np.asarray(value)
            array = array.astype(np.float64) if array.dtype.kind == "O" else array
            value = torch.from_numpy(np.array(array))
        except (TypeError, ValueError):
            raise InputError(
                f"The input is a {type(value).__name__}, which is not made of numbers; a network takes numbers. Encode "
                "text and categories first, or pass the masker that does as inputs=."
            ) from None
    tensor: Tensor = value.detach()
    whole = torch.bool if tensor.dtype == torch.bool else torch.int64
    dtype = predictor.dtype if tensor.is_floating_point() else whole
    moved: Tensor = tensor.to(device=predictor.device, dtype=dtype)
    return moved


def _role(tensor: Tensor) -> str:
    if tensor.is_floating_point():
        return "float"
    return "ids" if tensor.dtype == torch.int64 and tensor.dim() == 2 else "fixed"


def _with_batch(tensors: list[Tensor], module: Any, structure: Any) -> list[Tensor]:
    """Give all inputs a batch axis of one, unless they have it: the network itself says which it takes."""
    axes = next(
        (n for part in module.modules() for c, n in _CONVOLUTIONS.items() if type(part).__name__ == c), None
    )
    added = [tensor[None] for tensor in tensors]
    if not all(tensor.dim() > 1 and len(tensor) == 1 for tensor in tensors):
        return added
    if len(tensors) == 1 and axes is not None and tensors[0].dim() in {axes - 1, axes}:
        return tensors if tensors[0].dim() == axes else added
    network = Network(module, structure)
    with torch.no_grad():
        try:
            if network.call(tensors).dim() <= 2:
                return tensors
        except Exception:  # noqa: BLE001  # whatever the network says of a form it does not take
            return added
    return tensors


def _turned(tensor: Tensor, layout: Steps, module: Any) -> bool:
    """Whether a series has its channels first, as convolutions over time take them."""
    if tuple(tensor.shape) == layout.shape:
        return tensor.shape[0] == tensor.shape[1] and _channels_first(tensor, module)
    return tuple(tensor.shape) == layout.shape[::-1]


def _channels_first(tensor: Tensor, module: Any) -> bool:
    """Whether the first layer of a network that is told channels apart is a convolution that takes these ones."""
    for part in module.modules():
        if type(part).__name__ in _CONVOLUTIONS:
            return type(part).__name__ == "Conv1d" and part.in_channels == tensor.shape[0]
        if type(part).__name__ in _STEPPING:
            return False
    return False


def _layout(tensor: Tensor, value: Any, module: Any) -> Layout:
    """Layout of one input without its batch axis, by its axes."""
    array = tensor.cpu().numpy()
    if not tensor.is_floating_point():
        return _ids_layout(array)
    if array.ndim == 1:
        labels = getattr(value, "columns", getattr(value, "index", None)) if hasattr(value, "iloc") else None
        names = (
            [str(label) for label in labels] if labels is not None else [f"x{i}" for i in range(len(array))]
        )
        return Columns(
            names=tuple(names),
            values=tuple(float(v) for v in array),
            kinds=tuple("number" for _ in names),
            members=tuple((i,) for i in range(len(array))),
        )
    if array.ndim == 2:
        array = array.T if _channels_first(tensor, module) else array
        return Steps(values=array, channel_names=tuple(f"channel {i}" for i in range(array.shape[1])))
    if array.ndim == 3:
        return Pixels(image=_picture(array), channels=array.shape[0])
    raise InputError(
        f"An input of shape {tuple(array.shape)} is neither a row, a series nor an image. Pass inputs= with its layout."
    )


def _picture(array: NDArray[Any]) -> NDArray[np.uint8]:
    from jupyter_xai.maskers._forms import read_image, to_display

    shown = array if len(array) in _PICTURED else array.mean(axis=0, keepdims=True)
    canonical, form = read_image(np.ascontiguousarray(shown), "CHW")
    return to_display(canonical, form)


def _ids_layout(ids: NDArray[Any]) -> Tokens:
    words = [str(token) for token in ids.tolist()]
    ends = np.cumsum([len(word) + 1 for word in words]) - 1
    offsets = tuple((int(end) - len(word), int(end)) for word, end in zip(words, ends, strict=True))
    return Tokens(text=" ".join(words), offsets=offsets, units="tokens")


# --- back to the user's features ---------------------------------------------------------------------------------


def fold(values: NDArray[np.float64], layout: Layout, masker: Any, role: str) -> NDArray[np.float64]:
    """Values of one input as its layout has them.

    Parameters
    ----------
    values : ndarray of shape (outputs, *input shape), or with an embedding's axis last
    layout : Layout
    masker : object or None
    role : {"float", "ids"}
    """
    if role == "ids":
        values = values.sum(axis=-1)
        own: Callable[[Any], Any] | None = getattr(masker, "fold", None)
        return np.asarray(own(values)) if own is not None else values
    if isinstance(layout, Columns):
        return np.stack([values[:, list(members)].sum(axis=1) for members in layout.members], axis=1)
    return values


def unexplainable(predictor: Predictor, method: str) -> CannotExplainError:
    """Say that a method needs a torch network."""
    return CannotExplainError(
        f"{method} takes gradients and needs a torch network, but the model is a {predictor.model_name}.",
        ["LIME", "KernelSHAP"],
    )
