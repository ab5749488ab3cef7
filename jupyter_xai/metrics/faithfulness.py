"""Does the model bear an explanation out? Infidelity, completeness, local fidelity, and the drop of the log-odds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from jupyter_xai.errors import InputError
from jupyter_xai.explanation import Explanation
from jupyter_xai.maskers._random import check_seed, generator
from jupyter_xai.maskers.neighbourhoods import neighbourhood_of
from jupyter_xai.metrics._measure import Measure, jackknife, mean_interval
from jupyter_xai.metrics.subject import Subject, as_array, broken, per_unit, relative

YEH = 'Yeh et al., "On the (In)fidelity and Sensitivity of Explanations" (NeurIPS 2019)'
RIBEIRO = 'Ribeiro, Singh & Guestrin, "Why Should I Trust You?" (KDD 2016)'
SHRIKUMAR = (
    'Shrikumar, Greenside & Kundaje, "Learning Important Features Through Propagating Activation Differences" '
    "(ICML 2017)"
)
SUNDARARAJAN = 'Sundararajan, Taly & Yan, "Axiomatic Attribution for Deep Networks" (ICML 2017)'

Perturbation = Literal["removal", "gaussian"] | Callable[..., Any]

CONSTANT = (
    "The model answers the same whatever is removed: there is nothing that an explanation could be right or "
    "wrong about."
)


def completeness_gap(explanation: Explanation) -> Measure:
    """How far base value and attributions are from the prediction they are meant to add up to.

    Parameters
    ----------
    explanation : Explanation

    Returns
    -------
    Measure
        ``|prediction - base - sum|`` of each output, in its unit. NaN for methods that do not claim to add up.

    Notes
    -----
    Sundararajan, Taly & Yan (ICML 2017), Proposition 1.

    Examples
    --------
    >>> from jupyter_xai.explanation import Columns
    >>> row = Columns(names=("a", "b"), values=(1, 2), kinds=("number",) * 2, members=((0,), (1,)))
    >>> completeness_gap(
    ...     Explanation(
    ...         values=np.array([[0.2, 0.1]]),
    ...         features=row,
    ...         output_names=("bad",),
    ...         predictions=np.array([0.6]),
    ...         base_values=np.array([0.25]),
    ...         additive=True,
    ...     )
    ... ).values.round(3)
    array([0.05])
    """
    gap = explanation.additivity_gap
    wrong, notices = broken(explanation)
    if gap is None or not explanation.additive:
        values = np.full(len(explanation.output_names), np.nan)
        notices = (
            *notices,
            f"{_method(explanation)} does not claim that its values add up to the prediction.",
        )
    else:
        values = np.where(wrong, np.nan, np.abs(gap))
    return Measure(
        name="completeness gap",
        values=values,
        output_names=explanation.output_names,
        unit=_plain(explanation.output_unit),
        better="lower",
        definition=f"{SUNDARARAJAN}, Proposition 1",
        notices=notices,
    )


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
        "infidelity" or "infidelity, best scale", in squares of the output's unit, with intervals by jackknife.

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
    n, rng = _count(n_perturbations), generator(check_seed(random_state), "infidelity", 0)
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
    if scaled:

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
                f"The values of {_method(explanation)} have no unit, so the error of their sums means nothing: see the "
                "infidelity with the best scale."
            ),
        )
    else:
        values, half = mean_interval(parts @ np.array([1.0, -2.0, 1.0]))
    if _still(drops, explanation):
        notices = (*notices, CONSTANT)
    return Measure(
        name="infidelity, best scale" if scaled else "infidelity",
        values=values,
        half_widths=half,
        output_names=explanation.output_names,
        unit=f"{_plain(unit)}²" if unit != "raw" else "",
        better="lower",
        definition=f"{YEH}, Definition 2.1, equation 1" + (", with the optimal scale" if scaled else ""),
        n_evals=n,
        n_rows=asked,
        notices=notices,
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
                f"Noise on the input is for gradients, but {_method(explanation)} gives contributions, which "
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


def local_fidelity(
    explanation: Explanation, subject: Subject, *, n_samples: int = 400, random_state: int | None = 0
) -> Measure:
    """Share of the model's variation near the instance that the attributions account for, on draws of its own.

    The stand-in is the base value plus the contributions of what is present; without a base value it passes through the
    prediction. It is compared with the model on fresh draws of LIME's neighbourhood, weighted by closeness.

    Parameters
    ----------
    explanation : Explanation
    subject : Subject
    n_samples : int, default=400
    random_state : int or None, default=0
        Draws are never those of a LIME run with the same number.

    Returns
    -------
    Measure
        R squared, 1 at best, below 0 where a constant would do better; intervals by jackknife.

    Notes
    -----
    The square loss of Ribeiro, Singh & Guestrin (KDD 2016), section 3.4, equation 2, in proportion to the variance, on
    draws that were not fitted.

    Examples
    --------
    >>> import jupyter_xai as xai
    >>> model = lambda texts: [0.5 + 0.4 * ("good" in text) - 0.3 * ("dull" in text) for text in texts]
    >>> found = xai.KernelShap(model, xai.Text()).explain("good but dull")
    >>> local_fidelity(found, Subject(model, "good but dull", xai.Text())).values.round(6)
    array([1.])
    """
    n = _count(n_samples)
    seed = int(generator(check_seed(random_state), "local fidelity", 0).integers(2**31))
    wrong, notices = broken(explanation)
    contributions = subject.contributions(explanation)
    base = explanation.base_values
    if base is None:
        base = explanation.predictions - contributions.sum(axis=1)
    unit = subject.unit(explanation)
    predictor = subject.predictor
    with predictor.run():
        around = neighbourhood_of(subject.masker, subject.x, predictor, seed, "lime")
        draws = around.draw(1, n + 1)
    with subject.counted() as rows:
        answers = subject.on_rows(n, lambda a, b: draws.build(np.arange(a, b)), explanation)
        asked = rows()
    weights = np.sqrt(np.exp(-((draws.distances / around.kernel_width) ** 2)))
    with np.errstate(invalid="ignore"):
        said = base + draws.features.astype(np.float64) @ contributions.T
    w = np.broadcast_to(weights[:, None], answers.shape)
    centred = answers - answers.mean(axis=0)
    parts = np.stack([w, w * centred, w * centred**2, w * (answers - said) ** 2], axis=-1)

    def r2(sums: NDArray[np.float64]) -> NDArray[np.float64]:
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(1 - sums[..., 3] / (sums[..., 2] - sums[..., 1] ** 2 / sums[..., 0]))

    values, half = jackknife(parts, r2)
    flat = np.ptp(answers, axis=0) <= 1e-9 * np.maximum(1.0, np.abs(answers).max(axis=0))
    if flat.any():
        notices = (*notices, CONSTANT)
    nothing = wrong | flat
    if relative(explanation):
        nothing = np.ones_like(nothing)
        notices = (*notices, f"The values of {_method(explanation)} have no unit and make no prediction.")
    return Measure(
        name="local fidelity",
        values=np.where(nothing, np.nan, values),
        half_widths=np.where(nothing, np.nan, half),
        output_names=explanation.output_names,
        better="higher",
        definition=f"R² on {n:,} draws that were not fitted, in {_plain(unit) or 'the output'}; loss of {RIBEIRO}, "
        "section 3.4, equation 2",
        n_evals=n,
        n_rows=asked,
        notices=notices,
    )


def log_odds_drop(
    explanation: Explanation,
    subject: Subject,
    *,
    share: float = 0.2,
    n_random: int = 20,
    random_state: int | None = 0,
) -> Measure:
    """How far the log-odds fall when the features with the highest attributions are removed.

    Parameters
    ----------
    explanation : Explanation
    subject : Subject
    share : float, default=0.2
        Share of the features that is removed, at least one.
    n_random : int, default=20
        Random removals of as many features, which a notice compares with.
    random_state : int or None, default=0

    Returns
    -------
    Measure
        ``logit p(x) - logit p(x without them)`` of each output; for outputs that are no probabilities the fall of the
        output itself.

    Notes
    -----
    Shrikumar, Greenside & Kundaje (ICML 2017), section 4.1, where 157 of 784 pixels of a digit are erased, for one
    class
    alone.

    Examples
    --------
    >>> import jupyter_xai as xai
    >>> model = lambda texts: [[0.9 - 0.8 * ("good" in text), 0.1 + 0.8 * ("good" in text)] for text in texts]
    >>> found = xai.KernelShap(model, xai.Text()).explain("a good film", targets=1)
    >>> log_odds_drop(found, Subject(model, "a good film", xai.Text())).values.round(3)
    array([4.394])
    """
    if not 0 < share <= 1:
        raise InputError(
            f"share={share!r} does not work: expected a share of the features above 0 and up to 1."
        )
    wrong, notices = broken(explanation)
    importances = np.where(wrong[:, None], 0.0, subject.importances(explanation))
    n, outputs = subject.n_features, len(importances)
    k = max(1, round(share * n))
    rng = generator(check_seed(random_state), "log-odds drop", 0)
    chosen = np.argsort(-importances, axis=1, kind="stable")[:, :k]
    random = np.stack([rng.permutation(n)[:k] for _ in range(max(0, n_random))]) if n_random else chosen[:0]
    masks = np.ones((outputs + len(random), n), dtype=np.bool_)
    np.put_along_axis(masks, np.concatenate([chosen, random]), values=False, axis=1)
    with subject.counted() as rows:
        answers, whole, _ = subject.on_masks(masks, explanation)
        unit = subject.unit(explanation)
        asked = rows()
    if unit == "probability":
        answers, whole = _logit(answers), _logit(whole)
    drops = whole - answers
    values = np.where(wrong, np.nan, drops[np.arange(outputs), np.arange(outputs)])
    if len(random):
        middle = np.median(drops[outputs:], axis=0)
        beaten = (drops[outputs:] < values).mean(axis=0)
        notices += tuple(
            f"{name}: random removals of {k} of {n} features take {middle[i]:.3g} in the middle; this order "
            f"takes more than "
            f"{beaten[i]:.0%} of them."
            for i, name in enumerate(explanation.output_names)
            if not wrong[i]
        )
    if _still(drops, explanation):
        notices = (*notices, CONSTANT)
    edges = np.take_along_axis(importances, chosen[:, -1:], axis=1)
    if ((importances >= edges).sum(axis=1) > k).any():
        notices = (
            *notices,
            f"Several features are tied for the last place of the {k} that are removed; the first of them were taken.",
        )
    return Measure(
        name="log-odds drop" if unit in {"probability", "logit"} else "drop of the output",
        values=values,
        output_names=explanation.output_names,
        unit="logit" if unit in {"probability", "logit"} else "",
        better="higher",
        definition=f"{SHRIKUMAR}, section 4.1, with {k} of {n} features removed, for one class alone",
        n_evals=len(masks),
        n_rows=asked,
        notices=notices,
    )


def random_masks(rng: np.random.Generator, n: int, n_features: int) -> NDArray[np.bool_]:
    """Masks that remove any number of features, from one to all, each number as often; True keeps.

    Examples
    --------
    >>> masks = random_masks(np.random.default_rng(0), 100, 4)
    >>> masks.shape, bool(masks.all(axis=1).any())
    ((100, 4), False)
    """
    sizes = rng.integers(1, n_features + 1, size=n)
    ranks = rng.random((n, n_features)).argsort(axis=1).argsort(axis=1)
    return np.asarray(ranks >= sizes[:, None])


def _still(drops: NDArray[np.float64], explanation: Explanation) -> bool:
    """Whether an output never moves, rounding aside."""
    scale = np.maximum(1.0, np.abs(explanation.predictions))
    return bool((np.abs(drops).max(axis=0) <= 1e-9 * scale).any())


def _count(n: Any) -> int:
    if isinstance(n, bool) or not hasattr(n, "__index__") or int(n) < 2:
        raise InputError(f"{n!r} perturbations do not work: expected a whole number from 2.")
    return int(n)


def _logit(p: NDArray[np.float64]) -> NDArray[np.float64]:
    clipped = np.clip(p, 1e-7, 1 - 1e-7)
    return np.asarray(np.log(clipped) - np.log1p(-clipped))


def _plain(unit: str) -> str:
    return "" if unit == "raw" else unit


def _method(explanation: Explanation) -> str:
    return explanation.method or "This method"
