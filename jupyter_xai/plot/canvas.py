"""A figure to draw on in pixels, top down, with text that any user may have written."""

from __future__ import annotations

import functools
import io
import unicodedata
from collections.abc import Iterable
from typing import Any, Literal, NamedTuple

import numpy as np
from matplotlib import font_manager
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.lines import Line2D
from matplotlib.patches import PathPatch, Rectangle
from matplotlib.path import Path
from matplotlib.textpath import text_to_path

INK, INK2, INK3, LINE, GROUND = "#1f2328", "#5b626b", "#8b929a", "#dfe2e6", "#ffffff"
RAISES, LOWERS, RAISES_SOFT, LOWERS_SOFT, WARN = "#b54708", "#1d64ad", "#fbdcc0", "#cfe2f7", "#8a5a00"
PER_INCH = 100
_POINT = 72 / PER_INCH
_WANTED = (
    *("Helvetica Neue", "Helvetica", "Arial", "Liberation Sans", "DejaVu Sans"),
    *("Hiragino Sans", "Yu Gothic", "Noto Sans CJK JP", "Noto Sans CJK SC", "IPAexGothic", "PingFang SC"),
    *("Microsoft YaHei", "Malgun Gothic", "Apple SD Gothic Neo", "Noto Sans KR", "Arial Unicode MS"),
    *(
        "Geeza Pro",
        "Noto Naskh Arabic",
        "Noto Sans Arabic",
        "Noto Sans Devanagari",
        "Nirmala UI",
        "Segoe UI Symbol",
    ),
)
_BOX = "\u25a1"


class Run(NamedTuple):
    """A stretch of text of one look."""

    text: str
    colour: str = INK
    bold: bool = False
    size: float = 12


@functools.cache
def families() -> tuple[str, ...]:
    """The fonts of ours that this machine has, in order of preference."""
    known = set(font_manager.get_font_names())
    return tuple(name for name in _WANTED if name in known)


@functools.cache
def _covered() -> frozenset[int]:
    paths = {font_manager.findfont(FontProperties(family=name)) for name in families()}
    return frozenset(code for path in paths for code in font_manager.get_font(path).get_charmap())


def drawable(text: str) -> str:
    """Text without what no font here can draw: a box for a letter, nothing for joiners and accents.

    Examples
    --------
    >>> drawable("a" + chr(9) + "b" + chr(0x200D) + chr(0))
    'a b□'
    """
    covered = _covered()
    out = []
    for char in text:
        if char.isspace():
            out.append(" ")
        elif unicodedata.category(char) == "Cf":
            continue
        elif ord(char) in covered:
            out.append(char)
        elif not unicodedata.combining(char):
            out.append(_BOX)
    return "".join(out)


class ShownFigure(Figure):
    """A figure that a notebook shows although pyplot was never imported."""

    def _repr_png_(self) -> bytes:
        file = io.BytesIO()
        self.savefig(file, format="png", dpi=144)
        return file.getvalue()


class Canvas:
    """A white page of fixed width that grows downwards.

    Parameters
    ----------
    width : int
        In pixels, 100 an inch.
    """

    def __init__(self, width: int) -> None:
        self.width = width
        self.figure = ShownFigure(
            figsize=(width / PER_INCH, 1), dpi=PER_INCH, facecolor=GROUND, edgecolor=GROUND
        )
        self.figure.set_layout_engine("none")
        self._axes = self.figure.add_axes((0, 0, 1, 1))
        self._axes.set_axis_off()
        self._axes.set_xlim(0, width)
        self._widths: dict[tuple[str, bool, float], float] = {}

    def finish(self, height: float) -> Figure:
        """Fix the height."""
        self.figure.set_size_inches(self.width / PER_INCH, height / PER_INCH)
        self._axes.set_ylim(height, 0)
        return self.figure

    def rectangle(
        self, x: float, y: float, width: float, height: float, fill: str = "none", edge: str = "none"
    ) -> None:
        """Draw a box; with ``edge`` its outline lies inside."""
        inset = 0.0 if edge == "none" else 0.5
        self._axes.add_artist(
            Rectangle(
                (x + inset, y + inset),
                max(0.0, width - 2 * inset),
                max(0.0, height - 2 * inset),
                facecolor=fill,
                edgecolor=edge,
                linewidth=0 if edge == "none" else _POINT,
                antialiased=edge != "none",
            )
        )

    def line(self, x0: float, y0: float, x1: float, y1: float, colour: str = LINE, width: float = 1) -> None:
        """Draw a line; its width is in pixels."""
        self._axes.add_artist(
            Line2D(
                [x0, x1], [y0, y1], color=colour, linewidth=_POINT * width, solid_capstyle="butt", marker=""
            )
        )

    def image(self, picture: Any, x: float, y: float, width: float, height: float) -> None:
        """Place a picture."""
        self._axes.imshow(
            np.asarray(picture),
            extent=(x, x + width, y + height, y),
            aspect="auto",
            interpolation="antialiased",
            origin="upper",
        )
        self._axes.set_xlim(0, self.width)  # imshow moves the limits

    def measure(self, text: str, bold: bool = False, size: float = 12) -> float:
        """Width of a text that is already drawable, in pixels."""
        key = text, bold, size
        if key not in self._widths:
            extent = text_to_path.get_text_width_height_descent(text, _font(bold, size), False)
            self._widths[key] = float(extent[0]) / _POINT
        return self._widths[key]

    def text(
        self,
        x: float,
        y: float,
        text: str,
        colour: str = INK,
        *,
        bold: bool = False,
        size: float = 12,
        align: Literal["left", "center", "right"] = "left",
        most: float | None = None,
    ) -> float:
        """Write one line on the baseline ``y``, its middle cut beyond ``most`` pixels; return its width."""
        shown = drawable(text)
        if most is not None:
            shown = self._fit(shown, bold, size, most)
        width = self.measure(shown, bold, size)
        self.glyphs(
            x - {"left": 0.0, "center": 0.5, "right": 1.0}[align] * width, y, shown, colour, bold, size
        )
        return width

    def glyphs(
        self, x: float, y: float, text: str, colour: str = INK, bold: bool = False, size: float = 12
    ) -> None:
        """Write as outlines, so that letters stand where they were measured at every resolution.

        (Text artists are hinted: between words they drift by pixels, and ``$`` and TeX settings change them.)
        """
        vertices, codes = text_to_path.get_text_path(_font(bold, size), text, False)
        if len(vertices):
            scale = size / text_to_path.FONT_SCALE
            path = Path(np.asarray(vertices) * (scale, -scale) + (x, y), codes)
            self._axes.add_artist(
                PathPatch(path, facecolor=colour, edgecolor="none", linewidth=0, snap=False)
            )

    def _fit(self, text: str, bold: bool, size: float, most: float) -> str:
        if self.measure(text, bold, size) <= most:
            return text
        low, high = 0, min(len(text), 400)
        while low < high:
            kept = (low + high + 1) // 2
            if self.measure(_middle(text, kept), bold, size) <= most:
                low = kept
            else:
                high = kept - 1
        return _middle(text, low)

    def runs(self, x: float, y: float, runs: Iterable[Run], most: float, leading: float = 18) -> float:
        """Write runs after one another, broken between words at ``most`` pixels; return the last baseline."""
        at = x
        for run in runs:
            line = ""
            for word in _words(drawable(run.text)):
                end = at + self.measure((line + word).rstrip(), run.bold, run.size)
                if end > x + most and at + len(line) > x:
                    self.glyphs(at, y, line.rstrip(), run.colour, run.bold, run.size)
                    at, y, line = x, y + leading, ""
                line += word
            self.glyphs(
                at, y, self._fit(line, run.bold, run.size, x + most - at), run.colour, run.bold, run.size
            )
            at += self.measure(line, run.bold, run.size)
        return y


def mix(colour: str, share: float) -> str:
    """A share of a colour; the rest is the white ground.

    Examples
    --------
    >>> mix("#204060", 0.5)
    '#90a0b0'
    """
    parts = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return "#" + "".join(f"{round(255 + (part - 255) * share):02x}" for part in parts)


def _words(text: str) -> list[str]:
    parts = text.split(" ")
    return (
        [part + " " for part in parts[:-1]] + [parts[-1]]
        if parts[-1]
        else [part + " " for part in parts[:-1]]
    )


def _middle(text: str, kept: int) -> str:
    return text[: (kept + 1) // 2] + "…" + (text[-(kept // 2) :] if kept // 2 else "")


@functools.cache
def _font(bold: bool, size: float) -> FontProperties:
    return FontProperties(family=list(families()), weight="bold" if bold else "normal", size=_POINT * size)
