"""Matplotlib pictures: the static fallback, figures for papers. Matplotlib is imported when one is drawn."""

from __future__ import annotations

import io
import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from jupyter_xai.explanation import Explanation

PNG_BYTES = 55_000
_COARSEST = 36
_drawing = threading.Lock()
"""Matplotlib keeps a few caches that are not made for threads."""


def figure(
    explanation: Explanation, output: int = 0, *, max_features: int = 10, method_label: str = ""
) -> Figure:
    """Draw one output: bars with intervals, a marked text, or a photograph under its heat.

    Parameters
    ----------
    explanation : Explanation
    output : int
        Position among the explained outputs.
    max_features : int
        Rows at most; the rest is summed.
    method_label : str
        The method's name as printed; default its own.

    Returns
    -------
    matplotlib.figure.Figure
        Not known to pyplot: nothing to close. JupyterLab shows it as the last expression of a cell.

    Examples
    --------
    >>> import numpy as np
    >>> from jupyter_xai.explanation import Columns, Explanation
    >>> row = Columns(names=("age",), values=(24,), kinds=("number",), members=((0,),))
    >>> found = Explanation(
    ...     values=np.array([[0.2]]), features=row, output_names=("bad",), predictions=np.array([0.6])
    ... )
    >>> figure(found).get_size_inches()[0]
    np.float64(8.2)
    """
    from jupyter_xai.plot.pictures import draw

    with _drawing:
        return draw(explanation, output, max_features, method_label or explanation.method)


def png(
    explanation: Explanation,
    output: int = 0,
    *,
    max_features: int = 10,
    method_label: str = "",
    dpi: int = 144,
    budget: int = PNG_BYTES,
) -> bytes:
    """Draw one output as a PNG of at most ``budget`` bytes, coarser if need be.

    Parameters
    ----------
    explanation, output, max_features, method_label
        As in ``figure``.
    dpi : int
        Pixels an inch at most; the figure is 8.2 inches wide.
    budget : int
        Bytes at most.

    Returns
    -------
    bytes
    """
    import numpy as np
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from PIL import Image

    drawn = figure(explanation, output, max_features=max_features, method_label=method_label)
    while True:
        with _drawing:
            drawn.set_dpi(dpi)
            canvas: Any = FigureCanvasAgg(drawn)
            canvas.draw()
            pixels = np.array(canvas.buffer_rgba())[..., :3]
        file = io.BytesIO()
        few = Image.fromarray(pixels).quantize(
            256, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE
        )
        few.save(file, "PNG")
        if file.tell() <= budget or dpi <= _COARSEST:
            return file.getvalue()
        dpi = max(_COARSEST, min(dpi - 4, int(0.97 * dpi * (budget / file.tell()) ** 0.55)))
