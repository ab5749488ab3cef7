"""What pieces of pictures look like, and clusters of that: features that are met in more than one picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jupyter_xai.dataset._readings import Reading
from jupyter_xai.errors import InputError
from jupyter_xai.explanation import Pixels

LEARNT_ON = 500
"""Pictures that clusters are learnt on; then they are fixed."""


def colours(picture: NDArray[np.uint8]) -> NDArray[np.float64]:
    """A picture's own colours and how much they vary around each pixel, (height, width, 6).

    Parameters
    ----------
    picture : ndarray of shape (height, width, 3), uint8

    Examples
    --------
    >>> colours(np.zeros((4, 4, 3), np.uint8)).shape
    (4, 4, 6)
    """
    from scipy.ndimage import uniform_filter

    values = picture.astype(np.float64) / 255
    mean = uniform_filter(values, (5, 5, 0))
    spread = np.sqrt(np.maximum(uniform_filter(values**2, (5, 5, 0)) - mean**2, 0))
    return np.concatenate([values, 2 * spread], axis=2)


def described(read: Reading, explained: Any, values: NDArray[np.float64], join: str) -> Reading:
    """A reading by pieces, with what each looks like.

    Parameters
    ----------
    read : Reading
    explained : Explanation
        Of superpixels.
    values : ndarray of shape (h, w, d)
        A map over the picture of any resolution, averaged over each piece.
    join : str
        What made it, for the sentence.

    Raises
    ------
    InputError
        If it is no such map.
    """
    layout = explained.features
    assert isinstance(layout, Pixels)
    assert layout.labels is not None
    found = np.asarray(values, dtype=np.float64)
    if found.ndim != 3 or not np.isfinite(found).all():
        raise InputError(
            f"join={join} answered with shape {found.shape}; expected finite numbers (height, width, features), a map "
            "over the picture. Return that."
        )
    height, width = layout.labels.shape
    rows = np.minimum(np.arange(height) * len(found) // height, len(found) - 1)
    columns = np.minimum(np.arange(width) * found.shape[1] // width, found.shape[1] - 1)
    flat = found[rows][:, columns].reshape(-1, found.shape[2])
    labels = layout.labels.reshape(-1)
    count = int(labels.max()) + 1
    sizes = np.maximum(np.bincount(labels, minlength=count), 1)
    pieces = (
        np.stack([np.bincount(labels, column, minlength=count) for column in flat.T], axis=1) / sizes[:, None]
    )
    weights = np.asarray(explained.values, dtype=np.float64)
    errors = None if explained.std_errors is None else np.asarray(explained.std_errors, dtype=np.float64)
    return replace(
        read,
        names=tuple(range(count)),
        weights=weights,
        errors=errors,
        norms=np.abs(weights).sum(axis=1),
        inputs=np.full(count, np.nan, np.float32),
        shape=(),
        pieces=pieces,
    )


def layer_map(module: Any, name: str, batch: Any) -> NDArray[np.float64]:
    """What a layer answers for one picture, (h, w, d).

    Parameters
    ----------
    module : torch.nn.Module
        A copy: it is listened to.
    name : str
    batch : Tensor of shape (1, channels, height, width)

    Raises
    ------
    InputError
        If there is no such layer, or it does not answer with a map.
    """
    import torch

    layers = dict(module.named_modules())
    if name not in layers:
        listed = ", ".join(key for key in list(layers)[1:13])
        raise InputError(
            f'join={name!r} names no layer: expected "position", "colour", a function of a picture, or one of '
            f"{listed}, ... Pass one of these."
        )
    heard: list[Any] = []
    handle = layers[name].register_forward_hook(lambda _, __, answer: heard.append(answer))
    try:
        with torch.no_grad():
            module(batch)
    finally:
        handle.remove()
    if not heard or getattr(heard[0], "ndim", 0) != 4:
        raise InputError(
            f"join={name!r}: the layer does not answer with maps (1, features, height, width). Pass a convolution's."
        )
    found: NDArray[np.float64] = heard[0][0].permute(1, 2, 0).double().cpu().numpy()
    return found


class Clusters:
    """Kinds of pieces, by k-means on what they look like, each number in units of its spread.

    Parameters
    ----------
    readings : sequence of Reading
        With ``pieces``.
    count : int
    random_state : int or None
    """

    def __init__(self, readings: Sequence[Reading], count: int, random_state: int | None) -> None:
        from sklearn.cluster import KMeans

        pieces = np.concatenate([_pieces(read) for read in readings])
        self.middle, self.unit = pieces.mean(axis=0), pieces.std(axis=0)
        self.unit[self.unit == 0] = 1.0
        scaled = self._scaled(pieces)
        count = min(count, len(np.unique(scaled, axis=0)))
        self.centres: NDArray[np.float64] = (
            KMeans(count, n_init=4, random_state=random_state).fit(scaled).cluster_centers_
        )

    def _scaled(self, pieces: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray((pieces - self.middle) / self.unit)

    def apply(self, read: Reading) -> Reading:
        """The reading by kinds of pieces: those of one kind have the sum of their weights."""
        scaled = self._scaled(_pieces(read))
        kinds = ((scaled[:, None] - self.centres) ** 2).sum(axis=2).argmin(axis=1)
        present, at = np.unique(kinds, return_inverse=True)
        weights = np.zeros((len(read.weights), len(present)))
        np.add.at(weights.T, at, read.weights.T)
        errors = None
        if read.errors is not None:
            squares = np.zeros_like(weights)
            np.add.at(squares.T, at, (read.errors**2).T)
            errors = np.sqrt(squares)
        return replace(
            read,
            names=tuple(f"kind {kind + 1}" for kind in present),
            weights=weights,
            errors=errors,
            norms=np.abs(weights).sum(axis=1),
            inputs=np.bincount(at, minlength=len(present)).astype(np.float32),
            pieces=None,
        )


def _pieces(read: Reading) -> NDArray[np.float64]:
    assert read.pieces is not None
    return read.pieces
