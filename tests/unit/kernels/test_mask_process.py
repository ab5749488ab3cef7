from __future__ import annotations

import numpy as np
import pytest

import jupyter_xai as xai
from jupyter_xai import InputError
from jupyter_xai.kernels import _mask_evidence, _mask_process
from jupyter_xai.kernels._locality import locality
from jupyter_xai.kernels._mask_evidence import Evidence, likeliest
from jupyter_xai.kernels._mask_kernel import MaskKernel, MaskRegression
from jupyter_xai.kernels._mask_process import MaskProcess
from jupyter_xai.kernels._solvers import WeightedRidge
from jupyter_xai.maskers._designs import COINS, SIZES
from tests.oracle.masks import all_masks, posterior_mean, ridge_over_all

MEASURES = {"coins": COINS, "sizes": SIZES}
RNG = np.random.default_rng(0)


def closeness(d):
    return locality(1.0 - np.sqrt(np.arange(d + 1) / d), 0.25)


def network(d, outputs=1, seed=0):
    """A hidden layer of six over masks, most of it for half of the features, as in pictures and texts."""
    rng = np.random.default_rng(seed)
    inner, outer = rng.normal(size=(d, 6)), rng.normal(size=(6, outputs))
    inner[d // 2 :] *= 0.05
    return lambda masks: np.tanh((masks - 0.3) @ inner) @ outer


def drawn(measure, function, n, d, seed=0):
    masks = measure.balanced.draw(np.random.default_rng(seed), measure.balanced.rows(d), d)
    while len(masks) < n:
        seed += 1000
        masks = np.concatenate([masks, measure.balanced.draw(np.random.default_rng(seed), len(masks), d)])
    masks = np.concatenate([np.ones((1, d), dtype=bool), masks])[:n]
    draws = WeightedRidge(d)
    blocks = np.maximum(np.arange(n) - 1, 0) // 2
    draws.add(masks, closeness(d)[masks.sum(axis=1)], function(masks), blocks)
    return draws


def truth(measure, function, d, penalty=0.0):
    answers = function(all_masks(d))
    return np.stack([ridge_over_all(y, measure.chances(d), closeness(d), penalty)[0] for y in answers.T])


# --- sums over all masks --------------------------------------------------------------------------------------


@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize("penalty", [0.0, 0.01])
@pytest.mark.parametrize("d", [1, 2, 7])
def test_regression_over_all_masks_is_the_enumerated_one(measure, penalty, d):
    over = MaskRegression(MEASURES[measure].chances(d), closeness(d), penalty)
    if d == 1 and measure == "sizes":
        return  # only the empty mask is possible: there is no regression
    answers = RNG.normal(size=(2**d, 2))
    coefs, means = over.of_all(all_masks(d).astype(float), answers)
    for t in range(2):
        expected, mean = ridge_over_all(answers[:, t], over.chances, over.weights, penalty)
        np.testing.assert_allclose(coefs[t], expected, atol=1e-9)
        assert means[t] == pytest.approx(mean)
    for j in range(d):
        expected, _ = ridge_over_all(all_masks(d)[:, j].astype(float), over.chances, over.weights, penalty)
        np.testing.assert_allclose(over.linear()[:, j], expected, atol=1e-9)


@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize("decay", [0.0, 0.7])
def test_sections_of_the_kernel_are_regressed_in_closed_form(measure, decay):
    d = 6
    kernel = MaskKernel(np.exp(RNG.normal(size=d)), decay, 1e-3)
    over = MaskRegression(MEASURES[measure].chances(d), closeness(d), 0.02)
    rows = all_masks(d)[RNG.permutation(64)[:9]].astype(float)
    coefs, means = kernel.regressed(rows, over)
    sections = kernel.matrix(all_masks(d).astype(float), rows)
    for column in range(9):
        expected, mean = ridge_over_all(sections[:, column], over.chances, over.weights, 0.02)
        np.testing.assert_allclose(coefs[:, column], expected, atol=1e-9)
        assert means[column] == pytest.approx(mean)


def test_kernel_is_the_product_over_features():
    rates = np.array([0.3, 1.0, 2.0])
    kernel = MaskKernel(rates, 0.5, 0.0)
    masks = all_masks(3).astype(float)
    found = kernel.matrix(masks, masks)
    for i, one in enumerate(masks):
        for j, other in enumerate(masks):
            alike = np.prod(
                [np.exp(-rate) if a != b else 1.0 for rate, a, b in zip(rates, one, other, strict=True)]
            )
            sizes = max(one.sum(), 1) * max(other.sum(), 1)
            assert found[i, j] == pytest.approx(alike * sizes**-0.5)


def test_evidence_has_the_gradient_of_its_value():
    d, n = 5, 24
    rows = all_masks(d)[RNG.permutation(32)[:n]].astype(float)
    evidence = Evidence(rows, RNG.normal(size=(n, 2)), closeness(d)[rows.sum(axis=1).astype(int)])
    at = np.concatenate([RNG.normal(size=d) - 1.0, [0.4, -4.0]])
    _, gradient = evidence(at)
    for k in range(len(at)):
        step = np.zeros(len(at))
        step[k] = 1e-5
        slope = (evidence(at + step)[0] - evidence(at - step)[0]) / 2e-5
        assert gradient[k] == pytest.approx(slope, rel=1e-4, abs=1e-4)


@pytest.mark.parametrize("measure", MEASURES)
def test_evidence_is_the_likelihood_of_contrasts(measure):
    """Of answers without their linear part, each output with the variance that suits it best."""
    d, n = 6, 40
    draws = drawn(MEASURES[measure], network(d, outputs=2), 60, d)
    rows, first = np.unique(draws.rows.all(), axis=0, return_index=True)
    rows, answers, n = rows[:n], draws.outputs[first[:n]], min(n, len(rows))
    counts = closeness(d)[rows.sum(axis=1).astype(int)] + 0.01
    logs = RNG.normal(size=d) - 1.0
    kernel = MaskKernel(np.exp(logs), 0.4, np.exp(-4.0))
    covariance = kernel.matrix(rows, rows)
    covariance += np.diag(kernel.noise / counts + 1e-7 * np.diagonal(covariance).max())
    linear = np.column_stack([np.ones(n), rows])
    contrasts = np.linalg.svd(linear)[0][:, d + 1 :]  # what no linear function has a part in
    inner = contrasts.T @ covariance @ contrasts
    left = contrasts.T @ answers
    squares = np.einsum("nt,nt->t", left, np.linalg.solve(inner, left))
    expected = (n - d - 1) * np.log(squares).mean() + np.linalg.slogdet(inner)[1]
    expected += np.linalg.slogdet(linear.T @ linear)[1] + 1.5 * ((logs - logs.mean()) ** 2).sum()
    found, _ = Evidence(rows, answers, counts)(np.append(logs, [0.4, -4.0]))
    assert found == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("d", [8, 20])
def test_the_search_is_short_and_ends_where_nothing_is_to_be_won(d, monkeypatch):
    from scipy.optimize import minimize

    draws = drawn(SIZES, network(d), 160, d)
    rows, first = np.unique(draws.rows.all(), axis=0, return_index=True)
    answers, counts = draws.outputs[first], closeness(d)[rows.sum(axis=1).astype(int)]
    calls = []
    original = Evidence.__call__
    monkeypatch.setattr(Evidence, "__call__", lambda self, at: calls.append(at) or original(self, at))
    kernel = likeliest(rows, answers, counts)
    short = len(calls)
    assert short <= 22
    found = np.append(np.log(kernel.rates), [kernel.decay, np.log(kernel.noise)])
    evidence = Evidence(rows, answers, np.maximum(counts, 1e-12))
    bounds = [(-9.0, 2.0)] * d + [(-0.5, 2.0), (-14.0, 2.0)]
    best = minimize(evidence, found, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": 500})
    assert evidence(found)[0] - best.fun < 1.0
    monkeypatch.setattr(_mask_evidence, "_GAIN", -np.inf)
    calls.clear()
    likeliest(rows, answers, counts)
    assert len(calls) > short + 3  # what the early end spares


# --- the process ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("measure", MEASURES)
def test_coefficients_are_those_of_masks_left_out_in_turn(measure, monkeypatch):
    """What 32 processes, each without a stretch of the draws, say of all masks, and a regression on what they miss."""
    d, penalty = 8, 0.5
    function = network(d, outputs=2)
    draws = drawn(MEASURES[measure], function, 200, d)
    chances = MEASURES[measure].chances(d)
    process = MaskProcess(chances, closeness(d))
    monkeypatch.setattr(_mask_process, "LEAST_MASKS", 64)
    monkeypatch.setattr(_mask_process, "MOST_MASKS", 64)
    monkeypatch.setattr(_mask_process, "BETTER", np.inf)
    found = process.fit(draws, penalty)
    assert found.learnt.all()
    rows, answers = draws.rows.all(), draws.outputs
    taken = _mask_process._first_places(rows)[:64]
    starts = np.append(taken[::2], taken[-1] + 1)
    starts[0] = 0
    group = np.searchsorted(starts, np.arange(len(rows)), side="right") - 1  # 32: draws that none has seen
    names = [row.tobytes() for row in rows]
    everything = all_masks(d).astype(float)
    places = everything.astype(int) @ (1 << np.arange(d))
    at = np.argsort(places)
    for t in range(2):
        left, slopes, levels = np.zeros(len(rows)), np.zeros((len(rows), d)), np.zeros(len(rows))
        for g in range(33):
            inside = {names[i] for i in taken if group[i] == g}
            others = {names[i] for i in range(taken[-1] + 1) if group[i] != g}
            known = np.array([i for i in taken if names[i] not in inside or names[i] in others])
            noise = process._kernel.noise / closeness(d)[rows[known].sum(axis=1).astype(int)]
            mean = posterior_mean(process._kernel.matrix, rows[known], answers[known, t], noise)
            expected, level = ridge_over_all(mean, chances, closeness(d), penalty / draws.n)
            foretold = mean[at][rows.astype(int) @ (1 << np.arange(d))]
            draws_of_it = group == g
            left[draws_of_it] = (answers[:, t] - foretold)[draws_of_it]
            slopes[draws_of_it], levels[draws_of_it] = expected, level
        rest = WeightedRidge(d)
        rest.add(rows > 0, draws.weights, left[:, None], draws.blocks)
        fit, shares = rest.fit(penalty), draws.weights / draws.weights.sum()
        expected = shares @ slopes + fit.coefs[0]
        np.testing.assert_allclose(found.coefs[t], expected, atol=1e-4 * np.abs(expected).max())
        mean = MaskRegression(chances, closeness(d), 0.0).mean
        level = shares @ levels - mean * (shares @ slopes).sum() + fit.intercepts[0]
        assert found.intercepts[t] == pytest.approx(level + draws.shift[t], abs=1e-3)
        assert (found.std_errors[t] >= fit.std_errors[0] * 0.98).all()


@pytest.mark.parametrize("measure", MEASURES)
def test_error_is_a_fraction_of_the_regressions(measure):
    d = 12
    function = network(d)
    expected = truth(MEASURES[measure], function, d)
    ours, plain, held = [], [], []
    for seed in range(8):
        draws = drawn(MEASURES[measure], function, 300, d, seed)
        fit = MaskProcess(MEASURES[measure].chances(d), closeness(d)).fit(draws, 0.0)
        assert fit.learnt.all()
        ours.append(((fit.coefs - expected) ** 2).sum())
        plain.append(((draws.fit(0.0).coefs - expected) ** 2).sum())
        held.append(np.abs(fit.coefs - expected) <= 1.96 * fit.std_errors)
    assert np.median(ours) < np.median(plain) / 8
    assert np.mean(held) > 0.9


def test_noise_is_left_to_the_regression():
    d = 12
    table = RNG.normal(size=(2**d, 2))
    smooth = network(d)

    def function(masks):
        values = table[masks @ (1 << np.arange(d))]
        values[:, 0] = smooth(masks)[:, 0]
        return values

    draws = drawn(COINS, function, 300, d)
    fit = MaskProcess(COINS.chances(d), closeness(d)).fit(draws, 0.0)
    plain = draws.fit(0.0)
    assert fit.learnt.tolist() == [True, False]
    np.testing.assert_array_equal(fit.coefs[1], plain.coefs[1])
    np.testing.assert_array_equal(fit.std_errors[1], plain.std_errors[1])
    np.testing.assert_allclose(fit.r2[1], plain.r2[1])
    assert fit.r2[0] <= plain.r2[0] + 1e-9  # least squares fits the draws best
    assert (fit.std_errors[0] < plain.std_errors[0]).all()


def test_a_model_that_answers_by_chance_is_left_to_the_regression():
    rng = np.random.default_rng(3)
    draws = drawn(COINS, lambda masks: masks[:, :1] + rng.normal(size=(len(masks), 1)), 400, 3)
    fit = MaskProcess(COINS.chances(3), closeness(3)).fit(draws, 0.0)
    np.testing.assert_array_equal(fit.std_errors, draws.fit(0.0).std_errors)
    assert not fit.exact


def test_intervals_are_wider_where_unseen_draws_disagree():
    d = 6
    draws = drawn(COINS, network(d), 400, d)
    left = RNG.normal(size=(400, 2))
    agreed = _mask_process._surprise(draws, left, 200, 0.0)
    left[200:, 1] += 8.0 * draws.rows.all()[200:, 0]
    assert (agreed < 1.6).all()
    found = _mask_process._surprise(draws, left, 200, 0.0)
    assert found[0] == agreed[0]
    assert found[1] > 5


def test_later_draws_correct_the_process(monkeypatch):
    d = 12
    function = network(d)
    expected = truth(COINS, function, d)
    monkeypatch.setattr(_mask_process, "MOST_MASKS", 200)
    before, after, errors = [], [], []
    for seed in range(6):
        for n, found in ((300, before), (2000, after)):
            process = MaskProcess(COINS.chances(d), closeness(d))
            fit = process.fit(drawn(COINS, function, n, d, seed), 0.0)
            found.append(((fit.coefs - expected) ** 2).sum())
            errors.append(float(fit.std_errors.mean()))
    assert np.mean(after) < np.mean(before)
    assert np.mean(errors[1::2]) < np.mean(errors[::2])


def test_outputs_that_do_not_move_are_the_regressions():
    d = 10
    draws = drawn(COINS, lambda masks: np.ones((len(masks), 2)), 256, d)
    fit = MaskProcess(COINS.chances(d), closeness(d)).fit(draws, 0.0)
    assert (fit.coefs == 0).all()
    assert np.isfinite(fit.std_errors).all()
    kernel = likeliest(draws.rows.all()[:64], draws.outputs[:64], np.ones(64))
    assert np.isfinite(kernel.rates).all()


# --- in LIME --------------------------------------------------------------------------------------------------


WORDS = " ".join(f"w{i}" for i in range(12))


def reads(texts):
    masks = np.array([[f"w{i} " in f"{text} " for i in range(12)] for text in texts], dtype=float)
    score = 1 / (1 + np.exp(-2 * network(12)(masks)[:, 0]))
    return np.column_stack([1 - score, score])


def test_lime_settles_sooner_and_nearer_the_truth():
    made = {"n_samples": 2500, "tolerance": 0.02, "alpha": 0.0}
    gp = xai.Lime(reads, xai.Text(), surrogate="gp", **made).explain(WORDS)
    ridge = xai.Lime(reads, xai.Text(), surrogate="ridge", **made).explain(WORDS)
    np.testing.assert_array_equal(xai.Lime(reads, xai.Text(), **made).explain(WORDS).values, gp.values)
    assert gp.status == "settled"
    assert gp.n_evals < ridge.n_evals / 3
    assert any("Gaussian process learnt" in notice for notice in gp.notices)
    masks = all_masks(12)
    texts = [" ".join(f"w{i}" for i in np.flatnonzero(mask)) for mask in masks]
    expected, _ = ridge_over_all(reads(texts)[:, 1], SIZES.chances(12), closeness(12), 0.0)
    at = list(gp.output_names).index("1") if "1" in gp.output_names else 1
    assert np.abs(gp.values[at] - expected).max() < 0.02 * np.ptp(expected)
    np.testing.assert_allclose(gp.values.sum(axis=0), 0.0, atol=1e-6)  # two probabilities


def test_a_short_text_is_asked_out():
    text = "w0 w1 w2 w3 w4"
    e = xai.Lime(reads, xai.Text(), surrogate="gp", n_samples=3000, alpha=0.0).explain(text)
    assert e.status == "settled"
    assert (e.std_errors == 0).all()
    assert any("nothing is left to chance" in notice for notice in e.notices)
    texts = [" ".join(f"w{i}" for i in np.flatnonzero(mask)) for mask in all_masks(5)]
    expected, _ = ridge_over_all(reads(texts)[:, 1], SIZES.chances(5), closeness(5), 0.0)
    np.testing.assert_allclose(e.values[1], expected, atol=1e-9)


def test_few_draws_and_many_features_are_said():
    e = xai.Lime(reads, xai.Text(), surrogate="gp", n_samples=100).explain(WORDS)
    plain = xai.Lime(reads, xai.Text(), n_samples=100).explain(WORDS)
    np.testing.assert_array_equal(e.values, plain.values)
    assert any("needs more draws" in notice for notice in e.notices)
    long = " ".join(f"w{i}" for i in range(70))
    e = xai.Lime(reads, xai.Text(), surrogate="gp", n_samples=300).explain(long)
    assert any("more than 64 features" in notice for notice in e.notices)


def test_other_kernels_and_distances_are_followed():
    made = {"surrogate": "gp", "n_samples": 500, "tolerance": 0, "alpha": 0.0}
    flat = xai.Lime(
        reads, xai.Text(), kernel=lambda distances, width: np.ones(len(distances)), **made
    ).explain(WORDS)
    texts = [" ".join(f"w{i}" for i in np.flatnonzero(mask)) for mask in all_masks(12)]
    expected, _ = ridge_over_all(reads(texts)[:, 1], SIZES.chances(12), np.ones(13), 0.0)
    assert np.abs(flat.values[1] - expected).max() < 0.05 * np.ptp(expected)
    hamming = xai.Lime(reads, xai.Text(), distance="hamming", kernel_width=0.4, **made).explain(WORDS)
    weights = locality(1 - np.arange(13) / 12, 0.4)
    expected, _ = ridge_over_all(reads(texts)[:, 1], SIZES.chances(12), weights, 0.0)
    assert np.abs(hamming.values[1] - expected).max() < 0.05 * np.ptp(expected)


@pytest.mark.parametrize(
    ("given", "said"),
    [({"n_features": 3}, "n_features="), ({"distance": lambda rows, x: np.zeros(len(rows))}, "distance=")],
)
def test_what_does_not_go_together(given, said):
    with pytest.raises(InputError, match=said):
        xai.Lime(reads, xai.Text(), surrogate="gp", n_samples=50, **given).explain(WORDS)


def test_tables_and_backgrounds_are_refused():
    rows = RNG.normal(size=(50, 3))
    with pytest.raises(InputError, match="draws of a table"):
        xai.Lime(lambda X: X[:, 0], xai.Tabular(rows), surrogate="gp", n_samples=50).explain(rows[0])
    image = RNG.random((8, 8, 3))
    masker = xai.Image("grid", 4, fill="background", background=RNG.random((2, 8, 8, 3)))
    with pytest.raises(InputError, match="fill="):
        xai.Lime(lambda X: X.mean(axis=(1, 2, 3)), masker, surrogate="gp", n_samples=50).explain(image)
