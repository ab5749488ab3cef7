"""Edits of a text, by the position of its units."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from jupyter_xai.errors import InputError
from jupyter_xai.explanation import Tokens


@dataclass(frozen=True)
class EditedText:
    """A text after edits, and where its units come from.

    Parameters
    ----------
    text : str
    offsets : tuple of (int, int)
        Start and end of each unit that is left, replaced or inserted, ascending.
    units : tuple of int
        For each its position in the original; the k-th inserted one counts on after the last of these.
    """

    text: str
    offsets: tuple[tuple[int, int], ...]
    units: tuple[int, ...]


def edit_text(layout: Tokens, edits: Iterable[Mapping[str, Any]], mask_token: str = "") -> EditedText:
    """Strike, replace and insert. Separators stay, as when the masker deletes units.

    Inserted units count on after those of the text, in the order of their edits, and can be struck and replaced.

    Parameters
    ----------
    layout : Tokens
    edits : iterable of dict
        As ``compact`` leaves them.
    mask_token : str, default=""
        What stands in the place of a struck unit, as the masker has it; it is no unit of the edited text.

    Raises
    ------
    InputError
        If a position is not one of the text's, or nothing is left.

    Examples
    --------
    >>> review = Tokens(text="dull, so dull", offsets=((0, 4), (6, 8), (9, 13)))
    >>> edit_text(
    ...     review, [{"op": "replace", "position": 0, "text": "Fine"}, {"op": "strike", "positions": [1]}]
    ... )
    EditedText(text='Fine,  dull', offsets=((0, 4), (7, 11)), units=(0, 2))
    """
    edits = list(edits)
    count = len(layout.offsets)
    total = count + sum(edit["op"] == "insert" for edit in edits)
    changed: dict[int, str] = {}
    struck: set[int] = set()
    inserted: dict[int, list[tuple[int, str]]] = {}
    following = count
    for edit in edits:
        op, positions = edit["op"], edit.get("positions", [edit.get("position")])
        for position in positions:
            _check_position(layout, op, position, total)
            if op == "insert":
                inserted.setdefault(position, []).append((following, edit["text"]))
                following += 1
            else:
                changed[position] = mask_token if op == "strike" else edit["text"]
                (struck.add if op == "strike" else struck.discard)(position)
    written = _Writing()
    at = 0
    for position, (start, end) in enumerate(layout.offsets):
        written.add(layout.text[at:start])
        for unit, new in inserted.get(position, ()):
            written.add(changed.get(unit, new), None if unit in struck else unit)
            written.add(" ")
        text = changed.get(position, layout.text[start:end])
        written.add(text, None if position in struck else position)
        at = end
    for unit, new in inserted.get(count, ()):
        written.add(" ")
        written.add(changed.get(unit, new), None if unit in struck else unit)
    written.add(layout.text[at:])
    edited = "".join(written.parts)
    if not written.units:
        raise InputError("All words are struck: there is nothing left to explain. Restore at least one.")
    return EditedText(edited, tuple(written.offsets), tuple(written.units))


class _Writing:
    """A text as it grows, and the offsets of its units."""

    def __init__(self) -> None:
        self.parts: list[str] = []
        self.offsets: list[tuple[int, int]] = []
        self.units: list[int] = []
        self._length = 0

    def add(self, text: str, unit: int | None = None) -> None:
        """Go on with this text; as a unit unless it is blank."""
        if unit is not None and text.strip():
            self.offsets.append((self._length, self._length + len(text)))
            self.units.append(unit)
        self.parts.append(text)
        self._length += len(text)


def _check_position(layout: Tokens, op: str, position: int, total: int) -> None:
    count = len(layout.offsets)
    if position > (count if op == "insert" else total - 1):
        behind = f", and {count} is behind the last" if op == "insert" else ""
        more = f", and what was inserted up to {total - 1}" if op != "insert" and total > count else ""
        raise InputError(
            f"The edit {op} names position {position}: the text has {count} {layout.units}, at 0 to "
            f"{count - 1}{behind}{more}."
        )
