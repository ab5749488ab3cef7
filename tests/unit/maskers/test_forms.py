"""Images: read, shown, and handed back in the form they came."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from jupyter_xai.maskers._forms import (
    IMAGENET_MEAN,
    IMAGENET_STD,
    for_model,
    from_canonical,
    read_image,
    to_container,
    to_display,
)

RNG = np.random.default_rng(0)
PHOTO = RNG.integers(0, 256, (12, 16, 3), dtype=np.uint8)
CHANNELS_FIRST = np.ascontiguousarray(np.moveaxis(PHOTO, -1, 0))
NORMALISED = ((PHOTO / 255 - IMAGENET_MEAN) / IMAGENET_STD).astype(np.float32)


@pytest.mark.parametrize(
    ("x", "layout", "scale"),
    [
        (PHOTO, "HWC", "bytes"),
        (PHOTO.astype(np.float32), "HWC", "bytes"),
        (PHOTO.astype(np.int64), "HWC", "bytes"),
        (PHOTO / 255, "HWC", "unit"),
        (PHOTO > 99, "HWC", "unit"),
        (PHOTO / 127.5 - 1, "HWC", "signed"),
        (NORMALISED, "HWC", "imagenet"),
        (CHANNELS_FIRST, "CHW", "bytes"),
        (PHOTO[:, :, 0], "HW", "bytes"),
        (torch.from_numpy(CHANNELS_FIRST), "CHW", "bytes"),
        (torch.from_numpy(CHANNELS_FIRST / 255).bfloat16(), "CHW", "unit"),
        (Image.fromarray(PHOTO), "HWC", "bytes"),
        (PHOTO.astype(np.float64) * 40 - 300, "HWC", "other"),
        (PHOTO.astype(np.uint16) * 257, "HWC", "other"),
    ],
)
def test_there_and_back(x, layout, scale):
    array, form = read_image(x)
    assert (form.layout, form.scale) == (layout, scale)
    assert array.shape == (12, 16, form.channels) == (form.height, form.width, form.channels)
    plain = x.float().numpy() if isinstance(x, torch.Tensor) else np.asarray(x)
    np.testing.assert_array_equal(from_canonical(array, form.layout), plain)
    back, got, _ = for_model(array, form, "numpy")
    np.testing.assert_array_equal(back, plain[:, :, None] if layout == "HW" else plain)
    assert got == ("HWC" if layout == "HW" else layout)
    shown = to_display(array, form)
    assert (shown.shape, shown.dtype) == ((12, 16, 3), np.uint8)
    if form.channels == 3 and scale in {"bytes", "signed", "imagenet"}:
        assert np.abs(shown.astype(int) - PHOTO).max() <= 1
    if scale == "other":
        assert (shown.min(), shown.max()) == (0, 255)


@pytest.mark.parametrize(
    ("x", "high", "notice"),
    [
        (PHOTO, 1.0, "bytes as 0–1"),
        (Image.fromarray(PHOTO), 1.0, "bytes as 0–1"),
        (torch.from_numpy(CHANNELS_FIRST), 255.0, "float32 0–255"),
        (PHOTO.astype(np.float64), 255.0, ""),
        (NORMALISED, float(NORMALISED.max()), ""),
        (PHOTO[:, :, 0] / 255.0, 1.0, ""),
    ],
)
def test_what_a_net_gets(x, high, notice):
    array, form = read_image(x)
    image, layout, said = for_model(array, form, "torch")
    assert (layout, image.dtype, image.shape) == ("CHW", np.float32, (form.channels, 12, 16))
    assert image.max() == pytest.approx(high, rel=0.02)
    assert notice in said
    assert bool(notice) == bool(said)


@pytest.mark.parametrize("opacity", [0, 128, 255])
@pytest.mark.parametrize("make", [np.asarray, lambda a: a / 255, Image.fromarray])
def test_alpha_is_composited_on_white(opacity, make):
    given = np.concatenate([PHOTO, np.full((12, 16, 1), opacity, np.uint8)], axis=2)
    array, form = read_image(make(given))
    assert (form.channels, form.alpha) == (3, True)
    assert "alpha channel: composited on white" in form.notices[0]
    expected = PHOTO * (opacity / 255) + 255 * (1 - opacity / 255)
    assert np.abs(to_display(array, form) - expected).max() <= 1


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "CMYK", "YCbCr", "HSV", "I", "F"])
def test_pil_modes(mode):
    image = Image.fromarray(PHOTO)
    image = image.convert("L").convert(mode) if mode in {"I", "F", "LA", "1"} else image.convert(mode)
    array, form = read_image(image)
    assert array.shape[:2] == (12, 16)
    assert form.channels in {1, 3}
    assert to_display(array, form).shape == (12, 16, 3)


def test_four_channels_of_a_tensor_are_kept():
    array, form = read_image(torch.rand(4, 12, 16))
    assert (array.shape[2], form.alpha, form.notices) == (4, False, ())


def test_a_large_image_is_said():
    _, form = read_image(np.zeros((3000, 4000, 3), np.uint8))
    (notice,) = form.notices
    assert notice.startswith(
        "The image has 4,000×3,000 pixels: every altered copy takes 36 MB. Shrink it to what"
    )


@pytest.mark.parametrize(
    ("x", "notice"),
    [
        (np.linspace(-0.05, 1.04, 64).reshape(8, 8), "a little outside 0–1: the picture clips them"),
        (np.linspace(-900, 4000, 192).reshape(8, 8, 3), "outside 0–1 and 0–255: the picture is stretched"),
        (np.linspace(-2, 2, 192).reshape(8, 8, 3), ""),
    ],
)
def test_values_outside_their_range(x, notice):
    _, form = read_image(x)
    assert notice in " ".join(form.notices)
    assert bool(notice) == bool(form.notices)


def test_functions_get_the_container_the_image_came_in():
    x = torch.rand(1, 3, 12, 16).bfloat16()
    array, form = read_image(x)
    batch = to_container(from_canonical(array[None].repeat(2, axis=0), form.layout), form)
    assert (batch.shape, batch.dtype) == ((2, 3, 12, 16), torch.bfloat16)
    assert batch[1].equal(x[0])
    assert isinstance(to_container(PHOTO[None], read_image(PHOTO)[1]), np.ndarray)


def test_constant_images_are_shown():
    for value in (0.0, 7.5, -3.0):
        array, form = read_image(np.full((8, 8, 3), value))
        assert to_display(array, form).shape == (8, 8, 3)
