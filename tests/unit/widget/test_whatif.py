"""What-if through a view: edits from Python and from the page, previews, what can be observed."""

from __future__ import annotations

import threading
import time
import zlib
from typing import Any

import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

import jupyter_xai as xai
from jupyter_xai.errors import InputError
from jupyter_xai.whatif.strokes import stroke_mask
from jupyter_xai.widget.latest import Latest
from tests.unit.widget.test_view import LIVE, FakeQuestion, make, say, until

ROWS = np.random.default_rng(0).normal(size=(100, 3))
NAMES = ["income", "debt", "age"]


def table(**more: Any) -> xai.View:
    return xai.explain(
        lambda X: 2 * X[:, 0] - X[:, 1],
        [1.0, 1.0, 1.0],
        method="kernel_shap",
        background=ROWS,
        feature_names=NAMES,
        **more,
    )


def test_a_change_is_explained_and_undone() -> None:
    view = table()
    before = view.explanation
    view.what_if({"income": 3.0})
    view.what_if(debt=0.0)
    assert view.explanation.predictions == pytest.approx([6.0])
    assert view.explanation.features.values == (3.0, 0.0, 1.0)
    view.what_if.undo()
    assert view.explanation.predictions == pytest.approx([5.0])
    view.what_if.redo()
    assert view.explanation.predictions == pytest.approx([6.0])
    view.what_if.reset()
    np.testing.assert_array_equal(view.explanation.values, before.values)
    assert view.what_if.edits == []


def test_a_wrong_change_is_refused_and_nothing_is_lost() -> None:
    view = table()
    before = view.explanation
    with pytest.raises(InputError, match="what_if got 'income'"):
        view.what_if("income")
    assert view.explanation is before
    view.what_if({"incme": 3.0})
    with pytest.raises(InputError, match="There is no feature 'incme' to set"):
        _ = view.explanation
    assert view.last is before
    view.what_if.undo()
    assert view.explanation.predictions == pytest.approx([1.0])


def test_words_keep_their_numbers_and_the_page_its_layout() -> None:
    texts = ["good fun", "a dull film", "good, not dull", "dull and long"]
    critic = make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(texts, ["up", "down", "up", "down"])
    view = xai.explain(critic, "a good film, if long", n_samples=200)
    first = view.explanation
    offsets = view._page.get("geometry")["layout"]["offsets"]
    view.what_if(
        {"op": "strike", "positions": [0]},
        {"op": "replace", "position": 1, "text": "fun"},
        {"op": "insert", "position": 5, "text": "dull"},
    )
    after = view.explanation
    assert after.features.text == " fun film, if long dull"
    assert after.feature_names == ("fun", "film", "if", "long", "dull")
    assert view._page.get("frame")["ids"] == [1, 2, 3, 4, 5]
    assert view._page.get("geometry")["layout"]["offsets"] == offsets
    view.what_if({"op": "strike", "positions": [2]}, {"op": "insert", "position": 0, "text": "so"})
    view.what_if({"op": "strike", "positions": [5]})  # of the two that were inserted the first
    assert view.explanation.feature_names == ("so", "fun", "if", "long")
    assert view._page.get("frame")["ids"] == [6, 1, 3, 4]
    view.what_if.reset()
    assert "ids" not in (view.explanation and view._page.get("frame"))
    np.testing.assert_array_equal(view.explanation.values, first.values)


def test_equal_words_struck_in_one_place_keep_their_feature() -> None:
    view = xai.explain(lambda t: [[len(s)] for s in t], "dull, so dull", group=True, n_samples=100)
    view.what_if({"op": "strike", "positions": [0]})
    assert view.explanation.feature_names == ("so", "dull")
    assert view._page.get("frame")["ids"] == [1, 0]


def test_pieces_are_those_of_the_original_picture() -> None:
    rng = np.random.default_rng(0)
    image = rng.integers(0, 255, (24, 24, 3)).astype(np.uint8)
    view = xai.explain(
        lambda batch: batch[:, :12].mean(axis=(1, 2, 3), keepdims=False)[:, None] / 255,
        image,
        segmentation="slic",
        n_segments=9,
        method="kernel_shap",
        n_samples=64,
        fill=0,
    )
    first = view.explanation
    view.what_if({"op": "hide", "pieces": [0]}, {"op": "adjust", "kind": "brightness", "amount": 0.1})
    hidden = view.explanation
    np.testing.assert_array_equal(hidden.features.labels, first.features.labels)
    assert abs(hidden.values[0][0]) < 1e-9 < abs(first.values[0][0])
    view.what_if({"op": "show", "pieces": [0]}, {"op": "adjust", "kind": "brightness", "amount": 0})
    np.testing.assert_array_equal(view.explanation.values, first.values)


def test_a_stroke_of_the_page_is_explained_saved_and_taken_back() -> None:
    """The snippet is the one that the page copies."""
    photo = np.full((12, 16, 3), 200, np.uint8)

    def bright(batch: Any) -> Any:
        p = np.asarray(batch).mean(axis=(1, 2, 3)) / 255
        return np.stack([p, 1 - p], axis=1)

    view = xai.explain(bright, photo, segmentation="grid", n_segments=4, fill=0, n_samples=30)
    before = view.explanation
    snippet = (
        'edits = [\n    {"op": "brush", "points": [[2, 2], [12.5, 5]], "width": 4},\n]\nview.what_if(edits)\n'
    )
    exec(snippet, {"view": view})
    covered = stroke_mask([[2, 2], [12.5, 5]], 4, (12, 16)).mean()
    assert view.explanation.predictions[0] == pytest.approx(200 / 255 * (1 - covered))
    np.testing.assert_array_equal(view.explanation.features.labels, before.features.labels)
    kept = view.widget.get_state()["request"]["edits"]
    assert kept == [{"op": "brush", "points": [[2.0, 2.0], [12.5, 5.0]], "width": 4.0}]
    view.what_if.undo()
    np.testing.assert_array_equal(view.explanation.values, before.values)


@pytest.mark.parametrize("first", ["the original", "an edited one"])
def test_outputs_stay_those_of_the_original_whatever_becomes_highest(first: str) -> None:
    def seven(X: Any) -> Any:
        scores = np.exp(np.asarray(X)[:, :1] * np.linspace(-1, 1, 7))
        return scores / scores.sum(axis=1, keepdims=True)

    view = xai.explain(
        seven,
        [1.0, 1.0, 1.0],
        method="kernel_shap",
        background=ROWS,
        feature_names=NAMES,
        output_names=list("abcdefg"),
        n_targets=2,
    )
    if first == "the original":
        assert view.explanation.output_names == ("g", "f")
    view.what_if(income=-2.0)
    edited = view.explanation
    assert int(np.argmax(edited.all_predictions)) == 0
    assert edited.output_names == ("g", "f")
    view.what_if.reset()
    assert view.explanation.output_names == ("g", "f")
    view._ask(
        {**view._scene.request, "targets": [3], "edits": [{"op": "set", "feature": "income", "value": 0.0}]}
    )
    assert view.explanation.output_names == ("d",)


def test_traits_follow() -> None:
    view = table()
    seen: list[float] = []
    view.observe(lambda change: seen.append(change["new"]))
    _ = view.explanation
    view.what_if({"income": 3.0})
    _ = view.explanation
    view.what_if.undo()
    _ = view.explanation
    view.what_if.redo()
    _ = view.explanation
    assert seen == pytest.approx([5.0, 1.0, 5.0])
    assert view.prediction == pytest.approx(5.0)
    told: list[Any] = []
    view.observe(lambda change: told.append(change["new"]), "edits")
    view.what_if(debt=0.0)
    assert told == [view.what_if.edits]
    assert [edit["feature"] for edit in told[0]] == ["income", "debt"]


def test_the_page_knows_what_the_model_said_of_the_original() -> None:
    view = table()
    original = view.explanation.predictions
    assert "original" not in view._page.get("frame")
    view.what_if(income=3.0)
    _ = view.explanation
    np.testing.assert_allclose(np.frombuffer(view._page.get("frame")["original"], "<f4"), original)
    # asked for anew where the first thing that was explained was an edited one
    other = table()
    other.what_if(income=3.0)
    _ = other.explanation
    np.testing.assert_allclose(np.frombuffer(other._page.get("frame")["original"], "<f4"), original)


def test_previews_answer_without_a_run_and_the_newest_wins() -> None:
    question = FakeQuestion()
    view = make(question, LIVE)
    sent: list[dict[str, Any]] = []
    view.widget.send = lambda content, buffers=None: sent.append(content)
    say(view, "hello")
    view.wait(10)
    runs = len(question.requests)
    seen: list[Any] = []
    view.observe(lambda change: seen.append(change["new"]), "prediction")
    edits = [{"op": "set", "feature": "age", "value": 31}]
    view._on_message(None, {"type": "preview", "id": 7, "edits": edits}, [])
    until(lambda: any(message.get("type") == "preview" for message in sent))
    answer = next(message for message in sent if message["type"] == "preview")
    assert answer == {"type": "preview", "id": 7, "predictions": [0.25, 0.75]}
    until(lambda: seen == [0.25])
    until(lambda: view._observed.edits == edits)  # the hand is where the number is
    assert len(question.requests) == runs


def test_a_preview_is_of_the_present_request_but_for_what_it_names() -> None:
    asked: list[dict[str, Any]] = []

    class Remembers(FakeQuestion):
        def layout(self, request: Any) -> Any:
            asked.append(dict(request))
            return super().layout(request)

    view = make(Remembers(), LIVE)
    view._scene.request = {
        "method": "lime",
        "params": {"fill": 0, "n_segments": 4},
        "edits": [{"op": "hide", "pieces": [1]}],
    }
    view._on_message(None, {"type": "picture", "id": 1, "params": {"n_segments": 9}}, [])
    until(lambda: bool(asked))
    assert asked[-1]["params"] == {"fill": 0, "n_segments": 9}
    assert asked[-1]["edits"] == [{"op": "hide", "pieces": [1]}]
    view._on_message(None, {"type": "picture", "id": 2, "edits": []}, [])
    until(lambda: len(asked) > 1)
    assert (asked[-1]["params"], asked[-1]["edits"]) == ({"fill": 0, "n_segments": 4}, [])


def test_what_observes_a_view_does_not_keep_the_hand_waiting() -> None:
    view = make(FakeQuestion(), LIVE)
    happened: list[Any] = []
    view.widget.send = lambda content, buffers=None: happened.append(content["type"])
    say(view, "hello")
    view.wait(10)
    view.observe(lambda change: happened.append(change["new"]), "prediction")
    for number in (7, 8):  # the second one finds the first done
        edits = [{"op": "set", "feature": "age", "value": 30 + number}]
        view._on_message(None, {"type": "preview", "id": number, "edits": edits}, [])
        until(lambda number=number: happened.count("preview") == number - 6)
    until(lambda: 0.25 in happened)
    assert happened.index("preview") < happened.index(0.25)


def test_a_failing_preview_is_said() -> None:
    view = make(FakeQuestion(), LIVE)
    sent: list[dict[str, Any]] = []
    view.widget.send = lambda content, buffers=None: sent.append(content)
    say(view, "hello")
    view._on_message(None, {"type": "picture", "id": 3, "edits": []}, [])
    until(lambda: any("error" in message for message in sent))
    assert "not an image" in next(message for message in sent if "error" in message)["error"]


def test_of_a_thousand_moves_one_runs_and_one_waits() -> None:
    latest, gate, done = Latest(), threading.Event(), []
    latest.submit(lambda: gate.wait(10))
    for number in range(1000):
        latest.submit(lambda number=number: done.append(number))
    gate.set()
    deadline = time.monotonic() + 10
    while not done and time.monotonic() < deadline:
        time.sleep(0.001)
    assert done == [999]


def test_picture_of_what_the_model_sees() -> None:
    image = np.zeros((16, 16, 3), np.uint8)
    view = xai.explain(
        lambda batch: batch.mean(axis=(1, 2, 3))[:, None],
        image + 100,
        segmentation="grid",
        n_segments=4,
        fill=0,
    )
    _ = view.explanation
    layout = view._question.layout({"edits": [{"op": "hide", "pieces": [0]}], "params": {"n_segments": 16}})
    assert layout.labels.max() == 15
    assert (layout.image[:4, :4] == 0).all()
    assert (layout.image[8:, 8:] == 100).all()


def test_the_curves_follow_several_changes() -> None:
    """The curve along one column is what the model itself says with all others as they are edited by then."""

    def model(X: Any) -> Any:
        X = np.asarray(X)
        p = 1 / (1 + np.exp(-X[:, 0] * X[:, 1] - X[:, 2] * X[:, 0]))
        return np.stack([p, 1 - p], axis=1)

    view = xai.explain(
        model,
        [1.0, 1.0, 1.0],
        method="kernel_shap",
        background=ROWS,
        feature_names=NAMES,
        output_names=["up", "down"],
    )
    _ = view.explanation
    first = view._page.get("curves")
    assert (first["edits"], first["unit"]) == ([], "probability")
    view.what_if(income=-2.0)
    view.what_if(debt=0.5)
    now = {curve.feature: curve for curve in view.explanation.curves if curve.kind == "response"}
    present = np.array([-2.0, 0.5, 1.0])
    for column in range(3):
        moved = np.tile(present, (len(now[column].x), 1))
        moved[:, column] = now[column].x
        np.testing.assert_allclose(now[column].y, model(moved).T[list(view.explanation.targets)], atol=1e-6)
    sent = view._page.get("curves")
    assert sent["run"] > first["run"]
    assert sent["edits"] == view.what_if.edits != []
    assert sent["targets"] == list(view.explanation.targets)


def test_a_call_is_one_step_and_what_the_view_changed_is_another() -> None:
    view = table()
    _ = view.explanation
    view.what_if({"income": 3.0, "debt": 0.0})
    view._ask(
        {**view._scene.request, "edits": [*view.what_if.edits, {"op": "set", "feature": "age", "value": 9}]}
    )
    view.what_if.undo()
    assert [edit["feature"] for edit in view.what_if.edits] == ["income", "debt"]
    view.what_if.undo()
    assert view.what_if.edits == []
    view.what_if.redo()
    assert [edit["feature"] for edit in view.what_if.edits] == ["income", "debt"]
    view.what_if.redo()
    assert [edit["feature"] for edit in view.what_if.edits] == ["income", "debt", "age"]
    view.what_if.undo()
    view.what_if(income=7.0)
    view.what_if.redo()
    assert [edit["value"] for edit in view.what_if.edits] == [3.0, 0.0, 7.0]


def test_what_was_taken_back_is_not_made_again_over_another_change() -> None:
    view = table()
    view.what_if(income=3.0)
    view.what_if.undo()
    view._ask({**view._scene.request, "edits": [{"op": "set", "feature": "age", "value": 9}]})  # in the view
    view.what_if.redo()
    assert [edit["feature"] for edit in view.what_if.edits] == ["age"]
    view.what_if.reset()
    view.what_if.redo()
    assert view.what_if.edits == []


def test_another_cut_takes_hidden_pieces_back_and_keeps_what_is_where_it_is() -> None:
    image = np.full((24, 24, 3), 200, np.uint8)
    view = xai.explain(
        lambda batch: np.asarray(batch).mean(axis=(1, 2, 3))[:, None] / 255,
        image,
        segmentation="grid",
        n_segments=4,
        method="kernel_shap",
        n_samples=30,
        fill=0,
    )
    view.what_if(
        {"op": "hide", "pieces": [3]},
        {"op": "brush", "points": [[2, 2], [12, 5]], "width": 4},
        {"op": "occlude", "box": [0, 12, 6, 18]},
        {"op": "adjust", "kind": "brightness", "amount": 0.1},
    )
    hidden = view.explanation.predictions[0]
    view.update(n_samples=40)
    assert view.what_if.edits[0]["op"] == "hide"
    view.update(n_segments=9)
    assert [edit["op"] for edit in view.what_if.edits] == ["brush", "occlude", "adjust"]
    assert view.explanation.features.shape == (9,)
    assert view.explanation.predictions[0] > hidden
    # the page has the new pieces, of the picture before any change
    layout = view._page.get("geometry")["layout"]
    assert layout["n_features"] == 9
    labels = np.frombuffer(zlib.decompress(layout["labels"]), "<u2").reshape(24, 24)
    np.testing.assert_array_equal(labels, view.explanation.features.labels)
    assert layout["fill"] == "0"
    view.update(fill="mean")
    _ = view.explanation
    assert view._page.get("geometry")["layout"]["fill"] == "mean"
