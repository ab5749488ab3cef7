"""What the model says with one feature absent: each word struck, each piece hidden, alone."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jupyter_xai.evaluation import Pool
from jupyter_xai.explanation import Columns, Curve, Explanation
from jupyter_xai.protocols import BoundMasker, Predictor
from jupyter_xai.responses._scores import selector
from jupyter_xai.responses.removal import INSTANCE, Asked, agrees, kind_of

MOST_FEATURES = 40


def presence_curves(
    explanation: Explanation,
    bound: BoundMasker,
    predictor: Predictor,
    *,
    batch_size: Any = "auto",
    most_rows: int | None = None,
    live: bool = True,
    pool: Pool | None = None,
    say: Callable[[str], None] | None = None,
) -> Generator[tuple[Curve, ...]]:
    """Answer with each feature of a text or an image absent alone, the largest contributions first.

    Parameters
    ----------
    explanation : Explanation
    bound : BoundMasker
        The masker on the same instance; what it calls absent is.
    predictor : Predictor
    batch_size : int or "auto", default="auto"
    most_rows : int, optional
        Model rows altogether. Default: as many as 40 features take.
    live : bool, default=True
        Whether somebody watches: "auto" then begins with small batches.
    pool : Pool, optional
        Where answers are looked up and kept.
    say : callable, optional
        Told in a sentence how many were left out.

    Yields
    ------
    tuple of Curve
        All so far, of kind "presence": x is 0 (absent) and 1 (present). At most 40; none for tables, whose features
        have values (see ``response_curves``), nor for features that are there either way.

    Notes
    -----
    Leave-one-out: Zeiler & Fergus, "Visualizing and Understanding Convolutional Networks" (2014), section 4.2; Li,
    Monroe & Jurafsky, "Understanding Neural Networks through Representation Erasure" (2016).

    Examples
    --------
    >>> import jupyter_xai as xai
    >>> from jupyter_xai.models import wrap
    >>> model = wrap(lambda texts: [[0.9 if "dull" in t else 0.2] for t in texts], kind="text")
    >>> e = xai.Lime(model, xai.Text()).explain("a dull film")
    >>> *_, curves = presence_curves(e, xai.Text().bind("a dull film"), model)
    >>> {e.feature_names[curve.feature]: curve.y[0].tolist() for curve in curves}["dull"]
    [0.2, 0.9]
    """
    kind = kind_of(explanation, bound)
    if kind is None or isinstance(explanation.features, Columns):
        return
    budget = MOST_FEATURES * bound.draws if most_rows is None else most_rows
    varying = getattr(bound, "varying", np.ones(bound.n_features, dtype=np.bool_))
    size = np.abs(np.asarray(explanation.values)).max(axis=0)
    features = [int(i) for i in np.argsort(-size, kind="stable") if varying[i]]
    most = min(MOST_FEATURES, budget // bound.draws)
    if len(features) > most and say is not None:
        what = "word" if kind == "text" else "piece"
        say(f"The answer without one {what} alone is known for the {most} largest of {len(features):,}.")
    features = features[:most]
    masks = _One(bound.n_features, features)
    everything = np.arange(bound.n_features)
    calls = Asked(predictor, bound, masks, everything, kind=kind, batch_size=batch_size, live=live, pool=pool)
    select = selector(explanation, predictor)
    present: NDArray[np.float64] = explanation.predictions
    found: list[Curve] = []
    for block in calls.blocks(len(features)):
        if not len(block.outputs):
            continue
        scores = select(block.outputs)
        if block.start == INSTANCE:
            if not agrees(explanation, scores[0]):
                return
            present = scores[0]
            continue
        for place, score in enumerate(scores, start=block.start):
            if place >= 0:
                y = np.stack([score, present], axis=1)
                found.append(Curve("presence", features[place], np.array([0.0, 1.0]), y))
        if found:
            yield tuple(found)


class _One:
    """Masks that keep all features but one."""

    def __init__(self, n_features: int, features: list[int]) -> None:
        self._n, self._features = n_features, features

    def masks(self, start: int, stop: int) -> NDArray[np.bool_]:
        some = self._features[start:stop]
        masks = np.ones((len(some), self._n), dtype=np.bool_)
        masks[np.arange(len(some)), some] = False
        return masks
