"""A photograph under its heat: numpy only, shared by figures and the stored fallback."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jupyter_xai.explanation import Z95, Explanation, Pixels
from jupyter_xai.explanation.rows import nice_end

RAISES = (181, 71, 8)
LOWERS = (29, 100, 173)
_OPACITY = 0.75
_HATCH = 12


def heat_scale(explanation: Explanation, output: int = 0) -> float:
    """The weight drawn in full colour: a round number; for pixels at the 99th percentile."""
    weights = np.abs(_weights(explanation, output))
    weights = weights[np.isfinite(weights)]
    if not weights.size:
        return 1.0
    layout = explanation.features
    many = isinstance(layout, Pixels) and layout.labels is None
    return nice_end(float(np.quantile(weights, 0.99) or weights.max()) if many else float(weights.max()))


def heat_picture(explanation: Explanation, output: int = 0, longest: int = 448) -> NDArray[np.uint8]:
    """Turn the photo grey and lay the weights over it: solid orange raises, hatched blue lowers.

    Pieces whose interval contains zero keep the grey photo and a faint outline.

    Parameters
    ----------
    explanation : Explanation
        With the layout ``Pixels``.
    output : int
    longest : int
        Longer side of the picture; smaller photos are enlarged.

    Returns
    -------
    ndarray of shape (height, width, 3), uint8
    """
    layout = explanation.features
    assert isinstance(layout, Pixels)
    height, width = layout.image.shape[:2]
    ratio = longest / max(height, width)
    size = max(1, round(height * ratio)), max(1, round(width * ratio))
    photo = _resize(layout.image, size).astype(np.float64)
    grey = photo @ (0.3, 0.59, 0.11)
    canvas = photo * (1 - _OPACITY) + grey[..., None] * _OPACITY
    weights = np.nan_to_num(_weights(explanation, output))
    sure = np.ones(weights.shape, dtype=bool)
    if layout.labels is not None:
        if explanation.std_errors is not None:
            assert not isinstance(explanation.std_errors, tuple)
            sure = np.abs(weights) > np.nan_to_num(Z95 * explanation.std_errors[output])
        pieces = _nearest(layout.labels, size)
        weights, sure = weights[pieces], sure[pieces]
    else:
        weights, sure = _nearest(weights, size), np.ones(size, dtype=bool)
    scale = heat_scale(explanation, output)
    strength = _OPACITY * np.minimum(1.0, np.abs(weights) / scale) ** 0.8 * (sure & (weights != 0))
    y, x = np.mgrid[0 : size[0], 0 : size[1]]
    line = (x + y) % _HATCH < _HATCH // 3
    blend = np.where(
        weights < 0,
        np.where(line, np.minimum(1.0, strength + 0.15 * (strength > 0)), 0.45 * strength),
        0.8 * strength,
    )
    colours = np.where((weights < 0)[..., None], LOWERS, RAISES)
    canvas = canvas * (1 - blend[..., None]) + colours * blend[..., None]
    if layout.labels is not None:
        canvas = _outline(canvas, pieces, np.where(strength > 0, 0.55, 0.22))
    return np.rint(canvas).clip(0, 255).astype(np.uint8)


def _weights(explanation: Explanation, output: int) -> NDArray[np.float64]:
    assert not isinstance(explanation.values, tuple)
    values = explanation.values[output]
    summed: NDArray[np.float64] = values.sum(axis=0) if values.ndim == 3 else values
    return summed


def _nearest(array: NDArray[Any], size: tuple[int, int]) -> NDArray[Any]:
    rows = np.arange(size[0]) * array.shape[0] // size[0]
    columns = np.arange(size[1]) * array.shape[1] // size[1]
    sampled: NDArray[Any] = array[rows[:, None], columns[None, :]]
    return sampled


def _resize(image: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    from PIL import Image

    enlarged = math.prod(size) > 4 * image.shape[0] * image.shape[1]  # digits: show their pixels
    method = Image.Resampling.NEAREST if enlarged else Image.Resampling.LANCZOS
    return np.asarray(Image.fromarray(np.ascontiguousarray(image)).convert("RGB").resize(size[::-1], method))


def _outline(
    canvas: NDArray[np.float64], pieces: NDArray[Any], strength: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Lighten the pixels where one piece ends."""
    edge = np.zeros(pieces.shape, dtype=bool)
    edge[:, :-1] |= pieces[:, :-1] != pieces[:, 1:]
    edge[:-1] |= pieces[:-1] != pieces[1:]
    light = (edge * strength)[..., None]
    return canvas + (255 - canvas) * light


def piece_centres(labels: NDArray[np.int32]) -> NDArray[np.float64]:
    """Centre of each piece as (x, y), a share of the picture's width and height."""
    flat = labels.reshape(-1)
    y, x = np.mgrid[0 : labels.shape[0], 0 : labels.shape[1]]
    counts = np.maximum(1, np.bincount(flat))
    across = np.bincount(flat, weights=x.reshape(-1) + 0.5) / counts / labels.shape[1]
    down = np.bincount(flat, weights=y.reshape(-1) + 0.5) / counts / labels.shape[0]
    return np.stack([across, down], axis=-1)
