from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from jupyter_xai.kernels._coalitions import PairedCoalitions, SharedCoalitions, pairs_of_size, subsets


@pytest.mark.parametrize("n", range(2, 13))
def test_every_coalition_comes_once(n):
    masks = PairedCoalitions(n, 0).masks(0, 2**n - 2)
    assert len({row.tobytes() for row in masks}) == len(masks) == 2**n - 2
    assert not masks.all(axis=1).any()
    assert masks.any(axis=1).all()


def test_complements_stand_side_by_side():
    masks = PairedCoalitions(9, 1).masks(0, 200)
    np.testing.assert_array_equal(masks[::2], ~masks[1::2])


@pytest.mark.parametrize("n", [5, 10, 24, 61, 700])
def test_a_longer_run_begins_with_the_shorter_one(n):
    most = min(600, 2**n - 2)
    whole = PairedCoalitions(n, 3).masks(0, most)
    again = PairedCoalitions(n, 3)
    parts = [again.masks(a, b) for a, b in ((0, 1), (1, 4), (4, 17), (17, most))]
    np.testing.assert_array_equal(np.concatenate(parts), whole)
    np.testing.assert_array_equal(PairedCoalitions(n, 3).masks(7, 21), whole[7:21])
    assert not np.array_equal(PairedCoalitions(n, 4).masks(0, most), whole)


@pytest.mark.parametrize("n", [10, 11, 30])
def test_sizes_are_as_likely_as_each_other_until_used_up(n):
    pairs = 300
    masks = PairedCoalitions(n, 0).masks(0, 2 * pairs)
    counts = np.bincount(masks.sum(axis=1), minlength=n)[1:n]
    whole = np.array([math.comb(n, k) for k in range(1, n)])
    rate = counts[counts < whole].max()
    assert (np.abs(counts - np.minimum(whole, rate)) <= 2).all()
    assert counts.sum() == 2 * pairs


def test_within_a_size_every_player_is_as_likely():
    masks = np.concatenate([PairedCoalitions(40, seed).masks(0, 1000) for seed in range(20)])
    shares = masks[::2].mean(axis=0)
    assert np.ptp(shares) < 0.05


def test_a_size_with_many_subsets_gives_none_twice():
    masks = PairedCoalitions(22, 0).masks(0, 40_000)
    assert len(np.unique(np.packbits(masks, axis=1), axis=0)) == 40_000


@pytest.mark.parametrize(("n", "k"), [(6, 1), (6, 3), (7, 2), (12, 6)])
def test_ranks_are_lexicographic(n, k):
    rows = subsets(np.arange(math.comb(n, k)), n, k)
    assert len(np.unique(rows, axis=0)) == math.comb(n, k)
    assert (rows.sum(axis=1) == k).all()
    codes = rows @ (2 ** np.arange(n)[::-1])
    assert (np.diff(codes) < 0).all()
    if 2 * k == n:  # the first half of them has the first player: one of each pair
        assert rows[: pairs_of_size(n, k), 0].all()


def test_runs_share_the_start_of_a_sequence_and_go_on_alone(monkeypatch):
    monkeypatch.setattr("jupyter_xai.kernels._coalitions._SHARED", 100)
    for _ in range(2):  # what was made for the first is there for the second
        ours, alone = SharedCoalitions(12, 7), PairedCoalitions(12, 7)
        for start, stop in ((0, 40), (40, 100), (90, 130), (0, 10), (130, 4094)):
            np.testing.assert_array_equal(ours.masks(start, stop), alone.masks(start, stop))


def test_what_is_shared_is_not_what_a_run_writes_into():
    first = SharedCoalitions(6, 3).masks(0, 10)
    first[:] = True
    np.testing.assert_array_equal(SharedCoalitions(6, 3).masks(0, 10), PairedCoalitions(6, 3).masks(0, 10))


def test_runs_in_threads_get_the_same():
    expected = PairedCoalitions(40, 11).masks(0, 2000)

    def work(_):
        ours = SharedCoalitions(40, 11)
        return np.concatenate([ours.masks(at, at + 100) for at in range(0, 2000, 100)])

    with ThreadPoolExecutor(4) as pool:
        for found in pool.map(work, range(8)):
            np.testing.assert_array_equal(found, expected)
