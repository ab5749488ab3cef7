"""Draws that are prefix sequences: draw i depends on the seed and i alone, never on who asked before."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jupyter_xai.errors import InputError

Rows = tuple[NDArray[Any], ...]


def generator(random_state: int, stage: str, block: int) -> np.random.Generator:
    """Independent generator for one fixed block of one random stage.

    Parameters
    ----------
    random_state : int
        The user's seed.
    stage : str
        Names what is drawn, so that two stages of one run never share numbers.
    block : int
        Position of the block in the sequence.

    Examples
    --------
    >>> bool(generator(0, "words", 3).random() == generator(0, "words", 3).random())
    True
    """
    words = [random_state, zlib.crc32(stage.encode()), block]
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(words)))


def check_seed(random_state: int | None) -> int:
    """Return the seed as a plain int; None draws a fresh one.

    Raises
    ------
    InputError
        If it is not a whole number from 0.
    """
    if random_state is None:
        return int(np.random.SeedSequence().generate_state(1)[0])
    whole = hasattr(random_state, "__index__") and not isinstance(random_state, bool)
    if not whole or int(random_state) < 0:
        raise InputError(
            f"random_state={random_state!r} does not work: expected a whole number from 0, or None for a "
            f"fresh "
            "seed. Pass random_state=0."
        )
    return int(random_state)


class Prefix:
    """Rows of a sequence that is generated in fixed blocks; the block asked for last is kept.

    Parameters
    ----------
    make : callable
        ``make(k)`` gives block k: a tuple of arrays with ``size`` rows each.
    size : int
        Rows a block.

    Examples
    --------
    >>> numbers = Prefix(lambda k: (np.arange(4 * k, 4 * k + 4),), 4)
    >>> numbers.rows(3, 9)[0]
    array([3, 4, 5, 6, 7, 8])
    """

    def __init__(self, make: Callable[[int], Rows], size: int) -> None:
        self._make = make
        self._size = size
        self._kept: tuple[int, Rows] | None = None

    def _block(self, k: int) -> Rows:
        if self._kept is None or self._kept[0] != k:
            self._kept = (k, self._make(k))
        return self._kept[1]

    def rows(self, start: int, stop: int) -> Rows:
        """Rows start to stop of every array."""
        parts = []
        for k in range(start // self._size, -(-stop // self._size)):
            low = k * self._size
            cut = slice(max(start - low, 0), min(stop - low, self._size))
            parts.append(tuple(array[cut] for array in self._block(k)))
        if len(parts) == 1:
            return parts[0]
        if not parts:
            return tuple(array[:0] for array in self._block(start // self._size))
        return tuple(np.concatenate(arrays) for arrays in zip(*parts, strict=True))


def block_rows(n_columns: int) -> int:
    """Rows a block for draws of so many numbers: a few megabytes of random numbers, whatever the width."""
    return int(np.clip(2**19 // max(n_columns, 1), 8, 2048))


def as_slice(indices: NDArray[np.intp]) -> slice | NDArray[np.intp]:
    """Return ascending neighbours as a slice, which copies nothing; other indices as they are.

    Examples
    --------
    >>> as_slice(np.arange(2, 5))
    slice(2, 5, None)
    """
    if len(indices) and indices[-1] - indices[0] == len(indices) - 1 and (np.diff(indices) == 1).all():
        return slice(int(indices[0]), int(indices[-1]) + 1)
    return indices
