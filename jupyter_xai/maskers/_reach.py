"""Whether a model reads a text to its ends: what a few questions about the text as a whole show."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from jupyter_xai.maskers._split import Span

Ask = Callable[[list[str]], NDArray[np.float64]]
"""Texts to the model's outputs, shape (n, outputs)."""

LONG = 200
"""Characters from which a text may be longer than a model reads."""

_SAME, _OTHER = 1e-5, 1e-3
"""Shares of the largest output up to which answers are the same, and above which they differ."""


def unread(
    text: str,
    spans: Sequence[Span],
    unit: str,
    answer: NDArray[np.float64],
    ask: Ask,
    *,
    masked: bool = False,
) -> tuple[str, ...]:
    r"""Say which end of a text a model does not read.

    An end is not read if (1) the answer is the same without it, (2) some of it, moved to the other end, changes
    the answer, and (3) what is read changes nothing when it stands once more behind (for the beginning: before) the
    text. Words that do not matter pass the first alone; a model that minds which words are neighbours fails the third.

    Parameters
    ----------
    text : str
    spans : sequence of (int, int)
        Units, ascending.
    unit : str
        What one is called.
    answer : ndarray of shape (1, outputs)
        The model on the whole text.
    ask : callable
        Asked about two texts, and about some thirty more if an end seems not to matter.
    masked : bool
        Whether units are replaced by a token, so that striking one moves no other.

    Returns
    -------
    tuple of str
        A notice for each end.

    Examples
    --------
    >>> import re
    >>> def first_forty(texts):
    ...     return np.array([[text.split()[:40].count("dull")] for text in texts], dtype=float)
    >>> text = "a fine film " * 20 + "but dull " * 20
    >>> spans = [match.span() for match in re.finditer(r"\w+", text)]
    >>> (said,) = unread(text, spans, "word", first_forty([text]), first_forty)
    >>> said[:60]
    'The model reads only the start of the text: nothing behind w'
    """
    if len(text) < LONG or len(spans) < 2:
        return ()
    size = max(float(np.abs(answer).max()), 1e-12)

    def gaps(texts: list[str]) -> NDArray[np.float64]:
        return np.asarray(np.abs(ask(texts) - answer).max(axis=1) / size)

    def without(k: int, *, end: bool) -> str:
        return text[: spans[len(spans) - k - 1][1]] if end else text[spans[k][0] :]

    notices = []
    first = gaps([without(1, end=True), without(1, end=False)])
    for end, gap in ((True, first[0]), (False, first[1])):
        if gap > _SAME:
            continue
        few, many = 1, len(spans)
        while many - few > 1:
            k = (few + many) // 2
            few, many = (k, many) if gaps([without(k, end=end)])[0] <= _SAME else (few, k)
        tests: list[str] = []  # of what was cut and of ever smaller parts at its end
        for k in (few >> step for step in range(few.bit_length())):
            kept = without(k, end=end)
            cut = text[spans[len(spans) - k][0] :] if end else text[: spans[k - 1][1]]
            tests += [f"{cut} {kept}", f"{text} {kept}"] if end else [f"{kept} {cut}", f"{kept} {text}"]
        found = gaps(tests)
        if found[::2].max() > _OTHER and found[1::2].max() <= _SAME:
            notices.append(_said(text, spans, unit, few, end=end, masked=masked))
    return tuple(notices)


def _said(text: str, spans: Sequence[Span], unit: str, cut: int, *, end: bool, masked: bool) -> str:
    n = len(spans)
    last = n - cut - 1 if end else cut
    start, stop = spans[last]
    shown = text[start:stop] if stop - start <= 40 else f"{text[start : start + 39]}…"
    part, side, other = ("start", "behind", "start") if end else ("end", "before", "end")
    moves = (
        "" if masked else f" Striking {unit}s moves others into its reach; mask_token= keeps them in place."
    )
    return (
        f"The model reads only the {part} of the text: nothing {side} {unit} {last + 1:,} of {n:,}, “{shown}”, "
        f"changes its answer, though the same {unit}s at the {other} do. Shorten the text to what it reads.{moves}"
    )
