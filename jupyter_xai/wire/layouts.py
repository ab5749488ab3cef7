"""From layouts to what the browser draws: the instance and its features."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

from jupyter_xai.explanation import Columns, Layout, Pixels, Several, Steps, Tokens
from jupyter_xai.explanation.rows import shorten, value_text
from jupyter_xai.wire.pictures import LONGEST, LONGEST_MAP, area_mean, deflate_labels, fit, picture
from jupyter_xai.wire.plain import float32, text
from jupyter_xai.wire.schema import (
    ColumnInfo,
    ImageLayout,
    SeveralLayout,
    StepsLayout,
    TableLayout,
    TextLayout,
)

MOST_CHOICES = 200
"""Categories that are offered for choice; a column with more takes typed values."""

OneLayout: TypeAlias = TableLayout | TextLayout | ImageLayout | StepsLayout


def encode_layout(layout: Layout) -> OneLayout | SeveralLayout:
    """Encode one layout of any kind."""
    if isinstance(layout, Several):
        parts = [
            _pixels(part, LONGEST_MAP) if isinstance(part, Pixels) else encode_layout(part)
            for part in layout.parts
        ]
        return SeveralLayout(
            type="several",
            part_names=[text(name) for name in layout.part_names],
            parts=cast(list[OneLayout], parts),
        )
    encoders: dict[type[Any], Callable[[Any], Any]] = {
        Columns: _table,
        Tokens: _tokens,
        Pixels: _pixels,
        Steps: _steps,
    }
    return cast(OneLayout, encoders[type(layout)](layout))


def _table(layout: Columns) -> TableLayout:
    columns = []
    for i, name in enumerate(layout.names):
        value, missing = value_text(layout.values[i])
        column = ColumnInfo(
            name=shorten(text(name)),
            value=text(value),
            kind=layout.kinds[i],
            unit=text(layout.units[i]),
            condition=shorten(text(layout.conditions[i])) if layout.conditions is not None else "",
            missing=missing,
            raw=_raw(layout.values[i]),
        )
        if column["name"] != name:
            column["key"] = str(name)
        known, range_ = layout.categories[i], layout.ranges[i]
        if known is not None and len(known) <= MOST_CHOICES:
            column["choices"] = [cast(Any, _raw(one)) for one in known]
            column["choice_names"] = [shorten(text(value_text(one)[0])) for one in known]
        if range_ is not None and all(map(math.isfinite, range_)):
            column["low"], column["high"] = float(range_[0]), float(range_[1])
            column["whole"] = all(float(bound).is_integer() for bound in range_) and _is_whole(
                layout.values[i]
            )
        columns.append(column)
    return TableLayout(type="columns", columns=columns)


def _raw(value: Any) -> Any:
    """A value as an edit has it: plain, None for missing."""
    value = getattr(value, "tolist", lambda: value)()
    if isinstance(value, list | tuple):
        return [_raw(part) for part in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if value is None or isinstance(value, bool | int | float) else text(value)


def _is_whole(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and float(value).is_integer()


def _tokens(layout: Tokens) -> TextLayout:
    # JavaScript counts a character beyond U+FFFF as two
    wide = np.fromiter((ord(char) > 0xFFFF for char in layout.text), dtype=np.int64, count=len(layout.text))
    before = np.concatenate([[0], np.cumsum(wide + 1)])
    offsets = before[np.asarray(layout.offsets, dtype=np.int64).reshape(-1, 2)]
    groups = np.unique(layout.groups, return_inverse=True)[1] if layout.groups else np.arange(len(offsets))
    return TextLayout(
        type="tokens",
        text=text(layout.text),
        offsets=offsets.tolist(),
        groups=groups.tolist(),
        units=text(layout.units),
        n_features=layout.shape[0],
    )


def _pixels(layout: Pixels, longest: int = LONGEST) -> ImageLayout:
    mime, image, (height, width) = picture(layout.image, longest)
    encoded = ImageLayout(
        type="pixels",
        width=width,
        height=height,
        mime=mime,
        image=image,
        n_features=layout.shape[0] if layout.labels is not None else math.prod(map_size(layout)),
        fill=text(layout.fill),
    )
    if layout.image.shape[1] != width:
        encoded["original_width"] = int(layout.image.shape[1])
    if layout.labels is not None:
        encoded["labels"] = deflate_labels(layout.labels, height, width)
    return encoded


def _steps(layout: Steps) -> StepsLayout:
    return StepsLayout(
        type="steps",
        steps=int(layout.values.shape[0]),
        channels=[text(name) for name in layout.channel_names],
        values=float32(layout.values),
    )


def map_size(layout: Pixels) -> tuple[int, int]:
    """Height and width of a pixel map on the wire."""
    return fit(int(layout.image.shape[0]), int(layout.image.shape[1]), LONGEST_MAP)


def flat_values(values: Any, layout: Layout) -> NDArray[np.float64]:
    """Attributions as (targets, features), several inputs side by side, as the browser counts features.

    Pixels of an input among several are summed over channels and averaged to the size of a pixel map.
    """
    if not isinstance(layout, Several):
        if isinstance(layout, Pixels) and layout.labels is None:
            values = area_mean(np.asarray(values).sum(axis=1), *map_size(layout))
        return np.asarray(values, dtype=np.float64).reshape(len(values), -1)
    parts = [flat_values(value, part) for value, part in zip(values, layout.parts, strict=True)]
    return np.concatenate(parts, axis=1)
