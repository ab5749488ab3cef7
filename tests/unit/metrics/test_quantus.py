"""Metrics whose definition Quantus shares: the same moves of the same image give the numbers that Quantus gave.

Quantus scores ROAD by accuracy and draws random weights of its own, so there the parts are compared that it shares: the
imputation, and the rank correlation of two maps. Its infidelity occludes patches one after another, as here.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import numpy as np
import pytest

import jupyter_xai as xai
from jupyter_xai.explanation import Explanation, Pixels
from jupyter_xai.metrics import Subject, completeness_gap, infidelity, max_sensitivity, removal
from jupyter_xai.metrics.agreement import rank_correlation
from jupyter_xai.metrics.road import impute
from tests.golden.make_quantus import (
    SIDE,
    STORED,
    attributions,
    gradient,
    hole,
    linear,
    moves,
    network,
    picture,
)

torch = pytest.importorskip("torch")
GOLDEN = json.loads(STORED.read_text(encoding="utf-8"))


def explained(values: Any, net: Any, x: Any, target: int = 1, **more: Any) -> Explanation:
    with torch.no_grad():
        scores = net(torch.from_numpy(x)[None])[0].double().numpy()
    return Explanation(
        values=np.asarray(values, dtype=np.float64)[None],
        features=Pixels(image=np.zeros((SIDE, SIDE, 3), np.uint8), channels=1),
        output_names=(f"output {target}",),
        targets=(target,),
        predictions=scores[[target]],
        **more,
    )


def test_pixel_flipping_is_the_removal_curve() -> None:
    net, x = network(), picture()
    subject = Subject(net, torch.from_numpy(x), xai.Image("grid", SIDE * SIDE, fill=0.0))
    assert subject.n_features == SIDE * SIDE
    found = removal(explained(attributions(), net, x), subject, most_points=SIDE * SIDE + 1)
    (curve,) = [each for each in found.curves if each.kind == "removal"]
    np.testing.assert_allclose(curve.y[0][1:], GOLDEN["pixel flipping"], rtol=1e-4, atol=1e-5)
    assert len(curve.y[0]) == SIDE * SIDE + 1


def test_infidelity_of_patches_that_go_one_after_another() -> None:
    net, x = network(), picture()
    patch, drops = SIDE // 2, []
    for top in range(0, SIDE, patch):
        for left in range(0, SIDE, patch):
            gone = np.zeros((1, SIDE, SIDE), dtype=bool) if not drops else drops[-1].copy()
            gone[:, top : top + patch, left : left + patch] = True
            drops.append(gone)
    moved = np.stack(drops) * x

    def occlusions(rows: Any, _: Any) -> Any:
        return moved, rows - moved

    subject = Subject(net, torch.from_numpy(x), xai.Image("grid", 4, fill=0.0))
    measure = infidelity(
        explained(attributions(), net, x), subject, perturbation=occlusions, n_perturbations=len(moved)
    )
    assert measure.values[0] == pytest.approx(GOLDEN["infidelity"], rel=1e-4)


def test_max_sensitivity_of_the_gradient(monkeypatch: pytest.MonkeyPatch) -> None:
    net, x = network(), picture()
    stability = sys.modules[max_sensitivity.__module__]  # the package has a function of that name
    given = [torch.from_numpy(x + move) for move in moves()]
    monkeypatch.setattr(stability, "nearby", lambda *_: (given, "of the image"))
    found = max_sensitivity(xai.Saliency(net), torch.from_numpy(x), targets=[1], n_samples=len(moves()))
    assert found.values[0] == pytest.approx(GOLDEN["max-sensitivity"], rel=1e-4)


def test_road_fills_pixels_alike() -> None:
    filled = impute(picture()[0][..., None].astype(np.float64), hole())
    np.testing.assert_allclose(filled[..., 0], GOLDEN["imputation"], rtol=1e-5, atol=1e-6)


def test_completeness_is_a_gap_of_zero() -> None:
    net, exact = linear()
    ones = np.ones((1, SIDE, SIDE), np.float32)
    gaps = [
        completeness_gap(explained(values, net, ones, base_values=np.zeros(1), additive=True)).values[0]
        for values in (exact, exact + 0.125)
    ]
    assert [bool(gap == 0) for gap in gaps] == GOLDEN["completeness"]


def test_ranks_of_two_maps_agree_alike() -> None:
    other = gradient(network(), picture()[None], 1)
    assert rank_correlation(attributions().ravel(), other.ravel()) == pytest.approx(
        GOLDEN["rank correlation"], abs=1e-6
    )
