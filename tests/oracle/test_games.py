"""What every kernel of Shapley's family keeps on random games, exactly where coalitions are enumerated."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from jupyter_xai import KernelShap, PartitionShap, PermutationShap
from tests.oracle.test_shapley import network
from tests.unit.kernels.fakes import FakePredictor, MaskMasker

KERNELS = [KernelShap, PermutationShap, PartitionShap]


def values(cls, game, n, **kwargs):
    given = {"hierarchy": pairs(n)} if cls is PartitionShap else {}
    return cls(FakePredictor(game), MaskMasker(), **given, **kwargs).explain(n).values[0]


def pairs(n):
    """Neighbours in groups of two, the groups one after another."""
    tree = None
    for at in range(0, n, 2):
        group = (at, at + 1) if at + 1 < n else at
        tree = group if tree is None else (tree, group)
    return tree


@pytest.mark.parametrize("cls", KERNELS)
@given(st.integers(1, 4), st.integers(0, 10**6), st.floats(-1e6, 1e6), st.floats(-1e3, 1e3))
@settings(max_examples=15, deadline=None)
def test_axioms(cls, half, seed, scale, shift):
    """Players 0 and 1 (one group) do the same; the last one does nothing; scaling and shifting the answers."""
    n = 2 * half + 1
    inner = network(n - 2, seed)

    def game(masks):
        alike = masks[:, :2].sum(axis=1, keepdims=True)
        rest = inner(np.concatenate([masks[:, 2 : n - 1], alike == 2], axis=1)).ravel()
        return rest + np.sin(2.0 * alike.ravel()) * (1 + rest)

    found = values(cls, game, n)
    ends = game(np.array([[False] * n, [True] * n]))
    size = max(1.0, float(np.abs(ends).max()))
    np.testing.assert_allclose(found.sum(), ends[1] - ends[0], atol=1e-10 * size)
    np.testing.assert_allclose(found[0], found[1], atol=1e-10 * size)
    assert abs(found[n - 1]) < 1e-10 * size
    scaled = values(cls, lambda masks: scale * game(masks) + shift, n)
    np.testing.assert_allclose(
        scaled, scale * found, rtol=1e-7, atol=1e-9 * (abs(scale) + abs(shift) + 1) * size
    )


@pytest.mark.parametrize("cls", KERNELS)
@given(st.integers(2, 9), st.integers(0, 10**6))
@settings(max_examples=15, deadline=None)
def test_the_dual_game_has_the_same_values(cls, n, seed):
    """v*(S) = v(N) - v(N - S): what a coalition can keep others from."""
    game = network(n, seed)
    full = game(np.ones((1, n), dtype=bool))
    dual = values(cls, lambda masks: full - game(~np.asarray(masks)), n)
    np.testing.assert_allclose(dual, values(cls, game, n), atol=1e-10)


@pytest.mark.parametrize("cls", KERNELS)
def test_many_outputs_scale_each_by_itself(cls):
    """One output a million times another: neither's values suffer."""
    game = network(9, 4, outputs=2)
    both = lambda masks: game(masks) * [1e6, 1e-6]  # noqa: E731
    given = {"hierarchy": pairs(9)} if cls is PartitionShap else {}
    e = cls(FakePredictor(both, ("large", "small")), MaskMasker(), **given).explain(9)
    plain = cls(FakePredictor(game, ("a", "b")), MaskMasker(), **given).explain(9)
    np.testing.assert_allclose(e.values / [[1e6], [1e-6]], plain.values, rtol=1e-7, atol=1e-10)
