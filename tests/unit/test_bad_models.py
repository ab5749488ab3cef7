# ruff: noqa: E501, NPY002 - one case a line; the legacy random state is what must not move
"""Models that fail or answer with something else: each a sentence with what was got, expected, and what to do."""

from __future__ import annotations

import pickle
import random
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from jupyter_xai.errors import ModelError
from jupyter_xai.models import wrap
from jupyter_xai.models.traceback import hint, users_line

BATCH = np.zeros((64, 3))


def raises(batch):
    raise ValueError("could not convert string to float: 'smith'")


def ragged(batch):
    return [np.zeros(2), np.zeros(3)]


def some_nan(batch):
    scores = np.zeros((len(batch), 2))
    scores[5, 1] = np.nan
    scores[9, 1] = np.nan
    return scores


BAD = {
    "raises": (raises, r"^Your model raised ValueError on a batch of 64 rows: could not convert string to float: 'smith'$"),
    "wrong rows": (lambda b: np.zeros(len(b) - 1), r"answered with 63 rows \(shape \(63,\)\) on a batch of 64 rows; expected scores, shape \(64,\) or \(64, outputs\). Return one row of scores for each row"),
    "transposed": (lambda b: np.zeros((2, len(b))), r"answered with 2 rows .* looks transposed: return the answer's .T"),
    "a number": (lambda b: 0.5, "answered with a single number on a batch of 64 rows; .* Return one score a row"),
    "NaN": (some_nan, r"answered with NaN in 2 of 64 rows \(the first is row 5 of the batch\); expected finite scores. Look for missing"),
    "infinity": (lambda b: np.full(len(b), -np.inf), "answered with infinity in 64 of 64 rows"),
    "strings": (lambda b: ["spam"] * len(b), r"answered with text \(for example 'spam'\) on a batch of 64 rows; .* Pass its predict_proba"),
    "objects": (lambda b: [object()] * len(b), "answered with objects of type object"),
    "dicts": (lambda b: [{"label": "POSITIVE", "score": 0.9}] * len(b), "answered with a dict .* returns the scores as an array"),
    "dict": (lambda b: {"a": 1}, "answered with a dict"),
    "None": (lambda b: None, "answered with None .* Does it end in return?"),
    "ragged": (ragged, r"answered with 2 parts of different shapes \(\(2,\), \(3,\)\) .* lambda x: model\(x\)\[0\]"),
    "a tuple": (lambda b: (torch.zeros(len(b), 2), torch.zeros(len(b), 5)), "answered with 2 parts of different shapes"),
    "three axes": (lambda b: np.zeros((len(b), 10, 5)), r"answered with 3 axes, shape \(64, 10, 5\), .* one number an output"),
    "no outputs": (lambda b: np.zeros((len(b), 0)), "answered with 0 outputs .* Return at least one"),
    "empty": (lambda b: [], r"answered with 0 rows \(shape \(0,\)\)"),
    "complex": (lambda b: np.zeros(len(b), complex), "answered with complex128 values .* Return real numbers"),
}  # fmt: skip


class Net(torch.nn.Module):
    def __init__(self, function):
        super().__init__()
        self.linear = torch.nn.Linear(3, 2)
        self.function = function

    def forward(self, rows):
        return self.function(rows)


@pytest.mark.parametrize("name", BAD)
def test_bad_functions(name):
    function, message = BAD[name]
    before = random.getstate(), np.random.get_state()[1].copy(), torch.get_rng_state()
    with pytest.raises(ModelError, match=message) as caught:
        wrap(function, kind="table").predict(BATCH)
    assert caught.value.n_rows == 64
    assert (caught.value.__cause__ is not None) == (name == "raises")
    assert random.getstate() == before[0]
    np.testing.assert_array_equal(np.random.get_state()[1], before[1])
    assert torch.get_rng_state().equal(before[2])


@pytest.mark.parametrize("name", BAD)
def test_bad_nets_are_left_as_they_were(name):
    function, message = BAD[name]
    net = Net(function)
    net.linear.weight.grad = torch.ones(2, 3)
    net.linear.bias.requires_grad_(False)
    handle = net.register_forward_hook(lambda *_: None)
    before = torch.get_rng_state()
    with pytest.raises(ModelError, match=message):
        wrap(net, kind="table").predict(BATCH)
    assert net.training
    assert net.linear.training
    assert net.linear.weight.grad.equal(torch.ones(2, 3))
    assert [p.requires_grad for p in net.parameters()] == [True, False]
    assert list(net._forward_hooks) == [handle.id]
    assert torch.get_rng_state().equal(before)


def test_the_number_of_outputs_must_stay():
    predictor = wrap(lambda b: np.zeros((len(b), len(b))), kind="table")
    predictor.predict(BATCH[:2])
    with pytest.raises(
        ModelError, match=r"answered with 3 outputs on a batch of 3 rows, before with 2; .* every batch"
    ):
        predictor.predict(BATCH[:3])


def test_a_model_output_of_hugging_face_is_its_logits():
    scores = wrap(lambda b: SimpleNamespace(logits=torch.zeros(len(b), 3)), kind="table").predict(BATCH)
    assert scores.shape == (64, 3)


def test_stopping_the_kernel_is_not_the_models_error():
    def interrupted(batch):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        wrap(interrupted, kind="table").predict(BATCH)


def test_the_error_survives_pickling():
    with pytest.raises(ModelError) as caught:
        wrap(raises, kind="table").predict(BATCH)
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


def cause_of(function):
    with pytest.raises(ModelError) as caught:
        wrap(function, kind="table").predict(BATCH)
    return caught.value.__cause__


def test_the_users_own_line():
    line = users_line(cause_of(raises))
    assert line.startswith("test_bad_models.py, line ")
    assert line.endswith(""", in raises:  raise ValueError("could not convert string to float: 'smith'")""")


def test_the_users_line_above_a_library():
    line = users_line(cause_of(lambda b: np.linalg.inv(b + 0)))
    assert ", in <lambda>:  line = users_line(cause_of(lambda b: np.linalg.inv(b + 0)))" in line


@pytest.mark.parametrize("filename", ["/tmp/ipykernel_12/345.py", "<ipython-input-3-abc>"])
def test_a_cell_is_called_a_cell(filename):
    names: dict = {}
    exec(compile("def predict(batch):\n    return 1 / 0\n", filename, "exec"), names)
    assert users_line(cause_of(names["predict"])).startswith("cell, line 2, in predict")


def test_no_line_of_the_users():
    assert users_line(cause_of(np.linalg.inv)) == ""


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (ValueError("could not convert string to float: 'a'"), "held text"),
        (RuntimeError("Expected all tensors to be on the same device, but found"), "on the device"),
        (
            RuntimeError("mat1 and mat2 shapes cannot be multiplied (1x3 and 4x2)"),
            "another number of columns",
        ),
        (ValueError("The feature names should match those that were passed during fit."), "same order"),
        (
            ValueError("X has 4 features, but LogisticRegression is expecting 3 features as input."),
            "leave out the label",
        ),
        (ValueError("Input X contains NaN."), "imputer"),
        (ValueError("Specifying the columns using strings is only supported for dataframes."), "by name"),
        (AttributeError("'list' object has no attribute 'lower'"), "list of texts"),
        (
            RuntimeError("Given groups=1, expected input[1, 1, 8, 8] to have 3 channels, but got 1 channels"),
            "N×C×H×W",
        ),
        (KeyError("x"), ""),
    ],
)
def test_hints(error, sentence):
    said = hint(error)
    assert sentence in said
    assert bool(sentence) == bool(said)
