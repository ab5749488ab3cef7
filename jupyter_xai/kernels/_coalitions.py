"""Which coalitions a Shapley kernel asks for: pairs, sizes in turn, none twice, as one prefix sequence."""

from __future__ import annotations

import math
import threading
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from jupyter_xai.maskers._random import Prefix, block_rows, check_seed, generator

_LISTED = 2**17  # subsets of one size that are put in a random order up front; more of them are drawn
_ROUNDS = 2**13


_SHARED = 2**13
"""Coalitions from the start of a sequence that runs share: the next row or edit of a table asks for the same."""


class SharedCoalitions:
    """The sequence of ``PairedCoalitions``, its first stretch made once for all runs of one size and seed.

    Parameters
    ----------
    n_players : int
    random_state : int or None

    Examples
    --------
    >>> one, two = SharedCoalitions(5, 0), PairedCoalitions(5, 0)
    >>> bool((one.masks(3, 17) == two.masks(3, 17)).all())
    True
    """

    def __init__(self, n_players: int, random_state: int | None) -> None:
        self.n_players = n_players
        self._seed = check_seed(random_state)
        self._own: PairedCoalitions | None = None

    def masks(self, start: int, stop: int) -> NDArray[np.bool_]:
        """Coalitions start to stop of the sequence."""
        if stop <= _SHARED and self.n_players <= 128 and self._own is None:
            return _first(self.n_players, self._seed).masks(start, stop)
        self._own = self._own or PairedCoalitions(self.n_players, self._seed)
        return self._own.masks(start, stop)


@lru_cache(maxsize=16)
def _first(n_players: int, seed: int) -> PairedCoalitions:
    return PairedCoalitions(n_players, seed)


class PairedCoalitions:
    """Coalitions of some players, each followed by its complement.

    In every round each size that is not used up gives one more pair, in random order; within a size every subset
    is as likely, and none comes twice. So after any number of pairs each size was drawn ``min(c, C(M, k))`` times
    but for one: leverage sampling, whose sizes are uniform, without replacement.

    Source: Musco & Witter, "Provably accurate Shapley value estimation via leverage score sampling" (ICLR 2025).

    Parameters
    ----------
    n_players : int
        From 2; fewer have no coalition but none and all.
    random_state : int or None

    Examples
    --------
    >>> PairedCoalitions(3, 0).masks(0, 6).sum(axis=1)
    array([1, 2, 1, 2, 1, 2])
    """

    def __init__(self, n_players: int, random_state: int | None) -> None:
        self.n_players = n_players
        self._seed = check_seed(random_state)
        self._sizes = np.arange(1, n_players // 2 + 1)
        self._counts = [pairs_of_size(n_players, int(k)) for k in self._sizes]
        rows = block_rows(n_players)
        self._keys = Prefix(
            lambda k: (generator(self._seed, "subsets", k).random((rows, n_players), dtype=np.float32),), rows
        )
        self._orders: dict[int, NDArray[np.intp]] = {}
        self._seen: dict[int, set[bytes]] = {}
        self._order = np.empty(0, dtype=np.intp)  # place of each pair's size, as far as it is known
        self._rounds = 0
        self._pairs = np.empty((0, n_players), dtype=np.bool_)
        self._lock = threading.Lock()

    def masks(self, start: int, stop: int) -> NDArray[np.bool_]:
        """Coalitions start to stop of the sequence."""
        first, last = start // 2, -(-stop // 2)
        with self._lock:
            while len(self._pairs) < last:
                self._more(max(last, min(2 * len(self._pairs), len(self._pairs) + 1024)))
        pairs = self._pairs[first:last]
        both = np.stack([pairs, ~pairs], axis=1).reshape(2 * len(pairs), self.n_players)
        return both[start - 2 * first : stop - 2 * first]

    def _more(self, n: int) -> None:
        start = len(self._pairs)
        while len(self._order) < n and self._next_rounds():
            pass
        n = min(n, len(self._order))
        keys = self._keys.rows(start, n)[0]
        places = self._order[start:n]
        pairs = np.zeros((n - start, self.n_players), dtype=np.bool_)
        for place in np.unique(places):
            rows = np.flatnonzero(places == place)
            if self._counts[place] <= _LISTED:
                before = int(np.count_nonzero(self._order[:start] == place))
                pairs[rows] = self._listed(int(place), before, len(rows))
            else:
                pairs[rows] = self._drawn(int(place), keys[rows], rows + start)
        self._pairs = np.concatenate([self._pairs, pairs])

    def _next_rounds(self) -> bool:
        """Know the sizes of some more rounds; False if every size is used up."""
        many = 2 * max(1, _ROUNDS // len(self._sizes))  # even: halves come in every other round
        rng = generator(self._seed, "rounds", self._rounds // many)
        rounds = np.arange(self._rounds, self._rounds + many)
        keys = rng.random((many, len(self._sizes)))
        left = rounds[:, None] < np.array([min(count, 2**62) for count in self._counts])
        if self.n_players % 2 == 0:  # a pair of halves is two coalitions of one size: every other round
            coin = rng.integers(2, size=many // 2).repeat(2)
            odd = (np.arange(many) + coin) % 2 == 1
            left[:, -1] = odd & (rounds // 2 < self._counts[-1])
        self._rounds += many
        keys[~left] = np.inf
        order = np.argsort(keys, axis=1)
        self._order = np.concatenate([self._order, order[np.take_along_axis(left, order, axis=1)]])
        return bool(left.any())

    def _listed(self, place: int, before: int, many: int) -> NDArray[np.bool_]:
        """Subsets of a size that has few, in a random order."""
        if place not in self._orders:
            rng = generator(self._seed, "order", place)
            self._orders[place] = rng.permutation(self._counts[place])
        return subsets(self._orders[place][before : before + many], self.n_players, int(self._sizes[place]))

    def _drawn(self, place: int, keys: NDArray[np.float32], at: NDArray[np.intp]) -> NDArray[np.bool_]:
        """Subsets of a size that has many; one that came before is drawn again."""
        k = int(self._sizes[place])
        found = self._smallest(keys, k)
        seen = self._seen.setdefault(place, set())
        for i, row in enumerate(np.packbits(found, axis=1)):
            name, again = row.tobytes(), None
            while name in seen:
                again = again or generator(self._seed, "again", int(at[i]))
                found[i] = self._smallest(again.random((1, self.n_players), dtype=np.float32), k)[0]
                name = np.packbits(found[i]).tobytes()
            seen.add(name)
        return found

    def _smallest(self, keys: NDArray[np.float32], k: int) -> NDArray[np.bool_]:
        """Subsets of the k smallest keys; of a half and its complement the one with the first player."""
        kept = np.zeros(keys.shape, dtype=np.bool_)
        np.put_along_axis(kept, np.argpartition(keys, k - 1, axis=1)[:, :k], values=True, axis=1)
        return kept ^ (~kept[:, :1]) if 2 * k == self.n_players else kept


@lru_cache(maxsize=2**16)
def pairs_of_size(n_players: int, k: int) -> int:
    """How many pairs have a coalition of size k, k at most half of the players.

    Examples
    --------
    >>> [pairs_of_size(4, k) for k in (1, 2)]
    [4, 3]
    """
    return math.comb(n_players, k) // (2 if 2 * k == n_players else 1)


def subsets(ranks: NDArray[np.integer], n: int, k: int) -> NDArray[np.bool_]:
    """Subsets of size k by their rank in lexicographic order.

    Parameters
    ----------
    ranks : ndarray of int
        From 0 to C(n, k) - 1.
    n, k : int

    Examples
    --------
    >>> subsets(np.arange(3), 3, 2).astype(int)
    array([[1, 1, 0],
           [1, 0, 1],
           [0, 1, 1]])
    """
    found = np.zeros((len(ranks), n), dtype=np.bool_)
    rest, left = np.array(ranks, dtype=np.int64), np.full(len(ranks), k)
    for i, ways in enumerate(_ways(n, k)):
        without = ways[left]
        take = rest < without
        found[:, i] = take
        rest -= np.where(take, 0, without)
        left -= take
    return found


@lru_cache(maxsize=256)
def _ways(n: int, k: int) -> NDArray[np.int64]:
    """Number of subsets that go on with player i, by how many players are still to come: (n, k + 1)."""
    rows = [[0, *(min(math.comb(n - 1 - i, m), 2**62) for m in range(k))] for i in range(n)]
    return np.array(rows, dtype=np.int64)
