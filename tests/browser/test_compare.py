"""Comparisons and benchmarks in JupyterLab: as a person sees and moves them, and the same in Python."""

from __future__ import annotations

from typing import Any

from tests.browser.seen import look
from tests.browser.waiting import eventually, until, until_text

CELL = """
import numpy as np
import jupyter_xai as xai

rows = np.random.default_rng(0).normal(size=(100, 3))
bank = lambda X: 1 / (1 + np.exp(-2 * X[:, 0] + X[:, 1]))
view = xai.compare(bank, [1.0, 0.5, 2.0], ["kernel_shap", "lime", "grad_cam"], background=rows,
                   feature_names=["income", "debt", "<i>age</i>"], output_names=["paid"])
view
"""


def test_methods_side_by_side(notebook: Any) -> None:
    opened = notebook(CELL)
    page = opened.page
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    opened.run_all()
    until_text(page, ".jx .jx-state", "settled")
    view = page.locator(".jx")
    words = ("KernelSHAP", "LIME", "Grad-CAM", "income", "<i>age</i>", "paid", "Does the model agree?")
    eventually(lambda: [word for word in words if word not in view.inner_text()], [], page)
    assert page.locator("[class*=xai-fb-]:visible").count() == 0
    view.get_by_role("button", name="LIME").click()
    until_text(page, ".jx [aria-sort=descending]", "LIME")
    opened.expect_python(
        "print(view.comparison.status, [e.label for e in view.explained])", "settled ['KernelSHAP', 'LIME']"
    )
    assert problems == []


def test_one_hand_acts_in_all_columns(notebook: Any) -> None:
    opened = notebook(CELL)
    page = opened.page
    opened.run_all()
    until_text(page, ".jx .jx-state", "settled")
    until(page, "() => document.querySelectorAll('.jx .cp .jx-trk .c').length === 3")
    before = page.locator(".jx .cp-r", has_text="income").first.inner_text()
    slider = page.get_by_role("slider", name="income")
    slider.focus()
    page.keyboard.press("Home")
    # the prediction follows at once, every method's explanation after it
    until_text(page, ".jx .was", "was 0.8")
    until(page, "() => document.querySelectorAll('.jx .cp-h .c .ln').length >= 4 && "
          "document.querySelector('.jx .jx-state')?.textContent.includes('settled')")  # fmt: skip
    eventually(lambda: page.locator(".jx .cp-r", has_text="income").first.inner_text() != before, True, page)
    # who moved it by keyboard can go on: rows were not sorted under the hand
    assert page.evaluate("() => document.activeElement.getAttribute('aria-label')") == "income"
    assert page.locator(".jx .cp-r.hot .nm").inner_text() == "income"
    opened.expect_python(
        "print(view.wait().status, [e['op'] for e in view.what_if.edits])", "settled ['set']"
    )
    opened.expect_python("print(bool(view.predictions[0] < view.before.predictions[0]))", "True")
    page.locator(".jx .cp-r", has_text="debt").first.hover()
    until(page, "() => document.querySelectorAll('.jx .cp-r.hot > .c').length === 3")
    page.get_by_role("button", name="Reset").click()
    until(page, "() => document.querySelector('.jx .jx-state')?.textContent.includes('settled') && "
          "!document.querySelector('.jx .was')")  # fmt: skip
    opened.expect_python("print(view.wait().edits)", "()")
    # from Python, and the page follows
    opened.python("view.what_if(debt=3.0)")
    until_text(page, ".jx .was", "was 0.8")


MANY = """
import numpy as np
import jupyter_xai as xai

rows = np.random.default_rng(0).normal(size=(100, 3))
bank = lambda X: 1 / (1 + np.exp(-2 * X[:, 0] + X[:, 1] * X[:, 2]))
found = xai.benchmark(bank, rows[:12], ["kernel_shap", "lime", "grad_cam"], ["infidelity", "local_fidelity"],
                      background=rows, n_samples=200)
found
"""


def test_a_benchmark_fills_its_table_and_a_saved_one_is_never_blank(notebook: Any, lab: Any) -> None:
    opened = notebook(MANY)
    page = opened.page
    opened.run_all()
    until_text(page, ".jx .jx-state", "settled", "12 rows")
    until_text(page, ".jx", "infidelity", "local fidelity", "KernelSHAP", "LIME", "explains image inputs")
    assert page.locator("[class*=xai-fb-]:visible").count() == 0
    opened.expect_python("print(found.n_instances, len(found.frame) > 24)", "12 True")
    opened.expect_python("print(found.benchmark.status)", "settled")
    eventually(
        lambda: "to the best" in str(page.evaluate(
            "() => JSON.stringify(window.jupyterapp.shell.currentWidget.context.model.toJSON())")),
        True, page,
    )  # fmt: skip
    opened.save()
    lab.shutdown_kernels()
    page.reload()
    opened.ready()
    eventually(lambda: [sight.kind for sight in look(page)[0]], ["fallback"], page)
    until(page, "() => document.body.innerText.includes('to the best')")
