"""The live view over many rows: streams whole estimates, stops, keeps what is there, opens single rows."""

from __future__ import annotations

import json
import pickle
import threading
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import jupyter_xai as xai
from jupyter_xai.explanation import GlobalExplanation, Pick, RowSample
from jupyter_xai.explanation.numbers import significant
from jupyter_xai.over_rows import Rows
from jupyter_xai.widget.environment import Environment
from jupyter_xai.widget.overview import overview_html
from jupyter_xai.wire import encode_overview

ROWS = np.random.default_rng(0).normal(size=(60, 4))
XSS = "<img src=x onerror=alert(1)>"


def model(X: Any) -> Any:
    return np.tanh(X[:, 0] * X[:, 1]) + X[:, 2]


def bank(X: Any) -> Any:
    good = 1 / (1 + np.exp(-2 * X[:, 0] + X[:, 1]))
    return np.stack([1 - good, good], axis=1)


@pytest.fixture
def live(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a notebook whose page has not said hello yet."""
    monkeypatch.setattr(
        "jupyter_xai.api.read_environment", lambda headless: Environment(interactive=True, notebook=True)
    )


def say(view: Any, kind: str, **more: Any) -> None:
    view._on_message(view.widget, {"type": kind, "id": 1, **more}, [])


def until(found: Any, seconds: float = 30) -> Any:
    """Wait for what another thread does."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = found()
        if value:
            return value
        time.sleep(0.01)
    raise AssertionError("it never came")


def plain(board: Any) -> str:
    return json.dumps(board, default=lambda value: "", allow_nan=False)


# --- streaming --------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("live")
def test_hello_starts_it_and_whole_estimates_arrive() -> None:
    view = xai.explain_dataset(model, ROWS, max_sampled=20)
    assert not view.busy
    assert view.widget.overview["names"] == []
    assert view.widget.status["state"] == "idle"
    assert repr(view) == "<GlobalExplanation, nothing computed yet>"
    seen: list[Any] = []
    states: list[str] = []
    view.observe(lambda change: seen.append(change["new"]), "result")
    view.observe(lambda change: states.append(change["new"]), "state")
    say(view, "hello")
    found = view.wait(60)
    assert (found.status, found.n_rows) == ("settled", 60)
    board, status = view.widget.overview, view.widget.status
    assert (status["state"], status["rows"], status["total"]) == ("settled", 60, 60)
    order = found.ranking()
    assert board["names"] == [found.feature_names[at] for at in order]
    np.testing.assert_allclose(np.frombuffer(board["values"], "<f4"), found.values[0, order], rtol=1e-6)
    np.testing.assert_allclose(
        np.frombuffer(board["std_errors"], "<f4"), found.std_errors[0, order], rtol=1e-6
    )
    assert len(board["dots"]["rows"]) == 20
    assert seen[-1] is found
    assert all(isinstance(each, GlobalExplanation) for each in seen)
    assert states == ["running", "settled"]


@pytest.mark.usefixtures("live")
def test_stop_within_a_batch_keeps_what_is_there() -> None:
    reached = threading.Event()

    def rows() -> Iterator[Any]:
        for i in range(100_000):
            if i == 12:
                reached.set()
            yield ROWS[i % 60]

    view = xai.explain_dataset(model, rows(), background=ROWS, n_samples=50)
    say(view, "hello")
    assert reached.wait(30)
    say(view, "stop")
    found = view.wait(30)
    assert found.status == "stopped"
    assert 0 < found.n_rows < 5000
    assert view.widget.status["state"] == "stopped"
    assert view.widget.status["rows"] == found.n_rows
    with pytest.raises(xai.InputError, match="cannot be read again"):
        view.resume()


@pytest.mark.usefixtures("live")
def test_a_failure_is_said_and_raised_and_the_last_good_picture_stays() -> None:
    bad = [False]

    def rows() -> Iterator[Any]:
        for i in range(40):
            if i == 31:
                until(lambda: view.last is not None)
                bad[0] = True
            yield ROWS[i]

    def broken(X: Any) -> Any:
        if bad[0]:
            raise RuntimeError("no luck")
        return model(X)

    view = xai.explain_dataset(broken, rows(), background=ROWS, n_samples=50, executor=None)
    say(view, "ping")
    with pytest.raises(xai.ModelError, match="no luck"):
        view.wait(30)
    assert view.widget.status["state"] == "failed"
    assert "no luck" in view.widget.status["error"]["message"]
    assert view.last is not None
    assert view.widget.overview["names"]
    stored = view._fallback()["text/html"]
    assert "no luck" in stored
    assert "x2" in stored
    assert "failed" in repr(view)


@pytest.mark.usefixtures("live")
def test_it_can_be_tried_again_where_rows_can_be_read_again() -> None:
    fails = [True]

    def broken(X: Any) -> Any:
        if fails[0]:
            raise RuntimeError("no luck")
        return model(X)

    view = xai.explain_dataset(broken, ROWS[:9], background=ROWS, n_samples=50)
    say(view, "hello")
    until(view._done.is_set)
    fails[0] = False
    say(view, "retry")
    assert view.wait(30).status == "settled"
    assert view.widget.status["state"] == "settled"
    assert view.widget.status["error"] is None


def test_a_timeout_says_where_the_newest_estimate_is(live: None) -> None:
    view = xai.explain_dataset(model, ROWS, n_samples=50)
    with pytest.raises(TimeoutError, match=r"view\.last"):
        view.wait(0.0)
    view.stop()


@pytest.mark.usefixtures("live")
def test_of_many_views_none_is_cut_short_because_newer_ones_are_there() -> None:
    views = [xai.explain_dataset(model, ROWS[:9], n_samples=40) for _ in range(10)]
    for view in views:
        say(view, "hello")
    assert [view.wait(60).status for view in views] == ["settled"] * 10


@pytest.mark.usefixtures("live")
def test_parked_while_it_runs_it_stops() -> None:
    view = xai.explain_dataset(
        model, (row for row in ROWS.repeat(2000, axis=0)), background=ROWS, n_samples=40
    )
    say(view, "hello")
    until(lambda: view.last)
    view.park()
    assert view.wait(30).status == "stopped"


# --- in a script ------------------------------------------------------------------------------------------------------


def test_in_a_script_it_is_finished_and_has_what_the_result_has(tmp_path: Any) -> None:
    view = xai.explain_dataset(bank, ROWS, "norm_lime", n_samples=100, output_names=["bad", "good"])
    assert view.status == "settled"
    assert view.values.shape == (2, 4)
    assert view.result is view.last
    view.save(tmp_path / "found.xai")
    assert GlobalExplanation.load(tmp_path / "found.xai").output_names == ("bad", "good")
    assert pickle.loads(pickle.dumps(view.result)).n_rows == 60
    data, _ = view._repr_mimebundle_()
    assert f"xai-fb-{view._page.uid}" in data["text/html"]
    assert "weigh most" in data["text/html"]
    with pytest.raises(AttributeError):
        view.nothing_of_the_kind  # noqa: B018


def test_nothing_is_encoded_for_a_page_that_nobody_looks_at(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []

    def counted(found: Any, **how: Any) -> Any:
        calls.append(found.n_rows)
        return encode_overview(found, **how)

    monkeypatch.setattr("jupyter_xai.over_rows.scene.encode_overview", counted)
    view = xai.explain_dataset(model, ROWS, n_samples=50)
    assert calls == []
    assert view.widget.overview["rows"] == 60
    assert view.widget.overview["names"]
    assert calls == [60]


def test_watch_ends_it_and_progress_is_written(capsys: pytest.CaptureFixture[str]) -> None:
    view = xai.explain_dataset(model, ROWS, n_samples=50, watch=lambda at: at.n_evals < 20, progress=True)
    assert view.status == "stopped"
    assert 20 <= view.n_rows < 60
    assert "stopped" in capsys.readouterr().err


def test_what_was_asked_for_first_is_shown_first() -> None:
    names = ["bad", "good"]
    asked = xai.explain_dataset(bank, ROWS[:5], targets=["good", "bad"], output_names=names, n_samples=30)
    assert asked.output_names == ("good", "bad")
    assert asked._page.get("display") == {"target": 0}
    assert xai.explain_dataset(bank, ROWS[:5], n_samples=30)._page.get("display") == {}


# --- what is sent -----------------------------------------------------------------------------------------------------


def wide(features: int, outputs: int, rows: int = 300) -> GlobalExplanation:
    rng = np.random.default_rng(1)
    values = rng.random((outputs, features))
    drawn = np.arange(min(features, 500))
    return GlobalExplanation(
        values=values,
        std_errors=values / 10,
        signed=values / 2,
        support=np.full(values.shape, 5),
        overall=values.mean(axis=0),
        overall_std_errors=values.mean(axis=0) / 9,
        interactions=rng.random((outputs, features, features)) if features < 600 else None,
        feature_names=tuple(f"feature {i}" for i in range(features)),
        output_names=tuple(f"class {i}" for i in range(outputs)),
        sample=RowSample(
            rows=np.arange(rows),
            features=drawn,
            values=rng.normal(size=(rows, outputs, len(drawn))).astype(np.float32),
            inputs=rng.normal(size=(rows, len(drawn))).astype(np.float32),
            predictions=rng.random((rows, outputs)).astype(np.float32),
            predicted=rng.integers(0, outputs, rows),
        ),
        predicted=np.full(outputs, 10_000 // outputs),
        n_rows=10_000,
        method="norm_lime",
    )


@pytest.mark.parametrize(("features", "outputs"), [(500, 1), (500, 20), (20_000, 20), (3, 1)])
def test_what_is_saved_is_bounded(features: int, outputs: int) -> None:
    board = encode_overview(wide(features, outputs))
    assert len(board["names"]) == min(features, 500)
    assert len(board["names"]) + board["more"] == features
    parts = [*board.values(), *board["dots"].values(), *board.get("pairs", {}).values()]
    size = sum(len(part) for part in parts if isinstance(part, bytes))
    assert size + len(plain(board)) < 500_000


def test_every_class_keeps_its_own_first_features() -> None:
    values = np.full((3, 2000), 0.001)
    values[:, :1900] = 0.1
    values[2, 1950] = 0.15  # of one class alone: over all it comes late
    found = GlobalExplanation(
        values=values,
        feature_names=tuple(map(str, range(2000))),
        output_names=("a", "b", "c"),
        overall=values.sum(axis=0),
    )
    assert "1950" in encode_overview(found)["names"]


def test_dots_are_the_rows_own_weights_and_values() -> None:
    sample = RowSample(
        rows=np.array([4, 9]),
        features=np.array([1, 0]),
        values=np.array([[[0.5, -1.0]], [[np.nan, 0.25]]], np.float32),
        inputs=np.array([[36.0, np.nan], [np.nan, 2.0]], np.float32),
    )
    found = GlobalExplanation(
        values=np.array([[0.2, 0.9]]), feature_names=("age", "debt"), output_names=("bad",), sample=sample
    )
    dots = encode_overview(found)["dots"]
    assert (dots["rows"], dots["features"], dots["scales"]) == ([4, 9], [0, 1], [1.0])
    assert np.frombuffer(dots["weights"], np.int8).tolist() == [64, -127, -128, 32]
    inputs = np.frombuffer(dots["inputs"], "<f4")
    np.testing.assert_array_equal(inputs, [36, np.nan, np.nan, 2])


def test_what_the_model_predicts_is_sent_with_dots_picks_and_classes() -> None:
    view = xai.explain_dataset(bank, ROWS, "submodular_pick", n_samples=50, output_names=["bad", "good"])
    found, scores = view.result, bank(ROWS)
    board = encode_overview(found)
    assert board["predicted"] == np.bincount(scores.argmax(axis=1), minlength=2).tolist()
    dots = board["dots"]
    sent = np.frombuffer(dots["predictions"], "<f4").reshape(-1, 2)
    np.testing.assert_allclose(sent, scores[dots["rows"]], rtol=1e-5)
    assert dots["predicted"] == scores[dots["rows"]].argmax(axis=1).tolist()
    for pick in board["picks"]:
        top = int(scores[pick["row"]].argmax())
        assert pick["predicted"] == ("bad", "good")[top]
        assert pick["prediction"] == pytest.approx(scores[pick["row"], top], rel=1e-5)
    plain(board)
    counts = board["predicted"]
    assert f"The model predicts bad for {counts[0]}, good for {counts[1]} of them." in overview_html(found)
    first = board["picks"][0]
    assert f"predicted {first['predicted']} {significant(first['prediction'])}" in overview_html(found)


def test_categories_are_named_and_nothing_is_no_json() -> None:
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame({"age": ROWS[:, 0], XSS: np.where(ROWS[:, 1] > 0, "car", XSS)})
    view = xai.explain_dataset(
        lambda X: X["age"].to_numpy() + (X[XSS] == "car").to_numpy(), frame, n_samples=50, max_sampled=9
    )
    board = encode_overview(view.result)
    at = board["dots"]["features"].index(board["names"].index(XSS))
    assert sorted(board["dots"]["choices"][at]) == sorted(["car", XSS])
    plain(board)
    stored = overview_html(view.result, "abc")
    assert "<img" not in stored
    assert "&lt;img" in stored


def test_stored_page_tells_picks_and_pairs() -> None:
    picks = (
        Pick(row=7, gain=0.6, adds=np.array([1]), features=np.array([1, 2]), weights=np.array([2.0, 1.0])),
    )
    found = GlobalExplanation(
        values=np.array([[0.2, 0.5, 0.1]]),
        std_errors=np.array([[0.01, 0.5, np.inf]]),
        feature_names=("age", "debt", XSS),
        output_names=("bad",),
        picks=picks,
        coverage=np.array([0.6]),
        interactions=np.array([[[0, 3.0, 0], [3.0, 0, 0], [0, 0, 0]]]),
        n_rows=9,
        notices=("Kept.",),
    )
    board = encode_overview(found)
    assert board["picks"][0] | {"text": ""} == {
        "row": 7, "gain": 0.6, "covered": 0.6, "adds": 1, "names": ["debt"], "text": "",
        "features": [0, 2], "weights": [2.0, 1.0],
    }  # fmt: skip
    assert board["pairs"]["names"][:2] == ["age", "debt"]
    stored = overview_html(found)
    assert found._repr_html_() == stored
    for said in ("#7", "60 %", "age with debt 3", "Kept.", "0.500 ± 0.980"):
        assert said in stored
    assert "<img" not in stored


def test_places_of_a_picture_are_a_map() -> None:
    found = GlobalExplanation(
        values=np.arange(2 * 36.0).reshape(2, 36),
        feature_names=tuple(map(str, range(36))),
        output_names=("0", "1"),
        feature_shape=(6, 6),
    )
    board = encode_overview(found)
    assert board["shape"] == [6, 6]
    assert np.frombuffer(board["map"], "<f4").tolist() == list(range(72))


def test_to_html_is_one_page_with_the_opened_row(tmp_path: Any) -> None:
    view = xai.explain_dataset(bank, ROWS[:12], "norm_lime", n_samples=100, background=ROWS)
    alone = view.to_html()
    assert '"overview"' in alone
    assert "opened_state" not in alone.split('"state"')[-1]
    assert view.result.to_html(tmp_path / "found.html") == (tmp_path / "found.html").read_text(
        encoding="utf-8"
    )
    say(view, "row", row=3)
    child = until(lambda: view.row_view)
    child.wait(30)
    assert "opened_state" in view.to_html()


# --- down to one row --------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("live")
def test_a_row_opens_beneath_one_at_a_time() -> None:
    view = xai.explain_dataset(bank, ROWS, "norm_lime", n_samples=200, output_names=["bad", "good"])
    say(view, "hello")
    view.wait(60)
    rows: list[Any] = []
    view.observe(lambda change: rows.append(change["new"]), "row")
    say(view, "row", row=11, output="good")
    first = until(lambda: view.row_view)
    until(lambda: view.widget.opened.get("model"))
    assert view.widget.opened == {"row": 11, "model": first.widget.model_id}
    first._on_message(first.widget, {"type": "hello", "id": 1}, [])
    explained = first.wait(30)
    assert explained.method == "lime"
    assert explained.params["n_samples"] == 200
    assert explained.output_names == ("good",)
    np.testing.assert_allclose(explained.predictions, [bank(ROWS[11:12])[0, 1]])
    first.what_if({"x0": 2.0})
    assert first.wait(30).predictions[0] == pytest.approx(bank(np.array([[2.0, *ROWS[11, 1:]]]))[0, 1])
    say(view, "row", row=12)
    second = until(lambda: view.row_view if view.row_view is not first else None)
    assert view.widget.opened["row"] == 12
    until(lambda: first._page._widget is None)
    assert first.last is not None
    say(view, "row", row=-1)
    until(lambda: view.row_view is None)
    assert view.widget.opened == {}
    assert second is not None
    until(lambda: rows == [11, 12, None])


@pytest.mark.usefixtures("live")
def test_a_row_that_cannot_be_read_again_is_said() -> None:
    view = xai.explain_dataset(model, (row for row in ROWS), background=ROWS, n_samples=50, max_sampled=5)
    say(view, "hello")
    found = view.wait(60)
    kept = set(found.sample.rows.tolist())
    say(view, "row", row=next(row for row in range(60) if row not in kept))
    opened = until(lambda: view.widget.opened)
    assert "generator" in opened["error"]
    assert view.row_view is None
    say(view, "row", row=min(kept))
    assert until(lambda: view.row_view) is not None


@pytest.mark.parametrize("method", ["global_shap", "norm_lime", "submodular_pick", "global_sensitivity"])
def test_explain_row_by_every_method(method: str) -> None:
    view = xai.explain_dataset(bank, ROWS[:9], method, background=None, output_names=["bad", "good"])
    row = view.explain_row(5, n_samples=200)
    expected = {"global_shap": "kernel_shap", "global_sensitivity": "kernel_shap"}
    assert row.explanation.method in {"lime", expected.get(method, "lime")}
    np.testing.assert_allclose(row.explanation.predictions, bank(ROWS[5:6])[0])
    with pytest.raises(xai.InputError, match="no row 99"):
        view.explain_row(99)


def test_explain_row_of_a_kernel_that_is_made_already() -> None:
    local = xai.KernelShap(model, xai.Tabular(ROWS), n_samples=60)
    view = xai.explain_dataset(model, ROWS[:9], xai.GlobalShap(local))
    explanation = view.explain_row(2).explanation
    assert (explanation.method, explanation.params["n_samples"]) == ("kernel_shap", 60)
    assert view.explain_row(2, method="lime", n_samples=100).explanation.method == "lime"


def test_explain_row_of_a_network_by_its_gradients() -> None:
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Linear(4, 6), torch.nn.Tanh(), torch.nn.Linear(6, 2))
    X = torch.tensor(ROWS, dtype=torch.float32)
    view = xai.explain_dataset(net, X[:9], explainer="deep_lift", background=ROWS, baseline="zeros")
    explanation = view.explain_row(1).explanation
    assert explanation.method == "deep_lift"
    np.testing.assert_allclose(explanation.predictions, net(X[1:2]).detach().numpy()[0], rtol=1e-4)
    other = xai.explain_dataset(net, X[:9], xai.GlobalShap(xai.DeepLift(net, baseline="zeros")))
    assert other.explain_row(1).explanation.method == "deep_lift"


def test_explain_row_of_texts() -> None:
    texts = ["a good film", "a bad film", "good good", "dull", "bad and dull"]
    view = xai.explain_dataset(
        lambda t: [float("good" in s) for s in t], texts, "submodular_pick", n_samples=60, budget=2
    )
    assert view.widget.overview["picks"][0]["text"] in texts
    assert view.explain_row(0).explanation.feature_names == ("a", "good", "film")


# --- rows that can be had again ---------------------------------------------------------------------------------------


def test_rows_again_from_whatever_they_are() -> None:
    pd = pytest.importorskip("pandas")
    torch = pytest.importorskip("torch")
    frame = pd.DataFrame(ROWS)
    np.testing.assert_array_equal(Rows(frame, None)[7].to_numpy()[0], ROWS[7])
    np.testing.assert_array_equal(Rows(list(ROWS), None)[7], ROWS[7])
    np.testing.assert_array_equal(Rows([ROWS[:5], ROWS[5:]], None)[7], ROWS[7])
    np.testing.assert_array_equal(Rows([frame[:5], frame[5:]], None)[7].to_numpy()[0], ROWS[7])
    data = torch.utils.data.TensorDataset(torch.tensor(ROWS), torch.zeros(60))
    np.testing.assert_array_equal(Rows(torch.utils.data.DataLoader(data, 8), None)[7], ROWS[7])
    with pytest.raises(xai.InputError, match="shuffles"):
        Rows(torch.utils.data.DataLoader(data, 8, shuffle=True), None)[7]
    assert Rows(["one", "two words"], None).text(1) == "two words"
    for given in (frame, list(ROWS), ROWS, [ROWS[:5], ROWS[5:]]):
        with pytest.raises(xai.InputError, match="no row 60"):
            Rows(given, None)[60]


def test_of_a_generator_the_kernels_own_sample_is_kept() -> None:
    kernel = xai.GlobalShap(xai.KernelShap(model, xai.Tabular(ROWS), n_samples=40), max_sampled=6)
    rows = Rows((ROWS[i : i + 7] for i in range(0, 60, 7)), kernel)
    found = kernel.explain(rows.passing())
    for row in found.sample.rows.tolist():
        np.testing.assert_array_equal(rows[row], ROWS[row])
    with pytest.raises(xai.InputError, match="generator"):
        rows[next(row for row in range(60) if row not in found.sample.rows)]
    assert len(rows._kept) == 6
