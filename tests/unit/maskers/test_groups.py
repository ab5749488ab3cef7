from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings, strategies as st
from sklearn.compose import ColumnTransformer, make_column_selector
from sklearn.decomposition import PCA
from sklearn.feature_selection import SelectKBest, VarianceThreshold
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import FunctionTransformer, MinMaxScaler, OneHotEncoder, StandardScaler

from jupyter_xai import InputError, KernelShap, Lime, Tabular
from jupyter_xai.explanation import Explanation
from jupyter_xai.maskers._encoders import encoded
from jupyter_xai.whatif import apply

JOBS = ["baker", "smith", "clerk", "judge"]


def raw(n=120):
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "age": rng.integers(18, 80, n).astype(float),
            "job": rng.choice(JOBS, n, p=[0.5, 0.3, 0.15, 0.05]),
            "owner": rng.choice(["no", "yes"], n),
            "visits": rng.integers(0, 3, n),
        }
    )


def transformer(**keywords):
    text = make_column_selector(dtype_exclude="number")
    hot = make_pipeline(
        SimpleImputer(strategy="most_frequent"), OneHotEncoder(sparse_output=False, **keywords)
    )
    return ColumnTransformer(
        [
            ("n", StandardScaler(), ["age"]),
            ("c", hot, text),
            ("v", OneHotEncoder(sparse_output=False), slice(3, 4)),
        ],
        sparse_threshold=0,
    )


def answer(rows):
    weights = np.linspace(-1, 1, rows.shape[1])
    score = 1 / (1 + np.exp(-(rows @ weights) - rows[:, 0] * rows[:, 1]))
    return np.column_stack([1 - score, score])


@pytest.mark.parametrize("frame", [False, True])
def test_a_column_transformers_codes_become_the_raw_columns(frame):
    encoder = transformer(drop="if_binary")
    if frame:
        encoder.set_output(transform="pandas")
    X = encoder.fit_transform(raw())
    masker = Tabular(X, encoder=encoder)
    row = X.iloc[[3]] if frame else X[3]
    layout = masker.bind(row).layout
    assert layout.names == ("n__age", "job", "owner", "visits")
    assert layout.values[1:] == tuple(raw().iloc[3][["job", "owner", "visits"]])
    assert layout.categories[1:] == (tuple(sorted(JOBS)), ("no", "yes"), (0, 1, 2))
    assert layout.kinds == ("number", "category", "category", "category")
    assert layout.members == ((0,), (1, 2, 3, 4), (5,), (6, 7, 8))
    conditions = masker.neighbourhood(row, None).layout.conditions
    assert conditions[1] == f"job = {raw()['job'][3]}"


@pytest.mark.parametrize(
    "keywords",
    [
        {},
        {"drop": "first"},
        {"drop": "if_binary"},
        {"min_frequency": 0.2},
        {"min_frequency": 0.2, "drop": ["baker", "no"]},
        {"handle_unknown": "ignore"},
    ],
)
def test_every_row_that_is_drawn_is_one_the_encoder_writes(keywords):
    encoder = transformer(**keywords).fit(raw())
    X = encoder.transform(raw())
    written = {tuple(row) for row in X[:, 1:].round(9)}
    for sampler in ("lime", "balanced"):
        around = Tabular(X, encoder=encoder).neighbourhood(X[3], None, sampler=sampler)
        draws = around.draw(0, 400)
        batch = draws.build(np.arange(400))
        for members in around.layout.members[1:]:
            seen = {tuple(row) for row in batch[:, list(members)]}
            assert seen <= {tuple(row) for row in X[:, list(members)]}
        same = np.stack(
            [(batch[:, list(m)] == X[3, list(m)]).all(axis=1) for m in around.layout.members[1:]], axis=1
        )
        np.testing.assert_array_equal(draws.features[:, 1:], same)
    assert len(written) > 5
    job = dict(
        zip(
            Tabular(X, encoder=encoder).bind(X[3]).layout.names,
            Tabular(X, encoder=encoder).bind(X[3]).layout.values,
            strict=True,
        )
    )["job"]
    truth = raw()["job"][3]
    assert job == truth or (job.startswith("infrequent: ") and truth in job)


def test_one_encoder_alone_and_within_a_pipeline():
    texts = raw()[["job", "owner"]]
    alone = OneHotEncoder(sparse_output=False).fit(texts)
    piped = make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder(sparse_output=False)).fit(
        texts
    )
    for encoder in (alone, piped):
        X = encoder.transform(texts)
        layout = Tabular(X, encoder=encoder).bind(X[5]).layout
        assert layout.names == ("job", "owner")
        assert layout.values == tuple(texts.iloc[5])
    assert [one.name for one in encoded(OneHotEncoder().fit(texts.to_numpy()), 6)] == ["x0", "x1"]


def test_groups_of_zeros_and_ones_are_read_by_their_names():
    frame = pd.get_dummies(raw(), columns=["job"])
    columns = [name for name in frame.columns if name.startswith("job_")]
    frame["owner"] = frame["owner"] == "yes"
    layout = Tabular(frame, groups={"job": columns, "habits": ["age", "visits"]}).bind(frame.iloc[3]).layout
    assert layout.names == ("habits", "owner", "job")
    assert layout.values[2] == raw()["job"][3]
    assert layout.kinds == ("group", "boolean", "category")
    dropped = pd.get_dummies(raw()["job"], prefix="job", drop_first=True, dtype=float)
    layout = (
        Tabular(dropped, groups={"job": list(dropped)})
        .bind(dropped.iloc[list(raw()["job"]).index("baker")])
        .layout
    )
    assert layout.values == ("none of these",)


def codes(steps):
    return ColumnTransformer(
        [("n", StandardScaler(), ["age"]), ("c", OneHotEncoder(**steps), ["job", "owner"])],
        sparse_threshold=1,
    )


@pytest.mark.parametrize(
    "later",
    [
        ["passthrough"],
        [StandardScaler(with_mean=False)],
        [FunctionTransformer(lambda rows: rows.toarray()), StandardScaler()],
        [FunctionTransformer(lambda rows: rows.toarray()), SimpleImputer(), MinMaxScaler((-1, 1))],
        [VarianceThreshold(0.1), StandardScaler(with_mean=False)],
        [LogisticRegression()],
        [StandardScaler(with_mean=False), LogisticRegression()],
    ],
    ids=lambda later: "-".join(getattr(step, "__class__", str).__name__ for step in later),
)
@pytest.mark.parametrize("drop", [None, "if_binary"])
def test_codes_are_followed_through_the_steps_after_the_encoder(later, drop):
    df = raw()
    encoder = make_pipeline(codes({"drop": drop}), *later).fit(df, df["age"] > 40)
    written = encoder[:-1] if hasattr(encoder, "predict") else encoder
    X = written.transform(df)
    X = X.toarray() if hasattr(X, "toarray") else X
    rare = any(
        isinstance(step, VarianceThreshold) for step in later
    )  # the judges' column has little variance
    masker = Tabular(X, encoder=encoder)
    for row in range(12):
        bound = masker.bind(X[row])
        job, owner = df["job"][row], df["owner"][row]
        layout = bound.layout
        assert [name.split("__")[-1] for name in layout.names] == ["age", "job", "owner"]
        assert layout.values[1:] == (job, owner)
        assert set(layout.categories[1]) == set(JOBS)
        for other in sorted(set(JOBS)):  # as the pipeline itself would write it
            frame = df.iloc[[row]].assign(job=other)
            there = written.transform(frame)
            there = there.toarray() if hasattr(there, "toarray") else there
            np.testing.assert_allclose(bound.variants([(1, other)]), there, atol=1e-12)
            changed = apply(layout, X[row], [{"op": "set", "feature": "job", "value": other}])
            np.testing.assert_allclose(changed, there[0], atol=1e-12)
        assert not rare or X.shape[1] < 7


def test_categories_that_a_later_step_cannot_tell_apart_are_one():
    df = raw()
    y = df["job"] == "baker"
    encoder = make_pipeline(OneHotEncoder(sparse_output=False), SelectKBest(k=2)).fit(df[["job"]], y)
    X = encoder.transform(df[["job"]])
    bound = Tabular(X, encoder=encoder).bind(X[list(df["job"]).index("clerk")])
    assert bound.layout.values == ("one of: clerk, judge",)
    assert bound.layout.categories == (("baker", "one of: clerk, judge", "smith"),)


def test_a_union_of_encoders_and_what_no_step_leaves_apart():
    df = raw()
    both = FeatureUnion(
        [("a", ColumnTransformer([("n", StandardScaler(), ["age"])])), ("b", codes({"sparse_output": False}))]
    ).fit(df)
    X = both.transform(df)
    assert Tabular(X, encoder=both).bind(X[3]).layout.values[2:] == tuple(df.iloc[3][["job", "owner"]])
    mixed = make_pipeline(codes({"sparse_output": False}), PCA()).fit(df)
    X = mixed.transform(df)
    with pytest.raises(InputError, match="its step PCA comes after the one-hot encoder and mixes columns"):
        Tabular(X, encoder=mixed).table()


def test_an_unknown_category_after_a_scaler_is_none():
    df = raw()
    encoder = make_pipeline(codes({"handle_unknown": "ignore"}), StandardScaler(with_mean=False)).fit(df)
    X = encoder.transform(df).toarray()
    row = encoder.transform(df.iloc[[0]].assign(job="king")).toarray()[0]
    bound = Tabular(X, encoder=encoder).bind(row)
    assert bound.layout.values[1] is None
    np.testing.assert_allclose(bound.instance()[0], row)


def test_the_users_groups_come_before_the_encoders():
    encoder = transformer().fit(raw())
    X = encoder.transform(raw())
    names = list(encoder.get_feature_names_out())
    masker = Tabular(X, encoder=encoder, groups={"person": ["n__age", *names[1:5]]})
    assert masker.bind(X[0]).layout.names == ("person", "owner", "visits")


def test_a_game_with_groups_is_the_game_of_the_raw_columns():
    encoder = transformer().fit(raw())
    X = encoder.transform(raw())
    grouped = KernelShap(answer, Tabular(X[:20], encoder=encoder)).explain(X[40], 1)
    plain = KernelShap(
        lambda frame: answer(encoder.transform(frame)), Tabular(raw()[:20], categories=["visits"])
    ).explain(raw().iloc[[40]], 1)
    assert grouped.features.shape == (4,)
    np.testing.assert_allclose(grouped.values, plain.values, atol=1e-6)
    order = list(itertools.permutations(range(4)))
    bound, found = Tabular(X[:20], encoder=encoder).bind(X[40]), np.zeros(4)
    for walk in order:  # Shapley values by their definition
        mask = np.zeros(4, dtype=bool)
        before = bound.reduce(answer(bound.build(mask[None])))[0, 1]
        for feature in walk:
            mask[feature] = True
            now = bound.reduce(answer(bound.build(mask[None])))[0, 1]
            found[feature] += (now - before) / len(order)
            before = now
    np.testing.assert_allclose(grouped.values[0], found, atol=1e-9)


def test_lime_on_codes_is_lime_on_the_raw_columns():
    df = raw(400)
    encoder = transformer().fit(df)
    X = encoder.transform(df)
    model = LogisticRegression().fit(X, X[:, 0] * X[:, 1] > -0.2)
    grouped = Lime(model, Tabular(X, encoder=encoder), n_samples=4000, tolerance=0).explain(X[3], 1)
    piped = make_pipeline(encoder, model)
    plain = Lime(piped, Tabular(df, categories=["visits"]), n_samples=4000, tolerance=0).explain(
        df.iloc[[3]], 1
    )
    assert grouped.features.values[1:] == plain.features.values[1:]
    np.testing.assert_allclose(
        grouped.values, plain.values, atol=3 * np.hypot(grouped.std_errors, plain.std_errors).max()
    )


def test_a_category_is_set_through_its_code_and_moves_along_its_curve():
    encoder = transformer(drop="if_binary").fit(raw())
    X = encoder.transform(raw())
    bound = Tabular(X, encoder=encoder).bind(X[3])
    for job in JOBS:
        changed = apply(bound.layout, X[3], [{"op": "set", "feature": "job", "value": job}])
        frame = raw().iloc[[3]].assign(job=job)
        np.testing.assert_allclose(changed, encoder.transform(frame)[0])
        np.testing.assert_allclose(bound.variants([(1, job)]), encoder.transform(frame))
    changed = apply(bound.layout, X[3], [{"op": "set", "feature": "owner", "value": "yes"}])
    np.testing.assert_allclose(changed, encoder.transform(raw().iloc[[3]].assign(owner="yes"))[0])
    assert bound.grid(1, 24) == tuple(sorted(JOBS))
    with pytest.raises(InputError, match="'baker', 'clerk'"):
        apply(bound.layout, X[3], [{"op": "set", "feature": "job", "value": "king"}])


def test_patterns_are_saved(tmp_path):
    encoder = transformer().fit(raw())
    X = encoder.transform(raw())
    e = Lime(answer, Tabular(X, encoder=encoder), n_samples=300).explain(X[3])
    e.save(tmp_path / "e")
    again = Explanation.load(tmp_path / "e")
    assert again.features.patterns == e.features.patterns
    assert again.to_frame()["value"].astype(str).str.contains(str(raw()["job"][3])).any()


@pytest.mark.parametrize(
    ("encoder", "said"),
    [
        (OneHotEncoder(), "fitted OneHotEncoder"),
        (StandardScaler().fit([[1.0]]), "holds no OneHotEncoder"),
        ("job", "fitted OneHotEncoder"),
        (OneHotEncoder().fit([["a"], ["b"]]), "writes 2 columns, but the background has 9"),
        (transformer(), "fitted OneHotEncoder"),
    ],
)
def test_bad_encoders(encoder, said):
    X = transformer().fit_transform(raw())[:, :9]
    with pytest.raises(InputError, match=said):
        Tabular(X, encoder=encoder).table()


def test_rows_that_are_no_code():
    encoder = transformer().fit(raw())
    X = encoder.transform(raw())
    two = X[3].copy()
    two[1:5] = [1, 1, 0, 0]
    with pytest.raises(InputError, match="columns of job hold"):
        Tabular(X, encoder=encoder).bind(two)
    with pytest.raises(InputError, match="writes job as zeros and ones"):
        Tabular(2 * X, encoder=encoder).table()
    none = X[3].copy()
    none[1:5] = 0
    assert Tabular(X, encoder=encoder).bind(none).layout.values[1] is None


@settings(max_examples=25, deadline=None)
@given(
    sizes=st.lists(st.integers(1, 5), min_size=1, max_size=4),
    numbers=st.integers(0, 3),
    seed=st.integers(0, 99),
    data=st.data(),
)
def test_any_mix_of_codes_and_numbers_keeps_codes_whole(sizes, numbers, seed, data):
    rng = np.random.default_rng(seed)
    n = 30
    parts = [np.eye(size)[rng.integers(0, size, n)] for size in sizes]
    X = np.hstack([*parts, rng.normal(size=(n, numbers))])
    order = np.array(data.draw(st.permutations(range(X.shape[1]))))
    ends = np.cumsum([0, *sizes])
    place = np.argsort(order)
    groups = {f"g{k}": [int(at) for at in place[ends[k] : ends[k + 1]]] for k in range(len(sizes))}
    X = X[:, order]
    masker = Tabular(X, groups=groups)
    around = masker.neighbourhood(X[0], None, random_state=seed)
    draws = around.draw(0, 64)
    batch = draws.build(np.arange(64))
    assert around.n_features == len(sizes) + numbers
    for columns in groups.values():
        assert (batch[:, columns].sum(axis=1) == 1).all()
        assert ((batch[:, columns] == 0) | (batch[:, columns] == 1)).all()
    np.testing.assert_array_equal(batch[0], X[0])
    masks = rng.random((6, around.n_features)) < 0.5
    built = masker.bind(X[0]).build(masks)
    for columns in groups.values():
        assert (built[:, columns].sum(axis=1) == 1).all()
