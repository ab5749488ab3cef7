"""`xai.benchmark`: methods judged over many rows."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pandas as pd
import pytest

import jupyter_xai as xai
from jupyter_xai.comparing import Benchmark
from jupyter_xai.errors import InputError
from tests.unit.compared_models import RNG, ROWS, model, of

# --- many rows -----------------------------------------------------------------------------------------------


def test_benchmark_is_compare_row_by_row_on_any_executor() -> None:
    asked = {
        "methods": ["lime", "kernel_shap"],
        "metrics": ["infidelity"],
        "background": ROWS,
        "n_samples": 100,
    }
    found = xai.benchmark(model, ROWS[:4], **asked)
    assert found.n_instances == 4
    for at in range(4):
        one = xai.compare(model, ROWS[at], **asked)
        for i, entry in enumerate(one.entries):
            assert found.values("infidelity")[at, i] == entry.measures["infidelity"].values[0]
    with ThreadPoolExecutor(2) as pool:
        threaded = xai.benchmark(model, ROWS[:4], executor=pool, **asked)
    frames = [each.to_frame().drop(columns="seconds") for each in (found, threaded)]
    pd.testing.assert_frame_equal(*frames)
    assert found.winner("infidelity") in {"", "KernelSHAP"}


def test_benchmark_streams_and_stops() -> None:
    seen: list[int] = []

    def watch(so_far: Benchmark) -> bool:
        seen.append(so_far.n_instances)
        return so_far.n_instances < 2

    found = xai.benchmark(model, ROWS[:5], ["kernel_shap"], ["completeness"], background=ROWS, watch=watch)
    assert seen == [1, 2]
    assert found.status == "stopped"
    assert found.n_instances == 2
    with pytest.raises(InputError, match="There are no rows"):
        xai.benchmark(model, ROWS[:0], ["kernel_shap"], background=ROWS)
    with pytest.raises(InputError, match=r"For one there is xai\.compare"):
        xai.benchmark(model, "a text", ["kernel_shap"])


def test_frames_texts_and_methods_that_cannot() -> None:
    frame = pd.DataFrame(ROWS, columns=list("abcd"))
    rows = xai.benchmark(
        lambda X: X["a"] * X["b"],
        frame.iloc[:2],
        ["kernel_shap", "deep_lift"],
        ["completeness"],
        background=frame,
    )
    assert (rows.to_frame().query("method == 'DeepLIFT'").note != "").all()
    assert any("needs a torch network" in said for said in rows.notices)
    texts = xai.benchmark(
        lambda batch: [len(t) for t in batch], ["a dull film", "good"], ["kernel_shap"], ["completeness"]
    )
    np.testing.assert_allclose(texts.values("completeness gap"), 0.0, atol=1e-9)
    assert "no number" not in texts._repr_html_()


def test_a_winner_needs_an_interval_of_the_paired_difference_that_excludes_zero() -> None:
    level = RNG.normal(size=(30, 1)) * 10  # rows differ much more than methods
    noise = RNG.normal(size=(30, 2)) * 0.1
    apart = of(level + noise + [0.5, 0.0])
    assert apart.winner("m") == "A"
    assert of(level + noise + [0.5, 0.0], "lower").winner("m") == "B"
    assert of(level + noise).winner("m") == ""
    (difference,) = apart.differences("m")
    assert difference.mean == pytest.approx((noise[:, 0] - noise[:, 1]).mean() + 0.5)
    _, halves, counts = apart.mean("m")
    assert (halves > 1).all()  # unpaired intervals alone would not tell
    assert counts.tolist() == [30, 30]
    assert "A is preferable in m" in apart.verdict
    assert of([[1.0, 0.0]]).winner("m") == ""  # one row tells nothing
    assert np.isnan(of([[np.nan, 1.0], [np.nan, 2.0]]).mean("m")[0][0])
    assert len(apart.plot().axes) == 1
    assert apart.summary()["winner"].tolist() == [True, False]


def test_false_winners_are_rare() -> None:
    rng = np.random.default_rng(1)
    wins = sum(bool(of(rng.normal(size=(12, 3))).winner("m")) for _ in range(300))
    assert wins <= 0.05 * 300


def test_differences_are_taken_within_the_same_perturbations() -> None:
    from jupyter_xai.metrics._measure import difference

    rows = np.random.default_rng(3).normal(size=(60, 5))
    found = xai.compare(
        lambda X: np.tanh(X[:, 0] * X[:, 1]) + X[:, 2] * X[:, 3], rows[0], {"a": "kernel_shap", "b": "lime"},
        ["infidelity", "local_fidelity"], background=rows, n_samples=400,
    )  # fmt: skip
    for metric in ("infidelity", "infidelity (best scale)", "local fidelity"):
        a, b = (found[name].measures[metric] for name in "ab")
        np.testing.assert_allclose(a.draws.mean(axis=0), a.values, rtol=1e-9)
        apart, half = difference(a, b, 0)
        assert apart == pytest.approx(float(a.values[0] - b.values[0]))
        assert half < np.hypot(a.half_widths[0], b.half_widths[0])
        assert difference(a, b, 0, comparisons=5)[1] > half


def test_live_estimates_come_on_the_way_and_closing_stops() -> None:
    from jupyter_xai.comparing import Asked

    calls: list[int] = []

    def counted(X: Any) -> Any:
        calls.append(len(X))
        return model(X)

    asked = Asked(
        counted, ["lime"], metrics=[], background=ROWS, params={"n_samples": 5000, "tolerance": 0.0}
    )
    stream = asked.stream(ROWS[0], live=True)
    states = []
    for found in stream:
        states.append(None if not found.explained else found.explained[0].explanation.status)
        if states[-1] == "running":
            break
    before = sum(calls)
    stream.close()
    assert states[-1] == "running"
    assert sum(calls) == before < 5000
    *_, last = asked.stream(ROWS[0], live=True)
    assert last.status == "settled"
    assert last.explained[0].explanation.n_evals == 5000


def test_the_metrics_ask_the_model_about_shared_removals_once() -> None:
    one, two = (
        xai.compare(model, ROWS[0], methods, ["removal", "infidelity"], background=ROWS)
        for methods in (["kernel_shap"], ["kernel_shap", "lime"])
    )
    rows = [sum(m.n_rows for m in {m.n_rows: m for m in e.measures.values()}.values()) for e in two.entries]
    assert rows[0] < rows[1]  # LIME is cheaper and comes first
    for name, measure in one.entries[0].measures.items():
        np.testing.assert_array_equal(measure.values, two.entries[0].measures[name].values)


def test_processes_give_the_same() -> None:
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    asked = {"methods": ["kernel_shap"], "metrics": ["infidelity"], "background": ROWS}
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        far = xai.benchmark(lambda X: X[:, 0] * X[:, 1], ROWS[:2], executor=pool, **asked)
    near = xai.benchmark(lambda X: X[:, 0] * X[:, 1], ROWS[:2], **asked)
    np.testing.assert_array_equal(far.values("infidelity"), near.values("infidelity"))
