from __future__ import annotations

import numpy as np
import pytest

from jupyter_xai import Image, InputError, Occlusion, Tabular, Text
from tests.oracle.test_shapley import network
from tests.unit.kernels.fakes import FakePredictor, MaskMasker


def test_one_feature_at_a_time():
    game = network(9, 0, outputs=2)
    predictor = FakePredictor(game, ("a", "b"))
    e = Occlusion(predictor, MaskMasker()).explain(9)
    masks = ~np.eye(9, dtype=bool)
    np.testing.assert_allclose(e.values, (game(np.ones((1, 9), dtype=bool)) - game(masks)).T, atol=1e-12)
    assert e.std_errors is None
    assert e.base_values is None
    assert not e.additive
    assert e.n_evals == 9
    assert e.n_rows == 10
    assert e.status == "settled"


def test_a_linear_model_on_a_table():
    rng = np.random.default_rng(0)
    X, w = rng.normal(size=(50, 5)), rng.normal(size=5)
    X[:, 3] = 2.0
    e = Occlusion(lambda rows: rows @ w, Tabular(X)).explain(X[3])
    np.testing.assert_allclose(e.values[0], w * (X[3] - X.mean(axis=0)), atol=1e-12)
    assert e.values[0, 3] == 0
    assert e.n_rows == 1 + 4 * 50
    same = Occlusion(lambda rows: rows @ w, Tabular(np.repeat(X[:1], 3, axis=0))).explain(X[0])
    assert (same.values == 0).all()
    assert same.status == "settled"
    assert same.std_errors is None


def test_what_stands_in_for_each_other_has_no_value():
    e = Occlusion(lambda texts: [float("good" in t or "great" in t) for t in texts], Text()).explain(
        "good, great film"
    )
    np.testing.assert_array_equal(e.values[0], 0)
    both = Occlusion(
        lambda texts: [float("good" in t or "great" in t) for t in texts], Text(), window=2
    ).explain("good, great film")
    np.testing.assert_allclose(both.values[0], [1, 0.5, 0])


def test_windows_of_words_are_averaged_over_those_that_hide_a_word():
    model = lambda texts: [len(t) + 0.5 * ("c" in t) for t in texts]  # noqa: E731
    text = "a b c d e f g"
    words = text.split()
    e = Occlusion(model, Text(), window=3, stride=2).explain(text)
    full = model([text])[0]
    bound = Text().bind(text)
    sums, counts = np.zeros(7), np.zeros(7)
    for at in (0, 2, 4):
        mask = np.ones((1, 7), dtype=bool)
        mask[0, at : at + 3] = False
        sums[at : at + 3] += full - model(bound.build(mask))[0]
        counts[at : at + 3] += 1
    np.testing.assert_allclose(e.values[0], sums / counts)
    assert e.feature_names == tuple(words)
    assert e.params["window"] == 3
    assert Occlusion(model, Text(), window=2).explain(text).params["stride"] == 1


def test_windows_hide_equal_words_together():
    model = lambda texts: [float(t.count("so")) for t in texts]  # noqa: E731
    e = Occlusion(model, Text(group=True), window=2).explain("so dull so slow")
    assert e.features.shape == (3,)
    np.testing.assert_allclose(e.values[0], [2, 2, 2])


@pytest.mark.parametrize(("window", "stride"), [(2, 1), (3, 2), (4, 4), (5, 3), (30, 1)])
def test_the_same_values_as_captum_under_windows(window, stride):
    torch = pytest.importorskip("torch")
    captum = pytest.importorskip("captum.attr")
    torch.manual_seed(0)
    net = torch.nn.Sequential(
        torch.nn.Conv2d(3, 4, 3), torch.nn.Tanh(), torch.nn.Flatten(), torch.nn.Linear(4 * 7 * 9, 3)
    ).eval()
    image = np.random.default_rng(0).random((9, 11, 3)).astype(np.float32)
    e = Occlusion(net, Image(fill=0.0), window=window, stride=stride).explain(image, [0, 1, 2])
    sides = (3, min(window, 9), min(window, 11))
    batch = torch.as_tensor(image.transpose(2, 0, 1)[None])
    for target in range(3):
        theirs = captum.Occlusion(net).attribute(
            batch, sliding_window_shapes=sides, strides=(3, stride, stride), baselines=0.0, target=target
        )
        np.testing.assert_allclose(e.values[target][e.features.labels], theirs[0, 0].detach(), atol=2e-6)


def test_the_same_values_as_captum_piece_by_piece():
    torch = pytest.importorskip("torch")
    captum = pytest.importorskip("captum.attr")
    torch.manual_seed(0)
    net = torch.nn.Sequential(
        torch.nn.Conv2d(3, 4, 3), torch.nn.Tanh(), torch.nn.Flatten(), torch.nn.Linear(144, 2)
    )
    image = np.random.default_rng(0).random((8, 8, 3)).astype(np.float32)
    e = Occlusion(net, Image("grid", 4, fill=0.5)).explain(image)
    batch = torch.as_tensor(image.transpose(2, 0, 1)[None])
    labels = torch.as_tensor(e.features.labels.astype(np.int64))
    theirs = captum.FeatureAblation(net).attribute(
        batch, baselines=0.5, target=1, feature_mask=labels[None, None]
    )
    np.testing.assert_allclose(e.for_output(1).values[0][e.features.labels], theirs[0, 0].detach(), atol=2e-6)


def test_a_window_filled_with_the_mean_hides_it():
    image = np.zeros((8, 8, 3), dtype=np.float32)
    image[2:4, 2:4] = 1.0
    model = lambda batch: batch.max(axis=(1, 2, 3))  # noqa: E731
    e = Occlusion(model, Image(), window=2, stride=2).explain(image)
    seen = e.values[0][e.features.labels]
    assert seen.argmax() // 8 in {2, 3}
    assert e.values[0].max() > 0.9
    near = Occlusion(model, Image(), window=2).explain(image)
    assert near.params["stride"] == 1
    np.testing.assert_allclose(
        near.values[0].max(), e.values[0].max() / 4, rtol=1e-6
    )  # one window of four hides it all


def test_frames_know_what_they_do_not_know():
    kernel = Occlusion(FakePredictor(network(16, 0)), MaskMasker(), batch_size=1, window=4)
    kernel.clock = iter(range(10**6)).__next__
    *running, last = kernel.stream(16)
    assert len(running) >= 3
    assert all(np.isinf(e.std_errors).any() for e in running)
    for e in running:
        sure = e.std_errors[0] == 0
        np.testing.assert_allclose(e.values[0, sure], last.values[0, sure], atol=1e-12)
    *_, stopped = kernel.stream(16, watch=lambda progress: progress.n_evals < 6)
    assert stopped.status == "stopped"
    assert 0 < stopped.n_evals < 13


def test_link():
    model = lambda rows: 1 / (1 + np.exp(-rows @ [1.0, -2.0]))  # noqa: E731
    e = Occlusion(model, Tabular(np.zeros((1, 2))), link="logit").explain([1.0, 1.0])
    np.testing.assert_allclose(e.values[0], [1, -2], atol=1e-9)
    assert e.value_unit == "logit"


@pytest.mark.parametrize(
    ("kind", "given", "said"),
    [
        ("table", {"window": 2}, "columns of a table have no neighbours"),
        ("image", {"stride": 2}, "pass window= as well"),
        ("image", {"window": 2, "stride": 3}, "at most 2"),
        ("text", {"stride": 2}, "at most 1"),
        ("image", {"window": 0}, "whole number from 1"),
        ("large", {"window": 1}, "larger stride"),
    ],
)
def test_windows_that_do_not_work_are_errors(kind, given, said):
    X = np.zeros((3, 2))
    x, masker, model = {
        "table": ([1.0, 2.0], Tabular(X), lambda rows: rows.sum(axis=1)),
        "text": ("a b c", Text(), lambda texts: [len(t) for t in texts]),
        "image": (
            np.random.default_rng(0).random((8, 8, 3)),
            Image(),
            lambda batch: batch.mean(axis=(1, 2, 3)),
        ),
        "large": (np.zeros((120, 120, 3)), Image(), lambda batch: batch.mean(axis=(1, 2, 3))),
    }[kind]
    with pytest.raises(InputError, match=said):
        Occlusion(model, masker, **given).explain(x)
