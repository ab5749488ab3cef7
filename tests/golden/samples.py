"""Explanations made by hand, one of each kind, with what breaks views. No kernel, no model, no chance."""

from __future__ import annotations

import numpy as np

from jupyter_xai.explanation import (
    Columns,
    Curve,
    Explanation,
    Fidelity,
    Pixels,
    Several,
    Steps,
    Tokens,
    Unexplained,
)

XSS = "<img src=x onerror=alert(1)>\"'&amp;</script><script>alert(2)</script>"


def weights(*shape: int, scale: float = 0.2, seed: int = 0) -> np.ndarray:
    """Numbers that look like attributions: a few large, most small, both signs. Integer arithmetic only."""
    count = int(np.prod(shape))
    at = np.arange(count, dtype=np.int64) + 7919 * (seed + 1)
    mixed = (at * 2654435761 + 12345) % 4294967296
    unit = (mixed % 2001 - 1000) / 1000.0
    return (unit**3 * scale).reshape(shape)


def removals(
    values: np.ndarray, predictions: np.ndarray, orders: tuple[int, ...] = (0, 1)
) -> tuple[Curve, ...]:
    """Removal curves of a model that adds up, and a band about the straight line to its end."""
    n = values.shape[1]
    at = np.unique(np.concatenate([np.arange(min(n, 12)), np.linspace(0, n, 12).astype(int)]))
    x = at.astype(np.float64)
    straight = predictions[:, None] - values.sum(axis=1)[:, None] * x / n
    wide = 0.4 * np.abs(values).max() * np.minimum(x, n - x).clip(max=4) / 4
    found = [
        Curve(
            kind="random_removal",
            feature=None,
            x=x,
            y=straight,
            band=np.stack([straight - wide, straight + wide]),
        )
    ]
    for row in orders:
        order = np.argsort(-values[row].astype(np.float32), kind="stable")
        for kind, ranked in (("removal", order), ("insertion", order[::-1])):
            gone = np.cumsum(values[:, ranked], axis=1)
            y = (predictions[:, None] - np.concatenate([np.zeros((len(values), 1)), gone], axis=1))[:, at]
            found.append(Curve(kind=kind, feature=None, x=x, y=y, order=row))
    return tuple(found)


def absences(values: np.ndarray, predictions: np.ndarray, most: int = 40) -> tuple[Curve, ...]:
    """Each feature absent alone, in a model that adds up."""
    x = np.array([0.0, 1.0])
    order = np.argsort(-np.abs(values).max(axis=0), kind="stable")[:most].tolist()
    return tuple(
        Curve("presence", i, x, np.stack([predictions - values[:, i], predictions], axis=1)) for i in order
    )


def adjustments(predictions: np.ndarray) -> tuple[Curve, ...]:
    """An image that is the less itself the more it is adjusted."""
    ends = {
        "blur": (0, 8),
        "noise": (0, 0.5),
        "brightness": (-0.8, 0.8),
        "contrast": (-1, 2),
        "rotation": (-180, 180),
    }
    found = []
    for name, (low, high) in ends.items():
        x = np.linspace(low, high, 13).round(6)
        share = np.abs(x) / max(-low, high)
        found.append(Curve("adjustment", None, x, predictions[:, None] * (1 - 0.8 * share), name=name))
    return tuple(found)


def credit(n_features: int = 19) -> Explanation:
    """A credit applicant by LIME: bins, categories, a missing value, a group, hollow bars."""
    known = [
        ("checking account", "overdrawn", "category", "", "checking account = overdrawn"),
        ("credit amount", 9629.0, "number", "DM", "credit amount > 3,972"),
        ("duration", 36, "number", "months", "24 < duration ≤ 36"),
        ("purpose", "car, used", "category", "", "purpose = car, used"),
        ("credit history", "other credits", "category", "", "credit history = other credits"),
        ("age", 24, "number", "years", "age ≤ 27"),
        ("employed since", None, "category", "", "employed since = missing"),
        ("savings", "under 100 DM", "category", "", "savings = under 100 DM"),
        ("foreign worker", True, "boolean", "", "foreign worker = True"),
        ("housing and telephone", ("rent", 0.1 + 0.2), "group", "", ""),
    ]
    known += [(f"column {i}", i * 1.5, "number", "", f"column {i} ≤ {i * 2}") for i in range(10, n_features)]
    names, values, kinds, units, conditions = zip(*known[:n_features], strict=True)
    n = len(names)
    heights = np.array([0.156, 0.146, 0.134, -0.129, -0.08, 0.073, -0.057, 0.04, 0.011, 0.011])
    first = np.concatenate([heights, weights(max(0, n - 10), scale=0.01)])[:n]
    return Explanation(
        values=np.stack([first, -first]),
        std_errors=np.stack([0.006 + 0.0005 * np.arange(n)] * 2),
        features=Columns(
            names=names,
            values=values,
            kinds=kinds,
            members=tuple((i,) for i in range(n)),
            units=units,
            conditions=conditions,
        ),
        output_names=("bad credit", "good credit"),
        targets=(0, 1),
        predictions=np.array([0.635, 0.365]),
        all_output_names=("bad credit", "good credit"),
        all_predictions=np.array([0.635, 0.365]),
        base_values=np.array([0.313, 0.687]),
        fidelity=Fidelity(
            r2=np.array([0.66, 0.66]),
            local_predictions=np.array([0.313 + first.sum(), 0.687 - first.sum()]),
        ),
        output_unit="probability",
        value_unit="probability",
        method="lime",
        params={"n_samples": 3000, "kernel_width": np.float64(3.27), "alpha": 1.0},
        n_evals=3000,
        n_rows=3000,
        forecast_evals=3000,
        curves=(
            Curve(
                kind="response",
                feature=2,
                x=np.arange(4.0, 73.0),
                y=np.stack([0.3 + 0.005 * np.arange(69), 0.7 - 0.005 * np.arange(69)]),
            ),
            Curve("flip", 2, np.array([24.0]), np.array([[0.42], [0.58]])),
            *removals(np.stack([first, -first]), np.array([0.635, 0.365])),
        ),
    )


REVIEW = (
    "The first hour is wonderful: a quiet, beautifully shot portrait of two brothers who no longer speak. "
    "Then the script loses its nerve. A plot about stolen money arrives from nowhere, the dialogue turns "
    "dull, and a great supporting cast is wasted on one predictable twist after another."
)
_REVIEW_WEIGHTS = {"dull": 0.157, "wonderful": -0.133, "great": -0.114, "script": 0.114, "wasted": 0.112}
_REVIEW_WEIGHTS |= {
    "predictable": 0.095,
    "portrait": -0.079,
    "beautifully": -0.074,
    "no": 0.068,
    "loses": 0.05,
}
UNICODE = f"Gâteau 👩‍👩‍👧 déjà 映画は退屈でした。 الفيلم ممل جدا {XSS} 𝒜𝓃𝒹 end"


def words_of(text: str) -> tuple[tuple[int, int], ...]:
    """Offsets of what stands between spaces and punctuation."""
    import re

    return tuple(match.span() for match in re.finditer(r"[\w'👩‍👧]+", text))


def review() -> Explanation:
    """A film review by LIME."""
    offsets = words_of(REVIEW)
    first = np.array([_REVIEW_WEIGHTS.get(REVIEW[a:b], 0.002 * ((a % 7) - 3)) for a, b in offsets])
    return Explanation(
        values=np.stack([first, -first]),
        std_errors=np.full((2, len(offsets)), 0.004),
        features=Tokens(text=REVIEW, offsets=offsets),
        output_names=("negative", "positive"),
        targets=(0, 1),
        predictions=np.array([0.793, 0.207]),
        base_values=np.array([0.787 - first.sum(), 0.213 + first.sum()]),
        fidelity=Fidelity(r2=np.array([0.92, 0.92]), local_predictions=np.array([0.787, 0.213])),
        output_unit="probability",
        value_unit="probability",
        method="lime",
        params={"n_samples": 2000},
        n_evals=2000,
        n_rows=2000,
        curves=(
            *removals(np.stack([first, -first]), np.array([0.793, 0.207])),
            *absences(np.stack([first, -first]), np.array([0.793, 0.207])),
        ),
        curve_rows=412,
    )


def every_script() -> Explanation:
    """Emoji of several code points, right to left, no spaces, markup; equal words grouped; still running."""
    offsets = words_of(UNICODE)
    groups = tuple(min(i, 5) for i in range(len(offsets)))
    first = weights(6, scale=0.3)
    return Explanation(
        values=first[None],
        std_errors=np.abs(first[None]) * 0.7 + 0.001,
        features=Tokens(text=UNICODE, offsets=offsets, groups=groups),
        output_names=(XSS,),
        targets=(0,),
        predictions=np.array([0.5]),
        output_unit="probability",
        method="lime",
        n_evals=500,
        n_rows=500,
        forecast_evals=2000,
        status="running",
        notices=(XSS,),
    )


def photo(height: int = 120, width: int = 160) -> np.ndarray:
    """A smooth picture."""
    y, x = np.mgrid[0:height, 0:width]
    red = 60 + 150 * y // height
    green = 40 + 120 * x // width
    blue = 200 - 100 * ((x - width // 2) ** 2 + (y - height // 2) ** 2) // (width**2 // 2 + height**2 // 2)
    return np.stack([red, green, blue], axis=-1).clip(0, 255).astype(np.uint8)


def grid_labels(height: int, width: int, rows: int, columns: int) -> np.ndarray:
    """Slanted pieces."""
    y, x = np.mgrid[0:height, 0:width]
    return ((y * rows // height) * columns + ((x + y // 3) % width) * columns // width).astype(np.int32)


def many_outputs(n_outputs: int = 1000) -> Explanation:
    """A photograph of 1000 classes, three explained; superpixels; one R² that cannot be measured."""
    image = photo()
    values = weights(3, 24, scale=0.03)
    predictions = np.zeros(n_outputs)
    predictions[[282, 285, 281]] = (0.385, 0.363, 0.167)
    return Explanation(
        values=values,
        std_errors=np.full((3, 24), 0.003),
        features=Pixels(image=image, labels=grid_labels(*image.shape[:2], 4, 6), fill="mean"),
        output_names=("tiger cat", "Egyptian cat", "tabby"),
        targets=(282, 285, 281),
        predictions=predictions[[282, 285, 281]],
        all_output_names=tuple(f"class {i}" for i in range(n_outputs)),
        all_predictions=predictions,
        base_values=np.array([0.0, 0.01, 0.02]),
        fidelity=Fidelity(
            r2=np.array([0.41, np.nan, 0.8]),
            local_predictions=np.array([0.0, 0.01, 0.02]) + values.sum(axis=1),
        ),
        output_unit="probability",
        value_unit="probability",
        method="lime",
        n_evals=1000,
        n_rows=1000,
        curves=(
            *removals(values, predictions[[282, 285, 281]], (0, 1, 2)),
            *absences(values, predictions[[282, 285, 281]]),
            *adjustments(predictions[[282, 285, 281]]),
        ),
        curve_rows=512,
    )


def gradient(height: int = 48, width: int = 64) -> Explanation:
    """A pixel map of a gradient method: exact, additive but for a gap that has an owner."""
    values = np.zeros((2, 3, height, width))
    y, x = np.mgrid[0:height, 0:width]
    for output, (cy, cx) in enumerate([(16, 20), (30, 44)]):
        near = np.maximum(0.0, 1 - ((y - cy) ** 2 + (x - cx) ** 2) / 150.0)
        far = np.maximum(0.0, 1 - ((y - 40) ** 2 + (x - 10) ** 2) / 80.0)
        values[output] = (near - far)[None] * np.array([0.5, 0.3, 0.2])[:, None, None] / 64
    totals = values.reshape(2, -1).sum(axis=1)
    return Explanation(
        values=values,
        features=Pixels(image=photo(height, width)),
        output_names=("cat", "dog"),
        targets=(0, 1),
        predictions=totals + 0.021 - 1.0,
        base_values=np.array([-1.0, -1.0]),
        additive=True,
        unexplained=(Unexplained("layer norm2", 0.9), Unexplained("softmax", 0.1)),
        output_unit="logit",
        value_unit="logit",
        method="integrated_gradients",
        params={"baseline": "zeros", "steps": 64},
        random_state=None,
        n_evals=64,
        n_rows=64,
    )


def price() -> Explanation:
    """A regression, exact and additive: no std_errors, no fidelity, large numbers, one output."""
    values = np.array([[52_300.0, -18_250.5, 7_040.25, 0.0, -310.0]])
    return Explanation(
        values=values,
        features=Columns(
            names=("rooms", "distance", XSS, "constant", "very " * 12 + "long name"),
            values=(7, 12.5, XSS, 1.0, -0.0001),
            kinds=("number", "number", "category", "number", "number"),
            members=tuple((i,) for i in range(5)),
            units=("", "km", "", "", ""),
        ),
        output_names=("price",),
        targets=(0,),
        predictions=np.array([180_000.0 + values.sum()]),
        base_values=np.array([180_000.0]),
        additive=True,
        output_unit="raw",
        value_unit="EUR",
        method="exact_shap",
        n_evals=32,
        n_rows=3200,
        status="stopped",
        notices=("The batch was halved to 32 rows: the device ran out of memory.",),
        curves=(
            Curve(
                kind="response",
                feature=0,
                x=np.arange(1.0, 11),
                y=90_000.0 + 30_000.0 * np.arange(1.0, 11)[None],
            ),
            Curve(
                kind="random_removal",
                feature=None,
                x=np.arange(6.0),
                y=220_000.0 - 8_000.0 * np.arange(6.0)[None],
            ),
        ),
    )


def paired() -> Explanation:
    """Derivatives of a network at a row, and those of its pairs: more features than the matrix shows."""
    names = (
        "income",
        "debt",
        XSS,
        "years_at_this_address_without_any_space",
        *(f"column {i}" for i in range(4, 18)),
    )
    n = len(names)
    values = np.stack([-weights(n, scale=0.6), weights(n, scale=0.6)])
    both = weights(n, n, scale=0.3, seed=2)
    both = (both + both.T) / 2
    both[1, 1] = 0.0
    return Explanation(
        values=values,
        interactions=np.stack([-both, both]),
        features=Columns(
            names=names,
            values=tuple(float(i) for i in range(n)),
            kinds=("number",) * n,
            members=tuple((i,) for i in range(n)),
        ),
        output_names=("unpaid", "paid"),
        targets=(0, 1),
        predictions=np.array([-1.25, 1.25]),
        all_output_names=("unpaid", "paid"),
        all_predictions=np.array([-1.25, 1.25]),
        output_unit="logit",
        value_unit="per standard deviation",
        method="sensitivity",
        params={"second_order": True, "curvature": "hessian"},
        n_evals=37,
        n_rows=37,
    )


def nothing() -> Explanation:
    """A model that does not react: all values zero, the run failed after its first estimate."""
    return Explanation(
        values=np.zeros((1, 3)),
        std_errors=np.zeros((1, 3)),
        features=Columns(
            names=("a", "b", "c"), values=(1, 2, 3), kinds=("number",) * 3, members=((0,), (1,), (2,))
        ),
        output_names=("score",),
        targets=(0,),
        predictions=np.array([0.3]),
        base_values=np.array([0.3]),
        fidelity=Fidelity(r2=np.array([np.nan]), local_predictions=np.array([0.3])),
        output_unit="probability",
        method="lime",
        n_evals=600,
        n_rows=600,
        status="failed",
    )


def series() -> Explanation:
    """Two channels over time."""
    at = np.arange(24)
    signal = np.stack([(at % 6) / 6.0, 1.0 - (at % 8) / 8.0], axis=-1)
    return Explanation(
        values=weights(1, 24, 2, scale=0.4),
        std_errors=np.full((1, 24, 2), 0.02),
        features=Steps(values=signal, channel_names=("flow", "pressure")),
        output_names=("alarm",),
        targets=(0,),
        predictions=np.array([1.4]),
        output_unit="logit",
        method="kernel_shap",
        n_evals=400,
        n_rows=400,
    )


def two_inputs() -> Explanation:
    """A photograph and a row."""
    image = photo(12, 16)
    row = Columns(names=("age", "sex"), values=(40, "f"), kinds=("number", "category"), members=((0,), (1,)))
    return Explanation(
        values=(weights(2, 3, 12, 16, scale=0.01), weights(2, 2, scale=0.2)),
        features=Several(parts=(Pixels(image=image), row), part_names=("scan", "record")),
        output_names=("benign", "malignant"),
        targets=(0, 1),
        predictions=np.array([0.2, 0.8]),
        base_values=np.array([0.5, 0.5]),
        additive=True,
        output_unit="probability",
        method="deep_lift",
        n_evals=1,
        n_rows=2,
    )


def of_a_function() -> Explanation:
    """The explained output is a function of the model's outputs, so it has no index among them."""
    return Explanation(
        values=np.array([[0.5, -0.25]]),
        features=Columns(
            names=("x", "y"), values=(1.0, float("nan")), kinds=("number",) * 2, members=((0,), (1,))
        ),
        output_names=("margin",),
        predictions=np.array([0.4]),
        all_output_names=("a", "b", "c"),
        all_predictions=np.array([0.6, 0.2, 0.2]),
        method="occlusion",
        params={"fill": len, "sizes": (3, 3), "tolerance": float("inf")},
        n_evals=2,
        n_rows=2,
        status="capped",
    )


EVERY = {
    "table": credit,
    "text": review,
    "unicode": every_script,
    "image": many_outputs,
    "pixels": gradient,
    "price": price,
    "zero": nothing,
    "steps": series,
    "several": two_inputs,
    "function": of_a_function,
    "pairs": paired,
}
