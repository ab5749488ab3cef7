"""What the model says of an image that is blurred, grainy, lighter, of other contrast, or turned."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jupyter_xai.explanation import Curve, Explanation, Pixels
from jupyter_xai.protocols import Batch, Predictor
from jupyter_xai.responses._asked import asked, joined
from jupyter_xai.responses._scores import selector
from jupyter_xai.responses.removal import agrees

_ROWS = 16


def amounts(height: int, width: int) -> dict[str, NDArray[np.float64]]:
    """Amounts of each adjustment at which the model is asked, over the range of its slider; 0 is the image itself.

    Examples
    --------
    >>> {name: len(values) for name, values in amounts(224, 224).items()}
    {'blur': 9, 'noise': 6, 'brightness': 9, 'contrast': 10, 'rotation': 13}
    """
    size = max(height, width)
    most = round(size / 20) if size >= 200 else max(1.0, round(size / 2) / 10)
    return {
        "blur": np.linspace(0, most, 9),
        "noise": np.linspace(0, 0.5, 6),
        "brightness": np.linspace(-0.8, 0.8, 9),
        "contrast": np.linspace(-1, 2, 10).round(12),
        "rotation": np.linspace(-180, 180, 13),
    }


def adjustment_curves(
    explanation: Explanation,
    change: Callable[[str, float], Batch],
    predictor: Predictor,
    *,
    present: Mapping[str, float] | None = None,
    batch_size: Any = "auto",
) -> Generator[tuple[Curve, ...]]:
    """Answer along each adjustment of an image, the others staying as they are.

    Parameters
    ----------
    explanation : Explanation
        Of an image, by pieces or by pixels.
    change : callable
        ``change(name, amount)`` makes the adjusted image as a batch of one, the other adjustments staying.
    predictor : Predictor
    present : mapping of str to float, optional
        Amounts of the image as explained; those that are not named are 0.
    batch_size : int or "auto", default="auto"
        Most rows a call.

    Yields
    ------
    tuple of Curve
        All so far, of kind "adjustment": ``name`` is blur (deviation in pixels), noise and brightness (parts of
        the range), contrast (0 leaves it) or rotation (degrees); x the amounts. 43 rows in all.

    Examples
    --------
    >>> import jupyter_xai as xai
    >>> from jupyter_xai.models import wrap
    >>> image, masker = np.full((8, 8, 3), 0.5), xai.Image("grid", n_segments=4, fill=0.0)
    >>> model = wrap(lambda images: images.mean(axis=(1, 2, 3))[:, None], kind="image")
    >>> e = xai.Lime(model, masker).explain(image)
    >>> def change(name, amount):
    ...     return np.clip(image + amount * (name == "brightness"), 0, 1)[None]
    >>> *_, curves = adjustment_curves(e, change, model)
    >>> {c.name: float(np.ptp(c.y).round(3)) for c in curves}
    {'blur': 0.0, 'noise': 0.0, 'brightness': 1.0, 'contrast': 0.0, 'rotation': 0.0}
    """
    layout = explanation.features
    if not isinstance(layout, Pixels) or not explanation.targets:
        return
    grids = amounts(*layout.image.shape[:2])
    now = {name: float((present or {}).get(name, 0.0)) for name in grids}
    as_it_is = ("blur", now["blur"])
    steps = [as_it_is]
    steps += [(name, float(at)) for name, values in grids.items() for at in values if at != now[name]]

    def place(name: str, at: float) -> tuple[str, float]:
        return as_it_is if at == now[name] else (name, float(at))

    select = selector(explanation, predictor)

    def make(some: Sequence[tuple[str, float]]) -> Batch:
        return joined([change(name, amount) for name, amount in some])

    known: dict[tuple[str, float], NDArray[np.float64]] = {}
    for outputs in asked(steps, make, predictor, batch_size=batch_size, auto=_ROWS):
        scores = select(outputs)
        if not known and not agrees(explanation, scores[0]):
            return
        for score in scores:
            known[steps[len(known)]] = score
        yield tuple(
            Curve(
                "adjustment",
                None,
                x,
                np.stack([known[place(name, at)] for at in x], axis=1),
                name=name,
            )
            for name, x in grids.items()
            if all(place(name, at) in known for at in x)
        )
