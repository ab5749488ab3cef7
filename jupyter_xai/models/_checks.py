"""Whether an answer of the user's model is scores; if not, a sentence on what it was and what to return."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from jupyter_xai.errors import ModelError


def as_scores(answer: Any, n_rows: int) -> NDArray[np.float64]:
    """Turn an answer into finite float64 scores.

    Parameters
    ----------
    answer : object
        What the model returned: an array, tensor, DataFrame or list; (n,) and (n, outputs) are scores, and so
        is a single number for one row.
    n_rows : int
        Rows in the batch.

    Returns
    -------
    ndarray of shape (n_rows, outputs)

    Raises
    ------
    ModelError
        If it is anything else.

    Examples
    --------
    >>> as_scores([0.25, 0.5], 2)
    array([[0.25],
           [0.5 ]])
    >>> as_scores(["spam"], 1)
    Traceback (most recent call last):
    jupyter_xai.errors.ModelError: Your model answered with text (for example 'spam') on a batch of 1 row;
    expected scores, shape (1,) or (1, outputs). Pass its predict_proba, or a function that returns numbers.
    """
    on = f"on a batch of {rows(n_rows)}"
    wanted = f"expected scores, shape ({n_rows},) or ({n_rows}, outputs)"
    array = _as_array(answer, n_rows, on, wanted)
    if array.ndim == 0 and n_rows == 1:
        array = array.reshape(1, 1)
    if array.ndim == 0 or array.shape[0] != n_rows:
        raise ModelError(_wrong_rows(array, n_rows, on, wanted), n_rows)
    if array.ndim > 2 and array.size == n_rows * max(array.shape[1:]):
        array = array.reshape(n_rows, -1)  # axes of one entry say nothing
    if array.ndim > 2:
        raise ModelError(
            f"Your model answered with {array.ndim} axes, shape {array.shape}, {on}; {wanted}. "
            "Pass a function that picks or averages what is to be explained, one number an output.",
            n_rows,
        )
    scores = np.array(array, dtype=np.float64).reshape(n_rows, -1) if array.size else np.empty((n_rows, 0))
    if scores.shape[1] == 0:
        raise ModelError(f"Your model answered with 0 outputs {on}; {wanted}. Return at least one.", n_rows)
    finite = np.isfinite(scores)
    if not finite.all():
        bad = ~finite.all(axis=1)
        first = scores[bad.argmax()]
        what = "NaN" if np.isnan(first).any() else "infinity"
        raise ModelError(
            f"Your model answered with {what} in {int(bad.sum())} of {rows(n_rows)} (the first is row "
            f"{int(bad.argmax())} of the batch); expected finite scores. "
            "Look for missing values it cannot take, or for a division or logarithm of zero.",
            n_rows,
        )
    return scores


def rows(n: int) -> str:
    """Count rows in words.

    Examples
    --------
    >>> rows(1), rows(1000)
    ('1 row', '1,000 rows')
    """
    return f"{n:,} row{'' if n == 1 else 's'}"


def _as_array(answer: Any, n_rows: int, on: str, wanted: str) -> NDArray[Any]:
    """Bring any container to a numeric array."""
    if answer is None:
        raise ModelError(f"Your model answered with None {on}; {wanted}. Does it end in return?", n_rows)
    if hasattr(answer, "logits"):  # a Hugging Face ModelOutput
        answer = answer.logits
    if (
        isinstance(answer, tuple | list)
        and len(answer) == 1
        and np.ndim(_plain(answer[0])) >= 1
        and n_rows != 1
    ):
        answer = answer[0]
    if isinstance(answer, dict) or (isinstance(answer, list) and answer and _holds_dicts(answer)):
        raise ModelError(
            f"Your model answered with a dict {on}; {wanted}. Pass a function that returns the scores as an "
            "array, always in the same order.",
            n_rows,
        )
    try:
        array = np.asarray(
            [_plain(part) for part in answer] if isinstance(answer, tuple | list) else _plain(answer)
        )
    except ValueError:
        shapes = ", ".join(str(np.shape(_plain(part))) for part in list(answer)[:3])
        raise ModelError(
            f"Your model answered with {len(answer)} parts of different shapes ({shapes}) {on}; {wanted}. "
            "Pass a function that returns the part to be explained, for example lambda x: model(x)[0].",
            n_rows,
        ) from None
    if array.dtype.kind == "O":
        flat = array.ravel()
        if flat.size and not any(isinstance(value, str) for value in flat[:100]):
            try:
                return array.astype(np.float64)
            except (TypeError, ValueError):
                raise ModelError(
                    f"Your model answered with objects of type {type(flat[0]).__name__} {on}; {wanted}. "
                    "Pass a function that returns numbers.",
                    n_rows,
                ) from None
    if array.dtype.kind in "OUS" and array.size:
        raise ModelError(
            f"Your model answered with text (for example {str(array.ravel()[0])!r}) {on}; {wanted}. "
            "Pass its predict_proba, or a function that returns numbers.",
            n_rows,
        )
    if array.dtype.kind not in "biufOUS":
        raise ModelError(
            f"Your model answered with {array.dtype} values {on}; {wanted}. Return real numbers.", n_rows
        )
    return array


def _plain(value: Any) -> Any:
    """Bring a tensor to the CPU; leave the rest to numpy."""
    if hasattr(value, "detach"):
        value = value.detach().cpu()
        return (value.float() if "bfloat16" in str(value.dtype) else value).numpy()
    return value


def _holds_dicts(answer: list[Any]) -> bool:
    first = answer[0]
    return isinstance(first, dict) or (isinstance(first, list) and bool(first) and isinstance(first[0], dict))


def _wrong_rows(array: NDArray[Any], n_rows: int, on: str, wanted: str) -> str:
    if array.ndim == 0:
        return f"Your model answered with a single number {on}; {wanted}. Return one score a row."
    if array.ndim == 2 and array.shape[1] == n_rows:
        do = "It looks transposed: return the answer's .T."
    elif array.ndim == 1 and n_rows == 1:
        do = "If it squeezes its answer, return it unsqueezed."
    else:
        do = "Return one row of scores for each row it is given, in the same order."
    return f"Your model answered with {rows(array.shape[0])} (shape {array.shape}) {on}; {wanted}. {do}"
