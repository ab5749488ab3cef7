"""Text as words, sentences or characters that can be struck."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Hashable
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from jupyter_xai.errors import InputError
from jupyter_xai.explanation import Layout, Tokens
from jupyter_xai.maskers import _split
from jupyter_xai.maskers._designs import SIZES
from jupyter_xai.maskers._reach import Ask, unread
from jupyter_xai.maskers.neighbourhoods import MaskNeighbourhood
from jupyter_xai.params import BoolParam, ChoiceParam, ParamSpec, TextParam, validate_all
from jupyter_xai.protocols import Kind, Predictor, Sampler

_SPLITTERS = {"words": _split.words, "sentences": _split.sentences, "characters": _split.characters}


class Text:
    r"""A text whose units are struck: their characters are deleted or replaced; separators stay.

    Parameters
    ----------
    split : {"words", "sentences", "characters"}, compiled regular expression or callable, default="words"
        What a unit is. Words are what lime's ``\W+`` separates, with combining marks kept on their letter;
        scripts without spaces (Han, kana, Thai, Lao, Khmer, Myanmar) are cut into characters. A compiled
        expression (``re.compile(r"\s+")``) matches what stands *between* units. A callable takes the text and
        returns (start, end) character offsets, or the tokens in order. Emoji and symbols are separators of
        words, by lime's rule; ``split=re.compile(r"\s+")`` makes them units.
    group : bool, default=False
        Whether equal units are one feature and are struck together (lime's ``bow=True``).
    mask_token : str, default=""
        What stands in the place of a struck unit: nothing, or for example the ``"[MASK]"`` of a tokenizer (lime
        writes ``"UNKWORDZ"`` with ``bow=False``). None is nothing too.

    Notes
    -----
    LIME's neighbourhood is lime 0.2's: the number of struck units is uniform on 1..d, which ones is uniform,
    distance is the cosine distance of the mask to the full one, kernel width 0.25 (lime writes both times
    100).

    Offsets are in reading order, whatever the direction of the script. Of a text of 200 characters or more the
    model is asked at the start of a run whether it reads both ends (two rows, more if not); a notice says if it
    cuts the text off.

    Examples
    --------
    >>> bound = Text().bind("good, not dull", None)
    >>> bound.layout.feature_names
    ('good', 'not', 'dull')
    >>> bound.build(np.array([[True, False, True]]))
    ['good,  dull']
    >>> Text(mask_token="[MASK]").bind("good, not dull").build(np.array([[True, False, True]]))
    ['good, [MASK] dull']
    """

    kind: ClassVar[Kind] = "text"
    params: ClassVar[tuple[ParamSpec, ...]] = (
        ChoiceParam(
            name="split",
            default="words",
            label="units",
            doc="What is struck at once: a word, a sentence or a character.",
            cost="rebuild",
            choices=tuple(_SPLITTERS),
            free=True,
        ),
        BoolParam(
            name="group",
            default=False,
            label="group equal words",
            doc="Strike all occurrences of a word together, as one feature.",
            cost="rebuild",
        ),
        TextParam(
            name="mask_token",
            default="",
            label="in its place",
            doc="What stands in the place of a struck unit; nothing deletes it.",
            cost="rebuild",
            choices=("", "[MASK]", "<mask>", "UNKWORDZ"),
        ),
    )

    def __init__(self, split: Any = "words", group: bool = False, mask_token: str | None = "") -> None:
        self.split = split
        self.group = group
        self.mask_token = mask_token

    def bind(self, x: Any, predictor: Predictor | None = None) -> BoundText:  # noqa: ARG002 - any text model takes str
        """Fix the text.

        Parameters
        ----------
        x : str
        predictor : Predictor, optional
            Not asked: every text model takes a list of str.

        Returns
        -------
        BoundText

        Raises
        ------
        InputError
            If it is not a str, is empty, or holds nothing but separators.
        """
        return BoundText(self, x)

    def neighbourhood(
        self,
        x: Any,
        predictor: Predictor | None,
        *,
        random_state: int | None = 0,
        sampler: Sampler = "balanced",
    ) -> MaskNeighbourhood:
        """LIME's neighbourhood of a text: 5000 draws by default; see ``bind`` for parameters and errors."""
        bound = self.bind(x, predictor)
        return MaskNeighbourhood(
            bound, SIZES, stage="text", n_samples=5000, random_state=random_state, sampler=sampler
        )


class BoundText:
    """One text, cut into units; see ``Text``.

    Parameters
    ----------
    masker : Text
    x : str
    """

    draws = 1

    def __init__(self, masker: Text, x: Any) -> None:
        given = {spec.name: getattr(masker, spec.name) for spec in masker.params}
        chosen = validate_all(masker.params, given)
        text = as_text(x)
        spans = spans_of(text, chosen["split"])
        features, groups = np.arange(len(spans)), None
        if chosen["group"]:
            first: dict[str, int] = {}
            groups = tuple(first.setdefault(text[a:b], len(first)) for a, b in spans)
            features = np.array(groups)
        split = chosen["split"]
        unit = split if isinstance(split, str) else getattr(split, "units", "pieces")
        self.layout: Layout = Tokens(text=text, offsets=tuple(spans), groups=groups, units=unit)
        self._text, self._grouped = text, groups is not None
        self._spans, self._unit, self._token = spans, unit.removesuffix("s"), chosen["mask_token"]
        self.n_features = int(features.max()) + 1
        content = repr((text, spans, groups, self._token))
        self.key: Hashable = ("text", hashlib.blake2b(content.encode()).hexdigest())
        self.notices: tuple[str, ...] = ()
        # piece u is unit u with the separators after it, kept or struck; the first one carries what stands
        # before it
        starts = [0, *(a for a, _ in spans[1:])]
        ends = [*starts[1:], len(text)]
        kept = [text[a:b] for a, b in zip(starts, ends, strict=True)]
        struck = [
            text[a:u] + self._token + text[v:b] for (u, v), a, b in zip(spans, starts, ends, strict=True)
        ]
        self._pieces = np.array([*struck, *kept], dtype=object)
        self._features = features

    def instance(self) -> list[str]:
        """The text itself, as a batch of one."""
        return [self._text]

    def build(self, masks: NDArray[np.bool_], draws: slice = slice(None)) -> list[str]:  # noqa: ARG002 - one draw
        """Texts with the units of absent features deleted or replaced.

        Parameters
        ----------
        masks : ndarray of shape (n, n_features), bool
        draws : slice
            There is one draw a mask.

        Returns
        -------
        list of str
            n texts.
        """
        present = np.asarray(masks, dtype=np.bool_)
        if self._grouped:
            present = present[:, self._features]
        units = present.shape[1]
        return ["".join(row) for row in self._pieces.take(present * units + np.arange(units)).tolist()]

    def reduce(self, outputs: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the outputs as they are: one model row a mask."""
        return outputs

    def examine(self, answer: NDArray[np.float64], ask: Ask) -> tuple[str, ...]:
        """Say which end of the text the model does not read.

        Parameters
        ----------
        answer : ndarray of shape (1, outputs)
            The model on the text.
        ask : callable
            Texts to outputs.
        """
        return unread(self._text, self._spans, self._unit, answer, ask, masked=bool(self._token))


def as_text(x: Any) -> str:
    """A text to explain.

    Raises
    ------
    InputError
        If it is none, or empty.
    """
    if isinstance(x, bytes):
        raise InputError("the text is bytes; expected str. Decode it first: x.decode('utf-8').")
    if not isinstance(x, str):
        raise InputError(
            f"expected one text as str, got {type(x).__name__}. Pass one str; several go to explain_batch."
        )
    if not x.strip():
        raise InputError(
            "the text is empty: there is no word to explain. Pass a text with at least one word."
        )
    return str(x)


def spans_of(text: str, split: Any) -> list[tuple[int, int]]:
    """Cut a text as ``Text(split=...)`` does.

    Raises
    ------
    InputError
        If ``split`` is no way to cut, or finds nothing.
    """
    if isinstance(split, str):
        spans = _SPLITTERS[split](text)
    elif isinstance(split, re.Pattern):
        spans = _split.between(text, split)
    elif callable(split):
        spans = _split.called(text, split)
    else:
        raise InputError(
            f"split={split!r} does not work: expected 'words', 'sentences', 'characters', a compiled regular "
            "expression for what stands between units, or a callable text -> offsets. Pass another split=."
        )
    if not spans:
        raise InputError(
            f"the text {text[:40]!r} holds nothing but separators: there is no unit to explain. "
            "Pass a text with at least one word, or split='characters'."
        )
    return spans
