"""Text as a network takes it: token ids, whose words can be struck and whose embeddings can be differentiated."""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Callable, Hashable, Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from jupyter_xai.errors import InputError
from jupyter_xai.explanation import Layout, Tokens as TextLayout
from jupyter_xai.maskers._designs import SIZES
from jupyter_xai.maskers._encoding import Encoding, encode, token_of
from jupyter_xai.maskers._pieces import cut_off, units_of
from jupyter_xai.maskers.neighbourhoods import MaskNeighbourhood
from jupyter_xai.maskers.text import as_text
from jupyter_xai.params import BoolParam, ChoiceParam, ParamSpec, validate_all
from jupyter_xai.protocols import Encoded, Kind, Predictor, Sampler

_NAMES = ("words", "sentences", "characters", "tokens")


class Tokens:
    """A text for a network that takes token ids: words are what is marked and struck, pieces are what it reads.

    Parameters
    ----------
    tokenizer : tokenizer or callable
        A Hugging Face tokenizer, a ``tokenizers.Tokenizer``, or a function that takes the text and returns ids, (ids,
        offsets), or a dict of ids under ``"input_ids"`` or ``"ids"`` and what else the network takes, such as
        ``"attention_mask"`` or ``"lengths"``, under the names of its ``forward``. Offsets are (start, end) in
        characters; an empty one hides a piece.
    decode : callable, optional
        Takes a list of one id and returns its text; finds the pieces in the text where the tokenizer gives no offsets.
        Without either, one id a word or character is expected.
    split : {"words", "sentences", "characters", "tokens"}, compiled regular expression or callable, default="words"
        What a feature is, as for ``xai.Text``: pieces of one word are merged. "tokens" keeps them apart. Pieces between
        words, such as a comma, are features too.
    group : bool, default=False
        Whether equal words are one feature.
    absent : {"drop", "pad", "mask"}, default="drop"
        For methods that strike words: their ids are left out, or replaced by the padding or the mask token.
    pad_id, mask_id : int, optional
        Ids of these tokens, where the tokenizer does not say them.
    special_ids : sequence of int, default=()
        Ids that are no part of the text: they are never struck and not shown. A tokenizer that marks its special
        pieces needs none.
    max_length : int, optional
        Most pieces of a Hugging Face tokenizer.

    Notes
    -----
    Special pieces and padding stay as they are in the baselines of gradient methods, whose default is the padding
    token, and so do masks and lengths. When words are dropped, what the encoder gives for each piece is dropped with
    them: rows are filled up with padding if the network takes a mask or lengths, or if the encoder fills up itself;
    otherwise texts of one length share a call. Where nothing is left, one mask token stands there, or padding if there
    is no mask token.

    LIME's neighbourhood is that of ``xai.Text``.

    Examples
    --------
    >>> words = {"a": 1, "dull": 2, "fine": 3, "film": 4}
    >>> masker = Tokens(lambda text: [words.get(word, 0) for word in text.lower().split()])
    >>> bound = masker.bind("A dull film")
    >>> bound.layout.feature_names
    ('A', 'dull', 'film')
    >>> bound.build(np.array([[True, False, True]])).parts[0][1][0]
    array([[1, 4]])
    """

    kind: ClassVar[Kind] = "text"
    encodes: ClassVar[bool] = True
    """Batches are token ids, which a torch network takes."""
    params: ClassVar[tuple[ParamSpec, ...]] = (
        ChoiceParam(
            name="split",
            default="words",
            label="units",
            doc="What is marked and struck at once: a word with all its pieces, or each piece.",
            cost="rebuild",
            choices=_NAMES,
            free=True,
        ),
        BoolParam(
            name="group",
            default=False,
            label="group equal words",
            doc="Strike all occurrences of a word together, as one feature.",
            cost="rebuild",
        ),
        ChoiceParam(
            name="absent",
            default="drop",
            label="struck words",
            doc="Leave the ids of a struck word out, or put the padding or the mask token in their place.",
            cost="rebuild",
            choices=("drop", "pad", "mask"),
        ),
    )

    def __init__(
        self,
        tokenizer: Any,
        decode: Callable[..., Any] | None = None,
        *,
        split: Any = "words",
        group: bool = False,
        absent: str = "drop",
        pad_id: int | None = None,
        mask_id: int | None = None,
        special_ids: Sequence[int] = (),
        max_length: int | None = None,
    ) -> None:
        self.tokenizer = tokenizer
        self.decode = decode
        self.split = split
        self.group = group
        self.absent = absent
        self.pad_id = pad_id
        self.mask_id = mask_id
        self.special_ids = special_ids
        self.max_length = max_length

    def bind(self, x: Any, predictor: Predictor | None = None) -> BoundTokens:
        """Encode a text.

        Parameters
        ----------
        x : str
        predictor : Predictor, optional
            Of what the encoder gives a torch network gets what its ``forward`` takes.

        Returns
        -------
        BoundTokens

        Raises
        ------
        InputError
            If it is not a str or empty, if the tokenizer fails, or if the network needs more than the encoder gives.
        """
        return BoundTokens(self, x, predictor)

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

    def encoding(self, text: str) -> Encoding:
        """What the tokenizer says of a text."""
        return encode(
            self.tokenizer,
            self.decode,
            text,
            pad_id=self.token("pad"),
            special_ids=self.special_ids,
            max_length=self.max_length,
        )

    def token(self, name: str) -> int | None:
        """Id of the "pad" or the "mask" token, None if it is not known."""
        own = self.pad_id if name == "pad" else self.mask_id
        return token_of(self.tokenizer, name) if own is None else int(own)


class BoundTokens:
    """One text as token ids; see ``Tokens``.

    Parameters
    ----------
    masker : Tokens
    x : str
    predictor : Predictor or None
    """

    draws = 1

    def __init__(self, masker: Tokens, x: Any, predictor: Predictor | None) -> None:
        chosen = validate_all(
            masker.params, {spec.name: getattr(masker, spec.name) for spec in masker.params}
        )
        text = as_text(x)
        self._masker, self._encoding = masker, masker.encoding(text)
        model: Any = getattr(predictor, "model", None)
        self._padding = masker.token("pad")
        if self._padding is None and callable(getattr(model, "modules", None)):
            known = (getattr(part, "padding_idx", None) for part in model.modules())
            self._padding = next((int(index) for index in known if index is not None), None)
        split = chosen["split"]
        units, owners = units_of(text, self._encoding.spans, split)
        groups = None
        if chosen["group"]:
            first: dict[str, int] = {}
            groups = tuple(first.setdefault(text[a:b], len(first)) for a, b in units)
        called = split if isinstance(split, str) else getattr(split, "units", "pieces")
        self.layout: Layout = TextLayout(text=text, offsets=tuple(units), groups=groups, units=called)
        self.n_features = len(units) if groups is None else max(groups) + 1
        unit_of = np.arange(len(units)) if groups is None else np.array(groups)
        # of each piece its feature, -1 for what is not shown
        self._features = np.where(owners < 0, -1, unit_of[np.maximum(owners, 0)])
        self._names = _names(self._encoding, model)
        self.fixed: tuple[str, ...] = self._names[1:]
        self._absent = chosen["absent"]
        self._struck = 0 if self._absent == "drop" else self._token(self._absent)
        content = (
            text,
            self._encoding.ids.tolist(),
            self._features.tolist(),
            self._names,
            self._absent,
            self._struck,
        )
        self.key: Hashable = ("tokens", hashlib.blake2b(repr(content).encode("utf-8", "replace")).hexdigest())
        self.notices: tuple[str, ...] = cut_off(text, units)

    def instance(self) -> Encoded:
        """The text itself, as a batch of one row."""
        return self._whole(self._encoding.ids[None])

    def build(self, masks: NDArray[np.bool_], draws: slice = slice(None)) -> Encoded:  # noqa: ARG002 - one draw
        """Ids without those of absent features, or with another token in their place.

        Parameters
        ----------
        masks : ndarray of shape (n, n_features), bool
        draws : slice
            There is one draw a mask.
        """
        present = np.asarray(masks, dtype=np.bool_)
        keeps = np.where(self._features < 0, True, present[:, np.maximum(self._features, 0)])
        if self._absent != "drop":
            return self._whole(np.where(keeps, self._encoding.ids, self._struck))
        return self._dropped(keeps)

    def reduce(self, outputs: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the outputs as they are: one model row a mask."""
        return outputs

    def fold(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Sum values of pieces, (outputs, pieces), over the words they are of: (outputs, n_features)."""
        found = np.zeros((len(values), self.n_features))
        for piece, feature in enumerate(self._features):
            if feature >= 0:
                found[:, feature] += values[:, piece]
        return found

    def reference(self, name: str) -> NDArray[np.int64]:
        """Ids of a baseline, (1, pieces): "pad", "mask" or "zeros" in the place of all that is shown."""
        token = 0 if name == "zeros" else self._token(name)
        return np.where(self._encoding.visible, token, self._encoding.ids)[None]

    def encoded_background(self, texts: Any) -> NDArray[np.int64]:
        """Ids of other texts in the places of this one's, (texts, pieces): cut off or filled up with padding.

        Raises
        ------
        InputError
            If they are not texts.
        """
        if isinstance(texts, str) or any(not isinstance(text, str) for text in texts) or len(texts) == 0:
            raise InputError(
                "background= of a text is other texts: expected a list of str with at least one."
            )
        places = np.flatnonzero(self._encoding.visible)
        found = np.repeat(self.reference("pad"), len(texts), axis=0)
        for row, text in zip(found, texts, strict=True):
            other = self._masker.encoding(as_text(text))
            ids = other.ids[other.visible][: len(places)]
            row[places[: len(ids)]] = ids
        return found

    def _token(self, name: str) -> int:
        token = self._padding if name == "pad" else self._masker.token(name)
        if token is None:
            other = "mask" if name == "pad" else "pad"
            raise InputError(
                f"the tokenizer has no {name} token that is known: pass xai.Tokens(..., {name}_id=) or choose "
                f'another one, "{other}".'
            )
        return token

    def _whole(self, ids: NDArray[np.int64]) -> Encoded:
        """Rows of the original's length, with its masks and lengths."""
        extras = [
            np.repeat(self._encoding.extras[name][None], len(ids), axis=0) for name in self._extra_names()
        ]
        return Encoded(((np.arange(len(ids)), (ids, *extras)),), self._names)

    def _extra_names(self) -> list[str]:
        return [name for name in self._encoding.extras if name in self.fixed]

    def _dropped(self, keeps: NDArray[np.bool_]) -> Encoded:
        """Rows without the pieces that are not kept."""
        encoding = self._encoding
        length, padding = len(encoding.ids), encoding.padding
        kept: NDArray[np.bool_] = np.asarray(keeps & ~padding)
        empty: NDArray[np.bool_] = np.asarray(np.count_nonzero(kept, axis=1) == 0)
        kept[empty, 0] = True  # nothing left: one piece that says nothing stands there
        counts = np.count_nonzero(kept, axis=1)
        left = bool(padding[0]) and not padding[-1]
        order = np.argsort(kept if left else ~kept, axis=1, kind="stable")
        filled = (
            np.arange(length) < length - counts[:, None] if left else np.arange(length) >= counts[:, None]
        )
        pad = 0 if self._padding is None else self._padding
        mask = self._masker.token("mask")
        ids = np.where(
            filled, pad, np.where(empty[:, None], pad if mask is None else mask, encoding.ids[order])
        )
        before = int(np.count_nonzero(~padding))
        extras = []
        for name in self._extra_names():
            extra = encoding.extras[name]
            if extra.ndim == 0:
                same = "len" in name and int(extra) == before
                extras.append(counts.astype(extra.dtype) if same else np.repeat(extra[None], len(ids)))
            else:
                fill = np.asarray("padding" in name).astype(extra.dtype)  # a padding mask is true there
                rest = filled.reshape(*filled.shape, *(1,) * (extra.ndim - 1))
                extras.append(np.where(rest, fill, extra[order]))
        if padding.any():
            widths = np.full(len(ids), length)
        elif any("mask" in name or "len" in name for name in self.fixed):
            widths = np.full(len(ids), counts.max(initial=1))
        else:
            widths = counts
        parts = []
        for width in np.unique(widths):
            rows = np.flatnonzero(widths == width)
            cut = slice(length - width, None) if left else slice(0, width)
            arrays = [array[rows] if array.ndim == 1 else array[rows][:, cut] for array in (ids, *extras)]
            parts.append((rows, tuple(arrays)))
        return Encoded(tuple(parts), self._names)


def _names(encoding: Encoding, model: Any) -> tuple[str, ...]:
    """What the inputs are called, ids first; empty where ids are all."""
    forward = getattr(model, "forward", None)
    named = (encoding.name, *encoding.extras) if encoding.extras else ()
    if not callable(forward):
        return named
    try:
        parameters = inspect.signature(forward).parameters.values()
    except (TypeError, ValueError):
        return named
    single = [p.name for p in parameters if p.kind in {p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY}]
    needed = [p.name for p in parameters if p.name in single and p.default is p.empty]
    anything = any(p.kind is p.VAR_KEYWORD for p in parameters)
    ids = encoding.name if encoding.name in single or (anything and encoding.name) else next(iter(single), "")
    taken = (ids, *(name for name in encoding.extras if name in single or anything))
    if not ids:
        return ()
    missing = [name for name in needed if name not in taken]
    if missing:
        got = ", ".join(filter(None, (encoding.name or "ids", *encoding.extras)))
        raise InputError(
            f"{type(model).__name__}.forward needs {', '.join(missing)} beside the ids, and the encoder gives {got}. "
            f'Let it return a dict, for example {{"ids": ids, "{missing[0]}": ...}}.'
        )
    return () if len(taken) == 1 and ids in single[:1] else taken
