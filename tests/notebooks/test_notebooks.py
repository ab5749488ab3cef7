"""Every notebook runs from top to bottom in a fresh kernel, on a small budget; none is kept with outputs."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

FOLDER = Path(__file__).resolve().parents[2] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))


def by_name(path):
    return path.stem


def test_there_are_notebooks():
    assert FOLDER / "quickstart.ipynb" in NOTEBOOKS


@pytest.mark.parametrize("path", NOTEBOOKS, ids=by_name)
def test_repository_holds_no_outputs(path):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    for cell in notebook.cells:
        assert not cell.get("outputs"), f"strip the outputs of {path.name}: {cell.source[:60]!r}"
        assert not cell.get("execution_count")
    assert "widgets" not in notebook.metadata


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=by_name)
def test_runs_from_a_cold_kernel(path, monkeypatch):
    monkeypatch.setenv("XAI_BUDGET", "200")  # model rows an explanation may take, the notebooks read it
    notebook = nbformat.read(path, as_version=4)
    NotebookClient(
        notebook, timeout=900, kernel_name="python3", resources={"metadata": {"path": str(FOLDER)}}
    ).execute()
    displayed = [out for cell in notebook.cells for out in cell.get("outputs", []) if "data" in out]
    assert displayed, "an executed notebook shows something"
    for out in displayed:
        assert "Traceback" not in str(out.data.get("text/html", ""))
    if path.stem == "quickstart":
        live = [out for out in displayed if "application/vnd.jupyter.widget-view+json" in out.data]
        stored = [str(out.data["text/html"]) for out in displayed if "text/html" in out.data]
        assert (len(live), len(stored)) == (3, 3)
        for html in stored:
            assert re.search(r" · finished · 20\d rows", html)  # a long text takes two more
    if path.stem == "study":
        pictures = [out for out in displayed if "image/png" in out.data]
        tables = [str(out.data["text/markdown"]) for out in displayed if "text/markdown" in out.data]
        assert len(pictures) == 6  # of two networks: the classes, the measures, their agreement
        (claims,) = (text for text in tables if "DeepExplainer is best" in text)
        assert claims.count("\n| ") == 11  # five claims on two networks, below their heads
    if path.stem == "black_box":
        pictures = [out for out in displayed if "image/png" in out.data]
        live = [out for out in displayed if "application/vnd.jupyter.widget-view+json" in out.data]
        assert (len(pictures), len(live)) == (16, 1)  # 3 inputs by 5 methods and the intervals; the view
    if path.stem == "dataset":
        live = [out for out in displayed if "application/vnd.jupyter.widget-view+json" in out.data]
        stored = [str(out.data["text/html"]) for out in displayed if "text/html" in out.data]
        assert len(live) == 4  # the global picture, the cases, one applicant, the reviews
        assert sum("weigh most" in html for html in stored) == 3
        said = [
            out.text
            for cell in notebook.cells
            for out in cell.get("outputs", [])
            if out.output_type == "stream"
        ]
        assert "True\n" in said  # the cluster's result is the one that was computed here
        assert any(re.match(r"P\(bad\) 0\.\d+, and over 12 months 0\.\d+", text) for text in said)
