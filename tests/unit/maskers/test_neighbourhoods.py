# ruff: noqa: NPY002 - the global random state is what is looked at
from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from jupyter_xai import CannotExplainError, Image, InputError, Tabular, Text
from jupyter_xai.maskers.neighbourhoods import MaskNeighbourhood, neighbourhood_of

TEXT = " ".join(f"word{i}" for i in range(23))
TABLE = pd.DataFrame({"a": np.arange(50.0), "b": list("xyzvw") * 10, "c": np.arange(50) % 7})
IMAGE = np.random.default_rng(0).random((12, 12, 3))


def neighbourhoods(random_state=0):
    return {
        "text": Text().neighbourhood(TEXT, None, random_state=random_state),
        "text, lime": Text().neighbourhood(TEXT, None, random_state=random_state, sampler="lime"),
        "table": Tabular(TABLE).neighbourhood(TABLE.iloc[[4]], None, random_state=random_state),
        "grouped": Tabular(TABLE, groups={"g": ["a", "b"]}).neighbourhood(
            TABLE.iloc[[4]], None, random_state=random_state
        ),
        "image": Image("grid", 11).neighbourhood(IMAGE, None, random_state=random_state),
        "image, lime": Image("grid", 11).neighbourhood(
            IMAGE, None, random_state=random_state, sampler="lime"
        ),
    }


KINDS = ["text", "text, lime", "table", "grouped", "image", "image, lime"]


def rows(around, start, stop):
    draws = around.draw(start, stop)
    batch = draws.build(np.arange(stop - start))
    return draws.features, draws.distances, batch


def same(a, b):
    if isinstance(a, pd.DataFrame):
        return a.reset_index(drop=True).equals(b.reset_index(drop=True))
    return np.array_equal(np.asarray(a), np.asarray(b))


def part(batch, start, stop):
    return batch.iloc[start:stop] if isinstance(batch, pd.DataFrame) else batch[start:stop]


@pytest.mark.parametrize("kind", KINDS)
def test_draw_i_is_the_same_whatever_was_asked_before(kind):
    whole = rows(neighbourhoods()[kind], 0, 1500)
    around = neighbourhoods()[kind]
    for start, stop in [(700, 731), (0, 1), (511, 514), (1, 3), (0, 40), (512, 1500), (1499, 1500)]:
        features, distances, batch = rows(around, start, stop)
        assert same(features, whole[0][start:stop])
        assert same(distances, whole[1][start:stop])
        assert same(batch, part(whole[2], start, stop))


@pytest.mark.parametrize("kind", KINDS)
def test_some_of_a_stretch(kind):
    draws = neighbourhoods()[kind].draw(10, 60)
    whole = draws.build(np.arange(50))
    picked = draws.build(np.array([3, 7, 20]))
    expected = whole.iloc[[3, 7, 20]] if isinstance(whole, pd.DataFrame) else [whole[i] for i in (3, 7, 20)]
    assert same(picked, expected)


@pytest.mark.parametrize("kind", KINDS)
def test_draw_0_is_the_instance(kind):
    around = neighbourhoods()[kind]
    features, distances, batch = rows(around, 0, 1)
    assert features.all()
    assert distances[0] == 0
    assert same(batch, around.instance())


@pytest.mark.parametrize("kind", KINDS)
def test_the_seed_decides_and_the_global_state_does_not(kind):
    np.random.seed(3)
    state = np.random.get_state()[1].copy()
    one = rows(neighbourhoods(1)[kind], 0, 200)
    assert (np.random.get_state()[1] == state).all()
    assert not same(one[0], rows(neighbourhoods(2)[kind], 0, 200)[0])
    np.random.seed(4)
    assert same(one[0], rows(neighbourhoods(1)[kind], 0, 200)[0])
    assert neighbourhoods(1)[kind].key == neighbourhoods(1)[kind].key != neighbourhoods(2)[kind].key


def test_no_seed_is_another_one_each_time():
    a, b = (Text().neighbourhood(TEXT, None, random_state=None) for _ in range(2))
    assert not same(a.draw(0, 100).features, b.draw(0, 100).features)


@pytest.mark.parametrize("seed", [-1, 1.5, "a", True])
def test_bad_seeds(seed):
    with pytest.raises(InputError, match="random_state"):
        Text().neighbourhood(TEXT, None, random_state=seed)


@pytest.mark.parametrize("kind", ["text", "image"])
def test_distance_is_the_cosine_distance_to_the_full_mask(kind):
    from sklearn.metrics import pairwise_distances

    draws = neighbourhoods()[kind].draw(0, 300)
    expected = pairwise_distances(
        draws.features.astype(float), draws.features[:1].astype(float), metric="cosine"
    )
    np.testing.assert_allclose(draws.distances, expected.ravel(), atol=1e-12)


def test_single_word():
    draws = Text().neighbourhood("dull", None).draw(0, 5)
    assert draws.features.ravel().tolist() == [True, False, False, False, False]
    assert draws.build(np.arange(5)) == ["dull", "", "", "", ""]


def test_any_masker_of_one_row_a_mask_will_do():
    class Own:
        kind = "text"
        params = ()

        def bind(self, x, predictor):
            return Text().bind(x)

    around = neighbourhood_of(Own(), TEXT, None, 0, "balanced")
    assert isinstance(around, MaskNeighbourhood)
    assert around.draw(0, 4).features.shape == (4, 23)


def test_a_masker_of_many_rows_a_mask_is_refused_with_a_way_out():
    class Own:
        kind = "table"
        params = ()

        def bind(self, x, predictor):
            return Tabular(TABLE).bind(x)

    with pytest.raises(CannotExplainError, match="neighbourhood"):
        neighbourhood_of(Own(), TABLE.iloc[[0]], None, 0, "balanced")


def test_table_for_a_net():
    import torch

    class Net:
        backend = "torch"
        device = torch.device("cpu")
        dtype = torch.float32

    X = np.arange(20.0).reshape(10, 2)
    batch = Tabular(X).neighbourhood(X[1], Net()).instance()
    assert batch.dtype is torch.float32
    assert batch.tolist() == [[2.0, 3.0]]
    with pytest.raises(InputError, match="Encode"):
        Tabular(np.array([["a"], ["b"]])).neighbourhood(["a"], Net()).instance()
