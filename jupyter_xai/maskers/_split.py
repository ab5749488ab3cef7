"""Cut a text into units with exact character offsets."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

from jupyter_xai.errors import InputError

Span: TypeAlias = tuple[int, int]
Splitter: TypeAlias = Callable[[str], Iterable[Any]]

_WORD = re.compile(r"\w+")
# Thai, Lao, Myanmar, Khmer, kana, Han: written without spaces between words
_NO_SPACES = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff"
    "\uaa60-\uaa7f\uf900-\ufaff\uff66-\uff9f\U00020000-\U0003ffff]"
)
# full stops of Latin, Arabic, Urdu, Devanagari, Burmese, Khmer, Ethiopic and Armenian, the quotes or brackets that
# close after them, then space; ideographic ones need no space
_SENTENCE_END = re.compile(r"(?:[.!?…؟۔।॥။៕።։]+[\"'”’»)\]]*(?=\s)|[。．！？｡]+[」』”’）]*|\n)")
# what a full stop shortens: a title, a Latin phrase, an initial
_SHORT = re.compile(
    r"(?:\b(?:Mr|Mrs|Ms|Dr|Prof|Sr|Jr|St|vs|cf|al|Fig|e\.g|i\.e|z\.B|d\.h|bzw)|(?:^|[\s.(])[A-HJ-ZÀ-ÞА-Я])\.\Z"
)
_JOINERS = "\u00ad\u200c\u200d\u2060\uff9e\uff9f"  # soft hyphen, joiners, half-width voicing marks


def _joins(char: str) -> bool:
    """Whether a character belongs to the one before it: a combining mark, a joiner, a variation selector."""
    return char in _JOINERS or unicodedata.category(char)[0] == "M"


def _continues(char: str) -> bool:
    """Whether it belongs to the character before: also a skin tone, a tag, a vowel or final of decomposed Hangul."""
    return (
        _joins(char)
        or "\U0001f3fb" <= char <= "\U0001f3ff"
        or "\U000e0020" <= char <= "\U000e007f"
        or "\u1160" <= char <= "\u11ff"
    )


def _is_flag_letter(char: str) -> bool:
    return "\U0001f1e6" <= char <= "\U0001f1ff"


def words(text: str) -> list[Span]:
    r"""Words as lime's ``\W+`` separates them; scripts without spaces are cut into characters.

    Combining marks stay with their letter, which ``\W+`` alone would tear off.

    Examples
    --------
    >>> [text[a:b] for text in ["It's good"] for a, b in words(text)]
    ['It', 's', 'good']
    >>> [text[a:b] for text in ["東京 2024"] for a, b in words(text)]
    ['東', '京', '2024']
    """
    spans = [match.span() for match in _WORD.finditer(text)]
    if text.isascii():
        return spans
    merged: list[Span] = []
    for start, stop in spans:
        end = stop
        while end < len(text) and _joins(text[end]):
            end += 1
        if merged and merged[-1][1] == start:
            merged[-1] = (merged[-1][0], end)
        else:
            merged.append((start, end))
    return [part for span in merged for part in _by_script(text, span)]


def _by_script(text: str, span: Span) -> list[Span]:
    """Cut the characters of scripts without spaces out of one word."""
    start, stop = span
    if not _NO_SPACES.search(text, start, stop):
        return [span]
    cuts = [start]
    single = bool(_NO_SPACES.match(text[start]))
    for at in range(start + 1, stop):
        if _joins(text[at]):
            continue
        now = bool(_NO_SPACES.match(text[at]))
        if now or single:
            cuts.append(at)
        single = now
    return list(zip(cuts, [*cuts[1:], stop], strict=True))


def characters(text: str) -> list[Span]:
    """Every character that is not white space, with its combining marks; an emoji of several is one.

    Examples
    --------
    >>> characters("a b")
    [(0, 1), (2, 3)]
    """
    spans: list[Span] = []
    for at, char in enumerate(text):
        if spans and spans[-1][1] == at and _belongs(char, text[spans[-1][0] : at]):
            spans[-1] = (spans[-1][0], at + 1)
        elif not char.isspace():
            spans.append((at, at + 1))
    return spans


def _belongs(char: str, before: str) -> bool:
    """Whether a character goes on with what stands directly before it."""
    pair = len(before) == 1 and _is_flag_letter(before) and _is_flag_letter(char)
    return pair or before[-1] == "\u200d" or _continues(char)


def sentences(text: str) -> list[Span]:
    """Sentences without the white space around them: up to a full stop and a space, or a line's end.

    A full stop after an initial or a common abbreviation, or before a small letter, ends none.

    Examples
    --------
    >>> [text[a:b] for text in ['Dull. "So dull!" he said to Mr. J. Doe.'] for a, b in sentences(text)]
    ['Dull.', '"So dull!"', 'he said to Mr. J. Doe.']
    """
    ends = [match.end() for match in _SENTENCE_END.finditer(text) if not _goes_on(text, match)]
    return _trimmed(text, zip([0, *ends], [*ends, len(text)], strict=True))


def _goes_on(text: str, stop: re.Match[str]) -> bool:
    """Whether a sentence goes on behind its full stop."""
    if stop.group()[0] not in ".…":
        return False
    following = text[stop.end() : stop.end() + 40]
    on_this_line = following.split("\n", 1)[0].lstrip()
    return on_this_line[:1].islower() or bool(_SHORT.search(text, 0, stop.end()))


def between(text: str, pattern: re.Pattern[str]) -> list[Span]:
    """The stretches between matches of a pattern, as ``re.split`` would cut them, empty ones left out."""
    at, spans = 0, []
    for match in pattern.finditer(text):
        spans.append((at, match.start()))
        at = match.end()
    return [(a, b) for a, b in [*spans, (at, len(text))] if b > a]


def _trimmed(text: str, spans: Iterable[Span]) -> list[Span]:
    kept = []
    for start, stop in spans:
        part = text[start:stop]
        lead = len(part) - len(part.lstrip())
        if part.strip():
            kept.append((start + lead, start + lead + len(part.strip())))
    return kept


def called(text: str, splitter: Splitter) -> list[Span]:
    """Units from a user's splitter: (start, end) offsets, or the tokens in order as lime's splitters return.

    Raises
    ------
    InputError
        If the offsets overlap, leave the text or are not pairs, or a token is not in the text.
    """
    units = list(splitter(text))
    spans: list[Span] = []
    at = 0
    for unit in units:
        if isinstance(unit, str):
            start = text.find(unit, at)
            stop = start + len(unit)
            if start < 0:
                raise InputError(
                    f"the splitter returned {unit!r}, which does not follow in the text. Return offsets."
                )
        else:
            try:
                start, stop = (int(edge) for edge in unit)
            except (TypeError, ValueError):
                raise InputError(
                    f"the splitter returned {unit!r}; expected (start, end) character offsets, "
                    "or tokens of the text."
                ) from None
        if not at <= start <= stop <= len(text):
            raise InputError(
                f"the splitter returned the offsets ({start}, {stop}) after {at} in a text of "
                f"{len(text)} characters; expected ascending pairs that do not overlap and lie inside "
                "the text."
            )
        if stop > start:
            spans.append((start, stop))
        at = stop
    return spans
