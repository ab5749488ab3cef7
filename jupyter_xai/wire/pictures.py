"""Pictures and label maps made small enough for a message and a saved notebook."""

from __future__ import annotations

import io
import zlib
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Mime = Literal["image/jpeg", "image/webp", "image/png"]

LONGEST = 448
"""Longer side of a picture in the view, in pixels: twice its size on screen."""
LONGEST_MAP = 224
"""Longer side of a pixel map: ten a second still fit 500 kB."""
PICTURE_BYTES = 30_000
_QUALITIES = (85, 75, 60, 45, 30)
_TINY = 64


def fit(height: int, width: int, longest: int) -> tuple[int, int]:
    """Shrink (height, width) so that the longer side is at most ``longest``; never enlarges.

    Examples
    --------
    >>> fit(3000, 4000, 400), fit(28, 28, 400), fit(1, 5000, 500)
    ((300, 400), (28, 28), (1, 500))
    """
    ratio = min(1.0, longest / max(height, width))
    return max(1, round(height * ratio)), max(1, round(width * ratio))


def picture(
    image: NDArray[np.uint8], longest: int = LONGEST, budget: int = PICTURE_BYTES
) -> tuple[Mime, bytes, tuple[int, int]]:
    """Encode a picture within a number of bytes: first lower quality, then smaller.

    Parameters
    ----------
    image : ndarray of shape (height, width, 3), uint8
    longest : int
        Longer side at most.
    budget : int
        Bytes at most.

    Returns
    -------
    mime : str
    data : bytes
    size : (int, int)
        Height and width of what was encoded.

    Examples
    --------
    >>> picture(np.zeros((6, 8, 3), np.uint8))[::2]
    ('image/png', (6, 8))
    """
    from PIL import Image, features

    whole = Image.fromarray(np.ascontiguousarray(image, dtype=np.uint8)).convert("RGB")
    height, width = fit(image.shape[0], image.shape[1], longest)
    if max(height, width) <= _TINY:  # digits and icons: their few pixels are seen one by one
        data = _bytes(whole.resize((width, height)), "PNG", optimize=True)
        if len(data) <= budget:
            return "image/png", data, (height, width)
    webp = features.check("webp")
    while True:
        small = (
            whole.resize((width, height), Image.Resampling.LANCZOS)
            if (width, height) != whole.size
            else whole
        )
        for quality in _QUALITIES:
            data = _bytes(small, "WEBP" if webp else "JPEG", quality=quality)
            if len(data) <= budget:
                return ("image/webp" if webp else "image/jpeg"), data, (height, width)
        if max(height, width) <= _TINY:  # a budget that nothing fits
            return ("image/webp" if webp else "image/jpeg"), data, (height, width)
        height, width = fit(height, width, int(max(height, width) * 0.75))


def _bytes(image: Any, kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def nearest(array: NDArray[Any], height: int, width: int) -> NDArray[Any]:
    """Sample a (height, width) map at the pixel centres of another size.

    Examples
    --------
    >>> nearest(np.array([[1, 2], [3, 4]]), 1, 4)
    array([[3, 3, 4, 4]])
    """
    rows = (np.arange(height) * 2 + 1) * array.shape[0] // (2 * height)
    columns = (np.arange(width) * 2 + 1) * array.shape[1] // (2 * width)
    sampled: NDArray[Any] = array[rows[:, None], columns[None, :]]
    return sampled


def area_mean(array: NDArray[np.float64], height: int, width: int) -> NDArray[np.float64]:
    """Average the last two axes over the blocks of a smaller map: weights stay weights per pixel.

    Examples
    --------
    >>> area_mean(np.array([[0.0, 2.0, 4.0, 6.0]]), 1, 2)
    array([[1., 5.]])
    """
    for axis, size in ((-2, height), (-1, width)):
        length = array.shape[axis]
        if size < length:
            starts = np.arange(size) * length // size
            counts = np.diff(np.append(starts, length))
            sums = np.add.reduceat(array, starts, axis=axis)
            array = sums / (counts[:, None] if axis == -2 else counts)
    return array


def deflate_labels(labels: NDArray[Any], height: int, width: int) -> bytes:
    """Deflate a label map, scaled to a size, as little-endian uint16."""
    return zlib.compress(nearest(labels, height, width).astype("<u2").tobytes(), 9)
