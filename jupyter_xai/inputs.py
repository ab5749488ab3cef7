"""What the user's x is: a text, a row of a table or an image, and a sentence that says so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from jupyter_xai.errors import InputError
from jupyter_xai.protocols import Kind

if TYPE_CHECKING:
    from jupyter_xai.maskers._forms import ImageForm

_GREY_SIDE = 8
_ACCEPTED = (
    "expected a str for text; a row, Series, dict or 1-row DataFrame for a table; an array, tensor or PIL "
    "image for an image"
)


@dataclass(frozen=True)
class Recognised:
    """What x was taken for.

    Parameters
    ----------
    kind : {"table", "text", "image"}
    instance : object
        What the masker is bound to.
    took : str
        One sentence for the reader.
    form : ImageForm or None
        In which form an image came.
    """

    kind: Kind
    instance: Any
    took: str
    form: ImageForm | None = None

    @property
    def article(self) -> str:
        """The article before the kind."""
        return "an" if self.kind == "image" else "a"


def recognise(x: Any, model: Any = None, masker: Any = None, background: Any = None) -> Recognised:
    """Say what x is. A masker or a background decides where the shape leaves it open.

    Parameters
    ----------
    x : object
        The instance.
    model : object, optional
        A table's number of columns is read from it (``n_features_in_``).
    masker : Masker, optional
    background : object, optional
        Rows of a table.

    Returns
    -------
    Recognised

    Raises
    ------
    InputError
        If there is nothing to explain, x is several instances, or it may be two things.

    Examples
    --------
    >>> recognise("A dull film.").took
    'Took the input for a text of 12 characters.'
    >>> recognise([35, 1200.0]).took
    'Took the input for a row of a table with 2 columns.'
    >>> recognise(np.zeros((224, 224, 3), np.uint8)).took
    'Took the input for an image, 224×224 RGB, channels last, values 0–255 (uint8).'
    >>> recognise(np.ones((20, 30)))
    Traceback (most recent call last):
    jupyter_xai.errors.InputError: An array of shape (20, 30) may be 20 rows of a table (or a series) or a
    30×20 grey image. Pass one row, for example x[0], or masker=xai.Image().
    """
    said: Kind | None = getattr(masker, "kind", None)
    if said is None and background is not None and not isinstance(x, str):
        said = "table"
    if x is None:
        raise InputError("Nothing to explain: the input is None. Pass one text, one row or one image.")
    if isinstance(x, str):
        return _text(x, said)
    if said == "text":
        raise InputError(f"The masker is for text, but the input is {_a(x)}: pass one str.")
    if said == "table":
        return _table(x)
    from jupyter_xai.maskers._forms import is_image_object

    if said == "image" or is_image_object(x):
        return _image(x)
    if hasattr(x, "iloc") or hasattr(x, "tocsr") or isinstance(x, dict):
        return _table(x)
    return _array(x, model)


def _array(x: Any, model: Any) -> Recognised:
    """Decide by the number of axes."""
    _refuse_strange(x)
    array = _as_array(x)
    if array.ndim == 0:
        raise InputError(
            f"The input is {_a(x)}, which has no parts to explain; {_ACCEPTED}. Pass one of these."
        )
    if array.size == 0:
        raise InputError(
            f"Nothing to explain: the input has shape {array.shape}. Pass one text, row or image."
        )
    texts = isinstance(x, list | tuple) and array.ndim == 1 and all(isinstance(part, str) for part in x)
    if texts and len(x) != getattr(model, "n_features_in_", None):
        raise InputError(
            f"The input is a list of {len(x)} str: it may be texts, of which one is explained at a time (pass "
            "x[0]), or a row of a table (pass background= as well)."
        )
    if array.ndim == 1 or (array.ndim == 2 and array.shape[0] == 1):
        return _table(x)
    if array.ndim == 2:
        grey = array.dtype == np.uint8 and min(array.shape) >= _GREY_SIDE
        columns = getattr(model, "n_features_in_", None)
        if array.shape[1] == columns or array.dtype.kind not in "biuf":
            raise InputError(_several(array.shape[0], "x[0]"))
        if grey:
            return _image(x)
        raise InputError(
            f"An array of shape {array.shape} may be {array.shape[0]} rows of a table (or a series) or a "
            f"{array.shape[1]}×{array.shape[0]} grey image. Pass one row, for example x[0], or "
            "masker=xai.Image()."
        )
    return _image(x)


def _text(x: str, said: Kind | None) -> Recognised:
    if said not in {None, "text"}:
        raise InputError(
            f"The masker is for {_KINDS[str(said)]}, but the input is text. Pass masker=xai.Text()."
        )
    if not x.strip():
        raise InputError("Nothing to explain: the text is empty. Pass a text with at least one word.")
    return Recognised("text", x, f"Took the input for a text of {len(x):,} characters.")


def _table(x: Any) -> Recognised:
    """One row in whatever container; the masker aligns it with the background's columns."""
    _refuse_strange(x)
    if hasattr(x, "detach"):
        x = x.detach().cpu().numpy()
    shape = np.shape(x) if not isinstance(x, dict) and not isinstance(x, list | tuple) else (len(x),)
    if isinstance(x, list | tuple) and x and all(isinstance(part, list | tuple | np.ndarray) for part in x):
        shape = (len(x), len(x[0]))
    if hasattr(x, "iloc") and hasattr(x, "columns"):
        pick = "x.iloc[[0]]"
    else:
        pick = "x[0]"
    if len(shape) == 2 and shape[0] != 1:
        if shape[0] == 0:
            raise InputError("Nothing to explain: the input has 0 rows. Pass one row.")
        raise InputError(_several(shape[0], pick))
    if len(shape) not in {1, 2}:
        raise InputError(
            f"A row of a table is expected beside a background, but the input has shape {shape}. Pass one "
            'row; for an image leave background= out, or pass fill="background" to show its images where pieces are '
            "hidden."
        )
    if shape[-1] == 0:
        raise InputError("Nothing to explain: the row has 0 columns. Pass one row with a value a column.")
    count = int(shape[-1])
    return Recognised(
        "table", x, f"Took the input for a row of a table with {count:,} column{'' if count == 1 else 's'}."
    )


def _image(x: Any) -> Recognised:
    from jupyter_xai.maskers._forms import read_image

    _, form = read_image(x)
    return Recognised("image", x, f"Took the input for an image, {form.describe()}.", form)


_KINDS = {"table": "rows of a table", "image": "images", "text": "text"}


def _several(rows: int, pick: str) -> str:
    return (
        f"The input has {rows:,} rows; one is explained at a time. Pass one, for example {pick}, or all of "
        "them to a kernel's explain_batch."
    )


def _refuse_strange(x: Any) -> None:
    """Refuse what numpy would swallow or fail on with a riddle."""
    if isinstance(x, bytes):
        raise InputError(
            'The input is bytes; expected a str. Decode it first, for example x.decode("utf-8").'
        )
    if hasattr(x, "__fspath__"):
        raise InputError("The input is a path; expected what is in the file. Open it first.")
    if isinstance(x, set | frozenset) or hasattr(x, "__next__"):
        raise InputError(f"The input is {_a(x)}, which has no order; {_ACCEPTED}. Pass one of these.")


def _as_array(x: Any) -> NDArray[Any]:
    if hasattr(x, "detach"):
        x = x.detach().cpu()
        return np.empty(tuple(x.shape), np.float32) if "bfloat16" in str(x.dtype) else np.asarray(x)
    try:
        array = np.asarray(x)
    except ValueError:
        raise InputError(
            f"The input is {_a(x)} of parts with different lengths; {_ACCEPTED}. Several inputs of one model "
            "are not explained yet."
        ) from None
    if array.ndim == 0 and array.dtype.kind == "O":
        raise InputError(f"The input is {_a(x)}; {_ACCEPTED}. Pass one of these.")
    return array


def _a(x: Any) -> str:
    name = type(x).__name__
    return f"{'an' if name[0].lower() in 'aeiou' else 'a'} {name}"


def seed(random_state: Any) -> int:
    """Check a seed.

    Raises
    ------
    InputError
        If it is not a whole number from 0.

    Examples
    --------
    >>> seed(3)
    3
    """
    if isinstance(random_state, bool) or not hasattr(random_state, "__index__") or int(random_state) < 0:
        raise InputError(
            f"random_state={random_state!r} does not work: expected a whole number from 0, or None."
        )
    return int(random_state)
