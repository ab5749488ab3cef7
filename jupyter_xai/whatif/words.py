"""Edits of a text, by the position of its units."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from jupyter_xai.errors import InputError
from jupyter_xai.explanation import Tokens


def apply_to_text(layout: Tokens, edits: Iterable[Mapping[str, Any]]) -> str:
    """Strike, restore, replace and insert. Separators stay, as when the masker deletes units.

    Parameters
    ----------
    layout : Tokens
    edits : iterable of dict
        Checked.

    Raises
    ------
    InputError
        If a position is not one of the text's, or nothing is left.

    Examples
    --------
    >>> review = Tokens(text="dull, so dull", offsets=((0, 4), (6, 8), (9, 13)))
    >>> apply_to_text(review, [{"op": "replace", "position": 0, "text": "Fine"}])
    'Fine, so dull'
    """
    text, count = layout.text, len(layout.offsets)
    units = [text[start:end] for start, end in layout.offsets]
    original = list(units)
    inserted: dict[int, list[str]] = {}
    for edit in edits:
        op = edit["op"]
        last = count if op == "insert" else count - 1
        positions = edit["positions"] if "positions" in edit else [edit["position"]]
        for position in positions:
            if position > last:
                raise InputError(
                    f"The edit {op} names position {position}: the text has {count} {layout.units}, at 0 to "
                    f"{count - 1}"
                    f"{f', and {count} is behind the last' if op == 'insert' else ''}."
                )
            if op == "insert":
                inserted.setdefault(position, []).append(edit["text"])
            else:
                units[position] = {"strike": "", "restore": original[position]}.get(op, edit.get("text", ""))
    pieces, at = [], 0
    for i, (start, end) in enumerate(layout.offsets):
        pieces += [text[at:start], *(f"{new} " for new in inserted.get(i, ())), units[i]]
        at = end
    tail = "".join(f" {new}" for new in inserted.get(count, ()))
    edited = "".join([*pieces, tail, text[at:]])
    if not edited.strip():
        raise InputError("All words are struck: there is nothing left to explain. Restore at least one.")
    return edited
