"""Which coalitions a permutation kernel asks for: walks along random orders, forwards and backwards."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from jupyter_xai.maskers._random import Prefix, check_seed, generator

_BLOCK_BYTES = 2**18


class Walks:
    """Coalitions along random orders of the players, each followed by its complement; none comes twice.

    A walk takes in the players one by one and asks for every set on its way. The complements of these sets are those
    of the walk in the reverse order, so that a walk and its reverse are made of pairs. A set that an earlier walk
    asked for is not asked again.

    Parameters
    ----------
    n_players : int
        From 2.
    random_state : int or None

    Examples
    --------
    >>> walks = Walks(4, 0)
    >>> walks.masks(0, 6).sum(axis=1)
    array([1, 3, 2, 2, 3, 1])
    >>> walks.complete(2), walks.complete(3)
    (0, 2)
    """

    def __init__(self, n_players: int, random_state: int | None) -> None:
        self.n_players = n_players
        self._size = int(np.clip(_BLOCK_BYTES // (8 * n_players**2), 1, 256))
        self._seed = check_seed(random_state)
        self._orders = Prefix(self._drawn, self._size)
        self._known: dict[bytes, int] = {}  # pairs by the member that holds the first player
        self._pairs: list[NDArray[np.bool_]] = []
        self._flips = np.empty(
            0, dtype=np.bool_
        )  # whether a pair's first coalition is without the first player
        self._ends: list[int] = []  # how many pairs there are after each walk
        self._steps: list[NDArray[np.intp]] = []
        self._signs: list[NDArray[np.float64]] = []

    def _drawn(self, k: int) -> tuple[NDArray[np.intp], ...]:
        """Orders of block k."""
        rows = np.tile(np.arange(self.n_players), (self._size, 1))
        return (generator(self._seed, "permutations", k).permuted(rows, axis=1),)

    def masks(self, start: int, stop: int) -> NDArray[np.bool_]:
        """Coalitions start to stop of the sequence."""
        first, last = start // 2, -(-stop // 2)
        while len(self._known) < last:
            self._more()
        if len(self._pairs) > 1:
            self._pairs = [np.concatenate(self._pairs)]
        pairs = self._pairs[0][first:last] if self._pairs else np.empty((0, self.n_players), dtype=np.bool_)
        both = np.stack([pairs, ~pairs], axis=1).reshape(2 * len(pairs), self.n_players)
        return both[start - 2 * first : stop - 2 * first]

    def complete(self, pairs: int) -> int:
        """How many walks the first so many pairs are enough for.

        Walks that ask for nothing new count, up to the first that does: when a run ends says nothing about it.
        """
        every = 2 ** (self.n_players - 1) - 1
        while (not self._ends or self._ends[-1] <= pairs) and len(self._known) < every:
            self._more()
        return int(np.searchsorted(self._ends, pairs, side="right"))

    def walk(self, start: int, stop: int) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float64]]:
        """Walks start to stop.

        Returns
        -------
        orders : ndarray of shape (walks, players)
        pairs : ndarray of shape (walks, players - 1)
            Place in the sequence of the pair at each step.
        signs : ndarray of shape (walks, players - 1)
            +1 where the walk has the pair's first coalition, -1 where it has the second.
        """
        while len(self._ends) < stop:
            self._more()
        orders = self._orders.rows(start, stop)[0]
        return (
            orders,
            _some(self._steps, start, stop, self._size),
            _some(self._signs, start, stop, self._size),
        )

    def _more(self) -> None:
        """Know one more block of walks."""
        at = len(self._ends)
        orders = self._orders.rows(at, at + self._size)[0]
        ranks = np.empty_like(orders)
        np.put_along_axis(ranks, orders, np.arange(self.n_players)[None], axis=1)
        kept = ranks[:, None, :] < np.arange(1, self.n_players)[:, None]  # walk, step, player
        flip = ~kept[:, :, :1]
        names = np.packbits(kept ^ flip, axis=2)
        size, steps = self._size, self.n_players - 1
        places = np.empty((size, steps), dtype=np.intp)
        first = np.zeros((size, steps), dtype=np.bool_)
        width = names.shape[2]
        raw = names.tobytes()  # bytes of one string are cut faster than rows of an array
        for w in range(size):
            for k in range(steps):
                start = (w * steps + k) * width
                name = raw[start : start + width]
                place = self._known.get(name)
                if place is None:
                    place = self._known[name] = len(self._known)
                    first[w, k] = True
                places[w, k] = place
            self._ends.append(len(self._known))
        self._pairs.append(kept[first])
        self._flips = np.concatenate([self._flips, flip[:, :, 0][first]])
        self._steps.append(places)
        self._signs.append(np.where(flip[:, :, 0] == self._flips[places], 1.0, -1.0))


def _some(blocks: list[NDArray[Any]], start: int, stop: int, size: int) -> NDArray[Any]:
    """Rows start to stop of blocks of one size."""
    low, high = start // size, -(-stop // size)
    return np.concatenate(blocks[low:high])[start - low * size : stop - low * size]
