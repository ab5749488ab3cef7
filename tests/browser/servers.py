"""Hosts that show one notebook as an application: marimo and Voila, each a process of its own."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import nbformat

from tests.browser.lab import free_port
from tests.browser.waiting import PATIENCE

MARIMO = """
import marimo

app = marimo.App()


@app.cell
def _():
{cell}
    return


if __name__ == "__main__":
    app.run()
"""


@contextlib.contextmanager
def marimo(cell: str, folder: Path) -> Iterator[str]:
    """Serve one cell as a marimo notebook; yields the address."""
    path = folder / "notebook.py"
    path.write_text(MARIMO.format(cell="\n".join("    " + line for line in cell.strip().splitlines())))
    command = ["-m", "marimo", "run", str(path), "--headless", "--no-token", "--host", "127.0.0.1"]
    with _served([*command, "--port"], folder) as address:
        yield address


@contextlib.contextmanager
def voila(cells: list[str], folder: Path) -> Iterator[str]:
    """Serve cells as a Voila application; yields the address."""
    path = folder / "notebook.ipynb"
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "python3", "language": "python"}
    nbformat.write(notebook, path)
    with _served(["-m", "voila", str(path), "--no-browser", "--port"], folder) as address:
        yield address


@contextlib.contextmanager
def _served(command: list[str], folder: Path) -> Iterator[str]:
    port = free_port()
    address = f"http://127.0.0.1:{port}/"
    environment = {
        **os.environ,
        "JUPYTER_CONFIG_DIR": str(folder / "config"),
        "JUPYTER_RUNTIME_DIR": str(folder / "runtime"),
        "IPYTHONDIR": str(folder / "ipython"),
        "XDG_CONFIG_HOME": str(folder / "config"),
        "XDG_STATE_HOME": str(folder / "state"),
        "MARIMO_SKIP_UPDATE_CHECK": "1",
    }
    environment.pop("JUPYTER_XAI_HEADLESS", None)
    with (folder / "server.log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, *command, str(port)], env=environment, stdout=log, stderr=log, cwd=folder
        )
        try:
            _wait(address, process, folder / "server.log")
            yield address
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()


def _wait(address: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 2 * PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError, urllib.error.URLError):
            urllib.request.urlopen(address, timeout=PATIENCE).close()
            return
        time.sleep(0.2)
    raise RuntimeError("the server did not start: " + log.read_text()[-2000:])
