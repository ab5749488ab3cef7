"""From one explanation's features to another's: pixels onto superpixels, sub-words onto words, columns onto groups."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from jupyter_xai.errors import InputError
from jupyter_xai.explanation import Columns, Explanation, Layout, Pixels, Several, Steps, Tokens


def onto(explanation: Explanation, layout: Layout) -> NDArray[np.float64]:
    """Attributions of an explanation on the features of another layout of the same instance.

    What a feature has is spread evenly over what it is made of (pixels, characters) and gathered by the other layout's
    features, so that sums are kept wherever both cover the instance.

    Parameters
    ----------
    explanation : Explanation
    layout : Layout
        Its features may be coarser or finer; columns may only be coarser.

    Returns
    -------
    ndarray of shape (outputs, features)

    Raises
    ------
    InputError
        If the two are not of the same instance, or nothing says how a value is to be split.

    Examples
    --------
    >>> picture = np.zeros((2, 2, 3), np.uint8)
    >>> pixels = Explanation(
    ...     values=np.arange(4.0).reshape(1, 1, 2, 2),
    ...     features=Pixels(image=picture, channels=1),
    ...     output_names=("cat",),
    ...     predictions=np.array([1.0]),
    ... )
    >>> onto(pixels, Pixels(image=picture, labels=np.array([[0, 0], [1, 1]], np.int32), channels=1))
    array([[1., 5.]])
    """
    values, own = explanation.values, explanation.features
    if isinstance(values, tuple):
        if isinstance(layout, Several) and layout.shape == own.shape:
            return np.concatenate([part.reshape(len(part), -1) for part in values], axis=1)
        raise InputError(
            "An explanation of several inputs has no counterpart in one layout: compare it with another explanation "
            "of the same inputs."
        )
    values = np.asarray(values, dtype=np.float64)
    if own is layout:
        return values.reshape(len(values), -1)
    if isinstance(own, Pixels) and isinstance(layout, Pixels):
        return _pixels(values, own, layout)
    if isinstance(own, Tokens) and isinstance(layout, Tokens):
        return _tokens(values, own, layout)
    if isinstance(own, Columns) and isinstance(layout, Columns):
        return _columns(values, own, layout)
    if isinstance(own, Steps) and isinstance(layout, Steps) and own.shape == layout.shape:
        return values.reshape(len(values), -1)
    raise InputError(
        f"An explanation of {_said(own)} cannot be laid onto {_said(layout)}: expected two of the same "
        f"instance. Explain "
        "one input with both methods."
    )


def coarser(first: Layout, second: Layout) -> Layout:
    """The layout of the two on which both can be laid: the one with fewer features.

    Examples
    --------
    >>> picture = np.zeros((2, 2, 3), np.uint8)
    >>> pieces = Pixels(image=picture, labels=np.array([[0, 0], [1, 1]], np.int32))
    >>> coarser(Pixels(image=picture), pieces) is pieces
    True
    """
    return second if np.prod(second.shape) < np.prod(first.shape) else first


def _said(layout: Layout) -> str:
    kind = {"columns": "columns", "steps": "time steps", "tokens": "pieces of text", "pixels": "an image"}
    return f"{kind.get(layout.type, layout.type)} (shape {layout.shape})"


def _pixels(values: NDArray[np.float64], own: Pixels, layout: Pixels) -> NDArray[np.float64]:
    if own.image.shape[:2] != layout.image.shape[:2]:
        raise InputError(
            f"The two explanations are of images of {own.image.shape[1]}×{own.image.shape[0]} and "
            f"{layout.image.shape[1]}×{layout.image.shape[0]} pixels: explain one image with both methods."
        )
    outputs = len(values)
    if own.labels is None:
        flat = values.reshape(outputs, -1, *own.image.shape[:2])
    else:
        sizes = np.bincount(own.labels.ravel(), minlength=values.shape[1])
        flat = (values / np.maximum(sizes, 1))[:, own.labels][:, None]
    if layout.labels is None:
        if flat.shape[1] != layout.channels:
            flat = np.repeat(flat.sum(axis=1, keepdims=True) / layout.channels, layout.channels, axis=1)
        return flat.reshape(outputs, -1)
    if own.labels is not None and np.array_equal(own.labels, layout.labels):
        return values.reshape(outputs, -1)
    pieces = int(layout.labels.max()) + 1
    summed = flat.sum(axis=1).reshape(outputs, -1)
    return np.stack([np.bincount(layout.labels.ravel(), weights=row, minlength=pieces) for row in summed])


def _tokens(values: NDArray[np.float64], own: Tokens, layout: Tokens) -> NDArray[np.float64]:
    if own.text != layout.text:
        raise InputError("The two explanations are of different texts: explain one text with both methods.")
    if own.offsets == layout.offsets and own.groups == layout.groups:
        return values
    owners = np.full(len(own.text) + 1, -1)
    groups = layout.groups or tuple(range(len(layout.offsets)))
    for group, (start, end) in zip(groups, layout.offsets, strict=True):
        owners[start:end] = group
    share = np.zeros((values.shape[1], layout.shape[0]))
    own_groups = own.groups or tuple(range(len(own.offsets)))
    for group, (start, end) in zip(own_groups, own.offsets, strict=True):
        met = owners[start:end]
        share[group] += np.bincount(met[met >= 0], minlength=layout.shape[0])
    share /= np.maximum(share.sum(axis=1, keepdims=True), 1e-300)  # a unit of separators alone goes nowhere
    return np.asarray(values @ share)


def _columns(values: NDArray[np.float64], own: Columns, layout: Columns) -> NDArray[np.float64]:
    if own.members == layout.members or (own.names == layout.names and len(own.names) == values.shape[1]):
        return values
    at: Any = {frozenset(members): i for i, members in enumerate(own.members)}
    found = np.zeros((len(values), len(layout.members)))
    taken: set[int] = set()
    for feature, members in enumerate(layout.members):
        inside = [i for key, i in at.items() if key <= set(members)]
        covered = set().union(*(own.members[i] for i in inside)) if inside else set()
        if covered != set(members):
            raise InputError(
                f"The feature {layout.names[feature]!r} is a part of a group in the other explanation, and "
                f"nothing says "
                "how the group's value is to be split: explain both with the same groups=."
            )
        found[:, feature] = values[:, inside].sum(axis=1)
        taken.update(inside)
    return found
