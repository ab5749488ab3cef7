"""The model's answers along paths, as they cross to the browser."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, cast

import numpy as np

from jupyter_xai.explanation import Curve
from jupyter_xai.wire.plain import float32
from jupyter_xai.wire.schema import SCHEMA_VERSION, CurveInfo, Curves, Edit

MAX_POINTS = 24
MAX_CURVES = 40
"""Curves of features at most; flips, removal and adjustments are not counted."""
_BY_FEATURE = ("response", "presence")


def encode_curves(
    curves: Iterable[Curve],
    run: int,
    rows: int = 0,
    *,
    edits: Sequence[Edit] = (),
    targets: Sequence[int] | None = None,
    unit: str | None = None,
) -> Curves:
    """Encode the model's answers along paths, thinned to 24 points and to the first 40 features.

    ``edits`` are what was changed by hand when the model was asked: the page marks curves that are behind the hand.

    Examples
    --------
    >>> path = Curve(kind="removal", feature=None, x=np.arange(3.0), y=np.array([[3e5, 2e5, 1e5]]))
    >>> sent = encode_curves([path], run=1)["curves"][0]
    >>> sent["offset"] + sent["scale"] * np.frombuffer(sent["y"], "<f2").astype(float)
    array([300000., 200000., 100000.])
    """
    chosen: list[Curve] = []
    room = MAX_CURVES
    for curve in curves:
        room -= curve.kind in _BY_FEATURE
        if curve.kind not in _BY_FEATURE or room >= 0:
            chosen.append(curve)
    sent = Curves(
        schema=SCHEMA_VERSION,
        run=int(run),
        rows=int(rows),
        edits=list(edits),
        curves=[_curve(curve) for curve in chosen],
    )
    if targets is not None:
        sent["targets"] = [int(target) for target in targets]
    if unit is not None:
        sent["unit"] = unit
    return sent


def _curve(curve: Curve) -> CurveInfo:
    x = np.asarray(curve.x, dtype=np.float64)
    lines = np.asarray(curve.y, dtype=np.float64)[None]
    if curve.band is not None:
        lines = np.concatenate([lines, np.asarray(curve.band, dtype=np.float64)])
    kept = np.unique(np.rint(np.linspace(0, len(x) - 1, min(len(x), MAX_POINTS))).astype(np.intp))
    x, lines = x[kept], lines[:, :, kept]
    sound = lines[np.isfinite(lines)]
    low, high = (float(sound.min()), float(sound.max())) if sound.size else (0.0, 0.0)
    offset, scale = (low + high) / 2, (high - low) / 2 or 1.0
    small = ((np.where(np.isfinite(lines), lines, np.nan) - offset) / scale).astype("<f2")
    info = CurveInfo(
        kind=curve.kind,
        feature=None if curve.feature is None else int(curve.feature),
        points=len(x),
        x=float32(x),
        y=small[0].tobytes(),
        offset=offset,
        scale=scale,
    )
    if curve.name:
        info["name"] = cast(Any, curve.name)
    if curve.order is not None:
        info["order"] = int(curve.order)
    if curve.band is not None:
        info["band"] = small[1:].tobytes()
    return info
