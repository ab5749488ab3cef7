"""Whether anybody can answer is read in the running cell's own request."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from jupyter_xai.widget import environment
from jupyter_xai.widget.environment import read_environment


def pretend(monkeypatch: pytest.MonkeyPatch, parent: dict[str, Any] | None) -> None:
    kernel = None if parent is None else SimpleNamespace(get_parent=lambda channel: parent)
    monkeypatch.setattr(environment, "_kernel", lambda: kernel)
    monkeypatch.delenv("JUPYTER_XAI_HEADLESS", raising=False)


LAB = {"content": {"allow_stdin": True}, "metadata": {"cellId": "abc"}, "header": {"msg_id": "m1"}}
NBCLIENT = {"content": {"allow_stdin": False}, "metadata": {}, "header": {"msg_id": "m2"}}


def test_a_live_cell(monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(monkeypatch, LAB)
    found = read_environment()
    assert found.interactive
    assert found.notebook
    assert (found.cell, found.execution) == ("abc", "m1")


@pytest.mark.parametrize("parent", [NBCLIENT, {}], ids=["an executor", "no request"])
def test_nobody_to_answer(monkeypatch: pytest.MonkeyPatch, parent: dict[str, Any]) -> None:
    pretend(monkeypatch, parent)
    found = read_environment()
    assert found.notebook
    assert not found.interactive


def test_a_script(monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(monkeypatch, None)
    assert read_environment() == environment.Environment(interactive=False, notebook=False)
    assert not read_environment(headless=False).interactive  # no kernel: there is no page to wait for


@pytest.mark.parametrize(("variable", "interactive"), [("1", False), ("0", True)])
def test_the_variable_decides(monkeypatch: pytest.MonkeyPatch, variable: str, interactive: bool) -> None:
    pretend(monkeypatch, NBCLIENT if interactive else LAB)
    monkeypatch.setenv("JUPYTER_XAI_HEADLESS", variable)
    assert read_environment().interactive is interactive


def test_the_argument_decides_over_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(monkeypatch, LAB)
    monkeypatch.setenv("JUPYTER_XAI_HEADLESS", "0")
    assert not read_environment(headless=True).interactive
