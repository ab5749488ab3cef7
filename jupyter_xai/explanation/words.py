"""What every outlet says, in the words of the live view: state, sums, fit, doubt."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from jupyter_xai.explanation.layouts import Layout, Pixels, Several, Steps, Tokens
from jupyter_xai.explanation.numbers import (
    MINUS,
    counted,
    decimals_for,
    duration,
    fixed,
    prediction,
    signed,
    significant,
    sum_decimals,
    whole,
)
from jupyter_xai.explanation.result import Explanation, Unexplained
from jupyter_xai.explanation.rows import Row, by_weight, rows, scale_end

# --- state -------------------------------------------------------------------------------------------------


def state_line(
    state: str,
    *,
    rows: int = 0,
    total: int | None = None,
    rate: float | None = None,
    seconds: float | None = None,
    seconds_left: float | None = None,
    random_state: int | None = None,
) -> str:
    """Where a run is, in one line.

    Examples
    --------
    >>> state_line("settled", rows=3000, seconds=0.02, random_state=0)
    'settled · 3,000 rows · < 0.1 s · seed 0'
    >>> state_line("running", rows=240, total=3000, rate=410.0, seconds_left=6.7)
    '8 % · 240 of 3,000 rows · 410/s · 7 s left'
    """
    seed = "no seed" if random_state is None else f"seed {random_state}"
    done = f"{whole(rows)} of {whole(total)} rows" if total is not None else f"{whole(rows)} rows"
    if state == "idle":
        return "waiting to start"
    if state == "running":
        return _running(rows, total, rate, seconds_left, done)
    if state == "failed":
        return f"failed after {whole(rows)} rows" if rows else "failed"
    if state == "stopped":
        return f"stopped · {done} · {seed}"
    facts = ["finished" if state == "capped" else state, f"{whole(rows)} rows"]
    if seconds is not None:
        facts.append(duration(seconds))
    return " · ".join([*facts, seed])


def _running(rows: int, total: int | None, rate: float | None, seconds_left: float | None, done: str) -> str:
    if rows == 0:
        return f"calling the model · {done}"
    facts = [done]
    if total:
        facts.insert(0, f"{min(99, 100 * rows // total)} %")
    if rate:
        facts.append(f"{whole(rate) if rate >= 10 else significant(rate)}/s")
    if seconds_left is not None:
        facts.append(f"{duration(seconds_left)} left")
    return " · ".join(facts)


# --- one output --------------------------------------------------------------------------------------------


def head_unit(unit: str) -> str:
    """Words before an output's name.

    Examples
    --------
    >>> head_unit("probability"), head_unit("raw")
    ('probability of', 'predicted')
    """
    return {"probability": "probability of", "logit": "logit of"}.get(unit, "predicted")


def unit_after(explanation: Explanation) -> str:
    """What stands after a raw number, with a space before it; mostly nothing."""
    unit = explanation.value_unit
    silent = explanation.output_unit in ("probability", "logit") or unit in (
        "",
        "raw",
        "probability",
        "logit",
    )
    silent = silent or "per " in unit  # a rate is not what the prediction is counted in
    return "" if silent else f" {unit}"


def feature_word(layout: Layout) -> str:
    """What features are called, in the plural."""
    if isinstance(layout, Tokens):
        return layout.units or "words"
    if isinstance(layout, Pixels):
        return "pieces" if layout.labels is not None else "pixels"
    return "steps" if isinstance(layout, Steps) else "features"


def headline(explanation: Explanation, output: int = 0) -> str:
    """The prediction in words.

    Examples
    --------
    >>> import numpy as np
    >>> from jupyter_xai.explanation import Tokens
    >>> found = Explanation(
    ...     values=np.array([[0.3, -0.1]]),
    ...     features=Tokens(text="dull film", offsets=((0, 4), (5, 9))),
    ...     output_names=("negative",),
    ...     predictions=np.array([0.7]),
    ...     base_values=np.array([0.5]),
    ...     additive=True,
    ...     output_unit="probability",
    ... )
    >>> headline(found)
    'probability of negative 0.700'
    >>> sum_line(found)
    '0.500 no words + 0.200 from 2 words = 0.700; adds up exactly'
    >>> sentence(found)
    'Raised most by dull; lowered by film.'
    """
    value = prediction(float(explanation.predictions[output]), explanation.output_unit)
    name = explanation.output_names[output]
    return f"{head_unit(explanation.output_unit)} {name} {value}{unit_after(explanation)}"


def base_word(explanation: Explanation) -> str:
    """What is absent in the base value."""
    layout = explanation.features
    if explanation.fidelity is not None:
        return "intercept"
    if isinstance(layout, Tokens):
        return f"no {layout.units or 'words'}"
    if isinstance(layout, Pixels):
        return "all blurred" if layout.fill.startswith("blur") else "all hidden"
    return "average"


def sum_line(explanation: Explanation, output: int = 0) -> str:
    """Base value, sum of the weights and prediction, and whether they agree; "" without a base value."""
    if explanation.base_values is None:
        return ""
    unit = explanation.output_unit
    model = float(explanation.predictions[output])
    base, total = float(explanation.base_values[output]), float(explanation.totals[output])
    end = scale_end(rows(explanation, output))
    decimals = sum_decimals(unit, max(abs(base), abs(total), abs(model)), end)
    things = counted(_count(explanation.features), feature_word(explanation.features))
    weights = f"{MINUS if total < 0 else '+'} {fixed(abs(total), decimals)} from {things}"
    parts = [f"{fixed(base, decimals)} {base_word(explanation)} {weights} = {fixed(base + total, decimals)}"]
    if explanation.fidelity is not None:
        says = float(explanation.fidelity.local_predictions[output])
        parts.append(f"model {prediction(model, unit)}")
        parts.append(fit_words(float(explanation.fidelity.r2[output]), says, unit))
    elif explanation.additive:
        parts.append(gap_words(model - base - total, explanation.unexplained, decimals))
    return "; ".join(part for part in parts if part)


def _count(layout: Layout) -> int:
    if isinstance(layout, Several):
        return sum(_count(part) for part in layout.parts)
    whole_map = isinstance(layout, Pixels) and layout.labels is None
    return math.prod(layout.shape[-2:]) if whole_map else math.prod(layout.shape)


def gap_words(gap: float, unexplained: Iterable[Unexplained], decimals: int) -> str:
    """Whether the weights add up, and where the rest is.

    Examples
    --------
    >>> gap_words(0.021, [Unexplained("layer norm2", 1.0)], 3), gap_words(1e-9, [], 3)
    ('0.021 unexplained, in layer norm2', 'adds up exactly')
    """
    if not math.isfinite(gap):
        return ""
    size = fixed(abs(gap), decimals)
    if not any(digit in size for digit in "123456789"):
        return "adds up exactly"
    places = " and ".join(part.operation for part in list(unexplained)[:2])
    return f"{size} unexplained" + (f", in {places}" if places else "")


def fit_words(r2: float, says: float, unit: str) -> str:
    """How well a linear stand-in fits.

    Examples
    --------
    >>> fit_words(0.92, 0.787, "probability"), fit_words(0.36, 0.43, "probability")
    ('fits well, R² 0.92', 'fits poorly, R² 0.36; says 0.43')
    """
    if not math.isfinite(r2):
        return "its fit could not be measured"
    rounded = f"R² {fixed(r2, 2)}"
    if r2 >= 0.5:
        return f"fits well, {rounded}" if r2 >= 0.8 else f"fits roughly, {rounded}"
    return f"fits poorly, {rounded}" + (f"; says {_short(says, unit)}" if math.isfinite(says) else "")


def _short(value: float, unit: str) -> str:
    return fixed(value, 2) if unit == "probability" else significant(value)


def poor_fit(explanation: Explanation, output: int = 0) -> str:
    """The warning that a stand-in does not follow the model; "" if it does well enough."""
    fidelity = explanation.fidelity
    if fidelity is None or not float(fidelity.r2[output]) < 0.5:
        return ""
    r2, unit = float(fidelity.r2[output]), explanation.output_unit
    share = f"{round(100 * r2)} %" if r2 > 0.005 else "nothing"
    layout = explanation.features
    near = "text" if isinstance(layout, Tokens) else "photo" if isinstance(layout, Pixels) else "row"
    says = _short(float(fidelity.local_predictions[output]), unit)
    model = _short(float(explanation.predictions[output]), unit)
    return (
        f"Do not rely on this one yet. The linear stand-in explains {share} of the model's behaviour near "
        f"this {near} (R² {fixed(r2, 2)}) and says {says} where the model says {model}."
    )


NAMED_SHARE = 0.02
"""A feature with less than this share of the largest weight is not worth a name in the sentence."""


def sentence(explanation: Explanation, output: int = 0, name: Callable[[str], str] = str) -> str:
    """What raises and what lowers the output.

    Parameters
    ----------
    explanation : Explanation
    output : int
    name : callable
        Dresses a feature's name, for example in HTML.
    """
    found = rows(explanation, output)
    layout = explanation.features
    if isinstance(layout, Pixels) and layout.labels is None:
        return _pixel_sentence(explanation, output)
    if not any(row.weight for row in found):
        gave = prediction(float(explanation.predictions[output]), explanation.output_unit)
        altered = f": {whole(explanation.n_rows)} altered rows all gave {gave}" if explanation.n_rows else ""
        return f"No feature changes this output{altered}."
    if isinstance(layout, Pixels):
        return count_sentence(found, feature_word(layout))
    least = NAMED_SHARE * max(abs(row.weight) for row in found)
    sure = [row for row in by_weight(found) if abs(row.weight) >= least and not row.could_be_zero]
    raises = [name(row.name) for row in sure if row.weight > 0][:3]
    lowers = [name(row.name) for row in sure if row.weight < 0][: 2 if raises else 3]
    if raises and lowers:
        return f"Raised most by {', '.join(raises)}; lowered by {', '.join(lowers)}."
    if raises:
        return f"Raised most by {', '.join(raises)}; nothing clearly lowers it."
    if lowers:
        return f"Lowered most by {', '.join(lowers)}; nothing clearly raises it."
    return "Nothing stands out from zero yet."


_PLACES = (
    "upper left", "top", "upper right", "left", "centre", "right", "lower left", "bottom", "lower right",
)  # fmt: skip


def _pixel_sentence(explanation: Explanation, output: int) -> str:
    assert not isinstance(explanation.values, tuple)
    summed = explanation.values[output].sum(axis=0)
    sides = [(np.clip(sign * summed, 0, None), verb) for sign, verb in ((1, "raises"), (-1, "lowers"))]
    total = sum(float(side.sum()) for side, _ in sides)
    if not total > 0:
        return "No pixel changes this output."
    up = round(100 * float(sides[0][0].sum()) / total)
    said = [
        f"{share} % of the weight {verb} it, most at the {_PLACES[_heaviest(side)]}"
        for (side, verb), share in zip(sides, (up, 100 - up), strict=True)
        if side.any()
    ]
    return f"{said[0]}{'; ' + said[1].replace(' of the weight', '') if len(said) > 1 else ''}."


def _heaviest(weights: NDArray[np.float64]) -> int:
    """In which of nine parts of a picture the most weight lies."""
    y, x = (np.minimum(2, 3 * np.arange(size) // size) for size in weights.shape)
    return int(np.bincount((3 * y[:, None] + x).ravel(), weights.ravel(), minlength=9).argmax())


def count_sentence(found: list[Row], things: str) -> str:
    """How many raise, lower, or could be zero."""
    zero = sum(row.weight == 0 or row.could_be_zero for row in found)
    raises = sum(row.weight > 0 and not row.could_be_zero for row in found)
    lowers = len(found) - zero - raises
    return f"{raises} of {counted(len(found), things)} raise it, {lowers} lower it, {zero} could be zero."


def doubt(explanation: Explanation, output: int = 0, drawn: str = "hollow bars") -> str:
    """How many features could be zero, and how that is drawn; "" if none could."""
    found = rows(explanation, output)
    zero = sum(row.could_be_zero for row in found)
    things = counted(len(found), feature_word(explanation.features))
    return f"{zero} of {things} could be zero: {drawn}." if zero and any(row.weight for row in found) else ""


def text_alternative(explanation: Explanation, output: int = 0, most: int = 5) -> str:
    """The whole result as a few sentences, for those who do not see the picture."""
    found = by_weight(rows(explanation, output))
    decimals = decimals_for(explanation.output_unit, scale_end(found))
    weights = "; ".join(
        f"{row.name} {signed(row.weight, decimals)}" for row in found[:most] if row.feature >= 0
    )
    parts = (
        f"{headline(explanation, output)}.",
        f"{sum_line(explanation, output)}." if explanation.base_values is not None else "",
        sentence(explanation, output),
        f"Largest: {weights}." if weights else "",
        doubt(explanation, output),
        poor_fit(explanation, output),
    )
    return " ".join(part for part in parts if part)


def pairs_sentence(
    pairs: NDArray[np.float64], names: Sequence[str], *, directed: bool = False, most: int = 5
) -> str:
    """Say which features act together most.

    Parameters
    ----------
    pairs : ndarray of shape (features, features)
    names : sequence of str
    directed : bool, default=False
        Whether a pair has a sign; then a feature's own bend counts too.
    most : int, default=5
        Pairs that are named.

    Examples
    --------
    >>> pairs_sentence(np.array([[0.0, -2.0], [-2.0, 1.0]]), ["age", "debt"], directed=True)
    'Pairs that act together most: age with debt −2; debt with itself +1.'
    """
    below = np.tril_indices(len(pairs), 0 if directed else -1)
    sizes = np.nan_to_num(np.abs(pairs[below]))
    said = []
    for at in np.argsort(-sizes, kind="stable")[:most].tolist():
        a, b = int(below[0][at]), int(below[1][at])
        value = float(pairs[a, b])
        if not sizes[at]:
            break
        sign = "+" if directed and value > 0 else ""
        said.append(f"{names[b]} with {names[a] if a != b else 'itself'} {sign}{significant(value)}")
    return (
        f"Pairs that act together most: {'; '.join(said)}." if said else "No two features act together here."
    )
