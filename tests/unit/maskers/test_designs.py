"""Balanced designs have lime's measure, draw by draw and together, and the balance that they promise."""

from __future__ import annotations

from functools import cache
from itertools import combinations

import numpy as np
import pytest

from jupyter_xai import Image, Text
from jupyter_xai.maskers._designs import (
    COINS,
    SIZES,
    coin,
    hadamard_order,
    hadamard_pairs,
    stratified_sizes,
    uniform_size,
)

MEASURES = {"sizes": SIZES, "coins": COINS}


@cache
def drawn(name, d, seeds, rows):
    """Masks of many independent beginnings of the balanced design."""
    design = MEASURES[name].balanced
    return np.stack([design.draw(np.random.default_rng(s), design.unit(d), d)[:rows] for s in range(seeds)])


@pytest.mark.parametrize("name", MEASURES)
@pytest.mark.parametrize("d", [1, 2, 3, 8, 40, 300])
def test_chances_are_a_distribution_with_the_designs_own_sizes(name, d):
    measure = MEASURES[name]
    chances = measure.chances(d)
    assert chances.shape == (d + 1,)
    assert chances.sum() == pytest.approx(1)
    for design in (measure.lime, measure.balanced):
        rows = design.rows(d)
        kept = [
            design.draw(np.random.default_rng(s), rows, d).sum(axis=1) for s in range(max(1, 4000 // rows))
        ]
        mean = np.concatenate(kept).mean()
        assert mean == pytest.approx(chances @ np.arange(d + 1), abs=0.05 * d)


@pytest.mark.parametrize("name", MEASURES)
@pytest.mark.parametrize("place", [0, 1, 5, 6])
def test_each_single_draw_has_limes_measure(name, place):
    # chi-squared over all masks of 4 features: draws at one place of independent sequences
    measure, d, seeds = MEASURES[name], 4, 6000
    masks = drawn(name, d, seeds, 7)[:, place]
    counts = np.bincount(masks @ (1 << np.arange(d)), minlength=2**d)
    every = ((np.arange(2**d)[:, None] >> np.arange(d)) & 1).astype(bool)
    size = every.sum(axis=1)
    expected = seeds * measure.chances(d)[size] / np.bincount(size)[size]
    assert counts[expected == 0].sum() == 0
    some = expected > 0
    statistic = ((counts - expected)[some] ** 2 / expected[some]).sum()
    assert statistic < 45  # the 0.9999 quantile with 15 degrees of freedom is 44.3


@pytest.mark.parametrize("d", [2, 7, 31, 32, 50])
def test_a_hadamard_block_holds_every_combination_of_three_features_equally_often(d):
    order = hadamard_order(d)
    block = hadamard_pairs(np.random.default_rng(d), 2 * order, d)
    assert block.shape == (2 * order, d)
    assert (block[::2] ^ block[1::2]).all()
    for three in list(combinations(range(d), min(3, d)))[:200]:
        counts = np.bincount(block[:, three] @ (1 << np.arange(len(three))), minlength=2 ** len(three))
        assert (counts == 2 * order / 2 ** len(three)).all()
    assert not np.array_equal(block, hadamard_pairs(np.random.default_rng(d + 1), 2 * order, d))


@pytest.mark.parametrize("d", [1, 2, 5, 14, 128])
def test_a_round_of_sizes_holds_each_size_as_often_and_each_feature_too(d):
    masks = stratified_sizes(np.random.default_rng(d), 4 * d, d)
    removed = (~masks).sum(axis=1)
    assert np.bincount(removed, minlength=d + 1).tolist() == [0] + [4] * d
    first, second = masks[::2], masks[1::2]
    empty = ~first.any(axis=1)
    assert (first ^ second)[~empty].all()
    assert not second[empty].any()
    assert len(set((~masks).sum(axis=0).tolist())) == 1


@pytest.mark.parametrize("d", [129, 400])
def test_sizes_of_long_texts_are_spread_over_each_round(d):
    masks = stratified_sizes(np.random.default_rng(0), 256 * 20, d)
    sizes = np.sort((~masks[:256:2]).sum(axis=1) % d)
    assert np.abs(sizes / d - (np.arange(128) + 0.5) / 128).max() < 2 / 128
    removed = (~masks).sum(axis=1)
    assert removed.min() >= 1
    assert np.mean(removed) == pytest.approx((d + 1) / 2, rel=0.02)


def test_sizes_of_lime_s_text_draws_are_uniform_and_words_too():
    masks = uniform_size(np.random.default_rng(1), 40_000, 8)
    removed = (~masks).sum(axis=1)
    counts = np.bincount(removed, minlength=9)
    assert counts[0] == 0
    assert np.abs(counts[1:] / 5000 - 1).max() < 0.07
    assert np.abs((~masks).mean(axis=0) - 4.5 / 8).max() < 0.01


def test_pieces_of_lime_s_images_are_kept_half_the_time_independently():
    masks = coin(np.random.default_rng(1), 40_000, 11)
    assert np.abs(masks.mean(axis=0) - 0.5).max() < 0.01
    covariance = np.cov(masks.T.astype(float))
    assert np.abs(covariance - np.diag(np.diag(covariance))).max() < 0.01


def of_text(sampler):
    return Text().neighbourhood("one two three four five", None, sampler=sampler)


def of_image(sampler):
    return Image("grid", 6).neighbourhood(np.ones((6, 6, 3)), None, sampler=sampler)


@pytest.mark.parametrize("make", [of_text, of_image])
def test_the_instance_stands_before_the_first_pair_and_pairs_are_blocks(make):
    draws = make("balanced").draw(0, 41)
    assert draws.features[0].all()
    assert draws.blocks.tolist() == [0, *np.repeat(np.arange(20), 2)]
    pairs = draws.features[1:].reshape(20, 2, -1)
    whole = (pairs[:, 0] ^ pairs[:, 1]).all(axis=1) | ~pairs.any(axis=(1, 2))
    assert whole.all()
    assert make("balanced").draw(7, 12).blocks.tolist() == [3, 3, 4, 4, 5]


@pytest.mark.parametrize("make", [of_text, of_image])
def test_limes_own_draws_are_independent_and_others(make):
    draws = make("lime").draw(0, 300)
    assert draws.blocks is None
    assert draws.features[0].all()
    pairs = draws.features[1:299].reshape(149, 2, -1)
    assert not (pairs[:, 0] ^ pairs[:, 1]).all(axis=1).all()
    assert make("lime").key != make("balanced").key
