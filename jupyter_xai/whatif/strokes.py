"""Free-hand strokes over an image, as a mask. The view computes the same one, operation by operation."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def stroke_mask(points: Sequence[Sequence[float]], width: float, size: tuple[int, int]) -> NDArray[np.bool_]:
    """Pixels whose middle lies within half the width of the line through the points.

    Parameters
    ----------
    points : sequence of (x, y)
        In pixels, from the left and from the top; the middle of the first pixel is (0.5, 0.5). One point is a disc.
    width : float
        In pixels.
    size : (height, width)
        Of the picture.

    Returns
    -------
    mask : ndarray of bool, shape (height, width)

    Examples
    --------
    >>> stroke_mask([(1.5, 1.5), (3.5, 1.5)], 2, (3, 6)).astype(int)
    array([[0, 1, 1, 1, 0, 0],
           [1, 1, 1, 1, 1, 0],
           [0, 1, 1, 1, 0, 0]])
    """
    height, across = size
    mask = np.zeros((height, across), dtype=np.bool_)
    radius = width / 2
    ends = points[1:] if len(points) > 1 else points
    for (ax, ay), (bx, by) in zip(points, ends, strict=False):
        left, right = _reach(ax, bx, radius, across)
        top, bottom = _reach(ay, by, radius, height)
        x = np.arange(left, right) + 0.5
        y = (np.arange(top, bottom) + 0.5)[:, None]
        dx, dy = bx - ax, by - ay
        length = dx * dx + dy * dy
        along = np.clip(((x - ax) * dx + (y - ay) * dy) / length, 0.0, 1.0) if length > 0 else 0.0
        from_x, from_y = x - (ax + along * dx), y - (ay + along * dy)
        mask[top:bottom, left:right] |= from_x * from_x + from_y * from_y <= radius * radius
    return mask


def _reach(one: float, other: float, radius: float, most: int) -> tuple[int, int]:
    """Pixels that a piece of the stroke may reach along one axis."""
    low = max(0.0, np.floor(min(one, other) - radius))
    high = min(float(most), np.ceil(max(one, other) + radius) + 1)
    return int(min(low, most)), int(max(high, 0.0))
