"""Cut a picture into pieces: a label map with labels 0 to n - 1."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from jupyter_xai.errors import InputError, MissingExtraError

METHODS = ("slic", "quickshift", "felzenszwalb", "grid")
WORKING_PIXELS = 512 * 512
"""Pictures of more pixels are cut on a smaller copy, and the label map is scaled up."""


def auto_segments(shape: tuple[int, ...]) -> int:
    """Number of pieces for a picture of a size: in proportion to the square root of its side, from 8 to 200.

    Examples
    --------
    >>> [auto_segments((side, side)) for side in (4, 28, 224, 1000, 4000)]
    [8, 18, 50, 105, 200]
    """
    return int(np.clip(round(3.33 * (shape[0] * shape[1]) ** 0.25), 8, 200))


def segment(
    segmentation: Any, n_segments: int, picture: NDArray[np.uint8], array: NDArray[Any]
) -> NDArray[np.int32]:
    """Label map of a picture.

    Parameters
    ----------
    segmentation : {"slic", "quickshift", "felzenszwalb", "grid"}, callable or array
        A callable takes the image in the user's own values, shape (height, width, channels).
    n_segments : int
        Wanted number of pieces, for slic and grid.
    picture : ndarray of shape (height, width, 3), uint8
    array : ndarray of shape (height, width, channels)

    Returns
    -------
    ndarray of shape (height, width), int32
        Labels 0 to n - 1, each of them used.

    Raises
    ------
    InputError
        If a label map is not one whole number a pixel, or the callable returns something else.
    MissingExtraError
        If scikit-image is needed and not installed.
    """
    shape = picture.shape[:2]
    if isinstance(segmentation, str):
        labels = (
            grid(shape, n_segments) if segmentation == "grid" else _cut(segmentation, n_segments, picture)
        )
    elif callable(segmentation):
        labels = _checked(segmentation(array), shape, "the segmentation function returned")
    else:
        labels = _checked(segmentation, shape, "segmentation= is")
    return _renumbered(labels)


def grid(shape: tuple[int, ...], n_segments: int) -> NDArray[np.int32]:
    """Near-square tiles, about as many as wanted and at most one a pixel.

    Examples
    --------
    >>> grid((4, 6), 6)
    array([[0, 0, 1, 1, 2, 2],
           [0, 0, 1, 1, 2, 2],
           [3, 3, 4, 4, 5, 5],
           [3, 3, 4, 4, 5, 5]], dtype=int32)
    """
    height, width = shape
    rows = int(np.clip(round(np.sqrt(n_segments * height / width)), 1, min(height, n_segments)))
    columns = int(np.clip(round(n_segments / rows), 1, width))
    down = np.arange(height) * rows // height
    across = np.arange(width) * columns // width
    return (down[:, None] * columns + across).astype(np.int32)


def _cut(method: str, n_segments: int, picture: NDArray[np.uint8]) -> NDArray[np.int32]:
    try:
        from skimage import segmentation
    except ImportError:
        raise MissingExtraError("skimage", "image", f"cutting an image into {method} superpixels") from None
    height, width = picture.shape[:2]
    step = int(np.ceil(np.sqrt(height * width / WORKING_PIXELS)))
    small = _shrunk(picture, step) if step > 1 else picture
    if method == "slic":
        labels = segmentation.slic(
            small, n_segments=min(n_segments, small.shape[0] * small.shape[1]), start_label=0, channel_axis=-1
        )
        if labels.max() == 0 and n_segments > 1:  # tiny or flat pictures come back whole
            labels = grid(labels.shape, n_segments)
    elif method == "quickshift":  # lime's settings
        quickshift: Any = segmentation.quickshift
        labels = quickshift(small / 255.0, kernel_size=4, max_dist=200, ratio=0.2, rng=0)
    else:
        size = max(2, labels_size(small.shape, n_segments))
        labels = segmentation.felzenszwalb(small, scale=4 * size, sigma=0.5, min_size=size, channel_axis=-1)
    if step > 1:
        labels = np.repeat(np.repeat(labels, step, axis=0), step, axis=1)[:height, :width]
    return np.asarray(labels, dtype=np.int32)


def labels_size(shape: tuple[int, ...], n_segments: int) -> int:
    """Least pixels a piece for felzenszwalb: a quarter of an even share."""
    return int(shape[0] * shape[1] // (4 * n_segments))


def _shrunk(picture: NDArray[np.uint8], step: int) -> NDArray[np.uint8]:
    """Mean of each step x step tile; the last tiles repeat the edge."""
    height, width = picture.shape[:2]
    pad = ((0, -height % step), (0, -width % step), (0, 0))
    padded = np.pad(picture, pad, mode="edge")
    tiles = padded.reshape(padded.shape[0] // step, step, padded.shape[1] // step, step, 3)
    return np.asarray(tiles.mean(axis=(1, 3), dtype=np.float32).round().astype(np.uint8))


def _checked(labels: Any, shape: tuple[int, ...], what: str) -> NDArray[np.int32]:
    if hasattr(labels, "detach"):
        labels = labels.detach().cpu().numpy()
    found = np.asarray(labels)
    whole = found.dtype.kind in "biu" or (found.dtype.kind == "f" and bool(np.all(found == np.rint(found))))
    if found.shape != shape or not whole:
        raise InputError(
            f"{what} an array of shape {found.shape} and type {found.dtype}; expected one whole number a "
            f"pixel, shape {shape}. Pass a label map of the image's own height and width."
        )
    return found.astype(np.int64)


def _renumbered(labels: NDArray[Any]) -> NDArray[np.int32]:
    low, high = int(labels.min()), int(labels.max())
    if high - low < 2**20:  # a table is much faster than sorting the pixels
        used = np.bincount((labels - low).ravel()) > 0
        return np.asarray((np.cumsum(used) - 1).astype(np.int32)[labels - low])
    _, inverse = np.unique(labels, return_inverse=True)
    return inverse.reshape(labels.shape).astype(np.int32)
