"""The live view in a real JupyterLab: what a person sees, and what Python holds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.browser.lab import HOLD, Notebook
from tests.browser.waiting import PATIENCE, eventually, until, until_text

Make = Callable[..., Notebook]

SLOW = """
import time, threading
import numpy as np
import jupyter_xai as xai

calls, pace = [], 0.4
def slow(texts):
    calls.append(len(texts))
    time.sleep(pace)
    return np.array([[0.2 + 0.6 * ("dull" in t) + 0.1 * ("so" in t)] * 1 for t in texts])

view = xai.explain(slow, "a dull film, so dull that it hurts", batch_size=16, n_samples=%d, tolerance=0)
view
"""

STATE = ".jx .jx-state"


def state(page: Any) -> str:
    return str(page.locator(STATE).first.inner_text())


MARKS = "() => document.querySelectorAll('.jx .pos, .jx .neg').length > 0"


def wait_state(page: Any, word: str, timeout: float = PATIENCE) -> None:
    until_text(page, STATE, word, timeout=timeout)


def test_first_frame_after_one_batch_then_stop_and_continue(notebook: Make) -> None:
    opened = notebook(SLOW % 8000)
    page = opened.page
    opened.run_all()
    until_text(page, ".jx", "hurts")
    # marks are there while most of the work is still to do
    until(page, MARKS)
    assert "of 8,000 rows" in state(page)
    page.locator(".jx").get_by_role("button", name="Stop").click()
    wait_state(page, "stopped")
    before = int(opened.python("print(sum(calls))"))
    assert opened.python("print(view.last.status, view.last.n_evals == sum(calls))").split() == [
        "stopped",
        "True",
    ]
    assert before < 8000
    assert opened.python("time.sleep(1); print(sum(calls))").strip() == str(before)  # nothing runs on
    opened.python("pace = 0")
    page.locator(".jx").get_by_role("button", name="Continue").click()
    wait_state(page, "settled")
    assert opened.python(
        "print(view.explanation.status, sum(calls) - view.explanation.curve_rows)"
    ).split() == [
        "settled",
        "8001",
    ]  # one row checked
    # that the function is still the same; all other answers were kept


def test_the_view_answers_while_a_cell_runs(notebook: Make) -> None:
    opened = notebook(SLOW % 3200, HOLD)
    page = opened.page
    opened.run_cell(0)
    wait_state(page, "of 3,200 rows")
    opened.run_cell(1)
    opened.wait_busy(1)
    page.locator(".jx").get_by_role("button", name="Stop").click()
    wait_state(page, "stopped")
    busy = page.locator(".jp-InputPrompt").all_inner_texts()
    assert any("*" in text for text in busy), "the cell ended before the view answered"


def test_the_view_comes_alive_while_later_cells_run(notebook: Make) -> None:
    opened = notebook(SLOW % 8000, HOLD, "later = True")
    page = opened.page
    opened.run_all()
    wait_state(page, "of 8,000 rows")
    until(page, MARKS)
    assert any("*" in text for text in page.locator(".jp-InputPrompt").all_inner_texts())


def test_an_exception_in_the_model_is_shown_and_the_last_picture_kept(notebook: Make) -> None:
    opened = notebook(
        """
import numpy as np
import jupyter_xai as xai
calls = []
def model(texts):
    calls.append(len(texts))
    if len(calls) > 3:
        raise ValueError("could not convert string to float: 'overdrawn'")
    return np.array([0.2 + 0.6 * ("dull" in t) for t in texts])
view = xai.explain(model, "a dull film", batch_size=16, n_samples=400, tolerance=0)
view
"""
    )
    page = opened.page
    opened.run_all()
    page.wait_for_selector(".jx [role=alert]")
    said = page.locator(".jx [role=alert]").inner_text()
    assert "Your model raised ValueError" in said
    assert "could not convert string to float: 'overdrawn'" in said
    assert "raise ValueError" in said  # the user's own line
    wait_state(page, "failed")
    assert "dull" in page.locator(".jx").inner_text()
    assert int(opened.python("print(view.last.n_evals)")) >= 16
    assert "ModelError" in opened.python(
        "try:\n    view.explanation\nexcept xai.ModelError as error:\n    print(type(error).__name__)"
    )


def test_switching_the_output_runs_nothing_when_it_is_explained(notebook: Make) -> None:
    opened = notebook(
        """
import numpy as np
import jupyter_xai as xai
calls = []
def model(X):
    calls.append(len(X))
    z = X @ np.array([[1.0, -1.0, 0.2], [0.5, 0.3, -0.8]])
    e = np.exp(z)
    return e / e.sum(axis=1, keepdims=True)
rows = np.random.default_rng(0).normal(size=(300, 2))
view = xai.explain(model, [1.0, 2.0], background=rows, feature_names=["income", "debt"],
                   output_names=["yes", "no", "later"], n_samples=1000, tolerance=0)
view
"""
    )
    page = opened.page
    opened.run_all()
    wait_state(page, "settled")
    before = opened.python("print(len(calls))")
    group = page.get_by_role("radiogroup", name="Output explained")
    eventually(group.get_by_role("radio").count, 3, page)
    chosen = group.get_by_role("radio", checked=True).inner_text()
    other = next(
        radio for radio in group.get_by_role("radio").all() if radio.get_attribute("aria-checked") == "false"
    )
    rows = page.locator(".jx").inner_text()
    other.click()
    eventually(group.get_by_role("radio", checked=True).inner_text, lambda now: now != chosen, page)
    until(page, "before => document.querySelector('.jx').innerText !== before", rows)
    assert opened.python("print(len(calls))") == before
    opened.expect_python("print('target' in view.widget.display)", "True")


def test_more_samples(notebook: Make) -> None:
    opened = notebook(SLOW % 64)
    page = opened.page
    opened.run_all()
    wait_state(page, "settled")
    curves = opened.python("print(view.explanation.curve_rows)").strip()  # what the paths asked for
    page.locator(".jx").get_by_role("button", name="More samples").click()
    wait_state(page, "128 rows")
    wait_state(page, "settled")
    asked, n_evals = opened.python(
        f"print(sum(calls) - view.explanation.curve_rows - {curves}, view.explanation.n_evals)"
    ).split()
    assert n_evals == "128"
    # 64 answers came from the pool, and what the paths had asked; one row looked for a change
    assert int(asked) <= 129


def test_frames_on_the_wire_stay_within_twenty_a_second_and_500_kilobytes(notebook: Make) -> None:
    opened = notebook(
        """
import time, numpy as np, jupyter_xai as xai
def quick(texts):
    time.sleep(0.004)
    return np.array([0.2 + 0.6 * ("dull" in t) for t in texts])
text = " ".join(f"word{i}" for i in range(150)) + " dull"
"""
    )
    page = opened.page
    opened.run_all()
    opened.wait_idle()
    # counted from outside the page: its own socket
    counted = page.evaluate(
        """() => { window.__frames = 0; window.__bytes = 0;
             const kernel = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel;
             kernel.iopubMessage.connect((_, m) => { if (m.header.msg_type !== 'comm_msg') return;
               const data = m.content.data; const state = data?.state ?? {};
               if ('frame' in state) window.__frames++;
               window.__bytes += (m.buffers ?? []).reduce((n, b) => n + b.byteLength, 0);
               window.__bytes += JSON.stringify(m.content).length });
             return true }"""
    )
    assert counted
    page.evaluate("() => window.jupyterapp.commands.execute('notebook:insert-cell-below')")
    page.evaluate(
        """() => { const n = window.jupyterapp.shell.currentWidget.content;
             n.activeCell.model.sharedModel.setSource(
               'view = xai.explain(quick, text, n_samples=20000, batch_size=32, tolerance=0)\\nview') }"""
    )
    page.evaluate("() => window.jupyterapp.commands.execute('notebook:run-cell')")
    wait_state(page, "settled")
    seconds = float(opened.python("print(view._page.get('status')['seconds'])"))
    frames, sent = page.evaluate("() => [window.__frames, window.__bytes]")
    assert seconds > 1
    assert 3 <= frames <= 20 * seconds + 3
    assert sent <= 500_000 * (seconds + 1)


def test_a_new_request_cancels_the_old_and_asks_nothing_twice(notebook: Make) -> None:
    opened = notebook(
        """
import time
import numpy as np
import jupyter_xai as xai
calls = []
def model(texts):
    calls.append(len(texts))
    time.sleep(0.3)
    z = np.array([[len(t) % 7 * 0.1 * k for k in range(12)] for t in texts])
    e = np.exp(z)
    return e / e.sum(axis=1, keepdims=True)
view = xai.explain(model, "a dull film, so dull that it hurts", batch_size=16, n_samples=480, tolerance=0)
view
"""
    )
    page = opened.page
    opened.run_all()
    wait_state(page, "% ·")  # an estimate is there
    assert opened.python("print(view.last.targets)").strip() == "(11, 10, 9, 8, 7)"
    others = page.get_by_label("another output")
    others.focus()  # the list is made when somebody is about to open it
    others.select_option(value="3")
    until_text(page, ".jx [aria-checked=true]", "output 3")
    wait_state(page, "settled")
    run, targets, n_evals = opened.python(
        "print(view._run, 3 in view.explanation.targets, view.explanation.n_evals)"
    ).split()
    assert (run, targets, n_evals) == ("2", "True", "480")
    asked = int(opened.python("print(sum(calls) - view.explanation.curve_rows)"))
    assert asked <= 480 + 16 + 2  # answers of the first run are kept; at most the batch under way was lost


def test_another_method_explains_the_same_row(notebook: Make) -> None:
    opened = notebook(
        """
import numpy as np
import jupyter_xai as xai
rows = np.random.default_rng(0).normal(size=(60, 3))
view = xai.explain(lambda X: X[:, 0] * X[:, 1] + 0.5 * X[:, 2], [1.0, 2.0, 3.0], background=rows,
                   feature_names=["income", "debt", "age"], n_samples=800, tolerance=0)
view
"""
    )
    page = opened.page
    opened.run_all()
    wait_state(page, "settled")
    # the state is said at once, the last frame is painted within an animation frame or two
    until_text(page, ".jx", "intercept")
    page.locator(".jx").get_by_label("method").select_option(value="kernel_shap")
    until_text(page, ".jx", "adds up exactly")
    wait_state(page, "settled")
    said = page.locator(".jx").inner_text()
    assert "average" in said
    method, gap = opened.python(
        "print(view.explanation.method, abs(view.explanation.additivity_gap).max() < 1e-9)"
    ).split()
    assert (method, gap) == ("kernel_shap", "True")
