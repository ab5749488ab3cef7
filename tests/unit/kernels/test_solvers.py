from __future__ import annotations

import numpy as np
import pytest

from jupyter_xai.kernels import _rows, _solvers
from jupyter_xai.kernels._intervals import groups_of, half_width_factor, spread_of_sums
from jupyter_xai.kernels._locality import locality
from jupyter_xai.kernels._solvers import WeightedRidge
from jupyter_xai.maskers._designs import COINS, SIZES
from jupyter_xai.maskers.neighbourhoods import cosine_distance
from tests.oracle import literal
from tests.unit.kernels.fakes import MaskMasker, every_mask


def fitted(features, outputs, weights=None, alpha=0.0, block=7):
    weights = np.ones(len(features)) if weights is None else weights
    outputs = outputs[:, None] if outputs.ndim == 1 else outputs
    ridge = WeightedRidge(features.shape[1])
    for start in range(0, len(features), block):
        part = slice(start, start + block)
        ridge.add(features[part], weights[part], outputs[part])
    return ridge.fit(alpha)


def random_game(seed=0, n=60, d=6, outputs=2):
    rng = np.random.default_rng(seed)
    features = rng.random((n, d)) < 0.5
    return (
        features,
        rng.normal(size=(n, outputs)) + features @ rng.normal(size=(d, outputs)),
        rng.random(n) + 0.1,
    )


def test_shrinkage_of_limes_defaults_is_the_closed_form():
    # METHODS 1.7: exact-linear f, d = 4, all 16 masks, alpha = 1
    masks = every_mask(4)
    y = masks @ np.array([1, -2, 0.5, 3])
    weights = locality(cosine_distance(masks), 0.25)
    np.testing.assert_allclose(fitted(masks, y, weights, 1.0).coefs[0], [0.60, -1.41, 0.26, 1.93], atol=0.005)
    np.testing.assert_allclose(fitted(masks, y, None, 1.0).coefs[0], [0.8, -1.6, 0.4, 2.4], atol=1e-12)


def test_least_squares_of_and():
    masks = every_mask(2)
    fit = fitted(masks, masks.all(axis=1).astype(float))
    np.testing.assert_allclose(fit.coefs[0], [0.5, 0.5], atol=1e-12)
    np.testing.assert_allclose(fit.intercepts, [-0.25], atol=1e-12)


def test_linear_models_are_exact_for_any_weights_and_draws():
    features, _, weights = random_game()
    true = np.array([[1.0, -2, 0.5, 3, 0, 1e3], [0, 1, 0, -1, 2, 0]])
    fit = fitted(features, features @ true.T + [5.0, -7.0], weights)
    np.testing.assert_allclose(fit.coefs, true, atol=1e-9)
    np.testing.assert_allclose(fit.intercepts, [5, -7], atol=1e-9)
    np.testing.assert_allclose(fit.r2, 1)
    assert np.abs(fit.std_errors).max() < 1e-9


@pytest.mark.parametrize("alpha", [0.0, 0.01, 1.0, 30.0])
def test_all_outputs_agree_with_the_literal_reading_and_with_scikit_learn(alpha):
    from sklearn.linear_model import Ridge

    features, outputs, weights = random_game()
    fit = fitted(features, outputs, weights, alpha)
    groups = groups_of(None, len(features))
    starts = np.flatnonzero(np.diff(groups, prepend=-1)).tolist()
    for t in range(2):
        coefs, intercept = literal.ridge(features, outputs[:, t], weights, alpha)
        np.testing.assert_allclose(fit.coefs[t], coefs, atol=1e-10)
        np.testing.assert_allclose(fit.intercepts[t], intercept, atol=1e-10)
        r2 = literal.r_squared(features, outputs[:, t], weights, coefs, intercept)
        np.testing.assert_allclose(fit.r2[t], r2, atol=1e-10)
        errors = literal.sandwich(features, outputs[:, t], weights, alpha, starts)
        np.testing.assert_allclose(fit.std_errors[t], errors * half_width_factor(len(starts)), rtol=1e-8)
        peer = Ridge(alpha=alpha).fit(features, outputs[:, t], sample_weight=weights)
        np.testing.assert_allclose(fit.coefs[t], peer.coef_, atol=1e-8)
        np.testing.assert_allclose(fit.r2[t], peer.score(features, outputs[:, t], weights), atol=1e-8)


def test_blocks_of_any_size_give_the_same_fit():
    features, outputs, weights = random_game(n=300)
    one = fitted(features, outputs, weights, 1.0, block=300)
    for block in (1, 7, 64):
        other = fitted(features, outputs, weights, 1.0, block=block)
        np.testing.assert_allclose(one.coefs, other.coefs, atol=1e-12)
        np.testing.assert_allclose(one.std_errors, other.std_errors, rtol=1e-9)


def test_small_chunks_change_nothing(monkeypatch):
    features, outputs, weights = random_game(n=700)
    whole = fitted(features, outputs, weights, 1.0)
    monkeypatch.setattr(_rows, "CHUNK_BYTES", 1000)
    cut = fitted(features, outputs, weights, 1.0)
    np.testing.assert_allclose(whole.std_errors, cut.std_errors, rtol=1e-10)
    np.testing.assert_allclose(whole.r2, cut.r2)


@pytest.mark.parametrize("alpha", [1.0, 0.01])
@pytest.mark.parametrize("n", [30, 90])
def test_without_a_kept_gram_matrix_the_answer_is_the_same(monkeypatch, alpha, n):
    features, outputs, weights = random_game(n=n, d=45)
    primal = fitted(features, outputs, weights, alpha)
    monkeypatch.setattr(_solvers, "_PRIMAL", 10)
    monkeypatch.setattr(_rows, "CHUNK_BYTES", 4000)
    other = fitted(features, outputs, weights, alpha)
    np.testing.assert_allclose(primal.coefs, other.coefs, atol=1e-8)
    np.testing.assert_allclose(primal.r2, other.r2, atol=1e-9)
    np.testing.assert_allclose(primal.std_errors, other.std_errors, rtol=1e-6)


def test_real_numbers_as_features():
    rng = np.random.default_rng(0)
    features = rng.normal(size=(50, 3)).astype(np.float32)
    fit = fitted(features, features @ np.array([1.0, 2, 3]))
    np.testing.assert_allclose(fit.coefs[0], [1, 2, 3], atol=1e-6)


def test_constant_feature_and_constant_output():
    features = np.ones((20, 3), dtype=bool)
    features[::2, 1] = False
    fit = fitted(features, np.full(20, 4.0))
    np.testing.assert_allclose(fit.coefs, 0, atol=1e-12)
    np.testing.assert_allclose(fit.intercepts, 4)
    np.testing.assert_allclose(fit.r2, 1)
    assert (fit.std_errors == 0).all()
    fit = fitted(features, features[:, 1] * 2.0)
    np.testing.assert_allclose(fit.coefs[0], [0, 2, 0], atol=1e-9)


def test_fewer_draws_than_features_is_finite_and_says_it_knows_nothing():
    features, outputs, weights = random_game(n=4, d=6)
    fit = fitted(features, outputs, weights, 0.0)
    assert np.isfinite(fit.coefs).all()
    assert np.isinf(fit.std_errors).all()
    one = fitted(features[:1], outputs[:1], weights[:1], 1.0)
    assert (one.coefs == 0).all()
    np.testing.assert_allclose(one.intercepts, outputs[0])


def test_large_offsets_keep_their_digits():
    features, outputs, weights = random_game(n=400)
    plain = fitted(features, outputs, weights, 1.0)
    moved = fitted(features, outputs + 1e9, weights, 1.0)
    np.testing.assert_allclose(plain.coefs, moved.coefs, atol=1e-6)
    np.testing.assert_allclose(plain.r2, moved.r2, atol=1e-6)


def test_outputs_scale():
    features, outputs, weights = random_game(n=100)
    plain, scaled = (fitted(features, s * outputs, weights, 1.0) for s in (1, 1e-8))
    np.testing.assert_allclose(plain.coefs * 1e-8, scaled.coefs, rtol=1e-9)
    np.testing.assert_allclose(plain.std_errors * 1e-8, scaled.std_errors, rtol=1e-9)
    np.testing.assert_allclose(plain.r2, scaled.r2)


def games():
    rng = np.random.default_rng(5)
    first, second = rng.normal(size=(8, 16)), rng.normal(size=(16, 2)) / 4
    return {
        "mlp": lambda z: np.tanh(z @ first - 1) @ second,
        "interaction": lambda z: np.stack([z[:, 0] * z[:, 1] + z[:, 2], 1.0 * (z.sum(axis=1) > 5)], axis=1),
    }


@pytest.mark.parametrize("name", ["mlp", "interaction"])
@pytest.mark.parametrize("sampler", ["lime", "balanced"])
@pytest.mark.parametrize("measure", [COINS, SIZES], ids=["coins", "sizes"])
def test_intervals_cover_the_enumerated_answer(name, measure, sampler):
    game, d, n, runs = games()[name], 8, 400, 150
    masks = every_mask(d)
    kept = masks.sum(axis=1)
    chance = (measure.chances(d) / np.bincount(kept))[kept]
    truth = fitted(masks, game(masks), chance * locality(cosine_distance(masks), 0.25), block=256).coefs
    hits = []
    for seed in range(runs):
        around = MaskMasker(measure).neighbourhood(d, None, random_state=seed, sampler=sampler)
        draws = around.draw(0, n)
        ridge = WeightedRidge(d)
        weights = locality(draws.distances, 0.25)
        ridge.add(draws.features, weights, game(draws.features), draws.blocks)
        fit = ridge.fit(0.0)
        hits.append(np.abs(fit.coefs - truth) <= 1.96 * fit.std_errors)
    assert 0.92 <= np.mean(hits) <= 0.98


def test_dependent_draws_count_as_one():
    # every draw made twice tells no more than once, if it is said which belong together
    features, outputs, weights = random_game(n=200, d=4)
    once, twice, wrong = WeightedRidge(4), WeightedRidge(4), WeightedRidge(4)
    blocks = np.random.default_rng(0).permutation(np.repeat(np.arange(40), 5))
    once.add(features, weights, outputs, blocks)
    again = [np.concatenate([part, part]) for part in (features, weights, outputs)]
    twice.add(*again, np.concatenate([blocks, blocks]))
    wrong.add(*again)
    assert once.n_blocks() == twice.n_blocks() == 40
    assert wrong.n_blocks() == 400
    few, many, less = (ridge.fit(0.0).std_errors for ridge in (once, twice, wrong))
    np.testing.assert_allclose(many, few, rtol=0.02)  # the factor for fitted parameters knows of more draws
    assert np.mean(less / few) == pytest.approx(np.sqrt(0.5), abs=0.1)


def test_blocks_in_any_order_and_any_batches():
    features, outputs, weights = random_game(n=300)
    blocks = np.arange(300) % 16
    order = np.argsort(blocks, kind="stable")
    mixed, sorted_ = WeightedRidge(6), WeightedRidge(6)
    for start in range(0, 300, 41):
        part = slice(start, start + 41)
        mixed.add(features[part], weights[part], outputs[part], blocks[part])
    sorted_.add(features[order], weights[order], outputs[order], blocks[order])
    np.testing.assert_allclose(mixed.fit(1.0).std_errors, sorted_.fit(1.0).std_errors, rtol=1e-9)


def test_spread_and_blocks():
    rng = np.random.default_rng(0)
    parts = rng.normal(size=(5000, 16, 3))
    assert np.mean(spread_of_sums(parts.transpose(1, 0, 2)) ** 2) == pytest.approx(16, rel=0.05)
    for n in (1, 2, 100, 128, 129, 5000, 100_000):
        groups = groups_of(None, n)
        assert groups.shape == (n,)
        assert 0 == groups[0] <= groups[-1] < 128
        assert set(np.diff(groups)) <= {0, 1}
    assert half_width_factor(8) == pytest.approx(2.3646 / 1.96, rel=1e-4)
    assert half_width_factor(1) == np.inf
