from __future__ import annotations

import concurrent.futures
import dataclasses
import io
import subprocess
import sys
import warnings

import numpy as np
import pytest

from jupyter_xai.errors import TargetError
from jupyter_xai.explanation import Explanation, Pixels, Tokens
from jupyter_xai.plot import PNG_BYTES, figure, png
from jupyter_xai.plot.canvas import drawable
from jupyter_xai.plot.heat import LOWERS, RAISES, heat_picture, heat_scale, piece_centres
from jupyter_xai.plot.pictures import _right_to_left, _stretches
from tests.golden.samples import EVERY, credit, gradient, many_outputs, review


@pytest.mark.parametrize("name", EVERY)
def test_every_kind_has_a_picture_of_bounded_size(name: str) -> None:
    explanation = EVERY[name]()
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # missing glyphs warn
        data = png(explanation, len(explanation.output_names) - 1)
    assert data.startswith(b"\x89PNG")
    assert len(data) <= PNG_BYTES


def test_a_photograph_of_noise_still_fits() -> None:
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (300, 400, 3), dtype=np.uint8)
    labels = rng.integers(0, 24, (300, 400)).astype(np.int32)
    hard = dataclasses.replace(many_outputs(), features=Pixels(image=image, labels=labels))
    assert len(png(hard)) <= PNG_BYTES


def test_the_picture_is_the_same_twice_and_from_threads() -> None:
    explanation = review()
    first = png(explanation)
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        assert set(pool.map(lambda _: png(explanation), range(4))) == {first}


def test_pyplot_and_its_state_are_left_alone() -> None:
    probe = (
        "import sys, jupyter_xai.plot; assert 'matplotlib' not in sys.modules\n"
        "from tests.golden.samples import credit\n"
        "f = credit().plot('good credit'); assert f._repr_png_().startswith(b'\\x89PNG')\n"
        "assert 'matplotlib.pyplot' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", probe], check=True, timeout=120)


def test_styles_of_the_user_do_not_reach_in() -> None:
    import matplotlib as mpl

    plain = png(credit())
    with mpl.rc_context(
        {"figure.facecolor": "black", "text.color": "red", "font.size": 30, "lines.linewidth": 9}
    ):
        assert png(credit()) == plain


def test_outputs_by_name_and_by_number() -> None:
    assert credit().plot("good credit").get_size_inches()[0] == pytest.approx(8.2)
    assert credit().plot(-1)
    for wrong in ("nobody", 2, -3):
        with pytest.raises(TargetError):
            credit().plot(wrong)


def test_rows_are_limited_and_the_rest_is_one() -> None:
    short, long = (figure(credit(19), max_features=most).get_size_inches()[1] for most in (3, 18))
    assert long > short + 3


@pytest.mark.parametrize(
    "text",
    [
        "",
        "...",
        "a" * 3000,
        "word " * 3000,
        "$x^2$ \\frac{ %",
        "line\n\n\nbreaks",
        "\x00\x1b\ud800 odd",
        "שלום עולם",
    ],
)
def test_texts_that_are_hard_to_set(text: str) -> None:
    offsets = ((0, len(text)),) if 0 < len(text) < 4000 else ()
    explanation = Explanation(
        values=np.full((1, len(offsets)), 0.1),
        features=Tokens(text=text, offsets=offsets),
        output_names=(text[:50],),
        predictions=np.array([0.5]),
    )
    assert png(explanation).startswith(b"\x89PNG")


def test_stretches_join_to_the_text() -> None:
    layout = EVERY["unicode"]().features
    assert "".join(stretch for stretch, _ in _stretches(layout)) == layout.text
    assert [unit for _, unit in _stretches(layout) if unit is not None] == list(range(len(layout.offsets)))


def test_direction_and_letters() -> None:
    assert _right_to_left("1. שלום")
    assert not _right_to_left("abc שלום")
    assert drawable("a\ud800\u200db") == "a□b"


# --- heat --------------------------------------------------------------------------------------------------


def squares(values: list[float], errors: list[float] | None = None) -> Explanation:
    labels = np.repeat(np.arange(len(values)), 100)[None].repeat(100, axis=0).astype(np.int32)
    grey = np.full((*labels.shape, 3), 128, np.uint8)
    return Explanation(
        values=np.array([values]),
        std_errors=None if errors is None else np.array([errors]),
        features=Pixels(image=grey, labels=labels),
        output_names=("a",),
        predictions=np.array([1.0]),
    )


def test_sign_is_colour_and_pattern() -> None:
    picture = heat_picture(squares([0.5, -0.5, 0.0]), longest=300).astype(float)
    hot, cold, none = (picture[10:90, i * 100 + 10 : i * 100 + 90] for i in range(3))
    assert np.ptp(hot.reshape(-1, 3), axis=0).max() == 0
    assert np.ptp(cold.reshape(-1, 3), axis=0).max() > 30
    assert hot[..., 0].mean() > hot[..., 2].mean() + 50
    assert cold[..., 2].mean() > cold[..., 0].mean() + 30
    assert np.ptp(none) == 0
    assert np.abs(np.mean(RAISES) - np.mean(LOWERS)) < 30  # alike in a grey print


def test_pieces_that_could_be_zero_stay_grey() -> None:
    picture = heat_picture(squares([0.5, 0.1], [0.01, 0.1]), longest=200)
    assert np.ptp(picture[50, 150]) == 0
    assert np.ptp(picture[50, 50]) > 40


def test_scales_and_centres() -> None:
    assert heat_scale(squares([0.0, 0.0])) == 1.0
    assert heat_scale(squares([0.42, float("nan")])) == 0.5
    assert heat_scale(gradient()) > 0
    assert np.allclose(piece_centres(squares([1.0, 2.0]).features.labels), [[0.25, 0.5], [0.75, 0.5]])


@pytest.mark.parametrize("shape", [(1, 1), (1, 300), (2000, 30)])
def test_odd_photographs(shape: tuple[int, int]) -> None:
    explanation = Explanation(
        values=np.full((1, 3, *shape), np.nan),
        features=Pixels(image=np.zeros((*shape, 3), np.uint8)),
        output_names=("a",),
        predictions=np.array([1.0]),
    )
    assert heat_picture(explanation).shape[2] == 3
    assert png(explanation).startswith(b"\x89PNG")


def test_the_png_can_be_read() -> None:
    from PIL import Image

    with Image.open(io.BytesIO(png(gradient()))) as picture:
        assert picture.width == 1180
