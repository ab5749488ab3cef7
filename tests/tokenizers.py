"""Stand-ins for the tokenizers people have: as much of their interface as is used, on words of this file."""

from __future__ import annotations

import re
from collections import UserDict
from types import SimpleNamespace
from typing import Any

PIECES = [
    "[PAD]",
    "[UNK]",
    "[CLS]",
    "[SEP]",
    "[MASK]",
    "a",
    "dull",
    "fine",
    "film",
    "but",
    "not",
    "so",
    "bad",
    "good",
]
PIECES += ["very", "un", "##watch", "##able", ",", ".", "!", "the", "was", "it"]
VOCABULARY = {piece: i for i, piece in enumerate(PIECES)}


def pieces_of(text: str) -> list[tuple[str, tuple[int, int]]]:
    """Longest pieces first, as WordPiece does."""
    found = []
    for match in re.finditer(r"\w+|[^\w\s]", text):
        word, at = match.group().lower(), 0
        mine = []
        while at < len(word):
            mark = "##" if at else ""
            stop = next((k for k in range(len(word), at, -1) if mark + word[at:k] in VOCABULARY), None)
            if stop is None:
                mine = [("[UNK]", match.span())]
                break
            mine.append((mark + word[at:stop], (match.start() + at, match.start() + stop)))
            at = stop
        found += mine
    return found


class WordPiece:
    """A fast tokenizer of Hugging Face, as its users call it."""

    pad_token_id, mask_token_id, model_max_length = 0, 4, 512
    is_fast = True

    def __call__(
        self,
        text: str,
        *,
        truncation: bool = False,
        max_length: int | None = None,
        return_offsets_mapping: bool = False,
        return_special_tokens_mask: bool = False,
    ) -> UserDict[str, Any]:
        if return_offsets_mapping and not self.is_fast:
            raise NotImplementedError("return_offset_mapping is not available when using Python tokenizers.")
        pieces = pieces_of(text)
        if truncation and max_length:
            pieces = pieces[: max_length - 2]
        ids = [2, *(VOCABULARY[piece] for piece, _ in pieces), 3]
        found: dict[str, Any] = {
            "input_ids": ids,
            "token_type_ids": [0] * len(ids),
            "attention_mask": [1] * len(ids),
        }
        if return_offsets_mapping:
            found["offset_mapping"] = [(0, 0), *(span for _, span in pieces), (0, 0)]
        if return_special_tokens_mask:
            found["special_tokens_mask"] = [1, *[0] * len(pieces), 1]
        return UserDict(found)

    def convert_ids_to_tokens(self, ids: list[int]) -> list[str]:
        return [PIECES[i] for i in ids]


class SlowWordPiece(WordPiece):
    """A tokenizer of Hugging Face written in Python: it knows no offsets."""

    is_fast = False


class Rust:
    """The package tokenizers: not called, but asked to encode."""

    padding = None

    def encode(self, text: str) -> Any:
        pieces = pieces_of(text)
        return SimpleNamespace(
            ids=[2, *(VOCABULARY[piece] for piece, _ in pieces), 3],
            offsets=[(0, 0), *(span for _, span in pieces), (0, 0)],
            special_tokens_mask=[1, *[0] * len(pieces), 1],
            attention_mask=[1] * (len(pieces) + 2),
        )

    def token_to_id(self, piece: str) -> int | None:
        return VOCABULARY.get(piece)


def ids_of(text: str) -> list[int]:
    """Ids of a text and nothing else."""
    return [VOCABULARY[piece] for piece, _ in pieces_of(text)]
