"""A word or piece absent alone, and an image adjusted: as the masker and the edits have it, once, within the rows."""

from __future__ import annotations

import numpy as np
import pytest

import jupyter_xai as xai
from jupyter_xai.errors import ModelError
from jupyter_xai.models import wrap
from jupyter_xai.responses import presence_curves
from jupyter_xai.responses.adjustments import amounts

REVIEW = "a dull start and then a dull and wasted hour"
PICTURE = np.random.default_rng(0).random((24, 32, 3))


def of_texts(texts):
    p = np.array([0.1 + 0.3 * t.count("dull") + 0.2 * ("wasted" in t) for t in texts])
    return np.column_stack([1 - p, p])


def of_images(images):
    p = np.clip(np.asarray(images).mean(axis=(1, 2, 3)), 0, 1)
    return np.column_stack([1 - p, p])


def test_each_word_struck_alone():
    predictor, masker = wrap(of_texts, kind="text"), xai.Text()
    e, bound = xai.Lime(predictor, masker).explain(REVIEW), masker.bind(REVIEW)
    *_, curves = presence_curves(e, bound, predictor)
    assert len(curves) == bound.n_features
    for curve in curves:
        mask = np.ones((1, bound.n_features), dtype=bool)
        mask[0, curve.feature] = False
        np.testing.assert_allclose(curve.y[:, 0], of_texts(bound.build(mask))[0])
        np.testing.assert_allclose(curve.y[:, 1], of_texts([REVIEW])[0])
        assert curve.x.tolist() == [0, 1]


def test_of_a_long_text_the_largest_and_no_more_than_the_rows():
    text = " ".join(f"word{i}" for i in range(100))
    predictor, masker = wrap(lambda texts: [[len(t) / 900] for t in texts], kind="text"), xai.Text()
    e, bound = xai.Lime(predictor, masker, n_samples=300).explain(text), masker.bind(text)
    *_, curves = presence_curves(e, bound, predictor)
    assert [c.feature for c in curves] == np.argsort(-np.abs(e.values[0]), kind="stable")[:40].tolist()
    *_, few = presence_curves(e, bound, predictor, most_rows=7)
    assert len(few) == 7


def test_how_many_words_were_left_out_is_said():
    words = [f"w{i}" for i in range(60)]
    view = xai.explain(lambda texts: [[float(len(t))] for t in texts], " ".join(words), n_samples=200)
    found = view.explanation
    assert sum(curve.kind == "presence" for curve in found.curves) == 40
    assert "The answer without one word alone is known for the 40 largest of 60." in found.notices


def test_none_for_tables_or_another_instance():
    predictor = wrap(of_texts, kind="text")
    e = xai.Lime(predictor, xai.Text()).explain(REVIEW)
    assert list(presence_curves(e, xai.Text().bind(REVIEW + " again"), predictor)) == []
    rows = wrap(lambda X: X[:, :1], kind="table")
    table = xai.Tabular(np.eye(3))
    found = xai.KernelShap(rows, table).explain(np.ones(3))
    assert list(presence_curves(found, table.bind(np.ones(3), rows), rows)) == []


def test_a_view_of_an_image_has_pieces_and_adjustments():
    sizes = []

    def model(images):
        sizes.append(len(images))
        return of_images(images)

    view = xai.explain(model, PICTURE, masker=xai.Image("grid", n_segments=6, fill=0.0), n_samples=60)
    found = view.explanation
    pieces = [c for c in found.curves if c.kind == "presence"]
    assert len(pieces) == found.features.shape[0]
    for curve in pieces:
        hidden = PICTURE.copy()
        hidden[found.features.labels == curve.feature] = 0
        np.testing.assert_allclose(curve.y[1, 0], hidden.mean(), atol=1e-9)
    adjusted = {c.name: c for c in found.curves if c.kind == "adjustment"}
    assert list(adjusted) == ["blur", "noise", "brightness", "contrast", "rotation"]
    for name, at in (("brightness", 2), ("contrast", 1), ("rotation", 3), ("blur", 4), ("noise", 5)):
        curve = adjusted[name]
        view.what_if([{"op": "adjust", "kind": name, "amount": float(curve.x[at])}])
        np.testing.assert_allclose(curve.y[:, at], view.explanation.predictions, atol=1e-9)
        view.what_if.reset()
    for curve in adjusted.values():
        zero = int(np.flatnonzero(curve.x == 0)[0])
        np.testing.assert_allclose(curve.y[:, zero], found.predictions, atol=1e-9)
    assert sum(len(grid) for grid in amounts(24, 32).values()) == 47
    _ = view.explanation  # of the image as it was, once it is there
    sent = view._page.get("curves")["curves"]
    assert {c["name"] for c in sent if c["kind"] == "adjustment"} == set(adjusted)


def test_adjustments_come_on_top_of_what_was_edited():
    view = xai.explain(of_images, PICTURE, masker=xai.Image("grid", n_segments=6, fill=0.0), n_samples=60)
    _ = view.explanation
    view.what_if([{"op": "hide", "pieces": [0]}, {"op": "adjust", "kind": "brightness", "amount": 0.2}])
    found = view.explanation
    bright = next(c for c in found.curves if c.name == "brightness")
    view.what_if.reset()
    view.what_if(
        [{"op": "hide", "pieces": [0]}, {"op": "adjust", "kind": "brightness", "amount": float(bright.x[1])}]
    )
    np.testing.assert_allclose(bright.y[:, 1], view.explanation.predictions, atol=1e-9)


@pytest.mark.parametrize("kind", list(amounts(24, 32)))
def test_after_an_adjustment_every_dial_has_its_curve(kind):
    """Zero, too, is what the model says with this one taken back, and the present amount what it says now."""
    view = xai.explain(of_images, PICTURE, masker=xai.Image("grid", n_segments=6, fill=0.0), n_samples=60)
    steps = amounts(*PICTURE.shape[:2])[kind]
    on, between = float(steps[1]), float(steps[1] + steps[2]) / 2
    for amount in (on, between):
        view.what_if.reset()
        view.what_if([{"op": "adjust", "kind": kind, "amount": amount}])
        found = view.explanation
        curves = {curve.name: curve for curve in found.curves if curve.kind == "adjustment"}
        assert set(curves) == set(amounts(24, 32))
        other = "contrast" if kind == "brightness" else "brightness"
        np.testing.assert_allclose(
            curves[other].y[:, curves[other].x == 0][:, 0], found.predictions, atol=1e-9
        )
        own = curves[kind]
        if amount == on:
            np.testing.assert_allclose(own.y[:, own.x == on][:, 0], found.predictions, atol=1e-9)
        for at in (0.0, float(own.x[-1])):
            view.what_if.reset()
            view.what_if([{"op": "adjust", "kind": kind, "amount": at}])
            np.testing.assert_allclose(own.y[:, own.x == at][:, 0], view.explanation.predictions, atol=1e-9)


def test_a_model_that_fails_on_a_turned_image_costs_these_curves_alone():
    def model(images):
        images = np.asarray(images)
        if images.mean() < 0.15:
            raise ValueError("too dark")
        return of_images(images)

    view = xai.explain(
        model,
        0.5 + 0.5 * PICTURE,
        masker=xai.Image("grid", n_segments=6, fill=0.7),
        n_samples=60,
        batch_size=1,
    )
    found = view.explanation
    assert found.status in {"settled", "capped"}
    assert {"removal", "presence"} <= {c.kind for c in found.curves}
    assert [c.name for c in found.curves if c.kind == "adjustment"] == ["blur", "noise"]  # what came before
    assert any("No curves of adjustments" in notice and "too dark" in notice for notice in found.notices)
    with pytest.raises(ModelError):
        wrap(model, kind="image").predict(np.zeros((1, 4, 4, 3)))
