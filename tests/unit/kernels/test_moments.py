"""Moments by block answer what going through the draws again does."""

import numpy as np
import pytest

import jupyter_xai as xai
from jupyter_xai.kernels import _moments
from jupyter_xai.kernels._moments import BlockMoments, fits
from jupyter_xai.kernels._selection import Selector
from jupyter_xai.kernels._solvers import WeightedRidge

BLOCKS = 10


def draws(n=600, d=5, p=3, t=2, seed=0):
    """Features, weights, outputs, blocks and controls, the first one being the instance."""
    rng = np.random.default_rng(seed)
    z, c = rng.random((n, d)) < 0.4, rng.normal(size=(n, p)).astype(np.float32)
    z[0], c[0] = True, 0.0
    y = z @ rng.normal(size=(d, t)) + c @ rng.normal(size=(p, t)) + rng.normal(size=(n, t))
    return z, rng.random(n) + 0.1, y, np.maximum(np.arange(n) - 1, 0) % BLOCKS, c


def both(parts, edges, *, controls):
    """The two ways, fed alike."""
    z, w, y, blocks, c = parts
    made = [WeightedRidge(z.shape[1], c.shape[1] * controls, n_blocks) for n_blocks in (BLOCKS, None)]
    for first, last in zip([0, *edges], [*edges, len(z)], strict=True):
        rows = slice(first, last)
        for ridge in made:
            ridge.add(z[rows], w[rows], y[rows], blocks[rows], c[rows] if controls else None)
    return made


def alike(one, other, rtol=1e-9):
    for name in ("coefs", "intercepts", "std_errors", "r2"):
        a, b = getattr(one, name), getattr(other, name)
        np.testing.assert_allclose(a, b, rtol=rtol, atol=rtol * np.abs(b[np.isfinite(b)]).max(initial=0))
    assert (one.kept == other.kept).all()


@pytest.mark.parametrize("edges", [[], [1, 128], [1, 2, 3, 7, 40, 41, 300]])
@pytest.mark.parametrize("controls", [True, False])
@pytest.mark.parametrize("alpha", [0.0, 1.0])
def test_they_solve_alike(edges, controls, alpha):
    few, all_ = both(draws(), edges, controls=controls)
    alike(few.fit(alpha), all_.fit(alpha))
    for a, b in zip(few.moments(), all_.moments(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-9)


def test_they_solve_alike_after_each_batch():
    z, w, y, blocks, c = draws()
    few, all_ = WeightedRidge(5, 3, BLOCKS), WeightedRidge(5, 3)
    for first in range(0, 600, 60):
        rows = slice(first, first + 60)
        for ridge in (few, all_):
            ridge.add(z[rows], w[rows], y[rows], blocks[rows], c[rows])
        alike(few.fit(0.3), all_.fit(0.3))


def test_they_choose_features_alike():
    few, all_ = both(draws(d=8), [100], controls=True)
    selector = Selector("forward_selection", 3, np.ones(8))
    assert few.fit(1.0, selector).kept.sum(axis=1).tolist() == [3, 3]
    alike(few.fit(1.0, selector), all_.fit(1.0, selector))


@pytest.mark.parametrize("n", [2, 5, 9, 14])
def test_with_fewer_draws_than_blocks(n):
    few, all_ = both(draws(n, d=2), [], controls=False)
    alike(few.fit(1.0), all_.fit(1.0))


def test_draws_that_weigh_nothing():
    z, w, y, blocks, c = draws()
    w[::3] = 0.0
    few, all_ = both((z, w, y, blocks, c), [77], controls=True)
    alike(few.fit(0.5), all_.fit(0.5))


def test_an_instance_that_answers_far_from_all_draws():
    z, w, y, blocks, c = draws()
    y[0] += 1e6  # outputs are held as differences from it
    w[0] = 0.0
    few, all_ = both((z, w, y, blocks, c), [50], controls=True)
    alike(few.fit(0.5), all_.fit(0.5), rtol=1e-6)
    assert (few.fit(0.5).r2 < 0.99).all()


def test_an_exact_line_and_a_constant_have_no_error():
    z, w, y, blocks, c = draws()
    y = z @ np.array([[1.0, 0.0], [2.0, 0.0], [-3.0, 0.0], [0.0, 0.0], [0.5, 0.0]]) + 7.0
    few, _ = both((z, w, y, blocks, c), [], controls=True)
    fit = few.fit(0.0)
    np.testing.assert_allclose(fit.coefs[0], [1, 2, -3, 0, 0.5], atol=1e-12)
    assert fit.std_errors[0].max() < 1e-12
    assert fit.r2[0] == pytest.approx(1, abs=1e-12)
    assert (fit.std_errors[1] == 0).all()
    assert fit.r2[1] == 1


def test_any_order_in_memory_and_any_chunk_sums_alike(monkeypatch):
    z, w, y, blocks, c = draws()
    found = []
    for order in ("C", "F"):
        sums = BlockMoments(BLOCKS, 8, 2)
        sums.add(np.asarray(z, order=order), np.asarray(c, order=order), w, y, blocks)
        found.append(sums)
    monkeypatch.setattr(_moments, "_CHUNK_BYTES", 8 * 9 * 37)
    small = BlockMoments(BLOCKS, 8, 2)
    small.add(z, c, w, y, blocks)
    assert (found[0].squares == found[1].squares).all()
    np.testing.assert_allclose(found[0].squares, small.squares, rtol=1e-12)
    np.testing.assert_allclose(found[0].products, small.products, rtol=1e-9, atol=1e-12)
    columns = np.column_stack([z, c.astype(float), np.ones(600)])
    for block in range(BLOCKS):
        some = columns[blocks == block] * w[blocks == block, None]
        np.testing.assert_allclose(small.squares[block], some.T @ columns[blocks == block], rtol=1e-9)


def test_too_many_columns_are_gone_through_again(monkeypatch):
    assert not fits(10, 700)
    monkeypatch.setattr(_moments, "_ENTRIES", 100)
    few, all_ = both(draws(), [60], controls=True)
    one, other = few.fit(1.0), all_.fit(1.0)
    assert (one.coefs == other.coefs).all()
    assert (one.std_errors == other.std_errors).all()


@pytest.mark.parametrize("sampler", ["balanced", "lime"])
def test_a_table_says_how_many_blocks_its_draws_have(sampler):
    X = np.random.default_rng(0).normal(size=(50, 3))
    around = xai.Tabular(X).neighbourhood(X[0], None, sampler=sampler)
    blocks = around.draw(0, 400).blocks
    if sampler == "lime":
        assert around.n_blocks is None
        assert blocks is None
    else:
        assert set(blocks) == set(range(around.n_blocks))


def test_a_row_is_explained_alike_either_way(monkeypatch):
    X = np.random.default_rng(0).normal(size=(200, 4))

    def explained():
        kernel = xai.Lime(lambda rows: np.tanh(rows[:, 0] - rows[:, 1] * rows[:, 2]), xai.Tabular(X))
        return kernel.explain(X[0])

    kept = explained()
    monkeypatch.setattr(_moments, "_ENTRIES", 0)
    again = explained()
    assert kept.n_evals == again.n_evals
    np.testing.assert_allclose(kept.values, again.values, rtol=1e-9)
    np.testing.assert_allclose(kept.std_errors, again.std_errors, rtol=1e-9)
    np.testing.assert_allclose(kept.fidelity.r2, again.fidelity.r2, rtol=1e-9)
