from __future__ import annotations

import base64
import dataclasses
import re
from html import escape
from html.parser import HTMLParser

import numpy as np
import pytest

from jupyter_xai.explanation import Explanation, Pixels, Tokens
from jupyter_xai.widget.fallback import NOTHING_YET, fallback_bundle
from tests.golden.samples import EVERY, XSS, credit, many_outputs, price, review

TAGS = {
    "style",
    "div",
    "p",
    "b",
    "i",
    "br",
    "bdi",
    "span",
    "table",
    "thead",
    "tbody",
    "tr",
    "th",
    "td",
    "img",
}
ATTRIBUTES = {"class", "style", "title", "scope", "dir", "alt", "src", "width"}
LOOKS = {
    *("background-color", "border", "border-bottom", "border-collapse", "border-left", "border-top"),
    *("box-sizing", "display", "font-size", "font-weight", "height", "line-height", "margin", "max-width"),
    *("padding", "padding-left", "text-align", "vertical-align", "white-space", "width"),
}
"""What JupyterLab's sanitizer leaves in a notebook that is not trusted (apputils, sanitizer.ts)."""


class Reader(HTMLParser):
    """Collects the text; fails on what would not survive, or run."""

    def __init__(self) -> None:
        super().__init__()
        self.text: list[str] = []
        self.open: list[str] = []
        self.images: list[str] = []

    def handle_starttag(self, tag, attrs):
        assert tag in TAGS
        for name, value in attrs:
            assert name in ATTRIBUTES
            if name == "style":
                assert {part.split(":")[0] for part in value.split(";")} <= LOOKS, value
            if name == "src":
                assert value.startswith("data:image/")
                self.images.append(value)
        if tag not in ("br", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "style" not in self.open:
            self.text.append(data)


def read(html: str) -> Reader:
    reader = Reader()
    reader.feed(html)
    reader.close()
    assert not reader.open
    return reader


@pytest.mark.parametrize("name", EVERY)
def test_every_kind_survives_a_sanitizer_and_is_small(name: str) -> None:
    explanation = EVERY[name]()
    bundle = fallback_bundle(explanation, "u1", method_label="LIME")
    said = "".join(read(bundle["text/html"]).text)
    assert explanation.output_names[0] in said
    assert not re.search(r"\bnan\b", said)
    assert all(notice in said for notice in explanation.notices)
    # a name that runs the other way turns nothing round it
    assert f"<bdi>{escape(explanation.output_names[0])}</bdi>" in bundle["text/html"]
    assert base64.b64decode(bundle["image/png"]).startswith(b"\x89PNG")
    assert sum(len(part.encode()) for part in bundle.values()) <= 150_000
    assert not re.search(r"https?://|<script|javascript:", bundle["text/html"].replace("&lt;script", ""))


def test_numbers_are_in_the_html() -> None:
    said = "".join(read(fallback_bundle(credit(), "u", method_label="LIME")["text/html"]).text)
    for words in (
        "0.635",
        "good credit 0.365",
        "checking account",
        "overdrawn",
        "+0.156",
        "−0.129",
        "±0.012",
    ):
        assert words in said
    assert "LIME · settled · 3,000 rows · seed 0." in said
    assert "fits roughly, R² 0.66" in said


def test_the_swap_names_this_view_alone() -> None:
    html = fallback_bundle(None, 'u1"><script>')["text/html"]
    assert ".jp-OutputArea:has(.xai-live-u1script) .xai-fb-u1script," in html
    assert "body:not(:has(.jp-OutputArea)):has(.xai-live-u1script) .xai-fb-u1script{display:none}" in html
    assert ":has(+ .jp-OutputArea-child .xai-fb-u1script){display:none}" in html
    assert "<script" not in html


def test_before_anything_is_computed_there_is_a_sentence() -> None:
    bundle = fallback_bundle(None, "u")
    assert bundle["text/plain"] == NOTHING_YET
    assert NOTHING_YET in "".join(read(bundle["text/html"]).text)
    assert "image/png" not in bundle


@pytest.mark.parametrize("estimate", [None, credit()])
def test_a_failure_is_said_and_the_last_picture_kept(estimate: Explanation | None) -> None:
    error = {
        "title": "Your model raised.",
        "message": XSS,
        "where": "a.py, line 3",
        "hint": "",
        "traceback": "T",
    }
    bundle = fallback_bundle(estimate, "u", error=error)
    said = "".join(read(bundle["text/html"]).text)
    assert "Your model raised." in said
    assert XSS in said
    assert ("image/png" in bundle) == (estimate is not None)
    assert bundle["text/plain"].startswith("Your model raised.")


def test_more_than_thirty_rows_are_summed() -> None:
    html = fallback_bundle(credit(60), "u")["text/html"]
    assert html.count("<tr>") == 32
    assert "30 more together; 30 of them could be zero" in html


def test_a_long_text_is_cut_and_said_so() -> None:
    text = "dull & great " * 6000
    offsets = tuple((m.start(), m.end()) for m in re.finditer(r"\w+", text))
    values = np.where(np.arange(len(offsets)) % 2, 0.1, -0.1)[None]
    long = Explanation(
        values=values,
        features=Tokens(text=text, offsets=offsets),
        output_names=("a",),
        predictions=np.array([0.5]),
    )
    bundle = fallback_bundle(long, "u")
    assert "characters more" in "".join(read(bundle["text/html"]).text)
    assert sum(len(part) for part in bundle.values()) <= 150_000


def test_a_text_of_few_marks_is_cut_as_well() -> None:
    text = "x" * 300_000
    bundle = fallback_bundle(
        Explanation(
            values=np.zeros((1, 1)),
            features=Tokens(text=text, offsets=((0, 1),)),
            output_names=("a",),
            predictions=np.array([0.5]),
        ),
        "u",
    )
    assert sum(len(part) for part in bundle.values()) <= 150_000


def test_a_photograph_of_noise_fits() -> None:
    image = np.random.default_rng(0).integers(0, 256, (224, 224, 3), dtype=np.uint8)
    labels = np.random.default_rng(1).integers(0, 24, (224, 224)).astype(np.int32)
    hard = dataclasses.replace(many_outputs(), features=Pixels(image=image, labels=labels))
    bundle = fallback_bundle(hard, "u")
    assert len(read(bundle["text/html"]).images) == 1
    assert sum(len(part) for part in bundle.values()) <= 150_000


def test_grouped_words_are_marked_everywhere() -> None:
    layout = Tokens(text="dull, so dull", offsets=((0, 4), (6, 8), (9, 13)), groups=(7, 2, 7))
    found = dataclasses.replace(
        review(), features=layout, values=np.array([[0.0, 0.5]] * 2), std_errors=np.full((2, 2), 0.001)
    )
    html = fallback_bundle(found, "u")["text/html"]
    assert html.count(">dull</span>") == 2


def test_the_table_stays_when_the_picture_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*args, **kwargs):
        raise RuntimeError("no fonts")

    monkeypatch.setattr("jupyter_xai.plot.png", broken)
    bundle = fallback_bundle(price(), "u")
    assert "image/png" not in bundle
    assert "rooms" in bundle["text/html"]
