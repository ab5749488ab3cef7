"""DeepLIFT in several segments: walks from the baseline to the instance."""

from __future__ import annotations

import importlib.util
import itertools
import math
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, strategies as st
from torch import nn

import jupyter_xai as xai
from jupyter_xai.errors import InputError
from jupyter_xai.kernels.deeplift import DeepLift, DeepShap
from jupyter_xai.kernels.deeplift.tally import Tally
from jupyter_xai.kernels.deeplift.walks import Orders, bounds
from tests.networks import Recurrent, Sentiment

_path = Path(__file__).parents[2] / "oracle" / "shapley.py"
_spec = importlib.util.spec_from_file_location("oracle_shapley", _path)
exact = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(exact)


def mlp(*sizes, seed=0, dtype=torch.float64):
    torch.manual_seed(seed)
    layers = []
    for width, out in itertools.pairwise(sizes):
        layers += [nn.Linear(width, out), nn.ReLU()]
    return nn.Sequential(*layers[:-1]).to(dtype)


def exactly(net, x, x0):
    def game(masks):
        with torch.no_grad():
            return net(torch.where(torch.from_numpy(masks), torch.tensor(x), torch.tensor(x0))).numpy()

    return exact.of_masks(game, len(x)).T


@given(st.integers(1, 300), st.integers(1, 40))
def test_blocks_hold_everybody_and_are_alike_from_both_ends(n, segments):
    ends = bounds(n, segments)
    sizes = np.diff(ends)
    assert ends[0] == 0
    assert ends[-1] == n
    assert len(sizes) == min(n, segments)
    assert (sizes >= 1).all()
    if not (len(sizes) % 2 == 0 and n % 2):  # an odd one goes to one of the halves
        assert np.array_equal(sizes, sizes[::-1])
    assert sizes[0] <= sizes[len(sizes) // 2]


@pytest.mark.parametrize(("n", "segments"), [(1, 4), (2, 4), (7, 4), (8, 8), (10, 2), (40, 5)])
def test_orders_are_permutations_of_which_a_longer_run_begins_with_the_shorter_ones(n, segments):
    drawn = Orders(3, segments)
    orders = [drawn.order(n, w) for w in range(12)]
    assert all(sorted(order) == list(range(n)) for order in orders)
    again = Orders(3, segments)
    assert all(np.array_equal(again.order(n, w), orders[w]) for w in reversed(range(12)))
    if n > 2:
        assert any(not np.array_equal(Orders(4, segments).order(n, w), orders[w]) for w in range(12))


def test_players_take_turns_at_the_ends_and_every_pair_of_places_is_as_likely():
    drawn = Orders(0, 4)
    ends = Counter(player for w in range(4) for player in drawn.order(8, w)[[0, -1]])
    assert set(ends.values()) == {1}
    many = np.array([drawn.order(8, w) for w in range(8000)])
    for places in ((0, 1), (0, 7), (2, 5), (6, 7)):
        pairs = Counter(map(tuple, many[:, places]))
        assert len(pairs) == 56
        assert max(abs(count - 8000 / 56) for count in pairs.values()) < 6 * math.sqrt(8000 / 56)


def test_all_orders_with_as_many_segments_as_players_are_exact_shapley_values(monkeypatch):
    every = list(itertools.permutations(range(4)))
    monkeypatch.setattr(Orders, "order", lambda _, n, walk: np.array(every[walk]) if n == 4 else None)
    net = mlp(4, 12, 12, 2)
    x, x0 = np.random.default_rng(0).normal(size=(2, 4))
    e = DeepLift(net, baseline=x0, segments=4, orders=len(every)).explain(x)
    np.testing.assert_allclose(e.values, exactly(net, x, x0), atol=1e-12)
    rows = np.stack([x0, 0.5 * x0])
    mean = (exactly(net, x, rows[0]) + exactly(net, x, rows[1])) / 2
    monkeypatch.setattr(Orders, "order", lambda _, n, walk: np.array(every[walk % 24]))
    found = DeepShap(net, background=rows, segments=4, orders=24).explain(x)
    np.testing.assert_allclose(found.values, mean, atol=1e-12)


@pytest.mark.parametrize("rule", ["rescale", "shapley"])
@pytest.mark.parametrize("segments", [2, 3, 5])
def test_literally_each_segment_is_explained_by_itself(rule, segments):
    net = mlp(7, 10, 10, 2)
    x, x0 = np.random.default_rng(1).normal(size=(2, 7))
    x[3] = x0[3]
    moved = np.array([0, 1, 2, 4, 5, 6])
    found = DeepLift(net, baseline=x0, rule=rule, segments=segments, orders=3, random_state=5).explain(x)
    drawn, walks = Orders(5, segments), []
    for w in range(3):
        blocks = np.split(moved[drawn.order(6, w)], bounds(6, segments)[1:-1])
        for direction in (blocks, blocks[::-1]):
            here, total = x0.copy(), 0.0
            for block in direction:
                before, here = here, here.copy()
                here[block] = x[block]
                total = total + DeepLift(net, baseline=before, rule=rule, segments=1).explain(here).values
            walks.append(total)
    np.testing.assert_allclose(found.values, np.mean(walks, axis=0), atol=1e-12)
    pairs = np.mean(np.reshape(walks, (3, 2, 2, 7)), axis=1)
    plain = pairs.std(axis=0, ddof=1) / math.sqrt(3)
    assert found.std_errors[:, moved] / plain[:, moved] == pytest.approx(4.303 / 1.96, rel=1e-3)
    assert (found.std_errors[:, 3] == 0).all()


def test_what_pairs_do_together_is_exact_where_each_player_has_its_segment():
    class Pairs(nn.Module):
        def forward(self, x):
            return sum(torch.relu(x[:, [i]] - x[:, [j]]) for i, j in ((0, 1), (1, 2), (3, 0), (2, 3)))

    x, x0 = np.random.default_rng(2).normal(size=(2, 4))
    rescaled = DeepLift(Pairs().double(), baseline=x0).explain(x).values
    walked = DeepLift(Pairs().double(), baseline=x0, segments=4, orders=2).explain(x).values
    truth = exactly(Pairs(), x, x0)
    assert np.abs(rescaled - truth).max() > 0.1
    np.testing.assert_allclose(
        walked, truth, atol=1e-6
    )  # the input's dtype is that of a network without weights


class Recorded(nn.Module):
    """Notes what it is given."""

    def __init__(self, net):
        super().__init__()
        self.net, self.seen = net, []

    def forward(self, x):
        self.seen.append(x.detach())
        return self.net(x)


@pytest.mark.parametrize(
    ("net", "shape", "together"),
    [
        (nn.Sequential(nn.Conv2d(3, 2, 3), nn.Flatten(), nn.Linear(32, 1)), (3, 6, 6), 0),
        (Recurrent(nn.LSTM), (9, 5), 1),
        (nn.Sequential(nn.Conv1d(4, 2, 3), nn.Flatten(), nn.Linear(20, 1)), (4, 12), 0),
    ],
    ids=["pixels", "steps", "channels first"],
)
def test_a_pixel_or_a_step_comes_in_as_a_whole(net, shape, together):
    torch.manual_seed(0)
    spy = Recorded(net)
    kernel = DeepLift(spy, rule="shapley")
    spy_of = kernel._predictor().snapshot().module
    kernel.explain(torch.rand(shape) + 0.5)
    assert isinstance(spy_of, Recorded)
    mixed = [rows for rows in spy_of.seen if len(rows) > 1]
    assert mixed
    for rows in mixed:
        there = rows != 0
        assert (there.all(together + 1) == there.any(together + 1)).all()
        shares = there.flatten(1).float().mean(1)
        assert ((shares > 0) & (shares < 1)).any()


def test_columns_of_a_feature_and_the_vectors_of_a_token_come_in_as_a_whole():
    rows = np.random.default_rng(0).normal(size=(20, 6)).astype(np.float32)
    table = xai.Tabular(rows, groups={"one": [0, 3], "two": [1, 2, 4]})
    net = mlp(6, 8, 1, dtype=torch.float32)
    e = DeepLift(net, inputs=table, segments=3, orders=2).explain(rows[0])
    base = torch.tensor(rows.mean(axis=0))

    def game(masks):
        members = np.zeros((len(masks), 6), dtype=bool)
        for at, some in enumerate(e.features.members):
            members[:, list(some)] = masks[:, [at]]
        with torch.no_grad():
            return net(torch.where(torch.from_numpy(members), torch.tensor(rows[0]), base)).numpy()

    assert e.values.shape == (1, 3)
    many = DeepLift(net, inputs=table, segments=3, orders=2000).explain(rows[0])
    truth = exact.of_masks(game, 3).T
    assert (np.abs(many.values - truth) <= 2 * 1.96 * many.std_errors + 1e-5).all()


def test_only_what_differs_from_the_baseline_walks():
    """Two words in padding are two players: each order has them in segments of their own, which is exact."""
    torch.manual_seed(0)
    net = Sentiment().double().eval()
    ids = torch.tensor([3, 7, 0, 0, 0, 0, 0, 0, 0])
    e = DeepLift(net, rule="shapley").explain(ids, targets=0)
    assert e.vectors.shape == (1, 9, 10)
    np.testing.assert_allclose(e.vectors.sum(axis=2), e.values, atol=1e-12)
    assert (e.values[0, 2:] == 0).all()
    np.testing.assert_allclose(e.std_errors, 0.0, atol=1e-9)
    other = DeepLift(net, rule="rescale", segments=9, orders=2).explain(ids, targets=0)
    np.testing.assert_allclose(other.values, e.values, atol=1e-9)


@pytest.mark.parametrize(
    "make",
    [
        lambda net, **how: DeepLift(net, rule="shapley", **how),
        lambda net, **how: DeepShap(
            net, background=torch.ones(3, 6) * torch.arange(3.0)[:, None], segments=3, **how
        ),
    ],
    ids=["one baseline", "background"],
)
def test_the_same_in_any_batch_and_to_the_bit_again(make):
    net = mlp(6, 8, 8, 2, dtype=torch.float32)
    rows = np.random.default_rng(3).normal(size=(4, 6)).astype(np.float32)
    rows[1, 2:] = 0.0
    kernel = make(net)
    many = kernel.explain_batch(rows)
    assert np.array_equal(many.values, make(net).explain_batch(rows).values)
    for row, e in zip(rows, many, strict=True):
        for size in (1, 5, "auto"):
            alone = make(net, batch_size=size).explain(row)
            np.testing.assert_allclose(alone.values, e.values, atol=1e-6)
            np.testing.assert_allclose(alone.std_errors, e.std_errors, atol=1e-6)
            assert alone.n_evals == e.n_evals
    other = make(net, random_state=1).explain_batch(rows)
    assert not np.allclose(other.values, many.values, atol=1e-6)


def test_never_more_rows_a_pass_than_batch_size():
    spy = Recorded(mlp(6, 8, 2, dtype=torch.float32))
    kernel = DeepLift(spy, rule="shapley", batch_size=5)
    inside = kernel._predictor().snapshot().module
    e = kernel.explain(torch.randn(6))
    assert max(len(rows) for rows in inside.seen) <= 5
    assert e.n_evals == 4 * 4 * 2
    assert e.n_rows == sum(len(rows) for rows in inside.seen)


@pytest.mark.parametrize(
    "make",
    [
        lambda net, rows, **how: DeepLift(net, rule="shapley", orders=30, **how),
        lambda net, rows, **how: DeepShap(net, background=rows, segments=3, **how),
    ],
    ids=["one baseline", "background"],
)
def test_estimates_on_the_way_add_up_and_a_stop_keeps_the_last(make):
    net = mlp(6, 8, 8, 2, dtype=torch.float32)
    rows = torch.randn(20, 6, generator=torch.Generator().manual_seed(0))
    x = torch.randn(6, generator=torch.Generator().manual_seed(1))
    kernel = make(net, rows, batch_size=8)
    kernel.clock = itertools.count(step=10.0).__next__
    *early, last = kernel.stream(x)
    assert len(early) >= 3
    for e in (*early, last):
        assert np.abs(e.additivity_gap).max() < 1e-5
    assert last.status == "settled"
    assert np.isfinite(last.std_errors).all()
    widths = [e.std_errors.mean() for e in (early[-1], last)]
    assert widths[1] < widths[0]
    seen = []
    *_, stopped = make(net, rows, batch_size=8).stream(x, watch=lambda p: seen.append(p) or len(seen) < 9)
    assert stopped.status == "stopped"
    assert 0 < stopped.n_evals < last.n_evals
    assert np.abs(stopped.additivity_gap).max() < 1e-5
    assert stopped.values.any()


def test_intervals_hold_what_more_orders_lead_to():
    net = mlp(8, 12, 12, 1, dtype=torch.float32)
    x = np.random.default_rng(4).normal(size=8).astype(np.float32)
    limit = DeepLift(net, rule="shapley", orders=600, random_state=99).explain(x).values
    inside = [
        np.abs(e.values - limit) <= 1.96 * e.std_errors
        for e in (DeepLift(net, rule="shapley", random_state=seed).explain(x) for seed in range(40))
    ]
    assert np.mean(inside) > 0.93


def test_intervals_over_a_background_are_of_the_orders_alone_once_every_row_is_done():
    net = mlp(8, 12, 12, 1, dtype=torch.float32)
    rng = np.random.default_rng(5)
    x, rows = rng.normal(size=8).astype(np.float32), rng.normal(size=(12, 8)).astype(np.float32)
    runs = [
        DeepShap(net, background=rows, rule="shapley", random_state=seed).explain(x) for seed in range(40)
    ]
    limit = DeepShap(net, background=rows, rule="shapley", orders=60, random_state=99).explain(x).values
    inside = [np.abs(e.values - limit) <= 1.96 * e.std_errors for e in runs]
    assert np.mean(inside) > 0.93
    spread = np.std([e.values for e in runs], axis=0)
    said = np.mean([e.std_errors for e in runs], axis=0)
    assert said.mean() < 2.5 * spread.mean()
    assert DeepShap(net, background=rows, segments=1).explain(x).std_errors is None


def test_tally_of_references_drawn_without_replacement():
    """Over all ways to stop after 3 of 6 references, the said variance is that of the means."""
    values = torch.tensor([1.0, 4.0, 2.0, 8.0, 5.0, 7.0])
    means, said = [], []
    for some in itertools.combinations(range(6), 3):
        tally = Tally(1, 6, 1, 1)
        part = values[list(some)][:, None]
        zero = torch.zeros(3, dtype=torch.int64)
        tally.add(zero, torch.arange(3), zero, [part], [part])
        means.append(float(tally.values()[0]))
        said.append(float(tally.errors()[0]) / (4.303 / 1.96))
    assert np.mean(np.square(said)) == pytest.approx(np.var(means), rel=1e-3)


def test_keywords_are_checked_and_said():
    net, x = mlp(6, 8, 2, dtype=torch.float32), torch.randn(6)
    assert DeepLift(net).explain(x).params["segments"] == 1
    assert DeepLift(net, rule="shapley").explain(x).params["segments"] == 4
    assert DeepLift(net, rule="shapley").explain(x).params["orders"] == 4
    assert DeepLift(net, rule="shapley", segments=1).explain(x).std_errors is None
    with pytest.raises(InputError, match="orders=1"):
        DeepLift(net, rule="shapley", orders=1).explain(x)
    with pytest.raises(InputError, match="segments=0"):
        DeepLift(net, segments=0).explain(x)
    same = DeepLift(net, baseline=x, rule="shapley").explain(x)
    assert not same.values.any()


def test_players_of_several_inputs_walk_together():
    class Both(nn.Module):
        def forward(self, row, series):
            steps = series.sum(2)
            return torch.relu(row - steps).sum(1, keepdim=True) + torch.relu(steps[:, :1] + steps[:, 1:])

    rng = np.random.default_rng(6)
    row, series = rng.normal(size=2).astype(np.float32), rng.normal(size=(2, 3)).astype(np.float32)
    e = DeepLift(Both(), segments=4, orders=2).explain((row, series))

    def game(masks):
        kept = torch.from_numpy(masks).float()
        with torch.no_grad():
            return Both()(kept[:, :2] * torch.tensor(row), kept[:, 2:, None] * torch.tensor(series)).numpy()

    truth = exact.of_masks(game, 4)[:, 0]
    found = np.concatenate([e.values[0][0], e.values[1][0].sum(axis=1)])
    np.testing.assert_allclose(found, truth, atol=1e-6)
    assert [errors.shape for errors in e.std_errors] == [(1, 2), (1, 2, 3)]


def test_through_explain_with_intervals_in_the_view():
    net = mlp(6, 8, 8, 2, dtype=torch.float32)
    rows = np.random.default_rng(3).normal(size=(30, 6)).astype(np.float32)
    view = xai.explain(
        net, rows[0], method="deep_lift", background=rows, rule="shapley", orders=6, headless=True
    )
    e = view.explanation
    assert e.params["segments"] == 4
    assert e.params["orders"] == 6
    assert e.std_errors.shape == e.values.shape
    assert np.abs(e.additivity_gap).max() < 1e-5
    assert e.status == "settled"
