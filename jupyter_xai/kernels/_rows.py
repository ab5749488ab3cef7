"""The features of all draws of a run, held compactly."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

CHUNK_BYTES = 2**17
"""Worked on at a time: stays in the cache."""

_COLUMNS_BYTES = 2**24
_RAW_BYTES = 2**22  # rows up to here are held a byte a feature


class Rows:
    """Rows of features held compactly: 0/1 as bytes while they are few, as bits when they are many, else float32."""

    def __init__(self, n_features: int) -> None:
        self.n_features = n_features
        self._parts: list[NDArray[Any]] = []
        self._bytes = 0
        self._packed = False

    def add(self, features: NDArray[Any]) -> None:
        """Append rows; all bool or none."""
        bits = features.dtype == np.bool_
        self._bytes += features.size
        if bits and not self._packed and self._bytes > _RAW_BYTES:
            self._parts = [np.packbits(part, axis=1) for part in self._parts]
            self._packed = True
        if self._packed:
            self._parts.append(np.packbits(features, axis=1))
        else:
            self._parts.append(features if bits else features.astype(np.float32))

    def chunks(self) -> Iterator[tuple[slice, NDArray[np.float64]]]:
        """Stretches of rows as float64, of bounded size."""
        rows = joined(self._parts)
        size = max(1, CHUNK_BYTES // (8 * self.n_features))
        for start in range(0, len(rows), size):
            part = rows[start : start + size]
            if self._packed:
                part = np.unpackbits(part, axis=1, count=self.n_features)
            yield slice(start, start + len(part)), part.astype(np.float64)

    def all(self) -> NDArray[np.float64]:
        """All rows as float64."""
        return np.concatenate([z for _, z in self.chunks()])

    def column_chunks(self) -> Iterator[tuple[slice, NDArray[np.float64]]]:
        """Stretches of columns as float64, all rows each."""
        rows = joined(self._parts)
        width = max(8, _COLUMNS_BYTES // (8 * len(rows)) // 8 * 8)
        for start in range(0, self.n_features, width):
            columns = slice(start, min(start + width, self.n_features))
            part = rows[:, columns]
            if self._packed:
                part = np.unpackbits(rows[:, start // 8 : -(-columns.stop // 8)], axis=1)[
                    :, : columns.stop - start
                ]
            yield columns, part.astype(np.float64)

    def gram(self, weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """``Z' W Z``."""
        total = np.zeros((self.n_features, self.n_features))
        for rows, z in self.chunks():
            total += z.T @ (z * weights[rows, None])
        return total


def joined(parts: list[NDArray[Any]]) -> NDArray[Any]:
    """The one array of a list of arrays, which is shortened to it."""
    if len(parts) > 1:
        parts[:] = [np.concatenate(parts)]
    return parts[0]
