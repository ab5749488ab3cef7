"""ROAD: pixels are removed by filling them from their neighbours, so that their absence itself shows less."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jupyter_xai.errors import CannotExplainError, InputError
from jupyter_xai.explanation import Explanation, Pixels
from jupyter_xai.maskers._forms import for_model, read_image, to_container
from jupyter_xai.maskers._random import check_seed, generator
from jupyter_xai.metrics._measure import Measure
from jupyter_xai.metrics._shared import CONSTANT
from jupyter_xai.metrics.subject import Subject, broken, per_unit

RONG = (
    'Rong et al., "A Consistent and Efficient Evaluation Strategy for Attribution Methods" (ICML 2022), section '
    "4.2 and "
    "appendix"
)
_WEIGHTS = [
    (dy, dx, 1 / 6 if dy == 0 or dx == 0 else 1 / 12) for dy in (-1, 0, 1) for dx in (-1, 0, 1) if dy or dx
]


def impute(
    image: NDArray[np.float64], removed: NDArray[np.bool_], *, noise: float = 0.01, rng: Any = None
) -> NDArray[np.float64]:
    """Fill pixels from their neighbours: each is the weighted mean of the eight around it, all at once.

    Parameters
    ----------
    image : ndarray of shape (height, width, channels)
    removed : ndarray of shape (height, width), bool
    noise : float, default=0.01
        Deviation of the noise that is added to what was filled in.
    rng : Generator, optional
        None: no noise.

    Returns
    -------
    ndarray of shape (height, width, channels)

    Notes
    -----
    Noisy linear imputation of Rong et al. (2022): weights 1/6 for direct and 1/12 for diagonal neighbours, in
    proportion
    where the border cuts some off. If every pixel is removed there is nothing to fill from and all get the mean.

    Examples
    --------
    >>> ramp = np.arange(5.0) * np.ones((5, 1))
    >>> hole = np.zeros((5, 5), dtype=bool)
    >>> hole[1:4, 1:4] = True
    >>> bool(np.allclose(impute(ramp[:, :, None], hole)[:, :, 0], ramp))
    True
    """
    from scipy.sparse import coo_array
    from scipy.sparse.linalg import spsolve

    if not removed.any():
        return image.copy()
    filled = image.astype(np.float64).copy()
    if removed.all():
        filled[:] = image.mean(axis=(0, 1))
    else:
        height, width = removed.shape
        number = np.full(removed.shape, -1)
        ys, xs = np.nonzero(removed)
        count = len(ys)
        number[ys, xs] = np.arange(count)
        total = np.zeros(count)
        right = np.zeros((count, image.shape[2]))
        rows, columns, weights = [np.arange(count)], [np.arange(count)], []
        for dy, dx, weight in _WEIGHTS:
            y, x = ys + dy, xs + dx
            inside = np.flatnonzero((y >= 0) & (y < height) & (x >= 0) & (x < width))
            total[inside] += weight
            other = number[y[inside], x[inside]]
            known = other < 0
            right[inside[known]] += weight * image[y[inside[known]], x[inside[known]]]
            rows.append(inside[~known])
            columns.append(other[~known])
            weights.append(np.full((~known).sum(), -weight))
        system = coo_array(
            (np.concatenate([total, *weights]), (np.concatenate(rows), np.concatenate(columns))),
            (count, count),
        )
        filled[ys, xs] = spsolve(system.tocsc(), right).reshape(count, -1)
    if rng is not None:
        filled[removed] += noise * rng.standard_normal((int(removed.sum()), image.shape[2]))
    return filled


def road(
    explanation: Explanation,
    subject: Subject,
    *,
    shares: Sequence[float] = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9),
    noise: float = 0.01,
    random_state: int | None = 0,
) -> dict[str, Measure]:
    """How far an output falls when the most, and when the least relevant pixels are filled from their neighbours.

    Parameters
    ----------
    explanation : Explanation
        Of an image: pixels, or pieces, whose pixels then come together.
    subject : Subject
        Of the same image; its masker's fill is not used.
    shares : sequence of float
        Of the pixels.
    noise : float, default=0.01
        In the range of the image's values.
    random_state : int or None, default=0

    Returns
    -------
    dict of str to Measure
        ``ROAD (most relevant first)`` and ``ROAD (least relevant first)``, the mean output over the shares, and
        ``ROAD``, half
        the difference of the two (Combined, higher is better).

    Raises
    ------
    CannotExplainError
        If the input is not an image.

    Notes
    -----
    Rong et al. (ICML 2022), whose removal leaks less of what was removed than a constant colour does.
    """
    layout = explanation.features
    if not isinstance(layout, Pixels) or subject.kind != "image":
        raise CannotExplainError("ROAD fills pixels from their neighbours and needs an image.", ["removal"])
    if not len(shares) or not all(0 < share <= 1 for share in shares):
        raise InputError(
            f"shares={shares!r} does not work: expected shares of the pixels above 0 and up to 1."
        )
    array, form = read_image(subject.x)
    wrong, notices = broken(explanation)
    ranks = _relevance(explanation, layout, array.shape[:2])
    seed = check_seed(random_state)
    span = {"bytes": 255.0, "unit": 1.0, "signed": 2.0}.get(form.scale, form.high - form.low) or 1.0
    images, outputs = [], len(wrong)
    for out in range(outputs):
        order = np.argsort(-np.where(wrong[out], 0.0, ranks[out]), kind="stable")
        for turn, line in enumerate((order, order[::-1])):
            for at, share in enumerate(shares):
                removed = np.zeros(len(line), dtype=np.bool_)
                removed[line[: max(1, round(share * len(line)))]] = True
                rng = generator(seed, "road", turn * len(shares) + at)
                images.append(
                    impute(
                        array.astype(np.float64),
                        removed.reshape(array.shape[:2]),
                        noise=noise * span,
                        rng=rng,
                    )
                )

    def build(start: int, stop: int) -> Any:
        return _batch(images[start:stop], array.dtype, form, subject)

    with subject.counted() as rows:
        whole = explanation.predictions
        answers = subject.on_rows(len(images), build, explanation)
        unit = subject.unit(explanation)
        asked = rows()
    shaped = answers.reshape(outputs, 2, len(shares), outputs)
    pick = np.arange(outputs)
    first, last = (shaped[pick, turn, :, pick].mean(axis=1) for turn in (0, 1))
    if (np.abs(shaped[pick, :, :, pick] - whole[:, None, None]).max(axis=(1, 2)) <= 1e-9).any():
        notices = (*notices, CONSTANT)

    def measure(name: str, values: NDArray[np.float64], better: Any) -> Measure:
        return Measure(
            name=name,
            values=np.where(wrong, np.nan, values),
            output_names=explanation.output_names,
            unit="" if unit == "raw" else unit,
            better=better,
            definition=f"{RONG}, {len(shares)} shares of the pixels from {min(shares):.0%} to {max(shares):.0%}",
            n_evals=len(images),
            n_rows=asked,
            notices=notices,
        )

    return {
        "ROAD": measure("ROAD", (last - first) / 2, "higher"),
        "ROAD (most relevant first)": measure("ROAD (most relevant first)", first, "lower"),
        "ROAD (least relevant first)": measure("ROAD (least relevant first)", last, "higher"),
    }


def _relevance(explanation: Explanation, layout: Pixels, size: tuple[int, ...]) -> NDArray[np.float64]:
    """Relevance of each pixel, (outputs, pixels): of a piece its own for each of its pixels."""
    values = np.asarray(explanation.values, dtype=np.float64)
    if layout.image.shape[:2] != tuple(size):
        raise InputError(
            f"The explanation is of an image of {layout.image.shape[1]}×{layout.image.shape[0]} pixels, the "
            f"subject has "
            f"{size[1]}×{size[0]}: explain the same image."
        )
    if layout.labels is not None:
        return values[:, layout.labels.ravel()]
    values = np.abs(values) if per_unit(explanation) else values
    return np.asarray(values.reshape(len(values), -1, size[0] * size[1]).sum(axis=1))


def _batch(images: Sequence[NDArray[np.float64]], dtype: Any, form: Any, subject: Subject) -> Any:
    """Images in the model's own form."""
    rows = []
    for image in images:
        if dtype.kind in "iu":
            limits = np.iinfo(dtype)
            values = np.clip(np.rint(image), limits.min, limits.max)
        else:
            values = image
        rows.append(for_model(values.astype(dtype), form, subject.predictor.backend)[0])
    batch = np.stack(rows)
    if subject.predictor.backend != "torch":
        return to_container(batch, form)
    import torch

    return torch.from_numpy(batch).to(device=subject.predictor.device, dtype=subject.predictor.dtype)
