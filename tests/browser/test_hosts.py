"""The same view in other hosts: Notebook 7, exported HTML without a network, and older kernels."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

from tests.browser.lab import HOLD, Notebook, Server, open_context
from tests.browser.seen import FILM, LOAN, TABLE_CELL, TEXT_CELL, expect, look, pull
from tests.browser.waiting import eventually, until, until_text
from tests.hosts.kernels import VERSIONS, add_kernel

TALL = {"width": 1100, "height": 2000}
NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"
STATE = ".jx .jx-state"


def wait_state(page: Any, word: str) -> None:
    until_text(page, STATE, word)


# --- Notebook 7 -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def seven(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("seven"), app="notebook")
    yield server
    server.close()


def test_notebook_7_live_then_reopened(seven: Server, browser: Any) -> None:
    seven.write("life.ipynb", TEXT_CELL, TABLE_CELL)
    context = open_context(browser, viewport=TALL)
    opened = Notebook(seven, context.new_page(), "life.ipynb").open().ready()
    page = opened.page
    opened.run_all()
    expect(page, "live", FILM, LOAN)
    pull(page, page.locator(".jx", has_text="income"))
    moved = "print([edit['op'] for edit in loan.what_if.edits], f'{loan.prediction:.3f}')"
    shown = page.locator(".jx", has_text="income").locator("[aria-checked=true] .v").inner_text()
    opened.expect_python(moved, f"['set'] {shown}")
    page.locator(".jx", has_text="income").get_by_role("button", name="Reset").click()
    opened.expect_python("print(loan.what_if.edits)", "[]")
    wait_state(page, "settled")
    until(
        page,
        """() => window.jupyterapp.shell.currentWidget.context.model.toJSON().cells.every(
                   c => JSON.stringify(c.outputs[1]?.data['text/html'] ?? '').includes('settled'))""",
    )
    opened.save()
    page.reload()
    opened.ready()
    expect(page, "live", FILM, LOAN)
    context.close()
    seven.shutdown_kernels()

    shutil.copy(seven.notebooks / "life.ipynb", seven.notebooks / "again.ipynb")
    copy = seven.read("life.ipynb")
    copy.cells[0].source += "\n# sent by mail"
    nbformat.write(copy, seven.notebooks / "mailed.ipynb")
    for name in ("again.ipynb", "mailed.ipynb"):
        context = open_context(browser, viewport=TALL)
        opened = Notebook(seven, context.new_page(), name).open().ready()
        expect(opened.page, "fallback", FILM, LOAN)
        assert look(opened.page)[1].count("jupyter_xai view") == (2 if name == "mailed.ipynb" else 0)
        context.close()
        seven.shutdown_kernels()


# --- exported, without a network --------------------------------------------------------------------------------------


def execute(notebook: Any, *, state: bool, folder: Path) -> None:
    NotebookClient(
        notebook,
        timeout=240,
        kernel_name="python3",
        store_widget_state=state,
        resources={"metadata": {"path": str(folder)}},
    ).execute()


def export(notebook: Any, folder: Path, template: str = "lab") -> Path:
    """Write the notebook as ``jupyter nbconvert --to html`` does, and return the page."""
    nbformat.write(notebook, folder / "executed.ipynb")
    command = [sys.executable, "-m", "jupyter", "nbconvert", "--to", "html", "--template", template]
    subprocess.run(
        [*command, "executed.ipynb", "--output", f"{template}.html"],
        cwd=folder,
        env={**os.environ, "JUPYTER_CONFIG_DIR": str(folder / "config")},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=120,
        check=True,
    )
    return folder / f"{template}.html"


@pytest.fixture
def offline(browser: Any) -> Iterator[Any]:
    context = open_context(browser, viewport=TALL, offline=True)
    context.route(
        "**/*", lambda route: route.continue_() if route.request.url.startswith("file:") else route.abort()
    )
    yield context.new_page()
    context.close()


@pytest.mark.parametrize("state", [True, False], ids=["with widget state", "without widget state"])
def test_exported_html_offline(state: bool, offline: Any, tmp_path: Path) -> None:
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(cell) for cell in (TEXT_CELL, TABLE_CELL)]
    )
    execute(notebook, state=state, folder=tmp_path)
    assert ("widgets" in notebook.metadata) is state
    for template in ("lab", "classic") if state else ("lab",):
        offline.goto(export(notebook, tmp_path, template).as_uri())
        expect(offline, "fallback", (*FILM, "−0.5", "settled"), (*LOAN, "+0.4", "settled"))


def test_exported_quickstart_offline(offline: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XAI_BUDGET", "200")
    notebook = nbformat.read(NOTEBOOKS / "quickstart.ipynb", as_version=4)
    execute(notebook, state=True, folder=NOTEBOOKS)
    assert "widgets" in notebook.metadata
    offline.set_viewport_size({"width": 1100, "height": 6000})
    offline.goto(export(notebook, tmp_path).as_uri())
    expect(offline, "fallback", ("bad", "good", "duration"), ("positive", "falls"), ("raises", "lowers"))
    photo = offline.locator("[class*=xai-fb-] img")
    assert photo.count() == 1
    assert photo.evaluate("e => e.naturalWidth > 50 && e.getBoundingClientRect().width > 100")


# --- other kernels ----------------------------------------------------------------------------------------------------

SLOW_CELL = """
import time
import ipykernel
import numpy as np
import jupyter_xai as xai

calls = []
def slow(texts):
    calls.append(len(texts))
    time.sleep(0.1)
    if len(calls) > limit:
        raise ValueError("no such word in the vocabulary")
    return np.array([0.2 + 0.6 * ("dull" in t) for t in texts])

view = xai.explain(slow, "a dull film, so dull", batch_size=16, n_samples=100_000, tolerance=0)
view
"""


@pytest.mark.parametrize("version", VERSIONS)
def test_streaming_stop_and_errors_on_other_ipykernels(version: str, lab: Server, browser: Any) -> None:
    kernel = add_kernel(version, lab.root / "data")
    name = f"{kernel}.ipynb"
    lab.write(name, "limit = 10_000", SLOW_CELL, HOLD, kernel=kernel)
    context = open_context(browser, viewport=TALL)
    opened = Notebook(lab, context.new_page(), name).open().ready()
    page = opened.page
    opened.run_cell(0)
    opened.run_cell(1)
    # frames of a worker arrive one after another
    wait_state(page, "of 100,000 rows")
    seen = {page.locator(STATE).first.inner_text()}

    def looked() -> int:
        seen.add(page.locator(STATE).first.inner_text())
        return len(seen)

    eventually(looked, lambda n: n > 4, page)
    expect(page, "live", ("dull", "film"))
    assert opened.python("print(ipykernel.__version__)").strip() == version
    page.locator(".jx").get_by_role("button", name="Stop").click()
    wait_state(page, "stopped")
    opened.expect_python("print(view.last.status, view.busy)", "stopped False")
    # an error of the model, on the worker
    opened.python("limit = len(calls) + 3")
    page.locator(".jx").get_by_role("button", name="Continue").click()
    page.wait_for_selector(".jx [role=alert]")
    assert "no such word in the vocabulary" in page.locator(".jx [role=alert]").inner_text()
    expect(page, "live", ("dull", "film"))
    until(  # the stored picture is published from a plain thread as well
        page,
        """() => JSON.stringify(window.jupyterapp.shell.currentWidget.context.model.toJSON().cells[1].outputs)
                   .includes('no such word in the vocabulary')""",
    )
    if version != "6.29.5":  # there messages have a shell of their own: a running cell keeps nobody waiting
        opened.python("limit = 100_000")
        page.locator(".jx").get_by_role("button", name="Try again").click()
        wait_state(page, "of 100,000 rows")
        opened.run_cell(2)
        opened.wait_busy(2)
        page.locator(".jx").get_by_role("button", name="Stop").click()
        wait_state(page, "stopped")
    context.close()
    lab.shutdown_kernels(lambda path: path == name)
