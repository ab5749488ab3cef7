"""An instance after what-if edits, and a masker that keeps to the features of the original."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from jupyter_xai.explanation import Layout, Pixels, Tokens
from jupyter_xai.whatif import Edit, apply, compact, edit_text


@dataclass(frozen=True)
class Edited:
    """What is explained after edits.

    Parameters
    ----------
    masker : Masker
        Cuts the edited instance where the original was cut.
    instance : object
        In the form the user gave it.
    ids : tuple of int or None
        For each feature its number in the original; inserted ones count on after those. None: the same.
    """

    masker: Any
    instance: Any
    ids: tuple[int, ...] | None = None


class _Offsets:
    """A splitter that knows where the units are."""

    def __init__(self, offsets: tuple[tuple[int, int], ...], units: str) -> None:
        self.offsets = offsets
        self.units = units

    def __call__(self, _text: str) -> tuple[tuple[int, int], ...]:
        return self.offsets


def edited(masker: Any, instance: Any, layout: Layout, edits: Iterable[Edit]) -> Edited:
    """Apply edits; words and pieces stay what they were in the original.

    Parameters
    ----------
    masker : Masker
    instance : object
    layout : Layout
        Of the original instance.
    edits : iterable of mapping

    Raises
    ------
    InputError
        If an edit is malformed or does not fit the layout.

    Examples
    --------
    >>> from jupyter_xai.maskers.text import Text
    >>> review = Text().bind("dull, so dull", None).layout
    >>> found = edited(Text(), review.text, review, [{"op": "strike", "positions": [0]}])
    >>> found.instance, found.ids
    (', so dull', (1, 2))
    """
    if isinstance(layout, Tokens) and hasattr(masker, "split"):
        return _edited_text(masker, layout, edits)
    if isinstance(layout, Pixels) and layout.labels is not None and hasattr(masker, "segmentation"):
        return _edited_image(masker, instance, layout, edits)
    return Edited(masker, apply(layout, instance, edits))


def _edited_image(masker: Any, instance: Any, layout: Pixels, edits: Iterable[Edit]) -> Edited:
    """Hide as the masker does, in its own cut."""
    from jupyter_xai.whatif.images import canonical

    assert layout.labels is not None
    log = compact(edits, layout)
    image = apply(layout, instance, [edit for edit in log if edit["op"] == "adjust"])
    hiding = [edit for edit in log if edit["op"] != "adjust"]
    if hiding:
        filled = masker.filled(canonical(image, layout.image.shape[:2]), layout.labels)
        image = apply(layout, image, hiding, fill=filled[0])  # of a background its first image
    masker = copy.copy(masker)
    masker.segmentation = layout.labels
    return Edited(masker, image)


def _edited_text(masker: Any, layout: Tokens, edits: Iterable[Edit]) -> Edited:
    found = edit_text(layout, compact(edits, layout), getattr(masker, "mask_token", None) or "")
    masker = copy.copy(masker)
    masker.split = _Offsets(found.offsets, layout.units)
    new = masker.bind(found.text, None).layout
    groups = layout.groups or range(len(layout.offsets))
    count = layout.shape[0]
    ids: dict[int, int] = {}
    for at, unit in enumerate(found.units):
        feature = new.groups[at] if new.groups else at
        known = groups[unit] if unit < len(groups) else count + unit - len(groups)
        if feature not in ids and known not in ids.values():
            ids[feature] = known
    following = max((count - 1, *ids.values())) + 1
    for feature in range(new.shape[0]):  # a replaced word whose feature others still have
        if feature not in ids:
            ids[feature], following = following, following + 1
    return Edited(masker, found.text, tuple(ids[feature] for feature in range(new.shape[0])))
