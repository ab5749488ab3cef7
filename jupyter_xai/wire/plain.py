"""Values that a header can carry: plain Python, finite, and no half characters."""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np

from jupyter_xai.explanation.rows import shorten

Plain = float | int | str | bool

_SURROGATES = re.compile("[\ud800-\udfff]")
_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")


def text(value: object) -> str:
    """Text that JSON can carry: half a surrogate pair becomes the replacement character.

    Examples
    --------
    >>> text("a" + chr(0xD800)) == "a" + chr(0xFFFD)
    True
    """
    return _SURROGATES.sub("\ufffd", str(value))


def finite(value: Any) -> float | None:
    """A finite float, or None.

    Examples
    --------
    >>> finite(np.float32(0.5)), finite(float("nan")), finite(None)
    (0.5, None, None)
    """
    if value is None:
        return None
    number = float(value)
    return number if math.isfinite(number) else None


def plain(value: Any) -> Plain:
    """A bool, int, float or str that says what a hyper-parameter's value is.

    Examples
    --------
    >>> plain(np.int64(3)), plain(np.bool_(True)), plain(float("inf")), plain(None), plain(len)
    (3, True, 'inf', 'None', 'len')
    """
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, bool | int) or (isinstance(value, float) and math.isfinite(value)):
        return value
    if isinstance(value, str):
        return text(value)
    name = getattr(value, "__qualname__", None) if callable(value) else None
    if isinstance(value, np.ndarray):
        name = f"array of shape {value.shape}"
    return shorten(text(name or _ADDRESS.sub("", repr(value))))


def float32(array: Any) -> bytes:
    """A copy as little-endian float32."""
    return np.asarray(array, dtype="<f4").tobytes()
