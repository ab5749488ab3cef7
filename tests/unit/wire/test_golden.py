"""The golden files are what the encoder writes today; the JavaScript tests read the same files."""

from __future__ import annotations

import base64
import io
import json
import zlib
from pathlib import Path

import numpy as np
import pytest

from tests.golden.make import HERE, overview, render, strokes
from tests.golden.overviews import OVERVIEWS
from tests.golden.samples import EVERY


def unpack(value, key=""):
    """Base64 leaves become bytes; what a library compressed becomes what it holds."""
    if isinstance(value, list):
        return [unpack(inner) for inner in value]
    if not isinstance(value, dict):
        return value
    if set(value) != {"$b64"}:
        return {name: unpack(inner, name) for name, inner in value.items()}
    data = base64.b64decode(value["$b64"])
    if key == "labels":
        return zlib.decompress(data)
    if key == "image":
        from PIL import Image

        small = Image.open(io.BytesIO(data)).convert("RGB").resize((16, 16))
        return (np.asarray(small) // 16).astype(int)  # another release of a codec may move a shade
    return data


def close(a, b) -> bool:
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(close(a[k], b[k]) for k in a)
    if isinstance(a, list):
        return len(a) == len(b) and all(map(close, a, b))
    if isinstance(a, np.ndarray):
        return a.shape == b.shape and bool((np.abs(a - b) <= 1).all())
    return a == b


@pytest.mark.parametrize("name", EVERY)
def test_files_are_what_the_encoder_writes(name: str) -> None:
    stored = (HERE / f"{name}.json").read_text(encoding="utf-8")
    assert close(unpack(json.loads(stored)), unpack(json.loads(render(name)))), (
        f"{name}.json is stale: run python tests/golden/make.py and look at the difference"
    )


def test_strokes_are_what_python_covers() -> None:
    stored = (HERE / "strokes" / "masks.json").read_text(encoding="utf-8")
    assert json.loads(stored) == json.loads(strokes())


@pytest.mark.parametrize("name", EVERY)
def test_files_are_small_and_the_same_twice(name: str) -> None:
    assert (HERE / f"{name}.json").stat().st_size < 60_000
    assert render(name) == render(name)


def test_no_file_is_left_over() -> None:
    assert {path.stem for path in Path(HERE).glob("*.json")} == set(EVERY)


@pytest.mark.parametrize("name", OVERVIEWS)
def test_files_of_many_rows_are_what_the_encoder_writes(name: str) -> None:
    path = HERE / "overviews" / f"{name}.json"
    assert json.loads(path.read_text(encoding="utf-8")) == json.loads(overview(name)), (
        f"{name}.json is stale: run python tests/golden/make.py and look at the difference"
    )
    assert path.stat().st_size < 60_000
    assert {each.stem for each in path.parent.glob("*.json")} == set(OVERVIEWS)
