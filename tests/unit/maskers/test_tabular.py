from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import pytest

from jupyter_xai import InputError, Tabular
from jupyter_xai.maskers._cells import Cells
from jupyter_xai.maskers._columns import NumberColumn
from jupyter_xai.maskers._sobol import REPLICATES, SobolReplicates


def frame():
    rng = np.random.default_rng(0)
    n = 200
    return pd.DataFrame(
        {
            "age": rng.integers(18, 80, n),
            "income": np.where(rng.random(n) < 0.2, np.nan, rng.normal(3000, 500, n)),
            "job": rng.choice(["skilled", "other", None], n),
            "size": pd.Categorical(
                rng.choice(["S", "M", "L"], n), categories=["S", "M", "L", "XL"], ordered=True
            ),
            "owner": rng.random(n) < 0.5,
            "visits": pd.array(np.where(rng.random(n) < 0.1, None, rng.integers(0, 5, n)), dtype="Int64"),
            "code": rng.integers(0, 3, n).astype(np.int8),
            "flat": 7.0,
            "ratio": rng.random(n).astype(np.float32),
            "flag": pd.array(rng.choice([True, False, None], n), dtype="boolean"),
        }
    )


def masker():
    return Tabular(frame(), categories=["code"])


@pytest.mark.parametrize("how", ["series", "dict", "frame", "list", "array", "shuffled"])
def test_rows_in_any_form_are_the_same_row(how):
    df = frame()
    forms = {
        "series": df.iloc[3],
        "dict": dict(df.iloc[3]),
        "frame": df.iloc[[3]],
        "list": list(df.iloc[3]),
        "array": df.iloc[3].to_numpy(),
        "shuffled": df.iloc[[3]][df.columns[::-1]],
    }
    layout = masker().bind(forms[how]).layout
    assert layout.values == masker().bind(df.iloc[[3]]).layout.values


def test_batches_keep_columns_types_and_the_instance():
    df = frame()
    around = masker().neighbourhood(df.iloc[[3]], None)
    batch = around.draw(0, 600).build(np.arange(600))
    assert (batch.dtypes == df.dtypes).all()
    assert list(batch.columns) == list(df.columns)
    pd.testing.assert_frame_equal(batch.iloc[[0]], df.iloc[[3]].reset_index(drop=True))
    pd.testing.assert_frame_equal(around.instance(), df.iloc[[3]].reset_index(drop=True))
    for column in ("job", "size", "owner", "code", "flag"):
        assert set(batch[column].dropna()) <= set(df[column].dropna())
    assert batch["income"].isna().mean() == pytest.approx(df["income"].isna().mean(), abs=0.06)
    assert batch["age"].between(df["age"].min(), df["age"].max()).all()
    assert (batch["flat"] == 7.0).all()


def test_present_means_the_same_bin_or_category():
    df = frame()
    around = masker().neighbourhood(df.iloc[[3]], None)
    draws = around.draw(0, 800)
    batch = draws.build(np.arange(800))
    quartiles = np.percentile(df["age"], [25, 50, 75])
    bins = np.searchsorted(quartiles, batch["age"])
    assert (draws.features[:, 0] == (bins == bins[0])).all()
    assert (draws.features[:, 6] == (batch["code"] == batch["code"][0]).to_numpy()).all()
    assert (draws.distances == np.sqrt((~draws.features).sum(axis=1))).all()
    assert draws.features[0].all()
    assert around.kernel_width == pytest.approx(0.75 * np.sqrt(10))


def test_layout_reads_well():
    layout = masker().neighbourhood(frame().iloc[[3]], None).layout
    assert masker().bind(frame().iloc[[3]]).layout.conditions is None  # there a value is itself, not its bin
    kinds = "number number category category boolean number category number number boolean"
    assert " ".join(layout.kinds) == kinds
    assert layout.categories[3] == ("S", "M", "L", "XL")
    assert layout.categories[6] == (0, 1, 2)
    assert layout.conditions[7] == "flat = 7"
    assert " < age <= " in layout.conditions[0] or layout.conditions[0].startswith("age ")
    assert all(type(value) in {int, float, str, bool, type(None)} for value in layout.values)
    assert layout.ranges[0] == (18, 79)


def test_conditions_at_the_edges_and_for_missing():
    df = pd.DataFrame({"duration": [6.0, 12, 24, 36, 48], "kind": ["a", "b", "a", "b", None]})

    def said(row):
        return Tabular(df).neighbourhood(row, None).layout.conditions

    assert said([30, "a"]) == ("24 < duration <= 36", "kind = a")
    assert said([3, None]) == ("duration <= 12", "kind is missing")
    assert said([np.nan, "b"])[0] == "duration is missing"
    assert said([99, "b"])[0] == "duration > 36"


def test_whole_numbers_stay_whole_and_in_their_bin():
    df = pd.DataFrame({"n": [1, 2, 2, 3, 4, 4, 5, 9]})
    around = Tabular(df).neighbourhood([4], None)
    draws = around.draw(0, 2000)
    values = draws.build(np.arange(2000))["n"]
    assert values.dtype == np.int64
    borders = np.unique(np.percentile(df["n"], [25, 50, 75]))
    codes = np.searchsorted(borders, values)
    assert (draws.features[:, 0] == (codes == codes[0])).all()


def test_a_fraction_in_a_whole_number_column_is_not_cut():
    df = pd.DataFrame({"n": [1, 2, 3, 4], "m": [1, 2, 3, 4]})
    batch = Tabular(df).neighbourhood([2.5, 3], None).draw(0, 4).build(np.arange(4))
    assert batch["n"][0] == 2.5
    assert batch["m"].dtype == np.int64
    array = Tabular(df.to_numpy()).neighbourhood([2.5, 3], None).instance()
    assert array.dtype == np.float64
    assert array[0, 0] == 2.5


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int64, object, "<U6"])
def test_arrays_in_arrays_out(dtype):
    X = np.arange(40).reshape(10, 4) % 7
    background = X.astype(dtype)
    around = Tabular(background).neighbourhood(background[2], None)
    batch = around.draw(0, 30).build(np.arange(30))
    assert type(batch) is np.ndarray
    assert batch.dtype.kind == background.dtype.kind
    assert (batch[0] == background[2]).all()
    assert around.layout.names == ("x0", "x1", "x2", "x3")


def test_boolean_array_and_missing_in_arrays():
    background = np.array([[True, False], [False, False], [True, True]])
    bound = Tabular(background).bind([True, False])
    assert bound.layout.kinds == ("boolean", "boolean")
    assert bound.instance().dtype == bool
    nan = np.array([[1.0, np.nan], [2.0, 3.0], [np.nan, 4.0], [5.0, 6.0]])
    batch = Tabular(nan).neighbourhood([np.nan, 3.0], None).draw(0, 500).build(np.arange(500))
    assert np.isnan(batch[0, 0])
    assert 0.15 < np.isnan(batch[:, 1]).mean() < 0.35


def test_object_arrays_of_mixed_columns():
    background = np.array([[1, "a", None], [2, "b", True], [3, "a", False]], dtype=object)
    bound = Tabular(background, feature_names=["n", "s", "b"]).bind({"n": 2, "s": "a", "b": None})
    assert bound.layout.kinds == ("number", "category", "boolean")
    assert bound.instance().tolist()[0][:2] == [2, "a"]


def test_absent_means_background_rows():
    df = frame()
    bound = masker().bind(df.iloc[[3]])
    masks = np.eye(10, dtype=bool)[[0, 2]]
    batch = bound.build(masks)
    assert len(batch) == 2 * bound.draws == 400
    assert (batch.dtypes == df.dtypes).all()
    assert (batch["age"][:200] == df["age"][3]).all()
    pd.testing.assert_series_equal(batch["income"][:200], df["income"])
    pd.testing.assert_series_equal(batch["age"][200:].reset_index(drop=True), df["age"])
    pd.testing.assert_frame_equal(bound.instance(), df.iloc[[3]].reset_index(drop=True))
    means = bound.reduce(np.arange(800.0).reshape(400, 2))
    assert means.shape == (2, 2)
    assert means[0, 0] == np.arange(0, 400, 2).mean()
    assert len(bound.build(masks, slice(0, 5))) == 10


def test_groups_act_as_one_feature():
    hot = np.array([[1.0, 0, 0, 5], [0, 1, 0, 6], [0, 0, 1, 7], [0, 0, 1, 8]])
    names = ["red", "green", "blue", "size"]
    masked = Tabular(
        hot, names, categories=["red", "green", "blue"], groups={"colour": ["red", "green", "blue"]}
    )
    around = masked.neighbourhood(hot[2], None)
    assert around.layout.names == ("colour", "size")
    assert around.layout.kinds == ("category", "number")
    assert around.layout.values[0] == "blue"
    assert around.layout.conditions[0] == "colour = blue"
    assert around.layout.members == ((0, 1, 2), (3,))
    draws = around.draw(0, 400)
    batch = draws.build(np.arange(400))
    assert (batch[:, :3].sum(axis=1) == 1).all()  # a one-hot code stays one
    assert (draws.features[:, 0] == (batch[:, 2] == 1)).all()
    assert draws.features[:, 0].mean() == pytest.approx(0.5, abs=0.1)


@pytest.mark.parametrize(
    ("x", "said"),
    [
        ([1, 2], "has 2 values, but the background has 10 columns"),
        ({"age": 3}, "misses income, job"),
        ({**dict(frame().iloc[0]), "colour": 1}, "has colour, which the background does not have"),
        ({**dict(frame().iloc[0]), "job": "astronaut"}, "Known: 'other', 'skilled'"),
        ({**dict(frame().iloc[0]), "size": "XXL"}, "Known: 'S', 'M', 'L', 'XL'"),
        ({**dict(frame().iloc[0]), "age": "old"}, "is not a number"),
        ({**dict(frame().iloc[0]), "age": np.inf}, "infinite"),
        (frame().iloc[:2], "one row, got a DataFrame with 2"),
        (np.zeros((3, 10)), r"shape \(3, 10\)"),
        ("a text", "got a str"),
        (5, "got int"),
    ],
)
def test_bad_rows(x, said):
    with pytest.raises(InputError, match=said):
        masker().bind(x)


@pytest.mark.parametrize(
    ("kwargs", "said"),
    [
        ({"background": None}, "background="),
        ({"background": np.zeros(3)}, "rows and columns"),
        ({"background": np.zeros((0, 3))}, "empty"),
        ({"background": pd.DataFrame([[1, 2]], columns=["a", "a"])}, "several columns named 'a'"),
        ({"background": np.zeros((2, 2)), "feature_names": ["a"]}, "1 names"),
        ({"background": np.zeros((2, 2)), "categories": ["z"]}, "categories names the column 'z'"),
        ({"background": np.zeros((2, 2)), "groups": {"g": [0, 9]}}, "groups names the column 9"),
        ({"background": np.zeros((2, 3)), "groups": {"g": [0, 1], "h": [1, 2]}}, "stands in the groups"),
        ({"background": np.array([["a"], ["b"]]), "categories": {0: ["a"]}}, "holds 'b'"),
        ({"background": pd.DataFrame({"a": [1]}), "feature_names": ["b"]}, "rename the columns"),
        ({"background": pd.DataFrame({"a": [[1, 2], [3]]})}, r"values such as \[1, 2\] \(list\)"),
    ],
)
def test_bad_backgrounds(kwargs, said):
    with pytest.raises(InputError, match=said):
        Tabular(**kwargs).table()


def test_dates_act_as_categories_and_an_unknown_one_is_told_what_to_do():
    background = pd.DataFrame({"when": pd.to_datetime(["2020-01-01", "2020-03-01"]), "n": [1.0, 2.0]})
    masked = Tabular(background)
    assert masked.bind(background.iloc[[1]]).layout.kinds == ("category", "number")
    with pytest.raises(
        InputError, match=r"2021-01-01 00:00:00 is not a date of the background.*takes it as one"
    ):
        masked.bind(background.iloc[[1]].assign(when=pd.Timestamp("2021-01-01")))


def test_replaced_argument_is_read_again_and_pickles_without_it():
    masked = masker()
    first = masked.table()
    assert masked.table() is first
    masked.groups = {"money": ["age", "income"]}
    assert "money" in masked.table().feature_names
    again = pickle.loads(pickle.dumps(masked))
    assert "_kept" not in vars(again)
    assert again.table().digest == masked.table().digest


def test_column_of_nothing_but_missing():
    column = NumberColumn.fit("void", np.full(4, np.nan), False)
    assert column.code(None) == len(column.means)
    assert np.isnan(Cells([column], 4).values).all()


def test_instance_outside_the_background():
    around = Tabular(np.array([[1.0], [2.0], [3.0]])).neighbourhood([50.0], None)
    draws = around.draw(0, 100)
    assert draws.build(np.arange(100))[0, 0] == 50.0
    assert draws.build(np.arange(1, 100)).max() <= 3.0


# --- balanced draws -----------------------------------------------------------------------------------------


def test_each_replicate_is_balanced_over_the_bins():
    X = np.random.default_rng(0).normal(size=(400, 6))
    draws = Tabular(X).neighbourhood(X[3], None, random_state=1).draw(1, 1 + 64 * REPLICATES)
    assert draws.blocks is not None
    assert sorted(set(draws.blocks)) == list(range(REPLICATES))
    rows = draws.build(np.arange(64 * REPLICATES))
    for replicate in range(REPLICATES):
        mine = rows[draws.blocks == replicate]
        for column in range(6):
            edges = np.percentile(X[:, column], [25, 50, 75])
            bins = np.searchsorted(edges, mine[:, column])
            assert np.bincount(bins, minlength=4).tolist() == [16] * 4
            for b in range(4):  # and spread within each bin
                inside = np.sort(rows[np.searchsorted(edges, rows[:, column]) == b, column])
                below = np.searchsorted(inside, mine[bins == b, column]) // 40
                assert np.abs(np.bincount(below, minlength=4) - 4).max() <= 1


def test_balanced_draws_are_a_prefix_sequence_asked_for_in_any_order():
    df = frame()
    masked = Tabular(df, categories=["code"], groups={"money": ["age", "income"], "rest": ["job", "owner"]})
    whole = masked.neighbourhood(df.iloc[3], None).draw(0, 3000)
    batch = whole.build(np.arange(3000))
    around = masked.neighbourhood(df.iloc[3], None)
    for start, stop in ((2500, 3000), (0, 1), (1, 7), (1270, 1290), (0, 300)):
        part = around.draw(start, stop)
        np.testing.assert_array_equal(part.features, whole.features[start:stop])
        np.testing.assert_array_equal(part.blocks, whole.blocks[start:stop])
        built = part.build(np.arange(stop - start))
        pd.testing.assert_frame_equal(built, batch.iloc[start:stop].reset_index(drop=True))


def test_replicates_do_not_depend_on_each_other():
    points = np.stack([SobolReplicates(seed, "t", 3).block(0)[:, : 16 * REPLICATES] for seed in range(60)])
    means = np.mean(points.reshape(60, 3, 16, REPLICATES) ** 2, axis=2)  # mean of a square within a replicate
    related = np.corrcoef(np.sign(means - 1 / 3).reshape(-1, REPLICATES).T)
    assert np.abs(related - np.eye(REPLICATES)).max() < 0.3
    assert means.mean() == pytest.approx(1 / 3, abs=0.001)


def test_a_one_hot_group_is_as_balanced_as_a_category():
    rng = np.random.default_rng(0)
    hot = np.column_stack([np.eye(4)[rng.integers(0, 4, 400)], rng.normal(size=400)])
    shares = hot[:, :4].mean(axis=0)
    draws = Tabular(hot, groups={"colour": [0, 1, 2, 3]}).neighbourhood(hot[0], None).draw(1, 641)
    rows = draws.build(np.arange(640))
    for replicate in range(REPLICATES):
        mine = rows[draws.blocks == replicate]
        np.testing.assert_allclose(mine[:, :4].mean(axis=0), shares, atol=1.5 / 64)


def test_wide_tables_have_balanced_columns_first():
    X = np.random.default_rng(0).normal(size=(50, 700))
    batch = Tabular(X).neighbourhood(X[3], None).draw(1, 161).build(np.arange(160))
    assert batch.shape == (160, 700)
    assert np.isfinite(batch).all()
    again = Tabular(X).neighbourhood(X[3], None).draw(100, 161).build(np.arange(61))
    np.testing.assert_array_equal(batch[99:], again)


@pytest.mark.parametrize("dtype", [">f8", "f8", "f4", "f2", np.longdouble])
def test_rows_of_plain_numbers_are_the_very_numbers(dtype):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(7, 5)).astype(dtype)
    X[2, 1], X[3, 2], X[4, 3] = np.nan, np.inf, -0.0
    x = rng.normal(size=5).astype(dtype)
    masks = rng.random((9, 5)) < 0.5
    batch = Tabular(X).bind(x).build(masks)
    expected = np.array([np.where(mask, x, row) for mask in masks for row in X])
    assert batch.dtype.newbyteorder("=") == X.dtype.newbyteorder("=")
    np.testing.assert_array_equal(batch, expected)
    np.testing.assert_array_equal(np.signbit(batch), np.signbit(expected))
    np.testing.assert_array_equal(
        Tabular(X).bind(x).build(masks, slice(2, 4)).reshape(9, 2, 5)[:, 0], expected[2::7]
    )
