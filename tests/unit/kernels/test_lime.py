from __future__ import annotations

import pickle
import tracemalloc

import numpy as np
import pandas as pd
import pytest

from jupyter_xai import Image, InputError, Lime, ModelError, Tabular, TargetError, Text
from jupyter_xai.evaluation import Pool
from jupyter_xai.kernels._locality import locality
from jupyter_xai.maskers._designs import COINS, SIZES
from jupyter_xai.maskers.neighbourhoods import cosine_distance
from tests.oracle import literal
from tests.unit.kernels.fakes import FakePredictor, MaskMasker, every_mask


def linear(weights, intercept=0.0):
    return lambda masks: np.asarray(masks, dtype=float) @ np.asarray(weights, dtype=float) + intercept


def test_linear_game_is_exact_without_a_penalty():
    e = Lime(FakePredictor(linear([1, -2, 0.5, 3], 7)), MaskMasker(), alpha=0, n_samples=50).explain(4)
    np.testing.assert_allclose(e.values, [[1, -2, 0.5, 3]], atol=1e-10)
    np.testing.assert_allclose(e.base_values, [7], atol=1e-10)
    np.testing.assert_allclose(e.fidelity.r2, [1])
    np.testing.assert_allclose(e.fidelity.local_predictions, [9.5])
    np.testing.assert_allclose(e.predictions, [9.5])
    assert (e.method, e.status, e.n_evals, e.n_rows, e.additive) == ("lime", "settled", 50, 50, False)


def test_locality_is_limes_kernel():
    for d in (0.0, 0.3, 2.0):
        assert locality(np.array([d]), 0.7)[0] == pytest.approx(literal.locality(d, 0.7), rel=1e-12)


@pytest.mark.parametrize("design", [COINS, SIZES])
def test_converges_to_the_enumerated_regression(design):
    rng = np.random.default_rng(0)
    first = rng.normal(size=(6, 8))
    game = lambda masks: np.tanh(np.asarray(masks, float) @ first).sum(axis=1)  # noqa: E731
    masks = every_mask(6)
    chance = np.ones(len(masks))
    if design is SIZES:
        removed = (~masks).sum(axis=1)
        chance = np.where(removed > 0, 1 / np.bincount(removed)[removed], 0)
    weights = chance * locality(cosine_distance(masks), 0.25)
    truth, _ = literal.ridge(masks, game(masks), weights, 0.0)
    gaps = []
    for n in (500, 50_000):
        kernel = Lime(
            FakePredictor(game),
            MaskMasker(design),
            alpha=0,
            n_samples=n,
            tolerance=0,
            batch_size=1000,
            surrogate="ridge",
        )
        e = kernel.explain(6)
        gaps.append(np.abs(e.values[0] - truth).max())
        assert (np.abs(e.values[0] - truth) <= 4.5 * e.std_errors[0]).all()
    assert gaps[1] < 0.02 < gaps[0] * 2


def test_unused_features_have_next_to_nothing():
    # not exactly nothing: weights that depend on the size of a mask make its features depend on each other
    game = lambda masks: np.sin(3 * masks[:, 0]) + masks[:, 1] * masks[:, 2]  # noqa: E731
    masks = every_mask(5)
    truth, _ = literal.ridge(masks, game(masks), locality(cosine_distance(masks), 0.25), 0.0)
    assert np.abs(truth[3:]).max() < 0.01
    common = {"n_samples": 4000, "alpha": 0, "tolerance": 0, "batch_size": 500, "surrogate": "ridge"}
    e = Lime(FakePredictor(game), MaskMasker(), **common).explain(5)
    assert (np.abs(e.values[0] - truth) <= 3 * e.std_errors[0]).all()
    assert np.abs(e.values[0, 3:]).max() < 0.03


def test_kernel_width_and_penalty_do_what_they_say():
    game = FakePredictor(lambda masks: masks[:, 0] * 1.0 * masks[:, 1])
    wide = Lime(game, MaskMasker(), kernel_width=100.0, alpha=0, n_samples=3000).explain(2)
    np.testing.assert_allclose(wide.values[0], [0.5, 0.5], atol=0.05)
    np.testing.assert_allclose(wide.base_values, [-0.25], atol=0.05)
    masks = every_mask(2)
    weights = locality(cosine_distance(masks), 0.15)
    truth, _ = literal.ridge(masks, masks.all(axis=1) * 1.0, weights, 0)
    narrow = Lime(game, MaskMasker(), kernel_width=0.15, alpha=0, n_samples=3000).explain(2)
    np.testing.assert_allclose(narrow.values[0], truth, atol=0.05)
    assert np.abs(truth - 0.5).min() > 0.1
    shrunk = Lime(game, MaskMasker(), alpha=1e5, n_samples=300).explain(2)
    assert np.abs(shrunk.values).max() < 0.01


def test_params_are_resolved_and_the_maskers_are_among_them():
    def model(texts):
        return [[0.3, 0.7]] * len(texts)

    e = Lime(model, Text(group=True), n_samples=20).explain("a b c")
    own = {spec.name: spec.default for spec in Lime.params}
    assert e.params == {
        **own,
        "n_samples": 20,
        "kernel_width": 0.25,
        "split": "words",
        "group": True,
        "mask_token": "",
    }
    assert e.output_unit == e.value_unit == "probability"
    assert e.all_output_names == ("output 0", "output 1")
    np.testing.assert_allclose(e.all_predictions, [0.3, 0.7])
    X = np.arange(12.0).reshape(6, 2)
    assert Lime(lambda X: X[:, 0], Tabular(X), n_samples=20).explain(X[0]).params[
        "kernel_width"
    ] == 0.75 * np.sqrt(2)
    image = Lime(lambda X: X.mean(axis=(1, 2, 3)), Image("grid", 4), tolerance=0).explain(np.ones((8, 8, 3)))
    assert image.n_evals == 1000


def test_all_outputs_come_from_one_set_of_calls():
    rng = np.random.default_rng(0)
    weights = rng.normal(size=(6, 8))
    names = [f"class {i}" for i in range(8)]
    model = FakePredictor(lambda masks: np.asarray(masks, float) @ weights, names)
    kernel = Lime(model, MaskMasker(), n_samples=300, alpha=0, tolerance=0)
    e = kernel.explain(6, targets=["class 7", 2, lambda y: y[:, 0] - y[:, 1]])
    assert sum(model.sizes) == e.n_rows == 300
    np.testing.assert_allclose(
        e.values, [weights[:, 7], weights[:, 2], weights[:, 0] - weights[:, 1]], atol=1e-9
    )
    assert e.output_names[:2] == ("class 7", "class 2")
    assert e.targets == ()
    top = kernel.explain(6)
    order = np.argsort(-weights.sum(axis=0))[:5]
    assert top.targets == tuple(order)
    kernel.n_targets = 2
    assert kernel.explain(6).targets == tuple(order[:2])
    with pytest.raises(TargetError, match="class 0"):
        kernel.explain(6, targets="class 9")


def test_targets_switch_and_kernel_width_move_without_model_calls():
    model = FakePredictor(lambda masks: np.asarray(masks, float)[:, :3], ("a", "b", "c"), stamp=1)
    pool = Pool()
    kernel = Lime(model, MaskMasker(), n_samples=200)
    first = kernel.explain(5, "a", pool=pool)
    assert first.n_rows == 200
    assert kernel.explain(5, "b", pool=pool).n_rows == 0
    kernel.kernel_width = 0.5
    assert kernel.explain(5, "a", pool=pool).n_rows == 0
    kernel.kernel_width = "auto"
    kernel.batch_size = 7
    warm = kernel.explain(5, "a", pool=pool)
    assert warm.n_evals == first.n_evals
    np.testing.assert_allclose(warm.values, first.values, atol=1e-10)
    kernel.n_samples = 250
    assert kernel.explain(5, "a", pool=pool).n_rows == 50


def noisy(masks):
    # hash-like but repeatable "noise" that no linear model follows
    key = np.asarray(masks) @ (2.0 ** np.arange(masks.shape[1]))
    return masks[:, 0] * 1.0 + 0.3 * np.sin(key * 12.9898) * 1.0


def test_tolerance_settles_at_checkpoints_only_whatever_the_batch_size():
    stops = set()
    for batch_size in (1, 17, 64, 1000):
        kernel = Lime(
            FakePredictor(noisy), MaskMasker(), tolerance=0.1, n_samples=20_000, batch_size=batch_size
        )
        e = kernel.explain(8)
        assert e.status == "settled"
        half, span = 1.96 * e.std_errors.max(), np.ptp(e.values)
        assert half <= 0.1 * span
        stops.add(e.n_evals)
    assert len(stops) == 1
    assert 256 <= stops.pop() < 20_000


def test_budget_ends_capped_and_forecasts():
    kernel = Lime(FakePredictor(noisy), MaskMasker(), tolerance=0.001, n_samples=600)
    estimates = list(kernel.stream(8))
    assert estimates[-1].status == "capped"
    assert all(e.forecast_evals == 600 for e in estimates)
    kernel = Lime(FakePredictor(noisy), MaskMasker(), tolerance=0.05, n_samples=50_000, batch_size=512)
    first = next(kernel.stream(8))
    last = kernel.explain(8)
    assert last.n_evals / 4 < first.forecast_evals < last.n_evals * 4


def test_exact_game_settles_at_the_first_checkpoint():
    e = Lime(FakePredictor(linear([1, 2, 3])), MaskMasker(), alpha=0, tolerance=0.01, n_samples=9000).explain(
        3
    )
    assert (e.n_evals, e.status) == (256, "settled")


def test_watch_stops_within_one_batch_and_a_closed_stream_too():
    model = FakePredictor(noisy)
    kernel = Lime(model, MaskMasker(), n_samples=1000, batch_size=50)
    seen = []

    def watch(progress):
        seen.append(progress)
        return progress.n_evals < 150

    *_, last = kernel.stream(8, watch=watch)
    assert (last.status, last.n_evals, last.n_rows) == ("stopped", 151, 151)
    assert [(p.n_evals, p.n_rows, p.total_evals) for p in seen] == [
        (0, 0, 1000),  # the opening: the instance and its prediction
        (51, 51, 1000),
        (101, 101, 1000),
        (151, 151, 1000),
    ]
    assert seen[0].opening.features is last.features
    np.testing.assert_allclose(
        last.values, Lime(model, MaskMasker(), n_samples=151).explain(8).values, atol=1e-10
    )
    model.sizes.clear()
    stream = kernel.stream(8)
    assert next(stream).status == "running"
    stream.close()
    assert model.sizes == [50]  # with nobody watching, the instance is not asked alone


def test_stream_is_paced_by_its_clock():
    class Clock:
        now = 0.0

        def __call__(self):
            return self.now

    clock = Clock()

    def slow(masks):
        clock.now += 0.02
        return noisy(masks)

    kernel = Lime(FakePredictor(slow), MaskMasker(), n_samples=1000, tolerance=0, batch_size=10)
    kernel.clock = clock
    evals = [e.n_evals for e in kernel.stream(8)]
    assert evals == [10, *range(40, 1000, 30), 1000]  # every 0.05 s: three batches of 0.02 s


def test_explain_solves_once():
    kernel = Lime(FakePredictor(noisy), MaskMasker(), n_samples=500, batch_size=10)
    assert len(list(kernel._run(8, None, watch=None, pool=None, gate=None))) == 1


def test_a_model_that_fails_midway_leaves_what_was_yielded():
    calls = []

    def model(masks):
        calls.append(1)
        if len(calls) > 3:
            raise ValueError("no more")
        return [[0.5]] * len(masks)

    kernel = Lime(model, MaskMasker(), batch_size=10)
    kernel.clock = lambda: 100.0 * len(calls)
    stream = kernel.stream(4)
    assert [next(stream).n_evals for _ in range(3)] == [10, 20, 30]
    with pytest.raises(ModelError, match="no more"):
        next(stream)


@pytest.mark.parametrize(
    ("kwargs", "said"),
    [
        ({"n_samples": 1}, "n_samples=1"),
        ({"n_samples": "many"}, "n_samples"),
        ({"kernel_width": 0}, "kernel_width"),
        ({"alpha": -1}, "alpha"),
        ({"tolerance": 2}, "tolerance"),
        ({"batch_size": 0}, "batch_size"),
        ({"random_state": -1}, "random_state"),
    ],
)
def test_bad_hyper_parameters_are_said_when_used(kwargs, said):
    kernel = Lime(FakePredictor(noisy), MaskMasker(), **kwargs)
    with pytest.raises(InputError, match=said):
        kernel.explain(4)


def test_hundred_thousand_draws_stay_small():
    d, n, batch = 50, 100_000, 512
    game = linear(np.arange(d))
    kernel = Lime(FakePredictor(game), MaskMasker(), n_samples=n, batch_size=batch)
    kernel.explain(d)
    tracemalloc.start()
    for _ in kernel.stream(d):
        pass
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # bits of the masks, a weight and an output a draw; all of it as float64 would be 40 MB
    assert peak < 20e6


def test_frames_are_built_in_one_go_for_pipelines_on_raw_columns():
    from sklearn.compose import make_column_transformer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder

    rng = np.random.default_rng(0)
    X = pd.DataFrame(
        {"n": rng.normal(size=300), "c": rng.choice(["a", "b", "c"], 300), "unused": rng.random(300)}
    )
    y = (X["n"] + 2 * (X["c"] == "a") > 0.5).map({True: "bad", False: "good"})
    encode = make_column_transformer((OneHotEncoder(), ["c"]), remainder="passthrough")
    model = make_pipeline(encode, LogisticRegression()).fit(X, y)
    e = Lime(model, Tabular(X), n_samples=2000).explain({"n": 2.0, "c": "a", "unused": 0.5}, targets="bad")
    assert e.output_names == ("bad",)
    n, c, unused = e.values[0]
    assert n > 0.1
    assert c > 0.1
    assert abs(unused) < 0.05
    assert e.features.conditions[1] == "c = a"


def test_long_text_with_more_words_than_draws():
    words = " ".join(f"w{i}" for i in range(4000))
    e = Lime(lambda texts: ["w7 " in t for t in texts], Text(), n_samples=300).explain(words)
    assert e.values.shape == (1, 4000)
    assert np.argmax(e.values[0]) == 7
    assert np.isfinite(e.values).all()


def test_pickles_without_the_predictor():
    kernel = Lime(len, Text("sentences"), n_samples=30)
    again = pickle.loads(pickle.dumps(kernel))
    assert again.n_samples == 30
    assert again.masker.split == "sentences"


def test_weights_changed_midway_starts_again_once():
    from jupyter_xai.models.torch import WeightsChanged

    failures = [5, 9]

    def training(masks):
        if failures and len(model.sizes) == failures[0]:
            failures.pop(0)
            raise WeightsChanged("The model is being trained.", len(masks))
        return noisy(masks)

    model = FakePredictor(training)
    kernel = Lime(model, MaskMasker(), n_samples=60, batch_size=10)
    with pytest.raises(ModelError, match="trained"):
        kernel.explain(8)
    failures[:] = [len(model.sizes) + 3]
    e = kernel.explain(8)
    assert e.n_evals == 60
    assert any("changed" in notice for notice in e.notices)
