"""Recognise what the user has, and make it a predictor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from jupyter_xai.errors import InputError, MissingExtraError
from jupyter_xai.protocols import Kind, Predictor


def wrap(
    model: Any, *, kind: Kind, output: str = "auto", output_names: Sequence[str] | None = None
) -> Predictor:
    """Make a predictor of a scikit-learn estimator, a ``torch.nn.Module`` or a function.

    Frameworks are recognised by the names of the model's classes, never by importing them.

    Parameters
    ----------
    model : object
        A predictor passes through unchanged.
    kind : {"table", "text", "image"}
        What batches will hold.
    output : {"auto", "probability", "logit", "raw"}
        Space to explain; ``models._outputs`` has the rule.
    output_names : sequence of str, optional
        One an output. A single name for one probability column gives ("not name", "name").

    Returns
    -------
    Predictor

    Raises
    ------
    InputError
        If the model is none of these, or is not ready to predict.
    CannotExplainError
        If it cannot give what is asked for.
    MissingExtraError
        If the model is a torch network and torch cannot be imported.

    Examples
    --------
    >>> predictor = wrap(lambda texts: [[0.2, 0.8]] * len(texts), kind="text", output_names=["bad", "good"])
    >>> predictor.predict(["fine"])
    array([[0.2, 0.8]])
    """
    if not isinstance(model, type) and isinstance(model, Predictor):
        return model
    if isinstance(model, type):
        if hasattr(model, "predict") or is_module(model):
            raise InputError(
                f"{model.__name__} is a class; expected a model. Make one, fit it, and pass that."
            )
    elif is_module(type(model)):
        try:
            import torch  # noqa: F401
        except ImportError as missing:
            raise MissingExtraError("torch", "torch", "explaining a torch network") from missing
        from jupyter_xai.models.torch import TorchPredictor

        return cast(Predictor, TorchPredictor(model, kind, output, output_names))
    elif hasattr(model, "predict_proba") or hasattr(model, "decision_function") or is_estimator(model):
        from jupyter_xai.models.sklearn import SklearnPredictor

        return cast(Predictor, SklearnPredictor(model, kind, output, output_names))
    from jupyter_xai.models.callable import CallablePredictor

    predict = getattr(model, "predict", None)
    if callable(predict) and not isinstance(model, type):
        return cast(Predictor, CallablePredictor(predict, kind, output, output_names))
    if callable(model):
        return cast(Predictor, CallablePredictor(model, kind, output, output_names))
    hint = (
        " Did you swap the arguments? It is explain(model, x)."
        if isinstance(model, str | list | dict)
        else ""
    )
    raise InputError(
        f"Cannot call a {type(model).__name__}; expected a scikit-learn estimator, a torch.nn.Module or a "
        f"function on a batch.{hint} Pass one of these, for example model.predict_proba."
    )


def is_module(cls: type) -> bool:
    """Whether a class is a torch module.

    Examples
    --------
    >>> is_module(int)
    False
    """
    return any(c.__name__ == "Module" and c.__module__ == "torch.nn.modules.module" for c in cls.__mro__)


def is_estimator(model: Any) -> bool:
    """Whether a model is of scikit-learn's family and can predict."""
    family = any(
        c.__name__ == "BaseEstimator" and c.__module__ == "sklearn.base" for c in type(model).__mro__
    )
    if family and not hasattr(model, "predict"):
        raise InputError(
            f"{type(model).__name__} has no predict_proba, decision_function or predict; expected a model. "
            "Pass the pipeline or the classifier that comes after it, fitted."
        )
    return family
