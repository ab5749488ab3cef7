"""Covariances of games over coalitions, of which only the odd part matters, and their Shapley values in closed form."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

_NODES = 256
_SINH = 300.0  # beyond it sinh is an exponential


class Covariance(Protocol):
    """Covariance of a process over odd functions of z = +-1, 1 on the diagonal."""

    def matrix(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        """Covariance of each two of some coalitions, rows of +-1: (rows, rows)."""
        ...

    def values_of(self, signs: NDArray[np.float64]) -> NDArray[np.float64]:
        """Shapley values of the games ``z -> kernel(z, t)``, (players, rows) for rows t."""
        ...

    def prior(self) -> NDArray[np.float64]:
        """Variance of each player's Shapley value before anything is known, (players,)."""
        ...


@dataclass(frozen=True)
class OddKernel:
    """``linear * z.z' / n + (1 - linear) * K``, with K the odd part of ``prod (1 + r z_j z'_j)``, 1 on the diagonal.

    Shapley values are linear in a game, and 0 for its even part, so the process is over odd functions of z = +-1.
    The strength r says how much a term is worth by its order, ``r^order``.

    Parameters
    ----------
    n : int
        Players.
    strength : float
        r, above 0 and below 1.
    linear : float
        Share of the variance that additive games have beside those in K.
    """

    n: int
    strength: float
    linear: float

    def by_distance(self) -> NDArray[np.float64]:
        """Kernel of two coalitions by the number of players in which they differ, 0 to n."""
        h = np.arange(self.n + 1)
        q = (1.0 - self.strength) / (1.0 + self.strength)
        product = (q**h - q ** (self.n - h)) / (1.0 - q**self.n)
        return self.linear * (1.0 - 2.0 * h / self.n) + (1.0 - self.linear) * product

    def _log_norm(self) -> float:
        """Logarithm of the odd product's value on the diagonal."""
        q = (1.0 - self.strength) / (1.0 + self.strength)
        return float(self.n * np.log1p(self.strength) + np.log((1.0 - q**self.n) / 2.0))

    def values_of(self, signs: NDArray[np.float64]) -> NDArray[np.float64]:
        """Shapley values of the games ``z -> kernel(z, t)``, (players, rows) for rows t.

        The value of t's i-th player in the product is the integral from -1 to 1 of
        ``r t_i prod_{j != i} (1 + r t_j u)`` over u, which depends on t_i and the number of +1 in t alone.
        """
        r, n = self.strength, self.n
        u, du = _nodes(min(n // 2 + 2, _NODES))
        up, down, norm = np.log1p(r * u), np.log1p(-r * u), self._log_norm()
        k = np.arange(n + 1)[:, None]
        inside = r * np.exp((k - 1) * up + (n - k) * down - norm) @ du
        outside = -r * np.exp(k * up + (n - k - 1) * down - norm) @ du
        kept = signs > 0
        size = np.count_nonzero(kept, axis=1)[:, None]
        product = np.where(kept, inside[size], outside[size])
        return np.asarray(self.linear * 2.0 / n * signs + (1.0 - self.linear) * product).T

    def matrix(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        """Covariance of each two of some coalitions, rows of +-1: (rows, rows)."""
        return self.by_distance().take(distances(rows))

    def prior(self) -> NDArray[np.float64]:
        """Variance of each player's Shapley value before anything is known, (players,)."""
        u, du = _nodes(min(self.n // 2 + 2, _NODES))
        inside = np.exp((self.n - 1) * np.log1p(self.strength * np.outer(u, u)) - self._log_norm())
        product = self.strength * (du @ inside @ du)
        return np.full(self.n, self.linear * 4.0 / self.n + (1.0 - self.linear) * product)


@dataclass(frozen=True, eq=False)
class OwnStrengths:
    """As ``OddKernel``, but each player has a strength of its own: ``prod (1 + r_j z_j z'_j)``.

    With ``r_j = tanh d_j`` a factor is ``exp(d_j z_j z'_j)`` but for a constant, so that the odd part, 1 on the
    diagonal, is ``sinh(sum d_j z_j z'_j) / sinh(sum d_j)``. A player that hardly matters has a small d_j, and the
    others are a game of fewer players.

    Parameters
    ----------
    rates : ndarray of shape (players,)
        d, above 0.
    linear : float
        Share of the variance that additive games have beside those in the product.
    """

    rates: NDArray[np.float64]
    linear: float

    def parts(self, rows: NDArray[np.float64]) -> tuple[NDArray[np.float64], ...]:
        """Odd part of the product; the same with cosh; and coth of the sum of d, which must be below ``_SINH``."""
        total = self.rates.sum()
        up = (rows * self.rates) @ rows.T
        up -= total
        np.exp(up, out=up)
        down = np.exp(-2.0 * total) / up
        norm = -np.expm1(-2.0 * total)
        return (up - down) / norm, (up + down) / norm, (2.0 - norm) / norm

    def matrix(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        """Covariance of each two of some coalitions, rows of +-1: (rows, rows)."""
        total = self.rates.sum()
        odd = (rows * self.rates) @ rows.T
        if total < _SINH:
            np.sinh(odd, out=odd)
            odd /= np.sinh(total)
        else:
            odd = np.sign(odd) * np.exp(np.abs(odd) - total)
        return np.asarray(self.linear / len(self.rates) * (rows @ rows.T) + (1.0 - self.linear) * odd)

    def _log_norm(self) -> float:
        """Logarithm of the odd product's value on the diagonal."""
        total = self.rates.sum()
        return float(np.log1p(np.tanh(self.rates)).sum() + np.log(-np.expm1(-2.0 * total)) - np.log(2.0))

    def values_of(self, signs: NDArray[np.float64]) -> NDArray[np.float64]:
        """Shapley values of the games ``z -> kernel(z, t)``, (players, rows) for rows t.

        The integral of ``OddKernel.values_of``, in which each factor is now a player's own.
        """
        n, strengths = len(self.rates), np.tanh(self.rates)
        u, du = _nodes(min(n // 2 + 2, _NODES))
        up, down = np.log1p(np.outer(strengths, u)), np.log1p(-np.outer(strengths, u))
        kept = signs > 0
        whole = np.exp(kept @ (up - down) + (down.sum(axis=0) - self._log_norm())) * du
        inside, outside = whole @ np.exp(-up).T, whole @ np.exp(-down).T
        product = np.where(kept, inside, -outside) * strengths
        return np.asarray(self.linear * 2.0 / n * signs + (1.0 - self.linear) * product).T

    def prior(self) -> NDArray[np.float64]:
        """Variance of each player's Shapley value before anything is known, (players,)."""
        n, strengths = len(self.rates), np.tanh(self.rates)
        u, du = _nodes(min(n // 2 + 2, _NODES))
        both = np.outer(u, u)
        whole = np.full(both.shape, -self._log_norm())
        for strength in strengths:
            whole += np.log1p(strength * both)
        np.exp(whole, out=whole)
        product = np.array([r * (du @ (whole / (1.0 + r * both)) @ du) for r in strengths])
        return self.linear * 4.0 / n + (1.0 - self.linear) * product


@lru_cache(maxsize=64)
def _nodes(count: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Gauss-Legendre nodes and weights: exact for the polynomials above up to 512 players."""
    return np.polynomial.legendre.leggauss(count)


def distances(rows: NDArray[np.float64]) -> NDArray[np.intp]:
    """In how many players each two of some coalitions differ."""
    n = rows.shape[1]
    same = rows.astype(np.float32) @ rows.T.astype(np.float32)
    return np.asarray((n - np.rint(same)) / 2, dtype=np.intp)
