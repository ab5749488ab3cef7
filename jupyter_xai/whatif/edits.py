"""What-if edits as data: checked, and applied to an instance without touching it.

An edit is a dict that survives JSON (``wire.schema.Edit``). Which fields it has depends on ``op``:

=========  ==================  =========================================================================
op         fields              does
=========  ==================  =========================================================================
set        feature, value      gives a column another value; None means missing
strike     positions           deletes units of a text, as the masker does
restore    positions           takes back what was struck or replaced
replace    position, text      puts other text in the place of a unit
insert     position, text      puts text before a unit, or behind the last at position ``n``
hide       pieces              fills superpixels
show       pieces              takes back what was hidden
occlude    box                 fills a rectangle: left, top, right, bottom in pixels of the picture shown
brush      points, width       fills a stroke: all within half the width of the line through the points [x, y]
adjust     kind, amount        blur (sigma in pixels), noise (deviation), brightness and contrast (-1 to 1),
                               rotation (degrees, counter-clockwise)
=========  ==================  =========================================================================

Of a text the k-th inserted unit has the position ``n + k``, k from 0, and can be struck and replaced as well.

Edits are a log: a later one on the same column, unit, piece or adjustment replaces an earlier one, so that
leaving out the last takes back one change. All are applied to the *original*: positions, pieces and boxes are
always those of the original layout, and an image is adjusted before anything of it is hidden.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from jupyter_xai.errors import InputError
from jupyter_xai.explanation import Columns, Layout, Pixels, Tokens

Edit = Mapping[str, Any]

FIELDS: dict[str, tuple[str, ...]] = {
    "set": ("feature", "value"),
    "strike": ("positions",),
    "restore": ("positions",),
    "replace": ("position", "text"),
    "insert": ("position", "text"),
    "hide": ("pieces",),
    "show": ("pieces",),
    "occlude": ("box",),
    "brush": ("points", "width"),
    "adjust": ("kind", "amount"),
}
"""Operations and the fields of each, all required."""

ADJUSTMENTS = ("blur", "noise", "brightness", "contrast", "rotation")

OPS: dict[str, tuple[str, ...]] = {
    "columns": ("set",),
    "tokens": ("strike", "restore", "replace", "insert"),
    "pixels": ("hide", "show", "occlude", "brush", "adjust"),
}
"""Operations each layout takes."""


CUTS = ("segmentation", "n_segments", "split")
"""Hyper-parameters of how an input is cut into pieces or words."""


def outlasting(edits: Iterable[Edit]) -> list[Edit]:
    """Leave out what names pieces or words by their number: where an input is cut anew they are others.

    Examples
    --------
    >>> outlasting([{"op": "hide", "pieces": [3]}, {"op": "adjust", "kind": "blur", "amount": 2.0}])
    [{'op': 'adjust', 'kind': 'blur', 'amount': 2.0}]
    """
    return [edit for edit in edits if edit["op"] in {"set", "adjust", "occlude", "brush"}]


def check(edit: Any) -> dict[str, Any]:
    """Return an edit in plain Python values.

    Parameters
    ----------
    edit : mapping

    Raises
    ------
    InputError
        If the operation is unknown, a field is missing or unknown, or a value is of the wrong type.

    Examples
    --------
    >>> check({"op": "strike", "positions": (2, 0)})
    {'op': 'strike', 'positions': [2, 0]}
    >>> check({"op": "move"})
    Traceback (most recent call last):
    jupyter_xai.errors.InputError: op='move' is not an edit: expected one of set, strike, restore, replace,
    insert, hide, show, occlude, brush, adjust.
    """
    if not isinstance(edit, Mapping):
        raise InputError(f"An edit is a dict with an op, got {type(edit).__name__}. Pass {{'op': ..., ...}}.")
    op = edit.get("op")
    if op not in FIELDS:
        raise InputError(f"op={op!r} is not an edit: expected one of {', '.join(FIELDS)}.")
    fields = FIELDS[op]
    stray = [name for name in edit if name != "op" and name not in fields]
    missing = [name for name in fields if name not in edit]
    if stray or missing:
        what = f"has no {missing[0]}" if missing else f"has an unknown field {stray[0]!r}"
        raise InputError(f"The edit {op} {what}: expected op, {', '.join(fields)}.")
    return {"op": op, **{name: _CHECKS[name](op, name, edit[name]) for name in fields}}


def apply(layout: Layout, instance: Any, edits: Iterable[Edit], fill: Any = None) -> Any:
    """Make the edited instance. Neither the instance nor the edits are changed.

    Parameters
    ----------
    layout : Layout
        Of the original instance.
    instance : object
        In the form the user gave it; the result has the same form and type.
    edits : iterable of mapping
        In order.
    fill : number, array or str, optional
        What replaces hidden pieces of an image: a value, an image, ``"mean"`` (of what is hidden) or
        ``"blur"``. Default: the layout's. Of a text what stands in the place of a struck unit; default: nothing.

    Raises
    ------
    InputError
        If an edit is malformed, names what the layout has not, or does not apply to this kind of layout.

    Examples
    --------
    >>> review = Tokens(text="dull, so dull", offsets=((0, 4), (6, 8), (9, 13)))
    >>> apply(
    ...     review,
    ...     review.text,
    ...     [{"op": "strike", "positions": [1]}, {"op": "insert", "position": 3, "text": "!"}],
    ... )
    'dull,  dull !'
    """
    checked = compact(edits, layout)
    if not checked:
        return instance
    if isinstance(layout, Columns):
        from jupyter_xai.whatif.rows import apply_to_row

        return apply_to_row(layout, instance, checked)
    if isinstance(layout, Tokens):
        from jupyter_xai.whatif.words import edit_text

        return edit_text(layout, checked, fill or "").text
    assert isinstance(layout, Pixels)
    from jupyter_xai.whatif.images import apply_to_image

    return apply_to_image(layout, instance, checked, layout.fill if fill is None else fill)


def compact(edits: Iterable[Edit], layout: Layout) -> list[dict[str, Any]]:
    """Check edits and leave what the log comes to: each column, unit, piece and adjustment once.

    Parameters
    ----------
    edits : iterable of mapping
    layout : Layout
        Of the original instance.

    Raises
    ------
    InputError
        If an edit is malformed or does not apply to this kind of layout.

    Examples
    --------
    >>> row = Columns(names=("age",), values=(24,), kinds=("number",), members=((0,),))
    >>> compact([{"op": "set", "feature": "age", "value": age} for age in (25, 31)], row)
    [{'op': 'set', 'feature': 'age', 'value': 31}]
    """
    checked = [check(edit) for edit in edits]
    known = OPS.get(layout.type, ())
    for edit in checked:
        if edit["op"] not in known:
            offer = (
                f"expected one of {', '.join(known)}"
                if known
                else "edits of this kind of input are not there yet"
            )
            raise InputError(f"The edit {edit['op']} does not apply to {_WORDS[layout.type]}: {offer}.")
    return _COMPACT[layout.type](checked) if checked else []


def _of_row(edits: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return list({edit["feature"]: edit for edit in edits}.values())


def _of_text(edits: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What was done last to each unit, in their order, then what was inserted."""
    units: dict[int, dict[str, Any]] = {}
    for edit in edits:
        op = edit["op"]
        for position in edit.get("positions", [edit.get("position")]):
            if op == "restore":
                units.pop(position, None)
            elif op == "strike":
                units[position] = {"op": op, "positions": [position]}
            elif op == "replace":
                units[position] = edit
    return [units[at] for at in sorted(units)] + [edit for edit in edits if edit["op"] == "insert"]


def _of_image(edits: list[dict[str, Any]]) -> list[dict[str, Any]]:
    hidden: set[int] = set()
    adjusted: dict[str, dict[str, Any]] = {}
    for edit in edits:
        if edit["op"] == "hide":
            hidden.update(edit["pieces"])
        elif edit["op"] == "show":
            hidden.difference_update(edit["pieces"])
        elif edit["op"] == "adjust":
            adjusted[edit["kind"]] = edit
    return [
        *(adjusted[kind] for kind in ADJUSTMENTS if kind in adjusted and adjusted[kind]["amount"] != 0),
        *(edit for edit in edits if edit["op"] in {"occlude", "brush"}),
        *([{"op": "hide", "pieces": sorted(hidden)}] if hidden else []),
    ]


_COMPACT: dict[str, Callable[[list[dict[str, Any]]], list[dict[str, Any]]]] = {
    "columns": _of_row,
    "tokens": _of_text,
    "pixels": _of_image,
}


_WORDS = {
    "columns": "a row of a table",
    "tokens": "a text",
    "pixels": "an image",
    "steps": "a series",
    "several": "several inputs",
}


def _wrong(op: str, name: str, value: Any, expected: str) -> InputError:
    return InputError(f"The edit {op} has {name}={value!r}: expected {expected}.")


def _is_whole(value: Any) -> bool:
    return hasattr(value, "__index__") and type(value).__name__ not in {"bool", "bool_"}


def _whole(op: str, name: str, value: Any) -> int:
    if not _is_whole(value) or int(value) < 0:
        raise _wrong(op, name, value, "a whole number from 0")
    return int(value)


def _wholes(op: str, name: str, value: Any) -> list[int]:
    items = None if isinstance(value, str | Mapping) else getattr(value, "tolist", lambda: value)()
    if not isinstance(items, Iterable):
        raise _wrong(op, name, value, "a list of whole numbers")
    return [_whole(op, name, item) for item in items]


def _box(op: str, name: str, value: Any) -> list[int]:
    box = _wholes(op, name, value)
    if len(box) != 4 or box[0] >= box[2] or box[1] >= box[3]:
        raise _wrong(op, name, value, "left, top, right, bottom with left < right and top < bottom")
    return box


def _points(op: str, name: str, value: Any) -> list[list[float]]:
    pairs = getattr(value, "tolist", lambda: value)()
    listed = not isinstance(pairs, str | Mapping) and isinstance(pairs, Iterable)
    points = [list(pair) if isinstance(pair, list | tuple) else [] for pair in pairs] if listed else []
    if not points or any(len(pair) != 2 for pair in points):
        raise _wrong(op, name, value, "one or more points [x, y] in pixels")
    return [[_number(op, name, place) for place in pair] for pair in points]


def _width(op: str, name: str, value: Any) -> float:
    width = _number(op, name, value)
    if width <= 0:
        raise _wrong(op, name, value, "a width in pixels above 0")
    return width


def _string(op: str, name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise _wrong(op, name, value, "text")
    return str(value)


def _choice(op: str, name: str, value: Any) -> str:
    if value not in ADJUSTMENTS:
        raise _wrong(op, name, value, f"one of {', '.join(ADJUSTMENTS)}")
    return str(value)


def _number(op: str, name: str, value: Any) -> float:
    try:
        number = float("nan") if isinstance(value, bool | str) else float(value)
    except (TypeError, ValueError):
        number = float("nan")
    if not abs(number) < float("inf"):
        raise _wrong(op, name, value, "a finite number")
    return number


def _scalar(op: str, name: str, value: Any) -> Any:
    """A value as JSON has it; a list for a group of columns."""
    plain = getattr(value, "tolist", lambda: value)()
    if isinstance(plain, list | tuple):
        return [_scalar(op, name, part) for part in plain]
    if isinstance(plain, float) and plain != plain:  # NaN
        return None
    if plain is not None and not isinstance(plain, bool | int | float | str):
        raise _wrong(op, name, value, "a number, text, True, False or None")
    if isinstance(plain, float) and abs(plain) == float("inf"):
        raise _wrong(op, name, value, "a finite number")
    return plain


_CHECKS: dict[str, Callable[[str, str, Any], Any]] = {
    "feature": _string,
    "value": _scalar,
    "positions": _wholes,
    "position": _whole,
    "text": _string,
    "pieces": _wholes,
    "box": _box,
    "points": _points,
    "width": _width,
    "kind": _choice,
    "amount": _number,
}
