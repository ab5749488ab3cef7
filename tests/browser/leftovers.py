"""What our bundle leaves behind on a page and in a kernel: listeners, observers, timers, models, comms, threads."""

from __future__ import annotations

from typing import Any

from tests.browser.lab import Notebook

# every call is judged by who makes it: anywidget imports our bundle from a blob, nothing else of the page is one
WATCH = """(() => {
  const ours = () => (new Error().stack.split('\\n')[3] ?? '').includes('blob:');
  const heard = new Set(), watching = new Set(), waiting = new Set();
  const {addEventListener, removeEventListener} = EventTarget.prototype;
  EventTarget.prototype.addEventListener = function (type, listener, options) {
    if (ours()) heard.add({target: this, type, listener});
    return addEventListener.call(this, type, listener, options);
  };
  EventTarget.prototype.removeEventListener = function (type, listener, options) {
    for (const one of heard)
      if (one.target === this && one.type === type && one.listener === listener) heard.delete(one);
    return removeEventListener.call(this, type, listener, options);
  };
  for (const kind of [MutationObserver, ResizeObserver, IntersectionObserver]) {
    const {observe, disconnect} = kind.prototype;
    kind.prototype.observe = function (...of) { if (ours()) watching.add(this); return observe.apply(this, of); };
    kind.prototype.disconnect = function () { watching.delete(this); return disconnect.call(this); };
  }
  const timed = (start, stop, again) => {
    const [begin, end] = [window[start], window[stop]];
    window[start] = (action, ...rest) => {
      if (!ours() || typeof action !== 'function') return begin.call(window, action, ...rest);
      const id = begin.call(window, (...given) => { if (!again) waiting.delete(key); action(...given); }, ...rest);
      const key = `${start} ${id}`;
      waiting.add(key);
      return id;
    };
    window[stop] = id => { waiting.delete(`${start} ${id}`); return end.call(window, id); };
  };
  timed('setTimeout', 'clearTimeout', false);
  timed('setInterval', 'clearInterval', true);
  timed('requestAnimationFrame', 'cancelAnimationFrame', false);
  // what hangs on a node that is gone goes with it
  const alive = ({target}) => !(target instanceof Node) || target === document || target.isConnected;
  window.left = () => ({listeners: [...heard].filter(alive).length, observers: watching.size, timers: waiting.size});
})()"""

# a widget of its own hands its manager out
PROBE = '''
import threading
import anywidget
import ipywidgets.widgets.widget as registry

class Probe(anywidget.AnyWidget):
    _esm = """export default {
      render({model, el}) { el.textContent = "probe"; window.manager = model.widget_manager; }
    }"""

def left():
    threads = [t.name for t in threading.enumerate()
               if t.name.startswith("jupyter_xai") or isinstance(t, threading.Timer)]
    widgets = [w for w in registry._instances.values() if type(w).__name__ in ("ExplanationWidget", "BoardWidget")]
    return len(threads), len(widgets)

Probe()
'''

_MODELS = """async () => {
  const all = await Promise.all(Object.values(window.manager._models ?? {}));
  const views = all.filter(model => model.name === 'AnyModel' && model.get('uid') !== undefined);
  return {models: views.length,
    comms: window.jupyterapp.shell.currentWidget.sessionContext.session.kernel._comms.size};
}"""


def left(opened: Notebook) -> dict[str, Any]:
    """Count what is there now: on the page, in its widget manager, and in the kernel."""
    page = opened.page
    threads, widgets = eval(opened.python("print(left())"))
    found = {**page.evaluate("() => window.left()"), **page.evaluate(_MODELS)}
    return {**found, "threads": threads, "widgets": widgets}
