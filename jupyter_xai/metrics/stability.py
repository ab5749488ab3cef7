"""Does an explanation stay the same when it is asked for again, or when the input moves a little?"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jupyter_xai.errors import InputError
from jupyter_xai.explanation import Z95, Explanation, Pixels
from jupyter_xai.maskers._random import check_seed, generator
from jupyter_xai.metrics._measure import Measure, student
from jupyter_xai.metrics._nearby import nearby
from jupyter_xai.metrics.agreement import rank_correlation, top_overlap
from jupyter_xai.metrics.projection import onto
from jupyter_xai.metrics.subject import broken

YEH = 'Yeh et al., "On the (In)fidelity and Sensitivity of Explanations" (NeurIPS 2019), Definition 3.1'
VISANI = 'Visani et al., "Statistical Stability Indices for LIME" (2020)'


def across_random_states(
    explainer: Any, x: Any, *, targets: Any = None, n_runs: int = 10, random_state: int = 0
) -> list[Explanation]:
    """Explain one instance again and again, with random states that follow one another.

    Parameters
    ----------
    explainer : Explainer
        With a ``random_state``; it is left as it is.
    x : instance
    targets : optional
        By default those of the first run.
    n_runs : int, default=10
    random_state : int, default=0
        The first one.

    Returns
    -------
    list of Explanation
        For ``stability``.
    """
    runs: list[Explanation] = []
    for seed in range(check_seed(random_state), check_seed(random_state) + _count(n_runs)):
        kernel = copy.copy(explainer)
        kernel.random_state = seed
        wanted = list(runs[0].targets) if runs and targets is None and runs[0].targets else targets
        runs.append(kernel.explain(x, wanted))
    return runs


def stability(explanations: Sequence[Explanation], *, top: int | None = None) -> dict[str, Measure]:
    """How far explanations of one instance, made with different random states, say the same.

    Parameters
    ----------
    explanations : sequence of Explanation
        At least two, of the same instance and outputs, as ``across_random_states`` makes them.
    top : int, optional
        How many features count as the top. Default: a quarter, from 1 to 10.

    Returns
    -------
    dict of str to Measure
        ``rank stability`` (Spearman) and ``top-k Jaccard``, means over pairs of runs with intervals by leaving runs
        out;
        ``VSI`` and ``CSI`` in percent: whether the same features are chosen, and whether their intervals overlap.

    Raises
    ------
    InputError
        If there are fewer than two, or they are of different outputs.

    Notes
    -----
    Visani, Bagli, Chesani, Poluzzi & Capuzzo (2020) define VSI and CSI for LIME with a number of features; where all
    features are kept, the top k stand for those that were chosen.

    Examples
    --------
    >>> from jupyter_xai.explanation import Columns
    >>> row = Columns(names=("a", "b"), values=(1, 2), kinds=("number",) * 2, members=((0,), (1,)))
    >>> made = lambda *values: Explanation(
    ...     values=np.array([values]), features=row, output_names=("bad",), predictions=np.array([0.6])
    ... )
    >>> found = stability([made(2.0, 1.0), made(2.1, 1.0), made(0.9, 1.0)], top=1)
    >>> [round(float(found[name].values[0]), 3) for name in ("rank stability", "top-k Jaccard", "VSI")]
    [-0.333, 0.333, 33.333]
    """
    if len(explanations) < 2:
        raise InputError(
            f"Stability is seen between runs, but there is {len(explanations)}: pass at least two."
        )
    first = explanations[0]
    if any(each.output_names != first.output_names for each in explanations):
        raise InputError("The runs are of different outputs: pass targets= to all of them.")
    values = np.stack(
        [onto(each, first.features) for each in explanations], axis=1
    )  # outputs, runs, features
    wrong = ~np.isfinite(values).all(axis=(1, 2))
    notices = [said for each in explanations for said in broken(each)[1]]
    n = values.shape[2]
    k = min(10, max(1, n // 4)) if top is None else min(int(top), n)
    chosen = _chosen(values, k)
    most = np.maximum(1, chosen.sum(axis=2).max(axis=1))
    every = bool((values != 0).all())
    if every:
        notices.append(f"All features are kept, so the top {k} stand for those that were chosen.")
    if n == 1:
        notices.append("There is one feature only, and one feature has no order.")
    if all(
        np.array_equal(values[:, 0], values[:, run], equal_nan=True) for run in range(1, len(explanations))
    ):
        notices.append("All runs gave the same: the method draws nothing, or has settled to the last digit.")
    flat = (values == 0).all(axis=2).any(axis=1)
    if flat.any():
        notices.append("A run is zero everywhere: there is nothing to compare.")
    wrong = wrong | flat
    errors = _errors(explanations, first)
    table: dict[str, tuple[Callable[[int, int, int], float], str, str]] = {
        "rank stability": (
            lambda out, i, j: rank_correlation(values[out, i], values[out, j]),
            "",
            f"Spearman's rank correlation, mean over pairs of {len(explanations)} runs",
        ),
        "top-k Jaccard": (
            lambda out, i, j: top_overlap(values[out, i], values[out, j], k),
            "",
            f"Jaccard index of the {k} largest, mean over pairs of {len(explanations)} runs",
        ),
        "VSI": (
            lambda out, i, j: 100.0 * float((chosen[out, i] & chosen[out, j]).sum()) / float(most[out]),
            "%",
            f"{VISANI}, Variables Stability Index",
        ),
    }
    found = {}
    for name, (alike, unit, definition) in table.items():
        means, halves = _over_pairs(alike, len(values), len(explanations))
        found[name] = Measure(
            name=name,
            values=np.where(wrong, np.nan, means),
            half_widths=np.where(wrong, np.nan, halves),
            output_names=first.output_names,
            unit=unit,
            better="higher",
            definition=definition,
            n_evals=len(explanations),
            n_rows=sum(each.n_rows for each in explanations),
            notices=tuple(dict.fromkeys(notices)),
        )
    found["CSI"] = _csi(first, explanations, values, chosen, errors, wrong, notices)
    return found


def _chosen(values: NDArray[np.float64], k: int) -> NDArray[np.bool_]:
    """Which features each run chose: those that are not zero; the k largest where all are kept."""
    if not (values != 0).all():
        return np.asarray(values != 0)
    order = np.argsort(-np.abs(values), axis=2, kind="stable")[:, :, :k]
    found = np.zeros(values.shape, dtype=np.bool_)
    np.put_along_axis(found, order, values=True, axis=2)
    return found


def _errors(explanations: Sequence[Explanation], first: Explanation) -> NDArray[np.float64] | None:
    if any(each.std_errors is None or isinstance(each.std_errors, tuple) for each in explanations):
        return None
    shape = (len(first.output_names), -1)
    return np.stack([np.asarray(each.std_errors).reshape(shape) for each in explanations], axis=1)


def _csi(
    first: Explanation,
    explanations: Sequence[Explanation],
    values: NDArray[np.float64],
    chosen: NDArray[np.bool_],
    errors: NDArray[np.float64] | None,
    wrong: NDArray[np.bool_],
    notices: Sequence[str],
) -> Measure:
    said = tuple(dict.fromkeys(notices))
    means = np.full(len(values), np.nan)
    if errors is None:
        said = (*said, "The runs have no intervals, so it cannot be told whether they overlap.")
    elif errors.shape != values.shape:
        said = (*said, "The runs have different features, so their intervals cannot be compared.")
    else:
        low, high = values - Z95 * errors, values + Z95 * errors
        for out in np.flatnonzero(~wrong):
            shares = []
            for feature in range(values.shape[2]):
                runs = np.flatnonzero(chosen[out, :, feature])
                if len(runs) < 2:
                    continue
                overlaps = [
                    low[out, i, feature] <= high[out, j, feature]
                    and low[out, j, feature] <= high[out, i, feature]
                    for i, j in combinations(runs, 2)
                ]
                shares.append(np.mean(overlaps))
            if shares:
                means[out] = 100.0 * float(np.mean(shares))
            else:
                said = (*said, "No feature was chosen in two runs, so there are no intervals to compare.")
    return Measure(
        name="CSI",
        values=means,
        output_names=first.output_names,
        unit="%",
        better="higher",
        definition=f"{VISANI}, Coefficients Stability Index",
        n_evals=len(explanations),
        n_rows=sum(each.n_rows for each in explanations),
        notices=said,
    )


def _over_pairs(
    alike: Callable[[int, int, int], float], outputs: int, runs: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean over pairs of runs, and its half-width by leaving runs out in turn."""
    means, halves = np.empty(outputs), np.empty(outputs)
    for out in range(outputs):
        table = np.full((runs, runs), np.nan)
        for i, j in combinations(range(runs), 2):
            table[i, j] = table[j, i] = alike(out, i, j)
        total = np.nansum(table) / 2
        means[out] = total / (runs * (runs - 1) / 2) if not np.isnan(table[0, 1]) else np.nan
        if runs < 3:
            halves[out] = np.inf
            continue
        without = (total - np.nansum(table, axis=1)) / ((runs - 1) * (runs - 2) / 2)
        spread = (runs - 1) / runs * ((without - without.mean()) ** 2).sum()
        halves[out] = student(runs - 1) * np.sqrt(spread)
    return means, halves


def max_sensitivity(
    explainer: Any,
    x: Any,
    *,
    targets: Any = None,
    radius: float = 0.02,
    n_samples: int = 10,
    random_state: int | None = 0,
) -> Measure:
    """The largest relative change of an explanation when the input moves a little.

    ``max |phi(x + d) - phi(x)| / |phi(x)|`` over moves d drawn uniformly with every value within ``radius`` of its
    scale.
    The explainer's own random state stays, so that what changes is the input alone; an image keeps its pieces.

    Parameters
    ----------
    explainer : Explainer
    x : instance
    targets : optional
        By default those explained at x.
    radius : float, default=0.02
        In standard deviations of each column, in the range of pixels; for arrays without a masker in their own units.
    n_samples : int, default=10
    random_state : int or None, default=0

    Returns
    -------
    Measure
        The largest of so many: a lower bound of the true maximum.

    Raises
    ------
    InputError
        If the input is text, or nothing in it can be moved a little.

    Notes
    -----
    Yeh et al. (NeurIPS 2019), Definition 3.1, in proportion to the norm at x, as captum's ``sensitivity_max``.

    Examples
    --------
    >>> import jupyter_xai as xai
    >>> import torch
    >>> max_sensitivity(
    ...     xai.Saliency(torch.nn.Linear(2, 1)), [1.0, 5.0]
    ... ).values  # the gradient is the same everywhere
    array([0.])
    """
    rng = generator(check_seed(random_state), "sensitivity", 0)
    masker = next(
        (
            part
            for part in (getattr(explainer, name, None) for name in ("masker", "inputs"))
            if hasattr(part, "bind")
        ),
        None,
    )
    moved, scale = nearby(x, masker, radius, _count(n_samples, 1), rng)
    first = explainer.explain(x, targets)
    kernel = _with_pieces(explainer, masker, first)
    if kernel is not explainer:
        first = kernel.explain(x, targets)
    wanted = list(first.targets) if first.targets else targets
    base = _flat(first)
    sizes = np.linalg.norm(base, axis=1)
    changes, rows = np.zeros(len(sizes)), first.n_rows
    wrong, notices = broken(first)
    for each in moved:
        found = kernel.explain(each, wanted)
        rows += found.n_rows
        bad, said = broken(found)
        wrong, notices = wrong | bad, (*notices, *said)
        changes = np.maximum(changes, np.linalg.norm(_flat(found) - base, axis=1))
    zero = sizes == 0
    if zero.any():
        notices = (
            *notices,
            "The explanation is zero everywhere, so a change has nothing to be compared with.",
        )
    with np.errstate(divide="ignore", invalid="ignore"):
        values = np.where(wrong | zero, np.nan, changes / sizes)
    return Measure(
        name="max-sensitivity",
        values=values,
        output_names=first.output_names,
        better="lower",
        definition=f"{YEH}, relative to the norm of the explanation; {len(moved)} moves of up to {radius:g} {scale}",
        n_evals=len(moved),
        n_rows=rows,
        notices=tuple(dict.fromkeys(notices)),
    )


def _with_pieces(explainer: Any, masker: Any, first: Explanation) -> Any:
    """The explainer with the pieces into which the unmoved image is cut, where it cuts one."""
    labels = first.features.labels if isinstance(first.features, Pixels) else None
    if labels is None or masker is None or not hasattr(masker, "segmentation"):
        return explainer
    kernel, cut = copy.copy(explainer), copy.copy(masker)
    cut.segmentation = labels
    setattr(kernel, "masker" if getattr(explainer, "masker", None) is masker else "inputs", cut)
    return kernel


def _flat(explanation: Explanation) -> NDArray[np.float64]:
    parts = explanation.values if isinstance(explanation.values, tuple) else (explanation.values,)
    return np.concatenate([np.asarray(part).reshape(len(part), -1) for part in parts], axis=1)


def _count(n: Any, least: int = 2) -> int:
    if isinstance(n, bool) or not hasattr(n, "__index__") or int(n) < least:
        raise InputError(f"{n!r} runs do not work: expected a whole number from {least}.")
    return int(n)
