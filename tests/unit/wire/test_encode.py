from __future__ import annotations

import dataclasses
import json
import math
import typing
import zlib
from dataclasses import replace

import numpy as np
import pytest

from jupyter_xai.explanation import Columns, Curve, Explanation, Pixels, Tokens
from jupyter_xai.explanation.rows import value_text
from jupyter_xai.params import ChoiceParam, FloatParam, IntParam
from jupyter_xai.protocols import Opening
from jupyter_xai.wire import encode, encode_curves, encode_frame, schema
from jupyter_xai.wire.layouts import encode_layout, map_size
from jupyter_xai.wire.pictures import PICTURE_BYTES, area_mean, fit, nearest, picture
from jupyter_xai.wire.plain import plain, text
from tests.golden.make import state_of
from tests.golden.samples import (
    EVERY,
    absences,
    adjustments,
    credit,
    gradient,
    grid_labels,
    many_outputs,
    removals,
    two_inputs,
)


def check_plain(value, path: str = "") -> None:
    """Only what JSON and buffers can carry. Exact types: a numpy float is a float as well."""
    if type(value) is dict:
        for key, inner in value.items():
            assert type(key) is str, path
            check_plain(inner, f"{path}.{key}")
    elif type(value) in (list, tuple):
        for i, inner in enumerate(value):
            check_plain(inner, f"{path}[{i}]")
    elif type(value) is float:
        assert math.isfinite(value), path
    else:
        assert value is None or type(value) in (bool, int, str, bytes), f"{path}: {type(value)}"


def check_typed(value, annotation, path: str = "") -> None:
    """Every TypedDict has its required keys and no others."""
    origin, args = typing.get_origin(annotation), typing.get_args(annotation)
    if origin in (typing.NotRequired, typing.Annotated):
        check_typed(value, args[0], path)
    elif typing.is_typeddict(annotation):
        assert annotation.__required_keys__ <= set(value) <= set(annotation.__annotations__), path
        for key, inner in value.items():
            check_typed(inner, annotation.__annotations__[key], f"{path}.{key}")
    elif origin is list:
        for inner in value:
            check_typed(inner, args[0], path + "[]")
    elif origin is typing.Literal:
        assert value in args, f"{path}: {value!r}"
    elif typing.is_typeddict(args[0] if args else None):  # a union of layouts, told apart by their type
        layouts = {
            typing.get_type_hints(a)["type"].__args__[0]: a
            for a in args
            if typing.is_typeddict(a) and a is not schema.ErrorInfo
        }
        if value is not None and layouts:
            check_typed(value, layouts[value["type"]], path)


@pytest.mark.parametrize("name", EVERY)
def test_headers_are_plain_and_follow_the_schema(name: str) -> None:
    state = state_of(name, EVERY[name]())
    check_plain(state)
    check_typed(state["geometry"], schema.Geometry)
    check_typed(state["frame"], schema.Frame)
    check_typed(state["status"], schema.Status)
    if state["curves"]:
        check_typed(state["curves"], schema.Curves)


@pytest.mark.parametrize("name", EVERY)
def test_buffers_have_the_lengths_the_browser_reads(name: str) -> None:
    state = state_of(name, EVERY[name]())
    frame = state["frame"]
    targets, features = len(frame["targets"]), frame["n_features"]
    for key in ("values", "std_errors"):
        if key in frame:
            assert len(frame[key]) == 4 * targets * features
    for key in ("base_values", "gap", "r2", "local_predictions"):
        if key in frame:
            assert len(frame[key]) == 4 * targets
    assert max(frame["targets"]) < len(frame["predictions"]) // 4
    assert ("pixels" in frame) != ("values" in frame)


def test_a_frame_is_a_copy() -> None:
    explanation = credit()
    frame = encode.encode_frame(explanation, run=1, seq=0)
    before = bytes(frame["values"])
    explanation.values[:] = 7.0
    assert frame["values"] == before


def test_offsets_count_utf16_units() -> None:
    layout = Tokens(text="a 𝒜𝓃𝒹 👩‍👧 é", offsets=((0, 1), (2, 5), (6, 9), (10, 11)))
    encoded = encode_layout(layout)
    units = encoded["text"].encode("utf-16-le")
    words = [units[2 * a : 2 * b].decode("utf-16-le") for a, b in encoded["offsets"]]
    assert words == ["a", "𝒜𝓃𝒹", "👩‍👧", "é"]
    assert encoded["groups"] == [0, 1, 2, 3]


def test_half_a_surrogate_pair_does_not_stop_the_message() -> None:
    encoded = encode_layout(Tokens(text="x\ud83d y", offsets=((0, 2), (3, 4))))
    json.dumps(encoded, ensure_ascii=False).encode("utf-8")
    assert encoded["offsets"] == [[0, 2], [3, 4]]
    assert text("\ud83d") == "\ufffd"


def test_no_units_at_all() -> None:
    encoded = encode_layout(Tokens(text="...", offsets=()))
    assert encoded["offsets"] == []
    assert encoded["n_features"] == 0


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (None, "missing"),
        (float("nan"), "missing"),
        (np.float32(0.1), "0.1"),
        (np.int64(7), "7"),
        (1e-12, "1e-12"),
        (-0.0, "0"),
        (-1.13955, "\u22121.13955"),
        (np.int64(-7), "\u22127"),
        ("-7", "-7"),
        (1234567.89, "1234567.9"),
        (1e22, "1e+22"),
        (float("inf"), "inf"),
        (True, "True"),
        ((1.0, None), "1, missing"),
        ("x" * 500, "x" * 199 + "…"),
    ],
)
def test_values_of_cells(value, said: str) -> None:
    assert value_text(value)[0] == said


def test_params_say_any_value() -> None:
    assert plain(np.zeros((2, 3))) == "array of shape (2, 3)"
    assert " at 0x" not in plain(object())
    specs = (
        FloatParam(name="width", default="auto", label="width", auto=True),
        IntParam(name="n", default=5, label="n", max=9),
        ChoiceParam(name="fill", default=len, label="fill", choices=("mean",), free=True),
    )
    width, count, fill = encode.encode_params(specs)
    assert (width["min"], width["max"], width["default"]) == (None, None, "auto")
    assert (count["min"], count["max"], count["step"]) == (0.0, 9.0, 1.0)
    assert (fill["default"], fill["choices"], fill["step"]) == ("len", ["mean"], None)
    check_plain([width, count, fill])


def test_names_of_very_many_outputs_are_cut() -> None:
    row = credit().features
    names = [str(i) for i in range(5000)]
    geometry = encode.encode_geometry(
        row, run=1, took="", output_names=names, n_outputs=5000, output_unit="other", threshold=math.inf
    )
    assert len(geometry["output_names"]) == schema.MAX_OUTPUT_NAMES
    assert geometry["n_outputs"] == 5000
    assert (geometry["output_unit"], geometry["threshold"]) == ("raw", None)


# --- pictures ------------------------------


@pytest.mark.parametrize("shape", [(1, 1), (224, 224), (3000, 4000), (1, 900), (28, 28)])
def test_pictures_fit(shape: tuple[int, int]) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
    mime, data, (height, width) = picture(noise)
    assert len(data) <= PICTURE_BYTES
    assert max(height, width) <= 448
    import io

    from PIL import Image

    with Image.open(io.BytesIO(data)) as decoded:
        assert decoded.size == (width, height)
        assert Image.MIME[decoded.format] == mime


def test_small_pictures_are_exact() -> None:
    import io

    from PIL import Image

    digit = np.random.default_rng(0).integers(0, 256, (28, 28, 3), dtype=np.uint8)
    mime, data, _ = picture(digit)
    assert mime == "image/png"
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(data))), digit)


def test_label_maps_keep_their_place() -> None:
    labels = np.repeat(np.arange(4), 250)[None].repeat(900, axis=0).astype(np.int32)
    encoded = encode_layout(Pixels(image=np.zeros((900, 1000, 3), np.uint8), labels=labels))
    sent = np.frombuffer(zlib.decompress(encoded["labels"]), "<u2").reshape(
        encoded["height"], encoded["width"]
    )
    assert encoded["width"] == 448
    assert np.array_equal(np.unique(sent[0], return_counts=True)[1], [112] * 4)
    assert encoded["n_features"] == 4


def test_a_shrunk_picture_says_in_which_pixels_edits_count() -> None:
    large, small = (
        encode_layout(Pixels(image=np.zeros((h, w, 3), np.uint8))) for h, w in ((900, 1000), (30, 40))
    )
    assert (large["width"], large["original_width"]) == (448, 1000)
    assert "original_width" not in small


def test_nearest_and_area_mean() -> None:
    assert np.array_equal(nearest(np.arange(6).reshape(2, 3), 2, 3), np.arange(6).reshape(2, 3))
    array = np.random.default_rng(0).normal(size=(2, 7, 10))
    assert np.allclose(area_mean(array, 7, 5), array.reshape(2, 7, 5, 2).mean(axis=-1))
    assert fit(10, 1000, 100) == (1, 100)


# --- frames ------------------------------


def test_pixel_maps_are_int8_of_the_shown_target() -> None:
    explanation = gradient()
    for target in (0, 1):
        pixels = encode.encode_frame(explanation, run=1, seq=0, display_target=target)["pixels"]
        shown = np.frombuffer(pixels["data"], np.int8).reshape(pixels["height"], pixels["width"])
        truth = explanation.values[target].sum(axis=0)
        assert pixels["target"] == target
        assert np.abs(shown * pixels["scale"] / 127 - truth).max() <= pixels["scale"] / 254 + 1e-9
    assert encode.encode_frame(explanation, run=1, seq=0, display_target=77)["pixels"]["target"] == 0


def test_pixel_maps_of_other_outputs() -> None:
    layout = Pixels(image=np.zeros((300, 448, 3), np.uint8))
    values = np.random.default_rng(0).normal(size=(6, 3, 300, 448))
    names = tuple("abcdef")
    explanation = Explanation(
        values=values,
        features=layout,
        output_names=names,
        predictions=np.arange(6.0),
        targets=tuple(range(6)),
    )
    assert "maps" not in encode.encode_frame(explanation, run=1, seq=0)
    for maps, size in (("small", (54, 80)), ("all", (150, 224)), ("exact", (300, 448))):
        frame = encode.encode_frame(explanation, run=1, seq=0, display_target=2, maps=maps)
        assert frame["pixels"]["target"] == 2
        assert [other["target"] for other in frame["maps"]] == [0, 1, 3, 4]
        assert {(other["height"], other["width"]) for other in frame["maps"]} == {size}
    exact = frame["maps"][0]
    found = np.frombuffer(exact["data"], "<f2").reshape(300, 448) * exact["scale"]
    np.testing.assert_allclose(found, values[0].sum(axis=0), atol=1e-3 * exact["scale"])


def test_a_saved_pixel_view_of_five_outputs_fits() -> None:
    rng = np.random.default_rng(0)
    layout = Pixels(image=rng.integers(0, 256, (224, 224, 3), dtype=np.uint8))
    values = rng.normal(size=(5, 3, 224, 224))
    explanation = Explanation(
        values=values,
        features=layout,
        output_names=tuple("abcde"),
        predictions=np.arange(5.0),
        method="deep_lift",
    )
    state = state_of("pixels", explanation)
    state["frame"] = encode.encode_frame(explanation, run=1, seq=0, maps="small")
    assert at_rest(state) <= 150_000


@pytest.mark.parametrize("fill", [0.0, np.nan])
def test_pixel_maps_without_a_signal(fill: float) -> None:
    explanation = gradient()
    values = np.full_like(explanation.values, fill)
    frame = encode.encode_frame(dataclasses.replace(explanation, values=values), run=1, seq=0)
    assert frame["pixels"]["scale"] == 0.0
    assert not any(frame["pixels"]["data"])


def test_large_pixel_maps_shrink() -> None:
    layout = Pixels(image=np.zeros((600, 900, 3), np.uint8))
    explanation = Explanation(
        values=np.ones((1, 3, 600, 900)), features=layout, output_names=("a",), predictions=np.array([1.0])
    )
    frame = encode.encode_frame(explanation, run=1, seq=0)
    assert map_size(layout) == (149, 224)
    assert frame["pixels"]["scale"] == pytest.approx(3.0)
    assert len(frame["pixels"]["data"]) == 149 * 224


def test_a_1000_class_photograph_fits_a_saved_notebook() -> None:
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (224, 224, 3), dtype=np.uint8)
    explanation = dataclasses.replace(
        many_outputs(),
        features=Pixels(image=image, labels=rng.integers(0, 24, (224, 224)).astype(np.int32)),
    )
    state = state_of("image", explanation)
    assert at_rest(state) <= 150_000


def at_rest(state) -> float:
    """Bytes of a state in a saved notebook: buffers are base64 there."""
    return sum(len(part) for part in buffers(state)) * 4 / 3 + len(json.dumps(state, default=lambda _: ""))


def test_a_photograph_with_every_curve_fits_a_saved_notebook() -> None:
    rng = np.random.default_rng(0)
    image, pieces = rng.integers(0, 256, (224, 224, 3), dtype=np.uint8), 196
    values, scores = rng.normal(size=(5, pieces)), rng.uniform(size=5)
    explanation = dataclasses.replace(
        many_outputs(),
        values=values, std_errors=np.abs(values), output_names=tuple("abcde"), targets=tuple(range(5)),
        predictions=scores, base_values=scores, fidelity=None,
        features=Pixels(image=image, labels=grid_labels(224, 224, 14, 14)),
        curves=(
            *removals(values, scores, tuple(range(5))), *absences(values, scores, pieces), *adjustments(scores)
        ),
    )  # fmt: skip
    state = state_of("image", explanation)
    kinds = [curve["kind"] for curve in state["curves"]["curves"]]
    assert {kind: kinds.count(kind) for kind in kinds} == {
        "random_removal": 1, "removal": 5, "insertion": 5, "presence": 40, "adjustment": 5,
    }  # fmt: skip
    assert at_rest(state) <= 150_000


def test_curves_of_500_columns_are_a_third_of_a_saved_view_at_most() -> None:
    rng = np.random.default_rng(0)
    curves = [
        Curve("response", i, np.sort(rng.normal(size=300)), rng.uniform(size=(5, 300))) for i in range(500)
    ]
    curves += [Curve("flip", i, np.array([1.0]), rng.uniform(size=(5, 1))) for i in range(75)]
    values = rng.normal(size=(5, 500))
    sent = encode_curves([*curves, *removals(values, rng.uniform(size=5), tuple(range(5)))], 1, 4000)
    assert max(curve["points"] for curve in sent["curves"]) == 24
    assert sum(curve["kind"] == "response" for curve in sent["curves"]) == 40
    assert at_rest(sent) <= 50_000


def buffers(value):
    if isinstance(value, bytes):
        yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from buffers(inner)


def test_several_inputs_stand_side_by_side() -> None:
    explanation = two_inputs()
    frame = encode.encode_frame(explanation, run=1, seq=0)
    values = np.frombuffer(frame["values"], "<f4").reshape(2, frame["n_features"])
    assert frame["n_features"] == 12 * 16 + 2
    assert np.allclose(values[:, -2:], explanation.values[1])
    assert np.allclose(values[:, :192], explanation.values[0].sum(axis=1).reshape(2, -1), atol=1e-7)


def test_outputs_that_are_functions_come_after_the_models_own() -> None:
    frame = encode.encode_frame(EVERY["function"](), run=1, seq=0)
    assert frame["targets"] == [3]
    assert np.frombuffer(frame["predictions"], "<f4")[3] == pytest.approx(0.4)


def test_an_opening_shows_the_instance_and_its_prediction() -> None:
    explanation = many_outputs()
    opening = Opening(
        features=explanation.features,
        targets=explanation.targets,
        output_names=explanation.output_names,
        all_output_names=explanation.all_output_names,
        all_predictions=explanation.all_predictions,
    )
    frame = encode.encode_opening(opening, run=2, seq=0, method_label="LIME")
    check_plain(frame)
    check_typed(frame, schema.Frame)
    assert (frame["n_features"], "values" in frame, len(frame["predictions"])) == (24, False, 4000)


# --- curves and status ------------------------------


def test_curves_are_thinned_and_keep_large_numbers() -> None:
    x = np.arange(200.0)
    y = np.stack([1e6 + 10 * x, 1e6 - 10 * x])
    curves = [Curve(kind="response", feature=i, x=x, y=y) for i in range(60)]
    curves.append(Curve(kind="removal", feature=None, x=x, y=y))
    sent = encode_curves(curves, run=1)["curves"]
    assert len(sent) == 41
    first = sent[0]
    at = np.frombuffer(first["x"], "<f4")
    back = first["offset"] + first["scale"] * np.frombuffer(first["y"], "<f2").astype(float).reshape(2, -1)
    assert (len(at), at[0], at[-1]) == (24, 0.0, 199.0)
    assert np.allclose(back[0], 1e6 + 10 * at, atol=1.0)


def test_curves_without_answers() -> None:
    bad = Curve(kind="response", feature=0, x=np.arange(3.0), y=np.array([[np.nan, np.inf, 1.0]]))
    (sent,) = encode_curves([bad], run=1)["curves"]
    check_plain(sent)
    assert np.isnan(np.frombuffer(sent["y"], "<f2")).tolist() == [True, True, False]
    flat = Curve(kind="response", feature=0, x=np.arange(1.0), y=np.array([[2.0]]))
    (sent,) = encode_curves([flat], run=1)["curves"]
    assert sent["offset"] + sent["scale"] * np.frombuffer(sent["y"], "<f2")[0] == 2.0


def test_status_never_says_infinity() -> None:
    status = encode.encode_status(
        run=np.int64(1),
        state="running",
        rows=np.int64(3),
        rate=np.float64("inf"),
        seconds=float("nan"),
        seconds_left=np.float32(2),
        error={"title": "t", "message": "\ud800", "where": "", "hint": "", "traceback": ""},
    )
    check_plain(status)
    assert (status["rate"], status["seconds"], status["seconds_left"]) == (None, 0.0, 2.0)


def test_a_large_table_is_a_small_geometry() -> None:
    n = 200
    row = Columns(
        names=tuple(f"f{i}" for i in range(n)),
        values=tuple(range(n)),
        kinds=("number",) * n,
        members=tuple((i,) for i in range(n)),
    )
    geometry = encode.encode_geometry(
        row, run=1, took="", output_names=("y",), n_outputs=1, output_unit="raw"
    )
    assert len(json.dumps(geometry)) < 30_000


def test_pairs_are_those_of_the_features_with_most_of_them() -> None:
    rng = np.random.default_rng(0)
    both = rng.normal(size=(2, 40, 40)) / 100
    both[:, 33, 7] = both[:, 7, 33] = -5.0
    both[:, 33, 20] = both[:, 20, 33] = -1.0
    both[:, 7, 7] = 3.0  # a feature's own bend counts half
    names = tuple(f"<b>{i}</b>" for i in range(40))
    found = Explanation(
        values=np.ones((2, 40)),
        interactions=both,
        features=Columns(
            names=names, values=(0.0,) * 40, kinds=("number",) * 40, members=tuple((i,) for i in range(40))
        ),
        output_names=("a", "b"),
        predictions=np.zeros(2),
    )
    pairs = encode_frame(found, run=1, seq=0)["pairs"]
    assert pairs["names"][:3] == ["<b>7</b>", "<b>33</b>", "<b>20</b>"]
    assert (len(pairs["names"]), pairs["more"]) == (16, 24)
    sent = np.frombuffer(pairs["values"], "<f4").reshape(2, 16, 16)
    at = [names.index(name) for name in pairs["names"]]
    np.testing.assert_allclose(sent, both[np.ix_(range(2), at, at)], rtol=1e-6)
    assert "std_errors" not in pairs
    assert "pairs" not in encode_frame(replace(found, interactions=None), run=1, seq=0)


@pytest.mark.parametrize("outputs", [1, 5])
def test_pairs_of_as_many_numbers_as_are_taken_stay_small(outputs: int) -> None:
    both = np.random.default_rng(0).normal(size=(outputs, 1000, 1000))
    found = Explanation(
        values=np.ones((outputs, 1000)),
        interactions=both,
        features=Columns(
            names=tuple(f"a rather long name of column {i}" for i in range(1000)),
            values=(0.0,) * 1000,
            kinds=("number",) * 1000,
            members=tuple((i,) for i in range(1000)),
        ),
        output_names=tuple("abcde"[:outputs]),
        predictions=np.zeros(outputs),
    )
    pairs = encode_frame(found, run=1, seq=0)["pairs"]
    assert len(pairs["values"]) == 4 * 256 * outputs
    assert sum(map(len, pairs["names"])) < 1000
