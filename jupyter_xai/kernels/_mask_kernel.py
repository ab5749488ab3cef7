"""Functions of masks as a Gaussian process, and LIME's regression over all masks as a sum that is known of it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_AT_ONCE = 256  # rows a pass: the two passes of ``regressed`` then stay within a few megabytes


@dataclass(frozen=True, eq=False)
class MaskRegression:
    """LIME's regression on infinitely many draws: masks of one size are equally likely and count the same.

    With h the row of the inverse of ``Cov_w(z) + penalty`` that belongs to feature j, its coefficient for a function f
    is ``E[w (h . (z - mean)) f(z)]``, which depends on z by z_j and the size of z alone:
    ``E[w (z_j / scale + offsets[size]) f(z)]``.

    Parameters
    ----------
    chances : ndarray of shape (n_features + 1,)
        Of each number of kept features.
    weights : ndarray of shape (n_features + 1,)
        Locality weight of masks of each size.
    penalty : float
        Ridge penalty a draw.

    Examples
    --------
    >>> coin = MaskRegression(np.array([0.25, 0.5, 0.25]), np.ones(3), 0.0)
    >>> coin.mean, coin.scale, coin.linear().round(12) + 0.0
    (0.5, 0.25, array([[1., 0.],
           [0., 1.]]))
    """

    chances: NDArray[np.float64]
    weights: NDArray[np.float64]
    penalty: float

    @property
    def n_features(self) -> int:
        """Features of a mask."""
        return len(self.chances) - 1

    @property
    def mass(self) -> NDArray[np.float64]:
        """Chance times weight of each size."""
        return self.chances * self.weights

    @property
    def mean(self) -> float:
        """Weighted share of masks that keep a feature."""
        kept = np.arange(self.n_features + 1)
        return float(self.mass @ kept / (self.n_features * self.mass.sum()))

    def _covariances(self) -> tuple[float, float]:
        """Weighted sums of squares of a feature, and of products of two, about the mean."""
        d, kept, mass = self.n_features, np.arange(self.n_features + 1), self.mass
        shared = mass.sum() * self.mean**2
        both = mass @ (kept * (kept - 1)) / (d * max(d - 1, 1))
        return float(mass @ kept / d - shared), float(both - shared if d > 1 else 0.0)

    @property
    def scale(self) -> float:
        """What the system of equations has on its diagonal beside its common part."""
        own, other = self._covariances()
        return own - other + self.penalty

    @property
    def offsets(self) -> NDArray[np.float64]:
        """What the size of a mask adds to its influence on a coefficient, for each size."""
        d, mean = self.n_features, self.mean
        return np.asarray(-(mean + self._shared() * (np.arange(d + 1) - d * mean)) / self.scale)

    def _shared(self) -> float:
        other = self._covariances()[1]
        return other / (self.scale + self.n_features * other)

    def n_masks(self) -> int:
        """Masks that are possible at all, and the full one."""
        possible = {int(k) for k in np.flatnonzero(self.chances)} | {self.n_features}
        return sum(math.comb(self.n_features, k) for k in possible)

    def of_all(
        self, rows: NDArray[np.float64], answers: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The regression itself, where the answer on every possible mask is known.

        Parameters
        ----------
        rows : ndarray of shape (n, n_features)
            Each mask once.
        answers : ndarray of shape (n, outputs)

        Returns
        -------
        ndarray of shape (outputs, n_features)
            Coefficients.
        ndarray of shape (outputs,)
            Weighted means.
        """
        sizes = rows.sum(axis=1).astype(np.intp)
        share = (self.mass / [math.comb(self.n_features, k) for k in range(self.n_features + 1)])[sizes]
        influence = (rows / self.scale + self.offsets[sizes][:, None]) * share[:, None]
        return answers.T @ influence, answers.T @ share / self.mass.sum()

    def linear(self) -> NDArray[np.float64]:
        """Coefficients for each feature as the function, (n_features, features): the identity without penalty."""
        own, other = self._covariances()
        d = self.n_features
        common = other - self._shared() * (own + (d - 1) * other)
        return ((own - other) * np.eye(d) + common) / self.scale


@dataclass(frozen=True, eq=False)
class MaskKernel:
    """``a(z) a(z') exp(-sum of rates over features in which z and z' differ)``, with ``a(z) = size^-decay``.

    A rate says how much a feature matters beyond a linear model; the decay, how much rougher the function is where
    little is kept (a text model that normalises its counts is).

    Parameters
    ----------
    rates : ndarray of shape (n_features,)
    decay : float
    noise : float
        What no function of this kind follows, at the instance; the more the less a mask counts there.
    """

    rates: NDArray[np.float64]
    decay: float
    noise: float

    def amplitudes(self) -> NDArray[np.float64]:
        """Amplitude for each size; that of nothing kept is that of one feature."""
        return np.asarray(np.maximum(np.arange(len(self.rates) + 1), 1) ** -self.decay)

    def matrix(self, one: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.float64]:
        """Covariances of rows with other rows, without noise."""
        apart = differing(one, other, self.rates)
        np.exp(np.negative(apart, out=apart), out=apart)
        amplitudes = self.amplitudes()
        apart *= amplitudes[one.sum(axis=1).astype(np.intp)][:, None]
        apart *= amplitudes[other.sum(axis=1).astype(np.intp)]
        return apart

    def regressed(
        self, rows: NDArray[np.float64], over: MaskRegression
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """LIME's coefficients and weighted mean of the functions ``z -> kernel(z, row)``.

        Sums over all masks of a size are built up feature by feature, and differentiated in reverse for the masks that
        keep one of them: all terms are positive, so that no digits are lost.

        Parameters
        ----------
        rows : ndarray of shape (n, n_features)
            0 or 1.
        over : MaskRegression

        Returns
        -------
        ndarray of shape (n_features, n)
        ndarray of shape (n,)
        """
        mass = over.mass * self.amplitudes()
        ends = np.stack([mass * over.offsets, mass / over.mass.sum()])
        coefs, means = np.empty(rows.T.shape), np.empty(len(rows))
        for first in range(0, len(rows), _AT_ONCE):
            part = slice(first, first + _AT_ONCE)
            own, (common, means[part]) = self._sums(rows[part], mass / over.scale, ends)
            coefs[:, part] = own + common
        amplitudes = self.amplitudes()[rows.sum(axis=1).astype(np.intp)]
        return coefs * amplitudes, means * amplitudes

    def _sums(
        self, rows: NDArray[np.float64], keeping: NDArray[np.float64], ends: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Sums over sizes k of ``keeping[k] E_k[z_j K]`` for each j, and of ``ends[k] E_k[K]``.

        E_k averages over the masks of size k, K is the product without amplitudes.
        """
        d, q = len(self.rates), np.exp(-self.rates)[:, None]
        absent, present = np.where(rows.T > 0, q, 1.0), np.where(rows.T > 0, 1.0, q)
        steps = [np.ones((1, len(rows)))]  # of the first i features: averages over their masks of size 0 to i
        for i in range(1, d + 1):
            out, kept = _shares(i)
            new = np.zeros((i + 1, len(rows)))
            new[:-1] = out * absent[i - 1] * steps[-1]
            new[1:] += kept * present[i - 1] * steps[-1]
            steps.append(new)
        found = np.empty((d, len(rows)))
        back = np.repeat(keeping[:, None], len(rows), axis=1)
        for i in range(d, 0, -1):
            out, kept = _shares(i)
            keeps = back[1:] * (kept * present[i - 1])
            found[i - 1] = np.einsum("kn,kn->n", keeps, steps[i - 1])
            back = keeps + back[:-1] * (out * absent[i - 1])
        return found, ends @ steps[d]


def _shares(i: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Chance that the last of i features is out of a mask, and in it, where the others keep 0 to i - 1: columns.

    Examples
    --------
    >>> _shares(2)[0].ravel(), _shares(2)[1].ravel()
    (array([1. , 0.5]), array([0.5, 1. ]))
    """
    others = np.arange(i)[:, None]
    return (i - others) / i, (others + 1) / i


def differing(
    one: NDArray[np.float64], other: NDArray[np.float64], rates: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Sum of the rates of the features in which rows differ.

    Examples
    --------
    >>> differing(np.eye(2), np.ones((1, 2)), np.array([1.0, 10.0]))
    array([[10.],
           [ 1.]])
    """
    weighted = one * rates
    apart = weighted.sum(axis=1)[:, None] + other @ rates
    apart -= 2.0 * (weighted @ other.T)
    np.maximum(apart, 0.0, out=apart)
    return np.asarray(apart)
