from __future__ import annotations

import dataclasses
import json
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest

from jupyter_xai.errors import InputError
from jupyter_xai.explanation import Columns, Explanation
from tests.golden.samples import EVERY, credit


def same(a, b) -> bool:
    if dataclasses.is_dataclass(a):
        return type(a) is type(b) and all(
            same(getattr(a, f.name), getattr(b, f.name)) for f in dataclasses.fields(a)
        )
    if isinstance(a, np.ndarray):
        return (
            isinstance(b, np.ndarray)
            and a.dtype == b.dtype
            and np.array_equal(a, b, equal_nan=a.dtype.kind == "f")
        )
    if isinstance(a, tuple | list):
        return type(a) is type(b) and len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    return (a == b and type(a) is type(b)) or (a != a and b != b)


PLAIN = {
    **EVERY,
    "table": lambda: dataclasses.replace(credit(), params={"n_samples": 3000, "grid": np.arange(3)}),
}
PLAIN["function"] = lambda: dataclasses.replace(
    EVERY["function"](), params={"sizes": (3, 3), 5: float("-inf")}
)


@pytest.mark.parametrize("name", PLAIN)
def test_saving_and_loading_gives_the_same(name: str, tmp_path: Path) -> None:
    explanation = PLAIN[name]()
    explanation.save(tmp_path / "result.xai")
    assert same(Explanation.load(tmp_path / "result.xai"), explanation)
    assert [path.name for path in tmp_path.iterdir()] == ["result.xai"]


@pytest.mark.parametrize("name", PLAIN)
def test_pickles(name: str) -> None:
    explanation = PLAIN[name]()
    assert same(pickle.loads(pickle.dumps(explanation)), explanation)


def test_what_cannot_be_kept_is_kept_in_words(tmp_path: Path) -> None:
    explanation = EVERY["function"]()
    explanation.save(str(tmp_path / "a"))
    assert Explanation.load(str(tmp_path / "a")).params == {
        "fill": "len",
        "sizes": (3, 3),
        "tolerance": float("inf"),
    }


def test_values_of_every_plain_type(tmp_path: Path) -> None:
    values = (None, float("nan"), True, -3, 0.1, "é\ud800", (1, (2, None)), np.float32(0.5))
    row = Columns(
        names=tuple("abcdefgh"),
        values=values,
        kinds=("number",) * 8,
        members=tuple((i,) for i in range(8)),
        categories=((None, "x"),) * 8,
        ranges=((0.0, 1.0),) * 8,
    )
    Explanation(values=np.zeros((1, 8)), features=row, output_names=("y",), predictions=np.zeros(1)).save(
        tmp_path / "a"
    )
    back = Explanation.load(tmp_path / "a").features
    assert same(back.values[:-1], values[:-1])
    assert back.values[-1] == 0.5
    assert back.categories == row.categories


def test_no_pickle_goes_in_or_comes_out(tmp_path: Path) -> None:
    row = credit()
    objects = np.array([{"a": 1}], dtype=object)
    dataclasses.replace(row, params={"thing": objects}).save(tmp_path / "a")
    assert isinstance(Explanation.load(tmp_path / "a").params["thing"], str)
    with zipfile.ZipFile(tmp_path / "a") as archive, zipfile.ZipFile(tmp_path / "b", "w") as bad:
        for name in archive.namelist():
            data = archive.read(name)
            if name == "0.npy":
                np.save(tmp_path / "evil.npy", objects, allow_pickle=True)
                data = (tmp_path / "evil.npy").read_bytes()
            bad.writestr(name, data)
    with pytest.raises(InputError, match="b is not a saved explanation"):
        Explanation.load(tmp_path / "b")


def rewrite(path: Path, **header: object) -> None:
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    changed = json.loads(members["explanation.json"]) | header
    members["explanation.json"] = json.dumps(changed).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ({"version": 99}, "newer jupyter_xai"),
        ({"format": "other"}, "not a saved explanation"),
        ({"explanation": {"$is": "unknown", "fields": {}}}, "not a saved explanation"),
        (
            {"explanation": {"$is": "curve", "fields": {"kind": "x", "feature": 1, "x": 1, "y": 1}}},
            "not a saved",
        ),
        ({"explanation": {"$array": 77}}, "not a saved explanation"),
        ({"explanation": 3}, "not a saved explanation"),
    ],
)
def test_files_of_others(header: dict, message: str, tmp_path: Path) -> None:
    credit().save(tmp_path / "a.xai")
    rewrite(tmp_path / "a.xai", **header)
    with pytest.raises(InputError, match=message):
        Explanation.load(tmp_path / "a.xai")


@pytest.mark.parametrize("content", [b"", b"not a zip", b"PK\x03\x04 cut off"])
def test_files_that_are_no_archive(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(content)
    with pytest.raises(InputError, match="a is not a saved explanation"):
        Explanation.load(tmp_path / "a")


def test_a_missing_file_is_said_by_python(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Explanation.load(tmp_path / "nowhere")


def test_a_failed_save_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    credit().save(tmp_path / "a")
    before = (tmp_path / "a").read_bytes()

    def full(*args, **kwargs):
        raise OSError("no space left")

    monkeypatch.setattr("jupyter_xai.explanation.archive.npy.write_array", full)
    with pytest.raises(OSError, match="no space"):
        credit().save(tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
