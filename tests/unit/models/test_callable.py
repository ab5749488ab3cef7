# ruff: noqa: E501, NPY002 - one case a line; the legacy random state is what must not move
"""Functions on a batch: contract, the one-column rule, conversions."""

from __future__ import annotations

import contextlib
import random
import threading

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from jupyter_xai.errors import InputError, ModelError
from jupyter_xai.models import wrap
from jupyter_xai.models._base import entry_of
from jupyter_xai.models.targets import default_threshold
from jupyter_xai.protocols import Predictor

ROWS = np.arange(12.0).reshape(4, 3)


def column(value):
    return lambda batch: np.full(len(batch), value)


@pytest.mark.parametrize("kind", ["table", "text", "image"])
def test_it_is_a_predictor(kind):
    predictor = wrap(lambda batch: np.zeros((len(batch), 2)), kind=kind)
    assert isinstance(predictor, Predictor)
    assert predictor.stamp() is None
    with predictor.run():
        assert predictor.predict(["a", "b", "c"]).shape == (3, 2)


@pytest.mark.parametrize(
    ("answer", "shape"),
    [
        (lambda b: [1.0] * len(b), (4, 1)),
        (lambda b: [[1, 2]] * len(b), (4, 2)),
        (lambda b: np.ones((len(b), 1), np.float16), (4, 1)),
        (lambda b: torch.ones(len(b), 2, requires_grad=True), (4, 2)),
        (lambda b: torch.ones(len(b), 2, dtype=torch.bfloat16), (4, 2)),
        (lambda b: np.ones((len(b), 1, 1, 5)), (4, 5)),
        (lambda b: np.array([[1, 2]] * len(b), dtype=object), (4, 2)),
        (lambda b: np.ones((len(b), 1000)), (4, 1000)),
    ],
)
def test_answers_that_are_scores(answer, shape):
    scores = wrap(answer, kind="table").predict(ROWS)
    assert scores.shape == shape
    assert scores.dtype == np.float64


def test_the_answer_is_not_the_users_array():
    kept = np.ones((4, 2))
    wrap(lambda b: kept, kind="table").predict(ROWS)[:] = 7
    assert (kept == 1).all()


@pytest.mark.parametrize(
    ("function", "output", "names", "space", "outputs", "notice"),
    [
        (column(0.25), "auto", None, "raw", {"prediction": 0.25}, 'pass output="probability"'),
        (column(0.25), "auto", ["no", "yes"], "probability", {"no": 0.75, "yes": 0.25}, ""),
        (column(0.25), "probability", None, "probability", {"output 0": 0.75, "output 1": 0.25}, ""),
        (column(0.25), "probability", ["spam"], "probability", {"not spam": 0.75, "spam": 0.25}, ""),
        (column(0.25), "raw", None, "raw", {"prediction": 0.25}, ""),
        (column(0.25), "logit", ["n", "y"], "logit", {"n": np.log(3), "y": -np.log(3)}, "its log-odds are explained"),
        (column(3.5), "auto", None, "raw", {"prediction": 3.5}, ""),
        (column(3.5), "logit", ["n", "y"], "logit", {"n": -3.5, "y": 3.5}, ""),
        (column(3.5), "auto", ["price"], "raw", {"price": 3.5}, ""),
        (column(1), "auto", None, "raw", {"prediction": 1.0}, "class labels, pass its predict_proba"),
        (lambda b: [[0.25, 0.75]] * len(b), "auto", None, "probability", {"output 0": 0.25, "output 1": 0.75}, ""),
        (lambda b: [[0.9, 0.8]] * len(b), "auto", None, "raw", {"output 0": 0.9, "output 1": 0.8}, ""),
        (lambda b: [[0.9, 0.8]] * len(b), "probability", None, "probability", {"output 0": 0.9, "output 1": 0.8}, "sum to 1.7"),
        (lambda b: [[-2.0, 2.0]] * len(b), "auto", None, "raw", {"output 0": -2.0, "output 1": 2.0}, ""),
        (lambda b: [[-2.0, 2.0]] * len(b), "logit", None, "logit", {"output 0": -2.0, "output 1": 2.0}, ""),
        (lambda b: [[0.0, 1.0]] * len(b), "logit", None, "logit", {"output 0": np.log(1e-7), "output 1": -np.log(1e-7)}, ""),
    ],
)  # fmt: skip
def test_spaces_of_functions(function, output, names, space, outputs, notice):
    predictor = wrap(function, kind="table", output=output, output_names=names)
    scores = predictor.predict(ROWS)
    assert predictor.output_space == space
    assert predictor.output_names == tuple(outputs)
    np.testing.assert_allclose(scores, [list(outputs.values())] * 4, rtol=1e-6)
    assert notice in " ".join(predictor.notices)
    assert bool(notice) == bool(predictor.notices)
    two = len(outputs) == 2
    assert default_threshold(predictor) == (
        0.5 if space == "probability" and two else 0.0 if space == "logit" else None
    )


def test_the_rule_looks_at_the_instance_alone():
    predictor = wrap(lambda b: np.linspace(0.5, 7, len(b)), kind="table")
    predictor.predict(ROWS)
    assert "lies between 0 and 1" in predictor.notices[0]


def test_a_probability_that_leaves_its_range_is_an_error():
    predictor = wrap(lambda b: b[:, 0] / 5, kind="table", output="probability")
    predictor.predict(ROWS[:1])
    with pytest.raises(ModelError, match=r'answered 1.8 where a probability .* pass output="raw"'):
        predictor.predict(ROWS)


def test_no_probability_where_one_was_asked_for():
    with pytest.raises(ModelError, match=r'output="probability" was asked for, but your model answered 3.5'):
        wrap(column(3.5), kind="table", output="probability").predict(ROWS)


def test_methods_and_objects_with_predict_are_functions():
    model = LogisticRegression().fit(ROWS, [0, 1, 0, 1])
    predictor = wrap(model.predict_proba, kind="table")
    assert predictor.predict(ROWS).shape == (4, 2)
    assert predictor.model_name == "LogisticRegression.predict_proba"

    class Keras:
        def predict(self, batch):
            return np.ones((len(batch), 3))

    assert wrap(Keras(), kind="table").predict(ROWS).shape == (4, 3)


@pytest.mark.parametrize(
    ("method", "output", "given", "names"),
    [
        ("predict_proba", "auto", None, ("bad", "good")),
        ("predict_proba", "auto", ["no", "yes"], ("no", "yes")),
        ("decision_function", "logit", None, ("bad", "good")),
        ("decision_function", "auto", None, ("prediction",)),
        ("predict_log_proba", "auto", None, ("output 0", "output 1")),
    ],
)
def test_a_classifiers_method_names_its_classes(method, output, given, names):
    labels = ["bad", "good", "bad", "good"]
    plain, pipeline = LogisticRegression(), make_pipeline(StandardScaler(), LogisticRegression())
    for owner in (plain.fit(ROWS, labels), pipeline.fit(ROWS, labels)):
        predictor = wrap(getattr(owner, method), kind="table", output=output, output_names=given)
        predictor.predict(ROWS)
        assert predictor.output_names == names


def test_classes_of_another_number_name_nothing():
    class Odd:
        classes_ = ("a", "b", "c")

        def predict_proba(self, batch):
            return [[0.25, 0.75]] * len(batch)

    predictor = wrap(Odd().predict_proba, kind="table")
    predictor.predict(ROWS)
    assert predictor.output_names == ("output 0", "output 1")


@pytest.mark.parametrize(
    ("model", "hint"), [("a text", "Did you swap"), (3, ""), ([1, 2], "Did you swap"), (None, "")]
)
def test_what_is_not_a_model(model, hint):
    with pytest.raises(InputError, match=r"Cannot call a .*; expected a scikit-learn estimator") as caught:
        wrap(model, kind="text")
    assert hint in str(caught.value)


def test_one_lock_for_all_predictors_of_a_model():
    model = LogisticRegression().fit(ROWS, [0, 1, 0, 1])
    entries = {id(entry_of(m)) for m in (model, model, model.predict_proba, model.decision_function)}
    assert len(entries) == 1
    assert entry_of(column(1)) is not entry_of(column(1))


def test_the_lock_does_not_ask_whether_a_model_is_true():
    assert entry_of(pd.DataFrame({"a": [1, 2]}).sum) is not entry_of(pd.DataFrame({"a": [1, 2]}).sum)
    empty = torch.nn.Sequential()
    assert entry_of(empty.forward) is entry_of(empty)


def test_batches_take_turns_and_a_run_does_not_hold_the_lock():
    inside, most = [], []

    def slow(batch):
        inside.append(1)
        most.append(len(inside))
        threading.Event().wait(0.005)
        inside.pop()
        return np.zeros(len(batch))

    first, second = wrap(slow, kind="table"), wrap(slow, kind="table")
    with first.run():
        workers = [threading.Thread(target=p.predict, args=(ROWS,)) for p in (first, second, first, second)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join(timeout=10)
    assert len(most) == 4
    assert max(most) == 1


def test_keys_tell_models_and_outputs_apart():
    f, g = column(1.0), column(1.0)
    keys = [wrap(f, kind="table").key, wrap(g, kind="table").key, wrap(f, kind="table", output="logit").key]
    assert len(set(keys)) == 3
    assert wrap(f, kind="table").key == keys[0]


def draws(batch):
    random.random()
    np.random.random()
    torch.rand(1)
    return np.zeros(len(batch))


def breaks(batch):
    draws(batch)
    raise ValueError("no")


@pytest.mark.parametrize("function", [draws, breaks])
def test_global_random_states_stay(function):
    before = random.getstate(), np.random.get_state()[1].copy(), torch.get_rng_state()
    with contextlib.suppress(ModelError):
        wrap(function, kind="table").predict(ROWS)
    assert random.getstate() == before[0]
    np.testing.assert_array_equal(np.random.get_state()[1], before[1])
    assert torch.get_rng_state().equal(before[2])


@pytest.mark.parametrize("function", [draws, breaks])
def test_global_random_states_stay_over_several_batches(function):
    """Looked at once for all of them, also where one scope is within another."""
    before = random.getstate(), np.random.get_state()[1].copy(), torch.get_rng_state()
    predictor = wrap(function, kind="table")
    with contextlib.suppress(ModelError), predictor.undisturbed():
        with contextlib.suppress(ModelError), predictor.undisturbed():
            predictor.predict(ROWS)
            predictor.predict(ROWS)
        predictor.predict(ROWS)
    assert random.getstate() == before[0]
    np.testing.assert_array_equal(np.random.get_state()[1], before[1])
    assert torch.get_rng_state().equal(before[2])
    with contextlib.suppress(ModelError):
        predictor.predict(ROWS)  # and after it each batch is looked at again
    assert random.getstate() == before[0]


def test_a_worker_does_not_rewind_the_cells_own_draws():
    """The cell draws while the worker's batch runs: its stream must not be put back."""
    started, drawn = threading.Event(), threading.Event()

    def model(batch):
        started.set()
        drawn.wait(5)
        return np.zeros(len(batch))

    worker = threading.Thread(target=wrap(model, kind="table").predict, args=(ROWS,))
    worker.start()
    started.wait(5)
    first = np.random.random()
    drawn.set()
    worker.join(5)
    assert np.random.random() != first
