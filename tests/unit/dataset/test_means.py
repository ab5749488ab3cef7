"""Reductions by themselves: exact merging, errors, bounded memory, the sample, the sketch of words."""

from __future__ import annotations

import pickle
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from jupyter_xai.dataset._means import mean_and_error
from jupyter_xai.dataset._readings import Reading, reading
from jupyter_xai.dataset.global_shap import MeanMagnitude
from jupyter_xai.dataset.norm_lime import NormalisedMean
from jupyter_xai.dataset.submodular_pick import Explanations
from jupyter_xai.explanation import Columns, Explanation, GlobalExplanation, Pixels, Tokens


def read(row, names, weights, errors=None, outputs=("y",), open_=False):
    weights = np.atleast_2d(np.asarray(weights, dtype=float))
    return Reading(
        row, outputs, tuple(names), weights, errors, np.abs(weights).sum(axis=1),
        np.arange(len(names), dtype=np.float32), open_,
    )  # fmt: skip


def literal_norm_lime(rows):
    """The paper, row by row: {feature: mean of w^2 / ||w||_1 over the explanations with w != 0}."""
    found = {}
    for names, weights in rows:
        norm = sum(abs(w) for w in weights)
        for name, w in zip(names, weights, strict=True):
            if w:
                found.setdefault(name, []).append(w * w / norm)
    return {name: sum(values) / len(values) for name, values in found.items()}


def test_golden_case_of_norm_lime():
    reduced = NormalisedMean()
    reduced.update([read(0, "abc", [1, -1, 0]), read(1, "abc", [2, 0, 2])])
    found = reduced.estimate()
    np.testing.assert_array_equal(found.values, [[0.75, 0.5, 1.0]])
    np.testing.assert_array_equal(found.support, [[2, 1, 1]])
    np.testing.assert_array_equal(found.signed, [[0.75, -0.5, 1.0]])
    assert np.isfinite(found.std_errors[0, 0])
    assert np.isinf(found.std_errors[0, 1:]).all()  # one explanation alone says nothing of the spread


def test_scale_and_a_single_feature():
    one = NormalisedMean()
    one.update([read(0, "a", [-3.0])])
    assert one.estimate().values[0, 0] == 3.0
    W = np.random.default_rng(0).normal(size=(20, 4))
    once, thrice = NormalisedMean(), NormalisedMean()
    once.update(read(i, "abcd", w) for i, w in enumerate(W))
    thrice.update(read(i, "abcd", -3 * w) for i, w in enumerate(W))
    np.testing.assert_allclose(thrice.estimate().values, 3 * once.estimate().values)


def test_an_explanation_without_weight_adds_nothing():
    reduced = NormalisedMean()
    reduced.update([read(0, "ab", [0.0, 0.0]), read(1, "ab", [1.0, 0.0])])
    np.testing.assert_array_equal(reduced.estimate().values, [[1.0, 0.0]])
    assert np.isinf(reduced.estimate().std_errors).all()


words = st.lists(
    st.dictionaries(st.sampled_from("abcdefg"), st.integers(-4, 4), min_size=1), min_size=1, max_size=12
)


@settings(max_examples=60, deadline=None)
@given(words, st.integers(0, 12))
def test_any_rows_agree_with_the_paper_and_merging_is_seeing_all(rows, cut):
    readings = [read(i, row, list(row.values()), open_=True) for i, row in enumerate(rows)]
    whole, first, second = NormalisedMean(), NormalisedMean(), NormalisedMean()
    whole.update(readings)
    first.update(readings[:cut])
    second.update(readings[cut:])
    first.merge(pickle.loads(pickle.dumps(second)))
    expected = literal_norm_lime([(list(row), list(row.values())) for row in rows])
    for found in (whole.estimate(), first.estimate()):
        for name, value, support in zip(found.feature_names, found.values[0], found.support[0], strict=True):
            assert value == pytest.approx(expected.get(name, 0.0), abs=1e-12)
            assert support == sum(bool(row.get(name)) for row in rows)
    assert whole.estimate().sample.rows.tolist() == first.estimate().sample.rows.tolist()


def test_errors_are_students_of_the_rows():
    from scipy.stats import t

    w = np.random.default_rng(0).normal(2, 1, size=30)
    reduced = MeanMagnitude()
    reduced.update(read(i, "a", [v]) for i, v in enumerate(w))
    low, high = reduced.estimate().intervals
    expected = t.interval(0.95, 29, np.abs(w).mean(), np.abs(w).std(ddof=1) / np.sqrt(30))
    np.testing.assert_allclose([low[0, 0], high[0, 0]], expected, rtol=1e-9)


def test_intervals_hold_the_truth_about_as_often_as_they_say():
    rng = np.random.default_rng(1)
    hits = 0
    for _ in range(400):
        reduced = MeanMagnitude()
        reduced.update(read(i, "a", [v]) for i, v in enumerate(rng.exponential(1.0, size=60)))
        low, high = reduced.estimate().intervals
        hits += low[0, 0] <= 1.0 <= high[0, 0]
    assert 0.90 <= hits / 400 <= 0.98


def test_error_over_all_outputs_takes_a_row_as_one():
    """Two mirrored outputs of a row say the same thing once: the pooled error is not smaller for it."""
    w = np.random.default_rng(0).normal(size=40)
    reduced = MeanMagnitude()
    reduced.update(read(i, "a", [[v], [-v]], outputs=("n", "p")) for i, v in enumerate(w))
    found = reduced.estimate()
    assert found.overall[0] == pytest.approx(found.values[0, 0])
    assert found.overall_std_errors[0] == pytest.approx(found.std_errors[0, 0], rel=1e-6)


def test_chance_is_what_noise_alone_shows():
    rng = np.random.default_rng(0)
    reduced = MeanMagnitude()
    reduced.update(read(i, "a", [0.3 * rng.normal()], errors=np.array([[0.3]])) for i in range(2000))
    found = reduced.estimate()
    assert found.values[0, 0] == pytest.approx(found.chance[0, 0], rel=0.06)
    squared = NormalisedMean()
    squared.update(
        read(i, "ab", [0.01 * rng.normal(), 1.0], errors=np.array([[0.01, 0.0]])) for i in range(2000)
    )
    found = squared.estimate()
    assert found.values[0, 0] == pytest.approx(found.chance[0, 0], rel=0.1)


def test_the_mean_of_equal_values_has_no_error():
    mean, error = mean_and_error(np.array([1e6]), np.array([1e5]), np.array([1e4 + 1e-12]))
    assert (mean[0], error[0]) == (0.1, 0.0)


def test_rows_kept_do_not_depend_on_chunks_and_are_bounded():
    rng = np.random.default_rng(0)
    W = rng.normal(size=(3000, 2))
    whole = MeanMagnitude(random_state=5, max_sampled=50)
    whole.update(read(i, "ab", w) for i, w in enumerate(W))
    merged = MeanMagnitude(random_state=5, max_sampled=50)
    for start in range(0, 3000, 7):
        part = MeanMagnitude(random_state=5, max_sampled=50)
        part.update(read(i, "ab", W[i]) for i in range(start, min(start + 7, 3000)))
        merged.merge(part)
    one, two = whole.estimate().sample, merged.estimate().sample
    np.testing.assert_array_equal(one.rows, two.rows)
    np.testing.assert_allclose(one.values[:, 0], W[one.rows], rtol=1e-6)
    assert len(one.rows) == 50
    assert len(whole.sampled) <= 101
    assert 1000 < one.rows.mean() < 2000  # from all over the data
    other = MeanMagnitude(random_state=6, max_sampled=50)
    other.update(read(i, "ab", w) for i, w in enumerate(W))
    assert other.estimate().sample.rows.tolist() != one.rows.tolist()


def test_words_are_bounded_and_what_a_word_lacks_is_within_the_bound():
    rng = np.random.default_rng(0)
    limit, truth = 50, {}
    sketch = MeanMagnitude(max_features=limit)
    size = 0
    for start in range(0, 4000, 8):
        part = MeanMagnitude(max_features=limit)
        for i in range(start, start + 8):
            names = [f"w{k}" for k in set(np.minimum(rng.zipf(1.3, 6), 10**6).tolist())]
            weights = rng.exponential(size=len(names))
            for name, w in zip(names, weights, strict=True):
                truth[name] = truth.get(name, 0) + w
            part.update([read(i, names, weights, open_=True)])
        sketch.merge(part)
        size = max(size, len(sketch.features))
    assert len(truth) > 10 * limit
    assert size <= 2 * limit + 100
    found = sketch.estimate()
    assert len(found.feature_names) == limit
    assert "the lightest were set aside" in found.notices[0]
    sums = found.values[0] * found.support[0]
    for name, total, lacks in zip(found.feature_names, sums, found.missing, strict=True):
        assert total <= truth[name] + 1e-9
        assert truth[name] <= total + lacks + 1e-9
    heaviest = sorted(truth, key=truth.get, reverse=True)[:10]
    assert set(heaviest) <= set(found.feature_names)
    for name in set(truth) - set(found.feature_names):
        assert truth[name] <= sketch.dropped + 1e-9 or name in sketch.features.names


def explanation(layout, values, **more):
    return Explanation(
        values=np.asarray(values, float),
        features=layout,
        output_names=("y",),
        predictions=np.zeros(1),
        **more,
    )


def test_a_word_said_twice_has_the_sum_of_its_weights():
    text = Tokens(text="dull so dull", offsets=((0, 4), (5, 7), (8, 12)))
    found = reading(explanation(text, [[1.0, 0.5, 2.0]], std_errors=np.array([[3.0, 1.0, 4.0]])), 0)
    assert found.names == ("dull", "so")
    np.testing.assert_allclose(found.weights, [[3.0, 0.5]])
    np.testing.assert_allclose(found.errors, [[5.0, 1.0]])
    assert found.norms[0] == 3.5


def test_a_pixel_has_the_weight_of_its_piece():
    labels = np.array([[0, 0], [1, 2]])
    picture = Pixels(image=np.zeros((2, 2, 3), np.uint8), labels=labels)
    found = reading(explanation(picture, [[1.0, -2.0, 3.0]]), 0)
    np.testing.assert_array_equal(found.weights, [[1.0, 1.0, -2.0, 3.0]])
    assert found.norms[0] == 6.0
    assert found.shape == (2, 2)
    reduced = NormalisedMean()
    reduced.update([found])
    assert reduced.estimate().feature_names == ("0, 0", "0, 1", "1, 0", "1, 1")


def test_saved_and_loaded(tmp_path):
    row = Columns(names=("a", "b"), values=(1, "x"), kinds=("number", "category"), members=((0,), (1,)))
    reduced = MeanMagnitude()
    reduced.update(reading(explanation(row, [[1.0, 2.0]]), i) for i in range(3))
    found = reduced.estimate("stopped")
    found.save(tmp_path / "it.xai")
    loaded = GlobalExplanation.load(tmp_path / "it.xai")
    np.testing.assert_array_equal(loaded.values, found.values)
    np.testing.assert_array_equal(loaded.sample.values, found.sample.values)
    assert (loaded.status, loaded.n_rows, loaded.layout.names) == ("stopped", 3, ("a", "b"))
    with pytest.raises(ValueError, match=r"holds a GlobalExplanation.*xai.GlobalExplanation.load"):
        Explanation.load(tmp_path / "it.xai")
    frame = found.to_frame()
    assert frame.feature.tolist() == ["a", "b"]
    assert {"importance", "lower", "upper", "support", "signed"} <= set(frame.columns)
    assert pickle.loads(pickle.dumps(found)).feature_names == ("a", "b")


def test_drawn():
    reduced = MeanMagnitude()
    rng = np.random.default_rng(0)
    names = [f"feature {i}" for i in range(500)]
    reduced.update(
        read(i, names, rng.normal(size=(20, 500)), outputs=tuple(f"class {k}" for k in range(20)))
        for i in range(4)
    )
    found = reduced.estimate()
    for output in (None, 3, "class 3"):
        width, height = found.plot(output).get_size_inches()
        assert width == 8.2
        assert 5 < height < 8
    with pytest.raises(ValueError, match="was not explained"):
        found.plot("cat")


def class_of(row, names, weights, predicted, outputs=("bad", "good"), unit="probability"):
    """A row for which the model predicts one of several classes."""
    said = replace(read(row, names, weights, outputs=outputs), unit=unit, predicted=predicted, prediction=0.9)
    return replace(said, predictions=np.array([0.9 if name == predicted else 0.05 for name in outputs]))


@pytest.mark.parametrize("reduction", [MeanMagnitude, NormalisedMean, lambda: Explanations(3)])
def test_predicted_classes_are_counted_over_all_rows_and_kept_with_the_sample(reduction):
    classes = ["bad", "good", "good", "other", "good"]
    rows = [class_of(i, "ab", [[1, -1], [-1, 1]], name) for i, name in enumerate(classes)]
    whole, merged = reduction(), reduction()
    whole.update(rows)
    for some in (rows[:2], rows[2:]):
        part = reduction()
        part.update(some)
        merged.merge(pickle.loads(pickle.dumps(part)))
    for found in (whole.estimate(), merged.estimate()):
        assert found.output_names == ("bad", "good")
        assert found.predicted.tolist() == [1, 3]  # one row's class was not explained
        assert found.sample.predicted.tolist() == [0, 1, 1, -1, 1]
        np.testing.assert_allclose(found.sample.predictions[:, 1], [0.05, 0.9, 0.9, 0.05, 0.9], rtol=1e-6)


@pytest.mark.parametrize("reduction", [MeanMagnitude, lambda: Explanations(3)])
def test_numbers_are_no_classes(reduction):
    reduced = reduction()
    reduced.update([class_of(0, "ab", [[1, -1], [-1, 1]], "good", unit="raw")])
    found = reduced.estimate()
    assert found.predicted is None
    assert found.sample.predicted is None
    assert found.sample.predictions.shape == (1, 2)


def explained(scores, names, unit="probability", at=(0,)):
    """An explanation of some of a model's outputs."""
    scores = None if scores is None else np.array(scores)
    return Explanation(
        values=np.ones((len(at), 1)),
        features=Columns(names=("a",), values=(1.0,), kinds=("number",), members=((0,),)),
        output_names=tuple(names[i] for i in at),
        predictions=np.ones(len(at)) if scores is None else scores[list(at)],
        all_output_names=None if scores is None else tuple(names),
        all_predictions=scores,
        output_unit=unit,
    )


@pytest.mark.parametrize(
    ("scores", "unit", "predicted", "decided", "score"),
    [
        ((0.2, 0.5, 0.3), "probability", "y", "y", 0.5),
        ((-1.0, 0.5, 3.0), "logit", "z", "z", 3.0),
        ((-1.0, 0.5, 3.0), "raw", "z", "", 3.0),  # may be three prices
        ((0.9, 0.8, 0.1), "probability", "", "", 0.9),  # labels that may hold at once
        ((0.9,), "probability", "", "", 0.9),
        (None, "probability", "", "", np.nan),  # an explainer that knows the explained output alone
    ],
)
def test_a_rows_class_is_the_highest_of_all_outputs(scores, unit, predicted, decided, score):
    found = reading(explained(scores, "xyz", unit), 4)
    assert (found.predicted, found.decided) == (predicted, decided)
    np.testing.assert_equal(found.prediction, score)
