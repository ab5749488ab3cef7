"""A bare echo widget beside a view: what a round trip costs without us, in the same page and the same run."""

from __future__ import annotations

from typing import Any

from tests.browser.waiting import until

SETUP = '''
import anywidget, traitlets
import numpy as np
import jupyter_xai as xai

class Echo(anywidget.AnyWidget):
    _esm = """
    export default { render({ model, el }) {
      el.textContent = "echo";
      const probe = (target, kind) => new Promise((resolve) => {
        const id = Math.floor(performance.now() * 1000);
        const begun = performance.now();
        const heard = (message) => {
          if (message.id !== id) return;
          target.off("msg:custom", heard);
          resolve(performance.now() - begun);
        };
        target.on("msg:custom", heard);
        target.send({ type: kind, id });
      });
      const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
      window.measure = async (rounds, gap) => {
        const other = await model.widget_manager.get_model(model.get("other"));
        const times = { echo: [], view: [] };
        for (let round = 0; round < rounds; round++) {
          times.echo.push(await probe(model, "echo")); await pause(gap);
          times.view.push(await probe(other, "ping")); await pause(gap);
        }
        return times;
      };
    } };
    """
    other = traitlets.Unicode().tag(sync=True)

model = lambda texts: np.array([0.2 + 0.6 * ("dull" in t) for t in texts])
view = xai.explain(model, "a dull film", n_samples=200, tolerance=0)
display(view)
echo = Echo(other=view.widget.model_id)
echo.on_msg(lambda widget, content, buffers: widget.send(content))
echo
'''


def measure(page: Any, rounds: int = 25, gap: float = 40) -> dict[str, list[float]]:
    """Milliseconds of round trips, echo and view alternating.

    Parameters
    ----------
    page : playwright page
        With the cell of ``SETUP`` run.
    rounds : int
    gap : float
        Milliseconds between two messages.
    """
    until(page, "() => window.measure !== undefined")
    times: dict[str, list[float]] = page.evaluate("([n, gap]) => window.measure(n, gap)", [rounds, gap])
    return times


def percentile(times: list[float], share: float) -> float:
    """The value below which this share of the times lies."""
    ordered = sorted(times)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
