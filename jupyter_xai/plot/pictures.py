"""The figure of each kind of instance: head, sum, sentence, then bars, marked text or photograph."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

from jupyter_xai.explanation import Explanation, Pixels, Tokens
from jupyter_xai.explanation.numbers import decimals_for, fixed, prediction, signed
from jupyter_xai.explanation.rows import FAINT_SHARE, Row, by_weight, rows, scale_end
from jupyter_xai.explanation.words import (
    doubt,
    feature_word,
    head_unit,
    poor_fit,
    sentence,
    state_line,
    sum_line,
    unit_after,
)
from jupyter_xai.plot.canvas import (
    GROUND,
    INK,
    INK2,
    INK3,
    LINE,
    LOWERS,
    LOWERS_SOFT,
    RAISES,
    RAISES_SOFT,
    WARN,
    Canvas,
    Run,
    drawable,
    mix,
)
from jupyter_xai.plot.heat import LOWERS as COLD, RAISES as HOT, heat_picture, heat_scale, piece_centres
from jupyter_xai.plot.pairs import matrix

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WIDTH = 820
_LEFT, _RIGHT = 16, WIDTH - 16
_ROW = 26
_MARK = "\ue000"
"""Brackets names in a sentence until they are set in bold; from the private use area."""
_MOST_LINES = 40


def draw(explanation: Explanation, output: int, max_features: int, method_label: str) -> Figure:
    """Draw one output on a canvas of its own."""
    canvas = Canvas(WIDTH)
    y = _head(canvas, explanation, output, method_label)
    layout = explanation.features
    if isinstance(layout, Tokens):
        y = _text(canvas, explanation, layout, output, max_features, y)
    elif isinstance(layout, Pixels):
        y = _photo(canvas, explanation, layout, output, max_features, y)
    else:
        y = _table(canvas, explanation, output, max_features, y)
    if explanation.interactions is not None:
        y = matrix(canvas, explanation, output, max_features, y)
    return canvas.finish(_foot(canvas, explanation, output, y))


def _head(canvas: Canvas, explanation: Explanation, output: int, method_label: str) -> float:
    unit = explanation.output_unit
    state = state_line(
        explanation.status,
        rows=max(explanation.n_evals, explanation.n_rows),
        random_state=explanation.random_state,
    )
    taken = canvas.text(_RIGHT, 36, state, INK2, align="right")
    taken += 12 + canvas.text(_RIGHT - taken - 12, 36, method_label, INK, align="right")
    x = _LEFT + canvas.text(_LEFT, 36, head_unit(unit), INK2) + 10
    value = prediction(float(explanation.predictions[output]), unit) + unit_after(explanation)
    room = _RIGHT - taken - 24 - x - canvas.measure(value, True, 20)
    width = canvas.text(x, 36, explanation.output_names[output], INK, size=13, most=max(60, room)) + 8
    width += canvas.text(x + width, 36, value, INK, bold=True, size=20)
    canvas.line(_LEFT, 45.5, _RIGHT, 45.5)
    canvas.line(x, 45.5, x + width, 45.5, INK, 2)
    y = 47.0
    said = sum_line(explanation, output)
    if said:
        y = canvas.runs(_LEFT, y + 19, [Run(said)], _RIGHT - _LEFT)
    pieces = sentence(explanation, output, lambda name: f"{_MARK}{name}{_MARK}").split(_MARK)
    runs = [Run(piece, INK if i % 2 else INK2, bool(i % 2)) for i, piece in enumerate(pieces) if piece]
    return canvas.runs(_LEFT, y + 19, runs, _RIGHT - _LEFT) + 8


def _foot(canvas: Canvas, explanation: Explanation, output: int, y: float) -> float:
    drawn = "outlined, not coloured" if isinstance(explanation.features, Pixels) else "hollow bars"
    warning = poor_fit(explanation, output)
    if warning:
        end = canvas.runs(_LEFT + 10, y + 18, [Run(warning)], _RIGHT - _LEFT - 10)
        canvas.rectangle(_LEFT, y + 6, 3, end - y, WARN)
        y = end + 4
    for said in (doubt(explanation, output, drawn), *explanation.notices):
        if said:
            y = canvas.runs(_LEFT, y + 17, [Run(said, INK2, size=11)], _RIGHT - _LEFT, 16)
    return y + 12


# --- bars --------------------------------------------------------------------------------------------------


def _table(canvas: Canvas, explanation: Explanation, output: int, most: int, y: float) -> float:
    found = by_weight(rows(explanation, output))
    end = scale_end(found)
    decimals = decimals_for(explanation.output_unit, end)
    with_values = any(row.value for row in found)
    bar_x, bar_width = (400, 290) if with_values else (290, 400)
    y = _axis(canvas, y, bar_x, bar_width, end, decimals, [row.half for row in found])
    canvas.text(_LEFT, y - 6, feature_word(explanation.features).rstrip("s"), INK2, size=11)
    if with_values:
        canvas.text(210, y - 6, "value", INK2, size=11)
    shown, rest = _split(found, most)
    top = y
    for row in shown:
        base = y + 17
        faint = INK2 if row.could_be_zero else INK
        canvas.text(_LEFT, base, row.name, faint, size=13, most=(184 if with_values else bar_x - 30))
        if with_values:
            width = canvas.text(210, base, row.value, INK2 if row.missing else INK, most=170)
            if row.unit and width < 110:
                canvas.text(210 + width + 5, base, row.unit, INK2, size=11, most=170 - width)
        _bar(canvas, row, bar_x, y, bar_width, _ROW, end)
        _number(canvas, row, base, decimals)
        y += _ROW
    if rest:
        y = _rest(canvas, rest, y, bar_x, bar_width, end, decimals)
    canvas.line(bar_x + bar_width / 2, top, bar_x + bar_width / 2, y, INK3)
    return y


def _split(found: list[Row], most: int) -> tuple[list[Row], list[Row]]:
    if len(found) <= most + 1:  # a lone last row takes no more room than the line that would hide it
        return found, []
    return found[:most], found[most:]


def _axis(
    canvas: Canvas, y: float, x: float, width: float, end: float, decimals: int, halves: list[float | None]
) -> float:
    places = min(decimals, 2) if end >= 0.02 else decimals
    _scale(canvas, x, y + 14, width, (fixed(-end, places), "lowers", "0", "raises", signed(end, places)))
    label = "± 95 %" if any(half is not None for half in halves) else "weight"
    canvas.text(_RIGHT, y + 14, label, INK2, size=11, align="right")
    canvas.line(_LEFT, y + 19.5, _RIGHT, y + 19.5)
    return y + 20


def _scale(canvas: Canvas, x: float, y: float, width: float, said: tuple[str, str, str, str, str]) -> None:
    """The words along a scale: its ends within it, the others centred on what they name."""
    canvas.text(x, y, said[0], INK2, size=11)
    for place, word in zip((0.26, 0.5, 0.74), said[1:4], strict=True):
        canvas.text(x + place * width, y, word, INK2, size=11, align="center")
    canvas.text(x + width, y, said[4], INK2, size=11, align="right")


def _bar(
    canvas: Canvas, row: Row, x: float, y: float, width: float, height: float, end: float, thick: float = 12
) -> None:
    if row.weight != row.weight:
        return
    middle, half_width = x + width / 2, width / 2
    length = half_width * min(1.0, abs(row.weight) / end)
    left = middle - length if row.weight < 0 else middle
    colour, soft = (LOWERS, LOWERS_SOFT) if row.weight < 0 else (RAISES, RAISES_SOFT)
    top = y + (height - thick) / 2
    if row.could_be_zero:
        canvas.rectangle(left, top, length, thick, soft, colour)
    else:
        canvas.rectangle(left, top, length, thick, colour)
    if row.half is not None and row.half == row.half:
        low, high = (
            middle + half_width * max(-1.0, min(1.0, at / end))
            for at in (row.weight - row.half, row.weight + row.half)
        )
        centre = y + height / 2
        canvas.line(low, centre, high, centre, INK)
        for at in (low, high):
            canvas.line(at, centre - 3.5, at, centre + 3.5, INK)


def _number(canvas: Canvas, row: Row, base: float, decimals: int, size: float = 13) -> None:
    sign = LOWERS if row.weight < 0 else RAISES
    right: float = _RIGHT
    if row.half is not None:
        right -= canvas.text(_RIGHT, base, f"±{fixed(row.half, decimals)}", INK2, size=11, align="right") + 5
    plain = row.could_be_zero or row.weight == 0
    weight = signed(row.weight, decimals)
    canvas.text(right, base, weight, INK2 if plain else sign, bold=not plain, size=size, align="right")


def _rest(
    canvas: Canvas, rest: list[Row], y: float, bar_x: float, bar_width: float, end: float, decimals: int
) -> float:
    zero = sum(row.could_be_zero for row in rest)
    said = f"{len(rest)} more together" + (f"; {zero} of them could be zero" if zero else "")
    total = sum(row.weight for row in rest)
    canvas.text(_LEFT, y + 15, said, INK2, most=bar_x - _LEFT - 12)
    _bar(canvas, Row(-1, "", "", "", "", total, None), bar_x, y, bar_width, 22, end, 4)
    canvas.text(_RIGHT, y + 15, signed(total, decimals), INK2, align="right")
    return y + 22


def _short_list(
    canvas: Canvas, found: list[Row], explanation: Explanation, most: int, y: float, heading: str, x: float
) -> float:
    """Name, bar and number in a column at the right."""
    end = scale_end(found)
    decimals = decimals_for(explanation.output_unit, end)
    bar_x, bar_width = x + 92, _RIGHT - x - 92 - 62
    canvas.text(x, y + 14, heading, INK2, size=11)
    canvas.text(bar_x, y + 14, fixed(-end, decimals), INK2, size=11, align="center")
    canvas.text(bar_x + bar_width / 2, y + 14, "0", INK2, size=11, align="center")
    canvas.text(bar_x + bar_width, y + 14, signed(end, decimals), INK2, size=11, align="center")
    canvas.text(_RIGHT, y + 14, "weight", INK2, size=11, align="right")
    canvas.line(x, y + 19.5, _RIGHT, y + 19.5)
    y += 22
    top = y
    shown, rest = _split(found, most)
    for row in shown:
        canvas.text(x, y + 15, row.name, INK2 if row.could_be_zero else INK, most=84)
        _bar(canvas, row, bar_x, y, bar_width, 22, end, 10)
        plain = row.could_be_zero or row.weight == 0
        colour = INK2 if plain else LOWERS if row.weight < 0 else RAISES
        canvas.text(_RIGHT, y + 15, signed(row.weight, decimals), colour, align="right")
        y += 22
    canvas.line(bar_x + bar_width / 2, top, bar_x + bar_width / 2, y, INK3)
    if rest:
        said = f"{len(rest)} other {feature_word(explanation.features)} together"
        canvas.text(x, y + 15, said, INK2)
        canvas.text(_RIGHT, y + 15, signed(sum(row.weight for row in rest), decimals), INK2, align="right")
        y += 22
    return y


# --- text --------------------------------------------------------------------------------------------------


def _text(
    canvas: Canvas, explanation: Explanation, layout: Tokens, output: int, most: int, y: float
) -> float:
    found = rows(explanation, output)
    listed = _short_list(
        canvas, by_weight(found), explanation, max(most, 12), y, layout.units.rstrip("s"), 548
    )
    return max(listed, _marked(canvas, layout, found, y + 4))


def _marked(canvas: Canvas, layout: Tokens, found: list[Row], y: float) -> float:
    """Set the text in lines of words; a right-to-left text fills its lines from the right."""
    end = scale_end(found)
    ranks = {group: i for i, group in enumerate(sorted(set(layout.groups or ())))}
    leftwards = _right_to_left(layout.text)
    width, size = 508.0, 15
    at, line = 0.0, 0
    y += 22
    for stretch, unit in _stretches(layout):
        row = None if unit is None else found[ranks[layout.groups[unit]] if layout.groups else unit]
        long = canvas.measure(drawable(stretch), False, size)
        if stretch == "\n" or (at and at + canvas.measure(drawable(stretch).rstrip(), False, size) > width):
            line += 1
            at = 0.0
            if line >= _MOST_LINES:
                canvas.text(_LEFT, y + 32 * line, "…", INK2, size=size)
                break
            if stretch.isspace():
                continue
        long = min(long, width)
        x = _LEFT + (width - at - long if leftwards else at)
        _word(canvas, stretch, row, x, y + 32 * line, long, end, size)
        at += long
    y += 32 * line + 30
    x = _LEFT
    for label, colour, above in (("bar above", RAISES, True), ("bar below", LOWERS, False)):
        wide = canvas.text(x, y, label, INK, size=11)
        canvas.rectangle(x, y - 13 if above else y + 4, wide, 4, colour)
        x += wide + 5
        x += canvas.text(x, y, "raises" if above else "lowers", INK2, size=11) + 16
    canvas.text(x, y, "outline: could be zero", INK2, size=11)
    return y + 12


def _word(
    canvas: Canvas, word: str, row: Row | None, x: float, base: float, width: float, end: float, size: float
) -> None:
    share = 0.0 if row is None or row.weight != row.weight else min(1.0, abs(row.weight) / end)
    if row is not None and share >= FAINT_SHARE:
        lowers = row.weight < 0
        colour, soft = (LOWERS, LOWERS_SOFT) if lowers else (RAISES, RAISES_SOFT)
        if row.could_be_zero:
            canvas.rectangle(x, base + 4 if lowers else base - 17, width, 3, GROUND, colour)
        else:
            thick = max(1.0, round(7 * share))
            canvas.rectangle(x, base - 14, width, 18, mix(soft, share**0.5))
            canvas.rectangle(x, base + 4 if lowers else base - 14 - thick, width, thick, colour)
    canvas.glyphs(x, base, drawable(word), size=size)


def _stretches(layout: Tokens) -> list[tuple[str, int | None]]:
    """Units, and what stands between them cut after spaces."""
    out: list[tuple[str, int | None]] = []
    at = 0
    for unit, (start, stop) in enumerate([*layout.offsets, (len(layout.text), len(layout.text))]):
        gap = ""
        for char in layout.text[at:start]:
            if char == "\n":
                out += [(gap, None)] * bool(gap) + [("\n", None)]
                gap = ""
                continue
            gap += char
            if char.isspace() or len(gap) > 12:
                out.append((gap, None))
                gap = ""
        if gap:
            out.append((gap, None))
        if stop > start:
            out.append((layout.text[start:stop], unit))
        at = stop
    return out


def _right_to_left(text: str) -> bool:
    for char in text:
        kind = unicodedata.bidirectional(char)
        if kind in ("R", "AL", "L"):
            return kind != "L"
    return False


# --- photographs -------------------------------------------------------------------------------------------


def _photo(
    canvas: Canvas, explanation: Explanation, layout: Pixels, output: int, most: int, y: float
) -> float:
    picture = heat_picture(explanation, output, longest=600)
    height, width = picture.shape[:2]
    ratio = 300 / max(height, width)
    width, height = width * ratio, height * ratio
    y += 6
    canvas.image(picture, _LEFT, y, width, height)
    x = _LEFT + 300 + 24
    bottom = _legend(canvas, explanation, output, x, y)
    if layout.labels is not None:
        found = by_weight(rows(explanation, output))
        end = heat_scale(explanation, output)
        decimals = decimals_for(explanation.output_unit, end)
        centres = piece_centres(layout.labels)
        for row in found[:5]:
            if not row.could_be_zero and row.weight:
                across, down = centres[row.feature].tolist()
                _tag(canvas, signed(row.weight, decimals), across, down, (_LEFT, y, width, height))
        bottom = _short_list(canvas, found, explanation, most - 2, bottom + 8, "piece", x)
    return max(float(y + height), bottom) + 4


def _tag(
    canvas: Canvas, said: str, across: float, down: float, box: tuple[float, float, float, float]
) -> None:
    wide = canvas.measure(said, True, 11) + 6
    x = min(max(box[0] + across * box[2] - wide / 2, box[0]), box[0] + box[2] - wide)
    y = min(max(box[1] + down * box[3] - 8, box[1]), box[1] + box[3] - 15)
    canvas.rectangle(x, y, wide, 15, GROUND)
    canvas.text(x + 3, y + 11.5, said, INK, bold=True, size=11)


def _legend(canvas: Canvas, explanation: Explanation, output: int, x: float, y: float) -> float:
    """Colours on the grey of the photo, hatched below zero."""
    end = heat_scale(explanation, output)
    decimals = decimals_for(explanation.output_unit, end)
    width, steps = _RIGHT - x, 40
    unit = {"probability": "probability of ", "logit": "logit of "}.get(explanation.output_unit, "")
    canvas.text(
        x, y + 12, f"contribution to {unit}{explanation.output_names[output]}", INK2, size=11, most=width
    )
    canvas.line(x, y + 18.5, _RIGHT, y + 18.5, LINE)
    y += 23
    for i in range(steps):
        share = (i - (steps - 1) / 2) / (steps / 2)
        strength = 0.75 * abs(share) ** 0.8 * (0.7 if share < 0 else 0.8)
        colour = "#" + "".join(
            f"{round(0xB9 + (part - 0xB9) * strength):02x}" for part in (COLD if share < 0 else HOT)
        )
        canvas.rectangle(x + i * width / steps, y, width / steps + 0.5, 12, colour)
    for i in range(steps // 2):
        canvas.line(x + i * width / steps, y + 12, x + (i + 1) * width / steps, y, "#e6e6e6", 0.8)
    canvas.line(x + width / 2, y, x + width / 2, y + 12, INK)
    ends = fixed(-end, decimals), signed(end, decimals)
    _scale(canvas, x, y + 25, width, (ends[0], "lowers, hatched", "0", "raises, solid", ends[1]))
    return y + 32
