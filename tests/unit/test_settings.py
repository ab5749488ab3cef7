"""Hyper-parameters moved in a live view: what is thrown away, what is refused, the baseline, the mask token."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import jupyter_xai as xai
from jupyter_xai.errors import CannotExplainError, InputError
from jupyter_xai.session import Session

ROWS = np.random.default_rng(0).normal(size=(60, 4))


class Counting:
    """A smooth model of rows that counts how many it was asked for."""

    def __init__(self) -> None:
        self.rows = 0

    def __call__(self, X: Any) -> Any:
        self.rows += len(X)
        X = np.asarray(X, dtype=float)
        p = 1 / (1 + np.exp(-(X[:, 0] * X[:, 1] + X[:, 2])))
        return np.stack([1 - p, p], axis=1)


class CountingTexts:
    """A model of texts that counts, and remembers what it was asked."""

    def __init__(self) -> None:
        self.rows = 0
        self.seen: set[str] = set()

    def __call__(self, texts: Any) -> Any:
        self.rows += len(texts)
        self.seen.update(texts)
        return np.array([[0.9 if "dull" in text else 0.2, 0.5] for text in texts])


def spent(view: Any, model: Any, **change: Any) -> int:
    """Rows that a change costs."""
    _ = view.explanation
    before = model.rows
    view.update(**change)
    _ = view.explanation
    return int(model.rows - before)


@pytest.fixture
def no_curves(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing but the kernel asks the model."""
    monkeypatch.setattr(Session, "_with_curves", lambda *_: iter(()))


LOOKS = 2
"""Rows that any run asks for: the instance, and whether the model still answers as it did."""


@pytest.mark.usefixtures("no_curves")
def test_a_parameter_of_the_fit_asks_the_model_nothing() -> None:
    model = CountingTexts()
    view = xai.explain(model, "a dull, dull film with a long end", method="lime", n_samples=400)
    first = view.explanation
    assert spent(view, model, kernel_width=0.1) <= LOOKS
    assert not np.allclose(view.explanation.values, first.values)
    assert spent(view, model, alpha=10.0) <= LOOKS
    assert spent(view, model, n_features=2) <= LOOKS
    assert np.count_nonzero(view.explanation.values[0]) == 2


@pytest.mark.usefixtures("no_curves")
def test_more_samples_ask_for_the_additional_ones_alone() -> None:
    model = CountingTexts()
    text = " ".join(f"word{i}" for i in range(30)) + " dull"
    view = xai.explain(model, text, method="lime", n_samples=200, tolerance=0.0)
    cost = spent(view, model, n_samples=500)
    assert 290 <= cost <= 300 + LOOKS
    assert view.explanation.n_evals == 500


@pytest.mark.usefixtures("no_curves")
def test_what_is_rebuilt_asks_anew() -> None:
    model = CountingTexts()
    view = xai.explain(model, "a dull, dull film with a long end", method="lime", n_samples=300)
    assert spent(view, model, mask_token="[MASK]") > 50
    assert any("[MASK]" in text for text in model.seen)


@pytest.mark.usefixtures("no_curves")
def test_a_table_keeps_its_answers_too() -> None:
    model = Counting()
    view = xai.explain(model, ROWS[0], background=ROWS, method="lime", n_samples=500, tolerance=0.0)
    assert spent(view, model, kernel_width=1.0) <= LOOKS
    assert spent(view, model, random_state=1) > 400


def test_another_method_begins_with_its_own_defaults_and_keeps_the_cut() -> None:
    model = CountingTexts()
    view = xai.explain(model, "a dull film", method="lime", n_samples=200)
    view.update(mask_token="[MASK]", kernel_width=0.1)
    view.update("Kernel SHAP")
    assert view._scene.request["method"] == "kernel_shap"
    assert view._scene.request["params"] == {"mask_token": "[MASK]"}
    assert view.explanation.method == "kernel_shap"


def test_what_does_not_fit_is_refused_and_the_present_state_stays() -> None:
    view = xai.explain(CountingTexts(), "a dull film", method="lime", n_samples=100)
    before, request = view.explanation, dict(view._scene.request)
    with pytest.raises(InputError, match="n_sample= is not a hyper-parameter of lime or its masker"):
        view.update(n_sample=3)
    with pytest.raises(InputError, match="n_samples=1 does not work"):
        view.update(n_samples=1)
    with pytest.raises(InputError, match="method='limes' is not known"):
        view.update("limes")
    with pytest.raises(CannotExplainError, match="explains image inputs"):
        view.update("grad_cam")
    assert view.explanation is before
    assert view._scene.request == request


def test_the_copied_snippet_runs() -> None:
    view = xai.explain(CountingTexts(), "a dull film", method="lime", n_samples=100)
    exec(
        'view.update("lime", n_samples=150, mask_token="[MASK]")\n'
        'edits = [\n    {"op": "strike", "positions": [1]},\n]\nview.what_if(edits)\n',
        {"view": view},
    )
    assert view.explanation.features.text == "a [MASK] film"
    assert view.explanation.feature_names == ("a", "film")
    assert view.explanation.n_evals <= 150


def test_a_struck_word_is_hidden_as_the_masker_hides() -> None:
    model = CountingTexts()
    view = xai.explain(model, "so dull", method="kernel_shap", mask_token="[MASK]")
    _ = view.explanation
    view.what_if({"op": "strike", "positions": [1]})
    assert view.explanation.predictions[0] == pytest.approx(0.2)
    assert "so [MASK]" in model.seen
    view.what_if({"op": "restore", "positions": [1]}, {"op": "strike", "positions": [0]})
    assert view.explanation.features.text == "[MASK] dull"
    view.what_if({"op": "strike", "positions": [1]})
    with pytest.raises(InputError, match="All words are struck"):
        _ = view.explanation


torch = pytest.importorskip("torch")


def small_net() -> Any:
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.Tanh(), torch.nn.Linear(8, 2))


def baselines(view: Any) -> Any:
    return next(
        (spec for spec in view._question.params(view._scene.request) if spec.name == "baseline"), None
    )


def test_the_baseline_is_switched_in_the_view() -> None:
    view = xai.explain(
        small_net(), ROWS[0].astype(np.float32), method="integrated_gradients", background=ROWS
    )
    spec = baselines(view)
    assert (spec.choices, spec.default, spec.auto) == (("zeros", "mean"), "auto", True)
    assert {spec.part for spec in view._question.params(view._scene.request)} == {"method"}
    mean = view.explanation
    view.update(baseline="zeros")
    zeros = view.explanation
    assert not np.allclose(mean.base_values, zeros.base_values)
    direct = xai.explain(
        small_net(),
        ROWS[0].astype(np.float32),
        method="integrated_gradients",
        background=ROWS,
        baseline="zeros",
    )
    np.testing.assert_array_equal(direct.explanation.values, zeros.values)
    view.update(baseline="auto")
    np.testing.assert_array_equal(view.explanation.values, mean.values)
    with pytest.raises(InputError, match="baseline='blur' does not work: expected one of 'zeros', 'mean'"):
        view.update(baseline="blur")


def test_a_baseline_without_a_name_can_be_come_back_to() -> None:
    given = np.full(4, 0.5, np.float32)
    view = xai.explain(
        small_net(), ROWS[0].astype(np.float32), method="deep_lift", background=ROWS, baseline=given
    )
    spec = baselines(view)
    assert (spec.choices, spec.default) == (("as given", "zeros", "mean"), "as given")
    first = view.explanation
    view.update(baseline="zeros")
    assert not np.allclose(view.explanation.values, first.values)
    view.update(baseline="as given")
    np.testing.assert_array_equal(view.explanation.values, first.values)
    view.update("saliency")
    assert baselines(view) is None
    assert view.explanation.method == "saliency"


def test_an_image_offers_its_baselines_and_no_pieces() -> None:
    net = torch.nn.Sequential(torch.nn.Conv2d(3, 2, 3), torch.nn.Flatten(), torch.nn.LazyLinear(2))
    image = torch.rand(3, 12, 12)
    net(image[None])
    view = xai.explain(net, image, method="integrated_gradients")
    names = [spec.name for spec in view._question.params(view._scene.request)]
    assert baselines(view).choices == ("zeros", "mean", "blur")
    assert "n_segments" not in names
    _ = view.explanation
    view.update(baseline="blur")
    assert view.explanation.status == "settled"
    view.update("lime", n_segments=9)
    assert view.explanation.features.labels is not None


def test_only_lime_has_limes_bins() -> None:
    view = xai.explain(lambda X: np.asarray(X)[:, 0], ROWS[0], background=ROWS, method="kernel_shap")
    asked = view._question
    names = {
        method: {spec.name for spec in asked.params({"method": method})} for method in ("lime", "kernel_shap")
    }
    assert {"discretizer", "sample_around_instance"} <= names["lime"]
    assert not {"discretizer", "sample_around_instance"} & names["kernel_shap"]
