"""What hidden pieces of an image show: a colour, a blur, noise, or other images."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jupyter_xai.errors import InputError
from jupyter_xai.maskers._forms import read_image
from jupyter_xai.maskers._random import check_seed, generator

FILLS = ("mean", "blur", "noise", "background")
MOST_IMAGES = 100
"""Of a larger background so many images are used, evenly spaced."""


def fill_images(
    array: NDArray[Any],
    labels: NDArray[np.int32],
    fill: Any,
    *,
    background: Any = None,
    random_state: int | None = 0,
) -> NDArray[Any]:
    """What hidden pieces show, as whole images of the same type.

    Parameters
    ----------
    array : ndarray of shape (height, width, channels)
    labels : ndarray of shape (height, width)
    fill : {"mean", "blur", "noise", "background"}, number or colour
    background : sequence of images, optional
    random_state : int or None, default=0
        Seed of the noise.

    Returns
    -------
    ndarray of shape (n, height, width, channels)
        One image, or those of the background.

    Raises
    ------
    InputError
        If a colour does not have one value a channel or lies outside the type's range, or if a background is missing
        or not made of such images.

    Examples
    --------
    >>> fill_images(np.array([[[1.0], [3.0]]]), np.zeros((1, 2), np.int32), "mean").ravel()
    array([2., 2.])
    """
    if isinstance(fill, str):
        if fill == "mean":
            return _cast(_means(array, labels), array.dtype)[labels][None]
        if fill == "background":
            return _background(array, background)
        made = _blurred(array) if fill == "blur" else _noise(array, check_seed(random_state))
        return _cast(made, array.dtype)[None]
    try:
        colour = np.asarray(fill, dtype=np.float64).ravel()
    except (TypeError, ValueError):
        colour = np.empty(0)
    if colour.size not in {1, array.shape[2]} or not np.isfinite(colour).all():
        raise InputError(
            f"fill={fill!r} does not work: expected {', '.join(map(repr, FILLS))}, one number, or a colour of "
            f"{array.shape[2]} numbers in the image's own range. Pass another fill=."
        )
    if array.dtype.kind in "iu":
        limits = np.iinfo(array.dtype)
        if colour.min() < limits.min or colour.max() > limits.max:
            raise InputError(
                f"fill={fill!r} does not fit the image's type {array.dtype}, which holds {limits.min} to "
                f"{limits.max}. Pass a colour in this range."
            )
    return np.broadcast_to(_cast(colour, array.dtype), (1, *array.shape))


def _cast(values: NDArray[np.float64], dtype: np.dtype[Any]) -> NDArray[Any]:
    if dtype.kind == "b":
        return np.asarray(values >= 0.5)
    return (np.rint(values) if dtype.kind in "iu" else values).astype(dtype)


def _means(array: NDArray[Any], labels: NDArray[np.int32]) -> NDArray[np.float64]:
    """Mean colour of each piece; exactly its colour where it has one, which a sum of floats would round."""
    flat = labels.ravel()
    counts = np.bincount(flat)
    sums = [np.bincount(flat, weights=array[:, :, c].ravel()) for c in range(array.shape[2])]
    pixels = array.reshape(-1, array.shape[2])
    one = np.zeros((len(counts), array.shape[2]), dtype=array.dtype)
    one[flat] = pixels  # any pixel of the piece
    mixed = np.bincount(flat, weights=(pixels != one[flat]).any(axis=1)) > 0
    return np.where(mixed[:, None], np.stack(sums, axis=1) / counts[:, None], one)


def _blurred(array: NDArray[Any]) -> NDArray[np.float64]:
    """Gaussian blur with a deviation of a sixteenth of the shorter side (14 pixels of 224)."""
    from scipy.ndimage import gaussian_filter

    sigma = max(1.0, min(array.shape[:2]) / 16)
    return np.asarray(gaussian_filter(array.astype(np.float64), (sigma, sigma, 0), mode="nearest"))


def _noise(array: NDArray[Any], seed: int) -> NDArray[np.float64]:
    """Normal noise with each channel's own mean and deviation, within the channel's own range."""
    values = array.astype(np.float64)
    drawn = generator(seed, "noise", 0).standard_normal(array.shape)
    made = values.mean(axis=(0, 1)) + values.std(axis=(0, 1)) * drawn
    return np.asarray(np.clip(made, values.min(axis=(0, 1)), values.max(axis=(0, 1))))


def _background(array: NDArray[Any], background: Any) -> NDArray[Any]:
    """The background's images in the form of the image."""
    if background is None:
        raise InputError(
            'fill="background" shows pieces of other images, and there are none: expected background=. Pass some, '
            "for example background=images[:10], or another fill=."
        )
    if isinstance(background, str) or not isinstance(background, Iterable):
        raise InputError(
            f"background= is of type {type(background).__name__}; expected images like the one explained, in a list or "
            "an array with a batch axis."
        )
    images = list(background)
    if not images:
        raise InputError("background= holds no image. Pass at least one.")
    kept = np.unique(np.linspace(0, len(images) - 1, min(len(images), MOST_IMAGES)).round().astype(int))
    height, width, channels = array.shape
    found = np.empty((len(kept), *array.shape), dtype=array.dtype)
    for place, at in enumerate(kept):
        one = read_image(images[at])[0]
        if one.shape != array.shape or one.dtype != array.dtype:
            raise InputError(
                f"image {at} of background= is {one.shape[1]}×{one.shape[0]} with {one.shape[2]} channels of type "
                f"{one.dtype}; expected {width}×{height} with {channels} of {array.dtype}, as the image explained. "
                "Resize and convert it."
            )
        found[place] = one
    return found


def background_notice(background: Any, used: int) -> str:
    """Say that not all of a large background is used; empty where it is."""
    given = len(list(background)) if background is not None else 0
    if given <= used:
        return ""
    return f"Of {given:,} background images {used} are used, evenly spaced."
