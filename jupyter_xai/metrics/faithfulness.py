"""Does the model bear an explanation out? Completeness, local fidelity, and the drop of the log-odds."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from jupyter_xai.errors import InputError
from jupyter_xai.explanation import Explanation
from jupyter_xai.maskers._random import check_seed, generator
from jupyter_xai.maskers.neighbourhoods import neighbourhood_of
from jupyter_xai.metrics._measure import Measure, jackknife
from jupyter_xai.metrics._shared import CONSTANT, count, logit, method_of, plain, still
from jupyter_xai.metrics.subject import Subject, broken, relative

RIBEIRO = 'Ribeiro, Singh & Guestrin, "Why Should I Trust You?" (KDD 2016)'
SHRIKUMAR = (
    'Shrikumar, Greenside & Kundaje, "Learning Important Features Through Propagating Activation Differences" '
    "(ICML 2017)"
)
SUNDARARAJAN = 'Sundararajan, Taly & Yan, "Axiomatic Attribution for Deep Networks" (ICML 2017)'


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
    floor = np.zeros(len(wrong))
    if gap is None or not explanation.additive:
        values = np.full(len(explanation.output_names), np.nan)
        notices = (
            *notices,
            f"{method_of(explanation)} does not claim that its values add up to the prediction.",
        )
    else:
        values = np.where(wrong, np.nan, np.abs(gap))
        floor = 1e-6 * np.abs(explanation.predictions - np.asarray(explanation.base_values))
    return Measure(
        name="completeness gap",
        values=values,
        output_names=explanation.output_names,
        unit=plain(explanation.output_unit),
        better="lower",
        definition=f"{SUNDARARAJAN}, Proposition 1",
        notices=notices,
        floor=floor,
    )


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
    n = count(n_samples)
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
        answers = subject.on_rows(
            n, lambda a, b: draws.build(np.arange(a, b)), explanation, f"local fidelity {seed} {n}"
        )
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
    with np.errstate(
        divide="ignore", invalid="ignore"
    ):  # linearised in what both stand-ins share, the variation
        sums = parts.sum(axis=0)
        varies = sums[:, 2] - sums[:, 1] ** 2 / sums[:, 0]
        single = 1 - n * parts[..., 3] / varies
    flat = np.ptp(answers, axis=0) <= 1e-9 * np.maximum(1.0, np.abs(answers).max(axis=0))
    if flat.any():
        notices = (*notices, CONSTANT)
    nothing = wrong | flat
    if relative(explanation):
        nothing = np.ones_like(nothing)
        notices = (*notices, f"The values of {method_of(explanation)} have no unit and make no prediction.")
    return Measure(
        name="local fidelity",
        values=np.where(nothing, np.nan, values),
        half_widths=np.where(nothing, np.nan, half),
        output_names=explanation.output_names,
        better="higher",
        definition=f"R² on {n:,} draws that were not fitted, in {plain(unit) or 'the output'}; loss of {RIBEIRO}, "
        "section 3.4, equation 2",
        n_evals=n,
        n_rows=asked,
        notices=notices,
        draws=single,
        floor=np.full(len(values), 1e-6),
    )


def log_odds_drop(
    explanation: Explanation,
    subject: Subject,
    *,
    share: float = 0.2,
    towards: str | int | None = None,
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
    towards : str or int, optional
        Another explained output: features are ranked by how much more they speak for each output than for that one, and
        the fall of the difference of the two log-odds is given, as in the paper. None: one output by itself.
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
    Shrikumar, Greenside & Kundaje (ICML 2017), section 4.1, where 157 of 784 pixels of a digit are erased to turn it
    into another one (``towards``).

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
    other = None if towards is None else _position(explanation, towards)
    if other is not None:
        importances = importances - importances[other]
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
        answers, whole = logit(answers), logit(whole)
    if other is not None:
        answers, whole = answers - answers[:, [other]], whole - whole[other]
        wrong = wrong | wrong[other] | (np.arange(outputs) == other)
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
    if still(drops[:, [out for out in range(outputs) if out != other]], explanation, other):
        notices = (*notices, CONSTANT)
    if other is not None:
        said = f"{explanation.output_names[other]} is what the others are compared with and has no number of its own."
        notices = (*notices, said)
    edges = np.take_along_axis(importances, chosen[:, -1:], axis=1)
    if ((importances >= edges).sum(axis=1) > k)[np.arange(outputs) != other].any():
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
        definition=f"{SHRIKUMAR}, section 4.1, with {k} of {n} features removed, "
        + ("for one class alone" if other is None else f"towards {explanation.output_names[other]}"),
        n_evals=len(masks),
        n_rows=asked,
        notices=notices,
    )


def _position(explanation: Explanation, towards: str | int) -> int:
    """Position of an explained output."""
    if isinstance(towards, str):
        towards = explanation.output_names.index(explanation.for_output(towards).output_names[0])
    if not 0 <= towards < len(explanation.output_names) or len(explanation.output_names) < 2:
        raise InputError(
            f"towards={towards!r} does not work: expected another of the explained outputs, "
            f"{', '.join(explanation.output_names)}. Explain both, with targets=[...]."
        )
    return towards
