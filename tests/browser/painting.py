"""How long a view's own paint after an input event takes: script, style, layout and drawing, no wait for the screen.

Each view is the bundle mounted on a plain page with a large state and no kernel, so that only the view's own work is
counted. An event's work is measured from its dispatch to the end of the tasks it sets off at once, and in the animation
frame that follows from its begin to the end of layout and paint.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np

from jupyter_xai.explanation import Columns, Curve, Explanation, Pixels, Tokens
from jupyter_xai.widget.widget import read_bundle, script_for, style_for
from tests.browser import shots
from tests.golden.make import pack, state_of
from tests.golden.samples import (
    absences,
    adjustments,
    gradient,
    grid_labels,
    many_outputs,
    photo,
    removals,
    review,
    weights,
)

State = dict[str, Any]
SIX = ("kernel_shap", "lime", "occlusion", "permutation_shap", ("lime", {"n_samples": 50}), "grad_cam")

_TOOK = """
window.took = async (act) => {
  const task = () => new Promise(done => {
    const channel = new MessageChannel();
    channel.port1.onmessage = done;
    channel.port2.postMessage(0);
  });
  const frame = () => new Promise(done => requestAnimationFrame(() => done(performance.now())));
  await frame(); await task();
  const begun = performance.now();
  act();
  await task();
  const ran = performance.now() - begun;
  const framed = await frame();
  await task();
  return ran + performance.now() - framed;
};
window.slide = (label, place) => {
  const all = [...document.querySelectorAll('input[type=range]')];
  const input = label ? all.find(i => i.getAttribute('aria-label') === label) : all[0];
  input.value = String(Math.round(place * Number(input.max)));
  input.dispatchEvent(new Event('input', {bubbles: true}));
};
window.times = async (act, rounds) => {
  const found = [];
  for (let i = 0; i < rounds + 3; i++) found.push(await window.took(() => act(i)));
  return found.slice(3);  // the first ones are compiled
};
"""


def photograph(side: int = 600) -> State:
    """A photo in 60 pieces, with every dial; as large as the canvas gets."""
    image = photo(side * 3 // 4, side)
    image = (image + np.random.default_rng(0).integers(0, 25, image.shape)).astype(np.uint8)
    values = weights(2, 60, scale=0.03)
    predictions = np.array([0.4, 0.2])
    return _state(
        many_outputs(),
        features=Pixels(image=image, labels=grid_labels(*image.shape[:2], 6, 10), fill="mean"),
        values=values,
        std_errors=np.full((2, 60), 0.001),
        output_names=("cat", "dog"),
        targets=(0, 1),
        predictions=predictions,
        all_output_names=("cat", "dog"),
        all_predictions=predictions,
        base_values=np.zeros(2),
        fidelity=None,
        curves=(*removals(values, predictions), *absences(values, predictions), *adjustments(predictions)),
    )


def heatmap(side: int = 1024) -> State:
    """A pixel map of so many pixels, two outputs."""
    y, x = np.mgrid[0:side, 0:side] / side
    one = np.sin(9 * x) * np.cos(7 * y)
    return _state(
        gradient(8, 8), features=Pixels(image=photo(side, side)), values=np.stack([one, -one])[:, None]
    )


def words(count: int = 5000) -> State:
    """A text of so many words."""
    text = " ".join(f"word{i}" for i in range(count))
    ends = np.cumsum([len(word) + 1 for word in text.split(" ")])
    offsets = tuple((int(end) - len(f"word{i}") - 1, int(end) - 1) for i, end in enumerate(ends))
    values = weights(1, count, scale=0.2)
    return _state(
        review(),
        features=Tokens(text=text, offsets=offsets),
        values=np.concatenate([values, -values]),
        std_errors=np.full((2, count), 0.004),
        curves=(),
    )


def columns(count: int = 500) -> State:
    """A row of so many columns, each with its curve as far as curves go."""
    values = weights(1, count, scale=0.1)
    scores = np.array([0.6, 0.4])
    both = np.concatenate([values, -values])
    names = tuple(f"column {i}" for i in range(count))
    x = np.linspace(0, 10, 24)
    responses = tuple(
        Curve("response", i, x, np.stack([0.6 + 0.01 * (x - 5), 0.4 - 0.01 * (x - 5)])) for i in range(40)
    )
    return _state(
        review(),
        features=Columns(
            names=names, values=(5.0,) * count, kinds=("number",) * count, members=tuple((i,) for i in range(count)),
            ranges=((0.0, 10.0),) * count,
        ),
        values=both,
        std_errors=np.full((2, count), 0.004),
        predictions=scores,
        curves=(*responses, *removals(both, scores)),
        curve_rows=0,
    )  # fmt: skip


def _state(like: Explanation, **changes: Any) -> State:
    from dataclasses import replace

    return state_of("table", replace(like, **changes))


Work = tuple[str, Callable[[], State], str]

OPACITY = "i => slide('opacity of the heat', 0.3 + 0.04 * (i % 10))"
OTHER = "i => document.querySelectorAll('[role=radio]')[i % 2 ? 0 : 1].click()"

RECOLOURS: tuple[Work, ...] = (
    ("opacity of a 1024×1024 heatmap", heatmap, OPACITY),
    ("threshold of a 1024×1024 heatmap", heatmap, "i => slide('smallest contribution shown', 0.04 * (i % 10))"),
    ("another output of a 1024×1024 heatmap", heatmap, OTHER),
    ("another output of a text of 5,000 words", words, OTHER),
    ("another output of a row of 500 columns", columns, OTHER),
)  # fmt: skip
"""What is recoloured, its state, and what is done at round i."""

MOVES: tuple[Work, ...] = (
    ("slider of a row of 500 columns", columns, "i => slide('', 0.3 + 0.04 * (i % 10))"),
    *(
        (f"{kind} of a photo", photograph, f"i => slide('{kind}', {low} + {step} * (i % 10))")
        for kind, low, step in (
            ("blur", 0.1, 0.09), ("noise", 0.1, 0.09), ("brightness", 0.55, 0.04), ("contrast", 0.4, 0.05),
            ("rotation", 0.55, 0.03),
        )
    ),
    (
        "brush on a photo", photograph,
        """i => {
          const canvas = document.querySelector('canvas'), box = canvas.getBoundingClientRect();
          const at = (type, x, y) => canvas.dispatchEvent(new PointerEvent(type, {
            bubbles: true, pointerId: 1, button: 0,
            clientX: box.left + x * box.width, clientY: box.top + y * box.height}));
          if (i === 0) { canvas.setPointerCapture = () => {}; at('pointerdown', 0.1, 0.1) }
          at('pointermove', 0.1 + 0.8 * ((i * 0.07) % 1), 0.1 + 0.8 * ((i * 0.11) % 1));
        }""",
    ),
    ("remove top k of a photo", photograph, "i => slide('pieces removed', 0.1 + 0.05 * (i % 10))"),
)  # fmt: skip
"""What a hand moves."""


_ROW = """i => {
  const rows = [...document.querySelectorAll('.cp-r:not(.cp-h, .cp-x)')];
  rows[(i + rows.length - 1) % rows.length].dispatchEvent(new PointerEvent('pointerleave'));
  rows[i % rows.length].dispatchEvent(new PointerEvent('pointerenter'));
}"""
_PIECE = """i => {
  const canvas = document.querySelector('.cp-f canvas'), box = canvas.getBoundingClientRect();
  const [x, y] = [((i * 7) % 23) / 23, ((i * 5) % 19) / 19];
  canvas.dispatchEvent(new PointerEvent('pointermove', {
    bubbles: true, clientX: box.left + box.width * x, clientY: box.top + box.height * y}));
}"""
_WORD = """i => {
  const words = [...document.querySelectorAll('.tx-body')][0].querySelectorAll('.w');
  words[(7 * i) % words.length].dispatchEvent(new PointerEvent('pointerover', {bubbles: true}));
}"""
HOVERS: tuple[Work, ...] = (
    ("pointing at a row, six methods", lambda: shots.compared(SIX), _ROW, ""),
    ("pointing at a piece, six methods on a picture", shots.compared_image, _PIECE, ""),
    ("pointing at a word, three methods on a text", shots.compared_text, _WORD, ""),
)
"""What all columns of a comparison follow."""


def paint_times(
    page: Any, make: Callable[[], State], act: str, rounds: int = 30
) -> tuple[list[float], float]:
    """Milliseconds of own work after each of some input events, and the mean of the page's processor time for one.

    Parameters
    ----------
    page : playwright page
    make : callable
        Returns the state to mount.
    act : str
        A JavaScript function of the round.
    rounds : int
    """
    state = make()
    page.set_viewport_size({"width": 900, "height": 1000})
    page.set_content("<!doctype html><meta charset=utf-8><style id=own></style><main></main>")
    page.evaluate(_TOOK)
    page.evaluate(
        """async ([code, style, state]) => {
             document.getElementById('own').textContent = style;
             const address = URL.createObjectURL(new Blob([code], {type: 'text/javascript'}));
             const {mount} = await import(address);
             mount(document.querySelector('main'), JSON.parse(state), {live: true}) }""",
        [
            read_bundle(script_for(state)),
            read_bundle(style_for(state)),
            json.dumps(pack({"uid": "page", **state})),
        ],
    )
    page.wait_for_function(
        "() => document.querySelector('.jx [role=radio]') && document.querySelector('.jx canvas')?.width !== 1"
    )
    page.wait_for_timeout(400)
    browser = page.context.new_cdp_session(page)
    browser.send("Performance.enable", {"timeDomain": "threadTicks"})

    def spent() -> float:
        found = browser.send("Performance.getMetrics")["metrics"]
        return 1000 * float(next(metric["value"] for metric in found if metric["name"] == "TaskDuration"))

    page.evaluate(f"window.times({act}, 3)")
    begun = spent()
    page.evaluate("rounds => window.times(() => {}, rounds)", rounds)
    idle = spent() - begun
    begun = spent()
    times: list[float] = page.evaluate(f"rounds => window.times({act}, rounds)", rounds)
    used = (spent() - begun - idle) / (rounds + 3)
    browser.detach()
    return times, used


def main() -> None:
    """Print what each event costs: ``python -m tests.browser.painting``."""
    from tests.browser.lab import chromium

    with chromium() as browser:
        page = browser.new_page()
        for name, make, act, _ in (*RECOLOURS, *MOVES, *HOVERS):
            times, used = paint_times(page, make, act)
            middle, late = np.quantile(times, [0.5, 0.9])
            print(f"{name}: {middle:.1f} ms, nine of ten within {late:.1f} ms; processor {used:.1f} ms")


if __name__ == "__main__":
    main()
