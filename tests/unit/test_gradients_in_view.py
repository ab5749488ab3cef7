"""Gradient methods through ``explain``: units, pixel maps, why a method does not apply."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

import jupyter_xai as xai
from jupyter_xai.errors import CannotExplainError

ROWS = pd.DataFrame(np.random.default_rng(0).normal(size=(50, 3)).astype(np.float32), columns=list("abc"))


def net() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 8), nn.ReLU(), nn.Linear(8, 2), nn.Softmax(dim=1))


def test_a_row_from_the_mean_of_its_background() -> None:
    view = xai.explain(net(), ROWS.iloc[0], method="integrated_gradients", background=ROWS, n_steps=100)
    found = view.explanation
    assert found.output_unit == "logit"
    assert view._page.get("geometry")["output_unit"] == "logit"
    assert found.feature_names == ("a", "b", "c")
    assert abs(found.additivity_gap).max() < 1e-3
    view.what_if({"a": 2.0})
    assert view.explanation.features.values[0] == 2.0


def test_a_picture_is_a_map_of_pixels() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2)
    )
    photo = np.random.default_rng(0).integers(0, 255, (16, 20, 3), dtype=np.uint8)
    view = xai.explain(model, photo, method="saliency")
    assert view.explanation.values.shape == (2, 3, 16, 20)
    frame = view._page.get("frame")
    assert (frame["pixels"]["width"], frame["pixels"]["height"]) == (20, 16)
    view = xai.explain(model, photo, method="integrated_gradients", baseline="blur")
    assert abs(view.explanation.additivity_gap).max() < 0.05 * abs(view.explanation.predictions).max()


@pytest.mark.parametrize("method", ["deep_shap", "expected_gradients"])
def test_pictures_as_a_background(method) -> None:
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2)
    )
    photos = np.random.default_rng(0).integers(0, 255, (4, 16, 20, 3), dtype=np.uint8)
    found = xai.explain(model, photos[0], method=method, background=photos[1:]).explanation
    rows = torch.as_tensor(photos[1:]).permute(0, 3, 1, 2).float() / 255  # as a photograph reaches a network
    np.testing.assert_allclose(found.base_values, model(rows).mean(0).detach().numpy(), rtol=1e-4)
    assert abs(found.additivity_gap).max() < 0.01 * abs(found.predictions).max()


def test_what_has_no_gradients_is_told_so() -> None:
    with pytest.raises(CannotExplainError, match="needs a torch network"):
        xai.explain(lambda X: X.sum(axis=1), ROWS.iloc[0], method="saliency", background=ROWS)
    reasons = {row["name"]: row["why_not"] for row in xai.methods(lambda X: X, ROWS.iloc[0], background=ROWS)}
    assert reasons["lime"] == ""
    assert "needs a torch network" in reasons["saliency"]


def test_pairs_of_a_row_are_in_the_view_the_saved_state_and_the_page() -> None:
    class Product(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x[:, :1] * x[:, 1:2] + x[:, 2:]

    rows = np.random.default_rng(0).normal(size=(50, 3)).astype(np.float32)
    view = xai.explain(
        Product(), rows[0], "sensitivity", background=rows, second_order=True, scale="none",
        feature_names=["price", "amount", "age"],
    )  # fmt: skip
    found = view.explanation
    frame = view._page.get("frame")
    assert frame["pairs"]["names"][:2] == ["price", "amount"]
    sent = np.frombuffer(frame["pairs"]["values"], "<f4").reshape(1, 3, 3)
    np.testing.assert_allclose(sent[0], [[0, 1, 0], [1, 0, 0], [0, 0, 0]], atol=1e-6)
    page = found.to_html()
    assert '"pairs"' in page
    view.what_if({"age": 3.0})
    assert view.explanation.predictions[0] == pytest.approx(rows[0, 0] * rows[0, 1] + 3.0, rel=1e-5)
    assert view._page.get("frame")["pairs"]["values"] == frame["pairs"]["values"]  # a sum acts with nothing
    view.update(second_order=False)
    view.wait()
    assert "pairs" not in view._page.get("frame")
    view.update(second_order=True)
    view.wait()
    assert "act together most: price with amount +1." in view._fallback()["text/html"]
