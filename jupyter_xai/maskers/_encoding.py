"""What a tokenizer says of a text: ids, what goes with them, and which characters each id stands for."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jupyter_xai.errors import InputError
from jupyter_xai.maskers import _split
from jupyter_xai.maskers._split import Span

_IDS = ("input_ids", "ids", "tokens", "token_ids")
_OFFSETS = ("offset_mapping", "offsets")
_SPECIAL = ("special_tokens_mask",)
_MARKS = ("##", "Ġ", "▁", "</w>", "Ċ")
_EXPECTED = (
    "expected a Hugging Face tokenizer, a tokenizers.Tokenizer, or a function text -> ids, text -> (ids, offsets), or "
    "text -> a dict with ids under 'input_ids' and what else the model takes"
)


@dataclass(frozen=True, eq=False)
class Encoding:
    """One text as a model takes it.

    Parameters
    ----------
    ids : ndarray of shape (pieces,), int64
    spans : tuple of (int, int) or None
        Characters of each piece; None: a special one or padding, which is not shown.
    name : str
        What the ids are called; empty where there is nothing but ids.
    extras : dict
        What else the model takes: arrays of one entry a piece, or single numbers such as a length.
    padding : ndarray of shape (pieces,), bool
        Pieces that only fill the text up.
    """

    ids: NDArray[np.int64]
    spans: tuple[Span | None, ...]
    name: str
    extras: dict[str, NDArray[Any]]
    padding: NDArray[np.bool_]

    @property
    def visible(self) -> NDArray[np.bool_]:
        """Which pieces stand for characters."""
        return np.array([span is not None for span in self.spans], dtype=np.bool_)


def encode(
    tokenizer: Any,
    decode: Callable[..., Any] | None,
    text: str,
    *,
    pad_id: int | None,
    special_ids: Sequence[int] = (),
    max_length: int | None = None,
) -> Encoding:
    """Ask a tokenizer for a text's pieces.

    Parameters
    ----------
    tokenizer, decode, special_ids, max_length
        As ``xai.Tokens`` takes them.
    text : str
    pad_id : int or None

    Raises
    ------
    InputError
        If the tokenizer fails, or it cannot be told which characters an id stands for.

    Examples
    --------
    >>> found = encode(lambda text: [len(word) for word in text.split()], None, "a dull film", pad_id=0)
    >>> found.ids, found.spans
    (array([1, 4, 4]), ((0, 1), (2, 6), (7, 11)))
    """
    try:
        answer = _ask(tokenizer, text, max_length)
    except InputError:
        raise
    except Exception as error:
        raise InputError(
            f"the tokenizer raised {type(error).__name__} on the text {text[:40]!r}: {error}. {_EXPECTED}."
        ) from error
    name, ids, offsets, special, extras = _taken(answer)
    count = len(ids)
    if count == 0:
        raise InputError(f"the tokenizer gave no id for the text {text[:40]!r}. Pass a text it has words of.")
    padding = (
        ids == pad_id if pad_id is not None and not _real(extras, ids) else np.zeros(count, dtype=np.bool_)
    )
    padding |= ~_attended(extras, count)
    hidden = padding | np.isin(ids, np.asarray(list(special_ids), dtype=np.int64))
    if special is not None:
        hidden |= np.asarray(special, dtype=np.bool_).reshape(-1)[:count]
    if offsets is not None:
        spans = _checked(offsets, text, count)
    else:
        spans = _found(tokenizer, decode, text, ids, hidden)
    shown = tuple(None if hide else span for hide, span in zip(hidden, spans, strict=True))
    return Encoding(ids, shown, name, extras, padding)


def token_of(tokenizer: Any, name: str) -> int | None:
    """Id of a tokenizer's own "pad" or "mask" token, None if it has none.

    Examples
    --------
    >>> token_of(str.split, "pad") is None
    True
    """
    found = getattr(tokenizer, f"{name}_token_id", None)
    if found is None and name == "pad" and isinstance(getattr(tokenizer, "padding", None), dict):
        found = tokenizer.padding.get("pad_id")
    if found is None and callable(getattr(tokenizer, "token_to_id", None)):
        words = ("[PAD]", "<pad>") if name == "pad" else ("[MASK]", "<mask>")
        found = next((i for i in map(tokenizer.token_to_id, words) if i is not None), None)
    return None if found is None else int(found)


def _ask(tokenizer: Any, text: str, max_length: int | None) -> Any:
    if callable(tokenizer) and hasattr(tokenizer, "pad_token_id"):
        wanted: dict[str, Any] = {"truncation": True, "return_special_tokens_mask": True}
        if max_length is not None:
            wanted["max_length"] = max_length
        try:
            return tokenizer(text, return_offsets_mapping=True, **wanted)
        except NotImplementedError:  # those that are written in Python know no offsets
            return tokenizer(text, **wanted)
    if not callable(tokenizer) and callable(getattr(tokenizer, "encode", None)):
        tokenizer = tokenizer.encode
    if not callable(tokenizer):
        raise InputError(f"tokenizer={tokenizer!r} does not work: {_EXPECTED}. Pass another tokenizer=.")
    return tokenizer(text)


def _taken(answer: Any) -> tuple[str, NDArray[np.int64], Any, Any, dict[str, NDArray[Any]]]:
    """Name of the ids, ids, offsets, special pieces and the rest of what a tokenizer gave."""
    if isinstance(answer, Mapping):
        given = dict(answer)
        name = next((key for key in _IDS if key in given), "")
        if not name:
            raise InputError(f"the tokenizer gave a dict with {', '.join(map(str, given))}; {_EXPECTED}.")
        ids = _ids(given.pop(name))
        offsets = next((given.pop(key) for key in _OFFSETS if key in given), None)
        special = next((given.pop(key) for key in _SPECIAL if key in given), None)
        special = None if special is None else _row(special, len(ids))
        extras = {str(key): _row(value, len(ids)) for key, value in given.items()}
        return name, ids, _unbatched(offsets, len(ids)), special, extras
    if hasattr(answer, "ids") and hasattr(answer, "offsets"):  # the Encoding of the package tokenizers
        special = getattr(answer, "special_tokens_mask", None)
        ids = _ids(answer.ids)
        extras = {}
        if hasattr(answer, "attention_mask"):
            extras["attention_mask"] = _row(answer.attention_mask, len(ids))
        return "input_ids", ids, list(answer.offsets), special, extras
    if isinstance(answer, tuple) and len(answer) == 2:
        ids = _ids(answer[0])
        return "", ids, _unbatched(answer[1], len(ids)), None, {}
    return "", _ids(answer), None, None, {}


def _ids(given: Any) -> NDArray[np.int64]:
    array = _plain(given)
    if array.ndim == 2 and len(array) == 1:
        array = array[0]
    if array.ndim != 1 or (array.size and array.dtype.kind not in "iu"):
        what = f"an array of shape {array.shape} and type {array.dtype}"
        raise InputError(
            f"the tokenizer gave {what} as ids; expected whole numbers, one a piece. {_EXPECTED}."
        )
    return array.astype(np.int64)


def _row(given: Any, count: int) -> NDArray[Any]:
    """One entry a piece, or a single number, whatever the batch axis."""
    array = _plain(given)
    while array.ndim and array.shape[0] == 1 and array.shape != (count,):
        array = array[0]
    if array.ndim and array.shape[0] != count:
        raise InputError(
            f"the tokenizer gave {array.shape[0]} entries beside {count} ids; expected one for each, or one number."
        )
    return array


def _plain(given: Any) -> NDArray[Any]:
    if hasattr(given, "detach"):
        given = given.detach().cpu()
    try:
        return np.asarray(given)
    except ValueError:
        raise InputError(f"the tokenizer gave rows of several lengths; {_EXPECTED}.") from None


def _unbatched(offsets: Any, count: int) -> Any:
    if offsets is None:
        return None
    pairs = list(offsets.tolist() if hasattr(offsets, "tolist") else offsets)
    return list(pairs[0]) if len(pairs) == 1 and count != 1 else pairs


def _real(extras: Mapping[str, NDArray[Any]], ids: NDArray[np.int64]) -> bool:
    """Whether a mask says which pieces count, so that ids need not be asked."""
    return any("attention_mask" in name and array.shape == ids.shape for name, array in extras.items())


def _attended(extras: Mapping[str, NDArray[Any]], count: int) -> NDArray[np.bool_]:
    for name, array in extras.items():
        if "attention_mask" in name and array.shape == (count,):
            return array.astype(np.bool_)
    return np.ones(count, dtype=np.bool_)


def _checked(offsets: Any, text: str, count: int) -> list[Span | None]:
    if len(offsets) != count:
        raise InputError(
            f"the tokenizer gave {len(offsets)} offsets for {count} ids; expected one pair for each."
        )
    spans: list[Span | None] = []
    for pair in offsets:
        try:
            start, stop = (0, 0) if pair is None else (int(edge) for edge in pair)
        except (TypeError, ValueError):
            raise InputError(
                f"the tokenizer gave {pair!r} as an offset; expected a pair (start, end)."
            ) from None
        if not 0 <= start <= stop <= len(text):
            raise InputError(
                f"the tokenizer gave the offset ({start}, {stop}) in a text of {len(text)} characters; expected "
                "0 <= start <= end within the text."
            )
        spans.append((start, stop) if stop > start else None)
    return spans


def _found(
    tokenizer: Any,
    decode: Callable[..., Any] | None,
    text: str,
    ids: NDArray[np.int64],
    hidden: NDArray[np.bool_],
) -> list[Span | None]:
    """Characters of each piece where the tokenizer does not say them."""
    if decode is None and hasattr(tokenizer, "convert_ids_to_tokens"):
        pieces = [str(piece) for piece in tokenizer.convert_ids_to_tokens(ids.tolist())]
        return aligned(text, ["" if hide else piece for hide, piece in zip(hidden, pieces, strict=True)])
    if decode is None and callable(getattr(tokenizer, "decode", None)):
        decode = tokenizer.decode
    if decode is not None:
        decoded = ["" if hide else _decoded(decode, int(i)) for hide, i in zip(hidden, ids, strict=True)]
        return aligned(text, decoded)
    shown = int(np.count_nonzero(~hidden))
    if shown == 0:
        return [None] * len(ids)
    for cut in (_by_space, _split.words, _split.characters, _every):
        spans = cut(text)
        if len(spans) == shown:
            each = iter(spans)
            return [None if hide else next(each) for hide in hidden]
    raise InputError(
        f"the tokenizer gave {shown} ids for {len(_by_space(text))} words, so that it cannot be told which characters "
        "an id stands for. Return (ids, offsets), pass decode=, or name what is not part of the text with special_ids=."
    )


def _by_space(text: str) -> list[Span]:
    return [match.span() for match in re.finditer(r"\S+", text)]


def _every(text: str) -> list[Span]:
    return [(at, at + 1) for at in range(len(text))]


def _decoded(decode: Callable[..., Any], i: int) -> str:
    try:
        piece = decode([i])
    except Exception as error:
        raise InputError(
            f"decode= raised {type(error).__name__} on the ids [{i}]: {error}. It takes a list of ids and returns the "
            "text."
        ) from error
    if isinstance(piece, list | tuple) and len(piece) == 1:
        piece = piece[0]
    if not isinstance(piece, str):
        raise InputError(f"decode= answered with a {type(piece).__name__} on the ids [{i}]; expected a str.")
    return piece


def aligned(text: str, pieces: Sequence[str]) -> list[Span | None]:
    """Find pieces in a text in order; those that do not stand in it get what is left between their neighbours.

    Parameters
    ----------
    text : str
    pieces : sequence of str
        With the marks of sub-words or without, in any case; empty ones are not in the text.

    Examples
    --------
    >>> aligned("Dull films: 42", ["[CLS]", "dull", "film", "##s", ":", "[UNK]", ""])
    [None, (0, 4), (5, 9), (9, 10), (10, 11), (12, 14), None]
    """
    low = text.lower()
    low = low if len(low) == len(text) else text
    spans: list[Span | None] = [None] * len(pieces)
    lost: list[int] = []
    at = 0
    for i, given in enumerate(pieces):
        piece = _bare(given)
        if not piece:
            continue
        start = next((k for k in range(at, len(low)) if not low[k].isspace()), len(low))
        if not low.startswith(piece, start):
            start = low.find(piece, at) if lost else -1
        if start < 0:
            lost.append(i)
            continue
        _settle(spans, lost, text, at, start)
        lost = []
        spans[i] = (start, start + len(piece))
        at = start + len(piece)
    _settle(spans, lost, text, at, len(text))
    return spans


def _bare(piece: str) -> str:
    for mark in _MARKS:
        piece = piece.removeprefix(mark).removesuffix(mark)
    return piece.strip().lower()


def _settle(spans: list[Span | None], lost: Sequence[int], text: str, start: int, stop: int) -> None:
    """Give pieces that were not found the characters between those that were: a word each, or all of them."""
    words = [(start + a, start + b) for a, b in _by_space(text[start:stop])]
    if not words:
        return
    whole = (words[0][0], words[-1][1])
    for place, i in enumerate(lost):
        spans[i] = words[place] if len(words) == len(lost) else whole
