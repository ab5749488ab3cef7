"""scikit-learn estimators and pipelines, and what follows their interface (XGBoost, LightGBM)."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

from jupyter_xai.errors import CannotExplainError, InputError
from jupyter_xai.models._base import Adapter
from jupyter_xai.models._outputs import Native
from jupyter_xai.protocols import Batch, Kind


class SklearnPredictor(Adapter):
    """``predict_proba`` if there is one, else ``decision_function``, else ``predict``.

    Parameters
    ----------
    estimator : object
        Fitted.
    kind, output, output_names
        As for ``wrap``. ``output="raw"`` prefers ``decision_function``.

    Raises
    ------
    InputError
        If the estimator is not fitted, or a regressor is asked for probabilities.
    CannotExplainError
        If it answers with class labels only, or has no probabilities when these are asked for.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> model = LogisticRegression().fit([[0.0], [1.0]], ["bad", "good"])
    >>> predictor = SklearnPredictor(model, "table")
    >>> predictor.output_names, predictor.output_space
    (('bad', 'good'), 'probability')
    """

    def __init__(
        self, estimator: Any, kind: Kind, output: str = "auto", output_names: Sequence[str] | None = None
    ) -> None:
        super().__init__(estimator, kind, output, output_names)
        _check_fitted(estimator)
        self._method, self.native = _pick(estimator, output)
        self.classes = class_names(estimator) if self.native != "number" else None
        self.thread_safe = type(estimator).__module__.startswith("sklearn.") and not hasattr(
            estimator, "steps"
        )
        if output == "auto":
            spaces = {"probability": "probability", "decision": "logit"}
            self.output_space = spaces.get(self.native, "raw")  # type: ignore[assignment]
        if self._given is None and self.classes is not None and len(self.classes) > 1 and output != "raw":
            self.output_names = self.classes
        names = getattr(estimator, "feature_names_in_", None)
        self._columns: list[str] | None = None if names is None else [str(name) for name in names]
        # a bare estimator of scikit-learn records the names of every DataFrame it is fitted on
        bare = type(estimator).__module__.startswith("sklearn.") and not hasattr(estimator, "named_steps")
        self._fitted_on_arrays = bare and names is None and not hasattr(estimator, "transformers")
        if output == "raw" and self.native == "probability":
            self.native = "number"
            self.notices = (
                f"{self.model_name} has no decision_function: its probabilities are explained as they are.",
            )

    def _call(self, batch: Batch) -> Any:
        answer = getattr(self.model, self._method)(self._container(batch))
        if isinstance(answer, list) and answer and all(np.ndim(part) == 2 for part in answer):
            return np.hstack(answer)  # several targets, each with its classes
        return answer

    def _container(self, batch: Batch) -> Batch:
        """An array or a DataFrame, whichever the estimator was fitted on; neither makes it warn then."""
        pandas = sys.modules.get("pandas")
        if pandas is None or self.kind != "table":
            return batch
        if isinstance(batch, np.ndarray):
            if self._columns is not None and batch.ndim == 2 and batch.shape[1] == len(self._columns):
                return pandas.DataFrame(batch, columns=self._columns)
        elif self._fitted_on_arrays and isinstance(batch, pandas.DataFrame):
            return batch.to_numpy()
        return batch


def _pick(estimator: Any, output: str) -> tuple[str, Native]:
    """Method to call, and what it gives."""
    proba, decision = hasattr(estimator, "predict_proba"), hasattr(estimator, "decision_function")
    labels = getattr(estimator, "classes_", None) is not None
    name = type(estimator).__name__
    if output == "raw" and decision:
        return "decision_function", "number"
    if proba:
        return "predict_proba", "probability"
    if output == "probability":
        why = (
            f"{name} has no predict_proba"
            if decision or labels
            else f"{name} is a regressor: it has no probabilities"
        )
        do = " Wrap it in sklearn.calibration.CalibratedClassifierCV, or" if decision or labels else ""
        raise CannotExplainError(
            f'{why}, and output="probability" was asked for.{do} Pass output="auto".'.replace("or P", "or p")
        )
    if decision:
        return "decision_function", "decision" if labels else "number"
    if labels:
        raise CannotExplainError(
            f"{name} answers with class labels only (no predict_proba, no decision_function); an explanation "
            "needs scores. Wrap it in sklearn.calibration.CalibratedClassifierCV and fit that."
        )
    if output == "logit":
        raise CannotExplainError(f'{name} is a regressor: it has no logit. Pass output="auto".')
    return "predict", "number"


def class_names(estimator: Any) -> tuple[str, ...] | None:
    """Names of a classifier's classes; None for what has no ``classes_``."""
    classes = getattr(estimator, "classes_", None)
    if classes is None:
        return None
    if isinstance(classes, list) and classes and np.ndim(classes[0]) == 1:
        return tuple(f"{i}: {label}" for i, part in enumerate(classes) for label in part)
    return tuple(str(label) for label in np.asarray(classes).ravel())


def _check_fitted(estimator: Any) -> None:
    if not type(estimator).__module__.startswith("sklearn."):
        return
    from sklearn.exceptions import NotFittedError
    from sklearn.utils.validation import check_is_fitted

    try:
        check_is_fitted(estimator)
    except NotFittedError:
        name = type(estimator).__name__
        raise InputError(
            f"{name} is not fitted yet; expected a model that can predict. Call .fit(X, y) first."
        ) from None
    except TypeError:
        pass  # not an estimator by scikit-learn's own measure: whether it can predict shows when it is called
