"""The settings of lime 0.2: equal on lime's own draws, as close to lime as lime is to itself on our own."""

from __future__ import annotations

import numpy as np
import pytest
from lime.lime_base import LimeBase
from lime.lime_image import LimeImageExplainer
from lime.lime_tabular import LimeTabularExplainer
from lime.lime_text import LimeTextExplainer
from scipy.stats import ks_2samp, spearmanr

from jupyter_xai import Image, Lime, Tabular, Text
from jupyter_xai.kernels._locality import locality
from jupyter_xai.kernels._selection import Selector
from jupyter_xai.kernels._solvers import WeightedRidge
from jupyter_xai.maskers.neighbourhoods import cosine_distance

SEEDS = range(20)


def solved(features, outputs, distances, width):
    ridge = WeightedRidge(features.shape[1])
    ridge.add(features.astype(bool), locality(distances, width), outputs)
    return ridge.fit(1.0)


class Spy:
    """Keeps what lime fits on."""

    def __init__(self, explainer):
        self.fitted = None
        self.base = explainer.base
        self.fit = self.base.explain_instance_with_data
        self.base.explain_instance_with_data = self

    def __call__(self, data, outputs, distances, *args, **kwargs):
        self.fitted = (np.asarray(data), np.asarray(outputs), np.asarray(distances))
        return self.fit(data, outputs, distances, *args, **kwargs)


def by_feature(pairs, d):
    values = np.zeros(d)
    for feature, weight in pairs:
        values[feature] = weight
    return values


# --- three models -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def tabular():
    from sklearn.datasets import load_wine
    from sklearn.ensemble import RandomForestClassifier

    X, y = load_wine(return_X_y=True)
    return X, RandomForestClassifier(20, max_depth=5, random_state=0).fit(X, y).predict_proba


@pytest.fixture(scope="module")
def text():
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    rng = np.random.default_rng(0)
    good, bad = (["good", "fine", "superb", "moving"], ["dull", "bad", "awful", "flat"])
    other = "the a film story plot scene it was and of with actor music end".split()  # noqa: SIM905
    texts = []
    for i in range(200):
        words = list(rng.choice(other, 15)) + list(rng.choice([good, bad][i % 2], 4))
        texts.append(" ".join(rng.permutation(words)))
    model = make_pipeline(TfidfVectorizer(ngram_range=(1, 2)), LogisticRegression(C=30))
    model.fit(texts, [i % 2 for i in range(200)])
    review = (
        "The film was superb and moving, with a fine plot, but the end dull and the music flat, a bad scene"
    )
    return review, model.predict_proba


@pytest.fixture(scope="module")
def image():
    rng = np.random.default_rng(0)
    x = rng.random((24, 24, 3))
    weights = rng.normal(size=(24 * 24 * 3, 6)) / 6
    labels = np.arange(24)[:, None] // 6 * 4 + np.arange(24) // 6

    def model(images):
        hidden = np.tanh(images.reshape(len(images), -1) @ weights)
        logits = hidden @ np.array([[2.0, -1], [1, 0], [-1, 2], [0, 1], [1, 1], [-2, 0]])
        return np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)

    return x, labels, model


def lime_tabular(X, model, seed, row=3, n=5000):
    explainer = LimeTabularExplainer(X, feature_selection="none", random_state=seed)
    spy = Spy(explainer)
    e = explainer.explain_instance(X[row], model, labels=(0,), num_features=X.shape[1], num_samples=n)
    return by_feature(e.local_exp[0], X.shape[1]), e, spy.fitted


def lime_text(review, model, seed, bow, n=5000):
    explainer = LimeTextExplainer(feature_selection="none", bow=bow, mask_string="", random_state=seed)
    spy = Spy(explainer)
    e = explainer.explain_instance(review, model, labels=(1,), num_features=1000, num_samples=n)
    return by_feature(e.local_exp[1], e.domain_mapper.indexed_string.num_words()), e, spy.fitted


def lime_image(x, labels, model, seed, n=1000):
    explainer = LimeImageExplainer(feature_selection="none", random_state=seed)
    spy = Spy(explainer)
    e = explainer.explain_instance(
        x, model, labels=(0,), top_labels=None, num_samples=n, segmentation_fn=lambda _: labels
    )
    return by_feature(e.local_exp[0], 16), e, spy.fitted


# --- fed lime's own draws, distances and predictions --------------------------------------------------------


@pytest.mark.parametrize("kind", ["tabular", "text", "words", "image"])
def test_limes_own_draws_give_limes_own_weights(kind, request):
    case = request.getfixturevalue("text" if kind == "words" else kind)
    if kind == "tabular":
        theirs, e, fitted = lime_tabular(*case, seed=1)
        width, label = 0.75 * np.sqrt(theirs.size), 0
    elif kind == "image":
        theirs, e, fitted = lime_image(*case, seed=1)
        width, label = 0.25, 0
    else:
        theirs, e, fitted = lime_text(*case, seed=1, bow=kind == "words")
        width, label = 25, 1
    ours = solved(*fitted[:2], fitted[2], width)
    np.testing.assert_allclose(ours.coefs[label], theirs, atol=1e-6)
    intercept = e.intercept[label]
    score = e.score[label] if isinstance(e.score, dict) else e.score
    local = e.local_pred[label] if isinstance(e.local_pred, dict) else e.local_pred
    np.testing.assert_allclose(ours.intercepts[label], intercept, atol=1e-6)
    np.testing.assert_allclose(ours.r2[label], score, atol=1e-6)
    np.testing.assert_allclose(ours.intercepts[label] + ours.coefs[label] @ fitted[0][0], local, atol=1e-6)


@pytest.mark.parametrize("kind", ["tabular", "text", "image"])
@pytest.mark.parametrize("n_features", [1, 3, 6, 7, 11])
@pytest.mark.parametrize("method", ["auto", "none", "forward_selection", "highest_weights", "lasso_path"])
def test_limes_own_draws_give_limes_own_choice_of_features(kind, n_features, method, request):
    case = request.getfixturevalue(kind)
    if kind == "tabular":
        fitted, width = lime_tabular(*case, seed=1, n=1500)[2], 0.75 * np.sqrt(13)
    elif kind == "image":
        fitted, width = lime_image(*case, seed=1)[2], 0.25
    else:
        fitted, width = lime_text(*case, seed=1, bow=True, n=1500)[2], 25
    data, outputs, distances = fitted
    peer = LimeBase(lambda d: locality(d, width))
    ridge = WeightedRidge(data.shape[1])
    ridge.add(data, locality(distances, width), outputs)
    selector = Selector(method, n_features, data[0].astype(float))
    fit = ridge.fit(1.0, selector)
    for label in range(2):
        intercept, chosen, score, _ = peer.explain_instance_with_data(
            data, outputs, distances, label, n_features, feature_selection=method
        )
        theirs = by_feature(chosen, data.shape[1])
        assert set(np.flatnonzero(fit.kept[label])) == {feature for feature, _ in chosen}
        np.testing.assert_allclose(fit.coefs[label], theirs, atol=1e-6)
        np.testing.assert_allclose(fit.intercepts[label], intercept, atol=1e-6)
        np.testing.assert_allclose(fit.r2[label], score, atol=1e-6)


def test_distances_are_limes(tabular, text, image):
    of_text, of_image = lime_text(*text, seed=0, bow=True, n=200)[2], lime_image(*image, seed=0, n=200)[2]
    for (data, _, distances), scale in ((of_text, 100), (of_image, 1)):
        np.testing.assert_allclose(cosine_distance(data.astype(bool)) * scale, distances, atol=1e-9)
    data, _, distances = lime_tabular(*tabular, seed=0, n=200)[2]
    np.testing.assert_allclose(np.sqrt((data == 0).sum(axis=1)), distances, atol=1e-12)


# --- on its own draws: as close to lime as lime is to itself ------------------------------------------------


def agreement(ours, lime):
    """Mean Spearman of 20 seed pairs, ours against lime and lime against lime."""
    one, two = [lime(seed) for seed in SEEDS], [lime(seed + 1000) for seed in SEEDS]
    mixed = np.mean(
        [spearmanr(ours(seed), theirs).statistic for seed, theirs in zip(SEEDS, one, strict=True)]
    )
    return mixed, np.mean([spearmanr(a, b).statistic for a, b in zip(one, two, strict=True)])


@pytest.mark.parametrize("sampler", ["lime", "balanced"])
def test_tabular_agrees_with_lime(tabular, sampler):
    X, model = tabular
    mixed, own = agreement(
        lambda seed: (
            Lime(model, Tabular(X), sampler=sampler, tolerance=0, random_state=seed)
            .explain(X[3], 0)
            .values[0]
        ),
        lambda seed: lime_tabular(X, model, seed)[0],
    )
    assert mixed >= own - 0.02


@pytest.mark.parametrize("sampler", ["lime", "balanced"])
@pytest.mark.parametrize("bow", [True, False])
def test_text_agrees_with_lime(text, bow, sampler):
    review, model = text
    mixed, own = agreement(
        lambda seed: (
            Lime(model, Text(group=bow), n_samples=1500, sampler=sampler, tolerance=0, random_state=seed)
            .explain(review, 1)
            .values[0]
        ),
        lambda seed: lime_text(review, model, seed, bow, n=1500)[0],
    )
    assert mixed >= own - 0.02


@pytest.mark.parametrize("sampler", ["lime", "balanced"])
def test_image_agrees_with_lime(image, sampler):
    x, labels, model = image
    mixed, own = agreement(
        lambda seed: (
            Lime(model, Image(labels), sampler=sampler, tolerance=0, random_state=seed)
            .explain(x, 0)
            .values[0]
        ),
        lambda seed: lime_image(x, labels, model, seed)[0],
    )
    assert mixed >= own - 0.02


# --- the samplers' marginals --------------------------------------------------------------------------------


def test_tabular_draws_have_limes_marginals(tabular):
    X, model = tabular
    seen = []

    def spy(rows):
        seen.append(rows)
        return model(rows)

    lime_tabular(X, spy, seed=0, n=4000)
    theirs = seen[0][1:]
    binary = lime_tabular(X, model, seed=0, n=4000)[2][0][1:]
    draws = Tabular(X).neighbourhood(X[3], None, sampler="lime").draw(1, 4001)
    ours = draws.build(np.arange(4000))
    for column in range(X.shape[1]):
        assert ks_2samp(ours[:, column], theirs[:, column]).pvalue > 1e-3
    np.testing.assert_allclose(draws.features.mean(axis=0), binary.mean(axis=0), atol=0.04)


def test_a_constant_column_keeps_its_value():
    # lime gives a constant column the value (min - mean) / std = 0
    X = np.column_stack([np.arange(20.0), np.full(20, 3.0)])
    assert (Tabular(X).neighbourhood(X[3], None).draw(0, 100).build(np.arange(100))[:, 1] == 3.0).all()


def test_hidden_pieces_have_limes_colour(image):
    x, labels, _ = image
    seen = []

    def spy(images):
        seen.append(np.array(images))
        return np.ones((len(images), 2)) / 2

    data = lime_image(x, labels, spy, seed=0, n=40)[2][0]
    theirs = np.concatenate(seen)[-40:]
    ours = Image(labels).bind(x).build(data.astype(bool))
    np.testing.assert_allclose(ours, theirs, atol=1e-9)


def test_struck_words_leave_limes_texts(text):
    review, _ = text
    for bow in (True, False):
        seen = []

        def spy(texts, seen=seen):
            seen.extend(texts)
            return np.ones((len(texts), 2)) / 2

        data = lime_text(review, spy, 0, bow, n=100)[2][0]
        assert Text(group=bow).bind(review).build(data.astype(bool)) == seen
