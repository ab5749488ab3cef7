"""Inputs that differ from an instance by a little noise, in the form in which it came."""

from __future__ import annotations

from typing import Any

import numpy as np

from jupyter_xai.errors import InputError
from jupyter_xai.maskers._columns import NumberColumn, as_number
from jupyter_xai.maskers._forms import from_canonical, read_image, to_container

_SPANS = {"bytes": 255.0, "unit": 1.0, "signed": 2.0}


def nearby(x: Any, masker: Any, radius: float, n: int, rng: np.random.Generator) -> tuple[list[Any], str]:
    """Make n inputs around x, each value moved by up to ``radius`` of its scale, and say what the scale is.

    Parameters
    ----------
    x : instance
    masker : Masker or None
        Decides what x is; None: an array or tensor, moved by up to ``radius`` itself.
    radius : float
    n : int
    rng : Generator

    Raises
    ------
    InputError
        If nothing in x can be moved a little.

    Examples
    --------
    >>> found, scale = nearby(np.zeros(3), None, 0.1, 2, np.random.default_rng(0))
    >>> len(found), bool(np.abs(found[0]).max() <= 0.1), scale
    (2, True, 'in the units of the input')
    """
    kind = getattr(masker, "kind", None)
    if kind == "image":
        return _images(x, radius, n, rng)
    if kind == "table":
        return _rows(x, masker, radius, n, rng)
    if kind is not None:
        raise InputError(
            f"A {kind} cannot be moved a little: expected numbers or pixels. Ask for the stability across "
            f"random states, "
            "or compare edits of the text."
        )
    return _arrays(x, radius, n, rng)


def _images(x: Any, radius: float, n: int, rng: np.random.Generator) -> tuple[list[Any], str]:
    array, form = read_image(x)
    span = _SPANS.get(form.scale, form.high - form.low)
    found = []
    for _ in range(n):
        moved = array + radius * span * rng.uniform(-1, 1, size=array.shape)
        if array.dtype.kind in "iu":
            limits = np.iinfo(array.dtype)
            moved = np.clip(np.rint(moved), limits.min, limits.max)
        layout = form.layout
        found.append(
            to_container(np.ascontiguousarray(from_canonical(moved.astype(array.dtype), layout)), form)
        )
    return found, f"of the range of pixels ({span:g})"


def _rows(x: Any, masker: Any, radius: float, n: int, rng: np.random.Generator) -> tuple[list[Any], str]:
    table = masker.table()
    row = table.align(x)
    spreads = [
        float(np.nanstd(np.asarray(table.form.read(at), dtype=np.float64)))
        if isinstance(column, NumberColumn) and not column.whole
        else 0.0
        for at, column in enumerate(table.columns)
    ]
    if not any(spreads):
        raise InputError(
            "No column of the row can be moved a little: all are whole numbers, categories or constant. Ask for the "
            "stability across random states."
        )
    found = []
    for _ in range(n):
        noise = radius * np.array(spreads) * rng.uniform(-1, 1, size=len(row))
        found.append(
            [as_number(value, "") + noise[at] if spreads[at] else value for at, value in enumerate(row)]
        )
    return found, "of each column's standard deviation"


def _arrays(x: Any, radius: float, n: int, rng: np.random.Generator) -> tuple[list[Any], str]:
    said = "in the units of the input"
    if hasattr(x, "detach"):
        import torch

        if not x.is_floating_point():
            raise InputError(
                "Whole numbers cannot be moved a little: pass a tensor of floating-point numbers."
            )
        noise = [torch.from_numpy(rng.uniform(-radius, radius, size=tuple(x.shape))) for _ in range(n)]
        return [x.detach() + each.to(device=x.device, dtype=x.dtype) for each in noise], said
    array = np.asarray(x)
    if array.dtype.kind == "O" or array.dtype.kind not in "fiu":
        raise InputError(f"A {type(x).__name__} cannot be moved a little: expected an array of numbers.")
    return [array + rng.uniform(-radius, radius, size=array.shape) for _ in range(n)], said
