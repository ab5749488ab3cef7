"""The view without a page: start, wait, stop, resume, errors, messages, what is sent when."""

from __future__ import annotations

import base64
import json
import threading
import time
from typing import Any

import pytest

from jupyter_xai.errors import ModelError
from jupyter_xai.widget.environment import Environment
from jupyter_xai.widget.view import View
from tests.unit.widget.fakes import FakeQuestion, make_estimate

LIVE = Environment(interactive=True, notebook=True, cell="c1", execution="e1")
HEADLESS = Environment(interactive=False, notebook=True)


def make(question: FakeQuestion, environment: Environment = HEADLESS) -> View:
    return View(question, {"method": "lime", "params": {}, "edits": [], "random_state": 0}, environment)


def until(condition: Any, seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.005)


def say(view: View, kind: str, number: int = 1) -> None:
    view._on_message(None, {"type": kind, "id": number}, [])


def test_explanation_computes_here_and_is_the_last_estimate() -> None:
    view = make(FakeQuestion(total=4))
    assert view.last is None
    assert view.explanation.n_evals == 4
    assert view.explanation is view.last
    assert view._page.get("status")["state"] == "settled"


def test_wait_times_out_and_the_run_goes_on() -> None:
    question = FakeQuestion()
    question.gate.clear()
    view = make(question)
    with pytest.raises(TimeoutError, match=r"view\.last has the newest estimate"):
        view.wait(0.05)
    until(lambda: view.last is not None)
    question.gate.set()
    assert view.wait(10).status == "settled"


def test_stop_keeps_the_partial_and_resume_goes_on() -> None:
    question = FakeQuestion(total=50)
    question.gate.clear()
    view = make(question)
    view._start_once()
    assert question.begun.wait(10)
    view.stop()
    question.gate.set()
    partial = view.explanation
    assert partial.status == "stopped"
    assert partial.n_evals <= 2
    assert view._page.get("status")["state"] == "stopped"
    view.resume()
    assert view.wait(10).status == "settled"


def test_a_failed_run_raises_and_keeps_the_last_good_estimate() -> None:
    error = ModelError("Your model raised ValueError on a batch of 64 rows: no", 64)
    view = make(FakeQuestion(error=error))
    with pytest.raises(ModelError, match="64 rows"):
        _ = view.explanation
    assert view.last is not None
    assert view.last.n_evals == 1
    status = view._page.get("status")
    assert status["state"] == "failed"
    assert status["error"]["title"] == "It failed."
    assert view._page.get("frame")["n_evals"] == 1  # the last good picture stays
    view._question.error = None  # type: ignore[attr-defined]
    view.resume()
    assert view.wait(10).status == "settled"
    assert view._page.get("status")["error"] is None


def test_a_live_view_waits_for_the_page_and_sends_nothing_before_hello() -> None:
    question = FakeQuestion()
    view = make(question, LIVE)
    widget = view.widget
    assert widget.frame == {}
    assert question.requests == []
    say(view, "hello")
    assert view.wait(10).status == "settled"
    until(lambda: widget.status.get("state") == "settled")
    assert widget.frame["state"] == "settled"
    assert widget.geometry["layout"]["columns"][0]["name"] == "age"


def test_computed_before_it_was_displayed_it_is_complete_when_the_page_comes() -> None:
    view = make(FakeQuestion(), LIVE)
    assert view.explanation.status == "settled"
    widget = view.widget
    say(view, "hello")
    assert widget.frame["state"] == "settled"
    assert view._run == 1  # hello started no second run


def test_hello_of_a_second_page_starts_nothing() -> None:
    question = FakeQuestion()
    view = make(question, LIVE)
    _ = view.widget
    say(view, "hello")
    view.wait(10)
    say(view, "hello")
    view.wait(10)
    assert len(question.requests) == 1


def test_a_request_of_the_page_starts_a_run_and_ours_does_not() -> None:
    question = FakeQuestion()
    view = make(question, LIVE)
    widget = view.widget
    say(view, "hello")
    view.wait(10)
    widget.request = {**widget.request, "random_state": 7}
    view.wait(10)
    assert [request["random_state"] for request in question.requests] == [0, 7]


def test_more_doubles_the_samples() -> None:
    question = FakeQuestion()
    view = make(question, LIVE)
    _ = view.widget
    say(view, "hello")
    view.wait(10)
    say(view, "more")
    view.wait(10)
    assert question.requests[-1]["params"] == {"n_samples": 16}


def test_ping_is_answered_with_its_number(monkeypatch: pytest.MonkeyPatch) -> None:
    view = make(FakeQuestion(), LIVE)
    sent: list[Any] = []
    monkeypatch.setattr(type(view.widget), "send", lambda self, content, buffers=None: sent.append(content))
    say(view, "ping", 41)
    assert sent == [{"type": "pong", "id": 41}]
    assert (
        view.wait(10).status == "settled"
    )  # hello may be held up behind a cell: a ping starts the run as well


@pytest.mark.parametrize("message", [None, 3, [], {}, {"type": "no such"}, {"type": ["stop"]}, {"id": 3}])
def test_strange_messages_do_no_harm(message: Any) -> None:
    view = make(FakeQuestion(), LIVE)
    view._on_message(None, message, [])
    assert view.explanation.status == "settled"


def test_views_of_a_page_that_was_reloaded_do_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jupyter_xai.widget.presence.PARK_DELAY", 0.02)
    page = ["first load"]
    monkeypatch.setattr("jupyter_xai.widget.presence.asking_page", lambda: page[0])
    question = FakeQuestion()
    view = make(question, LIVE)
    _ = view.widget
    say(view, "hello")
    page[0] = "second load"
    say(view, "hello")
    say(view, "bye")
    until(lambda: question.dropped == 1)
    page[0] = "first load"
    say(view, "bye")
    assert view._presence.places == 0


def test_a_long_run_stores_its_picture_on_the_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jupyter_xai.widget.view.PICTURE_FIRST", 0.0)
    monkeypatch.setattr("jupyter_xai.widget.view.PICTURE_DELAY", 0.0)
    question = FakeQuestion(total=20)
    question.gate.clear()
    view = make(question, LIVE)
    stored: list[dict[str, str]] = []
    monkeypatch.setattr(view._page, "update_fallback", lambda draw: stored.append(draw()))
    _ = view.widget
    view._page.shown = True
    say(view, "hello")
    until(lambda: len(stored) == 1)
    assert "age" in stored[0]["text/html"]
    assert view.busy
    question.gate.set()
    view.wait(10)
    until(lambda: "settled" in stored[-1]["text/html"])


def test_progress_goes_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    view = View(
        FakeQuestion(total=5), {"method": "lime", "params": {}}, Environment(False, False), progress=True
    )
    view.wait(10)
    until(lambda: not view._runner.busy)
    error = capsys.readouterr().err
    assert "settled" in error
    assert error.endswith("\n")


def test_two_outputs_are_published_and_the_live_one_is_never_updated(monkeypatch: pytest.MonkeyPatch) -> None:
    published: list[tuple[dict[str, Any], dict[str, Any], bool]] = []

    def publish(
        data: Any, metadata: Any = None, *, transient: Any = None, update: bool = False, **_: Any
    ) -> None:
        published.append((data, transient or {}, update))

    monkeypatch.setattr("IPython.display.publish_display_data", publish)
    view = make(FakeQuestion(), LIVE)
    view._ipython_display_()
    (live, _, _), (static, transient, _) = published
    assert "application/vnd.jupyter.widget-view+json" in live
    assert "text/html" not in live
    assert set(static) >= {"text/html", "text/plain"}
    assert transient["display_id"]
    say(view, "hello")
    view.wait(10)
    until(lambda: len(published) == 3)
    data, again, update = published[2]
    assert update
    assert again == transient
    assert "age" in data["text/html"]
    assert data["image/png"]


def test_nothing_sent_is_not_json_or_a_buffer() -> None:
    view = make(FakeQuestion(), LIVE)
    widget = view.widget
    say(view, "hello")
    view.wait(10)
    until(lambda: widget.status.get("state") == "settled")

    def plain(value: Any) -> Any:
        if isinstance(value, bytes | memoryview):
            return base64.b64encode(bytes(value)).decode()
        if isinstance(value, dict):
            return {key: plain(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [plain(item) for item in value]
        assert value is None or type(value) in (str, int, float, bool), type(value)
        return value

    for name in ("geometry", "frame", "status", "curves", "request", "display"):
        json.dumps(plain(getattr(widget, name)), allow_nan=False)


def test_frames_and_geometry_belong_together() -> None:
    view = make(FakeQuestion(), LIVE)
    widget = view.widget
    seen: list[tuple[int, int]] = []
    widget.observe(lambda change: seen.append((change["new"]["run"], change["new"]["seq"])), "frame")
    say(view, "hello")
    view.wait(10)
    view.resume()
    view.wait(10)
    until(lambda: widget.status.get("state") == "settled")
    assert seen == sorted(seen)
    assert widget.frame["run"] == widget.status["run"] == 2
    assert widget.geometry["run"] == 1  # the same layout: it is not sent again


def test_publishing_happens_in_the_context_of_the_pages_latest_message() -> None:
    import contextvars

    shell: contextvars.ContextVar[str] = contextvars.ContextVar("shell", default="none")
    view = make(FakeQuestion(total=6), LIVE)
    widget = view.widget
    contexts: list[str] = []
    widget.observe(lambda change: contexts.append(shell.get()), ["frame", "status", "geometry"])

    def page() -> None:
        shell.set("subshell")
        say(view, "hello")

    thread = threading.Thread(target=page)
    shell.set("main")
    thread.start()
    thread.join()
    view.wait(10)
    until(lambda: widget.status.get("state") == "settled")
    assert set(contexts) == {"subshell"}
    view.stop()
    view.resume()  # from a cell: what it publishes must still look like the page's
    view.wait(10)
    assert set(contexts) == {"subshell"}


def test_the_route_of_the_pages_next_message_is_its_own() -> None:
    from types import SimpleNamespace

    from jupyter_xai.widget.publish import release_route

    widget = SimpleNamespace(comm=SimpleNamespace(_reply_subshell_id=None))
    release_route(widget)
    assert not hasattr(widget.comm, "_reply_subshell_id")
    release_route(widget)  # nothing to forget
    release_route(SimpleNamespace(comm=None))


def test_choosing_an_output_of_a_pixel_map_sends_its_map() -> None:
    import numpy as np

    from jupyter_xai.explanation import Explanation, Pixels

    layout = Pixels(image=np.zeros((4, 4, 3), np.uint8))
    values = np.zeros((2, 3, 4, 4))
    values[0, :, 0, 0], values[1, :, 1, 1] = 1.0, -2.0

    class Maps(FakeQuestion):
        def stream(self, request: Any, watch: Any) -> Any:
            yield Explanation(
                values=values,
                features=layout,
                output_names=("a", "b"),
                predictions=np.zeros(2),
                targets=(0, 1),
            )

    view = make(Maps(), LIVE)
    widget = view.widget
    say(view, "hello")
    view.wait(10)
    until(lambda: widget.frame.get("pixels") is not None)
    assert (widget.frame["pixels"]["target"], widget.frame["pixels"]["scale"]) == (0, 3.0)
    widget.display = {"target": 1}
    assert (widget.frame["pixels"]["target"], widget.frame["pixels"]["scale"]) == (1, 6.0)


def test_curves_reach_the_page() -> None:
    import numpy as np

    from jupyter_xai.explanation import Curve

    curve = Curve(
        kind="removal", feature=None, x=np.arange(3.0), y=np.array([[0.6, 0.4, 0.3], [0.4, 0.6, 0.7]])
    )

    class Curved(FakeQuestion):
        def stream(self, request: Any, watch: Any) -> Any:
            yield make_estimate(1, "settled", curves=(curve,))

    view = make(Curved(), LIVE)
    widget = view.widget
    say(view, "hello")
    view.wait(10)
    until(lambda: bool(widget.curves))
    assert widget.curves["curves"][0]["points"] == 3


def test_what_is_counted_is_model_rows() -> None:
    from jupyter_xai.protocols import Progress

    class Backgrounds(FakeQuestion):
        def stream(self, request: Any, watch: Any) -> Any:
            watch(Progress(3, 300, 9, rows_per_eval=100))
            yield make_estimate(9, "settled")

    view = make(Backgrounds())
    assert view.explanation.n_evals == 9
    assert (view._page.get("status")["rows"], view._page.get("status")["total"]) == (900, 900)
