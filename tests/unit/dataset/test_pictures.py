"""NormLIME over pictures: pieces joined by position, or by what they look like."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
import torch

import jupyter_xai as xai
from jupyter_xai.dataset import norm_lime
from jupyter_xai.errors import InputError

RED, BLUE, GREY = [0.9, 0.1, 0.1], [0.1, 0.1, 0.9], [0.5, 0.5, 0.5]


def pictures(n=10, seed=0):
    """Four quarters, one red, one blue and two grey, in any order: where they are says nothing."""
    rng = np.random.default_rng(seed)
    found = np.zeros((n, 16, 16, 3), np.float32)
    for picture in found:
        for colour, at in zip((RED, BLUE, GREY, GREY), rng.permutation(4), strict=True):
            i, j = divmod(int(at), 2)
            picture[8 * i : 8 * i + 8, 8 * j : 8 * j + 8] = colour
    return found


def redness(batch):
    return (batch[..., 0] - batch[..., 1]).clip(0).mean(axis=(1, 2)) * 4


def local(model=redness):
    return xai.Lime(model, xai.Image("grid", 4, fill=0.5), n_samples=60, tolerance=0)


@pytest.mark.parametrize(
    "join", ["colour", lambda picture: picture.astype(float)[::2, ::2]], ids=["colour", "callable"]
)
def test_pieces_of_one_colour_are_one_feature(join):
    found = xai.NormLime(local(), join=join, n_clusters=3).explain(pictures())
    assert len(found.feature_names) == 3
    first, second = found.ranking()[:2]
    assert found.values[0, first] > 20 * found.values[0, second]
    assert found.support[0, first] == 10
    assert found.signed[0, first] > 0
    assert found.n_rows == 10
    by_position = xai.NormLime(local()).explain(pictures())
    assert by_position.feature_shape == (16, 16)
    assert len(by_position.feature_names) == 256


def test_a_layer_of_the_network_and_the_network_is_left():
    class Net(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.eyes = torch.nn.Conv2d(3, 3, 1)
            with torch.no_grad():
                self.eyes.weight.copy_(torch.eye(3)[:, :, None, None])
                self.eyes.bias.zero_()

        def forward(self, x):
            x = self.eyes(x)
            return (x[:, 0] - x[:, 1]).clamp(0).mean((1, 2))[:, None] * 4

    net = Net()
    found = xai.NormLime(local(net), join="eyes", n_clusters=3).explain(pictures())
    assert found.values[0, found.ranking()[0]] > 20 * found.values[0, found.ranking()[1]]
    assert not net.eyes._forward_hooks
    with pytest.raises(InputError, match=r"join='ears' names no layer.*eyes"):
        xai.NormLime(local(net), join="ears").explain(pictures())
    with pytest.raises(InputError, match="is a layer's name, but the model is a"):
        xai.NormLime(local(), join="eyes").explain(pictures())


def test_kinds_are_learnt_on_the_first_pictures_and_workers_do_not_matter(monkeypatch):
    monkeypatch.setattr(norm_lime, "LEARNT_ON", 12)
    kernel = xai.NormLime(local(), join="colour", n_clusters=3)
    whole = kernel.explain(pictures(30))
    assert whole.n_rows == 30
    assert whole.support.max() == 30
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(2) as pool:
        other = kernel.explain(pictures(30), executor=pool)
    np.testing.assert_array_equal(whole.values, other.values)
    reduced = pickle.loads(pickle.dumps(kernel.reduction()))
    assert reduced.n_rows == 0
    full = kernel.reduction()
    from jupyter_xai.dataset._rows import Chunk

    full.update(kernel.measure(Chunk(0, 0, pictures(12)), None))
    assert full.clusters is not None
    assert full.waiting == []
    part = kernel.reduction()
    part.update(kernel.measure(Chunk(1, 12, pictures(3, 1)), None))
    centres = full.clusters.centres.copy()
    full.merge(part)
    np.testing.assert_array_equal(full.clusters.centres, centres)
    assert full.estimate().n_rows == 15
    late = kernel.reduction()
    late.update(kernel.measure(Chunk(0, 0, pictures(12)), None))
    with pytest.raises(InputError, match="each learnt their own kinds"):
        full.merge(late)


def test_what_is_no_map_or_no_picture_is_said():
    with pytest.raises(InputError, match=r"answered with shape \(3,\)"):
        xai.NormLime(local(), join=lambda picture: np.zeros(3)).explain(pictures())
    texts = xai.Lime(lambda t: [len(x) for x in t], xai.Text(), n_samples=20)
    with pytest.raises(InputError, match="joins pieces of pictures"):
        xai.NormLime(texts, join="colour").explain(["a b", "c d"])
