"""Edits of an image, in whatever container it came: hidden pieces, boxes, strokes, photographic adjustments."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jupyter_xai.errors import InputError
from jupyter_xai.explanation import Pixels
from jupyter_xai.whatif.strokes import stroke_mask


def apply_to_image(layout: Pixels, image: Any, edits: Iterable[Mapping[str, Any]], fill: Any) -> Any:
    """Hide, occlude, brush, adjust.

    Parameters
    ----------
    layout : Pixels
    image : array, tensor or PIL image
        As the user gave it; the result has the same type, dtype, device and order of axes.
    edits : iterable of dict
        Checked.
    fill : number, array or str
        What replaces what is hidden; see ``edits.apply``.

    Raises
    ------
    InputError
        If a piece or pixel does not exist.
    """
    size = layout.image.shape[:2]
    image = _editable(image)
    array, first, last = _canonical(image, size)
    opacity = array[:, :, 3:] if array.shape[2] == 4 and layout.channels == 3 else array[:, :, :0]
    out = np.array(array[:, :, : array.shape[2] - opacity.shape[2]], dtype=np.float64)
    low, high = _range(array)
    for edit in edits:
        if edit["op"] == "adjust":
            out = ADJUST[edit["kind"]](out, edit["amount"], low, high)
        else:
            mask = _resize(_mask(layout, edit), out.shape[:2])
            out = np.where(mask[:, :, None], _filled(out, mask, layout, fill), out)
    out = np.clip(out, low, high)
    if array.dtype.kind in "iu":
        out = np.rint(out)
    return _back(np.concatenate([out.astype(array.dtype), opacity], axis=2), image, first, last)


def _mask(layout: Pixels, edit: Mapping[str, Any]) -> NDArray[np.bool_]:
    """Pixels of the picture that an edit hides."""
    height, width = layout.image.shape[:2]
    if edit["op"] == "hide":
        if layout.labels is None:
            raise InputError(
                "The picture is not cut into pieces, so none can be hidden. Use occlude or brush."
            )
        count = int(layout.labels.max()) + 1
        stray = [piece for piece in edit["pieces"] if piece >= count]
        if stray:
            raise InputError(
                f"There is no piece {stray[0]} to hide: the picture has {count}, 0 to {count - 1}."
            )
        return np.isin(layout.labels, edit["pieces"])
    if edit["op"] == "brush":
        stroke = stroke_mask(edit["points"], edit["width"], (height, width))
        if not stroke.any():
            raise InputError(
                f"The stroke covers no pixel of the picture of {width}×{height} pixels. Give points inside it, or "
                "a larger width."
            )
        return stroke
    left, top, right, bottom = edit["box"]
    if left >= width or top >= height:
        raise InputError(f"The box {edit['box']} lies outside the picture of {width}×{height} pixels.")
    mask = np.zeros((height, width), dtype=np.bool_)
    mask[top:bottom, left:right] = True
    return mask


def _filled(out: NDArray[np.float64], mask: NDArray[np.bool_], layout: Pixels, fill: Any) -> Any:
    """What shows where the mask is."""
    if isinstance(fill, str):
        if fill == "blur":
            return gaussian(out, 0.05 * max(out.shape[:2]))
        if fill != "mean":
            raise InputError(
                f'fill={fill!r} does not work here: expected "mean", "blur", a number or an image.'
            )
        labels = (
            _resize(layout.labels, out.shape[:2])
            if layout.labels is not None
            else np.zeros(out.shape[:2], int)
        )
        means = np.array(out)
        for piece in np.unique(labels[mask]):  # each piece its own colour, as lime has it
            part = mask & (labels == piece)
            means[part] = out[part].mean(axis=0)
        return means
    value = np.asarray(fill, dtype=np.float64)
    return _canonical(value, out.shape[:2])[0] if value.ndim >= 2 else value


def gaussian(image: NDArray[np.float64], sigma: float) -> NDArray[np.float64]:
    """Gaussian blur along both axes, edges repeated.

    Parameters
    ----------
    image : ndarray of shape (height, width, channels)
    sigma : float
        In pixels; 0 leaves the image as it is.

    Examples
    --------
    >>> gaussian(np.ones((4, 5, 1)), 1.0)[0, 0].round(12)
    array([1.])
    """
    if sigma <= 0:
        return image
    radius = max(1, int(3 * sigma + 0.5))
    weights = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2)
    weights /= weights.sum()
    for axis in (0, 1):
        pad = [(radius, radius) if a == axis else (0, 0) for a in range(3)]
        padded = np.pad(image, pad, mode="edge")
        n = image.shape[axis]
        image = np.zeros_like(image)
        for i, weight in enumerate(weights):
            image += weight * (padded[i : i + n] if axis == 0 else padded[:, i : i + n])
    return image


def rotate(image: NDArray[np.float64], degrees: float) -> NDArray[np.float64]:
    """Rotate counter-clockwise about the centre, bilinear, edges repeated; the size stays.

    Examples
    --------
    >>> rotate(np.array([[[1.0], [2.0]], [[3.0], [4.0]]]), 90)[:, :, 0].round(12)
    array([[2., 4.],
           [1., 3.]])
    """
    height, width = image.shape[:2]
    angle = np.deg2rad(degrees)
    cy, cx = (height - 1) / 2, (width - 1) / 2
    y, x = np.meshgrid(np.arange(height) - cy, np.arange(width) - cx, indexing="ij")
    from_y = np.clip(np.cos(angle) * y + np.sin(angle) * x + cy, 0, height - 1)
    from_x = np.clip(np.cos(angle) * x - np.sin(angle) * y + cx, 0, width - 1)
    top, left = np.floor(from_y).astype(int), np.floor(from_x).astype(int)
    bottom, right = np.minimum(top + 1, height - 1), np.minimum(left + 1, width - 1)
    dy, dx = (from_y - top)[:, :, None], (from_x - left)[:, :, None]
    upper = image[top, left] * (1 - dx) + image[top, right] * dx
    lower = image[bottom, left] * (1 - dx) + image[bottom, right] * dx
    return np.asarray(upper * (1 - dy) + lower * dy)


def _noise(image: NDArray[np.float64], amount: float, low: float, high: float) -> NDArray[np.float64]:
    grain = np.random.default_rng(0).standard_normal(
        image.shape
    )  # the same grain each time: an edit is a function
    return image + abs(amount) * (high - low) * grain


def _contrast(image: NDArray[np.float64], amount: float, *_: float) -> NDArray[np.float64]:
    mean = image.mean()
    return np.asarray(mean + (1 + max(amount, -1.0)) * (image - mean))


ADJUST: dict[str, Callable[..., NDArray[np.float64]]] = {
    "blur": lambda image, amount, *_: gaussian(image, amount),
    "noise": _noise,
    "brightness": lambda image, amount, low, high: image + amount * (high - low),
    "contrast": _contrast,
    "rotation": lambda image, amount, *_: rotate(image, amount),
}
"""Adjustments: (image, amount, low, high) -> image; noise and brightness are in parts of the range."""


def _range(array: NDArray[Any]) -> tuple[float, float]:
    """Values an edited image may take: the scale the image is on, or its own extremes."""
    low, high = float(array.min()), float(array.max())
    if array.dtype.kind == "b" or (array.dtype.kind == "f" and low >= 0 and high <= 1):
        return 0.0, 1.0
    if low >= 0 and high <= 255:
        return 0.0, 255.0
    return low, high


def _editable(image: Any) -> Any:
    """PIL images whose numbers are not colours (palettes, inks, bits) become RGB."""
    if hasattr(image, "getbands") and image.mode not in {"L", "RGB", "RGBA", "I", "F"}:
        return image.convert("RGBA" if "transparency" in image.info or image.mode.endswith("A") else "RGB")
    return image


def canonical(image: Any, size: tuple[int, ...]) -> NDArray[Any]:
    """An image in whatever container as an array of shape (height, width, channels).

    Parameters
    ----------
    image : array, tensor or PIL image
    size : tuple of int
        Height and width, which tell the order of axes.

    Examples
    --------
    >>> canonical(np.zeros((3, 4, 5)), (4, 5)).shape
    (4, 5, 3)
    """
    return _canonical(_editable(image), size)[0]


def _canonical(image: Any, size: tuple[int, ...]) -> tuple[NDArray[Any], bool, bool]:
    """Bring an image to (height, width, channels); also whether its channels came first, or came last."""
    array = image.detach().cpu() if hasattr(image, "detach") else image
    array = np.asarray(array.float() if "bfloat16" in str(getattr(array, "dtype", "")) else array)
    if array.ndim == 4:
        array = array[0]
    if array.ndim == 2:
        return array[:, :, None], False, False
    fits_first, fits_last = array.shape[1:] == tuple(size), array.shape[:2] == tuple(size)
    if fits_first == fits_last:
        fits_first = hasattr(image, "detach") or array.shape[2] > 4
    if fits_first:
        return np.moveaxis(array, 0, -1), True, False
    return array, False, True


def _back(array: NDArray[Any], image: Any, first: bool, last: bool) -> Any:
    """Undo ``_canonical``, container and batch axis included."""
    if not last:
        array = np.moveaxis(array, -1, 0) if first else array[:, :, 0]
    array = np.ascontiguousarray(array)
    if hasattr(image, "detach"):
        import torch

        return torch.from_numpy(array).to(device=image.device, dtype=image.dtype).reshape(image.shape)
    if hasattr(image, "mode") and hasattr(image, "getbands"):
        from PIL import Image

        return Image.fromarray(array)
    return array.reshape(np.shape(image))


def _resize(mask: Any, size: tuple[int, ...]) -> Any:
    """Nearest neighbour, where the picture shown is smaller than the image."""
    if mask.shape == tuple(size):
        return mask
    rows = np.arange(size[0]) * mask.shape[0] // size[0]
    columns = np.arange(size[1]) * mask.shape[1] // size[1]
    return mask[rows][:, columns]
