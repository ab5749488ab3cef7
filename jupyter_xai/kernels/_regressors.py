"""LIME's local model by a regressor of the user's own: anything with scikit-learn's ways and linear coefficients."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jupyter_xai.errors import InputError
from jupyter_xai.kernels._intervals import MIN_BLOCKS, half_width_factor
from jupyter_xai.kernels._selection import Selector
from jupyter_xai.kernels._solvers import LinearFit, WeightedRidge

_FOLDS = 16


def check_regressor(surrogate: Any) -> None:
    """Refuse what cannot be a local model.

    Raises
    ------
    InputError
        If it has no ``fit`` that takes ``sample_weight``, or cannot be copied.
    """
    from sklearn.base import clone
    from sklearn.utils.validation import has_fit_parameter

    name = type(surrogate).__name__
    if isinstance(surrogate, type):
        raise InputError(
            f"surrogate={surrogate.__name__} is a class. Pass an instance: surrogate={surrogate.__name__}()."
        )
    if not callable(getattr(surrogate, "fit", None)) or not has_fit_parameter(surrogate, "sample_weight"):
        raise InputError(
            f"a surrogate of type {name} does not work: expected a scikit-learn regressor whose fit takes "
            "sample_weight, and which has coef_ and intercept_ afterwards. Pass one, such as Lasso(alpha=0.01), or "
            "surrogate='ridge'."
        )
    try:
        clone(surrogate)
    except TypeError as error:
        raise InputError(
            f"a surrogate of type {name} cannot be copied ({error}). Derive it from scikit-learn's BaseEstimator."
        ) from error


def regress(surrogate: Any, draws: WeightedRidge, selector: Selector) -> LinearFit:
    """Fit a copy of the regressor for each output.

    Parameters
    ----------
    surrogate : regressor
        Left as it is.
    draws : WeightedRidge
        Its draws are used, not its solver.
    selector : Selector

    Notes
    -----
    Standard errors are the delete-a-group jackknife's, over at most 16 groups of independent draws (Kott, "The
    delete-a-group jackknife", 2001), with Student's quantile; infinite with fewer than eight groups.

    Raises
    ------
    InputError
        If the regressor fails, or has no linear coefficients.
    """
    features, weights = draws.rows.all(), draws.weights
    n_outputs, d = draws.outputs.shape[1], draws.n_features
    gram, right = draws.moments()
    kept = np.stack([selector.keep(gram, column, draws.n) for column in right.T])
    coefs, intercepts = np.zeros((n_outputs, d)), np.zeros(n_outputs)
    std_errors = np.where(kept, np.inf, 0.0)
    groups = draws.groups(_FOLDS)
    n_groups = int(groups.max()) + 1
    for t, choice in enumerate(kept):
        some, y = features[:, choice], draws.outputs[:, t]
        coefs[t, choice], intercepts[t] = _fitted(surrogate, some, y, weights)
        if n_groups < MIN_BLOCKS:
            continue
        without = [groups != group for group in range(n_groups)]
        parts = np.array([_fitted(surrogate, some[rest], y[rest], weights[rest])[0] for rest in without])
        variance = (n_groups - 1) / n_groups * ((parts - parts.mean(axis=0)) ** 2).sum(axis=0)
        std_errors[t, choice] = half_width_factor(n_groups) * np.sqrt(variance)
    intercepts += draws.shift
    return LinearFit(coefs, intercepts, std_errors, draws.r_squared(coefs, intercepts), kept)


def _fitted(
    surrogate: Any, features: NDArray[np.float64], outputs: NDArray[np.float64], weights: NDArray[np.float64]
) -> tuple[NDArray[np.float64], float]:
    """Coefficients and intercept of a fresh copy of the regressor."""
    from sklearn.base import clone

    name = type(surrogate).__name__
    fit: Callable[..., Any] = clone(surrogate).fit
    try:
        model = fit(features, outputs, sample_weight=weights)
    except Exception as error:
        raise InputError(
            f"the surrogate {name} failed on {len(features):,} draws of {features.shape[1]} features: {error}. Pass "
            "another surrogate=."
        ) from error
    coefs = getattr(model, "coef_", None)
    if coefs is None or np.size(coefs) != features.shape[1] or not hasattr(model, "intercept_"):
        raise InputError(
            f"the surrogate {name} has no coefficient for each of the {features.shape[1]} features after fit: "
            "expected coef_ and intercept_. Pass a linear regressor, or surrogate='ridge'."
        )
    if hasattr(coefs, "toarray"):
        coefs = coefs.toarray()
    return np.ravel(coefs).astype(np.float64), float(np.ravel(model.intercept_)[0])
