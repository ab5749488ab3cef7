"""Cut a picture into pieces: a label map with labels 0 to n - 1."""

from __future__ import annotations

from itertools import count
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from jupyter_xai.errors import InputError, MissingExtraError

METHODS = ("slic", "quickshift", "felzenszwalb", "grid")
WORKING_PIXELS = 512 * 512
"""Pictures of more pixels are cut on a smaller copy, and the label map is scaled up."""
LEAST, MOST = 8, 200
"""Pieces of a picture where the user has not said how many."""

_FEW = 4  # pieces that say little about where
_FINER = 8  # steps towards more pieces, each with about twice as many
_QUICKSHIFT = ((4, 200), (2.8, 200), (2, 200), (1.4, 200), (1, 200), (1, 16), (1, 8), (1, 4), (1, 2))
"""Width of the kernel and longest link, in pixels: lime's come first."""


def auto_segments(shape: tuple[int, ...]) -> int:
    """Wanted number of pieces for a picture of a size: in proportion to the square root of its side, from 8 to 200.

    Examples
    --------
    >>> [auto_segments((side, side)) for side in (4, 28, 224, 1000, 4000)]
    [8, 18, 50, 105, 200]
    """
    return int(np.clip(round(3.33 * (shape[0] * shape[1]) ** 0.25), LEAST, MOST))


def segment(
    segmentation: Any,
    n_segments: int | Literal["auto"],
    picture: NDArray[np.uint8],
    array: NDArray[Any],
) -> tuple[NDArray[np.int32], str]:
    """Label map of a picture, and what is to be said of it.

    Parameters
    ----------
    segmentation : {"slic", "quickshift", "felzenszwalb", "grid"}, callable or array
        A callable takes the image in the user's own values, shape (height, width, channels).
    n_segments : int or "auto"
        Wanted number of pieces, see ``Image``.
    picture : ndarray of shape (height, width, 3), uint8
    array : ndarray of shape (height, width, channels)

    Returns
    -------
    ndarray of shape (height, width), int32
        Labels 0 to n - 1, each of them used.
    str
        A notice, where another cut than was asked for is made, or one of very few pieces; else nothing.

    Raises
    ------
    InputError
        If a label map is not one whole number a pixel, or the callable returns something else.
    MissingExtraError
        If scikit-image is needed and not installed.
    """
    shape = picture.shape[:2]
    if isinstance(segmentation, str):
        wanted = auto_segments(shape) if n_segments == "auto" else n_segments
        if segmentation == "grid":
            return grid(shape, wanted), ""
        labels = _cut(segmentation, wanted, picture, auto=n_segments == "auto")
        found, least = int(labels.max()) + 1, min(LEAST, wanted, shape[0] * shape[1])
        if found >= least:
            return labels, ""
        labels = grid(shape, wanted)
        return labels, (
            f"{segmentation} finds no more than {_pieces(found)} in this picture. It is cut into a grid of "
            f"{int(labels.max()) + 1} tiles; for others pass another segmentation=."
        )
    if not callable(segmentation):
        return _renumbered(_checked(segmentation, shape, "segmentation= is")), ""
    labels = _renumbered(_checked(segmentation(array), shape, "the segmentation function returned"))
    found = int(labels.max()) + 1
    if not 1 < found < _FEW:
        return labels, ""
    return labels, (
        f"The segmentation function cuts the picture into no more than {found} pieces, which says little about where. "
        'Let it cut finer, or pass segmentation="slic" with n_segments=.'
    )


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


def _cut(method: str, wanted: int, picture: NDArray[np.uint8], *, auto: bool) -> NDArray[np.int32]:
    """Cut by the method's usual settings; finer ones where these give too few pieces, coarser ones for too many."""
    try:
        from skimage import segmentation  # noqa: F401 - asked for before anything is cut
    except ImportError:
        raise MissingExtraError("skimage", "image", f"cutting an image into {method} superpixels") from None
    height, width = picture.shape[:2]
    least = min(LEAST if auto or method != "quickshift" else wanted, wanted, height * width)
    labels = _cut_at(method, wanted, picture, 0)
    for finer in range(1, _FINER + 1):
        if labels.max() + 1 >= least:
            break
        labels = _cut_at(method, wanted, picture, finer)
    for coarser in count(1):
        if not auto or labels.max() + 1 <= MOST:
            break
        labels = _cut_at(method, wanted, picture, -coarser)
    return labels


def _cut_at(method: str, wanted: int, picture: NDArray[np.uint8], finer: int) -> NDArray[np.int32]:
    """Cut so many steps finer than usual, or coarser below 0."""
    from skimage import segmentation

    height, width = picture.shape[:2]
    step = int(np.ceil(np.sqrt(height * width / WORKING_PIXELS)))
    if method == "quickshift":
        step <<= max(-finer, 0)
    small = _shrunk(picture, step) if step > 1 else picture
    pixels = small.shape[0] * small.shape[1]
    if method == "slic":
        pieces = int(np.clip(round(wanted * 2.0**finer), 1, pixels))
        labels = segmentation.slic(small, n_segments=pieces, start_label=0, channel_axis=-1)
    elif method == "quickshift":
        kernel_size, max_dist = _QUICKSHIFT[max(finer, 0)]
        quickshift: Any = segmentation.quickshift
        labels = quickshift(small / 255.0, kernel_size=kernel_size, max_dist=max_dist, ratio=0.2, rng=0)
    else:
        size = max(2, int(labels_size(small.shape, wanted) * 2.0**-finer))
        labels = segmentation.felzenszwalb(small, scale=4 * size, sigma=0.5, min_size=size, channel_axis=-1)
    if step > 1:
        labels = np.repeat(np.repeat(labels, step, axis=0), step, axis=1)[:height, :width]
    return _renumbered(np.asarray(labels))


def _pieces(n: int) -> str:
    return "1 piece" if n == 1 else f"{n} pieces"


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
