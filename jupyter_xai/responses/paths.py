"""All of an explanation's curves, one kind after another, with the model rows they take."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from contextlib import closing
from dataclasses import replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from jupyter_xai.errors import ModelError
from jupyter_xai.evaluation import Pool
from jupyter_xai.explanation import Columns, Curve, Explanation, Pixels
from jupyter_xai.protocols import Batch, BoundMasker, Predictor
from jupyter_xai.responses.adjustments import adjustment_curves
from jupyter_xai.responses.flips import nearest_flips
from jupyter_xai.responses.presence import presence_curves
from jupyter_xai.responses.removal import removal_curves
from jupyter_xai.responses.response import MOST_POINTS, response_curves

LARGE = 2_000_000
"""Pixels above which an image is adjusted along no path, and has pieces removed a few times only."""
LEAST_OF_LARGE = 12
STOPPED_BEFORE = "Stopped before the curves of the sliders were asked for; Continue goes on to them."
STOPPED_AMONG = "Stopped while the curves of the sliders were asked for; Continue goes on to the rest."
Stages: TypeAlias = Generator[tuple[Curve, ...]]


class _Counting:
    """A predictor that counts the rows it is given."""

    def __init__(self, predictor: Predictor) -> None:
        self._predictor = predictor
        self.n_rows = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._predictor, name)

    def predict(self, batch: Any) -> NDArray[np.float64]:
        outputs = self._predictor.predict(batch)
        self.n_rows += len(outputs)
        return outputs


def along_paths(
    explanation: Explanation,
    bound: BoundMasker,
    predictor: Predictor,
    *,
    batch_size: Any = "auto",
    random_state: int | None = 0,
    threshold: float | None = None,
    change: Callable[[str, float], Batch] | None = None,
    present: Mapping[str, float] | None = None,
    pool: Pool | None = None,
) -> Generator[Explanation]:
    """Add the model's answers along paths to a finished explanation, as they come.

    Parameters
    ----------
    explanation : Explanation
    bound : BoundMasker
        The masker on the same instance.
    predictor : Predictor
    batch_size : int or "auto", default="auto"
        Most rows a call.
    random_state : int or None, default=0
    threshold : float, optional
        Where the decision turns, in the predictor's own space.
    change : callable, optional
        ``change(name, amount)`` adjusts an image, see ``adjustment_curves``.
    present : mapping of str to float, optional
        How the image as explained is adjusted already.
    pool : Pool, optional

    Yields
    ------
    Explanation
        With ``curves`` so far and ``curve_rows``. A model that fails along one path costs that path alone: a
        notice says so, as of what was left out.

    Examples
    --------
    >>> import jupyter_xai as xai
    >>> from jupyter_xai.models import wrap
    >>> model = wrap(lambda texts: [[0.9 if "dull" in t else 0.2] for t in texts], kind="text")
    >>> e = xai.Lime(model, xai.Text()).explain("a dull film")
    >>> *_, last = along_paths(e, xai.Text().bind("a dull film"), model)
    >>> last.curves[0].kind, last.curves[0].y[0].tolist()
    ('removal', [0.9, 0.2, 0.2, 0.2])
    """
    counting: Any = _Counting(predictor)
    sized: dict[str, Any] = {"batch_size": batch_size}
    notices = [*explanation.notices, *_unasked(explanation, bound)]
    say = notices.append
    large = _pixels(explanation) > LARGE  # to fill and turn millions of pixels takes longer than many a model
    few: dict[str, Any] = (
        {"most_rows": bound.draws * max(LEAST_OF_LARGE, explanation.n_rows // 2)} if large else {}
    )

    def removed(_: Explanation) -> Stages:
        return removal_curves(
            explanation, bound, counting, random_state=random_state, pool=pool, say=say, **sized, **few
        )

    def adjusted(_: Explanation) -> Stages:
        return (
            adjustment_curves(explanation, change, counting, present=present, **sized)
            if change and not large
            else _none()
        )

    steps: tuple[tuple[str, Callable[[Explanation], Stages]], ...] = (
        (
            "No response curves: with a feature moved",
            lambda _: response_curves(explanation, bound, counting, say=say, **sized),
        ),
        (
            "No nearest flips: with a feature moved",
            lambda known: nearest_flips(known, bound, counting, threshold=threshold, say=say, **sized),
        ),
        ("No removal curves: with features removed", removed),
        (
            "Nothing on features absent alone: with one",
            lambda _: presence_curves(explanation, bound, counting, pool=pool, say=say, **sized, **few),
        ),
        ("No curves of adjustments: with the image adjusted", adjusted),
    )
    before: tuple[Curve, ...] = ()
    shown = len(explanation.notices)

    def so_far(curves: tuple[Curve, ...]) -> Explanation:
        nonlocal shown
        shown = len(notices)
        return replace(explanation, curves=curves or None, curve_rows=counting.n_rows, notices=tuple(notices))

    for trouble, step in steps:
        found: tuple[Curve, ...] = ()
        try:
            with closing(step(replace(explanation, curves=before))) as stages:
                for found in stages:
                    yield so_far((*before, *found))
        except ModelError as error:  # the explanation itself is done, and stands
            notices.append(f"{trouble}, {error}")
            yield so_far((*before, *found))
        before += found
    if len(notices) > shown:
        yield so_far(before)


def noted(explanation: Explanation, notice: str) -> Explanation:
    """The same explanation with one more notice."""
    return replace(explanation, notices=(*explanation.notices, notice))


def _pixels(explanation: Explanation) -> int:
    """How many pixels the explained image has; 0 where it is none."""
    layout = explanation.features
    return int(np.prod(layout.image.shape[:2])) if isinstance(layout, Pixels) else 0


def _none() -> Stages:
    yield from ()


def _unasked(explanation: Explanation, bound: Any) -> tuple[str, ...]:
    """Say which categories have no point on their curve."""
    layout = explanation.features
    if not isinstance(layout, Columns) or not hasattr(bound, "n_values"):
        return ()
    counts = [(name, bound.n_values(feature)) for feature, name in enumerate(layout.names)]
    long = [f"{count:,} of {name}" for name, count in counts if count > MOST_POINTS]
    if not long:
        return ()
    more = f" and {len(long) - 3} more columns" if len(long) > 3 else ""
    return (
        f"Curves ask about the {MOST_POINTS} most frequent categories: there are {', '.join(long[:3])}{more}.",
    )
