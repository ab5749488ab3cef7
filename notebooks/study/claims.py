"""What the numbers say, in sentences: who is preferable, what becomes of the report's claims, what disagrees."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from scipy.stats import spearmanr

from jupyter_xai.comparing.table import Benchmark, Difference
from study.measure import (
    BACKGROUND,
    CELLS,
    GREY,
    LOOKS,
    METHODS,
    OTHERS,
    PIXELS,
    SPARSE,
    STEADY,
    Study,
    of_methods,
)

GOODNESS = (
    "deletion against random",
    "insertion against random",
    "infidelity",
    "infidelity (best scale)",
    "log-odds drop",
    "local fidelity",
    "ROAD",
)
LIMES = ("LIME felzenszwalb", "LIME quickshift", "LIME slic")
CONFIRMED, CONTRADICTED, IN_PART, UNDECIDED = "confirmed", "contradicted", "confirmed in part", "undecided"


@dataclass(frozen=True)
class Finding:
    """What becomes of one claim on one network."""

    claim: str
    study: str
    verdict: str
    evidence: str


@dataclass(frozen=True)
class Standing:
    """Where a method stands in one measure: first (beyond the intervals), level with the best, or behind it."""

    place: str
    best: str
    apart: Difference | None = None


def measures(study: Study) -> Iterator[tuple[str, str, Benchmark]]:
    """Judge, metric and table of everything that says how faithful a method is."""
    for judge in (CELLS, PIXELS, OTHERS):
        table = study.tables.get(judge)
        if table is None:  # none is done yet
            continue
        for metric in GOODNESS:
            if metric in table.metrics and np.isfinite(table.mean(metric)[0]).sum() > 1:
                yield judge, metric, table


def standing(table: Benchmark, metric: str, method: str) -> Standing | None:
    """Where a method stands; None where it has no number."""
    if not np.isfinite(table.mean(metric)[0][table.methods.index(method)]):
        return None
    found = table.differences(metric)
    best = found[0].first
    if method == best:
        alone = all(each.excludes_zero for each in found)
        return Standing("first" if alone else "level", best)
    (own,) = (each for each in found if each.second == method)
    return Standing("behind" if own.excludes_zero else "level", best, own)


def number(value: float) -> str:
    """Three significant digits, without an exponent where one can do without.

    Examples
    --------
    >>> number(0.12345), number(1234.5)
    ('0.123', '1230')
    """
    if not np.isfinite(value):
        return "–"
    rounded = float(f"{value:.3g}")
    return f"{rounded:.0f}" if abs(rounded) >= 100 else f"{rounded:.3g}"


def apart(difference: Difference) -> str:
    """Size and interval of a difference: how far the first is ahead of the second.

    Examples
    --------
    >>> apart(Difference("infidelity", "LIME", "KernelSHAP", -0.5, 0.12, 10))
    '0.5 ± 0.12'
    """
    return f"{number(abs(difference.mean))} ± {number(difference.half_width)}"


def listed(words: Sequence[str]) -> str:
    """Words with commas and an "and".

    Examples
    --------
    >>> listed(["a", "b", "c"])
    'a, b and c'
    """
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


# --- which method is preferable ----------------------------------------------------------------------------


def preferable(study: Study) -> list[tuple[str, str, str]]:
    """Judge, metric, and a sentence that names a method only where every paired difference excludes zero."""
    lines = []
    for judge, metric, table in measures(study):
        found = table.differences(metric)
        nearest = min(found, key=lambda each: abs(each.mean))
        if table.winner(metric):
            said = f"{found[0].first}: ahead of {nearest.second}, the next, by {apart(nearest)}."
        else:
            said = f"No method alone: {found[0].first} has the best mean, {_level(found)}."
        lines.append((judge, metric, said))
    return lines


def _level(found: Sequence[Difference]) -> str:
    """Which methods are level with the best, the shorter way round."""
    level = [each.second for each in found if not each.excludes_zero]
    behind = [each.second for each in found if each.excludes_zero]
    if not behind:
        return "level with all others"
    if len(level) <= len(behind):
        return f"level with {listed(level)}"
    return f"level with all but {listed(behind)}"


# --- the report's claims -----------------------------------------------------------------------------------


def deep_explainer(study: Study) -> Finding:
    """DeepExplainer (DeepSHAP) gives the best explanations."""
    places: dict[str, list[str]] = {"first": [], "level": [], "behind": []}
    ahead: dict[str, int] = {}
    for judge, metric, table in measures(study):
        found = standing(table, metric, "DeepSHAP")
        if found is not None:
            places[found.place].append(f"{metric} ({judge})")
            if found.place == "behind":
                ahead[found.best] = ahead.get(found.best, 0) + 1
    n = sum(len(each) for each in places.values())
    first, level, behind = (len(places[name]) for name in ("first", "level", "behind"))
    evidence = (
        f"Of {n} measures DeepSHAP is alone in front in {first}, level with the best in {level}, behind it in "
        f"{behind}"
    )
    if ahead:
        best = sorted(ahead, key=lambda each: -ahead[each])
        evidence += f" (there {listed([f'{each} leads in {ahead[each]}' for each in best])})"
    evidence += "."
    if places["first"]:
        evidence += f" In front: {listed(places['first'])}."
    return Finding("DeepExplainer is best", study.name, _verdict(first, level, behind), evidence)


def _verdict(first: int, level: int, behind: int) -> str:
    """Whether a method is best that is alone in front, level with the best and behind it in so many measures."""
    if not behind:
        return CONFIRMED if first else UNDECIDED
    return IN_PART if first and behind <= (first + level + behind) / 2 else CONTRADICTED


def gradient_explainer(study: Study) -> Finding:
    """GradientExplainer (expected gradients) is sparse."""
    own = "Expected gradients"
    rivals = ("DeepLIFT", "DeepSHAP")
    table = of_methods(study.tables[LOOKS], (own, *rivals))
    means = dict(zip(table.methods, table.mean(SPARSE)[0], strict=True))
    found = table.differences(SPARSE, against=own)
    sparser = [each for each in found if each.excludes_zero and each.mean < 0]
    fuller = [each for each in found if each.excludes_zero and each.mean > 0]
    said = [f"in {each.second} {means[each.second]:.1%} (apart {_points(each)})" for each in found]
    everyone = of_methods(study.tables[LOOKS], METHODS)
    least = everyone.methods[int(np.nanargmin(everyone.mean(SPARSE)[0]))]
    evidence = (
        f"80 % of the sum lies in {means[own]:.1%} of the pixels, {listed(said)}; of all nine methods "
        f"{least} needs the fewest pixels."
    )
    verdict = _of_pairs(len(sparser), len(fuller), len(found))
    return Finding("GradientExplainer is sparse", study.name, verdict, evidence)


def lime_unstable(study: Study) -> Finding:
    """LIME is unstable."""
    names = ("KernelSHAP", "Expected gradients")
    table = of_methods(study.tables[STEADY], (*LIMES, *names))
    less, more, pairs, said = 0, 0, 0, []
    for metric in ("rank stability", "top-k Jaccard"):
        means = dict(zip(table.methods, table.mean(metric)[0], strict=True))
        said.append(f"{metric} {listed([f'{number(means[each])} ({each})' for each in table.methods])}")
        for lime in LIMES:
            if np.isfinite(means[lime]):
                found = table.differences(metric, against=lime)
                against = [each for each in found if each.second in names]
                pairs += len(against)
                less += sum(each.mean < 0 and each.excludes_zero for each in against)
                more += sum(each.mean > 0 and each.excludes_zero for each in against)
    evidence = (
        f"Between random states: {'; '.join(said)}. Of {pairs} comparisons of a LIME with another method that samples "
        f"it is less steady in {less} and steadier in {more}, beyond the intervals."
    )
    noise = of_methods(study.tables[STEADY], METHODS).mean("max-sensitivity")[0]
    moves = dict(zip(METHODS, noise, strict=True))
    worst = max((each for each in METHODS if np.isfinite(moves[each])), key=lambda each: moves[each])
    evidence += (
        f" When the picture gets a little noise, {worst} changes most ({moves[worst]:.2f} of its size); "
        f"LIME slic changes by {moves['LIME slic']:.2f}."
    )
    return Finding(
        "LIME is unstable",
        study.name,
        _of_pairs(less, more, pairs),
        evidence,
    )


def kernel_explainer(study: Study) -> Finding:
    """KernelExplainer looks at the background."""
    table = of_methods(study.tables[LOOKS], (*METHODS, GREY))
    share = dict(zip(table.methods, table.mean(BACKGROUND)[0], strict=True))
    among = of_methods(table, METHODS)
    found = among.differences(BACKGROUND, against="KernelSHAP")
    more = [each.second for each in found if each.mean > 0 and each.excludes_zero]
    same = next(each for each in found if each.second == "LIME slic")
    (grey,) = of_methods(table, ("KernelSHAP", GREY)).differences(BACKGROUND, against=GREY)
    evidence = (
        f"{study.black:.0%} of a picture is background. KernelSHAP has {share['KernelSHAP']:.1%} of its sum there, "
        f"more than {len(more)} of the 8 other methods beyond the intervals; LIME on the same pieces has "
        f"{share['LIME slic']:.1%} (apart {_points(same)}). Where hidden pieces are grey in place of black it has "
        f"{share[GREY]:.1%} (apart {_points(grey)})"
    )
    if grey.excludes_zero and grey.mean > 0:
        evidence += ": how much it looks at the background is the choice of what hidden means"
    fewer = [each for each in found if each.mean < 0 and each.excludes_zero]
    verdict = _of_pairs(len(more), len(fewer), len(found))
    return Finding("KernelExplainer looks at the background", study.name, verdict, f"{evidence}.")


def slic_best(study: Study) -> Finding:
    """Of the segmentations, slic gives LIME's best explanations."""
    places: dict[str, int] = {"first": 0, "level": 0, "behind": 0}
    ahead: dict[str, int] = {}
    for _, metric, table in measures(study):
        limes = of_methods(table, LIMES)
        found = standing(limes, metric, "LIME slic")
        if found is not None:
            places[found.place] += 1
            if found.place == "behind":
                ahead[found.best] = ahead.get(found.best, 0) + 1
    n = sum(places.values())
    evidence = (
        f"Of {n} measures of the three LIMEs slic is alone in front in {places['first']}, level with the best in "
        f"{places['level']}, behind it in {places['behind']}"
    )
    if ahead:
        evidence += f" ({listed([f'{name} leads in {times}' for name, times in ahead.items()])})"
    return Finding("slic is the best segmentation", study.name, _verdict(**places), f"{evidence}.")


CLAIMS = (deep_explainer, gradient_explainer, lime_unstable, kernel_explainer, slic_best)


def _of_pairs(borne_out: int, reversed_: int, pairs: int) -> str:
    """Whether a method is what a claim says beside others, given in how many pairs it is, and is the opposite."""
    if borne_out == pairs:
        return CONFIRMED
    if borne_out:
        return IN_PART
    return CONTRADICTED if reversed_ else UNDECIDED


def _points(difference: Difference) -> str:
    """A difference of shares, in percentage points."""
    return f"{100 * difference.mean:+.1f} ± {100 * difference.half_width:.1f} points"


# --- where metrics disagree --------------------------------------------------------------------------------


def orders(study: Study) -> tuple[list[str], np.ndarray]:
    """Names of the measures, and the rank correlation between the orders in which they put the methods."""
    names, columns = [], []
    for judge, metric, table in measures(study):
        sign = -1.0 if table.better(metric) == "lower" else 1.0
        names.append(f"{metric} ({judge})")
        columns.append(sign * of_methods(table, METHODS).mean(metric)[0])
    matrix = np.eye(len(names))
    for i, j in combinations(range(len(names)), 2):
        both = np.isfinite(columns[i]) & np.isfinite(columns[j])
        if both.sum() > 2:
            matrix[i, j] = matrix[j, i] = spearmanr(columns[i][both], columns[j][both]).statistic
    return names, matrix


def leaders(study: Study) -> list[str]:
    """For each judge a sentence: which methods are most often in front, or level with what is."""
    counts: dict[str, dict[str, int]] = {}
    totals: dict[str, int] = {}
    for judge, metric, table in measures(study):
        found = table.differences(metric)
        best = [found[0].first, *(each.second for each in found if not each.excludes_zero)]
        totals[judge] = totals.get(judge, 0) + 1
        for name in best:
            times = counts.setdefault(judge, {})
            times[name] = times.get(name, 0) + 1
    said = []
    for judge, times in counts.items():
        most = max(times.values())
        names = [name for name in METHODS if times.get(name) == most]
        are = "is" if len(names) == 1 else "are"
        said.append(
            f"{study.name}, {judge}: {listed(names)} {are} in front or level with the best in {most} of "
            f"{totals[judge]} measures."
        )
    return said


def disagreements(study: Study) -> list[str]:
    """Sentences: who wins what, and which measures put the methods in opposite orders."""
    names, matrix = orders(study)
    winners: dict[str, list[str]] = {}
    for judge, metric, table in measures(study):
        winners.setdefault(table.winner(metric), []).append(f"{metric} ({judge})")
    said = [f"{name} is preferable in {listed(found)}." for name, found in winners.items() if name]
    if winners.get(""):
        said.append(f"No method alone is preferable in {len(winners[''])} of the {len(names)} measures.")
    pairs = list(combinations(range(len(names)), 2))
    values = np.array([matrix[i, j] for i, j in pairs])
    i, j = pairs[int(values.argmin())]
    below = int((values < 0).sum())
    said.append(
        f"Of {len(pairs)} pairs of measures {below} put the methods in opposite orders (rank correlation below zero); "
        f"the furthest apart are {names[i]} and {names[j]} ({values.min():+.2f}), and the median is "
        f"{np.median(values):+.2f}."
    )
    best = {(judge, metric): table.differences(metric)[0].first for judge, metric, table in measures(study)}
    both = [metric for metric in GOODNESS if (CELLS, metric) in best and (OTHERS, metric) in best]
    moved = [metric for metric in both if best[CELLS, metric] != best[OTHERS, metric]]
    if moved:
        said.append(
            f"Black or other pictures in the place of what is removed: the best method is another one in "
            f"{listed(moved)}."
        )
    return said
