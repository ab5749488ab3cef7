"""The question a view asks, without a view: what is said before the first batch, and which requests come through."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from jupyter_xai.inputs import recognise
from jupyter_xai.maskers.tabular import Tabular
from jupyter_xai.models import wrap
from jupyter_xai.protocols import Progress
from jupyter_xai.session import Session

ROWS = np.random.default_rng(0).normal(size=(100, 2))


def logistic(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """Two probabilities from a plain function: only its answers show what they are."""
    p = 1 / (1 + np.exp(-rows[:, 0]))
    return np.stack([1 - p, p], axis=1)


def make(threshold: float | None = None) -> Session:
    found = recognise(ROWS[0], background=ROWS)
    return Session(
        predictor=wrap(logistic, kind="table"),
        found=found,
        masker=Tabular(ROWS),
        baseline=None,
        n_targets=5,
        threshold=threshold,
        batch_size="auto",
    )


@pytest.mark.parametrize(("given", "expected"), [(None, 0.5), (0.3, 0.3)])
def test_the_opening_comes_with_the_outputs_own_space(given: float | None, expected: float) -> None:
    session = make(given)
    seen: list[tuple[Any, ...]] = []

    def watch(progress: Progress) -> bool:
        if progress.opening is not None:
            seen.append((session.output_unit, session.threshold))
        return True

    assert session.output_unit == "raw"  # nobody has asked the function anything yet
    request = session.first_request(None, None, 0, {"n_samples": 200})
    list(session.stream(request, watch))
    assert seen == [("probability", expected)]
