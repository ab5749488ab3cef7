"""One server and one browser for a file of tests; every test has a page of its own."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from jupyter_xai.widget.widget import script_for, style_for
from tests.browser.lab import Notebook, Server, chromium, open_context
from tests.browser.plain import GROUNDS, MOUNT, PAGE, STATIC
from tests.browser.proxy import Proxy
from tests.golden.make import pack


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything here needs a browser; where nobody can look again, a failure is tried once more and said."""
    reruns = int(os.environ.get("XAI_BROWSER_RERUNS", "0"))
    for item in items:
        if "tests/browser" in str(item.path):
            item.add_marker(pytest.mark.browser)
            if reruns:
                item.add_marker(pytest.mark.flaky(reruns=reruns))


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Say loudly which tests did not pass at once."""
    again = {report.nodeid for report in terminalreporter.stats.get("rerun", ())}
    if again:
        terminalreporter.write_sep(
            "!", f"{len(again)} browser tests failed at first and were run again", red=True
        )
        for report in terminalreporter.stats["rerun"]:
            terminalreporter.write_line(f"AGAIN {report.nodeid}", red=True)
            terminalreporter.write_line(str(report.longrepr)[-3000:])


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    with chromium() as running:
        yield running


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("lab"))
    yield server
    server.close()


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    context = open_context(browser, viewport={"width": 1100, "height": 1000})
    yield context.new_page()
    context.close()


@pytest.fixture
def notebook(lab: Server, page: Any, request: pytest.FixtureRequest) -> Iterator[Callable[..., Notebook]]:
    """``notebook(*cells)`` opens a new notebook of these cells in JupyterLab."""

    def make(*cells: str) -> Notebook:
        stem = "".join(c if c.isalnum() else "-" for c in request.node.name.removeprefix("test_"))
        name = f"{stem[:40]}.ipynb"
        lab.write(name, *cells)
        return Notebook(lab, page, name).open().ready()

    yield make
    lab.shutdown_kernels()


@pytest.fixture
def proxied(lab: Server, browser: Any, request: pytest.FixtureRequest) -> Iterator[Callable[..., Any]]:
    """``proxied(*cells)`` opens a notebook over a wire that can be cut; returns both."""
    context = open_context(browser, viewport={"width": 1100, "height": 1000})
    with Proxy(lab.url) as wire:

        def make(*cells: str) -> tuple[Notebook, Proxy]:
            name = f"cut-{request.node.name.removeprefix('test_')[:30]}.ipynb"
            lab.write(name, *cells)
            opened = Notebook(lab, context.new_page(), name, wire.url).open().ready()
            return opened, wire

        yield make
        context.close()
    lab.shutdown_kernels()


@pytest.fixture
def show(browser: Any) -> Iterator[Callable[..., Any]]:
    """``show(state, width, ground)`` mounts a view and returns its page; markup that runs fails the test."""
    contexts, problems = [], []

    def make(state: dict[str, Any], width: int, ground: str = "light", **more: Any) -> Any:
        context = open_context(browser, viewport={"width": width + 20, "height": 900}, **more)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("dialog", lambda dialog: problems.append(dialog.message) or dialog.dismiss())
        page.set_content(PAGE % ((STATIC / style_for(state)).read_text(), *GROUNDS[ground]))
        sources = [(STATIC / name).read_text() for name in (script_for(state), "index.js")]
        page.evaluate(MOUNT, [*sources, pack(state)])
        return page

    yield make
    for context in contexts:
        context.close()
    assert problems == []
