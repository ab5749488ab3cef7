"""Kernels over rows with models: streams, Stop, executors that do not change the result, workers that die."""

from __future__ import annotations

import os
import signal
import threading
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

import jupyter_xai as xai
from jupyter_xai.errors import InputError, ModelError, XaiError

X = np.random.default_rng(0).normal(size=(41, 4))


def score(rows):
    return 2 * rows[:, 0] - rows[:, 1] + rows[:, 2] * rows[:, 1]


def local(model=score, **more):
    return xai.Lime(model, xai.Tabular(X), **{"n_samples": 60, "tolerance": 0, **more})


def same(a, b):
    for name in ("values", "std_errors", "signed", "support", "overall", "overall_std_errors"):
        np.testing.assert_array_equal(getattr(a, name), getattr(b, name))
    np.testing.assert_array_equal(a.sample.values, b.sample.values)
    assert (a.n_rows, a.n_evals, a.status, a.notices) == (b.n_rows, b.n_evals, b.status, b.notices)


def test_stream_ends_in_explain_and_each_estimate_is_of_the_first_rows():
    ticks = iter(range(10**6))
    kernel = xai.NormLime(local())
    kernel.clock = lambda: float(next(ticks))
    *running, last = kernel.stream(X)
    same(last, kernel.explain(X))
    assert [found.status for found in running] == ["running"] * len(running)
    assert running[0].n_rows == 1
    assert all(a.n_rows < b.n_rows for a, b in pairwise(running))
    middle = running[len(running) // 2]
    same_rows = kernel.explain(X[: middle.n_rows])
    np.testing.assert_allclose(middle.values, same_rows.values, rtol=1e-12)
    assert last.total_rows == 41
    assert last.params["explainer"]["method"] == "lime"


def test_watch_stops_with_the_estimate_so_far_and_calls_no_more():
    calls = []

    def counted(rows):
        calls.append(len(rows))
        return score(rows)

    seen = []

    def watch(progress):
        seen.append(progress.n_evals)
        return progress.n_evals < 7

    found = list(xai.GlobalShap(local(counted)).stream(X, watch=watch))[-1]
    assert (found.status, found.n_rows) == ("stopped", 7)
    assert seen == [1, 3, 7]
    done = len(calls)
    stream = xai.GlobalShap(local(counted)).stream(X)
    next(stream)
    stream.close()
    assert 0 < len(calls) - done <= done


@pytest.mark.parametrize("workers", [1, 3])
def test_threads_and_processes_give_the_same_bits(workers):
    alone = xai.NormLime(local()).explain(X)
    with ThreadPoolExecutor(workers) as pool:
        same(alone, xai.NormLime(local()).explain(X, executor=pool))
        *_, streamed = xai.NormLime(local()).stream(iter(X), executor=pool)
    same(alone, streamed)


def test_processes_take_functions_of_a_cell():
    shift = 1.0
    model = lambda rows: score(rows) + shift  # noqa: E731
    alone = xai.NormLime(local(model)).explain(X)
    same(alone, xai.NormLime(local(model)).explain(X, executor=2))
    with ProcessPoolExecutor(2) as pool:
        same(alone, xai.NormLime(local(model)).explain(X, executor=pool))


def test_each_thread_owns_a_predictor_of_a_model_that_allows_it():
    from sklearn.linear_model import LinearRegression

    model = LinearRegression().fit(X, score(X))
    kernel = xai.NormLime(local(model))
    assert kernel.concurrent
    assert not xai.NormLime(local()).concurrent  # a function may not be safe to call twice at once
    one, two = kernel.owned().explainer.model, kernel.owned().explainer.model
    assert one is not two
    assert vars(one)["_entry"].lock is not vars(two)["_entry"].lock
    same(kernel.explain(X), xai.NormLime(local(model)).explain(X, executor=2))


def test_a_function_is_never_called_by_two_threads_at_once():
    inside, most, guard = [0], [0], threading.Lock()

    def slow(rows):
        with guard:
            inside[0] += 1
            most[0] = max(most[0], inside[0])
        time.sleep(0.001)
        with guard:
            inside[0] -= 1
        return score(rows)

    with ThreadPoolExecutor(4) as pool:
        xai.NormLime(local(slow)).explain(X, executor=pool)
    assert most[0] == 1


def test_the_window_bounds_what_is_read_ahead():
    taken, done = [0], [0]

    def rows():
        for row in X:
            taken[0] += 1
            yield row

    kernel = xai.GlobalShap(xai.KernelShap(score, xai.Tabular(X), n_samples=20))
    ahead = []

    def watch(progress):
        done[0] = progress.n_evals
        ahead.append(taken[0] - done[0])
        return True

    with ThreadPoolExecutor(1) as pool:
        for _ in kernel.stream(rows(), watch=watch, executor=pool):
            pass
    assert max(ahead) <= 3 * 8  # two chunks on their way, one being cut


def test_stop_works_while_workers_are_busy():
    began = threading.Event()
    go = threading.Event()

    def stuck(rows):
        began.set()
        go.wait(20)
        return score(rows)

    def watch(progress):
        if began.is_set():
            go.set()
            return False
        return True

    with ThreadPoolExecutor(2) as pool:
        (found,) = xai.GlobalShap(local(stuck)).stream(X, watch=watch, executor=pool)
    assert (found.status, found.n_rows) == ("stopped", 0)
    assert found.values.shape == (0, 0)


def dies_once(path):
    def model(rows):
        try:
            os.close(os.open(path, os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            return score(rows)
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError

    return model


def test_a_process_that_dies_is_replaced_and_nothing_counts_twice(tmp_path):
    found = xai.NormLime(local(dies_once(tmp_path / "died"))).explain(X, executor=2)
    assert (tmp_path / "died").exists()
    same(found, xai.NormLime(local()).explain(X))


def test_a_process_that_dies_every_time_is_said():
    def model(rows):
        os.kill(os.getpid(), signal.SIGKILL)

    with pytest.raises(XaiError, match=r"died 3 times while the same rows were on their way, 0 to 0"):
        xai.NormLime(local(model)).explain(X[:2], executor=1)


def test_a_broken_pool_that_is_not_ours_is_said(tmp_path):
    with (
        ProcessPoolExecutor(1) as pool,
        pytest.raises(XaiError, match=r"pool is broken.*executor=4"),
    ):
        xai.NormLime(local(dies_once(tmp_path / "died"))).explain(X, executor=pool)


def test_what_cannot_be_sent_is_said():
    lock = threading.Lock()

    def model(rows):
        with lock:
            return score(rows)

    with pytest.raises(InputError, match=r"The model cannot be sent to another process.*Leave executor= out"):
        xai.NormLime(local(model)).explain(X, executor=1)


def test_errors_of_the_model_come_through():
    def model(rows):
        raise RuntimeError("no such column")

    for executor in (None, 1):
        with pytest.raises(ModelError, match="no such column"):
            xai.NormLime(local(model)).explain(X, executor=executor)
    with pytest.raises(InputError, match=r"expected a concurrent\.futures\.Executor"):
        xai.NormLime(local()).explain(X, executor="dask")
    with pytest.raises(InputError, match="expected one with explain_batch"):
        xai.NormLime(score).explain(X)


@pytest.mark.slow
def test_dask_workers_of_whom_one_is_killed(tmp_path):
    distributed = pytest.importorskip("distributed")
    alone = xai.NormLime(local()).explain(X)
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None,
            local_directory=str(tmp_path),
        ) as cluster,
        distributed.Client(cluster) as client,
        client.get_executor() as executor,
    ):  # fmt: skip
        same(alone, xai.NormLime(local()).explain(X, executor=executor))
        found = xai.NormLime(local(dies_once(tmp_path / "died"))).explain(X, executor=executor)
    assert (tmp_path / "died").exists()
    same(alone, found)


# --- explain_dataset --------------------------------------------------------------------------------------------------


def test_explain_dataset_makes_the_kernel():
    found = xai.explain_dataset(
        score, X, "norm_lime", n_samples=60, tolerance=0, feature_names=list("abcd"), max_sampled=5
    )
    same_values = xai.NormLime(local(), max_sampled=5).explain(X)
    np.testing.assert_array_equal(found.values, same_values.values)
    assert found.feature_names == tuple("abcd")
    assert len(found.sample.rows) == 5
    frame = pd.DataFrame(X, columns=list("abcd"))
    by_name = xai.explain_dataset(
        lambda rows: rows["a"] * 3, (frame[i : i + 9] for i in range(0, 41, 9)), background=frame
    )
    assert by_name.ranking()[0] == 0
    assert by_name.total_rows is None
    texts = iter(["a good film", "dull", "good good"])
    words = xai.explain_dataset(lambda t: [float("good" in s) for s in t], texts, "norm_lime", n_samples=50)
    assert words.feature_names[words.ranking()[0]] == "good"
    made = xai.explain_dataset(score, X, xai.GlobalShap(local()))
    assert made.method == "global_shap"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"method": "lime"}, r"LIME explains one instance.*explainer='lime'"),
        ({"method": "pick"}, r"method='pick' is not known: expected one of global_shap, norm_lime"),
        ({"sampels": 3}, r"sampels= is not a hyper-parameter of GlobalShap.*n_samples"),
        ({"explainer": "limes"}, r"explainer='limes' is not known: expected one of lime"),
        ({"explainer": "saliency"}, r"needs a torch network.*Pass another explainer"),
        ({"rows": "a text"}, r"The rows are a str"),
        ({"rows": []}, r"There are no rows"),
        ({"max_sampled": 0}, r"max_sampled=0 does not work"),
    ],
)
def test_explain_dataset_says_what_is_wrong(given, said):
    with pytest.raises(InputError, match=said):
        xai.explain_dataset(score, **{"rows": X} | given)


def test_one_instance_is_not_explained_by_a_method_over_rows():
    with pytest.raises(InputError, match=r"NormLIME looks at many rows.*xai.explain_dataset"):
        xai.explain(score, X[0], method="norm_lime", background=X)
    with pytest.raises(InputError, match="looks at many rows"):
        xai.explain(score, X[0], method=xai.NormLime, background=X)
    assert "norm_lime" not in {row["name"] for row in xai.methods(score, X[0], background=X)}


def test_an_interrupt_keeps_what_there_is():
    calls = []

    def model(rows):
        calls.append(1)
        if len(calls) == 4:  # a chunk asks twice: about its rows, and about the draws they share
            raise KeyboardInterrupt
        return score(rows)

    found = xai.explain_dataset(model, X, "norm_lime", n_samples=60, tolerance=0)
    assert found.status == "stopped"
    assert 0 < found.n_rows < 41


def test_classes_are_named_and_targets_chosen():
    from sklearn.datasets import load_iris
    from sklearn.linear_model import LogisticRegression

    rows, y = load_iris(return_X_y=True)
    model = LogisticRegression(max_iter=500).fit(rows, y)
    found = xai.explain_dataset(model, rows[::10], explainer="kernel_shap")
    assert found.output_names == ("0", "1", "2")
    assert (found.support == 15).all()
    one = xai.explain_dataset(model, rows[::10], targets=1)
    assert one.output_names == ("1",)
    np.testing.assert_allclose(one.values[0], found.values[1], atol=1e-9)
