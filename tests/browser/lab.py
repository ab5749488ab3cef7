"""A real JupyterLab or Notebook server and a real Chromium, for tests that look at what a person sees."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tests.browser.waiting import PATIENCE, eventually, until

CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


BRIGHT = """
import numpy as np
import jupyter_xai as xai

photo = np.full((48, 64, 3), 90, dtype=np.uint8)
photo[:24, :32] = 230

def bright(batch):
    p = np.asarray(batch)[:, :24, :32].mean(axis=(1, 2, 3)) / 255
    return np.stack([p, 1 - p], axis=1)
"""
"""A photo, and a model that sees how bright its upper left quarter is."""

HOLD = """
import pathlib, time
pathlib.Path("go").unlink(missing_ok=True)
while not pathlib.Path("go").exists():
    time.sleep(0.05)
pathlib.Path("go").unlink()
"""
"""A cell that runs until the test says so, see :meth:`Notebook.release`; or for ever."""


def find_chromium() -> str:
    """Path of a browser; the Makefile finds or installs one and names it in CHROMIUM."""
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    path = os.environ.get("CHROMIUM") or next(
        (found for name in names if (found := shutil.which(name))), None
    )
    if path is None:
        raise RuntimeError(
            "no browser for the browser tests: run make browser, or set CHROMIUM to a Chromium binary"
        )
    return path


def free_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Server:
    """One Jupyter server over a folder of notebooks, with configuration of its own."""

    def __init__(self, root: Path, app: str = "lab") -> None:
        self.root = root
        self.notebooks = root / "notebooks"
        self.notebooks.mkdir(parents=True, exist_ok=True)
        self.app = app
        self.token = secrets.token_hex(8)
        self.url = f"http://127.0.0.1:{(port := free_port())}"
        environment = {
            **os.environ,
            "JUPYTER_CONFIG_DIR": str(root / "config"),
            "JUPYTER_DATA_DIR": str(root / "data"),
            "JUPYTER_RUNTIME_DIR": str(root / "runtime"),
            "IPYTHONDIR": str(root / "ipython"),
            "JUPYTERLAB_SETTINGS_DIR": str(root / "lab-settings"),
            "JUPYTERLAB_WORKSPACES_DIR": str(root / "lab-workspaces"),
            "XAI_TEST_ROOT": str(Path(__file__).resolve().parents[2]),
        }
        environment.pop("JUPYTER_XAI_HEADLESS", None)
        settings = root / "lab-settings" / "@jupyterlab" / "apputils-extension"
        settings.mkdir(parents=True, exist_ok=True)
        (settings / "notification.jupyterlab-settings").write_text(
            '{"fetchNews": "false", "checkForUpdates": false}'
        )
        self._log = (root / "server.log").open("w")
        self._process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "jupyter",
                app,
                "--no-browser",
                "--allow-root",
                f"--port={port}",
                "--ServerApp.port_retries=0",
                f"--IdentityProvider.token={self.token}",
                f"--ServerApp.root_dir={self.notebooks}",
                "--LabApp.expose_app_in_browser=True"
                if app == "lab"
                else "--JupyterNotebookApp.expose_app_in_browser=True",
            ],
            env=environment,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            cwd=self.notebooks,
        )
        self._wait()

    def _wait(self) -> None:
        deadline = time.monotonic() + 2 * PATIENCE
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError):
                self.api("GET", "api/status")
                return
            if self._process.poll() is not None:
                break
            time.sleep(0.2)
        raise RuntimeError(
            "the Jupyter server did not start: " + (self.root / "server.log").read_text()[-2000:]
        )

    def api(self, verb: str, path: str, body: Any = None) -> Any:
        """One call of the server's REST interface."""
        request = urllib.request.Request(
            f"{self.url}/{path}",
            method=verb,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"token {self.token}", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            text = answer.read().decode()
        return json.loads(text) if text else None

    def write(self, name: str, *cells: str, kernel: str = "python3") -> Path:
        """Write a notebook of code cells."""
        import nbformat

        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
        notebook.metadata["kernelspec"] = {"name": kernel, "display_name": kernel, "language": "python"}
        path = self.notebooks / name
        nbformat.write(notebook, path)
        return path

    def read(self, name: str) -> Any:
        """Read a notebook as it lies on disk."""
        import nbformat

        return nbformat.read(self.notebooks / name, as_version=4)

    def trust(self, name: str) -> None:
        """Sign a notebook as ``jupyter trust`` does."""
        from nbformat.sign import NotebookNotary

        NotebookNotary(data_dir=str(self.root / "data")).sign(self.read(name))

    def shutdown_kernels(self, of: Callable[[str], bool] = lambda path: True) -> None:
        """End the kernels and sessions of the notebooks whose path passes; of all by default."""
        for session in self.api("GET", "api/sessions"):
            if of(session["path"]):
                with contextlib.suppress(urllib.error.HTTPError):  # it may end by itself meanwhile
                    self.api("DELETE", f"api/sessions/{session['id']}")

    def close(self) -> None:
        """End the server and its kernels."""
        with contextlib.suppress(Exception):
            self.shutdown_kernels()
        self._process.terminate()
        try:
            self._process.wait(15)
        except subprocess.TimeoutExpired:
            self._process.kill()
        self._log.close()


class Notebook:
    """One notebook open in a page."""

    def __init__(self, server: Server, page: Any, name: str, url: str | None = None) -> None:
        self.server, self.page, self.name = server, page, name
        self.url = url or server.url  # where the page finds the server

    def open(self) -> Notebook:
        """Go to the notebook and wait for its kernel to be idle."""
        server, page = self.server, self.page
        if server.app == "lab":
            space = secrets.token_hex(4)
            page.goto(f"{self.url}/lab/workspaces/{space}/tree/{self.name}?token={server.token}&reset")
        else:
            page.goto(f"{self.url}/notebooks/{self.name}?token={server.token}")
        page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=2000 * PATIENCE)
        return self

    def ready(self) -> Notebook:
        """Wait until the kernel is connected and idle."""
        until(
            self.page,
            """() => { const panel = window.jupyterapp?.shell?.currentWidget;
                       const kernel = panel?.sessionContext?.session?.kernel;
                       return kernel?.connectionStatus === 'connected' && kernel?.status === 'idle' }""",
            timeout=2 * PATIENCE,
        )
        return self

    def command(self, name: str, **arguments: Any) -> None:
        """Run a JupyterLab command without waiting for what it starts."""
        self.page.evaluate("([n, a]) => { window.jupyterapp.commands.execute(n, a) }", [name, arguments])

    def run_all(self) -> None:
        """Run every cell; does not wait."""
        self.command("notebook:run-all-cells")

    def run_cell(self, index: int) -> None:
        """Run one cell; does not wait."""
        self.page.evaluate(
            """i => { const n = window.jupyterapp.shell.currentWidget.content; n.activeCellIndex = i;
                      n.deselectAll?.(); window.jupyterapp.commands.execute('notebook:run-cell') }""",
            index,
        )

    def wait_busy(self, index: int) -> None:
        """Wait until a cell is waiting or running."""
        until(
            self.page,
            "i => document.querySelectorAll('.jp-InputPrompt')[i].textContent.includes('*')",
            index,
        )

    def wait_idle(self, timeout: float = PATIENCE) -> None:
        """Wait until no cell is waiting or running."""
        until(
            self.page,
            """() => { const panel = window.jupyterapp.shell.currentWidget;
                       const busy = [...panel.content.node.querySelectorAll('.jp-InputPrompt')]
                         .some(p => p.textContent.includes('*'));
                       return !busy && panel.sessionContext.session?.kernel?.status === 'idle' }""",
            timeout=timeout,
        )

    def save(self) -> None:
        """Save and wait until it is done."""
        self.page.evaluate("() => window.jupyterapp.shell.currentWidget.context.save()")

    def theme(self, name: str) -> None:
        """Switch JupyterLab's theme: Light, Dark or Dark High Contrast."""
        theme, dark = f"JupyterLab {name}", name.startswith("Dark")
        self.page.evaluate(
            "t => window.jupyterapp.commands.execute('apputils:change-theme', {theme: t})", theme
        )
        until(self.page, "d => document.body.dataset.jpThemeLight === String(!d)", dark)

    def expect_python(self, code: str, expected: str) -> None:
        """Wait until code prints this, spaces at its ends aside: what a page sends is on its way for a moment."""
        eventually(lambda: self.python(code).strip(), expected, self.page)

    def release(self) -> None:
        """Let the cell of ``HOLD`` end."""
        (self.server.notebooks / "go").touch()

    def python(self, code: str, timeout: float = PATIENCE) -> str:
        """Run code in the notebook's kernel, beside the cells, and return what it prints."""
        return str(
            self.page.evaluate(
                """async ([code, seconds]) => {
                    const kernel = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel;
                    const future = kernel.requestExecute({code, store_history: false, silent: false});
                    let text = '';
                    future.onIOPub = m => {
                      if (m.header.msg_type === 'stream') text += m.content.text;
                      if (m.header.msg_type === 'error') text += m.content.traceback.join('\\n');
                    };
                    const late = new Promise((_, no) => setTimeout(
                      () => no(new Error(`no end after ${seconds} s: ${code}`)), seconds * 1000));
                    await Promise.race([future.done, late]);
                    return text }""",
                [code, timeout],
            )
        )


def open_context(browser: Any, **options: Any) -> Any:
    """A window of its own, whose every action is given time."""
    context = browser.new_context(**options)
    context.set_default_timeout(1000 * PATIENCE)
    return context


@contextlib.contextmanager
def chromium() -> Iterator[Any]:
    """A headless browser."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=find_chromium(), args=CHROMIUM_FLAGS, headless=True
        )
        try:
            yield browser
        finally:
            browser.close()
