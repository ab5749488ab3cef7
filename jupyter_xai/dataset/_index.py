"""Names of features and outputs in the order they were met, and arrays of sums that grow with them."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


class Index:
    """Names to positions, new ones at the end.

    Examples
    --------
    >>> index = Index()
    >>> index.positions(("b", "a")), index.positions(("a", "c")), index.names
    (array([0, 1]), array([1, 2]), ['b', 'a', 'c'])
    """

    def __init__(self) -> None:
        self.names: list[Hashable] = []
        self._at: dict[Hashable, int] = {}
        self._last: tuple[Sequence[Hashable], NDArray[np.intp]] | None = None

    def __len__(self) -> int:
        """Return the number of names."""
        return len(self.names)

    def positions(self, names: Sequence[Hashable]) -> NDArray[np.intp]:
        """Position of each, new ones added."""
        if self._last is not None and self._last[0] == names:
            return self._last[1]
        found = np.array([self._at.setdefault(name, len(self._at)) for name in names], dtype=np.intp)
        if len(self._at) > len(self.names):
            self.names = list(self._at)
        self._last = (names, found)
        return found

    def keep(self, positions: NDArray[np.intp]) -> None:
        """Forget all names but those at these positions, which become 0, 1, ..."""
        self.names = [self.names[at] for at in positions]
        self._at = {name: at for at, name in enumerate(self.names)}
        self._last = None


def grown(array: NDArray[Any], shape: Sequence[int]) -> NDArray[Any]:
    """The array with zeros after the end of each axis; room is doubled, so that growing one by one is cheap.

    Examples
    --------
    >>> grown(np.ones((1, 2)), (1, 3)).shape
    (1, 4)
    """
    if all(have >= need for have, need in zip(array.shape, shape, strict=True)):
        return array
    room = [
        have if have >= need else max(need, 2 * have) for have, need in zip(array.shape, shape, strict=True)
    ]
    larger = np.zeros(room, array.dtype)
    larger[tuple(slice(n) for n in array.shape)] = array
    return larger
