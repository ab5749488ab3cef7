from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.linalg import cho_factor

import jupyter_xai as xai
from jupyter_xai import Image, InputError, KernelShap, Lime, Tabular, Text
from jupyter_xai.evaluation import Pool
from jupyter_xai.inputs import recognise
from jupyter_xai.models import wrap
from jupyter_xai.session import Session
from tests.oracle.shapley import of_masks
from tests.oracle.test_shapley import GAMES, network
from tests.unit.kernels.fakes import BoundMasks, FakePredictor, MaskMasker


class Listening(MaskMasker):
    """Remembers every mask the model is asked for."""

    def __init__(self):
        super().__init__()
        self.asked = []

    def bind(self, x, predictor=None):
        masker = self

        class Bound(BoundMasks):
            def build(self, masks, draws=slice(None)):
                masker.asked += [row.tobytes() for row in masks]
                return super().build(masks, draws)

        return Bound(int(x))


def test_everything_is_enumerated_where_it_can_be():
    e = KernelShap(FakePredictor(network(11, 0)), MaskMasker()).explain(11)
    assert e.n_evals == 2**11 - 2 == e.params["n_samples"]
    assert e.std_errors is None
    assert e.n_rows == 2**11
    e = KernelShap(FakePredictor(network(12, 0)), MaskMasker(), tolerance=0).explain(12)
    assert e.n_evals == 2 * 12 + 2048
    assert np.isfinite(e.std_errors).all()


@pytest.mark.parametrize(("spare", "exact"), [(0, True), (1, True), (-1, False)])
def test_it_is_exact_from_as_many_samples_as_there_are_coalitions(spare, exact):
    game = network(9, 0)
    e = KernelShap(
        FakePredictor(game), MaskMasker(), n_samples=2**9 - 2 + spare, tolerance=0, estimator="wls"
    ).explain(9)
    assert e.n_evals == 2**9 - 2 if exact else e.n_evals < 2**9 - 2
    assert (e.std_errors is None) == exact
    if exact:
        np.testing.assert_allclose(e.values[0], of_masks(game, 9)[:, 0], atol=1e-12)


@pytest.mark.parametrize("scale", [1.0, 1e-3, 1e5])
def test_auto_goes_by_the_number_of_pairs_alone(monkeypatch, scale):
    """Whatever the answers are like: smooth, all noise, large or small."""
    monkeypatch.setattr("jupyter_xai.kernels.kernel_shap.MOST_PAIRS", 60)
    noise = lambda masks: scale * np.array([hash(m.tobytes()) % 97 for m in masks], dtype=float)  # noqa: E731
    for game in (lambda masks: scale * network(14, 0)(masks), noise):
        for n_samples, same in ((120, "gp"), (122, "wls")):
            made = {
                name: KernelShap(
                    FakePredictor(game), MaskMasker(), n_samples=n_samples, tolerance=0, estimator=name
                ).explain(14)
                for name in ("auto", "gp", "wls")
            }
            np.testing.assert_array_equal(made["auto"].values, made[same].values)
            np.testing.assert_array_equal(made["auto"].std_errors, made[same].std_errors)
            assert (np.abs(made["gp"].values - made["wls"].values).max() > 0) == (same == "gp")


def test_one_factorisation_serves_all_outputs(monkeypatch):
    from jupyter_xai.kernels import _shapley

    factored = []

    def counting(system, *args, **kwargs):
        factored.append(system.shape)
        return cho_factor(system, *args, **kwargs)

    monkeypatch.setattr(_shapley, "cho_factor", counting)
    names = [f"out{k}" for k in range(10)]
    predictor = FakePredictor(network(12, 0, outputs=10), names)
    e = KernelShap(predictor, MaskMasker(), n_samples=400, tolerance=0, estimator="wls").explain(12, names)
    assert e.values.shape == (10, 12)
    assert factored == [(12, 12)]


def test_no_coalition_is_asked_twice():
    masker = Listening()
    KernelShap(FakePredictor(network(9, 0)), masker, n_samples=300).explain(9)
    assert len(set(masker.asked)) == len(masker.asked)
    masker = Listening()
    KernelShap(FakePredictor(network(8, 0)), masker).explain(8)
    assert len(set(masker.asked)) == len(masker.asked) == 2**8 - 1  # the instance is asked by itself


def test_design_does_not_depend_on_the_number_of_samples():
    asked = []
    for n in (100, 200):
        masker = Listening()
        KernelShap(FakePredictor(network(20, 0)), masker, n_samples=n, tolerance=0).explain(20)
        asked.append(masker.asked)
    assert asked[1][: len(asked[0])] == asked[0]


@pytest.mark.parametrize("batch_size", [7, 64, 1000])
def test_batches_are_never_larger_than_asked(batch_size):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(100, 4))
    sizes = []

    def model(rows):
        sizes.append(len(rows))
        return np.tanh(rows.sum(axis=1)) * rows[:, 0]

    e = KernelShap(model, Tabular(X), batch_size=batch_size).explain(X[0])
    assert max(sizes) <= batch_size
    assert e.n_rows == sum(sizes) == 1 + 100 * (2**4 - 1)
    base = KernelShap(model, Tabular(X)).explain(X[0])
    np.testing.assert_allclose(e.values, base.values, atol=1e-12)


def test_running_out_of_memory_makes_batches_smaller_than_the_background():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(100, 4))

    def model(rows):
        if len(rows) > 30:
            raise MemoryError
        return np.tanh(rows.sum(axis=1)) * rows[:, 0]

    e = KernelShap(model, Tabular(X)).explain(X[0])
    np.testing.assert_allclose(e.totals, e.predictions - e.base_values)
    assert any("out of memory" in notice for notice in e.notices)


def test_features_equal_to_the_background_do_not_play():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(30, 6))
    X[:, 2] = 4.0
    X[:, 4] = np.nan
    model = lambda rows: rows[:, 0] * rows[:, 1] + rows[:, 2] + rows[:, 3] - rows[:, 5]  # noqa: E731
    e = KernelShap(model, Tabular(X)).explain(X[1])
    assert e.values[0, 2] == e.values[0, 4] == 0.0
    assert e.n_evals == 2**4 - 2
    np.testing.assert_allclose(e.additivity_gap, 0, atol=1e-12)
    same = KernelShap(model, Tabular(np.repeat(X[:1], 5, axis=0))).explain(X[0])
    assert (same.values == 0).all()
    assert same.n_evals == 0
    assert same.status == "settled"


def test_columns_of_a_group_and_categories_play_together():
    frame = pd.DataFrame({"a": [1.0, 2, 3, 4], "b": [0.0, 1, 0, 1], "c": list("xyxx"), "d": list("zzzz")})
    model = lambda rows: rows["a"] * rows["b"] + (rows["c"] == "x")  # noqa: E731
    e = KernelShap(model, Tabular(frame, groups={"ab": ["a", "b"]})).explain(frame.iloc[[1]])
    assert e.feature_names == ("ab", "c", "d")
    assert e.values[0, 2] == 0.0
    np.testing.assert_allclose(e.values[0, :2], [2 - 1.5, 0 - 0.75], atol=1e-12)


def test_pieces_that_hiding_does_not_change_do_not_play():
    image = np.random.default_rng(0).random((8, 8, 3))
    image[:, :4] = 0.5
    e = KernelShap(lambda batch: (batch**2).mean(axis=(1, 2, 3)), Image("grid", 4)).explain(image)
    assert (e.values == 0).sum() == 2
    assert e.n_evals == 2


def test_long_backgrounds_are_summarised_and_it_is_said():
    X = np.random.default_rng(0).normal(size=(1000, 3))
    e = KernelShap(lambda rows: rows.sum(axis=1), Tabular(X)).explain(X[0])
    assert e.n_rows == 1 + 200 * 7
    assert any("200 of the 1,000" in notice for notice in e.notices)
    again = KernelShap(lambda rows: rows.sum(axis=1), Tabular(X), random_state=5).explain(X[0])
    np.testing.assert_allclose(e.values, again.values, atol=1e-12)
    short = KernelShap(lambda rows: rows.sum(axis=1), Tabular(X[:200])).explain(X[0])
    assert not any("background" in notice for notice in short.notices)


def test_logit_link_shares_out_log_odds_of_expected_answers():
    game = lambda masks: 1 / (1 + np.exp(-network(6, 0)(masks)))  # noqa: E731
    e = KernelShap(FakePredictor(game), MaskMasker(), link="logit").explain(6)
    truth = of_masks(lambda masks: np.log(game(masks) / (1 - game(masks))), 6)
    np.testing.assert_allclose(e.values, truth.T, atol=1e-10)
    np.testing.assert_allclose(e.additivity_gap, 0, atol=1e-12)
    assert e.output_unit == e.value_unit == "logit"
    rng = np.random.default_rng(0)
    X = rng.normal(size=(20, 2))
    model = lambda rows: 1 / (1 + np.exp(-3 * rows[:, 0]))  # noqa: E731
    e = KernelShap(model, Tabular(X), link="logit", n_samples=2).explain(X[0])
    mean = model(X).mean()
    np.testing.assert_allclose(e.base_values, np.log(mean / (1 - mean)))
    certain = KernelShap(lambda rows: (rows[:, 0] > 0) * 1.0, Tabular(X), link="logit").explain(X[0])
    assert np.isfinite(certain.values).all()
    with pytest.raises(InputError, match="link='logit' needs probabilities"):
        KernelShap(lambda rows: rows.sum(axis=1) * 100, Tabular(X), link="logit").explain(X[0])


def test_all_outputs_are_those_of_each_by_itself():
    game = network(14, 0, outputs=3)
    predictor = FakePredictor(game, ("a", "b", "c"))
    given = {"n_samples": 300, "tolerance": 0, "estimator": "wls"}
    e = KernelShap(predictor, MaskMasker(), **given).explain(14)
    for k, name in enumerate("abc"):
        one = KernelShap(predictor, MaskMasker(), **given).explain(14, name)
        np.testing.assert_allclose(one.values[0], e.values[k], atol=1e-12)
        np.testing.assert_allclose(one.std_errors[0], e.std_errors[k], rtol=1e-9)


def test_no_feature_is_left_out():
    rng = np.random.default_rng(0)
    w = np.where(np.arange(30) < 3, 5.0, 0.05) * rng.choice([-1, 1], 30)
    e = KernelShap(FakePredictor(lambda masks: masks @ w), MaskMasker(), n_samples=200).explain(30)
    np.testing.assert_allclose(e.values[0], w, atol=1e-5)


def test_it_stops_when_it_has_settled_and_says_so():
    near = lambda masks: np.asarray(masks) @ np.arange(20.0) + 0.02 * network(20, 0)(masks).ravel()  # noqa: E731
    e = KernelShap(FakePredictor(near), MaskMasker()).explain(20)
    assert e.status == "settled"
    assert e.n_evals == e.forecast_evals == 256
    hard = KernelShap(FakePredictor(network(20, 0)), MaskMasker(), tolerance=1e-6, n_samples=500).explain(20)
    assert hard.status == "capped"
    assert hard.n_evals == 500
    for batch_size in (1, 300):
        e2 = KernelShap(FakePredictor(near), MaskMasker(), batch_size=batch_size).explain(20)
        assert e2.n_evals == e.n_evals


def test_a_test_that_came_too_early_does_not_keep_it_from_settling():
    w = np.random.default_rng(0).normal(size=300)  # 128 pairs say nothing of 300 players
    e = KernelShap(FakePredictor(lambda masks: masks @ w), MaskMasker(), estimator="wls").explain(300)
    assert e.status == "settled"
    assert e.n_evals < 2648


def test_forecast_comes_down_to_what_is_needed():
    kernel = KernelShap(
        FakePredictor(network(20, 0)), MaskMasker(), tolerance=0.05, n_samples=20_000, batch_size=64
    )
    kernel.clock = iter(range(10**6)).__next__
    *running, last = kernel.stream(20)
    assert last.status == "settled"
    guess = [e.forecast_evals for e in running if e.n_evals >= 256]
    assert all(last.n_evals / 4 <= f <= last.n_evals * 4 for f in guess)


def test_more_samples_ask_only_for_what_is_new():
    pool, masker = Pool(), Listening()
    predictor = FakePredictor(network(16, 0))
    given = {"tolerance": 0, "estimator": "wls"}
    short = KernelShap(predictor, masker, n_samples=200, **given).explain(16, pool=pool)
    assert short.n_rows == 202
    long = KernelShap(predictor, masker, n_samples=300, **given).explain(16, pool=pool)
    assert long.n_rows == 100 + 1  # the instance again: whether the model is still the same
    assert len(set(masker.asked)) == len(masker.asked)
    cold = KernelShap(predictor, MaskMasker(), n_samples=300, **given).explain(16)
    np.testing.assert_allclose(long.values, cold.values, atol=1e-12)
    assert long.n_evals == cold.n_evals
    other_link = KernelShap(predictor, masker, n_samples=300, random_state=0, **given).explain(
        16, 0, pool=pool
    )
    assert other_link.n_rows == 1


def test_a_changed_model_is_asked_again():
    pool, predictor = Pool(), FakePredictor(network(16, 0))
    KernelShap(predictor, MaskMasker(), n_samples=100).explain(16, pool=pool)
    predictor.function = network(16, 1)
    e = KernelShap(predictor, MaskMasker(), n_samples=100).explain(16, pool=pool)
    assert e.n_rows >= 102
    assert any("has changed" in notice for notice in e.notices)


def test_pools_hold_no_more_than_they_may():
    pool, predictor = Pool(max_bytes=40_000), FakePredictor(network(16, 0))
    for seed in range(5):
        KernelShap(predictor, MaskMasker(), n_samples=100, random_state=seed).explain(16, pool=pool)
    KernelShap(predictor, MaskMasker(), n_samples=2000, tolerance=0).explain(16, pool=pool)
    assert pool.n_bytes <= 40_000


def test_lime_and_shap_share_a_pool_without_mixing_up():
    pool = Pool()
    model = lambda texts: [len(text) / 10 for text in texts]  # noqa: E731
    text = "one two three"
    alone = KernelShap(model, Text()).explain(text)
    Lime(model, Text(), n_samples=50).explain(text, pool=pool)
    np.testing.assert_allclose(KernelShap(model, Text()).explain(text, pool=pool).values, alone.values)


def test_stopped_before_anything_is_known_it_says_so():
    kernel = KernelShap(FakePredictor(network(16, 0)), MaskMasker())
    *_, last = kernel.stream(16, watch=lambda progress: False)
    assert last.status == "stopped"
    assert np.isinf(last.std_errors).all()
    assert any("nothing is known" in notice for notice in last.notices)


def test_few_samples_are_estimates_with_endless_intervals():
    e = KernelShap(FakePredictor(network(40, 0)), MaskMasker(), n_samples=20, estimator="wls").explain(40)
    assert np.isfinite(e.values).all()
    assert np.isinf(e.std_errors).all()
    np.testing.assert_allclose(e.additivity_gap, 0, atol=1e-9)


def test_hundreds_of_features():
    w = np.random.default_rng(0).normal(size=400)
    e = KernelShap(FakePredictor(lambda masks: masks @ w), MaskMasker(), estimator="wls").explain(400)
    np.testing.assert_allclose(e.values[0], w, atol=1e-4)


def test_a_view_changes_the_method_and_keeps_its_masker():
    image = np.random.default_rng(0).random((16, 16, 3))
    model = lambda batch: batch.mean(axis=(1, 2, 3))  # noqa: E731
    session = Session(
        predictor=wrap(model, kind="image"),
        found=recognise(image, model=model, masker=None, background=None),
        masker=Image("grid"),
        baseline=None,
        n_targets=5,
        threshold=None,
        batch_size="auto",
    )
    request = session.first_request(None, None, 0, {"n_segments": 4, "n_samples": 100})
    assert request["method"] == "lime"
    *_, lime = session.stream(request, lambda progress: True)
    *_, shap = session.stream({**request, "method": "kernel_shap", "params": {}}, lambda progress: True)
    assert shap.method == "kernel_shap"
    assert shap.features.shape == lime.features.shape
    mixed = {**request, "method": "kernel_shap", "params": {"kernel_width": 0.5, "link": "logit"}}
    *_, again = session.stream(mixed, lambda progress: True)
    assert again.params["link"] == "logit"
    assert {"lime", "kernel_shap"} <= {row["name"] for row in session.methods()}


def test_a_view_shows_log_odds_under_the_link():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(50, 3))
    model = lambda rows: 1 / (1 + np.exp(-rows @ [1.0, 2.0, -1.0]))  # noqa: E731
    given = {"background": X, "method": "kernel_shap", "output": "probability", "headless": True}
    view = xai.explain(model, X[0], link="logit", **given)
    geometry = view.widget.geometry
    assert geometry["output_unit"] == "logit"
    assert geometry["threshold"] == 0.0
    predictions = np.frombuffer(view.widget.frame["predictions"], "<f4")
    np.testing.assert_allclose(predictions, np.array([-1, 1]) * (X[0] @ [1.0, 2.0, -1.0]), rtol=1e-5)
    plain = xai.explain(model, X[0], **given).widget.geometry
    assert (plain["output_unit"], plain["threshold"]) == ("probability", 0.5)


def surprises(n, seed):
    """A smooth game, but for eight coalitions that are worth one more."""
    rng = np.random.default_rng(seed)
    w, special = rng.normal(size=n), rng.integers(2, size=(8, n)).astype(bool)
    return lambda masks: np.tanh(masks @ w / 3) + (masks[:, None] == special).all(axis=2).sum(axis=1)


def test_intervals_that_err_say_which_way():
    """A game of rules is nearly known from a few hundred coalitions; a network is not, and has the usual intervals."""
    given = {"n_samples": 512, "tolerance": 0}

    def said(game, **more):
        estimates = list(KernelShap(FakePredictor(game(12, 0)), MaskMasker(), **given, **more).stream(12))
        assert not any(estimate.notices for estimate in estimates[:-1])
        return [word for word in ("cautious", "optimistic") if any(word in n for n in estimates[-1].notices)]

    assert said(GAMES["rules"]) == ["cautious"]
    assert said(surprises) == ["optimistic"]
    for game in (GAMES["rules"], surprises):
        assert not said(game, estimator="wls")
    assert not said(GAMES["network"])
    assert not said(GAMES["probability"])


@pytest.mark.parametrize(("game", "m"), [("network", 96), ("network", 512), ("probability", 192)])
def test_intervals_as_promised_have_no_notice(game, m):
    given = {"n_samples": m, "tolerance": 0}
    for seed in range(3):
        kernel = KernelShap(FakePredictor(GAMES[game](12, seed)), MaskMasker(), random_state=seed, **given)
        assert not kernel.explain(12).notices


@pytest.mark.parametrize(
    ("n", "m", "known", "cautious"),
    [(40, 200, True, True), (40, 92, False, False), (40, 300, True, False), (12, 64, True, False)],
)
def test_a_regression_of_hardly_more_pairs_than_features_says_that_it_is_cautious(n, m, known, cautious):
    kernel = KernelShap(FakePredictor(network(n, 0)), MaskMasker(), n_samples=m, estimator="wls", tolerance=0)
    e = kernel.explain(n)
    assert np.isfinite(e.std_errors).all() == known  # 92: one pair short of any interval
    assert any("cautious" in notice for notice in e.notices) == cautious
