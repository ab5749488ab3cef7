"""Whatever a user supplies reaches the page as text: markup and script in every field, each told apart by its mark."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from jupyter_xai.explanation import Explanation, Unexplained
from jupyter_xai.widget.fallback import fallback_html
from tests.browser.lab import open_context
from tests.browser.plain import STATES, edited, failed
from tests.browser.waiting import eventually
from tests.golden.make import state_of
from tests.golden.samples import EVERY, XSS

pytestmark = pytest.mark.browser

OURS = {
    "type", "kind", "kinds", "state", "status", "op", "output_unit", "better", "scale", "control", "cost", "part",
    "mime", "sort", "default",  "method",
}  # fmt: skip
"""What the schema spells, not the user."""


class Marks:
    """Markup in every string of a state, and which field each stands in."""

    def __init__(self) -> None:
        self.fields: dict[str, str] = {}

    def evil(self, field: str) -> str:
        mark = f"mark{len(self.fields)}x"
        self.fields[mark] = field
        return f"<b id={mark} class=evil>{mark}</b>{XSS}"

    def everywhere(self, value: Any, path: str = "") -> Any:
        key = path.rsplit(".", 1)[-1]
        if (key in OURS and isinstance(value, str | tuple)) or (key == "name" and ".curves." in path):
            return value
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            names = [field.name for field in dataclasses.fields(value) if field.init]
            return dataclasses.replace(
                value, **{name: self.everywhere(getattr(value, name), f"{path}.{name}") for name in names}
            )
        if isinstance(value, dict):
            if value.get("type") == "tokens":  # its words have offsets in its text
                return value
            return {name: self.everywhere(inner, f"{path}.{name}") for name, inner in value.items()}
        if isinstance(value, list | tuple):
            return type(value)(self.everywhere(inner, path) for inner in value)
        if isinstance(value, str) and value:
            return self.evil(path)
        return value

    def told(self, page: Any, root: str) -> set[str]:
        """Fields of which something is read, in a text or in the words of a control."""
        said = page.evaluate(
            """root => {
              const found = [];
              for (const element of document.querySelector(root).querySelectorAll('*')) {
                for (const {name, value} of element.attributes)
                  if (['title', 'aria-label', 'aria-valuetext', 'value', 'placeholder', 'alt'].includes(name))
                    found.push(value);
                if ('value' in element) found.push(String(element.value));
              }
              return document.querySelector(root).textContent + found.join(' ');
            }""",
            root,
        )
        return {self.fields[mark] for mark in set(re.findall(r"mark\d+x", said))}


def _failed(name: str) -> dict[str, Any]:
    return failed(state_of(name, EVERY[name]()))


def _known(state: dict[str, Any]) -> dict[str, Any]:
    """A column of categories, one with a unit and a condition, and a place that does not add up."""
    columns = state["geometry"]["layout"]["columns"]
    columns[0] |= {"choices": ["a", "b"], "choice_names": ["a", "b"], "raw": "a", "unit": "DM"}
    state["frame"]["unexplained"] = [["layer norm2", 0.9]]
    state["status"]["notices"] = ["One notice."]
    state["status"]["error"] |= {"hint": "Do this."}
    return state


FIELDS: dict[str, tuple[Callable[[], dict[str, Any]], set[str]]] = {
    "table": (
        lambda: _known(_failed("table")),
        {
            ".geometry.layout.columns.name", ".geometry.layout.columns.value", ".geometry.layout.columns.unit",
            ".geometry.layout.columns.condition", ".geometry.layout.columns.choice_names", ".frame.target_names",
            ".geometry.took", ".geometry.methods.label", ".geometry.methods.why_not", ".geometry.params.label",
            ".geometry.params.doc", ".geometry.params.choices", ".status.notices", ".status.error.title",
            ".status.error.message", ".status.error.where", ".status.error.hint", ".status.error.traceback",
        },
    ),
    "several": (
        lambda: state_of("several", EVERY["several"]()),
        {".geometry.layout.part_names", ".geometry.layout.parts.columns.name", ".geometry.layout.parts.columns.value"},
    ),
    "steps": (lambda: state_of("steps", EVERY["steps"]()), {".geometry.layout.channels"}),
    "image": (lambda: state_of("image", EVERY["image"]()), {".geometry.output_names", ".geometry.layout.fill"}),
    "price": (lambda: state_of("price", EVERY["price"]()), {".frame.value_unit"}),
    "text": (
        lambda: edited(
            state_of("text", EVERY["text"]()),
            {"op": "replace", "position": 1, "text": "another"},
            {"op": "insert", "position": 3, "text": "new"},
        ),
        {".request.edits.text", ".frame.target_names"},
    ),
    "rows": (
        STATES["rows credit"],
        {
            ".overview.names", ".overview.output_names", ".overview.picks.text", ".overview.notices",
            ".overview.explainer", ".overview.dots.choices", ".overview.picks.names",
        },
    ),
    "compare": (
        STATES["compare edited"],
        {
            ".geometry.layout.columns.name", ".board.output_names", ".board.columns.label", ".board.columns.why_not",
            ".board.columns.notes", ".board.columns.metrics.name", ".board.verdict", ".board.reason",
        },
    ),
    "benchmark": (
        STATES["benchmark"],
        {
            ".summary.methods.label", ".summary.metrics.name", ".summary.metrics.unit", ".summary.verdict",
            ".summary.notices",
        },
    ),
}  # fmt: skip

NOTHING_MADE = "() => document.querySelectorAll('.evil, main img[src=x], main script, body > img').length"


@pytest.mark.parametrize("name", FIELDS)
def test_every_field_of_a_live_view_is_text(name: str, show: Callable[..., Any]) -> None:
    make, fields = FIELDS[name]
    marks = Marks()
    page = show(marks.everywhere(make()), 820)
    page.evaluate("() => document.querySelectorAll('details').forEach(each => { each.open = true })")
    for other in page.locator("select.jx-others").all():
        other.focus()  # its list is made when it is about to be opened
    eventually(lambda: fields - marks.told(page, "#view"), set(), page, timeout=10)
    assert page.evaluate(NOTHING_MADE) == 0


@pytest.fixture
def quiet(browser: Any) -> Iterator[Any]:
    """A page without a network; what runs in it fails the test."""
    context = open_context(browser, viewport={"width": 900, "height": 900}, offline=True)
    page, problems = context.new_page(), []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("dialog", lambda dialog: problems.append(dialog.message) or dialog.dismiss())
    yield page
    context.close()
    assert problems == []


def evil_explanation(name: str) -> tuple[Explanation, Marks]:
    marks = Marks()
    explanation = dataclasses.replace(
        EVERY[name](), unexplained=(Unexplained("layer norm2", 0.9),), notices=("No.",)
    )
    if name in {"text", "unicode"}:
        return dataclasses.replace(
            marks.everywhere(dataclasses.replace(explanation, features=EVERY["table"]().features)),
            features=explanation.features,
        ), marks
    return marks.everywhere(explanation), marks


@pytest.mark.parametrize("name", ["table", "price", "image", "unicode"])
def test_every_field_of_a_written_page_is_text(name: str, quiet: Any, tmp_path: Path) -> None:
    explanation, marks = evil_explanation(name)
    explanation.to_html(tmp_path / "page.html")
    quiet.goto((tmp_path / "page.html").as_uri())
    quiet.wait_for_selector(".xai-live-page .jx-state")
    told = marks.told(quiet, "#xai-view")
    assert {".output_names", ".notices"} <= told
    if name in {"table", "price"}:
        assert {".features.names", ".features.values"} <= told
    assert quiet.evaluate(NOTHING_MADE) == 0
    assert "alert" not in quiet.evaluate(
        "() => document.querySelector('#xai-view').innerHTML.match(/<script[^]*/)?.[0] ?? ''"
    )


@pytest.mark.parametrize("name", EVERY)
def test_every_field_of_the_stored_picture_is_text(name: str, quiet: Any) -> None:
    explanation, marks = evil_explanation(name)
    quiet.set_content(
        f"<!doctype html><main>{fallback_html(explanation, 'u', method_label=marks.evil('label'))}</main>"
    )
    assert {"label", ".output_names"} <= marks.told(quiet, "main")
    assert quiet.evaluate(NOTHING_MADE) == 0


def test_the_test_sees_markup(quiet: Any) -> None:
    quiet.set_content("<main><b class=evil>made</b></main>")
    assert quiet.evaluate(NOTHING_MADE) == 1
