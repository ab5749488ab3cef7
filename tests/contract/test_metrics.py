"""Every metric takes what every kernel gives: a number with its definition, or a sentence in its place."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import jupyter_xai as xai
from jupyter_xai.comparing import Comparison
from jupyter_xai.comparing.run import DEFAULT_METRICS
from jupyter_xai.registry import LOCAL
from tests.contract.cases import CASES


def held(found: Comparison) -> None:
    assert found.explained, [entry.why_not for entry in found.entries]
    for entry in found.entries:
        assert (entry.explanation is None) == bool(entry.why_not), entry.label
        for name, measure in entry.measures.items():
            assert measure.name == name
            assert measure.values.shape == (len(found.output_names),)
            assert measure.output_names == tuple(found.output_names)
            if not np.isfinite(measure.values).all():
                assert measure.notices, f"{entry.label}, {name}: no number and no word"
            else:
                assert measure.definition, f"{entry.label}, {name}"
            if measure.half_widths is not None:
                assert (measure.half_widths[np.isfinite(measure.values)] >= 0).all()
    page = found._repr_html_()
    assert ">nan<" not in page
    assert all(entry.label in page for entry in found.entries)
    assert found.report()
    assert len(found.to_frame())


@pytest.mark.parametrize("kind", list(CASES))
def test_every_perturbation_kernel_is_judged(kind: str) -> None:
    case = CASES[kind]()
    x = case.instances.iloc[[0]] if hasattr(case.instances, "iloc") else case.instances[0]
    names = [
        name for name, kernel in LOCAL.items() if kernel.family == "perturbation" and kind in kernel.kinds
    ]
    found = xai.compare(case.model, x, names, "all", masker=case.masker, batch_size=64, n_samples=64)
    held(found)
    assert max(case.model.sizes) <= 64
    assert {entry.name for entry in found.explained} == set(names)


def networks() -> dict[str, tuple[Any, Any, dict[str, Any]]]:
    torch.manual_seed(0)
    rows = np.random.default_rng(0).normal(size=(30, 6)).astype(np.float32)
    dense = torch.nn.Sequential(
        torch.nn.Linear(6, 8), torch.nn.ReLU(), torch.nn.Linear(8, 3), torch.nn.Softmax(1)
    )
    pictures = torch.rand(6, 1, 10, 10)
    conv = torch.nn.Sequential(
        torch.nn.Conv2d(1, 4, 3, padding=1), torch.nn.ReLU(), torch.nn.MaxPool2d(2), torch.nn.Flatten(),
        torch.nn.Linear(100, 3),
    )  # fmt: skip
    return {
        "table": (dense, rows[0], {"background": rows}),
        "image": (
            conv,
            pictures[0],
            {"background": list(pictures[1:]), "segmentation": "grid", "n_segments": 9, "fill": 0.0},
        ),
    }


@pytest.mark.parametrize("kind", ["table", "image"])
def test_every_kernel_on_a_network_is_judged(kind: str) -> None:
    net, x, given = networks()[kind]
    names = [name for name, kernel in LOCAL.items() if kind in kernel.kinds]
    before = [p.detach().clone() for p in net.parameters()]
    judged = "all" if kind == "table" else (*DEFAULT_METRICS, "road", "sanity")
    found = xai.compare(net, x, names, judged, n_samples=64, baseline="zeros", **given)
    held(found)
    assert {entry.name for entry in found.explained} == set(names)
    assert {entry.explanation.output_unit for entry in found.explained if entry.explanation} == {found.space}
    assert all(torch.equal(a, b) for a, b in zip(before, net.parameters(), strict=True))
