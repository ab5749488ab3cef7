"""Save and load: one zip with a JSON header and the arrays as npy files. Versioned; no pickle inside.

The header is a tree of plain JSON. What JSON does not know stands in objects with one key: ``{"$array": 3}``
is the member ``3.npy``, ``{"$tuple": [...]}``, ``{"$float": "nan"}``, ``{"$pairs": [[key, value], ...]}``
a mapping whose keys are not plain, and ``{"$is": "columns", "fields": {...}}`` one of the library's records.
"""

from __future__ import annotations

import dataclasses
import io
import json
import math
import os
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar, overload

import numpy as np
from numpy.lib import format as npy

from jupyter_xai.errors import InputError
from jupyter_xai.explanation.layouts import LAYOUTS
from jupyter_xai.explanation.overview import GlobalExplanation, Pick, RowSample
from jupyter_xai.explanation.result import Curve, Explanation, Fidelity, Unexplained

FORMAT = "jupyter_xai.explanation"
VERSION = 1
_HEADER = "explanation.json"
_Result = TypeVar("_Result", Explanation, GlobalExplanation)
_RECORDS: dict[str, type[Any]] = {
    **LAYOUTS,
    "explanation": Explanation,
    "fidelity": Fidelity,
    "unexplained": Unexplained,
    "curve": Curve,
    "global_explanation": GlobalExplanation,
    "row_sample": RowSample,
    "pick": Pick,
}
_NAMES = {record: name for name, record in _RECORDS.items()}


def save(explanation: Explanation | GlobalExplanation, path: str | Path) -> None:
    """Write an explanation to one file; a file of that name is replaced as a whole or not at all.

    Parameters
    ----------
    explanation : Explanation or GlobalExplanation
        Hyper-parameters that are neither plain nor arrays (functions) are kept as their ``repr``.
    path : str or Path

    Examples
    --------
    >>> import tempfile
    >>> from jupyter_xai.explanation import Columns
    >>> row = Columns(names=("age",), values=(24,), kinds=("number",), members=((0,),))
    >>> found = Explanation(
    ...     values=np.array([[0.2]]), features=row, output_names=("bad",), predictions=np.array([0.6])
    ... )
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save(found, Path(folder) / "bad.xai")
    ...     load(Path(folder) / "bad.xai").values
    array([[0.2]])
    """
    arrays: list[np.ndarray[Any, Any]] = []
    header = {"format": FORMAT, "version": VERSION, "explanation": _pack(explanation, arrays)}
    target = Path(path)
    part = target.with_name(f"{target.name}.{os.getpid()}.part")
    try:
        with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(_HEADER, json.dumps(header, allow_nan=False))
            for i, array in enumerate(arrays):
                file = io.BytesIO()
                npy.write_array(file, array, allow_pickle=False)
                archive.writestr(f"{i}.npy", file.getvalue())
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


@overload
def load(path: str | Path) -> Explanation: ...
@overload
def load(path: str | Path, kind: type[_Result]) -> _Result: ...
def load(path: str | Path, kind: type[Any] = Explanation) -> Any:
    """Read an explanation written by ``save``.

    Parameters
    ----------
    path : str or Path
    kind : type, default=Explanation
        What is expected: of one instance or over many rows.

    Raises
    ------
    InputError
        If the file is not one of ours, is damaged, is of a newer version, or holds the other kind.
    """
    name = Path(path).name
    try:
        with zipfile.ZipFile(path) as archive:
            header = _header(archive, name)

            def array(i: int) -> Any:
                return npy.read_array(io.BytesIO(archive.read(f"{int(i)}.npy")), allow_pickle=False)

            found = _unpack(header["explanation"], array)
    except (zipfile.BadZipFile, KeyError, ValueError, TypeError) as error:
        if isinstance(error, InputError):
            raise
        raise _not_ours(name) from error
    if not isinstance(found, Explanation | GlobalExplanation):
        raise _not_ours(name)
    if not isinstance(found, kind):
        other = type(found).__name__
        raise InputError(f"{name} holds a {other}; expected {kind.__name__}. Read it with xai.{other}.load.")
    return found


def _header(archive: zipfile.ZipFile, name: str) -> Mapping[str, Any]:
    header = json.loads(archive.read(_HEADER))
    if not isinstance(header, dict) or header.get("format") != FORMAT:
        raise _not_ours(name)
    version = header.get("version")
    if not isinstance(version, int) or version > VERSION:
        raise InputError(
            f"{name} was written by a newer jupyter_xai (format {version}; this one reads up to {VERSION}). "
            "Upgrade jupyter_xai, or save it again with this version."
        )
    return header


def _not_ours(name: str) -> InputError:
    return InputError(
        f"{name} is not a saved explanation, or is damaged: expected a file written by Explanation.save. "
        "Save the explanation again."
    )


def _pack(value: Any, arrays: list[np.ndarray[Any, Any]]) -> Any:
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else {"$float": repr(value)}
    if isinstance(value, np.ndarray) and value.dtype.kind not in "OV":
        arrays.append(value)
        return {"$array": len(arrays) - 1}
    if type(value) in _NAMES:
        fields = {
            item.name: _pack(getattr(value, item.name), arrays)
            for item in dataclasses.fields(value)
            if item.init
        }
        return {"$is": _NAMES[type(value)], "fields": fields}
    return _pack_container(value, arrays)


def _pack_container(value: Any, arrays: list[np.ndarray[Any, Any]]) -> Any:
    if isinstance(value, list):
        return [_pack(inner, arrays) for inner in value]
    if isinstance(value, tuple):
        return {"$tuple": [_pack(inner, arrays) for inner in value]}
    if isinstance(value, Mapping):
        if all(isinstance(key, str) and not key.startswith("$") for key in value):
            return {key: _pack(inner, arrays) for key, inner in value.items()}
        return {"$pairs": [[_pack(key, arrays), _pack(inner, arrays)] for key, inner in value.items()]}
    return getattr(value, "__qualname__", None) or repr(value)


def _unpack(value: Any, array: Callable[[int], Any]) -> Any:
    if isinstance(value, list):
        return [_unpack(inner, array) for inner in value]
    if not isinstance(value, dict):
        return value
    if "$array" in value:
        return array(value["$array"])
    if "$tuple" in value:
        return tuple(_unpack(inner, array) for inner in value["$tuple"])
    if "$float" in value:
        return float(value["$float"])
    if "$pairs" in value:
        return {_unpack(key, array): _unpack(inner, array) for key, inner in value["$pairs"]}
    if "$is" in value:
        fields = {key: _unpack(inner, array) for key, inner in value["fields"].items()}
        return _RECORDS[value["$is"]](**fields)
    return {key: _unpack(inner, array) for key, inner in value.items()}
