"""The explained outputs along a path, in the space in which they are explained."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from jupyter_xai.explanation import Explanation
from jupyter_xai.protocols import Predictor

_CLIP = 1e-7


def selector(
    explanation: Explanation, predictor: Predictor
) -> Callable[[NDArray[np.float64]], NDArray[np.float64]]:
    """Return ``outputs (n, all) -> scores (n, explained)``."""
    targets = list(explanation.targets)
    as_logit = explanation.output_unit == "logit" and predictor.output_space == "probability"

    def select(outputs: NDArray[np.float64]) -> NDArray[np.float64]:
        chosen = outputs[:, targets]
        if not as_logit:
            return chosen
        clipped = np.clip(chosen, _CLIP, 1 - _CLIP)
        return np.asarray(np.log(clipped) - np.log1p(-clipped))

    return select
