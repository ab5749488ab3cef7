"""A sample of the rows of a run, the same however they were cut: what is drawn of single rows."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jupyter_xai.dataset._index import Index
from jupyter_xai.dataset._random import priorities
from jupyter_xai.dataset._readings import Reading
from jupyter_xai.explanation import RowSample

MOST_DRAWN = 500
"""Features a sample of rows is kept for in a result."""
MOST_SAMPLED = 5000
"""Features of a row above which (pixels) no sample of rows is kept."""


class SampledRows:
    """Readings of a few rows, drawn at random from all that were added.

    Parameters
    ----------
    random_state : int or None
        Decides which.
    most : int
        Rows kept; up to twice as many on the way.
    """

    def __init__(self, random_state: int | None, most: int) -> None:
        self.random_state, self.most = random_state, most
        self.kept: dict[int, tuple[int, Reading]] = {}

    def __len__(self) -> int:
        """Return the number of rows kept so far."""
        return len(self.kept)

    def add(self, read: Reading) -> None:
        """Take in a row; rows of very many features are left out."""
        if len(read.names) > MOST_SAMPLED:
            return
        priority = int(priorities(np.array([read.row]), self.random_state)[0])
        small = replace(read, weights=read.weights.astype(np.float32), errors=None, layout=None)
        self.kept[read.row] = (priority, small)

    def merge(self, other: SampledRows) -> None:
        """Take in a sample of other rows, which is left as it is."""
        self.kept |= other.kept

    def prune(self) -> None:
        """Forget all rows but those that are drawn, once there are too many."""
        if len(self.kept) > 2 * self.most:
            self.kept = dict(self._drawn())

    def _drawn(self) -> list[tuple[int, tuple[int, Reading]]]:
        return sorted(sorted(self.kept.items(), key=lambda item: item[1][0])[: self.most])

    def sample(
        self, outputs: Index, names: list[Any], importance: NDArray[np.float64], *, classes: bool
    ) -> RowSample:
        """What is drawn.

        Parameters
        ----------
        outputs : Index
        names : list of hashable
            The features of the result.
        importance : ndarray of shape (features,)
        classes : bool
            Whether the outputs are classes, one of which the model predicts.
        """
        drawn = np.sort(np.argsort(-importance, kind="stable")[:MOST_DRAWN])
        place = {names[at]: i for i, at in enumerate(drawn)}
        rows = [read for _, (_, read) in self._drawn()]
        values = np.full((len(rows), len(outputs), len(drawn)), np.nan, np.float32)
        inputs = np.full((len(rows), len(drawn)), np.nan, np.float32)
        predictions = np.full((len(rows), len(outputs)), np.nan, np.float32)
        for i, read in enumerate(rows):
            out = outputs.positions(read.outputs)
            if read.predictions is not None:
                predictions[i, out] = read.predictions
            pairs = [(at, place[name]) for at, name in enumerate(read.names) if name in place]
            if pairs:
                here, there = (np.array(part) for part in zip(*pairs, strict=True))
                values[i][np.ix_(out, there)] = read.weights[:, here]
                inputs[i, there] = read.inputs[here]
        at = {name: i for i, name in enumerate(outputs.names)}
        return RowSample(
            rows=np.array([read.row for read in rows], dtype=np.int64),
            features=drawn.astype(np.int64),
            values=values,
            inputs=inputs,
            predictions=predictions if np.isfinite(predictions).any() else None,
            predicted=np.array([at.get(read.decided, -1) for read in rows], np.int64) if classes else None,
        )


def counts(decided: Counter[str], outputs: Index) -> NDArray[np.int64] | None:
    """In how many rows each output is predicted; None where none ever is.

    Examples
    --------
    >>> index = Index()
    >>> _ = index.positions(("bad", "good"))
    >>> counts(Counter({"good": 3, "other": 1}), index)
    array([0, 3])
    """
    if not decided:
        return None
    return np.array([decided[str(name)] for name in outputs.names], dtype=np.int64)
