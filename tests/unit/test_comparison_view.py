"""The live view of a comparison: streams boards, stops, keeps what is there, and is never blank."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import jupyter_xai as xai
from jupyter_xai.comparing.board import encode_board
from jupyter_xai.widget.environment import Environment

ROWS = np.random.default_rng(0).normal(size=(60, 4))


def model(X: Any) -> Any:
    return np.tanh(X[:, 0] * X[:, 1]) + X[:, 2]


def live(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a notebook whose page has not said hello yet."""
    monkeypatch.setattr(
        "jupyter_xai.comparing.one.read_environment",
        lambda headless: Environment(interactive=True, notebook=True),
    )


def say(view: Any, kind: str) -> None:
    view._on_message(view.widget, {"type": kind, "id": 1}, [])


def test_hello_starts_it_and_boards_arrive(monkeypatch: pytest.MonkeyPatch) -> None:
    live(monkeypatch)
    view = xai.compare(model, ROWS[0], ["kernel_shap", "lime", "grad_cam"], background=ROWS, n_samples=300)
    assert not view.busy
    assert view.widget.board["columns"] == []
    assert repr(view) == "<Comparison, nothing computed yet>"
    say(view, "hello")
    found = view.wait(60)
    assert found.status == "settled"
    board = view.widget.board
    assert [column["state"] for column in board["columns"]] == ["done", "done", "failed"]
    assert "image" in board["columns"][2]["why_not"]
    assert board["verdict"]
    assert view.widget.status["state"] == "settled"
    values = np.frombuffer(board["columns"][0]["values"], "<f4")
    np.testing.assert_allclose(values, found["kernel_shap"].explanation.values[0], rtol=1e-5)


def test_stop_within_a_batch_keeps_what_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    live(monkeypatch)
    calls, reached = [], threading.Event()

    def slow(X: Any) -> Any:
        calls.append(len(X))
        if len(calls) > 8:
            reached.set()
        return model(X)

    view = xai.compare(
        slow, ROWS[0], ["lime"], background=ROWS, n_samples=100_000, tolerance=0.0, batch_size=50
    )
    say(view, "hello")
    assert reached.wait(30)
    say(view, "stop")
    found = view.wait(30)
    assert found.status == "stopped"
    assert len(calls) < 1000
    assert found["lime"].explanation.n_evals < 100_000
    assert view.widget.status["state"] == "stopped"


def test_a_failure_is_said_and_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    live(monkeypatch)

    def broken(X: Any) -> Any:
        raise RuntimeError("no luck")

    view = xai.compare(broken, ROWS[0], ["lime"], background=ROWS)
    say(view, "ping")
    with pytest.raises(xai.ModelError, match="no luck"):
        view.wait(30)
    assert view.widget.status["state"] == "failed"
    assert "no luck" in view.widget.status["error"]["message"]


def test_it_has_what_the_comparison_has_and_a_stored_table() -> None:
    view = xai.compare(model, ROWS[0], ["lime", "occlusion"], background=ROWS, metrics=[], n_samples=200)
    assert [entry.label for entry in view.explained] == ["LIME", "Occlusion"]
    assert view["lime"].label == "LIME"
    data, _ = view._repr_mimebundle_()
    assert f"xai-fb-{view._page.uid}" in data["text/html"]
    assert "LIME" in data["text/html"]
    with pytest.raises(AttributeError):
        view.nothing_of_the_kind  # noqa: B018


def test_boards_hold_no_number_that_json_cannot_say() -> None:
    import json

    found = xai.compare(model, ROWS[0], ["lime", "saliency"], background=ROWS, n_samples=200).comparison
    entry = found["lime"]
    measures = {
        name: replace(each, values=np.full_like(each.values, np.nan)) for name, each in entry.measures.items()
    }
    broken = replace(found, entries=(replace(entry, measures=measures), *found.entries[1:]))
    board = encode_board(broken, random_state=0)
    json.dumps(board, default=lambda value: "", allow_nan=False)
    assert {metric["value"] for metric in board["columns"][0]["metrics"][0]} == {None}
    assert all(metric["said"] for metric in board["columns"][0]["metrics"][0])
