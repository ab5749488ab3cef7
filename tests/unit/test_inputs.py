# ruff: noqa: E501 - one case a line
"""What x is taken for; each ambiguous, empty or odd input by itself."""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from scipy.sparse import csr_matrix

from jupyter_xai.errors import InputError
from jupyter_xai.inputs import recognise

PHOTO = np.random.default_rng(0).integers(0, 256, (12, 16, 3), dtype=np.uint8)
IMAGES = SimpleNamespace(kind="image")
ROWS = SimpleNamespace(kind="table")
TEXTS = SimpleNamespace(kind="text")


@pytest.mark.parametrize(
    ("x", "kind", "took"),
    [
        ("A dull film.", "text", "a text of 12 characters"),
        (np.str_("dull"), "text", "a text of 4 characters"),
        ([1.0, 2.0, 3.0], "table", "a row of a table with 3 columns"),
        ((1, "a"), "table", "a row of a table with 2 columns"),
        ([[1, 2, 3]], "table", "a row of a table with 3 columns"),
        (np.arange(5), "table", "a row of a table with 5 columns"),
        (np.array(["a", 1], dtype=object), "table", "a row of a table with 2 columns"),
        (np.ones((1, 4)), "table", "a row of a table with 4 columns"),
        (torch.ones(3), "table", "a row of a table with 3 columns"),
        (torch.ones(1, 3), "table", "a row of a table with 3 columns"),
        ({"age": 3}, "table", "a row of a table with 1 column"),
        (OrderedDict(age=3, job="a"), "table", "a row of a table with 2 columns"),
        (pd.Series({"age": 3, "job": "a"}), "table", "a row of a table with 2 columns"),
        (pd.DataFrame({"age": [3], "job": ["a"]}), "table", "a row of a table with 2 columns"),
        (PHOTO, "image", "an image, 16×12 RGB, channels last, values 0–255 (uint8)"),
        (PHOTO[None], "image", "an image, 16×12 RGB, channels last, values 0–255 (uint8)"),
        (PHOTO / 255, "image", "an image, 16×12 RGB, channels last, values 0–1 (float64)"),
        (np.moveaxis(PHOTO, -1, 0), "image", "an image, 16×12 RGB, channels first, values 0–255 (uint8)"),
        (PHOTO[:, :, 0], "image", "an image, 16×12 grey, values 0–255 (uint8)"),
        (PHOTO[None, :, :, 0], "image", "an image, 16×12 grey, channels first, values 0–255 (uint8)"),
        (Image.fromarray(PHOTO), "image", "an image, 16×12 RGB, channels last, values 0–255 (uint8)"),
        (Image.fromarray(PHOTO).convert("L"), "image", "an image, 16×12 grey, values 0–255 (uint8)"),
        (torch.rand(3, 12, 16), "image", "an image, 16×12 RGB, channels first, values 0–1 (float32)"),
        (torch.zeros(1, 5, 12, 16), "image", "an image, 16×12 5 channels, channels first, values 0–1 (float32)"),
    ],
)  # fmt: skip
def test_what_it_took(x, kind, took):
    found = recognise(x)
    assert found.kind == kind
    assert found.took == f"Took the input for {took}."
    assert (found.form is not None) == (kind == "image")
    assert found.article == ("an" if kind == "image" else "a")


def test_the_instance_is_handed_on_as_it_is():
    for x in ("text", PHOTO, {"age": 3}, pd.Series({"age": 3})):
        assert recognise(x).instance is x
    assert isinstance(recognise(torch.ones(3)).instance, np.ndarray)


@pytest.mark.parametrize(
    ("x", "hints", "kind"),
    [
        (np.ones((20, 30)), {"masker": IMAGES}, "image"),
        (PHOTO[:1, :, 0], {}, "table"),
        (PHOTO[:1, :, 0], {"masker": IMAGES}, "image"),
        (["red", "large"], {"background": [["red", "large"]]}, "table"),
        (np.ones((1, 3)), {"background": np.ones((5, 3))}, "table"),
        ([1, 2], {"masker": ROWS}, "table"),
    ],
)
def test_masker_and_background_decide(x, hints, kind):
    assert recognise(x, **hints).kind == kind


@pytest.mark.parametrize(
    ("x", "hints", "message"),
    [
        (None, {}, "Nothing to explain: the input is None. Pass one text, one row or one image."),
        ("", {}, "Nothing to explain: the text is empty. Pass a text with at least one word."),
        (" \n\t", {}, "Nothing to explain: the text is empty."),
        ([], {}, "Nothing to explain: the input has shape (0,)."),
        ({}, {}, "Nothing to explain: the row has 0 columns."),
        (np.ones((0, 5)), {}, "Nothing to explain: the input has shape (0, 5)."),
        (np.ones((0, 5)), {"masker": ROWS}, "Nothing to explain: the input has 0 rows. Pass one row."),
        (pd.DataFrame({"a": []}), {}, "Nothing to explain: the input has 0 rows. Pass one row."),
        (pd.DataFrame({"a": [1, 2]}), {}, "The input has 2 rows; one is explained at a time. Pass one, for example x.iloc[[0]]"),
        (np.ones((5, 3)), {"background": np.ones((9, 3))}, "The input has 5 rows; one is explained at a time. Pass one, for example x[0]"),
        (np.ones((5, 3)), {"model": SimpleNamespace(n_features_in_=3)}, "The input has 5 rows"),
        (np.array([["a", "b"], ["c", "d"]]), {}, "The input has 2 rows"),
        (np.ones((20, 30)), {}, "An array of shape (20, 30) may be 20 rows of a table (or a series) or a 30×20 grey image. Pass one row, for example x[0], or masker=xai.Image()."),
        (np.ones((4, 4), np.uint8), {}, "may be 4 rows of a table"),
        (torch.ones(20, 30), {}, "may be 20 rows of a table"),
        (["a film", "a play"], {}, "The input is a list of 2 str: it may be texts, of which one is explained at a time (pass x[0]), or a row of a table (pass background= as well)."),
        (b"text", {}, 'The input is bytes; expected a str. Decode it first, for example x.decode("utf-8").'),
        (Path("cat.jpg"), {}, "The input is a path; expected what is in the file. Open it first."),
        (csr_matrix(np.eye(3)), {}, "The input has 3 rows; one is explained at a time. Pass one, for example x[0]"),
        (3.5, {}, "The input is a float, which has no parts to explain; expected a str for text"),
        (object(), {}, "The input is an object; expected a str for text; a row, Series, dict or 1-row DataFrame"),
        ({1, 2}, {}, "The input is a set, which has no order; expected a str for text"),
        (iter([1]), {}, "The input is a list_iterator, which has no order"),
        ([np.ones(2), np.ones(3)], {}, "The input is a list of parts with different lengths;"),
        ("text", {"masker": IMAGES}, "The masker is for images, but the input is text. Pass masker=xai.Text()."),
        ("text", {"masker": ROWS}, "The masker is for rows of a table, but the input is text."),
        ([1, 2], {"masker": TEXTS}, "The masker is for text, but the input is a list: pass one str."),
        (PHOTO, {"background": np.ones((5, 3))}, "A row of a table is expected beside a background, but the input has shape (12, 16, 3)."),
        (np.repeat(PHOTO[None], 4, axis=0), {}, "Got 4 images (shape (4, 12, 16, 3)); one is explained at a time. Pass one of them, for example x[0]."),
        (np.ones((3, 40, 3)), {}, "An array of shape (3, 40, 3) may be a 40×3 image with 3 channels last, or a 3×40 image with 3 channels first. Pass PIL.Image.fromarray(x) for the former, torch.from_numpy(x) for the latter."),
        (np.ones((9, 40, 7)), {}, "An image array has 1, 3 or 4 channels on its first or last axis; got shape (9, 40, 7)."),
        (np.ones((2, 2, 2, 2, 2)), {}, "An image has 2 or 3 axes and at most a batch axis of 1; got shape (2, 2, 2, 2, 2)."),
        (PHOTO[:1, :1], {}, "Nothing to cut: the image is 1×1 pixel. Pass an image of at least 2 pixels."),
        (PHOTO[:0], {}, "Nothing to explain: the input has shape (0, 16, 3)."),
        (np.where(PHOTO > 250, np.nan, PHOTO), {}, "values that are NaN or infinite; every pixel must be a number."),
        (np.array([["a"]], dtype=object), {"masker": IMAGES}, "An image holds numbers; got ndarray of object."),
    ],
)  # fmt: skip
def test_bad_inputs(x, hints, message):
    with pytest.raises(InputError) as caught:
        recognise(x, **hints)
    assert message in str(caught.value)
