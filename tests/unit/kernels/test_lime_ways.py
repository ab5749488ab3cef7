"""LIME finds what a model looks at, however a text is cut and struck and a picture cut and hidden."""

from __future__ import annotations

import re

import numpy as np
import pytest

from jupyter_xai import Image, Lime, Text

REVIEW = "A dull start, a good cast; a good end."
JAPANESE = "この映画は面白い"
HEBREW = "הסרט הזה טוב מאוד, אבל ארוך"


def word_offsets(text):
    return [match.span() for match in re.finditer(r"[a-z]+", text)]


TEXTS = {
    "words": (Text(), REVIEW, "dull"),
    "sentences": (Text("sentences"), "So dull. A good film! Who knows?", "A good film!"),
    "characters": (Text("characters"), "so fine", "f"),
    "regular expression": (Text(re.compile(r"[,;.]\s*")), REVIEW, "a good cast"),
    "function of offsets": (Text(word_offsets), REVIEW, "cast"),
    "function of tokens": (Text(str.split), REVIEW, "cast;"),
    "by position": (Text(), "good film", "good"),
    "grouped": (Text(group=True), REVIEW, "good"),
    "mask token": (Text(mask_token="[MASK]"), REVIEW, "dull"),
    "grouped with a mask token": (Text(group=True, mask_token="[MASK]"), REVIEW, "good"),
    "without spaces": (Text(), JAPANESE, "面"),
    "without spaces, by a splitter": (
        Text(lambda text: ["この", "映画", "は", "面白い"]),
        JAPANESE,
        "映画",
    ),
    "without spaces, by offsets": (Text(lambda text: [(0, 2), (2, 4), (4, 5), (5, 8)]), JAPANESE, "面白い"),
    "right to left": (Text(), HEBREW, "טוב"),
    "right to left, struck by a token": (Text(mask_token="[MASK]"), HEBREW, "ארוך"),
}


@pytest.mark.parametrize("way", TEXTS)
def test_every_way_to_cut_a_text_finds_the_unit(way):
    masker, text, planted = TEXTS[way]
    seen = set()

    def model(texts):
        seen.update(texts)
        return [float(planted in each) for each in texts]

    e = Lime(model, masker, n_samples=500, alpha=0, tolerance=0).explain(text)
    names = e.features.feature_names
    assert names.count(planted) == 1
    np.testing.assert_allclose(e.values[0], [float(name == planted) for name in names], atol=1e-6)
    assert (any("[MASK]" in each for each in seen)) == bool(masker.mask_token)
    assert text in seen


def test_equal_words_are_features_of_their_own_unless_they_are_grouped():
    def both(texts):
        return [float(each.count("good") == 2) for each in texts]

    settings = {"n_samples": 3000, "alpha": 0, "tolerance": 0}
    apart = Lime(both, Text(), **settings).explain("good film good")
    together = Lime(both, Text(group=True), **settings).explain("good film good")
    assert apart.features.feature_names == ("good", "film", "good")
    assert apart.values[0, 0] == pytest.approx(apart.values[0, 2])
    assert 0.2 < apart.values[0, 0] < 0.8  # each is needed, and neither is enough
    assert together.features.feature_names == ("good", "film")
    np.testing.assert_allclose(together.values[0], [1.0, 0.0], atol=1e-6)


# --- pictures -------------------------------------------------------------------------------------------------


def photo():
    from skimage.data import chelsea

    return chelsea()[80:144, 100:180]


def tiles(image):
    return np.arange(image.shape[0])[:, None] // 16 * 5 + np.arange(image.shape[1]) // 16


OTHERS = np.random.default_rng(0).integers(0, 256, (3, 64, 80, 3), dtype=np.uint8)
PICTURES = {
    "slic": Image("slic"),
    "quickshift": Image("quickshift"),
    "felzenszwalb": Image("felzenszwalb"),
    "grid": Image("grid"),
    "function": Image(tiles),
    "label map": Image(tiles(np.empty((64, 80))) * 7 - 3),
    "blur": Image("grid", fill="blur"),
    "number": Image("grid", fill=0),
    "colour": Image("grid", fill=(250, 0, 250)),
    "noise": Image("grid", fill="noise"),
    "background": Image("grid", fill="background", background=OTHERS),
}


@pytest.mark.parametrize("way", PICTURES)
def test_every_way_to_cut_and_hide_finds_the_piece(way):
    masker, picture = PICTURES[way], photo()
    labels = masker.bind(picture).layout.labels
    if way in ("function", "label map"):
        assert same_pieces(labels, tiles(picture))
    planted = int(labels[30, 40])
    inside = labels == planted

    def model(pictures):
        return [float((each == picture)[inside].all()) for each in np.asarray(pictures)]

    e = Lime(model, masker, n_samples=400, alpha=0, tolerance=0).explain(picture)
    expected = np.arange(labels.max() + 1) == planted
    np.testing.assert_allclose(e.values[0], expected.astype(float), atol=1e-6)


def same_pieces(one, other):
    pairs = np.unique(np.stack([one.ravel(), other.ravel()]), axis=1).shape[1]
    return pairs == len(np.unique(one)) == len(np.unique(other))


def test_names_are_those_of_scikit_image():
    from skimage import segmentation

    picture = photo()
    slic = segmentation.slic(picture, n_segments=30, start_label=0)
    size = 64 * 80 // (4 * 30)
    felzenszwalb = segmentation.felzenszwalb(picture, scale=4 * size, sigma=0.5, min_size=size)
    assert same_pieces(Image("slic", 30).bind(picture).layout.labels, slic)
    assert same_pieces(Image("felzenszwalb", 30).bind(picture).layout.labels, felzenszwalb)
    assert not same_pieces(slic, felzenszwalb)


def test_a_blur_is_the_blurred_picture():
    from scipy.ndimage import gaussian_filter

    picture = photo() / 255.0
    bound = Image("grid", 4, fill="blur").bind(picture)
    blurred = gaussian_filter(picture, (4, 4, 0), mode="nearest")  # a sixteenth of the shorter side
    shown = bound.build(np.array([[True, False, False, True]]))[0]
    hidden = np.isin(bound.layout.labels, [1, 2])
    np.testing.assert_array_equal(shown[~hidden], picture[~hidden])
    np.testing.assert_allclose(shown[hidden], blurred[hidden])
