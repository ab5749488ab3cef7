"""One server and one browser for a file of tests; every test has a page of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.browser.lab import Notebook, Server, chromium


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything here needs a browser."""
    for item in items:
        if "tests/browser" in str(item.path):
            item.add_marker(pytest.mark.browser)


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
    context = browser.new_context(viewport={"width": 1100, "height": 1000})
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
