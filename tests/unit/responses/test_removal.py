"""Removal curves: against a literal re-reading, in three kinds of input; once each; budget; determinism; stopping."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

import jupyter_xai as xai
from jupyter_xai.errors import InputError
from jupyter_xai.maskers._random import generator
from jupyter_xai.models import wrap
from jupyter_xai.responses import along_paths, removal_curves
from jupyter_xai.responses.removal import FEWEST_ORDERS, MOST_POINTS, area, points

RNG = np.random.default_rng(3)
ROWS = RNG.normal(size=(12, 6))
ROW = RNG.normal(size=6)
REVIEW = "a wonderful start and then a dull and wasted and dull hour"
PICTURE = RNG.random((24, 24, 3))


class Counting:
    """A model that keeps every row it is asked for."""

    def __init__(self, score) -> None:
        self.score = score
        self.rows: list = []
        self.sizes: list[int] = []

    def __call__(self, batch):
        self.rows += [np.array(row).tobytes() if not isinstance(row, str) else row for row in batch]
        self.sizes.append(len(batch))
        p = np.array([self.score(row) for row in batch])
        return np.column_stack([1 - p, p])


def squash(z: float) -> float:
    return 1 / (1 + math.exp(-z))


def of_row(row) -> float:
    return squash(row[0] * row[1] + 2 * row[2] - row[3] + 0.3 * row[4])


def of_text(text: str) -> float:
    return squash(text.count("dull") + 0.5 * text.count("wasted") - 2 * ("wonderful" in text))


def of_image(image) -> float:
    return squash(6 * image[:8, :8, 0].mean() - 3 * image[12:, 12:, 1].mean())


CASES = {
    "table": (of_row, lambda: xai.Tabular(ROWS), ROW, xai.KernelShap),
    "text": (of_text, xai.Text, REVIEW, xai.Lime),
    "image": (of_image, lambda: xai.Image("grid", n_segments=9, fill=0.0), PICTURE, xai.Lime),
}


def case(kind, **how):
    score, make, x, kernel = CASES[kind]
    model, masker = Counting(score), make()
    predictor = wrap(model, kind=kind)
    e = kernel(predictor, masker, **how).explain(x)
    model.rows.clear()
    model.sizes.clear()
    return model, e, masker.bind(x, predictor), predictor


def literal(bound, score, order, k):
    """The mean answer with the first k features of an order absent."""
    mask = np.ones((1, bound.n_features), dtype=bool)
    mask[0, list(order[:k])] = False
    return float(np.mean([score(row) for row in bound.build(mask)]))


@pytest.mark.parametrize("kind", CASES)
def test_it_is_what_removing_feature_after_feature_gives(kind):
    model, e, bound, predictor = case(kind)
    *_, curves = removal_curves(e, bound, predictor)
    by = {(curve.kind, curve.order): curve for curve in curves}
    assert set(by) == {("random_removal", None), *itertools.product(["removal", "insertion"], [0, 1])}
    for row in (0, 1):
        order = sorted(range(bound.n_features), key=lambda i: -np.float32(e.values[row, i]))
        down, up = by["removal", row], by["insertion", row]
        assert down.x[0] == up.x[0] == 0
        assert down.x[-1] == up.x[-1] == bound.n_features
        found = [literal(bound, model.score, order, int(k)) for k in down.x]
        np.testing.assert_allclose(down.y[1], found, atol=1e-9)
        np.testing.assert_allclose(down.y[0], 1 - down.y[1], atol=1e-9)
        np.testing.assert_allclose(
            up.y[1], [literal(bound, model.score, order[::-1], int(k)) for k in up.x], atol=1e-9
        )
        np.testing.assert_allclose(down.y[:, 0], e.predictions, atol=1e-6)
    chance = by["random_removal", None]
    assert chance.band.shape == (2, *chance.y.shape)
    assert (chance.band[0] <= chance.y + 1e-12).all()
    assert (chance.y <= chance.band[1] + 1e-12).all()
    np.testing.assert_allclose(chance.band[:, :, 0], np.stack([e.predictions] * 2), atol=1e-6)


def test_the_band_holds_nine_of_ten_random_orders():
    model, e, bound, predictor = case("table")
    *_, curves = removal_curves(e, bound, predictor, random_state=3, most_rows=10**6)
    chance = next(curve for curve in curves if curve.kind == "random_removal")
    n = bound.n_features
    orders = [generator(3, "removal", i).permutation(n) for i in range(20)]
    lines = np.array([[literal(bound, model.score, order, int(k)) for k in chance.x] for order in orders])
    np.testing.assert_allclose(chance.y[1], lines.mean(axis=0), atol=1e-9)
    np.testing.assert_allclose(chance.band[:, 1], np.quantile(lines, [0.05, 0.95], axis=0), atol=1e-9)
    assert (chance.band[1, 1] < lines.max(axis=0) - 1e-6).any()


def test_the_order_is_better_than_chance_where_the_model_is_additive():
    model = Counting(lambda row: squash(2 * row[0] + row[1] - row[2] - 2 * row[3]))
    predictor, masker = wrap(model, kind="table"), xai.Tabular(np.zeros((1, 6)))
    e = xai.KernelShap(predictor, masker).explain(np.ones(6))
    *_, curves = removal_curves(e, masker.bind(np.ones(6)), predictor)
    mean = {(curve.kind, curve.order): area(curve) for curve in curves}
    for row in (0, 1):
        assert mean["removal", row][row] < mean["random_removal", None][row] - 0.1
        assert mean["insertion", row][row] > mean["random_removal", None][row] + 0.1


@pytest.mark.parametrize("kind", CASES)
def test_no_mask_is_asked_for_twice_and_calls_are_full(kind):
    model, e, bound, predictor = case(kind)
    *_, curves = removal_curves(e, bound, predictor, batch_size=64)
    assert len(curves) == 5
    if bound.draws == 1:
        assert len(model.rows) == len(set(model.rows))
    else:  # a mask of a table has one row for each of the background's
        assert len(model.rows) - 1 == bound.draws * len(
            {tuple(model.rows[i : i + 12]) for i in range(1, len(model.rows), 12)}
        )
    whole = 64 // bound.draws * bound.draws
    assert len(model.sizes) <= 2 + -(-len(model.rows) // whole)
    assert max(model.sizes) <= 64


def test_two_outputs_share_what_they_can():
    # of two outputs that add up to 1 one order is the other's reverse: removal of one is insertion of the other
    model, e, bound, predictor = case("table")
    *_, curves = removal_curves(e, bound, predictor, n_orders=4)
    by = {(curve.kind, curve.order): curve for curve in curves}
    np.testing.assert_array_equal(by["removal", 0].y, by["insertion", 1].y)
    interior = bound.n_features - 1
    assert len(model.rows) <= 1 + 12 * (1 + (2 + 4) * interior)


def test_the_pool_answers_what_a_kernel_has_asked():
    model, masker = Counting(of_row), xai.Tabular(ROWS)
    predictor, pool = wrap(model, kind="table"), xai.evaluation.Pool()
    kernel = xai.KernelShap(predictor, masker)  # 2^6 coalitions: all of them
    *_, e = kernel.stream(ROW, pool=pool)
    asked = len(model.rows)
    *_, curves = removal_curves(e, masker.bind(ROW, predictor), predictor, pool=pool)
    assert len(curves) == 5
    assert len(model.rows) - asked <= 1


@pytest.mark.parametrize("kind", CASES)
def test_same_bits_whatever_the_batch_and_the_watching(kind):
    _, e, bound, predictor = case(kind)
    *_, first = removal_curves(e, bound, predictor)
    *_, again = removal_curves(e, bound, predictor, batch_size=7, live=False)
    for a, b in zip(first, again, strict=True):
        assert (a.kind, a.order) == (b.kind, b.order)
        np.testing.assert_allclose(a.y, b.y, rtol=0, atol=1e-12)
    *_, other = removal_curves(e, bound, predictor, random_state=1)
    chance = [curve.y for curves in (first, other) for curve in curves if curve.kind == "random_removal"]
    assert np.abs(chance[0] - chance[1]).max() > 1e-4
    state = np.random.get_state()[1].copy()  # noqa: NPY002
    list(removal_curves(e, bound, predictor))
    assert (np.random.get_state()[1] == state).all()  # noqa: NPY002


def test_a_budget_takes_random_orders_then_insertion_then_points():
    text = " ".join(f"word{i}" for i in range(60))
    model = Counting(lambda t: squash(len(t) / 300 - 0.5))
    predictor, masker = wrap(model, kind="text"), xai.Text()
    e, bound = xai.Lime(predictor, masker, n_samples=400).explain(text), masker.bind(text)
    seen = []
    for most in (2000, 300, 160, 60, 1):
        model.rows.clear()
        *_, curves = removal_curves(e, bound, predictor, most_rows=most)
        kinds = {(curve.kind, curve.order) for curve in curves}
        assert {("removal", 0), ("random_removal", None)} <= kinds
        assert max(len(curve.x) for curve in curves) <= MOST_POINTS
        seen.append((len(model.rows), len(curves[0].x), len(kinds)))
    rows, lengths, kinds = zip(*seen, strict=True)
    assert all(count <= most + 2 for count, most in zip(rows[:-1], (2000, 300, 160, 60), strict=True))
    assert rows[-1] <= 2 + (1 + FEWEST_ORDERS) * 4  # 6 points, two of which are the ends
    assert list(rows) == sorted(rows, reverse=True)
    assert list(lengths) == sorted(lengths, reverse=True)
    assert list(kinds) == sorted(kinds, reverse=True)
    assert lengths[0] > lengths[-1]
    assert kinds[0] > kinds[-1]


@pytest.mark.parametrize("n", [1, 2, 23, 24, 25, 50, 500, 10_000])
def test_points_begin_one_by_one_and_end_at_the_last(n):
    found = points(n, MOST_POINTS)
    assert len(found) <= MOST_POINTS
    assert found[0] == 0
    assert found[1] == 1
    assert found[-1] == n
    assert (np.diff(found) > 0).all()


def test_it_is_streamed_and_closing_it_stops_the_model():
    model, e, bound, predictor = case("text")
    stages = removal_curves(e, bound, predictor, batch_size=8)
    first = next(stages)
    assert first[0].kind == "removal"
    asked = len(model.rows)
    stages.close()
    assert len(model.rows) == asked
    rest = list(removal_curves(e, bound, predictor, batch_size=8))
    assert [len(stage) for stage in rest] == sorted(len(stage) for stage in rest)
    assert len(rest[0]) < len(rest[-1])


def test_features_that_the_background_does_not_change_cost_nothing():
    rows = ROWS.copy()
    rows[:, 3:] = ROW[3:]
    model = Counting(of_row)
    predictor, masker = wrap(model, kind="table"), xai.Tabular(rows)
    e = xai.KernelShap(predictor, masker).explain(ROW)
    model.rows.clear()
    *_, curves = removal_curves(e, masker.bind(ROW, predictor), predictor)
    assert curves[0].x.tolist() == [0, 1, 2, 3, 4, 5, 6]
    assert len(model.rows) <= 1 + 12 * (2**3 - 1)


def test_nothing_where_features_are_not_the_maskers():
    _, e, bound, predictor = case("table")
    other = xai.Tabular(np.hstack([ROWS, ROWS])).bind(np.concatenate([ROW, ROW]), predictor)
    assert list(removal_curves(e, other, predictor)) == []
    of_another_model = wrap(lambda rows: np.full((len(rows), 2), 0.5), kind="table")
    assert list(removal_curves(e, bound, of_another_model)) == []


@pytest.mark.parametrize("n_orders", [0, -1, 2.5, True, "many"])
def test_a_number_of_orders_that_is_none(n_orders):
    _, e, bound, predictor = case("table")
    with pytest.raises(InputError, match=r"n_orders=.*whole number from 1"):
        next(removal_curves(e, bound, predictor, n_orders=n_orders))


def test_an_explanation_keeps_them_with_the_rows_they_took(tmp_path):
    model, e, bound, predictor = case("table")
    *_, last = along_paths(e, bound, predictor)
    assert last.curve_rows == len(model.rows)
    assert last.n_rows == e.n_rows
    last.save(tmp_path / "row.xai")
    back = xai.Explanation.load(tmp_path / "row.xai")
    assert back.curve_rows == last.curve_rows
    for a, b in zip(last.curves, back.curves, strict=True):
        assert (a.kind, a.feature, a.order) == (b.kind, b.feature, b.order)
        np.testing.assert_array_equal(a.y, b.y)
        assert (a.band is None) == (b.band is None)
    one = back.for_output(1)
    kept = [curve for curve in one.curves if curve.kind in {"removal", "insertion"}]
    assert [curve.order for curve in kept] == [0, 0]
    chosen = next(c for c in last.curves if (c.kind, c.order) == ("removal", 1))
    np.testing.assert_array_equal(kept[0].y[0], chosen.y[1])


@pytest.mark.parametrize("kind", CASES)
def test_a_view_has_them_and_says_what_they_took(kind):
    score, make, x, _ = CASES[kind]
    model = Counting(score)
    view = xai.explain(model, x, masker=make(), n_samples=200)
    found = view.explanation
    assert {"removal", "random_removal"} <= {curve.kind for curve in found.curves}
    sent = view._page.get("curves")
    assert sent["rows"] == found.curve_rows > 0
    chance = next(curve for curve in sent["curves"] if curve["kind"] == "random_removal")
    assert len(chance["band"]) == 2 * len(chance["y"])
    assert len({curve["order"] for curve in sent["curves"] if curve["kind"] == "removal"}) == 2


def test_stop_while_curves_are_drawn_ends_them_and_the_explanation_stands():
    model = Counting(of_text)
    view = xai.explain(model, REVIEW, n_samples=100, batch_size=4)
    question = view._question
    question.drop_caches()
    stopped_at: list[int] = []

    def watch(_: object) -> bool:
        return not stopped_at

    last = None
    for last in question.stream(view._scene.request, watch):
        if last.curves and not stopped_at:
            stopped_at.append(len(model.rows))
    assert last.status in {"settled", "capped"}
    assert last.notices[-1].startswith("Stopped while the curves")
    # one output's insertion is the other's removal; the random orders were not asked for
    assert {curve.kind for curve in last.curves} <= {"removal", "insertion"}
    assert len(model.rows) == stopped_at[0]


def test_after_edits_of_a_text_words_keep_their_numbers():
    model = Counting(of_text)
    view = xai.explain(model, REVIEW, n_samples=100)
    _ = view.explanation
    view.what_if([{"op": "strike", "positions": [1]}, {"op": "insert", "position": 0, "text": "wasted"}])
    found = view.explanation
    ids = view._page.get("frame")["ids"]
    sent = {c["feature"]: c for c in view._page.get("curves")["curves"] if c["kind"] == "presence"}
    assert 1 not in sent
    assert max(sent) == max(ids) >= 12  # the inserted word counts on
    alone = {c.feature: c for c in found.curves if c.kind == "presence"}
    for feature, curve in alone.items():
        there = sent[ids[feature]]
        y = there["offset"] + there["scale"] * np.frombuffer(there["y"], "<f2").astype(float)
        np.testing.assert_allclose(y.reshape(curve.y.shape), curve.y, atol=1e-3)
