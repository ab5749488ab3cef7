"""All of an explanation's curves, one kind after another, with the model rows they take."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jupyter_xai.errors import ModelError
from jupyter_xai.evaluation import Pool
from jupyter_xai.explanation import Curve, Explanation
from jupyter_xai.protocols import BoundMasker, Predictor
from jupyter_xai.responses.removal import removal_curves
from jupyter_xai.responses.response import response_curves


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
    pool : Pool, optional

    Yields
    ------
    Explanation
        With ``curves`` so far and ``curve_rows``. A model that fails along one path costs that path alone: a
        notice says so.

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
    steps: tuple[tuple[str, Callable[[], Generator[tuple[Curve, ...]]]], ...] = (
        (
            "No response curves: with a feature moved",
            partial(response_curves, explanation, bound, counting, batch_size=batch_size),
        ),
        (
            "No removal curves: with features removed",
            partial(
                removal_curves,
                explanation,
                bound,
                counting,
                batch_size=batch_size,
                random_state=random_state,
                pool=pool,
            ),
        ),
    )
    before: tuple[Curve, ...] = ()
    notices = explanation.notices
    for trouble, step in steps:
        found: tuple[Curve, ...] = ()
        try:
            with closing(step()) as stages:
                for found in stages:
                    curves = (*before, *found)
                    yield replace(explanation, curves=curves, curve_rows=counting.n_rows, notices=notices)
        except ModelError as error:  # the explanation itself is done, and stands
            notices = (*notices, f"{trouble}, {error}")
            yield replace(explanation, curves=before or None, curve_rows=counting.n_rows, notices=notices)
            continue
        before += found
