"""How far two explanations of one prediction say the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from jupyter_xai.errors import InputError
from jupyter_xai.explanation import Explanation, Layout
from jupyter_xai.metrics._measure import Measure
from jupyter_xai.metrics.projection import coarser, onto
from jupyter_xai.metrics.subject import broken, per_unit

KRISHNA = 'Krishna et al., "The Disagreement Problem in Explainable Machine Learning" (2022), section 4.2'


@dataclass(frozen=True, eq=False)
class Likeness:
    """How alike two lists of attributions are; NaN with a sentence where a number would mean nothing.

    Parameters
    ----------
    rank : float
        Spearman's rank correlation, ties given their mean rank.
    top : float
        Share of the k largest by size that both have.
    sign : float
        Share of the k largest by size that both have, with the same sign.
    cosine : float
        Cosine of the angle between them.
    notices : tuple of str
    """

    rank: float
    top: float
    sign: float
    cosine: float
    notices: tuple[str, ...] = ()


def agreement(
    first: Explanation,
    second: Explanation,
    *,
    top: int | None = None,
    absolute: bool | Literal["auto"] = "auto",
    layout: Layout | None = None,
) -> dict[str, Measure]:
    """Compare two explanations of the same prediction.

    Where their features differ in size, the finer one is summed onto the coarser one's: pixels onto superpixels.

    Parameters
    ----------
    first, second : Explanation
        Of the same instance and outputs.
    top : int, optional
        How many features count as the top. Default: a quarter of them, from 1 to 10.
    absolute : bool or "auto", default="auto"
        Compare sizes without signs. Auto: where one of the two holds gradients, whose sign says something else, or
        values without a unit (Grad-CAM).
    layout : Layout, optional
        Features on which they are compared. None: the coarser of the two's own.

    Returns
    -------
    dict of str to Measure
        ``rank correlation``, ``top-k overlap``, ``sign agreement``, ``cosine``.

    Raises
    ------
    InputError
        If the two are not of the same instance and outputs.

    Examples
    --------
    >>> from jupyter_xai.explanation import Columns
    >>> row = Columns(
    ...     names=("a", "b", "c"), values=(1, 2, 3), kinds=("number",) * 3, members=((0,), (1,), (2,))
    ... )
    >>> made = lambda *values: Explanation(
    ...     values=np.array([values]), features=row, output_names=("bad",), predictions=np.array([0.6])
    ... )
    >>> found = agreement(made(3.0, -2.0, 1.0), made(3.0, 2.0, 1.0), top=2)
    >>> {name: round(float(each.values[0]), 3) for name, each in found.items()}
    {'rank correlation': 0.5, 'top-k overlap': 1.0, 'sign agreement': 0.5, 'cosine': 0.429}
    """
    if first.output_names != second.output_names:
        raise InputError(
            f"The two explanations are of different outputs ({', '.join(first.output_names[:5])} and "
            f"{', '.join(second.output_names[:5])}): pass targets= to both, or restrict both with for_output()."
        )
    layout = coarser(first.features, second.features) if layout is None else layout
    unsigned = _unsigned(first, second) if absolute == "auto" else bool(absolute)
    a, b = (_laid(each, layout, sizes=unsigned and per_unit(each)) for each in (first, second))
    if unsigned:
        a, b = np.abs(a), np.abs(b)
    rows, notices = [], []
    for name, one, other in zip(first.output_names, a, b, strict=True):
        found = likeness(one, other, top=top)
        rows.append(found)
        notices += [f"{name}: {said}" if len(a) > 1 else said for said in found.notices]
    if unsigned:
        notices.append(
            "Sizes are compared, not signs: the sign of a gradient or of a map without a unit is not that of a "
            "contribution."
        )
    notices += [said for each in (first, second) for said in broken(each)[1]]
    k = _top(a.shape[1], top)
    table = {
        "rank correlation": ([each.rank for each in rows], f"{KRISHNA} (Rank Correlation)"),
        "top-k overlap": ([each.top for each in rows], f"{KRISHNA} (Feature Agreement), k = {k}"),
        "sign agreement": (
            [float("nan") if unsigned else each.sign for each in rows],
            f"{KRISHNA} (Sign Agreement), k = {k}",
        ),
        "cosine": ([each.cosine for each in rows], "cosine of the two vectors of attributions"),
    }
    return {
        name: Measure(
            name=name,
            values=np.array(values, dtype=np.float64),
            output_names=first.output_names,
            definition=definition,
            notices=tuple(dict.fromkeys(notices)),
        )
        for name, (values, definition) in table.items()
    }


def _unsigned(first: Explanation, second: Explanation) -> bool:
    signed = [per_unit(each) or each.value_unit == "relevance" for each in (first, second)]
    return any(signed)


def _laid(explanation: Explanation, layout: Layout, *, sizes: bool) -> NDArray[np.float64]:
    from dataclasses import replace

    if sizes and not isinstance(explanation.values, tuple):
        explanation = replace(explanation, values=np.abs(explanation.values))
    return onto(explanation, layout)


def likeness(first: NDArray[np.float64], second: NDArray[np.float64], *, top: int | None = None) -> Likeness:
    """Compare two lists of attributions of the same features.

    Parameters
    ----------
    first, second : ndarray of shape (features,)
    top : int, optional
        As in ``agreement``.

    Notes
    -----
    Features tied at the edge of the top share its last places.

    Examples
    --------
    >>> likeness(np.array([1.0]), np.array([2.0])).notices
    ('There is one feature only, and one feature has no order.',)
    """
    n = len(first)
    if not (np.isfinite(first).all() and np.isfinite(second).all()):
        return Likeness(np.nan, np.nan, np.nan, np.nan)
    empty = not first.any(), not second.any()
    if any(empty):
        said = "Both explanations are" if all(empty) else "One explanation is"
        return Likeness(
            np.nan, np.nan, np.nan, np.nan, (f"{said} zero everywhere: there is nothing to compare.",)
        )
    notices, rank = [], float("nan")
    if n == 1:
        notices.append("There is one feature only, and one feature has no order.")
    elif np.ptp(first) == 0 or np.ptp(second) == 0:
        notices.append("All features of one explanation have the same value, so they have no order.")
    else:
        rank = rank_correlation(first, second)
    k = _top(n, top)
    one, other = _members(np.abs(first), k), _members(np.abs(second), k)
    if any(((part > 0) & (part < 1)).any() for part in (one, other)):
        notices.append(f"Several features are tied for the last place of the top {k} and share it.")
    same = np.sign(first) == np.sign(second)
    sign = float(np.minimum(one, other) @ same) / k
    cosine = float(np.clip(first @ second / (np.linalg.norm(first) * np.linalg.norm(second)), -1.0, 1.0))
    return Likeness(rank, float(np.minimum(one, other).sum() / k), sign, cosine, tuple(notices))


def rank_correlation(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
    """Spearman's rank correlation, ties given their mean rank; NaN if one of the two has no order.

    Examples
    --------
    >>> rank_correlation(np.array([1.0, 2.0, 3.0]), np.array([1.0, 4.0, 9.0]))
    1.0
    """
    from scipy.stats import rankdata

    a, b = rankdata(first), rankdata(second)
    a, b = a - a.mean(), b - b.mean()
    size = np.sqrt((a @ a) * (b @ b))
    return float(np.clip(a @ b / size, -1.0, 1.0)) if size else float("nan")


def top_overlap(first: NDArray[np.float64], second: NDArray[np.float64], k: int) -> float:
    """Jaccard index of the k features that are largest by size; tied ones share the last places.

    Examples
    --------
    >>> round(top_overlap(np.array([3.0, 2.0, 1.0]), np.array([3.0, 1.0, 2.0]), 2), 3)
    0.333
    """
    one, other = _members(np.abs(first), k), _members(np.abs(second), k)
    return float(np.minimum(one, other).sum() / np.maximum(one, other).sum())


def _top(n: int, top: int | None) -> int:
    if top is None:
        return min(10, max(1, n // 4))
    if isinstance(top, bool) or not hasattr(top, "__index__") or int(top) < 1:
        raise InputError(f"top={top!r} does not work: expected how many features count as the top, from 1.")
    return min(int(top), n)


def _members(sizes: NDArray[np.float64], k: int) -> NDArray[np.float64]:
    """How far each feature belongs to the k largest; they sum to k."""
    edge = np.sort(sizes)[::-1][k - 1]
    sure, tied = sizes > edge, sizes == edge
    return np.where(sure, 1.0, np.where(tied, (k - sure.sum()) / tied.sum(), 0.0))
