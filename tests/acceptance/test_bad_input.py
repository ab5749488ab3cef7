"""Bad input through the front door, one by one: a sentence that says what was wrong and what to do, nothing moved."""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression

import jupyter_xai as xai
from jupyter_xai.errors import InputError, ModelError, TargetError

ROWS = pd.DataFrame(
    {"age": [20.0, 35.0, 50.0, 65.0] * 25, "job": ["skilled", "unskilled", "none", "skilled"] * 25}
)
NUMBERS = np.random.default_rng(0).normal(size=(100, 3))
FOREST = RandomForestClassifier(5, random_state=0).fit(NUMBERS, NUMBERS[:, 0] > 0)
LINEAR = LogisticRegression().fit(NUMBERS, NUMBERS[:, 0] > 0)


def on_text(texts: list[str]) -> Any:
    return np.array([[0.3, 0.7]] * len(texts)) + 0.01 * np.array(
        [["dull" in t, -("dull" in t)] for t in texts]
    )


def on_frame(rows: pd.DataFrame) -> Any:
    return rows["age"].to_numpy() / 100 + 0.1 * (rows["job"] == "skilled").to_numpy()


def on_images(images: Any) -> Any:
    return np.asarray(images, dtype=float).mean(axis=(1, 2))[:, :2]


class Net(torch.nn.Module):
    """A small network in training mode, with a hook, a gradient and dropout: all to be found as they were."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(3, 2)
        self.drop = torch.nn.Dropout(0.5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.drop(self.layer(x))


@pytest.fixture
def net() -> Net:
    torch.manual_seed(0)
    model = Net().train()
    model.layer.register_forward_hook(lambda *_: None)
    model(torch.ones(1, 3)).sum().backward()
    return model


def state_of(model: Any) -> str:
    """Everything of a network, and of the world, that must be as it was."""
    numbers = np.random.get_state()[1].tolist()  # noqa: NPY002  # the global one is what must not move
    parts: list[Any] = [numbers, random.getstate(), torch.get_rng_state().tolist()]
    parts.append(torch.is_grad_enabled())
    if isinstance(model, torch.nn.Module):
        for name, module in model.named_modules():
            hooks = [
                len(getattr(module, kind))
                for kind in ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks")
            ]
            parts.append((name, module.training, hooks))
        for name, weight in model.named_parameters():
            gradient = None if weight.grad is None else weight.grad.tolist()
            parts.append((name, weight.requires_grad, gradient, weight.tolist(), weight._version))
    return repr(parts)


@pytest.fixture
def untouched(net: Net) -> Iterator[None]:
    before = state_of(net)
    yield
    assert state_of(net) == before


def raising(_: Any) -> Any:
    raise ZeroDivisionError("by nothing")


BAD: dict[str, tuple[Callable[[], Any], type[Exception], list[str]]] = {
    "empty text": (lambda: xai.explain(on_text, ""), InputError, ["empty", "Pass a text"]),
    "only separators": (
        lambda: xai.explain(on_text, " ... --- !"),
        InputError,
        ["nothing but separators", "Pass a text"],
    ),
    "a table without a background": (lambda: xai.explain(FOREST, NUMBERS[0]), InputError, ["background="]),
    "too few columns": (
        lambda: xai.explain(FOREST, [1.0, 2.0], background=NUMBERS),
        InputError,
        ["2 values", "3 columns"],
    ),
    "an unknown column": (
        lambda: xai.explain(on_frame, {"age": 3, "jbo": "none"}, background=ROWS),
        InputError,
        ["jbo", "job"],
    ),
    "an unknown category": (
        lambda: xai.explain(on_frame, {"age": 30.0, "job": "astronaut"}, background=ROWS),
        InputError,
        ["astronaut", "skilled", "unskilled"],
    ),
    "NaN that the model refuses": (
        lambda: xai.explain(LINEAR, [np.nan, 1.0, 1.0], background=NUMBERS),
        ModelError,
        ["Your model raised ValueError", "NaN"],
    ),
    "an image of one pixel": (
        lambda: xai.explain(on_images, np.zeros((1, 1, 3), np.uint8)),
        InputError,
        ["1×1"],
    ),
    "an array that may be two things": (
        lambda: xai.explain(on_images, np.ones((20, 30))),
        InputError,
        ["20 rows of a table", "grey image", "masker=xai.Image()"],
    ),
    "a model that raises": (
        lambda: xai.explain(raising, "a dull film"),
        ModelError,
        ["Your model raised ZeroDivisionError", "by nothing"],
    ),
    "too many rows back": (
        lambda: xai.explain(lambda texts: np.zeros((len(texts) + 1, 2)), "a dull film"),
        ModelError,
        ["2 rows", "1 row"],
    ),
    "NaN back": (
        lambda: xai.explain(lambda texts: np.full((len(texts), 2), np.nan), "a dull film"),
        ModelError,
        ["NaN"],
    ),
    "strings back": (
        lambda: xai.explain(lambda texts: ["good"] * len(texts), "a dull film"),
        ModelError,
        ["text", "scores"],
    ),
    "a target that does not exist": (
        lambda: xai.explain(FOREST, NUMBERS[0], background=NUMBERS, targets="maybe"),
        TargetError,
        ["maybe", "'False'", "'True'"],
    ),
    "an output beyond the last": (
        lambda: xai.explain(FOREST, NUMBERS[0], background=NUMBERS, targets=7),
        TargetError,
        ["7", "2"],
    ),
    "an unknown method": (
        lambda: xai.explain(on_text, "a film", method="lyme"),
        InputError,
        ["lyme", "lime"],
    ),
    "an unknown hyper-parameter": (
        lambda: xai.explain(on_text, "a film", n_sample=3),
        InputError,
        ["n_sample=", "n_samples", "kernel_width", "split"],
    ),
    "a hyper-parameter out of range": (
        lambda: xai.explain(on_text, "a film", kernel_width=-1),
        InputError,
        ["kernel_width=-1", "a number from"],
    ),
    "a seed that is none": (
        lambda: xai.explain(on_text, "a film", random_state="x"),
        InputError,
        ["random_state='x'"],
    ),
    "a baseline for a method without one": (
        lambda: xai.explain(on_text, "a film", baseline="zeros"),
        InputError,
        ["baseline=", "masker="],
    ),
    "a background beside a text": (
        lambda: xai.explain(on_text, "a film", background=ROWS),
        InputError,
        ["background="],
    ),
}


@pytest.mark.parametrize("case", BAD)
@pytest.mark.usefixtures("untouched")
def test_bad_input_gets_a_sentence(case: str) -> None:
    call, kind, words = BAD[case]
    with pytest.raises(kind) as caught:
        call()
    message = str(caught.value)
    for word in words:
        assert word in message
    assert message.rstrip().endswith((".", ")", "]")) or kind is ModelError
    assert len(message) > 30


def test_one_column_and_a_thousand_columns_are_fine() -> None:
    one = xai.explain(lambda texts: [0.1 * len(t) for t in texts], "a dull film", n_samples=100).explanation
    assert one.values.shape == (1, 3)
    many = xai.explain(
        lambda texts: np.eye(1000)[[len(t) for t in texts]], "a dull film", n_samples=100
    ).explanation
    assert many.values.shape == (5, 3)
    assert many.all_predictions is not None
    assert many.all_predictions.shape == (1000,)


def test_a_constant_background_column_is_fine() -> None:
    rows = NUMBERS.copy()
    rows[:, 1] = 4.0
    result = xai.explain(FOREST, rows[0], background=rows, n_samples=300).explanation
    assert np.isfinite(result.values).all()
    assert abs(result.values[0, 1]) < 1e-6  # a column that never varies explains nothing


def test_a_large_photo() -> None:
    photo = np.zeros((3000, 4000, 3), np.uint8)
    photo[:, 2000:] = 200
    result = xai.explain(on_images, photo, n_samples=12, n_segments=8, batch_size=2).explanation
    assert result.features.labels.shape == (3000, 4000)
    assert np.isfinite(result.values).all()


@pytest.mark.parametrize("case", ["alpha", "outside its range"])
def test_odd_photos_are_explained_and_the_oddity_said(case: str) -> None:
    photo = np.random.default_rng(0).random((32, 32, 4 if case == "alpha" else 3)).astype(np.float32)
    if case == "outside its range":
        photo = photo * 3 - 1
    view = xai.explain(on_images, photo, n_samples=40, n_segments=8)
    said = " ".join((view._question.took, *view.explanation.notices))
    assert {"alpha": "alpha channel: composited on white", "outside its range": "normalised"}[case] in said


def test_a_network_that_is_explained_is_left_as_it_was(net: Net) -> None:
    before = state_of(net)
    result = xai.explain(net, NUMBERS[0], background=NUMBERS, n_samples=200).explanation
    again = xai.explain(net, NUMBERS[0], background=NUMBERS, n_samples=200).explanation
    np.testing.assert_array_equal(result.values, again.values)  # explained in eval: dropout is off
    assert state_of(net) == before


def test_a_network_that_raises_is_left_as_it_was(net: Net) -> None:
    before = state_of(net)
    with pytest.raises(ModelError, match="shapes cannot be multiplied"):
        xai.explain(net, [1.0, 2.0], background=NUMBERS[:, :2])
    assert state_of(net) == before


@pytest.mark.parametrize(
    ("missing", "code", "extra"),
    [
        (
            "skimage",
            "xai.explain(lambda a: a.mean(axis=(1, 2)), np.zeros((32, 32, 3), np.uint8) + 7, n_samples=20)",
            "image",
        ),
        (
            "torch",  # a network whose framework cannot be imported: as a pickle from elsewhere would be
            (
                "xai.explain(type('Net', (type('Module', (), {'__module__': 'torch.nn.modules.module'}),), "
                "{'__module__': '__main__'})(), [1.0, 2.0], background=np.ones((9, 2)))"
            ),
            "torch",
        ),
    ],
)
def test_a_missing_package_names_its_extra(missing: str, code: str, extra: str) -> None:
    script = (
        f"import sys; sys.modules[{missing!r}] = None\n"
        f"import numpy as np, jupyter_xai as xai\n"
        f"try:\n    {code}\nexcept xai.MissingExtraError as error:\n    print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=120, check=True
    )
    assert missing in done.stdout
    assert f"jupyter_xai[{extra}]" in done.stdout
