"""Parking and asking again, errors raised twice, and the stored picture of the chosen output."""

from __future__ import annotations

import traceback
from typing import Any

import pytest

from jupyter_xai.errors import ModelError
from tests.unit.widget.fakes import FakeQuestion
from tests.unit.widget.test_view import LIVE, make, say, until


def test_a_view_parked_half_way_is_finished_when_asked() -> None:
    question = FakeQuestion(total=20)
    question.gate.clear()
    view = make(question, LIVE)
    _ = view.widget
    say(view, "hello")
    assert question.begun.wait(10)
    view.park()
    question.gate.set()
    assert view.wait(10).status == "settled"  # never an estimate that says it is still running
    assert len(question.requests) == 2


def test_an_error_raised_again_does_not_grow() -> None:
    view = make(FakeQuestion(error=ModelError("Your model raised ValueError: no")))
    lengths = []
    for _ in range(3):
        with pytest.raises(ModelError) as caught:
            _ = view.explanation
        lengths.append(len(traceback.extract_tb(caught.value.__traceback__)))
    assert lengths[1] == lengths[2]


def test_the_stored_picture_is_of_the_chosen_output(monkeypatch: pytest.MonkeyPatch) -> None:
    published: list[str] = []

    def publish(data: Any, metadata: Any = None, **_: Any) -> None:
        published.append(data.get("text/html", ""))

    monkeypatch.setattr("IPython.display.publish_display_data", publish)
    view = make(FakeQuestion(), LIVE)
    view._ipython_display_()
    say(view, "hello")
    view.wait(10)
    until(lambda: "age" in published[-1])
    first = published[-1]
    view.widget.display = {"target": 1}
    until(lambda: published[-1] != first)
    plus, minus = first.count("+0."), published[-1].count("+0.")
    assert "+0.267" in first
    assert "\u22120.267" in published[-1]  # the other class: what raised it now lowers
    assert plus == minus
