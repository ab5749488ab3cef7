"""Model answers that may be asked for again."""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray


@dataclass(eq=False)
class _Shelf:
    """Answers on the first draws of one sequence, in stretches."""

    starts: list[int] = field(default_factory=list)
    parts: list[NDArray[np.float64]] = field(default_factory=list)
    length: int = 0
    n_bytes: int = 0


class Pool:
    """Model answers that may be asked for again: another kernel width, another target, more samples.

    It never supplies samples, only answers: which draws are asked for is decided by the sampler alone.
    Answers are kept as the longest stretch from the start of each sequence, the least recently used sequences
    go first. Safe to share between threads.

    Parameters
    ----------
    max_bytes : int, default=64 MiB

    Attributes
    ----------
    of_one_run : bool
        Whether all of it was asked within one run, so that nobody looks whether the model is still the same.

    Notes
    -----
    There are two kinds of shelves: draws of a neighbourhood, by their place in its sequence, and masks of a
    masker, by what they keep, so that any kernel that asks for the same mask finds its answer.

    Examples
    --------
    >>> pool = Pool()
    >>> pool.put("model", "text 1", 0, np.zeros((3, 2)))
    >>> pool.length("model", "text 1"), pool.get("model", "text 1", 1, 3).shape
    (3, (2, 2))
    """

    def __init__(self, max_bytes: int = 64 * 2**20) -> None:
        self.max_bytes = max_bytes
        self.of_one_run = False
        self._lock = threading.Lock()
        self._shelves: OrderedDict[tuple[Hashable, Hashable], _Shelf] = OrderedDict()
        self._masks: OrderedDict[tuple[Hashable, Hashable], dict[bytes, NDArray[np.float64]]] = OrderedDict()
        self._stamps: dict[Hashable, Hashable] = {}

    @property
    def n_bytes(self) -> int:
        """Bytes of answers held."""
        with self._lock:
            return self._total()

    def _total(self) -> int:
        draws = sum(shelf.n_bytes for shelf in self._shelves.values())
        return draws + sum(_shelf_bytes(shelf) for shelf in self._masks.values())

    def length(self, model: Hashable, sequence: Hashable) -> int:
        """How many draws from the start of a sequence are held."""
        with self._lock:
            shelf = self._shelves.get((model, sequence))
            return shelf.length if shelf else 0

    def get(self, model: Hashable, sequence: Hashable, start: int, stop: int) -> NDArray[np.float64] | None:
        """Answers on draws start to stop, or None if they are not all held."""
        with self._lock:
            shelf = self._shelves.get((model, sequence))
            if shelf is None or stop > shelf.length:
                return None
            self._shelves.move_to_end((model, sequence))
            first = bisect_right(shelf.starts, start) - 1
            last = bisect_right(shelf.starts, stop - 1)
            joined = np.concatenate(shelf.parts[first:last])
            low = shelf.starts[first]
            return joined[start - low : stop - low]

    def put(self, model: Hashable, sequence: Hashable, start: int, outputs: NDArray[np.float64]) -> None:
        """Hold answers that follow those already held; others are ignored."""
        with self._lock:
            shelf = self._shelves.setdefault((model, sequence), _Shelf())
            self._shelves.move_to_end((model, sequence))
            if start != shelf.length or shelf.n_bytes + outputs.nbytes > self.max_bytes:
                return
            shelf.starts.append(start)
            shelf.parts.append(np.array(outputs, dtype=np.float64))
            shelf.length += len(outputs)
            shelf.n_bytes += outputs.nbytes
            self._make_room()

    def _make_room(self) -> None:
        """Let go of what was not used for longest, draws before masks."""
        while self._total() > self.max_bytes and len(self._shelves) + len(self._masks) > 1:
            (self._shelves or self._masks).popitem(last=False)

    def known(
        self, model: Hashable, masker: Hashable, masks: list[bytes]
    ) -> list[NDArray[np.float64] | None]:
        """Answers on masks, given as packed bits; None where one is not held."""
        with self._lock:
            shelf = self._masks.get((model, masker))
            if shelf is None:
                return [None] * len(masks)
            self._masks.move_to_end((model, masker))
            return [shelf.get(mask) for mask in masks]

    def learn(
        self, model: Hashable, masker: Hashable, masks: list[bytes], outputs: NDArray[np.float64]
    ) -> None:
        """Hold the answers on masks, one line each, while there is room."""
        with self._lock:
            shelf = self._masks.setdefault((model, masker), {})
            self._masks.move_to_end((model, masker))
            lines = dict(zip(masks, np.array(outputs, dtype=np.float64), strict=True))
            if _shelf_bytes(shelf) + _shelf_bytes(lines) <= self.max_bytes:
                shelf.update(lines)
            self._make_room()

    def stamped(self, model: Hashable, stamp: Hashable) -> bool:
        """Note a model's stamp; return whether it differs from the one the answers were made with.

        The answers of a model whose stamp differs are dropped.
        """
        with self._lock:
            changed = model in self._stamps and self._stamps[model] != stamp
            self._stamps[model] = stamp
        return self.forget(model) if changed else False

    def forget(self, model: Hashable) -> bool:
        """Drop a model's answers; return whether there were any."""
        with self._lock:
            before = len(self._shelves) + len(self._masks)
            for shelves in (self._shelves, self._masks):
                for key in [key for key in shelves if key[0] == model]:
                    del shelves[key]
            return len(self._shelves) + len(self._masks) < before

    def clear(self) -> None:
        """Drop everything."""
        with self._lock:
            self._shelves.clear()
            self._masks.clear()
            self._stamps.clear()


def _shelf_bytes(shelf: dict[bytes, NDArray[np.float64]]) -> int:
    """Bytes of one shelf of masks, all of one length."""
    if not shelf:
        return 0
    mask, outputs = next(iter(shelf.items()))
    return len(shelf) * (len(mask) + outputs.nbytes + 200)
