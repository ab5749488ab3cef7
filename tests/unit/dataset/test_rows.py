"""Rows in every container people have them in, cut alike."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

from jupyter_xai.dataset._rows import chunks, listed, total
from jupyter_xai.errors import InputError

X = np.arange(50.0).reshape(25, 2)
Y = torch.arange(25)


def forms(tmp_path):
    np.save(tmp_path / "x.npy", X)
    tensors = torch.utils.data.TensorDataset(torch.from_numpy(X), Y)
    return {
        "array": X,
        "frame": pd.DataFrame(X, columns=["a", "b"]),
        "list": list(X),
        "memory map": np.load(tmp_path / "x.npy", mmap_mode="r"),
        "tensor": torch.from_numpy(X),
        "generator of rows": (row for row in X),
        "generator of batches": (X[i : i + 10] for i in range(0, 25, 10)),
        "generator of frames": (pd.DataFrame(X[i : i + 7], columns=["a", "b"]) for i in range(0, 25, 7)),
        "loader": torch.utils.data.DataLoader(tensors, batch_size=4),
        "loader of rows alone": torch.utils.data.DataLoader(torch.from_numpy(X), batch_size=6),
    }


@pytest.mark.parametrize("kind", ["table", None])
@pytest.mark.parametrize("form", range(10))
def test_same_chunks_whatever_the_container(tmp_path, form, kind):
    rows = list(forms(tmp_path).values())[form]
    found = list(chunks(rows, kind, 1, 8))
    assert [len(chunk) for chunk in found] == [1, 2, 4, 8, 8, 2]
    assert [chunk.start for chunk in found] == [0, 1, 3, 7, 15, 23]
    values = np.concatenate([np.stack([np.asarray(row).ravel() for row in listed(c.rows)]) for c in found])
    np.testing.assert_array_equal(values, X)


def test_texts_and_images():
    texts = [f"text {i}" for i in range(5)]
    for rows in (texts, iter(texts), iter([texts[:3], texts[3:]]), np.array(texts)):
        found = list(chunks(rows, "text", 1, 2))
        assert [row for chunk in found for row in listed(chunk.rows)] == texts
    images = np.zeros((5, 4, 4, 3))
    for rows in (images, iter(images), iter([images[:3], images[3:]])):
        assert [len(chunk) for chunk in chunks(rows, "image", 2, 2)] == [2, 2, 1]


def test_total(tmp_path):
    known = {name: total(rows) for name, rows in forms(tmp_path).items()}
    assert known == dict.fromkeys(known, 25) | {name: None for name in known if name.startswith("generator")}
    assert total([X[:5], X[5:]]) is None
    assert total([pd.DataFrame(X[:5]), pd.DataFrame(X[5:])]) == 25


@pytest.mark.parametrize("rows", ["a text", {"a": 1}, 3, [], X[:0], X[0]])
def test_what_is_no_rows_is_said(rows):
    with pytest.raises(InputError, match="expected"):
        list(chunks(rows, "table", 1, 8))


def test_a_generator_is_read_no_further_than_needed():
    taken = []

    def rows():
        for row in X:
            taken.append(1)
            yield row

    cut = chunks(rows(), "table", 1, 4)
    next(cut)
    assert len(taken) == 1
    next(cut)
    assert len(taken) == 3
