from __future__ import annotations

import base64
import json
import re
import sys
from pathlib import Path

import numpy as np
import pytest

from jupyter_xai.errors import MissingExtraError, XaiError
from jupyter_xai.widget import export, widget
from tests.golden.samples import EVERY, XSS, credit, every_script, gradient, price, review, series, two_inputs


@pytest.fixture(autouse=True)
def bundle(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """A bundle with what would end a script or a style sheet too early."""
    if "missing" not in request.node.name:
        made = {
            "index.js": 'export const mount = () => "</script><!--";',
            "boards.js": 'export const mount = () => "</script><!--board";',
            "index.css": "a::after{content:'</style>'}",
        }
        monkeypatch.setattr(widget, "read_bundle", made.__getitem__)


def data_of(page: str) -> dict:
    (found,) = re.findall(r'<script type="application/json" id="xai-data">(.*?)</script>', page, re.DOTALL)
    return json.loads(found)


@pytest.mark.parametrize("name", EVERY)
def test_the_page_holds_the_whole_state(name: str) -> None:
    explanation = EVERY[name]()
    page = explanation.to_html()
    state = data_of(page)["state"]
    assert {"geometry", "frame", "curves", "status", "display", "request", "uid"} == set(state)
    if "values" in state["frame"]:
        values = np.frombuffer(base64.b64decode(state["frame"]["values"]["$b64"]), "<f4")
        assert values.size == len(explanation.output_names) * state["frame"]["n_features"]
    assert page.count("<script") == page.count("</script>") == 2
    assert page.count("</style>") == 2
    # whatever stands in it, a browser will load nothing for it
    policy = "default-src 'none'; script-src 'unsafe-inline' blob:; style-src 'unsafe-inline'; img-src data: blob:;"
    assert f'<meta http-equiv="Content-Security-Policy" content="{policy}' in page.split("<style>")[0]


def test_user_text_cannot_leave_its_place() -> None:
    page = every_script().to_html()
    assert XSS not in page
    assert data_of(page)["state"]["frame"]["target_names"] == [XSS]
    assert data_of(page)["bundle"].endswith('"</script><!--";')


def test_the_page_is_written_and_says_what_it_is(tmp_path: Path) -> None:
    page = price().to_html(tmp_path / "price.html")
    assert (tmp_path / "price.html").read_text(encoding="utf-8") == page
    assert "<title>predicted price 220,780 EUR</title>" in page
    assert "xai-fb-page" in page


def test_methods_carry_their_labels() -> None:
    assert export.label_of("lime") == "LIME"
    assert export.label_of("of tomorrow") == "of tomorrow"


def test_missing_bundle_is_a_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(widget, "STATIC", tmp_path)
    with pytest.raises(XaiError, match=r"bundle index\.js is missing"):
        credit().to_html()


# --- data frames -------------------------------------------------------------------------------------------


def test_frames_have_a_row_a_feature_and_output() -> None:
    frame = credit().to_frame()
    assert list(frame.columns) == ["output", "feature", "value", "attribution", "std_error", "lower", "upper"]
    assert len(frame) == 38
    assert frame["upper"][0] == pytest.approx(0.156 + 1.96 * 0.006)
    assert frame["value"][6] is None


def test_words_have_places() -> None:
    explanation = review()
    frame = explanation.to_frame()
    row = frame[(frame.feature == "dull") & (frame.output == "negative")].iloc[0]
    assert explanation.features.text[row.start : row.end] == "dull"
    assert len(every_script().to_frame()) == 6


def test_pixels_have_channel_row_and_column() -> None:
    explanation = gradient(6, 8)
    frame = explanation.to_frame()
    row = frame.iloc[100]
    assert row.attribution == explanation.values[0, row.channel, row.row, row.column]
    assert "std_error" not in frame


def test_steps_and_several_inputs() -> None:
    assert list(series().to_frame().columns[:5]) == ["output", "feature", "step", "channel", "value"]
    frame = two_inputs().to_frame()
    assert set(frame["input"]) == {"scan", "record"}
    assert len(frame) == 2 * (3 * 12 * 16 + 2)


def test_without_pandas_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(MissingExtraError, match=r"pandas.*jupyter_xai\[demo\]"):
        credit().to_frame()
