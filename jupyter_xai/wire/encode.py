"""From results to what crosses to the browser: plain headers with binary buffers beside them.

Buffers are copies: a kernel may go on writing into its arrays. Headers hold plain Python only, and no number
that JSON cannot say.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, cast

import numpy as np
from numpy.typing import NDArray

from jupyter_xai.errors import InputError
from jupyter_xai.explanation import Explanation, Layout, Pixels
from jupyter_xai.explanation.rows import shorten
from jupyter_xai.params import ParamSpec
from jupyter_xai.protocols import Opening
from jupyter_xai.wire.layouts import encode_layout, flat_values, map_size
from jupyter_xai.wire.pairs import encode_pairs
from jupyter_xai.wire.pictures import area_mean, fit
from jupyter_xai.wire.plain import finite, float32, plain, text
from jupyter_xai.wire.schema import (
    MAX_OUTPUT_NAMES,
    SCHEMA_VERSION,
    ErrorInfo,
    Frame,
    Geometry,
    ImageLayout,
    MethodInfo,
    OutputUnit,
    ParamInfo,
    PixelMap,
    State,
    Status,
)

Maps = Literal["shown", "small", "all", "exact"]
"""Which pixel maps a frame holds, see ``encode_frame``."""

MAX_MAPS = 5
LONGEST_OTHER = 80
"""Longer side of the coarse maps that a saved view switches to."""
_LARGEST_INT = 2**31 - 1


def encode_geometry(
    layout: Layout,
    *,
    run: int,
    took: str,
    output_names: Sequence[str],
    n_outputs: int,
    output_unit: str,
    threshold: float | None = None,
    methods: Iterable[Mapping[str, str]] = (),
    params: Iterable[ParamInfo] = (),
) -> Geometry:
    """Encode what stays while estimates stream.

    Parameters
    ----------
    layout : Layout
    run : int
    took : str
        The sentence that says what the input was taken for.
    output_names : sequence of str
        The model's outputs; more than ``MAX_OUTPUT_NAMES`` are cut.
    n_outputs : int
    output_unit : str
        "probability" or "logit"; anything else is "raw".
    threshold : float, optional
        Where the decision flips.
    methods : iterable of MethodInfo
        Name, label and why it does not apply.
    params : iterable of ParamInfo
        From ``encode_params``.

    Returns
    -------
    Geometry

    Examples
    --------
    >>> from jupyter_xai.explanation import Columns
    >>> row = Columns(names=("age",), values=(24,), kinds=("number",), members=((0,),))
    >>> shown = encode_geometry(
    ...     row, run=1, took="a row", output_names=("bad",), n_outputs=1, output_unit="probability"
    ... )
    >>> shown["layout"]["columns"][0]["value"], shown["output_names"]
    ('24', ['bad'])
    """
    return Geometry(
        schema=SCHEMA_VERSION,
        run=int(run),
        took=text(took),
        layout=encode_layout(layout),
        output_names=[text(name) for name in output_names[:MAX_OUTPUT_NAMES]],
        n_outputs=int(n_outputs),
        output_unit=cast(OutputUnit, output_unit if output_unit in ("probability", "logit") else "raw"),
        threshold=finite(threshold),
        methods=[
            MethodInfo(name=text(m["name"]), label=text(m["label"]), why_not=text(m["why_not"]))
            for m in methods
        ],
        params=list(params),
    )


def encode_picture(layout: Layout) -> dict[str, Any]:
    """Encode an image and its pieces, as a picture message has them.

    Raises
    ------
    InputError
        If it is not an image.

    Examples
    --------
    >>> sent = encode_picture(Pixels(image=np.zeros((4, 6, 3), np.uint8), labels=np.zeros((4, 6), np.int32)))
    >>> sent["width"], sent["height"], sent["n_features"]
    (6, 4, 1)
    """
    if not isinstance(layout, Pixels):
        raise InputError("The input is not an image: there is no picture of it. Ask for its predictions.")
    encoded = cast(ImageLayout, encode_layout(layout))
    return {name: value for name, value in encoded.items() if name not in {"type", "fill"}}


def encode_params(specs: Iterable[ParamSpec]) -> list[ParamInfo]:
    """Encode the hyper-parameters for the panel.

    Examples
    --------
    >>> from jupyter_xai.params import FloatParam
    >>> ridge = encode_params([FloatParam(name="alpha", default=1.0, label="ridge", min=0.0)])[0]
    >>> ridge["control"], ridge["min"], ridge["max"]
    ('float', 0.0, None)
    """

    def bound(spec: ParamSpec, name: str) -> float | None:
        number = finite(getattr(spec, name, None))
        return None if number is not None and abs(number) >= _LARGEST_INT else number

    return [
        ParamInfo(
            name=spec.name,
            label=text(spec.label),
            doc=text(spec.doc),
            control=cast(Any, spec.control),
            cost=spec.cost,
            part=spec.part,
            default=plain(spec.default),
            auto=bool(spec.auto),
            min=bound(spec, "min"),
            max=bound(spec, "max"),
            step=finite(getattr(spec, "step", None)),
            scale=getattr(spec, "scale", "linear"),
            choices=[text(choice) for choice in getattr(spec, "choices", ())],
        )
        for spec in specs
    ]


def encode_opening(opening: Opening, *, run: int, seq: int, method_label: str = "") -> Frame:
    """Encode what is known before the first estimate: a frame without values."""
    count = sum(int(np.prod(part.shape)) for part in getattr(opening.features, "parts", [opening.features]))
    if isinstance(opening.features, Pixels) and opening.features.labels is None:
        count = math.prod(map_size(opening.features))
    return Frame(
        schema=SCHEMA_VERSION,
        run=int(run),
        seq=int(seq),
        state="running",
        method="",
        method_label=text(method_label),
        targets=[int(target) for target in opening.targets],
        target_names=[text(name) for name in opening.output_names],
        n_features=count,
        predictions=float32(opening.all_predictions),
        additive=False,
        unexplained=[],
        value_unit="",
        n_evals=0,
        n_rows=0,
        random_state=None,
        params={},
        notices=[],
    )


def encode_frame(
    explanation: Explanation,
    *,
    run: int,
    seq: int,
    method_label: str = "",
    display_target: int | None = None,
    maps: Maps = "shown",
) -> Frame:
    """Encode one whole estimate.

    Parameters
    ----------
    explanation : Explanation
    run, seq : int
        Which run, and the how many-th of its frames.
    method_label : str
        The method's name as the view prints it.
    display_target : int, optional
        The shown output, as in ``targets`` of the frame, whose pixel map is sent. Default: the first.
    maps : {"shown", "small", "all", "exact"}
        Pixel maps of the other outputs: none; coarse ones, so that a saved view of 150 kB can switch; as fine as the
        shown one; or all in float16 at the image's own size.

    Returns
    -------
    Frame
        Outputs that are functions of the model's outputs come after these in ``predictions``, and ``targets``
        counts on.

    Examples
    --------
    >>> from jupyter_xai.explanation import Columns
    >>> row = Columns(names=("age",), values=(24,), kinds=("number",), members=((0,),))
    >>> estimate = Explanation(
    ...     values=np.array([[0.25]]), features=row, output_names=("bad",), predictions=np.array([0.5])
    ... )
    >>> frame = encode_frame(estimate, run=1, seq=0)
    >>> np.frombuffer(frame["values"], "<f4"), frame["targets"], "std_errors" in frame
    (array([0.25], dtype=float32), [0], False)
    """
    layout = explanation.features
    targets, predictions = _targets(explanation)
    frame = Frame(
        schema=SCHEMA_VERSION,
        run=int(run),
        seq=int(seq),
        state=explanation.status,
        method=text(explanation.method),
        method_label=text(method_label or explanation.method),
        targets=targets,
        target_names=[text(name) for name in explanation.output_names],
        n_features=0,
        predictions=float32(predictions),
        additive=bool(explanation.additive),
        unexplained=[(text(part.operation), finite(part.share) or 0.0) for part in explanation.unexplained],
        value_unit=text(explanation.value_unit),
        n_evals=int(explanation.n_evals),
        n_rows=int(explanation.n_rows),
        random_state=None if explanation.random_state is None else int(explanation.random_state),
        params={text(name): plain(value) for name, value in explanation.params.items()},
        notices=[text(notice) for notice in explanation.notices],
    )
    if isinstance(layout, Pixels) and layout.labels is None:
        at = targets.index(display_target) if display_target in targets else 0
        summed = cast(NDArray[np.float64], explanation.values).sum(axis=1)
        size = layout.image.shape[:2] if maps == "exact" else map_size(layout)
        frame["pixels"] = _pixel_map(summed[at], size, targets[at], exact=maps == "exact")
        if maps != "shown" and len(targets) > 1:
            size = fit(int(size[0]), int(size[1]), LONGEST_OTHER) if maps == "small" else size
            others = [i for i in range(len(targets)) if i != at][: MAX_MAPS - 1]
            frame["maps"] = [_pixel_map(summed[i], size, targets[i], exact=maps == "exact") for i in others]
        frame["n_features"] = frame["pixels"]["width"] * frame["pixels"]["height"]
    else:
        values = flat_values(explanation.values, layout)
        frame["values"] = float32(values)
        frame["n_features"] = values.shape[1]
        if explanation.std_errors is not None:
            frame["std_errors"] = float32(flat_values(explanation.std_errors, layout))
    if explanation.interactions is not None and explanation.interactions.size:
        names = explanation.feature_names
        frame["pairs"] = encode_pairs(
            explanation.interactions, None, lambda at: shorten(text(names[at])), own=0.5
        )
    if explanation.base_values is not None:
        frame["base_values"] = float32(explanation.base_values)
        frame["gap"] = float32(explanation.additivity_gap)
    if explanation.fidelity is not None:
        frame["r2"] = float32(explanation.fidelity.r2)
        frame["local_predictions"] = float32(explanation.fidelity.local_predictions)
    return frame


def encode_maps(explanation: Explanation, longest: int) -> list[PixelMap]:
    """Encode the maps of all outputs, coarse ones; an empty list if values do not stand at pixels.

    Parameters
    ----------
    explanation : Explanation
    longest : int
        Longer side of a map, in pixels.

    Examples
    --------
    >>> layout = Pixels(image=np.zeros((4, 6, 3), np.uint8), channels=1)
    >>> e = Explanation(
    ...     values=np.ones((1, 1, 4, 6)), features=layout, output_names=("cat",), predictions=np.array([0.5])
    ... )
    >>> [(each["width"], each["height"]) for each in encode_maps(e, 100)]
    [(6, 4)]
    """
    layout = explanation.features
    if not isinstance(layout, Pixels) or layout.labels is not None:
        return []
    summed = cast(NDArray[np.float64], explanation.values).sum(axis=1)
    height, width = layout.image.shape[:2]
    size = fit(height, width, min(longest, max(height, width)))
    return [_pixel_map(each, size, at, exact=False) for at, each in enumerate(summed)]


def _targets(explanation: Explanation) -> tuple[list[int], NDArray[np.float64]]:
    everything = explanation.all_predictions
    count = len(explanation.output_names)
    if everything is None:
        return list(range(count)), explanation.predictions
    if len(explanation.targets) == count:
        return [int(target) for target in explanation.targets], everything
    first = len(everything)
    return list(range(first, first + count)), np.concatenate([everything, explanation.predictions])


def _pixel_map(values: NDArray[np.float64], size: tuple[int, ...], target: int, *, exact: bool) -> PixelMap:
    """One output's map, of values (height, width)."""
    height, width = int(size[0]), int(size[1])
    summed = np.nan_to_num(area_mean(values, height, width), posinf=0.0, neginf=0.0)
    scale = float(np.abs(summed).max(initial=0.0))
    if exact:
        small = (summed / scale if scale > 0 else summed).astype("<f2")
        return PixelMap(
            target=target, width=width, height=height, scale=scale, exact=True, data=small.tobytes()
        )
    levels = np.rint(summed * (127.0 / scale)) if scale > 0 else np.zeros_like(summed)
    return PixelMap(
        target=target, width=width, height=height, scale=scale, data=levels.astype(np.int8).tobytes()
    )


def encode_status(
    *,
    run: int,
    state: str,
    rows: int = 0,
    total: int | None = None,
    rate: float | None = None,
    seconds: float = 0.0,
    seconds_left: float | None = None,
    error: Mapping[str, str] | None = None,
    notices: Iterable[str] = (),
) -> Status:
    """Encode where the run is.

    Examples
    --------
    >>> encode_status(run=1, state="running", rows=240, total=3000, rate=float("inf"))["rate"] is None
    True
    """
    return Status(
        schema=SCHEMA_VERSION,
        run=int(run),
        state=cast(State, state),
        rows=int(rows),
        total=None if total is None else int(total),
        rate=finite(rate),
        seconds=finite(seconds) or 0.0,
        seconds_left=finite(seconds_left),
        error=cast(ErrorInfo, {name: text(words) for name, words in error.items()}) if error else None,
        notices=[text(notice) for notice in notices],
    )
