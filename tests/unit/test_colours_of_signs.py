"""The two colours of a sign are told apart by every eye, and by none are they the only difference (tests/browser)."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

color = pytest.importorskip("skimage.color")

CSS = (Path(__file__).resolve().parents[2] / "js" / "src" / "styles" / "base.css").read_text()
# Machado, Oliveira and Fernandes 2009, of whole severity, on linear light
EYES = {
    "usual": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.3039]],
}  # fmt: skip
FAR = 60
"""CIE 1976 colour difference; 2.3 is just noticeable."""


def token(name: str, theme: str) -> np.ndarray:
    """A colour as sRGB from 0 to 1."""
    block = re.search(
        r'\.jx\[data-theme="dark"\] \{(.*?)\}' if theme == "dark" else r"\.jx \{(.*?)\}", CSS, re.DOTALL
    )
    assert block is not None
    found = re.search(rf"--{name}: #([0-9a-f]{{6}});", block.group(1))
    assert found is not None
    return np.array([int(found.group(1)[i : i + 2], 16) for i in (0, 2, 4)]) / 255


def as_seen(rgb: np.ndarray, eye: str) -> np.ndarray:
    """A colour in CIELAB as an eye has it."""
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    linear = np.clip(np.asarray(EYES[eye]) @ linear, 0, 1)
    back = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return np.asarray(color.rgb2lab(back[None, None]))[0, 0]


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("eye", EYES)
def test_raises_and_lowers_are_far_apart(eye: str, theme: str) -> None:
    raises, lowers = (as_seen(token(name, theme), eye) for name in ("pos", "neg"))
    assert np.linalg.norm(raises - lowers) > FAR


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_neither_is_louder_in_grey(theme: str) -> None:
    raises, lowers = (as_seen(token(name, theme), "usual") for name in ("pos", "neg"))
    assert abs(raises[0] - lowers[0]) < 5


def test_the_test_sees_red_and_green() -> None:
    red, green = np.array([0.8, 0.2, 0.2]), np.array([0.36, 0.47, 0.16])
    assert np.linalg.norm(as_seen(red, "usual") - as_seen(green, "usual")) > FAR
    assert np.linalg.norm(as_seen(red, "deuteranopia") - as_seen(green, "deuteranopia")) < FAR
