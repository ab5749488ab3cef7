"""Parking and asking again, errors raised twice, and the stored picture of the chosen output."""

from __future__ import annotations

import time
import traceback
from typing import Any

import pytest

from jupyter_xai.errors import ModelError
from jupyter_xai.widget import crowd
from jupyter_xai.widget.environment import Environment
from tests.unit.widget.fakes import FakeQuestion
from tests.unit.widget.test_view import HEADLESS, LIVE, make, say, until


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


def test_bye_parks_after_a_while_and_hello_in_between_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jupyter_xai.widget.presence.PARK_DELAY", 0.05)
    question = FakeQuestion()
    view = make(question, LIVE)
    _ = view.widget
    say(view, "hello")
    view.wait(10)
    say(view, "bye")
    say(view, "hello")  # the cell was moved
    time.sleep(0.15)
    assert question.dropped == 0
    say(view, "bye")
    until(lambda: question.dropped == 1)
    assert view.last is not None  # parked, not closed
    assert view.explanation.status == "settled"


def test_a_run_that_parking_cut_off_starts_again_when_a_page_comes() -> None:
    question = FakeQuestion(total=20)
    question.gate.clear()
    view = make(question, LIVE)
    _ = view.widget
    say(view, "hello")
    assert question.begun.wait(10)
    view.park()
    question.gate.set()
    view._runner.wait(10)
    say(view, "hello")
    assert view.wait(10).status == "settled"
    assert len(question.requests) == 2


def test_running_a_cell_again_parks_the_views_of_its_last_execution() -> None:
    first, second, third = FakeQuestion(), FakeQuestion(), FakeQuestion()
    views = [make(first, Environment(True, True, "cell-x", "run-1"))]
    views.append(make(second, Environment(True, True, "cell-x", "run-1")))
    assert first.dropped == 0  # two views of one execution live together
    views.append(make(third, Environment(True, True, "cell-x", "run-2")))
    assert (first.dropped, second.dropped, third.dropped) == (1, 1, 0)


def test_a_view_whose_cell_ran_again_leaves_the_page_once_nobody_looks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("jupyter_xai.widget.presence.PARK_DELAY", 0.05)
    cell = Environment(True, True, "cell-y", "run-1")
    view = make(FakeQuestion(), cell)
    view._ipython_display_()
    widget = view._live_widget()
    say(view, "hello")
    view.wait(10)
    widget.display = {"target": 1}
    newer = make(FakeQuestion(), Environment(True, True, "cell-y", "run-2"))
    time.sleep(0.15)
    assert widget.comm is not None  # another cell may show it
    say(view, "bye")
    until(lambda: widget.comm is None)
    assert view.explanation.status == "settled"
    # displayed again it is as it was, and answers
    again = view._live_widget()
    assert again is not widget
    assert (again.display, again.frame) == ({"target": 1}, widget.frame)
    before = view._run
    again._handle_custom_msg({"type": "more", "id": 1}, [])
    until(lambda: view._run == before + 1)
    assert newer.last is None


def test_a_widget_that_somebody_holds_is_never_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jupyter_xai.widget.presence.PARK_DELAY", 0.02)
    question = FakeQuestion()
    view = make(question, Environment(True, True, "cell-z", "run-1"))
    held = view.widget
    make(FakeQuestion(), Environment(True, True, "cell-z", "run-2"))
    dropped = question.dropped
    until(lambda: question.dropped > dropped)  # after the delay
    assert held.comm is not None
    assert view.widget is held


def test_a_view_that_is_displayed_again_in_time_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jupyter_xai.widget.presence.PARK_DELAY", 0.1)
    view = make(FakeQuestion(), Environment(True, True, "cell-w", "run-1"))
    widget = view._live_widget()
    make(FakeQuestion(), Environment(True, True, "cell-w", "run-2"))
    view._ipython_display_()
    time.sleep(0.25)
    assert widget.comm is not None


def test_only_the_newest_views_keep_their_caches() -> None:
    questions = [FakeQuestion() for _ in range(crowd.MAX_AWAKE + 3)]
    views = [make(question, HEADLESS) for question in questions]
    assert [question.dropped for question in questions[:3]] == [1, 1, 1]
    assert not any(question.dropped for question in questions[3:])
    assert len(views) == crowd.MAX_AWAKE + 3


def test_a_view_at_work_is_never_parked_by_newer_ones() -> None:
    question = FakeQuestion(total=20)
    question.gate.clear()
    view = make(question, LIVE)
    _ = view.widget
    say(view, "hello")
    assert question.begun.wait(10)
    others = [make(FakeQuestion(), HEADLESS) for _ in range(crowd.MAX_AWAKE + 1)]
    assert question.dropped == 0
    question.gate.set()
    assert view.wait(10).status == "settled"
    assert len(others) == crowd.MAX_AWAKE + 1


def test_what_a_page_says_again_after_a_lost_connection_is_taken_in_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    question = FakeQuestion()
    view = make(question, LIVE)
    widget = view.widget
    sent: list[Any] = []
    monkeypatch.setattr(type(widget), "send", lambda _self, content, buffers=None: sent.append(content))
    say(view, "hello")
    view.wait(10)
    request = {**view._scene.request, "method": "kernel_shap"}
    lost = {"type": "ping", "id": 5, "request": request, "display": {"target": 1}}
    view._on_message(widget, lost, [])
    assert sent[-1] == {"type": "pong", "id": 5}
    view.wait(10)
    assert (widget.request, widget.display) == (request, {"target": 1})
    assert [asked["method"] for asked in question.requests] == ["lime", "kernel_shap"]
    # the change itself comes late, or it is said once more: nothing is run for that
    view._on_message(widget, {**lost, "id": 6}, [])
    widget.set_state({"request": request})
    view.wait(10)
    assert sent[-1] == {"type": "pong", "id": 6}
    assert len(question.requests) == 2
    view._on_message(widget, {"type": "ping", "id": 7, "request": None, "display": [1]}, [])
    assert (widget.request, widget.display) == (request, {"target": 1})


def test_an_estimate_says_of_which_changes_it_is() -> None:
    view = make(FakeQuestion(), LIVE)
    widget = view.widget
    say(view, "hello")
    view.wait(10)
    assert "edits" not in widget.frame
    edits = [{"op": "set", "feature": "age", "value": 3}]
    widget.request = {**widget.request, "edits": edits}
    found = view.wait(10)
    assert widget.frame["edits"] == edits
    # the page has gone on when the next estimate of the same run comes
    view._scene.request = {**widget.request, "edits": [*edits, *edits]}
    assert view._scene.frame(view._run, found)["frame"]["edits"] == edits
