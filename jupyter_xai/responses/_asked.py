"""The model's answers on rows that are made a batch at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from jupyter_xai.evaluation import check_batch_size, out_of_memory
from jupyter_xai.protocols import Batch, Predictor

Thing = TypeVar("Thing")


def asked(
    things: Sequence[Thing],
    make: Callable[[Sequence[Thing]], Batch],
    predictor: Predictor,
    *,
    batch_size: Any,
    auto: int,
) -> Iterator[NDArray[np.float64]]:
    """Answers on some things after another, one array a call; halved where memory runs out.

    Parameters
    ----------
    things : sequence
    make : callable
        Model rows of some of them.
    predictor : Predictor
    batch_size : int or "auto"
    auto : int
        What "auto" means.
    """
    limit = auto if batch_size == "auto" else check_batch_size(batch_size)
    done = 0
    while done < len(things):
        some = things[done : done + limit]
        try:
            outputs = predictor.predict(make(some))
        except Exception as error:
            if not out_of_memory(error) or len(some) == 1:
                raise
            limit = max(1, len(some) // 2)
            continue
        done += len(some)
        yield outputs


def joined(batches: Sequence[Batch]) -> Batch:
    """One batch of several: tensors, arrays or lists."""
    first = batches[0]
    if hasattr(first, "detach"):
        import torch

        return torch.cat(list(batches))
    if isinstance(first, list):
        return [row for batch in batches for row in batch]
    return np.concatenate([np.asarray(batch) for batch in batches])
