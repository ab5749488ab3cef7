"""Infidelity: the error of what attributions say a perturbation does, with and without the best scale."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from jupyter_xai.errors import InputError
from jupyter_xai.explanation import Explanation
from jupyter_xai.maskers._random import check_seed, generator
from jupyter_xai.metrics._measure import Measure, jackknife, mean_interval
from jupyter_xai.metrics._shared import CONSTANT, count, method_of, plain, random_masks, still
from jupyter_xai.metrics.subject import Subject, as_array, broken, per_unit, relative

YEH = 'Yeh et al., "On the (In)fidelity and Sensitivity of Explanations" (NeurIPS 2019)'

Perturbation = Literal["removal", "gaussian"] | Callable[..., Any]


def infidelity(
    explanation: Explanation,
    subject: Subject,
    *,
    perturbation: Perturbation = "removal",
    scaled: bool = False,
    n_perturbations: int = 200,
    radius: float = 0.2,
    random_state: int | None = 0,
) -> Measure:
    """Mean squared error of what the attributions say a perturbation does to the prediction.

    ``E[(I . phi - (f(x) - f(x - I)))^2]``: for contributions I is 1 at what was removed and 0 elsewhere; for
    gradients it
    is the difference of the model's inputs.

    Parameters
    ----------
    explanation : Explanation
    subject : Subject
    perturbation : {"removal", "gaussian"} or callable, default="removal"
        Remove a random number of the masker's features; add noise of deviation ``radius`` to the model's input (for
        gradients only); or ``perturbation(rows, rng) -> (I, perturbed)`` with rows of copies of the model's input as an
        array, I shaped like it, for attributions of the input's own shape.
    scaled : bool, default=False
        Let the attributions be multiplied by the factor that fits best, so that only their proportions are judged.
    n_perturbations : int, default=200
    radius : float, default=0.2
    random_state : int or None, default=0

    Returns
    -------
    Measure
        "infidelity" or "infidelity (best scale)", in squares of the output's unit, with intervals by jackknife.

    Raises
    ------
    InputError
        If the perturbation does not fit the explanation.

    Notes
    -----
    Yeh et al. (NeurIPS 2019), Definition 2.1, equation 1; the factor is ``E[I.phi df] / E[(I.phi)^2]``, as in the
    authors' code, which always applies it, and captum's ``normalize=True``.

    Examples
    --------
    >>> import jupyter_xai as xai
    >>> model, masker = lambda X: 2 * X[:, :1] - X[:, 1:2], xai.Tabular(np.array([[0.0, 0.0], [1.0, 3.0]]))
    >>> found = xai.KernelShap(model, masker).explain([1.0, 1.0])
    >>> infidelity(found, Subject(model, [1.0, 1.0], masker)).values.round(9)
    array([0.])
    """
    n, rng = count(n_perturbations), generator(check_seed(random_state), "infidelity", 0)
    wrong, notices = broken(explanation)
    with subject.counted() as rows:
        if isinstance(perturbation, str) and perturbation == "removal":
            said, drops = _removals(explanation, subject, n, rng)
        else:
            said, drops = _moves(explanation, subject, perturbation, n, rng, radius)
        unit = subject.unit(explanation)
        asked = rows()
    said = np.where(wrong, np.nan, said)
    parts = np.stack([said**2, said * drops, drops**2], axis=-1)
    draws = parts @ np.array([1.0, -2.0, 1.0])
    if scaled:
        with np.errstate(divide="ignore", invalid="ignore"):
            sums = parts.sum(axis=0)
            factor = np.where(sums[..., 0] > 0, sums[..., 1] / sums[..., 0], 0.0)
        draws = (factor * said - drops) ** 2

        def statistic(sums: NDArray[np.float64]) -> NDArray[np.float64]:
            with np.errstate(divide="ignore", invalid="ignore"):
                gain = np.where(sums[..., 0] > 0, sums[..., 1] ** 2 / sums[..., 0], 0.0)
            return np.asarray(np.maximum(sums[..., 2] - gain, 0.0) / sums[..., 3])

        total, half = jackknife(np.concatenate([parts, np.ones_like(parts[..., :1])], axis=-1), statistic)
        values = np.where(wrong, np.nan, total)
    elif relative(explanation):
        values = half = np.full(len(wrong), np.nan)
        notices = (
            *notices,
            (
                f"The values of {method_of(explanation)} have no unit, so the error of their sums means "
                f"nothing: see the "
                "infidelity with the best scale."
            ),
        )
    else:
        values, half = mean_interval(draws)
    if still(drops, explanation):
        notices = (*notices, CONSTANT)
    return Measure(
        name="infidelity (best scale)" if scaled else "infidelity",
        values=values,
        half_widths=half,
        output_names=explanation.output_names,
        unit=f"{plain(unit)}²" if unit != "raw" else "",
        better="lower",
        definition=f"{YEH}, Definition 2.1, equation 1" + (", with the optimal scale" if scaled else ""),
        n_evals=n,
        n_rows=asked,
        notices=notices,
        draws=draws,
        floor=1e-6 * (drops**2).mean(axis=0),
    )


def _removals(
    explanation: Explanation, subject: Subject, n: int, rng: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """What removed features are said to contribute together, and how far the model falls: each (n, outputs)."""
    masks = random_masks(rng, n, subject.n_features)
    answers, whole, _ = subject.on_masks(masks, explanation)
    contributions = subject.contributions(explanation)
    with np.errstate(invalid="ignore"):
        return (~masks).astype(np.float64) @ contributions.T, whole - answers


def _moves(
    explanation: Explanation,
    subject: Subject,
    perturbation: Any,
    n: int,
    rng: np.random.Generator,
    radius: float,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The same for perturbations of the model's own input."""
    instance = subject.bound.instance()
    row = as_array(instance)
    if isinstance(perturbation, str):
        if perturbation != "gaussian":
            raise InputError(
                f'perturbation={perturbation!r} is not known: expected "removal", "gaussian", or a function '
                "(rows, rng) -> (I, perturbed)."
            )
        if not per_unit(explanation):
            raise InputError(
                f"Noise on the input is for gradients, but {method_of(explanation)} gives contributions, which "
                f"say nothing "
                'of small moves. Pass perturbation="removal".'
            )
    values = explanation.values
    if isinstance(values, tuple) or np.shape(values)[1:] != row.shape[1:]:
        raise InputError(
            f"The perturbation moves an input of shape {row.shape[1:]}, but the attributions are not of this "
            f"shape. Pass "
            'perturbation="removal".'
        )
    rows = np.repeat(row, n, axis=0)
    if callable(perturbation):
        moves, perturbed = (np.asarray(part, dtype=np.float64) for part in perturbation(rows, rng))
        if moves.shape != rows.shape or perturbed.shape != rows.shape:
            raise InputError(
                f"The perturbation answered with shapes {moves.shape} and {perturbed.shape}; expected "
                f"{rows.shape} twice."
            )
    else:
        moves = radius * rng.standard_normal(rows.shape)
        perturbed = rows - moves
    together = as_model_rows(np.concatenate([row, perturbed]), instance)
    answers = subject.on_rows(n + 1, lambda a, b: together[a:b], explanation)
    said = moves.reshape(n, -1) @ np.asarray(values).reshape(len(values), -1).T
    return said, answers[0] - answers[1:]


def as_model_rows(rows: NDArray[np.float64], instance: Any) -> Any:
    """Rows in the type of the model's own batch."""
    if hasattr(instance, "detach"):
        import torch

        return torch.from_numpy(rows).to(device=instance.device, dtype=instance.dtype)
    if hasattr(instance, "columns"):
        raise InputError(
            "The model takes DataFrames, which are not moved as arrays: pass an array as background."
        )
    return rows.astype(np.asarray(instance).dtype)
