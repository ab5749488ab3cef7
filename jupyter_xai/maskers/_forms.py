"""In which form an image came: read once, shown to a person, and handed back to the model as it was.

Everything works on the *canonical* array: (height, width, channels), numpy, in the values the user gave.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from jupyter_xai.errors import InputError

ImageLayout: TypeAlias = Literal["HWC", "CHW", "HW"]
Scale: TypeAlias = Literal["bytes", "unit", "signed", "imagenet", "other"]
"""What the numbers mean: 0-255, 0-1, -1-1, normalised by ImageNet's mean and deviation, or unknown."""

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
LARGE = 4_000_000
"""Pixels above which a notice says that every altered copy is heavy."""

_CHANNELS = (1, 3, 4)


@dataclass(frozen=True, kw_only=True)
class ImageForm:
    """How an image was given.

    Parameters
    ----------
    layout : {"HWC", "CHW", "HW"}
        Order of the axes, the batch axis aside.
    batched : bool
        Whether it came with a batch axis of one.
    container : {"numpy", "torch", "pil"}
        What held it.
    dtype : object
        Its numpy or torch dtype.
    device : object
        Its torch device; None for the others.
    scale : {"bytes", "unit", "signed", "imagenet", "other"}
        What its numbers mean.
    low, high : float
        Smallest and largest value.
    height, width, channels : int
        Size of the canonical array.
    alpha : bool
        Whether a fourth channel was taken for transparency and composited on white.
    notices : tuple of str
        Sentences the reader should see.
    """

    layout: ImageLayout
    batched: bool
    container: Literal["numpy", "torch", "pil"]
    dtype: Any
    device: Any
    scale: Scale
    low: float
    high: float
    height: int
    width: int
    channels: int
    alpha: bool = False
    notices: tuple[str, ...] = ()

    def describe(self) -> str:
        """Size, colours, order of axes and values in words.

        Examples
        --------
        >>> read_image(np.full((224, 224, 3), 9, np.uint8))[1].describe()
        '224×224 RGB, channels last, values 0–255 (uint8)'
        """
        colours = {1: "grey", 3: "RGB"}.get(self.channels, f"{self.channels} channels")
        order = {"HWC": ", channels last", "CHW": ", channels first", "HW": ""}[self.layout]
        known = {"bytes": "0–255", "unit": "0–1", "signed": "−1–1", "imagenet": "normalised as for ImageNet"}
        found = f"{self.low:.3g}–{self.high:.3g}".replace("-", "−")
        dtype = str(self.dtype).removeprefix("torch.")
        return f"{self.width}×{self.height} {colours}{order}, values {known.get(self.scale, found)} ({dtype})"


def is_image_object(x: Any) -> bool:
    """Whether x is a PIL image; PIL is not imported for it."""
    return any(c.__name__ == "Image" and c.__module__ == "PIL.Image" for c in type(x).__mro__)


def is_tensor(x: Any) -> bool:
    """Whether x is a torch tensor; torch is not imported for it."""
    return any(c.__name__ == "Tensor" and c.__module__ == "torch" for c in type(x).__mro__)


def read_image(x: Any, layout: ImageLayout | None = None) -> tuple[NDArray[Any], ImageForm]:
    """Bring an image to the canonical array and say in which form it came.

    Transparency (PIL images, and channels-last arrays with four channels in 0-1 or 0-255) is composited on
    white; a tensor or a channels-first array keeps its four channels. Values are never rescaled here.

    Parameters
    ----------
    x : array, torch tensor or PIL image
        H x W, H x W x C or C x H x W, each also with a batch axis of one.
    layout : {"HWC", "CHW", "HW"}, optional
        Order of the axes where the shape leaves it open.

    Returns
    -------
    array : ndarray of shape (height, width, channels)
    form : ImageForm

    Raises
    ------
    InputError
        If there is nothing to cut, the order of axes is open, or values are not finite.

    Examples
    --------
    >>> array, form = read_image(np.zeros((3, 32, 48)))
    >>> array.shape, form.layout
    ((32, 48, 3), 'CHW')
    """
    raw, container, device, dtype = _unpack(x)
    batched = raw.ndim == 4 or (raw.ndim == 3 and layout == "HW")
    if batched:
        if raw.shape[0] != 1:
            raise InputError(
                f"Got {raw.shape[0]} images (shape {raw.shape}); one is explained at a time. "
                "Pass one of them, for example x[0]."
            )
        raw = raw[0]
    if raw.ndim not in {2, 3}:
        raise InputError(
            f"An image has 2 or 3 axes and at most a batch axis of 1; got shape {raw.shape}. "
            "Pass height × width × channels."
        )
    if 0 in raw.shape:
        raise InputError(
            f"Nothing to explain: the image has 0 pixels (shape {raw.shape}). Pass a larger one."
        )
    layout = layout or _infer_layout(raw.shape, container)
    array = raw[:, :, None] if raw.ndim == 2 else np.moveaxis(raw, 0, -1) if layout == "CHW" else raw
    if array.shape[0] * array.shape[1] == 1:
        raise InputError("Nothing to cut: the image is 1×1 pixel. Pass an image of at least 2 pixels.")
    _check_values(array)
    array, alpha = _flatten_alpha(array, layout, container)
    scale, low, high = _scale(array)
    notices = _notices(array, scale, low, high, alpha=alpha)
    height, width, channels = array.shape
    form = ImageForm(
        layout=layout,
        batched=batched,
        container=container,
        dtype=dtype,
        device=device,
        scale=scale,
        low=low,
        high=high,
        height=height,
        width=width,
        channels=channels,
        alpha=alpha,
        notices=notices,
    )
    return array, form


def to_display(array: NDArray[Any], form: ImageForm) -> NDArray[np.uint8]:
    """Picture of a canonical array for people: known normalisations undone, unknown ranges stretched.

    Parameters
    ----------
    array : ndarray of shape (height, width, channels)
    form : ImageForm
        The form of the *original* image, so that altered copies keep its range.

    Returns
    -------
    ndarray of shape (height, width, 3), uint8

    Examples
    --------
    >>> array, form = read_image(np.array([[0.0, 0.5], [1.0, 0.25]]), "HW")
    >>> to_display(array, form)[:, :, 0]
    array([[  0, 128],
           [255,  64]], dtype=uint8)
    """
    if form.channels == 2:
        array = array.mean(axis=2, keepdims=True)
    array = array[:, :, :3] if array.shape[2] >= 3 else array
    if array.dtype == np.uint8:
        shown = array
    else:
        values = np.asarray(array, dtype=np.float64)
        if form.scale == "imagenet":
            values = values * IMAGENET_STD + IMAGENET_MEAN
        elif form.scale == "signed":
            values = (values + 1) / 2
        elif form.scale == "bytes":
            values = values / 255
        elif form.scale == "other":
            values = (values - form.low) / max(form.high - form.low, 1e-12)
        shown = np.clip(np.floor(values * 255 + 0.5), 0, 255).astype(np.uint8)
    return np.ascontiguousarray(np.broadcast_to(shown, (*shown.shape[:2], 3)))


def for_model(array: NDArray[Any], form: ImageForm, backend: str) -> tuple[NDArray[Any], ImageLayout, str]:
    """One image as its model takes it, without a batch axis.

    A function gets the layout and dtype in which the image came, H x W as H x W x 1; a net gets float32,
    C x H x W. For a net, bytes of an array or PIL image become 0-1, as torchvision's ``to_tensor`` does; bytes
    of a tensor keep 0-255, since whoever makes a uint8 tensor has a net that scales by itself. The notice says
    so.

    Parameters
    ----------
    array : ndarray of shape (height, width, channels)
    form : ImageForm
    backend : {"numpy", "torch"}
        The predictor's.

    Returns
    -------
    image : ndarray
    layout : {"HWC", "CHW"}
    notice : str
        Empty if nothing was changed.

    Examples
    --------
    >>> array, form = read_image(np.full((8, 6, 3), 255, np.uint8))
    >>> image, layout, notice = for_model(array, form, "torch")
    >>> image.shape, layout, float(image.max())
    ((3, 8, 6), 'CHW', 1.0)
    """
    if backend != "torch":
        layout: ImageLayout = "CHW" if form.layout == "CHW" else "HWC"
        return from_canonical(array, layout), layout, ""
    image = np.ascontiguousarray(np.moveaxis(array, -1, 0), dtype=np.float32)
    notice = ""
    if array.dtype == np.uint8 and form.container != "torch":
        image /= np.float32(255)
        notice = "The net gets the image's bytes as 0–1. If it takes normalised images, pass its own tensor."
    elif array.dtype == np.uint8:
        notice = "The net gets the tensor's bytes as float32 0–255. If it takes 0–1, pass x / 255."
    return image, "CHW", notice


def from_canonical(array: NDArray[Any], layout: ImageLayout) -> NDArray[Any]:
    """Undo the canonical order, with or without a batch axis in front.

    Examples
    --------
    >>> from_canonical(np.zeros((2, 4, 6, 1)), "HW").shape, from_canonical(np.zeros((4, 6, 3)), "CHW").shape
    ((2, 4, 6), (3, 4, 6))
    """
    if layout == "HW":
        return array[..., 0]
    return np.moveaxis(array, -1, -3) if layout == "CHW" else array


def to_container(batch: NDArray[Any], form: ImageForm) -> Any:
    """Hand a batch to a function in what the image came in: tensors of its dtype on its device, else arrays.

    Parameters
    ----------
    batch : ndarray
        In the order of axes that ``for_model`` gave.
    form : ImageForm

    Examples
    --------
    >>> _, form = read_image(np.zeros((8, 6, 3)))
    >>> type(to_container(np.zeros((2, 8, 6, 3)), form)).__name__
    'ndarray'
    """
    if form.container != "torch":
        return batch
    import torch

    return torch.from_numpy(batch).to(device=form.device, dtype=form.dtype)


def _unpack(x: Any) -> tuple[NDArray[Any], Literal["numpy", "torch", "pil"], Any, Any]:
    """Return array, container, device and dtype."""
    if is_tensor(x):
        tensor = x.detach()
        tensor = tensor.float() if "bfloat16" in str(x.dtype) else tensor
        return tensor.cpu().numpy(), "torch", x.device, x.dtype
    if is_image_object(x):
        if x.mode == "P" and "transparency" in x.info:
            x = x.convert("RGBA")
        elif x.mode not in {"1", "L", "LA", "RGB", "RGBA", "I", "I;16", "F"}:
            x = x.convert("RGB")
        elif x.mode == "LA":
            x = x.convert("RGBA")
        array = np.asarray(x)
        return array, "pil", None, array.dtype
    try:
        array = np.asarray(x)
    except ValueError:
        array = np.empty(0, dtype=object)
    if array.dtype.kind not in "biuf":
        raise InputError(
            f"An image holds numbers; got {type(x).__name__} of {array.dtype}. "
            "Pass an array, a tensor or a PIL image."
        )
    return array, "numpy", None, array.dtype


def _infer_layout(shape: tuple[int, ...], container: str) -> ImageLayout:
    if len(shape) == 2:
        return "HW"
    if container != "numpy":
        return "CHW" if container == "torch" else "HWC"
    first, last = shape[0] in _CHANNELS, shape[2] in _CHANNELS
    if shape[1] == 1 and shape[0] * shape[2] in _CHANNELS:
        return "HWC" if shape[0] == 1 else "CHW"  # one pixel: the caller says that there is nothing to cut
    if first and last:
        raise InputError(
            f"An array of shape {shape} may be a {shape[1]}×{shape[0]} image with {shape[2]} channels last, "
            f"or a {shape[2]}×{shape[1]} image with {shape[0]} channels first. "
            "Pass PIL.Image.fromarray(x) for the former, torch.from_numpy(x) for the latter."
        )
    if not first and not last:
        raise InputError(
            f"An image array has 1, 3 or 4 channels on its first or last axis; got shape {shape}. "
            "Pass a torch tensor (channels first, any number) or one image of this array."
        )
    return "CHW" if first else "HWC"


def _check_values(array: NDArray[Any]) -> None:
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        count = int((~np.isfinite(array)).sum())
        raise InputError(
            f"The image has {count:,} values that are NaN or infinite; every pixel must be a number. "
            "Replace them first, for example by np.nan_to_num(x)."
        )


def _flatten_alpha(array: NDArray[Any], layout: ImageLayout, container: str) -> tuple[NDArray[Any], bool]:
    """Composite four channels on white where the fourth is transparency."""
    if array.shape[2] != 4 or layout == "CHW" or container == "torch":
        return array, False
    scale = _scale(array)[0]
    if scale not in {"bytes", "unit"}:
        return array, False
    white = 255.0 if scale == "bytes" else 1.0
    opacity = np.asarray(array[:, :, 3:], dtype=np.float64) / white
    flat = array[:, :, :3] * opacity + white * (1 - opacity)
    return (np.floor(flat + 0.5) if array.dtype.kind in "iu" else flat).astype(array.dtype), True


def _scale(array: NDArray[Any]) -> tuple[Scale, float, float]:
    """What the numbers mean, from their type and range; deterministic, and said in ``took``."""
    low, high = float(array.min()), float(array.max())
    if array.dtype.kind == "b":
        return "unit", low, high
    if array.dtype.kind in "iu":
        return ("bytes" if low >= 0 and high <= 255 else "other"), low, high
    if low >= -0.1 and high <= 1.1:  # resampling overshoots a little
        return "unit", low, high
    if low >= 0 and high <= 255:
        return "bytes", low, high
    if low >= -1 and high <= 1:
        return "signed", low, high
    if array.shape[2] == 3:
        mean, std = np.array(IMAGENET_MEAN), np.array(IMAGENET_STD)
        inside = (array >= -mean / std - 0.02) & (array <= (1 - mean) / std + 0.02)
        if inside.all():
            return "imagenet", low, high
    return "other", low, high


def _notices(array: NDArray[Any], scale: Scale, low: float, high: float, *, alpha: bool) -> tuple[str, ...]:
    notices = []
    if alpha:
        notices.append(
            "The image has an alpha channel: composited on white, the model gets the three colours."
        )
    if array.shape[0] * array.shape[1] > LARGE:
        size = array[0, 0].nbytes * array.shape[0] * array.shape[1] / 1e6
        notices.append(
            f"The image has {array.shape[1]:,}×{array.shape[0]:,} pixels: every altered copy takes "
            f"{size:,.0f} MB. Shrink it to what the model was trained on to make this faster."
        )
    if scale == "unit" and (low < 0 or high > 1):
        notices.append(
            f"Values run from {low:.3g} to {high:.3g}, a little outside 0–1: the picture clips them, "
            "the model gets them unchanged."
        )
    elif scale == "other" and (low < -20 or high > 255):
        notices.append(
            f"Values run from {low:.4g} to {high:.4g}, outside 0–1 and 0–255: the picture is stretched "
            "to show them, the model gets them unchanged."
        )
    return tuple(notices)
