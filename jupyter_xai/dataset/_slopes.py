"""A reduction of derivatives to their sizes over rows: sums by random groups of rows, from which errors come too."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.special import stdtrit

from jupyter_xai.dataset._random import priorities
from jupyter_xai.explanation import Z95, GlobalExplanation, Layout, RowSample, State

Norm = Literal["l2", "l1", "ms"]

GROUPS, FEW_GROUPS = 64, 8
_MANY = 20_000
_SAMPLED_NUMBERS = 4_000_000


@dataclass(frozen=True, eq=False)
class Slopes:
    """Derivatives of some neighbouring rows.

    Parameters
    ----------
    start : int
        Number of the first row.
    first : ndarray of shape (n, outputs, features)
    rows : ndarray of shape (n, features)
    second : ndarray of shape (n, outputs, features, features), optional
    output_names : tuple of str
    unit : str
    notices : tuple of str
    scores : ndarray of shape (n, outputs), optional
        The model at each row.
    classes : bool
        Whether the outputs are all of the model's, and classes.
    """

    start: int
    first: NDArray[Any]
    rows: NDArray[Any]
    second: NDArray[Any] | None
    output_names: tuple[str, ...]
    unit: str
    notices: tuple[str, ...] = ()
    scores: NDArray[Any] | None = None
    classes: bool = False


class SizeReduction:
    """Sizes of derivatives over rows, counted in standard deviations of the same rows.

    Parameters
    ----------
    norm : {"l2", "l1", "ms"}
        Root of the mean square, mean magnitude, or mean square.
    standardise : bool
        Whether a derivative counts times the standard deviation of its column.
    normalise : bool
        Whether the sizes of an output are shares that sum to 1.
    members : sequence of sequence of int
        Columns of each feature: those of one feature count as the root of the sum of their squares.
    names : tuple of str
    layout : Layout or None
    shape : tuple of int
    random_state : int or None
    max_sampled : int
    """

    def __init__(
        self,
        norm: Norm,
        *,
        standardise: bool,
        normalise: bool,
        members: tuple[tuple[int, ...], ...],
        names: tuple[str, ...],
        layout: Layout | None = None,
        shape: tuple[int, ...] = (),
        random_state: int | None = 0,
        max_sampled: int = 200,
    ) -> None:
        self.norm, self.standardise, self.normalise = norm, standardise, normalise
        self.members, self.names, self.layout, self.shape = members, names, layout, shape
        self.random_state, self.max_sampled = random_state, max_sampled
        self.n_rows = 0
        self.output_names: tuple[str, ...] = ()
        self.unit = "raw"
        self.notices: tuple[str, ...] = ()
        self.counts = np.zeros(0)
        self.firsts: NDArray[np.float64] | None = None
        """Sums by group of d, and of its squares (magnitudes for the l1 norm): (2, groups, outputs, columns)."""
        self.seconds: NDArray[np.float64] | None = None
        self.columns: NDArray[np.float64] | None = None
        """Sums by group of x and x² about ``centre``: (2, groups, columns)."""
        self.centre = np.zeros(0)
        self.sampled: tuple[NDArray[Any], ...] | None = None
        self.predicted: NDArray[np.int64] | None = None
        """Rows by the class that the model predicts there."""

    def update(self, found: Slopes) -> None:
        """Take in derivatives of rows.

        Parameters
        ----------
        found : Slopes
        """
        n, outputs, p = found.first.shape
        if not self.n_rows:
            groups = GROUPS if outputs * p * (p if found.second is not None else 1) <= _MANY else FEW_GROUPS
            self.output_names, self.unit, self.notices = found.output_names, found.unit, found.notices
            self.counts = np.zeros(groups)
            self.firsts = np.zeros((2, groups, outputs, p))
            self.columns = np.zeros((2, groups, p))
            self.seconds = None if found.second is None else np.zeros((2, groups, outputs, p, p))
            self.centre = found.rows[0].astype(np.float64)
        assert self.firsts is not None
        assert self.columns is not None
        scores = np.full((n, outputs), np.nan, np.float32) if found.scores is None else found.scores
        if found.classes:
            counts = np.bincount(scores.argmax(axis=1), minlength=outputs)
            self.predicted = counts if self.predicted is None else self.predicted + counts
        rows = np.arange(found.start, found.start + n)
        order = priorities(rows, self.random_state)
        group = _groups(rows, order, len(self.counts))
        sums = csr_array(
            (np.ones(n, np.float32), (group, np.arange(n))), shape=(len(self.counts), n), dtype=np.float32
        )
        self.n_rows += n
        self.counts += np.bincount(group, minlength=len(self.counts))
        size = np.abs if self.norm == "l1" else np.square
        _add(self.firsts, sums, found.first, size)
        if found.second is not None:
            assert self.seconds is not None
            _add(self.seconds, sums, found.second, size)
        about = found.rows - self.centre.astype(found.rows.dtype)
        _add(self.columns, sums, about, np.square)
        if outputs * p * self.max_sampled <= _SAMPLED_NUMBERS:
            kept = least(order, self.max_sampled)
            self._keep((order[kept], rows[kept], found.first[kept], found.rows[kept], scores[kept]))

    def _keep(self, more: tuple[NDArray[Any], ...]) -> None:
        if self.sampled is not None:
            more = tuple(np.concatenate(pair) for pair in zip(self.sampled, more, strict=True))
        kept = least(more[0], self.max_sampled)
        self.sampled = tuple(part[kept] for part in more)

    def merge(self, other: SizeReduction) -> None:
        """Take in a reduction of later rows.

        Parameters
        ----------
        other : SizeReduction
            Of the same kind; left as it is.
        """
        if not other.n_rows:
            return
        if not self.n_rows:
            self.__dict__.update({name: _copied(value) for name, value in vars(other).items()})
            return
        assert self.firsts is not None
        assert other.firsts is not None
        assert self.columns is not None
        assert other.columns is not None
        self.n_rows += other.n_rows
        self.counts += other.counts
        self.firsts += other.firsts
        if self.predicted is not None and other.predicted is not None:
            self.predicted = self.predicted + other.predicted
        if self.seconds is not None and other.seconds is not None:
            self.seconds += other.seconds
        shift = other.centre - self.centre
        self.columns[1] += other.columns[1] + 2 * shift * other.columns[0] + other.counts[:, None] * shift**2
        self.columns[0] += other.columns[0] + other.counts[:, None] * shift
        if other.sampled is not None:
            self._keep(other.sampled)

    # --- what comes of it ---------------------------------------------------------------------------------------------

    def _spreads(self, left_out: int | None = None) -> NDArray[np.float64]:
        """Standard deviation of each column, without one group."""
        assert self.columns is not None
        sums, n = self.columns.sum(axis=1), self.counts.sum()
        if left_out is not None:
            sums, n = sums - self.columns[:, left_out], n - self.counts[left_out]
        if not self.standardise:
            return np.ones(sums.shape[1])
        return np.asarray(np.sqrt(np.maximum(sums[1] / n - (sums[0] / n) ** 2, 0.0)))

    def _sizes(self, left_out: int | None = None) -> tuple[NDArray[np.float64], ...]:
        """Size and signed mean of each feature, and size of each pair where there are second derivatives."""
        assert self.firsts is not None
        spreads = self._spreads(left_out)
        first, scale = self._means(self.firsts, left_out, spreads)
        found = [first, scale]
        if self.seconds is not None:
            pairs = spreads[:, None] * spreads
            found += [*self._means(self.seconds, left_out, pairs)]
        return tuple(found)

    def _means(
        self, sums: NDArray[np.float64], left_out: int | None, unit: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        total, n = sums.sum(axis=1), self.counts.sum()
        if left_out is not None:
            total, n = total - sums[:, left_out], n - self.counts[left_out]
        mean, size = total / n
        # columns of a feature go together as squares, whatever the norm
        squares = (size * unit) ** 2 if self.norm == "l1" else np.maximum(size, 0.0) * unit**2
        for axis in range(1, squares.ndim):
            squares = self._together(squares, axis)
        size = squares if self.norm == "ms" else np.sqrt(squares)
        signed = mean * unit
        for axis in range(1, signed.ndim):
            signed = self._alone(signed, axis)
        if self.normalise:
            whole = size.reshape(len(size), -1).sum(axis=1).reshape(-1, *[1] * (size.ndim - 1))
            whole = np.where(whole > 0, whole, 1.0)
            size, signed = size / whole, signed / whole
        return size, signed

    def _together(self, values: NDArray[np.float64], axis: int) -> NDArray[np.float64]:
        if all(len(some) == 1 for some in self.members):
            return values
        return np.stack([values.take(list(some), axis).sum(axis) for some in self.members], axis)

    def _alone(self, values: NDArray[np.float64], axis: int) -> NDArray[np.float64]:
        """A group has no direction."""
        if all(len(some) == 1 for some in self.members):
            return values
        parts = [
            values.take(some[0], axis) if len(some) == 1 else np.full_like(values.take(some[0], axis), np.nan)
            for some in self.members
        ]
        return np.stack(parts, axis)

    def estimate(self, status: State = "settled") -> GlobalExplanation:
        """The whole estimate over the rows so far."""
        if not self.n_rows:
            return GlobalExplanation(
                values=np.zeros((0, len(self.names))),
                feature_names=self.names,
                output_names=(),
                status=status,
            )
        full = self._sizes()
        full = (*full, full[0].mean(axis=0))
        groups = np.flatnonzero(self.counts)
        errors: list[Any] = [np.full_like(value, np.inf) for value in full]
        if len(groups) > 1:
            parts = []
            for group in groups:
                some = self._sizes(int(group))
                parts.append((*some, some[0].mean(axis=0)))
            weights = self.counts[groups]
            errors = [
                jackknife(value, np.stack(left), weights)
                for value, left in zip(full, zip(*parts, strict=True), strict=True)
            ]
        pairs = self.seconds is not None
        return GlobalExplanation(
            values=full[0],
            std_errors=errors[0],
            signed=full[1],
            signed_std_errors=errors[1],
            interactions=full[2] if pairs else None,
            interaction_std_errors=errors[2] if pairs else None,
            overall=full[-1],
            overall_std_errors=errors[-1],
            feature_names=self.names,
            output_names=self.output_names,
            predicted=self.predicted,
            sample=self._row_sample(full[-1]),
            layout=self.layout,
            feature_shape=self.shape,
            n_rows=self.n_rows,
            n_evals=self.n_rows,
            output_unit=self.unit,
            value_unit="share" if self.normalise else "per standard deviation" if self.standardise else "",
            random_state=self.random_state,
            status=status,
            notices=(*self.notices, *self._constant()),
        )

    def _constant(self) -> tuple[str, ...]:
        spreads = self._spreads()
        still = [
            name for name, some in zip(self.names, self.members, strict=True) if not spreads[list(some)].any()
        ]
        if not still or not self.standardise or self.n_rows < 2:
            return ()
        listed = ", ".join(still[:5]) + (f" and {len(still) - 5} more" if len(still) > 5 else "")
        return (f"The same in every row, and so without importance per standard deviation: {listed}.",)

    def _row_sample(self, importance: NDArray[np.float64]) -> RowSample | None:
        if self.sampled is None:
            return None
        _, rows, first, inputs, scores = self.sampled
        drawn = np.sort(np.argsort(-importance, kind="stable")[:500])
        places = np.argsort(rows)
        column = np.array([self.members[at][0] for at in drawn])
        alone = np.array([len(self.members[at]) == 1 for at in drawn])
        values = (first[places][:, :, column] * self._spreads()[column]).astype(np.float32)
        own = inputs[places][:, column].astype(np.float32)
        values[:, :, ~alone], own[:, ~alone] = np.nan, np.nan
        return RowSample(
            rows=rows[places],
            features=drawn.astype(np.int64),
            values=values,
            inputs=own,
            predictions=scores[places].astype(np.float32) if np.isfinite(scores).any() else None,
            predicted=None if self.predicted is None else scores[places].argmax(axis=1),
        )


def jackknife(
    value: NDArray[np.float64], left_out: NDArray[np.float64], counts: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Standard error from leaving out groups of unequal size, scaled so that 1.96 of it is the 95 % half-width.

    Parameters
    ----------
    value : ndarray
        From all rows.
    left_out : ndarray of shape (groups, ...)
        Without each group.
    counts : ndarray of shape (groups,)
        Rows of each.

    Notes
    -----
    Busing, Meijer & van der Leeden, "Delete-m jackknife for unequal m" (1999).

    Examples
    --------
    >>> x = np.array([1.0, 2.0, 4.0])
    >>> alone = jackknife(x.mean(), np.array([3.0, 2.5, 1.5]), np.ones(3))
    >>> bool(np.isclose(alone, x.std(ddof=1) / np.sqrt(3) * stdtrit(2, 0.975) / 1.96))
    True
    """
    g = len(counts)
    shape = (-1, *[1] * value.ndim)
    share = (counts.sum() / counts).reshape(shape)
    middle = g * value - ((1 - 1 / share) * left_out).sum(axis=0)
    pseudo = share * value - (share - 1) * left_out
    variance = ((pseudo - middle) ** 2 / (share - 1)).mean(axis=0)
    return np.asarray(stdtrit(g - 1, 0.975) / Z95 * np.sqrt(variance))


def least(order: NDArray[np.uint64], count: int) -> NDArray[np.intp]:
    """Positions of the so many least, in their order.

    Examples
    --------
    >>> least(np.array([5, 1, 4, 2], dtype=np.uint64), 2)
    array([1, 3])
    """
    some = np.argpartition(order, count - 1)[:count] if len(order) > count else np.arange(len(order))
    return some[order[some].argsort(kind="stable")]


def _groups(rows: NDArray[np.int64], order: NDArray[np.uint64], count: int) -> NDArray[np.intp]:
    """A group for each row: the first rows one each, so that a few rows are left out one by one."""
    assert count & (count - 1) == 0
    return np.where(rows < count, rows, (order & np.uint64(count - 1)).astype(np.int64))


def _add(sums: NDArray[np.float64], by_group: Any, values: NDArray[Any], size: Any) -> None:
    flat = values.reshape(len(values), -1)
    for layer, some in enumerate((flat, size(flat))):
        sums[layer] += (by_group @ some).reshape(sums.shape[1:])


def _copied(value: Any) -> Any:
    return value.copy() if isinstance(value, np.ndarray) else value
