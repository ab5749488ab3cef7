"""The live view of a comparison: streams boards, stops, keeps what is there, and is never blank."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import jupyter_xai as xai
from jupyter_xai.comparing import Asked
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


def edit(view: Any, *edits: dict[str, Any]) -> None:
    """As the page writes it."""
    view.widget.request = {**view.widget.request, "edits": list(edits)}


def explained(board: Any, at: int = 0) -> Any:
    return np.frombuffer(board["columns"][at]["values"], "<f4")


def test_what_if_explains_the_changed_row_by_every_method_and_goes_back() -> None:
    view = xai.compare(model, ROWS[0], ["kernel_shap", "lime"], background=ROWS, n_samples=200)
    first = view.comparison
    view.what_if({"x2": 5.0})
    moved = view.comparison
    row = np.array([*ROWS[0][:2], 5.0, *ROWS[0][3:]])
    fresh = xai.compare(model, row, ["kernel_shap", "lime"], background=ROWS, n_samples=200)
    for name in ("kernel_shap", "lime"):
        np.testing.assert_allclose(moved[name].explanation.values, fresh[name].explanation.values, atol=1e-12)
        assert moved[name].measures["infidelity"].values == pytest.approx(
            fresh[name].measures["infidelity"].values
        )
    assert moved.predictions[0] == pytest.approx(model(row[None])[0])
    assert moved.before.predictions[0] == first.predictions[0]
    board = view._page.get("board")
    assert board["run"] == 2
    assert board["original"] == pytest.approx(first.predictions.tolist())
    assert moved.paths  # what the sliders draw, of the row as it is now
    assert view.what_if.edits == [{"op": "set", "feature": "x2", "value": 5.0}]
    view.what_if.undo()
    np.testing.assert_array_equal(
        view.comparison["lime"].explanation.values, first["lime"].explanation.values
    )
    assert "original" not in view._page.get("board")


def test_an_edit_from_the_page_is_explained_and_the_hand_is_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    live(monkeypatch)
    view = xai.compare(model, ROWS[0], ["kernel_shap", "lime"], background=ROWS, metrics=[], n_samples=200)
    sent: list[Any] = []
    answered = threading.Event()
    monkeypatch.setattr(view.widget, "send", lambda content, _=None: (sent.append(content), answered.set()))
    say(view, "hello")
    view.wait(60)
    assert len(view.widget.curves["curves"]) == 4
    assert (
        view.widget.geometry["layout"]["columns"][2]["low"]
        < view.widget.geometry["layout"]["columns"][2]["high"]
    )
    asked = [{"op": "set", "feature": "x2", "value": 3.0}]
    view._on_message(view.widget, {"type": "preview", "id": 7, "edits": asked}, [])
    assert answered.wait(30)
    row = np.array([*ROWS[0][:2], 3.0, *ROWS[0][3:]])
    assert sent[-1]["id"] == 7
    assert sent[-1]["predictions"] == pytest.approx(model(row[None]).tolist())
    edit(view, *asked)
    found = view.wait(60)
    assert found.predictions[0] == pytest.approx(model(row[None])[0])
    assert view.widget.board["run"] == 2
    edit(view, {"op": "set", "feature": "nothing of the kind", "value": 1})
    with pytest.raises(xai.InputError, match="nothing of the kind"):
        view.wait(60)
    assert view.widget.status["state"] == "failed"
    view.what_if.reset()
    assert view.wait(60).edits == ()


def test_a_newer_edit_cancels_the_run_before_it_within_one_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    live(monkeypatch)
    calls: list[int] = []
    reached = threading.Event()

    def slow(X: Any) -> Any:
        calls.append(len(X))
        if len(calls) > 8:
            reached.set()
        return model(X)

    view = xai.compare(
        slow, ROWS[0], ["lime", "kernel_shap"], background=ROWS, n_samples=100_000, tolerance=0.0, batch_size=50,
        metrics=[],
    )  # fmt: skip
    say(view, "hello")
    assert reached.wait(30)
    edit(view, {"op": "set", "feature": "x2", "value": 3.0})
    reached.clear()
    calls.clear()
    assert reached.wait(30)
    edit(view, {"op": "set", "feature": "x2", "value": 4.0})
    view.stop()
    found = view.wait(60)
    assert len(calls) < 1000
    assert found.status == "stopped"
    assert [each["value"] for each in found.edits] == [4.0]


def test_what_a_method_said_stays_until_it_has_explained_the_new_row() -> None:
    view = xai.compare(model, ROWS[0], ["kernel_shap", "lime"], background=ROWS, n_samples=200)
    before = view._page.get("board")
    waiting = replace(
        view.comparison,
        entries=tuple(replace(e, explanation=None, measures={}, curves=()) for e in view.entries),
        status="running",
        running="LIME",
    )
    board = encode_board(waiting, random_state=0, run=2, earlier=before)
    assert [column["state"] for column in board["columns"]] == ["waiting", "running"]
    np.testing.assert_array_equal(explained(board), explained(before))
    (metrics,) = board["columns"][0]["metrics"]
    assert {metric["name"] for metric in metrics} == {m["name"] for m in before["columns"][0]["metrics"][0]}
    assert all(metric["awaited"] and metric["value"] is None for metric in metrics)
    assert board["columns"][0]["curves"] == []  # of another row


def test_the_method_at_work_is_the_one_called_running() -> None:
    seen: list[str] = []
    asked = Asked(
        model=model, methods=["kernel_shap", "lime", "occlusion"], background=ROWS, metrics=["infidelity"],
        params={"n_samples": 200},
    )  # fmt: skip
    for found in asked.stream(ROWS[0], live=True):
        board = encode_board(found, random_state=0)
        running = [column["label"] for column in board["columns"] if column["state"] == "running"]
        assert running == ([found.running] if found.running else [])
        seen += [label for label in running if label not in seen]
    assert seen[0] != "KernelSHAP"  # not the first that was asked for: the cheapest
    assert set(seen) == {"KernelSHAP", "LIME", "Occlusion"}


def test_struck_and_inserted_words_keep_the_numbers_of_the_text_before() -> None:
    def says(texts: Any) -> Any:
        return [[0.1 + 0.5 * ("dull" in t) + 0.2 * ("film" in t)] for t in texts]

    view = xai.compare(says, "a dull dull film", ["lime", "kernel_shap"], n_samples=100, metrics=[])
    view.what_if({"op": "strike", "positions": [1]}, {"op": "insert", "position": 4, "text": "again"})
    view.wait()
    board = view._page.get("board")
    assert board["names"] == ["a", "dull", "dull", "film", "again"]
    values = explained(board, 1)
    assert np.isnan(values[1])
    np.testing.assert_allclose(values[[2, 3]], [0.5, 0.2], atol=1e-6)


def test_hidden_pieces_and_methods_that_cut_in_their_own_way() -> None:
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    net = torch.nn.Sequential(
        torch.nn.Conv2d(1, 3, 3, padding=1), torch.nn.ReLU(), torch.nn.AdaptiveAvgPool2d(2), torch.nn.Flatten(),
        torch.nn.Linear(12, 3),
    )  # fmt: skip
    image = torch.rand(1, 12, 12)
    cut: dict[str, Any] = {
        "segmentation": "grid",
        "n_segments": 9,
        "fill": 0.0,
        "n_samples": 100,
        "metrics": [],
    }
    view = xai.compare(net, image, ["kernel_shap", "saliency"], **cut)
    assert "maps" in view._page.get("board")["columns"][1]  # by pixel, beside the picture by pieces
    view.what_if({"op": "hide", "pieces": [0]})
    with torch.no_grad():
        dark = image.clone()
        dark[:, :4, :4] = 0
        want = net(dark[None])[0]
    assert view.predictions[0] == pytest.approx(float(want[view.entries[0].explanation.targets[0]]), abs=1e-6)
    assert "coarser" not in view._page.get("board")
    own = ("lime", {"masker": xai.Image(segmentation="grid", n_segments=4)})
    coarse = xai.compare(net, image, ["kernel_shap", own], **cut)
    coarse.wait()
    board = coarse._page.get("board")
    assert board["coarser"] is True
    assert len(board["names"]) == coarse._page.get("geometry")["layout"]["n_features"] == 4


def test_stop_takes_effect_between_the_model_calls_of_a_metric(monkeypatch: pytest.MonkeyPatch) -> None:
    live(monkeypatch)
    judging, calls = threading.Event(), []
    view: Any = None

    def slow(X: Any) -> Any:
        if view is not None and view.last is not None and view.last["occlusion"].explanation is not None:
            judging.set()
            calls.append(len(X))
        return model(X)

    view = xai.compare(slow, ROWS[0], ["occlusion"], background=ROWS, batch_size=20, metrics=["removal"])
    say(view, "hello")
    assert judging.wait(30)
    view.stop()
    found = view.wait(30)
    assert found.status == "stopped"
    assert found["occlusion"].explanation is not None
    done = len(calls)
    assert done < 100  # all of it would be some 300 calls
    view.resume()
    assert view.wait(60).status == "settled"


def test_a_benchmark_streams_into_its_view_and_is_never_blank(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "jupyter_xai.comparing.many.read_environment",
        lambda headless: Environment(interactive=True, notebook=True),
    )
    seen: list[int] = []
    view = xai.benchmark(
        model, ROWS[:6], ["kernel_shap", "lime", "grad_cam"], ["infidelity", "completeness"], background=ROWS,
        n_samples=200, watch=lambda found: seen.append(found.n_instances) or True,
    )  # fmt: skip
    assert not view.busy
    assert view.widget.summary["methods"] == []
    say(view, "hello")
    found = view.wait(60)
    assert found.n_instances == 6
    assert seen == [1, 2, 3, 4, 5, 6]
    summary = view.widget.summary
    assert [method["label"] for method in summary["methods"]] == ["KernelSHAP", "LIME", "Grad-CAM"]
    assert "image" in summary["methods"][2]["why_not"]
    assert summary["rows"] == 6
    (metric,) = [metric for metric in summary["metrics"] if metric["name"] == "infidelity"]
    means, halves, _ = found.mean("infidelity")
    assert metric["cells"][0]["mean"] == pytest.approx(means[0])
    assert metric["cells"][0]["half"] == pytest.approx(halves[0])
    (apart,) = found.differences("infidelity")
    best = found.methods.index(apart.first)
    assert metric["best"] == best
    assert metric["cells"][1 - best]["behind"] == pytest.approx(-apart.mean)
    assert metric["winner"] == (best if apart.excludes_zero else -1)
    assert view.widget.status["state"] == "settled"
    data, _ = view._repr_mimebundle_()
    assert f"xai-fb-{view._page.uid}" in data["text/html"]
    assert "to the best" in data["text/html"]
    assert len(view.frame) == len(found.records)


def test_a_benchmark_stops_within_a_batch_and_keeps_whole_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "jupyter_xai.comparing.many.read_environment",
        lambda headless: Environment(interactive=True, notebook=True),
    )
    calls: list[int] = []
    reached = threading.Event()

    def slow(X: Any) -> Any:
        calls.append(len(X))
        if view.last is not None:
            reached.set()
        return model(X)

    view: Any = None
    view = xai.benchmark(
        slow,
        ROWS[:50],
        ["lime"],
        ["infidelity"],
        background=ROWS,
        n_samples=2000,
        tolerance=0.0,
        batch_size=20,
    )
    say(view, "hello")
    assert reached.wait(60)
    view.stop()
    found = view.wait(30)
    assert found.status == "stopped"
    assert 1 <= found.n_instances < 50
    assert {record.row for record in found.records} == set(range(found.n_instances))
    assert view.widget.status["state"] == "stopped"


def test_a_failing_benchmark_is_said_and_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "jupyter_xai.comparing.many.read_environment",
        lambda headless: Environment(interactive=True, notebook=True),
    )

    def broken(X: Any) -> Any:
        raise RuntimeError("no luck")

    view = xai.benchmark(broken, ROWS[:3], ["lime"], background=ROWS)
    say(view, "hello")
    with pytest.raises(xai.ModelError, match="no luck"):
        view.wait(30)
    assert "no luck" in view.widget.status["error"]["message"]


def test_a_page_of_its_own_holds_board_and_summary(tmp_path: Any) -> None:
    view = xai.compare(model, ROWS[0], ["kernel_shap", "lime"], background=ROWS, metrics=[], n_samples=200)
    said = view.to_html(tmp_path / "compared.html")
    assert said == (tmp_path / "compared.html").read_text(encoding="utf-8")
    assert '"board":{' in said
    assert '"geometry":{' in said
    assert "xai-fb-page" in said
    view.widget.display = {"column": 1}
    assert '"display":{"column":1}' in view.to_html()  # as it is shown
    many = xai.benchmark(
        model, ROWS[:3], ["kernel_shap", "lime"], ["infidelity"], background=ROWS, n_samples=100
    )
    said = many.to_html()
    assert '"summary":{' in said
    assert '"board":{' not in said
    assert "to the best" in said


def test_the_table_is_stored_before_a_long_run_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    live(monkeypatch)
    view = xai.compare(model, ROWS[0], ["kernel_shap", "lime"], background=ROWS, metrics=[], n_samples=200)
    found = replace(view.wait(), status="running")
    stored: list[str] = []
    monkeypatch.setattr(view._page, "update_fallback", lambda make: stored.append(make()["text/html"]))
    view.started(2)
    for seconds in (0.2, 1.1, 3.0, 16.2):
        view.estimated(2, found, seconds)
    assert len(stored) == 2  # after a second, and every quarter of a minute
    assert "KernelSHAP" in stored[0]


def test_it_starts_where_no_page_says_hello(monkeypatch: pytest.MonkeyPatch) -> None:
    live(monkeypatch)
    monkeypatch.setattr("jupyter_xai.comparing.live.HELLO_TIMEOUT", 0.05)
    monkeypatch.setattr("jupyter_xai.widget.page._publish", lambda *_, **__: None)
    begun = threading.Event()

    def watched(X: Any) -> Any:
        begun.set()
        return model(X)

    view = xai.compare(watched, ROWS[0], ["kernel_shap"], background=ROWS, metrics=[], n_samples=200)
    view._ipython_display_()
    assert begun.wait(30)
    assert view.wait(60).status == "settled"


def test_nothing_is_encoded_on_the_way_where_nobody_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []
    monkeypatch.setattr(
        "jupyter_xai.comparing.summary.encode_summary",
        lambda found, **_: made.append(found.n_instances) or {},
    )
    found = xai.benchmark(model, ROWS[:4], ["lime"], ["infidelity"], background=ROWS, n_samples=4000)
    assert found.n_instances == 4
    assert made == [4]  # what a page that is stored will hold
