"""Nobody watches: the explanation is finished before it is shown, what is stored is whole, and a failure raises."""

from __future__ import annotations

import base64
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

from tests.hosts.kernels import VERSIONS, add_kernel

ROOT = Path(__file__).resolve().parents[2]

CELL = """
import time
import numpy as np
import jupyter_xai as xai

def critic(texts):
    time.sleep(0.02)
    return np.array([0.2 + 0.6 * ("dull" in t) - 0.1 * ("brave" in t) for t in texts])

film = xai.explain(critic, "a brave but dull film", n_samples=320, batch_size=32, tolerance=0)
film
"""
FAILING = """
import jupyter_xai as xai

def critic(texts):
    raise ValueError("no such word in the vocabulary")

xai.explain(critic, "a brave but dull film")
"""
VALUES = ("dull", "brave", "+0.599", "−0.100", "settled", "320 rows")


@pytest.fixture
def write(tmp_path: Path) -> Any:
    def make(*cells: str, kernel: str = "python3") -> Path:
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
        notebook.metadata["kernelspec"] = {"name": kernel, "display_name": kernel, "language": "python"}
        nbformat.write(notebook, tmp_path / "in.ipynb")
        return tmp_path / "in.ipynb"

    return make


def run(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH", ""))))
    environment = {**os.environ, "PYTHONPATH": path}
    environment.pop("JUPYTER_XAI_HEADLESS", None)
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def check_stored(path: Path, cell: int = 0) -> None:
    """Check that a cell holds the live view and the settled picture, and neither twice."""
    outputs = [out for out in nbformat.read(path, as_version=4).cells[cell].outputs if "data" in out]
    live, picture = outputs
    assert "application/vnd.jupyter.widget-view+json" in live.data
    assert live.data["text/plain"].endswith("its stored picture is below.")
    assert not [value for value in VALUES if value not in picture.data["text/html"]], picture.data[
        "text/html"
    ]
    assert base64.b64decode(picture.data["image/png"]).startswith(b"\x89PNG")
    assert "dull" in picture.data["text/plain"]


def execute(path: Path) -> Any:
    notebook = nbformat.read(path, as_version=4)
    NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(path.parent)}}).execute()
    return notebook


def test_jupyter_execute(write: Any) -> None:
    path = write(CELL)
    done = run("-m", "jupyter", "execute", "--inplace", str(path), folder=path.parent)
    assert done.returncode == 0, done.stderr
    check_stored(path)


def test_papermill(write: Any) -> None:
    path = write(CELL)
    done = run("-m", "papermill", str(path), "out.ipynb", "--no-progress-bar", folder=path.parent)
    assert done.returncode == 0, done.stderr
    check_stored(path.parent / "out.ipynb")


@pytest.mark.parametrize("version", VERSIONS)
def test_nbclient_on_other_ipykernels(version: str, write: Any, tmp_path: Path, monkeypatch: Any) -> None:
    name = add_kernel(version, tmp_path / "data")
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "data"))
    path = write(CELL, "import ipykernel; print(ipykernel.__version__)", kernel=name)
    notebook = execute(path)
    assert notebook.cells[1].outputs[0].text.strip() == version
    nbformat.write(notebook, path)
    check_stored(path)


def test_finished_before_it_is_shown(write: Any) -> None:
    """The outputs of the cell itself, not an update that comes later: executors may have stopped listening."""
    path = write(
        "import IPython.display as display, json\n"
        "published = []\n"
        "real = display.publish_display_data\n"
        "def note(data, *a, **k):\n"
        "    published.append((sorted(data), k.get('update', False)))\n"
        "    return real(data, *a, **k)\n"
        "display.publish_display_data = note",
        CELL,
        "import time; time.sleep(1); print(json.dumps(published)); print(film.last.status, film.busy)",
    )
    notebook = execute(path)
    kinds = notebook.cells[2].outputs[0].text
    assert kinds.count("image/png") == 1
    assert "true" not in kinds  # nothing was updated afterwards
    assert "settled False" in kinds


def test_a_failing_model_raises_in_the_cell(write: Any) -> None:
    path = write(FAILING, "1")
    with pytest.raises(CellExecutionError, match="no such word in the vocabulary") as caught:
        execute(path)
    assert "ModelError" in str(caught.value)
    assert 'raise ValueError("no such word in the vocabulary")' in str(caught.value)  # the user's own line


def test_a_failing_model_fails_the_whole_run(write: Any) -> None:
    path = write(FAILING, "1")
    done = run("-m", "jupyter", "execute", "--inplace", str(path), folder=path.parent)
    assert done.returncode != 0
    assert "no such word in the vocabulary" in done.stderr


def test_a_script(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        CELL.replace("tolerance=0)", "tolerance=0, progress=True)")
        + "\nassert film.last is not None and film.last.status == 'settled'\nprint(film)\n"
        "print(round(float(film.explanation.values[0][3]), 1))\nfilm.to_html('film.html')\n"
    )
    done = run(str(script), folder=tmp_path)
    assert done.returncode == 0, done.stderr
    said, value = done.stdout.strip().splitlines()[0], done.stdout.strip().splitlines()[-1]
    assert "settled" in said
    assert value == "0.6"
    lines = done.stderr.splitlines()  # each overwrites the one before
    assert len(lines) > 4
    assert any("of 320 rows" in line for line in lines)
    assert "settled" in lines[-1]
    assert "dull" in (tmp_path / "film.html").read_text()


def test_a_script_whose_model_fails(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(FAILING)
    done = run("script.py", folder=tmp_path)
    assert done.returncode == 1
    assert "ModelError" in done.stderr
    assert "no such word in the vocabulary" in done.stderr


def test_a_script_says_nothing_by_itself(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(CELL)
    done = run("-W", "error", "script.py", folder=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_ipython_in_a_terminal(tmp_path: Path) -> None:
    (tmp_path / "script.ipy").write_text(CELL + "\ndisplay(film)\n")
    done = run("-m", "IPython", "--no-banner", "--colors=NoColor", "script.ipy", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "dull" in done.stdout
