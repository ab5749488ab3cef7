# ruff: noqa: E501 - one case a line
"""What-if edits: data that survives JSON, applied without touching the instance, in the form it came."""

from __future__ import annotations

import copy
import itertools
import json

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from jupyter_xai.errors import InputError
from jupyter_xai.explanation import Columns, Pixels, Steps, Tokens
from jupyter_xai.whatif import apply, check
from jupyter_xai.whatif.edits import ADJUSTMENTS, FIELDS
from jupyter_xai.whatif.strokes import stroke_mask

REVIEW = Tokens(text="A dull, dull film. 🙂", offsets=((0, 1), (2, 6), (8, 12), (13, 17)))
ROW = Columns(
    names=("age", "job", "owner", "home"),
    values=(24, "smith", True, (1, 0)),
    kinds=("number", "category", "boolean", "group"),
    members=((0,), (1,), (2,), (3, 4)),
    categories=(None, ("smith", "clerk"), (False, True), None),
)
PHOTO = np.random.default_rng(0).integers(0, 256, (8, 12, 3), dtype=np.uint8)
LABELS = np.repeat(np.repeat(np.arange(6).reshape(2, 3), 4, axis=0), 4, axis=1).astype(np.int32)
PICTURE = Pixels(image=PHOTO, labels=LABELS)


def strike(*positions):
    return {"op": "strike", "positions": list(positions)}


def setting(feature, value):
    return {"op": "set", "feature": feature, "value": value}


EDITS = [
    setting("age", 31),
    setting("age", None),
    setting("home", [0, 1]),
    strike(0, 2),
    {"op": "restore", "positions": [0]},
    {"op": "replace", "position": 1, "text": "fine"},
    {"op": "insert", "position": 4, "text": "<b>"},
    {"op": "hide", "pieces": [0, 5]},
    {"op": "show", "pieces": [5]},
    {"op": "occlude", "box": [1, 2, 5, 6]},
    {"op": "brush", "points": [[1, 2], [5.5, 6]], "width": 2.5},
    *({"op": "adjust", "kind": kind, "amount": 0.5} for kind in ADJUSTMENTS),
]


@pytest.mark.parametrize("edit", EDITS, ids=lambda e: e["op"])
def test_edits_survive_json(edit):
    assert check(edit) == edit == json.loads(json.dumps(check(edit)))


def test_numpy_becomes_plain():
    edits = [
        check({"op": "hide", "pieces": np.array([1, 2])}),
        check(setting("age", np.float32(2))),
        check(setting("age", np.nan)),
    ]
    assert json.loads(json.dumps(edits)) == [
        {"op": "hide", "pieces": [1, 2]},
        setting("age", 2.0),
        setting("age", None),
    ]


def test_every_operation_is_tried():
    assert {edit["op"] for edit in EDITS} == set(FIELDS)


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        ("strike", "An edit is a dict with an op, got str."),
        (
            {},
            "op=None is not an edit: expected one of set, strike, restore, replace, insert, hide, show, occlude, brush, adjust.",
        ),
        ({"op": "strike"}, "The edit strike has no positions: expected op, positions."),
        (
            {"op": "hide", "pieces": [1], "fill": 0},
            "The edit hide has an unknown field 'fill': expected op, pieces.",
        ),
        (
            {"op": "strike", "positions": 3},
            "The edit strike has positions=3: expected a list of whole numbers.",
        ),
        ({"op": "strike", "positions": [1.5]}, "positions=1.5: expected a whole number from 0."),
        ({"op": "strike", "positions": [-1]}, "positions=-1: expected a whole number from 0."),
        ({"op": "strike", "positions": [True]}, "positions=True: expected a whole number"),
        ({"op": "insert", "position": 1, "text": 3}, "text=3: expected text."),
        (
            {"op": "occlude", "box": [5, 0, 5, 9]},
            "expected left, top, right, bottom with left < right and top < bottom.",
        ),
        ({"op": "brush", "points": [[1, 2]]}, "The edit brush has no width: expected op, points, width."),
        ({"op": "brush", "points": [[1, 2]], "width": 0}, "width=0: expected a width in pixels above 0."),
        (
            {"op": "brush", "points": [], "width": 3},
            "points=[]: expected one or more points [x, y] in pixels.",
        ),
        ({"op": "brush", "points": [[1, 2, 3]], "width": 3}, "expected one or more points [x, y] in pixels."),
        ({"op": "brush", "points": [1, 2], "width": 3}, "expected one or more points [x, y] in pixels."),
        ({"op": "brush", "points": "12", "width": 3}, "expected one or more points [x, y] in pixels."),
        ({"op": "brush", "points": [[1, None]], "width": 3}, "expected a finite number."),
        (
            {"op": "adjust", "kind": "sharpen", "amount": 1},
            "expected one of blur, noise, brightness, contrast, rotation.",
        ),
        ({"op": "adjust", "kind": "blur", "amount": "2"}, "amount='2': expected a finite number."),
        ({"op": "adjust", "kind": "blur", "amount": float("nan")}, "expected a finite number."),
        (setting("age", {1: 2}), "expected a number, text, True, False or None."),
        (setting("age", float("inf")), "expected a finite number."),
        (setting(3, 1), "feature=3: expected text."),
    ],
)
def test_malformed_edits(edit, message):
    with pytest.raises(InputError) as caught:
        check(edit)
    assert message in str(caught.value)


def insert(position, text):
    return {"op": "insert", "position": position, "text": text}


# --- text -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("edits", "text"),
    [
        ([], "A dull, dull film. 🙂"),
        ([strike(1)], "A , dull film. 🙂"),
        ([strike(1, 3)], "A , dull . 🙂"),
        ([strike(1, 3), {"op": "restore", "positions": [1]}], "A dull, dull . 🙂"),
        ([{"op": "replace", "position": 2, "text": "fine"}], "A dull, fine film. 🙂"),
        ([{"op": "replace", "position": 2, "text": "fine"}, strike(2)], "A dull,  film. 🙂"),
        ([{"op": "replace", "position": 2, "text": "fine"}, {"op": "restore", "positions": [2]}], "A dull, dull film. 🙂"),
        ([{"op": "insert", "position": 1, "text": "not"}, strike(0)], " not dull, dull film. 🙂"),
        ([{"op": "insert", "position": 4, "text": "noir"}], "A dull, dull film noir. 🙂"),
        ([insert(1, "not"), insert(4, "noir"), strike(5)], "A not dull, dull film . 🙂"),
        ([insert(1, "not"), insert(4, "noir"), strike(4, 5), {"op": "restore", "positions": [4]}], "A not dull, dull film . 🙂"),
        ([insert(1, "not"), insert(4, "noir"), {"op": "replace", "position": 4, "text": "so"}], "A so dull, dull film noir. 🙂"),
        ([insert(1, "not"), {"op": "replace", "position": 4, "text": "so"}, {"op": "restore", "positions": [4]}], "A not dull, dull film. 🙂"),
    ],
)  # fmt: skip
def test_texts(edits, text):
    assert apply(REVIEW, REVIEW.text, edits) == text


@pytest.mark.parametrize(
    ("edits", "message"),
    [
        ([strike(4)], "The edit strike names position 4: the text has 4 words, at 0 to 3."),
        ([insert(1, "not"), strike(5)], "names position 5: the text has 4 words, at 0 to 3, and what was inserted up to 4."),
        ([{"op": "insert", "position": 5, "text": "x"}], "names position 5: the text has 4 words, at 0 to 3, and 4 is behind the last."),
        ([setting("age", 3)], "The edit set does not apply to a text: expected one of strike, restore, replace, insert."),
    ],
)  # fmt: skip
def test_bad_edits_of_texts(edits, message):
    with pytest.raises(InputError) as caught:
        apply(REVIEW, REVIEW.text, edits)
    assert message in str(caught.value)


def test_nothing_left_of_a_text():
    with pytest.raises(InputError, match=r"All words are struck: .* Restore at least one"):
        apply(Tokens(text="dull", offsets=((0, 4),)), "dull", [strike(0)])


# --- tables ---------------------------------------------------------------------------------------------------------

CELLS = [24, "smith", True, 1, 0]
KEYS = ["age", "job", "owner", "rent", "own"]
FRAME = pd.DataFrame({"age": [24], "job": pd.Categorical(["smith"], ["smith", "clerk"]), "owner": [True], "rent": [1], "own": [0]})  # fmt: skip


@pytest.mark.parametrize(
    "row",
    [
        CELLS,
        tuple(CELLS),
        [CELLS],
        dict(zip(KEYS, CELLS, strict=True)),
        pd.Series(CELLS, index=KEYS),
        FRAME,
        np.array(CELLS, dtype=object),
        np.array([CELLS], dtype=object),
    ],
    ids=lambda r: type(r).__name__,
)
def test_rows_keep_their_form(row):
    before = copy.deepcopy(row)
    changed = apply(ROW, row, [setting("age", 31), setting("job", "clerk"), setting("owner", False), setting("home", [0, 1])])  # fmt: skip
    assert type(changed) is type(row)
    assert np.shape(changed) == np.shape(row)
    cells = (
        list(changed.values())
        if isinstance(changed, dict)
        else np.asarray(changed, dtype=object).ravel().tolist()
    )
    assert cells == [31, "clerk", False, 0, 1]
    assert str(row) == str(before)


def test_frames_keep_their_types():
    changed = apply(ROW, FRAME, [setting("age", 31), setting("job", "clerk")])
    assert changed.dtypes.to_list() == FRAME.dtypes.to_list()
    assert apply(ROW, FRAME, [setting("age", 31.5)])["age"].tolist() == [31.5]
    assert apply(ROW, FRAME, [setting("age", None)])["age"].isna().all()
    assert apply(ROW, FRAME, [setting("job", None)])["job"].isna().all()
    assert apply(ROW, FRAME, [setting("job", None)])["job"].dtype == FRAME["job"].dtype


def test_arrays_keep_their_type_if_it_holds_the_value():
    row = Columns(names=("a", "b"), values=(1, 2), kinds=("number",) * 2, members=((0,), (1,)))
    whole = np.array([1, 2])
    assert apply(row, whole, [setting("a", 5)]).dtype == whole.dtype
    np.testing.assert_array_equal(apply(row, whole, [setting("a", 5.5)]), [5.5, 2])
    np.testing.assert_array_equal(apply(row, whole, [setting("a", None)]), [np.nan, 2])
    small = np.array([1, 2], dtype=np.float32)
    assert apply(row, small, [setting("a", 0.1)]).dtype == np.float32
    series = pd.Series([1.0, 2.0], index=["a", "b"])
    assert apply(row, series, [setting("a", None)]).isna().tolist() == [True, False]
    tensor = torch.ones(2)
    assert apply(row, tensor, [setting("b", 3)]).tolist() == [1, 3]
    assert tensor.tolist() == [1, 1]


def test_text_arrays_do_not_cut():
    row = Columns(
        names=("a",), values=("x",), kinds=("category",), members=((0,),), categories=(("x", "longer"),)
    )
    assert apply(row, np.array(["x"]), [setting("a", "longer")]).tolist() == ["longer"]


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (setting("agee", 3), "There is no feature 'agee' to set: expected one of age, job, owner, home."),
        (
            setting("job", "baker"),
            "job='baker' is not a value of this column: expected one of 'smith', 'clerk'.",
        ),
        (setting("age", "old"), "age='old' does not work: expected a number, or None for missing."),
        (setting("age", True), "age=True does not work: expected a number"),
        (setting("home", 1), "home=1 does not work: home is a group of 2 columns. Pass a list of that many."),
        (setting("age", [1]), "age=[1] does not work: age is one column. Pass one value."),
        (strike(0), "The edit strike does not apply to a row of a table: expected one of set."),
    ],
)
def test_bad_edits_of_rows(edit, message):
    with pytest.raises(InputError) as caught:
        apply(ROW, CELLS, [edit])
    assert message in str(caught.value)


# --- images ---------------------------------------------------------------------------------------------------------

FORMS = {
    "HWC bytes": PHOTO,
    "HWC floats": PHOTO / 255,
    "NHWC": PHOTO[None],
    "CHW": np.ascontiguousarray(np.moveaxis(PHOTO, -1, 0)),
    "HW": PHOTO[:, :, 0],
    "tensor": torch.from_numpy(np.ascontiguousarray(np.moveaxis(PHOTO, -1, 0)) / 255).float(),
    "NCHW tensor": torch.from_numpy(np.ascontiguousarray(np.moveaxis(PHOTO, -1, 0))[None] / 255).half(),
    "PIL": Image.fromarray(PHOTO),
    "RGBA": np.concatenate([PHOTO, np.full((8, 12, 1), 255, np.uint8)], axis=2),
}


def plain(image):
    return np.array(image.float().numpy() if isinstance(image, torch.Tensor) else image)


@pytest.mark.parametrize("name", FORMS)
@pytest.mark.parametrize(
    "edit", [e for e in EDITS if e["op"] in {"hide", "occlude", "brush", "adjust"}], ids=str
)
def test_images_keep_their_form(name, edit):
    image = FORMS[name]
    before = plain(image)
    changed = apply(PICTURE, image, [edit])
    assert type(changed) is type(image)
    after = plain(changed)
    assert (after.shape, after.dtype) == (before.shape, before.dtype)
    if isinstance(image, torch.Tensor):
        assert (changed.dtype, changed.device) == (image.dtype, image.device)
    assert not np.array_equal(after, before) or edit.get("kind") == "rotation"
    assert after.min() >= 0
    assert after.max() <= (255 if before.max() > 1 else 1)
    np.testing.assert_array_equal(plain(image), before)
    np.testing.assert_array_equal(plain(apply(PICTURE, image, [edit])), after)
    if name == "RGBA":
        assert (after[:, :, 3] == 255).all()


def test_a_hidden_piece_takes_its_own_mean_and_nothing_else_changes():
    changed = apply(PICTURE, PHOTO / 255, [{"op": "hide", "pieces": [1, 4]}])
    for piece in range(6):
        part = piece == LABELS
        expected = (PHOTO[part] / 255).mean(axis=0) if piece in {1, 4} else PHOTO[part] / 255
        np.testing.assert_allclose(changed[part], np.broadcast_to(expected, (part.sum(), 3)))


@pytest.mark.parametrize("fill", [0, 255, [10, 20, 30], "blur", "mean", np.full_like(PHOTO, 7)])
def test_fills(fill):
    changed = apply(PICTURE, PHOTO, [{"op": "occlude", "box": [2, 1, 6, 5]}], fill=fill)
    box = np.zeros((8, 12), bool)
    box[1:5, 2:6] = True
    np.testing.assert_array_equal(changed[~box], PHOTO[~box])
    if not isinstance(fill, str):
        expected = np.broadcast_to(np.asarray(fill), PHOTO.shape)[box]
        np.testing.assert_array_equal(changed[box], expected)
    else:
        assert not np.array_equal(changed[box], PHOTO[box])


@pytest.mark.parametrize("seed", range(4))
def test_a_stroke_covers_what_is_near_its_line(seed):
    """Against distances measured at many places along the line."""
    rng = np.random.default_rng(seed)
    points = rng.uniform(-4, 24, size=(rng.integers(1, 6), 2))
    width = rng.uniform(1, 12)
    mask = stroke_mask(points.tolist(), width, (15, 20))
    share = np.linspace(0, 1, 2000)[:, None]
    places = np.concatenate([points[:1], *(a + share * (b - a) for a, b in itertools.pairwise(points))])
    y, x = np.mgrid[:15, :20] + 0.5
    nearest = np.min(np.hypot(x[..., None] - places[:, 0], y[..., None] - places[:, 1]), axis=-1)
    unsure = np.abs(nearest - width / 2) < 0.01
    np.testing.assert_array_equal(mask[~unsure], (nearest <= width / 2)[~unsure])


def test_a_brushed_image_changes_under_the_stroke_only():
    stroke = {"op": "brush", "points": [[1, 1], [10, 6]], "width": 3}
    changed = apply(PICTURE, PHOTO, [stroke], fill=[1, 2, 3])
    mask = stroke_mask(stroke["points"], 3, (8, 12))
    assert 0 < mask.sum() < mask.size
    np.testing.assert_array_equal(changed[~mask], PHOTO[~mask])
    assert (changed[mask] == [1, 2, 3]).all()
    # on top of what is hidden and boxed, in an image that was adjusted first
    log = [{"op": "hide", "pieces": [5]}, stroke, {"op": "occlude", "box": [0, 0, 2, 8]}]
    adjusted = apply(PICTURE, PHOTO, [{"op": "adjust", "kind": "brightness", "amount": 0.1}])
    together = apply(PICTURE, PHOTO, [*log, {"op": "adjust", "kind": "brightness", "amount": 0.1}], fill=7)
    covered = mask | (LABELS == 5)
    covered[:, :2] = True
    np.testing.assert_array_equal(together, np.where(covered[..., None], 7, adjusted))


def test_a_smaller_picture_than_the_image():
    large = np.repeat(np.repeat(PHOTO, 3, axis=0), 3, axis=1)
    changed = apply(PICTURE, large, [{"op": "hide", "pieces": [0]}], fill=0)
    assert (changed[:12, :12] == 0).all()
    np.testing.assert_array_equal(changed[12:], large[12:])


def test_adjustments_do_what_they_say():
    grey = np.full((9, 9, 3), 0.5)
    grey[4, 4] = 1.0
    picture = Pixels(image=np.zeros((9, 9, 3), np.uint8))

    def adjusted(kind, amount):
        return apply(picture, grey, [{"op": "adjust", "kind": kind, "amount": amount}])

    assert adjusted("brightness", 0.2)[0, 0, 0] == pytest.approx(0.7)
    assert adjusted("contrast", -1).std() == pytest.approx(0)
    assert adjusted("blur", 1.0)[4, 4, 0] < 0.7
    assert adjusted("blur", 1.0)[4, 3, 0] > 0.5
    assert adjusted("blur", 0) == pytest.approx(grey)
    assert 0.05 < adjusted("noise", 0.1).std() < 0.15
    corner = np.zeros((9, 9, 3))
    corner[0, 8] = 1  # top right turns to top left
    turned = apply(picture, corner, [{"op": "adjust", "kind": "rotation", "amount": 90}])
    assert turned[0, 0] == pytest.approx(1)


@pytest.mark.parametrize(
    ("layout", "edit", "fill", "message"),
    [
        (PICTURE, {"op": "hide", "pieces": [6]}, None, "There is no piece 6 to hide: the picture has 6, 0 to 5."),
        (Pixels(image=PHOTO), {"op": "hide", "pieces": [0]}, None, "not cut into pieces, so none can be hidden. Use occlude"),
        (PICTURE, {"op": "occlude", "box": [12, 0, 14, 2]}, None, "lies outside the picture of 12×8 pixels."),
        (PICTURE, {"op": "brush", "points": [[40, 4]], "width": 5}, None, "The stroke covers no pixel of the picture of 12×8 pixels."),
        (PICTURE, {"op": "hide", "pieces": [0]}, "pink", "fill='pink' does not work here: expected \"mean\", \"blur\""),
        (Steps(values=np.ones((3, 1)), channel_names=("a",)), {"op": "hide", "pieces": [0]}, None, "does not apply to a series"),
    ],
)  # fmt: skip
def test_bad_edits_of_images(layout, edit, fill, message):
    with pytest.raises(InputError) as caught:
        apply(layout, PHOTO, [edit], fill)
    assert message in str(caught.value)
