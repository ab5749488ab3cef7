"""Layouts: what an instance is made of. Its features, their names, how they are read and drawn."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

ColumnKind: TypeAlias = Literal["number", "category", "boolean", "group"]


@dataclass(frozen=True, eq=False, kw_only=True)
class Columns:
    """A row of a table. A feature is a column or a group of columns.

    Parameters
    ----------
    names : tuple of str
        One a feature.
    values : tuple
        The instance's value of each feature as plain Python (None for missing; a tuple for a group).
    kinds : tuple of {"number", "category", "boolean", "group"}
    members : tuple of tuple of int
        Positions of each feature's columns in the model's row.
    categories : tuple
        For each feature the tuple of values it may take in their natural order, or None.
    ranges : tuple
        For each numeric feature (low, high) in the background, or None.
    units : tuple of str
        Unit of each feature, "" if unknown.
    conditions : tuple of str, optional
        What "present" means where it is not just the value, for example ``"24 < duration <= 36"``.
    patterns : tuple
        For each feature whose columns are the one-hot code of a category: the columns' values for each of
        ``categories``; None for the others.

    Examples
    --------
    >>> row = Columns(
    ...     names=("age", "job"), values=(24, "skilled"), kinds=("number", "category"), members=((0,), (1,))
    ... )
    >>> row.shape, row.feature_names
    ((2,), ('age', 'job'))
    """

    type: Literal["columns"] = field(default="columns", init=False)
    names: tuple[str, ...]
    values: tuple[Any, ...]
    kinds: tuple[ColumnKind, ...]
    members: tuple[tuple[int, ...], ...]
    categories: tuple[tuple[Any, ...] | None, ...] = ()
    ranges: tuple[tuple[float, float] | None, ...] = ()
    units: tuple[str, ...] = ()
    conditions: tuple[str, ...] | None = None
    patterns: tuple[tuple[tuple[float, ...], ...] | None, ...] = ()

    def __post_init__(self) -> None:
        """Fill what was left out, one entry a feature."""
        for name, blank in (("categories", None), ("ranges", None), ("units", ""), ("patterns", None)):
            if not getattr(self, name):
                object.__setattr__(self, name, (blank,) * len(self.names))

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one output's attributions."""
        return (len(self.names),)

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Names in feature order."""
        return self.names


@dataclass(frozen=True, eq=False, kw_only=True)
class Steps:
    """A series: features are (time step, channel) cells.

    Parameters
    ----------
    values : ndarray of shape (steps, channels)
    channel_names : tuple of str
    step_names : tuple of str, optional
    """

    type: Literal["steps"] = field(default="steps", init=False)
    values: NDArray[Any]
    channel_names: tuple[str, ...]
    step_names: tuple[str, ...] | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one output's attributions."""
        return (int(self.values.shape[0]), int(self.values.shape[1]))

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Names in feature order, "channel at step"."""
        steps = self.step_names or tuple(str(step) for step in range(self.values.shape[0]))
        return tuple(f"{channel} at {step}" for step in steps for channel in self.channel_names)


@dataclass(frozen=True, eq=False, kw_only=True)
class Tokens:
    """A text. A feature is a stretch of characters, or all stretches that hold the same word.

    Parameters
    ----------
    text : str
        The original, whole: joining all characters gives back the input.
    offsets : tuple of (int, int)
        Start and end of each unit in code points, ascending, not overlapping.
    groups : tuple of int, optional
        Feature of each unit; None means unit i is feature i.
    units : str
        What a unit is called: "words", "sentences", "characters".

    Examples
    --------
    >>> review = Tokens(text="dull, so dull", offsets=((0, 4), (6, 8), (9, 13)), groups=(0, 1, 0))
    >>> review.feature_names, review.shape
    (('dull', 'so'), (2,))
    """

    type: Literal["tokens"] = field(default="tokens", init=False)
    text: str
    offsets: tuple[tuple[int, int], ...]
    groups: tuple[int, ...] | None = None
    units: str = "words"

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one output's attributions."""
        return (len(self.feature_names),)

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The text of each feature (its first occurrence)."""
        words = [self.text[start:end] for start, end in self.offsets]
        if self.groups is None:
            return tuple(words)
        first: dict[int, str] = {}
        for word, group in zip(words, self.groups, strict=True):
            first.setdefault(group, word)
        return tuple(first[group] for group in sorted(first))


@dataclass(frozen=True, eq=False, kw_only=True)
class Pixels:
    """An image. Features are superpixels if there is a label map, else pixels.

    Parameters
    ----------
    image : ndarray of shape (height, width, 3), uint8
        The picture to show.
    labels : ndarray of shape (height, width), int, optional
        Superpixel of each pixel, 0 to n - 1.
    channels : int
        Channels of the model's input; pixel attributions have shape (channels, height, width).
    fill : str
        What replaces a hidden piece, for example ``"mean"``.
    """

    type: Literal["pixels"] = field(default="pixels", init=False)
    image: NDArray[np.uint8]
    labels: NDArray[np.int32] | None = None
    channels: int = 3
    fill: str = "mean"

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one output's attributions."""
        if self.labels is not None:
            return (int(self.labels.max()) + 1,)
        return (self.channels, int(self.image.shape[0]), int(self.image.shape[1]))

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Names of the pieces, "piece 1" onwards; empty for pixels."""
        return tuple(f"piece {i + 1}" for i in range(self.shape[0])) if self.labels is not None else ()


@dataclass(frozen=True, eq=False, kw_only=True)
class Several:
    """Several inputs of one model, in input order.

    Parameters
    ----------
    parts : tuple of Layout
    part_names : tuple of str
    """

    type: Literal["several"] = field(default="several", init=False)
    parts: tuple[Layout, ...]
    part_names: tuple[str, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        """Total number of features, as one axis."""
        return (sum(int(np.prod(part.shape)) for part in self.parts),)

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Names of all parts, one after another."""
        return tuple(name for part in self.parts for name in part.feature_names)


Layout: TypeAlias = Columns | Steps | Tokens | Pixels | Several

LAYOUTS: dict[str, type[Any]] = {
    "columns": Columns,
    "steps": Steps,
    "tokens": Tokens,
    "pixels": Pixels,
    "several": Several,
}
