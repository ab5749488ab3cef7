"""Grad-CAM: the closed form for a pooled linear head, parity with captum, what is found and what cannot be."""

from __future__ import annotations

import captum.attr
import numpy as np
import pytest
import torch
from torch import nn

import jupyter_xai as xai
from jupyter_xai.errors import CannotExplainError, InputError
from jupyter_xai.kernels.grad_cam import GradCam


class Functional(nn.Module):
    """Reuses its ReLU in place and pools by hand: nothing a module hook on the last layer would find."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.one, self.two = nn.Conv2d(3, 4, 3, stride=2), nn.Conv2d(4, 6, 3)
        self.relu = nn.ReLU(inplace=True)
        self.out = nn.Linear(6, 3)

    def features(self, x):
        return self.relu(self.two(self.relu(self.one(x))))

    def forward(self, x):
        return self.out(self.features(x).mean((2, 3)))


X = torch.randn(2, 3, 21, 17, generator=torch.Generator().manual_seed(1))


def upsampled(maps):
    return nn.functional.interpolate(maps, size=X.shape[2:], mode="bilinear").detach().numpy()


def test_a_pooled_linear_head_in_closed_form():
    net = Functional()
    a = net.features(X)
    cam = torch.einsum("tk,nkhw->nthw", net.out.weight, a) / a[0, 0].numel()
    found = GradCam(net).explain_batch(X)
    assert found.values.shape == (2, 3, 1, 21, 17)
    np.testing.assert_allclose(found.values[:, :, 0], upsampled(cam.relu()), atol=1e-6)
    signed = GradCam(net, variant="hirescam").explain_batch(X)
    np.testing.assert_allclose(signed.values[:, :, 0], upsampled(cam), atol=1e-6)
    # each place has its share of the score, nothing is lost
    np.testing.assert_allclose(
        cam.sum((2, 3)).detach().numpy(), (net(X) - net.out.bias).detach().numpy(), atol=1e-5
    )


@pytest.mark.parametrize("by_name", [True, False])
def test_equal_to_captum_at_a_layer_of_ones_own(by_name):
    net = Functional()
    theirs = captum.attr.LayerGradCam(net, net.one)
    found = GradCam(net, layer="one" if by_name else net.one).explain_batch(X)
    for target in range(3):
        expected = theirs.attribute(X, target=target, relu_attributions=True)
        np.testing.assert_allclose(found.values[:, target], upsampled(expected), atol=1e-6)
    assert not any(m._forward_hooks for m in net.modules())


def test_through_explain_on_a_photograph():
    photo = np.random.default_rng(0).integers(0, 255, (24, 20, 3), dtype=np.uint8)
    view = xai.explain(Functional(), photo, method="grad_cam")
    assert view.explanation.values.shape == (3, 1, 24, 20)
    assert (view.explanation.values >= 0).all()
    assert view.explanation.value_unit == "relevance"


def test_what_has_no_map_is_told_so():
    flat = nn.Sequential(nn.Flatten(), nn.Linear(3 * 21 * 17, 2))
    assert GradCam(flat).explain(X[0]).values.shape == (
        2,
        1,
        21,
        17,
    )  # the input itself is the last spatial layer
    with pytest.raises(CannotExplainError, match="maps one image"):
        GradCam(nn.Linear(4, 2)).explain(torch.ones(4))
    with pytest.raises(InputError, match="is not a module of the network"):
        GradCam(Functional(), layer="three").explain(X[0])
