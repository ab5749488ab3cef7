"""From a tokenizer's pieces to the words that are marked and struck."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jupyter_xai.errors import InputError
from jupyter_xai.maskers._split import Span
from jupyter_xai.maskers.text import spans_of


def units_of(text: str, spans: Sequence[Span | None], split: Any) -> tuple[list[Span], NDArray[np.intp]]:
    """Features of a text, and of each piece its feature (-1: not shown).

    Pieces of one word are merged, and words of one piece; what stands between words is a feature of its own. A callable
    splitter says itself what the features are.

    Parameters
    ----------
    text : str
    spans : sequence of (int, int) or None
        Of each piece.
    split : str, pattern or callable
        As ``Tokens`` takes it.

    Raises
    ------
    InputError
        If no piece stands for characters of the text.

    Examples
    --------
    >>> units_of("undo, now", [None, (0, 2), (2, 4), (4, 5), (6, 9), None], "words")
    ([(0, 4), (4, 5), (6, 9)], array([-1,  0,  0,  1,  2, -1]))
    """
    shown = [(at, _trimmed(text, span)) for at, span in enumerate(spans) if span is not None]
    owners = np.full(len(spans), -1, dtype=np.intp)
    words = [] if split == "tokens" else spans_of(text, split)
    if callable(split):
        units = words
    else:
        wide = [_widened(span, words) for _, span in shown if span[1] > span[0]]
        units = []
        for start, stop in sorted(wide):
            if units and start < units[-1][1]:
                units[-1] = (units[-1][0], max(stop, units[-1][1]))
            else:
                units.append((start, stop))
    if not units:
        raise InputError(
            f"the tokenizer gave no piece that stands for characters of the text {text[:40]!r}: all are special. Pass "
            "a text with at least one word, or offsets."
        )
    starts = np.array([start for start, _ in units])
    stops = np.array([stop for _, stop in units])
    for at, (start, stop) in shown:
        # the first that it overlaps; what overlaps none, such as a space, goes with the next one, else the last
        over = np.flatnonzero((starts < max(stop, start + 1)) & (stops > start))
        behind = np.flatnonzero(starts >= start)
        owners[at] = over[0] if len(over) else behind[0] if len(behind) else len(units) - 1
    return units, owners


def _trimmed(text: str, span: Span) -> Span:
    """Without the space around it."""
    start, stop = span
    part = text[start:stop]
    start += len(part) - len(part.lstrip())
    return start, start + len(part.strip())


def _widened(span: Span, words: Sequence[Span]) -> Span:
    """Together with the words it is part of."""
    over = [word for word in words if word[0] < span[1] and word[1] > span[0]]
    return min([span[0], *(start for start, _ in over)]), max([span[1], *(stop for _, stop in over)])


def cut_off(text: str, units: Sequence[Span]) -> tuple[str, ...]:
    """Say where the tokenizer cut a text off.

    Examples
    --------
    >>> cut_off("a long story", [(0, 1), (2, 6)])[0][:44]
    'The tokenizer cut the text off behind “long”'
    """
    rest = text[units[-1][1] :]
    if not any(char.isalnum() for char in rest):
        return ()
    last = text[slice(*units[-1])]
    said = (
        f"The tokenizer cut the text off behind “{last}”: the model does not see the {len(rest):,} characters after "
        "it, and they carry no marks. Raise max_length=, if the model takes more, or shorten the text."
    )
    return (said,)
