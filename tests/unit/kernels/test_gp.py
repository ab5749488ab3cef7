from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import t as student

from jupyter_xai.explanation import Z95
from jupyter_xai.kernels._coalitions import PairedCoalitions
from jupyter_xai.kernels._gp import FITTED_ON, FLATTERED, OddProcess
from jupyter_xai.kernels._likelihood import _cost, likeliest, relevances
from jupyter_xai.kernels._odd_kernels import OddKernel, OwnStrengths
from tests.oracle.shapley import of_masks
from tests.oracle.test_shapley import GAMES, network
from tests.unit.kernels.fakes import every_mask

SHAPES = list(itertools.product((3, 6, 7), (0.01, 0.3, 0.9), (0.0, 0.6)))
KERNELS = {f"{n}-{r}-{tau}": OddKernel(n, r, tau) for n, r, tau in SHAPES}
KERNELS |= {  # players from half that strength down to none
    f"{n}-{r}-{tau}-own": OwnStrengths(np.arctanh(r) * np.geomspace(0.5, 1e-4, n), tau)
    for n, r, tau in SHAPES
}
KERNELS["strong"] = OwnStrengths(np.array([60.0, 120.0, 1e-3, 200.0]), 0.2)  # no sinh of such numbers


def strengths_of(kernel):
    own = isinstance(kernel, OwnStrengths)
    return np.tanh(kernel.rates) if own else np.full(kernel.n, kernel.strength)


def literal_kernel(kernel, z, t):
    """The product written out, its odd part, 1 on the diagonal."""
    strengths = strengths_of(kernel)
    product = lambda a, b: np.prod(1 + strengths * a * b)  # noqa: E731
    odd = product(z, t) - product(-z, t)
    return kernel.linear * (z @ t) / len(z) + (1 - kernel.linear) * odd / (product(z, z) - product(-z, z))


def signs_of(n):
    return np.where(every_mask(n), 1.0, -1.0)


def data(game, n, m, seed=0):
    masks = PairedCoalitions(n, seed).masks(0, m)
    answers, ends = game(masks), game(np.array([[False] * n, [True] * n]))
    odd = (answers[::2] - answers[1::2]).reshape(len(masks) // 2, -1) / 2
    return np.where(masks[::2], 1.0, -1.0), odd, (ends[1:] - ends[:1]).reshape(-1)


@pytest.mark.parametrize("name", KERNELS)
def test_kernel_is_the_odd_part_of_the_product(name):
    kernel = KERNELS[name]
    z = signs_of(len(strengths_of(kernel)))
    whole = kernel.matrix(z)
    for t in (0, 1, 5):
        truth = [literal_kernel(kernel, row, z[t]) for row in z]
        np.testing.assert_allclose(whole[:, t], truth, atol=1e-12)
    assert np.linalg.eigvalsh(whole).min() > -1e-10


@pytest.mark.parametrize("name", KERNELS)
def test_values_and_variances_are_those_of_the_definition(name):
    kernel = KERNELS[name]
    n = len(strengths_of(kernel))
    z = signs_of(n)
    whole = kernel.matrix(z)
    functional = of_masks(lambda _: np.eye(2**n), n)  # Shapley values of a game are this times its answers
    np.testing.assert_allclose(kernel.values_of(z), functional @ whole, atol=1e-10)
    np.testing.assert_allclose(np.diag(functional @ whole @ functional.T), kernel.prior(), atol=1e-10)


def test_players_of_one_strength_are_the_same_kernel():
    one, own = OddKernel(7, 0.4, 0.3), OwnStrengths(np.full(7, np.arctanh(0.4)), 0.3)
    z = signs_of(7)
    np.testing.assert_allclose(own.matrix(z), one.matrix(z), atol=1e-12)
    np.testing.assert_allclose(own.values_of(z), one.values_of(z), atol=1e-12)
    np.testing.assert_allclose(own.prior(), one.prior(), atol=1e-12)


def test_gradient_of_the_likelihood():
    rng = np.random.default_rng(0)
    rows = np.where(PairedCoalitions(6, 0).masks(0, 50)[::2], 1.0, -1.0)
    answers = np.tanh(rows @ rng.normal(size=(6, 2))) + 0.1 * rng.normal(size=(25, 2))
    place, line = rng.normal(size=7) * 0.3 - 1.0, rows @ rows.T / 6
    slope = _cost(place, rows, line, answers, -1.2)[1]
    ends = [
        [_cost(place + s * step, rows, line, answers, -1.2)[0] for s in (1, -1)] for step in 1e-5 * np.eye(7)
    ]
    np.testing.assert_allclose(slope, np.subtract(*np.transpose(ends)) / 2e-5, rtol=1e-4, atol=1e-3)


def test_players_that_do_not_matter_are_told_apart():
    """Three of fourteen players make the game: what the others have to do with it falls far below."""

    def game(masks):
        return 2.0 * (masks[:, 0] & masks[:, 1] & ~masks[:, 2]) - (masks[:, 1] & ~masks[:, 2])

    signs, odd, totals = data(game, 14, 300)
    rows, answers = np.concatenate([np.ones((1, 14)), signs]), np.concatenate([totals[None] / 2, odd])
    alike = likeliest(rows, answers)
    rates = relevances(rows, answers, alike).rates
    assert rates[:3].min() > 5 * rates[3:].max()
    signs, odd, totals = data(game, 14, 112)
    fit = OddProcess(14).fit(signs, odd, totals)
    np.testing.assert_allclose(fit.values[0], of_masks(game, 14)[:, 0], atol=0.02)


def literal_errors(kernel, signs, odd, totals, flattery):
    """Standard errors as they are meant, one pair and one player at a time: no factor of a matrix is kept."""
    n, jitter = signs.shape[1], 1e-7
    rows, answers = np.vstack([np.ones(n), signs]), np.concatenate([totals[:1] / 2, odd[:, 0]])
    cov = np.array([[literal_kernel(kernel, a, b) for b in rows] for a in rows]) + jitter * np.eye(len(rows))
    left, scaled = np.empty(len(rows)), np.empty(len(rows))
    for i in range(len(rows)):  # what the process makes of each pair that knows all the others
        others = np.delete(np.arange(len(rows)), i)
        reach = np.linalg.solve(cov[np.ix_(others, others)], cov[others, i])
        left[i] = answers[i] - reach @ answers[others]
        scaled[i] = left[i] ** 2 / (cov[i, i] - reach @ cov[others, i])
    z = signs_of(n)
    whole = np.array([[literal_kernel(kernel, a, b) for b in z] for a in z])
    values = of_masks(lambda _: np.eye(2**n), n)
    across = values @ np.array([[literal_kernel(kernel, a, b) for b in rows] for a in z])
    least = np.diag(values @ whole @ values.T - across @ np.linalg.solve(cov, across.T)) * scaled.mean()

    pairs = [mask for mask in every_mask(n) if 0 < mask.sum() < n and mask[0]]
    size = lambda mask: min(mask.sum(), n - mask.sum())  # noqa: E731
    known = [size(row > 0) for row in signs]
    mass = {k: (1 if 2 * k == n else 2) / (k * (n - k)) for k in range(1, n // 2 + 1)}
    there = {k: sum(size(mask) == k for mask in pairs) for k in mass}
    even = np.eye(n) - 1 / n  # the values' sum is known: what is left moves them along it only
    system = sum(
        mass[size(mask)]
        / there[size(mask)]
        * np.outer(even @ np.where(mask, 0.5, -0.5), even @ np.where(mask, 0.5, -0.5))
        for mask in pairs
    )
    found = np.empty(n)
    for i in range(n):
        terms = []
        for p, k in enumerate(known):
            moves = (np.linalg.pinv(system) @ even @ signs[p] / 2)[i] * mass[k] / known.count(k) * left[1 + p]
            terms.append(flattery * moves**2 * (1 - known.count(k) / there[k]))
        real = sum(terms) ** 2 / sum(term**2 for term in terms)
        wider = student.ppf(0.975, max(real, 2) - 1) / student.ppf(0.975, np.inf)
        found[i] = max(sum(terms) * wider**2, least[i])
    return np.sqrt(found)


@pytest.mark.parametrize("flattery", [1.0, 1.3, 7.0])
@pytest.mark.parametrize("n", [6, 7])
def test_standard_errors_are_those_of_the_definition(n, flattery):
    signs, odd, totals = data(network(n, 1), n, 40)
    process = OddProcess(n)
    process.fit(signs, odd, totals)
    process._chosen = replace(process._chosen, flattery=flattery)
    errors = process.fit(signs, odd, totals).std_errors[0]
    truth = literal_errors(process._chosen.kernel, signs, odd, totals, min(flattery, FLATTERED))
    np.testing.assert_allclose(errors, truth, rtol=1e-4)


def test_pairs_that_hyper_parameters_were_not_fitted_on_are_not_flattered():
    signs, odd, totals = data(network(14, 0), 14, 1000)
    process = OddProcess(14)
    process.fit(signs, odd, totals)
    errors = []
    for flattery, used in ((1.0, 257), (1.5, 257), (1.5, 501)):
        process._chosen = replace(process._chosen, flattery=flattery, used=used)
        process._hyper_parameters = lambda *_: process._chosen
        errors.append(process.fit(signs, odd, totals).std_errors)
    assert (errors[0] <= errors[1]).all()  # equal where the process' own variance is the larger
    assert (errors[1] < errors[2]).any()
    some = errors[0] < errors[1]
    assert (errors[1][some] < errors[0][some] * np.sqrt(1.4)).all()


@pytest.mark.parametrize("m", [30, 48, 96, 192, 384])
def test_intervals_hold_the_truth(m):
    """From one pair a player on; a network, its probability and rules, ten designs each."""
    n, hits = 12, []
    for game in (make(n, 0) for make in GAMES.values()):
        truth = of_masks(game, n)[:, 0]
        for seed in range(10):
            fit = OddProcess(n).fit(*data(game, n, m, seed))
            hits.append(np.abs(fit.values[0] - truth) <= Z95 * fit.std_errors[0])
    assert 0.9 < np.mean(hits) < 0.99


def test_with_every_pair_it_is_exact():
    game = network(8, 0, outputs=2)
    fit = OddProcess(8).fit(*data(game, 8, 2**8 - 2))
    np.testing.assert_allclose(fit.values, of_masks(game, 8).T, atol=1e-4)
    assert fit.std_errors.max() < 1e-3


def test_outputs_share_hyper_parameters_and_are_solved_together():
    """With those of all three, each output alone comes out as beside the others."""
    signs, odd, totals = data(network(10, 0, outputs=3), 10, 200)
    both = OddProcess(10)
    fit = both.fit(signs, odd, totals)
    chosen = both._chosen
    for k in range(3):
        one = OddProcess(10)
        one._chosen = chosen
        alone = one.fit(signs, odd[:, [k]], totals[[k]])
        np.testing.assert_allclose(alone.values[0], fit.values[k], atol=1e-8)
        np.testing.assert_allclose(alone.std_errors[0], fit.std_errors[k], rtol=1e-6)


def test_scaled_outputs_have_scaled_values_and_errors():
    signs, odd, totals = data(network(10, 0), 10, 200)
    one, many = OddProcess(10).fit(signs, odd, totals), OddProcess(10).fit(signs, odd * 1e4, totals * 1e4)
    np.testing.assert_allclose(many.values, one.values * 1e4, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(many.std_errors, one.std_errors * 1e4, rtol=1e-6)


def test_a_constant_game_is_all_zeros():
    signs, odd, totals = data(lambda masks: np.full(len(masks), 3.0), 10, 100)
    fit = OddProcess(10).fit(signs, odd, totals)
    assert (fit.values == 0).all()
    assert (fit.std_errors == 0).all()


@pytest.mark.parametrize("n", [2, 3, 61, 700])
def test_any_number_of_players(n):
    w = np.random.default_rng(0).normal(size=n)
    fit = OddProcess(n).fit(*data(lambda masks: masks @ w, n, min(300, 2**n - 2)))
    assert np.isfinite(fit.values).all()
    np.testing.assert_allclose(fit.values.sum(), w.sum(), atol=1e-9)


def test_hyper_parameters_rest_on_the_first_pairs_only():
    signs, odd, totals = data(network(14, 0), 14, 1200)
    process = OddProcess(14)
    process.fit(signs, odd, totals)
    kept = process._chosen
    assert kept.used == FITTED_ON + 1
    process.fit(signs[:400], odd[:400], totals)
    assert process._chosen is kept


@pytest.mark.parametrize("name", GAMES)
def test_more_accurate_than_the_regression(name):
    from jupyter_xai.kernels._shapley import regress

    n, ours, theirs = 12, [], []
    for seed, repeat in itertools.product(range(2), range(5)):
        game = GAMES[name](n, seed)
        truth = of_masks(game, n)[:, 0]
        given = data(game, n, 700, repeat)
        ours.append(((OddProcess(n).fit(*given).values[0] - truth) ** 2).mean())
        theirs.append(((regress(*given, exact=False).values[0] - truth) ** 2).mean())
    assert np.median(ours) < np.median(theirs) / 1.5
