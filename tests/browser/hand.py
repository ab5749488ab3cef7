"""A hand on a slider of a live view in JupyterLab, beside a bare echo of the same payload.

The model answers at once and gives each value of the slider a prediction of its own, off the straight line between
the points of its curve: the number that stands on the page tells which event the model has answered.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.browser.lab import HOLD, Notebook, Server, chromium

LOOP = """
import pathlib
pathlib.Path("go").unlink(missing_ok=True)
while not pathlib.Path("go").exists():
    for _ in range(300_000):
        pass
pathlib.Path("go").unlink()
"""
"""A cell that computes in Python itself until it is released."""

LAST = 200
"""Steps of the slider, from 0."""

SETUP = '''
import threading
import anywidget, numpy as np, traitlets
import jupyter_xai as xai

class Echo(anywidget.AnyWidget):
    _esm = """
    export default { render({ model, el }) {
      el.textContent = "echo";
      window.echo = (edits) => new Promise((resolve) => {
        const id = Math.floor(performance.now() * 1000);
        const begun = performance.now();
        const heard = (message) => {
          if (message.id !== id) return;
          model.off("msg:custom", heard);
          resolve(performance.now() - begun);
        };
        model.on("msg:custom", heard);
        model.send({ type: "preview", id, edits });
      });
    } };
    """

rows = np.stack([np.linspace(0, 200, 40).round(), np.linspace(20, 70, 40).round()], axis=1)

turn, inside, most_inside = threading.Lock(), 0, 0

def chance(X):
    amount = np.asarray(X)[:, 0].round()
    bad = 0.1 + 0.004 * amount + 0.001 * (amount % 3)
    return np.stack([bad, 1 - bad], axis=1)

def bank(X):
    global inside, most_inside
    with turn:
        inside += 1
        most_inside = max(most_inside, inside)
    try:
        return chance(X)
    finally:
        with turn:
            inside -= 1

view = xai.explain(bank, [150.0, 40.0], background=rows, feature_names=["amount", "age"], method="kernel_shap",
                   output_names=["bad", "good"], targets=["bad"])
display(view)
echo = Echo()
echo.on_msg(lambda widget, content, buffers: widget.send({**content, "predictions": [0.5, 0.5]}))
echo
'''

_HAND = """
window.hand = (() => {
  const text = value => (0.1 + 0.004 * value + 0.001 * (value % 3)).toFixed(3);
  const slider = () => document.querySelector('.jx-trk input[aria-label=amount]');
  const shown = () => document.querySelector('.jx [aria-checked=true] .v');
  const number = () => shown()?.textContent.trim();
  const guessed = () => Boolean(shown()?.querySelector('.guess'));
  const ALL = {subtree: true, childList: true, characterData: true, attributes: true};
  const pause = ms => new Promise(done => setTimeout(done, Math.max(0, ms)));
  const until = async holds => {
    for (const end = performance.now() + 30000; !holds() && performance.now() < end; ) await pause(50);
  };
  const put = value => {
    const input = slider();
    input.value = String(value);
    input.dispatchEvent(new Event('input', {bubbles: true}));
  };
  const edits = value => [{op: 'set', feature: 'amount', value}];

  /** Milliseconds from each slider event to the model's own number on the page; null if a newer event came first. */
  const drag = async (values, gap) => {
    const events = [];
    let first = 0, ahead = 0;
    const look = () => {
      if (guessed()) return;
      const now = number();
      for (let i = events.length - 1; i >= first; i--)
        if (text(events[i].value) === now) {
          events[i].took = performance.now() - events[i].at;
          first = i + 1;
          return;
        }
    };
    const observer = new MutationObserver(look);
    observer.observe(document.querySelector('.jx'), ALL);
    const begun = performance.now();
    for (const [i, value] of values.entries()) {
      await pause(begun + i * gap - performance.now());
      events.push({value, at: performance.now(), took: null});
      put(value);
      // before any message can come in: the number has followed, read off the curve and marked as such
      for (let i = 0; i < 8; i++) await null;
      ahead += Number(slider().value === String(value) && guessed());
    }
    await until(() => events.at(-1).took !== null);
    observer.disconnect();
    return {took: events.map(event => event.took), ahead: ahead / events.length};
  };

  /** The same messages, bare. */
  const echoes = async (values, gap) => {
    const begun = performance.now();
    const all = [];
    for (const [i, value] of values.entries()) {
      await pause(begun + i * gap - performance.now());
      all.push(window.echo(edits(value)));
    }
    return Promise.all(all);
  };

  const sweep = (count, from = 0) => Array.from({length: count}, (_, i) => (from + 7 * i) % 201);

  const rounds = async (blocks, count, gap) => {
    const found = {view: [], echo: [], ahead: []};
    await echoes(sweep(count), gap);
    await drag(sweep(count, 1), gap);  // these warm up
    for (let block = 0; block < blocks; block++) {
      found.echo.push(...await echoes(sweep(count, 3 * block), gap));
      await pause(300);
      const {took, ahead} = await drag(sweep(count, 3 * block), gap);
      found.view.push(...took);
      found.ahead.push(ahead);
    }
    return found;
  };

  /** Many events: what was shown in which order, how many messages were on their way, and what stands at the end. */
  const flood = async (values, gap, letsGo) => {
    const kernel = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel;
    const out = new Set();
    let most = 0, sent = 0;
    const count = (_, {msg, direction}) => {
      const content = msg.content?.data?.content;
      if (msg.header.msg_type !== 'comm_msg' || content?.type !== 'preview') return;
      if (direction === 'send') { out.add(content.id); sent++; most = Math.max(most, out.size); }
      else for (const id of [...out]) if (id <= content.id) out.delete(id);
    };
    kernel.anyMessage.connect(count);
    let at = -1, seen = -1, older = 0;
    const look = () => {
      if (guessed()) return;
      const now = number();
      for (let i = at; i >= 0 && i >= at - 200; i--)
        if (text(values[i]) === now) { if (i < seen) older++; else seen = i; return; }
    };
    const observer = new MutationObserver(look);
    observer.observe(document.querySelector('.jx'), ALL);
    const begun = performance.now();
    for (const [i, value] of values.entries()) {
      await pause(begun + i * gap - performance.now());
      at = i;
      put(value);
      if (letsGo && i % letsGo === letsGo - 1) slider().dispatchEvent(new Event('change', {bubbles: true}));
      if (i === 99) await window.afterHundred();
    }
    const seconds = (performance.now() - begun) / 1000;
    slider().dispatchEvent(new Event('change', {bubbles: true}));
    const settled = () => number() === text(values.at(-1)) && !guessed();
    await until(settled);
    await pause(1000);  // nothing older comes after it
    observer.disconnect();
    kernel.anyMessage.disconnect(count);
    return {most, sent, older, seconds, final: settled(), value: slider().value};
  };
  return {rounds, flood, sweep};
})();
"""


@dataclass(frozen=True)
class Rounds:
    """Milliseconds of each event of the slider that the model answered, and of each bare echo."""

    view: list[float]
    echo: list[float]
    passed_by: int
    """Events that a newer one overtook."""
    ahead: float
    """Share of events whose number followed at once, from the curve, marked as such until the model confirms it."""


@dataclass(frozen=True)
class Flood:
    """What a thousand events came to."""

    seconds: float
    sent: int
    most_unanswered: int
    older: int
    final: bool
    """The last event stands on the page and in Python."""
    told: str
    """What Python holds at the end: whether anything runs, edits, prediction, what the explanation is of."""
    together: int
    """Most calls of the model that ran at the same time."""
    growth: float
    """Megabytes that the page's heap has grown after the first hundred."""


@contextlib.contextmanager
def a_view() -> Iterator[Notebook]:
    """A live view and a bare echo in a JupyterLab of their own, settled."""
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        server = Server(Path(folder))
        stack.callback(server.close)
        browser = stack.enter_context(chromium())
        page = browser.new_context(viewport={"width": 1100, "height": 1000}).new_page()
        server.write("hand.ipynb", SETUP, HOLD, LOOP)
        yield ready(Notebook(server, page, "hand.ipynb").open().ready())


def ready(opened: Notebook) -> Notebook:
    """Run the first cell of a notebook that begins with ``SETUP``, and wait for the view."""
    opened.run_cell(0)
    opened.page.wait_for_function(
        "() => /settled|finished/.test(document.querySelector('.jx .jx-state')?.textContent ?? '')"
        " && document.querySelector('.jx-trk:has(input[aria-label=amount]) path.c') && window.echo !== undefined",
        timeout=60_000,
    )
    opened.page.evaluate(_HAND)
    return opened


def rounds(page: Any, blocks: int = 5, events: int = 30, gap: float = 1000 / 30) -> Rounds:
    """Slide and echo in turn, so many events each time, so many milliseconds apart."""
    found = page.evaluate("([b, n, g]) => window.hand.rounds(b, n, g)", [blocks, events, gap])
    view = [took for took in found["view"] if took is not None]
    return Rounds(view, found["echo"], len(found["view"]) - len(view), min(found["ahead"]))


def flood(opened: Notebook, events: int = 1000, gap: float = 10, lets_go: int = 0) -> Flood:
    """Move the slider so many times, let go, and see what is left of it; ``lets_go`` once after so many events each."""
    page = opened.page
    browser = page.context.new_cdp_session(page)

    def heap() -> float:
        browser.send("HeapProfiler.collectGarbage")
        return float(browser.send("Runtime.getHeapUsage")["usedSize"]) / 1e6

    at_hundred: list[float] = []
    page.expose_function("afterHundred", lambda: at_hundred.append(heap()))
    found = page.evaluate(
        "([n, g, l]) => window.hand.flood(window.hand.sweep(n), g, l)", [events, gap, lets_go]
    )
    growth = heap() - at_hundred[0]
    browser.detach()
    last = 7 * (events - 1) % (LAST + 1)
    told = opened.python(
        "found = view.wait(60); print(view.busy, view.what_if.edits, round(view.prediction, 3), "
        "round(float(found.predictions[0]), 3), most_inside)"
    ).strip()
    told, _, together = told.rpartition(" ")
    chance = round(0.1 + 0.004 * last + 0.001 * (last % 3), 3)
    expected = f"False [{{'op': 'set', 'feature': 'amount', 'value': {last}}}] {chance} {chance}"
    return Flood(
        seconds=found["seconds"],
        sent=found["sent"],
        most_unanswered=found["most"],
        older=found["older"],
        final=found["final"] and found["value"] == str(last) and told == expected,
        told=told,
        together=int(together),
        growth=growth,
    )
