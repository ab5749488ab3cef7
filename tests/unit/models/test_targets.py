# ruff: noqa: E501 - one case a line
"""Targets: names, indices, functions; those that do not exist."""

from __future__ import annotations

import numpy as np
import pytest

from jupyter_xai.errors import CannotExplainError, TargetError
from jupyter_xai.models import wrap
from jupyter_xai.models.targets import resolve_targets

SCORES = np.array([[0.1, 0.5, 0.15, 0.25]])
NAMES = ["cat", "dog", "fox", "7"]


def predictor(names=NAMES, scores=SCORES):
    made = wrap(lambda b: np.repeat(scores, len(b), axis=0), kind="table", output_names=names)
    made.predict([0])
    return made


def spread(outputs):
    return outputs.max(axis=1) - outputs.min(axis=1)


@pytest.mark.parametrize(
    ("targets", "indices"),
    [
        ("fox", (2,)),
        (1, (1,)),
        (np.int64(1), (1,)),
        (-1, (3,)),
        ((2,), (2,)),
        ("7", (3,)),
        (["fox", 0], (2, 0)),
        ([0, "cat", 0], (0,)),
        (range(2), (0, 1)),
        (np.array([3, 1]), (3, 1)),
        (None, (0, 1, 2, 3)),
    ],
)
def test_targets(targets, indices):
    found = resolve_targets(targets, predictor(), SCORES)
    assert found.indices == indices == found.explained
    assert found.names == tuple(NAMES[i] for i in indices)
    np.testing.assert_array_equal(found.select(SCORES), SCORES[:, list(indices)])


def test_none_takes_the_highest_beyond_n_targets():
    assert resolve_targets(None, predictor(), SCORES[0], n_targets=2).names == ("dog", "7")


def test_functions_of_the_outputs():
    found = resolve_targets(["dog", spread], predictor(), SCORES)
    assert (found.indices, found.names, found.explained) == ((1, -1), ("dog", "spread"), ())
    np.testing.assert_allclose(found.select(np.repeat(SCORES, 3, axis=0)), [[0.5, 0.4]] * 3)
    assert resolve_targets(lambda o: o[:, 0], predictor(), SCORES).names == ("function of the outputs",)


@pytest.mark.parametrize(
    ("targets", "message"),
    [
        ("cow", "There is no output 'cow'; the outputs are 'cat', 'dog', 'fox', '7'. Pass one of these."),
        ("Dog", "There is no output 'Dog'; the outputs are 'cat', 'dog', 'fox', '7'. Did you mean 'dog'?"),
        (4, "There is no output 4; there are 4, counted from 0: 'cat', 'dog', 'fox', '7'. Pass a name or an index."),
        (7, "There is no output 7; there are 4, counted from 0: 'cat', 'dog', 'fox', '7'. The output called '7' is targets='7'."),
        (-5, "There is no output -5; there are 4"),
        (True, "There is no output True; there are 4"),
        (1.5, "There is no output 1.5; there are 4"),
        ([], "targets is empty; expected at least one output. The outputs are 'cat', 'dog', 'fox', '7'."),
        ((1, 2), "targets=(1, 2) has 2 axes, the model's outputs have 1. Pass one index or a list."),
        (lambda o: 1 / 0, "The target function of the outputs raised ZeroDivisionError on outputs of shape (1, 4)"),
        (lambda o: o, "answered with shape (1, 4) on outputs of shape (1, 4); expected 1 finite numbers."),
    ],
)  # fmt: skip
def test_targets_that_do_not_exist(targets, message):
    with pytest.raises(TargetError) as caught:
        resolve_targets(targets, predictor(), SCORES)
    assert message in str(caught.value)


def test_at_most_twenty_are_listed():
    many = predictor([f"class {i}" for i in range(1000)], np.full((1, 1000), 1e-3))
    with pytest.raises(TargetError, match=r"'class 19' and 980 more. Pass one of these"):
        resolve_targets("cow", many, many.predict([0]))


def test_reconstruction_error():
    with pytest.raises(
        CannotExplainError, match=r"reconstruction_error .* Pass a function that returns the error"
    ):
        resolve_targets("reconstruction_error", predictor(), SCORES)
    named = predictor(["reconstruction_error"], np.array([[3.0]]))
    assert resolve_targets("reconstruction_error", named, [3.0]).indices == (0,)
