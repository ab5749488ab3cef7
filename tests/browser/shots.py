"""Pictures of every state of the view: ``python -m tests.browser.shots [--write FOLDER]``.

Each is the bundle mounted on a plain page with a golden state, light and dark, at 360, 820 and 1400 px. ``make shots``
writes them into ``tests/golden/shots``; the test compares them with a tolerance, as fonts differ between machines.
"""

from __future__ import annotations

import argparse
import io
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from jupyter_xai.widget.widget import read_bundle
from tests.browser.lab import chromium
from tests.golden.make import ERROR, pack, state_of
from tests.golden.overviews import OVERVIEWS, overview_state
from tests.golden.samples import EVERY, credit

STORED = Path(__file__).resolve().parents[1] / "golden" / "shots"
THEMES = {"light": "#ffffff", "dark": "#111111"}
WIDTHS = (360, 820, 1400)
_COLOURS = 48
"""Colours of a stored picture: enough to look at, and small."""

State = dict[str, Any]


def states() -> Iterator[tuple[str, State, bool]]:
    """Name, state, and whether a kernel listens."""
    for name, make in EVERY.items():
        yield name, state_of(name, make()), True
    table = state_of("table", EVERY["table"]())
    yield "saved", table, False
    running = replace(EVERY["table"](), status="running", forecast_evals=3000)
    yield "running", state_of("table", running), True
    failed = state_of("table", EVERY["table"]())
    failed["status"] = {**failed["status"], "state": "failed", "error": ERROR}
    yield "failed", failed, True
    yield "waiting", {"status": {**table["status"], "state": "running", "rows": 0, "total": None}}, True
    for name in ("table", "text", "image"):
        removed = state_of(name, EVERY[name]())
        removed["display"] = {**removed["display"], "removed": 3}
        yield f"removal-{name}", removed, False
    yield "wide-table", state_of("table", credit(60)), True
    yield "compare", compared(), True
    yield "compare-text", compared_text(), True
    yield "compare-image", compared_image(), True
    yield "benchmark", benchmarked(), True
    yield "rows", overview_state(OVERVIEWS["credit"](), row=74), False
    yield "rows-many", overview_state(OVERVIEWS["many"]()), True
    yield "rows-places", overview_state(OVERVIEWS["places"]()), True


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
    view.what_if({"op": "strike", "positions": [7]}, {"op": "insert", "position": 3, "text": "really"})
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


def take(page: Any, state: State, *, live: bool, theme: str, width: int) -> bytes:
    """One picture, as PNG."""
    ground = THEMES[theme]
    page.set_viewport_size({"width": width + 32, "height": 200})
    page.set_content(
        "<!doctype html><meta charset=utf-8><style>"
        f":root{{--jp-layout-color0:{ground};--jp-ui-font-family:system-ui,sans-serif}}"
        f"body{{margin:16px;background:{ground}}}*{{transition:none!important}}</style>"
        "<style id=own></style><main></main>"
    )
    page.evaluate(
        """async ([code, style, state, live]) => {
             document.getElementById('own').textContent = style;
             const address = URL.createObjectURL(new Blob([code], {type: 'text/javascript'}));
             const {mount} = await import(address);
             mount(document.querySelector('main'), JSON.parse(state), {live}) }""",
        [read_bundle("index.js"), read_bundle("index.css"), json.dumps(pack({"uid": "page", **state})), live],
    )
    page.wait_for_timeout(350)  # photos are decoded on their own time
    return bytes(page.screenshot(full_page=True))


def small(png: bytes) -> bytes:
    """The picture in few colours."""
    from PIL import Image

    file = io.BytesIO()
    picture = Image.open(io.BytesIO(png)).convert("RGB")
    picture.quantize(_COLOURS, dither=Image.Dither.NONE).save(file, "PNG", optimize=True)
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


def all_shots(keep: Callable[[str, bytes], None]) -> None:
    """Take every picture and hand it on by its name."""
    with chromium() as browser:
        page = browser.new_page()
        for name, state, live in states():
            for theme in THEMES:
                for width in WIDTHS:
                    keep(
                        f"{name}-{theme}-{width}.png", take(page, state, live=live, theme=theme, width=width)
                    )


def main() -> None:
    """Write the pictures."""
    parser = argparse.ArgumentParser(description="Pictures of every state of the view.")
    parser.add_argument("--write", type=Path, default=STORED, metavar="FOLDER")
    folder = parser.parse_args().write
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.png"):
        old.unlink()
    all_shots(lambda name, png: (folder / name).write_bytes(small(png)))
    print(f"{len(list(folder.glob('*.png')))} pictures in {folder}")


if __name__ == "__main__":
    main()
