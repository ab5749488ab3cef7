"""Where and why the user's model failed, for the error panel: their own line, and a known cause."""

from __future__ import annotations

import re
import sysconfig
import traceback
from pathlib import Path

from jupyter_xai.errors import ModelError, XaiError

_PACKAGE = str(Path(__file__).resolve().parents[1])
_LIBRARIES = tuple(
    dict.fromkeys(str(Path(sysconfig.get_path(name)).resolve()) for name in ("stdlib", "purelib", "platlib"))
)
_CELL = re.compile(r"<ipython-input-|[/\\]ipykernel_\d+[/\\]|^<cell")
_INSTALLED = re.compile(r"[/\\](site|dist)-packages[/\\]")

_HINTS = (
    (
        r"could not convert string to float|invalid literal for",
        "The batch held text where the model expects numbers: pass the whole pipeline, not its last step.",
    ),
    (
        r"Specifying the columns using strings",
        "The model picks columns by name: pass a DataFrame as background=, so that batches are DataFrames.",
    ),
    (
        r"feature names should match|feature names unseen|columns are missing",
        "The background's columns are not those the model was fitted on: pass the same, in the same order.",
    ),
    (
        r"X has \d+ features, but .* expecting \d+|expects? \d+ (columns|features)",
        "The background has other columns than the model was fitted on: leave out the label, for example.",
    ),
    (
        r"contains NaN|Input X contains (NaN|infinity)",
        "Missing values reach a model that takes none: add an imputer, or drop them from the background.",
    ),
    (
        r"Expected all tensors to be on the same device|Input type .* and weight type .* should be the same",
        "A tensor made inside forward must be on the device and of the type of its input.",
    ),
    (
        r"expected (scalar type|m1 and m2 to have the same dtype)|must have the same dtype",
        "Numbers of two types meet inside the model: bring them to one, for example by .float().",
    ),
    (
        r"mat1 and mat2 shapes cannot be multiplied|size mismatch|shapes? .* not aligned|in its core dim",
        "The model was made for another number of columns or another image size than it was given.",
    ),
    (
        r"expected input.* to have \d+ channels|but got \d+ channels|Expected [34]D",
        "The model was made for another number of channels or another order of axes: nets take N×C×H×W.",
    ),
    (
        r"out of memory|Unable to allocate",
        "The batch does not fit into memory: pass a smaller batch_size=.",
    ),
    (
        r"'list' object has no attribute '\w+'|expected string or bytes-like object, got 'list'",
        "The function is called on a list of texts: loop over it and return one row of scores a text.",
    ),
    (r"is not fitted|NotFittedError", "Fit the model before it is explained."),
)


def users_line(error: BaseException) -> str:
    """Find the deepest line of a traceback that is the user's own.

    Parameters
    ----------
    error : BaseException
        What the model raised, with its traceback.

    Returns
    -------
    str
        ``"scoring.py, line 41, in predict:  return model(x)"``; a notebook's cell is called "cell". Empty if
        the error arose in libraries alone.

    Examples
    --------
    >>> users_line(ValueError("never raised"))
    ''
    """
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        cell = bool(_CELL.search(frame.filename))
        if cell or _is_users(frame.filename):
            where = "cell" if cell else Path(frame.filename).name
            line = f":  {frame.line.strip()}" if frame.line else ""
            return f"{where}, line {frame.lineno}, in {frame.name}{line}"
    return ""


def hint(error: BaseException) -> str:
    """Say in one sentence what a known message usually means; empty for the others.

    Parameters
    ----------
    error : BaseException
        What the model raised.

    Examples
    --------
    >>> hint(RuntimeError("CUDA out of memory. Tried to allocate 2 GiB"))
    'The batch does not fit into memory: pass a smaller batch_size=.'
    """
    said = f"{type(error).__name__}: {error}"
    for pattern, sentence in _HINTS:
        if re.search(pattern, said):
            return sentence
    return ""


def _is_users(filename: str) -> bool:
    if filename.startswith("<") or _INSTALLED.search(filename):
        return False
    path = str(Path(filename).resolve())
    return not path.startswith((_PACKAGE, *_LIBRARIES))


def describe_error(error: BaseException) -> dict[str, str]:
    """Put a failure in words: title, message, where, hint and traceback."""
    cause = error.__cause__ if isinstance(error, ModelError) and error.__cause__ is not None else error
    title, message = "The explanation failed.", str(error)
    if isinstance(error, ModelError) and error.__cause__ is not None:
        many = f"{error.n_rows:,} row{'' if error.n_rows == 1 else 's'}"
        rows = f" on a batch of {many}" if error.n_rows else ""
        title, message = f"Your model raised {type(cause).__name__}{rows}.", str(cause)
    elif isinstance(error, XaiError):
        title = "This cannot be explained as asked."
    return {
        "title": title,
        "message": message,
        "where": users_line(cause),
        "hint": hint(cause),
        "traceback": "".join(traceback.format_exception(error)),
    }
