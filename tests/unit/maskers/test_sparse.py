from __future__ import annotations

import numpy as np
import pytest
from lime.lime_tabular import LimeTabularExplainer
from lime.lime_text import LimeTextExplainer
from scipy.sparse import coo_matrix, csc_matrix, csr_array, csr_matrix, issparse
from scipy.stats import ks_2samp
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression

import jupyter_xai as xai
from jupyter_xai import InputError, KernelShap, Lime, Tabular, Text
from jupyter_xai.kernels._locality import locality
from jupyter_xai.kernels._solvers import WeightedRidge
from jupyter_xai.maskers.neighbourhoods import cosine_distance
from jupyter_xai.whatif import apply
from tests.oracle.test_lime_parity import Spy, by_feature

rng = np.random.default_rng(0)
DENSE = np.where(rng.random((80, 30)) < 0.25, rng.integers(1, 6, (80, 30)), 0).astype(float)
X = csr_matrix(DENSE)
WEIGHTS = rng.normal(size=30)
STORED = np.flatnonzero(DENSE[3])


def answer(rows):
    score = 1 / (1 + np.exp(-0.3 * (rows @ WEIGHTS) - 0.1 * np.asarray(rows[:, [0]].toarray()).ravel()))
    return np.column_stack([1 - score, score])


def sparse_only(rows):
    assert issparse(rows)
    assert rows.format == "csr"
    return answer(rows)


@pytest.mark.parametrize("container", [csr_matrix, csr_array, csc_matrix, coo_matrix])
@pytest.mark.parametrize("how", ["sparse", "dense", "coo", "one axis"])
def test_the_features_are_the_columns_that_a_row_stores(container, how):
    row = {
        "sparse": X[[3]],
        "dense": DENSE[3],
        "coo": coo_matrix(DENSE[[3]]),
        "one axis": csr_array(DENSE)[3],
    }[how]
    masker = Tabular(container(DENSE))
    layout = masker.bind(row).layout
    assert layout.names == tuple(f"x{at}" for at in STORED)
    assert layout.values == tuple(DENSE[3, STORED])
    assert layout.members == tuple((at,) for at in STORED)
    assert layout.ranges == tuple((DENSE[:, at].min(), DENSE[:, at].max()) for at in STORED)
    batch = (
        Tabular(container(DENSE), discretizer="none")
        .neighbourhood(row, None)
        .draw(0, 50)
        .build(np.arange(50))
    )
    assert type(batch) is (csr_array if container is csr_array else csr_matrix)
    np.testing.assert_array_equal(batch[[0]].toarray(), DENSE[[3]])
    others = np.delete(batch.toarray(), STORED, axis=1)
    assert (others == 0).all()


def test_absent_is_zero_in_games():
    masks = np.random.default_rng(1).random((20, len(STORED))) < 0.5
    bound = Tabular(X).bind(X[3])
    built = bound.build(masks)
    expected = np.zeros((20, 30))
    expected[:, STORED] = np.where(masks, DENSE[3, STORED], 0)
    np.testing.assert_array_equal(built.toarray(), expected)
    assert built.nnz == masks.sum()
    assert bound.draws == 1
    assert bound.notices == ()
    dense = Tabular(np.zeros((1, 30))).bind(DENSE[3])
    assert dense.draws == 1
    e = KernelShap(sparse_only, Tabular(X)).explain(X[3], 1)
    same = KernelShap(lambda rows: answer(csr_matrix(rows)), Tabular(np.zeros((1, 30)))).explain(DENSE[3], 1)
    np.testing.assert_allclose(e.values[0], same.values[0][STORED], atol=1e-8)


@pytest.mark.parametrize("inside", [False, True])
def test_without_bins_lime_is_lime_on_the_dense_columns(inside):
    keywords = {"discretizer": "none", "sample_around_instance": inside}
    around = Tabular(X, **keywords).neighbourhood(X[3], None, sampler="lime")
    dense = Tabular(DENSE[:, STORED], **keywords).neighbourhood(DENSE[3, STORED], None, sampler="lime")
    ours, theirs = around.draw(0, 300), dense.draw(0, 300)
    np.testing.assert_allclose(ours.features, theirs.features, atol=1e-9)
    np.testing.assert_allclose(ours.distances, theirs.distances, atol=1e-9)
    some = np.arange(100, 200)
    np.testing.assert_allclose(ours.build(some).toarray()[:, STORED], theirs.build(some), atol=1e-9)
    assert around.kernel_width == dense.kernel_width


def lime_of(n=4000):
    explainer = LimeTabularExplainer(X, discretize_continuous=False, feature_selection="none", random_state=0)
    spy, seen = Spy(explainer), []

    def watched(rows):
        seen.append(rows)
        return answer(rows)

    found = explainer.explain_instance(X[3], watched, (1,), num_features=30, num_samples=n)
    return explainer, spy.fitted, seen[0], found


@pytest.mark.parametrize("sampler", ["lime", "balanced"])
def test_draws_without_bins_have_limes_distribution(sampler):
    rows = lime_of()[2].toarray()[1:]
    draws = Tabular(X, discretizer="none").neighbourhood(X[3], None, sampler=sampler).draw(1, 4000)
    ours = draws.build(np.arange(3999)).toarray()
    assert (np.delete(ours, STORED, axis=1) == 0).all()
    assert (np.delete(rows, STORED, axis=1) == 0).all()
    for column in STORED:
        assert ks_2samp(ours[:, column], rows[:, column]).pvalue > 1e-3


def test_limes_own_draws_give_limes_own_weights():
    # lime multiplies a sparse number by its spread, where dense ones are divided by it
    explainer, (data, outputs, distances), rows, found = lime_of(n=600)
    stored = data.item().toarray()[:, STORED]
    np.testing.assert_allclose(rows.toarray()[:, STORED] * explainer.scaler.scale_[STORED], stored, atol=1e-9)
    ridge = WeightedRidge(len(STORED))
    ridge.add(stored, locality(distances, 0.75 * np.sqrt(30)), outputs)
    theirs = by_feature(found.local_exp[1], 30)
    mine = ridge.fit(1.0).coefs[1]  # the solver of scikit-learn for sparse matrices is an iterative one
    np.testing.assert_allclose(mine, theirs[STORED], atol=5e-5)
    assert (np.delete(theirs, STORED) == 0).all()


TEXTS = [
    "a good film and a fine story",
    "dull film",
    "good story of a dull end",
    "a dull and flat end",
    "fine music",
] * 4


@pytest.mark.parametrize("sampler", ["lime", "balanced"])
def test_counts_are_explained_as_the_bag_of_words_they_count(sampler):
    vectors = CountVectorizer(token_pattern=r"\w+")
    counts = vectors.fit_transform(TEXTS)
    model = LogisticRegression(C=10).fit(counts, [("good" in text) for text in TEXTS])
    text = TEXTS[0]
    of_words = Lime(
        lambda texts: model.predict_proba(vectors.transform(texts)), Text(group=True), sampler=sampler
    )
    of_counts = Lime(model, Tabular(counts, feature_names=vectors.get_feature_names_out()), sampler=sampler)
    one = of_words.explain(text, 1)
    two = of_counts.explain(counts[0], 1)
    theirs, mine = (
        dict(zip(one.feature_names, one.values[0], strict=True)),
        dict(zip(two.feature_names, two.values[0], strict=True)),
    )
    assert theirs.keys() == mine.keys()
    spread = np.hypot(one.std_errors.max(), two.std_errors.max())
    for word, weight in theirs.items():
        assert abs(mine[word] - weight) < 4 * spread + 1e-9
    peer = LimeTextExplainer(feature_selection="none", random_state=0)
    spy = Spy(peer)
    found = peer.explain_instance(
        text,
        lambda texts: model.predict_proba(vectors.transform(texts)),
        (1,),
        num_features=99,
        num_samples=3000,
    )
    bag, outputs, distances = spy.fitted
    words = [found.domain_mapper.indexed_string.word(k) for k in range(bag.shape[1])]
    order = [words.index(name) for name in two.feature_names]
    bound = Tabular(counts, feature_names=vectors.get_feature_names_out()).bind(counts[0])
    np.testing.assert_allclose(model.predict_proba(bound.build(bag[:, order] > 0)), outputs, atol=1e-12)
    np.testing.assert_allclose(cosine_distance(bag > 0), distances / 100, atol=1e-9)


def test_draws_that_are_all_far_away_are_said():
    row = csr_matrix(np.where(np.arange(30) < 4, 500.0, 0.0))
    e = Lime(answer, Tabular(X, discretizer="none"), n_samples=500).explain(row)
    assert any("sample_around_instance=True" in notice for notice in e.notices)
    e = Lime(answer, Tabular(X, discretizer="none", sample_around_instance=True), n_samples=500).explain(row)
    assert not any("far" in notice for notice in e.notices)


def test_nothing_is_made_dense(monkeypatch):
    draw = np.random.default_rng(0)
    columns = np.concatenate([draw.integers(0, 200_000, 20_000), np.arange(12)])
    places = np.concatenate([draw.integers(0, 5000, 20_000), np.full(12, 7)])
    wide = csr_matrix((draw.random(len(columns)) + 0.5, (places, columns)), shape=(5000, 200_000))
    for cls in {csr_matrix, csc_matrix, csr_array}:
        monkeypatch.setattr(cls, "toarray", None)
        monkeypatch.setattr(cls, "todense", None)
    seen = []

    def model(rows):
        seen.append(rows.nnz)
        return np.asarray(rows.sum(axis=1)).ravel()

    masker, row = Tabular(wide), wide[7]
    e = Lime(model, masker, n_samples=600, tolerance=0, alpha=0.0).explain(row)
    np.testing.assert_allclose(e.values[0], row.data, atol=1e-6)
    shap = KernelShap(model, masker).explain(row)
    np.testing.assert_allclose(shap.values[0], row.data, atol=1e-6)
    assert max(seen) <= 600 * row.nnz


def test_a_pipelines_vectors_are_explained_by_the_columns_names():
    texts = ["good film", "dull film", "a good story", "a dull end", "good good end", "dull and flat"] * 5
    vectors = TfidfVectorizer()
    counts = vectors.fit_transform(texts)
    model = LogisticRegression(C=30).fit(counts, [("good" in text) for text in texts])
    view = xai.explain(
        model,
        counts[2],
        background=counts,
        feature_names=vectors.get_feature_names_out(),
        method="kernel_shap",
        headless=True,
    )
    e = view.explanation
    assert e.feature_names == ("good", "story")
    assert e.values[-1][0] > 0.2
    assert not any("dense" in notice for notice in e.notices)
    lime = xai.explain(
        model,
        counts[2],
        background=counts,
        feature_names=vectors.get_feature_names_out(),
        headless=True,
        n_samples=500,
    )
    assert lime.explanation.feature_names == ("good", "story")


def test_what_ifs_keep_the_features():
    bound = Tabular(X).bind(X[3])
    name, at = bound.layout.names[1], STORED[1]
    changed = apply(bound.layout, X[3], [{"op": "set", "feature": name, "value": 0}])
    assert Tabular(X).bind(changed).layout.names == bound.layout.names
    expected = DENSE[[3]].copy()
    expected[0, at] = 0
    np.testing.assert_array_equal(changed.toarray(), expected)
    np.testing.assert_array_equal(X[3].toarray(), DENSE[[3]])
    grid = bound.grid(1, 24)
    assert 0 in grid
    assert DENSE[3, at] in grid
    rows = bound.variants([(1, value) for value in grid]).toarray()
    np.testing.assert_allclose(rows[:, at], grid)
    np.testing.assert_array_equal(
        np.delete(rows, at, axis=1), np.tile(np.delete(DENSE[3], at), (len(grid), 1))
    )


@pytest.mark.parametrize("method", ["partition_shap", "permutation_shap", "occlusion"])
def test_every_kernel_of_tables_takes_sparse_rows(method):
    cls = {
        "partition_shap": xai.PartitionShap,
        "permutation_shap": xai.PermutationShap,
        "occlusion": xai.Occlusion,
    }[method]
    e = cls(sparse_only, Tabular(X)).explain(X[3], 1)
    assert e.values.shape == (1, len(STORED))
    assert np.abs(e.values).max() > 0


@pytest.mark.parametrize(
    ("x", "said"),
    [
        (X[:2], "one row, got a sparse matrix"),
        (csr_matrix((1, 30)), "nothing but zeros"),
        (csr_matrix((1, 4)), "has 4 columns, but the background has 30"),
        (np.ones(4), "has 4 values"),
        (csr_matrix(np.where(np.arange(30) == 2, np.nan, 0)), "missing or infinite"),
        ("text", "got a str"),
    ],
)
def test_bad_rows(x, said):
    with pytest.raises(InputError, match=said):
        Tabular(X).bind(x)


@pytest.mark.parametrize(
    ("background", "keywords", "said"),
    [
        (X, {"groups": {"g": [0, 1]}}, "groups= is for dense tables"),
        (X, {"categories": [0]}, "categories= is for dense tables"),
        (X, {"feature_names": ["a"]}, "1 names"),
        (csr_matrix((0, 3)), {}, "at least one of each"),
        (csr_matrix(np.eye(3, dtype=complex)), {}, "complex128; expected numbers"),
    ],
)
def test_bad_backgrounds(background, keywords, said):
    with pytest.raises(InputError, match=said):
        Tabular(background, **keywords).bind(X[3])


def test_a_network_needs_dense_rows():
    import torch

    with pytest.raises(InputError, match="takes dense rows"):
        Lime(torch.nn.Linear(30, 2), Tabular(X), n_samples=50).explain(X[3])


def test_a_sparse_row_beside_a_dense_background():
    assert Tabular(DENSE).bind(X[3]).layout.values == tuple(DENSE[3])
