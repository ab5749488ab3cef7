"""LIME on tables beside the real lime: errors against what infinitely many draws of lime's own scheme would answer.

A draw has a bin a column and a number within each bin, so that nothing can be enumerated. The truth is the regression
over 2^18 draws, whose own error is a few hundredths of the errors that are compared.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from trials import Coverage, Duel, Estimate, Scale, study

import jupyter_xai as xai

Values = NDArray[np.float64]

TRUTH = 2**18
USUAL = 5000


@dataclass(frozen=True)
class Case:
    """A model on a table and the row to explain."""

    name: str
    X: Values
    model: Callable[[Values], Values]
    regression: bool = False
    params: tuple[tuple[str, Any], ...] = ()

    @property
    def row(self) -> Values:
        """The row to explain."""
        return np.asarray(self.X[3])

    def kernel(self, seed: int, calls: int, **params: Any) -> xai.Lime:
        """Our kernel."""
        return xai.Lime(
            self.model, xai.Tabular(self.X, **dict(self.params)), n_samples=calls, random_state=seed, **params
        )

    def truth(self, scale: Scale) -> Values:
        """What infinitely many draws would answer, from a seed that nobody else has."""
        made = self.kernel(10**6, scale(TRUTH, 2**12), tolerance=0)
        return np.asarray(made.explain(self.row, 0).values[0])

    def ours(self) -> Estimate:
        """Our values."""
        return lambda seed, calls: self.kernel(seed, calls, tolerance=0).explain(self.row, 0).values[0]

    def lime(self) -> Estimate:
        """The values of lime, without its selection of features."""
        from lime.lime_tabular import LimeTabularExplainer

        chosen = dict(self.params)
        whole = chosen.pop("discretizer", "quartile")

        def run(seed: int, calls: int) -> Values:
            explainer = LimeTabularExplainer(
                self.X,
                mode="regression" if self.regression else "classification",
                feature_selection="none",
                discretize_continuous=whole != "none",
                discretizer=whole,
                random_state=seed,
                **chosen,
            )
            d = self.X.shape[1]
            found = explainer.explain_instance(self.row, self.model, (0,), num_features=d, num_samples=calls)
            values = np.zeros(d)
            for feature, weight in found.local_exp[1 if self.regression else 0]:
                values[feature] = weight
            return values

        return run


@study("lime-tables")
def lime_tables(scale: Scale) -> Iterator[Duel]:
    """Lime's default number of draws, and a thousand."""
    for case in cases():
        truth, n = case.truth(scale), scale(USUAL, 200)
        yield Duel(
            f"{case.name}, d={len(truth)}",
            truth,
            n,
            case.ours(),
            {"lime": case.lime()},
            {"lime": 2.0},
            (4, 2),
        )
        yield Duel(
            f"{case.name}, d={len(truth)}",
            truth,
            n // 5,
            case.ours(),
            {"lime": case.lime()},
            {"lime": 1.0},
            (),
        )


@study("lime-tables-coverage")
def lime_tables_coverage(scale: Scale) -> Iterator[Coverage]:
    """95 % intervals after a fixed number of draws, and where a run has settled by itself."""
    for case in cases():
        truth = case.truth(scale)
        runs = scale(-(-5000 // len(truth)), 3)
        yield Coverage(f"{case.name}, 1,000", hits(case, truth, 1000, 0.0), runs)
        yield Coverage(f"{case.name}, settled", hits(case, truth, 20_000, 0.05), runs)


def hits(case: Case, truth: Values, calls: int, tolerance: float) -> Callable[[int], NDArray[np.bool_]]:
    """Whether each interval of a run holds the truth."""
    slack = 1e-9 * max(1.0, float(np.abs(truth).max()))

    def run(seed: int) -> NDArray[np.bool_]:
        low, high = case.kernel(seed, calls, tolerance=tolerance).explain(case.row, 0).intervals
        return np.asarray((low[0] <= truth + slack) & (truth - slack <= high[0]))

    return run


def cases() -> Iterator[Case]:
    """Networks, boosted trees, a forest, a regression, one after the other."""
    from sklearn.datasets import load_breast_cancer, load_diabetes, load_wine
    from sklearn.ensemble import GradientBoostingClassifier, GradientBoostingRegressor, RandomForestClassifier
    from sklearn.neural_network import MLPClassifier, MLPRegressor
    from sklearn.preprocessing import scale

    X, y = load_diabetes(return_X_y=True)
    X, y = scale(np.delete(X, 1, axis=1)), scale(y)  # without a column of two values, which lime draws as 0
    net = MLPRegressor(hidden_layer_sizes=(32,), max_iter=400, random_state=0).fit(X, y)
    yield Case("diabetes, regression MLP", X, net.predict, regression=True)
    yield Case(
        "diabetes, boosted trees",
        X,
        GradientBoostingRegressor(random_state=0).fit(X, y).predict,
        regression=True,
    )
    X, y = load_wine(return_X_y=True)
    X = scale(X)
    yield Case("wine, forest", X, RandomForestClassifier(30, random_state=0).fit(X, y).predict_proba)
    yield Case("wine, MLP", X, MLPClassifier((32,), max_iter=400, random_state=0).fit(X, y).predict_proba)
    X, y = load_breast_cancer(return_X_y=True)
    X = scale(X)
    yield Case("cancer, MLP", X, MLPClassifier((32,), max_iter=400, random_state=0).fit(X, y).predict_proba)
    yield Case("cancer, boosted trees", X, GradientBoostingClassifier(random_state=0).fit(X, y).predict_proba)
