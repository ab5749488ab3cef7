"""scikit-learn estimators: which method is called, in which container, and what its outputs are called."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.cluster import DBSCAN
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import IsolationForest, RandomForestClassifier, RandomForestRegressor
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression, RidgeClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import SVC

from jupyter_xai.errors import CannotExplainError, InputError
from jupyter_xai.models import wrap
from jupyter_xai.models.targets import default_threshold

RNG = np.random.default_rng(0)
X = RNG.normal(size=(80, 3))
Y2 = np.where(X[:, 0] > 0, "good", "bad")
Y3 = np.digitize(X[:, 0], [-0.5, 0.5])
FRAME = pd.DataFrame(
    {
        "age": pd.array([25, 40, None, 61] * 10, dtype="Int64"),
        "income": np.array([1.0, np.nan, 3.0, 4.0] * 10, dtype=np.float32),
        "job": ["smith", "clerk", None, "smith"] * 10,
        "rank": pd.Categorical(["low", "high", "low", "mid"] * 10),
    }
)
LABELS = np.array(["bad", "good", "bad", "good"] * 10)


def credit() -> object:
    numbers = make_pipeline(SimpleImputer(), StandardScaler())
    columns = ColumnTransformer(
        [
            ("numbers", numbers, ["age", "income"]),
            ("words", OneHotEncoder(handle_unknown="ignore"), ["job", "rank"]),
        ]
    )
    return make_pipeline(columns, LogisticRegression()).fit(FRAME, LABELS)


@pytest.mark.parametrize(
    ("model", "space", "names", "threshold"),
    [
        (LogisticRegression().fit(X, Y2), "probability", ("bad", "good"), 0.5),
        (RandomForestClassifier(5, random_state=0).fit(X, Y3), "probability", ("0", "1", "2"), None),
        (RidgeClassifier().fit(X, Y2), "logit", ("bad", "good"), 0.0),
        (SVC().fit(X, Y3), "logit", ("0", "1", "2"), None),
        (LinearRegression().fit(X, X[:, 0]), "raw", ("prediction",), None),
        (LinearRegression().fit(X, X[:, :2]), "raw", ("output 0", "output 1"), None),
        (RandomForestRegressor(3).fit(X, X[:, 0]), "raw", ("prediction",), None),
        (IsolationForest(n_estimators=5, random_state=0).fit(X), "raw", ("prediction",), None),
        (
            GridSearchCV(LogisticRegression(), {"C": [1.0]}, cv=2).fit(X, Y2),
            "probability",
            ("bad", "good"),
            0.5,
        ),
    ],
)
def test_auto_picks_method_space_and_names(model, space, names, threshold):
    predictor = wrap(model, kind="table")
    scores = predictor.predict(X[:7])
    assert scores.shape == (7, len(names))
    assert scores.dtype == np.float64
    assert (predictor.output_space, predictor.output_names) == (space, names)
    assert default_threshold(predictor) == threshold


def test_space_and_names_are_known_before_the_first_answer():
    predictor = wrap(credit(), kind="table")
    assert (predictor.output_space, predictor.output_names) == ("probability", ("bad", "good"))
    assert default_threshold(predictor) == 0.5


def test_one_decision_column_becomes_both_sides():
    model = RidgeClassifier().fit(X, Y2)
    scores = wrap(model, kind="table").predict(X[:5])
    np.testing.assert_allclose(
        scores, np.stack([-model.decision_function(X[:5]), model.decision_function(X[:5])], 1)
    )


def test_logit_of_probabilities():
    model = LogisticRegression().fit(X, Y2)
    scores = wrap(model, kind="table", output="logit").predict(X[:5])
    np.testing.assert_allclose(scores[:, 1], model.decision_function(X[:5]), atol=1e-6)
    np.testing.assert_allclose(scores[:, 0], -scores[:, 1], atol=1e-6)


def test_raw_prefers_the_decision_function_and_says_if_there_is_none():
    model = LogisticRegression().fit(X, Y2)
    predictor = wrap(model, kind="table", output="raw")
    np.testing.assert_allclose(predictor.predict(X[:5])[:, 0], model.decision_function(X[:5]))
    assert (predictor.output_space, predictor.output_names) == ("raw", ("prediction",))
    forest = wrap(RandomForestClassifier(3).fit(X, Y3), kind="table", output="raw")
    assert forest.predict(X[:2]).shape == (2, 3)
    assert "no decision_function" in forest.notices[0]


def test_a_pipeline_on_raw_columns_gets_the_frame_as_it_is():
    model = credit()
    row = FRAME.iloc[[2]]
    predictor = wrap(model, kind="table")
    np.testing.assert_array_equal(predictor.predict(row), model.predict_proba(row))


def test_dtypes_reach_the_model():
    seen = []

    class Recorder(ClassifierMixin, BaseEstimator):
        classes_ = np.array([0, 1])

        def predict_proba(self, frame):
            seen.append(frame.dtypes.to_dict())
            return np.full((len(frame), 2), 0.5)

    wrap(Recorder(), kind="table").predict(FRAME.iloc[:3])
    assert seen == [FRAME.dtypes.to_dict()]


@pytest.mark.parametrize("fitted_on", ["frame", "array"])
@pytest.mark.parametrize("asked_with", ["frame", "array"])
def test_no_warning_about_feature_names(fitted_on, asked_with):
    frame = pd.DataFrame(X, columns=["a", "b", "c"])
    model = LogisticRegression().fit(frame if fitted_on == "frame" else X, Y2)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        scores = wrap(model, kind="table").predict((frame if asked_with == "frame" else X)[:4])
    # rows of a frame lie column by column in memory: some processors then round the last bit otherwise
    expected = model.predict_proba(frame[:4] if fitted_on == "frame" else X[:4])
    np.testing.assert_allclose(scores, expected, rtol=1e-13)


def test_text_pipelines_get_a_list_of_str():
    texts = ["good film", "bad film", "good one", "bad one"]
    model = make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(texts, ["pos", "neg", "pos", "neg"])
    predictor = wrap(model, kind="text")
    np.testing.assert_array_equal(predictor.predict(["a good film"]), model.predict_proba(["a good film"]))
    assert predictor.output_names == ("neg", "pos")


def test_several_targets_are_put_side_by_side():
    model = RandomForestClassifier(3, random_state=0).fit(X, np.stack([Y3, Y3 > 0], axis=1))
    predictor = wrap(model, kind="table")
    assert predictor.predict(X[:2]).shape == (2, 5)
    assert predictor.output_names == ("0: 0", "0: 1", "0: 2", "1: 0", "1: 1")


@pytest.mark.parametrize(
    ("model", "output", "error", "message"),
    [
        (LogisticRegression(), "auto", InputError, "LogisticRegression is not fitted yet; .* Call .fit"),
        (make_pipeline(StandardScaler(), LogisticRegression()), "auto", InputError, "not fitted yet"),
        (LogisticRegression, "auto", InputError, "LogisticRegression is a class; .* Make one, fit it"),
        (
            StandardScaler().fit(X),
            "auto",
            InputError,
            "no predict_proba, decision_function or predict; expected a model",
        ),
        (DBSCAN(), "auto", InputError, "DBSCAN has no predict_proba"),
        (
            SVC().fit(X, Y2),
            "probability",
            CannotExplainError,
            "SVC has no predict_proba.*CalibratedClassifierCV",
        ),
        (LinearRegression().fit(X, Y3), "probability", CannotExplainError, "LinearRegression is a regressor"),
        (LinearRegression().fit(X, Y3), "logit", CannotExplainError, "is a regressor: it has no logit"),
        (LogisticRegression().fit(X, Y2), "odds", InputError, "output='odds' does not work: pass \"auto\""),
    ],
)
def test_what_cannot_be_explained(model, output, error, message):
    with pytest.raises(error, match=message):
        wrap(model, kind="table", output=output)


def test_labels_alone_cannot_be_explained():
    class Vote(ClassifierMixin, BaseEstimator):
        classes_ = np.array(["a", "b"])

        def predict(self, X):
            return np.repeat("a", len(X))

    with pytest.raises(CannotExplainError, match=r"class labels only .* Wrap it in .*CalibratedClassifierCV"):
        wrap(Vote(), kind="table")


def test_names_given_by_the_user():
    model = LogisticRegression().fit(X, Y2)
    predictor = wrap(model, kind="table", output_names=["denied", "granted"])
    predictor.predict(X[:1])
    assert predictor.output_names == ("denied", "granted")
    with pytest.raises(
        InputError, match=r"output_names has 3 names, the model has 2 outputs. Pass one name an output"
    ):
        wrap(model, kind="table", output_names=list("abc")).predict(X[:1])
    twice = wrap(model, kind="table", output_names=["a", "a"])
    twice.predict(X[:1])
    assert twice.output_names == ("a", "a (2)")
    with pytest.raises(InputError, match="is one text; pass a list"):
        wrap(model, kind="table", output_names="good")


def test_a_predictor_passes_through():
    predictor = wrap(LogisticRegression().fit(X, Y2), kind="table")
    assert wrap(predictor, kind="table") is predictor
