"""Every public name exists, is documented and has an example that runs as a doctest."""

from __future__ import annotations

import inspect

import pytest

import jupyter_xai
from jupyter_xai.registry import DEFAULT_METHOD, KERNELS

NAMES = [name for name in jupyter_xai.__all__ if not name.startswith("_")]
SIMPLE = {"InputError", "TargetError", "ModelError", "CannotExplainError"}
"""Errors whose message is their documentation."""


@pytest.mark.parametrize("name", NAMES)
def test_public_names_are_documented(name: str) -> None:
    thing = getattr(jupyter_xai, name)
    doc = inspect.getdoc(thing) or ""
    assert doc
    if name not in SIMPLE:
        assert ">>>" in doc, f"{name} has no example"


@pytest.mark.parametrize("name", list(KERNELS))
def test_every_kernel_is_public(name: str) -> None:
    cls = KERNELS[name].load()
    assert getattr(jupyter_xai, cls.__name__) is cls


def test_every_default_method_is_a_kernel() -> None:
    assert set(DEFAULT_METHOD.values()) <= set(KERNELS)


def test_signature_of_explain() -> None:
    parameters = list(inspect.signature(jupyter_xai.explain).parameters)
    assert parameters[:14] == [
        "model", "x", "method", "masker", "background", "baseline", "targets", "n_targets", "output", "threshold",
        "feature_names", "output_names", "random_state", "batch_size",
    ]  # fmt: skip
