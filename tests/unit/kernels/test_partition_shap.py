from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.cluster.hierarchy import linkage

from jupyter_xai import Image, InputError, PartitionShap, Tabular, Text
from jupyter_xai.explanation import Pixels, Tokens
from jupyter_xai.kernels._hierarchy import automatic, balanced, coalitions_of, read, root_of
from tests.oracle.test_shapley import network
from tests.unit.kernels.fakes import FakePredictor, MaskMasker
from tests.unit.kernels.test_kernel_shap import Listening


def groups(tree):
    """Every group of a hierarchy as a set of features."""
    if not isinstance(tree, tuple):
        return [{tree}]
    parts = [groups(child) for child in tree]
    return [set().union(*(part[0] for part in parts)), *(group for part in parts for group in part)]


# --- hierarchies -----------------------------------------------------------------------------------------


def test_a_text_is_cut_at_its_sentences_and_phrases():
    text = "The plot is thin. The actors, all of them, are superb! See it"
    bound = Text().bind(text)
    found = [
        " ".join(bound.layout.feature_names[at] for at in sorted(group)) for group in groups(automatic(bound))
    ]
    assert "The plot is thin" in found
    assert "The actors all of them are superb See it" in found
    assert "all of them" in found


def test_any_text_becomes_a_tree_of_modest_depth():
    for n in (1, 2, 3, 17, 200):
        text = ". ".join(f"w{k}" for k in range(n))
        tree = automatic(Text().bind(text))
        assert groups(tree)[0] == set(range(n))

        def depth(part):
            return 1 + max(map(depth, part)) if isinstance(part, tuple) else 0

        assert depth(tree) <= np.ceil(np.log(max(n, 2)) / np.log(4 / 3)) + 1


def test_equal_words_are_one_leaf():
    bound = Text(group=True).bind("so dull, so very dull")
    assert sorted(at for group in groups(automatic(bound)) if len(group) == 1 for at in group) == [0, 1, 2]


def test_pieces_of_one_colour_come_together_and_touch():
    image = np.zeros((16, 16, 3), dtype=np.uint8)
    image[:, 8:] = 255
    image[4:, :4] = 30
    labels = (np.arange(16)[:, None] // 4 * 4 + np.arange(16) // 4).astype(np.int32)
    bound = Image(labels, fill=128).bind(image)
    found = groups(automatic(bound))
    bright = {at for at in range(16) if at % 4 >= 2}
    assert bright in found
    for group in found:  # each group hangs together
        seen, todo = set(), [next(iter(group))]
        while todo:
            at = todo.pop()
            if at in group and at not in seen:
                seen.add(at)
                near = [at - 4, at + 4, *([at - 1] if at % 4 else []), *([at + 1] if at % 4 < 3 else [])]
                todo += near
        assert seen == group


def test_pieces_with_gaps_between_become_one_tree():
    class Bound:
        n_features = 4
        layout = Pixels(image=np.zeros((9, 9, 3), np.uint8), labels=np.full((9, 9), 3, np.int32))

    Bound.layout.labels[0, 0], Bound.layout.labels[8, 8], Bound.layout.labels[0, 8] = 0, 1, 2
    assert groups(automatic(Bound()))[0] == {0, 1, 2, 3}


def test_columns_that_go_together_come_together():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 100))
    frame = pd.DataFrame(
        {
            "a": a,
            "b": b,
            "a cubed": -(a**3),
            "c": np.where(b > 0, "x", "y"),
            "a again": a + 0.1 * rng.normal(size=100),
        }
    )
    frame.loc[3, "a"] = np.nan
    found = groups(automatic(Tabular(frame).bind(frame.iloc[[0]])))
    assert {0, 2, 4} in found
    assert {1, 3} in found
    constant = Tabular(np.column_stack([a, np.ones(100), b])).bind([1.0, 1.0, 2.0])
    assert groups(automatic(constant))[0] == {0, 1, 2}


def test_features_that_do_not_play_are_pruned():
    root = root_of(((0, 1), ((2, 3), 4)), np.array([0, 3, 4]))
    assert root.size == 3
    assert [child.size for child in root.children] == [1, 2]
    rng = np.random.default_rng(0)
    X = rng.normal(size=(30, 6))
    X[:, 2] = 4.0
    model = lambda rows: rows[:, 0] * rows[:, 1] + rows[:, 2] + rows[:, 3] - rows[:, 5]  # noqa: E731
    e = PartitionShap(model, Tabular(X), hierarchy=((0, (1, 2)), (3, (4, 5)))).explain(X[1])
    assert e.values[0, 2] == 0
    np.testing.assert_allclose(e.additivity_gap, 0, atol=1e-12)
    same = PartitionShap(model, Tabular(np.repeat(X[:1], 5, axis=0))).explain(X[0])
    assert (same.values == 0).all()
    assert same.n_evals == 0
    assert same.status == "settled"


def test_a_users_hierarchy_by_name_number_or_linkage():
    names = ("age", "job", "debt", "income")
    assert read((("age", "job"), ("debt", 3)), names, 4) == ((0, 1), (2, 3))
    assert read([["age", ["job"]], [2, np.int64(3)]], names, 4) == ((0, 1), (2, 3))
    X = np.random.default_rng(0).normal(size=(20, 4))
    matrix = linkage(X.T)
    assert groups(read(matrix, names, 4))[0] == {0, 1, 2, 3}
    assert read(((0, 1), (2, 3)), names, 4) == ((0, 1), (2, 3))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ((0, 1, 2), "misses 'd'"),
        (((0, 1), (2, 3), 1), "'b' more than once"),
        (((0, 1), (2, "e")), "'e', which is no feature"),
        (((0, 1), (2, 4)), "4, which is no feature"),
        (((0, 1), (2, 3), ()), "empty group"),
        ("ward", "one of 'auto', 'balanced'"),
        (np.zeros((2, 4)), "linkage matrix with 3 lines"),
        (np.array([[0, 1, 1, 2], [0, 2, 1, 2], [3, 4, 1, 4]]), "joins 0 and 2"),
        (3.5, "expected 'auto', 'balanced', nested tuples"),
        (tuple(range(9)), "at most 8"),
    ],
)
def test_hierarchies_that_do_not_work_are_errors(given, said):
    with pytest.raises(InputError, match=said):
        PartitionShap(FakePredictor(network(4, 0)), MaskMasker(), hierarchy=given).explain(4)


# --- budget ----------------------------------------------------------------------------------------------


def test_what_the_budget_does_not_split_is_shared_and_said():
    w = np.array([4.0, 4.0, 1.0, 3.0, 0, 0, 0, 0])
    tree = (((0, 1), (2, 3)), ((4, 5), (6, 7)))
    game = lambda masks: np.asarray(masks) @ w  # noqa: E731
    e = PartitionShap(FakePredictor(game), MaskMasker(), hierarchy=tree, n_samples=6).explain(8)
    np.testing.assert_allclose(e.values[0], [3, 3, 3, 3, 0, 0, 0, 0], atol=1.01)
    assert e.status == "capped"
    assert np.isinf(e.std_errors[0, :4]).all()
    (notice,) = e.notices
    assert "shared out equally" in notice
    assert f"{coalitions_of(root_of(tree, np.arange(8)))}" in notice
    full = PartitionShap(FakePredictor(game), MaskMasker(), hierarchy=tree).explain(8)
    np.testing.assert_allclose(full.values[0], w, atol=1e-12)
    assert not full.notices


def test_effects_that_matter_are_found_first():
    w = np.zeros(64)
    w[37] = 5.0
    game = lambda masks: np.asarray(masks) @ w  # noqa: E731
    e = PartitionShap(FakePredictor(game), MaskMasker(), hierarchy="balanced", n_samples=300).explain(64)
    assert e.values[0].argmax() == 37
    assert e.values[0, 37] > 4


def test_nothing_depends_on_the_batch():
    game = network(30, 0)
    base = PartitionShap(FakePredictor(game), MaskMasker(), n_samples=301).explain(30)
    assert base.n_evals == 301
    for batch_size in (1, 7, 300):
        masker = Listening()
        e = PartitionShap(FakePredictor(game), masker, n_samples=301, batch_size=batch_size).explain(30)
        np.testing.assert_allclose(e.values, base.values, atol=1e-12)
        assert len(set(masker.asked)) == len(masker.asked) == 302


def test_design_does_not_depend_on_the_number_of_samples():
    asked = []
    for n in (100, 200):
        masker = Listening()
        PartitionShap(FakePredictor(network(20, 0)), masker, n_samples=n).explain(20)
        asked.append(masker.asked)
    assert asked[1][: len(asked[0])] == asked[0]


def test_frames_go_from_coarse_to_fine():
    kernel = PartitionShap(FakePredictor(network(16, 0)), MaskMasker(), hierarchy="balanced", batch_size=4)
    kernel.clock = iter(range(10**6)).__next__
    frames = list(kernel.stream(16))
    assert len(frames) > 12
    distinct = [len(np.unique(e.values.round(12))) for e in frames]
    assert distinct[0] == 1
    assert distinct[-1] == 16
    for e in frames:
        assert np.abs(e.additivity_gap).max() < 1e-11
    assert frames[-1].std_errors is None
    assert all(np.isinf(e.std_errors).any() for e in frames[:-1])


def test_a_long_chain_is_a_tree_too():
    tree = 1500
    for at in range(1499, -1, -1):
        tree = (at, tree)
    assert coalitions_of(root_of(tree, np.array([0, 700, 1500]))) == 6


def test_logit_link():
    rng = np.random.default_rng(0)
    X, w = rng.normal(size=(20, 4)), rng.normal(size=4)
    model = lambda rows: 1 / (1 + np.exp(-rows @ w))  # noqa: E731
    e = PartitionShap(model, Tabular(X[:1]), link="logit").explain(X[1])
    np.testing.assert_allclose(e.values[0], w * (X[1] - X[0]), atol=1e-9)


def test_two_outputs_are_split_as_one():
    layout = Tokens(text="a b", offsets=((0, 1), (2, 3)))
    assert layout.shape == (2,)
    game = network(12, 0, outputs=3)
    predictor = FakePredictor(game, ("a", "b", "c"))
    e = PartitionShap(predictor, MaskMasker(), hierarchy="balanced").explain(12)
    for k, name in enumerate("abc"):
        one = PartitionShap(predictor, MaskMasker(), hierarchy="balanced").explain(12, name)
        np.testing.assert_allclose(one.values[0], e.values[k], atol=1e-12)


def test_balanced():
    assert balanced(1) == 0
    assert coalitions_of(root_of(balanced(64), np.arange(64))) == 2 * sum(4**k for k in range(6))
