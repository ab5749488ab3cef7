"""``import jupyter_xai`` costs next to nothing and brings nothing heavy."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

HEAVY = ("torch", "sklearn", "matplotlib", "anywidget", "ipywidgets", "pandas", "skimage", "scipy", "PIL")

PROBE = """
import json, sys, time
import numpy
begun = time.perf_counter()
import jupyter_xai
seconds = time.perf_counter() - begun
{more}
print(json.dumps([seconds, sorted({{m.split(".")[0] for m in sys.modules}})]))
"""


def probe(more: str = "") -> tuple[float, set[str]]:
    answer = subprocess.run(
        [sys.executable, "-c", PROBE.format(more=more)],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    seconds, modules = json.loads(answer.stdout.splitlines()[-1])
    return seconds, set(modules)


def test_import_is_light() -> None:
    seconds, modules = probe()
    assert not modules & set(HEAVY)
    # the best of a few: the limit is on the import, not on what else the machine does
    assert min(seconds, *(probe()[0] for _ in range(2))) <= 0.3


def test_kernels_need_no_widget() -> None:
    _, modules = probe("jupyter_xai.Lime; jupyter_xai.Tabular; jupyter_xai.Text")
    assert not modules & {"torch", "anywidget", "ipywidgets", "matplotlib", "skimage"}


def test_unknown_name_is_an_attribute_error() -> None:
    import jupyter_xai

    assert "explain" in dir(jupyter_xai)
    with pytest.raises(AttributeError, match="explian"):
        _ = jupyter_xai.explian
