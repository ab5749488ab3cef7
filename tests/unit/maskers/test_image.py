from __future__ import annotations

import pickle
import sys
from contextlib import nullcontext

import numpy as np
import pytest

import jupyter_xai as xai
from jupyter_xai import Image, InputError, MissingExtraError
from jupyter_xai.maskers._segments import segment
from tests.unit.maskers.pictures import BYTES, RNG, UNIT


class TorchLike:
    backend = "torch"
    thread_safe = True
    output_names = ("a",)

    def __init__(self, dtype=None):
        import torch

        self.device = torch.device("cpu")
        self.dtype = dtype or torch.float32

    def run(self):
        return nullcontext()


def forms():
    import torch
    from PIL import Image as Pil

    return {
        "HWC bytes": (BYTES, (24, 30, 3), np.uint8),
        "HWC unit": (UNIT, (24, 30, 3), np.float32),
        "CHW unit": (np.moveaxis(UNIT, -1, 0), (3, 24, 30), np.float32),
        "grey": (BYTES[:, :, 0], (24, 30, 1), np.uint8),
        "pil": (Pil.fromarray(BYTES), (24, 30, 3), np.uint8),
        "tensor": (torch.from_numpy(np.ascontiguousarray(np.moveaxis(UNIT, -1, 0))), (3, 24, 30), np.float32),
        "double": (UNIT.astype(np.float64), (24, 30, 3), np.float64),
    }


@pytest.mark.parametrize("name", ["HWC bytes", "HWC unit", "CHW unit", "grey", "pil", "tensor", "double"])
def test_a_function_gets_the_form_the_image_came_in(name):
    x, shape, dtype = forms()[name]
    bound = Image("grid", 6).bind(x)
    masks = RNG.random((5, bound.n_features)) < 0.5
    batch = bound.build(masks)
    assert type(batch) is (type(x) if name == "tensor" else np.ndarray)
    batch = np.asarray(batch)
    assert batch.shape == (5, *shape)
    assert batch.dtype == dtype
    given = np.asarray(x)
    given = given[:, :, None] if given.ndim == 2 else given  # NHWC, grey or not
    assert (np.asarray(bound.instance())[0] == given).all()
    labels = bound.layout.labels
    for image, mask in zip(batch, masks, strict=True):
        canonical = np.moveaxis(image, 0, -1) if shape[0] == 3 else image
        original = np.moveaxis(given, 0, -1) if shape[0] == 3 else given
        kept = mask[labels]
        assert (canonical[kept] == original[kept]).all()
        assert not mask.all()


def test_a_function_may_keep_its_batches():
    bound = Image("grid", 4).bind(BYTES)
    first = bound.build(np.zeros((1, 4), dtype=bool))
    copy = first.copy()
    bound.build(np.ones((1, 4), dtype=bool))
    assert (first == copy).all()


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16"])
def test_a_net_gets_channels_first_tensors_of_its_own_type(dtype):
    import torch

    bound = Image("grid", 6).bind(UNIT, TorchLike(getattr(torch, dtype)))
    masks = RNG.random((4, 6)) < 0.5
    masks[0] = True
    batch = bound.build(masks)
    assert isinstance(batch, torch.Tensor)
    assert batch.shape == (4, 3, 24, 30)
    assert batch.dtype is getattr(torch, dtype)
    expected = torch.from_numpy(np.moveaxis(UNIT, -1, 0).copy()).to(batch.dtype)
    assert torch.equal(batch[0], expected)  # the instance exactly, whatever the arithmetic
    numpy = Image("grid", 6).bind(UNIT).build(masks)
    tolerance = 2e-3 if dtype == "float16" else 1e-6
    np.testing.assert_allclose(batch.float().numpy(), np.moveaxis(numpy, -1, 1), atol=tolerance)
    assert torch.equal(bound.instance()[0], expected)


def test_buffer_of_a_net_is_used_again():
    bound = Image("grid", 6).bind(UNIT, TorchLike())
    big = bound.build(np.ones((8, 6), dtype=bool))
    small = bound.build(np.zeros((3, 6), dtype=bool))
    assert big.data_ptr() == small.data_ptr()


def test_bytes_reach_a_net_as_unit_values_with_a_notice():
    bound = Image("grid", 6).bind(BYTES, TorchLike())
    assert 0 <= float(bound.instance().min()) < float(bound.instance().max()) <= 1
    assert any("0–1" in notice for notice in bound.notices)


def test_fills():
    labels = np.array([[0, 0], [1, 1]])
    x = np.array([[[0.0], [1.0]], [[0.2], [0.4]]]).repeat(3, axis=2)
    none = np.zeros((1, 2), dtype=bool)
    mean = Image(labels).bind(x).build(none)[0]
    np.testing.assert_allclose(mean[:, :, 0], [[0.5, 0.5], [0.3, 0.3]])
    assert (Image(labels, fill=0.25).bind(x).build(none) == 0.25).all()
    red = Image(labels, fill=(1, 0, 0)).bind(x).build(none)[0]
    assert (red == [1, 0, 0]).all()
    blur = Image("grid", 4, fill="blur").bind(UNIT).build(np.zeros((1, 4), dtype=bool))[0]
    assert blur.std() < UNIT.std() / 2
    assert blur.mean() == pytest.approx(UNIT.mean(), abs=0.02)


def test_noise_has_the_measure_of_the_image_and_a_seed_of_its_own():
    x = np.clip(RNG.normal((0.2, 0.5, 0.6), (0.02, 0.1, 0.2), (60, 80, 3)), 0, 1)
    none = np.zeros((1, 4), dtype=bool)
    noise = Image("grid", 4, fill="noise").bind(x).build(none)[0]
    np.testing.assert_allclose(noise.mean(axis=(0, 1)), x.mean(axis=(0, 1)), atol=0.01)
    np.testing.assert_allclose(noise.std(axis=(0, 1)), x.std(axis=(0, 1)), rtol=0.05)
    assert abs(np.corrcoef(noise[:, 1:, 0].ravel(), noise[:, :-1, 0].ravel())[0, 1]) < 0.05
    assert (noise >= x.min(axis=(0, 1))).all()
    assert (noise <= x.max(axis=(0, 1))).all()
    again = Image("grid", 4, fill="noise").bind(x).build(none)[0]
    other = Image("grid", 4, fill="noise", random_state=1).bind(x).build(none)[0]
    assert (noise == again).all()
    assert (noise != other).mean() > 0.9
    assert Image("grid", 4, fill="noise").bind(BYTES).build(none).dtype == np.uint8
    with pytest.raises(InputError, match="random_state"):
        Image("grid", 4, fill="noise", random_state=-1).bind(x)


BACKGROUND = [np.full_like(UNIT, shade) for shade in (0.0, 0.5, 1.0)]


def test_a_background_is_averaged_over_by_games():
    bound = Image("grid", 6, fill="background", background=BACKGROUND).bind(UNIT)
    assert bound.draws == 3
    masks = RNG.random((4, 6)) < 0.5
    batch = bound.build(masks)
    kept = masks[:, bound.layout.labels]
    for at, image in enumerate(batch):
        mask, shade = kept[at // 3], (0.0, 0.5, 1.0)[at % 3]
        assert (image[mask] == UNIT[mask]).all()
        assert (image[~mask] == shade).all()
    assert (
        bound.build(masks, slice(1, 3)) == batch.reshape(4, 3, *UNIT.shape)[:, 1:].reshape(8, *UNIT.shape)
    ).all()
    outputs = RNG.random((12, 2))
    np.testing.assert_allclose(bound.reduce(outputs)[1], outputs[3:6].mean(axis=0))
    assert (bound.instance()[0] == UNIT).all()


def test_a_background_reaches_a_net():
    bound = Image("grid", 6, fill="background", background=BACKGROUND).bind(UNIT, TorchLike())
    assert (
        bound.instance().numpy() == np.moveaxis(UNIT, -1, 0)[None]
    ).all()  # one row, before any other batch
    numpy = Image("grid", 6, fill="background", background=BACKGROUND).bind(UNIT)
    masks = RNG.random((4, 6)) < 0.5
    masks[2] = True
    np.testing.assert_allclose(bound.build(masks).numpy(), np.moveaxis(numpy.build(masks), -1, 1), atol=1e-6)
    assert (bound.build(masks)[6:9].numpy() == np.moveaxis(UNIT, -1, 0)).all()
    which = np.array([2, 0, 1, 1])
    each = np.moveaxis(numpy.build_each(masks, which), -1, 1)
    np.testing.assert_allclose(bound.build_each(masks, which).numpy(), each, atol=1e-6)


@pytest.mark.parametrize("sampler", ["balanced", "lime"])
def test_lime_takes_each_background_image_equally_often(sampler):
    masker = Image("grid", 6, fill="background", background=BACKGROUND)
    around = masker.neighbourhood(UNIT, None, random_state=0, sampler=sampler)

    def shades(start, stop):
        draws = around.draw(start, stop)
        batch = draws.build(np.arange(stop - start))
        hidden = ~draws.features[:, around.layout.labels]
        found = [np.unique(image[some]) for image, some in zip(batch, hidden, strict=True)]
        assert all(len(shade) <= 1 for shade in found)  # a mask has one image
        return [float(shade[0]) if len(shade) else None for shade in found], draws.blocks

    found, blocks = shades(0, 121)
    assert found == shades(0, 50)[0] + shades(50, 121)[0]  # whatever is asked for at once
    counts = [sum(shade == each for shade in found) for each in (0.0, 0.5, 1.0)]
    assert max(counts) - min(counts) <= 6  # but for masks that hide nothing
    if sampler == "balanced":
        for block in set(blocks[1:].tolist()):
            assert (
                len({shade for shade, b in zip(found[1:], blocks[1:], strict=True) if b == block} - {None})
                == 1
            )
    else:
        assert blocks is None


def test_lime_explains_the_average_over_the_background():
    weights = RNG.normal(size=UNIT.shape)

    def linear(images):
        return (images * weights).sum(axis=(1, 2, 3))

    masker = Image("grid", 6, fill="background", background=BACKGROUND)
    e = xai.Lime(linear, masker, n_samples=4000, alpha=0.0, tolerance=0).explain(UNIT)
    average = linear(UNIT[None]) - linear(
        np.mean(BACKGROUND, axis=0)[None]
    )  # a linear model's answer on the mean
    labels = masker.bind(UNIT).layout.labels
    truth = [((UNIT - 0.5) * weights)[labels == piece].sum() for piece in range(6)]
    assert (np.abs(e.values[0] - truth) < 2.5 * e.std_errors[0]).all()
    assert e.values.sum() == pytest.approx(float(average[0]), abs=3 * float(np.sqrt((e.std_errors**2).sum())))
    shap = xai.KernelShap(linear, masker).explain(UNIT)
    np.testing.assert_allclose(shap.values[0], truth, atol=1e-5)
    assert shap.n_rows > 2 * shap.n_evals


def test_explain_takes_a_background_for_hidden_pieces():
    def brightness(images):
        return images.mean(axis=(1, 2, 3))

    given = {"n_samples": 60, "n_segments": 6, "headless": True}
    view = xai.explain(brightness, UNIT, background=BACKGROUND, fill="background", **given)
    assert view.explanation.features.fill == "background"
    with pytest.raises(InputError, match='fill="background"'):
        xai.explain(brightness, UNIT, background=BACKGROUND, masker=None, method="lime", **given)


@pytest.mark.parametrize(
    ("background", "said"),
    [
        (None, "expected background="),
        ([], "no image"),
        (3, "type int"),
        ([UNIT, UNIT[:20]], "image 1 of background= is 30×20"),
        ([BYTES], "uint8"),
    ],
)
def test_bad_backgrounds(background, said):
    with pytest.raises(InputError, match=said):
        Image("grid", fill="background", background=background).bind(UNIT)


def test_a_large_background_is_thinned_and_said():
    many = np.broadcast_to(np.linspace(0, 1, 250, dtype=np.float32)[:, None, None, None], (250, *UNIT.shape))
    bound = Image("grid", 4, fill="background", background=many).bind(UNIT)
    assert bound.draws == 100
    assert any("250 background images 100" in notice for notice in bound.notices)
    assert not any("background" in notice for notice in Image("grid", 4, "mean", many).bind(UNIT).notices)


@pytest.mark.parametrize(
    ("x", "said"),
    [
        (np.zeros((1, 1, 3)), "1×1"),
        (np.zeros((0, 5, 3)), "0 pixels"),
        (np.full((5, 6, 3), np.nan), "NaN"),
        (np.zeros((2, 4, 4, 3)), "2 images"),
        (np.zeros((3, 5, 3)), "channels last"),
        ("cat.jpg", "image"),
    ],
)
def test_bad_images(x, said):
    with pytest.raises(InputError, match=said):
        Image().bind(x)


def test_alpha_is_composited_and_said():
    alpha = np.dstack([BYTES, np.zeros((24, 30), dtype=np.uint8)])
    bound = Image("grid", 4).bind(alpha)
    assert bound.instance().shape == (1, 24, 30, 3)
    assert (bound.instance() == 255).all()
    assert any("alpha" in notice for notice in bound.notices)


def test_large_photo_is_cut_on_a_smaller_copy():
    photo = np.zeros((3001, 4003, 3), dtype=np.uint8)
    photo[:, 2000:] = 255
    layout = Image().bind(photo).layout
    assert layout.labels.shape == (3001, 4003)
    assert 100 < layout.shape[0] < 260
    assert not set(np.unique(layout.labels[:, :1990])) & set(np.unique(layout.labels[:, 2010:]))


def test_scikit_image_missing_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "skimage", None)
    with pytest.raises(MissingExtraError, match=r"jupyter_xai\[image\]"):
        Image().bind(BYTES)
    assert Image("grid").bind(BYTES).n_features > 8


def test_same_image_is_cut_once():
    calls = []

    def count(image):
        calls.append(1)
        return np.arange(24 * 30).reshape(24, 30) // 100

    masker = Image(count)
    masker.bind(BYTES)
    masker.bind(BYTES.copy(), TorchLike())
    assert len(calls) == 1
    masker.bind(255 - BYTES)
    assert len(calls) == 2
    masker = pickle.loads(pickle.dumps(Image("grid", 9, "blur")))
    assert (masker.segmentation, masker.n_segments, masker.fill) == ("grid", 9, "blur")


def test_key_follows_image_pieces_and_fill():
    keys = {
        Image("grid", 4).bind(BYTES).key,
        Image("grid", 6).bind(BYTES).key,
        Image("grid", 4, fill="blur").bind(BYTES).key,
        Image("grid", 4, fill="noise").bind(BYTES).key,
        Image("grid", 4, fill="noise", random_state=1).bind(BYTES).key,
        Image("grid", 4, fill="background", background=[BYTES // 2]).bind(BYTES).key,
        Image("grid", 4, fill="background", background=[BYTES // 2, BYTES]).bind(BYTES).key,
        Image("grid", 4).bind(255 - BYTES).key,
        Image("grid", 4).bind(BYTES, TorchLike()).key,
    }
    assert len(keys) == 9
    assert Image("grid", 4).bind(BYTES).key in keys


def test_segment_does_not_touch_the_image():
    before = BYTES.copy()
    for method in ("slic", "quickshift", "felzenszwalb"):
        segment(method, 20, BYTES, BYTES)
    Image().bind(BYTES).build(np.zeros((1, Image().bind(BYTES).n_features), dtype=bool))
    assert (before == BYTES).all()
