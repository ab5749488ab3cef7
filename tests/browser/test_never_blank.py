"""A view is never blank in JupyterLab: exactly one of live view and stored picture is seen, and no error line."""

from __future__ import annotations

import json
import re
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
import pytest

from tests.browser.lab import HOLD, Notebook, Server, open_context
from tests.browser.seen import FILM, LOAN, TABLE_CELL, TEXT_CELL, contrasts, expect, look
from tests.browser.waiting import PATIENCE, eventually, until, until_text

Make = Callable[..., Notebook]
TALL = {"width": 1100, "height": 2000}
GONE = "The kernel has gone"

# what the stored picture says too: it rounds as the text alternative does
VALUES = {"film": ("dull", "brave", "−0.5"), "loan": ("income", "debt", "+0.4", "+0.2")}

SLOW_CELL = """
import time
import numpy as np
import jupyter_xai as xai

calls = []
def slow(texts):
    calls.append(len(texts))
    time.sleep(0.2)
    return np.array([0.2 + 0.6 * ("dull" in t) for t in texts])

view = xai.explain(slow, "a dull film", batch_size=16, n_samples=100_000, tolerance=0)
view
"""


@dataclass
class Lived:
    """A notebook that was run, settled and saved, still open and its kernel alive."""

    notebook: Notebook
    outputs: list[list[dict[str, Any]]]
    figures: list[str]
    marks: list[str]


def stored(opened: Notebook) -> list[list[dict[str, Any]]]:
    """Outputs of each code cell as they would be saved now."""
    cells = opened.page.evaluate("() => window.jupyterapp.shell.currentWidget.context.model.toJSON().cells")
    return [cell["outputs"] for cell in cells if cell["cell_type"] == "code"]


def wait_stored(opened: Notebook, views: int, word: str = "settled") -> None:
    """Wait until as many stored pictures say how the run ended."""

    def saying() -> int:
        html = [str(o["data"].get("text/html", "")) for cell in stored(opened) for o in cell if "data" in o]
        return sum(word in page for page in html)

    eventually(saying, lambda n: n >= views, opened.page)


def figures(page: Any, index: int = 0) -> str:
    """What one live view says, apart from how long it took and its axis, which streaming may have widened."""
    text = str(page.locator(".jx").nth(index).inner_text())
    ends = re.compile(r"[\u2212+]\d\.\d0?$")
    return "\n".join(line for line in text.splitlines() if "rows" not in line and not ends.match(line))


@pytest.fixture(scope="module")
def lived(browser: Any, lab: Server) -> Iterator[Lived]:
    context = open_context(browser, viewport=TALL)
    lab.write("lived.ipynb", TEXT_CELL, TABLE_CELL)
    opened = Notebook(lab, context.new_page(), "lived.ipynb").open().ready()
    page = opened.page
    # each live root gets a mark as soon as it is there: only the same node still has it later
    page.evaluate(
        """() => { let n = 0; const mark = () => { for (const e of document.querySelectorAll('.jx')) e.__mark ??= ++n };
             new MutationObserver(mark).observe(document.body, {childList: true, subtree: true}); }"""
    )
    opened.run_all()
    expect(page, "live", FILM, LOAN)
    wait_stored(opened, 2)
    opened.save()
    marks = page.evaluate("() => [...document.querySelectorAll('.jx')].map(e => e.__mark)")
    yield Lived(opened, stored(opened), [figures(page, 0), figures(page, 1)], marks)
    context.close()
    lab.shutdown_kernels()


@pytest.fixture
def reopen(browser: Any, lab: Server, lived: Lived) -> Iterator[Callable[..., Notebook]]:
    """``reopen(change)`` opens a copy of the saved notebook in a page of its own, where a fresh kernel starts."""
    contexts = []

    def make(change: Callable[[Any], None] | None = None, *, trusted: bool = True) -> Notebook:
        source, name = (
            lab.notebooks / lived.notebook.name,
            f"copy-{len(contexts)}-{time.monotonic_ns()}.ipynb",
        )
        shutil.copy(source, lab.notebooks / name)
        if change is not None:
            copy = lab.read(name)
            change(copy)
            nbformat.write(copy, lab.notebooks / name)
            if trusted:
                lab.trust(name)
        contexts.append(open_context(browser, viewport=TALL))
        return Notebook(lab, contexts[-1].new_page(), name).open()

    yield make
    for context in contexts:
        context.close()
    lab.shutdown_kernels(lambda path: path.startswith("copy-"))


# --- one notebook's life ------------------------------------------------------------------------------------


def test_live(lived: Lived) -> None:
    expect(lived.notebook.page, "live", FILM, LOAN)
    assert (
        "settled" in lived.figures[0]
        or "settled" in lived.notebook.page.locator(".jx-state").first.inner_text()
    )


def test_settling_stores_the_picture_and_does_not_touch_the_live_view(lived: Lived) -> None:
    assert lived.marks == [1, 2]  # the nodes that were mounted first
    for outputs, values in zip(lived.outputs, VALUES.values(), strict=True):
        live, picture = outputs
        assert "application/vnd.jupyter.widget-view+json" in live["data"]
        html = "".join(picture["data"]["text/html"])
        assert "settled" in html
        for value in values:
            assert value in html
        assert len("".join(picture["data"]["image/png"])) > 2000
    saved = lived.notebook.server.read(lived.notebook.name)
    for cell, outputs in zip(saved.cells, lived.outputs, strict=True):
        assert "".join(outputs[1]["data"]["text/html"]) == cell.outputs[1].data["text/html"]
        assert cell.outputs[1].data["image/png"]
    assert "widgets" not in saved.metadata  # nothing but the two outputs
    assert len(json.dumps(saved)) < 200_000


def texts(page: Any) -> list[dict[str, Any]]:
    return [text for view in page.locator(".jx").all() for text in contrasts(view)]


def test_live_text_stands_out_in_every_theme_of_jupyterlab(lived: Lived) -> None:
    opened = lived.notebook
    for name in ("Light", "Dark", "Dark High Contrast"):
        dark = name != "Light"
        opened.theme(name)
        until(
            opened.page,
            "d => [...document.querySelectorAll('.jx')].every(e => e.dataset.theme === (d ? 'dark' : 'light'))",
            dark,
        )
        # colours of the host change for a moment
        eventually(
            lambda: [text for text in texts(opened.page) if text["ratio"] < 4.5], [], opened.page, timeout=10
        )
        assert len({text["colour"] for text in texts(opened.page)}) >= 4  # ink, ink2, pos, neg
    opened.theme("Light")


def test_after_a_reload_the_live_view_is_back(lived: Lived) -> None:
    page = lived.notebook.page
    page.reload()
    lived.notebook.ready()
    expect(page, "live", FILM, LOAN)
    eventually(lambda: [figures(page, 0), figures(page, 1)], lived.figures, page)
    # and it answers: the comm is open again
    page.locator(".jx").first.get_by_role("button", name="More samples").click()
    until_text(page, ".jx .jx-state", "400 rows")


def test_reopened_with_a_fresh_kernel(reopen: Callable[..., Notebook]) -> None:
    opened = reopen().ready()
    expect(opened.page, "fallback", FILM, LOAN)


def test_a_copy_beside_the_live_original_is_not_blank(lived: Lived, lab: Server) -> None:
    """Both tabs share one document: the live view of one must not hide the picture of the other."""
    shutil.copy(lab.notebooks / lived.notebook.name, lab.notebooks / "beside.ipynb")
    lived.notebook.command("docmanager:open", path="beside.ipynb", options={"mode": "split-right"})
    page = lived.notebook.page
    page.wait_for_selector(".jp-Notebook >> nth=1")
    try:
        until(
            page,
            """() => { const {context, sessionContext} = window.jupyterapp.shell.currentWidget;
                 return context.path === 'beside.ipynb' && sessionContext.session?.kernel?.status === 'idle' }""",
        )
        page.wait_for_timeout(1000)  # it may still change
        both = ["live", "live", "fallback", "fallback"]
        eventually(lambda: [view.kind for view in look(page)[0]], both, page)
    finally:
        lived.notebook.command("docmanager:close")
        page.wait_for_timeout(500)
        lab.shutdown_kernels(lambda path: path == "beside.ipynb")


def test_reopened_with_no_kernel(reopen: Callable[..., Notebook]) -> None:
    def no_such_kernel(copy: Any) -> None:
        copy.metadata.kernelspec = {"name": "none-such", "display_name": "None such", "language": "none"}
        copy.metadata.language_info = {"name": "none"}

    opened = reopen(no_such_kernel)
    dialog = opened.page.locator(".jp-Dialog")
    dialog.locator("select").select_option(label="No Kernel")
    dialog.locator("button.jp-mod-accept").click()
    dialog.wait_for(state="detached")
    opened.page.wait_for_timeout(2000)
    expect(opened.page, "fallback", FILM, LOAN)


def test_untrusted_copy(reopen: Callable[..., Notebook]) -> None:
    def touch(copy: Any) -> None:
        copy.cells[0].source += "\n# sent by mail"

    opened = reopen(touch, trusted=False).ready()
    expect(opened.page, "fallback", FILM, LOAN)
    text = look(opened.page)[1]
    assert text.count("jupyter_xai view") == 2  # the sentence above each picture
    assert "nothing computed" not in text.lower()


def test_reopened_with_the_widget_state_saved(browser: Any, lab: Server) -> None:
    """With JupyterLab's own setting on, the live view is shown from what was saved."""
    settings = lab.root / "lab-settings" / "@jupyter-widgets" / "jupyterlab-manager"
    settings.mkdir(parents=True, exist_ok=True)
    (settings / "plugin.jupyterlab-settings").write_text('{"saveState": true}')
    lab.write("with-state.ipynb", TEXT_CELL, TABLE_CELL)
    context = open_context(browser, viewport=TALL)
    try:
        opened = Notebook(lab, context.new_page(), "with-state.ipynb").open().ready()
        opened.run_all()
        expect(opened.page, "live", FILM, LOAN)
        wait_stored(opened, 2)
        opened.save()
        assert "widgets" in lab.read("with-state.ipynb").metadata
    finally:
        context.close()
        lab.shutdown_kernels(lambda path: path == "with-state.ipynb")
    context = open_context(browser, viewport=TALL)
    try:
        opened = Notebook(lab, context.new_page(), "with-state.ipynb").open().ready()
        expect(opened.page, "live", FILM, LOAN)
        for view in opened.page.locator(".jx").all():
            eventually(lambda view=view: "saved" in view.inner_text(), True, opened.page)
            assert view.get_by_role("button", name="More samples").count() == 0
    finally:
        context.close()
        (settings / "plugin.jupyterlab-settings").unlink()
        lab.shutdown_kernels(lambda path: path == "with-state.ipynb")


# --- what happens to a view ---------------------------------------------------------------------------------


def test_one_view_in_two_cells(notebook: Make) -> None:
    opened = notebook(TABLE_CELL, "loan")
    page = opened.page
    opened.run_all()
    views = expect(page, "live", LOAN, LOAN)
    assert views[0].uid == views[1].uid
    wait_stored(opened, 2)
    first, second = page.get_by_role("radiogroup", name="Output explained").all()
    before = figures(page, 0)
    second.get_by_role("radio").nth(1).click()
    until(page, "before => document.querySelector('.jx').innerText.indexOf(before) < 0", before)
    expect(page, "live", LOAN[:2], LOAN[:2])
    eventually(
        lambda: (
            "refused" in first.get_by_role("radio", checked=True).inner_text()
            and figures(page, 0) == figures(page, 1)
        ),
        True,
        page,
    )


@pytest.mark.parametrize("how", ["restarted", "killed", "shut down"])
def test_a_kernel_that_has_gone_is_said_by_the_view(notebook: Make, lab: Server, how: str) -> None:
    opened = notebook(TEXT_CELL)
    page = opened.page
    opened.run_all()
    expect(page, "live", FILM)
    if how == "restarted":
        page.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart()")
    elif how == "shut down":  # as a hub does with idle ones
        lab.shutdown_kernels()
    else:
        page.evaluate(
            """() => { window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.requestExecute(
                         {code: 'import os; os._exit(1)'}) }"""
        )
    until_text(page, ".jx", GONE)
    if page.locator(".jp-Dialog").count():  # JupyterLab says it too
        page.locator(".jp-Dialog button.jp-mod-accept").click()
    expect(page, "live", FILM)  # the picture stays
    assert page.locator(".jx").get_by_role("button", name="More samples").count() == 0


def test_running_the_cell_again_leaves_one_view_at_work(notebook: Make) -> None:
    opened = notebook("all_views = []", SLOW_CELL.replace("\nview\n", "\nall_views.append(view)\nview\n"))
    page = opened.page
    opened.run_cell(0)
    opened.wait_idle()
    for run in range(1, 6):
        opened.run_cell(1)
        until(
            page,
            "n => document.querySelectorAll('.jp-InputPrompt')[1].textContent.includes(n)",
            f"[{run + 1}]",
        )
        until_text(page, ".jx .jx-state", "of 100,000 rows")
    expect(page, "live", ("dull", "film"))
    opened.expect_python("print([v.busy for v in all_views])", str([False] * 4 + [True]))
    page.locator(".jx").get_by_role("button", name="Stop").click()
    until_text(page, ".jx .jx-state", "stopped")
    opened.expect_python("print(all_views[-1].last.status)", "stopped")


@pytest.mark.parametrize(
    ("command", "reloaded"),
    [
        ("notebook:delete-cell", False),
        ("notebook:clear-cell-output", False),
        ("notebook:clear-cell-output", True),  # the first page's view never said bye
    ],
)
def test_a_view_that_was_removed_stops_working(notebook: Make, command: str, reloaded: bool) -> None:
    opened = notebook(SLOW_CELL, "1")
    page = opened.page
    opened.run_cell(0)
    expect(page, "live", ("dull", "film"))
    if reloaded:
        opened.save()
        page.reload()
        opened.ready()
        expect(page, "live", ("dull", "film"))
    page.evaluate("() => { window.jupyterapp.shell.currentWidget.content.activeCellIndex = 0 }")
    opened.command(command)
    page.wait_for_selector(".jx", state="detached")
    opened.expect_python("print(view.busy)", "False")  # after a moment: it might have been on the move
    assert "dull" in opened.python("print(view.last.feature_names)")  # what it found is kept


def test_a_view_that_was_moved_goes_on(notebook: Make) -> None:
    opened = notebook(SLOW_CELL, "1")
    page = opened.page
    opened.run_cell(0)
    expect(page, "live", ("dull", "film"))
    page.evaluate("() => { window.jupyterapp.shell.currentWidget.content.activeCellIndex = 0 }")
    opened.command("notebook:move-cell-down")
    until(page, "() => document.querySelectorAll('.jp-Cell')[1].querySelector('.jx')")
    page.wait_for_timeout(3000)
    expect(page, "live", ("dull", "film"))
    assert opened.python("print(view.busy)").strip() == "True"
    page.locator(".jx").get_by_role("button", name="Stop").click()
    until_text(page, ".jx .jx-state", "stopped")


def test_ten_views_started_at_once_all_settle(notebook: Make) -> None:
    opened = notebook(
        SLOW_CELL.replace("100_000", "64").replace("\nview\n", "\n"),
        "views = [xai.explain(slow, f'a dull film {i}', batch_size=16, n_samples=64, tolerance=0)"
        " for i in range(10)]\n"
        "for v in views: display(v)",
    )
    page = opened.page
    page.set_viewport_size({"width": 1100, "height": 3600})
    opened.run_all()
    until(
        page,
        """() => { const all = [...document.querySelectorAll('.jx .jx-state')].map(e => e.textContent);
                   return all.length === 10 && all.every(t => /settled|capped/.test(t)) }""",
        timeout=2 * PATIENCE,
    )


def test_a_run_that_is_under_way_has_stored_a_picture(notebook: Make) -> None:
    opened = notebook(SLOW_CELL)
    opened.run_all()
    expect(opened.page, "live", ("dull", "film"))
    wait_stored(opened, 1, "unfinished")


def test_reloaded_while_a_cell_runs_the_stored_picture_is_seen_at_once(notebook: Make) -> None:
    opened = notebook(TEXT_CELL, HOLD)
    page = opened.page
    opened.run_cell(0)
    expect(page, "live", FILM)
    wait_stored(opened, 1)
    opened.run_cell(1)
    opened.wait_busy(1)
    opened.save()
    page.reload()
    expect(page, "fallback", FILM)
    opened.release()
    expect(page, "live", FILM)


# --- nothing from elsewhere ---------------------------------------------------------------------------------


def test_nothing_is_loaded_and_nothing_listens(notebook: Make, lab: Server, page: Any) -> None:
    asked: list[str] = []
    sockets: list[str] = []

    def only_the_server(route: Any) -> None:
        url = route.request.url
        if url.startswith((lab.url, "data:", "blob:")):
            route.continue_()
        else:
            asked.append(url)
            route.abort()

    page.context.route("**/*", only_the_server)
    page.on("websocket", lambda socket: sockets.append(socket.url))
    listening = (
        "import psutil; print(sorted(c.laddr.port for c in psutil.Process().net_connections('inet')"
        " if c.status == 'LISTEN'))"
    )
    opened = notebook("1", TEXT_CELL, TABLE_CELL)
    page.set_viewport_size(TALL)
    before = opened.python(listening)
    opened.run_all()
    expect(page, "live", FILM, LOAN)
    wait_stored(opened, 2)
    page.wait_for_timeout(500)
    assert not asked
    assert all(url.startswith(lab.url.replace("http", "ws")) for url in sockets)
    assert opened.python(listening) == before


def test_paths_of_the_bundle_name_no_other_host() -> None:
    static = Path(__file__).parents[2] / "jupyter_xai" / "widget" / "static"
    import re

    text = "".join(path.read_text() for path in static.glob("*.*"))
    hosts = set(re.findall(r"https?://([\w.-]+)", text)) - {
        "www.w3.org"
    }  # names of the SVG and MathML namespaces
    assert not hosts
