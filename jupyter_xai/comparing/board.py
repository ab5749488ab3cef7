"""A comparison as the browser draws it: every method's values on common features, with what judges them."""

from __future__ import annotations

from itertools import combinations
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from jupyter_xai.comparing.entry import Entry
from jupyter_xai.comparing.result import Comparison
from jupyter_xai.explanation import Columns, Explanation, Layout, Pixels, Tokens
from jupyter_xai.explanation.numbers import significant
from jupyter_xai.explanation.words import feature_word
from jupyter_xai.metrics import Measure, agreement, onto
from jupyter_xai.metrics.subject import per_unit, relative
from jupyter_xai.wire import encode_curves
from jupyter_xai.wire.boards import Board, BoardColumn, BoardMetric, BoardPair
from jupyter_xai.wire.encode import encode_maps
from jupyter_xai.wire.layouts import encode_layout
from jupyter_xai.wire.plain import finite, float32, text
from jupyter_xai.wire.schema import SCHEMA_VERSION, OutputUnit

MOST_FEATURES = 500
LONGEST_MAP = 112
"""Pixels on the longer side of a method's map: six of them in a saved notebook take no more than the picture."""


def encode_board(
    found: Comparison, *, random_state: int, run: int = 1, earlier: Board | None = None
) -> Board:
    """Encode a comparison as far as it is.

    Parameters
    ----------
    found : Comparison
    random_state : int
    run : int, default=1
        Counts what was asked for: the instance, and each edit of it.
    earlier : Board, optional
        Of the instance before the last edit: what it says of a method stays until the method has explained the new one.

    Examples
    --------
    >>> import jupyter_xai as xai
    >>> rows = np.random.default_rng(0).normal(size=(40, 3))
    >>> made = xai.compare(lambda X: X[:, 0] - X[:, 1], rows[0], ["kernel_shap"], background=rows, metrics=[])
    >>> board = encode_board(made.comparison, random_state=0)
    >>> board["names"], board["columns"][0]["state"]
    (['x0', 'x1', 'x2'], 'done')
    """
    shown = found.common_features
    places, names = _numbered(found, shown)
    board = Board(
        schema=SCHEMA_VERSION,
        run=int(run),
        names=[text(name) for name in names[:MOST_FEATURES]],
        values=_values(shown)[:MOST_FEATURES],
        things=feature_word(shown),
        output_names=[text(name) for name in found.output_names],
        predictions=[finite(value) or 0.0 for value in found.predictions],
        output_unit=cast(OutputUnit, found.space if found.space in {"probability", "logit"} else "raw"),
        reason=text(found.space_reason),
        verdict=text(found.verdict) if found.status != "running" else "",
        random_state=int(random_state),
        columns=[_column(entry, shown, found, places, len(names)) for entry in found.entries],
        pairs=_pairs(found),
        notices=[text(notice) for notice in found.notices],
    )
    if found.before is not None and found.edits:
        board["original"] = [finite(value) or 0.0 for value in found.before.predictions]
    if not alike(shown, found.features):
        board["coarser"] = True
    if earlier is not None and found.status != "stopped":
        for column, old in zip(board["columns"], earlier["columns"], strict=False):
            _keep(column, old, len(earlier["names"]), len(board["names"]))
    return board


def alike(shown: Layout, features: Layout) -> bool:
    """Whether a layout has the masker's features."""
    if isinstance(shown, Pixels) and isinstance(features, Pixels):
        labels = (shown.labels, features.labels)
        return labels[0] is labels[1] or (
            labels[0] is not None and labels[1] is not None and np.array_equal(labels[0], labels[1])
        )
    if isinstance(shown, Tokens) and isinstance(features, Tokens):
        return (shown.offsets, shown.groups) == (features.offsets, features.groups)
    return shown.shape == features.shape


def _numbered(found: Comparison, shown: Layout) -> tuple[NDArray[np.intp] | None, list[str]]:
    """For each feature its number before edits, and the names by that number."""
    names = [str(name) for name in shown.feature_names]
    if found.before is None or found.before.ids is None or not alike(shown, found.features):
        return None, names
    ids = np.asarray(found.before.ids, dtype=np.intp)
    known = [str(name) for name in found.before.features.feature_names]
    known += [""] * (int(ids.max(initial=-1)) + 1 - len(known))
    for name, at in zip(names, ids.tolist(), strict=True):
        known[at] = name
    return ids, known


def _keep(column: BoardColumn, old: BoardColumn, before: int, now: int) -> None:
    """Show what a method said of the instance before the edit, while it is at the new one."""
    if column["state"] not in {"waiting", "running"}:
        if not any(column["metrics"]):
            column["metrics"] = [[_awaited(each) for each in row] for row in old["metrics"]]
        return
    if "values" in column or "values" not in old:
        return

    def widened(kept: bytes) -> bytes:
        rows = np.frombuffer(kept, "<f4").reshape(-1, before)
        wide = np.full((len(rows), now), np.nan)
        wide[:, : min(before, now)] = rows[:, :now]
        return float32(wide)

    column["values"] = widened(old["values"])
    if "maps" in old:
        column["maps"] = old["maps"]
    if "std_errors" in old:
        column["std_errors"] = widened(old["std_errors"])
    column["unit"] = old["unit"]
    column["metrics"] = [[_awaited(each) for each in row] for row in old["metrics"]]


def _awaited(metric: BoardMetric) -> BoardMetric:
    """A metric's place, without a number."""
    said = "Not computed yet for the instance as it is now."
    return BoardMetric({**metric, "value": None, "half": None, "said": said, "awaited": True})


def empty_board() -> Board:
    """Make a board with nothing on it yet, which tells the page what it will show.

    Examples
    --------
    >>> empty_board()["columns"]
    []
    """
    return Board(
        schema=SCHEMA_VERSION,
        run=0,
        names=[],
        values=[],
        things="features",
        output_names=[],
        predictions=[],
        output_unit="raw",
        reason="",
        verdict="",
        random_state=0,
        columns=[],
        pairs=[],
        notices=[],
    )


def _values(layout: Layout) -> list[str]:
    """What stands beside a feature's name: a column's value; nothing for words and pieces."""
    if not isinstance(layout, Columns):
        return []
    encoded: Any = encode_layout(layout)
    return [column["value"] for column in encoded["columns"]]


def _column(
    entry: Entry, layout: Layout, found: Comparison, places: NDArray[np.intp] | None, n: int
) -> BoardColumn:
    explanation = entry.explanation
    outputs = range(len(found.output_names))
    state = "failed" if entry.why_not else "done" if explanation is not None else "waiting"
    column = BoardColumn(
        label=text(entry.label),
        state="running" if entry.label == found.running and state != "failed" else cast(Any, state),
        why_not=text(entry.why_not),
        unit="",
        notes=["" if explanation is None else _note(explanation, output) for output in outputs],
        seconds=finite(entry.seconds),
        rows=int(entry.n_rows),
        curves=encode_curves(entry.curves, 1)["curves"] if entry.curves else [],
        metrics=[[_metric(each, output) for each in entry.measures.values()] for output in outputs],
    )
    if explanation is None:
        return column
    if per_unit(explanation) or relative(explanation):
        column["unit"] = text(explanation.value_unit)

    def placed(rows: NDArray[np.float64]) -> bytes:
        wide = rows
        if places is not None:
            wide = np.full((len(rows), n), np.nan)
            wide[:, places] = rows
        return float32(wide[:, :MOST_FEATURES])

    values = np.nan_to_num(onto(explanation, layout))
    column["values"] = placed(values)
    if maps := encode_maps(explanation, LONGEST_MAP):
        column["maps"] = maps
    errors = explanation.std_errors
    if errors is not None and not isinstance(errors, tuple) and errors.shape == values.shape:
        column["std_errors"] = placed(np.asarray(errors, dtype=np.float64))
    return column


def _note(explanation: Explanation, output: int) -> str:
    """What a method's numbers add up to, in a few words."""
    if explanation.fidelity is not None:
        r2 = float(explanation.fidelity.r2[output])
        how = "well" if r2 >= 0.8 else "roughly" if r2 >= 0.5 else "poorly"
        return f"fits {how}, R² {r2:.2f}"
    if not explanation.additive:
        return "need not add up"
    gaps = explanation.additivity_gap
    gap = 0.0 if gaps is None else float(np.abs(np.ravel(gaps)[output]))
    scale = float(np.abs(np.sum(np.asarray(explanation.values)[output])))
    return "adds up exactly" if gap <= 1e-3 * max(scale, 1e-12) else f"{significant(gap)} unexplained"


def _metric(measure: Measure, output: int) -> BoardMetric:
    halves = measure.half_widths
    value = finite(measure.values[output])
    return BoardMetric(
        name=text(measure.name),
        value=value,
        half=None if halves is None else finite(halves[output]),
        unit=text(measure.unit),
        better=cast(Any, measure.better if measure.better in {"higher", "lower"} else ""),
        said="" if value is not None else text(" ".join(measure.notices) or "There is no number."),
    )


def _pairs(found: Comparison) -> list[BoardPair]:
    pairs = []
    known = [
        (at, entry.explanation) for at, entry in enumerate(found.entries) if entry.explanation is not None
    ]
    for (one, first), (other, second) in combinations(known, 2):
        measures = agreement(first, second)
        said = {name: [finite(value) for value in each.values] for name, each in measures.items()}
        pairs.append(
            BoardPair(
                one=one,
                other=other,
                rank=said["rank correlation"],
                top=said["top-k overlap"],
                sign=said["sign agreement"],
            )
        )
    return pairs
