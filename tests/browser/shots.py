"""Pictures of every state of the view: ``python -m tests.browser.shots [--write FOLDER]``.

Each is the bundle mounted on a plain page with a golden state, light and dark, at 360, 820 and 1400 px. ``make shots``
writes them into ``tests/golden/shots``; the test compares them with a tolerance, as fonts differ between machines.
"""

from __future__ import annotations

import argparse
import io
import json
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from jupyter_xai.widget.widget import read_bundle, script_for, style_for
from tests.browser.lab import chromium
from tests.golden.make import ERROR, pack, state_of
from tests.golden.overviews import OVERVIEWS, overview_state
from tests.golden.samples import EVERY, credit, review

STORED = Path(__file__).resolve().parents[1] / "golden" / "shots"
SHOWCASE = STORED.parent / "showcase"
THEMES = {"light": "#ffffff", "dark": "#111111"}
WIDTHS = (360, 820, 1400)
_FONT = "Helvetica,Arial,'DejaVu Sans Condensed',sans-serif"
"""Of the width that hosts' fonts have; the last is there where a browser without any other is."""
_COLOURS = 64
"""Colours of a stored picture: enough to look at, and small."""
_FINE = {"photo": 255, "applicant": 128, "review": 128}
"""Of those that people are shown."""

State = dict[str, Any]
Act = Callable[[Any], None]
"""What a hand does before the picture is taken; it is given the page."""


@dataclass(frozen=True)
class Shown:
    """One state of the view.

    Parameters
    ----------
    name : str
    state : dict
        The traits of the view's model.
    kernel : {"listens", "none", "gone"}
        Who is there to answer.
    act : callable, optional
        What a hand does first.
    """

    name: str
    state: State
    kernel: Literal["listens", "none", "gone"] = "listens"
    act: Act | None = None


def with_status(view: State, /, **changed: Any) -> State:
    """The same view at another point of its run."""
    return {**view, "status": {**view["status"], **changed}}


def showcase(name: str) -> State:
    """A real model, explained (``tests/golden/make_showcase.py``)."""
    return dict(json.loads((SHOWCASE / f"{name}.json").read_text(encoding="utf-8")))


def runs(applicant: State) -> Iterator[Shown]:
    """A view from its first sign of life to its end."""
    yield Shown("waiting", {"status": {**applicant["status"], "state": "running", "rows": 0, "total": None}})
    begun = with_status(applicant, state="running", rows=0, total=3000, seconds=0.1)
    yield Shown("begun", {**begun, "curves": {}, "frame": {}})
    running = state_of("table", replace(EVERY["table"](), status="running", forecast_evals=3000, n_evals=240))
    yield Shown("running", with_status(running, seconds_left=6.7))
    yield Shown("stopped", with_status(applicant, state="stopped", rows=1200, total=3000))
    yield Shown("failed", with_status(applicant, state="failed", rows=640, error=ERROR))
    yield Shown("saved", applicant, kernel="none")
    yield Shown("quiet", applicant, act=unanswered)
    yield Shown("gone", applicant, kernel="gone")


def unanswered(page: Any) -> None:
    """Ask for more, and nothing comes back for a while: here the while is short."""
    page.evaluate("() => { window.later = setTimeout; setTimeout = (f, ms) => later(f, ms > 4000 ? 1 : ms) }")
    page.get_by_role("button", name="More samples").click()
    page.get_by_text("No answer from the kernel yet").first.wait_for(state="attached")
    page.evaluate("() => { setTimeout = window.later }")


def hands(applicant: State) -> Iterator[Shown]:
    """What is seen under the hand."""
    slider = ".jx-row:nth-child(4) input[type=range]"
    yield Shown("hovered", applicant, act=lambda page: page.locator(slider).hover())
    yield Shown("focused", applicant, act=lambda page: reach(page, slider))
    yield Shown(
        "pointed-text", showcase("review"), act=lambda page: page.get_by_text("wonderful").first.hover()
    )
    yield Shown("pointed-image", showcase("photo"), act=lambda page: page.locator("canvas").first.hover())
    yield Shown("grouped", {**state_of("text", review()), "display": {"grouped": True}})
    yield Shown("what-the-model-sees", showcase("photo-changed"), act=see_what_the_model_sees)
    yield Shown("settings", applicant, act=lambda page: page.locator(".jx-panel summary").first.click())
    yield Shown("all-rows", {**applicant, "display": {"all_rows": True, "sort": "name"}})


def reach(page: Any, selector: str) -> None:
    """By the keyboard, so that what is focused is seen to be."""
    page.locator(".jx-row:nth-child(4) .jx-val :is(input, select)").focus()
    page.keyboard.press("Tab")
    assert page.evaluate("selector => document.activeElement.matches(selector)", selector)


def see_what_the_model_sees(page: Any) -> None:
    """The photo as the changes leave it."""
    page.get_by_label("what the model sees").check()


def states() -> Iterator[Shown]:
    """Every state of the view."""
    applicant = showcase("applicant")
    for name in ("applicant", "review", "photo"):
        yield Shown(name, showcase(name))
        yield Shown(f"{name}-changed", showcase(f"{name}-changed"))
        yield Shown(f"{name}-removed", {**showcase(name), "display": {"removed": 3}}, kernel="none")
    yield from runs(applicant)
    yield from hands(applicant)
    for name, make in EVERY.items():
        yield Shown(name, state_of(name, make()))
    yield Shown("flat", state_of("zero", replace(EVERY["zero"](), status="settled")))
    yield Shown("long-names", long_names(applicant))
    yield Shown("wide-table", state_of("table", credit(200)))
    yield Shown("compare", compared())
    yield Shown("compare-text", compared_text())
    yield Shown("compare-image", compared_image())
    yield Shown("benchmark", benchmarked())
    yield Shown("rows", overview_state(OVERVIEWS["credit"](), row=74), kernel="none")
    yield Shown("rows-many", overview_state(OVERVIEWS["many"]()))
    yield Shown("rows-places", overview_state(OVERVIEWS["places"]()))


def long_names(state: State) -> State:
    """Names as data bases have them, and an output in a sentence."""
    layout = state["geometry"]["layout"]
    columns = [
        {**column, "name": f"{column['name'].replace(' ', '_')}_of_the_applicant_at_the_time_of_asking"}
        for column in layout["columns"]
    ]
    names = ["the applicant will not repay in full within the agreed term", "will repay"]
    geometry = {**state["geometry"], "layout": {**layout, "columns": columns}, "output_names": names}
    return {**state, "geometry": geometry, "frame": {**state["frame"], "target_names": names}}


NAMES = ["income", "debt", "age", "rooms", "years at this address"]


def rows_and_bank() -> tuple[Any, Any]:
    """A table, and a model of it that anybody can follow."""

    def bank(X: Any) -> Any:
        return 1 / (1 + np.exp(-2 * X[:, 0] + X[:, 1] * X[:, 2]))

    return np.random.default_rng(0).normal(size=(80, 5)), bank


def page_of(view: Any) -> State:
    """What a live page was told; times are not the same twice."""
    view.wait()
    state: State = {
        name: view._page.get(name) for name in ("geometry", "curves", "board", "summary", "request")
    }
    state = {name: value for name, value in state.items() if value}
    for column in state.get("board", {}).get("columns", ()):
        column["seconds"] = None if column["seconds"] is None else 0.25
    for method in state.get("summary", {}).get("methods", ()):
        method["seconds"] = None if method["seconds"] is None else 0.25
    return {**state, "status": {**view._page.get("status"), "seconds": 2.0}, "display": {}}


def compared(methods: Any = ("kernel_shap", "lime", "occlusion", "grad_cam"), *edits: Any) -> State:
    """Methods side by side on a row, as a live page shows them."""
    from jupyter_xai.comparing import Asked, ComparisonView
    from jupyter_xai.widget.environment import Environment

    rows, bank = rows_and_bank()
    asked = Asked(
        bank, list(methods), background=rows, feature_names=NAMES, output_names=["paid"], output="probability"
    )
    view = ComparisonView(asked, rows[0], Environment(interactive=True, notebook=True))
    view.wait()
    if edits:
        view.what_if(*edits)
    return page_of(view)


def compared_text() -> State:
    """Methods side by side on a text, after a word was struck and one put in."""
    import jupyter_xai as xai

    def liked(texts: Any) -> Any:
        good, dull = (np.array([word in text for text in texts], float) for word in ("good", "dull"))
        return (1 / (1 + np.exp(3 * dull - 2 * good)))[:, None]

    text = (
        "A good film, I thought; but it is dull, dull beyond words, and its end is no better than its start."
    )
    view = xai.compare(
        liked, text, ["lime", "kernel_shap", "occlusion"], n_samples=500, output_names=["liked"],
        output="probability",
    )  # fmt: skip
    view.what_if({"op": "strike", "positions": [1]}, {"op": "insert", "position": 3, "text": "really"})
    return page_of(view)


def compared_image() -> State:
    """Methods of pieces and of pixels side by side on a picture, with a piece hidden."""
    import torch

    import jupyter_xai as xai

    torch.manual_seed(0)
    net = torch.nn.Sequential(
        torch.nn.Conv2d(3, 8, 5, 2, 2), torch.nn.ReLU(), torch.nn.Conv2d(8, 8, 5, 2, 2), torch.nn.ReLU(),
        torch.nn.AdaptiveAvgPool2d(4), torch.nn.Flatten(), torch.nn.Linear(128, 3), torch.nn.Softmax(dim=1),
    ).eval()  # fmt: skip
    rows, columns = np.mgrid[:64, :64] / 64
    picture = np.stack([rows, columns, (rows - 0.5) ** 2 + (columns - 0.5) ** 2], axis=-1).astype(np.float32)
    image = torch.from_numpy(picture).permute(2, 0, 1).contiguous()
    methods = ["kernel_shap", "lime", "grad_cam", "integrated_gradients", "saliency", "deep_lift"]
    view = xai.compare(net, image, methods, baseline="zeros", masker=xai.Image("grid", 16), n_samples=200)
    view.what_if({"op": "hide", "pieces": [5]})
    return page_of(view)


def benchmarked() -> State:
    """Methods judged over many rows."""
    import jupyter_xai as xai

    rows, bank = rows_and_bank()
    methods = ["kernel_shap", "lime", "occlusion", "permutation_shap", "grad_cam"]
    found = xai.benchmark(bank, rows[:12], methods, background=rows, n_samples=100, output="probability")
    return page_of(found)


_MOUNT = """async ([code, own, style, state, kernel]) => {
  document.getElementById('own').textContent = style;
  const load = code => import(URL.createObjectURL(new Blob([code], {type: 'text/javascript'})));
  const [{mount, default: widget}, row] = [await load(code), await load(own)];
  const place = document.querySelector('main');
  if (kernel !== 'gone') return void mount(place, JSON.parse(state), {live: kernel === 'listens', row: row.mount});
  // a widget whose comm is closed
  const traits = JSON.parse(state, (_, value) => value?.$b64 === undefined ? value
    : new DataView(Uint8Array.from(atob(value.$b64), c => c.charCodeAt(0)).buffer));
  const model = {get: name => traits[name], set() {}, save_changes() {}, on() {}, off() {},
                 send() { throw new Error('Cannot send') }};
  widget.initialize({model});
  widget.render({model, el: place});
}"""


def take(page: Any, shown: Shown, *, theme: str, width: int) -> bytes:
    """One picture, as PNG."""
    ground = THEMES[theme]
    page.mouse.move(0, 0)
    page.set_viewport_size({"width": width + 32, "height": 200})
    page.set_content(
        "<!doctype html><meta charset=utf-8><style>"
        f":root{{--jp-layout-color0:{ground};--jp-ui-font-family:{_FONT}}}"
        f"body{{margin:16px;background:{ground}}}*{{transition:none!important}}</style>"
        "<style id=own></style><main></main>"
    )
    state = json.dumps(pack({"uid": "page", **shown.state}))
    scripts = [read_bundle(script_for(shown.state)), read_bundle("index.js")]
    page.evaluate(_MOUNT, [*scripts, read_bundle(style_for(shown.state)), state, shown.kernel])
    page.wait_for_timeout(350)  # photos are decoded on their own time
    if shown.act:
        shown.act(page)
        page.wait_for_timeout(150)
    return bytes(page.screenshot(full_page=True))


def small(png: bytes, colours: int = _COLOURS) -> bytes:
    """The picture in few colours."""
    from PIL import Image

    file = io.BytesIO()
    picture = Image.open(io.BytesIO(png)).convert("RGB")
    picture.quantize(colours, dither=Image.Dither.NONE).save(file, "PNG", optimize=True)
    return file.getvalue()


def far(one: bytes, other: bytes) -> float:
    """How far two pictures are from each other, from 0 to 1: coarse, so that another font is near."""
    from PIL import Image

    pair = [Image.open(io.BytesIO(png)).convert("RGB") for png in (one, other)]
    heights = [picture.height / picture.width for picture in pair]
    if abs(heights[0] / heights[1] - 1) > 0.1:
        return 1.0
    coarse = [np.asarray(picture.resize((48, 64), Image.Resampling.BOX), dtype=float) for picture in pair]
    return float(np.abs(coarse[0] - coarse[1]).mean() / 255)


def all_shots(keep: Callable[[str, bytes], None], only: Collection[str] = ()) -> None:
    """Take every picture, or those of some states, and hand each on by its name."""
    with chromium() as browser:
        page = browser.new_page()
        for shown in states():
            if only and shown.name not in only:
                continue
            for theme in THEMES:
                for width in WIDTHS:
                    keep(f"{shown.name}-{theme}-{width}.png", take(page, shown, theme=theme, width=width))


def main() -> None:
    """Write the pictures."""
    parser = argparse.ArgumentParser(description="Pictures of every state of the view.")
    parser.add_argument("--write", type=Path, default=STORED, metavar="FOLDER")
    parser.add_argument("only", nargs="*", metavar="STATE", help="these states only; all without it")
    asked = parser.parse_args()
    folder: Path = asked.write
    folder.mkdir(parents=True, exist_ok=True)
    if not asked.only:
        for old in folder.glob("*.png"):
            old.unlink()
    all_shots(
        lambda name, png: (folder / name).write_bytes(small(png, _FINE.get(name.split("-")[0], _COLOURS))),
        asked.only,
    )
    print(f"{len(list(folder.glob('*.png')))} pictures in {folder}")


if __name__ == "__main__":
    main()
