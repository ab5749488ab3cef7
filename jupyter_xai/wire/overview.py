"""Encode an explanation over many rows for the browser: bounded in size, whatever the number of rows and features."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import cast

import numpy as np
from numpy.typing import NDArray

from jupyter_xai.explanation import Columns, GlobalExplanation, Pick, Steps
from jupyter_xai.explanation.rows import readable, shorten, value_text
from jupyter_xai.wire.boards import Dots, Overview, PickInfo
from jupyter_xai.wire.pairs import encode_pairs
from jupyter_xai.wire.plain import finite, float32, text
from jupyter_xai.wire.schema import SCHEMA_VERSION, OutputUnit

MOST_FEATURES = 500
MOST_ADDED = 4
MOST_PICKED = 50
MOST_OF_A_PICK = 30
MOST_DOTTED = 300
DOT_BYTES = 160_000
"""Bytes that all strips of dots may take; of many outputs fewer features have theirs."""
MOST_CHOICES = 100
_NONE = -128


def encode_overview(
    found: GlobalExplanation,
    *,
    method_label: str = "",
    explainer_label: str = "",
    said: Callable[[int], str] = lambda row: "",  # noqa: ARG005
) -> Overview:
    """Encode what is known so far.

    Parameters
    ----------
    found : GlobalExplanation
    method_label, explainer_label : str
        As the view prints them.
    said : callable
        A row of the data in a few words, "" if it cannot be said.

    Examples
    --------
    >>> found = GlobalExplanation(
    ...     values=np.array([[0.2, 0.5]]), feature_names=("age", "debt"), output_names=("bad",), n_rows=9
    ... )
    >>> board = encode_overview(found)
    >>> board["names"], np.frombuffer(board["values"], "<f4")
    (['debt', 'age'], array([0.5, 0.2], dtype=float32))
    """
    kept = _kept(found)
    board = Overview(
        schema=SCHEMA_VERSION,
        names=[_name(found, at) for at in kept],
        more=len(found.feature_names) - len(kept),
        things=_things(found),
        output_names=[text(name) for name in found.output_names],
        output_unit=cast(
            OutputUnit, found.output_unit if found.output_unit in {"probability", "logit"} else "raw"
        ),
        value_unit=text(found.value_unit or found.output_unit),
        method=text(method_label or found.method),
        explainer=text(explainer_label),
        random_state=None if found.random_state is None else int(found.random_state),
        rows=int(found.n_rows),
        values=float32(found.values[:, kept]),
        picks=[_pick(found, i, kept, said) for i in range(min(len(found.picks or ()), MOST_PICKED))],
        notices=[text(notice) for notice in found.notices],
    )
    arrays = {name: getattr(found, name) for name in ("std_errors", "support", "signed", "chance")}
    arrays |= {name: getattr(found, name) for name in ("overall", "overall_std_errors")}
    board.update(
        cast(
            Overview,
            {name: float32(array[..., kept]) for name, array in arrays.items() if array is not None},
        )
    )
    if found.predicted is not None:
        board["predicted"] = [int(count) for count in found.predicted]
    dots = _dots(found, kept)
    if dots is not None:
        board["dots"] = dots
    if found.interactions is not None and found.interactions.size:
        board["pairs"] = encode_pairs(
            found.interactions, found.interaction_std_errors, lambda at: _name(found, at)
        )
    if is_map(found):
        places = found.values.reshape(len(found.values), *found.feature_shape)
        places = places.sum(axis=1) if places.ndim == 4 else places
        board["shape"], board["map"] = [int(n) for n in places.shape[1:]], float32(places)
    return board


def is_map(found: GlobalExplanation) -> bool:
    """Whether its features are places of a picture.

    Examples
    --------
    >>> is_map(GlobalExplanation(values=np.ones((1, 2)), feature_names=("a", "b"), output_names=("y",)))
    False
    """
    shape = found.feature_shape
    return (
        len(shape) in {2, 3}
        and min(shape[-2:]) > 3
        and not isinstance(found.layout, Steps)
        and math.prod(shape) == len(found.feature_names)
        and math.prod(shape[-2:]) <= 224 * 224
    )


def _kept(found: GlobalExplanation) -> NDArray[np.int64]:
    """The features that are sent: those that come first for some output or over all, in order of importance."""
    order = found.ranking()
    if len(order) <= MOST_FEATURES:
        return order
    best = np.empty(len(order))
    best[order] = np.arange(len(order))
    for values in found.values:
        rank = np.empty(len(order))
        rank[np.argsort(-values, kind="stable")] = np.arange(len(order))
        best = np.minimum(best, rank)
    chosen = np.zeros(len(order), bool)
    chosen[np.argsort(best, kind="stable")[:MOST_FEATURES]] = True
    return order[chosen[order]]


def _name(found: GlobalExplanation, at: int) -> str:
    return shorten(readable(text(found.feature_names[at])))


def _things(found: GlobalExplanation) -> str:
    if found.feature_shape and not isinstance(found.layout, Steps):
        return "pixels"
    return "features"


def _pick(found: GlobalExplanation, i: int, kept: NDArray[np.int64], said: Callable[[int], str]) -> PickInfo:
    pick: Pick = (found.picks or ())[i]
    place = {int(at): here for here, at in enumerate(kept)}
    order = np.argsort(-pick.weights, kind="stable")
    own = [at for at in order.tolist() if int(pick.features[at]) in place][:MOST_OF_A_PICK]
    covered = 0.0 if found.coverage is None else float(found.coverage[i])
    info = PickInfo(
        row=int(pick.row),
        gain=float(pick.gain),
        covered=covered,
        adds=len(pick.adds),
        names=[_name(found, at) for at in pick.adds[:MOST_ADDED].tolist()],
        text=text(said(int(pick.row))),
        features=[place[int(pick.features[at])] for at in own],
        weights=[float(pick.weights[at]) for at in own],
    )
    if finite(pick.prediction) is not None:
        info["predicted"], info["prediction"] = text(pick.predicted), float(pick.prediction)
    return info


def _dots(found: GlobalExplanation, kept: NDArray[np.int64]) -> Dots | None:
    sample = found.sample
    if sample is None or not len(sample.rows) or not len(sample.features):
        return None
    some = np.unique(np.linspace(0, len(sample.rows) - 1, MOST_DOTTED).astype(int))
    outputs = sample.values.shape[1]
    column = {int(at): i for i, at in enumerate(sample.features)}
    both = [(here, column[int(at)]) for here, at in enumerate(kept) if int(at) in column]
    both = both[: max(8, DOT_BYTES // (len(some) * (outputs + 4)))]
    if not both:
        return None
    columns = [i for _, i in both]
    weights = sample.values[some][:, :, columns]
    known = np.isfinite(weights)
    scales = np.where(known, np.abs(weights), 0.0).max(axis=(0, 2)).astype(float)
    scales = np.where(scales > 0, scales, 1.0)
    steps = np.rint(127 * np.where(known, weights, 0.0) / scales[None, :, None])
    dots = Dots(
        rows=[int(row) for row in sample.rows[some]],
        features=[here for here, _ in both],
        scales=scales.tolist(),
        weights=np.where(known, steps, _NONE).astype(np.int8).tobytes(),
        inputs=float32(sample.inputs[some][:, columns]),
        choices=[_choices(found, int(kept[here])) for here, _ in both],
    )
    if sample.predictions is not None:
        dots["predictions"] = float32(sample.predictions[some])
    if sample.predicted is not None:
        dots["predicted"] = [int(at) for at in sample.predicted[some]]
    return dots


def _choices(found: GlobalExplanation, at: int) -> list[str]:
    """What the numbers of a category stand for; nothing for numbers."""
    layout = found.layout
    if not isinstance(layout, Columns) or at >= len(layout.names):
        return []
    known = layout.categories[at]
    if known is None or len(known) > MOST_CHOICES:
        return []
    return [text(value_text(value)[0]) for value in known]
