"""A reduction of explanations to means over the rows that have a feature: bounded in memory, merged exactly."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from jupyter_xai.dataset._index import Index, grown
from jupyter_xai.dataset._readings import Reading
from jupyter_xai.dataset._sample import SampledRows, counts
from jupyter_xai.explanation import Z95, GlobalExplanation, Layout, State


class Terms(NamedTuple):
    """What one explanation adds.

    Parameters
    ----------
    present : ndarray of shape (outputs, n), bool
    values, signed, chance : ndarray of shape (outputs, n)
        Magnitude, magnitude with direction, and the magnitude that noise alone has.
    """

    present: NDArray[np.bool_]
    values: NDArray[np.float64]
    signed: NDArray[np.float64]
    chance: NDArray[np.float64] | None


# rows of the sums over (output, feature), and of those over features
COUNT, VALUE, SQUARE, SIGNED, SIGNED_SQUARE, CHANCE = range(6)
ROWS, ONES, MASS, ONES2, BOTH, MASS2 = range(6)


class MeanReduction:
    """Means over rows of what ``terms`` makes of each explanation.

    Sums alone are kept, for at most ``max_features`` names of an open vocabulary, and a sample of rows.

    Parameters
    ----------
    random_state : int or None
        Decides which rows are kept for the picture.
    max_features : int
        Names of an open vocabulary (words) that are kept: the heaviest.
    max_sampled : int
        Rows kept.
    """

    def __init__(
        self, random_state: int | None = 0, max_features: int = 20_000, max_sampled: int = 200
    ) -> None:
        self.random_state, self.max_features, self.max_sampled = random_state, max_features, max_sampled
        self.n_rows = 0
        self.n_evals = 0
        self.outputs, self.features = Index(), Index()
        self.layout: Layout | None = None
        self.shape: tuple[int, ...] = ()
        self.unit, self.value_unit = "raw", ""
        self.open = self.noisy = False
        self.sums = np.zeros((6, 0, 0))
        self.pooled = np.zeros((6, 0))
        self.entered = np.zeros(0)
        """For each name the bound on what it may have had before it was met (again)."""
        self.dropped = 0.0
        self.sampled = SampledRows(random_state, max_sampled)
        self.decided: Counter[str] = Counter()
        """Rows by the class that the model predicts there."""

    def terms(self, read: Reading) -> Terms:
        """What one explanation adds."""
        raise NotImplementedError

    def update(self, readings: Iterable[Reading]) -> None:
        """Take in explanations.

        Parameters
        ----------
        readings : iterable of Reading
        """
        for read in readings:
            self._add(read)
            self._prune()

    def _add(self, read: Reading) -> None:
        if not self.n_rows:
            self.layout, self.shape = read.layout, read.shape
            self.unit, self.value_unit = read.unit, read.value_unit
        self.n_rows += 1
        self.n_evals += read.n_evals
        self.open = self.open or read.open
        out, at = self.outputs.positions(read.outputs), self._positions(read.names)
        found = self.terms(read)
        self.noisy = self.noisy or found.chance is not None
        present = found.present
        chance = np.zeros_like(found.values) if found.chance is None else found.chance
        layers = (
            present, found.values, found.values**2, found.signed, found.signed**2, chance
        )  # fmt: skip
        where = np.ix_(out, at)
        for layer, term in enumerate(layers):
            self.sums[layer][where] += np.where(present, term, 0.0)
        ones, mass = present.sum(axis=0).astype(float), np.where(present, found.values, 0.0).sum(axis=0)
        self.pooled[:, at] += (ones > 0, ones, mass, ones**2, ones * mass, mass**2)
        if read.decided:
            self.decided[read.decided] += 1
        self.sampled.add(read)

    def _positions(self, names: Any) -> NDArray[np.intp]:
        before = len(self.features)
        at = self.features.positions(names)
        shape = len(self.outputs), len(self.features)
        self.sums = grown(self.sums, (6, *shape))
        self.pooled = grown(self.pooled, (6, shape[1]))
        self.entered = grown(self.entered, (shape[1],))
        self.entered[before : shape[1]] = self.dropped
        return at

    def merge(self, other: MeanReduction) -> None:
        """Take in another reduction, of later rows; what comes of it is that of all rows.

        Parameters
        ----------
        other : MeanReduction
            Of the same kind; left as it is.
        """
        if not other.n_rows:
            return
        if not self.n_rows:
            self.layout, self.shape = other.layout, other.shape
            self.unit, self.value_unit = other.unit, other.value_unit
        self.n_rows += other.n_rows
        self.n_evals += other.n_evals
        self.open, self.noisy = self.open or other.open, self.noisy or other.noisy
        out = self.outputs.positions(tuple(other.outputs.names))
        at = self._positions(tuple(other.features.names))
        k, m = len(other.outputs), len(other.features)
        for layer in range(6):
            self.sums[layer][np.ix_(out, at)] += other.sums[layer, :k, :m]
        self.pooled[:, at] += other.pooled[:, :m]
        absent = np.ones(len(self.features), bool)
        absent[at] = False
        self.entered[: len(self.features)][absent] += other.dropped
        self.entered[at] += other.entered[:m]
        self.dropped += other.dropped
        self.sampled.merge(other.sampled)
        self.decided.update(other.decided)
        self._prune()

    def _prune(self) -> None:
        self.sampled.prune()
        if self.open and len(self.features) > 2 * self.max_features:
            self._forget()

    def _forget(self) -> None:
        """Keep the heaviest names alone, and note the most that one of the others may have had."""
        count = len(self.features)
        mass = self.pooled[MASS, :count] + self.entered[:count]
        order = np.argsort(-mass, kind="stable")
        kept = np.sort(order[: self.max_features])
        self.dropped = max(self.dropped, float(mass[order[self.max_features]]))
        self.sums = self.sums[:, :, kept]
        self.pooled, self.entered = self.pooled[:, kept], self.entered[kept]
        self.features.keep(kept)

    # --- what comes of it ---------------------------------------------------------------------------------------

    def estimate(self, status: State = "settled") -> GlobalExplanation:
        """The whole estimate over the rows so far."""
        k, m = len(self.outputs), len(self.features)
        kept = np.arange(m)
        if self.open and m > self.max_features:
            mass = self.pooled[MASS, :m]
            kept = np.sort(np.argsort(-mass, kind="stable")[: self.max_features])
        sums, overall = self.sums[:, :k, kept], self.pooled[:, kept]
        count = sums[COUNT]
        values, errors = mean_and_error(count, sums[VALUE], sums[SQUARE])
        signed, signed_errors = mean_and_error(count, sums[SIGNED], sums[SIGNED_SQUARE])
        all_values, all_errors = ratio_and_error(overall)
        dropped = self.dropped > 0
        return GlobalExplanation(
            values=values,
            std_errors=errors,
            signed=signed,
            signed_std_errors=signed_errors,
            support=count.astype(np.int64),
            chance=mean_and_error(count, sums[CHANCE], sums[CHANCE] ** 2)[0] if self.noisy else None,
            overall=all_values,
            overall_std_errors=all_errors,
            missing=self.entered[kept] if dropped else None,
            feature_names=tuple(self._said(self.features.names[at]) for at in kept),
            output_names=tuple(str(name) for name in self.outputs.names),
            predicted=counts(self.decided, self.outputs),
            sample=self.sampled.sample(
                self.outputs,
                [self.features.names[at] for at in kept],
                all_values,
                classes=bool(self.decided),
            ),
            layout=self.layout,
            feature_shape=self.shape,
            n_rows=self.n_rows,
            n_evals=self.n_evals,
            output_unit=self.unit,
            value_unit=self.value_unit or self.unit,
            random_state=self.random_state,
            status=status,
            notices=self._notices(overall[MASS] if dropped else None),
        )

    def _said(self, name: Any) -> str:
        if self.shape and isinstance(name, int):
            return ", ".join(str(i) for i in np.unravel_index(name, self.shape))
        return str(name)

    def _notices(self, mass: NDArray[np.float64] | None) -> tuple[str, ...]:
        if mass is None:
            return ()
        share = self.dropped / max(float(mass.max(initial=0.0)), 1e-300)
        said = (
            f"There are more than {self.max_features:,} words: the lightest were set aside. What one of them, or a "
            f"word before it was met again, may lack is at most {share:.2%} of the heaviest word's total."
        )
        return (said,)


def mean_and_error(
    count: NDArray[np.float64], total: NDArray[np.float64], squares: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean of a sample and its standard error, scaled so that 1.96 of it is the 95 % half-width.

    Parameters
    ----------
    count, total, squares : ndarray
        Number, sum and sum of squares of what was met.

    Returns
    -------
    tuple of ndarray
        The error of a single one is infinite.

    Examples
    --------
    >>> mean_and_error(np.array([2.0, 1.0]), np.array([4.0, 3.0]), np.array([8.0, 9.0]))
    (array([2., 3.]), array([ 0., inf]))
    """
    n = np.maximum(count, 1)
    mean = total / n
    variance = np.maximum(squares / n - mean**2, 0.0) * n / np.maximum(n - 1, 1)
    error = student(count) * np.sqrt(np.where(variance > 1e-14 * squares / n, variance, 0.0) / n)
    return mean, np.where(count > 1, error, np.inf)


def ratio_and_error(overall: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Ratio of two sums over rows and its standard error by the delta method: outputs of a row go together.

    Parameters
    ----------
    overall : ndarray of shape (6, features)
        Rows, and sums over them of a, b, a², ab and b², for the ratio of the b to the a.
    """
    rows = overall[ROWS]
    n = np.maximum(overall[ONES], 1e-300)
    ratio = np.where(overall[ONES] > 0, overall[MASS] / n, 0.0)
    squares = overall[MASS2] - 2 * ratio * overall[BOTH] + ratio**2 * overall[ONES2]
    squares = np.where(squares > 1e-14 * overall[MASS2], squares, 0.0)
    error = student(rows) * np.sqrt(squares * rows / np.maximum(rows - 1, 1)) / n
    return ratio, np.where(rows > 1, error, np.inf)


def student(count: NDArray[np.float64]) -> NDArray[np.float64]:
    """Student's 97.5 % quantile over 1.96, for errors from so many rows."""
    return np.asarray(stdtrit(np.maximum(count - 1, 1), 0.975) / Z95)


def chance_of(errors: NDArray[np.float64] | None) -> NDArray[np.float64] | None:
    """Mean magnitude of a normal variable about zero with these errors."""
    return None if errors is None else math.sqrt(2 / math.pi) * np.where(np.isfinite(errors), errors, np.nan)
