"""Which features each draw of a neighbourhood keeps: lime's own schemes, and balanced ones of the same measure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import hadamard
from scipy.special import gammaln

from jupyter_xai.maskers._random import block_rows

_STRATA = 128
_ORDER = 32


@dataclass(frozen=True)
class Design:
    """A way to draw masks.

    Parameters
    ----------
    draw : callable
        ``draw(rng, rows, n_features)`` gives masks of shape (rows, n_features); True keeps.
    unit : callable
        ``unit(n_features)``: rows come in multiples of it.
    paired : bool
        Whether each even row is followed by its complement.
    """

    draw: Callable[[np.random.Generator, int, int], NDArray[np.bool_]]
    unit: Callable[[int], int] = lambda _: 1
    paired: bool = False

    def rows(self, n_features: int) -> int:
        """Rows that are drawn at once."""
        unit = self.unit(n_features)
        return unit * max(1, block_rows(n_features) // unit)


@dataclass(frozen=True)
class Measure:
    """A distribution of masks in which all masks of one size are alike, and the designs that draw from it.

    Parameters
    ----------
    chances : callable
        ``chances(n_features)``: the chance of each number of kept features, from none to all.
    lime, balanced : Design
    """

    chances: Callable[[int], NDArray[np.float64]]
    lime: Design
    balanced: Design


def uniform_size(rng: np.random.Generator, rows: int, n_features: int) -> NDArray[np.bool_]:
    """LIME's text design: the number of removed features is uniform on 1..d, which ones is uniform.

    Source: Ribeiro, Singh & Guestrin (2016) and lime 0.2's ``lime_text``.

    Examples
    --------
    >>> masks = uniform_size(np.random.default_rng(0), 1000, 4)
    >>> sorted(set((~masks).sum(axis=1).tolist()))
    [1, 2, 3, 4]
    """
    return _without(rng, rng.integers(1, n_features + 1, rows), n_features)


def _without(rng: np.random.Generator, sizes: NDArray[np.integer], n_features: int) -> NDArray[np.bool_]:
    """Masks that remove so many features each, at least one."""
    keys = rng.integers(2**32, size=(len(sizes), n_features), dtype=np.uint32)  # two alike: once in 10^7 rows
    last = np.sort(keys, axis=1)[np.arange(len(sizes)), sizes - 1]
    return np.asarray(keys > last[:, None])


def size_strata(n_features: int) -> int:
    """Pairs a round of ``stratified_sizes``."""
    return min(n_features, _STRATA)


def stratified_sizes(rng: np.random.Generator, rows: int, n_features: int) -> NDArray[np.bool_]:
    """The measure of ``uniform_size`` in pairs of a mask and its complement, their sizes stratified.

    A round of min(d, 128) pairs takes one size from each of as many equal parts of 0..d: with up to 128 features
    each number of removed features once. The mask that removes everything has no complement within the measure: it
    is its own partner. All features but those of a pair's mask are in its complement, so that each is removed
    once a pair.

    Parameters
    ----------
    rng : Generator
    rows : int
        A multiple of two rounds' masks.
    n_features : int

    Examples
    --------
    >>> masks = stratified_sizes(np.random.default_rng(0), 8, 4)
    >>> sorted((~masks).sum(axis=1).tolist())  # each size twice a round
    [1, 1, 2, 2, 3, 3, 4, 4]
    """
    strata = size_strata(n_features)
    rounds = -(-rows // (2 * strata))
    places = rng.permuted(np.tile(np.arange(strata), (rounds, 1)), axis=1) + rng.random((rounds, strata))
    sizes = np.minimum((places.ravel() * n_features / strata).astype(np.intp), n_features - 1)
    sizes[sizes == 0] = n_features
    first = _without(rng, sizes, n_features)
    second = ~first
    second[sizes == n_features] = False
    return np.stack([first, second], axis=1).reshape(-1, n_features)[:rows]


def coin(rng: np.random.Generator, rows: int, n_features: int) -> NDArray[np.bool_]:
    """LIME's image design: each feature is kept with probability 1/2, independently.

    Source: lime 0.2's ``lime_image``.

    Examples
    --------
    >>> masks = coin(np.random.default_rng(0), 2000, 3)
    >>> bool(abs(masks.mean() - 0.5) < 0.02)
    True
    """
    bits = rng.integers(0, 256, (rows, -(-n_features // 8)), dtype=np.uint8)
    return np.unpackbits(bits, axis=1, count=n_features).view(np.bool_)


def hadamard_order(n_features: int) -> int:
    """Order of the matrix of ``hadamard_pairs``: the power of two above the number of features, at least 32.

    Examples
    --------
    >>> [hadamard_order(d) for d in (3, 31, 32, 50)]
    [32, 32, 64, 64]
    """
    return max(_ORDER, 1 << n_features.bit_length())


def hadamard_pairs(rng: np.random.Generator, rows: int, n_features: int) -> NDArray[np.bool_]:
    """The measure of ``coin`` in blocks that are balanced in every two and every three features.

    A block is Sylvester's Hadamard matrix with columns drawn at random, signs of columns and order of rows at
    random, and each row followed by its complement: in it, every combination of values of any three features
    occurs equally often. Over the draw of a block each row is uniform over all masks.

    Parameters
    ----------
    rng : Generator
    rows : int
        A multiple of twice the order.
    n_features : int

    Notes
    -----
    Orthogonal arrays of strength 3 by foldover: Hedayat, Sloane & Stufken, "Orthogonal Arrays" (1999), chapter 7.

    Examples
    --------
    >>> masks = hadamard_pairs(np.random.default_rng(0), 64, 5)
    >>> counts = np.unique(masks[:, :3], axis=0, return_counts=True)[1]
    >>> counts.tolist()
    [8, 8, 8, 8, 8, 8, 8, 8]
    """
    order = hadamard_order(n_features)
    matrix = hadamard(order, dtype=np.int8) > 0
    found = np.empty((rows // (2 * order), order, 2, n_features), dtype=np.bool_)
    for block in found:
        columns = 1 + rng.permutation(order - 1)[:n_features]
        signs = rng.integers(0, 2, n_features).astype(np.bool_)
        block[:, 0] = matrix[rng.permutation(order)][:, columns] ^ signs
        block[:, 1] = ~block[:, 0]
    return found.reshape(-1, n_features)


def _all_but_full(n_features: int) -> NDArray[np.float64]:
    chances = np.full(n_features + 1, 1.0 / n_features)
    chances[-1] = 0.0
    return chances


def _halves(n_features: int) -> NDArray[np.float64]:
    kept = np.arange(n_features + 1)
    ways = gammaln(n_features + 1) - gammaln(kept + 1) - gammaln(n_features - kept + 1)
    return np.asarray(np.exp(ways - n_features * np.log(2.0)))


SIZES = Measure(
    _all_but_full,
    lime=Design(uniform_size),
    balanced=Design(stratified_sizes, unit=lambda d: 2 * size_strata(d), paired=True),
)
"""The number of removed features is uniform on 1..d (lime's text explainer)."""

COINS = Measure(
    _halves,
    lime=Design(coin),
    balanced=Design(hadamard_pairs, unit=lambda d: 2 * hadamard_order(d), paired=True),
)
"""Each feature is kept with probability 1/2 (lime's image explainer)."""
